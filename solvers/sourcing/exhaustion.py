"""Every network of a small economy, compiled: which of them may be equilibria, and which is worth most?

A network is dropped only where it clearly is none, by more than MARGIN relative to what is compared; the rest are
candidates for the problem's own evaluator, which settles ties.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from endonet.formulations.sourcing.evaluation import LARGEST_LOG
from endonet.solvers.sourcing.game import solve_system

MARGIN = 1e-7


@njit(cache=True)
def candidates(game, free, bits, start, stop, found):  # type: ignore[no-untyped-def]
    """Write the numbers of the networks from ``start`` to ``stop`` that may be equilibria; return how many.

    Parameters
    ----------
    free : int array
        The decisions that are open; bit b of a network's number is decision ``free[b]``.
    bits : int8 array
        All decisions; those that are not free stay as they are.
    """
    n, count = game.n, 0
    matrix = np.empty((n, n))
    a, d = np.empty((n, 2)), np.empty((n, 2))
    T, D, R0, dR = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for number in range(start, stop):
        for b in range(free.size):
            bits[free[b]] = (number >> b) & 1
        if possible(game, bits, matrix, a, d, T, D, R0, dR):
            found[count] = number
            count += 1
            if count == found.size:
                return count, number + 1
    return count, stop


@njit(cache=True)
def richest(game, free, bits):  # type: ignore[no-untyped-def]
    """Return the highest real income E/P of the networks that differ from ``bits`` in ``free``, and its number.

    E/P = A (Σ β_jH^(σ−1) μ_jH^(1−σ) T_j)^(σ/(σ−1)); 0 and −1 where none has an equilibrium.
    """
    n, best, where = game.n, 0.0, -1
    matrix, a, d = np.empty((n, n)), np.empty((n, 2)), np.empty((n, 2))
    for number in range(1 << free.size):
        for b in range(free.size):
            bits[free[b]] = (number >> b) & 1
        w, A, _ = settled(game, bits, matrix, a, d)
        if A > 0.0:
            Q = 0.0
            for j in range(n):
                Q += (game.home_spent[j] + game.home_earns[j]) * (a[j, 0] * w ** (1.0 - game.sigma) + a[j, 1])
            worth = A * Q ** (game.sigma / (game.sigma - 1.0))
            if worth > best:
                best, where = worth, number
    return best, where


@njit(cache=True)
def possible(game, bits, matrix, a, d, T, D, R0, dR):  # type: ignore[no-untyped-def]
    """Return whether a network may be an equilibrium."""
    w, A, trade = settled(game, bits, matrix, a, d)
    if not A > 0.0:
        return False
    u = w ** (1.0 - game.sigma)
    for j in range(game.n):
        T[j] = a[j, 0] * u + a[j, 1]
        D[j] = d[j, 0] * A + d[j, 1]
    revenues(game, bits, A, T, D, R0, dR)
    return content(game, bits, trade, A, w, u, T, D, R0, dR)


@njit(cache=True)
def settled(game, bits, matrix, a, d):  # type: ignore[no-untyped-def]
    """Return w and A of a network, A = 0 if it has no equilibrium, and whether it trades; write T = a u + b, D."""
    none = 1.0, 0.0, False
    n, m = game.n, game.m
    left = game.L
    importers, exporters = False, False
    for e in range(m):
        if bits[e]:
            left -= game.f[e]
    for j in range(n):
        if bits[m + j]:
            left -= game.f_import[j]
            importers = importers or game.foreign_input[j] > 0.0
        if bits[m + n + j]:
            left -= game.f_export[j]
            exporters = exporters or game.foreign[j] > 0.0
    if left <= 0.0 or importers != exporters:
        return none
    for j in range(n):
        a[j, 0] = game.labour[j]
        a[j, 1] = game.foreign_input[j] if bits[m + j] else 0.0
        d[j, 0] = game.home_spent[j]
        d[j, 1] = game.foreign_spent[j] if bits[m + n + j] else 0.0
    if solve_system(game, bits, game.weight, False, a, matrix) <= 0.0:
        return none
    if solve_system(game, bits, game.spent, True, d, matrix) <= 0.0:
        return none
    w = 1.0
    Sd, Se, md, me, ea, eb = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        Sd += game.labour[j] * d[j, 0]
        Se += game.labour[j] * d[j, 1]
        if bits[m + j]:
            md += game.foreign_input[j] * d[j, 0]
            me += game.foreign_input[j] * d[j, 1]
        if bits[m + n + j]:
            ea += game.foreign[j] * a[j, 0]
            eb += game.foreign[j] * a[j, 1]
    if importers:
        if not (ea > 0.0 and md + me > 0.0):
            return none
        w = wage(game.sigma, left, Sd, Se, ea, eb, md, me)
        if not w > 0.0:
            return none
    if not w**game.sigma * left > Se:
        return none
    u = w ** (1.0 - game.sigma)
    # With trade, from the sum of both markets: labour alone says little of A where nearly all is exported.
    A = (w * left + (ea - Se) * u + (eb - me)) / (u * Sd + md) if importers else left / Sd
    return w, max(A, 0.0), importers


@njit(cache=True)
def wage(sigma, left, Sd, Se, ea, eb, md, me):  # type: ignore[no-untyped-def]
    """Return the wage at which trade balances, or −1: bisection in ln w until neighbours, from an expanding bracket."""
    low = np.log(Se / left) / sigma if Se > 0.0 else -1.0
    high = max(low, 0.0)
    step = 1.0
    while _surplus(high, sigma, left, Sd, Se, ea, eb, md, me) > 0.0:
        high += step
        step *= 2.0
        if high > LARGEST_LOG / sigma:
            return -1.0
    step = 1.0
    while Se <= 0.0 and _surplus(low, sigma, left, Sd, Se, ea, eb, md, me) < 0.0:
        low -= step
        step *= 2.0
        if low < -LARGEST_LOG / sigma:
            return -1.0
    if _surplus(low, sigma, left, Sd, Se, ea, eb, md, me) < 0.0:
        return -1.0
    t = 0.5 * (low + high)
    for _ in range(200):
        value = _surplus(t, sigma, left, Sd, Se, ea, eb, md, me)
        if value > 0.0:
            low = t
        else:
            high = t
        slope = (1.0 - sigma) * ea * np.exp((1.0 - sigma) * t) - sigma * np.exp(sigma * t) * left / Sd * md
        newton = t - value / slope
        t_next = newton if low < newton < high else 0.5 * (low + high)
        if abs(t_next - t) <= 1e-15 * max(1.0, abs(t)) or high - low <= 1e-15 * max(1.0, abs(t)):
            t = t_next
            break
        t = t_next
    return np.exp(t)


@njit(cache=True)
def _surplus(t, sigma, left, Sd, Se, ea, eb, md, me):  # type: ignore[no-untyped-def]
    A = (np.exp(sigma * t) * left - Se) / Sd
    return ea * np.exp((1.0 - sigma) * t) + eb - A * md - me


@njit(cache=True)
def revenues(game, bits, A, T, D, R0, dR):  # type: ignore[no-untyped-def]
    """Write R_0 and ΔR of every owner."""
    n, m = game.n, game.m
    for j in range(n):
        if game.buys:
            R0[j] = game.phi[j] * game.home_earns[j] * A
            dR[j] = game.phi[j] * game.foreign_earns[j]
        else:
            dR[j] = game.phi[j] * game.foreign_input[j]
            R0[j] = T[j] - dR[j] if bits[m + j] else T[j]
    if game.buys:
        for e in range(m):
            if bits[e] and game.earns[e] != 0.0:
                k = game.supplier[e]
                R0[k] += game.phi[k] * game.earns[e] * D[game.buyer[e]]


@njit(cache=True)
def content(game, bits, trade, A, w, u, T, D, R0, dR):  # type: ignore[no-untyped-def]
    """Return whether no owner clearly wants another choice; without trade only links are looked at."""
    n, m = game.n, game.m
    for i in range(n):
        o, p = (bits[m + i], bits[m + n + i]) if game.buys else (bits[m + n + i], bits[m + i])
        b_o = game.foreign_input[i] if game.buys else game.foreign_earns[i]
        f_o = game.f_import[i] if game.buys else game.f_export[i]
        f_p = game.f_export[i] if game.buys else game.f_import[i]
        const = game.labour[i] * u if game.buys else game.home_earns[i] * A
        R1 = R0[i] + dR[i]
        R = R1 if p else R0[i]
        for q in range(game.ptr[i], game.ptr[i + 1]):
            e = game.link[q]
            b = game.weight[e] * T[game.other[q]] if game.buys else game.earns[e] * D[game.other[q]]
            benefit, cost = R * b, game.f[e] * w
            if bits[e] and benefit < cost * (1.0 - MARGIN):
                return False
            if not bits[e] and benefit > cost * (1.0 + MARGIN):
                return False
        if not game.opened or not trade:
            continue
        benefit, cost = R * b_o, f_o * w
        if (o and benefit < cost * (1.0 - MARGIN)) or (not o and benefit > cost * (1.0 + MARGIN)):
            return False
        S, scale = dR[i] * const, 0.0
        one, none = max(0.0, R1 * b_o - f_o * w), max(0.0, R0[i] * b_o - f_o * w)
        S += one - none
        scale += one + f_o * w
        for q in range(game.ptr[i], game.ptr[i + 1]):
            e = game.link[q]
            b = game.weight[e] * T[game.other[q]] if game.buys else game.earns[e] * D[game.other[q]]
            one, none = max(0.0, R1 * b - game.f[e] * w), max(0.0, R0[i] * b - game.f[e] * w)
            S += one - none
            scale += one + game.f[e] * w
        slack = MARGIN * (scale + S + f_p * w)
        if (p and f_p * w - slack > S) or (not p and f_p * w + slack < S):
            return False
    return True
