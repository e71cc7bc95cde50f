"""The compiled insertion neighbourhood: take one node out and put it back where it violates least.

With net weights D_ij = W_ij − W_ji, moving u past its left neighbour v saves D_uv, past its right neighbour −D_uv, so
that one walk along the order finds the best place of u by adding up: O(n) from a dense row, or O(d log d) from the d
nodes linked with u, sorted by place. Of places that save alike the nearest is taken. An order in which no node can
be moved to advantage is a local optimum; `descend` keeps a queue of nodes whose surroundings have changed.

A *kick* moves some nodes at random; `search_dense` and `search_sparse` descend after each kick and go back to where
they were if that was better. The random numbers follow from the seed alone.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def _best_dense(row, order, place, u):  # type: ignore[no-untyped-def]
    """Return what the best move of u saves, and the place it goes to; ``row`` is D_u."""
    p, best, target, saved = place[u], 0.0, place[u], 0.0
    for q in range(p - 1, -1, -1):
        saved += row[order[q]]
        if saved > best:
            best, target = saved, q
    saved = 0.0
    for q in range(p + 1, order.size):
        saved -= row[order[q]]
        if saved > best or (saved == best and target < p and q - p < p - target):
            best, target = saved, q
    return best, target


@numba.njit(cache=True)
def _best_sparse(node, net, order, place, u):  # type: ignore[no-untyped-def]
    """Return what the best move of u saves, and the place it goes to, from its linked nodes and net weights."""
    where = np.empty(node.size, np.int64)
    for k in range(node.size):
        where[k] = place[node[k]]
    by_place = np.argsort(where)
    p, best, target, saved = place[u], 0.0, place[u], 0.0
    middle = np.searchsorted(where[by_place], p)
    for k in range(middle - 1, -1, -1):
        saved += net[by_place[k]]
        if saved > best:
            best, target = saved, where[by_place[k]]
    saved = 0.0
    for k in range(middle, node.size):
        saved -= net[by_place[k]]
        q = where[by_place[k]]
        if saved > best or (saved == best and target < p and q - p < p - target):
            best, target = saved, q
    return best, target


@numba.njit(cache=True)
def _move(order, place, u, target):  # type: ignore[no-untyped-def]
    """Take u out and put it at a place; the nodes between make room."""
    p = place[u]
    step = 1 if target > p else -1
    for q in range(p, target, step):
        v = order[q + step]
        order[q] = v
        place[v] = q
    order[target] = u
    place[u] = target


@numba.njit(cache=True)
def _descend_dense(D, order, place, least):  # type: ignore[no-untyped-def]
    """Move nodes until no move saves more than ``least``; return what was saved."""
    n, total, idle, u = order.size, 0.0, 0, 0
    while idle < n:
        best, target = _best_dense(D[u], order, place, u)
        if best > least:
            _move(order, place, u, target)
            total += best
            idle = 0
        else:
            idle += 1
        u = u + 1 if u + 1 < n else 0
    return total


@numba.njit(cache=True)
def descend_sparse(ptr, node, net, order, place, queue, queued, first, count, least, steps):  # type: ignore[no-untyped-def]
    """Work through the queue of nodes for at most ``steps`` nodes.

    Returns
    -------
    saved, first, count
        What was saved, and the state of the ring ``queue``; ``count`` is 0 at a local optimum.
    """
    n, total = order.size, 0.0
    while count > 0 and steps > 0:
        u = queue[first]
        first = first + 1 if first + 1 < n else 0
        count -= 1
        steps -= 1
        queued[u] = False
        best, target = _best_sparse(node[ptr[u] : ptr[u + 1]], net[ptr[u] : ptr[u + 1]], order, place, u)
        if best > least:
            _move(order, place, u, target)
            total += best
            for p in range(ptr[u], ptr[u + 1]):
                v = node[p]
                if not queued[v]:
                    queued[v] = True
                    queue[(first + count) % n] = v
                    count += 1
    return total, first, count


@numba.njit(cache=True)
def search_dense(D, order, kicks, strength, seed, least):  # type: ignore[no-untyped-def]
    """Descend from an order, then after each kick; the order becomes the best one seen. Return what was saved.

    Parameters
    ----------
    D : (n, n) array
        Net weights.
    order : int64 array
        Changed in place; a local optimum afterwards.
    kicks, strength : int
        How often to kick, and how many nodes at a time.
    seed : int
    least : float
        What a move must save to count, above rounding.
    """
    n = order.size
    np.random.seed(seed)  # noqa: NPY002 - compiled code has this generator
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    total = _descend_dense(D, order, place, least)
    trial, trial_place = order.copy(), place.copy()
    for _ in range(kicks):
        saved = 0.0
        for _ in range(strength):
            u, target = np.random.randint(n), np.random.randint(n)  # noqa: NPY002
            for q in range(trial_place[u] - 1, target - 1, -1):
                saved += D[u, trial[q]]
            for q in range(trial_place[u] + 1, target + 1):
                saved -= D[u, trial[q]]
            _move(trial, trial_place, u, target)
        saved += _descend_dense(D, trial, trial_place, least)
        if saved >= -least:
            order[:], place[:] = trial, trial_place
            total += saved
        else:
            trial[:], trial_place[:] = order, place
    return total


@numba.njit(cache=True)
def search_sparse(ptr, node, net, order, kicks, strength, seed, least):  # type: ignore[no-untyped-def]
    """Kick a local optimum and descend again, from the linked nodes only; as `search_dense`, D by rows."""
    n = order.size
    np.random.seed(seed)  # noqa: NPY002 - compiled code has this generator
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    queue, queued = np.empty(n, np.int64), np.zeros(n, np.bool_)
    trial, trial_place = order.copy(), place.copy()
    total = 0.0
    for _ in range(kicks):
        saved, count = 0.0, 0
        for _ in range(strength):
            u, target = np.random.randint(n), np.random.randint(n)  # noqa: NPY002
            p = trial_place[u]
            for k in range(ptr[u], ptr[u + 1]):
                q = trial_place[node[k]]
                if target <= q < p:
                    saved += net[k]
                elif p < q <= target:
                    saved -= net[k]
                if not queued[node[k]]:
                    queued[node[k]] = True
                    queue[count] = node[k]
                    count += 1
            _move(trial, trial_place, u, target)
            if not queued[u]:
                queued[u] = True
                queue[count] = u
                count += 1
        gained, _, _ = descend_sparse(
            ptr, node, net, trial, trial_place, queue, queued, 0, count, least, np.iinfo(np.int64).max
        )
        saved += gained
        if saved >= -least:
            order[:], place[:] = trial, trial_place
            total += saved
        else:
            trial[:], trial_place[:] = order, place
    return total
