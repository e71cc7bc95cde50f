"""The lessons: kept executed, small, and true: every cell runs again, and every answer checks itself."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "reports" / "lessons"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 200_000
SECONDS = re.compile(r"<?\d+\.\d+$", re.MULTILINE)  # the last column of a comparison

each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def tool() -> Any:
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(notebook: Any) -> list[list[str]]:
    """What each cell of code prints, but for times and blanks."""
    return [
        [SECONDS.sub("", line).rstrip() for out in cell.outputs if "text" in out for line in out.text.splitlines()]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_there_are_six_lessons() -> None:
    assert len(LESSONS) >= 6


@each
def test_a_lesson_is_kept_executed(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata["endonet"]["run"] == tool().digest(notebook), "it was edited: run `make lessons`"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(out.output_type == "error" for cell in code for out in cell.outputs)
    assert any("image/png" in out.get("data", {}) for cell in code for out in cell.outputs), "a picture"
    assert path.stat().st_size < LARGEST


@each
def test_a_lesson_teaches(path: Path) -> None:
    """A title, formulas, exercises, and for each exercise an answer that asserts what it says."""
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.match(r"# \d\. ", text)
    assert "$$" in text
    exercises = re.findall(r"^(\d)\. ", text.partition("## Exercises")[2], re.MULTILINE)
    answers = [cell for cell in notebook.cells if "hide-cell" in cell.metadata.get("tags", [])]
    assert len(exercises) >= 2
    assert len(answers) == len(exercises)
    for number, cell in zip(exercises, answers, strict=True):
        assert cell.source.startswith(f"# Answer {number}")
        assert "assert " in cell.source


@each
@pytest.mark.slow
def test_a_lesson_runs_again_and_says_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = str(FOLDER.parents[1] / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]))
    again, kept = tool().execute(path), nbformat.read(path, as_version=4)
    for now, then in zip(printed(again), printed(kept), strict=True):
        assert len(now) == len(then)
        for line, earlier in zip(now, then, strict=True):
            assert re.sub(r"[\d.e+-]+", "#", line) == re.sub(r"[\d.e+-]+", "#", earlier)


def test_an_edited_lesson_is_noticed() -> None:
    notebook = nbformat.read(LESSONS[0], as_version=4)
    notebook.cells[1].source += "\n# changed"
    assert notebook.metadata["endonet"]["run"] != tool().digest(notebook)
