"""Compiled kernel of the one-firm and two-firm tests: is Y higher after a firm or two change their status?

A worklist carries a change through the network: only firms whose inputs have moved by more than a tolerance r (in logs)
are recomputed. When it is empty every a_j is within ᾱ r / (1 − ᾱ) of the fixed point, ᾱ = max α, because (7) contracts
log a by ᾱ; so log Q is known within ᾱ r / ((1 − ᾱ)(ε − 1)), and y_j within r / (1 − ᾱ). A change is given up as soon as
one of these says that it cannot gain:

* a firm only goes off: the iteration comes from above, so the present T is an upper bound already;
* a firm goes on: the doubt above, or the bound of `endonet.solvers.planner.screen` with the inputs now known instead of
  ȳ.

What survives all stages is evaluated from scratch, to full precision.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from endonet.formulations.planner.fixed_point import input_sums
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.planner.kernels import power_sum, settle
from endonet.solvers.planner.screen import most

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"

SETTLED = 1e-14
IMPROVEMENT = 1e-12
STEPS = 100  # firms recomputed in one stage, as a multiple of all firms, before the test is left to evaluation
STAGES = np.array([1e-3, 1e-5, 1e-7])


class Rows(NamedTuple):
    """The rows on θ by firm, their bounds widened by the tolerance for rounding."""

    ptr: np.ndarray
    row: np.ndarray
    coefficient: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


class Point(NamedTuple):
    """A network and its fixed point, kept up to date in place.

    ``total`` holds T = Σ b_j and the labour left.
    """

    theta: np.ndarray
    a: np.ndarray
    y: np.ndarray
    b: np.ndarray
    total: np.ndarray
    activity: np.ndarray


class Scratch(NamedTuple):
    """Work space: what to restore, and the queue."""

    old_a: np.ndarray
    old_y: np.ndarray
    last_y: np.ndarray
    marked: np.ndarray
    touched: np.ndarray
    queue: np.ndarray
    queued: np.ndarray
    cursor: np.ndarray


def rows_by_firm(problem: PlannerProblem) -> Rows:
    """Return the rows of a problem as the kernel takes them."""
    system = problem.rows
    G = system.G.tocsc()
    return Rows(
        G.indptr.astype(np.int64),
        G.indices.astype(np.int64),
        np.array(G.data),
        system.lower - system.tolerance,
        system.upper + system.tolerance,
    )


def empty_point(problem: PlannerProblem, theta: np.ndarray) -> Point:
    """Return a point at θ that `refresh` still has to fill."""
    n = problem.n
    activity = np.zeros(problem.rows.count)
    return Point(theta.copy(), np.array(problem.Z), np.zeros(n), np.zeros(n), np.zeros(2), activity)


def scratch(n: int) -> Scratch:
    """Return work space for ``n`` firms."""
    return Scratch(
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n, np.uint8),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.uint8),
        np.zeros(3, np.int64),
    )


@njit(cache=True, nogil=True)
def refresh(e, rows, point):
    """Recompute a point from θ, in place; returns False if doubles do not suffice."""
    _, sweeps = settle(e, point.theta, point.a, SETTLED)
    point.y[:] = input_sums(e.indptr, e.suppliers, e.weight, point.a)
    labour = e.L
    point.activity[:] = 0.0
    for j in range(point.theta.size):
        point.b[j] = power(point.a[j], e.kappa)
        if point.theta[j]:
            labour -= e.f[j]
            for p in range(rows.ptr[j], rows.ptr[j + 1]):
                point.activity[rows.row[p]] += rows.coefficient[p]
    point.total[0] = power_sum(point.a, e.kappa)
    point.total[1] = labour
    return sweeps > 0


@njit(cache=True, nogil=True)
def power(a, kappa):
    """Return b = a^κ, 0 for a firm that does not produce."""
    if a == 0.0 or kappa == 1.0:
        return a
    return a**kappa


@njit(cache=True, nogil=True)
def log_gain(e, point, T, labour):
    """Return log Y at (T, labour) less log Y at the point; infinite where one of them is worth nothing."""
    if T <= 0.0 or labour <= 0.0:
        return -np.inf
    if point.total[0] <= 0.0 or point.total[1] <= 0.0:
        return np.inf
    return np.log(T / point.total[0]) / (e.sigma - 1.0) + np.log(labour / point.total[1])


@njit(cache=True, nogil=True)
def try_moves(e, rows, point, work, bounds, fresh, off, on, first, last):
    """Test the moves ``first`` … ``last`` − 1 in turn and make each that raises log Y by more than 1e-12.

    Move m turns ``off[m]`` off and ``on[m]`` on, −1 for nobody. ``fresh`` says whether ``bounds`` belong to the point
    as it is. Bounds that turn out lower are lowered in place. Returns how many moves were made, −1 if doubles did not
    suffice.
    """
    made = 0
    spread = 1.0 / (1.0 - e.alpha.max())
    for m in range(first, last):
        i, j = off[m], on[m]
        if (i >= 0 and not point.theta[i]) or (j >= 0 and point.theta[j]):
            continue
        labour = point.total[1] + (e.f[i] if i >= 0 else 0.0) - (e.f[j] if j >= 0 else 0.0)
        if labour <= 0.0 or not rows_allow(rows, point, i, j):
            continue
        if i >= 0:
            point.theta[i] = 0
        if j >= 0:
            point.theta[j] = 1
        # A firm without a producing supplier can only produce by closing a loop, which no iteration from 0 can see.
        hopeful = True
        if j < 0 or reached(e, point, j):
            hopeful = may_gain(e, point, work, bounds, fresh and made == 0, i, j, labour, spread)
        outcome = evaluate_move(e, point, labour) if hopeful else 0
        if outcome < 0:
            return -1
        if outcome == 0:
            if i >= 0:
                point.theta[i] = 1
            if j >= 0:
                point.theta[j] = 0
            continue
        made += 1
        for firm, sign in ((i, -1.0), (j, 1.0)):
            if firm >= 0:
                for p in range(rows.ptr[firm], rows.ptr[firm + 1]):
                    point.activity[rows.row[p]] += sign * rows.coefficient[p]
    return made


@njit(cache=True, nogil=True)
def rows_allow(rows, point, i, j):
    """Whether every row holds after i goes off and j on."""
    for side in range(2):
        firm = i if side == 0 else j
        if firm < 0:
            continue
        for p in range(rows.ptr[firm], rows.ptr[firm + 1]):
            r = rows.row[p]
            activity = point.activity[r]
            if i >= 0:
                activity -= coefficient_of(rows, i, r)
            if j >= 0:
                activity += coefficient_of(rows, j, r)
            if activity > rows.upper[r] or activity < rows.lower[r]:
                return False
    return True


@njit(cache=True, nogil=True)
def coefficient_of(rows, firm, r):
    """Return the coefficient of a firm in row r, 0 if it has none."""
    for p in range(rows.ptr[firm], rows.ptr[firm + 1]):
        if rows.row[p] == r:
            return rows.coefficient[p]
    return 0.0


@njit(cache=True, nogil=True)
def reached(e, point, j):
    """Whether a firm that produces and stays on supplies j: then iterating from below finds the fixed point."""
    for p in range(e.indptr[j], e.indptr[j + 1]):
        if point.a[e.suppliers[p]] > 0.0 and point.theta[e.suppliers[p]]:
            return True
    return False


@njit(cache=True, nogil=True)
def evaluate_move(e, point, labour):
    """Return 1 and keep the network θ if, evaluated from scratch, it is better; 0 if not, −1 if doubles fail."""
    a = point.a.copy()
    _, sweeps = settle(e, point.theta, a, SETTLED)
    if sweeps < 0:
        return -1
    T = power_sum(a, e.kappa)
    if not log_gain(e, point, T, labour) > IMPROVEMENT:
        return 0
    point.a[:] = a
    point.y[:] = input_sums(e.indptr, e.suppliers, e.weight, a)
    for k in range(a.size):
        point.b[k] = power(a[k], e.kappa)
    point.total[0] = T
    point.total[1] = labour
    return 1


@njit(cache=True, nogil=True)
def may_gain(e, point, work, bounds, fresh, i, j, labour, spread):
    """Return False if the move (θ is already changed) provably gains nothing; the point is as before on return."""
    work.cursor[:] = 0
    if i >= 0:
        touch(point, work, i)
        change(e, point, work, i, 0.0, STAGES[0])
    if j >= 0:
        touch(point, work, j)
        work.last_y[j] = point.y[j]
        change(e, point, work, j, e.Z[j] * point.y[j] ** e.alpha[j], STAGES[0])
    hopeful = True
    for stage in range(STAGES.size):
        if not spend(e, point, work, STAGES[stage]):
            break
        T = point.total[0]
        for t in range(work.cursor[2]):
            k = work.touched[t]
            T += power(point.a[k], e.kappa) - point.b[k]
        most_gain = log_gain(e, point, T, labour)
        if j >= 0:
            doubt = STAGES[stage] * spread
            if fresh:
                extra = bounds.excess[0] + (bounds.gain[i] if i >= 0 else 0.0)
                y = point.y[j] * np.exp(doubt)
                gain = most(e, j, bounds.price[j], bounds.final[0], y) - e.f[j] / point.total[1]
                if i < 0:
                    bounds.gain[j] = min(bounds.gain[j], gain)
                most_gain = min(most_gain + doubt / (e.epsilon - 1.0), gain + extra)
            else:
                most_gain += doubt / (e.epsilon - 1.0)
        if most_gain <= IMPROVEMENT:
            hopeful = False
            break
    for t in range(work.cursor[2]):
        k = work.touched[t]
        work.marked[k] = 0
        point.a[k] = work.old_a[k]
        point.y[k] = work.old_y[k]
    return hopeful


@njit(cache=True, nogil=True)
def spend(e, point, work, tolerance):
    """Run the worklist until no input has moved by more than the tolerance since it was last used.

    Returns False, with the worklist empty, if that takes too long: around a loop that has lost its last supplier the
    numbers fall for ever.
    """
    for t in range(work.cursor[2]):
        enqueue(point, work, work.touched[t], tolerance)
    last = work.cursor[0] + STEPS * (point.a.size + 50)
    while work.cursor[0] != work.cursor[1]:
        if work.cursor[0] >= last:
            while work.cursor[0] != work.cursor[1]:
                work.queued[work.queue[work.cursor[0] % point.a.size]] = 0
                work.cursor[0] += 1
            return False
        k = work.queue[work.cursor[0] % point.a.size]
        work.cursor[0] += 1
        work.queued[k] = 0
        work.last_y[k] = point.y[k]
        change(e, point, work, k, e.Z[k] * point.y[k] ** e.alpha[k] if point.y[k] > 0.0 else 0.0, tolerance)
    return True


@njit(cache=True, nogil=True)
def touch(point, work, k):
    """Remember firm k as it was."""
    if not work.marked[k]:
        work.marked[k] = 1
        work.old_a[k] = point.a[k]
        work.old_y[k] = point.y[k]
        work.last_y[k] = point.y[k]
        work.touched[work.cursor[2]] = k
        work.cursor[2] += 1


@njit(cache=True, nogil=True)
def enqueue(point, work, k, tolerance):
    """Queue firm k if it operates and its inputs have moved by more than the tolerance since they were last used."""
    if point.theta[k] and not work.queued[k] and abs(point.y[k] - work.last_y[k]) > tolerance * work.last_y[k]:
        work.queued[k] = 1
        work.queue[work.cursor[1] % point.a.size] = k
        work.cursor[1] += 1


@njit(cache=True, nogil=True)
def change(e, point, work, k, new, tolerance):
    """Set a_k and pass the difference on to k's buyers."""
    difference = new - point.a[k]
    point.a[k] = new
    for p in range(e.out_ptr[k], e.out_ptr[k + 1]):
        j = e.buyers[p]
        touch(point, work, j)
        point.y[j] += e.out_weight[p] * difference
        # Subtraction leaves rounding behind where most of the inputs are gone; a firm without any must get exactly 0.
        if point.y[j] < 0.1 * work.old_y[j]:
            total = 0.0
            for s in range(e.indptr[j], e.indptr[j + 1]):
                total += e.weight[s] * point.a[e.suppliers[s]]
            point.y[j] = total
        enqueue(point, work, j, tolerance)
