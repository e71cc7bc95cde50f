"""Certificates: what holds survives a file, and nothing that was tampered with passes for more than it proves."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from economies import TINY, best_by_trying_all, economy

import endonet as en
from endonet.cli import main
from endonet.formulations.errors import InputError, VerificationError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.solvers.planner.certificate import pack, reach, rounded, unpack
from endonet.solvers.planner.certified import Certified
from endonet.solvers.planner.dual_bound import Prices
from endonet.solvers.planner.enumeration import Enumeration
from endonet.solvers.solution import Solution, Status

Fields = dict[str, Any]


def dominated() -> PlannerProblem:
    """Return an economy whose certificate has an order, several nodes and rows."""
    Omega = np.ones((6, 6)) - np.eye(6)
    Omega[0, 1] = Omega[2, 3] = Omega[4, 0] = 0.0
    rows = (LinearRow(range(6), [1.0] * 6, "<=", 4), LinearRow([1, 4], [1.0, 1.0], ">=", 1))
    z = [1.0, 1.05, 1.1, 0.95, 1.0, 1.1]
    return PlannerProblem(Omega, z, f=0.12, sigma=8.0, epsilon=4.0, constraints=rows)


def branching() -> PlannerProblem:
    return replace(economy(3, n=7, f=0.06, sigma=8.0, epsilon=4.0), alpha=0.75)


def infeasible() -> PlannerProblem:
    """Return an economy that Farkas multipliers prove infeasible: no single row shows it."""
    rows = [
        LinearRow([0, 1], [1, 1], "<=", 1),
        LinearRow([2, 3], [1, 1], "<=", 1),
        LinearRow(range(4), [1] * 4, ">=", 3),
    ]
    return PlannerProblem(np.ones((4, 4)), [1.0, 1.1, 1.2, 1.3], f=0.01, constraints=tuple(rows))


ECONOMIES: dict[str, Callable[[], PlannerProblem]] = {"dominated": dominated, "branching": branching, **TINY}


def fields_of(solution: Solution) -> Fields:
    """Return a solution as a file would hold it."""
    return json.loads(json.dumps(solution.to_dict()))


def judged(problem: PlannerProblem, fields: Fields) -> bool:
    """Return whether the fields load and hold; any exception but a verdict is the test's failure."""
    try:
        en.check(problem, en.load_solution(fields, problem))
    except (InputError, VerificationError):
        return False
    return True


def bound_only(solution: Solution, bound: float) -> Fields:
    """Return a claim of a bound and nothing else."""
    fields = fields_of(solution)
    fields |= {"status": "no_solution", "stopped_by": "node_limit", "value": None, "decision": None, "rel_gap": None}
    return fields | {"bound": bound}


# -- what holds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ECONOMIES)
@pytest.mark.parametrize("ending", [".json", ".json.gz"])
def test_a_solution_survives_its_file_and_still_holds(name: str, ending: str, tmp_path: Path) -> None:
    problem = ECONOMIES[name]()
    solution = Certified().solve(problem)
    en.save_solution(solution, tmp_path / f"solution{ending}")
    loaded = en.load_solution(tmp_path / f"solution{ending}", problem)
    assert fields_of(loaded) == fields_of(solution)
    verified = en.check(problem, loaded)
    assert verified.value == solution.value
    assert verified.bound == solution.bound
    assert verified.nodes == len(solution.certificate["nodes"])
    assert verified.residual < 1e-9


