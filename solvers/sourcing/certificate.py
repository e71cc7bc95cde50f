"""Verification of lists of equilibria, without the solver that made them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from endonet.formulations.errors import VerificationError
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers import claims
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import EQUILIBRIA, Solution, Status
from endonet.solvers.sourcing import replay

EXHAUSTION_TIME = 600.0
MANY, PROPOSAL_TIME = 1 << 21, 60.0  # networks beyond which a tree is tried first, and for how long


@dataclass(frozen=True)
class Verified:
    """What was verified.

    Attributes
    ----------
    value : float or None
        Real income of a single network; None for equilibria.
    equilibria : int or None
        How many entries the evaluator confirmed.
    kind : str
        How completeness was verified; empty if it was not claimed.
    leaves : int
        How many parts of a search tree were closed again.
    """

    value: float | None = None
    bound: float | None = None
    equilibria: int | None = None
    kind: str = ""
    leaves: int = 0


def check(problem: SourcingProblem, solution: Solution) -> Verified:
    """Verify every entry of a list by the evaluator, and its completeness, if claimed, by the certificate.

    Raises
    ------
    VerificationError
        If an entry is no equilibrium, has other numbers than it says, or completeness does not follow.
    """
    claims.belongs(problem, solution)
    complete = solution.status in (Status.OPTIMAL, Status.INFEASIBLE)
    if solution.question != EQUILIBRIA:
        return _check_network(problem, solution)
    decision = solution.decision
    count = 0
    if decision is not None:
        outcome = problem.evaluate(decision)
        if not outcome.feasible:
            raise VerificationError("; ".join(outcome.violations))
        count = len(decision.found) + len(decision.autarky)
    if solution.status is Status.INFEASIBLE and count:
        raise VerificationError("the status is infeasible, but the list has an equilibrium")
    if not complete:
        return Verified(equilibria=count)
    if solution.status is Status.OPTIMAL and not count:
        raise VerificationError("the status is optimal, but the list is empty")
    certificate = solution.certificate
    if certificate is None:
        raise VerificationError("the list is said to be complete without a certificate")
    kind = certificate.get("kind")
    if kind == "sourcing exhaustion":
        return _check_exhaustion(problem, decision, count)
    if kind == "sourcing tree":
        return _check_tree(problem, decision, certificate, count)
    raise VerificationError(f"the certificate is of an unknown kind, {kind!r}")


def _check_network(problem: SourcingProblem, solution: Solution) -> Verified:
    """Verify the value of a single network, and its bound by bounding every leaf of the tree anew."""
    if solution.decision is None:
        if solution.status is Status.INFEASIBLE or solution.bound is not None:
            raise VerificationError("the claim has no certificate")
        return Verified()
    outcome = problem.evaluate(solution.decision)
    if not outcome.feasible:
        raise VerificationError("; ".join(outcome.violations))
    value = outcome.value
    if value is None or solution.value is None or abs(value - solution.value) > 1e-9 * abs(value):
        raise VerificationError(f"the value is {value}, not {solution.value}")
    if solution.bound is None:
        return Verified(value=value)
    certificate = solution.certificate or {}
    if certificate.get("kind") != "sourcing welfare":
        raise VerificationError("the bound has no certificate")
    from endonet.solvers.sourcing.welfare import verify

    leaves = verify(problem, solution.bound, certificate.get("tree"))
    claims.gap_follows(solution, value, solution.bound)
    return Verified(value=value, bound=solution.bound, kind="tree", leaves=leaves)


def _check_exhaustion(problem: SourcingProblem, decision: Any, count: int) -> Verified:
    """Enumerate anew; where that takes long, let `certified` propose a tree and replay it instead.

    Raises
    ------
    VerificationError
        Also if it takes too long, or is interrupted.
    """
    from endonet.solvers.sourcing.certified import Certified, refusal
    from endonet.solvers.sourcing.enumeration import CHUNK, Search

    search, begun = Search(problem, None), time.perf_counter()
    if search.count > MANY and not refusal(problem):
        proposed = Certified(time_limit=PROPOSAL_TIME).solve(problem)
        if proposed.status in (Status.OPTIMAL, Status.INFEASIBLE) and proposed.certificate is not None:
            return _check_tree(problem, decision, proposed.certificate, count)
    with Interrupt() as interrupt, Progress(True, begun) as progress:
        while not search.done:
            search.advance(CHUNK)
            progress.show(networks=search.next, of=search.count)
            if interrupt.requested:
                raise VerificationError(f"the check was interrupted after {search.next} of {search.count} networks")
            if time.perf_counter() - begun > EXHAUSTION_TIME:
                raise VerificationError(
                    f"enumerating anew takes more than {EXHAUSTION_TIME:g} s; certified can prove more"
                )
    same_keys(decision, search.found.listed())
    return Verified(equilibria=count, kind="every network was looked at anew")


def _check_tree(problem: SourcingProblem, decision: Any, certificate: Mapping[str, Any], count: int) -> Verified:
    """Replay the trees; every network that they leave alone must be in the list or be no equilibrium."""
    if (
        problem.smoothed
        or min(float(np.min(mu)) for mu in (problem.mu_H, problem.mu_links, problem.mu_F) if np.size(mu)) < 1
    ):
        raise VerificationError("the bounds of a tree do not hold where the choice is smoothed or a markup is below 1")
    known = set() if decision is None else {network.key() for network in decision.networks()}
    leaves = 0

    def found(network: Network) -> None:
        if network.key() not in known and replay.is_equilibrium(problem, network):
            raise VerificationError("the list is not complete: a leaf of the tree holds an equilibrium that it lacks")

    names = {"domestic": False} if problem.open is None else {"trade": True, "domestic": False}
    for name, trade in names.items():
        if name == "domestic" and problem.open is not None and replay.trades_for_free(problem):
            continue
        region = replay.starting(problem, trade)
        leaves += replay.close(problem, certificate.get(name), region, trade, found)
    return Verified(equilibria=count, kind="tree", leaves=leaves)


def same_keys(claimed: Any, found: Any) -> None:
    """Refuse a list that lacks an equilibrium that was found."""
    known = set() if claimed is None else {network.key() for network in claimed.networks()}
    missing = [network for network in found.networks() if network.key() not in known]
    if missing:
        raise VerificationError(f"the list is not complete: {len(missing)} equilibria are missing")
