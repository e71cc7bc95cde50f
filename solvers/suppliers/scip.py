"""SCIP on the set-choice program; the model goes to it as an .nl file.

The bound is SCIP's own claim, made wider by its tolerances; ``certified`` gives certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.solution import Finding, Proves
from endonet.solvers.suppliers.highs import judged, program, too_many_rows

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
        handed.prepare_scip()

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Let SCIP solve the program."""
        written, model = program(problem, formulation)
        scip = handed.Scip(model, TOLERANCE, self.seed, {"limits/gap": self.rel_gap / 10})
        answer = scip.solve(self.time_limit)
        return judged(problem, written.extract(model) if answer.found else None, answer, OUTSIDE, nodes=scip.nodes)
