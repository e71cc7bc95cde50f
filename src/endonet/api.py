"""The front door's verbs: look a solver or formulation up by name, solve, compare, check."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from endonet.formulations import registry
from endonet.formulations.contracts import Formulation
from endonet.formulations.errors import InputError, NotApplicableError, UnknownNameError
from endonet.solvers.base import Solver
from endonet.solvers.solution import Solution

if TYPE_CHECKING:
    from endonet.formulations.structure import Structure
    from endonet.solvers.comparison import Comparison


def formulation(name: str) -> Formulation[Any]:
    """Return a formulation by its full name, such as ``planner/lifted``.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    family, _, short = full_name(name).partition("/")
    known = formulation_names()
    if f"{family}/{short}" not in known:
        raise UnknownNameError("formulation", name, known)
    members = registry.family_module("endonet.formulations", family).FORMULATIONS
    found: Formulation[Any] = registry.lookup("formulation", short, members)
    return found


def full_name(name: str) -> str:
    """Return the name of a formulation that a family lists as being ``ELSEWHERE``, and any other name as it is."""
    family, _, short = name.partition("/")
    room = "endonet.formulations"
    package = registry.family_module(room, family) if family in registry.family_names(room) else None
    return str(getattr(package, "ELSEWHERE", {}).get(short, name))


def formulation_names() -> list[str]:
    """Return the full names of all formulations."""
    return [f"{family}/{short}" for family, members in formulations_by_family().items() for short in members]


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
    if not (name is None or isinstance(name, str)):
        raise InputError("solver", f"{name!r} is no solver", "give a name or a configured solver")
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
    return _configured(family, name, options)


def _configured(family: str, name: str | None, options: Mapping[str, Any]) -> Solver[Any]:
    kind = solver_class(family, name)
    known = [f.name for f in fields(kind)]
    for option in options:
        if option not in known:
            raise InputError(option, f"solver {kind.name!r} has no such option", f"it takes {', '.join(known)}")
    return kind(**options)


def solve(
    problem: Any, solver: str | Solver[Any] | None = None, formulation: str | None = None, **options: Any
) -> Solution:
    """Solve a problem.

    Parameters
    ----------
    problem : Problem, or str or path
        A problem, or what `endonet.load` takes.
    solver : str or Solver, optional
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
    problem = _problem(problem)
    formulation = None if formulation is None else full_name(formulation)
    if isinstance(solver, Solver):
        if options:
            raise InputError(
                next(iter(options)), "a configured solver takes no more options", "set them when you build it"
            )
        return solver.solve(problem, formulation)
    return _configured(problem.family, solver, options).solve(problem, formulation)


def compare(problem: Any, solvers: str | Solver[Any] | Iterable[str | Solver[Any]], **options: Any) -> Comparison:
    """Solve one problem in several ways and lay the answers side by side.

    Parameters
    ----------
    problem : Problem, or str or path
        A problem, or what `endonet.load` takes.
    solvers : str or Solver, or iterable of them
        Names or configured solvers; ``"scip:lifted"`` names a solver and its formulation.
    **options
        Options for every solver that is given by name, such as ``time_limit``. A note says so where one of them has no
        such option; one that none of them has is an error.

    Returns
    -------
    Comparison
        A solver that cannot run or does not accept the problem is a row that says why. A bound that another solver's
        value shows to be false is in ``contradictions``.
    """
    from endonet.solvers.comparison import compare as run

    problem = _problem(problem)
    if not isinstance(solvers, Iterable):
        solvers = [solvers]
    wanted = [solvers] if isinstance(solvers, str) else list(solvers)
    kinds: dict[str, type[Solver[Any]]] = {}
    for entry in wanted:
        if isinstance(entry, str):
            kinds[entry] = solver_class(problem.family, entry.partition(":")[0])
        elif not isinstance(entry, Solver):
            raise InputError("solvers", f"{entry!r} is no solver", "give names or configured solvers")
    takes = {entry: {f.name for f in fields(kind)} for entry, kind in kinds.items()}
    for option in options:
        if not kinds:
            raise InputError(option, "configured solvers take no more options", "set them when you build them")
        if not any(option in known for known in takes.values()):
            raise InputError(option, "none of these solvers has such an option", "see `endonet list solvers --options`")
    notes = []
    entries: list[tuple[Solver[Any], str | None]] = []
    for entry in wanted:
        if isinstance(entry, Solver):
            entries.append((entry, None))
            continue
        lacking = [option for option in options if option not in takes[entry]]
        notes += [f"{entry} has no option {option}; it ran without" for option in lacking]
        given = {option: value for option, value in options.items() if option not in lacking}
        entries.append((kinds[entry](**given), entry.partition(":")[2] or None))
    table = run(problem, entries)
    return replace(table, notes=(*notes, *table.notes))


def check(problem: Any, solution: Solution) -> Any:
    """Verify value, feasibility, bound and certificate of a solution without any solver; return what was verified.

    A status such as ``local`` or ``stationary`` is not verified: it remains the solver's word.

    Parameters
    ----------
    problem : Problem, or str or path
        A problem, or what `endonet.load` takes.
    solution : Solution

    Raises
    ------
    VerificationError
        If any claim does not hold.
    """
    problem = _problem(problem)
    if not isinstance(solution, Solution):
        raise InputError("solution", f"{_named(solution)} is no solution", "give what solve or load_solution returns")
    package = registry.family_module("endonet.solvers", problem.family)
    return registry.load(package.CHECK)(problem, solution)


def structure(problem: Any, formulation: str | None = None) -> tuple[Structure, ...]:
    """Return what formulations of a problem are made of: variables, rows, nonzeros, cones, and class.

    Parameters
    ----------
    problem : Problem, or str or path
        A problem, or what `endonet.load` takes.
    formulation : str, optional
        Which; by default every formulation of the family that takes the problem.

    Returns
    -------
    tuple of Structure
        One for each formulation and modelling language.

    Raises
    ------
    InputError
        If there is no such formulation of the problem's family.
    NotApplicableError
        If the formulation that is named does not take this problem.
    """
    from endonet.formulations.structure import structure as count

    problem = _problem(problem)
    if formulation is not None:
        form = formulation_of(problem.family, formulation)
        return tuple(count(form, problem, modeller) for modeller in form.modellers)
    found: list[Structure] = []
    for short in formulations_by_family()[problem.family]:
        form = formulation_of(problem.family, short)
        with contextlib.suppress(NotApplicableError):
            found += [count(form, problem, modeller) for modeller in form.modellers]
    return tuple(found)


def formulation_of(family: str, name: str) -> Formulation[Any]:
    """Return a formulation of a family by its full or its short name.

    Raises
    ------
    InputError
        If it is none, or one of another family.
    """
    found = formulation(name if "/" in name else f"{family}/{name}")
    if not found.name.startswith(f"{family}/"):
        known = ", ".join(formulations_by_family()[family])
        raise InputError("formulation", f"{found.name} does not write {family} problems", f"use one of {known}")
    return found


def _problem(given: Any) -> Any:
    """Return a problem as it is, and load one that is given by name or path."""
    if isinstance(given, (str, PathLike)):
        from endonet.instances.files import load

        return load(given)
    if isinstance(given, type) or not all(hasattr(given, part) for part in ("family", "fingerprint", "evaluate")):
        raise InputError("problem", f"{_named(given)} is no problem", "give a problem, a bundled name or a path")
    return given


def _named(given: Any) -> str:
    name = type(given).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
