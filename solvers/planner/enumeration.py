"""Enumeration of the planner's problem: every θ is accounted for, none is trusted to a heuristic (paper 001, appendix
B).

The paper's exhaustive search evaluates all 2^n networks. This one accounts for them all but evaluates few: a
depth-first search that only removes firms carries the fixed point (7) from above, so that every partial choice has an
upper bound on whatever can still come of it, and subtrees that fall short of the networks asked for are cut. The bounds
and their proofs are in `endonet.solvers.planner.removal`; they use monotonicity and the concavity of the logarithm,
nothing else.

Rounding. Every bound and every value is a sum of at most n positive terms and the result of an iteration that contracts
by ᾱ = max α, so it is within about ε_mach (n + 8) (1/((1−ᾱ)(ε−1)) + 1/(σ−1) + 1) of the exact one, in logs. Subtrees
are cut only if they fall short by more than a multiple of that, and the bound reported is the best value raised by the
same margin.

Ties. Networks whose log Y agrees to 1e-12 count as equally good; the one with fewer firms comes first, and among those
the one whose θ comes first lexicographically. The list does not depend on the number of threads.
"""

from __future__ import annotations

import heapq
import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.planner import removal
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.progress import Progress
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

CHUNK = 20_000
TASKS_PER_THREAD = 32
WORTHLESS = -1e300
LONGEST_LIST = 10_000
MASK_BITS = 63
LOOK = 0.2
CERTIFICATE = {"kind": "planner exhaustion", "version": 1}

