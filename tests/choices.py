"""Small interdependent choices of suppliers for tests, and their optima by trying every set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from endonet.formulations.sourcing.interdependent import SourcingChoice


def choice(seed: int, firms: int = 2, K: int = 6, exponent: float = 1.6, spread: float = 0.5) -> SourcingChoice:
    """Return a random choice whose fixed costs are of the size of marginal values, so that nothing is obvious."""
    rng = np.random.default_rng(seed)
    xi = rng.lognormal(0.0, 0.7, K if seed % 2 else (firms, K))
    half = 0.3 + np.sum(xi, axis=-1) / 2
    slope = exponent * half ** (exponent - 1)
    f = np.reshape(slope, (-1, 1)) * np.atleast_2d(xi) * rng.lognormal(-0.2, spread, (firms, K))
    return SourcingChoice(
        sigma=1 + 2 * exponent, theta=2.0, phi=rng.uniform(0.9, 1.1, firms), xi=xi, f=f, xi_0=0.3 * np.ones(firms)
    )


def sets(problem: SourcingChoice) -> Iterator[np.ndarray[Any, Any]]:
    """Yield every set of suppliers of one firm."""
    for mask in range(2**problem.K):
        yield (mask >> np.arange(problem.K)) & 1


def profits_by_trying_all(problem: SourcingChoice) -> np.ndarray[Any, Any]:
    """Return each firm's best profit; the evaluator alone decides."""
    return np.max([problem.evaluate(np.tile(Z, (problem.firms, 1))).profit for Z in sets(problem)], axis=0)


def best_by_trying_all(problem: SourcingChoice) -> float:
    """Return the largest Σ π."""
    return float(profits_by_trying_all(problem).sum())


TINY: dict[str, Callable[[], SourcingChoice]] = {
    "complements": lambda: choice(1),
    "substitutes": lambda: choice(2, exponent=0.6, spread=0.1),
    "independent": lambda: choice(3, exponent=1.0),
}
