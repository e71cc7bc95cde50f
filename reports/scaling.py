"""How cost grows with firms and links: evaluation, heuristic, bound without and with a linear program.

For each step and kind of economy a power law, seconds = c · n^β, is fitted to the medians over draws by least squares
in logarithms, over the sizes from ``FIT_FROM`` on, where constant costs no longer count. The same is done over links.
Where a limit ended a step its time says nothing about its cost: such sizes are shown and not fitted.

Each cell is a line of ``scaling.jsonl`` as soon as it is finished, and a rerun in the same folder goes on from there.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from endonet.formulations.errors import InputError
from endonet.reports.again import command
from endonet.reports.beside import percent, show, write_table
from endonet.reports.limits import at_least

if TYPE_CHECKING:
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page
    from endonet.reports.scaling_cells import Economy

NAME = "scaling"
TITLE = "How cost grows with the economy"

LEAD = (
    "From a hundred firms to a million: what it takes to evaluate a network, to run the heuristic of the literature, "
    "and to prove a bound, without a linear program and with one. Exponents are fitted, over the range that is said."
)

SIZES = (100, 300, 1000, 3000, 10_000)
FULL_SIZES = (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
DRAWS, FULL_DRAWS = 2, 3
LIMIT, FULL_LIMIT = 5.0, 900.0
DEGREE = 20.0
ALONE = 100_000  # from so many firms on, one draw says enough
FIT_FROM = 1000
FEWEST = 3  # sizes for a fit
LEAST_MEMORY = 20e6  # bytes; less drowns in what the process holds anyway

Found = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """Which sizes.

    Parameters
    ----------
    seed : int, default 0
        Draw d of every size comes from (seed, d).
    sizes : numbers of firms, optional
        100 to 10 000; with ``--full`` to a million.
    draws : int, optional
        Economies of each size: 2, with ``--full`` 3; one from 100 000 firms on.
    time_limit : float, optional
        Seconds for each step: 5, with ``--full`` 900. What reaches it is not tried on larger economies.
    degree : float, default 20
        Links a firm in the economies with a fixed number of them.
    """

    seed: int = 0
    sizes: tuple[int, ...] = ()
    draws: int | None = None
    time_limit: float | None = None
    degree: float = DEGREE

    def __post_init__(self) -> None:
        at_least(self, seed=0, draws=1)
        if any(n < 10 for n in self.sizes):
            raise InputError("sizes", f"{min(self.sizes)} firms are too few", "give numbers ≥ 10")
        if self.time_limit is not None and not self.time_limit > 0:
            raise InputError("time_limit", f"{self.time_limit} is not positive", "give seconds > 0")
        if not 1 <= self.degree < math.inf:
            raise InputError("degree", f"{self.degree} links a firm are too few", "give a number ≥ 1")


class Fit(NamedTuple):
    """A power law fitted to medians: exponent, its standard error, the constant, and the range."""

    exponent: float
    error: float
    constant: float
    low: float
    high: float
    points: int


@dataclass(frozen=True)
class Results:
    """What was measured, by economy and step."""

    kinds: list[str]
    steps: list[str]
    sizes: list[int]
    economies: list[Economy]
    time_limit: float
    found: dict[tuple[Economy, str], Found]

    def of(self, kind: str, n: int, step: str) -> list[Found]:
        """Return what was found for all draws of a size."""
        own = [economy for economy in self.economies if economy.kind == kind and economy.n == n]
        return [self.found[economy, step] for economy in own if (economy, step) in self.found]

    def hopeless(self, economy: Economy, step: str) -> bool:
        """Whether a limit or an error ended a step on all draws of a smaller size."""
        smaller = [self.of(economy.kind, n, step) for n in self.sizes if n < economy.n]
        return any(found and all(not _finished(one) for one in found) for found in smaller)

    def medians(self, kind: str, step: str, across: str, what: str = "seconds") -> list[tuple[float, float, bool]]:
        """Return (firms or links, median, whether all draws were finished) for each size that was tried."""
        points = []
        for n in self.sizes:
            found = [one for one in self.of(kind, n, step) if one.get(what) is not None]
            if found:
                x = statistics.median(one[across] for one in found)
                points.append((x, statistics.median(one[what] for one in found), all(map(_finished, found))))
        return points

    def fit(self, kind: str, step: str, across: str, what: str = "seconds") -> Fit | None:
        """Return the power law of a step, if enough sizes from `FIT_FROM` on were finished."""
        least = FIT_FROM if across == "n" else 0.0
        large = [n for n in self.sizes if n >= FIT_FROM]
        if across == "links" and large:
            found = self.of(kind, large[0], step)
            least = min((one["links"] for one in found), default=0)
        points = [(x, y) for x, y, finished in self.medians(kind, step, across, what) if finished and x >= least]
        return power_law([(x, y) for x, y in points if what != "memory" or y >= LEAST_MEMORY])


def _finished(found: Found) -> bool:
    return found["stopped_by"] not in ("time_limit", "error")


def power_law(points: Sequence[tuple[float, float]]) -> Fit | None:
    """Return y = c x^β by least squares in logarithms; None for fewer than three points.

    Examples
    --------
    >>> fit = power_law([(10.0, 3.0), (100.0, 30.0 * 10**0.5), (1000.0, 3000.0)])
    >>> round(fit.exponent, 6), round(fit.error, 6)
    (1.5, 0.0)
    """
    kept = [(x, y) for x, y in points if x > 0 and y > 0]
    if len({x for x, _ in kept}) < FEWEST:
        return None
    x, y = np.log(np.array(kept)).T
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - slope * x - intercept
    error = math.sqrt(float(residual @ residual) / (x.size - 2) / float(((x - x.mean()) ** 2).sum()))
    low, high = (float(value) for value in np.exp([x.min(), x.max()]))
    return Fit(float(slope), error, math.exp(intercept), low, high, x.size)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Measure what is not yet measured, and write ``scaling.html``, two CSV files and the pictures.

    Parameters
    ----------
    out : folder that exists
    full : up to a million firms, which takes an hour or two and some gigabytes
    workers, dask : not used; measurements that run at the same time would disturb each other
    options : Options, optional
    """
    del workers, dask
    from endonet.reports import pictures, scaling_cells
    from endonet.reports.ledger import Ledger

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    sizes = sorted(set(chosen.sizes)) or list(FULL_SIZES if full else SIZES)
    draws = chosen.draws or (FULL_DRAWS if full else DRAWS)
    limit = chosen.time_limit or (FULL_LIMIT if full else LIMIT)
    economies = [
        scaling_cells.Economy(kind, n, chosen.degree if kind == "sparse" else 0.0, d, chosen.seed)
        for n in sizes
        for kind in scaling_cells.KINDS
        for d in range(1 if n >= ALONE else draws)
    ]
    results = Results(list(scaling_cells.KINDS), list(scaling_cells.STEPS), sizes, economies, limit, {})
    ledger = Ledger(out / f"{NAME}.jsonl")
    measure_all(results, ledger)
    write_csv(results, out)
    page = compose(results, chosen, full, out, ledger.added, time.perf_counter() - started)
    return page.write(out / f"{NAME}.html")


