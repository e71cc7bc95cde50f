"""The pages that say which function writes which equation: every name exists, and no equation is left out."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from endonet.formulations.contracts import Formulation

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "equations"
PAGES = sorted(FOLDER.glob("*.md"))
NUMBERS = {"planner": [*map(str, range(1, 25)), "★"]}  # the numbered equations of the paper, counted by hand
NAME = re.compile(r"`(endonet(?:\.\w+)+)`(?: \(((?:`\w+`(?:, )?)+)\))?")


def rows(page: Path) -> list[list[str]]:
    """The cells of the page's table, header aside; a bar within a formula is written ``\\|``."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def labels(cell: str) -> list[str]:
    """The equations that the first cell of a row names, as in ``(A1), (A3)`` or ``(1)``."""
    return re.findall(r"\(([A-Z★]?\d*)\)", cell)


def said(page: Path) -> list[str]:
    """The equations that the page says its paper has: ``Numbered equations: (1) to (24), (A1) to (A6), (★).``"""
    line = re.search(r"^Numbered equations: (.*)\.$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert line, f"{page.name} does not say which numbered equations its paper has"
    found: list[str] = []
    for part in line[1].split(", "):
        first, *last = labels(part)
        letter, start = re.fullmatch(r"([A-Z]?)(\d*|★)", first).groups()  # type: ignore[union-attr]
        ends = int(last[0].removeprefix(letter)) if last else None
        found += [first] if ends is None else [f"{letter}{k}" for k in range(int(start), ends + 1)]
    return found


def resolve(name: str) -> Any:
    """The object that a dotted name stands for."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if part in getattr(found, "__dataclass_fields__", {}):
                return found.__dataclass_fields__[part]
            found = getattr(found, part)
        return found
    raise ImportError(name)


def test_there_is_a_page_for_the_planner() -> None:
    assert "planner" in {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_numbered_equation_appears(page: Path) -> None:
    shown = [label for row in rows(page) for label in labels(row[0])]
    assert set(said(page)) <= set(shown)
    if page.stem in NUMBERS:
        assert said(page) == NUMBERS[page.stem]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_name_exists(page: Path) -> None:
    names = NAME.findall(page.read_text(encoding="utf-8"))
    assert names
    for name, components in names:
        found = resolve(name)
        if components:
            assert isinstance(found, type), f"{name} is no class"
            assert issubclass(found, Formulation), f"{name} writes no model, so it has no components"
            written = {equation.component for equation in found.equations}
            assert set(re.findall(r"\w+", components)) <= written, f"{name} has no such component"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_row_says_who_writes_it_or_that_nobody_does(page: Path) -> None:
    for row in rows(page):
        assert len(row) == 3, row
        assert NAME.search(row[2]) or "not written" in row[2], f"{row[0]} of {page.name}"


def test_a_wrong_name_would_be_noticed() -> None:
    with pytest.raises((ImportError, AttributeError)):
        resolve("endonet.formulations.planner.primal.Primall")
    with pytest.raises((ImportError, AttributeError)):
        resolve("endonet.formulations.planner.evaluation.PlannerOutcome.yy")
