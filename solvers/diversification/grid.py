r"""Whole maps at once: the decentralised path and the planner's optimum over a grid of (μ0, ρ0), compiled.

The planner's map runs the same forward pass as `certified` (`labels.forward`: the proved bounds on s, dominance, no
truncation) with predecessors, in doubles. Where two paths are within rounding of each other, it may return either; the
marginal rule counts a difference below 1e-11 of its parts as a tie and resolves it downwards. For exact ties solve the
single problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.diversification.bounds import Limits, tops
from endonet.formulations.diversification.firm import CLEAR
from endonet.formulations.diversification.moments import Law, gain, moment
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import InputError
from endonet.solvers.diversification.labels import SLACK, forward

Vector = NDArray[np.float64]
CALM = 4  # labels a layer in the pass that only seeks an incumbent; the second pass keeps all that matter


@dataclass(frozen=True, eq=False)
class Map:
    """Answers over a grid, axes (μ0, ρ0, layer).

    Attributes
    ----------
    mu0, rho0 : arrays of shape (m,) and (n,)
    path : int array, shape (m, n, K)
    W : array, shape (m, n)
        Average welfare.
    risk : array, shape (m, n)
        Expected disruption in the last layer, M(S_K).
    """

    mu0: Vector
    rho0: Vector
    path: NDArray[np.int64]
    W: Vector
    risk: Vector


def map_equilibrium(mu0: ArrayLike, rho0: ArrayLike, K: int = 10, pi: object = 1, c: object = "1/25") -> Map:
    """Return the decentralised path at every (μ0, ρ0); ties go to the lower number.

    Parameters
    ----------
    mu0, rho0 : array_like
        One-dimensional, entries in [0, 1].
    K : int
    pi, c : number or K numbers, as in `ChainProblem`

    Raises
    ------
    InputError
        If an entry is outside [0, 1] or a parameter is wrong.
    """
    return _map(_equilibria, mu0, rho0, K, pi, c)


def map_planner(mu0: ArrayLike, rho0: ArrayLike, K: int = 10, pi: object = 1, c: object = "1/25") -> Map:
    """Return the planner's optimum at every (μ0, ρ0); parameters as in `map_equilibrium`."""
    return _map(_optima, mu0, rho0, K, pi, c)


def _map(kernel: object, mu0: ArrayLike, rho0: ArrayLike, K: int, pi: object, c: object) -> Map:
    mu, rho = _axis("mu0", mu0), _axis("rho0", rho0)
    limits = Limits(ChainProblem(K, 0, 0, pi, c))  # type: ignore[arg-type]
    kinds, alpha, beta, loss = _laws(np.repeat(mu, rho.size), np.tile(rho, mu.size))
    parts = (limits.pi, limits.kappa, limits.profit)
    paths, worth, risk = kernel(kinds, alpha, beta, loss, *parts)  # type: ignore[operator]
    shape = (mu.size, rho.size)
    return Map(mu, rho, paths.reshape(*shape, K), worth.reshape(shape) / K, risk.reshape(shape))


def _axis(name: str, values: ArrayLike) -> Vector:
    axis = np.atleast_1d(np.asarray(values, dtype=np.float64))
    wrong = np.flatnonzero(~((axis >= 0) & (axis <= 1)))
    if axis.ndim != 1 or wrong.size:
        raise InputError(f"{name}[{wrong[0] if wrong.size else 0}]", "it is outside [0, 1]", "give numbers from 0 to 1")
    return axis


