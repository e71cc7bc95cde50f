r"""The choice of complements as a linear program over thresholds: an optimal set is a prefix in the order of f/ξ.

With k_1, k_2, … the suppliers of firm i in the order of f/ξ and Z_m the first m of them,

    max Σ_i Σ_m π_i(Z_m) λ_im,    Σ_m λ_im = 1,    λ ≥ 0

has an integral optimal vertex, which is optimal among all 2^K sets if (σ−1)/θ ≥ 1; the proof is in
`endonet.formulations.sourcing.interdependent`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from endonet.formulations.contracts import Equation, MathClass, Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing.complements import ChoiceFormulation
from endonet.formulations.sourcing.interdependent import Sets, SourcingChoice, Vector


def order_by_ratio(problem: SourcingChoice, firm: int) -> NDArray[np.int64]:
    """Return the suppliers of a firm that have any potential, sorted by f/ξ; among equals the larger ξ first."""
    rows = slice(firm, firm + 1)
    xi, f = problem.xi_of(rows)[0], problem.f_of(rows)[0]
    useful = np.flatnonzero(xi > 0)
    with np.errstate(over="ignore"):
        ratio = f[useful] / xi[useful]
    return useful[np.lexsort((useful, -xi[useful], ratio))]


def prefix_profits(problem: SourcingChoice, firm: int, order: NDArray[np.int64]) -> Vector:
    """Return π(Z_0), π(Z_1), …: what a firm earns with the first m suppliers of an order."""
    rows = slice(firm, firm + 1)
    xi, f = problem.xi_of(rows)[0][order], problem.f_of(rows)[0][order]
    Theta = problem.xi_0[firm] + np.concatenate(([0.0], np.cumsum(xi)))
    cost = problem.w * np.concatenate(([0.0], np.cumsum(f)))
    found: Vector = problem.scale[firm] * Theta**problem.exponent - cost
    return found


class FirmThresholds(ChoiceFormulation):
    """One threshold for each firm; suppliers whose f/ξ lies below it are chosen."""

    name = "sourcing/firm-thresholds"
    title = "the firm's choice of complements as a linear program over thresholds of f/ξ"
    math_class = MathClass.LP
    relaxation_convex = True
    source = "endonet's own; paper 002, section 3.1.1, and Antràs, Fort and Tintelnot (2017) pose the problem"
    question = "firm"
    symbols = (
        (r"\lambda_{im}", "1 if firm i sources from the first m suppliers in the order of f/ξ"),
        (r"\pi_i(Z_m)", "its profit then"),
    )
    equations = (
        Equation("theory", r"\max\; \sum_{i,m} \pi_i(Z_m) \lambda_{im}", "maximise profits", "objective"),
        Equation("theory", r"\sum_m \lambda_{im} = 1", "one threshold for each firm", "constraint_threshold"),
        Equation("theory", r"\lambda_{im} \geq 0", "domains; vertices are integral", "lam"),
    )

    def build(self, problem: SourcingChoice, modeller: Modeller | str = Modeller.PYOMO) -> Any:
        """Return the linear program.

        Raises
        ------
        NotApplicableError
            If suppliers are substitutes, whose optimal sets need not be prefixes, or it is another kind of problem.
        """
        self.accept(problem, modeller)
        if not problem.complements:
            raise NotApplicableError(
                f"(σ−1)/θ = {problem.exponent:.6g} < 1: optimal sets of substitutes need not be prefixes; "
                "use sourcing/firm-complements"
            )
        model = pyo.ConcreteModel(name=self.name)
        orders = [order_by_ratio(problem, i) for i in range(problem.firms)]
        profits = [prefix_profits(problem, i, order) for i, order in enumerate(orders)]
        model.firms = pyo.RangeSet(0, problem.firms - 1)
        model.places = pyo.Set(dimen=2, initialize=[(i, m) for i, part in enumerate(profits) for m in range(part.size)])
        model.lam = pyo.Var(model.places, domain=pyo.NonNegativeReals)
        model.constraint_threshold = pyo.Constraint(
            model.firms, rule=lambda m, i: sum(m.lam[i, p] for p in range(profits[i].size)) == 1
        )
        model.objective = pyo.Objective(
            expr=sum(float(profits[i][m]) * model.lam[i, m] for i, m in model.places), sense=pyo.maximize
        )
        model.orders, model.width = orders, problem.K
        return model

    def extract(self, model: Any) -> Sets:
        """Return the sets of the thresholds with the largest λ, shape (firms, K)."""
        Z = np.zeros((len(model.orders), model.width), np.int8)
        for i, order in enumerate(model.orders):
            values = [pyo.value(model.lam[i, m], exception=False) for m in range(len(order) + 1)]
            if any(value is None or not math.isfinite(value) for value in values):
                raise InputError("lam", "the model holds no values of it", "solve the model before extracting")
            Z[i, order[: int(np.argmax(values))]] = 1
        return Z


FIRM_THRESHOLDS = FirmThresholds()
