"""The network with the highest real income, by branch and bound over links in a closed economy, for either initiator.

    E/P = (L − F) Q^(σ/(σ−1)) / S_d,     F = Σ f z,  Q = Σ β̃_j T_j,  S_d = Σ α̃_Lj D_j(A = 1)

F, Q and S_d all rise with the network, so that no network between lo and hi is worth more than (L − F(lo)) Q(hi)^(…) /
S_d(lo). Where firms sell at cost S_d is Q/μ̄ and the sharper (L − F(lo)) Q(hi)^(1/(σ−1)) μ holds. The splits are the
certificate: `check` bounds every leaf again.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import VerificationError
from endonet.formulations.sourcing.formed import Formed
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

Links = NDArray[np.bool_]

KIND = "sourcing welfare"
SAFETY = 1e-10
DENSE = 200


@dataclass(frozen=True, kw_only=True)
class Welfare(Solver[SourcingProblem]):
    """Branch and bound on real income E/P: is an equilibrium efficient, and by how much is it not?"""

    name: ClassVar[str] = "welfare"
    title: ClassVar[str] = "Branch and bound on real income: the network that a planner would choose"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    def refuses(self, problem: Any) -> str:
        """Return the reason if the economy is open, smoothed, large, or has a markup below 1."""
        return refusal(problem)

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Split the node with the highest bound."""
        del formulation
        begun = time.perf_counter()
        nothing, everything = np.zeros(problem.m, bool), np.ones(problem.m, bool)
        best, value = nothing, 0.0
        starts = [] if self.initial is None else [problem.network(self.initial).links]
        for links in (*starts, nothing, everything):
            best, value = _better(problem, links, best, value)
        number = itertools.count()
        queue: list[Any] = [(-bound(problem, nothing, everything), next(number), nothing, everything, ())]
        splits: dict[tuple[int, ...], int] = {}
        stopped_by, goal = StoppedBy.FINISHED, 1 + self.rel_gap / 2
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:
            while queue and -queue[0][0] > value * goal:
                if interrupt.requested:
                    stopped_by = StoppedBy.INTERRUPTED
                elif self.time_limit is not None and time.perf_counter() - begun > self.time_limit:
                    stopped_by = StoppedBy.TIME_LIMIT
                if stopped_by is not StoppedBy.FINISHED:
                    break
                _, _, lo, hi, path = heapq.heappop(queue)
                e = _largest(problem, lo, hi)
                splits[path] = e
                for made in (0, 1):
                    low, high = lo.copy(), hi.copy()
                    (low if made else high)[e] = bool(made)
                    for links in (low, high):
                        best, value = _better(problem, links, best, value)
                    heapq.heappush(queue, (-bound(problem, low, high), next(number), low, high, (*path, 2 * e + made)))
                progress.show(nodes=len(splits), incumbent=value, bound=-queue[0][0])
        top = max(value, -queue[0][0] if queue else value) * (1 + SAFETY)
        tree = list(_preorder(splits, ()))
        return Finding(
            problem.network(best),
            Status.OPTIMAL,
            stopped_by,
            claimed_value=value,
            bound=top,
            certificate={"kind": KIND, "version": 1, "tree": tree},
            statistics={"splits": len(splits)},
        )


def refusal(problem: Any) -> str:
    """Return why the bounds do not hold for a problem; empty if they do."""
    if not isinstance(problem, SourcingProblem):
        return "it takes economies, not firms' choices; use squeezing"
    if problem.smoothed or problem.open is not None:
        return "it takes closed economies without smoothing"
    if min(float(np.min(mu)) for mu in (problem.mu_H, problem.mu_links) if np.size(mu)) < 1:
        return "with a markup below 1 the bounds do not hold"
    return "" if problem.n <= DENSE else f"it takes up to {DENSE} firms"


def bound(problem: SourcingProblem, lo: Links, hi: Links) -> float:
    """Return a bound on E/P of all networks between two; infinite where the larger has no costs."""
    least, most = Formed.of(problem, lo), Formed.of(problem, hi)
    left = problem.L - least.labour
    T, D = most.costs(problem.labour_weight[:, None]), least.demands(problem.home_costs[:, None])
    if left <= 0 or D is None:
        return 0.0
    if T is None:
        return 0.0 if least.costs(problem.labour_weight[:, None]) is None else np.inf
    power = 1 / (problem.sigma - 1)
    Q = float(problem.home @ T[:, 0])
    found = left * Q ** (problem.sigma * power) / float(problem.labour_weight @ D[:, 0])
    if np.all(np.asarray(problem.mu_links) == 1):
        found = min(found, left * Q**power * float(np.max(problem.mu_H)))
    return float(found * (1 + SAFETY))


def _better(problem: SourcingProblem, links: Links, best: Links, value: float) -> tuple[Links, float]:
    outcome = problem.evaluate(links)
    if outcome.feasible and outcome.value is not None and outcome.value > value:
        return links.copy(), outcome.value
    return best, value


def _largest(problem: SourcingProblem, lo: Links, hi: Links) -> int:
    """Return the open link with the largest saliency for a productive buyer."""
    weight = np.where(lo != hi, problem.phi[problem.buyer] * problem.alpha + 1e-300, -1.0)
    return int(np.argmax(weight))


def _preorder(splits: Mapping[tuple[int, ...], int], path: tuple[int, ...]) -> Iterator[int]:
    """Yield the splits of the tree from the root, −1 for a leaf."""
    stack = [path]
    while stack:
        here = stack.pop()
        e = splits.get(here)
        yield -1 if e is None else e
        if e is not None:
            stack += [(*here, 2 * e + 1), (*here, 2 * e)]


def verify(problem: SourcingProblem, claimed: float, tree: Any) -> int:
    """Bound every leaf of a tree anew; return how many there are.

    Raises
    ------
    VerificationError
        If the tree is none, or a leaf may hold a network worth more than is claimed.
    """
    if refusal(problem):
        raise VerificationError(f"the bounds of the certificate do not hold: {refusal(problem)}")
    if not isinstance(tree, list):
        raise VerificationError("the certificate's tree is no list")
    stack, leaves = [(np.zeros(problem.m, bool), np.ones(problem.m, bool))], 0
    for e in tree:
        if not stack or isinstance(e, bool) or not isinstance(e, int) or not -1 <= e < problem.m:
            raise VerificationError("the certificate's tree is no tree of links")
        lo, hi = stack.pop()
        if e < 0:
            leaves += 1
            worth = bound(problem, lo, hi)
            if worth > claimed * (1 + 4 * SAFETY):
                raise VerificationError(
                    f"leaf {leaves} may hold a network worth {worth:.12g}, not at most {claimed:.12g}"
                )
            continue
        without, with_ = hi.copy(), lo.copy()
        without[e], with_[e] = False, True
        stack += [(with_, hi), (lo, without)]
    if stack:
        raise VerificationError("the certificate's tree ends before all of its nodes are bounded")
    return leaves