Network = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Enumeration(Solver[PlannerProblem]):
    """Exhaustive search with bounds (paper 001, section 2.2 and appendix B, "Exhaustive search").

    Proves the global optimum, and the list of the ``best`` networks. Stopped early it still has a valid bound: the
    largest over the subtrees left open.

    Parameters
    ----------
    best : int, default 1
        How many networks to list, best first, in ``statistics["networks"]``; networks worth nothing are not listed.
    within : float, default 0.0
        If positive, count in ``statistics["within"]`` the networks whose output is at least (1 − within) of the best.
        This takes a second search.
    max_firms : int, default 40
        Economies with more firms are refused, since the work grows exponentially. At most 63.
    initial : array_like of 0 and 1, optional
        A network to start the climb to a first incumbent from; by default every firm is on.
    """

    name: ClassVar[str] = "enumeration"
    title: ClassVar[str] = "Enumeration: every network accounted for, by removing firms under a bound"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    best: int = 1
    within: float = 0.0
    max_firms: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.best <= LONGEST_LIST:
            raise InputError("best", f"{self.best} is out of range", f"give a number from 1 to {LONGEST_LIST}")
        if not 0 <= self.within < 1:
            raise InputError("within", f"{self.within} is no share", "give a number from 0 to below 1")
        if not 1 <= self.max_firms <= MASK_BITS:
            raise InputError("max_firms", f"{self.max_firms} is out of range", f"give a number from 1 to {MASK_BITS}")

    def refuses(self, problem: PlannerProblem) -> str:
        """Return the reason if there are too many firms."""
        if problem.n <= self.max_firms:
            return ""
        more = f", or raise max_firms (at most {MASK_BITS})" if problem.n <= MASK_BITS else ""
        return f"enumeration takes up to {self.max_firms} firms, this economy has {problem.n}; use certified{more}"

    def prepare(self) -> None:
        """Compile the kernels."""
        tiny = tiny_economy()
        search = Search(tiny, 1, 1, None, None)
        search.run()
        search.any_feasible()
        # The search of so small an economy may be over before it begins; these are the kernels it may not have used.
        stack, on = removal.empty_stack(tiny.n), np.ones(tiny.n, np.uint8)
        removal.plant(search.data, stack, on, 0, WORTHLESS)
        removal.consider(search.data, stack, 0, 0.0, np.empty(tiny.n), search.list)
        removal.insert(search.list, search.list.key[0], search.list.size[0], search.list.mask[0])
        removal.split(stack, on)
        removal.open_bound(stack)
        removal.explore(search.data, stack, search.list, WORTHLESS, 1.0, math.inf, CHUNK, search.tally)

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Search for the best networks, then count those within reach of the best."""
        del formulation
        deadline = None if self.time_limit is None else time.perf_counter() + self.time_limit
        threads = self.threads or os.cpu_count() or 1
        start = None if self.initial is None else problem.operating(self.initial)
        with Interrupt() as interrupt, Progress(self.log) as progress:
            search = Search(problem, self.best, threads, deadline, start, progress=progress, interrupt=interrupt)
            stopped_by = search.run()
        report: dict[str, Any] = search.statistics()
        networks = search.networks()
        if not networks:
            with Interrupt() as search.interrupt:
                return self._worthless(problem, search, stopped_by, report)
        report["networks"] = [{"value": value, "theta": theta.tolist()} for value, theta in networks]
        value, theta = networks[0]
        bound = max(value, math.exp(search.open_bound)) if stopped_by is not StoppedBy.FINISHED else value
        bound *= 1 + search.safety
        notes: tuple[str, ...] = ()
        if self.within > 0 and stopped_by is StoppedBy.FINISHED:
            floor = math.log(value) + math.log1p(-self.within) - removal.TIE
            with Interrupt() as interrupt, Progress(self.log) as progress:
                count = Search(problem, 0, threads, deadline, None, floor=floor, progress=progress, interrupt=interrupt)
                stopped = count.run()
            report["within"] = count.found if stopped is StoppedBy.FINISHED else None
            if stopped is not StoppedBy.FINISHED:
                notes = (f"the count was stopped at {count.found} networks within {self.within:g} of the optimum",)
        claim = Status.OPTIMAL if stopped_by is StoppedBy.FINISHED else Status.FEASIBLE
        certificate = CERTIFICATE if stopped_by is StoppedBy.FINISHED else None
        return Finding(theta, claim, stopped_by, value, bound, certificate, notes=notes, statistics=report)

    def _worthless(
        self, problem: PlannerProblem, search: Search, stopped_by: StoppedBy, report: dict[str, Any]
    ) -> Finding:
        """Answer where no feasible network of positive worth was found."""
        if stopped_by is not StoppedBy.FINISHED:
            bound = math.exp(search.open_bound) * (1 + search.safety)
            note = "no feasible network was found before the search was stopped"
            return Finding(None, Status.FEASIBLE, stopped_by, bound=bound, notes=(note,), statistics=report)
        problem.evaluate(np.ones(problem.n, np.int8))  # says so where there is output that doubles cannot hold
        theta, stopped_by = search.any_feasible()
        if theta is not None:
            note = "no feasible network produces anything"
            return Finding(
                theta, Status.OPTIMAL, StoppedBy.FINISHED, 0.0, 0.0, CERTIFICATE, notes=(note,), statistics=report
            )
        if stopped_by is not StoppedBy.FINISHED:
            note = "no feasible network produces anything; the search for any feasible one was stopped"
            return Finding(None, Status.FEASIBLE, stopped_by, bound=0.0, notes=(note,), statistics=report)
        note = "every θ violates a row or the labour constraint, by enumeration"
        return Finding(None, Status.INFEASIBLE, certificate=CERTIFICATE, notes=(note,), statistics=report)


def exhausted(problem: PlannerProblem, claimed: float | None, time_limit: float) -> bool | None:
    """Whether no network is worth more than ``claimed``, or none is feasible if that is None, by enumeration anew.

    Parameters
    ----------
    claimed : float or None
        A bound on Y to test.
    time_limit : float
        Seconds.

    Returns
    -------
    bool or None
        None if the time did not suffice.
    """
    deadline = time.perf_counter() + time_limit
    floor = math.log(claimed) if claimed else WORTHLESS
    search = Search(problem, 0, os.cpu_count() or 1, deadline, None, floor=floor)
    if search.run() is not StoppedBy.FINISHED:
        return None
    if claimed is not None:
        return search.found == 0
    theta, stopped_by = search.any_feasible()
    return theta is None if stopped_by is StoppedBy.FINISHED else None


@dataclass(order=True)
class Task:
    """A node of the search: a network whose firms before ``start`` are decided. Sorts by falling bound."""

    rank: float
    number: int
    on: Network = field(compare=False)
    start: int = field(compare=False)


class Search:
    """One search over a problem by several threads.

    With ``best`` = 0 it counts the networks with log Y ≥ ``floor`` and lists none.

    Attributes
    ----------
    found : int
        How many networks reach the floor.
    open_bound : float
        No network in what was left unfinished has a higher log Y.
    safety : float
        What rounding can do to log Y, with room to spare.
    """

    def __init__(
        self,
        problem: PlannerProblem,
        best: int,
        threads: int,
        deadline: float | None,
        start: NDArray[np.int8] | None,
        floor: float = math.inf,
        progress: Progress | None = None,
        interrupt: Interrupt | None = None,
    ) -> None:
        self.problem, self.threads, self.deadline, self.floor = problem, threads, deadline, floor
        self.progress, self.interrupt = progress, interrupt
        everyone = np.ones(problem.n, np.uint8)
        alone = _arrange(problem, np.arange(problem.n))
        removal.fill_top(alone)
        self.order = _decide_first(alone, everyone)
        self.data = _arrange(problem, self.order)
        self.data.a_top[:] = alone.a_top[self.order]
        self.list = removal.empty_best(best)
        self.tally = np.zeros(4, np.int64)
        top = float(problem.alpha.max())
        sums = 1 / ((1 - top) * (problem.epsilon - 1)) + 1 / (problem.sigma - 1) + 1
        self.safety = max(2 * removal.TIE, 16 * float(np.finfo(float).eps) * (problem.n + 8) * sums)
        self.cutoff = WORTHLESS if floor == math.inf else floor - self.safety
        self.open_bound = -math.inf
        self._tasks: list[Task] = []
        self._numbers = 0
        self._working = 0
        self._state = threading.Condition()
        self._stopped_by = StoppedBy.FINISHED
        if best:
            removal.climb(self.data, (everyone if start is None else start.astype(np.uint8))[self.order], self.list)

    @property
    def found(self) -> int:
        """How many networks reach the floor, so far."""
        return int(self.tally[3])

    def run(self) -> StoppedBy:
        """Search to the end, the deadline or an interrupt."""
        self._plant_tasks()
        with ThreadPoolExecutor(self.threads) as pool:
            workers = [pool.submit(self._work) for _ in range(self.threads)]
            try:
                while wait(workers, timeout=LOOK).not_done:
                    self._hear()
                    self._show()
            except KeyboardInterrupt:
                self._stop(StoppedBy.INTERRUPTED)
            for worker in workers:
                worker.result()
        for task in self._tasks:
            self.open_bound = max(self.open_bound, -task.rank)
        return self._stopped_by

    def _hear(self) -> bool:
        """Stop if Ctrl-C has asked for it, and return whether it has."""
        asked = self.interrupt is not None and self.interrupt.requested
        if asked:
            self._stop(StoppedBy.INTERRUPTED)
        return asked

    def _show(self) -> None:
        if self.progress is not None:
            best = math.exp(self.list.key[0]) if self.list.filled[0] else None
            self.progress.show(nodes=int(self.tally[0]), incumbent=best, found=self.found, open=len(self._tasks))

    def networks(self) -> list[tuple[float, NDArray[np.int8]]]:
        """Return the networks listed, best first, each with its output by the problem's own evaluator."""
        found = []
        for m in range(int(self.list.filled[0])):
            theta = self._theta(int(self.list.mask[m]))
            outcome = self.problem.evaluate(theta)
            if outcome.feasible:
                found.append((outcome.value, theta))
        return found

    def statistics(self) -> dict[str, Any]:
        """Return nodes entered, subtrees cut and networks evaluated to full precision."""
        nodes, cut, evaluated = (int(number) for number in self.tally[:3])
        return {"nodes": nodes, "cut": cut, "evaluated": evaluated, "of": f"2^{self.problem.n}"}

    def any_feasible(self) -> tuple[NDArray[np.int8] | None, StoppedBy]:
        """Return a network that obeys the rows and the labour constraint, whatever it is worth, or None."""
        n = self.problem.n
        on, tried, depth = np.zeros(n, np.uint8), np.zeros(n, np.int64), np.zeros(1, np.int64)
        while True:
            answer = removal.first_feasible(self.data, on, tried, depth, CHUNK)
            if answer == 0:
                return None, StoppedBy.FINISHED
            if answer == 1:
                theta = np.zeros(n, np.int8)
                theta[self.order] = on
                if self.problem.evaluate(theta).feasible:
                    return theta, StoppedBy.FINISHED
                depth[0] -= 1
            if self._hear():
                return None, StoppedBy.INTERRUPTED
            if self.deadline is not None and time.perf_counter() > self.deadline:
                return None, StoppedBy.TIME_LIMIT

    def _theta(self, mask: int) -> NDArray[np.int8]:
        n = self.problem.n
        return np.array([mask >> (n - 1 - j) & 1 for j in range(n)], np.int8)

    def _plant_tasks(self) -> None:
        """Decide the first firms breadth first, the highest bound first, until there is work for every thread."""
        n = self.problem.n
        stack, spare = removal.empty_stack(n), np.empty(n)
        everyone = np.ones(n, np.uint8)

        def open_task(on: Network, start: int, new: bool) -> None:
            if removal.plant(self.data, stack, on, start, self.cutoff):
                if new and stack.log_value[0] >= self.cutoff:
                    self.tally[2] += 1
                    self.tally[3] += removal.consider(self.data, stack, 0, self.floor, spare, self.list)
                self._put(on, start, float(stack.hope[0, start]))
            else:
                self.tally[1] += 1

        self._raise_cutoff()
        open_task(everyone, 0, True)
        while self._tasks and len(self._tasks) < TASKS_PER_THREAD * self.threads and not self._hear():
            task = heapq.heappop(self._tasks)
            if task.start == n:
                continue
            open_task(task.on, task.start + 1, False)
            fewer = task.on.copy()
            fewer[task.start] = 0
            self.tally[0] += 1
            open_task(fewer, task.start + 1, True)
            self._raise_cutoff()

    def _put(self, on: Network, start: int, hope: float) -> None:
        self._numbers += 1
        heapq.heappush(self._tasks, Task(-hope, self._numbers, on, start))

    def _raise_cutoff(self) -> None:
        if self.list.key.size:
            self.cutoff = max(self.cutoff, float(self.list.key[-1]) - self.safety)

    def _stop(self, why: StoppedBy) -> None:
        with self._state:
            if self._stopped_by is StoppedBy.FINISHED:
                self._stopped_by = why
            self._state.notify_all()

    def _work(self) -> None:
        """One thread: take the task with the highest bound, search it by chunks, share what others wait for."""
        n = self.problem.n
        stack, on = removal.empty_stack(n), np.empty(n, np.uint8)
        mine = removal.empty_best(self.list.key.size)
        tally = np.zeros(4, np.int64)
        while True:
            with self._state:
                while not self._tasks and self._working and self._stopped_by is StoppedBy.FINISHED:
                    self._state.wait()
                if not self._tasks or self._stopped_by is not StoppedBy.FINISHED:
                    self._state.notify_all()
                    return
                task = heapq.heappop(self._tasks)
                self._working += 1
                self._copy_list(mine)
                cutoff = self.cutoff
            removal.plant(self.data, stack, task.on, task.start, cutoff)
            while stack.level[0] >= 0:
                removal.explore(self.data, stack, mine, cutoff, self.safety, self.floor, CHUNK, tally)
                with self._state:
                    self._merge(mine, tally)
                    cutoff = self.cutoff
                    late = self.deadline is not None and time.perf_counter() > self.deadline
                    if late and stack.level[0] >= 0 and self._stopped_by is StoppedBy.FINISHED:
                        self._stopped_by = StoppedBy.TIME_LIMIT
                    if self._stopped_by is not StoppedBy.FINISHED:
                        self.open_bound = max(self.open_bound, removal.open_bound(stack))
                        break
                    if not self._tasks and self._working < self.threads:
                        start, hope = removal.split(stack, on)
                        if start >= 0:
                            self._put(on.copy(), start, hope)
                            self._state.notify()
            with self._state:
                self._working -= 1
                self._state.notify_all()

    def _merge(self, mine: removal.Best, tally: NDArray[np.int64]) -> None:
        """Add one thread's networks and counts to those of all, and give it the common list."""
        self.tally += tally
        tally[:] = 0
        for m in range(int(mine.filled[0])):
            removal.insert(self.list, mine.key[m], mine.size[m], mine.mask[m])
        self._raise_cutoff()
        self._copy_list(mine)

    def _copy_list(self, mine: removal.Best) -> None:
        for own, common in zip(mine, self.list, strict=True):
            own[:] = common


