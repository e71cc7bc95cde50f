"""Ties broken at random: half of a layer's firms keep each number, and everything downstream follows exactly."""

from __future__ import annotations

import dataclasses
import itertools
import json
from fractions import Fraction
from typing import Any

import pytest
from chains import chain
from hypothesis import given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.diversification.mixture import BASAL, HALF, MixedPower, Mixture
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath

mp = pytest.importorskip("mpmath").mp
TIED = [("2/5", "3/4"), ("1/2", "1/5"), ("49/50", "1/3"), ("49/50", "0"), ("1/2", "19/25"), ("3/10", "5/7")]


def product(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    found = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, j in itertools.product(range(len(a)), range(len(b))):
        found[i + j] += a[i] * b[j]
    return found


def moment(problem: ChainProblem, n: int) -> Fraction:
    if problem.rho0 == 0:
        return problem.mu0**n
    r0 = (1 - problem.rho0) / problem.rho0
    found = Fraction(1)
    for i in range(n):
        found *= (problem.mu0 * r0 + i) / (r0 + i)
    return found


def by_hand(problem: ChainProblem, most: int = 9) -> tuple[list[tuple[int, ...]], Fraction, list[list[Fraction]]]:
    """Return each layer's best numbers, W and the layers' polynomials, by trying every number in exact fractions."""
    R, choices, W, laws = [Fraction(0), Fraction(1)], [], Fraction(0), []
    for k in range(problem.K):
        powers = [[Fraction(1)]]
        for _ in range(most):
            powers.append(product(powers[-1], R))
        risks = [sum(a * moment(problem, n) for n, a in enumerate(power)) for power in powers]
        profits = [problem.pi[k] * (1 - risk) - problem.kappa[k] * s * s for s, risk in enumerate(risks)]
        best = [s for s, profit in enumerate(profits) if profit == max(profits)]
        choices.append(tuple(best))
        W += max(profits)
        length = max(len(powers[s]) for s in best)
        R = [sum((powers[s][n] for s in best if n < len(powers[s])), Fraction(0)) / len(best) for n in range(length)]
        laws.append(R)
    return choices, W / problem.K, laws


@pytest.mark.parametrize(("mu0", "rho0"), TIED)
@pytest.mark.parametrize("c", ["1/25", "1/200"])
def test_half_of_the_firms_keep_each_number(mu0: str, rho0: str, c: str) -> None:
    problem = chain(3, mu0, rho0, c, ties="randomise")
    choices, W, laws = by_hand(problem, 9 if c == "1/25" else 16)
    solution = en.solve(problem, "certified", "equilibrium")
    assert en.check(problem, solution)
    decision = solution.decision
    assert decision.path == tuple(best[0] for best in choices)
    assert decision.shares == tuple(HALF if len(best) > 1 else 0 for best in choices)
    outcome = problem.evaluate(decision)
    assert solution.value == pytest.approx(float(W), rel=1e-15)
    assert outcome.welfare == W
    for law, expected in zip(outcome.laws, laws, strict=True):
        assert {n: a for a, n in law.terms} == {n: a for n, a in enumerate(expected) if a}
    if any(decision.mixed):
        assert decision.path in decision.tied_paths
        assert len(decision.tied_paths) > 1
    assert en.solve(problem, "marginal-rule", "equilibrium").value == solution.value


def test_the_paths_that_occur() -> None:
    decision = en.solve(chain(2, "2/5", "3/4", ties="randomise"), formulation="equilibrium").decision
    assert (decision.path, decision.mixed) == ((1, 1), (HALF, 0))
    assert decision.tied_paths == ((1, 1), (2, 1))
    partly = en.solve(chain(3, "49/50", "1/3", ties="randomise"), formulation="equilibrium").decision
    assert partly.shares[0] == HALF
    assert partly.tied_paths[0] == (0, 0, 0)


@given(
    mu0=st.sampled_from([Fraction(n, 12) for n in range(1, 12)]),
    rho0=st.sampled_from([Fraction(n, 12) for n in range(1, 12)]),
    shares=st.lists(st.sampled_from([Fraction(0), HALF, Fraction(1, 3)]), min_size=2, max_size=2),
    path=st.lists(st.integers(1, 3), min_size=2, max_size=2),
)
@settings(max_examples=30, deadline=None)
def test_the_law_of_a_mixed_layer(mu0: Fraction, rho0: Fraction, shares: list[Fraction], path: list[int]) -> None:
    problem = chain(2, mu0, rho0)
    outcome = problem.evaluate(SourcingPath(tuple(path), mixed=tuple(shares)))
    last = outcome.disruption[-1]
    r0 = (1 - rho0) / rho0
    a, b = float(mu0 * r0), float((1 - mu0) * r0)

    def R(x: Any) -> Any:
        for s, share in zip(path, shares, strict=True):
            x = (1 - float(share)) * x**s + float(share) * x ** (s + 1)
        return x

    x = mp.mpf("0.7")
    below = float(mp.betainc(a, b, 0, x, regularized=True))
    assert last.cdf(float(R(x))) == pytest.approx(below, rel=1e-8)
    assert last.tail(float(R(x))) == pytest.approx(1 - below, rel=1e-8)
    assert last.mean == pytest.approx(outcome.mean_disruption[-1], rel=1e-14)
    if isinstance(last, MixedPower):
        assert last.quantile(last.cdf(0.4)) == pytest.approx(0.4, rel=1e-6)
        assert last.density(0.3) == pytest.approx((last.cdf(0.3005) - last.cdf(0.2995)) / 0.001, rel=1e-3)
        assert last.variance == pytest.approx(
            float(sum(a * b * problem.moments.fraction(i + j) for a, i in last.R.terms for b, j in last.R.terms))
            - last.mean**2,
            rel=1e-9,
        )


def test_rows_and_files_of_mixed_decisions(tmp_path: Any) -> None:
    problem = chain(2, "2/5", "3/4", ties="randomise", caps=[1, 1])
    decision = problem.decode_decision(json.loads('{"path": [1, 1], "mixed": ["1/2", 0]}'))
    assert decision.most == (2, 1)
    assert "caps[0]" in problem.evaluate(decision).violations[0]
    assert problem.encode_decision(decision) == {"path": [1, 1], "mixed": ["1/2", 0]}
    assert problem.evaluate(decision).cost == Fraction(1, 25) * (Fraction(5, 2) + 1)
    target = chain(2, "2/5", "3/4", risk_target="1/5", tail=["1/2", "1/10"])
    said = " ".join(target.evaluate(decision).violations)
    assert "risk_target" in said
    assert "tail" in said
    for bad in ({"path": [1, 1], "mixed": [1, 0]}, {"path": [1, 1], "mixed": ["x", 0]}, {"path": [1, 1], "mixed": [0]}):
        with pytest.raises(en.InputError, match="mixed"):
            problem.decode_decision(bad)
    with pytest.raises(en.InputError, match="mixed"):
        problem.decode_decision({"path": [1, 1], "mixed": 3})
    tied = chain(2, "2/5", "3/4", ties="randomise")
    solution = en.solve(tied, formulation="equilibrium")
    en.save_solution(solution, tmp_path / "s.json")
    assert en.load_solution(tmp_path / "s.json", tied).decision == solution.decision
    for change in ({"mixed": ["1/3", 0]}, {"path": [2, 1]}, {"mixed": [0, "1/2"]}):
        forged = solution.to_dict()
        forged["decision"] = forged["decision"] | change
        value = tied.evaluate(tied.decode_decision(forged["decision"])).value
        with pytest.raises(en.VerificationError):
            en.check(tied, en.load_solution(forged | {"value": value, "bound": value}, tied))


def test_what_explodes_is_refused() -> None:
    law = BASAL.after(1, HALF)
    assert law == Mixture({1: 1, 2: 1}, 2)
    with pytest.raises(en.NotApplicableError, match="2000 terms"):
        law.power(2500)


def test_without_ties_the_policies_agree() -> None:
    for mu0, rho0 in (("3/5", "1/7"), ("9/10", "1/2")):
        found = [en.solve(chain(4, mu0, rho0, ties=ties), formulation="equilibrium") for ties in
                 ("lower", "higher", "randomise")]  # fmt: skip
        assert len({(solution.decision, solution.value) for solution in found}) == 1


@pytest.mark.parametrize("ties", ["lower", "higher"])
def test_a_check_misses_ties_of_firms_that_are_not_listed(ties: str) -> None:
    tied = en.ChainProblem(K=2, mu0="2/5", rho0="3/4", pi=1, c="1/25", ties=ties)
    answer = en.solve(tied, "certified", "equilibrium")
    assert len(answer.decision.tied_paths) == 3
    en.check(tied, answer)
    for kept in ((), answer.decision.tied_paths[:2]):
        short = dataclasses.replace(answer, decision=dataclasses.replace(answer.decision, tied_paths=kept))
        with pytest.raises(en.VerificationError, match="tied_paths"):
            en.check(tied, short)
