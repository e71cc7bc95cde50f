"""Set cover: every cycle needs a link that runs backward, and cycles are listed as they are found.

    min  Σ_ij W_ij b_ij    s.t.  Σ_{ij ∈ C} b_ij ≥ 1  for every cycle C,    b_ij ∈ {0, 1}

b_ij is 1 if the link i → j runs backward. A sparse digraph has few links and very many cycles, of which few matter, so
that the model is built with the cycles known so far; `violated` finds those that a solution leaves whole, and `add`
writes their rows:

    model = COVER.build(problem)
    while True:
        solve(model)
        cycles = violated(model)
        if not cycles:
            break
        add(model, cycles)

At the start it has the cycles of two links and a shortest cycle through each link. An order follows from any solution
that leaves no cycle whole; from any other, `extract` returns one that the solution suggests.

Source: paper 002, section 4.2.1, as a feedback arc set; Grötschel, Jünger and Reinelt, *On the acyclic subgraph
polytope* (1985), for the rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.ordering.building import OrderingFormulation, domain, values
from endonet.formulations.ordering.problem import Order, OrderingProblem

Cycle = tuple[int, ...]

SHORTFALL = 1e-6


class Cover(OrderingFormulation):
    """Set cover over cycles, of which the model holds those known so far."""

    name = "ordering/cover"
    title = "Set cover over the cycles found so far"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 002, section 4.2.1; Grötschel, Jünger and Reinelt (1985)"
    symbols = (
        (r"b_{ij}", "1 if the link from i to j runs backward"),
        (r"W_{ij}", "weight of the link from i to j"),
        (r"C", "a cycle of links"),
    )
    equations = (
        Equation("4.2.1", r"\min\; \sum_{ij} W_{ij} b_{ij}", "the weight of links that run backward", "objective"),
        Equation(
            "cycle",
            r"\sum_{ij \in C} b_{ij} \geq 1",
            "every cycle has a link that runs backward; rows are added as they are found violated",
            "constraint_cycle",
        ),
        Equation("links", r"b_{ij} \in \{0, 1\}", "a link runs forward or backward", "b"),
    )

    def _pyomo(self, problem: OrderingProblem, relaxed: bool) -> pyo.ConcreteModel:
        model = pyo.ConcreteModel()
        model.nodes = pyo.RangeSet(0, problem.n - 1)
        ends = list(zip(problem.tails.tolist(), problem.W.indices.tolist(), strict=True))
        model.links = pyo.Set(initialize=ends, dimen=2)
        model.b = pyo.Var(model.links, domain=domain(relaxed))
        weight = dict(zip(ends, problem.W.data.tolist(), strict=True))
        model.objective = pyo.Objective(expr=sum(weight[link] * model.b[link] for link in ends), sense=pyo.minimize)
        model.constraint_cycle = pyo.ConstraintList()
        add(model, shortest_cycles(problem.n, dict.fromkeys(ends, 0.0)))
        return model

    def extract(self, model: Any) -> Order:
        """Return an order in which the links with b = 0 run forward, as far as they have no cycle among them."""
        b = values(model.b)
        n = len(model.nodes)
        kept: list[list[int]] = [[] for _ in range(n)]
        waiting = np.zeros(n)
        for (i, j), backward in b.items():
            if backward < 0.5:
                kept[i].append(j)
                waiting[j] += 1
        heap = [(waiting[i], i) for i in range(n)]
        heapq.heapify(heap)
        order: list[int] = []
        placed = np.zeros(n, dtype=bool)
        while heap:
            count, i = heapq.heappop(heap)
            if placed[i] or count != waiting[i]:
                continue
            placed[i] = True
            order.append(i)
            for j in kept[i]:
                if not placed[j]:
                    waiting[j] -= 1
                    heapq.heappush(heap, (waiting[j], j))
        return np.array(order, dtype=np.int64)


def violated(model: Any, shortfall: float = SHORTFALL) -> list[Cycle]:
    """Return cycles that the values of b in a solved model break too little, one for each link at most."""
    b = values(model.b)
    return shortest_cycles(len(model.nodes), b, 1.0 - shortfall)


def add(model: Any, cycles: Iterable[Sequence[int]]) -> None:
    """Add the rows of cycles, each given as its nodes in turn."""
    for cycle in cycles:
        links = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        model.constraint_cycle.add(sum(model.b[link] for link in links) >= 1)


def shortest_cycles(n: int, lengths: dict[tuple[int, int], float], below: float = np.inf) -> list[Cycle]:
    """Return a shortest cycle through each link, where it is shorter than ``below``; each once, fewest links first.

    Examples
    --------
    >>> shortest_cycles(3, {(0, 1): 0.0, (1, 2): 0.0, (2, 0): 0.0, (1, 0): 0.0})
    [(0, 1), (0, 1, 2)]
    """
    leaving: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for (i, j), length in lengths.items():
        leaving[i].append((j, max(length, 0.0)))
    found: set[Cycle] = set()
    for start in range(n):
        reached, before = _paths(start, leaving)
        for i, j in lengths:
            if j == start and i in reached and reached[i][0] + max(lengths[i, j], 0.0) < below:
                path = [i]
                while path[-1] != start:
                    path.append(before[path[-1]])
                least = path.index(min(path))
                cycle = path[::-1]
                least = len(path) - 1 - least
                found.add((*cycle[least:], *cycle[:least]))
    return sorted(found, key=lambda cycle: (len(cycle), cycle))


def _paths(start: int, leaving: list[list[tuple[int, float]]]) -> tuple[dict[int, tuple[float, int]], dict[int, int]]:
    """Return the length and the number of links of a shortest path to every node, and the node before it (Dijkstra)."""
    reached: dict[int, tuple[float, int]] = {}
    best = {start: (0.0, 0)}
    before: dict[int, int] = {}
    heap = [(0.0, 0, start)]
    while heap:
        length, hops, i = heapq.heappop(heap)
        if i in reached:
            continue
        reached[i] = (length, hops)
        for j, step in leaving[i]:
            candidate = (length + step, hops + 1)
            if j not in reached and candidate < best.get(j, (np.inf, 0)):
                best[j], before[j] = candidate, i
                heapq.heappush(heap, (*candidate, j))
    return reached, before


COVER = Cover()
