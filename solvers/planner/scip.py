"""SCIP on a formulation of the planner's problem: spatial branch and bound, an outside solver that proves optima.

The model goes to SCIP as an .nl file in a temporary folder; `outside` says what becomes of its answer. SCIP runs in
this process, where Ctrl-C stops it with what it has; as a backend of ``mixed-integer-conic`` it runs in the other.

Source: Bestuzheva et al., *Global optimization of mixed-integer nonlinear programs with SCIP 8* (2023).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import pyomo.environ as pyo

from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.building import PlannerFormulation, ceiling
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.planner.outside import (
    Answer,
    Task,
    check_feasibility,
    form_of,
    given_start,
    in_shares,
    in_units,
    interrupted,
    judge,
    refuted,
    slope,
)
from endonet.solvers.solution import Finding, Proves, Solution, StoppedBy
from endonet.solvers.worker import tell

LARGE = 1e9  # quantities beyond it are more than absolute tolerances allow
QUIET = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Scip(Solver[PlannerProblem]):
    """SCIP, on the convex form ``lifted``, the paper's own form ``reduced``, or another for comparison.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        SCIP stops once its bound is this close to its best solution. Its tolerances do not carry much further.
    feasibility : float, default 1e-8
        By how much SCIP may miss a row of the model (numerics/feastol).
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

    rel_gap: float = 1e-6
    feasibility: float = 1e-8
    node_limit: int | None = None
    symmetry: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_feasibility(self.feasibility)
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is not positive", "give nodes ≥ 1, or leave it out")
        if not 0 <= self.seed < 2**31:
            raise InputError("seed", f"{self.seed} is no seed for SCIP", "give a number from 0 to 2147483647")

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        handed.prepare_scip()

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Let SCIP solve the formulation."""
        begun = time.perf_counter()
        form = form_of(formulation or self.formulations[0], "curve")  # SCIP branches on it
        check_size(form, problem)
        start, notes = given_start(problem, self.initial)
        try:
            model = form.build(problem)
            unit = in_shares(model, form, problem)
            scip, variables = handed.read(model)
            spent = time.perf_counter() - begun
            left = None if self.time_limit is None else max(self.time_limit - spent, handed.SHORTEST)
            given = {f.name: getattr(self, f.name) for f in fields(self)}
            _configure(scip, slope(form, problem), left, **given)
            if start is not None:
                _give_start(scip, variables, form, model, problem.evaluate(start))
        except KeyboardInterrupt:
            return interrupted(start, notes)
        built = time.perf_counter()
        try:
            with _output(scip, self.log):
                scip.optimize()
        except Exception as error:  # PySCIPOpt has no type of its own for what SCIP's return codes say
            failed = Answer(str(error), StoppedBy.ERROR, start, notes=(f"SCIP failed: {error}",))
            return judge("SCIP", problem, form, failed, self.feasibility, notes)
        statistics = {
            "nodes": int(scip.getNTotalNodes()),
            "build_seconds": built - begun,
            "scip_version": f"{scip.version():g}",
        }
        answer = in_units(_answer(scip, variables, form, model, statistics), unit)
        return judge("SCIP", problem, form, answer, self.feasibility, notes)

    def solve(self, problem: PlannerProblem, formulation: str | None = None) -> Solution:
        """Return what SCIP found, as judged by the problem's own evaluator and a heuristic's decision."""
        return refuted(problem, super().solve(problem, formulation), self.time_limit)


def attack(task: Task) -> Answer:
    """Let SCIP solve a cone program in this process, and tell of its decisions and bounds on the way."""
    model = task.model()
    scip, variables = handed.read(model)
    _configure(scip, slope(task.form, task.problem), task.seconds, **task.options)
    if task.start is not None:
        _give_start(scip, variables, task.form, model, task.problem.evaluate(task.start))
    _report(scip, variables, task, model)
    with _output(scip, task.log):
        scip.optimize()
    return _answer(scip, variables, task.form, model, {"nodes": int(scip.getNTotalNodes())})


def _configure(
    scip: Any,
    steepness: float,
    seconds: float | None,
    *,
    rel_gap: float,
    feasibility: float,
    seed: int,
    threads: int,
    symmetry: bool = False,
    node_limit: int | None = None,
    **others: Any,
) -> None:
    del others
    scip.setParam("numerics/feastol", feasibility)
    if not symmetry:
        scip.setParam("misc/usesymmetry", 0)
    scip.setParam("constraints/nonlinear/tightenlpfeastol", False)
    scip.setParam("limits/gap", rel_gap / 2 * steepness)
    scip.setParam("randomization/randomseedshift", seed)
    scip.setParam("lp/threads", threads)
    if seconds is not None:
        scip.setParam("limits/time", seconds)
    if node_limit is not None:
        scip.setParam("limits/nodes", node_limit)


def _report(scip: Any, variables: list[tuple[Any, Any]], task: Task, model: pyo.ConcreteModel) -> None:
    """Have SCIP tell of each new decision, with its bound."""
    import pyscipopt

    class Report(pyscipopt.Eventhdlr):
        def eventinit(self) -> None:
            self.model.catchEvent(pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND, self)

        def eventexit(self) -> None:
            self.model.dropEvent(pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND, self)

        def eventexec(self, event: Any) -> None:
            del event
            tell(_point(self.model, variables, task.form, model, "", StoppedBy.TIME_LIMIT, {}))

    scip.includeEventhdlr(Report(), "report", "tells of new decisions")


def check_size(form: PlannerFormulation, problem: PlannerProblem) -> None:
    """Raise NotApplicableError where the form in the economy's own units holds numbers that SCIP does not resolve."""
    most = max(ceiling(problem).Q, float(ceiling(problem).q.max(initial=0.0)))
    if form.name == "planner/primal" and most > LARGE:
        raise NotApplicableError(
            f"solver 'scip' does not accept planner/primal here: quantities reach {most:.3g}, and beyond {LARGE:g} "
            "SCIP's absolute tolerances make its claims false; use planner/reduced or planner/lifted, in shares"
        )


