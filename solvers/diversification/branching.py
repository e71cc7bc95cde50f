r"""Branch and bound over paths, with every row; a budget enters the bound through its price.

For any λ ≥ 0 the budget Σ c_k s_k² ≤ B gives K·W ≤ λB + max Σ (Π_k − λ c_k s_k²): the dynamic program with dearer
suppliers, whose potentials Φ^λ bound every partial path:

    G + λ (B − spent) + Φ^λ_k(S)

λ is chosen by golden section, since the bound is convex in it. The search follows the numbers of suppliers in the order
of their bounds. Without a budget λ = 0, and the bound is exact at once.

The certificate is λ and the potentials; the check verifies them and searches the tree of paths that they leave open.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath
from endonet.formulations.errors import VerificationError
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate, ties
from endonet.solvers.diversification.certified import fallback, only_limit, too_wide
from endonet.solvers.diversification.labels import (
    WIDTH,
    Labels,
    Vector,
    kernel_arguments,
    labels,
    potentials,
    slack_of,
)
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

GOLDEN = (math.sqrt(5) - 1) / 2
STEPS = 40
REPLAYED = 2_000_000


@dataclass(frozen=True, kw_only=True)
class BranchAndBound(Solver[ChainProblem]):
    """Depth-first search over paths under Lagrangean potentials.

    Parameters
    ----------
    node_limit : int, optional
        Partial paths after which the best path and bound so far are returned.
    """

    name: ClassVar[str] = "branch-and-bound"
    title: ClassVar[str] = "branch and bound over paths, with a price on the budget"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("planner",)

    node_limit: int | None = None

    def refuses(self, problem: ChainProblem) -> str:
        """Return a complaint if the target needs more suppliers in one layer than arrays can list."""
        return only_limit(problem) or too_wide(problem)

    def prepare(self) -> None:
        """Compile the kernels."""
        tiny = ChainProblem(K=2, mu0=Fraction(1, 2), rho0=Fraction(1, 5), budget=Fraction(1, 2))
        self._search(tiny, math.inf, Interrupt())

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Find potentials, then search."""
        del formulation
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        with Interrupt() as interrupt:
            return self._search(problem, deadline, interrupt)

    def _search(self, problem: ChainProblem, deadline: float, interrupt: Interrupt) -> Finding:
        if certificate.cannot_meet(problem):
            return Finding(None, Status.INFEASIBLE, notes=("no path meets the rows",), certificate={"kind": "target"})
        start = self.initial if self.initial is not None else _start(problem)
        found = _priced(problem, lambda: interrupt.requested or time.perf_counter() > deadline)
        if found is None:
            top = float(Limits(problem).top[0]) / problem.K
            reason = StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
            return Finding(start, Status.FEASIBLE, reason, bound=top)
        multiplier, states, phi = found
        tree = Tree(problem, states, phi, multiplier)
        if start is not None and problem.evaluate(start).feasible:
            tree.offer(problem.path(start).path)
        stopped = tree.search(deadline, self.node_limit, interrupt)
        best = ties.best_exactly(problem, tree.near())
        decision = ties.decide(problem, best, self.seed) if best else None
        value = problem.evaluate(decision).value if decision is not None else -math.inf
        root = tree.bound_at_root / problem.K
        bound = value if stopped is StoppedBy.FINISHED else max(root, value)
        proof = certificate.pack(states, phi, certificate.TREE, multiplier)
        statistics = {"nodes": tree.nodes, "root_bound": root, "multiplier": multiplier}
        return Finding(
            decision,
            Status.OPTIMAL if stopped is StoppedBy.FINISHED else Status.FEASIBLE,
            stopped,
            bound=bound,
            certificate=proof if stopped is StoppedBy.FINISHED else None,
            statistics=statistics,
        )


