"""MAiNGO: a second global solver, with McCormick relaxations and range reduction, on nonconvex and convex forms.

Pyomo translates the model; MAiNGO is driven directly, so that its bound and status can be read. It takes no time limit
below ten seconds, and its process is ended soon after a shorter one, with nothing but the start to show. On ``lifted``,
with the curve of increasing returns, its local searches often find no feasible point at all.

Source: Bongartz, Najman, Sass and Mitsos, *MAiNGO: McCormick-based algorithm for mixed-integer nonlinear global
optimization* (2018).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo

from endonet.solvers.planner import nl
from endonet.solvers.planner.outside import Answer, Outside, Task, in_shares, in_units, slope
from endonet.solvers.solution import Proves, StoppedBy

SHORTEST_LIMIT = 10.0  # seconds; MAiNGO raises a shorter limit to this
SILENT, SPOKEN = 0, 1


@dataclass(frozen=True, kw_only=True)
class Maingo(Outside):
    """MAiNGO, on the paper's own form ``reduced``, or on ``lifted`` or ``big-m``.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        MAiNGO stops once its bound is this close to its best solution.
    feasibility : float, default 1e-7
        By how much MAiNGO may miss a row of the model (deltaIneq, deltaEq).
    cut : bool, default True
        Cut the model off below a known decision, see `outside`.
    """

    name: ClassVar[str] = "maingo"
    title: ClassVar[str] = "MAiNGO: global search with McCormick relaxations on a formulation"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    label: ClassVar[str] = "MAiNGO"
    attack: ClassVar[str] = "endonet.solvers.planner.maingo:attack"
    increasing: ClassVar[str] = "curve"
    formulations: ClassVar[tuple[str, ...]] = ("reduced", "lifted", "big-m")
    packages: ClassVar[tuple[str, ...]] = ("maingopy",)
    remedy: ClassVar[str] = "pip install 'endonet[outside]'"

    feasibility: float = 1e-7


def attack(task: Task) -> Answer:
    """Let MAiNGO solve the model."""
    import maingopy

    model = task.model()
    unit = in_shares(model, task.form, task.problem)
    translated, columns = _translated(model)
    maingo = maingopy.MAiNGO(translated)
    settings = {
        "epsilonR": task.options["rel_gap"] / 2 * slope(task.form, task.problem),
        "epsilonA": 1e-9,
        "deltaIneq": task.options["feasibility"],
        "deltaEq": task.options["feasibility"],
        "loggingDestination": SPOKEN if task.log else SILENT,
    } | ({} if task.seconds is None else {"maxwTime": max(task.seconds, SHORTEST_LIMIT)})
    for name, value in settings.items():
        maingo.set_option(name, value)
    raw = maingo.solve().name
    statistics = {"nodes": int(maingo.get_iterations())}
    if raw == "INFEASIBLE":
        return Answer(raw, StoppedBy.FINISHED, infeasible=True, statistics=statistics)
    late = task.seconds is not None and maingo.get_wallclock_solution_time() >= task.seconds
    otherwise = StoppedBy.TIME_LIMIT if late else StoppedBy.ERROR
    stopped = StoppedBy.FINISHED if raw == "GLOBALLY_OPTIMAL" else otherwise
    least = float(maingo.get_final_LBD())  # MAiNGO minimises −objective
    dual = -least if abs(least) < 1e300 and math.isfinite(least) else None
    if raw not in ("GLOBALLY_OPTIMAL", "FEASIBLE_POINT"):
        return in_units(Answer(raw, stopped, dual=dual, statistics=statistics), unit)
    model.theta[:] = 0  # firms that stand in no row cost nothing and do nothing
    nl.place(columns, np.asarray(maingo.get_solution_point()))
    objective = -float(maingo.get_objective_value())
    return in_units(Answer(raw, stopped, task.form.extract(model), objective, dual, statistics=statistics), unit)


def _translated(model: pyo.ConcreteModel) -> tuple[Any, list[Any]]:
    """Return the model as MAiNGO's, and its variables in MAiNGO's order."""
    import maingopy
    from pyomo.contrib.appsi.solvers.maingo import MaingoVar
    from pyomo.contrib.appsi.solvers.maingo_solvermodel import SolverModel
    from pyomo.core.expr.visitor import identify_variables

    rows = list(model.component_data_objects(pyo.Constraint, active=True))
    objective = next(model.component_data_objects(pyo.Objective, active=True))
    expressions = [objective.expr, *(row.body for row in rows)]
    columns = list({id(v): v for part in expressions for v in identify_variables(part)}.values())
    variables = []
    for k, variable in enumerate(columns):
        kind = maingopy.VT_BINARY if variable.is_binary() else maingopy.VT_CONTINUOUS
        low, high = variable.bounds
        variables.append(MaingoVar(kind, f"x{k}", low, high, variable.value))
    places = {id(variable): k for k, variable in enumerate(columns)}
    translated = SolverModel(variables, objective, rows, places, logging.getLogger("endonet.maingo"))
    return translated, columns
