"""Complete lists of equilibria: three solvers against naive Python, tampered certificates, limits, the command line."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from sourcing_economies import KINDS, Naive, economy, networks, random_markups

import endonet as en
from endonet import api, cli
from endonet.formulations.errors import InputError, NotApplicableError, VerificationError
from endonet.formulations.sourcing.decisions import Equilibria
from endonet.formulations.sourcing.problem import Markups, OpenEconomy, Smoothing, SourcingProblem
from endonet.instances import catalogue
from endonet.instances.sourcing.generators import small
from endonet.solvers.solution import EQUILIBRIA, Solution, Status, StoppedBy

every_kind = pytest.mark.parametrize("kind", KINDS, ids="-".join)
BUNDLED = [
    entry.name
    for entry in catalogue.names()
    if entry.family == "sourcing" and not entry.name.startswith("sourcing/choice-")  # a firm's choice, no economy
]
KNOWN = catalogue.read_data("sourcing", "equilibria.json")


def keys(solution: Solution) -> set[bytes]:
    assert solution.question == EQUILIBRIA
    assert not solution.contradicted
    return {network.key() for network in solution.decision.networks()} if solution.decision is not None else set()


def by_trying_all(problem: SourcingProblem) -> set[bytes]:
    """Return the equilibria with trade (closed: all), by plain loops over networks, equations and choices."""
    found = set()
    for links, imports, exports in networks(problem):
        naive = Naive(problem, links, imports, exports)
        here = naive.equilibrium()
        if here is not None and here["A"] > 0 and not naive.deviates(here):
            decision = {"links": links, "imports": imports, "exports": exports}
            found.add(problem.network(decision if problem.open is not None else links).key())
    return found


@every_kind
def test_lists_are_those_of_naive_loops(kind: tuple[str, str, str]) -> None:
    closed = kind[2] == "closed"
    for seed in range(3 if closed else 1):
        problem = economy(seed, 3 if closed else 2, *kind, share=1.0, most=5 if closed else 1)
        expected = by_trying_all(problem)
        for solver in ("enumeration", "certified"):
            found = en.solve(problem, solver)
            assert {e.network.key() for e in found.decision} == expected
            assert found.status is (Status.OPTIMAL if keys(found) else Status.INFEASIBLE)
            assert (found.value, found.bound, found.rel_gap) == (None, None, None)


@every_kind
def test_certified_lists_what_enumeration_lists(kind: tuple[str, str, str]) -> None:
    for seed in range(8):
        problem = economy(seed, 3 + seed % 2, *kind, share=0.8, most=10 if kind[2] == "closed" else 5)
        if seed % 4 == 3:
            problem = random_markups(problem, seed)
        one, other = en.solve(problem, "enumeration"), en.solve(problem, "certified")
        assert (one.status, keys(one)) == (other.status, keys(other))
        report = en.check(problem, other)
        assert report.equilibria == len(keys(other))
        assert report.leaves >= 1


def steep(problem: SourcingProblem, sigma: float) -> SourcingProblem:
    """Return the economy with another elasticity, and with everything raised to its power as it was."""
    to = (problem.sigma - 1) / (sigma - 1)
    raised = {name: getattr(problem, name) ** to for name in ("phi", "alpha_L", "beta_H", "alpha")}
    if problem.open is not None:
        opened = {name: getattr(problem.open, name) ** to for name in ("p_F", "alpha_F", "beta_F", "tau")}
        raised["open"] = dataclasses.replace(problem.open, **opened)
    return dataclasses.replace(problem, sigma=sigma, **raised)


@pytest.mark.parametrize("initiator", ["buyer", "supplier"])
@pytest.mark.parametrize("sigma", [1.05, 20.0])
def test_open_economies_with_an_extreme_elasticity(initiator: str, sigma: float) -> None:
    for seed in range(12):
        problem = steep(economy(seed, 3 + seed % 2, initiator, "cyclic", "open", most=5), sigma)
        one, other = en.solve(problem, "enumeration"), en.solve(problem, "certified")
        assert (one.status, keys(one)) == (other.status, keys(other))
        en.check(problem, other)


@pytest.mark.parametrize("sigma", [1.3, 8.0, 20.0])
def test_one_equilibrium_at_a_time_where_elasticities_are_extreme_and_some_trade_is_of_no_use(sigma: float) -> None:
    for seed in range(10):
        problem = steep(economy(seed, 4, "buyer", "acyclic", "open", most=4), sigma)
        assert problem.open is not None
        f_import, alpha_F = problem.open.f_import.copy(), problem.open.alpha_F.copy()
        f_import[seed % 4] = alpha_F[seed % 4] = 0.0  # nothing for nothing: a tie, which is included
        useless = dataclasses.replace(problem.open, f_import=f_import, alpha_F=alpha_F)
        problem = dataclasses.replace(problem, open=useless)
        known = keys(en.solve(problem, "enumeration"))
        for solver in ("sequential", "replies"):
            found = en.solve(problem, solver)
            assert keys(found) <= known
            assert found.status is not Status.INFEASIBLE or not known


def test_no_equilibrium_is_dropped_where_exports_are_little_beside_the_most_that_households_may_want() -> None:
    """At demand of 1e17 what exports add to revenue is less than its last digit."""
    problem = SourcingProblem.from_links(
        [2, 0, 0, 3, 1], [3, 2, 3, 2, 3],
        [0.882, 0.949, 0.958, 0.902, 0.936], [0.00185, 0.00055, 0.0011, 0.0033, 0.00086],
        phi=[1.007, 0.99, 1.023, 0.969], alpha_L=[0.988, 0.998, 1.003, 1.001], beta_H=[0, 0.974, 1.03, 1], sigma=20,
        open=OpenEconomy(
            p_F=[1.478, 1.119, 0.647, 1.506], alpha_F=[0.943, 0.956, 1.013, 1.043], beta_F=[1.092, 1.032, 0.99, 0.989],
            tau=[1.101, 1.645, 1.31, 0.914], D_F=1.46,
            f_import=[0.00013, 0.0004, 0.0008, 0.00021], f_export=[0.00013, 0.00016, 0.0025, 0.00125],
        ),
    )  # fmt: skip
    one, other = en.solve(problem, "enumeration"), en.solve(problem, "certified")
    assert len(keys(one)) == 1
    assert keys(one) == keys(other)
    en.check(problem, other)


def test_sequential_does_not_call_infeasible_what_has_an_equilibrium() -> None:
    problem = SourcingProblem.from_links(
        [2, 1, 3, 1], [0, 0, 0, 3], [0.869, 0.963, 0.653, 0.918], [0.00397, 0.0207, 0.00106, 0.000958], sigma=8, L=5,
        phi=[1.02, 0.945, 1.05, 1.06], alpha_L=[0.909, 0.968, 0.952, 0.961], beta_H=[0.971, 0.823, 0.987, 1.17],
        open=OpenEconomy(
            p_F=[1.02, 1.85, 2.44, 0.487], alpha_F=[0.934, 0, 1.05, 0.917], beta_F=[0.886, 1.12, 1.06, 1.11],
            tau=[0.647, 1.34, 0.747, 1.64], D_F=45,
            f_import=[0.00275, 0.00377, 0.00127, 0.0226], f_export=[0.000246, 0.000776, 0.00222, 0.0198],
        ),
    )  # fmt: skip
    one, other = en.solve(problem, "enumeration"), en.solve(problem, "sequential")
    assert len(keys(one)) == 1
    assert keys(one) == keys(other)


def test_the_tree_is_no_larger_than_the_list_of_networks() -> None:
    for seed in range(20):
        for kind in (("buyer", "cyclic", "closed"), ("supplier", "cyclic", "closed"), ("buyer", "cyclic", "open")):
            problem = steep(economy(seed, 3, *kind, share=1.0), 6.0)
            problem = dataclasses.replace(problem, alpha=problem.alpha * 1.2)
            found = en.solve(problem, "certified")
            assert found.statistics["leaves"] <= 2 ** (problem.m + (2 * problem.n if problem.open else 0))


@every_kind
@pytest.mark.slow
def test_certified_lists_what_enumeration_lists_in_hundreds(kind: tuple[str, str, str]) -> None:
    for seed in range(100, 300):
        problem = economy(seed, 3 + seed % 6, *kind, share=0.8, most=14 if kind[2] == "closed" else 8)
        if problem.open is not None and problem.n > 5:
            continue
        one, other = en.solve(problem, "enumeration"), en.solve(problem, "certified")
        assert (one.status, keys(one)) == (other.status, keys(other))
        en.check(problem, other)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_economies_have_the_equilibria_on_record(name: str) -> None:
    problem = en.load(name)
    entry = KNOWN[name.partition("/")[2]]
    assert entry["fingerprint"] == problem.fingerprint
    assert problem.description
    assert problem.source
    known = problem.decode_decision({key: entry[key] for key in ("equilibria", "autarky", "note") if key in entry})
    assert problem.evaluate(known).feasible
    found = en.solve(problem, "certified", time_limit=60)
    assert keys(found) == {network.key() for network in known.networks()}
    for one, other in zip(found.decision, known, strict=True):
        assert (one.A, one.E, one.P, one.w) == pytest.approx((other.A, other.E, other.P, other.w), rel=1e-12)


def test_the_bundle_has_none_one_and_two() -> None:
    counts = {len(entry["equilibria"]) for entry in KNOWN.values()}
    assert {0, 1, 2} <= counts
    assert set(KNOWN) == {name.partition("/")[2] for name in BUNDLED}


def test_proposition_1_at_most_one_equilibrium() -> None:
    for seed in range(30):
        assert len(keys(en.solve(small(5, seed), "certified"))) <= 1


def test_why_there_is_none() -> None:
    problem = en.load("sourcing/buyer-acyclic-none-4")
    solution = en.solve(problem, "certified")
    assert solution.status is Status.INFEASIBLE
    assert len(solution.decision) == 0
    assert "jumps from" in solution.decision.note
    assert solution.decision.note in solution.notes
    en.check(problem, solution)


def test_autarky_is_an_interval_of_wages() -> None:
    costly = OpenEconomy(f_import=[0.2, 0.2], f_export=[0.2, 0.2])  # type: ignore[arg-type]
    problem = SourcingProblem.from_links([0], [1], 0.6, 0.01, phi=1, alpha_L=[1, 1], beta_H=1, sigma=4, open=costly)
    solution = en.solve(problem, "certified")
    assert keys(en.solve(problem, "enumeration")) == keys(solution)
    (alone,) = solution.decision.autarky
    assert 0 < alone.lowest < alone.highest
    assert any("nothing determines the wage" in note for note in solution.notes)
    outcome = problem.evaluate(alone.network)
    for wage, stays in ((alone.lowest * 1.001, True), (alone.highest * 0.999, True), (alone.lowest * 0.999, False)):
        naive = Naive(problem, alone.network.links, [False] * 2, [False] * 2)
        here = naive.at(wage)
        assert here is not None
        assert naive.deviates(here) is not stays
    wrong = dataclasses.replace(alone, lowest=alone.lowest / 2)
    assert not problem.evaluate(Equilibria(solution.decision.found, (wrong,))).feasible
    assert outcome.real_income == pytest.approx(alone.real_income)
    en.check(problem, solution)


@pytest.mark.parametrize("initiator", ["buyer", "supplier"])
def test_autarky_with_imports_that_cost_nothing_and_come_to_nothing(initiator: str) -> None:
    """A tie is included, so that the first firm imports nothing, for free."""
    abroad = OpenEconomy(alpha_F=[0, 0.3], f_import=[0, 0.3], f_export=[0.3, 0.3])  # type: ignore[arg-type]
    problem = SourcingProblem.from_links(
        [0], [1], 0.6, 0.01, phi=1, alpha_L=[1, 1], beta_H=1, sigma=4, initiator=initiator, open=abroad
    )
    one, other = en.solve(problem, "enumeration"), en.solve(problem, "certified")
    assert (one.status, keys(one)) == (Status.OPTIMAL, keys(other))
    (alone,) = other.decision.autarky
    assert alone.network.imports.tolist() == [True, False]
    assert not problem.evaluate(alone.network).wage_determined
    again = problem.decode_decision(problem.encode_decision(other.decision))
    assert {network.key() for network in again.networks()} == keys(other)
    for solution in (one, other):
        en.check(problem, solution)
    trading = dataclasses.replace(alone, network=problem.network({"links": [], "imports": [1], "exports": [0]}))
    assert "has trade" in problem.evaluate(Equilibria((), (trading,))).violations[0]


def test_demand_is_as_exact_as_wages_where_nearly_all_labour_makes_exports() -> None:
    """Labour leaves A as a difference of nearly equal numbers there; 50 digits know it from either market."""
    import mpmath

    problem = SourcingProblem.from_links(
        [], [], [], [], phi=[1, 1], alpha_L=[1, 1], beta_H=[1e-7, 1], sigma=4,
        open=OpenEconomy(alpha_F=[0, 1e4], beta_F=[1, 0]),  # type: ignore[arg-type]
    )  # fmt: skip
    outcome = problem.evaluate({"links": [], "imports": [1], "exports": [0]})
    with mpmath.workdps(50):
        mu = mpmath.mpf(4) / 3
        home = [mpmath.mpf(float(b)) ** 3 / mu**4 for b in problem.beta_H]

        def supply(w: Any) -> Any:  # what labour leaves for A, as (11) has it
            return (w**4 - mu**-4) / sum(home)

        def surplus(w: Any) -> Any:
            return mu**-3 * w**-3 - mpmath.mpf(10) ** 12 * home[1] * supply(w)

        w = mpmath.findroot(surplus, (outcome.w, outcome.w * (1 + 1e-9)))
        assert w**4 - mu**-4 < 1e-9
        assert (outcome.w, outcome.A) == pytest.approx((float(w), float(supply(w))), rel=1e-14)
    assert max(outcome.residuals.values()) < 1e-13


@pytest.mark.parametrize("f", [[0.5, 0.5, 0.5], [2.0, 0.01, 0.01]])
def test_networks_that_leave_no_labour_are_named(f: list[float]) -> None:
    problem = SourcingProblem.from_links(
        [0, 0, 1], [1, 2, 2], [0.5, 0.4, 0.6], f, phi=1, alpha_L=1, beta_H=[1, 1, 1], sigma=4
    )
    assert "leave no labour: Σ f" in problem.evaluate([[0, 1], [0, 2], [1, 2]]).reason  # type: ignore[union-attr]
    for solver in ("certified", "enumeration", "milp"):
        answer = en.solve(problem, solver)
        assert answer.status is Status.OPTIMAL
        (note,) = [note for note in answer.notes if "cannot operate" in note]
        assert f"Σ f = {sum(f):g} of L = 1" in note
        assert ("1 of them alone" in note) == (max(f) >= 1)
    affordable = dataclasses.replace(problem, f=np.full(3, 0.3))
    assert not any("cannot operate" in note for note in en.solve(affordable, "certified").notes)


@pytest.mark.parametrize("solver", ["milp", "scip"])
def test_programs_that_do_not_hold_say_what_does(solver: str) -> None:
    with pytest.raises(NotApplicableError, match="use certified"):
        en.solve(economy(1, 3, "buyer", "acyclic", "open"), solver)


def test_scip_keeps_an_equilibrium_that_its_presolve_once_lost() -> None:
    """Two identical firms that households do not want; SCIP's epsilon was as large as the rows could be missed by."""
    pairs = [(k, j) for j in range(4) for k in range(4) if k != j]
    supplier, buyer = np.array(pairs).T
    problem = SourcingProblem.from_links(
        supplier, buyer, 0.24477424275443557, 0.00047430536232526236, phi=1, alpha_L=[1] * 4, beta_H=[1, 0, 0, 1],
        sigma=3, L=1, initiator="supplier",
        markups=Markups(home=[1.1220868725765156, 1.3910789679484261, 1.5328995789902682, 1.4962631576178103]),
    )  # fmt: skip
    one, other = en.solve(problem, "enumeration"), en.solve(problem, "scip")
    assert (len(keys(one)), other.status) == (1, Status.OPTIMAL)
    assert keys(one) == keys(other)


