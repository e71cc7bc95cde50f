r"""Whole maps at once: the decentralised path and the planner's optimum over a grid of (μ0, ρ0), compiled.

The planner's map runs the forward pass of `certified` (`labels`: the proved bounds on s, dominance, no truncation) in
doubles, with two aids. Neighbours start each other: the path of the point before is the first incumbent here, its value
computed anew, and a firm's search begins at its neighbour's number, verified by the signs on both sides. And Bellman's
equation is first solved on a coarse grid of S, four numbers an octave, each S s rounded up to the next: V_k rises in S,
so that this bounds what can follow a label, and few labels are left.

Where two paths are within rounding of each other, the map may return either; the marginal rule counts a difference
below 1e-11 of its parts as a tie and resolves it downwards. For exact ties solve the single problem. A map is computed
some rows at a time, so that Ctrl-C is heeded between them; the rows that are missing then hold NaN, and paths of zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.diversification.bounds import ROOM, Limits
from endonet.formulations.diversification.firm import CLEAR
from endonet.formulations.diversification.moments import Law, gain, moment
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import InputError
from endonet.solvers.diversification.labels import SLACK, trace, undominated
from endonet.solvers.interrupt import Interrupt

Vector = NDArray[np.float64]
COARSE = np.array([1.0, 2, 3] + [j * 2.0**e for e in range(16) for j in (4, 5, 6, 7)] + [np.inf])  # four an octave
MOST = 64  # so many suppliers have their share of risk tabulated
KNOWN = 2048  # moments of smaller S are computed once a point
ROWS = 16  # rows computed between two looks at the keyboard
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, eq=False)
class Map:
    """Answers over a grid, axes (μ0, ρ0, layer).

    Attributes
    ----------
    mu0, rho0 : arrays of shape (m,) and (n,)
    path : int array, shape (m, n, K)
    W : array, shape (m, n)
        Average welfare.
    risk : array, shape (m, n)
        Expected disruption in the last layer, M(S_K).
    """

    mu0: Vector
    rho0: Vector
    path: NDArray[np.int64]
    W: Vector
    risk: Vector


def map_equilibrium(mu0: ArrayLike, rho0: ArrayLike, K: int = 10, pi: object = 1, c: object = "1/25") -> Map:
    """Return the decentralised path at every (μ0, ρ0); ties go to the lower number.

    Parameters
    ----------
    mu0, rho0 : array_like
        One-dimensional, entries in [0, 1].
    K : int
    pi, c : number or K numbers, as in `ChainProblem`

    Raises
    ------
    InputError
        If an entry is outside [0, 1] or a parameter is wrong.
    """
    return _map(_equilibria, mu0, rho0, K, pi, c)


def map_planner(mu0: ArrayLike, rho0: ArrayLike, K: int = 10, pi: object = 1, c: object = "1/25") -> Map:
    """Return the planner's optimum at every (μ0, ρ0); parameters as in `map_equilibrium`."""
    return _map(_optima, mu0, rho0, K, pi, c)


def _map(kernel: object, mu0: ArrayLike, rho0: ArrayLike, K: int, pi: object, c: object) -> Map:
    mu, rho = _axis("mu0", mu0), _axis("rho0", rho0)
    limits = Limits(ChainProblem(K, 0, 0, pi, c))  # type: ignore[arg-type]
    kinds, alpha, beta, loss = _laws(np.repeat(mu, rho.size), np.tile(rho, mu.size))
    shape = (mu.size, rho.size)
    laws = [part.reshape(shape) for part in (kinds, alpha, beta, loss)]
    paths = np.zeros((*shape, K), np.int64)
    worth, risk = np.full(shape, np.nan), np.full(shape, np.nan)
    order = np.argsort(np.arange(mu.size) * GOLDEN % 1)  # neighbours cost alike: spread them over the threads
    with Interrupt() as interrupt:
        for start in range(0, mu.size, ROWS):
            if interrupt.requested:
                break
            rows = order[start : start + ROWS]
            size = (rows.size, rho.size)
            found = np.zeros((*size, K), np.int64), np.zeros(size), np.zeros(size)
            kernel(*(part[rows] for part in laws), limits.pi, limits.kappa, limits.profit, *found)  # type: ignore[operator]
            paths[rows], worth[rows], risk[rows] = found
    return Map(mu, rho, paths, worth / K, risk)


def _axis(name: str, values: ArrayLike) -> Vector:
    axis = np.atleast_1d(np.asarray(values, dtype=np.float64))
    wrong = np.flatnonzero(~((axis >= 0) & (axis <= 1)))
    if axis.ndim != 1 or wrong.size:
        raise InputError(f"{name}[{wrong[0] if wrong.size else 0}]", "it is outside [0, 1]", "give numbers from 0 to 1")
    return axis


