"""Options of solvers and reports written as text: ``key=value`` pairs, read by the types of their own fields."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, Literal, Union

from endonet.formulations.errors import InputError

COMMON = ("time_limit", "rel_gap", "threads", "seed", "initial", "resume", "log")
TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})


def own_fields(kind: type[Any], common: Iterable[str] = COMMON) -> list[Field[Any]]:
    """Return the fields that a solver (or a report's options) adds to those all have."""
    return [f for f in fields(kind) if f.init and f.name not in common]


def shown_fields(kind: type[Any]) -> list[Field[Any]]:
    """Return a solver's own fields, and those common ones whose default is another than in most solvers."""
    from endonet.solvers.base import Solver

    usual = {f.name: f.default for f in fields(Solver)}
    return [f for f in fields(kind) if f.init and (f.name not in usual or f.default != usual[f.name])]


def describe(field: Field[Any]) -> str:
    """Return ``name: type = default`` of one field."""
    kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    default = "" if field.default is MISSING else f" = {field.default!r}"
    return f"{field.name}: {kind}{default}"


def parse(kind: type[Any], pairs: Iterable[str], owner: str = "", common: Iterable[str] = COMMON) -> dict[str, Any]:
    """Return the options that ``key=value`` pairs give for a solver class, or for another dataclass of options.

    Parameters
    ----------
    owner : str
        Whose options they are, for messages; by default the solver.
    common : names of fields that have an option of their own on the command line

    Raises
    ------
    InputError
        If a pair has no ``=``, names no option of the solver, or its value does not fit the option's type.
    """
    hints = typing.get_type_hints(kind)
    owner = owner or f"solver {kind.name!r}"
    known = [f.name for f in own_fields(kind, common)]
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            raise InputError("--option", f"{pair!r} has no '='", "write --option key=value")
        if key in common:
            raise InputError(
                "--option", f"{key!r} is common to all solvers", f"write --{key.replace('_', '-')} instead"
            )
        if key not in known:
            near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
            remedy = f"did you mean {' or '.join(near)}?" if near else f"it takes {', '.join(known) or 'none'}"
            raise InputError("--option", f"{owner} has no option {key!r}", remedy)
        if key in given:
            raise InputError(f"--option {key}", "it stands twice", "give it once")
        given[key] = read(key, text.strip(), hints[key])
    return given


def read(key: str, text: str, hint: Any) -> Any:
    """Return ``text`` as a value of the type ``hint``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if text.lower() in ("none", "null") and type(None) in arguments:
            return None
        failures = []
        for choice in sorted((a for a in arguments if a is not type(None)), key=_strictness):
            try:
                return read(key, text, choice)
            except InputError as failure:
                failures.append(failure)
        raise failures[-1]
    if origin is Literal:
        return _among(key, text, {str(choice): choice for choice in arguments})
    if origin in (tuple, list):
        inner = arguments[0] if arguments else str
        return origin(read(key, part.strip(), inner) for part in text.split(",") if part.strip())
    if hint is bool:
        if text.lower() not in TRUE | FALSE:
            raise InputError(f"--option {key}", f"{text!r} is neither true nor false", "write true or false")
        return text.lower() in TRUE
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            wanted, such = ("a whole number", "3") if hint is int else ("a number", "0.5")
            raise InputError(f"--option {key}", f"{text!r} is not {wanted}", f"give one such as {such}") from None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _among(key, text, {str(member.value): member for member in hint})
    if hint in (str, Any):
        return text
    raise InputError(f"--option {key}", "it cannot be written as text", "set it in Python")


def _strictness(hint: Any) -> int:
    """Whole numbers are tried before numbers, and text last, since text fits everything."""
    return {bool: 1, int: 0, float: 2, str: 9}.get(hint, 3)


def _among(key: str, text: str, choices: dict[str, Any]) -> Any:
    if text not in choices:
        raise InputError(f"--option {key}", f"{text!r} is not a choice", f"use one of {', '.join(choices)}")
    return choices[text]


def resume(kind: type[Any], earlier: Any) -> dict[str, Any]:
    """Return the options with which a solver goes on where an earlier solution's search stopped.

    Raises
    ------
    InputError
        If the solver cannot resume, or the file does not hold the earlier search.
    """
    if "resume" not in {f.name for f in fields(kind)}:
        raise InputError("--resume", f"solver {kind.name!r} cannot go on with an earlier search", "use --initial")
    if earlier.certificate is None:
        raise InputError("--resume", "the file holds no certificate, so no search to go on with", "use --initial")
    return {"resume": earlier.certificate, "initial": earlier.decision}
