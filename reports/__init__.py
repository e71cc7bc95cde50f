"""WHAT COMES OUT: experiments that rebuild the papers' tables and figures, and the pages that show them.

A report is a module of this room with ``NAME``, ``TITLE`` and ``run(out, full, workers, dask)``, which writes one
self-contained page into the folder ``out`` and returns its path. A report with options has a frozen dataclass
``Options`` of typed fields with defaults, and ``run`` takes one more argument ``options``. Modules without ``NAME`` are
shared tools.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

from endonet.formulations.errors import InputError, UnknownNameError


def all_reports() -> dict[str, ModuleType]:
    """Return every report by its name, sorted."""
    modules = (importlib.import_module(f"{__name__}.{entry.name}") for entry in pkgutil.iter_modules(__path__))
    return dict(sorted((module.NAME, module) for module in modules if hasattr(module, "NAME")))


def find(name: str) -> ModuleType:
    """Return the report called ``name``.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    known = all_reports()
    if name not in known:
        raise UnknownNameError("report", name, known)
    return known[name]


def options_of(report: ModuleType) -> type[Any] | None:
    """Return the dataclass of a report's options, or None if it takes none."""
    kind: type[Any] | None = getattr(report, "Options", None)
    return kind


def parse(report: ModuleType, pairs: Iterable[str]) -> dict[str, Any]:
    """Return the options that ``key=value`` pairs give for a report.

    Raises
    ------
    InputError
        If the report takes no options or not this one, or if the value is not of the option's type.
    """
    from endonet import options

    wanted, kind = list(pairs), options_of(report)
    if kind is None:
        if wanted:
            key = wanted[0].partition("=")[0]
            raise InputError(key, f"report {report.NAME!r} takes no options", "leave it out")
        return {}
    return options.parse(kind, wanted, owner=f"report {report.NAME!r}", common=())


def run(
    report: ModuleType,
    out: Path,
    full: bool = False,
    workers: int = 1,
    dask: str | None = None,
    chosen: dict[str, Any] | None = None,
) -> Path:
    """Rebuild a report with the options chosen and return the path of its page.

    Raises
    ------
    InputError
        If an option does not exist or has no sensible value.
    """
    kind = options_of(report)
    given = chosen or {}
    if kind is None:
        if given:
            raise InputError(next(iter(given)), f"report {report.NAME!r} takes no options", "leave it out")
        page: Path = report.run(out, full=full, workers=workers, dask=dask)
        return page
    known = [field.name for field in fields(kind)]
    for option in given:
        if option not in known:
            raise InputError(option, f"report {report.NAME!r} has no such option", f"it takes {', '.join(known)}")
    page = report.run(out, full=full, workers=workers, dask=dask, options=kind(**given))
    return page
