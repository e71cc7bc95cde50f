"""The table of what is known of the bundled instances keeps in step with the bounds it is made of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from economies import best_by_trying_all

import endonet as en
from endonet import api, cli, rerun
from endonet.instances import baseline, catalogue
from endonet.instances import bounds as record
from endonet.instances.bounds import Bounds, Refutation, bounds
from endonet.instances.others import attempts
from endonet.solvers.solution import Status, StoppedBy

REMEDY = "run `python -m endonet.instances.baseline`"


def test_the_page_is_what_the_bounds_say() -> None:
    assert baseline.path().read_text(encoding="utf-8") == baseline.table(), REMEDY


def test_every_instance_has_a_row_with_its_numbers() -> None:
    lines = baseline.table().splitlines()
    for entry in catalogue.names():
        short = entry.name.partition("/")[2]
        row = next(line for line in lines if line.startswith(f"| `{short}` |"))
        known = bounds(entry.name)
        if known.primal is not None:
            assert f"{known.primal.value:.12g}" in row
            assert known.primal.method in row
        if known.dual is not None:
            assert f"{known.dual.value:.12g}" in row


def test_it_is_written_where_one_says(tmp_path: Path) -> None:
    assert baseline.write(tmp_path / "b.md").read_text(encoding="utf-8") == baseline.table()


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def endonet(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line; return its exit status and both outputs."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_it_shows_what_is_known(endonet: Any) -> None:
    status, out, _ = endonet("baseline", "planner/us-*", "pigeonhole-12")
    assert status == 0
    assert "planner/us-71-topology" in out
    assert "planner/pigeonhole-12" in out
    assert "sourcing" not in out
    status, out, _ = endonet("baseline", "planner/calibrated-300")
    assert status == 0
    for word in ("calibrated {'n': 300", "checksum", "alpha kappa", "9.8051054902", "certified", "operating"):
        assert word in out
    status, out, _ = endonet("baseline", "ordering/appendix-b", "--json")
    entry = json.loads(out)["instances"][0]
    assert entry["status"] == "opt"
    assert entry["primal"]["method"]
    assert "decision" not in entry["primal"]


def test_misuse_is_one_clear_line(endonet: Any, tmp_path: Path) -> None:
    for arguments, words in (
        (("planner/nothing-7",), ("there is no instance",)),
        (("--again",), ("--rerun",)),
        (("--record",), ("--rerun",)),
        (("--formulation", "planner/lifted"), ("--solu",)),
        (("--solu", str(tmp_path)), ("folder",)),
        (("--solu", str(tmp_path / "none" / "a.solu")), ("there is no folder",)),
        (("--solu", str(tmp_path / "a.solu"), "-f", "planner/lifted"), ("planner instances",)),
        (("figure2", "--rerun", "--solver", "certifed", "--out", str(tmp_path)), ("did you mean certified",)),
        (("figure2", "--rerun", "--time-limit", "-1", "--out", str(tmp_path)), ("time_limit",)),
    ):
        status, _, err = endonet("baseline", *arguments)
        assert status == 2, arguments
        assert all(word in err for word in words), err
        assert err.startswith("endonet: error:")
        assert err.count("\n") == 1


def test_the_solu_file_and_the_answers(endonet: Any, tmp_path: Path) -> None:
    status, _, _ = endonet("baseline", "us-15", "pigeonhole-20", "--solu", str(tmp_path / "a.solu"))
    assert status == 0
    value = bounds("planner/us-15").primal.value  # type: ignore[union-attr]
    assert (tmp_path / "a.solu").read_text() == f"=opt= us-15 {value}\n=inf= pigeonhole-20\n"
    names = ("planner/us-15", "planner/calibrated-10000", "ordering/appendix-b", "planner/pigeonhole-20")
    status, out, _ = endonet("baseline", *names, "--points", str(tmp_path / "points"))
    assert status == 0
    assert "with a certificate" in out
    for name in names:
        file = tmp_path / "points" / f"{name.replace('/', '.')}.json.gz"
        assert endonet("check", name, str(file))[0] == 0, name


NAMES = ("planner/figure2", "planner/weighted-5", "planner/pigeonhole-12")


def test_a_rerun_says_what_changed_and_goes_on(endonet: Any, tmp_path: Path) -> None:
    where = ("--rerun", "--out", str(tmp_path), "--json")
    status, out, err = endonet("baseline", *NAMES, *where)
    said = json.loads(out)
    assert status == 0
    assert said["counts"] == {"unchanged": 3}
    assert [entry["kept"] for entry in said["runs"]] == [False] * 3
    assert "3/3 planner/pigeonhole-12" in err
    status, out, _ = endonet("baseline", *NAMES, "planner/weighted-3", *where)
    runs = json.loads(out)["runs"]
    assert [entry["kept"] for entry in runs] == [True, True, True, False]
    assert [entry["verdict"] for entry in runs] == ["unchanged"] * 4
    status, out, _ = endonet("baseline", *NAMES, *where, "--again")
    assert [entry["kept"] for entry in json.loads(out)["runs"]] == [False] * 3
    (tmp_path / rerun.ANSWERS / "planner.figure2.default.json.gz").write_bytes(b"broken")
    status, out, _ = endonet("baseline", "planner/figure2", *where)
    assert json.loads(out)["runs"][0]["kept"] is False


def test_what_cannot_run_is_said_and_no_conflict(endonet: Any, tmp_path: Path) -> None:
    names = ("sourcing/figure-3", "planner/budget-12")
    status, out, _ = endonet("baseline", *names, "--rerun", "--out", str(tmp_path), "--json", "--solver", "enumeration")
    runs = json.loads(out)["runs"]
    assert status == 0
    assert runs[0]["verdict"] in ("not judged", "not run")
    assert runs[1]["verdict"] == "unchanged"


@pytest.mark.parametrize("which", ["primal", "dual", "infeasible"])
def test_a_contradicted_record_is_an_error(
    endonet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    name = "planner/figure2"
    truth = bounds(name)
    assert truth.primal is not None
    assert truth.dual is not None
    lie = {
        "primal": Bounds(replace(truth.primal, value=0.67), replace(truth.dual, value=0.68)),
        "dual": Bounds(None, replace(truth.dual, value=0.65)),
        "infeasible": Bounds(infeasible=Refutation("a wrong tree", "0", "2026-01-01")),
    }[which]
    monkeypatch.setattr(record, "bounds", lambda name: lie)
    status, out, err = endonet("baseline", name, "--rerun", "--out", str(tmp_path))
    assert status == 4
    assert "CONFLICT" in out
    assert f"endonet: CONFLICT: {name}: " in err


def test_a_false_proof_is_a_conflict(endonet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solve = api.solve

    def boast(problem: Any, solver: Any = None, formulation: str | None = None, **options: Any) -> Any:
        found = solve(problem, solver, formulation, **options)
        return replace(found, bound=found.value, rel_gap=0.0, certificate={"kind": "planner tree", "version": 1})

    monkeypatch.setattr(api, "solve", boast)
    status, _, err = endonet("baseline", "planner/figure2", "--rerun", "--out", str(tmp_path))
    assert status == 4
    assert "CONFLICT: planner/figure2" in err


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "unchanged"), (1 - 1e-8, "unchanged"), (0.9, "CONFLICT"), (1.5, "weaker")]
)
def test_a_claim_without_certificate_can_contradict_the_record_but_not_improve_it(
    endonet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float, verdict: str
) -> None:
    solve = api.solve

    def claim(problem: Any, solver: Any = None, formulation: str | None = None, **options: Any) -> Any:
        found = solve(problem, solver, formulation, rel_gap=1e-6)
        return replace(found, bound=found.value * factor, rel_gap=abs(1 - factor), certificate=None)

    monkeypatch.setattr(api, "solve", claim)
    status, out, _ = endonet("baseline", "planner/figure2", "--rerun", "--out", str(tmp_path), "--json")
    assert json.loads(out)["runs"][0]["verdict"] == verdict
    assert status == (4 if verdict == "CONFLICT" else 0)
    truth = bounds("planner/figure2")
    loose = Bounds(truth.primal, replace(truth.dual, value=2.0) if truth.dual else None)
    monkeypatch.setattr(record, "bounds", lambda name: loose)
    again = endonet("baseline", "planner/figure2", "--rerun", "--out", str(tmp_path), "--json", "--again")
    assert "better" not in json.loads(again[1])["runs"][0]["verdict"]


def test_an_interrupted_run_goes_on_where_it_stopped(
    endonet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve = api.solve

    def stopped(problem: Any, solver: Any = None, formulation: str | None = None, **options: Any) -> Any:
        found = solve(problem, solver, formulation, **options)
        return replace(found, stopped_by=StoppedBy.INTERRUPTED) if problem.n == 5 else found

    where = ("--rerun", "--out", str(tmp_path), "--json")
    with monkeypatch.context() as patch:
        patch.setattr(api, "solve", stopped)
        status, out, _ = endonet("baseline", *NAMES, *where)
    assert status == 3
    assert [entry["name"] for entry in json.loads(out)["runs"]] == list(NAMES[:2])
    status, out, _ = endonet("baseline", *NAMES, *where)
    assert status == 0
    assert [entry["kept"] for entry in json.loads(out)["runs"]] == [True, False, False]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the planner's library that may be changed."""
    copy = tmp_path / "planner" / "data"
    shutil.copytree(catalogue.folder("planner"), copy)
    shutil.copytree(catalogue.folder("planner").with_name("proofs"), copy.with_name("proofs"))
    monkeypatch.setattr(catalogue, "folder", lambda family: copy)
    monkeypatch.setattr(baseline, "path", lambda: tmp_path / "BASELINE.md")
    return copy


