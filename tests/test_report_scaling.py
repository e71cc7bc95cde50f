"""The report of how cost grows: fits of known laws, limits that are not fitted, and the same economies again."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_reports import assert_self_contained

from endonet.formulations.errors import InputError
from endonet.reports import pictures, scaling
from endonet.reports import scaling_cells as cells


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scaling")
    scaling.run(out, options=scaling.Options(sizes=(50, 30), draws=1, time_limit=5.0, degree=3.0))
    return out


def rows(folder: Path, name: str = "scaling.csv") -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def results(points: dict[int, tuple[float, str]], links: float = 5.0) -> scaling.Results:
    """Seconds of one step by number of firms, and why it ended."""
    economies = {n: cells.Economy("sparse", n, links, 0, 0) for n in points}
    found: dict[tuple[cells.Economy, str], Any] = {
        (economies[n], "evaluate"): {"n": n, "links": links * n, "seconds": seconds, "stopped_by": ended}
        for n, (seconds, ended) in points.items()
    }
    return scaling.Results(["sparse"], ["evaluate"], sorted(points), list(economies.values()), 10.0, found)


def test_every_step_is_measured_on_every_economy(folder: Path) -> None:
    found = rows(folder)
    assert len(found) == 2 * 2 * len(cells.STEPS)
    assert all(float(row["seconds"]) > 0 for row in found)
    for row in found:
        if row["bound"]:
            assert float(row["value"]) <= float(row["bound"]) * (1 + 1e-9)
    sparse = [row for row in found if row["kind"] == "sparse"]
    assert all(2.0 <= int(row["links"]) / int(row["n"]) <= 4.0 for row in sparse)
    reader = assert_self_contained((folder / "scaling.html").read_text(encoding="utf-8"))
    assert "there is no fit" in " ".join(reader.said)


def test_a_rerun_measures_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "measure", None)
    monkeypatch.setattr(pictures, "picture", lambda *_: "<svg></svg>")
    scaling.run(folder, options=scaling.Options(sizes=(30, 50), draws=1, time_limit=5.0, degree=3.0))


def test_a_power_law_is_found_with_its_error() -> None:
    draw = np.random.default_rng(0)
    x = np.geomspace(1e3, 1e6, 30)
    fit = scaling.power_law(
        [(n, 2e-6 * n**1.2 * math.exp(e)) for n, e in zip(x, 0.1 * draw.standard_normal(30), strict=True)]
    )
    assert fit is not None
    assert abs(fit.exponent - 1.2) < 3 * fit.error
    log_x = np.log(x)
    assert fit.error == pytest.approx(0.1 / math.sqrt(((log_x - log_x.mean()) ** 2).sum()), rel=0.4)
    assert (fit.low, fit.high, fit.points) == (pytest.approx(1e3), pytest.approx(1e6), 30)
    exact = scaling.power_law([(n, 3 * n**0.5) for n in (10.0, 100.0, 1000.0)])
    assert exact is not None
    assert exact.constant == pytest.approx(3.0)
    assert scaling.power_law([(1.0, 1.0), (2.0, 2.0)]) is None


def test_small_sizes_and_limits_are_not_fitted() -> None:
    seconds = {n: (1e-6 * n**1.5, "finished") for n in (1000, 3000, 10_000, 30_000)}
    told = results({100: (5.0, "finished"), 300: (5.0, "finished"), **seconds, 100_000: (10.0, "time_limit")})
    fit = told.fit("sparse", "evaluate", "n")
    assert fit is not None
    assert fit.exponent == pytest.approx(1.5)
    assert (fit.low, fit.high, fit.points) == (pytest.approx(1000), pytest.approx(30_000), 4)
    over_links = told.fit("sparse", "evaluate", "links")
    assert over_links is not None
    assert over_links.exponent == pytest.approx(1.5)
    assert over_links.low == pytest.approx(5000)
    assert told.hopeless(cells.Economy("sparse", 300_000, 5.0, 0, 0), "evaluate")
    assert not told.hopeless(cells.Economy("sparse", 30_000, 5.0, 0, 0), "evaluate")
    assert scaling._cost(told, "sparse", 100_000, "evaluate").startswith("> ")


def test_economies_follow_from_their_recipes() -> None:
    for kind in cells.KINDS:
        one, same, other = (cells.Economy(kind, 40, 4.0, draw, 0).build() for draw in (0, 0, 1))
        assert one.fingerprint == same.fingerprint
        assert one.fingerprint != other.fingerprint
        assert one.f.sum() == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"sizes": (5,)}, "sizes"),
        ({"draws": 0}, "draws"),
        ({"time_limit": 0.0}, "time_limit"),
        ({"degree": 0.0}, "degree"),
    ],
)
def test_senseless_options_are_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        scaling.Options(**wrong)
