r"""Compiled search for one firm's best set of suppliers: squeezing, bounds, branching.

In the symbols of `endonet.formulations.sourcing.choice`, with s = B φ^(σ−1), g(T) = s T^e and costs c = w f. A node
fixes some suppliers; T_lo and T_hi are the capabilities without and with all undecided ones, U.

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
def by_ratio(xi, c):
    """Return the suppliers with ξ > 0 in the order of c/ξ, the larger ξ first among equals."""
    useful = np.flatnonzero(xi > 0.0)
    useful = useful[np.argsort(-xi[useful], kind="mergesort")]
    return useful[np.argsort(c[useful] / xi[useful], kind="mergesort")]


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
            # A supplier at no cost is never worse than nothing, whatever rounding says.
            if at_low > SAFE * (g_high + c[k]) or c[k] == 0.0:
                state[k] = IN
                changed = True
            elif at_high < -SAFE * (g_high + c[k]):
                state[k] = OUT
                changed = True
            else:
                left += 1
        if not changed:
            return left


@njit(cache=True, error_model="numpy")
def search(e, s, base, xi, c, way, slack, node_limit, best_state):
    """Search one firm's sets; suppliers are sorted by c/ξ, and ξ > 0.

    Parameters
    ----------
    slack : float
        Branches that promise at most the best known raised by this share are closed.
    best_state : int8 array
        On entry a set to start from, or −1 in its first place for none; on return the best set.

    Returns
    -------
    best, excess, nodes, left, done
        The best profit, by how much an upper bound on any profit exceeds it, nodes looked at, suppliers left open by
        squeezing at the root, and whether the search was finished.
    """
    K = xi.size
    stack = np.empty((2 * K + 4, K), np.int8)
    ceiling = np.empty(2 * K + 4)
    state, trial = np.empty(K, np.int8), np.empty(K, np.int8)
    best = -np.inf
    if K > 0 and best_state[0] != OPEN:
        T, _, C = totals(base, xi, c, best_state)
        best = s * T**e - C
    closed = -np.inf
    nodes, left, depth = 0, 0, 1
    stack[0] = OPEN
    ceiling[0] = np.inf
    while depth > 0:
        if nodes >= node_limit and nodes > 0:
            for d in range(depth):
                closed = max(closed, ceiling[d])
            return best, max(0.0, closed - best), nodes, left, False
        depth -= 1
        if way == BOUNDED and ceiling[depth] <= best + slack * abs(best):
            closed = max(closed, ceiling[depth])
            continue
        nodes += 1
        state[:] = stack[depth]
        before = ceiling[depth]
        undecided = squeeze(e, s, base, xi, c, state)
        if nodes == 1:
            left = undecided
        low, high, cost = totals(base, xi, c, state)
        if undecided == 0:
            profit = s * low**e - cost
            closed = max(closed, profit)
            if profit > best:
                best = profit
                best_state[:] = state
            continue
        if way == BOUNDED and e >= 1.0:
            count, profit = best_prefix(e, s, low, cost, xi, c, state)
            closed = max(closed, profit)
            if profit > best:
                best = profit
                for k in range(K):
                    if state[k] == OPEN:
                        state[k] = IN if count > 0 else OUT
                        count -= 1
                best_state[:] = state
            continue
        pick = -1
        if way == BOUNDED:
            bound = before
            while True:
                low, high, cost = totals(base, xi, c, state)
                p, pick, whole = relax(e, s, low, xi, c, state)
                # The relaxation rounded down, and up, are sets of the node.
                trial[:] = state
                T, C, seen = low, cost, 0
                for k in range(K):
                    if state[k] == OPEN:
                        trial[k] = IN if seen < whole else OUT
                        if seen < whole:
                            T += xi[k]
                            C += c[k]
                        seen += 1
                profit = s * T**e - C
                if profit > best:
                    best = profit
                    best_state[:] = trial
                if pick >= 0:
                    profit = s * (T + xi[pick]) ** e - C - c[pick]
                    if profit > best:
                        best = profit
                        best_state[:] = trial
                        best_state[pick] = IN
                bound = min(bound, price_bound(e, s, low, high, cost, p, xi, c, state))
                goal = best + slack * abs(best)
                if bound <= goal:
                    break
                fixed = 0
                worth = price_bound(e, s, low, high, cost, p, xi, c, state)
                for k in range(K):
                    if state[k] == OPEN:
                        gain = p * xi[k] - c[k]
                        lost = worth - abs(gain) * (1.0 - SAFE)
                        if lost <= goal and gain != 0.0:
                            state[k] = IN if gain > 0.0 else OUT
                            closed = max(closed, lost)
                            dominate(xi, c, state, k)
                            fixed += 1
                if fixed == 0:
                    break
                undecided = squeeze(e, s, base, xi, c, state)
                if undecided == 0:
                    break
            if bound <= best + slack * abs(best):
                closed = max(closed, bound)
                continue
            if undecided == 0:
                low, _, cost = totals(base, xi, c, state)
                profit = s * low**e - cost
                closed = max(closed, profit)
                if profit > best:
                    best = profit
                    best_state[:] = state
                continue
            before = bound
        if pick < 0 or state[pick] != OPEN:
            pick = 0
            while state[pick] != OPEN:
                pick += 1
        for side in (OUT, IN):
            stack[depth] = state
            stack[depth, pick] = side
            if way == BOUNDED:
                dominate(xi, c, stack[depth], pick)
            ceiling[depth] = before
            depth += 1
    return best, max(0.0, closed - best), nodes, left, True


@njit(cache=True, nogil=True, error_model="numpy")
def search_all(e, s, base, xi, f, w, way, slack, node_limit, rows, Z, excess, nodes, left, done):
    """Search the firms listed in ``rows``; fill Z (a start where ``done`` is −1), excess, nodes, left and done."""
    K = Z.shape[1]
    for i in rows:
        xi_i = xi[i] if xi.shape[0] > 1 else xi[0]
        c_i = w * (f[i] if f.shape[0] > 1 else f[0])
        order = by_ratio(xi_i, c_i)
        start = np.empty(order.size, np.int8)
        if order.size > 0:
            for d in range(order.size):
                start[d] = Z[i, order[d]]
            if done[i] != -1:
                start[0] = OPEN
        _, excess[i], nodes[i], left[i], finished = search(
            e, s[i], base[i], xi_i[order], c_i[order], way, slack, node_limit, start
        )
        done[i] = 1 if finished else 0
        for k in range(K):
            Z[i, k] = 0
        for d in range(order.size):
            Z[i, order[d]] = 1 if start[d] == IN else 0


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
