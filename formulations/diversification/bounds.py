r"""How many suppliers a planner's layer can have at most, without losing any optimum.

Take one supplier from layer k. Layers i ≥ k go from S_i to S_i (s−1)/s, which costs the planner Σ_{i≥k} π_i [M(S_i
(s−1)/s) − M(S_i)] and saves κ_k (2s − 1), κ_k = c_k/2. At an optimum the saving is no larger, and with T_k = Σ_{i≥k}
π_i the loss is at most each of

    (T_k/e) log(s/(s−1))                            x^(n(s−1)/s) − x^n ≤ log(s/(s−1))/e for x in [0, 1]
    T_k M(S_{k−1} (s−1)) (1 − exp(−β/(s−1)))        M(m) − M(n) = M(m)(1 − exp(−ℓ)), ℓ ≤ (n−m) β/m = β/(s−1)

so every optimal s_k ≥ 2 obeys κ_k (2s_k − 1) ≤ the smaller of the two: uniform or not, for any law of X in the first
case. Caps and a budget keep the exchange feasible. A least diversification n of the last layer (risk target, tail) does
not, unless S_{k−1} (s−1) ≥ n; then s_k ≤ max(bound, ⌈n/S_{k−1}⌉).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.diversification.moments import moment

if TYPE_CHECKING:
    from endonet.formulations.diversification.problem import ChainProblem

ROOM = 1e-9  # the bound is widened by this share, so that rounding never excludes an optimum
UNLIMITED = 1 << 62


@njit(cache=True, error_model="numpy")
def can_be_optimal(law, S, s, profit, kappa):  # type: ignore[no-untyped-def]
    """Whether s suppliers behind S pass both tests; ``profit`` is T_k."""
    if s <= 1:
        return True
    saved = kappa * (2.0 * s - 1.0)
    if saved > (1 + ROOM) * profit / math.e * -math.log1p(-1.0 / s):
        return False
    beta = law.beta if law.kind < 2 else 0.0
    return saved <= (1 + ROOM) * profit * moment(law, S * (s - 1.0)) * -math.expm1(-beta / (s - 1.0))


@njit(cache=True, error_model="numpy")
def _largest(law, S, profit, kappa, start):  # type: ignore[no-untyped-def]
    """Return the largest s that passes both tests behind S, searched in growing steps from ``start`` ≥ 1."""
    step = 1
    if can_be_optimal(law, S, start, profit, kappa):
        low = start
        while can_be_optimal(law, S, low + step, profit, kappa):
            low += step
            step *= 2
        high = low + step
    else:
        high = start
        while True:
            low = max(high - step, 1)
            if can_be_optimal(law, S, low, profit, kappa):
                break
            high = low
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if can_be_optimal(law, S, middle, profit, kappa):
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, error_model="numpy")
def _allowed(largest, S, cap, least):  # type: ignore[no-untyped-def]
    """Return the most suppliers once a least diversification and a cap are heeded too."""
    if least > 0:
        largest = max(largest, int(min(math.ceil(least / S * (1 + ROOM)), 1e18)))
    return min(largest, cap)


@njit(cache=True, error_model="numpy")
def most_suppliers(law, S, profit, kappa, cap, least):  # type: ignore[no-untyped-def]
    """Return the most suppliers that layer k can have behind S, as in the module's docstring."""
    return _allowed(_largest(law, S, profit, kappa, 1), S, cap, least)


@njit(cache=True, error_model="numpy")
def most_of_each(law, S, profit, kappa, cap, least):  # type: ignore[no-untyped-def]
    """Return `most_suppliers` of each of an array of S; quickest where S rises slowly, for neighbours are alike."""
    found = np.empty(S.size, np.int64)
    largest = 1
    for j in range(S.size):
        largest = _largest(law, S[j], profit, kappa, largest)
        found[j] = _allowed(largest, S[j], cap, least)
    return found


@njit(cache=True, error_model="numpy")
def tops(law, pi, kappa, profit, caps, least):  # type: ignore[no-untyped-def]
    """Return, for k = 0 … K, what layers after k can earn at most: Σ_{i>k} max(0, π_i (1 − M(P)) − κ_i).

    P is the product of every layer's most suppliers, which no S exceeds; with a least diversification it counts as ∞.
    """
    K = pi.size
    largest = 1.0
    for k in range(K):
        largest *= most_suppliers(law, 1.0, profit[k], kappa[k], caps[k], 0.0)
    floor = 0.0 if least > 0 or not largest < 1e300 else moment(law, largest) * (1 - ROOM)
    found = np.zeros(K + 1)
    for k in range(K - 1, -1, -1):
        found[k] = found[k + 1] + max(pi[k] * (1.0 - floor) - kappa[k], 0.0)
    return found * (1 + 1e-13)  # more than rounding takes off


class Limits:
    """The numbers that bound each layer's suppliers, as the kernels take them.

    Attributes
    ----------
    pi, kappa : arrays of shape (K,)
    profit : array of shape (K + 1,)
        T_k = Σ_{i≥k} π_i.
    top : array of shape (K + 1,)
        No continuation from layer k is worth more; see `tops`.
    caps : int array of shape (K,)
    least : float
        The least S_K; 0 where there is none.
    """

    def __init__(self, problem: ChainProblem) -> None:
        self.pi: NDArray[np.float64] = np.array([float(x) for x in problem.pi])
        self.kappa: NDArray[np.float64] = np.array([float(x) for x in problem.kappa])
        self.profit = np.append(np.cumsum(self.pi[::-1])[::-1], 0.0)
        caps = problem.caps if problem.caps is not None else (UNLIMITED,) * problem.K
        self.caps: NDArray[np.int64] = np.array([min(cap, UNLIMITED) for cap in caps], np.int64)
        least = problem.least_diversification
        self.least = math.inf if least is None else float(least)
        self.law = problem.moments.law
        self.top: NDArray[np.float64] = tops(self.law, self.pi, self.kappa, self.profit, self.caps, self.least)

    def most(self, k: int, S: int) -> int:
        """Return the most suppliers of layer k (0-based) behind S."""
        return int(
            most_suppliers(self.law, float(S), self.profit[k], self.kappa[k], self.caps[k], min(self.least, 1e300))
        )
