"""How far from acyclic are production networks? The paper's heuristic against the proven optimum (paper 002, 4.2).

The paper orders firms greedily and finds that at most 18 percent of links and 23 percent of sales violate the order;
how far the greedy order is from the best one, it cannot know. Here both are known: on simulated networks of firms, on
input–output tables, and on the benchmark tables of LOLIB. The folder that ``ENDONET_DATA`` names may hold tables, in
``iotables`` and ``lolib``; US tables come with quantecon_book_networks, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from endonet.formulations.ordering.problem import OrderingProblem
    from endonet.solvers.solution import Solution

NAME = "ordering"
TITLE = "How far from acyclic are production networks?"

LEAD = (
    "In an acyclic network there is an order of firms in which everybody buys from those before. Real networks are not "
    "acyclic; how little has to be left out? A greedy heuristic answers fast and without a bound. Here its answers "
    "stand beside those of local search and beside proven optima."
)

SEED = 0
COUNTED = "Links of the same networks"
LIMIT = 15.0
EXACT_FROM_OUTSIDE, FULL_EXACT = 50, 80  # nodes up to which igraph's exact method is asked
FOLDER = "ENDONET_DATA"
LARGE, FULL_LARGE = (10_000, 20.0), (100_000, 20.0)  # nodes and links a node of the network that is ordered greedily
PAPER = (  # paper 002, section 4.2.1 and footnote 16: Belgium, 2012
    ("the paper, Belgium: greedy", "18% at most", "23% at most"),
    ("the paper, Belgium: by an upstream measure", "36%", "31%"),
)


@dataclass(frozen=True)
class Case:
    """One digraph and the answers to it, by the name of the way; None where a way was not taken."""

    problem: OrderingProblem
    answers: dict[str, Solution | None]

    @property
    def least(self) -> float | None:
        """The proven optimum, or None."""
        proof = self.answers["certified"]
        return proof.value if proof is not None and proof.status.value == "optimal" else None


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Solve every case in every way and write ``ordering.html``.

    Parameters
    ----------
    out : folder that exists
    full : more and larger networks, and all tables
    workers, dask : not needed, times would be disturbed
    """
    del workers, dask
    from endonet.reports.page import Page, provenance

    started = time.perf_counter()
    page = Page(TITLE, LEAD)
    before: list[Case] = []
    for heading, text, problems in sections(full):
        cases = [solve(problem, full) for problem in problems]
        page.heading(heading, anchor=heading.split()[0].lower())
        page.text(text)
        if cases:
            describe(page, cases)
        if heading == COUNTED:
            answer(page, before, cases)
        before = cases
    compare_greedy(page, FULL_LARGE if full else LARGE)
    page.heading("Run it yourself", anchor="run")
    page.code("endonet compare ordering/firms-200 --solvers eades,local-search,certified\nendonet report ordering")
    page.definitions(provenance(time.perf_counter() - started, SEED))
    return page.write(out / "ordering.html")


