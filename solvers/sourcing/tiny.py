"""An economy of two firms, to compile kernels with."""

from __future__ import annotations

import numpy as np

from endonet.formulations.sourcing.problem import OpenEconomy, SourcingProblem


def tiny_economy(opened: bool = False, cyclic: bool = True, initiator: str = "buyer") -> SourcingProblem:
    """Return two firms that may buy from each other, or the second from the first."""
    links = ([0, 1], [1, 0]) if cyclic else ([0], [1])
    return SourcingProblem.from_links(
        *links,
        alpha=0.5,
        f=0.01,
        phi=1.0,
        alpha_L=[1.0, 1.0],
        beta_H=1.0,
        sigma=4.0,
        initiator=initiator,
        open=OpenEconomy(f_import=np.full(2, 0.01), f_export=np.full(2, 0.01)) if opened else None,
    )
