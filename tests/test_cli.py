"""The command line: one JSON object or a readable panel, one line for an error, and an exit status that says which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from economies import best_by_trying_all, economy

import endonet as en
from endonet import frame, options, promises
from endonet.cli import main
from endonet.formulations.errors import InputError
from endonet.instances.planner import generators
from endonet.solvers.base import Solver
from endonet.solvers.solution import Finding, Proves, Solution, Status, StoppedBy

PARAMETERS = {"f": 0.01, "alpha": 0.5, "sigma": 5, "epsilon": 5}


@dataclass
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.fixture
def endonet(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Run a command in this process."""
    monkeypatch.delenv(frame.DEBUG, raising=False)

    def run(*arguments: str | Path) -> Answer:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Answer(status, captured.out, captured.err)

    return run


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    en.save(economy(2, f=0.12), path)
    return path


@pytest.fixture
def solver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put one solver in the place of all, which prints and gives one answer."""

    def register(answer: Any, promise: Proves = Proves.GLOBAL_OPTIMUM) -> None:
        class Canned(Solver[Any]):
            name, title, proves = "canned", "A canned answer", promise

            def run(self, problem: Any, formulation: str | None) -> Finding:
                print("chatter of a solver")
                os.write(1, b"chatter of a compiled solver\n")
                if isinstance(answer, BaseException):
                    raise answer
                return answer

        monkeypatch.setattr("endonet.api.solver_class", lambda family, name=None: Canned)

    return register


def refused(answer: Answer, *words: str) -> None:
    """Assert one clear line on standard error, nothing else, and status 2."""
    assert answer.status == 2
    assert answer.out == ""
    assert answer.err.startswith("endonet: error: ")
    assert answer.err.count("\n") == 1
    for word in words:
        assert word in answer.err


# -- answers ---------------------------------------------------------------------------------------


def test_json_is_one_object_and_nothing_else(endonet: Any, tiny_file: Path) -> None:
    answer = endonet("solve", tiny_file, "--json")
    assert answer.status == 0
    assert answer.err == ""
    best = best_by_trying_all(en.load(tiny_file))
    assert answer.json["status"] == "optimal"
    assert answer.json["value"] == pytest.approx(best, rel=1e-12)
    assert "certificate" not in answer.json
    assert isinstance(answer.json["decision"]["theta"], list)


def test_a_panel_says_what_is_known(endonet: Any, tiny_file: Path) -> None:
    answer = endonet("solve", tiny_file, "--solver", "certified")
    assert answer.status == 0
    for word in ("optimal", "proved", "value", "bound", "gap", "operating", "of 6", "certified"):
        assert word in answer.out


def test_solve_then_check(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "solution.json"
    assert endonet("solve", tiny_file, "--out", out, "--json").status == 0
    assert json.loads(out.read_text())["certificate"]
    answer = endonet("check", tiny_file, out)
    assert answer.status == 0
    assert "value, feasibility, bound, certificate and gap" in answer.out
    report = endonet("check", tiny_file, out, "--json").json
    assert report["verified"] is True
    assert {"value", "bound", "certificate"} <= set(report["verified_claims"])
    assert report["not_verified"] == []


def test_check_says_what_it_cannot_verify(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "solution.json"
    endonet("solve", tiny_file, "--solver", "deviation", "--out", out)
    answer = endonet("check", tiny_file, out)
    assert answer.status == 0
    assert "value and feasibility" in answer.out
    assert "'local' is the solver's word" in answer.out
    assert "bound and" not in answer.out
    report = endonet("check", tiny_file, out, "--json").json
    assert report["verified_claims"] == ["value", "feasibility"]
    assert report["not_verified"] == ["status"]


def test_a_forged_bound_is_refuted(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "solution.json"
    endonet("solve", tiny_file, "--out", out)
    claims = json.loads(out.read_text())
    everyone = [1] * 6
    assert claims["decision"]["theta"] != everyone
    worse = en.load(tiny_file).evaluate(everyone).value
    claims |= {"decision": {"theta": everyone}, "value": worse, "bound": worse, "rel_gap": 0.0}
    out.write_text(json.dumps(claims))
    answer = endonet("check", tiny_file, out)
    assert answer.status == 4
    assert "CLAIM NOT VERIFIED" in answer.err


def test_a_forged_value_is_refuted(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "solution.json"
    endonet("solve", tiny_file, "--out", out)
    claims = json.loads(out.read_text())
    claims["value"] *= 1.01
    out.write_text(json.dumps(claims))
    assert endonet("check", tiny_file, out).status == 4


def test_compare(endonet: Any, tiny_file: Path) -> None:
    answer = endonet("compare", tiny_file, "--solvers", "reshaping, certified")
    assert answer.status == 0
    assert "certified" in answer.out
    assert "proved by certified" in answer.out
    report = endonet("compare", tiny_file, "--solvers", "reshaping,certified", "--json").json
    assert [row["solver"] for row in report["rows"]] == ["reshaping", "certified"]
    assert report["optimum"] == pytest.approx(best_by_trying_all(en.load(tiny_file)), rel=1e-12)


def test_evaluate(endonet: Any, tiny_file: Path) -> None:
    problem = en.load(tiny_file)
    theta = [1, 1, 1, 0, 1, 1]
    answer = endonet("evaluate", tiny_file, "--decision", json.dumps({"theta": theta}), "--json")
    assert answer.status == 0
    assert answer.json["value"] == problem.evaluate(theta).value
    assert answer.json["feasible"] is True
    assert "value" in endonet("evaluate", tiny_file, "--decision", json.dumps({"theta": theta})).out


def test_evaluate_shows_what_follows_from_the_decision(endonet: Any, tiny_file: Path) -> None:
    theta = [1, 1, 1, 0, 1, 1]
    outcome = en.load(tiny_file).evaluate(theta)
    arguments = ("evaluate", tiny_file, "--decision", json.dumps({"theta": theta}))
    report = endonet(*arguments, "--json").json
    assert (report["Q"], report["labour_left"]) == (outcome.Q, outcome.labour_left)
    assert report["producing"] == outcome.producing.sum()
    assert max(abs(report["residual_goods"]), abs(report["residual_labour"])) < 1e-12
    assert report["price"][3] is None
    for key, part in {"q": outcome.q, "output": outcome.y, "consumption": outcome.c, "sales": outcome.sales}.items():
        assert report[key] == part.tolist()
    shown = endonet(*arguments).out
    for word in ("price", "labour", "consumption", "sales", "∞"):
        assert word in shown


def test_a_long_table_is_cut(endonet: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    en.save(economy(3, n=60), path)
    shown = endonet("evaluate", path, "--decision", json.dumps({"theta": [1] * 60})).out
    assert "… 36 more" in shown
    assert shown.count("\n") < 45


OUTSIDE = (
    "scip",
    "gurobi",
    "xpress",
    "mixed-integer-conic",
    "maingo",
    "shot",
    "bonmin",
    "mindtpy",
    "ipopt",
    "choice-scip",
    "choice-highs",
)


def test_the_default_gaps_in_the_help_are_those_of_the_solvers(endonet: Any) -> None:
    shown = endonet("list", "solvers", "--json").json["solvers"]
    other = {entry["name"]: o for entry in shown for o in entry["options"] if o.startswith("rel_gap")}
    coarse = dict.fromkeys(OUTSIDE, "rel_gap: float = 1e-06")
    assert other == coarse | {"highs": "rel_gap: float = 1e-07"}
    assert "[default: 1e-9; outside solvers: 1e-6, highs: 1e-7]" in " ".join(endonet("solve", "--help").out.split())
    assert Solver.__dataclass_fields__["rel_gap"].default == 1e-9


def test_the_body_of_a_latex_document_alone(endonet: Any) -> None:
    whole, body = (endonet("show", "planner/lifted", "--latex", *more).out for more in ((), ("--body",)))
    assert "documentclass" in whole
    assert "documentclass" not in body
    assert body.strip() in whole
    refused(endonet("show", "planner/lifted", "--body"), "--latex")


def test_the_decision_of_a_solution_can_be_evaluated_and_started_from(
    endonet: Any, tiny_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "solution.json"
    value = endonet("solve", tiny_file, "--out", out, "--json").json["value"]
    assert endonet("evaluate", tiny_file, "--solution", out, "--json").json["value"] == value
    again = endonet("solve", tiny_file, "--initial", out, "--json")
    assert again.json["options"]["initial"] == "given"


@pytest.mark.parametrize("what", ["solvers", "formulations", "instances", "reports"])
def test_list(endonet: Any, what: str) -> None:
    answer = endonet("list", what)
    assert answer.status == 0
    entries = endonet("list", what, "--json").json[what]
    assert entries
    for entry in entries:
        assert entry["name"] in answer.out


def test_list_solvers_with_their_options(endonet: Any) -> None:
    listed = endonet("list", "solvers", "--options").out
    assert "max_iterations: int = 200" in listed
    assert "polish" not in endonet("list", "solvers").out
    assert "draws: int | None = None" in endonet("list", "reports", "--options").out
    assert "options" not in endonet("list", "instances").out


@pytest.mark.parametrize("form", [(), ("--latex",)])
def test_show(endonet: Any, form: tuple[str, ...]) -> None:
    answer = endonet("show", "planner/lifted", *form)
    assert answer.status == 0
    assert ("align" in answer.out) == bool(form)


def test_show_the_structure_of_a_problem(endonet: Any, tiny_file: Path) -> None:
    table = endonet("show", tiny_file)
    assert table.status == 0
    assert "planner/lifted" in table.out
    assert "power cones" in table.out
    every = endonet("show", tiny_file, "--json").json["formulations"]
    alone = endonet("show", "planner/lifted", "--problem", tiny_file, "--json").json["formulations"]
    assert [entry for entry in every if entry["formulation"] == "planner/lifted"] == alone
    assert endonet("show", tiny_file, "-f", "lifted", "--json").json["formulations"] == alone


def test_show_refuses_what_makes_no_sense(endonet: Any, tiny_file: Path) -> None:
    refused(endonet("show", "planner/us-1555"), "no formulation or problem", "did you mean planner/us-15")
    refused(endonet("show", "planner/liftd", "--problem", tiny_file), "did you mean planner/lifted")
    refused(endonet("show", "planner/lifted", "--json"), "need a problem")
    refused(endonet("show", tiny_file, "--latex"), "formulation alone")
    refused(endonet("show", "planner/lifted", "--latex", "--markdown"), "exclude each other")
    refused(endonet("show", "planner/lifted", "--problem", tiny_file, "-f", "primal"), "stands twice")
    refused(endonet("show", "planner/lifted", "--problem", "ordering/appendix-b"), "does not write ordering")


def test_export_of_cones(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.cbf"
    assert endonet("export", tiny_file, "--formulation", "lifted", target).status == 0
    assert "POW" in target.read_text()
    refused(endonet("export", tiny_file, "--formulation", "reduced", tmp_path / "x.cbf"), "not conic")
    refused(endonet("export", tiny_file, "--formulation", "lifted", tmp_path / "x.txt"), "use one of .nl")
    assert endonet("export", tiny_file, "-f", "lifted", tmp_path / "m.nl", "--names").status == 0
    assert (tmp_path / "m.col").exists()


def test_export(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.nl"
    answer = endonet("export", tiny_file, "--formulation", "reduced", target)
    assert answer.status == 0
    assert target.stat().st_size > 0


def test_version_and_help(endonet: Any) -> None:
    assert endonet("--version").out == f"endonet {en.__version__}\n"
    assert "solve" in endonet("--help").out
    assert "Exit status" in endonet().out
    for command in ("solve", "compare", "check", "evaluate", "show", "export", "list", "report"):
        assert endonet(command, "--help").status == 0


def test_python_m_endonet() -> None:
    done = subprocess.run([sys.executable, "-m", "endonet", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"endonet {en.__version__}\n"


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sovle", "x"), ("'sovle'", "did you mean solve")),
        (("solve",), ("PROBLEM", "--help")),
        (("solve", "TINY", "--tme-limit", "3"), ("--tme-limit", "--time-limit")),
        (("solve", "TINY", "--time-limit", "soon"), ("--time-limit", "soon")),
        (("solve", "TINY", "--time-limit", "-1"), ("time_limit", "positive")),
        (("solve", "TINY", "--time-limit", "nan"), ("time_limit",)),
        (("solve", "TINY", "--solver", "certifed"), ("certifed", "did you mean certified")),
        (("solve", "TINY", "--formulation", "lifted"), ("formulation", "leave the formulation out")),
        (("solve", "TINY", "-o", "max_iterations"), ("key=value",)),
        (("solve", "TINY", "-s", "reshaping", "-o", "max_iterations=many"), ("max_iterations", "whole number")),
        (
            ("solve", "TINY", "-s", "reshaping", "-o", "max_iteration=3"),
            ("solver 'reshaping' has no option", "did you mean max_iterations"),
        ),
        (("solve", "TINY", "-o", "seed=3"), ("--seed",)),
        (("solve", "TINY", "--out", "no/such/folder/x.json"), ("--out", "create it")),
        (("solve", "TINY", "--out", "x.txt"), (".json",)),
        (("solve", "TINY", "--initial", "none.json"), ("none.json",)),
        (("solve", "planner/us-51"), ("planner/us-51", "did you mean planner/us-")),
        (("solve", "none.json"), ("none.json", "no such file")),
        (("compare", "TINY"), ("--solvers",)),
        (("compare", "TINY", "--solvers", "certified,reshapping"), ("did you mean reshaping",)),
        (("compare", "TINY", "--solvers", ","), ("--solvers",)),
        (("check", "TINY", "none.json"), ("none.json",)),
        (("evaluate", "TINY"), ("--decision",)),
        (("evaluate", "TINY", "--decision", "[1,"), ("--decision", "not JSON")),
        (("evaluate", "TINY", "--decision", '{"theta": [1, 1, 1, 1, 1, 1], "x": 1}'), ("decision.x", "theta alone")),
        (("evaluate", "TINY", "--decision", '{"theta": [1, 1]}'), ("theta", "6 zeros and ones")),
        (("evaluate", "TINY", "--decision", '{"theta": [1, 1, 1, 1, 1, 2]}'), ("theta[5]",)),
        (("show", "planner/lited"), ("did you mean planner/lifted",)),
        (("export", "TINY", "--formulation", "lited", "x.nl"), ("did you mean planner/lifted",)),
        (("list", "solvres"), ("did you mean solvers",)),
        (("report", "demmo"), ("did you mean demo",)),
        (("report", "demo", "--workers", "0"), ("--workers",)),
    ],
    ids=lambda value: " ".join(value)[:48] if value and isinstance(value[0], str) else None,
)
def test_bad_input_is_one_clear_line(
    endonet: Any, tiny_file: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(endonet(*(str(tiny_file) if part == "TINY" else part for part in arguments)), *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"z": [1, 2, -3, 1, 1, 1]}, ("z[2]",)),
        ({"sigma": 1}, ("sigma",)),
        ({"colour": "red"}, ("colour",)),
        ({"family": "plannner"}, ("family",)),
        ({"z": [1, 2]}, ("z",)),
    ],
)
def test_a_wrong_field_is_named(endonet: Any, tiny_file: Path, change: dict[str, Any], words: tuple[str, ...]) -> None:
    tiny_file.write_text(json.dumps(json.loads(tiny_file.read_text()) | change))
    refused(endonet("solve", tiny_file, "--json"), *words)


def test_what_is_no_json_is_refused(endonet: Any, tiny_file: Path) -> None:
    tiny_file.write_text("{")
    refused(endonet("solve", tiny_file), "tiny.json")


def test_a_solution_of_another_problem_is_refused(endonet: Any, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "solution.json"
    endonet("solve", tiny_file, "--out", out)
    other = tmp_path / "other.json"
    en.save(economy(3), other)
    assert endonet("check", other, out).status in (2, 4)


def test_a_warning_is_one_line(endonet: Any, tmp_path: Path) -> None:
    path = tmp_path / "lonely.json"
    links = {"supplier": [0, 1], "buyer": [1, 0]}
    path.write_text(
        json.dumps({"family": "planner", "version": 1, "n": 3, "links": links, "z": [1, 1, 1]} | PARAMETERS)
    )
    answer = endonet("evaluate", path, "--decision", '{"theta": [1, 1, 0]}', "--json")
    assert answer.status == 0
    assert answer.err.startswith("endonet: warning: ")
    assert answer.err.count("\n") == 1
    assert "firm 2" in answer.err


# -- other ends ------------------------------------------------------------------------------------


def best_of(path: Path) -> tuple[list[int], float]:
    problem = en.load(path)
    best = max(
        (tuple(int(code) >> j & 1 for j in range(problem.n)) for code in range(2**problem.n)),
        key=lambda theta: problem.evaluate(theta).value,
    )
    return list(best), problem.evaluate(best).value


def test_chatter_of_solvers_does_not_reach_standard_output(endonet: Any, tiny_file: Path, solver: Any) -> None:
    theta, value = best_of(tiny_file)
    solver(Finding(theta, Status.OPTIMAL, bound=value))
    answer = endonet("solve", tiny_file, "--solver", "canned", "--json")
    assert answer.json["status"] == "optimal"
    assert "chatter of a solver" in answer.err
    assert "chatter of a compiled solver" in answer.err


@pytest.mark.parametrize(
    ("promise", "status", "stopped", "expected"),
    [
        (Proves.GLOBAL_OPTIMUM, Status.OPTIMAL, StoppedBy.FINISHED, 0),
        (Proves.GLOBAL_OPTIMUM, Status.FEASIBLE, StoppedBy.TIME_LIMIT, 3),
        (Proves.GLOBAL_OPTIMUM, Status.FEASIBLE, StoppedBy.INTERRUPTED, 3),
        (Proves.GLOBAL_OPTIMUM, Status.INFEASIBLE, StoppedBy.FINISHED, 0),
        (Proves.GLOBAL_OPTIMUM, Status.NO_SOLUTION, StoppedBy.TIME_LIMIT, 3),
        (Proves.BOUND, Status.FEASIBLE, StoppedBy.FINISHED, 0),
        (Proves.LOCAL_OPTIMUM, Status.LOCAL, StoppedBy.FINISHED, 0),
        (Proves.LOCAL_OPTIMUM, Status.NOT_CONVERGED, StoppedBy.ITERATION_LIMIT, 3),
        (Proves.STATIONARY_POINT, Status.STATIONARY, StoppedBy.FINISHED, 0),
        (Proves.STATIONARY_POINT, Status.NOT_CONVERGED, StoppedBy.CYCLE, 3),
        (Proves.NOTHING, Status.NOT_CONVERGED, StoppedBy.FINISHED, 3),
        (Proves.NOTHING, Status.FEASIBLE, StoppedBy.FINISHED, 0),
    ],
)
def test_exit_status_says_whether_the_promise_was_kept(
    endonet: Any, tiny_file: Path, solver: Any, promise: Proves, status: Status, stopped: StoppedBy, expected: int
) -> None:
    theta, value = best_of(tiny_file)
    decision = None if status in (Status.INFEASIBLE, Status.NO_SOLUTION) else theta
    bound = {Status.OPTIMAL: value, Status.FEASIBLE: 2 * value}.get(status)
    solver(Finding(decision, status, stopped, bound=bound), promise)
    answer = endonet("solve", tiny_file, "--solver", "canned", "--json")
    assert answer.json["status"] == status.value
    assert answer.status == expected
    assert status.value in endonet("solve", tiny_file, "--solver", "canned").out


def test_a_refuted_claim_is_loud(endonet: Any, tiny_file: Path, solver: Any) -> None:
    theta, value = best_of(tiny_file)
    solver(Finding(theta, Status.OPTIMAL, bound=2 * value, claimed_value=2 * value))
    answer = endonet("solve", tiny_file, "--solver", "canned")
    assert answer.status == 4
    assert "REFUTED" in answer.out
    assert "REFUTED" in answer.err


def test_a_contradiction_between_solvers_is_loud(
    endonet: Any, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from endonet.solvers.planner import reshaping

    theta = np.ones(6, dtype=int)
    monkeypatch.setattr(
        reshaping.Reshaping, "run", lambda self, problem, formulation: Finding(theta, Status.OPTIMAL, bound=worse)
    )
    worse = en.load(tiny_file).evaluate(theta).value
    answer = endonet("compare", tiny_file, "--solvers", "reshaping,certified")
    assert answer.status == 4
    assert "CONTRADICTION" in answer.err
    assert "CONTRADICTION" in answer.out
    assert "of reshaping is false: certified's decision is worth" in answer.err
    assert "proved by certified" in answer.out


def test_a_proof_without_a_certificate_is_called_a_claim(endonet: Any, tiny_file: Path, solver: Any) -> None:
    theta, value = best_of(tiny_file)
    solver(Finding(theta, Status.OPTIMAL, bound=value))
    answer = endonet("solve", tiny_file, "--solver", "canned")
    assert "claimed by canned: value and bound agree, not certified" in answer.out
    assert "proved" not in answer.out
    solver(Finding(None, Status.INFEASIBLE))
    assert "claimed by canned" in endonet("solve", tiny_file, "--solver", "canned").out


def test_an_interrupted_comparison_is_unfinished(endonet: Any, tiny_file: Path, solver: Any) -> None:
    theta, value = best_of(tiny_file)
    solver(Finding(theta, Status.FEASIBLE, StoppedBy.INTERRUPTED, bound=2 * value))
    answer = endonet("compare", tiny_file, "--solvers", "one,two", "--json")
    assert answer.status == 3
    assert [row["status"] for row in answer.json["rows"]] == ["feasible", "skipped"]


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        (RuntimeError("a fault"), 1, "ENDONET_DEBUG"),
        (KeyboardInterrupt(), 3, "interrupted"),
        (MemoryError(), 3, "memory"),
    ],
)
def test_faults_end_in_one_line(
    endonet: Any, tiny_file: Path, solver: Any, fault: BaseException, status: int, word: str
) -> None:
    solver(fault)
    answer = endonet("solve", tiny_file, "--solver", "canned", "--json")
    assert answer.status == status
    assert answer.out == ""
    assert word in answer.err
    assert "Traceback" not in answer.err


def test_a_traceback_on_demand(endonet: Any, tiny_file: Path, solver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(frame.DEBUG, "")
    solver(RuntimeError("a fault"))
    with pytest.raises(RuntimeError, match="a fault"):
        endonet("--debug", "solve", tiny_file, "--solver", "canned")


def test_a_reader_that_leaves_is_no_fault() -> None:
    command = f"{sys.executable} -m endonet show planner/lifted; echo $? >&2"
    shell = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False)
    assert "Traceback" not in shell.stderr
    assert shell.stderr.strip() in ("0", "141")


def test_control_c_ends_cleanly(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job inherits that it is ignored
        "from endonet import cli, api\n"
        "api.solver_class = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        f"sys.exit(cli.main(['solve', {str(tmp_path / 'tiny.json')!r}]))\n"
    )
    en.save(economy(1), tmp_path / "tiny.json")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.strip() == "endonet: error: interrupted"


def test_control_c_after_the_answer_changes_nothing() -> None:
    script = (
        "import sys, os, signal, atexit\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "from endonet import cli\n"
        "sys.argv = ['endonet', 'list', 'formulations', '--json']\n"
        "sys.exit(cli.main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["formulations"]


# -- options ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Every kind of option."""

    name = "sample"
    depth: int = 3
    share: float | None = 0.5
    fast: bool = False
    mode: str = "a"
    weights: tuple[float, ...] = ()
    status: Status = Status.LOCAL
    either: int | str = 0


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("depth=7", 7),
        ("share=0.25", 0.25),
        ("share=none", None),
        ("fast=yes", True),
        ("fast=false", False),
        ("mode=a=b", "a=b"),
        ("weights=1,2.5", (1.0, 2.5)),
        ("status=optimal", Status.OPTIMAL),
        ("either=3", 3),
        ("either=three", "three"),
    ],
)
def test_options_are_read_by_their_types(pair: str, value: Any) -> None:
    key = pair.partition("=")[0]
    assert options.parse(Sample, [pair]) == {key: value}


