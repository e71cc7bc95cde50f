"""Cuts from sums of cycles, halved and rounded up: Gaussian elimination modulo 2 over the rows that hold tightly.

A sum of rows with slacks s, divided by two, loses ½ Σ s; rounding up the coefficients that are odd loses ½ b for each;
rounding up an odd right-hand side wins ½. So a cut is violated where Σ s + Σ_odd b < 1 and the right-hand side is odd.
Columns that are nearer to 1 are turned round first (b_vu = 1 − b_uv), so that b ≤ ½ throughout. Elimination, largest b
first, yields sums in which few large columns are odd; every sum on the way is looked at.

Source: Caprara and Fischetti, *{0, ½}-Chvátal–Gomory cuts* (1996); elimination as in Koster, Zymolka and Kutschka,
*Algorithms to separate {0, ½}-Chvátal–Gomory cuts* (2009).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST_SLACK = 0.5  # rows with more of it are left out
MOST_ROWS = 3000
ROOM = 4000  # sums looked at more closely
VIOLATED = 1e-3  # by how much a sum has to be, in units of its right-hand side


def odd_sums(row: Ints, column: Ints, odd: NDArray[np.bool_], slack: Vector, loss: Vector, most: int) -> list[Ints]:
    """Return sets of rows whose halved and rounded sums are violated, the most violated first.

    Parameters
    ----------
    row, column : int64 arrays
        The entries of the rows; all coefficients are odd.
    odd : bool array
        Whether the right-hand side of each row is odd, with columns turned round.
    slack : array
        By row.
    loss : array
        By column: b, or 1 − b where that is less.
    most : int
        How many sets are enough.
    """
    rows = np.flatnonzero(slack < LARGEST_SLACK)
    rows = rows[np.argsort(slack[rows], kind="stable")][:MOST_ROWS]
    fractional = np.flatnonzero(loss > VIOLATED)
    fractional = fractional[np.argsort(-loss[fractional], kind="stable")]
    if rows.size == 0 or fractional.size == 0:
        return []
    place, number = np.full(loss.size, -1, np.int64), np.full(slack.size, -1, np.int64)
    place[fractional], number[rows] = np.arange(fractional.size), np.arange(rows.size)
    kept = (place[column] >= 0) & (number[row] >= 0)
    sums, lost = _eliminate(
        number[row[kept]], place[column[kept]], odd[rows], np.maximum(slack[rows], 0.0), loss[fractional], ROOM
    )
    found = []
    for which in np.argsort(lost, kind="stable")[:most]:
        bits = np.unpackbits(sums[which].view(np.uint8), bitorder="little")[: rows.size]
        found.append(rows[np.flatnonzero(bits)])
    return found


@numba.njit(cache=True)
def _eliminate(row, column, odd, slack, loss, room):  # type: ignore[no-untyped-def]
    """Return the sums met that lose less than they win, as bits over the rows, and what they lose."""
    n, m = odd.size, loss.size
    words, places = (n + 63) // 64, (m + 63) // 64
    one = np.uint64(1)
    left = np.zeros((n, places), np.uint64)  # odd columns
    made = np.zeros((n, words), np.uint64)  # of which rows
    for k in range(row.size):
        left[row[k], column[k] >> 6] ^= one << np.uint64(column[k] & 63)
    for i in range(n):
        made[i, i >> 6] |= one << np.uint64(i & 63)
    odd, slack, alive = odd.copy(), slack.copy(), np.ones(n, np.bool_)
    sums, lost, count = np.zeros((room, words), np.uint64), np.empty(room), 0
    for pivot in range(-1, m):
        chosen = -1
        if pivot >= 0:
            word, bit = pivot >> 6, one << np.uint64(pivot & 63)
            for i in range(n):
                if alive[i] and left[i, word] & bit and (chosen < 0 or slack[i] < slack[chosen]):
                    chosen = i
            if chosen < 0:
                continue
            alive[chosen] = False
        for i in range(n):
            if not alive[i]:
                continue
            if pivot >= 0:
                if not left[i, word] & bit:
                    continue
                slack[i] += slack[chosen]
                if slack[i] >= 1.0:
                    alive[i] = False
                    continue
                odd[i] ^= odd[chosen]
                for k in range(places):
                    left[i, k] ^= left[chosen, k]
                for k in range(words):
                    made[i, k] ^= made[chosen, k]
            if not odd[i] or count >= room:
                continue
            total = slack[i]
            for k in range(places):
                rest, at = left[i, k], 64 * k
                while rest and total < 1.0:
                    if rest & one:
                        total += loss[at]
                    rest >>= one
                    at += 1
            if total < 1.0 - 2.0 * VIOLATED:
                sums[count] = made[i]
                lost[count] = total
                count += 1
    return sums[:count], lost[:count]