def test_bounds_of_an_economy_that_has_changed_are_not_given(endonet: Any, tmp_path: Path, data: Path) -> None:
    before = bounds("planner/figure2")
    fields = json.loads((data / "figure2.json").read_text())
    fields["z"][0] *= 1.1
    (data / "figure2.json").write_text(json.dumps(fields))
    assert before.primal is not None
    assert not before.stale
    assert bounds("planner/figure2") == Bounds(stale=True)
    said = json.loads(endonet("baseline", "planner/figure2", "--json")[1])["instances"][0]
    assert (said["stale"], said["status"], said["primal"], said["certificate"]) == (True, "unkn", None, False)
    assert "another economy" in endonet("baseline", "planner/figure2")[1]
    endonet("baseline", "planner/figure2", "--solu", str(tmp_path / "a.solu"), "--points", str(tmp_path / "points"))
    assert (tmp_path / "a.solu").read_text() == "=unkn= figure2\n"
    assert list((tmp_path / "points").iterdir()) == []
    status, out, _ = endonet(
        "baseline", "planner/figure2", "--rerun", "--record", "--json", "--out", str(tmp_path / "out")
    )
    assert status == 0
    assert json.loads(out)["runs"][0]["verdict"] == "better primal and dual"
    now = bounds("planner/figure2")
    assert now.primal is not None
    assert now.primal.value == pytest.approx(best_by_trying_all(en.load("planner/figure2")), rel=1e-12)
    assert now.primal.value > before.primal.value