def _give_start(
    scip: Any, variables: list[tuple[Any, Any]], form: PlannerFormulation, model: pyo.ConcreteModel, outcome: Any
) -> None:
    """Hand SCIP the point that follows from a decision."""
    form.assign(model, outcome)
    start = scip.createSol()
    for ours, theirs in variables:
        scip.setSolVal(start, theirs, ours.value)
    for theirs in scip.getVars():
        if theirs.name == handed.OBJECTIVE:
            scip.setSolVal(start, theirs, pyo.value(model.objective))
        elif theirs.name == handed.CONSTANT:
            scip.setSolVal(start, theirs, 1)
    scip.addSol(start)


@contextlib.contextmanager
def _output(scip: Any, log: bool) -> Iterator[None]:
    """Let SCIP write its log on standard error, or nothing at all."""
    if log:
        scip.redirectOutput()
        scip.hideOutput(False)
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    with QUIET, open(os.devnull, "wb") as nowhere:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error to keep clean
            yield
            return
        os.dup2(nowhere.fileno(), 2)  # SCIP's LP solver warns there, whatever SCIP is told
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _answer(
    scip: Any,
    variables: list[tuple[Any, Any]],
    form: PlannerFormulation,
    model: pyo.ConcreteModel,
    statistics: dict[str, Any],
) -> Answer:
    raw = str(scip.getStatus())
    stopped = handed.SCIP_STOPS.get(raw, StoppedBy.ERROR)
    if raw == "infeasible":
        return Answer(raw, stopped, infeasible=True, statistics=statistics)
    return _point(scip, variables, form, model, raw, stopped, statistics)


def _point(
    scip: Any,
    variables: list[tuple[Any, Any]],
    form: PlannerFormulation,
    model: pyo.ConcreteModel,
    raw: str,
    stopped: StoppedBy,
    statistics: dict[str, Any],
) -> Answer:
    """Return SCIP's best point and its bound."""
    dual = float(scip.getDualbound())
    bound = dual if abs(dual) < scip.infinity() else None
    if scip.getNSols() == 0:
        return Answer(raw, stopped, dual=bound, statistics=statistics)
    best = scip.getBestSol()
    model.theta[:] = 0  # SCIP does not see the firms that stand in no row: they cost nothing and do nothing
    for ours, theirs in variables:
        ours.set_value(scip.getSolVal(best, theirs), skip_validation=True)
    claimed = float(scip.getSolObjVal(best))
    return Answer(raw, stopped, form.extract(model), claimed, bound, statistics=statistics)
