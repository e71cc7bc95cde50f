"""Better prices by a first-order method on the dual itself, without a linear program.

The bound of `dual_bound` is a convex function of the prices π, of h and w in place of T̂ and M̂, and of the multipliers
μ, except that firms are switched by max(0, D_j). With τ log(1 + exp(D_j / τ)) in its place it is smooth, its gradient
costs one pass over the links,

    ∂U/∂π_k = Σ_j p_j Ω_jk Z_j y_j^α_j − p_k (y_k − y̲_k) − y̲_k,    p_j = 1/(1 + exp(−D_j / τ)),
    ∂U/∂T̂ = (T̂ − Σ_j p_j b_j) / ((σ−1) T̂²),    ∂U/∂w = L' − 1/w − Σ_undecided p_j f_j,    ∂U/∂μ_r = g_r − Σ_j p_j G_rj

with y_j the best input of firm j, and the p_j are what a relaxed θ would be. A quasi-Newton method (L-BFGS-B of SciPy)
runs on log π, log T̂, log w and μ⁺, μ⁻ ≥ 0 for falling τ. Nothing here is rigorous: whatever comes out is a set of
prices, and `dual_bound` says what they prove.
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numba import njit
from scipy.optimize import Bounds, minimize

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner.certificate import Box
from endonet.solvers.planner.dual_bound import Prices, best_input

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

LEAST_SHARE = 1e-9  # prices start at no less than this share of the largest, since log 0 cannot move
MEMORY = 12
LARGEST_LOG = 700.0


class Descent(NamedTuple):
    """Where a descent ended.

    Attributes
    ----------
    prices : Prices
    theta : array, shape (n,)
        The p_j, in [0, 1].
    steps : int
        Evaluations of the dual.
    """

    prices: Prices
    theta: Vector
    steps: int


def descend(
    problem: PlannerProblem, box: Box, prices: Prices, temperature: float, steps: int, deadline: float = math.inf
) -> Descent:
    """Lower the smoothed dual from ``prices`` for at most so many steps.

    Parameters
    ----------
    box : Box
        Tightened.
    temperature : float
        τ > 0, in log output.
    deadline : float, optional
        In seconds of `time.perf_counter`.
    """
    dual = _Dual(problem, box, prices, temperature)

    def heed(_: Vector) -> None:
        if time.perf_counter() > deadline:
            raise StopIteration

    # The stubs of scipy know no callable object that returns value and gradient together.
    climb: Any = minimize
    limits = {"maxiter": steps, "maxfun": 2 * steps, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0}
    result = climb(dual, dual.start, jac=True, method="L-BFGS-B", bounds=dual.bounds, callback=heed, options=limits)
    return Descent(dual.prices(result.x), dual.theta, dual.calls)


class _Dual:
    """The smoothed dual and its gradient, as a function of one vector (log π, log T̂, log w, μ⁺, μ⁻)."""

    def __init__(self, problem: PlannerProblem, box: Box, prices: Prices, temperature: float) -> None:
        assert box.envelope is not None
        self.problem, self.box, self.envelope, self.temperature = problem, box, box.envelope, temperature
        self.calls, self.theta = 0, np.zeros(problem.n)
        self.left = float(problem.labour_left(box.lower))
        rows = problem.rows
        self.above, self.below = np.flatnonzero(np.isfinite(rows.upper)), np.flatnonzero(np.isfinite(rows.lower))
        self.G = sp.vstack([rows.G.tocsr()[self.above], -rows.G.tocsr()[self.below]]).tocsr()
        self.side = np.concatenate([rows.upper[self.above], -rows.lower[self.below]])
        cost = float(problem.f.mean()) / (problem.L - prices.M)
        self.unit = (cost or 1.0 / problem.n) / (float(np.abs(self.G.data).mean()) if self.G.nnz else 1.0)
        self.firms = np.flatnonzero((box.upper == 1) & (self.envelope.y_high > 0))
        share = prices.pi[self.firms] * self.envelope.y_high[self.firms]
        least = max(LEAST_SHARE * float(share.max(initial=0.0)), 1e-300)
        mu = np.concatenate([np.maximum(prices.mu[self.above], 0.0), np.maximum(-prices.mu[self.below], 0.0)])
        self.start = np.concatenate(
            [
                np.log(np.maximum(share, least)) - np.log(self.envelope.y_high[self.firms]),
                [math.log(prices.T), -math.log(problem.L - prices.M)],
                mu / self.unit,
            ]
        )
        k = self.firms.size + 2
        low = np.concatenate([np.full(k, -np.inf), np.zeros(self.side.size)])
        self.bounds = Bounds(low, np.full(low.size, np.inf))

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        self.calls += 1
        problem, k = self.problem, self.firms.size
        pi = np.zeros(problem.n)
        pi[self.firms] = np.exp(np.minimum(x[:k], LARGEST_LOG))
        T, w, mu = _positive(x[k]), _positive(x[k + 1]), x[k + 2 :] * self.unit
        toll = self.G.T @ mu if mu.size else np.zeros(problem.n)
        Omega = problem.Omega
        total, slope, goods, spent = _smoothed(
            Omega.indptr,
            Omega.indices,
            Omega.data,
            problem.Z,
            problem.Zb,
            problem.alpha,
            problem.alpha * problem.kappa,
            problem.f,
            self.box.lower,
            self.box.upper,
            self.envelope.y_low,
            self.envelope.y_high,
            pi,
            1.0 / ((problem.sigma - 1) * T),
            w,
            toll,
            self.temperature,
            self.theta,
        )
        power = problem.sigma - 1
        value = (math.log(T) - 1) / power + w * self.left - 1 - math.log(w) + float(mu @ self.side) + total
        gradient = np.concatenate(
            [
                slope[self.firms] * pi[self.firms],
                [(1 - goods / T) / power, w * (self.left - spent) - 1],
                self.unit * (self.side - self.G @ self.theta),
            ]
        )
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            return 1e300, np.zeros(x.size)
        return value, gradient

    def prices(self, x: Vector) -> Prices:
        """Return the point as prices."""
        problem, k = self.problem, self.firms.size
        pi = np.zeros(problem.n)
        pi[self.firms] = np.exp(np.minimum(x[:k], LARGEST_LOG))
        mu = np.zeros(problem.rows.count)
        both = x[k + 2 :] * self.unit
        np.add.at(mu, self.above, both[: self.above.size])
        np.subtract.at(mu, self.below, both[self.above.size :])
        return Prices(pi, _positive(x[k]), problem.L - _positive(-x[k + 1]), mu)


def _positive(logarithm: float) -> float:
    """Return exp, kept within the range of doubles on both sides."""
    return math.exp(min(max(logarithm, -LARGEST_LOG), LARGEST_LOG))


@njit(cache=True, nogil=True, error_model="numpy")
def _smoothed(
    in_ptr, suppliers, weight, Z, Zb, alpha, beta, f, lower, upper, y_low, y_high, pi, h, w, toll, temperature, theta
):
    """Return the terms that depend on firms, ∂/∂π, Σ p b and Σ_undecided p f; write p into ``theta``."""
    n = pi.size
    c = np.zeros(n)
    for k in range(n):
        if pi[k] > 0.0:
            for p in range(in_ptr[k], in_ptr[k + 1]):
                c[suppliers[p]] += weight[p] * pi[k]
    total = goods = spent = 0.0
    slope = np.zeros(n)
    offer = np.zeros(n)
    for j in range(n):
        theta[j] = 0.0
        total -= pi[j] * y_low[j]
        slope[j] -= y_low[j]
        if not upper[j]:
            continue
        y, gross, _ = best_input(c[j] * Z[j], h * Zb[j], alpha[j], beta[j], pi[j], y_low[j], y_high[j])
        if lower[j]:
            share = 1.0
            total += gross - toll[j]
        else:
            D = gross - w * f[j] - toll[j]
            decay = np.exp(-abs(D) / temperature)
            share = 1.0 / (1.0 + decay) if D > 0 else decay / (1.0 + decay)
            total += max(D, 0.0) + temperature * np.log1p(decay)
            spent += share * f[j]
        theta[j] = share
        goods += share * Zb[j] * y ** beta[j]
        offer[j] = share * Z[j] * y ** alpha[j]
        slope[j] -= share * (y - y_low[j])
    for k in range(n):
        for p in range(in_ptr[k], in_ptr[k + 1]):
            slope[k] += weight[p] * offer[suppliers[p]]
    return total, slope, goods, spent