def test_a_recipe_whose_checksum_has_changed_has_no_bounds(data: Path) -> None:
    recipes = json.loads((data / "generated.json").read_text())
    recipes["weighted-5"]["fingerprint"] = "0" * 64
    (data / "generated.json").write_text(json.dumps(recipes))
    assert bounds("planner/weighted-5").stale
    assert not bounds("planner/weighted-3").stale


def test_only_what_is_better_is_recorded(endonet: Any, tmp_path: Path, data: Path) -> None:
    known = json.loads((data / "bounds.json").read_text())
    del known["weighted-5"]
    known["figure2"]["dual"]["value"] = 0.9
    del known["pigeonhole-12"]
    (data / "bounds.json").write_text(json.dumps(known))
    where = ("--rerun", "--out", str(tmp_path / "out"), "--json")
    status, out, _ = endonet("baseline", *NAMES, *where)
    assert [entry["verdict"] for entry in json.loads(out)["runs"]] == [
        "better dual", "better primal and dual", "proved infeasible",
    ]  # fmt: skip
    assert json.loads((data / "bounds.json").read_text()) == known
    status, out, _ = endonet("baseline", *NAMES, *where, "--record")
    assert status == 0
    assert [entry["recorded"] for entry in json.loads(out)["runs"]] == [True, True, True]
    now = json.loads((data / "bounds.json").read_text())
    assert now["figure2"]["dual"]["value"] == pytest.approx(0.6615, rel=1e-9)
    assert now["figure2"]["dual"]["method"] == "certified (rel_gap 1e-9)"
    assert now["weighted-5"]["primal"]["decision"]
    assert now["pigeonhole-12"]["infeasible"]["method"].startswith("certified")
    assert (tmp_path / "BASELINE.md").is_file()
    assert (tmp_path / "planner" / "proofs" / "weighted-5.json.gz").is_file()
    status, out, _ = endonet("baseline", *NAMES, *where, "--record")
    assert [entry["verdict"] for entry in json.loads(out)["runs"]] == ["unchanged"] * 3


