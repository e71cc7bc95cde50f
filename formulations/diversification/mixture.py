r"""Layers whose firms break ties at random: the disrupted fraction is a polynomial of the basal risk.

Assumption 2 (paper 003): a firm that is indifferent between sourcing strategies picks one at random. Of a continuum of
firms that are indifferent between s and s + 1 suppliers, half keep s and half s + 1, and with a common basal risk x

    R_k(x) = (1 − w) R_{k−1}(x)^s + w R_{k−1}(x)^(s+1),   R_0(x) = x,   w = 1/2 where firms tie, else 0
    E[p_k] = E[R_k(X)] = Σ_n a_n M(n)   for   R_k(x) = Σ_n a_n x^n

so that everything stays exact: the a_n are rationals with powers of two below, the M(n) those of `exact`. A firm behind
R keeps the smallest s at which π (E[R^s] − E[R^(s+1)]) ≤ κ (2s+1), for E[R^s] is convex in s; two numbers tie at most.
(Drawn are numbers here. If *sets* of suppliers were drawn with equal probability, as Assumption 2 says to the letter,
the larger number would get the share (m−s)/(m+1) of m firms, and all of a continuum: that is the policy ``higher``.)

R_k^s has at most s times as many terms as R_k, so that they multiply along the chain; beyond `TERMS` the polynomial is
refused rather than rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from endonet.formulations.diversification.betapower import BetaPower
from endonet.formulations.diversification.firm import CLEAR, firm_choices
from endonet.formulations.errors import InputError, NotApplicableError

if TYPE_CHECKING:
    from endonet.formulations.diversification.exact import Moments
    from endonet.formulations.diversification.problem import ChainProblem

TERMS = 2000
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Mixture:
    """R(x) = Σ a_n x^n, a share of firms for each n.

    Parameters
    ----------
    numerators : dict of int to int
        a_n times the denominator.
    denominator : int

    Examples
    --------
    >>> (BASAL.after(1, HALF)).terms                                                       # (x + x²)/2
    ((Fraction(1, 2), 1), (Fraction(1, 2), 2))
    """

    numerators: dict[int, int]
    denominator: int = 1

    @property
    def terms(self) -> tuple[tuple[Fraction, int], ...]:
        """(a_n, n) by rising n."""
        return tuple((Fraction(a, self.denominator), n) for n, a in sorted(self.numerators.items()))

    @property
    def S(self) -> int | None:
        """The upstream diversification, if it is the same for all firms."""
        return next(iter(self.numerators)) if len(self.numerators) == 1 else None

    def power(self, s: int) -> Mixture:
        """Return R(x)^s."""
        if s == 0:
            return Mixture({0: 1})
        if self.S is not None:
            return Mixture({self.S * s: 1})
        found = self
        for _ in range(s - 1):
            found = found.times(self)
        return found

    def times(self, other: Mixture) -> Mixture:
        """Return the product of two polynomials.

        Raises
        ------
        NotApplicableError
            If it has more than `TERMS` terms.
        """
        product: dict[int, int] = {}
        for n, a in self.numerators.items():
            for i, b in other.numerators.items():
                product[n + i] = product.get(n + i, 0) + a * b
        if len(product) > TERMS:
            raise NotApplicableError(
                f"ties broken at random make the disrupted fraction a polynomial of over {TERMS} terms; "
                "use ties 'lower' or 'higher'"
            )
        return Mixture(product, self.denominator * other.denominator)

    def after(self, s: int, share: Fraction = Fraction(0)) -> Mixture:
        """Return (1 − share) R^s + share R^(s+1), what a layer makes of R."""
        low = self.power(s)
        if share == 0:
            return low
        high = low.times(self)
        unit = low.denominator * high.denominator * share.denominator
        sums: dict[int, int] = {}
        for part, weight in ((low, 1 - share), (high, share)):
            factor = int(weight * unit / part.denominator)
            for n, a in part.numerators.items():
                sums[n] = sums.get(n, 0) + a * factor
        return Mixture(sums, unit)

    def mean(self, moments: Moments) -> Decimal:
        """Return E[R(X)] to sixty digits."""
        with localcontext() as context:
            context.prec = 60
            total = sum((a * moments.decimal(n) for n, a in self.numerators.items()), Decimal(0))
            return total / self.denominator

    def exact_mean(self, moments: Moments) -> Fraction | None:
        """Return E[R(X)] exactly, None where it has too many digits to be of use."""
        total = Fraction(0)
        for weight, n in self.terms:
            M = moments.fraction(n)
            if M is None:
                return None
            total += weight * M
        return total

    def value(self, x: float) -> float:
        """Return R(x)."""
        return min(1.0, sum(float(weight) * x**n for weight, n in self.terms))


BASAL = Mixture({1: 1})


def choices_behind(problem: ChainProblem, k: int, R: Mixture) -> tuple[int, ...]:
    """Return the optimal numbers of suppliers of a firm of layer k (0-based) behind R: one, or two that tie exactly."""
    if R.S is not None:
        return firm_choices(problem, k, R.S) if R.S else (0,)
    cap = problem.caps[k] if problem.caps is not None else None
    s, power = 0, Mixture({0: 1})
    while cap is None or s < cap:
        following = power.times(R)
        sign = _marginal_sign(problem, k, power, following, s)
        if sign <= 0:
            return (s, s + 1) if sign == 0 else (s,)
        s, power = s + 1, following
    return (s,)


def _marginal_sign(problem: ChainProblem, k: int, now: Mixture, more: Mixture, s: int) -> int:
    """Return the sign of π (E[R^s] − E[R^(s+1)]) − κ (2s+1), given both powers."""
    pi, kappa = problem.pi[k], problem.kappa[k]
    M = problem.moments
    parts = [float(pi) * sum(float(a) * M.value(n) for a, n in law.terms) for law in (now, more)]
    cost = float(kappa) * (2 * s + 1)
    if abs(parts[0] - parts[1] - cost) > CLEAR * (parts[0] + parts[1] + cost):
        return 1 if parts[0] - parts[1] > cost else -1
    weights = [(pi * a, n) for a, n in now.terms] + [(-pi * a, n) for a, n in more.terms]
    return M.sign(weights, -kappa * (2 * s + 1))


def mixed_equilibrium(problem: ChainProblem) -> tuple[tuple[int, ...], tuple[Fraction, ...]]:
    """Return the decentralised path where firms break ties at random: least numbers, and the shares that keep one more.

    >>> from endonet.formulations.diversification.problem import ChainProblem
    >>> mixed_equilibrium(ChainProblem(K=2, mu0="2/5", rho0="3/4"))
    ((1, 1), (Fraction(1, 2), Fraction(0, 1)))
    """
    path: list[int] = []
    shares: list[Fraction] = []
    R = BASAL
    for k in range(problem.K):
        choices = choices_behind(problem, k, R)
        path.append(choices[0])
        shares.append(HALF if len(choices) > 1 else Fraction(0))
        R = R.after(path[-1], shares[-1])
    return tuple(path), tuple(shares)


@dataclass(frozen=True, eq=False)
class MixedPower:
    """The law of R(X), for a polynomial R that rises from R(0) to 1; like `BetaPower`, which is R = x^S.

    Parameters
    ----------
    moments : Moments
        Of the basal risk X.
    R : Mixture
    """

    moments: Moments
    R: Mixture

    @property
    def mean(self) -> float:
        """E[R(X)]."""
        return float(self.R.mean(self.moments))

    @property
    def variance(self) -> float:
        """Var R(X)."""
        return float(self.R.times(self.R).mean(self.moments) - self.R.mean(self.moments) ** 2)

    def cdf(self, r: float) -> float:
        """Return P(R ≤ r)."""
        x = self._root(r)
        return 0.0 if x is None else self._basal.cdf(x)

    def tail(self, r: float) -> float:
        """Return P(R > r)."""
        x = self._root(r)
        return 1.0 if x is None else self._basal.tail(x)

    def density(self, r: float) -> float:
        """Return the density of R at r; 0 below R(0)."""
        x = self._root(r)
        if x is None:
            return 0.0
        slope = sum(float(weight) * n * x ** (n - 1) for weight, n in self.R.terms if n)
        basal = self._basal.density(x)
        return basal / slope if slope else (float("inf") if basal else 0.0)

    def quantile(self, probability: float) -> float:
        """Return the smallest r with P(R ≤ r) ≥ probability."""
        return self.R.value(self._basal.quantile(probability))

    @cached_property
    def _basal(self) -> BetaPower:
        return BetaPower(self.moments, 1)

    def _root(self, r: float) -> float | None:
        """Return the greatest x with R(x) ≤ r, None if r < R(0)."""
        if not 0 <= r <= 1:
            raise InputError("r", f"{r} is outside [0, 1]", "give a number from 0 to 1")
        if r < self.R.value(0.0):
            return None
        low, high = 0.0, 1.0
        if r >= 1:
            return 1.0
        while True:
            middle = (low + high) / 2
            if middle in (low, high):
                return low
            low, high = (middle, high) if self.R.value(middle) <= r else (low, middle)
