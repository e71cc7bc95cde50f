"""The certified search against brute force over the evaluator, against enumeration, and when it is stopped."""

from __future__ import annotations

import itertools
import json
import math
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np
import pytest
from economies import best_by_trying_all, economy
from numpy.typing import NDArray
from random_economies import any_economy

import endonet as en
from endonet.formulations.errors import EconomyWarning, EndonetError, InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.instances.bounds import bounds
from endonet.instances.planner.generators import hub_and_spoke, table1, table1_grid
from endonet.solvers.planner import certified, outer
from endonet.solvers.planner.certified import Certified, Search
from endonet.solvers.planner.enumeration import Enumeration
from endonet.solvers.solution import Solution, Status, StoppedBy


def complete(n: int) -> NDArray[np.float64]:
    return np.ones((n, n)) - np.eye(n)


def optimum_of(problem: PlannerProblem) -> float | None:
    """Return the best output over every choice, or None if none is feasible."""
    outcomes = (problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=problem.n))
    return max((outcome.value for outcome in outcomes if outcome.feasible), default=None)


def confirm(problem: PlannerProblem, solution: Solution, optimum: float | None, rel_gap: float = 1e-9) -> None:
    """Assert that a finished search found the optimum and proved it, by a certificate that holds."""
    assert not solution.contradicted
    en.check(problem, solution)
    if optimum is None:
        assert solution.status is Status.INFEASIBLE
        assert solution.decision is None
        return
    assert solution.status is Status.OPTIMAL
    assert solution.bound >= optimum
    assert solution.value == problem.evaluate(solution.decision).value
    assert solution.value >= optimum / (1 + rel_gap) * (1 - 1e-12)


def confirm_stopped(problem: PlannerProblem, solution: Solution, optimum: float) -> None:
    """Assert that a search that was stopped says nothing false, and that its certificate holds."""
    assert not solution.contradicted
    en.check(problem, solution)
    if solution.bound is not None:
        assert solution.bound >= optimum
    if solution.value is not None:
        assert solution.value <= optimum * (1 + 1e-12)