def test_open_instances_are_listed(endonet: Any) -> None:
    status, out, _ = endonet("baseline", "planner/*", "--known", "best", "--json")
    entries = json.loads(out)["instances"]
    assert status == 0
    assert {entry["status"] for entry in entries} == {"best"}
    status, out, _ = endonet("baseline", "planner/*", "--known", "opt", "--known", "inf", "--json")
    settled = json.loads(out)["instances"]
    assert {entry["status"] for entry in settled} == {"opt", "inf"}
    planner = [entry for entry in catalogue.names() if entry.family == "planner"]
    assert len(entries) + len(settled) == len(planner)


@pytest.mark.parametrize(
    "options", [("--time-limit", "3"), ("--out", "x"), ("--rel-gap", "1e-6"), ("--solver", "scip")]
)
def test_an_option_of_a_rerun_is_not_ignored_without_one(endonet: Any, options: tuple[str, str]) -> None:
    status, _, err = endonet("baseline", "figure2", *options)
    assert status == 2
    assert f"{options[0]} needs --rerun" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "damaged"),
        ("[]", "no JSON object"),
        ('{"figure2": 3}', "figure2: it is no record"),
        ('{"figure2": {"primal": {"value": 1}}}', "figure2: it is no record"),
        (
            '{"figure2": {"dual": {"value": "a", "method": "m", "tolerance": 0, "version": "0", "date": "d"}}}',
            "finite numbers",
        ),
    ],
)
def test_a_damaged_record_is_one_clear_line(
    endonet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, words: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(catalogue.folder("planner"), data)
    monkeypatch.setattr(catalogue, "folder", lambda family: data)
    (data / "bounds.json").write_text(content)
    status, _, err = endonet("baseline", "planner/figure2")
    assert status == 2
    assert "bounds.json" in err
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"primal": 1.01, "dual": 1.02}, "of a decision worth 0.6615"),
        ({"dual": 0.99}, "the record contradicts itself"),
    ],
)
def test_a_record_is_held_against_the_evaluator(
    endonet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, float], words: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(catalogue.folder("planner"), data)
    monkeypatch.setattr(catalogue, "folder", lambda family: data)
    known = json.loads((data / "bounds.json").read_text())
    for side, factor in change.items():
        known["figure2"][side]["value"] *= factor
    (data / "bounds.json").write_text(json.dumps(known))
    status, _, err = endonet("baseline", "planner/figure2", "--rerun", "--out", str(tmp_path / "out"))
    assert status == 4
    assert words in err


