"""Tables 1 and 2 and figures 1 to 4: right on draws small enough to try everything, and the same wherever computed."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest
from scipy.stats import binomtest
from test_reports import assert_self_contained

from endonet import api, reports
from endonet.cli import main
from endonet.formulations.errors import EndonetError, InputError
from endonet.instances.planner import generators
from endonet.reports import figure2, figure3, figure4, intervals, pictures, table1, table1_cells, table2, table2_cells
from endonet.reports.beside import beside, percent, with_interval
from endonet.reports.intervals import Estimate
from endonet.reports.ledger import Ledger
from endonet.reports.page import Page
from endonet.reports.sweep import sweep
from endonet.solvers.planner.relaxation import Relaxed

# -- intervals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (1, 10), (30, 100), (100, 100), (3, 100_000)])
def test_wilson_agrees_with_scipy(hits: int, trials: int) -> None:
    known = binomtest(hits, trials).proportion_ci(0.95, "wilson")
    ours = intervals.wilson(hits / trials, trials)
    assert ours.low == pytest.approx(known.low, abs=1e-12)
    assert ours.high == pytest.approx(known.high, abs=1e-12)


def test_firms_of_one_draw_count_once_if_they_err_together() -> None:
    together = np.repeat([1.0, 0.0], [80, 20])
    one = intervals.share_of_firms(together, 50)
    known = intervals.wilson(0.8, 99)  # the variance of 100 draws, estimated with 99 degrees of freedom
    assert one.low == pytest.approx(known.low, rel=1e-12)
    apart = np.random.default_rng(0).binomial(50, 0.8, 2000) / 50
    alone = intervals.share_of_firms(apart, 50)
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * np.sqrt(0.16 / 100_000), rel=0.1)


def test_clusters_widen_an_interval() -> None:
    networks = np.repeat(np.arange(20), 50)
    hits = np.repeat(np.arange(20) < 8, 50)
    assert intervals.share(hits, networks).high == pytest.approx(intervals.wilson(0.4, 19).high, rel=1e-12)
    assert intervals.share(hits).high < 0.44


@pytest.mark.parametrize("clusters", [False, True])
def test_the_bootstrap_covers_the_mean_of_skewed_errors(clusters: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 300)
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        errors = np.where(random.random(400) < 0.2, random.exponential(1.0, 400), 0.0)
        low, high = intervals.mean(errors, np.arange(400) if clusters else None)[1:]
        covered += low <= 0.2 <= high
    assert 88 <= covered <= 99


def test_nothing_observed_has_no_interval() -> None:
    assert np.isnan(intervals.mean([]).value)
    assert np.isnan(intervals.share([]).value)
    zero = intervals.mean(np.zeros(9))
    assert zero.value == 0
    assert with_interval(zero) == "0 %"


def test_numbers_of_the_paper_are_marked() -> None:
    ours = Estimate(0.0000062, 0.000002, 0.000017)
    assert beside(0.0000039, ours) == "0.00039 % ✓"
    assert beside(0.0000174, ours) == "0.00174 % ≠"
    assert beside(0.999, Estimate(0.9983, 0.9982, 0.99849)) == "99.9 % ≠"
    assert beside(0.999, Estimate(0.9984, 0.9983, 0.99851)) == "99.9 % ✓"  # 99.85 is printed as 99.9
    assert beside(None, ours) == "–"
    assert [percent(x) for x in (0.0, 1.0, 0.5, 0.9991, 0.999996, 2e-7)] == [
        "0 %",
        "100 %",
        "50.0 %",
        "99.91 %",
        "99.9996 %",
        "0.00002 %",
    ]


# -- Table 1 -----------------------------------------------------------------------------------------------------------


def test_a_cell_of_table_1_is_right() -> None:
    (key,) = itertools.islice(table1_cells.keys((6,), 2, 4), 100, 101)
    found = table1_cells.work(key)
    k = key["combination"]
    for d in range(2):
        problem = generators.table1(6, **table1_cells.COMBINATIONS[k], seed=(4, k, d))
        outcomes = [problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=6)]
        best = max(outcomes, key=lambda outcome: outcome.value)
        assert found["optimum"][d] == pytest.approx(best.value, rel=1e-12)
        for way, solution in (
            (table1_cells.RESHAPED, api.solve(problem, "reshaping")),
            (table1_cells.CORNER, api.solve(problem, "relaxation")),
            (table1_cells.INSIDE, api.solve(problem, "relaxation", start="half")),
        ):
            assert found["wrong"][way][d] == (solution.decision != best.theta).sum()
            assert found["error"][way][d] == pytest.approx(1 - solution.value / best.value, abs=1e-12)
            assert found["settled"][way][d] == (solution.status.value == "stationary")


def test_a_heuristic_that_beats_the_optimum_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, *others = table1_cells._solvers()
    problem = generators.table1(6, seed=1)
    proof = exact.run(problem, None)
    worse = replace(proof, decision=1 - np.asarray(proof.decision), bound=0.0)
    blind: Any = type("Blind", (), {"run": lambda self, problem, formulation: worse})()
    monkeypatch.setattr(table1_cells, "_solvers", lambda: (blind, *others))
    with pytest.raises(EndonetError, match=r"beats the proved optimum|not feasible|did not prove"):
        table1_cells.answer(problem)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("table-1")
    table1.run(out, options=SMALL)
    return out


SMALL = table1.Options(seed=2, draws=1, sizes=(8,))


def test_table_1_is_a_page_with_files(first: Path) -> None:
    said = " ".join(assert_self_contained((first / "table-1.html").read_text("utf-8")).said)
    for word in ("84.3 %", "Without reshaping", "not settled", "243 combinations", "seed"):
        assert word in said
    with (first / "table-1.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["n"] for row in rows} == {"8"}
    printed = [row for row in rows if row["paper"]]
    assert {(row["n"], row["paper"]) for row in printed if row["panel"].startswith("A.")} == {
        ("8", "0.9990000000000001"),
        ("8", "3.9e-06"),
    }
    assert all(float(r["low"]) <= float(r["ours"]) <= float(r["high"]) for r in rows if r["high"] not in ("", "nan"))
    with gzip.open(first / "table-1-draws.csv.gz", "rt") as stream:
        draws = list(csv.DictReader(stream))
    assert len(draws) == 243
    share = np.mean([1 - int(row["wrong firms: reshaping"]) / 8 for row in draws if row["n"] == "8"])
    ours = [r for r in rows if r["n"] == "8" and r["panel"].startswith("A.") and r["draws"] == "all"]
    assert float(ours[0]["ours"]) == pytest.approx(share, rel=1e-12)
    for name in ("table-1-errors", "table-1-unsettled"):
        assert (first / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (first / f"{name}.svg").read_bytes()


def test_another_seed_gives_other_numbers_and_the_same_gives_the_same(first: Path) -> None:
    known = Ledger(first / "table-1.jsonl")
    for key, other in itertools.islice(
        zip(table1_cells.keys((8,), 1, 2), table1_cells.keys((8,), 1, 3), strict=True), 5
    ):
        assert Ledger(first / "table-1.jsonl").get(key) == json.loads(json.dumps(table1_cells.work(key)))
        assert table1_cells.work(other)["optimum"] != known.get(key)["optimum"]  # type: ignore[index]


def test_more_draws_go_on_from_fewer() -> None:
    """Whole batches of draws are shared by a short run and a long one."""
    few = list(table1_cells.keys((5,), 5, 2))
    assert few == list(table1_cells.keys((5,), 1000, 2))[: len(few)]


# -- a sweep, anywhere -------------------------------------------------------------------------------------------------

KEYS = list(itertools.islice(table1_cells.keys((6,), 5, 0), 24))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    ledger = Ledger(tmp_path_factory.mktemp("alone") / "cells.jsonl")
    assert sweep(table1_cells.work, KEYS, ledger) == len(KEYS)
    return [ledger.get(key) for key in KEYS]


def test_an_interrupted_sweep_goes_on(alone: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[Any] = []

    def work(key: Any) -> Any:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(key)
        return table1_cells.work(key)

    ledger = Ledger(tmp_path / "cells.jsonl")
    with pytest.raises(KeyboardInterrupt):
        sweep(work, KEYS, ledger)
    assert "5 new cells" in capsys.readouterr().err
    again = Ledger(tmp_path / "cells.jsonl")
    assert sweep(table1_cells.work, KEYS, again, label="table") == len(KEYS) - 5
    assert "5 of 24 cells are in" in capsys.readouterr().err
    assert [again.get(key) for key in KEYS] == alone
    assert sweep(table1_cells.work, KEYS, again) == 0


def test_processes_find_the_same_numbers(alone: list[Any], tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "cells.jsonl")
    sweep(table1_cells.work, KEYS, ledger, workers=2, together=3)
    assert [ledger.get(key) for key in KEYS] == alone


def test_a_lost_process_costs_no_finished_cell(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "cells.jsonl")
    with pytest.raises(EndonetError, match=r"workers were lost.*goes on from there"):
        sweep(_die, KEYS, ledger, workers=2)


def _die(key: Any) -> Any:
    os._exit(1)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_finds_the_same_numbers(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    options = table1.Options(draws=5, sizes=(8,))
    table1.run(here, options=options)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        killed: list[int] = []

        def kill() -> None:
            while not killed:
                path = there / "table-1.jsonl"
                if path.is_file() and len(path.read_bytes().splitlines()) >= 80:
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)
                time.sleep(0.01)

        watch = threading.Thread(target=kill, daemon=True)
        watch.start()
        table1.run(there, dask=cluster.scheduler_address, options=options)
        watch.join(10)
        assert killed, "the worker was to be killed while there was work left"
    for name in ("table-1.csv", "table-1-draws.csv.gz"):
        assert (there / name).read_bytes() == (here / name).read_bytes()


def test_a_scheduler_that_is_not_there_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("endonet.reports.sweep.PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://1"):
        with pytest.raises(InputError, match=r"--dask.*dask scheduler"):
            sweep(table1_cells.work, KEYS, Ledger(tmp_path / "cells.jsonl"), dask=address)


@pytest.mark.slow
def test_ctrl_c_ends_a_report_and_the_same_command_goes_on(tmp_path: Path) -> None:
    for workers in ("1", "2"):
        out = tmp_path / workers
        command = [sys.executable, "-m", "endonet", "report", "table-1", "-o", "draws=5", "-o", "sizes=6"]
        command += ["--out", str(out), "--workers", workers]
        source = str(Path(reports.__file__).parents[1] / "src")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
        ledger = out / "table-1.jsonl"
        while not (ledger.is_file() and ledger.read_bytes().count(b"\n") >= 10):
            assert running.poll() is None, running.stderr.read() if running.stderr else ""
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert running.returncode == 3, said
        assert "the same command goes on from there" in said
        assert "Traceback" not in said
        kept = ledger.read_bytes().count(b"\n")
        again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        assert f"{kept} of 243 cells are in" in again.stderr
        assert (out / "table-1.html").is_file()


# -- Table 2 -----------------------------------------------------------------------------------------------------------


def test_a_draw_of_table_2_is_right() -> None:
    problem = replace(generators.table1(8, seed=5), description="tiny")
    found = table2_cells.answer(problem, 60.0)
    outcomes = [problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=8)]
    best = max(outcomes, key=lambda outcome: outcome.value)
    assert found["proved"]
    assert found["value"] == pytest.approx(best.value, rel=1e-12)
    for way, one in found["ways"].items():
        assert one["value"] <= best.value * (1 + 1e-12), way
        assert one["found"] <= min(one["wrong"], one["deviated"])
    corner = api.solve(problem, "relaxation").decision
    climbed = corner.copy()
    while True:  # the one-firm test by the evaluator alone, best change first
        flips = [problem.evaluate(np.where(np.arange(8) == j, 1 - climbed, climbed)) for j in range(8)]
        top = max(flips, key=lambda outcome: outcome.value)
        if top.value <= problem.evaluate(climbed).value * (1 + 1e-12):
            break
        climbed = top.theta
    one = found["ways"][table1_cells.CORNER]
    assert one["wrong"] == (corner != best.theta).sum()
    assert one["gain"] == pytest.approx(1 - problem.evaluate(corner).value / problem.evaluate(climbed).value, abs=1e-9)


def test_networks_stay_while_productivities_change() -> None:
    one, other, elsewhere = (table2_cells.economy(60, w, d, 0) for w, d in ((0, 0), (0, 1), (1, 0)))
    assert (one.Omega != other.Omega).nnz == 0
    assert (one.z != other.z).all()
    assert one.Omega.nnz != elsewhere.Omega.nnz or (one.Omega != elsewhere.Omega).nnz > 0


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("table-2")
    table2.run(out, options=table2.Options(seed=1, networks=3, draws=2, n=60))
    return out


def test_table_2_is_a_page_with_files(second: Path) -> None:
    said = " ".join(assert_self_contained((second / "table-2.html").read_text("utf-8")).said)
    for word in ("6 of 6", "99.98 %", "69.3 %", "proven optimum", "one-firm test"):
        assert word in said
    with (second / "table-2-draws.csv").open() as stream:
        draws = list(csv.DictReader(stream))
    assert [(row["network"], row["draw"]) for row in draws] == [(w, d) for d in "01" for w in "012"]
    with (second / "table-2.csv").open() as stream:
        table = {(row["column"], row["measure"]): row for row in csv.DictReader(stream)}
    row = table["with reshaping, all draws", "proven optimum: firms correct"]
    assert float(row["ours"]) == pytest.approx(np.mean([1 - int(d["wrong: reshaping"]) / 60 for d in draws]))


def test_a_draw_that_is_not_proved_is_left_out_and_told() -> None:
    keys = list(table2_cells.keys(8, 2, 1, 9.0, 0))
    found = [table2_cells.answer(generators.table1(8, seed=s), 60.0) for s in (1, 2)]
    unproved = found[1] | {"proved": False, "bound": found[1]["value"] * 1.01}
    sample = table2.collect(8, keys, [found[0], unproved])
    every = np.ones(2, dtype=bool)
    column = table2.column(sample, table1_cells.CORNER, every, "", "B")
    assert (column.draws, column.proved) == (2, 1)
    wrong = found[0]["ways"][table1_cells.CORNER]["wrong"]
    assert column.firms.value == pytest.approx(1 - wrong / 8)


# -- figures -----------------------------------------------------------------------------------------------------------


def direct(problem: Any, a: float, b: float, theta: np.ndarray) -> float:
    """V by iterating (10) as it stands, in q."""
    q, rest = problem.z.copy(), problem.epsilon - 1
    for _ in range(2000):
        with np.errstate(divide="ignore", invalid="ignore"):
            supplied = np.where(theta > 0, theta**b * q**rest, 0.0)
        q = problem.z * theta**a * problem.A * (supplied @ problem.Omega) ** (problem.alpha / rest)
    return float((q ** (problem.sigma - 1)).sum() ** (1 / (problem.sigma - 1)) * (problem.L - problem.f @ theta))


@pytest.mark.parametrize(("sigma", "epsilon"), [(5.0, 5.0), (4.0, 6.0), (8.0, 4.0)])
def test_the_reshaped_objective_is_that_of_the_paper(sigma: float, epsilon: float) -> None:
    options = figure2.Options(sigma=sigma, epsilon=epsilon, f=0.3)
    problem, star = figure2.economy(options), figure2.reshaped(options)
    inside = np.array([[0.3, 0.8], [0.9, 0.2], [1.0, 0.5]])
    for exponents in ((1.0, 0.0), star):
        ours = figure2.objective(problem, *exponents, inside)
        assert ours == pytest.approx([direct(problem, *exponents, theta) for theta in inside], rel=1e-10)
        corners = np.array(list(itertools.product((0.0, 1.0), repeat=2)))
        known = [problem.evaluate(theta).value for theta in corners]
        assert figure2.objective(problem, *exponents, corners) == pytest.approx(known, rel=1e-11)
    relaxed = Relaxed(problem)
    assert figure2.objective(problem, 1.0, 0.0, inside) == pytest.approx(
        [np.exp(-relaxed(theta)[0]) for theta in inside], rel=1e-9
    )


def test_figure_2_has_the_properties_the_paper_names() -> None:
    options = figure2.Options()
    problem = figure2.economy(options)

    def plain(points: np.ndarray) -> np.ndarray:
        return figure2.objective(problem, 1.0, 0.0, points)

    step = 0.01
    for corner, sign in (((1.0, 0.0), 1), ((0.0, 1.0), 1), ((0.0, 0.0), -1), ((1.0, 1.0), -1)):
        here = np.array(corner)
        around = [here + np.where(here == 1, -1, 1) * step * np.array(way) for way in ((1, 0), (0, 1), (1, 1))]
        assert (sign * (plain(here[None, :]) - plain(np.array(around))) > 0).all()
    assert plain(np.array([[1.0, 0.0]])) > plain(np.array([[0.0, 1.0]]))
    star = figure2.reshaped(options)
    for start in itertools.product((0.05, 0.5, 0.95), repeat=2):
        end = figure2.climb(lambda points: figure2.objective(problem, *star, points), np.array(start))
        assert end == pytest.approx([1, 0], abs=1e-6)


def test_figure_2_says_when_the_top_leaves_the_corner(tmp_path: Path) -> None:
    page = figure2.run(tmp_path, options=figure2.Options(sigma=5.0, epsilon=5.0, f=0.4, points=21))
    assert "Proposition 4 says nothing" in page.read_text("utf-8")
    with (tmp_path / "figure-2.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 21 * 21


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("figures")
    for name in ("figure-1", "figure-2", "figure-3", "figure-4"):
        reports.run(reports.find(name), out, chosen={"points": 31} if name == "figure-2" else {})
    return out


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("figure-1", ("figure-1a", "figure-1b")),
        ("figure-2", ("figure-2a", "figure-2b")),
        ("figure-3", ("figure-3-1", "figure-3-2", "figure-3-3", "figure-3-4")),
        ("figure-4", ("figure-4-before", "figure-4-after")),
    ],
)
def test_figures_are_pages_with_files(drawn: Path, name: str, files: tuple[str, ...]) -> None:
    reader = assert_self_contained((drawn / f"{name}.html").read_text("utf-8"))
    assert reader.tags.count("svg") == len(files)
    assert (drawn / f"{name}.csv").is_file()
    for file in files:
        assert (drawn / f"{file}.png").read_bytes().startswith(b"\x89PNG")
        assert (drawn / f"{file}.svg").is_file()


def test_figure_4_reorganises_although_output_hardly_changes() -> None:
    found = []
    for after in (False, True):
        problem = figure4.economy(after, figure4.Options())
        outcomes = [problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=problem.n)]
        found.append(max(outcomes, key=lambda outcome: outcome.value))
    before, after_ = found
    assert before.theta[0] == 1
    assert after_.theta[0] == 0
    assert after_.value == pytest.approx(before.value, rel=1e-3)
    assert np.log(after_.l[after_.theta == 1]).std() < 1e-9 < np.log(before.l[before.theta == 1]).std()


def test_figure_3_takes_its_parameters() -> None:
    problem = figure3.economy(2, figure3.Options(f_n=0.2, alpha=0.4, sigma=6.0, epsilon=4.0))
    assert (problem.sigma, problem.epsilon, problem.f[0], problem.alpha[3]) == (6.0, 4.0, 0.02, 0.4)


# -- options, and all reports ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo", "--seed", "3"), ("seed", "takes no options")),
        (("table-1", "-o", "sizs=8"), ("did you mean sizes",)),
        (("table-1", "-o", "sizes=8,99"), ("sizes", "2 to 24")),
        (("table-1", "-o", "draws=0"), ("draws",)),
        (("table-1", "-o", "draws"), ("--option", "key=value")),
        (("table-1", "--seed", "1", "-o", "seed=2"), ("seed", "twice")),
        (("table-1", "--seed", "-1"), ("seed", "≥ 0")),
        (("table-2", "-o", "time_limit=0"), ("time_limit",)),
        (("table-2", "-o", "n=3"), ("n:",)),
        (("figure-2", "-o", "z=1"), ("z:", "two")),
        (("figure-2", "-o", "sigma=1"), ("sigma",)),
        (("figure-2", "-o", "a=-1"), ("a:",)),
        (("figure-2", "-o", "b=-9"), ("b:",)),
        (("figure-3", "-o", "f_n=99"), ("f:", "lower f")),
        (("figure-4", "-o", "drop=2"), ("drop",)),
        (("all", "-o", "only=tabel-1"), ("did you mean table-1",)),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else None,
)
def test_a_bad_option_is_one_clear_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert main(["report", *arguments, "--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr()
    assert said.err.count("\n") == 1
    assert all(word in said.err for word in words), said.err


def test_reports_list_their_options(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "reports", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capfd.readouterr().out)["reports"]}
    assert "seed: int = 0" in entries["table-1"]["options"]
    assert entries["demo"]["options"] == []


def test_all_reports_are_linked_and_one_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "claims.html").write_text("earlier")
    monkeypatch.setattr(figure4, "run", lambda *a, **k: 1 / 0)
    with pytest.raises(EndonetError, match=r"1 of 2 reports failed \(figure-4: ZeroDivisionError"):
        reports.run(reports.find("all"), tmp_path, chosen={"only": ("figure-1", "figure-4"), "seed": 3})
    page = (tmp_path / "index.html").read_text("utf-8")
    assert 'href="figure-1.html"' in page
    assert 'href="claims.html"' in page
    assert 'href="figure-4.html"' not in page
    assert "not rebuilt: ZeroDivisionError" in page


def test_pictures_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endonet.reports.pictures.find_spec", lambda name: None)
    with pytest.raises(EndonetError, match=r"pip install 'endonet\[reports\]'"):
        pictures.require()


# -- as a reader sees them ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.chromium() as running:
        yield running


def test_the_browser_sees_what_is_wrong(chromium: Any, tmp_path: Path) -> None:
    bad = (
        "<!doctype html><title>x</title><p style='width:2000px'>wide</p><p style='font-size:6px'>tiny</p>"
        "<svg width='300' height='200' aria-label='none'></svg><img src='missing.png'>"
        "<script>console.error('said'); nonsense()</script>"
    )
    path = tmp_path / "bad.html"
    path.write_text(bad)
    found = " ".join(browser.faults(chromium, path))
    for word in ("said", "nonsense", "sideways", "leaves the page", "tiny text", "empty picture", "not loaded"):
        assert word in found


@pytest.mark.slow
def test_pages_of_tables_and_figures_can_be_read(chromium: Any, first: Path, second: Path, drawn: Path) -> None:
    pages = [first / "table-1.html", second / "table-2.html", *sorted(drawn.glob("*.html"))]
    assert len(pages) == 6
    assert [fault for page in pages for fault in browser.faults(chromium, page)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in reports.all_reports() if name not in ("all", "table-2")])
def test_every_page_can_be_read(chromium: Any, tmp_path: Path, name: str) -> None:
    module = reports.find(name)
    page = reports.run(module, tmp_path, chosen={"draws": 1} if name == "table-1" else {})
    assert browser.faults(chromium, page) == []


def test_the_index_can_be_read(chromium: Any, tmp_path: Path) -> None:
    page = reports.run(reports.find("all"), tmp_path, chosen={"only": ("figure-1",)})
    assert browser.faults(chromium, page) == []


def test_a_page_that_is_not_there_is_no_link() -> None:
    page = Page("t", "l")
    page.links([("a.html", "A page", ["remark"]), ("", "No page", [])])
    assert 'href="a.html"' in page.html()
    assert "<b>No page</b>" in page.html()
