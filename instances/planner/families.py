"""Families of economies made to be hard, or to show one thing; all parameters are ours, all draws come from a seed.

identical       firms all alike: every choice of m firms is as good as every other, and the optimum has a closed form
twins           each firm twice, the second a hair less productive: near ties everywhere
ring            each firm buys from its next neighbours: n rotations of every choice
clustered       clusters with many links inside and few between
hubs            some firms that many buy from and sell to, and spokes with few links
budgeted        an economy and rows that leave few firms, exclude pairs, or fill a knapsack
pigeonhole      rows that no choice satisfies, and whose relaxation is satisfied
market_split    rows Σ c_rj θ_j = d_r with random whole numbers (Cornuéjols and Dawande 1999, INFORMS J. Comput.)
variant         a bundled economy with other parameters or more rows
formed          an economy of which the links are chosen (`formulations.planner.link_formation`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations import registry
from endonet.formulations.errors import InputError
from endonet.formulations.planner.link_formation import artificial_firms, duplicate_firms
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.instances.planner import draws
from endonet.instances.planner.draws import Seed
from endonet.instances.planner.generators import LICENCE, PAPER, complete

FOOTNOTE = f"endonet, after {PAPER}, footnote 6"


def identical(n: int, f_n: float = 0.5, **parameters: Any) -> PlannerProblem:
    """Return n firms all alike, all linked with all and themselves: Y depends on the number m of firms alone.

    Y(m) = (zA)^(1/(1−α)) m^(1/(σ−1) + α/((1−α)(ε−1))) (L − f m), so that the optimum is known for any n. What is
    hard is the symmetry: C(n, m) choices tie.
    """
    economy = complete(n, self_links=True, sigma_z=0.0, f_n=f_n, **parameters)
    text = (
        f"{n} firms all alike, all linked: the best number of them is known in closed form, and all choices of it tie"
    )
    return replace(economy, name=f"identical-{n}", description=text)


def identical_best(problem: PlannerProblem) -> int:
    """Return the best number of firms of an economy of `identical`."""
    m = np.arange(1, problem.n + 1)
    alpha = problem.alpha[0]
    growth = 1 / (problem.sigma - 1) + alpha / ((1 - alpha) * (problem.epsilon - 1))
    left = problem.L - problem.f[0] * m
    return int(m[np.argmax(np.where(left > 0, growth * np.log(m) + np.log(np.maximum(left, 1e-300)), -np.inf))])


def twins(
    n: int, seed: Seed = 0, spread: float = 1e-6, degree: int = 4, sigma_z: float = 0.39, f_n: float = 0.3, **more: Any
) -> PlannerProblem:
    """Return n/2 firms and their twins, which have the same links and a productivity lower by up to ``spread``."""
    n = draws.size(n, 4)
    if n % 2:
        raise InputError("n", f"{n} firms are not pairs", "give an even number")
    rng = draws.generator(seed)
    half = n // 2
    single = _random_links(rng, half, degree)
    Omega = sp.block_array([[single, single], [single, single]], format="csc")
    z = draws.lognormal(rng, sigma_z, half)
    less = draws.tidy(z * (1 - spread * rng.random(half)))
    text = (
        f"{half} firms and their twins, with the same links and productivities lower by up to {spread:g}, seed {seed}"
    )
    return _economy(Omega, np.concatenate([z, less]), f_n / n, f"twins-{n}", text, more)


def ring(n: int, reach: int = 2, f_n: float = 0.4, **more: Any) -> PlannerProblem:
    """Return n firms all alike on a ring, each of which buys from the ``reach`` firms before it and from the next."""
    n = draws.size(n, 4)
    buyer = np.tile(np.arange(n), reach + 1)
    steps = np.repeat([*range(1, reach + 1), -1], n)
    Omega = sp.csc_array((np.ones(buyer.size), ((buyer - steps) % n, buyer)), shape=(n, n))
    Omega.data[:] = 1.0
    text = f"{n} firms all alike on a ring, each buying from the {reach} before it and the next: rotations tie"
    return _economy(Omega, np.ones(n), f_n / n, f"ring-{n}", text, more)


def clustered(
    n: int,
    clusters: int,
    seed: Seed = 0,
    inside: float = 5.0,
    between: float = 0.5,
    sigma_z: float = 0.39,
    f_n: float = 0.15,
    quota: int | None = None,
    **more: Any,
) -> PlannerProblem:
    """Return clusters of n/clusters firms; a firm expects ``inside`` suppliers in its own and ``between`` in others.

    With ``quota`` at most that many firms of each cluster may operate.
    """
    n = draws.size(n, 2)
    if not 1 <= clusters <= n // 2:
        raise InputError("clusters", f"{clusters} clusters of {n} firms", f"give a number from 1 to {n // 2}")
    rng = draws.generator(seed)
    group = np.arange(n) * clusters // n
    first = np.searchsorted(group, np.arange(clusters))
    size = np.bincount(group, minlength=clusters)
    own = np.repeat(np.arange(n), round(inside))
    near = first[group[own]] + draws.whole(rng, size[group[own]])
    other = draws.whole(rng, np.full(round(between * n), n))
    far = draws.whole(rng, np.full(other.size, n))
    Omega = _links(n, np.concatenate([near, far]), np.concatenate([own, other]))
    rows: tuple[LinearRow, ...] = ()
    if quota is not None:
        rows = tuple(LinearRow(np.flatnonzero(group == c), np.ones(size[c]), "<=", quota) for c in range(clusters))
    limit = "" if quota is None else f", at most {quota} firms of each may operate"
    text = (
        f"{n} firms in {clusters} clusters, {inside:g} links inside and {between:g} between a firm{limit}, seed {seed}"
    )
    z = draws.lognormal(rng, sigma_z, n)
    return _economy(Omega, z, f_n / n, f"clusters-{n}", text, {"constraints": rows} | more)


def hubs(
    n: int, count: int, seed: Seed = 0, degree: int = 2, sigma_z: float = 0.3, f_n: float = 0.2, **more: Any
) -> PlannerProblem:
    """Return ``count`` hubs that trade among themselves, and spokes that each trade both ways with ``degree`` hubs.

    A hub's fixed cost is ten times a spoke's, and f_n is the sum of all.
    """
    n = draws.size(n, 3)
    if not 1 <= count < n:
        raise InputError("count", f"{count} hubs among {n} firms", f"give a number from 1 to {n - 1}")
    rng = draws.generator(seed)
    spoke = np.repeat(np.arange(count, n), degree)
    hub = draws.whole(rng, np.full(spoke.size, count))
    ahead = np.arange(count)
    behind = (ahead + 1) % count
    supplier = np.concatenate([spoke, hub, ahead, behind])
    buyer = np.concatenate([hub, spoke, behind, ahead])
    weight = np.where(np.arange(n) < count, 10.0, 1.0)
    text = f"{count} hubs, ten times as dear as the {n - count} spokes, which trade with {degree} each, seed {seed}"
    z = draws.lognormal(rng, sigma_z, n)
    return _economy(_links(n, supplier, buyer), z, draws.tidy(f_n * weight / weight.sum()), f"hubs-{n}", text, more)


def budgeted(
    base: str,
    arguments: Mapping[str, Any],
    seed: Seed = 0,
    most: int | None = None,
    least: int | None = None,
    pairs: int = 0,
    knapsack: float | None = None,
    bailed: Sequence[int] = (),
) -> PlannerProblem:
    """Return an economy of another generator with rows on θ.

    Parameters
    ----------
    base, arguments : str, mapping
        The generator and its arguments.
    most, least : int, optional
        At most, or at least, so many firms may operate.
    pairs : int
        So many random pairs of which one may operate.
    knapsack : float, optional
        Firms use whole numbers 1 … 99 of a resource, of which there is this share of what all would use.
    bailed : list of int
        Firms that must operate.
    """
    from endonet.instances.planner import GENERATORS

    economy: PlannerProblem = registry.lookup("generator", base, GENERATORS)(**arguments)
    n = economy.n
    rng = draws.generator(seed)
    rows, said = [], []
    if most is not None:
        rows.append(LinearRow(np.arange(n), np.ones(n), "<=", most))
        said.append(f"at most {most} firms may operate")
    if least is not None:
        rows.append(LinearRow(np.arange(n), np.ones(n), ">=", least))
        said.append(f"at least {least} firms must operate")
    if pairs:
        one, other = draws.whole(rng, np.full(pairs, n)), draws.whole(rng, np.full(pairs, n - 1))
        other = (one + 1 + other) % n
        place = np.unique(np.minimum(one, other) * n + np.maximum(one, other))
        rows += [LinearRow([p // n, p % n], [1, 1], "<=", 1) for p in place.tolist()]
        said.append(f"of {place.size} pairs one firm may operate")
    if knapsack is not None:
        use = 1 + draws.whole(rng, np.full(n, 99))
        rows.append(LinearRow(np.arange(n), use, "<=", float(np.floor(knapsack * use.sum()))))
        said.append(f"a resource suffices for {100 * knapsack:g} % of what all firms would use")
    if bailed:
        rows += [LinearRow([j], [1], "==", 1) for j in bailed]
        said.append(f"{len(bailed)} firms are bailed out")
    text = f"{economy.description}; {', '.join(said)}"
    return replace(economy, constraints=(*economy.constraints, *rows), description=text, source="endonet")


def pigeonhole(holes: int, sigma_z: float = 0.39, seed: Seed = 0) -> PlannerProblem:
    """Return (holes+1)·holes firms, one for each pigeon and hole; every pigeon needs a hole, every hole holds one.

    No choice satisfies the rows, and θ = 1/holes satisfies their relaxation with equality.
    """
    holes = draws.size(holes, 2)
    pigeons = holes + 1
    n = pigeons * holes
    place = np.arange(n).reshape(pigeons, holes)
    rows = [LinearRow(place[p], np.ones(holes), ">=", 1) for p in range(pigeons)]
    rows += [LinearRow([place[p, h], place[r, h]], [1, 1], "<=", 1) for h in range(holes) for p in range(pigeons)
             for r in range(p)]  # fmt: skip
    rng = draws.generator(seed)
    text = f"{pigeons} pigeons, {holes} holes: no choice satisfies the rows, their relaxation is satisfied"
    links = _random_links(rng, n, 3)
    z = draws.lognormal(rng, sigma_z, n)
    return _economy(links, z, 0.1 / n, f"pigeonhole-{n}", text, {"constraints": tuple(rows)})


def market_split(n: int, rows: int, seed: Seed = 0, planted: bool = False, sigma_z: float = 0.39) -> PlannerProblem:
    """Return a Table-1-like economy whose θ must split ``rows`` markets in halves: Σ c_rj θ_j = ⌊Σ_j c_rj / 2⌋.

    c is whole and uniform on 0 … 99. With n = 10 (rows − 1) hardly a draw has a solution. ``planted``: the right-hand
    sides are those of a random choice, so that there is one.
    """
    n = draws.size(n, 2)
    rng = draws.generator(seed)
    c = draws.whole(rng, np.full(rows * n, 100)).reshape(rows, n)
    hidden = (rng.random(n) < 0.5).astype(np.int64)
    rhs = c @ hidden if planted else c.sum(axis=1) // 2
    system = tuple(LinearRow(np.flatnonzero(c[r]), c[r][c[r] > 0], "==", float(rhs[r])) for r in range(rows))
    links = _random_links(rng, n, 4)
    z = draws.lognormal(rng, sigma_z, n)
    kind = "with a choice planted" if planted else "which no choice may do"
    text = f"{n} firms whose choice must split {rows} markets in whole numbers, {kind}, seed {seed}"
    return _economy(links, z, 0.1 / n, f"market-split-{n}", text, {"constraints": system})


def splits(problem: PlannerProblem) -> bool:
    """Return whether some choice satisfies rows with ``==`` and whole coefficients, exactly, for up to forty firms.

    The sums of both halves of the firms are listed, and each of one half is sought among those of the other.
    """
    G = np.zeros((len(problem.constraints), problem.n), np.int64)
    for r, row in enumerate(problem.constraints):
        if row.sense != "==" or np.any(row.coefficients != np.floor(row.coefficients)):
            raise InputError(f"constraints[{r}]", "it is no equation in whole numbers", "give the rows of market_split")
        G[r, row.firms] = row.coefficients.astype(np.int64)
    half = problem.n // 2
    rhs = np.array([int(row.rhs) for row in problem.constraints])
    low = {tuple(entry) for entry in _sums(G[:, :half]).tolist()}
    return any(tuple(entry) in low for entry in (rhs - _sums(G[:, half:])).tolist())


def _sums(G: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return G θ for every θ, one a row."""
    sums = np.zeros((1, G.shape[0]), np.int64)
    for column in G.T:
        sums = np.concatenate([sums, sums + column])
    return sums


