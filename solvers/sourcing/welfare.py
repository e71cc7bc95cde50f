"""The network with the highest real income, by branch and bound over decisions; closed and open, for either initiator.

`gains` bounds the real income E/P of all networks between two; where few decisions are open, all of them are tried. In
an open economy networks without trade count too: their real income is the same at every wage. The splits are the
certificate: `check` bounds every leaf again, or tries all networks in it.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.errors import VerificationError
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.sourcing.exhaustion import richest
from endonet.solvers.sourcing.gains import SAFETY, Between, Bits, Economy, bound, climb
from endonet.solvers.sourcing.game import Game, bits_of, game_of, network_of
from endonet.solvers.sourcing.tiny import tiny_economy

KIND = "sourcing welfare"
DENSE = 400
CLIMBS = 20
FEW, AFFORDABLE = 13, 1 << 20  # open decisions that are all tried, and the arithmetic that this may take


@dataclass(frozen=True, kw_only=True)
class Welfare(Solver[SourcingProblem]):
    """Branch and bound on real income E/P: is an equilibrium efficient, and by how much is it not?"""

    name: ClassVar[str] = "welfare"
    title: ClassVar[str] = "Branch and bound on real income: the network that a planner would choose"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    def refuses(self, problem: Any) -> str:
        """Return the reason if the economy is smoothed, or cyclic and large."""
        return refusal(problem)

    def prepare(self) -> None:
        """Compile the kernels."""
        for opened in (False, True):
            tiny = tiny_economy(opened=opened)
            lo, hi = everything(tiny)
            bound(Economy(tiny), lo, hi)
            try_all(game_of(tiny), lo, hi)
            tiny.evaluate([])

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Split the node with the highest bound."""
        del formulation
        begun = time.perf_counter()
        economy = Economy(problem)
        lo, hi = everything(problem)
        game, tried = game_of(problem), 0.0
        best, value = lo, _worth(problem, lo)
        starts = [] if self.initial is None else [bits_of(problem.network(self.initial)).astype(np.bool_)]
        stopped_by, goal = StoppedBy.FINISHED, 1 + self.rel_gap / 2
        splits: dict[tuple[int, ...], int] = {}
        number = itertools.count()
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:

            def late() -> bool:
                return self.time_limit is not None and time.perf_counter() - begun > self.time_limit

            def worth(bits: Bits) -> float:
                return 0.0 if late() or interrupt.requested else _worth(problem, bits)

            for start in (*starts, hi, lo):
                found, there = climb(economy, start, worth(start), worth, CLIMBS)
                if there > value:
                    best, value = found, there
            queue: list[Any] = [(*_key(economy, lo, hi, number), lo, hi, ())]
            while queue and -queue[0][0] > value * goal:
                if interrupt.requested:
                    stopped_by = StoppedBy.INTERRUPTED
                elif late():
                    stopped_by = StoppedBy.TIME_LIMIT
                if stopped_by is not StoppedBy.FINISHED:
                    break
                _, _, here, low, high, path = heapq.heappop(queue)
                if few(economy, low, high):
                    there, bits = try_all(game, low, high)
                    tried = max(tried, there)
                    if there > value and _worth(problem, bits) > value:
                        best, value = bits, _worth(problem, bits)
                    continue
                e = _split(economy, here, low, high)
                splits[path] = e
                for made in (False, True):
                    least, most = low.copy(), high.copy()
                    (least if made else most)[e] = made
                    for bits in (least, most):
                        there = _worth(problem, bits)
                        if there > value:
                            best, value = bits, there
                    heapq.heappush(queue, (*_key(economy, least, most, number), least, most, (*path, 2 * e + made)))
                progress.show(nodes=len(splits), incumbent=value, bound=-queue[0][0])
        top = max(value, tried, -queue[0][0] if queue else value) * (1 + SAFETY)
        tree = list(_preorder(splits, ()))
        return Finding(
            network_of(problem, best.astype(np.int8)),
            Status.OPTIMAL,
            stopped_by,
            claimed_value=value,
            bound=top,
            certificate={"kind": KIND, "version": 2, "tree": tree},
            statistics={"splits": len(splits)},
        )


