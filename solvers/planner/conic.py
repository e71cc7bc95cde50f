"""The conic relaxation of ``planner/lifted`` by solvers of cone programs, with a bound that is certified.

The relaxation is a program in power cones with exact exponents, θ in [0, 1], that CVXPY hands to

    clarabel   interior points, power cones
    scs        operator splitting, power cones: less accurate, and cheap for each iteration
    ecos       interior points; each power cone a ≤ θ^(1−p) y^p written as two exponential cones

What the solver says of its optimum is not believed. Its multipliers are: with ν_j that of the input row
y_j = Σ_i w_ij a_i, in shares, and the objective W, the price of an input in log output is

    π_j = (σ/(σ−1)) ν_j / (W ȳ_j),

μ_r comes from the rows in the same way, and T̂ and M̂ from those of T's and M's rows, or from T and M. Any prices
prove a bound (`dual_bound`), with outward rounding, so that an inaccurate solution costs some of the bound and never
its validity. The certificate is that of `certified` with one node, and `endonet.check` verifies it without a solver.

Where returns increase, α_j κ > 1, the cone program has a second description of demand, the bundle of suppliers, that
these prices do not price. The bound then comes from the exact curve and may lie on either side of the relaxation's
value.

The decision is the feasible θ nearest the relaxed one.

Source: Goulart and Chen, *Clarabel* (2024); O'Donoghue et al., *SCS* (2016); Domahidi et al., *ECOS* (2013).
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.contracts import Modeller
from endonet.formulations.errors import InputError, UnavailableError
from endonet.formulations.planner.building import Shares, ceiling
from endonet.formulations.planner.lifted import LIFTED
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.base import Solver
from endonet.solvers.planner import certificate
from endonet.solvers.planner.certificate import SAFETY, Replay
from endonet.solvers.planner.dual_bound import Prices
from endonet.solvers.planner.outside import GRACE, SHORTEST, given_start
from endonet.solvers.planner.start import likeliest
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.worker import WORKER, WorkerError

RELAX = "endonet.solvers.planner.conic:relax"
BACKENDS = {"clarabel": "CLARABEL", "scs": "SCS", "ecos": "ECOS"}
LIMITS = {"clarabel": "time_limit", "scs": "time_limit_secs"}
SOLVED = ("optimal", "optimal_inaccurate")
STEEP = 1e-9  # a multiplier below it says nothing
INSIDE = 1 - 1e-9  # M̂ is below L by so much
LARGEST_LOG = 709.0
ROUNDING_SECONDS = 10.0


@dataclass(frozen=True, eq=False)
class Relaxed:
    """What the solver says of the relaxation.

    Attributes
    ----------
    raw : str
    theta : array, shape (n,)
        In [0, 1].
    prices : tuple of Prices
        Made of its multipliers; empty if there are none.
    statistics : dict
        With the relaxation's value as the backend claims it, in units of Y.
    """

    raw: str
    theta: Vector | None = None
    prices: tuple[Prices, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Conic(Solver[PlannerProblem]):
    """The conic relaxation of ``planner/lifted`` by Clarabel, SCS or ECOS, with a certified bound from its multipliers.

    Parameters
    ----------
    backend : {"clarabel", "scs", "ecos"}, default "clarabel"
        See the module.
    """

    name: ClassVar[str] = "conic"
    title: ClassVar[str] = "Conic relaxation by Clarabel, SCS or ECOS, its bound certified from their multipliers"
    proves: ClassVar[Proves] = Proves.BOUND
    formulations: ClassVar[tuple[str, ...]] = ("lifted",)
    packages: ClassVar[tuple[str, ...]] = ("cvxpy", "clarabel")
    remedy: ClassVar[str] = "pip install clarabel"

    backend: str = "clarabel"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend not in BACKENDS:
            raise InputError("backend", f"{self.backend!r} is unknown", f"use one of {', '.join(BACKENDS)}")

    def prepare(self) -> None:
        """Start the solver's process, import CVXPY there, and compile the kernels here."""
        if find_spec(self.backend) is None:
            raise UnavailableError(f"backend {self.backend!r} is not installed: pip install 'endonet[outside]'")
        WORKER.ask(RELAX, tiny_economy(), self.backend, None, False)
        problem = tiny_economy()
        _bound(problem, Prices(np.zeros(problem.n), 1.0, 0.0, np.zeros(problem.rows.count)))
        likeliest(problem, np.ones(problem.n), np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8), None)

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Solve the relaxation, certify a bound with its multipliers, and round θ."""
        del formulation
        start, notes = given_start(problem, self.initial)
        relaxed, stopped = self._relax(problem)
        if stopped is StoppedBy.ERROR:
            notes.append(f"{self.backend} ends with {relaxed.raw!r} and no prices; the bound is that of free inputs")
        proved = [_bound(problem, prices) for prices in relaxed.prices or (_free(problem),)]
        bound, proof = min(proved, key=lambda entry: math.inf if entry[0] is None else entry[0])
        theta = start
        if relaxed.theta is not None:
            lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
            problem.rows.propagate(lower, upper)
            rounded = likeliest(problem, relaxed.theta, lower, upper, ROUNDING_SECONDS)
            choices = [choice for choice in (rounded, start) if choice is not None]
            theta = max(choices, key=lambda choice: problem.evaluate(choice).value, default=None)
        if theta is None:
            notes.append("no feasible decision is known: none near the relaxed one was found")
        return Finding(
            theta,
            Status.NO_SOLUTION if theta is None else Status.FEASIBLE,
            stopped,
            bound=bound,
            certificate=proof,
            raw_status=relaxed.raw,
            notes=tuple(notes),
            statistics=relaxed.statistics,
        )

    def _relax(self, problem: PlannerProblem) -> tuple[Relaxed, StoppedBy]:
        """Return the backend's answer, and why it ended."""
        if ceiling(problem).Q == 0:
            return Relaxed("nothing can be produced", np.zeros(problem.n)), StoppedBy.FINISHED
        limit = None if self.time_limit is None else max(self.time_limit, SHORTEST)
        patience = None if limit is None else limit + GRACE
        begun = time.perf_counter()
        try:
            arguments = (problem, self.backend, limit, self.log)
            relaxed: Relaxed = WORKER.ask(RELAX, *arguments, seconds=patience, log=self.log)
        except TimeoutError:
            return Relaxed("ended"), StoppedBy.TIME_LIMIT
        except KeyboardInterrupt:
            return Relaxed("ended"), StoppedBy.INTERRUPTED
        except WorkerError as error:
            return Relaxed(str(error)), StoppedBy.ERROR
        if not relaxed.prices:
            late = limit is not None and time.perf_counter() - begun >= limit
            return relaxed, StoppedBy.TIME_LIMIT if late else StoppedBy.ERROR
        return relaxed, StoppedBy.FINISHED


