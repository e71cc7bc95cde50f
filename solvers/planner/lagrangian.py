"""A bound without a linear program: prices from the incumbent, improved by descent on the dual.

    rows → envelope of inputs → market prices → dual bound → fix, squeeze → again, until nothing moves
    → descent on the smoothed dual → dual bound → fix, squeeze → again, while the bound falls
    → local search where the relaxed decisions are in doubt

This is what `bounding` does to the box of all choices. Each step costs a few passes over the links, so that an economy
of a million firms gets a bound. There is no branching: the gap closes only where fixing decides every firm. The
certificate is that of `certified` with one node.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.planner.bounding import Bounding, Choice, Node, StopError, report
from endonet.solvers.planner.descent import descend
from endonet.solvers.planner.deviation import Deviation
from endonet.solvers.planner.dual_bound import excludes
from endonet.solvers.planner.squeeze import squeeze
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, StoppedBy

PATIENCE = 3  # descents in a row that gain little before it ends


class Ascent(Bounding):
    """The work on one box, that of all choices."""

    def run(self, initial: Choice | None, progress: Progress, interrupt: Interrupt) -> StoppedBy:
        """Bound and improve until nothing moves or a limit is reached; return why it ended."""
        self.interrupt, self.progress = interrupt, progress
        node = self.heap[0][2]
        self.nodes = 1
        try:
            self.begin(initial)
            if self.settle(node) or self.cool(node, PATIENCE):
                self.heap.clear()
            return StoppedBy.FINISHED
        except StopError:
            return StoppedBy.INTERRUPTED if interrupt.requested else StoppedBy.TIME_LIMIT
        except KeyboardInterrupt:
            return StoppedBy.INTERRUPTED
        finally:
            self.heap = [(-node.box.top, ticket, node) for _, ticket, node in self.heap]


@dataclass(frozen=True, kw_only=True)
class Lagrangian(Solver[PlannerProblem]):
    """Bound by weak duality from prices alone, in a few passes over the links, with a certificate.

    Takes what `certified` takes, at any size: 10⁵ firms in seconds, 10⁶ in minutes. ``FEASIBLE`` with a bound, or
    ``OPTIMAL`` where fixing decides everything.

    Parameters
    ----------
    initial : array_like of 0 and 1, optional
        A first incumbent; by default the reshaping heuristic's.
    """

    name: ClassVar[str] = "lagrangian"
    title: ClassVar[str] = "Lagrangian bound from market prices and descent on the dual, without a linear program"
    proves: ClassVar[Proves] = Proves.BOUND

    def prepare(self) -> None:
        """Compile the kernels."""
        problem = tiny_economy()
        search = Ascent(problem, self.rel_gap, math.inf, dominated=False)
        with Interrupt() as interrupt, Progress(False) as progress:
            search.run(None, progress, interrupt)
        node = Node(search.rules.root(), 0)
        search.rules.tighten(node.box)
        search.trade(node)
        assert node.witness is not None
        assert node.box.envelope is not None
        descend(problem, node.box, node.witness, 1.0, 2)
        excludes(problem, node.box.lower, node.box.upper, np.zeros(problem.rows.count))
        y = node.box.envelope.y_high
        squeeze(problem, node.box.lower, node.box.upper, y, y, np.ones(problem.n), 1.0)
        Deviation().prepare()

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Bound, and report."""
        del formulation
        begun = time.perf_counter()
        deadline = begun + (math.inf if self.time_limit is None else self.time_limit)
        initial = None if self.initial is None else problem.operating(self.initial)
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:
            search = Ascent(problem, self.rel_gap, deadline, dominated=False)
            return report(search, search.run(initial, progress, interrupt), self.rel_gap)
