"""Every equilibrium with wage and demand in a box, by branch and prune.

In a box [w₁, w₂] × [A₁, A₂] of a buyer-initiated sequence, whatever a firm does lies between what it does at least and
at most: links pay most at (w₁, A₂) with the lowest costs of suppliers, least at (w₂, A₁) with the highest. One sweep
carries both, and so bounds the five sums of `endonet.solvers.sourcing.market` for every equilibrium in the box. The
equilibrium of a network rises or falls in each sum, so these bounds give an interval for w and for A, with which the
box is cut; boxes that become empty hold no equilibrium, boxes that stop shrinking are halved. Without smoothing, once
few choices are open in a box, each network that makes them one way or the other is tried: it is an equilibrium if its
own (w, A) lies inside and nobody deviates there. With smoothing a box that is mapped into itself holds an equilibrium
(Brouwer), and every box is cut down to ``width``.

Up to the rounding of doubles, for which every interval is widened by 1e-11, the list is complete for the box.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from endonet.solvers.sourcing import bounds
from endonet.solvers.sourcing.kernels import Choices, Pairs
from endonet.solvers.sourcing.market import Market, Sums, choices, crossing, implied, prune, sums
from endonet.solvers.sourcing.network import Formed, formed, settle, stands

MARGIN = 1e-11
FEW = 6  # open choices that are tried one by one
SOME, FAST = 12, 5000  # as many where a box does not shrink, if the economy has no more pairs than that
MOST_BOXES = 20_000
ROOMS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 0.1)  # around a box, in which it may be mapped into itself
SHRINKS = 0.9  # a box that keeps more than this of its width is halved
LEAST_WIDTH = 1e-10  # below it, rounding keeps choices open


class Box(NamedTuple):
    """A range of wages and of demand, by the logarithms of its ends."""

    w1: float
    w2: float
    A1: float
    A2: float

    @property
    def width(self) -> float:
        """The larger side."""
        return max(self.w2 - self.w1, self.A2 - self.A1)

    @property
    def empty(self) -> bool:
        """Whether nothing is inside."""
        return self.w1 > self.w2 or self.A1 > self.A2

    @property
    def centre(self) -> tuple[float, float]:
        """(w, A) in the middle."""
        return math.exp((self.w1 + self.w2) / 2), math.exp((self.A1 + self.A2) / 2)

    def holds(self, w: float, A: float) -> bool:
        """Return whether the point lies inside, to within the margin for rounding."""
        x, y = math.log(w), math.log(A)
        return self.w1 - MARGIN <= x <= self.w2 + MARGIN and self.A1 - MARGIN <= y <= self.A2 + MARGIN

    def cut(self, other: Box) -> Box:
        """Return what both have in common; empty if they have nothing."""
        return Box(max(self.w1, other.w1), min(self.w2, other.w2), max(self.A1, other.A1), min(self.A2, other.A2))

    def inside(self, other: Box) -> bool:
        """Return whether this box lies in the other one."""
        return other.w1 <= self.w1 and self.w2 <= other.w2 and other.A1 <= self.A1 and self.A2 <= other.A2

    def joined(self, other: Box) -> Box:
        """Return the least box that holds both."""
        return Box(min(self.w1, other.w1), max(self.w2, other.w2), min(self.A1, other.A1), max(self.A2, other.A2))

    def halves(self) -> tuple[Box, Box]:
        """Return both halves, cut across the larger side."""
        if self.w2 - self.w1 > self.A2 - self.A1:
            middle = (self.w1 + self.w2) / 2
            return self._replace(w2=middle), self._replace(w1=middle)
        middle = (self.A1 + self.A2) / 2
        return self._replace(A2=middle), self._replace(A1=middle)


def box(w1: float, w2: float, A1: float, A2: float) -> Box:
    """Return the box with these ends, all positive."""
    return Box(math.log(w1), math.log(w2), math.log(A1), math.log(A2))


@dataclass
class Located:
    """What is known of the equilibria in a box.

    Attributes
    ----------
    found : list of (w, A, network)
        Without smoothing: every equilibrium.
    boxes : list of Box
        With smoothing: every equilibrium lies in one of them.
    exists : list of bool
        With smoothing: whether the box is proved to hold one.
    autarky : list of Box
        Where nobody may trade in an open economy, so that the wage may be undetermined.
    left : list of Box
        What a limit, or rounding, left unsettled.
    boxes_seen, sweeps : int
    """

    found: list[tuple[float, float, Formed]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    exists: list[bool] = field(default_factory=list)
    autarky: list[Box] = field(default_factory=list)
    left: list[Box] = field(default_factory=list)
    boxes_seen: int = 0
    sweeps: int = 0

    @property
    def complete(self) -> bool:
        """Whether every part of the box was settled."""
        return not self.left and not self.autarky


def locate(
    economy: Market,
    within: Box,
    width: float = 1e-9,
    deadline: float | None = None,
    show: Callable[[int, int], None] | None = None,
) -> Located:
    """Return every equilibrium with (w, A) in a box; in a closed economy w = 1.

    Parameters
    ----------
    width : float
        With smoothing: boxes smaller than this (in logarithms) are not cut further.
    deadline : float, optional
        In seconds of `time.perf_counter`.
    show : callable, optional
        Called with the numbers of boxes seen and waiting.
    """
    search = Located()
    if not economy.is_open:
        within = within._replace(w1=0.0, w2=0.0)
    first = prune(economy, math.exp(within.w1 - MARGIN), math.exp(within.A2 + MARGIN))
    stack = [(within, first, False)]
    low, high = choices(economy.n), choices(economy.n)
    while stack:
        late = deadline is not None and time.perf_counter() > deadline
        if late or search.boxes_seen >= MOST_BOXES:
            search.left += [part for part, _, _ in stack]
            break
        part, pairs, certain = stack.pop()
        search.boxes_seen += 1
        if show is not None:
            show(search.boxes_seen, len(stack))
        stack += _treat(economy, search, part, pairs, certain, low, high, width)
    _join(search, width)
    for place, part in enumerate(search.boxes):
        search.exists[place] = search.exists[place] or _holds_one(economy, part, within, low, high)
    return search


def _holds_one(economy: Market, part: Box, within: Box, low: Choices, high: Choices) -> bool:
    """Return whether a box around a part is mapped into itself, so that it holds an equilibrium (Brouwer).

    Within the box that was searched every equilibrium lies in a part, so that the one found lies in this part or in
    another one that the same box holds.
    """
    for room in ROOMS:
        wider = _wider(part, room) if economy.is_open else part._replace(A1=part.A1 - room, A2=part.A2 + room)
        if not wider.inside(within):
            return False
        pairs = prune(economy, math.exp(wider.w1), math.exp(wider.A2))
        wages, demands = (math.exp(wider.w1), math.exp(wider.w2)), (math.exp(wider.A1), math.exp(wider.A2))
        bounds.enclose(economy.firms, pairs, economy.rule, wages, demands, low, high)
        reach = _reach(economy, sums(economy, low), sums(economy, high), wider)
        if not reach.empty and reach.inside(wider) and economy.L > sums(economy, high).F:
            return True
    return False


def _treat(
    economy: Market,
    search: Located,
    part: Box,
    pairs: Pairs,
    certain: bool,
    low: Choices,
    high: Choices,
    width: float,
) -> Iterator[tuple[Box, Pairs, bool]]:
    """Cut a box until it is settled, or yield its halves."""
    smooth = economy.rule.relative > 0 or economy.rule.absolute > 0
    pruned = part
    while True:
        wages = (math.exp(part.w1 - MARGIN), math.exp(part.w2 + MARGIN)) if economy.is_open else (1.0, 1.0)
        demands = (math.exp(part.A1 - MARGIN), math.exp(part.A2 + MARGIN))
        bounds.enclose(economy.firms, pairs, economy.rule, wages, demands, low, high)
        search.sweeps += 1
        least, most = sums(economy, low), sums(economy, high)
        if economy.is_open and least.Hb <= 0 and least.Ga <= 0 and (most.Ga <= 0 or most.Hb <= 0):
            search.autarky += _without_trade(economy, least, most, part)
            return
        reach = _reach(economy, least, most, part)
        smaller = part.cut(reach)
        if reach.empty or smaller.empty:
            return
        certain = certain or reach.inside(part)
        open_choices = _open_choices(low, high)
        stuck = smaller.width > SHRINKS * part.width
        if not smooth and open_choices <= (SOME if stuck and pairs.supplier.size <= FAST else FEW):
            _try_all(economy, search, part, pairs, wages + demands, low, high)
            return
        if smooth and smaller.width <= width:
            search.boxes.append(smaller)
            search.exists.append(certain)
            return
        if smaller.width <= LEAST_WIDTH:
            search.left.append(smaller)
            return
        part = smaller
        if stuck or part.width <= pruned.width / 2:
            pairs, pruned = prune(economy, math.exp(part.w1 - MARGIN), math.exp(part.A2 + MARGIN), pairs), part
        if stuck:
            yield from ((half, pairs, False) for half in part.halves())
            return


def _without_trade(economy: Market, least: Sums, most: Sums, part: Box) -> list[Box]:
    """Return where in a box nobody may trade while everybody is employed, as a list of one box or none."""
    if least.F >= economy.L:
        return []
    scale = economy.mu**economy.rule.sigma
    highest = math.log(scale * (economy.L - least.F) / least.Ha) + economy.rule.sigma * part.w2
    lowest = part.A1
    if most.F < economy.L:
        lowest = math.log(scale * (economy.L - most.F) / most.Ha) + economy.rule.sigma * part.w1
    rest = part.cut(part._replace(A1=lowest - MARGIN, A2=highest + MARGIN))
    return [] if rest.empty else [rest]


def _reach(economy: Market, least: Sums, most: Sums, part: Box) -> Box:
    """Return an interval for the (w, A) of every network between two; where the sums give no end, that of the box."""
    nothing = Box(1.0, 0.0, 1.0, 0.0)
    if least.F >= economy.L:
        return nothing
    scale, left = economy.mu**economy.rule.sigma, economy.L - most.F
    if not economy.is_open:
        highest = math.log(scale * (economy.L - least.F) / least.Ha)
        lowest = math.log(scale * left / most.Ha) if left > 0 else part.A1
        return Box(0.0, 0.0, lowest - MARGIN, highest + MARGIN)
    if most.Ga <= 0 or most.Hb <= 0:
        return nothing
    w1, w2, A1, A2 = part
    dear = least._replace(Hb=most.Hb)  # the lowest line of balanced trade
    cheap = most._replace(Hb=least.Hb)
    if least.Ga > 0:
        w1 = math.log(crossing(economy, dear, least)[0]) - MARGIN
    if least.Hb > 0 and left > 0:
        w2 = math.log(crossing(economy, cheap, most)[0]) + MARGIN
    if least.Ga > 0 and left > 0:
        A1 = math.log(crossing(economy, dear, most)[1]) - MARGIN
    if least.Hb > 0:
        A2 = math.log(crossing(economy, cheap, least)[1]) + MARGIN
    return Box(w1, w2, A1, A2)


def _open_choices(low: Choices, high: Choices) -> float:
    """Return how many choices differ between two nested networks, without smoothing."""
    names = ("links", "imports", "exports")
    return float(sum((getattr(high, name) - getattr(low, name)).sum() for name in names))


def _try_all(
    economy: Market,
    search: Located,
    part: Box,
    pairs: Pairs,
    ends: tuple[float, ...],
    low: Choices,
    high: Choices,
) -> None:
    """Try every network between two that differ in a few choices."""
    w1, w2, A1, A2 = ends
    least, most = formed(economy, pairs, w2, A1, low), formed(economy, pairs, w1, A2, high)
    links, importers, exporters = (
        np.flatnonzero(above != below) for below, above in zip(least[1:], most[1:], strict=True)
    )
    for chosen in itertools.product((0.0, 1.0), repeat=links.size + importers.size + exporters.size):
        p, imports, exports = least.p.copy(), least.imports.copy(), least.exports.copy()
        p[links] = chosen[: links.size]
        imports[importers] = chosen[links.size : links.size + importers.size]
        exports[exporters] = chosen[links.size + importers.size :]
        _note(economy, search, part, Formed(pairs, p, imports, exports))


def _note(economy: Market, search: Located, part: Box, network: Formed) -> None:
    """Record a network if it is an equilibrium in a box."""
    found = settle(economy, network)
    point = implied(economy, sums(economy, found))
    if point is not None and part.holds(*point) and stands(economy, network, *point, found):
        search.found.append((*point, network))


def _join(search: Located, width: float) -> None:
    """Join boxes that touch, and drop equilibria that two of them found."""
    boxes: list[Box] = []
    exists: list[bool] = []
    for part, certain in zip(search.boxes, search.exists, strict=True):
        near = [b for b in range(len(boxes)) if not _wider(boxes[b], width).cut(_wider(part, width)).empty]
        for b in reversed(near):
            part, certain = part.joined(boxes.pop(b)), exists.pop(b) or certain
        boxes.append(part)
        exists.append(certain)
    search.boxes, search.exists = boxes, exists
    distinct: list[tuple[float, float, Formed]] = []
    for w, A, network in search.found:
        spot = Box(math.log(w), math.log(w), math.log(A), math.log(A))
        if not any(spot.inside(_wider(Box(*(math.log(x) for x in (v, v, B, B))), 2 * MARGIN)) for v, B, _ in distinct):
            distinct.append((w, A, network))
    search.found = distinct


def _wider(part: Box, by: float) -> Box:
    return Box(part.w1 - by, part.w2 + by, part.A1 - by, part.A2 + by)
