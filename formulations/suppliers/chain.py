r"""What becomes of a chain when its first layer sees the suppliers, and when it does not: exact laws, layer by layer.

Three regimes over the same joint distribution of n basal suppliers, with m firms in each layer above:

    alike     all firms of layer 1 keep the same best set; the layer fails as one (Proposition 9)
    mixed     each firm draws one of its best sets, all with equal chance (Assumption 2), unseen by those behind it
    opaque    firms know the law but not which supplier is which; they choose a number and draw that many (section 1)

Behind layer 1, given who fails at the base, the firms of a mixed or opaque layer fail independently of each other, all
with the same probability: the share of sets, among those they may have drawn, whose members all fail. So a layer is a
finite mixture (q_ω, r_ω) of independent disruptions, and its m firms are exchangeable. A firm behind them that keeps s
of them is disrupted with probability Σ_ω q_ω r_ω^s; it takes the best s ≤ m, and with ties draws any of the best
*sets*, so that numbers s weigh as the binomials C(m, s). Of d disrupted firms,

    r'(d) = Σ_{s best} C(d, s) / Σ_{s best} C(m, s),      q'(d) = Σ_ω q_ω C(m, d) r_ω^d (1 − r_ω)^(m−d)

is the next layer's mixture. Everything is a sum of rationals, so that ties are found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from endonet.formulations.errors import InputError
from endonet.formulations.suppliers.equilibrium import later_choices
from endonet.formulations.suppliers.problem import SupplierProblem

REGIMES = ("alike", "mixed", "opaque")
Mixture = tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True)
class LayerLaw:
    """One layer of a chain, in exact numbers.

    Attributes
    ----------
    numbers : tuple of int
        The best numbers of suppliers; several where firms tie.
    risk : Fraction
        Probability that a firm of the layer is disrupted.
    profit : Fraction
        Expected profit of a firm, fees included.
    disrupted : tuple of m + 1 Fractions
        Distribution of the number of disrupted firms.
    """

    numbers: tuple[int, ...]
    risk: Fraction
    profit: Fraction
    disrupted: tuple[Fraction, ...]

    @property
    def all_fail(self) -> Fraction:
        """Probability that every firm of the layer is disrupted."""
        return self.disrupted[-1]

    @property
    def none_fails(self) -> Fraction:
        """Probability that no firm of the layer is disrupted."""
        return self.disrupted[0]

    @property
    def variance(self) -> Fraction:
        """Variance of the disrupted fraction."""
        m = len(self.disrupted) - 1
        return sum((p * Fraction(d, m) ** 2 for d, p in enumerate(self.disrupted)), Fraction(0)) - self.risk**2


@dataclass(frozen=True)
class ChainLaw:
    """A chain under one regime: its layers, and welfare W = (1/K) Σ_k Π_k exactly."""

    regime: str
    layers: tuple[LayerLaw, ...]

    @property
    def welfare(self) -> Fraction:
        """Average expected profit of a firm."""
        return sum((layer.profit for layer in self.layers), Fraction(0)) / len(self.layers)


def along_chain(problem: SupplierProblem, regime: str, firms: int, best: Iterable[Sequence[int]] = ()) -> ChainLaw:
    """Return the law of every layer of a chain.

    Parameters
    ----------
    problem : SupplierProblem
        With K layers; its tie policy does not matter, but for later layers of the regime ``alike``.
    regime : {"alike", "mixed", "opaque"}
    firms : int
        m, the number of firms in each layer.
    best : sequence of sets
        For ``alike`` the set that all keep, first of the list; for ``mixed`` all best sets. `endonet.solve` gives them:
        ``tied_sets`` of the formulation ``suppliers/equilibrium``, or its single set.

    Raises
    ------
    InputError
        If a regime or number is wrong, or fees differ in the opaque regime, where nobody could tell whom to pay.
    NotApplicableError
        If over 2^16 sets of the suppliers concerned may fail.

    Examples
    --------
    >>> two = SupplierProblem(risk=["1/2", "1/2"], K=2, c="1/25")
    >>> opaque = along_chain(two, "opaque", firms=2)
    >>> [layer.risk for layer in opaque.layers]
    [Fraction(1, 4), Fraction(1, 4)]
    """
    if regime not in REGIMES:
        raise InputError("regime", f"{regime!r} is unknown", f"use one of {', '.join(REGIMES)}")
    if isinstance(firms, bool) or not isinstance(firms, int) or firms < 1:
        raise InputError("firms", f"{firms!r} is no number of firms", "give an integer ≥ 1")
    if problem.known != "law":
        raise InputError("known", "without the joint law there is no law of a layer", 'give known="law"')
    if regime == "opaque":
        return _behind(problem, regime, firms, _opaque_head(problem, firms))
    sets = [problem.choice(chosen).suppliers for chosen in best]
    if not sets:
        raise InputError("best", "it names no set", "give the firm's best sets; [[]] if it buys nothing")
    if regime == "alike":
        return _alike(problem, firms, sets[0])
    return _behind(problem, regime, firms, _mixed_head(problem, firms, sets))


def _alike(problem: SupplierProblem, firms: int, chosen: tuple[int, ...]) -> ChainLaw:
    from endonet.formulations.suppliers.problem import SupplierSet

    outcome = problem.evaluate(SupplierSet(chosen, later_choices(problem, chosen)))
    layers = []
    for s, profit in zip(outcome.path, outcome.exact_profits, strict=True):
        risk = outcome.exact_disruption if s else Fraction(1)
        disrupted = [1 - risk, *[Fraction(0)] * (firms - 1), risk]
        layers.append(LayerLaw((s,), risk, profit, tuple(disrupted)))
    return ChainLaw("alike", tuple(layers))


def _mixed_head(problem: SupplierProblem, firms: int, sets: list[tuple[int, ...]]) -> LayerLaw:
    """Return the first layer when each firm draws one of the best sets."""
    union = sorted(set().union(*sets))
    drawn = [frozenset(chosen) for chosen in sets]
    events = (
        {frozenset(union[j] for j in event): mass for event, mass in problem.law.restricted(union).events().items()}
        if union
        else {frozenset[int](): Fraction(1)}
    )
    mixture = _merged(
        (mass, Fraction(sum(chosen <= event for chosen in drawn), len(drawn))) for event, mass in events.items()
    )
    profits = {problem.evaluate(chosen).exact_profits[0] for chosen in sets}
    if len(profits) > 1:
        raise InputError("best", "the sets are not equally good", "give the tied sets of the equilibrium")
    numbers = tuple(sorted({len(chosen) for chosen in sets}))
    return _layer(numbers, mixture, firms, profits.pop())


def _opaque_head(problem: SupplierProblem, firms: int) -> LayerLaw:
    """Return the first layer when firms draw suppliers blindly; only the number of failing suppliers matters then."""
    if len(set(problem.charges)) > 1:
        raise InputError("fees", "they differ, and opaque firms cannot tell suppliers apart", "give equal fees")
    failing = problem.law.numbers()
    fee = problem.charges[0]
    return _choose(tuple(enumerate(failing)), problem.n, problem.pi[0], problem.kappa[0], firms, fee)


def _behind(problem: SupplierProblem, regime: str, firms: int, head: LayerLaw) -> ChainLaw:
    layers = [head]
    for k in range(1, problem.K):
        counts = tuple(enumerate(layers[-1].disrupted))
        layers.append(_choose(counts, firms, problem.pi[k], problem.kappa[k], firms, Fraction(0)))
    return ChainLaw(regime, tuple(layers))


def _choose(
    failing: Sequence[tuple[int, Fraction]], among: int, pi: Fraction, kappa: Fraction, firms: int, fee: Fraction
) -> LayerLaw:
    """Return a layer whose firms draw the best numbers out of exchangeable suppliers, of which d fail with chance q."""
    best, numbers, s = Fraction(0), [0], 1
    while s <= among and kappa * s * s + fee * s <= pi:
        risk = sum((q * math.comb(d, s) for d, q in failing), Fraction(0)) / math.comb(among, s)
        profit = pi * (1 - risk) - kappa * s * s - fee * s
        if profit > best:
            best, numbers = profit, [s]
        elif profit == best:
            numbers.append(s)
        s += 1
    sets = sum(math.comb(among, s) for s in numbers)
    mixture = _merged((q, Fraction(sum(math.comb(d, s) for s in numbers), sets)) for d, q in failing if q)
    return _layer(tuple(numbers), mixture, firms, best)


def _layer(numbers: tuple[int, ...], mixture: Mixture, firms: int, profit: Fraction) -> LayerLaw:
    disrupted = [Fraction(0)] * (firms + 1)
    for q, r in mixture:
        for d in range(firms + 1):
            disrupted[d] += q * math.comb(firms, d) * r**d * (1 - r) ** (firms - d)
    risk = sum((q * r for q, r in mixture), Fraction(0))
    return LayerLaw(numbers, risk, profit, tuple(disrupted))


def _merged(parts: Iterable[tuple[Fraction, Fraction]]) -> Mixture:
    found: dict[Fraction, Fraction] = {}
    for q, r in parts:
        found[r] = found.get(r, Fraction(0)) + q
    return tuple((q, r) for r, q in sorted(found.items()))
