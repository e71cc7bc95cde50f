r"""What information is worth: a planner, or firms, who see the common draw X before they choose (paper 003, section 5).

Once X = x is known nothing is random in the limit m → ∞: R_k = x^(S_k). So the informed planner solves, for each x,

    V(x) = max over s_1 … s_K of (1/K) Σ_k π_k (1 − x^(S_k)) − κ_k s_k²

the independent chain with μ0 = x, and expects E[V(X)]. V is a maximum of finitely many functions, each with its own
path, and the paths do not depend on the law of X. `informed_planner` finds them once for given K, π and c: it cuts
[0, 1] into intervals with a path P each, and for each interval I it *proves* how much any other path can gain over it
anywhere inside. For any path Q,

    W(x; Q) − W(x; P) = (1/K) Σ_k π_k (x^(P_k) − x^(Q_k)) − κ_k (q_k² − p_k²)

with upstream diversifications P_k and Q_k. As |d²/du² x^S| ≤ 0.31 for u = log(−log x), the chord between the interval's
ends is exceeded by at most its width squared over eight times that, in every term where P_k ≠ Q_k. A dynamic program at
each end, with this error added, bounds the gain of all Q at once. Intervals are cut where two paths are equally good
(Brent's method), and halved, until the gain is at most the tolerance.

Following the paths is a policy, so that its expected welfare, a sum of incomplete Beta integrals

    E[X^n; a < X ≤ b] = M(n) [I_b(α+n, β) − I_a(α+n, β)],

is a lower bound of E[V(X)], and adding Σ_I P(X ∈ I)·gain(I) an upper one, up to the rounding of doubles.

Informed *firms* choose by r = R_{k−1} alone: s suppliers where π r^s (1 − r) > κ(2s+1) fails first. Each s has an
interval of r in which one more pays, since r^s (1 − r) has one peak; its ends are roots, x = r^(1/S), and the path is
constant between. A firm that alone sees x gains (`informed_firm`). The chain whose firms all see it need not.
"""

from __future__ import annotations

import bisect
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.diversification.bounds import Limits, most_suppliers
from endonet.formulations.diversification.moments import BETA, COMMON, CONSTANT, Law, moments
from endonet.formulations.diversification.problem import ChainProblem, upstream
from endonet.formulations.errors import InputError, NotApplicableError

Vector = NDArray[np.float64]
Path = tuple[int, ...]

TOLERANCE = 1e-8
START = 64  # intervals at first, even on the scale of log(−log x)
SADDLE = (3 - math.sqrt(5)) / 2  # where y (1 − y) e^(−y) is largest
FLAT = 0.162  # more than its value there, and than |y (y − 1)| e^(−y) up to y = 1.4
EXACT = 2.0**53
CROWD = 100_000  # choices of one layer that are looked at for an interval
STEEPEST = 0.31  # more than it is anywhere
NEAR = 1e-3  # the places where paths change are looked for so near to where the intervals end, relative to −log x
FIRST, LAST = 1e-40, 1e6  # −log x between which paths may change; beyond, one path is proved


@dataclass(frozen=True)
class Valued:
    """An expectation and how much larger the truth can be at most; the value itself is attained by the policy."""

    value: float
    error: float


@dataclass(frozen=True)
class Piece:
    """A path, and the draws x in (low, high] for which it is followed."""

    low: float
    high: float
    path: Path


