"""The process that outside solvers run in, and what is made of their answers."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from economies import best_by_trying_all, economy

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.rows import LinearRow
from endonet.reports import soak_economies
from endonet.solvers.planner import enumeration, outside
from endonet.solvers.solution import Status, StoppedBy
from endonet.solvers.worker import Worker, WorkerError


class TestWorker:
    def test_it_answers_survives_errors_and_starts_again(self) -> None:
        worker = Worker()
        try:
            assert worker.ask("math:sqrt", 4.0) == 2.0
            with pytest.raises(WorkerError, match="math domain error"):
                worker.ask("math:sqrt", -1.0)
            with pytest.raises(WorkerError, match="exit status 3"):
                worker.ask("os:_exit", 3)
            with pytest.raises(TimeoutError):
                worker.ask("time:sleep", 30, seconds=0.3)
            assert worker.ask("math:sqrt", 9.0) == 3.0
        finally:
            worker.end()

    def test_what_is_told_on_the_way_survives_the_end_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = os.path.dirname(os.path.abspath(__file__))
        monkeypatch.setattr(sys, "path", [folder, *sys.path])
        worker, heard = Worker(), []
        try:
            assert worker.ask("telling:telling", 0.0, heard=heard.append) == "done"
            assert heard == [1, 2]
            with pytest.raises(TimeoutError):
                worker.ask("telling:telling", 60.0, seconds=5.0, heard=heard.append)
            assert heard == [1, 2, 1, 2]
        finally:
            worker.end()

    def test_a_refusal_comes_back_as_it_was_raised(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "path", [os.path.dirname(os.path.abspath(__file__)), *sys.path])
        worker = Worker()
        try:
            with pytest.raises(NotApplicableError, match="the economy is too large"):
                worker.ask("telling:refusing", "the economy")
            assert worker.ask("math:sqrt", 9.0) == 3.0
        finally:
            worker.end()

    def test_it_prints_nothing_and_works_elsewhere(self, capfd: Any) -> None:
        worker = Worker()
        try:
            worker.ask("builtins:print", "chatter")
            assert worker.ask("os:getcwd") != os.getcwd()
        finally:
            worker.end()
        assert capfd.readouterr() == ("", "")

    @pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
    def test_ctrl_c_ends_what_does_not_listen(self) -> None:
        worker = Worker()
        worker.ask("math:sqrt", 4.0)
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        begun = time.perf_counter()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            worker.ask("time:sleep", 60)
        assert time.perf_counter() - begun < 30
        worker.end()


def judged(problem: Any, **answer: Any) -> Any:
    given = outside.Answer("its word", answer.pop("stopped_by", StoppedBy.FINISHED), **answer)
    return outside.judge("Solver", problem, LIFTED, given, 1e-8, [])


class TestJudgement:
    def test_infeasible_is_not_believed_where_a_decision_exists(self) -> None:
        problem = economy(1)
        finding = judged(problem, infeasible=True)
        assert (finding.claim, finding.stopped_by) == (Status.NO_SOLUTION, StoppedBy.ERROR)
        assert problem.evaluate(finding.decision).feasible
        assert finding.statistics["claims_infeasible"]

    def test_no_bound_means_the_ceiling(self) -> None:
        problem = economy(1)
        assert judged(problem, theta=np.ones(6, np.int8)).bound == pytest.approx(problem.evaluate([1] * 6).Q)

    def test_a_bound_below_what_the_heuristic_finds_is_refuted(self) -> None:
        problem = economy(1)
        solution = en.solve(problem, "certified")
        assert outside.refuted(problem, solution) is solution
        low = dataclasses.replace(solution, bound=solution.bound * 0.5, value=None)
        refuted = outside.refuted(problem, low)
        assert "a decision of the heuristic is worth" in refuted.contradicted
        assert refuted.status is not Status.OPTIMAL

    def test_a_point_where_a_solver_was_stopped_is_no_decision_unless_feasible(self) -> None:
        problem = dataclasses.replace(economy(6), constraints=(LinearRow([0], [1.0], "==", 1.0),))
        stopped = outside.Answer("limit", StoppedBy.TIME_LIMIT, np.zeros(6, np.int8), 0.5)
        finding = outside.judge("X", problem, LIFTED, stopped, 1e-8, [])
        assert finding.decision is None
        assert finding.claim is Status.NO_SOLUTION
        finished = dataclasses.replace(stopped, stopped_by=StoppedBy.FINISHED)
        assert (
            outside.judge("X", problem, LIFTED, finished, 1e-8, []).decision is not None
        )  # a claim to be contradicted

    def test_a_value_below_the_decisions_own_is_false_only_of_an_optimum(self) -> None:
        problem = economy(6)
        best = outside.known_decision(problem)
        stopped = outside.Answer("limit", StoppedBy.TIME_LIMIT, best, 1e-3)
        assert outside.judge("X", problem, LIFTED, stopped, 1e-8, []).claimed_value is None
        finished = dataclasses.replace(stopped, stopped_by=StoppedBy.FINISHED)
        assert outside.judge("X", problem, LIFTED, finished, 1e-8, []).claimed_value is not None

    def test_a_decision_is_known_where_all_firms_together_cannot_operate(self) -> None:
        problem = soak_economies.draw(0, 0)[1]
        known = outside.known_decision(problem)
        assert known is not None
        assert problem.evaluate(known).value == pytest.approx(best_by_trying_all(problem), rel=1e-12)

    def test_the_best_of_what_was_told_is_kept(self) -> None:
        worse = outside.Answer("", StoppedBy.TIME_LIMIT, np.zeros(2, np.int8), 0.2, dual=0.5)
        more = outside.Answer("", StoppedBy.TIME_LIMIT, np.ones(2, np.int8), 0.3)
        kept = outside.better(outside.better(worse, more), outside.Answer("", StoppedBy.TIME_LIMIT, dual=0.4))
        assert kept.theta is more.theta
        assert kept.dual == 0.4
        assert outside.remains(kept).endswith("decision and bound")

    def test_the_cut_keeps_the_optimum(self) -> None:
        problem = economy(3, f=0.08)
        best = best_by_trying_all(problem)
        model = LIFTED.build(problem)
        outside.cut_off(model, problem, best)
        theta = en.solve(problem).decision
        LIFTED.assign(model, problem.evaluate(theta))
        assert 0 < model.T.lb <= model.T.value


def test_ipopt_with_fixed_decisions_agrees_with_the_evaluator() -> None:
    pytest.importorskip("casadi")
    problem = economy(1)
    solution = en.solve(problem, "ipopt", "lifted", decisions="fixed", initial=[1] * 6)
    assert solution.status is Status.STATIONARY
    assert not solution.contradicted
    with pytest.raises(InputError, match="no decision to fix"):
        en.solve(problem, "ipopt", decisions="fixed")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("conic", {"backend": "mosek"}),
        ("bonmin", {"algorithm": "B-XX"}),
        ("mindtpy", {"zero_tolerance": 2.0}),
        ("ipopt", {"decisions": "some"}),
        ("ipopt", {"max_iterations": 0}),
        ("shot", {"feasibility": 1.0}),
    ],
)
def test_options_outside_their_domain(name: str, option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(option))):
        en.solve(economy(1), name, **option)


@pytest.mark.parametrize(("seed", "number"), [(0, 9), (0, 15), (0, 26), (1, 8)])
def test_scip_takes_outputs_beyond_its_infinity_in_shares(seed: int, number: int) -> None:
    pytest.importorskip("pyscipopt")
    problem = soak_economies.draw(seed, number)[1]
    solution = en.solve(problem, "scip", "reduced", time_limit=2.0, threads=1)
    assert not solution.contradicted
    assert solution.bound is not None
    assert solution.bound >= best_by_trying_all(problem) * (1 - 1e-6)


def test_ctrl_c_while_the_search_is_built_keeps_an_incumbent(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = economy(6)
    built = enumeration.Search.__init__

    def interrupted(self: Any, *given: Any, **named: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        built(self, *given, **named)

    solver = en.solver("planner", "enumeration", threads=1)
    solver.prepare()
    monkeypatch.setattr(enumeration.Search, "__init__", interrupted)
    finding = solver.run(problem, None)
    assert finding.stopped_by is StoppedBy.INTERRUPTED
    assert finding.decision is not None
    assert finding.bound >= best_by_trying_all(problem) * (1 - 1e-12)
