"""Pyomo models as .nl files in the working folder, and as programs of CasADi."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

FILE = "model.nl"


def write(model: pyo.ConcreteModel) -> list[Any]:
    """Write the model to the file ``model.nl`` of the working folder; return its variables in the file's order."""
    from pyomo.repn.plugins.nl_writer import NLWriter

    with Path(FILE).open("w") as stream:
        columns = NLWriter().write(model, stream, linear_presolve=False, scale_model=False).variables
    return list(columns)


def place(columns: list[Any], values: ArrayLike) -> None:
    """Give the variables their values in a solver's answer, which may miss their bounds by its tolerance."""
    for variable, value in zip(columns, np.asarray(values, dtype=np.float64).ravel().tolist(), strict=True):
        variable.set_value(value, skip_validation=True)


class CasadiProgram:
    """A Pyomo model as a program of CasADi, by way of its .nl file.

    Attributes
    ----------
    columns : list
        Pyomo's variables in CasADi's order.
    discrete : list of bool
    """

    def __init__(self, model: pyo.ConcreteModel) -> None:
        import casadi

        self.columns = write(model)
        found = casadi.NlpBuilder()
        found.import_nl(FILE, {"verbose": False})
        self.discrete = list(found.discrete)
        self.program = {"x": casadi.vertcat(*found.x), "f": found.f, "g": casadi.vertcat(*found.g)}
        self.limits = {"lbx": found.x_lb, "ubx": found.x_ub, "lbg": found.g_lb, "ubg": found.g_ub}

    def solve(self, solver: str, options: dict[str, Any], inside: float) -> tuple[float, dict[str, Any]]:
        """Solve with a plugin of CasADi and place the answer; return the objective and CasADi's statistics.

        Parameters
        ----------
        inside : float
            Where variables without a value start, as a share of their range.
        """
        import casadi

        run = casadi.nlpsol(
            "program", solver, self.program, {"print_time": False, "show_eval_warnings": False, **options}
        )
        begin = [_start(variable, inside) for variable in self.columns]
        answer = run(x0=begin, **self.limits)
        place(self.columns, answer["x"].full())
        objective = pyo.value(self.columns[0].model().objective)
        return float(objective), dict(run.stats())


def _start(variable: Any, inside: float) -> float:
    if variable.value is not None:
        return float(variable.value)
    low, high = variable.bounds
    return (1 - inside) * (0.0 if low is None else low) + inside * (1.0 if high is None else high)
