"""Writes the planner's bundled instances: ``python -m endonet.instances.planner.bundle [--tables FOLDER]``.

The input–output economies derive from the CSV files of the package ``quantecon_book_networks`` (``pip install
endonet[data]``), found where it is installed unless ``--tables`` names their folder.

With ``--generated`` only the instances that are kept as generator and seed are written anew (`library`), which needs no
tables. With ``--bounds [NAME …]`` the instances stay as they are, and what is known of their optima without a search is
recorded: every choice of instances with at most seventeen firms is evaluated, and formulas and exact counting settle
some larger ones. What needs a search is for ``endonet baseline --rerun --record``. Only better bounds are written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations import registry
from endonet.formulations.errors import EndonetError, UnavailableError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.instances import atomic, bounds, catalogue, files, formats
from endonet.instances.planner import GENERATORS, examples, families, generators, iotables
from endonet.instances.planner.library import GENERATED
from endonet.instances.planner.statistics import statistics

Choice = NDArray[np.int8]

ENUMERABLE = 17
ROUNDING = 1e-12
PACKAGE = "quantecon_book_networks"
BEA = f"{PACKAGE} 1.6 on PyPI, from the Input-Output Accounts of the US Bureau of Economic Analysis, 2021"
BEA_LICENCE = "derived from data in the public domain (BEA), distributed under MIT (QuantEcon)"
ABS = f"{PACKAGE} 1.6 on PyPI, from the Australian Bureau of Statistics, Input-Output Tables 2020-21"
ABS_LICENCE = "derived from data under CC BY 4.0 (ABS), distributed under MIT (QuantEcon)"

FIXED = 0.2
REMARKS = {"us-15": "the optimum shuts six of the sectors down (enumerated)"}


def tables(folder: Path) -> dict[str, iotables.Table]:
    """Return the tables that are bundled as economies."""
    us = {"source": BEA, "licence": BEA_LICENCE}
    return {
        "us-15": iotables.read_table(folder / "use_15.csv", iotables.US_15, "US use table 2021, 15 sectors", **us),
        "us-71": iotables.read_table(folder / "use_71.csv", iotables.US_71, "US use table 2021, 71 sectors", **us),
        "aus-114": iotables.read_australia(
            folder / "use_114_aus.csv",
            folder / "make_114_aus.csv",
            title="Australian input-output table 2020-21, 114 industries",
            source=ABS,
            licence=ABS_LICENCE,
        ),
    }


def sector_instances(folder: Path) -> Iterator[tuple[str, PlannerProblem]]:
    """Yield the calibrated economy and the bare topology of each table.

    The fixed cost, 20 % of labour in equal parts, is four times the paper's: enough that operating every sector is far
    from optimal.
    """
    for name, table in tables(folder).items():
        economy = iotables.calibrate(table, f_n=FIXED)
        floored = len(economy.floored)
        text = f"{economy.problem.description}; fixed cost 20 % of labour in equal parts"
        if name in REMARKS:
            text += f"; {REMARKS[name]}"
        if floored:
            text += f"; {floored} sectors without positive final demand got the share 1e-6"
        yield name, replace(economy.problem, description=text)
        yield f"{name}-topology", iotables.topology(table, f_n=FIXED, seed=1)


def constrained() -> Iterator[tuple[str, PlannerProblem]]:
    """Yield economies with side constraints on θ; all parameters are ours."""
    base = generators.sparse_weighted(12, seed=5, sigma=5.0, epsilon=4.0)
    budget = LinearRow(range(12), np.ones(12), "<=", 4)
    yield "budget-12", replace(base, constraints=(budget,), description="At most four of twelve firms may operate")
    base = generators.table1(14, seed=2)
    rows = (
        LinearRow([3], [1], "==", 1),
        LinearRow([0, 1], [1, 1], "<=", 1),
        LinearRow([5, 6, 7], [1, 1, 1], ">=", 2),
    )
    text = "A Table 1 economy with a bail-out, an exclusion and a quota"
    yield "bailout-14", replace(base, constraints=rows, description=text)
    yield "duplicates-12", duplicates()


def duplicates() -> PlannerProblem:
    """Return six firms, each in two versions of which one may operate: the choice of supplier sets of footnote 6.

    Both versions sell to all buyers of the firm; version j buys from its first half of suppliers, version j+6 from the
    second.
    """
    single = generators.table1(6, seed=4, f_n=0.3)
    supplier, buyer = single.Omega.nonzero()
    second = np.array([np.flatnonzero(supplier[buyer == j]).size for j in range(6)]) // 2
    rank = np.array([int(np.sum((buyer == j) & (supplier < i))) for i, j in zip(supplier, buyer, strict=True)])
    version = np.where(rank < second[buyer], buyer, buyer + 6)
    rows = np.concatenate([supplier, supplier + 6])
    columns = np.concatenate([version, version])
    Omega = sp.coo_array((np.ones(rows.size), (rows, columns)), shape=(12, 12))
    return replace(
        single,
        Omega=Omega,  # type: ignore[arg-type]
        z=np.tile(single.z, 2),
        f=np.tile(single.f, 2),
        alpha=np.tile(single.alpha, 2),
        constraints=tuple(LinearRow([j, j + 6], [1, 1], "<=", 1) for j in range(6)),
        description="Six firms in two versions each, which buy from different suppliers; one version may operate",
    )


def varied() -> Iterator[tuple[str, PlannerProblem]]:
    """Yield random and regular economies that cover the cases of the theory."""
    yield "table1-14", generators.table1(14, seed=1)
    yield "table1-17", generators.table1(17, seed=1)
    yield "sigma-below-epsilon-12", generators.table1(12, sigma=4, epsilon=8, seed=3)
    steep = generators.table1(12, sigma=8, epsilon=4, alpha=0.55, f_n=0.15, seed=3)
    yield "steep-12", replace(steep, description=steep.description + "; α(σ−1) > ε−1, so b is convex in the inputs")
    yield "weighted-16", generators.sparse_weighted(16, seed=1)
    yield "rank-one-12", generators.rank_one(12, seed=1)
    yield "hub-and-spoke-12", generators.hub_and_spoke(12)
    yield "figure1", examples.figure1()
    yield "figure2", examples.figure2()
    for panel in range(1, 5):
        yield f"figure3-{panel}", examples.figure3(panel)
    yield "figure4-before", examples.figure4()
    yield "figure4-after", examples.figure4(after=True)


def write(folder: Path, target: Path) -> None:
    """Write every instance, the list of generated ones, and the index."""
    target.mkdir(exist_ok=True)
    index: dict[str, Any] = {}
    for make in (sector_instances(folder), varied(), constrained()):
        for name, problem in make:
            files.save(replace(problem, name=f"planner/{name}"), target / f"{name}.json")
            index[name] = _line(problem)
    index |= write_generated(target)
    _write_json(target / "index.json", dict(sorted(index.items())))


def write_generated(target: Path) -> dict[str, Any]:
    """Write the list of generated instances; return their lines of the index."""
    lines, recipes = {}, {}
    for name, (generator, arguments) in GENERATED.items():
        problem = registry.lookup("generator", generator, GENERATORS)(**arguments)
        recipes[name] = {"generator": generator, "arguments": arguments, "fingerprint": problem.fingerprint}
        lines[name] = _line(problem)
    _write_json(target / "generated.json", recipes)
    return lines


def prove(names: Sequence[str]) -> None:
    """Record what is known of bundled instances without a search, by brute force, a formula or exact counting.

    The others are for ``endonet baseline --rerun --record``.

    Parameters
    ----------
    names : sequence of str
        Such as ``planner/us-15``; all if there are none.
    """
    entries = {entry.name: entry for entry in catalogue.names() if entry.family == "planner"}
    recipes = catalogue.read_data("planner", "generated.json")
    for name in names or entries:
        if name not in entries:
            raise catalogue.unknown(name)
        recipe = recipes.get(name.removeprefix("planner/"), {})
        if _by_argument(name, recipe):
            continue
        problem = files.load(name)
        if problem.n <= ENUMERABLE:
            value, theta = enumerate_all(problem)
            _record(name, value, value, theta, "brute force over problem.evaluate")
            print(f"{name}: {value:.12g} with {int(theta.sum())} of {problem.n} firms", file=sys.stderr)
        elif names:
            raise EndonetError(f"{name} needs a search: endonet baseline {name} --rerun --record")


def _by_argument(name: str, recipe: Mapping[str, Any]) -> bool:
    """Record what an argument proves of an instance; return whether one does."""
    generator, arguments = recipe.get("generator"), recipe.get("arguments", {})
    if generator == "identical":
        problem = files.load(name)
        theta = (np.arange(problem.n) < families.identical_best(problem)).astype(np.int8)
        value = problem.evaluate(theta).value
        _record(name, value, value, theta, "closed form in the number of firms")
    elif "least" in arguments and _too_dear(files.load(name), arguments["least"]):
        bounds.record_infeasible(name, "the cheapest firms that must operate need more than L", proves="global optimum")
    elif generator == "pigeonhole":
        bounds.record_infeasible(name, "pigeonhole principle", proves="global optimum")
    elif generator == "market_split" and not arguments.get("planted"):
        if families.splits(files.load(name)):
            raise EndonetError(f"{name} has a choice that splits the markets; draw another seed")
        bounds.record_infeasible(name, "all choices of the rows, in whole numbers", proves="global optimum")
    else:
        return False
    return True


def _too_dear(problem: PlannerProblem, least: int) -> bool:
    """Return whether the ``least`` cheapest firms need more labour than there is."""
    return bool(np.sort(problem.f)[:least].sum() > problem.L * (1 + ROUNDING))


def _record(name: str, value: float, bound: float, theta: Choice, method: str) -> None:
    """Record both sides where they improve on what is known."""
    known = bounds.bounds(name)
    if known.primal is None or value > known.primal.value:
        bounds.record_bound(name, "primal", value, method, decision=theta, tolerance=ROUNDING)
    if known.dual is None or bound < known.dual.value:
        bounds.record_bound(name, "dual", bound, method, proves="global optimum", tolerance=ROUNDING)


def enumerate_all(problem: PlannerProblem) -> tuple[float, Choice]:
    """Return the best value and decision among all 2^n, by evaluating each; ties go to the first."""
    best, chosen = -np.inf, np.zeros(problem.n, np.int8)
    bits = 1 << np.arange(problem.n)
    for number in range(2**problem.n):
        theta = ((number & bits) > 0).astype(np.int8)
        outcome = problem.evaluate(theta)
        if outcome.value > best and outcome.feasible:
            best, chosen = outcome.value, theta
    return best, chosen


def _line(problem: PlannerProblem) -> dict[str, Any]:
    size = {"n": problem.n, "links": problem.links}
    return {"size": size, "description": problem.description, "statistics": statistics(problem)}


def _write_json(path: Path, fields: dict[str, Any]) -> None:
    atomic.write(path, lambda stream: formats.write(fields, path, stream))


def _installed_tables() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise UnavailableError(f"the tables come with {PACKAGE}: pip install 'endonet[data]', or give --tables FOLDER")
    return Path(spec.origin).parent / "data" / "csv_files"


def main() -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m endonet.instances.planner.bundle", description=__doc__)
    parser.add_argument("--tables", type=Path, help="folder with the use and make tables")
    parser.add_argument("--generated", action="store_true", help="write only the list of generated instances")
    parser.add_argument("--bounds", nargs="*", metavar="NAME", help="record optima of these instances, or of all")
    options = parser.parse_args()
    target = catalogue.folder("planner")
    try:
        if options.bounds is not None:
            prove(options.bounds)
        elif options.generated:
            stored = {name: _line(files.load(path)) for name, path in _stored(target)}
            _write_json(target / "index.json", dict(sorted((stored | write_generated(target)).items())))
        else:
            write(options.tables or _installed_tables(), target)
    except EndonetError as error:
        sys.exit(f"bundle: {error}")


def _stored(target: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(target.glob("*.json")):
        if path.stem not in ("index", "generated", "bounds", "others"):
            yield path.stem, path


if __name__ == "__main__":
    main()
