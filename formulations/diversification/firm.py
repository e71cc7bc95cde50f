r"""The firm's integer program (15): how many suppliers behind an upstream diversification S.

    max over s of Π(s) = π (1 − M(S s)) − (c/2) s²,     s ∈ {0, 1, 2, …}    (14), (15)
    ΔΠ(s) = Π(s+1) − Π(s) = π [M(S s) − M(S (s+1))] − (c/2)(2s + 1)    (18), (24)

M is convex in n, so ΔΠ falls strictly and the choice is the smallest s with ΔΠ(s) ≤ 0. Where ΔΠ(s) = 0 exactly, s and
s + 1 are equally good; there are never more than two. Since Π(s) > 0 needs (c/2) s² < π, s ≤ √(2π/c).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.diversification.moments import gain
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import InputError, NotApplicableError

CLEAR = 1e-11  # a marginal profit this far from zero, relative to its parts, has the sign that doubles give it
LARGEST = 100_000  # so many columns at most


def marginal_sign(problem: ChainProblem, k: int, S: int, s: int) -> int:
    """Return the sign of ΔΠ(s) for a firm of layer k (0-based) behind S; 0 is an exact tie.

    >>> marginal_sign(ChainProblem(K=1, mu0="2/5", rho0="3/4", c="1/25"), 0, 1, 1)
    0
    """
    pi, kappa = problem.pi[k], problem.kappa[k]
    more = float(pi) * float(gain(problem.moments.law, float(S), float(s)))
    cost = float(kappa) * (2 * s + 1)
    if abs(more - cost) > CLEAR * (more + cost):
        return 1 if more > cost else -1
    return problem.moments.sign([(pi, S * s), (-pi, S * (s + 1))], -kappa * (2 * s + 1))


def firm_choices(problem: ChainProblem, k: int, S: int) -> tuple[int, ...]:
    """Return the optimal numbers of suppliers of a firm of layer k (0-based) behind S: one, or two that tie exactly.

    A layer's cap is a constraint on the firm as well; risk target, tail and budget concern the planner alone.
    """
    cap = problem.caps[k] if problem.caps is not None else None
    low, high = 0, 1  # ΔΠ(low − 1) > 0 holds throughout, with low = 0 as the start
    while marginal_sign(problem, k, S, high - 1) > 0:
        low, high = high, 2 * high
    while high > low:
        middle = (low + high) // 2
        if marginal_sign(problem, k, S, middle) > 0:
            low = middle + 1
        else:
            high = middle
    if cap is not None and low >= cap:
        return (cap,)
    return (low, low + 1) if marginal_sign(problem, k, S, low) == 0 else (low,)


def upper_limit(problem: ChainProblem, k: int) -> int:
    """Return a number of suppliers at which a firm of layer k surely makes a loss: ⌊√(2π/c)⌋ + 1."""
    ratio = problem.pi[k] / problem.kappa[k]
    return math.isqrt(int(ratio)) + 1


class Firm(Formulation[ChainProblem]):
    """The firm's problem as a choice of one number of suppliers, a program whose relaxation is integral."""

    name = "diversification/firm"
    title = "one firm's choice of a number of suppliers"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 003, equations (14) and (15)"
    question = "firm"
    modellers = (Modeller.PYOMO,)
    symbols = (
        (r"x_s", "1 if the firm keeps s suppliers"),
        (r"S", "upstream diversification: how many paths lead from one supplier to the basal layer"),
        (r"M(n)", "E[X^n], the chance that n paths fail together"),
        (r"\pi, c", "profit of a firm that delivers; marginal cost of a supplier"),
    )
    equations = (
        Equation(
            "(14)",
            r"\max\; \sum_s \left[ \pi (1 - M(S s)) - \frac{c}{2} s^2 \right] x_s",
            "maximise expected profit",
            "objective",
        ),
        Equation("(15)", r"\sum_s x_s = 1", "one number of suppliers", "constraint_choice"),
        Equation("(15)", r"x_s \in \{0, 1\}, \quad s = 0, 1, \ldots", "domains", "x"),
    )

    def build(
        self, problem: ChainProblem, modeller: Modeller | str = Modeller.PYOMO, *, layer: int = 1, S: int = 1
    ) -> Any:
        """Return the firm's program.

        Parameters
        ----------
        problem : ChainProblem
        modeller : {"pyomo"}
        layer : int
            1 … K, whose π and c count.
        S : int
            Upstream diversification S_{layer−1}.
        """
        only_pyomo(self, modeller)
        only_infinite(problem)
        if not 1 <= layer <= problem.K:
            raise InputError("layer", f"there is no layer {layer}", f"give 1 to {problem.K}")
        if S < 0:
            raise InputError("S", f"{S} is negative", "give an integer ≥ 0")
        k = layer - 1
        limit = upper_limit(problem, k)
        if problem.caps is not None:
            limit = min(limit, problem.caps[k])
        if limit > LARGEST:
            raise NotApplicableError(f"the firm may keep up to {limit} suppliers, too many columns; marginal-rule can")
        model = pyo.ConcreteModel(name=self.name)
        model.counts = pyo.RangeSet(0, limit)
        model.x = pyo.Var(model.counts, domain=pyo.Binary)
        model.objective = pyo.Objective(
            expr=sum(profit(problem, k, S * s, s) * model.x[s] for s in model.counts), sense=pyo.maximize
        )
        model.constraint_choice = pyo.Constraint(expr=sum(model.x[s] for s in model.counts) == 1)
        return model

    def extract(self, model: Any) -> SourcingPath:
        """Return the chosen number as a path of one layer."""
        values = {s: pyo.value(model.x[s], exception=False) for s in model.x}
        if any(value is None for value in values.values()):
            raise InputError("x", "the model holds no values of it", "solve the model before extracting")
        return SourcingPath((max(values, key=lambda s: values[s]),))


