"""The report that compares every solver: its arithmetic, what it counts as a proof, and that it goes on."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_reports import assert_self_contained

from endonet import api
from endonet.formulations.errors import InputError, NotApplicableError, UnknownNameError
from endonet.reports import apart, benchmark, pictures, ways
from endonet.reports import benchmark_cells as cells

TINY = cells.Parameters(table1=(4, 6), calibrated=(), sparse=(5,), budget=(12,), draws=1, time_limit=5.0)
OWN = ("certified", "lagrangian", "enumeration", "reshaping")
CERTIFIED, ENUMERATION = ways.way("certified"), ways.way("enumeration")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("benchmark")
    options = benchmark.Options(solvers=OWN, instances=("planner/figure1",))
    benchmark.run(out, options=options, parameters=TINY)
    return out


def rows(folder: Path, name: str = "benchmark.csv") -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def found(seconds: float | None = 1.0, **more: Any) -> dict[str, Any]:
    plain = {"status": "optimal", "stopped_by": "finished", "value": 1.0, "bound": 1.0, "rel_gap": 0.0}
    return plain | {"seconds": seconds, "contradicted": "", "reason": ""} | more


def results(*answers: tuple[int, ways.Way, dict[str, Any]]) -> benchmark.Results:
    """Answers of two ways to the first two economies of TINY, by place."""
    items = cells.items(TINY, 0)
    known = {(items[place], way): one for place, way, one in answers}
    return benchmark.Results(items, [CERTIFIED, ENUMERATION], [CERTIFIED, ENUMERATION], 10.0, 1e-6, known)


def test_every_economy_is_answered_and_proofs_agree(folder: Path) -> None:
    reader = assert_self_contained((folder / "benchmark.html").read_text(encoding="utf-8"))
    assert reader.tags.count("svg") == 2 + 2 * 3
    found = rows(folder)
    assert len(found) == 5 * len(OWN)
    for name in {row["economy"] for row in found}:
        values = {float(row["value"]) for row in found if row["economy"] == name and row["proved"] == "1"}
        assert max(values) <= min(values) * (1 + 2e-6)
    assert all(row["proved"] == "1" for row in found if row["solver"] in ("certified", "enumeration"))
    assert not any(row["refuted"] for row in found)
    said = " ".join(reader.said)
    assert "A claim is false" not in said
    assert "planner/figure1" in said
    refused = [row for row in found if row["status"] == "refused"]
    assert {row["solver"] for row in refused} == {"reshaping"}
    assert all("rows" in row["reason"] for row in refused)


def test_the_profile_in_its_file_is_that_of_the_measurements(folder: Path) -> None:
    found = [row for row in rows(folder) if row["solver"] != "reshaping"]
    names = sorted({row["economy"] for row in found})
    for solver in ("certified", "lagrangian"):
        ratios = []
        for name in names:
            times = {
                row["solver"]: max(float(row["seconds"]), benchmark.LEAST_TIME)
                for row in found
                if row["economy"] == name and row["proved"] == "1"
            }
            ratios += [times[solver] / min(times.values())] if solver in times else []
        steps = [(float(r["tau"]), float(r["share"])) for r in rows(folder, "benchmark-profile.csv")
                 if r["solver"] == solver]  # fmt: skip
        assert [tau for tau, _ in steps] == pytest.approx(sorted(ratios))
        assert [share for _, share in steps] == pytest.approx([(k + 1) / len(names) for k in range(len(ratios))])


def test_a_rerun_measures_only_what_is_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "benchmark.jsonl").read_bytes()
    monkeypatch.setattr(pictures, "picture", lambda *_: "<svg></svg>")
    measured: list[str] = []
    real = cells.measure

    def counted(item: Any, way: ways.Way, options: Any) -> Any:
        measured.append(way.label)
        return real(item, way, options)

    monkeypatch.setattr(cells, "measure", counted)
    benchmark.run(folder, options=benchmark.Options(solvers=OWN, instances=("planner/figure1",)), parameters=TINY)
    assert (folder / "benchmark.jsonl").read_bytes() == before
    assert measured == []
    benchmark.run(folder, options=benchmark.Options(solvers=(*OWN, "deviation")), parameters=TINY)
    assert measured == ["deviation"] * 4
    whole = (folder / "benchmark.jsonl").read_bytes()
    assert whole.startswith(before)
    (folder / "benchmark.jsonl").write_bytes(whole[:-20])  # cut short while writing
    benchmark.run(folder, options=benchmark.Options(solvers=(*OWN, "deviation")), parameters=TINY)
    assert len(measured) == 5


def test_a_proof_that_a_network_refutes_is_none() -> None:
    honest, liar = found(value=1.1, bound=1.1), found(0.1)
    told = results((0, CERTIFIED, honest), (0, ENUMERATION, liar), (1, CERTIFIED, found()), (1, ENUMERATION, found()))
    first, second = told.items[:2]
    assert told.proved(first, CERTIFIED)
    assert not told.proved(first, ENUMERATION)
    assert told.seconds(first, ENUMERATION) == math.inf
    assert told.proved(second, ENUMERATION)
    assert len(benchmark.false_claims(told)) == 1
    assert "its bound is 1, and a network is worth 1.1" in benchmark.false_claims(told)[0]
    wrong = results((0, CERTIFIED, honest), (0, ENUMERATION, found(status="infeasible", value=None, bound=None)))
    assert "no network is feasible" in wrong.refuted(first, ENUMERATION)
    mistaken = results((0, CERTIFIED, found(contradicted="the decision is not feasible: …", value=9.0)))
    assert mistaken.best(first) is None


def test_a_gap_that_is_too_wide_is_no_proof() -> None:
    told = results((0, CERTIFIED, found(status="feasible", rel_gap=1e-5, bound=1.00001)))
    assert not told.proved(told.items[0], CERTIFIED)
    assert told.gap(told.items[0], CERTIFIED) == 1e-5
    assert told.gap(told.items[0], ENUMERATION) == math.inf
    close = results((0, CERTIFIED, found(status="feasible", rel_gap=1e-7, bound=1.0000001)))
    assert close.proved(close.items[0], CERTIFIED)


def test_what_did_not_end_is_not_tried_on_more_firms() -> None:
    late = found(10.0, status="feasible", stopped_by="time_limit", rel_gap=1.0, bound=2.0)
    told = results((0, ENUMERATION, late))
    assert told.hopeless(told.items[1], ENUMERATION)
    assert not told.hopeless(told.items[0], ENUMERATION)
    assert not told.hopeless(told.items[2], ENUMERATION)  # of another group
    assert not told.hopeless(told.items[1], CERTIFIED)


def test_profiles_and_means_by_hand() -> None:
    seconds = np.array([[1.0, 2.0], [4.0, 2.0], [np.inf, 1.0], [np.inf, np.inf]])
    ratios = benchmark.ratios(seconds)
    tau, rho = benchmark.profile(ratios[:, 0])
    assert tau.tolist() == [1.0, 2.0]
    assert rho.tolist() == [0.25, 0.5]
    tau, rho = benchmark.profile(ratios[:, 1])
    assert tau.tolist() == [1.0, 1.0, 2.0]
    assert rho.tolist() == [0.25, 0.5, 0.75]
    assert benchmark.shifted_mean([0.0, 8.0], 100.0, shift=1.0) == pytest.approx(2.0)
    assert benchmark.shifted_mean([math.inf, math.inf], 7.0) == pytest.approx(7.0)
    assert math.isnan(benchmark.shifted_mean([], 7.0))


def test_ways_come_from_the_catalogue() -> None:
    everything = ways.listed()
    listed = {(name, form) for name in api.solvers_by_family()["planner"]
              for form in api.solver_class("planner", name).formulations or (None,)}  # fmt: skip
    assert {(one.solver, one.formulation) for one in everything} == listed
    fewer = ways.listed(without=cells.SWITCHES)
    assert {one.solver for one in fewer} == {one.solver for one in everything}
    others = {solver for solver, form in listed if form not in cells.SWITCHES}
    assert not any(one.formulation in cells.SWITCHES for one in fewer if one.solver in others)
    assert [one.label for one in ways.chosen(("scip", "certified"), fewer)][-1] == "certified"
    assert all(one.solver == "scip" for one in ways.chosen(("scip",), fewer))
    with pytest.raises(UnknownNameError, match="did you mean certified"):
        ways.chosen(("certifeid",), fewer)
    with pytest.raises(InputError, match="does not take the formulation 'lifetd'"):
        ways.chosen(("scip:lifetd",), fewer)


def test_a_solver_that_is_not_installed_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from endonet.solvers.planner.lagrangian import Lagrangian

    monkeypatch.setattr(Lagrangian, "packages", ("no_such_package",))
    monkeypatch.setattr(Lagrangian, "remedy", "pip install nothing")
    monkeypatch.setattr(pictures, "picture", lambda *_: "<svg></svg>")
    small = replace(TINY, table1=(4,), calibrated=(), sparse=(), budget=())
    page = benchmark.run(tmp_path, options=benchmark.Options(solvers=("certified", "lagrangian")), parameters=small)
    said = page.read_text(encoding="utf-8")
    assert "Not installed" in said
    assert "pip install nothing" in said
    assert {row["solver"] for row in rows(tmp_path)} == {"certified"}


@pytest.mark.parametrize(
    ("wrong", "field"), [({"draws": 0}, "draws"), ({"time_limit": 0.0}, "time_limit"), ({"rel_gap": 0.0}, "rel_gap")]
)
def test_senseless_options_are_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        benchmark.Options(**wrong)


def test_only_planners_economies_can_be_added() -> None:
    with pytest.raises(InputError, match="no planner's economy"):
        cells.items(TINY, 0, ("ordering/firms-200",))


# -- work in a process of its own --------------------------------------------------------------------------------------


def test_work_apart_survives_a_crash_and_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "START", 20.0)
    try:
        assert apart.call(math.sqrt, 4.0, seconds=5.0) == 2.0
        with pytest.raises(ValueError, match="math domain error"):
            apart.call(math.sqrt, -1.0, seconds=5.0)
        with pytest.raises(apart.LostError, match="died"):
            apart.call(os._exit, 3, seconds=5.0)
        assert apart.call(math.sqrt, 9.0, seconds=5.0) == 3.0
        monkeypatch.setattr(apart, "START", 0.0)
        with pytest.raises(apart.LostError, match="did not answer within"):
            apart.call(time.sleep, 60.0, seconds=0.3)
        monkeypatch.setattr(apart, "START", 20.0)
        assert apart.call(math.sqrt, 16.0, seconds=5.0) == 4.0
    finally:
        apart.close()


def test_the_ledger_is_readable_json(folder: Path) -> None:
    for line in (folder / "benchmark.jsonl").read_text(encoding="utf-8").splitlines():
        assert json.loads(line).keys() == {"key", "found"}


def test_a_refusal_during_the_run_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*given: Any) -> Any:
        raise NotApplicableError("the trial licence takes 200 variables")

    monkeypatch.setattr(cells.speed_cells, "observe", too_large)
    answer = cells.measure(cells.items(TINY, 0)[0], CERTIFIED, {})
    assert (answer["status"], answer["reason"]) == ("refused", "the trial licence takes 200 variables")
