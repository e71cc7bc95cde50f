"""The cells of the report `uniqueness`: complete lists of equilibria of a few random economies of one kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from endonet.formulations.errors import EndonetError
from endonet.instances.sourcing.generators import small
from endonet.reports.ledger import code
from endonet.solvers.solution import StoppedBy
from endonet.solvers.sourcing.certificate import check
from endonet.solvers.sourcing.certified import Certified
from endonet.solvers.sourcing.enumeration import Enumeration

TOGETHER = 25  # economies in a cell
ENUMERATED = 4  # firms up to which every network is looked at; beyond, a tree of bounds excludes most
KINDS = (("buyer", False), ("buyer", True), ("supplier", False), ("supplier", True))


def keys(
    sizes: tuple[int, ...], costs: tuple[float, ...], draws: int, seed: int, opened: bool
) -> Iterator[dict[str, Any]]:
    """Yield the keys of all cells, the first draws of every kind before the next."""
    for first in range(0, draws, TOGETHER):
        for initiator, cyclic in KINDS:
            for n in sizes:
                for fixed in costs:
                    last = min(first + TOGETHER, draws)
                    yield {"report": "uniqueness", "initiator": initiator, "cyclic": cyclic, "n": n, "fixed": fixed} | {
                        "open": opened, "draws": [first, last], "seed": seed, "code": code()
                    }  # fmt: skip


def work(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each economy of a cell how many equilibria it has, and how many of them lie outside [A_min, A_max].

    Raises
    ------
    EndonetError
        If a list is not proved complete.
    """
    counts, outside = [], []
    solver = Enumeration(threads=1) if key["n"] <= ENUMERATED else Certified(threads=1)
    for draw in range(*key["draws"]):
        seed = key["seed"] + draw
        problem = small(
            key["n"], seed, key["initiator"], key["cyclic"], open=key["open"], share=1.0, fixed=key["fixed"]
        )
        solution = solver.solve(problem)
        if solution.stopped_by is StoppedBy.INTERRUPTED:
            raise KeyboardInterrupt
        if solution.status.value not in ("optimal", "infeasible"):
            raise EndonetError(f"the equilibria of {problem.description} were not proved complete")
        if draw == key["draws"][0]:
            check(problem, solution)
        found = [] if solution.decision is None else list(solution.decision)
        counts.append(len(found) + (0 if solution.decision is None else len(solution.decision.autarky)))
        outside.append(0 if key["open"] else _outside(problem, [entry.A for entry in found]))
    return {"counts": counts, "outside": outside}


def _outside(problem: Any, demands: list[float]) -> int:
    """Return how many demands lie outside the window of footnote 11, by more than rounding."""
    from endonet.reports.correspondence import window

    if not demands:
        return 0
    low, high = window(problem)
    return sum(not low * (1 - 1e-9) <= A <= high * (1 + 1e-9) for A in demands)
