"""The linear relaxation of one component, in HiGHS, with the cycles found so far as its rows.

    min Σ D_uv b_uv   s.t.  Σ_{uv∈C} b_uv ≥ 1 for every cycle C,   0 ≤ b ≤ 1

b_uv is how far the link u → v runs backward. A *dense* component has one column for each pair, taken in the direction
in which D_uv ≥ 0, and b_vu = 1 − b_uv stands for the other; its rows are cycles of three, found among all triples. A
*sparse* one has a column for each net link only, and rows for cycles of any length among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endonet.solvers.ordering.packing import Cycles, Multipliers
from endonet.solvers.ordering.separation import shortest_cycles, spread, triangles

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]
Stop = Callable[[], bool]

LARGEST_DENSE = 400
DENSE = 0.3  # share of linked pairs from which a component is dense
FIRST_SLICE = 2.0  # seconds of a linear program before anybody asks whether to stop; then twice as long
SHORTFALL = 1e-6
ROOM = 400_000  # triples looked at in one round
MOST = 4000  # cycles of a sparse component added in one round


@dataclass(frozen=True, eq=False)
class Point:
    """Where a linear program ended.

    Attributes
    ----------
    b : array
        By column.
    duals : array
        By cycle, at least 0; those of an unfinished program still give a valid bound, as any do.
    finished : bool
        Whether b is an optimum.
    """

    b: Vector
    duals: Vector
    finished: bool


class Relaxation:
    """The relaxation of one component, whose nodes are numbered from 0; rows only ever grow."""

    def __init__(self, D: NDArray[np.float64] | None, n: int, tail: Ints, head: Ints, weight: Vector) -> None:
        import highspy

        self.n = n
        self.dense = D is not None
        if D is not None:
            low, high = np.triu_indices(n, 1)
            turned = D[low, high] < 0
            tail, head = np.where(turned, high, low), np.where(turned, low, high)
            weight = D[tail, head]
            self.column = np.zeros((n, n), np.int64)
            self.column[tail, head] = np.arange(1, tail.size + 1)
            self.column[head, tail] = -self.column[tail, head]
        else:
            self.by_link = np.argsort(tail * n + head)
            self.keys = (tail * n + head)[self.by_link]
        self.tail, self.head, self.weight = tail, head, weight
        self.pointers: list[Ints] = [np.zeros(1, np.int64)]
        self.nodes: list[Ints] = []
        self.count, self.length = 0, 0
        self.programs = 0
        self.scale = float(weight.max()) / 1000.0
        self.highs = highspy.Highs()
        self.infinity = highspy.kHighsInf
        self.optimal = highspy.HighsModelStatus.kOptimal
        self.timed_out = highspy.HighsModelStatus.kTimeLimit
        for option, value in (("output_flag", False), ("threads", 1), ("solver", "simplex"), ("random_seed", 0)):
            self.highs.setOptionValue(option, value)
        m = tail.size
        self.highs.addVars(m, np.zeros(m), np.ones(m))
        self.highs.changeColsCost(m, np.arange(m, dtype=np.int32), weight / self.scale)
        self.restricted = np.empty(0, np.int64)

    def cycles(self) -> Cycles:
        """Return the cycles of all rows."""
        return Cycles(np.concatenate(self.pointers), np.concatenate([*self.nodes, np.empty(0, np.int64)]))

    def columns(self, u: Ints, v: Ints) -> Ints:
        """Return the columns of links, counted from 1 and negative where b stands for the opposite link; 0 for none."""
        if self.dense:
            found: Ints = self.column[u, v]
            return found
        place = np.minimum(np.searchsorted(self.keys, u * self.n + v), self.keys.size - 1)
        return np.where(self.keys[place] == u * self.n + v, self.by_link[place] + 1, 0)

    def add(self, cycles: Cycles) -> None:
        """Add a row for each cycle."""
        if cycles.count == 0:
            return
        which, tail, head = cycles.links()
        column = self.columns(tail, head)
        turned = np.bincount(which, weights=column < 0, minlength=cycles.count)
        self.highs.addRows(
            cycles.count,
            1.0 - turned,
            np.full(cycles.count, self.infinity),
            column.size,
            cycles.pointer[:-1].astype(np.int32),
            (np.abs(column) - 1).astype(np.int32),
            np.sign(column).astype(np.float64),
        )
        self.pointers.append(cycles.pointer[1:] + self.length)
        self.nodes.append(cycles.node)
        self.count += cycles.count
        self.length += cycles.node.size

    def restrict(self, fixed: Ints) -> None:
        """Fix pairs (u, v) with u before v, and free all others."""
        if self.restricted.size:
            old = self.restricted.astype(np.int32)
            self.highs.changeColsBounds(old.size, old, np.zeros(old.size), np.ones(old.size))
        self.restricted = np.empty(0, np.int64)
        if not fixed.size:
            return
        ahead, behind = self.columns(fixed[:, 0], fixed[:, 1]), self.columns(fixed[:, 1], fixed[:, 0])
        # u before v: u → v runs forward (0), v → u backward (1); a dense column stands for either
        chosen = np.concatenate([ahead[ahead > 0], behind[behind > 0]]) - 1
        value = np.concatenate([np.zeros(int((ahead > 0).sum())), np.ones(int((behind > 0).sum()))])
        self.highs.changeColsBounds(chosen.size, chosen.astype(np.int32), value, value)
        self.restricted = chosen

    def solve(self, seconds: float, stop: Stop) -> Point:
        """Solve with the present rows, in slices between which ``stop`` is asked."""
        slice_, ends = FIRST_SLICE, time.perf_counter() + seconds
        while True:
            left = min(slice_, ends - time.perf_counter())
            # HiGHS adds up the time of all its runs
            self.highs.setOptionValue("time_limit", self.highs.getRunTime() + max(left, 0.01))
            self.highs.run()
            self.programs += 1
            status = self.highs.getModelStatus()
            if status != self.timed_out or stop() or time.perf_counter() >= ends:
                break
            slice_ *= 2
        solution = self.highs.getSolution()
        duals = np.array(solution.row_dual, dtype=np.float64)
        if not solution.dual_valid or duals.size != self.count or not np.isfinite(duals).all():
            duals = np.zeros(self.count)
        b = np.array(solution.col_value, dtype=np.float64)
        finished = status == self.optimal and b.size == self.tail.size
        return Point(np.clip(b, 0.0, 1.0), np.maximum(duals, 0.0) * self.scale, finished)

    def separate(self, b: Vector) -> Cycles:
        """Return cycles that b breaks too little."""
        if not self.dense:
            return shortest_cycles(self.n, self.tail, self.head, b, SHORTFALL, MOST)
        B = self.backward(b)
        found, short = triangles(B, SHORTFALL, ROOM)
        if self.n > 130:
            by_shortfall = np.argsort(-short, kind="stable")
            found = found[spread(found, by_shortfall, self.n, 3, ROOM)]
        return Cycles(3 * np.arange(len(found) + 1), found.reshape(-1))

    def backward(self, b: Vector) -> Vector:
        """Return B_uv of a dense component as a matrix, with B_uv + B_vu = 1."""
        B = np.zeros((self.n, self.n))
        B[self.tail, self.head] = b
        B[self.head, self.tail] = 1.0 - b
        return B

    def multipliers(self, point: Point, unit: float) -> Multipliers:
        """Return the duals in whole units, those that round to nothing left out."""
        amount = np.floor(point.duals * unit).astype(np.int64)
        used = np.flatnonzero(amount > 0)
        return Multipliers(used, amount[used])
