"""Chains: brute force in exact rationals against every solver, ties, facts of the theory, certificates, bad input."""

from __future__ import annotations

import copy
import itertools
import json
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from chains import all_paths, best_paths, chain
from hypothesis import given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.diversification.firm import firm_choices, marginal_sign, supplier_price
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.instances import bounds as record
from endonet.instances import catalogue, files
from endonet.instances.diversification import bundle
from endonet.solvers.diversification.ties import equilibrium_paths

NAMES = [entry.name for entry in files.names() if entry.family == "diversification"]
shares = st.sampled_from([Fraction(n, 12) for n in range(13)] + [Fraction(n, 10) for n in range(1, 10)])
costs = st.sampled_from([Fraction(1, n) for n in (2, 3, 5, 10, 12, 15, 20)])


def certified(problem: ChainProblem, formulation: str = "planner") -> Any:
    solution = en.solve(problem, "certified", formulation)
    en.check(problem, solution)
    return solution


@given(mu0=shares, rho0=shares, c=st.lists(costs, min_size=2, max_size=2), pi=st.lists(shares, min_size=2, max_size=2))
@settings(max_examples=120, deadline=None)
def test_the_dynamic_program_is_brute_force(mu0: Fraction, rho0: Fraction, c: Any, pi: Any) -> None:
    problem = chain(2, mu0, rho0, c, pi=pi)
    best, paths = best_paths(problem)
    solution = certified(problem)
    assert solution.status == "optimal"
    assert problem.evaluate(solution.decision).welfare == best
    assert sorted(solution.decision.tied_paths or [solution.decision.path]) == paths
    assert solution.decision.path == paths[0]


@given(mu0=shares, rho0=shares, c=costs)
@settings(max_examples=60, deadline=None)
def test_firms_and_planner(mu0: Fraction, rho0: Fraction, c: Fraction) -> None:
    problem = chain(3, mu0, rho0, c)
    planner, firms = certified(problem), certified(problem, "equilibrium")
    assert planner.value >= firms.value
    S = 1
    for k, s in enumerate(firms.decision.path):
        profits = [problem.pi[k] * (1 - problem.moments.fraction(S * t)) - c / 2 * t * t for t in range(9)]
        best = max(profits)
        assert firm_choices(problem, k, S) == tuple(t for t in range(9) if profits[t] == best)
        assert profits[s] == best
        S *= s
    path = planner.decision.path
    assert all(a >= b for a, b in itertools.pairwise(path))  # uniform costs: non-increasing
    assert path[0] >= firms.decision.path[0]


@pytest.mark.parametrize(("mu0", "rho0"), [("2/5", "3/4"), ("1/2", "1/5")])
def test_the_ties_of_the_theory(mu0: str, rho0: str) -> None:
    problem = chain(3, mu0, rho0, "1/25")
    choices = firm_choices(problem, 0, 1)
    assert len(choices) == 2
    assert marginal_sign(problem, 0, 1, choices[0]) == 0
    low, high = (en.solve(replace(problem, ties=ties), "certified", "equilibrium") for ties in ("lower", "higher"))
    assert (low.decision.path[0], high.decision.path[0]) == choices
    assert set(low.decision.tied_paths) == set(high.decision.tied_paths) == set(equilibrium_paths(problem))
    mixed = en.solve(replace(problem, ties="randomise"), formulation="equilibrium").decision
    assert mixed.path[0] == choices[0]
    assert mixed.shares[0] == Fraction(1, 2)
    assert {path[0] for path in mixed.tied_paths} == set(choices)


def test_a_tie_beyond_two_to_the_fifty() -> None:
    """β = 2 is whole, so M(n) = 2/((n+1)(n+2)), and some cost leaves a firm far downstream indifferent."""
    S = 10**16
    M = chain(1, "1/3", "1/4").moments
    c = 2 * (M.fraction(S) - M.fraction(2 * S)) / 3
    assert firm_choices(chain(1, "1/3", "1/4", c), 0, S) == (1, 2)
    assert firm_choices(chain(1, "1/3", "1/4", c * (1 + Fraction(1, 10**30))), 0, S) == (1,)
    assert firm_choices(chain(1, "1/3", "1/4", c * (1 - Fraction(1, 10**30))), 0, S) == (2,)


