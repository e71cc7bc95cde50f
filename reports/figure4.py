"""Figure 4 of paper 001: a negligible drop in one firm's productivity, and another network is optimal."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.errors import InputError

if TYPE_CHECKING:
    from endonet.formulations.planner.problem import PlannerProblem

NAME = "figure-4"
TITLE = "Figure 4: a small shock, a large reorganisation"

LEAD = (
    "The same economy twice; only the firm in the centre is a little less productive the second time. Before, goods "
    "pass through the centre; after, a loop of firms avoids it. Output hardly changes, while who produces what changes "
    "altogether."
)


@dataclass(frozen=True)
class Options:
    """How large the shock is.

    Parameters
    ----------
    drop : float, default 0.001
        Share by which the centre's productivity falls, half above and half below the threshold where both networks are
        equally good.
    """

    drop: float = 1e-3

    def __post_init__(self) -> None:
        if not 1e-6 <= self.drop <= 0.5:
            raise InputError("drop", f"{self.drop} is out of range", "give a share from 1e-6 to 0.5")


def economy(after: bool, options: Options) -> PlannerProblem:
    """Return the economy before or after the shock."""
    from endonet.instances.planner import examples

    drawn = examples.figure4(after)
    side = -1 if after else 1
    z = drawn.z.copy()
    z[0] = examples.FIGURE4_THRESHOLD * (1 + side * options.drop / 2)
    return replace(drawn, z=z)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Solve both economies with proofs, draw them and write ``figure-4.html``.

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
    before, after = (
        networks.solved(f"{'After' if late else 'Before'} the shock", economy(late, chosen)) for late in (False, True)
    )
    places = np.vstack([[[0.0, 0.0]], circles.ring(8, first=157.5)])
    page = Page(TITLE, LEAD)
    changed = int((before.theta != after.theta).sum())
    page.cards(
        [
            ("the centre's productivity falls by", f"{chosen.drop:.2%}", "from just above to just below a threshold"),
            ("firms that change", f"{changed} of {before.problem.n}", "between two proven optima"),
            ("output changes by", f"{after.outcome.value / before.outcome.value - 1:.4%}", "of itself"),
        ]
    )
    page.figures(
        [networks.drawn(one, places, out, f"figure-4-{n}") for one, n in ((before, "before"), (after, "after"))]
    )
    page.text(networks.BESIDE)
    columns, rows = networks.table([before, after])
    page.table(columns, rows, numeric=range(2, len(columns)))
    show(TITLE, columns, rows)
    page.heading("What happens to the firms")
    page.text(
        "Dispersion between the firms that operate, as the standard deviation of logarithms. Before the shock a few "
        "firms around the centre differ from each other; on the loop all are alike."
    )
    titles, spread = _dispersion(before, after)
    page.table(titles, spread, numeric=(1, 2))
    show("Dispersion", titles, spread)
    networks.write_csv([before, after], out / "figure-4.csv")
    page.heading("How this page was made")
    page.text(
        "The paper's figure shows no numbers; the network, z and f are ours, the threshold was found by bisection."
    )
    page.code("endonet report figure-4 -o drop=0.001 --out out")
    more = {
        "economy": networks.parameters(before.problem),
        "files": "figure-4.csv, figure-4-before and figure-4-after (.png, .svg)",
    }
    page.definitions(provenance(time.perf_counter() - started, None, more))
    return page.write(out / "figure-4.html")


def _dispersion(before: Any, after: Any) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = []
    for label, name in (("labour productivity q", "q"), ("output", "y"), ("employment", "l")):
        spread = []
        for one in (before, after):
            values = np.asarray(getattr(one.outcome, name))[one.theta == 1]
            spread.append(float(np.log(values[values > 0]).std()))
        rows.append((label, *(f"{s:.4f}" for s in spread)))
    return ("standard deviation of logs", "before", "after"), rows
