"""What the planner's formulations in lifted variables share: a = q^(ε−1), b = q^(σ−1), inputs y, all in shares.

`lifted` says what the variables and constants mean. The formulations that use them differ in how they write a firm's
choice, and have the same objective W.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp

from endonet.formulations.planner.building import PlannerFormulation, Shares, assign, ceiling, label
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem


class LiftedVariables(PlannerFormulation):
    """A formulation in a, b, y, T and M with the objective W = T^(1/σ) (1 − M)^(1−1/σ)."""

    def output(self, problem: PlannerProblem, objective: float) -> float:
        """Return Y = L Q̄ W^(σ/(σ−1))."""
        sigma = problem.sigma
        return float(problem.L * ceiling(problem).Q * max(objective, 0.0) ** (sigma / (sigma - 1)))

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set θ, a, b, y, T and M to those of an outcome, as shares of their ceilings."""
        assign(model.theta, outcome.theta)
        for j in model.makers:
            model.a[j].set_value(min(float(outcome.a[j]) / model.a_bar[j], 1.0))
            model.b[j].set_value(min(float(outcome.b[j]) / model.b_bar[j], 1.0))
            model.y[j].set_value(min(float(outcome.inputs[j]) / model.y_bar[j], 1.0))
        demand = sum(model.b_bar[j] * model.b[j].value for j in model.makers)
        model.T.set_value(min(demand / sum(model.b_bar.values()), 1.0) if len(model.makers) else 0.0)
        model.M.set_value(float(outcome.problem.f @ outcome.theta) / outcome.problem.L, skip_validation=True)


def declare_shares(model: pyo.ConcreteModel, data: Shares) -> None:
    """Declare a, b and y of the firms that can produce, their ceilings, and T and M."""
    most = data.most
    model.makers = pyo.Set(initialize=most.producers.tolist())
    model.a_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.a[j]))
    model.b_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.b[j]))
    model.y_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.y[j]))
    model.a = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.b = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.y = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.T = pyo.Var(domain=pyo.UnitInterval)
    model.M = pyo.Var(domain=pyo.UnitInterval)


def scaled_output(model: pyo.ConcreteModel, problem: PlannerProblem) -> Any:
    """Return the expression W = T^(1/σ) (1 − M)^(1−1/σ)."""
    return model.T ** (1 / problem.sigma) * (1 - model.M) ** (1 - 1 / problem.sigma)


def final_demand(model: pyo.ConcreteModel, data: Shares) -> Any:
    """Return the expression Σ_j d_j b_j."""
    return sum(float(data.final[j]) * model.b[j] for j in model.makers)


def weighted_inputs(data: Shares, j: int, quantity: Any) -> Any:
    """Return the expression Σ_i w_ij quantity_i."""
    return sum(w * quantity[i] for i, w in data.inputs(j))


def bundle(model: pyo.ConcreteModel, j: int, data: Shares) -> Any:
    """Return the expression (Σ_i w_ij b_i^(1/κ))^(α_j κ), which bounds the demand of a firm with increasing returns."""
    inner = sum(w * model.b[i] ** (1 / data.kappa) for i, w in data.inputs(j))
    return inner ** float(data.exponent[j])


def bundle_cvxpy(problem: PlannerProblem, data: Shares, on: Any, b: Any) -> list[Any]:
    """Return cones for b_j ≤ on_j^(1−α_j) t_j^α_j and t_j ≤ (Σ_i w_ij b_i^(1/κ))^κ, over the firms with α_j κ > 1.

    The second is  t_j ≤ Σ_i w_ij r_ij,  r_ij ≤ b_i^(1/κ) t_j^(1−1/κ),  with r on links.
    """
    import cvxpy as cp

    chosen = data.weights[:, data.convex].tocoo()
    t = cp.Variable(data.convex.size, name="t", bounds=[0, 1])
    r = cp.Variable(chosen.nnz, name="r", bounds=[0, 1])
    add = sp.csr_array((chosen.data, (chosen.col, np.arange(chosen.nnz))), shape=(data.convex.size, chosen.nnz))
    parts = cp.PowCone3D(b[chosen.row], t[chosen.col], r, np.full(chosen.nnz, 1 / data.kappa))
    outer = cp.PowCone3D(t, on, b[data.convex], problem.alpha[data.convex])
    return [
        label(parts, "constraint_demand_bundle_parts"),
        label(t <= add @ r, "constraint_demand_bundle_sum"),
        label(outer, "constraint_demand_bundle"),
    ]
