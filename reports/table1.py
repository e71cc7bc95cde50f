"""Table 1 of paper 001 (section 2.3) on its grid, ours beside the paper's: small economies whose optimum is known.

The paper keeps a network only if the first-order conditions settle at a corner, and leaves open where "without
reshaping" starts. So each way is shown on the draws kept so and on all, with the share of draws it does not settle, and
without reshaping from two starts.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.reports.beside import beside, percent, show, stacked, with_interval, write_rows, write_table
from endonet.reports.intervals import Estimate, mean, share, share_of_firms

if TYPE_CHECKING:
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page

NAME = "table-1"
TITLE = "Table 1: the reshaping approach on small networks"

LEAD = (
    "Random economies of 8 to 14 firms, drawn as in Table 1 of Cascades and Fluctuations (2018). The optimum of each "
    "is known, because all 2ⁿ networks are accounted for. How many firms does a heuristic get right, how much output "
    "does it lose, and how often does it give no answer at all?"
)

DRAWS, FULL_DRAWS = 20, 1000
TASK = 10  # cells
TIE = 1e-12  # of output

# The paper's numbers, in percent, for n = 8, 10, 12, 14.
SIZES = (8, 10, 12, 14)
PAPER_FIRMS: dict[str, tuple[float, ...]] = {"A": (99.9, 99.9, 99.9, 99.8), "B": (84.3, 83.2, 82.3, 81.3)}
PAPER_ERROR: dict[str, tuple[float, ...]] = {"A": (0.00039, 0.00081, 0.00174, 0.00171), "B": (0.84, 0.89, 0.93, 0.98)}


@dataclass(frozen=True)
class Options:
    """What is drawn.

    Parameters
    ----------
    seed : int, default 0
        Draw d of combination k with n firms comes from the seed (seed, k, d).
    draws : int, optional
        Economies for each of the 243 combinations of parameters and each size; 20, with ``--full`` the paper's 1000.
    sizes : numbers of firms, default 8, 10, 12, 14
        The paper's; others up to 24 have no number of the paper beside them.
    """

    seed: int = 0
    draws: int | None = None
    sizes: tuple[int, ...] = SIZES

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InputError("seed", f"{self.seed} is negative", "give an integer ≥ 0")
        if self.draws is not None and self.draws < 1:
            raise InputError("draws", f"{self.draws} is too small", "give a number ≥ 1")
        if not self.sizes or any(not 2 <= n <= 24 for n in self.sizes) or len(set(self.sizes)) < len(self.sizes):
            raise InputError("sizes", f"{self.sizes} are no numbers of firms", "give different numbers from 2 to 24")


@dataclass(frozen=True)
class Sample:
    """All draws of one size: arrays over draws, and for each way one such array."""

    n: int
    combination: NDArray[np.int64]
    draw: NDArray[np.int64]
    optimum: NDArray[np.float64]
    cycle: NDArray[np.int64]
    wrong: dict[str, NDArray[np.int64]]
    error: dict[str, NDArray[np.float64]]
    settled: dict[str, NDArray[np.bool_]]

    def firms(self, way: str, where: NDArray[np.bool_]) -> Estimate:
        """Return the share of firms with the right status among the draws of a mask."""
        return share_of_firms(1 - self.wrong[way][where] / self.n, self.n)

    def lost(self, way: str, where: NDArray[np.bool_]) -> Estimate:
        """Return the mean share of output lost among the draws of a mask."""
        return mean(self.error[way][where])

    def losing(self, way: str, where: NDArray[np.bool_]) -> Estimate:
        """Return the share of the draws of a mask that lose any output."""
        return share(self.error[way][where] > TIE)

    def kept(self, way: str) -> NDArray[np.bool_]:
        """Return the mask of the draws that stay in the paper's sample: the way settles them, and reshaping does."""
        from endonet.reports.table1_cells import RESHAPED

        return self.settled[RESHAPED] & self.settled[way]

    def everywhere(self) -> NDArray[np.bool_]:
        """Return the mask of all draws."""
        return np.ones(self.optimum.size, dtype=bool)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Answer every draw that the ledger lacks and write ``table-1.html``, two CSV files and the pictures.

    Parameters
    ----------
    out : folder that exists
    full : the paper's 1000 economies for each combination and size
    workers : local processes
    dask : address of a scheduler to compute on instead
    options : Options, optional
    """
    from endonet.reports import pictures, table1_cells
    from endonet.reports.ledger import Ledger
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    draws = chosen.draws or (FULL_DRAWS if full else DRAWS)
    ledger = Ledger(out / "table-1.jsonl")
    keys = list(table1_cells.keys(chosen.sizes, draws, chosen.seed))
    fresh = sweep(table1_cells.work, keys, ledger, workers, dask, label="table 1", together=TASK)
    samples = [collect(ledger, keys, n) for n in chosen.sizes]
    write_csv(samples, chosen, out)
    page = compose(samples, chosen, draws, out, f"{fresh} of {len(keys)} in this run", time.perf_counter() - started)
    return page.write(out / "table-1.html")


def collect(ledger: Ledger, keys: Sequence[dict[str, Any]], n: int) -> Sample:
    """Return all draws of one size, from the ledger."""
    from endonet.reports.table1_cells import WAYS

    cells = [(key, ledger.get(key)) for key in keys if key["n"] == n]
    found = [(key, cell) for key, cell in cells if cell is not None]

    def joined(part: Callable[[dict[str, Any]], Any], kind: Any) -> Any:
        return np.concatenate([np.asarray(part(cell), dtype=kind) for _, cell in found])

    counts = [key["draws"][1] - key["draws"][0] for key, _ in found]
    return Sample(
        n,
        np.repeat([key["combination"] for key, _ in found], counts),
        np.concatenate([np.arange(*key["draws"]) for key, _ in found]),
        joined(lambda cell: cell["optimum"], np.float64),
        joined(lambda cell: cell["cycle"], np.int64),
        {way: joined(lambda cell, way=way: cell["wrong"][way], np.int64) for way in WAYS},  # type: ignore[misc]
        {way: joined(lambda cell, way=way: cell["error"][way], np.float64) for way in WAYS},  # type: ignore[misc]
        {way: joined(lambda cell, way=way: cell["settled"][way], np.bool_) for way in WAYS},  # type: ignore[misc]
    )


# -- the rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One row of the table: what is measured, on which draws, ours for each size, and the paper's where it has any."""

    panel: str
    measure: str
    draws: str
    ours: tuple[Estimate, ...]
    paper: tuple[float | None, ...]


