"""Replaying a tree of `certified` with the evaluator's parts: `Formed` for costs and demand, `response` for choices.

The bounds are those that `box` explains, found a second time in plain numpy, with no part of the search: a node of the
tree is closed here only if these bounds leave nothing of it, or a single network that the evaluator judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import VerificationError
from endonet.formulations.sourcing import response
from endonet.formulations.sourcing.choice import Terms
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.evaluation import LARGEST_LOG, evaluate_network
from endonet.formulations.sourcing.formed import Formed, sums
from endonet.formulations.sourcing.problem import SourcingProblem, Vector

SLACK = 2e-10  # less than the search had, so that its leaves close
WORST = 1e-4
EPS = float(np.finfo(np.float64).eps)
ROUNDS = 10_000
SETTLED = 1e-6

Bits = NDArray[np.bool_]


@dataclass(eq=False)
class Region:
    """Networks between lo and hi, wages and demand in a box."""

    lo: Bits
    hi: Bits
    w: tuple[float, float]
    A: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two networks that bound a region: labour left over, costs and demand, and how wrong these may be."""

    labour: float
    a: Vector
    d: Vector
    formed: Formed
    error: float

    def sums(self, problem: SourcingProblem, bits: Bits, trade: bool, factor: float) -> list[float]:
        """Return S_d, S_e, ε_a, ε_b, m_d, m_e times a factor."""
        S = problem.labour_weight @ self.d
        if not trade or problem.open is None:
            return [float(S[0]) * factor, 0.0, 0.0, 0.0, 0.0, 0.0]
        D_F, (_, imports, exports) = problem.open.D_F, parts(problem, bits)
        eps = D_F * ((exports * problem.foreign) @ self.a)
        m = (imports * problem.foreign_input) @ self.d
        found = (S[0], D_F * S[1], eps[0], eps[1], m[0], D_F * m[1])
        return [float(number) * factor for number in found]


def parts(problem: SourcingProblem, bits: Bits) -> tuple[Bits, Bits, Bits]:
    """Return links, imports and exports."""
    m, n = problem.m, problem.n
    return bits[:m], bits[m : m + n], bits[m + n :]


def close(problem: SourcingProblem, tree: Any, region: Region, trade: bool, found: Callable[[Network], None]) -> int:
    """Replay a tree; hand every network that is left alone in a leaf to ``found``, and return the number of leaves.

    Raises
    ------
    VerificationError
        If a leaf is open, or the tree is none.
    """
    if not isinstance(tree, list):
        raise VerificationError("the certificate's tree is no list")
    stack, leaves, place = [region], 0, 0
    while stack:
        if place == len(tree):
            raise VerificationError("the certificate's tree ends before all of its nodes are closed")
        entry, here = tree[place], stack.pop()
        place += 1
        left = narrow(problem, here, trade)
        if entry == "closed":
            leaves += 1
            if left and not np.array_equal(here.lo, here.hi):
                undecided = int((here.lo != here.hi).sum())
                raise VerificationError(f"leaf {leaves} of the tree leaves {undecided} decisions open")
            if left:
                found(Network(*(part.copy() for part in parts(problem, here.lo))))
        elif entry == "open":
            raise VerificationError("the tree has open nodes: the search was stopped before it was complete")
        else:
            lower, upper = halves(problem, here, entry)
            stack += [upper, lower]
    if place != len(tree):
        raise VerificationError("the certificate's tree goes on after all of its nodes are closed")
    return leaves