def sections(full: bool) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield heading, explanation and digraphs of each part of the page."""
    from endonet.instances.ordering.generators import firms

    sizes = (100, 200, 500, 1000) if full else (100, 200)
    simulated = [firms(n, 5.0, seed=seed) for n in sizes for seed in range(3 if full else 1)]
    counted = [unweighted(problem) for problem in simulated]
    yield (
        "Simulated networks of firms, by sales",
        "Firms along a chain of production, of which some sell upstream. What violates the order is counted in sales.",
        simulated,
    )
    yield (
        COUNTED,
        "The paper's unweighted ordering: every link counts one, whatever is sold along it.",
        counted,
    )
    tables = list(sectors())
    yield (
        "Sectors in input–output tables",
        "Tables of the United States, Australia, the United Kingdom, Germany and the Netherlands in triangular form, "
        "as far as they are at hand."
        if tables
        else f"Set {FOLDER}, or install the US tables: pip install 'endonet[data]'.",
        tables,
    )
    benchmark = list(lolib(full))
    yield (
        "Benchmark tables of LOLIB",
        "European input–output tables in normal form."
        if benchmark
        else f"Set {FOLDER} to a folder with a folder lolib to have them here.",
        benchmark,
    )


def unweighted(problem: OrderingProblem) -> OrderingProblem:
    """Return the same network with every link of weight 1."""
    return replace(problem, W=problem.W.sign(), name=f"{problem.name}, links")


def data(name: str) -> Path | None:
    """Return a folder inside the one that the environment names, or None."""
    folder = Path(os.environ.get(FOLDER, "")) / name
    return folder if os.environ.get(FOLDER) and folder.is_dir() else None


def sectors() -> Iterator[OrderingProblem]:
    """Yield the triangulation problems of the tables at hand."""
    from endonet.instances.ordering.graphs import from_table
    from endonet.instances.planner import iotables

    spec = find_spec("quantecon_book_networks")
    installed = Path(spec.origin).parent / "data" / "csv_files" if spec is not None and spec.origin else None
    folders = [folder for folder in (data("iotables"), installed) if folder is not None]

    def find(name: str) -> Path | None:
        return next((folder / name for folder in folders if (folder / name).is_file()), None)

    for file, layout, title in (
        ("germany_2009.csv", iotables.GERMANY, "Germany 2009"),
        ("netherlands_2006.csv", iotables.NETHERLANDS, "Netherlands 2006"),
        ("use_15.csv", iotables.US_15, "United States, 15"),
        ("use_71.csv", iotables.US_71, "United States, 71"),
        ("uk_2010_siot_domestic_basic.csv", iotables.UK, "United Kingdom 2010"),
    ):
        path = find(file)
        if path is not None:
            yield from_table(iotables.read_table(path, layout, title), name=title)
    use, make = find("use_114_aus.csv"), find("make_114_aus.csv")
    if use is not None and make is not None:
        yield from_table(iotables.read_australia(use, make), name="Australia, 114")


def lolib(full: bool) -> Iterator[OrderingProblem]:
    """Yield the tables in the folder that the environment names; without ``full`` the first eight."""
    from endonet.formulations.errors import InputError
    from endonet.instances import files

    folder = data("lolib")
    if folder is None:
        return
    found = sorted(path for path in folder.iterdir() if path.name.startswith("N-"))
    for path in found if full else found[:8]:
        try:
            yield files.load(path, "lolib")
        except InputError:
            continue  # another kind of file


def solve(problem: OrderingProblem, full: bool) -> Case:
    """Answer one digraph in every way."""
    from endonet import api
    from endonet.formulations.errors import UnavailableError

    limit = 20 * LIMIT if full else LIMIT
    answers: dict[str, Any] = {"eades": api.solve(problem, "eades")}
    answers["local-search"] = api.solve(problem, "local-search", seed=SEED, time_limit=limit)
    answers["certified"] = api.solve(problem, "certified", time_limit=limit)
    for method in ("eades", "ip_ti"):
        name = f"igraph {method}"
        answers[name] = None
        if method == "eades" or problem.n <= (FULL_EXACT if full else EXACT_FROM_OUTSIDE):
            try:
                answers[name] = api.solve(problem, "igraph", method=method, time_limit=limit)
            except UnavailableError:
                continue
    return Case(problem, answers)


def describe(page: Any, cases: list[Case]) -> None:
    """Add the table of some cases: shares that violate the best order, then gap and time of each way."""
    ways = list(cases[0].answers)
    rows = []
    for case in cases:
        proof = case.answers["certified"]
        outcome = case.problem.evaluate(proof.decision) if proof is not None else None
        row = [case.problem.name, str(case.problem.n), str(case.problem.links)]
        row += ["–", "–"] if outcome is None else [f"{outcome.share_of_links:.2%}", f"{outcome.share:.2%}"]
        row.append("yes" if case.least is not None else "–" if proof is None else f"gap {proof.rel_gap:.1e}")
        rows.append(row + [cell for way in ways for cell in _cells(case, way)])
    columns = ["network", "n", "links", "links violating", "weight violating", "proved"]
    columns += [title for way in ways for title in (f"{way}: above", "seconds")]
    page.table(
        columns,
        rows,
        caption=(
            "Links and weight violating are shares in the best order that was found. Above says how much more weight a "
            "way leaves violating than the proven optimum."
        ),
        numeric=range(1, len(columns)),
    )


def answer(page: Any, weighted: list[Case], counted: list[Case]) -> None:
    """Add the table of section 4.2's questions: which share of links and of sales violates acyclicity?"""
    rows = [[name, "–", links, "–", sales, "–"] for name, links, sales in PAPER]
    for by_sales, by_links in zip(weighted, counted, strict=True):
        row = [by_sales.problem.name, str(by_sales.problem.links)]
        for case in (by_links, by_sales):
            for way in ("eades", "certified"):
                found = case.answers[way]
                value = None if found is None else found.value
                row.append("–" if value is None else f"{value / case.problem.total:.2%}")
            row[-1] += "" if case.least is not None else " at most"
        rows.append(row)
    page.heading("Which share violates acyclicity?", anchor="shares")
    page.text("The paper asks twice: for links, each of which counts one, and for sales. Its firms are not public.")
    columns = ["network", "links", "links: greedy", "links: least", "sales: greedy", "sales: least"]
    page.table(columns, rows, caption="Shares that violate the greedy and the best order.", numeric=range(1, 6))


def compare_greedy(page: Any, size: tuple[int, float]) -> None:
    """Add the table of the greedy ways on one large network, in one run."""
    from endonet import api
    from endonet.formulations.errors import UnavailableError
    from endonet.instances.ordering.generators import sparse

    problem = sparse(*size, seed=SEED, weighted=True)
    ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("eades, exact weights", "eades", {}),
        ("eades, floor of appendix B.5", "eades", {"delta": "floor"}),
        ("eades, links", "eades", {"delta": "links"}),
        ("igraph eades", "igraph", {"method": "eades"}),
    )
    rows = []
    for title, solver, options in ways:
        try:
            found = api.solve(problem, solver, **options)
        except UnavailableError:
            continue
        share = "–" if found.value is None else f"{found.value / problem.total:.2%}"
        rows.append([title, share, f"{found.wall_time:.3f}"])
    page.heading("A large network, greedily", anchor="large")
    page.text(f"A random digraph of {problem.n} nodes and {problem.links} links with weights 1 to 100.")
    page.table(["way", "weight violating", "seconds"], rows, caption="All in this run.", numeric=range(1, 3))


def _cells(case: Case, way: str) -> tuple[str, str]:
    found = case.answers[way]
    if found is None or found.value is None:
        return "–", "–"
    least = case.least
    if least is None:
        return "–", f"{found.wall_time:.3f}"
    above = found.value - least
    return ("0" if above <= 1e-9 * abs(least) else f"{above / least:.1%}" if least else "∞"), f"{found.wall_time:.3f}"