def varied(seed: int) -> PlannerProblem | None:
    """Return an economy of up to 7 firms of any sort; None if its rows conflict at sight."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 8))
    problem = any_economy(seed, n, rows=int(draw.choice([0, 0, 1, 2])), costs=float(draw.choice([0.0, 0.5, 1.0, 2.0])))
    if problem is None:
        return None
    changes: dict[str, Any] = {"A": float(draw.choice([1.0, 0.5, 3.0]))}
    if draw.random() < 0.2:
        changes |= {"z": np.full(n, 1.1), "f": 0.05, "alpha": 0.5, "Omega": (problem.Omega > 0.3).astype(float)}
    elif draw.random() < 0.25:
        changes["z"] = 10 ** draw.uniform(0, draw.choice([4.0, 8.0, 12.0]), n)
        changes |= {"sigma": draw.uniform(1.3, 6), "epsilon": draw.uniform(1.3, 6)}
    if draw.random() < 0.2:
        changes["f"] = problem.f * (draw.random(n) < 0.5)
    if draw.random() < 0.25:
        forced = (LinearRow([int(draw.integers(n))], [1], "==", 1),)
        changes["constraints"] = problem.constraints + forced
    if draw.random() < 0.1:
        changes["Omega"] = np.triu(problem.Omega.toarray(), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EconomyWarning)
        try:
            return replace(problem, **changes)
        except InputError:
            return None


def branching_economy() -> PlannerProblem:
    """Return ten firms under a budget, whose search branches."""
    draw = np.random.default_rng(4)
    Omega = (draw.random((10, 10)) < 0.4).astype(float)
    np.fill_diagonal(Omega, 0.0)
    Omega[np.roll(np.arange(10), 1), np.arange(10)] = 1.0
    rows = (LinearRow(range(10), [1.0] * 10, "<=", 5), LinearRow([0, 3, 5], [1.0, 2.0, 1.0], ">=", 1))
    z = np.exp(0.3 * draw.standard_normal(10))
    return PlannerProblem(Omega, z, f=0.05, alpha=0.7, sigma=8.0, epsilon=4.0, constraints=rows)


# -- against brute force -------------------------------------------------------------------------------------------


def confirm_many(seeds: range) -> dict[str, int]:
    """Compare with brute force over many economies; return how many there were of each sort."""
    seen = dict.fromkeys(("positive", "nothing", "infeasible", "rows", "out of range"), 0)
    for seed in seeds:
        problem = varied(seed)
        if problem is None:
            continue
        try:
            optimum = optimum_of(problem)
        except EndonetError:
            seen["out of range"] += 1
            continue
        solution = Certified().solve(problem)
        try:
            confirm(problem, solution, optimum)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {solution!r}, optimum {optimum!r}") from error
        seen["infeasible" if optimum is None else "positive" if optimum > 0 else "nothing"] += 1
        seen["rows"] += problem.rows.count > 0
    return seen


def test_it_finds_what_brute_force_finds() -> None:
    seen = confirm_many(range(200))
    assert seen["positive"] > 80
    assert seen["nothing"] > 5
    assert seen["rows"] > 40


@pytest.mark.slow
def test_it_finds_what_brute_force_finds_in_thousands_of_economies() -> None:
    seen = confirm_many(range(10_000, 14_000))
    assert seen["positive"] > 1500
    assert seen["infeasible"] > 0
    assert seen["rows"] > 1500


@pytest.mark.parametrize("seed", range(12))
def test_it_finds_what_brute_force_finds_in_table_one(seed: int) -> None:
    draw = np.random.default_rng(seed)
    parameters = {"sigma": float(draw.choice([4, 6, 8])), "epsilon": float(draw.choice([4, 6, 8]))}
    problem = table1(8, f_n=float(draw.choice([0.05, 0.15, 1.0])), seed=seed, **parameters)
    confirm(problem, Certified().solve(problem), optimum_of(problem))


def test_rows_that_leave_no_choice_are_proved_infeasible() -> None:
    rings = [[(0, 1), (1, 2), (2, 0)], [(i, (i + 1) % 5) for i in range(5)]]
    for ring in rings:
        n = len(ring)
        rows = tuple(LinearRow(pair, [1, 1], "==", 1) for pair in ring)
        problem = PlannerProblem(complete(n), np.linspace(1, 1.3, n), f=0.01, constraints=rows)
        confirm(problem, Certified().solve(problem), None)
    rows = (
        LinearRow([0, 1], [1, 1], "<=", 1),
        LinearRow([2, 3], [1, 1], "<=", 1),
        LinearRow(range(4), [1] * 4, ">=", 3),
    )
    problem = PlannerProblem(complete(4), [1.0, 1.1, 1.2, 1.3], f=0.01, constraints=rows)
    solution = Certified().solve(problem)
    confirm(problem, solution, None)
    assert any(isinstance(entry, dict) for node in solution.certificate["nodes"] for entry in node["rounds"])


def test_one_firm_that_supplies_itself_has_a_closed_form() -> None:
    z, A, L, f, alpha, sigma, epsilon, weight = 1.3, 1.2, 2.0, 0.4, 0.6, 3.0, 5.0, 0.7
    problem = PlannerProblem([[weight]], [z], A, L, f, alpha, sigma, epsilon)
    solution = Certified().solve(problem)
    q = (A * z * weight ** (alpha / (epsilon - 1))) ** (1 / (1 - alpha))
    confirm(problem, solution, solution.value)
    assert solution.value == pytest.approx(q * (L - f), rel=1e-12)
    assert solution.decision.tolist() == [1]


def test_where_nobody_can_produce_output_is_nothing() -> None:
    with pytest.warns(EconomyWarning):
        problem = PlannerProblem(np.triu(np.ones((4, 4)), 1), np.ones(4), f=0.1)
    solution = Certified().solve(problem)
    confirm(problem, solution, 0.0)
    assert solution.value == solution.bound == solution.rel_gap == 0.0


def test_firms_without_fixed_cost_all_operate() -> None:
    problem = table1(12, f_n=0.0, seed=1)
    solution = Certified().solve(problem)
    confirm(problem, solution, problem.evaluate(np.ones(12)).value)


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_enumeration_on_more_firms(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(10, 21))
    rows = (LinearRow(range(n), [1.0] * n, "<=", n // 2),) if seed % 2 else ()
    sigma, epsilon = ((4.0, 8.0), (8.0, 4.0), (5.0, 5.0))[seed % 3]
    problem = replace(table1(n, f_n=0.5, sigma=sigma, epsilon=epsilon, seed=seed), constraints=rows)
    confirm(problem, Certified().solve(problem), Enumeration().solve(problem).value)


@pytest.mark.parametrize("name", ["planner/us-15", "planner/us-71"])
def test_it_proves_the_recorded_optimum_of_a_bundled_economy(name: str) -> None:
    problem, known = en.load(name), bounds(name)
    solution = Certified().solve(problem)
    confirm(problem, solution, known.primal.value * (1 - known.primal.tolerance))
    assert solution.value <= known.dual.value * (1 + known.dual.tolerance)


@pytest.mark.slow
def test_it_agrees_with_enumeration_over_the_grid_of_table_one() -> None:
    count = 0
    for problem in table1_grid(14):
        solution, listed = Certified().solve(problem), Enumeration(best=2).solve(problem)
        confirm(problem, solution, listed.value)
        best, *others = listed.statistics["networks"]
        if others and others[0]["value"] < best["value"] * (1 - 1e-8):
            assert solution.decision.tolist() == best["theta"]
        count += 1
    assert count == 243


# -- edges ---------------------------------------------------------------------------------------------------------


def both(problem: PlannerProblem) -> Iterator[Solution]:
    """Yield what the certified search and enumeration say, both verified."""
    for solver in (Certified(), Enumeration()):
        solution = solver.solve(problem)
        en.check(problem, solution)
        yield solution


FOUR_OF_FIVE = (LinearRow(range(5), [1] * 5, "==", 4), LinearRow([1, 2, 3], [1] * 3, "==", 3))


@pytest.mark.parametrize(("f", "L"), [([0.2, 0.4, 0.3, 0.3, 0.2], 1.2), ([0.2, 0.2, 0.5, 0.2, 0.2], 1.1)])
def test_labour_that_is_just_spent_leaves_a_feasible_choice_worth_nothing(f: list[float], L: float) -> None:
    problem = PlannerProblem(complete(5), [1.2, 1.3, 1.3, 1.3, 1.2], f=f, L=L, constraints=FOUR_OF_FIVE)
    for theta in ([0, 1, 1, 1, 1], [1, 1, 1, 1, 0]):
        outcome = problem.evaluate(theta)
        assert outcome.feasible
        assert outcome.value == outcome.labour_left == 0
    for solution in both(problem):
        assert solution.status is Status.OPTIMAL
        assert solution.value == solution.bound == 0


def test_labour_that_does_not_suffice_is_infeasible() -> None:
    problem = PlannerProblem(complete(5), np.ones(5), f=[0.2, 0.4, 0.3, 0.3, 0.2], L=1.19, constraints=FOUR_OF_FIVE)
    assert [solution.status for solution in both(problem)] == [Status.INFEASIBLE] * 2


@pytest.mark.parametrize("ulps", range(-4, 5))
@pytest.mark.parametrize("sense", ["<=", ">="])
def test_rows_that_bind_to_the_last_bit_mean_the_same_to_everybody(ulps: int, sense: str) -> None:
    coefficients = [0.1, 0.2, 0.3, 0.1]
    slack = 1e-12 * 0.7
    rhs = 0.6 - slack if sense == "<=" else 0.6 + slack
    for _ in range(abs(ulps)):
        rhs = np.nextafter(rhs, rhs + ulps)
    row = LinearRow(range(4), coefficients, sense, rhs)
    problem = PlannerProblem(complete(4), [1.0, 1.5, 1.5, 1.0], f=0.001, constraints=(row,))
    # the same sum in another order is the same sum
    assert problem.evaluate([0, 1, 1, 1]).feasible == problem.evaluate([1, 1, 1, 0]).feasible
    optimum = optimum_of(problem)
    for solution in both(problem):
        assert solution.value == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize("steps", range(-4, 5))
def test_a_row_of_three_firms_that_binds_to_the_last_bit(steps: int) -> None:
    rows = (
        LinearRow([0, 1, 2], [0.3, 0.2, 0.1], "<=", 0.6 - 1e-12 * 0.6 + steps * 1e-16),
        LinearRow([1], [1.0], "==", 1.0),
        LinearRow([2], [1.0], "==", 1.0),
    )
    problem = PlannerProblem(complete(3), [1.5, 1.0, 1.1], f=0.001, constraints=rows)
    everyone, two = problem.evaluate([1, 1, 1]), problem.evaluate([0, 1, 1])
    optimum = everyone.value if everyone.feasible else two.value
    for solution in both(problem):
        assert solution.value == pytest.approx(optimum, rel=1e-9)


def test_rows_that_bind_to_the_last_bit_are_sometimes_obeyed_and_sometimes_not() -> None:
    """Otherwise the two tests above would compare nothing."""
    found = set()
    for steps in range(-4, 5):
        row = LinearRow([0, 1, 2], [0.3, 0.2, 0.1], "<=", 0.6 - 1e-12 * 0.6 + steps * 1e-16)
        found.add(PlannerProblem(complete(3), np.ones(3), constraints=(row,)).evaluate([1, 1, 1]).feasible)
    assert found == {True, False}


def test_numbers_beyond_doubles_are_refused_in_words() -> None:
    Omega = [
        [0, 7, 540, 0, 0],
        [0, 0, 0, 0, 2.9],
        [210, 0, 0.086, 0.05, 0.75],
        [0, 0, 0, 0, 1.7],
        [0.31, 6.2, 0, 0.55, 0.57],
    ]
    problem = PlannerProblem(Omega, [0.0022, 0.28, 6200, 0.26, 73], f=0.1, alpha=0.94, sigma=9.7, epsilon=4.8)
    with np.errstate(over="ignore"), pytest.raises(EndonetError, match="double precision"):
        Certified().solve(problem)


@pytest.mark.parametrize("refused", [1, 2, 10**9])
def test_a_linear_program_that_is_refused_is_done_without(refused: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branching alone proves the optimum, if need be down to single choices."""
    problem = economy(3, n=7, f=0.06, sigma=8.0, epsilon=4.0)
    accepted, calls = outer._accepted, itertools.count()

    def choosy(status: Any) -> None:
        if next(calls) < refused:
            raise outer.NoAnswerError("HiGHS refuses a coefficient")
        accepted(status)

    Certified().prepare()
    monkeypatch.setattr(outer, "_accepted", choosy)
    monkeypatch.setattr(Certified, "prepare", lambda _: None)
    confirm(problem, Certified().solve(problem), optimum_of(problem))
    assert next(calls) > refused or refused == 10**9


