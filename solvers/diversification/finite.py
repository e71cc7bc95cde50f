r"""Chains of m firms a layer: firms' choices, and the planner's numbers by a search over paths.

A node of the search is a choice of s_1 … s_k with the law of D_k. Two bounds on what can follow are known, and the
smaller counts:

    Σ_d P(D_k = d) U_k(d)    U_k(d) = max_s π (1 − P_m(s; d)) − κ s² + Σ_e b_m(e; P_m(s; d)) U_{k+1}(e),   U_K = 0
    Φ_k(S_k)                 the potentials of the limit m → ∞, where every path earns at least as much (see `counts`)

U is what a planner earns who sees d in every layer. Children are searched by falling bounds; a child's law is computed
only if its bound survives. A budget is heeded as paths grow. The certificate is the limit's potentials; its check
verifies them, computes U anew and searches the tree again that they leave open.

Paths within rounding of the best are compared exactly where the law is short enough, else in doubles, and a note says
so; the same goes for firms' ties.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.counts import (
    LARGEST,
    basal_law,
    binomial,
    chances,
    exact_basal,
    exact_is_small,
    exact_next,
    hits,
    next_counts,
)
from endonet.formulations.diversification.finite import TARGETS, most_that_pay
from endonet.formulations.diversification.firm import CLEAR
from endonet.formulations.diversification.mixture import HALF
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import NotApplicableError, VerificationError
from endonet.solvers.diversification import certificate, ties
from endonet.solvers.diversification.labels import Labels, labels, look_up, potentials
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.solution import Finding, Status, StoppedBy

Vector = NDArray[np.float64]
LARGEST_PLAN = 1000  # firms a layer that the search takes: its tables have about m² s entries a layer
NODES = 2000  # searched between two looks at clock and keyboard
ROUNDING = 1e-11  # bounds are raised by this share of all profits
NEAR = 10_000
EVERYTHING = 1e200  # a promise that excludes nothing
DOUBLES = "the law of so many firms is too long for exact arithmetic: ties were looked for in doubles"


def refuses(problem: ChainProblem, equilibrium: bool = False) -> str:
    """Return why a problem with finitely many firms cannot be solved; empty if it can."""
    assert problem.m is not None
    limit = LARGEST if equilibrium else LARGEST_PLAN
    if problem.m > limit:
        return f"m = {problem.m} firms a layer are more than {limit}; leave m out, for the limit m → ∞"
    return TARGETS if problem.risk_target is not None or problem.tail is not None else ""


# -- firms ----------------------------------------------------------------------------------------------------------


def equilibrium(problem: ChainProblem) -> tuple[SourcingPath, bool]:
    """Return the decentralised path under the tie policy, and whether ties were found exactly."""
    assert problem.m is not None
    if (reason := refuses(problem, equilibrium=True)) != "":
        raise NotApplicableError(reason)
    path: list[int] = []
    shares: list[Fraction] = []
    law: Any = exact_basal(problem) if exact_is_small(problem.m, ()) else None
    double = basal_law(problem)
    exact = law is not None
    for k in range(problem.K):
        choices = choices_behind(problem, k, double, law)
        two = len(choices) > 1
        path.append(choices[-1 if problem.ties == "higher" else 0])
        shares.append(HALF if two and problem.ties == "randomise" else Fraction(0))
        most = tuple(s + 1 for s in path)
        law = exact_next(law, path[-1], shares[-1]) if law is not None and _short(problem.m, most) else None
        exact &= law is not None or k == problem.K - 1
        double = next_counts(double, chances(problem.m, path[-1], float(shares[-1])))
    return SourcingPath(tuple(path), mixed=tuple(shares) if any(shares) else ()), exact


def equilibrium_paths(problem: ChainProblem, most: int = ties.MOST) -> list[tuple[int, ...]]:
    """Return every path that some resolution of the ties gives to whole layers, at most ``most`` of them."""
    assert problem.m is not None
    paths: list[tuple[int, ...]] = []

    def follow(path: tuple[int, ...], double: Vector, law: list[Fraction] | None) -> None:
        if len(paths) >= most:
            return
        if len(path) == problem.K:
            paths.append(path)
            return
        assert problem.m is not None
        for s in choices_behind(problem, len(path), double, law):
            longer = (*path, s)
            exactly = exact_next(law, s) if law is not None and _short(problem.m, longer) else None
            follow(longer, next_counts(double, chances(problem.m, s)), exactly)

    follow((), basal_law(problem), exact_basal(problem) if exact_is_small(problem.m, ()) else None)
    return sorted(paths)


def _short(m: int, most: tuple[int, ...]) -> bool:
    return exact_is_small(m, tuple(min(s, m) for s in most))


def choices_behind(problem: ChainProblem, k: int, law: Vector, exact: list[Fraction] | None) -> tuple[int, ...]:
    """Return the best numbers of suppliers of layer k (0-based), given the law of disruptions upstream."""
    m, pi, kappa = law.size - 1, problem.pi[k], problem.kappa[k]
    cap = m if problem.caps is None else min(m, problem.caps[k])
    if law[m] == 1:
        return (0,)
    now = np.ones(m + 1)
    for s in range(cap):
        more = now * np.maximum(np.arange(m + 1) - s, 0) / (m - s)
        gain, cost = float(pi) * float(law @ (now - more)), float(kappa) * (2 * s + 1)
        if abs(gain - cost) > CLEAR * (gain + cost):
            sign = 1 if gain > cost else -1
        elif exact is None:
            sign = 0
        else:
            falls = (Fraction(math.comb(d, s), math.comb(m, s)) - Fraction(math.comb(d, s + 1), math.comb(m, s + 1))
                     for d in range(m + 1))  # fmt: skip
            more_exactly = pi * sum(p * fall for p, fall in zip(exact, falls, strict=True))
            sign = (more_exactly > kappa * (2 * s + 1)) - (more_exactly < kappa * (2 * s + 1))
        if sign <= 0:
            return (s, s + 1) if sign == 0 else (s,)
        now = more
    return (cap,)


def decentralised(problem: ChainProblem) -> Finding:
    """Return the decentralised path; its bound is its own value, as in the limit."""
    path, exact = equilibrium(problem)
    tied = ties.occurring(path.path, path.shares) if problem.ties == "randomise" else equilibrium_paths(problem)
    decision = SourcingPath(path.path, tuple(tied) if len(tied) > 1 else (), path.mixed)
    outcome = problem.evaluate(decision)
    if not outcome.feasible:
        raise NotApplicableError("the firms' own path does not meet the rows: " + "; ".join(outcome.violations))
    notes = ["the bound is that of the decentralised path under the tie policy, not of the planner's welfare"]
    if len(decision.tied_paths) > 1:
        notes.append(f"firms tie: {len(decision.tied_paths)} paths; the policy is {problem.ties}")
    return Finding(
        decision,
        Status.OPTIMAL,
        bound=outcome.value,
        certificate={"kind": certificate.RESPONSES},
        notes=tuple(notes if exact else [*notes, DOUBLES]),
    )


def check_equilibrium(problem: ChainProblem, decision: SourcingPath) -> None:
    """Raise `VerificationError` unless the path is the decentralised one."""
    path, _ = equilibrium(problem)
    if (path.path, path.mixed) != (decision.path, decision.mixed):
        raise VerificationError(f"firms would rather have {list(path.path)} suppliers")
    randomised = problem.ties == "randomise"
    known = ties.occurring(path.path, path.shares) if randomised else equilibrium_paths(problem)
    for tie in decision.tied_paths:
        if tie not in known:
            raise VerificationError(f"decision.tied_paths: {list(tie)} is no path of the firms")


# -- planner --------------------------------------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def _tables(m, pi, kappa, most):  # type: ignore[no-untyped-def]
    """Return U_k(d), and for every k, s and d what layer k earns with s and what U promises after it."""
    K = pi.size
    size = most.max() + 1
    chance = np.empty((size, m + 1))
    for s in range(size):
        chance[s] = hits(m, s)
    U = np.zeros((K + 1, m + 1))
    promise = np.full((K, size, m + 1), -np.inf)
    for k in range(K - 1, -1, -1):
        for d in range(m + 1):
            U[k, d] = -np.inf
        for s in range(most[k] + 1):
            for d in range(m + 1):
                p = chance[s, d]
                after = 0.0
                if k < K - 1:
                    after = binomial(m, p) @ U[k + 1]
                promise[k, s, d] = pi[k] * (1.0 - p) - kappa[k] * s * s + after
                U[k, d] = max(U[k, d], promise[k, s, d])
    return U, promise, chance


@njit(cache=True, error_model="numpy")
def _search(pi, kappa, most, chance, promise, limit, states, phi, first, budget, room, state, laws, best, steps, near):  # type: ignore[no-untyped-def]
    """Go on with a depth-first search for ``steps`` nodes; return (best, nodes, near paths so far, whether it ended).

    ``state`` holds the depth, the order of children at each depth and how far it has come; ``near`` the paths found.
    """
    K = pi.size
    depth, position, order, bounds, S, G, spent, path, filled = state
    values, paths = near
    nodes = 0
    while depth[0] >= 0:
        if nodes >= steps:
            return best, nodes, False
        k = depth[0]
        if position[k] < 0:  # a new node: bound its children
            nodes += 1
            for s in range(bounds.shape[1]):
                bounds[k, s] = -np.inf
                if s > most[k] or spent[k] + 2 * kappa[k] * s * s > budget:
                    continue
                bound = G[k] + laws[k] @ promise[k, s]
                if s > 0 and limit:
                    earned = pi[k] * (1.0 - laws[k] @ chance[s]) - kappa[k] * s * s
                    after = 0.0
                    if k < K - 1:
                        part = slice(first[k + 1], first[k + 2])
                        after = look_up(states[part], phi[part], S[k] * s, np.inf)
                    bound = min(bound, G[k] + earned + after)
                elif s == 0:
                    bound = G[k]
                bounds[k, s] = bound
            order[k] = np.argsort(-bounds[k])
            position[k] = 0
        if position[k] >= order.shape[1] or bounds[k, order[k, position[k]]] < best - room:
            position[k] = -1
            depth[0] -= 1
            continue
        s = order[k, position[k]]
        position[k] += 1
        path[k] = s
        earned = pi[k] * (1.0 - laws[k] @ chance[s]) - kappa[k] * s * s if s > 0 else 0.0
        if k == K - 1 or s == 0:
            worth = G[k] + earned
            if worth >= best - room:
                if worth > best + room:
                    filled[0] = 0
                best = max(best, worth)
                if filled[0] < values.size:
                    values[filled[0]] = worth
                    paths[filled[0], : k + 1] = path[: k + 1]
                    paths[filled[0], k + 1 :] = 0
                    filled[0] += 1
            continue
        G[k + 1] = G[k] + earned
        S[k + 1] = S[k] * s
        spent[k + 1] = spent[k] + 2 * kappa[k] * s * s
        laws[k + 1] = next_counts(laws[k], chance[s])
        position[k + 1] = -1
        depth[0] = k + 1
    return best, nodes, True


class Search:
    """The tree over paths of a problem with finitely many firms, with its bounds."""

    def __init__(
        self, problem: ChainProblem, U: Vector, promise: Any, chance: Any, limit: tuple[Labels, Vector] | None
    ):
        assert problem.m is not None
        K, m = problem.K, problem.m
        self.problem = problem
        self.pi = np.array([float(x) for x in problem.pi])
        self.kappa = np.array([float(x) for x in problem.kappa])
        self.most = numbers(problem)
        scale = max(float(self.pi.sum()), 1e-300)
        self.room = ROUNDING * scale
        self.promise, self.chance = promise, chance
        self.bound = float(basal_law(problem) @ U[0]) + self.room
        empty = (np.zeros(0), np.zeros(0), np.zeros(K + 2, np.int64))
        self.limit = empty if limit is None else (limit[0].S, limit[1], limit[0].first)
        self.limited = limit is not None
        if limit is not None:
            self.bound = min(self.bound, float(limit[1][0]) + self.room)
        self.budget = math.inf if problem.budget is None else float(problem.budget) * (1 + 1e-12)
        width = int(self.most.max()) + 1
        shape = (K + 1, width)
        self.state = (
            np.zeros(1, np.int64),
            np.full(K + 1, -1),
            np.zeros(shape, np.int64),
            np.zeros(shape),
            np.ones(K + 1),
            np.zeros(K + 1),
            np.zeros(K + 1),
            np.zeros(K, np.int64),
            np.zeros(1, np.int64),
        )
        self.laws = np.zeros((K + 1, m + 1))
        self.laws[0] = basal_law(problem)
        self.near = (np.zeros(NEAR), np.zeros((NEAR, K), np.int64))
        self.best, self.nodes = -math.inf, 0

    def run(self, stop: Any, node_limit: int | None = None) -> bool:
        """Search until the end or until ``stop`` is true; return whether it ended."""
        states, phi, first = self.limit
        while not stop() and (node_limit is None or self.nodes < node_limit):
            self.best, nodes, ended = _search(
                self.pi, self.kappa, self.most, self.chance, self.promise, self.limited, states, phi, first,
                self.budget, self.room, self.state, self.laws, self.best, NODES, self.near,
            )  # fmt: skip
            self.nodes += int(nodes)
            if ended:
                return True
        return False

    def paths(self) -> list[tuple[int, ...]]:
        """Return the feasible paths within rounding of the best."""
        filled = int(self.state[-1][0])
        values, paths = self.near
        found = [tuple(map(int, paths[j])) for j in range(filled) if values[j] >= self.best - self.room]
        return [path for path in dict.fromkeys(found) if self.problem.evaluate(path).feasible]


def numbers(problem: ChainProblem) -> NDArray[np.int64]:
    """Return the most suppliers that each layer is tried with."""
    return np.array([most_that_pay(problem, k) for k in range(problem.K)], np.int64)


def solve_planner(problem: ChainProblem, seed: int, deadline: float, initial: Any = None) -> Finding:
    """Return the planner's optimum among numbers of suppliers, or the best so far at the deadline or Ctrl-C."""
    if (reason := refuses(problem)) != "":
        raise NotApplicableError(reason)
    with Interrupt() as interrupt:

        def stop() -> bool:
            return interrupt.requested or time.perf_counter() > deadline

        U, promise, chance, limit = bounds_of(problem, stop)
        search = Search(problem, U, promise, chance, limit)
        tried = [(0,) * problem.K, _own_path(problem)]
        if initial is not None:
            tried.append(problem.path(initial).path)
        starts = [problem.evaluate(path) for path in tried]
        start = max((o for o in starts if o.feasible), key=lambda o: o.value)
        search.best = start.value * problem.K - 2 * search.room
        ended = search.run(stop)
    best = best_exactly(problem, search.paths() or [start.path])
    decision = ties.decide(problem, best, seed)
    value = problem.evaluate(decision).value
    exact = exact_is_small(problem.m or 0, tuple(max(s) for s in zip(*best, strict=True)))
    notes = () if len(best) == 1 else (f"{len(best)} paths are exactly as good; the policy is {problem.ties}",)
    statistics = {"nodes": search.nodes, "root_bound": search.bound / problem.K}
    if not ended:
        why = StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
        bound = max(search.bound / problem.K, value)
        return Finding(SourcingPath(decision.path), Status.FEASIBLE, why, bound=bound, statistics=statistics)
    return Finding(
        decision,
        Status.OPTIMAL,
        bound=value,
        certificate=pack(limit),
        notes=notes if exact else (*notes, DOUBLES),
        statistics=statistics,
    )


