r"""All equilibria of a closed economy in which suppliers initiate, as the points of a nonconvex integer program.

A link from k to j earns supplier k a share of T_k D_j, a product of what k's own suppliers and j's own buyers make of
them. It cannot be linearised as the buyers' game can: T rises with the links before a firm, D with those after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.sourcing import building
from endonet.formulations.sourcing.problem import SourcingProblem


class SupplierEquilibrium(building.EquilibriaFormulation):
    """Networks in which every supplier's buyers are its best choice; without an objective of its own, it takes A."""

    name = "sourcing/supplier-equilibrium"
    title = "All supplier-initiated equilibria of a closed economy"
    math_class = MathClass.NONCONVEX_MINLP
    relaxation_convex = False
    source = "paper 002, (7), (11) corrected, (14), (15), (A1)"
    initiator = "supplier"
    symbols = (
        (r"z_{kj}", "1 if firm k sells to firm j"),
        (r"t_k", "T_k = c_k^(1−σ) over its value with all links"),
        (r"d_j", "demand shifter D_j = C_j/Θ_j over its largest value L/α_Lj^(σ−1)"),
        (r"y_{kj}, x_{kj}", "products of z_kj with t_k and with d_j"),
        building.DEMAND,
        (r"\kappa_{kj}", "what the link adds to variable profits where t_k = d_j = 1"),
        (r"a_j, g_{kj}", "labour's and a supplier's share in Θ_j with all links"),
        (r"h_k, s_{kj}", "what households and buyers add to D_k, over its largest value"),
    )
    equations = (
        building.OBJECTIVE,
        Equation("(A1)", r"t_j = a_j + \sum_k g_{kj} y_{kj}", "costs", "constraint_costs"),
        Equation("(7)", r"d_k = h_k A + \sum_j s_{kj} x_{kj}", "demand", "constraint_demand"),
        Equation("(11)", r"\sum_j d_j + \sum f_{kj} z_{kj} / L = 1", "labour, with fixed costs", "constraint_labour"),
        *building.choice_equations("(15)", "t_k d_j"),
        building.product_rows("y_{kj}", "t_k"),
        building.product_rows("x_{kj}", "d_j"),
    )

    def refuses(self, problem: Any) -> str:
        """Return why the program does not hold; empty if it does."""
        reason = super().refuses(problem)
        if reason:
            return reason
        return "a markup is below 1" if min(np.min(problem.mu_H), np.min(problem.mu_links, initial=1)) < 1 else ""

    def _pyomo(self, problem: SourcingProblem, relaxed: bool, **more: Any) -> pyo.ConcreteModel:
        T, D = building.with_all_links(problem, self.name), problem.L / problem.labour_weight
        g, spent = building.weights(problem)
        k, j = problem.supplier, problem.buyer
        phi, home = problem.phi_power / D, problem.home_costs
        pointer, sold, _ = problem.by_supplier
        top = float(np.min(1 / np.maximum(phi * home, 1e-300)))
        model = pyo.ConcreteModel()
        building.declare(model, problem, relaxed)
        building.demand(model, top)
        model.t = pyo.Var(model.firms, domain=pyo.UnitInterval)
        model.d = pyo.Var(model.firms, domain=pyo.UnitInterval)
        building.product(model, "y", lambda e: model.t[int(k[e])])
        building.product(model, "x", lambda e: model.d[int(j[e])])
        building.cost_rows(model, problem, model.t, T)
        model.constraint_demand = pyo.Constraint(
            model.firms,
            rule=lambda m, i: (
                m.d[i]
                == float(phi[i] * home[i]) * m.A
                + sum(float(phi[i] * spent[e] * D[j[e]]) * m.x[e] for e in sold[pointer[i] : pointer[i + 1]].tolist())
            ),
        )
        used = sum(model.d[i] for i in model.firms) + building.fixed_labour(model, problem)
        model.constraint_labour = pyo.Constraint(expr=used == 1)
        kappa = (g - spent) * T[k] * D[j]
        building.choice_rows(model, problem, kappa, lambda e: model.t[int(k[e])] * model.d[int(j[e])])
        return model


SUPPLIER_EQUILIBRIUM = SupplierEquilibrium()
