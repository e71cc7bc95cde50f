"""Xpress, under the community licence of its package: its global search, or cones, on models of limited size.

``pip install xpress`` brings the community licence, for models of up to 200 rows and columns together where a row is
nonlinear or quadratic (5000 otherwise), and nonlinear formulas of up to 1000 symbols in all. That is about

    planner/lifted, big-m   21 firms
    planner/second-order    20 firms where α = 1/2 and σ = ε = 5

A licence that Xpress finds in its own way (XPAUTH_PATH, for example) lifts the limits.

Four defaults are too coarse here and make it wrong. The global search holds nonlinear rows to ``nlpvalidationtol``,
1e-5, whatever ``feastol`` says, and calls points optimal that are worth 1e-5 less than it claims; cones are solved to
``bargapstop``, not tight enough either; nodes must be better than the incumbent by ``mipaddcutoff``, 1e-5; and there is
an absolute gap. The adapter has ``feasibility``, a thousandth of it, and 0 for these.

Where the model is not cut off below a known decision, Xpress proves false bounds even so, 64 % below the best of three
identical firms (see the findings). With the cut it did so on few economies, with productivities over many orders of
magnitude, which the heuristic's decision refutes. ``planner/reduced`` is not offered: with these settings Xpress calls
decisions optimal there that are 44 % below the best of six firms, and other economies infeasible.

Source: FICO, *Xpress optimizer reference manual* (2026).
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

LIMITS = "200 rows and columns together in a nonlinear or quadratic model (5000 in a linear one)"
REMEDY = "use certified, or get a licence (academic ones are free)"
TOO_LARGE = ("?120 ", "?1151 ")  # rows and columns; symbols of nonlinear formulas
LARGEST_SEED = 2**31 - 1
GLOBAL = 2  # of nlpsolver: prove a global optimum, where the default may settle for a local one
INFINITE = 1e20
CONIC = 1e-3  # of feasibility, the gap at which the barrier method on cones stops
STOPS = {"TIMELIMIT": StoppedBy.TIME_LIMIT, "NODELIMIT": StoppedBy.NODE_LIMIT, "CTRLC": StoppedBy.INTERRUPTED}


@dataclass(frozen=True, kw_only=True)
class Xpress(Outside):
    """Xpress, on the convex forms ``lifted``, ``big-m`` and ``second-order``; models of limited size.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        Xpress stops once its bound is this close to its best solution.
    feasibility : float, default 1e-9
        By how much Xpress may miss a row of the model (feastol, nlpvalidationtol).
    cut : bool, default True
        Cut the model off below a known decision; see the module, and `outside`.
    heuristics : int, default -1
        How hard to look for solutions (heuremphasis): 0 not at all, 1 hard, -1 as Xpress thinks best.
    """

    name: ClassVar[str] = "xpress"
    title: ClassVar[str] = (
        "Xpress on a convex form; the package's community licence limits the size (200 rows + columns)"
    )
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    label: ClassVar[str] = "Xpress"
    attack: ClassVar[str] = "endonet.solvers.planner.xpress:attack"
    increasing: ClassVar[str] = "curve"
    formulations: ClassVar[tuple[str, ...]] = ("lifted", "big-m", "second-order")
    packages: ClassVar[tuple[str, ...]] = ("xpress",)
    remedy: ClassVar[str] = "pip install 'endonet[commercial]' (a community licence, limited in size, comes with it)"

    feasibility: float = 1e-9
    heuristics: int = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError("seed", f"{self.seed} is no seed for Xpress", f"give a number from 0 to {LARGEST_SEED}")
        if self.heuristics not in (-1, 0, 1, 2, 3):
            raise InputError("heuristics", f"{self.heuristics} is unknown", "give -1, 0, 1, 2 or 3")


def attack(task: Task) -> Answer:
    """Let Xpress solve the model."""
    import warnings

    import xpress

    model = task.model()
    unit = in_shares(model, task.form, task.problem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the licence in use, each time
        try:
            program = xpress.problem()
        except (xpress.SolverError, xpress.InterfaceError, RuntimeError) as error:
            raise licence.missing("xpress", str(error), "reinstall the package, or use certified") from None
    program.controls.outputlog = int(task.log)
    try:
        columns = _hold(program, model)
        _configure(program, task)
        if task.start is not None:
            given = [(theirs, ours.value) for ours, theirs in columns if ours.value is not None]
            program.addMipSol([value for _, value in given], [theirs for theirs, _ in given], "start")
        return in_units(_solve(program, task, model, columns, unit), unit)
    except xpress.SolverError as error:
        if str(error).startswith(TOO_LARGE):
            raise licence.too_large("xpress", task, LIMITS, *native.size(model), REMEDY) from None
        raise


def _hold(program: Any, model: pyo.ConcreteModel) -> list[tuple[Any, Any]]:
    """Write a Pyomo model into an empty problem of Xpress's; return the pairs (Pyomo variable, Xpress variable)."""
    import xpress

    known: dict[int, Any] = {}
    pairs = []
    for ours in native.variables(model):
        low, high = native.bounds(ours, xpress.infinity)
        kind = xpress.binary if ours.is_binary() else xpress.continuous
        theirs = program.addVariable(lb=low, ub=high, vartype=kind)
        known[id(ours)] = theirs
        pairs.append((ours, theirs))
    for row in native.rows(model):
        body = xpress.Sum([c * known[id(v)] for c, v in row.linear])
        if row.rest is not None:
            body = body + native.translated(row.rest, known)
        for side, holds in row.sides():
            program.addConstraint(holds(body, side))
    goal = native.translated(native.objective(model), known)
    if not native.objective(model).is_variable_type():  # Xpress takes no nonlinear objective but by a row
        output = program.addVariable(lb=-xpress.infinity)
        program.addConstraint(output <= goal)
        goal = output
    program.setObjective(goal, sense=xpress.maximize)
    return pairs


