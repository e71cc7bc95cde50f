"""One firm's interdependent choice of suppliers: theorem, bounds, certificates, files, the 67-country data."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from choices import TINY, best_by_trying_all, choice, profits_by_trying_all, sets
from hypothesis import given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing.complements import FIRM_COMPLEMENTS
from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.formulations.sourcing.thresholds import FIRM_THRESHOLDS, order_by_ratio, prefix_profits
from endonet.instances.sourcing import aft, choices
from endonet.solvers.solution import Status, StoppedBy
from endonet.solvers.sourcing import choice_kernels
from endonet.solvers.sourcing.squeezing import Squeezing, by_ratio

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "aft2017"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the 67-country data are not here")

numbers = st.floats(0.0, 4.0).map(lambda x: round(x, 1))


@st.composite
def small_choices(draw: Any) -> SourcingChoice:
    K, firms = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    return SourcingChoice(
        sigma=1 + draw(st.floats(0.2, 6.0)),
        theta=draw(st.floats(0.5, 4.0)),
        phi=draw(st.lists(st.floats(0.5, 2.0), min_size=firms, max_size=firms)),  # type: ignore[arg-type]
        xi=draw(st.lists(numbers, min_size=K, max_size=K)),  # type: ignore[arg-type]
        f=draw(st.lists(st.lists(numbers, min_size=K, max_size=K), min_size=firms, max_size=firms)),  # type: ignore[arg-type]
        xi_0=draw(st.sampled_from([0.0, 0.5])),  # type: ignore[arg-type]
        w=draw(st.floats(0.5, 2.0)),
    )


def test_a_pair_that_only_pays_together_is_found() -> None:
    pair = SourcingChoice(sigma=3, theta=1, phi=[1.0], xi=[1.0, 1.0], f=[1.5, 1.5])  # type: ignore[arg-type]
    values = {tuple(Z): pair.evaluate(Z).value for Z in ([0, 0], [1, 0], [0, 1], [1, 1])}
    assert values == {(0, 0): 0.0, (1, 0): -0.5, (0, 1): -0.5, (1, 1): 1.0}
    solution = en.solve(pair, "squeezing")
    assert (solution.value, solution.bound) == (1.0, 1.0)
    assert pair.evaluate([0, 0]).regret[0] == 0.0, "no single supplier helps, which is why squeezing has to branch"
    assert solution.statistics["squeezed"] == 0


@settings(max_examples=40, deadline=None)
@given(small_choices())
def test_squeezing_finds_the_best_of_all_sets_and_proves_it(problem: SourcingChoice) -> None:
    best = best_by_trying_all(problem)
    for branching in ("bounded", "bare"):
        solution = Squeezing(branching=branching, threads=1).solve(problem)
        assert solution.value == pytest.approx(best, rel=1e-9, abs=1e-12)
        assert solution.bound is not None
        assert solution.bound >= best - 1e-12 * max(1.0, abs(best))
        assert en.check(problem, solution)["proved"] >= best - 1e-12 * max(1.0, abs(best))


@settings(max_examples=40, deadline=None)
@given(small_choices())
def test_prefixes_are_optimal_exactly_for_complements(problem: SourcingChoice) -> None:
    best = profits_by_trying_all(problem)
    for i in range(problem.firms):
        prefix = prefix_profits(problem, i, order_by_ratio(problem, i)).max()
        assert prefix <= best[i] + 1e-12 * max(1.0, abs(best[i]))
        if problem.complements:
            assert prefix == pytest.approx(best[i], rel=1e-12, abs=1e-12)


def test_prefixes_are_not_optimal_for_all_substitutes() -> None:
    short = [
        i for i in range(20) if _prefix(problem := choice(i, 1, 8, 0.6, 0.05)) < best_by_trying_all(problem) - 1e-6
    ]
    assert short, "the theorem would hold for substitutes as well"


def _prefix(problem: SourcingChoice) -> float:
    return float(prefix_profits(problem, 0, order_by_ratio(problem, 0)).max())


@settings(max_examples=40, deadline=None)
@given(small_choices(), st.floats(0.0, 5.0))
def test_any_price_bounds_every_set_of_substitutes(problem: SourcingChoice, price: float) -> None:
    if problem.exponent >= 1:
        problem = replace(problem, theta=problem.sigma)
    best = profits_by_trying_all(problem)
    for i in range(problem.firms):
        xi, c = problem.xi, problem.w * problem.f[i]
        state = np.full(xi.size, choice_kernels.OPEN, np.int8)
        low = float(problem.xi_0[i])
        scale = float(problem.scale[i])
        found = choice_kernels.price_bound(problem.exponent, scale, low, low + xi.sum(), 0.0, price, xi, c, state)
        assert found >= best[i] - 1e-12 * max(1.0, best[i])


def test_squeezing_alone_never_cuts_off_the_optimum() -> None:
    for seed, exponent in itertools.product(range(30), (0.4, 0.8, 1.3, 2.0)):
        problem = choice(seed, 1, 7, exponent, 0.4)
        xi, c = np.atleast_2d(problem.xi)[0], problem.w * problem.f[0]
        order = by_ratio(np.atleast_2d(xi), np.atleast_2d(c))[0]
        state = np.full(order.size, choice_kernels.OPEN, np.int8)
        base, scale = float(problem.xi_0[0]), float(problem.scale[0])
        choice_kernels.squeeze(problem.exponent, scale, base, xi[order], c[order], state)
        best = max(sets(problem), key=lambda Z: problem.evaluate(Z).value)
        fixed = state != choice_kernels.OPEN
        assert (best[order][fixed] == state[fixed]).all()


def test_bounds_save_most_of_the_branching() -> None:
    problem = choice(4, 5, 14, 0.5, 0.02)
    bare = Squeezing(branching="bare").solve(problem)
    bounded = Squeezing().solve(problem)
    assert bounded.value == pytest.approx(bare.value, rel=1e-9)
    assert bounded.statistics["nodes"] * 50 < bare.statistics["nodes"]


def test_equal_suppliers_do_not_multiply_the_branches() -> None:
    many = SourcingChoice(sigma=2.0, theta=2.0, phi=[1.0], xi=np.full(60, 1.0), f=np.full(60, 0.1303))  # type: ignore[arg-type]
    solution = en.solve(many, "squeezing")
    alone = [float(m**0.5 - 0.1303 * m) for m in range(61)]
    assert solution.value == pytest.approx(max(alone), rel=1e-12)
    assert solution.status is Status.OPTIMAL
    assert solution.statistics["nodes"] < 200
    en.check(many, solution)


def test_a_node_limit_leaves_a_valid_bound() -> None:
    problem = choice(6, 3, 18, 0.5, 0.01)
    full = en.solve(problem, "squeezing")
    cut = en.solve(problem, "squeezing", node_limit=1)
    assert cut.stopped_by is StoppedBy.NODE_LIMIT
    assert cut.status is Status.FEASIBLE
    assert cut.bound is not None
    assert full.value is not None
    assert cut.value <= full.value + 1e-12 <= cut.bound + 2e-12
    en.check(problem, cut)


def test_bare_branching_without_a_bound_says_so() -> None:
    cut = en.solve(choice(6, 1, 18, 0.5, 0.01), "squeezing", branching="bare", node_limit=50)
    assert (cut.status, cut.stopped_by) == (Status.FEASIBLE, StoppedBy.NODE_LIMIT)


@pytest.mark.parametrize("case", TINY)
def test_formulations_agree_with_the_evaluator(case: str) -> None:
    problem = TINY[case]()
    model = FIRM_COMPLEMENTS.build(problem)
    rng = np.random.default_rng(1)
    import pyomo.environ as pyo

    for _ in range(5):
        Z = rng.integers(0, 2, (problem.firms, problem.K))
        for (i, k), value in np.ndenumerate(Z):
            model.z[i, k].set_value(int(value))
        outcome = problem.evaluate(Z)
        for i in range(problem.firms):
            model.Theta[i].set_value(float(outcome.Theta[i]), skip_validation=True)
            assert pyo.value(model.constraint_capability[i].body) == pytest.approx(
                pyo.value(model.constraint_capability[i].upper), abs=1e-12
            )
        assert pyo.value(model.objective) == pytest.approx(outcome.value, rel=1e-12)
        assert (FIRM_COMPLEMENTS.extract(model) == Z).all()


def test_thresholds_are_a_linear_program_with_the_optimum() -> None:
    from pyomo.contrib.appsi.solvers import Highs

    problem = TINY["complements"]()
    model = FIRM_THRESHOLDS.build(problem)
    found = Highs().solve(model).best_feasible_objective
    assert found == pytest.approx(best_by_trying_all(problem), rel=1e-9)
    assert problem.evaluate(FIRM_THRESHOLDS.extract(model)).value == pytest.approx(found, rel=1e-9)
    with pytest.raises(NotApplicableError, match="substitutes"):
        FIRM_THRESHOLDS.build(TINY["substitutes"]())


def test_a_tampered_certificate_or_claim_is_refused() -> None:
    problem = TINY["substitutes"]()
    solution = en.solve(problem, "squeezing")
    assert solution.value is not None
    assert solution.certificate is not None
    report = en.check(problem, solution)
    assert report["proved"] == pytest.approx(solution.value, rel=1e-9)
    for wrong in ({"kind": "sourcing thresholds"}, {"kind": "sourcing prices", "prices": [-1.0, 0.0]}, None):
        with pytest.raises(en.VerificationError):
            en.check(problem, replace(solution, certificate=wrong))
    nobody = np.zeros((problem.firms, problem.K), np.int8)
    worse = problem.evaluate(nobody).value
    with pytest.raises(en.VerificationError, match="proves"):
        en.check(problem, replace(solution, decision=nobody, value=worse, bound=worse, rel_gap=0.0))
    with pytest.raises(en.VerificationError, match="evaluator"):
        en.check(problem, replace(solution, value=solution.value * 1.001))
    with pytest.raises(en.VerificationError, match="another problem"):
        en.check(TINY["complements"](), solution)
    # Any other prices prove the same bound, after a longer search.
    other = replace(solution, certificate={"kind": "sourcing prices", "prices": [0.0] * problem.firms})
    assert en.check(problem, other)["proved"] == pytest.approx(solution.value, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": 1.0}, "sigma: 1 is outside its domain"),
        ({"theta": -1}, "theta"),
        ({"B": float("nan")}, "B"),
        ({"w": "dear"}, "w: 'dear' is not a number"),
        ({"phi": [1.0, 0.0]}, r"phi\[1\]: 0 is not positive"),
        ({"xi": [1.0, -2.0]}, r"xi\[1\]: -2 is negative"),
        ({"f": [[1.0, 2.0], [1.0, -1.0]]}, r"f\[1, 1\]: -1 is negative"),
        ({"f": [[1.0, 2.0]]}, "f: its shape"),
        ({"f": [1.0, float("inf")]}, r"f\[1\]: it is not finite"),
        ({"xi_0": [1.0, 2.0, 3.0]}, "xi_0: it has 3 entries for 2 firms"),
        ({"xi": []}, "xi: its shape"),
        ({"suppliers": ("only one",)}, "suppliers: it has 1 entries for 2"),
        ({"sigma": 900.0, "phi": [30.0, 30.0]}, "beyond doubles"),
    ],
)
def test_bad_data_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"sigma": 3.0, "theta": 1.5, "phi": [1.0, 2.0], "xi": [1.0, 2.0], "f": [0.5, 0.5]}
    SourcingChoice(**good)
    with pytest.raises(InputError, match=message):
        SourcingChoice(**(good | change))


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ({"sets": [[0, 6], []]}, r"decision.sets\[0\]: 6 is no supplier"),
        ({"sets": [[0, 0], []]}, "twice"),
        ({"sets": [[0]]}, "1 lists for 2 firms"),
        ({"sets": [[0], [True]]}, "True is no supplier"),
        ({"set": []}, "decision.sets"),
        ({"sets": [[], []], "more": 1}, "decision.more"),
    ],
)
def test_bad_decisions_are_refused_by_name(decision: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TINY["complements"]().decode_decision(decision)


@pytest.mark.parametrize("ending", ["json", "json.gz", "npz"])
def test_files_give_the_problem_back_bit_by_bit(ending: str, tmp_path: Path) -> None:
    for seed in (1, 2):
        problem = replace(choice(seed, 3, 5), suppliers=tuple("abcde"), name="x", description="y")
        en.save(problem, tmp_path / f"problem.{ending}")
        read = en.load(tmp_path / f"problem.{ending}")
        assert read.fingerprint == problem.fingerprint
        assert (read.suppliers, read.name, read.description) == (problem.suppliers, "x", "y")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "chioce"}, "kind"),
        ({"version": 2}, "version"),
        ({"xii": [1]}, "did you mean 'xi'"),
        ({"K": 0}, "K: 0 is too small"),
        ({"f": [[1, 2], [1]]}, r"f\[1\]"),
        ({"f": [1, 2, 3]}, "f: it has 3 entries for 2 suppliers"),
        ({"xi": ["a", 1]}, r"xi\[0\]"),
        ({"phi": True}, "phi"),
        ({"suppliers": [1, 2]}, r"suppliers\[0\]"),
    ],
)
def test_bad_files_are_refused_by_field(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"family": "sourcing", "version": 1, "kind": "choice", "K": 2, "sigma": 3, "theta": 2}
    good |= {"phi": [1, 2], "xi": [1, 2], "f": [[1, 2], [3, 4]]}
    assert choices.from_fields(copy.deepcopy(good)).firms == 2
    with pytest.raises(InputError, match=message):
        choices.from_fields(good | change)


@needs_data
def test_the_67_countries_as_they_are() -> None:
    data = aft.read(DATA)
    assert (len(data.countries), data.countries[0], data.sigma, data.theta) == (67, "USA", 3.85, 1.789297)
    assert data.xi[0] == 1.0
    assert data.xi[data.countries.index("CHN")] == pytest.approx(np.exp(-3.779076))
    assert (data.firms, data.importing) == (250300, 64600)


@needs_data
def test_simulated_firms_are_the_same_in_any_part() -> None:
    data = aft.read(DATA)
    whole, part = aft.simulate(data, 50, seed=3), aft.simulate(data, 10, seed=3, first=20)
    assert (whole.phi[20:30] == part.phi).all()
    assert (whole.f[20:30] == part.f).all()
    assert not (whole.phi == aft.simulate(data, 50, seed=4).phi).any()
    assert (whole.f[:, 0] == 0).all()
    # κ and the dispersion of the draws, from 200 000 numbers: four standard errors
    many = aft.simulate(data, 3000, seed=1)
    assert np.log(many.phi).mean() == pytest.approx(1 / 4.25, abs=4 / 4.25 / np.sqrt(3000))
    spread = np.log(many.f[:, 1:]).std(axis=0).mean()
    assert spread == pytest.approx(0.9370, abs=4 * 0.9370 / np.sqrt(2 * 3000 * 66))


@needs_data
@pytest.mark.parametrize("theta", [None, 4.5])
def test_squeezing_agrees_with_brute_force_on_sub_samples(theta: float | None) -> None:
    data = aft.read(DATA)
    problem = aft.simulate(data, 30, seed=2, countries=12, theta=theta)
    found, brute = en.solve(problem, "squeezing"), en.solve(problem, "subsets")
    assert found.value == pytest.approx(brute.value, rel=1e-12)
    assert found.status is Status.OPTIMAL
    en.check(problem, found)
    en.check(problem, brute)


@needs_data
def test_every_firm_of_the_67_countries_has_a_certified_optimum() -> None:
    problem = aft.simulate(aft.read(DATA), 5000, seed=0)
    solution = en.solve(problem, "squeezing")
    assert solution.status is Status.OPTIMAL
    assert solution.statistics["proved"] == 5000
    en.check(problem, solution)
    assert (problem.evaluate(solution.decision).regret <= 1e-12).all()
    importers = float((solution.decision[:, 1:].sum(axis=1) > 0).mean())
    assert importers == pytest.approx(64600 / 250300, abs=0.02), "the data's share of importers"


def test_data_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="emp2dataformatlabv3"):
        aft.read(tmp_path)
