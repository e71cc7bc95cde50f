"""The default: the exact dynamic program for the planner, and the exact marginal rule for the decentralised path.

``planner``: labels forwards, potentials backwards (`labels`), with the proved bounds on every s_k, so that nothing is
cut off. Paths that doubles cannot tell from the best are compared in exact arithmetic (`ties`), which finds ties and
misses none. The certificate is the potentials; `certificate.check` verifies them without a solver.

With finitely many firms a layer both are the searches of `finite`.

``equilibrium``: layer by layer the firm's exact choice. Its value is no optimum, its bound says only that under the tie
policy nothing else is an equilibrium.

Source: paper 003, appendix C, whose grid of m^K states is truncated and multiplies; equations (15), (27), (29).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.finite import needs_m
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import NotApplicableError
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate, finite, ties
from endonet.solvers.diversification.labels import WIDTH, Labels, labels, path_of, potentials, root_label
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

TINY = ChainProblem(K=2, mu0=Fraction(1, 2), rho0=Fraction(1, 5))
BUDGET = "a budget makes a path's value depend on more than (k, S); use branch-and-bound, enumeration or highs"
SMALL = 1e-3
HUGE = 10**6  # a target that needs so many suppliers in one layer makes arrays that do not fit


@dataclass(frozen=True, kw_only=True)
class Certified(Solver[ChainProblem]):
    """Exact dynamic program with a certificate, and the exact decentralised path."""

    name: ClassVar[str] = "certified"
    title: ClassVar[str] = "exact dynamic program; exact decentralised path"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("planner", "equilibrium", "finite")

    def refuses(self, problem: ChainProblem) -> str:
        """Return why the problem is not for the dynamic program: a budget needs one more state."""
        if problem.m is not None:
            return finite.refuses(problem, equilibrium=True)
        if problem.budget is not None:
            return BUDGET
        return too_wide(problem)

    def prepare(self) -> None:
        """Compile the kernels."""
        solve_planner(TINY, 0, math.inf)

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Run the program of the formulation asked for."""
        if formulation == "finite":
            needs_m(problem)
        if formulation == "equilibrium":
            return decentralised(problem) if problem.m is None else finite.decentralised(problem)
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        if problem.m is not None:
            return finite.solve_planner(problem, self.seed, deadline, self.initial)
        return solve_planner(problem, self.seed, deadline, self.initial)


def tie_note(problem: ChainProblem, count: int) -> str:
    """Return a sentence on ties between firms' numbers."""
    if problem.ties == "randomise":
        return f"firms tie exactly, and half of a layer keeps each number: {_many(count)} paths occur"
    return f"firms tie exactly: {_many(count)} equilibrium paths; the policy is {problem.ties}"


def only_limit(problem: ChainProblem) -> str:
    """Return a complaint of solvers that know the limit m → ∞ alone."""
    return (
        ""
        if problem.m is None
        else "it knows layers of infinitely many firms only; use certified, enumeration or highs"
    )


def too_wide(problem: ChainProblem) -> str:
    """Return a complaint if the target needs more suppliers in one layer than the program can list."""
    least = problem.least_diversification or 0
    widest = HUGE if problem.caps is None else min(HUGE, max(problem.caps))
    if least > widest >= HUGE:
        return f"its target needs S_K ≥ {least}, so that one layer may have over {HUGE} suppliers; give caps"
    return ""


def decentralised(problem: ChainProblem) -> Finding:
    """Return the equilibrium path under the tie policy, and all equilibrium paths where firms tie."""
    decision = ties.equilibrium(problem)
    path, tied = decision.path, decision.tied_paths
    outcome = problem.evaluate(decision)
    if not outcome.feasible:
        raise NotApplicableError(
            f"rows bind the planner, and the firms' own path {list(path)} does not meet them: "
            + "; ".join(outcome.violations)
        )
    value = outcome.value
    notes = ["the bound is that of the decentralised path under the tie policy, not of the planner's welfare"]
    if len(tied) > 1:
        notes.append(tie_note(problem, len(tied)))
    return Finding(
        decision,
        Status.OPTIMAL,
        claimed_value=value,
        bound=value,
        certificate={"kind": certificate.RESPONSES},
        notes=tuple(notes),
    )


def solve_planner(problem: ChainProblem, seed: int, deadline: float, initial: Any = None) -> Finding:
    """Return the planner's optimum with its certificate; at the deadline or Ctrl-C the best path and bound so far."""
    if certificate.cannot_meet(problem):
        return Finding(None, Status.INFEASIBLE, notes=("no path meets the target",), certificate={"kind": "target"})
    limits = Limits(problem)
    with Interrupt() as interrupt:

        def stop() -> bool:
            return interrupt.requested or time.perf_counter() > deadline

        some = labels(limits, stop, width=WIDTH)
        found = labels(limits, stop, some.incumbent) if some else None
        phi = potentials(limits, found, stop) if found else None
        if found is None or phi is None:
            reason = StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
            return _unfinished(problem, limits, reason, found or some, initial)
    near = ties.near_optimal(limits, found, phi)
    best = ties.best_exactly(problem, near)
    decision = ties.decide(problem, best, seed)
    value = problem.evaluate(decision).value
    scale = float(limits.profit[0]) / problem.K
    notes = () if len(best) == 1 else (f"{_many(len(best))} paths are exactly as good; the policy is {problem.ties}",)
    return Finding(
        decision,
        Status.OPTIMAL,
        claimed_value=found.incumbent / problem.K if abs(value) > SMALL * scale else None,
        bound=value if len(near) < ties.MOST else max(float(phi[0]) / problem.K, value),
        certificate=certificate.pack(found, phi),
        notes=notes,
        statistics={"states": int(found.S.size), "compared_exactly": len(near), "largest_S": float(found.S.max())},
    )


def _unfinished(
    problem: ChainProblem, limits: Limits, reason: StoppedBy, found: Labels | None, initial: Any
) -> Finding:
    """Return the best path so far, with the bound that the first layer's potential alone proves."""
    root = root_label(limits)
    phi = potentials(limits, root)
    assert phi is not None
    tried = [fallback(problem)]
    if found is not None and math.isfinite(found.incumbent):
        tried.append(SourcingPath(tuple(path_of(limits, found))))
    if initial is not None:
        tried.append(SourcingPath(problem.path(initial).path))
    outcomes = [outcome for outcome in map(problem.evaluate, tried) if outcome.feasible]
    best = max(outcomes, key=lambda outcome: outcome.value)
    return Finding(
        best.decision,
        Status.FEASIBLE,
        reason,
        bound=max(float(phi[0]) / problem.K, best.value),
        certificate=certificate.pack(root, phi),
        notes=("the dynamic program did not end; the decision is the best path found by then",),
    )


def fallback(problem: ChainProblem) -> SourcingPath:
    """Return a feasible path that is found at once: the cheapest that meets the target, or the firms' own."""
    least = problem.least_diversification
    if least:
        path = certificate.cheapest(problem, least)
        assert path is not None
        return SourcingPath(path)
    return SourcingPath(ties.decentralised_path(problem))


def _many(count: int) -> str:
    return f"at least {count}" if count >= ties.MOST else str(count)
