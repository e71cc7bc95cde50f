r"""The planner's dynamic program, compiled: labels forwards, potentials backwards.

Forwards, a label (S, G) of layer k says that upstream diversification S can be reached with profits G = Π_1 + … + Π_k.
Two rules drop labels without losing an optimum:

    dominance     S' ≥ S and G' > G + δ: whatever follows S earns at least as much after S', since V_k(S) rises in S
    bound         G + top_k < incumbent − δ, with top_k of `bounds.tops`

Backwards, potentials Φ_k ≥ V_k are computed at the labels that are left, by Bellman's equation over *all* numbers of
suppliers that `bounds` allows; elsewhere Φ_k(S) is the potential of the next larger label, or `bounds.tops` beyond
the last. What the two rules dropped is worth less than the optimum by their very conditions, so Φ_1(1) is the
optimum itself. S is a double: exact up to 2^53, beyond that to its last place, which the padding of the potentials
covers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.diversification.bounds import Limits, most_of_each, most_suppliers
from endonet.formulations.diversification.moments import moment

Vector = NDArray[np.float64]

SLACK = 1e-11  # δ, relative to Σ π: labels and paths this close are kept, for exact arithmetic to tell apart
WIDTH = 48  # labels a layer in the pass that only seeks an incumbent
BLOCK = 1 << 18  # choices worked on between two looks at clock and keyboard: some hundredths of a second


@dataclass(frozen=True, eq=False)
class Labels:
    """What is left after the forward pass.

    Attributes
    ----------
    first : int array, shape (K + 2,)
        Labels of layer k (after k choices) are ``first[k]`` … ``first[k+1] − 1``, by rising S.
    S, G : arrays
    incumbent : float
        The most that any path earns, Σ Π_k, in doubles; −∞ if none meets the target.
    """

    first: NDArray[np.int64]
    S: Vector
    G: Vector
    incumbent: float


@njit(cache=True, error_model="numpy")
def advance(law, S, G, pi, kappa, profit, cap, least):  # type: ignore[no-untyped-def]
    """Return every (S s, G + Π) that one more layer gives, by rising S, each S once."""
    most = most_of_each(law, S, profit, kappa, cap, least)
    count = most.sum()
    state = np.empty(count)
    worth = np.empty(count)
    place = 0
    for j in range(S.size):
        for s in range(1, most[j] + 1):
            state[place] = S[j] * s
            worth[place] = G[j] - kappa * s * s
            place += 1
    order = np.argsort(state)
    each_S = np.empty(count)
    each_G = np.empty(count)
    kept = 0
    for j in order:
        if kept and state[j] == each_S[kept - 1]:
            each_G[kept - 1] = max(each_G[kept - 1], worth[j])
            continue
        each_S[kept] = state[j]
        each_G[kept] = worth[j]
        kept += 1
    for j in range(kept):
        each_G[j] += pi * (1.0 - moment(law, each_S[j]))
    return each_S[:kept], each_G[:kept]


@njit(cache=True)
def undominated(S, G, floor, slack):  # type: ignore[no-untyped-def]
    """Return the places of labels that neither dominance nor the bound drops, by rising S."""
    keep = np.zeros(S.size, np.bool_)
    best = -np.inf
    for j in range(S.size - 1, -1, -1):
        if floor <= G[j] and best <= G[j] + slack:
            keep[j] = True
        best = max(best, G[j])
    return np.flatnonzero(keep)


@njit(cache=True)
def _thin(size, width):  # type: ignore[no-untyped-def]
    """Return at most ``width`` places, evenly spread."""
    if size <= width:
        return np.arange(size)
    chosen = np.empty(width, np.int64)
    for j in range(width):
        chosen[j] = j * (size - 1) // (width - 1)
    return chosen


@njit(cache=True, error_model="numpy")
def trace(law, pi, kappa, first, states, G, incumbent, slack, path):  # type: ignore[no-untyped-def]
    """Write into ``path`` a path that attains the incumbent, from its last layer back; return its last S."""
    K = pi.size
    k, S, target = 0, 1.0, 0.0
    for layer in range(K, -1, -1):  # the layer after which nobody buys: K unless the path collapses
        found = False
        for j in range(first[layer], first[layer + 1]):
            if abs(G[j] - incumbent) <= slack:
                k, S, target, found = layer, states[j], G[j], True
                break
        if found:
            break
    last = S if k == K else 0.0
    while k > 0:
        earned = pi[k - 1] * (1.0 - moment(law, S))
        best, choice, place = np.inf, 1, first[k - 1]
        for j in range(first[k - 1], first[k]):
            s = np.rint(S / states[j])
            if s < 1 or states[j] * s != S:
                continue
            miss = abs(G[j] + earned - kappa[k - 1] * s * s - target)
            if miss < best:
                best, choice, place = miss, int(s), j
        path[k - 1] = choice
        S, target = states[place], G[place]
        k -= 1
    return last


@njit(cache=True, error_model="numpy")
def look_up(states, values, S, beyond):  # type: ignore[no-untyped-def]
    """Return the value of the smallest state ≥ S, or ``beyond``."""
    j = np.searchsorted(states, S)
    return values[j] if j < states.size else beyond


@njit(cache=True, error_model="numpy")
def continuation(k, K, S, least, first, states, phi, beyond):  # type: ignore[no-untyped-def]
    """Return Φ after k choices in state S."""
    if k == K:
        return 0.0 if least <= S else -np.inf
    return look_up(states[first[k] : first[k + 1]], phi[first[k] : first[k + 1]], S, beyond)


@njit(cache=True, error_model="numpy")
def bellman(law, pi, kappa, profit, top, caps, least, first, states, phi, k, S):  # type: ignore[no-untyped-def]
    """Return the right-hand side of Bellman's equation in state S after k choices."""
    best = -np.inf if least > 0 else 0.0
    for s in range(1, most_suppliers(law, S, profit[k], kappa[k], caps[k], least) + 1):
        after = continuation(k + 1, pi.size, S * s, least, first, states, phi, top[k + 1] if k + 1 < pi.size else 0.0)
        best = max(best, pi[k] * (1.0 - moment(law, S * s)) - kappa[k] * s * s + after)
    return best


