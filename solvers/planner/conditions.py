"""Iterating on the first-order conditions of the relaxed problem (paper 001, appendix B), shared by two solvers.

With any exponents on θ the conditions of log P'_RR, (11) and (12), reduce to: firm k operates if and only if

    ∂ log Q / ∂θ_k  ≥  f_k / (L − Σ_j f_j θ_j)

The left side is `endonet.solvers.planner.kernels.marginal_gains`, at the corner θ of the last round. Δμ_k of the paper
is the right side less the left. The rounds either settle on a θ that satisfies its own conditions, or return to one
seen before.
"""

from __future__ import annotations

import hashlib
import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import UnsettledError
from endonet.formulations.planner.evaluation import OUT_OF_RANGE
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner import kernels
from endonet.solvers.solution import StoppedBy

SETTLED = 1e-12


class Conditions(NamedTuple):
    """Where the iteration went.

    Attributes
    ----------
    theta : int8 array, shape (n,)
        The fixed point if there is one, otherwise the best θ seen; nobody, if none seen leaves labour.
    converged : bool
        Whether ``theta`` satisfies its own first-order conditions.
    value : float
        Y at ``theta``, to about 1e-12.
    iterations : int
        Rounds used.
    cycle : int
        Length of the cycle, 0 if none was met.
    flips : int array
        The firms that change within the cycle.
    values, active : lists
        Y and the number of active firms in each round.
    stopped_by : StoppedBy
        Why it ended; ``FINISHED`` without ``converged`` means that nobody produces, where the conditions say nothing.
    """

    theta: NDArray[np.int8]
    converged: bool
    value: float
    iterations: int
    cycle: int
    flips: NDArray[np.int64]
    values: list[float]
    active: list[int]
    stopped_by: StoppedBy


def iterate(
    problem: PlannerProblem, start: ArrayLike | None, max_iterations: int, reshaped: bool, deadline: float | None = None
) -> Conditions:
    """Iterate on the conditions from ``start`` (None: all firms on) until they hold, a cycle closes or a limit ends it.

    Parameters
    ----------
    reshaped : bool
        With the parameters (★), or with the plain exponents (1, 0).
    deadline : float, optional
        In seconds of `time.perf_counter`.

    Raises
    ------
    UnsettledError
        If the fixed point or its adjoint does not settle in double precision.
    """
    e = kernels.economy(problem)
    theta = np.ones(problem.n, np.int8) if start is None else problem.operating(start)
    a, u, gain = np.array(problem.Z), np.zeros(problem.n), np.zeros(problem.n)
    seen: dict[bytes, int] = {}
    path: list[NDArray[np.uint8]] = []
    values: list[float] = []
    active: list[int] = []
    best, best_value = theta, -math.inf
    converged, stopped_by, loop_from = False, StoppedBy.ITERATION_LIMIT, max_iterations
    try:
        for iteration in range(max_iterations):
            T = kernels.marginal_gains(e, theta, a, u, reshaped, SETTLED, gain)
            if T < 0:
                raise UnsettledError("the conditions of appendix B did not settle; alpha is too close to 1 for doubles")
            left = float(problem.L - problem.f @ theta)
            values.append(_output(T, problem.sigma, left))
            active.append(int(theta.sum()))
            if values[-1] > best_value:
                best, best_value = theta, values[-1]
            if T == 0:
                stopped_by = StoppedBy.FINISHED
                break
            seen[_digest(theta)] = iteration
            path.append(np.packbits(theta.view(np.uint8)))
            following = _respond(gain, problem.f, problem.L, left)
            if np.array_equal(following, theta):
                converged, stopped_by = True, StoppedBy.FINISHED
                break
            theta = following
            if _digest(theta) in seen:
                stopped_by, loop_from = StoppedBy.CYCLE, seen[_digest(theta)]
                break
            if deadline is not None and time.perf_counter() > deadline:
                stopped_by = StoppedBy.TIME_LIMIT
                break
    except KeyboardInterrupt:
        stopped_by = StoppedBy.INTERRUPTED
    if converged:
        best, best_value = theta, values[-1]
    if best_value == -math.inf:
        best, best_value = np.zeros(problem.n, np.int8), 0.0
    flips = np.flatnonzero(_changing(path[loop_from:], problem.n))
    return Conditions(
        best, converged, best_value, len(values), len(path[loop_from:]), flips, values, active, stopped_by
    )


def _output(T: float, sigma: float, left: float) -> float:
    """Return Y = T^(1/(σ−1)) · (labour left); −inf if none is."""
    try:
        return T ** (1 / (sigma - 1)) * left if left >= 0 else -math.inf
    except OverflowError:
        raise UnsettledError(OUT_OF_RANGE) from None


def _respond(gain: Vector, f: Vector, L: float, left: float) -> NDArray[np.int8]:
    """Return who operates given the gains: gain_k ≥ f_k / (labour left).

    Where the last θ leaves no labour the right side has no meaning. There the condition is solved together with its
    own labour: firms enter by gain per unit of fixed cost as long as the next one passes at the labour it leaves.
    """
    if left > 0:
        return (gain * left >= f).astype(np.int8)
    ratio = np.divide(gain, f, out=np.full(f.size, np.inf), where=f > 0)
    order = np.argsort(-ratio, kind="stable")
    remaining = L - np.cumsum(f[order])
    passes = (remaining > 0) & (gain[order] * remaining >= f[order])
    last = f.size if passes.all() else int(np.argmin(passes))
    chosen = np.zeros(f.size, np.int8)
    chosen[order[:last]] = 1
    return chosen


def _digest(theta: NDArray[np.int8]) -> bytes:
    return hashlib.blake2b(theta.tobytes(), digest_size=16).digest()


def _changing(loop: list[NDArray[np.uint8]], n: int) -> NDArray[np.bool_]:
    if not loop:
        return np.zeros(n, np.bool_)
    ever = np.bitwise_or.reduce(loop, axis=0)
    always = np.bitwise_and.reduce(loop, axis=0)
    return np.unpackbits(ever ^ always, count=n).astype(np.bool_)
