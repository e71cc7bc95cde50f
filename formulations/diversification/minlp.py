r"""The planner's problem as a mixed-integer nonlinear program in the numbers of suppliers themselves.

    max (1/K) Σ_k π_k (1 − exp(−L_k)) − (c_k/2) s_k²,   S_k = S_{k−1} s_k,   L_k = ℓ(0, S_k),   s_k ∈ ℕ   (26), (28)

L_k = −log M(S_k) is written in closed form, in the way of `moments` but with the asymptotic series shifted upwards by
J = 8 for every S, so that it holds to 1e-12 for all S ≥ 0:

    ℓ(0, S) = ℓ(0, J) + ℓ(J, S) − Σ_{j<J} log(1 + β/(α + S + j)) ℓ(J, S) = S log(1 + β/b) + (a − ½) log((b+β) a/(b
    (a+β))) + β log((b+β)/(a+β))
              + Σ_i B_2i/(2i (2i−1)) [D_i(b) − D_i(a)]

with a = α + J, b = a + S and D_i(u) = (u+β)^(1−2i) − u^(1−2i). ρ0 = 0 gives L_k = −S_k log μ0; under a common
disruption (ρ0 = 1) a layer either has suppliers (y_k = 1) or not, and the risk is 1 − (1 − μ0) y_k.
"""

from __future__ import annotations

import math
from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.firm import only_infinite, only_pyomo
from endonet.formulations.diversification.moments import BERNOULLI, COMMON, CONSTANT, log_drop
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath, upstream
from endonet.formulations.errors import InputError, NotApplicableError

SHIFT = 8
TERMS = 4
LARGEST = 1e15


class Minlp(Formulation[ChainProblem]):
    """The planner's problem in s_k and S_k, for global solvers of nonconvex programs."""

    name = "diversification/minlp"
    title = "the planner's numbers of suppliers as integers of a nonlinear program"
    math_class = MathClass.NONCONVEX_MINLP
    relaxation_convex = False
    source = "paper 003, equations (26) to (29); the closed form of log M(S) is endonet's"
    modellers = (Modeller.PYOMO,)
    symbols = (
        (r"s_k", "number of suppliers of each firm in layer k"),
        (r"S_k", "upstream diversification of layer k"),
        (r"L_k", "−log of the expected disruption in layer k"),
        (r"\pi_k, c_k", "profit of a firm that delivers, and marginal cost of a supplier, in layer k"),
        (r"\ell(0, n)", "−log E[X^n], in closed form"),
        (r"B, n", "budget for links; least diversification of the last layer (risk target, tail)"),
    )
    equations = (
        Equation(
            "(26)",
            r"\max\; W = \frac{1}{K} \sum_k \pi_k (1 - \exp(-L_k)) - \frac{c_k}{2} s_k^2",
            "maximise average expected profit",
            "objective",
        ),
        Equation("(28)", r"S_k = S_{k-1} s_k, \quad S_0 = 1", "diversification multiplies", "constraint_upstream"),
        Equation("(72)", r"L_k = \ell(0, S_k)", "expected disruption follows from it", "constraint_risk"),
        Equation("row", r"\sum_k c_k s_k^2 \leq B", "links cost no more than the budget", "constraint_budget"),
        Equation("row", r"S_K \geq n", "the last layer's risk target or tail constraint", "constraint_target"),
        Equation("(29)", r"s_k \in \{0, 1, \ldots\}", "domains, with caps and the proved bound on s", "s"),
    )

    def build(self, problem: ChainProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False) -> Any:
        """Return the program.

        Parameters
        ----------
        problem : ChainProblem
        modeller : {"pyomo"}
        relaxed : bool, default False
            Let s_k range over the reals between its bounds.

        Raises
        ------
        NotApplicableError
            If upstream diversification may exceed 1e15, beyond the digits of nonlinear solvers.
        """
        only_pyomo(self, modeller)
        only_infinite(problem)
        limits = Limits(problem)
        most = [limits.most(k, 1) for k in range(problem.K)]
        largest = upstream(most)[1:]
        if max(largest) > LARGEST:
            raise NotApplicableError("S may exceed 1e15, beyond the digits of nonlinear solvers; use certified")
        model = pyo.ConcreteModel(name=self.name)
        model.layers = pyo.RangeSet(1, problem.K)
        low = 1 if limits.least > 0 else 0
        domain = pyo.NonNegativeReals if relaxed else pyo.NonNegativeIntegers
        model.s = pyo.Var(model.layers, domain=domain, bounds=lambda _, k: (low, most[k - 1]))
        model.S = pyo.Var(model.layers, domain=domain, bounds=lambda _, k: (low, largest[k - 1]))
        model.constraint_upstream = pyo.Constraint(
            model.layers, rule=lambda m, k: m.S[k] == (m.S[k - 1] if k > 1 else 1) * m.s[k]
        )
        _declare_risk(model, problem, largest)
        if problem.budget is not None:
            model.constraint_budget = pyo.Constraint(
                expr=sum(float(problem.c[k - 1]) * model.s[k] ** 2 for k in model.layers) <= float(problem.budget)
            )
        if limits.least > 0:
            model.constraint_target = pyo.Constraint(
                expr=model.S[problem.K] >= limits.least if limits.least <= largest[-1] else pyo.Constraint.Infeasible
            )
        return model

    def extract(self, model: Any) -> SourcingPath:
        """Return s, rounded, with zeros from a collapse on."""
        values = [pyo.value(model.s[k], exception=False) for k in model.s]
        if any(value is None or not math.isfinite(value) for value in values):
            raise InputError("s", "the model holds no values of it", "solve the model before extracting s")
        path: list[int] = []
        for value in values:
            path.append(round(value) if not path or path[-1] else 0)
        return SourcingPath(tuple(path))

    def assign(self, model: pyo.ConcreteModel, problem: ChainProblem, path: SourcingPath) -> None:
        """Set every variable to what follows from a path; a starting point."""
        for k, (s, S) in enumerate(zip(path.path, upstream(path.path)[1:], strict=True), start=1):
            model.s[k].set_value(s, skip_validation=True)
            model.S[k].set_value(S, skip_validation=True)
            if hasattr(model, "L"):
                model.L[k].set_value(float(log_drop(problem.moments.law, 0.0, float(S))), skip_validation=True)
            if hasattr(model, "y"):
                model.y[k].set_value(int(S > 0))


