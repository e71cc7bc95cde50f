"""Best replies from both ends against complete lists, and at a size at which nothing else lists."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from sourcing_economies import KINDS, economy, random_markups

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing.formed import Formed
from endonet.formulations.sourcing.problem import Markups, Smoothing, SourcingProblem
from endonet.solvers.solution import Status


def large(n: int, initiator: str, cyclic: bool = True) -> SourcingProblem:
    draw = np.random.default_rng(0)
    j, k = np.repeat(np.arange(n), 10), draw.integers(0, n, 10 * n)
    if not cyclic:
        k, j = np.minimum(k, j), np.maximum(k, j)
    _, first = np.unique(np.where(k == j, -1, k * n + j), return_index=True)
    k, j = k[first[1:]], j[first[1:]]
    return SourcingProblem.from_links(
        k, j, draw.lognormal(-1.7, 0.5, k.size), draw.lognormal(-3.5, 1.5, k.size), phi=draw.lognormal(0, 0.2, n),
        alpha_L=1.0, beta_H=draw.lognormal(0, 0.3, n), sigma=4.0, L=float(n), initiator=initiator,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_what_replies_find_is_in_the_complete_list(kind: tuple[str, str, str]) -> None:
    found = 0
    for seed in range(8):
        problem = economy(seed, 4, *kind, share=0.8, most=9, fixed=0.02 if seed % 2 else 0.006)
        problem = random_markups(problem, seed) if seed % 4 == 0 else problem
        one, every = en.solve(problem, "replies"), en.solve(problem, "certified")
        listed = every.decision.found
        mine = () if one.decision is None else one.decision
        assert not one.contradicted
        assert one.status is (Status.STATIONARY if mine else Status.NO_SOLUTION)
        assert {entry.network.key() for entry in mine} <= {entry.network.key() for entry in listed}
        found += len(mine)
        if any("no other" in note for note in one.notes):
            assert len(listed) == 1
        for note in one.notes:
            if ends := re.search(r"A in \[(\S+), (\S+)\]", note):
                low, high = (float(end) for end in ends.groups())
                assert all(low * (1 - 1e-9) <= entry.A <= high * (1 + 1e-9) for entry in listed)
    assert found >= 3


def test_both_ends_of_several_equilibria_are_found() -> None:
    for name in ("figure-3", "figure-4", "figure-5", "buyer-cyclic-two-6", "supplier-cyclic-two-4"):
        problem = en.load(f"sourcing/{name}")
        one, every = en.solve(problem, "replies"), en.solve(problem, "certified")
        assert [entry.A for entry in one.decision] == pytest.approx([entry.A for entry in every.decision], rel=1e-12)
    nothing = en.solve("sourcing/figure-2-none", "replies")
    assert nothing.status is Status.NO_SOLUTION
    assert nothing.stopped_by.value == "cycle"
    assert any("jumps" in note for note in nothing.notes)


@pytest.mark.parametrize("initiator", ["buyer", "supplier"])
def test_large_cyclic_economies(initiator: str) -> None:
    problem = large(3000, initiator)
    assert not problem.acyclic
    solution = en.solve(problem, "replies", time_limit=60)
    assert solution.status is Status.STATIONARY
    for entry in solution.decision:
        outcome: Any = problem.evaluate(entry.network)
        assert outcome.equilibrium
        assert max(outcome.residuals.values()) < 1e-11


def test_sweeps_give_what_elimination_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    from endonet.formulations.sourcing import formed as module

    problem = economy(1, 30, "buyer", "cyclic", share=0.1)
    draw = np.random.default_rng(1)
    for share in (0.2, 0.5, 1.0):
        links = draw.random(problem.m) < share
        r = np.column_stack([problem.labour_weight, draw.random(problem.n)])
        dense = [f(r) for f in (Formed.of(problem, links).costs, Formed.of(problem, links).demands)]
        with monkeypatch.context() as patch:
            patch.setattr(module, "DENSE", 0)
            sparse = [f(r) for f in (Formed.of(problem, links).costs, Formed.of(problem, links).demands)]
            patch.setattr(module, "SWEEPS", 1)
            factors = [f(r) for f in (Formed.of(problem, links).costs, Formed.of(problem, links).demands)]
        for one, other, third in zip(dense, sparse, factors, strict=True):
            assert (one is None) is (other is None) is (third is None)
            if one is not None:
                assert other == pytest.approx(one, rel=1e-13)
                assert third == pytest.approx(one, rel=1e-13)


def test_costs_that_fall_to_nothing_are_found_by_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    from endonet.formulations.sourcing import formed as module

    circle = SourcingProblem.from_links([0, 1], [1, 0], [1.1, 1.1], 0.01, phi=1, alpha_L=[1.0, 1.0], beta_H=1, sigma=4)
    monkeypatch.setattr(module, "DENSE", 0)
    assert not circle.evaluate(np.ones(2, bool)).feasible
    assert circle.evaluate(np.array([True, False])).feasible


def test_what_replies_refuse_and_where_they_stop() -> None:
    problem = economy(1, 4, "supplier", "cyclic")
    below = dataclasses.replace(problem, markups=Markups(links=np.full(problem.m, 0.9)))
    with pytest.raises(NotApplicableError, match="use enumeration"):
        en.solve(below, "replies")
    with pytest.raises(NotApplicableError, match="leave smoothing out"):
        en.solve(dataclasses.replace(problem, smoothing=Smoothing(absolute=0.01)), "replies")
    with pytest.raises(InputError, match="max_evaluations"):
        en.solve(problem, "replies", max_evaluations=0)
    late = en.solve(problem, "replies", time_limit=1e-9)
    assert late.status is Status.NO_SOLUTION
    assert late.stopped_by.value == "time_limit"
    few = en.solve(problem, "replies", max_evaluations=1)
    assert not any("no other" in note for note in few.notes)
    for other in (problem, economy(1, 4, "buyer", "cyclic")):
        with pytest.raises(NotApplicableError, match="use replies"):
            en.solve(other, "sequential")
