r"""Certificates of sets of suppliers, and the check that trusts no solver.

    {"kind": "sourcing thresholds"}                        complements: K + 1 prefixes are tried again for each firm
    {"kind": "sourcing prices", "prices": [p_1, …]}        substitutes: one price for each firm
    {"kind": "sourcing exhaustion"}                        every set of every firm is tried again

The first rests on the theorem in `endonet.formulations.sourcing.interdependent`. In the second, any p ≥ 0 proves

    π(Z) ≤ max_T [B φ^(σ−1) T^e − p T] + p ξ_0 + Σ_k max(0, p ξ_k − w f_k),

so that a certificate that was tampered with can prove less, but nothing false. Firms whose price leaves a gap are
searched through by a tree of the check's own, which bounds by prices alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.errors import InputError, VerificationError
from endonet.formulations.sourcing.interdependent import ChoiceOutcome, SourcingChoice, Vector
from endonet.solvers import claims
from endonet.solvers.solution import Solution, Status
from endonet.solvers.sourcing import choice_kernels

THRESHOLDS, PRICES, EXHAUSTION = "sourcing thresholds", "sourcing prices", "sourcing exhaustion"
ROUNDING = 1e-13
REPLAYED = 50_000_000
MOST_TRIED = 26


def pack(problem: SourcingChoice) -> dict[str, Any]:
    """Return the certificate of a finished or unfinished search."""
    if problem.complements:
        return {"kind": THRESHOLDS}
    return {"kind": PRICES, "prices": root_prices(problem).tolist()}


def root_prices(problem: SourcingChoice) -> Vector:
    """Return for each firm of a problem of substitutes the price of its relaxation without any branching."""
    prices = np.zeros(problem.firms)
    if not problem.complements:
        for rows in problem.blocks():
            _relax_all(problem.exponent, problem.scale[rows], problem.xi_0[rows], *_sorted(problem, rows), prices[rows])
    return prices


def check(problem: SourcingChoice, solution: Solution) -> dict[str, Any]:
    """Verify every claim of a solution: fingerprint, value, bound and status.

    Raises
    ------
    VerificationError
        If any of them does not hold, or a bound comes without a certificate.
    """
    claims.belongs(problem, solution)
    if solution.status in (Status.INFEASIBLE, Status.UNBOUNDED):
        raise VerificationError(
            f"the status is {solution.status.value}, but every set is feasible and profits are bounded"
        )
    outcome = _check_decision(problem, solution)
    report: dict[str, Any] = {"value": solution.value, "bound": solution.bound}
    if solution.bound is None:
        if solution.status in (Status.OPTIMAL, Status.FEASIBLE):
            raise VerificationError(f"the status {solution.status.value} needs a bound")
        return report
    claims.gap_follows(solution, solution.value, solution.bound, 1e-9)
    proved, size, replayed = _proved(problem, solution, outcome)
    if not proved <= solution.bound + ROUNDING * (size + abs(solution.bound)):
        raise VerificationError(f"the certificate proves {proved:.17g}, the bound claimed is {solution.bound:.17g}")
    return report | {"proved": proved, "replayed": replayed}


def _check_decision(problem: SourcingChoice, solution: Solution) -> ChoiceOutcome | None:
    """Verify the value of the decision; return what follows from it."""
    if solution.decision is None:
        if solution.value is not None or solution.status is Status.OPTIMAL:
            raise VerificationError("the solution has a value or an optimal status, but no decision")
        return None
    try:
        outcome = problem.evaluate(solution.decision)
    except InputError as error:
        raise VerificationError(f"the decision is none: {error}") from None
    if solution.value is None or not math.isclose(solution.value, outcome.value, rel_tol=ROUNDING, abs_tol=1e-300):
        raise VerificationError(f"the value is {solution.value}, the evaluator finds {outcome.value:.17g}")
    return outcome


def _proved(problem: SourcingChoice, solution: Solution, outcome: ChoiceOutcome | None) -> tuple[float, float, int]:
    """Return the bound that the certificate proves, the sums of which it is the difference, and nodes looked at.

    Profits are differences, and may be far smaller than what they are the difference of, which sets their rounding.
    """
    certificate = solution.certificate
    if certificate is None:
        raise VerificationError("the bound comes without a certificate")
    if outcome is None:
        raise VerificationError("a bound on profits is checked against a decision, and there is none")
    kind, profit, turnover = certificate.get("kind"), outcome.profit, outcome.earned + outcome.fixed
    if kind == THRESHOLDS and problem.complements:
        best, size = _best_prefixes(problem)
        return float(np.maximum(best, profit).sum()), float(np.maximum(size, turnover).sum()), 0
    if kind == EXHAUSTION and problem.K <= MOST_TRIED:
        found = np.array([_best_of_all(problem, i) for i in range(problem.firms)])
        return float(found[:, 0].sum()), float(found[:, 1].sum()), problem.firms * 2**problem.K
    if kind == PRICES and not problem.complements:
        allowed = max(float(solution.bound or 0.0) - float(profit.sum()), 0.0)
        bound, nodes = _by_prices(problem, certificate.get("prices"), profit, allowed)
        return bound, float(turnover.sum()), nodes
    raise VerificationError(f"a certificate of the kind {kind!r:.60} proves nothing about this problem")


def _best_prefixes(problem: SourcingChoice) -> tuple[Vector, Vector]:
    """Return each firm's profit with its best prefix in the order of f/ξ, and what it earns and pays there."""
    best, size = np.empty(problem.firms), np.empty(problem.firms)
    for rows in problem.blocks():
        xi, c, _ = _sorted(problem, rows)
        nobody = np.zeros((xi.shape[0], 1))
        Theta = problem.xi_0[rows, None] + np.concatenate([nobody, np.cumsum(xi, axis=1)], axis=1)
        earned = problem.scale[rows, None] * Theta**problem.exponent
        paid = np.concatenate([nobody, np.cumsum(c, axis=1)], axis=1)
        place = np.argmax(earned - paid, axis=1)[:, None]
        best[rows] = np.take_along_axis(earned - paid, place, axis=1)[:, 0]
        size[rows] = np.take_along_axis(earned + paid, place, axis=1)[:, 0]
    return best, size