def measure_all(results: Results, ledger: Ledger) -> None:
    """Fill the results from the ledger or by measuring, and show on a terminal how far that is."""
    from endonet.reports import scaling_cells
    from endonet.solvers.progress import Progress

    everything = [(economy, step) for economy in results.economies for step in results.steps]
    try:
        with Progress(True) as progress:
            for done, (economy, step) in enumerate(everything):
                at = f"{economy.kind}, {economy.n} firms, draw {economy.draw}: {step}"
                progress.show(done=f"{done}/{len(everything)}", at=at)
                key = scaling_cells.key(economy, step, results.time_limit)
                found = ledger.get(key)
                if found is None and not results.hopeless(economy, step):
                    found = ledger.add(key, scaling_cells.measure(economy, step, results.time_limit))
                if found is not None:
                    results.found[economy, step] = found
    except KeyboardInterrupt:
        print(f"\n{ledger.added} new cells are in {ledger.path}; the same command goes on from there", file=sys.stderr)
        raise


# -- the page ----------------------------------------------------------------------------------------------------------


def compose(results: Results, options: Options, full: bool, out: Path, added: int, seconds: float) -> Page:
    """Return the page, and print its table of exponents on the way."""
    from endonet.reports import speed_cells
    from endonet.reports.page import Page, provenance
    from endonet.reports.scaling_cells import KINDS, STEPS

    page = Page(TITLE, LEAD)
    for (economy, step), found in results.found.items():
        if found.get("contradicted"):
            page.alert(f"{step} on {economy.kind}, {economy.n} firms: {found['contradicted']}")
    page.cards(_cards(results))
    page.definitions([*STEPS.items()])
    page.heading("Exponents", "exponents")
    page.text(
        f"Seconds as a power of firms and of links, fitted to medians over draws from n = {FIT_FROM} on, ± one "
        "standard error of the fit. Sizes at which the limit ended a step are not fitted; with fewer than three sizes "
        "there is no fit. Links grow a little faster than firms where degrees follow a power law."
    )
    columns, rows = exponents(results)
    show("Cost as a power of size", columns, rows)
    page.table(columns, rows, numeric=range(2, len(columns)))
    for kind in results.kinds:
        page.heading(f"{kind.capitalize()} economies", kind)
        page.text(f"{KINDS[kind].capitalize()}.")
        page.table(*_costs(results, kind))
        page.figures(_pictures(results, kind, out))
    page.heading("How it was made", "provenance")
    page.text(
        "Seconds are wall time of the step alone on one thread, without drawing the economy, imports and compilation; "
        "what takes less than a quarter of a second is repeated, up to five times, and the shortest counts. Memory is "
        "the most that the process holds during the step, economy included, above what it held before."
    )
    page.code(command(NAME, options, full))
    here = speed_cells.place()
    more = {
        "economies": f"n = {', '.join(f'{n:,}' for n in results.sizes)}; {options.degree:g} links a firm where fixed",
        "time limit": f"{results.time_limit:g} s for each step",
        "cells computed": f"{added} of {len(results.found)} in this run",
        "hardware": f"{here['cores']} cores, of which one thread is used",
        "code": f"digest {here['code']} of formulations, solvers and instances",
        "files": "scaling.csv (every cell), scaling-exponents.csv, scaling-… (.png, .svg)",
    }
    page.definitions(provenance(seconds, options.seed, more))
    return page


