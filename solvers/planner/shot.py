"""SHOT on the convex forms: supporting hyperplanes, mixed-integer linear programs of HiGHS, and Ipopt for fixed θ.

SHOT is told that the program is convex (``Model.Convexity.AssumeConvex``), which it cannot see of perspectives and
which `endonet.formulations.planner.lifted` proves; otherwise its bound stays the ceiling. Its defaults stop at an
absolute gap of 1e-3, larger than what decisions differ by, so that it gets tolerances of its own.

Firms with increasing returns are refused. Their bundle row has b^(1/κ), whose slope near 0 amplifies SHOT's tolerance:
an "optimum" then lies 6e-4 above the best decision on six firms, and with extended cutting planes 18 % below it.

Source: Lundell, Kronqvist and Westerlund, *The supporting hyperplane optimization toolkit* (2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pyomo.environ as pyo

from endonet.solvers.planner import nl
from endonet.solvers.planner.convex import ConvexSolver
from endonet.solvers.planner.outside import Answer, Task, slope
from endonet.solvers.solution import StoppedBy
from endonet.solvers.worker import tell

STOPS = {
    "TimeLimit": StoppedBy.TIME_LIMIT,
    "IterationLimit": StoppedBy.ITERATION_LIMIT,
    "UserAbort": StoppedBy.INTERRUPTED,
}
SILENT, SPOKEN = 6, 2  # SHOT's levels of logging


@dataclass(frozen=True, kw_only=True)
class Shot(ConvexSolver):
    """SHOT, on the convex forms ``lifted`` and ``big-m``.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        SHOT stops once its bound is this close to its best solution.
    feasibility : float, default 1e-8
        By how much SHOT may miss a row of the model.
    cut : bool, default True
        Cut the model off below a known decision, see `outside`.
    """

    name: ClassVar[str] = "shot"
    title: ClassVar[str] = "SHOT: supporting hyperplanes on a convex form"
    label: ClassVar[str] = "SHOT"
    attack: ClassVar[str] = "endonet.solvers.planner.shot:attack"
    packages: ClassVar[tuple[str, ...]] = ("SHOTpy",)
    remedy: ClassVar[str] = "pip install 'endonet[outside]'"


def attack(task: Task) -> Answer:
    """Let SHOT solve the model."""
    import SHOTpy

    model = task.model()
    columns = nl.write(model)
    shot = SHOTpy.Solver()
    feasibility = task.options["feasibility"]
    settings = {
        "Output.Console.LogLevel": SPOKEN if task.log else SILENT,
        "Model.Convexity.AssumeConvex": True,
        "Termination.ObjectiveGap.Absolute": 0.0,
        "Termination.ObjectiveGap.Relative": task.options["rel_gap"] / 2 * slope(task.form, task.problem),
        "Termination.ConstraintTolerance": feasibility,
        "Termination.ObjectiveConstraintTolerance": feasibility,
        "Primal.Tolerance.NonlinearConstraint": feasibility,
        "Primal.Tolerance.LinearConstraint": feasibility,
        "Dual.MIP.RandomSeed": task.options["seed"],
        "Dual.MIP.NumberOfThreads": task.options["threads"] or 1,
    }
    if task.seconds is not None:
        settings["Termination.TimeLimit"] = task.seconds
    for name, value in settings.items():
        shot.updateSetting(name, value)
    report(shot, task, model, columns)
    if not shot.setProblem(nl.FILE) or not shot.solveProblem():
        return Answer(shot.getTerminationReason().name, StoppedBy.ERROR)
    status, reason = shot.getModelReturnStatus().name, shot.getTerminationReason().name
    raw, dual = f"{status} ({reason})", float(shot.getGlobalDualBound())
    if status.startswith("Infeasible"):
        return Answer(raw, StoppedBy.FINISHED, infeasible=True)
    stopped = StoppedBy.FINISHED if status == "OptimalGlobal" else STOPS.get(reason, StoppedBy.ERROR)
    if not shot.hasPrimalSolution():
        return Answer(raw, stopped, dual=dual)
    nl.place(columns, shot.getPrimalSolution().point)
    return Answer(raw, stopped, task.form.extract(model), float(shot.getPrimalBound()), dual)


def report(shot: Any, task: Task, model: pyo.ConcreteModel, columns: list[Any]) -> None:
    """Have SHOT tell of each new decision and bound, since it may overstay its time limit in a subproblem."""
    import SHOTpy

    def found(context: Any) -> None:
        nl.place(columns, context.point)
        objective = float(pyo.value(model.objective))
        tell(Answer("", StoppedBy.TIME_LIMIT, task.form.extract(model), objective))

    def bounded(context: Any) -> None:
        if context.globalDualBound is not None and math.isfinite(context.globalDualBound):
            tell(Answer("", StoppedBy.TIME_LIMIT, dual=float(context.globalDualBound)))

    shot.registerCallback(SHOTpy.CallbackLocation.NewPrimalSolution, found)
    shot.registerCallback(SHOTpy.CallbackLocation.DualBoundUpdate, bounded)
