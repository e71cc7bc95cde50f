r"""Bounds on the real income of all networks between two, from what each open decision can add (closed and open).

With A′ = A w^(−σ), real income and the labour market of a network are

    E/P = A′ Q^p,    p = σ/(σ−1),    A′ S_d + w^(−σ) S_e = L − F,
    Q = Q_a + Q_b w^(σ−1) = w^(σ−1) Σ β̃_j T_j,

and Q is a sum over paths from labour, or from abroad, to households. Each path that is not in lo has a last open
decision (or a first one) on it, so that for networks between lo and hi

    Q ≤ Q(lo) + Σ g_e z_e,    g_e = w_kj T_k(hi) y_j(lo)    (or T_k(lo) y_j(hi), or any mean of both),

with y what a unit of T_j comes to at households. Decisions cost F = F(lo) + Σ f_e z_e, so what remains is a continuous
knapsack, solved in order of g/f. In an open economy trade bounds A′ as well,

    A′ (m_d w^σ) ≤ ε_a w^(1−σ) + ε_b − m_e,

which falls in w while the other bound rises: at any wage c the larger of the first at c and the second at c bounds
real income, and the best c is where they meet. Where firms sell to each other at cost,

    E/P ≤ max μ_H (L − F + (1 − 1/max μ_F)^+ exports/w) Q^(1/(σ−1)),    each exporter net of its fixed cost,

is sharper; in an open economy it is taken piece by piece between two wages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.sourcing.formed import Formed
from endonet.formulations.sourcing.problem import SourcingProblem, Vector
from endonet.solvers.sourcing.replay import Side, parts, residual_error, side_of

Bits = NDArray[np.bool_]

SAFETY = 1e-10
PIECES = 24
HALVINGS = 30
FURTHEST = 60.0  # of ln w


@dataclass(frozen=True)
class Economy:
    """What the bounds need of an economy, in the order of its decisions: links, imports, exports."""

    problem: SourcingProblem

    @cached_property
    def f(self) -> Vector:
        """Fixed costs of all decisions."""
        problem, trade = self.problem, np.zeros(2 * self.problem.n)
        if problem.open is not None:
            trade = np.concatenate([problem.open.f_import, problem.open.f_export])
        return np.concatenate([problem.f.astype(np.float64), trade])

    @cached_property
    def weight(self) -> Vector:
        """α^(σ−1) μ^(1−σ) of all links."""
        return Formed.of(self.problem, np.ones(self.problem.m, dtype=np.bool_)).weight

    @property
    def at_cost(self) -> bool:
        """Whether firms sell to each other at cost."""
        return bool(np.all(np.asarray(self.problem.mu_links) == 1))

    @property
    def p(self) -> float:
        """σ/(σ−1)."""
        return self.problem.sigma / (self.problem.sigma - 1)

    @cached_property
    def useful(self) -> Bits:
        """Which decisions change anything."""
        problem = self.problem
        D_F = 0.0 if problem.open is None else problem.open.D_F
        return np.concatenate([problem.alpha > 0, problem.foreign_input > 0, problem.foreign * D_F > 0])


@dataclass(frozen=True, eq=False)
class End:
    """One of the two networks: costs T = a u + b, demand D = A d + D_F e, and what a unit of T comes to, y."""

    side: Side
    y: Vector
    error: float

    @classmethod
    def of(cls, economy: Economy, bits: Bits) -> End | str:
        """Return it, or "impossible" or "unknown" as `replay.side_of` does."""
        problem, side = economy.problem, side_of(economy.problem, bits)
        if isinstance(side, str):
            return side
        r = np.column_stack([np.ones(problem.n), problem.home])
        y = side.formed.reach(r)
        if y is None:
            return "unknown"
        error = side.error
        if not problem.acyclic:
            error = max(error, residual_error(side.formed, side.formed.weight, True, r, y, 0))
        return cls(side, y[:, 1], error)


@dataclass(frozen=True, eq=False)
class Between:
    """The networks between two.

    Attributes
    ----------
    least, most : End, or str for ``most``
    lo, hi : bool arrays, shape (m + 2n,)
    """

    economy: Economy
    lo: Bits
    hi: Bits
    least: End
    most: End

    @property
    def s(self) -> float:
        """Room for rounding, relative."""
        return max(SAFETY, 4 * self.least.error, 4 * self.most.error)

    @cached_property
    def open(self) -> NDArray[np.intp]:
        """The decisions that are open and useful."""
        return np.flatnonzero((self.lo != self.hi) & self.economy.useful)

    @cached_property
    def gains(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each open decision adds to Q_a and to Q_b, shape (2, k): by last and by first open decisions."""
        economy, problem = self.economy, self.economy.problem
        m, n, at = problem.m, problem.n, self.open
        links, imports = at[at < m], at[(at >= m) & (at < m + n)] - m
        k, j, weight = problem.supplier[links], problem.buyer[links], economy.weight[links]
        found = []
        for column in range(2):
            rows = np.zeros((2, at.size))
            for row, (T, y) in enumerate(((self.most, self.least), (self.least, self.most))):
                rows[row, : links.size] = weight * T.side.a[k, column] * y.y[j]
                if column == 1:
                    rows[row, links.size : links.size + imports.size] = problem.foreign_input[imports] * y.y[imports]
            found.append(rows)
        return found[0], found[1]

    @cached_property
    def Q(self) -> tuple[float, float]:
        """Q_a and Q_b of the lesser network."""
        a = self.economy.problem.home @ self.least.side.a
        return float(a[0]), float(a[1])

    @cached_property
    def trade(self) -> tuple[list[float], list[float]]:
        """S_d, S_e, ε_a, ε_b, m_d, m_e of both networks."""
        problem = self.economy.problem
        low, high = self.least.side.sums(problem, self.lo, True, 1.0), self.most.side.sums(problem, self.hi, True, 1.0)
        return low, high

    @cached_property
    def exported(self) -> Vector:
        """What a unit of each T_j sells for abroad."""
        problem = self.economy.problem
        return problem.foreign * (0.0 if problem.open is None else problem.open.D_F)

    def at_home(self) -> float:
        """Return a bound on the networks without trade, as if the economy were closed."""
        ga, left, (Qa, _) = self.gains[0], self.least.side.labour, self.Q
        S = float(self.economy.problem.labour_weight @ self.least.side.d[:, 0])
        f = self.economy.f[self.open]
        found = float(knapsack(ga, f, left, Qa, self.economy.p)) / S
        if self.economy.at_cost:
            markup = float(np.max(self.economy.problem.mu_H))
            found = min(found, markup * knapsack(ga, f, left, Qa, self.economy.p - 1))
        return found

    def by_labour(self, w: float) -> float:
        """Return a bound on the networks with trade whose wage is at most w."""
        (Sd, Se, *_), _ = self.trade
        return self._packed(w, self.least.side.labour - Se * w**-self._sigma, self.economy.p) / Sd

    def by_trade(self, w: float) -> float:
        """Return a bound on the networks with trade whose wage is at least w."""
        (*_, least_m, me), (_, _, ea, eb, _, _) = self.trade
        md = least_m if least_m > 0 else self._least_imports
        exports = ea * w ** (1 - self._sigma) + eb - me
        if exports <= 0:
            return 0.0
        if md <= 0:
            return math.inf
        most = self.economy.problem.home @ self.most.side.a
        return float(exports / md * (most[0] * w ** (1 - self._sigma) + most[1]) ** self.economy.p)

    def by_income(self, w1: float, w2: float) -> float:
        """Return a bound on the networks with trade whose wage lies between two, where firms sell at cost."""
        problem, m, n = self.economy.problem, self.economy.problem.m, self.economy.problem.n
        kappa = max(0.0, 1 - 1 / float(np.max(problem.mu_F)))
        high, low = self.hi[m + n :], self.lo[m + n :]
        sold = self.most.side.a @ np.array([w1**-self._sigma, 1 / w1]) * self.exported
        paid = np.where(low, 0.0, self.economy.f[m + n :])  # the least network's labour is net of what it pays
        left = self.least.side.labour + float(np.maximum(kappa * sold - paid, 0.0)[high].sum())
        return float(np.max(problem.mu_H)) * self._packed(w2, left, self.economy.p - 1)

    def with_trade(self) -> float:
        """Return a bound on the networks with trade."""
        m, n = self.economy.problem.m, self.economy.problem.n
        able = self.hi & self.economy.useful
        if not able[m : m + n].any() or not able[m + n :].any():
            return 0.0
        low, high = -FURTHEST / self._sigma, FURTHEST / self._sigma
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if self.by_labour(math.exp(middle)) < self.by_trade(math.exp(middle)) else (low, middle)
            )
        found = max(self.by_labour(math.exp(low)), self.by_trade(math.exp(low)))
        if not self.economy.at_cost or not math.isfinite(found):
            return found
        edges = low + np.concatenate(
            [-np.geomspace(2.0, 1e-3, PIECES // 2), [0.0], np.geomspace(1e-3, 2.0, PIECES // 2)]
        )
        wages = np.exp(edges).tolist()
        pieces = [min(self.by_labour(w2), self.by_income(w1, w2), self.by_trade(w1)) for w1, w2 in pairwise(wages)]
        return min(found, max(self.by_labour(wages[0]), self.by_trade(wages[-1]), *pieces))

    @property
    def _sigma(self) -> float:
        return self.economy.problem.sigma

    def _packed(self, w: float, left: float, power: float) -> float:
        """Return the knapsack at a wage."""
        (ga, gb), (Qa, Qb), worth = self.gains, self.Q, w ** (self._sigma - 1)
        return float(knapsack(ga + worth * gb, self.economy.f[self.open], left, Qa + worth * Qb, power))

    @cached_property
    def _least_imports(self) -> float:
        """Return the least m_d of a network in which somebody imports."""
        problem, able = self.economy.problem, self.hi & self.economy.useful
        _, imports, _ = parts(problem, able)
        return float((problem.foreign_input * self.least.side.d[:, 0])[imports].min(initial=math.inf))


def bound(economy: Economy, lo: Bits, hi: Bits) -> tuple[float, Between | None]:
    """Return a bound on E/P of all networks between two, infinite where there is none, and what it rests on."""
    least = End.of(economy, lo)
    if least == "impossible":
        return 0.0, None
    most = End.of(economy, hi)
    if isinstance(least, str) or isinstance(most, str):
        return math.inf, None
    if least.side.labour <= 0:
        return 0.0, None
    here = Between(economy, lo, hi, least, most)
    m, useful = economy.problem.m, economy.useful
    found = 0.0 if (lo & useful)[m:].any() else here.at_home()
    if economy.problem.open is not None:
        found = max(found, here.with_trade())
    return found * (1 + here.s), here


@njit(cache=True)
def knapsack(gains, costs, left, base, power):  # type: ignore[no-untyped-def]
    """Return the most of (left − Σ f z)^+ (base + Σ g z)^power over 0 ≤ z ≤ 1, by the row of gains that gives least.

    In order of g/f the gain is a concave function of the cost, and the logarithm of the objective concave in that. On
    a stretch with slope r its maximum is where r · power · (left − F) = base + G.
    """
    found = np.inf
    if left <= 0.0:
        return 0.0
    for row in range(gains.shape[0] + 1):
        g = np.zeros(costs.size)
        for other in range(gains.shape[0]):
            if row == gains.shape[0]:
                g += gains[other] / gains.shape[0]
            elif row == other:
                g += gains[other]
        ratio = np.empty(costs.size)
        for e in range(costs.size):
            ratio[e] = costs[e] / g[e] if g[e] > 0.0 else np.inf
        G, F, best = base, 0.0, left * base**power
        for e in np.argsort(ratio):
            if not g[e] > 0.0:
                break
            if costs[e] > 0.0:
                r = g[e] / costs[e]
                at = min(max((power * left - (G - r * F) / r) / (power + 1.0), F), F + costs[e])
                best = max(best, max(left - at, 0.0) * (G + r * (at - F)) ** power)
            G, F = G + g[e], F + costs[e]
            best = max(best, max(left - F, 0.0) * G**power)
        found = min(found, best)
    return found


def climb(economy: Economy, bits: Bits, value: float, worth: Any, rounds: int) -> tuple[Bits, float]:
    """Change one decision after the other while that raises ``worth``; return the decisions and their worth."""
    for _ in range(rounds):
        before = value
        for e in np.flatnonzero(economy.useful).tolist():
            other = bits.copy()
            other[e] = not other[e]
            found = worth(other)
            if found > value:
                bits, value = other, found
        if value == before:
            break
    return bits, value
