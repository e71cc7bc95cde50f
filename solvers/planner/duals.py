"""Multipliers from outside and from certificates: fix θ and re-solve, and the shadow profits of operating.

`resolve` fixes θ in the textbook form ``planner/primal`` and hands the continuous rest, a conic program, to a solver of
CVXPY, whose multipliers have the signs and units of `endonet.formulations.planner.multipliers`: what one more unit of a
good or of labour is worth in final output. They are the solver's, accurate to its tolerances; the closed form is exact.

`shadow_profits` reads off a certificate what a firm's operating is worth: D_j > 0 proves that without j output is at
most bound · exp(−D_j), D_j < 0 that with it output is at most bound · exp(D_j).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from endonet.formulations.contracts import Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.primal import PRIMAL
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner import certificate, dual_bound
from endonet.solvers.solution import Solution

BACKENDS = ("CLARABEL", "SCS")


@dataclass(frozen=True, eq=False)
class Resolved:
    """What an outside solver says of the continuous problem at a fixed θ.

    Attributes
    ----------
    value : float
        Output Y as the solver claims it.
    wage : float
        Multiplier w ≥ 0 of (3).
    prices : array, shape (n,)
        Multipliers λ_j ≥ 0 of (2); meaningless, if finite, for goods that are not produced.
    status : str
        The solver's own word.
    """

    value: float
    wage: float
    prices: Vector
    status: str


def resolve(problem: PlannerProblem, theta: ArrayLike, backend: str = "CLARABEL") -> Resolved:
    """Solve ``planner/primal`` with θ fixed, and return output and the multipliers of (2) and (3).

    Parameters
    ----------
    theta : array_like of 0 and 1, shape (n,)
        Feasible, with positive output.
    backend : {"CLARABEL", "SCS"}
        A solver of CVXPY that takes power cones.

    Raises
    ------
    InputError
        If the backend is unknown, or θ is infeasible.
    NotApplicableError
        If θ yields no output, so that there are no multipliers, or the solver ends without a solution.
    """
    import cvxpy as cp

    if backend not in BACKENDS:
        raise InputError("backend", f"{backend!r} is unknown", f"use one of {', '.join(BACKENDS)}")
    outcome = problem.evaluate(theta)
    if not outcome.feasible:
        raise InputError("theta", "; ".join(outcome.violations), "give feasible decisions")
    if outcome.value == 0:
        raise NotApplicableError("nothing is produced at this θ, so there are no multipliers")
    program = PRIMAL.build(problem, Modeller.CVXPY, relaxed=True)
    fixed = program.var_dict["theta"] == outcome.theta
    program = cp.Problem(program.objective, [*program.constraints, fixed])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program.solve(solver=backend)
    if program.value is None or not np.isfinite(program.value):
        raise NotApplicableError(f"{backend} ends with {program.status} and no solution; try the other backend")
    found = {row.label: row.dual_value for row in program.constraints if getattr(row, "label", None)}
    prices = np.asarray(found["constraint_goods"], dtype=np.float64)
    return Resolved(float(program.value), float(found["constraint_labour"]), prices, str(program.status))


class ShadowProfits(NamedTuple):
    """What prices say of each firm.

    Attributes
    ----------
    bound : float
        No choice yields more output than this.
    D : array, shape (n,)
        In log output: choices against the sign of D_j yield at most bound · exp(−|D_j|).
    """

    bound: float
    D: Vector


def shadow_profits(problem: PlannerProblem, solution: Solution) -> ShadowProfits:
    """Return the shadow profits of all firms at the best of the prices that a certificate lists for its root.

    Raises
    ------
    VerificationError
        If there is no readable certificate of prices for this problem.
    """
    tree = certificate.read(problem, solution.certificate)
    box = certificate.Replay(problem).root()
    certificate.Replay(problem).tighten(box)
    assert box.envelope is not None
    best = ShadowProfits(np.inf, np.zeros(problem.n))
    for entry in tree.nodes[0]["rounds"]:
        if isinstance(entry, int):
            # the rows that an order among firms adds are no rows of the problem
            prices = replace(tree.prices[entry], mu=tree.prices[entry].mu[: problem.rows.count])
            U, D = dual_bound.bound(problem, box.lower, box.upper, box.envelope, prices)
            if np.exp(U) < best.bound:
                best = ShadowProfits(float(np.exp(U)), D)
    return best
