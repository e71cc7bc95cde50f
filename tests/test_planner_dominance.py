"""Dominance: what exchange claims of pairs of firms, against every choice of economies made of near twins."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.instances.planner.generators import table1
from endonet.solvers.planner import dominance
from endonet.solvers.planner.certified import Certified
from endonet.solvers.solution import Status

SAME = 1e-12  # outputs this close are equally good


def all_outcomes(problem: PlannerProblem) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return every feasible choice, one a line, and what each is worth."""
    outcomes = [problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=problem.n)]
    kept = [outcome for outcome in outcomes if outcome.feasible]
    theta = np.array([outcome.theta for outcome in kept], np.int8).reshape(-1, problem.n)
    return theta, np.array([outcome.value for outcome in kept])


def links_of(kind: str, draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    if kind == "complete":
        return np.ones((n, n)) - np.eye(n)
    if kind == "complete with self-links":
        return np.ones((n, n)) - np.diag((draw.random(n) < 0.5).astype(float))
    if kind == "rank one":
        return np.outer(draw.choice([0.3, 0.5, 1.0], n), draw.choice([0.4, 1.0], n))
    # firms n//2 … n−1 copy the others, links among themselves included; now and then a link is changed
    half = (n + 1) // 2
    twin = np.arange(n) % half
    Omega = (draw.random((half, half)) < 0.7).astype(float)[np.ix_(twin, twin)]
    for _ in range(draw.integers(0, 3)):
        Omega[tuple(draw.integers(0, n, 2))] = draw.choice([0.0, 0.5, 1.0])
    Omega[0, Omega.sum(axis=0) == 0] = 1.0
    return Omega


KINDS = ("complete", "complete with self-links", "rank one", "duplicated")


def near_twins(seeds: range) -> Iterator[PlannerProblem]:
    """Yield economies of few distinct productivities, costs and shares, with and without rows on θ."""
    for seed in seeds:
        draw = np.random.default_rng(seed)
        n = int(draw.integers(2, 8))
        Omega = links_of(KINDS[seed % 4], draw, n)
        rows = []
        for _ in range(int(draw.choice([0, 0, 1, 2]))):
            firms = draw.choice(n, int(draw.integers(1, n + 1)), replace=False)
            coefficients = draw.choice([1.0, 1.0, 2.0, -1.0], firms.size)
            rows.append(LinearRow(firms, coefficients, draw.choice(["<=", ">=", "=="]), draw.choice([0, 1, 2])))
        try:
            yield PlannerProblem(
                Omega,
                draw.choice([0.8, 1.0, 1.2], n),
                f=draw.choice([0.02, 0.05, 0.2], n) if draw.random() < 0.7 else 0.15,
                alpha=0.5 if draw.random() < 0.7 else draw.choice([0.4, 0.6], n),
                sigma=draw.choice([1.5, 4.0, 8.0]),
                epsilon=draw.choice([1.5, 4.0, 6.0]),
                constraints=rows,
            )
        except InputError:
            continue


def test_some_best_choice_satisfies_all_pairs_at_once() -> None:
    found = bind = 0
    for problem in near_twins(range(600)):
        pairs = dominance.pairs(problem)
        assert dominance.proved(problem, pairs)
        theta, value = all_outcomes(problem)
        if not pairs.size or not value.size:
            continue
        found += 1
        obey = (theta[:, pairs[:, 1]] <= theta[:, pairs[:, 0]]).all(axis=1)
        assert obey.any()
        assert value[obey].max() >= value.max() * (1 - SAME)
        bind += not obey[value >= value.max() * (1 - SAME)].all()
    assert found > 300
    assert bind > 20  # economies in which another choice is as good and breaks a pair


def test_the_optimum_is_the_same_with_the_rows_of_the_pairs() -> None:
    kinds = set()
    for problem in near_twins(range(1000, 1250)):
        pairs = dominance.pairs(problem)
        ordered = dominance.ordered(problem, pairs)
        if ordered is problem:
            continue
        assert ordered.rows.count == problem.rows.count + len(pairs)
        before, after = all_outcomes(problem)[1], all_outcomes(ordered)[1]
        assert after.size <= before.size
        if before.size:
            assert after.max() == pytest.approx(before.max(), rel=SAME)
        kinds.add((problem.rows.count > 0, after.size < before.size))
    assert (True, True) in kinds
    assert (False, True) in kinds


def test_every_pair_alone_is_an_exchange_that_never_loses() -> None:
    """Operating the dominating firm in the other's stead keeps feasibility and output, at every choice."""
    exchanges = 0
    for problem in near_twins(range(2000, 2120)):
        for i, j in dominance.pairs(problem):
            for theta in all_outcomes(problem)[0]:
                if theta[j] <= theta[i]:
                    continue
                other = theta.copy()
                other[[i, j]] = 1, 0
                one, two = problem.evaluate(theta), problem.evaluate(other)
                assert two.feasible
                assert two.value >= one.value * (1 - SAME)
                exchanges += 1
    assert exchanges > 1000


def test_each_condition_is_needed() -> None:
    """Firm 1 dominates firm 0 in the first economy; in the others one condition fails, and with it the pair."""
    Omega = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]], dtype=float)
    twins = PlannerProblem(Omega, np.ones(4), f=0.1)
    pair = np.array([[1, 0]])
    better = replace(twins, z=np.array([1.0, 1.1, 0.9, 0.9]))
    assert dominance.proved(better, pair)
    assert [1, 0] in dominance.pairs(better).tolist()
    fewer_buyers, fewer_suppliers, self_link = Omega.copy(), Omega.copy(), Omega.copy()
    fewer_buyers[1, 2] = 0.5
    fewer_suppliers[2, 1] = 0.0
    self_link[0, 0] = 1.0
    changes = {
        "less productive": {"z": np.array([1.1, 1.0, 0.9, 0.9])},
        "dearer": {"f": np.array([0.1, 0.2, 0.1, 0.1])},
        "another share": {"alpha": np.array([0.5, 0.6, 0.5, 0.5])},
        "a weaker link to a buyer": {"Omega": fewer_buyers},
        "a supplier missing": {"Omega": fewer_suppliers},
        "no self-link": {"Omega": self_link},
        "a row that it burdens more": {"constraints": (LinearRow([1, 2], [1, 1], "<=", 1),)},
        "a row that it serves less": {"constraints": (LinearRow([0, 2], [1, 1], ">=", 1),)},
        "a row of equality": {"constraints": (LinearRow([0, 1, 2], [1, 2, 1], "==", 2),)},
    }
    for why, change in changes.items():
        worse = replace(better, **change)
        assert not dominance.proved(worse, pair), why
        assert [1, 0] not in dominance.pairs(worse).tolist(), why
    # what a firm may do better without harm
    for change in (
        {"constraints": (LinearRow([0, 2], [1, 1], "<=", 1),)},
        {"constraints": (LinearRow([1, 2], [1, 1], ">=", 1),)},
        {"constraints": (LinearRow(range(4), [1] * 4, "==", 3),)},
        {"f": np.array([0.2, 0.1, 0.1, 0.1])},
    ):
        assert dominance.proved(replace(better, **change), pair)


