"""A feasible network near a wanted one: the rows on θ and the labour constraint, nothing else."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.solution import Status, StoppedBy

LABOUR_MARGIN = 1e-6


class Start(NamedTuple):
    """A feasible θ, or why there is none."""

    theta: NDArray[np.int8] | None
    status: Status
    stopped_by: StoppedBy
    note: str


def feasible_start(problem: PlannerProblem, wanted: NDArray[np.int8], time_limit: float | None = None) -> Start:
    """Return ``wanted`` if it is feasible and leaves labour, otherwise the feasible θ that changes the fewest firms.

    The latter is a MILP (HiGHS): minimise the number of changes subject to the rows and Σ f θ ≤ (1 − 1e-6) L.
    """
    if _holds(problem, wanted):
        return Start(wanted, Status.FEASIBLE, StoppedBy.FINISHED, "")
    lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    problem.rows.propagate(lower, upper)
    found = _cheapest(problem, np.where(wanted == 1, -1.0, 1.0), lower, upper, time_limit)
    if found.status == 2:
        note = "no θ satisfies the rows and leaves labour for production; HiGHS proved it on the MILP of the rows alone"
        return Start(None, Status.INFEASIBLE, StoppedBy.FINISHED, note)
    theta = None if found.x is None else np.round(found.x).astype(np.int8)
    if theta is not None and _holds(problem, theta):
        return Start(theta, Status.FEASIBLE, StoppedBy.FINISHED, "")
    why = StoppedBy.TIME_LIMIT if found.status == 1 else StoppedBy.ERROR
    return Start(None, Status.NO_SOLUTION, why, f"no feasible start was found; HiGHS says: {found.message}")


def _cheapest(
    problem: PlannerProblem, cost: Vector, lower: NDArray[np.int8], upper: NDArray[np.int8], time_limit: float | None
) -> OptimizeResult:
    """Minimise Σ cost_j θ_j subject to the rows and to some labour being left, by HiGHS."""
    rows = sp.vstack([problem.rows.G, sp.csr_array(problem.f.reshape(1, -1))]).tocsr()
    least = np.append(problem.rows.lower, -math.inf)
    most = np.append(problem.rows.upper, problem.L * (1 - LABOUR_MARGIN))
    return milp(
        cost,
        integrality=np.ones(problem.n, np.int64),
        bounds=Bounds(lower.astype(np.float64), upper.astype(np.float64)),
        constraints=LinearConstraint(rows, least, most),
        options={} if time_limit is None else {"time_limit": time_limit},
    )


def _holds(problem: PlannerProblem, theta: NDArray[np.int8]) -> bool:
    return not problem.rows.violated(theta.astype(np.float64)).size and bool(problem.f @ theta < problem.L)


def likeliest(
    problem: PlannerProblem, theta: Vector, lower: NDArray[np.int8], upper: NDArray[np.int8], time_limit: float
) -> NDArray[np.int8] | None:
    """Return the feasible θ between ``lower`` and ``upper`` nearest to a relaxed θ̂: the MILP max Σ (2 θ̂_j − 1) θ_j."""
    found = _cheapest(problem, 1.0 - 2.0 * theta, lower, upper, time_limit)
    choice = None if found.x is None else np.round(found.x).astype(np.int8)
    return choice if choice is not None and _holds(problem, choice) else None
