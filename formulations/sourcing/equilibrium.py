r"""All equilibria of a closed economy in which buyers initiate, cyclic or not, as the points of one integer program.

Where firms sell to each other at cost, all labour left by fixed costs is in what households buy. With Ψ_k = T_k A,
which is linear in its suppliers' Ψ and in A, both the accounts and the firms' choices are linear but for the products
z_kj Ψ_k. A tie satisfies the model with the link and without; the evaluator knows the paper's rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.sourcing import building
from endonet.formulations.sourcing.formed import Formed
from endonet.formulations.sourcing.problem import SourcingProblem, Vector


class EquilibriumProgram(building.EquilibriaFormulation):
    """Networks in which every buyer's links are its best choice; without an objective of its own, it takes A."""

    name = "sourcing/equilibrium"
    title = "All buyer-initiated equilibria of a closed economy"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 002, (12), (13), (16), (A1); theory: linear in T A"
    initiator = "buyer"
    symbols = (
        (r"z_{kj}", "1 if firm j buys from firm k"),
        (r"\psi_k", "Ψ_k = T_k A over its largest value, T_k = c_k^(1−σ)"),
        (r"y_{kj}", "product of z_kj and ψ_k"),
        building.DEMAND,
        (r"\kappa_{kj}", "what the link adds to variable profits where ψ_k = 1"),
        (r"\tilde{\phi}, \tilde{\alpha}_L, \tilde{\beta}", "φ^(σ−1), α_L^(σ−1), β_H^(σ−1) μ_H^(−σ)"),
        (r"\bar{\Psi}_k, g_{kj}", "the largest Ψ_k; α_kj^(σ−1)"),
    )
    equations = (
        building.OBJECTIVE,
        Equation(
            "(A1)",
            r"\bar{\Psi}_j \psi_j = \tilde{\phi}_j \big(\tilde{\alpha}_{Lj} A + \sum_k g_{kj} \bar{\Psi}_k y_{kj}\big)",
            "costs, times A",
            "constraint_costs",
        ),
        Equation(
            "(16)",
            r"\sum_j \tilde{\beta}_j \bar{\Psi}_j \psi_j = L - \sum f_{kj} z_{kj}",
            "labour, all of it behind what households buy",
            "constraint_labour",
        ),
        *building.choice_equations("(13)", r"\psi_k"),
        building.product_rows("y_{kj}", r"\psi_k"),
    )

    def refuses(self, problem: Any) -> str:
        """Return why the equilibria are not linear in T A; empty if they are."""
        reason = super().refuses(problem)
        if reason:
            return reason
        if not np.all(np.asarray(problem.mu_links) == 1) or np.min(problem.mu_H) < 1:
            return "firms must sell to each other at cost, and to households not below"
        return ""

    def _pyomo(self, problem: SourcingProblem, relaxed: bool, **more: Any) -> pyo.ConcreteModel:
        model = pyo.ConcreteModel()
        building.declare(model, problem, relaxed)
        g, _ = building.weights(problem)
        most, home = largest(problem), problem.home_costs
        top = float(problem.L / max(float(home @ (problem.phi_power * problem.labour_weight)), 1e-300))
        building.demand(model, top)
        model.psi = pyo.Var(model.firms, domain=pyo.UnitInterval)
        building.product(model, "y", lambda e: model.psi[int(problem.supplier[e])])
        building.cost_rows(model, problem, model.psi, most, model.A)
        used = sum(float(home[j] * most[j] / problem.L) * model.psi[j] for j in model.firms)
        model.constraint_labour = pyo.Constraint(expr=used + building.fixed_labour(model, problem) == 1)
        earns = problem.phi_power * problem.home * (1 - 1 / problem.mu_H)
        kappa = earns[problem.buyer] * g * most[problem.supplier]
        building.choice_rows(model, problem, kappa, lambda e: model.psi[int(problem.supplier[e])])
        return model


def largest(problem: SourcingProblem) -> Vector:
    """Return a bound on T_k A in any equilibrium, shape (n,).

    What households buy of a firm's good takes no more than all labour; where they buy little of it, costs with all
    links and demand with none bound it.
    """
    with np.errstate(divide="ignore"):
        bound = problem.L / problem.home_costs
    T = Formed.of(problem, np.ones(problem.m, bool)).costs(problem.labour_weight[:, None])
    if T is not None:
        alone = problem.phi_power * problem.labour_weight
        bound = np.minimum(bound, T[:, 0] * problem.L / float(problem.home_costs @ alone))
    if not np.isfinite(bound).all():
        from endonet.formulations.errors import NotApplicableError

        reason = "needs household demand for every good, or costs for all links"
        raise NotApplicableError(f"sourcing/equilibrium {reason}; use the solver certified")
    return bound


EQUILIBRIUM = EquilibriumProgram()
