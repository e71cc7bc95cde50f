"""Ipopt, as CasADi has it, on continuous programs: P_RR, the relaxations, or any form with θ fixed.

    decisions="relaxed"   θ ranges over [0, 1]. On ``reshaped`` that is the paper's own P_RR, whose local maxima are
                          candidates; on ``lifted`` and ``big-m`` it is the convex relaxation. θ is then rounded to the
                          nearest decision that is feasible.
    decisions="fixed"     θ is ``initial``, and Ipopt finds what follows from it, which the evaluator compares with its
                          own fixed point: a test of the formulation by a method that shares nothing with it.

A local solver proves nothing about other points: an answer that needed no rounding is ``STATIONARY``, any other
``NOT_CONVERGED``, with a note. Of convex relaxations `conic` gives a bound. Ipopt's multipliers are not asked for.

Source: Wächter and Biegler, *On the implementation of an interior-point filter line-search algorithm* (2006).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.planner.building import ceiling
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.formulations.planner.reshaped import Reshaped
from endonet.solvers.planner import nl
from endonet.solvers.planner.outside import SHORTEST, Answer, Choice, Outside, Task, form_of, given_start, is_coarse
from endonet.solvers.planner.start import likeliest
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

DECISIONS = ("relaxed", "fixed")
CORNER = 1e-4  # as far from 0 and 1 a decision still counts as one of them
STOPS = {
    "Solve_Succeeded": StoppedBy.FINISHED,
    "Solved_To_Acceptable_Level": StoppedBy.FINISHED,
    "Maximum_Iterations_Exceeded": StoppedBy.ITERATION_LIMIT,
    "Maximum_CpuTime_Exceeded": StoppedBy.TIME_LIMIT,
    "Maximum_WallTime_Exceeded": StoppedBy.TIME_LIMIT,
    "User_Requested_Stop": StoppedBy.INTERRUPTED,
}
INSIDE = 0.5  # where θ and what has no value start
ROUNDING_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Ipopt(Outside):
    """Ipopt, on P_RR, on a relaxation, or on what is left once θ is fixed.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        By how much Ipopt's objective may differ from the evaluator's, where they mean the same.
    feasibility : float, default 1e-8
        Ipopt's tolerance.
    cut : bool, default True
        Of no use here: a relaxation is not cut off.
    decisions : {"relaxed", "fixed"}, default "relaxed"
        See the module; "fixed" needs ``initial``.
    max_iterations : int, default 3000
        Iterations after which Ipopt stops.
    """

    name: ClassVar[str] = "ipopt"
    title: ClassVar[str] = "Ipopt: a local solver on the reshaped and relaxed problems, or at a fixed decision"
    proves: ClassVar[Proves] = Proves.STATIONARY_POINT
    label: ClassVar[str] = "Ipopt"
    attack: ClassVar[str] = "endonet.solvers.planner.ipopt:attack"
    formulations: ClassVar[tuple[str, ...]] = ("reshaped", "lifted", "big-m", "reduced")
    packages: ClassVar[tuple[str, ...]] = ("casadi",)
    remedy: ClassVar[str] = "pip install 'endonet[outside]'"

    decisions: str = "relaxed"
    max_iterations: int = 3000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decisions not in DECISIONS:
            raise InputError("decisions", f"{self.decisions!r} is unknown", f"use one of {', '.join(DECISIONS)}")
        if self.decisions == "fixed" and self.initial is None:
            raise InputError("initial", "there is no decision to fix", "give one, or decisions='relaxed'")
        if self.max_iterations < 1:
            raise InputError("max_iterations", f"{self.max_iterations} is too small", "give a number ≥ 1")

    def refuses(self, problem: PlannerProblem) -> str:
        """Return the reason if nothing can be produced, so that there is no program."""
        return "" if ceiling(problem).Q > 0 else "nothing can be produced, so that there is no program to solve"

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Solve the continuous program; round θ unless it was fixed."""
        begun = time.perf_counter()
        form = form_of(formulation or self.formulations[0], self.increasing)
        start, notes = given_start(problem, self.initial)
        fixed = self.decisions == "fixed"
        if fixed and start is None:
            raise InputError("initial", notes[0].partition(": ")[2], "give a feasible decision to fix")
        left = None if self.time_limit is None else max(self.time_limit - (time.perf_counter() - begun), SHORTEST)
        answer = self.answer(Task(problem, form, self.told(), left, start, 0.0, self.log))
        notes += answer.notes
        relaxed = answer.statistics.pop("theta", None)
        claimed = None if answer.objective is None else form.output(problem, answer.objective)
        solved = answer.stopped_by is StoppedBy.FINISHED
        theta = start
        fractional = 0
        if not fixed and relaxed is not None:
            theta, fractional = _rounded(problem, relaxed), int((np.abs(relaxed - np.round(relaxed)) > CORNER).sum())
            notes.append("θ_j ≥ ½ was rounded to 1, the rest to 0, and the rows were kept")
        if fractional:
            notes.append(f"{fractional} firms were fractional before rounding")
        if theta is None:
            notes.append("no feasible decision was found")
        statistics = answer.statistics | {"fractional": fractional}
        settled = solved and not fractional and theta is not None
        if claimed is not None and not settled:
            statistics["relaxed_value"] = claimed
        comparable = settled and theta is not None and not is_coarse(problem, problem.evaluate(theta).value)
        if comparable and not fixed and form.relaxation_convex is False:
            comparable = False  # a corner that is missed by 1e-4 is worth more or less than the corner itself
        if comparable and claimed is not None and theta is not None and claimed < problem.evaluate(theta).value:
            comparable = False  # nothing is claimed of what lies above
        return Finding(
            theta,
            Status.NO_SOLUTION if theta is None else Status.STATIONARY if settled else Status.NOT_CONVERGED,
            answer.stopped_by,
            claimed_value=claimed if comparable else None,
            raw_status=answer.raw,
            notes=tuple(notes),
            statistics=statistics,
        )


