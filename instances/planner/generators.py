"""Random and regular economies for the planner, each from a seed; figures 1 to 4 of the paper stand in `examples`.

Wherever the paper's total fixed cost n·f is a parameter it is called ``f_n``, so that f = f_n / n.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.instances.planner import degrees, draws
from endonet.instances.planner.draws import Seed

PAPER = "Taschereau-Dumouchel (2018), Cascades and Fluctuations in an Economy with an Endogenous Production Network"
LICENCE = "MIT"
REDRAWS = 100_000

GRID = {
    "f_n": (0.05, 0.1, 0.15),
    "sigma_z": (0.34, 0.39, 0.44),
    "alpha": (0.45, 0.5, 0.55),
    "sigma": (4.0, 6.0, 8.0),
    "epsilon": (4.0, 6.0, 8.0),
}


def table1(
    n: int = 8,
    sigma_z: float = 0.39,
    f_n: float = 0.1,
    alpha: float = 0.5,
    sigma: float = 6.0,
    epsilon: float = 6.0,
    seed: Seed = 0,
) -> PlannerProblem:
    """Return one of Table 1's random economies (paper 001, section 2.3).

    Each ordered pair i ≠ j is a link with probability min(1, 5/(n−1)), so that a firm expects five incoming links; the
    network is redrawn until it is strongly connected. log z ~ N(0, sigma_z²), A = L = 1, f = f_n / n.

    Raises
    ------
    InputError
        If n < 2, or if no strongly connected network turns up, as happens beyond some hundred firms.
    """
    n = draws.size(n, 2)
    rng = draws.generator(seed)
    share = min(1.0, 5 / (n - 1))
    for _ in range(max(1, REDRAWS // n)):
        links = rng.random((n, n)) < share
        np.fill_diagonal(links, False)
        if connected_components(links, connection="strong")[0] == 1:
            break
    else:
        raise InputError("n", f"no strongly connected network of {n} firms turned up", "use fewer firms")
    return PlannerProblem(
        Omega=sp.csc_array(links.astype(np.float64)),
        z=draws.lognormal(rng, sigma_z, n),
        f=f_n / n,  # type: ignore[arg-type]
        alpha=alpha,  # type: ignore[arg-type]
        sigma=sigma,
        epsilon=epsilon,
        name=f"table1-{n}",
        description=(
            f"A random economy of Table 1: n={n}, σ={sigma:g}, ε={epsilon:g}, α={alpha:g}, "
            f"σ_z={sigma_z:g}, f={f_n:g}/n, seed {seed}"
        ),
        source=f"{PAPER}, Table 1",
        licence=LICENCE,
    )


def table1_grid(n: int, draws_each: int = 1, seed: int = 0) -> Iterator[PlannerProblem]:
    """Yield ``draws_each`` economies for each of the 3⁵ = 243 combinations of Table 1's parameters.

    The seed of draw d of combination k is (seed, k, d), so any part of the sweep can be drawn alone.
    """
    for k, values in enumerate(itertools.product(*GRID.values())):
        parameters = dict(zip(GRID, values, strict=True))
        for d in range(draws_each):
            yield table1(n, **parameters, seed=(seed, k, d))


def calibrated(
    n: int = 1000,
    seed: Seed = 0,
    xi: float = 1.85,
    sigma_z: float = 0.39,
    f_n: float = 0.05,
    alpha: float = 0.5,
    sigma: float = 5.0,
    epsilon: float = 5.0,
) -> PlannerProblem:
    """Return an economy calibrated as in Table 3 (paper 001, section 4.2); the defaults are the paper's.

    In- and out-degrees follow P(i, o) ∝ (i+o−1)^−(ξ+1) on {1, …, n−1}², the links a configuration model without
    self-links and repeats (`degrees`); the mean degree is about 3.3 at n = 1000. log z ~ N(0, sigma_z²), the ergodic
    distribution of the paper's AR(1). Memory is O(n + links).
    """
    n = draws.size(n, 2)
    rng = draws.generator(seed)
    return PlannerProblem(
        Omega=degrees.configuration(rng, *degrees.power_law(rng, n, xi)),
        z=draws.lognormal(rng, sigma_z, n),
        f=f_n / n,  # type: ignore[arg-type]
        alpha=alpha,  # type: ignore[arg-type]
        sigma=sigma,
        epsilon=epsilon,
        name=f"calibrated-{n}",
        description=f"The calibrated economy of Table 3: n={n}, ξ={xi:g}, σ_z={sigma_z:g}, f={f_n:g}/n, seed {seed}",
        source=f"{PAPER}, Table 3",
        licence=LICENCE,
    )


def complete(
    n: int,
    seed: Seed = 0,
    self_links: bool = False,
    sigma_z: float = 0.39,
    f_n: float = 0.1,
    **parameters: Any,
) -> PlannerProblem:
    """Return an economy in which every firm can buy from every other, and from itself if ``self_links``.

    Further parameters (``alpha``, ``sigma``, ``epsilon``, …) go to `PlannerProblem`.
    """
    n = draws.size(n, 1 if self_links else 2)
    links = np.ones((n, n))
    if not self_links:
        np.fill_diagonal(links, 0.0)
    z = draws.lognormal(draws.generator(seed), sigma_z, n)
    kind = "with self-links" if self_links else "without self-links"
    return _economy(links, z, f_n / n, f"complete-{n}", f"A complete network {kind}, n={n}, seed {seed}", parameters)


def rank_one(n: int, seed: Seed = 0, sigma_z: float = 0.39, f_n: float = 0.1, **parameters: Any) -> PlannerProblem:
    """Return an economy with Ω = c dᵀ, self-links included: paper 001 proves reshaping concave for such a network.

    log c, log d and log z are normal with standard deviation ``sigma_z``. Only f_n and the draws are ours.
    """
    n = draws.size(n, 1)
    rng = draws.generator(seed)
    c, d, z = (draws.lognormal(rng, sigma_z, n) for _ in range(3))
    title = f"A network of rank one, Ω = c dᵀ, n={n}, seed {seed}"
    return _economy(np.outer(c, d), z, f_n / n, f"rank-one-{n}", title, parameters)


def sparse_weighted(
    n: int,
    seed: Seed = 0,
    degree: float = 4.0,
    self_links: bool = True,
    sigma_z: float = 0.39,
    f_n: float = 0.15,
    **parameters: Any,
) -> PlannerProblem:
    """Return a random sparse economy in which everything differs between firms; for tests of the general case.

    About ``degree`` links a firm are drawn, each pair alike; a firm without supplier gets one at random. Weights are
    lognormal; f_j is uniform on (0, 2·f_n/n), α_j on (0.2, 0.8); σ and ε, where they are not given, on (2, 8).
    """
    n = draws.size(n, 1)
    rng = draws.generator(seed)
    drawn = round(max(0.0, degree) * n)
    supplier, buyer = (draws.whole(rng, np.full(drawn, n)) for _ in range(2))
    if not self_links and n > 1:
        buyer = np.where(buyer == supplier, (buyer + 1) % n, buyer)
    lonely = np.flatnonzero(np.bincount(buyer, minlength=n) == 0)
    partner = (lonely + 1 + draws.whole(rng, np.full(lonely.size, max(1, n - 1)))) % n
    place = np.unique(np.concatenate([buyer * n + supplier, lonely * n + partner]))
    pointer = np.searchsorted(place, np.arange(n + 1, dtype=np.int64) * n)
    weight = draws.lognormal(rng, 0.5, place.size)
    Omega = sp.csc_array((weight, place % n, pointer), shape=(n, n))
    z = draws.lognormal(rng, sigma_z, n)
    spread = {
        "alpha": draws.tidy(0.2 + 0.6 * rng.random(n)),
        "sigma": float(draws.tidy(2 + 6 * rng.random(1))[0]),
        "epsilon": float(draws.tidy(2 + 6 * rng.random(1))[0]),
    }
    f = draws.tidy(2 * f_n / n * rng.random(n))
    title = f"A random sparse weighted network, n={n}, seed {seed}"
    return _economy(Omega, z, f, f"sparse-weighted-{n}", title, spread | parameters)


def hub_and_spoke(
    n: int, z_hub: float = 1.2, z_spoke: float = 1.0, f_n: float = 0.3, **parameters: Any
) -> PlannerProblem:
    """Return a star: firm 0, the hub, trades both ways with every spoke; without it nobody can produce.

    All parameters are ours; spokes are alike, so optima come in classes under permutation.
    """
    n = draws.size(n, 2)
    links = np.zeros((n, n))
    links[0, 1:] = links[1:, 0] = 1.0
    z = np.concatenate([[z_hub], np.full(n - 1, z_spoke)])
    return _economy(links, z, f_n / n, f"hub-and-spoke-{n}", f"A hub with {n - 1} equal spokes", parameters)


def _economy(
    Omega: Any, z: Vector, f: float | Vector, name: str, description: str, parameters: dict[str, Any]
) -> PlannerProblem:
    given = {"name": name, "description": description, "source": "endonet", "licence": LICENCE} | parameters
    return PlannerProblem(Omega=Omega, z=z, f=f, **given)  # type: ignore[arg-type]
