"""Prices of inputs read off a good choice, without a linear program.

At the optimum of the relaxation the price of an input is its marginal value product. At a given choice, with inputs y
and sums T = Σ b and M = Σ f θ, and with c_j = Σ_k Ω_jk π_k what a unit of a_j earns from its buyers,

    π_j = (α_j c_j a_j + α_j κ h b_j) / y_j,    a_j = Z_j y_j^α_j,   b_j = Z'_j y_j^(α_j κ),   h = 1/((σ−1) T).

An undecided firm that would lose money at that price cannot pay it: it pays the price at which its shadow profit is
zero, or nothing if it would lose money even so. Sweeps over the firms contract, because buyers pass on a share α < 1.
Any prices prove a bound (`dual_bound`); on sparse economies near their optimum these prove almost the best one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner.certificate import Box
from endonet.solvers.planner.dual_bound import Prices, best_input

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

SETTLED = 1e-7  # in log output
SWEEPS = 60


def market_prices(
    problem: PlannerProblem, box: Box, choice: PlannerOutcome, mu: Vector | None = None, spent: float | None = None
) -> Prices:
    """Return the prices at a choice that produces, for a bound over a tightened box.

    Parameters
    ----------
    choice : PlannerOutcome
        With positive output; it need not lie in the box.
    mu : array, shape (rows,), optional
        Multipliers of the rows on θ, 0 by default.
    spent : float, optional
        M < L, by default the fixed costs of the choice, which then has to leave labour.
    """
    assert box.envelope is not None
    if mu is None:
        mu = np.zeros(problem.rows.count)
    T, M = float(choice.b.sum()), float(problem.f @ choice.theta) if spent is None else spent
    by_supplier = problem.Omega.tocsr()
    pi = _sweeps(
        by_supplier.indptr,
        by_supplier.indices,
        by_supplier.data,
        problem.Z,
        problem.Zb,
        problem.alpha,
        problem.alpha * problem.kappa,
        box.lower,
        box.upper,
        box.envelope.y_low,
        box.envelope.y_high,
        choice.inputs,
        1.0 / ((problem.sigma - 1) * T),
        problem.f / (problem.L - M) + problem.rows.G.T @ mu,
    )
    return Prices(pi, T, M, mu)


@njit(cache=True, nogil=True, error_model="numpy")
def _sweeps(out_ptr, buyers, weight, Z, Zb, alpha, beta, lower, upper, y_low, y_high, inputs, h, cost):
    n = Z.size
    pi = np.zeros(n)
    for _ in range(SWEEPS):
        change = 0.0
        for j in range(n):
            if not upper[j] or y_high[j] <= 0.0:
                continue
            c = 0.0
            for p in range(out_ptr[j], out_ptr[j + 1]):
                c += weight[p] * pi[buyers[p]]
            C, H = c * Z[j], h * Zb[j]
            y = min(max(inputs[j], y_low[j]), y_high[j]) if inputs[j] > 0.0 else y_high[j]
            price = (alpha[j] * C * y ** alpha[j] + beta[j] * H * y ** beta[j]) / y
            if not lower[j]:
                price = _affordable(C, H, alpha[j], beta[j], price, y_low[j], y_high[j], cost[j])
            change = max(change, abs(price - pi[j]) * y)
            pi[j] = price
        if change <= SETTLED:
            break
    return pi


@njit(cache=True, nogil=True, error_model="numpy")
def _affordable(C, H, alpha, beta, price, low, high, cost):
    """Return the price, or the highest one below it at which the firm's profit before cost still covers the cost."""
    _, gross, _ = best_input(C, H, alpha, beta, price, low, high)
    if gross >= cost:
        return price
    _, gross, _ = best_input(C, H, alpha, beta, 0.0, low, high)
    if gross <= cost:
        return 0.0
    left, right = 0.0, price
    for _ in range(30):
        middle = 0.5 * (left + right)
        _, gross, _ = best_input(C, H, alpha, beta, middle, low, high)
        if gross > cost:
            left = middle
        else:
            right = middle
    return right
