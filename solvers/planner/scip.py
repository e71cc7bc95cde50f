"""SCIP on a formulation of the planner's problem: spatial branch and bound, an outside solver that proves optima.

The model goes to SCIP as an .nl file in a temporary folder, and SCIP's answer is taken apart again:

* the decision is SCIP's best solution, θ rounded; the problem's evaluator decides what it is worth;
* the bound is SCIP's dual bound in units of Y, made a little wider. SCIP may miss every row by ``feasibility``, in
  shares of the ceiling (the quantities with every allowed firm on), so that the share T of final demand's sum may be
  off by about feasibility/(1 − max α), by which it is raised; no bound exceeds the ceiling itself. Where the bound
  still lies below the decision's exact value, by no more than 1e-6 relatively, it is raised to that value; more is a
  contradiction and reported as such. Decisions worth a tiny share of the ceiling are therefore seldom proved optimal;
* "infeasible" is believed only if a second solver, HiGHS, finds no θ for the rows and the labour constraint alone:
  any such θ is feasible, with q = 0 if need be.

So the bound is the claim of floating-point software, not a certificate; ``certified`` gives one.

Source: Bestuzheva et al., *Global optimization of mixed-integer nonlinear programs with SCIP 8* (2023).
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from endonet.formulations import registry
from endonet.formulations.errors import EndonetError, InputError
from endonet.formulations.planner import FORMULATIONS
from endonet.formulations.planner.building import PlannerFormulation, ceiling
from endonet.formulations.planner.lifted import Lifted
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import CONTRADICTION, Solver
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

STOPS = {
    "optimal": StoppedBy.FINISHED,
    "gaplimit": StoppedBy.FINISHED,
    "infeasible": StoppedBy.FINISHED,
    "timelimit": StoppedBy.TIME_LIMIT,
    "nodelimit": StoppedBy.NODE_LIMIT,
    "totalnodelimit": StoppedBy.NODE_LIMIT,
    "stallnodelimit": StoppedBy.NODE_LIMIT,
    "userinterrupt": StoppedBy.INTERRUPTED,
    "terminate": StoppedBy.INTERRUPTED,
}
OBJECTIVE = "nlobjvar"  # what SCIP's reader calls the variable that stands for a nonlinear objective
COARSE = 1e-3  # a share of the ceiling below which SCIP's absolute tolerance is no longer small
QUIET = threading.Lock()
OUTSIDE = "the bound is SCIP's own claim, valid within its tolerances, and not certified"


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1e-9 <= self.feasibility <= 1e-3:
            raise InputError("feasibility", f"{self.feasibility:g} is outside [1e-9, 1e-3]", "give a number in between")
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is not positive", "give nodes ≥ 1, or leave it out")
        if not 0 <= self.seed < 2**31:
            raise InputError("seed", f"{self.seed} is no seed for SCIP", "give a number from 0 to 2147483647")

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        import pyomo.repn.plugins.nl_writer  # noqa: F401
        import pyscipopt  # noqa: F401

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Let SCIP solve the formulation."""
        begun = time.perf_counter()
        form = _form(formulation or self.formulations[0])
        model = form.build(problem)
        notes = [OUTSIDE]
        with tempfile.TemporaryDirectory(prefix="endonet-scip-") as folder:
            scip, variables = _read(model, Path(folder))
        self._set_options(scip, form, problem, spent=time.perf_counter() - begun)
        if self.initial is not None:
            notes += _give_start(scip, variables, form, model, problem.evaluate(self.initial))
        built = time.perf_counter()
        with _output(scip, self.log):
            scip.optimize()
        statistics = {
            "nodes": int(scip.getNTotalNodes()),
            "build_seconds": built - begun,
            "scip_version": f"{scip.version():g}",
        }
        return _finding(scip, variables, form, model, problem, self.feasibility, notes, statistics)

    def _set_options(self, scip: Any, form: PlannerFormulation, problem: PlannerProblem, spent: float) -> None:
        scip.setParam("numerics/feastol", self.feasibility)
        # its symmetry reduction cut off the optimum of 20 identical firms in a complete network
        scip.setParam("misc/usesymmetry", 0)
        scip.setParam("constraints/nonlinear/tightenlpfeastol", False)
        scip.setParam("limits/gap", self.rel_gap / 2 * _slope(form, problem))
        scip.setParam("randomization/randomseedshift", self.seed)
        scip.setParam("lp/threads", self.threads)
        if self.time_limit is not None:
            scip.setParam("limits/time", max(self.time_limit - spent, 1e-3))
        if self.node_limit is not None:
            scip.setParam("limits/nodes", self.node_limit)


def _form(name: str) -> PlannerFormulation:
    """Return the formulation; the convex one with its curve for increasing returns, on which SCIP branches."""
    found: PlannerFormulation = registry.lookup("formulation", name, FORMULATIONS)
    return replace(found, increasing="curve") if isinstance(found, Lifted) else found


def _slope(form: PlannerFormulation, problem: PlannerProblem) -> float:
    """Return the relative change of the model's objective per relative change of Y, the same everywhere."""
    whole, half = form.output(problem, 1.0), form.output(problem, 0.5)
    return math.log(2) / math.log(whole / half) if half > 0 else 1.0


