"""Solutions as files: what `Solution.to_dict` writes, checked field by field when it is read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.errors import InputError
from endonet.instances.fields import Fields

if TYPE_CHECKING:
    from endonet.solvers.solution import Solution

FIELDS = (
    "family",
    "instance",
    "solver",
    "formulation",
    "question",
    "status",
    "stopped_by",
    "value",
    "bound",
    "rel_gap",
    "decision",
    "wall_time",
    "setup_time",
    "raw_status",
    "notes",
    "contradicted",
    "options",
    "statistics",
    "versions",
    "fingerprint",
    "certificate",
)


def from_fields(values: Mapping[str, Any], problem: Any | None = None) -> Solution:
    """Return the solution that a file's fields describe; see `endonet.instances.files.load_solution`."""
    from endonet.solvers.solution import EQUILIBRIA, OPTIMUM, Solution, Status, StoppedBy, relative_gap

    fields = Fields(values)
    fields.only(FIELDS)
    value, bound = fields.number_or_null("value"), fields.number_or_null("bound")
    status = Status(fields.text("status", choices=list(Status)))
    question = fields.text("question", OPTIMUM)
    if question == EQUILIBRIA:
        _without_value(values, status is Status.OPTIMAL)
    elif status is Status.OPTIMAL and (value is None or bound is None):
        raise InputError("value" if value is None else "bound", "an optimum has one", "mend it or change the status")
    stated = fields.number_or_null("rel_gap")  # it follows from value and bound; a check compares
    if status is Status.NO_SOLUTION and (value is not None or values.get("decision") is not None):
        has = "value" if values.get("decision") is None else "decision"
        raise InputError(has, "the status is no_solution, which has none", "drop it or change the status")
    encoded = None if values.get("decision") is None else dict(fields.section("decision").values)
    solution = Solution(
        family=fields.text("family"),
        instance=fields.text("instance", ""),
        fingerprint=fields.text("fingerprint"),
        solver=fields.text("solver"),
        formulation=None if values.get("formulation") is None else fields.text("formulation"),
        status=status,
        stopped_by=StoppedBy(fields.text("stopped_by", choices=list(StoppedBy))),
        value=value,
        bound=bound,
        rel_gap=relative_gap(value, bound) if stated is None else stated,
        decision=None,
        encoded_decision=encoded,
        question=question,
        certificate=None if values.get("certificate") is None else fields.mapping("certificate"),
        wall_time=_seconds(fields, "wall_time"),
        setup_time=_seconds(fields, "setup_time"),
        raw_status=fields.text("raw_status", ""),
        notes=fields.texts("notes"),
        contradicted=fields.text("contradicted", ""),
        options=fields.mapping("options"),
        statistics=fields.mapping("statistics"),
        versions=_versions(fields),
    )
    return solution if problem is None else _belonging(solution, problem)


def to_fields(solution: Solution) -> dict[str, Any]:
    """Return the fields of a solution, certificate included, free of the infinities that JSON lacks.

    An infinite gap (value 0) becomes null, since it follows from value and bound; elsewhere infinities and NaN become
    the strings "Infinity", "-Infinity" and "NaN".
    """
    fields = solution.to_dict()
    for key in ("value", "bound", "rel_gap"):
        if fields[key] is not None and not math.isfinite(fields[key]):
            fields[key] = None
    for key in ("decision", "certificate", "options", "statistics"):
        fields[key] = _finite(fields[key])
    return fields


def _belonging(solution: Solution, problem: Any) -> Solution:
    """Return the solution with its decision in the problem's own form."""
    from dataclasses import replace

    if solution.family != problem.family:
        raise InputError(
            "family", f"a {solution.family} solution does not fit a {problem.family} problem", "give its own problem"
        )
    if solution.fingerprint != problem.fingerprint:
        title = f" ({solution.instance})" if solution.instance else ""
        raise InputError(
            "fingerprint", f"this solution belongs to another problem{title}", "give the problem that was solved"
        )
    if solution.encoded_decision is None:
        return solution
    try:
        decision = problem.decode_decision(solution.encoded_decision)
    except OverflowError:
        raise InputError("decision", "it holds a number beyond the range of doubles", "mend it") from None
    return replace(solution, decision=decision)


def _without_value(values: Mapping[str, Any], complete: bool) -> None:
    """Refuse a value of equilibria, which have none, and a complete list that is not there."""
    for key in ("value", "bound"):
        if values.get(key) is not None:
            raise InputError(key, "equilibria have none", "give null, or change the question")
    if complete and values.get("decision") is None:
        raise InputError("decision", "the list of equilibria is missing", "add it or change the status")


def _seconds(fields: Fields, key: str) -> float:
    seconds = fields.number(key, 0.0)
    if seconds < 0:
        raise InputError(key, f"{seconds:g} is negative", "give seconds ≥ 0")
    return seconds


def _versions(fields: Fields) -> dict[str, str]:
    versions = fields.mapping("versions")
    inner = Fields(versions, "versions")
    return {package: inner.text(package) for package in versions}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [entry if type(entry) is int else _finite(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
