"""The cells of the report `scaling`: one step on one economy, its seconds, its memory and the gap it leaves.

Two kinds of economies grow: the calibrated one, whose mean degree creeps up with n as power laws have it, and a random
one with a fixed number of links a firm. Memory is what the process holds at most while it works on the step, above what
it held before the first of them, as Linux counts it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from endonet.formulations.errors import EndonetError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.instances.planner import generators
from endonet.reports import speed_cells
from endonet.solvers.base import Solver
from endonet.solvers.solution import Solution, StoppedBy

STEPS = {
    "evaluate": "the evaluator: everything that follows from one network",
    "reshaping": "the heuristic of the literature, to a fixed point or a cycle",
    "lagrangian": "a bound from prices alone, without a linear program",
    "certified, root": "the certified search stopped after its first node",
}
KINDS = {
    "calibrated": "Table 3's economy: degrees from a power law",
    "sparse": "a random economy with a fixed number of links a firm, all firms alike but in productivity",
}
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
Found = dict[str, Any]


@dataclass(frozen=True)
class Economy:
    """The recipe of one economy."""

    kind: str
    n: int
    degree: float
    draw: int
    seed: int

    def build(self) -> PlannerProblem:
        """Return the economy."""
        seed = (self.seed, self.draw)
        if self.kind == "calibrated":
            return generators.calibrated(self.n, seed=seed)
        parameters: dict[str, Any] = {"alpha": 0.5, "sigma": 5.0, "epsilon": 5.0, "f": 0.05 / self.n}
        drawn = generators.sparse_weighted(self.n, seed, self.degree, self_links=False, f_n=0.05)
        return PlannerProblem(Omega=drawn.Omega, z=drawn.z, name=f"sparse-{self.n}", **parameters)


@lru_cache(maxsize=1)
def _built(economy: Economy) -> PlannerProblem:
    return economy.build()


@cache
def _empty() -> float:
    """Return the memory that the process holds before the first economy is drawn, everything loaded."""
    for step in STEPS:
        _warm(step)
    return _memory("VmRSS")


def key(economy: Economy, step: str, time_limit: float) -> Found:
    """Return all that the numbers of a cell depend on."""
    place = dict(speed_cells.place())
    return {"report": "scaling", "economy": asdict(economy), "step": step, "time_limit": time_limit, "place": place}


def measure(economy: Economy, step: str, time_limit: float) -> Found:
    """Return what a step costs, the shortest of a few times if it is short."""
    before = _empty()
    problem = _built(economy)
    found: Found = {"n": problem.n, "links": problem.links}
    watched = _watch()
    seconds: list[float] = []
    try:
        while len(seconds) < speed_cells.REPEATS and sum(seconds) < speed_cells.ENOUGH:
            more = _take(problem, step, time_limit, economy.seed)
            seconds.append(more.pop("seconds"))
    except (EndonetError, MemoryError) as error:
        return found | {"seconds": None, "stopped_by": "error", "reason": f"{type(error).__name__}: {error}"}
    memory = max(_memory("VmHWM") - before, 0.0) if watched else None
    stamp = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return found | more | {"seconds": min(seconds), "memory": memory, "measured": stamp}


def _take(problem: PlannerProblem, step: str, time_limit: float, seed: int) -> Found:
    begun = time.perf_counter()
    if step == "evaluate":
        value = problem.evaluate(np.ones(problem.n, np.int8)).value
        return {"seconds": time.perf_counter() - begun, "value": value, "stopped_by": "finished", "rel_gap": None}
    solution = _solver(step, time_limit, seed).solve(problem)
    if solution.stopped_by is StoppedBy.INTERRUPTED:
        raise KeyboardInterrupt
    return {
        "seconds": solution.wall_time,
        "value": solution.value,
        "bound": solution.bound,
        "rel_gap": solution.rel_gap,
        "status": solution.status.value,
        "stopped_by": solution.stopped_by.value,
        "contradicted": solution.contradicted,
        "work": _work(solution),
    }


def _solver(step: str, time_limit: float, seed: int) -> Solver[PlannerProblem]:
    from endonet.solvers.planner.certified import Certified
    from endonet.solvers.planner.lagrangian import Lagrangian
    from endonet.solvers.planner.reshaping import Reshaping

    common: Mapping[str, Any] = {"time_limit": time_limit, "threads": 1, "seed": seed}
    if step == "reshaping":
        return Reshaping(**common)
    return Lagrangian(**common) if step == "lagrangian" else Certified(node_limit=1, **common)


def _work(solution: Solution) -> str:
    """Return how much there was to do, as the solver counts it."""
    counted = ("iterations", "linear_programs", "nodes")
    return ", ".join(f"{solution.statistics[name]} {name}" for name in counted if name in solution.statistics)


def _warm(step: str) -> None:
    _take(_tiny(), step, 10.0, 0)


@lru_cache(maxsize=1)
def _tiny() -> PlannerProblem:
    return generators.table1(6)


def _watch() -> bool:
    """Let the system forget the most memory the process has held; return whether it can."""
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return _memory("VmHWM") > 0


def _memory(name: str) -> float:
    """Return a line of /proc/self/status in bytes; 0 where there is none."""
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text(encoding="ascii"))
    except OSError:
        return 0.0
    return 1024.0 * int(found[1]) if found else 0.0
