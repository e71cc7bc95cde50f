"""Multipliers of the planner's constraints: conditions, finite differences, an outside solver, and proofs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from random_economies import all_networks, any_economy, table_one

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError, VerificationError
from endonet.formulations.planner.multipliers import multipliers
from endonet.solvers.planner.duals import resolve, shadow_profits


@pytest.mark.parametrize("seed", range(12))
def test_the_conditions_hold_to_rounding(seed: int) -> None:
    problem = any_economy(seed, 9, costs=0.3)
    assert problem is not None
    theta = np.random.default_rng(seed).random(9) < 0.8
    outcome = problem.evaluate(theta.astype(int))
    found = multipliers(outcome)
    assert found.residual < 1e-12 or outcome.value == 0
    on = outcome.producing
    np.testing.assert_allclose(found.prices[on] * outcome.q[on], outcome.Q, rtol=1e-15)


def test_an_allocation_that_is_not_optimal_is_found_out() -> None:
    outcome = table_one(3, 8).evaluate(np.ones(8))
    wrong = replace(outcome, a=outcome.a * 1.001, q=outcome.q * 1.001)
    assert multipliers(wrong).residual > 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_the_wage_and_prices_are_derivatives_of_output(seed: int) -> None:
    problem = table_one(seed, 8)
    theta, step = np.ones(8), 1e-6
    outcome = problem.evaluate(theta)
    found = multipliers(outcome)
    more = replace(problem, L=problem.L + step).evaluate(theta).value
    less = replace(problem, L=problem.L - step).evaluate(theta).value
    assert (more - less) / (2 * step) == pytest.approx(found.wage, rel=1e-7)
    # a rise of z_j by a share is worth as much as that share of its output
    for j in range(8):
        up, down = problem.z.copy(), problem.z.copy()
        up[j] *= 1 + step
        down[j] *= 1 - step
        change = (replace(problem, z=up).evaluate(theta).value - replace(problem, z=down).evaluate(theta).value) / 2
        assert change / step == pytest.approx(found.prices[j] * outcome.y[j], rel=1e-6)


@pytest.mark.parametrize("backend", ["CLARABEL", "SCS"])
def test_an_outside_solver_finds_the_same_multipliers(backend: str) -> None:
    problem = table_one(5, 8)
    theta = en.solve(problem).decision
    outcome = problem.evaluate(theta)
    found, ours = resolve(problem, theta, backend), multipliers(outcome)
    rel = 1e-5 if backend == "CLARABEL" else 1e-2
    assert found.value == pytest.approx(outcome.value, rel=rel)
    assert found.wage == pytest.approx(ours.wage, rel=rel)
    np.testing.assert_allclose(found.prices[outcome.producing], ours.prices[outcome.producing], rtol=10 * rel)


def test_resolve_refuses_what_has_no_multipliers() -> None:
    problem = table_one(5, 8)
    with pytest.raises(NotApplicableError, match="nothing is produced"):
        resolve(problem, np.zeros(8))
    with pytest.raises(InputError, match="CLARABEL, SCS"):
        resolve(problem, np.ones(8), "MOSEK")


@pytest.mark.parametrize("solver", ["lagrangian", "certified"])
@pytest.mark.parametrize("seed", range(6))
def test_shadow_profits_bound_the_other_choice(seed: int, solver: str) -> None:
    problem = table_one(seed, 8)
    found = shadow_profits(problem, en.solve(problem, solver))
    networks = all_networks(problem)
    assert found.bound >= networks[0][0]
    assert np.abs(found.D).max() > 0
    for j in range(problem.n):
        against = 0 if found.D[j] > 0 else 1
        best = max(value for value, theta in networks if theta[j] == against)
        assert best <= found.bound * math.exp(-abs(found.D[j])) * (1 + 1e-12)


def test_shadow_profits_need_a_certificate() -> None:
    problem = table_one(0, 8)
    with pytest.raises(VerificationError):
        shadow_profits(problem, en.solve(problem, "deviation"))
