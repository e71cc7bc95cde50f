r"""The interdependent choice of suppliers (`interdependent`) as a mixed-integer nonlinear program.

    max Σ_i B φ_i^(σ−1) Θ_i^((σ−1)/θ) − w Σ_k f_ik z_ik,    Θ_i = ξ_i0 + Σ_k ξ_ik z_ik,    z binary

Concave in Θ, hence a convex MINLP, where suppliers are substitutes ((σ−1)/θ ≤ 1); convex in Θ, hence nonconvex, where
they are complements. For complements `endonet.formulations.sourcing.thresholds` is a linear program.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing.interdependent import Sets, SourcingChoice

LARGEST = 1_000_000


class ChoiceFormulation(Formulation[SourcingChoice]):
    """One way of writing the interdependent choice down."""

    def accept(self, problem: Any, modeller: Modeller | str) -> None:
        """Refuse another kind of problem, another language, and models too large to be built.

        Raises
        ------
        NotApplicableError, InputError
        """
        if not isinstance(problem, SourcingChoice):
            name = type(problem).__name__
            raise NotApplicableError(f"{self.name} is the choice of a SourcingChoice; this is a {name}")
        if modeller not in self.modellers:
            raise InputError("modeller", f"{self.name} cannot be written in {str(modeller)!r}", "use pyomo")
        if problem.firms * problem.K > LARGEST:
            count = problem.firms * problem.K
            raise NotApplicableError(f"the model would have {count} binaries, over {LARGEST}; use squeezing")


class FirmComplements(ChoiceFormulation):
    """Binary choices and a power of the sourcing capability."""

    name = "sourcing/firm-complements"
    title = "the firm's interdependent choice of suppliers, with a power of its sourcing capability"
    math_class = MathClass.NONCONVEX_MINLP
    relaxation_convex = False
    source = "paper 002, section 3.1.1; Antràs, Fort and Tintelnot (2017); convex where (σ−1)/θ ≤ 1"
    question = "firm"
    symbols = (
        (r"z_{ik}", "1 if firm i sources from supplier (country) k"),
        (r"\Theta_i", "sourcing capability"),
        (r"\xi_{ik}, \xi_{i0}", "sourcing potential of k; what the firm has without any choice"),
        (r"B, \varphi_i", "market size; core productivity"),
        (
            r"\sigma, \theta",
            "elasticity of demand; dispersion of input efficiencies, with CES inputs of elasticity ρ, ρ − 1",
        ),
        (r"w, f_{ik}", "wage; fixed cost of sourcing from k"),
    )
    equations = (
        Equation(
            "AFT",
            r"\max\; \sum_i B \varphi_i^{\sigma-1} \Theta_i^{(\sigma-1)/\theta} - w \sum_{i,k} f_{ik} z_{ik}",
            "maximise profits",
            "objective",
        ),
        Equation(
            "AFT", r"\Theta_i = \xi_{i0} + \sum_k \xi_{ik} z_{ik}", "sourcing capability", "constraint_capability"
        ),
        Equation("(13)", r"z_{ik} \in \{0, 1\}", "domains", "z"),
    )

    def build(
        self, problem: SourcingChoice, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False
    ) -> Any:
        """Return the program.

        Parameters
        ----------
        problem : SourcingChoice
        modeller : {"pyomo"}
        relaxed : bool, default False
            Let z range over [0, 1].

        Raises
        ------
        NotApplicableError
            If it is another kind of problem, or has more than a million binaries.
        """
        self.accept(problem, modeller)
        model = pyo.ConcreteModel(name=self.name)
        model.firms = pyo.RangeSet(0, problem.firms - 1)
        model.suppliers = pyo.RangeSet(0, problem.K - 1)
        model.z = pyo.Var(
            model.firms, model.suppliers, domain=pyo.UnitInterval if relaxed else pyo.Binary, initialize=0
        )
        xi = np.broadcast_to(problem.xi, (problem.firms, problem.K))
        f = problem.w * np.broadcast_to(problem.f, (problem.firms, problem.K))
        least, most = problem.xi_0, problem.xi_0 + xi.sum(axis=1)
        model.Theta = pyo.Var(
            model.firms,
            bounds=lambda _, i: (float(least[i]), float(most[i])),
            initialize=lambda _, i: float(most[i]),
        )
        model.constraint_capability = pyo.Constraint(
            model.firms,
            rule=lambda m, i: m.Theta[i] == float(least[i]) + sum(float(xi[i, k]) * m.z[i, k] for k in m.suppliers),
        )
        model.objective = pyo.Objective(
            expr=sum(
                float(problem.scale[i]) * model.Theta[i] ** problem.exponent
                - sum(float(f[i, k]) * model.z[i, k] for k in model.suppliers)
                for i in model.firms
            ),
            sense=pyo.maximize,
        )
        return model

    def extract(self, model: Any) -> Sets:
        """Return z, shape (firms, K), rounded to the nearest of 0 and 1."""
        values = {index: pyo.value(model.z[index], exception=False) for index in model.z}
        if any(value is None or not math.isfinite(value) for value in values.values()):
            raise InputError("z", "the model holds no values of it", "solve the model before extracting z")
        Z = np.zeros((len(model.firms), len(model.suppliers)), np.int8)
        for index, value in values.items():
            Z[index] = value >= 0.5
        return Z


FIRM_COMPLEMENTS = FirmComplements()
