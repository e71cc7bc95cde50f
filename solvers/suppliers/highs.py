"""HiGHS on the set-choice program, or on the robust one where only marginals are known.

The bound is HiGHS's own claim, valid within its tolerances; ``certified`` gives certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.formulations.suppliers.robust import ROBUST
from endonet.formulations.suppliers.sets import SETS
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.handed import Answer
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.suppliers.certified import must_fit

OUTSIDE = "the bound is HiGHS's own claim, valid within its tolerances, and not certified"
WIDER = 1e-9


@dataclass(frozen=True, kw_only=True)
class Highs(Solver[SupplierProblem]):
    """HiGHS on ``suppliers/sets`` or ``suppliers/robust``.

    Parameters
    ----------
    rel_gap : float, default 1e-7
        HiGHS stops once its bound is this close to its best solution.
    """

    name: ClassVar[str] = "highs"
    title: ClassVar[str] = "HiGHS on the set-choice program"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("sets", "robust")
    packages: ClassVar[tuple[str, ...]] = ("highspy",)
    remedy: ClassVar[str] = "pip install highspy"

    rel_gap: float = 1e-7

    def refuses(self, problem: SupplierProblem) -> str:
        """Return a complaint if the program would be too large."""
        return too_many_rows(problem)

    def prepare(self) -> None:
        """Import Pyomo's interface to HiGHS."""
        handed.prepare_highs()

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Build the program and let HiGHS solve it."""
        written, model = program(problem, formulation)
        highs = handed.Highs(self.seed, self.threads, {"mip_rel_gap": self.rel_gap / 10})
        answer = highs.solve(model, self.time_limit)
        return judged(problem, written.extract(model) if answer.found else None, answer, OUTSIDE)


def program(problem: SupplierProblem, formulation: str | None) -> tuple[Any, Any]:
    """Return the formulation to write, and its model; where only marginals are known that is ``robust``."""
    must_fit(problem, formulation)
    written = SETS if problem.known == "law" else ROBUST
    return written, written.build(problem)


def too_many_rows(problem: SupplierProblem) -> str:
    """Return a complaint if the program would have too many rows; empty if not."""
    from endonet.formulations.suppliers.sets import LARGEST
    from endonet.solvers.suppliers.certified import too_large

    if problem.known == "marginals":
        return ""
    if reason := too_large(problem):
        return reason
    size = problem.law.mixture()[1].size
    return f"its program has {size} rows of scenarios, over {LARGEST}; use certified" if size > LARGEST else ""


def judged(problem: SupplierProblem, decision: Any, answer: Answer, note: str, **statistics: int) -> Finding:
    """Return what an outside solver found; a decision that beats its bound by rounding alone lifts it.

    The bound is made wider by what tolerances can do, and no profit exceeds π.
    """
    top = float(sum(problem.pi)) / problem.K
    bound = top if answer.bound is None else min(answer.bound + WIDER * max(abs(answer.bound), top), top)
    status = Status.NO_SOLUTION
    if decision is not None:
        value = problem.evaluate(decision).value
        status = Status.OPTIMAL if answer.stopped_by is StoppedBy.FINISHED else Status.FEASIBLE
        bound = bound if value > bound + 1e-6 else max(bound, value)
    return Finding(
        decision,
        status,
        answer.stopped_by,
        bound=bound,
        raw_status=answer.raw,
        notes=(note,),
        statistics=dict(statistics),
    )
