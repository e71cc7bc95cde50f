"""Writes the bundled set choices: ``python -m endonet.instances.suppliers.bundle``; a report proves their optima."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.instances import atomic, catalogue, files, formats
from endonet.instances.suppliers import generators

SOURCE = "Titton (2024), Endogenous Fragility in Opaque Supply Chains, section 5; numbers ours"


def problems() -> Iterator[tuple[str, SupplierProblem]]:
    """Yield every bundled problem with its short name."""

    def problem(text: str, c: Any = "1/25", **data: Any) -> SupplierProblem:
        return SupplierProblem(c=c, description=text, source=SOURCE, licence=generators.LICENCE, **data)

    yield (
        "safe-and-risky-2",
        problem("One safe and one risky supplier: an informed firm saves a link", risk=["1/5", "4/5"]),
    )
    yield (
        "example-3",
        problem(
            "The paper's unfinished example: two suppliers fail together, the third exactly when they do not",
            risk=[[0, 0, 1], [1, 1, 0]],
            probability=["1/2", "1/2"],
        ),
    )
    yield "independent-12", generators.independent(12, seed=1)
    yield (
        "tied-6",
        problem("Six equal independent suppliers: all sets of the best size tie", risk=["2/5"] * 6),
    )
    yield (
        "common-8",
        problem(
            "Eight suppliers behind one common Beta draw, as the opaque chain has them; firms tie between 1 and 2",
            risk=[0] * 8,
            regions=[{"suppliers": list(range(8)), "mu0": "2/5", "rho0": "3/4"}],
        ),
    )
    yield "scenarios-14", generators.scenarios(14, count=60, seed=3)
    yield "scenarios-30", generators.scenarios(30, count=400, seed=5, cost="1/250", failing="3/5")
    yield "regions-16", generators.regions(16, groups=3, seed=2)
    yield (
        "regions-cheap-24",
        replace(
            generators.regions(24, groups=2, seed=7, cost="1/250"), description="24 suppliers in two regions, low costs"
        ),
    )
    yield (
        "chain-4",
        problem(
            "A chain of four layers behind correlated suppliers: firms choose fewer than all layers together would",
            risk=[0, 0, "3/10", "3/10", "2/5", "1/2"],
            regions=[{"suppliers": [0, 1, 2], "mu0": "3/10", "rho0": "1/2"}],
            K=4,
        ),
    )
    yield (
        "marginals-6",
        problem(
            "Only marginals are known: the worst case keeps one supplier",
            risk=["3/10", "1/5", "1/4", "1/2", "2/5", "1/3"],
            known="marginals",
        ),
    )


def write(target: Path) -> None:
    """Write every problem and the index."""
    target.mkdir(exist_ok=True)
    index: dict[str, Any] = {}
    for name, problem in problems():
        files.save(replace(problem, name=f"suppliers/{name}"), target / f"{name}.json")
        size = {"n": problem.n} | ({"layers": problem.K} if problem.K > 1 else {})
        index[name] = {"size": size, "description": problem.description}
    path = target / "index.json"
    atomic.write(path, lambda stream: formats.write(dict(sorted(index.items())), path, stream))


def main() -> None:
    """Write the bundle where it belongs."""
    write(catalogue.folder("suppliers"))


if __name__ == "__main__":
    main()
