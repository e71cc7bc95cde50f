r"""The planner's problem in quantities of goods and labour: the textbook form, equations (1)–(5) of paper 001.

    max  Y = (Σ_j c_j^((σ−1)/σ))^(σ/(σ−1))                                                                          (1)
    s.t. c_j + Σ_k x_jk ≤ G_j (Σ_i Ω_ij^(1/ε) x_ij^((ε−1)/ε))^(α_j ε/(ε−1)) l_j^(1−α_j)       each good j           (2)
         Σ_j l_j + Σ_j f_j θ_j ≤ L                                                            labour                (3)
         l_j ≤ L θ_j                                                                          each firm j           (4)
         x_ij exists for the potential links only                                                                   (5)
         lower ≤ Gθ ≤ upper,  θ_j ∈ {0, 1},  c, x, l ≥ 0                                      rows on θ

    with G_j = A z_j / (α_j^α_j (1−α_j)^(1−α_j)).

Symbols
    c_j    final consumption of good j;  x_ij  good i used by firm j;  l_j  labour in production
    θ_j    1 if firm j operates;  Y  the bundle of final goods, aggregate output

Class: a convex MINLP. The bundle of inputs is a CES aggregator with exponent (ε−1)/ε < 1, concave and of degree one; a
Cobb–Douglas function of it and of labour with exponents α_j and 1−α_j is concave again, being increasing; so is (1).
The implication (4) is linear because l_j ≤ L holds anyway: without labour a firm makes nothing, which replaces the
product θ_j·F of (6). Its relaxation is valid but weak: compare ``planner/lifted``.

Weights: Ω_ij in (7) means Ω_ij^(1/ε) in (2), as minimising cost shows.

CVXPY holds the same program in power cones with the exact exponents: u ≤ v^p w^(1−p) is one cone, and a CES bundle
X = (Σ_i ω_i x_i^ρ)^(1/ρ) is  Σ_i ω_i r_i = X,  r_i ≤ x_i^ρ X^(1−ρ).

Source: paper 001, section 2.1, equations (1)–(5), with link weights and firm-specific f_j and α_j.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp

from endonet.formulations.contracts import Equation, MathClass, Modeller
from endonet.formulations.planner.building import (
    PlannerFormulation,
    assign,
    constrain_rows,
    declare_theta,
    label,
    links,
    rows_cvxpy,
    suppliers,
    theta_cvxpy,
)
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector


class Primal(PlannerFormulation):
    """Equations (1)–(5): goods, flows, labour and θ."""

    name = "planner/primal"
    title = "The planner's problem in goods and labour"
    math_class = MathClass.CONVEX_MINLP
    relaxation_convex = True
    source = "paper 001, section 2.1, equations (1)-(5)"
    modellers = (Modeller.PYOMO, Modeller.CVXPY)
    symbols = (
        (r"\theta_j", "1 if firm j operates, 0 otherwise"),
        (r"c_j", "final consumption of good j"),
        (r"x_{ij}", "quantity of good i used by firm j"),
        (r"l_j", "labour that firm j uses in production"),
        (r"Y", "aggregate output, the bundle of final goods"),
        (r"\Omega_{ij}", "weight of the potential link from supplier i to buyer j"),
        (r"z_j, A", "productivity of firm j and of the economy"),
        (r"f_j", "labour that firm j needs to operate at all"),
        (r"L", "labour there is"),
        (r"\alpha_j", "share of intermediate inputs in production"),
        (r"\sigma, \varepsilon", "elasticities of substitution in final demand and between inputs"),
        (r"G_j", "A z_j / (α_j^α_j (1-α_j)^(1-α_j))"),
        (r"g_{rj}, \underline{g}_r, \bar{g}_r", "coefficients and sides of the linear rows on θ"),
    )
    equations = (
        Equation(
            "(1)",
            r"\max\; Y = \left( \sum_j c_j^{(\sigma-1)/\sigma} \right)^{\sigma/(\sigma-1)}",
            "maximise the bundle of final goods",
            "objective",
        ),
        Equation(
            "(2)",
            r"c_j + \sum_k x_{jk} \leq G_j \left( \sum_i \Omega_{ij}^{1/\varepsilon} "
            r"x_{ij}^{(\varepsilon-1)/\varepsilon} \right)^{\alpha_j \varepsilon/(\varepsilon-1)} l_j^{1-\alpha_j}",
            "consumption and use of a good do not exceed its production",
            "constraint_goods",
        ),
        Equation(
            "(3)",
            r"\sum_j l_j + \sum_j f_j \theta_j \leq L",
            "labour in production and in fixed costs does not exceed what there is",
            "constraint_labour",
        ),
        Equation("(4)", r"l_j \leq L \theta_j", "a firm that does not operate employs nobody", "constraint_operation"),
        Equation("(5)", r"x_{ij} \geq 0 \quad \Omega_{ij} > 0", "goods flow along potential links only", "x"),
        Equation(
            "rows",
            r"\underline{g}_r \leq \sum_j g_{rj} \theta_j \leq \bar{g}_r",
            "linear side constraints on the decisions",
            "constraint_rows",
        ),
        Equation("(1)", r"\theta_j \in \{0, 1\}, \quad c_j \geq 0, \quad l_j \geq 0", "domains", "theta"),
    )

    def output(self, problem: PlannerProblem, objective: float) -> float:
        """Return Y, which is the objective itself."""
        del problem
        return objective

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set θ, c, x and l to the allocation of an outcome."""
        assign(model.theta, outcome.theta)
        assign(model.c, outcome.c)
        assign(model.l, outcome.l)
        flows = outcome.x.tocoo()
        for i, j, quantity in zip(flows.row, flows.col, flows.data, strict=True):
            model.x[int(i), int(j)].set_value(float(quantity))

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed)
        pairs = [(int(i), int(j)) for i, j, _ in zip(*links(problem), strict=True)]
        model.c = pyo.Var(model.firms, domain=pyo.NonNegativeReals)
        model.x = pyo.Var(pyo.Set(initialize=pairs, dimen=2), domain=pyo.NonNegativeReals)
        model.l = pyo.Var(model.firms, domain=pyo.NonNegativeReals)
        model.objective = pyo.Objective(expr=_final_bundle(model, problem), sense=pyo.maximize)
        model.constraint_goods = pyo.Constraint(model.firms, rule=_goods(problem))
        model.constraint_labour = pyo.Constraint(expr=_labour_used(model, problem) <= problem.L)
        model.constraint_operation = pyo.Constraint(model.firms, rule=lambda m, j: m.l[j] <= problem.L * m.theta[j])
        constrain_rows(model, problem)
        return model

    def _cvxpy(self, problem: PlannerProblem, relaxed: bool) -> Any:
        import cvxpy as cp

        n, supplier, buyer, weight = problem.n, *links(problem)
        theta = theta_cvxpy(problem, relaxed)
        c, l = cp.Variable(n, name="c", nonneg=True), cp.Variable(n, name="l", nonneg=True)  # noqa: E741
        x = cp.Variable(problem.links, name="x", nonneg=True)
        X = cp.Variable(n, name="X")
        made = cp.Variable(n, name="made")
        Y = cp.Variable(name="Y")
        sales = sp.csr_array((np.ones(x.size), (supplier, np.arange(x.size))), shape=(n, x.size))
        rho, rho_c = 1 - 1 / problem.epsilon, 1 - 1 / problem.sigma
        constraints = [
            *ces_bundle("final_bundle", Y, c, np.zeros(n, np.int64), np.ones(n), rho_c),
            *ces_bundle("input_bundle", X, x, buyer, weight ** (1 / problem.epsilon), rho),
            label(cp.PowCone3D(X, l, made, problem.alpha), "constraint_production"),
            label(c + sales @ x <= cp.multiply(scale(problem), made), "constraint_goods"),
            label(cp.sum(l) + problem.f @ theta <= problem.L, "constraint_labour"),
            label(l <= problem.L * theta, "constraint_operation"),
            *rows_cvxpy(problem, theta),
        ]
        return cp.Problem(cp.Maximize(Y), constraints)


