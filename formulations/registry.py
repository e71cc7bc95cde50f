"""Families find themselves: each subpackage of a room lists what it holds, and nothing central is edited to add one.

A family package (say ``endonet.solvers.planner``) lists its members as ``{"name": "module:attribute"}``. The module is
imported only when the member is asked for, so that ``import endonet`` and ``endonet --help`` stay fast.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from endonet.formulations.errors import UnknownNameError


def load(reference: str) -> Any:
    """Return the object that ``"package.module:attribute"`` names."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def family_names(room: str) -> list[str]:
    """Return the families (subpackages) of a room such as ``"endonet.formulations"``, sorted."""
    package = importlib.import_module(room)
    return sorted(entry.name for entry in pkgutil.iter_modules(package.__path__) if entry.ispkg)


def family_module(room: str, family: str) -> ModuleType:
    """Return the package of one family in a room.

    Raises
    ------
    UnknownNameError
        If the room has no such family.
    """
    if family not in family_names(room):
        raise UnknownNameError("family", family, family_names(room))
    return importlib.import_module(f"{room}.{family}")


def lookup(kind: str, name: str, members: Mapping[str, str]) -> Any:
    """Return the member called ``name``, imported now.

    Raises
    ------
    UnknownNameError
        If ``name`` is not among the members.
    """
    if name not in members:
        raise UnknownNameError(kind, name, members)
    return load(members[name])
