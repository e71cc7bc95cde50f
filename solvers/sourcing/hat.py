"""Hat algebra (paper 002, appendix A.5.2): a fixed network after a change of tariffs and import prices, from shares.

    T̂_j := ĉ_j^(1−σ) = s_Lj^Total ŵ^(1−σ) + t̂_Fj,     t̂_Fj = s_Fj p̂_Fj^(1−σ) + Σ_k s_kj t̂_Fk
    x̂_jF = T̂_j τ̂_j^(1−σ),    Ê = (μ w L^var ŵ + (μ−1) Σ x_jF x̂_jF) / E,    P̂^(1−σ) = Σ s_jH T̂_j,    Â = Ê/P̂^(1−σ)
    μ w L^var ŵ = Σ s_Lj^Total′ (x_jH T̂_j Â + x_jF x̂_jF),    s_Lj^Total′ = s_Lj^Total ŵ^(1−σ) / T̂_j

with L^var = L − Σ_j (Σ_k p_kj f_kj + p_jF f_jF): the paper prints a minus before the last term. All of it is linear in
ŵ^(1−σ) once s^Total and t̂ are known, so that a scalar equation for ŵ is left, which is bracketed; the paper iterates
with damping. Nothing but shares and sales is used: no productivity, saliency or fixed cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from endonet.formulations.errors import InputError
from endonet.solvers.sourcing.flows import Flows

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

Vector = NDArray[np.float64]
REACH = 64.0  # how far, in logarithms, the bracket for ŵ may grow


@dataclass(frozen=True, eq=False)
class Shares:
    """What hat algebra needs to know of an equilibrium; firms in sequence, links by buyer.

    Attributes
    ----------
    ptr, supplier : int arrays of shapes (n + 1,) and (k,)
    s_links, s_labour, s_foreign : arrays
        Shares in variable costs, of shapes (k,) and (n,); those of a firm sum to one.
    home, exports : arrays of shape (n,)
        Sales to households and abroad.
    variable_labour : float
        w L^var, the wages of labour that is not fixed cost.
    sigma : float
    """

    ptr: NDArray[np.int64]
    supplier: NDArray[np.int32]
    s_links: Vector
    s_labour: Vector
    s_foreign: Vector
    home: Vector
    exports: Vector
    variable_labour: float
    sigma: float


@dataclass(frozen=True, eq=False)
class Change:
    """Factors by which a fixed network's equilibrium changes.

    Attributes
    ----------
    w, A, E, P : float
    T : array of shape (n,)
        T̂_j = ĉ_j^(1−σ).
    home, exports : arrays of shape (n,)
        x_jH x̂_jH and x_jF x̂_jF: sales after the change.
    sales : array of shape (n,)
        Total sales after the change.
    """

    w: float
    A: float
    E: float
    P: float
    T: Vector
    home: Vector
    exports: Vector
    sales: Vector

    @property
    def real_income(self) -> float:
        """Ê/P̂."""
        return self.E / self.P


def shares(found: Flows) -> Shares:
    """Return the shares and sales of an equilibrium."""
    pairs = found.network.pairs
    left = found.w * (found.economy.L - float(found.fixed.sum()))
    parts = (found.s_links, found.s_labour, found.s_foreign, found.home, found.exports)
    return Shares(pairs.ptr, pairs.supplier, *parts, left, found.economy.rule.sigma)


def change(base: Shares, tau_hat: ArrayLike = 1.0, p_hat: ArrayLike = 1.0) -> Change:
    """Return how a fixed network's equilibrium changes.

    Parameters
    ----------
    tau_hat, p_hat : float or array_like of shape (n,)
        Factors on tariffs and import prices, positive.

    Raises
    ------
    InputError
        If a factor is not positive, or the economy does not trade.
    """
    n = base.s_labour.size
    tau, price = (_factors(name, value, n) for name, value in (("tau_hat", tau_hat), ("p_hat", p_hat)))
    if not (base.exports.any() and base.s_foreign.any()):
        raise InputError("base", "the economy does not trade", "a closed economy has neither tariffs nor import prices")
    if not base.variable_labour > 0:
        raise InputError("base", "fixed costs leave no labour", "start from an equilibrium")
    power, mu = 1 - base.sigma, base.sigma / (base.sigma - 1)
    labour = _along(base, base.s_labour)
    foreign = _along(base, base.s_foreign * price**power)
    sold = base.exports * tau**power
    E = float(base.home.sum())
    home_labour, home_foreign = float(base.home @ labour), float(base.home @ foreign)
    sold_labour, sold_foreign = float(sold @ labour), float(sold @ foreign)

    def demand(w: float) -> tuple[float, float]:
        v = w**power
        expenditure = mu * base.variable_labour * w + (mu - 1) * (sold_labour * v + sold_foreign)
        return expenditure / E, expenditure / (home_labour * v + home_foreign)

    def excess(x: float) -> float:
        w = math.exp(x)
        paid = w**power * (home_labour * demand(w)[1] + sold_labour)
        return math.log(mu * base.variable_labour * w) - math.log(paid)

    low, high = -1.0, 1.0
    while excess(low) > 0 and low > -REACH:
        low *= 2
    while excess(high) < 0 and high < REACH:
        high *= 2
    w = math.exp(brentq(excess, low, high, xtol=1e-15, rtol=8.9e-16, maxiter=500))
    E_hat, A_hat = demand(w)
    T = labour * w**power + foreign
    home, exports = base.home * T * A_hat, sold * T
    P = (float(base.home @ T) / E) ** (1 / power)
    return Change(
        w, A_hat, E_hat, P, T, home, exports, _sales(base, T, (home + exports) / mu) + (home + exports) / base.sigma
    )


def _factors(name: str, value: ArrayLike, n: int) -> Vector:
    factors = np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)) if np.ndim(value) == 0 else np.asarray(value)
    if factors.shape != (n,) or not (factors > 0).all() or not np.isfinite(factors).all():
        raise InputError(name, "it is no positive factor, or not n of them", f"give one number > 0, or {n}")
    return factors.astype(np.float64)


def _along(base: Shares, direct: Vector) -> Vector:
    """Return y with y_j = direct_j + Σ_k s_kj y_k."""
    total = direct.copy()
    _forwards(base.ptr, base.supplier, base.s_links, total)
    return total


def _sales(base: Shares, T: Vector, final: Vector) -> Vector:
    """Return C with C_j = final_j + Σ_k s′_jk C_k, where s′_jk = s_jk T̂_j/T̂_k."""
    total = final / T
    _backwards(base.ptr, base.supplier, base.s_links, total)
    return total * T


@njit(cache=True, nogil=True)
def _forwards(ptr, supplier, s, y):
    for j in range(y.size):
        for e in range(ptr[j], ptr[j + 1]):
            y[j] += s[e] * y[supplier[e]]


@njit(cache=True, nogil=True)
def _backwards(ptr, supplier, s, y):
    for j in range(y.size - 1, -1, -1):
        for e in range(ptr[j], ptr[j + 1]):
            y[supplier[e]] += s[e] * y[j]