def _read(model: pyo.ConcreteModel, folder: Path) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return SCIP holding the model, and the pairs (Pyomo variable, SCIP variable)."""
    import pyscipopt
    from pyomo.repn.plugins.nl_writer import NLWriter

    file = folder / "model.nl"
    with file.open("w") as stream:
        columns = NLWriter().write(model, stream, linear_presolve=False, scale_model=False).variables
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.readProblem(str(file))
    found = {variable.name: variable for variable in scip.getVars()}
    pairs = []
    for name, variable in found.items():
        match = re.fullmatch(r"[a-z](\d+)", name)
        if match:
            pairs.append((columns[int(match[1])], variable))
        elif name != OBJECTIVE:
            raise EndonetError(f"SCIP's .nl reader names a variable {name!r}, which endonet cannot place")
    if len(pairs) != len(columns):
        raise EndonetError(f"SCIP read {len(pairs)} of {len(columns)} variables of the model")
    return scip, pairs


def _give_start(
    scip: Any, variables: list[tuple[Any, Any]], form: PlannerFormulation, model: pyo.ConcreteModel, outcome: Any
) -> list[str]:
    """Hand SCIP the point that follows from a decision; return a note if it is of no use."""
    if not outcome.feasible:
        return ["initial was not used: " + "; ".join(outcome.violations)]
    form.assign(model, outcome)
    start = scip.createSol()
    for ours, theirs in variables:
        scip.setSolVal(start, theirs, ours.value)
    for theirs in scip.getVars():
        if theirs.name == OBJECTIVE:
            scip.setSolVal(start, theirs, pyo.value(model.objective))
    scip.addSol(start)
    return []


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


def _finding(
    scip: Any,
    variables: list[tuple[Any, Any]],
    form: PlannerFormulation,
    model: pyo.ConcreteModel,
    problem: PlannerProblem,
    feasibility: float,
    notes: list[str],
    statistics: dict[str, Any],
) -> Finding:
    raw = str(scip.getStatus())
    stopped = STOPS.get(raw, StoppedBy.ERROR)
    if raw == "infeasible":
        possible = _some_choice(problem)
        if possible is None:
            return Finding(None, Status.INFEASIBLE, stopped, raw_status=raw, notes=tuple(notes), statistics=statistics)
        notes.append("SCIP claims that no decision is feasible, which HiGHS refutes on the rows alone")
        return Finding(
            possible, Status.NO_SOLUTION, StoppedBy.ERROR, raw_status=raw, notes=tuple(notes), statistics=statistics
        )
    dual = float(scip.getDualbound())
    statistics["dual_bound"] = dual  # of the model's own objective
    bound = _wider(problem, form.output(problem, dual) if abs(dual) < scip.infinity() else math.inf, feasibility)
    if scip.getNSols() == 0:
        return Finding(
            None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, notes=tuple(notes), statistics=statistics
        )
    best = scip.getBestSol()
    model.theta[:] = 0  # SCIP does not see the firms that stand in no row: they cost nothing and do nothing
    for ours, theirs in variables:
        ours.set_value(scip.getSolVal(best, theirs), skip_validation=True)
    decision = form.extract(model)
    claimed: float | None = form.output(problem, float(scip.getSolObjVal(best)))
    value = problem.evaluate(decision).value
    if 0 < value - bound <= CONTRADICTION * value:
        notes.append(f"SCIP's dual bound {bound:.17g} lies below the decision's exact value, to which it was raised")
        bound = value
    if claimed is not None and _is_coarse(problem, value) and abs(claimed - value) > CONTRADICTION * value:
        notes.append(
            f"SCIP claims {claimed:.9g}; the decision is so far below what all firms together make that SCIP's "
            "absolute tolerance does not resolve it, and the claim was not compared"
        )
        claimed = None
    return Finding(
        decision,
        Status.OPTIMAL if stopped is StoppedBy.FINISHED else Status.FEASIBLE,
        stopped,
        claimed_value=claimed,
        bound=bound,
        raw_status=raw,
        notes=tuple(notes),
        statistics=statistics,
    )


def _wider(problem: PlannerProblem, bound: float, feasibility: float) -> float:
    """Return the bound with room for SCIP's tolerance, and never above the ceiling."""
    most = ceiling(problem).Q * problem.L
    if not 0 <= bound < most:
        return most
    power = problem.sigma - 1
    slack = feasibility / (1 - float(problem.alpha.max()))
    return float(min(most * ((bound / most) ** power + slack) ** (1 / power), most))


def _is_coarse(problem: PlannerProblem, value: float) -> bool:
    """Whether a decision's share of final demand, T of ``planner/lifted``, is small against SCIP's tolerances."""
    most = ceiling(problem).Q * problem.L
    return value == 0 or bool((value / most) ** (problem.sigma - 1) < COARSE)


def _some_choice(problem: PlannerProblem) -> NDArray[np.int8] | None:
    """Return a θ that the rows and the labour constraint allow, or None if HiGHS finds that there is none."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = [LinearConstraint(problem.f.reshape(1, -1), -np.inf, problem.L)]
    if problem.rows.count:
        rows.append(LinearConstraint(problem.rows.G, problem.rows.lower, problem.rows.upper))
    answer = milp(problem.f, integrality=np.ones(problem.n, np.int8), bounds=Bounds(0, 1), constraints=rows)
    return None if answer.x is None else problem.operating(np.round(answer.x))
