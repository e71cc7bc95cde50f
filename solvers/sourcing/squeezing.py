"""Squeezing with bounded branching: the best set of suppliers of every firm, with a proof (theory: `choice_kernels`).

Firms do not interact, so that they are searched one by one, in blocks that share the threads. A firm that needs more
nodes than a first round grants is searched again with more, from its best set; a limit ends that with a bound.
"""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.interdependent import Sets, SourcingChoice, Vector
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.sourcing import choice_certificate, choice_kernels
from endonet.solvers.sourcing.accepted import only_choices

Integers = NDArray[np.int64]

BLOCK = 2048
ROUND = 2_000  # nodes a firm is granted at first
GROWTH = 4
LOOK = 0.5  # seconds after which a long search looks at the clock
BRANCHING = ("bounded", "bare")


@dataclass(frozen=True, kw_only=True)
class Squeezing(Solver[SourcingChoice]):
    """Marginal values squeeze the sets between, price bounds close branches; complements need no branching at all.

    Parameters
    ----------
    branching : {"bounded", "bare"}
        ``bare`` branches without any bound, as Arkolakis, Eckert and Shi do, to count what bounds save.
    node_limit : int, optional
        Nodes for each firm after which its best set and bound so far are returned.
    initial : array_like of 0 and 1, shape (firms, K), optional
        Sets to start from.
    """

    name: ClassVar[str] = "squeezing"
    title: ClassVar[str] = "squeezing and bounded branching over one firm's suppliers"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    branching: str = "bounded"
    node_limit: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.branching not in BRANCHING:
            raise InputError("branching", f"{self.branching!r} is unknown", f"use one of {', '.join(BRANCHING)}")
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is too small", "give an integer ≥ 1, or leave it out")

    def refuses(self, problem: Any) -> str:
        """Return a complaint if it is another kind of problem."""
        return only_choices(self.name, problem)

    def prepare(self) -> None:
        """Compile the kernels."""
        compile_kernels()

    def run(self, problem: SourcingChoice, formulation: str | None) -> Finding:
        """Search every firm's sets."""
        del formulation
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        way = choice_kernels.BOUNDED if self.branching == "bounded" else choice_kernels.BARE
        threads = self.threads or os.cpu_count() or 1
        with Interrupt() as interrupt, Progress(self.log) as progress:
            work = Search(problem, way, self.rel_gap / 10, self.node_limit, threads, deadline)
            if self.initial is not None:
                work.start_from(problem.sets(self.initial))
            stopped_by = work.run(progress, interrupt)
        profit = problem.evaluate(work.Z).profit
        bound = float((profit + np.maximum(work.excess, 0.0)).sum())
        return Finding(
            work.Z,
            Status.OPTIMAL,
            stopped_by,
            bound=bound,
            certificate=choice_certificate.pack(problem),
            statistics=work.statistics(),
        )


@cache
def compile_kernels() -> None:
    """Compile the kernels on tiny problems, once."""
    for sigma in (2.0, 4.0):
        tiny = SourcingChoice(sigma=sigma, theta=2.0, phi=[1.0], xi=[1.0, 2.0, 3.0], f=[0.1, 0.2, 0.4])  # type: ignore[arg-type]
        Search(tiny, choice_kernels.BOUNDED, 0.0, None, 1, math.inf).run(Progress(False), Interrupt())
        choice_certificate.root_prices(tiny)


