"""The cells of the report `global-sourcing`: blocks of firms, comparisons with brute force, counts of nodes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.instances.sourcing import aft
from endonet.instances.sourcing.choice_generators import choice
from endonet.solvers.sourcing.choice_certificate import check
from endonet.solvers.sourcing.squeezing import Squeezing
from endonet.solvers.sourcing.subsets import Subsets

FOLDER = "ENDONET_DATA"
NAME = "aft2017"
MOST_NODES = 200_000  # for one firm without bounds; what needs more is counted as more


def folder(given: str) -> Path:
    """Return the folder of the data: as given, in the folder that ``ENDONET_DATA`` names, or beside the checkout.

    Raises
    ------
    InputError
        If there is none.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    places = [Path(given)] if given else [Path(os.environ.get(FOLDER, str(beside))) / NAME, beside / NAME]
    for place in places:
        if (place / aft.COUNTRIES).is_file():
            return place
    raise InputError(
        "data",
        f"{places[0]} holds no {aft.COUNTRIES}",
        f"give the folder with -o data=…, or set {FOLDER} to its parent",
    )


def block(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the optima of a block of firms come to, each proved and checked."""
    data = aft.read(key["data"])
    problem = aft.simulate(data, key["firms"], key["seed"], first=key["first"])
    solution, seconds = _timed(Squeezing(threads=1), problem)
    report = check(problem, solution)
    Z = solution.decision
    counts = Z[:, 1:].sum(axis=1)
    return {
        "value": solution.value,
        "proved": report["proved"],
        "optimal": solution.status.value == "optimal",
        "squeezed": solution.statistics["squeezed"],
        "nodes": solution.statistics["nodes"],
        "seconds": seconds,
        "sourcing": Z.sum(axis=0).tolist(),
        "countries": np.bincount(counts, minlength=problem.K).tolist(),
        "regret": float(problem.evaluate(Z).regret.max()),
    }


def beside_brute_force(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return how squeezing and brute force compare on the largest few countries: firms that differ, CPU seconds."""
    data = aft.read(key["data"])
    problem = aft.simulate(data, key["firms"], key["seed"], countries=key["countries"], theta=key["theta"])
    squeezed, quick = _timed(Squeezing(threads=1), problem)
    brute, slow = _timed(Subsets(threads=1), problem)
    check(problem, squeezed)
    ours, theirs = problem.evaluate(squeezed.decision).profit, problem.evaluate(brute.decision).profit
    differ = int((np.abs(ours - theirs) > 1e-12 * np.abs(theirs)).sum())
    return {"differ": differ, "quick": quick, "slow": slow, "left": problem.firms - squeezed.statistics["squeezed"]}


def nodes(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes that firms whose suppliers are nearly alike need, with bounds and without."""
    problem = choice(key["firms"], key["countries"], key["exponent"], seed=key["seed"])
    bounded = Squeezing(threads=1).solve(problem)
    check(problem, bounded)
    bare = Squeezing(threads=1, branching="bare", node_limit=MOST_NODES).solve(problem)
    return {
        "bounded": bounded.statistics["nodes"],
        "bare": bare.statistics["nodes"],
        "ended": bare.stopped_by.value == "finished",
        "left": bounded.statistics["firms"] - bounded.statistics["squeezed"],
    }


def _timed(solver: Any, problem: SourcingChoice) -> tuple[Any, float]:
    """Return a solution and the CPU seconds of solving, without compiling."""
    solver.prepare()
    begun = time.process_time()
    return solver.solve(problem), time.process_time() - begun