def lines(samples: Sequence[Sample]) -> Iterator[Line]:
    """Yield all rows, panel by panel."""
    from endonet.reports.table1_cells import CORNER, INSIDE, POLISHED, RESHAPED

    def paper(numbers: dict[str, tuple[float, ...]], panel: str) -> tuple[float | None, ...]:
        by_size = dict(zip(SIZES, numbers[panel], strict=True))
        return tuple(by_size[s.n] / 100 if s.n in by_size else None for s in samples)

    none = (None,) * len(samples)
    for title, way, panel in (
        (PANELS[0], RESHAPED, "A"),
        (PANELS[1], POLISHED, ""),
        (PANELS[2], CORNER, "B"),
        (PANELS[3], INSIDE, "B"),
    ):
        kept = [s.kept(way) for s in samples]
        every = [s.everywhere() for s in samples]
        masks = [("all", every)] if way == POLISHED else [("kept", kept), ("all", every)]
        for draws, where in masks:
            firms = tuple(s.firms(way, mask) for s, mask in zip(samples, where, strict=True))
            lost = tuple(s.lost(way, mask) for s, mask in zip(samples, where, strict=True))
            printed = bool(panel) and (draws == "kept" or panel == "B")
            yield Line(title, FIRMS, draws, firms, paper(PAPER_FIRMS, panel) if printed else none)
            yield Line(title, ERROR, draws, lost, paper(PAPER_ERROR, panel) if printed else none)
        if panel == "A":
            yield Line(title, LOSING, "kept", tuple(s.losing(way, m) for s, m in zip(samples, kept, strict=True)), none)
        if way != POLISHED:
            yield Line(title, UNSETTLED, "all", tuple(share(~s.settled[way]) for s in samples), none)


