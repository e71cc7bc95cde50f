"""Figures 7 and 8 of paper 002 (section 4.4): a shock of 20 percent to a hundred traders, along the network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from endonet.reports.again import command
from endonet.reports.beside import write_table
from endonet.reports.limits import at_least

NAME = "trade-transmission"
TITLE = "Figures 7 and 8: shocks to traders, passed along the network"

LEAD = (
    "A hundred exporters drawn at random face tariffs 20 percent higher, or a hundred importers face import prices 20 "
    "percent higher. The shock is followed to key suppliers, their key suppliers, and so on (or key buyers), with the "
    "links of the first equilibrium kept, and in a new equilibrium. Lines are means over draws, bands hold the middle "
    "90 percent."
)

N, DRAWS = 10_000, 10
FULL_N, FULL_DRAWS = 100_000, 100
SIZE = 1.2
BAND = (5, 95)
SHOCKS = (
    ("tariff", 7, ("exporters", "suppliers", "their suppliers", "and theirs")),
    ("price", 8, ("importers", "buyers", "their buyers", "and theirs")),
)
PANELS = (
    ("a", "sales", "Sales"),
    ("b", "costs", "Costs"),
    ("c", "suppliers", "Number of suppliers (indegree)"),
    ("d", "buyers", "Number of buyers (outdegree)"),
)
PAPER = {
    "tariff": (
        "The paper: exporters lose most, and more where links are free, since they drop suppliers and their costs rise "
        "more; beyond them free and fixed links hardly differ."
    ),
    "price": (
        "The paper: importers lose most, and more where links are free, since some stop importing; their number of "
        "suppliers stays but for general equilibrium, and buyers leave them."
    ),
}


@dataclass(frozen=True)
class Options:
    """What is drawn.

    Parameters
    ----------
    n : int, optional
        Firms: 10 000, with ``--full`` the paper's 100 000.
    K : int, default 1000
        Potential suppliers at most.
    draws : int, optional
        Draws of a hundred traders for each shock: 10, with ``--full`` the paper's 100.
    seed : int, default 1
        Of the economy and of the draws.
    """

    n: int | None = None
    K: int = 1000
    draws: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        at_least(self, n=100, K=1, draws=1, seed=0)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Solve every draw that the ledger lacks, and write ``trade-transmission.html``, a CSV file and the pictures.

    Parameters
    ----------
    out : folder that exists
    full : the paper's 100 000 firms and 100 draws
    workers, dask : where draws are computed
    options : Options, optional
    """
    from endonet.reports import pictures, trade_cells
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page, provenance
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    n, draws = chosen.n or (FULL_N if full else N), chosen.draws or (FULL_DRAWS if full else DRAWS)
    ledger = Ledger(out / "trade-transmission.jsonl")
    keys = [
        trade_cells.key("transmission", n, chosen.K, chosen.seed, shock=shock, draw=draw, size=SIZE)
        for shock, _, _ in SHOCKS
        for draw in range(draws)
    ]
    sweep(trade_cells.transmission, keys, ledger, workers, dask, label="transmission")
    found = [ledger.get(key) or {} for key in keys]
    page = Page(TITLE, LEAD)
    for shock, number, groups in SHOCKS:
        mine = [one for key, one in zip(keys, found, strict=True) if key["shock"] == shock]
        page.heading(
            f"Figure {number}: {'tariffs' if shock == 'tariff' else 'import prices'}", anchor=f"figure-{number}"
        )
        page.text(PAPER[shock])
        drawn = []
        for panel, outcome, label in PANELS:
            values = {way: 100 * (np.array([one[way][outcome] for one in mine]) - 1) for way in ("free", "fixed")}
            svg = pictures.picture(
                _steps(values, groups), f"{label}, change in percent", (5.4, 4.0), out, f"trade-figure-{number}{panel}"
            )
            drawn.append((svg, f"Panel ({panel}). {label}, change in percent."))
        page.figures(drawn)
        page.table(*_table(mine, groups), numeric=range(1, 9), caption="Changes in percent, means over draws.")
    page.heading("How this page was made", anchor="how")
    page.code(command(NAME, chosen, full))
    more = {
        "firms": str(n),
        "draws": f"{draws} for each shock",
        "files": "trade-transmission.csv, trade-figure-*.png, .svg",
    }
    page.definitions(provenance(time.perf_counter() - started, chosen.seed, more))
    write_table(out / "trade-transmission.csv", _rows(keys, found))
    return page.write(out / "trade-transmission.html")


def _table(mine: Sequence[dict[str, Any]], groups: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    columns = ["group", *(f"{outcome}, {way}" for _, outcome, _ in PANELS for way in ("free", "fixed"))]
    rows = []
    for g, group in enumerate(groups):
        means = [
            100 * (float(np.nanmean([one[way][outcome][g] for one in mine])) - 1)
            for _, outcome, _ in PANELS
            for way in ("free", "fixed")
        ]
        rows.append([group, *(f"{mean:+.3f}" for mean in means)])
    return columns, rows


def _rows(keys: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[list[Any]]:
    rows: list[list[Any]] = [["shock", "draw", "links", "distance", "sales", "costs", "suppliers", "buyers"]]
    for key, one in zip(keys, found, strict=True):
        for way in ("free", "fixed"):
            parts = [one[way][outcome] for _, outcome, _ in PANELS]
            rows += [[key["shock"], key["draw"], way, g, *row] for g, row in enumerate(zip(*parts, strict=True))]
    return rows


def _steps(values: dict[str, Any], groups: Sequence[str]) -> Any:
    from endonet.reports.pictures import LINE, OFF, ON

    def paint(axes: Any) -> None:
        place = np.arange(len(groups))
        axes.axhline(0.0, color=LINE, lw=1)
        for (way, changes), colour, style in zip(values.items(), (ON, OFF), ("-", "--"), strict=True):
            low, high = np.nanpercentile(changes, BAND, axis=0)
            axes.fill_between(place, low, high, color=colour, alpha=0.2, lw=0)
            axes.plot(place, np.nanmean(changes, axis=0), style, color=colour, marker="o", lw=2, label=f"links {way}")
        axes.set(ylabel="change, %")
        axes.set_xticks(place, groups)
        axes.legend()

    return paint
