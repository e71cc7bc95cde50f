"""Table 1 of paper 002 by exhaustive search: how many equilibria random economies of each kind have.

The paper proves uniqueness for one cell and gives an example of two equilibria for each other. Here every cell is
filled with random economies, all equilibria of each of which are listed with a proof.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError

NAME = "uniqueness"
TITLE = "Table 1: how many equilibria?"

LEAD = (
    "Who initiates links, and whether networks may be cyclic, decides how many equilibria there can be. Random "
    "economies "
    "of every kind, all their equilibria listed with a proof: how often is there none, one, or several?"
)
MOST_SHOWN = 3
WORDS = {"buyer": "Buyers", "supplier": "Suppliers"}


@dataclass(frozen=True)
class Options:
    """Which economies, and how many.

    Parameters
    ----------
    draws : int, default 100
        Economies of each kind, size and fixed cost; with ``--full`` ten times as many.
    sizes : numbers of firms, default 3, 4, 6
        Beyond four firms completeness is proved by the solver ``certified`` instead of by looking at every network.
    costs : median fixed costs of a link in units of labour, default 0.003, 0.01, 0.03
    seed : int, default 0
        The first economy's; the others follow.
    """

    draws: int = 100
    sizes: tuple[int, ...] = (3, 4, 6)
    costs: tuple[float, ...] = (0.003, 0.01, 0.03)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise InputError("draws", f"{self.draws} is too small", "give an integer ≥ 1")
        if not self.sizes or not all(2 <= n <= 12 for n in self.sizes):
            raise InputError("sizes", f"{self.sizes} are out of range", "give numbers from 2 to 12")
        if not self.costs or not all(0 < cost < 1 for cost in self.costs):
            raise InputError("costs", f"{self.costs} are out of range", "give numbers between 0 and 1")
        if self.seed < 0:
            raise InputError("seed", f"{self.seed} is negative", "give an integer ≥ 0")


@dataclass(frozen=True, eq=False)
class Sample:
    """The economies of one kind, size and fixed cost, in the order of their seeds."""

    initiator: str
    cyclic: bool
    n: int
    fixed: float
    counts: Any
    outside: int

    @property
    def kind(self) -> str:
        """As in ``Buyers, acyclic``."""
        return f"{WORDS[self.initiator]}, {'cyclic' if self.cyclic else 'acyclic'}"


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Enumerate every economy that the ledger lacks and write ``uniqueness.html``.

    Parameters
    ----------
    out : folder that exists; finished cells are kept there, and the same command goes on from them
    full : ten times as many economies
    workers, dask : where economies are enumerated
    options : Options, optional
    """
    from endonet.reports import pictures, uniqueness_cells
    from endonet.reports.beside import show, write_table
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page, provenance
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    draws = chosen.draws * (10 if full else 1)
    ledger = Ledger(out / "uniqueness.jsonl")
    closed = list(uniqueness_cells.keys(chosen.sizes, chosen.costs, draws, chosen.seed, False))
    opened = list(uniqueness_cells.keys((3,), (0.01,), draws, chosen.seed, True))
    sweep(uniqueness_cells.work, closed + opened, ledger, workers, dask, "economies")
    samples, abroad = collect(ledger, closed), collect(ledger, opened)

    page = Page(TITLE, LEAD)
    page.cards(
        [
            _card(kind, samples)
            for kind in ("Buyers, acyclic", "Buyers, cyclic", "Suppliers, acyclic", "Suppliers, cyclic")
        ]
    )
    broken = [sample for sample in samples if sample.kind == "Buyers, acyclic" and (sample.counts > 1).any()]
    if broken:
        page.alert(
            "An acyclic economy in which buyers initiate links has several equilibria: Proposition 1 fails there."
        )
    titles = (
        "kind",
        "firms",
        "fixed cost",
        "none",
        "one",
        "two",
        "three or more",
        "most",
        "a seed with it",
    )
    rows = [row(sample) for sample in samples]
    page.heading("Closed economies", anchor="closed")
    page.table(
        titles,
        rows,
        caption=f"Shares of {draws:,} economies a row with so many equilibria, and 95 % intervals. A fixed cost is the "
        "median of a link's, in units of labour. None: what demand follows from a guess of it jumps over the guess.",
        numeric=range(1, len(titles)),
    )
    show(TITLE, titles, rows)
    page.figures(
        [
            (
                pictures.picture(_bars(samples), "Equilibria by kind", (6.4, 4.0), out, NAME),
                "Shares over all sizes and fixed costs.",
            )
        ]
    )
    page.text(
        "The paper's table has a tick where uniqueness is guaranteed: buyers initiate and networks are acyclic "
        "(Proposition 1). The other three cells stand on one example each (figures 3 to 5)."
    )
    page.heading("Small open economies", anchor="open")
    page.table(titles, [row(sample) for sample in abroad], numeric=range(1, len(titles)))
    page.text(
        "Nothing is guaranteed once firms import and export, since trade balance closes a cycle through the rest of "
        "the "
        "world. Networks without trade that are equilibria on an interval of wages count as one."
    )
    strays = sum(sample.outside for sample in samples)
    total = sum(int(sample.counts.sum()) for sample in samples)
    page.heading("Footnote 11", anchor="window")
    page.text(
        f"[A_min, A_max], said to contain every equilibrium, contains {total - strays:,} of {total:,}"
        + (f": {strays} lie outside." if strays else ".")
    )
    page.heading("Run it yourself", anchor="run")
    page.code("endonet report uniqueness --workers 2 -o sizes=3,4 -o draws=1000\nendonet report three-firms")

    table: list[list[Any]] = [["initiator", "cyclic", "n", "fixed", "open", "seed", "equilibria"]]
    for part, is_open in ((samples, 0), (abroad, 1)):
        for s in part:
            table += [
                [s.initiator, int(s.cyclic), s.n, s.fixed, is_open, chosen.seed + place, int(count)]
                for place, count in enumerate(s.counts)
            ]
    write_table(out / "uniqueness.csv", table)
    facts = {
        "economies": f"{len(table) - 1:,}, from the generator sourcing/small with all pairs potential links",
        "files": "uniqueness.csv, uniqueness.png, uniqueness.svg",
    }
    page.definitions(provenance(time.perf_counter() - started, chosen.seed, facts))
    return page.write(out / "uniqueness.html")


