"""What outside solvers for *convex* mixed-integer programs share: their forms, and the economies they refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from endonet.formulations.planner.building import Shares
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.planner.outside import Outside
from endonet.solvers.solution import Proves


@dataclass(frozen=True, kw_only=True)
class ConvexSolver(Outside):
    """An outside solver whose claims rest on convexity."""

    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("lifted", "big-m")

    def refuses(self, problem: PlannerProblem) -> str:
        """Return the reason if there are firms with increasing returns in demand, α_j κ > 1."""
        found = Shares.of(problem).convex
        if not found.size:
            return ""
        return (
            f"firm {found[0]} has α κ = {problem.alpha[found[0]] * problem.kappa:.3g} > 1, whose convex form "
            f"{self.label} does not resolve: b^(1/κ) amplifies its tolerance; use scip or certified"
        )