def halves(problem: SourcingProblem, region: Region, entry: Any) -> tuple[Region, Region]:
    """Return both parts of a split region."""
    good = isinstance(entry, (list, tuple)) and len(entry) == 2 and isinstance(entry[1], (int, float))
    kind, at = entry if good else ("", 0)
    lo, hi = region.lo, region.hi
    if kind == "A" and at > 0:
        return (
            Region(lo.copy(), hi.copy(), region.w, (region.A[0], min(at, region.A[1]))),
            Region(lo, hi, region.w, (max(at, region.A[0]), region.A[1])),
        )
    if kind == "w" and at > 0:
        return (
            Region(lo.copy(), hi.copy(), (region.w[0], min(at, region.w[1])), region.A),
            Region(lo, hi, (max(at, region.w[0]), region.w[1]), region.A),
        )
    starts = {"links": (0, problem.m), "imports": (problem.m, problem.n), "exports": (problem.m + problem.n, problem.n)}
    known = isinstance(kind, str) and kind in starts and isinstance(at, int) and not isinstance(at, bool)
    if not known or not 0 <= at < starts[kind][1]:
        raise VerificationError(f"{entry!s:.60} is no split of the tree")
    without, with_ = hi.copy(), lo.copy()
    without[starts[kind][0] + at], with_[starts[kind][0] + at] = False, True
    return Region(lo.copy(), without, region.w, region.A), Region(with_, hi, region.w, region.A)


def narrow(problem: SourcingProblem, region: Region, trade: bool) -> bool:
    """Narrow a region as far as the bounds reach; return whether anything is left of it."""
    for _ in range(ROUNDS):
        if (region.lo > region.hi).any():
            return False
        if np.array_equal(region.lo, region.hi):
            return True
        before = (int(region.lo.sum()), int(region.hi.sum()), *region.w, *region.A)
        if not _narrow_once(problem, region, trade):
            return False
        after = (int(region.lo.sum()), int(region.hi.sum()), *region.w, *region.A)
        moved = [x != y and not abs(x - y) <= SETTLED * abs(y) for x, y in zip(before, after, strict=True)]
        if not any(moved):
            return True
    return True


def _narrow_once(problem: SourcingProblem, region: Region, trade: bool) -> bool:
    lo, hi = region.lo, region.hi
    least, most = side_of(problem, lo), side_of(problem, hi)
    if problem.L - _fixed(problem, lo) < -1e-11 * problem.L:
        return False
    if trade:
        _, imports, exports = parts(problem, hi)
        if not (imports * problem.foreign_input).any() or not (exports * _abroad(problem)).any():
            return False
    if isinstance(least, str):
        return least != "impossible"
    s = max(SLACK, 2 * least.error, 0.0 if isinstance(most, str) else 2 * most.error)
    if not _shrink(problem, region, least, None if isinstance(most, str) else most, trade, s):
        return False
    terms = Terms(problem)
    if region.w[1] < math.inf:
        low = reply(problem, terms, region.w[1], region.A[0], least, lo, trade, 1 - s, forced=lo)
        region.lo = lo | low
    if not isinstance(most, str) and region.w[0] > 0:
        if region.A[1] < math.inf:
            region.hi = hi & reply(problem, terms, region.w[0], region.A[1], most, hi, trade, 1 + s, barred=~hi)
        if trade and problem.open is not None:  # what exports earn is bounded, however large home demand may be
            u = region.w[0] ** (1 - problem.sigma)
            T = (most.a[:, 0] * u + most.a[:, 1]) * (1 + s)
            pays = terms.foreign * T * (1 + s) >= problem.open.f_export * region.w[0] * (1 - response.TIE)
            region.hi = region.hi & np.concatenate([np.ones(problem.m + problem.n, bool), pays])
    return True


def side_of(problem: SourcingProblem, bits: Bits) -> Side | str:
    """Return costs and demand of a network; "impossible" if they do not exist, "unknown" if doubles cannot tell."""
    links, imports, exports = parts(problem, bits)
    formed = Formed.of(problem, links)
    ones = np.ones(problem.n)
    r_a = np.column_stack([problem.labour_weight, imports * problem.foreign_input, ones])
    r_d = np.column_stack([ones, problem.home_costs, exports * problem.foreign_costs])
    a, d = formed.costs(r_a), formed.demands(r_d)
    if a is None or d is None:
        doubtful = Formed(problem, formed.link, formed.ptr, formed.supplier, formed.share * (1 - 1e-8))
        return "impossible" if doubtful.costs(r_a) is None else "unknown"
    if problem.acyclic:  # sums of positive terms: one rounding for each link of a path
        error = EPS * (formed.link.size + 4 * problem.n)
    else:
        error = residual_error(formed, formed.weight, False, r_a, a, 2)
        error = max(error, residual_error(formed, formed.weight / formed.mu, True, r_d, d, 0))
    if error > WORST:
        return "unknown"
    return Side(problem.L - _fixed(problem, bits), a[:, :2], d[:, 1:], formed, error)


