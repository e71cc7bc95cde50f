"""Figures 2 to 5 of paper 002: three firms, one equilibrium, none or two, with all of them proved.

The parameters in the paper's pictures are lost; the examples keep what it states and find the rest.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.errors import EndonetError

if TYPE_CHECKING:
    from endonet.formulations.sourcing.problem import SourcingProblem
    from endonet.reports.correspondence import Segment
    from endonet.solvers.solution import Solution

NAME = "three-firms"
TITLE = "Figures 2 to 5: one equilibrium, none, or two"

LEAD = (
    "Three firms that may buy from each other at a fixed cost. If buyers initiate links in an acyclic network there is "
    "at most one equilibrium; otherwise there may be several. Every list below is complete, with a proof: all networks "
    "were looked at."
)

FIGURES = (
    ("unique", "Figure 2. Buyers initiate, acyclic: one", "buyers initiate, and every supplier comes before its buyer"),
    ("jump", "Figure 2, without equilibrium", "the same with other parameters: where a link forms, A₁ jumps over A₀"),
    ("buyers", "Figure 3. Buyers initiate, cyclic: two", "anybody may buy from anybody"),
    ("suppliers", "Figure 4. Suppliers initiate, cyclic: two", "suppliers pay for links and charge the full markup"),
    ("chain", "Figure 5. Suppliers initiate, acyclic: two", "acyclic, but what a buyer demands depends on its links"),
)
PLACES = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.866]])
POINTS = 400


@dataclass(frozen=True, eq=False)
class Case:
    """One example with its proven list of equilibria and A_1(A_0)."""

    name: str
    problem: SourcingProblem
    solution: Solution
    segments: list[Segment]
    window: tuple[float, float]

    @property
    def demands(self) -> list[float]:
        """A of every equilibrium."""
        return [entry.A for entry in self.solution.decision] if self.solution.decision is not None else []


def case(name: str) -> Case:
    """Return an example solved, with its list checked and held against A_1(A_0).

    Raises
    ------
    EndonetError
        If the list is not proved complete, or A_1(A_0) = A_0 elsewhere.
    """
    from endonet import api
    from endonet.instances.sourcing.examples import example
    from endonet.reports.correspondence import segments, window

    problem = example(name)
    solution = api.solve(problem, "enumeration")
    if solution.status.value not in ("optimal", "infeasible"):
        raise EndonetError(f"the equilibria of {name} were not proved complete: {solution.status.value}")
    api.check(problem, solution)
    found = Case(name, problem, solution, segments(problem), window(problem))
    crossings = sorted(A for segment in found.segments if (A := segment.equilibrium) is not None)
    if len(crossings) != len(found.demands) or not np.allclose(crossings, found.demands, rtol=1e-9):
        raise EndonetError(f"{name}: A_1(A_0) = A_0 at {crossings}, but the equilibria have A = {found.demands}")
    return found


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Solve the examples, draw A_1(A_0) − A_0, and write ``three-firms.html``.

    Parameters
    ----------
    out : folder that exists
    full, workers, dask : not needed, it takes seconds
    """
    del full, workers, dask
    from endonet.reports import pictures
    from endonet.reports.beside import show, write_table
    from endonet.reports.page import Page, provenance

    pictures.require()
    started = time.perf_counter()
    page = Page(TITLE, LEAD)
    cases = {name: case(name) for name, _, _ in FIGURES}
    rows: list[list[str]] = []
    drawn_rows: list[list[Any]] = [["example", "links", "A_0 from", "A_0 to", "intercept", "slope", "equilibrium A"]]
    for name, heading, says in FIGURES:
        one = cases[name]
        page.heading(heading, anchor=name)
        page.figures(
            [
                (
                    pictures.picture(_economy(one), f"Economy of {name}", (4.2, 3.8), out, f"three-firms-{name}-a"),
                    f"The economy: {says}. Beside links α, at firms β_H.",
                ),
                (
                    pictures.picture(_curve(one), f"A1 − A0 of {name}", (5.4, 4.0), out, f"three-firms-{name}-b"),
                    _caption(one),
                ),
            ]
        )
        if name == "jump":
            _smoothed(page, out)
        titles, table = _table(one)
        if table:
            page.table(titles, table, numeric=range(1, len(titles)))
        if note := getattr(one.solution.decision, "note", ""):
            # Notes number firms from 0, pictures and the paper from 1.
            note = re.sub(r"(\d+)→(\d+)", lambda link: f"{int(link[1]) + 1}→{int(link[2]) + 1}", note)
            page.text(note[0].upper() + note[1:] + ".")
        demands = ", ".join(f"{A:.6f}" for A in one.demands)
        rows.append([name, heading.partition(".")[0], str(len(one.demands)), demands])
        drawn_rows += [_row(name, one.problem, segment) for segment in one.segments]
    show(TITLE, ("example", "figure", "equilibria", "A"), rows)
    page.heading("Where the paper errs", anchor="errs")
    page.text(_window_text(cases))
    page.heading("How this page was made", anchor="how")
    page.text(
        "The paper states σ = 4, L = 1, φ = α_L = 1 and the fixed costs, which are kept; saliencies and demand "
        "shifters "
        "stood in pictures that are lost. Ours were found by random search, and no equilibrium hangs on a third "
        "decimal. "
        "On each segment one network is every firm's best choice, and A₁ is a line there; the solver, which knows "
        "nothing "
        "of segments, lists the same equilibria."
    )
    page.code("endonet report three-firms\nendonet solve sourcing/figure-3 --solver enumeration --json")

    write_table(out / "three-firms.csv", drawn_rows)
    facts = {"files": "three-firms.csv, three-firms-*.png, three-firms-*.svg"}
    page.definitions(provenance(time.perf_counter() - started, None, facts))
    return page.write(out / "three-firms.html")


