"""What it is worth to see the draw: against the independent chain in every draw, and against quadrature."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from chains import chain
from hypothesis import given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.diversification.problem import upstream
from endonet.reports import design_questions
from endonet.reports import information as information_report
from endonet.solvers.diversification import certificate, information
from endonet.solvers.diversification.information import (
    informed_firm,
    informed_firms,
    informed_planner,
    value_of_information,
)

DRAWS = [Fraction(n, 40) for n in range(41)]
CASES = {
    "high": chain(3),
    "low": chain(2, c="1/250"),
    "layers differ": chain(3, c=["1/25", "1/10", "1/50"], pi=[1, 2, "1/2"]),
    "capped": chain(3, caps=[2, 3, 1]),
    "nothing to earn": chain(2, pi=[0, 0]),
    "dear": chain(2, c="5/2"),
}


@pytest.mark.parametrize("name", CASES)
def test_in_each_draw_it_is_the_independent_chain(name: str) -> None:
    """Knowing x, the planner's and the firms' problems are those of ρ0 = 0 and μ0 = x."""
    problem = CASES[name]
    planned, firms = informed_planner(problem), informed_firms(problem)
    for x in DRAWS:
        known = chain(problem.K, x, 0, problem.c, pi=problem.pi, caps=problem.caps)
        optimum = en.solve(known).value
        assert known.evaluate(planned.path_at(float(x))).value == pytest.approx(optimum, abs=1e-8)
        assert planned.value(known.moments.law).value == pytest.approx(optimum, abs=1e-8)
        equilibrium = en.solve(known, formulation="equilibrium").decision
        if not equilibrium.tied_paths:
            assert firms.path_at(float(x)) == equilibrium.path


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(2, 18), st.integers(1, 19))
def test_expectations_agree_with_quadrature(mean: int, spread: int) -> None:
    problem = chain(2, Fraction(mean, 20), Fraction(spread, 20))
    beta = problem.moments.law
    for policy in (informed_planner(problem), informed_firms(problem)):
        total = 0.0
        for piece in policy.pieces:
            total += _integral(problem, piece.low, piece.high, piece.path)
        assert policy.value(beta).value == pytest.approx(total, abs=2e-9)


def _integral(problem: en.ChainProblem, low: float, high: float, path: tuple[int, ...]) -> float:
    """Return E[W(X; path); low < X ≤ high] by quadrature in the quantiles of X."""
    from scipy.integrate import quad
    from scipy.special import betainc, betaincinv

    a, b = problem.moments.law.alpha, problem.moments.law.beta
    S = upstream(path)[1:]

    def welfare(u: float) -> float:
        x = float(betaincinv(a, b, u))
        return sum(
            float(pi) * ((1 - x**n) if n else 0.0) - float(kappa) * s * s
            for pi, kappa, n, s in zip(problem.pi, problem.kappa, S, path, strict=True)
        )

    return float(quad(welfare, betainc(a, b, low), betainc(a, b, high), epsabs=1e-11, limit=200)[0]) / problem.K


@pytest.mark.parametrize(
    ("mu0", "rho0"), [("1/2", "3/10"), ("19/20", "1/20"), ("1/10", "4/5"), ("7/10", 0), ("7/10", 1)]
)
def test_information_is_never_worth_less_than_nothing_to_a_planner(mu0: str, rho0: str) -> None:
    found = value_of_information(chain(3, mu0, rho0))
    assert found.to_planner >= -1e-12
    assert found.informed_planner.error < 1e-10
    assert found.planner >= found.firms
    assert found.informed_planner.value + found.informed_planner.error >= found.informed_firms.value - 1e-12
    if rho0 == 0:
        assert found.to_planner == found.to_firms == 0
    if rho0 == 1:  # all deliver or none: whoever sees which pays one supplier a layer, or nothing
        assert found.informed_planner.value == pytest.approx(
            float((1 - Fraction(mu0)) * (1 - Fraction(1, 50))), rel=1e-12
        )


def test_a_firm_that_alone_sees_the_draw_gains_but_a_chain_may_lose() -> None:
    for mu0, rho0 in (("1/2", "3/10"), ("9/10", "1/10"), ("1/5", "4/5")):
        problem = chain(2, mu0, rho0)
        path = en.solve(problem, formulation="equilibrium").decision.path
        profits = problem.evaluate(path).profits
        for k, S in enumerate(upstream(path)[:-1]):
            if S:
                assert informed_firm(problem, k, S) >= profits[k] - 1e-14
        law_of = problem.moments.law
        assert informed_firm(problem, 0, 1) == pytest.approx(informed_firms(problem).profits(law_of)[0], rel=1e-12)


def test_excess_is_a_bound_on_what_any_path_gains() -> None:
    """The dynamic program over an interval is held against every path at many draws inside."""
    from chains import all_paths

    problem = chain(2)
    search = information._Search(problem, 1e-9, math.inf)
    rng = np.random.default_rng(1)
    for _ in range(60):
        path = tuple(map(int, rng.integers(1, 5, 2)))
        low = float(10 ** rng.uniform(-3, 1))
        high = low * float(rng.uniform(1, 2))
        times = np.geomspace(low, high, 7)
        most = 0.0
        for other in all_paths(2, 7):
            most = max(most, *(information._difference(t, problem, other, path) for t in times))
        search.tolerance = math.inf
        assert search.gain(low, high, path) >= most - 1e-12
        assert search.excess(math.nan, low, high, path)[0] >= most - 1e-12


def test_rows_over_all_draws_are_refused() -> None:
    for rows in ({"budget": 1}, {"risk_target": "1/10"}, {"tail": ("1/2", "1/10")}):
        with pytest.raises(en.NotApplicableError, match="over all draws"):
            informed_planner(chain(2, **rows))
    for wrong in (0, -1, math.inf, math.nan):
        with pytest.raises(en.InputError, match="tolerance"):
            informed_planner(chain(2), tolerance=wrong)
    with pytest.raises(en.InputError, match="k:"):
        informed_firm(chain(2), 2, 1)
    with pytest.raises(en.InputError, match="outside"):
        informed_firms(chain(2)).path_at(1.5)


def test_a_time_limit_leaves_a_true_bound() -> None:
    problem = chain(6, c="1/100")
    hasty = informed_planner(problem, time_limit=1e-6)
    found, whole = hasty.value(problem.moments.law), informed_planner(problem).value(problem.moments.law)
    assert found.value <= whole.value + 1e-12
    assert found.value + found.error >= whole.value - 1e-12


def test_the_subsidies_of_the_report_make_firms_choose_the_planners_path() -> None:
    problem = chain(3, "19/20", "1/20")
    path = en.solve(problem).decision.path
    prices = design_questions.link_prices(problem, path)
    assert path != en.solve(problem, formulation="equilibrium").decision.path
    for direction, ties in ((1, "higher"), (-1, "lower")):
        if all(price * direction >= 0 for price in prices):
            paid = [c - price for c, price in zip(problem.c, prices, strict=True)]
            # A price of sixty digits leaves firms next to indifferent, so that they are tipped by a hair more.
            paid = [c - direction * Fraction(1, 10**30) for c in paid]
            subsidised = chain(3, "19/20", "1/20", paid, ties=ties)
            assert en.solve(subsidised, formulation="equilibrium").decision.path == path


def test_the_cheapest_path_under_a_target_is_found_by_trying_all() -> None:
    from chains import all_paths

    for target in ("1/5", "1/10"):
        problem = chain(2, "3/5", "1/5", risk_target=target)
        least = problem.least_diversification
        assert least is not None
        found = certificate.cheapest(problem, least)
        feasible = [path for path in all_paths(2, 9) if problem.evaluate(path).feasible]
        assert found in feasible
        costs = [problem.evaluate(path).cost for path in feasible]
        assert problem.evaluate(found).cost == min(costs)


@pytest.mark.slow
def test_reports_are_self_contained_and_write_their_tables(tmp_path: Path) -> None:
    for report, pictures, tables in ((information_report, 4, 1), (design_questions, 2, 3)):
        folder = tmp_path / report.NAME
        folder.mkdir()
        page = report.run(folder).read_text(encoding="utf-8")
        assert page.count("<svg") == pictures
        assert "<script" not in page
        assert not re.search(r'(?:href|src)="(?!data:|#)', page)
        identifiers = re.findall(r'id="([^"]+)"', page)
        assert len(set(identifiers)) == len(identifiers)
        assert len(list(folder.glob("*.svg"))) == len(list(folder.glob("*.png"))) == pictures
        assert len(list(folder.glob("*.csv"))) == tables


def test_firms_that_see_the_draw_may_lose() -> None:
    """The report's refuted statement, on a short chain: two layers at μ0 = 4/5, ρ0 = 1/20 lose a hundredth."""
    found = value_of_information(chain(2, "4/5", "1/20"))
    assert found.to_firms < -0.01
    assert found.to_planner > 0
