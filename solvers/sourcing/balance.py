"""One equilibrium of a buyer-initiated sequence: the (w, A) that the network chosen at (w, A) implies.

The network that firms choose at a guess has an equilibrium of its own, found from five sums
(`endonet.solvers.sourcing.market`); a guess that this returns is an equilibrium. The map from guess to implied is
almost flat, since networks react little to (w, A): with logarithms, Broyden's method from the Jacobian −I of the
difference needs 7 or 8 sweeps to rounding at 100 000 firms.

Pairs that cannot be chosen at any wage ≥ w₀ and demand ≤ A₀ are dropped beforehand; a guess that leaves the quadrant
widens it. Without smoothing the map jumps: the last digits are left to `locate`, which finds every equilibrium near the
smoothed one, or the choice at which it slips through.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from endonet.solvers.sourcing import kernels
from endonet.solvers.sourcing.enclosure import Box, Located, box, locate
from endonet.solvers.sourcing.kernels import Choices, Pairs
from endonet.solvers.sourcing.market import Market, choices, implied, prune, sums
from endonet.solvers.sourcing.network import Formed, formed, settle

TOLERANCE = 1e-13
ROOM = 0.25  # how far, in logarithms, the quadrant of pruning reaches beyond the guess
STRIDE = 0.5  # the largest step in logarithms
BLUR = 1e-3  # relative smoothing under which an unsmoothed economy is solved first
NEAR = (0.02, 0.2)  # boxes around that solution in which the exact one is looked for
SAMPLE = 4_000_000  # pairs of the first firms on which the guess is made
REPLIES = 300
ROUNDING = 1e-11  # a residual that no longer falls below this is at rounding level
LEAST_DAMP = 1e-6
FIRST = 80  # sweeps after which a small economy is searched by boxes
DIFFERENCE = 1e-7
WIDE = box(1e-4, 1e4, 1e-8, 1e8)  # where equilibria are looked for if all of them cannot be bounded
SMALL = 200_000  # pairs up to which every equilibrium is located at once


class Jump(NamedTuple):
    """Why there is no equilibrium: a network that asks for the next one, and so on in a circle.

    Attributes
    ----------
    points : tuple of (w, A)
        The equilibrium of each network of the circle, at which firms choose the next one.
    links, importers, exporters : int arrays
        Choices that change along the circle: (supplier, buyer) pairs of shape (k, 2), firms. By place in the sequence.
    """

    points: tuple[tuple[float, float], ...]
    links: NDArray[np.int64]
    importers: NDArray[np.int64]
    exporters: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Balance:
    """Where wage and demand came to rest.

    Attributes
    ----------
    w, A : float
    network : Formed
        What firms choose at (w, A).
    choices : Choices
    residual : float
        The larger of |ln(w′/w)| and |ln(A′/A)|, where (w′, A′) is the network's own equilibrium.
    settled : bool
        Whether the residual is at rounding level.
    jump : Jump or None
        The choice at which the equilibrium slips through, if it does.
    proved : Box or None
        Where the list of equilibria is known to be complete.
    covers_all : bool
        Whether there can be no equilibrium outside that box.
    located : Located or None
        What the search in that box found.
    evaluations : int
        Sweeps over the economy at its full size.
    kept : float
        Share of the potential links that pruning left.
    trace : list of (w, A, residual)
    """

    w: float
    A: float
    network: Formed
    choices: Choices
    residual: float
    settled: bool
    evaluations: int
    kept: float
    trace: list[tuple[float, float, float]]
    jump: Jump | None = None
    proved: Box | None = None
    covers_all: bool = False
    located: Located | None = None


@dataclass
class _Path:
    """The state of a search: the pairs that are left, the quadrant they are good for, and what was seen."""

    economy: Market
    found: Choices
    pairs: Pairs | None = None
    corner: tuple[float, float] = (math.inf, -math.inf)
    evaluations: int = 0
    trace: list[tuple[float, float, float]] = field(default_factory=list)
    show: Callable[..., None] | None = None

    def residual(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return ln (w′, A′) − ln (w, A) at x = ln (w, A); None where the network has no equilibrium."""
        if self.pairs is None or x[0] < self.corner[0] or x[1] > self.corner[1]:
            self.corner = x[0] - (ROOM if self.economy.is_open else 0.0), x[1] + ROOM
            self.pairs = prune(self.economy, math.exp(self.corner[0]), math.exp(self.corner[1]))
        w, A = math.exp(x[0]), math.exp(x[1])
        kernels.sweep(self.economy.firms, self.pairs, self.economy.rule, w, A, self.found)
        self.evaluations += 1
        point = implied(self.economy, sums(self.economy, self.found))
        gap = None if point is None else np.log(point) - x
        self.trace.append((w, A, math.nan if gap is None else float(np.abs(gap).max())))
        if self.show is not None:
            self.show(sweeps=self.evaluations, w=w, A=A, residual=self.trace[-1][2])
        return gap


