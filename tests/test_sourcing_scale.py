"""The sequential algorithm, its generator, hat algebra, moments and estimation, against plain loops and enumeration."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from sourcing_economies import economy

from endonet import api
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing import parallel
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.evaluation import SourcingOutcome
from endonet.formulations.sourcing.problem import Markups, OpenEconomy, Smoothing, SourcingProblem
from endonet.instances.sourcing import calibration, draws, philox
from endonet.solvers.solution import Status, StoppedBy
from endonet.solvers.sourcing import balance as balances
from endonet.solvers.sourcing import bounds, enclosure, estimation, hat, kernels, market, moments, network, sequential
from endonet.solvers.sourcing import flows as flow
from endonet.solvers.sourcing.balance import balance

SMALL = {"n": 400, "K": 60, "seed": 3}
STRONGER = {"f_dom": -4.5, "f_imp": -2.0, "f_exp": -1.0}  # fixed costs at which small economies have few links
SMOOTHINGS = [None, Smoothing(relative=1e-3), Smoothing(absolute=1e-3), Smoothing(relative=0.1)]


def calibrated(**more: Any) -> SourcingProblem:
    """Return a small economy of the paper's kind."""
    return calibration.economy(**(SMALL | more))


# Random numbers


def test_philox_gives_the_published_words() -> None:
    """Known answers of Random123: counter and key all zeros, and all ones."""
    zeros = [int(word) for word in philox.words(np.uint64(0), 0, 0, 0)]
    assert zeros == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox.table(0, 0, 0, 1).tolist() == [zeros]
    assert [
        int(x) for x in philox.words(np.uint64(0xA4093822 | 0x299F31D0 << 32), 0x13198A2E, 0x85A308D3, 0x243F6A88)
    ] != zeros


def test_normals_are_quantiles() -> None:
    uniform = np.linspace(0.0005, 0.9995, 4001)
    ours = np.array([philox.normal(u) for u in uniform])
    assert ours == pytest.approx(ndtri(uniform), abs=2e-15, rel=2e-15)


def test_whole_numbers_are_below_their_bound() -> None:
    top = np.uint64(0xFFFFFFFF)
    assert philox.below(top, top, 7) == 6
    assert philox.below(np.uint64(0), np.uint64(0), 7) == 0
    assert philox.below(top, top, 2**31 - 1) == 2**31 - 2


def test_draws_are_pinned() -> None:
    """Integers are the same on every machine; normals to the last bit of float32."""
    found = draws.draw(8, 3, seed=7)
    assert found.ptr.tolist() == [0, 0, 1, 3, 6, 9, 12, 15, 18]
    assert found.supplier.tolist() == PINNED_SUPPLIERS
    assert found.alpha[:3] == pytest.approx(PINNED_NORMALS, rel=1e-7)


PINNED_SUPPLIERS = [0, 0, 1, 0, 1, 2, 0, 2, 3, 0, 2, 3, 0, 3, 5, 2, 4, 6]
PINNED_NORMALS = [1.7856247, 1.3014957, -1.0601304]


def test_a_smaller_economy_is_the_beginning_of_a_larger_one() -> None:
    small, large = draws.draw(150, 20, seed=5), draws.draw(400, 20, seed=5)
    m = small.ptr[-1]
    for name in ("supplier", "alpha", "f"):
        assert np.array_equal(getattr(small, name), getattr(large, name)[:m])
    for name in ("phi", "alpha_F", "beta_F", "f_import", "f_export"):
        assert np.array_equal(getattr(small, name), getattr(large, name)[:150])


def test_candidates_are_earlier_firms_without_repetition() -> None:
    found = draws.draw(300, 40, seed=1)
    for j in range(300):
        mine = found.supplier[found.ptr[j] : found.ptr[j + 1]]
        assert mine.size == min(j, 40)
        assert np.all(np.diff(mine) > 0)
        assert mine.size == 0 or mine[-1] < j


