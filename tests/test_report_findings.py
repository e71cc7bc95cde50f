"""The false claims on record: their economies, optima and claims, and the solvers run again."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from endonet import api
from endonet.reports import findings
from endonet.solvers.planner import SOLVERS
from endonet.solvers.solution import Status

RECORDS = {record.name: record for record in findings.records()}
every_record = pytest.mark.parametrize("name", RECORDS)


@every_record
def test_a_record_is_a_false_claim_on_a_readable_economy(name: str) -> None:
    record = RECORDS[name]
    assert record.solver in SOLVERS
    assert record.remark
    assert set(record.versions) == set(api.solver_class("planner", record.solver).packages)
    assert findings.best_of_all(record.problem) == pytest.approx(record.optimum, rel=1e-12)
    assert record.bound is None or record.bound < record.optimum * (1 - findings.FALSE)


@every_record
def test_a_false_claim_is_made_again_by_the_same_version(name: str) -> None:
    record = RECORDS[name]
    kind = api.solver_class("planner", record.solver)
    if kind.unavailable():
        pytest.skip(kind.unavailable())
    if record.versions != {package: metadata.version(package) for package in record.versions}:
        pytest.skip("another version is installed")
    assert findings.reproduce(record).false


@pytest.mark.slow
def test_the_adapters_defaults_avoid_or_refute_every_false_claim() -> None:
    for record in RECORDS.values():
        solver = api.solver("planner", record.solver, time_limit=findings.PATIENCE)
        if solver.unavailable() or solver.refuses(record.problem) or record.formulation not in solver.formulations:
            continue
        solution = solver.solve(record.problem, record.formulation)
        false = solution.bound is not None and solution.bound < record.optimum * (1 - findings.FALSE)
        assert solution.contradicted or not false, record.name
        assert solution.status is not Status.INFEASIBLE, record.name


def test_the_optimum_of_identical_firms_needs_their_number_only() -> None:
    from endonet.instances.planner import generators

    alike = generators.complete(6, sigma_z=0.0, f_n=0.9, self_links=True, sigma=4, epsilon=4)
    assert findings._alike(alike)
    drawn = generators.complete(6, f_n=0.9)
    assert not findings._alike(drawn)
    from economies import best_by_trying_all

    for problem in (alike, drawn):
        assert findings.best_of_all(problem) == pytest.approx(best_by_trying_all(problem), rel=1e-14)


def test_the_table_names_every_finding() -> None:
    text = findings.markdown()
    assert all(f"| {name} |" in text for name in RECORDS)


@pytest.mark.slow
def test_the_page(tmp_path: Path, monkeypatch: Any) -> None:
    page = findings.run(tmp_path)
    assert all(name in page.read_text(encoding="utf-8") for name in RECORDS)
