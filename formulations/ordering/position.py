"""Positions: every node has a place on a line, and a link that runs backward pays. For teaching.

    min  Σ_ij W_ij v_ij
    s.t. u_j ≥ u_i + 1 − n v_ij     for every link i → j
         0 ≤ u_i ≤ n − 1,   v_ij ∈ {0, 1}

u_i is the place of i, v_ij is 1 if the link i → j may run backward. It reads like the definition and is as small as the
digraph, but n v_ij is a big-M: the relaxation is worth next to nothing (v = 1/n breaks every cycle), and that is what
it teaches beside the other two.

Source: paper 002, section 4.2.1, written with the potentials of Miller, Tucker and Zemlin (1960).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.ordering.building import OrderingFormulation, domain, values
from endonet.formulations.ordering.problem import Order, OrderingProblem


class Position(OrderingFormulation):
    """Places on a line, with a big-M for links that run backward."""

    name = "ordering/position"
    title = "Places on a line, and links that may run backward"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 002, section 4.2.1; Miller, Tucker and Zemlin (1960)"
    symbols = (
        (r"u_i", "the place of node i"),
        (r"v_{ij}", "1 if the link from i to j may run backward"),
        (r"W_{ij}", "weight of the link from i to j"),
        (r"n", "number of nodes"),
    )
    equations = (
        Equation("4.2.1", r"\min\; \sum_{ij} W_{ij} v_{ij}", "the weight of links that run backward", "objective"),
        Equation(
            "places",
            r"u_j \geq u_i + 1 - n v_{ij}",
            "a link runs forward unless it is let off",
            "constraint_place",
        ),
        Equation("line", r"0 \leq u_i \leq n - 1", "there are n places", "u"),
        Equation("links", r"v_{ij} \in \{0, 1\}", "a link runs forward or may run backward", "v"),
    )

    def _pyomo(self, problem: OrderingProblem, relaxed: bool) -> pyo.ConcreteModel:
        n = problem.n
        model = pyo.ConcreteModel()
        model.nodes = pyo.RangeSet(0, n - 1)
        ends = list(zip(problem.tails.tolist(), problem.W.indices.tolist(), strict=True))
        weight = dict(zip(ends, problem.W.data.tolist(), strict=True))
        model.links = pyo.Set(initialize=ends, dimen=2)
        model.u = pyo.Var(model.nodes, bounds=(0, n - 1))
        model.v = pyo.Var(model.links, domain=domain(relaxed))
        model.constraint_place = pyo.Constraint(model.links, rule=lambda m, i, j: m.u[j] >= m.u[i] + 1 - n * m.v[i, j])
        model.objective = pyo.Objective(expr=sum(weight[link] * model.v[link] for link in ends), sense=pyo.minimize)
        return model

    def extract(self, model: Any) -> Order:
        """Return the nodes by their places."""
        u = values(model.u)
        return np.argsort(np.array([u[i] for i in model.nodes]), kind="stable").astype(np.int64)


POSITION = Position()