def test_real_income_that_is_not_expenditure_over_prices_is_refused() -> None:
    problem = en.load("sourcing/buyer-acyclic-open-6")
    encoded = problem.encode_decision(en.solve(problem, "certified").decision)
    assert problem.evaluate(problem.decode_decision(encoded)).feasible
    encoded["equilibria"][0]["real_income"] *= 1 + 1e-6
    with pytest.raises(InputError, match=r"equilibria\[0\].real_income: .* is not E/P"):
        problem.decode_decision(encoded)


def certificate_of(name: str) -> tuple[Any, Solution]:
    problem = en.load(name)
    return problem, en.solve(problem, "certified")


ONE_SIDED = {
    "nobody wants goods abroad": {"alpha_F": [0.8, 0.8], "beta_F": 1, "D_F": 0.0, "f_import": 0.01, "f_export": 0.02},
    "no use for imports": {"alpha_F": 0, "beta_F": 1, "D_F": 0.5, "f_import": 0.01, "f_export": 0.02},
    "one imports, one exports": {"alpha_F": [0.8, 0], "beta_F": [0, 1], "D_F": 0.5, "f_import": 0.3, "f_export": 0.3},
}


@pytest.mark.parametrize("initiator", ["buyer", "supplier"])
@pytest.mark.parametrize("case", ONE_SIDED)
def test_autarky_where_firms_can_only_import_or_only_export(case: str, initiator: str) -> None:
    abroad = ONE_SIDED[case]
    problem = SourcingProblem.from_links(
        [0], [1], [0.5], [0.01], phi=1, alpha_L=1, beta_H=[1, 1], sigma=4, initiator=initiator,
        open=OpenEconomy(**abroad),  # type: ignore[arg-type]
    )  # fmt: skip
    for solver in ("enumeration", "certified"):
        answer = en.solve(problem, solver)
        en.check(problem, answer)
        assert len(answer.decision.autarky) == 1
        alone = answer.decision.autarky[0]
        # inside the interval nobody wants to trade, outside somebody does, by the paper's formulas in plain loops
        inside, outside = [alone.lowest * 1.001 + 1e-6], []
        if np.isfinite(alone.highest):
            inside.append(alone.highest * 0.999)
            outside.append(alone.highest * 1.001)
        if alone.lowest > 0:
            outside.append(alone.lowest * 0.999)
        assert outside
        assert not any(_wants_to_trade(problem, alone.network.links, w) for w in inside)
        if initiator == "buyer":  # a supplier may add its link along with trade, which the loops do not try
            assert all(_wants_to_trade(problem, alone.network.links, w) for w in outside)


