"""Tighter bounds on inputs for the choices that still matter, from the shadow profits of many firms at once.

A dual bound U with shadow profits D (see `dual_bound`) says of every choice θ in its box

    log Y(θ) ≤ U − Σ_{θ_i = 0, D_i > 0} D_i − Σ_{θ_i = 1, D_i < 0} |D_i|    (sums over undecided firms)

so a choice with log Y > cutoff can go against the sign of D only as far as a budget of U − cutoff allows. A firm's
inputs are therefore at least what its suppliers with D_i > 0 provide less the most that this budget can take away, and
at most what those with D_i ≥ 0 provide plus the most that it can add: two knapsacks a firm, bounded by their fractional
relaxations. Suppliers that operate provide a_i between Z_i y̲_i^α and Z_i ȳ_i^α, so that each sweep feeds the next.
Reduced-cost fixing decides single firms by the same inequality; this uses it where it decides nobody as well.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner.envelope import POWER, UNIT

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

SWEEPS = 4


def squeeze(
    problem: PlannerProblem,
    lower: NDArray[np.int8],
    upper: NDArray[np.int8],
    y_low: Vector,
    y_high: Vector,
    D: Vector,
    budget: float,
) -> tuple[Vector, Vector]:
    """Return (y_low, y_high) for the choices between ``lower`` and ``upper`` that a dual bound leaves above its cutoff.

    Parameters
    ----------
    y_low, y_high : arrays, shape (n,)
        Valid bounds on inputs.
    D : array, shape (n,)
        Shadow profits of the dual bound.
    budget : float
        U − cutoff, with rounding; finite and not negative.

    Returns
    -------
    arrays of shape (n,)
        At least as tight; y_low > y_high for some firm proves that no such choice is left.
    """
    Omega = problem.Omega
    arrays = (Omega.indptr, Omega.indices, Omega.data, problem.Z, problem.alpha, lower, upper)
    low, high = _sweeps(*arrays, y_low.copy(), y_high.copy(), D, budget * (1 + 1e-9) + 1e-15)
    return low, high


@njit(cache=True, nogil=True, error_model="numpy")
def _sweeps(indptr, indices, weight, Z, alpha, lower, upper, y_low, y_high, D, budget):
    n = Z.size
    most = 0
    for j in range(n):
        most = max(most, indptr[j + 1] - indptr[j])
    value = np.empty(most)
    loss = np.empty(most)
    for _ in range(SWEEPS):
        moved = 0.0
        for j in range(n):
            if y_high[j] <= 0.0:
                continue
            doubt = UNIT * (2.0 * (indptr[j + 1] - indptr[j]) + POWER + 8.0)
            sure = 0.0
            count = 0
            for p in range(indptr[j], indptr[j + 1]):
                i = indices[p]
                if upper[i] and (lower[i] or D[i] > 0.0):
                    least = weight[p] * Z[i] * y_low[i] ** alpha[i]
                    sure += least
                    if not lower[i] and least > 0.0:
                        value[count], loss[count] = least, D[i]
                        count += 1
            low = (sure - _most(value, loss, count, budget) - doubt * sure) * (1.0 - doubt)
            sure = 0.0
            count = 0
            for p in range(indptr[j], indptr[j + 1]):
                i = indices[p]
                if upper[i]:
                    greatest = weight[p] * Z[i] * y_high[i] ** alpha[i]
                    if lower[i] or D[i] >= 0.0:
                        sure += greatest
                    elif greatest > 0.0:
                        value[count], loss[count] = greatest, -D[i]
                        count += 1
            high = (sure + _most(value, loss, count, budget)) * (1.0 + doubt)
            if low > y_low[j]:
                moved = max(moved, (low - y_low[j]) / y_high[j])
                y_low[j] = low
            if high < y_high[j]:
                moved = max(moved, (y_high[j] - high) / y_high[j])
                y_high[j] = high
        if moved < 1e-3:
            break
    return y_low, y_high


@njit(cache=True, nogil=True, error_model="numpy")
def _most(value, loss, count, budget):
    """Return the fractional knapsack's optimum: the most value within the budget of losses."""
    if count == 0:
        return 0.0
    total = 0.0
    spent = 0.0
    for c in range(count):
        total += value[c]
        spent += loss[c]
    if spent <= budget:
        return total
    order = np.argsort(-value[:count] / loss[:count])
    total = 0.0
    left = budget
    for c in order:
        if loss[c] > left:
            return total + value[c] * (left / loss[c])
        total += value[c]
        left -= loss[c]
    return total