def _decide_first(data: removal.Data, everyone: Network) -> NDArray[np.int64]:
    """Return the order of decisions: firms whose removal from the full network costs most come first.

    Subtrees without them are cut at once, and the savings that the rest can bring stay small.
    """
    n = everyone.size
    spare = np.empty(n)
    without = np.empty(n)
    for j in range(n):
        on = everyone.copy()
        on[j] = 0
        without[j] = removal.exact_log_output(data, on, spare)
    return np.argsort(without, kind="stable")


def _arrange(problem: PlannerProblem, order: NDArray[np.int64]) -> removal.Data:
    """Return the economy with its firms numbered in the given order; ``a_top`` is left to fill."""
    n = problem.n
    Omega = problem.Omega[:, order][order, :].tocsc()
    system = problem.rows
    rows = np.ascontiguousarray(system.G.toarray()[:, order].reshape(-1, n))
    later = np.zeros((rows.shape[0], n + 1))
    falls, rises = later.copy(), later
    falls[:, :n] = np.cumsum(np.minimum(rows, 0.0)[:, ::-1], axis=1)[:, ::-1]
    rises[:, :n] = np.cumsum(np.maximum(rows, 0.0)[:, ::-1], axis=1)[:, ::-1]
    return removal.Data(
        Omega.indptr.astype(np.int64),
        Omega.indices.astype(np.int64),
        np.array(Omega.data),
        np.array(problem.Z[order]),
        np.array(problem.alpha[order]),
        np.array(problem.f[order]),
        np.zeros(n),
        (n - 1 - order).astype(np.int64),
        rows,
        falls,
        rises,
        system.lower - system.tolerance,
        system.upper + system.tolerance,
        float(problem.L),
        float(problem.sigma),
        float(problem.epsilon),
        float(problem.kappa),
    )
