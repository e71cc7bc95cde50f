"""What there is: solvers, formulations, instances and reports, each as a list of JSON-ready entries."""

from __future__ import annotations

from typing import Any

from endonet import api, options


def solvers() -> list[dict[str, Any]]:
    """Return every solver of every family, with what it proves and, if it cannot run here, why."""
    found = []
    for family, members in api.solvers_by_family().items():
        for name in members:
            kind = api.solver_class(family, name)
            found.append(
                {
                    "family": family,
                    "name": name,
                    "title": kind.title,
                    "proves": kind.proves.value,
                    "formulations": list(kind.formulations),
                    "deterministic": kind.deterministic,
                    "unavailable": kind.unavailable(),
                    "options": [options.describe(field) for field in options.shown_fields(kind)],
                }
            )
    return found


def formulations() -> list[dict[str, Any]]:
    """Return every formulation of every family, with its mathematical class and source."""
    found = []
    for family, members in api.formulations_by_family().items():
        for name in members:
            formulation = api.formulation(f"{family}/{name}")
            found.append(
                {
                    "name": formulation.name,
                    "title": formulation.title,
                    "class": formulation.math_class.value,
                    "relaxation": "convex" if formulation.relaxation_convex else "nonconvex",
                    "modellers": [modeller.value for modeller in formulation.modellers],
                    "source": formulation.source,
                }
            )
    return found


def instances() -> list[dict[str, Any]]:
    """Return the bundled instances."""
    from endonet.instances import files

    return [{"name": entry.name, **entry.size, "description": entry.description} for entry in files.names()]


def reports() -> list[dict[str, Any]]:
    """Return the reports that can be rebuilt, with the options of those that take any."""
    from endonet import reports as room

    found = []
    for name, module in room.all_reports().items():
        kind = room.options_of(module)
        given = [] if kind is None else [options.describe(field) for field in options.own_fields(kind, common=())]
        found.append({"name": name, "title": module.TITLE, "options": given})
    return found