def test_rows_that_ask_for_more_labour_than_there_is() -> None:
    """Three firms must operate; with L = 0.29 they cannot pay, with 0.3 nothing is left, with 0.31 a little."""
    at_least_three = (LinearRow(range(4), [1] * 4, ">=", 3),)
    for L in (0.29, 0.3, 0.31):
        problem = PlannerProblem(np.ones((4, 4)), np.ones(4), L=L, f=0.1, constraints=at_least_three)
        confirm(problem, Certified().solve(problem), optimum_of(problem))


@pytest.mark.parametrize(
    "rows",
    [
        ([1, 0, 3, 2], [1.0, 1.0, 1.0, 0.3], 1.4),
        ([0, 1, 2, 3], [0.7, 0.2, 0.4, 0.3], 0.7),
    ],
)
def test_nothing_is_printed(rows: tuple[list[int], list[float], float], capfd: pytest.CaptureFixture[str]) -> None:
    firms, coefficients, rhs = rows
    Omega = np.zeros((4, 4))
    Omega[[3, 3, 1, 0, 2], [0, 1, 2, 3, 3]] = 1.0
    problem = PlannerProblem(
        Omega,
        [0.87, 0.67, 1.33, 1.72],
        A=0.6,
        L=25.0,
        f=[1.41, 0.66, 0.47, 1.7],
        alpha=0.51,
        sigma=6.27,
        epsilon=10.97,
        constraints=(LinearRow(firms, coefficients, "==", rhs), LinearRow([3], [2.0], "<=", 2.0)),
    )
    optimum = optimum_of(problem)
    capfd.readouterr()
    confirm(problem, Certified().solve(problem), optimum)
    assert capfd.readouterr().out == ""


