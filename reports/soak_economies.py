"""Small economies made to find solvers out: draw d of a seed is the same economy everywhere and for ever.

Kinds take turns, so that any stretch of draws holds all of them. Where a draw is no valid economy (rows that conflict
at sight), the next one of the same kind is taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from endonet.formulations.errors import EconomyWarning, InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow

LEAST, MOST = 3, 7  # firms; every network is evaluated, so that 2^7 is cheap beside any solver
Draw = np.random.Generator
Parts = dict[str, Any]


def draw(seed: int, number: int) -> tuple[str, PlannerProblem]:
    """Return the kind and the economy of draw ``number`` of a seed."""
    name = tuple(KINDS)[number % len(KINDS)]
    for attempt in count():
        rng = np.random.Generator(np.random.PCG64([seed, number, attempt]))
        parts = KINDS[name](rng, int(rng.integers(LEAST, MOST + 1)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EconomyWarning)
                return name, PlannerProblem(name=f"soak-{seed}-{number}", description=name, **parts)
        except InputError:
            continue
    raise AssertionError


def _plain(rng: Draw, n: int) -> Parts:
    """Links of weight 1 that no firm has to itself, and Table 1's elasticities."""
    Omega = (rng.random((n, n)) < rng.choice([0.4, 0.7])).astype(float)
    np.fill_diagonal(Omega, 0.0)
    Omega[np.roll(np.arange(n), 1), np.arange(n)] = 1.0
    sigma, epsilon = rng.choice([4.0, 6.0, 8.0], 2)
    z = np.exp(0.39 * rng.standard_normal(n))
    return {"Omega": Omega, "z": z, "f": rng.choice([0.1, 0.5, 1.5]) / n, "sigma": sigma, "epsilon": epsilon}


def _general(rng: Draw, n: int) -> Parts:
    """Weights, links to oneself, own α_j and f_j, firms that may lack a supplier, any elasticities."""
    Omega = rng.random((n, n)) * (rng.random((n, n)) < rng.choice([0.3, 0.6]))
    return _plain(rng, n) | {
        "Omega": Omega,
        "L": float(rng.choice([0.5, 1.0, 2.5])),
        "A": float(rng.choice([0.3, 1.0, 2.0])),
        "f": rng.random(n) / n * rng.choice([0.2, 0.8]),
        "alpha": rng.uniform(0.15, 0.85, n),
        "sigma": rng.uniform(1.4, 9.0),
        "epsilon": rng.uniform(1.4, 9.0),
    }


def _steep(rng: Draw, n: int) -> Parts:
    """α(σ−1) > ε−1, where q^(σ−1) is convex in the inputs."""
    epsilon = rng.uniform(1.5, 3.0)
    alpha = rng.uniform(0.5, 0.8)
    sigma = 1 + (epsilon - 1) / alpha * rng.uniform(1.05, 1.8)
    return _general(rng, n) | {"alpha": alpha, "epsilon": epsilon, "sigma": sigma}


def _rows(rng: Draw, n: int) -> Parts:
    """A few rows with arbitrary firms, signs and senses; they may leave nothing."""

    def row() -> LinearRow:
        firms = rng.choice(n, int(rng.integers(1, n + 1)), replace=False)
        sense = str(rng.choice(["<=", ">=", "=="], p=[0.4, 0.4, 0.2]))
        return LinearRow(firms, rng.choice([1.0, -1.0, 2.0, 0.5], firms.size), sense, float(rng.choice([0, 1, 2])))

    base = _plain if rng.random() < 0.5 else _general
    return base(rng, n) | {"constraints": tuple(row() for _ in range(int(rng.integers(1, 4))))}


def _budget(rng: Draw, n: int) -> Parts:
    """At most so many firms, and of some pairs at most one."""
    pairs = rng.permutation(n)[: n - n % 2].reshape(-1, 2)[: int(rng.integers(0, 2))]
    rows = [LinearRow(range(n), [1.0] * n, "<=", float(rng.integers(1, n + 1)))]
    rows += [LinearRow([int(i), int(j)], [1.0, 1.0], "<=", 1.0) for i, j in pairs]
    return _plain(rng, n) | {"constraints": tuple(rows)}


def _bailout(rng: Draw, n: int) -> Parts:
    """Firms that must operate, although they are the worst, and firms that must not."""
    parts = _plain(rng, n)
    kept, shut = int(np.argmin(parts["z"])), int(np.argmax(parts["z"]))
    rows = (LinearRow([kept], [1.0], "==", 1.0), LinearRow([shut], [1.0], "==", 0.0))
    return parts | {"constraints": rows[: int(rng.integers(1, 3))] if kept != shut else ()}