def _declare_risk(model: pyo.ConcreteModel, problem: ChainProblem, largest: list[int]) -> None:
    """Declare the expected disruption of each layer, and the objective that it enters."""
    law, K = problem.moments.law, problem.K
    if law.kind == COMMON:
        model.y = pyo.Var(model.layers, domain=pyo.Binary)
        model.constraint_risk = pyo.Constraint(model.layers, rule=lambda m, k: m.y[k] <= m.S[k])
        safe = float(1 - problem.mu0)
        delivered = {k: safe * model.y[k] for k in model.layers}
    else:
        bounds = [(0.0, float(log_drop(law, 0.0, float(S)))) for S in largest]
        model.L = pyo.Var(model.layers, bounds=lambda _, k: bounds[k - 1])
        model.constraint_risk = pyo.Constraint(model.layers, rule=lambda m, k: m.L[k] == _log_risk(law, m.S[k]))
        delivered = {k: 1 - pyo.exp(-model.L[k]) for k in model.layers}
    model.objective = pyo.Objective(
        expr=sum(
            float(problem.pi[k - 1] / K) * delivered[k] - float(problem.kappa[k - 1] / K) * model.s[k] ** 2
            for k in model.layers
        ),
        sense=pyo.maximize,
    )


def _log_risk(law: Any, S: Any) -> Any:
    """Return the expression ℓ(0, S)."""
    if law.kind == CONSTANT:
        return law.loss * S
    alpha, beta = law.alpha, law.beta
    a, b = alpha + SHIFT, alpha + SHIFT + S
    total = float(log_drop(law, 0.0, float(SHIFT))) + S * pyo.log(1 + beta / b)
    total += (a - 0.5) * (pyo.log(1 + beta / b) - math.log1p(beta / a)) + beta * pyo.log((b + beta) / (a + beta))
    for i in range(TERMS):
        m = 2 * i + 1
        total += BERNOULLI[i] * ((b + beta) ** -m - b**-m - (a + beta) ** -m + a**-m)
    return total - sum(pyo.log(1 + beta / (alpha + S + j)) for j in range(SHIFT))


MINLP = Minlp()