@dataclass(frozen=True, eq=False)
class Policy:
    """What is chosen for each draw x; times are t = −log x, rising, so that x falls.

    Attributes
    ----------
    problem : ChainProblem
        Whose K, π, c and caps count; μ0 and ρ0 do not.
    times : array of shape (J − 1,)
        Ends of the J intervals; the first begins at t = 0, the last ends at ∞.
    paths : tuple of J paths
        Neighbours differ.
    proved : pair of arrays, shapes (I − 1,) and (I,)
        Ends of the finer intervals of the proof, and how much average welfare any other path can gain anywhere inside.
    """

    problem: ChainProblem
    times: Vector
    paths: tuple[Path, ...]
    proved: tuple[Vector, Vector]

    @property
    def excess(self) -> float:
        """How much average welfare any other path can gain in any draw, at most."""
        return float(self.proved[1].max())

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The paths by rising x."""
        ends = [1.0, *(math.exp(-t) for t in self._polished()), 0.0]
        parts = [Piece(ends[j + 1], ends[j], path) for j, path in enumerate(self.paths)]
        return tuple(reversed(parts))

    def path_at(self, x: float) -> Path:
        """Return the path for a draw x in [0, 1]."""
        if not 0 <= x <= 1:
            raise InputError("x", f"{x} is outside [0, 1]", "give a probability")
        t = math.inf if x == 0 else -math.log(x)
        return self.paths[bisect.bisect_left(self.times.tolist(), t) if t < math.inf else len(self.paths) - 1]

    def value(self, law: Law) -> Valued:
        """Return the expected welfare W under a law of X, with a proved error."""
        if law.kind == COMMON:
            risk = math.exp(-law.loss)
            certain = self._welfare(self.paths[-1], math.inf)
            return Valued((1 - risk) * certain + risk * self._welfare(self.paths[0], 0.0), 0.0)
        if law.kind == CONSTANT:
            place = bisect.bisect_left(self.times.tolist(), law.loss)
            finer = bisect.bisect_left(self.proved[0].tolist(), law.loss)
            return Valued(self._welfare(self.paths[place], law.loss), float(self.proved[1][finer]))
        times, excess_ = self.proved
        return Valued(float(self.profits(law).mean()), float(_masses(law, times) @ excess_))

    def profits(self, law: Law) -> Vector:
        """Return the expected profit of a firm in each layer under a Beta law of X."""
        if law.kind != BETA:
            raise InputError("law", "X has no density", "use value")
        pi, kappa = (np.array([float(x) for x in part]) for part in (self.problem.pi, self.problem.kappa))
        S = np.array([upstream(path)[1:] for path in self.paths], float)
        chosen = np.array(self.paths, float)
        masses = _masses(law, self.times)
        failing = _masses(law, self.times, S) * (S > 0) + masses[:, None] * (S == 0)
        found: Vector = pi * (masses[:, None] - failing).sum(axis=0) - kappa * (masses @ chosen**2)
        return found

    def _polished(self) -> list[float]:
        """Return the times with each moved to where its two paths are equally good, by Brent's method, if nearby."""
        from scipy.optimize import brentq

        found = []
        bounds = [0.0, *self.times.tolist(), math.inf]
        for j, (t, one, other) in enumerate(zip(self.times.tolist(), self.paths, self.paths[1:], strict=False)):
            bracket = (max(bounds[j], t * (1 - NEAR)), min(bounds[j + 2], t * (1 + NEAR)))
            ends = [_difference(t, self.problem, one, other) for t in bracket]
            if ends[0] * ends[1] < 0:
                t = float(brentq(_difference, *bracket, args=(self.problem, one, other), xtol=1e-300, rtol=1e-15))
            found.append(t)
        return found

    def _welfare(self, path: Path, t: float) -> float:
        total = 0.0
        for pi, kappa, s, S in zip(self.problem.pi, self.problem.kappa, path, upstream(path)[1:], strict=True):
            delivered = (1.0 if t == math.inf else -math.expm1(-S * t)) if S else 0.0
            total += float(pi) * delivered - float(kappa) * s * s
        return total / self.problem.K


@dataclass(frozen=True)
class ValueOfInformation:
    """Welfare with and without sight of X, for the planner and for firms.

    Attributes
    ----------
    planner, firms : float
        Opaque: the planner's optimum and the decentralised path, exact to rounding.
    informed_planner, informed_firms : Valued
    """

    planner: float
    firms: float
    informed_planner: Valued
    informed_firms: Valued

    @property
    def to_planner(self) -> float:
        """What the planner gains by seeing X; never negative beyond rounding."""
        return self.informed_planner.value - self.planner

    @property
    def to_firms(self) -> float:
        """What the decentralised chain gains if all its firms see X; it may be negative."""
        return self.informed_firms.value - self.firms


def value_of_information(problem: ChainProblem, tolerance: float = TOLERANCE) -> ValueOfInformation:
    """Return what it is worth to see the common draw before choosing.

    Parameters
    ----------
    problem : ChainProblem
        Without budget, risk target or tail.
    tolerance : float
        Of the informed planner's welfare in every single draw; the error of the expectation is far smaller.

    Raises
    ------
    NotApplicableError
        If the problem has rows that bind over draws.

    Examples
    --------
    >>> found = value_of_information(ChainProblem(K=2, mu0="1/2", rho0="3/10"))
    >>> round(found.to_planner, 6), found.informed_planner.error < 1e-10
    (0.02481, True)
    """
    from endonet.solvers.diversification.certified import solve_planner
    from endonet.solvers.diversification.ties import decentralised_path

    _without_rows(problem)
    opaque = problem.evaluate(solve_planner(problem, 0, math.inf).decision).value
    firms = problem.evaluate(decentralised_path(problem)).value
    law = problem.moments.law
    if law.kind == CONSTANT:  # nothing is to be seen; ties of firms stay as their policy has them
        return ValueOfInformation(opaque, firms, Valued(opaque, 0.0), Valued(firms, 0.0))
    planned = informed_planner(problem, tolerance).value(law)
    return ValueOfInformation(opaque, firms, planned, informed_firms(problem).value(law))


