"""Small economies whose optimum is found by trying every decision, with the evaluator alone.

``ENDONET_ECONOMY_SEED=N`` draws those of TINY and of the conformance suite anew: what holds of solvers holds of all.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np

from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow


def economy(
    seed: int, n: int = 6, sigma: float = 5.0, epsilon: float = 5.0, f: float = 0.03, rows: tuple[LinearRow, ...] = ()
) -> PlannerProblem:
    """Return a random economy in which every firm has a supplier."""
    draw = np.random.default_rng(seed)
    Omega = (draw.random((n, n)) < 0.5).astype(float)
    np.fill_diagonal(Omega, 0.0)
    Omega[np.roll(np.arange(n), 1), np.arange(n)] = 1.0
    z = np.exp(0.4 * draw.standard_normal(n))
    return PlannerProblem(Omega, z, f=f, sigma=sigma, epsilon=epsilon, constraints=rows, name=f"tiny-{seed}")


SEED = int(os.environ.get("ENDONET_ECONOMY_SEED", "0"))


def drawn(number: int, **given: Any) -> PlannerProblem:
    """Return economy ``number`` of the seed that was asked for, by default the one that `economy` gives."""
    return economy(number if SEED == 0 else 1000 * SEED + number, **given)


def best_by_trying_all(problem: PlannerProblem) -> float:
    """Return the optimum, by evaluating every decision."""
    outcomes = (problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=problem.n))
    return max(outcome.value for outcome in outcomes if outcome.feasible)


TINY = {
    "plain": lambda: drawn(1),
    "costly": lambda: drawn(2, f=0.12),
    "sigma above epsilon": lambda: drawn(3, sigma=8.0, epsilon=4.0, f=0.08),
    "sigma below epsilon": lambda: drawn(4, sigma=4.0, epsilon=6.0, f=0.08),
    "budget": lambda: drawn(5, rows=(LinearRow(range(6), [1] * 6, "<=", 3),)),
    "bail-out and exclusion": lambda: drawn(
        6, f=0.1, rows=(LinearRow([2], [1], "==", 1), LinearRow([0, 1], [1, 1], "<=", 1))
    ),
}