def test_every_subset_of_candidates_is_as_likely() -> None:
    """Buyer 4 chooses 2 of 4: six subsets, a χ² test over seeds."""
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(1200):
        found = draws.draw(5, 2, seed=seed)
        pair = tuple(found.supplier[found.ptr[4] :].tolist())
        counts[pair] = counts.get(pair, 0) + 1
    assert len(counts) == 6
    assert scipy.stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_normals_are_winsorised_and_independent() -> None:
    found = draws.draw(3000, 50, seed=2)
    edge = float(ndtri(0.995))
    for part in (found.alpha, found.phi, found.alpha_F, found.beta_F):
        assert float(np.abs(part).max()) == pytest.approx(edge, rel=1e-7)
        assert scipy.stats.kstest(part, _winsorised).pvalue > 1e-5
    for part in (found.f, found.f_import, found.f_export):
        assert float(np.abs(part).max()) > edge
        assert scipy.stats.kstest(part, "norm").pvalue > 1e-5
    for part in (found.alpha, found.f, found.phi, found.f_export):
        assert abs(float(part.mean())) < 5 / math.sqrt(part.size)
    assert abs(np.corrcoef(found.alpha, found.f)[0, 1]) < 5 / math.sqrt(found.alpha.size)
    assert abs(np.corrcoef(found.alpha[:-1], found.alpha[1:])[0, 1]) < 5 / math.sqrt(found.alpha.size)


def _winsorised(x: Any) -> Any:
    edge = float(ndtri(0.995))
    return np.where(x >= edge * (1 - 1e-6), 1.0, np.where(x < -edge * (1 + 1e-6), 0.0, scipy.stats.norm.cdf(x)))


