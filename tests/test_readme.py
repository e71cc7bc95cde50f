"""Every example in the README runs, and prints what the README says it prints.

Console output is compared line by line: the words must be the same, and so must the numbers, to the digits shown; gaps
and residuals must be as small. Only times, and the exact size of a certificate, differ from machine to machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(TEXT)
FRAME = re.compile(r"[╭╮╰╯│─]+")
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
TINY = 1e-10  # gaps and residuals below are rounding, and bounds differ by as much from version to version
SIZES = ("nodes", "rounds", "prices")


SCIP = "import pyomo.environ as pyo; print(bool(pyo.SolverFactory('scip_direct').available(False)))"


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
    """Every line shown is printed, in this order; blanks, frames and what depends on the machine aside."""
    there = [words for line in printed.splitlines() if (words := FRAME.sub(" ", line).split())]
    place, columns = 0, 0
    for line in shown.splitlines():
        words = FRAME.sub(" ", line).split()
        if not words:
            continue
        while place < len(there) and not agree(words, there[place], timed=len(words) == columns):
            place += 1
        assert place < len(there), f"the README shows\n{line}\nwhich is not (or not there) in\n{printed}"
        place += 1
        if words[-1] == "seconds":  # the table that follows has a last column of times
            columns = len(words)


def agree(shown: list[str], printed: list[str], timed: bool) -> bool:
    """Whether two lines say the same, numbers to within rounding; times and the size of a certificate may differ."""
    if timed and len(shown) == len(printed):
        shown, printed = shown[:-1], printed[:-1]
    if shown[0] == "time" and printed[0] == "time":
        return [word for word in shown if not NUMBER.match(word)] == [w for w in printed if not NUMBER.match(w)]
    loose = shown[0] in SIZES
    return len(shown) == len(printed) and all(map(partial(close, loose=loose), shown, printed))


def close(shown: str, printed: str, loose: bool) -> bool:
    """Whether two words are the same, or two numbers agree to the digits shown, but for the last."""
    one, other = shown.strip(",;:()"), printed.strip(",;:()")
    if not (NUMBER.fullmatch(one) and NUMBER.fullmatch(other)):
        return shown == printed
    if loose:
        return int(one) <= 5 * int(other) <= 25 * int(one)
    if one.isdigit() and other.isdigit():
        return one == other
    last = float(Decimal(1).scaleb(int(Decimal(one).as_tuple().exponent)))
    return abs(float(one) - float(other)) <= max(1.01 * last if abs(float(one)) > TINY else 0.0, TINY)


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
    """All Python blocks, one after the other, in one interpreter; ``# →`` says how a line ends that is printed.

    ``# with SCIP →`` says so where Pyomo can call SCIP.
    """
    script = "\n".join(block for language, block in BLOCKS if language == "python")
    printed = run([sys.executable, "-W", "error::endonet.EconomyWarning", "-c", script], folder).splitlines()
    scip = run([sys.executable, "-c", SCIP], folder).strip() == "True"
    place = 0
    for only, said in re.findall(r"# (with SCIP )?→ (.*)$", script, re.MULTILINE):
        if not only or scip:
            place = next((k for k in range(place, len(printed)) if said in printed[k]), len(printed)) + 1
            assert place <= len(printed), f"{said!r} is not (or not there) in\n{printed}"


def test_a_stale_example_is_noticed() -> None:
    table = "solver  status  value  gap  seconds\n───\ncertified  optimal  0.8508855  2e-12  0.067"
    assert_shown(table, table.replace("0.067", "3.1").replace("2e-12", "7e-12"))
    for stale in (("0.8508855", "0.8508999"), ("2e-12", "4e-08"), ("optimal", "feasible"), ("certified", "scip")):
        with pytest.raises(AssertionError):
            assert_shown(table, table.replace(*stale))


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
