"""Figure 9 of paper 002 (section 4.4): real income after uniform changes of foreign tariffs, links fixed and free."""

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

NAME = "trade-responses"
TITLE = "Figure 9: what a tariff does when links are fixed, and when they are free"

LEAD = (
    "All exporters face the same change of the foreign tariff. Real income is computed twice: with the links of the "
    "first equilibrium (hat algebra) and in a new equilibrium in which every firm chooses its links, imports and "
    "exports anew. Lines are means over seeds, bands hold the middle 90 percent of them."
)

N, SEEDS = 10_000, 5
FULL_N, FULL_SEEDS = 100_000, 40
TAUS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5)
BAND = (5, 95)


@dataclass(frozen=True)
class Options:
    """What is drawn.

    Parameters
    ----------
    n : int, optional
        Firms: 10 000, with ``--full`` the paper's 100 000.
    K : int, default 1000
        Potential suppliers at most.
    seeds : int, optional
        Economies: 5, with ``--full`` the paper's 40.
    seed : int, default 1
        The first seed; the others follow it.
    """

    n: int | None = None
    K: int = 1000
    seeds: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        at_least(self, n=100, K=1, seeds=1, seed=0)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Solve every seed that the ledger lacks, and write ``trade-responses.html``, a CSV file and the pictures.

    Parameters
    ----------
    out : folder that exists
    full : the paper's 100 000 firms and 40 seeds
    workers, dask : where seeds are computed
    options : Options, optional
    """
    from endonet.reports import pictures, trade_cells
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page, provenance
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    n, seeds = chosen.n or (FULL_N if full else N), chosen.seeds or (FULL_SEEDS if full else SEEDS)
    ledger = Ledger(out / "trade-responses.jsonl")
    keys = [trade_cells.key("responses", n, chosen.K, chosen.seed + s, taus=list(TAUS)) for s in range(seeds)]
    sweep(trade_cells.responses, keys, ledger, workers, dask, label="responses")
    found = [ledger.get(key) or {} for key in keys]
    free, fixed = (np.array([one[way] for one in found]) for way in ("free", "fixed"))
    ratio = (free - 1) / (fixed - 1)
    page = Page(TITLE, LEAD)
    page.cards(
        [
            (
                f"free over fixed at τ̂ = {tau:g}",
                f"{ratio[:, TAUS.index(tau)].mean():.3f}",
                _range(ratio[:, TAUS.index(tau)]),
            )
            for tau in (0.5, 0.8, 1.1, 1.5)
        ]
    )
    page.text(
        "The paper: the ratio of both changes of real income is near or above one, and up to 1.2 when tariffs halve. "
        "Many links are formed when tariffs fall, few are dropped when they rise."
    )
    counts = {name: np.array([one[name] for one in found], dtype=float) for name in ("new", "dropped")}
    links = np.array([one["links"] for one in found], dtype=float)[:, None]
    traders = {name: np.array([one[name] for one in found], dtype=float) for name in ("importers", "exporters")}
    panels = (
        ("a", "Change of real income, %", {"links free": 100 * (free - 1), "links fixed": 100 * (fixed - 1)}),
        ("b", "Real income, free / fixed change", {"free / fixed": ratio}),
        (
            "c",
            "Domestic links, % of before",
            {
                "new": 100 * counts["new"] / links,
                "dropped": -100 * counts["dropped"] / links,
                "net": 100 * (counts["new"] - counts["dropped"]) / links,
            },
        ),
        ("d", "Change of traders, % of firms", {name: 100 * part / n for name, part in traders.items()}),
    )
    drawn = []
    for panel, label, series in panels:
        paint = _bands(series, label, one_at=1.0 if panel == "b" else 0.0)
        svg = pictures.picture(paint, label, (5.4, 4.0), out, f"trade-responses-{panel}")
        drawn.append((svg, f"Panel ({panel}). {label}."))
    page.heading("The four panels", anchor="panels")
    page.figures(drawn)
    page.heading("In numbers", anchor="numbers")
    columns = ["τ̂", "real income, links fixed", "links free", "free over fixed", "new links", "dropped"]
    rows = [
        [
            f"{tau:g}",
            f"{fixed[:, t].mean():.4f}",
            f"{free[:, t].mean():.4f}",
            f"{ratio[:, t].mean():.3f}\n({_range(ratio[:, t])})",
            f"{counts['new'][:, t].mean():.0f}",
            f"{counts['dropped'][:, t].mean():.0f}",
        ]
        for t, tau in enumerate(TAUS)
    ]
    page.table(columns, rows, numeric=range(6), caption="Means over seeds; in brackets the middle 90 percent.")
    page.heading("How this page was made", anchor="how")
    page.code(command(NAME, chosen, full))
    more = {"firms": str(n), "seeds": f"{chosen.seed} to {chosen.seed + seeds - 1}", "files": "trade-responses.csv"}
    page.definitions(provenance(time.perf_counter() - started, chosen.seed, more))
    write_table(out / "trade-responses.csv", _rows(keys, found))
    return page.write(out / "trade-responses.html")


def _range(values: Any) -> str:
    low, high = np.percentile(values, BAND)
    return f"{low:.3f} to {high:.3f}"


def _rows(keys: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[list[Any]]:
    names = ("fixed", "free", "new", "dropped", "importers", "exporters")
    rows: list[list[Any]] = [["seed", "tau", *names]]
    for key, one in zip(keys, found, strict=True):
        rows += [[key["seed"], tau, *(one[name][t] for name in names)] for t, tau in enumerate(TAUS)]
    return rows


def _bands(series: dict[str, Any], label: str, one_at: float) -> Any:
    from endonet.reports.pictures import LINE, MARK, OFF, ON

    def paint(axes: Any) -> None:
        axes.axhline(one_at, color=LINE, lw=1)
        for (name, values), colour, style in zip(series.items(), (ON, OFF, MARK), ("-", "--", ":"), strict=False):
            low, high = np.percentile(values, BAND, axis=0)
            axes.fill_between(TAUS, low, high, color=colour, alpha=0.2, lw=0)
            axes.plot(TAUS, values.mean(axis=0), style, color=colour, label=name, lw=2)
        axes.set(xlabel="change of the foreign tariff, τ̂", ylabel=label)
        if len(series) > 1:
            axes.legend()

    return paint