def residual_error(formed: Formed, weight: Vector, transposed: bool, r: Vector, x: Vector, unit: int) -> float:
    """Return a bound on the relative error of x = Φ~ (W x + r), by its residual and the solution for r = 1."""
    to, of = (formed.supplier, formed.buyer) if transposed else (formed.buyer, formed.supplier)
    n, worst = formed.problem.n, 0.0
    terms = np.bincount(to, minlength=n) + 4.0
    for c in range(x.shape[1]):
        here, there = x[:, c] / formed.problem.phi_power, sums(to, weight * x[of, c], n) + r[:, c]
        off = float((abs(here - there) + terms * EPS * (here + there)).max())
        positive = x[:, c] > 0
        worst = max(worst, float((off * x[positive, unit] / x[positive, c]).max(initial=0.0)))
    return worst


def _fixed(problem: SourcingProblem, bits: Bits) -> float:
    links, imports, exports = parts(problem, bits)
    total = float(problem.f[links].sum(dtype=np.float64))
    if problem.open is not None:
        total += float(problem.open.f_import[imports].sum() + problem.open.f_export[exports].sum())
    return total


def _shrink(problem: SourcingProblem, region: Region, least: Side, most: Side | None, trade: bool, s: float) -> bool:
    """Narrow the box by the labour market and trade; return whether anything is left of it."""
    sigma = problem.sigma
    up, down = 1 + s, 1 - s
    (w_lo, w_hi), (A_lo, A_hi) = region.w, region.A
    Sd, Se, ea, eb, md, me = least.sums(problem, region.lo, trade, down)
    available = least.labour + 1e-12 * problem.L
    left = -1.0 if most is None else most.labour - 1e-12 * problem.L
    if w_hi < math.inf:
        A_hi = min(A_hi, max(0.0, (w_hi**sigma * available * up - Se) / Sd * up))
    if trade:
        w_lo = max(w_lo, ((A_lo * Sd + Se) / available) ** (1 / sigma) * down)
    if most is not None:
        Sd_, Se_, ea_, eb_, md_, me_ = most.sums(problem, region.hi, trade, up)
        if left > 0:
            A_lo = max(A_lo, (w_lo**sigma * left * down - Se_) / Sd_ * down)
            if trade and A_hi < math.inf:
                w_hi = min(w_hi, ((A_hi * Sd_ + Se_) / left) ** (1 / sigma) * up)
        if trade:
            if md > 0 and w_lo > 0:
                A_hi = min(A_hi, max(0.0, (ea_ * w_lo ** (1 - sigma) * up + eb_ - me) / md * up))
            worth = eb + (ea * w_hi ** (1 - sigma) * down if w_hi < math.inf else 0.0)
            if md_ > 0:
                A_lo = max(A_lo, (worth - me_) / md_ * down)
            elif worth > me_:
                return False
            need = A_lo * md + me - eb_
            if need > 0:
                if not ea_ > 0:
                    return False
                w_hi = min(w_hi, _wage(need / ea_, sigma) * up)
            if ea > 0 and A_hi < math.inf:
                bought = A_hi * md_ + me_ - eb
                if not bought > 0:
                    return False
                w_lo = max(w_lo, _wage(bought / ea, sigma) * down)
    region.w, region.A = (w_lo, w_hi), (A_lo, A_hi)
    return w_lo <= w_hi and A_lo <= A_hi and A_hi > 0 and w_hi > 0


def _wage(power: float, sigma: float) -> float:
    """Return w from w^(1−σ); infinite where that is too small a number."""
    return float(power ** (1 / (1 - sigma))) if power > 0 else math.inf