def _wants_to_trade(problem: SourcingProblem, links: Any, w: float) -> bool:
    """Whether a firm of a two-firm economy with at most the link 0 → 1 would import or export at a wage."""
    abroad, s = problem.open, problem.sigma - 1
    assert abroad is not None
    mu, buyers = problem.sigma / s, problem.initiator == "buyer"
    formed = bool(links[0])
    alpha = 0.5**s * (1.0 if buyers else mu**-s) if formed else 0.0
    u = w**-s
    T = [u, u * (1 + alpha)]
    # A clears labour at the wage: Σ α_L D u = (L − Σ f) w, D_1 = home, D_0 = home + what 1 passes on
    home = mu ** -(s + 1)
    passed = alpha * (1.0 if buyers else 1 / mu)
    A = w * (problem.L - 0.01 * formed) / (u * (home * (1 + passed) + home))
    D = [home * A * (1 + passed), home * A]
    for i in range(2):
        gain_in, gain_out = abroad.alpha_F[i] ** s, abroad.beta_F[i] ** s * abroad.D_F * mu**-s / (s + 1)
        if buyers:
            R0 = home * A * mu / (s + 1)  # variable profits per unit of T
        else:
            R0 = home * A * mu / (s + 1) + (D[1] * alpha * (1 - 1 / mu) if i == 0 else 0.0)
        for imports in (0, 1):
            for exports in (0, 1):
                capability = T[i] + imports * gain_in
                profit = capability * (R0 + exports * gain_out) - w * (
                    imports * abroad.f_import[i] + exports * abroad.f_export[i]
                )
                if imports + exports and profit > T[i] * R0:
                    return True
    return False