def balance(
    economy: Market,
    start: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
    max_evaluations: int = 200,
    deadline: float | None = None,
    show: Callable[..., None] | None = None,
) -> Balance:
    """Return one equilibrium, or the jump in its place.

    Parameters
    ----------
    start : (w, A), optional
        A guess, such as the equilibrium under other parameters.
    tolerance : float
        On |ln(w′/w)| and |ln(A′/A)|.
    deadline : float, optional
        In seconds of `time.perf_counter`.
    show : callable, optional
        Called with named numbers after each sweep.
    """
    smooth = economy.rule.relative > 0 or economy.rule.absolute > 0
    if not smooth and economy.pairs.supplier.size <= SMALL:
        return _everywhere(economy, deadline)
    blurred = economy if smooth else replace(economy, rule=kernels.rule(economy.rule.sigma, BLUR))
    x = np.log(start) if start is not None else _guess(blurred, deadline)
    path = _Path(blurred, choices(economy.n), show=show)
    small = smooth and economy.pairs.supplier.size <= SMALL
    first = min(max_evaluations, FIRST) if small else max_evaluations
    x, gap = _broyden(path, np.asarray(x, dtype=np.float64), tolerance if smooth else 1e-7, first, deadline)
    lost = gap is None or np.abs(gap).max() > ROUNDING
    if small and lost and path.evaluations < max_evaluations:
        x, gap = _from_boxes(path, x, gap, tolerance, max_evaluations, deadline)
    assert path.pairs is not None
    w, A = float(math.exp(x[0])), float(math.exp(x[1]))
    kept = path.pairs.supplier.size / max(economy.pairs.supplier.size, 1)
    rest = float(np.abs(gap).max()) if gap is not None else math.inf
    network = formed(blurred, path.pairs, w, A, path.found)
    state = Balance(w, A, network, path.found, rest, rest <= tolerance, path.evaluations, kept, path.trace)
    if smooth or rest > 1e-6:
        return state
    return _sharpen(economy, state, deadline)


def _sharpen(economy: Market, state: Balance, deadline: float | None) -> Balance:
    """Find the unsmoothed equilibrium near the smoothed one, or the jump in its place."""
    found, proved = Located(), None
    sweeps = state.evaluations
    for room in NEAR:
        x, y = (math.log(state.w) if economy.is_open else 0.0), math.log(state.A)
        proved = Box(x - room, x + room, y - room, y + room)
        found = locate(economy, proved, deadline=deadline)
        sweeps += found.sweeps
        if found.found or not found.complete:
            break
    return _picked(economy, state, found, proved, sweeps)


