"""MindtPy, Pyomo's own outer approximation, with HiGHS for linear and CasADi's Ipopt for nonlinear programs.

MindtPy looks for an Ipopt executable. In the process where it works, ``ipopt`` names a solver object that hands the
model to CasADi's Ipopt instead. Four things make it right: rows count as active, and are cut, if their slack is below
``zero_tolerance``, which MindtPy has smaller than what interior points leave; Ipopt is not to excuse a coarse answer by
the huge multipliers of steep powers (s_max); HiGHS is to solve its programs to the end; and powers are not linearised
at the 1e-16 that Ipopt leaves of inputs, where slopes of 1e8 make HiGHS return false bounds, but at the largest number
at which their row is still cut.

It often ends by itself with the optimum and a bound that does not prove it, so that a bound is what it promises.

``planner/lifted`` is not offered: the slope of θ^(1−α) at θ = 0, where MindtPy linearises, is a division by zero.

Source: Bernal, Chen, Gong and Grossmann, *Mixed-integer nonlinear decomposition toolbox for Pyomo (MindtPy)* (2018).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pyomo.environ as pyo

from endonet.formulations.errors import InputError
from endonet.solvers.planner import nl
from endonet.solvers.planner.convex import ConvexSolver
from endonet.solvers.planner.outside import Answer, Task, slope
from endonet.solvers.solution import Proves, StoppedBy
from endonet.solvers.worker import tell

COMMON = {"print_level": 0, "sb": "yes", "tol": 1e-9, "bound_relax_factor": 0.0, "nlp_scaling_method": "none"}
TRIES: tuple[tuple[dict[str, Any], float], ...] = (
    ({"s_max": 1e10, "compl_inf_tol": 1e-10}, 0.5),
    ({"s_max": 1e4, "mu_strategy": "adaptive"}, 0.9),
    ({}, 0.1),
)
CONCLUSIVE = ("Solve_Succeeded", "Search_Direction_Becomes_Too_Small", "Infeasible_Problem_Detected")
ACTIVE = 0.5  # a row with this share of zero_tolerance as slack is still cut
FOREVER = 10**6  # seconds; MindtPy's own default is ten minutes
FINISHED = ("optimal", "feasible")  # "feasible": it ended by itself, without closing the gap
LIMITS = {"maxTimeLimit": StoppedBy.TIME_LIMIT, "maxIterations": StoppedBy.ITERATION_LIMIT}


@dataclass(frozen=True, kw_only=True)
class Mindtpy(ConvexSolver):
    """MindtPy's outer approximation, on the convex forms ``lifted`` and ``big-m``.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        MindtPy stops once its bound is this close to its best solution.
    feasibility : float, default 1e-8
        By how much its subsolvers may miss a row of the model.
    cut : bool, default True
        Cut the model off below a known decision, see `outside`.
    zero_tolerance : float, default 1e-5
        Rows with a smaller slack are linearised; see the module.
    milp_gap : float, default 1e-9
        Gap to which HiGHS solves its programs. MindtPy takes their best points for its bounds, and has 1e-4 here.
    gentle : bool, default True
        Linearise powers where their slopes are no larger than they need to be; see the module.
    """

    name: ClassVar[str] = "mindtpy"
    formulations: ClassVar[tuple[str, ...]] = ("big-m",)
    title: ClassVar[str] = "MindtPy: Pyomo's outer approximation, with HiGHS and Ipopt"
    proves: ClassVar[Proves] = Proves.BOUND
    label: ClassVar[str] = "MindtPy"
    attack: ClassVar[str] = "endonet.solvers.planner.mindtpy:attack"
    packages: ClassVar[tuple[str, ...]] = ("pyomo", "highspy", "casadi")
    remedy: ClassVar[str] = "pip install 'endonet[outside]'"

    zero_tolerance: float = 1e-5
    milp_gap: float = 1e-9
    gentle: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.zero_tolerance < 1:
            raise InputError("zero_tolerance", f"{self.zero_tolerance:g} is outside (0, 1)", "give a small number")
        if not 0 <= self.milp_gap < 1:
            raise InputError("milp_gap", f"{self.milp_gap:g} is outside [0, 1)", "give a small number")


class CasadiIpopt:
    """Ipopt as a solver object of Pyomo, as far as MindtPy asks for one.

    Attributes
    ----------
    least : dict
        For each firm, the inputs at which MindtPy linearises at least; a tangent of a concave power is valid anywhere.
    """

    least: ClassVar[dict[int, float]] = {}

    def __init__(self, **given: Any) -> None:
        del given
        self.options: dict[str, Any] = {}

    def available(self, exception_flag: bool = True) -> bool:
        """Whether CasADi is there; it was imported before."""
        del exception_flag
        return True

    def license_is_valid(self) -> bool:
        """Whether it may be used: it is free."""
        return True

    def solve(self, model: pyo.ConcreteModel, **given: Any) -> Any:
        """Solve the model, leave the answer in its variables, and return Pyomo's results."""
        from pyomo.opt import SolverResults, SolverStatus, TerminationCondition

        del given
        results = SolverResults()
        program = nl.CasadiProgram(model)
        begin = [variable.value for variable in program.columns]
        for settings, inside in TRIES:
            options = {f"ipopt.{name}": value for name, value in (COMMON | settings).items()}
            _, stats = program.solve("ipopt", options, inside)
            raw = str(stats["return_status"])
            if raw in CONCLUSIVE:
                break
            for variable, value in zip(program.columns, begin, strict=True):
                variable.set_value(value, skip_validation=True)
        for j, least in self.least.items():
            if model.y[j].value is not None:
                model.y[j].set_value(max(model.y[j].value, least), skip_validation=True)
        found = {
            "Solve_Succeeded": TerminationCondition.optimal,
            "Solved_To_Acceptable_Level": TerminationCondition.feasible,
            "Search_Direction_Becomes_Too_Small": TerminationCondition.feasible,
            "Infeasible_Problem_Detected": TerminationCondition.infeasible,
            "Maximum_Iterations_Exceeded": TerminationCondition.maxIterations,
        }
        results.solver.termination_condition = found.get(raw, TerminationCondition.other)
        results.solver.status = SolverStatus.ok if stats["success"] else SolverStatus.warning
        results.solver.message = raw
        return results


