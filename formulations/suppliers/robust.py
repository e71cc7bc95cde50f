r"""The set choice when correlation is unknown: distributionally robust over joint laws with known moments.

The worst case of a set S is a linear program over joint distributions λ of who fails (D ⊆ {1 … n}):

    sup P(S ⊆ D) = max Σ_{D ⊇ S} λ_D   s.t.   Σ_D λ_D = 1,   Σ_{D ∋ i} λ_D = p_i,   [ Σ_{D ∋ i,j} λ_D = p_ij ]

`worst_law_model` writes it. Its dual holds for every S at once, so that choosing S is one MILP:

    min α + Σ β_i p_i [+ Σ γ_ij p_ij]   s.t.   α + Σ_{i∈D} β_i [+ Σ_{i,j∈D} γ_ij] ≥ (1 − Σ_{i∉D} x_i)⁺   ∀ D

With marginals alone the optimum has a closed form, min_{i∈S} p_i (Fréchet; attained when one common cause disrupts
suppliers in the order of their risk), which is the small program in w below. So a firm that fears the worst keeps the
one best supplier: nothing that is known rules out that the others fail whenever that one does. Pairs of suppliers whose
joint risk is known make it worth keeping more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet
from endonet.formulations.suppliers.sets import SYMBOLS, choice_model, extract_set, only_pyomo, welfare_of

LARGEST = 14  # suppliers whose 2^n events are listed


class Robust(Formulation[SupplierProblem]):
    """The set that does best in the worst case over joint distributions with the known marginals, or pairs."""

    name = "suppliers/robust"
    title = "which suppliers to keep when only marginals are known, or pairs as well"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "equation (2) of paper 003 in the worst case; Fréchet's bound, and linear programming duality for pairs"
    question = "robust optimum"
    modellers = (Modeller.PYOMO,)
    symbols = (
        *SYMBOLS[:2],
        (r"p_i, p_{ij}", "known probability that supplier i fails, that i and j both fail"),
        (r"w_i", "weight of supplier i in the worst case; w_0 is that of keeping nobody"),
        (r"\alpha, \beta_i, \gamma_{ij}", "prices of total probability, of marginals and of pairs"),
        *SYMBOLS[4:6],
    )
    equations = (
        Equation(
            "(2)",
            r"\max\; \pi_1 d_1 - \frac{c_1}{2} \sum_s s^2 t_s - \sum_i f_i x_i",
            "maximise expected profit in the worst case",
            "objective",
        ),
        Equation("(2)", r"\sum_i x_i = \sum_s s\, t_s, \quad \sum_s t_s = 1", "the number of suppliers kept",
                 "constraint_number, constraint_choice"),
        Equation(
            "Fréchet",
            r"d_1 = 1 - w_0 - \sum_i p_i w_i, \quad w_0 + \sum_i w_i = 1, \quad 0 \leq w_i \leq x_i",
            "the least risk among the suppliers kept",
            "constraint_weights, constraint_kept",
        ),
        Equation(
            "dual",
            r"d_1 = 1 - \alpha - \sum_i \beta_i p_i - \sum_{i<j} \gamma_{ij} p_{ij}",
            "with events: the dual's bound on the risk",
            "delivered",
        ),
        Equation(
            "dual",
            r"\alpha + \sum_{i \in D} \beta_i + \sum_{i<j \in D} \gamma_{ij}"
            r" \geq \max\Big(0, 1 - \sum_{i \notin D} x_i\Big) \quad \forall D",
            "with events: whoever fails, the prices pay for it",
            "constraint_event",
        ),
        Equation("(2)", r"x_i, t_s \in \{0, 1\}", "domains", "x, t"),
    )  # fmt: skip

    def build(
        self,
        problem: SupplierProblem,
        modeller: Modeller | str = Modeller.PYOMO,
        *,
        moments: int = 1,
        events: bool | None = None,
        relaxed: bool = False,
    ) -> Any:
        """Return the program; known are the moments of the problem's own law.

        Parameters
        ----------
        problem : SupplierProblem
        modeller : {"pyomo"}
        moments : {1, 2}
            1: marginals are known. 2: pairs as well.
        events : bool, optional
            Write the dual, with a row for each of the 2^n events; by default only where pairs are known.
        relaxed : bool, default False

        Raises
        ------
        NotApplicableError
            If there are more than 14 suppliers for the rows over events.
        """
        only_pyomo(self, modeller)
        _known(moments)
        model = choice_model(self.name, problem, relaxed)
        if events or (events is None and moments == 2):
            _price(model, problem, moments)
        elif moments == 2:
            raise InputError("events", "pairs have no closed form", "leave it out")
        else:
            _weigh(model, problem)
        model.objective = pyo.Objective(expr=welfare_of(model, problem, relaxed) / problem.K, sense=pyo.maximize)
        return model

    def extract(self, model: Any) -> SupplierSet:
        """Return the suppliers kept, and the layers that buy."""
        downstream = tuple(round(pyo.value(model.y[k])) for k in model.y) if hasattr(model, "y") else ()
        return SupplierSet(extract_set(model), downstream)


def worst_law_model(problem: SupplierProblem, suppliers: tuple[int, ...], moments: int = 1) -> pyo.ConcreteModel:
    """Return the linear program over joint distributions whose optimum is the worst P(S ⊆ D) of a set S.

    Parameters
    ----------
    problem : SupplierProblem
        Whose law gives the moments.
    suppliers : tuple of int
    moments : {1, 2}
        1: marginals are known. 2: pairs as well.
    """
    _known(moments)
    problem.choice(suppliers)
    chosen = frozenset(suppliers)
    model = pyo.ConcreteModel(name="worst joint distribution")
    listed = list(_events(problem.n))
    model.events = pyo.RangeSet(0, len(listed) - 1)
    model.p = pyo.Var(model.events, domain=pyo.NonNegativeReals)
    model.constraint_total = pyo.Constraint(expr=sum(model.p[d] for d in model.events) == 1)
    model.constraint_moment = pyo.ConstraintList()
    for members, probability in known_moments(problem, moments):
        model.constraint_moment.add(
            sum(model.p[d] for d, event in enumerate(listed) if members <= event) == float(probability)
        )
    model.objective = pyo.Objective(
        expr=sum(model.p[d] for d, event in enumerate(listed) if chosen <= event), sense=pyo.maximize
    )
    return model


def known_moments(problem: SupplierProblem, moments: int) -> Iterator[tuple[frozenset[int], Any]]:
    """Yield (suppliers, exact probability that they all fail) for single suppliers, and for pairs if they are known."""
    for size in range(1, moments + 1):
        for members in itertools.combinations(range(problem.n), size):
            yield frozenset(members), problem.law.all_fail(members)


def _events(n: int) -> Iterator[frozenset[int]]:
    if n > LARGEST:
        raise NotApplicableError(f"2^{n} events are too many to be listed; with marginals alone no event is needed")
    for size in range(n + 1):
        yield from map(frozenset, itertools.combinations(range(n), size))


def _weigh(model: pyo.ConcreteModel, problem: SupplierProblem) -> None:
    """Write the closed form: the best weights put all on the least risk among those kept."""
    model.w = pyo.Var(model.suppliers, domain=pyo.UnitInterval)
    model.w0 = pyo.Var(domain=pyo.UnitInterval)
    model.constraint_weights = pyo.Constraint(expr=model.w0 + sum(model.w[i] for i in model.suppliers) == 1)
    model.constraint_kept = pyo.Constraint(model.suppliers, rule=lambda m, i: m.w[i] <= m.x[i])
    p = problem.law.marginals
    model.delivered = pyo.Expression(expr=1 - model.w0 - sum(float(p[i]) * model.w[i] for i in model.suppliers))


def _price(model: pyo.ConcreteModel, problem: SupplierProblem, moments: int) -> None:
    """Write the dual over events."""
    listed = list(_events(problem.n))
    known = list(known_moments(problem, moments))
    model.alpha = pyo.Var()
    model.beta = pyo.Var(range(len(known)))
    model.constraint_event = pyo.ConstraintList()
    for event in listed:
        prices = model.alpha + sum(model.beta[j] for j, (members, _) in enumerate(known) if members <= event)
        model.constraint_event.add(prices >= 0)
        model.constraint_event.add(prices >= 1 - sum(model.x[i] for i in range(problem.n) if i not in event))
    model.delivered = pyo.Expression(
        expr=1 - model.alpha - sum(float(p) * model.beta[j] for j, (_, p) in enumerate(known))
    )


def _known(moments: int) -> None:
    if moments not in (1, 2) or isinstance(moments, bool):
        raise InputError("moments", f"{moments!r} is unknown", "give 1 for marginals, 2 for pairs as well")


ROBUST = Robust()
