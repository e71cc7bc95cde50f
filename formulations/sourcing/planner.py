r"""The network that maximises welfare in the equilibrium it leads to, where firms sell to each other at cost.

With one markup μ on sales to households, E/P = μ (L − Σ f) Q^(1/(σ−1)), Q = Σ β̃_j T_j: a geometric mean of labour
left and of Q, which is concave, over rows that are linear but for the products z_kj T_k. So the program is a convex
MINLP. No buyer counts what its links do for its own buyers, so that the equilibrium need not be efficient (section
4.4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.sourcing.building import (
    SourcingFormulation,
    cost_rows,
    declare,
    fixed_labour,
    product,
    product_rows,
    with_all_links,
)
from endonet.formulations.sourcing.problem import SourcingProblem


class SourcingPlanner(SourcingFormulation):
    """Welfare E/P of a closed economy over all networks; its objective is (E/P)^((σ−1)/σ), as a share."""

    name = "sourcing/planner"
    title = "The network with the highest real income"
    math_class = MathClass.CONVEX_MINLP
    relaxation_convex = True
    source = "paper 002, (3), (A1), (16); theory: E/P = μ (L − Σ f) Q^(1/(σ−1))"
    symbols = (
        (r"z_{kj}", "1 if firm j buys from firm k"),
        (r"t_k", "T_k = c_k^(1−σ) over its value with all links"),
        (r"y_{kj}", "product of z_kj and t_k"),
        (r"q", "Q = P^(1−σ) over its value with all links"),
        (r"F", "fixed costs over L"),
        (r"b_j", "firm j's share in Q with all links"),
        (r"a_j, g_{kj}", "labour's and a supplier's share in Θ_j with all links"),
    )
    equations = (
        Equation("(3), (16)", r"\max q^{1/\sigma} (1 - F)^{1 - 1/\sigma}", "welfare, in its scale", "objective"),
        Equation("(3)", r"q = \sum_j b_j t_j", "the price index", "constraint_prices"),
        Equation("(16)", r"F = \sum f_{kj} z_{kj} / L", "fixed costs", "constraint_labour"),
        Equation("(A1)", r"t_j = a_j + \sum_k g_{kj} y_{kj}", "costs", "constraint_costs"),
        product_rows("y_{kj}", "t_k"),
    )

    def refuses(self, problem: Any) -> str:
        """Return why welfare is no such mean; empty if it is."""
        reason = super().refuses(problem)
        if reason:
            return reason
        if problem.open is not None:
            return "it is about closed economies"
        if not np.all(np.asarray(problem.mu_links) == 1) or np.ptp(np.atleast_1d(problem.mu_H)) > 0:
            return "firms must sell to each other at cost, and to households at one markup"
        return ""

    def _pyomo(self, problem: SourcingProblem, relaxed: bool, **more: Any) -> pyo.ConcreteModel:
        T = with_all_links(problem, self.name)
        final = problem.home * T / float(problem.home @ T)
        model = pyo.ConcreteModel()
        declare(model, problem, relaxed)
        model.t = pyo.Var(model.firms, domain=pyo.UnitInterval)
        model.q, model.F = pyo.Var(domain=pyo.UnitInterval), pyo.Var(domain=pyo.UnitInterval)
        product(model, "y", lambda e: model.t[int(problem.supplier[e])])
        mean = model.q ** (1 / problem.sigma) * (1 - model.F) ** (1 - 1 / problem.sigma)
        model.objective = pyo.Objective(expr=mean, sense=pyo.maximize)
        model.constraint_prices = pyo.Constraint(expr=model.q == sum(float(final[j]) * model.t[j] for j in model.firms))
        model.constraint_labour = pyo.Constraint(expr=fixed_labour(model, problem) == model.F)
        cost_rows(model, problem, model.t, T)
        return model

    def welfare(self, problem: SourcingProblem, objective: float) -> float:
        """Return the real income E/P that a value of the model's objective stands for; it increases in it."""
        T, sigma = with_all_links(problem, self.name), problem.sigma
        markup = float(np.atleast_1d(problem.mu_H)[0])
        top = markup * problem.L * float(problem.home @ T) ** (1 / (sigma - 1))
        return float(objective ** (sigma / (sigma - 1)) * top)

    def least(self, problem: SourcingProblem) -> tuple[float, float]:
        """Return the least values of q and of any a_j, those without links."""
        T = with_all_links(problem, self.name)
        alone = problem.phi_power * problem.labour_weight
        return float(problem.home @ alone / (problem.home @ T)), float((alone / T).min())


PLANNER = SourcingPlanner()
