"""`box.narrow` for closed acyclic economies in which buyers initiate at cost, at any size, compiled.

Firms decide in their order, so that one pass gives the least network of a box, one the greatest: a firm's costs are
known when its buyers ask for them. This is the sequential algorithm of A.5.1 with two values of A at once. All sums
have positive terms only, so that the relative error of T_j is at most that of its suppliers and one rounding for each
term.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from endonet.formulations.sourcing.response import TIE
from endonet.solvers.sourcing.box import A_HI, A_LO, DECIDED, EMPTY, OPEN, ROUNDS, SLACK
from endonet.solvers.sourcing.game import EPS


@njit(cache=True)
def narrow(game, lo, hi, box, score):  # type: ignore[no-untyped-def]
    """Narrow lo, hi and box in place, as `box.narrow` does."""
    n, m = game.n, game.m
    T_lo, T_hi, D = np.empty(n), np.empty(n), np.empty(n)
    s = max(SLACK, 8.0 * rounding(game))
    for _ in range(ROUNDS):
        low, high = box[A_LO], box[A_HI]
        same = pass_forward(game, lo, hi, low, high, T_lo, T_hi, s, score)
        if same < 0:
            return EMPTY
        most = (game.L - fixed(game, lo)) + 1e-12 * game.L
        least = (game.L - fixed(game, hi)) - 1e-12 * game.L
        if most <= 0.0:
            return EMPTY
        box[A_HI] = min(high, most / demanded(game, lo, D) * (1.0 + s))
        if least > 0.0:
            box[A_LO] = max(low, least / demanded(game, hi, D) * (1.0 - s))
        if box[A_LO] > box[A_HI]:
            return EMPTY
        if same == m:
            return DECIDED
        if not (box[A_LO] > low * (1.0 + 1e-3) or box[A_HI] < high * (1.0 - 1e-3) or (low == 0.0 < box[A_LO])):
            return OPEN
    return OPEN


@njit(cache=True)
def pass_forward(game, lo, hi, low, high, T_lo, T_hi, s, score):  # type: ignore[no-untyped-def]
    """Write the least and the greatest network and their T; return how many links are decided, −1 if none fits."""
    same = 0
    tie = 1.0 - TIE
    for place in range(game.n):
        j = game.order[place]
        R_lo, R_hi = game.phi[j] * game.home_earns[j] * low, game.phi[j] * game.home_earns[j] * high
        least, most = game.labour[j], game.labour[j]
        for e in range(game.first[j], game.first[j + 1]):
            k = game.supplier[e]
            b_lo, b_hi = game.weight[e] * T_lo[k], game.weight[e] * T_hi[k]
            cost = game.f[e] * tie
            if not lo[e] and R_lo * b_lo * (1.0 - s) >= cost and (b_lo > 0.0 or cost == 0.0):
                lo[e] = 1
            if hi[e] and R_hi * b_hi * (1.0 + s) < cost:
                hi[e] = 0
            if lo[e] > hi[e]:
                return -1
            score[e] = game.n - place  # the first link in the sequence that is open opens those after it
            same += lo[e] == hi[e]
            if lo[e]:
                least += b_lo
            if hi[e]:
                most += b_hi
        T_lo[j], T_hi[j] = game.phi[j] * least, game.phi[j] * most
    return same


@njit(cache=True)
def demanded(game, bits, D):  # type: ignore[no-untyped-def]
    """Return S_d = Σ α_Lj^(σ−1) D_j at A = 1."""
    D[:] = game.home_spent
    total = 0.0
    for place in range(game.n - 1, -1, -1):
        j = game.order[place]
        here = game.phi[j] * D[j]
        total += game.labour[j] * here
        for e in range(game.first[j], game.first[j + 1]):
            if bits[e]:
                D[game.supplier[e]] += game.spent[e] * here
    return total


@njit(cache=True)
def fixed(game, bits):  # type: ignore[no-untyped-def]
    """Return the fixed costs of a network's links, summed by buyer first."""
    total = 0.0
    for j in range(game.n):
        mine = 0.0
        for e in range(game.first[j], game.first[j + 1]):
            if bits[e]:
                mine += game.f[e]
        total += mine
    return total


@njit(cache=True)
def rounding(game):  # type: ignore[no-untyped-def]
    """Return a bound on the relative error of T, D and their sums: roundings along the longest path of links."""
    worst, D = np.zeros(game.n), np.zeros(game.n)
    top, buyers = 0.0, np.zeros(game.n)
    for e in range(game.m):
        buyers[game.supplier[e]] += 1.0
    for place in range(game.n):
        j = game.order[place]
        here = 0.0
        for e in range(game.first[j], game.first[j + 1]):
            here = max(here, worst[game.supplier[e]])
        worst[j] = here + game.first[j + 1] - game.first[j] + 4.0
        top = max(top, worst[j])
    for place in range(game.n - 1, -1, -1):
        j = game.order[place]
        D[j] += buyers[j] + 4.0
        top = max(top, D[j])
        for e in range(game.first[j], game.first[j + 1]):
            D[game.supplier[e]] = max(D[game.supplier[e]], D[j])
    return EPS * (top + game.n)
