"""What follows from θ in the planner's problem (paper 001, section 2.2, appendix C.2): no solver, only (7) and algebra.

The order is the paper's: q from (7), Q and Y from (8), Γ and labour from (9), outputs from the corrected (19), flows
from (20), consumption, prices, sales, and the residuals of the *original* constraints (2) and (3) as a test of it all.

(19) as printed is wrong, since diag(q) and the Leontief inverse do not commute. With weights and firm-specific α:

    v = [I − Γ diag(α)]⁻¹ (q/Q)^(σ−1) · (L − Σ f θ),    y = q ∘ v,    l = (1 − α) ∘ v
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import UnsettledError
from endonet.formulations.planner import fixed_point

if TYPE_CHECKING:
    from endonet.formulations.planner.problem import PlannerProblem, Vector

SETTLED = 4e-16
MAX_SWEEPS = 1_000_000
LARGEST_LOG = 600.0
OUT_OF_RANGE = (
    "the productivities (7) leave the range of double precision or do not settle: alpha is too close to 1, or z and "
    "the weights spread too far, for these sigma and epsilon; use smaller ones"
)


@dataclass(frozen=True, eq=False)
class PlannerOutcome:
    """Everything that follows from the operating decisions θ.

    Quantities per firm are arrays of shape (n,); those of firms that do not produce are 0, their prices infinite.
    Goods are in physical units, prices and the wage in units of the final good.

    Attributes
    ----------
    problem : PlannerProblem
    theta : int8 array
        The operating decisions.
    a, inputs : arrays
        a_j = q_j^(ε−1) and its sum over suppliers, Σ_i Ω_ij a_i.
    q : array
        Labour productivities, the greatest solution of (7).
    Q : float
        Aggregate productivity, which is also the wage w.
    labour_left : float
        L − Σ f_j θ_j, exactly 0 if it is within 1e-12 L of 0.
    """

    problem: PlannerProblem
    theta: NDArray[np.int8]
    a: Vector
    inputs: Vector
    q: Vector
    Q: float
    labour_left: float

    @property
    def value(self) -> float:
        """Aggregate output Y, equation (8); 0 if the fixed costs exceed the labour there is."""
        return self.Q * max(self.labour_left, 0.0)

    @property
    def Y(self) -> float:
        """Aggregate output, the same as ``value``."""
        return self.value

    @property
    def feasible(self) -> bool:
        """Whether the fixed costs leave labour and every row on θ holds."""
        return not self.violations

    @cached_property
    def violations(self) -> tuple[str, ...]:
        """One sentence for each constraint on θ that is violated."""
        problem = self.problem
        found = []
        if self.labour_left < 0:
            found.append(f"fixed costs exceed labour: Σ f θ = {problem.L - self.labour_left:g} > L = {problem.L:g}")
        broken = problem.rows.violated(self.theta.astype(np.float64))
        found += [f"constraints[{r}] is violated: {problem.constraints[r]}" for r in broken]
        return tuple(found)

    @property
    def producing(self) -> NDArray[np.bool_]:
        """Which firms produce: active, with access to a closed loop of active suppliers."""
        return self.q > 0

    @property
    def b(self) -> Vector:
        """b_j = q_j^(σ−1), what firm j adds to Q^(σ−1)."""
        return self.q ** (self.problem.sigma - 1)

    @cached_property
    def Gamma(self) -> sp.csc_array:
        """Γ_jk = Ω_jk q_j^(ε−1) / Σ_i Ω_ik q_i^(ε−1), the weight of supplier j for buyer k; columns sum to 1 or 0."""
        Omega = self.problem.Omega
        data = Omega.data * self.a[Omega.indices]
        divisor = np.where(self.producing, self.inputs, np.inf)
        data /= np.repeat(divisor, np.diff(Omega.indptr))
        return sp.csc_array((data, Omega.indices, Omega.indptr), shape=Omega.shape)

    @cached_property
    def v(self) -> Vector:
        """Labour embodied in each firm's output, v_j = y_j / q_j; the solution of the Leontief system."""
        problem, Omega = self.problem, self.problem.Omega
        if self.Q == 0.0 or self.labour_left <= 0:
            return np.zeros(problem.n)
        demand = (self.q / self.Q) ** (problem.sigma - 1) * self.labour_left
        v, sweeps = fixed_point.leontief(
            Omega.indptr, Omega.indices, Omega.data, self.a, self.inputs, problem.alpha, demand, SETTLED, MAX_SWEEPS
        )
        if sweeps < 0:
            raise UnsettledError("the Leontief system (9) did not settle; the input shares alpha are too close to 1")
        embodied: Vector = v
        return embodied

    @property
    def l(self) -> Vector:  # noqa: E743 - the paper's symbol
        """Labour used in production by each firm, equation (9)."""
        return (1 - self.problem.alpha) * self.v

    @property
    def y(self) -> Vector:
        """Output of each firm, equation (19) corrected."""
        return self.q * self.v

    @cached_property
    def x(self) -> sp.csc_array:
        """Flows of goods: ``x[i, j]`` from supplier i to buyer j, equation (20) with the factor Ω_ij."""
        flows = self.Gamma.copy()
        flows.data *= self.q[flows.indices]
        flows.data *= np.repeat(self.problem.alpha * self.v, np.diff(flows.indptr))
        return flows

    @property
    def c(self) -> Vector:
        """Final consumption of each good, c_j = (q_j/Q)^σ Y."""
        if self.Q == 0.0:
            return np.zeros(self.problem.n)
        return (self.q / self.Q) ** self.problem.sigma * self.value

    @property
    def wage(self) -> float:
        """The multiplier w of the labour constraint (3), equal to Q."""
        return self.Q

    @property
    def prices(self) -> Vector:
        """The multipliers λ_j = w / q_j of the goods constraints (2), with the final good as numeraire."""
        prices: Vector = np.divide(self.Q, self.q, out=np.full(self.problem.n, np.inf), where=self.q > 0)
        return prices

    @property
    def sales(self) -> Vector:
        """λ_j y_j, in units of the final good."""
        return self.Q * self.v

    @cached_property
    def residual_goods(self) -> Vector:
        """Production minus use of each good in the original constraint (2), relative to production; 0 where neither is.

        Production is recomputed from flows and labour by the production function itself, not from the formulas above.
        """
        problem, x = self.problem, self.x
        rho = (problem.epsilon - 1) / problem.epsilon
        terms = problem.Omega.data ** (1 / problem.epsilon) * x.data**rho
        bundle = _segment_sums(terms, x.indptr)
        alpha, labour = problem.alpha, self.l
        made = (
            problem.A
            * problem.z
            * bundle ** (alpha / rho)
            * labour ** (1 - alpha)
            / (alpha**alpha * (1 - alpha) ** (1 - alpha))
        )
        made = np.where(self.theta == 1, made, 0.0)
        used = self.c + np.bincount(x.indices, weights=x.data, minlength=problem.n)
        gap: Vector = np.divide(made - used, made, out=-used, where=made > 0)
        return gap

    @cached_property
    def residual_labour(self) -> float:
        """(L − Σ l_j − Σ f_j θ_j) / L, constraint (3); where nobody produces all labour is left over."""
        problem = self.problem
        return float((problem.L - self.l.sum() - problem.f @ self.theta) / problem.L)

    def to_dict(self) -> dict[str, Any]:
        """Return what follows from θ: single numbers first, then arrays of shape (n,), one for each quantity."""
        return {
            "Q": self.Q,
            "labour_left": self.labour_left,
            "operating": int(self.theta.sum()),
            "producing": int(self.producing.sum()),
            "residual_goods": float(np.abs(self.residual_goods).max()),
            "residual_labour": self.residual_labour,
            "theta": self.theta,
            "q": self.q,
            "price": self.prices,
            "labour": self.l,
            "output": self.y,
            "consumption": self.c,
            "sales": self.sales,
        }

    def __repr__(self) -> str:
        active, producing = int(self.theta.sum()), int(self.producing.sum())
        return f"<PlannerOutcome: Y={self.value:.9g}, {active} of {self.problem.n} firms operate, {producing} produce>"


