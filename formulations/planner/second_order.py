r"""The planner's problem as a mixed-integer second-order cone program, where the exponents are simple fractions.

The program is ``planner/lifted``, in the same shares; only its powers are written differently. Every one of them is

    z ≤ x^(p/q) v^(1−p/q),        0 < p < q whole numbers,

a weighted geometric mean of two variables, with exponent α_j (supply), α_j κ (demand), 1/σ (objective), or 1/κ and α_j
(the bundle of firms with increasing returns). With 2^k the least power of two that is at least q, it says

    z^(2^k) ≤ x^p v^(q−p) z^(2^k−q)                                           (for z > 0, divide by z^(2^k−q))

a geometric mean of 2^k factors, x, v and z itself with multiplicities p, q − p and 2^k − q. Two equal shares of such a
mean, u^h and w^h, are one share s^(2h) with s² ≤ u w, a second-order cone ‖(2s, u − w)‖ ≤ u + w. Take the shares as
the binary digits of the multiplicities and merge equal ones, beginning with the smallest: a *tower* of cones (one for
1/2, three for 1/5, at most eight here) whose last is z² ≤ u w. It is exact: multiplied together, its cones say no more
than the mean, and where that holds, s = √(u w) at every step satisfies them all.

    max  W
    s.t. W ≤ T^(1/σ) N^(1−1/σ),   N = 1 − M,   T = Σ_j d_j b_j,   M = Σ_j f_j θ_j / L
         y_j = Σ_i w_ij a_i
         a_j ≤ y_j^α_j θ_j^(1−α_j),   a_j ≤ θ_j
         b_j ≤ y_j^(α_j κ) θ_j^(1−α_j κ)                                  if α_j κ < 1;   b_j ≤ a_j if κ = 1
         b_j ≤ y_j                                                        if α_j κ ≥ 1
         b_j ≤ t_j^α_j θ_j^(1−α_j),  t_j ≤ Σ_i w_ij r_ij,  r_ij ≤ b_i^(1/κ) t_j^(1−1/κ)      if α_j κ > 1
         b_j ≤ θ_j
         lower ≤ Gθ ≤ upper,  θ_j ∈ {0, 1}

The bundle (Σ_i w_ij b_i^(1/κ))^κ of ``planner/lifted`` is here the greatest t_j that its two rows allow.

Symbols are those of ``planner/lifted``, and
    N          labour that fixed costs leave, as a share
    t_j, r_ij  the bundle of the suppliers' demands, and its parts
    parts      the s of a tower: ``W_parts``, ``a_parts``, ``b_parts``, ``t_parts``, ``r_parts``

Exponents are doubles; one within 1e-12 of a fraction with a denominator up to 32 is that fraction, which moves output
by less than rounding does. Others are refused: a tower for σ = 5.37 would have seven levels, and rounding σ solves
another economy. In Pyomo the cones are rows s² ≤ u w, which SCIP, Gurobi, Xpress and COPT recognise; in CVXPY they are
second-order cones.

Source: paper 001, (7)–(8), by ``planner/lifted``; Ben-Tal and Nemirovski, *Lectures on modern convex optimization*
(2001), section 3.3, for the towers; Alizadeh and Goldfarb, *Second-order cone programming* (2003).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp

from endonet.formulations.contracts import Equation, MathClass, Modeller
from endonet.formulations.planner.building import (
    Shares,
    constrain_rows,
    declare_theta,
    fixed_cost_share,
    label,
    rows_cvxpy,
    theta_cvxpy,
)
from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.lifting import LiftedVariables, declare_shares, final_demand, weighted_inputs
from endonet.formulations.planner.problem import PlannerProblem

MOST = 32  # denominators beyond it are refused
NEAR = 1e-12  # a double this close to a fraction is the fraction
X, V, Z = "x", "v", "z"  # the two factors of a mean, and what lies below it

Step = tuple[Any, Any, Any]  # s² ≤ u w as (u, w, s); parts are numbered


class SecondOrder(LiftedVariables):
    """The convex program in towers of second-order cones."""

    name = "planner/second-order"
    title = "The planner's problem as a mixed-integer second-order cone program"
    math_class = MathClass.MISOCP
    relaxation_convex = True
    source = "paper 001, equations (7)-(8), as in planner/lifted; powers as towers of second-order cones"
    modellers = (Modeller.PYOMO, Modeller.CVXPY)
    symbols = (
        *LIFTED.symbols,
        (r"N", "labour that fixed costs leave, as a share"),
        (r"t_j, r_{ij}", "the bundle of the suppliers' demands where returns increase, and its parts"),
        (r"z \leq x^{p/q} v^{1-p/q}", "a tower of cones s² ≤ u w; p and q are whole numbers"),
    )
    equations = (
        Equation("(8)", r"\max\; W", "maximise output, in a concave scale", "objective"),
        Equation(
            "(8): tower", r"W \leq T^{1/\sigma} N^{1-1/\sigma}", "output follows from both", "constraint_objective"
        ),
        *LIFTED.equations[1:3],
        Equation("(3)", r"N = 1 - M", "what fixed costs leave of labour", "constraint_left"),
        LIFTED.equations[3],
        Equation(
            "(7): tower",
            r"a_j \leq y_j^{\alpha_j} \theta_j^{1-\alpha_j}",
            "supply follows from inputs, if the firm operates",
            "constraint_supply",
        ),
        LIFTED.equations[5],
        Equation(
            "(7): tower",
            r"b_j \leq y_j^{\alpha_j\kappa} \theta_j^{1-\alpha_j\kappa} \quad (\alpha_j\kappa < 1)",
            "demand follows from inputs where returns diminish",
            "constraint_demand",
        ),
        Equation(
            "(7): chord",
            r"b_j \leq y_j \quad (\alpha_j\kappa \geq 1), \quad b_j \leq a_j \quad (\kappa = 1)",
            "where returns do not diminish, demand lies below the chord of its curve; for σ = ε it is supply",
            "constraint_demand_line",
        ),
        Equation(
            "(7): CES",
            r"b_j \leq t_j^{\alpha_j} \theta_j^{1-\alpha_j} \quad (\alpha_j\kappa > 1)",
            "and below a concave bundle of the suppliers' own demands, which makes it exact",
            "constraint_demand_bundle",
        ),
        Equation(
            "(7): CES",
            r"t_j \leq \sum_i w_{ij} r_{ij} \quad (\alpha_j\kappa > 1)",
            "the bundle adds its parts",
            "constraint_demand_bundle_sum",
        ),
        Equation(
            "(7): CES",
            r"r_{ij} \leq b_i^{1/\kappa} t_j^{1-1/\kappa} \quad (\alpha_j\kappa > 1)",
            "each with the exponent 1/κ",
            "constraint_demand_bundle_parts",
        ),
        *LIFTED.equations[-3:],
    )

    def refuses(self, problem: PlannerProblem) -> str:
        """Return which exponent is no simple fraction, and what takes it; empty if all are."""
        data = Shares.of(problem)
        for what, exponent in _exponents(problem, data):
            if fraction(exponent) is None:
                return (
                    f"{what} = {exponent:.12g} is no fraction with a denominator up to {MOST}, which towers of "
                    "second-order cones need; use planner/lifted"
                )
        return ""

    def assign(self, model: pyo.ConcreteModel, outcome: PlannerOutcome) -> None:
        """Set all variables to what follows from an outcome: shares, W and N, bundles, and the parts of towers."""
        super().assign(model, outcome)
        sigma, N = outcome.problem.sigma, 1 - model.M.value
        model.N.set_value(N, skip_validation=True)
        model.W.set_value(model.T.value ** (1 / sigma) * max(N, 0.0) ** (1 - 1 / sigma), skip_validation=True)
        kappa, alpha = outcome.problem.kappa, outcome.problem.alpha
        for j in model.t:  # as much as b_j needs, which the fixed point allows
            on = model.theta[j].value
            model.t[j].set_value(model.b[j].value ** (1 / float(alpha[j])) if on > 0 else 0.0)
        for i, j in model.r:
            model.r[i, j].set_value(min(model.b[i].value ** (1 / kappa) * model.t[j].value ** (1 - 1 / kappa), 1.0))
        for part, u, w in model.merged:
            part.set_value(min((_value(u) * _value(w)) ** 0.5, 1.0), skip_validation=True)

    def _pyomo(self, problem: PlannerProblem, relaxed: bool) -> pyo.ConcreteModel:
        data = Shares.of(problem)
        model = pyo.ConcreteModel(name=self.name)
        declare_theta(model, problem, relaxed)
        declare_shares(model, data)
        model.N = pyo.Var(domain=pyo.UnitInterval)
        model.W = pyo.Var(domain=pyo.UnitInterval)
        model.merged = []  # (s, u, w) of every cone below the last of its tower
        model.objective = pyo.Objective(expr=model.W, sense=pyo.maximize)
        _write(model, "objective", "W", [((), model.T, model.N, model.W, _known(1 / problem.sigma))])
        model.constraint_output = pyo.Constraint(expr=final_demand(model, data) == model.T)
        model.constraint_labour = pyo.Constraint(expr=fixed_cost_share(model, problem) == model.M)
        model.constraint_left = pyo.Constraint(expr=model.N == 1 - model.M)
        model.constraint_inputs = pyo.Constraint(
            model.makers, rule=lambda m, j: m.y[j] == weighted_inputs(data, j, m.a)
        )
        _write(
            model,
            "supply",
            "a",
            [((j,), model.y[j], model.theta[j], model.a[j], _known(problem.alpha[j])) for j in model.makers],
        )
        model.constraint_supply_on = pyo.Constraint(model.makers, rule=lambda m, j: m.a[j] <= m.theta[j])
        curved = [j for j in model.makers if data.kappa != 1 and data.exponent[j] < 1]
        _write(
            model,
            "demand",
            "b",
            [((j,), model.y[j], model.theta[j], model.b[j], _known(data.exponent[j])) for j in curved],
        )
        straight = [j for j in model.makers if j not in set(curved)]
        model.constraint_demand_line = pyo.Constraint(
            straight, rule=lambda m, j: m.b[j] <= (m.a[j] if data.kappa == 1 else m.y[j])
        )
        _bundles(model, problem, data)
        model.constraint_demand_on = pyo.Constraint(model.makers, rule=lambda m, j: m.b[j] <= m.theta[j])
        constrain_rows(model, problem)
        return model

    def _cvxpy(self, problem: PlannerProblem, relaxed: bool) -> Any:
        import cvxpy as cp

        data, n = Shares.of(problem), problem.n
        makers, idle = data.most.producers, np.setdiff1d(np.arange(n), data.most.producers)
        theta = theta_cvxpy(problem, relaxed)
        a, b, y = (cp.Variable(n, name=name, bounds=[0, 1]) for name in "aby")
        T, M, N, W = (cp.Variable(name=name, bounds=[0, 1]) for name in "TMNW")
        constraints = [
            *_means(_one(T), _one(N), _one(W), np.array([1 / problem.sigma]), "constraint_objective"),
            label(data.final @ b == T, "constraint_output"),
            label(problem.f @ theta / problem.L == M, "constraint_labour"),
            label(N == 1 - M, "constraint_left"),
            label(data.weights.T @ a == y, "constraint_inputs"),
            label(a <= theta, "constraint_supply_on"),
            label(b <= theta, "constraint_demand_on"),
            *rows_cvxpy(problem, theta),
            *_means(y[makers], theta[makers], a[makers], problem.alpha[makers], "constraint_supply"),
        ]
        if idle.size:
            constraints.append(label(a[idle] + b[idle] <= 0, "constraint_idle"))
        if data.kappa == 1:
            return cp.Problem(cp.Maximize(W), [*constraints, label(b <= a, "constraint_demand_line")])
        curved, straight = makers[data.exponent[makers] < 1], makers[data.exponent[makers] >= 1]
        constraints += _means(y[curved], theta[curved], b[curved], data.exponent[curved], "constraint_demand")
        if straight.size:
            constraints.append(label(b[straight] <= y[straight], "constraint_demand_line"))
        if data.convex.size:
            constraints += _bundles_cvxpy(problem, data, theta, b)
        return cp.Problem(cp.Maximize(W), constraints)


def fraction(exponent: float) -> Fraction | None:
    """Return the simple fraction that a double stands for, or None if there is none."""
    found = Fraction(float(exponent)).limit_denominator(MOST)
    return found if abs(float(found) - exponent) <= NEAR and 0 < found < 1 else None


def tower(power: Fraction) -> list[Step]:
    """Return the cones s² ≤ u w, as (u, w, s), that say z ≤ x^power v^(1−power) for nonnegative x, v and z.

    Parts s are numbered from 0; the last s is z.

    Examples
    --------
    >>> tower(Fraction(1, 2))
    [('x', 'v', 'z')]
    >>> tower(Fraction(1, 5))  # z^8 ≤ x v^4 z^3
    [('x', 'z', 0), (0, 'z', 1), (1, 'v', 'z')]
    """
    p, q = power.numerator, power.denominator
    levels = (q - 1).bit_length()
    shares = {X: p, V: q - p, Z: 2**levels - q}
    steps: list[Step] = []
    carried: list[Any] = []
    for level in range(levels):
        here = carried + [factor for factor, share in shares.items() if share >> level & 1]
        pairs = list(zip(here[::2], here[1::2], strict=True))  # their number is even, as the shares add up to 2^k
        carried = list(range(len(steps), len(steps) + len(pairs)))
        steps += [(u, w, s) for (u, w), s in zip(pairs, carried, strict=True)]
    u, w, _ = steps[-1]
    steps[-1] = (u, w, Z)
    return steps


def _exponents(problem: PlannerProblem, data: Shares) -> Iterable[tuple[str, float]]:
    """Yield the name and the value of every exponent that needs a tower."""
    yield "1/σ", 1 / problem.sigma
    for j in data.most.producers.tolist():
        yield f"α[{j}]", float(problem.alpha[j])
        if data.kappa != 1 and data.exponent[j] < 1:
            yield f"α[{j}] κ", float(data.exponent[j])
    if data.convex.size:
        yield "1/κ", 1 / data.kappa


def _known(exponent: float) -> Fraction:
    found = fraction(float(exponent))
    assert found is not None  # `refuses` was asked before
    return found


def _value(part: Any) -> float:
    return max(float(part.value), 0.0)


Mean = tuple[tuple[Any, ...], Any, Any, Any, Fraction]  # index, x, v, z, power


def _write(model: pyo.ConcreteModel, row: str, quantity: str, means: list[Mean]) -> None:
    """Write z ≤ x^power v^(1−power) for every mean, as rows ``constraint_<row>`` with ``<quantity>_parts``."""
    towers = [(*mean, tower(mean[-1])) for mean in means]
    inner = [_flat((*index, k)) for index, *_, steps in towers for k in range(len(steps) - 1)]
    parts = pyo.Var(inner, domain=pyo.UnitInterval)
    setattr(model, f"{quantity}_parts", parts)
    bodies: dict[Any, Any] = {}
    for index, x, v, z, _, steps in towers:
        factors: dict[Any, Any] = {X: x, V: v, Z: z}
        for k, (u, w, s) in enumerate(steps):
            if s != Z:
                factors[s] = parts[_flat((*index, s))]
                model.merged.append((factors[s], factors[u], factors[w]))
            bodies[_flat((*index, k))] = factors[s] ** 2 <= factors[u] * factors[w]
    setattr(model, f"constraint_{row}", pyo.Constraint(list(bodies), rule=lambda _, *index: bodies[_flat(index)]))


def _flat(index: tuple[Any, ...]) -> Any:
    return index[0] if len(index) == 1 else index


def _bundles(model: pyo.ConcreteModel, problem: PlannerProblem, data: Shares) -> None:
    """Write what bounds the demand of firms with increasing returns by their suppliers' demands."""
    steep = data.convex.tolist()
    links = [(i, j) for j in steep for i, _ in data.inputs(j)]
    model.t = pyo.Var(steep, domain=pyo.UnitInterval)
    model.r = pyo.Var(links, domain=pyo.UnitInterval)
    _write(
        model,
        "demand_bundle",
        "t",
        [((j,), model.t[j], model.theta[j], model.b[j], _known(problem.alpha[j])) for j in steep],
    )
    model.constraint_demand_bundle_sum = pyo.Constraint(
        steep, rule=lambda m, j: m.t[j] <= sum(w * m.r[i, j] for i, w in data.inputs(j))
    )
    _write(
        model,
        "demand_bundle_parts",
        "r",
        [((i, j), model.b[i], model.t[j], model.r[i, j], _known(1 / data.kappa)) for i, j in links],
    )