def test_a_kept_proof_takes_the_better_decision_and_no_worse_proof_replaces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import endonet as en
    from endonet.instances import files

    name, target, answer = "planner/weighted-5", tmp_path / "proofs" / "weighted-5.json.gz", tmp_path / "a.json.gz"
    monkeypatch.setattr(rerun, "proof", lambda name: target)
    problem, primal = en.load(name), bounds(name).primal
    assert primal is not None
    found = api.solve(problem)
    theta = [1] * problem.n
    worse = problem.evaluate(theta).value
    assert worse < primal.value
    assert found.bound is not None
    stale = replace(
        found,
        status=Status.FEASIBLE,
        value=worse,
        rel_gap=found.bound / worse - 1,
        decision=problem.decode_decision({"theta": theta}),
        encoded_decision={"theta": theta},
    )
    files.save_solution(stale, answer)
    assert rerun.keep(name, answer)
    kept = en.load_solution(target, problem)
    en.check(problem, kept)
    assert kept.value == primal.value
    assert kept.bound == found.bound
    files.save_solution(replace(stale, bound=found.bound * 1.1, rel_gap=found.bound * 1.1 / worse - 1), answer)
    assert not rerun.keep(name, answer)
    assert en.load_solution(target, problem).bound == found.bound


def test_what_an_outside_solver_claims_is_recorded_apart(endonet: Any, tmp_path: Path, data: Path) -> None:
    pytest.importorskip("pyscipopt")
    (data / "others.json").unlink(missing_ok=True)
    (proofs := data.with_name("proofs")).joinpath("pigeonhole-12.json.gz").unlink()
    names = ("planner/figure2", "planner/weighted-5", "planner/pigeonhole-12")
    where = ("--rerun", "--solver", "scip", "--time-limit", "30", "--record", "--out", str(tmp_path / "out"))
    before = (data / "bounds.json").read_text()
    for _ in range(2):  # the second run takes the place of the first
        assert endonet("baseline", *names, *where)[0] == 0
    assert (data / "bounds.json").read_text() == before
    assert not proofs.joinpath("pigeonhole-12.json.gz").exists()  # a claim is no proof
    for name in names[:2]:
        (found,) = attempts(name)
        assert (found.solver, found.formulation, found.time_limit) == ("scip", "planner/lifted", 30.0)
        assert found.settled
        assert "pyscipopt" in found.versions
        best = best_by_trying_all(en.load(name))
        assert found.value == pytest.approx(best, rel=2e-6)
        assert found.bound >= best * (1 - 1e-9)
    assert attempts("planner/pigeonhole-12")[0].status == "infeasible"
    said = json.loads(endonet("baseline", "planner/figure2", "--json")[1])["instances"][0]
    assert said["others"][0]["bound"] == attempts("planner/figure2")[0].bound
    assert "claims optimal, finished" in endonet("baseline", "planner/figure2")[1]
    assert "It settles 3 of 3 instances" in baseline.table()
    recipes = json.loads((data / "generated.json").read_text())
    recipes["weighted-5"]["fingerprint"] = "0" * 64
    (data / "generated.json").write_text(json.dumps(recipes))
    assert attempts("planner/weighted-5") == []


def test_claims_stand_in_the_library_and_none_that_is_settled_is_refuted() -> None:
    claims = {entry.name: attempts(entry.name) for entry in catalogue.names() if entry.family == "planner"}
    assert all(claims.values())
    for name, own in claims.items():
        known = bounds(name)
        for one in own:
            if known.primal is not None and one.bound is not None and not one.contradicted:
                assert one.bound >= known.primal.value * (1 - 1e-6), name
            if known.dual is not None and one.value is not None:
                assert one.value <= known.dual.value * (1 + 1e-9), name
