"""HiGHS on ``sourcing/equilibrium``, whose points are the equilibria; see `listing` for how they are listed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.equilibrium import EQUILIBRIUM
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, StoppedBy
from endonet.solvers.sourcing.accepted import certified_instead
from endonet.solvers.sourcing.listing import Answer, list_all

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
        return certified_instead(EQUILIBRIUM.refuses(problem))

    def prepare(self) -> None:
        """Import Pyomo's interface to HiGHS."""
        handed.prepare_highs()

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Solve and cut until the program is infeasible."""
        del formulation
        begun = time.perf_counter()
        program = HighsProgram(problem, self.seed, self.threads)
        return list_all(problem, program, "HiGHS", time_limit=self.time_limit, log=self.log, begun=begun)


class HighsProgram:
    """``sourcing/equilibrium`` of one economy in HiGHS."""

    def __init__(self, problem: SourcingProblem, seed: int, threads: int) -> None:
        import pyomo.environ as pyo

        self.model = EQUILIBRIUM.build(problem)
        self.model.constraint_new = pyo.ConstraintList()
        tolerances = ("primal_feasibility_tolerance", "mip_feasibility_tolerance")
        # Any point will do, so that the first one found ends the search.
        self.highs = handed.Highs(seed, threads, {"mip_rel_gap": 1e9} | dict.fromkeys(tolerances, FEASIBILITY))

    def ask(self, seconds: float) -> Answer:
        """Look for a point."""
        answer = self.highs.solve(self.model, seconds)
        if answer.found:
            return Answer(EQUILIBRIUM.extract(self.model), StoppedBy.FINISHED, answer.raw)
        return Answer(None, answer.stopped_by, answer.raw)

    def cut(self, network: Network) -> None:
        """Exclude one network."""
        z = self.model.z
        self.model.constraint_new.add(sum(1 - z[e] if made else z[e] for e, made in enumerate(network.links)) >= 1)
