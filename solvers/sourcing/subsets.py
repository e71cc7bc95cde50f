"""Brute force over one firm's sets of suppliers: all 2^K of them, K up to 26, in compiled loops.

The sums of ξ and f over every set of a low half of the suppliers are kept; those of a high half are added to them. No
bound, no theory: it is what `squeezing` is tested against.
"""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.sourcing import choice_kernels
from endonet.solvers.sourcing.accepted import only_choices
from endonet.solvers.sourcing.choice_certificate import EXHAUSTION, MOST_TRIED

LOW_HALF = 12
PIECE = 1 << 20  # sets tried between two looks at the clock


@dataclass(frozen=True, kw_only=True)
class Subsets(Solver[SourcingChoice]):
    """Every set of suppliers of every firm, each evaluated; for at most 26 suppliers."""

    name: ClassVar[str] = "subsets"
    title: ClassVar[str] = "every set of suppliers tried"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    def refuses(self, problem: Any) -> str:
        """Return a complaint if it is another kind of problem, or there are too many suppliers."""
        complaint = only_choices(self.name, problem)
        if not complaint and problem.K > MOST_TRIED:
            return f"it tries 2^{problem.K} sets for each firm, more than 2^{MOST_TRIED}; use squeezing"
        return complaint

    def prepare(self) -> None:
        """Compile the kernels."""
        Halves(SourcingChoice(sigma=2.0, theta=2.0, phi=[1.0], xi=[1.0, 2.0], f=[0.1, 0.2]), 0).best_from(0)  # type: ignore[arg-type]

    def run(self, problem: SourcingChoice, formulation: str | None) -> Finding:
        """Try every set of every firm."""
        del formulation
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        Z = np.zeros((problem.firms, problem.K), np.int8) if self.initial is None else problem.sets(self.initial)
        stopped_by, done = StoppedBy.FINISHED, 0
        threads = self.threads or os.cpu_count() or 1
        with Interrupt() as interrupt, Progress(self.log) as progress, ThreadPoolExecutor(threads) as pool:
            for i in range(problem.firms):
                progress.show(firm=f"{i + 1} of {problem.firms}")
                halves = Halves(problem, i)
                best, mask = -math.inf, 0
                for first in range(0, halves.last, halves.step * threads):
                    if interrupt.requested or time.perf_counter() > deadline:
                        stopped_by = StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
                        break
                    starts = range(first, min(first + halves.step * threads, halves.last), halves.step)
                    best, mask = max([(best, mask), *pool.map(halves.best_from, starts)], key=lambda found: found[0])
                if stopped_by is not StoppedBy.FINISHED:
                    break
                Z[i] = (mask >> np.arange(problem.K)) & 1
                done += 1
        value = problem.evaluate(Z).value
        statistics = {"sets": done << problem.K}
        if stopped_by is not StoppedBy.FINISHED:
            everything = problem.scale * (problem.xi_0 + problem.xi.sum(axis=-1)) ** problem.exponent
            bound = max(value, float(everything.sum()))
            return Finding(Z, Status.FEASIBLE, stopped_by, bound=bound, statistics=statistics)
        return Finding(Z, Status.OPTIMAL, bound=value, certificate={"kind": EXHAUSTION}, statistics=statistics)


class Halves:
    """One firm's suppliers in two halves, with the sums over every set of the lower one."""

    def __init__(self, problem: SourcingChoice, i: int) -> None:
        rows, low = slice(i, i + 1), min(LOW_HALF, problem.K)
        xi, c = problem.xi_of(rows)[0], problem.w * problem.f_of(rows)[0]
        self.firm = problem.exponent, float(problem.scale[i]), float(problem.xi_0[i]), xi[low:], c[low:]
        self.sums = choice_kernels.subset_sums(xi[:low].copy()), choice_kernels.subset_sums(c[:low].copy())
        self.step, self.last = max(1, PIECE >> low), 1 << (problem.K - low)

    def best_from(self, first: int) -> tuple[float, int]:
        """Return the best profit, and its set, among those whose upper half has one of the next ``step`` masks."""
        found: tuple[float, int] = choice_kernels.try_all(
            *self.firm, *self.sums, first, min(first + self.step, self.last)
        )
        return found
