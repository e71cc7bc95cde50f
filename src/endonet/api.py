"""The front door's verbs: look a solver or formulation up by name, solve, compare, check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from endonet.formulations import registry
from endonet.formulations.contracts import Formulation
from endonet.formulations.errors import InputError, UnknownNameError
from endonet.solvers.base import Solver
from endonet.solvers.solution import Solution

if TYPE_CHECKING:
    from endonet.solvers.comparison import Comparison


def formulation(name: str) -> Formulation[Any]:
    """Return a formulation by its full name, such as ``planner/lifted``.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    family, _, short = name.partition("/")
    known = [f"{fam}/{key}" for fam, members in formulations_by_family().items() for key in members]
    if name not in known:
        raise UnknownNameError("formulation", name, known)
    members = registry.family_module("endonet.formulations", family).FORMULATIONS
    found: Formulation[Any] = registry.lookup("formulation", short, members)
    return found


def formulations_by_family() -> dict[str, Mapping[str, str]]:
    """Return the formulations that each family lists."""
    room = "endonet.formulations"
    return {family: registry.family_module(room, family).FORMULATIONS for family in registry.family_names(room)}


def solvers_by_family() -> dict[str, Mapping[str, str]]:
    """Return the solvers that each family lists."""
    room = "endonet.solvers"
    return {family: registry.family_module(room, family).SOLVERS for family in registry.family_names(room)}


def solver_class(family: str, name: str | None = None) -> type[Solver[Any]]:
    """Return the solver class of a family, not yet configured; the family's default if no name is given.

    Raises
    ------
    UnknownNameError
        If there is no such solver.
    """
    package = registry.family_module("endonet.solvers", family)
    kind: type[Solver[Any]] = registry.lookup("solver", package.DEFAULT if name is None else name, package.SOLVERS)
    return kind


def solver(family: str, name: str | None = None, **options: Any) -> Solver[Any]:
    """Return a solver of a family with the options given; the family's default if no name is.

    Raises
    ------
    UnknownNameError
        If there is no such solver.
    InputError
        If an option does not exist or has no sensible value.
    """
    kind = solver_class(family, name)
    known = [f.name for f in fields(kind)]
    for option in options:
        if option not in known:
            raise InputError(option, f"solver {kind.name!r} has no such option", f"it takes {', '.join(known)}")
    return kind(**options)


def solve(
    problem: Any, solver_name: str | Solver[Any] | None = None, formulation: str | None = None, **options: Any
) -> Solution:
    """Solve a problem.

    Parameters
    ----------
    problem : Problem
    solver_name : str or Solver, optional
        A name, as ``endonet list solvers`` shows them, or a configured solver; by default the family's certified one.
    formulation : str, optional
        For solvers that work on a formulation: which.
    **options
        The solver's own options, such as ``time_limit`` and ``rel_gap``.

    Returns
    -------
    Solution
        Judged by the problem's own evaluator.
    """
    if isinstance(solver_name, Solver):
        if options:
            raise InputError(
                next(iter(options)), "a configured solver takes no more options", "set them when you build it"
            )
        return solver_name.solve(problem, formulation)
    return solver(problem.family, solver_name, **options).solve(problem, formulation)


def compare(problem: Any, solvers: Iterable[str | Solver[Any]], **options: Any) -> Comparison:
    """Solve one problem in several ways and lay the answers side by side.

    Parameters
    ----------
    problem : Problem
    solvers : iterable of str or Solver
        Names or configured solvers; ``"scip:lifted"`` names a solver and its formulation.
    **options
        Options for every solver that is given by name, such as ``time_limit``.

    Returns
    -------
    Comparison
        A solver that cannot run or does not accept the problem is a row that says why. A value beyond another solver's
        proved bound is in ``contradictions``.
    """
    from endonet.solvers.comparison import compare as run

    entries: list[tuple[Solver[Any], str | None]] = []
    for entry in solvers:
        if isinstance(entry, Solver):
            entries.append((entry, None))
        else:
            name, _, formulation = entry.partition(":")
            entries.append((solver(problem.family, name, **options), formulation or None))
    return run(problem, entries)


def check(problem: Any, solution: Solution) -> Any:
    """Verify value, bound and certificate of a solution without any solver; return what was verified.

    Raises
    ------
    VerificationError
        If any claim does not hold.
    """
    package = registry.family_module("endonet.solvers", problem.family)
    return registry.load(package.CHECK)(problem, solution)