# -- limits, gaps and starts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 5, 20])
def test_a_node_limit_leaves_a_bound_that_holds(limit: int) -> None:
    problem = branching_economy()
    optimum = optimum_of(problem)
    solution = Certified(node_limit=limit).solve(problem)
    confirm_stopped(problem, solution, optimum)
    if solution.stopped_by is StoppedBy.NODE_LIMIT:
        assert solution.statistics["nodes"] == limit
        assert solution.statistics["open_nodes"] > 0
    else:
        assert limit == 20
    assert solution.bound < 1.5 * optimum


def test_more_nodes_prove_no_less() -> None:
    problem = branching_economy()
    proved = [Certified(node_limit=limit).solve(problem).bound for limit in (1, 2, 3, 5, 8, 13, 21)]
    assert all(later <= earlier * (1 + 1e-11) for earlier, later in itertools.pairwise(proved))
    assert proved[-1] < proved[0]


@pytest.mark.parametrize("seconds", [1e-9, 1e-4, 2e-3, 1e-2])
def test_a_time_limit_leaves_a_bound_that_holds(seconds: float) -> None:
    problem = branching_economy()
    solution = Certified(time_limit=seconds).solve(problem)
    confirm_stopped(problem, solution, optimum_of(problem))
    if seconds == 1e-9:
        assert solution.stopped_by is StoppedBy.TIME_LIMIT
        assert math.isfinite(solution.bound)


