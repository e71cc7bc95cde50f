"""The report that holds solvers against enumeration: a solver that lies is caught, whatever it lies about."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from test_reports import assert_self_contained

import endonet as en
from endonet import api
from endonet.cli import main
from endonet.formulations.errors import InputError
from endonet.instances.files import load
from endonet.reports import soak, soak_cells, soak_economies, ways
from endonet.solvers.base import Solver
from endonet.solvers.planner.certified import Certified
from endonet.solvers.solution import Finding, Proves, Status

OWN = ("certified", "lagrangian", "enumeration", "reshaping", "deviation")
KINDS = len(soak_economies.KINDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("soak")
    soak.run(out, options=soak.Options(draws=KINDS, solvers=OWN, time_limit=5.0))
    return out


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "soak.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_our_solvers_claim_nothing_false(folder: Path) -> None:
    found = rows(folder)
    assert len(found) == KINDS * len(OWN)
    assert {row["kind"] for row in found} == set(soak_economies.KINDS)
    assert not [row for row in found if row["verdict"] in soak_cells.FALSE]
    assert {row["verdict"] for row in found if row["solver"] == "certified"} == {"agrees"}
    assert {row["verdict"] for row in found if row["solver"] == "enumeration"} == {"agrees"}
    said = " ".join(assert_self_contained((folder / "soak.html").read_text(encoding="utf-8")).said)
    assert all(kind in said for kind in soak_economies.KINDS)


def test_a_rerun_tries_nothing_and_more_draws_only_what_is_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "soak.jsonl").read_bytes()
    soak.run(folder, options=soak.Options(draws=KINDS, solvers=OWN, time_limit=5.0))
    assert (folder / "soak.jsonl").read_bytes() == before
    tried: list[int] = []
    real = soak_cells.work

    def counted(key: Any) -> Any:
        tried.append(key["draw"])
        return real(key)

    monkeypatch.setattr(soak_cells, "work", counted)
    soak.run(folder, options=soak.Options(draws=KINDS + 1, solvers=("certified",), time_limit=5.0))
    assert tried == [KINDS]


def test_draws_are_the_same_everywhere_and_differ_between_seeds() -> None:
    for number in range(KINDS):
        kind, problem = soak_economies.draw(5, number)
        assert kind == tuple(soak_economies.KINDS)[number]
        assert soak_economies.LEAST <= problem.n <= soak_economies.MOST
        assert problem.fingerprint == soak_economies.draw(5, number)[1].fingerprint
        assert problem.fingerprint != soak_economies.draw(6, number)[1].fingerprint
        assert soak_economies.meaning(kind)
    z = soak_economies.draw(5, list(soak_economies.KINDS).index("z over 12 orders"))[1].z
    assert z.max() / z.min() == pytest.approx(1e12)


# -- liars -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Liar(Solver[en.PlannerProblem]):
    """Claims what the test wants it to claim."""

    name: ClassVar[str] = "liar"
    title: ClassVar[str] = "A liar"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    tell: ClassVar[Any] = None

    def run(self, problem: en.PlannerProblem, formulation: str | None) -> Finding:
        """Lie."""
        found: Finding = Liar.tell(problem)
        return found


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> ways.Way:
    from endonet.solvers import planner

    monkeypatch.setattr(planner, "SOLVERS", {**planner.SOLVERS, "liar": f"{__name__}:Liar"})
    monkeypatch.setattr(api, "solver_class", lambda family, name=None: Liar if name == "liar" else REAL(family, name))
    monkeypatch.setattr(soak_cells, "_warm", lambda way: None)
    return ways.way("liar")


REAL = api.solver_class


def honest(problem: en.PlannerProblem) -> Finding:
    return Certified().run(problem, None)


def worse(problem: en.PlannerProblem) -> Any:
    """The best network with its first firm switched over: feasible and worth less, where nothing else is asked for."""
    theta = np.array(honest(problem).decision)
    theta[np.flatnonzero(theta)[0]] = 0
    return theta


def false_optimum(problem: en.PlannerProblem) -> Finding:
    theta = worse(problem)
    return Finding(theta, Status.OPTIMAL, bound=problem.evaluate(theta).value)


def false_bound(problem: en.PlannerProblem) -> Finding:
    theta = worse(problem)
    value = problem.evaluate(theta).value
    return Finding(theta, Status.FEASIBLE, bound=value + 0.5 * (float(honest(problem).bound or 0.0) - value))


def false_value(problem: en.PlannerProblem) -> Finding:
    found = honest(problem)
    return Finding(found.decision, Status.FEASIBLE, bound=math.inf, claimed_value=2 * float(found.bound or 0.0))


def crash(problem: en.PlannerProblem) -> Finding:
    raise RuntimeError("segmentation fault, nearly")


def false_certificate(problem: en.PlannerProblem) -> Finding:
    found = honest(problem)
    return Finding(
        found.decision, Status.OPTIMAL, bound=found.bound, certificate={"kind": "planner dual", "version": 0}
    )


LIES = {
    "false optimum": false_optimum,
    "false bound": false_bound,
    "false value": false_value,
    "wrong infeasible": lambda problem: Finding(None, Status.INFEASIBLE),
    "wrong unbounded": lambda problem: Finding(None, Status.UNBOUNDED),
    "infeasible answer": lambda problem: Finding(np.ones(problem.n, np.int8), Status.FEASIBLE, bound=1e9),
    "false certificate": false_certificate,
    "crash": crash,
    "agrees": honest,
    "open": lambda problem: Finding(honest(problem).decision, Status.FEASIBLE, bound=1e9),
}


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_told_apart(lie: str, liar: ways.Way, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = list(soak_economies.KINDS).index("f near L" if lie == "infeasible answer" else "plain")
    seed = next(s for s in range(50) if soak_cells._truth(s, draw).value > 0)
    problem, truth = soak_economies.draw(seed, draw)[1], soak_cells._truth(seed, draw)
    monkeypatch.setattr(Liar, "tell", staticmethod(LIES[lie]))
    found = soak_cells.try_way(problem, truth, liar, 5.0, 0)
    assert found["verdict"] == lie, found


def test_a_disagreement_comes_with_a_file_and_a_command(
    tmp_path: Path, liar: ways.Way, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Liar, "tell", staticmethod(lambda problem: Finding(None, Status.INFEASIBLE)))
    page = soak.run(tmp_path, options=soak.Options(seed=3, draws=2, solvers=("certified", "liar"), time_limit=5.0))
    said = page.read_text(encoding="utf-8")
    assert "liar: 2 × wrong infeasible" in said
    for number in (0, 1):
        file = tmp_path / f"soak-3-{number}.json"
        assert load(file).fingerprint == soak_economies.draw(3, number)[1].fingerprint
        assert f"endonet compare {file.name} --solvers enumeration,liar --time-limit 5 --threads 1 --seed 3" in said
    words = ["compare", str(tmp_path / "soak-3-0.json"), "--solvers", "enumeration,liar", "--seed", "3", "--json"]
    capsys.readouterr()
    assert main(words) == 4
    assert json.loads(capsys.readouterr().out)["contradictions"]
    one = soak.Cell(7, ways.way("scip", "reduced"), {"verdict": "false bound"})
    assert soak.command(one, 3, 1.0, None).startswith("endonet report soak --seed 3 -o first=7 -o draws=1")


@pytest.mark.parametrize(
    ("wrong", "field"), [({"draws": 0}, "draws"), ({"first": -1}, "first"), ({"time_limit": -1.0}, "time_limit")]
)
def test_senseless_options_are_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        soak.Options(**wrong)


@pytest.mark.slow
def test_no_false_claim_of_ours_on_many_draws(tmp_path: Path) -> None:
    soak.run(tmp_path, options=soak.Options(seed=11, draws=40 * KINDS, solvers=OWN, time_limit=10.0))
    assert not [row for row in rows(tmp_path) if row["verdict"] in soak_cells.FALSE]