def test_twins_are_ordered_one_way_only() -> None:
    problem = PlannerProblem(np.ones((4, 4)) - np.eye(4), np.ones(4), f=0.1)
    pairs = dominance.pairs(problem)
    assert len(pairs) == 3
    assert dominance.proved(problem, pairs)
    assert not dominance.proved(problem, pairs[:, ::-1])
    (i, j), *_ = pairs.tolist()
    assert not dominance.proved(problem, np.array([[i, j], [j, i]]))
    cycle = np.array([[0, 1], [1, 2], [2, 0]])
    assert not dominance.proved(problem, cycle)
    assert not dominance.proved(problem, cycle[:, ::-1])
    assert not dominance.proved(problem, np.array([[1, 1]]))
    assert dominance.proved(problem, np.empty((0, 2), np.int64))


def test_no_cycle_of_claimed_pairs_is_ever_proved_and_no_false_one() -> None:
    true = 0
    for problem in near_twins(range(3000, 3150)):
        theta, value = all_outcomes(problem)
        draw = np.random.default_rng(problem.n)
        for _ in range(10):
            claimed = draw.integers(0, problem.n, (int(draw.integers(1, 4)), 2))
            if not dominance.proved(problem, claimed):
                continue
            true += 1
            if value.size:
                obey = (theta[:, claimed[:, 1]] <= theta[:, claimed[:, 0]]).all(axis=1)
                assert value[obey].max(initial=-1.0) >= value.max() * (1 - SAME)
        for i, j in itertools.permutations(range(problem.n), 2):
            both = np.array([[i, j], [j, i]])
            assert not dominance.proved(problem, both)
    assert true > 100


def test_sides_that_conflict_with_the_pairs_leave_the_problem_as_it_is() -> None:
    Omega = np.ones((3, 3)) - np.eye(3)
    problem = PlannerProblem(
        Omega, np.ones(3), f=0.01, constraints=(LinearRow([0], [1], "==", 1), LinearRow([1], [1], "==", 0))
    )
    assert dominance.ordered(problem, np.array([[1, 0]])) is problem
    assert dominance.ordered(problem, np.empty((0, 2), np.int64)) is problem


def test_a_complete_economy_of_many_firms_is_left_with_as_many_choices_as_firms() -> None:
    n = 40
    z = np.random.default_rng(0).lognormal(0, 0.4, n)
    problem = PlannerProblem(np.ones((n, n)) - np.eye(n), z, f=1.5 / n)
    assert len(dominance.pairs(problem)) == n - 1
    solution = Certified().solve(problem)
    assert solution.status is Status.OPTIMAL
    best = np.argsort(-z)
    candidates = [problem.evaluate(np.isin(np.arange(n), best[:k]).astype(int)).value for k in range(n + 1)]
    assert solution.value == pytest.approx(max(candidates), rel=1e-9)
    assert 1 < int(solution.decision.sum()) < n


def test_random_links_leave_few_pairs_and_all_hold() -> None:
    counts = [len(dominance.pairs(table1(8, seed=seed))) for seed in range(30)]
    assert sum(counts) < 30 * 4
    for seed in range(30):
        problem = table1(8, seed=seed)
        assert dominance.proved(problem, dominance.pairs(problem))
