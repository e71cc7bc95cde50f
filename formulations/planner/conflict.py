"""Which rows on θ cannot hold together: a set of them that no choice satisfies, and of which none can be left out.

Such a set is found by QuickXplain (Junker 2004, AAAI), which halves the rows recursively and asks for parts of them
whether some choice satisfies them: about k log(m/k) questions for a set of k among m rows. The answers come from a
depth-first search that propagates the rows, or from a solver that the caller offers for questions the search leaves
open. A part that nobody could decide counts as satisfiable; what comes out is then still a conflict, but perhaps not
minimal. The labour constraint Σ f_j θ_j ≤ L takes part like a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.planner.rows import RowSystem

if TYPE_CHECKING:
    from endonet.formulations.planner.problem import PlannerProblem

NODES = 2_000
SHOWN = 8  # rows whose text stands in a message

# Rows, and whether the labour constraint counts as well; True if some θ satisfies them, None if that stays open.
Decide = Callable[[RowSystem, bool], bool | None]


@dataclass(frozen=True)
class Conflict:
    """Rows that no θ satisfies together.

    Attributes
    ----------
    rows : tuple of int
        Indices into ``problem.constraints``, ascending.
    labour : bool
        Whether the labour constraint is part of the conflict.
    minimal : bool
        Whether it is proved that without any one of them the others can be satisfied.
    """

    rows: tuple[int, ...]
    labour: bool
    minimal: bool

    def tell(self, problem: PlannerProblem) -> str:
        """Return the conflict in words: which rows, by index and text."""
        names = [str(r) for r in self.rows]
        who = f"row {names[0]}" if len(names) == 1 else f"rows {', '.join(names[:-1])} and {names[-1]}" if names else ""
        if self.labour:
            who = f"{who} and the labour constraint" if who else "the labour constraint"
        together = " together" if len(names) + self.labour > 1 else ""
        texts = [f"[{r}] {problem.constraints[r]}" for r in self.rows[:SHOWN]]
        if len(self.rows) > SHOWN:
            texts.append(f"and {len(self.rows) - SHOWN} more")
        if self.labour:
            texts.append(f"Σ f θ ≤ L = {problem.L:g}")
        rest = "" if self.minimal else " (perhaps fewer of them conflict already)"
        return f"no choice satisfies {who}{together}: {'; '.join(texts)}{rest}"


def minimal_conflict(problem: PlannerProblem, decide: Decide | None = None) -> Conflict | None:
    """Return a minimal set of rows (and labour) that no θ satisfies; None if some θ does, or if nobody could tell.

    Parameters
    ----------
    decide : function, optional
        Answers what the search leaves open within 2000 nodes.
    """
    asker = _Asker(problem, decide)
    labour = problem.rows.count
    everything = list(range(labour + 1))
    if asker.satisfiable(everything) is not False:
        return None
    # Where propagation alone refutes the rows, it quickly leaves few of them, and the simplest conflict to understand.
    plain = _Asker(problem, None, nodes=1)
    suspects = _explain(plain, [], False, everything) if plain.satisfiable(everything) is False else everything
    asker.open = False
    found = sorted(_explain(asker, [], False, suspects))
    return Conflict(tuple(r for r in found if r != labour), labour in found, not asker.open)


def _explain(asker: _Asker, background: list[int], grown: bool, candidates: list[int]) -> list[int]:
    """Return a minimal part of the candidates that conflicts with the background."""
    if grown and asker.satisfiable(background) is False:
        return []
    if len(candidates) == 1:
        return candidates
    half = len(candidates) // 2
    left, right = candidates[:half], candidates[half:]
    second = _explain(asker, background + left, True, right)
    return _explain(asker, background + second, bool(second), left) + second


class _Asker:
    """Says whether parts of the rows can be satisfied, and remembers whether any answer stayed open."""

    def __init__(self, problem: PlannerProblem, decide: Decide | None, nodes: int = NODES) -> None:
        self.problem, self.decide, self.nodes, self.open = problem, decide, nodes, False

    def satisfiable(self, members: Sequence[int]) -> bool | None:
        labour = self.problem.rows.count in members
        rows = part(self.problem.rows, [r for r in members if r < self.problem.rows.count])
        answer = search(self.problem, rows, labour, self.nodes)
        if answer is None and self.decide is not None:
            answer = self.decide(rows, labour)
        self.open |= answer is None
        return answer


def part(rows: RowSystem, members: Sequence[int]) -> RowSystem:
    """Return some of the rows."""
    chosen = np.asarray(members, dtype=np.int64)
    return RowSystem(rows.G[chosen], rows.lower[chosen], rows.upper[chosen])


def search(problem: PlannerProblem, rows: RowSystem, labour: bool, nodes: int) -> bool | None:
    """Return whether some θ satisfies rows (and labour), by depth-first search; None if ``nodes`` do not suffice."""
    use = np.bincount(rows.G.indices, minlength=problem.n) if rows.count else np.zeros(problem.n, np.int64)
    stack = [(np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8))]
    for _ in range(nodes):
        if not stack:
            return False
        lower, upper = stack.pop()
        if rows.propagate(lower, upper) >= 0 or (labour and problem.labour_left(lower) < 0):
            continue
        if any(_holds(problem, rows, labour, choice) for choice in (lower, upper)):
            return True
        undecided = np.flatnonzero((lower != upper) & (use > 0))
        if undecided.size == 0:
            continue  # firms in no row stay idle, and the idle choice was tried
        j = undecided[np.argmax(use[undecided])]
        for value in (1, 0):
            below, above = lower.copy(), upper.copy()
            below[j] = above[j] = value
            stack.append((below, above))
    return None if stack else False


def _holds(problem: PlannerProblem, rows: RowSystem, labour: bool, theta: NDArray[np.int8]) -> bool:
    enough = not labour or problem.labour_left(theta) >= 0
    return enough and not rows.violated(theta.astype(np.float64)).size
