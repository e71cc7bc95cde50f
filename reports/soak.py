"""Every solver against enumeration on many small economies, made to find them out.

The answer to each economy is known: the best of all networks by the evaluator alone. Every way of solving that the
catalogue lists is asked too, and each claim it makes is held against that answer. Kinds of claims that turn out false
are counted one by one; each comes with the file of its economy and a command that repeats it.

Each cell, one economy in one way, is a line of ``soak.jsonl`` as soon as it is finished, and a rerun in the same folder
goes on from there. More draws, or a solver that is new, cost only what is new.
"""

from __future__ import annotations

import shlex
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endonet.formulations.errors import InputError
from endonet.reports.beside import percent, show, write_table
from endonet.reports.limits import at_least

if TYPE_CHECKING:
    from endonet.reports.page import Page
    from endonet.reports.ways import Way

NAME = "soak"
TITLE = "Do the solvers tell the truth?"

LEAD = (
    "Small economies of many kinds, most of them made to be nasty, and every solver that is installed. The best "
    "network of each is known from trying them all, so that every claim can be held against it: optimum, "
    "bound, infeasibility."
)

DRAWS, FULL_DRAWS = 18, 2000
LIMIT, FULL_LIMIT = 0.5, 10.0
MOST_FILES = 50  # economies of disagreements that are written to files

Found = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """Which economies, and who is asked.

    Parameters
    ----------
    seed : int, default 0
        Draw d comes from the seed (seed, d).
    draws : int, optional
        How many economies: 18, one of each kind; with ``--full`` 2000.
    first : int, default 0
        The first draw; with ``draws=1`` one of them alone.
    solvers : names, optional
        Such as ``certified,scip:reduced``; by default every solver of the catalogue on every formulation it takes;
        those that differ by a weaker switch alone are left to ``--full``.
    time_limit : float, optional
        Seconds for each answer of each solver: 0.5, with ``--full`` 10.
    """

    seed: int = 0
    draws: int | None = None
    first: int = 0
    solvers: tuple[str, ...] = ()
    time_limit: float | None = None

    def __post_init__(self) -> None:
        at_least(self, seed=0, draws=1, first=0)
        if self.time_limit is not None and not self.time_limit > 0:
            raise InputError("time_limit", f"{self.time_limit} is not positive", "give seconds > 0")


