r"""Compiled search for one firm's best set of suppliers: squeezing, bounds, branching.

In the symbols of `endonet.formulations.sourcing.interdependent`, with s = B φ^(σ−1), g(T) = s T^e and costs c = w f.
Suppliers come in the order of c/ξ. A node fixes some of them; T_lo and T_hi are the capabilities without and with all
undecided ones, U.

Squeezing (Jia 2008; Arkolakis, Eckert and Shi 2023). Marginal values of k ∈ U,

    low  = g(T_lo + ξ_k) − g(T_lo) − c_k,        high = g(T_hi) − g(T_hi − ξ_k) − c_k,

bound its marginal value in every set between: complements (e ≥ 1) have low ≤ value ≤ high, substitutes the reverse. So
a supplier whose lower one is positive belongs to every optimal set of the node, and one whose upper one is negative to
none.

Dominance. If ξ_k ≥ ξ_l and c_k ≤ c_l, swapping l for k never loses, so that some optimal set which holds l holds k; of
equals the first comes first. Fixing l in fixes k in, fixing k out fixes l out.

Bounds. Complements: the best prefix of U in the order of c/ξ is optimal, so that the node is solved. Substitutes: the
relaxation takes suppliers in that order until g′(T) ≤ c/ξ, at most one in part, and its price p = g′(T) gives

    max over sets of the node ≤ max_{T_lo ≤ T ≤ T_hi} [g(T) − p (T − T_lo)] − C + Σ_U max(0, p ξ_k − c_k),

with C the cost of those fixed in. That holds for any p ≥ 0 and costs nothing to trust. The term of k is lost if k goes
the other way, which fixes it once the bound less |p ξ_k − c_k| falls below the best known.

Branching is on the supplier taken in part, first in, then out. Without bounds (``BARE``) it is on the first undecided
one, and a branch ends only when squeezing has decided everything: the method of Arkolakis, Eckert and Shi.

Rounding. Differences count as signed only beyond ``SAFE`` units of rounding of their largest term; bounds are raised by
as much.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

EPSILON = np.finfo(np.float64).eps
SAFE = 8.0 * EPSILON

BOUNDED, BARE = 0, 1  # ways to search: with bounds, and without any
OPEN, OUT, IN = -1, 0, 1


@njit(cache=True, error_model="numpy")
def copy(source, target):
    """Copy an array, entry by entry: numba takes seconds to compile an assignment of slices."""
    for k in range(source.size):
        target[k] = source[k]


@njit(cache=True, error_model="numpy")
def best_prefix(e, s, base, cost, xi, c, state):
    """Return how many open suppliers to add in their order, as many as possible among equals, and the profit then."""
    T, C = base, cost
    best, place = s * T**e - C, 0
    count = 0
    for k in range(xi.size):
        if state[k] != OPEN:
            continue
        count += 1
        T += xi[k]
        C += c[k]
        profit = s * T**e - C
        if profit >= best:
            best, place = profit, count
    return place, best


@njit(cache=True, error_model="numpy")
def price_bound(e, s, low, high, cost, p, xi, c, state):
    """Return the bound that a price p ≥ 0 gives at a node of substitutes, raised by its rounding."""
    T = high if p <= 0.0 else min(max((p / (s * e)) ** (1.0 / (e - 1.0)), low), high)
    earned = s * T**e
    bound = earned - p * (T - low) - cost
    size = earned + p * T + cost
    for k in range(xi.size):
        if state[k] == OPEN and p * xi[k] > c[k]:
            bound += p * xi[k] - c[k]
            size += p * xi[k]
    return bound + SAFE * (xi.size + 8) * size


@njit(cache=True, error_model="numpy")
def relax(e, s, low, xi, c, state):
    """Return price, critical supplier (−1: none in part) and how many open ones are taken whole, for substitutes."""
    T = low
    whole = 0
    for k in range(xi.size):
        if state[k] != OPEN:
            continue
        ratio = c[k] / xi[k]
        slope = s * e * T ** (e - 1.0) if T > 0.0 else np.inf
        if slope <= ratio:
            return min(slope, s * e * (T + xi[k]) ** (e - 1.0)) if slope == np.inf else slope, -1, whole
        after = s * e * (T + xi[k]) ** (e - 1.0)
        if after < ratio:
            return ratio, k, whole
        T += xi[k]
        whole += 1
    return (s * e * T ** (e - 1.0) if T > 0.0 else 0.0), -1, whole


@njit(cache=True, error_model="numpy")
def dominate(xi, c, state, k):
    """Fix what follows from a decision on k by dominance; suppliers are in the order of c/ξ."""
    if state[k] == IN:
        for j in range(xi.size):
            if state[j] == OPEN and xi[j] >= xi[k] and c[j] <= c[k] and (j < k or xi[j] > xi[k] or c[j] < c[k]):
                state[j] = IN
    else:
        for j in range(xi.size):
            if state[j] == OPEN and xi[j] <= xi[k] and c[j] >= c[k] and (j > k or xi[j] < xi[k] or c[j] > c[k]):
                state[j] = OUT


@njit(cache=True, error_model="numpy")
def totals(base, xi, c, state):
    """Return T_lo, T_hi and the cost of those fixed in."""
    low, more, cost = base, 0.0, 0.0
    for k in range(xi.size):
        if state[k] == IN:
            low += xi[k]
            cost += c[k]
        elif state[k] == OPEN:
            more += xi[k]
    return low, low + more, cost


@njit(cache=True, error_model="numpy")
def squeeze(e, s, base, xi, c, state):
    """Fix every supplier whose marginal value has one sign, until none is left; return how many stay open."""
    while True:
        changed = False
        left = 0
        low, high, _ = totals(base, xi, c, state)
        g_low, g_high = s * low**e, s * high**e
        for k in range(xi.size):
            if state[k] != OPEN:
                continue
            near = s * (low + xi[k]) ** e
            at_low = near - g_low - c[k]
            at_high = g_high - s * max(high - xi[k], low) ** e - c[k]
            if e < 1.0:
                at_low, at_high = at_high, at_low
            # Whatever rounding says: without potential a supplier is worth nothing, without cost never less.
            if xi[k] == 0.0:
                state[k] = OUT
                changed = True
            elif at_low > SAFE * (g_high + c[k]) or c[k] == 0.0:
                state[k] = IN
                changed = True
            elif at_high < -SAFE * (g_high + c[k]):
                state[k] = OUT
                changed = True
            else:
                left += 1
        if not changed:
            return left


@njit(cache=True, nogil=True, error_model="numpy")
def search(e, scale, base, potential, cost_of, way, slack, node_limit, sets, excess, nodes, left, done):
    """Search firms one after the other; suppliers stand in the order of c/ξ, each firm's own.

    Parameters
    ----------
    e : float
    scale, base : arrays, shape (firms,)
        B φ^(σ−1) and ξ_0.
    potential, cost_of : arrays, shape (firms, K)
        ξ and c.
    way : {BOUNDED, BARE}
    slack : float
        Branches that promise at most the best known raised by this share are closed.
    node_limit : int
        For each firm.
    sets : int8 array, shape (firms, K)
        On entry sets to start from, where ``done`` is −1; on return the best sets.
    excess, nodes, left, done : arrays, shape (firms,)
        Written: by how much an upper bound on any profit exceeds the best one, nodes looked at, suppliers that
        squeezing leaves open at the root, and 1 if the search was finished, else 0.
    """
    K = potential.shape[1]
    stack = np.empty((2 * K + 4, K), np.int8)
    branched = np.empty(2 * K + 4, np.int64)
    ceiling = np.empty(2 * K + 4)
    state, trial = np.empty(K, np.int8), np.empty(K, np.int8)
    for i in range(scale.size):
        s, xi, c = scale[i], potential[i], cost_of[i]
        best, closed = -np.inf, -np.inf
        if done[i] == -1:
            T, C = base[i], 0.0
            for k in range(K):
                if sets[i, k] == IN:
                    T += xi[k]
                    C += c[k]
            best = s * T**e - C
        count, depth = 0, 1
        for k in range(K):
            stack[0, k] = OPEN
        branched[0] = -1
        ceiling[0] = np.inf
        while depth > 0 and (count < node_limit or count == 0):
            depth -= 1
            bound = ceiling[depth]
            if way == BOUNDED and bound <= best + slack * abs(best):
                closed = max(closed, bound)
                continue
            count += 1
            copy(stack[depth], state)
            if branched[depth] >= 0 and way == BOUNDED:
                dominate(xi, c, state, branched[depth])
            pick = -1
            decided = False
            while True:
                undecided = squeeze(e, s, base[i], xi, c, state)
                if count == 1:
                    left[i] = undecided if pick < 0 else left[i]
                low, high, cost = totals(base[i], xi, c, state)
                whole, profit = 0, -np.inf
                if undecided == 0:
                    decided = True
                    profit = s * low**e - cost
                elif way == BARE:
                    break
                elif e >= 1.0:
                    decided = True
                    whole, profit = best_prefix(e, s, low, cost, xi, c, state)
                if decided:
                    closed = max(closed, profit)
                else:
                    p, pick, whole = relax(e, s, low, xi, c, state)
                # The relaxation rounded down, and up, are sets of the node.
                copy(state, trial)
                T, C, seen = low, cost, 0
                for k in range(K):
                    if state[k] == OPEN:
                        trial[k] = IN if seen < whole else OUT
                        if seen < whole:
                            T += xi[k]
                            C += c[k]
                        seen += 1
                if not decided:
                    profit = s * T**e - C
                    if pick >= 0:
                        rounded_up = s * (T + xi[pick]) ** e - C - c[pick]
                        if rounded_up > profit:
                            profit = rounded_up
                            trial[pick] = IN
                if profit > best:
                    best = profit
                    copy(trial, sets[i])
                if decided:
                    break
                worth = price_bound(e, s, low, high, cost, p, xi, c, state)
                bound = min(bound, worth)
                goal = best + slack * abs(best)
                if bound <= goal:
                    closed = max(closed, bound)
                    decided = True
                    break
                fixed = 0
                for k in range(K):
                    if state[k] == OPEN:
                        gain = p * xi[k] - c[k]
                        lost = worth - abs(gain) * (1.0 - SAFE)
                        if lost <= goal and gain != 0.0:
                            state[k] = IN if gain > 0.0 else OUT
                            closed = max(closed, lost)
                            fixed += 1
                if fixed == 0:
                    break
            if decided:
                continue
            if pick < 0:
                pick = 0
                while state[pick] != OPEN:
                    pick += 1
            for side in (OUT, IN):
                copy(state, stack[depth])
                stack[depth, pick] = side
                branched[depth] = pick
                ceiling[depth] = bound
                depth += 1
        done[i] = 1 if depth == 0 else 0
        for d in range(depth):
            closed = max(closed, ceiling[d])
        excess[i] = max(0.0, closed - best)
        nodes[i] = count


@njit(cache=True, nogil=True, error_model="numpy")
def try_all(e, s, base, xi, c, xi_sums, c_sums, first, last):
    """Try all sets whose high half has a mask in [first, last); return the best profit and its set.

    ``xi_sums`` and ``c_sums`` hold the sums of ξ and c over every set of the low half; ξ and c are the high half's.
    """
    best, place = -np.inf, 0
    half = xi_sums.size
    for mask in range(first, last):
        T, C = base, 0.0
        for k in range(xi.size):
            if (mask >> k) & 1:
                T += xi[k]
                C += c[k]
        for low in range(half):
            profit = s * (T + xi_sums[low]) ** e - (C + c_sums[low])
            if profit > best:
                best = profit
                place = mask * half + low
    return best, place


@njit(cache=True, error_model="numpy")
def subset_sums(values):
    """Return the sums over all subsets, bit k of the index for values[k]."""
    sums = np.zeros(1 << values.size)
    for k in range(values.size):
        half = 1 << k
        for low in range(half):
            sums[half + low] = sums[low] + values[k]
    return sums