@pytest.mark.parametrize("rel_gap", [0.1, 1e-3])
def test_a_gap_is_proved_as_far_as_asked(rel_gap: float) -> None:
    fewer = 0
    for seed in range(12):
        problem = economy(seed, n=8, f=0.05, sigma=8.0, epsilon=4.0)
        optimum = optimum_of(problem)
        solution = Certified(rel_gap=rel_gap).solve(problem)
        confirm(problem, solution, optimum, rel_gap)
        assert solution.rel_gap <= rel_gap
        assert solution.bound <= optimum * (1 + rel_gap) * (1 + 1e-9)
        fewer += solution.statistics["linear_programs"] < Certified().solve(problem).statistics["linear_programs"]
    assert fewer > 0


def test_a_gap_of_nothing_is_said_to_be_beyond_doubles() -> None:
    problem = economy(1)
    solution = Certified(rel_gap=0.0).solve(problem)
    assert solution.status is Status.FEASIBLE
    assert solution.rel_gap < 2e-11
    assert any("double precision" in note for note in solution.notes)
    en.check(problem, solution)


def test_it_starts_where_it_is_told() -> None:
    problem = branching_economy()
    optimum = optimum_of(problem)
    best = Certified().solve(problem).decision
    for start in (best, np.zeros(10), np.ones(10)):  # whether or not it obeys the rows
        confirm(problem, Certified(initial=start).solve(problem), optimum)
    stopped = Certified(initial=best, node_limit=1).solve(problem)
    assert stopped.value == pytest.approx(optimum, rel=1e-12)


@pytest.mark.parametrize("initial", [[0, 1], [0.5] * 10, ["a"] * 10, [2] * 10])
def test_a_start_that_is_no_decision_is_refused(initial: list[Any]) -> None:
    with pytest.raises(InputError, match="theta"):
        Certified(initial=initial).solve(branching_economy())


def test_a_node_limit_of_none_is_refused() -> None:
    with pytest.raises(InputError, match="node_limit"):
        Certified(node_limit=0)


# -- interrupts -----------------------------------------------------------------------------------------------------


