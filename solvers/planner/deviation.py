"""Local search by the one-firm test of paper 001, Table 2, and its two-firm extension.

The paper checks the networks its heuristic finds by changing the status of one firm at a time, "as long as there are
deviations to be found". Here that is a solver: it starts anywhere and ends at a network that no single change (or no
change of one firm, and no swap of an active against an idle one) improves by more than 1e-12 in log Y. It says nothing
about changes of more firms.

Every change is either tested, by a worklist that recomputes only the firms it reaches until the sign of the gain is
beyond doubt (`endonet.solvers.planner.flips`), or excluded by a bound from duality (`endonet.solvers.planner.screen`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import InputError, UnsettledError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import Solver
from endonet.solvers.planner import flips, kernels, screen
from endonet.solvers.planner.start import feasible_start
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

NEIGHBOURHOODS = ("one", "two")
BATCH = 256
LINKS_IN_A_BATCH = 4_000_000
PAIRS_AT_ONCE = 1 << 20

Moves = tuple[NDArray[np.int64], NDArray[np.int64]]
UNSETTLED = "the fixed point (7) did not settle; alpha is too close to 1 for doubles"


class Walk(NamedTuple):
    """Where a local search went.

    Attributes
    ----------
    theta : int8 array, shape (n,)
    settled : bool
        Whether no change left in the neighbourhood improves ``theta``.
    stopped_by : StoppedBy
    passes, tested, made : int
        Rounds over the neighbourhood, changes tested by themselves (the others the bound excluded), changes made.
    """

    theta: NDArray[np.int8]
    settled: bool
    stopped_by: StoppedBy
    passes: int
    tested: int
    made: int


def improve(
    problem: PlannerProblem,
    theta: ArrayLike,
    candidates: ArrayLike | None = None,
    neighbourhood: str = "one",
    deadline: float | None = None,
) -> NDArray[np.int8]:
    """Return a network at least as good as θ that no change in the neighbourhood improves, or the best by the deadline.

    Parameters
    ----------
    theta : array_like of 0 and 1, shape (n,)
        Feasible.
    candidates : array_like of int, optional
        The firms that may change; by default all.
    neighbourhood : {"one", "two"}
    deadline : float, optional
        In seconds of `time.perf_counter`.

    Raises
    ------
    InputError
        If θ violates a row or its fixed costs leave no labour.
    UnsettledError
        If doubles do not hold a network that is to be tested.
    """
    return climb(problem, theta, candidates, neighbourhood, deadline).theta


def climb(
    problem: PlannerProblem,
    theta: ArrayLike,
    candidates: ArrayLike | None = None,
    neighbourhood: str = "one",
    deadline: float | None = None,
    progress: Progress | None = None,
) -> Walk:
    """Do what `improve` does and report how it went; ``progress`` shows the changes tested and made."""
    start = problem.operating(theta)
    firms = np.arange(problem.n) if candidates is None else np.unique(np.asarray(candidates, np.int64))
    e, rows = kernels.economy(problem), flips.rows_by_firm(problem)
    point, work = flips.empty_point(problem, start), flips.scratch(problem.n)
    bounds, u = screen.empty_screen(problem.n), np.zeros(problem.n)
    if problem.rows.violated(start.astype(np.float64)).size or problem.labour_left(start) < 0:
        raise InputError("theta", "it violates a row or the labour constraint", "start from a feasible network")
    widest = start.copy()
    widest[firms] = 1
    ceiling = screen.input_ceiling(e, widest)
    batch = max(1, min(BATCH, LINKS_IN_A_BATCH // (problem.n + problem.links)))
    passes = tested = made = 0
    stopped_by, settled, reach = StoppedBy.FINISHED, False, "one"
    try:
        while not settled and stopped_by is StoppedBy.FINISHED:
            passes += 1
            # The tests of the one-firm pass have lowered the bounds, which the two-firm pass at the same network builds
            # on.
            if reach == "one":
                if not flips.refresh(e, rows, point):
                    raise UnsettledError(UNSETTLED)
                screen.fill_screen(e, point, ceiling, u, bounds)
            made_now = 0
            for off, on in _moves(point, bounds, firms, reach):
                for first in range(0, off.size, batch):
                    last = min(first + batch, off.size)
                    count = flips.try_moves(e, rows, point, work, bounds, made_now == 0, off, on, first, last)
                    if count < 0:
                        raise UnsettledError(UNSETTLED)
                    made_now += count
                    tested += last - first
                    if progress is not None:
                        progress.show(passes=passes, tested=tested, changes=made + made_now)
                    if deadline is not None and time.perf_counter() > deadline:
                        stopped_by = StoppedBy.TIME_LIMIT
                        break
                if stopped_by is not StoppedBy.FINISHED:
                    break
            made += made_now
            if made_now:
                reach = "one"
            elif reach != neighbourhood:
                reach = neighbourhood
            else:
                settled = stopped_by is StoppedBy.FINISHED
    except KeyboardInterrupt:
        stopped_by = StoppedBy.INTERRUPTED
    return Walk(point.theta.copy(), settled, stopped_by, passes, tested, made)


def _moves(point: flips.Point, bounds: screen.Screen, firms: NDArray[np.int64], reach: str) -> Iterator[Moves]:
    """Yield the changes that the bound does not exclude, the most promising first: (who goes off, who goes on)."""
    excess = float(bounds.excess[0])
    bound = bounds.gain[firms]
    if not np.isfinite(excess):
        bound, excess = np.full(firms.size, np.inf), 0.0
    operating = point.theta[firms] == 1
    if reach == "one":
        order = np.argsort(-bound, kind="stable")
        order = order[bound[order] + excess > flips.IMPROVEMENT]
        yield np.where(operating[order], firms[order], -1), np.where(operating[order], -1, firms[order])
        return
    drops, adds = np.flatnonzero(operating), np.flatnonzero(~operating)
    drops = drops[np.argsort(-bound[drops], kind="stable")]
    adds = adds[np.argsort(-bound[adds], kind="stable")]
    # Sorted drops: those that could pay for an addition form a prefix.
    partners = np.searchsorted(-bound[drops], bound[adds] + excess - flips.IMPROVEMENT, side="left")
    ends = np.cumsum(partners)
    begin = 0
    while begin < adds.size:
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + PAIRS_AT_ONCE, side="right")))
        counts = partners[begin:end]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        yield firms[drops[within]], firms[np.repeat(adds[begin:end], counts)]
        begin = end


@dataclass(frozen=True, kw_only=True)
class Deviation(Solver[PlannerProblem]):
    """Local search over changes of one firm, or of one firm and swaps of two (paper 001, section 2.3, Table 2).

    Proves a local optimum: ``LOCAL`` means that every change in the neighbourhood that keeps the rows on θ and the
    labour constraint was tested or excluded by a valid bound, and none raises log Y by more than 1e-12.

    Parameters
    ----------
    initial : array_like of 0 and 1, optional
        Where to start; by default every firm is on. If that violates a row or the labour constraint, the feasible θ
        that changes the fewest firms is taken instead, and a note says so.
    neighbourhood : {"one", "two"}, default "one"
        ``"one"``: one firm changes. ``"two"``: or one goes off while another goes on.
    """

    name: ClassVar[str] = "deviation"
    title: ClassVar[str] = "Deviation: change one firm, or swap two, as long as output rises"
    proves: ClassVar[Proves] = Proves.LOCAL_OPTIMUM

    neighbourhood: str = "one"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbourhood not in NEIGHBOURHOODS:
            raise InputError(
                "neighbourhood", f"{self.neighbourhood!r} is unknown", f"use one of {', '.join(NEIGHBOURHOODS)}"
            )

    def prepare(self) -> None:
        """Compile the kernels."""
        tiny = tiny_economy()
        tiny.evaluate(climb(tiny, np.ones(tiny.n), neighbourhood="two").theta)
        # The bound may leave that climb nothing to test, so one test is asked for by name.
        e, rows = kernels.economy(tiny), flips.rows_by_firm(tiny)
        point, bounds = flips.empty_point(tiny, np.ones(tiny.n, np.int8)), screen.empty_screen(tiny.n)
        flips.refresh(e, rows, point)
        nobody, first = np.array([-1]), np.array([0])
        flips.try_moves(e, rows, point, flips.scratch(tiny.n), bounds, False, first, nobody, 0, 1)

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Find a feasible start and climb from it."""
        del formulation
        deadline = None if self.time_limit is None else time.perf_counter() + self.time_limit
        wanted = problem.operating(np.ones(problem.n) if self.initial is None else self.initial)
        start = feasible_start(problem, wanted, self.time_limit)
        if start.theta is None:
            return Finding(None, start.status, start.stopped_by, notes=(start.note,))
        moved = int((start.theta != wanted).sum())
        nearest = f"the start was not feasible; the nearest feasible one changes {moved} firms"
        notes: tuple[str, ...] = (nearest,) if moved else ()
        with Progress(self.log) as progress:
            walk = climb(problem, start.theta, neighbourhood=self.neighbourhood, deadline=deadline, progress=progress)
        if not walk.settled:
            notes += ("the search was stopped; θ is the best network seen",)
        report: dict[str, Any] = {"passes": walk.passes, "tested": walk.tested, "changes": walk.made}
        claim = Status.LOCAL if walk.settled else Status.NOT_CONVERGED
        return Finding(walk.theta, claim, walk.stopped_by, notes=notes, statistics=report)
