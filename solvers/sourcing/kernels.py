"""Compiled sweeps of the sequential algorithm (paper 002, appendix A.5.1), for buyers who pay for their links.

Firms stand in a sequence and buy from earlier ones only. Write x~ for x^(σ−1), u = w^(1−σ), T_j = c_j^(1−σ) and, as
the network is given, T_j = a_j u + b_j, where b_j is what foreign inputs add. Given (w, A), firm j with exports e

    B_j(e) = κ φ~_j (β~_jH A + e g_j),    κ = μ^(1−σ)/σ,    g_j = β~_jF τ_j^(1−σ) D_F
    links to k  iff  B_j(e) α~_kj T_k ≥ f_kj w,      imports  iff  B_j(e) α~_Fj p_Fj^(1−σ) ≥ f_Fj w
    exports  iff  v_j(1) ≥ v_j(0),    v_j(e) = B_j(e) Θ_j(e) − w (fixed costs given e)

needs to know T_k of earlier firms alone. With logit smoothing of width λ_kj = k f_kj w + λ (appendices A.3 and A.4) the
"iff" become probabilities, and Θ_j, a_j, b_j are averages over the export decision with the weight p_jF.

A sweep is a sequence over firms, but what a firm adds over its suppliers is a sum: firms are taken in blocks, and sums
over suppliers that come before the block are taken in parallel, by threads that hold no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from endonet.formulations.sourcing import parallel
from endonet.formulations.sourcing.parallel import in_parts
from endonet.formulations.sourcing.response import CUT, raised

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"

BLOCKS = 64
DIP = 0.2785  # max over x of x / (1 + exp(x)): how far smoothing pulls v below max(gain − cost, 0), in widths


class Firms(NamedTuple):
    """What a sweep needs of every firm, in the order of the sequence."""

    Phi: np.ndarray  # φ~
    labour: np.ndarray  # α~_L
    beta: np.ndarray  # β~_H
    g: np.ndarray  # β~_F τ^(1−σ) D_F; 0 for a firm that cannot export
    foreign: np.ndarray  # α~_F p_F^(1−σ); 0 for a firm that cannot import
    f_import: np.ndarray
    f_export: np.ndarray


class Pairs(NamedTuple):
    """Potential links by buyer; suppliers ascend within a buyer and come before it."""

    ptr: np.ndarray
    supplier: np.ndarray
    alpha: np.ndarray  # α~ where the pairs are pruned, α where they are as given
    f: np.ndarray


class Rule(NamedTuple):
    """How firms choose: σ and the smoothing, both widths 0 for none."""

    sigma: float
    kappa: float
    relative: float
    absolute: float


class Choices(NamedTuple):
    """What a sweep finds of every firm."""

    a: np.ndarray
    b: np.ndarray
    exports: np.ndarray  # probability, 0 or 1 without smoothing
    imports: np.ndarray
    fixed: np.ndarray  # labour that fixed costs need
    links: np.ndarray  # expected number of suppliers


def rule(sigma: float, relative: float = 0.0, absolute: float = 0.0) -> Rule:
    """Return how firms choose, with κ = μ^(1−σ)/σ and μ = σ/(σ−1)."""
    return Rule(sigma, (sigma / (sigma - 1)) ** (1 - sigma) / sigma, relative, absolute)


@njit(cache=True)
def chance(gain, cost, rule):
    """Return the probability that something with this gain and this cost is chosen."""
    if rule.relative == 0.0 and rule.absolute == 0.0:
        return 1.0 if gain >= cost else 0.0
    width = rule.relative * cost + rule.absolute
    if gain - cost >= CUT * width:
        return 1.0
    if gain - cost <= -CUT * width:
        return 0.0
    return 1.0 / (1.0 + np.exp((cost - gain) / width))


@njit(cache=True)
def _sums(pairs, begin, end, B0, B1, both, u, w, rule, a, b, sums):
    """Add what the suppliers in begin … end contribute: Θ's two parts, fixed costs and numbers, for e = 0 and 1."""
    for e in range(begin, end):
        k = pairs.supplier[e]
        unit = pairs.alpha[e] * (a[k] * u + b[k])
        cost = pairs.f[e] * w
        p = chance(B0 * unit, cost, rule)
        if p > 0.0:
            weight = p * pairs.alpha[e]
            sums[0] += weight * a[k]
            sums[1] += weight * b[k]
            sums[2] += p * pairs.f[e]
            sums[3] += p
        if both:
            if p < 1.0:
                p = chance(B1 * unit, cost, rule)
            if p > 0.0:
                weight = p * pairs.alpha[e]
                sums[4] += weight * a[k]
                sums[5] += weight * b[k]
                sums[6] += p * pairs.f[e]
                sums[7] += p