class AtLine:
    """Do something once, at the k-th line executed inside methods of the search until it ends."""

    def __init__(self, k: int, act: Callable[[], None]) -> None:
        self.k, self.act, self.lines, self.over = k, act, 0, False

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        inside = frame.f_code.co_filename == certified.Search.run.__code__.co_filename
        return self._line if inside and isinstance(frame.f_locals.get("self"), Search) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return" and frame.f_code is Search.run.__code__:
            self.over = True
        if event == "line" and not self.over:
            self.lines += 1
            if self.lines == self.k:
                self.act()
        return self._line


def traced(problem: PlannerProblem, k: int, act: Callable[[], None]) -> tuple[Solution, int]:
    """Solve, do something at line k of the search, and return the solution and how many lines there were."""
    solver, tracer = Certified(), AtLine(k, act)
    former = sys.gettrace()
    sys.settrace(tracer)
    try:
        finding = solver.run(problem, None)
    finally:
        sys.settrace(former)
    return solver._judge(problem, None, finding, 0.0, 0.0), tracer.lines


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Let Ctrl-C be heeded where the tests run in the background and inherit that it is ignored."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def test_ctrl_c_at_any_line_leaves_a_bound_that_holds() -> None:
    problem = economy(3, n=7, f=0.06, sigma=8.0, epsilon=4.0)
    optimum = optimum_of(problem)
    Certified().prepare()
    _, lines = traced(problem, -1, lambda: None)
    draw = np.random.default_rng(0)
    moments = [*range(1, 40, 4), *np.sort(draw.integers(40, lines, 30)).tolist()]
    stopped = with_value = 0
    for k in moments:
        solution, _ = traced(problem, k, lambda: signal.raise_signal(signal.SIGINT))
        confirm_stopped(problem, solution, optimum)
        assert solution.stopped_by in (StoppedBy.INTERRUPTED, StoppedBy.FINISHED)
        stopped += solution.stopped_by is StoppedBy.INTERRUPTED
        with_value += solution.stopped_by is StoppedBy.INTERRUPTED and solution.value is not None
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert stopped > 25
    assert with_value > 15