def profit(problem: ChainProblem, k: int, S: int, s: int) -> float:
    """Return Π_k = π_k (1 − M(S)) − (c_k/2) s² of layer k (0-based), whose own diversification is S = S_{k−1} s."""
    risk = problem.moments.value(S) if S else 1.0
    return float(problem.pi[k]) * (1 - risk) - float(problem.kappa[k]) * s * s


def only_pyomo(formulation: Formulation[Any], modeller: Modeller | str) -> None:
    """Refuse a modelling language that a formulation of this family is not written in."""
    if modeller not in formulation.modellers:
        raise InputError("modeller", f"{formulation.name} cannot be written in {str(modeller)!r}", "use pyomo")


def only_infinite(problem: ChainProblem) -> None:
    """Refuse a problem with finitely many firms, for programs that know only upstream diversification."""
    if problem.m is not None:
        raise NotApplicableError(
            f"with m = {problem.m} firms a layer, risk depends on more than upstream diversification; "
            "use diversification/finite, or leave m out"
        )


def supplier_price(problem: ChainProblem, k: int, S: int, wanted: int) -> Fraction:
    """Return the subsidy per link that makes ``wanted`` the firm's own choice behind S, exactly; 0 if it already is.

    With a price c − σ per supplier the firm wants s as soon as ΔΠ(s−1) ≥ 0, that is at
    σ = c − 2π [M(S (s−1)) − M(S s)]/(2s − 1); a firm that wants too many is charged (σ < 0) until ΔΠ(s) ≤ 0.
    The moments enter with sixty digits.
    """
    choices = firm_choices(problem, k, S)
    if wanted in choices:
        return Fraction(0)
    s = wanted if wanted > max(choices) else wanted + 1
    M = problem.moments
    fall = Fraction(M.decimal(S * (s - 1))) - Fraction(M.decimal(S * s))
    return problem.c[k] - 2 * problem.pi[k] * fall / (2 * s - 1)


FIRM = Firm()
