"""A small economy as plain arrays for the compiled searches, and the fixed-network equilibrium in dense arithmetic.

Decisions are numbered: links 0 … m−1 in the problem's order, then the imports and the exports of firms 0 … n−1. The
letters are those of `endonet.formulations.sourcing.response` and `evaluation`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.sourcing.choice import Terms
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.formed import eliminate
from endonet.formulations.sourcing.problem import SourcingProblem

Vector = NDArray[np.float64]
Bits = NDArray[np.int8]

EPS = float(np.finfo(np.float64).eps)


class Game(NamedTuple):
    """The data of an economy. D_F is part of what comes from abroad."""

    n: int
    m: int
    sigma: float
    L: float
    opened: bool
    buys: bool  # buyers own links
    supplier: NDArray[np.int32]
    buyer: NDArray[np.int32]
    ptr: NDArray[np.int64]  # links by owner, in ``link``
    link: NDArray[np.int64]
    other: NDArray[np.int32]
    weight: Vector  # α^(σ−1) μ^(1−σ)
    spent: Vector  # the same over μ
    earns: Vector  # the same times 1 − 1/μ
    f: Vector
    phi: Vector
    labour: Vector
    home_spent: Vector
    home_earns: Vector
    foreign: Vector
    foreign_spent: Vector
    foreign_earns: Vector
    foreign_input: Vector
    f_import: Vector
    f_export: Vector
    order: NDArray[np.int32]  # empty if cyclic
    first: NDArray[np.int64]  # links of buyer j are first[j] … first[j + 1] − 1


def game_of(problem: SourcingProblem) -> Game:
    """Return the arrays of a problem."""
    terms = Terms(problem)
    ptr, link, other = terms.by_owner
    mu = np.broadcast_to(terms.markup, (problem.m,))
    weight = (problem.alpha.astype(np.float64) / mu) ** (problem.sigma - 1)
    D_F = 0.0 if problem.open is None else problem.open.D_F
    return Game(
        problem.n,
        problem.m,
        problem.sigma,
        problem.L,
        problem.open is not None,
        terms.buyer_owns,
        np.array(problem.supplier),
        np.array(problem.buyer),
        np.array(ptr),
        np.array(link) if link.size else np.arange(problem.m),
        np.array(other),
        weight,
        weight / mu,
        weight * (1 - 1 / mu),
        problem.f.astype(np.float64),
        np.array(problem.phi_power),
        np.array(problem.labour_weight),
        np.array(problem.home_costs),
        np.array(terms.home),
        D_F * problem.foreign,
        D_F * problem.foreign_costs,
        np.array(terms.foreign),
        np.array(problem.foreign_input),
        np.array(terms.f_import),
        np.array(terms.f_export),
        np.empty(0, np.int32) if problem.order is None else np.array(problem.order),
        np.array(problem.ptr),
    )


def network_of(problem: SourcingProblem, bits: Bits) -> Network:
    """Return the network of a vector of decisions."""
    m, n = problem.m, problem.n
    chosen = bits.astype(np.bool_)
    return Network(chosen[:m].copy(), chosen[m : m + n].copy(), chosen[m + n :].copy())


def bits_of(network: Network) -> Bits:
    """Return the vector of decisions of a network."""
    return np.concatenate(network.parts).astype(np.int8)


@njit(cache=True)
def solve_system(game, bits, weight, transposed, r, matrix):  # type: ignore[no-untyped-def]
    """Replace r, shape (n, c), by the solution of x = Φ~ (W x + r) and return the smallest pivot, ≤ 0 if none exists.

    W_jk = weight of the link k → j where it is formed, or the transpose.
    """
    n = game.n
    for j in range(n):
        for c in range(r.shape[1]):
            r[j, c] *= game.phi[j]
    if game.order.size:
        _sweep(game, bits, weight, transposed, r)
        return 1.0
    for i in range(n):
        for j in range(n):
            matrix[i, j] = 0.0
        matrix[i, i] = 1.0
    for e in range(game.m):
        if bits[e]:
            k, j = game.supplier[e], game.buyer[e]
            if transposed:
                matrix[k, j] -= game.phi[k] * weight[e]
            else:
                matrix[j, k] -= game.phi[j] * weight[e]
    return eliminate(matrix, r)


@njit(cache=True)
def _sweep(game, bits, weight, transposed, r):  # type: ignore[no-untyped-def]
    """Solve a triangular system in the order of the firms; links are by buyer."""
    for q in range(game.n):
        j = game.order[game.n - 1 - q if transposed else q]
        for e in range(game.first[j], game.first[j + 1]):
            if not bits[e]:
                continue
            k = game.supplier[e]
            for c in range(r.shape[1]):
                if transposed:
                    r[k, c] += game.phi[k] * weight[e] * r[j, c]
                else:
                    r[j, c] += game.phi[j] * weight[e] * r[k, c]
