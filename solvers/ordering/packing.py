r"""Lower bounds from packing cycles: the one rule that the search applies and the check repeats, in whole numbers.

Every order breaks every cycle: at least one link of a cycle C runs backward. With a multiplier λ_C ≥ 0 for each cycle
of a list, in the digraph of *all* pairs, and Λ_uv = Σ_{C ∋ uv} λ_C, every order ν costs

    Σ_uv W_uv 1{ν(u) > ν(v)}  ≥  Σ_C λ_C + Σ_{u<v} min(W_uv − Λ_uv, W_vu − Λ_vu)

since each pair has exactly one of its two links backward and Σ_C λ_C (Σ_{uv∈C} 1{ν(u) > ν(v)} − 1) ≥ 0. Where branching
has fixed u before v, only W_vu − Λ_vu remains of the minimum. Any λ ≥ 0 gives a valid bound; the duals of the linear
relaxation give the best one.

All of it is done in integers. Weights are counted in units of 2^−k, rounded down, which never raises the cost of an
order and loses nothing where weights are whole; k is as large as sums in 64 bits allow. So the bound is exact, and
where weights are whole it may be rounded up to the next whole number.

Source: linear programming duality for the linear ordering problem, Grötschel, Jünger and Reinelt (1984), whose
3-dicycle rows are the cycles of length three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

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
class Cycles:
    """A list of cycles, each as its nodes in turn.

    Attributes
    ----------
    pointer : int64 array
        Cycle c has the nodes ``node[pointer[c]:pointer[c+1]]``.
    node : int64 array
    """

    pointer: Ints
    node: Ints

    @property
    def count(self) -> int:
        """Number of cycles."""
        return self.pointer.size - 1

    def take(self, chosen: Ints) -> Cycles:
        """Return some of the cycles."""
        lengths = np.diff(self.pointer)[chosen]
        pointer = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        entry = np.repeat(self.pointer[chosen] - pointer[:-1], lengths) + np.arange(pointer[-1])
        return Cycles(pointer, self.node[entry])

    def links(self) -> tuple[Ints, Ints, Ints]:
        """Return the links of all cycles: the number of the cycle, and from where to where."""
        lengths = np.diff(self.pointer)
        following = np.arange(1, self.node.size + 1)
        following[self.pointer[1:] - 1] = self.pointer[:-1]
        return np.repeat(np.arange(self.count), lengths), self.node, self.node[following]


@dataclass(frozen=True, eq=False)
class Multipliers:
    """λ ≥ 0 for some cycles of a list.

    Attributes
    ----------
    cycle : int64 array
        Numbers of cycles.
    amount : int64 array
        λ in units, positive.
    """

    cycle: Ints
    amount: Ints


def fits(cycles: Cycles, multipliers: Multipliers) -> bool:
    """Return whether the sums of a bound stay within 64 bits."""
    lengths = np.diff(cycles.pointer)[multipliers.cycle].astype(np.float64)
    return bool((lengths * multipliers.amount.astype(np.float64)).sum() < 2.0 ** (ROOM + 1))


def excess(units: Units, cycles: Cycles, multipliers: Multipliers, fixed: Ints) -> int:
    """Return what every order that respects ``fixed`` costs at least beyond ``units.base``, not yet rounded up.

    Parameters
    ----------
    units : Units
    cycles : Cycles
        In nodes of the whole digraph.
    multipliers : Multipliers
        Such that `fits` holds.
    fixed : int64 array, shape (count, 2)
        Pairs (u, v) with u before v.
    """
    used = cycles.take(multipliers.cycle)
    which, tail, head = used.links()
    return int(multipliers.amount.sum()) + _pairs(units, tail, head, multipliers.amount[which], fixed)


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
