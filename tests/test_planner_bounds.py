"""Envelope, dual bound, squeeze, outer approximation and market prices against every choice in a box, one by one."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from random_economies import any_economy, table_one

from endonet.formulations.errors import EconomyWarning, InputError
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.solvers.planner.certificate import Box, Replay
from endonet.solvers.planner.deviation import climb
from endonet.solvers.planner.dual_bound import Prices, best_input, bound, excludes
from endonet.solvers.planner.envelope import Envelope, envelope
from endonet.solvers.planner.market import market_prices
from endonet.solvers.planner.outer import OuterModel, Point, at_choice
from endonet.solvers.planner.squeeze import squeeze

ROUNDING = 1e-12  # of the evaluator, whose log Y is compared with bounds that include their own

Choice = NDArray[np.int8]


@dataclass
class Everything:
    """Every choice of an economy: θ and inputs by row, log Y, and whether labour and rows allow it."""

    theta: NDArray[np.int8]
    inputs: NDArray[np.float64]
    log_Y: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    rows_hold: NDArray[np.bool_]

    @classmethod
    def of(cls, problem: PlannerProblem) -> Everything:
        outcomes = [problem.evaluate(theta) for theta in itertools.product((0, 1), repeat=problem.n)]
        theta = np.array([outcome.theta for outcome in outcomes])
        with np.errstate(divide="ignore"):
            log_Y = np.log([outcome.value for outcome in outcomes])
        return cls(
            theta,
            np.array([outcome.inputs for outcome in outcomes]),
            log_Y,
            np.array([outcome.feasible for outcome in outcomes]),
            np.array([not problem.rows.violated(line.astype(float)).size for line in theta]),
        )

    def between(self, lower: Choice, upper: Choice) -> NDArray[np.bool_]:
        return ((self.theta >= lower) & (self.theta <= upper)).all(axis=1)

    def best(self, lower: Choice, upper: Choice) -> Choice:
        """Return the best feasible choice in a box, or any if there is none."""
        inside = self.between(lower, upper) & self.feasible
        return self.theta[np.where(inside, self.log_Y, -math.inf).argmax()]


def economies(seeds: range, most: int = 6) -> Iterator[tuple[np.random.Generator, PlannerProblem]]:
    """Yield economies with σ and ε from 1.3 to 12, α from .05 to .95, weights, self-links, ties and rows."""
    for seed in seeds:
        draw = np.random.default_rng(seed)
        n = int(draw.integers(1, most + 1))
        problem = any_economy(seed, n, rows=int(draw.choice([0, 0, 1, 2])), costs=float(draw.choice([0.0, 0.3, 1.0])))
        if problem is None:
            continue
        sigma, epsilon = draw.uniform(1.3, 12, 2)
        changes = {
            "sigma": sigma,
            "epsilon": sigma if draw.random() < 0.25 else epsilon,
            "alpha": draw.uniform(0.05, 0.95) if draw.random() < 0.5 else draw.uniform(0.05, 0.95, n),
            "z": np.ones(n) if draw.random() < 0.2 else problem.z ** draw.choice([1.0, 3.0]),
            "A": float(draw.choice([1.0, 0.6, 2.0])),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EconomyWarning)
            yield draw, replace(problem, **changes)


def random_box(draw: np.random.Generator, n: int) -> tuple[Choice, Choice]:
    theta, free = draw.integers(0, 2, n), draw.random(n) < draw.random()
    return np.where(free, 0, theta).astype(np.int8), np.where(free, 1, theta).astype(np.int8)


def random_prices(draw: np.random.Generator, problem: PlannerProblem, box: Box, good: Choice) -> Prices:
    """Return any valid prices: wild ones, those of a good or any other choice, or the latter disturbed."""
    n, m = problem.n, problem.rows.count
    mu = draw.standard_normal(m) * 10.0 ** draw.integers(-2, 2) * (draw.random(m) < 0.7)
    choice = problem.evaluate(good if draw.random() < 0.7 else draw.integers(0, 2, n))
    if draw.random() < 0.75 and choice.value > 0:
        prices = market_prices(problem, box, choice, mu if draw.random() < 0.5 else None)
        if draw.random() < 0.5:
            prices = replace(prices, pi=prices.pi * np.exp(0.2 * draw.standard_normal(n)))
        return prices
    spread = 10.0 ** draw.choice([-1.0, 0.0, 1.0])
    reach = np.where(box.envelope.y_high > 0, box.envelope.y_high, 1.0)
    pi = np.exp(spread * draw.standard_normal(n)) / reach * (draw.random(n) < 0.8)
    M = problem.L * (1 - math.exp(draw.normal(0, 2)))
    return Prices(pi, math.exp(draw.normal(0, 5)), M, mu)


# -- envelope --------------------------------------------------------------------------------------------------


def test_the_envelope_contains_the_inputs_of_every_choice_and_closes_where_one_is_left() -> None:
    boxes = 0
    for draw, problem in economies(range(250)):
        known = Everything.of(problem)
        near = None
        for _ in range(6):
            lower, upper = random_box(draw, problem.n)
            found = envelope(problem, lower, upper, near)
            near = found if draw.random() < 0.5 else None  # where the iteration starts must not matter
            inside = known.inputs[known.between(lower, upper)]
            assert (inside >= found.y_low * (1 - ROUNDING)).all()
            assert (inside <= found.y_high * (1 + ROUNDING)).all()
            least, most = problem.evaluate(lower).inputs, problem.evaluate(upper).inputs
            assert found.y_low == pytest.approx(least, rel=1e-10, abs=0)
            assert found.y_high == pytest.approx(most, rel=1e-10, abs=0)
            boxes += 1
    assert boxes > 1000


def test_the_tighter_of_two_envelopes_is_taken_firm_by_firm() -> None:
    one = Envelope(np.zeros(2), np.ones(2), np.array([0.1, 0.2]), np.array([1.0, 2.0]))
    other = Envelope(np.zeros(2), np.ones(2), np.array([0.3, 0.1]), np.array([1.5, 1.0]))
    both = one.within(other)
    assert (both.y_low.tolist(), both.y_high.tolist()) == ([0.3, 0.2], [1.0, 1.0])
    assert not both.empty
    assert replace(both, y_low=np.array([0.3, 1.1])).empty


# -- dual bound --------------------------------------------------------------------------------------------------


def test_any_prices_bound_every_choice_and_their_reduced_costs_are_right() -> None:
    bounds = near = decided = 0
    for draw, problem in economies(range(1000, 1300)):
        known = Everything.of(problem)
        for _ in range(12):
            lower, upper = random_box(draw, problem.n)
            box = Box(lower, upper, envelope(problem, lower, upper))
            inside = known.between(lower, upper) & known.feasible & np.isfinite(known.log_Y)
            top, D = bound(
                problem, lower, upper, box.envelope, random_prices(draw, problem, box, known.best(lower, upper))
            )
            log_Y, theta = known.log_Y[inside], known.theta[inside]
            slack = ROUNDING * (1 + abs(top) + np.abs(D))
            bounds += 1
            if not log_Y.size:
                continue
            assert top >= log_Y.max() - ROUNDING * (1 + abs(top))
            near += top < log_Y.max() + 0.05
            for j in np.flatnonzero(lower != upper):
                against = theta[:, j] == (1 if D[j] < 0 else 0)
                if D[j] != 0 and against.any():
                    assert log_Y[against].max() <= top - abs(D[j]) + slack[j]
                    decided += top - abs(D[j]) < log_Y.max()
    # the claims are worth something only if bounds are close and reduced costs decide firms
    assert bounds > 3000
    assert near > 500
    assert decided > 500


def test_shadow_profits_add_up_against_every_choice() -> None:
    """log Y(θ) ≤ top − Σ |D_i| over all firms that go against the sign of D, which is what squeezing relies on."""
    tight = 0
    for draw, problem in economies(range(2000, 2250)):
        known = Everything.of(problem)
        for _ in range(6):
            lower, upper = random_box(draw, problem.n)
            box = Box(lower, upper, envelope(problem, lower, upper))
            top, D = bound(
                problem, lower, upper, box.envelope, random_prices(draw, problem, box, known.best(lower, upper))
            )
            inside = known.between(lower, upper) & known.feasible & np.isfinite(known.log_Y)
            theta, log_Y = known.theta[inside], known.log_Y[inside]
            against = np.where(theta == 1, np.maximum(-D, 0.0), np.maximum(D, 0.0)) * (lower != upper)
            most = top - against.sum(axis=1)
            assert (log_Y <= most + ROUNDING * (1 + abs(top) + np.abs(D).sum())).all()
            tight += int((log_Y > most - 0.05).sum())
    assert tight > 300


@pytest.mark.parametrize("T", [5e-324, 1e-310, 1e-308])
@pytest.mark.parametrize("price", [0.0, 1.0, 1e300])
def test_numbers_out_of_range_prove_nothing(T: float, price: float) -> None:
    problem = PlannerProblem(np.ones((3, 3)) - np.eye(3), [1.0, 1.2, 0.9], f=0.1, sigma=5, epsilon=4)
    lower, upper = np.zeros(3, np.int8), np.ones(3, np.int8)
    top, D = bound(
        problem, lower, upper, envelope(problem, lower, upper), Prices(np.full(3, price), T, 0.0, np.empty(0))
    )
    assert top == math.inf
    assert not D.any()


def test_inputs_too_small_for_doubles_prove_nothing() -> None:
    problem = PlannerProblem(np.ones((2, 2)), [1.0, 1.0], f=0.1, alpha=0.8, sigma=9.0, epsilon=2.0)
    lower, upper = np.zeros(2, np.int8), np.ones(2, np.int8)
    for tiny in (5e-324, 1e-310):
        box = Envelope(np.zeros(2), np.full(2, tiny), np.zeros(2), np.full(2, tiny))
        for pi in (2e30, 1e308, math.inf, math.nan):
            top, D = bound(problem, lower, upper, box, Prices(np.full(2, pi), 1e-300, 0.0, np.empty(0)))
            assert top == math.inf or (np.isfinite(D).all() and top >= -700)
    top, D = bound(problem, lower, upper, box, Prices(np.full(2, math.nan), 1.0, 0.0, np.empty(0)))
    assert top == math.inf
    assert not D.any()


def test_a_box_of_unbounded_worth_decides_no_firm() -> None:
    problem = PlannerProblem(np.ones((3, 3)), np.ones(3), f=0.1)
    rules = Replay(problem)
    box = rules.root()
    assert rules.tighten(box)
    _, fixed, squeezed = rules.apply(box, Prices(np.zeros(3), 5e-324, 0.0, np.empty(0)), cutoff=100.0)
    assert not fixed.any()
    assert not squeezed
    assert box.top == math.inf


# -- one firm's best input ----------------------------------------------------------------------------------------


def highest(C: float, H: float, alpha: float, beta: float, pi: float, low: float, high: float) -> float:
    """Return the largest value of C y^α + H y^β − π (y − low) on a fine grid of [low, high], refined once."""

    def profit(y: NDArray[np.float64]) -> NDArray[np.float64]:
        return C * y**alpha + H * y**beta - pi * (y - low)

    grid = np.union1d(np.linspace(low, high, 1500), np.geomspace(max(low, high * 1e-12), high, 1500))
    grid = np.clip(grid, low, high)
    best = int(profit(grid).argmax())
    fine = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], 1500)
    return float(max(profit(grid).max(), profit(fine).max()))


def test_the_best_input_is_that_of_a_fine_grid() -> None:
    draw = np.random.default_rng(5)
    interior = 0
    for _ in range(2500):
        alpha = draw.uniform(0.05, 0.95)
        beta = alpha * draw.choice([1.0, draw.uniform(0.1, 1.0), draw.uniform(1.0, 11.0)])
        high = math.exp(draw.normal(0, 3))
        low = high * draw.choice([0.0, draw.random(), 1 - 1e-9, 1.0])
        C, H = np.exp(draw.normal(0, 2, 2)) * (draw.random(2) < 0.85)
        pi = math.exp(draw.normal(0, 2)) * (C * high**alpha + H * high**beta) / high * (draw.random() < 0.9)
        y, top, loss = best_input(C, H, alpha, beta, pi, low, high)
        best = highest(C, H, alpha, beta, pi, low, high)
        size = C * high**alpha + H * high**beta + pi * (high - low)
        assert low <= y <= high * (1 + 1e-15)
        assert top + loss >= best - 1e-15 * size
        assert top <= best + 3e-6 * size
        assert 0 <= loss <= 1e-11 * size + 1e-300
        interior += low < y < high
    assert interior > 300


@pytest.mark.parametrize(
    "case",
    [
        (1e-20, 1.0, 0.9, 0.95, 1e20, 0.0, 1e-30),
        (1e-20, 1e-20, 0.95, 1.2, 1e20, 0.0, 1e-30),
        (1.0, 1e-310, 0.5, 1 + 1e-15, 1.0, 0.0, 1.0),
        (1e-200, 1.0, 0.5, 0.7, 1e100, 0.0, 1e-30),
        (0.0, 1.0, 0.5, 0.7, 1e40, 0.0, 1e-30),
        (0.0, 0.0, 0.5, 2.0, 1.0, 0.0, 1.0),
    ],
)
def test_the_best_input_of_extreme_numbers(case: tuple[float, ...]) -> None:
    C, H, alpha, beta, _, low, high = case
    y, top, loss = best_input(*case)
    assert low <= y <= high
    assert top + loss >= highest(*case)
    assert top <= C * high**alpha + H * high**beta


# -- Farkas ------------------------------------------------------------------------------------------------------


def test_multipliers_exclude_no_box_that_holds_a_choice_obeying_the_rows() -> None:
    excluded = wrong = 0
    for seed in range(300):
        draw = np.random.default_rng(seed)
        n = int(draw.integers(2, 7))
        rows = []
        for _ in range(int(draw.integers(1, 4))):
            firms = draw.choice(n, int(draw.integers(1, n + 1)), replace=False)
            coefficients = draw.choice([1.0, -1.0, 2.0, 0.3, 0.7], firms.size)
            rows.append(LinearRow(firms, coefficients, draw.choice(["<=", ">=", "=="]), draw.choice([0, 1, 2, 0.3])))
        try:
            problem = PlannerProblem(np.ones((n, n)), np.ones(n), f=0.01, constraints=rows)
        except InputError:
            continue
        known = Everything.of(problem)
        for _ in range(20):
            lower, upper = random_box(draw, n)
            mu = draw.choice([-2.0, -1.0, 0.0, 1.0, 2.0, draw.standard_normal()], len(rows))
            if excludes(problem, lower, upper, mu):
                excluded += 1
                wrong += bool((known.between(lower, upper) & known.rows_hold).any())
    assert wrong == 0
    assert excluded > 100


def test_multipliers_prove_what_no_single_row_shows() -> None:
    rows = [
        LinearRow([0, 1], [1, 1], "<=", 1),
        LinearRow([2, 3], [1, 1], "<=", 1),
        LinearRow(range(4), [1] * 4, ">=", 3),
    ]
    problem = PlannerProblem(np.ones((4, 4)), np.ones(4), f=0.01, constraints=rows)
    lower, upper = np.zeros(4, np.int8), np.ones(4, np.int8)
    assert problem.rows.propagate(lower, upper) == -1
    assert excludes(problem, lower, upper, np.array([1.0, 1.0, -1.0]))
    assert not excludes(problem, lower, upper, np.array([1.0, 1.0, 1.0]))
    assert not excludes(problem, lower, upper, np.array([-1.0, 1.0, -1.0]))  # a side that is not there
    for useless in ([1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, math.nan], [math.inf, 1.0, -1.0]):
        assert not excludes(problem, lower, upper, np.array(useless))


# -- squeeze -----------------------------------------------------------------------------------------------------


def test_squeezed_inputs_hold_every_choice_above_the_cutoff() -> None:
    squeezed = 0
    for draw, problem in economies(range(3000, 3400)):
        known = Everything.of(problem)
        for _ in range(8):
            lower, upper = random_box(draw, problem.n)
            box = Box(lower, upper, envelope(problem, lower, upper))
            top, D = bound(
                problem, lower, upper, box.envelope, random_prices(draw, problem, box, known.best(lower, upper))
            )
            inside = known.between(lower, upper) & known.feasible & np.isfinite(known.log_Y)
            if not (math.isfinite(top) and inside.any()):
                continue
            cutoff = min(draw.choice(known.log_Y[inside]) - draw.choice([1e-9, 1e-3]), top)
            low, high = squeeze(problem, lower, upper, box.envelope.y_low, box.envelope.y_high, D, top - cutoff)
            assert (low >= box.envelope.y_low).all()
            assert (high <= box.envelope.y_high).all()
            above = known.inputs[inside & (known.log_Y > cutoff)]
            assert (above >= low * (1 - ROUNDING)).all()
            assert (above <= high * (1 + ROUNDING)).all()
            squeezed += bool(above.size) and bool(
                (low > box.envelope.y_low).any() or (high < box.envelope.y_high).any()
            )
    assert squeezed > 300


# -- linear program ------------------------------------------------------------------------------------------------


def converged(problem: PlannerProblem, box: Box, choice: Choice) -> Point:
    """Add tangents, the first ones at a good choice, until none is violated."""
    model = OuterModel(problem, box, at_choice(problem, box, problem.evaluate(choice)))
    for _ in range(200):
        point = model.solve(math.inf)
        if not model.separate(point, 1e-13):
            break
    return point


def tightened(problem: PlannerProblem, lower: Choice, upper: Choice) -> Box | None:
    """Return a box as the search would bound it, or None if there is nothing to bound."""
    box = Box(lower, upper)
    keeps = Replay(problem).tighten(box)
    return box if keeps and box.top == math.inf and not box.decided else None


def test_the_duals_prove_what_the_linear_program_claims() -> None:
    programs = 0
    for draw, problem in economies(range(4000, 4110)):
        known = Everything.of(problem)
        for _ in range(2):
            box = tightened(problem, *random_box(draw, problem.n))
            if box is None:
                continue
            inside = known.between(box.lower, box.upper) & known.feasible
            if not inside.any():
                continue
            point = converged(problem, box, known.best(box.lower, box.upper))
            top, _ = bound(problem, box.lower, box.upper, box.envelope, point.prices)
            assert top == pytest.approx(point.objective, abs=2e-6)
            assert point.objective >= known.log_Y[inside].max() - 1e-7
            programs += 1
    assert programs > 60


@pytest.mark.parametrize(
    ("sigma", "epsilon", "alpha", "rows"),
    [
        (5.0, 5.0, 0.5, ()),
        (3.0, 6.0, 0.7, ()),
        (6.0, 4.0, 0.4, ()),
        (5.0, 5.0, 0.5, (LinearRow(range(8), [1] * 8, "<=", 3),)),
        (4.0, 6.0, 0.5, (LinearRow([0, 1], [1, 1], "<=", 1), LinearRow([2, 5], [1, 2], ">=", 1))),
    ],
)
def test_the_outer_approximation_converges_to_the_conic_relaxation(
    sigma: float, epsilon: float, alpha: float, rows: tuple[LinearRow, ...]
) -> None:
    problem = replace(table_one(3, 8), f=0.06, sigma=sigma, epsilon=epsilon, alpha=alpha, constraints=rows)
    box = tightened(problem, np.zeros(8, np.int8), np.ones(8, np.int8))
    point = converged(problem, box, Everything.of(problem).best(box.lower, box.upper))
    model = LIFTED.build(problem, "cvxpy", relaxed=True)
    model.solve(solver="CLARABEL")
    assert math.exp(point.objective) == pytest.approx(LIFTED.output(problem, model.value), rel=1e-6)
    fractional = (point.theta > 1e-6) & (point.theta < 1 - 1e-6)
    assert fractional.any()  # otherwise any relaxation that knows the evaluator would do


# -- market prices -------------------------------------------------------------------------------------------------


def test_prices_read_off_a_choice_are_valid_and_exact_where_only_it_is_left() -> None:
    exact = 0
    for draw, problem in economies(range(5000, 5350)):
        known = Everything.of(problem)
        outcome = problem.evaluate(draw.integers(0, 2, problem.n))
        if not outcome.value > 0:
            continue
        for lower, upper in (random_box(draw, problem.n), (outcome.theta, outcome.theta)):
            box = Box(lower, upper, envelope(problem, lower, upper))
            prices = market_prices(problem, box, outcome)
            assert (prices.pi >= 0).all()  # and hence no NaN
            assert prices.T > 0
            assert prices.M < problem.L
            top, _ = bound(problem, lower, upper, box.envelope, prices)
            inside = known.between(lower, upper) & known.feasible
            assert (known.log_Y[inside] <= top + ROUNDING * (1 + abs(top))).all()
        assert np.isfinite(prices.pi).all()
        assert top == pytest.approx(math.log(outcome.value), abs=1e-9)
        exact += 1
    assert exact > 100


def test_on_a_sparse_economy_they_prove_nearly_what_the_linear_program_proves() -> None:
    problem = table_one(1, 12)
    box = tightened(problem, np.zeros(12, np.int8), np.ones(12, np.int8))
    best = climb(problem, np.ones(12)).theta
    point = converged(problem, box, best)
    prices = market_prices(problem, box, problem.evaluate(best))
    top, _ = bound(problem, box.lower, box.upper, box.envelope, prices)
    assert point.objective - 1e-6 <= top <= point.objective + 0.02
