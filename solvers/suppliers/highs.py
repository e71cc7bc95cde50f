"""HiGHS on the set-choice program, or on the robust one where only marginals are known.

The bound is HiGHS's own claim, valid within its tolerances; ``certified`` gives certificates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.formulations.suppliers.robust import ROBUST
from endonet.formulations.suppliers.sets import SETS
from endonet.solvers.base import Solver
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
        from pyomo.contrib.appsi.solvers import Highs as Interface

        Interface().available()

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Build the program and let HiGHS solve it."""
        from pyomo.contrib.appsi.base import TerminationCondition
        from pyomo.contrib.appsi.solvers import Highs as Interface

        written, model = program(problem, formulation)
        highs: Any = Interface()
        highs.config.load_solution = False
        highs.config.time_limit = self.time_limit
        highs.highs_options = {"mip_rel_gap": self.rel_gap / 10, "random_seed": self.seed, "threads": self.threads}
        answer = highs.solve(model)
        raw = str(answer.termination_condition)
        stopped = {
            TerminationCondition.optimal: StoppedBy.FINISHED,
            TerminationCondition.maxTimeLimit: StoppedBy.TIME_LIMIT,
        }.get(answer.termination_condition, StoppedBy.ERROR)
        bound = answer.best_objective_bound
        top = float(sum(problem.pi)) / problem.K  # no profit exceeds π
        bound = top if bound is None or not math.isfinite(bound) else min(widened(bound, top), top)
        if answer.best_feasible_objective is None:
            return Finding(None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, notes=(OUTSIDE,))
        highs.load_vars()
        decision = written.extract(model)
        return judged(problem, decision, bound, stopped, raw, OUTSIDE)


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


def widened(bound: float, scale: float) -> float:
    """Return an outside solver's bound, made wider by what its tolerances can do."""
    return bound + WIDER * max(abs(bound), scale)


def judged(problem: SupplierProblem, decision: Any, bound: float, stopped: StoppedBy, raw: str, note: str) -> Finding:
    """Return what an outside solver found; a decision that beats its bound by rounding alone lifts it."""
    value = problem.evaluate(decision).value
    status = Status.OPTIMAL if stopped is StoppedBy.FINISHED else Status.FEASIBLE
    return Finding(decision, status, stopped, bound=bound if value > bound + 1e-6 else max(bound, value),
                   raw_status=raw, notes=(note,))  # fmt: skip