def _own_path(problem: ChainProblem) -> tuple[int, ...]:
    """Return the firms' path with ties going down, or a collapse if rows forbid it."""
    path = equilibrium(replace(problem, ties="lower"))[0].path
    return path if problem.evaluate(path).feasible else (0,) * problem.K


def bounds_of(problem: ChainProblem, stop: Any) -> tuple[Vector, Any, Any, tuple[Labels, Vector] | None]:
    """Return U, the promises, the chances and the limit's labels with their potentials."""
    pi, kappa = (np.array([float(x) for x in part]) for part in (problem.pi, problem.kappa))
    U, promise, chance = _tables(problem.m, pi, kappa, numbers(problem))
    limits = Limits(replace(problem, m=None, budget=None))
    found = labels(limits, stop)
    phi = potentials(limits, found, stop) if found is not None else None
    return U, promise, chance, None if found is None or phi is None else (found, phi)


def best_exactly(problem: ChainProblem, paths: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the paths of greatest welfare, compared exactly where that is possible, else the first in doubles."""
    outcomes = {path: problem.evaluate(path) for path in sorted(paths)}
    exact = {path: outcome.welfare for path, outcome in outcomes.items()}
    if all(worth is not None for worth in exact.values()):
        top = max(worth for worth in exact.values() if worth is not None)
        return [path for path, worth in exact.items() if worth == top]
    return [max(outcomes, key=lambda path: outcomes[path].value)]


# -- certificate ----------------------------------------------------------------------------------------------------


def pack(limit: tuple[Labels, Vector] | None) -> dict[str, Any]:
    """Return the limit's potentials as a JSON-ready certificate; what a seeing planner earns is soon computed anew."""
    found: dict[str, Any] = {"kind": certificate.COUNTS}
    return found if limit is None else found | {"limit": certificate.pack(*limit)}


def replay(problem: ChainProblem, given: Mapping[str, Any], claimed: float) -> tuple[float, dict[str, Any]]:
    """Return the best welfare in the tree that verified bounds leave open above a claimed one.

    Raises
    ------
    VerificationError
        If the limit's potentials are none, or the problem is not for the search.
    """
    if problem.m is None or (reason := refuses(problem)) != "":
        raise VerificationError(
            "the certificate is for a problem with finitely many firms" if problem.m is None else reason
        )
    U, promise, chance, _ = bounds_of(problem, lambda: True)
    limit = None
    if isinstance(given.get("limit"), Mapping):
        infinite = replace(problem, m=None, budget=None)
        found, phi = certificate.read(infinite, given["limit"])
        certificate.verify(infinite, Limits(infinite), found, phi, exact=False)
        limit = (found, phi)
    search = Search(problem, U, promise, chance, limit)
    search.best = claimed * problem.K
    search.run(lambda: False)
    return search.best / problem.K, {"nodes": search.nodes}


# -- every path -----------------------------------------------------------------------------------------------------


def exhaust(problem: ChainProblem, deadline: float = math.inf) -> tuple[float, list[tuple[int, ...]], int]:
    """Return the best welfare, the paths within rounding of it, and how many were tried (negative: not all)."""
    U, promise, chance, _ = bounds_of(problem, lambda: True)
    search = Search(problem, U, np.full_like(promise, EVERYTHING), chance, None)
    ended = search.run(lambda: time.perf_counter() > deadline)
    paths = search.paths()
    value = max((problem.evaluate(path).value for path in paths), default=-math.inf)
    return value, paths if ended else [], search.nodes if ended else -search.nodes - 1
