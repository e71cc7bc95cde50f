"""The marginal rule: every layer adds suppliers as long as one more pays for itself (paper 003, Proposition 5).

The decentralised path, which is what firms do, offered as an answer to the planner's question as well: no firm gains by
another number of its own, and nothing more is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.solvers.base import Solver
from endonet.solvers.diversification import finite, ties
from endonet.solvers.solution import Finding, Proves, Status


@dataclass(frozen=True, kw_only=True)
class MarginalRule(Solver[ChainProblem]):
    """Layer by layer, the smallest number at which the marginal profit is not positive; ties by policy."""

    name: ClassVar[str] = "marginal-rule"
    title: ClassVar[str] = "the firms' own path: suppliers are added while they pay"
    proves: ClassVar[Proves] = Proves.LOCAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("planner", "equilibrium")

    def refuses(self, problem: ChainProblem) -> str:
        """Return a complaint if there are rows that firms do not know of."""
        if problem.budget is None and problem.risk_target is None and problem.tail is None:
            return ""
        return "budget, risk target and tail bind the planner, and firms do not heed them; use certified"

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Follow the rule from the first layer to the last."""
        path = ties.equilibrium(problem) if problem.m is None else finite.decentralised(problem).decision
        if formulation != "equilibrium":
            path = SourcingPath(path.path, mixed=path.mixed)
        return Finding(path, Status.LOCAL, notes=("no firm gains by another number of suppliers of its own",))
