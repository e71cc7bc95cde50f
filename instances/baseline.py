"""The table of the bundled instances and what is known of each: ``python -m endonet.instances.baseline``.

One row each: size, best-known value and bound, the gap between them, the methods that established them, the version and
date. The numbers are those of each family's ``bounds.json``, which only `endonet.instances.bounds` writes.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from endonet.instances import atomic, catalogue
from endonet.instances.bounds import Bound, Bounds, bounds

TITLE = "BASELINE.md"
LEAD = """# Baseline

What is known of every bundled instance. A value is the evaluator's, of a decision that is kept with it; a bound comes
from a method that proves. The optimum lies between them. Written by `python -m endonet.instances.baseline` from each
family's `bounds.json`, which says more (decisions, tolerances); to be cited with version and date.
"""
HEAD = "| instance | size | value | bound | gap | established by | version | date |\n|---|---|---|---|---|---|---|---|"


def table() -> str:
    """Return the page, in Markdown."""
    parts = [LEAD]
    for family, entries in groupby(catalogue.names(), key=lambda entry: entry.family):
        rows = [_row(entry, bounds(entry.name)) for entry in entries]
        parts.append(f"## {family}\n\n{HEAD}\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def path() -> Path:
    """Return where the page stands, beside the families' folders."""
    return Path(__file__).resolve().parent / TITLE


def write(target: Path | None = None) -> Path:
    """Write the page and return its path."""
    target = target or path()
    text = table().encode()

    def fill(stream: BinaryIO) -> None:
        stream.write(text)

    atomic.write(target, fill)
    return target


def _row(entry: catalogue.Bundled, known: Bounds) -> str:
    size = ", ".join(f"{key} {value}" for key, value in entry.size.items())
    sides = [side for side in (known.primal, known.dual) if side is not None]
    cells = [
        f"`{entry.name.partition('/')[2]}`",
        size,
        _number(known.primal),
        _number(known.dual),
        _gap(known),
        "; ".join(dict.fromkeys(side.method for side in sides)) or "–",
        ", ".join(dict.fromkeys(side.version for side in sides)) or "–",
        max((side.date for side in sides), default="–"),
    ]
    return f"| {' | '.join(cells)} |"


def _number(side: Bound | None) -> str:
    return "–" if side is None else f"{side.value:.12g}"


def _gap(known: Bounds) -> str:
    if known.primal is None or known.dual is None:
        return "–"
    difference = abs(known.dual.value - known.primal.value)
    return "0" if difference == 0 else f"{difference / abs(known.primal.value):.1e}" if known.primal.value else "∞"


if __name__ == "__main__":
    print(write())
