"""What can be an equilibrium in a box of wages and demand? Bounds on every decision, compiled (theory: the lattice).

Given (w, A) the game is supermodular: with more links, costs fall (T rises) and demand D rises, and every owner's best
choice rises in T, D and A and falls in w. So if all equilibria in [w_lo, w_hi] × [A_lo, A_hi] lie between two networks
lo ≤ hi, they lie between the replies to lo at (w_hi, A_lo) and to hi at (w_lo, A_hi). In turn the sums in

    w^σ (L − Σ f) = A S_d + S_e,      ε_a w^(1−σ) + ε_b = A m_d + m_e      (closed: w = 1 and the first alone)

rise with the network, which bounds the box. Both are repeated until nothing changes.

Rounding. Every bound is taken with a relative slack, by default a thousand times what rounding can do; residuals of the
linear systems verify that it is enough, or enlarge it: for I − B an M-matrix, |x̂ − x| ≤ t max_j |residual_j| / φ_j
where t = (I − B)^(−1) φ.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from endonet.formulations.sourcing.evaluation import LARGEST_LOG
from endonet.formulations.sourcing.response import TIE
from endonet.solvers.sourcing.game import EPS, solve_system

EMPTY, DECIDED, OPEN, BOUNDLESS = 0, 1, 2, 3
SLACK = 1e-9
SINGULAR = 1e-10
W_LO, W_HI, A_LO, A_HI = 0, 1, 2, 3
ROUNDS = 100


@njit(cache=True)
def narrow(game, lo, hi, box, score):  # type: ignore[no-untyped-def]
    """Narrow lo, hi and box in place; return EMPTY, DECIDED (lo = hi), OPEN, or BOUNDLESS where hi has no costs.

    Parameters
    ----------
    box : array (w_lo, w_hi, A_lo, A_hi)
        0 and infinity where nothing is known.
    score : array, shape (m + 2n,)
        Written: how much each open decision may matter.
    """
    n, m = game.n, game.m
    matrix = np.empty((n, n)) if game.order.size == 0 else np.empty((0, 0))
    sums = np.empty((2, 6))
    T, D = np.empty((2, n)), np.empty((2, n))
    for _ in range(ROUNDS):
        if decided(lo, hi):
            return DECIDED
        left_most, left_least = game.L - labour(game, lo), game.L - labour(game, hi)
        if left_most < -1e-12 * game.L:
            return EMPTY
        left_most, left_least = left_most + 1e-12 * game.L, left_least - 1e-12 * game.L
        if game.opened and not can_trade(game, hi):
            return EMPTY
        a_lo, d_lo, least, error = solved(game, lo, matrix)
        if least < -SINGULAR:
            return EMPTY
        if least < SINGULAR:
            return BOUNDLESS
        a_hi, d_hi, most, error_hi = solved(game, hi, matrix)
        bounded = most > SINGULAR and most <= 1.0
        s = max(SLACK, 8.0 * error)
        if bounded:
            s = max(s, 8.0 * error_hi)
        if s > 1e-3:
            return BOUNDLESS
        add_up(game, lo, a_lo, d_lo, sums[0], 1.0 - s)
        if bounded:
            add_up(game, hi, a_hi, d_hi, sums[1], 1.0 + s)
        before = box.copy()
        if not contract(game, sums, left_most, left_least if bounded else -1.0, bounded, box, s):
            return EMPTY
        if beyond(game, box):
            return EMPTY
        changed = shrunk(before, box)
        if box[W_HI] < np.inf:
            u = box[W_HI] ** (1.0 - game.sigma)
            for j in range(n):
                T[0, j] = (a_lo[j, 0] * u + a_lo[j, 1]) * (1.0 - s)
                D[0, j] = (d_lo[j, 0] * box[A_LO] + d_lo[j, 1]) * (1.0 - s)
            if raise_floor(game, lo, box[W_HI], box[A_LO], u, T[0], D[0], s):
                changed = True
        if bounded and box[W_LO] > 0.0:
            u = box[W_LO] ** (1.0 - game.sigma)
            for j in range(n):
                T[1, j] = (a_hi[j, 0] * u + a_hi[j, 1]) * (1.0 + s)
                D[1, j] = (d_hi[j, 0] * box[A_HI] + d_hi[j, 1]) * (1.0 + s)
            if lower_ceiling(game, hi, box[W_LO], box[A_HI], u, T[1], D[1], s, score):
                changed = True
        else:
            for e in range(m):
                score[e] = game.phi[game.buyer[e]] * game.weight[e]
            for j in range(2 * n):
                score[m + j] = 0.0
        for e in range(lo.size):
            if lo[e] > hi[e]:
                return EMPTY
        if not changed:
            return OPEN if bounded else BOUNDLESS
    return OPEN


@njit(cache=True)
def decided(lo, hi):  # type: ignore[no-untyped-def]
    """Return whether no decision is open."""
    return np.array_equal(lo, hi)


@njit(cache=True)
def shrunk(before, box):  # type: ignore[no-untyped-def]
    """Return whether a box became narrower by more than a thousandth of its logarithmic widths."""
    for side in range(0, 4, 2):
        low, high = before[side], before[side + 1]
        if (low == 0.0 < box[side]) or (high == np.inf > box[side + 1]):
            return True
        if low > 0.0 and high < np.inf and high > low:
            gained = np.log(box[side] / low) + np.log(high / box[side + 1])
            if gained > 1e-3 * np.log(high / low) + 1e-14:
                return True
    return False


@njit(cache=True)
def labour(game, bits):  # type: ignore[no-untyped-def]
    """Return the fixed costs of a network."""
    total = 0.0
    for e in range(game.m):
        if bits[e]:
            total += game.f[e]
    for j in range(game.n):
        if bits[game.m + j]:
            total += game.f_import[j]
        if bits[game.m + game.n + j]:
            total += game.f_export[j]
    return total


@njit(cache=True)
def can_trade(game, bits):  # type: ignore[no-untyped-def]
    """Return whether somebody imports and somebody exports."""
    imports, exports = False, False
    for j in range(game.n):
        imports = imports or (bits[game.m + j] and game.foreign_input[j] > 0.0)
        exports = exports or (bits[game.m + game.n + j] and game.foreign[j] > 0.0)
    return imports and exports


@njit(cache=True)
def solved(game, bits, matrix):  # type: ignore[no-untyped-def]
    """Return (a, b), (d, e) as columns, the smallest pivot, and a bound on their relative error."""
    n, m = game.n, game.m
    a, d = np.empty((n, 3)), np.empty((n, 3))
    for j in range(n):
        a[j, 0], a[j, 2] = game.labour[j], 1.0
        a[j, 1] = game.foreign_input[j] if bits[m + j] else 0.0
        d[j, 0], d[j, 2] = game.home_spent[j], 1.0
        d[j, 1] = game.foreign_spent[j] if bits[m + n + j] else 0.0
    ra, rd = a.copy(), d.copy()
    least = solve_system(game, bits, game.weight, False, a, matrix)
    if least <= SINGULAR:
        return a, d, least, np.inf
    pivot = solve_system(game, bits, game.spent, True, d, matrix)
    least = min(least, pivot)
    if least <= SINGULAR:
        return a, d, least, np.inf
    error = max(wrong(game, bits, game.weight, False, ra, a), wrong(game, bits, game.spent, True, rd, d))
    return a, d, least, error


@njit(cache=True)
def wrong(game, bits, weight, transposed, r, x):  # type: ignore[no-untyped-def]
    """Return a bound on the relative error of the solution of x = Φ~ (W x + r), from its residual."""
    n, columns = game.n, x.shape[1]
    sums = np.zeros((n, columns))
    terms = np.full(n, 4.0)
    for e in range(game.m):
        if bits[e]:
            k, j = game.supplier[e], game.buyer[e]
            to, of = (k, j) if transposed else (j, k)
            terms[to] += 1.0
            for c in range(columns):
                sums[to, c] += weight[e] * x[of, c]
    worst = 0.0
    for c in range(columns):
        off = 0.0
        for j in range(n):
            there = sums[j, c] + r[j, c]
            here = x[j, c] / game.phi[j]
            off = max(off, abs(here - there) + terms[j] * EPS * (here + there))
        for j in range(n):
            if x[j, c] > 0.0:
                worst = max(worst, off * x[j, columns - 1] / x[j, c])
    return worst


@njit(cache=True)
def add_up(game, bits, a, d, sums, factor):  # type: ignore[no-untyped-def]
    """Write S_d, S_e, ε_a, ε_b, m_d, m_e times a factor."""
    sums[:] = 0.0
    for j in range(game.n):
        sums[0] += game.labour[j] * d[j, 0]
        sums[1] += game.labour[j] * d[j, 1]
        if bits[game.m + game.n + j]:
            sums[2] += game.foreign[j] * a[j, 0]
            sums[3] += game.foreign[j] * a[j, 1]
        if bits[game.m + j]:
            sums[4] += game.foreign_input[j] * d[j, 0]
            sums[5] += game.foreign_input[j] * d[j, 1]
    for c in range(6):
        sums[c] *= factor


@njit(cache=True)
def contract(game, sums, left_most, left_least, bounded, box, s):  # type: ignore[no-untyped-def]
    """Narrow the box by what the sums allow; return whether anything is left of it."""
    sigma = game.sigma
    Sd, Se, ea, eb, md, me = sums[0]
    if not game.opened:
        box[A_HI] = min(box[A_HI], left_most / Sd * (1.0 + s))
        if left_least > 0.0:
            box[A_LO] = max(box[A_LO], left_least / sums[1, 0] * (1.0 - s))
        return box[A_LO] <= box[A_HI]
    high, low = 1.0 + s, 1.0 - s
    if box[W_HI] < np.inf:
        top = box[W_HI] ** sigma * left_most * high - Se
        if top <= 0.0:
            return False
        box[A_HI] = min(box[A_HI], top / Sd * high)
    box[W_LO] = max(box[W_LO], ((box[A_LO] * Sd + Se) / left_most) ** (1.0 / sigma) * low)
    if bounded:
        Sd_, Se_, ea_, eb_, md_, me_ = sums[1]
        if left_least > 0.0:
            box[A_LO] = max(box[A_LO], (box[W_LO] ** sigma * left_least * low - Se_) / Sd_ * low)
            if box[A_HI] < np.inf:
                box[W_HI] = min(box[W_HI], ((box[A_HI] * Sd_ + Se_) / left_least) ** (1.0 / sigma) * high)
        if md > 0.0 and box[W_LO] > 0.0:
            top = ea_ * box[W_LO] ** (1.0 - sigma) * high + eb_ - me
            if top <= 0.0:
                return False
            box[A_HI] = min(box[A_HI], top / md * high)
        worth = eb if box[W_HI] == np.inf else ea * box[W_HI] ** (1.0 - sigma) * low + eb
        if md_ > 0.0:
            box[A_LO] = max(box[A_LO], (worth - me_) / md_ * low)
        elif worth > me_:
            return False
        need = box[A_LO] * md + me - eb_
        if need > 0.0:
            if ea_ <= 0.0:
                return False
            box[W_HI] = min(box[W_HI], (need / ea_) ** (1.0 / (1.0 - sigma)) * high)
        if ea > 0.0 and box[A_HI] < np.inf:
            most = box[A_HI] * md_ + me_ - eb
            if most <= 0.0:
                return False
            box[W_LO] = max(box[W_LO], (most / ea) ** (1.0 / (1.0 - sigma)) * low)
    return box[A_LO] <= box[A_HI] and box[W_LO] <= box[W_HI] and box[A_HI] > 0.0 and box[W_HI] > 0.0


@njit(cache=True)
def beyond(game, box):  # type: ignore[no-untyped-def]
    """Return whether no wage of the box, or no demand, is one that the evaluator's doubles can hold."""
    most = np.exp(LARGEST_LOG / game.sigma)
    return box[W_LO] > most or box[W_HI] < 1.0 / most or box[A_LO] == np.inf


