"""One or two equilibria of any economy at any size: firms reply to each other, from no links and from all of them.

Given wage and demand the game is supermodular, so that best replies from nothing rise to a least network Z(w, A) in
which nobody deviates, and those from everything fall to a greatest one. What remains is to find the (w, A) that such a
network implies.

In a closed economy the network implies A₁ = (L − Σ f)/S_d, and Z rises with A while A₁ falls with Z: so A₁(A) − A falls
strictly for either selection, and a bisection ends at an equilibrium or at a jump. With Z* of any equilibrium between
the two selections, its A lies between where the greatest selection crosses and where the least one does. If both end at
the same network, it is the only equilibrium.

In an open economy (w, A) is moved towards what the network implies, less far each time the networks come in a circle.
No proof of anything follows there. Whatever is returned, the problem's evaluator has confirmed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing import decisions
from endonet.formulations.sourcing.choice import Terms
from endonet.formulations.sourcing.decisions import Equilibrium
from endonet.formulations.sourcing.evaluation import LARGEST_LOG, SourcingOutcome, evaluate_network
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, Status, StoppedBy
from endonet.solvers.sourcing.accepted import smoothed
from endonet.solvers.sourcing.answers import OTHERS
from endonet.solvers.sourcing.game import network_of
from endonet.solvers.sourcing.replay import reply, side_of, starting
from endonet.solvers.sourcing.tiny import tiny_economy

Bits = NDArray[np.bool_]

HALVINGS = 200
NARROW = 1e-14  # a bracket in ln A that doubles cannot halve usefully
LEAST_STEP = 1e-3
STRIDE = 1.0  # in ln w, where nobody trades


class Stopped(Exception):  # noqa: N818
    """A limit, or Ctrl-C."""


@dataclass(frozen=True, kw_only=True)
class Replies(Solver[SourcingProblem]):
    """Best replies from no links and from all of them: up to two equilibria of a cyclic or supplier-initiated economy.

    ``STATIONARY`` says that the answer holds equilibria. Where there is none in the answer, none was found, which is no
    proof that there is none; ``certified`` can tell in economies that are not too large.

    Parameters
    ----------
    max_evaluations : int, default 200
        Points (w, A) at which it looks, for either start.
    """

    name: ClassVar[str] = "replies"
    title: ClassVar[str] = "Best replies from no links and from all: an equilibrium of any economy, at any size"
    proves: ClassVar[Proves] = Proves.STATIONARY_POINT
    question: ClassVar[str] = EQUILIBRIA

    max_evaluations: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_evaluations < 1:
            raise InputError("max_evaluations", f"{self.max_evaluations} is too small", "give a number ≥ 1")

    def refuses(self, problem: Any) -> str:
        """Return the reason if replies need not rise with each other."""
        if not isinstance(problem, SourcingProblem):
            return f"replies solves economies of firms, and this is a {type(problem).__name__}; use certified"
        if problem.smoothed:
            return smoothed(problem)
        if min(float(np.min(mu)) for mu in (problem.mu_H, problem.mu_links, problem.mu_F) if np.size(mu)) < 1:
            return "with a markup below 1 more links need not raise profits; use enumeration"
        return ""

    def prepare(self) -> None:
        """Compile the kernels."""
        for initiator in ("buyer", "supplier"):
            tiny = tiny_economy(opened=True, initiator=initiator)
            _Replies(tiny, True, lambda **shown: None).network(1.0, 1.0)
            tiny.evaluate([]).choice  # type: ignore[union-attr]  # noqa: B018

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Follow both selections."""
        del formulation
        begun = time.perf_counter()
        stopped_by, ends = StoppedBy.FINISHED, []
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:

            def show(**shown: Any) -> None:
                if interrupt.requested:
                    raise Stopped(StoppedBy.INTERRUPTED)
                if self.time_limit is not None and time.perf_counter() - begun > self.time_limit:
                    raise Stopped(StoppedBy.TIME_LIMIT)
                progress.show(**shown)

            try:
                for least in (True, False):
                    follow = closed if problem.open is None else opened
                    ends.append(follow(_Replies(problem, least, show), self.max_evaluations))
            except Stopped as limit:
                stopped_by = limit.args[0]
        found = {end.found.network.key(): end.found for end in ends if end.found is not None}
        notes = tuple(dict.fromkeys(end.note for end in ends if end.note))
        if problem.open is not None:
            notes = (*notes, OTHERS)
        statistics = {"looked": sum(end.looked for end in ends)}
        if problem.open is None and len(ends) == 2:
            notes = (*notes, _range(ends, found))
        if found:
            listed = decisions.listed(list(found.values()), [])
            return Finding(listed, Status.STATIONARY, stopped_by, notes=notes, statistics=statistics)
        if stopped_by is StoppedBy.FINISHED:
            stopped_by = StoppedBy.CYCLE
        return Finding(None, Status.NO_SOLUTION, stopped_by, notes=notes, statistics=statistics)


