"""The bound certificate: prices on inputs prove a bound on output, firm by firm (weak duality).

Every choice θ between ``lower`` and ``upper`` has inputs y̲ ≤ y ≤ ȳ (see `envelope`). Price each input row
y_j = Σ_i Ω_ij a_i at π_j ≥ 0 and each row lower_r ≤ G_r θ ≤ upper_r at μ_r (its side g_r is the upper one if μ_r > 0,
the lower one if μ_r < 0), and put the two logarithms below their tangents at T̂ and M̂, any T̂ > 0 and M̂ < L. What is
left separates by firm:

    log Y ≤ (log T̂ − 1)/(σ−1) + w L' − 1 − log w + Σ_r μ_r g_r − Σ_j π_j y̲_j
            + Σ_on (D_j + w f_j) + Σ_undecided max(0, D_j)

    D_j = max over y̲_j ≤ y ≤ ȳ_j of ( c_j Z_j y^α_j + h Z'_j y^(α_j κ) − π_j (y − y̲_j) ) − w f_j − Σ_r μ_r G_rj
    c_j = Σ_k Ω_jk π_k,   h = 1/((σ−1) T̂),   w = 1/(L − M̂),   L' = L − Σ_on f_j

D_j is firm j's shadow profit. A firm that does not operate uses no input, but its input is at least y̲_j all the same,
because the suppliers that surely operate make at least that available; so an operating firm pays only for what it needs
beyond y̲_j. With y̲ = 0 this is the bound without a lower envelope; as firms become decided, [y̲_j, ȳ_j] closes and the
bound becomes exact.

The D_j are reduced costs. With U the bound, D_j < 0 proves log Y ≤ U + D_j for every choice with θ_j = 1, and
D_j > 0 proves log Y ≤ U − D_j for every choice with θ_j = 0. What stays below the cutoff can be discarded.

All sums are rounded outwards: each term carries the rounding it may have suffered, and the bound includes their total.
(The stored Z_j and Z'_j are taken as exact; they define the problem.) Where a number leaves the range of doubles the
bound is infinite and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner.envelope import UNIT, Envelope

# mypy: disable-error-code="no-untyped-def,no-untyped-call"


@dataclass(frozen=True, eq=False)
class Prices:
    """Multipliers that prove a bound; any values within the stated signs are valid.

    Attributes
    ----------
    pi : array, shape (n,)
        Prices π_j ≥ 0 of inputs, in log output per unit of y_j.
    T : float
        T̂ > 0, where log Σ b is linearised.
    M : float
        M̂ < L, where log(L − Σ f θ) is linearised.
    mu : array, shape (m,)
        Multipliers of the rows on θ, of either sign; 0 where the side that the sign asks for is infinite.
    """

    pi: Vector
    T: float
    M: float
    mu: Vector


def bound(
    problem: PlannerProblem, lower: NDArray[np.int8], upper: NDArray[np.int8], box: Envelope, prices: Prices
) -> tuple[float, Vector]:
    """Return (U, D): a rigorous bound on log Y over all θ between ``lower`` and ``upper``, and the shadow profits.

    Parameters
    ----------
    lower, upper : int8 arrays, shape (n,)
    box : Envelope
        Verified for these ``lower`` and ``upper``.
    prices : Prices
    """
    rows, Omega = problem.rows, problem.Omega
    side = np.where(prices.mu > 0, rows.upper + 2 * rows.tolerance, rows.lower - 2 * rows.tolerance)
    bound_on_side = np.isfinite(side)
    mu, side = np.where(bound_on_side, prices.mu, 0.0), np.where(bound_on_side, side, 0.0)
    constant = float(mu @ side) + 2 * UNIT * (rows.count + 2) * float(np.abs(mu * side).sum())
    toll = rows.G.T @ mu if rows.count else np.zeros(problem.n)
    weight = (abs(rows.G).T @ np.abs(mu)) * (rows.count + 1) * UNIT if rows.count else np.zeros(problem.n)
    return _bound(  # type: ignore[no-any-return]
        Omega.indptr,
        Omega.indices,
        Omega.data,
        problem.Z,
        problem.Zb,
        problem.alpha,
        problem.kappa,
        problem.sigma,
        problem.L,
        problem.labour_left(lower),
        problem.f,
        lower,
        upper,
        box.y_low,
        box.y_high,
        np.maximum(prices.pi, 0.0),
        prices.T,
        prices.M,
        constant,
        toll,
        weight,
    )


def excludes(problem: PlannerProblem, lower: NDArray[np.int8], upper: NDArray[np.int8], mu: Vector) -> bool:
    """Whether μ proves (Farkas) that no θ between ``lower`` and ``upper`` satisfies the rows.

    It does if Σ_r μ_r (g_r − G_r θ), which is ≥ 0 for every θ that satisfies them, is negative throughout the box.
    """
    rows = problem.rows
    if mu.shape != (rows.count,) or not np.isfinite(mu).all():
        return False
    side = np.where(mu > 0, rows.upper + 2 * rows.tolerance, rows.lower - 2 * rows.tolerance)
    if not np.isfinite(side[mu != 0]).all():
        return False
    toll = rows.G.T @ mu
    used = mu != 0
    terms = np.concatenate([mu[used] * side[used], -np.minimum(toll * lower, toll * upper)])
    size = float(np.abs(terms).sum() + (abs(rows.G).T @ np.abs(mu)).sum())
    return float(terms.sum()) < -4 * UNIT * (terms.size + rows.count + 4) * size


@njit(cache=True, nogil=True, error_model="numpy")
def best_input(C, H, alpha, beta, pi, low, high):
    """Return (y, top, loss): ``top`` bounds the maximum over [low, high] of φ(y) = C y^α + H y^β − π (y − low).

    ``y`` is where it was found and ``loss`` bounds the rounding in ``top``. φ is concave if β ≤ 1, so a tangent bounds
    it; otherwise it is concave and then convex, and its maximum is in the concave part or at ``high``.
    """
    if not high > low:
        value = C * high**alpha + H * high**beta
        return high, value, UNIT * (16.0 + 4.0 * max(beta, 1.0) * abs(np.log(high))) * value if high > 0.0 else 0.0
    split = high
    if beta > 1.0 and H > 0.0:
        turn = (C * alpha * (1.0 - alpha) / (H * beta * (beta - 1.0))) ** (1.0 / (beta - alpha))
        split = min(high, max(low, turn))
    y = _stationary(C, H, alpha, beta, pi, low, split)
    top = _tangent_bound(C, H, alpha, beta, pi, low, low, split * (1.0 - 1e-9) if split < high else split, y)
    at_high = C * high**alpha + H * high**beta - pi * (high - low)
    powers = 16.0 + 4.0 * max(beta, 1.0) * abs(np.log(high))
    loss = UNIT * (powers * (C * high**alpha + H * high**beta) + 16.0 * pi * (high - low))
    if split < high:
        near = max(low, split * (1.0 - 1e-9))
        slope = alpha * C * near ** (alpha - 1.0) + beta * H * split ** (beta - 1.0) * (1.0 + 1e-6) if near > 0 else 0.0
        value = C * near**alpha + H * near**beta - pi * (near - low)
        top = max(top, value + max(0.0, slope - pi) * (split * (1.0 + 1e-9) - near))
        if split <= low:
            top = C * low**alpha + H * low**beta
            y = low
        if at_high > top:
            top = at_high
            y = high
    return y, min(top, C * high**alpha + H * high**beta), loss


@njit(cache=True, nogil=True, error_model="numpy")
def _tangent_bound(C, H, alpha, beta, pi, base, low, high, y):
    """Bound φ on [low, high], where it is concave, by its tangent at y."""
    y = min(max(y, low), high)
    if y <= 0.0:
        return C * high**alpha + H * high**beta
    value = C * y**alpha + H * y**beta - pi * (y - base)
    slope = (alpha * C * y**alpha + beta * H * y**beta) / y - pi
    return value + max(slope * (high - y), slope * (low - y))


@njit(cache=True, nogil=True, error_model="numpy")
def _stationary(C, H, alpha, beta, pi, low, high):
    """Return the maximiser of φ on [low, high], where φ' decreases, to about rounding."""
    if pi <= 0.0:
        return high
    if C <= 0.0 and H <= 0.0:
        return low
    if high > 0 and (alpha * C * high**alpha + beta * H * high**beta) / high >= pi:
        return high
    if low > 0 and (alpha * C * low**alpha + beta * H * low**beta) / low <= pi:
        return low
    if beta == alpha:
        return min(max((alpha * (C + H) / pi) ** (1.0 / (1.0 - alpha)), low), high)
    # each term alone has its stationary point left of that of both
    left = low
    if C > 0.0:
        left = max(left, min(high, (alpha * C / pi) ** (1.0 / (1.0 - alpha))))
    if H > 0.0 and beta < 1.0:
        left = max(left, min(high, (beta * H / pi) ** (1.0 / (1.0 - beta))))
    if C <= 0.0 or H <= 0.0 or left <= 0.0:
        return left
    right = high
    y = left
    for _ in range(200):
        first = alpha * C * y ** (alpha - 1.0)
        second = beta * H * y ** (beta - 1.0)
        slope = first + second - pi
        if slope > 0:
            left = y
        else:
            right = y
        if abs(slope) <= 4 * UNIT * pi or right - left <= 4 * UNIT * right:
            break
        bend = ((alpha - 1.0) * first + (beta - 1.0) * second) / y
        step = y - slope / bend if bend < 0 else 0.5 * (left + right)
        y = step if left < step < right else 0.5 * (left + right)
    return y


