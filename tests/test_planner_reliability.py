"""Hard numbers, interruptions and repetition: claims hold, what is known is kept, a rerun says the same."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import endonet as en
from endonet import api
from endonet.formulations.errors import EconomyWarning, EndonetError, InputError, NotApplicableError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.instances.planner import generators
from endonet.instances.planner.bundle import enumerate_all
from endonet.plain import to_json
from endonet.reports import soak_economies
from endonet.solvers.solution import Proves, Solution, Status, StoppedBy

PROVING = (Proves.GLOBAL_OPTIMUM, Proves.BOUND)
OURS = [name for name in api.solvers_by_family()["planner"] if not api.solver_class("planner", name).formulations]
PROVERS = [name for name in api.solvers_by_family()["planner"] if api.solver_class("planner", name).proves in PROVING]
CERTIFYING = ("certified", "lagrangian")
UNHEARD = 0.05  # seconds after which nobody is going to listen for Ctrl-C


def solver(name: str, **options: Any) -> Any:
    """A configured solver, or a skip that says what is missing."""
    kind = api.solver_class("planner", name)
    if kind.unavailable():
        pytest.skip(kind.unavailable())
    return api.solver("planner", name, **options)


@contextmanager
def refusals() -> Iterator[None]:
    """Skip with the reason where a formulation or a licence does not take the problem."""
    try:
        yield
    except NotApplicableError as refusal:
        pytest.skip(str(refusal))


def confirm(problem: PlannerProblem, solution: Solution, optimum: float) -> None:
    """value ≤ optimum ≤ bound, nothing contradicted, and the certificate checks; −inf: nothing is feasible."""
    assert not solution.contradicted
    if optimum == -math.inf:
        assert solution.status in (Status.INFEASIBLE, Status.NO_SOLUTION, Status.NOT_CONVERGED)
        return
    assert solution.status is not Status.INFEASIBLE
    if solution.value is not None and problem.evaluate(solution.decision).feasible:
        assert solution.value <= optimum * (1 + 1e-9)
    if solution.bound is not None:
        slack = 1e-9 if solution.certificate is not None or not solution.formulation else 1e-6
        assert solution.bound >= optimum * (1 - slack)
    if solution.certificate is not None:
        en.check(problem, solution)


def solved(problem: PlannerProblem, name: str) -> Solution | None:
    """What a solver answers; None if it says in words that it cannot."""
    try:
        return en.solve(problem, name, time_limit=5.0, threads=1)
    except EndonetError:
        return None


# -- hard numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", soak_economies.KINDS)
def test_small_hard_economies_are_proved(kind: str) -> None:
    place = list(soak_economies.KINDS).index(kind)
    for seed in (101, 102):
        problem = soak_economies.draw(seed, place)[1]
        optimum, _ = enumerate_all(problem)
        for name in CERTIFYING:
            solution = solved(problem, name)
            assert solution is not None
            confirm(problem, solution, optimum)
            if name == "certified":
                assert solution.status is (Status.OPTIMAL if optimum > -math.inf else Status.INFEASIBLE)


def ring(n: int = 4) -> dict[str, Any]:
    """A ring of firms that buy from both sides, as parameters."""
    Omega = np.zeros((n, n))
    Omega[np.arange(n), (np.arange(n) + 1) % n] = Omega[np.arange(n), np.arange(n) - 1] = 1.0
    return {"Omega": Omega, "z": np.linspace(0.8, 1.3, n), "f": 0.1, "alpha": 0.5, "sigma": 5.0, "epsilon": 5.0}


EXTREMES: dict[str, dict[str, Any]] = {
    "z over 24 orders, both elastic": {"z": [1e-12, 1e-3, 1.0, 1e12], "sigma": 8.0, "epsilon": 8.0},
    "z over 60 orders": {"z": [1e-30, 1e-3, 1.0, 1e30], "sigma": 3.0, "epsilon": 3.0},
    "weights over 200 orders": {"Omega": ring()["Omega"] * np.array([1e-100, 1.0, 1e100, 1.0])},
    "σ a hair above 1": {"sigma": 1 + 1e-3},
    "σ next to 1": {"sigma": 1 + 1e-9},
    "ε a hair above 1": {"epsilon": 1 + 1e-3},
    "ε next to 1": {"epsilon": 1 + 1e-9},
    "σ, ε enormous": {"sigma": 400.0, "epsilon": 400.0},
    "σ enormous": {"sigma": 1000.0, "epsilon": 2.0},
    "ε enormous": {"sigma": 2.0, "epsilon": 1000.0},
    "α = 1 − 1e-6": {"alpha": 1 - 1e-6},
    "α next to 1": {"alpha": float(np.nextafter(1.0, 0.0))},
    "α next to 0": {"alpha": 5e-324},
    "f = 0": {"f": 0.0},
    "f tiny": {"f": 5e-324},
    "f next to L": {"f": float(np.nextafter(1.0, 0.0))},
    "f of all together is L": {"f": 0.25},
    "two firms take all labour": {"f": [0.5, 0.5, 0.5, 0.5]},
    "L tiny": {"L": 1e-300, "f": 1e-302},
    "L enormous": {"L": 1e300, "f": 1e298},
    "A tiny": {"A": 1e-60},
    "A enormous": {"A": 1e60},
    "row of enormous coefficients": {"constraints": (LinearRow([0, 1, 2], [1e15, -1e15, 1.0], "<=", 0.5),)},
    "row of tiny coefficients": {"constraints": (LinearRow([0, 1], [1e-13, 1e-13], "<=", 1.5e-13),)},
}


@pytest.mark.parametrize("extreme", EXTREMES)
def test_extremes_are_proved_or_refused_in_words(extreme: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EconomyWarning)
            problem = PlannerProblem(**ring() | EXTREMES[extreme])
    except InputError as error:
        refusal = str(error)
        assert ";" in refusal, "what is wrong, and a remedy"
        return
    try:
        optimum = enumerate_all(problem)[0]
    except EndonetError:  # the evaluator cannot tell, so that nobody may claim to know the best
        optimum = math.nan
    for name in OURS:
        solution = solved(problem, name)
        if solution is None:
            continue
        if math.isnan(optimum):
            assert solution.status is not Status.OPTIMAL, name
        else:
            confirm(problem, solution, optimum)


@pytest.mark.parametrize("kind", ["one link each", "z over 12 orders", "α near 1", "f near 0"])
def test_larger_hard_economies_are_enclosed_alike_by_all(kind: str) -> None:
    n, draw = 60, np.random.Generator(np.random.PCG64(7))
    problem = PlannerProblem(**soak_economies.KINDS[kind](draw, n))
    answers = [solved(problem, name) for name in (*CERTIFYING, "deviation", "reshaping")]
    found = [one for one in answers if one is not None]
    best = max((one.value for one in found if one.value is not None), default=0.0)
    for solution in found:
        confirm(problem, solution, best)
    if kind in ("one link each", "f near 0"):
        assert answers[0] is not None
        assert answers[0].status is Status.OPTIMAL


# -- interruptions -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long() -> tuple[PlannerProblem, float]:
    """An economy that keeps every solver busy for a while, and the best value known, from a proof."""
    problem = generators.sparse_weighted(36, seed=(0, 0), sigma=8.0, epsilon=4.0)
    proof = en.solve(problem, "certified", rel_gap=1e-9, time_limit=60.0)
    assert proof.status is Status.OPTIMAL
    return problem, float(proof.value or 0.0)


@contextmanager
def ctrl_c(after: float) -> Iterator[None]:
    """Send SIGINT to this process once within the block, so many seconds after somebody listens for it.

    Those that do not listen within a moment never will. What comes before is Ctrl-C before the solver begins.
    """
    over = threading.Event()

    def press() -> None:
        deadline = time.perf_counter() + UNHEARD
        while signal.getsignal(signal.SIGINT) is signal.default_int_handler and time.perf_counter() < deadline:
            if over.wait(1e-4):
                return
        if not over.wait(after):
            os.kill(os.getpid(), signal.SIGINT)

    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Thread(target=press)
    timer.start()
    try:
        yield
    finally:
        over.set()
        timer.join()
        signal.signal(signal.SIGINT, former)


def interrupted(name: str, problem: PlannerProblem, after: float, **options: Any) -> Solution | None:
    """Solve, with Ctrl-C so many seconds after the solving itself began; None if it was over before."""
    one = solver(name, threads=1, **options)
    one.prepare()
    run: Callable[..., Any] = type(one).run
    finding = None
    try:
        with ctrl_c(after):
            finding = run(one, problem, one._choose(None))
    except KeyboardInterrupt:
        # Others still read or build then, and know nothing yet that could be lost.
        assert finding is not None or name not in CERTIFYING, f"{name} lets Ctrl-C through and loses what it knows"
        return None
    solution: Solution = one._judge(problem, one._choose(None), finding, 0.0, 0.0)
    return solution


def round_a_ring(alpha: float, n: int = 5) -> tuple[PlannerProblem, Any]:
    """A ring of firms, each with one supplier, and its q: log q_j = log z_j + α log q_(j−1) is linear."""
    z = np.exp(np.random.default_rng(3).normal(0.0, 0.002, n))
    problem = PlannerProblem(np.roll(np.eye(n), 1, axis=1), z, f=0.01, alpha=alpha, sigma=4, epsilon=3)
    loop = -math.expm1(n * math.log(alpha))
    log_q = [math.fsum(alpha**k * math.log(z[j - k]) for k in range(n)) / loop for j in range(n)]
    return problem, np.exp(log_q)


@pytest.mark.parametrize("alpha", [0.5, 0.995, 0.999, 0.9999])
def test_productivities_are_exact_however_near_1_input_shares_are(alpha: float) -> None:
    problem, q = round_a_ring(alpha)
    outcome = problem.evaluate(np.ones(problem.n))
    assert outcome.q == pytest.approx(q, rel=1e-15 / (1 - alpha) + 1e-14)
    assert np.abs(outcome.residual_goods).max() < 1e-12
    assert abs(outcome.residual_labour) < 1e-15 / (1 - alpha) + 1e-14


@pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")
def test_where_the_iteration_starts_does_not_matter_near_1() -> None:
    problem = en.PlannerProblem(**NEAR_ONE)
    outcome = problem.evaluate([1, 1, 0, 1, 1, 1])
    for factor in (1 + 1e-6, 1 - 1e-6, 1e3):
        again = problem.evaluate(outcome.theta, start=outcome.a * factor)
        assert again.value == pytest.approx(outcome.value, rel=2e-12)


# Networks without the heavy links of this economy make numbers that doubles do not hold; the best one makes some that
# they do.
NEAR_ONE: dict[str, Any] = {
    "Omega": [
        [0.45, 0, 0, 0, 0.59, 0.12],
        [0.64, 0, 0, 0, 0, 0],
        [0, 0.54, 0, 0.37, 0, 0.77],
        [0.48, 0, 0, 0.57, 0, 0],
        [0, 0.55, 0, 0, 0.63, 0],
        [0.57, 0, 0, 0.09, 0, 0],
    ],
    "z": [1.0105, 0.9914, 0.9978, 1.0443, 1.0045, 0.9797],
    "f": [0.155, 0.031, 0.103, 0.092, 0.168, 0.13],
    "alpha": 0.9999,
    "sigma": 1.7,
    "epsilon": 3.0,
}


@pytest.mark.parametrize("name", ["certified", "enumeration", "lagrangian"])
@pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")
def test_shares_near_1_are_proved_where_doubles_hold_the_best_network(name: str) -> None:
    problem = en.PlannerProblem(**NEAR_ONE)
    solution = en.solve(problem, name)
    assert solution.status is Status.OPTIMAL
    assert solution.decision.tolist() == [1, 1, 0, 1, 1, 1]
    en.check(problem, solution)


@pytest.mark.parametrize("after", [0.0005, 0.02, 0.1])
@pytest.mark.parametrize("name", PROVERS)
def test_ctrl_c_keeps_incumbent_and_bound(name: str, after: float, long: tuple[PlannerProblem, float]) -> None:
    problem, optimum = long
    with refusals():
        solution = interrupted(name, problem, after, time_limit=5.0)
    if solution is None:
        return
    assert solution.stopped_by in (StoppedBy.INTERRUPTED, StoppedBy.FINISHED, StoppedBy.TIME_LIMIT)
    confirm(problem, solution, optimum)
    if solution.stopped_by is StoppedBy.INTERRUPTED and name in ("certified", "lagrangian", "enumeration"):
        assert solution.bound is not None
        assert math.isfinite(solution.bound)
        assert solution.status in (Status.FEASIBLE, Status.NO_SOLUTION)


@pytest.mark.parametrize("limit", [1e-6, 1e-3, 0.05])
@pytest.mark.parametrize("name", PROVERS)
def test_a_time_limit_keeps_incumbent_and_bound(name: str, limit: float, long: tuple[PlannerProblem, float]) -> None:
    problem, optimum = long
    one = solver(name, time_limit=limit, threads=1)
    if reason := one.refuses(problem):
        pytest.skip(reason)
    with refusals():
        solution = one.solve(problem)
    confirm(problem, solution, optimum)
    assert solution.status in (Status.OPTIMAL, Status.FEASIBLE, Status.NO_SOLUTION, Status.NOT_CONVERGED)
    assert solution.stopped_by in (StoppedBy.TIME_LIMIT, StoppedBy.FINISHED)


def test_a_search_that_was_stopped_goes_on_to_the_same_optimum(long: tuple[PlannerProblem, float]) -> None:
    problem, optimum = long
    stopped = en.solve(problem, "certified", node_limit=2, threads=1)
    assert stopped.certificate is not None
    resumed = en.solve(problem, "certified", resume=stopped.certificate, initial=stopped.decision, threads=1)
    confirm(problem, resumed, optimum)
    assert resumed.status is Status.OPTIMAL
    assert resumed.value == pytest.approx(optimum, rel=1e-9)


# -- repetition --------------------------------------------------------------------------------------------------------


def said(solution: Solution) -> str:
    """All that a solution says, but how long it took, as text: doubles are equal only if their digits are."""
    times = ("seconds", "time")
    statistics = {k: v for k, v in solution.statistics.items() if not any(word in k for word in times)}
    parts = (solution.status.value, solution.stopped_by.value, solution.value, solution.bound, solution.rel_gap)
    return to_json([*parts, solution.encoded_decision, solution.certificate, statistics, solution.notes])


REPEATED = {
    "calibrated": lambda: generators.calibrated(300, seed=3),
    "sparse": lambda: generators.sparse_weighted(24, seed=1, sigma=8.0, epsilon=4.0),
    "identical firms": lambda: generators.complete(10, sigma_z=0.0, f_n=0.6, sigma=4.0, epsilon=4.0),
    "budget": lambda: PlannerProblem(
        **ring(9) | {"constraints": (LinearRow(range(9), [1.0] * 9, "<=", 4.0),), "f": 0.05}
    ),
}


@pytest.mark.parametrize("case", REPEATED)
@pytest.mark.parametrize("name", OURS)
def test_two_runs_agree_to_the_last_bit(name: str, case: str) -> None:
    problem = REPEATED[case]()
    one = solver(name, seed=5)
    if one.refuses(problem):
        return
    assert said(one.solve(problem)) == said(solver(name, seed=5).solve(REPEATED[case]()))


@pytest.mark.parametrize("name", ["certified", pytest.param("lagrangian", marks=pytest.mark.slow)])
def test_another_process_agrees_to_the_last_bit(name: str) -> None:
    words = [sys.executable, "-m", "endonet", "solve", "planner/us-71", "--solver", name, "--json", "--seed", "5"]
    answers = []
    for order in ("1", "2"):  # of sets and of dictionaries' keys, which must not matter
        done = subprocess.run(
            words, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": order}
        )
        answer = json.loads(done.stdout)
        answers.append({key: answer[key] for key in ("status", "value", "bound", "rel_gap", "decision")})
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", PROVERS)
def test_ctrl_c_while_libraries_load_is_an_answer_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = solver(name)

    def pressed(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(one), "prepare", pressed)
    solution = one.solve(generators.table1(n=8, seed=1))
    assert (solution.status, solution.stopped_by) == (Status.NO_SOLUTION, StoppedBy.INTERRUPTED)
    assert any("loaded" in note for note in solution.notes)


@pytest.mark.parametrize("name", ["certified", "enumeration", "lagrangian"])
@pytest.mark.parametrize("epsilon", [1.05, 2.0])
@pytest.mark.parametrize("sigma", [15.0, 120.0])
def test_output_too_small_for_doubles_is_refused_in_words(sigma: float, epsilon: float, name: str) -> None:
    problem = en.PlannerProblem([[0.018]], [0.26], f=0.4, alpha=0.95, sigma=sigma, epsilon=epsilon)
    with pytest.raises(EndonetError, match="double precision"):
        problem.evaluate([1])
    with pytest.raises(EndonetError, match="double precision"):
        en.solve(problem, name)
