"""The relaxed problem without reshaping: θ_j in [0, 1], q_j linear in θ_j (paper 001, Table 1, panel B).

With the exponents a = 1, b = 0 in (10) the objective is not concave, so what comes out depends on where one starts,
which the paper leaves open. Two starts are offered:

* ``"ones"``, the corner iteration: the first-order conditions of appendix B without reshaping, from every firm on. For
  an
  active firm the condition is u_k ≥ f_k / (L − Σ f θ), u_k = ∂ log Q / ∂ log q_k; an idle firm with σ, ε > 2 has no
  marginal gain and stays idle, so firms only leave. This reproduces the paper's numbers.
* ``"half"`` or an array: a bounded quasi-Newton method (L-BFGS-B) on log Y(θ) with the exact gradient

      ∂ log Y / ∂θ_k = u_k / θ_k − f_k / (L − Σ_j f_j θ_j),       a_j = θ_j^(ε−1) Z_j y_j^α_j

  from one adjoint solve; then θ is rounded: θ_k ≥ ½ operates. If the fixed costs of those exceed the labour there is,
  the ones with the smallest θ_k are left out.

What it is worth: nothing but the conditions of the relaxed problem, and for a rounded θ not even those.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import Bounds, minimize

from endonet.formulations.errors import EndonetError, InputError
from endonet.formulations.planner.fixed_point import input_sums
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.base import Solver
from endonet.solvers.planner import conditions, kernels, reshaping
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

SETTLED = 1e-12
LEAST_THETA = 1e-6
LEAST_LABOUR = 1e-6
CORNER = 1e-4


@dataclass(frozen=True, kw_only=True)
class Relaxation(Solver[PlannerProblem]):
    """The relaxed problem without reshaping, from a start of one's choice (paper 001, section 2.3, Table 1, panel B).

    ``STATIONARY``: the first-order conditions of the relaxed problem hold at this θ. ``NOT_CONVERGED``: a limit or
    cycle came first, or the relaxed solution was fractional and had to be rounded; a note says which.

    Parameters
    ----------
    start : {"ones", "half"} or array_like of numbers in [0, 1], shape (n,), default "ones"
        ``"ones"``: corner iteration. Otherwise L-BFGS-B from θ = ½ or from the array, then rounding at ½.
    initial : array_like of 0 and 1, optional
        With ``start="ones"``: the corner to iterate from, instead of all ones.
    max_iterations : int, default 1000
        Rounds of the corner iteration or iterations of L-BFGS-B.
    tolerance : float, default 1e-9
        L-BFGS-B stops once no projected gradient of log Y exceeds it.
    """

    name: ClassVar[str] = "relaxation"
    title: ClassVar[str] = "Relaxation: the relaxed problem without reshaping, from a chosen start"
    proves: ClassVar[Proves] = Proves.STATIONARY_POINT

    start: Any = "ones"
    max_iterations: int = 1000
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_iterations < 1:
            raise InputError("max_iterations", f"{self.max_iterations} is too small", "give a number ≥ 1")
        if not self.tolerance > 0:
            raise InputError("tolerance", f"{self.tolerance} is not positive", "give a number > 0")
        if isinstance(self.start, str) and self.start not in ("ones", "half"):
            raise InputError("start", f"{self.start!r} is unknown", "use ones, half or n numbers in [0, 1]")

    def refuses(self, problem: PlannerProblem) -> str:
        """Return the reason if there are rows on θ: rounding would not respect them."""
        if problem.rows.count:
            return "relaxation takes no rows on θ; use certified, enumeration or deviation, or drop the constraints"
        return ""

    def prepare(self) -> None:
        """Compile the kernels."""
        tiny = tiny_economy()
        tiny.evaluate(conditions.iterate(tiny, None, 2, reshaped=False).theta)
        Relaxed(tiny)(np.full(tiny.n, 0.5))

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Iterate at corners, or climb inside and round."""
        del formulation
        deadline = None if self.time_limit is None else time.perf_counter() + self.time_limit
        if isinstance(self.start, str) and self.start == "ones":
            path = conditions.iterate(problem, self.initial, self.max_iterations, reshaped=False, deadline=deadline)
            claim = Status.STATIONARY if path.converged else Status.NOT_CONVERGED
            notes, numbers = reshaping.notes(path), reshaping.statistics(path)
            return Finding(path.theta, claim, path.stopped_by, path.value, notes=notes, statistics=numbers)
        return self._climb(problem, self._inside(problem), deadline)

    def _inside(self, problem: PlannerProblem) -> Vector:
        if isinstance(self.start, str):
            return np.full(problem.n, 0.5)
        try:
            start = np.array(self.start, dtype=np.float64)
        except (TypeError, ValueError):
            start = np.empty(0)
        if start.shape != (problem.n,) or not ((start >= 0) & (start <= 1)).all():
            raise InputError("start", f"it is not {problem.n} numbers in [0, 1]", "use ones, half or such an array")
        return start

    def _climb(self, problem: PlannerProblem, start: Vector, deadline: float | None) -> Finding:
        if problem.evaluate(np.ones(problem.n)).Q == 0:
            note = "no network of this economy produces anything"
            return Finding(np.zeros(problem.n, np.int8), Status.NOT_CONVERGED, claimed_value=0.0, notes=(note,))
        relaxed = Relaxed(problem)
        least = relaxed.least_theta
        latest = np.clip(start, least, 1.0)
        ended, message, iterations, converged = StoppedBy.FINISHED, "", 0, False

        def keep(theta: Vector) -> None:
            nonlocal latest, ended, iterations
            latest, iterations = theta.copy(), iterations + 1
            if deadline is not None and time.perf_counter() > deadline:
                ended = StoppedBy.TIME_LIMIT
                raise StopIteration

        try:
            # The stubs of scipy know no callable object that returns value and gradient together.
            climb: Any = minimize
            limits = {
                "maxiter": self.max_iterations,
                "maxfun": 10**9,
                "gtol": self.tolerance,
                "ftol": 0.0,
            }
            box = Bounds(np.full(problem.n, least), np.ones(problem.n))
            result = climb(relaxed, latest, jac=True, method="L-BFGS-B", bounds=box, callback=keep, options=limits)
            latest, message = result.x, str(result.message)
            converged = bool(result.success) and ended is StoppedBy.FINISHED
            if result.status == 1 and ended is StoppedBy.FINISHED:
                ended = StoppedBy.ITERATION_LIMIT
        except KeyboardInterrupt:
            ended = StoppedBy.INTERRUPTED
        theta = _round(problem, latest)
        fractional = int(((latest > least + CORNER) & (latest < 1 - CORNER)).sum())
        notes = ["θ_k ≥ ½ was rounded to 1, the rest to 0"]
        if fractional:
            notes.append(f"{fractional} firms were fractional before rounding")
        report = {
            "iterations": iterations,
            "evaluations": relaxed.evaluations,
            "fractional": fractional,
            "relaxed_value": math.exp(-relaxed(latest)[0]),
        }
        claim = Status.STATIONARY if converged and not fractional else Status.NOT_CONVERGED
        return Finding(theta, claim, ended, raw_status=message, notes=tuple(notes), statistics=report)


