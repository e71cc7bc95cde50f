r"""The multipliers of the planner's problem at given decisions θ, in closed form, and the test that they are right.

With θ fixed, (1)–(5) of paper 001 is a convex program in c, x, l. Sign convention: every multiplier is ≥ 0 and says
what one more unit of the right-hand side is worth in final output,

    λ_j = ∂Y/∂(endowment of good j) = w / q_j      of (2), the price of good j; infinite where j is not produced
    w   = ∂Y/∂L = Q                                of (3), the wage

so that the Lagrangian is  Y(c) + Σ_j λ_j (F_j(x_·j, l_j) − c_j − Σ_k x_jk) + w (L − Σ_j l_j − Σ_j f_j θ_j).
Together with the allocation they satisfy the Karush–Kuhn–Tucker conditions, for producing firms

    λ_j = (Y/c_j)^(1/σ)                                                                                   c_j
    λ_i = λ_j α_j F_j Ω_ij^(1/ε) x_ij^(−1/ε) / Σ_k Ω_kj^(1/ε) x_kj^((ε−1)/ε)                              x_ij
    w   = λ_j (1−α_j) F_j / l_j                                                                           l_j
    0   = λ_j (F_j − c_j − Σ_k x_jk),    0 = w (L − Σ_j l_j − Σ_j f_j θ_j)                               complementarity

which prove that no allocation does better at this θ: a check of the evaluator that does not use (7) to (9).

Source: paper 001, section 2.1 (multipliers λ_j and w) and proposition 1; the conditions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import Vector


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Multipliers at a θ and by how much they miss the conditions, all relative.

    Attributes
    ----------
    wage : float
        w, in units of the final good for one unit of labour.
    prices : array, shape (n,)
        λ_j, in units of the final good; infinite for goods that are not produced.
    stationarity_c, stationarity_l : arrays, shape (n,)
        Marginal value over multiplier, less one; 0 for firms that do not produce.
    stationarity_x : array, shape (links,)
        The same for flows, in the order of ``problem.Omega``.
    slackness_goods : array, shape (n,)
        λ_j times what is left of good j, over its sales.
    slackness_labour : float
        w times the labour left over, over w L.
    """

    wage: float
    prices: Vector
    stationarity_c: Vector
    stationarity_x: Vector
    stationarity_l: Vector
    slackness_goods: Vector
    slackness_labour: float

    @property
    def residual(self) -> float:
        """The largest of all residuals in size: rounding, if the conditions hold."""
        parts = (self.stationarity_c, self.stationarity_x, self.stationarity_l, self.slackness_goods)
        return max(abs(self.slackness_labour), *(float(np.abs(part).max(initial=0.0)) for part in parts))


def multipliers(outcome: PlannerOutcome) -> Multipliers:
    """Return the multipliers of (2) and (3) at the outcome of a θ, and the residuals of the conditions.

    Where nothing is produced there are none worth the name: the wage is 0, prices are infinite, residuals are 0 but for
    the labour that is left over.
    """
    problem, on = outcome.problem, outcome.producing & (outcome.v > 0)
    w, prices = outcome.wage, outcome.prices
    rho = 1 - 1 / problem.epsilon
    x, used = outcome.x, np.diff(outcome.x.indptr)
    terms = problem.Omega.data ** (1 / problem.epsilon) * x.data**rho
    bundle = np.bincount(np.repeat(np.arange(problem.n), used), weights=terms, minlength=problem.n)
    alpha, labour, c = problem.alpha, outcome.l, outcome.c
    scale = problem.A * problem.z / (alpha**alpha * (1 - alpha) ** (1 - alpha))
    made = np.where(on, scale * bundle ** (alpha / rho) * labour ** (1 - alpha), 0.0)
    cost = np.where(on, prices, 0.0)

    def against(value: Vector, multiplier: Vector, where: np.ndarray) -> Vector:
        return np.divide(value, multiplier, out=np.ones(value.size), where=where) - 1

    consumed = on & (c > 0)
    marginal_c = np.divide(outcome.Y, c, out=np.zeros(problem.n), where=consumed) ** (1 / problem.sigma)
    marginal_l = np.divide(cost * (1 - alpha) * made, labour, out=np.zeros(problem.n), where=on)
    flows = x.data > 0
    buyer_value = np.repeat(np.divide(cost * alpha * made, bundle, out=np.zeros(problem.n), where=on), used)
    marginal_x = np.divide(buyer_value * terms, x.data, out=np.zeros(x.data.size), where=flows)
    left = made - c - np.bincount(x.indices, weights=x.data, minlength=problem.n)
    return Multipliers(
        wage=w,
        prices=prices,
        stationarity_c=against(marginal_c, cost, consumed),
        stationarity_x=against(marginal_x, cost[x.indices], flows),
        stationarity_l=against(marginal_l, np.full(problem.n, w), on),
        slackness_goods=np.divide(left, made, out=np.zeros(problem.n), where=on),
        slackness_labour=outcome.residual_labour,
    )
