"""Optima of small digraphs against dynamic programming and trying all orders; certificates that were tampered with."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
import scipy.sparse as sp
from digraphs import best_order_by_trying_all, digraph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances.ordering import generators
from endonet.solvers.ordering import certified
from endonet.solvers.ordering.ascent import Ascent
from endonet.solvers.ordering.certified import Certified
from endonet.solvers.ordering.packing import Cycles, Lists, Multipliers, Pool, cut_rows, excess, units
from endonet.solvers.ordering.subsets import Subsets
from endonet.solvers.solution import Solution, Status, StoppedBy

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def digraphs(draw: st.DrawFn, largest: int = 11, whole: bool = True) -> OrderingProblem:
    n = draw(st.integers(2, largest))
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=4 * n, unique=True))
    number = st.integers(1, 9) if whole else st.floats(1e-3, 1e3)
    weight = draw(st.lists(number, min_size=len(chosen), max_size=len(chosen)))
    tail, head = zip(*chosen, strict=True)
    return OrderingProblem(W=sp.coo_array((np.array(weight, float), (tail, head)), shape=(n, n)).tocsr())


@quick
@given(digraphs())
def test_the_proved_optimum_is_that_of_dynamic_programming(problem: OrderingProblem) -> None:
    proved, truth = Certified().solve(problem), Subsets().solve(problem)
    assert proved.status is Status.OPTIMAL
    assert proved.value == proved.bound == truth.value
    en.check(problem, proved)


@quick
@given(digraphs(whole=False))
def test_weights_that_are_not_whole_are_proved_too(problem: OrderingProblem) -> None:
    proved, truth = Certified().solve(problem), Subsets().solve(problem)
    assert proved.status is Status.OPTIMAL
    assert proved.value == pytest.approx(truth.value, rel=1e-9, abs=1e-12)
    assert proved.bound is not None
    assert proved.bound <= truth.value * (1 + 1e-12)
    en.check(problem, proved)


@quick
@given(digraphs(largest=6))
def test_dynamic_programming_is_trying_all_orders(problem: OrderingProblem) -> None:
    assert Subsets().solve(problem).value == best_order_by_trying_all(problem)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.15, 0.7])
def test_the_optimum_is_the_same_relabelled_and_reversed(seed: int, share: float) -> None:
    problem = digraph(seed, n=24, share=share)
    value = Certified().solve(problem).value
    mixed = np.random.default_rng(seed).permutation(problem.n)
    assert Certified().solve(OrderingProblem(W=problem.W[mixed][:, mixed])).value == value
    assert Certified().solve(OrderingProblem(W=problem.W.T)).value == value


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_the_unit_of_the_weights_does_not_matter(scale: float) -> None:
    problem = digraph(5, n=30, share=0.3)
    scaled = OrderingProblem(W=problem.W * scale)
    solution = Certified().solve(scaled)
    assert solution.status is Status.OPTIMAL
    assert solution.value == pytest.approx(scale * Certified().solve(problem).value, rel=1e-9)


@pytest.mark.parametrize(
    "problem",
    [generators.sparse(40, 3.0, seed=1), generators.sparse(60, 3.0, seed=1, weighted=True), generators.tournament(18)],
    ids=["sparse", "weighted", "tournament"],
)
def test_random_digraphs_are_proved_through_branching(problem: OrderingProblem) -> None:
    solution = Certified().solve(problem)
    assert solution.status is Status.OPTIMAL
    verified = en.check(problem, solution)
    assert verified.forward_weight == problem.total - solution.value


@pytest.mark.parametrize("seed", range(6))
def test_weights_of_all_sizes_in_one_digraph_are_proved(seed: int) -> None:
    draw = np.random.default_rng(seed)
    W = draw.random((12, 12)) * 10.0 ** draw.integers(-12, 13, (12, 12)) * (draw.random((12, 12)) < 0.4)
    problem = OrderingProblem(W=W)
    proved, truth = Certified().solve(problem), Subsets().solve(problem)
    assert proved.status is Status.OPTIMAL
    assert proved.value == pytest.approx(truth.value, rel=1e-9)
    en.check(problem, proved)


@pytest.mark.parametrize("cap", [-1.0, 0.0, float("inf"), "much", True])
def test_a_cap_that_is_no_number_is_refused(proof: tuple[OrderingProblem, Solution], cap: Any) -> None:
    problem, solution = proof
    with pytest.raises(en.VerificationError, match="cap"):
        en.check(problem, replace(solution, certificate={**solution.certificate, "cap": cap}))


def test_components_are_proved_apart() -> None:
    parts = [digraph(seed, n=8) for seed in range(3)]
    W = sp.block_diag([p.W for p in parts], format="lil")
    W[0, 20] = 5.0  # between components, and of no cycle
    problem = OrderingProblem(W=W.tocsr())
    solution = Certified().solve(problem)
    assert solution.value == sum(Certified().solve(p).value for p in parts)
    assert len(solution.certificate["components"]) <= 3
    en.check(problem, solution)


def test_limits_keep_the_incumbent_and_a_valid_bound() -> None:
    problem = generators.sparse(60, 4.0, seed=2)
    optimum_at_least = Certified(node_limit=1).solve(problem)
    assert optimum_at_least.stopped_by in (StoppedBy.NODE_LIMIT, StoppedBy.FINISHED)
    assert 0 < optimum_at_least.bound <= optimum_at_least.value
    en.check(problem, optimum_at_least)
    short = Certified(time_limit=0.05).solve(problem)
    assert short.bound <= short.value
    en.check(problem, short)


# -- certificates ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proof() -> tuple[OrderingProblem, Solution]:
    for seed in range(1, 9):
        problem = generators.tournament(28, seed=seed)
        solution = Certified().solve(problem)
        component = solution.certificate["components"][0]
        if len(component["tree"]) > 1 and any(cut["links"] for cut in component["cuts"]):
            return problem, solution
    raise AssertionError("no proof has branches and cuts of all kinds")


def tampered(solution: Solution, change: Any, **claims: Any) -> Solution:
    certificate = copy.deepcopy(dict(solution.certificate))
    change(certificate["components"][0], certificate)
    return replace(solution, certificate=certificate, **claims)


def drop_cycle(component: dict[str, Any], _: Any) -> None:
    component["cycles"].pop()


def raise_bound(component: dict[str, Any], _: Any) -> None:
    component["bound"] += 2**20


def huge_amounts(component: dict[str, Any], _: Any) -> None:
    for leaf in component["leaves"].values():
        leaf["amount"] = [2**60 for _ in leaf["amount"]]


def negative_amount(component: dict[str, Any], _: Any) -> None:
    next(iter(component["leaves"].values()))["amount"][0] = -1


def drop_leaf(component: dict[str, Any], _: Any) -> None:
    component["leaves"].popitem()


def cut_branch(component: dict[str, Any], _: Any) -> None:
    component["tree"].pop()


def one_sided(component: dict[str, Any], _: Any) -> None:
    component["tree"][2] = dict(component["tree"][1])


def walk_twice(component: dict[str, Any], _: Any) -> None:
    component["cycles"][0] = component["cycles"][0] * 2


def short_cycle(component: dict[str, Any], _: Any) -> None:
    component["cycles"][0] = component["cycles"][0][:1]


def same_component_twice(component: dict[str, Any], whole: dict[str, Any]) -> None:
    whole["components"].append(component)


def shuffled_nodes(component: dict[str, Any], _: Any) -> None:
    component["nodes"] = component["nodes"][::-1]


def repeated_row(component: dict[str, Any], _: Any) -> None:
    leaf = next(iter(component["leaves"].values()))
    leaf["row"][1:2] = leaf["row"][:1]


def unknown_cut(component: dict[str, Any], _: Any) -> None:
    next(iter(component["leaves"].values()))["row"][0] = -1 - len(component["cuts"])


def unknown_source(component: dict[str, Any], _: Any) -> None:
    component["cuts"][0]["cycles"][0] = len(component["cycles"])


def link_to_itself(component: dict[str, Any], _: Any) -> None:
    component["cuts"][0]["links"] = [[1, 1]]


def half_a_link(component: dict[str, Any], _: Any) -> None:
    component["cuts"][0]["links"] = [[1]]


def no_cuts(component: dict[str, Any], _: Any) -> None:
    del component["cuts"]


def amounts_on_other_rows(component: dict[str, Any], _: Any) -> None:
    for leaf in component["leaves"].values():
        leaf["row"] = leaf["row"][1:] + leaf["row"][:1]


CHANGES = [
    drop_cycle, raise_bound, huge_amounts, negative_amount, drop_leaf, cut_branch, one_sided, walk_twice, short_cycle,
    same_component_twice, shuffled_nodes, repeated_row, unknown_cut, unknown_source, link_to_itself, half_a_link,
    no_cuts, amounts_on_other_rows,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_tampered_certificate_is_refused(proof: tuple[OrderingProblem, Solution], change: Any) -> None:
    problem, solution = proof
    en.check(problem, solution)
    with pytest.raises(en.VerificationError):
        en.check(problem, tampered(solution, change))


def test_no_change_of_a_number_proves_more_than_is_true(proof: tuple[OrderingProblem, Solution]) -> None:
    problem, solution = proof
    draw = np.random.default_rng(0)
    above = np.nextafter(solution.value, np.inf)
    for _ in range(60):

        def change(component: dict[str, Any], _: Any) -> None:
            component["bound"] += int(draw.integers(1, 2**22))
            for leaf in component["leaves"].values():
                leaf["amount"] = [int(a * draw.uniform(0.5, 2.0)) for a in leaf["amount"]]
            for cut in component["cuts"]:
                cut["cycles"] = draw.integers(len(component["cycles"]), size=draw.integers(1, 6)).tolist()

        with pytest.raises(en.VerificationError):
            en.check(problem, tampered(solution, change, bound=above, value=solution.value))
        with pytest.raises(en.VerificationError):
            en.check(problem, tampered(solution, change))


@quick
@given(st.integers(0, 2**32 - 1))
def test_every_order_satisfies_every_cut(seed: int) -> None:
    draw, n = np.random.default_rng(seed), 5
    cycles = Cycles.of([draw.permutation(n)[: draw.integers(2, n + 1)] for _ in range(6)])
    sources = Lists.of([draw.integers(6, size=draw.integers(1, 8)) for _ in range(20)])
    ends = [
        np.array([draw.permutation(n)[:2] for _ in range(draw.integers(0, 4))], np.int64).reshape(-1, 2)
        for _ in range(20)
    ]
    rows = cut_rows(n, cycles, sources, Lists.of([pairs[:, 0] * n + pairs[:, 1] for pairs in ends]))
    for order in itertools.permutations(range(n)):
        place = np.argsort(order)
        backward = place[rows.tail] > place[rows.head]
        assert (np.bincount(rows.row, weights=rows.a * backward, minlength=20) >= rows.g).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_ascent_reaches_the_bound_of_the_linear_program(seed: int) -> None:
    problem = generators.tournament(14, seed=seed)
    model = en.formulation("ordering/dicycle").build(problem, relaxed=True)
    pyo.SolverFactory("appsi_highs").solve(model)
    W = problem.W.toarray()
    ascent = Ascent(W - W.T, np.random.default_rng(seed).permutation(14))
    for _ in range(100):
        bound = ascent.run()
    assert bound == pytest.approx(pyo.value(model.objective), rel=1e-5)
    cycles, amount = ascent.cycles(0.0)
    pool = Pool(14, cycles, Lists.of([]), Lists.of([]))
    counted = units(problem)
    whole = np.floor(amount * 2**20).astype(np.int64)
    proved = excess(counted, pool, Multipliers(np.arange(cycles.count), whole), np.empty((0, 2), np.int64))
    assert proved == pytest.approx(bound * 2**20, rel=1e-5)


def test_large_dense_components_are_bounded_by_the_ascent(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = generators.tournament(24, seed=2)
    value = Certified().solve(problem).value
    monkeypatch.setattr(certified, "ASCENT_FROM", 10)
    solution = Certified().solve(problem)
    assert (solution.status, solution.value) == (Status.OPTIMAL, value)
    en.check(problem, solution)
    monkeypatch.setattr(certified, "ASCENT_FROM", 1000)
    monkeypatch.setattr(certified, "ITERATIONS", 50)
    assert Certified().solve(problem).value == value


def test_claims_are_held_against_the_evaluator(proof: tuple[OrderingProblem, Solution]) -> None:
    problem, solution = proof
    decision = dict(solution.encoded_decision)
    for wrong in (
        {"value": solution.value - 1},
        {"bound": solution.bound + 1},
        {"status": Status.INFEASIBLE},
        {"certificate": None},
        {"encoded_decision": decision | {"forward_weight": decision["forward_weight"] + 1}},
        {"encoded_decision": decision | {"order": decision["order"][::-1]}},
        {"encoded_decision": decision | {"order": decision["order"][:-1]}},
    ):
        with pytest.raises(en.VerificationError):
            en.check(problem, replace(solution, **wrong))
    with pytest.raises(en.VerificationError, match="another problem"):
        en.check(digraph(0), solution)
