r"""Perfect information as a set-choice MILP over scenarios (paper 003, equation (2) and Assumption 6).

With x_i = 1 for the suppliers kept and v_ωi the probability that all of those kept among the first i + 1 fail in
scenario ω, one product becomes two linear rows, which are tight because the objective wants v small:

    x_i = 1:  v_ωi ≥ r_ωi v_ω,i−1             x_i = 0:  v_ωi ≥ v_ω,i−1

Where a scenario says outright who fails (r ∈ {0, 1}) this is u_ω ≥ 1 − Σ_{i delivers} x_i, maximum coverage with a
price. Numbers of suppliers enter through t_s, so that any cost of a number stays linear. Regions are replaced by
Gauss's nodes, which have the same P(S ⊆ D) for every S (`law`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pyomo.environ as pyo

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet

LARGEST = 2_000_000  # rows of scenarios at most

SYMBOLS = (
    (r"x_i", "1 if supplier i is kept"),
    (r"t_s", "1 if s suppliers are kept"),
    (r"q_\omega, r_{\omega i}", "probability of scenario ω; probability that supplier i fails in it"),
    (r"v_{\omega i}", "probability in scenario ω that all suppliers kept among 0 … i fail; v before the first is 1"),
    (r"\pi, c", "profit of a firm that delivers; marginal cost of a supplier"),
    (r"f_i", "fee of supplier i"),
    (r"y_k", "1 if layer k buys, where there are several layers"),
    (r"d_k", "probability that layer k delivers"),
    (r"K, W", "number of layers; average welfare"),
)
ROWS = (
    Equation("(2)", r"\sum_i x_i = \sum_s s\, t_s", "the number of suppliers kept", "constraint_number"),
    Equation("(2)", r"\sum_s t_s = 1", "one number", "constraint_choice"),
    Equation(
        "(1)",
        r"v_{\omega i} \geq r_{\omega i} v_{\omega,i-1}, \quad v_{\omega i} \geq v_{\omega,i-1} - x_i",
        "a supplier kept fails with its own risk, one not kept changes nothing",
        "constraint_kept, constraint_passed",
    ),
)


class Sets(Formulation[SupplierProblem]):
    """The choice of a set of suppliers; in a chain, the set that serves all layers best when all firms are alike."""

    name = "suppliers/sets"
    title = "perfect information: which suppliers to keep"
    math_class = MathClass.MILP
    relaxation_convex = True
    source = "paper 003, equations (1), (2), (14) and Assumption 6; (26) for several layers"
    modellers = (Modeller.PYOMO,)
    symbols = SYMBOLS
    equations = (
        Equation(
            "(26)",
            r"\max\; W = \frac{1}{K} \Big[ \sum_k \big( \pi_k d_k - \frac{c_k}{2} y_k \big)"
            r" - \frac{c_1}{2} \sum_s (s^2 - 1)\, t_s - \sum_i f_i x_i \Big]",
            "maximise average expected profit; behind layer 1 one supplier is as good as many; y_1 = 1 − t_0",
            "objective",
        ),
        *ROWS,
        Equation(
            "(2)",
            r"d_1 = 1 - \sum_\omega q_\omega v_{\omega n}, \quad d_k \leq d_1,"
            r" \quad d_k \leq y_k, \quad y_k \leq y_{k-1}",
            "all layers deliver with the first, while they buy",
            "constraint_delivered, constraint_open, constraint_order",
        ),
        Equation("(2)", r"x_i, t_s, y_k \in \{0, 1\}, \quad v_{\omega i} \geq 0", "domains", "x, t, v, y, d"),
    )

    def build(
        self, problem: SupplierProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False
    ) -> Any:
        """Return the program.

        Parameters
        ----------
        problem : SupplierProblem
        modeller : {"pyomo"}
        relaxed : bool, default False
            Let x, t and y range over [0, 1].

        Raises
        ------
        NotApplicableError
            If only the marginals are known (``robust`` is for that), or there are too many scenarios.
        """
        only_pyomo(self, modeller)
        model = set_model(self.name, problem, relaxed)
        model.objective = pyo.Objective(expr=welfare_of(model, problem, relaxed) / problem.K, sense=pyo.maximize)
        return model

    def extract(self, model: Any) -> SupplierSet:
        """Return the suppliers kept, and the layers that buy."""
        downstream = tuple(round(_value(model.y[k])) for k in model.y) if hasattr(model, "y") else ()
        return SupplierSet(extract_set(model), downstream)


def set_model(name: str, problem: SupplierProblem, relaxed: bool = False) -> pyo.ConcreteModel:
    """Return x, t, v and their rows; ``delivered`` is 1 − P(S ⊆ D) and ``cost`` what the first layer pays."""
    if problem.known != "law":
        raise NotApplicableError("only the marginals are known, so there are no scenarios; use robust")
    q, P = problem.law.mixture()
    if P.size > LARGEST:
        raise NotApplicableError(f"{P.size} rows of scenarios are too many for a program; use certified")
    model = choice_model(name, problem, relaxed)
    failing = []
    model.constraint_kept = pyo.ConstraintList()
    model.constraint_passed = pyo.ConstraintList()
    model.v = pyo.VarList(domain=pyo.NonNegativeReals)
    for mass, risks in zip(q, P, strict=True):
        # Suppliers that surely deliver go first and take one row together; those that surely fail take none.
        safe = [i for i in range(problem.n) if risks[i] == 0]
        last: Any = 1.0
        if safe:
            v = model.v.add()
            v.setub(1.0)
            model.constraint_passed.add(v >= 1 - sum(model.x[i] for i in safe))
            last = v
        for i in range(problem.n):
            if 0 < risks[i] < 1:
                v = model.v.add()
                v.setub(1.0)
                model.constraint_kept.add(v >= float(risks[i]) * last)
                model.constraint_passed.add(v >= last - model.x[i])
                last = v
        failing.append(float(mass) * last)
    model.delivered = pyo.Expression(expr=1 - sum(failing))
    return model


def choice_model(name: str, problem: SupplierProblem, relaxed: bool = False) -> pyo.ConcreteModel:
    """Return x and t with their rows, and ``cost``."""
    domain = pyo.UnitInterval if relaxed else pyo.Binary
    model = pyo.ConcreteModel(name=name)
    model.suppliers = pyo.RangeSet(0, problem.n - 1)
    model.counts = pyo.RangeSet(0, most_suppliers(problem))
    model.x = pyo.Var(model.suppliers, domain=domain)
    model.t = pyo.Var(model.counts, domain=domain)
    model.constraint_number = pyo.Constraint(
        expr=sum(model.x[i] for i in model.suppliers) == sum(s * model.t[s] for s in model.counts)
    )
    model.constraint_choice = pyo.Constraint(expr=sum(model.t[s] for s in model.counts) == 1)
    kappa = problem.kappa[0]
    model.cost = pyo.Expression(
        expr=sum(float(kappa * s * s) * model.t[s] for s in model.counts)
        + sum(float(fee) * model.x[i] for i, fee in enumerate(problem.charges))
    )
    return model


def most_suppliers(problem: SupplierProblem) -> int:
    """Return a number that no best set exceeds: κ_1 s² ≤ Σ π_k."""
    import math

    return min(problem.n, math.isqrt(int(sum(problem.pi, Fraction(0)) / problem.kappa[0])))


def extract_set(model: Any) -> tuple[int, ...]:
    """Return the suppliers whose x is 1."""
    return tuple(i for i in model.x if _value(model.x[i]) > 0.5)


def only_pyomo(formulation: Formulation[Any], modeller: Modeller | str) -> None:
    """Refuse a modelling language that a formulation of this family is not written in."""
    if modeller not in formulation.modellers:
        raise InputError("modeller", f"{formulation.name} cannot be written in {str(modeller)!r}", "use pyomo")


def welfare_of(model: Any, problem: SupplierProblem, relaxed: bool) -> Any:
    """Return Σ Π_k, and write the rows of later layers."""
    if problem.K == 1:
        return float(problem.pi[0]) * model.delivered - model.cost
    domain = pyo.UnitInterval if relaxed else pyo.Binary
    model.later = pyo.RangeSet(2, problem.K)
    model.y = pyo.Var(model.later, domain=domain)
    model.d = pyo.Var(model.later, domain=pyo.UnitInterval)
    model.constraint_delivered = pyo.Constraint(model.later, rule=lambda m, k: m.d[k] <= m.delivered)
    model.constraint_open = pyo.Constraint(model.later, rule=lambda m, k: m.d[k] <= m.y[k])
    model.constraint_order = pyo.Constraint(
        model.later, rule=lambda m, k: m.y[k] <= (m.y[k - 1] if k > 2 else 1 - m.t[0])
    )
    after = sum(float(problem.pi[k - 1]) * model.d[k] - float(problem.kappa[k - 1]) * model.y[k] for k in model.later)
    return float(problem.pi[0]) * model.delivered - model.cost + after


def _value(variable: Any) -> float:
    value = pyo.value(variable, exception=False)
    if value is None:
        raise InputError(variable.name, "the model holds no value of it", "solve the model before extracting")
    return float(value)


SETS = Sets()
