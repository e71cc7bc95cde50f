"""Gurobi, under the trial licence of its package: spatial branch and bound, or cones, on models of limited size.

``pip install gurobipy`` brings a licence for models of up to 2000 variables and 2000 rows, and of up to 200 variables
where a row is quadratic or nonlinear, for evaluation; it expires some time after the release. That is about

    planner/lifted, big-m   39 firms, 32 where σ ≠ ε
    planner/second-order    48 firms where α = 1/2 and σ = ε = 5, 21 where σ = 4 and ε = 6

A licence that Gurobi finds in its own way (GRB_LICENSE_FILE, for example) lifts the limits.

Powers go to Gurobi as general nonlinear constraints, which since version 12 it treats by spatial branching and not by
lines between points. Two defaults are too coarse here: rows may be missed by 1e-6, and the barrier method on cones
stops at a gap of 1e-6. The adapter has 1e-9 for both, and no absolute gap at all.

Models are cut off below a known decision, as those of other solvers are. Without the cut Gurobi calls a decision of 14
firms optimal that is 0.2 % below the best, on a convex form; with it, it calls some models infeasible that are not,
where fixed costs are next to nothing, which HiGHS refutes (see the findings). The second does no harm.

``planner/reduced`` is not offered. Of sparse economies of 8 to 31 firms Gurobi calls one in twenty solved there with a
decision that is up to 3 % below the best, at these tolerances; the heuristic is not always good enough to refute it.

Source: Gurobi Optimization, *Gurobi optimizer reference manual* (2026).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pyomo.environ as pyo

from endonet.formulations.errors import InputError
from endonet.solvers.planner import licence, native, nl
from endonet.solvers.planner.outside import Answer, Outside, Task, in_shares, in_units, slope
from endonet.solvers.solution import Proves, StoppedBy
from endonet.solvers.worker import tell

LIMITS = "2000 variables and rows (200 variables in a nonlinear or quadratic model)"
REMEDY = "use certified, or get a licence (academic ones are free)"
TOO_LARGE, NO_LICENCE = 10010, 10009
LARGEST_SEED = 2_000_000_000
STOPS = {
    "OPTIMAL": StoppedBy.FINISHED,
    "INFEASIBLE": StoppedBy.FINISHED,
    "INF_OR_UNBD": StoppedBy.FINISHED,  # every variable has bounds, so that nothing is unbounded
    "TIME_LIMIT": StoppedBy.TIME_LIMIT,
    "NODE_LIMIT": StoppedBy.NODE_LIMIT,
    "INTERRUPTED": StoppedBy.INTERRUPTED,
}


@dataclass(frozen=True, kw_only=True)
class Gurobi(Outside):
    """Gurobi, on the convex forms ``lifted``, ``big-m`` and ``second-order``; models of limited size.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        Gurobi stops once its bound is this close to its best solution.
    feasibility : float, default 1e-9
        By how much Gurobi may miss a row of the model (FeasibilityTol); also how accurate cones are (BarQCPConvTol).
    cut : bool, default True
        Cut the model off below a known decision; see the module, and `outside`.
    """

    name: ClassVar[str] = "gurobi"
    title: ClassVar[str] = "Gurobi on a convex form; the package's trial licence limits the size (200 variables)"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    label: ClassVar[str] = "Gurobi"
    attack: ClassVar[str] = "endonet.solvers.planner.gurobi:attack"
    increasing: ClassVar[str] = "curve"
    formulations: ClassVar[tuple[str, ...]] = ("lifted", "big-m", "second-order")
    packages: ClassVar[tuple[str, ...]] = ("gurobipy",)
    remedy: ClassVar[str] = "pip install 'endonet[commercial]' (a trial licence, limited in size, comes with it)"

    feasibility: float = 1e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError("seed", f"{self.seed} is no seed for Gurobi", f"give a number from 0 to {LARGEST_SEED}")


def attack(task: Task) -> Answer:
    """Let Gurobi solve the model."""
    import gurobipy

    model = task.model()
    unit = in_shares(model, task.form, task.problem)
    try:
        with gurobipy.Env(empty=True) as silent:
            silent.setParam("OutputFlag", int(task.log))
            silent.start()
            with gurobipy.Model(env=silent) as gurobi:
                columns = _hold(gurobi, model)
                _configure(gurobi, task)
                if task.start is not None:
                    _start(columns)
                return in_units(_solve(gurobi, task, model, columns, unit), unit)
    except gurobipy.GurobiError as error:
        if error.errno == TOO_LARGE:
            raise licence.too_large("gurobi", task, LIMITS, *native.size(model), REMEDY) from None
        if error.errno == NO_LICENCE:
            raise licence.missing("gurobi", str(error), "get one (academic ones are free), or use certified") from None
        raise


def _hold(gurobi: Any, model: pyo.ConcreteModel) -> list[tuple[Any, Any]]:
    """Write a Pyomo model into an empty one of Gurobi's; return the pairs (Pyomo variable, Gurobi variable)."""
    from gurobipy import GRB, NLExpr, quicksum

    known: dict[int, Any] = {}
    pairs = []
    for ours in native.variables(model):
        low, high = native.bounds(ours, GRB.INFINITY)
        theirs = gurobi.addVar(lb=low, ub=high, vtype=GRB.BINARY if ours.is_binary() else GRB.CONTINUOUS)
        known[id(ours)] = theirs
        pairs.append((ours, theirs))

    def made(expression: Any) -> Any:
        """Return the expression, or the variable that stands for it if it is nonlinear."""
        found = native.translated(expression, known)
        if not isinstance(found, NLExpr):
            return found
        stands = gurobi.addVar(lb=-GRB.INFINITY)
        gurobi.addGenConstrNL(stands, found)
        return stands

    for row in native.rows(model):
        if row.lower == row.upper == 0 and [c for c, _ in row.linear] == [-1.0] and row.rest is not None:
            found = native.translated(row.rest, known)  # an equation for one variable needs no other
            if isinstance(found, NLExpr):
                gurobi.addGenConstrNL(known[id(row.linear[0][1])], found)
                continue
        body = quicksum(c * known[id(v)] for c, v in row.linear)
        if row.rest is not None:
            body = body + made(row.rest)
        for side, holds in row.sides():
            gurobi.addConstr(holds(body, side))
    gurobi.setObjective(made(native.objective(model)), GRB.MAXIMIZE)
    return pairs