def informed_planner(problem: ChainProblem, tolerance: float = TOLERANCE, time_limit: float | None = None) -> Policy:
    """Return the planner's path for every draw x, with a proof that none is better by more than ``tolerance``.

    Parameters
    ----------
    problem : ChainProblem
        K, π, c and caps count.
    tolerance : float
        Of average welfare, in every draw.
    time_limit : float, optional
        Seconds after which the intervals are left as they are; ``excess`` says what is proved.
    """
    _without_rows(problem)
    if not 0 < tolerance < math.inf:
        raise InputError("tolerance", f"{tolerance} is not positive", "give a number > 0, such as 1e-9")
    deadline = math.inf if time_limit is None else time.perf_counter() + time_limit
    search = _Search(problem, tolerance * problem.K, deadline)
    return search.policy()


def informed_firms(problem: ChainProblem) -> Policy:
    """Return the decentralised path for every draw x, all firms seeing it; ends of intervals are roots.

    The policy's ``excess`` is 0: nothing is optimised. Roots are uncertain by rounding, which moves an expectation by
    less than 1e-12 of Σ π.
    """
    _without_rows(problem)
    pieces: list[tuple[float, float, Path, int]] = [(0.0, math.inf, (), 1)]
    for k in range(problem.K):
        following = []
        for low, high, path, S in pieces:
            if S == 0:
                following.append((low, high, (*path, 0), 0))
                continue
            for start, end, s in _responses(problem, k, S):
                left, right = max(low, start), min(high, end)
                if left < right:
                    following.append((left, right, (*path, s), S * s))
        pieces = following
    times = np.array([end for _, end, _, _ in pieces[:-1]])
    return Policy(problem, times, tuple(path for _, _, path, _ in pieces), (times, np.zeros(len(pieces))))


def informed_firm(problem: ChainProblem, k: int, S: int) -> float:
    """Return the expected profit of a firm of layer k (0-based) behind S that alone sees the draw.

    It exceeds the profit of the same firm without sight, whatever the law.
    """
    from dataclasses import replace

    _without_rows(problem)
    if not 0 <= k < problem.K:
        raise InputError("k", f"there is no layer {k}", f"give 0 to {problem.K - 1}")
    caps = None if problem.caps is None else problem.caps[k : k + 1]
    alone = replace(problem, K=1, pi=problem.pi[k : k + 1], c=problem.c[k : k + 1], caps=caps)
    responses = list(_responses(alone, 0, S))
    # The firm behind S is a chain's second layer, whose first keeps S suppliers at no cost.
    two = replace(alone, K=2, pi=(alone.pi[0],) * 2, c=(alone.c[0],) * 2, caps=None)
    times = np.array([end for _, end, _ in responses[:-1]])
    policy = Policy(two, times, tuple((S, s) for _, _, s in responses), (times, np.zeros(len(responses))))
    law = problem.moments.law
    if law.kind == BETA:
        return float(policy.profits(law)[1])
    if law.kind == CONSTANT:
        place = bisect.bisect_left(times.tolist(), law.loss)
        return _profit(alone, responses[place][2], -math.expm1(-law.loss * S * responses[place][2]))
    risk = math.exp(-law.loss)
    return (1 - risk) * _profit(alone, responses[-1][2], 1.0) + risk * _profit(alone, responses[0][2], 0.0)


def _profit(problem: ChainProblem, s: int, delivered: float) -> float:
    return float(problem.pi[0]) * (delivered if s else 0.0) - float(problem.kappa[0]) * s * s


def _without_rows(problem: ChainProblem) -> None:
    if problem.budget is not None or problem.risk_target is not None or problem.tail is not None:
        raise NotApplicableError(
            "budget, risk target and tail bind over all draws at once, so that draws cannot be planned one by one"
        )