def test_the_multisourcing_region() -> None:
    """Firms of the first layer multisource exactly for μ_low < μ0 < μ^c(ρ0): μ0 (1−μ0)(1−ρ0) > 3κ."""
    draw = random.Random(2)
    for _ in range(200):
        mu0, rho0, kappa = (Fraction(draw.randrange(1, 60), 60) for _ in range(3))
        kappa /= 10
        choices = firm_choices(chain(1, mu0, rho0, 2 * kappa), 0, 1)
        margin = mu0 * (1 - mu0) * (1 - rho0) - 3 * kappa
        assert (max(choices) >= 2) == (margin >= 0)
        if mu0 < 1 - kappa:
            assert (min(choices) >= 2) == (margin > 0)


@pytest.mark.parametrize("name", NAMES)
def test_bundled_optima(name: str) -> None:
    problem = en.load(name)
    known = record.bounds(name)
    assert known.primal is not None
    assert known.dual is not None
    assert problem.name == name
    assert catalogue.read_data("diversification", "bounds.json")[name.partition("/")[2]]["fingerprint"] == (
        problem.fingerprint
    )
    solver = "certified" if problem.budget is None else "branch-and-bound"
    solution = en.solve(problem, solver)
    assert solution.value == pytest.approx(known.primal.value, rel=1e-12)
    assert known.primal.value <= known.dual.value + 1e-12
    report = en.check(problem, solution)
    assert report


def test_the_bundle_can_be_made_anew() -> None:
    for name, problem in bundle.chains():
        assert en.load(f"diversification/{name}").fingerprint == problem.fingerprint


def test_files_keep_exact_numbers(tmp_path: Any) -> None:
    problem = chain(
        3, "1/3", "0.1", ["1/7", "0.2", 3], pi=["1/3", 1, 2], caps=[1, 2, 3], budget="22/7", tail=["1/2", 0.1]
    )
    for name in ("a.json", "a.json.gz"):
        en.save(problem, tmp_path / name)
        read = en.load(tmp_path / name)
        assert (read.fingerprint, read.c, read.mu0, read.tail) == (
            problem.fingerprint,
            problem.c,
            problem.mu0,
            problem.tail,
        )
    text = '{"family": "diversification", "version": 1, "K": 1, "mu0": 0.1, "rho0": 1e-12, "c": 0.04}'
    (tmp_path / "b.json").write_text(text)
    assert en.load(tmp_path / "b.json").rho0 == Fraction(1, 10**12)


