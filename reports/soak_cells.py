"""The cells of the report `soak`: one small economy, one way of solving it, and what enumeration says of the answer.

The truth is the value of the best of all 2ⁿ networks by the problem's own evaluator, which calls no solver. A verdict
is one word: a way ``agrees``, leaves the question ``open``, finds something ``worse`` where it promises no optimum,
does not take the economy, crashes, or contradicts the truth in one of the ways that ``FALSE`` lists.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from endonet import api
from endonet.formulations.errors import EndonetError, NotApplicableError, UnavailableError, VerificationError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.instances.planner import generators
from endonet.instances.planner.bundle import enumerate_all
from endonet.reports import apart, soak_economies, ways
from endonet.reports.ledger import code
from endonet.reports.speed_cells import WARMING
from endonet.reports.ways import Way
from endonet.solvers.solution import Proves, Solution, Status, StoppedBy

FALSE = {
    "false optimum": "claims an optimum although a network is better",
    "false bound": "claims a bound that a network exceeds",
    "wrong infeasible": "claims that no network is feasible although one is",
    "wrong unbounded": "claims that output has no bound",
    "false value": "claims a value for its network that is not what the evaluator finds",
    "infeasible answer": "answers with a network that breaks the constraints",
    "false certificate": "gives a certificate that its own check refuses",
    "beyond the best": "is worth more than the best of all networks: enumeration is wrong",
}
CRASH = "crash"  # an error that is no answer, or a process that died or had to be ended
ROUNDING = 1e-9  # of certificates and evaluations
OUTSIDE = 1e-6  # by which outside software may miss its own rows
WORTHLESS = 1e-300

Found = dict[str, Any]


class Truth(NamedTuple):
    """The best value, who operates, and whether any network is feasible; ``value`` is −inf if none is."""

    value: float
    theta: str

    @property
    def feasible(self) -> bool:
        """Whether any network is."""
        return self.value > -math.inf


def keys(seed: int, first: int, draws: int, taken: Sequence[Way], time_limit: float) -> Iterator[Found]:
    """Yield the key of every cell, draw by draw."""
    versions = {one: ways.versions(one) for one in taken}
    for number in range(first, first + draws):
        for one in taken:
            yield {
                "report": "soak",
                "seed": seed,
                "draw": number,
                "way": asdict(one),
                "time_limit": time_limit,
                "versions": versions[one],
                "code": code(),
            }


def work(key: Mapping[str, Any]) -> Found:
    """Return kind, size and optimum of a draw, and what a way makes of it."""
    kind, problem = _drawn(key["seed"], key["draw"])
    found = {"kind": kind, "n": problem.n, "links": problem.links, "rows": problem.rows.count}
    try:
        truth = _truth(key["seed"], key["draw"])
    except EndonetError as error:
        return found | {"optimum": None, "verdict": "no truth", "reason": str(error)}
    found |= {"optimum": truth.value if truth.feasible else None, "feasible": truth.feasible, "best": truth.theta}
    one = Way(**key["way"])
    return found | try_way(problem, truth, one, key["time_limit"], key["seed"])


@lru_cache(maxsize=4)
def _drawn(seed: int, number: int) -> tuple[str, PlannerProblem]:
    return soak_economies.draw(seed, number)


@lru_cache(maxsize=4)
def _truth(seed: int, number: int) -> Truth:
    value, theta = enumerate_all(_drawn(seed, number)[1])
    return Truth(float(value), "".join(map(str, np.asarray(theta, int))))


def try_way(problem: PlannerProblem, truth: Truth, one: Way, time_limit: float, seed: int) -> Found:
    """Solve in one way, in a process of its own if outside software does it, and judge the answer."""
    try:
        if not ways.outside(one):
            return answer(problem, truth, one, time_limit, seed)
        patience = 3 * time_limit + 10
        found: Found = apart.call(answer, problem, truth, one, time_limit, seed, seconds=patience)
        return found
    except apart.LostError as error:
        return {"verdict": CRASH, "reason": str(error)}


def answer(problem: PlannerProblem, truth: Truth, one: Way, time_limit: float, seed: int) -> Found:
    """Solve in one way, and judge."""
    _warm(one)
    try:
        solution = api.solve(problem, one.solver, one.formulation, time_limit=time_limit, threads=1, seed=seed)
    except (NotApplicableError, UnavailableError) as error:
        return {"verdict": "not taken", "reason": str(error)}
    except EndonetError as error:
        return {"verdict": "gives up", "reason": str(error)}
    except Exception as error:
        return {"verdict": CRASH, "reason": f"{type(error).__name__}: {error}"}
    if solution.stopped_by is StoppedBy.INTERRUPTED:
        raise KeyboardInterrupt
    verdict, reason = judge(problem, truth, solution, ways.kind(one).proves)
    return {
        "verdict": verdict,
        "reason": reason,
        "status": solution.status.value,
        "stopped_by": solution.stopped_by.value,
        "value": solution.value,
        "bound": solution.bound,
        "seconds": solution.wall_time,
        "raw_status": solution.raw_status,
        "short": _short(truth, solution),
        "loose": _loose(truth, solution),
    }


def judge(problem: PlannerProblem, truth: Truth, solution: Solution, proves: Proves) -> tuple[str, str]:
    """Return the verdict on an answer, and in a sentence why.

    Outside software is granted the share `OUTSIDE` by which it may miss its rows; with a certificate nothing is granted
    but rounding.
    """
    value, bound, status = solution.value, solution.bound, solution.status
    slack = ROUNDING if solution.certificate is not None or not solution.formulation else OUTSIDE
    if status is Status.UNBOUNDED:
        return "wrong unbounded", "output cannot exceed what all labour makes of the best network"
    if status is Status.INFEASIBLE:
        if truth.feasible:
            return "wrong infeasible", f"{truth.theta} is feasible and worth {truth.value:.12g}"
        return "agrees", "no network is feasible"
    if solution.decision is not None and not problem.evaluate(solution.decision).feasible:
        if status in (Status.NOT_CONVERGED, Status.NO_SOLUTION):
            return "open", "the answer is not feasible, and is not said to be"
        return "infeasible answer", solution.contradicted or f"the status is {status.value}"
    if value is not None and value > truth.value + ROUNDING * abs(truth.value):
        return "beyond the best", f"worth {value:.12g}, the best of all networks {truth.value:.12g}"
    if status is Status.OPTIMAL and value is not None:
        asked = max(float(solution.options["rel_gap"]), slack)
        if value < truth.value - asked * abs(truth.value):
            return "false optimum", f"{truth.theta} is worth {truth.value:.12g}, the claimed optimum {value:.12g}"
    if bound is not None and truth.feasible and bound < truth.value - slack * abs(truth.value):
        return "false bound", f"{truth.theta} is worth {truth.value:.12g}, the claimed bound is {bound:.12g}"
    if solution.contradicted:
        return "false value", solution.contradicted
    if solution.certificate is not None:
        try:
            api.check(problem, solution)
        except VerificationError as error:
            return "false certificate", str(error)
    if value is not None and value >= truth.value - OUTSIDE * abs(truth.value):
        if proves is not Proves.GLOBAL_OPTIMUM or status is Status.OPTIMAL:
            return "agrees", ""
        return "open", f"it finds the best network and stops with status {status.value}"
    if proves is Proves.GLOBAL_OPTIMUM or value is None:
        return "open", f"status {status.value}, {solution.stopped_by.value.replace('_', ' ')}"
    return "worse", f"worth {value:.9g}, the best {truth.value:.9g}"


def _short(truth: Truth, solution: Solution) -> float | None:
    """Return the share of the best output that the answer misses."""
    if solution.value is None or not truth.value > WORTHLESS:
        return None
    return max(0.0, 1 - solution.value / truth.value)


def _loose(truth: Truth, solution: Solution) -> float | None:
    """Return the share by which the bound exceeds the best output; negative where it is false."""
    if solution.bound is None or not truth.value > WORTHLESS:
        return None
    return solution.bound / truth.value - 1


@cache
def _warm(one: Way) -> None:
    """Load what only the first call loads, which must not count against a time limit."""
    api.solve(generators.table1(4), one.solver, one.formulation, threads=1, time_limit=WARMING)
