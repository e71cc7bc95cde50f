r"""The relaxed and reshaped problem P_RR of paper 001: θ between 0 and 1, with exponents that change only the inside.

    max  V_RR = Q (L − Σ_j f_j θ_j),   Q = (Σ_j q_j^(σ−1))^(1/(σ−1))                                         (22)
    s.t. q_j = A z_j θ_j^a y_j^(α_j/(ε−1)),   y_j = Σ_i Ω_ij θ_i^b q_i^(ε−1)                                 (10), (23)
         Σ_j f_j θ_j ≤ L,  lower ≤ Gθ ≤ upper,  0 ≤ θ_j ≤ 1

The exponents of (★) are a = 1/(σ−1), b = 1 − (ε−1)/(σ−1); a = 1, b = 0 is the plain relaxation of P_SP.

For ε > σ, (★) has b < 0, and θ_i^b q_i^(ε−1) is singular at θ_i = 0, where it must be read as its limit. The model has
it as a variable of its own: s_i = θ_i^b q_i^(ε−1), so that by (10)

    s_j = Z_j θ_j^(b + a(ε−1)) y_j^α_j,   y_j = Σ_i Ω_ij s_i,   Z_j = (A z_j)^(ε−1),

The model has s, y, q and Q as shares of their *ceiling*, their values with every allowed firm at θ_j = 1; as in
``planner/reduced`` all constants cancel but the weights w_ij of suppliers and d_j of final demand:

    max  V_RR = L Q̄ · Q (1 − Σ_j f_j θ_j / L),   Q = (Σ_j d_j q_j^(σ−1))^(1/(σ−1))
    s.t. q_j = θ_j^a y_j^(α_j/(ε−1)),   s_j = θ_j^(b + a(ε−1)) y_j^α_j,   y_j = Σ_i w_ij s_i

Nothing is singular as long as a > 0 and b + a(ε−1) > 0. Then s_j = 0 at θ_j = 0, s_j = q_j^(ε−1) at θ_j = 1, and
V_RR coincides with (8) at the corners. (★) has b + a(ε−1) = 1 and a(σ−1) = 1: given inputs, the supply s_j and the
demand q_j^(σ−1) are linear in θ_j.

Symbols
    θ_j    how far firm j operates;  q_j  its labour productivity;  s_j  what it supplies;  y_j  its inputs
    a, b   reshaping parameters

Class: a nonlinear program, in general not concave: a local solver finds stationary points, whose corners are candidates
for P_SP. A corner that is a *global* maximum of P_RR solves P_SP (Proposition 4). As in P_SP the greatest solution of
(10) is meant, which maximisation picks.

Source: paper 001, section 2.2, equations (10), (★), (22), (23); the exponent of θ_j is the parameter a, which (10),
(12) and (23) print as α, and that of (22) is 1/(σ−1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.errors import EndonetError, InputError
from endonet.formulations.planner import fixed_point
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
from endonet.formulations.planner.evaluation import MAX_SWEEPS, SETTLED, PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector

INSIDE = 0.5  # where θ starts in the model


@dataclass(frozen=True)
class Reshaped(PlannerFormulation):
    """P_RR with the reshaping parameters a and b; those left out follow (★).

    Parameters
    ----------
    a, b : float, optional
        Exponents with a > 0 and b + a(ε−1) > 0. ``Reshaped(1, 0)`` is the plain relaxation.
    """

    a: float | None = None
    b: float | None = None

    name = "planner/reshaped"
    title = "The relaxed and reshaped problem P_RR"
    math_class = MathClass.NLP
    relaxation_convex = False
    source = "paper 001, section 2.2, equations (10), (*), (22), (23)"
    symbols = (
        (r"\theta_j", "how far firm j operates, from 0 to 1"),
        (r"q_j", "labour productivity of firm j as a share of its ceiling"),
        (r"s_j", "θ_j^b q_j^(ε-1), read as its limit at θ_j = 0, as a share of its ceiling: firm j as a supplier"),
        (r"y_j", "inputs of firm j as a share of their ceiling"),
        (r"Q", "aggregate productivity as a share of its ceiling"),
        (r"\bar{Q}", "aggregate productivity with every allowed firm on, the ceiling"),
        (r"a, b", "reshaping parameters; (*) has a = 1/(σ-1), b = 1 - (ε-1)/(σ-1), the plain relaxation 1 and 0"),
        (r"w_{ij}", "weight of supplier i among the inputs of j at the ceiling; sums to 1 over i"),
        (r"d_j", "weight of firm j in final demand at the ceiling; sums to 1"),
        (r"f_j, L", "labour that firm j needs to operate at all; labour there is"),
        (r"\alpha_j", "share of intermediate inputs in production"),
        (r"\sigma, \varepsilon", "elasticities of substitution in final demand and between inputs"),
        (r"g_{rj}, \underline{g}_r, \bar{g}_r", "coefficients and sides of the linear rows on θ"),
    )
    equations = (
        Equation(
            "(22)",
            r"\max\; V = \bar{Q} Q \left( L - \sum_j f_j \theta_j \right)",
            "maximise aggregate output",
            "objective",
        ),
        Equation(
            "(22)",
            r"Q = \left( \sum_j d_j q_j^{\sigma-1} \right)^{1/(\sigma-1)}",
            "aggregate productivity bundles the firms' productivities",
            "constraint_aggregate",
        ),
        Equation(
            "(10)",
            r"q_j = \theta_j^a y_j^{\alpha_j/(\varepsilon-1)}",
            "productivity follows from inputs, reshaped by a",
            "constraint_productivity",
        ),
        Equation("(10)", r"y_j = \sum_i w_{ij} s_i", "inputs come from the suppliers", "constraint_inputs"),
        Equation(
            "(10)",
            r"s_j = \theta_j^{b + a(\varepsilon-1)} y_j^{\alpha_j}",
            "supply follows from inputs, reshaped by a and b",
            "constraint_supply",
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
        Equation("P_RR", r"0 \leq \theta_j, q_j, s_j, y_j, Q \leq 1", "domains", "theta"),
    )

    def output(self, problem: PlannerProblem, objective: float) -> float:
        """Return V_RR, which is the objective itself and equals Y at corners."""
        del problem
        return objective

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set θ, q, s, y and Q to those of an outcome, a corner, as shares of their ceilings."""
        corner = ReshapedPoint(outcome.theta.astype(np.float64), outcome.q, outcome.a, outcome.inputs, outcome.Q)
        self.assign_point(model, corner)

    def assign_point(self, model: pyo.ConcreteModel, point: ReshapedPoint) -> None:
        """Set θ, q, s, y and Q of a Pyomo model to a solution of (10), as shares of their ceilings."""
        assign(model.theta, point.theta)
        for j in model.makers:
            model.q[j].set_value(min(float(point.q[j]) / model.q_bar[j], 1.0))
            model.s[j].set_value(min(float(point.s[j]) / model.s_bar[j], 1.0))
            model.y[j].set_value(min(float(point.y[j]) / model.y_bar[j], 1.0))
        model.Q.set_value(min(point.Q / model.Q_bar.value, 1.0) if len(model.makers) else 0.0)

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        del relaxed  # P_RR is a relaxation
        exponents = reshaping_exponents(problem, self.a, self.b)
        data = Shares.of(problem)
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed=True)
        _declare_shares(model, data)
        model.objective = pyo.Objective(
            expr=model.Q_bar * problem.L * (model.Q * (1 - fixed_cost_share(model, problem))), sense=pyo.maximize
        )
        model.constraint_aggregate = pyo.Constraint(expr=aggregate(model, problem, data) == model.Q)
        model.constraint_productivity = pyo.Constraint(model.makers, rule=_productivity(problem, exponents))
        model.constraint_inputs = pyo.Constraint(model.makers, rule=_inputs(data))
        model.constraint_supply = pyo.Constraint(model.makers, rule=_supply(problem, exponents))
        constrain_labour(model, problem)
        constrain_rows(model, problem)
        self.assign_point(model, reshaped_point(problem, np.full(problem.n, INSIDE), self.a, self.b))
        return model


