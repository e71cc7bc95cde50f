"""The frame of every solver: options in, a `Finding` from its own code, and a `Solution` judged by the evaluator."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import metadata
from types import UnionType
from typing import Any, ClassVar, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from endonet.formulations import registry
from endonet.formulations.contracts import Problem, Sense
from endonet.formulations.errors import InputError, NotApplicableError, UnavailableError
from endonet.solvers.progress import explained
from endonet.solvers.solution import EQUILIBRIA, OPTIMUM, Finding, Proves, Solution, Status, StoppedBy, relative_gap

P = TypeVar("P", bound=Problem)

CONTRADICTION = 1e-6
COMPILING = "compiling for this machine; the next time this takes no time"
WORDS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True, kw_only=True)
class Solver(ABC, Generic[P]):
    """One way of attacking a problem; options are fields, and those below mean the same in every solver.

    Parameters
    ----------
    time_limit : float, optional
        Seconds of solving after which the best decision and bound so far are returned.
    rel_gap : float, default 1e-9
        A decision counts as optimal once |bound − value| ≤ rel_gap · |value| is proved.
    threads : int, default 0
        Threads to use; 0 means all cores.
    seed : int, default 0
        The same seed gives the same numbers.
    initial : decision, optional
        A decision to start from.
    log : bool, default False
        Show progress on standard error.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    proves: ClassVar[Proves]
    deterministic: ClassVar[bool] = True
    formulations: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()
    remedy: ClassVar[str] = ""
    question: ClassVar[str] = OPTIMUM

    time_limit: float | None = None
    rel_gap: float = 1e-9
    threads: int = 0
    seed: int = 0
    initial: Any = None
    log: bool = False

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for option in fields(self):
            given = getattr(self, option.name)
            if isinstance(given, np.generic):
                object.__setattr__(self, option.name, given := given.item())
            _check_type(option.name, given, hints.get(option.name, Any))
        if self.time_limit is not None and not self.time_limit > 0:
            raise InputError("time_limit", f"{self.time_limit} is not positive", "give seconds > 0, or leave it out")
        if not (self.rel_gap >= 0 and math.isfinite(self.rel_gap)):
            raise InputError("rel_gap", f"{self.rel_gap} is no tolerance", "give a number ≥ 0")
        if self.threads < 0:
            raise InputError("threads", f"{self.threads} is negative", "give 0 for all cores, or a number")

    @classmethod
    def unavailable(cls) -> str:
        """Return why the solver cannot run here and how to mend it; empty if it can."""
        from importlib.util import find_spec

        missing = [name for name in cls.packages if find_spec(name) is None]
        return f"it needs the package {missing[0]!r}: {cls.remedy}" if missing else ""

    def refuses(self, problem: P) -> str:
        """Return why the solver does not accept this problem; empty if it does."""
        del problem
        return ""

    @abstractmethod
    def run(self, problem: P, formulation: str | None) -> Finding:
        """Attack the problem; the frame does the judging. Long loops honour ``time_limit`` and KeyboardInterrupt."""

    def prepare(self) -> None:
        """Import and compile what ``run`` needs, so that ``wall_time`` is solving alone."""

    def solve(self, problem: P, formulation: str | None = None) -> Solution:
        """Return what the solver found, as judged by the problem's own evaluator.

        Raises
        ------
        UnavailableError, NotApplicableError, InputError
            If the solver cannot run here, does not accept the problem, or does not know the formulation.
        """
        reason = self.unavailable()
        if reason:
            raise UnavailableError(f"solver {self.name!r} cannot run here: {reason}")
        formulation = self._choose(formulation)
        reason = self.refuses(problem)
        if reason:
            raise NotApplicableError(f"solver {self.name!r} does not accept this problem: {reason}")
        started = time.perf_counter()
        finding = None
        try:
            with explained(self.log, COMPILING):
                self.prepare()
        except KeyboardInterrupt:
            note = "interrupted while libraries were loaded and compiled"
            finding = Finding(None, Status.NO_SOLUTION, StoppedBy.INTERRUPTED, notes=(note,))
        begun = time.perf_counter()
        if finding is None:
            finding = self.run(problem, formulation)
        ended = time.perf_counter()
        if finding.claim is Status.INFEASIBLE:
            finding = replace(finding, notes=(*finding.notes, *_why_infeasible(problem)))
        return self._judge(problem, formulation, finding, setup_time=begun - started, wall_time=ended - begun)

    def _choose(self, formulation: str | None) -> str | None:
        if not self.formulations:
            if formulation is not None:
                raise InputError(
                    "formulation", f"solver {self.name!r} works on the problem itself", "leave the formulation out"
                )
            return None
        if formulation is None:
            return self.formulations[0]
        short = formulation.rpartition("/")[2]
        if short not in self.formulations:
            raise InputError(
                "formulation",
                f"solver {self.name!r} does not take {formulation!r}",
                f"use one of {', '.join(self.formulations)}",
            )
        return short

    def _judge(
        self, problem: P, formulation: str | None, finding: Finding, setup_time: float, wall_time: float
    ) -> Solution:
        better = 1.0 if problem.sense is Sense.MAXIMISE else -1.0
        status, value, bound = finding.claim, None, finding.bound
        contradicted = ""
        if finding.decision is not None:
            outcome = problem.evaluate(finding.decision)
            value = outcome.value
            if not outcome.feasible:
                contradicted = "the decision is not feasible: " + "; ".join(outcome.violations)
            elif value is None:
                pass
            elif finding.claimed_value is not None and _differs(
                finding.claimed_value, value, max(CONTRADICTION, self.rel_gap)
            ):
                contradicted = (
                    f"the solver claims the value {finding.claimed_value:.12g}, the evaluator finds {value:.12g}"
                )
            elif bound is not None and better * (value - bound) > 1e-9 * max(abs(value), abs(bound)):
                contradicted = f"the solver claims the bound {bound:.12g}, its own decision is worth {value:.12g}"
        gap = relative_gap(value, bound)
        question = self._question(problem, formulation)
        if question == EQUILIBRIA:
            if status is Status.OPTIMAL and contradicted:
                status = Status.FEASIBLE
        elif status in (Status.OPTIMAL, Status.FEASIBLE):
            proved = gap is not None and gap <= self.rel_gap and not contradicted
            status = Status.OPTIMAL if proved else Status.FEASIBLE
            if value is None:
                status = Status.NO_SOLUTION
        if status is Status.NO_SOLUTION and finding.decision is not None:
            status = Status.NOT_CONVERGED  # there is a decision, which "no solution" denies
        return Solution(
            family=problem.family,
            instance=problem.name,
            fingerprint=problem.fingerprint,
            solver=self.name,
            formulation=f"{problem.family}/{formulation}" if formulation else None,
            status=status,
            stopped_by=finding.stopped_by,
            value=value,
            bound=bound,
            rel_gap=gap,
            decision=finding.decision,
            encoded_decision=None if finding.decision is None else problem.encode_decision(finding.decision),
            question=question,
            certificate=finding.certificate,
            wall_time=wall_time,
            setup_time=setup_time,
            raw_status=finding.raw_status,
            notes=finding.notes,
            contradicted=contradicted,
            options=self._options(),
            statistics=finding.statistics,
            versions=self._versions(),
        )

    def _question(self, problem: P, formulation: str | None) -> str:
        """Return what is asked for: by the formulation if there is one, else by the solver."""
        if formulation is None:
            return self.question
        members = registry.family_module("endonet.formulations", problem.family).FORMULATIONS
        asked: str = registry.lookup("formulation", formulation, members).question
        return asked

    def _options(self) -> dict[str, Any]:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        given |= {name: "given" for name in ("initial", "resume") if given.get(name) is not None}
        return {k: v if isinstance(v, (int, float, str, bool, type(None))) else str(v) for k, v in given.items()}

    def _versions(self) -> dict[str, str]:
        return {name: _version(name) for name in ("endonet", "numpy", "scipy", "numba", *self.packages)}


