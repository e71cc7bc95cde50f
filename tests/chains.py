"""Small chains whose optimum is found by trying every path in exact rationals, with the evaluator alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from endonet.formulations.diversification.problem import ChainProblem

MOST = 6


def chain(K: int = 2, mu0: Any = "1/2", rho0: Any = "1/5", c: Any = "1/25", **more: Any) -> ChainProblem:
    """Return a chain; numbers may be strings."""
    return ChainProblem(K=K, mu0=mu0, rho0=rho0, c=c, **more)


def all_paths(K: int, most: int = MOST) -> Iterator[tuple[int, ...]]:
    """Yield every path with at most so many suppliers a layer, zeros after a zero."""
    for path in itertools.product(range(most + 1), repeat=K):
        if not any(a == 0 and b > 0 for a, b in itertools.pairwise(path)):
            yield path


def best_paths(problem: ChainProblem, most: int = MOST) -> tuple[Fraction | None, list[tuple[int, ...]]]:
    """Return the greatest exact welfare and every path that attains it."""
    best: Fraction | None = None
    found: list[tuple[int, ...]] = []
    for path in all_paths(problem.K, most if problem.m is None else min(most, problem.m)):
        outcome = problem.evaluate(path)
        if not outcome.feasible:
            continue
        assert outcome.welfare is not None
        if best is None or outcome.welfare > best:
            best, found = outcome.welfare, []
        if outcome.welfare == best:
            found.append(path)
    return best, found


def best_by_trying_all(problem: ChainProblem) -> float:
    """Return the optimum, by evaluating every path."""
    best, _ = best_paths(problem)
    assert best is not None
    return float(best)


TINY = {
    "moderate": lambda: chain(3),
    "layers differ": lambda: chain(3, "4/5", "1/2", ["1/25", "1/10", "1/50"], pi=[1, 2, "1/2"]),
    "independent": lambda: chain(2, "3/5", 0),
    "common": lambda: chain(2, "3/5", 1),
    "tied": lambda: chain(2, "1/3", "1/4", "1/15", ties="higher"),
    "finite": lambda: chain(2, "3/5", "1/5", m=4),
    "target": lambda: chain(2, "3/5", "1/5", risk_target="1/8"),
}
