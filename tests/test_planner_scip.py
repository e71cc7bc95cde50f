"""SCIP on the planner's problem against trying every decision, and what it says when it is stopped or finds nothing."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.solvers.planner import outside
from endonet.solvers.solution import Status, StoppedBy
from endonet.solvers.worker import WORKER

pytest.importorskip("pyscipopt")
from endonet.solvers.planner.scip import Scip

pytestmark = pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")

ELASTICITIES = [(5.0, 5.0), (4.0, 6.0), (8.0, 4.0), (8.0, 3.0), (1.7, 2.3)]


def economy(n, seed, sigma=5.0, epsilon=5.0, fixed=0.3, constraints=(), spread=0.39, degree=4):
    random = np.random.default_rng(seed)
    Omega = (random.random((n, n)) < degree / n) * random.uniform(0.5, 1.5, (n, n))
    Omega[random.integers(0, n, n), np.arange(n)] = 1.0
    return PlannerProblem(
        Omega,
        z=np.exp(spread * random.standard_normal(n)),
        L=1.5,
        f=fixed / n * random.uniform(0.5, 1.5, n),
        alpha=random.uniform(0.3, 0.7, n),
        sigma=sigma,
        epsilon=epsilon,
        constraints=constraints,
    )


def best_by_trying_all(problem):
    outcomes = [problem.evaluate(theta) for theta in itertools.product([0, 1], repeat=problem.n)]
    return max(outcome.value for outcome in outcomes if outcome.feasible)


ROWS = {
    "none": lambda n: (),
    "budget": lambda n: (LinearRow(range(n), np.ones(n), "<=", 3),),
    "exclusion and bail-out": lambda n: (LinearRow([0, 1], [1, 1], "<=", 1), LinearRow([2], [1], "==", 1)),
}


PROVING = ("lifted", "reduced")  # the other forms are there to be compared, and may not finish
WEAKER = tuple(name for name in Scip.formulations if name not in PROVING)

LARGE = {
    "Omega": [[0.0, 1, 1], [1, 0, 1], [1, 1, 0]],
    "z": [900, 1000.0, 1100],
    "f": 0.1,
    "sigma": 9,
    "epsilon": 6,
}


class TestOptimum:
    @pytest.mark.parametrize("formulation", PROVING)
    @pytest.mark.parametrize("rows", ROWS)
    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_it_is_the_best_of_all_decisions(self, formulation, rows, sigma, epsilon):
        problem = economy(6, 11, sigma, epsilon, fixed=0.9, constraints=ROWS[rows](6))
        best = best_by_trying_all(problem)
        solution = en.solve(problem, "scip", formulation, time_limit=30)
        assert not solution.contradicted
        assert solution.value == pytest.approx(best, rel=1e-12)
        assert solution.bound >= best
        assert solution.rel_gap <= 1e-4  # with a budget far below the ceiling the tolerances cost some of the proof
        if rows == "none":
            assert solution.status is Status.OPTIMAL
        assert solution.stopped_by is StoppedBy.FINISHED
        assert solution.formulation == f"planner/{formulation}"

    @settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.integers(2, 6), st.integers(0, 2**32 - 1), st.sampled_from(ELASTICITIES), st.sampled_from([0.2, 1.0, 1.9])
    )
    def test_no_claim_is_wrong_in_random_economies(self, n, seed, elasticities, fixed):
        problem = economy(n, seed, *elasticities, fixed=fixed, degree=2)
        best = best_by_trying_all(problem)
        for formulation in PROVING:
            solution = en.solve(problem, "scip", formulation, time_limit=20)
            assert not solution.contradicted
            assert solution.bound >= best * (1 - 1e-9)
            if solution.status is Status.OPTIMAL:
                assert solution.value == pytest.approx(best, rel=2e-6, abs=1e-12)

    @pytest.mark.parametrize("formulation", WEAKER)
    @pytest.mark.parametrize("rows", ROWS)
    def test_the_other_forms_enclose_the_best_of_all_decisions(self, formulation, rows):
        problem = economy(4, 11, 4.0, 4.0, fixed=0.9, constraints=ROWS[rows](4))
        best = best_by_trying_all(problem)
        solution = en.solve(problem, "scip", formulation, time_limit=2)
        assert not solution.contradicted
        assert solution.bound >= best * (1 - 1e-9)
        assert solution.value is None or solution.value <= best * (1 + 1e-12)
        if solution.status is Status.OPTIMAL:
            assert solution.value == pytest.approx(best, rel=2e-6)

    @pytest.mark.slow
    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_it_agrees_with_the_certified_solver_on_thirty_firms(self, sigma, epsilon):
        problem = economy(30, 3, sigma, epsilon)
        ours = en.solve(problem, "certified", rel_gap=1e-7, time_limit=300)
        theirs = en.solve(problem, "scip", time_limit=300)
        assert theirs.value == pytest.approx(ours.value, rel=2e-6)
        assert theirs.bound >= ours.value * (1 - 1e-9)

    def test_the_same_seed_gives_the_same_answer(self):
        problem = economy(12, 4, fixed=0.9)
        one, other = (en.solve(problem, "scip", seed=3) for _ in range(2))
        assert (one.value, one.bound, one.statistics["nodes"]) == (other.value, other.bound, other.statistics["nodes"])
        assert np.array_equal(one.decision, other.decision)

    @pytest.mark.parametrize("formulation", Scip.formulations)
    def test_an_economy_that_makes_nothing(self, formulation):
        problem = PlannerProblem([[0, 1], [0, 0]], [1.0, 1.0], f=0.1)
        solution = en.solve(problem, "scip", formulation)
        assert (solution.status, solution.value, solution.bound) == (Status.OPTIMAL, 0.0, 0.0)

    @pytest.mark.parametrize("formulation", PROVING)
    def test_large_productivities_stay_within_range(self, formulation):
        problem = PlannerProblem(**LARGE)
        solution = en.solve(problem, "scip", formulation)
        assert solution.status is Status.OPTIMAL
        assert solution.value == pytest.approx(best_by_trying_all(problem), rel=1e-12)

    @pytest.mark.parametrize("formulation", WEAKER)
    def test_the_other_forms_enclose_the_best_of_large_productivities(self, formulation):
        problem = PlannerProblem(**LARGE)
        best = best_by_trying_all(problem)
        solution = en.solve(problem, "scip", formulation, time_limit=2)
        assert not solution.contradicted
        assert (solution.value or 0.0) <= best * (1 + 1e-12) <= solution.bound * (1 + 1e-9)


class TestLimits:
    def test_time_limit_leaves_a_decision_and_a_bound(self):
        problem = economy(60, 5, 8.0, 4.0, fixed=0.9)
        solution = en.solve(problem, "scip", time_limit=0.7)
        assert solution.stopped_by is StoppedBy.TIME_LIMIT
        assert solution.raw_status == "timelimit"
        assert solution.wall_time < 3
        assert solution.bound >= (solution.value or 0.0)

    def test_node_limit(self):
        solution = en.solve(economy(12, 7, 8.0, 3.0, fixed=1.2), "scip", node_limit=1, time_limit=60)
        assert solution.stopped_by is StoppedBy.NODE_LIMIT
        assert solution.status in (Status.FEASIBLE, Status.NO_SOLUTION)

    def test_no_bound_exceeds_the_ceiling(self):
        problem = economy(60, 5, 8.0, 4.0, fixed=0.9)
        solution = en.solve(problem, "scip", time_limit=1e-3)
        outcome = problem.evaluate(np.ones(problem.n))
        assert solution.bound <= outcome.Q * problem.L

    @pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
    def test_an_interrupt_keeps_what_was_found(self, tmp_path):
        script = textwrap.dedent(
            """
            import os, signal, sys, threading
            sys.path.insert(0, sys.argv[1])
            from test_planner_scip import economy
            import endonet as en
            problem = economy(80, 5, 8.0, 3.0, fixed=1.2)
            en.solve(economy(3, 1), "scip")
            initial = [1] * problem.n
            if os.fork() == 0:
                import time
                time.sleep(0.7)
                os.kill(os.getppid(), signal.SIGINT)
                os._exit(0)
            solution = en.solve(problem, "scip", initial=initial, time_limit=60)
            print(solution.stopped_by.value, solution.wall_time < 30, 0 < solution.value <= solution.bound)
            """
        )
        answer = subprocess.run(
            [sys.executable, "-c", script, os.path.dirname(__file__)], capture_output=True, text=True, cwd=tmp_path
        )
        assert answer.stdout.splitlines()[-1] == "interrupted True True", answer.stderr
        assert list(tmp_path.iterdir()) == []

    def test_a_process_that_dies_leaves_what_it_told_of(self, monkeypatch):
        monkeypatch.setattr(sys, "path", [os.path.dirname(__file__), *sys.path])
        monkeypatch.setattr(Scip, "attack", "telling:dying")
        problem = economy(5, 2)
        WORKER.end()
        solution = en.solve(problem, "scip", "lifted")
        assert (solution.status, solution.stopped_by) == (Status.FEASIBLE, StoppedBy.ERROR)
        assert solution.decision.tolist() == [1] * problem.n
        assert solution.bound >= best_by_trying_all(problem)
        assert "died" in solution.raw_status
        assert any("is kept" in note for note in solution.notes)


class TestInfeasible:
    def conflict(self):
        # each pair excludes itself, one of each pair and two in total must operate: no θ, and no single row shows it
        rows = [LinearRow(pair, [1, 1], "<=", 1) for pair in [(0, 1), (1, 2), (0, 2)]]
        return economy(4, 1, constraints=[*rows, LinearRow([0, 1, 2], [1, 1, 1], ">=", 2)])

    @pytest.mark.parametrize("formulation", Scip.formulations)
    def test_contradictory_rows(self, formulation):
        solution = en.solve(self.conflict(), "scip", formulation)
        assert (solution.status, solution.stopped_by) == (Status.INFEASIBLE, StoppedBy.FINISHED)
        assert solution.decision is None

    def test_fixed_costs_beyond_labour(self):
        rows = [LinearRow([0, 1], [1, 1], ">=", 1), LinearRow([2, 3], [1, 1], ">=", 1)]
        problem = PlannerProblem(np.ones((4, 4)), np.ones(4), f=0.6, L=1.0, constraints=rows)
        assert en.solve(problem, "scip").status is Status.INFEASIBLE

    def test_infeasible_is_not_believed_where_a_decision_exists(self):
        problem = economy(4, 1)
        answer = outside.Answer("infeasible", StoppedBy.FINISHED, infeasible=True)
        finding = outside.judge("SCIP", problem, None, answer, 1e-9, [])
        assert finding.claim is not Status.INFEASIBLE
        assert finding.stopped_by is StoppedBy.ERROR
        assert "HiGHS refutes" in finding.notes[-1]
        assert problem.evaluate(finding.decision).feasible


class TestManners:
    def test_it_is_silent_and_writes_nothing(self, capfd, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        en.solve(economy(12, 3, 8.0, 4.0, fixed=0.6), "scip")
        assert capfd.readouterr() == ("", "")
        assert list(tmp_path.iterdir()) == []

    def test_the_log_goes_to_standard_error(self, capfd):
        WORKER.end()  # one that other tests have started writes where standard error went then
        en.solve(economy(4, 3), "scip", log=True)
        out, err = capfd.readouterr()
        assert out == ""
        assert "SCIP Status" in err

    def test_it_starts_from_a_decision(self):
        problem = economy(20, 5, 8.0, 4.0, fixed=0.9)
        start = np.ones(problem.n)
        solution = en.solve(problem, "scip", initial=start, node_limit=1)
        assert solution.value >= problem.evaluate(start).value

    def test_a_start_that_breaks_a_row_is_set_aside(self):
        problem = economy(5, 2, constraints=[LinearRow([0, 1], [1, 1], "<=", 1)])
        solution = en.solve(problem, "scip", initial=[1] * 5)
        assert any("initial was not used" in note for note in solution.notes)
        assert solution.status is Status.OPTIMAL
        with pytest.raises(InputError, match="theta"):
            en.solve(problem, "scip", initial=[1, 2])

    def test_its_bound_is_called_a_claim(self):
        solution = en.solve(economy(4, 1), "scip")
        assert any("not certified" in note for note in solution.notes)
        assert solution.certificate is None
        assert "pyscipopt" in solution.versions

    @pytest.mark.parametrize(
        ("options", "field"),
        [({"feasibility": 1e-12}, "feasibility"), ({"node_limit": 0}, "node_limit"), ({"seed": -1}, "seed")],
    )
    def test_options_outside_their_domain(self, options, field):
        with pytest.raises(InputError, match=field):
            Scip(**options)

    def test_a_formulation_it_does_not_take(self):
        with pytest.raises(InputError, match="reshaped"):
            en.solve(economy(4, 1), "scip", "reshaped")


class TestJudgement:
    """What the frame makes of SCIP's claims: tolerances pass, errors do not."""

    def judged(self, monkeypatch, factor_value=1.0, factor_bound=1.0):
        original = outside.judge

        def distorted(*arguments):
            found = original(*arguments)
            return replace(found, claimed_value=found.claimed_value * factor_value, bound=found.bound * factor_bound)

        monkeypatch.setattr(outside, "judge", distorted)
        return en.solve(economy(5, 2), "scip")

    def test_a_claim_within_tolerance_passes(self, monkeypatch):
        assert self.judged(monkeypatch, factor_value=1 + 5e-7).contradicted == ""

    def test_a_wrong_value_is_reported(self, monkeypatch):
        solution = self.judged(monkeypatch, factor_value=1 + 1e-5)
        assert "the solver claims the value" in solution.contradicted
        assert solution.status is not Status.OPTIMAL

    def test_a_wrong_bound_is_reported(self, monkeypatch):
        solution = self.judged(monkeypatch, factor_bound=1 - 1e-4)
        assert "its own decision is worth" in solution.contradicted
        assert solution.status is not Status.OPTIMAL
