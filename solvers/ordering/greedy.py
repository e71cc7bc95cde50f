"""The compiled greedy of Eades, Lin and Smyth (1993) as paper 002, appendix B has it: s = s_left s_right.

    repeat   take every sink off and put it before s_right; take every source off and put it behind s_left;
             take off the node with the least δ(u) = w⁻(u) − w⁺(u) and put it behind s_left

`by_buckets` keeps ⌊δ⌋ in buckets, as B.3 does for counts of links and B.5 for weights in [0, 1]: O(n + m) in all.
`by_heap` keeps δ itself in a heap, so that weights count in full: O((n + m) log n).

Ties. Nodes of one bucket leave in the order in which they came into it (``newest``: the other way round), and at the
start by number; a node whose last link has gone is a source. In the heap the lower number goes first. First come, first
served is what appendix B's worked example does: C has been at δ = 0 from the start when D and B arrive there.
"""

from __future__ import annotations

import numba
import numpy as np

ROUNDING = 1e-9  # sums of weights in [0, 1] this close below a whole number are that number


@numba.njit(cache=True)
def _unlink(u, key, head, tail, before, behind):  # type: ignore[no-untyped-def]
    """Take u out of its bucket."""
    k = key[u]
    if before[u] >= 0:
        behind[before[u]] = behind[u]
    else:
        head[k] = behind[u]
    if behind[u] >= 0:
        before[behind[u]] = before[u]
    else:
        tail[k] = before[u]


@numba.njit(cache=True)
def _append(u, k, key, head, tail, before, behind):  # type: ignore[no-untyped-def]
    """Put u at the end of bucket k."""
    key[u] = k
    before[u] = tail[k]
    behind[u] = -1
    if tail[k] >= 0:
        behind[tail[k]] = u
    else:
        head[k] = u
    tail[k] = u


@numba.njit(cache=True)
def _bucket(u, delta, d_in, d_out, n):  # type: ignore[no-untyped-def]
    """Return the bucket of u: 0 for sources, 2n for sinks, and n + ⌊δ⌋ between."""
    if d_in[u] == 0:
        return 0
    if d_out[u] == 0:
        return 2 * n
    return n + min(max(int(np.floor(delta[u] + ROUNDING)), 1 - n), n - 1)


@numba.njit(cache=True)
def by_buckets(out_ptr, out_node, out_w, in_ptr, in_node, in_w, newest):  # type: ignore[no-untyped-def]
    """Return the greedy order for weights in [0, 1], which are sorted by ⌊δ⌋.

    Parameters
    ----------
    out_ptr, out_node, out_w : arrays
        Links by supplier.
    in_ptr, in_node, in_w : arrays
        The same links by buyer.
    newest : bool
        Whether the node that came into a bucket last leaves it first.
    """
    n = out_ptr.size - 1
    delta, d_in, d_out = _degrees(out_ptr, out_w, in_ptr, in_w)
    head, tail = np.full(2 * n + 1, -1, np.int32), np.full(2 * n + 1, -1, np.int32)
    before, behind, key = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    gone = np.zeros(n, np.bool_)
    order = np.empty(n, np.int64)
    first, last = 0, n
    for u in range(n):
        _append(u, _bucket(u, delta, d_in, d_out, n), key, head, tail, before, behind)
    lowest = 1
    while first < last:
        ends = tail if newest else head
        if head[2 * n] >= 0:
            u = ends[2 * n]
            last -= 1
            order[last] = u
        else:
            if head[0] >= 0:
                u = ends[0]
            else:
                while head[lowest] < 0:
                    lowest += 1
                u = ends[lowest]
            order[first] = u
            first += 1
        gone[u] = True
        _unlink(u, key, head, tail, before, behind)
        for p in range(out_ptr[u], out_ptr[u + 1]):
            v = out_node[p]
            if not gone[v]:
                d_in[v] -= 1
                delta[v] -= out_w[p]
                k = _bucket(v, delta, d_in, d_out, n)
                if k != key[v]:
                    _unlink(v, key, head, tail, before, behind)
                    _append(v, k, key, head, tail, before, behind)
                    if 0 < k < lowest:
                        lowest = k
        for p in range(in_ptr[u], in_ptr[u + 1]):
            v = in_node[p]
            if not gone[v]:
                d_out[v] -= 1
                delta[v] += in_w[p]
                k = _bucket(v, delta, d_in, d_out, n)
                if k != key[v]:
                    _unlink(v, key, head, tail, before, behind)
                    _append(v, k, key, head, tail, before, behind)
    return order