def test_trade_that_serves_exports_alone_cannot_balance() -> None:
    problem = SourcingProblem.from_links(
        [0], [1], [0.5], [0.1], phi=1, alpha_L=1, beta_H=[0, 1], sigma=3, open=OpenEconomy(f_import=0.1, f_export=0.01)
    )
    outcome = problem.evaluate({"links": [], "imports": [0], "exports": [0]})
    assert "cannot balance" in outcome.reason
    lists = [keys(en.solve(problem, solver)) for solver in ("enumeration", "certified")]
    assert lists[0] == lists[1]


def test_links_of_no_use_leave_certificates_whole() -> None:
    problem = SourcingProblem.from_links(
        [1, 0, 1, 2, 2, 0], [0, 1, 2, 1, 0, 2], [2.0, 0.5, 0.5, 0.0, 0.0, 0.5], [0.5, 0.5, 0.0625, 0.0, 0.125, 0.03125],
        phi=1, alpha_L=[2, 1, 2], beta_H=[1, 1, 1], sigma=2,
    )  # fmt: skip
    answer = en.solve(problem, "certified")
    assert keys(answer) == keys(en.solve(problem, "enumeration"))
    en.check(problem, answer)


def test_a_split_that_is_none_is_refused() -> None:
    problem = economy(0, 3, "buyer", "cyclic", "closed", share=1.0)
    answer = en.solve(problem, "certified")
    assert answer.certificate is not None
    for split in ([[1], 1], [None, 1], ["links", True], ["links", -1]):
        wrong = dataclasses.replace(answer, certificate={**answer.certificate, "domestic": [split]})
        with pytest.raises(VerificationError):
            en.check(problem, wrong)