def relax(problem: PlannerProblem, backend: str, seconds: float | None, log: bool) -> Relaxed:
    """Solve the relaxation with one of the backends, and make prices of its multipliers."""
    import cvxpy as cp

    program = LIFTED.build(problem, Modeller.CVXPY, relaxed=True)
    if backend == "ecos":
        program = cp.Problem(program.objective, [part for row in program.constraints for part in exponential(row)])
    options: dict[str, Any] = {"verbose": log}
    if seconds is not None and backend in LIMITS:
        options[LIMITS[backend]] = seconds
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.solve(solver=BACKENDS[backend], **options)
    except cp.error.SolverError as error:
        return Relaxed(str(error))
    found = {row.label: row.dual_value for row in program.constraints if getattr(row, "label", None)}
    stats = program.solver_stats
    statistics = {"backend": backend, "iterations": getattr(stats, "num_iters", None)}
    duals = found.get("constraint_inputs")
    if program.status not in SOLVED or duals is None or not np.isfinite(duals).all():
        return Relaxed(str(program.status), statistics=statistics)
    value = {name: np.asarray(variable.value) for name, variable in program.var_dict.items() if name in "TMW"}
    theta = np.clip(program.var_dict["theta"].value, 0.0, 1.0)
    prices = _prices(problem, value, np.asarray(duals, dtype=np.float64), found)
    statistics["relaxation_value"] = LIFTED.output(problem, float(value["W"]))
    return Relaxed(str(program.status), theta, prices, statistics)


