"""The propositions on fragile supply chains (paper 003) as statements that can be tested, and were.

A statement is refuted by one counterexample, shown in exact numbers where it has any. "Confirmed" says on what range
it was tested or why it holds; it is a proof only where the reason given is one.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

NAME = "claims"
TITLE = "What the theory of fragile supply chains claims, tested"

LEAD = (
    "Endogenous Fragility in Opaque Supply Chains (2024) states propositions about firms that choose "
    "how many suppliers to "
    "keep. Each is restated here so that it can fail, and tested in exact rational arithmetic: most "
    "hold once slips are "
    "mended, some do not, and their smallest counterexamples are shown."
)

KAPPA = Fraction(1, 50)
SHARES = tuple(Fraction(n, 20) for n in range(1, 20))


@dataclass(frozen=True)
class Verdict:
    """One statement and what came of testing it.

    Attributes
    ----------
    where : str
        Its place in the paper.
    statement : str
    holds : bool
    evidence : str
        The range tested, or the counterexample in exact numbers.
    """

    where: str
    statement: str
    holds: bool
    evidence: str


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Test every statement, print the verdicts, and write ``claims.html``.

    Parameters
    ----------
    out : folder that exists
    full : test on a grid twice as fine
    workers, dask : not needed, all tests take seconds
    """
    del workers, dask
    from rich.console import Console

    from endonet.reports.page import Page, provenance

    started = time.perf_counter()
    shares = tuple(Fraction(n, 40) for n in range(1, 40)) if full else SHARES
    found = list(verdicts(shares))
    console = Console()
    for verdict in found:
        console.print(f"{'confirmed' if verdict.holds else 'REFUTED':10} {verdict.where}", highlight=False)
    page = Page(TITLE, LEAD)
    refuted = sum(not verdict.holds for verdict in found)
    page.cards(
        [
            ("statements", str(len(found)), f"on {len(shares)}² pairs of risk and correlation"),
            ("confirmed", str(len(found) - refuted), "some after mending a slip"),
            ("refuted", str(refuted), "as the paper states them"),
        ]
    )
    rows = [("confirmed" if v.holds else "refuted", v.where, v.statement, v.evidence) for v in found]
    strong = [place for place, verdict in enumerate(found) if not verdict.holds]
    page.table(
        ("verdict", "where", "statement", "evidence"), rows, "Every statement, in the paper's order.", strong=strong
    )
    page.heading("How this page was made")
    page.definitions(provenance(time.perf_counter() - started, 0, {"cost ratio (c/2)/π": str(KAPPA)}))
    return page.write(out / "claims.html")


