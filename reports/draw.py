"""Networks as SVG: firms as discs with areas that follow their sales, links as arcs from supplier to buyer.

The colours and letters are the page's own (classes ``node``, ``link``, ``off``), so that a drawing follows its theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, MARGIN = 600.0, 520.0, 8.0
LARGEST, SMALLEST, IDLE = 30.0, 4.0, 5.5
CROWD = 160.0  # many discs share the room: the largest radius falls with the square root of their number
LETTER, LINE = 6.3, 15.0  # the page sets labels in 12 px
MAJOR = 12
LABELLED = 100  # more firms than this go without labels
FINE = 150  # more links than this get finer

Positions = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """What a drawing shows of one network.

    Attributes
    ----------
    positions : array of shape (n, 2)
    sizes : array of shape (n,)
        What the areas of the discs follow, such as sales; 0 for firms that do not operate.
    links : sequence of (supplier, buyer, strength)
        Strength is between 0 and 1.
    operating : array of bool, shape (n,)
    marked : array of bool, shape (n,)
        Firms with a ring around them.
    labels, titles : sequences of n short labels, and of what a disc says when pointed at
    """

    positions: Positions
    sizes: NDArray[np.float64]
    links: Sequence[tuple[int, int, float]]
    operating: NDArray[np.bool_]
    marked: NDArray[np.bool_]
    labels: Sequence[str]
    titles: Sequence[str]


def strongest(shares: Any, each: int) -> list[tuple[int, int, float]]:
    """Return the ``each`` largest suppliers of every buyer, from a sparse matrix of shares (suppliers × buyers)."""
    shares = shares.tocsc()
    found = []
    for buyer in range(shares.shape[1]):
        span = slice(shares.indptr[buyer], shares.indptr[buyer + 1])
        suppliers, values = shares.indices[span], shares.data[span]
        others = [(float(v), int(i)) for i, v in zip(suppliers, values, strict=True) if i != buyer and v > 0]
        found += [(i, buyer, v) for v, i in sorted(others, reverse=True)[:each]]
    return found


def radii(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return radii whose squares follow the sizes; a firm that does not operate keeps a small disc."""
    top = sizes.max() if sizes.size and sizes.max() > 0 else 1.0
    largest = min(LARGEST, CROWD / np.sqrt(sizes.size))
    scaled = largest * np.sqrt(np.maximum(sizes, 0.0) / top)
    few = min(1.0, 13 / np.sqrt(sizes.size))
    discs: NDArray[np.float64] = np.where(sizes > 0, np.maximum(scaled, few * SMALLEST), few * IDLE)
    return discs


def layout(
    links: Sequence[tuple[int, int, float]], radius: NDArray[np.float64], labels: Sequence[str], seed: int
) -> Positions:
    """Return positions in the drawing: linked firms near each other, no disc or label on top of another."""
    import networkx as nx

    n = radius.size
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    for supplier, buyer, strength in links:
        weight = graph.edges[supplier, buyer]["weight"] if graph.has_edge(supplier, buyer) else 0.0
        graph.add_edge(supplier, buyer, weight=weight + 0.15 + strength)
    placed = nx.spring_layout(graph, seed=seed, k=2.2 / np.sqrt(n), iterations=300, weight="weight")
    spots = np.array([placed[j] for j in range(n)])
    if n > LABELLED:
        return _spread(_fill(spots), radius + 1, radius + 1, radius + 1)
    # A firm takes a box: its disc, and below it the label.
    half = np.maximum(radius, [LETTER * len(label) / 2 for label in labels]) + 3
    above, below = radius + 3, radius + LINE + 3
    return _spread(_fill(spots), half, above, below)