def _one(variable: Any) -> Any:
    import cvxpy as cp

    return cp.reshape(variable, (1,), order="C")


def _means(x: Any, v: Any, z: Any, powers: Any, name: str) -> list[Any]:
    """Return the cones for z ≤ x^power v^(1−power) elementwise; firms with the same exponent share a block."""
    import cvxpy as cp

    found = []
    exact = np.array([_known(power) for power in powers], dtype=object)
    for power in sorted(set(exact)):
        here = np.flatnonzero(exact == power)
        factors = {X: x[here], V: v[here], Z: z[here]}
        for u, w, s in tower(power):
            if s != Z:
                factors[s] = cp.Variable(here.size, bounds=[0, 1])
            one, other = factors[u], factors[w]
            found.append(label(cp.SOC(one + other, cp.vstack([2 * factors[s], one - other]), axis=0), name))
    return found


def _bundles_cvxpy(problem: PlannerProblem, data: Shares, theta: Any, b: Any) -> list[Any]:
    import cvxpy as cp

    chosen = data.weights[:, data.convex].tocoo()
    t = cp.Variable(data.convex.size, name="t", bounds=[0, 1])
    r = cp.Variable(chosen.nnz, name="r", bounds=[0, 1])
    add = sp.csr_array((chosen.data, (chosen.col, np.arange(chosen.nnz))), shape=(data.convex.size, chosen.nnz))
    share = np.full(chosen.nnz, 1 / data.kappa)
    return [
        *_means(t, theta[data.convex], b[data.convex], problem.alpha[data.convex], "constraint_demand_bundle"),
        label(t <= add @ r, "constraint_demand_bundle_sum"),
        *_means(b[chosen.row], t[chosen.col], r, share, "constraint_demand_bundle_parts"),
    ]


SECOND_ORDER = SecondOrder()
