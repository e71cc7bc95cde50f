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
import time
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.diversification.bounds import Limits, most_suppliers
from endonet.formulations.diversification.moments import moment

Vector = NDArray[np.float64]

SLACK = 1e-11  # δ, relative to Σ π: labels and paths this close are kept, for exact arithmetic to tell apart
WIDTH = 48


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
def _advance(law, S, G, pi, kappa, profit, cap, least, low):  # type: ignore[no-untyped-def]
    """Return every (S s, G + Π) that one more layer gives, by rising S, each S once."""
    count = 0
    most = np.empty(S.size, np.int64)
    for j in range(S.size):
        most[j] = most_suppliers(law, S[j], profit, kappa, cap, least)
        count += max(most[j] - low + 1, 0)
    state = np.empty(count)
    worth = np.empty(count)
    place = 0
    for j in range(S.size):
        for s in range(low, most[j] + 1):
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
def _undominated(S, G, floor, slack):  # type: ignore[no-untyped-def]
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
def forward(law, pi, kappa, profit, top, caps, least, slack, incumbent, width):  # type: ignore[no-untyped-def]
    """Return (first, S, G, incumbent): labels of all layers; with ``width`` > 0 only so many in each."""
    K = pi.size
    first = np.zeros(K + 2, np.int64)
    all_S = np.empty(64)
    all_G = np.empty(64)
    S = np.ones(1)
    G = np.zeros(1)
    all_S[0], all_G[0] = 1.0, 0.0
    size = 1
    first[1] = 1
    required = least > 0
    if not required:
        incumbent = max(incumbent, 0.0)
    for k in range(K):
        S, G = _advance(law, S, G, pi[k], kappa[k], profit[k], caps[k], least, 1)
        if required and k == K - 1:
            enough = np.flatnonzero(least <= S)
            S, G = S[enough], G[enough]
        if S.size and (not required or k == K - 1):
            incumbent = max(incumbent, G.max())  # whoever follows may collapse, which earns nothing
        keep = _undominated(S, G, incumbent - top[k + 1] - slack, slack)
        if width > 0:
            keep = keep[_thin(keep.size, width)]
        S, G = S[keep], G[keep]
        while size + S.size > all_S.size:
            all_S = np.append(all_S, np.empty(all_S.size))
            all_G = np.append(all_G, np.empty(all_G.size))
        all_S[size : size + S.size] = S
        all_G[size : size + S.size] = G
        size += S.size
        first[k + 2] = size
    return first, all_S[:size], all_G[:size], incumbent


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
def backward(law, pi, kappa, profit, top, caps, least, first, states, padding):  # type: ignore[no-untyped-def]
    """Return the potentials of all labels, each raised for rounding, relative to itself and to all profits."""
    K = pi.size
    phi = np.zeros(states.size)
    for k in range(K - 1, -1, -1):
        for j in range(first[k], first[k + 1]):
            phi[j] = bellman(law, pi, kappa, profit, top, caps, least, first, states, phi, k, states[j])
            if phi[j] > -np.inf:
                phi[j] += padding * max(profit[0], abs(phi[j]))
    return phi


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


def labels(limits: Limits, deadline: float = math.inf, width: int = WIDTH) -> Labels | None:
    """Return the labels of a problem: a first pass with few labels a layer finds an incumbent, a second keeps all.

    Parameters
    ----------
    limits : Limits
    deadline : float
        In seconds of `time.perf_counter`; None is returned if the second pass does not end by then.
    width : int
        Labels a layer in the first pass.
    """
    incumbent = float(forward(*kernel_arguments(limits), slack_of(limits, 0.0), -math.inf, width)[3])
    slack = slack_of(limits, incumbent)
    K, required = limits.pi.size, limits.least > 0
    S, G = np.ones(1), np.zeros(1)
    layers_S, layers_G = [S], [G]
    for k in range(K):
        if time.perf_counter() > deadline:
            return None
        cap, profit = limits.caps[k], limits.profit[k]
        S, G = _advance(limits.law, S, G, limits.pi[k], limits.kappa[k], profit, cap, limits.least, 1)
        if required and k == K - 1:
            S, G = S[limits.least <= S], G[limits.least <= S]
        if S.size and (not required or k == K - 1):
            incumbent = max(incumbent, float(G.max()))
        keep = _undominated(S, G, incumbent - limits.top[k + 1] - slack, slack)
        S, G = S[keep], G[keep]
        layers_S.append(S)
        layers_G.append(G)
    first = np.concatenate([[0], np.cumsum([layer.size for layer in layers_S])]).astype(np.int64)
    return Labels(first, np.concatenate(layers_S), np.concatenate(layers_G), incumbent)


def root_label(limits: Limits) -> Labels:
    """Return the root alone: enough for a first bound."""
    first = np.ones(limits.pi.size + 2, np.int64)
    first[0] = 0
    return Labels(first, np.ones(1), np.zeros(1), 0.0)


def padding_of(limits: Limits) -> float:
    """Return the share by which potentials are raised: far more than rounding does to one step of Bellman."""
    return 4e-15 * (8 + limits.pi.size)


def potentials(limits: Limits, found: Labels) -> Vector:
    """Return the padded potentials of labels."""
    phi: Vector = backward(*kernel_arguments(limits), found.first, found.S, padding_of(limits))
    return phi
