"""Reshaping, relaxation and deviation: their conditions computed a second way, and what they admit when these fail."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_economies import any_economy, table_one
from scipy.optimize import approx_fprime

import endonet.solvers.planner.deviation as deviation
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.solvers.planner import flips, kernels, screen
from endonet.solvers.planner.deviation import Deviation, climb, improve
from endonet.solvers.planner.enumeration import Enumeration
from endonet.solvers.planner.relaxation import Relaxation, Relaxed
from endonet.solvers.planner.reshaping import Reshaping, iterate_conditions
from endonet.solvers.solution import Status, StoppedBy

seeds = st.integers(0, 10**6)


def log_output_reshaped(problem: PlannerProblem, theta: np.ndarray, sweeps: int = 2000) -> float:
    """Return log Y of P_RR at θ in (0, 1]^n, straight from (10) and (11)."""
    a, b = 1 / (problem.sigma - 1), 1 - (problem.epsilon - 1) / (problem.sigma - 1)
    Omega, q = problem.Omega.toarray(), np.ones(problem.n)
    for _ in range(sweeps):
        B = (theta**b * q ** (problem.epsilon - 1)) @ Omega
        q = problem.z * theta**a * problem.A * B ** (problem.alpha / (problem.epsilon - 1))
    return float(np.log(np.sum(q ** (problem.sigma - 1))) / (problem.sigma - 1) + np.log(problem.L - problem.f @ theta))


def neighbours(theta: np.ndarray, two: bool) -> list[np.ndarray]:
    """Return the networks that differ from θ in one firm, and with ``two`` those that swap two."""
    n = theta.size
    sets = [(j,) for j in range(n)]
    if two:
        sets += [pair for pair in itertools.combinations(range(n), 2) if theta[pair[0]] != theta[pair[1]]]
    found = []
    for firms in sets:
        other = theta.copy()
        other[list(firms)] ^= 1
        found.append(other)
    return found


# -- reshaping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sigma", "epsilon"), [(5.0, 5.0), (6.0, 4.0), (4.0, 6.0), (3.0, 8.0)])
def test_its_gains_are_the_derivatives_of_the_reshaped_objective(sigma: float, epsilon: float) -> None:
    draw = np.random.default_rng(0)
    n = 6
    problem = PlannerProblem(
        draw.random((n, n)) + 0.1,
        np.exp(draw.normal(0, 0.4, n)),
        A=1.3,
        f=draw.random(n) * 0.05,
        alpha=draw.uniform(0.3, 0.6, n),
        sigma=sigma,
        epsilon=epsilon,
    )
    theta = np.array([1, 0, 1, 1, 0, 1], dtype=np.int8)
    gain = np.zeros(n)
    kernels.marginal_gains(kernels.economy(problem), theta, np.array(problem.Z), np.zeros(n), True, 1e-14, gain)
    net = gain - problem.f / (problem.L - problem.f @ theta)
    # At an idle firm the derivative is a limit from inside: two small θ_j extrapolate it.
    for k in range(n):
        slopes = []
        for step in (1e-4, 2e-4):
            near, far = (theta.astype(float) + np.where(theta == 1, 0.0, 1e-9) for _ in range(2))
            near[k], far[k] = (1.0, 1.0 - step) if theta[k] else (step, 1e-9)
            slopes.append((log_output_reshaped(problem, near) - log_output_reshaped(problem, far)) / step)
        assert 2 * slopes[0] - slopes[1] == pytest.approx(net[k], rel=1e-4, abs=1e-6)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=seeds)
def test_a_converged_corner_is_optimal_where_the_network_has_rank_one(seed: int) -> None:
    """Proposition 2: with Ω_ij = c_i d_j the conditions are sufficient."""
    draw = np.random.default_rng(seed)
    n = 9
    problem = PlannerProblem(
        np.outer(draw.uniform(0.2, 1.5, n), draw.uniform(0.2, 1.5, n)),
        np.exp(draw.normal(0, 0.4, n)),
        f=draw.choice([0.05, 0.15, 0.6]) / n,
        alpha=draw.choice([0.3, 0.5]),
        sigma=draw.choice([4.0, 6.0]),
        epsilon=draw.choice([4.0, 6.0]),
    )
    solution = Reshaping().solve(problem)
    if solution.status is Status.STATIONARY:
        assert solution.value == pytest.approx(Enumeration().solve(problem).value, rel=1e-11)


def test_most_converged_corners_of_table_one_are_optimal() -> None:
    right, converged = [], 0
    for seed in range(60):
        problem = table_one(seed, 8)
        solution = Reshaping().solve(problem)
        if solution.status is Status.STATIONARY:
            converged += 1
            right.append((solution.decision == Enumeration(threads=1).solve(problem).decision).mean())
    assert 45 <= converged < 60
    assert np.mean(right) > 0.995


def test_a_cycle_is_reported_and_the_best_network_seen_is_kept() -> None:
    cycles = 0
    for seed in range(40):
        problem = table_one(seed, 10)
        solution = Reshaping().solve(problem)
        if solution.stopped_by is not StoppedBy.CYCLE:
            continue
        cycles += 1
        assert solution.status is Status.NOT_CONVERGED
        assert not solution.contradicted
        length, flipping = solution.statistics["cycle_length"], solution.statistics["flipping_firms"]
        assert length >= 2
        assert flipping
        assert f"cycles with length {length} and {len(flipping)} firms flip" in solution.notes[0]
        path = iterate_conditions(problem)
        assert solution.value == pytest.approx(max(path.values), rel=1e-10)
        polished = Reshaping(polish="deviation").solve(problem)
        assert polished.status is Status.LOCAL
        assert polished.value >= solution.value * (1 - 1e-12)
    assert cycles > 0


def test_a_warm_start_at_a_solution_stays_there() -> None:
    draws = (table_one(seed, 12) for seed in range(20))
    problem = next(draw for draw in draws if iterate_conditions(draw).converged)
    first = Reshaping().solve(problem)
    again = Reshaping(initial=first.decision).solve(problem)
    assert again.statistics["iterations"] == 1
    assert (again.decision == first.decision).all()


def test_it_starts_even_where_all_firms_together_cost_more_than_all_labour() -> None:
    problem = PlannerProblem(np.ones((6, 6)) - np.eye(6), np.linspace(0.6, 1.6, 6), f=0.18, sigma=2.0, epsilon=2.0)
    solution = Reshaping().solve(problem)
    assert problem.f.sum() > problem.L
    assert not solution.contradicted
    assert solution.value > 0


@pytest.mark.parametrize("kind", [Reshaping, Relaxation])
def test_an_economy_that_can_neither_produce_nor_pay_is_answered_by_nobody(
    kind: type[Reshaping] | type[Relaxation],
) -> None:
    with pytest.warns(UserWarning, match="can never produce"):
        problem = PlannerProblem(np.triu(np.ones((4, 4)), 1), np.ones(4), f=0.4)
    solution = kind().solve(problem)
    assert not solution.contradicted
    assert solution.status is Status.NOT_CONVERGED
    assert solution.decision.sum() == 0


def test_limits_are_told_apart() -> None:
    problem = table_one(0, 12)
    assert Reshaping(max_iterations=1).solve(problem).stopped_by is StoppedBy.ITERATION_LIMIT
    assert Reshaping(time_limit=1e-9).solve(problem).stopped_by is StoppedBy.TIME_LIMIT
    with pytest.raises(InputError, match="polish"):
        Reshaping(polish="twice")


@pytest.mark.parametrize("kind", [Reshaping, Relaxation])
def test_rows_are_refused(kind: type[Reshaping] | type[Relaxation]) -> None:
    problem = PlannerProblem(np.ones((3, 3)), np.ones(3), constraints=[LinearRow([0, 1], [1, 1], "<=", 1)])
    with pytest.raises(NotApplicableError, match="takes no rows"):
        kind().solve(problem)


# -- relaxation ----------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=seeds)
def test_the_gradient_inside_is_that_of_differences(seed: int) -> None:
    problem = any_economy(seed, 6)
    if problem.evaluate(np.ones(6)).Q == 0:
        return
    theta = np.random.default_rng(seed).uniform(0.3, 0.9, 6)
    relaxed = Relaxed(problem)
    numeric = approx_fprime(theta, lambda x: relaxed(x)[0], 1e-6)
    assert relaxed(theta)[1] == pytest.approx(numeric, rel=1e-3, abs=1e-4)


def test_at_corners_the_relaxed_objective_is_output() -> None:
    problem = table_one(1, 9)
    assert -Relaxed(problem)(np.ones(9))[0] == pytest.approx(np.log(problem.evaluate(np.ones(9)).value), abs=1e-11)


def test_the_start_decides_what_the_plain_relaxation_finds() -> None:
    """Table 1, panel B, at n = 8: 84 % of firms and 0.84 % of output from θ = 1, 97.5 % and 0.03 % from θ = ½."""
    ones, half = [], []
    for seed in range(60):
        problem = table_one(seed, 8)
        optimum = Enumeration(threads=1).solve(problem)
        for solver, errors in ((Relaxation(), ones), (Relaxation(start="half"), half)):
            solution = solver.solve(problem)
            assert not solution.contradicted
            right = (solution.decision == optimum.decision).mean()
            errors.append((right, 1 - solution.value / optimum.value))
    assert 0.78 < np.mean(ones, axis=0)[0] < 0.90
    assert 0.004 < np.mean(ones, axis=0)[1] < 0.013
    assert np.mean(half, axis=0)[0] > 0.95
    assert np.mean(half, axis=0)[1] < 0.0015


def test_any_start_inside_is_taken_and_bad_ones_are_refused() -> None:
    problem = table_one(2, 8)
    solution = Relaxation(start=np.linspace(0.2, 1.0, 8)).solve(problem)
    assert solution.status in (Status.STATIONARY, Status.NOT_CONVERGED)
    assert set(solution.decision) <= {0, 1}
    with pytest.raises(InputError, match="start"):
        Relaxation(start=[0.5, 2.0]).solve(problem)
    with pytest.raises(InputError, match="start"):
        Relaxation(start="third")


def test_rounding_keeps_within_labour() -> None:
    problem = PlannerProblem(np.ones((6, 6)), np.linspace(0.9, 1.1, 6), f=0.4, sigma=1.5, epsilon=1.5)
    solution = Relaxation(start=np.full(6, 0.6), max_iterations=1).solve(problem)
    assert not solution.contradicted


# -- deviation -----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds, n=st.integers(2, 9), rows=st.integers(0, 2), two=st.booleans())
def test_no_neighbour_of_a_local_optimum_is_better(seed: int, n: int, rows: int, two: bool) -> None:
    problem = any_economy(seed, n, rows, costs=[0.3, 1.0, 3.0][seed % 3])
    if problem is None:
        return
    initial = np.random.default_rng(seed).integers(0, 2, n)
    solution = Deviation(initial=initial, neighbourhood="two" if two else "one").solve(problem)
    if solution.status is Status.INFEASIBLE:
        assert Enumeration().solve(problem).status in (Status.INFEASIBLE, Status.OPTIMAL)
        return
    assert solution.status is Status.LOCAL
    assert not solution.contradicted
    for other in neighbours(solution.decision, two):
        outcome = problem.evaluate(other)
        assert not outcome.feasible or outcome.value <= solution.value * (1 + 2e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=seeds)
def test_the_bound_on_the_gain_of_a_change_is_valid(seed: int) -> None:
    problem = any_economy(seed, 8, costs=0.5)
    theta = np.random.default_rng(seed).integers(0, 2, 8).astype(np.int8)
    outcome = problem.evaluate(theta)
    if not outcome.value > 0:
        return
    e, rows = kernels.economy(problem), flips.rows_by_firm(problem)
    point, bounds = flips.empty_point(problem, theta), screen.empty_screen(8)
    flips.refresh(e, rows, point)
    screen.fill_screen(e, point, screen.input_ceiling(e, np.ones(8, np.int8)), np.zeros(8), bounds)
    for j, other in enumerate(neighbours(theta, two=False)):
        value = problem.evaluate(other).value
        if value > 0:
            assert np.log(value / outcome.value) <= bounds.gain[j] + bounds.excess[0]


def test_only_candidates_move() -> None:
    problem = table_one(3, 14)
    candidates = [2, 5, 7]
    theta = improve(problem, np.ones(14), candidates, neighbourhood="two")
    assert (np.delete(theta, candidates) == 1).all()
    for j in candidates:
        other = theta.copy()
        other[j] ^= 1
        assert problem.evaluate(other).value <= problem.evaluate(theta).value * (1 + 2e-12)


def test_a_firm_that_closes_a_loop_is_not_overlooked() -> None:
    # Firms 1 and 2 operate in vain until firm 0, whom no producing firm supplies, joins them.
    Omega = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=float)
    problem = PlannerProblem(Omega, np.ones(3), f=0.05)
    assert problem.evaluate([0, 1, 1]).value == 0
    assert improve(problem, [0, 1, 1]).tolist() == [1, 1, 1]


def test_an_infeasible_start_is_mended() -> None:
    rows = (LinearRow(range(8), [1] * 8, "<=", 3), LinearRow([0], [1], ">=", 1))
    problem = PlannerProblem(np.ones((8, 8)) - np.eye(8), np.linspace(0.5, 1.5, 8), f=0.02, constraints=rows)
    solution = Deviation(neighbourhood="two").solve(problem)
    assert solution.status is Status.LOCAL
    assert "the nearest feasible one changes 5 firms" in solution.notes[0]
    assert solution.decision.sum() == 3
    assert solution.decision[0] == 1
    assert solution.value == pytest.approx(Enumeration().solve(problem).value, rel=1e-12)
    with pytest.raises(InputError, match="theta"):
        improve(problem, np.ones(8))


def test_a_stopped_search_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = table_one(5, 30)
    walk = climb(problem, np.ones(30), deadline=time.perf_counter() - 1)
    assert not walk.settled
    assert walk.stopped_by is StoppedBy.TIME_LIMIT

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(deviation.flips, "try_moves", interrupted)
    walk = climb(problem, np.ones(30))
    assert not walk.settled
    assert walk.stopped_by is StoppedBy.INTERRUPTED
