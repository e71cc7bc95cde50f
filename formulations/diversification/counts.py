r"""Chains with m firms a layer: the law of the number of disrupted firms, layer after layer (paper 003, section 2).

    D_0 ~ BetaBin(m, μ0, ρ0)                                            basal firms share one draw of X (Assumption 3)
    P_m(s; d) = d (d−1) … (d−s+1) / (m (m−1) … (m−s+1))                 all of s suppliers are among the d disrupted (6)
    D_k | D_{k−1} = d  ~  Bin(m, P_m(s_k; d))                           firms draw their suppliers independently
    E[p_k] = E[P_m(s_k; D_{k−1})] = E[D_k]/m,   Π_k = π_k (1 − E[p_k]) − κ_k s_k²,   W = (1/K) Σ Π_k

A firm's s suppliers are distinct, drawn without replacement from the m firms upstream, as the falling factorials of (6)
say; different firms draw independently. So the numbers of disrupted firms are a Markov chain. Facts that tests use:

* In layer 1, E[P_m(s; D_0)] = M(s) whatever m is: exchangeable draws.
* A firm is disrupted if and only if all basal firms A that it depends on are: E[p_k] = E[M(|A|)], |A| ≤ min(S_k, m).
  So E[p_k] ≥ M(min(S_k, m)): with finitely many firms every path earns at most what the limit m → ∞ says, and the
  difference falls as 1/m. The limit's potentials therefore bound the finite planner as well.
* More suppliers anywhere disrupt fewer firms everywhere below, and E[P_m(s; D)] is convex in s, so that a firm's choice
  is the smallest s at which one more does not pay, as in the limit.

Where half of a layer's firms keep one supplier more (ties broken at random, each firm for itself), each is disrupted
with probability (1−w) P_m(s; d) + w P_m(s+1; d).

The law is exact in rationals for small m, else in doubles by recurrences that add up positive numbers only; beyond
`LARGEST` firms a layer it is drawn (`simulate`), with standard errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.diversification.evaluation import own_rows
from endonet.formulations.diversification.moments import BETA, COMMON, Law, log_drop
from endonet.formulations.errors import InputError

if TYPE_CHECKING:
    from endonet.formulations.diversification.problem import ChainProblem, SourcingPath

Vector = NDArray[np.float64]

LARGEST = 20_000  # firms a layer whose law is computed; more are drawn
DIGITS = 40_000  # bits of a common denominator up to which the law is exact
REPLICATIONS = 1 << 17
BLOCK = 1 << 14  # replications that share one stream of random numbers
FEW = 32  # chances of so many suppliers are multiplied out
NEGLIGIBLE = 1e-32  # parts of a binomial law this much smaller than its largest are left out


@njit(cache=True, error_model="numpy")
def basal_counts(kind, alpha, beta, mu, m):  # type: ignore[no-untyped-def]
    """Return P(D_0 = d), d = 0 … m."""
    if kind == 2:
        law = np.zeros(m + 1)
        law[0], law[m] = 1.0 - mu, mu
        return law
    if kind == 1:
        return binomial(m, mu)
    weight = np.empty(m + 1)
    scale = np.zeros(m + 1)
    weight[0] = 1.0
    for d in range(m):
        w = weight[d] * (m - d) / (d + 1.0) * (alpha + d) / (beta + (m - d - 1.0))
        e = scale[d]
        if w > 1e100:
            w, e = w * 1e-100, e + 100.0
        elif w < 1e-100:
            w, e = w * 1e100, e - 100.0
        weight[d + 1], scale[d + 1] = w, e
    top = scale.max()
    for d in range(m + 1):
        weight[d] *= 10.0 ** max(scale[d] - top, -400.0)
    return weight / weight.sum()


@njit(cache=True, error_model="numpy")
def binomial(m, p):  # type: ignore[no-untyped-def]
    """Return the law of Bin(m, p), by recurrence from its mode."""
    law = np.zeros(m + 1)
    add_binomial(law, m, p, 1.0)
    return law


@njit(cache=True, error_model="numpy")
def add_binomial(law, m, p, weight):  # type: ignore[no-untyped-def]
    """Add ``weight`` times the law of Bin(m, p), without parts that are smaller than rounding."""
    if p <= 0.0 or p >= 1.0:
        law[0 if p <= 0.0 else m] += weight
        return
    mode = min(int((m + 1) * p), m)
    odds = p / (1.0 - p)
    total, low, high = 1.0, mode, mode
    term = 1.0
    while low > 0 and term > NEGLIGIBLE:
        term *= low / ((m - low + 1.0) * odds)
        low -= 1
        total += term
    term = 1.0
    while high < m and term > NEGLIGIBLE:
        term *= (m - high) * odds / (high + 1.0)
        high += 1
        total += term
    start = weight / total
    law[mode] += start
    term = start
    for d in range(mode, low, -1):
        term *= d / ((m - d + 1.0) * odds)
        law[d - 1] += term
    term = start
    for d in range(mode, high):
        term *= (m - d) * odds / (d + 1.0)
        law[d + 1] += term


@njit(cache=True, error_model="numpy")
def hits(m, s):  # type: ignore[no-untyped-def]
    """Return P_m(s; d) for d = 0 … m, equation (6); 1 for s = 0."""
    found = np.empty(m + 1)
    for d in range(m + 1):
        found[d] = hit(m, d, s)
    return found


@njit(cache=True, error_model="numpy")
def hit(m, d, s):  # type: ignore[no-untyped-def]
    """Return P_m(s; d): for many suppliers by ℓ of `moments`, Σ_{i<s} log(1 + (m−d)/(d−s+1+i)) = −log P_m(s; d)."""
    if d < s:
        return 0.0
    if s > FEW:
        return math.exp(-log_drop(Law(BETA, d - s + 1.0, float(m - d), 0.0), 0.0, float(s)))
    found = 1.0
    for i in range(s):
        found *= (d - i) / (m - i)
    return found


@njit(cache=True, error_model="numpy")
def next_counts(law, chance):  # type: ignore[no-untyped-def]
    """Return the law of the number of disrupted firms downstream, given ``chance`` of disruption at each d upstream."""
    m = law.size - 1
    found = np.zeros(m + 1)
    for d in range(m + 1):
        if law[d] > 0.0:
            add_binomial(found, m, chance[d], law[d])
    return found


@dataclass(frozen=True, eq=False)
class Counts:
    """The law of the disrupted fraction D/m in a layer of m firms, with the methods of `BetaPower`.

    Parameters
    ----------
    law : array, shape (m + 1,)
        P(D = d).
    """

    law: Vector

    @property
    def m(self) -> int:
        """Firms in the layer."""
        return self.law.size - 1

    @property
    def mean(self) -> float:
        """E[D/m]."""
        return float(self.law @ np.arange(self.m + 1)) / self.m

    @property
    def variance(self) -> float:
        """Var D/m."""
        return float(self.law @ (np.arange(self.m + 1) / self.m - self.mean) ** 2)

    def cdf(self, r: float) -> float:
        """Return P(D/m ≤ r)."""
        return min(1.0, float(self.law[: self._place(r) + 1].sum()))

    def tail(self, r: float) -> float:
        """Return P(D/m > r)."""
        return min(1.0, float(self.law[self._place(r) + 1 :].sum()))

    def density(self, r: float) -> float:
        """Return infinity at the fractions d/m that occur, and 0 between them."""
        d = self._place(r)
        return math.inf if d / self.m == r and self.law[d] > 0 else 0.0

    def quantile(self, probability: float) -> float:
        """Return the smallest fraction d/m with P(D ≤ d) ≥ probability."""
        if not 0 <= probability <= 1:
            raise InputError("probability", f"{probability} is outside [0, 1]", "give a number from 0 to 1")
        return min(int(np.searchsorted(np.cumsum(self.law), probability * (1 - 1e-15))), self.m) / self.m

    def _place(self, r: float) -> int:
        if not 0 <= r <= 1:
            raise InputError("r", f"{r} is outside [0, 1]", "give a number from 0 to 1")
        return math.floor(Fraction(r).limit_denominator(self.m) * self.m if r * self.m % 1 else Fraction(r) * self.m)


@dataclass(frozen=True, eq=False)
class FiniteOutcome:
    """Everything that follows from the numbers of suppliers where each layer has m firms.

    Attributes
    ----------
    problem : ChainProblem
    decision : SourcingPath
    """

    problem: ChainProblem
    decision: SourcingPath

    @property
    def path(self) -> tuple[int, ...]:
        """The numbers of suppliers s_1 … s_K."""
        return self.decision.path

    @cached_property
    def value(self) -> float:
        """Average welfare W; an estimate where `drawn` says so."""
        if self.exact_disruption is not None:
            welfare = self.welfare
            assert welfare is not None
            return float(welfare)
        return math.fsum(self.profits) / self.problem.K

    @property
    def W(self) -> float:
        """Average welfare, the same as ``value``."""
        return self.value

    @property
    def drawn(self) -> bool:
        """Whether the layers are so large that disruptions were drawn, not computed."""
        return self._m > LARGEST

    @cached_property
    def standard_error(self) -> float:
        """Of ``value``; 0 where it was computed."""
        return self._drawn.welfare_error if self.drawn else 0.0

    @cached_property
    def welfare(self) -> Fraction | None:
        """W exactly; None where the exact law has too many digits to be of use."""
        if self.exact_disruption is None:
            return None
        total = Fraction(0)
        for pi, c, square, risk in zip(
            self.problem.pi, self.problem.c, self.decision.squares, self.exact_disruption, strict=True
        ):
            total += pi * (1 - risk) - c / 2 * square
        return total / self.problem.K

    @cached_property
    def mean_disruption(self) -> tuple[float, ...]:
        """E[p_k] = E[D_k]/m in each layer."""
        if self.drawn:
            return self._drawn.mean_disruption
        laws, found = self.laws, []
        for k, (s, share) in enumerate(zip(self.path, self.decision.shares, strict=True)):
            found.append(float(laws[k] @ chances(self._m, s, float(share))))
        return tuple(min(1.0, risk) for risk in found)

    @cached_property
    def exact_disruption(self) -> tuple[Fraction, ...] | None:
        """E[D_k]/m exactly, None where it has too many digits."""
        if not exact_is_small(self._m, self.decision.most):
            return None
        laws = exact_counts(self.problem, self.decision)
        return tuple(sum((d * p for d, p in enumerate(law)), Fraction(0)) / self._m for law in laws[1:])

    @cached_property
    def laws(self) -> tuple[Vector, ...]:
        """P(D_k = d) for k = 0 … K, each an array of m + 1 numbers."""
        if self.drawn:
            raise InputError("m", f"{self._m} firms a layer are too many for their law", f"give at most {LARGEST}")
        law = basal_law(self.problem)
        found = [law]
        for s, share in zip(self.path, self.decision.shares, strict=True):
            law = next_counts(law, chances(self._m, s, float(share)))
            found.append(law)
        return tuple(found)

    @cached_property
    def disruption(self) -> tuple[Counts, ...]:
        """The whole law of the disrupted fraction D_k/m in each layer k = 1 … K."""
        return tuple(Counts(law) for law in self.laws[1:])

    @cached_property
    def profits(self) -> tuple[float, ...]:
        """Π_k = π_k (1 − E[p_k]) − (c_k/2) s_k²; where firms of a layer differ, their average."""
        problem = self.problem
        return tuple(
            float(pi) * (1 - risk) - float(c / 2 * square)
            for pi, c, square, risk in zip(
                problem.pi, problem.c, self.decision.squares, self.mean_disruption, strict=True
            )
        )

    @property
    def collapsed(self) -> bool:
        """Whether some layer buys nothing, so that nobody downstream can produce."""
        return 0 in self.decision.most

    @property
    def cost(self) -> Fraction:
        """Σ c_k s_k², what a budget limits."""
        return sum((c * square for c, square in zip(self.problem.c, self.decision.squares, strict=True)), Fraction(0))

    @property
    def feasible(self) -> bool:
        """Whether every row of the problem holds."""
        return not self.violations

    @cached_property
    def violations(self) -> tuple[str, ...]:
        """One sentence for each row that the path violates; a target is compared exactly where the law is exact."""
        problem = self.problem
        found = own_rows(problem, self.decision, self.cost)
        if problem.risk_target is not None:
            risk = self.exact_disruption[-1] if self.exact_disruption else Fraction(self.mean_disruption[-1])
            if risk > problem.risk_target:
                found.append(f"risk_target is violated: the last layer's risk is {float(risk):.6g}")
        if problem.tail is not None:
            beyond = self.disruption[-1].tail(float(problem.tail[0]))
            if beyond > problem.tail[1]:
                found.append(f"tail is violated: it is exceeded with probability {beyond:.6g}")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return what follows for each layer, as ``endonet evaluate`` shows it."""
        drawn = {"standard_error": self.standard_error} if self.drawn else {}
        return {
            "firms": self._m,
            "collapsed": self.collapsed,
            "cost": float(self.cost),
            **drawn,
            "suppliers": list(self.path),
            "disruption": list(self.mean_disruption),
            "profit": list(self.profits),
        }

    @property
    def _m(self) -> int:
        assert self.problem.m is not None
        return self.problem.m

    @cached_property
    def _drawn(self) -> Estimate:
        return simulate(self.problem, self.decision)


