"""What a solver returns: `status` says what is known, `stopped_by` why it ended, and the two are never mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

OPTIMUM = "optimum"
EQUILIBRIA = "equilibria"  # a question without an objective: the answer is a list
CLAIMS_INFEASIBLE = "claims_infeasible"  # among the statistics of a solver whose claim of that was refuted


class Status(StrEnum):
    """What is known about the decision.

    OPTIMAL        value and bound agree within ``rel_gap``, proved
    FEASIBLE       best decision so far, with a valid bound
    LOCAL          no improvement among the neighbours the solver names; no bound
    STATIONARY     the heuristic's conditions hold; no bound
    NOT_CONVERGED  the method did not settle; the decision is the best seen, and a note says how it was chosen
    INFEASIBLE     proved: no decision satisfies the constraints
    UNBOUNDED      proved
    NO_SOLUTION    nothing found before a limit

    Where equilibria are asked for there is no value, and the decision is a list of them: ``OPTIMAL`` then says that the
    list is proved complete, ``FEASIBLE`` that it is what was found so far, ``STATIONARY`` that it holds equilibria and
    nothing was proved about others, ``INFEASIBLE`` that there is none.
    """

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    LOCAL = "local"
    STATIONARY = "stationary"
    NOT_CONVERGED = "not_converged"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    NO_SOLUTION = "no_solution"


class StoppedBy(StrEnum):
    """Why a solver ended."""

    FINISHED = "finished"
    TIME_LIMIT = "time_limit"
    NODE_LIMIT = "node_limit"
    ITERATION_LIMIT = "iteration_limit"
    CYCLE = "cycle"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Proves(StrEnum):
    """The most that a solver can prove."""

    GLOBAL_OPTIMUM = "global optimum"
    BOUND = "bound"
    LOCAL_OPTIMUM = "local optimum"
    STATIONARY_POINT = "stationary point"
    NOTHING = "nothing"


@dataclass(frozen=True, eq=False)
class Finding:
    """What a solver's own code hands back, before the problem's evaluator has judged it.

    Attributes
    ----------
    decision : object or None
        The best decision known.
    claim : Status
        What the solver says of it. ``OPTIMAL`` and ``FEASIBLE`` need a bound and are re-derived from value and bound.
    claimed_value : float or None
        What the solver says the objective is; compared with the evaluator's value.
    bound : float or None
        A proved bound on the objective, in its own units.
    certificate : dict or None
        What proves the bound, as JSON-ready data.
    """

    decision: Any
    claim: Status
    stopped_by: StoppedBy = StoppedBy.FINISHED
    claimed_value: float | None = None
    bound: float | None = None
    certificate: Mapping[str, Any] | None = None
    raw_status: str = ""
    notes: tuple[str, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Solution:
    """A decision and what has been proved about it.

    Attributes
    ----------
    question : str
        What was asked for: the ``optimum``, or ``equilibria``, which have neither value nor bound.
    value : float or None
        The objective as *the problem's evaluator* computes it, in units of the objective itself.
    bound : float or None
        No decision is better than this; None where nothing was proved.
    rel_gap : float or None
        |bound − value| / |value|; 0 if both are 0, None where there is no bound.
    decision : object or None
        The decision, in the problem's own form (planner: θ as an int8 array).
    certificate : mapping or None
        What proves the bound; goes into solution files, not to standard output.
    wall_time, setup_time : float
        Seconds of solving, and of importing, compiling and building before it.
    contradicted : str
        Empty, or how the evaluator contradicts the solver's claim.
    """

    family: str
    instance: str
    fingerprint: str
    solver: str
    formulation: str | None
    status: Status
    stopped_by: StoppedBy
    value: float | None
    bound: float | None
    rel_gap: float | None
    decision: Any
    encoded_decision: Mapping[str, Any] | None
    question: str = OPTIMUM
    certificate: Mapping[str, Any] | None = None
    wall_time: float = 0.0
    setup_time: float = 0.0
    raw_status: str = ""
    notes: tuple[str, ...] = ()
    contradicted: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def equilibria(self) -> int | None:
        """How many equilibria the decision lists; None where an optimum was asked for, or nothing is known."""
        if self.question != EQUILIBRIA or self.encoded_decision is None:
            return None
        return len(self.encoded_decision.get("equilibria", ())) + len(self.encoded_decision.get("autarky", ()))

    def to_dict(self, certificate: bool = True) -> dict[str, Any]:
        """Return the solution as one JSON-ready object; without the certificate for standard output."""
        report: dict[str, Any] = {
            "family": self.family,
            "instance": self.instance,
            "solver": self.solver,
            "formulation": self.formulation,
            "question": self.question,
            "status": self.status.value,
            "stopped_by": self.stopped_by.value,
            "value": self.value,
            "bound": self.bound,
            "rel_gap": self.rel_gap,
            "decision": dict(self.encoded_decision) if self.encoded_decision is not None else None,
            "wall_time": self.wall_time,
            "setup_time": self.setup_time,
            "raw_status": self.raw_status,
            "notes": list(self.notes),
            "contradicted": self.contradicted,
            "options": dict(self.options),
            "statistics": dict(self.statistics),
            "versions": dict(self.versions),
            "fingerprint": self.fingerprint,
        }
        if certificate:
            report["certificate"] = dict(self.certificate) if self.certificate is not None else None
        return report

    def __repr__(self) -> str:
        known = f"{self.status.value} ({self.stopped_by.value})"
        if self.question == EQUILIBRIA:
            return f"<Solution by {self.solver}: {known}, {self.equilibria} equilibria, {self.wall_time:.3g} s>"
        value = "none" if self.value is None else f"{self.value:.10g}"
        gap = "no bound" if self.rel_gap is None else f"gap {self.rel_gap:.2g}"
        return f"<Solution by {self.solver}: {known}, value {value}, {gap}, {self.wall_time:.3g} s>"


def relative_gap(value: float | None, bound: float | None) -> float | None:
    """Return |bound − value| / |value|; 0 if both are 0, infinity if only the value is, None without both numbers."""
    if value is None or bound is None:
        return None
    if bound == value:
        return 0.0
    return abs(bound - value) / abs(value) if value != 0 else float("inf")
