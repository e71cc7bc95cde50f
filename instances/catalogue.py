"""The bundled instances: what there is, how large, and where. Each family keeps its own in ``instances/<family>/data``.

    index.json       {"us-15": {"size": {"n": 15, "links": 225}, "description": "…"}, …}: listing loads nothing else
    <name>.json      the instance itself, or .json.gz or .npz
    generated.json   {"name": {"generator": "calibrated", "arguments": {…}, "fingerprint": "…"}, …} for instances that
                     are committed as generator, seed and checksum
    bounds.json      best-known primal and dual bounds; see `endonet.instances.bounds`
    others.json      what outside solvers claim; see `endonet.instances.others`

A family package names its generators as ``GENERATORS = {"name": "module:function"}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from endonet.formulations import registry
from endonet.formulations.errors import InputError, UnknownNameError
from endonet.instances import formats
from endonet.instances.fields import Fields

ROOM = "endonet.instances"
ENDINGS = (".json", ".json.gz", ".npz")


@dataclass(frozen=True)
class Bundled:
    """One line of the list of bundled instances.

    Attributes
    ----------
    name : str
        As `endonet.load` takes it, such as ``planner/us-71``.
    family : str
    size : mapping
        Counts that say how large it is; planner: ``n`` and ``links``.
    description : str
        One line.
    """

    name: str
    family: str
    size: Mapping[str, int]
    description: str

    @property
    def n(self) -> int | None:
        """Number of firms (nodes), where the family has them."""
        return self.size.get("n")

    @property
    def links(self) -> int | None:
        """Number of links, where the family has them."""
        return self.size.get("links")


def names() -> list[Bundled]:
    """Return the bundled instances of every family, by family and name, without loading any of them."""
    found = []
    for family in registry.family_names(ROOM):
        index = read_data(family, "index.json")
        found += [
            Bundled(f"{family}/{name}", family, dict(entry["size"]), entry["description"])
            for name, entry in sorted(index.items())
        ]
    return found


def is_bundled(name: str) -> bool:
    """Return whether there is a bundled instance of that full name."""
    family, _, short = name.partition("/")
    return family in registry.family_names(ROOM) and short in read_data(family, "index.json")


def unknown(name: str) -> UnknownNameError:
    """Return the error for a name that is neither bundled nor a file; it offers the nearest names."""
    return UnknownNameError("instance", name, [entry.name for entry in names()])


def folder(family: str) -> Path:
    """Return the folder of a family's bundled data."""
    package = registry.family_module(ROOM, family)
    return Path(next(iter(package.__path__))) / "data"


def read_data(family: str, file: str) -> dict[str, Any]:
    """Return one of the small JSON files of a family's data folder, not to be changed; empty if the family has none."""
    path = folder(family) / file
    if not path.is_file():
        return {}
    stamp = path.stat()
    return _parsed(path, stamp.st_mtime_ns, stamp.st_ino)


@lru_cache(maxsize=32)
def _parsed(path: Path, changed: int, inode: int) -> dict[str, Any]:
    """Return what a file holds, parsed once for each time it was written."""
    del changed, inode
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise formats.FileError(str(path), "file", f"it is damaged ({error})", "install endonet again") from None
    if not isinstance(found, dict):
        raise formats.FileError(str(path), "file", "it is no JSON object", "install endonet again")
    return found


def path_of(name: str) -> Path | None:
    """Return the file of a bundled instance, or None if it is generated."""
    family, _, short = name.partition("/")
    for ending in ENDINGS:
        path = folder(family) / (short + ending)
        if path.is_file():
            return path
    return None


def generate(name: str) -> Any:
    """Return a bundled instance that is kept as generator, arguments and fingerprint.

    Raises
    ------
    InputError
        If the generator no longer gives the economy whose fingerprint was recorded.
    """
    family, _, short = name.partition("/")
    recipes = read_data(family, "generated.json")
    if short not in recipes:
        raise formats.FileError(name, "file", "the index names it, but its file is gone", "install endonet again")
    recipe = Fields(recipes[short])
    generators = registry.family_module(ROOM, family).GENERATORS
    problem = registry.lookup("generator", recipe.text("generator"), generators)(**recipe.mapping("arguments"))
    if problem.fingerprint != recipe.text("fingerprint"):
        raise InputError(
            name,
            f"its generator gives the fingerprint {problem.fingerprint[:12]}…, not the one recorded",
            "the random numbers or the arithmetic of this platform differ; use the platform of the record",
        )
    return replace(problem, name=name)