def chances(m: int, s: int, share: float = 0.0) -> Vector:
    """Return a firm's chance of disruption for every number d of disrupted firms upstream."""
    found: Vector = hits(m, s)
    return (1 - share) * found + share * hits(m, s + 1) if share else found


def basal_law(problem: ChainProblem) -> Vector:
    """Return P(D_0 = d) in doubles."""
    law = problem.moments.law
    kind = COMMON if problem.mu0 == 1 else law.kind
    found: Vector = basal_counts(kind, law.alpha, law.beta, float(problem.mu0), problem.m)
    return found


def exact_is_small(m: int, most: tuple[int, ...]) -> bool:
    """Whether the exact law is short enough to be of use: its denominators multiply from layer to layer."""
    return m <= 64 and sum(m * math.log2(2 * math.comb(m, s) * (m + 1)) for s in most) <= DIGITS


def exact_basal(problem: ChainProblem) -> list[Fraction]:
    """Return P(D_0 = d) as fractions."""
    m, mu, rho = problem.m, problem.mu0, problem.rho0
    assert m is not None
    if rho == 1 or mu in (0, 1):
        return [1 - mu, *[Fraction(0)] * (m - 1), mu] if m else []
    if rho == 0:
        return [math.comb(m, d) * mu**d * (1 - mu) ** (m - d) for d in range(m + 1)]
    alpha, beta = problem.moments.shape
    rising = [[Fraction(1)], [Fraction(1)], [Fraction(1)]]
    for start, found in zip((alpha, beta, alpha + beta), rising, strict=True):
        for i in range(m):
            found.append(found[-1] * (start + i))
    return [math.comb(m, d) * rising[0][d] * rising[1][m - d] / rising[2][m] for d in range(m + 1)]