def attack(task: Task) -> Answer:
    """Let Ipopt solve the model; θ goes into the statistics as it is, unrounded."""
    fixed = task.options["decisions"] == "fixed"
    model = task.model(relaxed=True)
    for j in model.theta:
        if fixed:
            model.theta[j].fix(model.theta[j].value)
        elif task.start is None and not isinstance(task.form, Reshaped):
            model.theta[j].set_value(INSIDE)
    program = nl.CasadiProgram(model)
    settings = {
        "print_level": 5 if task.log else 0,
        "sb": "yes",
        "tol": task.options["feasibility"],
        "nlp_scaling_method": "none",  # models are in shares already
        "bound_relax_factor": 0.0,  # a θ or y below 0 has no power
        "max_iter": task.options["max_iterations"],
    } | ({} if task.seconds is None else {"max_wall_time": task.seconds})
    objective, stats = program.solve("ipopt", {f"ipopt.{name}": value for name, value in settings.items()}, INSIDE)
    raw = str(stats["return_status"])
    theta = np.array([0.0 if model.theta[j].value is None else model.theta[j].value for j in model.firms])
    statistics = {"iterations": int(stats["iter_count"])}
    if not np.isfinite(theta).all() or not np.isfinite(objective):
        return Answer(raw, StoppedBy.ERROR, statistics=statistics)
    stopped = STOPS.get(raw, StoppedBy.ERROR)
    return Answer(raw, stopped, None, objective, statistics=statistics | {"theta": np.clip(theta, 0.0, 1.0)})


def _rounded(problem: PlannerProblem, theta: Vector) -> Choice | None:
    """Return the feasible decision nearest to θ."""
    lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    problem.rows.propagate(lower, upper)
    return likeliest(problem, theta, lower, upper, ROUNDING_SECONDS)
