"""The links that a network forms, and the two linear systems on them (theory to (A1), (7)).

With T_j = c_j^(1−σ) and D_j = C_j/Θ_j, the demand shifter that a buyer with variable costs C_j = x_j/μ̄_j offers,

    T = Φ~ (Γ′ T + r),    Γ_kj = z_kj α_kj^(σ−1) μ_kj^(1−σ)                                                         (A1)
    D = Φ~ (N D + r),     N_kj = z_kj α_kj^(σ−1) μ_kj^(−σ)

Both are triangular where the firms can be ordered. D does not depend on T: quantities are linear for arbitrary pair-
specific markups. The costs exist if and only if ρ(Φ~ Γ′) < 1, and this is so if and only if T > 0 for some r > 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from endonet.formulations.sourcing.problem import SourcingProblem, Vector

DENSE = 200  # firms up to which a cyclic system is eliminated as it stands
REFINEMENTS = 2


@dataclass(frozen=True, eq=False)
class Formed:
    """The links that are formed with positive probability, by buyer.

    Attributes
    ----------
    problem : SourcingProblem
    link : int array, shape (k,)
        Their places among the potential links.
    ptr : int array, shape (n + 1,)
    supplier : int array, shape (k,)
    share : array, shape (k,)
        The probability of each, 1 where the choice is not smoothed.
    """

    problem: SourcingProblem
    link: NDArray[np.int64]
    ptr: NDArray[np.int64]
    supplier: NDArray[np.int32]
    share: Vector

    @classmethod
    def of(cls, problem: SourcingProblem, chosen: NDArray[Any]) -> Formed:
        """Return the links that an array over the potential links chooses."""
        link = np.flatnonzero(chosen)
        ptr = np.searchsorted(link, problem.ptr)
        return cls(problem, link, ptr, problem.supplier[link], chosen[link].astype(np.float64))

    @cached_property
    def buyer(self) -> NDArray[np.int32]:
        """The buyer of each link."""
        return np.repeat(np.arange(self.problem.n, dtype=np.int32), np.diff(self.ptr))

    @cached_property
    def mu(self) -> Vector:
        """The markup on each link."""
        markup = self.problem.mu_links
        return np.full(self.link.size, markup) if isinstance(markup, float) else markup[self.link]

    @cached_property
    def weight(self) -> Vector:
        """Γ_kj = z_kj α_kj^(σ−1) μ_kj^(1−σ) of each link."""
        power = self.problem.sigma - 1
        alpha = self.problem.alpha[self.link].astype(np.float64)
        found: Vector = self.share * (alpha / self.mu) ** power
        return found

    @property
    def labour(self) -> float:
        """Fixed costs Σ z_kj f_kj, in units of labour."""
        return float(self.share @ self.problem.f[self.link].astype(np.float64))

    def costs(self, r: Vector) -> Vector | None:
        """Return T for the right-hand sides r > 0 (or ≥ 0 in later columns), shape (n, c); None if ρ(Φ~ Γ′) ≥ 1."""
        return self._solve(self.weight, r, transposed=False)

    def demands(self, r: Vector) -> Vector | None:
        """Return D for the right-hand sides r ≥ 0, shape (n, c); None if ρ(Φ~ N) ≥ 1, which takes markups below 1."""
        if self.problem.order is None and self.mu.size and self.mu.min() < 1:
            positive = self._solve(self.weight / self.mu, np.ones((self.problem.n, 1)), transposed=True)
            if positive is None:
                return None
        return self._solve(self.weight / self.mu, r, transposed=True)

    def reach(self, r: Vector) -> Vector | None:
        """Return what a unit of each firm's Φ~⁻¹ T comes to along its buyers for the worths r ≥ 0 of T, shape (n, c).

        With y = reach(r), Σ_j r_j T_j = Σ_j y_j times the right-hand side of `costs`; None if costs do not exist.
        """
        return self._solve(self.weight, r, transposed=True)

    def _solve(self, weight: Vector, r: Vector, transposed: bool) -> Vector | None:
        problem = self.problem
        scaled = problem.phi_power[:, None] * r
        if problem.order is not None:
            sweep = backward if transposed else forward
            sweep(problem.order, self.ptr, self.supplier, weight, problem.phi_power, scaled)
            return scaled
        if problem.n <= DENSE:
            to, of = (self.supplier, self.buyer) if transposed else (self.buyer, self.supplier)
            matrix = np.eye(problem.n)
            np.subtract.at(matrix, (to, of), weight * problem.phi_power[to])
            return scaled if eliminate(matrix, scaled) > 0 else None
        return self._factorised(weight, scaled, transposed)

    def _factorised(self, weight: Vector, r: Vector, transposed: bool) -> Vector | None:
        import scipy.sparse as sp
        from scipy.sparse.linalg import splu

        n, phi = self.problem.n, self.problem.phi_power
        row, column = (self.supplier, self.buyer) if transposed else (self.buyer, self.supplier)
        B = sp.csc_array((weight * phi[row], (row, column)), shape=(n, n))
        try:
            factors = splu(sp.csc_matrix(sp.eye_array(n, format="csc") - B))
        except RuntimeError:  # exactly singular
            return None
        x = factors.solve(r)
        for _ in range(REFINEMENTS):
            if not (np.isfinite(x).all() and (x[:, 0] > 0).all() if not transposed else np.isfinite(x).all()):
                return None
            x += factors.solve(r - (x - B @ x))
        if np.any(x < 0) or (not transposed and np.any(x[:, 0] <= 0)):
            return None
        return x


def sums(places: NDArray[Any], amounts: NDArray[Any], n: int) -> Vector:
    """Return, for each of n places, the sum of the amounts there."""
    return np.bincount(places, amounts, n).astype(np.float64, copy=False)


@njit(cache=True)
def eliminate(matrix, r):  # type: ignore[no-untyped-def]
    """Replace r, shape (n, c), by the solution of matrix · x = r, and return the smallest pivot; ≤ 0 if none is.

    The matrix is I − B with B ≥ 0 and is overwritten. It is eliminated without pivoting: its pivots are positive if and
    only if ρ(B) < 1, and for r ≥ 0 nothing is subtracted but in the pivots, so that entries that must be zero are.
    """
    n = matrix.shape[0]
    least = 1.0
    for i in range(n):
        pivot = matrix[i, i]
        least = min(least, pivot)
        if not pivot > 0.0:
            return min(pivot, 0.0)
        for k in range(i + 1, n):
            factor = matrix[k, i] / pivot
            if factor != 0.0:
                for j in range(i + 1, n):
                    matrix[k, j] -= factor * matrix[i, j]
                for c in range(r.shape[1]):
                    r[k, c] -= factor * r[i, c]
    for i in range(n - 1, -1, -1):
        for c in range(r.shape[1]):
            total = r[i, c]
            for j in range(i + 1, n):
                total -= matrix[i, j] * r[j, c]
            r[i, c] = total / matrix[i, i]
    return least


@njit(cache=True)
def forward(order, ptr, supplier, weight, phi, x):  # type: ignore[no-untyped-def]
    """Add to x_j, in the order of the firms, φ_j Σ_k weight_kj x_k; x holds Φ~ r at first and T at last."""
    for p in range(order.size):
        j = order[p]
        for c in range(x.shape[1]):
            total = 0.0
            for e in range(ptr[j], ptr[j + 1]):
                total += weight[e] * x[supplier[e], c]
            x[j, c] += phi[j] * total


@njit(cache=True)
def backward(order, ptr, supplier, weight, phi, x):  # type: ignore[no-untyped-def]
    """Add to x_k, from the last firm to the first, φ_k Σ_j weight_kj x_j; x holds Φ~ r at first and D at last."""
    for p in range(order.size - 1, -1, -1):
        j = order[p]
        for c in range(x.shape[1]):
            here = x[j, c]
            for e in range(ptr[j], ptr[j + 1]):
                x[supplier[e], c] += phi[supplier[e]] * (weight[e] * here)
