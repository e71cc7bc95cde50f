"""The potential links of the calibrated economy (paper 001, section 4.2 and footnote 24).

In- and out-degrees follow a bivariate power law of the first kind, taken as a probability mass on the integer grid:

    P(i, o) ∝ (i + o − 1)^−(ξ+1),    i, o ∈ {1, …, n−1}

The density depends on s = i + o − 1 alone. So s is drawn first, from the mass min(s, 2(n−1) − s)·s^−(ξ+1) that counts
the pairs with that sum, and then i uniformly among them: O(n) memory instead of the n × n grid.

Links come from a configuration model: every firm has i stubs as a buyer and o as a supplier, the shorter list is padded
by resampling it, the two lists are matched at random, and self-links and repeats are dropped.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.instances.planner import draws

MATCHINGS = 200

Degrees = NDArray[np.int64]


def power_law(rng: np.random.Generator, n: int, xi: float) -> tuple[Degrees, Degrees]:
    """Return the in- and out-degrees of n firms, each from 1 to n−1."""
    if not 0 < xi < 100:
        raise InputError("xi", f"{xi} is no shape of a power law here", "give a number between 0 and 100")
    top = n - 1
    s = np.arange(1, 2 * top, dtype=np.int64)
    distribution = np.cumsum(np.minimum(s, 2 * top - s) * s.astype(np.float64) ** -(xi + 1))
    place = np.searchsorted(distribution, rng.random(n) * distribution[-1], side="right")
    total = s[np.minimum(place, s.size - 1)]
    least = np.maximum(1, total + 1 - top)
    most = np.minimum(top, total)
    inward = least + draws.whole(rng, most - least + 1)
    return inward, total + 1 - inward


def configuration(rng: np.random.Generator, inward: Degrees, outward: Degrees) -> sp.csc_array:
    """Return Ω from matched stubs, redrawn until every firm keeps a supplier.

    The paper assumes Σ_i Ω_ij ≥ 1 without loss of generality; about one matching in four leaves some firm with nothing
    but a link to itself and is redrawn.
    """
    n = inward.size
    for _ in range(MATCHINGS):
        buyer, supplier = _padded(rng, _stubs(inward), _stubs(outward))
        supplier = supplier[draws.permutation(rng, supplier.size)]
        other = buyer != supplier
        place = np.unique(buyer[other] * n + supplier[other])
        pointer = np.searchsorted(place, np.arange(n + 1, dtype=np.int64) * n)
        if np.all(np.diff(pointer) > 0):
            return sp.csc_array((np.ones(place.size), place % n, pointer), shape=(n, n))
    raise InputError("n", "no matching gives every firm a supplier", "use more firms or a smaller xi")


def _stubs(degrees: Degrees) -> Degrees:
    return np.repeat(np.arange(degrees.size, dtype=np.int64), degrees)


def _padded(rng: np.random.Generator, one: Degrees, other: Degrees) -> tuple[Degrees, Degrees]:
    """Return both lists at the length of the longer."""
    missing = one.size - other.size
    if missing > 0:
        other = np.concatenate([other, other[draws.whole(rng, np.full(missing, other.size))]])
    elif missing < 0:
        one = np.concatenate([one, one[draws.whole(rng, np.full(-missing, one.size))]])
    return one, other
