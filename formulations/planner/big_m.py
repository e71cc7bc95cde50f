r"""The planner's problem in the textbook form of a binary choice: a switch with a big-M, for comparison with the hull.

Variables, shares and objective are those of ``planner/lifted``. A firm's choice is written as one writes "if θ_j = 1
then a_j ≤ y_j^α_j, if θ_j = 0 then a_j = 0" before one knows better:

    a_j ≤ y_j^α_j,   a_j ≤ M θ_j                                       M = 1, the least that is valid
    b_j ≤ y_j^(α_j κ)                                                  if α_j κ ≤ 1;   b_j ≤ a_j if κ = 1
    b_j ≤ y_j,   b_j ≤ (Σ_i w_ij b_i^(1/κ))^(α_j κ)                    if α_j κ > 1
    b_j ≤ M θ_j

The first row needs no term M (1 − θ_j) on its right, since y_j^α_j ≥ 0 = a_j anyway where θ_j = 0; ``planner/gdp``
shows what an automatic transformation adds there. As a_j and y_j are shares of their largest values, M = 1 is the best
big-M that there is. Even so the relaxation is weaker than the hull: at θ_j = 1/2, α_j = 1/2 and y_j = 1/4 it allows
a_j = 1/2, the hull 0.354.

It is exact at every integer θ, by the proof of ``planner/lifted`` with θ^(1−α) = 1 where θ = 1, and convex once the
integers are relaxed, since y^α is concave.

Source: paper 001, (7)–(8); the textbook form of an implication, as in Williams, *Model Building in Mathematical
Programming* (2013), chapter 9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass, Modeller
from endonet.formulations.planner.building import (
    Shares,
    constrain_rows,
    declare_theta,
    fixed_cost_share,
    label,
    rows_cvxpy,
    theta_cvxpy,
)
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.lifting import (
    LiftedVariables,
    bundle,
    bundle_cvxpy,
    declare_shares,
    final_demand,
    scaled_output,
    weighted_inputs,
)
from endonet.formulations.planner.problem import PlannerProblem


class BigM(LiftedVariables):
    """The lifted variables with a switch instead of the hull."""

    name = "planner/big-m"
    title = "The planner's problem with big-M switches"
    math_class = MathClass.CONVEX_MINLP
    relaxation_convex = True
    source = "paper 001, equations (7)-(8), in a = q^(ε-1), b = q^(σ-1); the textbook form of an implication"
    modellers = (Modeller.PYOMO, Modeller.CVXPY)
    symbols = LIFTED.symbols
    equations = (
        *LIFTED.equations[:4],
        Equation(
            "(7): switch",
            r"a_j \leq y_j^{\alpha_j}",
            "supply follows from inputs, whether the firm operates or not",
            "constraint_supply",
        ),
        Equation("(7): switch", r"a_j \leq \theta_j", "no supply unless the firm operates", "constraint_supply_on"),
        Equation(
            "(7): switch",
            r"b_j \leq y_j^{\alpha_j\kappa} \quad (\alpha_j\kappa \leq 1)",
            "demand follows from inputs where returns diminish; for σ = ε it reads b ≤ a",
            "constraint_demand",
        ),
        Equation(
            "(7): chord",
            r"b_j \leq y_j \quad (\alpha_j\kappa > 1)",
            "where returns increase, demand lies below the chord of its curve",
            "constraint_demand",
        ),
        Equation(
            "(7): CES",
            r"b_j \leq \left( \sum_i w_{ij} b_i^{1/\kappa} \right)^{\alpha_j\kappa} \quad (\alpha_j\kappa > 1)",
            "and below a concave bundle of the suppliers' own demands, which makes it exact",
            "constraint_demand_bundle",
        ),
        Equation("(7): switch", r"b_j \leq \theta_j", "no demand unless the firm operates", "constraint_demand_on"),
        *LIFTED.equations[-2:],
    )

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        data = Shares.of(problem)
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed)
        declare_shares(model, data)
        model.objective = pyo.Objective(expr=scaled_output(model, problem), sense=pyo.maximize)
        model.constraint_output = pyo.Constraint(expr=final_demand(model, data) == model.T)
        model.constraint_labour = pyo.Constraint(expr=fixed_cost_share(model, problem) == model.M)
        model.constraint_inputs = pyo.Constraint(
            model.makers, rule=lambda m, j: m.y[j] == weighted_inputs(data, j, m.a)
        )
        model.constraint_supply = pyo.Constraint(
            model.makers, rule=lambda m, j: m.a[j] <= m.y[j] ** float(problem.alpha[j])
        )
        model.constraint_supply_on = pyo.Constraint(model.makers, rule=lambda m, j: m.a[j] <= m.theta[j])
        model.constraint_demand = pyo.Constraint(
            model.makers, rule=lambda m, j: m.b[j] <= demand_of_inputs(data, j, m.a[j], m.y[j])
        )
        model.constraint_demand_bundle = pyo.Constraint(
            data.convex.tolist(), rule=lambda m, j: m.b[j] <= bundle(m, j, data)
        )
        model.constraint_demand_on = pyo.Constraint(model.makers, rule=lambda m, j: m.b[j] <= m.theta[j])
        constrain_rows(model, problem)
        return model

    def _cvxpy(self, problem: PlannerProblem, relaxed: bool) -> Any:
        import cvxpy as cp

        data, n = Shares.of(problem), problem.n
        makers, idle = data.most.producers, np.setdiff1d(np.arange(n), data.most.producers)
        theta = theta_cvxpy(problem, relaxed)
        a, b, y = (cp.Variable(n, name=name, bounds=[0, 1]) for name in "aby")
        T, M, W = (cp.Variable(name=name, bounds=[0, 1]) for name in "TMW")
        constraints = [
            label(cp.PowCone3D(T, 1 - M, W, 1 / problem.sigma), "constraint_objective"),
            label(data.final @ b == T, "constraint_output"),
            label(problem.f @ theta / problem.L == M, "constraint_labour"),
            label(data.weights.T @ a == y, "constraint_inputs"),
            label(a <= theta, "constraint_supply_on"),
            label(b <= theta, "constraint_demand_on"),
            *rows_cvxpy(problem, theta),
        ]
        if makers.size:
            supply = cp.PowCone3D(y[makers], np.ones(makers.size), a[makers], problem.alpha[makers])
            constraints.append(label(supply, "constraint_supply"))
        if idle.size:
            constraints.append(label(a[idle] + b[idle] <= 0, "constraint_idle"))
        if data.kappa == 1:
            return cp.Problem(cp.Maximize(W), [*constraints, label(b <= a, "constraint_demand")])
        curve, line = makers[data.exponent[makers] < 1], makers[data.exponent[makers] >= 1]
        if curve.size:
            cone = cp.PowCone3D(y[curve], np.ones(curve.size), b[curve], data.exponent[curve])
            constraints.append(label(cone, "constraint_demand"))
        if line.size:
            constraints.append(label(b[line] <= y[line], "constraint_demand_chord"))
        if data.convex.size:
            constraints += bundle_cvxpy(problem, data, np.ones(data.convex.size), b)
        return cp.Problem(cp.Maximize(W), constraints)


def demand_of_inputs(data: Shares, j: int, a: Any, y: Any) -> Any:
    """Return the most that an operating firm adds to final demand: y^(α κ), or its chord where returns increase."""
    if data.kappa == 1:
        return a
    return y ** float(data.exponent[j]) if data.exponent[j] < 1 else y


BIG_M = BigM()
