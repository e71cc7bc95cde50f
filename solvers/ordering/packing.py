r"""Lower bounds from packing cycles: the one rule that the search applies and the check repeats, in whole numbers.

Let b_uv be 1 if u comes after v, for *all* pairs of nodes, linked or not; b_uv + b_vu = 1. Every order ν costs
Σ_uv W_uv b_uv, and every cycle C has at least one link that runs backward: Σ_{uv∈C} b_uv ≥ 1. With a multiplier
λ_r ≥ 0 for each of some rows Σ_uv a_r,uv b_uv ≥ g_r that all orders satisfy, and Λ_uv = Σ_r λ_r a_r,uv, every order
costs

    Σ_uv W_uv b_uv  ≥  Σ_r λ_r g_r + Σ_{u<v} min(W_uv − Λ_uv, W_vu − Λ_vu)

Where branching has fixed u before v, only W_vu − Λ_vu remains of the minimum. Any λ ≥ 0 gives a valid bound; the duals
of the linear relaxation give the best one. There are two kinds of rows: cycles, and *cuts*, each derived from a list of
cycles and of links (b_uv ≥ 0): add their rows up, take out b_uv + b_vu = 1 as often as both are there, halve, and round
coefficients and right-hand side up, which no b ≥ 0 and no integer b can violate.

All of it is done in integers. Weights are counted in units of 2^−k, rounded down, which never raises the cost of an
order and loses nothing where weights are whole; k is as large as sums in 64 bits allow, after weights far above what a
known order costs have been lowered to a cap (no order that is as good has them run backward). So the bound is exact,
and where weights are whole it may be rounded up to the next whole number.

Source: linear programming duality for the linear ordering problem, Grötschel, Jünger and Reinelt (1984), whose
3-dicycle rows are the cycles of length three; Caprara and Fischetti, *{0, ½}-Chvátal–Gomory cuts* (1996).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.ordering.problem import OrderingProblem

Ints = NDArray[np.int64]

ROOM = 59  # sums of weights stay below 2^ROOM units, sums of multipliers below 2^(ROOM + 1)
FINEST = 20  # units of whole weights need not be finer than 2^−FINEST


@dataclass(frozen=True, eq=False)
class Units:
    """The weights of a digraph as integers.

    Attributes
    ----------
    n : int
    exponent : int
        k: one unit is 2^−k.
    whole : int
        Costs of orders are multiples of so many units: 2^k where weights are whole, else 1.
    keys, weights : int64 arrays
        i·n + j of each link, ascending, and ⌊2^k W_ij⌋.
    base : int
        Σ_{i<j} min(W_ij, W_ji), which every order costs.
    """

    n: int
    exponent: int
    whole: int
    keys: Ints
    weights: Ints
    base: int

    def net(self, u: Ints, v: Ints) -> Ints:
        """Return D_uv = W_uv − W_vu in units."""
        return self._weight(u, v) - self._weight(v, u)

    def value(self, units: int) -> float:
        """Return a number of units as a float that is not above it."""
        exact = Fraction(units) / Fraction(2) ** self.exponent
        number = float(exact)
        return number if Fraction(number) <= exact else math.nextafter(number, -math.inf)

    def rounded(self, units: int) -> int:
        """Return the least cost that an order can have, given that it costs at least ``units``."""
        return -(-units // self.whole) * self.whole

    def _weight(self, u: Ints, v: Ints) -> Ints:
        wanted = u.astype(np.int64) * self.n + v
        place = np.minimum(np.searchsorted(self.keys, wanted), self.keys.size - 1)
        return np.where(self.keys[place] == wanted, self.weights[place], 0)


def capped(problem: OrderingProblem, cap: float | None) -> OrderingProblem:
    """Return a digraph without what its weights have above ``cap``, which no order costs more for."""
    if cap is None:
        return problem
    W = problem.W.copy()
    W.data = np.minimum(W.data, cap)
    return OrderingProblem(W=W)


def units(problem: OrderingProblem) -> Units:
    """Return the weights of a digraph as integers."""
    k = ROOM - math.frexp(problem.total)[1]
    if problem.integral:
        k = min(k, FINEST)
    weights = np.floor(np.ldexp(problem.W.data, k)).astype(np.int64)
    keys = problem.tails.astype(np.int64) * problem.n + problem.W.indices
    found = Units(problem.n, k, 2**k if problem.integral else 1, keys, weights, 0)
    opposite = found._weight(problem.W.indices.astype(np.int64), problem.tails.astype(np.int64))
    base = int(np.minimum(weights, opposite).sum()) // 2  # each two-cycle is met from both sides
    return Units(found.n, k, found.whole, keys, weights, base)


@dataclass(frozen=True, eq=False)
class Lists:
    """Lists of numbers, one behind the other.

    Attributes
    ----------
    pointer : int64 array
        List c holds ``item[pointer[c]:pointer[c+1]]``.
    item : int64 array
    """

    pointer: Ints
    item: Ints

    @classmethod
    def of(cls, lists: Sequence[Ints]) -> Self:
        """Return some arrays as lists."""
        pointer = np.concatenate([[0], np.cumsum([part.size for part in lists])]).astype(np.int64)
        return cls(pointer, np.concatenate([np.empty(0, np.int64), *lists]))

    def with_more(self, others: Lists) -> Self:
        """Return these lists and others behind them."""
        pointer = np.concatenate([self.pointer, self.pointer[-1] + others.pointer[1:]])
        return type(self)(pointer, np.concatenate([self.item, others.item]))

    @property
    def count(self) -> int:
        """Number of lists."""
        return self.pointer.size - 1

    @property
    def lengths(self) -> Ints:
        """The length of each list."""
        return np.diff(self.pointer)

    def owner(self) -> Ints:
        """Return the number of the list that each item belongs to."""
        return np.repeat(np.arange(self.count), self.lengths)

    def take(self, chosen: Ints) -> Self:
        """Return some of the lists."""
        pointer = np.concatenate([[0], np.cumsum(self.lengths[chosen])]).astype(np.int64)
        return type(self)(pointer, self.item[self.entries(chosen)])

    def entries(self, chosen: Ints) -> Ints:
        """Return the places of the items of some lists."""
        lengths = self.lengths[chosen]
        before = np.cumsum(lengths) - lengths
        return np.repeat(self.pointer[chosen] - before, lengths) + np.arange(lengths.sum())

    def tolist(self) -> list[list[int]]:
        """Return the lists as lists."""
        items = self.item.tolist()
        return [items[first:last] for first, last in itertools.pairwise(self.pointer.tolist())]


class Cycles(Lists):
    """A list of cycles, each as its nodes in turn."""

    def heads(self) -> Ints:
        """Return the node that follows each node in its cycle."""
        following = np.arange(1, self.item.size + 1)
        following[self.pointer[1:] - 1] = self.pointer[:-1]
        return self.item[following]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows Σ a_uv b_uv ≥ g in integers, which all orders satisfy.

    Attributes
    ----------
    g : int64 array
        By row.
    row, tail, head, a : int64 arrays
        By coefficient: the row, u, v, and a_uv > 0.
    """

    g: Ints
    row: Ints
    tail: Ints
    head: Ints
    a: Ints


