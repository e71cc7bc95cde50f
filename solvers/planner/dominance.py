"""Firms that need not operate before others do, proved by exchange.

Firm i dominates firm j if it would do everything that j does at least as well:

    z_i ≥ z_j,  f_i ≤ f_j,  α_i = α_j,  Ω_ii ≥ Ω_jj,   Ω_ik ≥ Ω_jk and Ω_ki ≥ Ω_kj for every third firm k,
    and replacing j by i keeps every row on θ:  G_ri ≤ G_rj where a row has an upper side, ≥ where it has a lower side.

Then some optimal θ has θ_j ≤ θ_i. For let θ_i = 0 and θ_j = 1, and operate i in j's stead: in the map (7) of the
economy whose firms i and j have changed places, every coefficient is at least what it was, so the greatest fixed point
is too; the fixed costs are at most what they were. (While only one of the two operates, the links between them carry
nothing.)

For any acyclic set of such pairs some optimal θ satisfies all the rows θ_j ≤ θ_i at once: number the firms so that
dominating ones come later, and among the optimal choices take one whose operating firms have the largest sum of
numbers; an exchange that a violated row calls for would raise that sum and lose no output.
In a complete or a rank-one Ω this leaves few choices, and it breaks the symmetry between identical firms.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.errors import EconomyWarning, InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

TESTS = 32  # candidates tried for each firm, the nearest in rank first


def pairs(problem: PlannerProblem) -> NDArray[np.int64]:
    """Return (dominating, dominated) pairs, shape (k, 2), at most one for each dominated firm; proved and acyclic."""
    rank = _rank(problem)
    return np.asarray(_find(*_data(problem), rank, np.argsort(rank), TESTS))


def proved(problem: PlannerProblem, claimed: NDArray[np.int64]) -> bool:
    """Whether every claimed pair, shape (k, 2), is one of dominance and all agree with one order of the firms."""
    rank = _rank(problem)
    if not (rank[claimed[:, 0]] > rank[claimed[:, 1]]).all():
        return False
    return bool(_all_hold(*_data(problem), claimed))


def ordered(problem: PlannerProblem, order: NDArray[np.int64] | Sequence[Sequence[int]]) -> PlannerProblem:
    """Return the problem with the rows θ_j ≤ θ_i for the pairs (i, j), which cost no output.

    If these rows show at once that the problem's own rows contradict each other, the problem is returned as it is: to
    prove that is the search's business.
    """
    extra = tuple(LinearRow([j, i], [1.0, -1.0], "<=", 0.0) for i, j in order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EconomyWarning)
        try:
            return replace(problem, constraints=problem.constraints + extra) if extra else problem
        except InputError:
            return problem


def _rank(problem: PlannerProblem) -> NDArray[np.int64]:
    """Return the place of each firm in an order in which no firm dominates a later one, unless they are twins."""
    strength = np.asarray(problem.Omega.sum(axis=0) + problem.Omega.sum(axis=1)).reshape(-1)
    order = np.lexsort((-np.arange(problem.n), strength, -problem.f, problem.z))
    rank = np.empty(problem.n, np.int64)
    rank[order] = np.arange(problem.n)
    return rank


def _data(problem: PlannerProblem):
    by_buyer, by_supplier, G = problem.Omega, problem.Omega.tocsr(), problem.rows.G.tocsc()
    by_supplier.sort_indices()
    G.sort_indices()
    return (
        (by_buyer.indptr, by_buyer.indices, by_buyer.data),
        (by_supplier.indptr, by_supplier.indices, by_supplier.data),
        (G.indptr, G.indices, G.data),
        problem.rows.lower,
        problem.rows.upper,
        problem.z,
        problem.f,
        problem.alpha,
    )


@njit(cache=True)
def _covers(matrix, i, j):
    """Whether entry k of line i is at least that of line j for every k other than i and j; own entries likewise."""
    ptr, index, value = matrix
    p = ptr[i]
    own_i = own_j = 0.0
    for r in range(ptr[i], ptr[i + 1]):
        if index[r] == i:
            own_i = value[r]
    for q in range(ptr[j], ptr[j + 1]):
        k = index[q]
        if k == j:
            own_j = value[q]
        if k in (i, j):
            continue
        while p < ptr[i + 1] and index[p] < k:
            p += 1
        if p == ptr[i + 1] or index[p] != k or value[p] < value[q]:
            return False
    return own_i >= own_j


@njit(cache=True)
def _keeps_rows(G, lower, upper, i, j):
    """Whether replacing j by i keeps every row: its activity changes by G_ri − G_rj."""
    ptr, index, value = G
    p, q = ptr[i], ptr[j]
    while p < ptr[i + 1] or q < ptr[j + 1]:
        r = min(index[p] if p < ptr[i + 1] else lower.size, index[q] if q < ptr[j + 1] else lower.size)
        change = 0.0
        if p < ptr[i + 1] and index[p] == r:
            change += value[p]
            p += 1
        if q < ptr[j + 1] and index[q] == r:
            change -= value[q]
            q += 1
        if (change > 0 and np.isfinite(upper[r])) or (change < 0 and np.isfinite(lower[r])):
            return False
    return True


@njit(cache=True)
def _holds(by_buyer, by_supplier, G, lower, upper, z, f, alpha, i, j):
    return (
        i != j
        and z[i] >= z[j]
        and f[i] <= f[j]
        and alpha[i] == alpha[j]
        and _covers(by_buyer, i, j)
        and _covers(by_supplier, i, j)
        and _keeps_rows(G, lower, upper, i, j)
    )


@njit(cache=True)
def _all_hold(by_buyer, by_supplier, G, lower, upper, z, f, alpha, claimed):
    for c in range(claimed.shape[0]):
        if not _holds(by_buyer, by_supplier, G, lower, upper, z, f, alpha, claimed[c, 0], claimed[c, 1]):
            return False
    return True


@njit(cache=True)
def _find(by_buyer, by_supplier, G, lower, upper, z, f, alpha, rank, order, tests):
    """For each firm try the firms that share its rarest supplier, and that supplier, upwards in rank."""
    n = z.size
    found = np.empty((n, 2), np.int64)
    count = 0
    in_ptr, suppliers, _ = by_buyer
    out_ptr, _, _ = by_supplier
    ranked = _ranked(by_buyer, out_ptr, order)
    for j in range(n):
        rarest = -1
        for q in range(in_ptr[j], in_ptr[j + 1]):
            k = suppliers[q]
            if k != j and (rarest < 0 or out_ptr[k + 1] - out_ptr[k] < out_ptr[rarest + 1] - out_ptr[rarest]):
                rarest = k
        if rarest < 0:
            continue
        near = ranked[out_ptr[rarest] : out_ptr[rarest + 1]]
        place = np.searchsorted(near, rank[j], side="right")
        itself = rank[rarest]
        for _ in range(tests):
            if itself > rank[j] and (place == near.size or itself < near[place]):
                i, itself = rarest, -1
            elif place < near.size:
                i = order[near[place]]
                place += 1
            else:
                break
            if _holds(by_buyer, by_supplier, G, lower, upper, z, f, alpha, i, j):
                found[count, 0], found[count, 1] = i, j
                count += 1
                break
    return found[:count]


@njit(cache=True)
def _ranked(by_buyer, out_ptr, order):
    """Return the ranks of each firm's buyers, ascending, in the places of ``out_ptr``."""
    in_ptr, suppliers, _ = by_buyer
    free = out_ptr[:-1].copy()
    ranks = np.empty(out_ptr[-1], np.int64)
    for r in range(order.size):
        j = order[r]
        for q in range(in_ptr[j], in_ptr[j + 1]):
            ranks[free[suppliers[q]]] = r
            free[suppliers[q]] += 1
    return ranks
