"""Confidence intervals for what is measured on random draws: shares, shares of firms, means of skewed errors.

Every interval has the level 95 % and regards draws, or clusters of draws, but never firms as independent.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z = 1.959963984540054
RESAMPLES = 2000
MANY = 5000  # non-zero errors from which on the mean is as good as normal


class Estimate(NamedTuple):
    """An estimate and its interval; all NaN where nothing was observed."""

    value: float
    low: float
    high: float


NOTHING = Estimate(math.nan, math.nan, math.nan)


def wilson(share: float, trials: float) -> Estimate:
    """Return Wilson's interval for a share observed in so many independent trials, which need not be a whole number.

    Examples
    --------
    >>> low, high = wilson(0.1, 100)[1:]
    >>> round(low, 4), round(high, 4)
    (0.0552, 0.1744)
    """
    if not trials > 0:
        return NOTHING
    spread = Z * Z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # At the ends the formula gives 0 and 1 up to rounding.
    low, high = centre - half if share > 0 else 0.0, centre + half if share < 1 else 1.0
    return Estimate(share, max(0.0, low), min(1.0, high))


def share(hits: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Return the share of draws that have a property, with Wilson's interval."""
    return share_of_firms(hits, 1, clusters)


def share_of_firms(shares: ArrayLike, firms: int, clusters: ArrayLike | None = None) -> Estimate:
    """Return the mean over draws of the share of firms that have a property, with Wilson's interval.

    Firms of one draw are not independent. The interval therefore counts as many trials as would give the variance that
    the draws show (Kish's effective sample size), at most all firms; where the draws show none, one trial a draw.

    Parameters
    ----------
    clusters : array_like, optional
        Labels of groups of draws, such as those on one network, that are not independent within; the groups are.
    """
    observed = np.asarray(shares, dtype=np.float64)
    if not observed.size:
        return NOTHING
    mean = float(observed.mean())
    sums = _sums(observed - mean, clusters)
    more = sums.size / (sums.size - 1) if sums.size > 1 else 0.0
    variance = more * float((sums**2).sum()) / observed.size**2
    effective = mean * (1 - mean) / variance if variance > 0 else float(observed.size)
    return wilson(mean, min(effective, float(observed.size * firms)))


def mean(errors: ArrayLike, clusters: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Return the mean of errors ≥ 0 with a percentile bootstrap interval, or a normal one where there are very many.

    Most errors are zero, so a resample draws how many are not (binomial) and then those. With ``clusters``, groups of
    draws are drawn anew as a whole. Where all errors are zero nothing tells how large the mean may be: the upper end is
    NaN.
    """
    observed = np.asarray(errors, dtype=np.float64)
    if not observed.size:
        return NOTHING
    value, positive = float(observed.mean()), observed[observed != 0]
    if positive.size == 0:
        return Estimate(0.0, 0.0, math.nan)
    random = np.random.default_rng(seed)
    if clusters is not None:
        sums, counts = _sums(observed, clusters), _sums(np.ones(observed.size), clusters)
        picked = random.integers(0, sums.size, (RESAMPLES, sums.size))
        means = sums[picked].sum(axis=1) / counts[picked].sum(axis=1)
    elif positive.size >= MANY:
        half = Z * float(observed.std(ddof=1)) / math.sqrt(observed.size)
        return Estimate(value, max(0.0, value - half), value + half)
    else:
        drawn = random.binomial(observed.size, positive.size / observed.size, RESAMPLES)
        means = np.array([random.choice(positive, count).sum() / observed.size for count in drawn])
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def _sums(values: NDArray[np.float64], clusters: ArrayLike | None) -> NDArray[np.float64]:
    """Return the sums of values by cluster; without clusters every value is one."""
    if clusters is None:
        return values
    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(place, weights=values).astype(np.float64)