PANELS = (
    "A. With reshaping",
    "A, then one-firm changes",
    "B. Without reshaping, corner iteration from θ = 1",
    "B. Without reshaping, quasi-Newton from θ = 1/2, rounded",
)
FIRMS, ERROR = "firms with correct θ", "error in output Y"
LOSING, UNSETTLED = "draws that lose any output", "draws not settled at a corner"


# -- files and page ----------------------------------------------------------------------------------------------------


def write_csv(samples: Sequence[Sample], options: Options, out: Path) -> None:
    """Write the table as ``table-1.csv`` and every draw as ``table-1-draws.csv.gz``."""
    from endonet.instances import atomic
    from endonet.reports.table1_cells import COMBINATIONS, WAYS

    rows: list[list[Any]] = [["panel", "measure", "draws", "n", "ours", "low", "high", "paper", "sample"]]
    for line in lines(samples):
        for sample, ours, theirs in zip(samples, line.ours, line.paper, strict=True):
            printed = "" if theirs is None else theirs
            rows.append([line.panel, line.measure, line.draws, sample.n, *ours, printed, sample.optimum.size])
    write_table(out / "table-1.csv", rows)
    names = list(COMBINATIONS[0])
    head = ["n", *names, "seed", "combination", "draw", "optimum", "cycle"]
    head += [f"{part}: {way}" for way in WAYS for part in ("wrong firms", "error", "settled")]

    def every() -> Iterator[list[Any]]:
        yield head
        for s in samples:
            for i in range(s.optimum.size):
                k = int(s.combination[i])
                parts = [x for w in WAYS for x in (s.wrong[w][i], s.error[w][i], int(s.settled[w][i]))]
                where = [s.n, *COMBINATIONS[k].values(), options.seed, k, s.draw[i]]
                yield [*where, s.optimum[i], s.cycle[i], *parts]

    atomic.write(out / "table-1-draws.csv.gz", lambda stream: _write_zipped(stream, every()))


def _write_zipped(stream: Any, rows: Any) -> None:
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed:
        write_rows(packed, rows)


def compose(samples: Sequence[Sample], options: Options, draws: int, out: Path, cells: str, seconds: float) -> Page:
    """Return the page, and print its table on the way."""
    from endonet.reports.page import Page, provenance

    page = Page(TITLE, LEAD)
    everything = list(lines(samples))
    page.cards(_cards(samples))
    for panel in PANELS:
        page.heading(panel)
        page.text(ABOUT[panel])
        columns, rows, strong = table([line for line in everything if line.panel == panel], samples)
        page.table(columns, stacked(rows), caption=_caption(samples), numeric=range(1, len(columns)), strong=strong)
        show(panel, columns, rows)
    page.heading("Where reshaping gives no answer, and where it errs")
    page.text(
        "All sizes together, by the elasticities of final demand (σ) and between inputs (ε). The paper drops the draws "
        "that the iteration does not settle, without saying how many there were."
    )
    names, pairs = _by_elasticities(samples)
    page.table(names, stacked(pairs), caption=_caption(samples), numeric=range(1, len(names)))
    page.figures(_pictures(samples, out))
    page.heading("How this page was made")
    page.text(
        "The interval of a share is Wilson's; for firms it counts as many trials as give the variance between draws. "
        "That of a mean error is the bootstrap's, or normal where thousands of errors differ from zero. All are at "
        "95 %; ✓ says that the paper's number, within half of its last digit, lies in the interval, ≠ that it does not."
    )
    given = f" -o draws={draws}" if options.draws else " --full" if draws == FULL_DRAWS else ""
    page.code(f"endonet report table-1 --seed {options.seed}{given} --out out")
    more = {
        "grid": "f·n ∈ {.05, .1, .15}, σ_z ∈ {.34, .39, .44}, α ∈ {.45, .5, .55}, σ, ε ∈ {4, 6, 8}: 243 combinations",
        "economies": f"{draws} for each combination and size, {sum(s.optimum.size for s in samples):,} in all",
        "cells computed": cells,
        "files": "table-1.csv, table-1-draws.csv.gz (every draw), table-1-errors and table-1-unsettled (.png, .svg)",
    }
    page.definitions(provenance(seconds, options.seed, more))
    return page


