"""Bundled instances load, say what they are, and have optima within their best-known bounds."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import endonet as en
from endonet.formulations.errors import UnknownNameError
from endonet.instances import bounds as record
from endonet.instances import catalogue, files
from endonet.instances.planner import bundle
from endonet.instances.planner.generators import calibrated

NAMES = [entry.name for entry in files.names() if entry.family == "planner"]
SMALL = [entry.name for entry in files.names() if entry.family == "planner" and entry.size["n"] <= 10]
ENUMERATED = [
    entry.name
    for entry in files.names()
    if entry.family == "planner"
    and entry.size["n"] <= bundle.ENUMERABLE
    and record.bounds(entry.name).infeasible is None
]


def test_the_list_names_sizes_and_descriptions_in_one_line() -> None:
    entries = {entry.name: entry for entry in files.names()}
    assert entries["planner/us-71"].n == 71
    assert entries["planner/calibrated-300"].links is not None
    for name in NAMES:
        assert "\n" not in entries[name].description
        assert len(entries[name].description) > 10
    assert {"planner/us-15", "planner/us-71", "planner/aus-114", "planner/table1-14", "planner/table1-17"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_instance_is_what_the_list_says(name: str) -> None:
    problem = en.load(name)
    entry = next(entry for entry in files.names() if entry.name == name)
    assert (problem.n, problem.links) == (entry.n, entry.links)
    assert problem.name == name
    assert problem.description == entry.description
    assert problem.source
    assert problem.licence
    outcome = problem.evaluate(np.ones(problem.n))
    assert (outcome.value > 0) == (problem.f.sum() < problem.L)
    assert np.all(outcome.producing)
    assert np.abs(outcome.residual_goods).max() < 1e-11


@pytest.mark.parametrize("name", NAMES)
def test_no_committed_file_is_larger_than_a_megabyte(name: str) -> None:
    path = catalogue.path_of(name)
    assert path is None or path.stat().st_size < 2**20


def test_every_file_is_listed() -> None:
    folder = catalogue.folder("planner")
    listed = set(catalogue.read_data("planner", "index.json"))
    extra = {"index", "generated", "bounds", "others"}
    assert {path.name.split(".")[0] for path in folder.iterdir()} - extra <= listed
    assert set(catalogue.read_data("planner", "generated.json")) <= listed
    assert set(catalogue.read_data("planner", "bounds.json")) <= listed
    assert set(catalogue.read_data("planner", "others.json")) <= listed


def test_a_generated_instance_is_checked_against_its_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert en.load("planner/calibrated-300").fingerprint == calibrated(300, seed=1).fingerprint
    recipes = copy.deepcopy(catalogue.read_data("planner", "generated.json"))
    recipes["calibrated-300"]["fingerprint"] = "0" * 64
    read = catalogue.read_data
    monkeypatch.setattr(
        catalogue, "read_data", lambda family, file: recipes if file == "generated.json" else read(family, file)
    )
    with pytest.raises(en.InputError, match="not the one recorded"):
        en.load("planner/calibrated-300")


def test_the_instances_cover_the_cases_of_the_theory() -> None:
    problems = {name.removeprefix("planner/"): en.load(name) for name in ENUMERATED}
    steep = problems["steep-12"]
    assert np.all(steep.alpha * steep.kappa > 1)
    flat = problems["sigma-below-epsilon-12"]
    assert flat.kappa < 1
    assert problems["budget-12"].rows.count == 1
    assert {row.sense for row in problems["bailout-14"].constraints} == {"==", "<=", ">="}
    assert np.unique(problems["weighted-16"].alpha).size == 16
    assert np.linalg.matrix_rank(problems["rank-one-12"].Omega.toarray()) == 1
    twins = problems["duplicates-12"]
    assert twins.rows.count == 6
    assert np.all(twins.Omega.toarray()[:6] == twins.Omega.toarray()[6:])
    overlap = twins.Omega.toarray()[:6, :6] * twins.Omega.toarray()[:6, 6:]
    assert np.all(overlap == 0)


@pytest.mark.parametrize("name", ENUMERATED)
def test_the_enumerated_optimum_lies_within_its_bounds(name: str) -> None:
    known = record.bounds(name)
    assert known.primal is not None
    assert known.dual is not None
    problem = en.load(name)
    assert catalogue.read_data("planner", "bounds.json")[name.removeprefix("planner/")]["fingerprint"] == (
        problem.fingerprint
    )
    theta = problem.decode_decision(known.primal.decision)
    outcome = problem.evaluate(theta)
    assert outcome.feasible
    assert outcome.value == pytest.approx(known.primal.value, rel=known.primal.tolerance)
    slack = known.primal.tolerance + known.dual.tolerance
    assert known.primal.value <= known.dual.value * (1 + slack)
    for j in range(problem.n):  # no neighbour beats a proved optimum
        flipped = theta.copy()
        flipped[j] = 1 - flipped[j]
        neighbour = problem.evaluate(flipped)
        assert not neighbour.feasible or neighbour.value <= known.dual.value * (1 + slack)


@pytest.mark.parametrize("name", SMALL)
def test_small_optima_are_found_again(name: str) -> None:
    value, _ = bundle.enumerate_all(en.load(name))
    known = record.bounds(name)
    assert known.primal is not None
    assert known.dual is not None
    assert known.dual.value * (1 + 1e-12) >= value >= known.primal.value * (1 - 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ENUMERATED) - set(SMALL)))
def test_all_enumerated_optima_are_found_again(name: str) -> None:
    value, _ = bundle.enumerate_all(en.load(name))
    known = record.bounds(name)
    assert known.primal is not None
    assert value == pytest.approx(known.primal.value, rel=1e-12)


def test_the_us_optimum_shuts_six_sectors_down() -> None:
    known = record.bounds("planner/us-15").primal
    assert known is not None
    assert known.decision is not None
    assert sum(known.decision["theta"]) == 9
    assert "six" in en.load("planner/us-15").description


@pytest.fixture
def ledger(tmp_path: Path) -> dict[str, Any]:
    """An empty file of bounds, and figure 2's optimum."""
    return {"file": tmp_path / "bounds.json", "date": "2024-02-29"}


