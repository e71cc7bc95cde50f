r"""The planner's problem as a convex MINLP: one input and two outputs for each firm.

Let κ = (σ−1)/(ε−1). Firm j has the input y_j = Σ_i Ω_ij a_i and the outputs a_j = q_j^(ε−1), as a supplier, and
b_j = q_j^(σ−1), to final demand; (7) and (8) of paper 001 read

    a_j = θ_j Z_j y_j^α_j,   b_j = θ_j Z'_j y_j^(α_j κ),   Y = (Σ_j b_j)^(1/(σ−1)) (L − Σ_j f_j θ_j).

The model has these quantities as shares of their *ceiling*, the greatest fixed point ā, b̄, ȳ with every allowed firm
on, so that all variables lie in [0, 1]. With w_ij = Ω_ij ā_i/ȳ_j and d_j = b̄_j/Σ_k b̄_k, which sum to one over i and j:

    max  W = T^(1/σ) (1 − M)^(1−1/σ),    where  Y = L Q̄ W^(σ/(σ−1))
    s.t. T = Σ_j d_j b_j,   M = Σ_j f_j θ_j / L
         y_j = Σ_i w_ij a_i
         a_j ≤ θ_j^(1−α_j) y_j^α_j,   a_j ≤ θ_j
         b_j ≤ θ_j^(1−α_j κ) y_j^(α_j κ)                                     if α_j κ ≤ 1;   b_j ≤ a_j if κ = 1
         b_j ≤ y_j,   b_j ≤ θ_j^(1−α_j) (Σ_i w_ij b_i^(1/κ))^(α_j κ)         if α_j κ > 1
         b_j ≤ θ_j
         lower ≤ Gθ ≤ upper,  θ_j ∈ {0, 1}

Symbols
    a_j, b_j, y_j    shares of ā_j, b̄_j, ȳ_j, which the model keeps as ``a_bar``, ``b_bar``, ``y_bar``
    T, M             the share of final demand's sum Σ b̄ reached, and of labour spent on fixed costs
    W                Y^((σ−1)/σ), scaled: concave where Y itself is not, and 0 where nobody produces
    w_ij, d_j        weights of suppliers and of final demand at the ceiling; Q̄ aggregate productivity there

Why it is exact at every integer θ. Relaxing "=" to "≤" loses nothing: at integer θ the rows say a ≤ F(a) for the
monotone map F of (7), so that a lies below its greatest fixed point a* (Knaster and Tarski), which is feasible; W
increases in b. Where α_j κ > 1, put u_j = b_j^(1/κ), unscaled: the bundle row says u_j ≤ θ_j Z_j (Σ_i Ω_ij u_i)^α_j,
and suppliers of the other kind have u_i ≤ a_i*; so max(u, a*) ≤ F(max(u, a*)), hence u ≤ a* and b ≤ (a*)^κ. The fixed
point itself satisfies b_j ≤ y_j too, since y^(α_j κ) ≤ y on [0, 1].

Why it is convex. θ^(1−p) y^p with 0 ≤ p ≤ 1 is concave (a power cone); with a_j ≤ θ_j it is the convex hull of
"θ = 0, nothing made" and "θ = 1, 0 ≤ y ≤ 1". Since α_j < 1, α_j κ > 1 needs κ > 1, that is σ > ε; then the bundle
(Σ_i w_ij b_i^(1/κ))^κ is a CES aggregator with exponent 1/κ < 1, concave, increasing and of degree one, and
θ^(1−α) (bundle)^α, concave and increasing in both, is concave. So is W. The program is therefore a convex MINLP for
every σ, ε > 1, whether α_j κ exceeds 1 for no firm, some or all. The chord b_j ≤ y_j is the hull of the curve
b = y^(α_j κ) taken by itself; with the bundle row it bounds better than either alone, and without that row it would not
be exact.

The bundle row is exact but ill-conditioned where κ is large: a solver that misses a row by 1e−9 moves b^(1/κ) by
1e−9^(1/κ). A solver that branches on continuous variables is better served by the curve itself, b_j ≤ y_j^(α_j κ), in
its place: ``Lifted(increasing="curve")`` is exact and well-conditioned, nonconvex for these firms, with the chord as
its convex relaxation.

Firms that produce under no allowed choice have θ only. CVXPY holds the same program in power cones, exponents exact.

Source: paper 001, (7)–(8); the change of variables and the hull are endonet's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, MathClass, Modeller
from endonet.formulations.errors import InputError
from endonet.formulations.planner.building import (
    Shares,
    constrain_rows,
    declare_theta,
    fixed_cost_share,
    label,
    rows_cvxpy,
    theta_cvxpy,
)
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


@dataclass(frozen=True)
class Lifted(LiftedVariables):
    """The convex MINLP in supplies a, demands b, inputs y and θ.

    Parameters
    ----------
    increasing : {"bundle", "curve"}, default "bundle"
        How demand is written for firms with increasing returns, α_j κ > 1; see the module. With "curve" the model is
        convex only where there is no such firm, and Pyomo alone can hold it.
    """

    increasing: str = "bundle"

    name = "planner/lifted"
    title = "The planner's problem as a convex MINLP"
    math_class = MathClass.CONVEX_MINLP
    relaxation_convex = True
    source = "paper 001, equations (7)-(8), in a = q^(ε-1), b = q^(σ-1); hull of each firm's choices"
    modellers = (Modeller.PYOMO, Modeller.CVXPY)
    symbols = (
        (r"\theta_j", "1 if firm j operates, 0 otherwise"),
        (r"a_j", "q_j^(ε-1) as a share of its ceiling: firm j as a supplier"),
        (r"b_j", "q_j^(σ-1) as a share of its ceiling: firm j in final demand"),
        (r"y_j", "inputs of firm j as a share of their ceiling"),
        (r"T", "final demand's sum as a share of its ceiling"),
        (r"M", "fixed costs as a share of labour"),
        (r"W", "Y^((σ-1)/σ) as a share of its ceiling; Y = L Q̄ W^(σ/(σ-1)), Q̄ aggregate productivity there"),
        (r"w_{ij}", "weight of supplier i among the inputs of j at the ceiling; sums to 1 over i"),
        (r"d_j", "weight of firm j in final demand at the ceiling; sums to 1"),
        (r"\kappa", "(σ-1)/(ε-1)"),
        (r"f_j, L", "labour that firm j needs to operate at all; labour there is"),
        (r"\alpha_j", "share of intermediate inputs in production"),
        (r"\sigma, \varepsilon", "elasticities of substitution in final demand and between inputs"),
        (r"g_{rj}, \underline{g}_r, \bar{g}_r", "coefficients and sides of the linear rows on θ"),
    )
    equations = (
        Equation(
            "(8)",
            r"\max\; W = T^{1/\sigma} (1 - M)^{1-1/\sigma}",
            "maximise output, in a concave scale",
            "objective",
        ),
        Equation("(8)", r"T = \sum_j d_j b_j", "final demand adds up", "constraint_output"),
        Equation("(3)", r"M = \sum_j f_j \theta_j / L", "fixed costs add up", "constraint_labour"),
        Equation("(7)", r"y_j = \sum_i w_{ij} a_i", "a firm's inputs come from its suppliers", "constraint_inputs"),
        Equation(
            "(7): hull",
            r"a_j \leq \theta_j^{1-\alpha_j} y_j^{\alpha_j}",
            "supply follows from inputs, if the firm operates",
            "constraint_supply",
        ),
        Equation("(7): hull", r"a_j \leq \theta_j", "no supply beyond the ceiling", "constraint_supply_on"),
        Equation(
            "(7): hull",
            r"b_j \leq \theta_j^{1-\alpha_j\kappa} y_j^{\alpha_j\kappa} \quad (\alpha_j\kappa \leq 1)",
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
            r"b_j \leq \theta_j^{1-\alpha_j} \left( \sum_i w_{ij} b_i^{1/\kappa} \right)^{\alpha_j\kappa} "
            r"\quad (\alpha_j\kappa > 1)",
            "and below a concave bundle of the suppliers' own demands, which makes it exact",
            "constraint_demand_bundle",
        ),
        Equation("(7): hull", r"b_j \leq \theta_j", "no demand beyond the ceiling", "constraint_demand_on"),
        Equation(
            "rows",
            r"\underline{g}_r \leq \sum_j g_{rj} \theta_j \leq \bar{g}_r",
            "linear side constraints on the decisions",
            "constraint_rows",
        ),
        Equation("P_SP", r"\theta_j \in \{0, 1\}, \quad 0 \leq a_j, b_j, y_j, T, M \leq 1", "domains", "theta"),
    )

    def __post_init__(self) -> None:
        if self.increasing not in ("bundle", "curve"):
            raise InputError("increasing", f"{self.increasing!r} is unknown", "use 'bundle' or 'curve'")
        if self.increasing == "curve":
            object.__setattr__(self, "math_class", MathClass.NONCONVEX_MINLP)
            object.__setattr__(self, "relaxation_convex", False)
            object.__setattr__(self, "modellers", (Modeller.PYOMO,))

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        data, alpha = Shares.of(problem), problem.alpha.tolist()
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed)
        declare_shares(model, data)
        model.objective = pyo.Objective(expr=scaled_output(model, problem), sense=pyo.maximize)
        model.constraint_output = pyo.Constraint(expr=final_demand(model, data) == model.T)
        model.constraint_labour = pyo.Constraint(expr=fixed_cost_share(model, problem) == model.M)
        model.constraint_inputs = pyo.Constraint(
            model.makers, rule=lambda m, j: m.y[j] == weighted_inputs(data, j, m.a)
        )
        model.constraint_supply = pyo.Constraint(model.makers, rule=lambda m, j: m.a[j] <= _hull(m, j, alpha[j]))
        model.constraint_supply_on = pyo.Constraint(model.makers, rule=lambda m, j: m.a[j] <= m.theta[j])
        model.constraint_demand = pyo.Constraint(model.makers, rule=lambda m, j: m.b[j] <= _demand(m, j, data))
        if self.increasing == "bundle":
            model.constraint_demand_bundle = pyo.Constraint(
                data.convex.tolist(), rule=lambda m, j: m.b[j] <= _bundle(m, j, data)
            )
        else:
            model.constraint_demand_curve = pyo.Constraint(
                data.convex.tolist(), rule=lambda m, j: m.b[j] <= m.y[j] ** float(data.exponent[j])
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
            label(_power(T, 1 - M, W, 1 / problem.sigma), "constraint_objective"),
            label(data.final @ b == T, "constraint_output"),
            label(problem.f @ theta / problem.L == M, "constraint_labour"),
            label(data.weights.T @ a == y, "constraint_inputs"),
            label(a <= theta, "constraint_supply_on"),
            label(b <= theta, "constraint_demand_on"),
            *rows_cvxpy(problem, theta),
        ]
        if makers.size:
            supply = _power(y[makers], theta[makers], a[makers], problem.alpha[makers])
            constraints.append(label(supply, "constraint_supply"))
        if idle.size:
            constraints.append(label(a[idle] + b[idle] <= 0, "constraint_idle"))
        constraints += _demand_cvxpy(problem, data, theta, a, b, y)
        return cp.Problem(cp.Maximize(W), constraints)


def _hull(model: pyo.ConcreteModel, j: int, exponent: float) -> Any:
    return model.theta[j] ** float(1 - exponent) * model.y[j] ** float(exponent)


def _demand(model: pyo.ConcreteModel, j: int, data: Shares) -> Any:
    if data.kappa == 1:
        return model.a[j]
    return _hull(model, j, data.exponent[j]) if data.exponent[j] < 1 else model.y[j]


def _bundle(model: pyo.ConcreteModel, j: int, data: Shares) -> Any:
    share = float(data.exponent[j] / data.kappa)
    return model.theta[j] ** (1 - share) * bundle(model, j, data)


def _power(x: Any, y: Any, z: Any, exponent: Any) -> Any:
    """Return the cone z ≤ x^exponent y^(1−exponent)."""
    import cvxpy as cp

    return cp.PowCone3D(x, y, z, exponent)


def _demand_cvxpy(problem: PlannerProblem, data: Shares, theta: Any, a: Any, b: Any, y: Any) -> list[Any]:
    makers = data.most.producers
    if data.kappa == 1:
        return [label(b <= a, "constraint_demand")]
    found = []
    hull = makers[data.exponent[makers] < 1]
    line = makers[data.exponent[makers] >= 1]
    if hull.size:
        cone = _power(y[hull], theta[hull], b[hull], data.exponent[hull])
        found.append(label(cone, "constraint_demand"))
    if line.size:
        found.append(label(b[line] <= y[line], "constraint_demand_chord"))
    if data.convex.size:
        found += bundle_cvxpy(problem, data, theta[data.convex], b)
    return found


LIFTED = Lifted()
