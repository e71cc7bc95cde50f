"""SCIP on a formulation of the planner's problem: spatial branch and bound, an outside solver that proves optima.

The model goes to SCIP as an .nl file in a temporary folder; `outside` says what becomes of its answer. SCIP tells of
each better decision and bound on the way, so that they are left if its process is ended or dies: on 2000 firms with
weights SCIP 10 corrupts its memory in the first linear programs.

Source: Bestuzheva et al., *Global optimization of mixed-integer nonlinear programs with SCIP 8* (2023).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import pyomo.environ as pyo

from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.building import PlannerFormulation, ceiling
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers import handed
from endonet.solvers.planner.outside import Answer, Outside, Task, form_of, in_shares, in_units, slope
from endonet.solvers.solution import Finding, Proves, StoppedBy
from endonet.solvers.worker import tell

LARGE = 1e9  # quantities beyond it are more than absolute tolerances allow


@dataclass(frozen=True, kw_only=True)
class Scip(Outside):
    """SCIP, on the convex form ``lifted``, the paper's own form ``reduced``, or another for comparison.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        SCIP stops once its bound is this close to its best solution. Its tolerances do not carry much further.
    feasibility : float, default 1e-8
        By how much SCIP may miss a row of the model (numerics/feastol).
    cut : bool, default False
        Cut the model off below a known decision, see `outside`.
    node_limit : int, optional
        Nodes after which the best decision and bound so far are returned.
    symmetry : bool, default False
        Let SCIP exploit symmetry as it does by default. It then cut off the optimum of 20 identical firms in a complete
        network (see the findings).
    threads : int, default 0
        SCIP searches on one thread; more serve its linear programs, where its LP solver can use them.
    """

    name: ClassVar[str] = "scip"
    title: ClassVar[str] = "SCIP: spatial branch and bound on a formulation"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("lifted", "reduced", "primal", "big-m", "gdp")
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install endonet[scip]"
    label: ClassVar[str] = "SCIP"
    attack: ClassVar[str] = "endonet.solvers.planner.scip:attack"
    increasing: ClassVar[str] = "curve"  # SCIP branches on it

    cut: bool = False
    node_limit: int | None = None
    symmetry: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is not positive", "give nodes ≥ 1, or leave it out")
        if not 0 <= self.seed < 2**31:
            raise InputError("seed", f"{self.seed} is no seed for SCIP", "give a number from 0 to 2147483647")

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Let SCIP loose on the formulation, if its numbers allow it."""
        check_size(form_of(formulation or self.formulations[0], self.increasing), problem)
        return super().run(problem, formulation)


def check_size(form: PlannerFormulation, problem: PlannerProblem) -> None:
    """Raise NotApplicableError where the form in the economy's own units holds numbers that SCIP does not resolve."""
    most = max(ceiling(problem).Q, float(ceiling(problem).q.max(initial=0.0)))
    if form.name == "planner/primal" and most > LARGE:
        raise NotApplicableError(
            f"solver 'scip' does not accept planner/primal here: quantities reach {most:.3g}, and beyond {LARGE:g} "
            "SCIP's absolute tolerances make its claims false; use planner/reduced or planner/lifted, in shares"
        )


def attack(task: Task) -> Answer:
    """Let SCIP solve the model."""
    begun = time.perf_counter()
    model = task.model()
    unit = in_shares(model, task.form, task.problem)
    scip, variables = handed.read(model)
    built = time.perf_counter() - begun
    for name, value in _settings(task, built).items():
        scip.setParam(name, value)
    if task.start is not None:
        _give_start(scip, variables, model)
    reporter = _report(scip, task, variables, model, unit)
    scip.hideOutput(not task.log)
    scip.optimize()
    reporter.listening = False  # SCIP is freed some time later, which may be an event too
    statistics = {"nodes": int(scip.getNTotalNodes()), "build_seconds": built, "scip_version": f"{scip.version():g}"}
    raw = str(scip.getStatus())
    stopped = handed.SCIP_STOPS.get(raw, StoppedBy.ERROR)
    if raw == "infeasible":
        return Answer(raw, stopped, infeasible=True, statistics=statistics)
    return in_units(Answer(raw, stopped, *_best(scip, task, variables, model), statistics=statistics), unit)


def _settings(task: Task, spent: float) -> dict[str, Any]:
    options = task.options
    settings = {
        "numerics/feastol": options["feasibility"],
        "constraints/nonlinear/tightenlpfeastol": False,
        "limits/gap": options["rel_gap"] / 2 * slope(task.form, task.problem),
        "randomization/randomseedshift": options["seed"],
        "lp/threads": options["threads"],
    }
    if not options.get("symmetry"):
        settings["misc/usesymmetry"] = 0
    if task.seconds is not None:
        settings["limits/time"] = max(task.seconds - spent, handed.SHORTEST)
    if options.get("node_limit") is not None:
        settings["limits/nodes"] = options["node_limit"]
    return settings


def _give_start(scip: Any, variables: list[tuple[Any, Any]], model: pyo.ConcreteModel) -> None:
    """Hand SCIP the point that the model holds."""
    start = scip.createSol()
    for ours, theirs in variables:
        scip.setSolVal(start, theirs, ours.value)
    for theirs in scip.getVars():
        if theirs.name == handed.OBJECTIVE:
            scip.setSolVal(start, theirs, pyo.value(model.objective))
        elif theirs.name == handed.CONSTANT:
            scip.setSolVal(start, theirs, 1)
    scip.addSol(start)


def _best(scip: Any, task: Task, variables: list[tuple[Any, Any]], model: pyo.ConcreteModel) -> tuple[Any, Any, Any]:
    """Return SCIP's best decision, its objective and the bound, None for what there is not."""
    dual = float(scip.getDualbound())
    bound = dual if abs(dual) < scip.infinity() else None
    if scip.getNSols() == 0:
        return None, None, bound
    best = scip.getBestSol()
    model.theta[:] = 0  # SCIP does not see the firms that stand in no row: they cost nothing and do nothing
    for ours, theirs in variables:
        ours.set_value(scip.getSolVal(best, theirs), skip_validation=True)
    return task.form.extract(model), float(scip.getSolObjVal(best)), bound


def _report(scip: Any, task: Task, variables: list[tuple[Any, Any]], model: pyo.ConcreteModel, unit: float) -> Any:
    """Have SCIP tell of each better decision and bound, as long as what it returns is listening."""
    import pyscipopt

    events = pyscipopt.SCIP_EVENTTYPE

    class Reporter(pyscipopt.Eventhdlr):
        listening = True

        def eventinit(self) -> None:
            for event in (events.BESTSOLFOUND, events.DUALBOUNDIMPROVED):
                self.model.catchEvent(event, self)

        def eventexit(self) -> None:
            for event in (events.BESTSOLFOUND, events.DUALBOUNDIMPROVED):
                self.model.dropEvent(event, self)

        def eventexec(self, event: Any) -> None:
            del event
            if self.listening:
                tell(in_units(Answer("", StoppedBy.TIME_LIMIT, *_best(scip, task, variables, model)), unit))

    reporter = Reporter()
    scip.includeEventhdlr(reporter, "endonet", "tells of better decisions and bounds")
    return reporter