def _configure(gurobi: Any, task: Task) -> None:
    options = task.options
    settings = {
        "MIPGap": options["rel_gap"] / 2 * slope(task.form, task.problem),
        "MIPGapAbs": 0.0,
        "FeasibilityTol": options["feasibility"],
        "IntFeasTol": options["feasibility"],
        "OptimalityTol": options["feasibility"],
        "BarQCPConvTol": options["feasibility"],
        "Seed": options["seed"],
        "Threads": options["threads"],
    }
    if task.seconds is not None:
        settings["TimeLimit"] = task.seconds
    for name, value in settings.items():
        gurobi.setParam(name, value)


def _start(columns: list[tuple[Any, Any]]) -> None:
    for ours, theirs in columns:
        if ours.value is not None:
            theirs.Start = ours.value


def _solve(gurobi: Any, task: Task, model: pyo.ConcreteModel, columns: list[tuple[Any, Any]], unit: float) -> Answer:
    from gurobipy import GRB

    ours, theirs = [pair[0] for pair in columns], [pair[1] for pair in columns]
    where_of_bounds = {GRB.Callback.MIP: "MIP", GRB.Callback.MIPSOL: "MIPSOL"}
    told = math.inf

    def report(held: Any, where: int) -> None:
        """Tell of each new decision, and of each lower bound."""
        nonlocal told
        if where not in where_of_bounds:
            return
        kind = where_of_bounds[where]
        dual = _finite(held.cbGet(getattr(GRB.Callback, f"{kind}_OBJBND")))
        if where == GRB.Callback.MIPSOL:
            nl.place(ours, held.cbGetSolution(theirs))
            objective = float(held.cbGet(GRB.Callback.MIPSOL_OBJ))
            news = Answer("", StoppedBy.TIME_LIMIT, task.form.extract(model), objective, dual)
        elif dual is not None and dual < told:
            news = Answer("", StoppedBy.TIME_LIMIT, dual=dual)
        else:
            return
        told = told if dual is None else min(told, dual)
        tell(in_units(news, unit))

    gurobi.optimize(report)
    raw = next(name for name in dir(GRB.Status) if getattr(GRB.Status, name) == gurobi.Status)
    stopped = STOPS.get(raw, StoppedBy.ERROR)
    statistics = {"nodes": int(gurobi.NodeCount)}
    if raw in ("INFEASIBLE", "INF_OR_UNBD"):
        return Answer(raw, stopped, infeasible=True, statistics=statistics)
    dual = _finite(gurobi.ObjBound)
    if gurobi.SolCount == 0:
        return Answer(raw, stopped, dual=dual, statistics=statistics)
    nl.place(ours, gurobi.getAttr("X", theirs))
    return Answer(raw, stopped, task.form.extract(model), float(gurobi.ObjVal), dual, statistics=statistics)


def _finite(number: float) -> float | None:
    return float(number) if abs(number) < 1e100 else None