def reply(
    problem: SourcingProblem,
    terms: Terms,
    w: float,
    A: float,
    side: Side,
    bits: Bits,
    trade: bool,
    factor: float,
    forced: Bits | None = None,
    barred: Bits | None = None,
) -> Bits:
    """Return every owner's best choice at a corner of the box, with all that it earns times a factor.

    Where the trade that is decided first is ``forced`` or ``barred``, the rest is chosen in view of that.
    """
    links, imports, exports = parts(problem, bits)
    u = w ** (1 - problem.sigma)
    D_F = problem.open.D_F if problem.open is not None and trade else 0.0
    T = (side.a[:, 0] * u + (side.a[:, 1] if trade else 0.0)) * factor
    D = (side.d[:, 0] * A + side.d[:, 1] * D_F) * factor
    formed, phi = side.formed, problem.phi_power
    earned = np.zeros(problem.n)
    if terms.buyer_owns:
        earned = sums(formed.supplier, (1 - 1 / formed.mu) * formed.weight * D[formed.buyer], problem.n)
    Y, R0, dR, const, b_o = terms.owners(A, w, T, D, earned, imports)
    if not terms.buyer_owns:  # costs without imports, without the cancellation of taking them out again
        R0 = phi * (problem.labour_weight * u + sums(formed.buyer, formed.weight * T[formed.supplier], problem.n))
    if not trade:
        dR, b_o = np.zeros(problem.n), np.zeros(problem.n)
    f_o, f_p = terms.traded(terms.f_import, terms.f_export)
    if forced is not None:
        f_p = np.where(terms.traded(*parts(problem, forced)[1:])[1], 0.0, f_p)
    if barred is not None:
        dR = np.where(terms.traded(*parts(problem, barred)[1:])[1], 0.0, dR)
    z, (o, p) = links.copy(), (part.copy() for part in terms.traded(imports, exports))
    scrap = np.empty(problem.n), np.empty((problem.n, 2)), np.empty(problem.n)
    response.best_responses(
        0, problem.n, *terms.by_owner, problem.alpha, terms.markup, not terms.buyer_owns, problem.sigma - 1, problem.f,
        Y, R0 * factor, dR * factor, const * factor, b_o * factor, f_o, f_p, w, z, o, p, *scrap,
    )  # fmt: skip
    if problem.open is None or not trade:
        return np.concatenate([z, imports, exports])
    return np.concatenate([z, *terms.traded(o, p)])


def starting(problem: SourcingProblem, trade: bool) -> Region:
    """Return the region of all networks, with trade or without, in which nobody pays for what is of no use."""
    costless = np.concatenate([problem.f == 0, *_free_trade(problem)])
    hi = costless | np.concatenate([problem.alpha > 0, problem.foreign_input > 0, _abroad(problem) > 0])
    if not trade:
        hi[problem.m :] = costless[problem.m :]
    most = math.exp(LARGEST_LOG / problem.sigma)  # no power of a wage beyond it is a number to the evaluator
    wages = (1 / most, most) if trade else (1.0, 1.0)
    return Region(costless, hi, wages, (0.0, math.inf))


def _free_trade(problem: SourcingProblem) -> tuple[Bits, Bits]:
    if problem.open is None:
        nobody = np.zeros(problem.n, dtype=np.bool_)
        return nobody, nobody
    return problem.open.f_import == 0, problem.open.f_export == 0


def trades_for_free(problem: SourcingProblem) -> bool:
    """Return whether some firm trades whatever the wage, since it costs nothing, so that there is no autarky."""
    imports, exports = _free_trade(problem)
    return bool((imports & (problem.foreign_input > 0)).any() or (exports & (_abroad(problem) > 0)).any())


def _abroad(problem: SourcingProblem) -> Vector:
    """Return what foreigners would buy of each good at a price of one."""
    return np.zeros(problem.n) if problem.open is None else problem.foreign * problem.open.D_F


def is_equilibrium(problem: SourcingProblem, network: Network) -> bool:
    """Ask the evaluator about a network that a leaf leaves alone, trade or no trade."""
    from endonet.formulations.sourcing.choice import autarky_wages

    outcome = evaluate_network(problem, network)
    if not outcome.feasible:
        return False
    if outcome.wage_determined:
        if outcome.choice.undecided.any():
            raise VerificationError("a decision is so near a tie that it cannot be settled in an economy of this size")
        return outcome.equilibrium
    return autarky_wages(outcome) is not None
