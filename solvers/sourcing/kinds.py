"""The family has two kinds of problem, economies and firms' choices, and each its own check."""

from __future__ import annotations

from typing import Any

from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.solution import Solution
from endonet.solvers.sourcing import certificate, choice_certificate


def check(problem: SourcingProblem | SourcingChoice, solution: Solution) -> Any:
    """Verify every claim of a solution of either kind of problem.

    Raises
    ------
    VerificationError
        If any claim does not hold.
    """
    if isinstance(problem, SourcingChoice):
        return choice_certificate.check(problem, solution)
    return certificate.check(problem, solution)