def svg(network: Network, title: str) -> str:
    """Return the drawing as an inline SVG element."""
    radius = radii(network.sizes)
    shapes = [_arc(network, radius, *link) for link in sorted(network.links, key=lambda link: link[2])]
    order = np.argsort(-radius, kind="stable")
    for j in order:
        x, y = network.positions[j]
        kind = "node" if network.operating[j] else "node off"
        if network.marked[j]:
            shapes.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{radius[j] + 4:.1f}"/>')
        shapes.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius[j]:.1f}">'
            f"<title>{escape(network.titles[j])}</title></circle>"
        )
    major = set(order[:MAJOR].tolist())
    crowded = int((~network.operating).sum()) > MAJOR
    for j in order[::-1] if order.size <= LABELLED else ():
        x, y = network.positions[j]
        kinds = [] if network.operating[j] else ["off"]
        if int(j) not in major and (crowded or network.operating[j]):
            kinds.append("minor")
        # The distance below the disc is in letters, so that it fits whatever size the page gives them.
        shapes.append(
            f'<text class="{" ".join(kinds)}" x="{x:.1f}" y="{y + radius[j] + 2:.1f}" dy="0.9em">'
            f"{escape(network.labels[j])}</text>"
        )
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(shapes)}</svg>'
    )


def _arc(network: Network, radius: NDArray[np.float64], supplier: int, buyer: int, strength: float) -> str:
    """A curve that bends to the right of its direction, so that a link and its reverse stay apart, with a tip."""
    start, end = network.positions[supplier], network.positions[buyer]
    along = end - start
    distance = float(np.hypot(*along)) or 1.0
    middle = (start + end) / 2 + 0.14 * np.array([-along[1], along[0]])
    arrive = (end - middle) / (float(np.hypot(*(end - middle))) or 1.0)
    leave = (middle - start) / (float(np.hypot(*(middle - start))) or 1.0)
    tip = end - arrive * (radius[buyer] + 1.5)
    start = start + leave * min(radius[supplier], distance / 2)
    width = (0.7 + 3.2 * strength) * min(1.0, np.sqrt(FINE / len(network.links)))
    across = np.array([-arrive[1], arrive[0]])
    long, wide = min(5.0, 6.0 * width) + 1.3 * width, min(2.0, 2.4 * width) + 0.8 * width
    back = tip - long * arrive
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, back + wide * across, back - wide * across))
    faded = f'opacity="{0.4 + 0.6 * min(strength * 1.5, 1.0):.2f}"'
    return (
        f'<g {faded}><path class="link" stroke-width="{width:.2f}" '
        f'd="M{start[0]:.1f} {start[1]:.1f}Q{middle[0]:.1f} {middle[1]:.1f} {back[0]:.1f} {back[1]:.1f}"/>'
        f'<polygon class="tip" points="{corners}"/></g>'
    )


def _fill(spots: Positions) -> Positions:
    """Stretch positions over the drawing; ranks soften the outliers that a spring layout leaves."""
    n = len(spots)
    low, high = spots.min(axis=0), spots.max(axis=0)
    linear = (spots - low) / np.where(high > low, high - low, 1.0)
    ranked = np.argsort(np.argsort(spots, axis=0), axis=0) / max(n - 1, 1)
    frame = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    filled: Positions = MARGIN + (0.45 * linear + 0.55 * ranked) * frame
    return filled


def _spread(
    spots: Positions, half: NDArray[np.float64], above: NDArray[np.float64], below: NDArray[np.float64]
) -> Positions:
    """Push boxes that overlap apart along the shorter way, a little at a time, and keep them inside the drawing."""
    centre = spots + np.column_stack([np.zeros_like(half), (below - above) / 2])
    size = np.column_stack([half, (above + below) / 2])
    # On a telephone the page sets labels larger, and they must not be cut off at the sides.
    away = size * np.array([1.35, 1.0])
    low, high = MARGIN + away, np.array([WIDTH, HEIGHT]) - MARGIN - away
    reach = size[:, None, :] + size[None, :, :]
    n = len(spots)
    for _ in range(800):
        centre = np.clip(centre, low, high)
        apart = centre[:, None, :] - centre[None, :, :]
        overlap = np.maximum(reach - np.abs(apart), 0.0)
        overlap[np.arange(n), np.arange(n)] = 0.0
        overlap[(overlap == 0).any(axis=2)] = 0.0
        if not overlap.any():
            break
        shorter = overlap == overlap.min(axis=2, keepdims=True)
        # Firms on the very same spot part by their number.
        order = np.sign(np.subtract.outer(np.arange(n), np.arange(n)))[..., None]
        way = np.where(apart == 0, order, np.sign(apart))
        centre = centre + (0.3 * overlap * shorter * way).sum(axis=1)
    settled: Positions = np.clip(centre, low, high)
    settled[:, 1] -= (below - above) / 2
    return settled
