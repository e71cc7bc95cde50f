"""Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, *Parallel random numbers*).

A draw is a function of its address (seed, stream, firm, slot) and of nothing else: no state, so any order, any number
of threads and any part of an economy gives the same numbers.

What is guaranteed: the four 32-bit words of an address, integers and uniforms made from them are the same on every
machine. Normals come from the inverse of the normal distribution function by Wichura's algorithm AS 241, PPND16
(relative error about 1e-16): rational functions in the centre, the same wherever doubles are IEEE and not contracted,
and one logarithm and one square root beyond |q| > 0.425, where two mathematical libraries may differ in the last bit.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
FINE = np.uint64(11)

TWO_32, TWO_53 = 2.0**-32, 2.0**-53


@njit(cache=True)
def words(seed, stream, firm, slot):
    """Return the four 32-bit words (as uint64) at an address; seed is uint64, the others below 2³²."""
    k0, k1 = np.uint64(seed) & LOW, np.uint64(seed) >> HALF
    c0, c1, c2, c3 = np.uint64(slot), np.uint64(firm), np.uint64(stream), np.uint64(0)
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


@njit(cache=True)
def below(high, low, bound):
    """Return a whole number in 0 … bound − 1 from 64 bits by multiplication; its bias is below bound · 2⁻⁶⁴."""
    wide = np.uint64(bound)
    return np.int64((high * wide + ((low * wide) >> HALF)) >> HALF)


@njit(cache=True)
def coarse(word):
    """Return a uniform number in (0, 1) from 32 bits."""
    return (np.float64(word) + 0.5) * TWO_32


@njit(cache=True)
def fine(high, low):
    """Return a uniform number in (0, 1) from 53 of 64 bits."""
    return (np.float64(((high << HALF) | low) >> FINE) + 0.5) * TWO_53


@njit(cache=True)
def normal(uniform):
    """Return the standard normal quantile of ``uniform``, within (1e-11, 1 − 1e-11), by AS 241."""
    q = uniform - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = (((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                 + 45921.953931549871457) * r + 13731.693765509461125  # fmt: skip
        above = ((above * r + 1971.5909503065514427) * r + 133.14166789178437745) * r + 3.3871328727963666080
        under = (((5226.4952788528545610 * r + 28729.085735721942674) * r + 39307.895800092710610) * r
                 + 21213.794301586595867) * r + 5394.1960214247511077  # fmt: skip
        under = ((under * r + 687.18700749205790830) * r + 42.313330701600911252) * r + 1.0
        return q * above / under
    r = math.sqrt(-math.log(uniform if q < 0.0 else 1.0 - uniform)) - 1.6
    above = (((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 0.241780725177450611770) * r
             + 1.27045825245236838258) * r + 3.64784832476320460504  # fmt: skip
    above = ((above * r + 5.76949722146069140550) * r + 4.63033784615654529590) * r + 1.42343711074968357734
    under = (((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
             + 0.148103976427480074590) * r + 0.689767334985100004550  # fmt: skip
    under = ((under * r + 1.67638483018380384940) * r + 2.05319162663775882187) * r + 1.0
    return -above / under if q < 0.0 else above / under


@njit(cache=True)
def table(seed, stream, firm, slots):
    """Return the words at slots 0 … slots − 1 of one firm, shape (slots, 4); for tests and curious readers."""
    found = np.empty((slots, 4), dtype=np.uint32)
    for slot in range(slots):
        found[slot] = words(np.uint64(seed), stream, firm, slot)
    return found
