"""Kernels for the fixed point (7) in the variables a_j = q_j^(ε−1).

    a_j = θ_j Z_j y_j^(α_j),    y_j = Σ_i Ω_ij a_i,    Z_j = (A z_j)^(ε−1)

The map is monotone in (a, θ). Among the fixed points there is a greatest one: it is zero exactly for the firms without
access to a closed loop of active suppliers, and unique and positive on the others (paper 001, Proposition 1), because
α_j < 1 makes the map a contraction in log a there.

Links are stored by buyer (CSC of Ω): the suppliers of j are ``indices[indptr[j]:indptr[j+1]]``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LEAST, MOST = 1e-290, 1e290  # beyond these, rounding is no longer relative
NOISE = 1e-13  # relative changes below this may be rounding, and are once they have grown so often:
STALLS = 8
NEAR_ONE = 0.99  # an input share from which on sweeps end far from the fixed point: they lose (1 − α) of the distance
SMALL = 300  # firms whose linear system is solved by elimination
SWEEPS_BEFORE_NEWTON = 200
NEWTON_STEPS = 60
LONGEST = 30.0  # a step in log a
NEARLY = 1e-6

# mypy: disable-error-code="no-untyped-def,no-untyped-call"


@njit(cache=True, nogil=True)
def by_supplier(indptr, indices, n):
    """Return (out_ptr, buyers): the pattern of Ω stored by supplier."""
    out_ptr = np.zeros(n + 1, np.int64)
    for p in range(indices.size):
        out_ptr[indices[p] + 1] += 1
    for i in range(n):
        out_ptr[i + 1] += out_ptr[i]
    buyers = np.empty(indices.size, np.int32)
    place = out_ptr[:-1].copy()
    for j in range(n):
        for p in range(indptr[j], indptr[j + 1]):
            i = indices[p]
            buyers[place[i]] = j
            place[i] += 1
    return out_ptr, buyers


@njit(cache=True, nogil=True)
def productive(indptr, indices, out_ptr, buyers, active):
    """Return the firms (uint8 mask) that have access to a closed loop of active suppliers.

    Firms without an active supplier are removed until none is left; who remains can produce. O(links).
    """
    n = active.size
    alive = np.zeros(n, np.uint8)
    suppliers = np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    tail = 0
    for j in range(n):
        alive[j] = 1 if active[j] else 0
    for j in range(n):
        for p in range(indptr[j], indptr[j + 1]):
            suppliers[j] += alive[indices[p]]
        if alive[j] and suppliers[j] == 0:
            queue[tail] = j
            tail += 1
    head = 0
    while head < tail:
        i = queue[head]
        head += 1
        alive[i] = 0
        for p in range(out_ptr[i], out_ptr[i + 1]):
            j = buyers[p]
            suppliers[j] -= 1
            if alive[j] and suppliers[j] == 0:
                queue[tail] = j
                tail += 1
    return alive


@njit(cache=True, nogil=True)
def iterate(indptr, indices, weight, Z, alpha, alive, a, tolerance, max_sweeps):
    """Iterate (7) in place by Gauss–Seidel sweeps from ``a`` until no entry moves by a larger share than ``tolerance``.

    Where rounding keeps the last digits moving, it ends once the change no longer falls.

    Started at or above the greatest fixed point it stays above; started below (from a point that the map does not
    lower) it stays below. Where α_j comes near 1, what a sweep moves is a small share of the distance that is left; up
    to `SMALL` firms then come to the fixed point by Newton's method, to within rounding on either side. Returns the
    number of sweeps, or −1 if ``max_sweeps`` did not suffice or a number left the range of doubles.
    """
    n = a.size
    before, stalls = np.inf, 0
    newton = hard(alpha, alive)
    for j in range(n):
        if not alive[j]:
            a[j] = 0.0
    for sweep in range(max_sweeps):
        change = 0.0
        for j in range(n):
            if not alive[j]:
                continue
            y = 0.0
            for p in range(indptr[j], indptr[j + 1]):
                y += weight[p] * a[indices[p]]
            new = Z[j] * y ** alpha[j]
            if not (y > LEAST and new > LEAST and new < MOST):
                return -1
            change = max(change, abs(new - a[j]) / new)
            a[j] = new
        stalls += change <= NOISE and change >= before
        settled = change <= tolerance or stalls >= STALLS
        if newton and (settled or sweep >= SWEEPS_BEFORE_NEWTON):
            return sweep + 1 if approach(indptr, indices, weight, Z, alpha, alive, a) else -1
        if settled:
            return sweep + 1
        before = change
    return -1


@njit(cache=True, nogil=True)
def hard(alpha, alive):
    """Whether sweeps lose accuracy, for some α_j is near 1, and there are few enough firms to do without them."""
    count, top = 0, 0.0
    for j in range(alpha.size):
        if alive[j]:
            count += 1
            top = max(top, alpha[j])
    return top > NEAR_ONE and 0 < count <= SMALL


@njit(cache=True, nogil=True)
def approach(indptr, indices, weight, Z, alpha, alive, a):
    """Bring ``a`` in place to the fixed point (7) by Newton's method in log a; returns False if doubles do not hold it.

    F(x)_j = log Z_j + α_j log Σ_i Ω_ij e^(x_i) is convex and (I − F′)⁻¹ ≥ 0, so that a step ends below the fixed point
    and those that follow rise to it, wherever they start.
    """
    firms = np.flatnonzero(alive)
    place = np.full(a.size, -1, np.int64)
    place[firms] = np.arange(firms.size)
    step = np.empty(firms.size)
    before = np.inf
    for _ in range(NEWTON_STEPS):
        M = np.zeros((firms.size, firms.size))
        for k in range(firms.size):
            j = firms[k]
            y = 0.0
            for p in range(indptr[j], indptr[j + 1]):
                if alive[indices[p]]:
                    supplied = weight[p] * a[indices[p]]
                    M[k, place[indices[p]]] = -alpha[j] * supplied
                    y += supplied
            M[k] /= y
            M[k, k] += 1.0
            step[k] = np.log(Z[j] * y ** alpha[j] / a[j])
        eliminate(M, step)
        change = np.abs(step).max()
        if not np.isfinite(change):
            return False
        if change > LONGEST:
            step *= LONGEST / change
        a[firms] *= np.exp(step)
        if not (a[firms].min() > LEAST and a[firms].max() < MOST):
            return False
        if change <= NOISE or (change <= NEARLY and change >= before):
            return True
        before = change
    return False


@njit(cache=True, nogil=True)
def eliminate(M, r):
    """Solve M x = r in place for a matrix with a dominant diagonal, which needs no pivots; ``r`` becomes x."""
    n = r.size
    for k in range(n):
        for i in range(k + 1, n):
            if M[i, k] != 0.0:
                share = M[i, k] / M[k, k]
                for j in range(k + 1, n):
                    M[i, j] -= share * M[k, j]
                r[i] -= share * r[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            r[k] -= M[k, j] * r[j]
        r[k] /= M[k, k]


@njit(cache=True, nogil=True)
def input_sums(indptr, indices, weight, a):
    """Return y_j = Σ_i Ω_ij a_i."""
    y = np.zeros(indptr.size - 1)
    for j in range(y.size):
        total = 0.0
        for p in range(indptr[j], indptr[j + 1]):
            total += weight[p] * a[indices[p]]
        y[j] = total
    return y


@njit(cache=True, nogil=True)
def leontief(indptr, indices, weight, a, y, alpha, demand, tolerance, max_sweeps):
    """Solve v = demand + Γ (α ∘ v) with Γ_jk = Ω_jk a_j / y_k, by Jacobi sweeps; every term is non-negative.

    Where some α_j is near 1 and there are few firms, by elimination. Returns (v, sweeps); sweeps is −1 if
    ``max_sweeps`` did not suffice.
    """
    n = demand.size
    producing = (a > 0.0).astype(np.uint8)
    if hard(alpha, producing):
        return _eliminated(indptr, indices, weight, a, y, alpha, demand, producing), 1
    before, stalls = np.inf, 0
    v = demand.copy()
    for sweep in range(max_sweeps):
        new = np.zeros(n)
        for k in range(n):
            if y[k] > 0.0 and a[k] > 0.0:
                pull = alpha[k] * v[k] / y[k]
                for p in range(indptr[k], indptr[k + 1]):
                    new[indices[p]] += weight[p] * pull
        change = 0.0
        for j in range(n):
            new[j] = demand[j] + a[j] * new[j]
            if new[j] > 0.0:
                change = max(change, abs(new[j] - v[j]) / new[j])
        v = new
        stalls += change <= NOISE and change >= before
        if change <= tolerance or stalls >= STALLS:
            return v, sweep + 1
        before = change
    return v, -1


@njit(cache=True, nogil=True)
def _eliminated(indptr, indices, weight, a, y, alpha, demand, producing):
    """Solve the system of `leontief` by elimination."""
    firms = np.flatnonzero(producing)
    place = np.full(a.size, -1, np.int64)
    place[firms] = np.arange(firms.size)
    M = np.eye(firms.size)
    for k in firms:
        for p in range(indptr[k], indptr[k + 1]):
            j = indices[p]
            if producing[j]:
                M[place[j], place[k]] -= weight[p] * a[j] * (alpha[k] / y[k])
    v = demand.copy()
    own = v[firms]
    eliminate(M, own)
    v[firms] = own
    return v
