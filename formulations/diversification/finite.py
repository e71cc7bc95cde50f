r"""Chains of m firms a layer as a mixed-integer linear program: the planner's numbers, and the law of disruptions.

q_{k,s,d} is the chance that layer k chooses s suppliers while d firms upstream are disrupted. Since the choice must
not depend on d, which nobody sees, y_{k,s} says which number it is; without it, that is with y relaxed, a planner who
sees d in every layer remains (a Markov decision process), whose value bounds the opaque one. The chances of (6) are
data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.diversification.counts import basal_law, binomial, hits
from endonet.formulations.diversification.firm import only_pyomo
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import InputError, NotApplicableError

LARGEST = 2_000_000
DUST = 1e-17  # smaller chances do not enter the program


class Finite(Formulation[ChainProblem]):
    """The planner's numbers of suppliers where each layer has m firms, one law of disruptions behind the other."""

    name = "diversification/finite"
    title = "finitely many firms: numbers of suppliers with the law of disruptions"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 003, equations (6), (14) and (26) before the limit m → ∞; the program is endonet's"
    modellers = (Modeller.PYOMO,)
    symbols = (
        (r"y_{k,s}", "1 if the firms of layer k keep s suppliers"),
        (r"q_{k,s,d}", "chance that they do while d firms upstream are disrupted"),
        (r"P_m(s; d)", "chance that s suppliers drawn from m are all among d disrupted ones"),
        (r"b_m(e; p)", "binomial chance that e of m firms are disrupted"),
        (r"m, K", "firms in a layer; layers"),
        (r"\pi_k, c_k", "profit of a firm that delivers, and marginal cost of a supplier, in layer k"),
        (r"B", "budget for links, where there is one"),
    )
    equations = (
        Equation(
            "(26)",
            r"\max\; W = \frac{1}{K} \sum_{k,s,d} \left[ \pi_k (1 - P_m(s; d)) - \frac{c_k}{2} s^2 \right] q_{k,s,d}",
            "maximise average expected profit",
            "objective",
        ),
        Equation("start", r"\sum_s q_{1,s,d} = P(D_0 = d)", "basal disruptions are beta-binomial", "constraint_start"),
        Equation(
            "(6)",
            r"\sum_s q_{k+1,s,e} = \sum_{s,d} b_m(e; P_m(s; d)) \, q_{k,s,d}",
            "firms are disrupted with all of their suppliers, each for itself",
            "constraint_law",
        ),
        Equation("(5)", r"\sum_d q_{k,s,d} = y_{k,s}", "the number does not depend on d", "constraint_blind"),
        Equation(
            "row", r"\sum_{k,s} c_k s^2 y_{k,s} \leq B", "links cost no more than the budget", "constraint_budget"
        ),
        Equation("(29)", r"y_{k,s} \in \{0, 1\}, \quad q \geq 0", "domains, with caps", "y"),
    )

    def build(self, problem: ChainProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False) -> Any:
        """Return the program.

        Parameters
        ----------
        problem : ChainProblem
            With ``m``.
        modeller : {"pyomo"}
        relaxed : bool, default False
            Let y range over [0, 1]: the planner who sees how many firms of each layer are disrupted.

        Raises
        ------
        NotApplicableError
            If the problem has no m, a target, or too many firms.
        """
        only_pyomo(self, modeller)
        needs_m(problem)
        assert problem.m is not None
        m, K = problem.m, problem.K
        if problem.risk_target is not None or problem.tail is not None:
            raise NotApplicableError(TARGETS)
        most = [most_that_pay(problem, k) for k in range(K)]
        if sum(n + 1 for n in most) * (m + 1) ** 2 > LARGEST:
            raise NotApplicableError(f"{m} firms a layer make over {LARGEST} coefficients; use certified")
        model = pyo.ConcreteModel(name=self.name)
        keys = [(k, s) for k in range(1, K + 1) for s in range(most[k - 1] + 1)]
        model.choices = pyo.Set(initialize=keys, dimen=2, ordered=True)
        model.numbers = pyo.RangeSet(0, m)
        model.layers = pyo.RangeSet(1, K)
        model.y = pyo.Var(model.choices, domain=pyo.UnitInterval if relaxed else pyo.Binary)
        model.q = pyo.Var(model.choices, model.numbers, domain=pyo.NonNegativeReals, bounds=(0, 1))
        chance = {s: hits(m, s) for s in range(max(most) + 1)}
        model.objective = pyo.Objective(
            expr=sum(
                (float(problem.pi[k - 1]) * (1 - chance[s][d]) - float(problem.kappa[k - 1]) * s * s)
                / K
                * model.q[k, s, d]
                for k, s in keys
                for d in model.numbers
            ),
            sense=pyo.maximize,
        )
        start = basal_law(problem)
        model.constraint_start = pyo.Constraint(
            model.numbers, rule=lambda o, d: sum(o.q[1, s, d] for s in range(most[0] + 1)) == float(start[d])
        )
        into = {s: np.array([binomial(m, p) for p in chance[s]]) for s in chance}
        model.constraint_law = pyo.Constraint(
            pyo.RangeSet(2, K),
            model.numbers,
            rule=lambda o, k, e: (
                sum(o.q[k, s, e] for s in range(most[k - 1] + 1))
                == sum(
                    float(into[s][d, e]) * o.q[k - 1, s, d]
                    for s in range(most[k - 2] + 1)
                    for d in o.numbers
                    if into[s][d, e] > DUST
                )
            ),
        )
        model.constraint_blind = pyo.Constraint(
            model.choices, rule=lambda o, k, s: sum(o.q[k, s, d] for d in o.numbers) == o.y[k, s]
        )
        if problem.budget is not None:
            model.constraint_budget = pyo.Constraint(
                expr=sum(float(problem.c[k - 1]) * s * s * model.y[k, s] for k, s in keys) <= float(problem.budget)
            )
        return model

    def extract(self, model: Any) -> SourcingPath:
        """Return the numbers chosen, with zeros from a collapse on."""
        values = {key: pyo.value(model.y[key], exception=False) for key in model.y}
        if any(value is None for value in values.values()):
            raise InputError("y", "the model holds no values of it", "solve the model before extracting the path")
        path: list[int] = []
        for k in model.layers:
            here = {s: value for (layer, s), value in values.items() if layer == k}
            path.append(max(here, key=lambda s: here[s]) if not path or path[-1] else 0)
        return SourcingPath(tuple(path))


TARGETS = "with finitely many firms a risk target or a tail is judged by evaluate, and no solver heeds it; leave m out"


def needs_m(problem: ChainProblem) -> None:
    """Refuse a problem without a number of firms."""
    if problem.m is None:
        raise NotApplicableError(
            "the problem has no m, the number of firms a layer; without it use diversification/planner"
        )


def most_that_pay(problem: ChainProblem, k: int) -> int:
    """Return the most suppliers of layer k (0-based) that all profits from there on can pay for, within cap and m.

    A planner who pays κ s² > Σ_{i≥k} π_i were better off with a collapse.
    """
    from math import isqrt

    assert problem.m is not None
    most = min(isqrt(int(sum(problem.pi[k:]) / problem.kappa[k])), problem.m)
    return most if problem.caps is None else min(most, problem.caps[k])


FINITE = Finite()
