"""Instances named by generator and arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import endonet as en
from endonet import cli
from endonet.formulations import registry
from endonet.formulations.errors import InputError
from endonet.instances import recipes
from endonet.instances.sourcing import calibration

MARKET = "sourcing/calibrated:n=40,K=8,seed=3"


def test_a_recipe_is_what_its_generator_makes() -> None:
    found = en.load(MARKET)
    assert found.name == MARKET
    assert found.fingerprint == calibration.economy(40, 8, 3).fingerprint
    nested = en.load("sourcing/calibrated:n=40,K=8,seed=3,parameters.alpha_dom=-3.0,smoothing=null,open=null")
    direct = calibration.economy(40, 8, 3, {"alpha_dom": -3.0}, smoothing=None, open=None)
    assert nested.fingerprint == direct.fingerprint
    assert nested.open is None
    assert en.load("sourcing/calibrated:n=40,K=8,smoothing.absolute=1e-3").smoothing.absolute == 1e-3
    assert en.load("planner/calibrated:n=12,seed=1").n == 12


def test_every_generator_of_every_family_can_be_named() -> None:
    listed = {family: recipes.generators(family) for family in registry.family_names(recipes.ROOM)}
    assert {"calibrated", "small"} <= set(listed["sourcing"])
    for family, members in listed.items():
        for name in members:
            assert recipes.is_recipe(f"{family}/{name}:n=3")
            assert callable(registry.load(members[name]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sourcing/calibratd:n=3", "no generator 'calibratd'; did you mean calibrated"),
        ("sourcing/calibrated:", "n: it is missing; sourcing/calibrated takes n, K, seed, parameters"),
        ("sourcing/calibrated:n=3,n=4", "n: it is given twice"),
        ("sourcing/calibrated:n=3,sigma=4,sigma.x=4", "sigma.x: it is given twice"),
        ("sourcing/calibrated:n=3,seed", "seed: it is no key=value pair"),
        ("sourcing/calibrated:n=3,colour=red", "colour: a calibrated economy has no such field"),
        ("sourcing/calibrated:n=three", "n: 'three' is no whole number"),
        ("sourcing/calibrated:n=[1]", r"n: '\[1\]' is no whole number"),
        ("sourcing/small:m=3", "m: the generator has no such argument; sourcing/small takes n, seed"),
        ("sourcing/small:n=z", "sourcing/small:n=z: .*; sourcing/small takes n, seed"),
        ("sourcing/calibrated:n=3,smoothing.width=1", "unexpected keyword argument 'width'"),
    ],
)
def test_a_wrong_recipe_is_one_clear_error(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        en.load(name)


def test_a_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sourcing").mkdir()
    en.save(en.load("sourcing/figure-2"), tmp_path / "sourcing" / "figure.json")
    (tmp_path / "sourcing" / "figure.json").rename(tmp_path / MARKET)
    monkeypatch.chdir(tmp_path)
    assert en.load(MARKET).n == 3


def test_an_answer_of_the_command_line_is_checked_under_the_same_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "solution.json.gz")
    assert cli.main(["solve", MARKET, "--solver", "sequential", "--json", "--out", file]) == 0
    answer = json.loads(capsys.readouterr().out)
    (entry,) = answer["decision"]["equilibria"]
    assert answer["instance"] == MARKET
    assert len(entry["links"]) == len(entry["probabilities"]["links"]) > 0
    assert cli.main(["check", MARKET, file]) == 0
    assert cli.main(["check", MARKET.replace("seed=3", "seed=4"), file]) == 2
