"""The demonstration: two real economies, each answered by the paper's heuristic, by enumeration, and with a proof.

The economies come from input–output tables of the United States. Every sector may shut down; which of them should?
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from endonet.reports.page import Page
    from endonet.solvers.comparison import Comparison, Row
    from endonet.solvers.solution import Solution

NAME = "demo"
TITLE = "Which sectors should operate?"

LEAD = (
    "Two real economies, answered three ways. Every sector may operate or shut down. Operating costs labour, but it "
    "also gives all its customers one more supplier, so the right choice for one sector depends on all the others: "
    "2ⁿ networks for n sectors. The heuristic of the literature, plain enumeration and a search with a proof answer "
    "the same question."
)

ECONOMIES = ("planner/us-15", "planner/us-71")
ENUMERABLE = 24
SEED = 0
TIME_LIMIT = 60.0


@dataclass(frozen=True)
class Answers:
    """One economy and what was found out about it."""

    reference: str
    problem: Any
    comparison: Comparison
    proof: Solution | None
    verified: Any


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Answer, print the tables, and write ``demo.html``.

    Parameters
    ----------
    out : folder that exists
    full : also a calibrated economy that is beyond enumeration by far
    workers, dask : not needed, every answer takes seconds
    """
    del workers, dask
    from rich.console import Console

    started = time.perf_counter()
    console = Console()
    page = _page()
    for reference in (*ECONOMIES, *(FULL if full else ())):
        answers = answer(reference)
        console.print(answers.comparison)
        if answers.verified is not None:
            console.print(f"The certificate of {reference} was verified without a solver.", style="green")
        console.print()
        describe(page, answers)
    _closing(page, time.perf_counter() - started)
    return page.write(out / "demo.html")


FULL = ("planner/calibrated-300",)


def answer(reference: str) -> Answers:
    """Solve one bundled economy in every way that is open to it, and verify the proof."""
    from endonet import api
    from endonet.instances import files

    problem = files.load(reference)
    names = ["reshaping", *(["enumeration"] if problem.n <= ENUMERABLE else []), "certified"]
    comparison = api.compare(problem, names, seed=SEED, time_limit=TIME_LIMIT)
    solutions = [s for s in comparison.solutions if s is not None and s.solver == "certified"]
    proof = solutions[0] if solutions else None
    verified = api.check(problem, proof) if proof is not None else None
    return Answers(reference, problem, comparison, proof, verified)


def describe(page: Page, answers: Answers) -> None:
    """Add one economy to the page: what it is, both networks, the answers, the parameters."""
    from endonet.reports.sectors import unit_of

    problem, comparison, unit = answers.problem, answers.comparison, unit_of(answers.problem)
    page.heading(f"{problem.n} {unit}s: {answers.reference}", anchor=answers.reference.replace("/", "-"))
    source = f" Source: {problem.source}." if problem.source else ""
    page.text(f"{problem.description.rstrip('.')}.{source}" if problem.description else source.strip())
    for sentence in comparison.contradictions:
        page.alert(f"Contradiction: {sentence}.")
    if answers.proof is not None and answers.proof.decision is not None:
        page.cards(_cards(answers))
        pictures, legend = _pictures(problem, answers.proof, comparison.solutions[0])
        page.figures(pictures, legend)
    page.table(
        ("solver", "what is known", "output Y", "bound", "gap", "error", f"{unit}s wrong", "seconds"),
        [_cells(row) for row in comparison.rows],
        caption=(
            "Output is what the evaluator computes for the solver's decision. Error is the shortfall from the proven "
            f"optimum, relative to it; {unit}s wrong counts where the decision differs from it."
        ),
        numeric=range(2, 8),
        strong=[place for place, row in enumerate(comparison.rows) if row.proof],
    )
    page.text(_errors(answers))
    for row in comparison.rows:
        if row.reason:
            page.text(f"{row.solver}: {row.reason}")
    page.definitions(_parameters(problem))


def _page() -> Page:
    from endonet.reports.page import Page

    return Page(TITLE, LEAD)


def _cards(answers: Answers) -> list[tuple[str, str, str]]:
    from endonet.reports.sectors import unit_of

    comparison, proof, unit = answers.comparison, answers.proof, unit_of(answers.problem)
    assert proof is not None
    everyone = answers.problem.evaluate([1] * answers.problem.n)
    gain = (proof.value or 0.0) / everyone.value - 1 if everyone.value > 0 else None
    operating = int(proof.decision.sum())
    heuristic = comparison.rows[0]
    verified = "certificate verified without a solver" if answers.verified is not None else "no certificate"
    known = "proved" if comparison.optimum is not None else "best known"
    cards = [
        (f"{known} optimum", f"{proof.value:.6g}", verified),
        (f"{unit}s that operate", f"{operating} of {answers.problem.n}", "at the optimum"),
        ("output above the full network", "–" if gain is None else f"{gain:+.2%}", "for choosing who operates"),
    ]
    if heuristic.differs is not None and heuristic.error is not None:
        wrong = unit if heuristic.differs == 1 else f"{unit}s"
        remark = (
            "it found the optimum" if heuristic.error <= 1e-9 else f"output {heuristic.error:.2g} too low, relatively"
        )
        cards.append(("the heuristic errs in", f"{heuristic.differs} {wrong}", remark))
    return cards