@dataclass(frozen=True)
class End:
    """Where a selection led: an equilibrium, or a note why not; and the A between which it crosses."""

    found: Equilibrium | None
    note: str
    looked: int
    A: tuple[float, float] = (0.0, math.inf)


class _Replies:
    """The least, or the greatest, network in which nobody deviates at a given wage and demand."""

    def __init__(self, problem: SourcingProblem, least: bool, show: Callable[..., None]) -> None:
        self.problem, self.least, self.show = problem, least, show
        self.terms = Terms(problem)
        self.trade = problem.open is not None
        region = starting(problem, self.trade)
        self.start = region.lo if least else region.hi
        self.bars, self.looked = (region.lo, region.hi), 0

    def network(self, w: float, A: float, start: Bits | None = None) -> Bits | None:
        """Return it; None where the greatest cannot be reached, since all links together have no costs."""
        bits = (self.start if start is None else start).copy()
        self.looked += 1
        while True:
            self.show(looked=self.looked, w=w, A=A, links=int(bits[: self.problem.m].sum()))
            side = side_of(self.problem, bits)
            if isinstance(side, str):
                return None
            best = reply(self.problem, self.terms, w, A, side, bits, self.trade, 1.0)
            moved = (bits | best) & self.bars[1] if self.least else (bits & best) | self.bars[0]
            if np.array_equal(moved, bits):
                return bits
            bits = moved

    def outcome(self, bits: Bits) -> SourcingOutcome:
        """Return what a network comes to."""
        return evaluate_network(self.problem, network_of(self.problem, bits.astype(np.int8)))

    def equilibrium(self, outcome: SourcingOutcome) -> Equilibrium | None:
        """Return a network as an equilibrium, if the evaluator says that it is one."""
        return outcome.as_equilibrium() if outcome.equilibrium else None


def closed(replies: _Replies, most: int) -> End:
    """Bisect A₁(A) − A, starting where no link is formed."""
    nothing = replies.outcome(replies.bars[0])
    if not nothing.feasible:
        return End(None, nothing.reason, 0)
    low, high = 0.0, nothing.A * 2
    networks: list[Bits | None] = [None, None]  # at low and at high
    for _ in range(min(most, HALVINGS)):
        A = high / 8 if low == 0 else math.sqrt(low) * math.sqrt(high)
        # A selection at less demand lies within that at more, so that the search may start there.
        bits = replies.network(1.0, A, networks[0 if replies.least else 1])
        if bits is None:
            which = "from no links" if replies.least else "from all links"
            return End(None, f"replies {which} come to links that have no costs together", replies.looked, (low, high))
        outcome = replies.outcome(bits)
        above = outcome.feasible and outcome.A > A
        low, high = (A, high) if above else (low, A)
        networks[0 if above else 1] = bits
        one, other = networks
        if outcome.feasible and (found := _settled(replies, outcome, one, other)) is not None:
            return End(found, "", replies.looked, (found.A, found.A))
        if low > 0 and math.log(high / low) < NARROW:
            break
    for bits in networks:
        if bits is not None and (found := replies.equilibrium(replies.outcome(bits))) is not None:
            return End(found, "", replies.looked, (low, high))
    if any(bits is None for bits in networks) or math.log(high / low) > 1e-9:
        return End(None, f"demand did not settle within {replies.looked} points", replies.looked, (low, high))
    return End(None, _jump(replies, high, networks), replies.looked, (low, high))


