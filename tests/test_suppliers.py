"""Set choices: exact laws, every method against every set, ties, chains, files, bad input."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import set_choices
from hypothesis import given, settings
from hypothesis import strategies as st
from set_choices import REGION, SCENARIOS, all_sets, best_sets, choice

import endonet as en
from endonet import api
from endonet.cli import main
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.suppliers.chain import along_chain
from endonet.formulations.suppliers.law import gauss
from endonet.formulations.suppliers.problem import SupplierSet
from endonet.formulations.suppliers.robust import ROBUST, known_moments, worst_law_model
from endonet.instances import bounds as record
from endonet.instances import files
from endonet.instances.suppliers import bundle, generators
from endonet.solvers.solution import Status
from endonet.solvers.suppliers import ties

EXACT = ("certified", "enumeration", "sorted-prefix")
NAMES = [entry.name for entry in files.names() if entry.family == "suppliers"]
shares = st.integers(0, 12).map(lambda n: Fraction(n, 12))


@st.composite
def problems(draw: Any) -> en.SupplierProblem:
    """Draw small problems of every kind."""
    n, m, K = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    weights = draw(st.lists(st.integers(1, 5), min_size=m, max_size=m))
    members = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n))
    regions = [{"suppliers": members, "mu0": draw(shares), "rho0": draw(shares)}] if members else []
    return en.SupplierProblem(
        risk=[[draw(shares) for _ in range(n)] for _ in range(m)],
        probability=[Fraction(w, sum(weights)) for w in weights],
        regions=regions,  # type: ignore[arg-type]
        K=K,
        pi=[draw(st.integers(0, 4).map(lambda x: Fraction(x, 2))) for _ in range(K)],  # type: ignore[arg-type]
        c=[draw(st.integers(1, 8).map(lambda x: Fraction(x, 24))) for _ in range(K)],  # type: ignore[arg-type]
        fees=[draw(st.integers(0, 3).map(lambda x: Fraction(x, 60))) for _ in range(n)],  # type: ignore[arg-type]
        known=draw(st.sampled_from(["law", "marginals"])),
        ties=draw(st.sampled_from(["lower", "higher", "randomise"])),
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems())
def test_every_exact_method_finds_the_optimum_and_all_ties(problem: en.SupplierProblem) -> None:
    best, tied = best_sets(problem)
    for name in EXACT:
        if api.solver("suppliers", name).refuses(problem):
            continue
        solution = en.solve(problem, name)
        assert solution.decision is not None
        assert problem.evaluate(solution.decision).welfare == best
        assert list(solution.decision.tied_sets or (solution.decision.suppliers,)) == tied
        wanted = {"lower": tied[0], "higher": tied[-1]}.get(problem.ties, solution.decision.suppliers)
        assert solution.decision.suppliers == wanted
        en.check(problem, solution)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(problems())
def test_in_equilibrium_no_layer_gains_by_another_choice(problem: en.SupplierProblem) -> None:
    solution = en.solve(problem, "certified", "equilibrium")
    en.check(problem, solution)
    outcome = problem.evaluate(solution.decision)
    firm = dataclasses.replace(problem, K=1, pi=problem.pi[:1], c=problem.c[:1])
    assert outcome.exact_profits[0] == best_sets(firm)[0]
    for k in range(1, problem.K):
        if outcome.path[k - 1]:
            alone = problem.pi[k] * (1 - outcome.exact_disruption) - problem.kappa[k]
            assert outcome.exact_profits[k] == max(alone, Fraction(0))
    assert solution.value <= en.solve(problem).value + 1e-15
    other = en.solve(problem, "enumeration", "equilibrium")
    if problem.ties != "randomise":
        assert other.encoded_decision == solution.encoded_decision


@settings(max_examples=25, deadline=None, derandomize=True)
@given(problems())
def test_the_law_agrees_with_its_events_mixture_and_numbers(problem: en.SupplierProblem) -> None:
    law = problem.law
    events, (q, P), numbers = law.events(), law.mixture(), law.numbers()
    assert sum(events.values()) == sum(numbers) == 1
    for chosen in all_sets(problem.n):
        exact = sum(mass for event, mass in events.items() if set(chosen) <= event)
        assert law.all_fail(chosen) == exact
        assert float(q @ P[:, list(chosen)].prod(axis=1)) == pytest.approx(float(exact), abs=1e-14)
    for d, mass in enumerate(numbers):
        assert mass == sum(p for event, p in events.items() if len(event) == d)


def test_a_common_draw_is_the_chains_law() -> None:
    """Suppliers behind one Beta draw: P(S ⊆ D) = M(|S|), and the firm keeps as many as the opaque firm, ties too."""
    for mu0, rho0, count in (("2/5", "3/4", 6 + 15), ("1/2", "1/5", 15 + 20), ("1/2", "3/10", 15)):
        chain = ChainProblem(1, mu0, rho0, 1, "1/25")  # type: ignore[arg-type]
        problem = choice([0] * 6, regions=[{"suppliers": list(range(6)), "mu0": mu0, "rho0": rho0}])
        for s in range(7):
            assert problem.law.all_fail(range(s)) == chain.moments.fraction(s)
        tied = en.solve(problem).decision.tied_sets
        firm = en.solve(chain, formulation="equilibrium").decision
        assert {len(tie) for tie in tied} == {path[0] for path in (firm.tied_paths or (firm.path,))}
        assert len(tied) == count


@pytest.mark.parametrize(
    ("alpha", "beta", "count"), [(0.3, 0.7, 6), (1, 1, 5), (2, 1e-3, 4), (1e6, 3e6, 8), (0.5, 0.5, 1)]
)
def test_gauss_nodes_have_the_moments_of_the_beta_law(alpha: float, beta: float, count: int) -> None:
    places, masses = gauss(alpha, beta, count)
    for n in range(2 * count):
        exact = np.prod([(alpha + i) / (alpha + beta + i) for i in range(n)])
        assert float(masses @ places**n) == pytest.approx(float(exact), rel=1e-13)


def test_independent_suppliers_are_a_sorted_prefix() -> None:
    for seed in range(5):
        problem = generators.independent(9, seed=seed, cost="1/60")
        order = sorted(range(9), key=lambda i: problem.risk[0][i])
        _, tied = best_sets(problem)
        assert any(set(order[: len(chosen)]) == set(chosen) for chosen in tied)
        assert en.solve(problem, "sorted-prefix").value == en.solve(problem, "enumeration").value
    with pytest.raises(en.NotApplicableError, match="fail together"):
        en.solve(choice(**SCENARIOS), "sorted-prefix")
    with pytest.raises(en.NotApplicableError, match="lower fee"):
        en.solve(choice(fees=["1/10", 0, 0]), "sorted-prefix")


def test_the_papers_example_keeps_the_one_that_fails_alone() -> None:
    """Two suppliers fail together and the third exactly when they do not: any of the two with the third is safe."""
    problem = en.load("suppliers/example-3")
    solution = en.solve(problem)
    assert solution.decision.tied_sets == ((0, 2), (1, 2))
    assert problem.evaluate(solution.decision).exact_disruption == 0
    assert problem.evaluate(solution.decision).welfare == 1 - Fraction(4, 50)
    assert problem.evaluate([0, 1]).exact_disruption == Fraction(1, 2)


def test_greedy_improves_until_one_change_does_not_and_may_be_wrong() -> None:
    wrong = 0
    for seed in range(20):
        problem = generators.scenarios(12, count=60, seed=seed, cost="1/250", failing="7/10")
        solution = en.solve(problem, "greedy")
        assert solution.status is Status.LOCAL
        chosen = set(solution.decision)
        for i in range(12):
            for j in range(12):
                swapped = (chosen ^ {i}) if i == j else (chosen ^ {i, j})
                if len(swapped) <= len(chosen) + 1 and abs(len(swapped) - len(chosen)) <= 1:
                    assert problem.evaluate(sorted(swapped)).value <= solution.value + 1e-10
        optimum = en.solve(problem).value
        assert solution.value <= optimum
        wrong += solution.value < optimum - 1e-9
    assert 0 < wrong < 20


@pytest.mark.parametrize("name", NAMES)
def test_bundled_optima_lie_within_their_bounds(name: str) -> None:
    problem, known = en.load(name), record.bounds(name)
    assert known.primal is not None
    assert known.dual is not None
    solution = en.solve(problem)
    en.check(problem, solution)
    assert solution.status is Status.OPTIMAL
    slack = 1e-12
    assert known.primal.value * (1 - slack) <= solution.value <= known.dual.value * (1 + slack)
    if problem.n <= 16:
        assert en.solve(problem, "enumeration").encoded_decision == solution.encoded_decision
        assert en.solve(problem, "highs").value == pytest.approx(solution.value, rel=1e-6)


def test_the_bundle_can_be_made_anew() -> None:
    for name, problem in bundle.problems():
        assert problem.fingerprint == en.load(f"suppliers/{name}").fingerprint


@pytest.mark.parametrize("case", set_choices.TINY)
@pytest.mark.parametrize("ending", [".json", ".json.gz"])
def test_files_give_problems_back(case: str, ending: str, tmp_path: Path) -> None:
    problem = set_choices.TINY[case]()
    path = tmp_path / f"problem{ending}"
    en.save(problem, path)
    assert en.load(path).fingerprint == problem.fingerprint


# The equilibrium's program and the robust ones, solved by HiGHS as any user would.


def _highs(model: Any) -> float:
    from pyomo.contrib.appsi.solvers import Highs
    from pyomo.environ import value

    Highs().solve(model)
    return float(value(model.objective))


def test_the_equilibriums_program_finds_the_firms_profit() -> None:
    problem = en.load("suppliers/chain-4")
    formulation = api.formulation("suppliers/equilibrium")
    model = formulation.build(problem)
    profit = _highs(model)
    certified = en.solve(problem, formulation="equilibrium")
    assert profit == pytest.approx(problem.evaluate(certified.decision).profits[0], abs=1e-8)
    assert formulation.extract(model).downstream == certified.decision.downstream
    assert certified.value < en.solve(problem).value  # all firms alike, a planner keeps more suppliers


@pytest.mark.parametrize("seed", range(3))
def test_the_worst_law_the_dual_and_the_closed_form_agree(seed: int) -> None:
    problem = generators.regions(5, groups=2, seed=seed)
    p = problem.law.marginals
    for chosen in [(0,), (1, 3), (0, 2, 4)]:
        worst = _highs(worst_law_model(problem, chosen))
        assert worst == pytest.approx(float(min(p[i] for i in chosen)), abs=1e-7)
        pairs = _highs(worst_law_model(problem, chosen, moments=2))
        assert float(problem.law.all_fail(chosen)) - 1e-7 <= pairs <= worst + 1e-7
        known = dataclasses.replace(problem, known="marginals")
        assert known.evaluate(chosen).exact_disruption == min(p[i] for i in chosen)
    fearful = dataclasses.replace(problem, known="marginals")
    optimum = float(best_sets(fearful)[0])
    for options in ({}, {"events": True}):
        assert _highs(ROBUST.build(fearful, **options)) == pytest.approx(optimum, abs=1e-7)
    # With pairs known, the dual's MILP is the best worst case over all sets.
    value = _highs(ROBUST.build(problem, moments=2))
    kappa, fees = problem.kappa[0], problem.charges
    each = []
    for chosen in all_sets(5):
        risk = _highs(worst_law_model(problem, chosen, moments=2)) if chosen else 1.0
        each.append(1 - risk - float(kappa) * len(chosen) ** 2 - float(sum(fees[i] for i in chosen)))
    assert value == pytest.approx(max(each), abs=1e-6)
    assert optimum - 1e-7 <= value <= en.solve(problem).value + 1e-7


def test_pairs_are_what_makes_a_second_supplier_worth_it() -> None:
    problem = choice(["2/5", "2/5"])
    assert list(en.solve(dataclasses.replace(problem, known="marginals")).decision.suppliers) == [0]
    model = ROBUST.build(problem, moments=2)
    _highs(model)
    assert list(ROBUST.extract(model).suppliers) == [0, 1]
    assert len(list(known_moments(problem, 2))) == 3


# Chains: alike, mixed, opaque.


def test_alike_firms_fail_together_and_single_source_downstream() -> None:
    problem = en.load("suppliers/chain-4")
    found = en.solve(problem, formulation="equilibrium")
    chain = along_chain(problem, "alike", 5, [found.decision.suppliers])
    assert float(chain.welfare) == pytest.approx(found.value)
    for layer in chain.layers:
        assert layer.all_fail + layer.none_fails == 1
    assert all(layer.numbers == (1,) for layer in chain.layers[1:])


def test_ties_drawn_by_each_firm_give_the_opaque_law_where_suppliers_are_alike() -> None:
    """With exchangeable suppliers every set of the best size ties, so that drawing among them is opacity."""
    problem = choice([0] * 6, regions=[{"suppliers": list(range(6)), "mu0": "3/5", "rho0": "1/5"}], K=3)
    found = en.solve(problem, formulation="equilibrium").decision
    mixed = along_chain(problem, "mixed", 4, found.tied_sets)
    opaque = along_chain(problem, "opaque", 4)
    assert mixed.layers == opaque.layers
    alike = along_chain(problem, "alike", 4, [found.suppliers])
    assert alike.layers[0].risk == mixed.layers[0].risk
    assert mixed.layers[0].all_fail < alike.layers[0].all_fail
    assert mixed.layers[1].risk < alike.layers[1].risk
    assert mixed.welfare > alike.welfare


def test_a_mixed_layer_is_what_counting_every_draw_gives() -> None:
    """Two firms, three equal suppliers, single sourcing: all 9 draws of the firms and all 8 events of the base."""
    problem = choice(["1/10"] * 3, K=1, c="1/2")
    found = en.solve(problem).decision
    assert found.tied_sets == ((0,), (1,), (2,))
    chain = along_chain(problem, "mixed", 2, found.tied_sets)
    both = Fraction(0)
    for event, mass in problem.law.events().items():
        for one in range(3):
            for other in range(3):
                both += mass * Fraction(int(one in event and other in event), 9)
    assert chain.layers[0].all_fail == both
    assert chain.layers[0].risk == Fraction(1, 10)


def test_opaque_layers_converge_to_the_chain_of_the_paper() -> None:
    """With many firms and suppliers behind one Beta draw the opaque chain is `ChainProblem`'s equilibrium."""
    limit = ChainProblem(2, "1/2", "3/10", 1, "1/25")  # type: ignore[arg-type]
    outcome = limit.evaluate(en.solve(limit, formulation="equilibrium").decision)
    gaps = []
    for n in (10, 40):
        region = {"suppliers": list(range(n)), "mu0": "1/2", "rho0": "3/10"}
        chain = along_chain(choice([0] * n, regions=[region], K=2), "opaque", n)
        gaps.append(abs(float(chain.layers[1].risk) - outcome.mean_disruption[1]))
    assert gaps[1] < gaps[0] / 2 < 0.02