def _laws(mu: Vector, rho: Vector) -> tuple[NDArray[np.int64], Vector, Vector, Vector]:
    """Return kinds, shapes and losses of the laws at every point, as `moments.law` does for one."""
    kinds = np.where((rho >= 1) | (mu <= 0), 2, np.where(rho < 1e-300, 1, 0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        r0 = (1 - rho) / rho
        alpha = np.where(kinds == 0, mu * r0, 0.0)
        beta = np.where(kinds == 0, (1 - mu) * r0, np.where(kinds == 1, np.inf, 0.0))
        loss = np.where(mu > 0.5, -np.log1p(-(1 - mu)), -np.log(mu))
    return kinds.astype(np.int64), alpha, beta, loss


@njit(cache=True, error_model="numpy")
def _firm(law, S, pi, kappa):  # type: ignore[no-untyped-def]
    """Return the smallest s at which one more supplier does not pay."""
    low, high = 0, 1
    while True:
        more, cost = pi * gain(law, S, high - 1.0), kappa * (2.0 * high - 1.0)
        if more - cost <= CLEAR * (more + cost):
            break
        low, high = high, 2 * high
    while high > low:
        middle = (low + high) // 2
        more, cost = pi * gain(law, S, float(middle)), kappa * (2.0 * middle + 1.0)
        if more - cost > CLEAR * (more + cost):
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, parallel=True, error_model="numpy")
def _equilibria(kinds, alpha, beta, loss, pi, kappa, profit):  # type: ignore[no-untyped-def]
    n, K = kinds.size, pi.size
    paths = np.zeros((n, K), np.int64)
    worth = np.zeros(n)
    risk = np.ones(n)
    for j in prange(n):
        law = Law(kinds[j], alpha[j], beta[j], loss[j])
        S = 1.0
        for k in range(K):
            s = _firm(law, S, pi[k], kappa[k])
            paths[j, k] = s
            S *= s
            if s == 0:
                break
            worth[j] += pi[k] * (1.0 - moment(law, S)) - kappa[k] * s * s
        risk[j] = moment(law, S)
    return paths, worth, risk


@njit(cache=True, error_model="numpy")
def _trace(law, pi, kappa, first, states, G, incumbent, slack, path):  # type: ignore[no-untyped-def]
    """Write into ``path`` a path that attains the incumbent, from its last layer back; return its last S."""
    K = pi.size
    k, S, target = 0, 1.0, 0.0
    for layer in range(K, -1, -1):  # the layer after which nobody buys: K unless the path collapses
        found = False
        for j in range(first[layer], first[layer + 1]):
            if abs(G[j] - incumbent) <= slack:
                k, S, target, found = layer, states[j], G[j], True
                break
        if found:
            break
    last = S if k == K else 0.0
    while k > 0:
        earned = pi[k - 1] * (1.0 - moment(law, S))
        best, choice, place = np.inf, 1, first[k - 1]
        for j in range(first[k - 1], first[k]):
            s = np.rint(S / states[j])
            if s < 1 or states[j] * s != S:
                continue
            miss = abs(G[j] + earned - kappa[k - 1] * s * s - target)
            if miss < best:
                best, choice, place = miss, int(s), j
        path[k - 1] = choice
        S, target = states[place], G[place]
        k -= 1
    return last


@njit(cache=True, parallel=True, error_model="numpy")
def _optima(kinds, alpha, beta, loss, pi, kappa, profit):  # type: ignore[no-untyped-def]
    n, K = kinds.size, pi.size
    paths = np.zeros((n, K), np.int64)
    worth = np.zeros(n)
    risk = np.ones(n)
    caps = np.full(K, np.int64(1) << 62)
    slack = SLACK * max(profit[0], 1e-300)
    for j in prange(n):
        law = Law(kinds[j], alpha[j], beta[j], loss[j])
        most = tops(law, pi, kappa, profit, caps, 0.0)
        start = forward(law, pi, kappa, profit, most, caps, 0.0, slack, -np.inf, CALM)[3]
        first, states, G, incumbent = forward(law, pi, kappa, profit, most, caps, 0.0, slack, start, 0)
        worth[j] = incumbent
        risk[j] = moment(law, _trace(law, pi, kappa, first, states, G, incumbent, slack, paths[j]))
    return paths, worth, risk
