"""Random small economies of every kind of Table 1, closed and open, in which many decisions hang in the balance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.problem import INITIATORS, OpenEconomy, SourcingProblem

PAPER = "paper 002, Endogenous Production Networks with Fixed Costs"
LICENCE = "MIT"


def small(
    n: int = 5,
    seed: int = 0,
    initiator: str = "buyer",
    cyclic: bool = False,
    open: bool = False,
    share: float = 0.7,
    sigma: float = 4.0,
    fixed: float = 0.01,
) -> SourcingProblem:
    """Return a random economy of a few firms.

    Log-normal saliencies, productivities, demand and fixed costs; α_Lj = 1 and L = 1. In a cyclic economy the
    saliencies are scaled so that ρ(Φ~Γ') < 1 whatever links are formed, which footnote 10 of the paper asks for.

    Parameters
    ----------
    n : int
        Number of firms.
    seed : int
    initiator : {"buyer", "supplier"}
    cyclic : bool
        Whether any firm may supply any other, or only later ones.
    open : bool
        Whether firms may import and export.
    share : float
        Which part of the possible pairs are potential links.
    sigma : float
    fixed : float
        The median fixed cost of a link, in units of labour; twice as much for trade.
    """
    if not 0 < share <= 1:
        raise InputError("share", f"{share:g} is no share", "give a number above 0 and up to 1")
    if not fixed > 0:
        raise InputError("fixed", f"{fixed:g} is not positive", "give a median fixed cost > 0")
    if initiator not in INITIATORS:
        raise InputError("initiator", f"{initiator!r} initiates no links", "use buyer or supplier")
    draw = np.random.default_rng([seed, n, int(cyclic), int(open), int(initiator == "buyer")])
    supplier, buyer = np.nonzero(~np.eye(n, dtype=bool) if cyclic else np.triu(np.ones((n, n), dtype=bool), 1))
    kept = draw.random(supplier.size) < share
    supplier, buyer = supplier[kept], buyer[kept]
    phi, beta = draw.lognormal(0.0, 0.2, n), draw.lognormal(0.0, 0.3, n)
    alpha = draw.lognormal(-0.6, 0.5, supplier.size)
    f = draw.lognormal(math.log(fixed), 0.8, supplier.size)
    if cyclic and supplier.size:
        bound = np.bincount(buyer, (phi[buyer] * alpha) ** (sigma - 1), n).max()
        alpha *= min(1.0, (0.9 / bound) ** (1 / (sigma - 1)))
    kind = f"{initiator}s initiate, {'cyclic' if cyclic else 'acyclic'}, {'open' if open else 'closed'}"
    return SourcingProblem.from_links(
        supplier,
        buyer,
        alpha,
        f,
        phi=phi,
        alpha_L=np.ones(n),
        beta_H=beta,
        sigma=sigma,
        initiator=initiator,
        open=_abroad(draw, n, fixed) if open else None,
        description=f"A random economy: {n} firms, {kind}, seed {seed}",
        source=f"{PAPER}; parameters ours",
        licence=LICENCE,
    )


def _abroad(draw: np.random.Generator, n: int, fixed: float) -> OpenEconomy:
    def around(median: float, spread: float) -> Any:
        return draw.lognormal(math.log(median), spread, n)

    return OpenEconomy(
        alpha_F=around(0.7, 0.5),
        beta_F=around(0.8, 0.5),
        D_F=1.0,
        f_import=around(2 * fixed, 0.8),
        f_export=around(2 * fixed, 0.8),
    )