def test_tampered_certificates_and_lists_are_refused() -> None:
    problem, good = certificate_of("sourcing/buyer-cyclic-open-two-4")
    en.check(problem, good)
    assert good.certificate is not None

    def refused(message: str, **changes: Any) -> None:
        with pytest.raises(VerificationError, match=message):
            en.check(problem, dataclasses.replace(good, **changes))

    shorter = Equilibria(good.decision.found[:1], good.decision.autarky)
    refused("not complete", decision=shorter)
    refused("infeasible", status=Status.INFEASIBLE)
    refused("without a certificate", certificate=None)
    refused("unknown kind", certificate={"kind": "x"})
    moved = dataclasses.replace(good.decision.found[0], A=good.decision.found[0].A * 1.001)
    refused("A is", decision=Equilibria((moved, *good.decision.found[1:]), good.decision.autarky))
    refused("stands twice", decision=Equilibria((*good.decision.found, good.decision.found[0]), good.decision.autarky))
    nothing = problem.network({"links": [], "imports": [0], "exports": [0]})
    if problem.evaluate(nothing).feasible:
        extra = problem.evaluate(nothing).as_equilibrium()
        refused("is none: firm", decision=Equilibria((*good.decision.found, extra), good.decision.autarky))
    tree = good.certificate["trade"]
    for wrong, message in (
        (["closed"], "leaves . decisions open|leaves .. decisions open"),
        (tree[:-1], "ends before"),
        ([*tree, "closed"], "goes on"),
        (["open", *tree[1:]], "open nodes"),
        ([["Z", 1.0], *tree], "no split"),
        ([["links", 99], *tree], "no split"),
        (None, "no list"),
    ):
        refused(message, certificate={**good.certificate, "trade": wrong})


