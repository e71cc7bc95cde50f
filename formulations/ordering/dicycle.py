"""The linear ordering problem: a binary variable for each pair, and a row for each cycle of three.

    min  Σ_{i<j} W_ij (1 − x_ij) + W_ji x_ij
    s.t. 0 ≤ x_ij + x_jk − x_ik ≤ 1   for i < j < k,    x_ij ∈ {0, 1}

x_ij is 1 if i comes before j. The two sides of a row forbid the two cycles of i, j and k; without a cycle of three
among all pairs there is none at all (a tournament is transitive or has one). n(n−1)/2 variables and n(n−1)(n−2)/6
rows: dense digraphs of up to about a hundred nodes. The relaxation is often integral for input–output tables.

Source: Grötschel, Jünger and Reinelt, *A cutting plane algorithm for the linear ordering problem* (1984); the objective
is that of paper 002, section 4.2.1.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.ordering.building import OrderingFormulation, domain, values
from endonet.formulations.ordering.problem import Order, OrderingProblem


class Dicycle(OrderingFormulation):
    """The linear ordering problem with 3-dicycle rows."""

    name = "ordering/dicycle"
    title = "Linear ordering with a row for each cycle of three"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 002, section 4.2.1; Grötschel, Jünger and Reinelt (1984)"
    symbols = (
        (r"x_{ij}", "1 if i comes before j, for i < j"),
        (r"W_{ij}", "weight of the link from i to j"),
    )
    equations = (
        Equation(
            "4.2.1",
            r"\min\; \sum_{i<j} W_{ij} (1 - x_{ij}) + W_{ji} x_{ij}",
            "the weight of links that run backward",
            "objective",
        ),
        Equation(
            "3-dicycle",
            r"0 \leq x_{ij} + x_{jk} - x_{ik} \leq 1 \quad (i < j < k)",
            "what is before something is before all behind it",
            "constraint_dicycle",
        ),
        Equation("pairs", r"x_{ij} \in \{0, 1\}", "one of two nodes comes first", "x"),
    )

    def _pyomo(self, problem: OrderingProblem, relaxed: bool) -> pyo.ConcreteModel:
        n, W = problem.n, problem.W.toarray()
        model = pyo.ConcreteModel()
        model.nodes = pyo.RangeSet(0, n - 1)
        model.pairs = pyo.Set(initialize=list(combinations(range(n), 2)), dimen=2)
        model.x = pyo.Var(model.pairs, domain=domain(relaxed))
        model.constraint_dicycle = pyo.Constraint(
            list(combinations(range(n), 3)),
            rule=lambda m, i, j, k: pyo.inequality(0, m.x[i, j] + m.x[j, k] - m.x[i, k], 1),
        )
        model.objective = pyo.Objective(
            expr=sum(float(W[i, j]) * (1 - model.x[i, j]) + float(W[j, i]) * model.x[i, j] for i, j in model.pairs),
            sense=pyo.minimize,
        )
        return model

    def extract(self, model: Any) -> Order:
        """Return the nodes by how many others come before them; at an integer solution this is the order."""
        ahead = np.zeros(len(model.nodes))
        for (i, j), x in values(model.x).items():
            ahead[j] += x
            ahead[i] += 1 - x
        return np.argsort(ahead, kind="stable").astype(np.int64)


DICYCLE = Dicycle()
