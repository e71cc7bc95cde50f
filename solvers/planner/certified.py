"""Global search with a proof: branch and bound on the convex form of the planner's problem.

At each node a box of choices lower ≤ θ ≤ upper is bounded, and firms are decided by what the bound says:

    propagate the rows → envelope of inputs → prices from the linear program → dual bound → fix by reduced costs → again

The box shrinks the hull of every firm, which lowers the bound, which decides more firms, until nothing moves; then the
search branches. Every discarded choice was discarded by a dual bound (`dual_bound`), a row, or Farkas multipliers, and the
certificate is the list of the prices that did it, node by node. `certificate.check` verifies it without a solver.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.base import Solver
from endonet.solvers.planner.dual_bound import Prices, bound, excludes
from endonet.solvers.planner.envelope import Envelope, envelope
from endonet.solvers.planner.outer import Cuts, Infeasible, NoAnswer, OuterModel, Point, starting_cuts
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

Choice = NDArray[np.int8]

SAFETY = 1e-12


@dataclass(eq=False)
class Node:
    """A box of choices that is still open, with what its parent knew."""

    lower: Choice
    upper: Choice
    bound: float
    record: int
    box: Envelope | None = None
    prices: Prices | None = None
    cuts: Cuts | None = None
    depth: int = 0


@dataclass(eq=False)
class Search:
    """The state of one search."""

    problem: PlannerProblem
    rel_gap: float
    deadline: float
    node_limit: int | None
    best: Choice | None = None
    log_best: float = -math.inf
    discarded: float = -math.inf
    lp_solves: int = 0
    nodes: int = 0
    prices: list[Prices] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    # -- incumbent -------------------------------------------------------------------------------------------------

    def offer(self, theta: Choice) -> bool:
        """Take θ as the incumbent if it is feasible and better."""
        outcome = self.problem.evaluate(theta)
        if not outcome.feasible:
            return False
        value = math.log(outcome.value) if outcome.value > 0 else -math.inf
        if self.best is None or value > self.log_best:
            self.best, self.log_best = outcome.theta, value
            return True
        return False

    @property
    def cutoff(self) -> float:
        """Choices proved to be at most this (log Y) may be discarded."""
        return self.log_best + math.log1p(self.rel_gap) - 2 * SAFETY

    # -- one node ----------------------------------------------------------------------------------------------------

    def process(self, node: Node) -> list[Node]:
        """Bound and shrink a node; return its children, none if it is closed."""
        problem = self.problem
        prices, point = node.prices, None
        while True:
            if problem.rows.propagate(node.lower, node.upper) >= 0:
                return []
            node.box = envelope(problem, node.lower, node.upper, node.box)
            if prices is not None:
                decided = self.use(node, prices)
                if decided < 0:
                    return []
                if decided > 0:
                    continue
            if np.array_equal(node.lower, node.upper):
                self.offer(node.lower)
            try:
                model = self.model(node)
                point, prices = self.approximate(node, model)
            except Infeasible as proof:
                if not excludes(problem, node.lower, node.upper, proof.mu):
                    return self.branch(node, None)
                self.records[node.record]["rounds"].append(self.keep_farkas(proof.mu))
                return []
            node.prices = prices
            node.cuts = model.binding()
            decided = self.use(node, prices)
            if decided < 0:
                return []
            if decided == 0:
                return self.branch(node, point)

    def model(self, node: Node) -> OuterModel:
        problem = self.problem
        assert node.box is not None
        if self.best is not None and self.log_best > -math.inf:
            outcome = problem.evaluate(self.best)
            y, centre = outcome.inputs, (float(outcome.b.sum()), float(problem.f @ self.best))
        else:
            y, centre = node.box.y_high, (1e300, float(problem.f @ node.lower))
        cuts = node.cuts if node.cuts is not None else starting_cuts(problem, node.upper, node.box, y)
        return OuterModel(problem, node.lower, node.upper, node.box, cuts, centre)

    def approximate(self, node: Node, model: OuterModel) -> tuple[Point, Prices]:
        """Solve and separate until the bound settles, closes the node, or decides enough firms."""
        assert node.box is not None
        best_bound, best_prices = math.inf, None
        for sweep in itertools.count():
            point = model.solve(self.deadline - time.perf_counter())
            self.lp_solves += 1
            U, D = bound(self.problem, node.lower, node.upper, node.box, point.prices)
            if sweep == 0 or U < best_bound:
                gained = best_bound - U
                best_bound, best_prices = U, point.prices
            else:
                gained = 0.0
            self.round(node, point, D)
            gap = best_bound - self.cutoff
            if gap <= 0 or model.separate(point, max(1e-13, 1e-3 * gap / max(1, model.live.size))) == 0:
                break
            if sweep > 0 and gained < 0.02 * gap:
                break
        node.bound = min(node.bound, best_bound)
        assert best_prices is not None
        return point, best_prices

    def round(self, node: Node, point: Point, D: Vector) -> None:
        theta = np.where(node.lower == node.upper, node.lower, point.theta > 0.5).astype(np.int8)
        self.offer(theta)

    def use(self, node: Node, prices: Prices) -> int:
        """Apply the bound that prices prove; return how many firms it decides, −1 if it closes the node."""
        assert node.box is not None
        U, D = bound(self.problem, node.lower, node.upper, node.box, prices)
        node.bound = min(node.bound, U)
        cutoff = self.cutoff
        if cutoff >= U:
            self.discarded = max(self.discarded, U)
            self.record(node, prices)
            return -1
        open_ = node.lower != node.upper
        off = open_ & (D < 0) & (U + D <= cutoff)
        on = open_ & (D > 0) & (U - D <= cutoff)
        count = int(off.sum() + on.sum())
        if count:
            self.discarded = max(self.discarded, float((U - np.abs(D[off | on])).max()))
            self.record(node, prices)
            node.upper[off] = 0
            node.lower[on] = 1
        return count

    def record(self, node: Node, prices: Prices) -> None:
        if not self.prices or self.prices[-1] is not prices:
            known = next((i for i in range(len(self.prices) - 1, -1, -1) if self.prices[i] is prices), -1)
            if known < 0:
                self.prices.append(prices)
                known = len(self.prices) - 1
        else:
            known = len(self.prices) - 1
        self.records[node.record]["rounds"].append(known)

    def keep_farkas(self, mu: Vector) -> dict[str, Any]:
        return {"mu": mu.tolist()}

    def branch(self, node: Node, point: Point | None) -> list[Node]:
        open_ = np.flatnonzero(node.lower != node.upper)
        if open_.size == 0:
            # everything is decided and the bound is the value itself, up to rounding
            self.discarded = max(self.discarded, node.bound)
            return []
        if point is None:
            j = int(open_[0])
        else:
            frac = np.minimum(point.theta[open_], 1 - point.theta[open_])
            j = int(open_[np.argmax(frac)])
        children = []
        for value in (1, 0):
            lower, upper = node.lower.copy(), node.upper.copy()
            lower[j] = upper[j] = value
            self.records.append({"parent": node.record, "firm": j, "value": value, "rounds": []})
            children.append(
                Node(lower, upper, node.bound, len(self.records) - 1, node.box, node.prices, node.cuts, node.depth + 1)
            )
        return children

    # -- the whole -----------------------------------------------------------------------------------------------------

    def run(self) -> tuple[float, StoppedBy]:
        """Search; return the bound on log Y that holds at the end, and why it ended."""
        n = self.problem.n
        self.records.append({"parent": -1, "firm": -1, "value": -1, "rounds": []})
        root = Node(np.zeros(n, np.int8), np.ones(n, np.int8), math.inf, 0)
        heap: list[tuple[float, int, Node]] = [(-math.inf, 0, root)]
        ticket = itertools.count(1)
        while heap:
            _, _, node = heapq.heappop(heap)
            if node.bound <= self.cutoff:
                self.discarded = max(self.discarded, node.bound)
                continue
            self.nodes += 1
            for child in self.process(node):
                heapq.heappush(heap, (-child.bound, next(ticket), child))
        return max(self.log_best, self.discarded), StoppedBy.FINISHED