@dataclass(frozen=True, eq=False)
class ReshapedPoint:
    """The greatest solution of (10) at one θ.

    Attributes
    ----------
    theta, q, s, y : arrays of shape (n,)
        Decisions in [0, 1], labour productivities, supplies s_j = θ_j^b q_j^(ε−1), inputs.
    Q : float
        Aggregate productivity.
    """

    theta: Vector
    q: Vector
    s: Vector
    y: Vector
    Q: float


@dataclass(frozen=True)
class Exponents:
    """The exponents of θ_j in (10): ``own`` = a on q_j and ``supply`` = b + a(ε−1) on s_j."""

    own: float
    supply: float


def reshaping_exponents(problem: PlannerProblem, a: float | None = None, b: float | None = None) -> Exponents:
    """Return the exponents of θ_j that the reshaping parameters mean; those left out follow (★).

    Raises
    ------
    InputError
        Unless a > 0 and b + a(ε−1) > 0, without which P_RR does not coincide with P_SP at the corners.
    """
    power = problem.epsilon - 1
    a = 1 / (problem.sigma - 1) if a is None else float(a)
    star = b is None and a == 1 / (problem.sigma - 1)
    b = 1 - power / (problem.sigma - 1) if b is None else float(b)
    supply = 1.0 if star else b + a * power
    if not (a > 0 and np.isfinite(a)):
        raise InputError("a", f"{a:g} is not positive", "give a reshaping parameter a > 0, such as 1/(σ−1)")
    if not (supply > 0 and np.isfinite(supply)):
        raise InputError("b", f"b + a(ε−1) = {supply:g} is not positive", f"give b > {-a * power:g}")
    return Exponents(a, supply)


