"""The reports on trade, on small economies: files, identities, and resuming from the ledger."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endonet.formulations.errors import InputError
from endonet.reports import (
    trade_cells,
    trade_estimation,
    trade_responses,
    trade_tables,
    trade_transmission,
    trade_uniqueness,
)
from endonet.solvers.sourcing import moments

SMALL: dict[str, Any] = {"n": 300, "K": 60}


def test_tables_have_every_row_of_the_paper(tmp_path: Path) -> None:
    options = trade_tables.Options(seeds=2, **SMALL)
    page = trade_tables.run(tmp_path, options=options).read_text(encoding="utf-8")
    with (tmp_path / "trade-tables.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == 1 + 28 + 26
    for row in (*moments.TABLE_3, *moments.TABLE_4):
        assert row.name in page
    cells = (tmp_path / "trade-tables.jsonl").read_text(encoding="utf-8")
    trade_tables.run(tmp_path, options=options)
    assert (tmp_path / "trade-tables.jsonl").read_text(encoding="utf-8") == cells


def test_responses_vanish_without_a_shock_and_bound_each_other(tmp_path: Path) -> None:
    key = trade_cells.key("responses", SMALL["n"], SMALL["K"], 1, taus=[1.0, 0.7, 1.3])
    found = trade_cells.responses(key)
    assert found["fixed"][0] == pytest.approx(1.0, abs=1e-12)
    assert found["free"][0] == pytest.approx(1.0, abs=1e-9)
    assert (found["new"][0], found["dropped"][0], found["importers"][0], found["exporters"][0]) == (0, 0, 0, 0)
    for way in ("fixed", "free"):
        assert found[way][2] < 1 < found[way][1]
    assert found["new"][1] > found["dropped"][1]
    page = trade_responses.run(tmp_path, options=trade_responses.Options(seeds=1, **SMALL))
    assert page.read_text(encoding="utf-8").count("<svg") == 4
    for panel in "abcd":
        for form in ("png", "svg"):
            assert (tmp_path / f"trade-responses-{panel}.{form}").stat().st_size > 1000


def test_transmission_follows_the_largest_partners(tmp_path: Path) -> None:
    _, _, ours = trade_cells.baseline(SMALL["n"], SMALL["K"], 1)
    supplier = ours.network.pairs.supplier
    best = trade_cells._key_suppliers(ours)
    for j in range(0, SMALL["n"], 17):
        links = np.flatnonzero((ours.buyer == j) & (ours.network.p > 0.5))
        mine = [(ours.link_sales[e] / ours.sales[supplier[e]], supplier[e]) for e in links]
        assert best[j] == (max(mine)[1] if mine else -1)
    key = trade_cells.key("transmission", SMALL["n"], SMALL["K"], 1, shock="tariff", draw=0, size=1.2)
    found = trade_cells.transmission(key)
    assert found["fixed"]["suppliers"] == pytest.approx([1.0] * 4)
    assert found["fixed"]["sales"][0] < 1
    calm = trade_cells.transmission(key | {"size": 1.0})
    assert calm["free"]["sales"] == pytest.approx([1.0] * 4, abs=1e-9)
    page = trade_transmission.run(tmp_path, options=trade_transmission.Options(draws=1, **SMALL))
    assert page.read_text(encoding="utf-8").count("<svg") == 8


def test_equilibria_are_counted_beside_the_picture(tmp_path: Path) -> None:
    key = trade_cells.key("uniqueness", SMALL["n"], SMALL["K"], 3, reach=2.0, grid=8)
    found = trade_uniqueness.count(key)
    assert found["exact_complete"]
    assert found["complete"]
    for w1, w2, A1, A2 in found["boxes"]:
        assert w2 - w1 < 1e-6
        assert A2 - A1 < 1e-6
    norm = np.array(found["implied"])
    assert norm.shape == (8, 8)
    page = trade_uniqueness.run(tmp_path, options=trade_uniqueness.Options(seeds=1, reach=2.0, **SMALL))
    assert "Counted" in page.read_text(encoding="utf-8")


def test_an_interrupted_estimation_goes_on_from_its_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = trade_estimation.Options(n=150, K=20, population=1, generations=2, polish=30)
    made = trade_estimation.simulator

    def fragile(n: int, K: int, seed: int) -> Any:
        simulate, calls = made(n, K, seed), []

        def stops(parameters: Any) -> Any:
            calls.append(parameters)
            if len(calls) == 20:
                raise KeyboardInterrupt
            return simulate(parameters)

        return stops

    for folder in ("whole", "broken"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(trade_estimation, "simulator", fragile)
    with pytest.raises(KeyboardInterrupt):
        trade_estimation.run(tmp_path / "broken", options=options)
    monkeypatch.setattr(trade_estimation, "simulator", made)
    assert len((tmp_path / "broken" / "trade-estimation.jsonl").read_text().splitlines()) == 19
    for folder in ("whole", "broken"):
        page = trade_estimation.run(tmp_path / folder, options=options).read_text(encoding="utf-8")
        assert "36 moments" in page
    files = [tmp_path / folder / "trade-estimation" for folder in ("whole", "broken")]
    for ending in (".csv", ".jsonl"):
        assert files[0].with_suffix(ending).read_bytes() == files[1].with_suffix(ending).read_bytes()


def test_minima_are_those_of_the_neighbourhood() -> None:
    norm = np.array([[1.0, 2.0, 0.5], [2.0, 3.0, 2.0], [0.1, 2.0, np.nan]])
    assert trade_uniqueness.minima(norm) == [(0, 0), (0, 2), (2, 0)]


@pytest.mark.parametrize(
    "module",
    [trade_estimation, trade_tables, trade_responses, trade_transmission, trade_uniqueness],
    ids=lambda m: m.NAME,
)
@pytest.mark.parametrize("wrong", [{"n": 5}, {"K": 0}, {"seed": -1}])
def test_senseless_options_are_refused(module: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        module.Options(**wrong)
