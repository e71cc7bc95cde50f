"""Networks of random economies against brute iteration of the equations, and every firm's choice against all."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import scipy.special
from sourcing_economies import KINDS, Naive, economy, random_markups

import endonet as en
from endonet.formulations.errors import InputError
from endonet.formulations.sourcing import precise
from endonet.formulations.sourcing.evaluation import SourcingOutcome
from endonet.formulations.sourcing.problem import Markups, OpenEconomy, Smoothing, SourcingProblem

every_kind = pytest.mark.parametrize("kind", KINDS, ids="-".join)


def drawn(problem: SourcingProblem, draw: np.random.Generator) -> tuple[dict[str, Any], Naive]:
    """Return a random network and the second opinion on it."""
    z, M, X = draw.random(problem.m) < 0.6, draw.random(problem.n) < 0.6, draw.random(problem.n) < 0.6
    if problem.open is None:
        return {"links": z}, Naive(problem, z)
    return {"links": z, "imports": M, "exports": X}, Naive(problem, z, M, X)


def outcome_of(problem: SourcingProblem, network: Any) -> SourcingOutcome:
    found = problem.evaluate(network)
    assert isinstance(found, SourcingOutcome)
    return found


@every_kind
@pytest.mark.parametrize("pairwise", [False, True])
def test_a_network_is_what_iteration_finds(kind: tuple[str, str, str], pairwise: bool) -> None:
    draw = np.random.default_rng(5)
    compared = 0
    for seed in range(2):
        problem = economy(seed, 3, *kind)
        problem = random_markups(problem, seed) if pairwise else problem
        for _ in range(3):
            network, naive = drawn(problem, draw)
            outcome, other = outcome_of(problem, network), naive.equilibrium()
            if other is None:
                assert not (outcome.feasible and outcome.wage_determined)
                continue
            compared += 1
            assert outcome.feasible
            for name in ("A", "E", "P", "w"):
                assert getattr(outcome, name) == pytest.approx(other[name], rel=1e-12)
            np.testing.assert_allclose(outcome.c, other["c"], rtol=1e-12)
            np.testing.assert_allclose(outcome.q, other["q"], rtol=1e-11, atol=1e-13)
            assert max(outcome.residuals.values()) < 1e-13
            assert outcome.equilibrium is not naive.deviates(other)
    assert compared >= 1


@every_kind
def test_a_network_of_deviations_ends_where_nobody_gains(kind: tuple[str, str, str]) -> None:
    problem = economy(3, 5, *kind)
    everything = {"links": np.ones(problem.m, bool)}
    if problem.open is not None:
        everything |= {"imports": np.ones(5, bool), "exports": np.ones(5, bool)}
    outcome = outcome_of(problem, everything)
    if not outcome.feasible:
        pytest.skip(outcome.reason)
    choice = outcome.choice
    assert np.all((choice.gain > 0) == choice.deviates)
    chosen = precise.respond(outcome)
    assert chosen.key() == choice.network.key(), "fifty digits say the same"


def test_every_number_follows_in_an_economy_solved_by_hand() -> None:
    # One firm, σ = 3: c = w/φ, μ = 3/2, E = μ w L, P = μ c, A = E P^(σ−1).
    problem = SourcingProblem.from_links([], [], [], [], phi=[2.0], alpha_L=[1.0], beta_H=[1.0], sigma=3, L=5.0)
    outcome = outcome_of(problem, [])
    assert pytest.approx((7.5, 0.75, 7.5 * 0.75**2)) == (outcome.E, outcome.P, outcome.A)
    assert outcome.value == pytest.approx(10.0)
    assert outcome.profits == pytest.approx([2.5])
    assert outcome.average_markup == pytest.approx([1.5])


def chain(**more: Any) -> SourcingProblem:
    given = {"phi": 1.0, "alpha_L": [1.0, 1.0], "beta_H": 1.0, "sigma": 4.0} | more
    return SourcingProblem.from_links([0], [1], [0.5], [0.01], **given)


def test_why_a_network_has_no_equilibrium() -> None:
    circle = SourcingProblem.from_links([0, 1], [1, 0], 1.1, 0.0, phi=1, alpha_L=[1, 1], beta_H=1, sigma=4)
    assert "spectral radius" in outcome_of(circle, [[0, 1], [1, 0]]).reason
    assert outcome_of(circle, [[0, 1]]).feasible
    assert "no labour" in outcome_of(chain(L=0.01), [[0, 1]]).reason
    assert outcome_of(chain(L=0.01), []).feasible
    opened = chain(open=OpenEconomy())
    assert "nobody imports" in outcome_of(opened, {"links": [], "exports": [0]}).reason
    assert "nobody exports" in outcome_of(opened, {"links": [], "imports": [0]}).reason
    assert outcome_of(opened, {"links": [], "imports": [1], "exports": [0]}).feasible


def test_a_wide_cyclic_economy_is_solved_sparsely() -> None:
    n = 300
    draw = np.random.default_rng(1)
    supplier = draw.integers(0, n, 900)
    buyer = draw.integers(0, n, 900)
    pairs = sorted({(k, j) for k, j in zip(supplier.tolist(), buyer.tolist(), strict=True) if k != j})
    k, j = np.array(pairs).T
    problem = SourcingProblem.from_links(k, j, 0.4, 1e-5, phi=1, alpha_L=np.ones(n), beta_H=1, sigma=4)
    assert not problem.acyclic
    assert max(outcome_of(problem, np.ones(problem.m, bool)).residuals.values()) < 1e-12
    tight = dataclasses.replace(problem, alpha=np.full(problem.m, 0.9))
    assert "spectral radius" in outcome_of(tight, np.ones(problem.m, bool)).reason


def test_a_tie_is_included_to_the_last_digit() -> None:
    problem = chain()
    without = outcome_of(problem, [])
    benefit = float((without.sales_home[1] / 4) * 0.5**3)  # θ = 1: what the link would add to variable profits
    for factor, included in ((1 + 1e-15, True), (1 - 1e-11, True), (1 + 1e-11, False)):
        tied = dataclasses.replace(problem, f=np.array([benefit * factor]))
        outcome = outcome_of(tied, [])
        assert bool(outcome.choice.network.links[0]) is included
        assert outcome.equilibrium is not included
        assert not outcome.choice.undecided.any()


def test_smoothed_choices_are_logits_and_sharpen_to_the_unsmoothed() -> None:
    problem = economy(2, 4)
    sharp = outcome_of(problem, np.ones(problem.m, bool))
    for k in (1e-1, 1e-3):
        smoothed = dataclasses.replace(problem, smoothing=Smoothing(relative=k))
        outcome = outcome_of(smoothed, np.ones(problem.m))
        benefit = outcome.choice.network.links
        assert pytest.approx(sharp.A, rel=1e-14) == outcome.A
        value = (
            outcome.sales_home[problem.buyer] / problem.sigma * outcome.s_links - problem.f
        )  # the share of a link in variable profits, less its fixed cost
        np.testing.assert_allclose(benefit, scipy.special.expit(value / (k * problem.f)), rtol=1e-9, atol=1e-17)
    assert np.array_equal(np.round(benefit).astype(bool), sharp.choice.network.links)


def test_residuals_hold_for_probabilities_too() -> None:
    problem = dataclasses.replace(economy(2, 5, closure="open"), smoothing=Smoothing(absolute=1e-3))
    draw = np.random.default_rng(0)
    network = {"links": draw.random(problem.m), "imports": draw.random(5), "exports": draw.random(5)}
    assert max(outcome_of(problem, network).residuals.values()) < 1e-13


def test_probabilities_go_to_json_and_back() -> None:
    problem = dataclasses.replace(economy(2, 5, closure="open"), smoothing=Smoothing(absolute=1e-3))
    draw = np.random.default_rng(0)
    chances = [draw.random(size) * (draw.random(size) < 0.6) for size in (problem.m, 5, 5)]
    network = problem.network(dict(zip(("links", "imports", "exports"), chances, strict=True)))
    encoded = json.loads(json.dumps(problem.encode_decision(network)))
    assert len(encoded["links"]) == len(encoded["probabilities"]["links"]) == np.count_nonzero(chances[0])
    for part, chance in zip(problem.decode_decision(encoded).parts, chances, strict=True):
        assert np.array_equal(part, chance)
    backwards = encoded | {"links": encoded["links"][::-1]}
    backwards["probabilities"] = encoded["probabilities"] | {"links": encoded["probabilities"]["links"][::-1]}
    assert np.array_equal(problem.decode_decision(backwards).links, chances[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": 0.5}, "decision.probabilities: it is no object"),
        ({"probabilities": {"wages": []}}, "decision.probabilities: it is no object"),
        ({"probabilities": {"links": [0.5]}}, "decision.probabilities.links: it has 1 numbers for 2 entries"),
        ({"probabilities": {"links": [0.5, 1.5]}}, r"decision.probabilities.links\[1\]: 1.5 is no probability"),
        ({"links": [[0, 1], [0, 1]]}, r"decision.links: the pair \[0, 1\] stands twice"),
        ({"links": [[0, 1], [1, 0]]}, r"decision.links\[1\]: supplier 1 may not sell to buyer 0"),
        ({"links": [[0, 1], [0, 9]]}, r"decision.links\[1\]: there is no firm 9"),
        ({"imports": [True]}, "decision.probabilities.imports: it has 0 numbers|decision.imports"),
        ({"imports": [7]}, "decision.probabilities.imports: it has 0 numbers"),
    ],
)
def test_wrong_probabilities_are_named(change: dict[str, Any], message: str) -> None:
    problem = dataclasses.replace(economy(2, 4, share=1.0, closure="open"), smoothing=Smoothing(absolute=1e-3))
    good = {"links": [[0, 1], [0, 2]], "imports": [], "exports": [], "probabilities": {"links": [0.5, 1.0]}}
    assert problem.network(good).links.sum() == 1.5
    with pytest.raises(InputError, match=message):
        problem.network(good | change)
    with pytest.raises(InputError, match="the economy is not smoothed"):
        dataclasses.replace(problem, smoothing=None).network(good)


def test_the_tariff_enters_with_the_exponent_of_a5() -> None:
    opened = OpenEconomy(tau=[2.0, 2.0])
    problem = chain(open=opened)
    outcome = outcome_of(problem, {"links": [], "imports": [1], "exports": [0]})
    expected = (outcome.problem.mu * outcome.c[0] * 2.0) ** (1 - 4)
    assert outcome.sales_foreign[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phi": [1.0, -1.0]}, r"phi\[1\]: -1 is not positive"),
        ({"alpha_L": [1.0, 0.0]}, r"alpha_L\[1\]: 0 is not positive; every firm needs labour"),
        ({"beta_H": [0.0, 0.0]}, "beta_H: households want no good"),
        ({"sigma": 1.0}, "sigma: 1 is not greater than 1"),
        ({"L": 0.0}, "L: 0 is not greater than 0"),
        ({"initiator": "seller"}, "initiator: 'seller' initiates no links; use buyer or supplier"),
        ({"open": OpenEconomy(f_import=-1.0)}, r"open.f_import\[0\]: -1 is negative"),  # type: ignore[arg-type]
        ({"open": OpenEconomy(p_F=[1.0])}, "open.p_F: its shape is"),  # type: ignore[arg-type]
        ({"markups": Markups(home=[1.0, 0.0])}, r"markups.home\[1\]: 0 is not positive"),  # type: ignore[arg-type]
        ({"markups": Markups(foreign=1.0)}, "a closed economy has no exports"),  # type: ignore[arg-type]
        ({"sigma": 2000.0}, "alpha: its power"),
    ],
)
def test_bad_data_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chain(**changes)


@pytest.mark.parametrize(
    ("links", "message"),
    [
        (([0, 2], [1, 1], 0.5, 0.01), r"supplier\[1\]: there is no firm 2; firms are 0-based, 0 to 1"),
        (([0, 1], [1, 1], 0.5, 0.01), r"supplier\[1\]: firm 1 buys from itself"),
        (([0, 0], [1, 1], 0.5, 0.01), r"supplier\[1\]: the link from supplier 0 to buyer 1 already stands at 0"),
        (([0], [1], -0.5, 0.01), r"alpha\[0\]: -0.5 is no saliency"),
        (([0], [1], 0.5, -0.01), r"f\[0\]: -0.01 is no fixed cost; fixed costs are finite and ≥ 0"),
        (([0], [1], 0.5, float("nan")), r"f\[0\]: nan is no fixed cost"),
        (([0], [1], [0.5, 0.5], 0.01), "alpha: its shape is"),
        (([0.5], [1], 0.5, 0.01), "supplier: it is no list of whole numbers"),
    ],
)
def test_bad_links_are_named(links: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SourcingProblem.from_links(*links, phi=1, alpha_L=[1, 1], beta_H=1, sigma=4)


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ([[1, 0]], r"decision.links\[0\]: supplier 1 may not sell to buyer 0"),
        ([[0, 7]], r"decision.links\[0\]: there is no firm 7"),
        ([[0, 1], [0, 1]], r"the pair \[0, 1\] stands twice"),
        ({"links": [], "imports": [0]}, "the economy is closed"),
        ({"link": []}, "decision.link: there is no such part"),
        (np.array([0.5]), "neither 0 nor 1"),
    ],
)
def test_bad_decisions_are_named(decision: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        chain().evaluate(decision)


def test_cycles_are_shown_where_there_are_any() -> None:
    problem = SourcingProblem.from_links(
        [0, 1, 2, 3], [1, 2, 0, 0], 0.3, 0.01, phi=1, alpha_L=np.ones(4), beta_H=1, sigma=4
    )
    buys = {(int(j), int(k)) for k, j in zip(problem.supplier, problem.buyer, strict=True)}
    circle = problem.cycle
    assert sorted(circle) == [0, 1, 2]
    assert all(pair in buys for pair in zip(circle, circle[1:] + circle[:1], strict=True))
    backward = SourcingProblem.from_links([2, 1], [1, 0], 0.3, 0.01, phi=1, alpha_L=np.ones(3), beta_H=1, sigma=4)
    assert backward.acyclic
    assert backward.cycle == ()


@every_kind
@pytest.mark.parametrize("ending", [".json", ".json.gz", ".npz"])
def test_a_file_gives_the_economy_back(kind: tuple[str, str, str], ending: str, tmp_path: Any) -> None:
    problem = random_markups(economy(1, 4, *kind, smoothing=Smoothing(relative=0.01)), 2)
    path = tmp_path / f"economy{ending}"
    en.save(problem, path)
    again = en.load(path)
    assert again.fingerprint == problem.fingerprint
    assert again.name == problem.name


def test_single_precision_stays_single_and_is_the_same_economy() -> None:
    problem = economy(4, 5)
    single = dataclasses.replace(problem, alpha=problem.alpha.astype(np.float32), f=problem.f.astype(np.float32))
    double = dataclasses.replace(problem, alpha=single.alpha.astype(float), f=single.f.astype(float))
    assert single.alpha.dtype == np.float32
    assert single.fingerprint == double.fingerprint != problem.fingerprint
