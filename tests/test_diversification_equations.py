"""The page on which function writes which equation of the paper on chains: every name exists, none is left out."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from endonet.formulations.contracts import Formulation

PAGE = Path(__file__).resolve().parents[1] / "docs" / "equations" / "diversification.md"


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def resolve(name: str) -> Any:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = (
                found.__dataclass_fields__[part]
                if part in getattr(found, "__dataclass_fields__", {})
                else getattr(found, part)
            )
        return found
    raise ImportError(name)


def test_every_equation_appears_once() -> None:
    shown = [int(label) for row in rows() for label in re.findall(r"\((\d+)\)", row[0])]
    assert sorted(shown) == list(range(1, 92))


def test_every_name_and_component_exists() -> None:
    found = re.findall(r"`(endonet(?:\.\w+)+)`(?: \(((?:`\w+`(?:, )?)+)\))?", PAGE.read_text(encoding="utf-8"))
    assert len(found) > 60
    for name, components in found:
        thing = resolve(name)
        if components:
            assert issubclass(thing, Formulation)
            assert set(re.findall(r"\w+", components)) <= {equation.component for equation in thing.equations}, name
    for row in rows():
        assert len(row) == 3
        assert "`endonet." in row[2] or "not written" in row[2], row[0]