def _everywhere(economy: Market, deadline: float | None) -> Balance:
    """Locate every equilibrium of a small economy and return the first."""
    proved = everywhere(economy)
    all_of_it = proved is not None
    proved = proved or WIDE
    found = locate(economy, proved, deadline=deadline)
    blank = choices(economy.n)
    nothing = Formed(economy.pairs, np.zeros(economy.pairs.supplier.size), np.zeros(economy.n), np.zeros(economy.n))
    state = Balance(math.nan, math.nan, nothing, blank, math.inf, False, 0, 1.0, [])
    return replace(_picked(economy, state, found, proved, found.sweeps), covers_all=all_of_it)


def _picked(economy: Market, state: Balance, found: Located, proved: Box | None, sweeps: int) -> Balance:
    known = {"proved": proved if found.complete else None, "located": found, "evaluations": sweeps}
    if not found.found:
        start = np.log([state.w, state.A]) if math.isfinite(state.A) else _guess(economy, None)
        return replace(state, settled=False, jump=_circle(economy, start), **known)  # type: ignore[arg-type]
    w, A, network = min(found.found, key=lambda one: one[1])
    costs = settle(economy, network)
    point = implied(economy, sums(economy, costs))
    assert point is not None
    rest = max(abs(math.log(point[0] / w)), abs(math.log(point[1] / A)))
    return replace(state, w=w, A=A, network=network, choices=costs, residual=rest, settled=True, **known)  # type: ignore[arg-type]


def _circle(economy: Market, start: NDArray[np.float64]) -> Jump | None:
    """Follow networks from each one's own equilibrium to what firms choose there, until they repeat."""
    path = _Path(economy, choices(economy.n))
    x, gap = _defined(path, start, REPLIES, None)
    seen: dict[bytes, int] = {}
    points: list[tuple[float, float]] = []
    while gap is not None and len(points) < REPLIES:
        assert path.pairs is not None
        name = b"".join(getattr(path.found, part).tobytes() for part in ("links", "imports", "exports", "fixed"))
        if name in seen:
            return _changes(path, points[seen[name] :])
        seen[name] = len(points)
        x = x + gap
        points.append((math.exp(x[0]), math.exp(x[1])))
        gap = path.residual(x)
    return None


def _changes(path: _Path, points: list[tuple[float, float]]) -> Jump | None:
    """Return a circle of networks and what changes along it; pairs are those of one quadrant that holds all points."""
    if len(points) < 2:
        return None
    economy = path.economy
    pairs = prune(economy, min(w for w, _ in points), max(A for _, A in points))
    networks = []
    for w, A in points:
        kernels.sweep(economy.firms, pairs, economy.rule, w, A, path.found)
        networks.append(formed(economy, pairs, w, A, path.found))
    links, importers, exporters = (
        np.flatnonzero(np.any([part != first for part in parts], axis=0))
        for first, *parts in zip(*(network[1:] for network in networks), strict=True)
    )
    buyers = np.searchsorted(pairs.ptr, links, side="right") - 1
    return Jump(tuple(points), np.column_stack([pairs.supplier[links], buyers]), importers, exporters)


