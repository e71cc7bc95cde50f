"""Writes the ordering family's bundled instances: ``python -m endonet.instances.ordering.bundle``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from endonet.formulations import registry
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances import atomic, catalogue, files, formats
from endonet.instances.ordering import GENERATORS
from endonet.instances.ordering.graphs import from_links

GENERATED: dict[str, tuple[str, dict[str, Any]]] = {
    "sparse-40": ("sparse", {"n": 40, "degree": 3.0, "seed": 1}),
    "sparse-60-weighted": ("sparse", {"n": 60, "degree": 3.0, "seed": 1, "weighted": True}),
    "tournament-20": ("tournament", {"n": 20, "seed": 1}),
    "firms-200": ("firms", {"n": 200, "degree": 5.0, "seed": 1}),
    "firms-10000": ("firms", {"n": 10_000, "degree": 10.0, "seed": 1}),
}


def appendix_b() -> OrderingProblem:
    """Return the worked example of appendix B.4, firms A to E as 0 to 4.

    Its picture is lost; these links fit the printed buckets, output and violator set {(D, C)}.
    """
    text = "The worked example of appendix B.4, firms A to E; the least that violates any order is one link"
    source = "paper 002, appendix B.4; its links inferred from the printed steps"
    return from_links(5, [0, 2, 1, 3, 3], [1, 1, 3, 4, 2], description=text, source=source, licence="MIT")


def write(target: Path) -> None:
    """Write every instance, the list of generated ones, and the index."""
    target.mkdir(exist_ok=True)
    example = appendix_b()
    files.save(replace(example, name="ordering/appendix-b"), target / "appendix-b.json")
    index, recipes = {"appendix-b": _line(example)}, {}
    for name, (generator, arguments) in GENERATED.items():
        problem = registry.load(GENERATORS[generator])(**arguments)
        recipes[name] = {"generator": generator, "arguments": arguments, "fingerprint": problem.fingerprint}
        index[name] = _line(problem)
    _write_json(target / "generated.json", recipes)
    _write_json(target / "index.json", dict(sorted(index.items())))


def _line(problem: OrderingProblem) -> dict[str, Any]:
    return {"size": {"n": problem.n, "links": problem.links}, "description": problem.description}


def _write_json(path: Path, fields: dict[str, Any]) -> None:
    atomic.write(path, lambda stream: formats.write(fields, path, stream))


if __name__ == "__main__":
    write(catalogue.folder("ordering"))
