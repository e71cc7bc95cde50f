"""HiGHS on the planner's linear program over paths; with a budget, other rows or finitely many firms on an integer one.

The bound is HiGHS's own claim, valid within its tolerances; ``certified`` and ``branch-and-bound`` give certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.finite import FINITE
from endonet.formulations.diversification.planner import PLANNER
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import NotApplicableError
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate, finite
from endonet.solvers.diversification.certified import too_wide
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

OUTSIDE = "the bound is HiGHS's own claim, valid within its tolerances, and not certified"
WIDER = 1e-9


@dataclass(frozen=True, kw_only=True)
class Highs(Solver[ChainProblem]):
    """HiGHS on ``diversification/planner``: a linear program, or an integer one where there is a budget."""

    name: ClassVar[str] = "highs"
    title: ClassVar[str] = "HiGHS on the program over paths"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("planner", "finite")
    packages: ClassVar[tuple[str, ...]] = ("highspy",)
    remedy: ClassVar[str] = "pip install highspy"

    rel_gap: float = 1e-7

    def refuses(self, problem: ChainProblem) -> str:
        """Return a complaint if the graph of choices is too large."""
        if problem.m is not None:
            return finite.refuses(problem)
        return too_wide(problem)

    def prepare(self) -> None:
        """Import Pyomo's interface to HiGHS."""
        handed.prepare_highs()

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Build the program and let HiGHS solve it."""
        written = FINITE if problem.m is not None or formulation == "finite" else PLANNER
        import pyomo.environ as pyo

        if problem.m is None and certificate.cannot_meet(problem):
            return Finding(None, Status.INFEASIBLE, notes=("no path meets the rows",), certificate={"kind": "target"})
        try:
            model = written.build(problem)
        except NotApplicableError as error:
            return Finding(None, Status.NO_SOLUTION, StoppedBy.ERROR, notes=(str(error),))
        highs = handed.Highs(self.seed, self.threads, {"mip_rel_gap": self.rel_gap / 10})
        answer = highs.solve(model, self.time_limit)
        stopped, raw, bound = answer.stopped_by, answer.raw, answer.bound
        if bound is None and stopped is StoppedBy.FINISHED:
            bound = answer.objective
        top = float(Limits(problem).top[0]) / problem.K
        bound = top if bound is None else min(bound + WIDER * max(abs(bound), 1e-3), max(top, bound))
        if not answer.found:
            return Finding(None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, notes=(OUTSIDE,))
        decision = written.extract(model)
        value = problem.evaluate(decision).value
        return Finding(
            decision,
            Status.OPTIMAL if stopped is StoppedBy.FINISHED else Status.FEASIBLE,
            stopped,
            claimed_value=answer.objective if abs(value) > 1e-3 else None,
            bound=max(bound, value) if bound > value - 1e-6 * max(abs(value), 1e-3) else bound,
            raw_status=raw,
            notes=(OUTSIDE,),
            statistics={"columns": sum(len(part) for part in model.component_objects(pyo.Var))},
        )
