"""The convex relaxation of the planner's problem over a box of choices, by outer approximation in HiGHS.

All quantities are scaled by what they can be at most, so that everything lies in [0, 1]:

    s_j = a_j/ā_j,   t_j = b_j/b̄_j,   u_j = y_j/ȳ_j = Σ_i Γ̄_ij s_i,   Γ̄_ij = Ω_ij ā_i/ȳ_j

    max  τ/(σ−1) + ℓ,   τ ≤ log Σ_j (b̄_j/T̄) t_j,   ℓ ≤ log(1 − Σ_j (f_j/L) θ_j)

and for every firm the convex hull of its choices, {θ = 0, s = t = 0, u ∈ [u̲, 1]} ∪ {θ = 1, s ≤ u^α, t ≤ u^(ακ), u ∈ [u̲, 1]}:
with r = u − u̲ (1 − θ), the input that is left if the firm's other self takes u̲ (1 − θ),

    s ≤ θ^(1−α) r^α,   t ≤ θ^(1−ακ) r^(ακ)   (if ακ ≤ 1),   s ≤ θ,   t ≤ θ,

whose tangents are homogeneous with one parameter ρ = r/θ:   s ≤ (1−e) ρ^e θ + e ρ^(e−1) r. Where ακ > 1 the hull is that of
the curve, cut off by rows c s + h t ≤ p r + d θ, each the tangent of the concave envelope of c u^α + h u^(ακ).

The linear program is only a source of prices: `dual_bound` proves what they are worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import highspy
import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner.certificate import Box
from endonet.solvers.planner.dual_bound import Prices
from endonet.solvers.planner.envelope import Envelope

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

Index = NDArray[np.int64]

OPTIMAL = highspy.HighsModelStatus.kOptimal
INFEASIBLE = highspy.HighsModelStatus.kInfeasible
OUT_OF_TIME = highspy.HighsModelStatus.kTimeLimit


@dataclass(eq=False)
class Cuts:
    """Tangents found so far, in units that survive a change of the box.

    A cut of firm j reads  c a + h b ≤ slope · (y − y̲ (1−θ)) + height · θ,  with (c, h) = direction, in the scaled
    variables of the box in which it is written; what is kept is the point y where it touches and its direction.
    """

    firm: Index = field(default_factory=lambda: np.empty(0, np.int64))
    kind: Index = field(default_factory=lambda: np.empty(0, np.int64))  # 0: a, 1: b, 2: both (ακ > 1)
    point: Vector = field(default_factory=lambda: np.empty(0))
    mix: Vector = field(default_factory=lambda: np.empty(0))  # kind 2: share of a's direction in scaled units

    def add(self, firm: Index, kind: Index, point: Vector, mix: Vector) -> None:
        """Append cuts."""
        self.firm = np.concatenate([self.firm, firm])
        self.kind = np.concatenate([self.kind, kind])
        self.point = np.concatenate([self.point, point])
        self.mix = np.concatenate([self.mix, mix])

    def keep(self, mask: NDArray[np.bool_]) -> Cuts:
        """Return the cuts under a mask."""
        return Cuts(self.firm[mask], self.kind[mask], self.point[mask], self.mix[mask])


@dataclass(frozen=True, eq=False)
class Point:
    """A solution of the linear program.

    Attributes
    ----------
    theta : array, shape (n,)
        Relaxed decisions; decided firms have their value.
    prices : Prices
        The duals, as prices for `dual_bound`.
    objective : float
        The program's own optimal value, in log Y.
    """

    theta: Vector
    prices: Prices
    objective: float
    s: Vector
    t: Vector
    u: Vector


class Infeasible(Exception):
    """The program is infeasible; ``mu`` are Farkas multipliers of the rows on θ, if HiGHS gives any."""

    def __init__(self, mu: Vector) -> None:
        self.mu = mu
        super().__init__("the relaxation is infeasible")


class NoAnswer(Exception):
    """HiGHS stopped without an optimum."""


class OuterModel:
    """The linear program over one box; cuts are added to it until the hull is met closely enough."""

    def __init__(
        self,
        problem: PlannerProblem,
        choices: Box,
        cuts: Cuts,
        centre: tuple[float, float],
    ) -> None:
        assert choices.envelope is not None
        self.problem = problem
        lower, upper, box = choices.lower, choices.upper, choices.envelope
        self.lower, self.upper, self.box = lower, upper, box
        n = problem.n
        self.same = problem.kappa == 1.0
        self.beta = problem.alpha * problem.kappa
        self.live = np.flatnonzero((upper == 1) & (box.y_high > 0) & (box.a_high > 0))
        self.open = np.flatnonzero(lower != upper)
        self.place = np.full(n, -1, np.int64)
        self.place[self.live] = np.arange(self.live.size)
        self.choice = np.full(n, -1, np.int64)
        self.choice[self.open] = np.arange(self.open.size)
        live = self.live
        self.yh = box.y_high
        self.ah = problem.Z * self.yh**problem.alpha
        self.bh = problem.Zb * self.yh**self.beta
        self.ul = np.zeros(n)
        self.ul[live] = np.minimum(box.y_low[live] / self.yh[live], 1.0)
        self.T = float(self.bh[live].sum())
        fixed_cost = float(problem.f @ lower)
        self.fixed_cost = fixed_cost
        free_cost = float(problem.f[self.open].max()) if self.open.size else 0.0
        self.scale = (problem.L - fixed_cost) / free_cost if free_cost > 0 else 1.0
        self.scale = min(max(self.scale, 1.0), 1e7)
        k, m = live.size, self.open.size
        self.cs, self.cu, self.ct = 0, k, 2 * k
        self.cz = 2 * k if self.same else 3 * k
        if self.same:
            self.ct = self.cs
        self.cT, self.cM, self.ctau, self.cell = self.cz + m, self.cz + m + 1, self.cz + m + 2, self.cz + m + 3
        self.columns = self.cz + m + 4
        self.highs = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("presolve", "off"),
            ("solver", "simplex"),
            ("threads", 1),
            ("parallel", "off"),
            ("dual_feasibility_tolerance", 1e-9),
            ("primal_feasibility_tolerance", 1e-9),
        ):
            self.highs.setOptionValue(option, value)
        self.cuts = Cuts()
        self.tau_points: list[float] = []
        self.ell_points: list[float] = []
        self._build(cuts, centre)

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self, cuts: Cuts, centre: tuple[float, float]) -> None:
        problem, live, k, m = self.problem, self.live, self.live.size, self.open.size
        inf = highspy.kHighsInf
        low = np.zeros(self.columns)
        high = np.ones(self.columns)
        on = self.lower[live] == 1
        low[self.cs : self.cs + k] = np.where(on, np.minimum(self.ul[live] ** problem.alpha[live], 1.0), 0.0)
        low[self.cu : self.cu + k] = self.ul[live]
        if not self.same:
            low[self.ct : self.ct + k] = np.where(on, np.minimum(self.ul[live] ** self.beta[live], 1.0), 0.0)
        low[self.cT], high[self.cT] = -inf, inf
        low[self.cM], high[self.cM] = -inf, inf
        low[self.ctau :], high[self.ctau :] = -inf, inf
        cost = np.zeros(self.columns)
        cost[self.ctau] = -self.scale / (problem.sigma - 1)
        cost[self.cell] = -self.scale

        blocks: list[tuple[sp.csr_array, Vector, Vector]] = []
        Omega = problem.Omega[live][:, live].tocsc()
        data = Omega.data * self.ah[live][Omega.indices] / np.repeat(self.yh[live], np.diff(Omega.indptr))
        inputs = sp.csc_array((-data, Omega.indices, Omega.indptr), shape=(k, k)).T
        block = [inputs, sp.eye_array(k)] + [sp.csr_array((k, self.columns - 2 * k))]
        blocks.append((sp.hstack(block, format="csr"), np.full(k, -inf), np.zeros(k)))
        self.row_inputs = 0
        total = np.zeros(self.columns)
        total[self.ct : self.ct + k] = -self.bh[live] / self.T
        total[self.cT] = 1.0
        spent = np.zeros(self.columns)
        spent[self.cz : self.cz + m] = -problem.f[self.open] / problem.L
        spent[self.cM] = 1.0
        blocks.append(
            (
                sp.csr_array(np.vstack([total, spent])),
                np.array([-inf, self.fixed_cost / problem.L]),
                np.array([0.0, inf]),
            )
        )
        undecided = self.choice[live] >= 0
        who = np.flatnonzero(undecided)
        self.row_caps = k + 2
        cap = sp.csr_array(
            (
                np.r_[np.ones(who.size), -np.ones(who.size)],
                (np.r_[np.arange(who.size)] if who.size == 0 else np.r_[np.arange(who.size), np.arange(who.size)],
                 np.r_[self.cs + who, self.cz + self.choice[live][who]]),
            ),
            shape=(who.size, self.columns),
        ) if who.size else sp.csr_array((0, self.columns))
        blocks.append((cap, np.full(who.size, -inf), np.zeros(who.size)))
        if not self.same and who.size:
            cap_t = sp.csr_array(
                (
                    np.r_[np.ones(who.size), -np.ones(who.size)],
                    (np.r_[np.arange(who.size), np.arange(who.size)],
                     np.r_[self.ct + who, self.cz + self.choice[live][who]]),
                ),
                shape=(who.size, self.columns),
            )
            blocks.append((cap_t, np.full(who.size, -inf), np.zeros(who.size)))
        self.row_sides = sum(b[0].shape[0] for b in blocks)
        rows = problem.rows
        if rows.count:
            moved = rows.G @ self.lower.astype(np.float64)
            G = rows.G[:, self.open].tocoo()
            side = sp.csr_array((G.data, (G.row, self.cz + G.col)), shape=(rows.count, self.columns))
            blocks.append((side, rows.lower - moved, rows.upper - moved))
        A = sp.vstack([b[0] for b in blocks], format="csr")
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, A.shape[0]
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, low, high
        lp.row_lower_ = np.concatenate([b[1] for b in blocks])
        lp.row_upper_ = np.concatenate([b[2] for b in blocks])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
        self.highs.passModel(lp)
        self.row_cuts = A.shape[0]
        self.rows_now = A.shape[0]
        self.row_of_cut = np.empty(0, np.int64)
        self.row_of_tau: list[int] = []
        self.row_of_ell: list[int] = []
        alive = (self.upper[cuts.firm] == 1) & (self.box.y_high[cuts.firm] > 0)
        self.add_cuts(cuts.keep(alive))
        T0, M0 = centre
        self._add_logs(
            [min(max(T0 / self.T, 1e-12), 1.0), 1.0], [min(max(M0 / problem.L, self.fixed_cost / problem.L), 1 - 1e-9)]
        )

    def add_cuts(self, cuts: Cuts) -> None:
        """Write cuts into the program."""
        count = cuts.firm.size
        if not count:
            return
        problem, j = self.problem, cuts.firm
        ul = self.ul[j]
        rho = np.clip(cuts.point / self.yh[j], np.maximum(ul, 1e-12), 1.0)
        slope, height, c, h = _tangent(cuts.kind, rho, ul, problem.alpha[j], self.beta[j], cuts.mix)
        undecided = self.choice[j] >= 0
        # c s + h t − slope u − (height + slope ul) θ ≤ −slope ul   where undecided; θ = 1 otherwise
        row = np.arange(count)
        entries = [(c, self.cs + self.place[j], row)]
        if self.same:
            entries = [(c + h, self.cs + self.place[j], row)]
        else:
            entries.append((h, self.ct + self.place[j], row))
        entries.append((-slope, self.cu + self.place[j], row))
        entries.append(((-height - slope * ul)[undecided], (self.cz + self.choice[j])[undecided], row[undecided]))
        A = sp.csr_array(
            (
                np.concatenate([e[0] for e in entries]),
                (np.concatenate([e[2] for e in entries]), np.concatenate([e[1] for e in entries])),
            ),
            shape=(count, self.columns),
        )
        A.eliminate_zeros()
        right = np.where(undecided, -slope * ul, height)
        self._add_rows(A, np.full(count, -highspy.kHighsInf), right)
        self.row_of_cut = np.concatenate([self.row_of_cut, self.rows_now - count + row])
        self.cuts.add(cuts.firm, cuts.kind, cuts.point, cuts.mix)

    def _add_logs(self, tau: list[float], ell: list[float]) -> None:
        inf = highspy.kHighsInf
        for T in tau:
            self.highs.addRow(-inf, np.log(T) - 1.0, 2, np.array([self.cT, self.ctau]), np.array([-1.0 / T, 1.0]))
            self.row_of_tau.append(self.rows_now)
            self.tau_points.append(T)
            self.rows_now += 1
        for M in ell:
            right = np.log1p(-M) + M / (1 - M)
            self.highs.addRow(-inf, right, 2, np.array([self.cM, self.cell]), np.array([1.0 / (1 - M), 1.0]))
            self.row_of_ell.append(self.rows_now)
            self.ell_points.append(M)
            self.rows_now += 1

    def _add_rows(self, A: sp.csr_array, low: Vector, high: Vector) -> None:
        self.highs.addRows(A.shape[0], low, high, A.nnz, A.indptr[:-1], A.indices, A.data)
        self.rows_now += A.shape[0]

    # -- solving -------------------------------------------------------------------------------------------------

    def solve(self, time_limit: float) -> Point:
        """Solve the program as it stands.

        Raises
        ------
        Infeasible
            With Farkas multipliers of the rows on θ.
        NoAnswer
            If HiGHS stops for any other reason.
        """
        highs, problem, live = self.highs, self.problem, self.live
        highs.setOptionValue("time_limit", highs.getRunTime() + max(time_limit, 1e-3))
        highs.run()
        status = highs.getModelStatus()
        if status not in (OPTIMAL, INFEASIBLE, OUT_OF_TIME):
            # a basis that has gone bad: start afresh once
            highs.clearSolver()
            highs.run()
            status = highs.getModelStatus()
        if status == INFEASIBLE:
            ok, exists, ray = highs.getDualRay()
            mu = np.zeros(problem.rows.count)
            if exists:
                mu = -np.asarray(ray)[self.row_sides : self.row_sides + problem.rows.count]
            raise Infeasible(mu)
        if status != OPTIMAL:
            raise NoAnswer(highs.modelStatusToString(status))
        solution = highs.getSolution()
        x = np.asarray(solution.col_value)
        dual = -np.asarray(solution.row_dual) / self.scale
        k = live.size
        theta = self.lower.astype(np.float64)
        theta[self.open] = np.clip(x[self.cz : self.cz + self.open.size], 0.0, 1.0)
        pi = np.zeros(problem.n)
        pi[live] = np.maximum(dual[self.row_inputs : self.row_inputs + k], 0.0) / self.yh[live]
        tau = np.maximum(dual[self.row_of_tau], 0.0)
        slope = float(np.sum(tau / np.array(self.tau_points)))
        T = self.T / ((problem.sigma - 1) * slope) if slope > 0 else self.T
        ell = np.maximum(dual[self.row_of_ell], 0.0)
        slope = float(np.sum(ell / (1 - np.array(self.ell_points))))
        M = problem.L * (1 - 1 / slope) if slope > 0 else self.fixed_cost
        M = min(max(M, 0.0), problem.L * (1 - 1e-9))
        mu = dual[self.row_sides : self.row_sides + problem.rows.count].copy()
        s, t, u = (np.zeros(problem.n) for _ in range(3))
        s[live] = x[self.cs : self.cs + k]
        t[live] = x[self.ct : self.ct + k]
        u[live] = x[self.cu : self.cu + k]
        self._totals = (float(x[self.cT]), float(x[self.cM]))
        objective = -highs.getInfo().objective_function_value / self.scale
        objective += np.log(self.T) / (problem.sigma - 1) + np.log(problem.L)
        return Point(theta, Prices(pi, T, M, mu), objective, s, t, u)

    def separate(self, point: Point, tolerance: float) -> int:
        """Add the tangents that the point violates by more than ``tolerance`` in log Y; return how many."""
        problem, j = self.problem, self.live
        c = problem.Omega @ point.prices.pi
        value_s = c[j] * self.ah[j]
        value_t = self.bh[j] / ((problem.sigma - 1) * point.prices.T)
        decided = self.lower[j] == 1
        theta = np.where(decided, 1.0, point.theta[j])
        firm, kind, rho, mix = _violated(
            theta,
            point.s[j],
            point.t[j],
            point.u[j],
            self.ul[j],
            problem.alpha[j],
            self.beta[j],
            value_s,
            value_t,
            self.same,
            tolerance,
        )
        found = int(firm.size)
        if found:
            firms = j[firm]
            self.add_cuts(Cuts(firms, kind, rho * self.yh[firms], mix))
        T, M = self._totals
        near_T = min(abs(T / p - 1) for p in self.tau_points)
        near_M = min(abs((M - p) / (1 - p)) for p in self.ell_points)
        tau = [T] if 0 < T and near_T**2 / (2 * (problem.sigma - 1)) > tolerance else []
        ell = [M] if M < 1 and near_M**2 / 2 > tolerance else []
        self._add_logs(tau, [min(m, 1 - 1e-9) for m in ell])
        return found + len(tau) + len(ell)

    def binding(self) -> Cuts:
        """Return the cuts that bind at the last solution, to start a nearby program from."""
        if not self.row_of_cut.size:
            return Cuts()
        dual = np.asarray(self.highs.getSolution().row_dual)[self.row_of_cut]
        return self.cuts.keep(np.abs(dual) > 0)


def starting_cuts(problem: PlannerProblem, upper: NDArray[np.int8], box: Envelope, y: Vector) -> Cuts:
    """Return tangents at the inputs ``y`` of a good choice and at the largest inputs, for every firm that may operate."""
    j = np.flatnonzero((upper == 1) & (box.y_high > 0))
    beta = problem.alpha[j] * problem.kappa
    cuts = Cuts()
    for point in (box.y_high[j], np.where(y[j] > 0, y[j], box.y_high[j])):
        cuts.add(j, np.zeros(j.size, np.int64), point, np.ones(j.size))
        if problem.kappa != 1.0:
            cuts.add(j, np.where(beta <= 1, 1, 2), point, np.zeros(j.size))
    return cuts


@njit(cache=True)
def _tangent(kind, rho, ul, alpha, beta, mix):
    """Return slope, height and direction (c, h) of each cut: c s + h t ≤ slope · r + height · θ."""
    count = rho.size
    slope = np.empty(count)
    height = np.empty(count)
    c = np.empty(count)
    h = np.empty(count)
    for q in range(count):
        if kind[q] == 0:
            e = alpha[q]
            c[q], h[q] = 1.0, 0.0
            slope[q] = e * rho[q] ** (e - 1.0)
            height[q] = (1.0 - e) * rho[q] ** e
        elif kind[q] == 1:
            e = beta[q]
            c[q], h[q] = 0.0, 1.0
            slope[q] = e * rho[q] ** (e - 1.0)
            height[q] = (1.0 - e) * rho[q] ** e
        else:
            c[q], h[q] = mix[q], 1.0 - mix[q]
            slope[q], height[q] = _envelope_tangent(c[q], h[q], alpha[q], beta[q], ul[q], rho[q])
    return slope, height, c, h


@njit(cache=True)
def _envelope_tangent(c, h, alpha, beta, low, rho):
    """Tangent at ρ of the concave envelope on [low, 1] of c u^α + h u^β with α < 1 < β: the curve, then a chord to 1."""
    end = c + h
    left, right = low, 1.0
    for _ in range(60):
        # the chord from x to 1 is a tangent at x where φ(x) + φ'(x)(1 − x) = φ(1); left of that it lies above
        x = 0.5 * (left + right)
        gap = c * x**alpha + h * x**beta + (c * alpha * x ** (alpha - 1.0) + h * beta * x ** (beta - 1.0)) * (1.0 - x) - end
        if x > 0 and gap > 0:
            left = x
        else:
            right = x
    x = left
    if rho < x:
        slope = c * alpha * rho ** (alpha - 1.0) + h * beta * rho ** (beta - 1.0)
        return slope, c * rho**alpha + h * rho**beta - slope * rho
    value = c * x**alpha + h * x**beta
    if 1.0 - x < 1e-12:
        slope = c * alpha + h * beta
    else:
        slope = (end - value) / (1.0 - x)
    return slope, end - slope


@njit(cache=True)
def _violated(theta, s, t, u, ul, alpha, beta, value_s, value_t, same, tolerance):
    """Return (firm, kind, rho, mix) of the tangents that cut the point off by more than the tolerance in log Y."""
    k = theta.size
    firm = np.empty(2 * k, np.int64)
    kind = np.empty(2 * k, np.int64)
    rho = np.empty(2 * k)
    mix = np.empty(2 * k)
    found = 0
    for q in range(k):
        if theta[q] < 1e-9:
            continue
        r = u[q] - ul[q] * (1.0 - theta[q])
        ratio = min(max(r / theta[q], max(ul[q], 1e-9)), 1.0)
        worth = value_s[q] + value_t[q] if same else value_s[q]
        if worth * (s[q] - theta[q] * ratio ** alpha[q]) > tolerance:
            firm[found], kind[found], rho[found], mix[found] = q, 0, ratio, 1.0
            found += 1
        if same:
            continue
        if beta[q] <= 1.0:
            if value_t[q] * (t[q] - theta[q] * ratio ** beta[q]) > tolerance:
                firm[found], kind[found], rho[found], mix[found] = q, 1, ratio, 0.0
                found += 1
            continue
        both = value_s[q] + value_t[q]
        share = value_s[q] / both if both > 0 else 0.0
        slope, height = _envelope_tangent(share, 1.0 - share, alpha[q], beta[q], ul[q], ratio)
        excess = share * s[q] + (1.0 - share) * t[q] - slope * ratio * theta[q] - height * theta[q]
        if both * excess > tolerance:
            firm[found], kind[found], rho[found], mix[found] = q, 2, ratio, share
            found += 1
    return firm[:found], kind[:found], rho[:found], mix[:found]