def reshaped_point(
    problem: PlannerProblem, theta: ArrayLike, a: float | None = None, b: float | None = None
) -> ReshapedPoint:
    """Return the greatest solution of (10) at θ, by iteration from above.

    Parameters
    ----------
    theta : array_like, shape (n,), each in [0, 1]
    a, b : float, optional
        Reshaping parameters; those left out follow (★).

    Raises
    ------
    InputError
        If θ or the parameters are outside their domain.
    """
    exponents = reshaping_exponents(problem, a, b)
    share = _shares(problem, theta)
    Omega = problem.Omega
    Z = problem.Z * share**exponents.supply
    alive = fixed_point.productive(Omega.indptr, Omega.indices, *problem.buyers, (Z > 0).astype(np.uint8))
    s = problem.Z.copy()
    sweeps = fixed_point.iterate(
        Omega.indptr, Omega.indices, Omega.data, Z, problem.alpha, alive, s, SETTLED, MAX_SWEEPS
    )
    if sweeps < 0:
        raise EndonetError(
            "the fixed point (10) left the range of double precision or did not settle; "
            "keep θ away from 0, or set it to 0"
        )
    y = fixed_point.input_sums(Omega.indptr, Omega.indices, Omega.data, s)
    q = problem.A * problem.z * share**exponents.own * y ** (problem.alpha / (problem.epsilon - 1))
    top = q.max()
    power = problem.sigma - 1
    Q = float(top * np.sum((q / top) ** power) ** (1 / power)) if top > 0 else 0.0
    return ReshapedPoint(share, q, s, y, Q)


def reshaped_objective(
    problem: PlannerProblem, theta: ArrayLike, a: float | None = None, b: float | None = None
) -> float:
    """Return V_RR(θ), equation (22); 0 if fixed costs exceed labour. At corners it is ``problem.evaluate(θ).value``.

    Parameters and errors are those of `reshaped_point`.
    """
    point = reshaped_point(problem, theta, a, b)
    return point.Q * max(float(problem.L - problem.f @ point.theta), 0.0)


def _shares(problem: PlannerProblem, theta: ArrayLike) -> NDArray[np.float64]:
    try:
        share = np.array(theta, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("theta", "it holds something that is not a number", "give n numbers from 0 to 1") from None
    if share.shape != (problem.n,):
        raise InputError("theta", f"its shape is {share.shape}", f"give {problem.n} numbers, one for each firm")
    wrong = np.flatnonzero(~((share >= 0) & (share <= 1)))
    if wrong.size:
        raise InputError(f"theta[{wrong[0]}]", f"{share[wrong[0]]:g} is outside [0, 1]", "give numbers from 0 to 1")
    return share


def _declare_shares(model: pyo.ConcreteModel, data: Shares) -> None:
    most = data.most
    model.makers = pyo.Set(initialize=most.producers.tolist())
    model.q_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.q[j]))
    model.s_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.a[j]))
    model.y_bar = pyo.Param(model.makers, initialize=lambda _, j: float(most.y[j]))
    model.Q_bar = pyo.Param(initialize=most.Q)
    model.q = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.s = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.y = pyo.Var(model.makers, domain=pyo.UnitInterval)
    model.Q = pyo.Var(domain=pyo.UnitInterval)


def _productivity(problem: PlannerProblem, exponents: Exponents) -> Any:
    def productivity(model: pyo.ConcreteModel, j: int) -> Any:
        inputs = model.y[j] ** float(problem.alpha[j] / (problem.epsilon - 1))
        return model.q[j] == model.theta[j] ** exponents.own * inputs

    return productivity


def _inputs(data: Shares) -> Any:
    return lambda model, j: model.y[j] == sum(w * model.s[i] for i, w in data.inputs(j))


def _supply(problem: PlannerProblem, exponents: Exponents) -> Any:
    def supply(model: pyo.ConcreteModel, j: int) -> Any:
        return model.s[j] == model.theta[j] ** exponents.supply * model.y[j] ** float(problem.alpha[j])

    return supply


RESHAPED = Reshaped()
