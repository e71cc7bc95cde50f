"""Global search with a proof: branch and bound on the convex form of the planner's problem.

At each node a box of choices lower ≤ θ ≤ upper is bounded, and firms are decided by what the bound says:

    propagate the rows → envelope of inputs → prices → dual bound → fix by reduced costs, squeeze inputs → again

Prices come from the incumbent as long as they help, in large economies then by descent on the dual (`bounding` for
both), and at last from a linear program (`outer`). Deciding a firm narrows the envelope of everybody's inputs, which
shrinks the hulls, lowers the bound and decides more firms; when nothing moves any more, the search branches. Firms that
others dominate (`dominance`) follow them. Every choice that is discarded was discarded by a dual bound (`dual_bound`),
by the rows, or by Farkas multipliers of the rows, and the certificate lists, node by node, the prices that did it.
`certificate.check` verifies it without a solver; the search applies that module's own rules.

Source: paper 001 has neither the convex form nor its certificate; see the docstrings of `outer`, `envelope` and
`dual_bound` for both.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.planner import certificate
from endonet.solvers.planner.bounding import DENSE, Bounding, Choice, Node, StopError, report
from endonet.solvers.planner.certificate import Replay
from endonet.solvers.planner.descent import descend
from endonet.solvers.planner.deviation import Deviation
from endonet.solvers.planner.dual_bound import Prices, bound, excludes
from endonet.solvers.planner.outer import (
    InfeasibleError,
    NoAnswerError,
    OuterModel,
    Point,
    Warm,
    at_choice,
    cold,
    tangled,
)
from endonet.solvers.planner.squeeze import squeeze
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, StoppedBy

STALLED = 0.02  # a round of cuts that closes less of the gap than this is the last
MANY = 5000  # undecided firms, from which on descent on the dual comes before the first linear program
TESTED = 20_000  # firms up to which the first incumbent is improved by changing each
PATIENCE, LONGER = 1, 3  # descents that gain little before the linear program takes over, or a slow one does


class Search(Bounding):
    """One search: linear programs where prices from the incumbent and by descent do not suffice, and branching."""

    def __init__(self, problem: PlannerProblem, rel_gap: float, deadline: float, dominated: bool = True) -> None:
        super().__init__(problem, rel_gap, deadline, dominated)
        self.counts = {"linear_programs": 0}
        self.cooling = (LONGER, 0) if tangled(problem) else (PATIENCE, MANY)

    def begin(self, initial: Choice | None) -> None:
        """Find a first incumbent and improve it by one-firm changes, where testing all of them takes seconds."""
        super().begin(initial)
        if self.best is not None and self.problem.n <= TESTED and self.problem.links <= DENSE * self.problem.n:
            self.improve(self.best)

    def resume(self, earlier: Mapping[str, Any]) -> None:
        """Take up the open leaves of an earlier search's certificate, which goes on growing.

        Raises
        ------
        VerificationError
            If the certificate is malformed or belongs to another problem.
        """
        tree = certificate.read(self.problem, earlier)
        self.order, self.ordered = tree.order, tree.problem
        self.rules = Replay(self.ordered)
        self.records = [{**node, "rounds": list(node["rounds"])} for node in tree.nodes]
        self.used_prices = list(tree.prices)
        self.heap = []
        for i, box, _, leaf in certificate.walk(tree, self.cutoff, infeasible=False):
            if leaf and box is not None and not box.top <= self.cutoff:
                rounds = [entry for entry in tree.nodes[i]["rounds"] if isinstance(entry, int)]
                known = tree.prices[rounds[-1]] if rounds else None
                self.push(Node(box, i, known, known))
        self.discarded = self.cutoff

    # -- one node --------------------------------------------------------------------------------------------------

    def process(self, node: Node) -> None:
        """Tighten a node until it closes or nothing moves; then push its children."""
        box = node.box
        point: Point | None = None
        cooled = node.record > 0
        while not self.settle(node):
            if box.top == -math.inf:
                break  # nothing can be produced here; all that matters is whether the rows can be satisfied
            if not cooled and self.cool(node, *self.cooling):
                return
            cooled = True
            try:
                model = OuterModel(self.ordered, box, self.warm(node))
                point, prices = self.approximate(node, model)
                node.warm = model.finish()
            except InfeasibleError as proof:
                if excludes(self.ordered, box.lower, box.upper, proof.mu):
                    self.records[node.record]["rounds"].append({"farkas": proof.mu.tolist()})
                    return
                break
            except NoAnswerError:
                self.heed(node)
                break
            settled = node.prices is prices
            node.prices = prices
            if settled or not self.use(node, prices):
                break
        else:
            return
        if not self.closed(node):
            self.branch(node, point)

    def warm(self, node: Node) -> Warm:
        """Return where to start the linear program of a node: where its last one ended, or at the incumbent."""
        if node.warm is not None:
            return node.warm
        if self.outcome is None or self.log_best == -math.inf:
            return cold(self.ordered, node.box, float(self.problem.f @ node.box.lower))
        return at_choice(self.ordered, node.box, self.outcome)

    def approximate(self, node: Node, model: OuterModel) -> tuple[Point, Prices]:
        """Solve and separate until the bound settles or closes the box; return the last point and the best prices."""
        box = node.box
        assert box.envelope is not None
        lowest, best = math.inf, None
        while True:
            self.heed(node)
            point = model.solve(self.deadline - time.perf_counter())
            self.counts["linear_programs"] += 1
            prices = certificate.rounded(point.prices, self.reach)
            U, _ = bound(self.ordered, box.lower, box.upper, box.envelope, prices)
            gained = lowest - U
            if best is None or gained > 0:
                lowest, best = U, prices
            self.sense(box, point.theta, thorough=node.record == 0)
            gap = lowest - self.cutoff
            if gap <= 0 or (gained < STALLED * gap and gained < math.inf):
                return point, best
            if not model.separate(point, max(1e-13, 1e-3 * gap / max(1, model.live.size)) if gap < math.inf else 1e-6):
                return point, best

    def branch(self, node: Node, point: Point | None) -> None:
        """Push the two halves of a node: the firm whose relaxed decision is least decided operates, or does not."""
        box = node.box
        undecided = np.flatnonzero(box.lower != box.upper)
        doubt = np.abs(point.theta[undecided] - 0.5) if point is not None else np.zeros(undecided.size)
        firm = int(undecided[np.argmin(doubt)])
        for value in (1, 0):
            half = box.child(firm, value)
            assert half is not None
            self.records.append({"parent": node.record, "firm": firm, "value": value, "rounds": []})
            self.push(Node(half, len(self.records) - 1, node.prices, node.witness, node.warm))

    # -- the whole ---------------------------------------------------------------------------------------------------

    def run(
        self,
        initial: Choice | None,
        earlier: Mapping[str, Any] | None,
        node_limit: int | None,
        progress: Progress,
        interrupt: Interrupt,
    ) -> StoppedBy:
        """Search until nothing is open or a limit is reached; return why it ended."""
        node: Node | None = None
        self.interrupt, self.progress = interrupt, progress
        try:
            self.begin(initial)
            if earlier is not None:
                self.resume(earlier)
            while self.heap:
                if node_limit is not None and self.nodes >= node_limit:
                    return StoppedBy.NODE_LIMIT
                node = heapq.heappop(self.heap)[2]
                self.heed(node)
                self.nodes += 1
                if not self.closed(node):
                    self.process(node)
                node = None
        except StopError:
            return StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
        except KeyboardInterrupt:
            return StoppedBy.INTERRUPTED
        finally:
            if node is not None:
                self.push(node)
        return StoppedBy.FINISHED


@dataclass(frozen=True, kw_only=True)
class Certified(Solver[PlannerProblem]):
    """Certified global search: outer approximation, reduced-cost fixing, envelopes from both sides, and branching.

    Takes any σ, ε, α, fixed costs, weights and linear rows on θ. Proves the global optimum to ``rel_gap``, or a bound
    if a limit ends it first, with a certificate that `endonet.check` verifies without a solver. Deterministic on one
    machine unless a time limit intervenes.

    Parameters
    ----------
    node_limit : int, optional
        Nodes after which the search ends with the bound it has.
    initial : array_like of 0 and 1, optional
        A first incumbent; by default the reshaping heuristic's, improved by one-firm changes.
    resume : mapping, optional
        The certificate of an earlier search of the same problem that a limit or Ctrl-C ended; the search goes on where
        that one stopped. Give its decision as ``initial``.
    """

    name: ClassVar[str] = "certified"
    title: ClassVar[str] = "Certified global search on the convex form, with a certificate"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    packages: ClassVar[tuple[str, ...]] = ("highspy",)
    remedy: ClassVar[str] = "pip install highspy"

    node_limit: int | None = None
    resume: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is not positive", "give a number ≥ 1, or leave it out")

    def prepare(self) -> None:
        """Compile the kernels."""
        problem = tiny_economy()
        _search(problem, self.rel_gap, None, None, None, None, False)
        search = Search(problem, self.rel_gap, math.inf)
        search.offer(np.ones(problem.n, np.int8))
        node = search.heap[0][2]
        node.box = search.rules.root()
        search.rules.tighten(node.box)
        search.trade(node)
        model = OuterModel(search.ordered, node.box, search.warm(node))
        model.separate(model.solve(math.inf), 0.0)
        OuterModel(search.ordered, node.box, model.finish())
        Deviation().prepare()
        excludes(search.ordered, node.box.lower, node.box.upper, np.zeros(search.ordered.rows.count))
        assert node.witness is not None
        descend(search.ordered, node.box, node.witness, 1.0, 2)
        assert node.box.envelope is not None
        y = node.box.envelope.y_high
        squeeze(search.ordered, node.box.lower, node.box.upper, y, y, np.ones(problem.n), 1.0)

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Search and report."""
        del formulation
        initial = None if self.initial is None else problem.operating(self.initial)
        return _search(problem, self.rel_gap, self.time_limit, self.node_limit, initial, self.resume, self.log)


def _search(
    problem: PlannerProblem,
    rel_gap: float,
    time_limit: float | None,
    node_limit: int | None,
    initial: Choice | None,
    earlier: Mapping[str, Any] | None,
    log: bool,
) -> Finding:
    begun = time.perf_counter()
    deadline = begun + (math.inf if time_limit is None else time_limit)
    with Interrupt() as interrupt, Progress(log, begun) as progress:
        search = Search(problem, rel_gap, deadline)
        return report(search, search.run(initial, earlier, node_limit, progress, interrupt), rel_gap)
