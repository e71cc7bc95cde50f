"""The planner's formulations against what is known otherwise: the evaluator, closed forms, convexity, brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endonet.formulations.contracts import MathClass, Modeller
from endonet.formulations.errors import InputError
from endonet.formulations.planner.lifted import LIFTED, Lifted
from endonet.formulations.planner.primal import PRIMAL
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.reduced import REDUCED
from endonet.formulations.planner.reshaped import RESHAPED, Reshaped, reshaped_objective, reshaped_point
from endonet.formulations.planner.rows import LinearRow

pytestmark = pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")

CURVED = Lifted(increasing="curve")
ALL = [PRIMAL, REDUCED, LIFTED, CURVED, RESHAPED]
CONVEX = [PRIMAL, LIFTED]
ELASTICITIES = [(5.0, 5.0), (4.0, 6.0), (6.0, 4.0), (8.0, 4.0), (8.0, 3.0), (1.7, 2.3)]
RANDOM = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def economies(draw, most=6, rows=True):
    """Random economies: weights, self-links, firms without suppliers, firm-specific f and α, rows on θ."""
    n = draw(st.integers(2, most))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sigma, epsilon = draw(st.sampled_from(ELASTICITIES))
    Omega = (random.random((n, n)) < draw(st.sampled_from([0.3, 0.6, 1.0]))) * random.uniform(0.3, 2.0, (n, n))
    chosen = draw(st.sampled_from(["none", "budget", "exclusion", "bail-out"])) if rows else "none"
    constraints = {
        "none": [],
        "budget": [LinearRow(range(n), np.ones(n), "<=", n // 2)],
        "exclusion": [LinearRow([0, 1], [1, 1], "<=", 1)],
        "bail-out": [LinearRow([0], [1], "==", 1), LinearRow([0, n - 1], [1, -1], ">=", 0)],
    }[chosen]
    return PlannerProblem(
        Omega=Omega,
        z=np.exp(0.3 * random.standard_normal(n)),
        A=random.uniform(0.7, 1.4),
        L=2.0,
        f=random.uniform(0.0, 0.5, n),
        alpha=random.uniform(0.2, 0.8, n),
        sigma=sigma,
        epsilon=epsilon,
        constraints=constraints,
    )


def choices(problem):
    return [np.array(theta, np.int8) for theta in itertools.product([0, 1], repeat=problem.n)]


def best_value(problem):
    outcomes = [problem.evaluate(theta) for theta in choices(problem)]
    return max((outcome.value for outcome in outcomes if outcome.feasible), default=None)


def worst_violation(model):
    """The largest violation of a row or bound, relative to the largest number in the model."""
    variables = list(model.component_data_objects(pyo.Var, active=True))
    size = max(1.0, max(abs(v.value) for v in variables))
    missed = [0.0]
    for row in model.component_data_objects(pyo.Constraint, active=True):
        missed += [-row.lslack(), -row.uslack()]
    for v in variables:
        missed += [(v.lb if v.lb is not None else -np.inf) - v.value, v.value - (v.ub if v.ub is not None else np.inf)]
    return max(missed) / size


def highest(problem):
    """Every firm on that propagating the rows does not exclude."""
    lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    problem.rows.propagate(lower, upper)
    return upper


def divided(part, whole):
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def fill(program, values):
    """Give a CVXPY program these values, and its remaining variables the largest that their cones allow."""
    for name, variable in program.var_dict.items():
        if name in values:
            variable.save_value(np.asarray(values[name], dtype=float))
    for constraint in program.constraints:
        if isinstance(constraint, cp.PowCone3D) and constraint.args[2].value is None:
            x, y, z = constraint.args
            z.save_value(x.value**constraint.alpha.value * y.value ** (1 - constraint.alpha.value))


def missed(constraint):
    """By how much a CVXPY constraint is violated."""
    if isinstance(constraint, cp.PowCone3D):
        x, y, z = (np.atleast_1d(part.value) for part in constraint.args)
        alpha = np.atleast_1d(constraint.alpha.value)
        return np.max(np.abs(z) - x**alpha * y ** (1 - alpha), initial=0)
    return np.max(constraint.violation(), initial=0)


class TestAtADecision:
    @RANDOM
    @given(economies(), st.data())
    def test_the_evaluators_quantities_satisfy_every_row_and_give_its_value(self, problem, data):
        theta = np.array(data.draw(st.lists(st.integers(0, 1), min_size=problem.n, max_size=problem.n)))
        outcome = problem.evaluate(theta)
        if not outcome.feasible:
            return
        for form in ALL:
            model = form.build(problem)
            form.assign(model, outcome)
            assert worst_violation(model) <= 1e-9, form
            assert form.output(problem, pyo.value(model.objective)) == pytest.approx(outcome.value, rel=1e-9, abs=1e-12)
            assert np.array_equal(form.extract(model), theta)

    @RANDOM
    @given(economies())
    def test_rows_reject_what_the_evaluator_rejects(self, problem):
        form = LIFTED
        model = form.build(problem)
        for theta in choices(problem):
            outcome = problem.evaluate(theta)
            form.assign(model, outcome)
            assert (worst_violation(model) <= 1e-9) == outcome.feasible

    @RANDOM
    @given(economies(rows=False))
    def test_a_thousandth_more_of_everything_is_infeasible(self, problem):
        outcome = problem.evaluate(np.ones(problem.n))
        makers = np.flatnonzero(outcome.producing)
        if makers.size == 0 or outcome.labour_left <= 0:
            return
        for form, quantities, row in [
            (PRIMAL, "c x", "constraint_goods"),
            (REDUCED, "q Q", "constraint_productivity"),
            (LIFTED, "a b y T", "constraint_supply"),
            (RESHAPED, "q s y Q", "constraint_supply"),
        ]:
            model = form.build(problem)
            form.assign(model, outcome)
            for name in quantities.split():
                for v in getattr(model, name).values():
                    v.set_value(1.001 * v.value, skip_validation=True)
            for j in makers:
                constraint = getattr(model, row)[int(j)]
                missed = max(-constraint.uslack(), -constraint.lslack())
                made = outcome.y[j] if form is PRIMAL else 1.0
                assert missed > 0.0009 * (1 - problem.alpha[j]) * made

    @RANDOM
    @given(economies(), st.data())
    def test_the_evaluators_quantities_lie_on_cvxpys_cones(self, problem, data):
        theta = np.array(data.draw(st.lists(st.integers(0, 1), min_size=problem.n, max_size=problem.n)))
        outcome = problem.evaluate(theta)
        most = problem.evaluate(highest(problem))
        if not outcome.feasible:
            return
        share = np.where(most.inputs > 0, outcome.inputs / np.where(most.inputs > 0, most.inputs, 1), 0) * (most.q > 0)
        tangible = (most.q > 0) & (problem.alpha * problem.kappa > 1)
        ceiling = most.Q if most.Q > 0 else 1.0
        lifted = {
            "theta": theta,
            "a": divided(outcome.a, most.a),
            "b": divided(outcome.b, most.b),
            "y": share,
            "T": (outcome.Q / ceiling) ** (problem.sigma - 1),
            "M": problem.f @ theta / problem.L,
            "W": (outcome.value / (ceiling * problem.L)) ** (1 - 1 / problem.sigma),
            "t": share[tangible] ** problem.kappa,
        }
        rho = 1 - 1 / problem.epsilon
        parts = problem.Omega.data ** (1 / problem.epsilon) * outcome.x.data**rho
        bundle = np.bincount(outcome.x.tocoo().col, parts, problem.n) ** (1 / rho)
        primal = {"theta": theta, "c": outcome.c, "l": outcome.l, "x": outcome.x.data, "X": bundle, "Y": outcome.value}
        for form, values in [(LIFTED, lifted), (PRIMAL, primal)]:
            program = form.build(problem, "cvxpy", relaxed=True)
            fill(program, values)
            size = max(1.0, max(np.abs(v.value).max(initial=0) for v in program.variables()))
            for constraint in program.constraints:
                assert missed(constraint) <= 1e-8 * size, constraint.label
                if constraint.label in ("constraint_demand_bundle_sum", "constraint_input_bundle"):
                    assert np.abs(constraint.expr.value).max(initial=0) <= 1e-8 * size
            assert form.output(problem, program.objective.value) == pytest.approx(outcome.value, rel=1e-9, abs=1e-12)

    def test_bundle_row_is_needed(self):
        # with the chord alone b could exceed q^(σ−1) below the ceiling; the row that makes the model exact forbids it
        problem = PlannerProblem([[0, 1, 1], [1, 0, 1], [1, 1, 0]], z=[1, 1, 1], f=0.1, alpha=0.6, sigma=8, epsilon=4)
        model = LIFTED.build(problem)
        LIFTED.assign(model, problem.evaluate([1, 1, 0]))
        assert worst_violation(model) <= 1e-12
        for j in (0, 1):
            model.b[j].set_value(model.y[j].value)
        assert all(model.constraint_demand[j].uslack() >= 0 for j in (0, 1))
        assert all(model.constraint_demand_bundle[j].uslack() < -0.01 for j in (0, 1))


class TestShape:
    @RANDOM
    @given(economies(), st.integers(0, 2**32 - 1))
    def test_convex_formulations_are_convex(self, problem, seed):
        random = np.random.default_rng(seed)
        for form in CONVEX:
            model = form.build(problem, relaxed=True)
            variables = list(model.component_data_objects(pyo.Var))
            ends = [random.uniform(0, 1, len(variables)) for _ in range(2)]
            bodies = []
            for point in (*ends, (ends[0] + ends[1]) / 2):
                for v, value in zip(variables, point, strict=True):
                    v.set_value(value)
                rows = [pyo.value(row.body) for row in model.component_data_objects(pyo.Constraint)]
                bodies.append(np.array([*rows, -pyo.value(model.objective)]))
            rows = list(model.component_data_objects(pyo.Constraint))
            is_above = np.array([row.has_ub() for row in rows] + [True])
            middle = (bodies[0] + bodies[1]) / 2
            assert np.all((bodies[2] <= middle + 1e-12 * (1 + abs(middle)))[is_above])

    @RANDOM
    @given(economies(most=4))
    def test_relaxations_hold_every_decision(self, problem):
        best = best_value(problem)
        if best is None:
            return
        for form in CONVEX:
            program = form.build(problem, "cvxpy", relaxed=True)
            assert program.is_dcp()
            try:
                program.solve(solver=cp.CLARABEL)
            except cp.SolverError:
                continue  # an interior-point method may give up where rows leave no interior
            if program.status == cp.OPTIMAL:
                assert form.output(problem, program.value) >= best * (1 - 1e-5) - 1e-6

    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_cvxpy_finds_the_evaluators_value_with_every_firm_on(self, sigma, epsilon):
        random = np.random.default_rng(7)
        n = 5
        problem = PlannerProblem(
            Omega=random.uniform(0.3, 2.0, (n, n)) * (random.random((n, n)) < 0.7) + np.eye(n),
            z=np.exp(0.3 * random.standard_normal(n)),
            f=random.uniform(0, 0.1, n),
            alpha=random.uniform(0.2, 0.8, n),
            sigma=sigma,
            epsilon=epsilon,
        )
        value = problem.evaluate(np.ones(n)).value
        for form in CONVEX:
            program = form.build(problem, "cvxpy", relaxed=True)
            theta = program.var_dict["theta"]
            fixed = cp.Problem(program.objective, [*program.constraints, theta == 1])
            fixed.solve(solver=cp.CLARABEL)
            assert form.output(problem, fixed.value) == pytest.approx(value, rel=1e-5)
            assert np.array_equal(form.extract(fixed), np.ones(n))

    def test_cvxpy_theta_is_boolean_unless_relaxed(self, village):
        for form in CONVEX:
            assert form.build(village, "cvxpy").is_mixed_integer()
            assert not form.build(village, "cvxpy", relaxed=True).is_mixed_integer()

    def test_lifted_relaxation_is_the_tighter(self, village):
        bounds = {}
        for form in CONVEX:
            program = form.build(village, Modeller.CVXPY, relaxed=True)
            program.solve(solver=cp.CLARABEL)
            bounds[form.name] = form.output(village, program.value)
        best = best_value(village)
        assert best <= bounds["planner/lifted"] * (1 + 1e-7)
        assert bounds["planner/lifted"] - best < 0.2 * (bounds["planner/primal"] - best)


class TestReshaped:
    @RANDOM
    @given(economies(rows=False), st.data())
    def test_it_coincides_with_the_evaluator_at_corners(self, problem, data):
        theta = np.array(data.draw(st.lists(st.integers(0, 1), min_size=problem.n, max_size=problem.n)))
        value = problem.evaluate(theta).value
        for a, b in [(None, None), (1, 0), (0.3, 0.1), (2.0, -0.5)]:
            if b is not None and b + a * (problem.epsilon - 1) <= 0:
                continue
            assert reshaped_objective(problem, theta, a, b) == pytest.approx(value, rel=1e-12, abs=1e-300)

    @pytest.mark.parametrize(("a", "b"), [(None, None), (1.0, 0.0), (0.4, 0.2)])
    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_closed_form_where_links_are_a_product(self, a, b, sigma, epsilon):
        # proof of Proposition 2: with Ω_ij = c_i d_j and S = Σ_i c_i θ_i^b q_i^(ε−1), (10) reads
        # q_j = A z_j θ_j^a (d_j S)^(α/(ε−1)), and S follows from its own definition
        random = np.random.default_rng(3)
        n, alpha, A = 6, 0.6, 1.2
        c, d, z, theta = (random.uniform(0.2, 1.0, n) for _ in range(4))
        f = random.uniform(0, 0.1, n)
        problem = PlannerProblem(np.outer(c, d), z, A=A, L=2.0, f=f, alpha=alpha, sigma=sigma, epsilon=epsilon)
        own = 1 / (sigma - 1) if a is None else a
        other = 1 - (epsilon - 1) / (sigma - 1) if b is None else b
        total = np.sum(c * d**alpha * (A * z) ** (epsilon - 1) * theta ** (own * (epsilon - 1) + other))
        S = total ** (1 / (1 - alpha))
        q = A * z * theta**own * (d * S) ** (alpha / (epsilon - 1))
        value = np.sum(q ** (sigma - 1)) ** (1 / (sigma - 1)) * (2.0 - f @ theta)
        assert reshaped_objective(problem, theta, a, b) == pytest.approx(value, rel=1e-12)
        assert reshaped_point(problem, theta, a, b).q == pytest.approx(q, rel=1e-12)

    @RANDOM
    @given(economies(rows=False), st.integers(0, 2**32 - 1), st.sampled_from([(None, None), (1.0, 0.0), (0.4, 0.2)]))
    def test_model_holds_the_fixed_point_inside_the_cube(self, problem, seed, parameters):
        form = Reshaped(*parameters)
        theta = np.random.default_rng(seed).uniform(0, 1, problem.n)
        if problem.f @ theta > problem.L:
            return
        model = form.build(problem)
        assert worst_violation(model) <= 1e-9 or problem.f.sum() / 2 > problem.L
        form.assign_point(model, reshaped_point(problem, theta, *parameters))
        assert worst_violation(model) <= 1e-9
        value = reshaped_objective(problem, theta, *parameters)
        assert pyo.value(model.objective) == pytest.approx(value, rel=1e-9)

    @pytest.mark.parametrize(("sigma", "epsilon"), ELASTICITIES)
    def test_star_makes_the_objective_log_concave_where_links_are_a_product(self, sigma, epsilon):
        random = np.random.default_rng(5)
        n = 5
        problem = PlannerProblem(
            np.outer(random.uniform(0.3, 1, n), random.uniform(0.3, 1, n)),
            random.uniform(0.5, 1.5, n),
            f=0.1,
            alpha=0.5,
            sigma=sigma,
            epsilon=epsilon,
        )
        for _ in range(50):
            one, other = random.uniform(0, 1, (2, n))
            middle = np.log(reshaped_objective(problem, (one + other) / 2))
            ends = np.log(reshaped_objective(problem, one)), np.log(reshaped_objective(problem, other))
            assert middle >= sum(ends) / 2 - 1e-12

    def test_parameters_that_break_the_corners_are_refused(self, village):
        with pytest.raises(InputError, match=r"^a: 0 is not positive"):
            reshaped_objective(village, np.ones(village.n), 0, 1)
        with pytest.raises(InputError, match=r"^b: "):
            Reshaped(0.1, -1.0).build(village)
        with pytest.raises(InputError, match=r"theta\[1\]"):
            reshaped_objective(village, [0, 1.5, *[0] * (village.n - 2)])
        with pytest.raises(InputError, match="shape"):
            reshaped_objective(village, [0, 1])
        with pytest.raises(InputError, match="not a number"):
            reshaped_objective(village, ["a"] * village.n)


class TestModels:
    @pytest.mark.parametrize("form", ALL, ids=lambda f: f"{f.name}-{f.math_class.value}")
    def test_every_equation_names_a_component_of_the_model(self, form, village):
        model = form.build(replace(village, f=np.full(village.n, 0.5)))
        for equation in form.equations:
            if form is CURVED and equation.component == "constraint_demand_bundle":
                continue
            assert model.component(equation.component) is not None, equation
        assert {e.component for e in form.equations if e.component.startswith("constraint")} >= {
            c.name for c in model.component_objects(pyo.Constraint) if form is not CURVED
        }

    def test_variables_follow_the_links(self):
        n = 300
        Omega = np.zeros((n, n))
        Omega[np.arange(n), (np.arange(n) + 1) % n] = 1
        problem = PlannerProblem(Omega, np.ones(n), f=0.1 / n)
        assert sum(1 for _ in PRIMAL.build(problem).component_data_objects(pyo.Var)) == 4 * n
        assert sum(1 for _ in LIFTED.build(problem).component_data_objects(pyo.Var)) == 4 * n + 2
        assert sum(1 for _ in REDUCED.build(problem).component_data_objects(pyo.Var)) == 2 * n + 1

    @pytest.mark.parametrize("form", ALL, ids=lambda f: f"{f.name}-{f.math_class.value}")
    def test_firms_that_cannot_produce_do_no_harm(self, form):
        # firm 0 has no supplier, firm 1 only firm 0; firms 2 and 3 supply each other
        Omega = np.zeros((4, 4))
        Omega[0, 1] = Omega[2, 3] = Omega[3, 2] = 1
        problem = PlannerProblem(Omega, [1.0, 2.0, 1.0, 1.0], f=[0.0, 0.1, 0.1, 0.1])
        outcome = problem.evaluate([1, 1, 1, 1])
        assert outcome.value == pytest.approx(0.7 * 2**0.25)
        model = form.build(problem)
        form.assign(model, outcome)
        assert worst_violation(model) <= 1e-12
        assert form.output(problem, pyo.value(model.objective)) == pytest.approx(outcome.value)

    @pytest.mark.parametrize("form", ALL, ids=lambda f: f"{f.name}-{f.math_class.value}")
    def test_an_economy_that_makes_nothing(self, form):
        problem = PlannerProblem([[0, 1], [0, 0]], [1.0, 1.0], f=0.1)
        model = form.build(problem)
        form.assign(model, problem.evaluate([1, 1]))
        assert worst_violation(model) == 0
        assert form.output(problem, pyo.value(model.objective)) == 0

    def test_relaxed_models_have_continuous_decisions(self, village):
        for form in ALL:
            assert all(v.is_continuous() for v in form.build(village, relaxed=True).theta.values())
        for form in (PRIMAL, REDUCED, LIFTED):
            assert all(v.is_binary() for v in form.build(village).theta.values())

    def test_requests_that_make_no_sense(self, village):
        with pytest.raises(InputError, match="cannot be written in 'cvxpy'"):
            REDUCED.build(village, "cvxpy")
        with pytest.raises(InputError, match="cannot be written in 'cvxpy'"):
            CURVED.build(village, "cvxpy")
        with pytest.raises(InputError, match="cannot be written in 'gams'"):
            LIFTED.build(village, "gams")
        with pytest.raises(InputError, match="increasing"):
            Lifted(increasing="chord")
        for model in (LIFTED.build(village), LIFTED.build(village, "cvxpy")):
            with pytest.raises(InputError, match="holds no values"):
                LIFTED.extract(model)

    def test_classes(self):
        assert (LIFTED.math_class, LIFTED.relaxation_convex) == (MathClass.CONVEX_MINLP, True)
        assert (CURVED.math_class, CURVED.relaxation_convex) == (MathClass.NONCONVEX_MINLP, False)


@pytest.fixture
def village():
    """Six firms, some with increasing returns in demand (α_j κ > 1) and some without, and a budget."""
    random = np.random.default_rng(1)
    n = 6
    return PlannerProblem(
        Omega=(random.random((n, n)) < 0.5) * random.uniform(0.5, 1.5, (n, n)) + np.eye(n),
        z=np.exp(0.3 * random.standard_normal(n)),
        f=random.uniform(0.05, 0.1, n),
        alpha=np.linspace(0.3, 0.6, n),
        sigma=8.0,
        epsilon=4.0,
        constraints=[LinearRow(range(n), np.ones(n), "<=", 4)],
    )
