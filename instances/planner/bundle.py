"""Writes the planner's bundled instances: ``python -m endonet.instances.planner.bundle [--tables FOLDER]``.

The input–output economies derive from the CSV files of the package ``quantecon_book_networks`` (``pip install
endonet[data]``), found where it is installed unless ``--tables`` names their folder.

With ``--bounds [NAME …]`` the instances stay as they are, and what is known of their optima is recorded: every choice
of the instances with at most seventeen firms is evaluated, and the larger ones are given to the certified solver, whose
certificate is checked before its bounds are believed. Only bounds that improve are written.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
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
from endonet.instances.planner import GENERATORS, examples, generators, iotables

Choice = NDArray[np.int8]

ENUMERABLE = 17
REL_GAP = "1e-9"
ROUNDING = 1e-12
ANSWERED, UNFINISHED = 0, 3  # exit statuses of the command line: an answer, or a limit before that
PACKAGE = "quantecon_book_networks"
BEA = f"{PACKAGE} 1.6 on PyPI, from the Input-Output Accounts of the US Bureau of Economic Analysis, 2021"
BEA_LICENCE = "derived from data in the public domain (BEA), distributed under MIT (QuantEcon)"
ABS = f"{PACKAGE} 1.6 on PyPI, from the Australian Bureau of Statistics, Input-Output Tables 2020-21"
ABS_LICENCE = "derived from data under CC BY 4.0 (ABS), distributed under MIT (QuantEcon)"

FIXED = 0.2
REMARKS = {"us-15": "the optimum shuts six of the sectors down (enumerated)"}

GENERATED: dict[str, tuple[str, dict[str, Any]]] = {
    "calibrated-300": ("calibrated", {"n": 300, "seed": 1}),
    "calibrated-1000": ("calibrated", {"n": 1000, "seed": 1}),
    "calibrated-10000": ("calibrated", {"n": 10_000, "seed": 1}),
}


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
    recipes = {}
    for name, (generator, arguments) in GENERATED.items():
        problem = registry.load(GENERATORS[generator])(**arguments)
        recipes[name] = {"generator": generator, "arguments": arguments, "fingerprint": problem.fingerprint}
        index[name] = _line(problem)
    _write_json(target / "generated.json", recipes)
    _write_json(target / "index.json", dict(sorted(index.items())))


def prove(names: Sequence[str], time_limit: float) -> None:
    """Record what can be proved of bundled instances, by brute force where that is possible; all of them if no names.

    Parameters
    ----------
    names : sequence of str
        Such as ``planner/us-71``.
    time_limit : float
        Seconds for each instance that is too large for brute force.
    """
    entries = {entry.name: entry for entry in catalogue.names() if entry.family == "planner"}
    for name in names or entries:
        if name not in entries:
            raise catalogue.unknown(name)
        problem = files.load(name)
        if problem.n <= ENUMERABLE:
            value, theta = enumerate_all(problem)
            bound, method = value, "brute force over problem.evaluate"
        else:
            value, bound, theta = certify(name, problem, time_limit)
            method = f"certified (rel_gap {REL_GAP})"
        _record(name, value, bound, theta, method)
        share = f"{int(theta.sum())} of {problem.n} firms"
        print(f"{name}: {value:.12g} with {share}, at most {bound:.12g}, by {method}", file=sys.stderr)


def certify(name: str, problem: PlannerProblem, time_limit: float) -> tuple[float, float, Choice]:
    """Return value, bound and decision of the certified solver, after its certificate was checked.

    Solving and checking are left to the command line: this room imports no solver.
    """
    with tempfile.TemporaryDirectory(prefix="endonet-bounds-") as folder:
        file = str(Path(folder) / "solution.json.gz")
        limits = ["--rel-gap", REL_GAP, "--time-limit", f"{time_limit:g}"]
        _endonet("solve", name, "--solver", "certified", *limits, "--out", file)
        _endonet("check", name, file)
        solution = files.load_solution(file, problem)
    if solution.value is None or solution.bound is None:
        raise EndonetError(f"{name}: certified found no decision and bound within {time_limit:g} s; raise --time-limit")
    return solution.value, solution.bound, solution.decision


def _endonet(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "endonet", *arguments], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode not in (ANSWERED, UNFINISHED):
        raise EndonetError(f"endonet {' '.join(arguments)} failed: {done.stderr.strip()}")


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
    return {"size": {"n": problem.n, "links": problem.links}, "description": problem.description}


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
    parser.add_argument("--bounds", nargs="*", metavar="NAME", help="record optima of these instances, or of all")
    parser.add_argument("--time-limit", type=float, default=600.0, metavar="S", help="for each certified solution")
    options = parser.parse_args()
    try:
        if options.bounds is not None:
            prove(options.bounds, options.time_limit)
        else:
            write(options.tables or _installed_tables(), catalogue.folder("planner"))
    except EndonetError as error:
        sys.exit(f"bundle: {error}")


if __name__ == "__main__":
    main()