@njit(cache=True)
def raise_floor(game, lo, w, A, u, T, D, s):  # type: ignore[no-untyped-def]
    """Make every decision that pays even at the worst corner; return whether there was one."""
    R = revenue(game, lo, A, u, T, D)
    changed = False
    tie = 1.0 - TIE
    for i in range(game.n):
        R0 = R[i] * (1.0 - s)
        dR, const, b_o, f_o, f_p = terms(game, i, A, u)
        dR *= 1.0 - s
        R1 = R0 + dR
        S = dR * const * (1.0 - s) + stake(R0, dR, b_o * (1.0 - s), f_o * w)
        for q in range(game.ptr[i], game.ptr[i + 1]):
            b = benefit(game, game.link[q], game.other[q], T, D) * (1.0 - s)
            S += stake(R0, dR, b, game.f[game.link[q]] * w)
        o_place, p_place = places(game, i)
        pivot = game.opened and dR > 0.0 and f_p * w * tie <= S
        if pivot and not lo[p_place]:
            lo[p_place] = 1
            changed = True
        R_ = R1 if lo[p_place] and game.opened else R0
        if game.opened and b_o > 0.0 and R_ * b_o * (1.0 - s) >= f_o * w * tie and not lo[o_place]:
            lo[o_place] = 1
            changed = True
        for q in range(game.ptr[i], game.ptr[i + 1]):
            e = game.link[q]
            b = benefit(game, e, game.other[q], T, D) * (1.0 - s)
            if not lo[e] and R_ * b >= game.f[e] * w * tie and (b > 0.0 or game.f[e] == 0.0):
                lo[e] = 1
                changed = True
    return changed


