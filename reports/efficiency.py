"""Is the equilibrium efficient (section 4.4 of paper 002)? Real income in every equilibrium beside the best network's.

No firm counts what its links do for others: a buyer with a new supplier becomes cheaper for its own buyers, and
suppliers and markups earn or lose. What the planner of ``welfare`` can reach is bounded with a certificate, so that the
share of real income that is lost in an equilibrium is known between two numbers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.errors import InputError

if TYPE_CHECKING:
    from endonet.formulations.sourcing.decisions import Network
    from endonet.formulations.sourcing.problem import SourcingProblem
    from endonet.solvers.solution import Solution

NAME = "efficiency"
TITLE = "Is the equilibrium efficient?"

LEAD = (
    "Real income E/P in every equilibrium of an economy, beside that of the network that a planner would choose, with "
    "firms' markups as they are. The lists of equilibria are proved complete, and no network is worth more than the "
    "bound; so the share that an equilibrium loses lies between the two numbers given."
)
COLUMNS = ("economy", "network", "E/P", "best E/P", "bound", "lost at least", "lost at most", "planner adds, drops")
SHOWN = 4
NOTHING = 1e-8  # a share that only the rounding of bounds leaves


@dataclass(frozen=True)
class Options:
    """Which economies.

    Parameters
    ----------
    problems : names of bundled economies, or files, default the examples of figures 2 to 5 and three open economies
    limit : float, default 20
        Seconds for each economy's planner and as many for its equilibria; ``--full`` takes ten times as long.
    """

    problems: tuple[str, ...] = (
        "sourcing/figure-2",
        "sourcing/figure-2-none",
        "sourcing/figure-3",
        "sourcing/figure-4",
        "sourcing/figure-5",
        "sourcing/buyer-cyclic-open-two-4",
        "sourcing/supplier-cyclic-open-4",
        "sourcing/buyer-acyclic-open-two-6",
    )
    limit: float = 20.0

    def __post_init__(self) -> None:
        if not self.problems:
            raise InputError("problems", "there is none", "name a bundled economy or a file")
        if not self.limit > 0:
            raise InputError("limit", f"{self.limit:g} is not positive", "give seconds > 0")


@dataclass(frozen=True, eq=False)
class Efficiency:
    """The equilibria of an economy beside its best network."""

    problem: SourcingProblem
    equilibria: Solution
    planner: Solution

    @property
    def best(self) -> float:
        """Real income of the best network known."""
        assert self.planner.value is not None
        return self.planner.value

    @property
    def bound(self) -> float:
        """No network is worth more."""
        assert self.planner.bound is not None
        return self.planner.bound

    @property
    def entries(self) -> list[tuple[str, Network, float]]:
        """Every equilibrium as (kind, network, real income)."""
        listed = self.equilibria.decision
        if listed is None:
            return []
        found = [("equilibrium", entry.network, entry.real_income) for entry in listed]
        return found + [("autarky", alone.network, alone.real_income) for alone in listed.autarky]

    def lost(self, real_income: float) -> tuple[float, float]:
        """Return the least and the greatest share of real income that is lost."""
        return max(0.0, 1 - real_income / self.best), max(0.0, 1 - real_income / self.bound)


def efficiency(problem: SourcingProblem, time_limit: float | None = None) -> Efficiency:
    """Return the equilibria of an economy beside its best network; both answers are checked by their certificates.

    Raises
    ------
    NotApplicableError
        If the economy is smoothed or too large for ``certified`` (``enumeration`` below markups of 1) or ``welfare``.
    """
    from endonet import api
    from endonet.solvers.solution import Status

    lister = "certified" if not api.solver("sourcing", "certified").refuses(problem) else "enumeration"
    equilibria = api.solve(problem, lister, time_limit=time_limit)
    starts = [] if equilibria.decision is None else list(equilibria.decision)
    richest = max(starts, key=lambda entry: entry.real_income, default=None)
    start = None if richest is None else richest.network
    planner = api.solve(problem, "welfare", time_limit=time_limit, initial=start)
    if equilibria.status is not Status.NO_SOLUTION:
        api.check(problem, equilibria)
    api.check(problem, planner)
    return Efficiency(problem, equilibria, planner)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Solve every economy twice and write ``efficiency.html``.

    Parameters
    ----------
    out : folder that exists
    full : bool
        Ten times the time for each economy.
    workers, dask : not needed
    options : Options, optional
    """
    del workers, dask
    from endonet.instances.files import load
    from endonet.reports.beside import show, write_table
    from endonet.reports.page import Page, provenance

    options = options or Options()
    started = time.perf_counter()
    rows: list[list[str]] = []
    for name in options.problems:
        problem: Any = load(name)
        if problem.family != "sourcing" or not hasattr(problem, "smoothed"):
            raise InputError("problems", f"{name} is no economy of buyers and suppliers", "name one, or its file")
        rows += table(name, efficiency(problem, options.limit * (10 if full else 1)))
    show(TITLE, COLUMNS, rows)
    page = Page(TITLE, LEAD)
    page.table(COLUMNS, rows, numeric=range(2, 7))
    page.text(
        "An economy without equilibrium has a best network all the same. Of several equilibria one may be efficient "
        "while another is not. Autarky is an equilibrium without trade, with the same real income at every wage that "
        "supports it; the best network may trade or not."
    )
    page.heading("How this page was made", anchor="how")
    page.code(
        "endonet report efficiency -o problems=sourcing/figure-3,economy.json\n"
        "endonet solve sourcing/figure-3 -s welfare"
    )
    write_table(out / "efficiency.csv", [COLUMNS, *rows])
    page.definitions(provenance(time.perf_counter() - started, None, {"files": "efficiency.csv"}))
    return page.write(out / "efficiency.html")


def table(name: str, found: Efficiency) -> list[list[str]]:
    """Return a row for each equilibrium, or one that says that there is none."""
    from endonet.reports.beside import percent

    best, bound = f"{found.best:.9g}", f"{found.bound:.9g}"
    rows = []
    for kind, network, real_income in found.entries:
        least, most = found.lost(real_income)
        changes = changed(found.problem, network, found.planner.decision)
        rows.append([name, kind, f"{real_income:.9g}", best, bound, percent(least), _at_most(most), changes])
    said = {"infeasible": "no equilibrium", "optimal": ""}.get(found.equilibria.status.value, "list not complete")
    return rows + ([[name, said, "–", best, bound, "–", "–", "–"]] if said or not rows else [])


def _at_most(share: float) -> str:
    from endonet.reports.beside import percent

    return percent(share) if share == 0 or share > NOTHING else f"< {percent(NOTHING)}"


def changed(problem: SourcingProblem, network: Network, planned: Network) -> str:
    """Return what a planner adds to a network and drops from it, firms counted from 1."""
    words = []
    for e in np.flatnonzero(network.links != planned.links).tolist():
        sign = "+" if planned.links[e] else "−"
        words.append(f"{sign}{problem.supplier[e] + 1}→{problem.buyer[e] + 1}")
    for what, now, then in (
        ("imports", network.imports, planned.imports),
        ("exports", network.exports, planned.exports),
    ):
        words += [f"{'+' if then[j] else '−'}{what} {j + 1}" for j in np.flatnonzero(now != then).tolist()]
    more = f", … ({len(words)} in all)" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more if words else "nothing"
