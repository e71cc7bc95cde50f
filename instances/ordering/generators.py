"""Random digraphs to order, each from a seed: sparse ones, tournaments, and networks of firms that trade."""

from __future__ import annotations

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances.ordering.graphs import from_links
from endonet.instances.planner import draws
from endonet.instances.planner.draws import Seed

ABOUT = {"source": "endonet", "licence": "MIT"}


def sparse(n: int = 100, degree: float = 3.0, seed: Seed = 0, weighted: bool = False) -> OrderingProblem:
    """Return a digraph of about ``degree`` links a node, drawn from all pairs alike; weights 1, or 1 to 100."""
    n = draws.size(n, 2)
    rng = draws.generator(seed)
    if not 0 < degree <= n - 1:
        raise InputError("degree", f"{degree} is no number of links a node", f"give a number above 0, up to {n - 1}")
    drawn = max(1, round(degree * n))
    tail = draws.whole(rng, np.full(drawn, n))
    head = (tail + 1 + draws.whole(rng, np.full(drawn, n - 1))) % n
    place = np.unique(tail * n + head)
    weight = 1.0 + draws.whole(rng, np.full(place.size, 100)) if weighted else np.ones(place.size)
    weights = "weights 1 to 100" if weighted else "weights 1"
    text = f"A random sparse digraph: n={n}, {place.size} links, {weights}, seed {seed}"
    return from_links(n, place // n, place % n, weight, name=f"sparse-{n}", description=text, **ABOUT)


def tournament(n: int = 40, seed: Seed = 0, largest: int = 100) -> OrderingProblem:
    """Return a digraph with one link for each pair, either way alike, with weights from 1 to ``largest``."""
    n = draws.size(n, 2)
    rng = draws.generator(seed)
    low, high = np.triu_indices(n, 1)
    turned = rng.random(low.size) < 0.5
    weight = 1.0 + draws.whole(rng, np.full(low.size, largest))
    text = f"A random tournament: n={n}, weights 1 to {largest}, seed {seed}"
    tail, head = np.where(turned, high, low), np.where(turned, low, high)
    return from_links(n, tail, head, weight, name=f"tournament-{n}", description=text, **ABOUT)


def firms(n: int = 1000, degree: float = 10.0, seed: Seed = 0, upstream: float = 0.25) -> OrderingProblem:
    """Return a network of firms that sell to one another, most of them downstream.

    Every firm has a place u ~ U(0, 1) along the chain of production and a size with a Pareto tail (exponent 1.2). Links
    are drawn with the supplier alike and the buyer by size; a link that runs upstream is kept with probability
    ``upstream``. Its sales are the buyer's size times a lognormal draw, rounded to thousandths. All parameters are
    ours.
    """
    n = draws.size(n, 2)
    rng = draws.generator(seed)
    if not 0 <= upstream <= 1:
        raise InputError("upstream", f"{upstream} is no probability", "give a number from 0 to 1")
    place, size = rng.random(n), draws.tidy((1.0 - rng.random(n)) ** (-1 / 1.2))
    reach = np.cumsum(size)
    drawn = max(2, round(2 * degree * n / (1 + upstream)))
    tail = draws.whole(rng, np.full(drawn, n))
    head = np.minimum(np.searchsorted(reach, rng.random(drawn) * reach[-1]), n - 1)
    kept = (tail != head) & ((place[tail] < place[head]) | (rng.random(drawn) < upstream))
    pair = np.unique(tail[kept] * n + head[kept])
    sales = np.maximum(np.round(size[pair % n] * draws.lognormal(rng, 1.0, pair.size), 3), 0.001)
    text = f"A simulated network of firms: n={n}, {pair.size} links, {upstream:g} of upstream links kept, seed {seed}"
    return from_links(n, pair // n, pair % n, sales, name=f"firms-{n}", description=text, **ABOUT)