def test_an_infeasible_certificate_holds_for_what_is_infeasible_only(tmp_path: Path) -> None:
    problem = infeasible()
    solution = Certified().solve(problem)
    assert solution.status is Status.INFEASIBLE
    en.save_solution(solution, tmp_path / "solution.json")
    fields = json.loads((tmp_path / "solution.json").read_text())
    assert judged(problem, fields)
    farkas = next(
        entry for node in fields["certificate"]["nodes"] for entry in node["rounds"] if isinstance(entry, dict)
    )
    some = farkas["farkas"]
    wrong = (
        [0.0] * len(some),
        [-m for m in some],
        some[:-1],
        [],
        "xyz",
        None,
        [10**400, *some[1:]],
        [math.nan] * len(some),
    )
    for mu in wrong:
        tampered = json.dumps(fields).replace(json.dumps(farkas), json.dumps({"farkas": mu}))
        assert not judged(problem, json.loads(tampered)), mu
    # the same file for the economy with one row relaxed, in which there is something to choose
    rows = (*problem.constraints[:2], LinearRow(range(4), [1] * 4, ">=", 2))
    feasible = replace(problem, constraints=rows)
    assert not judged(feasible, fields | {"fingerprint": feasible.fingerprint})
    root = {"parent": -1, "firm": -1, "value": -1, "rounds": []}
    for certificate in (None, {}, fields["certificate"] | {"nodes": [root]}):
        assert not judged(problem, fields | {"certificate": certificate})


@pytest.mark.parametrize("name", ["plain", "budget", "sigma above epsilon", "bail-out and exclusion"])
def test_an_exhaustion_is_repeated(name: str) -> None:
    problem = TINY[name]()
    fields = fields_of(Enumeration().solve(problem))
    optimum = best_by_trying_all(problem)
    assert fields["certificate"]["kind"] == "planner exhaustion"
    assert judged(problem, fields)
    for factor in (1 - 1e-9, 0.9, 0.5, 1e-3, 0.0):
        claim = bound_only(Enumeration().solve(problem), optimum * factor)
        assert not judged(problem, claim), factor
    assert judged(problem, bound_only(Enumeration().solve(problem), optimum * 1.1))
    assert not judged(problem, fields | {"status": "infeasible", "value": None, "decision": None, "bound": None})


def test_an_exhaustion_of_what_is_infeasible() -> None:
    problem = infeasible()
    fields = fields_of(Enumeration().solve(problem))
    assert fields["status"] == "infeasible"
    assert judged(problem, fields)


def test_prices_are_stored_as_they_are_used() -> None:
    problem = dominated()
    unit = reach(problem)
    draw = np.random.default_rng(0)
    prices = Prices(np.exp(draw.normal(0, 5, 6)), 2.5, 0.1, np.array([0.5, -2.0]))
    used = rounded(prices, unit)
    stored = json.loads(json.dumps(pack(used, unit)))
    read = unpack(problem, stored, unit, "prices")
    assert read.pi.tolist() == used.pi.tolist()
    assert (read.T, read.M, read.mu.tolist()) == (used.T, used.M, used.mu.tolist())
    assert used.pi == pytest.approx(prices.pi, rel=1e-6)


# -- what does not ---------------------------------------------------------------------------------------------------


def test_a_certificate_does_not_serve_another_problem() -> None:
    problem = branching()
    other = replace(problem, f=problem.f * 0.5)
    solution = Certified().solve(problem)
    with pytest.raises(VerificationError, match="another problem"):
        en.check(other, solution)
    assert best_by_trying_all(other) > solution.bound
    assert not judged(other, bound_only(solution, solution.bound) | {"fingerprint": other.fingerprint})


@pytest.mark.parametrize("name", ["dominated", "branching", "budget", "costly"])
def test_no_bound_below_the_optimum_passes(name: str) -> None:
    problem = ECONOMIES[name]()
    solution = Certified().solve(problem)
    optimum = best_by_trying_all(problem)
    assert judged(problem, bound_only(solution, solution.bound))
    for factor in (1 - 1e-9, 0.999, 0.9, 0.5, 1e-3, 1e-300, 0.0, -1.0):
        assert not judged(problem, bound_only(solution, optimum * factor)), factor