def attack(task: Task) -> Answer:
    """Let MindtPy solve the model."""
    import pyomo.contrib.mindtpy.MindtPy  # noqa: F401
    from pyomo.opt import SolverFactory

    if not task.log:
        logging.getLogger("pyomo").setLevel(logging.CRITICAL)
    SolverFactory.unregister("ipopt")
    SolverFactory.register("ipopt", doc="CasADi's Ipopt")(CasadiIpopt)
    model = task.model()
    exponent, tolerance = task.problem.alpha, task.options["zero_tolerance"]
    gentle = task.options["gentle"]
    CasadiIpopt.least = {j: (ACTIVE * tolerance) ** (1 / exponent[j]) for j in model.y} if gentle else {}
    results = SolverFactory("mindtpy").solve(
        model,
        strategy="OA",
        mip_solver="appsi_highs",
        nlp_solver="ipopt",
        zero_tolerance=task.options["zero_tolerance"],
        relative_bound_tolerance=task.options["rel_gap"] / 2 * slope(task.form, task.problem),
        absolute_bound_tolerance=1e-9,
        mip_solver_mipgap=task.options["milp_gap"],
        time_limit=FOREVER if task.seconds is None else max(1, round(task.seconds)),
        calculate_dual_at_solution=False,
        call_after_subproblem_feasible=partial(report, task),
        tee=task.log,
    )
    raw = str(results.solver.termination_condition)
    return _read(task, model, raw, results.problem)


def report(task: Task, fixed: pyo.ConcreteModel) -> None:
    """Tell of a decision that MindtPy has just found feasible."""
    tell(Answer("", StoppedBy.TIME_LIMIT, task.form.extract(fixed), float(pyo.value(fixed.objective))))


def _read(task: Task, model: pyo.ConcreteModel, raw: str, bounds: Any) -> Answer:
    if raw == "infeasible":
        return Answer(raw, StoppedBy.FINISHED, infeasible=True)
    stopped = StoppedBy.FINISHED if raw in FINISHED else LIMITS.get(raw, StoppedBy.ERROR)
    dual, primal = float(bounds.upper_bound), float(bounds.lower_bound)
    dual_bound = dual if 0 <= dual <= 1 else None
    if not 0 <= primal <= 1 or any(model.theta[j].value is None for j in model.theta):
        return Answer(raw, stopped, dual=dual_bound)
    return Answer(raw, stopped, task.form.extract(model), primal, dual_bound)
