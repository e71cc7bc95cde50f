"""Bounds on inputs for every choice left open: y̲ ≤ y(θ) ≤ ȳ for all θ with lower ≤ θ ≤ upper.

The map F of (7), a_j ↦ θ_j Z_j (Σ_i Ω_ij a_i)^α_j, is monotone in a and θ, so is its greatest fixed point in θ.
Let F^up have θ = upper and F_lo have θ = lower. By Knaster and Tarski, and because α_j < 1,

    ā > 0 with F^up(ā) ≤ ā   lies above the greatest fixed point of every choice,
    a̲ ≥ 0 with F_lo(a̲) ≥ a̲   lies below it.

Proof of the first: let a be the greatest fixed point of F^up and t = max_j a_j/ā_j. If t > 1, then
a = F^up(a) ≤ F^up(t ā) ≤ t^(max α) F^up(ā) ≤ t^(max α) ā < t ā, so t is no maximum. Of the second: the sequence
a̲ ≤ F_lo(a̲) ≤ F_lo(F_lo(a̲)) ≤ … increases to a fixed point. Firms without a closed loop of allowed suppliers have a = 0
whatever the choice.

Both vectors come from ordinary iteration, pushed outwards by a little more than rounding can reach, and are *verified*
by the two inequalities, evaluated with outward rounding. No accuracy of the iteration is taken on trust.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.errors import EndonetError
from endonet.formulations.planner import fixed_point
from endonet.formulations.planner.problem import PlannerProblem, Vector

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

UNIT = 2.0**-53
POWER = 8.0  # units of rounding allowed for a power and a product; the stored Z_j are the problem's own


@dataclass(frozen=True, eq=False)
class Envelope:
    """Verified bounds; arrays of shape (n,).

    Attributes
    ----------
    a_low, a_high : arrays
        Bounds on a_j of the firms that operate under every choice (low), under any choice (high).
    y_low, y_high : arrays
        Bounds on y_j = Σ_i Ω_ij a_i; exact in the sense that outward rounding is included.
    """

    a_low: Vector
    a_high: Vector
    y_low: Vector
    y_high: Vector

    def within(self, known: Envelope) -> Envelope:
        """Return the tighter of this and other valid bounds on inputs, firm by firm."""
        return replace(self, y_low=np.maximum(self.y_low, known.y_low), y_high=np.minimum(self.y_high, known.y_high))

    @property
    def empty(self) -> bool:
        """Whether the bounds exclude each other, so that nothing lies between them."""
        return bool((self.y_low > self.y_high).any())


def envelope(
    problem: PlannerProblem, lower: NDArray[np.int8], upper: NDArray[np.int8], near: Envelope | None = None
) -> Envelope:
    """Return verified bounds on inputs for all θ between ``lower`` and ``upper``.

    Parameters
    ----------
    near : Envelope, optional
        Bounds of a nearby box; the iterations start there, and the answer does not depend on them, but where doubles
        do not hold it: there they are the answer, if they are verified.

    Raises
    ------
    EndonetError
        If the bounds cannot be verified in double precision (α too close to 1).
    """
    a_high = _verified(problem, upper, None if near is None else near.a_high, +1.0)
    a_low = _verified(problem, lower, None if near is None else near.a_low, -1.0)
    Omega = problem.Omega
    y_low, y_high = _inputs(Omega.indptr, Omega.indices, Omega.data, a_low, a_high)
    return Envelope(a_low, a_high, y_low, y_high)


def _verified(problem: PlannerProblem, theta: NDArray[np.int8], near: Vector | None, side: float) -> Vector:
    Omega = problem.Omega
    out_ptr, buyers = problem.buyers
    alive = fixed_point.productive(Omega.indptr, Omega.indices, out_ptr, buyers, theta)
    start = problem.Z if near is None else np.where(near > 0, near, problem.Z)
    a: Vector = start.copy()
    links = (Omega.indptr, Omega.indices, Omega.data, problem.Z, problem.alpha, alive)
    if fixed_point.iterate(*links, a, 1e-15, 1_000_000) >= 0:
        push = 4.0 * UNIT * (POWER + 2.0) / (1.0 - float(problem.alpha.max()))
        for _ in range(40):
            pushed: Vector = a * (1.0 + side * push)
            if _holds(*links, pushed, side):
                return pushed
            push *= 2.0
    # Where doubles do not hold what is left, bounds of a larger box do, and 0 lies below everything.
    known = np.zeros(problem.n) if near is None else np.where(alive == 1, near, 0.0)
    if (near is not None or side < 0) and _holds(*links, known, side):
        return known
    raise EndonetError("bounds on the inputs cannot be verified in double precision: alpha is too close to 1")


@njit(cache=True, nogil=True)
def _holds(indptr, indices, weight, Z, alpha, alive, a, side):
    """Whether F(a) ≤ a (side +1) or F(a) ≥ a (side −1) holds for certain."""
    for j in range(a.size):
        if not alive[j]:
            continue
        y = 0.0
        for p in range(indptr[j], indptr[j + 1]):
            y += weight[p] * a[indices[p]]
        doubt = UNIT * (alpha[j] * (indptr[j + 1] - indptr[j] + 2.0) + POWER)
        image = Z[j] * y ** alpha[j]
        if side > 0 and not image * (1.0 + doubt) <= a[j]:
            return False
        if side < 0 and not image * (1.0 - doubt) >= a[j]:
            return False
    return True


@njit(cache=True, nogil=True)
def _inputs(indptr, indices, weight, a_low, a_high):
    """Return y_low (rounded down) and y_high (rounded up)."""
    n = a_low.size
    y_low = np.empty(n)
    y_high = np.empty(n)
    for j in range(n):
        low = 0.0
        high = 0.0
        for p in range(indptr[j], indptr[j + 1]):
            low += weight[p] * a_low[indices[p]]
            high += weight[p] * a_high[indices[p]]
        doubt = UNIT * (indptr[j + 1] - indptr[j] + 4.0)
        y_low[j] = low * (1.0 - doubt)
        y_high[j] = high * (1.0 + doubt)
    return y_low, y_high
