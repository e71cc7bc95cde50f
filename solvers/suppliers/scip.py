"""SCIP on the set-choice program; the model goes to it as an .nl file.

The bound is SCIP's own claim, made wider by its tolerances; ``certified`` gives certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.solvers.base import Solver
from endonet.solvers.diversification.scip import STOPS, read_model
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.suppliers.highs import judged, program, too_many_rows, widened

OUTSIDE = "the bound is SCIP's own claim, valid within its tolerances, and not certified"
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Scip(Solver[SupplierProblem]):
    """SCIP on ``suppliers/sets`` or ``suppliers/robust``.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        SCIP stops once its bound is this close to its best solution.
    """

    name: ClassVar[str] = "scip"
    title: ClassVar[str] = "SCIP on the set-choice program"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("sets", "robust")
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install endonet[scip]"

    rel_gap: float = 1e-6

    def refuses(self, problem: SupplierProblem) -> str:
        """Return a complaint if the program would be too large."""
        return too_many_rows(problem)

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        import pyomo.repn.plugins.nl_writer  # noqa: F401
        import pyscipopt  # noqa: F401

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Let SCIP solve the program."""
        written, model = program(problem, formulation)
        scip, pairs = read_model(model)
        scip.setParam("numerics/feastol", TOLERANCE)
        scip.setParam("limits/gap", self.rel_gap / 10)
        scip.setParam("randomization/randomseedshift", self.seed % 2**31)
        if self.time_limit is not None:
            scip.setParam("limits/time", max(self.time_limit, 1e-3))
        scip.optimize()
        raw = str(scip.getStatus())
        stopped = STOPS.get(raw, StoppedBy.ERROR)
        top = float(sum(problem.pi)) / problem.K
        bound = min(widened(float(scip.getDualbound()), top), top)
        statistics = {"nodes": int(scip.getNTotalNodes())}
        if scip.getNSols() == 0:
            return Finding(None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, statistics=statistics)
        best = scip.getBestSol()
        for ours, theirs in pairs:
            ours.set_value(scip.getSolVal(best, theirs), skip_validation=True)
        return judged(problem, written.extract(model), bound, stopped, raw, OUTSIDE)
