"""False claims of outside solvers on tiny economies, each recorded with all that it takes to see it again.

A finding is a run after which a solver called its answer optimal, proved a bound, or called the program infeasible, and
trying every decision with the problem's evaluator shows something better. ``findings.json`` lists them with solver,
versions, formulation, options, seed, economy and claim; `reproduce` runs the solver again, past the adapter's refusals
and safeguards where the options say so. That a later version no longer makes the claim is no failure: the page says so.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.solvers.solution import CLAIMS_INFEASIBLE

if TYPE_CHECKING:
    from endonet.formulations.planner.problem import PlannerProblem

NAME = "findings"
TITLE = "When solvers are wrong"

LEAD = (
    "“Optimal” is a claim. On economies small enough to try every decision, these outside solvers made claims that are "
    "false, at tolerances of 1e-6 or less. The adapters avoid what they can, refuse what they cannot, and the "
    "evaluator judges the rest."
)

FILE = Path(__file__).with_name("findings.json")
FALSE = 2e-6  # relatively; what tolerances explain is no finding
PATIENCE = 30.0  # seconds for one run
INFEASIBLE = "nothing is feasible"
CLAIM = ("finding", "formulation", "claimed bound", "optimum", "short by")
SETTING = ("firms", "seed", "options", "solver")
COLUMNS = CLAIM + SETTING


@dataclass(frozen=True)
class Record:
    """One finding.

    Attributes
    ----------
    name : str
    solver, formulation : str
    versions : dict
        Of the solver's packages when it was found.
    options : dict
        Options of the adapter, and the ``seed``.
    economy : dict
        Fields of an instance file.
    bound : float or None
        What the solver claimed no decision exceeds; None if it claimed that none is feasible.
    optimum : float
        What the best of all decisions is worth.
    remark : str
        What is behind it, as far as known, and what the adapter does about it.
    """

    name: str
    solver: str
    formulation: str
    versions: dict[str, str]
    options: dict[str, Any]
    economy: dict[str, Any]
    bound: float | None
    optimum: float
    remark: str

    @property
    def problem(self) -> PlannerProblem:
        """The economy."""
        from endonet.instances.planner.files import from_fields

        return from_fields(self.economy)


@dataclass(frozen=True)
class Rerun:
    """What a solver says today.

    Attributes
    ----------
    bound : float or None
    false : bool
        Whether its bound is still below the optimum by more than tolerances explain, or nothing feasible to it.
    """

    bound: float | None
    false: bool

    def __str__(self) -> str:
        said = "no bound" if self.bound is None else f"{self.bound:.9g}"
        return f"still so: {INFEASIBLE if self.bound is None else said}" if self.false else f"no longer: {said}"


def records() -> list[Record]:
    """Return all findings."""
    return [Record(**entry) for entry in json.loads(FILE.read_text(encoding="utf-8"))["findings"]]


def best_of_all(problem: PlannerProblem) -> float:
    """Return the optimum, by evaluating every decision; one for each number of firms where all firms are alike."""
    n = problem.n
    choices: Iterable[Sequence[int]] = itertools.product((0, 1), repeat=n)
    if _alike(problem):
        choices = ([1] * k + [0] * (n - k) for k in range(n + 1))
    outcomes = (problem.evaluate(theta) for theta in choices)
    return max(float(outcome.value) for outcome in outcomes if outcome.feasible)


def _alike(problem: PlannerProblem) -> bool:
    """Whether exchanging any two firms leaves the economy as it is."""
    Omega = problem.Omega.toarray()
    across, own = Omega[~np.eye(problem.n, dtype=bool)], Omega.diagonal()
    same = (problem.z, problem.f, problem.alpha, across, own)
    return problem.rows.count == 0 and all((values == values[:1]).all() for values in same)


def reproduce(record: Record, time_limit: float = PATIENCE) -> Rerun:
    """Run the solver again as it ran then, without the adapter's refusals.

    Raises
    ------
    UnavailableError
        If the solver cannot run here.
    """
    from endonet import api
    from endonet.formulations.errors import UnavailableError

    solver = api.solver("planner", record.solver, time_limit=time_limit, **record.options)
    reason = solver.unavailable()
    if reason:
        raise UnavailableError(f"solver {record.solver!r} cannot run here: {reason}")
    solver.prepare()
    finding = solver.run(record.problem, record.formulation)
    bound = finding.bound
    if finding.statistics.get(CLAIMS_INFEASIBLE):
        return Rerun(None, True)
    return Rerun(bound, bound is not None and bound < record.optimum * (1 - FALSE))


def rows(found: list[Record]) -> Iterator[list[str]]:
    """Yield the table's rows."""
    for record in found:
        options = ", ".join(f"{k}={v}" for k, v in record.options.items() if k != "seed") or "–"
        versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
        yield [
            record.name,
            f"planner/{record.formulation}",
            INFEASIBLE if record.bound is None else f"{record.bound:.9g}",
            f"{record.optimum:.9g}",
            "all" if record.bound is None else f"{(1 - record.bound / record.optimum) * 100:.3g} %",
            str(record.economy["n"]),
            str(record.options.get("seed", 0)),
            options,
            f"{record.solver} ({versions})",
        ]


def markdown() -> str:
    """Return the table and the remarks as Markdown, for the documentation."""
    found = records()
    lines = [f"# {TITLE}", "", LEAD, "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows(found)]
    lines += ["", *(f"* **{record.name}**: {record.remark}" for record in found)]
    lines += ["", "`endonet report findings` tries every decision and runs each solver again."]
    return "\n".join(lines) + "\n"


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Try every decision, run each solver again, and write ``findings.html``.

    Parameters
    ----------
    out : folder that exists
    full, workers, dask : not needed; the economies are tiny
    """
    del full, workers, dask
    from endonet.formulations.errors import EndonetError
    from endonet.reports.page import Page, provenance

    started = time.perf_counter()
    found = records()
    page = Page(TITLE, LEAD)
    today = []
    for record in found:
        true = best_of_all(record.problem)
        if abs(true - record.optimum) > 1e-12 * true:
            page.alert(f"{record.name}: the recorded optimum is {record.optimum:.15g}, trying all gives {true:.15g}")
        try:
            today.append(str(reproduce(record)))
        except EndonetError as error:
            today.append(str(error))
    page.table(
        (*CLAIM, "run again", *SETTING),
        [[*row[: len(CLAIM)], said, *row[len(CLAIM) :]] for row, said in zip(rows(found), today, strict=True)],
        caption="Claimed bounds that the best of all decisions exceeds.",
        numeric=(2, 3, 4, 6, 7),
    )
    page.heading("What is behind them")
    page.definitions([(record.name, record.remark) for record in found])
    page.heading("How this page was made")
    page.definitions(provenance(time.perf_counter() - started, None, {"findings": str(len(found))}))
    return page.write(out / "findings.html")
