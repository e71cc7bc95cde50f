r"""The planner's problem P_SP in labour productivities q and decisions θ, equations (7) and (8) of paper 001.

    max  Y = Q (L − Σ_j f_j θ_j)                                                                                    (8)
    s.t. Q = (Σ_j q_j^(σ−1))^(1/(σ−1))                                                                              (8)
         q_j = A z_j θ_j (Σ_i Ω_ij q_i^(ε−1))^(α_j/(ε−1))                                     each firm j           (7)
         Σ_j f_j θ_j ≤ L,  lower ≤ Gθ ≤ upper,  θ_j ∈ {0, 1},  0 ≤ q_j ≤ q̄_j

Symbols
    q_j    labour productivity of firm j, 1/q_j its cost of production;  Q  aggregate productivity
    q̄_j    q_j with every allowed firm on, which no choice exceeds

Class: a nonconvex MINLP; (7) is an equation between a variable and a nonlinear function, and (8) a product.

For a given θ, (7) has several solutions: q = 0 is always one, and closed loops of firms can be on or off together.
P_SP means the greatest. Maximisation picks it, since Y increases in every q_j; a model with a reversed objective, or a
mere feasibility problem, does not.

Source: paper 001, section 2.2, equations (7) and (8), with link weights and firm-specific f_j and α_j.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.planner.building import (
    PlannerFormulation,
    assign,
    ceiling,
    constrain_rows,
    declare_theta,
    suppliers,
)
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem


class Reduced(PlannerFormulation):
    """Equations (7) and (8): productivities and θ."""

    name = "planner/reduced"
    title = "The planner's problem P_SP in labour productivities"
    math_class = MathClass.NONCONVEX_MINLP
    relaxation_convex = False
    source = "paper 001, section 2.2, equations (7)-(8)"
    symbols = (
        (r"\theta_j", "1 if firm j operates, 0 otherwise"),
        (r"q_j", "labour productivity of firm j; its cost of production is 1/q_j"),
        (r"Q", "aggregate productivity"),
        (r"Y", "aggregate output"),
        (r"\bar{q}_j", "q_j with every allowed firm on, which no choice exceeds"),
        (r"\Omega_{ij}", "weight of the potential link from supplier i to buyer j"),
        (r"z_j, A", "productivity of firm j and of the economy"),
        (r"f_j", "labour that firm j needs to operate at all"),
        (r"L", "labour there is"),
        (r"\alpha_j", "share of intermediate inputs in production"),
        (r"\sigma, \varepsilon", "elasticities of substitution in final demand and between inputs"),
        (r"g_{rj}, \underline{g}_r, \bar{g}_r", "coefficients and sides of the linear rows on θ"),
    )
    equations = (
        Equation(
            "(8)",
            r"\max\; Y = Q \left( L - \sum_j f_j \theta_j \right)",
            "maximise aggregate output, productivity times the labour that fixed costs leave",
            "objective",
        ),
        Equation(
            "(8)",
            r"Q = \left( \sum_j q_j^{\sigma-1} \right)^{1/(\sigma-1)}",
            "aggregate productivity bundles the firms' productivities",
            "constraint_aggregate",
        ),
        Equation(
            "(7)",
            r"q_j = A z_j \theta_j \left( \sum_i \Omega_{ij} q_i^{\varepsilon-1} \right)^{\alpha_j/(\varepsilon-1)}",
            "a firm's productivity follows from its suppliers'",
            "constraint_productivity",
        ),
        Equation(
            "(3)", r"\sum_j f_j \theta_j \leq L", "fixed costs do not exceed the labour there is", "constraint_labour"
        ),
        Equation(
            "rows",
            r"\underline{g}_r \leq \sum_j g_{rj} \theta_j \leq \bar{g}_r",
            "linear side constraints on the decisions",
            "constraint_rows",
        ),
        Equation("P_SP", r"\theta_j \in \{0, 1\}, \quad 0 \leq q_j \leq \bar{q}_j", "domains", "theta"),
    )

    def output(self, problem: PlannerProblem, objective: float) -> float:
        """Return Y, which is the objective itself."""
        del problem
        return objective

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set θ, q and Q to those of an outcome."""
        assign(model.theta, outcome.theta)
        assign(model.q, outcome.q)
        model.Q.set_value(min(outcome.Q, model.Q.ub))

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        most = ceiling(problem)
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed)
        model.q = pyo.Var(model.firms, bounds=lambda _, j: (0, float(most.q[j])))
        model.Q = pyo.Var(bounds=(0, most.Q))
        model.objective = pyo.Objective(expr=model.Q * (problem.L - _fixed_costs(model, problem)), sense=pyo.maximize)
        model.constraint_aggregate = pyo.Constraint(expr=_aggregate(model, problem) == model.Q)
        model.constraint_productivity = pyo.Constraint(model.firms, rule=_productivity(problem))
        model.constraint_labour = pyo.Constraint(rule=lambda m: _within(_fixed_costs(m, problem), problem))
        constrain_rows(model, problem)
        return model


def _fixed_costs(model: pyo.ConcreteModel, problem: PlannerProblem) -> Any:
    return sum(float(problem.f[j]) * model.theta[j] for j in model.firms)


def _within(fixed_costs: Any, problem: PlannerProblem) -> Any:
    return fixed_costs <= problem.L if problem.f.any() else pyo.Constraint.Skip


def _aggregate(model: pyo.ConcreteModel, problem: PlannerProblem) -> Any:
    power = problem.sigma - 1
    return sum(model.q[j] ** power for j in model.firms) ** (1 / power)


def _productivity(problem: PlannerProblem) -> Any:
    power = problem.epsilon - 1

    def productivity(model: pyo.ConcreteModel, j: int) -> Any:
        terms = [w * model.q[i] ** power for i, w in suppliers(problem, j)]
        if not terms:
            return model.q[j] == 0
        inputs = sum(terms) ** float(problem.alpha[j] / power)
        return model.q[j] == float(problem.A * problem.z[j]) * model.theta[j] * inputs

    return productivity


REDUCED = Reduced()
