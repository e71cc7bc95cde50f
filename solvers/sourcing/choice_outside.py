"""SCIP and HiGHS on one firm's interdependent choice, firm by firm, each in units of its own.

A firm is solved with ξ divided by all its potential together, and profits by what it would earn with every supplier:
as given, the two may be of any size, and solvers keep absolute tolerances. A firm that earns nothing whatever it
chooses is left at no supplier.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.sourcing.complements import FIRM_COMPLEMENTS
from endonet.formulations.sourcing.interdependent import Sets, SourcingChoice
from endonet.formulations.sourcing.thresholds import FIRM_THRESHOLDS
from endonet.solvers import handed
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.sourcing.accepted import only_choices

TOLERANCE = 1e-9
OUTSIDE = "the bound is an outside solver's own claim, valid within its tolerances, and not certified"


def one_firm(problem: SourcingChoice, i: int) -> tuple[SourcingChoice, float]:
    """Return firm i alone with all potential and its largest earnings 1, and the unit of its profits."""
    rows = slice(i, i + 1)
    everything = float(problem.xi_0[i] + problem.xi_of(rows).sum())
    earned = float(problem.scale[i]) * everything**problem.exponent
    if not earned > 0:
        return problem, 0.0
    # Nobody pays more than everything can earn, so that larger fixed costs say no more than this one.
    f = np.minimum(problem.w * problem.f_of(rows) / earned, 2.0)
    alone = SourcingChoice(
        sigma=problem.sigma,
        theta=problem.theta,
        phi=np.ones(1),
        xi=problem.xi_of(rows) / everything,
        f=f,
        xi_0=problem.xi_0[rows] / everything,
    )
    return alone, earned


@dataclass(frozen=True, kw_only=True)
class ChoiceOutside(Solver[SourcingChoice]):
    """One outside solver for each firm in turn."""

    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    rel_gap: float = 1e-6

    def refuses(self, problem: Any) -> str:
        """Return a complaint if it is another kind of problem."""
        return only_choices(self.name, problem)

    @abstractmethod
    def solve_one(self, firm: SourcingChoice, seconds: float) -> tuple[Sets | None, float, bool, str]:
        """Return set, bound, whether it finished, and the solver's own word, for a firm that `one_firm` returns."""

    def run(self, problem: SourcingChoice, formulation: str | None) -> Finding:
        """Solve firm by firm; what a limit leaves undone is bounded by what everything would earn."""
        del formulation
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        Z = np.zeros((problem.firms, problem.K), np.int8) if self.initial is None else problem.sets(self.initial).copy()
        bound = problem.scale * (problem.xi_0 + problem.xi.sum(axis=-1)) ** problem.exponent
        stopped_by, raw = StoppedBy.FINISHED, ""
        with Interrupt() as interrupt, Progress(self.log) as progress:
            for i in range(problem.firms):
                if interrupt.requested or time.perf_counter() > deadline:
                    stopped_by = StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
                    break
                progress.show(firm=f"{i + 1} of {problem.firms}")
                alone, unit = one_firm(problem, i)
                if unit == 0:
                    Z[i] = 0
                    continue
                found, above, finished, raw = self.solve_one(alone, deadline - time.perf_counter())
                if found is not None:
                    Z[i] = found[0]
                bound[i] = min(bound[i], unit * (above + TOLERANCE))
                if not finished:
                    stopped_by = StoppedBy.TIME_LIMIT if time.perf_counter() > deadline else StoppedBy.ERROR
        profit = problem.evaluate(Z).profit
        # Within its tolerance a solver's bound may lie below the value of its own set.
        near = (bound < profit) & (bound > profit - self.rel_gap * np.abs(profit) - TOLERANCE * np.abs(bound))
        total = float(np.where(near, profit, bound).sum())
        return Finding(Z, Status.OPTIMAL, stopped_by, bound=total, raw_status=raw, notes=(OUTSIDE,))


