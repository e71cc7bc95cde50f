"""Bonmin, as CasADi has it, on the convex form ``big-m``: branch and bound, or outer approximation.

``planner/lifted`` is not offered: at θ = y = 0, where Bonmin fixes firms, the slopes of θ^(1−α) y^α are infinite or
not numbers, and Bonmin ends with an error. In ``planner/big-m`` a firm that is off keeps a positive y. Firms with
increasing returns are refused: there outer approximation ends with "SUCCESS" 8 % below the optimum on six firms (see
the findings).

CasADi tells Bonmin's best solution but not its bound. Only where Bonmin says "SUCCESS" is there one, its solution less
the gap asked for; otherwise the bound is the ceiling.

Source: Bonami et al., *An algorithmic framework for convex mixed integer nonlinear programs* (2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.solvers.planner import nl
from endonet.solvers.planner.convex import ConvexSolver
from endonet.solvers.planner.outside import Answer, Task, slope
from endonet.solvers.solution import StoppedBy

ALGORITHMS = ("B-BB", "B-OA", "B-Hyb", "B-QG")
LOGS = ("bb", "nlp", "oa", "lp", "fp", "milp")


@dataclass(frozen=True, kw_only=True)
class Bonmin(ConvexSolver):
    """Bonmin, on the convex form ``big-m``.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        Bonmin stops once its bound is this close to its best solution.
    feasibility : float, default 1e-8
        By how much Bonmin may miss a row of the model.
    algorithm : {"B-BB", "B-OA", "B-Hyb", "B-QG"}, default "B-BB"
        Branch and bound on nonlinear programs, outer approximation, both, or one tree of linear programs. The first is
        the one that keeps its word here.
    """

    name: ClassVar[str] = "bonmin"
    title: ClassVar[str] = "Bonmin: branch and bound on the convex big-M form"
    label: ClassVar[str] = "Bonmin"
    attack: ClassVar[str] = "endonet.solvers.planner.bonmin:attack"
    formulations: ClassVar[tuple[str, ...]] = ("big-m",)
    packages: ClassVar[tuple[str, ...]] = ("casadi",)
    remedy: ClassVar[str] = "pip install 'endonet[outside]'"

    algorithm: str = "B-BB"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.algorithm not in ALGORITHMS:
            raise InputError("algorithm", f"{self.algorithm!r} is unknown", f"use one of {', '.join(ALGORITHMS)}")


def attack(task: Task) -> Answer:
    """Let Bonmin solve the model."""
    model = task.model()
    program = nl.CasadiProgram(model)
    gap = task.options["rel_gap"] / 2 * slope(task.form, task.problem)
    settings = {
        "algorithm": task.options["algorithm"],
        "allowable_gap": 0.0,
        "allowable_fraction_gap": gap,
        "integer_tolerance": 1e-6,
        "tol": task.options["feasibility"],
        "constr_viol_tol": task.options["feasibility"],
        "bound_relax_factor": 0.0,  # a y below 0 has no power
        "random_generator_seed": task.options["seed"],
        "print_level": 5 if task.log else 0,
    } | ({} if task.log else {f"{kind}_log_level": 0 for kind in LOGS})
    if task.seconds is not None:
        settings["time_limit"] = task.seconds
    objective, stats = program.solve(
        "bonmin", {"discrete": program.discrete} | {f"bonmin.{name}": value for name, value in settings.items()}, 0.5
    )
    raw = str(stats["return_status"])
    if raw == "INFEASIBLE":
        return Answer(raw, StoppedBy.FINISHED, infeasible=True)
    solved = raw == "SUCCESS"
    stopped = StoppedBy.FINISHED if solved else StoppedBy.TIME_LIMIT if "LIMIT" in raw else StoppedBy.ERROR
    theta = np.array([model.theta[j].value for j in model.firms], dtype=np.float64)
    if not np.isfinite(theta).all() or not 0 <= objective <= 1:
        return Answer(raw, stopped)
    dual = objective * (1 + gap) if solved else None
    return Answer(raw, stopped, task.form.extract(model), objective, dual)
