r"""Every initiator's own program, given what all others do: (12)–(13), (14)–(15) and (A7)–(A8).

The objective is separable over firms, so that one model holds them all; in units of the wage bill w L, since a solver's
tolerances are absolute.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.building import SourcingFormulation, declare, domain
from endonet.formulations.sourcing.choice import Terms, earned_from_firms
from endonet.formulations.sourcing.evaluation import evaluate_network
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.formulations.sourcing.response import benefits


class Firm(SourcingFormulation):
    """Links, imports and exports that are best for each firm while all else stays as a network has it."""

    name = "sourcing/firm"
    title = "Each firm's choice of links, imports and exports"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 002, (12)–(15), (A7), (A8); the products with the export (import) decision linearised"
    question = "firm"
    symbols = (
        (r"z_e", "1 if the firm forms the link e"),
        (r"M_j, X_j", "1 if firm j imports, exports"),
        (
            r"P_j, O_j",
            "the decision that multiplies all others (buyers: exports, suppliers: imports), and the other one",
        ),
        (
            r"R_{0j}, \Delta_j",
            "buyers: what a unit of Θ earns without exports, and what exports add; suppliers: T, likewise",
        ),
        (r"b_e, b_{jO}, k_j", "what a link, the other decision and what needs neither add per unit of R"),
        (r"y_e, y_{jO}", "products of P with a link and with the other decision"),
        (r"f", "fixed costs in units of labour"),
    )
    equations = (
        Equation(
            "(12), (14), (A7)",
            r"\max \sum_j \frac{1}{wL} \Big[ R_{0j} \big(k_j + \sum_e b_e z_e + b_{jO} O_j\big) + "
            r"\Delta_j \big(k_j P_j + \sum_e b_e y_e + b_{jO} y_{jO}\big) \Big] - "
            r"\frac{1}{L} \Big[ \sum_e f_e z_e + f_{jO} O_j + f_{jP} P_j \Big]",
            "profits, in units of the wage bill",
            "objective",
        ),
        Equation(
            "(A8)",
            r"y_e \leq z_e, \quad y_e \leq P_j",
            "a product with the pivot; it earns, so that two rows do",
            "constraint_product",
        ),
        Equation(
            "(A8)", r"y_{jO} \leq O_j, \quad y_{jO} \leq P_j", "the same for the other decision", "constraint_other"
        ),
    )

    def _pyomo(self, problem: SourcingProblem, relaxed: bool, **more: Any) -> pyo.ConcreteModel:
        outcome = evaluate_network(problem, problem.network(more.pop("network", [])))
        if more:
            raise InputError(next(iter(more)), "the formulation has no such option", "it takes network")
        if not outcome.feasible:
            raise InputError("network", outcome.reason, "give one with an equilibrium")
        terms, w, L = Terms(problem), outcome.w, problem.L
        Y, R0, dR, const, b_o = terms.owners(
            outcome.A, w, outcome.T, outcome.D, earned_from_firms(outcome, outcome.D), outcome.network.imports
        )
        f_o, f_p = terms.traded(terms.f_import, terms.f_export)
        b = benefits(problem.alpha, terms.markup, not terms.buyer_owns, problem.sigma - 1, Y, *ends(problem)[1:])
        owner = ends(problem)[0]
        model = pyo.ConcreteModel()
        declare(model, problem, relaxed)
        trade = model.firms if problem.open is not None else []
        model.M, model.X = (pyo.Var(trade, domain=domain(relaxed)) for _ in range(2))
        other, pivot = terms.traded(model.M, model.X)
        model.y = pyo.Var(model.links if problem.open is not None else [], domain=pyo.UnitInterval)
        model.y_O = pyo.Var(trade, domain=pyo.UnitInterval)
        profit: Any = sum(float(R0[j] * const[j] / (w * L)) for j in range(problem.n))
        for e in range(problem.m):
            j = int(owner[e])
            profit += (float(R0[j] * b[e]) / (w * L) - float(problem.f[e]) / L) * model.z[e]
            if problem.open is not None:
                profit += float(dR[j] * b[e] / (w * L)) * model.y[e]
        for j in trade:
            profit += (float(R0[j] * b_o[j]) / (w * L) - float(f_o[j]) / L) * other[j]
            profit += (float(dR[j] * const[j]) / (w * L) - float(f_p[j]) / L) * pivot[j]
            profit += float(dR[j] * b_o[j] / (w * L)) * model.y_O[j]
        model.objective = pyo.Objective(expr=profit, sense=pyo.maximize)
        model.constraint_product = pyo.ConstraintList()
        model.constraint_other = pyo.ConstraintList()
        for e in model.y:
            model.constraint_product.add(model.y[e] <= model.z[e])
            model.constraint_product.add(model.y[e] <= pivot[int(owner[e])])
        for j in trade:
            model.constraint_other.add(model.y_O[j] <= other[j])
            model.constraint_other.add(model.y_O[j] <= pivot[j])
        return model


def ends(problem: SourcingProblem) -> tuple[Any, Any]:
    """Return the owner and the other end of every link."""
    return (problem.buyer, problem.supplier) if problem.initiator == "buyer" else (problem.supplier, problem.buyer)


FIRM = Firm()