@njit(cache=True, error_model="numpy")
def backward(law, pi, kappa, profit, top, caps, least, first, states, padding, k, begin, end, phi):  # type: ignore[no-untyped-def]
    """Fill in potentials of layer k's labels, each raised for rounding, relative to itself and to all profits."""
    for j in range(begin, end):
        phi[j] = bellman(law, pi, kappa, profit, top, caps, least, first, states, phi, k, states[j])
        if phi[j] > -np.inf:
            phi[j] += padding * max(profit[0], abs(phi[j]))


@njit(cache=True, error_model="numpy")
def largest_excess(law, pi, kappa, profit, top, caps, least, first, states, phi):  # type: ignore[no-untyped-def]
    """Return by how much Bellman's right-hand side exceeds a potential at most, relative as the padding is."""
    worst = -np.inf
    for k in range(pi.size):
        for j in range(first[k], first[k + 1]):
            excess = bellman(law, pi, kappa, profit, top, caps, least, first, states, phi, k, states[j]) - phi[j]
            worst = max(worst, excess / max(profit[0], abs(phi[j])) if excess > -np.inf else excess)
    return worst


def slack_of(limits: Limits, incumbent: float) -> float:
    """Return δ for a problem: how close labels must be to be kept for exact arithmetic."""
    return SLACK * max(float(limits.profit[0]), abs(incumbent) if math.isfinite(incumbent) else 0.0, 1e-300)


def kernel_arguments(limits: Limits) -> tuple[object, ...]:
    """Return what every kernel takes first."""
    return (limits.law, limits.pi, limits.kappa, limits.profit, limits.top, limits.caps, limits.least)


def never() -> bool:
    """Do not stop."""
    return False