def test_a_check_does_not_trust_a_tree_without_its_wages() -> None:
    problem, good = certificate_of("sourcing/buyer-acyclic-open-6")
    assert good.certificate is not None
    tree = copy.deepcopy(good.certificate["trade"])
    for place, entry in enumerate(tree):
        if entry != "closed" and entry[0] == "w":
            tree[place] = ["w", entry[1] * 1e6]
            break
    else:
        pytest.skip("no split in the wage")
    with pytest.raises(VerificationError):
        en.check(problem, dataclasses.replace(good, certificate={**good.certificate, "trade": tree}))


@pytest.mark.parametrize("solver", ["enumeration", "certified"])
def test_a_search_goes_on_where_a_limit_ended_it(solver: str) -> None:
    problem = small(5, 1, cyclic=True, open=True, fixed=0.005)
    whole = en.solve(problem, "certified")
    limit = {"time_limit": 1e-9} if solver == "enumeration" else {"node_limit": 3}
    part = en.solve(problem, solver, **limit)
    assert part.status in (Status.NO_SOLUTION, Status.FEASIBLE)
    assert part.stopped_by in (StoppedBy.TIME_LIMIT, StoppedBy.NODE_LIMIT)
    en.check(problem, part)
    if solver == "enumeration":
        return  # 2^23 networks
    rest = en.solve(problem, solver, resume=part.certificate)
    assert (rest.status, keys(rest)) == (whole.status, keys(whole))
    en.check(problem, rest)
    with pytest.raises(InputError, match="resume"):
        en.solve(problem, solver, resume={"kind": "other"})


