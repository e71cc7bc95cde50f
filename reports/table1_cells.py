"""The cells of the report `table-1`: a few draws of one combination of parameters, each answered in every way.

The truth is enumeration's, which accounts for all 2ⁿ networks; every value is the evaluator's. Draw d of combination k
with n firms comes from the seed (seed, k, d), as in `generators.table1_grid`, so that a cell depends on its key alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import EndonetError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.instances.planner import generators
from endonet.reports.ledger import code
from endonet.solvers.planner.deviation import improve
from endonet.solvers.planner.enumeration import Enumeration
from endonet.solvers.planner.relaxation import Relaxation
from endonet.solvers.planner.reshaping import Reshaping
from endonet.solvers.solution import Status, StoppedBy

COMBINATIONS = tuple(
    dict(zip(generators.GRID, values, strict=True)) for values in itertools.product(*generators.GRID.values())
)
TOGETHER = 5  # draws in a cell
PROOF = 1e-9  # relative; enumeration proves far less than this
TIE = 1e-12  # networks whose output differs by less are equally good

RESHAPED, POLISHED, CORNER, INSIDE = (
    "reshaping",
    "reshaping, one-firm changes",
    "corner from 1",
    "quasi-Newton from 1/2",
)
WAYS = (RESHAPED, POLISHED, CORNER, INSIDE)


def keys(sizes: tuple[int, ...], draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the keys of all cells: for each size all combinations of the first few draws, then of the next."""
    for n in sizes:
        for first in range(0, draws, TOGETHER):
            for k in range(len(COMBINATIONS)):
                last = min(first + TOGETHER, draws)
                yield {"table": 1, "n": n, "combination": k, "draws": [first, last], "seed": seed, "code": code()}


def work(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return, for each draw of a cell: output of the optimum; for each way: firms wrong, output lost, at a corner.

    ``settled`` says that the first-order conditions of the relaxed problem hold at a corner, which is what the paper
    asks of a network to keep it in the sample; ``cycle`` is the length of reshaping's cycle, 0 without one.
    """
    answers = [
        answer(
            generators.table1(key["n"], **COMBINATIONS[key["combination"]], seed=(key["seed"], key["combination"], d))
        )
        for d in range(*key["draws"])
    ]
    found: dict[str, Any] = {"optimum": [one["optimum"] for one in answers], "cycle": [one["cycle"] for one in answers]}
    for part in ("wrong", "error", "settled"):
        found[part] = {way: [one[part][way] for one in answers] for way in WAYS}
    return found


def answer(problem: PlannerProblem) -> dict[str, Any]:
    """Answer one economy in every way and hold the answers against the optimum.

    Raises
    ------
    EndonetError
        If a heuristic is better than the optimum that was proved, so that one of them is wrong.
    """
    exact, reshaping, corner, inside = _solvers()
    worth = Worth(problem)
    proof = exact.run(problem, None)
    optimum, best = worth(proof.decision), np.asarray(proof.decision)
    if proof.stopped_by is StoppedBy.INTERRUPTED:
        raise KeyboardInterrupt
    if proof.claim is not Status.OPTIMAL or proof.bound is None or proof.bound > optimum * (1 + PROOF):
        raise EndonetError(f"enumeration did not prove the optimum of {problem.description}")
    path = reshaping.run(problem, None)
    decisions = {
        RESHAPED: path.decision,
        POLISHED: improve(problem, path.decision),
        CORNER: (left := corner.run(problem, None)).decision,
        INSIDE: (climbed := inside.run(problem, None)).decision,
    }
    settled = {
        RESHAPED: path.claim is Status.STATIONARY,
        POLISHED: True,
        CORNER: left.claim is Status.STATIONARY,
        INSIDE: climbed.claim is Status.STATIONARY,
    }
    errors = {way: 1 - worth(theta) / optimum for way, theta in decisions.items()}
    for way, error in errors.items():
        if error < -PROOF:
            raise EndonetError(f"{way} beats the proved optimum of {problem.description} by {-error:.2g} of it")
    return {
        "optimum": optimum,
        "cycle": path.statistics["cycle_length"],
        "wrong": {w: 0 if errors[w] <= TIE else int((np.asarray(d) != best).sum()) for w, d in decisions.items()},
        "error": {way: max(0.0, error) for way, error in errors.items()},
        "settled": settled,
    }


class Worth:
    """Output of networks by the problem's evaluator, each evaluated once."""

    def __init__(self, problem: PlannerProblem) -> None:
        self.problem = problem
        self._known: dict[bytes, float] = {}

    def __call__(self, theta: Any) -> float:
        """Return Y at θ."""
        network: NDArray[np.int8] = np.asarray(theta).astype(np.int8)
        key = network.tobytes()
        if key not in self._known:
            outcome = self.problem.evaluate(network)
            if not outcome.feasible:
                raise EndonetError(f"an answer to {self.problem.description} is not feasible: {outcome.violations[0]}")
            self._known[key] = outcome.value
        return self._known[key]


@cache
def _solvers() -> tuple[Enumeration, Reshaping, Relaxation, Relaxation]:
    """Return the solvers, compiled."""
    solvers = Enumeration(threads=1), Reshaping(), Relaxation(), Relaxation(start="half")
    for solver in solvers:
        solver.prepare()
    return solvers
