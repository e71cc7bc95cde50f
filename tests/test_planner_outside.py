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
from endonet.formulations.errors import InputError
from endonet.formulations.planner.lifted import LIFTED
from endonet.solvers.planner import outside
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