def test_ctrl_c_keeps_the_incumbent(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = branching_economy()
    branch = Search.branch

    def interrupted(search: Search, *arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        branch(search, *arguments)

    monkeypatch.setattr(Search, "branch", interrupted)
    monkeypatch.setattr(Certified, "prepare", lambda _: None)
    solution = Certified().solve(problem)
    assert solution.stopped_by is StoppedBy.INTERRUPTED
    assert solution.status is Status.FEASIBLE
    assert solution.statistics["nodes"] == 1
    assert solution.statistics["open_nodes"] == 2
    assert solution.value == pytest.approx(optimum_of(problem), rel=0.05)
    confirm_stopped(problem, solution, optimum_of(problem))


def test_a_second_ctrl_c_still_returns_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = branching_economy()
    calls = itertools.count()
    approximate = Search.approximate

    def interrupted(search: Search, *arguments: Any) -> Any:
        if next(calls) == 1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return approximate(search, *arguments)

    monkeypatch.setattr(Search, "approximate", interrupted)
    monkeypatch.setattr(Certified, "prepare", lambda _: None)
    solution = Certified().solve(problem)
    assert solution.stopped_by is StoppedBy.INTERRUPTED
    assert solution.value is not None
    confirm_stopped(problem, solution, optimum_of(problem))


def test_another_thread_may_solve() -> None:
    problem = economy(2, f=0.12)
    found: list[Solution] = []
    worker = threading.Thread(target=lambda: found.append(Certified().solve(problem)))
    worker.start()
    worker.join()
    confirm(problem, found[0], best_by_trying_all(problem))


# -- invariance -----------------------------------------------------------------------------------------------------


def test_the_same_problem_gives_the_same_bits() -> None:
    for problem in (branching_economy(), table1(12, f_n=1.0, seed=3), hub_and_spoke(9)):
        one, other = Certified().solve(problem), Certified().solve(problem)
        assert one.decision.tolist() == other.decision.tolist()
        assert (one.value, one.bound) == (other.value, other.bound)
        assert json.dumps(one.certificate) == json.dumps(other.certificate)
        assert dict(one.statistics) == dict(other.statistics)


@pytest.mark.parametrize("seed", range(4))
def test_renumbering_the_firms_renumbers_the_answer(seed: int) -> None:
    problem = branching_economy() if seed == 0 else economy(seed, n=9, f=0.06, sigma=7.0, epsilon=4.0)
    order = np.random.default_rng(seed).permutation(problem.n)
    place = np.argsort(order)
    rows = tuple(LinearRow(place[r.firms], r.coefficients, r.sense, r.rhs) for r in problem.constraints)
    renumbered = replace(
        problem,
        Omega=problem.Omega[order][:, order],
        z=problem.z[order],
        f=problem.f[order],
        alpha=problem.alpha[order],
        constraints=rows,
    )
    one, other = Certified().solve(problem), Certified().solve(renumbered)
    assert other.value == pytest.approx(one.value, rel=2e-9)
    assert problem.evaluate(other.decision[place]).value == pytest.approx(one.value, rel=2e-9)
    en.check(renumbered, other)


@pytest.mark.parametrize("factor", [2.0, 1e-3, 1e6])
def test_labour_and_fixed_costs_scale_output(factor: float) -> None:
    problem = branching_economy()
    scaled = replace(problem, L=problem.L * factor, f=problem.f * factor)
    one, other = Certified().solve(problem), Certified().solve(scaled)
    assert other.value == pytest.approx(factor * one.value, rel=2e-9)
    assert other.bound == pytest.approx(factor * one.bound, rel=2e-9)
    en.check(scaled, other)


def test_productivity_scales_output_by_a_power() -> None:
    problem = branching_economy()
    scaled = replace(problem, A=0.1)
    one, other = Certified().solve(problem), Certified().solve(scaled)
    assert other.value == pytest.approx(0.1 ** (1 / (1 - 0.7)) * one.value, rel=2e-9)
    en.check(scaled, other)


def test_firms_whose_inputs_are_tiny_are_not_forgotten() -> None:
    links = [[0.65, 0.66, 0.03, 0.18, 0.57, 0.55], [0.53, 0.37, 0.06, 0.37, 0.36, 0.24], *([[0] * 6] * 4)]
    f = [0.17, 0.184, 0.112, 0.053, 0.147, 0.007]
    z = [0.38, 0.91, 1.33, 1.02, 1.6, 1.23]
    problem = PlannerProblem(links, z, A=0.044, f=f, alpha=0.655, sigma=2.44, epsilon=11.09)
    solution = en.solve(problem)
    en.check(problem, solution)
    assert solution.value == pytest.approx(best_by_trying_all(problem), rel=1e-9)


def test_a_swap_that_empties_a_loop_comes_to_an_end() -> None:
    draw = np.random.default_rng(4)
    links = (draw.random((10, 10)) < 0.4).astype(float)
    np.fill_diagonal(links, 0)
    links[np.roll(np.arange(10), 1), np.arange(10)] = 1
    rows = (LinearRow(range(10), [1] * 10, "<=", 5), LinearRow([0, 3, 5], [1, 2, 1], ">=", 1))
    z = np.exp(0.3 * draw.standard_normal(10))
    problem = PlannerProblem(links, z, f=0.05, alpha=0.7, sigma=8, epsilon=4, constraints=rows)
    solution = en.solve(problem, initial=[1, 1, 1, 0, 0, 0, 0, 0, 0, 1])
    assert solution.status is Status.OPTIMAL
    assert solution.value == pytest.approx(best_by_trying_all(problem), rel=1e-9)


def test_more_rows_of_dominance_than_firms() -> None:
    Omega = [[0, 1, 1, 1], [1, 0, 1, 1], [1, 0, 0, 1], [1, 1, 1, 0]]
    rows = (LinearRow(range(4), [1.0] * 4, "<=", 3.0), LinearRow([0, 2], [1.0, 1.0], "<=", 1.0))
    z = [1.5778416840070295, 0.7871809314858297, 0.8652919701656862, 3.8881513422080576]
    problem = PlannerProblem(Omega, z, f=0.125, alpha=0.5, sigma=8.0, epsilon=8.0, constraints=rows)
    search = Search(problem, 1e-9, math.inf)
    assert search.ordered.rows.count > problem.n
    confirm(problem, Certified().solve(problem), optimum_of(problem))