def verdicts(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    """Yield every verdict, in the paper's order; appendices last."""
    yield _exchangeable()
    yield _definition_2()
    yield _powers_stay(shares)
    yield from _risk_falls(shares)
    yield _independent(shares)
    yield _smallest_number(shares)
    yield _collapse(shares)
    yield from _single_sourcing(shares)
    yield _concave_incentive()
    yield _concave_choice(shares)
    yield _rises_then_falls(shares)
    yield _no_reason_to_multisource()
    yield from _downstream(shares)
    yield from _planner(shares)
    yield from _figures(shares)
    yield from _information()
    yield _number_alone(shares)
    yield from _partitions()
    yield from _limits()
    yield from _expected(shares)
    yield _fixed_points(shares)
    yield _roots()
    yield _linear_value()


def _chain(mu0: Fraction, rho0: Fraction, K: int = 1, m: int | None = None) -> Any:
    from endonet.formulations.diversification.problem import ChainProblem

    return ChainProblem(K, mu0, rho0, 1, 2 * KAPPA, m=m)  # type: ignore[arg-type]


def _choices(mu0: Fraction, rho0: Fraction, S: int = 1) -> tuple[int, ...]:
    from endonet.formulations.diversification.firm import firm_choices

    return firm_choices(_chain(mu0, rho0), 0, S)


def _exact(moments: Any, n: int) -> Fraction:
    found = moments.fraction(n)
    assert isinstance(found, Fraction)
    return found


def _definition_2() -> Verdict:
    mean = Fraction(3, 4)
    evidence = f"Beta(1, 3) has mean 1/4, the formula gives {mean}; (35), μ = α/(α+β), is right and used here"
    return Verdict("Definition 2", "the mean of Beta(α, β) is β/(α+β)", False, evidence)


def _exchangeable() -> Verdict:
    """Every draw of suppliers of every firm, behind a basal law that is not exchangeable at all."""
    law: dict[tuple[int, ...], Fraction] = {}
    sets = list(itertools.combinations(range(3), 2))
    basal = {(1, 1, 0): Fraction(2, 3), (0, 1, 1): Fraction(1, 4), (0, 0, 1): Fraction(1, 12)}
    for down, weight in basal.items():
        for draws in itertools.product(sets, repeat=3):
            events = tuple(int(all(down[j] for j in chosen)) for chosen in draws)
            law[events] = law.get(events, Fraction(0)) + weight / len(sets) ** 3
    holds = all(
        law.get(tuple(events[i] for i in order), 0) == weight
        for events, weight in law.items()
        for order in itertools.permutations(range(3))
    )
    evidence = (
        "all 27 draws of two of three suppliers, exact, behind a basal law that is not exchangeable: firms that are "
        "alike and draw for themselves make layers k > 0 exchangeable whatever ν is; layer 0 is so by Assumption 3"
    )
    return Verdict("Proposition 1", "disruptions in each layer k > 0 are exchangeable", holds, evidence)


def _powers_stay(shares: tuple[Fraction, ...]) -> Verdict:
    from endonet.formulations.diversification.mixture import BASAL

    holds = all(a * b == BASAL.after(a).after(b).S for a in range(1, 6) for b in range(1, 6))
    losses = []
    for m in (100, 200, 400):
        finite = _chain(Fraction(1, 2), Fraction(3, 10), 3, m).evaluate([3, 2, 1])
        limit = _chain(Fraction(1, 2), Fraction(3, 10), 3).evaluate([3, 2, 1])
        losses.append(m * (finite.mean_disruption[-1] - limit.mean_disruption[-1]))
    holds &= abs(losses[2] - losses[1]) < abs(losses[1] - losses[0])
    evidence = (
        "(X^S)^s = X^(S s), by definition; with m firms a layer and s = 3, 2, 1 at (1/2, 3/10), the risk exceeds the "
        f"limit's by {losses[0]:.4f}/m, {losses[1]:.4f}/m, {losses[2]:.4f}/m at m = 100, 200, 400"
    )
    where = "Propositions 2, 10, 11, Corollary 2.1, Lemma 7"
    return Verdict(where, "as m → ∞ the disrupted fraction is BetaPower in every layer", holds, evidence)


def _risk_falls(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    from endonet.formulations.diversification.exact import Moments

    falls = factor = correlated = True
    wrong = ""
    for mu in shares:
        before: dict[tuple[int, int], Fraction] = {}
        for rho in shares:
            M = [_exact(Moments(mu, rho), n) for n in range(13)]
            falls &= all(b < a for a, b in itertools.pairwise(M))
            r0 = (1 - rho) / rho
            for S, s in itertools.product((1, 2, 3), (2, 3, 4)):
                eta = Fraction(1)
                for i in range(S, S * s):
                    eta *= (mu * r0 + i) / (r0 + i)
                factor &= eta * M[S] == M[S * s]
                correlated &= eta > before.get((S, s), Fraction(0))
                before[S, s] = eta
            if not wrong and M[4] / M[2] > M[2] / M[1]:
                wrong = (
                    f"μ = {mu}, ρ = {rho}, s = 2: behind S = 1 the risk falls by η = {M[2] / M[1]}, behind S = 2 by "
                    f"{M[4] / M[2]} only, which is nearer to 1"
                )
    evidence = f"exact, n ≤ 12, {len(shares)}² pairs; (13) needs (1−ρ0)/ρ0 where it prints ρ0/(1−ρ0)"
    yield Verdict(
        "Proposition 3, Corollary 12.1", "more suppliers mean less risk, by the factor η", falls & factor, evidence
    )
    evidence = f"η(s, S) rises in ρ0; exact, S ≤ 3, s ≤ 4, {len(shares)}² pairs"
    yield Verdict("Section 2", "correlation weakens the risk reduction", correlated, evidence)
    text = "the more diversified upstream, the less diversification a given risk reduction needs"
    yield Verdict("Section 2, figure 3", text, not wrong, wrong or f"η(2, 2) ≤ η(2, 1) on {len(shares)}² pairs")


def _independent(shares: tuple[Fraction, ...]) -> Verdict:
    from endonet.formulations.diversification.exact import Moments

    holds = all(Moments(mu, Fraction(0)).fraction(n) == mu**n for mu in shares for n in range(12))
    return Verdict(
        "Proposition 4", "without correlation the risk is μ0 to the power S", holds, "exact, by definition of ρ0 = 0"
    )


def _smallest_number(shares: tuple[Fraction, ...]) -> Verdict:
    holds = True
    for mu in shares:
        for rho in shares:
            M = _chain(mu, rho).moments
            for S in (1, 2, 3):
                profits = [1 - _exact(M, S * s) - KAPPA * s * s for s in range(9)]
                best = tuple(s for s in range(9) if profits[s] == max(profits))
                holds &= _choices(mu, rho, S) == best
    evidence = (
        f"against every s ≤ 8 (no more can pay), S ≤ 3, {len(shares)}² pairs, exact; holds because M is convex. Where "
        "s̃ is whole, s̃ and s̃ + 1 tie"
    )
    return Verdict(
        "Proposition 5", "the choice is ⌈s̃⌉, the smallest s whose marginal profit is not positive", holds, evidence
    )


def _collapse(shares: tuple[Fraction, ...]) -> Verdict:
    tested = (*shares, 1 - KAPPA, 1 - KAPPA / 2)
    holds = True
    for mu, rho, S in itertools.product(tested, shares, (1, 2, 5)):
        risk = _exact(_chain(mu, rho).moments, S)
        holds &= (0 in _choices(mu, rho, S)) == (risk >= 1 - KAPPA)
    evidence = f"exact, S = 1, 2, 5, {len(tested)} × {len(shares)} pairs; at equality firms are indifferent"
    return Verdict("Corollary 5.1", "firms buy nothing where suppliers' risk is at least 1 − (c/2)/π", holds, evidence)


def _single_sourcing(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    holds = general = True
    for mu in shares:
        alike = mu * (1 - mu) <= 3 * KAPPA
        holds &= (min(_choices(mu, Fraction(0))) == 1) == alike
        for rho in shares:
            multi = mu * (1 - mu) * (1 - rho) > 3 * KAPPA
            general &= (min(_choices(mu, rho)) >= 2) == multi
    evidence = f"exact, κ = {KAPPA}, ρ0 = 0, {len(shares)} risks below 1 − κ"
    yield Verdict("Proposition 6", "below collapse, stable are the risks with μ (1−μ)/3 ≤ (c/2)/π", holds, evidence)
    mu = Fraction(99, 100)
    stable = _choices(mu, Fraction(0)) != (0,)
    evidence = (
        f"κ = {KAPPA}, μ = {mu}: μ (1−μ)/3 = {mu * (1 - mu) / 3} ≤ κ, but 1 − μ = {1 - mu} < κ, so that firms buy "
        "nothing and the next risk is 1: so for every μ in (1−κ, 1). The appendix calls that stable by definition"
    )
    yield Verdict(
        "Proposition 6, collapse", "all risks with μ (1−μ)/3 ≤ (c/2)/π are fixed points of (21)", stable, evidence
    )
    evidence = f"exact, {len(shares)}² pairs: a first layer multisources exactly where μ0 (1−μ0)(1−ρ0) > 3κ"
    text = "with correlation, firms multisource for μ_low < μ0 < μ^c(ρ0) = ½ + √(¼ − 3κ/(1−ρ0)), μ_low = 1 − μ^c"
    yield Verdict("not in the paper", text, general, evidence)
    fine = [Fraction(n, 400) for n in range(1, 400)]
    beyond = [mu for mu in fine if 4 * (mu - Fraction(1, 2)) ** 2 > 1 - 12 * KAPPA and mu < 1 - KAPPA]
    single = all(_choices(mu, Fraction(0)) == (1,) for mu in beyond)
    high = [mu for mu in beyond if mu > Fraction(1, 2)]
    evidence = (
        f"exact, ρ0 = 0, {len(high)} risks from μ^c to 1 − κ, beyond which the chain collapses; the same holds for "
        f"{len(beyond) - len(high)} risks below μ_low = 1 − μ^c, which the paper leaves out"
    )
    yield Verdict("Corollary 6.1", "above the critical threshold μ^c firms diversify nothing", single, evidence)


def incentive(mu0: Fraction, rho0: Fraction, kappa: Fraction = KAPPA) -> float:
    """Return the diversification incentive s̃ of Definition 5: the root of ΔΠ in real s, behind S = 1."""
    from scipy.optimize import brentq
    from scipy.special import gammaln

    a, b = (float(x * (1 - rho0) / rho0) for x in (mu0, 1 - mu0))

    def M(n: float) -> float:
        from math import exp

        return exp(gammaln(a + n) + gammaln(a + b) - gammaln(a) - gammaln(a + b + n))

    return float(brentq(lambda s: M(s) - M(s + 1) - float(kappa) * (2 * s + 1), -0.5 * min(1.0, a), 60, xtol=1e-13))


def _concave_incentive() -> Verdict:
    mu = Fraction(4, 5)
    left, middle, right = (incentive(mu, Fraction(n, 10)) for n in (1, 3, 5))
    evidence = (
        f"κ = 1/50, μ = 4/5, S = 1: s̃ at ρ = 1/10, 3/10, 5/10 is {left:.6f}, {middle:.6f}, "
        f"{right:.6f}; the middle lies "
        f"below the chord's {(left + right) / 2:.6f}"
    )
    return Verdict("Proposition 7", "the incentive is concave in correlation", middle >= (left + right) / 2, evidence)


def _concave_choice(shares: tuple[Fraction, ...]) -> Verdict:
    for mu in shares:
        for rho in shares:
            for step in shares:
                if rho + 2 * step >= 1:
                    break
                three = [_choices(mu, rho + i * step) for i in range(3)]
                if any(len(choice) > 1 for choice in three):
                    continue
                left, middle, right = (choice[0] for choice in three)
                if 2 * middle < left + right:
                    evidence = (
                        f"κ = {KAPPA}, μ = {mu}, S = 1: s = {left}, {middle}, {right} at ρ = {rho}, {rho + step}, "
                        f"{rho + 2 * step}; choices exact and free of ties"
                    )
                    return Verdict("Corollary 7.1", "the choice is weakly concave in correlation", False, evidence)
    return Verdict("Corollary 7.1", "the choice is weakly concave in correlation", True, f"{len(shares)}² pairs")


def _rises_then_falls(shares: tuple[Fraction, ...]) -> Verdict:
    holds = True
    for mu, S in itertools.product(shares, (1, 2, 3)):
        chosen = [_choices(mu, rho, S)[0] for rho in (Fraction(0), *shares)]
        top = chosen.index(max(chosen))
        holds &= all(a <= b for a, b in itertools.pairwise(chosen[: top + 1]))
        holds &= all(a >= b for a, b in itertools.pairwise(chosen[top:]))
    evidence = f"exact, S ≤ 3, {len(shares)} risks at {len(shares) + 1} correlations; what is left of Corollary 7.1"
    return Verdict("not in the paper", "the choice rises, then falls in correlation (quasi-concave)", holds, evidence)


def _no_reason_to_multisource() -> Verdict:
    found = [incentive(Fraction(1, 2), 1 - Fraction(1, 10**n)) for n in (2, 4, 6)]
    holds = found[0] > found[1] > found[2] > 0 and found[2] < 0.01
    common = {_choices(Fraction(n, 20), Fraction(1)) for n in range(1, 20)}
    holds &= common == {(1,)}
    evidence = (
        f"κ = {KAPPA}, μ = 1/2: s̃ = {found[0]:.1e}, {found[1]:.1e}, {found[2]:.1e} at 1 − ρ = 10^−2, 10^−4, 10^−6; one "
        "supplier is still worth having, s = ⌈s̃⌉ = 1"
    )
    return Verdict("Section 3.2", "as ρ → 1 there is no reason to multisource, s̃ → 0", holds, evidence)


def _downstream(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    from endonet.solvers.diversification.ties import decentralised_path

    coarse = shares[::2]
    settled = True
    longest = 0
    for mu, rho in itertools.product(coarse, coarse):
        path = decentralised_path(_chain(mu, rho, 40))
        last = max((k for k, s in enumerate(path, start=1) if s != 1), default=0)
        settled &= last < 40
        longest = max(longest, last)
    evidence = f"κ = {KAPPA}, {len(coarse)}² pairs, 40 layers: the last layer that multisources is layer {longest}"
    yield Verdict("Section 3.2, below (25)", "from some layer on every firm keeps one supplier", settled, evidence)
    risks = all(_chain(mu, Fraction(1), 5).evaluate([2, 1, 3, 1, 1]).exact_disruption[-1] == mu for mu in shares)
    yield Verdict(
        "Section 3.2, figure 7", "if ρ0 = 1 the risk stays μ0 in all layers", risks, "exact; unless it collapses"
    )
    lower = all(
        (min(_choices(mu, low)) >= 2) >= (min(_choices(mu, high)) >= 2)
        for mu in shares
        for low, high in itertools.pairwise(shares)
    )
    evidence = f"1 − 12κ/(1−ρ0) falls in ρ0; on {len(shares)}² pairs nobody begins to multisource as ρ0 rises, exact"
    yield Verdict("Section 3.2, figure 7", "the critical risk μ^c falls with correlation", lower, evidence)


def _planner(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    from endonet import api

    coarse = shares[::3]
    better = monotone = True
    for mu in coarse:
        for rho in coarse:
            chain = _chain(mu, rho, 4)
            planner = api.solve(chain, "certified")
            firms = api.solve(chain, "certified", "equilibrium")
            path = planner.decision.path
            assert planner.value is not None
            assert firms.value is not None
            better &= planner.value >= firms.value and path[0] >= firms.decision.path[0]
            monotone &= all(b <= a for a, b in itertools.pairwise(path))
    evidence = f"K = 4, {len(coarse)}² pairs, certified; the first layer never has fewer suppliers than firms want"
    yield Verdict("Section 4", "firms reach no more welfare than a planner", better, evidence)
    evidence = f"with one π and c for all layers; K = 4, {len(coarse)}² pairs, certified"
    yield Verdict("not in the paper", "the planner's numbers of suppliers do not rise downstream", monotone, evidence)


def _figures(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    """Figures 9 and 10, by whole maps."""
    import numpy as np

    from endonet.solvers.diversification.grid import map_equilibrium, map_planner

    axis = np.array([float(share) for share in shares])
    counts, example = [], ""
    for K, c in ((2, 2 * KAPPA), (2, KAPPA / 5), (10, 2 * KAPPA), (10, KAPPA / 5)):
        firms, planner = map_equilibrium(axis, axis, K, 1, c), map_planner(axis, axis, K, 1, c)
        less = np.argwhere(firms.risk < planner.risk * (1 - 1e-9))
        counts.append(len(less))
        if len(less) and not example:
            i, j = less[0]
            example = (
                f"at μ0 = {shares[i]}, ρ0 = {shares[j]}: {firms.path[i, j].tolist()}, {planner.path[i, j].tolist()}"
            )
    evidence = (
        f"K = 2: at {counts[0]} of {len(shares)}² points with κ = 1/50 (firms and planner {example}) and {counts[1]} "
        f"with κ = 1/500; K = 10: at {counts[2]} and {counts[3]}. It is a matter of short chains; the paper names no K"
    )
    yield Verdict("Section 4, figure 9", "somewhere firms diversify more than the planner", counts[0] > 0, evidence)
    firms, planner = map_equilibrium(axis, axis, 10, 1, 2 * KAPPA), map_planner(axis, axis, 10, 1, 2 * KAPPA)
    most = axis[(planner.W - firms.W).argmax(axis=0)]
    inside = axis < 1 - 12 * float(KAPPA)
    critical = 0.5 + np.sqrt(0.25 - 3 * float(KAPPA) / (1 - axis[inside]))
    apart = float(np.abs(most[inside] - critical).max())
    evidence = (
        f"K = 10, κ = 1/50, {int(inside.sum())} correlations for which μ^c(ρ0) exists: the risk of the largest loss is "
        f"within {apart:.3f} of it, on a grid of step {1 / (len(shares) + 1):g}"
    )
    near = apart <= 1.5 / (len(shares) + 1)
    yield Verdict("Section 4, figure 10", "with high costs the welfare lost is largest around μ^c", near, evidence)


def _information() -> Iterator[Verdict]:
    """Perfect information: one safe supplier and one risky one, which only an informed firm can tell apart."""
    evidence = (
        "κ = 1/50, two suppliers that fail with chances 1/5 and 4/5, independently. Opaque, one "
        "supplier at random fails with "
        f"1/2 and both with {Fraction(4, 25)}: the firm keeps two (profit {1 - Fraction(4, 25) - 4 * KAPPA} > "
        f"{Fraction(1, 2) - KAPPA}) and fails with 4/25. Informed, it keeps the safe one alone "
        f"({Fraction(4, 5) - KAPPA} > {1 - Fraction(4, 25) - 4 * KAPPA}) and fails with 1/5 > 4/25: it "
        f"saves the second link"
    )
    informed_saves = Fraction(4, 5) - KAPPA > 1 - Fraction(4, 25) - 4 * KAPPA
    keeps_two = 1 - Fraction(4, 25) - 4 * KAPPA > Fraction(1, 2) - KAPPA
    yield Verdict(
        "Proposition 8", "informed firms are less likely to be disrupted", not (informed_saves and keeps_two), evidence
    )
    single, both = Fraction(1, 2) - Fraction(1, 10), Fraction(3, 4) - 4 * Fraction(1, 10)
    apart = Fraction(1, 2) * Fraction(1, 2)
    evidence = (
        "κ = 1/10, two suppliers that fail independently with chance 1/2: a firm keeps one of them "
        f"({single} > {both}), which one is a tie, and Assumption 2 breaks it at random. Of two firms one alone fails "
        f"with chance {apart}. It holds where the best set is unique"
    )
    text = "under perfect information all firms of a layer fail or none does"
    yield Verdict("Proposition 9", text, not (single > both and apart > 0), evidence)


def _number_alone(shares: tuple[Fraction, ...]) -> Verdict:
    """The joint law of four basal firms, and every set of them."""
    holds = True
    for mu, rho in itertools.product(shares[::3], shares[::3]):
        M = _chain(mu, rho).moments
        joint = {}
        for x in itertools.product((0, 1), repeat=4):
            up = 4 - sum(x)  # E[X^d (1−X)^up], by expanding the second factor
            joint[x] = sum((-1) ** i * math.comb(up, i) * _exact(M, sum(x) + i) for i in range(up + 1))
        for size in range(1, 5):
            for chosen in itertools.combinations(range(4), size):
                fails = sum(weight for x, weight in joint.items() if all(x[j] for j in chosen))
                holds &= fails == _exact(M, size)
    evidence = f"every set of four basal firms, {len(shares[::3])}² pairs, exact: P(all of A fail) = M(|A|)"
    return Verdict("Lemma 1", "a firm's risk depends on the number of its suppliers alone", holds, evidence)


def _partitions() -> Iterator[Verdict]:
    n = 10
    sums = sum(Fraction(1, n) for _ in range(n))
    evidence = "closed in the product topology by Fatou's lemma, Σ lim ≤ lim Σ ≤ 1, inside the compact [0, 1]^ℕ"
    yield Verdict("Lemma 2", "the mass partitions are compact", True, evidence)
    evidence = (
        f"m_k,n = 1/n for k ≤ n: each sum is {sums}, each entry's limit 0; Tannery's theorem needs a summable bound"
    )
    yield Verdict("Equation (51)", "lim Σ_k m_k,n = Σ_k lim m_k,n", sums == 0, evidence)


def _limits() -> Iterator[Verdict]:
    from scipy.integrate import quad

    from endonet.formulations.diversification.betapower import BetaPower
    from endonet.formulations.diversification.exact import Moments

    worst = 0.0
    for mu, rho, S in ((Fraction(1, 2), Fraction(1, 5), 2), (Fraction(3, 5), Fraction(1, 10), 3)):
        law = BetaPower(Moments(mu, rho), S)
        worst = max(worst, abs(quad(lambda r, law=law: r * law.density(r), 0, 1)[0] / law.mean - 1))
    evidence = f"∫ r h(r) dr against M(S), numerically: {worst:.0e} relative at most"
    yield Verdict("Lemma 3", "the density of X^s is (53)", worst < 1e-7, evidence)
    r, s = Fraction(1, 2), 3
    errors = []
    for m in (10**3, 10**6):
        product = Fraction(1)
        for i in range(s):
            product *= (r * m - i) / (m - i)
        errors.append(m * (r**s - product))
    expected = r ** (s - 1) * (1 - r) * s * (s - 1) / 2
    holds = abs(errors[1] - expected) < Fraction(1, 10**4)
    evidence = (
        f"r = 1/2, s = 3: m (r^s − P_m) = {float(errors[0]):.6f}, {float(errors[1]):.6f} at m = 10³, 10⁶, limit "
        f"{expected}; the remainder is O(1/m), not the O(R^(s−1)) of (57)"
    )
    yield Verdict("Lemma 4", "P_m(s) → R^s", holds, evidence)
    uniform = Moments(Fraction(1, 2), Fraction(1, 3))
    evidence = (
        f"X uniform, s_1 = s_2 = 1: Q = R = X has mean {uniform.fraction(1)}, the sum of powers says "
        f"{uniform.fraction(2)}; the powers multiply, s_1 s_2"
    )
    yield Verdict(
        "Lemma 5", "R^(s_2) ~ BetaPower(α, β, s_1 + s_2)", uniform.fraction(1) == uniform.fraction(2), evidence
    )
    m = 10**6
    integral = math.sqrt(math.pi / m) / 2 * math.erf(math.sqrt(m))
    ratio = math.sqrt(2 * math.pi / (2 * m)) / integral
    inner = math.sqrt(math.pi / m) / quad(lambda x: math.exp(-m * (x - 0.5) ** 2), 0.49, 0.51, points=[0.5])[0]
    evidence = (
        f"g = −x², h = 1, whose maximum is the end point 0: the ratio tends to 2 ({ratio:.6f} at m = 10⁶). At inner "
        f"maxima with g″ < 0, which is all that Proposition 10 needs, it tends to 1 ({inner:.6f} for g = −(x−½)²)"
    )
    yield Verdict("Lemma 6", "Laplace's method for any unique maximum in [0, 1]", abs(ratio - 1) < 0.1, evidence)


def _expected(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    from scipy.special import betaln, digamma

    worst, recursion, slope = 0.0, True, 0.0
    for mu, rho in itertools.product(shares[::3], shares[::3]):
        r0 = (1 - rho) / rho
        a, b = float(mu * r0), float((1 - mu) * r0)
        M = _chain(mu, rho).moments
        for S, s in itertools.product((1, 2, 3), (1, 2, 3)):
            product = math.exp(float(betaln(a + S * s, b)) - float(betaln(a, b)))
            worst = max(worst, abs(product / float(_exact(M, S * s)) - 1))
            step = Fraction(1)
            for i in range(S):
                step *= (mu * r0 + S * s + i) / (r0 + S * s + i)
            recursion &= _exact(M, S * (s + 1)) == _exact(M, S * s) * step
            h = 1e-5
            ends = [math.exp(float(betaln(a + S * (s + e), b)) - float(betaln(a, b))) for e in (-h, h)]
            there = product * S * float(digamma(a + S * s) - digamma(a + b + S * s))
            slope = max(slope, abs((ends[1] - ends[0]) / (2 * h) / there - 1))
    evidence = f"the quotient of Beta functions against exact products, {len(shares[::3])}² pairs: {worst:.0e} relative"
    yield Verdict("Proposition 12", "E[p_k] = B(μ0 r0 + S s, (1−μ0) r0)/B(μ0 r0, (1−μ0) r0)", worst < 1e-11, evidence)
    evidence = f"(75) exact, (76) against difference quotients: {slope:.0e} relative"
    yield Verdict("Equations (75), (76)", "recursion and derivative of η", recursion and slope < 1e-6, evidence)


def _fixed_points(shares: tuple[Fraction, ...]) -> Verdict:
    holds = True
    for mu in shares:
        first, second = 1 - mu - KAPPA, mu * (1 - mu) - 3 * KAPPA  # ΔΠ(0), ΔΠ(1)
        holds &= first > 0 and (second <= 0) == (min(_choices(mu, Fraction(0))) == 1)
    evidence = (
        f"exact by the signs of ΔΠ(0) and ΔΠ(1), {len(shares)} risks below μ⁰ = 1 − κ, to which the appendix keeps; "
        "beyond it s̃ < 0 and μ^s̃ > μ, but nobody buys"
    )
    return Verdict("Lemma 8", "below μ⁰, μ is a fixed point of g if and only if μ^s̃ ≥ μ", holds, evidence)


def _roots() -> Verdict:
    mu, rho = Fraction(3, 5), Fraction(1, 2)
    a, total = float(mu), 1.0  # r0 = 1
    low = math.gamma(a - 0.5) * math.gamma(total) / (math.gamma(a) * math.gamma(total - 0.5))
    high = math.gamma(a + 0.5) * math.gamma(total) / (math.gamma(a) * math.gamma(total + 0.5))
    if not low > high > 0:
        raise AssertionError("the counterexample of appendix B.5 is none")
    evidence = (
        f"μ = {mu}, ρ = {rho}, S = 1: ΔΠ(−½) = M(−½) − M(½) = {low - high:.6f} > 0, as it must be for a root in s ≥ 0; "
        "the printed sign is that of (81) continued below −α/S, where E[X^(−½)] is infinite. ΔΠ(s) → −∞, since κ(2s+1) "
        "grows and the moments vanish"
    )
    return Verdict("Appendix B.5", "ΔΠ(−1/2) < 0 where ρ0 > 0, and ΔΠ(s) → ∞", False, evidence)


def _linear_value() -> Verdict:
    from endonet.formulations.diversification.exact import Moments

    M = Moments(Fraction(1, 2), Fraction(1, 3))
    evidence = (
        f"X uniform, s = 2: E[R²] = {M.fraction(2)}, but (E R)² = {M.fraction(1)}² = 1/4; the value is a function "
        "of S, not of E[R]"
    )
    return Verdict("Appendix C", "the planner's value V is linear in R", M.fraction(2) == Fraction(1, 4), evidence)
