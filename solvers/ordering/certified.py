"""Ordering with a proof: cut and branch on the linear ordering relaxation, one strong component at a time.

    net weights → strong components → local search → linear program ⇄ violated cycles → branch on a pair

Opposite links are netted and only the strong components of what is left need ordering (`net`). Each is relaxed
(`relaxation`): dense ones by pairs and cycles of three, sparse ones by links and cycles of any length, found as they
are violated. What the duals prove is computed in integers (`packing`), and nothing else closes a node: where weights
are whole, a bound above the optimum less one is a proof. If the relaxation leaves a pair undecided, the search
branches on which of the two comes first. The certificate lists, leaf by leaf, the cycles and multipliers;
`certificate.check` adds them up without a solver.

Source: Grötschel, Jünger and Reinelt (1984) for the cutting planes; the certificate is endonet's own.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import Order, OrderingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.ordering import certificate
from endonet.solvers.ordering.ascent import Ascent
from endonet.solvers.ordering.branching import Pseudocosts
from endonet.solvers.ordering.eades import greedy_order
from endonet.solvers.ordering.greedy import by_heap
from endonet.solvers.ordering.local_search import LEAST, compile_kernels, default_kicks, improve_component, improved
from endonet.solvers.ordering.net import NetLinks, net_links
from endonet.solvers.ordering.packing import Cycles, Ints, Lists, Multipliers, Pool, Units, capped, excess, units
from endonet.solvers.ordering.population import bred
from endonet.solvers.ordering.relaxation import DENSE, LARGEST_DENSE, Point, Relaxation, Stop
from endonet.solvers.ordering.tiny import tiny_digraph
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

INTEGRAL = 1e-6  # b this close to 0 or 1 is decided
STALLED = 1e-4  # below the root, rounds of cuts that gain less than this share of the gap end in branching
ROUNDS = 3  # so many such rounds in a row
ROOT_CUTS, NODE_CUTS = 20, 0  # rounds of cuts beyond cycles
WORTHWHILE = 0.005  # a round of cuts that gains less than this share of the gap is wasted
PATIENCE = 5  # wasted rounds in a row that end in branching
ASCENT_FROM = 130  # nodes of a dense component from which the first bound is `ascent`'s
ITERATIONS = 20_000  # of linear programs at the root of a dense component, after which it is `ascent`'s turn, too
ASCENT_STEPS, ASCENT_STALLED = 1000, 3e-4  # it ends when so many steps gain less than this share of the gap
DWARFED, CAP = 1e-3, 10.0  # where an order costs less than this share of all weight, weights end at so much of it
POPULATIONS = 4  # bred after the ascent; one population is enough elsewhere
LARGEST_BRED = 2000  # nodes of a component up to which a population of orders is bred
ROUND_EVERY = 10  # below the root, the relaxation is made an order at every so many nodes
NOTHING = Multipliers(np.empty(0, np.int64), np.empty(0, np.int64))
FREE: Ints = np.empty((0, 2), np.int64)


@dataclass(eq=False)
class Node:
    """A part of the orders of a component that is still open.

    Attributes
    ----------
    fixed : int64 array, shape (count, 2)
        Pairs (u, v) with u before v.
    record : int
        Its place in the certificate.
    proved : int
        What its orders cost at least, in units and rounded up.
    witness : Multipliers
        What proves it.
    """

    fixed: Ints
    record: int
    proved: int = 0
    witness: Multipliers = NOTHING


class Search:
    """The search of one component; nodes are numbered as in the whole digraph, but from 0 inside the relaxation."""

    def __init__(self, links: NetLinks, units: Units, order: Order, rel_gap: float, seed: int, stop: Stop) -> None:
        self.links, self.units, self.seed, self.stop = links, units, seed, stop
        self.nodes = np.sort(order)
        self.rel_gap = rel_gap
        self.order = order
        self.tail, self.head, self.net = self._net()
        self.worth = self.cost(order)
        self.relaxation: Relaxation | None = None
        self.records: list[dict[str, Any]] = [{"parent": -1, "before": -1, "after": -1}]
        self.leaves: dict[int, Multipliers] = {}
        self.ascended, self.bred = False, 0
        self.least = LEAST * float(np.abs(links.weight).sum())
        self.closed_at: int | None = None  # the least that closed nodes were proved to cost
        self.tickets = itertools.count()
        self.heap: list[tuple[int, int, Node]] = []
        self.visited = 0
        self.push(Node(FREE, 0))

    def _net(self) -> tuple[Ints, Ints, Ints]:
        """Return the net links of the component in units."""
        number = np.full(self.links.n, -1, np.int64)
        number[self.nodes] = np.arange(self.nodes.size)
        lengths = self.links.pointer[self.nodes + 1] - self.links.pointer[self.nodes]
        tail = np.repeat(self.nodes, lengths)
        spans = [self.links.node[self.links.pointer[u] : self.links.pointer[u + 1]] for u in self.nodes]
        head = np.concatenate(spans).astype(np.int64)
        inside = number[head] >= 0
        tail, head = tail[inside], head[inside]
        net = self.units.net(tail, head)
        return tail[net > 0], head[net > 0], net[net > 0]

    def cost(self, order: Order) -> int:
        """Return what an order of the component costs beyond the lighter links of all two-cycles, in units."""
        place = np.zeros(self.links.n, np.int64)
        place[order] = np.arange(order.size)
        return int(self.net[place[self.tail] > place[self.head]].sum())

    def offer(self, order: Order) -> None:
        """Take an order as the incumbent if it is better than the present one."""
        cost = self.cost(order)
        if cost < self.worth:
            self.order, self.worth = order, cost

    # -- bounds --------------------------------------------------------------------------------------------------

    @property
    def proved(self) -> int:
        """What every order of the component costs at least."""
        known = [self.worth] + [node.proved for _, _, node in self.heap[:1]]
        return min(known if self.closed_at is None else [*known, self.closed_at])

    def enough(self, proved: int) -> bool:
        """Whether nodes with that bound hold nothing better than the incumbent."""
        return proved >= self.worth - int(self.worth * self.rel_gap / 2)

    @property
    def margin(self) -> int:
        """How far below the incumbent a bound may stay before it is rounded."""
        return int(self.worth * self.rel_gap / 2) + self.units.whole - 1

    def bound(self, node: Node, multipliers: Multipliers) -> None:
        """Keep multipliers if they prove more than is known of a node."""
        found = excess(self.units, self.pool(), multipliers, node.fixed)
        if found is not None and self.units.rounded(found) > node.proved:
            node.proved, node.witness = self.units.rounded(found), multipliers

    def pool(self) -> Pool:
        """Return the cycles and cuts found so far."""
        if self.relaxation is None:
            nothing = np.empty(0, np.int64)
            return Pool(self.links.n, Cycles.of([nothing]).take(nothing), Lists.of([]), Lists.of([]))
        return self.relaxation.pool(self.nodes, self.links.n)

    def close(self, node: Node) -> None:
        """Write a leaf into the certificate."""
        self.closed_at = node.proved if self.closed_at is None else min(self.closed_at, node.proved)
        self.leaves[node.record] = node.witness

    def push(self, node: Node) -> None:
        """Keep a node for later; the lowest bound comes first, and of equals the latest."""
        heapq.heappush(self.heap, (node.proved, -next(self.tickets), node))

    # -- one node ------------------------------------------------------------------------------------------------

    def relax(self, dense: bool | None = None) -> Relaxation:
        """Return the relaxation of the component; dense by its share of linked pairs unless told."""
        n = self.nodes.size
        tail, head = np.searchsorted(self.nodes, self.tail), np.searchsorted(self.nodes, self.head)
        weight = self.net.astype(np.float64)
        if dense is None:
            dense = n <= LARGEST_DENSE and 2 * tail.size >= DENSE * n * (n - 1)
        if not dense:
            return Relaxation(None, n, tail, head, weight, self.units.whole == 1)
        D = np.zeros((n, n))
        D[tail, head], D[head, tail] = weight, -weight
        return Relaxation(D, n, tail, head, weight, self.units.whole == 1)

    def process(self, node: Node) -> bool:
        """Bound a node by linear programs and close it or push its halves; return False if a limit came first."""
        if self.enough(node.proved):
            self.close(node)
            return True
        if self.relaxation is None:
            self.relaxation = self.relax()
            self.costs = Pseudocosts(self.relaxation.tail.size)
            if self.relaxation.dense and self.nodes.size >= ASCENT_FROM:
                self.ascend(node, self.relaxation)
        relaxation, root = self.relaxation, not node.record
        relaxation.restrict(np.searchsorted(self.nodes, node.fixed))
        idle, cut_rounds, waste, last = 0, 0, 0, -math.inf
        while not self.enough(node.proved):
            before = node.proved
            ascend = root and relaxation.dense and not self.ascended
            point = relaxation.solve(self.impatient if ascend else self.stop)
            self.bound(node, relaxation.multipliers(point))
            if ascend and not point.finished and not self.stop():
                self.ascend(node, relaxation)
                continue
            if point.finished and (root or self.visited % ROUND_EVERY == 0 or decided(point)):
                self.round(point)
            if self.enough(node.proved):
                break
            if self.stop() or not point.finished:
                return False
            gain = node.proved - before
            idle = idle + 1 if gain <= STALLED * (self.worth - node.proved) else 0
            cycles = relaxation.separate(point.b)
            if cycles.count and (root or idle < ROUNDS or decided(point)):
                relaxation.add(cycles)
                continue
            if decided(point):
                return False  # an order at the bound, but for rounding: nothing is left to branch on
            waste = waste + 1 if point.value - last < WORTHWHILE * (self.worth - last) else 0
            last, cut_rounds = point.value, cut_rounds + 1
            done = self.ascended or cut_rounds > (ROOT_CUTS if root else NODE_CUTS) or waste >= PATIENCE
            if done or not relaxation.cut(point):
                return self.branch(node, point)
            relaxation.purge(point)
        self.close(node)
        return True

    def impatient(self) -> bool:
        """Whether to end the linear program of the root, now or for a better method."""
        assert self.relaxation is not None
        return self.relaxation.asked > ITERATIONS or self.stop()

    def ascend(self, node: Node, relaxation: Relaxation) -> None:
        """Bound the root by all cycles of three at once, and start the linear program with those that matter."""
        D = np.zeros((self.nodes.size, self.nodes.size))
        D[relaxation.tail, relaxation.head] = relaxation.weight
        ascent = Ascent(D - D.T, np.searchsorted(self.nodes, self.order))
        before = -math.inf
        while not self.stop() and ascent.bound < self.worth - self.margin / 2:
            bound = ascent.run()
            if ascent.steps % ASCENT_STEPS == 0:
                if bound - before <= ASCENT_STALLED * (self.worth - bound):
                    break
                before = bound
        gap = self.worth - ascent.bound
        cycles, amount = ascent.cycles((self.margin - gap) / 2 if gap < self.margin else ASCENT_STALLED * gap)
        relaxation.add(cycles)
        whole = np.floor(amount).astype(np.int64)
        used = np.flatnonzero(whole > 0)
        self.bound(node, Multipliers(used, whole[used]))
        self.ascended = True
        for _ in range(POPULATIONS):  # this is where a gap is left
            if not self.enough(node.proved) and not self.stop():
                self.breed()

    def round(self, point: Point) -> None:
        """Offer the greedy order of the links that the relaxation runs forward, improved by insertions."""
        assert self.relaxation is not None
        relaxation, n = self.relaxation, self.nodes.size
        if relaxation.dense:
            local = np.argsort(relaxation.backward(point.b).sum(axis=1), kind="stable")
        else:
            kept = np.flatnonzero(point.b < 1.0 - INTEGRAL)  # without what runs backward an integer solution is acyclic
            tail, head = relaxation.tail[kept], relaxation.head[kept]
            forward = relaxation.weight[kept] * (1.0 - point.b[kept])
            by_tail, by_head = np.argsort(tail * n + head), np.argsort(head * n + tail)
            counted = np.arange(n + 1)
            local = by_heap(
                np.searchsorted(tail[by_tail], counted),
                head[by_tail],
                forward[by_tail],
                np.searchsorted(head[by_head], counted),
                tail[by_head],
                forward[by_head],
            )
        order = self.nodes[local]
        self.offer(improve_component(self.links, order, 0, 1, (0, 0), self.least, self.stop)[0])

    def breed(self) -> None:
        """Offer what a population of orders finds."""
        if self.nodes.size <= LARGEST_BRED:
            self.bred += 1
            self.offer(bred(self.links, self.nodes, self.cost, self.seed + self.bred, self.least, self.stop))

    def branch(self, node: Node, point: Point) -> bool:
        """Push the halves of a node: of the pair that is least decided, one or the other comes first."""
        assert self.relaxation is not None
        relaxation = self.relaxation
        relaxation.purge(point)
        if not node.record and not self.ascended:
            self.breed()
        doubt = np.minimum(point.b, 1.0 - point.b)
        score = doubt * (relaxation.weight + 1e-3 * relaxation.weight.max())
        candidates = np.flatnonzero(doubt > INTEGRAL)
        candidates = candidates[np.argsort(-score[candidates], kind="stable")]
        needed = max(self.worth - self.margin - point.value, 1e-9)
        column = self.costs.choose(relaxation, point, candidates, needed)
        u, v = int(self.nodes[relaxation.tail[column]]), int(self.nodes[relaxation.head[column]])
        halves = [(v, u), (u, v)] if point.b[column] < 0.5 else [(u, v), (v, u)]
        for first, second in halves:  # the likelier half last, so that it is visited first
            fixed = np.concatenate([node.fixed, [[first, second]]])
            self.records.append({"parent": node.record, "before": first, "after": second})
            self.push(Node(fixed, len(self.records) - 1, node.proved, node.witness))
        return True

    def run(self, node_limit: int, progress: Progress) -> bool:
        """Search until nothing is open; return False if a limit came first or rounding left a node open."""
        settled = True
        while self.heap:
            if self.visited >= node_limit:
                return False
            node = heapq.heappop(self.heap)[2]
            self.visited += 1
            if not self.process(node):
                if self.stop():
                    self.push(node)
                    return False
                self.close(node)
                settled = False
            progress.show(
                incumbent=self.units.value(self.worth), bound=self.units.value(self.proved), open=len(self.heap)
            )
        return settled

    def proof(self) -> dict[str, Any]:
        """Return the component's part of the certificate."""
        for _, _, node in self.heap:
            self.leaves[node.record] = node.witness
        return certificate.pack(self.nodes, self.pool(), self.records, self.leaves, self.proved)