@dataclass(frozen=True)
class Cell:
    """One economy and one way of solving it, and what came of it."""

    draw: int
    way: Way
    found: Found

    @property
    def verdict(self) -> str:
        """One word, see `soak_cells`."""
        return str(self.found["verdict"])

    @property
    def false(self) -> bool:
        """Whether the truth contradicts the way."""
        from endonet.reports.soak_cells import FALSE

        return self.verdict in FALSE

    @property
    def crashed(self) -> bool:
        """Whether there is no answer at all, nor a reason why."""
        from endonet.reports.soak_cells import CRASH

        return self.verdict == CRASH


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Try what the ledger lacks, and write ``soak.html``, ``soak.csv``, the picture and the economies in dispute.

    Parameters
    ----------
    out : folder that exists
    full : 2000 economies
    workers : local processes
    dask : address of a scheduler to compute on instead
    options : Options, optional
    """
    from endonet.reports import apart, pictures, soak_cells, ways
    from endonet.reports.benchmark_cells import SWITCHES
    from endonet.reports.ledger import Ledger
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    chosen = replace(
        chosen,
        draws=chosen.draws or (FULL_DRAWS if full else DRAWS),
        time_limit=chosen.time_limit or (FULL_LIMIT if full else LIMIT),
    )
    assert chosen.draws is not None
    assert chosen.time_limit is not None
    wanted = ways.chosen(chosen.solvers, ways.listed(without=() if full else SWITCHES))
    present = [one for one in wanted if not ways.unavailable(one)]
    ledger = Ledger(out / "soak.jsonl")
    keys = list(soak_cells.keys(chosen.seed, chosen.first, chosen.draws, present, chosen.time_limit))
    try:
        fresh = sweep(soak_cells.work, keys, ledger, workers, dask, label="soak")
    finally:
        apart.close()
    cells = [Cell(key["draw"], ways.Way(**key["way"]), ledger.get(key) or {}) for key in keys]
    disputed = [cell for cell in cells if cell.false or cell.crashed]
    files = write_economies(disputed, chosen.seed, out)
    write_csv(cells, chosen.seed, out)
    seconds = time.perf_counter() - started
    page = compose(cells, wanted, chosen, full, files, out, f"{fresh} of {len(keys)} in this run", seconds)
    return page.write(out / "soak.html")


# -- files -------------------------------------------------------------------------------------------------------------


def write_economies(disputed: Sequence[Cell], seed: int, out: Path) -> dict[int, str]:
    """Write the economy of each draw in dispute, and return the names of the files by draw."""
    from endonet.instances.files import save
    from endonet.reports.soak_economies import draw

    names: dict[int, str] = {}
    for number in sorted({cell.draw for cell in disputed})[:MOST_FILES]:
        names[number] = f"soak-{seed}-{number}.json"
        save(draw(seed, number)[1], out / names[number])
    return names


def write_csv(cells: Sequence[Cell], seed: int, out: Path) -> None:
    """Write every cell as a line of ``soak.csv``."""
    columns = ["kind", "n", "links", "rows", "optimum", "verdict", "status", "stopped_by", "value", "bound", "short"]
    columns += ["loose", "seconds", "raw_status", "reason"]
    rows: list[list[Any]] = [["seed", "draw", "solver", "formulation", *columns]]
    for cell in cells:
        own = [cell.found.get(column, "") for column in columns]
        rows.append([seed, cell.draw, cell.way.solver, cell.way.formulation or "", *own])
    write_table(out / "soak.csv", rows)


# -- the page ----------------------------------------------------------------------------------------------------------


def compose(
    cells: Sequence[Cell],
    wanted: Sequence[Way],
    options: Options,
    full: bool,
    files: dict[int, str],
    out: Path,
    computed: str,
    seconds: float,
) -> Page:
    """Return the page, and print its tables on the way."""
    from endonet.reports import soak_economies, ways
    from endonet.reports.page import Page, provenance

    page = Page(TITLE, LEAD)
    disputed = [cell for cell in cells if cell.false or cell.crashed]
    for sentence in _accused(disputed):
        page.alert(sentence)
    page.cards(_cards(cells, disputed))
    page.heading("Solver by solver", "solvers")
    page.text(
        "An answer agrees if its value, its bound and its status are those of enumeration. It is open if the solver "
        "reaches a limit or proves less than it could, which is no fault of its honesty. A heuristic may find "
        "something worse, since it promises no optimum; how often and by how much is said. Outside software may miss "
        "its rows by 1e-6, certificates by nothing but rounding. A disagreement is a claim that is false."
    )
    columns, rows = table(cells, wanted)
    show("Answers against enumeration", columns, rows)
    page.table(columns, rows, numeric=range(2, len(columns) - 1))
    page.heading("Disagreements and crashes", "disagreements")
    _disputes(page, disputed, options, files)
    page.heading("Kind by kind", "kinds")
    page.text(
        "Each cell says how many of the economies of that kind a solver gets right, of those that it takes: agrees, or "
        "for a heuristic finds the best network. A cross and a number count false claims."
    )
    page.table(*_kinds(cells), numeric=())
    page.figures([(_picture(cells, out), "Shares of the answers by verdict; what is not taken is left out.")])
    kinds = {cell.found["kind"] for cell in cells}
    page.definitions([(kind, soak_economies.meaning(kind)) for kind in soak_economies.KINDS if kind in kinds])
    page.heading("How it was made", "provenance")
    given = "".join(f" -o {text}" for text in _given(options, full))
    page.code(f"endonet report soak --seed {options.seed}{given}{' --full' if full else ''} --out out")
    more = {
        "economies": f"draws {options.first} to {options.first + (options.draws or 0) - 1}, "
        f"n from {soak_economies.LEAST} to {soak_economies.MOST}, {options.time_limit:g} s for each answer",
        "cells computed": computed,
        "versions of solvers": ", ".join(f"{name} {version}" for name, version in _versions(wanted).items()) or "–",
        "not installed": ", ".join(one.label for one in wanted if ways.unavailable(one)) or "none",
        "files": ", ".join(["soak.csv (every cell)", "soak-verdicts (.png, .svg)", *files.values()]),
    }
    page.definitions(provenance(seconds, options.seed, more))
    return page


def table(cells: Sequence[Cell], wanted: Sequence[Way]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return columns and rows of the overview."""
    from endonet.reports import ways
    from endonet.reports.soak_cells import CRASH

    words = ("agrees", "open", "worse", "gives up", "not taken", CRASH)
    columns = ("solver", "proves", "asked", *words, "false", "worse by")
    rows: list[tuple[str, ...]] = []
    for one in wanted:
        own = [cell for cell in cells if cell.way == one]
        reason = ways.unavailable(one)
        if reason:
            rows.append((one.label, ways.kind(one).proves.value, *["–"] * (len(words) + 2), f"not installed: {reason}"))
            continue
        counts = Counter(cell.verdict for cell in own)
        false = sum(cell.false for cell in own)
        worse = [cell.found["short"] for cell in own if cell.verdict == "worse" and cell.found["short"] is not None]
        short = f"{percent(statistics.median(worse))}, at most {percent(max(worse))}" if worse else ""
        told = [str(counts[word]) for word in words]
        rows.append(
            (one.label, ways.kind(one).proves.value, str(len(own)), *told, f"{false} ✗" if false else "0", short)
        )
    return columns, rows


def command(cell: Cell, seed: int, time_limit: float, file: str | None) -> str:
    """Return what to type to repeat a disagreement."""
    if file is not None:
        limits = f"--time-limit {time_limit:g} --threads 1 --seed {seed}"
        return f"endonet compare {shlex.quote(file)} --solvers enumeration,{cell.way.label} {limits}"
    one = f"-o first={cell.draw} -o draws=1 -o solvers={cell.way.label} -o time_limit={time_limit:g}"
    return f"endonet report soak --seed {seed} {one}"