def variant(base: str, change: str, f_n: float | None = None, **parameters: Any) -> PlannerProblem:
    """Return a bundled planner's economy with other parameters; its links and weights stay.

    Parameters
    ----------
    base : str
        Its short name, such as ``us-71``.
    change : str
        What is changed, for the description.
    f_n : float, optional
        The total fixed cost, in equal parts.
    **parameters
        Fields of `PlannerProblem`; ``constraints`` as in instance files.
    """
    from endonet.instances import files

    economy = files.load(f"planner/{base}")
    if f_n is not None:
        parameters["f"] = f_n / economy.n
    if "constraints" in parameters:
        parameters["constraints"] = tuple(LinearRow(**row) for row in parameters["constraints"])
    return replace(economy, description=f"{economy.description}; then {change}", **parameters)  # type: ignore[no-any-return]


def formed(
    base: str,
    arguments: Mapping[str, Any],
    way: str,
    cost: float = 0.01,
    spread: float = 0.5,
    seed: Seed = 0,
    **more: Any,
) -> PlannerProblem:
    """Return the economy in which the links of another one are chosen, each at a cost.

    Parameters
    ----------
    base, arguments : str, mapping
        The generator and its arguments.
    way : {"artificial", "duplicates"}
        The two ways of footnote 6; ``more`` goes to `artificial_firms`.
    cost, spread : float
        Costs of links are cost · exp(spread · N(0, 1)), in labour.
    """
    from endonet.instances.planner import GENERATORS

    economy = registry.lookup("generator", base, GENERATORS)(**arguments)
    cost_of = draws.tidy(cost * draws.lognormal(draws.generator(seed), spread, economy.links))
    ways = {"artificial": artificial_firms, "duplicates": duplicate_firms}
    formation = _one_of(ways, way)(economy, cost_of, **more)
    how = "a firm on each link" if way == "artificial" else "a version of each firm for each set of links"
    text = f"The links are chosen too, by {how}, of: {economy.description}"
    return replace(formation.problem, description=text, source=FOOTNOTE)  # type: ignore[no-any-return]


