"""The planner's path as a longest path in an acyclic graph, by networkx.

The graph of `endonet.formulations.diversification.graph` holds every choice that can be optimal. Distances to the last
layer are the potentials of the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.graph import ChainGraph, choice_graph
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import NotApplicableError
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate, ties
from endonet.solvers.diversification.certified import BUDGET, only_limit, too_wide
from endonet.solvers.diversification.labels import Labels, padding_of
from endonet.solvers.solution import Finding, Proves, Status

END = "end"


@dataclass(frozen=True, kw_only=True)
class LongestPath(Solver[ChainProblem]):
    """networkx's longest path on the layered graph; the graph must fit into memory."""

    name: ClassVar[str] = "longest-path"
    title: ClassVar[str] = "longest path on the layered graph, by networkx"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("planner",)

    def refuses(self, problem: ChainProblem) -> str:
        """Return why the problem is no longest path, or too large a graph."""
        if reason := only_limit(problem):
            return reason
        if problem.budget is not None:
            return BUDGET
        if reason := too_wide(problem):
            return reason
        try:
            choice_graph(problem)
        except NotApplicableError as error:
            return str(error)
        return ""

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Build the graph and find its longest path."""
        import networkx as nx

        del formulation
        if certificate.cannot_meet(problem):
            return Finding(None, Status.INFEASIBLE, notes=("no path meets the target",), certificate={"kind": "target"})
        graph = choice_graph(problem)
        network = nx.DiGraph()
        for arc in graph.arcs:
            tail, head = (arc.k, arc.S), (arc.k + 1, arc.S * arc.s)
            known = network.get_edge_data(tail, head)
            if known is None or arc.length > known["length"]:
                network.add_edge(tail, head, length=arc.length, s=arc.s)
            if arc.k == problem.K - 1:
                network.add_edge(head, END, length=0.0)
        distance = _distances(network)
        path: list[int] = []
        node: Any = (0, 1)
        while node != END:
            following = max(network[node], key=lambda head: network[node][head]["length"] + distance[head])
            path.append(network[node][following].get("s", -1))
            node = following
        decision = SourcingPath(tuple(path[:-1]))
        limits = Limits(problem)
        found, phi = _potentials(graph, distance, limits)
        near = ties.near_optimal(limits, Labels(found.first, found.S, found.G, distance[0, 1]), phi)
        decision = ties.decide(problem, ties.best_exactly(problem, [decision.path, *near]), self.seed)
        value = problem.evaluate(decision).value
        return Finding(
            decision,
            Status.OPTIMAL,
            claimed_value=distance[0, 1] / problem.K if abs(value) > 1e-3 else None,
            bound=value if len(near) < ties.MOST else max(float(phi[0]) / problem.K, value),
            certificate=certificate.pack(found, phi),
            statistics={"nodes": network.number_of_nodes(), "arcs": network.number_of_edges()},
        )


def _distances(network: Any) -> dict[Any, float]:
    """Return the length of the longest path from each node to the end."""
    import networkx as nx

    distance: dict[Any, float] = {END: 0.0}
    for node in reversed(list(nx.topological_sort(network))):
        if node != END:
            ahead = [edge["length"] + distance[head] for head, edge in network[node].items()]
            distance[node] = max(ahead, default=-np.inf)
    return distance


def _potentials(graph: ChainGraph, distance: dict[Any, float], limits: Limits) -> tuple[Labels, Any]:
    """Return the distances as padded potentials of the states, layer by layer."""
    K = graph.problem.K
    layers: list[list[int]] = [[] for _ in range(K)]
    for k, S in graph.nodes:
        if k < K and S > 0 and distance.get((k, S), -np.inf) > -np.inf:
            layers[k].append(S)
    first, states, phi = [0], [], []
    for k, layer in enumerate(layers):
        for S in sorted(layer):
            away = distance[k, S]
            states.append(float(S))
            phi.append(away + (K - k) * padding_of(limits) * max(float(limits.profit[0]), abs(away)))
        first.append(len(states))
    first.append(len(states))
    return Labels(np.array(first, np.int64), np.array(states), np.zeros(len(states)), 0.0), np.array(phi)