class Relaxed:
    """−log Y of the relaxed problem and its gradient, as a function of θ in (0, 1]^n.

    Where the fixed costs leave less than 1e-6 of all labour, the logarithm of labour is continued by its tangent.

    Attributes
    ----------
    least_theta : float
        The smallest θ_j for which no number leaves the range of doubles, at least 1e-6.
    evaluations : int
    """

    def __init__(self, problem: PlannerProblem) -> None:
        self.problem = problem
        self.economy = kernels.economy(problem)
        power = max(problem.epsilon, problem.sigma) - 1
        self.least_theta = max(LEAST_THETA, math.exp(-400 * (1 - float(problem.alpha.max())) / power))
        self.evaluations = 0
        self._everyone = np.ones(problem.n, np.int8)
        self._a, self._u = np.array(problem.Z), np.zeros(problem.n)

    def __call__(self, theta: Vector, /) -> tuple[float, Vector]:
        """Return (−log Y, its gradient)."""
        problem = self.problem
        self.evaluations += 1
        e = self.economy._replace(Z=theta ** (problem.epsilon - 1) * problem.Z)
        _, sweeps = kernels.settle(e, self._everyone, self._a, SETTLED)
        if sweeps < 0:
            raise EndonetError("the relaxed fixed point left the range of doubles; use a start closer to 1")
        y = input_sums(e.indptr, e.suppliers, e.weight, self._a)
        T = kernels.power_sum(self._a, e.kappa)
        _, sweeps = kernels.adjoint(e, self._a, y, T, self._u, SETTLED)
        if sweeps < 0:
            raise EndonetError("the adjoint did not settle; alpha is too close to 1 for doubles")
        left, floor = float(problem.L - problem.f @ theta), float(LEAST_LABOUR * problem.L)
        log_labour = math.log(left) if left > floor else math.log(floor) + (left - floor) / floor
        value = float(math.log(T) / (problem.sigma - 1) + log_labour)
        gradient: Vector = self._u / theta - problem.f / max(left, floor)
        return -value, -gradient


def _round(problem: PlannerProblem, theta: Vector) -> Vector:
    """Return θ rounded at ½, without the firms of smallest θ_k whose fixed costs no labour is left for."""
    order = np.argsort(-theta, kind="stable")
    pays = (theta[order] >= 0.5) & (np.cumsum(np.where(theta[order] >= 0.5, problem.f[order], 0.0)) < problem.L)
    rounded = np.zeros(problem.n)
    rounded[order[pays]] = 1.0
    return rounded
