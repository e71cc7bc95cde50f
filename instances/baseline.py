"""What is known of the bundled instances, as a table, in MINLPLib's ``.solu`` format, and against a new run.

``endonet baseline`` shows all of it; ``python -m endonet.instances.baseline`` writes the table, BASELINE.md. The
numbers are those of each family's ``bounds.json``, which only `endonet.instances.bounds` writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from endonet.formulations.contracts import Sense
from endonet.instances import atomic, catalogue
from endonet.instances.bounds import Bound, Bounds, Refutation, bounds
from endonet.instances.others import Attempt, attempts

TITLE = "BASELINE.md"
LEAD = """# Baseline

What is known of every bundled instance. A primal bound is the evaluator's value of a decision that is kept with it; a
dual bound comes from a method that proves. The optimum lies between them, give or take the relative tolerances after
`±`. `opt`: both agree within 1e-9; `best`: they do not; `inf`: proved infeasible; `unkn`: no decision is known, or the
instance does not ask for an optimum. Written by `python -m endonet.instances.baseline` from each family's
`bounds.json`, which holds the decisions; `endonet baseline --rerun` measures it again. To be cited with version, date.
"""
HEAD = "| instance | size | | primal | by | dual | by | gap |\n|---|---|---|---|---|---|---|---|"
CLAIM_HEAD = "| instance | status | value | bound | gap | seconds | by |\n|---|---|---|---|---|---|---|"

CLOSED = 1e-9  # relative gap up to which an optimum counts as known
NOTHING = "–"


class Known(StrEnum):
    """What is known of an instance, in the words of ``.solu`` files."""

    OPTIMUM = "opt"
    BEST = "best"
    INFEASIBLE = "inf"
    UNKNOWN = "unkn"


class Verdict(StrEnum):
    """What a new run says beside the record."""

    UNCHANGED = "unchanged"
    WEAKER = "weaker"
    BETTER_PRIMAL = "better primal"
    BETTER_DUAL = "better dual"
    BETTER_BOTH = "better primal and dual"
    PROVED_INFEASIBLE = "proved infeasible"
    CONFLICT = "CONFLICT"


@dataclass(frozen=True)
class Judgement:
    """A verdict, and for a conflict which numbers contradict each other."""

    verdict: Verdict
    why: str = ""


def status(known: Bounds) -> Known:
    """Return what is known, in one word."""
    if known.infeasible is not None:
        return Known.INFEASIBLE
    if known.primal is None:
        return Known.UNKNOWN
    return Known.OPTIMUM if known.gap is not None and known.gap <= CLOSED else Known.BEST


def judge(
    known: Bounds, sense: Sense, value: float | None, bound: float | None, infeasible: bool, tolerance: float = 1e-12
) -> Judgement:
    """Hold a run against the record.

    Parameters
    ----------
    known : Bounds
    sense : Sense
    value, bound : float or None
        The evaluator's value of the run's decision, and the bound that its certificate proves.
    infeasible : bool
        Whether the run proved that there is no decision.
    tolerance : float, default 1e-12
        Relative; how far rounding may have moved the run's numbers.
    """
    if infeasible:
        if known.primal is not None:
            return Judgement(
                Verdict.CONFLICT, f"infeasible, yet a decision worth {known.primal.value:.12g} is on record"
            )
        return Judgement(Verdict.UNCHANGED if known.infeasible else Verdict.PROVED_INFEASIBLE)
    if known.infeasible is not None:
        if value is not None:
            return Judgement(Verdict.CONFLICT, f"a decision worth {value:.12g}, on record as infeasible")
        return Judgement(Verdict.WEAKER)
    sign = 1.0 if sense is Sense.MAXIMISE else -1.0

    def beyond(one: float, other: float, slack: float) -> bool:
        return sign * (one - other) > slack * max(abs(one), abs(other))

    primal, dual = known.primal, known.dual
    if primal is not None and dual is not None and beyond(primal.value, dual.value, primal.tolerance + dual.tolerance):
        why = f"the record contradicts itself: primal bound {primal.value:.15g}, dual bound {dual.value:.15g}"
        return Judgement(Verdict.CONFLICT, why)
    if value is not None and dual is not None and beyond(value, dual.value, tolerance + dual.tolerance):
        return Judgement(Verdict.CONFLICT, f"value {value:.15g} beyond the dual bound {dual.value:.15g} on record")
    if bound is not None and primal is not None and beyond(primal.value, bound, tolerance + primal.tolerance):
        return Judgement(Verdict.CONFLICT, f"bound {bound:.15g}, yet a decision worth {primal.value:.15g} is on record")
    higher = value is not None and (primal is None or beyond(value, primal.value, tolerance + primal.tolerance))
    lower = bound is not None and (dual is None or beyond(dual.value, bound, tolerance + dual.tolerance))
    if higher or lower:
        both = Verdict.BETTER_PRIMAL if not lower else Verdict.BETTER_DUAL
        return Judgement(Verdict.BETTER_BOTH if higher and lower else both)
    short = primal is not None and (value is None or beyond(primal.value, value, tolerance + primal.tolerance))
    loose = dual is not None and (bound is None or beyond(bound, dual.value, max(CLOSED, tolerance)))
    return Judgement(Verdict.WEAKER if short or loose else Verdict.UNCHANGED)


def solu(entries: Sequence[catalogue.Bundled], units: Callable[[str, float], float] | None = None) -> str:
    """Return what is known in MINLPLib's format: ``=opt= =best= =bestdual= =inf= =unkn=``, a name, a number.

    Parameters
    ----------
    entries : sequence of Bundled
        Names stand without their family if all are of one.
    units : function of name and number, optional
        Turns a number into the units of a model's objective.
    """
    alone = len({entry.family for entry in entries}) == 1
    lines = []
    for entry in entries:
        known, kind = bounds(entry.name), status(bounds(entry.name)).value
        title = entry.name.partition("/")[2] if alone else entry.name
        sides = {kind: known.primal}
        if known.dual is not None and kind != Known.OPTIMUM:
            sides["bestdual"] = known.dual
        for marker, side in sides.items():
            number = "" if side is None else units(entry.name, side.value) if units is not None else side.value
            lines.append(f"={marker}= {title} {number}".rstrip())
    return "\n".join(lines) + "\n"


def table() -> str:
    """Return the page, in Markdown."""
    parts = [LEAD]
    for family, entries in groupby(catalogue.names(), key=lambda entry: entry.family):
        rows = [_row(entry, bounds(entry.name)) for entry in entries]
        parts.append(f"## {family}\n\n{HEAD}\n" + "\n".join(rows) + "\n")
        parts += _claims(family)
    return "\n".join(parts)


def _claims(family: str) -> list[str]:
    """Return the tables of what outside solvers reach, one for each solver, formulation and time limit."""
    found = {entry.name: attempts(entry.name) for entry in catalogue.names() if entry.family == family}
    parts = []
    for key in sorted({one.key for own in found.values() for one in own}):
        runs = {name.partition("/")[2]: one for name, own in found.items() for one in own if one.key == key}
        settled = sum(one.settled for one in runs.values())
        first = next(iter(runs.values()))
        limit = "without a limit" if first.time_limit is None else f"in {first.time_limit:g} s on one core"
        title = f"### {family}: {key[0]} on {key[1] or 'its own form'}, {limit}"
        lead = f"Claims within tolerances, not certified. It settles {settled} of {len(runs)} instances."
        rows = [_claim(name, one) for name, one in runs.items()]
        parts.append(f"{title}\n\n{lead}\n\n{CLAIM_HEAD}\n" + "\n".join(rows) + "\n")
    return parts


def _claim(name: str, one: Attempt) -> str:
    gap = NOTHING if one.gap is None else f"{one.gap:.1e}"
    sides = [NOTHING if side is None else f"{side:.9g}" for side in (one.value, one.bound)]
    by = ", ".join([*(f"{package} {version}" for package, version in one.versions.items()), one.version, one.date])
    ended = f"{one.status}, {one.stopped_by}{' – FALSE' if one.contradicted else ''}"
    return f"| {' | '.join([f'`{name}`', ended, *sides, gap, f'{one.seconds:g}', by])} |"


def path() -> Path:
    """Return where the page stands, beside the families' folders."""
    return Path(__file__).resolve().parent / TITLE