ABOUT = {
    PANELS[0]: (
        "Appendix B's iteration on the first-order conditions of the relaxed and reshaped problem, from every firm on. "
        "On “kept” draws it has reached a network that satisfies its own conditions, as the paper asks of its sample; "
        "where it cycles, “all draws” takes the best network it has seen. It seldom errs, but then it may miss whole "
        "per cents of output, so that the mean error hangs on few draws."
    ),
    PANELS[1]: "A remedy: change single firms as long as output rises, from whatever network the iteration ends with.",
    PANELS[2]: (
        "The same iteration without reshaping. A firm that is off never gains anything at the margin, so firms only "
        "leave. The paper does not say where it starts; from θ = 1 its numbers come out. Nor does it say whether draws "
        "that reshaping does not settle count here, so its numbers stand beside both samples."
    ),
    PANELS[3]: (
        "The same problem by a bounded quasi-Newton method with exact gradients from θ = ½, rounded at ½. The start, "
        "which the paper leaves open, matters more than whether the problem is reshaped."
    ),
}


def table(
    lines_: Sequence[Line], samples: Sequence[Sample]
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[int]]:
    """Return the columns and rows of a panel, and which rows hold the paper's numbers."""
    columns = ("", *(f"n = {s.n}" for s in samples))
    rows: list[tuple[str, ...]] = []
    strong = []
    for line in lines_:
        on = "" if line.measure == UNSETTLED else f", {line.draws} draws"
        rows.append((line.measure + on, *(with_interval(one) for one in line.ours)))
        if any(number is not None for number in line.paper):
            strong.append(len(rows))
            rows.append(("the paper", *map(beside, line.paper, line.ours)))
    return columns, rows, strong


def _caption(samples: Sequence[Sample]) -> str:
    sizes = sorted({s.optimum.size for s in samples})
    return f"{' or '.join(f'{size:,}' for size in sizes)} economies of each size; 95 % intervals in brackets."


def _cards(samples: Sequence[Sample]) -> list[tuple[str, str, str]]:
    from endonet.reports.table1_cells import CORNER, INSIDE, RESHAPED

    first = samples[0]
    unsettled = share(np.concatenate([~s.settled[RESHAPED] for s in samples]))
    corner, inside = (first.firms(way, first.kept(way)) for way in (CORNER, INSIDE))
    right = first.firms(RESHAPED, first.kept(RESHAPED))
    return [
        ("economies", f"{sum(s.optimum.size for s in samples):,}", "each with its proven optimum"),
        (f"with reshaping, n = {first.n}", percent(right.value), "firms correct, kept draws"),
        ("no answer from reshaping", percent(unsettled.value), "of all draws: the iteration cycles"),
        (
            f"without reshaping, n = {first.n}",
            percent(corner.value),
            f"firms correct from 1, {percent(inside.value)} from ½",
        ),
    ]


