"""Which pair to branch on: the one whose halves are expected to raise the bound most, both of them.

The expectation is measured where it is not yet known: the two linear programs are begun and stopped after some
iterations. What each column gained by the unit that it was moved is remembered (*pseudocosts*), and trusted once it has
been measured often enough.

Source: Achterberg, Koch and Martin, *Branching rules revisited* (2005).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from endonet.solvers.ordering.relaxation import Point, Relaxation

RELIABLE = 4  # measurements after which a pseudocost is trusted
AHEAD = 8  # candidates without improvement after which the best one is taken
MOST = 40  # candidates looked at
ITERATIONS = 100  # of a linear program that is only begun
LEAST = 1e-6  # share of what is needed that a half counts at least


class Pseudocosts:
    """What was measured of the columns of one relaxation."""

    def __init__(self, columns: int) -> None:
        self.gained = np.zeros((2, columns))  # by the unit that b was moved, down and up
        self.times = np.zeros((2, columns))

    def choose(self, relaxation: Relaxation, point: Point, candidates: NDArray[np.int64], needed: float) -> int:
        """Return the column to branch on.

        Parameters
        ----------
        candidates : int64 array
            Columns that are undecided, the most promising first where nothing is known yet.
        needed : float
            How much the bound must rise for a half to be closed.
        """
        moves = np.stack([point.b[candidates], 1.0 - point.b[candidates]])
        scores = _score(self._expected(candidates) * moves, needed)
        if not self.times.any():
            scores[:] = 0.0
        best, best_score, idle = int(candidates[0]), -1.0, 0
        for place in np.argsort(-scores, kind="stable")[:MOST]:
            column, move, score = int(candidates[place]), moves[:, place], float(scores[place])
            if self.times[:, column].min() < RELIABLE:
                gains = [max(relaxation.probe(column, end, ITERATIONS) - point.value, 0.0) for end in (0.0, 1.0)]
                for side in (0, 1):
                    if np.isfinite(gains[side]):
                        self.gained[side, column] += gains[side] / move[side]
                        self.times[side, column] += 1
                score = float(_score(np.array(gains)[:, None], needed)[0])
            if score > best_score * (1 + 1e-9):
                best, best_score, idle = column, score, 0
            else:
                idle += 1
            if idle >= AHEAD:
                break
        return best

    def _expected(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what each column is expected to gain by the unit; where it is unknown, what others gained."""
        known = self.times.sum(axis=1)
        usual = np.divide(self.gained.sum(axis=1), known, out=np.ones(2), where=known > 0)
        times = self.times[:, columns]
        expected = np.repeat(usual[:, None], columns.size, 1)
        np.divide(self.gained[:, columns], times, out=expected, where=times > 0)
        return expected


def _score(gains: NDArray[np.float64], needed: float) -> NDArray[np.float64]:
    """Return the product of both gains, none counted beyond what is needed."""
    product: NDArray[np.float64] = np.multiply.reduce(np.clip(gains, LEAST * needed, needed), axis=0)
    return product
