"""An economy in the order of its sequence, and what a network implies for wage and demand.

Given a network, T_j = a_j u + b_j is linear in u = w^(1−σ), so the whole fixed-network equilibrium rests on five sums,

    H_a = Σ β~_jH a_j,   H_b = Σ β~_jH b_j,   G_a = Σ e_j g_j a_j,   G_b = Σ e_j g_j b_j,   F = Σ fixed costs

Exports are μ^(1−σ) (G_a u + G_b) and imports μ^(−σ) (A H_b + G_b), so that balanced trade (A6) reads

    A = (μ G_a u + (μ−1) G_b) / H_b,

and the labour that is left after fixed costs is employed if w^σ (L − F) = μ^(−σ) (A H_a + G_a). Put together, the left
side rises and the right side falls in w: every network with an importer, an exporter and F < L has one equilibrium. In
a closed economy w = 1 and A = μ^σ (L − F) / H_a, which is (16) at its zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.sourcing.problem import Smoothing, SourcingProblem
from endonet.solvers.sourcing import kernels
from endonet.solvers.sourcing.kernels import Choices, Firms, Pairs, Rule

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

ROUNDS = 60


class Sums(NamedTuple):
    """The five sums on which the equilibrium of a network rests."""

    Ha: float
    Hb: float
    Ga: float
    Gb: float
    F: float


@dataclass(frozen=True, eq=False)
class Market:
    """An economy whose firms stand in their sequence.

    Attributes
    ----------
    firms : Firms
    pairs : Pairs
        Every potential link, with α as given.
    rule : Rule
    L : float
    is_open : bool
    order : int array of shape (n,), or None
        Firm ``order[i]`` of the problem is the i-th of the sequence; None if they stand in order already.
    link : int array of shape (m,), or None
        Pair e is link ``link[e]`` of the problem; None if they stand in order already.
    """

    firms: Firms
    pairs: Pairs
    rule: Rule
    L: float
    is_open: bool
    order: NDArray[Any] | None = None
    link: NDArray[np.int64] | None = None

    @property
    def n(self) -> int:
        """Number of firms."""
        return int(self.firms.Phi.size)

    @property
    def mu(self) -> float:
        """σ/(σ−1)."""
        return self.rule.sigma / (self.rule.sigma - 1)


def market(problem: SourcingProblem) -> Market:
    """Return the economy with its firms in sequence; arrays of links are shared with the problem where they can be.

    The problem must be acyclic, its links initiated by buyers at the paper's markups.
    """
    power = problem.sigma - 1
    n = problem.n
    order = None if problem.forward else problem.order
    place = slice(None) if order is None else order
    Phi, labour, beta = (getattr(problem, name)[place] ** power for name in ("phi", "alpha_L", "beta_H"))
    abroad = problem.open
    nobody = np.zeros(n)
    if abroad is None:
        firms = Firms(Phi, labour, beta, nobody, nobody, nobody, nobody)
    else:
        g = (abroad.beta_F / abroad.tau) ** power * abroad.D_F
        foreign = (abroad.alpha_F / abroad.p_F) ** power
        firms = Firms(Phi, labour, beta, g[place], foreign[place], abroad.f_import[place], abroad.f_export[place])
    smoothing = problem.smoothing or Smoothing()
    rule = kernels.rule(problem.sigma, smoothing.relative, smoothing.absolute)
    if order is None:
        pairs, link = Pairs(problem.ptr, problem.supplier, problem.alpha, problem.f), None
    else:
        pairs, link = _in_sequence(problem, order)
    return Market(firms, pairs, rule, problem.L, abroad is not None, order, link)


def _in_sequence(problem: SourcingProblem, order: NDArray[Any]) -> tuple[Pairs, NDArray[np.int64]]:
    """Return the pairs with firms renamed by their place in the sequence, and the link behind each pair."""
    place = np.empty(problem.n, dtype=np.int32)
    place[order] = np.arange(problem.n, dtype=np.int32)
    link = np.lexsort((place[problem.supplier], place[problem.buyer]))
    ptr = np.concatenate([[0], np.cumsum(np.diff(problem.ptr)[order])])
    return Pairs(ptr, place[problem.supplier][link], problem.alpha[link], problem.f[link]), link


def shocked(economy: Market, tau_hat: ArrayLike = 1.0, p_hat: ArrayLike = 1.0) -> Market:
    """Return an open economy after tariffs and import prices have changed by factors, one or n (in sequence)."""
    power = economy.rule.sigma - 1
    firms = economy.firms
    g, foreign = firms.g / np.asarray(tau_hat) ** power, firms.foreign / np.asarray(p_hat) ** power
    return replace(economy, firms=firms._replace(g=g, foreign=foreign))


def choices(n: int) -> Choices:
    """Return room for what a sweep finds."""
    return Choices(*(np.empty(n) for _ in Choices._fields))


def prune(economy: Market, w: float, A: float, pairs: Pairs | None = None) -> Pairs:
    """Return the pairs that can be chosen at any wage ≥ w and demand ≤ A, with α~ in place of α.

    Exact: in that quadrant a dropped pair is never chosen, or with smoothing with a probability below 4e-18.

    Parameters
    ----------
    pairs : Pairs, optional
        What was left by an earlier pruning to a quadrant that holds this one.
    """
    n = economy.n
    given, power = (economy.pairs, economy.rule.sigma - 1) if pairs is None else (pairs, 1.0)
    T, B, count = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    kernels.highest(economy.firms, given, economy.rule, power, w, A, T, B, count)
    ptr = np.concatenate([[0], np.cumsum(count)])
    kept = Pairs(ptr, np.empty(ptr[-1], np.int32), np.empty(ptr[-1]), np.empty(ptr[-1], given.f.dtype))
    kernels.keep(given, economy.rule, power, w, B, T, kept)
    return kept


@njit(cache=True)
def _sums(firms, found):
    Ha, Hb, Ga, Gb, F = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(firms.Phi.size):
        Ha += firms.beta[j] * found.a[j]
        Hb += firms.beta[j] * found.b[j]
        Ga += found.exports[j] * firms.g[j] * found.a[j]
        Gb += found.exports[j] * firms.g[j] * found.b[j]
        F += found.fixed[j]
    return Ha, Hb, Ga, Gb, F


def sums(economy: Market, found: Choices) -> Sums:
    """Return the sums of a network from the choices of a sweep."""
    return Sums(*_sums(economy.firms, found))


def implied(economy: Market, totals: Sums) -> tuple[float, float] | None:
    """Return (w, A) of the network's own equilibrium; None if it has none, or none that fixes the wage.

    There is none if fixed costs leave no labour, or if there is an importer but no exporter or the reverse.
    """
    if totals.F >= economy.L:
        return None
    if not economy.is_open:
        return 1.0, economy.mu**economy.rule.sigma * (economy.L - totals.F) / totals.Ha
    if totals.Hb <= 0 or totals.Ga <= 0:
        return None
    return crossing(economy, totals, totals)


def crossing(economy: Market, trade: Sums, labour: Sums) -> tuple[float, float]:
    """Return (w, A) where balanced trade by the sums of one network meets full employment by those of another.

    Along balanced trade A falls in w, along full employment it rises; G_a enters both.
    """
    mu, sigma = economy.mu, economy.rule.sigma
    left = math.log(economy.L - labour.F) + sigma * math.log(mu)
    steady = (mu - 1) * trade.Gb * labour.Ha / trade.Hb + labour.Ga
    falling = mu * trade.Ga * labour.Ha / trade.Hb
    x = (math.log(steady if steady > 0 else falling) - left) / sigma
    for _ in range(ROUNDS):
        moving = falling * math.exp((1 - sigma) * x)
        right = steady + moving
        step = (left + sigma * x - math.log(right)) / (sigma + (sigma - 1) * moving / right)
        x -= step
        if abs(step) <= 1e-16 * max(1.0, abs(x)):
            break
    return math.exp(x), (mu * trade.Ga * math.exp((1 - sigma) * x) + (mu - 1) * trade.Gb) / trade.Hb
