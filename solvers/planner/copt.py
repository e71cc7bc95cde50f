"""COPT on ``planner/second-order``, within the size that it takes without a licence.

``pip install coptpy`` solves models of up to 2000 variables and rows without a licence, for purposes that are not
commercial: about 398 firms where α = 1/2 and σ = ε = 5. COPT proves optima of mixed-integer cone programs; for other
nonlinear models it has local methods only, so that it is a backend of ``mixed-integer-conic`` and no solver of its own.

Source: Cardinal Operations, *Cardinal optimizer user guide* (2026).
"""

from __future__ import annotations

import math
from typing import Any

from endonet.solvers.planner import licence, native, nl
from endonet.solvers.planner.outside import Answer, Task, slope
from endonet.solvers.solution import StoppedBy
from endonet.solvers.worker import tell

LIMITS = "2000 variables and 2000 rows"
REMEDY = "use --option backend=scip or certified, or get a licence (academic ones are free)"
REFUSED = "(LICENSE)"
INFINITE = 1e30


def attack(task: Task) -> Answer:
    """Let COPT solve the model, whose rows are linear or cones."""
    import coptpy

    model = task.model()
    settings = coptpy.EnvrConfig()
    settings.set("nobanner", "1")
    held = coptpy.Envr(settings).createModel("planner")
    held.setParam("Logging", int(task.log))
    known: dict[int, Any] = {}
    ours, theirs = native.variables(model), []
    for variable in ours:
        low, high = native.bounds(variable, coptpy.COPT.INFINITY)
        kind = coptpy.COPT.BINARY if variable.is_binary() else coptpy.COPT.CONTINUOUS
        known[id(variable)] = held.addVar(lb=low, ub=high, vtype=kind)
        theirs.append(known[id(variable)])
    for row in native.rows(model):
        body = coptpy.quicksum(c * known[id(v)] for c, v in row.linear)
        if row.rest is not None:
            body = body + native.translated(row.rest, known)
        add = held.addConstr if row.rest is None else held.addQConstr
        for side, holds in row.sides():
            add(holds(body, side))
    held.setObjective(native.translated(native.objective(model), known), coptpy.COPT.MAXIMIZE)
    _configure(held, task)
    if task.start is not None:
        held.setMipStart(theirs, [variable.value for variable in ours])
        held.loadMipStart()
    _report(held, task, model, ours, theirs)
    try:
        held.solve()
    except coptpy.CoptError as error:
        if REFUSED in str(error):
            raise licence.too_large("mixed-integer-conic", task, LIMITS, *native.size(model), REMEDY) from None
        raise
    return _answer(held, task, model, ours, theirs)


def _configure(held: Any, task: Task) -> None:
    options = task.options
    settings = {
        "RelGap": options["rel_gap"] / 2 * slope(task.form, task.problem),
        "AbsGap": 0.0,
        "FeasTol": options["feasibility"],
        "IntTol": options["feasibility"],
        "DualTol": options["feasibility"],
    }
    if options["threads"]:
        settings["Threads"] = options["threads"]
    if task.seconds is not None:
        settings["TimeLimit"] = task.seconds
    for name, value in settings.items():
        held.setParam(name, value)


def _report(held: Any, task: Task, model: Any, ours: list[Any], theirs: list[Any]) -> None:
    """Have COPT tell of each new decision, with its bound."""
    import coptpy

    class Report(coptpy.CallbackBase):
        def callback(self) -> None:
            nl.place(ours, self.getSolution(theirs))
            objective, dual = float(self.getInfo("MipCandObj")), float(self.getInfo("BestBnd"))
            bound = dual if abs(dual) < INFINITE else None
            tell(Answer("", StoppedBy.TIME_LIMIT, task.form.extract(model), objective, bound))

    held.setCallback(Report(), coptpy.COPT.CBCONTEXT_MIPSOL)


def _answer(held: Any, task: Task, model: Any, ours: list[Any], theirs: list[Any]) -> Answer:
    from coptpy import COPT

    words = {
        COPT.OPTIMAL: ("optimal", StoppedBy.FINISHED),
        COPT.INFEASIBLE: ("infeasible", StoppedBy.FINISHED),
        COPT.TIMEOUT: ("timeout", StoppedBy.TIME_LIMIT),
        COPT.NODELIMIT: ("node limit", StoppedBy.NODE_LIMIT),
        COPT.INTERRUPTED: ("interrupted", StoppedBy.INTERRUPTED),
    }
    raw, stopped = words.get(held.status, (f"status {held.status}", StoppedBy.ERROR))
    statistics = {"nodes": int(held.nodecnt)}
    if raw == "infeasible":
        return Answer(raw, stopped, infeasible=True, statistics=statistics)
    dual = float(held.bestbnd)
    bound = dual if math.isfinite(dual) and abs(dual) < INFINITE else None
    if not held.hasmipsol:
        return Answer(raw, stopped, dual=bound, statistics=statistics)
    nl.place(ours, [variable.x for variable in theirs])
    return Answer(raw, stopped, task.form.extract(model), float(held.objval), bound, statistics=statistics)