class Tree:
    """The tree of partial paths that the potentials do not close."""

    def __init__(self, problem: ChainProblem, states: Labels, phi: Vector, multiplier: float) -> None:
        self.problem, self.states, self.phi, self.multiplier = problem, states, phi, multiplier
        self.limits = Limits(problem)
        self.priced = kernel_arguments(_dearer(problem, multiplier))
        self.budget = 0.0 if problem.budget is None else float(problem.budget)
        self.cost = 2 * self.limits.kappa
        self.best = -math.inf
        self.paths: list[tuple[float, tuple[int, ...]]] = []
        self.nodes = 0
        self.bound_at_root = float(phi[0]) + multiplier * self.budget

    @property
    def floor(self) -> float:
        """What a path must reach to matter."""
        return self.best - slack_of(self.limits, self.best)

    def offer(self, path: tuple[int, ...]) -> None:
        """Take a feasible path into the list of the best."""
        outcome = self.problem.evaluate(path)
        if not outcome.feasible:
            return
        value = outcome.value * self.problem.K
        self.best = max(self.best, value)
        if value >= self.floor:
            self.paths.append((value, path))

    def near(self) -> list[tuple[int, ...]]:
        """Return the paths within rounding of the best."""
        return sorted({path for value, path in self.paths if value >= self.floor})

    def search(self, deadline: float, node_limit: int | None, interrupt: Interrupt) -> StoppedBy:
        """Search depth first, the highest bound first; return why it ended."""
        stack: list[tuple[float, tuple[int, ...], float, float, float]] = [(self.bound_at_root, (), 1.0, 0.0, 0.0)]
        while stack:
            bound, path, S, G, spent = stack.pop()
            if bound < self.floor:
                continue
            if interrupt.requested:
                return StoppedBy.INTERRUPTED
            if time.perf_counter() > deadline:
                return StoppedBy.TIME_LIMIT
            if node_limit is not None and self.nodes >= node_limit:
                return StoppedBy.NODE_LIMIT
            self.nodes += 1
            k = len(path)
            if k == self.problem.K or S == 0:
                self.offer((*path, *[0] * (self.problem.K - k)))
                continue
            stack += sorted(self._children(k, path, S, G, spent))
        return StoppedBy.FINISHED

    def _children(
        self, k: int, path: tuple[int, ...], S: float, G: float, spent: float
    ) -> list[tuple[float, tuple[int, ...], float, float, float]]:
        """Return the choices of layer k that may still be among the best, each with its bound."""
        earned, after = ties._worth(*self.priced, self.states.first, self.states.S, self.phi, k, S)
        found: list[tuple[float, tuple[int, ...], float, float, float]] = []
        for s in map(int, np.flatnonzero(np.isfinite(after))):
            paid = spent + float(self.cost[k]) * s * s
            if self.problem.budget is not None and paid > self.budget * (1 + 1e-12) + 1e-300:
                break
            worth = G + float(earned[s]) + self.multiplier * float(self.cost[k]) * s * s
            bound = float(worth + self.multiplier * (self.budget - paid) + float(after[s]))
            if bound >= self.floor:
                found.append((bound, (*path, s), S * s, worth, paid))
        return found


def replay(
    problem: ChainProblem, states: Labels, phi: Vector, multiplier: float, claimed: float
) -> tuple[float, dict[str, Any]]:
    """Return the best welfare in the tree that verified potentials leave open above a claimed bound.

    Raises
    ------
    VerificationError
        If the potentials are none, or the tree is too large to be searched again.
    """
    dearer = _dearer_problem(problem, multiplier)
    certificate.verify(dearer, Limits(dearer), states, phi, exact=False)
    tree = Tree(problem, states, phi, multiplier)
    tree.best = claimed * problem.K
    if tree.search(math.inf, REPLAYED, Interrupt()) is not StoppedBy.FINISHED:
        raise VerificationError(f"the tree has over {REPLAYED} nodes, too many to be searched again")
    return tree.best / problem.K, {"nodes": tree.nodes, "multiplier": multiplier}


def _start(problem: ChainProblem) -> SourcingPath | None:
    """Return a feasible path that is found at once, or None."""
    least = problem.least_diversification
    if least and (cheap := certificate.cheapest(problem, least)) is not None:
        return SourcingPath(cheap)
    path = fallback(problem)
    return path if problem.evaluate(path).feasible else SourcingPath((0,) * problem.K)


def _dearer_problem(problem: ChainProblem, multiplier: float) -> ChainProblem:
    """Return the problem without budget in which every supplier's cost also carries the budget's price."""
    rate = Fraction(multiplier)
    return replace(problem, c=tuple(c * (1 + 2 * rate) for c in problem.c), budget=None)


def _dearer(problem: ChainProblem, multiplier: float) -> Limits:
    return Limits(_dearer_problem(problem, multiplier))


def _priced(problem: ChainProblem, stop: Callable[[], bool]) -> tuple[float, Labels, Vector] | None:
    """Return the best price of the budget found, with its labels and potentials; None once ``stop`` is true."""

    def at(multiplier: float) -> tuple[float, float, Labels, Vector] | None:
        limits = _dearer(problem, multiplier)
        some = labels(limits, stop, width=WIDTH)
        found = labels(limits, stop, some.incumbent) if some else None
        phi = potentials(limits, found, stop) if found else None
        if found is None or phi is None:
            return None
        budget = 0.0 if problem.budget is None else float(problem.budget)
        return float(phi[0]) + multiplier * budget, multiplier, found, phi

    tried = [at(0.0)]
    if problem.budget is not None:
        low, high = -6.0, 3.0  # the price is searched on a logarithmic scale, relative to profits over costs
        unit = float(sum(problem.pi) / sum(problem.c))
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = at(unit * 10**left), at(unit * 10**right)
        for _ in range(STEPS):
            tried += [at_left, at_right]
            if at_left is None or at_right is None:
                return None
            if at_left[0] <= at_right[0]:
                high, right, at_right = right, left, at_left
                left = high - GOLDEN * (high - low)
                at_left = at(unit * 10**left)
            else:
                low, left, at_left = left, right, at_right
                right = low + GOLDEN * (high - low)
                at_right = at(unit * 10**right)
    if any(entry is None for entry in tried):
        return None
    _, multiplier, found, phi = min((entry for entry in tried if entry is not None), key=lambda entry: entry[0])
    return multiplier, found, phi