def collect(ledger: Any, keys: Sequence[dict[str, Any]]) -> list[Sample]:
    """Return the economies of every kind, in the order of the table."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for key in keys:
        found.setdefault((key["initiator"], key["cyclic"], key["n"], key["fixed"]), []).append(ledger.get(key))
    samples = []
    for (initiator, cyclic, n, fixed), cells in found.items():
        counts = np.array([count for cell in cells for count in cell["counts"]], dtype=int)
        outside = sum(sum(cell["outside"]) for cell in cells)
        samples.append(Sample(initiator, cyclic, n, fixed, counts, outside))
    return samples


def row(sample: Sample) -> list[str]:
    """Return one row of the table; the seed counts from the report's own."""
    from endonet.reports.beside import with_interval
    from endonet.reports.intervals import share

    counts = sample.counts
    parts = [with_interval(share(counts == k)) for k in range(MOST_SHOWN)] + [
        with_interval(share(counts >= MOST_SHOWN))
    ]
    most = int(counts.max())
    seed = str(int(counts.argmax())) if most > 1 else "–"
    return [sample.kind, str(sample.n), f"{sample.fixed:g}", *parts, str(most), seed]


def _card(kind: str, samples: list[Sample]) -> tuple[str, str, str]:
    counts = np.concatenate([sample.counts for sample in samples if sample.kind == kind])
    several = int((counts > 1).sum())
    return (
        kind,
        f"{several:,} of {counts.size:,}",
        f"have several equilibria, at most {counts.max()}; {(counts == 0).sum():,} none",
    )


def _bars(samples: list[Sample]) -> Any:
    from endonet.reports.pictures import FOURTH, MARK, OFF, ON

    kinds = list(dict.fromkeys(sample.kind for sample in samples))

    def paint(axes: Any) -> None:
        for place, kind in enumerate(kinds):
            counts = np.concatenate([sample.counts for sample in samples if sample.kind == kind])
            for step, (k, colour) in enumerate(((0, FOURTH), (2, OFF), (3, MARK))):
                share = float(((counts >= k) if k == MOST_SHOWN else (counts == k)).mean())
                label = ("none", "", "two", "three or more")[k] if place == 0 else None
                y = place + 0.26 * (step - 1)
                axes.barh(y, 100 * share, height=0.24, color=colour, label=label)
                axes.text(100 * share, y, f" {100 * share:.2g} %", va="center", fontsize=9)
        axes.set(yticks=range(len(kinds)), yticklabels=kinds, xlabel="percent of economies")
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.legend(loc="lower right")
        axes.spines["left"].set_color(ON)

    return paint
