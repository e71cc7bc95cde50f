"""Figure 1 of paper 001: which connections are possible, and which are active once the planner has decided."""

from __future__ import annotations

import time
from pathlib import Path

NAME = "figure-1"
TITLE = "Figure 1: operating decisions determine the network"

LEAD = (
    "Six firms and the connections that are possible between them. A connection is active if both its ends operate; so "
    "by choosing who operates, the planner chooses the network."
)


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Solve the economy with a proof, draw it twice and write ``figure-1.html``.

    Parameters
    ----------
    out : folder that exists
    full, workers, dask : not needed, it takes seconds
    """
    del full, workers, dask
    from endonet.instances.planner import examples
    from endonet.reports import circles, networks, pictures
    from endonet.reports.beside import show
    from endonet.reports.page import Page, provenance

    pictures.require()
    started = time.perf_counter()
    problem = examples.figure1()
    possible, optimal = (networks.solved(title, problem) for title in ("Possible connections", "The proven optimum"))
    places = circles.ring(problem.n)
    page = Page(TITLE, LEAD)
    page.figures(
        [
            networks.drawn(possible, places, out, "figure-1a", decided=False),
            networks.drawn(optimal, places, out, "figure-1b"),
        ],
        networks.LEGEND,
    )
    page.text(networks.BESIDE)
    columns, rows = networks.table([optimal])
    page.table(columns, rows, numeric=range(2, len(columns)))
    show(TITLE, columns, rows)
    networks.write_csv([optimal], out / "figure-1.csv")
    page.heading("How this page was made")
    page.text("The paper's figure shows six firms and no numbers; network, productivities and fixed costs are ours.")
    page.code("endonet report figure-1 --out out\nendonet solve planner/figure1")
    more = {"economy": networks.parameters(problem), "files": "figure-1.csv, figure-1a and figure-1b (.png, .svg)"}
    page.definitions(provenance(time.perf_counter() - started, None, more))
    return page.write(out / "figure-1.html")