def test_wrong_regimes_are_refused() -> None:
    problem = choice(["1/5", "2/5"], K=2)
    for arguments, word in (
        (("blind", 2), "regime"),
        (("opaque", 0), "firms"),
        (("mixed", 2), "best"),
        (("mixed", 2, [(0,), (0, 1)]), "best"),
    ):
        with pytest.raises(en.InputError, match=word):
            along_chain(problem, *arguments)
    with pytest.raises(en.InputError, match="fees"):
        along_chain(choice(["1/5", "2/5"], fees=[0, "1/10"]), "opaque", 2)
    with pytest.raises(en.InputError, match="known"):
        along_chain(choice(known="marginals"), "opaque", 2)


# Certificates.


def test_tampered_certificates_are_refused() -> None:
    problem = en.load("suppliers/scenarios-14")
    solution = en.solve(problem)
    en.check(problem, solution)

    def forged(**changes: Any) -> en.Solution:
        return dataclasses.replace(solution, **changes)

    certificate = dict(solution.certificate or {})
    tree = certificate["trees"][0]["nodes"]
    for nodes in ([], [-1], tree[:-1], [*tree, -1], [99, *tree[1:]], ["a"], None):
        with pytest.raises(en.VerificationError):
            en.check(problem, forged(certificate=certificate | {"trees": [{"layers": 1, "nodes": nodes}]}))
    with pytest.raises(en.VerificationError, match="differ"):
        en.check(en.load("suppliers/tied-6"), solution)
    worse = SupplierSet((0, 1))
    value = problem.evaluate(worse).value
    with pytest.raises(en.VerificationError):
        en.check(problem, forged(decision=worse, value=value, bound=value, rel_gap=0.0))
    with pytest.raises(en.VerificationError):
        en.check(problem, forged(bound=solution.value - 1e-3))
    with pytest.raises(en.VerificationError, match="certificate"):
        en.check(problem, forged(certificate=None))


