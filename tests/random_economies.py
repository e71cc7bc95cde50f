"""Random planner's economies, and their best networks by trying all with the evaluator alone."""

from __future__ import annotations

import itertools
import warnings

import networkx as nx
import numpy as np

from endonet.formulations.errors import EconomyWarning, InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow

Network = tuple[int, ...]


def any_economy(seed: int, n: int, rows: int = 0, costs: float = 1.0) -> PlannerProblem | None:
    """Return an economy with weights, self-links, own α_j and f_j, any σ and ε; None if its rows conflict at sight."""
    draw = np.random.default_rng(seed)
    Omega = draw.random((n, n)) * (draw.random((n, n)) < draw.choice([0.25, 0.5]))
    if draw.random() < 0.5:
        np.fill_diagonal(Omega, 0.0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EconomyWarning)
            return PlannerProblem(
                Omega=Omega,
                z=np.exp(draw.normal(0.0, 0.5, n)),
                L=float(draw.choice([1.0, 2.5])),
                f=costs * draw.random(n) / n,
                alpha=draw.uniform(0.2, 0.8, n),
                sigma=draw.choice([1.5, 3.0, 6.0, 8.0]),
                epsilon=draw.choice([1.5, 4.0, 6.0]),
                constraints=tuple(_row(draw, n) for _ in range(rows)),
            )
    except InputError:
        return None


def _row(draw: np.random.Generator, n: int) -> LinearRow:
    firms = draw.choice(n, int(draw.integers(1, n + 1)), replace=False)
    coefficients = draw.choice([1.0, -1.0, 2.0, 0.5], firms.size)
    return LinearRow(firms, coefficients, draw.choice(["<=", ">=", "=="], p=[0.45, 0.45, 0.1]), draw.choice([0, 1, 2]))


def table_one(seed: int, n: int) -> PlannerProblem:
    """Return an economy as the notes to Table 1 of paper 001 describe them."""
    draw = np.random.default_rng(seed)
    spread, share, cost = (
        draw.choice([0.34, 0.39, 0.44]),
        draw.choice([0.45, 0.5, 0.55]),
        draw.choice([0.05, 0.1, 0.15]),
    )
    sigma, epsilon = draw.choice([4.0, 6.0, 8.0], 2)
    while True:
        Omega = (draw.random((n, n)) < min(1.0, 5 / (n - 1))) & ~np.eye(n, dtype=bool)
        if nx.is_strongly_connected(nx.from_numpy_array(Omega, create_using=nx.DiGraph)):
            break
    z = np.exp(draw.normal(0.0, spread, n))
    return PlannerProblem(Omega.astype(float), z, f=cost / n, alpha=share, sigma=sigma, epsilon=epsilon)


def all_networks(problem: PlannerProblem) -> list[tuple[float, Network]]:
    """Return every feasible network and its output, best first."""
    found = []
    for theta in itertools.product((0, 1), repeat=problem.n):
        outcome = problem.evaluate(theta)
        if outcome.feasible:
            found.append((outcome.value, theta))
    return sorted(found, key=lambda entry: (-entry[0], sum(entry[1]), entry[1]))
