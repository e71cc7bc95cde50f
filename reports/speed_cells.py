"""The cells of the report `speed`: which economies, which solvers, and one measurement at a time.

A cell is one economy and one way of solving it. Its key holds the economy's recipe, the options, the code that runs and
the machine, so that a rerun measures again what has changed and nothing else.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.instances.planner import generators
from endonet.plain import to_json
from endonet.reports.ledger import Ledger, code
from endonet.reports.ways import Way
from endonet.solvers.solution import Solution, StoppedBy

PACKAGES = ("endonet", "numpy", "scipy", "numba", "highspy", "pyscipopt")
REL_GAP = 1e-9
WARMING = 2.0  # seconds; a way that needs more for four firms is warm by then
BUDGET = 0.4
EXCLUDED = 0.1
REPEATS, ENOUGH = 5, 0.25  # short measurements are repeated, up to so many times and seconds, and the best is kept


@dataclass(frozen=True)
class Parameters:
    """What is measured.

    Parameters
    ----------
    seed : int
        Economy d of every group is drawn from (seed, d).
    sizes : firms of Table 1's economies
    brute : the sizes at which every network is evaluated as well
    economies : how many economies of each size
    time_limit : seconds for each solution of a Table 1 economy
    calibrated : firms of the calibrated economies
    draws : how many calibrated economies of each size
    large : firms of the largest calibrated economies, and how many draws
    varied : firms of the calibrated economies that are varied
    variants : how many draws of each variation
    draw_limit : seconds for each proof of a calibrated economy
    """

    seed: int = 0
    sizes: tuple[int, ...] = (8, 10, 12, 14, 17, 20)
    brute: tuple[int, ...] = (8, 10, 12)
    economies: int = 5
    time_limit: float = 20.0
    calibrated: tuple[int, ...] = (300, 1000)
    draws: int = 10
    large: tuple[int, int] = (10_000, 0)
    varied: int = 300
    variants: int = 5
    draw_limit: float = 60.0


FULL = Parameters(
    sizes=(8, 10, 12, 14, 17, 20, 24),
    brute=(8, 10, 12, 14),
    economies=15,
    draws=50,
    large=(10_000, 5),
    variants=25,
    draw_limit=120.0,
)


BRUTE = Way("brute force", "brute force")
CERTIFIED = Way("certified", "certified")
RESHAPING = Way("reshaping", "reshaping")
WAYS = (
    CERTIFIED,
    Way("enumeration", "enumeration"),
    Way("SCIP, lifted", "scip", "lifted"),
    Way("SCIP, reduced", "scip", "reduced"),
)


MAKERS: dict[str, Callable[..., PlannerProblem]] = {
    "table1": generators.table1,
    "calibrated": generators.calibrated,
    "sparse": generators.sparse_weighted,
}


@dataclass(frozen=True)
class Economy:
    """The recipe of one economy: a group of the report, its size, and which draw."""

    group: str
    n: int
    draw: int
    seed: int
    sigma: float
    epsilon: float
    rows: str = ""

    def build(self) -> PlannerProblem:
        """Return the economy."""
        drawn = MAKERS[self.group](self.n, seed=(self.seed, self.draw), sigma=self.sigma, epsilon=self.epsilon)
        if not self.rows:
            return drawn
        return replace(drawn, constraints=budget(self.n) if self.rows == "budget" else exclusions(self.n, self.draw))


@dataclass(frozen=True)
class Case:
    """A group of draws of the calibrated economy, as one line of the report."""

    label: str
    economies: tuple[Economy, ...]


def budget(n: int) -> tuple[LinearRow, ...]:
    """Return the row that lets at most two fifths of the firms operate."""
    return (LinearRow(range(n), np.ones(n), "<=", int(BUDGET * n)),)


def exclusions(n: int, seed: int) -> tuple[LinearRow, ...]:
    """Return rows for n/10 pairs of firms, drawn at random without overlap; of each pair at most one may operate."""
    pairs = np.random.default_rng(seed).permutation(n)[: 2 * int(EXCLUDED * n)].reshape(-1, 2)
    return tuple(LinearRow([int(i), int(j)], [1.0, 1.0], "<=", 1.0) for i, j in pairs)


def table1(parameters: Parameters, n: int) -> tuple[Economy, ...]:
    """Return the economies of one size of part (a)."""
    return tuple(Economy("table1", n, d, parameters.seed, 6.0, 6.0) for d in range(parameters.economies))


def cases(parameters: Parameters) -> list[Case]:
    """Return the groups of parts (b) and (c)."""

    def group(label: str, n: int, count: int, sigma: float, epsilon: float, rows: str = "") -> Case:
        drawn = (Economy("calibrated", n, d, parameters.seed, sigma, epsilon, rows) for d in range(count))
        return Case(label, tuple(drawn))

    sizes = [*((n, parameters.draws) for n in parameters.calibrated), parameters.large]
    plain = [group(f"{n} firms", n, count, 5.0, 5.0) for n, count in sizes if count]
    n, count = parameters.varied, parameters.variants
    return [
        *plain,
        group(f"{n} firms, σ = 8, ε = 4", n, count, 8.0, 4.0),
        group(f"{n} firms, σ = 4, ε = 8", n, count, 4.0, 8.0),
        group(f"{n} firms, budget", n, count, 5.0, 5.0, "budget"),
        group(f"{n} firms, exclusions", n, count, 5.0, 5.0, "exclusions"),
    ]


def plan(parameters: Parameters) -> Iterator[tuple[Economy, Way, float]]:
    """Yield every cell in the order of measuring: economy, way, and its time limit."""
    for n in parameters.sizes:
        for economy in table1(parameters, n):
            for way in (*WAYS, *((BRUTE,) if n in parameters.brute else ())):
                yield economy, way, parameters.time_limit
    for case in cases(parameters):
        for economy in case.economies:
            yield economy, CERTIFIED, parameters.draw_limit
            if not economy.rows:
                yield economy, RESHAPING, parameters.draw_limit


def key(economy: Economy, way: Way, time_limit: float) -> dict[str, Any]:
    """Return all that the numbers of a cell depend on."""
    return {
        "economy": asdict(economy),
        "way": asdict(way),
        "time_limit": time_limit,
        "repeats": [REPEATS, ENOUGH],
        "place": place(),
    }


@cache
def place() -> Mapping[str, Any]:
    """Return the code that runs, as versions and one digest, and the machine it runs on."""
    return {
        "code": code(),
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def unavailable(way: Way) -> str:
    """Return why a way of solving cannot be measured here; empty if it can."""
    from endonet import api

    return "" if way is BRUTE else api.solver_class("planner", way.solver).unavailable()


def measure(economy: Economy, way: Way, time_limit: float, ledger: Ledger, problem: PlannerProblem) -> dict[str, Any]:
    """Solve one economy in one way, on one thread, and add the cell to the ledger.

    Raises
    ------
    KeyboardInterrupt
        If the solver was interrupted; an interrupted measurement is none.
    """
    from endonet import api

    if way is BRUTE:
        return ledger.add(key(economy, way, time_limit), _stamped(_evaluate_all(problem)))
    options: dict[str, Any] = {"time_limit": time_limit, "threads": 1, "seed": economy.seed}
    if way.solver != "scip":  # SCIP's own default is what its tolerances carry
        options["rel_gap"] = REL_GAP
    solution, found = observe(problem, way, options)
    if way is CERTIFIED:
        found["certificate_bytes"] = len(to_json(solution.certificate).encode())
        begun = time.perf_counter()
        api.check(problem, solution)
        found["check_seconds"] = time.perf_counter() - begun
    return ledger.add(key(economy, way, time_limit), found)


def observe(problem: PlannerProblem, way: Way, options: Mapping[str, Any]) -> tuple[Solution, dict[str, Any]]:
    """Solve a problem in one way, again if that is short, and return the solution and what is kept of it.

    Raises
    ------
    KeyboardInterrupt
        If the solver was interrupted; an interrupted measurement is none.
    """
    from endonet import api

    _warm(way)
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH:
        solution = api.solve(problem, way.solver, way.formulation, **options)
        if solution.stopped_by is StoppedBy.INTERRUPTED:
            raise KeyboardInterrupt
        seconds.append(solution.wall_time)
    decision = None if solution.decision is None else "".join(map(str, np.asarray(solution.decision, int)))
    found: dict[str, Any] = {
        "seconds": min(seconds),
        "repeats": len(seconds),
        "status": solution.status.value,
        "stopped_by": solution.stopped_by.value,
        "value": solution.value,
        "bound": solution.bound,
        "rel_gap": solution.rel_gap,
        "asked_gap": solution.options["rel_gap"],
        "contradicted": solution.contradicted,
        "decision": decision,
        "nodes": solution.statistics.get("nodes"),
        "linear_programs": solution.statistics.get("linear_programs"),
        "build_seconds": solution.statistics.get("build_seconds"),
    }
    return solution, _stamped(found)


def _evaluate_all(problem: PlannerProblem) -> dict[str, Any]:
    """Evaluate every network, as somebody without a solver would."""
    from endonet.instances.planner.bundle import enumerate_all

    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH:
        begun = time.perf_counter()
        value, theta = enumerate_all(problem)
        seconds.append(time.perf_counter() - begun)
    return {
        "seconds": min(seconds),
        "repeats": len(seconds),
        "status": "optimal",
        "stopped_by": "finished",
        "value": value,
        "bound": value,
        "rel_gap": 0.0,
        "asked_gap": 0.0,
        "contradicted": "",
        "decision": "".join(map(str, theta)),
    }


@cache
def _warm(way: Way) -> None:
    """Let a solver, and the check of its certificate, do once what only the first call pays for."""
    from endonet import api

    tiny = generators.table1(4)
    solution = api.solve(tiny, way.solver, way.formulation, threads=1, time_limit=WARMING)
    if way is CERTIFIED:
        api.check(tiny, solution)


def _stamped(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
