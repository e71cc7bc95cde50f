"""What the planner's formulations share: the decision θ, its rows, the largest quantities, and reading an answer back.

Every model holds

    theta               the operating decisions, binary, or in [0, 1] in a relaxed model
    constraint_rows     the linear rows on θ of the problem, if it has any

and the formulation's own components.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations.contracts import Formulation, Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector

ONE = 1e-12  # an exponent this close to 1 is 1


class PlannerFormulation(Formulation[PlannerProblem]):
    """One way of writing the planner's problem down."""

    def build(
        self, problem: PlannerProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False
    ) -> Any:
        """Return an ordinary model whose components carry the paper's symbols.

        Parameters
        ----------
        problem : PlannerProblem
        modeller : {"pyomo", "cvxpy"}
            ``modellers`` lists the languages that this formulation can be written in.
        relaxed : bool, default False
            Let θ range over [0, 1]. Where ``relaxation_convex`` holds, the optimum of that model bounds the problem.

        Returns
        -------
        pyomo.environ.ConcreteModel or cvxpy.Problem

        Raises
        ------
        InputError
            If the modelling language is not one of ``modellers``.
        NotApplicableError
            If the formulation cannot hold this problem.
        """
        if modeller not in self.modellers:
            raise InputError(
                "modeller",
                f"{self.name} cannot be written in {str(modeller)!r}",
                f"use {' or '.join(m.value for m in self.modellers)}",
            )
        self.require(problem)
        return self._cvxpy(problem, relaxed) if modeller == Modeller.CVXPY else self._pyomo(problem, relaxed)

    def refuses(self, problem: PlannerProblem) -> str:
        """Return why the formulation cannot hold this problem, and what can; empty if it can."""
        del problem
        return ""

    def require(self, problem: PlannerProblem) -> None:
        """Raise NotApplicableError if the formulation cannot hold this problem."""
        reason = self.refuses(problem)
        if reason:
            raise NotApplicableError(f"{self.name} cannot hold this problem: {reason}")

    @abstractmethod
    def output(self, problem: PlannerProblem, objective: float) -> float:
        """Return the aggregate output Y that a value of the model's objective stands for; it increases in it."""

    @abstractmethod
    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set the variables of a Pyomo model of the same problem to what follows from a decision; a starting point."""

    def extract(self, model: Any) -> NDArray[np.int8]:
        """Return θ, shape (n,), rounded to the nearest of 0 and 1.

        Raises
        ------
        InputError
            If the model holds no values of θ, as before it is solved.
        """
        if isinstance(model, pyo.Block) or hasattr(model, "component"):
            values = [pyo.value(model.theta[j], exception=False) for j in model.theta]
        else:
            found = model.var_dict["theta"].value
            values = [None] if found is None else list(found)
        if any(value is None or not np.isfinite(value) for value in values):
            raise InputError("theta", "the model holds no values of it", "solve the model before extracting θ")
        return (np.array(values, dtype=np.float64) >= 0.5).astype(np.int8)

    @abstractmethod
    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel: ...

    def _cvxpy(self, problem: PlannerProblem, relaxed: bool) -> Any:
        raise NotApplicableError(f"{self.name} is not convex, so that CVXPY cannot hold it")


@dataclass(frozen=True, eq=False)
class Ceiling:
    """The greatest fixed point of (7) with every firm on that the rows allow; no choice exceeds it.

    Attributes
    ----------
    a, b, q, y : arrays of shape (n,)
        a_j = q_j^(ε−1), b_j = q_j^(σ−1), labour productivities, inputs y_j = Σ_i Ω_ij a_i.
    Q : float
        Aggregate productivity.
    producers : int array
        The firms with a_j > 0; the others produce under no choice.
    """

    a: Vector
    b: Vector
    q: Vector
    y: Vector
    Q: float
    producers: NDArray[np.int64]


def ceiling(problem: PlannerProblem) -> Ceiling:
    """Return the largest quantities that any allowed θ gives."""
    lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    problem.rows.propagate(lower, upper)
    most = problem.evaluate(upper)
    return Ceiling(most.a, most.b, most.q, most.inputs, most.Q, np.flatnonzero(most.producing))


@dataclass(frozen=True, eq=False)
class Shares:
    """The data of a model in shares of the ceiling, where all constants but weights and exponents cancel.

    Attributes
    ----------
    most : Ceiling
    weights : csc_array, shape (n, n)
        w_ij = Ω_ij ā_i/ȳ_j; columns of firms that produce sum to one, the others are empty.
    final : array, shape (n,)
        d_j = b̄_j/Σ b̄ = (q̄_j/Q̄)^(σ−1).
    exponent : array, shape (n,)
        α_j κ; exactly 1 where it is as good as 1.
    convex : int array
        The firms that produce and have increasing returns in demand, α_j κ > 1.
    kappa : float
    """

    most: Ceiling
    weights: sp.csc_array
    final: Vector
    exponent: Vector
    convex: NDArray[np.int64]
    kappa: float

    @classmethod
    def of(cls, problem: PlannerProblem) -> Shares:
        """Return the scaled data of a problem."""
        most = ceiling(problem)
        supplier, buyer, weight = links(problem)
        live = (most.a[supplier] > 0) & (most.a[buyer] > 0)
        shares = weight[live] * most.a[supplier[live]] / most.y[buyer[live]]
        weights = sp.csc_array((shares, (supplier[live], buyer[live])), shape=(problem.n, problem.n))
        final = (most.q / most.Q) ** (problem.sigma - 1) if most.Q > 0 else np.zeros(problem.n)
        exponent = problem.alpha * problem.kappa
        exponent = np.where(abs(exponent - 1) <= ONE, 1.0, exponent)
        convex = most.producers[exponent[most.producers] > 1]
        return cls(most, weights, final, exponent, convex, problem.kappa)

    def inputs(self, j: int) -> list[tuple[int, float]]:
        """Return the suppliers i of firm j with their weights w_ij."""
        of_j = slice(self.weights.indptr[j], self.weights.indptr[j + 1])
        return [(int(i), float(w)) for i, w in zip(self.weights.indices[of_j], self.weights.data[of_j], strict=True)]


def suppliers(problem: PlannerProblem, j: int) -> list[tuple[int, float]]:
    """Return the potential suppliers i of firm j with the weights Ω_ij."""
    Omega = problem.Omega
    of_j = slice(Omega.indptr[j], Omega.indptr[j + 1])
    return [(int(i), float(w)) for i, w in zip(Omega.indices[of_j], Omega.data[of_j], strict=True)]


def links(problem: PlannerProblem) -> tuple[NDArray[np.int64], NDArray[np.int64], Vector]:
    """Return (supplier, buyer, weight) of every potential link, by buyer."""
    Omega = problem.Omega
    buyer = np.repeat(np.arange(problem.n), np.diff(Omega.indptr))
    return Omega.indices.astype(np.int64), buyer, Omega.data


def declare_theta(model: pyo.ConcreteModel, problem: PlannerProblem, relaxed: bool) -> None:
    """Declare the operating decisions ``theta`` over the firms 0 … n−1."""
    model.firms = pyo.RangeSet(0, problem.n - 1)
    model.theta = pyo.Var(model.firms, domain=pyo.UnitInterval if relaxed else pyo.Binary)


def assign(variable: Any, values: NDArray[Any]) -> None:
    """Set an indexed variable to the values of its firms, kept within the variable's bounds against rounding."""
    for j in variable:
        low, high = variable[j].bounds
        number = float(values[j])
        number = number if low is None else max(number, low)
        variable[j].set_value(number if high is None else min(number, high))