@njit(cache=True, nogil=True, error_model="numpy")
def _bound(
    indptr,
    indices,
    weight,
    Z,
    Zb,
    alpha,
    kappa,
    sigma,
    L,
    left,
    f,
    lower,
    upper,
    y_low,
    y_high,
    pi,
    T,
    M,
    constant,
    toll,
    toll_doubt,
):
    n = pi.size
    c = np.zeros(n)
    count = np.zeros(n)
    for k in range(n):
        if pi[k] > 0.0:
            for p in range(indptr[k], indptr[k + 1]):
                c[indices[p]] += weight[p] * pi[k]
                count[indices[p]] += 1.0
    h = 1.0 / ((sigma - 1.0) * T)
    w = 1.0 / (L - M)
    total = (np.log(T) - 1.0) / (sigma - 1.0) + (w * left - 1.0 - np.log(w)) + constant
    doubt = 8 * UNIT * ((abs(np.log(T)) + 1.0) / (sigma - 1.0) + w * abs(left) + abs(np.log(w)) + abs(constant) + 1.0)
    shared = 0.0
    carry = 0.0
    D = np.zeros(n)
    for j in range(n):
        base = pi[j] * y_low[j]
        term = -base
        doubt += 4 * UNIT * base
        if upper[j]:
            C = c[j] * Z[j] * (1.0 + UNIT * (count[j] + 4.0))
            _, gross, loss = best_input(C, h * Zb[j], alpha[j], alpha[j] * kappa, pi[j], y_low[j], y_high[j])
            cost = 0.0 if lower[j] else w * f[j]
            if cost > 0.0:
                shared = 8 * UNIT * w * L  # what adding fixed costs up in another order may change
            loss += 8 * UNIT * (cost + abs(toll[j]) + abs(gross)) + toll_doubt[j]
            D[j] = gross - cost - toll[j] + loss
            if lower[j] or not D[j] <= 0.0:
                term += D[j]
        moved = total + term
        if abs(total) >= abs(term):
            carry += (total - moved) + term
        else:
            carry += (term - moved) + total
        total = moved
        doubt += 2 * UNIT * abs(term)
    top = total + carry + 2.0 * (doubt + shared) + 4 * UNIT * abs(total)
    if not np.isfinite(top) or not np.isfinite(D.sum()):
        return np.inf, np.zeros(n)
    return top, D
