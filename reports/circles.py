"""Small networks drawn by matplotlib for print: every firm with its number and productivity, every link in one of two
states.

For large networks, and where areas must tell sizes apart on a page, there is `draw`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.reports.pictures import FOURTH, GROUND, INK, LINK, OFF, ON

LEAST, MOST = 11.0, 19.0  # points: radii of discs
BEND = 0.13
BESIDE = 6.0  # points from a disc to its productivity


@dataclass(frozen=True)
class Drawing:
    """What is drawn of one economy.

    Attributes
    ----------
    places : array, shape (n, 2)
    links : sequence of (supplier, buyer)
    operating : array of bool, shape (n,), or None where nothing has been decided yet
    sizes : array, shape (n,)
        What areas follow; zeros give every firm the same.
    labels : sequence of n short texts beside the firms
    sides : mapping, optional
        For some firms, the direction in which the label stands.
    """

    places: NDArray[np.float64]
    links: Sequence[tuple[int, int]]
    operating: NDArray[np.bool_] | None
    sizes: NDArray[np.float64]
    labels: Sequence[str]
    sides: Mapping[int, tuple[float, float]] = field(default_factory=dict)


def ring(n: int, centre: tuple[float, float] = (0.0, 0.0), radius: float = 1.0, first: float = 90.0) -> Any:
    """Return n places on a circle, clockwise from the angle ``first`` in degrees."""
    angle = np.deg2rad(first) - 2 * np.pi * np.arange(n) / n
    return np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])


def links_of(problem: Any) -> list[tuple[int, int]]:
    """Return the links of an economy as (supplier, buyer)."""
    coordinates = problem.Omega.tocoo()
    return [(int(i), int(j)) for i, j in zip(coordinates.row, coordinates.col, strict=True)]


def paint(axes: Any, drawing: Drawing) -> None:
    """Draw a network: active links in colour, possible ones in grey; firms that are off dashed and hollow."""
    from matplotlib.patches import FancyArrowPatch

    on = drawing.operating
    radius = _radii(drawing)
    for supplier, buyer in sorted(drawing.links, key=lambda link: _active(on, link)):
        active = _active(on, (supplier, buyer))
        axes.add_patch(
            FancyArrowPatch(
                drawing.places[supplier],
                drawing.places[buyer],
                arrowstyle="-|>",
                mutation_scale=13 if active else 9,
                connectionstyle=f"arc3,rad={BEND}",
                shrinkA=radius[supplier],
                shrinkB=radius[buyer] + 1,
                linewidth=1.8 if active else 0.8,
                color=FOURTH if active else LINK,
                alpha=1.0 if active or on is None else 0.55,
                zorder=2 if active else 1,
            )
        )
    for j, (x, y) in enumerate(drawing.places):
        operates = on is None or bool(on[j])
        face, edge, style = (ON, ON, "-") if operates else (GROUND, OFF, "--")
        axes.plot(
            x, y, "o", markersize=2 * radius[j], markerfacecolor=face, markeredgecolor=edge, markeredgewidth=0, zorder=3
        )
        if not operates:
            circle = {"facecolors": GROUND, "edgecolors": OFF, "linestyles": style, "linewidths": 1.4, "zorder": 3}
            axes.scatter([x], [y], s=(2 * radius[j] - 1.5) ** 2, **circle)
        axes.annotate(
            str(j), (x, y), ha="center", va="center", color=GROUND if operates else OFF, fontweight="bold", zorder=4
        )
    _beside(axes, drawing, radius)
    axes.set_aspect("equal")
    axes.margins(0.24, 0.2)
    axes.axis("off")


def _active(on: NDArray[np.bool_] | None, link: tuple[int, int]) -> bool:
    return on is not None and bool(on[link[0]] and on[link[1]])


def _radii(drawing: Drawing) -> NDArray[np.float64]:
    top = float(drawing.sizes.max())
    if top <= 0:
        return np.full(drawing.sizes.size, (LEAST + MOST) / 2)
    scaled: NDArray[np.float64] = np.maximum(LEAST, MOST * np.sqrt(drawing.sizes / top))
    return scaled


def _beside(axes: Any, drawing: Drawing, radius: NDArray[np.float64]) -> None:
    """Set every firm's label on its side away from the firms it is linked with, or where the drawing says."""
    for j, (x, y) in enumerate(drawing.places):
        partners = [b if a == j else a for a, b in drawing.links if j in (a, b) and a != b]
        away = drawing.places[j] - (drawing.places[partners] if partners else drawing.places).mean(axis=0)
        away = np.array(drawing.sides.get(j, tuple(away)))
        length = float(np.hypot(*away))
        away = away / length if length > 1e-9 else np.array([0.0, -1.0])
        shift = away * (radius[j] + BESIDE)
        axes.annotate(
            drawing.labels[j],
            (x, y),
            xytext=(float(shift[0]), float(shift[1])),
            textcoords="offset points",
            ha="left" if shift[0] > 3 else "right" if shift[0] < -3 else "center",
            va="bottom" if shift[1] > 6 else "top" if shift[1] < -6 else "center",
            color=INK,
            zorder=5,
        )
