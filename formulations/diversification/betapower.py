r"""The distribution of the disrupted fraction in a layer: R = X^S, BetaPower(μ0, ρ0, S) of Definition 3 (paper 003).

    P(R ≤ r) = P(X ≤ r^(1/S)) = I_{r^(1/S)}(α, β)
    h(r) = r^(α/S − 1) (1 − r^(1/S))^(β − 1) / (S B(α, β))                                                        (53)
    E[R^n] = M(S n)

For large S the root r^(1/S) is next to 1, so the tail is computed from its complement −expm1(log(r)/S). ρ0 = 0 puts all
mass on μ0^S, ρ0 = 1 on 0 and 1, and S = 0, a collapsed layer, on 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from endonet.formulations.diversification.exact import Moments
from endonet.formulations.diversification.moments import BETA, COMMON
from endonet.formulations.errors import InputError


@dataclass(frozen=True, eq=False)
class BetaPower:
    """The law of R = X^S.

    Parameters
    ----------
    moments : Moments
        Of the basal risk X.
    S : int
        The power, at least 0.

    Examples
    --------
    >>> from fractions import Fraction
    >>> uniform = Moments(Fraction(1, 2), Fraction(1, 3))
    >>> law = BetaPower(Moments(Fraction(2, 3), Fraction(1, 4)), 2)   # X ~ Beta(2, 1), so R is uniform
    >>> round(law.mean, 12), round(law.tail(0.25), 12), round(law.quantile(0.9), 12)
    (0.5, 0.75, 0.9)
    """

    moments: Moments
    S: int

    @property
    def mean(self) -> float:
        """E[R] = M(S)."""
        return self.moments.value(self.S)

    @property
    def variance(self) -> float:
        """Var R = M(2S) − M(S)²."""
        if self._atoms is not None:
            return sum(mass * (place - self.mean) ** 2 for place, mass in self._atoms)
        M = self.moments
        return float(M.decimal(2 * self.S) - M.decimal(self.S) ** 2)

    def cdf(self, r: float) -> float:
        """Return P(R ≤ r)."""
        _probability("r", r)
        if self._atoms is not None:
            return min(1.0, sum(mass for place, mass in self._atoms if place <= r))
        from scipy.special import betainc, betaincc

        alpha, beta = self.moments.law.alpha, self.moments.law.beta
        x, rest = self._root(r)
        return float(betainc(alpha, beta, x) if x < 0.5 else betaincc(beta, alpha, rest))

    def tail(self, r: float) -> float:
        """Return P(R > r)."""
        _probability("r", r)
        if self._atoms is not None:
            return min(1.0, sum(mass for place, mass in self._atoms if place > r))
        from scipy.special import betainc, betaincc

        alpha, beta = self.moments.law.alpha, self.moments.law.beta
        x, rest = self._root(r)
        return float(betaincc(alpha, beta, x) if x < 0.5 else betainc(beta, alpha, rest))

    def density(self, r: float) -> float:
        """Return h(r), equation (53); infinite where mass is concentrated on r, and where the density has a pole."""
        _probability("r", r)
        if self._atoms is not None:
            return math.inf if any(place == r and mass > 0 for place, mass in self._atoms) else 0.0
        alpha, beta = self.moments.law.alpha, self.moments.law.beta
        x, rest = self._root(r)
        if r == 0 or rest == 0:
            exponent = alpha / self.S - 1 if r == 0 else beta - 1
            if exponent:
                return 0.0 if exponent > 0 else math.inf
        from scipy.special import betaln, xlog1py, xlogy

        del x
        log = xlogy(alpha / self.S - 1, r) + (xlogy(beta - 1, rest) if rest < 0.5 else xlog1py(beta - 1, rest - 1))
        return math.exp(float(log) - math.log(self.S) - float(betaln(alpha, beta)))

    def quantile(self, probability: float) -> float:
        """Return the smallest r with P(R ≤ r) ≥ probability."""
        _probability("probability", probability)
        if self._atoms is not None:
            below = 0.0
            for place, mass in self._atoms:
                below += mass
                if mass > 0 and below >= probability * (1 - 1e-15):
                    return place
            return self._atoms[-1][0]
        from scipy.special import betaincinv

        alpha, beta = self.moments.law.alpha, self.moments.law.beta
        x = float(betaincinv(alpha, beta, probability))
        if x < 0.5:
            return x**self.S
        rest = float(betaincinv(beta, alpha, 1 - probability))
        return math.exp(self.S * math.log1p(-rest)) if rest < 1 else 0.0

    @property
    def _atoms(self) -> tuple[tuple[float, float], ...] | None:
        """The places where all mass sits, and how much, in rising order; None if R has a density."""
        if self.S == 0:
            return ((1.0, 1.0),)
        if self.moments.law.kind == BETA and self.moments.mu < 1:
            return None
        if self.moments.law.kind == COMMON:
            mu = float(self.moments.mu)
            return ((0.0, 1 - mu), (1.0, mu))
        return ((self.mean, 1.0),)

    def _root(self, r: float) -> tuple[float, float]:
        """Return x = r^(1/S) and 1 − x."""
        if r <= 0:
            return 0.0, 1.0
        return math.exp(math.log(r) / self.S), -math.expm1(math.log(r) / self.S)


def _probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(name, f"{value} is outside [0, 1]", "give a number from 0 to 1")