def links_of(problem: SourcingProblem, links: Any) -> str:
    """Return formed links as a reader counts firms: 1→2, 3→1.

    >>> from endonet.instances.sourcing.examples import chain
    >>> links_of(chain(), [True, False, True])
    '1→2, 2→3'
    """
    formed = np.flatnonzero(links)
    return ", ".join(f"{problem.supplier[e] + 1}→{problem.buyer[e] + 1}" for e in formed) or "none"


def _caption(one: Case) -> str:
    count = len(one.demands)
    if count == 0:
        return "A₁(A₀) − A₀ jumps over zero: there is no equilibrium."
    many = "one equilibrium" if count == 1 else f"{count} equilibria"
    single = one.problem.initiator == "buyer" and one.problem.acyclic
    overlap = "" if single else " Where lines overlap, A₁ has two values."
    return f"A₁(A₀) − A₀, one line for each network, and {many}.{overlap}"


def _table(one: Case) -> tuple[tuple[str, ...], list[list[str]]]:
    titles = ("links formed", "A", "E", "P", "real income E/P")
    rows = []
    for entry in one.solution.decision or ():
        numbers = [f"{number:.6f}" for number in (entry.A, entry.E, entry.P, entry.real_income)]
        rows.append([links_of(one.problem, entry.network.links), *numbers])
    return titles, rows


def _row(name: str, problem: SourcingProblem, segment: Segment) -> list[Any]:
    high = segment.high if np.isfinite(segment.high) else ""
    A = segment.equilibrium
    return [name, links_of(problem, segment.links), segment.low, high, segment.intercept, segment.slope, A or ""]


def _window_text(cases: dict[str, Case]) -> str:
    outside = [name for name, one in cases.items() if any(not one.window[0] <= A <= one.window[1] for A in one.demands)]
    edge = [
        name
        for name, one in cases.items()
        if any(abs(A - one.window[1]) <= 1e-9 * A for A in one.demands) and name not in outside
    ]
    text = (
        "Footnote 11 draws [A_min, A_max], from every link at marginal cost to no link at full markup, and says that "
    )
    text += "every equilibrium lies within. "
    text += f"So it is here, but for {', '.join(outside)}." if outside else "So it is here."
    if edge:
        text += f" In {', '.join(edge)} an equilibrium is A_max itself, where no link is formed."
    return text


