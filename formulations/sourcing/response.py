"""The problem of the firm that initiates links, compiled: (12)–(13), (14)–(15) and (A7)–(A8) are one and the same.

    max  V = R(P) (const + Σ_e z_e b_e + o b_o) − Σ_e z_e f_e − o f_o − P f_P,      R(P) = R_0 + P ΔR,   z, o, P ∈ {0,1}

    buyer     R = what a unit of Θ_j earns,  b = α_kj^(σ−1) p_kj^(1−σ) of a supplier,  o = imports, P = exports
    supplier  R = T_j = c_j^(1−σ),           b = what a unit of T_j earns from a buyer, o = exports, P = imports

Once P is decided the links are separable. With both ends of the choice of P at hand,

    V(1) − V(0) = S − f_P,   S = ΔR const + Σ_e (max(0, R_1 b_e − f_e) − max(0, R_0 b_e − f_e)) + the same for o ≥ 0.

S, R b and hence every choice increase in R_0, ΔR, b and const, which makes the game supermodular.

Ties. What has zero net benefit is included (the paper's rule), and whatever is within TIE of it, relative to its fixed
cost, counts as zero: fixed costs are compared after multiplication with 1 − TIE, so that data such as 0.1 may tie.
"""

from __future__ import annotations

import numpy as np
from numba import njit

TIE = 1e-12
CUT = 40.0  # a logit of more is 0 or 1 to less than the rounding of doubles: exp(−40) = 4e−18


@njit(cache=True, nogil=True)
def best_responses(  # type: ignore[no-untyped-def]
    first, last, ptr, link, other, weight, mu, earns, power, f,
    Y, R0, dR, const, b_o, f_o, f_p, w, z, o, p, gain, excess, close,
):  # fmt: skip
    """Write the best links, other and pivot of owners first … last into z, o, p, which hold the present choice.

    Parameters
    ----------
    ptr, link, other
        The links of owner i are ``link[ptr[i]:ptr[i + 1]]`` (``link`` empty: those places themselves), each with the
        firm at its other end.
    weight, mu, power, earns
        b of a link is (weight/mu)^power Y[other], times 1 − 1/mu if ``earns``; mu may have one entry for all links.
    gain : array, shape (n,)
        Written: what the owner gains over the present choice, in units of account; 0 where nothing changes.
    excess : array, shape (n, 2)
        Written: what the pivot, and the other without the pivot, earn beyond their fixed costs.
    close : array, shape (n,)
        Written: how near the closest decision is to a change, relative to what is compared.
    """
    tie = 1.0 - TIE
    for i in range(first, last):
        R1 = R0[i] + dR[i]
        S, turned = dR[i] * const[i], 0.0
        if b_o[i] * R1 >= f_o[i] * w * tie:
            on = b_o[i] * R0[i] >= f_o[i] * w * tie
            S += dR[i] * b_o[i] if on else R1 * b_o[i] - f_o[i] * w
            turned += 0.0 if on else f_o[i] * w
        if dR[i] > 0.0:
            for q in range(ptr[i], ptr[i + 1]):
                e = link[q] if link.size else q
                b = _benefit(weight[e], mu[e] if mu.size > 1 else mu[0], earns, power, Y[other[q]])
                cost = f[e] * w
                if R1 * b >= cost * tie:
                    on = R0[i] * b >= cost * tie
                    S += dR[i] * b if on else R1 * b - cost
                    turned += 0.0 if on else cost
        pivot = f_p[i] * w * tie <= S
        excess[i, 0] = S - f_p[i] * w
        excess[i, 1] = R0[i] * b_o[i] - f_o[i] * w
        nearest = _closeness(S, f_p[i] * w * tie, turned)
        now = R1 if p[i] else R0[i]
        best = R1 if pivot else R0[i]
        gained = abs(S - f_p[i] * w) if pivot != p[i] else 0.0
        wanted_now = now * b_o[i] >= f_o[i] * w * tie
        if wanted_now != o[i]:
            gained += abs(now * b_o[i] - f_o[i] * w)
        o[i] = best * b_o[i] >= f_o[i] * w * tie
        nearest = min(nearest, _closeness(best * b_o[i], f_o[i] * w * tie, 0.0))
        for q in range(ptr[i], ptr[i + 1]):
            e = link[q] if link.size else q
            b = _benefit(weight[e], mu[e] if mu.size > 1 else mu[0], earns, power, Y[other[q]])
            cost = f[e] * w
            if (now * b >= cost * tie) != z[e]:
                gained += abs(now * b - cost)
            z[e] = best * b >= cost * tie
            nearest = min(nearest, _closeness(best * b, cost * tie, 0.0))
        p[i] = pivot
        gain[i] = gained
        close[i] = nearest