def test_parameters_change_on_the_same_random_numbers() -> None:
    drawn = draws.draw(60, 10, seed=1)
    before = drawn.alpha.copy()
    one, two = calibration.from_draws(drawn), calibration.from_draws(drawn, {"alpha_dom": -3.0, "f_disp": 2.0})
    assert np.array_equal(drawn.alpha, before)
    assert two.alpha == pytest.approx(one.alpha * math.exp(0.2), rel=1e-6)
    direct = calibration.economy(60, 10, 1, {"alpha_dom": -3.0, "f_disp": 2.0})
    assert direct.fingerprint == two.fingerprint


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"n": 0}, "n"),
        ({"n": 2.5}, "n"),
        ({"K": -1}, "K"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"parameters": {"disp": -1.0}}, "disp"),
        ({"parameters": {"phi": math.nan}}, "phi"),
        ({"parameters": {"mu": 1.0}}, "parameters.mu"),
    ],
)
def test_senseless_economies_are_refused(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        calibrated(**arguments)


# Equilibria


@pytest.mark.parametrize("closure", ["closed", "open"])
@pytest.mark.parametrize("seed", range(12))
def test_all_equilibria_are_those_of_enumeration(closure: str, seed: int) -> None:
    problem = economy(seed, n=3, closure=closure)
    listed = api.solve(problem, "enumeration").decision
    found = balance(market.market(problem))
    assert found.located is not None
    if listed.autarky:
        assert balances.may_do_without_trade(market.market(problem))
        assert api.solve(problem, "sequential").status is not Status.INFEASIBLE
        return
    assert found.located.complete or found.located.autarky
    ours = sorted((A, w) for w, A, _ in found.located.found)
    assert len(ours) == len(listed.found)
    assert ours == pytest.approx(np.array(sorted((e.A, e.w) for e in listed.found)), rel=1e-11) if ours else True
    for w, A, formed in found.located.found:
        links, imports, exports = network.spread(market.market(problem), formed)
        same = [e for e in listed.found if pytest.approx(A, rel=1e-11) == e.A and e.w == pytest.approx(w, rel=1e-11)]
        assert any(np.array_equal(e.network.links, links > 0.5) for e in same)
        if problem.open is not None:
            assert any(np.array_equal(e.network.exports, exports > 0.5) for e in same)
            assert any(np.array_equal(e.network.imports, imports > 0.5) for e in same)


@pytest.mark.parametrize("closure", ["closed", "open"])
def test_nonexistence_is_found_and_shown(closure: str) -> None:
    """Some of many small economies have no equilibrium; enumeration agrees, and the jump is a circle of networks."""
    without = 0
    for seed in range(30):
        problem = economy(seed, n=4 if closure == "closed" else 3, closure=closure, most=3)
        solution = api.solve(problem, "sequential")
        if solution.status is not Status.INFEASIBLE:
            continue
        without += 1
        assert api.solve(problem, "enumeration").status is Status.INFEASIBLE
        assert "circle" in solution.notes[0]
        jump = balance(market.market(problem)).jump
        assert jump is not None
        assert len(jump.points) >= 2
        assert jump.links.size + jump.importers.size + jump.exporters.size
    assert without


def test_a_large_economy_without_equilibrium_shows_its_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the size at which every equilibrium is located, the answer holds in a box around the smoothed one."""
    monkeypatch.setattr(balances, "SMALL", 0)
    for seed in range(30):
        problem = economy(seed, n=3, closure="open", most=3)
        solution = api.solve(problem, "sequential")
        if solution.status is Status.NO_SOLUTION and solution.stopped_by is StoppedBy.CYCLE:
            break
    assert solution.notes[0].startswith("no equilibrium with w in [")
    assert "their own equilibria" in solution.notes[0]
    assert api.solve(problem, "enumeration").status is Status.INFEASIBLE


def test_what_is_said_of_other_equilibria(monkeypatch: pytest.MonkeyPatch) -> None:
    (closed,) = api.solve(calibrated(n=50, open=None), "sequential").notes
    assert "has no other equilibrium" in closed
    (opened,) = api.solve(calibrated(n=50), "sequential").notes
    assert "was not asked" in opened
    monkeypatch.setattr(balances, "SMALL", 0)
    (located,) = api.solve(calibrated(n=50, smoothing=None), "sequential").notes
    assert "the only one with w in [" in located


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=["none", "relative", "absolute", "wide"])
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_a_solution_satisfies_the_papers_equations_written_as_loops(smoothing: Any, closed: bool) -> None:
    problem = calibration.economy(30, 8, 11, STRONGER, smoothing=smoothing, **({"open": None} if closed else {}))
    solution = api.solve(problem, "sequential")
    assert solution.status is Status.STATIONARY
    (found,) = solution.decision.found
    naive = by_loops(problem, found.w, found.A)
    assert naive["p"] == pytest.approx(found.network.links.astype(float), abs=1e-9)
    assert naive["E"] == pytest.approx(found.E, rel=1e-12)
    assert naive["A"] == pytest.approx(found.A, rel=1e-11)
    assert naive["labour"] == pytest.approx(problem.L, rel=1e-11)
    assert naive["X"] == pytest.approx(naive["M"], rel=1e-11, abs=0)
    if closed:
        assert found.w == 1.0
    else:
        assert naive["X"] > 0


def by_loops(problem: SourcingProblem, w: float, A: float) -> dict[str, Any]:
    """Return what follows at (w, A) by (4)–(11), (A3)–(A8) and the logit of A.3 and A.4, in plain Python."""
    n, sigma = problem.n, problem.sigma
    mu = sigma / (sigma - 1)
    abroad = problem.open or OpenEconomy(*([0.0] * n for _ in range(4)), 0.0, [0.0] * n, [0.0] * n)  # type: ignore[arg-type]
    smoothing = problem.smoothing or Smoothing()

    def chance(value: float, f: float) -> float:
        width = smoothing.absolute + smoothing.relative * f * w
        if width == 0:
            return 1.0 if value >= 0 else 0.0
        return 1 / (1 + math.exp(-max(min(value / width, 700), -700)))

    T, Theta, fixed, p = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(problem.m)
    pF, pX = np.zeros(n), np.zeros(n)
    for j in range(n):
        options = []
        links = range(problem.ptr[j], problem.ptr[j + 1])
        for exporting in (0, 1):
            demand = problem.beta_H[j] ** (sigma - 1) * A
            if problem.open is not None and exporting:
                demand += abroad.beta_F[j] ** (sigma - 1) * abroad.tau[j] ** (1 - sigma) * abroad.D_F
            B = (1 - 1 / mu) * mu ** (1 - sigma) * problem.phi[j] ** (sigma - 1) * demand
            theta, F, chosen = problem.alpha_L[j] ** (sigma - 1) * w ** (1 - sigma), 0.0, []
            for e in links:
                gain = float(problem.alpha[e]) ** (sigma - 1) * T[problem.supplier[e]]
                q = chance(B * gain - float(problem.f[e]) * w, float(problem.f[e]))
                chosen.append(q)
                theta, F = theta + q * gain, F + q * float(problem.f[e])
            q = 0.0
            if problem.open is not None:
                gain = abroad.alpha_F[j] ** (sigma - 1) * abroad.p_F[j] ** (1 - sigma)
                q = chance(B * gain - abroad.f_import[j] * w, abroad.f_import[j])
                theta, F = theta + q * gain, F + q * abroad.f_import[j]
            options.append((B * theta - w * F, theta, F, chosen, q))
        x = 0.0
        if problem.open is not None:
            x = chance(options[1][0] - options[0][0] - abroad.f_export[j] * w, abroad.f_export[j])
            fixed[j] += x * abroad.f_export[j]
        pX[j] = x
        Theta[j] = x * options[1][1] + (1 - x) * options[0][1]
        fixed[j] += x * options[1][2] + (1 - x) * options[0][2]
        pF[j] = x * options[1][4] + (1 - x) * options[0][4]
        for e, one, other in zip(links, options[1][3], options[0][3], strict=True):
            p[e] = x * one + (1 - x) * other
        T[j] = problem.phi[j] ** (sigma - 1) * Theta[j]
    home = problem.beta_H ** (sigma - 1) * mu ** (1 - sigma) * T * A
    exports = np.zeros(n)
    if problem.open is not None:
        exports = pX * abroad.beta_F ** (sigma - 1) * abroad.tau ** (1 - sigma) * mu ** (1 - sigma) * T * abroad.D_F
    C = (home + exports) / mu
    for k in reversed(range(n)):
        for e in range(problem.ptr[k], problem.ptr[k + 1]):
            j = problem.supplier[e]
            C[j] += p[e] * float(problem.alpha[e]) ** (sigma - 1) * T[j] / Theta[k] * C[k]
    labour = float((problem.alpha_L ** (sigma - 1) * w ** (1 - sigma) / Theta * C).sum()) / w + fixed.sum()
    M = 0.0
    if problem.open is not None:
        M = float((pF * abroad.alpha_F ** (sigma - 1) * abroad.p_F ** (1 - sigma) / Theta * C).sum())
    E = w * problem.L + float(((home + exports) / sigma - w * fixed).sum())
    return {"p": p, "E": E, "A": E / (home.sum() / A), "labour": labour, "X": exports.sum(), "M": M}


def test_firms_may_stand_in_any_order() -> None:
    problem = calibration.economy(40, 10, 2, STRONGER)
    shuffle = np.random.default_rng(0).permutation(problem.n)
    place = np.argsort(shuffle)
    assert problem.open is not None
    names = ("p_F", "alpha_F", "beta_F", "tau", "f_import", "f_export")
    mixed = SourcingProblem.from_links(
        place[problem.supplier],
        place[problem.buyer],
        problem.alpha,
        problem.f,
        phi=problem.phi[shuffle],
        alpha_L=problem.alpha_L[shuffle],
        beta_H=problem.beta_H[shuffle],
        sigma=problem.sigma,
        L=problem.L,
        smoothing=problem.smoothing,
        open=OpenEconomy(D_F=1.0, **{name: getattr(problem.open, name)[shuffle] for name in names}),
    )
    assert not mixed.forward
    assert mixed.acyclic
    (one,), (two,) = (api.solve(p, "sequential").decision.found for p in (problem, mixed))
    assert (two.A, two.w, two.P) == pytest.approx((one.A, one.w, one.P), rel=1e-12)
    assert mixed.evaluate(two.network).equilibrium
    assert two.network.exports == pytest.approx(one.network.exports[shuffle], abs=1e-9)


@pytest.mark.parametrize("smoothing", SMOOTHINGS[:3], ids=["none", "relative", "absolute"])
def test_pruning_changes_nothing(smoothing: Any) -> None:
    if smoothing is not None and smoothing.absolute:
        smoothing = Smoothing(absolute=1e-5)
    economy_ = market.market(calibrated(smoothing=smoothing))
    everything = economy_.pairs._replace(alpha=economy_.pairs.alpha.astype(np.float64) ** 3)
    some = market.prune(economy_, 0.8, 1.5)
    again = market.prune(economy_, 0.85, 1.2, some)
    assert again.supplier.size < some.supplier.size < everything.supplier.size / 2
    for w, A in ((0.85, 1.2), (1.0, 1.1), (0.9, 0.2), (2.0, 0.9)):
        found = []
        for pairs in (everything, some, again):
            chosen = market.choices(economy_.n)
            kernels.sweep(economy_.firms, pairs, economy_.rule, w, A, chosen)
            found.append(chosen)
        for name in found[0]._fields:
            for other in found[1:]:
                assert getattr(other, name) == pytest.approx(getattr(found[0], name), rel=1e-13, abs=1e-15)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = calibrated()
    one = api.solve(problem, "sequential", threads=1).decision.found[0]
    monkeypatch.setattr(parallel, "WORTH_THREADS", 0)
    two = api.solve(problem, "sequential", threads=3).decision.found[0]
    assert (one.w, one.A) == (two.w, two.A)
    assert np.array_equal(one.network.links, two.network.links)
    for chosen in (two.network, Network(*(0.5 * part for part in two.network.parts))):
        monkeypatch.setattr(parallel, "WORTH_THREADS", 0)
        in_parts = problem.evaluate(chosen).choice
        assert in_parts.network is not None  # computed with threads
        monkeypatch.setattr(parallel, "WORTH_THREADS", 10**9)
        alone = problem.evaluate(chosen).choice
        assert np.array_equal(in_parts.gain, alone.gain)
        assert np.array_equal(in_parts.deviates, alone.deviates)
        assert np.array_equal(in_parts.network.links, alone.network.links)
    assert in_parts.deviates.any()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    smoothing=st.sampled_from(SMOOTHINGS),
    corner=st.tuples(st.floats(-0.5, 0.5), st.floats(-1.0, 1.0)),
    size=st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.3)),
    inside=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)
def test_a_box_encloses_what_firms_do_in_it(seed: int, smoothing: Any, corner: Any, size: Any, inside: Any) -> None:
    economy_ = market.market(calibration.economy(25, 8, seed, STRONGER, smoothing=smoothing))
    ends = [math.exp(corner[0]), math.exp(corner[0] + size[0]), math.exp(corner[1]), math.exp(corner[1] + size[1])]
    pairs = market.prune(economy_, ends[0], ends[3])
    low, high, chosen = (market.choices(economy_.n) for _ in range(3))
    bounds.enclose(economy_.firms, pairs, economy_.rule, (ends[0], ends[1]), (ends[2], ends[3]), low, high)
    w = math.exp(corner[0] + inside[0] * size[0])
    A = math.exp(corner[1] + inside[1] * size[1])
    kernels.sweep(economy_.firms, pairs, economy_.rule, w, A, chosen)
    for name in chosen._fields:
        value, least, most = getattr(chosen, name), getattr(low, name), getattr(high, name)
        assert np.all(least <= value * (1 + 1e-12) + 1e-14)
        assert np.all(value <= most * (1 + 1e-12) + 1e-14)


def test_every_smoothed_equilibrium_is_in_a_tiny_box_that_holds_one() -> None:
    economy_ = market.market(calibrated())
    found = enclosure.locate(economy_, enclosure.box(0.2, 5.0, 0.2, 20.0))
    state = balance(economy_)
    assert found.complete
    assert found.exists == [True]
    assert found.boxes[0].width < 1e-9
    assert found.boxes[0].holds(state.w, state.A)


def test_the_only_equilibrium_of_a_larger_economy_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    economy_ = market.market(calibrated(smoothing=None))
    everywhere = balance(economy_)
    assert everywhere.covers_all
    assert everywhere.located is not None
    assert len(everywhere.located.found) == 1
    monkeypatch.setattr(balances, "SMALL", 0)
    near = balance(economy_)
    assert (near.w, near.A) == pytest.approx((everywhere.w, everywhere.A), rel=1e-13)
    assert not near.covers_all


def test_a_limit_is_a_limit() -> None:
    solution = api.solve(calibrated(), "sequential", max_evaluations=2)
    assert solution.status is Status.NO_SOLUTION
    assert solution.stopped_by.value == "iteration_limit"
    assert "did not settle" in solution.notes[0]


def test_a_guess_far_away_is_no_obstacle() -> None:
    problem = calibrated(n=100, K=30)
    reference = api.solve(problem, "sequential").decision.found[0]
    for start in ([0.05, 0.01], [20.0, 500.0], [0.3, 100.0]):
        found = api.solve(problem, "sequential", initial=start).decision.found[0]
        assert (found.w, found.A) == pytest.approx((reference.w, reference.A), rel=1e-12)


@pytest.mark.parametrize("initial", [[1.0], [1.0, -1.0], "ab", [math.nan, 1.0], 3])
def test_a_senseless_guess_is_refused(initial: Any) -> None:
    with pytest.raises(InputError, match="initial"):
        api.solve(calibrated(n=5), "sequential", initial=initial)


@pytest.mark.parametrize("options", [{"tolerance": 0.0}, {"tolerance": 2.0}, {"max_evaluations": 0}])
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        api.solve(calibrated(n=5), "sequential", **options)


def test_what_has_no_sequence_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="suppliers initiate"):
        api.solve(economy(1, initiator="supplier"), "sequential")
    with pytest.raises(NotApplicableError, match="in a circle"):
        api.solve(economy(1, shape="cyclic", share=1.0), "sequential")
    with pytest.raises(NotApplicableError, match="markups"):
        api.solve(replace(economy(1), markups=Markups(home=1.2)), "sequential")


# Counterfactuals


def flows_of(problem: SourcingProblem) -> tuple[Any, Any]:
    """Return the economy and the flows of its equilibrium."""
    economy_ = market.market(problem)
    return economy_, flow.flows(economy_, balance(economy_))


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=["none", "relative", "absolute", "wide"])
def test_hat_algebra_is_the_level_solution(smoothing: Any) -> None:
    economy_, base = flows_of(calibrated(smoothing=smoothing))
    rng = np.random.default_rng(1)
    shares = hat.shares(base)
    shocks = [(0.5, 1.0), (1.5, 1.0), (1.0, 0.7), (rng.lognormal(0, 0.3, 400), rng.lognormal(0, 0.3, 400)), (1.0, 1.0)]
    for tau, price in shocks:
        change = hat.change(shares, tau, price)
        after = market.shocked(economy_, tau, price)
        point = market.implied(after, market.sums(after, network.settle(after, base.network)))
        assert point is not None
        level = flow.flows_of(after, base.network, *point)
        assert max(level.residuals.values()) < 1e-12
        assert change.w * base.w == pytest.approx(level.w, rel=1e-12)
        assert pytest.approx(level.A, rel=1e-12) == change.A * base.A
        assert change.real_income * base.real_income == pytest.approx(level.real_income, rel=1e-12)
        assert change.sales == pytest.approx(level.sales, rel=1e-11)
        assert pytest.approx(level.T, rel=1e-12) == change.T * base.T
        if np.all(tau == 1.0) and np.all(price == 1.0):
            assert change.real_income == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("smoothing", [None, Smoothing(relative=1e-3)], ids=["none", "relative"])
@pytest.mark.parametrize("seed", [70, 72, 73, 74])
def test_hat_algebra_agrees_with_the_evaluator_where_firms_begin_and_cease_to_trade(seed: int, smoothing: Any) -> None:
    """The old network under the shock, and the one that follows without it, at levels that the evaluator finds."""
    before = calibration.economy(150, 15, seed, STRONGER, smoothing=smoothing)
    rng = np.random.default_rng(seed)
    tau, price = rng.lognormal(0.5, 0.3, 150), rng.lognormal(0.3, 0.3, 150)
    assert before.open is not None
    shocked = replace(before.open, tau=before.open.tau * tau, p_F=before.open.p_F * price)
    after = replace(before, open=shocked)
    bases = [balance(market.market(problem)) for problem in (before, after)]
    assert all(base.residual < 1e-11 for base in bases)
    traders = [np.concatenate([base.network.imports, base.network.exports]) for base in bases]
    assert np.abs(traders[0] - traders[1]).max() > 0.5
    ways = zip((before, after), (after, before), bases, ((tau, price), (1 / tau, 1 / price)), strict=True)
    for start, end, base, shock in ways:
        economy_ = market.market(start)
        entry = sequential.equilibrium(start, economy_, base)
        old, new = start.evaluate(entry.network), end.evaluate(entry.network)
        assert isinstance(old, SourcingOutcome)
        assert isinstance(new, SourcingOutcome)
        assert max(new.residuals.values()) < 1e-11
        change = hat.change(hat.shares(flow.flows(economy_, base)), *shock)
        for name in ("w", "A", "E", "P", "real_income"):
            assert getattr(change, name) == pytest.approx(getattr(new, name) / getattr(old, name), rel=1e-10)
        assert pytest.approx(new.T / old.T, rel=1e-10) == change.T
        assert change.sales == pytest.approx(new.sales, rel=1e-10)
        assert change.exports == pytest.approx(new.sales_foreign, rel=1e-10)


def test_a_uniform_tariff_is_a_change_of_import_prices() -> None:
    """With demand as in (A5), τ̂ equals p̂_F = τ̂^((σ−1)/σ) in real income (footnote 22, corrected)."""
    _, base = flows_of(calibrated())
    shares = hat.shares(base)
    sigma = base.economy.rule.sigma
    for tau in (0.5, 0.9, 1.3):
        one, other = hat.change(shares, tau), hat.change(shares, 1.0, tau ** ((sigma - 1) / sigma))
        assert one.real_income == pytest.approx(other.real_income, rel=1e-12)
        assert hat.change(shares, 1.0, tau).real_income != pytest.approx(one.real_income, rel=1e-4)


@pytest.mark.parametrize("shock", [{"tau_hat": 0.0}, {"p_hat": -1.0}, {"tau_hat": [1.0, 2.0]}, {"p_hat": math.nan}])
def test_senseless_shocks_are_refused(shock: dict[str, Any]) -> None:
    _, base = flows_of(calibrated())
    with pytest.raises(InputError, match=next(iter(shock))):
        hat.change(hat.shares(base), **shock)


def test_hat_algebra_needs_trade() -> None:
    _, base = flows_of(calibrated(open=None))
    with pytest.raises(InputError, match="does not trade"):
        hat.change(hat.shares(base), 1.2)


# Moments


def test_flows_are_those_of_the_evaluator() -> None:
    problem = calibrated(n=150)
    solution = api.solve(problem, "sequential")
    outcome = problem.evaluate(solution.decision.found[0].network)
    _, ours = flows_of(problem)
    assert ours.sales == pytest.approx(outcome.sales, rel=1e-10)
    assert pytest.approx(outcome.variable_costs, rel=1e-10) == ours.C
    assert ours.s_foreign == pytest.approx(outcome.s_foreign, rel=1e-10)
    assert ours.fixed == pytest.approx(outcome.fixed_labour, rel=1e-10)
    assert ours.real_income == pytest.approx(outcome.real_income, rel=1e-12)


def test_total_shares_satisfy_their_recursions() -> None:
    _, ours = flows_of(calibrated())
    imported, exported = ours.s_foreign.copy(), ours.exports.copy()
    supplier = ours.network.pairs.supplier
    for e in range(supplier.size):
        imported[ours.buyer[e]] += ours.s_links[e] * ours.foreign_total[supplier[e]]
        exported[supplier[e]] += ours.link_sales[e] * ours.export_total[ours.buyer[e]]
    assert imported == pytest.approx(ours.foreign_total, rel=1e-12)
    assert exported / ours.sales == pytest.approx(ours.export_total, rel=1e-12)


def test_exports_follow_from_the_import_content_of_what_is_sold() -> None:
    """Balanced trade: imports are 1/μ of the foreign content of sales to households and abroad."""
    _, ours = flows_of(calibrated())
    at_home, abroad = (float(sold @ ours.foreign_total / sold.sum()) for sold in (ours.home, ours.exports))
    ratio = moments.numbers(ours)[moments.EXPORT_RATIO.name]
    assert ratio == pytest.approx(at_home / (ours.economy.mu - abroad), rel=1e-11)


def test_moments_are_counted_as_the_paper_says() -> None:
    _, ours = flows_of(calibrated())
    found, names = moments.targeted(ours), moments.names()
    assert len(names) == found.size == moments.data().size == 36
    assert moments.data()[names.index("Import content of domestic final demand")] == 0.58
    assert found.sum() == pytest.approx(8 + sum(moments.numbers(ours).values()), rel=1e-12)
    suppliers = np.zeros(ours.T.size)
    for e, p in enumerate(ours.network.p):
        suppliers[ours.buyer[e]] += p > 0.5
    first = [np.mean(suppliers <= 33), np.mean((suppliers > 33) & (suppliers <= 56))]
    assert found[:2] == pytest.approx(first)
    table = moments.table_3(ours)
    assert len(table) == 28
    assert table["Number of dom. suppliers, 50th percentile"] == np.median(suppliers)
    assert len(moments.table_4(ours)) == 26
    shares = moments.table_4(ours)
    for what in ("imports, top {} percent of importers", "total sales, top {} percent of firms"):
        ordered = [shares[f"Share of {what.format(top)}"] for top in (1, 5, 10)]
        assert 0 < ordered[0] < ordered[1] < ordered[2] < 1


# Estimation


def simulated(drawn: draws.Draws) -> Any:
    """Return the moments of section 4.3 as a function of parameters, on given random numbers."""

    def simulate(parameters: dict[str, float]) -> Any:
        economy_ = market.market(calibration.from_draws(drawn, parameters))
        found = balance(economy_, max_evaluations=60)
        return moments.targeted(flow.flows(economy_, found)) if found.residual < 1e-8 else None

    return simulate


class Notebook:
    """A memory that counts."""

    def __init__(self) -> None:
        self.cells: dict[str, Any] = {}

    def get(self, key: Any) -> Any:
        return self.cells.get(repr(key))

    def add(self, key: Any, found: Any) -> Any:
        self.cells[repr(key)] = found
        return found


def test_estimation_recovers_two_parameters() -> None:
    simulate = simulated(draws.draw(400, 60, seed=1))
    truth = {"alpha_dom": -3.1, "f_imp": -2.7}
    found = estimation.estimate(
        simulate,
        {"alpha_dom": (-4.0, -2.5), "f_imp": (-4.0, -1.5)},
        simulate(truth),
        population=5,
        generations=6,
        polish=80,
        seed=1,
    )
    assert found.finished
    assert found.objective < 1e-4
    assert found.parameters["alpha_dom"] == pytest.approx(-3.1, abs=0.02)
    assert found.parameters["f_imp"] == pytest.approx(-2.7, abs=0.1)


def test_estimation_resumes_from_memory() -> None:
    target = np.array([1.0, 2.0])
    calls = []

    def simulate(parameters: dict[str, float]) -> Any:
        calls.append(parameters)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return [parameters["a"], parameters["a"] * parameters["b"]]

    notebook = Notebook()
    bounds = {"a": (0.0, 3.0), "b": (0.0, 3.0)}
    options: dict[str, Any] = {"population": 4, "generations": 10, "seed": 2}
    broken = estimation.estimate(simulate, bounds, target, memory=notebook, **options)
    assert not broken.finished
    resumed = estimation.estimate(simulate, bounds, target, memory=notebook, **options)
    whole = estimation.estimate(simulate, bounds, target, **options)
    assert resumed.remembered >= 29
    assert resumed.finished
    assert resumed.parameters == whole.parameters
    assert whole.parameters == pytest.approx({"a": 1.0, "b": 2.0}, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bounds": {"a": (1.0, 0.0)}}, "bounds.a"),
        ({"target": [math.nan]}, "target"),
        ({"weight": np.eye(3)}, "weight"),
        ({"weight": [[-1.0]]}, "weight"),
        ({"start": {"b": 1.0}}, "start"),
        ({"generations": -1}, "generations"),
    ],
)
def test_senseless_estimations_are_refused(change: dict[str, Any], field: str) -> None:
    arguments: dict[str, Any] = {"bounds": {"a": (0.0, 1.0)}, "target": [0.5]} | change
    with pytest.raises(InputError, match=field):
        estimation.estimate(lambda p: [p["a"]], arguments.pop("bounds"), arguments.pop("target"), **arguments)


# The paper's numbers


@pytest.mark.slow
def test_the_papers_table_3_comes_out() -> None:
    """Means over five economies of 100 000 firms against the paper's one, given how far single economies lie apart.

    A few large exporters make an economy more or less open, and with it the shares of labour: the standard deviations
    are those of ten other seeds, 40 to 49.
    """
    seeds = range(20, 25)
    paper = {
        "Number of dom. suppliers, 50th percentile": (25, 0.95, 0.5),
        "Number of dom. suppliers, 75th percentile": (44, 1.4, 0.5),
        "Number of dom. suppliers, 95th percentile": (95, 3.0, 0.5),
        "Number of dom. buyers, 50th percentile": (15, 0.52, 0.5),
        "Number of dom. buyers, 75th percentile": (40, 1.0, 0.5),
        "Number of dom. buyers, 95th percentile": (131, 5.1, 0.5),
        "Share of labor costs, 50th percentile": (0.35, 0.032, 0.005),
        "Share of labor costs, 75th percentile": (0.52, 0.041, 0.005),
        "Share of labor costs, 95th percentile": (0.85, 0.033, 0.005),
        "Share of firms that import": (0.18, 0.0045, 0.005),
        "Share of firms that export": (0.14, 0.0058, 0.005),
        "Import content of domestic final demand": (0.60, 0.032, 0.005),
        "Ratio of aggregate exports to aggregate sales to domestic final demand": (0.84, 0.087, 0.005),
    }  # printed value, standard deviation over seeds, half of the last digit printed
    found = [flows_of(calibration.economy(100_000, 1000, seed=seed))[1] for seed in seeds]
    tables = [moments.table_3(one) for one in found]
    for name, (printed, deviation, digit) in paper.items():
        mean = float(np.mean([table[name] for table in tables]))
        assert abs(mean - printed) <= 3 * deviation / math.sqrt(len(seeds)) + digit, name
    assert max(residual for one in found for residual in one.residuals.values()) < 1e-11


@pytest.mark.slow
def test_estimation_recovers_all_eight_parameters() -> None:
    simulate = simulated(draws.draw(2000, 200, seed=1))
    truth = calibration.Parameters()
    names = calibration.ESTIMATED
    target = simulate({name: getattr(truth, name) for name in names})
    bounds = {name: (getattr(truth, name) - 0.4, getattr(truth, name) + 0.5) for name in names}
    found = estimation.estimate(simulate, bounds, target, population=6, generations=40, polish=1500, seed=1)
    assert found.objective < 1e-5
    for name in names:
        assert found.parameters[name] == pytest.approx(getattr(truth, name), abs=0.1), name
