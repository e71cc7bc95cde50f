"""WHAT COMES OUT: experiments that rebuild the papers' tables and figures, and the pages that show them.

A report is a module of this room with ``NAME``, ``TITLE`` and ``run(out, full, workers, dask)``, which writes one
self-contained page into the folder ``out`` and returns its path. Modules without ``NAME`` are shared tools.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from endonet.formulations.errors import UnknownNameError


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
