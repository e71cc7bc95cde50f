"""Greedy: add the supplier that gains most, as long as one pays (the marginal rule of paper 003 for sets).

P(S ⊆ D) is supermodular in S, so that gains fall as the set grows and greedy stops where no single supplier pays. That
is no optimum: two suppliers that fail at opposite times may be worth more than any that greedy begins with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.solvers.base import Solver
from endonet.solvers.solution import Finding, Proves, Status
from endonet.solvers.suppliers import ties
from endonet.solvers.suppliers.task import Task, tasks


@dataclass(frozen=True, kw_only=True)
class Greedy(Solver[SupplierProblem]):
    """Suppliers are added while they pay, then swapped one by one while that pays."""

    name: ClassVar[str] = "greedy"
    title: ClassVar[str] = "add, drop or swap one supplier as long as it pays"
    proves: ClassVar[Proves] = Proves.LOCAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("sets",)

    def refuses(self, problem: SupplierProblem) -> str:
        """Return a complaint if the scenarios are too many to be listed."""
        from endonet.solvers.suppliers.certified import too_large

        return too_large(problem)

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Improve from the empty set, or from ``initial``."""
        del formulation
        starts = [] if self.initial is None else [problem.choice(self.initial).suppliers]
        asked = list(tasks(problem, "sets"))
        found = [greedy_set(asked, start) for start in [(), *starts]]
        best = ties.best_exactly(problem, [(), *found], "sets")
        decision = ties.decision_of(problem, best[0], "sets")
        return Finding(decision, Status.LOCAL, notes=("no supplier more, less or another is better",))


def greedy_set(asked: Sequence[Task], start: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return a set that no single addition, removal or swap improves in the best of some tasks, beyond rounding."""
    n = asked[0].n
    kept = np.zeros(n, bool)
    kept[list(start)] = True
    value = max(_value(task, kept) for task in asked)
    while True:
        moves = []
        for i in range(n):
            moves.append([i])
            if kept[i]:
                moves += [[i, j] for j in range(n) if not kept[j]]
        best, chosen = value + max(task.slack for task in asked), None
        for move in moves:
            kept[move] ^= True
            here = max(_value(task, kept) for task in asked)
            kept[move] ^= True
            if here > best:
                best, chosen = here, move
        if chosen is None:
            break
        kept[chosen] ^= True
        value = best
    return tuple(map(int, np.flatnonzero(kept)))


def _value(task: Task, kept: np.typing.NDArray[np.bool_]) -> float:
    s = int(kept.sum())
    if not s:
        return 0.0
    chosen = task.P[:, kept]
    risk = float(task.q @ (chosen.min(axis=1) if task.worst else chosen.prod(axis=1)))
    return task.pi * (1 - risk) - task.kappa * s * s - float(task.fees[kept].sum()) - task.less