def _responses(problem: ChainProblem, k: int, S: int) -> Iterator[tuple[float, float, int]]:
    """Yield (start, end, s): how many suppliers a firm of layer k keeps behind S while t = −log x is in between."""
    from scipy.optimize import brentq

    pi, kappa = float(problem.pi[k]), float(problem.kappa[k])
    cap = math.inf if problem.caps is None else problem.caps[k]
    inside: list[tuple[float, float]] = []  # where the (s+1)-th supplier pays, in τ = S t; nested
    s = 0
    while s < cap and pi > 0:
        level = kappa * (2 * s + 1) / pi

        def margin(tau: float, s: int = s, level: float = level) -> float:
            return math.exp(-s * tau) * -math.expm1(-tau) - level

        peak = math.log1p(1 / s) if s else math.inf
        if s == 0:
            if level >= 1:
                break
            inside.append((-math.log1p(-level), math.inf))
        else:
            if margin(peak) <= 0:
                break
            low = float(brentq(margin, 0.0, peak, xtol=1e-300, rtol=1e-15))
            far = peak
            while margin(far) > 0:
                far *= 2
            inside.append((low, float(brentq(margin, peak, far, xtol=1e-300, rtol=1e-15))))
        s += 1
    cuts = sorted({0.0, math.inf, *(end for pair in inside for end in pair)})
    for start, end in itertools.pairwise(cuts):
        middle = 2 * start + 1 if end == math.inf else (start + end) / 2
        yield start / S, end / S, sum(low < middle < high for low, high in inside)


class _Search:
    """Intervals of t = −log x with a path each, halved or cut where two paths are equally good until all are proved."""

    def __init__(self, problem: ChainProblem, tolerance: float, deadline: float) -> None:
        self.problem, self.tolerance, self.deadline = problem, tolerance, deadline
        limits = Limits(problem)
        self.given = (limits.pi, limits.kappa, limits.profit, limits.caps)
        self.top = float(limits.profit[0])  # no path gains more
        self.rounding = 1e-13 * max(float(limits.profit[0]), 1e-300)

    def policy(self) -> Policy:
        """Return the policy."""
        first = last = 1.0
        zero: Path = (0,) * self.problem.K
        while self.gain(0.0, first, zero) > 0 and first > FIRST:
            first /= 2
        while True:
            ones = self.best(last, zero)
            if self.gain(last, math.inf, ones) <= 0 or last > LAST:
                break
            last *= 2
        found = [(0.0, first, zero, self.gain(0.0, first, zero))]
        edges = np.geomspace(first, max(last, 2 * first), START + 1).tolist()
        ends = [zero]
        for t in edges[1:]:
            ends.append(self.best(t, ends[-1]))
        for low, high, one, other in zip(edges, edges[1:], ends, ends[1:], strict=False):
            found += self.proved(low, high, one, other)
        found.append((edges[-1], math.inf, ends[-1], self.gain(edges[-1], math.inf, ends[-1])))
        return self._merged(found)

    def proved(self, low: float, high: float, one: Path, other: Path) -> Iterator[tuple[float, float, Path, float]]:
        """Yield intervals with paths that are proved; the best paths at the two ends are ``one`` and ``other``."""
        from scipy.optimize import brentq

        stack = [(low, high, one, other)]
        while stack:
            low, high, one, other = stack.pop()
            middle = math.sqrt(low) * math.sqrt(high)
            small = not low < middle < high or time.perf_counter() > self.deadline
            if small:
                yield low, high, one, min(self.gain(low, high, one), self.top)
                continue
            if one == other:
                gain = self.gain(low, high, one)
                if gain <= self.tolerance:
                    yield low, high, one, gain
                    continue
                cut = middle
            else:
                gains = (self.gain(low, high, path) for path in (one, other))
                chosen = next(((gain, path) for gain, path in zip(gains, (one, other), strict=True)
                               if gain <= self.tolerance), None)  # fmt: skip
                if chosen is not None:
                    gain, path = chosen
                    yield low, high, path, gain
                    continue
                cut = middle
                if _difference(low, self.problem, one, other) * _difference(high, self.problem, one, other) < 0:
                    root = brentq(_difference, low, high, args=(self.problem, one, other), xtol=1e-300, rtol=1e-15)
                    cut = float(root) if low < root < high else middle
                    if cut == root and self.excess(cut, cut, cut, one)[0] <= self.rounding:
                        stack += [(cut, high, other, other), (low, cut, one, one)]
                        continue
            between = self.best(cut, one)
            stack += [(cut, high, between, other), (low, cut, one, between)]

    def best(self, t: float, near: Path) -> Path:
        """Return a best path at t; ``near`` where it is one."""
        gain, path = self.excess(t, t, t, near)
        return path if gain > self.rounding else near

    def gain(self, low: float, high: float, path: Path) -> float:
        """Return a bound on how much any path can gain over a given one anywhere in [low, high]."""
        if low == 0 or high == math.inf:
            return self.excess(math.nan, low, high, path)[0]
        gain = self.excess(low, low, high, path, self.tolerance)[0]
        return gain if gain > self.tolerance else max(gain, self.excess(high, low, high, path, self.tolerance)[0])

    def excess(self, t: float, low: float, high: float, path: Path, enough: float = math.inf) -> tuple[float, Path]:
        """Call the dynamic program."""
        S = np.array(upstream(path)[1:], float)
        gain, better = excess(t, low, high, S, np.array(path, float), enough, *self.given)
        return float(gain), tuple(map(int, better))

    def _merged(self, found: Sequence[tuple[float, float, Path, float]]) -> Policy:
        """Join neighbours that have one path."""
        times: list[float] = []
        paths: list[Path] = [found[0][2]]
        for low, _, path, _ in found[1:]:
            if path != paths[-1]:
                times.append(low)
                paths.append(path)
        finer = np.array([low for low, _, _, _ in found[1:]])
        excess_ = np.array([gain for _, _, _, gain in found]) / self.problem.K
        return Policy(self.problem, np.array(times), tuple(paths), (finer, excess_))