def test_a_tie_that_is_none_is_refused() -> None:
    problem = choice(["1/2"] * 4)
    solution = en.solve(problem)
    assert len(solution.decision.tied_sets) > 1
    wrong = SupplierSet(solution.decision.suppliers, (), (*solution.decision.tied_sets, (0, 1, 2, 3)))
    with pytest.raises(en.VerificationError, match="not exactly as good"):
        en.check(problem, dataclasses.replace(solution, decision=wrong))


def test_orbits_are_counted_and_drawn() -> None:
    problem = choice(["1/2"] * 30, c="1/500", ties="randomise")
    first, again = en.solve(problem, seed=3), en.solve(problem, seed=3)
    assert first.encoded_decision == again.encoded_decision
    assert len(first.decision.tied_sets) == ties.MOST
    assert first.decision.suppliers in first.decision.tied_sets
    assert ties.orbit_size(problem, first.decision.suppliers) > ties.MOST
    en.check(problem, first)
    assert {en.solve(problem, seed=seed).decision.suppliers for seed in range(5)} != {first.decision.suppliers}


# Bad input.

BAD: list[tuple[dict[str, Any], str]] = [
    ({"risk": []}, "risk"),
    ({"risk": "1/2"}, "risk"),
    ({"risk": ["1/2", "3/2"]}, r"risk\[1\]"),
    ({"risk": ["1/2", -1]}, r"risk\[1\]"),
    ({"risk": ["1/2", "x"]}, r"risk\[1\]"),
    ({"risk": [["1/2"], ["1/2", 0]], "probability": ["1/2", "1/2"]}, r"risk\[1\]"),
    ({"risk": [["1/2"], [0]]}, "probability"),
    ({"risk": [["1/2"], [0]], "probability": ["1/2", "1/3"]}, "add up to exactly 1"),
    ({"risk": [["1/2"], [0]], "probability": [0.5, 0.5, 0]}, "probability"),
    ({"risk": ["1/2"], "pi": -1}, "pi"),
    ({"risk": ["1/2"], "c": 0}, "c"),
    ({"risk": ["1/2"], "K": 0}, "K"),
    ({"risk": ["1/2"], "K": 2, "c": [1]}, "c"),
    ({"risk": ["1/2"], "fees": [1, 2]}, "fees"),
    ({"risk": ["1/2"], "fees": [-1]}, r"fees\[0\]"),
    ({"risk": ["1/2"], "known": "pairs"}, "known"),
    ({"risk": ["1/2"], "ties": "lowest"}, "ties"),
    ({"risk": ["1/2"], "regions": [{"suppliers": [0], "mu0": 2, "rho0": 0}]}, r"regions\[0\].mu0"),
    ({"risk": ["1/2"], "regions": [{"suppliers": [1], "mu0": 0, "rho0": 0}]}, r"regions\[0\].suppliers\[0\]"),
    ({"risk": ["1/2"], "regions": [{"suppliers": [0], "mu0": 0}]}, "rho0"),
    ({"risk": ["1/2"], "regions": [{"suppliers": [0], "mu": 0, "rho0": 0}]}, r"regions\[0\].mu"),
    ({"risk": ["1/2"], "regions": [REGION, REGION]}, "regions"),
    ({"risk": ["1/2"], "regions": 3}, "regions"),
]


