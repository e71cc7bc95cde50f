"""Random draws behind the economies of paper 002, section 4.3, from counters: nothing depends on order or threads.

Firms stand in a sequence. Firm j (0-based) may buy from min(j, K) of the j firms before it, chosen without replacement,
all subsets alike (Floyd's algorithm on a bit set, which also leaves them in ascending order). Each pair has one
standard normal for α_kj and one for f_kj; each firm has one for each of φ_j, α_Fj, β_jF, f_Fj, f_jF. Those of φ, α and
β are winsorised at the 0.5th and 99.5th percentiles of the normal distribution, as footnote 19 says of them; those of
fixed costs are not.

The draws do not depend on the parameters of the economy, so these can change while the random numbers stay (common
random numbers), nor on n: the first n firms of a larger economy are the economy of n firms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.parallel import in_parts
from endonet.instances.sourcing.philox import below, coarse, fine, normal, words

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

PAIRS, FIRMS = 0, 1  # streams
TAIL = 0.005
TINY = 1e-11  # as far as the quantile function reaches
LARGEST_SEED, LARGEST_N = 2**64, 2**31 - 1

NDouble = NDArray[np.float64]
NSingle = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Draws:
    """Standard normal draws of one economy, those of φ, α and β winsorised; links stored by buyer.

    Attributes
    ----------
    n, K : int
        Firms, and potential suppliers that a firm has at most.
    seed : int
    ptr : int64 array of shape (n + 1,)
        The potential links of buyer j are ``ptr[j]`` to ``ptr[j + 1]``.
    supplier : int32 array of shape (m,)
        Ascending within a buyer, always below the buyer.
    alpha, f : float32 arrays of shape (m,)
        Normals behind α_kj and f_kj.
    phi, alpha_F, beta_F, f_import, f_export : float64 arrays of shape (n,)
        Normals behind φ_j, α_Fj, β_jF, f_Fj, f_jF.
    """

    n: int
    K: int
    seed: int
    ptr: NDArray[np.int64]
    supplier: NDArray[np.int32]
    alpha: NSingle
    f: NSingle
    phi: NDouble
    alpha_F: NDouble
    beta_F: NDouble
    f_import: NDouble
    f_export: NDouble


def draw(n: int, K: int = 1000, seed: int = 0) -> Draws:
    """Draw the candidates and normals of an economy with n firms; 12 bytes a potential link.

    Raises
    ------
    InputError
        If a number is outside its range: 1 ≤ n < 2³¹, K ≥ 0, 0 ≤ seed < 2⁶⁴.
    """
    n = _whole("n", n, 1, LARGEST_N)
    K = _whole("K", K, 0, LARGEST_N)
    seed = _whole("seed", seed, 0, LARGEST_SEED - 1)
    ptr = np.concatenate([[0], np.cumsum(np.minimum(np.arange(n, dtype=np.int64), K))]).astype(np.int64)
    try:
        supplier = np.empty(ptr[-1], dtype=np.int32)
        alpha, f = np.empty(ptr[-1], dtype=np.float32), np.empty(ptr[-1], dtype=np.float32)
    except MemoryError:
        raise InputError("n", f"{ptr[-1]} potential links do not fit into memory", "lower n or K") from None
    in_parts(n, supplier.size, lambda first, last: _draw_pairs(np.uint64(seed), ptr, supplier, alpha, f, first, last))
    firms = _draw_firms(np.uint64(seed), n)
    return Draws(n, K, seed, ptr, supplier, alpha, f, *firms)


def compile_kernels() -> None:
    """Compile what `draw` needs, so that a clock started afterwards sees the drawing alone."""
    draw(3, 2, 0)


@njit(cache=True, nogil=True)
def _draw_pairs(seed, ptr, supplier, alpha, f, first, last):
    chosen = np.zeros((last + 63) // 64, dtype=np.uint64)
    for j in range(first, last):
        begin, size = ptr[j], ptr[j + 1] - ptr[j]
        _choose(seed, j, size, chosen, alpha[begin : begin + size], f[begin : begin + size])
        at = begin
        for block in range((j + 63) // 64):
            bits = chosen[block]
            chosen[block] = np.uint64(0)
            while bits != np.uint64(0):
                lowest = bits & (~bits + np.uint64(1))
                supplier[at] = 64 * block + _place(lowest)
                bits ^= lowest
                at += 1


@njit(cache=True)
def _choose(seed, j, size, chosen, alpha, f):
    """Set ``size`` of the first j bits, every subset alike (Floyd), and draw the normals of each slot."""
    one, mask = np.uint64(1), np.int64(63)
    for slot in range(size):
        a, b, c, d = words(seed, PAIRS, j, slot)
        alpha[slot] = normal(min(max(coarse(c), TAIL), 1.0 - TAIL))
        f[slot] = normal(coarse(d))
        top = j - size + slot
        k = below(a, b, top + 1)
        bit = one << np.uint64(k & mask)
        if chosen[k >> 6] & bit:
            k = top
            bit = one << np.uint64(k & mask)
        chosen[k >> 6] |= bit


@njit(cache=True)
def _place(power):
    """Return the exponent of a power of two."""
    place = 0
    if power & np.uint64(0xFFFFFFFF00000000):
        place += 32
    if power & np.uint64(0xFFFF0000FFFF0000):
        place += 16
    if power & np.uint64(0xFF00FF00FF00FF00):
        place += 8
    if power & np.uint64(0xF0F0F0F0F0F0F0F0):
        place += 4
    if power & np.uint64(0xCCCCCCCCCCCCCCCC):
        place += 2
    if power & np.uint64(0xAAAAAAAAAAAAAAAA):
        place += 1
    return place


@njit(cache=True)
def _draw_firms(seed, n):
    found = np.empty((5, n))
    for j in range(n):
        for slot in range(3):
            a, b, c, d = words(seed, FIRMS, j, slot)
            edge = TAIL if slot < 2 else TINY  # φ and β_F, but not f_jF
            found[2 * slot, j] = normal(min(max(fine(a, b), edge), 1.0 - edge))
            if slot < 2:
                edge = TAIL if slot == 0 else TINY  # α_F, but not f_Fj
                found[2 * slot + 1, j] = normal(min(max(fine(c, d), edge), 1.0 - edge))
    return found[0], found[1], found[2], found[3], found[4]


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise InputError(name, f"{value!r} is no whole number from {least} to {most}", "give one that is")
    return int(value)
