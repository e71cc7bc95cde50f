"""The textbook forms of a firm's choice beside the hull: exact at every decision, valid and weaker in between."""

from __future__ import annotations

import itertools

import economies
import numpy as np
import pyomo.environ as pyo
import pytest
import scipy.sparse as sp

from endonet.formulations.conic import cone_program
from endonet.formulations.errors import InputError
from endonet.formulations.export import export
from endonet.formulations.planner.big_m import BIG_M
from endonet.formulations.planner.gdp import GDP, Gdp
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.problem import PlannerProblem

pytestmark = pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")

HULL = Gdp("hull")
CASES = pytest.mark.parametrize("case", economies.TINY)
FORMS = pytest.mark.parametrize("form", [BIG_M, GDP, HULL], ids=["big-m", "gdp.bigm", "gdp.hull"])


def relaxed(form, problem, folder, seconds=20):
    """The relaxation's best known point and a bound on it, as output, both by SCIP."""
    pyscipopt = pytest.importorskip("pyscipopt")
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.readProblem(str(export(form.build(problem, relaxed=True), folder / "model.nl")))
    scip.setParam("limits/time", seconds)
    scip.setParam("limits/gap", 1e-5)
    scip.optimize()
    return form.output(problem, scip.getPrimalbound()), form.output(problem, scip.getDualbound())


@CASES
@FORMS
def test_what_follows_from_a_decision_satisfies_every_row(form, case):
    problem = economies.TINY[case]()
    model = form.build(problem)
    for theta in itertools.product((0, 1), repeat=problem.n):
        outcome = problem.evaluate(theta)
        form.assign(model, outcome)
        rows = model.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        worst = min(min(row.lslack(), row.uslack()) for row in rows)
        assert (worst >= -1e-7) == outcome.feasible, (theta, worst)
        assert form.output(problem, pyo.value(model.objective)) == pytest.approx(outcome.value, rel=1e-9, abs=1e-12)
        assert tuple(form.extract(model)) == theta


@CASES
@FORMS
def test_no_decision_is_worth_more_in_the_model_than_to_the_evaluator(form, case, tmp_path):
    """With θ fixed at a decision, the model's optimum is the evaluator's value."""
    pyscipopt = pytest.importorskip("pyscipopt")
    problem = economies.TINY[case]()
    draw = np.random.default_rng(4)
    drawn = (problem.evaluate(draw.integers(0, 2, problem.n)) for _ in range(100))
    outcome = next(outcome for outcome in drawn if outcome.feasible and outcome.value > 0)
    theta = outcome.theta
    model = form.build(problem)
    for j in model.theta:
        model.theta[j].fix(int(theta[j]))
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.readProblem(str(export(model, tmp_path / "fixed.nl")))
    scip.setParam("limits/time", 10)
    scip.optimize()
    assert form.output(problem, scip.getDualbound()) == pytest.approx(outcome.value, rel=1e-3, abs=1e-6)


@CASES
def test_the_relaxations_bound_the_optimum_in_order_of_strength(case, tmp_path):
    problem = economies.TINY[case]()
    best = economies.best_by_trying_all(problem)
    hull, big_m, automatic = (relaxed(form, problem, tmp_path)[1] for form in (LIFTED, BIG_M, GDP))
    slack = 1e-4 * best
    assert best <= hull + slack
    assert hull <= big_m + slack
    assert big_m <= automatic + slack


def test_the_automatic_hull_is_as_strong_as_the_one_by_hand(tmp_path):
    """SCIP does not see that the perspectives are convex, so that it may not close the gap in time."""
    problem = economies.TINY["costly"]()
    hull, (point, bound) = relaxed(LIFTED, problem, tmp_path)[1], relaxed(HULL, problem, tmp_path, seconds=4)
    assert point == pytest.approx(hull, rel=1e-3)
    assert bound >= hull * (1 - 1e-4)
    assert relaxed(BIG_M, problem, tmp_path)[1] > 1.05 * hull


@pytest.mark.parametrize("case", ["costly", "sigma above epsilon", "sigma below epsilon"])
def test_the_cone_program_is_the_same_relaxation(case, tmp_path):
    problem = economies.TINY[case]()
    model = BIG_M.build(problem, "cvxpy", relaxed=True)
    model.solve(solver="CLARABEL")
    assert BIG_M.output(problem, model.value) == pytest.approx(relaxed(BIG_M, problem, tmp_path)[1], rel=1e-3)
    assert {cone.kind for cone in cone_program(model).cones} == {"zero", "nonnegative", "power"}


@CASES
def test_firms_that_cannot_produce_stand_aside(case):
    problem = economies.TINY[case]()
    lonely = PlannerProblem(
        sp.block_diag([problem.Omega, [[0.0]]]).tocsc(),
        np.append(problem.z, 1.0),
        f=np.append(problem.f, 0.01),
        alpha=0.5,
        sigma=problem.sigma,
        epsilon=problem.epsilon,
    )
    for form in (BIG_M, GDP, HULL):
        model = form.build(lonely)
        assert problem.n not in model.makers
        assert problem.n in model.theta
    model = BIG_M.build(lonely, "cvxpy", relaxed=True)
    model.solve(solver="CLARABEL")
    assert model.status == "optimal"


def test_a_transformation_that_does_not_exist():
    with pytest.raises(InputError, match="use bigm or hull"):
        Gdp("cuttingplane")
