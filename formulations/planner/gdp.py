r"""The planner's problem as a generalised disjunctive program, which Pyomo.GDP turns into a MINLP by itself.

Variables, shares and objective are those of ``planner/lifted``. A firm's choice is written as it is said:

    [ θ_j = 1,  a_j ≤ y_j^α_j,  b_j ≤ y_j^(α_j κ) ]   ∨   [ θ_j = 0,  a_j = 0,  b_j = 0 ]

(with the chord and the bundle of ``planner/big-m`` where α_j κ > 1). One of two transformations makes a MINLP of it:

    bigm    a_j − y_j^α_j ≤ M (1 − θ_j),  a_j ≤ M' θ_j, with the M, M' that interval arithmetic finds
    hull    a copy of every variable for each disjunct, and the perspective of every row, smoothed at θ_j = 0 by
            ((1−ϵ) θ + ϵ) g(x / ((1−ϵ) θ + ϵ)) − ϵ g(0) (1−θ), ϵ = 1e-4 (Furman, Sawaya and Grossmann 2020)

The first is weaker than ``planner/big-m`` by the term M (1 − θ_j) that nobody needs. The second is the convex hull of
``planner/lifted``, but for ϵ, in three times its variables; its relaxation is as strong, and slower to solve.

Source: paper 001, (7)–(8); Chen et al., *Pyomo.GDP* (2022), for the transformations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo
from pyomo.gdp.disjunct import Disjunct, Disjunction
from pyomo.gdp.util import GDP_Error

from endonet.formulations.contracts import Equation, MathClass
from endonet.formulations.errors import InputError
from endonet.formulations.planner.big_m import demand_of_inputs
from endonet.formulations.planner.building import Shares, constrain_rows, declare_theta, fixed_cost_share
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.lifting import (
    LiftedVariables,
    bundle,
    declare_shares,
    final_demand,
    scaled_output,
    weighted_inputs,
)
from endonet.formulations.planner.problem import PlannerProblem

TRANSFORMATIONS = ("bigm", "hull")


@dataclass(frozen=True)
class Gdp(LiftedVariables):
    """A disjunction for each firm, transformed by Pyomo.GDP.

    Parameters
    ----------
    transformation : {"bigm", "hull"}, default "bigm"
    """

    transformation: str = "bigm"

    name = "planner/gdp"
    title = "The planner's problem as a disjunctive program, transformed by Pyomo.GDP"
    math_class = MathClass.CONVEX_MINLP
    relaxation_convex = True
    source = "paper 001, equations (7)-(8), in a = q^(ε-1), b = q^(σ-1); Chen et al. (2022) for the transformations"
    symbols = LIFTED.symbols
    equations = (
        *LIFTED.equations[:4],
        Equation(
            "(7): on",
            r"\theta_j = 1, \quad a_j \leq y_j^{\alpha_j}, \quad b_j \leq y_j^{\alpha_j\kappa}",
            "a firm that operates makes what its inputs allow; with chord and bundle where returns increase",
            "on",
        ),
        Equation("(7): off", r"\theta_j = 0, \quad a_j = b_j = 0", "a firm that does not makes nothing", "off"),
        Equation(
            "(7)",
            r"\text{on}_j \lor \text{off}_j",
            "each firm does one or the other; the transformation writes it as rows",
            "disjunction",
        ),
        Equation("(7)", r"\theta_j = 1 \iff \text{on}_j", "θ says which", "constraint_on"),
        *LIFTED.equations[-2:],
    )

    def __post_init__(self) -> None:
        if self.transformation not in TRANSFORMATIONS:
            raise InputError(
                "transformation", f"{self.transformation!r} is unknown", f"use {' or '.join(TRANSFORMATIONS)}"
            )

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set θ, a, b, y, T and M, the indicators of the disjuncts, and the copies that the hull makes of variables."""
        super().assign(model, outcome)
        for j in model.makers:
            for disjunct, chosen in ((model.on[j], outcome.theta[j] == 1), (model.off[j], outcome.theta[j] == 0)):
                disjunct.binary_indicator_var.set_value(int(chosen), skip_validation=True)
                if self.transformation == "hull":
                    _set_copies(model, disjunct, bool(chosen))

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

        def operate(disjunct: Disjunct, j: int) -> None:
            disjunct.supply = pyo.Constraint(expr=model.a[j] <= model.y[j] ** float(problem.alpha[j]))
            disjunct.demand = pyo.Constraint(expr=model.b[j] <= demand_of_inputs(data, j, model.a[j], model.y[j]))
            if j in data.convex:
                disjunct.demand_bundle = pyo.Constraint(expr=model.b[j] <= bundle(model, j, data))

        def close(disjunct: Disjunct, j: int) -> None:
            disjunct.supply = pyo.Constraint(expr=model.a[j] == 0)
            disjunct.demand = pyo.Constraint(expr=model.b[j] == 0)

        model.on = Disjunct(model.makers, rule=operate)
        model.off = Disjunct(model.makers, rule=close)
        model.disjunction = Disjunction(model.makers, rule=lambda m, j: [m.on[j], m.off[j]])
        model.constraint_on = pyo.Constraint(model.makers, rule=lambda m, j: m.theta[j] == m.on[j].binary_indicator_var)
        constrain_rows(model, problem)
        pyo.TransformationFactory(f"gdp.{self.transformation}").apply_to(model)
        if relaxed:
            pyo.TransformationFactory("core.relax_integer_vars").apply_to(model)
        return model


def _set_copies(model: pyo.ConcreteModel, disjunct: Any, chosen: bool) -> None:
    """Give the copies of variables that belong to a disjunct the variables' own values, or 0 if it is not chosen."""
    from pyomo.gdp.plugins.hull import Hull_Reformulation

    hull = Hull_Reformulation()
    for quantity in (model.a, model.b, model.y):
        for variable in quantity.values():
            try:
                copy = hull.get_disaggregated_var(variable, disjunct)
            except GDP_Error:  # it does not stand in this disjunction
                continue
            if copy is not variable:
                copy.set_value(variable.value if chosen else 0.0, skip_validation=True)


GDP = Gdp()
