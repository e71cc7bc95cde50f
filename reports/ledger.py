"""Measurements that survive an interruption: a file of JSON lines, one for each finished cell.

A line is appended in one piece and forced to the disk before the next cell begins. A cell is known by its key, which
holds whatever its numbers depend on, so that a rerun with other parameters measures anew and keeps the old lines.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from endonet.plain import to_json

ROOMS = ("formulations", "solvers", "instances")


@cache
def code() -> str:
    """Return a digest of the code that numbers depend on: all rooms but that of the reports."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for file in sorted(_sources(resources.files(f"endonet.{room}")), key=lambda file: str(file)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _sources(folder: Any) -> Iterator[Any]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry


class Ledger:
    """The finished cells in a file.

    Parameters
    ----------
    path : Path
        Created with the first cell. A last line that an interruption cut short is dropped.

    Attributes
    ----------
    added : int
        How many cells were added since the file was opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.added = 0
        self._cells: dict[str, dict[str, Any]] = {}
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        for line in whole.decode("utf-8").splitlines():
            cell = _cell(line)
            if cell is not None:
                self._cells[_name(cell["key"])] = cell["found"]

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what was found for a key, or None."""
        return self._cells.get(_name(key))

    def add(self, key: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
        """Append a finished cell and return it as a reader of the file would."""
        line = to_json({"key": key, "found": found})
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, line.encode("utf-8") + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        kept: dict[str, Any] = json.loads(line)["found"]
        self._cells[_name(key)] = kept
        self.added += 1
        return kept


def _name(key: Mapping[str, Any]) -> str:
    return json.dumps(json.loads(to_json(key)), sort_keys=True)


def _cell(line: str) -> dict[str, Any] | None:
    """Return the cell that a line holds; a line that holds none belongs to somebody else and is left alone."""
    try:
        cell = json.loads(line)
    except json.JSONDecodeError:
        return None
    return cell if isinstance(cell, dict) and cell.keys() == {"key", "found"} else None
