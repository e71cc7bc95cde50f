"""The programs of the sourcing family against the evaluator's choices and against complete lists of equilibria."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from sourcing_economies import KINDS, economy, networks, random_markups

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError, VerificationError
from endonet.formulations.sourcing.equilibrium import EQUILIBRIUM
from endonet.formulations.sourcing.firm import FIRM
from endonet.formulations.sourcing.planner import PLANNER
from endonet.formulations.sourcing.problem import Markups, OpenEconomy, SourcingProblem
from endonet.formulations.sourcing.supplier_equilibrium import SUPPLIER_EQUILIBRIUM
from endonet.solvers.solution import Status

every_kind = pytest.mark.parametrize("kind", KINDS, ids="-".join)


def solve(model: Any) -> float:
    from pyomo.contrib.appsi.solvers import Highs

    highs: Any = Highs()
    highs.highs_options = {"mip_rel_gap": 0.0, "primal_feasibility_tolerance": 1e-9, "mip_feasibility_tolerance": 1e-9}
    highs.solve(model)
    return float(pyo.value(model.objective))


@every_kind
def test_the_firms_program_chooses_what_the_evaluator_does(kind: tuple[str, str, str]) -> None:
    draw = np.random.default_rng(1)
    for seed in range(4):
        problem = economy(seed, 4, *kind)
        problem = random_markups(problem, seed) if seed % 2 else problem
        network: Any = draw.random(problem.m) < 0.5
        if problem.open is not None:
            network = {"links": network, "imports": draw.random(4) < 0.5, "exports": draw.random(4) < 0.5}
        outcome: Any = problem.evaluate(network)
        if not outcome.feasible:
            continue
        model = FIRM.build(problem, network=network)
        value = solve(model)
        chosen = FIRM.extract(model)
        assert chosen.tolist() == outcome.choice.network.tolist()
        expected = (outcome.profits.sum() + outcome.choice.gain.sum()) / (outcome.w * problem.L)
        if problem.regime and problem.initiator == "buyer":
            assert value == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("shape", ["acyclic", "cyclic"])
def test_the_program_lists_what_certified_lists(shape: str) -> None:
    counts = set()
    problems = [economy(seed, 3 + seed % 4, "buyer", shape, share=0.8, most=14) for seed in range(8)]
    problems += [en.load("sourcing/buyer-cyclic-two-6")] if shape == "cyclic" else []
    for problem in problems:
        one, other = en.solve(problem, "certified"), en.solve(problem, "milp")
        assert not other.contradicted
        assert one.status is other.status
        lists = [{network.key() for network in s.decision.networks()} for s in (one, other)]
        assert lists[0] == lists[1]
        counts.add(len(lists[0]))
        with pytest.raises(VerificationError, match="without a certificate"):
            en.check(problem, other)
    assert len(counts) > 1 or shape == "acyclic"


def test_an_equilibrium_satisfies_the_program() -> None:
    problem = en.load("sourcing/buyer-cyclic-two-6")
    for entry in en.solve(problem, "certified").decision:
        model = EQUILIBRIUM.build(problem)
        for e, formed in enumerate(entry.network.links.tolist()):
            model.z[e].fix(int(formed))
        assert solve(model) > 0
        assert pyo.value(model.A) == pytest.approx(entry.A, rel=1e-7)
        assert EQUILIBRIUM.extract(model).key() == entry.network.key()


def test_what_is_not_linear_is_refused() -> None:
    for problem in (economy(1, 3, "supplier"), economy(1, 3, closure="open"), random_markups(economy(1, 3), 1)):
        with pytest.raises(NotApplicableError):
            EQUILIBRIUM.build(problem)
        with pytest.raises(NotApplicableError):
            en.solve(problem, "milp")
    with pytest.raises(InputError, match="pyomo"):
        EQUILIBRIUM.build(economy(1, 3), "cvxpy")
    with pytest.raises(InputError, match="no such option"):
        FIRM.build(economy(1, 3), networks=[])
    with pytest.raises(InputError, match="solve it before"):
        FIRM.extract(FIRM.build(economy(1, 3)))


def test_no_time_is_no_proof() -> None:
    problem = economy(1, 6, "buyer", "cyclic", share=1.0, fixed=0.002)
    solution = en.solve(problem, "milp", time_limit=1e-6)
    assert solution.status in (Status.NO_SOLUTION, Status.FEASIBLE)
    nothing = SourcingProblem.from_links([], [], [], [], phi=1, alpha_L=[1.0], beta_H=1, sigma=4)
    for solver in ("milp", "certified", "enumeration"):
        assert en.solve(nothing, solver).equilibria == 1


def best_by_trying_all(problem: SourcingProblem) -> float:
    def decision(z: Any, M: Any, X: Any) -> Any:
        return z if problem.open is None else {"links": z, "imports": M, "exports": X}

    outcomes = (problem.evaluate(decision(*parts)) for parts in networks(problem))
    return max(outcome.value for outcome in outcomes if outcome.feasible and outcome.value is not None)


@every_kind
def test_the_planners_network_is_the_best_of_all(kind: tuple[str, str, str]) -> None:
    for seed in range(4):
        problem = economy(seed, 4 - (kind[2] == "open"), *kind, share=0.8, most=3 if kind[2] == "open" else 8)
        if seed == 2:
            problem = random_markups(problem, seed)
        if seed == 3:
            draw = np.random.default_rng(seed)
            below = Markups(draw.uniform(1, 1.5, problem.n), draw.uniform(0.8, 1.2, problem.m))
            problem = dataclasses.replace(problem, markups=below)
        solution = en.solve(problem, "welfare")
        best = best_by_trying_all(problem)
        assert solution.status is Status.OPTIMAL
        assert solution.value == pytest.approx(best, rel=1e-12)
        assert solution.bound is not None
        assert solution.bound >= best * (1 - 1e-12)
        assert en.check(problem, solution).leaves >= 1
        with pytest.raises(VerificationError):
            en.check(problem, dataclasses.replace(solution, bound=best * 0.99, rel_gap=None))
        for entry in en.solve(problem, "enumeration").decision:
            assert entry.real_income <= best * (1 + 1e-12)


@every_kind
def test_where_few_decisions_are_open_the_best_network_is_found_by_trying_all(kind: tuple[str, str, str]) -> None:
    from endonet.solvers.sourcing.game import game_of, network_of
    from endonet.solvers.sourcing.welfare import everything, try_all

    draw = np.random.default_rng(11)
    for seed in range(6):
        problem = economy(seed, 4, *kind, share=0.9)
        if seed % 2:
            problem = random_markups(problem, seed)
        _, useful = everything(problem)
        free = draw.permutation(np.flatnonzero(useful))[:6]
        lo = useful & (draw.random(useful.size) < 0.3)
        lo[free] = False
        hi = lo.copy()
        hi[free] = True
        worth = [0.0]
        for number in range(1 << free.size):
            bits = lo.copy()
            bits[free] = (number >> np.arange(free.size)) & 1
            outcome: Any = problem.evaluate(network_of(problem, bits.astype(np.int8)))
            worth.append(outcome.value if outcome.feasible else 0.0)
        found, best = try_all(game_of(problem), lo, hi)
        assert found == pytest.approx(max(worth), rel=1e-12)
        if found > 0:
            assert problem.evaluate(network_of(problem, best.astype(np.int8))).value == pytest.approx(found, rel=1e-12)


def test_a_wage_without_end_is_worth_nothing() -> None:
    """What is imported goes abroad again, households see none of it, and exports exceed imports at every wage."""
    opened = OpenEconomy(
        alpha_F=np.array([1.0, 0, 0]), beta_F=np.array([0, 1.0, 0]), f_import=np.full(3, 0.1), f_export=np.full(3, 0.1)
    )
    problem = SourcingProblem.from_links(
        [0], [1], 0.9, 0.01, phi=1, alpha_L=[1.0, 1.0, 1.0], beta_H=[0, 0, 1.0], sigma=4, open=opened
    )
    through = problem.evaluate({"links": [[0, 1]], "imports": [0], "exports": [1]})
    assert "exports exceed imports at every wage" in through.reason
    solution = en.solve(problem, "welfare")
    assert solution.value == pytest.approx(best_by_trying_all(problem), rel=1e-12)
    assert solution.status is Status.OPTIMAL


@pytest.mark.slow
def test_the_planners_network_of_six_open_firms_is_proved() -> None:
    problem = en.load("sourcing/buyer-acyclic-open-two-6")
    solution = en.solve(problem, "welfare", time_limit=120)
    assert solution.status is Status.OPTIMAL
    for entry in en.solve(problem, "enumeration").decision:
        assert entry.real_income <= solution.value * (1 + 1e-12)
    en.check(problem, solution)


@pytest.mark.parametrize("opened", [False, True])
def test_what_decisions_can_add_bounds_every_network_between_two(opened: bool) -> None:
    from endonet.solvers.sourcing.gains import Economy, bound
    from endonet.solvers.sourcing.game import bits_of

    draw = np.random.default_rng(5)
    for seed in range(12):
        kind = (
            "buyer" if seed % 2 else "supplier",
            "cyclic" if seed % 3 else "acyclic",
            "open" if opened else "closed",
        )
        problem = economy(seed, 4, *kind, share=0.9, fixed=0.005)
        known = Economy(problem)
        size = problem.m + 2 * problem.n
        for _ in range(10):
            lo = known.useful & (draw.random(size) < 0.3)
            hi = known.useful & (lo | (draw.random(size) < 0.6))
            most, _ = bound(known, lo, hi)
            for _ in range(10):
                between = lo | (hi & (draw.random(size) < 0.5))
                parts = np.split(between, [problem.m, problem.m + problem.n])
                network = problem.network(dict(zip(("links", "imports", "exports"), parts, strict=True)))
                assert np.array_equal(bits_of(network).astype(bool), between)
                outcome: Any = problem.evaluate(network)
                assert not outcome.feasible or outcome.value <= most * (1 + 1e-12)


def test_the_planners_program_says_what_the_evaluator_does() -> None:
    draw = np.random.default_rng(3)
    problem = economy(2, 5, "buyer", "cyclic")
    everything: Any = problem.evaluate(np.ones(problem.m, bool))
    for _ in range(5):
        links = draw.random(problem.m) < 0.5
        outcome: Any = problem.evaluate(links)
        model = PLANNER.build(problem)
        shares = outcome.T / everything.formed.costs(problem.labour_weight[:, None])[:, 0]
        for e, formed in enumerate(links.tolist()):
            model.z[e].set_value(int(formed))
            model.y[e].set_value(float(shares[problem.supplier[e]]) * formed)
        for j in model.firms:
            model.t[j].set_value(float(shares[j]))
        T = everything.formed.costs(problem.labour_weight[:, None])[:, 0]
        model.q.set_value(float(problem.home @ outcome.T / (problem.home @ T)))
        model.F.set_value(float(problem.f @ links / problem.L))
        for row in model.component_data_objects(pyo.Constraint, active=True):
            assert row.lslack() > -1e-12
            assert row.uslack() > -1e-12
        assert PLANNER.welfare(problem, pyo.value(model.objective)) == pytest.approx(outcome.value, rel=1e-12)
        assert PLANNER.extract(model).links.tolist() == links.tolist()
    with pytest.raises(NotApplicableError, match="at cost"):
        PLANNER.build(economy(1, 3, "supplier"))


@pytest.mark.parametrize("shape", ["acyclic", "cyclic"])
def test_the_suppliers_program_holds_at_its_equilibria_and_nowhere_else(shape: str) -> None:
    held = broken = 0
    for seed in range(3):
        problem = economy(seed, 3, "supplier", shape, share=0.9, most=5)
        everything: Any = problem.evaluate(np.ones(problem.m, bool))
        T = everything.formed.costs(problem.labour_weight[:, None])[:, 0]
        for links, _, _ in networks(problem):
            outcome: Any = problem.evaluate(links)
            if not outcome.feasible:
                continue
            model = SUPPLIER_EQUILIBRIUM.build(problem)
            t, d = outcome.T / T, outcome.D * problem.labour_weight / problem.L
            model.A.set_value(outcome.A)
            for j in model.firms:
                model.t[j].set_value(float(t[j]))
                model.d[j].set_value(float(d[j]))
            for e, formed in enumerate(links.tolist()):
                model.z[e].set_value(int(formed))
                model.y[e].set_value(float(t[problem.supplier[e]]) * formed)
                model.x[e].set_value(float(d[problem.buyer[e]]) * formed)
            rows = {row.parent_component().name: 0.0 for row in model.component_data_objects(pyo.Constraint)}
            for row in model.component_data_objects(pyo.Constraint):
                name = row.parent_component().name
                rows[name] = min(rows[name], row.lslack(), row.uslack())
            choices = {"constraint_pays", "constraint_formed"}
            assert min(gap for name, gap in rows.items() if name not in choices) > -1e-12
            assert (min(rows[name] for name in choices) >= -1e-12) is outcome.equilibrium
            held, broken = held + outcome.equilibrium, broken + (not outcome.equilibrium)
    assert held
    assert broken
    with pytest.raises(NotApplicableError, match="suppliers initiate"):
        SUPPLIER_EQUILIBRIUM.build(economy(1, 3))


@pytest.mark.parametrize("shape", ["acyclic", "cyclic"])
def test_scip_lists_what_enumeration_lists(shape: str) -> None:
    pytest.importorskip("pyscipopt")
    counts = set()
    problems = [economy(seed, 3 + seed % 3, "supplier", shape, share=0.8, most=10) for seed in range(8)]
    problems[1] = random_markups(problems[1], 1)
    problems += [economy(seed, 4, "buyer", shape, share=0.8, most=10) for seed in range(4)]
    problems += [en.load(f"sourcing/figure-{figure}") for figure in ((2, 5) if shape == "acyclic" else (3, 4))]
    for problem in problems:
        one = en.solve(problem, "enumeration")
        other = en.solve(problem, "scip", time_limit=30)
        assert not other.contradicted
        assert other.formulation == f"sourcing/{'supplier-' * (problem.initiator == 'supplier')}equilibrium"
        assert one.status is other.status
        lists = [{network.key() for network in s.decision.networks()} for s in (one, other)]
        assert lists[0] == lists[1]
        assert any("SCIP's own claim" in note for note in other.notes)
        counts.add(len(lists[0]))
    assert {1, 2} <= counts


def test_scip_finds_the_network_of_greatest_welfare() -> None:
    pytest.importorskip("pyscipopt")
    for seed in range(6):
        problem = economy(seed, 4, "buyer", "cyclic" if seed % 2 else "acyclic", share=0.9, most=9)
        solution = en.solve(problem, "scip", formulation="planner", time_limit=30)
        best = best_by_trying_all(problem)
        assert solution.status is Status.OPTIMAL
        assert solution.value == pytest.approx(best, rel=1e-9)
        assert solution.bound is not None
        assert solution.bound >= best * (1 - 1e-12)
        assert solution.question == "optimum"


def test_a_false_answer_of_scip_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyscipopt")
    from endonet.solvers.sourcing.scip import ScipProgram

    problem = economy(0, 4, "buyer", "acyclic", share=0.9, most=9)
    honest = ScipProgram.maximise
    for lie, found in (({"bound": 0.5}, "its own decision is worth"), ({"objective": 0.999}, "claims the value")):
        with monkeypatch.context() as patch:
            patch.setattr(ScipProgram, "maximise", lambda *given, lie=lie: replace(honest(*given), **lie))
            assert found in en.solve(problem, "scip", "planner", time_limit=30).contradicted
    with monkeypatch.context() as patch:
        patch.setattr(SUPPLIER_EQUILIBRIUM.__class__, "extract", lambda self, model: wrong)
        supplied = economy(0, 3, "supplier", "acyclic", share=0.9)
        wrong = supplied.network(np.zeros(supplied.m, bool))
        solution = en.solve(supplied, "scip", time_limit=0.5)
        assert not supplied.evaluate(wrong).equilibrium
        assert solution.decision is None or not len(solution.decision)


def test_scip_refuses_what_no_program_holds_for_and_keeps_its_limit() -> None:
    pytest.importorskip("pyscipopt")
    with pytest.raises(NotApplicableError, match="closed economies"):
        en.solve(economy(1, 3, closure="open"), "scip")
    with pytest.raises(NotApplicableError, match="suppliers initiate"):
        en.solve(economy(1, 3), "scip", formulation="supplier-equilibrium")
    with pytest.raises(InputError, match="feasibility"):
        en.solve(economy(1, 3), "scip", feasibility=1.0)
    for formulation in ("equilibrium", "planner"):
        solution = en.solve(economy(1, 8, "buyer", "acyclic", share=1.0), "scip", formulation, time_limit=1e-6)
        assert solution.stopped_by.value == "time_limit"
        assert solution.status in (Status.NO_SOLUTION, Status.FEASIBLE, Status.NOT_CONVERGED)