def _by_elasticities(samples: Sequence[Sample]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    from endonet.reports.table1_cells import CORNER, INSIDE, RESHAPED

    rows = []
    for sigma, epsilon, masks in _elasticities(samples):
        unsettled = share(np.concatenate([~s.settled[RESHAPED][m] for s, m in zip(samples, masks, strict=True)]))
        cells = [f"σ = {sigma:g}, ε = {epsilon:g}", with_interval(unsettled)]
        for way in (RESHAPED, CORNER, INSIDE):
            kept = [m & s.kept(way) for s, m in zip(samples, masks, strict=True)]
            right = np.concatenate([1 - s.wrong[way][m] / s.n for s, m in zip(samples, kept, strict=True)])
            lost = np.concatenate([s.error[way][m] for s, m in zip(samples, kept, strict=True)])
            cells += [percent(float(right.mean())), percent(float(lost.mean()))] if right.size else ["–", "–"]
        rows.append(tuple(cells))
    names = ("", "not settled", "A: firms", "A: error", "B from 1: firms", "error", "B from ½: firms", "error")
    return names, rows


def _elasticities(samples: Sequence[Sample]) -> Iterator[tuple[float, float, list[NDArray[np.bool_]]]]:
    from endonet.reports.table1_cells import COMBINATIONS

    pairs = sorted({(c["sigma"], c["epsilon"]) for c in COMBINATIONS})
    for sigma, epsilon in pairs:
        members = [k for k, c in enumerate(COMBINATIONS) if (c["sigma"], c["epsilon"]) == (sigma, epsilon)]
        yield sigma, epsilon, [np.isin(s.combination, members) for s in samples]


def _pictures(samples: Sequence[Sample], out: Path) -> list[tuple[str, str]]:
    from endonet.reports.pictures import picture

    errors = picture(
        lambda axes: _errors(axes, samples), "Mean error in output by size", out=out, name="table-1-errors"
    )
    unsettled = picture(
        lambda axes: _unsettled(axes, samples),
        "Share of draws that reshaping does not settle, by elasticities",
        out=out,
        name="table-1-unsettled",
    )
    return [
        (errors, "Mean error in output on kept draws, with intervals; hollow: the paper."),
        (unsettled, "Share of draws on which reshaping does not settle, by the elasticities, all sizes together."),
    ]


def _errors(axes: Any, samples: Sequence[Sample]) -> None:
    from endonet.reports.pictures import FOURTH, OFF, ON
    from endonet.reports.table1_cells import CORNER, INSIDE, RESHAPED

    ways = ((RESHAPED, "A: reshaping", ON, "A"), (CORNER, "B: from 1", OFF, "B"), (INSIDE, "B: from ½", FOURTH, ""))
    for way, label, colour, panel in ways:
        found = [s.lost(way, s.kept(way)) for s in samples]
        x = [s.n for s, one in zip(samples, found, strict=True) if one.value > 0]
        seen = [one for one in found if one.value > 0]
        if not seen:
            continue
        values = 100 * np.array([one.value for one in seen])
        # A bootstrap interval may end at zero, which a logarithmic scale has no room for.
        below = values - 100 * np.array([max(one.low, one.value / 30) for one in seen])
        above = 100 * np.array([one.high for one in seen]) - values
        axes.errorbar(x, values, yerr=[below, above], fmt="o-", color=colour, capsize=3, label=label)
        if panel:
            printed = [(n, e) for n, e in zip(SIZES, PAPER_ERROR[panel], strict=True) if n in {s.n for s in samples}]
            if printed:
                axes.plot(*zip(*printed, strict=True), "s", color=colour, fillstyle="none", markersize=9)
    axes.set(xlabel="firms n", ylabel="error in Y, %", yscale="log", xticks=[s.n for s in samples])
    axes.yaxis.grid(True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3, columnspacing=1, handlelength=1.2)


def _unsettled(axes: Any, samples: Sequence[Sample]) -> None:
    from endonet.reports.pictures import ON
    from endonet.reports.table1_cells import RESHAPED

    labels, found = [], []
    for sigma, epsilon, masks in _elasticities(samples):
        labels.append(f"{sigma:g}, {epsilon:g}")
        found.append(share(np.concatenate([~s.settled[RESHAPED][m] for s, m in zip(samples, masks, strict=True)])))
    values = 100 * np.array([one.value for one in found])
    spread = [values - 100 * np.array([one.low for one in found]), 100 * np.array([one.high for one in found]) - values]
    axes.errorbar(range(len(found)), values, yerr=spread, fmt="o", color=ON, capsize=3)
    axes.set(xlabel="elasticities σ, ε", ylabel="not settled, %", ylim=(0, None))
    axes.set_xticks(range(len(found)), labels, rotation=45)
    axes.yaxis.grid(True)
