"""Which kind of problem a solver of this family takes: an economy, or firms' choices.

The family's solvers of economies have names that mean the same in every family (``certified``, ``enumeration``, …).
Asked for a firm's choice they hand it to the solver that is made for it, which signs the solution.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from endonet.formulations import registry
from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.base import Solver
from endonet.solvers.solution import Solution


def only_choices(name: str, problem: Any) -> str:
    """Return a complaint if the problem is no `SourcingChoice`."""
    if isinstance(problem, SourcingChoice):
        return ""
    return f"{name} solves the interdependent choice of a SourcingChoice; this is a {type(problem).__name__}"


def smoothed(problem: SourcingProblem) -> str:
    """Return why a solver that lists networks does not accept a smoothed economy."""
    reason = "a smoothed economy chooses probabilities, not networks"
    if problem.initiator == "buyer" and problem.acyclic and problem.regime:
        return f"{reason}; use sequential"
    return (
        f"{reason}, which are solved for where buyers initiate acyclic networks at the paper's markups; "
        "leave smoothing out"
    )


def certified_instead(reason: str) -> str:
    """Return the reason why a program does not hold, with what holds instead; empty if there is none."""
    return f"{reason}; use certified" if reason else ""


class EconomySolver(Solver[SourcingProblem]):
    """A solver of economies that hands firms' choices on.

    Class attributes
    ----------------
    for_choices : str
        ``"module:class"`` of the solver that takes them.
    """

    for_choices: ClassVar[str]

    def refuses(self, problem: Any) -> str:
        """Return why the solver does not accept this problem; empty if it does."""
        if isinstance(problem, SourcingChoice):
            return self._stand_in().refuses(problem)
        return self.refuses_economy(problem)

    def refuses_economy(self, problem: SourcingProblem) -> str:
        """Return why the solver does not accept this economy; empty if it does."""
        del problem
        return ""

    def solve(self, problem: Any, formulation: str | None = None) -> Solution:
        """Return what the solver found, as judged by the problem's own evaluator; see `Solver.solve`."""
        if isinstance(problem, SourcingChoice):
            return self._stand_in().solve(problem, formulation)
        return super().solve(problem, formulation)

    def _stand_in(self) -> Solver[SourcingChoice]:
        """Return the solver of choices with the options that mean the same for every solver."""
        kind = registry.load(self.for_choices)
        given = {option.name: getattr(self, option.name) for option in fields(Solver)}
        found: Solver[SourcingChoice] = kind(**given)
        return found
