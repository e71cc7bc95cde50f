"""Brute force: every path up to numbers of suppliers that no profit could pay for.

Layer k never has s with κ_k s² > T_k = Σ_{i≥k} π_i, for then a collapse would be better (with a least diversification n
of the last layer, s ≤ max(that, n)). No dynamic programming, no bound from theory: it is what the others are tested
against.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numba import njit

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.moments import moment
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate, finite, ties
from endonet.solvers.diversification.labels import slack_of
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

LARGEST = 20_000_000
NEAR = 100_000


@dataclass(frozen=True, kw_only=True)
class Enumeration(Solver[ChainProblem]):
    """Every path, each evaluated; for at most twenty million paths. Takes every row."""

    name: ClassVar[str] = "enumeration"
    title: ClassVar[str] = "every path tried"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("planner",)

    def refuses(self, problem: ChainProblem) -> str:
        """Return a complaint if there are too many paths."""
        if problem.m is not None:
            count = math.prod(int(most) + 1 for most in finite.numbers(problem))
            largest = LARGEST // 10
            return finite.refuses(problem) or (f"it would have to try {count:.3g} paths" if count > largest else "")
        count = math.prod(int(most) + 1 for most in ranges(problem, Limits(problem)))
        return f"it would have to try {count:.3g} paths, over {LARGEST}" if count > LARGEST else ""

    def prepare(self) -> None:
        """Compile the kernel."""
        exhaust(ChainProblem(K=1, mu0=Fraction(1, 2), rho0=Fraction(1, 5)))

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Try every path, the first layer's numbers one after the other, so that a limit can stop it."""
        del formulation
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        bound, near, tried = exhaust(problem, deadline)
        statistics = {"paths": tried}
        if tried < 0:
            from endonet.solvers.diversification.certified import fallback

            if problem.m is None and certificate.cannot_meet(problem):
                return Finding(None, Status.INFEASIBLE, notes=("no path meets the rows",))
            plain = problem.budget is None and problem.m is None
            start = fallback(problem) if plain else SourcingPath((0,) * problem.K)
            top = float(Limits(problem).top[0]) / problem.K
            return Finding(start, Status.FEASIBLE, StoppedBy.TIME_LIMIT, bound=top, statistics={"paths": -tried})
        if not near:
            note = "every path violates a row, by enumeration"
            return Finding(None, Status.INFEASIBLE, notes=(note,), statistics=statistics)
        best = ties.best_exactly(problem, near) if problem.m is None else finite.best_exactly(problem, near)
        proof = {"kind": certificate.EXHAUSTION}
        return Finding(
            ties.decide(problem, best, self.seed), Status.OPTIMAL, bound=bound, certificate=proof, statistics=statistics
        )


def ranges(problem: ChainProblem, limits: Limits) -> list[int]:
    """Return the most suppliers that each layer is tried with."""
    found = []
    for k in range(problem.K):
        paying = math.isqrt(int(sum(problem.pi[k:], Fraction(0)) / problem.kappa[k]))
        least = limits.least if limits.least < 1e18 else 0
        found.append(min(max(paying, int(least)), int(limits.caps[k])))
    return found


def exhaust(problem: ChainProblem, deadline: float = math.inf) -> tuple[float, list[tuple[int, ...]], int]:
    """Return the best welfare, all paths within rounding of it, and how many were tried (negative: not all)."""
    if problem.m is not None:
        return finite.exhaust(problem, deadline)
    limits = Limits(problem)
    most = np.array(ranges(problem, limits), np.int64)
    budget = math.inf if problem.budget is None else float(problem.budget) * (1 + 1e-12)
    best, tried = -math.inf, 0
    kept: list[tuple[float, tuple[int, ...]]] = []
    for start in range(int(most[0]) + 1):
        if time.perf_counter() > deadline:
            return best, [], -tried - 1
        slack = slack_of(limits, best)
        best, count, values, paths, filled = _search(
            limits.law, limits.pi, limits.kappa, most, limits.least, budget, start, best, slack, NEAR
        )
        tried += count
        kept += [(float(values[j]), tuple(int(s) for s in paths[j])) for j in range(filled)]
    floor = best - slack_of(limits, best)
    near = [path for value, path in kept if value >= floor]
    feasible = [path for path in near if problem.evaluate(path).feasible]
    values_of = [problem.evaluate(path).value for path in feasible]
    return max(values_of, default=-math.inf), feasible, tried


@njit(cache=True, error_model="numpy")
def _search(law, pi, kappa, most, least, budget, start, best, slack, room):  # type: ignore[no-untyped-def]
    """Walk through all paths that begin with ``start`` suppliers; return those within ``slack`` of the best so far."""
    K = pi.size
    values = np.empty(room)
    paths = np.zeros((room, K), np.int64)
    filled = 0
    tried = 0
    s = np.zeros(K, np.int64)
    S = np.ones(K + 1)
    G = np.zeros(K + 1)
    spent = np.zeros(K + 1)
    s[0] = start
    k = 0
    while k >= 0:
        if s[k] > most[k] or (k > 0 and S[k] == 0.0 and s[k] > 0) or (k == 0 and s[0] > start):
            k -= 1
            if k >= 0:
                s[k] += 1
            continue
        S[k + 1] = S[k] * s[k]
        G[k + 1] = G[k] + pi[k] * (1.0 - moment(law, S[k + 1])) - kappa[k] * s[k] * s[k]
        spent[k + 1] = spent[k] + 2 * kappa[k] * s[k] * s[k]
        if spent[k + 1] > budget:
            s[k] = most[k] + 1
            continue
        if k < K - 1:
            k += 1
            s[k] = 0
            continue
        tried += 1
        if S[K] >= least and G[K] >= best - slack:
            if G[K] > best + slack:
                filled = 0
            best = max(best, G[K])
            if filled < room:
                values[filled] = G[K]
                paths[filled] = s
                filled += 1
        s[k] += 1
    return best, tried, values, paths, filled