def _smoothed(page: Any, out: Path) -> None:
    """Add the smoothed economy: one equilibrium, which the evaluator confirms."""
    from scipy.optimize import brentq

    from endonet.instances.sourcing.examples import smoothed
    from endonet.reports import pictures
    from endonet.reports.correspondence import smooth_excess, window

    problem = smoothed()
    low, high = window(problem)
    A = float(brentq(lambda A_0: smooth_excess(problem, A_0)[0], low, high, xtol=1e-15, rtol=1e-14))
    probabilities = smooth_excess(problem, A)[1]
    outcome: Any = problem.evaluate(probabilities)
    if not outcome.equilibrium:
        raise EndonetError(f"the smoothed economy: {outcome.choice.reason}")
    axis = np.unique(np.concatenate([np.linspace(low, high, POINTS), A + np.linspace(-0.02, 0.02, POINTS)]))
    values = np.array([smooth_excess(problem, float(A_0))[0] for A_0 in axis])
    way = "falls throughout" if (np.diff(values) < 0).all() else "does not fall throughout"
    between = ", ".join(f"{p:.3f}" for p in probabilities if 1e-6 < p < 1 - 1e-6)

    def paint(axes: Any) -> None:
        axes.axhline(0.0, color=pictures.SOFT, linewidth=0.8)
        axes.plot(axis, values, color=pictures.ON)
        axes.plot([A], [0.0], "o", color=pictures.OFF)
        axes.set(xlabel="A₀", ylabel="A₁(A₀) − A₀")

    page.figures(
        [
            (
                pictures.picture(paint, "Smoothed A1 − A0", (5.4, 4.0), out, "three-firms-jump-c"),
                f"The same economy smoothed, λ = 0.00005: A₁(A₀) − A₀ {way} and is zero at A = {A:.6f}, where the link "
                f"that jumped is formed with probability {between}.",
            )
        ]
    )


def _curve(one: Case) -> Any:
    from endonet.reports.pictures import FOURTH, LINK, MARK, OFF, ON, SOFT

    def paint(axes: Any) -> None:
        low, high = one.window
        high = max(high, *(1.15 * A for A in one.demands)) if one.demands else high
        low = min(low, *(0.85 * A for A in one.demands)) if one.demands else low
        axes.axhline(0.0, color=SOFT, linewidth=0.8)
        drawn = [segment for segment in one.segments if segment.low < high and segment.high > low]
        for segment, colour in zip(drawn, (ON, FOURTH, MARK, LINK, SOFT, ON, FOURTH, MARK), strict=False):
            ends = np.array([max(segment.low, low), min(segment.high, high)])
            axes.plot(ends, segment.excess(ends), color=colour, linewidth=2, label=links_of(one.problem, segment.links))
        for A in one.demands:
            axes.plot([A], [0.0], "o", color=OFF, zorder=4)
        if not one.demands:
            for left, right in pairwise(drawn):
                above, below = left.excess(right.low), right.excess(right.low)
                if above > 0 > below:
                    axes.plot([right.low, right.low], [above, below], ":", color=OFF)
        axes.set(xlabel="A₀", ylabel="A₁(A₀) − A₀")
        axes.legend(title="links", fontsize=9, title_fontsize=9)

    return paint


def _economy(one: Case) -> Any:
    from endonet.reports.pictures import FAINT, GROUND, INK, LINK, ON

    problem = one.problem

    def paint(axes: Any) -> None:
        pairs = set(zip(problem.supplier.tolist(), problem.buyer.tolist(), strict=True))
        for (k, j), alpha in zip(
            zip(problem.supplier.tolist(), problem.buyer.tolist(), strict=True), problem.alpha, strict=True
        ):
            start, end = PLACES[k], PLACES[j]
            both = (j, k) in pairs
            aside = np.array([start[1] - end[1], end[0] - start[0]]) * (0.10 if both else 0.0)
            axes.annotate(
                "",
                end,
                start,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": LINK,
                    "shrinkA": 17,
                    "shrinkB": 17,
                    "linewidth": 1.5,
                    "connectionstyle": f"arc3,rad={-0.2 if both else 0.0}",
                },
            )
            place = start + (0.42 if both else 0.5) * (end - start) + 1.15 * aside
            axes.text(*place, f"{alpha:.2f}", ha="center", va="center", fontsize=9, color=INK, backgroundcolor=GROUND)
        for j, (x, y) in enumerate(PLACES):
            axes.plot([x], [y], "o", markersize=27, color=FAINT, markeredgecolor=ON)
            axes.text(x, y, str(j + 1), ha="center", va="center")
            beside = (x, y - 0.17) if y < 0.5 else (x, y + 0.15)
            axes.text(*beside, f"β = {problem.beta_H[j]:.2f}", ha="center", va="center", fontsize=9)
        axes.set(xlim=(-0.3, 1.3), ylim=(-0.28, 1.1), aspect="equal")
        axes.axis("off")

    return paint