@njit(cache=True)
def lower_ceiling(game, hi, w, A, u, T, D, s, score):  # type: ignore[no-untyped-def]
    """Drop every decision that does not pay even at the best corner; return whether there was one."""
    endless = np.inf == A
    R = revenue(game, hi, 0.0 if endless and game.buys else A, u, T, D)
    changed = False
    tie = 1.0 - TIE
    for i in range(game.n):
        dR, const, b_o, f_o, f_p = terms(game, i, 0.0 if endless else A, u)
        o_place, p_place = places(game, i)
        if endless:
            # What exports earn is bounded although home demand is not.
            exports = game.m + game.n + i
            earned = game.foreign_earns[i] * T[i] * (1.0 + s)
            score[exports] = earned
            if hi[exports] and earned < game.f_export[i] * w * tie:
                hi[exports] = 0
                changed = True
            for q in range(game.ptr[i], game.ptr[i + 1]):
                score[game.link[q]] = game.weight[game.link[q]]
            continue
        R0 = R[i] * (1.0 + s)
        dR *= 1.0 + s
        R1 = R0 + dR
        S = dR * const * (1.0 + s) + stake(R0, dR, b_o * (1.0 + s), f_o * w)
        for q in range(game.ptr[i], game.ptr[i + 1]):
            b = benefit(game, game.link[q], game.other[q], T, D) * (1.0 + s)
            S += stake(R0, dR, b, game.f[game.link[q]] * w)
        pivot = game.opened and f_p * w * tie <= S and hi[p_place]
        score[p_place] = S
        if hi[p_place] and not pivot:
            hi[p_place] = 0
            changed = True
        R_ = R1 if pivot else R0
        score[o_place] = R_ * b_o
        if hi[o_place] and R_ * b_o * (1.0 + s) < f_o * w * tie:
            hi[o_place] = 0
            changed = True
        for q in range(game.ptr[i], game.ptr[i + 1]):
            e = game.link[q]
            earned = R_ * benefit(game, e, game.other[q], T, D) * (1.0 + s)
            score[e] = earned
            if hi[e] and earned < game.f[e] * w * tie:
                hi[e] = 0
                changed = True
    return changed