def _accused(disputed: Sequence[Cell]) -> list[str]:
    from endonet.reports.soak_cells import FALSE

    counts = Counter((cell.way.label, cell.verdict) for cell in disputed)
    return [
        f"{label}: {count} × {verdict}, that is, it {FALSE[verdict]}."
        for (label, verdict), count in sorted(counts.items())
        if verdict in FALSE
    ]


def _cards(cells: Sequence[Cell], disputed: Sequence[Cell]) -> list[tuple[str, str, str]]:
    from endonet.reports import ways
    from endonet.reports.soak_cells import CRASH

    false = [cell for cell in disputed if cell.false]
    own = [cell for cell in false if not ways.outside(cell.way)]
    return [
        ("economies", str(len({cell.draw for cell in cells})), "each solved by trying all networks"),
        ("ways of solving", str(len({cell.way for cell in cells})), "solvers on formulations, those installed"),
        (
            "answers held against the truth",
            f"{sum(cell.verdict not in ('not taken', CRASH) for cell in cells):,}",
            f"{sum(cell.crashed for cell in cells)} more ended in a crash",
        ),
        ("false claims of our own solvers", str(len(own)), "must be none"),
        ("false claims of outside solvers", str(len(false) - len(own)), "each below, with a command"),
    ]


def _disputes(page: Page, disputed: Sequence[Cell], options: Options, files: dict[int, str]) -> None:
    if not disputed:
        page.text("None: no claim of any solver is contradicted by enumeration, and none crashed.")
        return
    rows = [
        (
            cell.way.label,
            f"{options.seed}, {cell.draw}",
            cell.found["kind"],
            cell.verdict,
            f"{cell.found.get('status', '–')} {cell.found.get('raw_status', '')}".strip(),
            _wrapped(cell.found["reason"]),
        )
        for cell in disputed
    ]
    page.table(("solver", "seed, draw", "kind", "what is false", "its status", "why"), rows)
    page.code(
        "\n".join(command(cell, options.seed, options.time_limit or LIMIT, files.get(cell.draw)) for cell in disputed)
    )


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 70)) or "–"


def _kinds(cells: Sequence[Cell]) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of a table of kinds across solvers."""
    kinds = list(dict.fromkeys(cell.found["kind"] for cell in cells))
    labels = list(dict.fromkeys(cell.way.label for cell in cells))
    rows = []
    for kind in kinds:
        row = [kind]
        for label in labels:
            own = [cell for cell in cells if cell.found["kind"] == kind and cell.way.label == label]
            taken = [cell for cell in own if cell.verdict != "not taken"]
            false = sum(cell.false for cell in own)
            agrees = sum(cell.verdict == "agrees" for cell in own)
            row.append(f"{agrees}/{len(taken)}{f' ✗{false}' if false else ''}" if taken else "–")
        rows.append(row)
    return ["kind", *(label.replace(":", "\n") for label in labels)], rows


def _given(options: Options, full: bool) -> list[str]:
    usual = {"draws": FULL_DRAWS if full else DRAWS, "first": 0, "time_limit": FULL_LIMIT if full else LIMIT}
    texts = [f"{name}={getattr(options, name):g}" for name, value in usual.items() if getattr(options, name) != value]
    return texts + ([f"solvers={','.join(options.solvers)}"] if options.solvers else [])


def _versions(wanted: Sequence[Way]) -> dict[str, str]:
    from endonet.reports import ways

    found: dict[str, str] = {}
    for one in wanted:
        if not ways.unavailable(one):
            found |= ways.versions(one)
    return found


def _picture(cells: Sequence[Cell], out: Path) -> str:
    from endonet.reports.pictures import picture

    labels = list(dict.fromkeys(cell.way.label for cell in cells))
    size = (7.0, 1.6 + 0.34 * len(labels))
    title = "Shares of the answers of each solver by verdict"
    return picture(lambda axes: _bars(axes, cells, labels), title, size, out, "soak-verdicts")


def _bars(axes: Any, cells: Sequence[Cell], labels: Sequence[str]) -> None:
    from endonet.reports.pictures import FOURTH, LINE, MARK, OFF, ON
    from endonet.reports.soak_cells import CRASH, FALSE

    parts = (
        ("agrees", ("agrees",), ON),
        ("open", ("open",), LINE),
        ("worse (heuristic)", ("worse",), FOURTH),
        ("gives up, crash", ("gives up", "no truth", CRASH), MARK),
        ("false", tuple(FALSE), OFF),
    )
    totals = dict.fromkeys(labels, 0)
    for cell in cells:
        totals[cell.way.label] += cell.verdict != "not taken"
    places, left = range(len(labels)), [0.0] * len(labels)
    for title, verdicts, colour in parts:
        counts = Counter(cell.way.label for cell in cells if cell.verdict in verdicts)
        shares = [100 * counts[label] / max(totals[label], 1) for label in labels]
        axes.barh(places, shares, left=left, color=colour, label=title, height=0.7)
        left = [one + more for one, more in zip(left, shares, strict=True)]
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.set(xlabel="share of answers, %", xlim=(0, 100))
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, columnspacing=1, handlelength=1.2)