def write(target: Path | None = None) -> Path:
    """Write the page and return its path."""
    target = target or path()
    write_text(target, table())
    return target


def write_text(target: Path, text: str) -> None:
    """Write a text file all at once or not at all."""

    def fill(stream: BinaryIO) -> None:
        stream.write(text.encode())

    atomic.write(target, fill)


def shown_gap(known: Bounds) -> str:
    """Return the gap for a table: 0, a power of ten, or a dash where it is not known."""
    gap = known.gap
    return NOTHING if gap is None else "∞" if math.isinf(gap) else "0" if gap == 0 else f"{gap:.1e}"


def origin(side: Bound | Refutation | None) -> str:
    """Return who established one side of what is known: method, tolerance, version, date."""
    if side is None:
        return NOTHING
    tolerance = [f"±{side.tolerance:.0e}"] if isinstance(side, Bound) else []
    return ", ".join([side.method, *tolerance, side.version, side.date])


def shown(side: Bound | None) -> str:
    """Return a bound to twelve digits, or a dash."""
    return NOTHING if side is None else f"{side.value:.12g}"


def _row(entry: catalogue.Bundled, known: Bounds) -> str:
    size = ", ".join(f"{key} {value}" for key, value in entry.size.items())
    primal = known.infeasible if known.infeasible is not None else known.primal
    cells = [f"`{entry.name.partition('/')[2]}`", size, status(known).value, shown(known.primal), origin(primal)]
    cells += [shown(known.dual), origin(known.dual), shown_gap(known)]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(write())
