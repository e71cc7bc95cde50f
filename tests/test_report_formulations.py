"""The report that compares formulations: every bound is valid, and a bound that is not would be said."""

from __future__ import annotations

import copy
import csv
from pathlib import Path

import pytest

from endonet.reports import formulations_compared as report

pytest.importorskip("pyscipopt")

TINY = report.Parameters(sizes=(5,), seeds=(0,), costs=(0.6,), bundled=(), time_limit=1.0, root_limit=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compared")
    report.run(out, parameters=TINY)
    return out


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "formulations-compared.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_bound_is_valid_and_the_hull_is_below_the_switch(folder: Path) -> None:
    found = {row["way"]: row for row in rows(folder)}
    assert set(found) == set(report.WAYS)
    optimum = float(found["lifted"]["optimum"])
    for row in found.values():
        for kind in ("root", "bound"):
            assert not row[kind] or float(row[kind]) >= optimum * (1 - report.TOLERANCE)
    roots = {way: float(row["root"]) for way, row in found.items()}
    assert roots["lifted"] < roots["big-m"] < roots["gdp-bigm"]
    assert roots["lifted"] <= roots["gdp-hull"] * (1 + 1e-5)


def test_the_page_has_a_table_and_a_plot_and_a_rerun_measures_nothing(folder: Path) -> None:
    page = (folder / "formulations-compared.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<script" not in page
    assert all(words in page for words in report.WAYS.values())
    assert "A bound is wrong" not in page
    before = (folder / "formulations-compared.jsonl").read_bytes()
    report.run(folder, parameters=TINY)
    assert (folder / "formulations-compared.jsonl").read_bytes() == before


def test_a_bound_below_the_optimum_is_said(folder: Path) -> None:
    row = dict.fromkeys(("root", "bound", "seconds", "nodes"), 1.0) | {"root_finished": True, "proved": True}
    found = {"one": {"optimum": 1.0, "n": 1} | {way: dict(row) for way in report.WAYS}}
    assert not report.wrong_bounds(found)
    wrong = copy.deepcopy(found)
    wrong["one"]["big-m"]["root"] = 0.99
    assert "big-M by hand" in report.wrong_bounds(wrong)[0]
    assert "A bound is wrong" in report.compose(wrong, TINY, 1.0).html()
