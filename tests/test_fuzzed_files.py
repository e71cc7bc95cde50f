"""Damaged instance and solution files of every family: one clear error or an answer that holds, never a fault.

Files are valid ones in which a few parts were replaced, dropped, moved or scaled. What is still read is solved
and checked by the command line, which must end with 0, 2, 3 or 4, and a claim that passes the check must be true.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from economies import TINY, best_by_trying_all
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import endonet as en
from endonet import cli, frame
from endonet.formulations.errors import EndonetError
from endonet.instances import files, solution_fields

SMALL = {
    "planner": "planner/bailout-14",
    "ordering": "ordering/appendix-b",
    "diversification": "diversification/budget-5",
    "sourcing": "sourcing/figure-3",
    "suppliers": "suppliers/example-3",
}
LOOSE = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, max_examples=40)
EXTREMES = (0, -1, 1e-300, 1e300, -1e300, 10**400, 0.1 + 0.2, 2**53, 5e-324, True, False)
STRANGE = (None, "", "x", "1/0", "1e999", "∞", "\ud7ff", [], {}, [[]], [1], {"a": 1}, "NaN", *EXTREMES)

pytestmark = pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning", "ignore::RuntimeWarning")


@cache
def instance(family: str) -> dict[str, Any]:
    """The fields of a small instance, as JSON reads them."""
    from endonet.instances.catalogue import path_of

    path = path_of(SMALL[family])
    assert path is not None
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return fields


@cache
def answer(family: str, solver: str | None = None) -> dict[str, Any]:
    """The fields of a solution of it, certificate included."""
    solution = en.solve(en.load(SMALL[family]), solver)
    fields: dict[str, Any] = json.loads(json.dumps(solution_fields.to_fields(solution), default=str))
    return fields


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a JSON value; of long lists the first entries, the middle and the last."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*path, key))
    elif isinstance(value, list):
        for i in sorted({0, 1, len(value) // 2, len(value) - 1} & set(range(len(value)))):
            found += places(value[i], (*path, i))
    return found


def damaged(fields: dict[str, Any], data: st.DataObject, most: int = 3) -> dict[str, Any]:
    """A copy in which up to ``most`` parts are no longer what they were."""
    changed = copy.deepcopy(fields)
    for _ in range(data.draw(st.integers(1, most))):
        path = data.draw(st.sampled_from(places(changed)))
        inner: Any = changed
        for step in path[:-1]:
            inner = inner[step]
        last, old = path[-1], inner[path[-1]]
        way = data.draw(st.sampled_from(("replace", "drop", "scale", "twice", "negate", "rename", "grow")))
        if way == "drop" and isinstance(inner, dict | list):
            del inner[last]
        elif way == "scale" and isinstance(old, int | float) and abs(old) < 1e300:
            inner[last] = old * data.draw(st.sampled_from((0.5, 1e-9, 1e9, 1 + 1e-9, 1e200)))
        elif way == "negate" and isinstance(old, int | float):
            inner[last] = -old
        elif way == "twice" and isinstance(inner, list):
            inner.append(copy.deepcopy(old))
        elif way == "grow" and isinstance(old, list):
            inner[last] = old * 2
        elif way == "rename" and isinstance(inner, dict):
            inner[f"{last}_"] = inner.pop(last)
        else:
            inner[last] = copy.deepcopy(data.draw(st.sampled_from(STRANGE)))
        if not changed:
            break
    return changed


def text(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=True)


def run(*arguments: str) -> int:
    """The exit status of the command line, which must not be that of a fault."""
    status = cli.main(arguments)
    assert status in (frame.ANSWERED, frame.BAD_INPUT, frame.UNFINISHED, frame.REFUTED), arguments
    return status


@pytest.mark.parametrize("family", SMALL)
@given(data=st.data())
@LOOSE
def test_a_damaged_instance_is_read_or_refused(tmp_path: Path, family: str, data: st.DataObject) -> None:
    path = tmp_path / "i.json"
    path.write_text(text(damaged(instance(family), data)), encoding="utf-8")
    message, problem = "", None
    try:
        problem = en.load(path)
    except EndonetError as error:
        message = str(error)
    if problem is None:
        assert str(path) in message
        assert "\n" not in message
        return
    en.save(problem, tmp_path / "again.json")
    assert en.load(tmp_path / "again.json").fingerprint == problem.fingerprint


@given(data=st.data())
@settings(LOOSE, max_examples=25)
def test_a_damaged_economy_that_is_read_is_solved_or_refused(
    tmp_path: Path, data: st.DataObject, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "i.json"
    path.write_text(text(damaged(instance("planner"), data)), encoding="utf-8")
    limits = ("--time-limit", "2", "--quiet", "--json")
    status = run("solve", str(path), *limits, "--out", str(tmp_path / "s.json"))
    if status == frame.BAD_INPUT:
        return
    capsys.readouterr()
    assert run("check", str(path), str(tmp_path / "s.json")) == frame.ANSWERED  # its own claims hold
    problem = en.load(path)
    for heuristic in ("reshaping", "lagrangian", "enumeration"):
        run("solve", str(path), "--solver", heuristic, *limits)
    claimed = files.load_solution(tmp_path / "s.json", problem)
    found = en.solve(problem, "enumeration", time_limit=5)
    if found.status == "optimal" and claimed.bound is not None and claimed.value is not None:
        slack = 1e-9 * max(abs(found.value), 1e-300)
        assert claimed.value <= found.bound + slack
        assert claimed.bound >= found.value - slack


@pytest.mark.parametrize("family", SMALL)
@given(data=st.data())
@LOOSE
def test_a_damaged_solution_is_refused_or_verified(family: str, data: st.DataObject) -> None:
    problem = en.load(SMALL[family])
    try:
        solution = files.load_solution(json.loads(text(damaged(answer(family), data))), problem)
        en.check(problem, solution)
    except EndonetError:
        return
    if solution.value is not None:
        outcome = problem.evaluate(solution.decision)
        assert outcome.feasible
        assert float(outcome.value) == pytest.approx(float(solution.value), rel=1e-9, abs=1e-12)


@cache
def proved(case: str, solver: str) -> tuple[Any, dict[str, Any], float]:
    problem = TINY[case]()
    solution = en.solve(problem, solver)
    return problem, json.loads(json.dumps(solution_fields.to_fields(solution))), best_by_trying_all(problem)


@pytest.mark.parametrize("solver", ["certified", "lagrangian", "enumeration"])
@pytest.mark.parametrize("case", ["costly", "sigma above epsilon", "budget"])
@given(data=st.data())
@settings(LOOSE, max_examples=30)
def test_a_tampered_proof_never_proves_something_false(case: str, solver: str, data: st.DataObject) -> None:
    problem, fields, optimum = proved(case, solver)
    claim = damaged(fields, data)
    if data.draw(st.booleans()):  # most tampering is noticed by the numbers, so let them follow the lie
        factor = data.draw(st.sampled_from((1 - 1e-9, 1 - 1e-6, 0.99, 1.01)))
        claim["bound"] = optimum * factor
        claim["rel_gap"] = None
        claim["status"] = "feasible"
    try:
        solution = files.load_solution(json.loads(text(claim)), problem)
        en.check(problem, solution)
    except EndonetError:
        return
    assert solution.status != "infeasible"
    if solution.bound is not None:
        assert solution.bound >= optimum * (1 - 1e-11)
    if solution.value is not None:
        assert solution.value <= optimum * (1 + 1e-11)


@given(garbage=st.binary(max_size=200))
@example(garbage=b"")
@example(garbage=b"\x1f\x8b\x08")
@example(garbage=b"{}")
@example(garbage=b"[" * 5000)
@example(garbage=b'{"family":"planner","version":' + b"9" * 5000 + b"}")
@settings(LOOSE, max_examples=15)
def test_garbage_is_bad_input_to_every_command(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "g.json"
    path.write_bytes(garbage)
    for command in (
        ("solve", str(path)),
        ("check", str(path), str(path)),
        ("check", "planner/figure2", str(path)),
        ("evaluate", "planner/figure2", "--solution", str(path)),
        ("evaluate", "planner/figure2", "--decision", garbage.decode("latin-1").replace("\0", "0")),
        ("export", str(path), "--formulation", "lifted", str(tmp_path / "m.nl")),
        ("solve", "planner/figure2", "--initial", str(path)),
        ("solve", "planner/figure2", "--resume", str(path)),
    ):
        assert run(*command) == frame.BAD_INPUT
