"""Who sells how much to whom in an equilibrium of a sequence: the flows behind moments and counterfactuals.

Everything is in the order of the sequence. Variable costs are C_j = x_j/μ̄_j; buyers pay marginal cost, so that sales
on a link are s_kj C_j, and total shares along the network follow from T_j = a_j u + b_j: of firm j's costs b_j/T_j come
from abroad, directly or through suppliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.solvers.sourcing.balance import Balance
from endonet.solvers.sourcing.market import Market
from endonet.solvers.sourcing.network import Formed, demand, settle, thinned

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flows:
    """An equilibrium in quantities; arrays by firm have shape (n,), those by formed link shape (k,).

    Attributes
    ----------
    economy : Market
    network : Formed
        Only the links that are formed.
    w, A : float
    T, Theta : arrays
        c_j^(1−σ) and sourcing capabilities.
    C : array
        Variable costs.
    home, exports : arrays
        Sales to households and abroad.
    s_labour, s_foreign, s_links : arrays
        Shares of labour, imports and each link in variable costs.
    foreign_total : array
        s_Fj^Total, what of j's costs originates from abroad.
    fixed : array
        Labour for fixed costs.
    """

    economy: Market
    network: Formed
    w: float
    A: float
    T: Vector
    Theta: Vector
    C: Vector
    home: Vector
    exports: Vector
    s_labour: Vector
    s_foreign: Vector
    s_links: Vector
    foreign_total: Vector
    fixed: Vector

    @cached_property
    def buyer(self) -> NDArray[np.int32]:
        """The buyer of each link."""
        return np.repeat(np.arange(self.T.size, dtype=np.int32), np.diff(self.network.pairs.ptr))

    @cached_property
    def link_sales(self) -> Vector:
        """Sales on each link."""
        sold: Vector = self.s_links * self.C[self.buyer]
        return sold

    @cached_property
    def network_sales(self) -> Vector:
        """What each firm sells to other firms."""
        return _per_firm(self.network.pairs.supplier, self.link_sales, self.T.size)

    @property
    def purchases(self) -> Vector:
        """What each firm buys from other firms."""
        return _per_firm(self.buyer, self.link_sales, self.T.size)

    @property
    def sales(self) -> Vector:
        """Total sales x_j."""
        total: Vector = self.home + self.exports + self.network_sales
        return total

    @property
    def suppliers(self) -> Vector:
        """Number of suppliers: links that are more likely than not."""
        return _per_firm(self.buyer, self.network.p > 0.5, self.T.size)

    @property
    def buyers(self) -> Vector:
        """Number of buyers."""
        return _per_firm(self.network.pairs.supplier, self.network.p > 0.5, self.T.size)

    @property
    def E(self) -> float:
        """Aggregate expenditure, Σ x_jH."""
        return float(self.home.sum())

    @property
    def P(self) -> float:
        """The price index."""
        return float((self.E / self.A) ** (1 / (1 - self.economy.rule.sigma)))

    @property
    def real_income(self) -> float:
        """E/P."""
        return self.E / self.P

    @cached_property
    def export_total(self) -> Vector:
        """r_jF^Total: what of j's sales is exported, directly or through buyers."""
        share = np.empty(self.T.size)
        _exported(self.network.pairs, self.link_sales, self.exports, self.sales, share)
        return share

    @property
    def residuals(self) -> dict[str, float]:
        """How far each market is from clearing, relative to its size."""
        economy, w = self.economy, self.w
        labour = float((self.s_labour * self.C).sum()) / w + float(self.fixed.sum())
        profits = self.home + self.exports - (self.home + self.exports) / economy.mu - w * self.fixed
        income = w * economy.L + float(profits.sum())
        produced = (self.home + self.exports) / economy.mu + self.network_sales
        paid = self.s_labour + self.s_foreign + _per_firm(self.buyer, self.s_links, self.T.size)
        found = {
            "labour": abs(labour / economy.L - 1),
            "income": abs(self.E / income - 1),
            "goods": float(np.abs(produced / self.C - 1).max()),
            "costs": float(np.abs(paid - 1).max()),
        }
        if economy.is_open:
            imports, exports = float((self.s_foreign * self.C).sum()), float(self.exports.sum())
            found["trade"] = abs(imports / exports - 1)
        return found


def flows(economy: Market, found: Balance) -> Flows:
    """Return the flows of an equilibrium."""
    return flows_of(economy, thinned(found.network), found.w, found.A)


def flows_of(economy: Market, network: Formed, w: float, A: float) -> Flows:
    """Return the flows of a network at (w, A)."""
    firms, sigma, mu = economy.firms, economy.rule.sigma, economy.mu
    costs = settle(economy, network)
    u = w ** (1 - sigma)
    T = costs.a * u + costs.b
    Theta = T / firms.Phi
    buyer = np.repeat(np.arange(economy.n), np.diff(network.pairs.ptr))
    scale = mu ** (1 - sigma)
    return Flows(
        economy,
        network,
        w,
        A,
        T,
        Theta,
        C=T * demand(economy, network, A),
        home=scale * firms.beta * T * A,
        exports=scale * network.exports * firms.g * T,
        s_labour=firms.labour * u / Theta,
        s_foreign=network.imports * firms.foreign / Theta,
        s_links=network.p * network.pairs.alpha * T[network.pairs.supplier] / Theta[buyer],
        foreign_total=costs.b / T,
        fixed=costs.fixed,
    )


def _per_firm(firm: NDArray[np.int32], amounts: NDArray[Any], n: int) -> Vector:
    return np.bincount(firm, amounts, n).astype(np.float64)


@njit(cache=True, nogil=True)
def _exported(pairs, link_sales, exports, sales, share):
    n = exports.size
    for j in range(n):
        share[j] = exports[j]
    for k in range(n - 1, -1, -1):
        share[k] = share[k] / sales[k] if sales[k] > 0.0 else 0.0
        for e in range(pairs.ptr[k], pairs.ptr[k + 1]):
            share[pairs.supplier[e]] += link_sales[e] * share[k]
