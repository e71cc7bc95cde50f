r"""The planner's problem P_SP in labour productivities q and decisions θ, equations (7) and (8) of paper 001.

    max  Y = Q (L − Σ_j f_j θ_j),   Q = (Σ_j q_j^(σ−1))^(1/(σ−1))                                                   (8)
    s.t. q_j = A z_j θ_j (Σ_i Ω_ij q_i^(ε−1))^(α_j/(ε−1))                                     each firm j           (7)
         Σ_j f_j θ_j ≤ L,  lower ≤ Gθ ≤ upper,  θ_j ∈ {0, 1}

The model has q and Q as shares of their *ceiling*, the greatest fixed point q̄, Q̄ with every allowed firm on, since
powers such as q^(σ−1) leave a solver's range otherwise. With w_ij = Ω_ij q̄_i^(ε−1) / Σ_k Ω_kj q̄_k^(ε−1) and
d_j = (q̄_j/Q̄)^(σ−1), which sum to one over i and j, all constants but these cancel:

    max  Y = L Q̄ · Q (1 − Σ_j f_j θ_j / L)
    s.t. Q = (Σ_j d_j q_j^(σ−1))^(1/(σ−1))
         q_j = θ_j (Σ_i w_ij q_i^(ε−1))^(α_j/(ε−1))

Symbols
    q_j, Q     labour productivities as shares of q̄_j, Q̄, which the model keeps as ``q_bar`` and ``Q_bar``
    w_ij, d_j  weights of suppliers and of final demand at the ceiling

Class: a nonconvex MINLP; (7) is an equation between a variable and a nonlinear function, and (8) a product.

For a given θ, (7) has several solutions: q = 0 is always one, and closed loops of firms can be on or off together.
P_SP means the greatest. Maximisation picks it, since Y increases in every q_j; a model with a reversed objective, or a
mere feasibility problem, does not. Firms that produce under no allowed choice have θ only.

Source: paper 001, section 2.2, equations (7) and (8), with link weights and firm-specific f_j and α_j.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.planner.building import (
    PlannerFormulation,
    Shares,
    aggregate,
    assign,
    constrain_labour,
    constrain_rows,
    declare_theta,
    fixed_cost_share,
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
        (r"q_j", "labour productivity of firm j as a share of its ceiling"),
        (r"Q", "aggregate productivity as a share of its ceiling"),
        (r"\bar{Q}", "aggregate productivity with every allowed firm on, the ceiling"),
        (r"Y", "aggregate output"),
        (r"w_{ij}", "weight of supplier i among the inputs of j at the ceiling; sums to 1 over i"),
        (r"d_j", "weight of firm j in final demand at the ceiling; sums to 1"),
        (r"f_j, L", "labour that firm j needs to operate at all; labour there is"),
        (r"\alpha_j", "share of intermediate inputs in production"),
        (r"\sigma, \varepsilon", "elasticities of substitution in final demand and between inputs"),
        (r"g_{rj}, \underline{g}_r, \bar{g}_r", "coefficients and sides of the linear rows on θ"),
    )
    equations = (
        Equation(
            "(8)",
            r"\max\; Y = \bar{Q} Q \left( L - \sum_j f_j \theta_j \right)",
            "maximise aggregate output, productivity times the labour that fixed costs leave",
            "objective",
        ),
        Equation(
            "(8)",
            r"Q = \left( \sum_j d_j q_j^{\sigma-1} \right)^{1/(\sigma-1)}",
            "aggregate productivity bundles the firms' productivities",
            "constraint_aggregate",
        ),
        Equation(
            "(7)",
            r"q_j = \theta_j \left( \sum_i w_{ij} q_i^{\varepsilon-1} \right)^{\alpha_j/(\varepsilon-1)}",
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
        Equation("P_SP", r"\theta_j \in \{0, 1\}, \quad 0 \leq q_j, Q \leq 1", "domains", "theta"),
    )

    def output(self, problem: PlannerProblem, objective: float) -> float:
        """Return Y, which is the objective itself."""
        del problem
        return objective

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set θ, q and Q to those of an outcome, as shares of their ceilings."""
        assign(model.theta, outcome.theta)
        for j in model.makers:
            model.q[j].set_value(min(float(outcome.q[j]) / model.q_bar[j], 1.0))
        model.Q.set_value(min(outcome.Q / model.Q_bar.value, 1.0) if len(model.makers) else 0.0)

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        data = Shares.of(problem)
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed)
        _declare_productivities(model, data)
        model.objective = pyo.Objective(
            expr=model.Q_bar * problem.L * (model.Q * (1 - fixed_cost_share(model, problem))), sense=pyo.maximize
        )
        model.constraint_aggregate = pyo.Constraint(expr=aggregate(model, problem, data) == model.Q)
        model.constraint_productivity = pyo.Constraint(model.makers, rule=_productivity(problem, data))
        constrain_labour(model, problem)
        constrain_rows(model, problem)
        return model


def _declare_productivities(model: pyo.ConcreteModel, data: Shares) -> None:
    most = data.most
    model.makers = pyo.Set(initialize=most.producers.tolist())
    model.q_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.q[j]))
    model.Q_bar = pyo.Param(initialize=most.Q)
    model.q = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.Q = pyo.Var(domain=pyo.UnitInterval)


def _productivity(problem: PlannerProblem, data: Shares) -> Any:
    power = problem.epsilon - 1

    def productivity(model: pyo.ConcreteModel, j: int) -> Any:
        inputs = sum(w * model.q[i] ** power for i, w in data.inputs(j))
        return model.q[j] == model.theta[j] * inputs ** float(problem.alpha[j] / power)

    return productivity


REDUCED = Reduced()