def _masses(law: Law, times: Vector, n: Vector | float = 0.0) -> Vector:
    """Return E[X^n; X in the interval] for each interval that the times −log x bound, under a Beta law.

    ``n`` is one number, or an array of shape (J, K) with its own numbers for each interval.
    """
    from scipy.special import betainc, betaincc

    powers = np.atleast_2d(np.asarray(n, float))
    a, b = law.alpha + powers, law.beta

    def tails(t: Vector) -> tuple[Vector, Vector]:
        """Return P(X > e^(−t)) and P(X ≤ e^(−t)) under Beta(α + n, β)."""
        x, rest = np.exp(-t)[:, None], -np.expm1(-t)[:, None]
        above = np.where(x < 0.5, betaincc(a, b, x), betainc(b, a, rest))
        below = np.where(x < 0.5, betainc(a, b, x), betaincc(b, a, rest))
        return above, below

    start, end = tails(np.concatenate([[0.0], times])), tails(np.concatenate([times, [np.inf]]))
    # The difference of the smaller tails is the accurate one.
    shares = np.maximum(np.where(end[0] < 0.5, end[0] - start[0], start[1] - end[1]), 0.0)
    masses: Vector = shares * moments(law, powers.ravel()).reshape(powers.shape)
    return masses if np.ndim(n) else masses[:, 0]


def _difference(t: float, problem: ChainProblem, one: Path, other: Path) -> float:
    """Return Σ Π_k of one path less that of another at x = e^(−t)."""
    total = 0.0
    parts = zip(problem.pi, problem.kappa, one, other, upstream(one)[1:], upstream(other)[1:], strict=True)
    for pi, kappa, s, q, S, Q in parts:
        total += float(pi) * (_risk(Q, t) - _risk(S, t)) - float(kappa) * (s * s - q * q)
    return total


def _risk(S: int, t: float) -> float:
    return math.exp(-S * t) if S else 1.0


@njit(cache=True, error_model="numpy")
def _fall(p, q, t0, t1):  # type: ignore[no-untyped-def]
    """Return max over t in [t0, t1] of e^(−p t) − e^(−q t), with e^0 = 1 for p or q = 0 whatever t is."""
    if p == q:
        return 0.0
    if p == 0.0:
        return -math.expm1(-q * t1)
    if q == 0.0:
        return math.expm1(-p * t0)
    if q > p:
        t = min(max(math.log(q / p) / (q - p), t0), t1)
        return -math.exp(-p * t) * math.expm1(-(q - p) * t)
    # The difference is negative, zero at both ends of [0, ∞], with one trough: the best is at an end of the interval.
    near = math.exp(-q * t0) * math.expm1(-(p - q) * t0)
    away = math.exp(-q * t1) * math.expm1(-(p - q) * t1) if t1 < np.inf else 0.0
    return max(near, away)


@njit(cache=True, error_model="numpy")
def _curvature(S, t1):  # type: ignore[no-untyped-def]
    """Return a bound on |d²/du² e^(−S t)| = |y (y − 1)| e^(−y), y = S t, t = e^u ≤ t1, that does not fall in S."""
    y = S * t1
    if y <= SADDLE:
        return y * (1.0 - y) * math.exp(-y)
    return FLAT if y <= 1.4 else STEEPEST


