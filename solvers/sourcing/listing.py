"""Lists of equilibria by an outside solver: one network after the other, each cut off, until none is left.

What the solver finds is a candidate: the problem's evaluator says whether it is an equilibrium, and settles ties. That
none is left is the solver's own claim, valid within its tolerances; ``certified`` gives a certificate.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol

from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, StoppedBy
from endonet.solvers.sourcing import answers


@dataclass(frozen=True)
class Answer:
    """What an outside solver says: a network, or that none is left if it finished without one."""

    network: Network | None
    stopped_by: StoppedBy
    raw: str


class Program(Protocol):
    """A program in the hands of an outside solver, whose points are networks that may be equilibria."""

    def ask(self, seconds: float) -> Answer:
        """Look for a point."""

    def cut(self, network: Network) -> None:
        """Exclude one network."""


def list_all(
    problem: SourcingProblem,
    program: Program,
    who: str,
    *,
    time_limit: float | None,
    log: bool,
    begun: float,
) -> Finding:
    """Ask and cut until no network is left.

    Parameters
    ----------
    who : str
        The outside solver's name, for the note on what its claim is worth.
    begun : float
        When the work began, in seconds of `time.perf_counter`.
    """
    deadline = math.inf if time_limit is None else begun + time_limit
    judged = answers.Judged(problem)
    stopped_by, raw = StoppedBy.FINISHED, ""
    with Interrupt() as interrupt, Progress(log, begun) as progress:
        while True:
            if interrupt.requested:
                stopped_by = StoppedBy.INTERRUPTED
                break
            if time.perf_counter() > deadline:
                stopped_by = StoppedBy.TIME_LIMIT
                break
            answer = program.ask(deadline - time.perf_counter())
            raw = answer.raw
            if answer.network is None:
                stopped_by = answer.stopped_by
                break
            judged.judge(answer.network)
            progress.show(candidates=judged.judged, equilibria=len(judged))
            if problem.m == 0:  # there is no other network
                break
            program.cut(answer.network)
    return answers.finding(
        problem,
        judged.listed(),
        complete=stopped_by is StoppedBy.FINISHED,
        stopped_by=stopped_by,
        certificate=None,
        statistics={"candidates": judged.judged, "raw": raw},
        undecided=judged.undecided,
        notes=(f"that the list is complete is {who}'s own claim, valid within its tolerances, and not certified",),
    )
