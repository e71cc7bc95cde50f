"""Random draws that give the same economy from the same seed on every machine.

Only uniform and standard normal variates of ``numpy.random.Generator(PCG64(seed))`` are used. What goes through ``exp``
is rounded to ten significant digits, because the last bits of ``exp`` differ between math libraries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import InputError

Seed = int | Sequence[int]


def generator(seed: Seed) -> np.random.Generator:
    """Return the random numbers of a seed: one integer ≥ 0, or several."""
    try:
        return np.random.Generator(np.random.PCG64(seed if isinstance(seed, int) else list(seed)))
    except (TypeError, ValueError):
        raise InputError("seed", f"{seed!r} is no seed", "give an integer ≥ 0, or several") from None


def lognormal(rng: np.random.Generator, spread: float, n: int) -> NDArray[np.float64]:
    """Return n draws of exp(spread · N(0, 1)), to ten significant digits."""
    if not 0 <= spread < 50:
        raise InputError("sigma_z", f"{spread} is no standard deviation of a logarithm", "give a number from 0 to 50")
    return tidy(np.exp(spread * rng.standard_normal(n)))


def tidy(values: ArrayLike) -> NDArray[np.float64]:
    """Return the numbers rounded to ten significant digits."""
    return np.array([float(f"{value:.10g}") for value in np.asarray(values, dtype=np.float64)])


def permutation(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Return a uniform random permutation of 0 … n−1, from n uniform variates."""
    return np.argsort(rng.random(n), kind="stable")


def whole(rng: np.random.Generator, below: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return integers uniform on 0 … below−1, entry by entry."""
    return np.minimum((rng.random(below.size) * below).astype(np.int64), below - 1)


def size(n: int, least: int) -> int:
    """Return a number of firms after checking it."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < least:
        raise InputError("n", f"{n!r} is no number of firms here", f"give an integer ≥ {least}")
    return int(n)