def _settled(replies: _Replies, outcome: SourcingOutcome, one: Bits | None, other: Bits | None) -> Equilibrium | None:
    """Return the network at both ends of the bracket if it is an equilibrium."""
    if one is None or other is None or not np.array_equal(one, other):
        return None
    return replies.equilibrium(outcome)


def opened(replies: _Replies, most: int) -> End:
    """Move (w, A) towards what the network implies, less far after each circle."""
    problem = replies.problem
    nothing = replies.outcome(np.zeros_like(replies.start))
    if not nothing.feasible:
        return End(None, nothing.reason, 0)
    x, step = np.array([0.0, math.log(nothing.A)]), 1.0
    seen: set[bytes] = set()
    for _ in range(most):
        if abs(x[0]) > LARGEST_LOG / problem.sigma or abs(x[1]) > LARGEST_LOG:
            break  # no power of such a wage is a number to the evaluator
        w, A = np.exp(x).tolist()
        bits = replies.network(w, A)
        if bits is None:
            x = x + np.array([0.0, -1.0])
            continue
        outcome = replies.outcome(bits)
        if outcome.feasible and outcome.wage_determined:
            found = replies.equilibrium(outcome)
            if found is not None:
                return End(found, "", replies.looked)
            key = bits.tobytes()
            step, seen = (step / 2, set()) if key in seen else (step, seen | {key})
            if step < LEAST_STEP:
                break
            x = x + step * (np.log([outcome.w, outcome.A]) - x)
            continue
        x = x + _towards_trade(problem, bits)
    where = "no links" if replies.least else "all links"
    w, A = np.exp(x).tolist()
    note = f"replies from {where} found no fixed point; they were left at (w, A) = ({w:.9g}, {A:.9g})"
    return End(None, f"{note}; certified or enumeration can tell whether there is an equilibrium", replies.looked)


def _towards_trade(problem: SourcingProblem, bits: Bits) -> NDArray[np.float64]:
    """Return a move in (ln w, ln A) to where labour suffices, or somebody imports and somebody exports."""
    m, n = problem.m, problem.n
    imports = bool((bits[m : m + n] & (problem.foreign_input > 0)).any())
    exports = bool((bits[m + n :] & (problem.foreign > 0)).any())
    if imports == exports:
        return np.array([0.0, -STRIDE]) if imports else np.array([0.0, STRIDE])
    return np.array([-STRIDE if imports else STRIDE, 0.0])


def _jump(replies: _Replies, A: float, networks: list[Bits | None]) -> str:
    problem, (one, other) = replies.problem, networks
    assert one is not None
    assert other is not None
    links = np.flatnonzero(one[: problem.m] != other[: problem.m])
    named = ", ".join(f"{problem.supplier[e]}→{problem.buyer[e]}" for e in links[:6].tolist())
    where = "least" if replies.least else "greatest"
    return (
        f"the {where} network in which nobody deviates jumps at A = {A:.12g}, where links {named}"
        f"{', …' if links.size > 6 else ''} are formed, and A₁(A) − A jumps over zero"
    )


def _range(ends: list[End], found: dict[bytes, Equilibrium]) -> str:
    """Return what both selections of a closed economy say about every equilibrium."""
    low, high = ends[1].A[0], ends[0].A[1]
    if len(found) == 1 and all(end.A[0] == end.A[1] for end in ends):
        return "both selections end at the same network: up to rounding there is no other equilibrium"
    return f"up to rounding every equilibrium has A in [{low:.12g}, {high:.12g}]"
