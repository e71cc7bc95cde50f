"""The economies of the paper's figures 1 to 4.

The pictures show no numbers, and the text gives only what is said in each docstring. The parameters, and the networks
of figures 1 and 4, are ours, chosen so that the properties the text names hold; the tests check them by enumeration.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.instances.planner.generators import LICENCE, PAPER

FIGURE3_Z = (
    (1.3, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.3),
    (1.0, 1.0, 1.2, 1.0, 1.0, 1.0, 1.3, 1.0, 1.0, 1.0),
    (1.3, 1.1, 0.9, 1.0, 1.0, 1.2, 1.2, 1.0, 0.9, 1.0),
)

FIGURE4_THRESHOLD = 0.8783351
FIGURE4_STEP = 1e-3


def figure1() -> PlannerProblem:
    """Return figure 1: six firms, some of which operate, so that some possible connections are active.

    From the paper: six firms; the active connections join active firms. Ours: network, productivities, f.
    """
    links = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3), (1, 4), (5, 0), (3, 1)]
    z = [1.2, 1.1, 1.0, 0.9, 0.8, 0.7]
    return _economy(6, links, z, 0.6 / 6, "figure1", "Six firms, of which the planner operates some", "Figure 1")


def figure2() -> PlannerProblem:
    """Return figure 2: two firms and all four links.

    From the paper: the relaxed objective has local maxima at (1,0) and (0,1), local minima at (0,0) and (1,1), and its
    global maximum at (1,0). Ours: z = (1.05, 1), f = 0.4, α = 0.5, σ = ε = 5.
    """
    links = [(0, 0), (0, 1), (1, 0), (1, 1)]
    title = "Two firms, all links: one operates alone, and the relaxed objective is a saddle"
    return _economy(2, links, [1.05, 1.0], 0.4, "figure2", title, "Figure 2")


def figure3(panel: int = 1) -> PlannerProblem:
    """Return one of the four panels of figure 3: two clusters of five firms, joined by one pair of connections.

    From the paper: the network; the planner operates one of the clusters, the one with the firm of highest z. Ours:
    which firms are joined (4 and 5), the vectors z, f = 0.5/10, α = 0.5, σ = ε = 5.

    Parameters
    ----------
    panel : 1, 2, 3 or 4
        Which vector z.
    """
    if panel not in (1, 2, 3, 4):
        raise InputError("panel", f"figure 3 has no panel {panel!r}", "give 1, 2, 3 or 4")
    groups = [range(5), range(5, 10)]
    links = [(i, j) for group in groups for i in group for j in group if i != j] + [(4, 5), (5, 4)]
    title = f"Two clusters of five firms, joined by a pair of links; productivities of panel {panel}"
    return _economy(10, links, FIGURE3_Z[panel - 1], 0.5 / 10, f"figure3-{panel}", title, "Figure 3")


def figure4(after: bool = False) -> PlannerProblem:
    """Return figure 4 before or after a negligible drop in the centre's productivity.

    From the paper: before the shock goods pass through the central firm, after it a loop of firms avoids the centre;
    output hardly changes, the dispersion of productivity, output and employment collapses. Ours: the network (a
    directed loop 1 → 2 → … → 8 → 1, in which firm 0, the centre, buys from 1 and 8 and sells to 7), z, f = 0.3/9, and
    the threshold, found by bisection.

    Parameters
    ----------
    after : bool
        Whether the shock has happened: z_0 is 0.05 % below the threshold instead of 0.05 % above it.
    """
    links = [(i, 1 + i % 8) for i in range(1, 9)] + [(1, 0), (8, 0), (0, 7)]
    centre = FIGURE4_THRESHOLD * (1 - FIGURE4_STEP / 2 if after else 1 + FIGURE4_STEP / 2)
    z = [centre, *[1.0] * 8]
    when = "after" if after else "before"
    title = f"A centre against a loop, {when} a drop of 0.1 % in the centre's productivity"
    return _economy(9, links, z, 0.3 / 9, f"figure4-{when}", title, "Figure 4")


def _economy(
    n: int,
    links: Sequence[tuple[int, int]],
    z: Sequence[float],
    f: float,
    name: str,
    description: str,
    figure: str,
) -> PlannerProblem:
    Omega = np.zeros((n, n))
    for supplier, buyer in links:
        Omega[supplier, buyer] = 1.0
    return PlannerProblem(
        Omega=Omega,  # type: ignore[arg-type]
        z=z,  # type: ignore[arg-type]
        f=f,  # type: ignore[arg-type]
        name=name,
        description=description + "; parameters ours",
        source=f"{PAPER}, {figure}",
        licence=LICENCE,
    )
