"""A feasible network near a wanted one: the rows on θ and the labour constraint, nothing else."""

from __future__ import annotations

import math
from typing import NamedTuple

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.formulations.planner.rows import RowSystem
from endonet.solvers.highs import serial
from endonet.solvers.solution import Status, StoppedBy

LABOUR_MARGIN = 1e-6
NODES = 500  # of a MILP whose only use is a good start


class Start(NamedTuple):
    """A feasible θ, or why there is none."""

    theta: NDArray[np.int8] | None
    status: Status
    stopped_by: StoppedBy
    note: str


def feasible_start(problem: PlannerProblem, wanted: NDArray[np.int8], time_limit: float | None = None) -> Start:
    """Return ``wanted`` if it is feasible and leaves labour, otherwise the feasible θ that changes the fewest firms.

    The latter is a MILP (HiGHS): minimise the number of changes subject to the rows and Σ f θ ≤ (1 − 1e-6) L or, where
    that is too much to ask, ≤ L.
    """
    if _holds(problem, wanted):
        return Start(wanted, Status.FEASIBLE, StoppedBy.FINISHED, "")
    lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    problem.rows.propagate(lower, upper)
    cost = np.where(wanted == 1, -1.0, 1.0)
    for margin in (LABOUR_MARGIN, 0.0):
        theta, status, message = _cheapest(problem, cost, lower, upper, time_limit, margin)
        if theta is not None or status != highspy.HighsModelStatus.kInfeasible:
            break
    if theta is not None:
        return Start(theta, Status.FEASIBLE, StoppedBy.FINISHED, "")
    if status == highspy.HighsModelStatus.kInfeasible:
        note = "no θ satisfies the rows and the labour constraint; HiGHS proved it on the MILP of these alone"
        return Start(None, Status.INFEASIBLE, StoppedBy.FINISHED, note)
    late = status == highspy.HighsModelStatus.kTimeLimit
    why = StoppedBy.TIME_LIMIT if late else StoppedBy.ERROR
    return Start(None, Status.NO_SOLUTION, why, f"no feasible start was found; HiGHS says: {message}")


def likeliest(
    problem: PlannerProblem, theta: Vector, lower: NDArray[np.int8], upper: NDArray[np.int8], time_limit: float | None
) -> NDArray[np.int8] | None:
    """Return a feasible θ between ``lower`` and ``upper`` near a relaxed θ̂: the MILP max Σ (2 θ̂_j − 1) θ_j, or None."""
    return _cheapest(problem, 1.0 - 2.0 * theta, lower, upper, time_limit, LABOUR_MARGIN, NODES)[0]


def _cheapest(
    problem: PlannerProblem,
    cost: Vector,
    lower: NDArray[np.int8],
    upper: NDArray[np.int8],
    time_limit: float | None,
    margin: float,
    nodes: int | None = None,
) -> tuple[NDArray[np.int8] | None, highspy.HighsModelStatus, str]:
    """Minimise Σ cost_j θ_j subject to the rows and Σ f θ ≤ (1 − margin) L; return (θ or None, status, message)."""
    limit = problem.L * (1 - margin)
    theta, status, message = _milp(problem, problem.rows, limit, cost, lower, upper, time_limit, nodes)
    return theta if theta is not None and _holds(problem, theta) else None, status, message


def satisfiable(problem: PlannerProblem, rows: RowSystem, labour: bool, time_limit: float) -> bool | None:
    """Return whether some θ satisfies rows, and the labour constraint if asked for, by HiGHS; None if it stays open."""
    bounds = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    limit = problem.L if labour else math.inf
    theta, status, _ = _milp(problem, rows, limit, problem.f, *bounds, time_limit)
    if status == highspy.HighsModelStatus.kInfeasible:
        return False
    found = theta is not None and not rows.violated(theta.astype(np.float64)).size
    return True if found and theta is not None and (not labour or problem.labour_left(theta) >= 0) else None


def _milp(
    problem: PlannerProblem,
    system: RowSystem,
    limit: float,
    cost: Vector,
    lower: NDArray[np.int8],
    upper: NDArray[np.int8],
    time_limit: float | None,
    nodes: int | None = None,
) -> tuple[NDArray[np.int8] | None, highspy.HighsModelStatus, str]:
    """Minimise Σ cost_j θ_j subject to rows and Σ f θ ≤ limit; return (θ or None, status, message)."""
    rows = sp.vstack([system.G, sp.csr_array(problem.f.reshape(1, -1))]).tocsr()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = problem.n, rows.shape[0]
    lp.col_cost_ = cost
    lp.col_lower_, lp.col_upper_ = lower.astype(np.float64), upper.astype(np.float64)
    lp.row_lower_ = np.append(system.lower, -math.inf)
    lp.row_upper_ = np.append(system.upper, limit)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    lp.integrality_ = [highspy.HighsVarType.kInteger] * problem.n
    highs = serial({})
    if time_limit is not None:
        highs.setOptionValue("time_limit", time_limit)
    if nodes is not None:
        highs.setOptionValue("mip_max_nodes", nodes)
    highs.passModel(lp)
    highs.run()
    status = highs.getModelStatus()
    x = np.asarray(highs.getSolution().col_value)
    theta = np.round(x).astype(np.int8) if x.size == problem.n else None
    if theta is not None and not ((theta == 0) | (theta == 1)).all():
        theta = None
    return theta, status, highs.modelStatusToString(status)


def _holds(problem: PlannerProblem, theta: NDArray[np.int8]) -> bool:
    return not problem.rows.violated(theta.astype(np.float64)).size and problem.labour_left(theta) >= 0