def _prices(problem: PlannerProblem, value: dict[str, Any], duals: Vector, found: dict[str, Any]) -> tuple[Prices, ...]:
    """Return the multipliers in units of log output per unit of y_j and of a row's side."""
    data = Shares.of(problem)
    W = max(float(value["W"]), 1e-12)
    scale = problem.sigma / ((problem.sigma - 1) * W)
    y = data.most.y
    pi = np.divide(scale * np.abs(duals), y, out=np.zeros(problem.n), where=y > 0)
    mu = np.zeros(problem.rows.count)
    for name, side, sign in (("upper", problem.rows.upper, 1.0), ("lower", problem.rows.lower, -1.0)):
        multipliers = found.get(f"constraint_rows_{name}")
        if multipliers is not None:
            mu[np.isfinite(side)] += sign * scale * np.maximum(np.asarray(multipliers, dtype=np.float64).ravel(), 0.0)
    h = scale * abs(float(found["constraint_output"]))
    w = scale * abs(float(found["constraint_labour"]))
    # two ways to linearise: where T or M is at a bound of its own, that takes a part of their rows' multipliers
    points = [(float(value["T"]), float(value["M"]))]
    if min(h, w) > STEEP:
        points.append((1 / ((problem.sigma - 1) * h), 1 - 1 / w))
    most = float(data.most.b.sum())
    return tuple(Prices(pi, float(np.clip(T, 1e-12, 1e12)) * most, min(M, INSIDE) * problem.L, mu) for T, M in points)


def exponential(row: Any) -> list[Any]:
    """Return a power cone z ≤ x^p y^(1−p) in two exponential ones, other rows as they are.

    That is  z exp(s/z) ≤ x,  z exp(t/z) ≤ y,  p s + (1−p) t ≥ 0;  where z = 0 the closure of the cones holds.
    """
    import cvxpy as cp

    if not isinstance(row, cp.PowCone3D):
        return [row]
    x, y, z = (cp.reshape(part, (part.size,), order="C") for part in row.args)
    p = np.broadcast_to(np.asarray(row.alpha.value, dtype=np.float64), x.shape)
    s, t = cp.Variable(x.size), cp.Variable(x.size)
    return [cp.ExpCone(s, z, x), cp.ExpCone(t, z, y), cp.multiply(p, s) + cp.multiply(1 - p, t) >= 0]


def _free(problem: PlannerProblem) -> Prices:
    """Return prices of zero, with final demand at its ceiling: the bound of free inputs."""
    T = float(Shares.of(problem).most.b.sum())
    return Prices(np.zeros(problem.n), max(T, 1e-300), 0.0, np.zeros(problem.rows.count))


def _bound(problem: PlannerProblem, prices: Prices) -> tuple[float | None, dict[str, Any]]:
    """Return the bound on Y that prices prove, and its certificate."""
    reach = certificate.reach(problem)
    exact = certificate.rounded(prices, reach)
    rules = Replay(problem)
    box = rules.root()
    if rules.tighten(box) and box.top > -math.inf:
        rules.apply(box, exact, math.inf)
    top = box.top
    proof = {
        "kind": certificate.KIND,
        "version": certificate.VERSION,
        "order": [],
        "prices": [certificate.pack(exact, reach)],
        "nodes": [{"parent": -1, "firm": -1, "value": -1, "rounds": [0]}],
    }
    return (math.exp(top + SAFETY) if top < LARGEST_LOG else None), proof