def _broyden(
    path: _Path, x: NDArray[np.float64], tolerance: float, max_evaluations: int, deadline: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return (ln w, ln A) and the last residual; None if no guess had one."""
    x, gap = _defined(path, x, max_evaluations, deadline)
    if gap is None:
        return x, None
    J, damp = -np.eye(2), 1.0
    exact = False  # whether J was taken by differences here
    while np.abs(gap).max() > tolerance and path.evaluations < max_evaluations:
        if deadline is not None and time.perf_counter() > deadline:
            break
        if abs(np.linalg.det(J)) < 1e-6:
            J = -np.eye(2)
        step = np.linalg.solve(J, -gap) * damp
        step *= min(1.0, STRIDE / max(np.abs(step).max(), 1e-300))
        new = path.residual(x + step)
        if new is not None and np.abs(new).max() < (1 - 0.1 * damp) * np.abs(gap).max():
            J += np.outer(new - gap - J @ step, step) / (step @ step)
            x, gap, damp, exact = x + step, new, min(1.0, 2 * damp), False
        elif np.abs(gap).max() < ROUNDING:
            break
        elif not exact:
            J, damp, exact = _differences(path, x, gap), 1.0, True
        elif damp > LEAST_DAMP:
            damp /= 2
        else:
            break
    path.residual(x)
    return x, gap


def _differences(path: _Path, x: NDArray[np.float64], gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Jacobian of the residual by forward differences; −I where they cannot be had."""
    columns = []
    for step in DIFFERENCE * np.eye(2):
        new = path.residual(x + step)
        if new is None:
            return -np.eye(2)
        columns.append((new - gap) / DIFFERENCE)
    J = np.column_stack(columns)
    if not path.economy.is_open:
        J[:, 0] = -1.0, 0.0
    return J


def _from_boxes(
    path: _Path,
    x: NDArray[np.float64],
    gap: NDArray[np.float64] | None,
    tolerance: float,
    max_evaluations: int,
    deadline: float | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Start again from the middle of tiny boxes that hold every equilibrium, where smoothing is too weak for a path."""
    for part in locate(path.economy, WIDE, width=1e-7, deadline=deadline).boxes:
        middle = np.log(part.centre) * (1.0 if path.economy.is_open else np.array([0.0, 1.0]))
        new, rest = _broyden(path, middle, tolerance, max_evaluations, deadline)
        if rest is not None and (gap is None or np.abs(rest).max() < np.abs(gap).max()):
            x, gap = new, rest
        if gap is not None and np.abs(gap).max() <= ROUNDING:
            break
    path.residual(x)
    return x, gap


def _defined(
    path: _Path, x: NDArray[np.float64], max_evaluations: int, deadline: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Move a guess to where the network has an equilibrium: fewer links if labour is short, trade if there is none."""
    economy = path.economy
    gap = path.residual(x)
    while gap is None and path.evaluations < max_evaluations:
        if deadline is not None and time.perf_counter() > deadline:
            break
        totals = sums(economy, path.found)
        if totals.F >= economy.L:
            x = x - np.array([0.0, STRIDE])
        elif totals.Ga <= 0 and totals.Hb <= 0:
            x = x + np.array([0.0, STRIDE])
        else:
            x = x + np.array([STRIDE if totals.Hb <= 0 else -STRIDE, 0.0])
        gap = path.residual(x)
    return x, gap


def _guess(economy: Market, deadline: float | None) -> NDArray[np.float64]:
    """Return ln (w, A) of the first firms of a large economy, with their share of labour; else that of no links."""
    firms = economy.firms
    first = int(np.searchsorted(economy.pairs.ptr, SAMPLE, side="right")) - 1
    if 0 < first < economy.n // 2:
        ptr = economy.pairs.ptr[: first + 1]
        pairs = Pairs(ptr, *(part[: ptr[-1]] for part in economy.pairs[1:]))
        some = replace(
            economy,
            firms=type(firms)(*(part[:first] for part in firms)),
            pairs=pairs,
            L=economy.L * first / economy.n,
        )
        path = _Path(some, choices(first))
        x, gap = _broyden(path, _guess(some, deadline), 1e-4, 100, deadline)
        if gap is not None:
            return x
    alone = float((firms.beta * firms.Phi * firms.labour).sum())
    return np.array([0.0, math.log(economy.mu**economy.rule.sigma * economy.L / alone) - math.log(4.0)])


def everywhere(economy: Market) -> Box | None:
    """Return a box that holds every trading equilibrium of an unsmoothed economy; None if this cannot be had.

    T_j is at most what all links and imports give, T̄_j(w) = ā_j u + b̄_j. Whoever exports gains κ g_j T̄_j(w) ≥ f_jF w
    at most, which bounds w from above unless exporting is free. At low wages firms export by themselves and need more
    labour than there is: w^σ μ^σ L ≥ Σ e_j g_j φ~_j α~_Lj bounds w from below. E ≥ w L bounds A from below, and full
    employment, A Σ β~ φ~ α~_L ≤ μ^σ L w^σ, from above.
    """
    firms, sigma, mu, L = economy.firms, economy.rule.sigma, economy.mu, economy.L
    pairs = economy.pairs._replace(alpha=economy.pairs.alpha.astype(np.float64) ** (sigma - 1))
    ones = np.ones(pairs.supplier.size)
    most = settle(economy, Formed(pairs, ones, (firms.foreign > 0) * 1.0, (firms.g > 0) * 1.0))
    alone = firms.Phi * firms.labour
    if not (np.isfinite(most.a).all() and np.isfinite(most.b).all()):
        return None
    w1 = w2 = 1.0
    if economy.is_open:
        sells = firms.g > 0
        if not sells.any() or (firms.f_export[sells] <= 0).any():
            return None
        g, f = firms.g[sells], firms.f_export[sells]
        high, low, own = most.a[sells], most.b[sells], alone[sells]

        def nobody(x: float) -> bool:
            return bool((economy.rule.kappa * g * (high * np.exp((1 - sigma) * x) + low) < f * np.exp(x)).all())

        def short(x: float) -> bool:
            sure = economy.rule.kappa * g * own * np.exp((1 - sigma) * x) >= f * np.exp(x)
            return bool((g * own)[sure].sum() > mu**sigma * L * np.exp(sigma * x))

        with np.errstate(over="ignore"):  # far out, where infinity compares as it should
            top, bottom = _threshold(nobody), _threshold(lambda x: not short(x))
        if top is None or bottom is None:
            return None
        w1, w2 = math.exp(bottom[0]), math.exp(top[1])
        if w1 > w2:
            w1, w2 = w2, w1
    with np.errstate(over="ignore"):
        dearest = float((firms.beta * (most.a * np.power(w1, 1 - sigma) + most.b)).sum())
        A1 = w1 * L / (mu ** (1 - sigma) * dearest)
        A2 = float(mu**sigma * L * np.power(w2, sigma) / (firms.beta * alone).sum())
    return box(w1, w2, A1, max(A1, A2)) if np.isfinite(A1) and A1 > 0 and np.isfinite(A2) else None


def may_do_without_trade(economy: Market) -> bool:
    """Return False only if no network without trade can be an equilibrium of an unsmoothed open economy, at any wage.

    Without trade A = Â w^σ, and the choice of links is that of the closed economy at every wage. Importing pays from
    some wage on; if somebody exports at that wage without importing, he does so at every lower one.
    """
    firms, sigma = economy.firms, economy.rule.sigma
    nobody = np.zeros(economy.n)
    at_home = firms._replace(g=nobody, foreign=nobody)
    closed = balance(replace(economy, firms=at_home, is_open=False))
    if not closed.settled:
        return closed.jump is None and not closed.covers_all
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = economy.rule.kappa * firms.Phi * firms.beta * closed.A * firms.foreign
        ratio = np.where(firms.foreign > 0, firms.f_import / gains, np.inf)
    w = float(np.nanmin(ratio)) ** (1 / (sigma - 1))
    if w == 0:
        return False
    if not math.isfinite(w):
        return not bool(((firms.g > 0) & (firms.f_export <= 0)).any())
    selling = replace(economy, firms=firms._replace(foreign=nobody))
    A = closed.A * w**sigma
    found = choices(economy.n)
    kernels.sweep(selling.firms, prune(selling, w, A), economy.rule, w, A, found)
    return not bool(found.exports.any())


def _threshold(beyond: Callable[[float], bool]) -> tuple[float, float] | None:
    """Return an interval of 1e-9 with the logarithm from which on a rising statement is true; None if there is none."""
    low, high = -100.0, 100.0
    if beyond(low) or not beyond(high):
        return None
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return low, high