def _best_of_all(problem: SourcingChoice, i: int) -> tuple[float, float]:
    """Return one firm's profit with the best of all sets, and what it earns and pays there."""
    rows = slice(i, i + 1)
    xi = choice_kernels.subset_sums(np.ascontiguousarray(problem.xi_of(rows)[0]))
    paid = choice_kernels.subset_sums(problem.w * problem.f_of(rows)[0])
    earned = problem.scale[i] * (problem.xi_0[i] + xi) ** problem.exponent
    place = int(np.argmax(earned - paid))
    return float(earned[place] - paid[place]), float(earned[place] + paid[place])


def _by_prices(problem: SourcingChoice, given: Any, profit: Vector, allowed: float) -> tuple[float, int]:
    """Return Σ of the firms' bounds; firms whose price leaves more than their part of the gap are searched through."""
    try:
        prices = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        prices = np.empty(0)
    if prices.shape != (problem.firms,) or not (np.isfinite(prices).all() and (prices >= 0).all()):
        raise VerificationError(f"the certificate's prices are no {problem.firms} numbers ≥ 0")
    bounds = np.empty(problem.firms)
    share = allowed / max(float(np.abs(profit).sum()), 1e-300) + ROUNDING / 10
    goals = profit + share * np.abs(profit)
    nodes = 0
    for rows in problem.blocks():
        firms = problem.exponent, problem.scale[rows], problem.xi_0[rows], *_sorted(problem, rows), prices[rows]
        looked_at = _replay_all(*firms, goals[rows], bounds[rows], REPLAYED)
        if looked_at < 0:
            raise VerificationError(f"the tree that the prices leave open has more than {REPLAYED} nodes")
        nodes += int(looked_at)
    return float(np.maximum(bounds, profit).sum()), nodes


