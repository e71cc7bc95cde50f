"""Which kind of problem a solver of this family takes: an economy, or firms' choices."""

from __future__ import annotations

from typing import Any

from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.formulations.sourcing.problem import SourcingProblem


def only_choices(name: str, problem: Any) -> str:
    """Return a complaint if the problem is no `SourcingChoice`."""
    if isinstance(problem, SourcingChoice):
        return ""
    return f"{name} solves the interdependent choice of a SourcingChoice; this is a {type(problem).__name__}"


def only_economies(name: str, problem: Any) -> str:
    """Return a complaint if the problem is no `SourcingProblem`."""
    if isinstance(problem, SourcingProblem):
        return ""
    return f"{name} is for economies; a {type(problem).__name__} is solved by squeezing"
