"""Small set choices whose optimum is found by trying every set in exact rationals, with the evaluator alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet


def choice(risk: Any = ("1/5", "1/2", "2/5"), c: Any = "1/25", **more: Any) -> SupplierProblem:
    """Return a problem; numbers may be strings."""
    return SupplierProblem(risk=list(risk), c=c, **more)


def all_sets(n: int) -> Iterator[tuple[int, ...]]:
    """Yield every set of suppliers, the smallest first."""
    for size in range(n + 1):
        yield from itertools.combinations(range(n), size)


def all_decisions(problem: SupplierProblem) -> Iterator[SupplierSet]:
    """Yield every set with every number of layers that buy."""
    for chosen in all_sets(problem.n):
        for buying in range(problem.K if chosen else 1):
            yield SupplierSet(chosen, tuple(int(k < buying) for k in range(problem.K - 1)))


def best_sets(problem: SupplierProblem) -> tuple[Fraction, list[tuple[int, ...]]]:
    """Return the greatest exact welfare, and every set that attains it."""
    worth = [(problem.evaluate(decision).welfare, decision.suppliers) for decision in all_decisions(problem)]
    best = max(value for value, _ in worth)
    return best, list(dict.fromkeys(chosen for value, chosen in worth if value == best))


def best_by_trying_all(problem: SupplierProblem) -> float:
    """Return the optimum, by evaluating every decision."""
    return float(best_sets(problem)[0])


SCENARIOS = {"probability": ["1/2", "1/4", "1/4"], "risk": [[0, 0, 1, 0], [1, 1, 0, 0], [1, "1/2", 1, 1]]}
REGION = {"suppliers": [0, 1, 2], "mu0": "2/5", "rho0": "3/4"}

TINY = {
    "independent": choice,
    "scenarios": lambda: choice(**SCENARIOS),
    "regions": lambda: choice([0, "1/10", 0, "1/3"], regions=[REGION], fees=[0, "1/100", "1/50", 0]),
    "tied": lambda: choice(["1/2"] * 4, ties="higher"),
    "chain": lambda: choice(["2/5", "1/2", "1/2", "3/5"], K=3, pi=[1, "1/2", "1/3"], c=["1/12", "1/10", "3/4"]),
    "marginals": lambda: choice(known="marginals", fees=["1/5", 0, "1/20"]),
}
