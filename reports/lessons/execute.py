"""Run the notebooks of this folder again, in place: `make lessons`, or this file with the notebooks to run.

A notebook is kept executed, so that it can be read anywhere as it is. What depends on the machine or the moment is left
out, and a digest of its sources is kept in its metadata: `tests/test_lessons.py` notices a notebook that was edited
and not run again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
SECONDS = 600


def digest(notebook: Any) -> str:
    """Return a digest of the sources of all cells."""
    sources = "\0".join(f"{cell.cell_type}\0{cell.source}" for cell in notebook.cells)
    return hashlib.sha256(sources.encode()).hexdigest()


def execute(path: Path) -> Any:
    """Return a notebook after running all its cells; an exception in one of them, such as a wrong answer, is raised."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
    notebook.metadata = {
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
        "endonet": {"run": digest(notebook)},
    }
    return notebook


def main(names: Sequence[str]) -> None:
    """Execute the notebooks named, or all of them."""
    for path in [Path(name) for name in names] or sorted(HERE.glob("*.ipynb")):
        print(path.name, flush=True)
        nbformat.write(execute(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
