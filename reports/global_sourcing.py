"""Every firm's certified choice of source countries: the 67-country data of Antràs, Fort and Tintelnot (2017).

Squeezing was made for this problem because 2^67 sets cannot be tried. Here every simulated firm's set is proved
optimal, against brute force where that is possible, and counted is how much of it squeezing decides alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError

NAME = "global-sourcing"
TITLE = "67 countries, every firm's sourcing proved optimal"

LEAD = (
    "Firms choose the countries they buy from, each at a fixed cost. One country changes what another is worth, so "
    "that "
    "sets must be compared and not countries. With the data of Antràs, Fort and Tintelnot (2017), every simulated "
    "firm's "
    "set is optimal, with a proof that a short checker verifies."
)

PARTS = ((6, 200), (10, 200), (14, 100), (18, 20))
THETAS = (("data", None), ("substitutes", 4.5))
WIDTHS = (8, 10, 12, 14, 16)
EXPONENTS = (0.5, 0.8, 1.6)


@dataclass(frozen=True)
class Options:
    """How many firms, from which seed, and where the data are.

    Parameters
    ----------
    firms : int, default 50000
        Simulated firms; with ``--full`` as many as in the data, 250300.
    block : int, default 10000
        Firms in a cell, which is what an interruption costs at most.
    seed : int, default 0
    data : str, optional
        The folder with the two files; by default ``aft2017`` in the folder that ``ENDONET_DATA`` names.
    """

    firms: int = 50_000
    block: int = 10_000
    seed: int = 0
    data: str = ""

    def __post_init__(self) -> None:
        for name in ("firms", "block"):
            if getattr(self, name) < 1:
                raise InputError(name, f"{getattr(self, name)} is too small", "give an integer ≥ 1")
        if self.seed < 0:
            raise InputError("seed", f"{self.seed} is negative", "give an integer ≥ 0")


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Solve every firm, compare, count, and write ``global-sourcing.html``.

    Parameters
    ----------
    out : folder that exists; finished cells are kept there, and the same command goes on from them
    full : as many firms as in the data
    workers, dask : where blocks of firms are solved
    options : Options, optional
    """
    from endonet.instances.sourcing import aft
    from endonet.reports import global_sourcing_cells as cells
    from endonet.reports import pictures
    from endonet.reports.beside import percent, show
    from endonet.reports.ledger import Ledger, code
    from endonet.reports.page import Page, provenance
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    where = cells.folder(chosen.data)
    data = aft.read(where)
    firms = data.firms if full else chosen.firms
    ledger = Ledger(out / "global-sourcing.jsonl")
    common: dict[str, Any] = {"seed": chosen.seed, "data": str(where), "code": code()}
    blocks = [
        {"part": "block", "first": first, "firms": min(chosen.block, firms - first), **common}
        for first in range(0, firms, chosen.block)
    ]
    brute = [
        {"part": "brute", "countries": K, "firms": count, "theta": theta, **common}
        for _, theta in THETAS
        for K, count in PARTS
    ]
    trees = [{"part": "nodes", "exponent": e, "countries": K, "firms": 20, **common} for e in EXPONENTS for K in WIDTHS]
    sweep(cells.block, blocks, ledger, workers, dask, "firms")
    sweep(cells.beside_brute_force, brute, ledger, workers, dask, "brute force")
    sweep(cells.nodes, trees, ledger, workers, dask, "nodes")
    found = [ledger.get(key) or {} for key in blocks]
    total = {name: sum(cell[name] for cell in found) for name in ("squeezed", "nodes", "seconds", "value", "proved")}
    sourcing = np.sum([cell["sourcing"] for cell in found], axis=0)
    spread = np.sum([cell["countries"] for cell in found], axis=0)
    proved = all(cell["optimal"] for cell in found)
    importers = float(1 - spread[0] / firms)

    page = Page(TITLE, LEAD)
    page.cards(
        [
            ("firms with a certified optimum", f"{firms:,}" if proved else "not all", "certificates verified"),
            ("left open by squeezing alone", f"{firms - total['squeezed']:,}", f"of {firms:,} firms"),
            ("nodes of the search", f"{total['nodes']:,}", "one for each firm says that nothing was branched on"),
            (
                "CPU time",
                f"{1e6 * total['seconds'] / firms:.0f} µs a firm",
                f"{total['seconds']:.1f} s in all, one core",
            ),
            ("share of importers", percent(importers), f"{percent(data.importing / data.firms)} in the data"),
        ]
    )
    if not proved:
        page.alert("Some firm's optimum is not proved.")
    page.heading("Who sources where", anchor="where")
    page.figures(
        [
            (
                pictures.picture(
                    _against(data, sourcing * (data.firms / firms)),
                    "Firms by country",
                    out=out,
                    name="global-sourcing-a",
                ),
                "Firms that source from each country, simulated and in the data. The line is equality; the parameters "
                "are "
                "starting values of the authors' own search, not estimates of ours.",
            ),
            (
                pictures.picture(_sizes(spread), "How many countries", out=out, name="global-sourcing-b"),
                "Share of firms that source from at least so many foreign countries.",
            ),
        ]
    )
    page.heading("Why it is easy", anchor="why")
    page.text(
        f"At σ = {data.sigma:g} and θ = {data.theta:g} countries are complements: profits are convex in sourcing "
        f"capability, "
        "with exponent (σ−1)/θ = "
        f"{(data.sigma - 1) / data.theta:.4f}. Then an optimal set is a prefix of the countries sorted by fixed cost "
        f"over "
        "potential, f/ξ, so that 68 sets decide among 2^67. Squeezing, which does not know this, leaves few firms "
        "open; "
        "branching without bounds would have to search those through."
    )
    page.heading("Against brute force", anchor="brute")
    rows = []
    for key in brute:
        cell = ledger.get(key) or {}
        exponent = (data.sigma - 1) / (key["theta"] or data.theta)
        rows.append(
            [
                f"{exponent:.3f}",
                str(key["countries"]),
                str(key["firms"]),
                str(cell["left"]),
                str(cell["differ"]),
                _milliseconds(cell["quick"] / key["firms"]),
                _milliseconds(cell["slow"] / key["firms"]),
            ]
        )
    titles = ["(σ−1)/θ", "countries", "firms", "left by squeezing", "firms that differ", "squeezing", "brute force"]
    page.table(
        titles,
        rows,
        caption="The countries with the largest potentials and home. Times are CPU time of one firm.",
        numeric=range(len(titles)),
    )
    show(TITLE, titles, rows)
    page.heading("What bounds save", anchor="bounds")
    page.figures(
        [
            (
                pictures.picture(_trees(trees, ledger), "Nodes a firm", out=out, name="global-sourcing-c"),
                "Nodes a firm, branching with bounds (full lines) and without (dashed), on firms made to be hard: "
                "fixed "
                f"costs in proportion to potentials but for 2 percent. A hollow point met the limit of "
                f"{cells.MOST_NODES:,} nodes.",
            )
        ]
    )
    tree_rows = []
    for key in trees:
        cell = ledger.get(key) or {}
        more = "" if cell["ended"] else "> "
        counts = [f"{cell['bounded']:,}", f"{more}{cell['bare']:,}", f"{more}{cell['bare'] / cell['bounded']:,.0f}"]
        tree_rows.append([f"{key['exponent']:g}", str(key["countries"]), str(key["firms"]), *counts])
    tree_titles = ["(σ−1)/θ", "suppliers", "firms", "nodes with bounds", "without", "times as many"]
    page.table(tree_titles, tree_rows, numeric=range(len(tree_titles)))
    show("Nodes", tree_titles, tree_rows)
    page.heading("Run it yourself", anchor="run")
    page.code("endonet report global-sourcing --full\nendonet solve FILE --solver squeezing --out solution.json")
    _write(out, data, sourcing * (data.firms / firms), spread)
    more_facts = {
        "firms": f"{firms:,} simulated from {where.name}",
        "largest gain from one country more or less": f"{max(cell['regret'] for cell in found):.1e}",
        "profits, and what is proved of them": f"{total['value']:.9g}, {total['proved']:.9g}",
        "files": "global-sourcing.csv, global-sourcing-a, -b, -c (.png, .svg)",
    }
    page.definitions(provenance(time.perf_counter() - started, chosen.seed, more_facts))
    return page.write(out / "global-sourcing.html")


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def _write(out: Path, data: Any, sourcing: Any, spread: Any) -> None:
    from endonet.reports.beside import write_table

    rows: list[list[Any]] = [["country", "potential", "firms_simulated", "firms_data"]]
    rows += [list(row) for row in zip(data.countries, data.xi, sourcing, data.importers, strict=True)]
    rows += [["foreign_countries", "firms"], *([count, int(number)] for count, number in enumerate(spread))]
    write_table(out / "global-sourcing.csv", rows)


