"""Our numbers beside a paper's: as text with intervals, on the terminal, in CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from endonet.instances import atomic
from endonet.reports.intervals import Estimate

WIDE = 140  # columns where no terminal says otherwise


def percent(x: float) -> str:
    """Return a share in percent, with as many digits as tell it from 0 and from 100."""
    if x != x:
        return "–"
    value = 100 * x
    if value == 0 or value > 99.99995:
        return f"{value:.0f} %"
    if value >= 10:
        return f"{value:.1f} %" if value < 99 else f"{value:.2f} %" if value < 99.99 else f"{value:.4f} %"
    return f"{_plain(value)} %" if value < 1 else f"{value:.1f} %"


def _plain(value: float) -> str:
    """Return a small number with two digits and without an exponent."""
    return format(Decimal(f"{value:.2g}"), "f")


def with_interval(one: Estimate) -> str:
    """Return an estimate with its interval in brackets."""
    if one.value != one.value:
        return "–"
    if one.high != one.high:
        return percent(one.value)
    low, high = percent(one.low).removesuffix(" %"), percent(one.high).removesuffix(" %")
    return f"{percent(one.value)} ({low} to {high})"


def beside(theirs: float | None, ours: Estimate) -> str:
    """Return a number of the paper, marked by whether it lies in the interval of ours."""
    if theirs is None:
        return "–"
    if ours.high != ours.high:
        return printed(theirs)
    half = _half_a_digit(theirs)
    return f"{printed(theirs)} {'✓' if ours.low - half <= theirs <= ours.high + half else '≠'}"


def printed(theirs: float) -> str:
    """Return a share as the paper prints it."""
    return f"{100 * theirs:.10f}".rstrip("0").rstrip(".") + " %"


def _half_a_digit(number: float) -> float:
    """Return half a unit of the last digit the paper prints of a share."""
    digits = f"{100 * number:.10f}".rstrip("0")
    return 0.5 * 10.0 ** -(len(digits.partition(".")[2])) / 100


def stacked(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return rows whose intervals stand below their estimates, for a page that may be narrow."""
    return [tuple(cell.replace(" (", "\n(") for cell in row) for row in rows]


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def write_rows(stream: Any, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as CSV into a binary stream."""
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    csv.writer(text).writerows(rows)
    text.flush()
    text.detach()


def write_table(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, names of columns first, as a CSV file, whole or not at all."""
    atomic.write(path, lambda stream: write_rows(stream, rows))
