"""SCIP on the programs of an economy: all its equilibria, or the network that maximises welfare.

``equilibrium`` and ``supplier-equilibrium`` have networks as their points, which SCIP finds one after the other; see
`listing`. ``planner`` is a maximisation. There

* the decision is SCIP's best network; the problem's evaluator says what it is worth;
* the bound is SCIP's dual bound in units of real income, made a little wider: where every row may be missed by ε, q
  may be off by 4 ε / min a, for a the shares of labour, and F by 2 ε. No bound exceeds what all links without their
  costs are worth. Where it still lies below the decision's exact value, by no more than 1e-6 relatively, it is raised
  to that value; more is a contradiction and reported as such.

So what is proved is the claim of floating-point software; ``certified`` and ``welfare`` give certificates.

Source: Bestuzheva et al., *Global optimization of mixed-integer nonlinear programs with SCIP 8* (2023).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from endonet.formulations import registry
from endonet.formulations.errors import InputError
from endonet.formulations.sourcing import FORMULATIONS
from endonet.formulations.sourcing.building import SourcingFormulation
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.planner import PLANNER
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers import handed
from endonet.solvers.base import CONTRADICTION
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, Solution, Status
from endonet.solvers.sourcing.accepted import EconomySolver, certified_instead
from endonet.solvers.sourcing.listing import Answer, list_all

OUTSIDE = "the bound is SCIP's own claim, valid within its tolerances, and not certified"


@dataclass(frozen=True, kw_only=True)
class Scip(EconomySolver):
    """SCIP: lists all equilibria of a closed economy by its initiator's program, or maximises welfare (``planner``).

    Parameters
    ----------
    rel_gap : float, default 1e-6
        Of welfare: SCIP stops once its bound is this close to its best network.
    feasibility : float, default 1e-9
        By how much SCIP may miss a row of the program (numerics/feastol).
    """

    name: ClassVar[str] = "scip"
    title: ClassVar[str] = "SCIP: all equilibria of a closed economy, or its best network, by a formulation"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("equilibrium", "supplier-equilibrium", "planner")
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install 'endonet[scip]'"
    question: ClassVar[str] = EQUILIBRIA
    for_choices: ClassVar[str] = "endonet.solvers.sourcing.choice_outside:ChoiceScip"

    rel_gap: float = 1e-6
    feasibility: float = 1e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1e-9 <= self.feasibility <= 1e-3:
            raise InputError("feasibility", f"{self.feasibility:g} is outside [1e-9, 1e-3]", "give a number in between")

    def refuses_economy(self, problem: SourcingProblem) -> str:
        """Return why none of the formulations holds; empty if one does."""
        reasons = [_form(name).refuses(problem) for name in self.formulations]
        return "" if "" in reasons else certified_instead(_form(_by_initiator(problem)).refuses(problem))

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        handed.prepare_scip()

    def solve(self, problem: Any, formulation: str | None = None) -> Solution:
        """Return what SCIP found, by default on the program of whoever initiates links; see `Solver.solve`."""
        if formulation is None and isinstance(problem, SourcingProblem):
            formulation = _by_initiator(problem)
        return super().solve(problem, formulation)

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """List the points of the program, or maximise."""
        begun = time.perf_counter()
        form = _form(formulation or _by_initiator(problem))
        program = ScipProgram(form, problem, self.feasibility, self.seed)
        if form is PLANNER:
            return self._best(problem, program, begun)
        return list_all(problem, program, "SCIP", time_limit=self.time_limit, log=self.log, begun=begun)

    def _best(self, problem: SourcingProblem, program: ScipProgram, begun: float) -> Finding:
        power = problem.sigma / (problem.sigma - 1)
        seconds = math.inf if self.time_limit is None else self.time_limit - (time.perf_counter() - begun)
        answer = program.maximise(self.rel_gap / 2 / power, seconds)
        assert answer.bound is not None
        bound = PLANNER.welfare(problem, _wider(problem, answer.bound, self.feasibility))
        notes = [OUTSIDE]
        if answer.objective is None:
            return Finding(
                None, Status.NO_SOLUTION, answer.stopped_by, bound=bound, raw_status=answer.raw, notes=tuple(notes)
            )
        network = PLANNER.extract(program.model)
        value = problem.evaluate(network).value
        if value is not None and 0 < value - bound <= CONTRADICTION * value:
            notes.append(f"SCIP's dual bound {bound:.17g} lies below the network's exact value, to which it was raised")
            bound = value
        return Finding(
            network,
            Status.OPTIMAL,
            answer.stopped_by,
            claimed_value=PLANNER.welfare(problem, answer.objective),
            bound=bound,
            raw_status=answer.raw,
            notes=tuple(notes),
            statistics={"nodes": program.scip.nodes, "dual_bound": answer.bound},
        )


class ScipProgram:
    """A formulation of one economy in SCIP."""

    def __init__(self, form: SourcingFormulation, problem: SourcingProblem, feasibility: float, seed: int) -> None:
        self.form = form
        self.model = form.build(problem)
        # its symmetry reduction has cut off the optimum of another family's identical firms
        self.scip = handed.Scip(self.model, feasibility, seed, {"misc/usesymmetry": 0})
        self.z = {ours.index(): theirs for ours, theirs in self.scip.pairs if ours.parent_component() is self.model.z}

    def ask(self, seconds: float) -> Answer:
        """Look for a point."""
        self.scip.scip.setParam("limits/solutions", 1)
        answer = self.scip.solve(seconds)
        return Answer(self.form.extract(self.model) if answer.found else None, answer.stopped_by, answer.raw)

    def maximise(self, gap: float, seconds: float) -> handed.Answer:
        """Look for the best point."""
        self.scip.scip.setParam("limits/gap", gap)
        return self.scip.solve(seconds)

    def cut(self, network: Network) -> None:
        """Exclude one network."""
        self.scip.scip.freeTransform()
        terms = [1 - self.z[e] if made else self.z[e] for e, made in enumerate(network.links.tolist())]
        self.scip.scip.addCons(sum(terms) >= 1)


def _form(name: str) -> SourcingFormulation:
    found: SourcingFormulation = registry.lookup("formulation", name, FORMULATIONS)
    return found


def _by_initiator(problem: SourcingProblem) -> str:
    return "equilibrium" if problem.initiator == "buyer" else "supplier-equilibrium"


def _wider(problem: SourcingProblem, objective: float, feasibility: float) -> float:
    """Return a bound on the planner's objective with room for missed rows; it is at most 1.

    With no links q is at least its least value, Σ b a, and 1 − F at the bound is at least objective^(σ/(σ−1)).
    """
    if not 0 < objective < 1:
        return min(max(objective, 0.0), 1.0) if objective <= 0 else 1.0
    least_q, least_a = PLANNER.least(problem)
    off_q = 4 * feasibility / least_a / least_q
    off_F = 2 * feasibility / objective ** (problem.sigma / (problem.sigma - 1))
    return float(min(objective * (1 + off_q / problem.sigma + off_F), 1.0))