def exponents(results: Results) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the table of exponents."""
    columns = ["economy", "step", "of firms", "of links", "fitted on n", "memory, of firms", "finished up to"]
    rows = []
    for kind in results.kinds:
        for step in results.steps:
            over_n, over_links = results.fit(kind, step, "n"), results.fit(kind, step, "links")
            memory = results.fit(kind, step, "n", "memory")
            done = [n for n, _, finished in results.medians(kind, step, "n") if finished]
            span = f"{over_n.low:,.0f} to {over_n.high:,.0f}" if over_n else "–"
            last = f"{max(done):,.0f}" if done else "–"
            rows.append([kind, step, _exponent(over_n), _exponent(over_links), span, _exponent(memory), last])
    return columns, rows


def _exponent(fit: Fit | None) -> str:
    return "–" if fit is None else f"{fit.exponent:.2f} ± {fit.error:.2f}"


def _cards(results: Results) -> list[tuple[str, str, str]]:
    """Return what the largest economies cost, the calibrated ones."""
    from endonet.reports.chart import duration

    cards = []
    for step in results.steps:
        done = [point for point in results.medians(results.kinds[0], step, "n") if point[2]]
        if done:
            n, seconds, _ = done[-1]
            cards.append((step, duration(seconds), f"{n:,.0f} calibrated firms, the most that was finished"))
    return cards


def _costs(results: Results, kind: str) -> tuple[list[str], list[list[str]], str, range]:
    """Return columns, rows, caption and the numeric columns of the table of one kind of economy."""
    rows = []
    for n in results.sizes:
        found = [one for step in results.steps for one in results.of(kind, n, step)]
        if not found:
            continue
        costs = [_cost(results, kind, n, step) for step in results.steps]
        rows.append([f"{n:,}", f"{statistics.median(one['links'] for one in found):,.0f}", *costs])
    columns = ["firms", "links", *results.steps]
    caption = "Medians over draws: seconds, memory, and the gap that is left. > : ended by the limit. –: not tried."
    return columns, rows, caption, range(len(columns))


def _cost(results: Results, kind: str, n: int, step: str) -> str:
    from endonet.reports.chart import duration

    found = results.of(kind, n, step)
    if not found:
        return "–"
    timed = [one for one in found if one["seconds"] is not None]
    if not timed:
        return "error"
    late = "> " if not all(map(_finished, found)) else ""
    parts = [late + duration(statistics.median(one["seconds"] for one in timed))]
    memory = [one["memory"] for one in timed if (one.get("memory") or 0) >= LEAST_MEMORY]
    parts += [_bytes(statistics.median(memory))] if memory else []
    gaps = [one["rel_gap"] for one in timed if one.get("rel_gap") is not None]
    parts += [f"gap {percent(statistics.median(gaps)) if statistics.median(gaps) > 1e-9 else '0'}"] if gaps else []
    return "\n".join(parts)


def _bytes(size: float) -> str:
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"


def _pictures(results: Results, kind: str, out: Path) -> list[tuple[str, str]]:
    from endonet.reports.pictures import picture

    made = []
    for across, words in (("n", "firms"), ("links", "links")):
        svg = picture(
            partial(_plot, results=results, kind=kind, across=across),
            f"Seconds over {words}, {kind} economies, both scales logarithmic",
            (6.4, 4.8),
            out,
            f"scaling-{kind}-{words}",
        )
        made.append((svg, f"Seconds over {words}; lines are the fits, hollow marks were ended by the limit."))
    if any(results.medians(kind, step, "n", "rel_gap") for step in results.steps):
        svg = picture(
            lambda axes: _plot_lines(axes, results, kind, "rel_gap", "relative gap", least=1e-9),
            f"Gap over firms, {kind} economies", (6.4, 4.8), out,
            f"scaling-{kind}-gap",
        )  # fmt: skip
        made.append((svg, "The gap between value and bound; 1e-9 and less are drawn alike."))
    if any(results.medians(kind, step, "n", "memory") for step in results.steps):
        svg = picture(
            lambda axes: _plot_lines(axes, results, kind, "memory", "MB", unit=1e6, least=1e-6),
            f"Memory over firms, {kind} economies", (6.4, 4.8), out,
            f"scaling-{kind}-memory",
        )  # fmt: skip
        made.append((svg, "The most memory held, economy included."))
    return made


def _colour(place: int) -> str:
    from endonet.reports.pictures import FOURTH, MARK, OFF, ON

    return (ON, OFF, FOURTH, MARK)[place % 4]


def _plot(axes: Any, results: Results, kind: str, across: str) -> None:
    from endonet.reports.pictures import GROUND

    for place, step in enumerate(results.steps):
        points = results.medians(kind, step, across)
        if not points:
            continue
        colour, fit = _colour(place), results.fit(kind, step, across)
        label = step if fit is None else f"{step}: {fit.exponent:.2f}"
        for x, seconds, finished in points:
            axes.plot(x, seconds, "o", color=colour, markerfacecolor=colour if finished else GROUND, markersize=5)
        axes.plot([], [], "o-", color=colour, label=label, markersize=5)
        if fit is not None:
            ends = np.array([fit.low, fit.high])
            axes.plot(ends, fit.constant * ends**fit.exponent, "-", color=colour, linewidth=1.4)
    axes.set(xscale="log", yscale="log", xlabel="firms n" if across == "n" else "links", ylabel="seconds")
    _finish(axes)


def _plot_lines(
    axes: Any, results: Results, kind: str, quantity: str, label: str, unit: float = 1.0, least: float = 0.0
) -> None:
    """Draw medians of a quantity over n, one line for each step, in a unit and at least at ``least`` of it."""
    for place, step in enumerate(results.steps):
        points = results.medians(kind, step, "n", quantity)
        if points:
            heights = [max(value / unit, least) for _, value, _ in points]
            axes.plot([x for x, *_ in points], heights, "o-", color=_colour(place), label=step)
    axes.set(xscale="log", yscale="log", xlabel="firms n", ylabel=label)
    _finish(axes)


def _finish(axes: Any) -> None:
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.legend(loc="lower center", bbox_to_anchor=(0.46, 1.0), ncols=2, columnspacing=1, fontsize=10)


def write_csv(results: Results, out: Path) -> None:
    """Write every cell as ``scaling.csv`` and the fits as ``scaling-exponents.csv``."""
    columns = ["seconds", "memory", "status", "stopped_by", "value", "bound", "rel_gap", "work", "reason"]
    rows: list[list[Any]] = [["kind", "n", "links", "degree", "draw", "step", *columns]]
    for (economy, step), found in results.found.items():
        same = [economy.kind, economy.n, found["links"], economy.degree, economy.draw, step]
        rows.append([*same, *(found.get(column, "") for column in columns)])
    write_table(out / "scaling.csv", rows)
    fits: list[list[Any]] = [["kind", "step", "what", "of", *Fit._fields]]
    for kind in results.kinds:
        for step in results.steps:
            for what, across in (("seconds", "n"), ("seconds", "links"), ("memory", "n")):
                fit = results.fit(kind, step, across, what)
                fits += [[kind, step, what, across, *fit]] if fit is not None else []
    write_table(out / "scaling-exponents.csv", fits)
