"""Finding cycles that a fractional order breaks too little: Σ_{uv∈C} b_uv < 1, with b_uv how far u → v runs backward.

`triangles` looks at all triples of a dense component; with b_uv + b_vu = 1 cycles of three imply all longer ones.
`shortest_cycles` looks for a shortest cycle through each link of a sparse component, with b as lengths.
"""

from __future__ import annotations

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from endonet.solvers.ordering.packing import Cycles

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

HOP = 1e-5  # added to every length, so that of cycles alike the one with fewest links is found
SOURCES = 256  # shortest paths are sought from so many nodes at a time


@numba.njit(cache=True)
def triangles(B, shortfall, room):  # type: ignore[no-untyped-def]
    """Return the triples (u, v, w) with B_uv + B_vw + B_wu < 1 − shortfall, and by how much; at most ``room`` of them.

    Parameters
    ----------
    B : (n, n) array
        B_uv, with B_uv + B_vu = 1.
    """
    n, count = B.shape[0], 0
    found, short = np.empty((room, 3), np.int64), np.empty(room)
    for u in range(n):
        for v in range(u + 1, n):
            for w in range(v + 1, n):
                around = B[u, v] + B[v, w] - B[u, w] + 1.0  # the other way round it is 3 less this
                if around < 1.0 - shortfall and count < room:
                    found[count, 0], found[count, 1], found[count, 2] = u, v, w
                    short[count] = 1.0 - around
                    count += 1
                elif around > 2.0 + shortfall and count < room:
                    found[count, 0], found[count, 1], found[count, 2] = u, w, v
                    short[count] = around - 2.0
                    count += 1
    return found[:count], short[:count]


@numba.njit(cache=True)
def spread(found, by_shortfall, n, each, most):  # type: ignore[no-untyped-def]
    """Return the first triples such that no pair is in more than ``each`` of them, at most ``most``."""
    used = np.zeros((n, n), np.int32)
    chosen = np.empty(min(most, by_shortfall.size), np.int64)
    count = 0
    for t in by_shortfall:
        a, b, c = np.min(found[t]), np.max(found[t]), found[t].sum() - np.min(found[t]) - np.max(found[t])
        if used[a, b] < each and used[a, c] < each and used[min(b, c), max(b, c)] < each:
            used[a, b] += 1
            used[a, c] += 1
            used[min(b, c), max(b, c)] += 1
            chosen[count] = t
            count += 1
            if count == chosen.size:
                break
    return chosen[:count]


def shortest_cycles(n: int, tail: Ints, head: Ints, b: Vector, shortfall: float, most: int) -> Cycles:
    """Return for each link a shortest cycle through it, where it is shorter than 1 − shortfall; each cycle once.

    Parameters
    ----------
    n : int
    tail, head : int64 arrays
        The links.
    b : array
        Their lengths.
    most : int
        How many cycles are enough.
    """
    lengths = sp.csr_array((b + HOP, (tail, head)), shape=(n, n))
    into = np.argsort(head, kind="stable")
    starts = np.searchsorted(head[into], np.arange(n + 1))
    seen: set[bytes] = set()
    nodes: list[Ints] = []
    for first in range(0, n, SOURCES):
        sources = np.arange(first, min(first + SOURCES, n))
        distance, before = dijkstra(lengths, indices=sources, limit=1.0, return_predecessors=True)
        links = into[starts[first] : starts[sources[-1] + 1]]
        around = distance[head[links] - first, tail[links]] + b[links]
        for link in links[around < 1.0 - shortfall]:
            cycle = _path(before[head[link] - first], int(tail[link]), int(head[link]))
            if distance[head[link] - first, tail[link]] - HOP * (cycle.size - 1) + b[link] >= 1.0 - shortfall:
                continue
            least = int(cycle.argmin())
            key = np.concatenate([cycle[least:], cycle[:least]])
            if key.tobytes() not in seen:
                seen.add(key.tobytes())
                nodes.append(key)
        if len(nodes) >= most:
            break
    pointer = np.concatenate([[0], np.cumsum([c.size for c in nodes])]).astype(np.int64)
    return Cycles(pointer, np.concatenate(nodes) if nodes else np.empty(0, np.int64))


@numba.njit(cache=True)
def _path(before, end, start):  # type: ignore[no-untyped-def]
    """Return the nodes of the path from start to end."""
    size, v = 1, end
    while v != start:
        v = before[v]
        size += 1
    path = np.empty(size, np.int64)
    v = end
    for place in range(size - 1, -1, -1):
        path[place] = v
        v = before[v]
    return path
