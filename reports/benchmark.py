"""Every solver side by side: time and gap over n, performance profile, shifted geometric means.

Each way of solving that the catalogue lists and that is installed answers the same economies in one run, on one thread,
one after the other. The evaluator says what an answer is worth, and a claim that another's answer refutes counts as no
proof. Solvers that prove nothing are held against the best value known.

Performance profile (Dolan and Moré, 2002): with t_ps the seconds of solver s to a proof on economy p, infinite without,

    ρ_s(τ) = share of the economies with t_ps ≤ τ · min_s t_ps

Economies that nobody proves count in every share. The shifted geometric mean of seconds is exp(mean log(t + s)) − s;
what was not proved counts with the time limit there.

Each cell, one economy in one way, is a line of ``benchmark.jsonl`` as soon as it is finished, and a rerun in the same
folder goes on from there.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.errors import InputError
from endonet.reports.again import command
from endonet.reports.beside import percent, show, write_table
from endonet.reports.limits import at_least

if TYPE_CHECKING:
    from endonet.reports.benchmark_cells import Item, Parameters
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page
    from endonet.reports.ways import Way

NAME = "benchmark"
TITLE = "Which solver, and up to which size?"

LEAD = (
    "Every solver that is installed answers the same economies on the same machine in the same run: how many it "
    "proves, how long that takes, and how wide the gap is where it does not finish."
)

SHIFT = 1.0  # seconds of the shifted geometric mean
LEAST_TIME = 1e-4  # seconds; shorter times are equally short in a profile
LEAST_GAP = 1e-9  # gaps are drawn down to here
AGREE = 1e-9  # a value above a certified bound by more refutes it
OUTSIDE = 1e-6  # the same for the bounds of outside software, which may miss its rows by as much

Found = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What is solved, and by whom.

    Parameters
    ----------
    seed : int, default 0
        Economy d of every group is drawn from (seed, d); solvers that take a seed get it too.
    draws : int, optional
        Economies of each size of each group: 2, with ``--full`` 5.
    time_limit : float, optional
        Seconds for each answer: 1, with ``--full`` 60.
    rel_gap : float, default 1e-6
        The gap at which an economy counts as proved.
    solvers : names, optional
        Such as ``certified,scip:reduced``; by default every solver of the catalogue on every formulation it takes, but
        those that differ by a weaker switch alone.
    instances : names, optional
        Bundled economies to solve as well, such as ``planner/us-15``.
    """

    seed: int = 0
    draws: int | None = None
    time_limit: float | None = None
    rel_gap: float = 1e-6
    solvers: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        at_least(self, seed=0, draws=1)
        if self.time_limit is not None and not self.time_limit > 0:
            raise InputError("time_limit", f"{self.time_limit} is not positive", "give seconds > 0")
        if not 0 < self.rel_gap < 1:
            raise InputError("rel_gap", f"{self.rel_gap:g} is no gap to prove", "give a number between 0 and 1")