def _near_ties(rng: Draw, n: int) -> Parts:
    """Firms that differ by less than solvers resolve, so that many networks are worth nearly the same."""
    spread = float(rng.choice([0.0, 1e-12, 1e-9, 1e-7, 1e-5]))
    return _plain(rng, n) | {"z": 1.0 + spread * rng.standard_normal(n)}


def _identical(rng: Draw, n: int) -> Parts:
    """Identical firms in a complete network, where nothing but the number of firms matters."""
    links = np.ones((n, n))
    if rng.random() < 0.5:
        np.fill_diagonal(links, 0.0)
    sigma, epsilon = rng.choice([4.0, 6.0], 2)
    return {"Omega": links, "z": np.ones(n), "f": rng.choice([0.05, 0.3, 0.9]) / n, "sigma": sigma, "epsilon": epsilon}


def _sigma_near_1(rng: Draw, n: int) -> Parts:
    """Final goods that hardly substitute for each other: output turns on every firm."""
    return _plain(rng, n) | {"sigma": 1 + float(rng.choice([0.3, 0.1, 0.03, 0.01]))}


def _epsilon_near_1(rng: Draw, n: int) -> Parts:
    """Inputs that hardly substitute for each other."""
    return _plain(rng, n) | {"epsilon": 1 + float(rng.choice([0.3, 0.1, 0.03, 0.01])), "sigma": rng.uniform(1.5, 5.0)}


def _elastic(rng: Draw, n: int) -> Parts:
    """Nearly perfect substitutes: the best firm takes nearly everything."""
    return _plain(rng, n) | {"sigma": rng.uniform(15.0, 60.0), "epsilon": rng.uniform(15.0, 60.0)}


def _alpha_near_1(rng: Draw, n: int) -> Parts:
    """Hardly any labour in production, where loops of suppliers multiply everything."""
    return _plain(rng, n) | {"alpha": 1 - float(rng.choice([0.1, 0.03, 0.01]))}


def _alpha_near_0(rng: Draw, n: int) -> Parts:
    """Hardly any inputs in production."""
    return _plain(rng, n) | {"alpha": float(rng.choice([1e-6, 1e-3, 0.03]))}


def _f_near_0(rng: Draw, n: int) -> Parts:
    """Firms that cost nothing, or next to nothing."""
    return _plain(rng, n) | {"f": float(rng.choice([0.0, 1e-12, 1e-9, 1e-6])) * rng.random(n)}


def _f_near_L(rng: Draw, n: int) -> Parts:
    """Firms of which each takes nearly all labour, so that at most one or two can operate."""
    room = 10.0 ** -rng.uniform(0.5, 6.0, n)
    return _plain(rng, n) | {"Omega": np.ones((n, n)), "f": np.where(rng.random(n) < 0.7, 1 - room, 0.4)}


def _wide_z(rng: Draw, n: int) -> Parts:
    """Productivities over twelve orders of magnitude."""
    z = 10.0 ** rng.uniform(-6.0, 6.0, n)
    z[0], z[-1] = 1e-6, 1e6
    return _plain(rng, n) | {"z": z, "sigma": rng.uniform(1.5, 5.0), "epsilon": rng.uniform(1.5, 5.0)}


def _one_link(rng: Draw, n: int) -> Parts:
    """One supplier for every firm: loops with trees that hang on them."""
    Omega = np.zeros((n, n))
    Omega[rng.integers(0, n, n), np.arange(n)] = rng.uniform(0.5, 1.5, n)
    return _plain(rng, n) | {"Omega": Omega}


def _hub(rng: Draw, n: int) -> Parts:
    """A hub on which all depend, and spokes that are alike."""
    Omega = np.zeros((n, n))
    Omega[0, 1:] = Omega[1:, 0] = 1.0
    z = np.concatenate([[rng.uniform(0.7, 1.5)], np.full(n - 1, 1.0)])
    return _plain(rng, n) | {"Omega": Omega, "z": z}


KINDS: dict[str, Callable[[Draw, int], Parts]] = {
    "plain": _plain,
    "general": _general,
    "ακ > 1": _steep,
    "rows": _rows,
    "budget": _budget,
    "bail-out": _bailout,
    "near ties": _near_ties,
    "identical firms": _identical,
    "σ near 1": _sigma_near_1,
    "ε near 1": _epsilon_near_1,
    "σ, ε large": _elastic,
    "α near 1": _alpha_near_1,
    "α near 0": _alpha_near_0,
    "f near 0": _f_near_0,
    "f near L": _f_near_L,
    "z over 12 orders": _wide_z,
    "one link each": _one_link,
    "hub": _hub,
}


def meaning(kind: str) -> str:
    """Return what the economies of a kind are."""
    return (KINDS[kind].__doc__ or "").strip()
