"""What the solvers cost, measured side by side in one run and told as ratios.

(a) Table 1's random economies, from which every solver can prove the optimum: seconds and ratios to ``certified``.
(b) Draws of the calibrated economy, where ``certified`` alone is left: the distribution of its cost.
(c) The reshaping heuristic on the same draws, held against the proved optimum.

Measurements are made one after the other on one thread, so that none disturbs another. Each is a line of
``speed.jsonl`` as soon as it is finished, and a rerun in the same folder goes on from there.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page
    from endonet.reports.speed_cells import Case, Economy, Parameters
    from endonet.reports.ways import Way

NAME = "speed"
TITLE = "What does a proof cost?"

LEAD = (
    "Several solvers answer the same economies on the same machine in the same run. Seconds differ from machine to "
    "machine, so the tables say how many times as long each takes as the certified search. Where only that search is "
    "left, they show how its cost varies from draw to draw, and what the heuristic misses."
)

WIDE = 140  # columns where no terminal says otherwise
AGREE = 1e-9  # decisions whose output differs by no more are equally good

Found = dict[str, Any]


def run(
    out: Path,
    full: bool = False,
    workers: int = 1,
    dask: str | None = None,
    parameters: Parameters | None = None,
) -> Path:
    """Measure what is not yet measured, print the tables, and write ``speed.html`` and ``speed.csv``.

    Parameters
    ----------
    out : folder that exists
    full : more economies, more draws, and 24 firms
    workers, dask : not used; measurements that run at the same time would disturb each other
    parameters : another size of experiment than the two that ``full`` chooses from
    """
    del workers, dask
    from endonet.reports import speed_cells as cells
    from endonet.reports.ledger import Ledger

    started = time.perf_counter()
    chosen = parameters or (cells.FULL if full else cells.Parameters())
    ledger = Ledger(out / "speed.jsonl")
    results = Results(ledger, chosen)
    try:
        measure_all(results)
    except KeyboardInterrupt:
        print(f"{ledger.added} new cells are in {ledger.path}; the same command goes on from there", file=sys.stderr)
        raise
    page = compose(results, time.perf_counter() - started)
    _write_csv(results, out / "speed.csv")
    return page.write(out / "speed.html")


@dataclass(frozen=True)
class Results:
    """What has been measured, by economy and way."""

    ledger: Ledger
    parameters: Parameters

    def of(self, economy: Economy, way: Way) -> Found | None:
        """Return what was found for an economy in one way, or None if it was not tried."""
        from endonet.reports import speed_cells as cells

        limit = self.parameters.time_limit if economy.group == "table1" else self.parameters.draw_limit
        return self.ledger.get(cells.key(economy, way, limit))

    def hopeless(self, economy: Economy, way: Way) -> bool:
        """Whether the time limit ended this way on every economy of some smaller size."""
        from endonet.reports import speed_cells as cells

        if economy.group != "table1":
            return False
        for n in self.parameters.sizes:
            found = [self.of(other, way) for other in cells.table1(self.parameters, n)] if n < economy.n else []
            if found and all(one is not None and _censored(one) for one in found):
                return True
        return False

    def disagreements(self) -> list[str]:
        """Return a sentence for every pair of claims of which one must be wrong."""
        from endonet.reports import speed_cells as cells

        by_economy: dict[Economy, list[tuple[Way, Found]]] = {}
        for economy, way, _ in cells.plan(self.parameters):
            found = self.of(economy, way)
            if found is not None:
                by_economy.setdefault(economy, []).append((way, found))
        return [sentence for economy, answers in by_economy.items() for sentence in contradictions(economy, answers)]


def contradictions(economy: Economy, answers: Sequence[tuple[Way, Found]]) -> list[str]:
    """Return a sentence for every claim that the evaluator refutes, and for every two that exclude each other."""
    where = f"{economy.group}, {economy.n} firms, draw {economy.draw}"
    said = [f"{where}: {way.label}: {found['contradicted']}" for way, found in answers if found["contradicted"]]
    for (one, left), (two, right) in combinations(answers, 2):
        for (better, high), (worse, low) in (((one, left), (two, right)), ((two, right), (one, left))):
            if high["value"] is not None and low["bound"] is not None and high["value"] > low["bound"] * (1 + AGREE):
                said.append(
                    f"{where}: {better.label} has a decision worth {high['value']:.12g}, which {worse.label} excludes "
                    f"by its bound {low['bound']:.12g}"
                )
    return said


def measure_all(results: Results) -> None:
    """Measure every cell that is not in the ledger yet, and show on a terminal how far that is."""
    from endonet.reports import speed_cells as cells
    from endonet.solvers.progress import Progress

    missing = [cell for cell in cells.plan(results.parameters) if not cells.unavailable(cell[1])]
    missing = [cell for cell in missing if results.of(*cell[:2]) is None]
    built: tuple[Economy, Any] | None = None
    with Progress(bool(missing)) as progress:
        for done, (economy, way, limit) in enumerate(missing):
            progress.show(done=f"{done}/{len(missing)}", at=f"{economy.group} {economy.n} #{economy.draw}, {way.label}")
            if results.hopeless(economy, way):
                continue
            if built is None or built[0] != economy:
                built = economy, economy.build()
            cells.measure(economy, way, limit, results.ledger, built[1])


# -- the page --------------------------------------------------------------------------------------------------------


def compose(results: Results, seconds: float) -> Page:
    """Return the page, and print its tables on the way."""
    from rich.console import Console

    from endonet.reports import speed_cells as cells
    from endonet.reports.page import Page, provenance

    page, console = Page(TITLE, LEAD), Console()
    if not console.is_terminal:
        console.width = WIDE
    wrong = results.disagreements()
    for sentence in wrong:
        page.alert(f"Disagreement: {sentence}.")
        console.print(f"DISAGREEMENT: {sentence}", style="bold red")
    page.cards(_cards(results, wrong))
    _side_by_side(page, console, results)
    groups = cells.cases(results.parameters)
    _distribution(page, console, results, groups)
    _heuristic(page, console, results, groups)
    page.heading("How it was measured", anchor="measured")
    page.text(
        "Seconds are wall time of solving, without imports, compilation and reading; SCIP's include handing over the "
        "model. Every solver runs on one thread, one after the other; what takes less than a quarter of a second is "
        "repeated, up to five times, and the shortest counts. A measurement that the time limit ended is never "
        "averaged: it counts as longer than any finished one, and a median that falls on one is shown as “> limit”."
    )
    page.code(f"endonet report speed{' --full' if results.parameters == cells.FULL else ''} --out out")
    page.definitions(provenance(seconds, results.parameters.seed, _conditions(results)))
    return page


def _cards(results: Results, wrong: Sequence[str]) -> list[tuple[str, str, str]]:
    from endonet.reports import speed_cells as cells

    parameters = results.parameters
    groups = cells.cases(parameters)
    largest = max(groups, key=lambda case: case.economies[0].n if case.economies else 0)
    proofs = _present(results, largest.economies, cells.CERTIFIED)
    everything = _present(results, (e for case in groups for e in case.economies), cells.CERTIFIED)
    n = parameters.sizes[-1]
    ratio = _ratio(results, cells.table1(parameters, n), cells.WAYS[-2])
    return [
        (
            f"{largest.label}: a proof takes",
            _seconds(_quantile(proofs, 0.5), parameters.draw_limit),
            "median over draws",
        ),
        ("calibrated draws proved", f"{sum(map(_proved, everything))} of {len(everything)}", "to a gap of 1e-9"),
        (f"SCIP, lifted, on {n} firms", ratio, "the certified search's time"),
        (
            "disagreements",
            str(len(wrong)),
            "between any two solvers" if wrong else "no two solvers contradict each other",
        ),
    ]


def _side_by_side(page: Page, console: Any, results: Results) -> None:
    from endonet.reports import chart
    from endonet.reports import speed_cells as cells

    parameters, ways = results.parameters, (*cells.WAYS, cells.BRUTE)
    page.heading("Side by side: random economies of Table 1", anchor="side-by-side")
    page.text(
        f"{parameters.economies} economies of each size. Brute force evaluates all 2ⁿ networks with the problem's own "
        "evaluator. Certified and enumeration prove a gap of 1e-9, SCIP one of 1e-6, the closest its tolerances carry."
    )
    for way in ways:
        if cells.unavailable(way):
            page.text(f"{way.label} was not measured: {cells.unavailable(way)}.")
    others = [way for way in ways if way is not cells.CERTIFIED]
    ratios, details, points = [], [], {way: list[tuple[float, float, bool]]() for way in ways}
    for n in parameters.sizes:
        economies = cells.table1(parameters, n)
        middle = _quantile(_present(results, economies, cells.CERTIFIED), 0.5)
        line = [_ratio(results, economies, way) for way in others]
        ratios.append((str(n), _seconds(middle, parameters.time_limit), *line))
        for way in ways:
            found = _present(results, economies, way)
            if not found:
                continue
            median = _quantile(found, 0.5)
            points[way].append((n, min(median, parameters.time_limit), median == math.inf))
            spread = [_seconds(_quantile(found, q), parameters.time_limit) for q in (0, 0.5, 1)]
            details.append((str(n), way.label, *spread, _ratio(results, economies, way), _statuses(found)))
    columns = ("firms", "certified, median", *(way.label for way in others))
    _show(console, "Time as a multiple of certified's", columns, ratios)
    page.table(
        columns,
        ratios,
        caption=(
            "How many times certified's time each takes on the same economy: medians over the economies. "
            "“–”: not tried, because there are too many networks or because nothing smaller ended within the limit."
        ),
        numeric=range(len(columns)),
    )
    series = [chart.Series(way.label, points[way]) for way in ways if points[way]]
    groups = cells.cases(parameters)
    page.figures(
        [
            (
                chart.lines(series, "Median time over the number of firms", "firms"),
                "Median time over the number of firms.",
            ),
            (
                chart.strips(_strips(results, groups), "Certified, draw by draw"),
                "Certified on calibrated economies, draw by draw; the bar is the median.",
            ),
        ]
    )
    page.table(
        ("firms", "solver", "min", "median", "max", "ratio", "what was proved"),
        details,
        caption="The same measurements in seconds.",
        numeric=(0, 2, 3, 4, 5),
        strong=[place for place, row in enumerate(details) if row[1] == cells.CERTIFIED.label],
    )


def _distribution(page: Page, console: Any, results: Results, groups: Sequence[Case]) -> None:
    from endonet.reports import speed_cells as cells

    parameters = results.parameters
    page.heading("Certified on calibrated economies", anchor="distribution")
    page.text(
        "Beyond some forty firms nothing can be enumerated. Each line is a number of independent draws of Table 3's "
        f"economy, σ = ε = 5 unless it says otherwise. The budget lets {cells.BUDGET:.0%} of the firms operate; with "
        f"exclusions, at most one of each of {int(cells.EXCLUDED * parameters.varied)} random pairs of firms may."
    )
    rows = []
    for case in groups:
        found = _present(results, case.economies, cells.CERTIFIED)
        times = [_seconds(_quantile(found, q), parameters.draw_limit) for q in (0, 0.5, 0.95, 1)]
        rows.append(
            (
                case.label,
                f"{sum(map(_proved, found))} of {len(found)}",
                _worst_gap(found),
                *times,
                _median_and_most(found, "nodes", "{:.0f}".format),
                _median_and_most(found, "linear_programs", "{:.0f}".format),
                _median_and_most(found, "certificate_bytes", lambda size: f"{size / 1000:.0f}"),
                _median_and_most(found, "check_seconds", _brief),
            )
        )
    columns = (
        "economy",
        "proved",
        "largest gap",
        "min",
        "median",
        "95 %",
        "max",
        "nodes",
        "programs",
        "certificate, kB",
        "check",
    )
    fits = 9  # columns on a terminal; the page has all
    _show(console, "Certified on calibrated economies (median, largest)", columns[:fits], [row[:fits] for row in rows])
    page.table(
        columns,
        rows,
        caption=(
            "Times of solving; then median and, in brackets, the largest: nodes of the search, linear programs solved, "
            "size of the certificate as JSON, and time of verifying it without a solver."
        ),
        numeric=range(1, len(columns)),
    )


def _heuristic(page: Page, console: Any, results: Results, groups: Sequence[Case]) -> None:
    from endonet.reports import speed_cells as cells

    page.heading("The heuristic against the optimum", anchor="heuristic")
    page.text(
        "The reshaping heuristic of the literature on those draws whose optimum was proved. It may end in a cycle; it "
        "then returns the best network it has seen. It takes no rows, so the last two economies are left out."
    )
    rows = []
    for case in groups:
        both = [(results.of(e, cells.CERTIFIED), results.of(e, cells.RESHAPING)) for e in case.economies if not e.rows]
        pairs = [(proof, guess) for proof, guess in both if proof and guess and _proved(proof) and guess["decision"]]
        if not pairs:
            continue
        wrong = [_differences(proof["decision"], guess["decision"]) for proof, guess in pairs]
        error = [max(0.0, 1 - guess["value"] / proof["value"]) for proof, guess in pairs]
        optimal = sum(lost <= AGREE for lost in error)
        longer = statistics.median(proof["seconds"] / guess["seconds"] for proof, guess in pairs)
        converged = sum(guess["status"] == "stationary" for _, guess in pairs)
        rows.append(
            (
                case.label,
                str(len(pairs)),
                f"{converged / len(pairs):.0%}",
                f"{optimal / len(pairs):.0%}",
                f"{statistics.mean(wrong):.1f} ({max(wrong)})",
                f"{_percent(statistics.mean(error))} ({_percent(max(error))})",
                _times(longer),
            )
        )
    columns = ("economy", "draws", "converged", "optimal", "wrong firms", "output lost", "proof takes")
    _show(console, "Reshaping against the proved optimum (mean, worst)", columns, rows)
    page.table(
        columns,
        rows,
        caption=(
            "Converged: no cycle. Optimal: output within 1e-9 of the optimum. Wrong firms and output lost: mean and, "
            "in brackets, the worst draw. Proof takes: the median of certified's time over the heuristic's."
        ),
        numeric=range(1, len(columns)),
    )


def _conditions(results: Results) -> dict[str, str]:
    """What a reader needs to judge the numbers, besides versions."""
    from endonet.reports import speed_cells as cells

    p, here = results.parameters, cells.place()
    dates = sorted({found["measured"] for _, _, found in _everything(results)})
    return {
        "economies": f"{p.economies} of each of n = {', '.join(map(str, p.sizes))}, time limit {p.time_limit:g} s",
        "draws": f"{p.draws} of each of n = {', '.join(map(str, p.calibrated))}, {p.variants} of each variation, "
        f"time limit {p.draw_limit:g} s",
        "measured": f"{dates[0]} to {dates[-1]}" if dates else "nothing",
        "carried over": f"{sum(1 for _ in _everything(results)) - results.ledger.added} cells from an earlier run",
        "hardware": f"{here['cores']} cores, of which one thread is used; {_processor()}",
        "SCIP": f"PySCIPOpt {here['versions']['pyscipopt']}",
        "code": f"digest {here['code']} of formulations, solvers and instances",
    }


def _processor() -> str:
    import platform

    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or "processor unknown"


def _strips(results: Results, groups: Sequence[Case]) -> list[Any]:
    from endonet.reports import chart
    from endonet.reports import speed_cells as cells

    strips = []
    for case in groups:
        found = _present(results, case.economies, cells.CERTIFIED)
        finished = [one["seconds"] for one in found if not _censored(one)]
        strips.append(chart.Strip(case.label, finished, len(found) - len(finished)))
    return strips


def _show(console: Any, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


# -- numbers -----------------------------------------------------------------------------------------------------------


def _everything(results: Results) -> Iterable[tuple[Economy, Way, Found]]:
    from endonet.reports import speed_cells as cells

    for economy, way, _ in cells.plan(results.parameters):
        found = results.of(economy, way)
        if found is not None:
            yield economy, way, found


def _present(results: Results, economies: Iterable[Economy], way: Way) -> list[Found]:
    return [found for found in (results.of(economy, way) for economy in economies) if found is not None]


def _censored(found: Found) -> bool:
    """Whether a limit, not an answer, ended the measurement."""
    return bool(found["stopped_by"] == "time_limit")


def _proved(found: Found) -> bool:
    return bool(found["status"] == "optimal" and found["rel_gap"] <= AGREE)


def _worst_gap(found: Sequence[Found]) -> str:
    """Return the largest gap that was left; a dash where everything was proved."""
    open_ = [math.inf if one["rel_gap"] is None else one["rel_gap"] for one in found if not _proved(one)]
    return "–" if not open_ else _percent(max(open_)) if max(open_) < math.inf else "∞"


def _quantile(found: Sequence[Found], q: float) -> float:
    """Return a quantile of the seconds, an observed one, where a censored measurement counts as infinite."""
    ordered = sorted(math.inf if _censored(one) else one["seconds"] for one in found)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else math.nan


def _ratio(results: Results, economies: Sequence[Economy], way: Way) -> str:
    """Return the median over economies of a way's time over certified's, or a bound on it where limits ended half."""
    from endonet.reports import speed_cells as cells

    ratios: list[tuple[bool, float]] = []
    for economy in economies:
        proof, other = results.of(economy, cells.CERTIFIED), results.of(economy, way)
        if proof is not None and other is not None and not _censored(proof):
            ratios.append((_censored(other), other["seconds"] / proof["seconds"]))
    if not ratios:
        return "–"
    # A censored ratio is at least what it says, so the median of them all is at least the median of these numbers.
    middle = statistics.median(ratio for _, ratio in ratios)
    late = any(censored and ratio <= middle for censored, ratio in ratios)
    late = late or 2 * sum(censored for censored, _ in ratios) >= len(ratios)
    return f"{'> ' if late else ''}{_times(middle)}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.2g}×"


def _seconds(value: float, limit: float) -> str:
    return "–" if math.isnan(value) else f"> {limit:g} s" if value == math.inf else _brief(value)


def _brief(value: float) -> str:
    from endonet.reports.chart import duration

    return duration(value)


def _percent(share: float) -> str:
    return "0" if share <= AGREE else f"{100 * share:.2g} %"


def _differences(one: str, two: str) -> int:
    return sum(left != right for left, right in zip(one, two, strict=True))


def _median_and_most(found: Sequence[Found], name: str, form: Callable[[float], str]) -> str:
    values = [one[name] for one in found if one.get(name) is not None]
    return f"{form(statistics.median(values))} ({form(max(values))})" if values else "–"


def _statuses(found: Sequence[Found]) -> str:
    counted = Counter(
        f"{one['status']} ({one['stopped_by']})".replace("_", " ") if one["stopped_by"] != "finished" else one["status"]
        for one in found
    )
    return ", ".join(f"{count} {status}" for status, count in counted.most_common())


def _write_csv(results: Results, path: Path) -> None:
    """Write every measurement as one line, decisions left out."""
    from endonet.instances import atomic

    names = [
        "seconds", "repeats", "status", "stopped_by", "value", "bound", "rel_gap", "nodes", "linear_programs",
        "certificate_bytes", "check_seconds", "build_seconds", "contradicted", "measured",
    ]  # fmt: skip
    stream = io.StringIO()
    writer: Any = None
    for economy, way, found in _everything(results):
        line = asdict(economy) | {"solver": way.solver, "formulation": way.formulation}
        line |= {name: found.get(name) for name in names}
        if writer is None:
            writer = csv.DictWriter(stream, list(line))
            writer.writeheader()
        writer.writerow(line)
    content = stream.getvalue().encode("utf-8")
    atomic.write(path, lambda target: _write_all(target, content))


def _write_all(stream: Any, content: bytes) -> None:
    stream.write(content)
