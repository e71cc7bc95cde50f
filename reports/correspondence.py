"""A_1(A_0), the household demand that a guess of it implies (equation (16)), as a set of line segments.

Given a network, costs do not depend on A_0, and sales and profits rise in proportion to it. So the network is every
firm's best choice on one interval of A_0, and there

    A_1(A_0) = (w L − w Σ f + A_0 Σ π^var/A) / P^(1−σ),

with all that does not depend on A_0 from the problem's own evaluator. Where buyers initiate links in an acyclic economy
one network answers each A_0; otherwise several may, and A_1 is a correspondence. An equilibrium is a point where
A_1(A_0) = A_0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import NotApplicableError

if TYPE_CHECKING:
    from endonet.formulations.sourcing.evaluation import SourcingOutcome
    from endonet.formulations.sourcing.problem import SourcingProblem

MOST = 12  # potential links


@dataclass(frozen=True, eq=False)
class Segment:
    """The guesses A_0 that a network answers, from ``low`` up to but not including ``high``, and A_1 there.

    Attributes
    ----------
    links : bool array, shape (m,)
    low, high : float
    intercept, slope : float
        A_1(A_0) = intercept + slope A_0.
    """

    links: NDArray[np.bool_]
    low: float
    high: float
    intercept: float
    slope: float

    def excess(self, A_0: Any) -> Any:
        """Return A_1(A_0) − A_0."""
        return self.intercept + (self.slope - 1) * A_0

    @property
    def equilibrium(self) -> float | None:
        """A_0 = A_1(A_0), if it lies on the segment."""
        A = self.intercept / (1 - self.slope)
        return A if self.low <= A < self.high else None


def segments(problem: SourcingProblem) -> list[Segment]:
    """Return every segment of A_1 of a small closed economy, by rising ``low``.

    Raises
    ------
    NotApplicableError
        If it is open, smoothed, has markups of its own, or more than twelve potential links.
    """
    if problem.open is not None or problem.smoothed or not problem.regime or problem.m > MOST:
        raise NotApplicableError(
            f"A_1(A_0) is drawn for closed economies of at most {MOST} potential links, unsmoothed"
        )
    found = []
    for mask in range(2**problem.m):
        links = (mask >> np.arange(problem.m)) & 1 == 1
        outcome = _outcome(problem, links)
        if not outcome.feasible:
            continue
        with np.errstate(divide="ignore"):
            pays_from = problem.f / benefits(outcome)
        low = float(pays_from[links].max(initial=0.0))
        high = float(pays_from[~links].min(initial=np.inf))
        if low < high:
            weight = outcome.P ** (problem.sigma - 1)
            free = problem.L - float(outcome.fixed_labour.sum())
            slope = float(outcome.variable_profits.sum()) / outcome.A * weight
            found.append(Segment(links, low, high, free * weight, slope))
    return sorted(found, key=lambda segment: segment.low)


def _outcome(problem: SourcingProblem, links: NDArray[np.bool_]) -> SourcingOutcome:
    return cast("SourcingOutcome", problem.evaluate(links))


def benefits(outcome: SourcingOutcome) -> NDArray[np.float64]:
    """Return what each potential link would earn its initiator at A = 1, given the network's costs and demand.

    Equations (12) and (14): a buyer earns on the households that it serves more cheaply, a supplier on the buyer.
    """
    problem = outcome.problem
    weight = problem.alpha.astype(np.float64) ** (problem.sigma - 1) * outcome.T[problem.supplier]
    if problem.initiator == "buyer":
        earned = (1 - 1 / problem.mu) * problem.home * problem.phi_power
        found: NDArray[np.float64] = earned[problem.buyer] * weight
        return found
    found = problem.mu ** (1 - problem.sigma) / problem.sigma * weight * outcome.D[problem.buyer] / outcome.A
    return found


def window(problem: SourcingProblem) -> tuple[float, float]:
    """Return [A_min, A_max] of footnote 11: every link at cost without markups, and no link with them."""
    every, none = (_outcome(problem, np.full(problem.m, on)) for on in (True, False))
    power = problem.sigma - 1
    beta = problem.beta_H**power
    if problem.initiator == "buyer":
        T = every.T
    else:  # suppliers' markups raise costs; without them
        from dataclasses import replace

        T = _outcome(replace(problem, initiator="buyer"), np.full(problem.m, True)).T
    low = problem.L / float(beta @ T)
    high = problem.mu * problem.L / float(problem.mu ** (1 - problem.sigma) * beta @ none.T)
    return low, high


def smooth_excess(problem: SourcingProblem, A_0: float) -> tuple[float, NDArray[np.float64]]:
    """Return A_1(A_0) − A_0 of an acyclic economy in which buyers initiate, smoothed as in A.3, and the probabilities.

    Suppliers come before buyers, so that one pass over the firms settles costs.
    """
    from scipy.special import expit

    if problem.smoothing is None or problem.initiator != "buyer" or problem.order is None:
        raise NotApplicableError("the smoothed A_1(A_0) is drawn for acyclic economies in which buyers initiate links")
    T = np.zeros(problem.n)
    z = np.zeros(problem.m)
    earned = (1 - 1 / problem.mu) * problem.home * problem.phi_power * A_0
    for j in problem.order:
        mine = slice(problem.ptr[j], problem.ptr[j + 1])
        weight = problem.alpha[mine].astype(np.float64) ** (problem.sigma - 1) * T[problem.supplier[mine]]
        dispersion = problem.smoothing.absolute + problem.smoothing.relative * problem.f[mine]
        z[mine] = expit((earned[j] * weight - problem.f[mine]) / dispersion)
        T[j] = problem.phi_power[j] * (problem.labour_weight[j] + z[mine] @ weight)
    profit = (1 - 1 / problem.mu) * A_0 * float(problem.home @ T) - float(z @ problem.f)
    return (problem.L + profit) / float(problem.home @ T) - A_0, z
