"""SCIP on the nonconvex program in s (`endonet.formulations.diversification.minlp`), by spatial branch and bound.

The model goes to SCIP as an .nl file. Its decision is rounded and judged by the evaluator; its bound is SCIP's own
claim, made wider by what its feasibility tolerance can do to the risks: |ΔM| ≤ tolerance in each layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.minlp import MINLP
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import NotApplicableError
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

OUTSIDE = "the bound is SCIP's own claim, valid within its tolerances, and not certified"
TOLERANCE = 1e-8


@dataclass(frozen=True, kw_only=True)
class Scip(Solver[ChainProblem]):
    """SCIP on ``diversification/minlp``; for a few layers.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        SCIP stops once its bound is this close to its best solution.
    """

    name: ClassVar[str] = "scip"
    title: ClassVar[str] = "SCIP: spatial branch and bound on the program in s"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("minlp",)
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install endonet[scip]"

    rel_gap: float = 1e-6

    def refuses(self, problem: ChainProblem) -> str:
        """Return a complaint if the numbers are beyond a nonlinear solver."""
        try:
            MINLP.build(problem)
        except NotApplicableError as error:
            return str(error)
        return ""

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        handed.prepare_scip()

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Let SCIP solve the program."""
        del formulation
        if certificate.cannot_meet(problem):
            return Finding(None, Status.INFEASIBLE, notes=("no path meets the rows",), certificate={"kind": "target"})
        model = MINLP.build(problem)
        scip = handed.Scip(model, TOLERANCE, self.seed, {"limits/gap": self.rel_gap / 10})
        answer = scip.solve(self.time_limit)
        top = float(Limits(problem).top[0]) / problem.K
        bound = top if answer.bound is None else min(answer.bound, top)
        bound += TOLERANCE * float(sum(problem.pi)) / problem.K
        status = Status.OPTIMAL if answer.stopped_by is StoppedBy.FINISHED else Status.FEASIBLE
        return Finding(
            MINLP.extract(model) if answer.found else None,
            status if answer.found else Status.NO_SOLUTION,
            answer.stopped_by,
            bound=bound,
            raw_status=answer.raw,
            notes=(OUTSIDE,),
            statistics={"nodes": scip.nodes},
        )
