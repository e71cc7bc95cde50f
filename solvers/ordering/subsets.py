"""Every order accounted for, by dynamic programming over sets of nodes (Held and Karp, 1962).

    f(∅) = 0,   f(S) = min_{u ∈ S} f(S∖{u}) + Σ_{v ∈ S∖{u}} W_uv

f(S) is the least weight that runs backward among S when S comes first: the links of its last node u into the rest of S
do. 2ᵐ sets for each strong component of m nodes take the place of m! orders. It uses no relaxation, no bound and no
solver, and is the truth that the others are tested against.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from endonet.formulations.ordering.problem import OrderingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.ordering.net import net_links
from endonet.solvers.ordering.tiny import tiny_digraph
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

LARGEST = 22
CHUNK = 1 << 16  # sets between two looks at the clock
ROUNDING = 1e-12  # the bound is so much below the sum, relatively, where weights are not whole


@numba.njit(cache=True)
def _cheapest(W, cost, last, first, end):  # type: ignore[no-untyped-def]
    """Fill in f and the last node of the sets numbered first … end−1; all smaller numbers are done."""
    n = W.shape[0]
    for S in range(max(first, 1), end):
        best, chosen = np.inf, -1
        for u in range(n):
            if S >> u & 1:
                rest = S & ~(1 << u)
                here = cost[rest]
                for v in range(n):
                    if rest >> v & 1:
                        here += W[u, v]
                if here < best:
                    best, chosen = here, u
        cost[S], last[S] = best, chosen


@dataclass(frozen=True, kw_only=True)
class Subsets(Solver[OrderingProblem]):
    """Dynamic programming over sets of nodes: exact, without a relaxation; up to 22 nodes a component."""

    name: ClassVar[str] = "subsets"
    title: ClassVar[str] = "Every order accounted for, by dynamic programming over sets of nodes"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    def refuses(self, problem: OrderingProblem) -> str:
        """Say so if a strong component has too many nodes."""
        largest = max(members.size for members in net_links(problem).members())
        return (
            f"a strong component has {largest} nodes, more than {LARGEST}; use certified" if largest > LARGEST else ""
        )

    def prepare(self) -> None:
        """Compile the kernel."""
        self._search(tiny_digraph(), Interrupt(), math.inf)

    def run(self, problem: OrderingProblem, formulation: str | None) -> Finding:
        """Order every component, and the components by their links."""
        del formulation
        deadline = time.perf_counter() + (math.inf if self.time_limit is None else self.time_limit)
        with Interrupt() as interrupt:
            order = self._search(problem, interrupt, deadline)
        if order is None:
            stopped_by = StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
            return Finding(None, Status.NO_SOLUTION, stopped_by)
        value = problem.evaluate(order).value
        return Finding(order, Status.OPTIMAL, bound=value if problem.integral else value * (1 - ROUNDING))

    def _search(self, problem: OrderingProblem, interrupt: Interrupt, deadline: float) -> NDArray[np.int64] | None:
        ordered = []
        for members in net_links(problem).members():
            W = problem.W[members][:, members].toarray()
            cost, last = np.zeros(1 << members.size), np.full(1 << members.size, -1, np.int8)
            for first in range(0, cost.size, CHUNK):
                if interrupt.requested or time.perf_counter() >= deadline:
                    return None
                _cheapest(W, cost, last, first, min(first + CHUNK, cost.size))
            S, backward = cost.size - 1, []
            while S:
                backward.append(int(last[S]))
                S &= ~(1 << backward[-1])
            ordered.append(members[backward[::-1]])
        return np.concatenate(ordered)
