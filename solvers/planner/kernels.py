"""Compiled kernels that the heuristics for the planner's problem share.

Everything is written in a_j = q_j^(ε−1), as in `endonet.formulations.planner.fixed_point`:

    a_j = θ_j Z_j y_j^(α_j),    y_j = Σ_i Ω_ij a_i,    b_j = q_j^(σ−1) = a_j^κ,    log Q = (1/(σ−1)) log T,  T = Σ_j b_j

The adjoint of this system is u_k = ∂ log Q / ∂ log q_k (q_k ζ_k in appendix B of paper 001). It solves

    u_k = b_k / T + a_k m_k,      m_k = Σ_j Ω_kj α_j u_j / y_j

where a_k m_k is what firm k's buyers owe to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from endonet.formulations.planner.fixed_point import hard, input_sums, iterate, leontief, productive
from endonet.formulations.planner.problem import PlannerProblem

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"

MAX_SWEEPS = 1_000_000


class Economy(NamedTuple):
    """A planner's problem as arrays that kernels take: links by buyer and by supplier, firms, aggregates."""

    indptr: np.ndarray
    suppliers: np.ndarray
    weight: np.ndarray
    out_ptr: np.ndarray
    buyers: np.ndarray
    out_weight: np.ndarray
    Z: np.ndarray
    alpha: np.ndarray
    f: np.ndarray
    L: float
    sigma: float
    epsilon: float
    kappa: float


def economy(problem: PlannerProblem) -> Economy:
    """Return the arrays of a problem; O(links)."""
    Omega, rows = problem.Omega, problem.Omega.tocsr()
    return Economy(
        Omega.indptr,
        Omega.indices,
        Omega.data,
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int32),
        rows.data,
        problem.Z,
        problem.alpha,
        problem.f,
        float(problem.L),
        float(problem.sigma),
        float(problem.epsilon),
        float(problem.kappa),
    )


@njit(cache=True, nogil=True)
def settle(e, theta, a, tolerance):
    """Bring ``a`` in place to the greatest fixed point of (7) at θ, starting from its positive entries.

    Returns (alive, sweeps): who produces, and −1 sweeps if doubles did not suffice.
    """
    alive = productive(e.indptr, e.suppliers, e.out_ptr, e.buyers, theta)
    for j in range(a.size):
        if alive[j] and not a[j] > 0.0:
            a[j] = e.Z[j]
    sweeps = iterate(e.indptr, e.suppliers, e.weight, e.Z, e.alpha, alive, a, tolerance, MAX_SWEEPS)
    return alive, sweeps


@njit(cache=True, nogil=True)
def power_sum(a, kappa):
    """Return T = Σ a_j^κ = Q^(σ−1)."""
    total = 0.0
    for j in range(a.size):
        if a[j] > 0.0:
            total += a[j] if kappa == 1.0 else a[j] ** kappa
    return total


@njit(cache=True, nogil=True)
def owed(e, k, pays):
    """Return m_k = Σ_j Ω_kj pays_j, where pays_j = α_j u_j / y_j."""
    m = 0.0
    for p in range(e.out_ptr[k], e.out_ptr[k + 1]):
        m += e.out_weight[p] * pays[e.buyers[p]]
    return m


@njit(cache=True, nogil=True)
def adjoint(e, a, y, T, u, tolerance):
    """Solve for u in place by Gauss–Seidel (Neumann) sweeps from ``u``.

    Returns (pays, sweeps): pays_j = α_j u_j / y_j, 0 for firms that do not produce, and −1 sweeps if they did not
    suffice. The matrix has the Leontief structure, its columns sum to α_j < 1, so the sweeps converge from anywhere;
    where sweeps would lose accuracy, elimination takes their place.
    """
    n = a.size
    pays = np.zeros(n)
    if hard(e.alpha, (a > 0.0).astype(np.uint8)):
        demand = np.zeros(n)
        for k in range(n):
            if a[k] > 0.0:
                demand[k] = (a[k] if e.kappa == 1.0 else a[k] ** e.kappa) / T
        u[:], _ = leontief(e.indptr, e.suppliers, e.weight, a, y, e.alpha, demand, tolerance, MAX_SWEEPS)
        for k in range(n):
            if a[k] > 0.0:
                pays[k] = e.alpha[k] * u[k] / y[k]
        return pays, 1
    for k in range(n):
        if a[k] == 0.0:
            u[k] = 0.0
        else:
            pays[k] = e.alpha[k] * u[k] / y[k]
    for sweep in range(MAX_SWEEPS):
        change = 0.0
        for k in range(n - 1, -1, -1):
            if a[k] == 0.0:
                continue
            b = a[k] if e.kappa == 1.0 else a[k] ** e.kappa
            new = b / T + a[k] * owed(e, k, pays)
            if new > 0.0:
                change = max(change, abs(new - u[k]) / new)
            u[k] = new
            pays[k] = e.alpha[k] * new / y[k]
        if change <= tolerance:
            return pays, sweep + 1
    return pays, -1


@njit(cache=True, nogil=True)
def marginal_gains(e, theta, a, u, reshaped, tolerance, gain):
    """Fill ``gain`` with ∂ log Q / ∂θ_k of the relaxed problem at a corner θ.

    Returns T, 0 if nobody produces, −1 if doubles did not suffice.

    ``a`` and ``u`` are brought to their fixed points in place; what they hold on entry is only a start.

    With the reshaping (★), θ_i^b q_i^(ε−1) = θ_i Z_i y_i^α_i and q_i^(σ−1) = θ_i Z'_i y_i^(α_i κ) are linear in θ_i, so

        gain_k = Z'_k y_k^(α_k κ) / ((σ−1) T) + Z_k y_k^(α_k) m_k / (ε−1)

    whether firm k is active or not: this is the limit that θ_k^b has at θ_k = 0 where b < 0. Without reshaping
    (exponents 1 and 0), q_k is linear in θ_k: gain_k = u_k for an active firm, and for an inactive one the limits of
    θ_k^(σ−2) Z'_k y_k^(α_k κ) / T and θ_k^(ε−2) Z_k y_k^(α_k) m_k, which are 0 for elasticities above 2.
    """
    n = a.size
    _, sweeps = settle(e, theta, a, tolerance)
    if sweeps < 0:
        return -1.0
    T = power_sum(a, e.kappa)
    if T == 0.0:
        return 0.0
    y = input_sums(e.indptr, e.suppliers, e.weight, a)
    pays, sweeps = adjoint(e, a, y, T, u, tolerance)
    if sweeps < 0:
        return -1.0
    for k in range(n):
        if not reshaped and theta[k]:
            gain[k] = u[k]
            continue
        gain[k] = 0.0
        if y[k] == 0.0:
            continue
        supplied = a[k] if a[k] > 0.0 else e.Z[k] * y[k] ** e.alpha[k]
        direct = (supplied if e.kappa == 1.0 else supplied**e.kappa) / T
        indirect = supplied * owed(e, k, pays)
        if reshaped:
            gain[k] = direct / (e.sigma - 1.0) + indirect / (e.epsilon - 1.0)
        else:
            gain[k] = corner_limit(direct, e.sigma) + corner_limit(indirect, e.epsilon)
    return T


@njit(cache=True, nogil=True)
def corner_limit(term, elasticity):
    """Return the limit of term · θ^(elasticity − 2) as θ falls to 0."""
    if elasticity > 2.0 or term == 0.0:
        return 0.0
    return term if elasticity == 2.0 else np.inf
