"""Random interdependent choices of suppliers, made to be hard: fixed costs nearly in proportion to potentials.

Where all ratios f/ξ were equal the choice of substitutes would be a subset-sum problem; ``spread`` says how far they
are from that. Half of the potential is worth having, so that most sets are candidates.
"""

from __future__ import annotations

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.interdependent import SourcingChoice


def choice(firms: int = 1, K: int = 16, exponent: float = 0.6, spread: float = 0.02, seed: int = 0) -> SourcingChoice:
    """Return firms that want about half of their suppliers' potential.

    Parameters
    ----------
    firms, K : int
    exponent : float
        (σ − 1)/θ: above 1 for complements, of which all and none are then worth about the same.
    spread : float
        Standard deviation of log f/ξ.
    seed : int
        Draws are counter-based.
    """
    if firms < 1 or K < 1:
        raise InputError("firms" if firms < 1 else "K", "there is none", "give at least one")
    if not exponent > 0:
        raise InputError("exponent", f"{exponent:g} is not positive", "give (σ−1)/θ > 0")
    if not spread >= 0:
        raise InputError("spread", f"{spread:g} is negative", "give a standard deviation ≥ 0")
    draw = np.random.Generator(np.random.Philox(key=seed))
    xi = np.exp(0.7 * draw.standard_normal((firms, K)))
    f = xi * np.exp(spread * draw.standard_normal((firms, K)))
    everything = xi.sum(axis=1)
    alone = (everything / 2) ** (1 - exponent) / exponent  # the slope at half is what a unit of ξ costs
    scale = alone if exponent <= 1 else f.sum(axis=1) / everything**exponent
    kind = "complements" if exponent > 1 else "substitutes" if exponent < 1 else "independent"
    what = "1 firm" if firms == 1 else f"{firms} firms"
    return SourcingChoice(
        sigma=1 + 2 * exponent,
        theta=2.0,
        phi=scale ** (1 / (2 * exponent)),
        xi=xi,
        f=f,
        description=f"A firm's choice of suppliers: {what}, {K} suppliers, {kind}, seed {seed}",
        source="endonet",
        licence="MIT",
    )
