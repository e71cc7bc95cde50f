"""Errors that teach: which rows conflict, which leaf of a certificate fails, why two answers differ."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digraphs import digraph
from economies import economy
from hypothesis import given, settings
from hypothesis import strategies as st

import endonet as en
from endonet import api
from endonet.cli import main
from endonet.formulations.errors import InputError, VerificationError
from endonet.formulations.planner import conflict as conflicts
from endonet.formulations.planner.conflict import Conflict, minimal_conflict
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.solvers.planner import certificate, disagreement, duals
from endonet.solvers.planner.conflict import find
from endonet.solvers.solution import Status

FIRMS = 4


def possible(n: int, rows: list[LinearRow], f: float = 0.0, labour: bool = False) -> bool:
    """Whether some θ satisfies rows (and labour), by trying all."""
    for theta in itertools.product((0, 1), repeat=n):
        if labour and f * sum(theta) > 1 + 1e-12:
            continue
        if all(_holds(row, theta) for row in rows):
            return True
    return False


def _holds(row: LinearRow, theta: tuple[int, ...]) -> bool:
    activity = sum(c * theta[j] for j, c in zip(row.firms, row.coefficients, strict=True))
    sign = {"<=": activity <= row.rhs, ">=": activity >= row.rhs, "==": activity == row.rhs}
    return sign[row.sense]


def unchecked(rows: list[LinearRow], f: float = 0.05, n: int = FIRMS) -> PlannerProblem:
    """A problem whose rows have not been looked at."""
    problem = PlannerProblem(np.ones((n, n)), np.ones(n), f=f)
    object.__setattr__(problem, "constraints", tuple(rows))
    object.__setattr__(problem, "rows", type(problem.rows).from_rows(rows, n))
    return problem


def assert_minimal(problem: PlannerProblem, found: Conflict) -> None:
    """Without any one member, the others can be satisfied; together they cannot."""
    chosen = [problem.constraints[r] for r in found.rows]
    f = float(problem.f[0])
    assert not possible(problem.n, chosen, f, found.labour)
    for r in range(len(chosen)):
        assert possible(problem.n, chosen[:r] + chosen[r + 1 :], f, found.labour)
    if found.labour:
        assert possible(problem.n, chosen, f, False)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.integers(0, FIRMS - 1), min_size=1, max_size=3, unique=True),
            st.lists(st.integers(-3, 3), min_size=3, max_size=3),
            st.sampled_from(("<=", ">=", "==")),
            st.integers(-2, 3),
        ),
        max_size=7,
    ),
    f=st.sampled_from((0.05, 0.3, 0.6)),
)
def test_a_conflict_is_found_if_there_is_one_and_is_minimal(rows: list[Any], f: float) -> None:
    made = [LinearRow(firms, weights[: len(firms)], sense, rhs) for firms, weights, sense, rhs in rows]
    problem = unchecked(made, f)
    found = minimal_conflict(problem)
    if possible(FIRMS, made, f, True):
        assert found is None
    else:
        assert found is not None
        assert found.minimal
        assert_minimal(problem, found)


def test_rows_that_propagation_refutes_are_named_by_index_and_text() -> None:
    rows = [
        LinearRow([4], [1], "<=", 1),
        LinearRow([0], [1], "==", 1),
        LinearRow([0, 1], [1, 1], "<=", 1),
        LinearRow([2, 3], [1, 1], "<=", 1),
        LinearRow([1], [1], ">=", 1),
    ]
    with pytest.raises(InputError) as caught:
        economy(1, rows=tuple(rows))
    assert caught.value.field == "constraints"
    assert "rows 1, 2 and 4 together: [1] 1·θ[0] == 1; [2] 1·θ[0] + 1·θ[1] <= 1; [4] 1·θ[1] >= 1" in str(caught.value)
    assert "perhaps" not in str(caught.value)


def test_one_impossible_row_is_named_alone() -> None:
    rows = (LinearRow([0, 1], [1, 1], "<=", 1), LinearRow([0], [1], ">=", 2))
    with pytest.raises(InputError, match=r"constraints\[1\]: no choice satisfies row 1: \[1\] 1·θ\[0\] >= 2"):
        economy(1, rows=rows)


def test_labour_is_part_of_a_conflict() -> None:
    rows = (LinearRow([0], [1], "<=", 1), LinearRow([1], [1], "==", 1), LinearRow([2], [1], "==", 1))
    with pytest.raises(InputError, match=r"need 1.2 of L = 1.*rows 1 and 2 and the labour constraint together.*Σ f θ"):
        PlannerProblem(np.ones((4, 4)), np.ones(4), f=0.6, constraints=rows)


def deep() -> PlannerProblem:
    """Rows that no propagation refutes: an odd cycle of pairs of which one each must operate; others around them."""
    rows = [LinearRow([3, 4], [1, 1], "<=", 1), LinearRow([5], [1], "==", 1)]
    rows += [LinearRow(pair, [1, 1], "==", 1) for pair in ((0, 1), (1, 2), (0, 2))]
    return economy(9, rows=tuple(rows))


@pytest.mark.parametrize("solver", ["certified", "enumeration", "deviation", "scip"])
def test_a_solver_that_proves_infeasibility_names_the_conflict(solver: str) -> None:
    if api.solver_class("planner", solver).unavailable():
        pytest.skip(api.solver_class("planner", solver).unavailable())
    solution = en.solve(deep(), solver)
    assert solution.status is Status.INFEASIBLE
    assert "no choice satisfies rows 2, 3 and 4 together: [2] 1·θ[0] + 1·θ[1] == 1" in solution.notes[-1]


def test_what_the_search_leaves_open_highs_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pigeons: seven firms in six holes, far beyond a few nodes of search."""
    pigeons, holes = 7, 6
    cell = np.arange(pigeons * holes).reshape(pigeons, holes)
    rows = [LinearRow(row, np.ones(holes), ">=", 1) for row in cell]
    rows += [LinearRow(column, np.ones(pigeons), "<=", 1) for column in cell.T]
    rows.insert(5, LinearRow([0, 1], [1, 1], "<=", 2))
    problem = unchecked(rows, f=1e-4, n=cell.size)
    monkeypatch.setattr(conflicts._Asker.__init__, "__defaults__", (3,))
    assert minimal_conflict(problem) is None  # nobody could tell
    found = find(problem, 60.0)
    assert found is not None
    assert (found.rows, found.labour, found.minimal) == (tuple(r for r in range(14) if r != 5), False, True)