def _why_infeasible(problem: Problem) -> tuple[str, ...]:
    """Return what the problem's family has to say about why nothing is feasible, if it offers that."""
    room = "endonet.solvers"
    if problem.family not in registry.family_names(room):
        return ()
    reference = getattr(registry.family_module(room, problem.family), "INFEASIBLE", None)
    try:
        return (registry.load(reference)(problem),) if reference is not None else ()
    except KeyboardInterrupt:  # the proof is there; what is missing is only the explanation
        return ()


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _check_type(name: str, value: Any, hint: Any) -> None:
    """Refuse a value that is not of its option's type; types that are no plain ones are left to the solver."""
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if value is None and type(None) in choices:
        return
    wanted = [WORDS[choice] for choice in choices if choice in WORDS]
    others = [choice for choice in choices if choice not in WORDS and choice is not type(None)]
    if others or not wanted or any(_is_a(value, choice) for choice in choices):
        return
    optional = ", or leave it out" if type(None) in choices else ""
    raise InputError(name, f"{value!r} is not {' or '.join(wanted)}", f"give {' or '.join(wanted)}{optional}")


def _is_a(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _differs(claimed: float, value: float, tolerance: float) -> bool:
    return abs(claimed - value) > tolerance * max(abs(claimed), abs(value))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
