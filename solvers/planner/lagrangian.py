"""A bound without a linear program: prices from the incumbent, improved by descent on the dual.

    rows → envelope of inputs → market prices → dual bound → fix, squeeze → again, until nothing moves
    → descent on the smoothed dual → dual bound → fix, squeeze → again, while the bound falls
    → local search among the firms that the prices and the incumbent disagree about

Each step costs a few passes over the links, so that an economy of a million firms gets a bound. There is no branching:
the gap closes only where fixing decides every firm. The certificate is that of `certified` with one node.

Source: paper 001 has no bounds; see `dual_bound`, `market` and `descent`.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.planner import certificate
from endonet.solvers.planner.certified import Choice, Node, Search, report
from endonet.solvers.planner.descent import descend
from endonet.solvers.planner.deviation import Deviation
from endonet.solvers.planner.dual_bound import Prices, bound, excludes
from endonet.solvers.planner.market import market_prices
from endonet.solvers.planner.reshaping import iterate_conditions
from endonet.solvers.planner.squeeze import squeeze
from endonet.solvers.planner.start import feasible_start, likeliest
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, StoppedBy

STEPS = 100  # evaluations of the dual at one temperature
FIRST, COOLING = 0.03, 0.5  # of the gap, shared among √(undecided firms)
WORTHWHILE = 0.02  # of the gap; a descent that gains less is the last but PATIENCE
PATIENCE = 3
CHANGES = 1000  # firms whose status is tested one by one
DOUBT = 0.4  # a relaxed θ as near as this to ½ is worth a test


class StopError(Exception):
    """The time limit was reached or Ctrl-C was pressed."""


class Ascent(Search):
    """The work on one box, that of all choices."""

    def run(
        self,
        initial: Choice | None,
        earlier: object,
        node_limit: int | None,
        progress: Progress,
        interrupt: Interrupt,
    ) -> StoppedBy:
        """Bound and improve until nothing moves or a limit is reached; return why it ended."""
        del earlier, node_limit
        self.interrupt, self.progress = interrupt, progress
        node = self.heap[0][2]
        self.nodes = 1
        try:
            self.begin(initial)
            if self.settle(node) or self.cool(node):
                self.heap.clear()
            return StoppedBy.FINISHED
        except StopError:
            return StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
        except KeyboardInterrupt:
            return StoppedBy.INTERRUPTED
        finally:
            self.heap = [(-node.box.top, ticket, node) for _, ticket, node in self.heap]

    def begin(self, initial: Choice | None) -> None:
        """Find a first incumbent: the start given or the reshaping heuristic's, made feasible."""
        wanted = iterate_conditions(self.problem, deadline=self.deadline).theta if initial is None else initial
        start = feasible_start(self.problem, wanted, max(self.deadline - time.perf_counter(), 0.1))
        if start.theta is not None:
            self.offer(start.theta)

    def heed(self, node: Node) -> None:
        """Show progress, and stop if asked to."""
        undecided = int((node.box.lower != node.box.upper).sum())
        gap = math.expm1(min(node.box.top - self.log_best, 700.0)) if self.log_best > -math.inf else math.inf
        self.progress.show(incumbent=math.exp(self.log_best), gap=gap, undecided=undecided)
        if self.interrupt.requested or time.perf_counter() >= self.deadline:
            raise StopError

    def settle(self, node: Node) -> bool:
        """Apply market prices until nothing moves; return whether the box is closed."""
        while True:
            self.heed(node)
            if not self.rules.tighten(node.box):
                return True
            if node.box.decided:
                self.offer(node.box.lower)
            if self.closed(node):
                return True
            if node.box.decided or not self.trade(node):
                return self.closed(node)

    def cool(self, node: Node) -> bool:
        """Descend at falling temperatures; return whether the box is closed."""
        start = self.beginning(node)
        if start is None:
            return False
        stalled, scale = 0, FIRST
        while stalled < PATIENCE:
            self.heed(node)
            before, log_best = node.box.top, self.log_best
            gap = before - self.cutoff if self.log_best > -math.inf else 1.0
            undecided = max(1, int((node.box.lower != node.box.upper).sum()))
            temperature = scale * gap / math.sqrt(undecided)
            point = descend(self.ordered, node.box, start, temperature, STEPS, self.deadline)
            node.prices = certificate.rounded(point.prices, self.reach)
            moved = self.use(node, node.prices)
            self.reconsider(node, point.theta)
            if self.closed(node) or ((moved or self.log_best > log_best) and self.settle(node)):
                return True
            gained = (before - node.box.top) + (self.log_best - log_best if log_best > -math.inf else 1.0)
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

    def reconsider(self, node: Node, relaxed: Vector) -> None:
        """Offer what the relaxed decisions round to, and one-firm changes where they doubt the incumbent."""
        box = node.box
        theta = np.clip((relaxed > 0.5).astype(np.int8), box.lower, box.upper)
        if self.problem.rows.violated(theta.astype(np.float64)).size:
            left = self.deadline - time.perf_counter()
            feasible = likeliest(self.problem, relaxed, box.lower, box.upper, left if left < math.inf else None)
            if feasible is None:
                return
            theta = feasible
        self.offer(theta)
        if self.best is None:
            return
        doubt = -np.abs(relaxed - 0.5)
        doubtful = (theta != self.best) | (doubt > -DOUBT)
        candidates = np.flatnonzero((box.lower != box.upper) & doubtful)
        candidates = candidates[np.argsort(-doubt[candidates], kind="stable")[:CHANGES]]
        if candidates.size:
            self.polish(self.best, doubt, candidates)


@dataclass(frozen=True, kw_only=True)
class Lagrangian(Solver[PlannerProblem]):
    """Bound by weak duality from prices alone, in a few passes over the links, with a certificate.

    Takes what `certified` takes, at any size: 10⁵ firms in seconds, 10⁶ in minutes. ``FEASIBLE`` with a bound, or
    ``OPTIMAL`` where fixing decides everything.

    Parameters
    ----------
    initial : array_like of 0 and 1, optional
        A first incumbent; by default the reshaping heuristic's.
    """

    name: ClassVar[str] = "lagrangian"
    title: ClassVar[str] = "Lagrangian bound from market prices and descent on the dual, without a linear program"
    proves: ClassVar[Proves] = Proves.BOUND

    def prepare(self) -> None:
        """Compile the kernels."""
        problem = tiny_economy()
        search = Ascent(problem, self.rel_gap, math.inf, dominated=False)
        with Interrupt() as interrupt, Progress(False) as progress:
            search.run(None, None, None, progress, interrupt)
        node = Node(search.rules.root(), 0)
        search.rules.tighten(node.box)
        search.trade(node)
        assert node.witness is not None
        assert node.box.envelope is not None
        descend(problem, node.box, node.witness, 1.0, 2)
        excludes(problem, node.box.lower, node.box.upper, np.zeros(problem.rows.count))
        y = node.box.envelope.y_high
        squeeze(problem, node.box.lower, node.box.upper, y, y, np.ones(problem.n), 1.0)
        Deviation().prepare()

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Bound, and report."""
        del formulation
        begun = time.perf_counter()
        deadline = begun + (math.inf if self.time_limit is None else self.time_limit)
        initial = None if self.initial is None else problem.operating(self.initial)
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:
            search = Ascent(problem, self.rel_gap, deadline, dominated=False)
            return report(search, search.run(initial, None, None, progress, interrupt), self.rel_gap)
