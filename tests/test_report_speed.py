"""The report of what solvers cost: its page, its arithmetic with limits, and that it goes on where it stopped."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from test_reports import Reader, assert_self_contained

from endonet.reports import chart, speed
from endonet.reports import speed_cells as cells
from endonet.reports.ledger import Ledger

TINY = cells.Parameters(
    sizes=(4, 5), brute=(4,), economies=2, time_limit=10.0, calibrated=(12, 20), draws=3, varied=12, variants=1
)
CERTIFIED, ENUMERATION = cells.WAYS[:2]


def found(seconds: float = 1.0, **more: Any) -> dict[str, Any]:
    plain = {"status": "optimal", "stopped_by": "finished", "value": 1.0, "bound": 1.0, "rel_gap": 0.0}
    return plain | {"seconds": seconds, "contradicted": "", "measured": "2024-02-29 12:00 UTC"} | more


def late(limit: float = 10.0) -> dict[str, Any]:
    return found(limit + 0.01, status="feasible", stopped_by="time_limit", bound=2.0, rel_gap=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("speed")
    speed.run(out, parameters=TINY)
    return out


@pytest.fixture
def results(tmp_path: Path) -> speed.Results:
    """No measurement at all yet."""
    return speed.Results(Ledger(tmp_path / "speed.jsonl"), TINY)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "speed.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_page_is_self_contained_and_says_under_which_conditions(folder: Path) -> None:
    page = (folder / "speed.html").read_text(encoding="utf-8")
    reader = assert_self_contained(page)
    said = " ".join(reader.said)
    assert reader.tags.count("svg") == 2
    for word in ("certified", "enumeration", "brute force", "reshaping", "seed", "cores", "SCIP", "digest", "measured"):
        assert word in said
    assert "Disagreement" not in said
    assert "nan" not in said.lower().split()


def test_every_cell_is_measured_once_and_agrees(folder: Path) -> None:
    planned = [cell for cell in cells.plan(TINY) if not cells.unavailable(cell[1])]
    assert len(lines(folder)) == len(planned)
    results = speed.Results(Ledger(folder / "speed.jsonl"), TINY)
    for economy in cells.table1(TINY, 4):
        answers = [results.of(economy, way) for way in (*cells.WAYS, cells.BRUTE) if not cells.unavailable(way)]
        values = [answer["value"] for answer in answers if answer is not None]
        assert values == pytest.approx([values[0]] * len(answers), rel=1e-6)
    assert results.disagreements() == []
    with (folder / "speed.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(planned)
    assert {row["solver"] for row in rows} >= {"certified", "enumeration", "reshaping", "brute force"}
    assert all(int(row["certificate_bytes"]) > 0 for row in rows if row["solver"] == "certified")


def test_a_rerun_goes_on_where_the_last_one_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (folder / "speed.jsonl").read_bytes().splitlines(keepends=True)
    kept = len(whole) - 3
    (tmp_path / "speed.jsonl").write_bytes(b"".join(whole[:kept]) + whole[kept][:-20])  # cut short while writing
    measured: list[tuple[cells.Economy, cells.Way]] = []
    real = cells.measure

    def interrupted(economy: Any, way: Any, *rest: Any) -> Any:
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append((economy, way))
        return real(economy, way, *rest)

    monkeypatch.setattr(cells, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        speed.run(tmp_path, parameters=TINY)
    assert "2 new cells" in capsys.readouterr().err
    assert [line["key"] for line in lines(tmp_path)] == [line["key"] for line in lines(folder)][: kept + 2]
    monkeypatch.setattr(cells, "measure", real)
    speed.run(tmp_path, parameters=TINY)
    assert [line["key"] for line in lines(tmp_path)] == [line["key"] for line in lines(folder)]
    decisions = [[line["found"]["decision"] for line in lines(where)] for where in (tmp_path, folder)]
    assert decisions[0] == decisions[1]
    monkeypatch.setattr(cells, "measure", None)  # nothing is left to measure
    speed.run(tmp_path, parameters=TINY)


def test_other_parameters_are_measured_anew(folder: Path) -> None:
    ledger = Ledger(folder / "speed.jsonl")
    economy = cells.table1(TINY, 4)[0]
    assert ledger.get(cells.key(economy, CERTIFIED, TINY.time_limit)) is not None
    assert ledger.get(cells.key(economy, CERTIFIED, 2 * TINY.time_limit)) is None
    assert ledger.get(cells.key(replace(economy, seed=1), CERTIFIED, TINY.time_limit)) is None


def test_a_ledger_leaves_foreign_lines_alone(tmp_path: Path) -> None:
    file = tmp_path / "cells.jsonl"
    file.write_text('not JSON\n{"other": 1}\n')
    ledger = Ledger(file)
    assert ledger.add({"n": 1}, {"seconds": 2.0, "worst": float("inf")}) == {"seconds": 2.0, "worst": None}
    assert Ledger(file).get({"n": 1}) == {"seconds": 2.0, "worst": None}
    assert file.read_text().startswith('not JSON\n{"other": 1}\n')


def test_a_limit_is_never_averaged_as_if_it_were_a_time(results: speed.Results) -> None:
    economies = cells.table1(TINY, 5)
    three = [found(1.0), found(2.0), late()]
    assert speed._seconds(speed._quantile(three, 0.5), 10.0) == "2 s"
    assert speed._seconds(speed._quantile(three, 1.0), 10.0) == "> 10 s"
    assert speed._seconds(speed._quantile([found(1.0), late(), late()], 0.5), 10.0) == "> 10 s"
    for economy, answer in zip(economies, (late(), found(3.0)), strict=True):
        results.ledger.add(cells.key(economy, CERTIFIED, TINY.time_limit), found(0.1))
        results.ledger.add(cells.key(economy, ENUMERATION, TINY.time_limit), answer)
    assert speed._ratio(results, economies, ENUMERATION).startswith("> ")
    assert speed._ratio(results, economies, CERTIFIED) == "1×"
    assert speed._ratio(results, economies, cells.BRUTE) == "–"
    assert speed._statuses(three) == "2 optimal, 1 feasible (time limit)"


def test_what_is_hopeless_is_not_tried_on_more_firms(results: speed.Results) -> None:
    small, large = cells.table1(TINY, 4), cells.table1(TINY, 5)[0]
    results.ledger.add(cells.key(small[0], ENUMERATION, TINY.time_limit), late())
    assert not results.hopeless(large, ENUMERATION)
    results.ledger.add(cells.key(small[1], ENUMERATION, TINY.time_limit), late())
    assert results.hopeless(large, ENUMERATION)
    assert not results.hopeless(small[0], ENUMERATION)
    assert not results.hopeless(large, CERTIFIED)


def test_disagreements_are_shown_before_everything_else(results: speed.Results) -> None:
    economy = cells.table1(TINY, 4)[0]
    results.ledger.add(cells.key(economy, CERTIFIED, TINY.time_limit), found(value=1.0, bound=1.0))
    results.ledger.add(cells.key(economy, ENUMERATION, TINY.time_limit), found(value=1.1, bound=1.1))
    results.ledger.add(cells.key(economy, cells.BRUTE, TINY.time_limit), found(value=1.0, contradicted="it lies"))
    said = results.disagreements()
    assert any("enumeration has a decision worth 1.1, which certified excludes" in sentence for sentence in said)
    assert any("it lies" in sentence for sentence in said)
    page = speed.compose(results, 0.0)
    assert [block["kind"] for block in page.blocks[:2]] == ["alert", "alert"]


def test_heuristics_have_no_bound_to_contradict() -> None:
    economy = cells.cases(TINY)[0].economies[0]
    guess = found(status="stationary", value=0.9, bound=None, rel_gap=None)
    assert speed.contradictions(economy, [(CERTIFIED, found()), (cells.RESHAPING, guess)]) == []
    better = guess | {"value": 1.2}
    assert len(speed.contradictions(economy, [(CERTIFIED, found()), (cells.RESHAPING, better)])) == 1


def test_economies_follow_from_their_recipes() -> None:
    for case in cases_with_rows():
        problem = case.economies[0].build()
        assert problem.rows.count > 0
        assert problem.fingerprint == case.economies[0].build().fingerprint
    drawn = {economy.build().fingerprint for economy in cells.cases(TINY)[0].economies}
    assert len(drawn) == TINY.draws


def cases_with_rows() -> list[cells.Case]:
    return [case for case in cells.cases(TINY) if case.economies[0].rows]


def test_durations_and_charts_can_be_read() -> None:
    assert [chart.duration(t) for t in (2e-5, 0.0042, 0.165, 3.0, 217.0)] == [
        "20 µs",
        "4.2 ms",
        "165 ms",
        "3 s",
        "217 s",
    ]
    series = [
        chart.Series("a <b>", [(8, 0.01, False), (10, 0.2, True)]),
        chart.Series("c", [(8, 0.011, False), (10, 0.21, False)]),
        chart.Series("short", [(8, 0.5, False)]),
    ]
    for picture in (chart.lines(series, "t & u", "firms"), chart.strips([chart.Strip("a", [0.1, 0.2], 1)], "s")):
        Reader(picture)
        assert "nan" not in picture
    assert "a &lt;b&gt;" in chart.lines(series, "t", "firms")
    assert "1 beyond the limit" in chart.strips([chart.Strip("a", [0.1, 0.2], 1)], "s")
    heights = chart._apart([100.0, 101.0, 350.0, 353.0])
    assert all(later - earlier >= chart.APART - 1e-9 for earlier, later in pairwise(heights))