@njit(cache=True, error_model="numpy")
def _reward(p, q, t, t0, t1, bend):  # type: ignore[no-untyped-def]
    """Return what bounds x^p − x^q: at all of [t0, t1] if t is NaN, else its value at t and the chord's error."""
    if p == q:
        return 0.0
    if math.isnan(t):
        return _fall(p, q, t0, t1)
    return _fall(p, q, t, t) + bend * (_curvature(p, t1) + _curvature(q, t1))


@njit(cache=True, error_model="numpy")
def excess(t, t0, t1, P, p, enough, pi, kappa, profit, caps):  # type: ignore[no-untyped-def]
    """Return a bound on how much any path gains over (P, p) in Σ_k Π_k for t in [t0, t1], and the path that attains it.

    At t, an end of the interval, with the chord's error, or for all of the interval term by term if t is NaN.

    Rewards rise in q but for one place: q = p, where a path is compared with itself, has no error added. So a label
    (S, G) is dropped if another has S' ≥ S and G' ≥ G and cannot come to such a place, or G' ≥ G + what it may lose.
    The bound is ∞ if it surely exceeds ``enough``, or there are over `CROWD` labels: the interval is too wide then.
    """
    K = pi.size
    law = Law(1, np.inf, np.inf, t0)  # at the riskiest draw of the interval, where most suppliers can be worth it
    bend = 0.0 if math.isnan(t) or t0 == t1 else math.log(t1 / t0) ** 2 / 8
    stop, top, back = np.zeros(K + 1), np.zeros(K + 1), np.zeros(K + 1)
    at = t0 if math.isnan(t) else t
    for k in range(K - 1, -1, -1):
        without = pi[k] * _reward(P[k], 0.0, t, t0, t1, bend) + kappa[k] * p[k] * p[k]
        most = pi[k] * ((math.exp(-P[k] * at) if P[k] > 0 else 1.0) + 2 * bend * STEEPEST)
        stop[k] = stop[k + 1] + without
        top[k] = top[k + 1] + max(without, most + kappa[k] * (p[k] * p[k] - 1.0), 0.0)
        back[k] = back[k + 1] + bend * (_curvature(P[k], t1) + STEEPEST) * pi[k]
    S, G = np.ones(1), np.zeros(1)
    parents, choices = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    best, best_layer, best_place = 0.0, -1, -1
    for k in range(K):
        here = np.argmax(G)
        if G[here] + stop[k] > best:
            best, best_layer, best_place = G[here] + stop[k], k, int(here)
        count = 0
        most_of = np.empty(S.size, np.int64)
        for j in range(S.size):
            most_of[j] = most_suppliers(law, S[j], profit[k], kappa[k], caps[k], 0.0)
            count += max(most_of[j], 0)
        if best > enough or count > CROWD:
            return np.inf, np.zeros(K, np.int64)
        state, worth = np.empty(count), np.empty(count)
        parent, choice = np.empty(count, np.int64), np.empty(count, np.int64)
        i = 0
        for j in range(S.size):
            for s in range(1, most_of[j] + 1):
                state[i], parent[i], choice[i] = S[j] * s, j, s
                worth[i] = G[j] - kappa[k] * (s * s - p[k] * p[k])
                if worth[i] + top[k] >= best:
                    worth[i] += pi[k] * _reward(P[k], S[j] * s, t, t0, t1, bend)
                    i += 1
        order = np.argsort(state[:i])
        keep = np.zeros(i, np.bool_)
        highest = -np.inf
        floor = best - top[k + 1]
        goal = P[k + 1 :].max() if k + 1 < K else 0.0
        for i in order[::-1]:
            if worth[i] > highest and worth[i] >= floor:
                keep[i] = True
            meets = goal > 0 and (state[i] > EXACT or goal > EXACT or goal % state[i] == 0.0)
            highest = max(highest, worth[i] - back[k + 1] if meets else worth[i])
        kept = np.flatnonzero(keep)
        S, G = state[kept], worth[kept]
        parents.append(parent[kept])
        choices.append(choice[kept])
        if S.size == 0:
            break
    if S.size:
        here = np.argmax(G)
        if G[here] > best:
            best, best_layer, best_place = G[here], K, int(here)
    path = np.zeros(K, np.int64)
    if best_layer >= 0:
        j = best_place
        for k in range(best_layer, 0, -1):
            path[k - 1] = choices[k][j]
            j = int(parents[k][j])
    return best, path
