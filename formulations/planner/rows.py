"""Linear rows on the operating decisions: lower ≤ Σ_j G_rj θ_j ≤ upper, with θ binary.

They write bail-outs (θ_j = 1), budgets (Σ θ_j ≤ m), exclusion (θ_i + θ_j ≤ 1) and the artificial or duplicate firms of
paper 001, footnote 6, that turn the planner's problem into the choice of single links.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import InputError

SENSES = ("<=", ">=", "==")
ROW_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class LinearRow:
    """One row Σ coefficients·θ[firms] (sense) rhs, as it stands in an instance file.

    Parameters
    ----------
    firms : array_like of int
        0-based, each firm at most once.
    coefficients : array_like of float
        One for each firm named.
    sense : {"<=", ">=", "=="}
    rhs : float
    """

    firms: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    sense: str
    rhs: float

    def __init__(self, firms: ArrayLike, coefficients: ArrayLike, sense: str, rhs: float) -> None:
        try:
            members = np.array(firms, dtype=np.float64).reshape(-1)
            weights = np.array(coefficients, dtype=np.float64).reshape(-1)
            side = float(rhs)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(
                "constraints", f"firms, coefficients and rhs must be numbers ({error})", "mend the row"
            ) from None
        if members.size == 0:
            raise InputError("constraints.firms", "the row names no firm", "name at least one firm or drop the row")
        if not np.isfinite(members).all() or np.any(members != np.floor(members)):
            raise InputError("constraints.firms", "a firm is not a whole number", "use 0-based indices")
        if weights.size != members.size:
            raise InputError(
                "constraints.coefficients",
                f"{_counted(weights.size, 'coefficient')} for {_counted(members.size, 'firm')}",
                "give one coefficient for each firm",
            )
        if not np.isfinite(weights).all():
            raise InputError("constraints.coefficients", "a coefficient is not finite", "use finite numbers")
        if np.unique(members).size != members.size:
            raise InputError("constraints.firms", "a firm stands twice", "add its coefficients up")
        if sense not in SENSES:
            raise InputError("constraints.sense", f"{sense!r} is not a sense", _sense_remedy(sense))
        if not np.isfinite(side):
            raise InputError("constraints.rhs", f"{side} is not finite", "use a finite number")
        object.__setattr__(self, "firms", members.astype(np.int64))
        object.__setattr__(self, "coefficients", weights)
        object.__setattr__(self, "sense", sense)
        object.__setattr__(self, "rhs", side)
        self.firms.setflags(write=False)
        self.coefficients.setflags(write=False)

    def __str__(self) -> str:
        terms = " + ".join(f"{c:g}·θ[{j}]" for j, c in zip(self.firms[:6], self.coefficients[:6], strict=True))
        more = " + …" if self.firms.size > 6 else ""
        return f"{terms}{more} {self.sense} {self.rhs:g}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _sense_remedy(sense: object) -> str:
    return "did you mean '=='?" if sense == "=" else "use one of <=, >=, =="


@dataclass(frozen=True, eq=False)
class RowSystem:
    """All rows together: lower ≤ G θ ≤ upper.

    Attributes
    ----------
    G : csr_array, shape (m, n)
    lower, upper : arrays of shape (m,); infinite on the side that is free.
    tolerance : array of shape (m,); how far a row may be missed by rounding: 1e-12 of its largest possible activity.

    The coefficients of G are rounded to a grid on which sums are exact in any order (a change of at most 1e-16 of the
    row's largest possible activity), so that everybody who adds up a row agrees on it. Where all coefficients of a row
    are whole numbers so is its activity, and its sides are rounded inwards.
    """

    G: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    tolerance: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        G = self.G
        scale = np.asarray(abs(G).sum(axis=1)).reshape(-1)
        steps = np.repeat(np.exp2(np.ceil(np.log2(np.where(scale > 0, scale, 1.0))) - 52), np.diff(G.indptr))
        G.data = np.round(G.data / steps) * steps
        object.__setattr__(self, "tolerance", ROW_TOLERANCE * scale)
        whole = np.ones(self.count, dtype=bool)
        whole[np.repeat(np.arange(self.count), np.diff(G.indptr))[G.data != np.floor(G.data)]] = False
        slack = ROW_TOLERANCE * np.maximum(scale, 1.0)
        object.__setattr__(self, "lower", np.where(whole, np.ceil(self.lower - slack), self.lower))
        object.__setattr__(self, "upper", np.where(whole, np.floor(self.upper + slack), self.upper))

    @classmethod
    def from_rows(cls, rows: Sequence[LinearRow], n: int) -> RowSystem:
        """Stack rows over ``n`` firms."""
        counts = np.array([row.firms.size for row in rows], dtype=np.int64)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        indices = np.concatenate([row.firms for row in rows]) if rows else np.empty(0, np.int64)
        data = np.concatenate([row.coefficients for row in rows]) if rows else np.empty(0)
        G = sp.csr_array((data, indices, indptr), shape=(len(rows), n))
        lower = np.array([row.rhs if row.sense in (">=", "==") else -np.inf for row in rows])
        upper = np.array([row.rhs if row.sense in ("<=", "==") else np.inf for row in rows])
        return cls(G, lower, upper)

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.lower.size)

    def violated(self, theta: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the rows that θ violates by more than rounding."""
        if self.count == 0:
            return np.empty(0, np.int64)
        activity = self.G @ theta
        return np.flatnonzero((activity > self.upper + self.tolerance) | (activity < self.lower - self.tolerance))

    def propagate(self, lower: NDArray[np.int8], upper: NDArray[np.int8]) -> int:
        """Fix, in place, every firm that the rows leave only one choice; return a row that no choice satisfies, or −1.

        Parameters
        ----------
        lower, upper : int8 arrays of shape (n,)
            Bounds on θ; a firm with lower = upper is fixed.
        """
        if self.count == 0:
            return -1
        G = self.G
        return int(_propagate(G.indptr, G.indices, G.data, self.lower, self.upper, self.tolerance, lower, upper))


@njit(cache=True)
def _propagate(indptr, indices, data, row_lower, row_upper, tolerance, lower, upper):  # type: ignore[no-untyped-def]
    changed = True
    while changed:
        changed = False
        for r in range(row_lower.size):
            least = 0.0
            most = 0.0
            for p in range(indptr[r], indptr[r + 1]):
                j = indices[p]
                g = data[p]
                least += min(g * lower[j], g * upper[j])
                most += max(g * lower[j], g * upper[j])
            if least > row_upper[r] + tolerance[r] or most < row_lower[r] - tolerance[r]:
                return r
            for p in range(indptr[r], indptr[r + 1]):
                j = indices[p]
                if lower[j] == upper[j] or data[p] == 0.0:
                    continue
                step = abs(data[p])
                if least + step > row_upper[r] + tolerance[r]:
                    if data[p] > 0:
                        upper[j] = 0
                    else:
                        lower[j] = 1
                    changed = True
                elif most - step < row_lower[r] - tolerance[r]:
                    if data[p] > 0:
                        lower[j] = 1
                    else:
                        upper[j] = 0
                    changed = True
            if changed:
                break
    return -1
