"""Compiled kernel of the enumeration: a depth-first search over networks that only removes firms.

Firms are numbered in the order in which they are decided. A node is a network S together with a position p: the firms
of S before p stay on for good, those from p on may still be removed. Its children remove one firm j ≥ p each and decide
all before it, so every network is met exactly once. What S's descendants are worth is bounded by what they can only
lose:

* (7) is monotone: iterated from a point above the greatest fixed point of a larger network, any number of times, it
  gives values above the fixed point of S and of each of its descendants. So T(θ) ≤ T_S, and a descendant has to pay for
  what is decided on, log Y(θ) ≤ log T_S / (σ−1) + log(L − Σ_{on, before p} f_j);
* each b_j can only fall as firms go, so that removing R costs at least Σ_R b_j of T. With both logs of log Y replaced
  by their tangents at S (they lie above), every removal is worth at most s_j = f_j / (L − Σ_S f) − b_j / ((σ−1) T_S),
  and log Y(θ) ≤ log Y(S) + Σ_{j ∈ R} s_j ≤ log Y(S) + Σ_{on, from p} max(0, s_j).

Nothing else is used: no duality, no convexity, so the search is a check on methods that rest on them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"

COARSE = 3e-3
FINE = 2e-15
LARGEST = 690.0
TIE = 1e-12
LABOUR_TOLERANCE = 1e-12  # the problem's own: labour within this share of L of none is none


class Data(NamedTuple):
    """The economy in the order of decisions, with dense rows on θ.

    ``rank[j]`` is the bit of firm j in the mask by which ties are broken; ``rises`` and ``falls`` are, for each row and
    position, the sums of the positive and negative coefficients from there on.
    """

    indptr: np.ndarray
    suppliers: np.ndarray
    weight: np.ndarray
    Z: np.ndarray
    alpha: np.ndarray
    f: np.ndarray
    a_top: np.ndarray
    rank: np.ndarray
    rows: np.ndarray
    falls: np.ndarray
    rises: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    L: float
    sigma: float
    epsilon: float
    kappa: float


class Stack(NamedTuple):
    """The path from the root of a subtree to the node at work, one row for each firm removed on the way.

    Attributes
    ----------
    on, a : arrays (depth, n)
        The network, and a point above its fixed point.
    saving : array (depth, n)
        s_j of the module's docstring, −∞ for firms that are off.
    rest : array (depth, n + 1)
        log Y plus what removing firms from p on may save.
    hope : array (depth, n + 1)
        ``hope[d, p]`` bounds log Y of every descendant that keeps the firms before p.
    log_value, doubt : arrays (depth,)
        log Y of the network at ``a``, and how far the truth may lie below it.
    start, here : int arrays (depth,)
        The first position that may be removed, and the next to try.
    level : int array (1,)
        The depth of the node at work; −1 when the subtree is done.
    """

    on: np.ndarray
    a: np.ndarray
    saving: np.ndarray
    rest: np.ndarray
    hope: np.ndarray
    log_value: np.ndarray
    doubt: np.ndarray
    start: np.ndarray
    here: np.ndarray
    level: np.ndarray


class Best(NamedTuple):
    """The best networks so far, best first: log Y rounded to ties, firms on, and mask."""

    key: np.ndarray
    size: np.ndarray
    mask: np.ndarray
    filled: np.ndarray


def empty_stack(n: int) -> Stack:
    """Return a stack for ``n`` firms."""
    return Stack(
        np.zeros((n + 1, n), np.uint8),
        np.zeros((n + 1, n)),
        np.zeros((n + 1, n)),
        np.zeros((n + 1, n + 1)),
        np.zeros((n + 1, n + 1)),
        np.zeros(n + 1),
        np.zeros(n + 1),
        np.zeros(n + 1, np.int64),
        np.zeros(n + 1, np.int64),
        np.full(1, -1, np.int64),
    )


def empty_best(k: int) -> Best:
    """Return a list of the ``k`` best networks, empty."""
    return Best(np.full(k, -np.inf), np.zeros(k, np.int64), np.zeros(k, np.uint64), np.zeros(1, np.int64))


@njit(cache=True, nogil=True)
def sweep(data, on, a):
    """One Gauss–Seidel sweep of (7); returns the largest relative change."""
    change = 0.0
    for j in range(a.size):
        if a[j] == 0.0:
            continue
        y = 0.0
        if on[j]:
            for p in range(data.indptr[j], data.indptr[j + 1]):
                y += data.weight[p] * a[data.suppliers[p]]
        new = data.Z[j] * y ** data.alpha[j] if y > 0.0 else 0.0
        change = max(change, abs(a[j] - new) / a[j])
        a[j] = new
    return change


@njit(cache=True, nogil=True)
def log_output(data, on, a):
    """Return log Y of a network at a; −∞ where it produces nothing or has no labour left."""
    T = 0.0
    labour = data.L
    for j in range(a.size):
        if on[j]:
            labour -= data.f[j]
            if a[j] > 0.0:
                T += a[j] if data.kappa == 1.0 else a[j] ** data.kappa
    if T == 0.0 or labour <= LABOUR_TOLERANCE * data.L:
        return -np.inf
    return np.log(T) / (data.sigma - 1.0) + np.log(labour)


@njit(cache=True, nogil=True)
def fill_top(data):
    """Fill ``a_top`` with a point above every network's fixed point, close to that of the network of all firms.

    The constant vector c with c ≥ Z_j (c Σ_i Ω_ij)^α_j for every j is not raised by (7), so it lies above; sweeps
    lower it.
    """
    n = data.Z.size
    log_c = -np.inf
    for j in range(n):
        total = 0.0
        for p in range(data.indptr[j], data.indptr[j + 1]):
            total += data.weight[p]
        if total > 0.0:
            log_c = max(log_c, (np.log(data.Z[j]) + data.alpha[j] * np.log(total)) / (1.0 - data.alpha[j]))
    data.a_top[:] = np.exp(min(log_c, LARGEST)) * (1.0 + 1e-9)
    on = np.ones(n, np.uint8)
    for _ in range(100 + int(50.0 / (1.0 - data.alpha.max()))):
        if sweep(data, on, data.a_top) <= 1e-13:
            break
    data.a_top[:] = data.a_top * (1.0 + 1e-12)


@njit(cache=True, nogil=True)
def exact_log_output(data, on, a):
    """Return log Y of a network to full precision, by an iteration that depends on nothing but the network."""
    for j in range(a.size):
        a[j] = data.a_top[j] if on[j] else 0.0
    # Rounding may keep the last digits moving for ever; by then e^(−50) of the first error is left.
    for _ in range(100 + int(50.0 / (1.0 - data.alpha.max()))):
        if sweep(data, on, a) <= FINE:
            break
    return log_output(data, on, a)


@njit(cache=True, nogil=True)
def fill_hope(data, stack, d):
    """Compute log Y, the savings and the bounds of the node at depth d from its a; both bounds fall with the
    position."""
    on, a, saving, hope = stack.on[d], stack.a[d], stack.saving[d], stack.hope[d]
    n = a.size
    T = 0.0
    labour = data.L
    for j in range(n):
        saving[j] = -np.inf
        if on[j]:
            labour -= data.f[j]
            b = 0.0
            if a[j] > 0.0:
                b = a[j] if data.kappa == 1.0 else a[j] ** data.kappa
            saving[j] = b
            T += b
    stack.rest[d] = np.inf
    spent = LABOUR_TOLERANCE * data.L
    if T == 0.0:
        stack.log_value[d] = -np.inf
        hope[:] = -np.inf
        return
    log_Q = np.log(T) / (data.sigma - 1.0)
    stack.log_value[d] = log_Q + np.log(labour) if labour > spent else -np.inf
    decided = data.L
    for j in range(stack.start[d]):
        if on[j]:
            decided -= data.f[j]
    for p in range(stack.start[d], n + 1):
        hope[p] = log_Q + np.log(decided) if decided > spent else -np.inf
        if p < n and on[p]:
            decided -= data.f[p]
    if labour <= spent:
        return
    bound = stack.log_value[d]
    for p in range(n, stack.start[d] - 1, -1):
        if p < n and on[p]:
            saving[p] = data.f[p] / labour - saving[p] / ((data.sigma - 1.0) * T)
            bound += max(0.0, saving[p])
        stack.rest[d, p] = bound
        hope[p] = min(hope[p], bound)


@njit(cache=True, nogil=True)
def rows_possible(data, on, start):
    """Whether some choice for the firms from ``start`` on satisfies each row by itself."""
    for r in range(data.rows.shape[0]):
        activity = 0.0
        for j in range(start):
            if on[j]:
                activity += data.rows[r, j]
        if activity + data.falls[r, start] > data.upper[r] or activity + data.rises[r, start] < data.lower[r]:
            return False
    return True


@njit(cache=True, nogil=True)
def enter(data, stack, d, cutoff):
    """Bring the node at depth d, whose ``on``, ``a`` and ``start`` are set, to use; returns False if it can be cut.

    Sweeps go on until the bound is below the cutoff or hardly falls any more.
    """
    stack.here[d] = stack.start[d]
    if not rows_possible(data, stack.on[d], stack.start[d]):
        return False
    while True:
        change = sweep(data, stack.on[d], stack.a[d])
        fill_hope(data, stack, d)
        if stack.hope[d, stack.start[d]] < cutoff:
            return False
        if change <= COARSE:
            alpha = data.alpha.max()
            stack.doubt[d] = -np.log(1.0 - change) * alpha / ((1.0 - alpha) * (data.epsilon - 1.0))
            return True


@njit(cache=True, nogil=True)
def consider(data, stack, d, floor, spare, best):
    """List the network at depth d itself if it belongs there; returns 1 if its log Y is at least ``floor``."""
    if not rows_possible(data, stack.on[d], spare.size):
        return 0
    if best.key.size == 0 and stack.log_value[d] - stack.doubt[d] > floor:
        return 1
    value = exact_log_output(data, stack.on[d], spare)
    if best.key.size > 0:
        list_network(data, stack.on[d], value, best)
    return 1 if value >= floor else 0


@njit(cache=True, nogil=True)
def list_network(data, on, value, best):
    """Put a network with its exact log Y on the list, if it obeys the rows and belongs there."""
    if not value > best.key[best.key.size - 1] - TIE or not rows_possible(data, on, on.size):
        return
    mask = np.uint64(0)
    size = 0
    for j in range(on.size):
        if on[j]:
            mask |= np.uint64(1) << np.uint64(data.rank[j])
            size += 1
    insert(best, np.round(value / TIE) * TIE, size, mask)


@njit(cache=True, nogil=True)
def insert(best, key, size, mask):
    """Insert a network by falling log Y, rising size and mask; drop the last if the list is full. Once only."""
    place = best.filled[0]
    while place > 0 and (
        best.key[place - 1] < key
        or (
            best.key[place - 1] == key
            and (best.size[place - 1] > size or (best.size[place - 1] == size and best.mask[place - 1] > mask))
        )
    ):
        place -= 1
    if place > 0 and best.key[place - 1] == key and best.mask[place - 1] == mask:
        return
    if place == best.key.size:
        return
    last = min(best.filled[0], best.key.size - 1)
    for m in range(last, place, -1):
        best.key[m] = best.key[m - 1]
        best.size[m] = best.size[m - 1]
        best.mask[m] = best.mask[m - 1]
    best.key[place] = key
    best.size[place] = size
    best.mask[place] = mask
    best.filled[0] = min(best.filled[0] + 1, best.key.size)


@njit(cache=True, nogil=True)
def explore(data, stack, best, cutoff, safety, floor, budget, tally):
    """Carry the search on for at most ``budget`` nodes.

    Parameters
    ----------
    cutoff : float
        Subtrees whose bound is below it are cut; it is raised to the last of ``best`` less ``safety``, once that is
        full.
    floor : float
        Networks with log Y at or above it are counted.
    tally : int array (4,)
        Nodes entered, subtrees cut, networks evaluated to full precision, networks at or above the floor; added to.
    """
    n = stack.on.shape[1]
    spare = np.empty(n)
    while stack.level[0] >= 0 and budget > 0:
        if best.key.size > 0:
            cutoff = max(cutoff, best.key[best.key.size - 1] - safety)
        d = stack.level[0]
        j = stack.here[d]
        if j >= n or stack.hope[d, j] < cutoff:
            if j < n:
                tally[1] += 1
            stack.level[0] -= 1
            continue
        stack.here[d] = j + 1
        if not stack.on[d, j]:
            continue
        # Removing j for certain brings its own saving, which may be negative.
        if stack.rest[d, j + 1] + stack.saving[d, j] < cutoff:
            tally[1] += 1
            continue
        c = d + 1
        stack.on[c] = stack.on[d]
        stack.a[c] = stack.a[d]
        stack.on[c, j] = 0
        stack.a[c, j] = 0.0
        stack.start[c] = j + 1
        tally[0] += 1
        budget -= 1
        if not enter(data, stack, c, cutoff):
            tally[1] += 1
            continue
        if stack.log_value[c] >= cutoff:
            tally[2] += 1
            tally[3] += consider(data, stack, c, floor, spare, best)
        stack.level[0] = c


@njit(cache=True, nogil=True)
def open_bound(stack):
    """Return the largest bound on log Y over everything in the subtree that the search has not finished."""
    bound = -np.inf
    n = stack.on.shape[1]
    for d in range(stack.level[0] + 1):
        if stack.here[d] < n:
            bound = max(bound, stack.hope[d, stack.here[d]])
    return bound


@njit(cache=True, nogil=True)
def plant(data, stack, on, start, cutoff):
    """Make the node (on, start) the root of the stack; returns False if it can be cut at once.

    The network ``on`` itself has been considered before.
    """
    stack.on[0] = on
    for j in range(on.size):
        stack.a[0, j] = data.a_top[j] if on[j] else 0.0
    stack.start[0] = start
    alive = enter(data, stack, 0, cutoff)
    stack.level[0] = 0 if alive else -1
    return alive


@njit(cache=True, nogil=True)
def split(stack, on):
    """Take the largest unfinished part out of a search: fill ``on`` and return (start, bound on log Y), −1 if none."""
    n = on.size
    for d in range(stack.level[0]):
        start = stack.here[d]
        if start < n:
            on[:] = stack.on[d]
            stack.here[d] = n
            return start, stack.hope[d, start]
    return -1, -np.inf


@njit(cache=True, nogil=True)
def climb(data, on, best):
    """Change one firm at a time, always the best change, until log Y rises no more, and list every network met.

    The climb itself ignores the rows, so that it has a path to where they may hold; the list does not.
    """
    a = np.empty(on.size)
    value = exact_log_output(data, on, a)
    list_network(data, on, value, best)
    while True:
        favourite, highest = -1, value
        for j in range(on.size):
            on[j] = 1 - on[j]
            changed = exact_log_output(data, on, a)
            list_network(data, on, changed, best)
            on[j] = 1 - on[j]
            if changed > highest + TIE:
                favourite, highest = j, changed
        if favourite < 0:
            return
        on[favourite] = 1 - on[favourite]
        value = highest


@njit(cache=True, nogil=True)
def first_feasible(data, on, tried, depth, budget):
    """Find a network that obeys the rows and the labour constraint, by depth-first search with off before on.

    ``tried`` (how many of its two statuses each firm has had, all 0 at first) and ``depth`` (one entry, 0 at first)
    hold the search between calls; to go on behind a network found, take 1 off ``depth``. Returns 1 if ``on`` is such a
    network, or misses the labour constraint by less than rounding; 0 if there is none, −1 if the budget is spent.
    """
    n = on.size
    while budget > 0:
        budget -= 1
        d = depth[0]
        if d < 0:
            return 0
        if d == n:
            return 1
        if tried[d] == 2:
            tried[d] = 0
            depth[0] -= 1
            continue
        on[d] = tried[d]
        tried[d] += 1
        labour = data.L
        for j in range(d + 1):
            labour -= data.f[j] * on[j]
        if labour >= -2.0 * LABOUR_TOLERANCE * data.L and rows_possible(data, on, d + 1):
            depth[0] += 1
    return -1
