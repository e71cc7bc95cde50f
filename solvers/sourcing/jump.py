"""Why an economy has no equilibrium: where replies and the demand that they imply pass each other without meeting.

In a closed economy more household demand A makes every firm want (weakly) more links, and more links leave (weakly)
less A; in the plane of A and the A that follows from the replies, the two can only meet once. Where a link that begins
to pay at some A lowers demand to below it, they do not meet at all: this is the jump of the paper's section 3.2.1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.sourcing import decisions
from endonet.formulations.sourcing.choice import respond_at
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.evaluation import SourcingOutcome, evaluate_network
from endonet.formulations.sourcing.formed import Formed
from endonet.formulations.sourcing.problem import SourcingProblem

Links = NDArray[np.bool_]

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
    below: tuple[Links, float] | None = None
    above: tuple[Links, float] | None = None
    while high - low > 1e-13:
        middle = (low + high) / 2
        found = greatest_reply(problem, math.exp(middle), None if above is None else above[0])
        if found is not None and found[1] > math.exp(middle):
            low, below = middle, found
        else:
            high, above = middle, found
    if below is None:
        return ""
    A = math.exp(high)
    start = f"no equilibrium: at A = {A:.9g} "
    if above is None:
        return start + "links begin to pay in a circle that leaves no costs (the spectral radius of Φ~Γ' reaches 1)"
    added = np.flatnonzero(above[0] & ~below[0])
    links = ", ".join(f"{problem.supplier[e]}→{problem.buyer[e]}" for e in added[:SHOWN])
    links += ", …" if added.size > SHOWN else ""
    return (
        f"{start}the links {links} begin to pay, and the demand that follows from all links that pay jumps from "
        f"{below[1]:.9g} above it to {above[1]:.9g} below it"
    )


def greatest_reply(problem: SourcingProblem, A: float, most: Links | None = None) -> tuple[Links, float] | None:
    """Return the greatest network in which every firm of a closed economy replies best to A, and the A it implies.

    The latter is not positive where fixed costs exceed labour. None where costs do not exist. ``most`` is a network
    known to hold the reply, such as the reply to a larger A.
    """
    links = np.ones(problem.m, dtype=np.bool_) if most is None else most
    nobody = np.zeros(problem.n, dtype=np.bool_)
    while True:
        formed = Formed.of(problem, links)
        T, D = formed.costs(problem.labour_weight[:, None]), formed.demands(problem.home_costs[:, None])
        if T is None or D is None:
            return None
        network = Network(links, nobody, nobody)
        here = SourcingOutcome(problem, network, formed, "", 1.0, A, T[:, 0], A * D[:, 0])
        smaller = links & respond_at(here, A, 1.0, here.T, here.D).network.links
        if np.array_equal(smaller, links):
            return links, (problem.L - formed.labour) / float(problem.labour_weight @ D[:, 0])
        links = smaller


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
