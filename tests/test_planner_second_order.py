"""Towers of second-order cones, the formulation made of them, and the solvers that take it."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import cvxpy as cp
import numpy as np
import pyomo.environ as pyo
import pytest
from economies import best_by_trying_all, economy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.conic import cone_program
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.formulations.planner.second_order import MOST, SECOND_ORDER, V, X, Z, fraction, tower
from endonet.solvers.planner import outside
from endonet.solvers.solution import Status
from endonet.solvers.worker import WORKER

pytestmark = pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")

FRACTIONS = sorted({Fraction(p, q) for q in range(2, MOST + 1) for p in range(1, q)})
ELASTICITIES = [(5.0, 5.0), (4.0, 6.0), (6.0, 4.0), (8.0, 4.0), (7.0, 3.0), (3.0, 1.5)]  # α κ from 1/5 to 12/4
RANDOM = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def economies(draw: Any) -> PlannerProblem:
    """Random economies whose exponents are simple fractions: weights, self-links, firm-specific f and α, rows."""
    n = draw(st.integers(2, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sigma, epsilon = draw(st.sampled_from(ELASTICITIES))
    return PlannerProblem(
        Omega=(random.random((n, n)) < 0.6) * random.uniform(0.3, 2.0, (n, n)) + np.eye(n),
        z=np.exp(0.3 * random.standard_normal(n)),
        L=2.0,
        f=random.uniform(0.0, 0.3, n),
        alpha=random.choice([1 / 4, 1 / 3, 1 / 2, 3 / 4], n),
        sigma=sigma,
        epsilon=epsilon,
        constraints=[LinearRow(range(n), np.ones(n), "<=", n - 1)] if random.random() < 0.3 else [],
    )


def missed(model: pyo.ConcreteModel) -> float:
    """The largest violation of a row."""
    rows = model.component_data_objects(pyo.Constraint, active=True)
    return max(max(-row.lslack(), -row.uslack()) for row in rows)


class TestTowers:
    @pytest.mark.parametrize("power", FRACTIONS, ids=str)
    def test_the_last_cone_is_the_mean_exactly(self, power: Fraction) -> None:
        # exponents of x in x^e v^(1−e), exact: √(u w) has the mean of theirs, and z has the power itself
        exponent: dict[Any, Fraction] = {X: Fraction(1), V: Fraction(0), Z: power}
        *steps, (u, w, last) = tower(power)
        for first, second, s in steps:
            exponent[s] = (exponent[first] + exponent[second]) / 2
        assert last == Z
        assert (exponent[u] + exponent[w]) / 2 == power

    @pytest.mark.parametrize("power", [Fraction(1, 2), Fraction(1, 5), Fraction(7, 12), Fraction(31, 32)], ids=str)
    def test_more_than_the_mean_is_cut_off(self, power: Fraction) -> None:
        for x, v in itertools.product([0.01, 0.3, 1.0], repeat=2):
            for share, holds in ((1 - 1e-9, True), (1 + 1e-9, False)):
                value = {X: x, V: v, Z: share * x ** float(power) * v ** float(1 - power)}
                *steps, (u, w, _) = tower(power)
                for first, second, s in steps:
                    value[s] = math.sqrt(value[first] * value[second])  # the most that a step allows
                assert (value[Z] ** 2 <= value[u] * value[w]) == holds

    def test_their_sizes(self) -> None:
        sizes = {power: len(tower(power)) for power in FRACTIONS}
        assert max(sizes.values()) == 8
        assert (sizes[Fraction(1, 2)], sizes[Fraction(1, 4)], sizes[Fraction(1, 5)]) == (1, 2, 3)

    def test_doubles_that_are_fractions(self) -> None:
        assert fraction(1 / 3) == Fraction(1, 3)
        assert fraction(1 - 1 / 32) == Fraction(31, 32)
        for no in (1 / 33, 1 / 3 + 1e-9, 0.0, 1.0, math.pi / 4):
            assert fraction(no) is None


class TestFormulation:
    @RANDOM
    @given(economies(), st.data())
    def test_the_evaluators_quantities_satisfy_every_row_and_give_its_value(self, problem: Any, data: Any) -> None:
        theta = np.array(data.draw(st.lists(st.integers(0, 1), min_size=problem.n, max_size=problem.n)))
        outcome = problem.evaluate(theta)
        model = SECOND_ORDER.build(problem)
        SECOND_ORDER.assign(model, outcome)
        assert (missed(model) <= 1e-12) == outcome.feasible
        if outcome.feasible:
            value = SECOND_ORDER.output(problem, pyo.value(model.objective))
            assert value == pytest.approx(outcome.value, rel=1e-9, abs=1e-12)
            assert np.array_equal(SECOND_ORDER.extract(model), theta)

    @RANDOM
    @given(economies())
    def test_its_relaxation_is_the_hulls(self, problem: Any) -> None:
        bounds = []
        for form in (SECOND_ORDER, LIFTED):
            program = form.build(problem, "cvxpy", relaxed=True)
            assert program.is_dcp()
            try:
                program.solve(solver=cp.CLARABEL)
            except cp.SolverError:
                return  # an interior-point method may give up where rows leave no interior
            if program.status != cp.OPTIMAL:
                return
            bounds.append(program.value)
        assert bounds[0] == pytest.approx(bounds[1], rel=1e-4)

    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_cvxpy_finds_the_evaluators_value_with_every_firm_on(self, sigma: float, epsilon: float) -> None:
        problem = economy(7, n=5, sigma=sigma, epsilon=epsilon)
        program = SECOND_ORDER.build(problem, "cvxpy", relaxed=True)
        fixed = cp.Problem(program.objective, [*program.constraints, program.var_dict["theta"] == 1])
        fixed.solve(solver=cp.CLARABEL)
        value = problem.evaluate(np.ones(5)).value
        assert SECOND_ORDER.output(problem, fixed.value) == pytest.approx(value, rel=1e-5)

    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_it_is_made_of_second_order_cones_alone(self, sigma: float, epsilon: float) -> None:
        program = cone_program(SECOND_ORDER.build(economy(1, sigma=sigma, epsilon=epsilon), "cvxpy"))
        assert {cone.kind for cone in program.cones} == {"zero", "nonnegative", "second-order"}
        model = SECOND_ORDER.build(economy(1, sigma=sigma, epsilon=epsilon))
        rows = model.component_data_objects(pyo.Constraint, active=True)
        assert {row.body.polynomial_degree() for row in rows} == {1, 2}

    @pytest.mark.parametrize(
        ("parts", "named"),
        [
            ({"sigma": 4.37}, "1/σ"),
            ({"alpha": [0.5, 0.41234, 0.5]}, r"α\[1\]"),
            ({"alpha": 0.5, "sigma": 5, "epsilon": 42}, r"α\[0\] κ"),
            ({"alpha": 0.5, "sigma": 24, "epsilon": 23 / 4.7}, "1/κ"),
        ],
    )
    def test_exponents_that_are_no_simple_fractions_are_named(self, parts: dict[str, Any], named: str) -> None:
        problem = PlannerProblem(np.ones((3, 3)), z=np.ones(3), **{"f": 0.1, "sigma": 5, "epsilon": 5} | parts)
        for build in (SECOND_ORDER.build, lambda p: SECOND_ORDER.build(p, "cvxpy")):
            with pytest.raises(NotApplicableError, match=rf"{named} = .* up to 32.*use planner/lifted"):
                build(problem)


class TestSolvers:
    def test_the_formulations_refusal_is_the_solvers(self) -> None:
        pytest.importorskip("pyscipopt")
        with pytest.raises(NotApplicableError, match="planner/second-order cannot hold this problem: 1/σ"):
            en.solve(economy(1, sigma=4.37), "mixed-integer-conic")

    def test_power_cones_with_integers_are_for_ecos_alone(self) -> None:
        pytest.importorskip("pyscipopt")
        with pytest.raises(NotApplicableError, match="backend 'scip' does not take planner/lifted"):
            en.solve(economy(1), "mixed-integer-conic", "lifted", backend="scip")
        with pytest.raises(InputError, match="backend: 'mosek' is unknown"):
            en.solver("planner", "mixed-integer-conic", backend="mosek")

    def test_increasing_returns_are_refused_where_they_are_not_resolved(self) -> None:
        problem = economy(3, sigma=8.0, epsilon=4.0, f=0.08)
        for backend in (None, "scip", "ecos"):
            solver = en.solver("planner", "mixed-integer-conic", backend=backend)
            assert "use certified, or a backend that can: gurobi" in solver.refuses(problem)
        assert not en.solver("planner", "mixed-integer-conic", backend="copt").refuses(problem)

    @pytest.mark.parametrize("seed", range(3))
    def test_scip_branches_over_cones_to_the_optimum(self, seed: int) -> None:
        pytest.importorskip("pyscipopt")
        problem = economy(20 + seed, sigma=4.0, epsilon=7.0, f=0.1)
        solution = en.solve(problem, "mixed-integer-conic")
        assert solution.status is Status.OPTIMAL
        assert solution.value == pytest.approx(best_by_trying_all(problem), rel=1e-12)
        assert solution.bound >= solution.value

    def test_ecos_takes_any_exponent_and_makes_no_bound_up(self) -> None:
        pytest.importorskip("pyscipopt")
        pytest.importorskip("ecos")
        problem = economy(1, sigma=4.37, epsilon=5.11, f=0.1)
        best = best_by_trying_all(problem)
        solution = en.solve(problem, "mixed-integer-conic", "lifted")
        assert solution.status is Status.OPTIMAL
        assert solution.value == pytest.approx(best, rel=1e-12)
        assert best <= solution.bound <= best * (1 + 1e-6)
        stopped = en.solve(en.load("planner/us-71"), "mixed-integer-conic", "lifted", time_limit=0.05)
        assert stopped.bound is None or stopped.bound >= 0.8508855

    def test_what_scip_found_survives_the_end_of_its_process(self) -> None:
        pytest.importorskip("pyscipopt")
        problem = economy(20, sigma=4.0, epsilon=7.0, f=0.1)
        heard: list[outside.Answer] = []
        solver = en.solver("planner", "mixed-integer-conic", backend="scip")
        task = outside.Task(problem, SECOND_ORDER, solver.told(), None, None, 0.0, False)
        answer = WORKER.ask("endonet.solvers.planner.mixed_integer_conic:attack", task, heard=heard.append)
        told = [news for news in heard if news.theta is not None]  # others tell of a bound alone
        assert told
        assert all(problem.evaluate(news.theta).feasible for news in told)
        assert max(news.objective for news in told) == pytest.approx(answer.objective, rel=1e-6)
