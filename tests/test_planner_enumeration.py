"""Enumeration against plain brute force, and what it says when it is stopped."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_economies import all_networks, any_economy, table_one

import endonet.solvers.planner.enumeration as enumeration
from endonet.formulations.errors import EconomyWarning, InputError, NotApplicableError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.solvers.planner.enumeration import Enumeration, Search
from endonet.solvers.solution import Proves, Status, StoppedBy

seeds = st.integers(0, 10**6)


def permuted(problem: PlannerProblem, order: np.ndarray) -> PlannerProblem:
    """Return the same economy with its firms renumbered: the new firm i is the old firm order[i]."""
    place = np.argsort(order)
    rows = tuple(LinearRow(place[r.firms], r.coefficients, r.sense, r.rhs) for r in problem.constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EconomyWarning)
        return PlannerProblem(
            problem.Omega[order][:, order],
            problem.z[order],
            problem.A,
            problem.L,
            problem.f[order],
            problem.alpha[order],
            problem.sigma,
            problem.epsilon,
            rows,
        )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds, n=st.integers(1, 8), rows=st.integers(0, 2), costs=st.sampled_from([0.0, 0.3, 1.0, 3.0]))
def test_it_finds_what_brute_force_finds(seed: int, n: int, rows: int, costs: float) -> None:
    problem = any_economy(seed, n, rows, costs)
    if problem is None:
        return
    networks = all_networks(problem)
    solution = Enumeration(best=4, within=0.1, threads=2).solve(problem)
    assert not solution.contradicted
    if not networks:
        assert solution.status is Status.INFEASIBLE
        return
    best = networks[0][0]
    assert solution.status is Status.OPTIMAL
    assert solution.value == pytest.approx(best, rel=1e-12)
    assert solution.bound >= best
    if best == 0:
        return
    listed = [entry["value"] for entry in solution.statistics["networks"]]
    assert listed == pytest.approx([value for value, _ in networks if value > 0][:4], rel=1e-11)
    for entry in solution.statistics["networks"]:
        assert problem.evaluate(entry["theta"]).value == entry["value"]
    doubtful = [value for value, _ in networks if abs(value / best - 0.9) < 1e-10]
    if not doubtful:
        assert solution.statistics["within"] == sum(value >= 0.9 * best for value, _ in networks)


def test_the_list_is_that_of_brute_force_and_ties_go_to_the_smaller_network() -> None:
    # Firm 3 can never produce and costs nothing, so every network has a twin of equal worth.
    Omega = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=float)
    Omega[3, 0] = 1.0
    with pytest.warns(UserWarning, match="can never produce"):
        problem = PlannerProblem(Omega, np.array([1.0, 1.2, 0.7, 1.0]), f=np.array([0.2, 0.2, 0.2, 0.0]))
    solution = Enumeration(best=6).solve(problem)
    listed = [tuple(entry["theta"]) for entry in solution.statistics["networks"]]
    networks = [theta for value, theta in all_networks(problem) if value > 0]
    assert listed == networks[:6]
    assert all(theta[3] == 0 for theta in listed[::2])


@pytest.mark.parametrize("seed", range(6))
def test_the_answer_does_not_depend_on_threads_or_on_where_the_work_is_split(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = table_one(seed, 15)
    reports = []
    for threads, chunk in ((1, 20_000), (2, 5), (5, 1)):
        monkeypatch.setattr(enumeration, "CHUNK", chunk)
        solution = Enumeration(best=25, within=0.03, threads=threads).solve(problem)
        reports.append((solution.statistics["networks"], solution.statistics["within"]))
    assert reports[0] == reports[1] == reports[2]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=seeds, rows=st.integers(0, 2))
def test_renumbering_the_firms_renumbers_the_answer(seed: int, rows: int) -> None:
    problem = any_economy(seed, 10, rows)
    if problem is None:
        return
    order = np.random.default_rng(seed).permutation(10)
    one, other = Enumeration().solve(problem), Enumeration().solve(permuted(problem, order))
    assert one.status is other.status
    if one.status is Status.OPTIMAL:
        assert other.value == pytest.approx(one.value, rel=1e-12)
        assert problem.evaluate(other.decision[np.argsort(order)]).value == pytest.approx(one.value, rel=1e-12)


def hard_economy() -> PlannerProblem:
    """Goods that substitute so badly that bounds are weak and the search is long."""
    draw = np.random.default_rng(0)
    Omega = (draw.random((34, 34)) < 0.2).astype(float)
    Omega[np.roll(np.arange(34), 1), np.arange(34)] = 1.0
    return PlannerProblem(Omega, np.exp(draw.normal(0, 0.4, 34)), f=2.0 / 34, sigma=1.6, epsilon=1.6)


def test_a_time_limit_leaves_a_valid_bound() -> None:
    problem = hard_economy()
    solution = Enumeration(time_limit=0.3).solve(problem)
    assert solution.status is Status.FEASIBLE
    assert solution.stopped_by is StoppedBy.TIME_LIMIT
    assert np.isfinite(solution.bound)
    assert solution.bound > solution.value > 0
    # No network is worth more than all firms together if nobody had to pay.
    assert solution.bound <= problem.evaluate(np.ones(34)).Q * problem.L * (1 + 1e-9)


@pytest.mark.parametrize("nodes", [1, 30, 300])
def test_the_bound_of_a_search_broken_off_is_valid(nodes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = any_economy(11, 11, costs=2.0)
    optimum = Enumeration().solve(problem)
    monkeypatch.setattr(enumeration, "CHUNK", nodes)
    monkeypatch.setattr(enumeration, "TASKS_PER_THREAD", 1)
    monkeypatch.setattr(enumeration.removal, "climb", lambda *_: None)
    cut = Enumeration(time_limit=1e-9, threads=1).solve(problem)
    assert cut.stopped_by is StoppedBy.TIME_LIMIT
    assert cut.bound >= optimum.value
    assert cut.status in (Status.FEASIBLE, Status.NO_SOLUTION)


def test_an_interrupt_returns_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(enumeration, "wait", interrupted)
    problem = hard_economy()
    solution = Enumeration().solve(problem)
    assert solution.stopped_by is StoppedBy.INTERRUPTED
    assert solution.status is Status.FEASIBLE
    assert solution.bound > solution.value > 0


def test_every_count_is_right_without_any_incumbent() -> None:
    problem = any_economy(3, 7, costs=1.0)
    values = [value for value, _ in all_networks(problem) if value > 0]
    search = Search(problem, 0, 2, None, None, floor=-200.0)
    assert search.run() is StoppedBy.FINISHED
    assert search.found == len(values)


def test_rows_that_leave_nothing_are_proved_infeasible() -> None:
    # Each pair sums to 1 around an odd ring: no single row shows it.
    rows = [LinearRow([i, (i + 1) % 5], [1, 1], "==", 1) for i in range(5)]
    problem = PlannerProblem(np.ones((5, 5)), np.ones(5), f=0.01, constraints=rows)
    solution = Enumeration().solve(problem)
    assert solution.status is Status.INFEASIBLE
    assert solution.decision is None


def test_an_economy_without_loops_is_worth_nothing() -> None:
    Omega = np.triu(np.ones((5, 5)), 1)
    with pytest.warns(UserWarning, match="can never produce"):
        problem = PlannerProblem(Omega, np.ones(5), f=0.01, constraints=[LinearRow([2], [1], ">=", 1)])
    solution = Enumeration().solve(problem)
    assert solution.status is Status.OPTIMAL
    assert solution.value == solution.bound == 0
    assert solution.decision[2] == 1


def test_a_firm_that_eats_all_labour_stays_out() -> None:
    problem = PlannerProblem(np.ones((3, 3)), np.array([1.0, 1.0, 9.0]), f=np.array([0.1, 0.1, 1.0]))
    solution = Enumeration().solve(problem)
    assert solution.status is Status.OPTIMAL
    assert solution.decision.tolist() == [1, 1, 0]


def test_it_refuses_what_would_take_for_ever() -> None:
    problem = table_one(0, 45)
    with pytest.raises(NotApplicableError, match="up to 40 firms, this economy has 45; use certified"):
        Enumeration().solve(problem)
    assert Enumeration(max_firms=63).refuses(problem) == ""
    assert Enumeration.proves is Proves.GLOBAL_OPTIMUM


@pytest.mark.parametrize(
    ("field", "options"), [("best", {"best": 0}), ("within", {"within": 1.0}), ("max_firms", {"max_firms": 64})]
)
def test_options_are_checked(field: str, options: dict[str, float]) -> None:
    with pytest.raises(InputError, match=field):
        Enumeration(**options)
