"""Moments of the basal risk against mpmath, exact fractions and closed forms."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endonet.formulations.diversification.betapower import BetaPower
from endonet.formulations.diversification.exact import Moments
from endonet.formulations.diversification.moments import gain, law, log_drop, moment_of
from endonet.formulations.diversification.rationals import rational

mp = pytest.importorskip("mpmath").mp
shares = st.fractions(min_value=Fraction(1, 50), max_value=Fraction(49, 50), max_denominator=50)


def truth(mu: Fraction, rho: Fraction, n: int) -> object:
    """Return M(n) to sixty digits."""
    mp.dps = 90
    if rho == 0:
        return mp.mpf(mu.numerator) ** n / mp.mpf(mu.denominator) ** n
    r0 = (1 - rho) / rho
    a, b = (mp.mpf(x.numerator) / x.denominator for x in (mu * r0, (1 - mu) * r0))
    return mp.exp(mp.loggamma(a + n) + mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(a + b + n))


def extremes(count: int) -> list[tuple[Fraction, Fraction, int]]:
    draw = random.Random(1)
    found = []
    for _ in range(count):
        near_one = 1 - 10 ** draw.uniform(-15, -1)
        mu = draw.choice([draw.random(), near_one, 10 ** draw.uniform(-12, -1)])
        rho = draw.choice([draw.random(), 1 - 10 ** draw.uniform(-12, -1), 10 ** draw.uniform(-14, -1), 0.0])
        n = int(10 ** draw.uniform(0, 13))
        found.append((Fraction(mu).limit_denominator(10**18), Fraction(rho).limit_denominator(10**18), n))
    return found


def test_moments_are_accurate_to_1e12_everywhere() -> None:
    for mu, rho, n in extremes(600):
        expected = truth(mu, rho, n)
        if expected > 1e-290:
            assert abs(moment_of(mu, rho, n) / expected - 1) < 1e-12, (mu, rho, n)


def test_decimal_moments_are_accurate_to_sixty_digits() -> None:
    for mu, rho, n in extremes(60):
        found = mp.mpf(str(Moments(mu, rho).decimal(n)))
        assert abs(found / truth(mu, rho, n) - 1) < mp.mpf(10) ** -58, (mu, rho, n)


@given(mu=shares, rho=shares, n=st.integers(0, 60))
@settings(max_examples=150, deadline=None)
def test_exact_moments_are_the_product(mu: Fraction, rho: Fraction, n: int) -> None:
    r0 = (1 - rho) / rho
    product = Fraction(1)
    for i in range(n):
        product *= (mu * r0 + i) / (r0 + i)
    assert Moments(mu, rho).fraction(n) == product
    assert moment_of(mu, rho, n) == pytest.approx(float(product), rel=1e-13)


@given(mu=shares, rho=shares, S=st.integers(1, 40), s=st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_a_gain_does_not_cancel(mu: Fraction, rho: Fraction, S: int, s: int) -> None:
    M = Moments(mu, rho)
    exact = M.fraction(S * s) - M.fraction(S * (s + 1))
    assert float(gain(M.law, float(S), float(s))) == pytest.approx(float(exact), rel=1e-12)


def test_limits_and_closed_forms() -> None:
    assert moment_of(Fraction(1, 2), Fraction(1, 3), 0) == 1
    assert moment_of(Fraction(2, 5), Fraction(1), 10**9) == pytest.approx(0.4, rel=1e-15)
    assert moment_of(Fraction(2, 5), Fraction(0), 3) == pytest.approx(0.064, rel=1e-15)
    assert moment_of(Fraction(0), Fraction(1, 2), 5) == 0
    assert moment_of(Fraction(1), Fraction(1, 2), 5) == 1
    assert Moments(Fraction(1, 2), Fraction(1, 3)).fraction(10**12) == Fraction(1, 10**12 + 1)  # X is uniform
    arcsine = Moments(Fraction(1, 2), Fraction(1, 2))  # Beta(1/2, 1/2): central binomial coefficients
    assert arcsine.fraction(4) == Fraction(math.comb(8, 4), 4**4)
    whole = Moments(Fraction(1, 3), Fraction(1, 4))  # Beta(1, 2): M(n) = 2/((n+1)(n+2)), whatever n is
    assert whole.fraction(10**15) == Fraction(2, (10**15 + 1) * (10**15 + 2))


def test_signs_are_exact_where_doubles_see_nothing() -> None:
    M = Moments(Fraction(1, 3), Fraction(1, 4))
    n = 10**12
    exact = M.fraction(n)
    assert M.sign([(Fraction(1), n)], -exact) == 0
    assert M.sign([(Fraction(1), n)], -exact * (1 + Fraction(1, 10**50))) == -1
    assert M.sign([(Fraction(1), n)], -exact * (1 - Fraction(1, 10**50))) == 1


def test_the_law_of_a_layer() -> None:
    mp.dps = 30
    for mu, rho, S in ((0.3, 0.2, 1), (0.6, 0.5, 7), (0.9, 0.05, 100), (0.5, 0.9, 3)):
        layer = BetaPower(Moments(rational("mu0", mu), rational("rho0", rho)), S)
        a, b = mu * (1 - rho) / rho, (1 - mu) * (1 - rho) / rho
        for r in (1e-6, 0.01, 0.3, 0.9):
            x = mp.mpf(r) ** (mp.mpf(1) / S)
            below = mp.betainc(a, b, 0, x, regularized=True)
            assert layer.cdf(r) == pytest.approx(float(below), rel=1e-10)
            assert layer.tail(r) == pytest.approx(float(1 - below), rel=1e-10)
            density = r ** (a / S - 1) * (1 - x) ** (b - 1) / (S * mp.beta(a, b))
            assert layer.density(r) == pytest.approx(float(density), rel=1e-10)
        for p in (0.05, 0.5, 0.8):  # higher ones of the last law round to 1
            assert layer.cdf(layer.quantile(p)) == pytest.approx(p, rel=1e-9)
    far = BetaPower(Moments(Fraction(1, 2), Fraction(1, 3)), 10**12)
    assert 0 < far.tail(0.5) < 1e-5
    assert far.mean == pytest.approx(1e-12, rel=2e-12)


def test_degenerate_laws_sit_on_atoms() -> None:
    common = BetaPower(Moments(Fraction(2, 5), Fraction(1)), 8)
    assert (common.cdf(0.0), common.cdf(0.5), common.tail(0.5)) == (0.6, 0.6, 0.4)
    assert (common.quantile(0.5), common.quantile(0.7)) == (0.0, 1.0)
    constant = BetaPower(Moments(Fraction(1, 2), Fraction(0)), 3)
    assert (constant.cdf(0.124), constant.cdf(0.126)) == (0, 1)
    assert constant.mean == pytest.approx(0.125, rel=1e-15)
    collapsed = BetaPower(Moments(Fraction(1, 2), Fraction(1, 5)), 0)
    assert (collapsed.mean, collapsed.tail(0.99), collapsed.variance) == (1, 1, 0)


def test_a_drop_of_nothing_is_nothing() -> None:
    some = law(Fraction(1, 2), Fraction(1, 5))
    assert log_drop(some, 5.0, 0.0) == 0
    assert log_drop(some, 0.0, 3.0) + log_drop(some, 3.0, 40.0) == pytest.approx(log_drop(some, 0.0, 43.0), rel=1e-14)
