"""Writes the bundled chains: ``python -m endonet.instances.diversification.bundle``; a report proves their optima.

The paper states the high ratio of costs, (c/2)/π = 0.02, and neither the low one nor K; 0.002 and K = 10 are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from endonet.formulations.diversification.problem import ChainProblem
from endonet.instances import atomic, catalogue, files, formats
from endonet.instances.diversification import generators

HIGH, LOW = "1/25", "1/250"


def chains() -> Iterator[tuple[str, ChainProblem]]:
    """Yield every bundled chain with its short name."""

    def chain(text: str, K: int, mu0: str, rho0: str, c: Any = HIGH, pi: Any = 1, **rows: Any) -> ChainProblem:
        source = f"{generators.PAPER}; parameters ours"
        licence = generators.LICENCE
        return ChainProblem(K, mu0, rho0, pi, c, description=text, source=source, licence=licence, **rows)  # type: ignore[arg-type]

    yield "high-10", chain("High cost ratio, moderate risk and correlation", 10, "1/2", "3/10")
    yield "low-10", chain("Low cost ratio, moderate risk and correlation", 10, "1/2", "3/10", LOW)
    yield (
        "fragile-10",
        chain("Firms stop diversifying, a planner would not", 10, "19/20", "1/20"),
    )
    yield "independent-10", chain("Independent basal disruptions, ρ0 = 0", 10, "7/10", "0")
    yield "common-10", chain("One common basal disruption, ρ0 = 1: nothing can be diversified", 10, "7/10", "1")
    yield "collapse-5", chain("Risk beyond 1 − (c/2)/π: firms buy nothing, a planner does", 5, "99/100", "1/100")
    yield "firm-tie-3", chain("Firms of the first layer tie exactly between one and two suppliers", 3, "2/5", "3/4")
    yield "firm-tie-4", chain("Firms tie exactly at the uniform law's neighbour (1/2, 1/5)", 4, "1/2", "1/5")
    yield "planner-tie-2", chain("Two paths tie exactly for the planner", 2, "2/3", "1/4", "1/30")
    yield "uniform-law-6", chain("X uniform on [0, 1], so that M(n) = 1/(n + 1)", 6, "1/2", "1/3", "1/50")
    yield "deep-30", chain("Thirty layers, high correlation and low costs: S beyond 10^12", 30, "4/5", "4/5", LOW)
    yield "rare-correlation-30", chain("Thirty layers, ρ0 = 1e-12", 30, "9/10", "1/1000000000000")
    yield "costly-4", chain("Suppliers so dear that nobody multisources, (c/2)/π > 1/12", 4, "1/2", "1/10", "1/5")
    yield "finite-20", chain("Twenty firms a layer, whose suppliers overlap", 10, "1/2", "3/10", m=20)
    yield "finite-300", chain("Three hundred firms a layer, low costs, high risk", 10, "7/10", "1/5", LOW, m=300)
    yield "finite-tie-2", chain("Five firms a layer; those of the first tie exactly", 2, "2/5", "3/4", m=5)
    yield "varied-8", replace(generators.varied(8, seed=4))
    yield "budget-5", chain("A budget on links", 5, "3/5", "1/5", budget="7/10")
    yield "target-5", chain("The last layer's expected disruption is at most 1/20", 5, "3/5", "1/5", risk_target="1/20")
    yield (
        "tail-5",
        chain(
            "P(R_K > 1/2) is at most 1/50, at most four suppliers", 5, "3/5", "1/5", tail=["1/2", "1/50"], caps=[4] * 5
        ),
    )


def write(target: Path) -> None:
    """Write every chain and the index."""
    target.mkdir(exist_ok=True)
    index: dict[str, Any] = {}
    for name, problem in chains():
        files.save(replace(problem, name=f"diversification/{name}"), target / f"{name}.json")
        size = {"layers": problem.K} | ({} if problem.m is None else {"firms": problem.m})
        index[name] = {"size": size, "description": problem.description}
    path = target / "index.json"
    atomic.write(path, lambda stream: formats.write(dict(sorted(index.items())), path, stream))


def main() -> None:
    """Write the bundle where it belongs."""
    write(catalogue.folder("diversification"))


if __name__ == "__main__":
    main()
