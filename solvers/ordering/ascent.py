r"""The bound of all cycles of three at once, without a linear programming code: a first-order method on the relaxation.

For i < j < k let x_ij be how far i comes before j. The relaxation of a dense component is

    min Σ_{i<j} C_ij x_ij   s.t.  0 ≤ x_ij + x_jk − x_ik ≤ 1,   0 ≤ x ≤ 1,      C_ij = W_ji − W_ij

with n(n−1)(n−2)/6 rows, of which simplex codes manage some ten thousand. The primal–dual hybrid gradient method needs
two passes over the rows in each step and no memory beyond some numbers y_ijk a row: the sign says which side, and which
of the two cycles, the multiplier belongs to. Any y gives a valid bound, so that it may be stopped at any time. On the
complete graph ‖A‖² = n, so that steps τ σ = 1/n are right for every instance.

Source: Chambolle and Pock (2011); restarted Halpern iteration with reflection and the choice of the primal weight after
Lu and Yang, *Restarted Halpern PDHG for linear programming* (2024).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from endonet.solvers.ordering.packing import Cycles, Ints

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

STEPS = 50  # between two looks at the residual
SUFFICIENT, NECESSARY = 0.2, 0.8  # shares of the residual after the last restart that lead to another one
LONG = 0.36  # a run of more than this share of all steps is restarted


class Ascent:
    """The state of the method on one component.

    Parameters
    ----------
    D : (n, n) array
        Net weights.
    order : int64 array
        An order to start from; it also numbers the nodes within.

    Attributes
    ----------
    bound : float
        The best bound so far on what orders cost beyond Σ min(W_ij, W_ji).
    """

    def __init__(self, D: Matrix, order: Ints) -> None:
        n = order.size
        C = np.triu(-D[np.ix_(order, order)], 1)
        self.order, self.n = order, n
        self.base = float(np.maximum(-C, 0.0).sum())  # of the cost Σ C x, which is 0 where C_ij = 0
        self.unit = float(np.abs(C).sum() / np.count_nonzero(C))
        self.C = C / self.unit
        self.X = np.triu(np.ones((n, n)), 1)
        self.Y = np.zeros(n * (n - 1) * (n - 2) // 6)
        self.bound, self.best = -np.inf, self.Y
        self.weight, self.steps = 1.0, 0
        self._restart()

    def _restart(self) -> None:
        self.first_X, self.first_Y = self.X.copy(), self.Y.copy()
        self.since, self.residual, self.last = 0, -1.0, np.inf

    def run(self) -> float:
        """Take some steps; return the best bound so far."""
        step = 0.998 / np.sqrt(self.n)
        dx, dy, bound = _steps(
            self.C,
            self.X,
            self.first_X,
            self.Y,
            self.first_Y,
            step / self.weight,
            step * self.weight,
            self.since,
            STEPS,
        )
        self.steps += STEPS
        self.since += STEPS
        bound = self.base + bound * self.unit
        if bound > self.bound:
            self.bound, self.best = bound, self.Y.copy()
        residual = np.sqrt(self.weight * dx + dy / self.weight)
        if self.residual < 0:
            self.residual = residual
        enough = residual <= SUFFICIENT * self.residual
        worse = residual <= NECESSARY * self.residual and residual > self.last
        self.last = residual
        if enough or worse or (self.since > LONG * self.steps and self.since > 20 * STEPS):
            moved_x, moved_y = np.linalg.norm(self.X - self.first_X), np.linalg.norm(self.Y - self.first_Y)
            if moved_x > 0 and moved_y > 0:
                self.weight = float(np.sqrt(self.weight * moved_y / moved_x))
            self._restart()
        return self.bound

    def cycles(self, allowance: float) -> tuple[Cycles, Vector]:
        """Return the cycles with a multiplier in the best bound, in the nodes of the order given, and the multipliers.

        The smallest are left out, as many as lower the bound by ``allowance`` at most.
        """
        size = np.abs(self.best) * self.unit
        by_size = np.argsort(size)
        cost = 4.0 * np.cumsum(size[by_size])  # a multiplier is in the bound once by itself and by three pairs
        used = np.sort(by_size[cost > allowance])
        i, j, k = _triples(self.n, used)
        backward = self.best[used] < 0
        nodes = np.column_stack([i, np.where(backward, j, k), np.where(backward, k, j)])
        return Cycles(3 * np.arange(used.size + 1), self.order[nodes].reshape(-1)), size[used]


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _steps(C, X, first_X, Y, first_Y, tau, sigma, since, steps):  # type: ignore[no-untyped-def]
    """Take steps in place; return the squared lengths of the last in x and y, and the bound of Y without the base."""
    n = C.shape[0]
    G, ahead = np.zeros((n, n)), np.zeros((n, n))
    dx, dy = 0.0, 0.0
    _gather(G, Y)
    for step in range(steps):
        w = (since + step + 1.0) / (since + step + 2.0)
        dx, dy = 0.0, 0.0
        for i in range(n):
            for j in range(i + 1, n):
                x = X[i, j]
                new = min(max(x - tau * (C[i, j] - G[i, j]), 0.0), 1.0)
                ahead[i, j] = 2.0 * new - x
                dx += (new - x) * (new - x)
                X[i, j] = w * ahead[i, j] + (1.0 - w) * first_X[i, j]
        G[:] = 0.0
        p = 0
        for i in range(n - 2):
            for j in range(i + 1, n - 1):
                m, total, moved = n - 1 - j, 0.0, 0.0
                y, y_first = Y[p : p + m], first_Y[p : p + m]
                from_i, from_j = ahead[i, j + 1 :], ahead[j, j + 1 :]
                to_i, to_j = G[i, j + 1 :], G[j, j + 1 :]
                for k in range(m):
                    at = y[k] - sigma * (ahead[i, j] + from_j[k] - from_i[k])
                    new = max(at, 0.0) + min(at + sigma, 0.0)
                    moved += (new - y[k]) * (new - y[k])
                    at = w * (2.0 * new - y[k]) + (1.0 - w) * y_first[k]
                    y[k] = at
                    total += at
                    to_j[k] += at
                    to_i[k] -= at
                G[i, j] += total
                dy += moved
                p += m
    bound = 0.0
    for p in range(Y.size):
        bound += min(Y[p], 0.0)
    for i in range(n):
        for j in range(i + 1, n):
            bound += min(0.0, C[i, j] - G[i, j])
    return dx, dy, bound


@numba.njit(cache=True)
def _gather(G, Y):  # type: ignore[no-untyped-def]
    """Set G to Aᵀ y."""
    n, p = G.shape[0], 0
    G[:] = 0.0
    for i in range(n - 2):
        for j in range(i + 1, n - 1):
            for k in range(j + 1, n):
                G[i, j] += Y[p]
                G[j, k] += Y[p]
                G[i, k] -= Y[p]
                p += 1


def _triples(n: int, place: Ints) -> tuple[Ints, Ints, Ints]:
    """Return i < j < k of rows by their places."""
    j_of = np.concatenate([np.arange(i + 1, n - 1) for i in range(n - 2)])
    i_of = np.repeat(np.arange(n - 2), np.arange(n - 2, 0, -1))
    ends = np.cumsum(n - 1 - j_of)
    pair = np.searchsorted(ends, place, side="right")
    k = n - (ends[pair] - place)
    return i_of[pair], j_of[pair], k