def test_a_part_that_nobody_decides_is_said_to_be_perhaps_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = deep()
    answers = iter([False])
    monkeypatch.setattr(conflicts, "search", lambda *arguments: next(answers, None))
    found = minimal_conflict(problem)
    assert found is not None
    assert not found.minimal
    assert set(found.rows) >= {2, 3, 4}
    assert "perhaps fewer" in found.tell(problem)


def test_the_command_line_tells_conflicts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.json"
    en.save(deep(), path)
    assert main(["solve", str(path), "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["status"] == "infeasible"
    assert "rows 2, 3 and 4" in answer["notes"][-1]
    fields = json.loads(path.read_text())
    fields["constraints"].append({"firms": [5], "coefficients": [1], "sense": "==", "rhs": 0})
    path.write_text(json.dumps(fields))
    assert main(["solve", str(path)]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "rows 1 and 5 together" in said


# -- certificates ------------------------------------------------------------------------------------------------------


def branched() -> tuple[PlannerProblem, Any]:
    """A problem whose certificate has branches."""
    for seed in range(40):
        problem = economy(seed, n=9, f=0.09, rows=(LinearRow(range(9), [1] * 9, "<=", 4),))
        solution = en.solve(problem, "certified")
        if len(solution.certificate["nodes"]) > 1:
            return problem, solution
    raise AssertionError("no search branched")


def test_check_names_the_leaf_that_fails_and_by_how_much() -> None:
    problem, solution = branched()
    en.check(problem, solution)
    packed = json.loads(json.dumps(solution.certificate))
    leaves = [i for i in range(len(packed["nodes"])) if all(node["parent"] != i for node in packed["nodes"])]
    tampered = next(i for i in leaves if packed["nodes"][i]["rounds"] and packed["nodes"][i]["parent"] >= 0)
    packed["nodes"][tampered]["rounds"] = []
    with pytest.raises(VerificationError) as caught:
        en.check(problem, replace(solution, certificate=packed))
    said = str(caught.value)
    node = packed["nodes"][tampered]
    assert f"leaf {tampered} of the certificate proves only" in said
    assert f"θ[{node['firm']}] = {node['value']}" in said
    assert f"1 of {len(leaves)} leaves fail" in said
    tree = certificate.read(problem, packed)
    tops = {i: box.top for i, box, _, leaf in certificate.walk(tree, math.log(solution.bound), False) if leaf and box}
    short = math.exp(tops[tampered]) - solution.bound
    assert f"falls short by {short:.3g}" in said


def test_a_leaf_that_is_not_infeasible_is_named() -> None:
    problem = deep()
    solution = en.solve(problem, "certified")
    feasible = economy(9, rows=problem.constraints[:2])
    wrong = replace(solution, fingerprint=feasible.fingerprint, certificate=solution.certificate)
    with pytest.raises(
        VerificationError, match=r"not proved infeasible.*firms undecided.*room for output|exclude nothing|mu"
    ):
        en.check(feasible, wrong)


# -- disagreements -----------------------------------------------------------------------------------------------------


def test_a_disagreement_is_told_firm_by_firm() -> None:
    problem = en.load("planner/us-71")
    table = en.compare(problem, ["reshaping", "certified"])
    (one,) = table.disagreements
    assert (one.solver, one.reference) == ("reshaping", "certified")
    here, there = (np.asarray(table[name].decision) for name in ("reshaping", "certified"))
    assert {entry["firm"] for entry in one.entries} == set(np.flatnonzero(here != there))
    for entry in one.entries:
        j = entry["firm"]
        assert (entry["here"], entry["reference"]) == (here[j], there[j])
        for base, key in ((here, "alone"), (there, "undone")):
            other = base.copy()
            other[j] = 1 - other[j]
            change = problem.evaluate(other).value / problem.evaluate(base).value - 1
            assert entry[key] == pytest.approx(change, rel=1e-9)
        assert entry["undone"] <= 1e-9  # nothing improves an optimum
    said = str(table)
    assert "Why reshaping differs from certified" in said
    assert "all 2 together change output by +0.036 %" in " ".join(said.split())
    assert "Why reshaping differs" in table._repr_html_()


def test_shadow_profits_bound_what_a_firm_is_worth() -> None:
    """U − |d_j| bounds every choice that decides firm j against its sign: weak duality, by trying all."""
    problem = economy(3, n=7, f=0.1)
    proof = en.solve(problem, "certified")
    profit = disagreement.shadow_profits(problem, proof)
    assert profit is not None
    outcomes = [problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=7)]
    top = math.log(max(outcome.value for outcome in outcomes))
    bound = math.log(duals.shadow_profits(problem, proof).bound)
    assert bound >= top - 1e-12
    for j in range(7):
        against = 0 if profit[j] > 0 else 1
        best = max(outcome.value for outcome in outcomes if outcome.theta[j] == against)
        assert math.log(best) <= bound - abs(profit[j]) + 1e-9


def test_without_a_certificate_prices_are_read_off_the_reference() -> None:
    problem = economy(2, f=0.12)
    found = en.solve(problem, "deviation")
    profit = disagreement.shadow_profits(problem, found)
    assert profit is not None
    assert np.isfinite(profit).all()


def test_a_switch_that_breaks_a_row_has_no_number() -> None:
    problem = economy(5, rows=(LinearRow(range(6), [1] * 6, "==", 3),))
    proof = en.solve(problem, "certified")
    worth = {theta: problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=6) if sum(theta) == 3}
    other = next(np.array(theta) for theta in worth if (np.array(theta) != proof.decision).any())
    entries, sentences = disagreement.explain(problem, proof, replace(proof, decision=other))
    assert all(entry["alone"] is None and entry["undone"] is None for entry in entries)
    assert "(not feasible)" in sentences[0]


def test_many_differences_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disagreement, "MOST", 8)
    problem = economy(1, n=12)
    proof = en.solve(problem, "certified")
    entries, sentences = disagreement.explain(problem, proof, replace(proof, decision=1 - np.asarray(proof.decision)))
    assert len(entries) == 8
    assert "6 more firms differ" in sentences[-2]
    assert "4 were not evaluated" in sentences[-2]
    assert sentences[-1].startswith("all 12 together")


def test_disagreements_are_in_the_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "planner/us-71", "--solvers", "reshaping,certified", "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    (one,) = answer["disagreements"]
    assert [entry["firm"] for entry in one["entries"]]
    assert {"firm", "here", "reference", "alone", "undone", "shadow"} == set(one["entries"][0])


def test_answers_that_agree_need_no_explanation() -> None:
    assert en.compare(economy(1), ["enumeration", "certified"]).disagreements == ()
    assert en.compare(digraph(7, n=8), ["eades", "certified"]).disagreements == ()