@pytest.mark.parametrize("T", [5e-324, 1e-310, 1e-308, 1e-300, 1e300, 1.7e308])
@pytest.mark.parametrize("share", [0.0, 1e-45, 1.0, 3e38])
@pytest.mark.parametrize("M", [0.0, -1.7e308, 1 - 1e-16])
def test_extreme_prices_prove_nothing_false(T: float, share: float, M: float) -> None:
    problem = PlannerProblem(np.ones((3, 3)) - np.eye(3), [1.0, 1.2, 0.9], f=0.1, sigma=5, epsilon=4)
    solution = Certified().solve(problem)
    pi = base64.b64encode(zlib.compress(np.full(3, share, "<f4").tobytes())).decode()
    claim = bound_only(solution, 0.001)
    claim["certificate"] |= {
        "order": [],
        "prices": [{"pi": pi, "T": T, "M": M, "mu": []}],
        "nodes": [{"parent": -1, "firm": -1, "value": -1, "rounds": [0, 0]}],
    }
    assert not judged(problem, claim)


def test_numbers_that_no_double_holds_are_a_verdict() -> None:
    problem = branching()
    for key, value in itertools.product(("T", "M"), (10**400, -(10**400), "x", None, [], True, "1e400")):
        fields = fields_of(Certified().solve(problem))
        fields["certificate"]["prices"][0][key] = value
        if judged(problem, fields):
            assert value is True  # a price that reads as 1 may prove the bound all the same


def test_statuses_that_the_rest_does_not_bear_out() -> None:
    problem = branching()
    solution = Certified().solve(problem)
    good = {"status": solution.status}
    wrong: dict[str, Fields] = {
        "unbounded": {"status": Status.UNBOUNDED, "bound": None, "rel_gap": None},
        "unbounded with all else": {"status": Status.UNBOUNDED},
        "infeasible": {"status": Status.INFEASIBLE},
        "infeasible without a decision": {
            "status": Status.INFEASIBLE,
            "value": None,
            "decision": None,
            "encoded_decision": None,
        },
        "rel_gap of options is NaN": {"options": {"rel_gap": math.nan}},
        "rel_gap of options is missing": {"options": {}},
        "rel_gap of options is true": {"options": {"rel_gap": True}},
        "rel_gap of options is infinite": {"options": {"rel_gap": math.inf}},
        "rel_gap of options is smaller": {"options": {"rel_gap": 1e-13}},
        "feasible without a decision": {
            "status": Status.FEASIBLE,
            "value": None,
            "decision": None,
            "encoded_decision": None,
        },
        "feasible without a bound": {"status": Status.FEASIBLE, "bound": None, "rel_gap": None},
        "an infinite bound": {"status": Status.FEASIBLE, "bound": math.inf, "rel_gap": None},
        "a bound of NaN": {"status": Status.FEASIBLE, "bound": math.nan, "rel_gap": None},
        "a value of NaN": {"value": math.nan},
        "a gap of NaN": {"rel_gap": math.nan},
        "a gap of nothing": {"rel_gap": 0.5},
        "a value too high": {"value": solution.value * (1 + 1e-9)},
        "no certificate": {"certificate": None},
        "a contradiction": {"contradicted": "the evaluator says otherwise"},
        "a value without a decision": {"status": Status.NO_SOLUTION, "decision": None, "encoded_decision": None},
    }
    en.check(problem, replace(solution, **good))
    for why, change in wrong.items():
        with pytest.raises(VerificationError):
            pytest.fail(f"passed: {why}: {en.check(problem, replace(solution, **change))}")


def test_a_worse_decision_with_its_own_value_is_not_optimal() -> None:
    problem = branching()
    solution = Certified().solve(problem)
    other = problem.evaluate(np.ones(problem.n))
    assert other.value < solution.value * (1 - 1e-6)
    encoded = problem.encode_decision(other.theta)
    claim = replace(solution, decision=other.theta, encoded_decision=encoded, value=other.value, rel_gap=None)
    with pytest.raises(VerificationError, match="gap"):
        en.check(problem, claim)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a JSON object."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield from places(part, (*path, key))


def put(fields: Fields, path: tuple[Any, ...], value: Any) -> Fields:
    """Return a copy with one value replaced, or taken out if the new one is ``...``."""
    changed = copy.deepcopy(fields)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


RUBBISH = (
    ...,
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    10**400,
    0.5,
    -1e308,
    1e-320,
    "",
    "x",
    "infeasible",
    "optimal",
    [],
    [0],
    {},
)


