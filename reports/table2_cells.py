"""The cells of the report `table-2`: one draw of the calibrated economy, answered by the heuristics and with a proof.

As in the paper a network Ω is drawn first, then productivities z on it: network w of seed s comes from the seed (s, w),
its draw d from (s, w, d).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import EndonetError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.instances.planner import draws, generators
from endonet.reports.ledger import code
from endonet.reports.table1_cells import CORNER, INSIDE, RESHAPED, Worth
from endonet.solvers.planner.certified import Certified
from endonet.solvers.planner.deviation import improve
from endonet.solvers.planner.relaxation import Relaxation
from endonet.solvers.planner.reshaping import Reshaping
from endonet.solvers.solution import Status, StoppedBy, relative_gap

WAYS = (RESHAPED, CORNER, INSIDE)
SIGMA_Z = 0.39
REL_GAP = 1e-9
CONTRADICTION = 1e-9


def keys(n: int, networks: int, each: int, time_limit: float, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the keys of all cells: the first draw on every network, then the second, …"""
    for d in range(each):
        for w in range(networks):
            yield {
                "table": 2,
                "n": n,
                "network": w,
                "draw": d,
                "seed": seed,
                "rel_gap": REL_GAP,
                "time_limit": time_limit,
                "code": code(),
            }


def economy(n: int, network: int, draw: int, seed: int) -> PlannerProblem:
    """Return draw ``draw`` of productivities on network ``network``, calibrated as in Table 3."""
    drawn = _network(n, network, seed)
    z = draws.lognormal(draws.generator((seed, network, draw)), SIGMA_Z, n)
    return replace(drawn, z=z, description=f"{drawn.description}, draw {draw} of z")


@cache
def _network(n: int, network: int, seed: int) -> PlannerProblem:
    return generators.calibrated(n, seed=(seed, network), sigma_z=SIGMA_Z)


def work(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a draw finds: value, bound and status of the proof, and for each way how it compares.

    For each way: ``settled`` at a corner, ``value``; ``wrong`` and ``kept``, the firms that differ from the proven
    optimum and those operating; ``deviated`` and ``gain``, the firms that the paper's one-firm test changes and the
    share of output this gains; ``found``, how many of the wrong firms are among those.
    """
    return answer(economy(key["n"], key["network"], key["draw"], key["seed"]), key["time_limit"])


def answer(problem: PlannerProblem, time_limit: float) -> dict[str, Any]:
    """Answer one economy by every heuristic, test each answer as the paper does, and prove the optimum.

    Raises
    ------
    EndonetError
        If an answer is worth more than the proven bound.
    """
    worth = Worth(problem)
    certified, *heuristics = _solvers(time_limit)
    found = {way: solver.run(problem, None) for way, solver in zip(WAYS, heuristics, strict=True)}
    proof = certified.run(problem, None)
    if StoppedBy.INTERRUPTED in (proof.stopped_by, *(one.stopped_by for one in found.values())):
        raise KeyboardInterrupt
    if proof.bound is None or proof.decision is None:
        raise EndonetError(f"certified found neither decision nor bound for {problem.description}")
    best: NDArray[np.int8] = np.asarray(proof.decision)
    top, gap = worth(best), relative_gap(worth(best), proof.bound)
    ways = {}
    for way, one in found.items():
        theta = np.asarray(one.decision)
        tested = improve(problem, theta)
        for what, value in ((way, worth(theta)), (f"{way}, one-firm changes", worth(tested))):
            if value > proof.bound * (1 + CONTRADICTION):
                raise EndonetError(
                    f"{what} is worth {value!r}, beyond the bound {proof.bound!r}: {problem.description}"
                )
        wrong, changed = theta != best, theta != tested
        ways[way] = {
            "settled": one.claim is Status.STATIONARY,
            "value": worth(theta),
            "operating": int(theta.sum()),
            "wrong": int(wrong.sum()),
            "deviated": int(changed.sum()),
            "found": int((wrong & changed).sum()),
            "gain": max(0.0, 1 - worth(theta) / worth(tested)) if worth(tested) > 0 else 0.0,
            "cycle": one.statistics.get("cycle_length", 0),
        }
    return {
        "value": top,
        "bound": proof.bound,
        "proved": gap is not None and gap <= REL_GAP,
        "operating": int(best.sum()),
        "nodes": proof.statistics.get("nodes"),
        "ways": ways,
    }


@cache
def _solvers(time_limit: float) -> tuple[Certified, Reshaping, Relaxation, Relaxation]:
    """Return the solvers, compiled."""
    certified = Certified(threads=1, time_limit=time_limit, rel_gap=REL_GAP)
    solvers = certified, Reshaping(), Relaxation(), Relaxation(start="half")
    for solver in solvers:
        solver.prepare()
    return solvers