@dataclass(frozen=True)
class Results:
    """What was measured, by economy and way; None where it was not tried."""

    items: list[Item]
    wanted: list[Way]
    taken: list[Way]
    time_limit: float
    rel_gap: float
    found: dict[tuple[Item, Way], Found]

    def of(self, item: Item, way: Way) -> Found | None:
        """Return what a way found."""
        return self.found.get((item, way))

    def best(self, item: Item) -> float | None:
        """Return the best value that anybody found."""
        values = [one["value"] for way in self.taken if (one := self.of(item, way)) and self.sound(one)]
        return max(values, default=None)

    def sound(self, found: Found) -> bool:
        """Whether an answer has a value that the evaluator stands for."""
        return found["value"] is not None and not found["contradicted"].startswith("the decision is not feasible")

    def refuted(self, item: Item, way: Way) -> str:
        """Return why a claim is false; empty if nothing is known against it."""
        from endonet.reports import ways

        found, best = self.of(item, way), self.best(item)
        if found is None:
            return ""
        if found["contradicted"]:
            return str(found["contradicted"])
        slack = OUTSIDE if ways.outside(way) else AGREE
        if best is not None and found["bound"] is not None and best > found["bound"] * (1 + slack) + 1e-300:
            return f"its bound is {found['bound']:.12g}, and a network is worth {best:.12g}"
        if best is not None and found["status"] == "infeasible":
            return f"it says that no network is feasible, and one is worth {best:.12g}"
        return ""

    def proved(self, item: Item, way: Way) -> bool:
        """Whether a way proves the gap asked for, in time, and nothing is known against it."""
        found = self.of(item, way)
        if found is None or found["rel_gap"] is None or self.refuted(item, way):
            return False
        return bool(found["status"] in ("optimal", "feasible") and found["rel_gap"] <= self.rel_gap * (1 + 1e-9))

    def seconds(self, item: Item, way: Way) -> float:
        """Return the seconds to a proof; infinite without."""
        found = self.of(item, way)
        return math.inf if found is None or not self.proved(item, way) else max(found["seconds"], LEAST_TIME)

    def gap(self, item: Item, way: Way) -> float:
        """Return the gap that is left at the end; infinite without a value, a bound, or where either is false."""
        found = self.of(item, way)
        if found is None or found["rel_gap"] is None or self.refuted(item, way):
            return math.inf
        return float(found["rel_gap"])

    def hopeless(self, item: Item, way: Way) -> bool:
        """Whether a limit or a refusal ended this way on every smaller economy of some size of the group."""
        smaller: dict[int, list[Item]] = {}
        for other in self.items:
            if other.group == item.group and other.n < item.n and not isinstance(other.recipe, str):
                smaller.setdefault(other.n, []).append(other)
        ended = [[self.of(other, way) for other in others] for others in smaller.values()]
        return any(all(one is not None and _ended(one) for one in ones) for ones in ended)


def _ended(found: Found) -> bool:
    return found["stopped_by"] == "time_limit" or found["status"] in ("refused", "crashed")


def run(
    out: Path,
    full: bool = False,
    workers: int = 1,
    dask: str | None = None,
    options: Options | None = None,
    parameters: Parameters | None = None,
) -> Path:
    """Measure what is not yet measured, and write ``benchmark.html``, two CSV files and the pictures.

    Parameters
    ----------
    out : folder that exists
    full : up to 10 000 firms, five draws of each size, a minute for each answer
    workers, dask : not used; measurements that run at the same time would disturb each other
    options : Options, optional
    parameters : another size of experiment than the two that ``full`` chooses from
    """
    del workers, dask
    from endonet.reports import benchmark_cells as cells
    from endonet.reports import pictures, ways
    from endonet.reports.ledger import Ledger

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    size = parameters or (cells.FULL if full else cells.Parameters())
    size = replace(size, draws=chosen.draws or size.draws, time_limit=chosen.time_limit or size.time_limit)
    wanted = ways.chosen(chosen.solvers, ways.listed(without=cells.SWITCHES))
    taken = [one for one in wanted if not ways.unavailable(one)]
    ledger = Ledger(out / f"{NAME}.jsonl")
    items = cells.items(size, chosen.seed, chosen.instances)
    results = Results(items, wanted, taken, size.time_limit, chosen.rel_gap, {})
    _measure_all(results, ledger, chosen.seed)
    write_csv(results, out)
    page = compose(results, chosen, full, out, ledger.added, time.perf_counter() - started)
    return page.write(out / f"{NAME}.html")


def _measure_all(results: Results, ledger: Ledger, seed: int) -> None:
    """Fill the results from the ledger or by measuring, and show on a terminal how far that is."""
    from endonet.reports import apart
    from endonet.reports import benchmark_cells as cells
    from endonet.solvers.progress import Progress

    options = {"time_limit": results.time_limit, "rel_gap": results.rel_gap, "threads": 1, "seed": seed}
    everything = list(cells.plan(results.items, results.taken))
    try:
        with Progress(True) as progress:
            for done, (item, way) in enumerate(everything):
                progress.show(done=f"{done}/{len(everything)}", at=f"{item.name}, {way.label}")
                key = cells.key(item, way, results.time_limit, results.rel_gap, seed)
                found = ledger.get(key)
                if found is None and not results.hopeless(item, way):
                    found = ledger.add(key, cells.measure(item, way, options))
                if found is not None:
                    results.found[item, way] = found
    except KeyboardInterrupt:
        print(f"\n{ledger.added} new cells are in {ledger.path}; the same command goes on from there", file=sys.stderr)
        raise
    finally:
        apart.close()


