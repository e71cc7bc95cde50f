"""Enumeration of all networks, for every case of the paper's Table 1 and for open economies alike.

Each of the 2^m networks (with imports and exports 2^(m + 2n)) is solved for its fixed-network equilibrium and kept if
no firm clearly wants to deviate; the problem's evaluator then judges what was kept. Decisions that cost nothing are
always made (a tie is included) and not enumerated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.decisions import Equilibria
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, StoppedBy
from endonet.solvers.sourcing import answers
from endonet.solvers.sourcing.accepted import EconomySolver, smoothed
from endonet.solvers.sourcing.exhaustion import candidates
from endonet.solvers.sourcing.game import Bits, Game, game_of, network_of
from endonet.solvers.sourcing.tiny import tiny_economy

CHUNK = 1 << 15
ROOM = 4096
MOST = 40


@dataclass(frozen=True, kw_only=True)
class Enumeration(EconomySolver):
    """Exhaustive search: lists all equilibria, and proves that there is no other.

    Parameters
    ----------
    max_decisions : int, default 28
        Economies with more open decisions (links, imports, exports) are refused, since the work doubles with each.
    resume : mapping, optional
        The certificate of an enumeration that a limit ended; it goes on there.
    """

    name: ClassVar[str] = "enumeration"
    title: ClassVar[str] = "Enumeration: every network, every firm's best choice"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    question: ClassVar[str] = EQUILIBRIA
    for_choices: ClassVar[str] = "endonet.solvers.sourcing.subsets:Subsets"

    max_decisions: int = 28
    resume: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.max_decisions <= MOST:
            raise InputError(
                "max_decisions", f"{self.max_decisions} is out of range", f"give a number from 1 to {MOST}"
            )

    def refuses_economy(self, problem: SourcingProblem) -> str:
        """Return the reason if the economy is smoothed or too large."""
        if problem.smoothed:
            return smoothed(problem)
        count = int(np.count_nonzero(undecided(problem)[1]))
        if count <= self.max_decisions:
            return ""
        more = f", or raise max_decisions (at most {MOST})" if count <= MOST else ""
        return f"enumeration takes up to {self.max_decisions} decisions, this economy has {count}; use certified{more}"

    def prepare(self) -> None:
        """Compile the kernels."""
        for opened in (False, True):
            tiny = tiny_economy(opened=opened)
            Search(tiny, None).advance(ROOM)
            tiny.evaluate([]).choice  # type: ignore[union-attr]  # noqa: B018

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Look at every network."""
        del formulation
        begun = time.perf_counter()
        search = Search(problem, self.resume)
        stopped_by = StoppedBy.FINISHED
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:
            while not search.done:
                search.advance(CHUNK)
                progress.show(networks=search.next, of=search.count, equilibria=len(search.found))
                if interrupt.requested:
                    stopped_by = StoppedBy.INTERRUPTED
                elif self.time_limit is not None and time.perf_counter() - begun > self.time_limit:
                    stopped_by = StoppedBy.TIME_LIMIT
                if stopped_by is not StoppedBy.FINISHED:
                    break
        listed = search.found.listed()
        certificate = {"kind": "sourcing exhaustion", "version": 1, "networks": search.count, "next": search.next}
        finished = search.done
        return answers.finding(
            problem,
            listed,
            complete=finished,
            stopped_by=StoppedBy.FINISHED if finished else stopped_by,
            certificate=certificate | ({} if finished else {"found": answers.encoded(problem, listed)}),
            statistics={"networks": search.next, "of": search.count, "candidates": search.found.judged},
            undecided=search.found.undecided,
        )


def undecided(problem: SourcingProblem) -> tuple[Bits, Any]:
    """Return all decisions with those made that cost nothing, and a mask of those that are open.

    Trade is open only where it could come to something, or else at no cost, when it is made.
    """
    m, n = problem.m, problem.n
    fixed = problem.f.astype(np.float64)
    traders = np.zeros(2 * n)
    if problem.open is not None:
        traders = np.concatenate([problem.open.f_import, problem.open.f_export])
    bits = np.concatenate([fixed == 0, (traders == 0) & (problem.open is not None)]).astype(np.int8)
    useful = np.concatenate(
        [problem.alpha > 0, problem.foreign_input > 0, problem.foreign * (problem.open.D_F if problem.open else 0) > 0]
    )
    assert useful.size == m + 2 * n
    return bits, (bits == 0) & useful


class Search:
    """The networks of an economy by number, and what was found among those looked at."""

    def __init__(self, problem: SourcingProblem, resume: Mapping[str, Any] | None) -> None:
        self.problem = problem
        self.game: Game = game_of(problem)
        self.bits, open_ = undecided(problem)
        self.free = np.flatnonzero(open_)
        self.count = 1 << self.free.size
        self.next = 0
        self.found = answers.Judged(problem)
        if resume is not None:
            self.next, known = _earlier(problem, resume, self.count)
            for entry in known:
                self.found.judge(entry)

    @property
    def done(self) -> bool:
        """Whether all networks were looked at."""
        return self.next >= self.count

    def advance(self, many: int) -> None:
        """Look at some more networks."""
        stop = min(self.count, self.next + many)
        found = np.empty(ROOM, np.int64)
        while self.next < stop:
            bits = self.bits.copy()
            count, self.next = candidates(self.game, self.free, bits, self.next, stop, found)
            for number in found[:count].tolist():
                chosen = self.bits.copy()
                chosen[self.free] = (number >> np.arange(self.free.size)) & 1
                self.found.judge(network_of(self.problem, chosen))


def _earlier(problem: SourcingProblem, resume: Mapping[str, Any], count: int) -> tuple[int, list[Any]]:
    """Return where an earlier enumeration stopped, and the networks it found."""
    if resume.get("kind") != "sourcing exhaustion" or resume.get("networks") != count:
        raise InputError("resume", "it is no certificate of an enumeration of this economy", "give one that is")
    place = resume.get("next")
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place <= count:
        raise InputError("resume.next", f"{place!r} is no number of a network", f"give one from 0 to {count}")
    listed = problem.decode_decision(resume.get("found", {"equilibria": []}))
    if not isinstance(listed, Equilibria):
        raise InputError("resume.found", "it is no list of equilibria", "give the certificate as it was written")
    return place, listed.networks()
