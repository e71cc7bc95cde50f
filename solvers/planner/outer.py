"""The convex relaxation of the planner's problem over a box of choices, by outer approximation in HiGHS.

All quantities are scaled by what they can be at most, so that everything lies in [0, 1]:

    s_j = a_j/ā_j,   t_j = b_j/b̄_j,   u_j = y_j/ȳ_j = Σ_i Γ̄_ij s_i,   Γ̄_ij = Ω_ij ā_i/ȳ_j

    max  τ/(σ−1) + ℓ,   τ ≤ log Σ_j (b̄_j/T̄) t_j,   ℓ ≤ log(1 − Σ_j (f_j/L) θ_j)

and for every firm the convex hull of its choices,

    {θ = 0, s = t = 0, u ∈ [u̲, 1]}  ∪  {θ = 1, s ≤ u^α, t ≤ u^(ακ), u ∈ [u̲, 1]}

that is, with r = u − u̲ (1 − θ), the input that is left if the firm's other self takes u̲ (1 − θ),

    s ≤ θ^(1−α) r^α,   t ≤ θ^(1−ακ) r^(ακ)   (if ακ ≤ 1),   s ≤ θ,   t ≤ θ,

whose tangents are homogeneous with one parameter ρ = r/θ:   s ≤ (1−e) ρ^e θ + e ρ^(e−1) r. Where ακ > 1 the hull is
that of the curve, cut off by rows c s + h t ≤ p r + d θ, each a tangent of the concave envelope of c u^α + h u^(ακ).

The linear program is only a source of prices: `dual_bound` proves what they are worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from endonet.formulations.planner.evaluation import PlannerOutcome
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.highs import serial
from endonet.solvers.planner.certificate import Box
from endonet.solvers.planner.dual_bound import Prices

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

Index = NDArray[np.int64]

OPTIMAL = highspy.HighsModelStatus.kOptimal
INFEASIBLE = highspy.HighsModelStatus.kInfeasible
OUT_OF_TIME = highspy.HighsModelStatus.kTimeLimit
INFINITY = highspy.kHighsInf
AT_LOWER = int(highspy.HighsBasisStatus.kLower)
BASIC = int(highspy.HighsBasisStatus.kBasic)
AT_UPPER = int(highspy.HighsBasisStatus.kUpper)
DUAL, PRIMAL = 1, 4  # HiGHS's simplex_strategy
LARGE, TANGLED = 3000, 10  # firms, and links a firm
STATUSES = sorted(highspy.HighsBasisStatus.__members__.values(), key=int)
OPTIONS = {
    "presolve": "off",
    "solver": "simplex",
    "dual_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
    # Devex: exact steepest-edge weights for a basis from elsewhere cost more than the iterations that follow.
    "simplex_dual_edge_weight_strategy": 1,
}


@dataclass(frozen=True, eq=False)
class Cuts:
    """Tangents, in terms that survive a change of the box; arrays of one length.

    Attributes
    ----------
    firm : whose hull they support.
    kind : 0 for a, 1 for b, 2 for both together (ακ > 1).
    point : the input y where they touch.
    mix : kind 2: the weight of a in the direction (c, h) = (mix, 1 − mix), in scaled units.
    status : basis status of the row, as HiGHS numbers them; 1 (basic) for a new one.
    """

    firm: Index
    kind: Index
    point: Vector
    mix: Vector
    status: Index

    @classmethod
    def new(cls, firm: Index, kind: Index | int, point: Vector, mix: Vector | float) -> Cuts:
        """Return cuts that no program has seen yet."""
        ones = np.ones(firm.size)
        return cls(firm, kind * ones.astype(np.int64), point, mix * ones, np.full(firm.size, BASIC))

    @classmethod
    def join(cls, parts: Sequence[Cuts]) -> Cuts:
        """Return all cuts of several lists."""
        return cls(*(np.concatenate([getattr(c, f.name) for c in parts]) for f in fields(cls)))

    def keep(self, mask: NDArray[np.bool_]) -> Cuts:
        """Return the cuts under a mask."""
        return Cuts(*(getattr(self, f.name)[mask] for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Warm:
    """Where a program ended, for a nearby program to start from.

    Attributes
    ----------
    cuts : Cuts
        The tangents that bind.
    T, M : lists
        Where the logarithms are touched by the tangents that bind.
    status : dict
        Basis status of each block of columns and rows, by firm or row on θ.
    primal : bool
        Whether the basis is that of a feasible point, which the primal simplex method goes on from.
    """

    cuts: Cuts
    T: list[float]
    M: list[float]
    status: dict[str, Index] = field(default_factory=dict)
    primal: bool = False


@dataclass(frozen=True, eq=False)
class Point:
    """A solution of the linear program; arrays of shape (n,).

    Attributes
    ----------
    theta : relaxed decisions; decided firms have their value.
    prices : the duals, as prices for `dual_bound`.
    objective : the program's own optimal value, in log Y.
    s, t, u : scaled outputs and inputs, 0 for firms outside the program.
    T, M : scaled sums under the logarithms.
    """

    theta: Vector
    prices: Prices
    objective: float
    s: Vector
    t: Vector
    u: Vector
    T: float
    M: float


class InfeasibleError(Exception):
    """The program is infeasible; ``mu`` are Farkas multipliers of the rows on θ, if HiGHS gives any."""

    def __init__(self, mu: Vector) -> None:
        self.mu = mu
        super().__init__("the relaxation is infeasible")


class NoAnswerError(Exception):
    """HiGHS stopped without an optimum."""


class OuterModel:
    """The linear program over one box; cuts are added to it until the hull is met closely enough."""

    def __init__(self, problem: PlannerProblem, box: Box, warm: Warm) -> None:
        assert box.envelope is not None
        self.problem, self.box = problem, box
        self.y_high = box.envelope.y_high
        self.live = np.flatnonzero((box.upper == 1) & (self.y_high > 0))
        self.open = np.flatnonzero(box.lower != box.upper)
        self.same = problem.kappa == 1.0
        self.beta = problem.alpha * problem.kappa
        self.a_high = problem.Z * self.y_high**problem.alpha
        self.b_high = problem.Zb * self.y_high**self.beta
        self.u_low = np.zeros(problem.n)
        self.u_low[self.live] = np.minimum(box.envelope.y_low[self.live] / self.y_high[self.live], 1.0)
        self.T = float(self.b_high[self.live].sum())
        self.spent = float(problem.f @ box.lower)
        if not self.T > 0 or (self.live.size and not self.a_high[self.live].min() > 0):
            raise NoAnswerError  # what may be produced here is too little for doubles
        # One firm's fixed cost is to weigh about 1 in the objective, far above the tolerances of HiGHS.
        dearest = float(problem.f[self.open].max()) if self.open.size else 0.0
        self.scale = min(max((problem.L - self.spent) / dearest, 1.0), 1e7) if dearest > 0 else 1.0
        self._number_columns()
        self.highs = serial(OPTIONS)
        self._pass_fixed_part()
        self.cuts = Cuts.new(np.empty(0, np.int64), 0, np.empty(0), 0.0)
        self.row_of_cut = np.empty(0, np.int64)
        self.log_T: list[tuple[int, float]] = []
        self.log_M: list[tuple[int, float]] = []
        inside = (box.upper[warm.cuts.firm] == 1) & (self.y_high[warm.cuts.firm] > 0)
        self._add_cuts(warm.cuts.keep(inside))
        self._touch_logarithms(
            [min(max(T / self.T, 1e-12), 1.0) for T in warm.T] + [1.0],
            [min(max(M, self.spent) / problem.L, 1 - 1e-9) for M in warm.M] + [min(self.spent / problem.L, 1 - 1e-9)],
        )
        if warm.status:
            self._start_from(warm.status)
        self.highs.setOptionValue("simplex_strategy", PRIMAL if warm.primal else DUAL)

    # -- building --------------------------------------------------------------------------------------------------

    def _number_columns(self) -> None:
        k, m = self.live.size, self.open.size
        self.place = np.full(self.problem.n, -1, np.int64)
        self.place[self.live] = np.arange(k)
        self.choice = np.full(self.problem.n, -1, np.int64)
        self.choice[self.open] = np.arange(m)
        self.col_s, self.col_u = 0, k
        self.col_t = self.col_s if self.same else 2 * k
        self.col_theta = 2 * k if self.same else 3 * k
        self.col_T, self.col_M, self.col_tau, self.col_ell = (self.col_theta + m + i for i in range(4))
        self.columns = self.col_theta + m + 4

    def _pass_fixed_part(self) -> None:
        problem, live, k, m = self.problem, self.live, self.live.size, self.open.size
        low, high = np.zeros(self.columns), np.ones(self.columns)
        surely, least = self.box.lower[live] == 1, self.u_low[live]
        low[self.col_u : self.col_u + k] = least
        low[self.col_s : self.col_s + k] = np.where(surely, least ** problem.alpha[live], 0.0)
        if not self.same:
            low[self.col_t : self.col_t + k] = np.where(surely, least ** self.beta[live], 0.0)
        low[self.col_T :], high[self.col_T :] = -INFINITY, INFINITY
        cost = np.zeros(self.columns)
        cost[self.col_tau] = -self.scale / (problem.sigma - 1)
        cost[self.col_ell] = -self.scale

        Omega = problem.Omega[live][:, live].tocsc()
        buyer = np.repeat(np.arange(k), np.diff(Omega.indptr))
        share = Omega.data * self.a_high[live][Omega.indices] / self.y_high[live][buyer]
        undecided = np.flatnonzero(self.choice[live] >= 0)
        rank, theirs = np.arange(undecided.size), self.col_theta + self.choice[live][undecided]
        one = np.ones(undecided.size)
        G = problem.rows.G[:, self.open].tocoo()
        settled = problem.rows.G @ self.box.lower.astype(np.float64)
        blocks: dict[str, tuple[list[tuple[Any, Any, Any]], int]] = {
            "inputs": (
                [(buyer, self.col_s + Omega.indices, -share), (np.arange(k), self.col_u + np.arange(k), np.ones(k))],
                k,
            ),
            "sums": (
                [
                    (np.zeros(k), self.col_t + np.arange(k), -self.b_high[live] / self.T),
                    ([0, 1], [self.col_T, self.col_M], [1.0, -1.0]),
                    (np.ones(m), self.col_theta + np.arange(m), problem.f[self.open] / problem.L),
                ],
                2,
            ),
            "caps": ([(rank, self.col_s + undecided, one), (rank, theirs, -one)], undecided.size),
            "caps_t": (
                [] if self.same else [(rank, self.col_t + undecided, one), (rank, theirs, -one)],
                0 if self.same else undecided.size,
            ),
            "sides": ([(G.row, self.col_theta + G.col, G.data)], problem.rows.count),
        }
        self.first: dict[str, int] = {}
        count, entries, row_low, row_high = 0, [], [], []
        for name, (block, size) in blocks.items():
            self.first[name] = count
            entries += [(count + np.asarray(r), np.asarray(c), np.asarray(v)) for r, c, v in block]
            row_low.append(problem.rows.lower - settled if name == "sides" else np.full(size, -INFINITY))
            row_high.append(problem.rows.upper - settled if name == "sides" else np.zeros(size))
            count += size
        row_high[1][1] = -self.spent / problem.L
        self.rows = count
        r, c, v = (np.concatenate([entry[i] for entry in entries]) for i in range(3))
        A = sp.csr_array((v, (r.astype(np.int64), c.astype(np.int64))), shape=(count, self.columns))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, count
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, low, high
        lp.row_lower_, lp.row_upper_ = np.concatenate(row_low), np.concatenate(row_high)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
        _accepted(self.highs.passModel(lp))

    def _add_cuts(self, cuts: Cuts) -> None:
        """Write tangents: c s + h t ≤ slope r + height θ with r = u − u̲ (1 − θ)."""
        count, j = cuts.firm.size, cuts.firm
        if not count:
            return
        problem, least = self.problem, self.u_low[j]
        with np.errstate(over="ignore"):
            rho = np.clip(cuts.point / self.y_high[j], np.maximum(least, 1e-12), 1.0)
        slope, height, c, h = _tangent(cuts.kind, rho, least, problem.alpha[j], self.beta[j], cuts.mix)
        undecided, row = self.choice[j] >= 0, np.arange(count)
        on_theta = (-height - slope * least)[undecided]
        entries = [
            (row, self.col_s + self.place[j], c + h if self.same else c),
            (row, self.col_u + self.place[j], -slope),
            (row[undecided], (self.col_theta + self.choice[j])[undecided], on_theta),
        ]
        if not self.same:
            entries.append((row, self.col_t + self.place[j], h))
        r, q, v = (np.concatenate([entry[i] for entry in entries]) for i in range(3))
        A = sp.csr_array((v, (r, q)), shape=(count, self.columns))
        A.eliminate_zeros()
        right = np.where(undecided, -slope * least, height)
        _accepted(self.highs.addRows(count, np.full(count, -INFINITY), right, A.nnz, A.indptr[:-1], A.indices, A.data))
        self.row_of_cut = np.concatenate([self.row_of_cut, self.rows + row])
        self.cuts = Cuts.join([self.cuts, cuts])
        self.rows += count

    def _touch_logarithms(self, at_T: Sequence[float], at_M: Sequence[float]) -> None:
        """Write tangents of τ ≤ log T at scaled ``at_T`` and of ℓ ≤ log(1 − M) at scaled ``at_M``."""
        for T in at_T:
            self._add_pair(math.log(T) - 1.0, self.col_T, -1.0 / T, self.col_tau)
            self.log_T.append((self.rows - 1, T))
        for M in at_M:
            self._add_pair(math.log1p(-M) + M / (1 - M), self.col_M, 1.0 / (1 - M), self.col_ell)
            self.log_M.append((self.rows - 1, M))

    def _add_pair(self, right: float, column: int, coefficient: float, logarithm: int) -> None:
        _accepted(self.highs.addRow(-INFINITY, right, 2, np.array([column, logarithm]), np.array([coefficient, 1.0])))
        self.rows += 1

    # -- warm start --------------------------------------------------------------------------------------------------

    def _blocks(self) -> list[tuple[str, bool, int, Index]]:
        """Return (name, whether of rows, first index, members) of the blocks whose basis status is carried over."""
        live, undecided = self.live, self.live[self.choice[self.live] >= 0]
        sides = np.arange(self.problem.rows.count)
        blocks = [
            ("s", False, self.col_s, live),
            ("u", False, self.col_u, live),
            ("theta", False, self.col_theta, self.open),
            ("scalars", False, self.col_T, np.arange(4)),
            ("inputs", True, self.first["inputs"], live),
            ("sums", True, self.first["sums"], np.arange(2)),
            ("caps", True, self.first["caps"], undecided),
            ("sides", True, self.first["sides"], sides),
        ]
        if not self.same:
            blocks += [("t", False, self.col_t, live), ("caps_t", True, self.first["caps_t"], undecided)]
        return blocks

    def _start_from(self, status: dict[str, Index]) -> None:
        column, row = np.zeros(self.columns, np.int64), np.full(self.rows, BASIC)
        for name, of_rows, first, members in self._blocks():
            (row if of_rows else column)[first : first + members.size] = status[name][members]
        row[self.row_of_cut] = self.cuts.status
        for (index, _), known in zip(self.log_T + self.log_M, status["logs"], strict=True):
            row[index] = known
        basis = highspy.HighsBasis()
        basis.col_status = [STATUSES[i] for i in column]
        basis.row_status = [STATUSES[i] for i in row]
        basis.valid, basis.alien = True, True
        self.highs.setBasis(basis)

    def finish(self) -> Warm:
        """Return what a nearby program should start from."""
        basis = self.highs.getBasis()
        column = np.array([int(s) for s in basis.col_status], np.int64)
        row = np.array([int(s) for s in basis.row_status], np.int64)
        status = {}
        for name, of_rows, first, members in self._blocks():
            whole = np.full(max(self.problem.n, self.problem.rows.count, 4), BASIC if of_rows else 0)
            whole[members] = (row if of_rows else column)[first : first + members.size]
            status[name] = whole
        T = [(i, T * self.T) for i, T in self.log_T if row[i] != BASIC]
        M = [(i, M * self.problem.L) for i, M in self.log_M if row[i] != BASIC]
        # in the order in which the next program writes them, each list followed by one tangent of its own
        status["logs"] = np.array([*(row[i] for i, _ in T), BASIC, *(row[i] for i, _ in M), BASIC], np.int64)
        binding = row[self.row_of_cut] != BASIC
        cuts = replace(self.cuts, status=row[self.row_of_cut]).keep(binding)
        return Warm(cuts, [value for _, value in T], [value for _, value in M], status)

    # -- solving ---------------------------------------------------------------------------------------------------

    def solve(self, time_limit: float) -> Point:
        """Solve the program as it stands.

        Raises
        ------
        InfeasibleError
            With Farkas multipliers of the rows on θ.
        NoAnswerError
            If HiGHS stops for any other reason.
        """
        highs, problem, live, open_ = self.highs, self.problem, self.live, self.open
        highs.setOptionValue("time_limit", highs.getRunTime() + max(time_limit, 1e-3))
        highs.run()
        highs.setOptionValue("simplex_strategy", DUAL)  # new tangents leave the duals feasible
        status = highs.getModelStatus()
        if status not in (OPTIMAL, INFEASIBLE, OUT_OF_TIME):
            # a basis that has gone bad: start afresh once
            highs.clearSolver()
            highs.run()
            status = highs.getModelStatus()
        sides = slice(self.first["sides"], self.first["sides"] + problem.rows.count)
        if status == INFEASIBLE:
            _, exists, ray = highs.getDualRay()
            raise InfeasibleError(-np.asarray(ray)[sides] if exists else np.zeros(problem.rows.count))
        if status != OPTIMAL:
            raise NoAnswerError(highs.modelStatusToString(status))
        solution = highs.getSolution()
        x = np.asarray(solution.col_value)
        dual = -np.asarray(solution.row_dual) / self.scale
        theta = self.box.lower.astype(np.float64)
        theta[open_] = np.clip(x[self.col_theta : self.col_theta + open_.size], 0.0, 1.0)
        pi = np.zeros(problem.n)
        inputs = slice(self.first["inputs"], self.first["inputs"] + live.size)
        pi[live] = np.maximum(dual[inputs], 0.0) / self.y_high[live]
        s, t, u = (np.zeros(problem.n) for _ in range(3))
        for target, first in ((s, self.col_s), (t, self.col_t), (u, self.col_u)):
            target[live] = x[first : first + live.size]
        slope_T = sum(max(dual[i], 0.0) / T for i, T in self.log_T)
        slope_M = sum(max(dual[i], 0.0) / (1 - M) for i, M in self.log_M)
        T = self.T / ((problem.sigma - 1) * slope_T) if slope_T > 0 else self.T
        M = problem.L * min(max(1 - 1 / slope_M, 0.0), 1 - 1e-9) if slope_M > 0 else self.spent
        objective = -highs.getInfo().objective_function_value / self.scale
        objective += math.log(self.T) / (problem.sigma - 1) + math.log(problem.L)
        prices = Prices(pi, T, M, dual[sides].copy())
        return Point(theta, prices, objective, s, t, u, float(x[self.col_T]), float(x[self.col_M]))

    def separate(self, point: Point, tolerance: float) -> int:
        """Add the tangents that the point violates by more than ``tolerance`` in log Y; return how many."""
        problem, j = self.problem, self.live
        worth_s = (problem.Omega @ point.prices.pi)[j] * self.a_high[j]
        worth_t = self.b_high[j] / ((problem.sigma - 1) * point.prices.T)
        found = _violated(
            point.theta[j],
            point.s[j],
            point.t[j],
            point.u[j],
            self.u_low[j],
            problem.alpha[j],
            self.beta[j],
            worth_s,
            worth_t,
            self.same,
            tolerance,
        )
        who, kind, rho, mix = found
        firm = j[who]
        self._add_cuts(Cuts.new(firm, kind, rho * self.y_high[firm], mix))
        off_T = min(abs(max(point.T, 1e-9) / T - 1) for _, T in self.log_T)
        off_M = min(abs(point.M - M) / (1 - M) for _, M in self.log_M)
        at_T = [max(point.T, 1e-9)] if off_T**2 / (2 * (problem.sigma - 1)) > tolerance else []
        at_M = [min(max(point.M, 0.0), 1 - 1e-9)] if off_M**2 / 2 > tolerance else []
        self._touch_logarithms(at_T, at_M)
        return int(firm.size) + len(at_T) + len(at_M)


def _accepted(status: highspy.HighsStatus) -> None:
    if status == highspy.HighsStatus.kError:
        raise NoAnswerError("HiGHS refuses a coefficient")


def cold(problem: PlannerProblem, box: Box, least: float) -> Warm:
    """Return where to start without a good choice: tangents at the greatest inputs; ``least`` is Σ f that is spent."""
    assert box.envelope is not None
    return Warm(_tangents_at(problem, box, [box.envelope.y_high]), [math.inf], [least])


def tangled(problem: PlannerProblem) -> bool:
    """Whether the network has so many links that bases with most firms in them take minutes to factorise."""
    return problem.n > LARGE and problem.links > TANGLED * problem.n


def at_choice(problem: PlannerProblem, box: Box, choice: PlannerOutcome) -> Warm:
    """Return a start at a choice that produces: tangents there and at the greatest inputs, and the basis of the choice.

    Basic are all inputs, and of the firms that produce the outputs, whose tangents at the choice are tight. That point
    is feasible unless the box excludes the choice. Where the network is `tangled`, HiGHS would factorise that basis
    without a look at the clock, and begins without one.
    """
    assert box.envelope is not None
    n, y = problem.n, choice.inputs
    makes = (choice.theta == 1) & (y > 0) & (box.upper == 1)
    cuts = _tangents_at(problem, box, [box.envelope.y_high, np.where(y > 0, y, box.envelope.y_high)])
    half = cuts.firm.size // 2
    tight = makes[cuts.firm] & (np.arange(cuts.firm.size) >= half)
    basic, nonbasic = np.full(max(n, problem.rows.count, 4), BASIC), np.full(max(n, 4), AT_UPPER)
    outputs = np.where(makes, BASIC, AT_LOWER)
    status = {
        "s": outputs,
        "t": outputs,
        "u": basic,
        "theta": np.where(choice.theta == 1, AT_UPPER, AT_LOWER),
        "scalars": basic,
        "inputs": nonbasic,
        "sums": nonbasic,
        "caps": basic,
        "caps_t": basic,
        "sides": basic,
        "logs": np.array([AT_UPPER, BASIC, AT_UPPER, BASIC]),  # at the choice, and at the greatest sums
    }
    T, M = [float(choice.b.sum())], [float(problem.f @ choice.theta)]
    if tangled(problem):
        return Warm(cuts, T, M)
    return Warm(replace(cuts, status=np.where(tight, AT_UPPER, BASIC)), T, M, status, primal=True)


def _tangents_at(problem: PlannerProblem, box: Box, inputs: Sequence[Vector]) -> Cuts:
    """Return tangents at each vector of inputs, one vector after the other."""
    assert box.envelope is not None
    j = np.flatnonzero((box.upper == 1) & (box.envelope.y_high > 0))
    kind_b = np.where(problem.alpha[j] * problem.kappa <= 1, 1, 2)
    cuts = []
    for y in inputs:
        cuts.append(Cuts.new(j, 0, y[j], 1.0))
        if problem.kappa != 1.0:
            cuts.append(Cuts.new(j, kind_b, y[j], 0.0))
    return Cuts.join(cuts)


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
def _envelope_tangent(c, h, alpha, beta, low, rho):
    """Tangent at ρ of the concave envelope on [low, 1] of c u^α + h u^β, α < 1 < β: the curve, then a chord to 1."""
    end = c + h
    left, right = low, 1.0
    for _ in range(60):
        # the chord from x to 1 is a tangent at x where φ(x) + φ'(x)(1 − x) = φ(1); left of that it lies above
        x = 0.5 * (left + right)
        slope = c * alpha * x ** (alpha - 1.0) + h * beta * x ** (beta - 1.0)
        if c * x**alpha + h * x**beta + slope * (1.0 - x) > end:
            left = x
        else:
            right = x
    x = left
    if rho < x:
        slope = c * alpha * rho ** (alpha - 1.0) + h * beta * rho ** (beta - 1.0)
        return slope, c * rho**alpha + h * rho**beta - slope * rho
    value = c * x**alpha + h * x**beta
    slope = c * alpha + h * beta if 1.0 - x < 1e-12 else (end - value) / (1.0 - x)
    return slope, end - slope


@njit(cache=True, error_model="numpy")
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