def test_ties_are_included_by_every_solver() -> None:
    base = SourcingProblem.from_links([0], [1], 0.5, 0.0, phi=1, alpha_L=[1, 1], beta_H=1, sigma=4)
    # with the link formed at f: A = (L − f)/S_d; the link pays exactly where f solves R b A(f) = f
    S_d = float(base.labour_weight @ (problem_D := base.evaluate([[0, 1]]).D)) / base.evaluate([[0, 1]]).A
    assert problem_D.size == 2
    slope = float(base.home[1] / 4 * 0.5**3)
    f = slope / S_d / (1 + slope / S_d)
    for factor, formed in ((1.0, True), (1 + 1e-13, True), (1 + 1e-10, False)):
        tied = dataclasses.replace(base, f=np.array([f * factor]))
        for solver in ("enumeration", "certified"):
            solution = en.solve(tied, solver)
            lists = [bool(e.network.links[0]) for e in solution.decision or ()]
            assert (True in lists) is formed


@pytest.mark.parametrize("solver", ["enumeration", "certified"])
def test_what_has_no_list_is_refused(solver: str) -> None:
    smoothed = economy(1, 3, smoothing=Smoothing(relative=0.01))
    with pytest.raises(NotApplicableError, match="not networks; use sequential"):
        en.solve(smoothed, solver)
    circle = economy(1, 3, "buyer", "cyclic", smoothing=Smoothing(relative=0.01))
    with pytest.raises(NotApplicableError, match="leave smoothing out"):
        en.solve(circle, solver)
    kind = api.solver_class("sourcing", solver)
    assert kind.question == EQUILIBRIA
    if solver == "enumeration":
        with pytest.raises(NotApplicableError, match="use certified"):
            en.solve(small(9, 1, cyclic=True, open=True), solver)
        with pytest.raises(InputError, match="max_decisions"):
            en.solve(smoothed, solver, max_decisions=99)
    else:
        below = dataclasses.replace(economy(1, 3), markups=Markups(home=[2, 2, 0.9]))  # type: ignore[arg-type]
        with pytest.raises(NotApplicableError, match="markup below 1"):
            en.solve(below, solver)
        with pytest.raises(InputError, match="node_limit"):
            en.solve(smoothed, solver, node_limit=0)


def test_comparisons_of_lists() -> None:
    table = en.compare("sourcing/supplier-cyclic-two-4", ["certified", "enumeration"])
    assert table.question == EQUILIBRIA
    assert table.equilibria == 2
    assert [row.differs for row in table.rows] == [0, 0]
    assert "There are 2 equilibria, proved by certified" in str(table)
    problem = en.load("sourcing/supplier-cyclic-two-4")
    from endonet.solvers.comparison import _incomplete

    good = en.solve(problem, "certified")
    encoded = problem.encode_decision(Equilibria(good.decision.found[:1]))
    half = dataclasses.replace(good, decision=Equilibria(good.decision.found[:1]), encoded_decision=encoded, solver="x")
    assert "x's list is not complete: certified has an equilibrium with A = " in _incomplete(half, [good, half])
    assert _incomplete(good, [good, half]) == ""


