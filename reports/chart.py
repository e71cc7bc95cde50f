"""Two charts of durations as SVG, on logarithmic scales: medians over a size, and single measurements in rows.

The colours and letters are the page's own (classes ``s0`` to ``s5``, ``grid``, ``axis``), as in `draw`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 600.0, 400.0
LEFT, RIGHT, TOP, BOTTOM = 70.0, 150.0, 16.0, 46.0
ROW = 52.0
APART = 19.0  # labels at the right end keep this distance


@dataclass(frozen=True)
class Series:
    """One line: its label, and a point (x, seconds, censored) for each size."""

    label: str
    points: Sequence[tuple[float, float, bool]]


@dataclass(frozen=True)
class Strip:
    """One row: its label, the seconds of every measurement, and how many more a time limit ended."""

    label: str
    seconds: Sequence[float]
    censored: int = 0


def lines(series: Sequence[Series], title: str, across: str) -> str:
    """Return medians over a size: seconds upwards on a logarithmic scale, a label at the end of each line.

    A hollow point says that the time limit ended the measurement there.
    """
    everything = [point for one in series for point in one.points]
    sizes = sorted({x for x, _, _ in everything})
    low, high = _decades([seconds for _, seconds, _ in everything])
    span = max(sizes[-1] - sizes[0], 1e-9)

    def place(x: float, seconds: float) -> tuple[float, float]:
        up = (math.log10(seconds) - low) / (high - low)
        return LEFT + (x - sizes[0]) / span * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    shapes = []
    for decade in range(low, high + 1):
        _, y = place(sizes[0], 10.0**decade)
        shapes.append(f'<line class="grid" x1="{LEFT:.0f}" x2="{WIDTH - RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        shapes.append(_text(LEFT - 10, y, duration(10.0**decade), "end", "0.35em"))
    for size in sizes:
        x, _ = place(size, 1.0)
        shapes.append(_text(x, HEIGHT - BOTTOM + 8, f"{size:g}", "middle", "0.9em"))
    shapes.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, across, "middle", "0.9em"))
    ends = []
    for number, one in enumerate(series):
        spots = [place(x, seconds) for x, seconds, _ in one.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        shapes.append(f'<polyline class="series s{number % 6}" points="{path}"/>')
        for (x, y), (size, seconds, censored) in zip(spots, one.points, strict=True):
            says = f"{one.label}, {size:g}: {'> ' if censored else ''}{duration(seconds)}"
            shapes.append(_dot(x, y, number, says, hollow=censored))
        if one.points[-1][0] == sizes[-1]:
            ends.append((spots[-1][1], number, one.label))
        else:  # the line ends amid others
            x, y = spots[-1]
            shapes.append(_text(x, y - 17, one.label, "middle", "0.35em", f"s{number % 6}"))
    for (_, number, label), y in zip(sorted(ends), _apart([y for y, *_ in sorted(ends)]), strict=True):
        shapes.append(_text(WIDTH - RIGHT + 12, y, label, "start", "0.35em", f"s{number % 6}"))
    return _svg(HEIGHT, title, shapes)


def strips(rows: Sequence[Strip], title: str) -> str:
    """Return one row of dots for each group: seconds across on a logarithmic scale, the median as a bar."""
    height = 12 + ROW * len(rows) + 34
    low, high = _decades([seconds for row in rows for seconds in row.seconds])
    left, right = 22.0, 30.0

    def place(seconds: float) -> float:
        return left + (math.log10(seconds) - low) / (high - low) * (WIDTH - left - right)

    shapes = []
    for decade in range(low, high + 1):
        x = place(10.0**decade)
        shapes.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{height - 34:.1f}"/>')
        shapes.append(_text(x, height - 28, duration(10.0**decade), "middle", "0.9em"))
    for number, row in enumerate(rows):
        y = 12 + ROW * (number + 0.68)
        more = f"; {row.censored} beyond the limit" if row.censored else ""
        shapes.append(_text(left, y - 21, f"{row.label}{more}", "start", "0.35em"))
        ordered = sorted(row.seconds)
        shapes += [_dot(place(t), y, number, f"{row.label}: {duration(t)}", faint=True) for t in ordered]
        middle = (len(ordered) + row.censored - 1) // 2
        if 0 <= middle < len(ordered):
            x = place(ordered[middle])
            shapes.append(f'<line class="series s{number % 6}" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 11}" y2="{y + 11}"/>')
    return _svg(height, title, shapes)


def duration(seconds: float) -> str:
    """Return a duration with two or three digits and its unit."""
    if seconds < 1e-3:
        return f"{_digits(1e6 * seconds)} µs"
    if seconds < 1:
        return f"{_digits(1e3 * seconds)} ms"
    return f"{_digits(seconds)} s"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that enclose all values."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    return low, max(high, low + 1)


def _apart(heights: Sequence[float]) -> list[float]:
    """Push ascending heights apart, and back up where they leave the drawing."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + APART) if placed else height)
    for place in reversed(range(len(placed))):
        limit = HEIGHT - BOTTOM if place == len(placed) - 1 else placed[place + 1] - APART
        placed[place] = min(placed[place], limit)
    return placed


def _dot(x: float, y: float, number: int, says: str, hollow: bool = False, faint: bool = False) -> str:
    kind = "hollow" if hollow else "faint" if faint else "full"
    return (
        f'<circle class="dot {kind} s{number % 6}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">'
        f"<title>{escape(says)}</title></circle>"
    )


def _text(x: float, y: float, text: str, anchor: str, lower: str, kind: str = "axis") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" dy="{lower}" style="text-anchor:{anchor}">{escape(text)}</text>'
    )


def _svg(height: float, title: str, shapes: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(shapes)}</svg>'
    )