def exact_next(law: list[Fraction], s: int, share: Fraction = Fraction(0)) -> list[Fraction]:
    """Return the law of the number of disrupted firms downstream, exactly."""
    m = len(law) - 1
    unit = math.lcm(*(weight.denominator for weight in law))
    weights = [int(weight * unit) for weight in law]
    chance = [Fraction(math.comb(d, s), math.comb(m, s)) for d in range(m + 1)]
    if share:
        more = [Fraction(math.comb(d, s + 1), math.comb(m, s + 1)) for d in range(m + 1)]
        chance = [(1 - share) * a + share * b for a, b in zip(chance, more, strict=True)]
    whole = math.lcm(*(p.denominator for p in chance))
    sums = [0] * (m + 1)
    for weight, p in zip(weights, chance, strict=True):
        if not weight:
            continue
        hit = int(p * whole)
        up = [hit**j for j in range(m + 1)]
        down = [(whole - hit) ** j for j in range(m + 1)]
        for j in range(m + 1):
            sums[j] += weight * up[j] * down[m - j]
    bottom = unit * whole**m
    return [Fraction(math.comb(m, j) * total, bottom) for j, total in enumerate(sums)]


def exact_counts(problem: ChainProblem, decision: SourcingPath) -> list[list[Fraction]]:
    """Return P(D_k = d), k = 0 … K, as fractions."""
    found = [exact_basal(problem)]
    for s, share in zip(decision.path, decision.shares, strict=True):
        found.append(exact_next(found[-1], s, share))
    return found