def labels(
    limits: Limits, stop: Callable[[], bool] = never, incumbent: float = -math.inf, width: int = 0
) -> Labels | None:
    """Return all labels of a problem that matter, or with ``width`` > 0 so many a layer, which is enough for a start.

    Parameters
    ----------
    limits : Limits
    stop : callable
        Asked again and again; None is returned once it is true.
    incumbent : float
        What some path earns.
    width : int
    """
    slack = slack_of(limits, incumbent)
    K, required = limits.pi.size, limits.least > 0
    if not required:
        incumbent = max(incumbent, 0.0)
    S, G = np.ones(1), np.zeros(1)
    layers_S, layers_G = [S], [G]
    for k in range(K):
        parts = []
        for part in _blocks(limits, k, S):
            if stop():
                return None
            layer = (limits.pi[k], limits.kappa[k], limits.profit[k], limits.caps[k])
            parts.append(advance(limits.law, S[part], G[part], *layer, limits.least))
        S, G = _merged(parts)
        if required and k == K - 1:
            S, G = S[limits.least <= S], G[limits.least <= S]
        if S.size and (not required or k == K - 1):
            incumbent = max(incumbent, float(G.max()))
        keep = undominated(S, G, incumbent - limits.top[k + 1] - slack, slack)
        if width > 0:
            keep = keep[_thin(keep.size, width)]
        S, G = S[keep], G[keep]
        layers_S.append(S)
        layers_G.append(G)
    first = np.concatenate([[0], np.cumsum([layer.size for layer in layers_S])]).astype(np.int64)
    return Labels(first, np.concatenate(layers_S), np.concatenate(layers_G), incumbent)


def path_of(limits: Limits, found: Labels) -> list[int]:
    """Return a path that earns the incumbent of labels, to within rounding."""
    path = np.zeros(limits.pi.size, np.int64)
    slack = slack_of(limits, found.incumbent)
    trace(limits.law, limits.pi, limits.kappa, found.first, found.S, found.G, found.incumbent, slack, path)
    return [int(s) for s in path]


def _blocks(limits: Limits, k: int, S: Vector) -> Iterator[slice]:
    """Yield parts of a layer's states that have about `BLOCK` choices each, for a look at clock and keyboard between.

    The bound on s falls in S, so that the first state of a part bounds its number of choices.
    """
    start = 0
    while start < S.size:
        wide = max(limits.most(k, int(S[start])), 1)
        stop = min(start + max(BLOCK // wide, 1), S.size)
        yield slice(start, stop)
        start = stop


def _merged(parts: list[tuple[Vector, Vector]]) -> tuple[Vector, Vector]:
    """Return states and profits of all parts by rising S, each S once with its greatest G."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return np.empty(0), np.empty(0)
    S, G = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    order = np.lexsort((-G, S))
    S, G = S[order], G[order]
    fresh = np.append(True, S[1:] != S[:-1])
    return S[fresh], G[fresh]


def root_label(limits: Limits) -> Labels:
    """Return the root alone: enough for a first bound."""
    first = np.ones(limits.pi.size + 2, np.int64)
    first[0] = 0
    return Labels(first, np.ones(1), np.zeros(1), 0.0)


def padding_of(limits: Limits) -> float:
    """Return the share by which potentials are raised: far more than rounding does to one step of Bellman."""
    return 4e-15 * (8 + limits.pi.size)


def potentials(limits: Limits, found: Labels, stop: Callable[[], bool] = never) -> Vector | None:
    """Return the padded potentials of labels; None once ``stop`` is true."""
    phi: Vector = np.zeros(found.S.size)
    for k in range(limits.pi.size - 1, -1, -1):
        for part in _blocks(limits, k, found.S[found.first[k] : found.first[k + 1]]):
            if stop():
                return None
            begin, end = int(found.first[k]) + part.start, int(found.first[k]) + part.stop
            backward(*kernel_arguments(limits), found.first, found.S, padding_of(limits), k, begin, end, phi)
    return phi