def _configure(program: Any, task: Task) -> None:
    options, controls = task.options, program.controls
    feasibility = options["feasibility"]
    controls.nlpsolver = GLOBAL
    controls.miprelstop = options["rel_gap"] / 2 * slope(task.form, task.problem)
    controls.mipabsstop = 0.0
    controls.mipaddcutoff = 0.0
    controls.bargapstop = feasibility * CONIC
    controls.feastol = feasibility
    controls.miptol = feasibility
    controls.nlpvalidationtol_a = feasibility
    controls.nlpvalidationtol_r = feasibility
    controls.randomseed = options["seed"]
    if "heuristics" in options:
        controls.heuremphasis = options["heuristics"]
    if options["threads"]:
        controls.threads = options["threads"]
    if task.seconds is not None:
        controls.timelimit = task.seconds


def _solve(program: Any, task: Task, model: pyo.ConcreteModel, columns: list[tuple[Any, Any]], unit: float) -> Answer:
    import xpress

    ours, theirs = [pair[0] for pair in columns], [pair[1] for pair in columns]

    def found(held: Any, _: Any) -> None:
        """Tell of a new decision, and of the bound; its quantities need not satisfy the nonlinear rows yet."""
        nl.place(ours, held.getCallbackSolution(theirs))
        news = Answer("", StoppedBy.TIME_LIMIT, task.form.extract(model), dual=_bound(held))
        tell(in_units(news, unit))

    program.addIntsolCallback(found, None)
    status, quality = program.optimize()
    stop = xpress.enums.StopType(program.attributes.stopstatus).name
    raw = f"{status.name} ({quality.name})"
    finished = status.name == "COMPLETED"
    stopped = StoppedBy.FINISHED if finished else STOPS.get(stop, StoppedBy.ERROR)
    statistics = {"nodes": int(program.attributes.nodes)}
    if finished and quality.name == "INFEASIBLE":
        return Answer(raw, stopped, infeasible=True, statistics=statistics)
    dual = _bound(program, finished)
    if quality.name not in ("OPTIMAL", "FEASIBLE"):
        return Answer(raw, stopped if not finished else StoppedBy.ERROR, dual=dual, statistics=statistics)
    nl.place(ours, program.getSolution(theirs))
    objective = float(program.attributes.objval)
    return Answer(raw, stopped, task.form.extract(model), objective, dual, statistics=statistics)


def _bound(program: Any, finished: bool = False) -> float | None:
    """Return the bound, if there is one: until the first linear program is solved, it is what that has come to."""
    import xpress

    attributes = program.attributes
    if not finished and attributes.nodes == 0 and attributes.lpstatus != xpress.enums.LPStatus.OPTIMAL:
        return None
    number = float(attributes.bestbound)
    return number if math.isfinite(number) and abs(number) < INFINITE else None