def decided(point: Point) -> bool:
    """Whether a relaxation leaves no pair undecided."""
    return bool(np.minimum(point.b, 1.0 - point.b).max() <= INTEGRAL)


@dataclass(frozen=True, kw_only=True)
class Certified(Solver[OrderingProblem]):
    """Cutting planes and branching on the linear ordering relaxation, with a certificate.

    Proves the optimum, or a bound if a limit ends it first, with a certificate that `endonet.check` verifies without a
    solver. Deterministic on one machine unless a time limit intervenes.

    Parameters
    ----------
    node_limit : int, optional
        Nodes of a component after which its search ends with the bound it has.
    initial : array_like of int, optional
        A first order; by default the greedy one by exact weights. Local search improves it.
    """

    name: ClassVar[str] = "certified"
    title: ClassVar[str] = "Cutting planes and branching, with a certificate"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    packages: ClassVar[tuple[str, ...]] = ("highspy",)
    remedy: ClassVar[str] = "pip install highspy"

    node_limit: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is not positive", "give a number ≥ 1, or leave it out")

    def prepare(self) -> None:
        """Compile the kernels."""
        compile_kernels()
        problem = tiny_digraph()
        links, counted = net_links(problem), units(problem)
        for dense in (True, False):
            for members in links.members():
                if members.size > 2:
                    search = Search(links, counted, members, 0.0, 0, lambda: False)
                    search.relaxation = search.relax(dense)
                    if dense:
                        search.ascend(Node(FREE, 0), search.relaxation)
                    point = search.relaxation.solve(search.stop)
                    search.relaxation.add(search.relaxation.separate(point.b))
                    search.round(point)
                    search.relaxation.cut(search.relaxation.solve(search.stop))

    def _start(self, problem: OrderingProblem, start: Order, stop: Stop) -> tuple[Order, float | None]:
        """Return a local optimum, and a cap on weights if they dwarf what it costs."""
        lowered, cap, order = problem, None, start
        while True:
            order, _ = improved(lowered, net_links(lowered), order, default_kicks(problem.n), 3, self.seed, stop)
            value = problem.evaluate(order).value
            if stop() or not 0 < value < DWARFED * lowered.total:
                return order, cap
            cap = CAP * value
            if float(lowered.W.data.max()) <= cap:
                return order, cap
            lowered = capped(problem, cap)

    def run(self, problem: OrderingProblem, formulation: str | None) -> Finding:
        """Search every component and report."""
        del formulation
        begun = time.perf_counter()
        deadline = begun + (math.inf if self.time_limit is None else self.time_limit)
        node_limit = 2**62 if self.node_limit is None else self.node_limit
        start = greedy_order(problem) if self.initial is None else problem.order(self.initial)
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:

            def stop() -> bool:
                return interrupt.requested or time.perf_counter() >= deadline

            order, cap = self._start(problem, start, stop)
            lowered = capped(problem, cap)
            links, counted = net_links(lowered), units(lowered)
            parts = [members for members in links.members() if members.size > 2]
            order = order[np.argsort(links.component[order], kind="stable")]
            place = np.empty(problem.n, np.int64)
            place[order] = np.arange(problem.n)
            searches, settled = [], True
            for members in sorted(parts, key=len):
                ordered = members[np.argsort(place[members])]
                search = Search(links, counted, ordered, self.rel_gap, self.seed, stop)
                settled = search.run(node_limit, progress) and settled
                order[np.sort(place[members])] = search.order
                searches.append(search)
        proved = counted.base + sum(search.proved for search in searches)
        limited = any(search.visited >= node_limit and search.heap for search in searches)
        stopped_by = StoppedBy.FINISHED
        if interrupt.requested:
            stopped_by = StoppedBy.INTERRUPTED
        elif not settled:
            stopped_by = StoppedBy.NODE_LIMIT if limited else StoppedBy.TIME_LIMIT if stop() else StoppedBy.FINISHED
        relaxations = [search.relaxation for search in searches if search.relaxation is not None]
        return Finding(
            order,
            Status.OPTIMAL,
            stopped_by,
            bound=counted.value(proved),
            certificate=certificate.join([search.proof() for search in searches], cap),
            statistics={
                "components": len(searches),
                "nodes": sum(search.visited for search in searches),
                "open_nodes": sum(len(search.heap) for search in searches),
                "linear_programs": sum(r.programs for r in relaxations),
                "cycles": sum(r.cycles.count for r in relaxations),
                "cuts": sum(len(r.sources) for r in relaxations),
            },
        )