class Search:
    """The state of the search over all firms.

    Attributes
    ----------
    Z : int8 array, shape (firms, K)
    excess : array, shape (firms,)
        How far the bound of a firm lies above the profit of its set.
    nodes, left : int arrays, shape (firms,)
        Nodes looked at; suppliers that squeezing alone leaves open.
    """

    def __init__(
        self, problem: SourcingChoice, way: int, slack: float, node_limit: int | None, threads: int, deadline: float
    ) -> None:
        self.problem, self.way, self.slack = problem, way, slack
        self.node_limit, self.threads, self.deadline = node_limit, threads, deadline
        firms = problem.firms
        self.Z: Sets = np.zeros((firms, problem.K), np.int8)
        self.excess: Vector = problem.scale * (
            (problem.xi_0 + problem.xi.sum(axis=-1)) ** problem.exponent - problem.xi_0**problem.exponent
        )
        self.nodes: Integers = np.zeros(firms, np.int64)
        self.left: Integers = np.full(firms, problem.K, np.int64)
        self.done: Integers = np.zeros(firms, np.int64)

    def start_from(self, Z: Sets) -> None:
        """Begin with these sets."""
        earned = self.problem.scale * (self.problem.xi_0 + self.problem.xi.sum(axis=-1)) ** self.problem.exponent
        self.Z[:] = Z
        self.excess = np.maximum(earned - self.problem.evaluate(Z).profit, 0.0)
        self.done[:] = -1

    def run(self, progress: Progress, interrupt: Interrupt) -> StoppedBy:
        """Search until every firm is done, or a limit; return why it ended."""
        grant = ROUND if self.node_limit is None else min(ROUND, self.node_limit)
        rows = np.arange(self.problem.firms)
        spent = np.zeros_like(self.nodes)
        size = max(1, min(BLOCK, -(-rows.size // (4 * self.threads))))
        while rows.size:
            blocks = [rows[start : start + size] for start in range(0, rows.size, size)]
            begun = time.perf_counter()
            with ThreadPoolExecutor(self.threads) as pool:
                for first in range(0, len(blocks), self.threads):
                    if interrupt.requested or time.perf_counter() > self.deadline:
                        self.nodes += spent
                        return StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
                    progress.show(firms=f"{int((self.done == 1).sum())} of {self.problem.firms}")
                    list(pool.map(self._block, blocks[first : first + self.threads], repeat(grant)))
            rows = np.flatnonzero(self.done != 1)
            if self.node_limit is not None and grant >= self.node_limit and rows.size:
                self.nodes += spent
                return StoppedBy.NODE_LIMIT
            spent[rows] += self.nodes[rows]
            self.done[rows] = -1
            size, speed = 1, grant / max((time.perf_counter() - begun) / max(len(blocks), 1), 1e-6)
            grant = min(grant * GROWTH, max(grant, int(speed * LOOK)))
            if self.node_limit is not None:
                grant = min(grant, self.node_limit)
        self.nodes += spent
        return StoppedBy.FINISHED

    def _block(self, rows: Integers, grant: int) -> None:
        """Search some firms and put what comes of it in its place."""
        p = self.problem
        xi = np.broadcast_to(p.xi, (rows.size, p.K)) if p.xi.ndim == 1 else p.xi[rows]
        c = p.w * (np.broadcast_to(p.f, (rows.size, p.K)) if p.f.ndim == 1 else p.f[rows])
        order = by_ratio(xi, c)
        xi, c = np.take_along_axis(xi, order, axis=1), np.take_along_axis(c, order, axis=1)
        sets = np.take_along_axis(self.Z[rows], order, axis=1)
        found = self.excess[rows], self.nodes[rows], self.left[rows], self.done[rows]
        firms = p.exponent, p.scale[rows], p.xi_0[rows], xi, c
        choice_kernels.search(*firms, self.way, self.slack, grant, sets, *found)
        self.Z[rows[:, None], order] = sets
        self.excess[rows], self.nodes[rows], self.left[rows], self.done[rows] = found

    def statistics(self) -> dict[str, Any]:
        """Return what a report says of the search."""
        return {
            "firms": self.problem.firms,
            "proved": int((self.done == 1).sum()),
            "squeezed": int((self.left == 0).sum()),
            "nodes": int(self.nodes.sum()),
            "largest_tree": int(self.nodes.max()),
            "exponent": self.problem.exponent,
        }


def by_ratio(xi: Vector, c: Vector) -> Integers:
    """Return the suppliers of each firm in the order of c/ξ, the first first among equals; those without ξ last."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        order: Integers = np.argsort(np.where(xi > 0, c / xi, np.inf), axis=1, kind="stable")
    return order
