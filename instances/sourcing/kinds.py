"""The family's two kinds of instance file: economies, and with ``"kind": "choice"`` the choices of one firm or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.instances.sourcing import choices, files


def from_fields(values: Mapping[str, Any]) -> SourcingProblem | SourcingChoice:
    """Return what the fields of a file describe; `files` and `choices` say how.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong.
    """
    return choices.from_fields(values) if choices.is_choice(values) else files.from_fields(values)


def to_fields(problem: SourcingProblem | SourcingChoice) -> dict[str, Any]:
    """Return the fields of either kind."""
    return choices.to_fields(problem) if isinstance(problem, SourcingChoice) else files.to_fields(problem)
