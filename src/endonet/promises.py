"""What each kind of solver promises, and whether an answer keeps that promise."""

from __future__ import annotations

from endonet.solvers.solution import Proves, Solution, Status, StoppedBy

PROVED = frozenset({Status.OPTIMAL, Status.INFEASIBLE, Status.UNBOUNDED})

PROMISED = {
    Proves.GLOBAL_OPTIMUM: PROVED,
    Proves.BOUND: PROVED | {Status.FEASIBLE},
    Proves.LOCAL_OPTIMUM: PROVED | {Status.LOCAL},
    Proves.STATIONARY_POINT: PROVED | {Status.LOCAL, Status.STATIONARY},
    Proves.NOTHING: PROVED | {Status.FEASIBLE, Status.LOCAL, Status.STATIONARY},
}


def kept(proves: Proves, solution: Solution) -> bool:
    """Return whether the solution is of the kind that a solver which ``proves`` so much promises.

    A proof counts whenever it was reached; anything weaker counts only if the solver finished by itself.
    """
    if solution.contradicted or solution.status not in PROMISED[proves]:
        return False
    return solution.status in PROVED or solution.stopped_by is StoppedBy.FINISHED
