"""What can be proved about one box of choices from prices alone, without a linear program; and a good incumbent.

    settle:  rows → envelope of inputs → prices → dual bound → fix by reduced costs, squeeze inputs → again
    cool:    descent on the smoothed dual at falling temperatures → settle → local search where the prices are in doubt

Prices come from the incumbent (`market`) as long as they help, and then from `descent`. Each step costs a few passes
over the links. `lagrangian` does this to the box of all choices; `certified` adds linear programs and branching. What
is discarded is written into a certificate, whose rules (`certificate.Replay`) both apply.

Source: paper 001 has no bounds; see `dual_bound`, `envelope`, `squeeze`, `market` and `descent`.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import UnsettledError
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.planner import certificate, dominance
from endonet.solvers.planner.certificate import SAFETY, Box, Replay
from endonet.solvers.planner.descent import descend
from endonet.solvers.planner.deviation import improve
from endonet.solvers.planner.dual_bound import Prices, bound
from endonet.solvers.planner.market import market_prices
from endonet.solvers.planner.reshaping import iterate_conditions
from endonet.solvers.planner.start import feasible_start, likeliest
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Status, StoppedBy

if TYPE_CHECKING:
    from endonet.solvers.planner.outer import Warm

Choice = NDArray[np.int8]

LARGEST_LOG = 709.0
LEAST_GAP = 1e-11  # a smaller rel_gap drowns in rounding
DENSE = 30  # links a firm, beyond which testing a change costs as much as solving the economy
WORK, FEWEST = 1_000_000, 10  # in dense economies: links for one local search, candidates at the least
SWAPPED = 60  # candidates for swaps
STEPS = 100  # evaluations of the dual at one temperature
FIRST, COOLING = 0.03, 0.5  # of the gap, shared among √(undecided firms)
WORTHWHILE = 0.02  # of the gap; a descent that gains less does not count as progress
FREE_REPAIRS = 10  # so many roundings are made to satisfy the rows, then those of every so many nodes
REPAIR_EVERY = 10
CHANGES = 1000  # candidates for changes of a rounding; of more, those
DOUBT = 0.4  # as near as this to ½ as a relaxed θ, or unlike the incumbent


class StopError(Exception):
    """The time limit was reached or Ctrl-C was pressed."""


@dataclass(eq=False)
class Node:
    """A box that is still open, what is known for it, and its place in the certificate.

    Attributes
    ----------
    prices : Prices or None
        The latest prices, to be tried first when the box has shrunk.
    witness : Prices or None
        The prices that prove ``box.top``.
    warm : Warm or None
        Where its linear program ended, if it had one.
    """

    box: Box
    record: int
    prices: Prices | None = None
    witness: Prices | None = None
    warm: Warm | None = None


class Bounding:
    """The incumbent, the boxes still open, and the certificate as it grows."""

    def __init__(self, problem: PlannerProblem, rel_gap: float, deadline: float, dominated: bool = True) -> None:
        self.problem = problem
        self.order = dominance.pairs(problem) if dominated else np.empty((0, 2), np.int64)
        self.ordered = dominance.ordered(problem, self.order)
        self.deadline = deadline
        self.tolerance = math.log1p(max(rel_gap, LEAST_GAP)) - 2 * SAFETY
        self.rules = Replay(self.ordered)
        self.best: Choice | None = None
        self.outcome: PlannerOutcome | None = None
        self.log_best = -math.inf
        self.discarded = -math.inf
        self.nodes = 0
        self.used_prices: list[Prices] = []
        self.records: list[dict[str, Any]] = [{"parent": -1, "firm": -1, "value": -1, "rounds": []}]
        self.tickets = itertools.count()
        self.heap: list[tuple[float, int, Node]] = []
        self.repairs = 0
        self.counts: dict[str, int] = {}
        self.interrupt, self.progress = Interrupt(), Progress(False)
        self.reach: Vector = certificate.reach(problem)
        self.push(self.root())

    def root(self) -> Node:
        """Return the node of all choices with a first bound: free inputs, which no linear program is needed for."""
        node = Node(self.rules.root(), 0)
        if self.rules.tighten(node.box) and node.box.top > -math.inf:
            assert node.box.envelope is not None
            problem, y = self.ordered, node.box.envelope.y_high
            with np.errstate(over="ignore"):  # then nothing is bounded yet
                T = float((problem.Zb * y ** (problem.alpha * problem.kappa)).sum())
            M = min(float(problem.f @ node.box.lower), problem.L * (1 - 1e-9))
            self.use(node, Prices(np.zeros(problem.n), T, M, np.zeros(problem.rows.count)))
        return node

    # -- incumbent -----------------------------------------------------------------------------------------------

    def offer(self, theta: Choice) -> bool:
        """Take θ as the incumbent if it is feasible and better than the present one."""
        outcome = self.problem.evaluate(theta)
        if not outcome.feasible:
            return False
        value = math.log(outcome.value) if outcome.value > 0 else -math.inf
        if self.best is not None and value <= self.log_best:
            return False
        self.best, self.outcome, self.log_best = outcome.theta, outcome, value
        return True

    def polish(self, theta: Choice, doubt: Vector, candidates: NDArray[np.int64]) -> None:
        """Offer what one-firm changes among the candidates make of a feasible θ; where there are rows, swaps too.

        Of many candidates only those in most doubt (the largest numbers) are tried, so that the work stays bounded.
        """
        problem = self.problem
        dense = problem.links > DENSE * problem.n
        most = max(FEWEST, WORK // problem.links) if dense else problem.n
        reach, most = ("two", min(most, SWAPPED)) if problem.rows.count else ("one", most)
        chosen = candidates[np.argsort(-doubt[candidates], kind="stable")[:most]]
        self.improve(theta, chosen, reach)

    def improve(self, theta: Choice, candidates: NDArray[np.int64] | None = None, reach: str = "one") -> None:
        """Offer what changes of a firm make of a feasible θ, unless doubles do not hold what a change leads to."""
        with contextlib.suppress(UnsettledError):
            self.offer(improve(self.problem, theta, candidates, reach, self.deadline))

    def sense(self, box: Box, relaxed: Vector, thorough: bool) -> None:
        """Offer what relaxed decisions round to or, if that violates rows, the likeliest choice that does not.

        What is better than the incumbent is improved by one-firm changes where the decisions are in doubt; with
        ``thorough``, what is not is improved too, since it often ends higher.
        """
        problem = self.problem
        theta = np.clip((relaxed > 0.5).astype(np.int8), box.lower, box.upper)
        repaired = bool(problem.rows.violated(theta.astype(np.float64)).size)
        if repaired:
            if self.repairs >= FREE_REPAIRS and self.nodes % REPAIR_EVERY:
                return
            self.repairs += 1
            left = self.deadline - time.perf_counter()
            found = likeliest(problem, relaxed, box.lower, box.upper, left if left < math.inf else None)
            if found is None:
                return
            theta = found
        better = self.offer(theta)
        if not (better or thorough or (repaired and self.repairs <= FREE_REPAIRS)) or problem.labour_left(theta) < 0:
            return
        doubt = -np.abs(relaxed - 0.5)
        candidates = np.flatnonzero(box.lower != box.upper)
        if candidates.size > CHANGES:
            assert self.best is not None
            candidates = candidates[(theta != self.best)[candidates] | (doubt[candidates] > -DOUBT)]
            candidates = candidates[np.argsort(-doubt[candidates], kind="stable")[:CHANGES]]
        if candidates.size:
            self.polish(theta, doubt, candidates)

    def begin(self, initial: Choice | None) -> None:
        """Find a first incumbent: the start given or the reshaping heuristic's, made feasible.

        Where that produces nothing, what every firm together produces is tried.
        """
        everyone = np.ones(self.problem.n, np.int8)
        wanted = everyone if initial is None else initial
        if initial is None:
            with contextlib.suppress(UnsettledError):
                wanted = iterate_conditions(self.problem, deadline=self.deadline).theta
        for theta in (wanted, everyone):
            start = feasible_start(self.problem, theta, max(self.deadline - time.perf_counter(), 0.1))
            if start.theta is not None:
                self.offer(start.theta)
            if self.best is None or self.log_best > -math.inf:
                return

    # -- one box ---------------------------------------------------------------------------------------------------

    @property
    def cutoff(self) -> float:
        """Choices proved to have log Y at most this are discarded; −∞ until there is an incumbent with output."""
        return self.log_best + self.tolerance

    def heed(self, node: Node) -> None:
        """Show progress, and stop if asked to."""
        self.progress.show(
            incumbent=math.exp(self.log_best),
            gap=math.expm1(min(max(node.box.top, self.log_top) - self.log_best, LARGEST_LOG)),
            nodes=self.nodes,
            open=len(self.heap),
            undecided=node.box.undecided,
        )
        if self.interrupt.requested or time.perf_counter() >= self.deadline:
            raise StopError

    def settle(self, node: Node) -> bool:
        """Apply known and market prices until nothing moves; return whether the box is done with."""
        box = node.box
        while True:
            self.heed(node)
            if not self.rules.tighten(box):
                return True
            if box.decided:
                self.offer(box.lower)
            if self.closed(node):
                return True
            if node.prices is not None:
                if self.use(node, node.prices):
                    continue
                if self.closed(node):
                    return True
            if box.decided:
                self.discarded = max(self.discarded, box.top)
                return True
            if not self.trade(node):
                return self.closed(node)

    def trade(self, node: Node) -> bool:
        """Apply the prices at which the incumbent would trade; return whether they decide a firm."""
        if self.outcome is None or self.log_best == -math.inf or node.box.top == -math.inf:
            return False
        mu = None if node.prices is None else node.prices.mu
        prices = market_prices(self.ordered, node.box, self.outcome, mu)
        return self.use(node, certificate.rounded(prices, self.reach))

    def closed(self, node: Node) -> bool:
        """Whether a node holds nothing better than the incumbent; if so, record why."""
        if self.best is None or node.box.top > self.cutoff:
            return False
        self.discarded = max(self.discarded, node.box.top)
        self.testify(node)
        return True

    def testify(self, node: Node) -> None:
        """Record the prices that prove the bound of a node."""
        if node.witness is not None:
            self.record(node, node.witness)

    def use(self, node: Node, prices: Prices) -> bool:
        """Apply prices to a tightened node; if they decide a firm or squeeze inputs, record the round: True."""
        before = node.box.top
        floor = min(self.cutoff, self.log_best + LEAST_GAP)
        implied, fixed, squeezed = self.rules.apply(node.box, prices, self.cutoff, floor)
        if node.box.top < before:
            node.witness = prices
        if not squeezed and not fixed.any():
            return False
        self.record(node, prices)
        if fixed.any():
            self.discarded = max(self.discarded, float(implied[fixed].max()))
        if squeezed:  # to the inputs of choices above the floor: what lies below it is discarded
            self.discarded = max(self.discarded, floor)
        return True

    def record(self, node: Node, prices: Prices) -> None:
        """Write a round into the certificate."""
        place = next((i for i in reversed(range(len(self.used_prices))) if self.used_prices[i] is prices), -1)
        if place < 0:
            place = len(self.used_prices)
            self.used_prices.append(prices)
        self.records[node.record]["rounds"].append(place)

    # -- descent ---------------------------------------------------------------------------------------------------

    def cool(self, node: Node, patience: int, few: int = 0) -> bool:
        """Descend at falling temperatures; return whether the box is done with.

        It ends when ``patience`` descents in a row gain little or fewer than ``few`` firms are undecided. The box is
        settled before and after.
        """
        start = self.beginning(node) if node.box.undecided >= few else None
        stalled, scale = 0, FIRST
        while start is not None and stalled < patience and (undecided := node.box.undecided) >= few:
            self.heed(node)
            before, log_best = node.box.top, self.log_best
            gap = before - self.cutoff
            temperature = scale * gap / math.sqrt(undecided)
            point = descend(self.ordered, node.box, start, temperature, STEPS, self.deadline)
            node.prices = certificate.rounded(point.prices, self.reach)
            moved = self.use(node, node.prices)
            self.sense(node.box, point.theta, thorough=True)
            if self.closed(node) or ((moved or self.log_best > log_best) and self.settle(node)):
                return True
            gained = (before - node.box.top) + (self.log_best - log_best)
            stalled = 0 if gained >= WORTHWHILE * gap else stalled + 1
            scale *= COOLING
            start = node.prices
        return False

    def beginning(self, node: Node) -> Prices | None:
        """Return where a descent starts: the better of the market prices of the incumbent and of all allowed firms."""
        box = node.box
        if box.top == -math.inf or self.outcome is None or self.log_best == -math.inf:
            return None
        assert box.envelope is not None
        spent = float(self.problem.f @ self.outcome.theta)
        choices = (self.outcome, self.problem.evaluate(box.upper))
        markets = [market_prices(self.ordered, box, choice, spent=spent) for choice in choices]
        tops = [bound(self.ordered, box.lower, box.upper, box.envelope, prices)[0] for prices in markets]
        return markets[int(np.argmin(tops))]

    # -- the whole -------------------------------------------------------------------------------------------------

    def push(self, node: Node) -> None:
        """Keep a node for later; the highest bound comes first."""
        heapq.heappush(self.heap, (-node.box.top, next(self.tickets), node))

    @property
    def log_top(self) -> float:
        """The bound on log Y that holds now."""
        waiting = -self.heap[0][0] if self.heap else -math.inf
        return max(self.log_best, self.discarded, waiting)

    def proof(self) -> dict[str, Any]:
        """Return the certificate of ``log_top``; nodes still open are bounded by the best prices known for them."""
        for _, _, node in self.heap:
            self.testify(node)
        return {
            "kind": certificate.KIND,
            "version": certificate.VERSION,
            "order": self.order.tolist() if self.ordered is not self.problem else [],
            "prices": [certificate.pack(p, self.reach) for p in self.used_prices],
            "nodes": self.records,
        }


def report(search: Bounding, stopped_by: StoppedBy, rel_gap: float) -> Finding:
    """Return what a search that ended has shown."""
    statistics = {"nodes": search.nodes, "open_nodes": len(search.heap), **search.counts}
    finished = stopped_by is StoppedBy.FINISHED and not search.heap
    top = search.log_top
    bound_on_Y = math.exp(top + SAFETY) if top < LARGEST_LOG else None
    if search.best is None:
        status = Status.INFEASIBLE if finished else Status.NO_SOLUTION
        return Finding(
            None,
            status,
            stopped_by,
            bound=None if finished else bound_on_Y,
            certificate=search.proof(),
            statistics=statistics,
        )
    notes = () if rel_gap >= LEAST_GAP else (f"rel_gap below {LEAST_GAP:g} cannot be proved in double precision",)
    return Finding(
        search.best,
        Status.OPTIMAL if finished else Status.FEASIBLE,
        stopped_by,
        bound=bound_on_Y,
        certificate=search.proof(),
        notes=notes,
        statistics=statistics,
    )
