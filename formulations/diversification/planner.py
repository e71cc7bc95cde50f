r"""The planner's problem (26)–(29) as a longest path on the layered graph of (k, S), a linear program.

    V_k(S) = max over s of π_k (1 − M(S s)) − (c_k/2) s² + V_{k+1}(S s),   V_{K+1} = 0,   W = V_1(1)/K        (27), (86)

In the paper (26) sums from k = 0, (29) chooses s_1 … s_{K−1}, and (86) recurses on V_k; meant are k = 1 … K, s_1 … s_K
and V_{k+1}. Nor is V linear in R: it is a function of S, in open loop. Choosing paths of unit flow in the graph is a
network matrix, so the relaxation has an integral optimum. A budget row Σ c_k s_k² ≤ B, or a row that a user adds to the
model, destroys that: then the flows must be binary, and ``relaxed`` gives a bound.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.diversification.firm import only_infinite, only_pyomo
from endonet.formulations.diversification.graph import ChainGraph, choice_graph
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import InputError

SYMBOLS = (
    (r"x_{k,S,s}", "1 if layer k keeps s suppliers behind upstream diversification S"),
    (r"S", "upstream diversification, the product of the numbers of suppliers so far"),
    (r"M(n)", "E[X^n], the expected disruption of a layer with diversification n"),
    (r"\pi_k, c_k", "profit of a firm that delivers, and marginal cost of a supplier, in layer k"),
    (r"K, W", "number of layers; average welfare"),
    (r"B", "budget for links, where there is one"),
)


class Planner(Formulation[ChainProblem]):
    """The planner's choice of a path, as a linear program over arcs of the layered graph."""

    name = "diversification/planner"
    title = "the planner's numbers of suppliers as a longest path"
    math_class = MathClass.SHORTEST_PATH
    relaxation_convex = True
    source = "paper 003, equations (26) to (29) and (86), corrected; the bound on s is endonet's"
    modellers = (Modeller.PYOMO,)
    symbols = SYMBOLS
    equations = (
        Equation(
            "(26)",
            r"\max\; W = \frac{1}{K} \sum_{k,S,s} \left[ \pi_k (1 - M(S s)) - \frac{c_k}{2} s^2 \right] x_{k,S,s}",
            "maximise average expected profit",
            "objective",
        ),
        Equation("start", r"\sum_s x_{1,1,s} = 1", "one choice in the first layer", "constraint_start"),
        Equation(
            "(28)",
            r"\sum_{S' s' = S} x_{k-1,S',s'} = \sum_s x_{k,S,s}",
            "a layer chooses behind the diversification it finds",
            "constraint_flow",
        ),
        Equation(
            "row", r"\sum_{k,S,s} c_k s^2 x_{k,S,s} \leq B", "links cost no more than the budget", "constraint_budget"
        ),
        Equation("(29)", r"x_{k,S,s} \geq 0, \quad s = 0, 1, \ldots", "domains; binary with a budget", "x"),
    )

    def build(
        self, problem: ChainProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool | None = None
    ) -> Any:
        """Return the program over arcs.

        Parameters
        ----------
        problem : ChainProblem
        modeller : {"pyomo"}
        relaxed : bool, optional
            Let x range over [0, 1]; by default only where the optimum is integral anyway, that is without a budget. Ask
            for ``relaxed=False`` before adding rows.

        Raises
        ------
        NotApplicableError
            If the graph has too many arcs.
        """
        only_pyomo(self, modeller)
        only_infinite(problem)
        return path_model(self.name, choice_graph(problem), problem.budget is None if relaxed is None else relaxed)

    def extract(self, model: Any) -> SourcingPath:
        """Return the path that carries the flow."""
        return extract_path(model)


def path_model(name: str, graph: ChainGraph, relaxed: bool) -> pyo.ConcreteModel:
    """Return the longest-path program of a graph; the objective is W."""
    problem = graph.problem
    model = pyo.ConcreteModel(name=name)
    arcs = {(arc.k + 1, arc.S, arc.s): arc for arc in graph.arcs}
    model.arcs = pyo.Set(initialize=list(arcs), dimen=3, ordered=True)
    model.x = pyo.Var(model.arcs, domain=pyo.UnitInterval if relaxed else pyo.Binary)
    model.objective = pyo.Objective(
        expr=sum(arc.length / problem.K * model.x[key] for key, arc in arcs.items()), sense=pyo.maximize
    )
    into: dict[tuple[int, int], list[Any]] = {}
    out: dict[tuple[int, int], list[Any]] = {}
    for (k, S, s), arc in arcs.items():
        out.setdefault((k - 1, S), []).append(model.x[k, S, s])
        into.setdefault((k, arc.S * s), []).append(model.x[k, S, s])
    start = out.get((0, 1), [])
    model.constraint_start = pyo.Constraint(expr=sum(start) == 1 if start else pyo.Constraint.Infeasible)
    inner = [node for node in dict.fromkeys([*into, *out]) if 0 < node[0] < problem.K]
    model.nodes = pyo.Set(initialize=inner, dimen=2, ordered=True)
    model.constraint_flow = pyo.Constraint(model.nodes, rule=lambda _, k, S: _balance(into, out, (k, S)))
    if problem.budget is not None:
        model.constraint_budget = pyo.Constraint(
            expr=sum(float(problem.c[k - 1]) * s * s * model.x[k, S, s] for k, S, s in arcs) <= float(problem.budget)
        )
    return model


def _balance(into: dict[Any, list[Any]], out: dict[Any, list[Any]], node: tuple[int, int]) -> Any:
    """Write "what flows in flows out"; a node that a target cuts off from the last layer takes no flow."""
    arriving, leaving = into.get(node, []), out.get(node, [])
    return sum(arriving) - sum(leaving) == 0 if arriving or leaving else pyo.Constraint.Skip


def extract_path(model: Any) -> SourcingPath:
    """Follow the flow from the first layer; where it splits between equally good arcs, its larger part."""
    flow = {key: pyo.value(model.x[key], exception=False) for key in model.x}
    if not flow or any(value is None for value in flow.values()):
        raise InputError("x", "the model holds no values of it", "solve the model before extracting the path")
    path: list[int] = []
    S = 1
    for k in range(1, max(key[0] for key in flow) + 1):
        here = {s: value for (layer, state, s), value in flow.items() if layer == k and state == S}
        s = max(here, key=lambda s: here[s])
        path.append(s)
        S *= s
    return SourcingPath(tuple(path))


PLANNER = Planner()