def _sorted(problem: SourcingChoice, rows: slice) -> tuple[Vector, Vector, NDArray[np.int64]]:
    """Return ξ and c = w f of some firms in the order of c/ξ, and how many have ξ > 0; the others are last."""
    shape = rows.stop - rows.start, problem.K
    xi, c = (np.broadcast_to(array, shape) for array in (problem.xi_of(rows), problem.w * problem.f_of(rows)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        order = np.argsort(np.where(xi > 0, c / xi, np.nan), axis=1, kind="stable")
    return np.take_along_axis(xi, order, 1), np.take_along_axis(c, order, 1), (xi > 0).sum(axis=1)


@njit(cache=True, error_model="numpy")
def _price_of(e, s, T, xi, c, state):  # type: ignore[no-untyped-def]
    """Return the price at which the open suppliers, in the order of c/ξ, stop to pay, and the one at the margin."""
    for k in range(xi.size):
        if state[k] < 0:
            if s * e * (T + xi[k]) ** (e - 1.0) * xi[k] < c[k]:
                return c[k] / xi[k] if T == 0.0 else min(c[k] / xi[k], s * e * T ** (e - 1.0)), k
            T += xi[k]
    return s * e * T ** (e - 1.0) if T > 0.0 else 0.0, -1


@njit(cache=True, error_model="numpy")
def _relax_all(e, s, base, xi, cost, useful, prices):  # type: ignore[no-untyped-def]
    for i in range(s.size):
        K = useful[i]
        prices[i] = _price_of(e, s[i], base[i], xi[i, :K], cost[i, :K], np.full(K, -1, np.int8))[0]


@njit(cache=True, error_model="numpy")
def _bound_at(e, s, low, C, p, xi, c, state):  # type: ignore[no-untyped-def]
    """Return the bound of the price p at a node, outward by more than its rounding."""
    T = max((p / (s * e)) ** (1.0 / (e - 1.0)), low) if p > 0.0 else np.inf
    high = low
    for k in range(xi.size):
        if state[k] < 0:
            high += xi[k]
    T = min(T, high)
    total, size = s * T**e - p * (T - low) - C, s * T**e + p * T + C
    for k in range(xi.size):
        if state[k] < 0:
            total += max(0.0, p * xi[k] - c[k])
            size += p * xi[k]
    return total + 1e-15 * (xi.size + 16) * size


@njit(cache=True, error_model="numpy")
def _replay_all(e, s, base, xi, cost, useful, prices, goals, bounds, limit):  # type: ignore[no-untyped-def]
    """Fill the bounds of all firms; return the nodes looked at, or −1 beyond the limit."""
    nodes = 0
    for i in range(s.size):
        K = useful[i]
        a, c = xi[i, :K], cost[i, :K]
        stack, state = np.full((K + 2, K), -1, np.int8), np.empty(K, np.int8)
        depth, top = 1, -np.inf
        while depth > 0:
            depth -= 1
            choice_kernels.copy(stack[depth], state)
            nodes += 1
            if nodes > limit:
                return -1
            low, C, open_ones = base[i], 0.0, 0
            for k in range(K):
                if state[k] == 1:
                    low += a[k]
                    C += c[k]
                elif state[k] < 0:
                    open_ones += 1
            if open_ones == 0:
                top = max(top, s[i] * low**e - C)
                continue
            p, pick = _price_of(e, s[i], low, a, c, state)
            at_root = open_ones == K
            bound = _bound_at(e, s[i], low, C, prices[i] if at_root else p, a, c, state)
            if bound <= goals[i]:
                top = max(top, bound)
                continue
            if pick < 0:
                pick = 0
                while state[pick] >= 0:
                    pick += 1
            # One side of a supplier is closed where it costs more than the gap; then only the other is left.
            own = _bound_at(e, s[i], low, C, p, a, c, state)
            fixed = 0
            for k in range(K):
                if state[k] < 0 and p * a[k] != c[k]:
                    lost = own - abs(p * a[k] - c[k]) * (1.0 - 1e-15)
                    if lost <= goals[i]:
                        top = max(top, lost)
                        state[k] = 1 if p * a[k] > c[k] else 0
                        fixed += 1
            if fixed > 0:
                choice_kernels.copy(state, stack[depth])
                depth += 1
                continue
            for side in (0, 1):
                choice_kernels.copy(state, stack[depth])
                stack[depth, pick] = side
                for k in range(K):
                    # Dominance: who is at least as good and as cheap comes first; of equals, the first.
                    better = a[k] >= a[pick] and c[k] <= c[pick] and (k < pick or a[k] > a[pick] or c[k] < c[pick])
                    worse = a[k] <= a[pick] and c[k] >= c[pick] and (k > pick or a[k] < a[pick] or c[k] > c[pick])
                    if state[k] < 0 and k != pick and (better if side == 1 else worse):
                        stack[depth, k] = side
                depth += 1
        bounds[i] = top
    return nodes
