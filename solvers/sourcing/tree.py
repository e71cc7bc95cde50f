"""The search tree of a list of equilibria: its splits in preorder, which is also the certificate.

A node is a pair of networks lo ≤ hi and a box of wages and demand. It is

    ["A", x]  ["w", x]      split in the box, the lower part first
    ["links", e]  ["imports", j]  ["exports", j]    split on a decision, first not made, then made
    "closed"                closed: no network is left, or a single one that the evaluator judges
    "open"                  left open by a limit

Bounds need no place in it: whoever replays the tree finds them anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.sourcing.box import A_HI, A_LO, BOUNDLESS, DECIDED, EMPTY, W_HI, W_LO
from endonet.solvers.sourcing.game import Bits

CLOSED, LEFT_OPEN = "closed", "open"
PARTS = ("links", "imports", "exports")
FEW = 4  # open decisions that are split on rather than the box
STEP = 8.0  # where a side of the box is 0 or infinite, this far from the other

Entry = str | list[Any]
Narrow = Callable[[Bits, Bits, NDArray[np.float64], NDArray[np.float64]], int]


@dataclass(eq=False)
class Node:
    """What is left to look at: lo ≤ z ≤ hi, and (w_lo, w_hi, A_lo, A_hi).

    ``idle`` counts the splits of the box since one last decided anything, ``undecided`` the decisions open at the last;
    both are handed on, so that boxes which decide nothing are not tried anew after every split on a decision.
    """

    lo: Bits
    hi: Bits
    box: NDArray[np.float64]
    idle: int = 0
    undecided: int = 0


def root(lo: Bits, hi: Bits, opened: bool) -> Node:
    """Return the node that holds every equilibrium; the wage is 1 in a closed economy."""
    wages = (0.0, np.inf) if opened else (1.0, 1.0)
    return Node(lo.copy(), hi.copy(), np.array([*wages, 0.0, np.inf]))


def children(problem: SourcingProblem, node: Node, entry: Entry) -> tuple[Node, Node]:
    """Return both parts of a split node.

    Raises
    ------
    InputError
        If the split is none.
    """
    kind, place = _checked(problem, entry)
    if kind in ("A", "w"):
        below, above = node.box.copy(), node.box.copy()
        low, high = (A_LO, A_HI) if kind == "A" else (W_LO, W_HI)
        below[high], above[low] = min(below[high], place), max(above[low], place)
        past = (node.idle, node.undecided)
        return Node(node.lo.copy(), node.hi.copy(), below, *past), Node(node.lo, node.hi, above, *past)
    at = int(place) + {"links": 0, "imports": problem.m, "exports": problem.m + problem.n}[kind]
    without, with_ = node.hi.copy(), node.lo.copy()
    without[at], with_[at] = 0, 1
    past = (node.idle, node.undecided - 1)
    return Node(node.lo.copy(), without, node.box.copy(), *past), Node(with_, node.hi, node.box, *past)


def split(
    problem: SourcingProblem, node: Node, score: NDArray[np.float64], state: int, least_width: float, patience: int
) -> Entry:
    """Return where to split an open node: in the box while that is wide, else on the decision that may matter most.

    What the box may cost without deciding anything stays below what trying all decisions would.
    """
    undecided = np.flatnonzero(node.lo != node.hi)
    node.idle = node.idle + 1 if undecided.size == node.undecided else 0
    node.undecided = int(undecided.size)
    w_lo, w_hi, low, high = node.box.tolist()
    if (state != BOUNDLESS or not math.isfinite(high)) and node.idle < min(patience, undecided.size // 2):
        wide_A, wide_w = _width(low, high), _width(w_lo, w_hi)
        if not math.isfinite(w_hi) or (w_lo == 0 and undecided.size > FEW):
            return ["w", _between(w_lo, w_hi)]
        if undecided.size > FEW and max(wide_A, wide_w) > least_width:
            return ["A", _between(low, high)] if wide_A >= wide_w else ["w", _between(w_lo, w_hi)]
    at = int(undecided[np.argmax(score[undecided])])
    if at < problem.m:
        return ["links", at]
    firm = at - problem.m
    return ["imports", firm] if firm < problem.n else ["exports", firm - problem.n]


def _width(low: float, high: float) -> float:
    return math.inf if low <= 0 or math.isinf(high) else math.log(high / low)


def _between(low: float, high: float) -> float:
    if low <= 0:
        return 1.0 if math.isinf(high) else high / STEP
    return low * STEP if math.isinf(high) else math.sqrt(low) * math.sqrt(high)


def _checked(problem: SourcingProblem, entry: Any) -> tuple[str, float]:
    good = isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)
    if good and isinstance(entry[1], (int, float)) and not isinstance(entry[1], bool):
        kind, place = entry
        if kind in ("A", "w") and 0 < place < math.inf:
            return kind, float(place)
        if kind in PARTS and isinstance(place, int) and 0 <= place < (problem.m if kind == "links" else problem.n):
            return kind, place
    raise InputError("certificate", f"{entry!s:.60} is no split of the tree", "give the certificate as it was written")


@dataclass(eq=False)
class Search:
    """A depth-first search, with what an earlier one split already taken from its tree.

    Attributes
    ----------
    tree : list
        The tree so far; with the open nodes appended it is whole.
    least_width : float
        In logs; a box that is narrower is not split.
    patience : int
        Splits of the box in a row that may decide nothing.
    leaves : int
    """

    problem: SourcingProblem
    narrow: Narrow
    judge: Callable[[Bits], None]
    stack: list[Node]
    earlier: list[Entry]
    least_width: float
    patience: int
    tree: list[Entry]
    leaves: int = 0
    splits: int = 0

    @property
    def done(self) -> bool:
        """Whether every node is closed."""
        return not self.stack and LEFT_OPEN not in self.tree

    def step(self) -> None:
        """Take one node from the stack."""
        node = self.stack.pop()
        replayed = self.earlier.pop(0) if self.earlier else LEFT_OPEN
        score = np.zeros(node.lo.size)
        if replayed == CLOSED:
            self._close()
            return
        state = self.narrow(node.lo, node.hi, node.box, score)
        if state in (EMPTY, DECIDED):
            if state == DECIDED:
                self.judge(node.lo)
            self._close()
            return
        entry = (
            split(self.problem, node, score, state, self.least_width, self.patience)
            if replayed == LEFT_OPEN
            else replayed
        )
        lower, upper = children(self.problem, node, entry)
        self.tree.append(entry)
        self.splits += 1
        self.stack += [upper, lower]

    def _close(self) -> None:
        self.tree.append(CLOSED)
        self.leaves += 1

    def whole_tree(self) -> list[Entry]:
        """Return the tree with what is not done yet marked as open."""
        return self.tree + [LEFT_OPEN for _ in self.stack] if not self.earlier else self.tree + self.earlier
