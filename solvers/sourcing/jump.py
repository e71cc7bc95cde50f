"""Why an economy has no equilibrium: where replies and the demand that they imply pass each other without meeting.

In a closed economy more household demand A makes every firm want (weakly) more links, and more links leave (weakly)
less A; in the plane of A and the A that follows from the replies, the two can only meet once. Where a link that begins
to pay at some A lowers demand to below it, they do not meet at all: this is the jump of the paper's section 3.2.1.
"""

from __future__ import annotations

import math

import numpy as np

from endonet.formulations.sourcing import decisions
from endonet.formulations.sourcing.choice import respond_at
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.evaluation import SourcingOutcome, evaluate_network
from endonet.formulations.sourcing.problem import SourcingProblem

STEPS = 200
SHOWN = 6


def explain(problem: SourcingProblem) -> str:
    """Return one sentence on why there is no equilibrium."""
    if problem.open is not None:
        return _cycle(problem)
    return _jump(problem) or _cycle(problem)


def _jump(problem: SourcingProblem) -> str:
    """Bisect on A, with the greatest network that replies to it; empty if there is no jump to show."""
    low, high = -100.0, 100.0
    below = above = None
    for _ in range(STEPS):
        middle = (low + high) / 2
        found = greatest_reply(problem, math.exp(middle))
        if found is not None and math.exp(middle) < found.A:
            low, below = middle, found
        else:
            high, above = middle, found
        if high - low < 1e-14 * max(1.0, abs(low)):
            break
    if below is None:
        return ""
    A = math.exp(high)
    if above is None:
        return f"no equilibrium: the links that pay from A = {A:.9g} on leave no labour, or costs that do not exist"
    added = [
        f"{problem.supplier[e]}→{problem.buyer[e]}"
        for e in np.flatnonzero(above.network.links & ~below.network.links)[: SHOWN + 1]
    ]
    links = ", ".join(added[:SHOWN]) + (", …" if len(added) > SHOWN else "")
    return (
        f"no equilibrium: at A = {A:.9g} the links {links} begin to pay, and the demand that follows from all "
        f"links that pay jumps from {below.A:.9g} above it to {above.A:.9g} below it"
    )


def greatest_reply(problem: SourcingProblem, A: float) -> SourcingOutcome | None:
    """Return the greatest network in which every firm replies best, at a given A that need not follow from it.

    None where all links that pay leave no labour, or costs that do not exist.
    """
    everything = decisions.network(problem, np.ones(problem.m, dtype=np.bool_))
    outcome = evaluate_network(problem, everything)
    network: Network | None = everything if outcome.feasible else None
    if network is None:
        return None
    while True:
        at_A = outcome.D * (A / outcome.A)
        best = respond_at(outcome, A, 1.0, outcome.T, at_A).network
        smaller = Network(outcome.network.links & best.links, outcome.network.imports, outcome.network.exports)
        if smaller.key() == outcome.network.key():
            return outcome
        outcome = evaluate_network(problem, smaller)


def _cycle(problem: SourcingProblem) -> str:
    """Follow best replies from the empty network until they repeat."""
    network = decisions.network(problem, [])
    seen: list[bytes] = []
    for _ in range(STEPS):
        outcome = evaluate_network(problem, network)
        if not outcome.feasible:
            return f"no equilibrium: best replies lead to a network without one ({outcome.reason})"
        if network.key() in seen:
            return (
                f"no equilibrium: best replies circle, for instance at A = {outcome.A:.9g} {outcome.choice.reason}, "
                "which changes demand so that it no longer pays"
            )
        seen.append(network.key())
        network = outcome.choice.network
    return "no equilibrium: best replies never settle"