def cycle_rows(cycles: Cycles) -> Rows:
    """Return the rows of cycles: one link at least runs backward."""
    ones, where = np.ones(cycles.item.size, np.int64), np.ones(cycles.count, np.int64)
    return Rows(where, cycles.owner(), cycles.item, cycles.heads(), ones)


def cut_rows(n: int, cycles: Cycles, sources: Lists, links: Lists) -> Rows:
    """Return the rows of cuts.

    Parameters
    ----------
    n : int
        Nodes are numbered below it.
    cycles : Cycles
    sources : Lists
        For each cut the numbers of its cycles.
    links : Lists
        For each cut its links, as numbers u·n + v.
    """
    used = cycles.take(sources.item)
    of_cycle = sources.owner()
    cut = np.concatenate([of_cycle[used.owner()], links.owner()])
    tail = np.concatenate([used.item, links.item // n])
    head = np.concatenate([used.heads(), links.item % n])
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    place, at = np.unique(cut * (n * n) + low * n + high, return_inverse=True)
    rising = np.bincount(at[tail < head], minlength=place.size)
    falling = np.bincount(at[tail > head], minlength=place.size)
    cut, low, high = place // (n * n), place // n % n, place % n
    both = np.bincount(cut, weights=np.minimum(rising, falling), minlength=sources.count).astype(np.int64)
    net = rising - falling
    left = np.flatnonzero(net)
    cut, low, high, net = cut[left], low[left], high[left], net[left]
    g = -((both - sources.lengths) // 2)
    return Rows(g, cut, np.where(net > 0, low, high), np.where(net > 0, high, low), (np.abs(net) + 1) // 2)


@dataclass(frozen=True, eq=False)
class Multipliers:
    """λ ≥ 0 for some rows.

    Attributes
    ----------
    row : int64 array
        c ≥ 0 for cycle c, −1 − c for cut c.
    amount : int64 array
        λ in units, positive.
    """

    row: Ints
    amount: Ints


@dataclass(frozen=True, eq=False)
class Pool:
    """The cycles and cuts that multipliers may refer to, in nodes of the whole digraph; fields as in `cut_rows`."""

    n: int
    cycles: Cycles
    sources: Lists
    links: Lists

    def rows(self, multipliers: Multipliers) -> tuple[Rows, Ints]:
        """Return the rows that multipliers refer to, and their amounts."""
        of_cycles, of_cuts = np.flatnonzero(multipliers.row >= 0), np.flatnonzero(multipliers.row < 0)
        first = cycle_rows(self.cycles.take(multipliers.row[of_cycles]))
        cuts = -1 - multipliers.row[of_cuts]
        second = cut_rows(self.n, self.cycles, self.sources.take(cuts), self.links.take(cuts))
        joined = Rows(
            np.concatenate([first.g, second.g]),
            np.concatenate([first.row, second.row + of_cycles.size]),
            np.concatenate([first.tail, second.tail]),
            np.concatenate([first.head, second.head]),
            np.concatenate([first.a, second.a]),
        )
        return joined, multipliers.amount[np.concatenate([of_cycles, of_cuts])]


def excess(units: Units, pool: Pool, multipliers: Multipliers, fixed: Ints) -> int | None:
    """Return what every order that respects ``fixed`` costs at least beyond ``units.base``, not yet rounded up.

    None where sums might leave 64 bits.

    Parameters
    ----------
    units : Units
    pool : Pool
    multipliers : Multipliers
    fixed : int64 array, shape (count, 2)
        Pairs (u, v) with u before v.
    """
    rows, amount = pool.rows(multipliers)
    size = amount.astype(np.float64)
    largest = float((size[rows.row] * rows.a).sum() + (size * np.abs(rows.g)).sum())
    if largest >= 2.0 ** (ROOM + 1):
        return None
    return int((amount * rows.g).sum()) + _pairs(units, rows.tail, rows.head, amount[rows.row] * rows.a, fixed)


def _pairs(units: Units, tail: Ints, head: Ints, amount: Ints, fixed: Ints) -> int:
    """Return Σ over pairs of the least of the costs that are allowed, beyond min(W_uv, W_vu)."""
    n = units.n
    ends = np.concatenate([np.column_stack([tail, head]), fixed])
    low, high = ends.min(axis=1), ends.max(axis=1)
    pairs, at = np.unique(low * n + high, return_inverse=True)
    low_of, high_of = pairs // n, pairs % n
    D = units.net(low_of, high_of)
    if_high_first, if_low_first = np.maximum(D, 0), np.maximum(-D, 0)  # the link that then runs backward is paid
    rising = tail < head
    np.subtract.at(if_high_first, at[: tail.size][rising], amount[rising])
    np.subtract.at(if_low_first, at[: tail.size][~rising], amount[~rising])
    least = np.minimum(if_high_first, if_low_first)
    decided = at[tail.size :]
    low_first = fixed[:, 0] < fixed[:, 1]
    least[decided] = np.where(low_first, if_low_first[decided], if_high_first[decided])
    return int(least.sum())