@pytest.mark.parametrize("name", ["dominated", "branching", "infeasible"])
def test_tampering_with_any_field_is_found_out_or_harmless(name: str) -> None:
    """Every value of the file is replaced by every sort of rubbish; what passes must still be true."""
    problem = infeasible() if name == "infeasible" else ECONOMIES[name]()
    fields = fields_of(Certified().solve(problem))
    optimum = None if name == "infeasible" else best_by_trying_all(problem)
    draw = np.random.default_rng(0)
    paths = [path for path in places(fields) if path[0] not in ("versions", "statistics")]
    rejected = 0
    for path in paths:
        # long lists of alike numbers need not all be tried with everything
        rubbish = RUBBISH if len(path) < 3 else [RUBBISH[i] for i in draw.integers(0, len(RUBBISH), 3)]
        for value in rubbish:
            rejected += not stands(problem, put(fields, path, value), optimum)
    assert rejected > 200


def stands(problem: PlannerProblem, fields: Fields, optimum: float | None) -> bool:
    """Return whether a claim passes, after asserting that one that does is true."""
    try:
        solution = en.load_solution(fields, problem)
        en.check(problem, solution)
    except (InputError, VerificationError):
        return False
    if solution.status is Status.INFEASIBLE:
        assert optimum is None, fields
    if solution.bound is not None and optimum is not None:
        assert solution.bound >= optimum * (1 - 1e-12), fields
    if solution.status is Status.OPTIMAL:
        assert solution.value >= optimum / (1 + solution.options["rel_gap"]) * (1 - 1e-11), fields
    return True


def mutated(draw: np.random.Generator, fields: Fields) -> Fields:
    """Return a copy with a few values of the certificate exchanged, doubled, negated or removed."""
    changed = copy.deepcopy(fields)
    for _ in range(int(draw.integers(1, 4))):
        certificate = changed["certificate"]
        paths = list(places(certificate, ("certificate",)))
        if not paths:
            return changed
        path, other = paths[draw.integers(len(paths))], paths[draw.integers(len(paths))]
        old: Any = changed
        for key in path:
            old = old[key]
        value: Any = changed
        for key in other:
            value = value[key]
        choices: list[Any] = [copy.deepcopy(value), ...]
        if isinstance(old, list):
            choices += [old + old[:1], old[:-1], old[::-1], [old[i] for i in draw.permutation(len(old))]]
        elif isinstance(old, bool) or not isinstance(old, int | float):
            choices += [draw.choice(["", "AAAA"])]
        else:
            with np.errstate(over="ignore"):
                choices += [-old, old + 1, old - 1, float(old * 10.0 ** draw.integers(-320, 309)), 1 - old]
        changed = put(changed, path, choices[draw.integers(len(choices))])
        if not isinstance(changed.get("certificate"), dict):
            return changed
    return changed


def survive_mutations(count: int, seed: int) -> tuple[int, int]:
    """Mutate certificates that claim a little too much; return how many were tried, and how many true ones passed."""
    draw = np.random.default_rng(seed)
    cases = []
    for name in ("dominated", "branching", "budget", "bail-out and exclusion", "sigma above epsilon"):
        problem = ECONOMIES[name]()
        solution, optimum = Certified().solve(problem), best_by_trying_all(problem)
        cases.append((problem, bound_only(solution, solution.bound), optimum))
    passed = 0
    for k in range(count):
        problem, fields, optimum = cases[k % len(cases)]
        below = optimum * (1 - 10 ** draw.uniform(-9, 0))
        changed = mutated(draw, fields)
        assert not stands(problem, changed | {"bound": below, "rel_gap": None}, optimum), changed
        passed += stands(problem, changed, optimum)
    return count, passed


def test_no_mutation_proves_a_bound_below_the_optimum() -> None:
    count, passed = survive_mutations(600, 1)
    assert 0 < passed < count  # harmless ones are let pass


@pytest.mark.slow
def test_no_mutation_of_many_proves_a_bound_below_the_optimum() -> None:
    count, passed = survive_mutations(60_000, 2)
    assert 0 < passed < count