def test_bounds_only_improve(ledger: dict[str, Any]) -> None:
    name = "planner/figure2"
    problem = en.load(name)
    worse, best = problem.evaluate([0, 1]).value, problem.evaluate([1, 0]).value
    assert record.record_bound(name, "primal", worse, "guess", decision=[0, 1], **ledger)
    assert not record.record_bound(name, "primal", worse, "guess again", decision=[0, 1], **ledger)
    assert record.record_bound(name, "primal", best, "better guess", decision=[1, 0], **ledger)
    with pytest.raises(en.InputError, match="worse than the primal bound"):
        record.record_bound(name, "primal", worse, "guess", decision=[0, 1], **ledger)
    assert record.record_bound(name, "dual", best * 1.5, "root", proves="bound", **ledger)
    assert record.record_bound(name, "dual", best, "tree", proves="global optimum", **ledger)
    with pytest.raises(en.InputError, match="worse than the dual bound"):
        record.record_bound(name, "dual", best * 1.5, "root", proves="bound", **ledger)
    entry = json.loads(ledger["file"].read_text())["figure2"]
    assert entry["primal"]["decision"] == {"theta": [1, 0]}
    assert entry["dual"] == {
        "value": best, "method": "tree", "tolerance": 1e-9, "version": en.__version__, "date": "2024-02-29",
    }  # fmt: skip


def test_unproved_and_false_bounds_are_refused(ledger: dict[str, Any]) -> None:
    name = "planner/figure2"
    best = en.load(name).evaluate([1, 0]).value
    for proves in ("nothing", "local optimum", "stationary point"):
        with pytest.raises(en.InputError, match="no bound"):
            record.record_bound(name, "dual", best, "heuristic", proves=proves, **ledger)
    with pytest.raises(en.InputError, match="decision"):
        record.record_bound(name, "primal", best, "claim", **ledger)
    with pytest.raises(en.VerificationError, match="is worth"):
        record.record_bound(name, "primal", best * 1.01, "claim", decision=[1, 0], **ledger)
    with pytest.raises(en.VerificationError, match="not feasible"):
        record.record_bound("planner/budget-12", "primal", 1.0, "claim", decision=[1] * 12, **ledger)
    assert record.record_bound(name, "primal", best, "claim", decision=[1, 0], **ledger)
    with pytest.raises(en.VerificationError, match="contradict"):
        record.record_bound(name, "dual", best * 0.99, "wrong tree", proves="global optimum", **ledger)
    with pytest.raises(en.InputError, match="finite"):
        record.record_bound(name, "dual", float("inf"), "tree", proves="bound", **ledger)
    with pytest.raises(en.InputError, match="side"):
        record.record_bound(name, "upper", best, "tree", proves="bound", **ledger)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError):
        record.bounds("planner/none")


def test_bounds_of_another_economy_are_forgotten(ledger: dict[str, Any]) -> None:
    stale = {"fingerprint": "0" * 64, "dual": {"value": 0.1, "method": "m", "tolerance": 0, "version": "0", "date": ""}}
    ledger["file"].write_text(json.dumps({"figure2": stale, "figure1": stale}))
    best = en.load("planner/figure2").evaluate([1, 0]).value
    assert record.record_bound("planner/figure2", "primal", best, "guess", decision=[1, 0], **ledger)
    written = json.loads(ledger["file"].read_text())
    assert "dual" not in written["figure2"]
    assert written["figure1"] == stale


def test_the_bundle_can_be_made_anew_without_tables(tmp_path: Path) -> None:
    for name, problem in [*bundle.varied(), *bundle.constrained()]:
        assert problem.fingerprint == en.load(f"planner/{name}").fingerprint
    with pytest.raises(en.InputError, match="cannot be read"):
        bundle.write(tmp_path, tmp_path / "data")