BAD = {
    "mu0": [1.5, -0.1, "x", "1/0", None, float("nan"), True, "1e999999999", [1]],
    "rho0": [2, "3/2"],
    "c": [0, -1, [1, 2, 3], "", {}],
    "pi": [-1, [1]],
    "K": [0, 1.5, -2, "2", True, 10**6],
    "ties": ["none", 3],
    "caps": [[1], 3, [1, -1], [1, 1.5]],
    "budget": [-1, "z"],
    "risk_target": [2],
    "tail": [[1], 0.5, [0.5, 2]],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_bad_input_is_one_clear_error(field: str, value: Any, tmp_path: Any) -> None:
    with pytest.raises(en.InputError, match=field):
        ChainProblem(**{"K": 2, "mu0": 0.5, "rho0": 0.5, field: value})
    fields = {"family": "diversification", "version": 1, "K": 2, "mu0": 0.5, "rho0": 0.5, "c": 0.04, field: value}
    if value is not None and value == value:
        (tmp_path / "bad.json").write_text(json.dumps(fields))
        with pytest.raises(en.InputError, match=field):
            en.load(tmp_path / "bad.json")


@pytest.mark.parametrize("path", [[1], [1, 2, 3], [0, 1], [1, -1], [1, 1.5], "ab", None, [1, 10**19]])
def test_bad_paths_are_refused(path: Any) -> None:
    with pytest.raises(en.InputError, match="path"):
        chain(2).evaluate(path)
    with pytest.raises(en.InputError, match="path"):
        chain(2).decode_decision({"path": path})


def test_tampering_never_passes() -> None:
    for problem in (chain(3), chain(4, "4/5", "1/2", "1/100"), chain(2, "3/5", 0, risk_target="1/8")):
        solution = certified(problem)
        report = json.loads(json.dumps(solution.to_dict()))
        optimum = solution.value
        draw = random.Random(5)
        for _ in range(150):
            forged = copy.deepcopy(report)
            forged["bound"] = optimum - 10 ** draw.uniform(-9, -1)
            for _ in range(draw.randrange(4)):
                layer = draw.choice(forged["certificate"]["layers"])
                if not layer["S"]:
                    continue
                place = draw.randrange(len(layer["S"]))
                if draw.random() < 0.5:
                    layer["phi"][place] -= 10 ** draw.uniform(-9, 0)
                elif draw.random() < 0.5:
                    layer["S"][place] += draw.randrange(1, 9)
                else:
                    del layer["S"][place], layer["phi"][place]
            with pytest.raises((en.VerificationError, en.InputError)):
                en.check(problem, en.load_solution(forged, problem))


def test_forged_ties_and_equilibria_are_found() -> None:
    problem = chain(2)
    solution = certified(problem)
    forged = solution.to_dict()
    forged["decision"] = forged["decision"] | {"tied_paths": [forged["decision"]["path"], [1, 1]]}
    with pytest.raises(en.VerificationError, match="tied_paths"):
        en.check(problem, en.load_solution(forged, problem))
    firms = certified(problem, "equilibrium").to_dict()
    other = next(path for path in all_paths(2, 3) if list(path) != firms["decision"]["path"])
    value = problem.evaluate(other).value
    firms |= {"decision": {"path": list(other)}, "value": value, "bound": value}
    with pytest.raises(en.VerificationError, match="layer"):
        en.check(problem, en.load_solution(firms, problem))


def test_an_equilibrium_does_not_contradict_the_planner() -> None:
    table = en.compare(chain(3, "9/10", "1/10"), ["certified:equilibrium", "certified", "marginal-rule"])
    assert not table.contradictions
    assert table.proved_by == "certified:planner"
    assert table.optimum == table["certified:planner"].value


@pytest.mark.parametrize("seed", range(12))
def test_every_row_in_every_way(seed: int) -> None:
    draw = random.Random(seed)
    K = draw.choice([2, 3])
    rows: dict[str, Any] = {}
    if draw.random() < 0.7:
        rows["budget"] = Fraction(draw.randrange(2, 30), 20)
    if draw.random() < 0.5:
        rows["caps"] = [draw.randrange(1, 5) for _ in range(K)]
    if draw.random() < 0.5:
        rows["risk_target"] = Fraction(draw.randrange(3, 12), 20)
    c = [Fraction(draw.randrange(2, 12), 60) for _ in range(K)]
    problem = chain(K, Fraction(draw.randrange(2, 11), 12), Fraction(draw.randrange(1, 8), 12), c, **rows)
    best, paths = best_paths(problem)
    for solver in ("certified", "enumeration", "branch-and-bound", "longest-path", "highs"):
        try:
            solution = en.solve(problem, solver)
        except en.NotApplicableError:
            assert problem.budget is not None
            continue
        if best is None:
            assert solution.status == "infeasible"
        else:
            assert solution.status == "optimal"
            assert solution.value == pytest.approx(float(best), rel=1e-12, abs=1e-15)
            if solver != "highs":
                assert sorted(solution.decision.tied_paths or [solution.decision.path]) == paths
                en.check(problem, solution)


def test_extremes_are_solved_and_verified() -> None:
    for K, mu0, rho0, c in (
        (30, "4/5", "4/5", "1/250"),
        (30, "1/2", "1e-12", "1/25"),
        (30, "0.999999999999", "1e-12", "1/25"),
        (30, "1/2", "0.999999999999", "1/250"),
        (10, "1", "1/2", "1/25"),
        (10, "0", "1/2", "1/25"),
        (4, "1/2", "0", "10"),
    ):
        problem = chain(K, mu0, rho0, c)
        planner, firms = certified(problem), certified(problem, "equilibrium")
        assert planner.status == "optimal"
        assert planner.value >= firms.value


def test_a_collapse_is_zeros() -> None:
    problem = chain(3, "99/100", "1/100")
    assert certified(problem, "equilibrium").decision.path == (0, 0, 0)
    assert problem.evaluate([0, 0, 0]).value == 0
    assert problem.evaluate([1, 0, 0]).mean_disruption == (0.99, 1.0, 1.0)


def test_a_subsidy_makes_firms_choose_the_planners_number() -> None:
    problem = chain(3, "4/5", "1/5")
    S = 1
    for k, s in enumerate(certified(problem).decision.path):
        subsidy = supplier_price(problem, k, S, s)
        c = tuple(cost - subsidy if i == k else cost for i, cost in enumerate(problem.c))
        assert s in firm_choices(replace(problem, c=c), k, S)
        S *= s


def test_decisions_survive_encoding() -> None:
    problem = chain(2)
    decision = SourcingPath((2, 1), ((1, 1), (2, 1)))
    assert problem.decode_decision(problem.encode_decision(decision)) == decision
    assert problem.encode_decision([2, 1]) == {"path": [2, 1]}