@pytest.mark.parametrize("pair", ["depth=x", "depth=1.5", "share=x", "fast=maybe", "status=x", "depht=3", "depth"])
def test_options_of_the_wrong_type_are_refused(pair: str) -> None:
    with pytest.raises(InputError):
        options.parse(Sample, [pair])


def test_an_option_stands_once() -> None:
    with pytest.raises(InputError, match="twice"):
        options.parse(Sample, ["depth=1", "depth=2"])


def test_a_proof_counts_even_at_a_limit() -> None:
    made: dict[str, Any] = dict.fromkeys(Solution.__dataclass_fields__)
    made |= {"contradicted": "", "status": Status.OPTIMAL, "stopped_by": StoppedBy.TIME_LIMIT}
    assert promises.kept(Proves.GLOBAL_OPTIMUM, Solution(**made))
    made["contradicted"] = "it is wrong"
    assert not promises.kept(Proves.GLOBAL_OPTIMUM, Solution(**made))


def test_a_stopped_search_goes_on(endonet: Any, tmp_path: Path) -> None:
    economy, first, second = (str(tmp_path / name) for name in ("e.json", "first.json", "second.json"))
    en.save(generators.sparse_weighted(60, seed=4, sigma=8, epsilon=3), economy)
    stopped = endonet("solve", economy, "--option", "node_limit=1", "--out", first, "--json")
    begun = json.loads(stopped.out)
    done = endonet("solve", economy, "--resume", first, "--out", second, "--json", "--time-limit", "20")
    ended = json.loads(done.out)
    assert ended["bound"] <= begun["bound"]
    assert ended["value"] >= begun["value"]
    assert endonet("check", economy, second).status == 0
    refused = endonet("solve", economy, "--solver", "reshaping", "--resume", first)
    assert refused.status == 2
    assert "cannot go on" in refused.err
