"""The Lagrangian bound: valid where all networks can be tried, and proved by its own certificate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from random_economies import all_networks, any_economy, table_one

import endonet as en
from endonet.instances.planner import generators
from endonet.solvers.planner import certificate
from endonet.solvers.planner.certified import Search
from endonet.solvers.planner.descent import _Dual, descend
from endonet.solvers.planner.dual_bound import bound
from endonet.solvers.planner.market import market_prices
from endonet.solvers.solution import Status, StoppedBy


@pytest.mark.parametrize("seed", range(24))
def test_bound_and_value_enclose_the_optimum(seed: int) -> None:
    problem = any_economy(seed, 8, rows=seed % 3, costs=0.6) if seed % 2 else table_one(seed, 8)
    if problem is None:
        pytest.skip("the rows of this draw conflict at sight")
    networks = all_networks(problem)
    solution = en.solve(problem, "lagrangian")
    en.check(problem, solution)
    if not networks:
        assert solution.value is None
        return
    assert solution.bound is not None
    assert networks[0][0] <= solution.bound * (1 + 1e-12)
    if solution.value is not None:
        assert solution.value <= networks[0][0] * (1 + 1e-12)
        if solution.status is Status.OPTIMAL:
            assert solution.value == pytest.approx(networks[0][0], rel=1e-9)


def test_calibrated_gap_is_small_and_repeats_to_the_last_bit() -> None:
    problem = generators.calibrated(2000, seed=4)
    first, second = (en.solve(problem, "lagrangian") for _ in range(2))
    assert first.rel_gap is not None
    assert first.rel_gap < 1e-4
    assert (first.value, first.bound, first.certificate) == (second.value, second.bound, second.certificate)
    en.check(problem, first)


def test_a_budget_is_priced() -> None:
    whole = generators.sparse_weighted(60, seed=3, sigma=5.0, epsilon=5.0)
    budget = en.LinearRow(list(range(60)), [1.0] * 60, "<=", 15)
    problem = en.PlannerProblem(
        Omega=whole.Omega,
        z=whole.z,
        f=whole.f,
        alpha=whole.alpha,
        sigma=5.0,
        epsilon=5.0,
        constraints=[budget],
    )
    bounded = en.solve(problem, "lagrangian")
    proved = en.solve(problem, "certified", time_limit=20)
    free = en.solve(whole, "certified", time_limit=20)
    assert bounded.bound is not None
    assert proved.value is not None
    assert free.value is not None
    assert proved.value <= bounded.bound * (1 + 1e-12)
    assert bounded.bound < free.value
    assert bounded.rel_gap is not None
    assert bounded.rel_gap < 0.1
    en.check(problem, bounded)


def test_a_time_limit_keeps_incumbent_and_bound() -> None:
    problem = generators.calibrated(20_000, seed=1)
    solution = en.solve(problem, "lagrangian", time_limit=0.05)
    assert solution.stopped_by is StoppedBy.TIME_LIMIT
    assert solution.status is Status.FEASIBLE
    en.check(problem, solution)


def test_certified_takes_up_where_the_lagrangian_ended() -> None:
    problem = generators.calibrated(400, seed=5)
    rough = en.solve(problem, "lagrangian")
    fine = en.solve(problem, "certified", initial=rough.decision, resume=rough.certificate)
    assert fine.status is Status.OPTIMAL
    en.check(problem, fine)


@pytest.mark.parametrize("seed", [0, 1, 3, 7])
def test_gradient_of_the_smoothed_dual(seed: int) -> None:
    problem = any_economy(seed, 8, rows=2, costs=0.3)
    assert problem is not None
    search = Search(problem, 1e-9, math.inf, dominated=False)
    search.begin(None)
    box = search.heap[0][2].box
    assert search.rules.tighten(box)
    assert search.outcome is not None
    dual = _Dual(problem, box, market_prices(problem, box, search.outcome), 0.05)
    x = dual.start + 0.01
    value, gradient = dual(x)
    assert np.isfinite(value)
    step = 1e-6
    slopes = [(dual(x + step * e)[0] - dual(x - step * e)[0]) / (2 * step) for e in np.eye(x.size)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())


def test_smoothing_approaches_the_rigorous_bound_from_above() -> None:
    problem = generators.table1(12, seed=2)
    search = Search(problem, 1e-9, math.inf, dominated=False)
    search.begin(None)
    box = search.heap[0][2].box
    assert search.rules.tighten(box)
    assert box.envelope is not None
    assert search.outcome is not None
    prices = certificate.rounded(market_prices(problem, box, search.outcome), search.reach)
    exact, _ = bound(problem, box.lower, box.upper, box.envelope, prices)
    for temperature in (1e-2, 1e-5, 1e-9):
        smooth, _ = (dual := _Dual(problem, box, prices, temperature))(dual.start)
        assert -1e-7 <= smooth - exact <= temperature * problem.n * math.log(2) + 1e-7
    dual = _Dual(problem, box, prices, 1e-4)
    better = _Dual(problem, box, descend(problem, box, prices, 1e-4, 60).prices, 1e-4)
    assert better(better.start)[0] < dual(dual.start)[0]