def _laws(mu: Vector, rho: Vector) -> tuple[NDArray[np.int64], Vector, Vector, Vector]:
    """Return kinds, shapes and losses of the laws at every point, as `moments.law` does for one."""
    kinds = np.where((rho >= 1) | (mu <= 0), 2, np.where(rho < 1e-300, 1, 0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        r0 = (1 - rho) / rho
        alpha = np.where(kinds == 0, mu * r0, 0.0)
        beta = np.where(kinds == 0, (1 - mu) * r0, np.where(kinds == 1, np.inf, 0.0))
        loss = np.where(mu > 0.5, -np.log1p(-(1 - mu)), -np.log(mu))
    return kinds.astype(np.int64), alpha, beta, loss


@njit(cache=True, error_model="numpy")
def _pays(law, S, s, pi, kappa):  # type: ignore[no-untyped-def]
    """Whether a firm with s suppliers clearly gains by one more."""
    more, cost = pi * gain(law, S, s), kappa * (2.0 * s + 1.0)
    return more - cost > CLEAR * (more + cost)


@njit(cache=True, error_model="numpy")
def _firm(law, S, pi, kappa, guess):  # type: ignore[no-untyped-def]
    """Return the smallest s at which one more supplier does not pay, searched in growing steps from ``guess``."""
    low, high, step = 0, guess, 1
    if _pays(law, S, float(guess), pi, kappa):
        low = guess + 1
        while _pays(law, S, low + step - 1.0, pi, kappa):
            low += step
            step *= 2
        high = low + step - 1
    else:
        while high > 0:
            probe = max(high - step, 0)
            if _pays(law, S, float(probe), pi, kappa):
                low = probe + 1
                break
            high = probe
            step *= 2
    while high > low:
        middle = (low + high) // 2
        if _pays(law, S, float(middle), pi, kappa):
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, parallel=True, error_model="numpy")
def _equilibria(kinds, alpha, beta, loss, pi, kappa, profit, paths, worth, risk):  # type: ignore[no-untyped-def]
    """Fill rows of a map with decentralised paths."""
    rows, columns = kinds.shape
    K = pi.size
    for i in prange(rows):
        guess = np.ones(K, np.int64)
        for j in range(columns):
            law = Law(kinds[i, j], alpha[i, j], beta[i, j], loss[i, j])
            S, s, total, disrupted = 1.0, 0, 0.0, 1.0
            for k in range(K):
                unchanged = k > 0 and s == 1 and pi[k] == pi[k - 1] and kappa[k] == kappa[k - 1]
                if not unchanged:
                    s = _firm(law, S, pi[k], kappa[k], guess[k])
                    S *= s
                    disrupted = moment(law, S)
                guess[k] = s
                paths[i, j, k] = s
                if s == 0:
                    break
                total += pi[k] * (1.0 - disrupted) - kappa[k] * s * s
            worth[i, j] = total
            risk[i, j] = moment(law, S)


@njit(cache=True, error_model="numpy")
def _worth_of(law, pi, kappa, path):  # type: ignore[no-untyped-def]
    """Return Σ Π_k along a path."""
    S, total = 1.0, 0.0
    for k in range(pi.size):
        S *= path[k]
        if S == 0:
            break
        total += pi[k] * (1.0 - moment(law, S)) - kappa[k] * path[k] * path[k]
    return total


@njit(cache=True, error_model="numpy")
def _ahead(law, pi, kappa, profit, coarse, risk, share, ahead):  # type: ignore[no-untyped-def]
    """Write bounds on V_k(S), S ≤ coarse[a], for every k and a: Bellman's equation with S s rounded up to the grid.

    Also written are the moments ``risk`` on the grid, and the ``share`` of a moment that the s-th supplier takes off at
    most. The numbers s are those that `bounds.can_be_optimal` leaves, M(S (s−1)) raised to its value at a smaller S.
    """
    K, size = pi.size, coarse.size
    for a in range(size - 1):
        risk[a] = moment(law, coarse[a])
    risk[-1] = 0.0
    beta = law.beta if law.kind < 2 else 0.0
    for s in range(2, share.size):
        share[s] = (1 + ROOM) * -math.expm1(-beta / (s - 1.0))
    ahead[K] = 0.0
    for k in range(K - 1, -1, -1):
        for a in range(size):
            S, place, s, best = coarse[a], a, 1, 0.0
            while True:
                while coarse[place] < S * s:
                    place += 1
                best = max(best, pi[k] * (1.0 - risk[place]) - kappa[k] * s * s + ahead[k + 1, place])
                before = risk[place] if coarse[place] == S * s else risk[place - 1]
                s += 1
                if kappa[k] * (2.0 * s - 1.0) > profit[k] * before * (share[s] if s < share.size else 1 + ROOM):
                    break
            ahead[k, a] = best


@njit(cache=True, error_model="numpy")
def _step(law, S, G, pi, kappa, profit, coarse, risk, share, ahead, floor, known):  # type: ignore[no-untyped-def]
    """Return every (S s, G + Π) of one more layer that may still reach ``floor``, by rising S, each S once.

    A choice is dropped before its moment is computed if the bound, at the next larger S of the grid, says so.
    """
    room = 64
    state = np.empty(room)
    worth = np.empty(room)
    count = 0
    start = 0
    for j in range(S.size):
        while coarse[start] < S[j]:
            start += 1
        place, s = start, 1
        while True:
            while coarse[place] < S[j] * s:
                place += 1
            kept = G[j] - kappa * s * s
            if kept + pi * (1.0 - risk[place]) + ahead[place] >= floor:
                if count == room:
                    state = np.append(state, np.empty(room))
                    worth = np.append(worth, np.empty(room))
                    room *= 2
                state[count] = S[j] * s
                worth[count] = kept
                count += 1
            before = risk[place] if coarse[place] == S[j] * s else risk[place - 1]
            s += 1
            if kappa * (2.0 * s - 1.0) > profit * before * (share[s] if s < share.size else 1 + ROOM):
                break
    order = np.argsort(state[:count])
    each_S = np.empty(count)
    each_G = np.empty(count)
    kept_S = 0
    for j in order:
        if kept_S and state[j] == each_S[kept_S - 1]:
            each_G[kept_S - 1] = max(each_G[kept_S - 1], worth[j])
            continue
        each_S[kept_S] = state[j]
        each_G[kept_S] = worth[j]
        kept_S += 1
    for j in range(kept_S):
        n = each_S[j]
        if n < known.size:
            m = known[int(n)]
            if m < 0:
                m = moment(law, n)
                known[int(n)] = m
        else:
            m = moment(law, n)
        each_G[j] += pi * (1.0 - m)
    return each_S[:kept_S], each_G[:kept_S]


@njit(cache=True, error_model="numpy")
def _forward(law, pi, kappa, profit, coarse, risk, share, ahead, slack, incumbent, known):  # type: ignore[no-untyped-def]
    """Return (first, S, G, incumbent): the labels of all layers that neither dominance nor the bounds drop."""
    K = pi.size
    first = np.zeros(K + 2, np.int64)
    all_S = np.empty(64)
    all_G = np.empty(64)
    S = np.ones(1)
    G = np.zeros(1)
    all_S[0], all_G[0] = 1.0, 0.0
    size = 1
    first[1] = 1
    incumbent = max(incumbent, 0.0)
    for k in range(K):
        floor = incumbent - 2 * slack
        S, G = _step(law, S, G, pi[k], kappa[k], profit[k], coarse, risk, share, ahead[k + 1], floor, known)
        if S.size:
            incumbent = max(incumbent, G.max())  # whoever follows may collapse, which earns nothing
        keep = undominated(S, G, -np.inf, slack)
        S, G = S[keep], G[keep]
        while size + S.size > all_S.size:
            all_S = np.append(all_S, np.empty(all_S.size))
            all_G = np.append(all_G, np.empty(all_G.size))
        all_S[size : size + S.size] = S
        all_G[size : size + S.size] = G
        size += S.size
        first[k + 2] = size
    return first, all_S[:size], all_G[:size], incumbent


@njit(cache=True, parallel=True, error_model="numpy")
def _optima(kinds, alpha, beta, loss, pi, kappa, profit, paths, worth, risk):  # type: ignore[no-untyped-def]
    """Fill rows of a map with the planner's paths."""
    rows, columns = kinds.shape
    slack = SLACK * max(profit[0], 1e-300)
    for i in prange(rows):
        ahead = np.empty((pi.size + 1, COARSE.size))
        coarse_risk = np.empty(COARSE.size)
        share = np.ones(MOST)
        known = np.empty(KNOWN)
        for j in range(columns):
            law = Law(kinds[i, j], alpha[i, j], beta[i, j], loss[i, j])
            start = _worth_of(law, pi, kappa, paths[i, j - 1]) if j else 0.0
            known[:] = -1.0
            _ahead(law, pi, kappa, profit, COARSE, coarse_risk, share, ahead)
            first, states, G, best = _forward(
                law, pi, kappa, profit, COARSE, coarse_risk, share, ahead, slack, start, known
            )
            worth[i, j] = best
            risk[i, j] = moment(law, trace(law, pi, kappa, first, states, G, best, slack, paths[i, j]))