@njit(cache=True)
def _settle(j, firms, B0, B1, both, u, w, rule, sums, found):
    """Turn the sums over suppliers into the choices of firm j."""
    Phi, foreign = firms.Phi[j], firms.foreign[j]
    p0 = chance(B0 * foreign, firms.f_import[j] * w, rule) if foreign > 0.0 else 0.0
    a0, b0 = firms.labour[j] + sums[0], sums[1] + p0 * foreign
    F0 = sums[2] + (p0 * firms.f_import[j] if p0 > 0.0 else 0.0)
    e, p1, a1, b1, F1 = 0.0, 0.0, 0.0, 0.0, 0.0
    if both:
        p1 = chance(B1 * foreign, firms.f_import[j] * w, rule) if foreign > 0.0 else 0.0
        a1, b1 = firms.labour[j] + sums[4], sums[5] + p1 * foreign
        F1 = sums[6] + (p1 * firms.f_import[j] if p1 > 0.0 else 0.0)
        more = B1 * (a1 * u + b1) - B0 * (a0 * u + b0) - w * (F1 - F0)
        e = chance(more, firms.f_export[j] * w, rule)
        F1 += firms.f_export[j]
    if e == 0.0:
        a1, b1, F1 = a0, b0, F0
    found.a[j] = Phi * (e * a1 + (1.0 - e) * a0)
    found.b[j] = Phi * (e * b1 + (1.0 - e) * b0)
    found.exports[j] = e
    found.imports[j] = e * p1 + (1.0 - e) * p0
    found.fixed[j] = e * F1 + (1.0 - e) * F0
    found.links[j] = e * sums[7] + (1.0 - e) * sums[3]


def in_blocks(n: int, pairs: int, columns: int, before: Callable[..., None], within: Callable[..., None]) -> None:
    """Run ``before(first, begin, end, sums)`` on parts of each block in parallel, then ``within`` on the block.

    Parameters
    ----------
    before : callable
        Adds to ``sums``, shape (end − begin, columns), what suppliers before firm ``first`` contribute to begin … end.
    within : callable
        ``within(first, last, sums)`` adds the other suppliers and lets the firms choose, in sequence.
    """
    workers = parallel.workers(pairs)
    if workers == 1:
        within(0, n, np.zeros((n, columns)))
        return
    size = (n + BLOCKS - 1) // BLOCKS
    for first in range(0, n, size):
        last = min(n, first + size)
        totals = np.zeros((last - first, columns))
        ends = parallel.ends(first, last, workers)
        rows = [totals[begin - first : end - first] for begin, end in pairwise(ends)]
        list(parallel.pool(workers).map(partial(before, first), ends[:-1], ends[1:], rows))
        within(first, last, totals)


def sweep(firms: Firms, pairs: Pairs, rule: Rule, w: float, A: float, found: Choices) -> None:
    """Let every firm choose at (w, A), from the first to the last; ``found`` takes what they do."""

    def before(first: int, begin: int, end: int, totals: Any) -> None:
        _before(firms, pairs, rule, w, A, found, first, begin, end, totals)

    def within(first: int, last: int, totals: Any) -> None:
        _within(firms, pairs, rule, w, A, found, first, last, totals)

    in_blocks(firms.Phi.size, pairs.supplier.size, 8, before, within)


@njit(cache=True, nogil=True)
def _before(firms, pairs, rule, w, A, found, first, begin, end, totals):
    u = w ** (1.0 - rule.sigma)
    for j in range(begin, end):
        e1 = pairs.ptr[j]
        e2 = cut(pairs, j, first)
        B0 = rule.kappa * firms.Phi[j] * firms.beta[j] * A
        B1 = B0 + rule.kappa * firms.Phi[j] * firms.g[j]
        _sums(pairs, e1, e2, B0, B1, firms.g[j] > 0.0, u, w, rule, found.a, found.b, totals[j - begin])


@njit(cache=True, nogil=True)
def _within(firms, pairs, rule, w, A, found, first, last, totals):
    u = w ** (1.0 - rule.sigma)
    for j in range(first, last):
        e1 = cut(pairs, j, first)
        e2 = pairs.ptr[j + 1]
        B0 = rule.kappa * firms.Phi[j] * firms.beta[j] * A
        B1 = B0 + rule.kappa * firms.Phi[j] * firms.g[j]
        own, both = totals[j - first], firms.g[j] > 0.0
        _sums(pairs, e1, e2, B0, B1, both, u, w, rule, found.a, found.b, own)
        _settle(j, firms, B0, B1, both, u, w, rule, own, found)


@njit(cache=True, nogil=True)
def cut(pairs, j, first):
    """Return where firm j's suppliers from firm ``first`` on begin."""
    low, high = pairs.ptr[j], pairs.ptr[j + 1]
    while low < high:
        middle = (low + high) // 2
        if pairs.supplier[middle] < first:
            low = middle + 1
        else:
            high = middle
    return low


