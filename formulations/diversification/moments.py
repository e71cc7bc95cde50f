r"""Moments of the basal risk, M(n) = E[X^n], in double precision for any n, μ0 and ρ0.

Everything in the chain reduces to them, since a firm with s suppliers behind upstream diversification S is disrupted
with expected probability M(S s) (paper 003, equation (72); (35) is the right parametrisation, not Definition 2):

    X ~ Beta(α, β),   α = μ0 r0,   β = (1 − μ0) r0,   r0 = (1 − ρ0)/ρ0
    M(n) = ∏_{i<n} (α + i)/(α + β + i) = exp(−ℓ(0, n)),   ℓ(m, d) = Σ_{i=m}^{m+d−1} log(1 + β/(α + i))

Differences of log-gamma lose up to 5e-4 relative at large n. Here all terms of ℓ have one sign, and beyond u = α + i =
16 the sum is Euler and Maclaurin's, whose integral is written so that no part exceeds the whole:

    ∫_a^b log(1 + β/u) du = d log(1 + β/b) + a log(1 − β d/(b (a+β))) + β log(1 + d/(a+β)),   d = b − a
    Σ f = ∫ f + (f(a) − f(b))/2 + Σ_k B_2k/(2k (2k−1)) [D_k(b) − D_k(a)],   D_k(u) = (u+β)^(1−2k) − u^(1−2k)

The first term is at most ∫ because f falls, the third because log(1 + β/u) ≥ β/(u+β), and the second is what is left.
So ℓ is accurate to a few units in the last place, and M to 1e-12 wherever it does not underflow.

Limits: ρ0 = 0 is X = μ0, ℓ(m, d) = −d log μ0; ρ0 = 1 is X ∈ {0, 1}, M(n) = μ0 for n ≥ 1.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

BETA, CONSTANT, COMMON = 0, 1, 2  # X is Beta distributed; X = μ0; X is 0 or 1
FAR = 16.0  # from here on the asymptotic series holds to the last place
BERNOULLI = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)  # B_2k / (2k (2k−1))
VANISHING = 1e-300  # an overdispersion below this is none


class Law(NamedTuple):
    """The distribution of the basal risk X, as the kernels take it.

    Attributes
    ----------
    kind : int
        BETA, CONSTANT or COMMON.
    alpha, beta : float
        Shape parameters; (∞, ∞) for CONSTANT and (0, 0) for COMMON.
    loss : float
        −log μ0.
    """

    kind: int
    alpha: float
    beta: float
    loss: float


def law(mu: Fraction, rho: Fraction) -> Law:
    """Return the law of X with mean μ and overdispersion ρ, both in [0, 1].

    >>> law(Fraction(1, 2), Fraction(1, 3))
    Law(kind=0, alpha=1.0, beta=1.0, loss=0.693147180559945...)
    """
    if mu == 0:
        loss = math.inf
    else:  # log μ from 1 − μ where μ is near 1, or n log μ is wrong for large n
        loss = -math.log1p(-float(1 - mu)) if mu > Fraction(1, 2) else math.log(mu.denominator) - math.log(mu.numerator)
    if rho == 1 or mu == 0:
        return Law(COMMON, 0.0, 0.0, loss)
    if rho < VANISHING:
        return Law(CONSTANT, math.inf, math.inf, loss)
    r0 = (1 - rho) / rho
    return Law(BETA, float(mu * r0), float((1 - mu) * r0), loss)


@njit(cache=True, error_model="numpy")
def log_drop(law, start, count):  # type: ignore[no-untyped-def]
    """Return ℓ(start, count) = log M(start) − log M(start + count) ≥ 0."""
    if count <= 0:
        return 0.0
    if law.kind == 1:
        return count * law.loss
    if law.kind == 2:
        return law.loss if start == 0 else 0.0
    alpha, beta = law.alpha, law.beta
    total = 0.0
    u = alpha + start
    near = min(count, max(math.ceil(FAR - u), 0.0))
    i = 0.0
    while i < near:
        total += math.log1p(beta / (u + i))
        i += 1.0
    d = count - near
    if d <= 0:
        return total
    a = u + near
    if d <= 8:
        i = 0.0
        while i < d:
            total += math.log1p(beta / (a + i))
            i += 1.0
        return total
    b = a + d
    fall = math.log1p(-(beta / (a + beta)) * (d / b))  # f(b) − f(a)
    total += d * math.log1p(beta / b) + a * fall + beta * math.log1p(d / (a + beta)) - 0.5 * fall
    low, high = math.log1p(beta / a), math.log1p(beta / b)
    power_a, power_b = 1 / a, 1 / b
    correction = 0.0
    for k in range(len(BERNOULLI)):
        m = 2 * k + 1
        correction += BERNOULLI[k] * (power_b * math.expm1(-m * high) - power_a * math.expm1(-m * low))
        power_a /= a * a
        power_b /= b * b
    return total + correction


@njit(cache=True, error_model="numpy")
def moment(law, n):  # type: ignore[no-untyped-def]
    """Return M(n) = E[X^n]; 1 for n = 0."""
    return math.exp(-log_drop(law, 0.0, n))


@njit(cache=True, error_model="numpy")
def gain(law, S, s):  # type: ignore[no-untyped-def]
    """Return M(S s) − M(S (s+1)), what one more supplier takes off the risk, without cancellation."""
    if S <= 0:
        return 0.0
    return -moment(law, S * s) * math.expm1(-log_drop(law, S * s, S))


@njit(cache=True, error_model="numpy")
def moments(law, n):  # type: ignore[no-untyped-def]
    """Return M at each entry of a float array."""
    found = np.empty(n.size)
    for j in range(n.size):
        found[j] = moment(law, n[j])
    return found


def moment_of(mu: Fraction, rho: Fraction, n: int) -> float:
    """Return M(n) as a double.

    >>> moment_of(Fraction(1, 2), Fraction(1, 3), 1)
    0.5
    """
    return float(moment(law(mu, rho), float(n)))


def moment_table(mu: Fraction, rho: Fraction, n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return M at each entry of ``n``, whole numbers as floats."""
    table: NDArray[np.float64] = moments(law(mu, rho), n)
    return table
