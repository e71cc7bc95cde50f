"""Pictures drawn by matplotlib: one drawing becomes a PNG, an SVG, and an element of a page that follows its theme."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from endonet.formulations.errors import UnavailableError
from endonet.instances import atomic

Paint = Callable[[Any], None]

SIZE = (5.4, 4.0)
DOTS = 200  # to the inch of a PNG
FONT = 12.0  # points; a column of a page is about as wide as a picture, and on a telephone hardly narrower

INK, GROUND, SOFT, LINE, FAINT = "#1c2430", "#ffffff", "#5d6878", "#dfe1e4", "#f0f1f2"
ON, OFF, MARK, FOURTH, LINK = "#0f6e6e", "#d2693c", "#8e44ad", "#2f6fbf", "#7f98a8"

# On a page the colours are the theme's own, so that a picture can be read in the dark as well.
THEME = {
    INK: "--ink",
    GROUND: "--card",
    SOFT: "--soft",
    LINE: "--line",
    FAINT: "--faint",
    ON: "--on",
    OFF: "--off",
    MARK: "--mark",
    FOURTH: "--fourth",
    LINK: "--link",
}

STYLE: Any = {  # matplotlib types the keys one by one
    "font.size": FONT,
    "axes.titlesize": FONT,
    "axes.labelsize": FONT,
    "xtick.labelsize": FONT - 1,
    "ytick.labelsize": FONT - 1,
    "legend.fontsize": FONT - 1,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.facecolor": GROUND,
    "figure.facecolor": GROUND,
    "savefig.facecolor": GROUND,
    "axes.grid": False,
    "grid.color": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "endonet",
}


def require() -> None:
    """Raise an error that says what to install, before hours of work, if pictures cannot be drawn.

    Raises
    ------
    UnavailableError
        If matplotlib is missing.
    """
    if find_spec("matplotlib") is None:
        raise UnavailableError("the pictures of this report need matplotlib: pip install 'endonet[reports]'")


def picture(paint: Paint, title: str, size: tuple[float, float] = SIZE, out: Path | None = None, name: str = "") -> str:
    """Return a drawing as an SVG element for a page, and write ``name.png`` and ``name.svg`` if there is a folder.

    Parameters
    ----------
    paint : function of a matplotlib Axes, which it fills
    title : what a reader who cannot see the picture is told
    size : inches
    out : folder
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure.add_subplot())
        vector = _saved(figure, "svg", {"Date": None, "Creator": None, "Format": None, "Type": None})
        if out is not None:
            _write(out / f"{name}.svg", vector)
            _write(out / f"{name}.png", _saved(figure, "png", {"Software": None}))
    return _element(vector.decode("utf-8"), title)


def _saved(figure: Any, form: str, metadata: dict[str, None]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=form, dpi=DOTS, metadata=metadata)
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    atomic.write(path, lambda stream: _fill(stream, content))


def _fill(stream: Any, content: bytes) -> None:
    stream.write(content)


def _element(svg: str, title: str) -> str:
    """Return a whole SVG file as an element among others: identifiers of its own, the page's colours, a label."""
    from html import escape

    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    mark = "d" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{mark}", svg)
    for colour, name in THEME.items():
        svg = svg.replace(f": {colour}", f": var({name})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