def test_random_prices_and_trees_prove_nothing_false() -> None:
    """Certificates made up from nothing: any tree, any prices, any cutoff."""
    draw = np.random.default_rng(3)
    proved = 0
    for name in ("branching", "budget", "costly"):
        problem = ECONOMIES[name]()
        optimum, template = best_by_trying_all(problem), Certified().solve(problem)
        unit = reach(problem)
        for _ in range(150):
            scale = 10.0 ** draw.uniform(-1, 1)
            prices = [
                Prices(
                    np.exp(draw.normal(-2, 1, problem.n)) * scale / unit,
                    math.exp(draw.normal(1, 2)),
                    draw.uniform(0, 0.9) * problem.L,
                    draw.normal(0, 0.3, problem.rows.count),
                )
                for _ in range(3)
            ]
            nodes, leaves = [{"parent": -1, "firm": -1, "value": -1, "rounds": [0, 1]}], [0]
            for _ in range(int(draw.integers(0, 8))):
                parent = leaves.pop(int(draw.integers(len(leaves))))
                firm = int(draw.integers(problem.n))
                for value in (1, 0):
                    rounds = draw.integers(0, 3, int(draw.integers(1, 4))).tolist()
                    nodes.append({"parent": parent, "firm": firm, "value": value, "rounds": rounds})
                    leaves.append(len(nodes) - 1)
            claim = bound_only(template, optimum * math.exp(draw.normal(0, 0.3)))
            claim["certificate"] |= {"order": [], "prices": [pack(p, unit) for p in prices], "nodes": nodes}
            proved += stands(problem, claim, optimum)
    assert proved > 0


def test_a_tree_that_does_not_cover_its_boxes_is_refused() -> None:
    problem = branching()
    fields = fields_of(Certified().solve(problem))
    nodes = fields["certificate"]["nodes"]
    assert len(nodes) > 2
    last = nodes[-1]
    assert not judged(problem, put(fields, ("certificate", "nodes"), nodes[:-1]))
    assert not judged(problem, put(fields, ("certificate", "nodes", len(nodes) - 1, "value"), 1 - last["value"]))
    assert not judged(problem, put(fields, ("certificate", "nodes", len(nodes) - 1, "parent"), len(nodes) - 1))
    other = (last["firm"] + 1) % problem.n
    assert not judged(problem, put(fields, ("certificate", "nodes", len(nodes) - 1, "firm"), other))
    assert not judged(problem, put(fields, ("certificate", "nodes"), [*nodes, last]))


def test_an_order_that_is_no_dominance_is_refused() -> None:
    problem = dominated()
    fields = fields_of(Certified().solve(problem))
    order = fields["certificate"]["order"]
    assert order
    n = problem.n
    for wrong in (
        [[j, i] for i, j in order],
        [*order, [n, 0]],
        [*order, [-1, 0]],
        [*order, [0, 0]],
        [[0, 1, 2]],
        [[0.0, 1]],
    ):
        assert not judged(problem, put(fields, ("certificate", "order"), wrong)), wrong


# -- command line ---------------------------------------------------------------------------------------------------


def test_the_command_line_checks_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problem, solution = tmp_path / "economy.json", tmp_path / "solution.json"
    en.save(branching(), problem)
    assert main(["solve", str(problem), "--json", "--out", str(solution)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["status"] == "optimal"
    assert "certificate" not in printed
    assert main(["check", str(problem), str(solution)]) == 0
    fields = json.loads(solution.read_text())
    assert fields["certificate"]["kind"] == "planner tree"
    for change in (
        {"bound": fields["bound"] * 0.99, "value": fields["value"] * 0.99},
        {"certificate": fields["certificate"] | {"nodes": fields["certificate"]["nodes"][:1]}},
        {"status": "infeasible", "value": None, "decision": None, "bound": None},
        {"certificate": None},
    ):
        solution.write_text(json.dumps(fields | change))
        capsys.readouterr()
        assert main(["check", str(problem), str(solution)]) == 4, change
        answer = capsys.readouterr()
        assert answer.out == ""
        assert len(answer.err.strip().splitlines()) == 1