def _errors(answers: Answers) -> str:
    """Say which sectors the heuristic gets wrong."""
    import numpy as np

    from endonet.reports.sectors import names_of

    found, proof = answers.comparison.solutions[0], answers.proof
    if found is None or found.decision is None or proof is None or proof.decision is None:
        return "There is nothing to compare the heuristic with."
    _, names = names_of(answers.problem)

    def listed(mask: Any) -> str:
        return "; ".join(names[j] for j in np.flatnonzero(mask))

    kept, lost = found.decision > proof.decision, found.decision < proof.decision
    said = []
    if kept.any():
        said.append(f"keeps what the optimum shuts down ({listed(kept)})")
    if lost.any():
        said.append(f"shuts down what should operate ({listed(lost)})")
    if not said:
        return "Here the heuristic finds the optimum, although it cannot know."
    return f"The heuristic {' and '.join(said)}; by itself it cannot know."


def _pictures(
    problem: Any, proof: Solution, heuristic: Solution | None
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    import numpy as np

    from endonet.reports import draw
    from endonet.reports.sectors import names_of, unit_of

    unit = unit_of(problem)
    before, after = problem.evaluate(np.ones(problem.n)), problem.evaluate(proof.decision)
    each = 3 if problem.links > 4 * problem.n else problem.n
    labels, titles = names_of(problem)
    outcomes = (before, after)
    links = [draw.strongest(outcome.Gamma, each) for outcome in outcomes]
    room = np.max([draw.radii(outcome.sales) for outcome in outcomes], axis=0)
    positions = draw.layout(links[0], room, labels, SEED)
    wrong = np.zeros(problem.n, dtype=bool)
    if heuristic is not None and heuristic.decision is not None:
        wrong = heuristic.decision != proof.decision
    marks = (np.zeros(problem.n, dtype=bool), wrong)
    drawn = []
    for outcome, shown, marked, title in zip(
        outcomes, links, marks, ("everyone operates", "the proven optimum"), strict=True
    ):
        total = outcome.sales.sum() or 1.0
        says = [f"{name}: {sales / total:.1%} of sales" for name, sales in zip(titles, outcome.sales, strict=True)]
        network = draw.Network(positions, outcome.sales, shown, outcome.theta == 1, marked, labels, says)
        drawn.append(draw.svg(network, f"Network of {problem.name}: {title}"))
    idle = int((proof.decision == 0).sum())
    thinned = f" Of {problem.links} links, the {each} largest suppliers of each {unit} are drawn." if each == 3 else ""
    pictures = [
        (drawn[0], f"Before the choice: every {unit} operates, Y = {before.value:.6g}.{thinned}"),
        (drawn[1], f"The optimum: {idle} of {problem.n} {unit}s shut down, Y = {after.value:.6g}."),
    ]
    legend = [
        ("on", "operates; area follows sales"),
        ("off", "shut down"),
        ("link", "supplier → buyer, by input share"),
    ]
    if wrong.any():
        legend.append(("mark", "the heuristic gets it wrong"))
    return pictures, legend


def _cells(row: Row) -> tuple[str, ...]:
    status = row.status.replace("_", " ")
    if row.stopped_by not in (None, "finished"):
        status += f" ({str(row.stopped_by).replace('_', ' ')})"

    def text(value: float | None, form: str) -> str:
        return "–" if value is None else "0" if value == 0 else format(value, form)

    return (
        row.solver,
        status,
        text(row.value, ".9g"),
        text(row.bound, ".9g"),
        text(row.rel_gap, ".1e"),
        text(row.error, ".1e"),
        "–" if row.differs is None else str(row.differs),
        "–" if row.wall_time is None else "<0.001" if row.wall_time < 0.001 else f"{row.wall_time:.3f}",
    )


def _parameters(problem: Any) -> list[tuple[str, str]]:
    from endonet.reports.sectors import unit_of

    def span(values: Any) -> str:
        low, high = values.min(), values.max()
        return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"

    return [
        ("size", f"{problem.n} {unit_of(problem)}s, {problem.links} links"),
        ("elasticities", f"σ = {problem.sigma:g} in final demand, ε = {problem.epsilon:g} between inputs"),
        ("input shares α", span(problem.alpha)),
        (
            "fixed costs f",
            f"{span(problem.f)} of labour L = {problem.L:g}; together {problem.f.sum() / problem.L:.1%} of it",
        ),
        ("productivities z", span(problem.z)),
        ("rows on decisions", str(problem.rows.count)),
        ("fingerprint", problem.fingerprint[:16]),
    ]


def _closing(page: Page, seconds: float) -> None:
    from endonet.reports.page import provenance

    page.heading("How to read the answers", anchor="reading")
    page.definitions(
        [
            ("optimal", "Value and bound agree within 1e-9, proved: no choice of sectors gives more."),
            ("stationary", "The conditions of the heuristic hold. It has no bound, so nothing says how far it is off."),
            (
                "bound",
                "No decision whatever has a larger output. The certified solver's bound comes with a certificate.",
            ),
            (
                "certificate",
                "Prices of the inputs. A short program multiplies them out to confirm the bound and trusts no solver.",
            ),
        ]
    )
    page.heading("Run it yourself", anchor="run")
    page.code(
        "endonet solve planner/us-15 --out us-15.solution.json\n"
        "endonet check planner/us-15 us-15.solution.json\n"
        "endonet compare planner/us-71 --solvers reshaping,certified\n"
        "endonet report demo --out out"
    )
    page.definitions(provenance(seconds, SEED))
