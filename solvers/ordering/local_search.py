"""Local search: the greedy order, improved by moving one node at a time, then kicked and improved again.

The components of the net links are put in topological order, which violates no more than before, and each is searched
by itself: by dense rows where most pairs are linked, and by linked nodes only where few are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import Order, OrderingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.ordering.eades import greedy_order
from endonet.solvers.ordering.insertion import descend_sparse, search_dense, search_sparse
from endonet.solvers.ordering.net import NetLinks, net_links
from endonet.solvers.ordering.tiny import tiny_digraph
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

LARGEST_DENSE = 2000
DENSE = 0.1  # a share of linked pairs beyond which rows are kept dense
WORK = 20_000_000  # about so many steps are compiled work between two looks at the clock
LEAST = 1e-12  # a move must save this share of all weight, above rounding

Stop = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class LocalSearch(Solver[OrderingProblem]):
    """Iterated local search over insertions of one node; ends in an order that no insertion improves.

    Parameters
    ----------
    kicks : int, optional
        How often to disturb the best order and improve it again; by default 20 times the number of nodes, at most
        20 000, and none beyond 20 000 nodes.
    strength : int, default 3
        How many nodes a kick moves at random.
    initial : array_like of int, optional
        An order to start from; by default the greedy one by exact weights.
    """

    name: ClassVar[str] = "local-search"
    title: ClassVar[str] = "Iterated local search: move one node at a time"
    proves: ClassVar[Proves] = Proves.LOCAL_OPTIMUM

    kicks: int | None = None
    strength: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kicks is not None and self.kicks < 0:
            raise InputError("kicks", f"{self.kicks} is negative", "give a number ≥ 0, or leave it out")
        if self.strength < 1:
            raise InputError("strength", f"{self.strength} is not positive", "give a number ≥ 1")

    def prepare(self) -> None:
        """Compile the kernels."""
        compile_kernels()

    def run(self, problem: OrderingProblem, formulation: str | None) -> Finding:
        """Improve, kick and improve again."""
        del formulation
        begun = time.perf_counter()
        deadline = begun + (math.inf if self.time_limit is None else self.time_limit)
        start = greedy_order(problem) if self.initial is None else problem.order(self.initial)
        with Interrupt() as interrupt:
            order, settled = improved(
                problem,
                net_links(problem),
                start,
                kicks=default_kicks(problem.n) if self.kicks is None else self.kicks,
                strength=self.strength,
                seed=self.seed,
                stop=lambda: interrupt.requested or time.perf_counter() >= deadline,
            )
        stopped_by = StoppedBy.FINISHED
        if interrupt.requested:
            stopped_by = StoppedBy.INTERRUPTED
        elif time.perf_counter() >= deadline:
            stopped_by = StoppedBy.TIME_LIMIT
        notes = () if settled else ("a limit ended the descent; the order is the best seen, not yet a local optimum",)
        return Finding(order, Status.LOCAL if settled else Status.NOT_CONVERGED, stopped_by, notes=notes)


def default_kicks(n: int) -> int:
    """Return how often a digraph of n nodes is kicked by default."""
    return min(20 * n, 20_000) if n <= 20_000 else 0


def compile_kernels() -> None:
    """Compile what `improved` needs."""
    problem = tiny_digraph()
    links = net_links(problem)
    start = np.arange(problem.n)
    for dense in (0.0, 2.0):
        improved(problem, links, start, kicks=1, strength=1, seed=0, stop=lambda: False, dense=dense)
    greedy_order(problem)


def improved(
    problem: OrderingProblem,
    links: NetLinks,
    start: Order,
    kicks: int,
    strength: int,
    seed: int,
    stop: Stop,
    dense: float = DENSE,
) -> tuple[Order, bool]:
    """Return an order that no insertion of one node improves, and whether that state was reached.

    Parameters
    ----------
    links : NetLinks
        The net links of the problem.
    start : int64 array
        The order to start from; components are put in topological order first.
    kicks, strength, seed : int
        See `LocalSearch`; a component's share of the kicks follows its size.
    stop : callable
        Says when to end.
    dense : float
        The share of linked pairs from which a component is searched by dense rows.
    """
    place = np.empty(problem.n, np.int64)
    place[start] = np.arange(problem.n)
    order = start[np.argsort(links.component[start], kind="stable")]
    sizes = np.bincount(links.component)
    ends = np.cumsum(sizes)
    settled, least = True, LEAST * problem.total
    for c in np.flatnonzero(sizes > 2):
        span = slice(int(ends[c] - sizes[c]), int(ends[c]))
        share = max(1, round(kicks * sizes[c] / problem.n)) if kicks else 0
        order[span], done = improve_component(links, order[span], share, strength, (seed, int(c)), least, stop, dense)
        settled = settled and done
    return order, settled


def improve_component(
    links: NetLinks,
    order: Order,
    kicks: int,
    strength: int,
    seed: tuple[int, int],
    least: float,
    stop: Stop,
    dense: float = DENSE,
) -> tuple[Order, bool]:
    """Return a better order of one component; parameters as those of `improved`."""
    n = order.size
    pointer, node, weight = induced(links, order)
    local = np.arange(n, dtype=np.int64)
    strength = min(strength, n)
    if n <= LARGEST_DENSE and node.size >= dense * n * n:
        D = np.zeros((n, n))
        D[np.repeat(np.arange(n), np.diff(pointer)), node] = weight
        batch = max(1, WORK // (6 * n * n))
        search_dense(D, local, 0, strength, 0, least)
        for done in range(0, kicks, batch):
            if stop():
                break
            search_dense(D, local, min(batch, kicks - done), strength, _word(seed, done), least)
        return order[local], True
    place, queue, queued = local.copy(), local.copy(), np.ones(n, np.bool_)
    first, count = 0, n
    degree = node.size / n
    steps = max(1, int(WORK // (20 * degree + n / 4)))
    while count:
        _, first, count = descend_sparse(pointer, node, weight, local, place, queue, queued, first, count, least, steps)
        if count and stop():
            return order[local], False
    batch = max(1, int(WORK // (100 * degree + 4 * n)))
    for done in range(0, kicks, batch):
        if stop():
            break
        search_sparse(pointer, node, weight, local, min(batch, kicks - done), strength, _word(seed, done), least)
    return order[local], True


def induced(links: NetLinks, nodes: Order) -> tuple[Order, Order, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return D between some nodes in CSR form, the nodes renumbered by their places in the list."""
    number = np.full(links.n, -1, np.int64)
    number[nodes] = np.arange(nodes.size)
    lengths = links.pointer[nodes + 1] - links.pointer[nodes]
    row = np.repeat(np.arange(nodes.size), lengths)
    entry = np.repeat(links.pointer[nodes] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    entry += np.arange(entry.size)
    inside = number[links.node[entry]] >= 0
    entry, row = entry[inside], row[inside]
    pointer = np.searchsorted(row, np.arange(nodes.size + 1))
    return pointer, number[links.node[entry]], links.weight[entry]


def _word(seed: tuple[int, int], batch: int) -> int:
    """Return a 32-bit seed for one batch of kicks."""
    return int(np.random.SeedSequence([abs(seed[0]), *seed[1:], batch]).generate_state(1)[0])