def evaluate(problem: PlannerProblem, theta: ArrayLike, start: Vector | None = None) -> PlannerOutcome:
    """Return the outcome of θ; see `PlannerProblem.evaluate`."""
    choice = problem.operating(theta)
    Omega = problem.Omega
    out_ptr, buyers = problem.buyers
    alive = fixed_point.productive(Omega.indptr, Omega.indices, out_ptr, buyers, choice)
    a = problem.Z.copy() if start is None else np.maximum(start, 1e-200)
    sweeps = fixed_point.iterate(
        Omega.indptr, Omega.indices, Omega.data, problem.Z, problem.alpha, alive, a, SETTLED, MAX_SWEEPS
    )
    if sweeps < 0:
        raise UnsettledError(OUT_OF_RANGE)
    inputs = fixed_point.input_sums(Omega.indptr, Omega.indices, Omega.data, a)
    with np.errstate(over="ignore"):  # infinite ones are refused below
        q = np.where(alive == 1, problem.A * problem.z * inputs ** (problem.alpha / (problem.epsilon - 1)), 0.0)
    top = q.max()
    power = problem.sigma - 1
    if alive.any() and not top > 0:
        raise UnsettledError(OUT_OF_RANGE)  # who produces something would seem to produce nothing
    if top > 0 and not abs(power * np.log(top)) < LARGEST_LOG:
        raise UnsettledError(OUT_OF_RANGE)
    with np.errstate(over="ignore"):
        Q = float(top * np.sum((q / top) ** power) ** (1 / power)) if top > 0 else 0.0
    if not math.isfinite(Q * problem.L):
        raise UnsettledError(OUT_OF_RANGE)
    return PlannerOutcome(problem, choice, a, inputs, q, Q, problem.labour_left(choice))


def _segment_sums(values: Vector, indptr: NDArray[np.int32]) -> Vector:
    """Sum ``values`` over the segments of ``indptr``, empty segments included."""
    out = np.zeros(indptr.size - 1)
    filled = np.flatnonzero(np.diff(indptr))
    if filled.size:
        out[filled] = np.add.reduceat(values, indptr[filled])
    return out
