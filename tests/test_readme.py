"""Every example in the README runs, and prints what the README says it prints.

Console output is compared loosely: the words that the README shows must be there, and so must its long numbers, to
within rounding. Times and versions differ from machine to machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(TEXT)
WORD = re.compile(r"[A-Za-z_]{3,}")
NUMBER = re.compile(r"\d+\.\d{5,}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples, since later ones read what earlier ones wrote."""
    return tmp_path_factory.mktemp("readme")


def run(code: list[str] | str, folder: Path) -> str:
    """Run a command as a reader would, and return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        code,
        shell=isinstance(code, str),
        cwd=folder,
        env=os.environ | {"PATH": path, "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    return done.stdout


def assert_shown(shown: str, printed: str) -> None:
    words, numbers = set(WORD.findall(printed)), [float(n) for n in NUMBER.findall(printed)]
    missing = [word for word in WORD.findall(shown) if word not in words]
    assert not missing, f"the README shows {missing}, which is not in\n{printed}"
    for number in map(float, NUMBER.findall(shown)):
        assert any(abs(number - other) <= 1e-5 * abs(number) for other in numbers), f"no {number} in\n{printed}"


def commands(block: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each is said to print."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found:
            command, shown = found.pop()
            found.append((command, f"{shown}{line}\n") if not command.endswith("\\") else (f"{command[:-1]}{line}", ""))
    return found


def test_the_readme_has_examples_of_both_kinds() -> None:
    assert {"python", "console"} <= {language for language, _ in BLOCKS}


def test_python_examples(folder: Path) -> None:
    """All Python blocks, one after the other, in one interpreter; ``# →`` says what the line before prints."""
    script = "\n".join(block for language, block in BLOCKS if language == "python")
    printed = run([sys.executable, "-W", "error::endonet.EconomyWarning", "-c", script], folder)
    assert_shown("\n".join(re.findall(r"# → (.*)$", script, re.MULTILINE)), printed)


CONSOLE = [command for language, block in BLOCKS if language == "console" for command in commands(block)]


@pytest.mark.parametrize("command", CONSOLE, ids=lambda command: command[0])
def test_console_examples(command: tuple[str, str], folder: Path) -> None:
    line, shown = command
    if line.split()[0] in ("pip", "make", "git"):
        pytest.skip("setting up is what the tests themselves have done")
    assert_shown(shown, run(line, folder))


def test_files_that_the_readme_points_to_exist() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", TEXT):
        assert (ROOT / target).exists(), f"there is no {target}"


def test_the_tables_list_what_there_is() -> None:
    """Every solver with what it proves, and every formulation with its class and the shape of its relaxation."""
    from endonet import catalogue

    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:1] == "|"]
    table = {row[0]: row for row in rows}
    for solver in catalogue.solvers():
        assert table[solver["name"]][2] == solver["proves"]
    for formulation in catalogue.formulations():
        assert table[formulation["name"]][1:3] == [formulation["class"], formulation["relaxation"]]
