"""Figure 3 of paper 001: two clusters of five firms under four vectors of productivity; the planner picks a cluster."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from endonet.formulations.planner.problem import PlannerProblem

NAME = "figure-3"
TITLE = "Figure 3: the planner clusters activity"

LEAD = (
    "Two groups of five firms, all connected within, joined by a single pair of links. Under four vectors of "
    "productivity, which firms should operate? Inputs from many suppliers make it worthwhile to keep one group whole "
    "rather than parts of both."
)


@dataclass(frozen=True)
class Options:
    """What may be changed of the four economies.

    Parameters
    ----------
    f_n : float, default 0.5
        Fixed costs of all firms together, n·f.
    alpha : float, default 0.5
    sigma, epsilon : float, default 5
    """

    f_n: float = 0.5
    alpha: float = 0.5
    sigma: float = 5.0
    epsilon: float = 5.0

    def __post_init__(self) -> None:
        economy(1, self)  # names what is wrong


def economy(panel: int, options: Options) -> PlannerProblem:
    """Return the economy of a panel."""
    from endonet.instances.planner import examples

    drawn = examples.figure3(panel)
    given: dict[str, Any] = {"f": options.f_n / drawn.n, "alpha": options.alpha}
    return replace(drawn, **given, sigma=options.sigma, epsilon=options.epsilon)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Solve the four economies with proofs, draw them and write ``figure-3.html``.

    Parameters
    ----------
    out : folder that exists
    full, workers, dask : not needed, it takes seconds
    options : Options, optional
    """
    del full, workers, dask
    from endonet.reports import circles, networks, pictures
    from endonet.reports.beside import show
    from endonet.reports.page import Page, provenance

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    found = [networks.solved(f"Panel {panel}", economy(panel, chosen)) for panel in (1, 2, 3, 4)]
    # Firm 4 of the upper group is joined with firm 5 of the lower one: their places face each other.
    upper = np.roll(circles.ring(5, (0.0, 1.35), 0.95, first=-90), -1, axis=0)
    lower = circles.ring(5, (0.0, -1.35), 0.95, first=90)
    places = np.vstack([upper, lower])
    page = Page(TITLE, LEAD)
    sides = {4: (1.0, 0.0), 5: (1.0, 0.0)}
    pictures_ = [networks.drawn(one, places, out, f"figure-3-{k}", sides=sides) for k, one in enumerate(found, start=1)]
    page.figures(pictures_, networks.LEGEND)
    page.text(networks.BESIDE)
    columns, rows = networks.table(found)
    page.table(columns, rows, numeric=range(2, len(columns)))
    show(TITLE, columns, rows)
    page.text(_clusters(found))
    networks.write_csv(found, out / "figure-3.csv")
    page.heading("How this page was made")
    page.text("From the paper: the network. The vectors z, the fixed costs and which firms are joined are ours.")
    page.code("endonet report figure-3 -o f_n=0.5 -o alpha=0.5 -o sigma=5 -o epsilon=5 --out out")
    more = {
        "economies": networks.parameters(found[0].problem),
        "files": "figure-3.csv, figure-3-1 to figure-3-4 (.png, .svg)",
    }
    page.definitions(provenance(time.perf_counter() - started, None, more))
    return page.write(out / "figure-3.html")


def _clusters(found: list[Any]) -> str:
    """Say which cluster operates in each panel, and whether it is the one with the most productive firm."""
    said = []
    for one in found:
        above, below = int(one.theta[:5].sum()), int(one.theta[5:].sum())
        most = np.flatnonzero(one.problem.z == one.problem.z.max())
        best = {"upper" if j < 5 else "lower" for j in most}
        if above and below:
            said.append(f"{one.title}: firms of both groups operate ({above} above, {below} below)")
        else:
            side = "upper" if above else "lower"
            has = "which has" if side in best else "which does not have"
            said.append(f"{one.title}: the {side} group operates, {has} the highest z")
    return "; ".join(said) + "."
