"""Finitely many firms a layer: the law against its dual and Monte Carlo, every solver against all paths."""

from __future__ import annotations

import copy
import itertools
import json
import math
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from chains import chain
from hypothesis import given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.diversification import counts
from endonet.formulations.diversification.finite import FINITE
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.solvers.diversification import finite

shares = st.sampled_from([Fraction(n, 10) for n in range(11)])


def ancestors(m: int, path: tuple[int, ...]) -> dict[int, Fraction]:
    """Return the law of how many basal firms one firm depends on: from it upwards, each draws distinct suppliers."""
    law = {1: Fraction(1)}
    for s in reversed(path):
        following: dict[int, Fraction] = {}
        for firms, weight in law.items():
            covered = {0: Fraction(1)}
            for _ in range(firms):
                wider: dict[int, Fraction] = {}
                for c, p in covered.items():
                    for fresh in range(max(0, s - c), min(s, m - c) + 1):
                        chance = Fraction(math.comb(m - c, fresh) * math.comb(c, s - fresh), math.comb(m, s))
                        wider[c + fresh] = wider.get(c + fresh, Fraction(0)) + p * chance
                covered = wider
            for c, p in covered.items():
                following[c] = following.get(c, Fraction(0)) + weight * p
        law = following
    return law


@given(mu0=shares, rho0=shares, m=st.integers(1, 7), path=st.lists(st.integers(1, 4), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_the_law_is_that_of_the_basal_firms_one_depends_on(
    mu0: Fraction, rho0: Fraction, m: int, path: list[int]
) -> None:
    path = [min(s, m) for s in path]
    problem = chain(len(path), mu0, rho0, m=m)
    outcome = problem.evaluate(path)
    assert outcome.exact_disruption is not None
    for k in range(len(path)):
        dual = ancestors(m, tuple(path[: k + 1]))
        expected = sum((p * problem.moments.fraction(a) for a, p in dual.items()), Fraction(0))
        assert outcome.exact_disruption[k] == expected
        assert outcome.mean_disruption[k] == pytest.approx(float(expected), rel=1e-13, abs=1e-300)
        assert expected >= problem.moments.fraction(math.prod(path[: k + 1]))  # the limit loses least
    assert outcome.exact_disruption[0] == problem.moments.fraction(path[0])  # exchangeable: whatever m is
    exact = counts.exact_counts(problem, problem.path(path))
    for law, doubles in zip(exact, outcome.laws, strict=True):
        assert sum(law) == 1
        np.testing.assert_allclose(doubles, [float(p) for p in law], rtol=1e-12, atol=1e-30)


def test_a_basal_layer_is_beta_binomial() -> None:
    scipy = pytest.importorskip("scipy.stats")
    for mu, rho in ((0.3, 0.2), (0.9, 0.7), (0.5, 1e-6), (0.01, 0.99)):
        a, b = mu * (1 - rho) / rho, (1 - mu) * (1 - rho) / rho
        law = counts.basal_law(chain(1, str(mu), str(rho), m=300))
        np.testing.assert_allclose(law, scipy.betabinom(300, a, b).pmf(np.arange(301)), rtol=1e-7, atol=1e-30)
        assert law @ np.arange(301) == pytest.approx(300 * mu, rel=1e-11)  # (36)
        variance = 300 * mu * (1 - mu) * (1 + 299 * rho)
        assert law @ (np.arange(301) - 300 * mu) ** 2 == pytest.approx(variance, rel=1e-10)


def test_binomial_laws() -> None:
    scipy = pytest.importorskip("scipy.stats")
    for m, p in ((5, 0.3), (1000, 0.999), (20_000, 1e-5), (20_000, 0.5), (7, 0.0), (7, 1.0)):
        expected = scipy.binom(m, p).pmf(np.arange(m + 1))
        np.testing.assert_allclose(counts.binomial(m, p), expected, rtol=1e-9, atol=1e-30)


@pytest.mark.parametrize(("m", "s"), [(50, 3), (50, 33), (50, 50), (3000, 40), (3000, 2900), (10**6, 10**5)])
def test_chances_of_many_suppliers(m: int, s: int) -> None:
    for d in {0, s - 1, s, (s + m) // 2, m - 1, m}:
        exact = Fraction(1)
        if m - d < s:  # the same product, by the firms that are not disrupted
            for i in range(m - d):
                exact *= Fraction(max(m - s - i, 0), m - i)
        else:
            exact = Fraction(math.comb(d, s), math.comb(m, s)) if m <= 3000 else Fraction(0)
        if m > 3000 and d not in (m - 1, m):
            continue
        assert counts.hit(m, d, s) == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


def test_the_difference_from_the_limit_falls_as_one_over_m() -> None:
    limit = chain(4, "1/2", "3/10").evaluate([3, 2, 2, 1]).value
    losses = [m * (limit - chain(4, "1/2", "3/10", m=m).evaluate([3, 2, 2, 1]).value) for m in (200, 400, 800, 1600)]
    steps = [abs(b - a) for a, b in itertools.pairwise(losses)]
    assert losses[-1] > 0.1
    for wide, narrow in itertools.pairwise(steps):  # m·loss = a + b/m + …: its steps halve
        assert narrow == pytest.approx(wide / 2, rel=0.1)


@pytest.mark.parametrize(("mu0", "rho0"), [("1/2", "3/10"), ("3/5", "0"), ("2/5", "1"), ("1", "1/2")])
def test_drawn_chains_agree_with_the_law(mu0: str, rho0: str) -> None:
    problem = chain(3, mu0, rho0, m=60)
    decision = SourcingPath((3, 1, 2), mixed=(Fraction(1, 2), Fraction(0), Fraction(1, 4)))
    outcome = problem.evaluate(decision)
    drawn = counts.simulate(problem, decision, 40_000, seed=3)
    for mean, error, expected in zip(drawn.mean_disruption, drawn.standard_error, outcome.mean_disruption, strict=True):
        assert abs(mean - expected) <= 5 * error + 1e-12
    assert abs(drawn.welfare - outcome.value) <= 5 * drawn.welfare_error + 1e-12
    assert drawn == counts.simulate(problem, decision, 40_000, seed=3)
    assert problem.moments.law.kind != 0 or drawn != counts.simulate(problem, decision, 40_000, seed=4) or mu0 == "1"


def test_drawn_networks_agree_with_the_law() -> None:
    """Every firm, every link: nothing of the Markov chain is used."""
    m, path, draw = 6, (2, 3), np.random.default_rng(1)
    problem = chain(2, "1/2", "1/4", m=m)
    a, b = 1.5, 1.5
    total = np.zeros(2)
    repetitions = 6000
    for _ in range(repetitions):
        down = draw.random(m) < draw.beta(a, b)
        for k, s in enumerate(path):
            down = np.array([down[draw.choice(m, s, replace=False)].all() for _ in range(m)])
            total[k] += down.mean()
    for mean, expected in zip(total / repetitions, problem.evaluate(path).mean_disruption, strict=True):
        assert mean == pytest.approx(expected, abs=5 * 0.5 / math.sqrt(repetitions))


def test_layers_too_large_for_a_law_are_drawn() -> None:
    path = [3, 2, 1]
    limit = chain(3, "1/2", "3/10").evaluate(path)
    large = chain(3, "1/2", "3/10", m=10**9).evaluate(path)
    assert large.drawn
    assert 0 < large.standard_error < 1e-3
    assert abs(large.value - limit.value) < 5 * large.standard_error
    assert chain(3, "1/2", "3/10", m=10**9).evaluate(path).value == large.value
    with pytest.raises(en.InputError, match="m: "):
        _ = large.laws
    with pytest.raises(en.NotApplicableError, match="leave m out"):
        en.solve(chain(3, m=10**9))


def test_the_law_of_a_layer_and_its_fractions() -> None:
    outcome = chain(2, "1/2", "1/3", m=4).evaluate([1, 2])  # X uniform, so D_0 is
    np.testing.assert_allclose(outcome.laws[0], np.full(5, 0.2), rtol=1e-14)
    last = outcome.disruption[-1]
    assert last.mean == pytest.approx(outcome.mean_disruption[-1], rel=1e-14)
    for d in range(5):
        assert last.cdf(d / 4) == pytest.approx(last.law[: d + 1].sum(), rel=1e-14)
        assert last.cdf(d / 4) + last.tail(d / 4) == pytest.approx(1, rel=1e-14)
        assert last.quantile(last.cdf(d / 4)) == d / 4
    assert last.density(0.25) == math.inf
    assert last.density(0.3) == 0
    assert last.variance == pytest.approx(sum(p * (d / 4 - last.mean) ** 2 for d, p in enumerate(last.law)), rel=1e-12)


def every_path(problem: ChainProblem) -> tuple[Fraction, list[tuple[int, ...]]]:
    best, found = Fraction(-1), []
    assert problem.m is not None
    for path in itertools.product(range(min(problem.m, 6) + 1), repeat=problem.K):
        if any(a == 0 and b > 0 for a, b in itertools.pairwise(path)):
            continue
        outcome = problem.evaluate(path)
        if outcome.feasible and outcome.welfare >= best:
            found = [*found, path] if outcome.welfare == best else [path]
            best = outcome.welfare
    return best, found


@pytest.mark.parametrize("seed", range(10))
def test_every_solver_finds_the_best_of_all_paths(seed: int) -> None:
    draw = random.Random(seed)
    K, m = draw.choice([1, 2, 3]), draw.choice([1, 2, 3, 5, 8])
    pi = [draw.choice([1, 2, Fraction(1, 2)]) for _ in range(K)]
    c = [Fraction(1, draw.choice([4, 10, 25, 50])) for _ in range(K)]
    rows: dict[str, Any] = {}
    if seed % 3 == 1:
        rows["budget"] = Fraction(draw.randrange(2, 12), 10)
    if seed % 3 == 2:
        rows["caps"] = [draw.randrange(1, 4) for _ in range(K)]
    problem = chain(K, Fraction(draw.randrange(11), 10), Fraction(draw.randrange(11), 10), c, pi=pi, m=m, **rows)
    best, paths = every_path(problem)
    for solver in ("certified", "enumeration", "highs"):
        solution = en.solve(problem, solver)
        assert solution.status == "optimal"
        assert solution.value == pytest.approx(float(best), rel=1e-9 if solver == "highs" else 1e-15)
        if solver != "highs":
            assert sorted(solution.decision.tied_paths or [solution.decision.path]) == paths
            en.check(problem, solution)
    if not rows:
        firms = en.solve(problem, "certified", "equilibrium")
        en.check(problem, firms)
        assert firms.value <= float(best) + 1e-15


@pytest.mark.parametrize("ties", ["lower", "higher", "randomise"])
def test_firms_choose_by_the_law_they_face(ties: str) -> None:
    for mu0, rho0, m in (("2/5", "3/4", 5), ("1/2", "1/5", 9), ("9/10", "1/10", 4), ("49/50", "1/2", 6)):
        problem = chain(3, mu0, rho0, m=m, ties=ties)
        solution = en.solve(problem, "certified", "equilibrium")
        en.check(problem, solution)
        path, mixed = solution.decision.path, solution.decision.shares
        for k in range(3):
            behind = counts.exact_counts(problem, SourcingPath((*path[:k], *[1] * (3 - k)), mixed=mixed))[k]
            risks = [
                sum((p * Fraction(math.comb(d, s), math.comb(m, s)) for d, p in enumerate(behind)), Fraction(0))
                for s in range(m + 1)
            ]
            profits = [1 - risk - Fraction(1, 50) * s * s for s, risk in enumerate(risks)]
            best = [s for s in range(m + 1) if profits[s] == max(profits)]
            if ties == "randomise":
                assert (path[k], mixed[k]) == (best[0], Fraction(len(best) - 1, 2))
            else:
                assert path[k] == best[0 if ties == "lower" else -1]
        assert en.solve(problem, "marginal-rule", "equilibrium").decision.path == path
    tied = en.solve(chain(1, "2/5", "3/4", m=5, ties=ties), "certified", "equilibrium").decision
    assert tied.path == ((2,) if ties == "higher" else (1,))  # layer 1 is the limit's, ties and all


@pytest.mark.parametrize("m", [4, 20, 120])
def test_many_layers_are_proved_and_below_the_limit(m: int) -> None:
    problem = chain(8, "1/2", "3/10", "1/50", m=m)
    solution = en.solve(problem)
    assert solution.status == "optimal"
    report = en.check(problem, solution)
    assert report["nodes"] >= 1
    limit = en.solve(replace(problem, m=None))
    assert solution.value < limit.value
    assert solution.value >= en.solve(problem, formulation="equilibrium").value
    own = limit.decision.path
    if max(own) <= m:
        assert solution.value >= problem.evaluate(own).value - 1e-15


def test_forged_bounds_are_found() -> None:
    problem = chain(3, "1/2", "3/10", m=6)
    solution = en.solve(problem)
    report = json.loads(json.dumps(solution.to_dict()))
    worse = next(path for path in ([1, 1, 1], [2, 2, 2]) if path != report["decision"]["path"])
    value = problem.evaluate(worse).value
    forged = copy.deepcopy(report) | {"decision": {"path": worse}, "value": value, "bound": value}
    with pytest.raises(en.VerificationError, match="proves"):
        en.check(problem, en.load_solution(forged, problem))
    forged = copy.deepcopy(report)
    forged["certificate"]["limit"]["layers"][0]["phi"][0] -= 0.5
    with pytest.raises(en.VerificationError, match="Bellman"):
        en.check(problem, en.load_solution(forged, problem))
    infinite = replace(problem, m=None)
    value = infinite.evaluate(report["decision"]["path"]).value
    moved = en.load_solution(report | {"fingerprint": infinite.fingerprint, "value": value, "bound": value}, infinite)
    with pytest.raises(en.VerificationError, match="finitely many"):
        en.check(infinite, moved)


def test_a_limit_of_time_leaves_a_bound() -> None:
    problem = chain(6, "7/10", "1/2", "1/200", m=30)
    solution = en.solve(problem, time_limit=1e-9)
    assert (solution.status, solution.stopped_by) == ("feasible", "time_limit")
    assert solution.value <= en.solve(problem).value <= solution.bound


def test_the_relaxation_is_a_planner_who_sees() -> None:
    problem = chain(3, "3/5", "2/5", m=5)
    import pyomo.environ as pyo
    from pyomo.contrib.appsi.solvers import Highs

    model = FINITE.build(problem, relaxed=True)
    Highs().solve(model)
    U = finite.bounds_of(problem, lambda: True)[0]
    assert pyo.value(model.objective) == pytest.approx(float(counts.basal_law(problem) @ U[0]) / 3, rel=1e-9)
    assert pyo.value(model.objective) >= en.solve(problem).value - 1e-12


def test_programs_of_the_limit_refuse_finite_layers() -> None:
    problem = chain(2, m=3)
    for name in ("planner", "equilibrium", "firm", "minlp"):
        with pytest.raises(en.NotApplicableError, match="m = 3"):
            en.formulation(f"diversification/{name}").build(problem)
    with pytest.raises(en.NotApplicableError, match="no m"):
        FINITE.build(chain(2))
    with pytest.raises(en.NotApplicableError, match="no m"):
        en.solve(chain(2), formulation="finite")
    for solver in ("branch-and-bound", "longest-path", "scip"):
        with pytest.raises(en.NotApplicableError, match=r"infinitely many|leave m out"):
            en.solve(problem, solver)
    with pytest.raises(en.NotApplicableError, match="target"):
        en.solve(chain(2, m=3, risk_target="1/2"))
    assert "risk_target" in chain(2, m=3, risk_target="1/10").evaluate([1, 1]).violations[0]
    assert "tail" in chain(2, m=3, tail=["1/2", "1/10"]).evaluate([1, 1]).violations[0]


@pytest.mark.parametrize("m", [0, -1, 1.5, "3", True, 10**13])
def test_bad_numbers_of_firms(m: Any, tmp_path: Any) -> None:
    with pytest.raises(en.InputError, match="m: "):
        chain(2, m=m)
    fields = {"family": "diversification", "version": 1, "K": 2, "mu0": 0.5, "rho0": 0.5, "c": 0.04, "m": m}
    (tmp_path / "bad.json").write_text(json.dumps(fields))
    with pytest.raises(en.InputError, match="m: "):
        en.load(tmp_path / "bad.json")


def test_files_paths_and_words(tmp_path: Any) -> None:
    problem = chain(2, m=5)
    en.save(problem, tmp_path / "a.json")
    read = en.load(tmp_path / "a.json")
    assert (read.m, read.fingerprint) == (5, problem.fingerprint)
    assert problem.fingerprint != chain(2).fingerprint
    assert "5 firms" in repr(problem)
    with pytest.raises(en.InputError, match=r"path\[1\]: 6 suppliers"):
        problem.evaluate([1, 6])
    with pytest.raises(en.InputError, match="replications"):
        counts.simulate(problem, [1, 1], 1)
    with pytest.raises(en.InputError, match="m: "):
        counts.simulate(chain(2), [1, 1])


def test_huge_layers_and_numbers_of_suppliers_are_no_burden() -> None:
    outcome = chain(1, "1/2", "1/2", m=10**12).evaluate([10**6])
    limit = chain(1, "1/2", "1/2").evaluate([10**6])
    assert outcome.mean_disruption[0] == pytest.approx(
        limit.mean_disruption[0], abs=6 * outcome._drawn.standard_error[0] + 1e-9
    )
