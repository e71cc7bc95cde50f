"""Drawings by matplotlib: inline for a page, and as files beside it; and tables as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from endonet.instances import atomic

SIZE = (5.2, 3.6)


def draw(paint: Callable[[Any], None], files: Path | None = None) -> str:
    """Return a drawing as an inline SVG element, and write it as ``.svg`` and ``.png`` if a path is given.

    Parameters
    ----------
    paint : callable
        Draws on matplotlib axes.
    files : Path, optional
        Without its ending.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "endonet", "font.size": 9}):
        figure = Figure(figsize=SIZE, layout="constrained")
        paint(figure.add_subplot())
        stream, picture = io.StringIO(), io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        if files is not None:
            figure.savefig(picture, format="png", dpi=150)
    svg = stream.getvalue()
    if files is not None:
        _write(files.with_name(files.name + ".svg"), svg.encode())
        _write(files.with_name(files.name + ".png"), picture.getvalue())
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    mark = "d" + hashlib.sha256(svg.encode()).hexdigest()[:8]  # identifiers of drawings on one page must differ
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{mark}", svg)


def table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a table as CSV and return its path; floats with all their digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    _write(path, stream.getvalue().encode())
    return path


def _write(path: Path, content: bytes) -> None:
    def fill(stream: Any) -> None:
        stream.write(content)

    atomic.write(path, fill)
