"""One sweep that carries the least and the most that firms do at any (w, A) of a box.

Links pay most at the lowest wage, the highest demand and the lowest costs of suppliers, so the ends of the box bound
every choice (the game is supermodular given (w, A)). Exports depend on a difference of values, v(1) − v(0), which rises
with demand and falls with costs where nothing is smoothed; with smoothing, x·logistic(x/λ) dips below zero before it
rises, and each pair's difference is bounded by its own interval.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from endonet.formulations.sourcing.response import CUT
from endonet.solvers.sourcing.kernels import DIP, Choices, Firms, Pairs, Rule, cut, in_blocks

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

EPS = 1e-15  # of what is taken from one another
BOTTOM = 1.2784645427610738  # x·logistic(x) is least, −DIP, at −BOTTOM


@njit(cache=True)
def _logistic(x):
    if x >= CUT:
        return 1.0
    if x <= -CUT:
        return 0.0
    return 1.0 / (1.0 + np.exp(-x))


@njit(cache=True)
def _least_chance(net, low, high):
    """Return the least probability of a net gain, with a width between low and high (per wage)."""
    width = high if net > 0.0 else low
    if width == 0.0:
        return 1.0 if net >= 0.0 else 0.0
    return _logistic(net / width)


@njit(cache=True)
def _most_chance(net, low, high):
    width = low if net > 0.0 else high
    if width == 0.0:
        return 1.0 if net >= 0.0 else 0.0
    return _logistic(net / width)


@njit(cache=True)
def _value(net, width):
    """Return x·logistic(x / width)."""
    if width == 0.0:
        return max(net, 0.0)
    return net * _logistic(net / width)


@njit(cache=True)
def _least_value(net1, net2, width):
    """Return the least of x·logistic(x / width) for x in [net1, net2]; it falls up to −BOTTOM·width and then rises."""
    if net1 <= -BOTTOM * width <= net2:
        return -DIP * width
    return min(_value(net1, width), _value(net2, width))


@njit(cache=True)
def _pair(unit1, unit2, f, B, both, rule, box, s):
    """Fill s with bounds on p, low and high, for e = 0 and for e = 1, and on what a supplier adds to v(1) − v(0)."""
    w1, w2 = box[0], box[1]
    low, high = rule.relative * f + rule.absolute / w2, rule.relative * f + rule.absolute / w1
    n1, n2 = B[0] * unit1 / w2 - f, B[1] * unit2 / w1 - f
    s[0], s[1] = _least_chance(n1, low, high), _most_chance(n2, low, high)
    s[2], s[3] = s[0], s[1]
    s[4] = s[5] = 0.0
    if both:
        m1, m2 = B[2] * unit1 / w2 - f, B[3] * unit2 / w1 - f
        s[2], s[3] = _least_chance(m1, low, high), _most_chance(m2, low, high)
        if high > 0.0:
            s[4] = _least_value(m1, m2, high) - max(_value(n1, low), _value(n2, low)) - EPS * (m2 + 2.0 * f)
            s[5] = max(_value(m1, low), _value(m2, low)) - _least_value(n1, n2, high) + EPS * (m2 + 2.0 * f)
        else:
            s[4] = _stake(n1, B[4] * unit1 / w2)
            s[5] = _stake(n2, B[4] * unit2 / w1)


@njit(cache=True)
def _stake(without, more):
    """Return max(0, without + more) − max(0, without), which ``more`` does not leave where ``without`` dwarfs it."""
    return more if without >= 0.0 else max(0.0, without + more)


@njit(cache=True)
def _benefits(firms, rule, j, box, B):
    home, abroad = rule.kappa * firms.Phi[j] * firms.beta[j], rule.kappa * firms.Phi[j] * firms.g[j]
    B[0], B[1] = home * box[2], home * box[3]
    B[2], B[3], B[4] = B[0] + abroad, B[1] + abroad, abroad


@njit(cache=True)
def _suppliers(firms, pairs, rule, j, begin, end, B, box, low, high, s, t):
    """Add the suppliers in begin … end to t: for e = 0, 1 and low, high the sums of a, b, f and p; then v(1) − v(0)."""
    u1, u2 = box[0] ** (1.0 - rule.sigma), box[1] ** (1.0 - rule.sigma)
    both = firms.g[j] > 0.0
    for e in range(begin, end):
        k = pairs.supplier[e]
        alpha, f = pairs.alpha[e], np.float64(pairs.f[e])
        unit1, unit2 = alpha * (low.a[k] * u2 + low.b[k]), alpha * (high.a[k] * u1 + high.b[k])
        _pair(unit1, unit2, f, B, both, rule, box, s)
        for case in range(4):
            p = s[case]
            if p > 0.0:
                a, b = (low.a[k], low.b[k]) if case % 2 == 0 else (high.a[k], high.b[k])
                t[4 * case] += p * alpha * a
                t[4 * case + 1] += p * alpha * b
                t[4 * case + 2] += p * f
                t[4 * case + 3] += p
        t[16] += s[4]
        t[17] += s[5]


@njit(cache=True)
def _close(firms, rule, j, B, box, s, t, low, high):
    """Turn the sums over suppliers into bounds on the choices of firm j."""
    w1, w2 = box[0], box[1]
    Phi, foreign = firms.Phi[j], firms.foreign[j]
    both = firms.g[j] > 0.0
    s[:] = 0.0
    if foreign > 0.0:
        _pair(foreign, foreign, firms.f_import[j], B, both, rule, box, s)
    e1, e2 = 0.0, 0.0
    if both:
        base = B[4] * firms.labour[j]
        f = firms.f_export[j]
        least, most = rule.relative * f + rule.absolute / w2, rule.relative * f + rule.absolute / w1
        e1 = _least_chance(t[16] + s[4] + base * w2**-rule.sigma - f, least, most)
        e2 = _most_chance(t[17] + s[5] + base * w1**-rule.sigma - f, least, most)
    for case in range(2):
        found, e = (low, e1) if case == 0 else (high, e2)
        i, x = 4 * case, 8 + 4 * case  # sums for e = 0 and e = 1
        p0, p1 = s[case], s[2 + case]
        found.a[j] = Phi * (firms.labour[j] + (1.0 - e) * t[i] + e * t[x])
        found.b[j] = Phi * ((1.0 - e) * (t[i + 1] + p0 * foreign) + e * (t[x + 1] + p1 * foreign))
        found.exports[j] = e
        found.imports[j] = (1.0 - e) * p0 + e * p1
        fixed = (1.0 - e) * (t[i + 2] + p0 * firms.f_import[j]) + e * (t[x + 2] + p1 * firms.f_import[j])
        found.fixed[j] = fixed + e * firms.f_export[j]
        found.links[j] = (1.0 - e) * t[i + 3] + e * t[x + 3]


def enclose(
    firms: Firms,
    pairs: Pairs,
    rule: Rule,
    wages: tuple[float, float],
    demands: tuple[float, float],
    low: Choices,
    high: Choices,
) -> None:
    """Fill ``low`` and ``high`` with bounds on what every firm does at any w and A between the ends; pairs hold α~."""
    box = (*wages, *demands)

    def before(first: int, begin: int, end: int, totals: Any) -> None:
        _before(firms, pairs, rule, box, low, high, first, begin, end, totals)

    def within(first: int, last: int, totals: Any) -> None:
        _within(firms, pairs, rule, box, low, high, first, last, totals)

    in_blocks(firms.Phi.size, pairs.supplier.size, 18, before, within)


@njit(cache=True, nogil=True)
def _before(firms, pairs, rule, box, low, high, first, begin, end, totals):
    B, s = np.empty(5), np.empty(6)
    for j in range(begin, end):
        _benefits(firms, rule, j, box, B)
        _suppliers(firms, pairs, rule, j, pairs.ptr[j], cut(pairs, j, first), B, box, low, high, s, totals[j - begin])


@njit(cache=True, nogil=True)
def _within(firms, pairs, rule, box, low, high, first, last, totals):
    B, s = np.empty(5), np.empty(6)
    for j in range(first, last):
        t = totals[j - first]
        _benefits(firms, rule, j, box, B)
        _suppliers(firms, pairs, rule, j, cut(pairs, j, first), pairs.ptr[j + 1], B, box, low, high, s, t)
        _close(firms, rule, j, B, box, s, t, low, high)
