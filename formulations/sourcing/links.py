"""Loops over potential links, compiled: what is wrong with them, an order of the firms, a cycle among them.

Links are stored by buyer: ``supplier[ptr[j]:ptr[j + 1]]`` are the potential suppliers of firm j, ascending.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FINE, OUTSIDE, ITSELF, UNSORTED, TWICE, BAD_ALPHA, BAD_F = range(7)


@njit(cache=True)
def first_fault(n, ptr, supplier, alpha, f):  # type: ignore[no-untyped-def]
    """Return (link, what is wrong with it, whether every supplier precedes its buyer); FINE if nothing is."""
    forward = True
    for j in range(n):
        last = -1
        for e in range(ptr[j], ptr[j + 1]):
            k = supplier[e]
            if k < 0 or k >= n:
                return e, OUTSIDE, forward
            if k == j:
                return e, ITSELF, forward
            if k == last:
                return e, TWICE, forward
            if k < last:
                return e, UNSORTED, forward
            if not (alpha[e] >= 0.0 and alpha[e] < np.inf):
                return e, BAD_ALPHA, forward
            if not (f[e] >= 0.0 and f[e] < np.inf):
                return e, BAD_F, forward
            if k > j:
                forward = False
            last = k
    return -1, FINE, forward


@njit(cache=True)
def by_supplier(n, ptr, supplier):  # type: ignore[no-untyped-def]
    """Return the links by supplier: (pointer, link, buyer)."""
    pointer = np.zeros(n + 1, np.int64)
    for e in range(supplier.size):
        pointer[supplier[e] + 1] += 1
    for k in range(n):
        pointer[k + 1] += pointer[k]
    place = pointer[:-1].copy()
    link, buyer = np.empty(supplier.size, np.int64), np.empty(supplier.size, np.int32)
    for j in range(n):
        for e in range(ptr[j], ptr[j + 1]):
            k = supplier[e]
            link[place[k]] = e
            buyer[place[k]] = j
            place[k] += 1
    return pointer, link, buyer


@njit(cache=True)
def sequence(n, ptr, supplier, pointer, buyer):  # type: ignore[no-untyped-def]
    """Return the firms with suppliers before buyers, and how many there are before a cycle stops it."""
    waits = np.empty(n, np.int64)
    order = np.empty(n, np.int32)
    filled = 0
    for j in range(n):
        waits[j] = ptr[j + 1] - ptr[j]
        if waits[j] == 0:
            order[filled] = j
            filled += 1
    done = 0
    while done < filled:
        k = order[done]
        done += 1
        for p in range(pointer[k], pointer[k + 1]):
            j = buyer[p]
            waits[j] -= 1
            if waits[j] == 0:
                order[filled] = j
                filled += 1
    return order, filled, waits


@njit(cache=True)
def cycle(n, ptr, supplier, waits):  # type: ignore[no-untyped-def]
    """Return firms that buy in a circle, each from the next; ``waits`` is positive where `sequence` got stuck."""
    start = 0
    while waits[start] == 0:
        start += 1
    place = np.full(n, -1, np.int64)
    path = np.empty(n + 1, np.int64)
    length = 0
    j = start
    while place[j] < 0:
        place[j] = length
        path[length] = j
        length += 1
        for e in range(ptr[j], ptr[j + 1]):
            if waits[supplier[e]] > 0:
                j = supplier[e]
                break
    return path[place[j] : length].copy()


@njit(cache=True)
def places(ptr, supplier, sellers, buyers):  # type: ignore[no-untyped-def]
    """Return where the links from sellers to buyers stand, −1 for what is no potential link."""
    found = np.empty(sellers.size, np.int64)
    for i in range(sellers.size):
        low, end = ptr[buyers[i]], ptr[buyers[i] + 1]
        high = end
        while low < high:
            middle = (low + high) // 2
            if supplier[middle] < sellers[i]:
                low = middle + 1
            else:
                high = middle
        found[i] = low if low < end and supplier[low] == sellers[i] else -1
    return found


def buyers(ptr: NDArray[np.int64]) -> NDArray[Any]:
    """Return the buyer of each link."""
    return np.repeat(np.arange(ptr.size - 1, dtype=np.int32), np.diff(ptr))
