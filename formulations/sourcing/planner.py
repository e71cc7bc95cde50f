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
from endonet.formulations.errors import NotApplicableError
from endonet.formulations.sourcing.building import SourcingFormulation, declare, product, suppliers, weights
from endonet.formulations.sourcing.formed import Formed
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
        Equation(
            "theory",
            r"y_{kj} \leq z_{kj}, \quad y_{kj} \leq t_k, \quad y_{kj} \geq t_k - (1 - z_{kj})",
            "the product",
            "constraint_y_on, constraint_y_most, constraint_y_least",
        ),
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
        everything = Formed.of(problem, np.ones(problem.m, dtype=np.bool_))
        found = everything.costs(problem.labour_weight[:, None])
        if found is None:
            raise NotApplicableError("sourcing/planner needs costs with all links (a spectral radius below 1)")
        T, phi = found[:, 0], problem.phi_power
        g, _ = weights(problem)
        final = problem.home * T / float(problem.home @ T)
        model = pyo.ConcreteModel()
        declare(model, problem, relaxed)
        model.t = pyo.Var(model.firms, domain=pyo.UnitInterval)
        model.q, model.F = pyo.Var(domain=pyo.UnitInterval), pyo.Var(domain=pyo.UnitInterval)
        product(model, "y", lambda e: model.t[int(problem.supplier[e])])
        mean = model.q ** (1 / problem.sigma) * (1 - model.F) ** (1 - 1 / problem.sigma)
        model.objective = pyo.Objective(expr=mean, sense=pyo.maximize)
        model.constraint_prices = pyo.Constraint(expr=model.q == sum(float(final[j]) * model.t[j] for j in model.firms))
        spent = sum(float(problem.f[e] / problem.L) * model.z[e] for e in model.links)
        model.constraint_labour = pyo.Constraint(expr=spent == model.F)
        model.constraint_costs = pyo.Constraint(
            model.firms,
            rule=lambda m, j: (
                m.t[j]
                == float(phi[j] * problem.labour_weight[j] / T[j])
                + sum(float(phi[j] * g[e] * T[k] / T[j]) * m.y[e] for e, k in suppliers(problem, j))
            ),
        )
        return model

    def welfare(self, problem: SourcingProblem, objective: float) -> float:
        """Return the real income E/P that a value of the model's objective stands for; it increases in it."""
        T = Formed.of(problem, np.ones(problem.m, dtype=np.bool_)).costs(problem.labour_weight[:, None])
        assert T is not None
        sigma = problem.sigma
        markup = float(np.atleast_1d(problem.mu_H)[0])
        top = markup * problem.L * float(problem.home @ T[:, 0]) ** (1 / (sigma - 1))
        return float(objective ** (sigma / (sigma - 1)) * top)


PLANNER = SourcingPlanner()