def _against(data: Any, sourcing: Any) -> Any:
    from endonet.reports.pictures import ON, SOFT

    def paint(axes: Any) -> None:
        ends = [80, 60_000]
        axes.plot(ends, ends, color=SOFT, linewidth=0.8)
        x, y = data.importers[1:], np.maximum(sourcing[1:], 1)
        axes.plot(x, y, "o", color=ON, markersize=4, alpha=0.8)
        for place in np.argsort(-np.maximum(x, y))[:2].tolist() + np.argsort(-np.abs(np.log(y / x)))[:4].tolist():
            axes.annotate(
                data.countries[place + 1], (x[place], y[place]), (4, 3), textcoords="offset points", fontsize=9
            )
        axes.set(xscale="log", yscale="log", xlabel="firms in the data", ylabel="firms, simulated")

    return paint


def _sizes(spread: Any) -> Any:
    from endonet.reports.pictures import ON

    def paint(axes: Any) -> None:
        above = spread[::-1].cumsum()[::-1] / spread.sum()
        kept = np.flatnonzero((above > 0) & (np.arange(above.size) > 0))
        axes.step(kept, above[kept], where="mid", color=ON)
        axes.set(xscale="log", yscale="log", xlabel="foreign countries", ylabel="share of firms with at least so many")

    return paint


def _trees(keys: list[dict[str, Any]], ledger: Any) -> Any:
    from endonet.reports.pictures import FOURTH, OFF, ON

    def paint(axes: Any) -> None:
        for exponent, colour in zip(EXPONENTS, (ON, FOURTH, OFF), strict=True):
            mine = [(key, ledger.get(key)) for key in keys if key["exponent"] == exponent]
            x = [key["countries"] for key, _ in mine]
            for name, style, label in (("bounded", "-", f"(σ−1)/θ = {exponent:g}"), ("bare", "--", None)):
                y = [cell[name] / key["firms"] for key, cell in mine]
                axes.plot(x, y, style, color=colour, label=label)
                faces = [colour if name == "bounded" or cell["ended"] else "none" for _, cell in mine]
                axes.scatter(x, y, s=22, edgecolors=colour, facecolors=faces, zorder=3)
        axes.set(yscale="log", xlabel="suppliers", ylabel="nodes a firm")
        axes.legend()

    return paint