@pytest.mark.parametrize(("data", "field"), BAD)
def test_bad_data_name_the_field(data: dict[str, Any], field: str) -> None:
    with pytest.raises(en.InputError, match=field):
        en.SupplierProblem(**data)


@pytest.mark.parametrize(
    ("decision", "field"), [([3], "set"), ([0, 0], "set"), ("01", "set"), (7, "set"), ([0.5], "set"), ([True], "set")]
)
def test_bad_decisions_name_the_field(decision: Any, field: str) -> None:
    with pytest.raises(en.InputError, match=field):
        choice().evaluate(decision)
    problem = choice(K=3)
    for downstream in ((1,), (0, 1), (1, -1)):
        with pytest.raises(en.InputError, match="downstream"):
            problem.evaluate(SupplierSet((0,), downstream))
    with pytest.raises(en.InputError, match="downstream"):
        problem.evaluate(SupplierSet((), (1, 0)))


WRONG_FILES: list[tuple[dict[str, Any], str]] = [
    ({}, "risk"),
    ({"risk": [0.5], "n": 2}, "risk"),
    ({"regions": []}, "n"),
    ({"scenarios": {"probability": [1], "disrupted": [[0]]}}, "n"),
    ({"n": 2, "scenarios": {"probability": [1], "disrupted": [[2]]}}, "scenarios.disrupted"),
    ({"n": 2, "scenarios": {"probability": [1], "disrupted": [[0, 0]]}}, "scenarios.disrupted"),
    ({"n": 2, "scenarios": {"probability": [1], "disrupted": [[0], [1]]}}, "scenarios.disrupted"),
    ({"n": 2, "scenarios": {"probability": [1]}}, "scenarios"),
    ({"risk": [0.5], "scenarios": {"probability": [1], "disrupted": [[]]}}, "scenarios"),
    ({"risk": [[0.5]]}, "risk"),
    ({"risk": [0.5], "suppliers": 3}, "suppliers"),
    ({"risk": [0.5], "version": 9}, "version"),
    ({"risk": [0.5], "tie": "lower"}, "tie"),
]


