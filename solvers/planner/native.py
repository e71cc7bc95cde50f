"""Pyomo models in the objects of a solver's own Python interface.

A row is split into its linear part, which every interface takes alike, and the rest, which is translated node by node
into arithmetic on the solver's variables: these interfaces overload +, ·, / and powers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo
from pyomo.repn import generate_standard_repn


@dataclass(frozen=True, eq=False)
class Row:
    """``lower ≤ Σ coefficient · variable + rest ≤ upper``; equal sides make an equation, None is no side.

    Attributes
    ----------
    linear : list of (float, Pyomo variable)
    rest : Pyomo expression or None
    lower, upper : float or None
    """

    linear: list[tuple[float, Any]]
    rest: Any
    lower: float | None
    upper: float | None

    def sides(self) -> Iterator[tuple[float, Callable[[Any, Any], Any]]]:
        """Yield the sides, each with the operator that holds between body and side."""
        if self.lower is not None and self.lower == self.upper:
            yield self.lower, operator.eq
            return
        if self.lower is not None:
            yield self.lower, operator.ge
        if self.upper is not None:
            yield self.upper, operator.le


def rows(model: pyo.ConcreteModel) -> Iterator[Row]:
    """Yield the rows of a model."""
    for row in model.component_data_objects(pyo.Constraint, active=True):
        found = generate_standard_repn(row.body, quadratic=False)
        sides = [None if side is None else float(side) - float(found.constant) for side in (row.lb, row.ub)]
        linear = [(float(c), v) for c, v in zip(found.linear_coefs, found.linear_vars, strict=True)]
        yield Row(linear, found.nonlinear_expr, *sides)


def objective(model: pyo.ConcreteModel) -> Any:
    """Return the expression that the model maximises."""
    return next(model.component_data_objects(pyo.Objective, active=True)).expr


def variables(model: pyo.ConcreteModel) -> list[Any]:
    """Return all variables of a model, those that stand in no row too."""
    return list(model.component_data_objects(pyo.Var, active=True))


def bounds(variable: Any, infinity: float) -> tuple[float, float]:
    """Return the bounds of a Pyomo variable, with the number that a solver takes for infinity where there is none."""
    low, high = variable.bounds
    return -infinity if low is None else float(low), infinity if high is None else float(high)


def size(model: pyo.ConcreteModel) -> tuple[int, int]:
    """Return the numbers of variables and rows of a model, as it was written down."""
    return len(variables(model)), sum(1 for _ in model.component_data_objects(pyo.Constraint, active=True))


def translated(expression: Any, known: Mapping[int, Any]) -> Any:
    """Return an expression in a solver's own objects.

    Parameters
    ----------
    known : mapping
        From the ``id`` of a Pyomo variable to the solver's.
    """
    if not hasattr(expression, "is_expression_type") or expression.is_fixed():
        return pyo.value(expression)
    if expression.is_variable_type():
        return known[id(expression)]
    parts = [translated(part, known) for part in expression.args]
    return OPERATIONS[expression.getname()](*parts)


def _sum(*parts: Any) -> Any:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


OPERATIONS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "linear": _sum,
    "mon": operator.mul,
    "prod": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
}