@dataclass(frozen=True)
class Estimate:
    """Averages over drawn chains.

    Attributes
    ----------
    mean_disruption, standard_error : tuple of float
        E[p_k] of each layer and its standard error.
    welfare, welfare_error : float
    replications : int
    """

    mean_disruption: tuple[float, ...]
    standard_error: tuple[float, ...]
    welfare: float
    welfare_error: float
    replications: int


def simulate(problem: ChainProblem, decision: Any, replications: int = REPLICATIONS, seed: int = 0) -> Estimate:
    """Draw chains of m firms a layer and average the chance of disruption, which varies less than disruptions do.

    Parameters
    ----------
    problem : ChainProblem
        With ``m``, however large.
    decision : path
    replications : int
        At least 2; the standard errors fall with their root.
    seed : int
        Replications come in blocks, each with a stream of its own that seed and block number determine, so that more
        replications only add to the former ones.

    Raises
    ------
    InputError
        If the problem has no m, or there are too few replications.
    """
    if problem.m is None:
        raise InputError("m", "the layers have infinitely many firms", "give a number of firms a layer")
    if isinstance(replications, bool) or not isinstance(replications, int) or replications < 2:
        raise InputError("replications", f"{replications!r} is no number of replications", "give an integer ≥ 2")
    decision = problem.path(decision)
    pi, kappa = (np.array([float(x) for x in part]) for part in (problem.pi, problem.kappa))
    squares = np.array([float(square) for square in decision.squares])
    sums = np.zeros((2, problem.K + 1))
    for start in range(0, replications, BLOCK):
        size = min(BLOCK, replications - start)
        risks = _draw(
            problem, decision, size, np.random.Generator(np.random.Philox(key=[seed % 2**64, start // BLOCK]))
        )
        welfare = (pi * (1 - risks) - kappa * squares).mean(axis=1)
        numbers = np.column_stack([risks, welfare])
        sums += numbers.sum(axis=0), (numbers**2).sum(axis=0)
    mean = sums[0] / replications
    error = np.sqrt(np.maximum(sums[1] / replications - mean**2, 0) / (replications - 1))
    return Estimate(
        tuple(mean[:-1].tolist()), tuple(error[:-1].tolist()), float(mean[-1]), float(error[-1]), replications
    )


def _draw(problem: ChainProblem, decision: SourcingPath, size: int, draw: np.random.Generator) -> Vector:
    """Return the chance of disruption in each layer of ``size`` drawn chains."""
    m, law = problem.m, problem.moments.law
    assert m is not None
    mu = float(problem.mu0)
    if law.kind == COMMON or mu == 1:
        X = (draw.random(size) < mu).astype(float)
    else:
        X = np.full(size, mu) if law.kind == 1 else draw.beta(law.alpha, law.beta, size)
    D = draw.binomial(m, X)
    risks = np.empty((size, problem.K))
    for k, (s, share) in enumerate(zip(decision.path, decision.shares, strict=True)):
        chance = _falling(D, m, s)
        if share:
            chance = (1 - float(share)) * chance + float(share) * _falling(D, m, s + 1)
        risks[:, k] = chance
        D = draw.binomial(m, chance)
    return risks


@njit(cache=True, error_model="numpy")
def _falling(D, m, s):  # type: ignore[no-untyped-def]
    """Return P_m(s; d) at each d."""
    found = np.empty(D.size)
    for j in range(D.size):
        found[j] = hit(m, D[j], s)
    return found


def evaluate_finite(problem: ChainProblem, decision: SourcingPath) -> FiniteOutcome:
    """Return what follows from a checked path where the layers have m firms; see `ChainProblem.evaluate`."""
    return FiniteOutcome(problem, decision)