@dataclass(frozen=True, kw_only=True)
class ChoiceScip(ChoiceOutside):
    """SCIP on ``sourcing/firm-complements``: convex for substitutes, nonconvex for complements."""

    name: ClassVar[str] = "choice-scip"
    title: ClassVar[str] = "SCIP on the firm's interdependent choice"
    deterministic: ClassVar[bool] = True
    formulations: ClassVar[tuple[str, ...]] = ("firm-complements",)
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install 'endonet[scip]'"

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        handed.prepare_scip()

    def solve_one(self, firm: SourcingChoice, seconds: float) -> tuple[Sets | None, float, bool, str]:
        """Let SCIP solve the program of one firm."""
        model = FIRM_COMPLEMENTS.build(firm)
        answer = handed.Scip(model, TOLERANCE, self.seed, {"limits/gap": self.rel_gap / 10}).solve(seconds)
        bound = 1.0 if answer.bound is None else min(answer.bound, 1.0)
        found = FIRM_COMPLEMENTS.extract(model) if answer.found else None
        return found, bound, answer.found and answer.stopped_by is StoppedBy.FINISHED, answer.raw


@dataclass(frozen=True, kw_only=True)
class ChoiceHighs(ChoiceOutside):
    """HiGHS: the linear program ``sourcing/firm-thresholds`` of complements, outer approximation of substitutes.

    For substitutes the concave power is replaced by its tangents where the last integer program put Θ, until a set
    comes up that has its tangent already; there are finitely many sets, and each integer program bounds the profit.
    """

    name: ClassVar[str] = "choice-highs"
    title: ClassVar[str] = "HiGHS on thresholds (complements) or tangents (substitutes) of the firm's choice"
    packages: ClassVar[tuple[str, ...]] = ("highspy",)
    remedy: ClassVar[str] = "pip install highspy"

    def prepare(self) -> None:
        """Import Pyomo's interface to HiGHS."""
        handed.prepare_highs()

    def solve_one(self, firm: SourcingChoice, seconds: float) -> tuple[Sets | None, float, bool, str]:
        """Let HiGHS solve one firm's linear program, or its integer programs."""
        if firm.complements:
            model = FIRM_THRESHOLDS.build(firm)
            value, bound, raw = self._solve(model, seconds)
            return (None if value is None else FIRM_THRESHOLDS.extract(model)), bound, value is not None, raw
        return self._tangents(firm, time.perf_counter() + seconds)

    def _solve(self, model: Any, seconds: float) -> tuple[float | None, float, str]:
        tolerances = dict.fromkeys(("mip_feasibility_tolerance", "primal_feasibility_tolerance"), TOLERANCE)
        highs = handed.Highs(self.seed, self.threads, {"mip_rel_gap": self.rel_gap / 100} | tolerances)
        answer = highs.solve(model, seconds)
        if answer.objective is None:
            return None, 1.0, answer.raw
        bound = answer.objective if answer.bound is None else answer.bound
        return answer.objective, min(bound, 1.0), answer.raw

    def _tangents(self, firm: SourcingChoice, deadline: float) -> tuple[Sets | None, float, bool, str]:
        import pyomo.environ as pyo

        model = FIRM_COMPLEMENTS.build(firm)
        model.earned = pyo.Var(bounds=(0.0, 1.0))
        model.tangents = pyo.ConstraintList()
        cost = sum(float(firm.f_of(slice(0, 1))[0, k]) * model.z[0, k] for k in model.suppliers)
        model.objective.set_value(model.earned - cost)
        e, seen = firm.exponent, set()
        best: Sets | None = None
        value, bound, raw = -math.inf, 1.0, ""
        T = 1.0
        while True:
            model.tangents.add(model.earned <= T**e + e * T ** (e - 1) * (model.Theta[0] - T))
            found, above, raw = self._solve(model, deadline - time.perf_counter())
            bound = min(bound, above)
            if found is None:
                return best, bound, False, raw
            Z = FIRM_COMPLEMENTS.extract(model)
            outcome = firm.evaluate(Z)
            if outcome.value > value:
                best, value = Z, outcome.value
            if bound <= value + self.rel_gap / 10 * abs(value) or Z.tobytes() in seen:
                return best, bound, True, raw
            if time.perf_counter() > deadline:
                return best, bound, False, raw
            seen.add(Z.tobytes())
            T = max(float(outcome.Theta[0]), 1e-9)
