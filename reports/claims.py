"""The propositions on fragile supply chains (paper 003) as statements that can be tested, and were.

A statement is refuted by one counterexample, shown in exact numbers where it has any. "Confirmed" says on what range
it was tested or why it holds; it is a proof only where the reason given is one.
"""

from __future__ import annotations

import itertools
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
    """Yield every verdict, in the paper's order."""
    yield _definition_2()
    yield _risk_falls(shares)
    yield _independent(shares)
    yield _smallest_number(shares)
    yield _collapse(shares)
    yield from _single_sourcing(shares)
    yield _concave_incentive()
    yield _concave_choice(shares)
    yield from _planner(shares)
    yield from _information()


def _chain(mu0: Fraction, rho0: Fraction, K: int = 1) -> Any:
    from endonet.formulations.diversification.problem import ChainProblem

    return ChainProblem(K, mu0, rho0, 1, 2 * KAPPA)  # type: ignore[arg-type]


def _choices(mu0: Fraction, rho0: Fraction) -> tuple[int, ...]:
    from endonet.formulations.diversification.firm import firm_choices

    return firm_choices(_chain(mu0, rho0), 0, 1)


def _definition_2() -> Verdict:
    mean = Fraction(3, 4)
    evidence = f"Beta(1, 3) has mean 1/4, the formula gives {mean}; (35), μ = α/(α+β), is right and used here"
    return Verdict("Definition 2", "the mean of Beta(α, β) is β/(α+β)", False, evidence)


def _risk_falls(shares: tuple[Fraction, ...]) -> Verdict:
    from endonet.formulations.diversification.exact import Moments

    holds = True
    for mu in shares:
        for rho in shares:
            exact = [Moments(mu, rho).fraction(n) for n in range(12)]
            holds &= all(b < a for a, b in itertools.pairwise(exact) if a is not None and b is not None)
    evidence = f"M(n) falls strictly, n ≤ 11, {len(shares)}² pairs, exact; (13) needs (1−ρ0)/ρ0 for its ρ0/(1−ρ0)"
    return Verdict("Proposition 3", "more suppliers mean less risk, by the factor η", holds, evidence)


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
            profits = [1 - M.fraction(s) - KAPPA * s * s for s in range(9)]
            best = tuple(s for s in range(9) if profits[s] == max(profits))
            holds &= _choices(mu, rho) == best
    evidence = f"against every s ≤ 8, {len(shares)}² pairs, exact; holds because M is convex"
    return Verdict(
        "Proposition 5", "the choice is the smallest s whose marginal profit is not positive", holds, evidence
    )


def _collapse(shares: tuple[Fraction, ...]) -> Verdict:
    tested = (*shares, 1 - KAPPA, 1 - KAPPA / 2)
    holds = all((0 in _choices(mu, rho)) == (mu >= 1 - KAPPA) for mu in tested for rho in shares)
    return Verdict(
        "Corollary 5.1", "firms buy nothing where μ ≥ 1 − (c/2)/π", holds, "exact; at equality they are indifferent"
    )


def _single_sourcing(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    holds = True
    for mu in shares:
        for rho in shares:
            multi = mu * (1 - mu) * (1 - rho) > 3 * KAPPA
            holds &= (min(_choices(mu, rho)) >= 2) == multi
    evidence = (
        "true for ρ0 = 0; for any ρ0 firms multisource exactly where μ0 (1−μ0)(1−ρ0) > 3κ, that is for "
        "μ_low < μ0 < μ^c "
        f"(exact, {len(shares)}² pairs)"
    )
    yield Verdict(
        "Proposition 6", "stable are the risks with μ (1−μ)/3 ≤ (c/2)/π, read as μ (1−μ)(1−ρ0) ≤ 3κ", holds, evidence
    )
    high = [mu for mu in shares if 4 * (mu - Fraction(1, 2)) ** 2 > 1 - 12 * KAPPA and mu > Fraction(1, 2)]
    single = all(max(_choices(mu, Fraction(0))) <= 1 for mu in high)
    evidence = (
        f"exact, ρ0 = 0, {len(high)} risks above μ^c; the same holds below μ_low = 1 − μ^c, which the paper leaves out"
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


def _planner(shares: tuple[Fraction, ...]) -> Iterator[Verdict]:
    from endonet import api
    from endonet.formulations.diversification.exact import Moments

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
    M = Moments(Fraction(1, 2), Fraction(1, 3))
    evidence = (
        f"X uniform, s = 2: E[R²] = {M.fraction(2)}, but (E R)² = {M.fraction(1)}² = 1/4; the value is "
        f"a function of S, not "
        "of E[R]"
    )
    yield Verdict("Appendix C", "the planner's value V is linear in R", False, evidence)


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
    evidence = (
        "holds where all firms of a layer choose the same set; where equally good sets are drawn at "
        "random the layer is not "
        "of one piece, so it depends on how ties are broken"
    )
    yield Verdict("Proposition 9", "under perfect information all firms of a layer fail or none does", True, evidence)
