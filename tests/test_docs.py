"""The documentation: its code runs as printed, its toy formulation and solver work, and the site builds without warnings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ROOMS = ("formulations", "solvers", "instances", "reports")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+?)(?:, under (\w+))?\n")
PAGES = sorted(page.name for page in DOCS.glob("*.md") if "```python" in page.read_text(encoding="utf-8"))


def run(command: list[str] | str, folder: Path, tree: Path = ROOT) -> str:
    """Run a command with the package of a tree, and return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(tree / "src"), "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def blocks(page: str) -> list[tuple[str, str]]:
    return FENCE.findall((DOCS / page).read_text(encoding="utf-8"))


def run_page(page: str, folder: Path, tree: Path = ROOT) -> None:
    """Run a page's Python in one interpreter, then its commands; ``# →`` says how a line ends that is printed."""
    script = "\n".join(code for language, code in blocks(page) if language == "python" and not FILE.match(code))
    printed = run([sys.executable, "-c", script], folder, tree).splitlines()
    place = 0
    for said in re.findall(r"# → (.*)$", script, re.MULTILINE):
        place = next((k for k in range(place, len(printed)) if printed[k].endswith(said)), len(printed)) + 1
        assert place <= len(printed), f"{said!r} is not (or not there) in\n{printed}"
    for language, code in blocks(page):
        if language == "console":
            for line in code.splitlines():
                if line.startswith("$ "):
                    run(line.removeprefix("$ ").replace("endonet", f"{sys.executable} -m endonet", 1), folder, tree)


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the files and lines that ``extending.md`` tells a reader to write."""
    tree = tmp_path_factory.mktemp("extended")
    for folder in (*ROOMS, "src", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, symlinks=True)  # with what numba has compiled
    shutil.copy(ROOT / "pyproject.toml", tree)
    written = 0
    for language, code in blocks("extending.md"):
        told = FILE.match(code)
        if language != "python" or not told:
            continue
        file, members, body = tree / told[1], told[2], code[told.end() :]
        if members is None:
            assert not file.exists(), f"{told[1]} is not new"
            file.write_text(body, encoding="utf-8")
        else:
            text = file.read_text(encoding="utf-8")
            assert text.count(f"{members} = {{\n") == 1
            file.write_text(text.replace(f"{members} = {{\n", f"{members} = {{\n{body}"), encoding="utf-8")
        written += 1
    assert written == 4
    return tree


@pytest.mark.parametrize("page", [page for page in PAGES if page != "extending.md"])
def test_the_code_of_a_page_runs(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path)


def test_the_toy_formulation_and_solver_run(extended: Path, tmp_path: Path) -> None:
    run_page("extending.md", tmp_path, extended)


def test_the_toy_files_are_in_style(extended: Path) -> None:
    files = [str(extended / name) for name in ("formulations/planner/plain.py", "solvers/planner/pruning.py")]
    run([sys.executable, "-m", "ruff", "check", *files], extended)
    run([sys.executable, "-m", "ruff", "format", "--check", *files], extended)


@pytest.mark.slow
def test_the_toy_formulation_and_solver_keep_the_contracts(extended: Path) -> None:
    chosen = ["-k", "plain or pruning", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"]
    assert "passed" in run([sys.executable, "-m", "pytest", "tests/test_contracts.py", *chosen], extended, extended)
