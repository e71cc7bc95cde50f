"""Solvers with trial licences: models in their own objects, refusals in words, and settings that make them right."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from economies import best_by_trying_all, economy

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.big_m import BIG_M
from endonet.formulations.planner.lifted import LIFTED, Lifted
from endonet.formulations.planner.reduced import REDUCED
from endonet.formulations.planner.second_order import SECOND_ORDER
from endonet.reports import soak_economies
from endonet.solvers.planner import licence, native, outside
from endonet.solvers.solution import Status, StoppedBy

FORMS = [LIFTED, Lifted(increasing="curve"), REDUCED, BIG_M, SECOND_ORDER]
PACKAGES = {"gurobi": "gurobipy", "xpress": "xpress"}
every_solver = pytest.mark.parametrize("name", PACKAGES)


def ready(name: str) -> None:
    pytest.importorskip(PACKAGES[name])


class TestTranslation:
    @pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.name}-{form.math_class.value}")
    @pytest.mark.parametrize(("sigma", "epsilon"), [(5.0, 5.0), (8.0, 4.0), (4.0, 6.0)])
    def test_rows_and_objective_mean_the_same_in_other_objects(self, form: Any, sigma: float, epsilon: float) -> None:
        # numbers overload arithmetic too: a model "translated" into floats must give what Pyomo itself computes
        problem = economy(5, sigma=sigma, epsilon=epsilon)
        model = form.build(problem)
        random = np.random.default_rng(1)
        known = {}
        for variable in native.variables(model):
            variable.set_value(float(random.uniform(0.1, 0.9)), skip_validation=True)
            known[id(variable)] = variable.value
        theirs = list(native.rows(model))
        ours = list(model.component_data_objects(pyo.Constraint, active=True))
        assert native.size(model) == (len(known), len(ours))
        for row, pyomo_row in zip(theirs, ours, strict=True):
            body = sum(c * known[id(v)] for c, v in row.linear)
            body += 0.0 if row.rest is None else native.translated(row.rest, known)
            slacks = [abs(body - side) for side, _ in row.sides()]
            expected = [abs(pyomo_row.lslack()), abs(pyomo_row.uslack())]
            assert min(slacks) == pytest.approx(min(e for e in expected if np.isfinite(e)), abs=1e-12)
            met = all(holds(body, side) for side, holds in row.sides())
            assert met == (pyomo_row.lslack() >= 0 and pyomo_row.uslack() >= 0)
        assert native.translated(native.objective(model), known) == pytest.approx(pyo.value(model.objective))

    def test_bounds(self) -> None:
        model = pyo.ConcreteModel()
        model.x = pyo.Var(bounds=(None, 3))
        assert native.bounds(model.x, 1e20) == (-1e20, 3.0)


class TestLicences:
    def test_a_refusal_says_what_is_allowed_what_there_is_and_what_to_do(self) -> None:
        task = outside.Task(economy(1), LIFTED, {}, None, None, 0.0, False)
        said = str(licence.too_large("gurobi", task, "2 variables", 26, 33, "use certified"))
        assert (
            "allows 2 variables; planner/lifted has 26 variables and 33 rows for these 6 firms; use certified" in said
        )
        missing = str(licence.missing("gurobi", "No licence found.\nSee …", "get one"))
        assert missing == "solver 'gurobi' cannot run here: it found no valid licence (No licence found); get one"

    @every_solver
    def test_a_model_that_is_too_large_is_refused_in_a_line(self, name: str, capfd: Any) -> None:
        ready(name)
        problem = en.load("planner/us-71")
        with pytest.raises(NotApplicableError) as refusal:
            en.solve(problem, name, "lifted")
        said = str(refusal.value)
        assert "licence allows" in said
        assert "planner/lifted has 286 variables and 357 rows for these 71 firms; use" in said
        assert "\n" not in said
        assert capfd.readouterr().out == ""
        assert en.solve(economy(1), name).status is Status.OPTIMAL  # the process that refused goes on


class TestAnswers:
    @every_solver
    @pytest.mark.parametrize("seed", range(3))
    def test_the_default_settings_are_right_where_the_solvers_own_are_not(self, name: str, seed: int) -> None:
        ready(name)
        kind = en.solver("planner", name)
        problem = economy(30 + seed, sigma=4.0, epsilon=6.0, f=0.1)
        best = best_by_trying_all(problem)
        for form in kind.formulations:
            solution = en.solve(problem, name, form, seed=seed)
            assert not solution.contradicted
            assert solution.status is Status.OPTIMAL
            assert solution.value == pytest.approx(best, rel=1e-12)
            assert best <= solution.bound <= best * (1 + 2e-6)

    def test_gurobi_without_the_cut_finds_what_is_feasible(self) -> None:
        ready("gurobi")
        for (seed, number), form in itertools.product([(1, 8), (4, 13)], ["big-m", "lifted"]):
            problem = soak_economies.draw(seed, number)[1]
            solution = en.solve(problem, "gurobi", form, cut=False)
            assert not solution.contradicted
            assert solution.value == pytest.approx(best_by_trying_all(problem), rel=1e-9)

    @every_solver
    def test_a_start_and_a_limit_are_heeded(self, name: str) -> None:
        ready(name)
        problem = economy(7, n=15, f=0.05)
        known = en.solve(problem)
        solution = en.solve(problem, name, "big-m", initial=known.decision, time_limit=0.05, threads=1)
        assert solution.value == pytest.approx(known.value, rel=1e-9)
        assert solution.bound >= known.value
        assert solution.stopped_by in (StoppedBy.TIME_LIMIT, StoppedBy.FINISHED)

    @every_solver
    def test_decisions_are_told_on_the_way(self, name: str) -> None:
        ready(name)
        problem = economy(3, f=0.08)
        solver = en.solver("planner", name)
        heard: list[outside.Answer] = []
        task = outside.Task(problem, LIFTED, solver.told(), None, None, 0.0, False)
        answer = outside.WORKER.ask(solver.attack, task, heard=heard.append)
        told = [news for news in heard if news.theta is not None]
        assert told
        best = problem.evaluate(answer.theta).value
        assert max(problem.evaluate(news.theta).value for news in told) == pytest.approx(best, rel=1e-12)
        assert all(news.dual >= answer.objective * (1 - 1e-6) for news in heard if news.dual is not None)

    @pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
    @pytest.mark.parametrize("name", [*PACKAGES, "mixed-integer-conic"])
    def test_ctrl_c_keeps_what_was_told(self, name: str) -> None:
        pytest.importorskip(PACKAGES.get(name, "pyscipopt"))
        random = np.random.default_rng(5)
        links = (random.random((20, 20)) < 0.5).astype(float)  # nearly alike, so that the search takes long
        problem = en.PlannerProblem(links, np.exp(0.02 * random.standard_normal(20)), f=0.9 / 20)
        solver = en.solver("planner", name, threads=1)
        solver.prepare()
        timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        finding = solver.run(problem, solver.formulations[0])
        timer.cancel()
        assert finding.stopped_by is StoppedBy.INTERRUPTED
        assert "process was ended" in " ".join(finding.notes)
        known = outside.known_decision(problem)
        assert known is not None
        assert finding.bound >= problem.evaluate(known).value
        assert finding.decision is None or problem.evaluate(finding.decision).feasible

    @pytest.mark.parametrize(
        ("name", "option"),
        [("gurobi", {"seed": -1}), ("xpress", {"seed": 2**31}), ("xpress", {"heuristics": 9})],
    )
    def test_options_outside_their_domain(self, name: str, option: dict[str, Any]) -> None:
        with pytest.raises(InputError, match=next(iter(option))):
            en.solver("planner", name, **option)
