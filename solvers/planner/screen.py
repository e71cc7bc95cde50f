"""A bound on what one change of θ can gain, from duality, so that the local search tests only changes with a chance.

Write the planner's problem in (a, b, y) as the maximisation of log Y under a_j ≤ Z_j y_j^α_j, b_j ≤ Z'_j y_j^(α_j κ)
and y_j ≤ Σ_i Ω_ij a_i. With prices π_j ≥ 0 on the inputs, and both logs replaced by their tangents at the present
network, the Lagrangian separates by firm, and for every network θ' whose inputs stay below ȳ

    log Y(θ') ≤ log Y(θ) + Σ_{j on in θ'} D_j − Σ_{j on in θ} d_j,      D_j = max over 0 ≤ y ≤ ȳ_j of g_j(y),   d_j =
    g_j(y_j) g_j(y) = c_j Z_j y^α_j + h Z'_j y^(α_j κ) − π_j y − w f_j,   c_j = Σ_k Ω_jk π_k,   h = 1/((σ−1) T),   w =
    1/(L − Σ f θ)

At the prices π_j = α_j u_j / ((ε−1) y_j) of the present network g_j is stationary at y_j, so D_j = d_j where g_j is
concave (α_j κ ≤ 1). Then dropping j gains at most −d_j, and adding j at most D_j, since an idle firm has π_j = 0. Where
α_j κ > 1 the excess Σ (D_j − d_j) over the firms that are on is added to every bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from endonet.formulations.planner.fixed_point import input_sums
from endonet.solvers.planner.kernels import adjoint, owed, settle

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"

PRECISION = 1e-13


class Screen(NamedTuple):
    """What changing each firm can gain at most.

    ``gain[j]`` plus ``excess[0]`` bounds the gain in log Y from changing j. ``price`` is c and ``final`` holds h, from
    which the gain of an idle firm is bounded anew when better inputs than ȳ are known. The excess is infinite where the
    argument does not apply: nobody produces, or some g_j is not at its maximum.
    """

    gain: np.ndarray
    price: np.ndarray
    final: np.ndarray
    excess: np.ndarray


def empty_screen(n: int) -> Screen:
    """Return a screen over ``n`` firms that `fill_screen` still has to fill."""
    return Screen(np.zeros(n), np.zeros(n), np.zeros(1), np.zeros(1))


@njit(cache=True, nogil=True)
def input_ceiling(e, theta):
    """Return ȳ, the inputs at the greatest fixed point of θ, raised by what rounding could hide."""
    a = e.Z.copy()
    settle(e, theta, a, PRECISION)
    return input_sums(e.indptr, e.suppliers, e.weight, a) * (1.0 + 1e-9)


@njit(cache=True, nogil=True)
def fill_screen(e, point, ceiling, u, bounds):
    """Fill ``bounds`` for the network of ``point``; ``u`` is a start for the adjoint and holds it on return."""
    T, labour = point.total[0], point.total[1]
    bounds.gain[:] = np.inf
    bounds.excess[0] = np.inf
    if T <= 0.0 or labour <= 0.0:
        return
    pays, sweeps = adjoint(e, point.a, point.y, T, u, PRECISION)
    if sweeps < 0:
        return
    h = 1.0 / ((e.sigma - 1.0) * T)
    # u is known to about its relative precision, and every bound is a sum of terms that add up to about 1.
    excess = 1e-11
    for j in range(u.size):
        c = owed(e, j, pays) / (e.epsilon - 1.0)
        bounds.price[j] = c
        exponent = e.alpha[j] * e.kappa
        if point.a[j] > 0.0:
            supplier, final = c * point.a[j], h * point.b[j]
            inputs = e.alpha[j] * u[j] / (e.epsilon - 1.0)
            profit = supplier + final - inputs
            bounds.gain[j] = e.f[j] / labour - profit
            if exponent > 1.0:
                curvature = e.alpha[j] * (e.alpha[j] - 1.0) * supplier + exponent * (exponent - 1.0) * final
                if curvature > 0.0:
                    excess = np.inf
                x = max(ceiling[j] / point.y[j], 1.0)
                at_ceiling = supplier * x ** e.alpha[j] + final * x**exponent - inputs * x
                excess += max(0.0, at_ceiling - profit)
        elif point.theta[j]:
            bounds.gain[j] = e.f[j] / labour
            excess += most(e, j, c, h, ceiling[j])
        else:
            bounds.gain[j] = most(e, j, c, h, ceiling[j]) - e.f[j] / labour
    bounds.final[0] = h
    bounds.excess[0] = excess


@njit(cache=True, nogil=True)
def most(e, j, c, h, y):
    """Return what an idle firm with inputs y would add, c_j Z_j y^α_j + h Z'_j y^(α_j κ)."""
    if y == 0.0:
        return 0.0
    a = e.Z[j] * y ** e.alpha[j]
    return c * a + h * (a if e.kappa == 1.0 else a**e.kappa)