def _one_of(ways: Mapping[str, Any], way: str) -> Any:
    """Return one of the ways of footnote 6."""
    if way not in ways:
        raise InputError("way", f"{way!r} is unknown", f"give one of {', '.join(ways)}")
    return ways[way]


def _random_links(rng: np.random.Generator, n: int, degree: int) -> sp.csc_array:
    """Return links from ``degree`` suppliers drawn for each buyer, and from the firm before it, all of weight one."""
    buyer = np.repeat(np.arange(n), degree)
    supplier = (buyer + 1 + draws.whole(rng, np.full(buyer.size, n - 1))) % n
    return _links(n, np.concatenate([supplier, np.arange(n) - 1]) % n, np.concatenate([buyer, np.arange(n)]))


def _links(n: int, supplier: NDArray[np.int64], buyer: NDArray[np.int64]) -> sp.csc_array:
    """Return Ω of weights one, without self-links and repeats; a firm without supplier buys from the one before it."""
    other = supplier != buyer
    supplier, buyer = supplier[other], buyer[other]
    lonely = np.flatnonzero(np.bincount(buyer, minlength=n) == 0)
    place = np.unique(np.concatenate([buyer * n + supplier, lonely * n + (lonely - 1) % n]))
    pointer = np.searchsorted(place, np.arange(n + 1, dtype=np.int64) * n)
    return sp.csc_array((np.ones(place.size), place % n, pointer), shape=(n, n))


def _economy(Omega: Any, z: Any, f: Any, name: str, description: str, parameters: dict[str, Any]) -> PlannerProblem:
    given = {"name": name, "description": description, "source": "endonet", "licence": LICENCE} | parameters
    return PlannerProblem(Omega=Omega, z=z, f=f, **given)