@pytest.mark.parametrize(("fields", "word"), WRONG_FILES)
def test_wrong_files_exit_with_one_line(
    fields: dict[str, Any], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"family": "suppliers", "version": 1, "c": "1/25"} | fields))
    assert main(["solve", str(path)]) == 2
    shown = capsys.readouterr().err
    assert word in shown
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) == 1


def test_the_command_line_does_it_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "solution.json")
    assert main(["solve", "suppliers/common-8", "-f", "diversification/supplier-sets", "--json", "--out", out]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["value"], found["decision"]["set"], len(found["decision"]["tied_sets"])) == (0.58, [0], 36)
    assert main(["check", "suppliers/common-8", out]) == 0
    assert main(["show", "diversification/supplier-sets"]) == 0
    assert "suppliers/sets" in capsys.readouterr().out
    assert main(["evaluate", "suppliers/common-8", "--decision", '{"set": [0, 1]}', "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == 0.58
    assert main(["compare", "suppliers/chain-4", "--solvers", "certified,enumeration,highs,greedy"]) == 0
    for ending in ("lp", "nl", "mps"):
        assert main(["export", "suppliers/scenarios-14", "-f", "sets", str(tmp_path / f"model.{ending}")]) == 0
    assert main(["solve", "suppliers/marginals-6", "-f", "robust", "-s", "highs"]) == 0
    assert main(["solve", "suppliers/common-8", "-f", "robust"]) == 2
