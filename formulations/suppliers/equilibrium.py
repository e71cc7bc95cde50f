r"""What informed firms choose along a chain: every layer for itself, all firms of a layer alike (paper 003, section 5).

    S ∈ argmax π_1 (1 − P(S ⊆ D)) − (c_1/2) |S|² − Σ fees                                                          (2)
    s_k = 1 if π_k (1 − P(S ⊆ D)) > c_k/2 and s_{k−1} > 0, else 0;   k = 2 … K

Firms of layer 1 keep the same set, so they fail together, with one probability, and a firm behind them cannot hedge:
one supplier is as good as many (Proposition 9). At equality a layer is indifferent, and the tie policy decides:
``lower`` buys nothing. `chain` has what follows when every firm breaks ties by itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet
from endonet.formulations.suppliers.sets import ROWS, SYMBOLS, extract_set, only_pyomo, set_model


class Equilibrium(Formulation[SupplierProblem]):
    """The first layer's set choice; later layers follow by `later_choices`."""

    name = "suppliers/equilibrium"
    title = "perfect information along a chain: every layer's firms choose for themselves"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 003, section 5: equation (2), Assumption 6 and Proposition 9"
    question = "equilibrium"
    modellers = (Modeller.PYOMO,)
    symbols = SYMBOLS[:6]
    equations = (
        Equation(
            "(2)",
            r"\max\; \pi_1 \Big( 1 - \sum_\omega q_\omega v_{\omega n} \Big)"
            r" - \frac{c_1}{2} \sum_s s^2 t_s - \sum_i f_i x_i",
            "a firm of the first layer maximises its own expected profit",
            "objective",
        ),
        *ROWS,
        Equation("(2)", r"x_i, t_s \in \{0, 1\}, \quad v_{\omega i} \geq 0", "domains", "x, t, v"),
    )

    def build(self, problem: SupplierProblem, modeller: Modeller | str = Modeller.PYOMO) -> Any:
        """Return the first layer's program; see `endonet.formulations.suppliers.sets`."""
        only_pyomo(self, modeller)
        model = set_model(self.name, problem)
        model.objective = pyo.Objective(expr=float(problem.pi[0]) * model.delivered - model.cost, sense=pyo.maximize)
        model.problem = problem
        return model

    def extract(self, model: Any) -> SupplierSet:
        """Return the set, and what later layers choose behind it."""
        return followed(model.problem, extract_set(model))


def followed(problem: SupplierProblem, suppliers: tuple[int, ...], higher: bool | None = None) -> SupplierSet:
    """Return a set of the first layer with what later layers choose behind it."""
    return SupplierSet(suppliers, later_choices(problem, suppliers, higher))


def later_choices(problem: SupplierProblem, suppliers: tuple[int, ...], higher: bool | None = None) -> tuple[int, ...]:
    """Return s_2 … s_K of the equilibrium behind a set; ``higher`` buys where a layer is indifferent.

    By default the problem's tie policy says so: ``lower`` buys nothing then, the others buy.
    """
    buys = problem.ties != "lower" if higher is None else higher
    delivered = 1 - problem.all_fail(suppliers)
    found: list[int] = []
    open_ = bool(suppliers)
    for pi, kappa in zip(problem.pi[1:], problem.kappa[1:], strict=True):
        gain = pi * delivered - kappa
        open_ = open_ and (gain > 0 or (gain == 0 and buys))
        found.append(int(open_))
    return tuple(found)


def best_downstream(problem: SupplierProblem, suppliers: tuple[int, ...]) -> tuple[int, ...]:
    """Return s_2 … s_K that serve all layers best behind a set: the best layer to stop after; the first of them."""
    delivered = 1 - problem.all_fail(suppliers)
    if not suppliers:
        return (0,) * (problem.K - 1)
    total = best = Fraction(0)
    last = 1
    for k in range(1, problem.K):
        total += problem.pi[k] * delivered - problem.kappa[k]
        if total > best:
            best, last = total, k + 1
    return tuple(int(k < last) for k in range(1, problem.K))


EQUILIBRIUM = Equilibrium()
