"""Brute force: every set of suppliers, each evaluated. No bound, no symmetry: it is what the others are tested against.

Source: none is needed; a firm with n potential suppliers has 2^n sets.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.solvers.base import Solver
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.suppliers import certificate, ties
from endonet.solvers.suppliers.bounds import behind
from endonet.solvers.suppliers.certified import TINY, must_fit, too_large
from endonet.solvers.suppliers.task import Task, tasks

LARGEST = 24
CHUNK = 1 << 18  # products of scenarios and sets between two looks at the clock
NEAR = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Enumeration(Solver[SupplierProblem]):
    """Every set of suppliers tried; for at most 24 suppliers."""

    name: ClassVar[str] = "enumeration"
    title: ClassVar[str] = "every set of suppliers tried"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("sets", "equilibrium", "robust")

    def refuses(self, problem: SupplierProblem) -> str:
        """Return a complaint if there are too many sets."""
        if problem.n > LARGEST:
            return f"it would have to try 2^{problem.n} sets, over 2^{LARGEST}; use certified"
        return too_large(problem)

    def prepare(self) -> None:
        """Compile the kernel."""
        exhaust(TINY, "sets")

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Try every set."""
        must_fit(problem, formulation)
        formulation = formulation or "sets"
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        near, tried = exhaust(problem, formulation, deadline)
        best = ties.best_exactly(problem, near, formulation)
        decision = ties.decide(problem, best, formulation, self.seed)
        statistics = {"sets": abs(tried)}
        if tried < 0:
            if formulation == "equilibrium":
                note = ("the best set seen",)
                return Finding(decision, Status.NOT_CONVERGED, StoppedBy.TIME_LIMIT, notes=note, statistics=statistics)
            value = problem.evaluate(decision).value
            bound = max(certificate.rooted(problem, formulation), value)
            trees = [(task.layers, [-1]) for task in tasks(problem, formulation)]
            proof = certificate.pack(formulation, trees)
            return Finding(
                decision, Status.FEASIBLE, StoppedBy.TIME_LIMIT, bound=bound, certificate=proof, statistics=statistics
            )
        return Finding(
            decision,
            Status.OPTIMAL,
            bound=problem.evaluate(decision).value,
            certificate={"kind": certificate.EXHAUSTION},
            statistics=statistics,
        )


def exhaust(
    problem: SupplierProblem, formulation: str, deadline: float = math.inf
) -> tuple[list[tuple[int, ...]], int]:
    """Return all sets within rounding of the best, and how many were tried (negative: not all)."""
    near: list[tuple[int, ...]] = [()]
    tried = 0
    for task in tasks(problem, formulation):
        found, count, done = _exhausted(task, deadline)
        near += found
        tried += count
        if not done:
            return near, -tried
    return near, tried


def _exhausted(task: Task, deadline: float) -> tuple[list[tuple[int, ...]], int, bool]:
    n, M = task.n, task.q.size
    W, paid = np.empty((n + 1, M)), np.full(n + 1, task.less)
    W[0] = task.q
    members = np.full(n + 1, -1, np.int64)  # the suppliers kept, in rising order
    masks, values = np.empty(NEAR, np.int64), np.empty(NEAR)
    depth, best, filled, tried = 0, 0.0, 0, 1
    given = (task.P, task.worst, task.fees, task.pi, task.kappa, task.slack)
    done = False
    while not done:
        depth, best, filled, count, done = _all(
            *given, W, paid, members, depth, best, masks, values, filled, max(1, CHUNK // M)
        )
        tried += count
        if time.perf_counter() > deadline and not done:
            break
    near = masks[:filled][values[:filled] >= best - task.slack]
    return [tuple(i for i in range(n) if mask >> i & 1) for mask in near], tried, done


@njit(cache=True, error_model="numpy")
def _all(  # type: ignore[no-untyped-def]
    P, worst, fees, pi, kappa, slack, W, paid, members, depth, best, masks, values, filled, budget
):  # fmt: skip
    """Walk on through the sets in lexicographic order; return (depth, best, kept, how many were tried, done)."""
    n = fees.size
    tried = 0
    while tried < budget:
        following = members[depth] + 1 if depth else 0  # deeper first
        while following >= n:
            if depth == 0:
                return depth, best, filled, tried, True
            depth -= 1
            following = members[depth + 1] + 1
        depth += 1
        members[depth] = following
        behind(W[depth - 1], P, worst, following, W[depth])
        paid[depth] = paid[depth - 1] + fees[following]
        tried += 1
        value = pi * (1.0 - W[depth].sum()) - kappa * depth * depth - paid[depth]
        if value >= best - slack:
            if value > best + slack:
                filled = 0
            best = max(best, value)
            if filled < masks.size:
                mask = 0
                for j in range(1, depth + 1):
                    mask |= 1 << members[j]
                masks[filled], values[filled] = mask, value
                filled += 1
    return depth, best, filled, tried, False
