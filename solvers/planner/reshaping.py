"""The reshaping heuristic of paper 001: iterate on the first-order conditions of the relaxed and reshaped problem.

P_RR lets θ_j range over [0, 1] and puts θ_j^a and θ_i^b into (7), which changes nothing at corners. With

    a = 1/(σ−1),    b = 1 − (ε−1)/(σ−1)                                                                     (★)

both a_j = θ_j^b q_j^(ε−1) and b_j = q_j^(σ−1) are linear in θ_j for given inputs, so that the marginal gain from firm k
depends on θ_k through aggregates alone (Lemma 2) and the solution tends to lie at corners, where it solves P_SP too
(Proposition 4). With weights and firm-specific α, f the conditions (13), in logs and at a corner, read

    gain_k = Z'_k y_k^(α_k κ) / ((σ−1) T) + Z_k y_k^(α_k) m_k / (ε−1),       T = Σ_j b_j
    θ_k = 1  if  gain_k ≥ f_k / (L − Σ_j f_j θ_j),   θ_k = 0  otherwise

with m_k, what its buyers owe to firm k, from the linear system of appendix B, step 2(c). Where ε > σ, b is negative and
θ_k^b q_k^(ε−1) is read as its limit, which is what the formula says.

What it is worth: a fixed point satisfies the Karush–Kuhn–Tucker conditions of P_RR. They are sufficient if Ω_ij = c_i
d_j (Proposition 2); otherwise the point is stationary and no more. The iteration may also cycle; the paper drops the
draws in which it does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import Solver
from endonet.solvers.planner import conditions
from endonet.solvers.planner.conditions import Conditions
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

POLISHES = ("none", "deviation")


def iterate_conditions(
    problem: PlannerProblem, start: ArrayLike | None = None, max_iterations: int = 200, deadline: float | None = None
) -> Conditions:
    """Iterate on the first-order conditions of P_RR from ``start``, or from every firm on.

    Rows on θ are not looked at.

    Parameters
    ----------
    start : array_like of 0 and 1, shape (n,), optional
    deadline : float, optional
        In seconds of `time.perf_counter`.

    Returns
    -------
    Conditions
        ``theta`` and whether it ``converged``; if not, ``theta`` is the best θ seen.
    """
    return conditions.iterate(problem, start, max_iterations, reshaped=True, deadline=deadline)


def notes(path: Conditions) -> tuple[str, ...]:
    """Return how θ was chosen, if the conditions do not hold at it."""
    chosen = f"θ is the best of the {path.iterations} networks seen, by output"
    why = {
        StoppedBy.CYCLE: f"the iteration cycles with length {path.cycle} and {path.flips.size} firms flip",
        StoppedBy.TIME_LIMIT: "the time limit ended the iteration",
        StoppedBy.INTERRUPTED: "the iteration was interrupted",
        StoppedBy.ITERATION_LIMIT: "the iteration limit was reached",
        StoppedBy.FINISHED: "the iteration reached a network without output, where the conditions say nothing",
    }
    return () if path.converged else (f"{why[path.stopped_by]}; {chosen}",)


def statistics(path: Conditions) -> dict[str, Any]:
    """Return the numbers worth keeping from an iteration, JSON-ready."""
    return {
        "iterations": path.iterations,
        "cycle_length": path.cycle,
        "flipping_firms": path.flips.tolist(),
        "active_by_iteration": path.active,
    }


@dataclass(frozen=True, kw_only=True)
class Reshaping(Solver[PlannerProblem]):
    """Iteration on the first-order conditions of P_RR (paper 001, section 2.2 and appendix B).

    Proves nothing beyond stationarity: ``STATIONARY`` says that θ satisfies its own conditions. If the iteration
    cycles, the answer is the best θ seen, ``NOT_CONVERGED``, ``stopped_by`` ``CYCLE``, and a note says how many firms
    flip.

    Parameters
    ----------
    initial : array_like of 0 and 1, optional
        θ of the first round. Without it every firm is on, the paper's Δμ = −1 (a cold start).
    max_iterations : int, default 200
        Rounds after which it gives up.
    polish : {"none", "deviation"}, default "none"
        With ``"deviation"`` the θ found, converged or not, is improved by one-firm changes until none is left; the
        status is then that of the `deviation` solver, ``LOCAL``.
    """

    name: ClassVar[str] = "reshaping"
    title: ClassVar[str] = "Reshaping: iterate on the first-order conditions of the relaxed and reshaped problem"
    proves: ClassVar[Proves] = Proves.STATIONARY_POINT

    max_iterations: int = 200
    polish: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_iterations < 1:
            raise InputError("max_iterations", f"{self.max_iterations} is too small", "give a number ≥ 1")
        if self.polish not in POLISHES:
            raise InputError("polish", f"{self.polish!r} is unknown", f"use one of {', '.join(POLISHES)}")

    def refuses(self, problem: PlannerProblem) -> str:
        """Return the reason if there are rows on θ: the conditions have no multipliers for them."""
        if problem.rows.count:
            return "reshaping takes no rows on θ; use certified, enumeration or deviation, or drop the constraints"
        return ""

    def prepare(self) -> None:
        """Compile the kernels."""
        tiny = tiny_economy()
        tiny.evaluate(iterate_conditions(tiny).theta)
        if self.polish == "deviation":
            from endonet.solvers.planner.deviation import Deviation

            Deviation().prepare()

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Iterate, and polish if asked to."""
        del formulation
        deadline = None if self.time_limit is None else time.perf_counter() + self.time_limit
        path = iterate_conditions(problem, self.initial, self.max_iterations, deadline)
        claim = Status.STATIONARY if path.converged else Status.NOT_CONVERGED
        numbers = statistics(path)
        if self.polish == "none" or path.stopped_by in (StoppedBy.TIME_LIMIT, StoppedBy.INTERRUPTED):
            return Finding(path.theta, claim, path.stopped_by, path.value, notes=notes(path), statistics=numbers)
        from endonet.solvers.planner.deviation import climb

        walk = climb(problem, path.theta, deadline=deadline)
        changed = int((walk.theta != path.theta).sum())
        return Finding(
            walk.theta,
            Status.LOCAL if walk.settled else Status.NOT_CONVERGED,
            walk.stopped_by,
            notes=(*notes(path), f"one-firm changes from there moved {changed} firms"),
            statistics={**numbers, "polished_firms": changed},
        )
