"""The linear relaxation of one component, in HiGHS, with the cycles and cuts found so far as its rows.

    min Σ D_uv b_uv   s.t.  Σ_{uv∈C} b_uv ≥ 1 for every cycle C,   0 ≤ b ≤ 1

b_uv is how far the link u → v runs backward, and 1 − b_uv how far v → u does. A *dense* component has one column for
each pair, taken in the direction in which D_uv ≥ 0; its rows are cycles of three, found among all triples. A *sparse*
one has a column for each net link only, and rows for cycles of any length among them, and among the links that
branching has put into the order. Cuts are those of `zero_half`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.solvers.ordering.packing import Cycles, Lists, Multipliers, Pool, Rows, cut_rows, cycle_rows
from endonet.solvers.ordering.separation import shortest_cycles, spread, triangles
from endonet.solvers.ordering.zero_half import odd_sums

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]
Stop = Callable[[], bool]

LARGEST_DENSE = 400
DENSE = 0.3  # share of linked pairs from which a component is dense
SHORTFALL = 1e-6
ROOM = 400_000  # triples looked at in one round
MOST = 4000  # cycles of a sparse component added in one round
SPREAD_FROM = 130  # nodes of a dense component from which each pair gets few cycles in one round
CUTS = 100  # cuts added in one round
VIOLATED = 1e-3
FINE = 1000.0  # the largest cost where weights are not whole, so that bounds cannot be rounded up
MANY = 1  # cycles by column
SLACK = 1e-3  # rows with more of it and no dual can go


@dataclass(frozen=True, eq=False)
class Point:
    """Where a linear program ended.

    Attributes
    ----------
    b : array
        By column.
    duals, slack : arrays
        By row, duals at least 0; those of an unfinished program still give a valid bound, as any do.
    value : float
        The objective.
    finished : bool
        Whether b is an optimum.
    """

    b: Vector
    duals: Vector
    slack: Vector
    value: float
    finished: bool


class Relaxation:
    """The relaxation of one component, whose nodes are numbered from 0.

    Attributes
    ----------
    live : int64 array
        The cycle or cut of each row of the linear program, as in `Multipliers`.
    asked : int
        Iterations so far.
    """

    def __init__(
        self, D: NDArray[np.float64] | None, n: int, tail: Ints, head: Ints, weight: Vector, fine: bool
    ) -> None:
        import highspy

        from endonet.solvers.highs import serial

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
        self.cycles = Cycles.of([])
        self.sources: list[Ints] = []
        self.links: list[Ints] = []
        self.live, self.g = np.empty(0, np.int64), np.empty(0)
        self.programs = 0
        self.scale = float(weight.max()) / (FINE if fine else 1.0)  # HiGHS allows for absolute errors
        self.stop: Stop = lambda: False
        self.asked = 0
        self.highs = serial({"dual_feasibility_tolerance": 1e-9, "solver": "simplex", "random_seed": 0})
        self.infinity = highspy.kHighsInf
        self.optimal = highspy.HighsModelStatus.kOptimal
        self.infeasible = highspy.HighsModelStatus.kInfeasible
        self.highs.cbSimplexInterrupt.subscribe(self._asked)
        m = tail.size
        self.highs.addVars(m, np.zeros(m), np.ones(m))
        self.highs.changeColsCost(m, np.arange(m, dtype=np.int32), weight / self.scale)
        self.restricted = np.empty(0, np.int64)
        self.forced: Ints = np.empty((0, 2), np.int64)

    def _asked(self, event: Any) -> None:
        self.asked += 1
        if self.stop():
            event.interrupt()

    def columns(self, u: Ints, v: Ints) -> Ints:
        """Return the columns of links, counted from 1 and negative where b stands for the opposite link; 0 for none."""
        if self.dense:
            found: Ints = self.column[u, v]
            return found
        forward, backward = self._link(u, v), self._link(v, u)
        return np.where(forward > 0, forward, -backward)

    def _link(self, u: Ints, v: Ints) -> Ints:
        place = np.minimum(np.searchsorted(self.keys, u * self.n + v), self.keys.size - 1)
        return np.where(self.keys[place] == u * self.n + v, self.by_link[place] + 1, 0)

    def add(self, cycles: Cycles) -> None:
        """Add a row for each cycle."""
        first = self.cycles.count
        self.cycles = self.cycles.with_more(cycles)
        self._add(cycle_rows(cycles), first + np.arange(cycles.count))

    def add_cuts(self, sources: list[Ints], links: list[Ints]) -> int:
        """Add a row for each cut that the present point violates; return how many there are."""
        used = Lists.of(sources)
        cycles, renamed = np.unique(used.item, return_inverse=True)
        pool = self.cycles.take(cycles)
        rows = cut_rows(self.n, pool, Lists(used.pointer, renamed.reshape(-1)), Lists.of(links))
        column = self.columns(rows.tail, rows.head)
        b = self.b[np.abs(column) - 1]
        reached = np.bincount(rows.row, weights=rows.a * np.where(column > 0, b, 1.0 - b), minlength=len(sources))
        kept = np.flatnonzero(reached < rows.g - VIOLATED)
        number = np.full(len(sources), -1)
        number[kept] = np.arange(kept.size)
        entry = number[rows.row] >= 0
        part = Rows(rows.g[kept], number[rows.row[entry]], rows.tail[entry], rows.head[entry], rows.a[entry])
        first = len(self.sources)
        self.sources.extend(sources[k] for k in kept)
        self.links.extend(links[k] for k in kept)
        self._add(part, -1 - first - np.arange(kept.size))
        return int(kept.size)

    def _add(self, rows: Rows, names: Ints) -> None:
        if names.size == 0:
            return
        column = self.columns(rows.tail, rows.head)
        turned = np.bincount(rows.row, weights=np.where(column < 0, rows.a, 0), minlength=names.size)
        g = rows.g - turned
        by_row = np.argsort(rows.row, kind="stable")
        self.highs.addRows(
            names.size,
            g,
            np.full(names.size, self.infinity),
            column.size,
            np.searchsorted(rows.row[by_row], np.arange(names.size)).astype(np.int32),
            (np.abs(column[by_row]) - 1).astype(np.int32),
            (np.sign(column) * rows.a)[by_row].astype(np.float64),
        )
        self.live, self.g = np.concatenate([self.live, names]), np.concatenate([self.g, g])

    def purge(self, point: Point) -> None:
        """Take cuts out that do not matter at a point, and cycles too where there are many; rows since then stay."""
        idle = (point.duals <= 0) & (point.slack > SLACK)
        if (self.live >= 0).sum() < MANY * self.tail.size:
            idle &= self.live[: idle.size] < 0
        rows = np.flatnonzero(idle)
        if rows.size:
            self.highs.deleteRows(rows.size, rows.astype(np.int32))
            self.live, self.g = np.delete(self.live, rows), np.delete(self.g, rows)

    def restrict(self, fixed: Ints) -> None:
        """Fix pairs (u, v) with u before v, and free all others."""
        if self.restricted.size:
            old = self.restricted.astype(np.int32)
            self.highs.changeColsBounds(old.size, old, np.zeros(old.size), np.ones(old.size))
        column = self.columns(fixed[:, 0], fixed[:, 1])
        self.forced = fixed[column < 0]
        self.restricted = np.abs(column[column != 0]) - 1
        if self.restricted.size:
            value = np.where(column[column != 0] > 0, 0.0, 1.0)
            self.highs.changeColsBounds(value.size, self.restricted.astype(np.int32), value, value)

    def solve(self, stop: Stop) -> Point:
        """Solve with the present rows; ``stop`` ends it early."""
        self.stop = stop
        self.highs.run()
        self.programs += 1
        solution, count = self.highs.getSolution(), self.live.size
        duals, activity = np.array(solution.row_dual), np.array(solution.row_value)
        if not solution.dual_valid or duals.size != count or not np.isfinite(duals).all():
            duals = np.zeros(count)
        slack = activity - self.g if activity.size == count else np.zeros(count)
        b = np.array(solution.col_value, dtype=np.float64)
        finished = self.highs.getModelStatus() == self.optimal and b.size == self.tail.size
        self.b = np.clip(b, 0.0, 1.0)
        value = float(self.highs.getInfo().objective_function_value) * self.scale
        return Point(self.b, np.maximum(duals, 0.0) * self.scale, slack, value, finished)

    def probe(self, column: int, end: float, iterations: int) -> float:
        """Return the objective that some iterations reach with a column fixed; infinite if that is infeasible."""
        basis = self.highs.getBasis()
        self.highs.setOptionValue("simplex_iteration_limit", iterations)
        self.highs.changeColBounds(column, end, end)
        self.highs.run()
        self.programs += 1
        value = float(self.highs.getInfo().objective_function_value) * self.scale
        if self.highs.getModelStatus() == self.infeasible:
            value = math.inf
        self.highs.changeColBounds(column, 0.0, 1.0)
        self.highs.setOptionValue("simplex_iteration_limit", 2**31 - 1)
        self.highs.setBasis(basis)
        return value

    def separate(self, b: Vector) -> Cycles:
        """Return cycles that b breaks too little."""
        if not self.dense:
            tail = np.concatenate([self.tail, self.forced[:, 0]])
            head = np.concatenate([self.head, self.forced[:, 1]])
            lengths = np.concatenate([b, np.zeros(len(self.forced))])
            return shortest_cycles(self.n, tail, head, lengths, SHORTFALL, MOST)
        B = self.backward(b)
        found, short = triangles(B, SHORTFALL, ROOM)
        if self.n > SPREAD_FROM:
            by_shortfall = np.argsort(-short, kind="stable")
            found = found[spread(found, by_shortfall, self.n, 3, ROOM)]
        return Cycles(3 * np.arange(len(found) + 1), found.reshape(-1))

    def cut(self, point: Point) -> int:
        """Add cuts that a point violates, derived from the cycles among the rows; return how many there are."""
        rows = np.flatnonzero(self.live >= 0)
        cycles = self.cycles.take(self.live[rows])
        row, column = cycles.owner(), self.columns(cycles.item, cycles.heads())
        place = np.abs(column) - 1
        turned = point.b > 0.5
        against = (column > 0) == turned[place]  # links whose b, as the cuts see it, is 1 less another
        far = np.where(column > 0, point.b[place], 1.0 - point.b[place])
        slack: Vector = np.bincount(row, weights=far, minlength=rows.size).astype(np.float64) - 1.0
        odd = (1 + np.bincount(row[against], minlength=rows.size)) % 2 == 1
        loss: Vector = np.minimum(point.b, 1.0 - point.b)
        sources, links = [], []
        for chosen in odd_sums(row, place, odd, slack, loss, CUTS):
            entry = cycles.entries(chosen)
            net = np.bincount(place[entry], weights=np.sign(column[entry]), minlength=loss.size)
            wrong = np.flatnonzero((net % 2 == 1) & ((net > 0) == turned))  # odd, and dear to round up
            u, v = self.tail[wrong], self.head[wrong]
            sources.append(self.live[rows[chosen]])
            links.append(np.where(turned[wrong], v * self.n + u, u * self.n + v))
        return self.add_cuts(sources, links) if sources else 0

    def backward(self, b: Vector) -> Vector:
        """Return B_uv of a dense component as a matrix, with B_uv + B_vu = 1."""
        B = np.zeros((self.n, self.n))
        B[self.tail, self.head] = b
        B[self.head, self.tail] = 1.0 - b
        return B

    def multipliers(self, point: Point) -> Multipliers:
        """Return the duals in whole units, those that round to nothing left out."""
        amount = np.floor(point.duals).astype(np.int64)
        used = np.flatnonzero(amount > 0)
        return Multipliers(self.live[used], amount[used])

    def pool(self, nodes: Ints, n: int) -> Pool:
        """Return the cycles and cuts in nodes of the whole digraph, which are numbered below n."""
        cycles, links = self.cycles, Lists.of(self.links)
        ends = nodes[links.item // self.n] * n + nodes[links.item % self.n]
        return Pool(n, Cycles(cycles.pointer, nodes[cycles.item]), Lists.of(self.sources), Lists(links.pointer, ends))
