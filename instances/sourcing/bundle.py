"""Writes the bundled economies and all their equilibria: ``python -m endonet.instances.sourcing.bundle``.

    equilibria.json   {"name": {"fingerprint": …, "equilibria": […], "autarky": […], "method": …, "version": …}, …}

The lists come from the command line's `certified`, whose certificate is checked before anything is written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from endonet.formulations.errors import EndonetError
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.instances import atomic, catalogue, files, formats
from endonet.instances.sourcing.generators import small

KNOWN = "equilibria.json"
# name: firms, seed, initiator, cyclic, open, median fixed cost
SMALL: dict[str, tuple[int, int, str, bool, bool, float]] = {
    "buyer-acyclic-6": (6, 0, "buyer", False, False, 0.005),
    "buyer-acyclic-none-4": (4, 9, "buyer", False, False, 0.01),
    "buyer-acyclic-open-6": (6, 0, "buyer", False, True, 0.005),
    "buyer-acyclic-open-none-4": (4, 4, "buyer", False, True, 0.01),
    "buyer-acyclic-open-two-6": (6, 104, "buyer", False, True, 0.005),
    "buyer-cyclic-6": (6, 0, "buyer", True, False, 0.005),
    "buyer-cyclic-two-6": (6, 77, "buyer", True, False, 0.005),
    "buyer-cyclic-open-two-4": (4, 120, "buyer", True, True, 0.01),
    "supplier-acyclic-6": (6, 0, "supplier", False, False, 0.005),
    "supplier-acyclic-none-6": (6, 4, "supplier", False, False, 0.005),
    "supplier-acyclic-open-two-6": (6, 18, "supplier", False, True, 0.005),
    "supplier-cyclic-two-4": (4, 3, "supplier", True, False, 0.01),
    "supplier-cyclic-open-4": (4, 0, "supplier", True, True, 0.01),
    "buyer-acyclic-200": (200, 1, "buyer", False, False, 0.0002),
}


def economies() -> Iterator[tuple[str, SourcingProblem]]:
    """Yield every bundled economy with its short name."""
    for name, (n, seed, initiator, cyclic, opened, fixed) in SMALL.items():
        share = 0.7 if n < 100 else 0.02
        yield name, small(n, seed, initiator, cyclic, opened, fixed=fixed, share=share)


def write(target: Path) -> None:
    """Write every economy and the index."""
    target.mkdir(exist_ok=True)
    index: dict[str, Any] = {}
    for name, problem in economies():
        files.save(replace(problem, name=f"sourcing/{name}"), target / f"{name}.json")
        index[name] = {"size": {"n": problem.n, "links": problem.m}, "description": problem.description}
    _write_json(target / "index.json", dict(sorted(index.items())))


def prove(target: Path) -> None:
    """Record all equilibria of every economy."""
    known = {}
    for name, problem in economies():
        with tempfile.TemporaryDirectory(prefix="endonet-equilibria-") as folder:
            file = str(Path(folder) / "solution.json")
            answer = json.loads(_endonet("solve", f"sourcing/{name}", "--solver", "certified", "--json", "--out", file))
            _endonet("check", f"sourcing/{name}", file)
        if answer["status"] not in ("optimal", "infeasible"):
            raise EndonetError(f"{name}: the list was not completed ({answer['status']})")
        known[name] = {"fingerprint": problem.fingerprint} | answer["decision"]
        known[name] |= {"method": "certified, its tree checked", "version": metadata.version("endonet")}
    _write_json(target / KNOWN, known)


def _endonet(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "endonet", *arguments], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        raise EndonetError(f"endonet {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _write_json(path: Path, fields: dict[str, Any]) -> None:
    atomic.write(path, lambda stream: formats.write(fields, path, stream))


def main() -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m endonet.instances.sourcing.bundle", description=__doc__)
    parser.add_argument("--equilibria", action="store_true", help="record the equilibria of the economies written")
    options = parser.parse_args()
    try:
        (prove if options.equilibria else write)(catalogue.folder("sourcing"))
    except EndonetError as error:
        sys.exit(f"bundle: {error}")


if __name__ == "__main__":
    main()