@numba.njit(cache=True)
def _degrees(out_ptr, out_w, in_ptr, in_w):  # type: ignore[no-untyped-def]
    """Return δ = w⁻ − w⁺ and the numbers of links in and out of every node."""
    n = out_ptr.size - 1
    delta, d_in, d_out = np.zeros(n), np.empty(n, np.int64), np.empty(n, np.int64)
    for u in range(n):
        d_in[u] = in_ptr[u + 1] - in_ptr[u]
        d_out[u] = out_ptr[u + 1] - out_ptr[u]
        for p in range(in_ptr[u], in_ptr[u + 1]):
            delta[u] += in_w[p]
        for p in range(out_ptr[u], out_ptr[u + 1]):
            delta[u] -= out_w[p]
    return delta, d_in, d_out


@numba.njit(cache=True)
def _sinks(place, heap, size, delta, at):  # type: ignore[no-untyped-def]
    """Move the node at a place of the heap towards the bottom while a child comes before it."""
    u = heap[place]
    while True:
        child = 4 * place + 1
        if child >= size:
            break
        least = child
        for other in range(child + 1, min(child + 4, size)):
            a, b = heap[other], heap[least]
            if delta[a] < delta[b] or (delta[a] == delta[b] and a < b):
                least = other
        v = heap[least]
        if delta[u] < delta[v] or (delta[u] == delta[v] and u < v):
            break
        heap[place] = v
        at[v] = place
        place = least
    heap[place] = u
    at[u] = place


@numba.njit(cache=True)
def _lifts(u, heap, delta, at):  # type: ignore[no-untyped-def]
    """Restore the heap after δ(u) has fallen."""
    place = at[u]
    while place > 0:
        parent = (place - 1) >> 2
        v = heap[parent]
        if delta[v] < delta[u] or (delta[v] == delta[u] and v < u):
            break
        heap[place] = v
        at[v] = place
        place = parent
    heap[place] = u
    at[u] = place


@numba.njit(cache=True)
def _leave(u, heap, size, delta, at):  # type: ignore[no-untyped-def]
    """Take u out of the heap; return the size that is left."""
    place, size = at[u], size - 1
    at[u] = -1
    if place < size:
        v = heap[size]
        heap[place] = v
        at[v] = place
        _lifts(v, heap, delta, at)
        _sinks(at[v], heap, size, delta, at)
    return size


@numba.njit(cache=True)
def by_heap(out_ptr, out_node, out_w, in_ptr, in_node, in_w):  # type: ignore[no-untyped-def]
    """Return the greedy order by δ itself; parameters as those of `by_buckets`."""
    n = out_ptr.size - 1
    delta, d_in, d_out = _degrees(out_ptr, out_w, in_ptr, in_w)
    heap, at, size = np.empty(n, np.int32), np.full(n, -1, np.int32), 0
    waiting = np.zeros(n, np.bool_)  # in the queue of sources or of sinks, or gone
    sources, sinks = np.empty(n, np.int32), np.empty(n, np.int32)
    source, sources_end, sink, sinks_end = 0, 0, 0, 0
    order = np.empty(n, np.int64)
    first, last = 0, n
    for u in range(n):
        if d_in[u] == 0:
            sources[sources_end] = u
            sources_end += 1
            waiting[u] = True
        elif d_out[u] == 0:
            sinks[sinks_end] = u
            sinks_end += 1
            waiting[u] = True
        else:
            heap[size] = u
            at[u] = size
            size += 1
            _lifts(u, heap, delta, at)
    while first < last:
        if sink < sinks_end:
            u = sinks[sink]
            sink += 1
            last -= 1
            order[last] = u
        else:
            if source < sources_end:
                u = sources[source]
                source += 1
            else:
                u = heap[0]
                size = _leave(u, heap, size, delta, at)
                waiting[u] = True
            order[first] = u
            first += 1
        for p in range(out_ptr[u], out_ptr[u + 1]):
            v = out_node[p]
            d_in[v] -= 1
            if not waiting[v]:
                delta[v] -= out_w[p]
                if d_in[v] == 0:
                    size = _leave(v, heap, size, delta, at)
                    sources[sources_end] = v
                    sources_end += 1
                    waiting[v] = True
                else:
                    _lifts(v, heap, delta, at)
        for p in range(in_ptr[u], in_ptr[u + 1]):
            v = in_node[p]
            d_out[v] -= 1
            if not waiting[v]:
                delta[v] += in_w[p]
                if d_out[v] == 0:
                    size = _leave(v, heap, size, delta, at)
                    sinks[sinks_end] = v
                    sinks_end += 1
                    waiting[v] = True
                else:
                    _sinks(at[v], heap, size, delta, at)
    return order