@njit(cache=True, inline="always")
def raised(x, power):  # type: ignore[no-untyped-def]
    """Return x^power, by multiplication for the elasticities that are common."""
    if power == 3.0:
        return x * x * x
    if power == 2.0:
        return x * x
    if power == 1.0:
        return x
    if power == 4.0:
        return x * x * x * x
    return x**power


@njit(cache=True, inline="always")
def _benefit(weight, mu, earns, power, y):  # type: ignore[no-untyped-def]
    b = raised(weight / mu, power) * y
    return b * (1.0 - 1.0 / mu) if earns else b


@njit(cache=True)
def benefits(weight, mu, earns, power, Y, other):  # type: ignore[no-untyped-def]
    """Return b of every link, given Y of the firms at its other end."""
    b = np.empty(weight.size)
    for e in range(weight.size):
        b[e] = _benefit(weight[e], mu[e] if mu.size > 1 else mu[0], earns, power, Y[other[e]])
    return b


@njit(cache=True, inline="always")
def _closeness(benefit, cost, scale):  # type: ignore[no-untyped-def]
    size = max(abs(benefit), cost) + scale
    return abs(benefit - cost) / size if size > 0.0 else np.inf


@njit(cache=True, nogil=True)
def smooth_responses(  # type: ignore[no-untyped-def]
    first, last, ptr, link, other, weight, mu, earns, power, f,
    Y, R0, dR, const, b_o, f_o, f_p, w, absolute, relative, z, o, p, write, gain, far,
):  # fmt: skip
    """Compare z, o, p, which hold the present probabilities of owners first … last, with those of A.3 and A.4.2.

    λ is ``absolute``, or ``relative`` times the fixed cost in units of account. ``gain`` is Σ λ times the divergence of
    the present probabilities from the best ones, which is what the mass of firms would gain; ``far`` is the largest
    difference of a probability. The best ones take the place of the present ones if ``write``.
    """
    for i in range(first, last):
        R1 = R0[i] + dR[i]
        dispersion = absolute + relative * f_o[i] * w
        offered = b_o[i] > 0.0 or f_o[i] > 0.0  # nobody trades in a closed economy
        o0 = _logit(R0[i] * b_o[i] - f_o[i] * w, dispersion) if offered else 0.0
        o1 = _logit(R1 * b_o[i] - f_o[i] * w, dispersion) if offered else 0.0
        pivot = p[i]
        if dR[i] > 0.0 or f_p[i] > 0.0:
            v0 = R0[i] * const[i] + o0 * (R0[i] * b_o[i] - f_o[i] * w)
            v1 = R1 * const[i] + o1 * (R1 * b_o[i] - f_o[i] * w) - f_p[i] * w
            for q in range(ptr[i], ptr[i + 1]):
                e = link[q] if link.size else q
                b = _benefit(weight[e], mu[e] if mu.size > 1 else mu[0], earns, power, Y[other[q]])
                cost = f[e] * w
                dispersion = absolute + relative * cost
                if R1 * b - cost > -CUT * dispersion:
                    v0 += _logit(R0[i] * b - cost, dispersion) * (R0[i] * b - cost)
                    v1 += _logit(R1 * b - cost, dispersion) * (R1 * b - cost)
            pivot = _logit(v1 - v0, absolute + relative * f_p[i] * w)
        gained, furthest = (absolute + relative * f_p[i] * w) * _divergence(p[i], pivot), abs(p[i] - pivot)
        best = pivot * o1 + (1.0 - pivot) * o0
        gained += (absolute + relative * f_o[i] * w) * _divergence(o[i], best)
        furthest = max(furthest, abs(o[i] - best))
        if write:
            p[i], o[i] = pivot, best
        for q in range(ptr[i], ptr[i + 1]):
            e = link[q] if link.size else q
            b = _benefit(weight[e], mu[e] if mu.size > 1 else mu[0], earns, power, Y[other[q]])
            cost = f[e] * w
            dispersion = absolute + relative * cost
            best = 0.0
            if R1 * b - cost >= -CUT * dispersion:
                best = pivot * _logit(R1 * b - cost, dispersion) + (1.0 - pivot) * _logit(R0[i] * b - cost, dispersion)
            if best != z[e]:
                gained += dispersion * _divergence(z[e], best)
                furthest = max(furthest, abs(z[e] - best))
            if write:
                z[e] = best
        gain[i] = gained
        far[i] = furthest


@njit(cache=True, inline="always")
def _logit(value, dispersion):  # type: ignore[no-untyped-def]
    if value >= CUT * dispersion:
        return 1.0
    if value <= -CUT * dispersion:
        return 0.0
    return 1.0 / (1.0 + np.exp(-value / dispersion))


@njit(cache=True)
def _divergence(p, best):  # type: ignore[no-untyped-def]
    found = 0.0
    if p > 0.0:
        found += p * np.log(p / max(best, 1e-300))
    if p < 1.0:
        found += (1.0 - p) * np.log((1.0 - p) / max(1.0 - best, 1e-300))
    return max(found, 0.0)
