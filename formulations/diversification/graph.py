r"""The layered graph on which a planner's path is a longest path.

A node is (k, S): layers 1 … k have chosen, with upstream diversification S = s_1 … s_k. An arc (k−1, S) → (k, S s) is a
choice of s suppliers and as long as the layer's profit Π_k = π_k (1 − M(S s)) − (c_k/2) s². An arc with s = 0 leads to
(k, 0), a collapse, after which all arcs have length 0. Only numbers of suppliers that can be optimal (`bounds`) get
arcs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.firm import firm_choices, profit
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import NotApplicableError

LARGEST = 200_000


@dataclass(frozen=True)
class Arc:
    """A choice of s suppliers in layer k (0-based) behind S, and what it is worth to the layer."""

    k: int
    S: int
    s: int
    length: float


@dataclass(frozen=True, eq=False)
class ChainGraph:
    """All arcs between reachable nodes, layer by layer.

    Attributes
    ----------
    problem : ChainProblem
    arcs : tuple of Arc
    """

    problem: ChainProblem
    arcs: tuple[Arc, ...]

    @cached_property
    def nodes(self) -> tuple[tuple[int, int], ...]:
        """Every node (k, S), the root (0, 1) first."""
        return tuple(dict.fromkeys([(0, 1), *((arc.k + 1, arc.S * arc.s) for arc in self.arcs)]))


def choice_graph(problem: ChainProblem, largest: int = LARGEST) -> ChainGraph:
    """Return the graph of all choices that can be optimal for the planner.

    Raises
    ------
    NotApplicableError
        If it has more than ``largest`` arcs.
    """
    limits = Limits(problem)
    required = limits.least > 0

    def choices(k: int, S: int) -> Iterable[int]:
        return range(1 if required else 0, limits.most(k, S) + 1)

    return _grow(problem, choices, largest)


def response_graph(problem: ChainProblem, largest: int = LARGEST) -> ChainGraph:
    """Return the graph whose arcs are firms' best responses, all of them where they tie exactly."""
    return _grow(problem, lambda k, S: firm_choices(problem, k, S), largest)


def _grow(problem: ChainProblem, choices: Callable[[int, int], Iterable[int]], largest: int) -> ChainGraph:
    arcs: list[Arc] = []
    frontier = [1]
    least = problem.least_diversification
    for k in range(problem.K):
        following: dict[int, None] = {}
        for S in frontier:
            for s in choices(k, S) if S else (0,):
                arcs.append(Arc(k, S, s, profit(problem, k, S * s, s)))
                following[S * s] = None
            if len(arcs) > largest:
                raise NotApplicableError(
                    f"the graph of choices has more than {largest} arcs; certified keeps only the states that matter"
                )
        frontier = sorted(following)
    if least:
        last = problem.K - 1
        arcs = [arc for arc in arcs if arc.k < last or arc.S * arc.s >= least]
    return ChainGraph(problem, tuple(arcs))
