"""The ways of solving that a family's catalogue lists: every solver on every formulation it takes, installed or not.

Nothing here knows a solver by name, so that a report that asks for ways measures a new solver from the moment it is
listed; one that cannot run is told by its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from endonet import api
from endonet.formulations.errors import InputError
from endonet.solvers.base import Solver
from endonet.solvers.solution import Proves

PROVING = (Proves.GLOBAL_OPTIMUM, Proves.BOUND)


@dataclass(frozen=True)
class Way:
    """One way of solving: a solver and, where it takes one, a formulation; ``brute force`` is no solver."""

    label: str
    solver: str
    formulation: str | None = None


def listed(family: str = "planner", without: Iterable[str] = ()) -> list[Way]:
    """Return every way of a family, in the order of its catalogue.

    Parameters
    ----------
    without : names of formulations to leave out, unless a solver takes nothing else
    """
    left_out, found = frozenset(without), []
    for solver in api.solvers_by_family()[family]:
        forms = api.solver_class(family, solver).formulations
        found += [way(solver, form) for form in [f for f in forms if f not in left_out] or forms]
        found += [] if forms else [way(solver)]
    return found


def way(solver: str, formulation: str | None = None) -> Way:
    """Return a way by its solver and formulation; the label is ``solver`` or ``solver:formulation``."""
    return Way(f"{solver}:{formulation}" if formulation else solver, solver, formulation)


def chosen(names: Sequence[str], known: Sequence[Way], family: str = "planner") -> list[Way]:
    """Return the ways that names such as ``certified`` or ``scip:lifted`` choose; all of ``known`` if there are none.

    A solver's name alone stands for all its formulations among ``known``.

    Raises
    ------
    UnknownNameError, InputError
        If there is no such solver, or it does not take the formulation.
    """
    if not names:
        return list(known)
    found: list[Way] = []
    for name in names:
        solver, _, form = name.partition(":")
        forms = api.solver_class(family, solver).formulations
        if form and form not in forms:
            takes = f"use one of {', '.join(forms)}" if forms else "leave the formulation out"
            raise InputError("solvers", f"{solver} does not take the formulation {form!r}", takes)
        wanted = [way(solver, form)] if form else [one for one in known if one.solver == solver]
        found += [one for one in wanted if one not in found]
    return found


def kind(one: Way, family: str = "planner") -> type[Solver[Any]]:
    """Return the solver's class."""
    return api.solver_class(family, one.solver)


def proving(one: Way) -> bool:
    """Whether the solver can give a bound."""
    return kind(one).proves in PROVING


def unavailable(one: Way) -> str:
    """Return why a way cannot be taken here; empty if it can."""
    return kind(one).unavailable()


def outside(one: Way) -> bool:
    """Whether it hands a model to software that is not ours, which may crash or not heed its limit."""
    return bool(kind(one).formulations)


def versions(one: Way) -> dict[str, str]:
    """Return the versions of the packages that a way needs."""
    return {name: _version(name) for name in kind(one).packages}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
