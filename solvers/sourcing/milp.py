"""HiGHS on ``sourcing/equilibrium``: one network after the other, each cut off once it is found, until none is left.

What HiGHS finds is a candidate: the problem's evaluator says whether it is an equilibrium, and settles ties. That none
is left is HiGHS's own claim, valid within its tolerances; ``certified`` gives a certificate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from endonet.formulations.sourcing.equilibrium import EQUILIBRIUM
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, StoppedBy
from endonet.solvers.sourcing import answers

OUTSIDE = "that the list is complete is HiGHS's own claim, valid within its tolerances, and not certified"
FEASIBILITY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Milp(Solver[SourcingProblem]):
    """HiGHS with no-good cuts: lists all equilibria of a closed economy in which buyers initiate."""

    name: ClassVar[str] = "milp"
    title: ClassVar[str] = "HiGHS with no-good cuts: all buyer-initiated equilibria"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("equilibrium",)
    packages: ClassVar[tuple[str, ...]] = ("highspy",)
    remedy: ClassVar[str] = "pip install highspy"
    question: ClassVar[str] = EQUILIBRIA

    def refuses(self, problem: Any) -> str:
        """Return why the equilibria are no integer program."""
        return EQUILIBRIUM.refuses(problem)

    def prepare(self) -> None:
        """Import Pyomo's interface to HiGHS."""
        from pyomo.contrib.appsi.solvers import Highs as Interface

        Interface().available()

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Solve and cut until the program is infeasible."""
        del formulation
        import pyomo.environ as pyo
        from pyomo.contrib.appsi.base import TerminationCondition
        from pyomo.contrib.appsi.solvers import Highs as Interface

        begun = time.perf_counter()
        model = EQUILIBRIUM.build(problem)
        model.constraint_new = pyo.ConstraintList()
        judged = answers.Judged(problem)
        highs: Any = Interface()
        highs.config.load_solution = False
        options = {"mip_rel_gap": 1e9, "random_seed": self.seed, "threads": self.threads}
        tolerances = ("primal_feasibility_tolerance", "mip_feasibility_tolerance")
        highs.highs_options = options | dict.fromkeys(tolerances, FEASIBILITY)
        stopped_by, raw = StoppedBy.FINISHED, ""
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:
            while True:
                if self.time_limit is not None:
                    highs.config.time_limit = max(self.time_limit - (time.perf_counter() - begun), 1e-3)
                answer = highs.solve(model)
                raw = str(answer.termination_condition)
                if answer.best_feasible_objective is None:
                    none_left = answer.termination_condition in (
                        TerminationCondition.infeasible,
                        TerminationCondition.infeasibleOrUnbounded,
                    )
                    late = answer.termination_condition == TerminationCondition.maxTimeLimit
                    if not none_left:
                        stopped_by = StoppedBy.TIME_LIMIT if late else StoppedBy.ERROR
                    break
                highs.load_vars()
                network = EQUILIBRIUM.extract(model)
                judged.judge(network)
                progress.show(candidates=judged.judged, equilibria=len(judged))
                if problem.m == 0:
                    break
                terms = (1 - model.z[e] if chosen else model.z[e] for e, chosen in enumerate(network.links.tolist()))
                model.constraint_new.add(sum(terms) >= 1)
                if interrupt.requested:
                    stopped_by = StoppedBy.INTERRUPTED
                elif self.time_limit is not None and time.perf_counter() - begun > self.time_limit:
                    stopped_by = StoppedBy.TIME_LIMIT
                if stopped_by is not StoppedBy.FINISHED:
                    break
        finding = answers.finding(
            problem,
            judged.listed(),
            complete=stopped_by is StoppedBy.FINISHED,
            stopped_by=stopped_by,
            certificate=None,
            statistics={"candidates": judged.judged, "raw": raw},
            undecided=judged.undecided,
            notes=(OUTSIDE,),
        )
        return finding