@pytest.mark.parametrize("solver", ["enumeration", "certified"])
def test_the_command_line_keeps_its_contract(solver: str, capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    out = tmp_path / "solution.json"
    name = "sourcing/supplier-cyclic-two-4"
    assert cli.main(["solve", name, "--solver", solver, "--json", "--out", str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["family"], said["status"], said["value"], said["bound"], said["rel_gap"]) == (
        "sourcing",
        "optimal",
        None,
        None,
        None,
    )
    assert [set(entry) for entry in said["decision"]["equilibria"]] == [{"A", "E", "P", "links"}] * 2
    assert all(len(pair) == 2 for entry in said["decision"]["equilibria"] for pair in entry["links"])
    assert cli.main(["check", name, str(out)]) == 0
    assert "completeness" in capsys.readouterr().out
    assert cli.main(["solve", name, "--solver", solver]) == 0
    assert "proved: these are all equilibria" in capsys.readouterr().out
    assert cli.main(["solve", "sourcing/buyer-acyclic-none-4", "--solver", solver, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["status"] == "infeasible"
    assert said["decision"]["equilibria"] == []
    assert "jumps" in said["decision"]["note"]


def test_the_command_line_of_an_open_economy(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["solve", "sourcing/buyer-acyclic-open-6", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["decision"]["equilibria"]
    assert set(entry) == {"A", "E", "P", "w", "real_income", "links", "imports", "exports"}
    assert entry["real_income"] == pytest.approx(entry["E"] / entry["P"])
    assert cli.main(["evaluate", "sourcing/buyer-acyclic-open-6", "--json", "--decision", json.dumps(
        {key: entry[key] for key in ("links", "imports", "exports")}
    )]) == 0  # fmt: skip
    said = json.loads(capsys.readouterr().out)
    assert said["equilibrium"] is True
    assert (said["A"], said["w"]) == pytest.approx((entry["A"], entry["w"]), rel=1e-12)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"links": {"supplier": [5], "buyer": [1], "alpha": [0.5], "f": [0.1]}}, "links.supplier[0]"),
        ({"links": {"supplier": [1], "buyer": [1], "alpha": [0.5], "f": [0.1]}}, "links.supplier[0]"),
        ({"links": {"supplier": [0], "buyer": [1], "alpha": [0.5], "f": [-0.1]}}, "links.f[0]"),
        ({"links": {"supplier": [0, 0], "buyer": [1, 1], "alpha": [0.5, 1], "f": [0, 0]}}, "links.supplier[1]"),
        ({"links": {"supplier": [0], "buyer": [1], "alpha": [0.5]}}, "links.f"),
        ({"phi": [1.0]}, "phi"),
        ({"initiator": "byer"}, "initiator"),
        ({"sigma": 0.5}, "sigma"),
        ({"sigma": math.nan}, "sigma: it holds NaN"),
        ({"phi": [1, math.inf]}, "phi[1]: it holds Infinity"),
        (
            {"links": {"supplier": [0], "buyer": [1], "alpha": [0.5], "f": [-math.inf]}},
            "links.f[0]: it holds -Infinity",
        ),
        ({"open": {"alpha_F": 1, "beta_F": 1, "f_import": 0}}, "open.f_export"),
        ({"smoothing": {"absolut": 1}}, "smoothing.absolut"),
        ({"L": -1}, "L"),
    ],
)
def test_bad_files_end_in_one_line(
    change: dict[str, Any], field: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"family": "sourcing", "version": 1, "n": 2, "sigma": 4, "phi": [1, 1], "alpha_L": [1, 1]}
    fields |= {"beta_H": [1, 1], "links": {"supplier": [0], "buyer": [1], "alpha": [0.5], "f": [0.1]}}
    path = tmp_path / "economy.json"
    path.write_text(json.dumps(fields | change))
    assert cli.main(["solve", str(path), "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert field in said.err
    assert len(said.err.strip().splitlines()) == 1