def highest(
    firms: Firms, pairs: Pairs, rule: Rule, power: float, w: float, A: float, T: Any, B: Any, count: Any
) -> None:
    """Fill T and B with upper bounds on T_j and B_j, and count the pairs that can be chosen, if wages ≥ w, demand ≤ A.

    ``power`` makes α~ of what the pairs hold: σ − 1 or 1. Every pair within CUT widths of paying counts whole; an
    exporter is whoever would gain from it to within CUT widths and what smoothing takes off its value.
    """

    def before(first: int, begin: int, end: int, totals: Any) -> None:
        _highest_before(firms, pairs, rule, power, w, A, T, first, begin, end, totals)

    def within(first: int, last: int, totals: Any) -> None:
        _highest_within(firms, pairs, rule, power, w, A, T, B, count, first, last, totals)

    in_blocks(firms.Phi.size, pairs.supplier.size, 7, before, within)


@njit(cache=True, nogil=True)
def _highest_before(firms, pairs, rule, power, w, A, T, first, begin, end, totals):
    for j in range(begin, end):
        _bounds(j, firms, pairs, pairs.ptr[j], cut(pairs, j, first), A, w, rule, power, T, totals[j - begin])


@njit(cache=True, nogil=True)
def _highest_within(firms, pairs, rule, power, w, A, T, B, count, first, last, totals):
    u = w ** (1.0 - rule.sigma)
    smooth = rule.relative > 0.0 or rule.absolute > 0.0
    for j in range(first, last):
        own = totals[j - first]
        _bounds(j, firms, pairs, cut(pairs, j, first), pairs.ptr[j + 1], A, w, rule, power, T, own)
        B0 = rule.kappa * firms.Phi[j] * firms.beta[j] * A
        B1 = B0 + rule.kappa * firms.Phi[j] * firms.g[j]
        foreign, fee = firms.foreign[j], firms.f_import[j] * w
        in0 = foreign > 0.0 and reachable(B0 * foreign, fee, rule)
        in1 = foreign > 0.0 and reachable(B1 * foreign, fee, rule)
        base = firms.labour[j] * u
        e = False
        if firms.g[j] > 0.0:
            more = (B1 - B0) * base + own[4] - own[1]
            if foreign > 0.0:
                more += max(B1 * foreign - fee, 0.0) - max(B0 * foreign - fee, 0.0)
            if smooth:
                more += 2.0 * DIP * (own[5] + (rule.relative * fee + rule.absolute if in1 else 0.0))
            e = reachable(more, firms.f_export[j] * w, rule)
        T[j] = firms.Phi[j] * (base + (own[3] if e else own[0]) + (foreign if (in1 if e else in0) else 0.0))
        B[j] = B1 if e else B0
        count[j] = np.int64(own[6] if e else own[2])


@njit(cache=True)
def reachable(gain, cost, rule):
    """Return whether something with at most this gain and at least this cost has a chance."""
    width = rule.relative * cost + rule.absolute
    return gain - cost > -CUT * width if width > 0.0 else gain >= cost


@njit(cache=True)
def _bounds(j, firms, pairs, begin, end, A, w, rule, power, T, sums):
    """Add to: Θ, value, number (e = 0); Θ, value (e = 1), widths within reach, number (e = 1)."""
    B0 = rule.kappa * firms.Phi[j] * firms.beta[j] * A
    B1 = B0 + rule.kappa * firms.Phi[j] * firms.g[j]
    for e in range(begin, end):
        unit = raised(np.float64(pairs.alpha[e]), power) * T[pairs.supplier[e]]
        cost = pairs.f[e] * w
        if reachable(B1 * unit, cost, rule):
            sums[3] += unit
            sums[4] += max(B1 * unit - cost, 0.0)
            sums[5] += rule.relative * cost + rule.absolute
            sums[6] += 1.0
            if reachable(B0 * unit, cost, rule):
                sums[0] += unit
                sums[1] += max(B0 * unit - cost, 0.0)
                sums[2] += 1.0


def keep(pairs: Pairs, rule: Rule, power: float, w: float, B: Any, T: Any, kept: Pairs) -> None:
    """Copy the pairs that `highest` counted to where ``kept.ptr`` says, with α~ instead of α."""
    in_parts(B.size, pairs.supplier.size, lambda first, last: _keep(pairs, rule, power, w, B, T, kept, first, last))


@njit(cache=True, nogil=True)
def _keep(pairs, rule, power, w, B, T, kept, first, last):
    for j in range(first, last):
        at = kept.ptr[j]
        for e in range(pairs.ptr[j], pairs.ptr[j + 1]):
            weight = raised(np.float64(pairs.alpha[e]), power)
            if reachable(B[j] * weight * T[pairs.supplier[e]], pairs.f[e] * w, rule):
                kept.supplier[at] = pairs.supplier[e]
                kept.alpha[at] = weight
                kept.f[at] = pairs.f[e]
                at += 1
