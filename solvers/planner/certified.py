"""Global search with a proof: branch and bound on the convex form of the planner's problem.

At each node a box of choices lower ≤ θ ≤ upper is bounded, and firms are decided by what the bound says:

    propagate the rows → envelope of inputs → prices → dual bound → fix by reduced costs, squeeze inputs → again

Prices come from the incumbent (`market`) as long as they help, and then from a linear program (`outer`). Deciding a
firm narrows the envelope of everybody's inputs, which shrinks the hulls, lowers the bound and decides more firms; when
nothing moves any more, the search branches. Firms that others dominate (`dominance`) follow them. Every choice that is
discarded was discarded by a dual bound (`dual_bound`), by the rows, or by Farkas multipliers of the rows, and the
certificate lists, node by node, the prices that did it. `certificate.check` verifies it without a solver; the search
applies that module's own rules.

Source: paper 001 has neither the convex form nor its certificate; see the docstrings of `outer`, `envelope` and
`dual_bound` for both.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.planner import certificate, dominance
from endonet.solvers.planner.certificate import SAFETY, Box, Replay
from endonet.solvers.planner.deviation import Deviation, improve
from endonet.solvers.planner.dual_bound import Prices, bound, excludes
from endonet.solvers.planner.market import market_prices
from endonet.solvers.planner.outer import InfeasibleError, NoAnswerError, OuterModel, Point, Warm, cold
from endonet.solvers.planner.reshaping import iterate_conditions
from endonet.solvers.planner.squeeze import squeeze
from endonet.solvers.planner.start import feasible_start, likeliest
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

Choice = NDArray[np.int8]

STALLED = 0.02  # a round of cuts that closes less of the gap than this is the last
LARGEST_LOG = 709.0
LEAST_GAP = 1e-11  # a smaller rel_gap drowns in rounding
DENSE = 30  # links a firm, beyond which testing a change costs as much as solving the economy
WORK, FEWEST = 1_000_000, 10  # in dense economies: links for one local search, candidates at the least
SWAPPED = 60  # candidates for swaps
FREE_REPAIRS = 10  # so many roundings are made to satisfy the rows, then those of every so many nodes
REPAIR_EVERY = 10


@dataclass(eq=False)
class Node:
    """A box that is still open, what is known for it, and its place in the certificate.

    Attributes
    ----------
    prices : Prices or None
        The latest prices, to be tried first when the box has shrunk.
    witness : Prices or None
        The prices that prove ``box.top``.
    """

    box: Box
    record: int
    prices: Prices | None = None
    witness: Prices | None = None
    warm: Warm | None = None


class Search:
    """One search: incumbent, open nodes, and the certificate as it grows."""

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
        self.programs = 0
        self.repairs = 0
        self.nodes = 0
        self.used_prices: list[Prices] = []
        self.records: list[dict[str, Any]] = [{"parent": -1, "firm": -1, "value": -1, "rounds": []}]
        self.tickets = itertools.count()
        self.heap: list[tuple[float, int, Node]] = []
        self.interrupt = Interrupt()
        self.reach: Vector = certificate.reach(problem)
        self.push(self.root())

    def root(self) -> Node:
        """Return the node of all choices with a first bound: free inputs, which no linear program is needed for."""
        node = Node(self.rules.root(), 0)
        if self.rules.tighten(node.box) and node.box.top > -math.inf:
            assert node.box.envelope is not None
            problem, y = self.ordered, node.box.envelope.y_high
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
        self.offer(improve(problem, theta, chosen, reach, self.deadline))

    def begin(self, initial: Choice | None) -> None:
        """Find a first incumbent: the start given or the reshaping heuristic's, made feasible, then improved."""
        wanted = iterate_conditions(self.problem, deadline=self.deadline).theta if initial is None else initial
        start = feasible_start(self.problem, wanted, max(self.deadline - time.perf_counter(), 0.1))
        if start.theta is not None:
            self.offer(start.theta)
            if self.problem.links <= DENSE * self.problem.n:
                self.offer(improve(self.problem, start.theta, deadline=self.deadline))

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

    def sense(self, box: Box, point: Point) -> None:
        """Offer what the relaxed decisions round to or, if that violates rows, the likeliest choice that does not."""
        theta = np.where(point.theta > 0.5, 1, 0).astype(np.int8)
        repaired = bool(self.problem.rows.violated(theta.astype(np.float64)).size)
        if repaired:
            if self.repairs >= FREE_REPAIRS and self.nodes % REPAIR_EVERY:
                return
            self.repairs += 1
            left = self.deadline - time.perf_counter()
            found = likeliest(self.problem, point.theta, box.lower, box.upper, left if left < math.inf else None)
            if found is None:
                return
            theta = found
        if self.offer(theta) or (repaired and self.repairs <= FREE_REPAIRS):
            self.polish(theta, -np.abs(point.theta - 0.5), np.flatnonzero(box.lower != box.upper))

    # -- one node --------------------------------------------------------------------------------------------------

    @property
    def cutoff(self) -> float:
        """Choices proved to have log Y at most this are discarded; −∞ until there is an incumbent with output."""
        return self.log_best + self.tolerance

    def process(self, node: Node) -> None:
        """Tighten a node until it closes or nothing moves; then push its children."""
        box = node.box
        point: Point | None = None
        while True:
            if not self.rules.tighten(box):
                return
            if box.decided:
                self.offer(box.lower)
            if self.closed(node):
                return
            if node.prices is not None:
                if self.use(node, node.prices):
                    continue
                if self.closed(node):
                    return
            if box.decided:
                self.discarded = max(self.discarded, box.top)
                return
            if self.trade(node):
                continue
            if self.closed(node):
                return
            if box.top == -math.inf:
                break  # nothing can be produced here; all that matters is whether the rows can be satisfied
            try:
                model = OuterModel(self.ordered, box, self.warm(node))
                point, prices = self.approximate(box, model)
                node.warm = model.finish()
            except InfeasibleError as proof:
                if excludes(self.ordered, box.lower, box.upper, proof.mu):
                    self.records[node.record]["rounds"].append({"farkas": proof.mu.tolist()})
                    return
                break
            except NoAnswerError:
                if self.interrupt.requested or time.perf_counter() >= self.deadline:
                    raise
                break
            settled = node.prices is prices
            node.prices = prices
            if settled or not self.use(node, prices):
                break
        if not self.closed(node):
            self.branch(node, point)

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

    def warm(self, node: Node) -> Warm:
        """Return where to start the linear program of a node: where its last one ended, or at the incumbent."""
        if node.warm is not None:
            return node.warm
        assert node.box.envelope is not None
        if self.outcome is None or self.log_best == -math.inf:
            least = float(self.problem.f @ node.box.lower)
            return cold(self.problem, node.box, node.box.envelope.y_high, math.inf, least)
        outcome, spent = self.outcome, float(self.problem.f @ self.outcome.theta)
        return cold(self.problem, node.box, outcome.inputs, float(outcome.b.sum()), spent)

    def approximate(self, box: Box, model: OuterModel) -> tuple[Point, Prices]:
        """Solve and separate until the bound settles or closes the box; return the last point and the best prices."""
        assert box.envelope is not None
        lowest, best = math.inf, None
        while True:
            if self.interrupt.requested:
                raise NoAnswerError("interrupted")
            point = model.solve(self.deadline - time.perf_counter())
            self.programs += 1
            prices = certificate.rounded(point.prices, self.reach)
            U, _ = bound(self.ordered, box.lower, box.upper, box.envelope, prices)
            gained = lowest - U
            if best is None or gained > 0:
                lowest, best = U, prices
            self.sense(box, point)
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

    def push(self, node: Node) -> None:
        """Keep a node for later; the highest bound comes first."""
        heapq.heappush(self.heap, (-node.box.top, next(self.tickets), node))

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
        self.interrupt = interrupt
        try:
            self.begin(initial)
            if earlier is not None:
                self.resume(earlier)
            while self.heap:
                if interrupt.requested:
                    return StoppedBy.INTERRUPTED
                if time.perf_counter() >= self.deadline:
                    return StoppedBy.TIME_LIMIT
                if node_limit is not None and self.nodes >= node_limit:
                    return StoppedBy.NODE_LIMIT
                node = heapq.heappop(self.heap)[2]
                self.nodes += 1
                if not self.closed(node):
                    self.process(node)
                node = None
                progress.show(
                    incumbent=math.exp(self.log_best),
                    gap=math.expm1(self.log_top - self.log_best) if self.log_best > -math.inf else math.inf,
                    nodes=self.nodes,
                    open=len(self.heap),
                )
        except NoAnswerError:
            return StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
        except KeyboardInterrupt:
            return StoppedBy.INTERRUPTED
        finally:
            if node is not None:
                self.push(node)
        return StoppedBy.FINISHED

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


def report(search: Search, stopped_by: StoppedBy, rel_gap: float) -> Finding:
    """Return what a search that ended has shown."""
    statistics = {"nodes": search.nodes, "linear_programs": search.programs, "open_nodes": len(search.heap)}
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
