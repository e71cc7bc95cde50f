"""Why a planner's problem is infeasible, for the note of a solver that proved it: a minimal set of conflicting rows."""

from __future__ import annotations

import time

from endonet.formulations.planner.conflict import Conflict, minimal_conflict
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import RowSystem
from endonet.solvers.planner.start import satisfiable

PATIENCE = 10.0  # seconds for all questions together
LEAST = 0.05


def find(problem: PlannerProblem, time_limit: float = PATIENCE) -> Conflict | None:
    """Return a minimal set of rows that no θ satisfies, or None if there is none or the time did not suffice.

    A depth-first search decides what it can; HiGHS is asked the rest.
    """
    deadline = time.perf_counter() + time_limit

    def decide(rows: RowSystem, labour: bool) -> bool | None:
        left = deadline - time.perf_counter()
        return satisfiable(problem, rows, labour, left) if left > LEAST else None

    return minimal_conflict(problem, decide)


def explain(problem: PlannerProblem) -> str:
    """Return the conflict as a sentence; say so where none could be told in time."""
    conflict = find(problem)
    if conflict is None:
        return "which rows conflict could not be told within 10 s; drop some and try again"
    return conflict.tell(problem)