@njit(cache=True)
def revenue(game, bits, A, u, T, D):  # type: ignore[no-untyped-def]
    """Return R_0 of every owner: what a unit of its Θ earns (buyers), or its T without imports (suppliers)."""
    R = np.empty(game.n)
    for j in range(game.n):
        R[j] = game.home_earns[j] * A if game.buys else game.labour[j] * u
    for e in range(game.m):
        if not bits[e]:
            continue
        if not game.buys:
            R[game.buyer[e]] += game.weight[e] * T[game.supplier[e]]
        elif game.earns[e] != 0.0:
            R[game.supplier[e]] += game.earns[e] * D[game.buyer[e]]
    for j in range(game.n):
        R[j] *= game.phi[j]
    return R


@njit(cache=True, inline="always")
def terms(game, i, A, u):  # type: ignore[no-untyped-def]
    """Return ΔR, const, b_o, f_o, f_p of an owner."""
    if game.buys:
        dR = game.phi[i] * game.foreign_earns[i]
        return dR, game.labour[i] * u, game.foreign_input[i], game.f_import[i], game.f_export[i]
    dR = game.phi[i] * game.foreign_input[i]
    return dR, game.home_earns[i] * A, game.foreign_earns[i], game.f_export[i], game.f_import[i]


@njit(cache=True, inline="always")
def stake(R0, dR, b, cost):  # type: ignore[no-untyped-def]
    """Return max(0, (R_0 + ΔR) b − cost) − max(0, R_0 b − cost), which ΔR does not leave where R_0 dwarfs it."""
    without = R0 * b - cost
    return dR * b if without >= 0.0 else max(0.0, without + dR * b)


@njit(cache=True, inline="always")
def benefit(game, e, other, T, D):  # type: ignore[no-untyped-def]
    """Return b of a link."""
    return game.weight[e] * T[other] if game.buys else game.earns[e] * D[other]


@njit(cache=True, inline="always")
def places(game, i):  # type: ignore[no-untyped-def]
    """Return where an owner's other decision and its pivot stand among all decisions."""
    imports, exports = game.m + i, game.m + game.n + i
    return (imports, exports) if game.buys else (exports, imports)