def refusal(problem: Any) -> str:
    """Return why the bounds do not hold for a problem, or cost too much; empty if they do."""
    if not isinstance(problem, SourcingProblem):
        return "it takes economies, not firms' choices; use squeezing"
    if problem.smoothed:
        return "a smoothed economy chooses probabilities, not networks"
    if problem.n > DENSE and not problem.acyclic:
        return f"where firms may buy in circles it takes up to {DENSE} of them"
    return ""


def everything(problem: SourcingProblem) -> tuple[Bits, Bits]:
    """Return the least and the greatest network; what is of no use is left out of both."""
    useful = Economy(problem).useful
    return np.zeros(useful.size, dtype=np.bool_), useful


def few(economy: Economy, lo: Bits, hi: Bits) -> bool:
    """Return whether so few decisions are open between two networks that all of them can be tried."""
    problem, count = economy.problem, int(np.count_nonzero(lo != hi))
    work = problem.m + problem.n + (0 if problem.acyclic else problem.n**3)
    return count <= FEW and work << count <= AFFORDABLE


def try_all(game: Game, lo: Bits, hi: Bits) -> tuple[float, Bits]:
    """Return the highest real income of the networks between two, and one that has it."""
    open_, bits = np.flatnonzero(lo != hi), lo.astype(np.int8)
    found, number = richest(game, open_, bits.copy())
    bits[open_] = (max(number, 0) >> np.arange(open_.size)) & 1
    return float(found), bits.astype(np.bool_)


def _worth(problem: SourcingProblem, bits: Bits) -> float:
    """Return the real income of a network, 0 if it has no equilibrium."""
    outcome: Any = problem.evaluate(network_of(problem, bits.astype(np.int8)))
    return outcome.value if outcome.feasible else 0.0


def _key(economy: Economy, lo: Bits, hi: Bits, number: Iterator[int]) -> tuple[float, int, Between | None]:
    """Return a node's place in the queue: its bound, exact where nothing is open, and then its number."""
    if np.array_equal(lo, hi):
        return -_worth(economy.problem, lo), next(number), None
    found, here = bound(economy, lo, hi)
    return -found, next(number), here


def _split(economy: Economy, here: Between | None, lo: Bits, hi: Bits) -> int:
    """Return the open decision that may matter most: trade while nobody is sure to trade, else what may gain most."""
    problem, m, n = economy.problem, economy.problem.m, economy.problem.n
    if here is None:
        weight = np.concatenate([problem.phi[problem.buyer] * problem.alpha, np.zeros(2 * n)])
        return int(np.argmax(np.where(lo != hi, weight, -1.0)))
    at, (ga, gb), (Qa, Qb) = here.open, here.gains, here.Q
    score = (ga + gb).mean(axis=0) / (Qa + Qb)
    if problem.open is not None:
        exports = problem.foreign * here.most.side.a.sum(axis=1)
        firms = at[at >= m + n] - m - n
        score[at >= m + n] = exports[firms] / exports[hi[m + n :]].sum()
    return int(at[np.argmax(score)])


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
    economy, game = Economy(problem), game_of(problem)
    stack, leaves = [everything(problem)], 0
    for e in tree:
        if not stack or isinstance(e, bool) or not isinstance(e, int) or not -1 <= e < problem.m + 2 * problem.n:
            raise VerificationError("the certificate's tree is no tree of decisions")
        lo, hi = stack.pop()
        if e < 0:
            leaves += 1
            worth = _worth(problem, lo) if np.array_equal(lo, hi) else bound(economy, lo, hi)[0]
            if worth > claimed * (1 + 4 * SAFETY) and few(economy, lo, hi):
                worth = try_all(game, lo, hi)[0]
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
