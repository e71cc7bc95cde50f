r"""Moments of the basal risk without rounding: as fractions where that is feasible, else to as many digits as asked.

For rational μ0 and ρ0 the moment M(n) = ∏_{i<n} (α+i)/(α+β+i) is rational. It has n factors or, where β is a whole
number, the β factors of ∏_{j<β} (α+j)/(α+n+j), however large n is. So there are exact ties between numbers of suppliers
at any n; for other β the denominators of large n rule them out long before the digits run out.

A sign is decided in three steps: in doubles, in sixty decimals, and exactly. Where the exact step would need more than
`FACTORS` factors, four hundred decimals decide, and what they cannot tell apart counts as a tie.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property

from endonet.formulations.diversification.moments import law, moment

FACTORS = 20_000  # products of more factors are not multiplied out to decide a sign
SHORT = 600  # fractions of more factors are not stated
GUARD = 20
DIGITS = (60, 400)


class Moments:
    """The moments M(n) of one basal risk.

    Parameters
    ----------
    mu, rho : Fraction
        Mean and overdispersion, in [0, 1].
    """

    def __init__(self, mu: Fraction, rho: Fraction) -> None:
        self.mu, self.rho = mu, rho
        self.law = law(mu, rho)
        self._decimals: dict[tuple[int, int], Decimal] = {}
        self._values: dict[int, float] = {}

    @cached_property
    def shape(self) -> tuple[Fraction, Fraction]:
        """(α, β) of equation (35); only for 0 < ρ < 1."""
        r0 = (1 - self.rho) / self.rho
        return self.mu * r0, (1 - self.mu) * r0

    def value(self, n: int) -> float:
        """Return M(n) as a double, accurate to 1e-12."""
        if n not in self._values:
            self._values[n] = float(moment(self.law, float(n)))
        return self._values[n]

    def factors(self, n: int) -> int:
        """Return how many factors the exact M(n) has."""
        if self._degenerate or n == 0:
            return 0
        if self.rho == 0:
            return n
        beta = self.shape[1]
        return min(n, int(beta)) if beta.denominator == 1 else n

    def quotient(self, n: int) -> tuple[int, int]:
        """Return M(n) as (numerator, denominator), not in lowest terms."""
        if n == 0:
            return 1, 1
        if self._degenerate:
            return self.mu.numerator, self.mu.denominator
        if self.rho == 0:
            return self.mu.numerator**n, self.mu.denominator**n
        alpha, beta = self.shape
        unit = alpha.denominator * beta.denominator
        a, b = int(alpha * unit), int(beta * unit)
        if beta.denominator == 1 and beta < n:
            j = range(int(beta))
            return _product([a + i * unit for i in j]), _product([a + (n + i) * unit for i in j])
        return _product([a + i * unit for i in range(n)]), _product([a + b + i * unit for i in range(n)])

    def fraction(self, n: int) -> Fraction | None:
        """Return M(n) exactly, or None if it has more than `SHORT` factors."""
        return Fraction(*self.quotient(n)) if self.factors(n) <= SHORT else None

    def decimal(self, n: int, digits: int = DIGITS[0]) -> Decimal:
        """Return M(n) to that many significant digits."""
        key = (n, digits)
        if key not in self._decimals:
            with decimal.localcontext(_context(digits + GUARD)):
                self._decimals[key] = self._decimal(n, digits)
        return self._decimals[key]

    def sign(self, weights: Iterable[tuple[Fraction, int]], constant: Fraction) -> int:
        """Return the sign of Σ weight·M(n) + constant: −1, 0 or 1.

        Parameters
        ----------
        weights : iterable of (weight, n)
        constant : Fraction
        """
        merged: dict[int, Fraction] = {}
        for weight, n in weights:
            merged[n] = merged.get(n, Fraction(0)) + weight
        parts = [(weight, n) for n, weight in merged.items() if weight]
        for digits in DIGITS:
            if digits == DIGITS[-1] and sum(self.factors(n) for _, n in parts) <= FACTORS:
                break
            with decimal.localcontext(_context(digits + GUARD)):
                terms = [_decimal(weight) * self.decimal(n, digits) for weight, n in parts] + [_decimal(constant)]
                total, scale = sum(terms, Decimal(0)), sum(map(abs, terms), Decimal(0))
                if abs(total) > scale.scaleb(6 - digits):
                    return 1 if total > 0 else -1
        else:
            return 0
        top, bottom = constant.numerator, constant.denominator
        for weight, n in parts:
            a, b = self.quotient(n)
            a, b = a * weight.numerator, b * weight.denominator
            top, bottom = top * b + a * bottom, bottom * b
        return (top > 0) - (top < 0)

    @property
    def _degenerate(self) -> bool:
        """Whether M(n) = μ for all n ≥ 1."""
        return self.rho == 1 or self.mu in (0, 1)

    def _decimal(self, n: int, digits: int) -> Decimal:
        if self.factors(n) <= 64:
            return _decimal(Fraction(*self.quotient(n)))
        if self.rho == 0:
            return _decimal(self.mu) ** n
        alpha, beta = (_decimal(shape) for shape in self.shape)
        near = min(n, max(0, digits - int(min(alpha, Decimal(digits)))))
        head = Decimal(1)
        for i in range(near):
            head *= (alpha + i) / (alpha + beta + i)
        if near == n:
            return head
        return head * (-_asymptotic_sum(alpha + near, beta, n - near, digits)).exp()


def _asymptotic_sum(a: Decimal, beta: Decimal, d: int, digits: int) -> Decimal:
    """Return Σ_{i<d} log(1 + β/(a+i)) for a ≥ digits, by Euler and Maclaurin's formula.

    The precision is raised by the digits that cancel in the integral.
    """
    lost = max(a.adjusted(), beta.adjusted(), len(str(d)), 0)
    with decimal.localcontext(_context(digits + GUARD + 2 * lost)):
        b = a + d

        def antiderivative(u: Decimal) -> Decimal:
            return (u + beta) * (u + beta).ln() - u * u.ln()

        total = antiderivative(b) - antiderivative(a)
        total += (((a + beta) / a).ln() - ((b + beta) / b).ln()) / 2
        for k, number in enumerate(_bernoulli(digits // 2 + 2)):
            m = 2 * k + 1
            total += _decimal(number) * ((b + beta) ** -m - b**-m - (a + beta) ** -m + a**-m)
        return total


@cache
def _bernoulli(count: int) -> Sequence[Fraction]:
    """Return B_2k / (2k (2k−1)) for k = 1 … count."""
    numbers = [Fraction(1)]
    row = [1]
    for m in range(1, 2 * count + 1):
        row = [1, *(row[i] + row[i + 1] for i in range(m - 1)), 1]  # binomials of m
        following = [1, *(row[i] + row[i + 1] for i in range(m)), 1]
        numbers.append(-sum((following[j] * numbers[j] for j in range(m)), Fraction(0)) / (m + 1))
    return [numbers[2 * k] / (2 * k * (2 * k - 1)) for k in range(1, count + 1)]


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def _context(digits: int) -> decimal.Context:
    return decimal.Context(prec=digits, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def _product(numbers: Sequence[int]) -> int:
    """Return a product of many integers, multiplied in pairs so that both factors stay of like length."""
    found = list(numbers) or [1]
    while len(found) > 1:
        pairs = [found[i] * found[i + 1] for i in range(0, len(found) - 1, 2)]
        found = pairs + ([found[-1]] if len(found) % 2 else [])
    return found[0]
