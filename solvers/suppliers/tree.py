"""Branch and bound over sets of suppliers, compiled; it can pause, and records its tree so that a checker can walk it.

The tree in preorder: the supplier that a node branches on, first kept, then left out; −1 for a leaf. Interchangeable
suppliers are kept in the order of their numbers, so that leaving one out leaves out all later ones of its class.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.solvers.interrupt import Interrupt
from endonet.solvers.solution import StoppedBy
from endonet.solvers.suppliers.bounds import behind, node_bound
from endonet.solvers.suppliers.task import Task

CHUNK = 5_000  # nodes between two looks at the clock
NEAR = 20_000  # sets within rounding of the best that are kept
LARGEST = 20_000_000  # nodes, beyond which the tree is too long to be written
LEAF = -1


@dataclass(eq=False)
class Searched:
    """What a search has found.

    Attributes
    ----------
    nodes : int array
        The tree in preorder; whole only if it ended by itself.
    best : float
        The greatest value seen.
    near : list of sets
        Those within rounding of it, one of each orbit of interchangeable suppliers.
    root : float
        The bound at the root.
    stopped_by : StoppedBy
    """

    nodes: NDArray[np.int64]
    best: float
    near: list[tuple[int, ...]]
    root: float
    stopped_by: StoppedBy


def safest(task: Task) -> NDArray[np.int64]:
    """Return, for each scenario, the suppliers by rising risk."""
    return np.argsort(task.P, axis=1, kind="stable")


def root_bound(task: Task) -> float:
    """Return a bound on all sets, 0 for the empty one included."""
    status, gains = np.zeros(task.n, np.int64), np.empty(task.n)
    given = (task.q, task.P, safest(task), task.worst, task.fees, task.pi, task.kappa)
    return max(0.0, float(node_bound(*given, task.less, 0, status, gains)))


def search(
    task: Task, incumbent: float, deadline: float, node_limit: int, interrupt: Interrupt, within: float | None = None
) -> Searched:
    """Search for all sets within rounding of the best.

    Parameters
    ----------
    task : Task
    incumbent : float
        A value already known; worse sets do not matter.
    deadline : float
        In seconds of `time.perf_counter`.
    node_limit : int
    interrupt : Interrupt
    within : float, optional
        Another distance from the best at which sets still matter.
    """
    n, M = task.n, task.q.size
    order = safest(task)
    status, out_at = np.zeros(n, np.int64), np.zeros(n, np.int64)
    branch, side = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    W = np.empty((n + 1, M))
    W[0] = task.q
    slack = task.slack if within is None else within
    state = np.array([0, 0, 1, 1], np.int64)  # depth, number kept, whether a node is being entered, whether it is new
    paid = np.full(n + 1, task.less)  # with so many suppliers kept, besides κ s²
    top = np.array([incumbent])
    sets, values = np.zeros((NEAR, n), np.int8), np.empty(NEAR)
    filled = 0
    trees, total = [], 0
    given = (task.P, order, task.worst, task.fees, task.pi, task.kappa, task.classes)
    root = root_bound(task)
    stopped = StoppedBy.FINISHED
    while True:
        record = np.empty(CHUNK, np.int64)
        here = (status, out_at, branch, side, W, paid, state, top, sets, values)
        count, filled, done = _walk(*given, slack, *here, filled, record)
        trees.append(record[:count])
        total += count
        if done:
            break
        if interrupt.requested:
            stopped = StoppedBy.INTERRUPTED
            break
        if time.perf_counter() > deadline:
            stopped = StoppedBy.TIME_LIMIT
            break
        if total >= node_limit:
            stopped = StoppedBy.NODE_LIMIT
            break
    floor = float(top[0]) - slack
    near = [tuple(map(int, np.flatnonzero(sets[j]))) for j in range(filled) if values[j] >= floor]
    return Searched(np.concatenate(trees), float(top[0]), near, root, stopped)


@njit(cache=True, error_model="numpy")
def _walk(  # type: ignore[no-untyped-def]
    P, order, worst, fees, pi, kappa, classes, slack, status, out_at, branch, side, W, paid, state, top, sets, values,
    filled, record,
):  # fmt: skip
    """Go on with the walk until the record is full; return (nodes recorded, sets kept, whether the tree is done)."""
    n = fees.size
    depth, count, entering, new = state
    best = top[0]
    gains = np.empty(n)
    used = 0
    while used < record.size:
        if entering:
            w = W[count]
            if new:
                value = 0.0
                if count:
                    value = pi * (1.0 - w.sum()) - kappa * count * count - paid[count]
                if value >= best - slack:
                    if value > best + slack:
                        filled = 0
                    best = max(best, value)
                    if filled < values.size:
                        values[filled] = value
                        for i in range(n):
                            sets[filled, i] = 1 if status[i] == 1 else 0
                        filled += 1
            bound = node_bound(w, P, order, worst, fees, pi, kappa, paid[count], count, status, gains)
            chosen = -1
            if bound >= best - slack:
                for i in range(n):
                    if status[i] == 0 and (chosen < 0 or gains[i] > gains[chosen]):
                        chosen = i
            record[used] = chosen
            used += 1
            if chosen >= 0:
                branch[depth], side[depth] = chosen, 1
                status[chosen] = 1
                behind(w, P, worst, chosen, W[count + 1])
                paid[count + 1] = paid[count] + fees[chosen]
                count += 1
                depth += 1
                new = 1
                continue
            entering = 0
        if depth == 0:
            state[0], state[1], state[2], state[3] = depth, count, 0, 0
            top[0] = best
            return used, filled, True
        depth -= 1
        chosen = branch[depth]
        if side[depth] == 1:
            count -= 1
            side[depth] = 0
            for i in range(chosen, n):
                if i == chosen or (status[i] == 0 and classes[i] == classes[chosen]):
                    status[i] = 2
                    out_at[i] = depth
            depth += 1
            entering, new = 1, 0
        else:
            for i in range(n):
                if status[i] == 2 and out_at[i] == depth:
                    status[i] = 0
    state[0], state[1], state[2], state[3] = depth, count, entering, new
    top[0] = best
    return used, filled, False
