"""What each kind of solver promises, whether an answer keeps that promise, and what a check of it has shown."""

from __future__ import annotations

from endonet.solvers.solution import EQUILIBRIA, Proves, Solution, Status, StoppedBy

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


def verified(solution: Solution) -> tuple[str, ...]:
    """Return which claims of a solution `endonet.check` verifies; it raises if one of them does not hold."""
    claims = []
    if solution.question == EQUILIBRIA:
        if solution.equilibria:
            claims.append("equilibria")
        if solution.status is Status.OPTIMAL:
            claims += ["completeness", "certificate"]
    if solution.value is not None:
        claims += ["value", "feasibility"]
    if solution.bound is not None:
        claims += ["bound", "certificate"]
    if solution.status is Status.INFEASIBLE:
        claims += ["infeasibility", "certificate"]
    if solution.status is Status.OPTIMAL and solution.question != EQUILIBRIA:
        claims.append("gap")
    return tuple(claims)


def taken_on_trust(solution: Solution) -> str:
    """Return the status if it says more than a check can verify, such as ``local``; else nothing."""
    if solution.question == EQUILIBRIA:
        return ""  # every entry of a list is verified, and more than its being one is not claimed
    shown = solution.status in PROVED or solution.status in (Status.FEASIBLE, Status.NO_SOLUTION)
    return "" if shown else solution.status.value