def scale(problem: PlannerProblem) -> Vector:
    """Return G_j = A z_j / (α_j^α_j (1−α_j)^(1−α_j)), the factor of the production function (2)."""
    alpha = problem.alpha
    factor: Vector = problem.A * problem.z / (alpha**alpha * (1 - alpha) ** (1 - alpha))
    return factor


def ces_bundle(name: str, bundle: Any, parts: Any, segment: Any, weights: Vector, rho: float) -> list[Any]:
    """Return cones for bundle_s ≤ (Σ_p weights_p parts_p^ρ)^(1/ρ), the sum over the parts p of segment s.

    That is  Σ_p weights_p r_p ≥ bundle_s  with  r_p ≤ parts_p^ρ bundle_s^(1−ρ).
    """
    import cvxpy as cp

    terms = cp.Variable(parts.size, name=f"r_{name}")
    whole = cp.reshape(bundle, (bundle.size,), order="C")
    add = sp.csr_array((weights, (segment, np.arange(parts.size))), shape=(bundle.size, parts.size))
    return [
        label(cp.PowCone3D(parts, whole[segment], terms, np.full(parts.size, rho)), f"constraint_{name}_parts"),
        label(whole <= add @ terms, f"constraint_{name}"),
    ]


def _final_bundle(model: pyo.ConcreteModel, problem: PlannerProblem) -> Any:
    rho = 1 - 1 / problem.sigma
    return sum(model.c[j] ** rho for j in model.firms) ** (1 / rho)


def _goods(problem: PlannerProblem) -> Any:
    rho = 1 - 1 / problem.epsilon
    pointer, buyers = problem.buyers
    factor, alpha = scale(problem), problem.alpha

    def goods(model: pyo.ConcreteModel, j: int) -> Any:
        used = model.c[j] + sum(model.x[j, int(k)] for k in buyers[pointer[j] : pointer[j + 1]])
        terms = [w ** (1 / problem.epsilon) * model.x[i, j] ** rho for i, w in suppliers(problem, j)]
        if not terms:
            return used <= 0
        return used <= float(factor[j]) * sum(terms) ** float(alpha[j] / rho) * model.l[j] ** float(1 - alpha[j])

    return goods


def _labour_used(model: pyo.ConcreteModel, problem: PlannerProblem) -> Any:
    return sum(model.l[j] + float(problem.f[j]) * model.theta[j] for j in model.firms)


PRIMAL = Primal()