# -- numbers -----------------------------------------------------------------------------------------------------------


def ratios(seconds: np.ndarray) -> np.ndarray:
    """Return t_ps / min_s t_ps for seconds of shape (economies, solvers); infinite where there is no proof.

    Examples
    --------
    >>> ratios(np.array([[1.0, 2.0], [np.inf, 3.0], [np.inf, np.inf]])).tolist()
    [[1.0, 2.0], [inf, 1.0], [inf, inf]]
    """
    best = seconds.min(axis=1, keepdims=True)
    compared: np.ndarray = np.divide(seconds, best, out=np.full_like(seconds, np.inf), where=np.isfinite(seconds))
    return compared


def profile(ratios_of_one: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps (τ, ρ(τ)) of a performance profile: ratios in order, and the share that is no larger.

    Examples
    --------
    >>> tau, rho = profile(np.array([1.0, np.inf, 4.0, 1.0]))
    >>> tau.tolist(), rho.tolist()
    ([1.0, 1.0, 4.0], [0.25, 0.5, 0.75])
    """
    ordered = np.sort(ratios_of_one[np.isfinite(ratios_of_one)])
    return ordered, np.arange(1, ordered.size + 1) / max(ratios_of_one.size, 1)


def shifted_mean(seconds: Sequence[float], limit: float, shift: float = SHIFT) -> float:
    """Return the shifted geometric mean of seconds, an infinite one counting as the limit.

    Examples
    --------
    >>> round(shifted_mean([1.0, 3.0], 10.0), 6)  # √(2·4) − 1
    1.828427
    >>> round(shifted_mean([math.inf], 10.0), 6)
    10.0
    """
    if not seconds:
        return math.nan
    return math.exp(statistics.fmean(math.log(min(t, limit) + shift) for t in seconds)) - shift


# -- the page ----------------------------------------------------------------------------------------------------------


def compose(results: Results, options: Options, full: bool, out: Path, added: int, seconds: float) -> Page:
    """Return the page, and print its table on the way."""
    from endonet.reports import benchmark_cells as cells
    from endonet.reports import speed_cells, ways
    from endonet.reports.page import Page, provenance

    page = Page(TITLE, LEAD)
    for sentence in false_claims(results):
        page.alert(f"A claim is false. {sentence}")
    proving = [one for one in results.taken if ways.proving(one)]
    page.cards(_cards(results, proving))
    page.heading("Overview", "overview")
    page.text(
        f"{len(results.items)} economies, {results.time_limit:g} s for each answer, one thread. Proved: a gap of "
        f"{results.rel_gap:g} or less, by a bound that no other solver's network exceeds. Mean: the shifted geometric "
        f"mean of seconds (shift {SHIFT:g} s), a missing proof counting with the limit. Fastest: the share of all "
        "economies on which nobody proves the optimum sooner."
    )
    columns, rows, strong = overview(results, proving)
    show("Solvers that prove", columns, rows)
    page.table(columns, rows, numeric=range(2, 8), strong=strong)
    page.figures(_profiles(results, proving, out))
    page.heading("Time and gap over n", "groups")
    page.text(
        "Median seconds over the economies of a size, and in brackets how many were proved; where fewer than half "
        "were, the median gap at the end of the limit instead. “–”: not tried, because nothing of a smaller size ended "
        "in time, or the solver does not take it. ∞: no bound, or no network."
    )
    for group in dict.fromkeys(item.group for item in results.items):
        if group != "bundled":
            _group(page, results, proving, group, out)
    _bundled(page, results, proving)
    _heuristics(page, results, [one for one in results.taken if not ways.proving(one)])
    missing = [(one.label, ways.kind(one).proves.value, ways.unavailable(one)) for one in results.wanted]
    if any(reason for *_, reason in missing):
        page.heading("Not installed", "missing")
        page.table(("solver", "proves", "why not"), [row for row in missing if row[2]])
    page.heading("How it was made", "provenance")
    page.code(command(NAME, options, full))
    here = speed_cells.place()
    more = {
        "cells computed": f"{added} of {len(results.found)} in this run",
        "time limit": f"{results.time_limit:g} s; who overstays it {cells.OVERSTAY:g} times is ended",
        "hardware": f"{here['cores']} cores, of which one thread is used",
        "solvers": ", ".join(sorted({f"{k} {v}" for one in results.taken for k, v in ways.versions(one).items()})),
        "code": f"digest {here['code']} of formulations, solvers and instances",
        "files": "benchmark.csv (every cell), benchmark-profile.csv, benchmark-profile, -gaps and one picture a group",
    }
    page.definitions(provenance(seconds, options.seed, more))
    return page


def false_claims(results: Results) -> list[str]:
    """Return a sentence for every claim that an evaluated network refutes."""
    return [
        f"{item.name}: {way.label}: {reason}."
        for item in results.items
        for way in results.taken
        if (reason := results.refuted(item, way))
    ]


def overview(results: Results, proving: Sequence[Way]) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[int]]:
    """Return columns and rows of the table of solvers that prove, fastest mean first, and which are our own."""
    from endonet.reports import ways
    from endonet.reports.chart import duration

    table = np.array([[results.seconds(item, way) for way in proving] for item in results.items]).reshape(
        len(results.items), len(proving)
    )
    best = table.min(axis=1, keepdims=True) if proving else table
    columns = ("solver", "proves", "proved", "mean", "fastest", "median gap left", "refused", "crashed", "false claims")
    rows: list[tuple[float, tuple[str, ...]]] = []
    for place, way in enumerate(proving):
        found = [results.of(item, way) for item in results.items]
        left = [gap for item in results.items if (gap := results.gap(item, way)) > results.rel_gap]
        states = [one["status"] if one else "" for one in found]
        mean = shifted_mean(table[:, place].tolist(), results.time_limit)
        line: tuple[str, ...] = (
            way.label,
            ways.kind(way).proves.value,
            f"{int(np.isfinite(table[:, place]).sum())} of {len(found)}",
            duration(mean),
            f"{np.mean((table[:, place] <= best[:, 0]) & np.isfinite(table[:, place])):.0%}",
            _gap(statistics.median(left)) if left else "",
            str(states.count("refused")),
            str(states.count("crashed") + states.count("failed")),
            str(sum(bool(results.refuted(item, way)) for item in results.items)),
        )
        rows.append((mean, line))
    rows.sort(key=lambda row: row[0])
    own = {one.label for one in proving if not ways.outside(one)}
    lines = [line for _, line in rows]
    return columns, lines, [place for place, line in enumerate(lines) if line[0] in own]


def _cards(results: Results, proving: Sequence[Way]) -> list[tuple[str, str, str]]:
    from endonet.reports import ways

    counts = {way: sum(results.proved(item, way) for item in results.items) for way in proving}
    own = max((way for way in proving if not ways.outside(way)), key=counts.__getitem__, default=None)
    other = max((way for way in proving if ways.outside(way)), key=counts.__getitem__, default=None)
    total = len(results.items)
    cards = [("economies", str(total), f"{results.time_limit:g} s for each answer of each solver")]
    cards += [(f"proved by {own.label}", f"{counts[own]} of {total}", "the most of our own")] if own else []
    cards += (
        [(f"proved by {other.label}", f"{counts[other]} of {total}", "the most of outside solvers")] if other else []
    )
    open_ = sum(not any(results.proved(item, way) for way in proving) for item in results.items)
    cards.append(("proved by nobody", str(open_), "within the limit"))
    cards.append(("false claims", str(len(false_claims(results))), "refuted by an evaluated network"))
    return cards


def _group(page: Page, results: Results, proving: Sequence[Way], group: str, out: Path) -> None:
    from endonet.reports.benchmark_cells import GROUPS
    from endonet.reports.pictures import picture

    items = [item for item in results.items if item.group == group]
    sizes = sorted({item.n for item in items})
    rows = []
    for way in proving:
        cells = [_cell(results, [item for item in items if item.n == n], way) for n in sizes]
        rows.append([way.label, *cells])
    page.table(
        ("solver", *(f"n = {n}" for n in sizes)),
        rows,
        caption=f"{group}: {GROUPS[group]}.",
        numeric=range(1, len(sizes) + 1),
    )
    name = f"benchmark-{group.lower().replace(' ', '-')}"
    time_ = picture(
        lambda axes: _over_n(axes, results, proving, items, sizes, "seconds"),
        f"{group}: median seconds to a proof over n",
        (6.4, 4.6),
        out,
        f"{name}-time",
    )
    gap = picture(
        lambda axes: _over_n(axes, results, proving, items, sizes, "gap"),
        f"{group}: median gap at the limit over n",
        (6.4, 4.6),
        out,
        f"{name}-gap",
    )
    page.figures(
        [
            (time_, f"{group}: median seconds to a proof. Where half the proofs are missing, a line ends."),
            (gap, f"{group}: median gap that is left at the end; {LEAST_GAP:g} and less are drawn alike."),
        ]
    )


def _cell(results: Results, items: Sequence[Item], way: Way) -> str:
    from endonet.reports.chart import duration

    found = [one for item in items if (one := results.of(item, way)) is not None and one["status"] != "refused"]
    if not found:
        return "–"
    proved = sum(results.proved(item, way) for item in items)
    seconds = statistics.median_high([results.seconds(item, way) for item in items])
    if math.isfinite(seconds):
        return f"{duration(seconds)} ({proved})"
    return f"gap {_gap(statistics.median_high([results.gap(item, way) for item in items]))} ({proved})"


def _bundled(page: Page, results: Results, proving: Sequence[Way]) -> None:
    items = [item for item in results.items if item.group == "bundled"]
    if items:
        page.heading("Bundled economies", "bundled")
        page.table(
            ("economy", "n", *(way.label for way in proving)),
            [[item.name, str(item.n), *(_cell(results, [item], way) for way in proving)] for item in items],
            numeric=range(1, 2 + len(proving)),
        )


def _heuristics(page: Page, results: Results, others: Sequence[Way]) -> None:
    """Tell what solvers that prove nothing are worth against the best value that anybody found."""
    from endonet.reports import ways
    from endonet.reports.chart import duration

    if not others:
        return
    page.heading("Solvers that prove nothing", "heuristics")
    page.text(
        "Their answers against the best that anybody found: how often they are as good to 1e-9, and what share of "
        "output is lost where they are not."
    )
    rows = []
    for way in others:
        pairs = [
            (one, best)
            for item in results.items
            if (one := results.of(item, way)) and results.sound(one) and (best := results.best(item))
        ]
        lost = [max(0.0, 1 - one["value"] / best) for one, best in pairs]
        short = [share for share in lost if share > AGREE]
        rows.append(
            (
                way.label,
                ways.kind(way).proves.value,
                f"{len(pairs)} of {len(results.items)}",
                f"{len(lost) - len(short)}",
                f"{percent(statistics.median(short))}, at most {percent(max(short))}" if short else "",
                duration(statistics.median(one["seconds"] for one, _ in pairs)) if pairs else "–",
            )
        )
    columns = ("solver", "proves", "answered", "as good as the best", "lost elsewhere", "median seconds")
    page.table(columns, rows, numeric=(2, 3, 5))


def _gap(gap: float) -> str:
    return "∞" if math.isinf(gap) else f"{gap:.1e}" if gap < 1e-4 else percent(gap)


# -- pictures and files ------------------------------------------------------------------------------------------------


def _style(place: int) -> dict[str, Any]:
    """Return colour, line and mark of the solver at a place: six colours, and other lines once they are used up."""
    from endonet.reports.pictures import FOURTH, INK, LINK, MARK, OFF, ON

    lines, marks = ("-", "--", ":", "-."), "osD^vP"
    colours = (ON, OFF, MARK, FOURTH, LINK, INK)
    return {
        "color": colours[place % 6],
        "linestyle": lines[place // 6 % 4],
        "marker": marks[(place + place // 6) % 6],
        "markersize": 4.5,
    }


def _profiles(results: Results, proving: Sequence[Way], out: Path) -> list[tuple[str, str]]:
    from endonet.reports.pictures import picture

    size = (6.4, 4.8)
    first = picture(
        lambda axes: _performance(axes, results, proving), "Performance profile", size, out, "benchmark-profile"
    )
    second = picture(lambda axes: _gaps(axes, results, proving), "Gaps that are left", size, out, "benchmark-gaps")
    return [
        (first, "Performance profile: share of the economies proved within τ times the seconds of the fastest."),
        (second, "Share of the economies whose gap at the end is no larger; the limit is the same for all."),
    ]


def _performance(axes: Any, results: Results, proving: Sequence[Way]) -> None:
    table = ratios(np.array([[results.seconds(item, way) for way in proving] for item in results.items]))
    finite = table[np.isfinite(table)]
    end = 2 * max(finite.max(initial=1.0), 2.0)
    for place, way in enumerate(proving):
        tau, rho = profile(table[:, place])
        if tau.size:
            axes.step(
                np.concatenate([[1.0], tau, [end]]),
                100 * np.concatenate([[0.0], rho, rho[-1:]]),
                where="post",
                label=way.label,
                **_style(place) | {"marker": None},
            )
    axes.set(xscale="log", xlim=(1, end), ylim=(0, 102), xlabel="τ, times the fastest", ylabel="economies proved, %")
    axes.yaxis.grid(True)
    _legend(axes)


def _gaps(axes: Any, results: Results, proving: Sequence[Way]) -> None:
    for place, way in enumerate(proving):
        gaps = np.array([max(results.gap(item, way), LEAST_GAP) for item in results.items])
        steps, share = profile(gaps)
        if steps.size:
            axes.step(
                np.concatenate([[LEAST_GAP], steps, [10.0]]),
                100 * np.concatenate([[0.0], share, share[-1:]]),
                where="post",
                label=way.label,
                **_style(place) | {"marker": None},
            )
    axes.set(xscale="log", xlim=(LEAST_GAP, 10), ylim=(0, 102), xlabel="relative gap", ylabel="economies, %")
    axes.yaxis.grid(True)
    _legend(axes)


def _over_n(
    axes: Any, results: Results, proving: Sequence[Way], items: Sequence[Item], sizes: Sequence[int], what: str
) -> None:
    for place, way in enumerate(proving):
        points = []
        for n in sizes:
            own = [item for item in items if item.n == n]
            if what == "seconds":
                y = statistics.median_high([results.seconds(item, way) for item in own])
            else:
                y = max(statistics.median_high([results.gap(item, way) for item in own]), LEAST_GAP)
            points.append((n, y))
        drawn = [(n, y) for n, y in points if math.isfinite(y)]
        if drawn:
            axes.plot(*zip(*drawn, strict=True), label=way.label, **_style(place))
    labels = {"seconds": "seconds to a proof", "gap": "relative gap at the end"}
    axes.set(xscale="log", yscale="log", xlabel="firms n", ylabel=labels[what])
    axes.set_xticks(sizes, [f"{n}" for n in sizes])
    axes.minorticks_off()
    axes.yaxis.grid(True)
    _legend(axes)


def _legend(axes: Any) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.46, 1.0), ncols=3, columnspacing=1, handlelength=1.8, fontsize=9)


def write_csv(results: Results, out: Path) -> None:
    """Write every cell as ``benchmark.csv`` and the steps of the profile as ``benchmark-profile.csv``."""
    from endonet.reports import ways

    columns = ["status", "stopped_by", "seconds", "value", "bound", "rel_gap", "nodes", "reason"]
    rows: list[list[Any]] = [["group", "economy", "n", "draw", "solver", "formulation", *columns, "proved", "refuted"]]
    for (item, way), found in results.found.items():
        same = [item.group, item.name, item.n, item.draw, way.solver, way.formulation or ""]
        own = [found.get(column, "") for column in columns]
        rows.append([*same, *own, int(results.proved(item, way)), results.refuted(item, way)])
    write_table(out / "benchmark.csv", rows)
    proving = [one for one in results.taken if ways.proving(one)]
    table = ratios(
        np.array([[results.seconds(i, w) for w in proving] for i in results.items]).reshape(-1, len(proving))
    )
    steps: list[list[Any]] = [["solver", "tau", "share"]]
    for place, way in enumerate(proving):
        steps += [[way.label, tau, rho] for tau, rho in zip(*profile(table[:, place]), strict=True)]
    write_table(out / "benchmark-profile.csv", steps)