def fixed_cost_share(model: pyo.ConcreteModel, problem: PlannerProblem) -> Any:
    """Return the expression Σ_j f_j θ_j / L."""
    return sum(float(f / problem.L) * model.theta[j] for j, f in enumerate(problem.f) if f > 0)


def aggregate(model: pyo.ConcreteModel, problem: PlannerProblem, data: Shares) -> Any:
    """Return the expression (Σ_j d_j q_j^(σ−1))^(1/(σ−1)), aggregate productivity as a share of its ceiling."""
    power = problem.sigma - 1
    terms = [float(data.final[j]) * model.q[j] ** power for j in model.makers]
    return sum(terms) ** (1 / power) if terms else 0.0


def constrain_labour(model: pyo.ConcreteModel, problem: PlannerProblem) -> None:
    """Write "fixed costs do not exceed labour" as ``constraint_labour``, unless no choice can break it."""
    if problem.f.sum() > problem.L:
        model.constraint_labour = pyo.Constraint(expr=fixed_cost_share(model, problem) <= 1)


def constrain_rows(model: pyo.ConcreteModel, problem: PlannerProblem) -> None:
    """Write the problem's linear rows on θ as ``constraint_rows``."""
    system, theta = problem.rows, model.theta

    def row(_: Any, r: int) -> Any:
        of_r = slice(system.G.indptr[r], system.G.indptr[r + 1])
        terms = [(float(g), int(j)) for g, j in zip(system.G.data[of_r], system.G.indices[of_r], strict=True) if g]
        if not terms:  # contradictory constants were rejected with the problem
            return pyo.Constraint.Skip
        low, high = system.lower[r], system.upper[r]
        body = sum(g * theta[j] for g, j in terms)
        if low == high:
            return body == float(low)
        return pyo.inequality(
            float(low) if np.isfinite(low) else None, body, float(high) if np.isfinite(high) else None
        )

    model.constraint_rows = pyo.Constraint(range(system.count), rule=row)


def rows_cvxpy(problem: PlannerProblem, theta: Any) -> list[Any]:
    """Return the problem's linear rows on the CVXPY variable θ."""
    system = problem.rows
    found = []
    for name, bound, sign in (("upper", system.upper, 1.0), ("lower", system.lower, -1.0)):
        finite = np.flatnonzero(np.isfinite(bound))
        if finite.size:
            found.append(label(sign * (system.G[finite] @ theta) <= sign * bound[finite], f"constraint_rows_{name}"))
    return found


def label(constraint: Any, name: str) -> Any:
    """Name a CVXPY constraint, where the installed CVXPY has names for constraints."""
    if hasattr(constraint, "set_label"):
        constraint.set_label(name)
    return constraint


def theta_cvxpy(problem: PlannerProblem, relaxed: bool) -> Any:
    """Return the CVXPY variable θ: boolean, or continuous in [0, 1]."""
    import cvxpy as cp

    return (
        cp.Variable(problem.n, name="theta", bounds=[0, 1])
        if relaxed
        else cp.Variable(problem.n, name="theta", boolean=True)
    )
