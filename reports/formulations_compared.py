"""Why the hull matters: the same economies in six formulations, what their relaxations are worth and what they cost.

(a) The root bound: the maximum of the continuous relaxation, as output, above the proven optimum.
(b) Seconds and nodes of one solver, SCIP, to a proof on each formulation.

The optimum is `certified`'s, with its certificate checked. A root bound below it would be wrong, and is said so. Where
CVXPY can hold the relaxation, an interior-point method solves it; elsewhere SCIP does, and its *dual bound* is shown,
which is valid whether it finished or not.

Measurements are made one after the other on one thread. Each is a line of ``formulations-compared.jsonl`` as soon as
it is finished, and a rerun in the same folder goes on from there.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from endonet.formulations.planner.building import PlannerFormulation
    from endonet.formulations.planner.problem import PlannerProblem
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page

NAME = "formulations-compared"
TITLE = "Why the hull matters"

LEAD = (
    "A firm operates or does not. That can be written as a product, with a big-M, as a disjunction, or as the convex "
    "hull of the firm's choices. All of these are exact, so they have the same best decision; what differs is how much "
    "their continuous relaxations promise too much, and with it how long a proof takes."
)

WAYS = {
    "lifted": "the hull, planner/lifted",
    "big-m": "big-M by hand, planner/big-m",
    "gdp-bigm": "big-M by Pyomo.GDP, planner/gdp",
    "gdp-hull": "hull by Pyomo.GDP, planner/gdp",
    "primal": "goods and labour, planner/primal",
    "reduced": "productivities, planner/reduced",
}
TOLERANCE = 1e-6  # relative; a root bound may miss the optimum by a solver's tolerance
PROVED = 1e-6  # the gap to which SCIP proves

Found = dict[str, Any]


@dataclass(frozen=True)
class Parameters:
    """The size of the experiment.

    Attributes
    ----------
    sizes, seeds : numbers of firms, and seeds of each
    costs : total fixed costs f·n of Table 1's economies
    bundled : names of bundled economies
    time_limit : seconds for each proof
    root_limit : seconds for each relaxation that SCIP solves
    """

    sizes: tuple[int, ...] = (8, 12)
    seeds: tuple[int, ...] = (0, 1)
    costs: tuple[float, ...] = (0.15, 0.6)
    bundled: tuple[str, ...] = ("planner/us-15",)
    time_limit: float = 5.0
    root_limit: float = 3.0


FULL = Parameters(sizes=(8, 12, 16, 20), seeds=(0, 1, 2, 3, 4), time_limit=60.0, root_limit=20.0)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, parameters: Parameters | None = None
) -> Path:
    """Measure what is not yet measured, and write ``formulations-compared.html`` and ``.csv``.

    Parameters
    ----------
    out : folder that exists
    full : up to 20 firms, five draws of each, and a minute for each proof
    workers, dask : not used; measurements that run at the same time would disturb each other
    parameters : another size of experiment than the two that ``full`` chooses from

    Raises
    ------
    UnavailableError
        If SCIP is not installed.
    """
    del workers, dask
    from endonet.formulations.errors import UnavailableError
    from endonet.reports.ledger import Ledger
    from endonet.solvers.planner.scip import Scip

    reason = Scip.unavailable()
    if reason:
        raise UnavailableError(f"the report {NAME} cannot run here: {reason}")
    started = time.perf_counter()
    chosen = parameters or (FULL if full else Parameters())
    ledger = Ledger(out / f"{NAME}.jsonl")
    Scip().prepare()
    found = {name: _measure(ledger, chosen, name, problem) for name, problem in economies(chosen)}
    _write_csv(found, out / f"{NAME}.csv")
    return compose(found, chosen, time.perf_counter() - started).write(out / f"{NAME}.html")


def economies(parameters: Parameters) -> Iterator[tuple[str, PlannerProblem]]:
    """Yield the economies with their names."""
    from endonet.instances import files
    from endonet.instances.planner import generators

    for n in parameters.sizes:
        for f_n in parameters.costs:
            for seed in parameters.seeds:
                economy = generators.table1(n=n, f_n=f_n, seed=seed)
                yield f"table 1, n = {n}, f·n = {f_n:g}, draw {seed}", economy
    for name in parameters.bundled:
        yield name, files.load(name)


def formulation(way: str) -> PlannerFormulation:
    """Return the formulation of one way."""
    from endonet.formulations import registry
    from endonet.formulations.planner import FORMULATIONS
    from endonet.formulations.planner.gdp import Gdp

    if way.startswith("gdp-"):
        return Gdp(way.removeprefix("gdp-"))
    found: PlannerFormulation = registry.lookup("formulation", way, FORMULATIONS)
    return found


def root_bound(form: PlannerFormulation, problem: PlannerProblem, seconds: float) -> tuple[float, bool]:
    """Return a bound on output from the continuous relaxation, and whether it is the relaxation's maximum."""
    from endonet.formulations.contracts import Modeller

    if Modeller.CVXPY in form.modellers:
        model = form.build(problem, Modeller.CVXPY, relaxed=True)
        model.solve(solver="CLARABEL")
        if model.status == "optimal":
            return form.output(problem, float(model.value)), True
    scip = _scip(form.build(problem, relaxed=True), seconds, TOLERANCE)
    dual = scip.getDualbound()
    finished = scip.getStatus() in ("optimal", "gaplimit")
    return (math.inf if abs(dual) >= scip.infinity() else form.output(problem, dual)), finished


def proof(form: PlannerFormulation, problem: PlannerProblem, seconds: float) -> Found:
    """Let SCIP prove the optimum on a formulation; the evaluator says what the decision is worth."""
    from pyomo.environ import value  # noqa: F401 - Pyomo's writer is loaded before the clock starts

    model = form.build(problem)
    begun = time.process_time()
    scip = _scip(model, seconds, PROVED)
    spent = time.process_time() - begun
    dual = scip.getDualbound()
    return {
        "seconds": spent,
        "nodes": int(scip.getNTotalNodes()),
        "proved": scip.getStatus() in ("optimal", "gaplimit"),
        "bound": None if abs(dual) >= scip.infinity() else form.output(problem, dual),
    }


def _scip(model: Any, seconds: float, gap: float) -> Any:
    import tempfile

    import pyscipopt

    from endonet.formulations.export import export

    with tempfile.TemporaryDirectory(prefix="endonet-compared-") as folder:
        scip = pyscipopt.Model()
        scip.hideOutput()
        scip.readProblem(str(export(model, Path(folder) / "model.nl")))
    scip.setParam("limits/time", seconds)
    scip.setParam("limits/gap", gap)
    scip.setParam("misc/usesymmetry", 0)  # it cut off an optimum of identical firms
    scip.setParam("timing/clocktype", 1)  # seconds of the processor
    scip.optimize()
    return scip


def _measure(ledger: Ledger, parameters: Parameters, name: str, problem: PlannerProblem) -> Found:
    """Return the optimum and, for each way, root bound and proof."""
    from endonet.solvers.planner.certificate import check
    from endonet.solvers.planner.certified import Certified

    best = Certified().solve(problem)
    check(problem, best)
    if best.value is None or best.bound is None:
        raise RuntimeError(f"{name} has no optimum")
    found: Found = {"optimum": best.value, "n": problem.n}
    for way in WAYS:
        limits = {"time_limit": parameters.time_limit, "root_limit": parameters.root_limit}
        key = {"report": NAME, "economy": problem.fingerprint, "way": way, **limits}
        cell = ledger.get(key)
        if cell is None:
            print(f"{name}: {way}", file=sys.stderr)
            form = formulation(way)
            bound, finished = root_bound(form, problem, parameters.root_limit)
            root = {"root": bound if math.isfinite(bound) else None, "root_finished": finished}
            cell = ledger.add(key, {**root, **proof(form, problem, parameters.time_limit)})
        found[way] = cell
    return found


def wrong_bounds(found: dict[str, Found]) -> list[str]:
    """Return a sentence for every bound below the proven optimum."""
    sentences = []
    for name, economy in found.items():
        for way in WAYS:
            for kind in ("root", "bound"):
                bound = economy[way][kind]
                if bound is not None and bound < economy["optimum"] * (1 - TOLERANCE):
                    best = economy["optimum"]
                    sentences.append(f"{name}: the {kind} of {WAYS[way]} is {bound:.9g}, the proven optimum {best:.9g}")
    return sentences


def compose(found: dict[str, Found], parameters: Parameters, seconds: float) -> Page:
    """Return the page."""
    from endonet.reports.page import Page, provenance

    page = Page(TITLE, LEAD)
    for sentence in wrong_bounds(found):
        page.alert(f"A bound is wrong. {sentence}")
    hull, switch = (_median_gap(found, way) for way in ("lifted", "big-m"))
    if hull is not None and switch is not None:
        page.cards(
            [
                ("hull", _percent(hull), "median root gap: the relaxation above the optimum"),
                ("big-M", _percent(switch), "the same with the best big-M there is"),
                ("economies", str(len(found)), f"each in {len(WAYS)} formulations"),
            ]
        )
    page.heading("Root gap and time", "table")
    page.table(
        ["formulation", "root gap, median", "largest", "proved", "seconds, median", "nodes, median"],
        [_row(found, way, parameters) for way in WAYS],
        caption=(
            f"Over {len(found)} economies. Root gap: (bound of the relaxation − proven optimum)/optimum. Seconds and "
            f"nodes of SCIP to a gap of {PROVED:g}; what was not proved counts with the {parameters.time_limit:g} s of "
            "its limit. ≤: some relaxations were not solved to the end, and the gap shown is that of a valid bound."
        ),
        numeric=(1, 2, 3, 4, 5),
        strong=(0,),
    )
    page.heading("Every economy", "plot")
    page.figures(
        [(_scatter(found, parameters), "Root gap across, seconds to a proof upwards; hollow: not proved in time.")]
    )
    page.text(
        "The two hulls promise the same; the automatic one has copies of the variables for each disjunct, and its "
        "perspectives are not recognised as convex, so that SCIP branches where it need not. The automatic big-M adds "
        "a term M (1 − θ) to rows that hold without it. In goods and labour the choice enters as l ≤ L θ, a big-M for "
        "a quantity that is far from L."
    )
    page.text(
        "The relaxation of the paper's own form in productivities is not convex. Its root gap can be 0, since the "
        "relaxed objective is often largest at a corner, but finding that maximum is a global search itself."
    )
    page.heading("Economy by economy", "economies")
    page.table(
        ["economy", "optimum", *WAYS],
        [[name, f"{each['optimum']:.6f}", *(_pair(each, way) for way in WAYS)] for name, each in found.items()],
        caption="Root gap, and seconds to a proof; – where the time limit came first.",
        numeric=tuple(range(1, 2 + len(WAYS))),
    )
    page.heading("How it was made", "provenance")
    more = {"time limit": f"{parameters.time_limit:g} s a proof, {parameters.root_limit:g} s a relaxation"}
    page.definitions(provenance(seconds, parameters.seeds[0] if parameters.seeds else 0, more))
    return page


def _gap(economy: Found, way: str) -> float | None:
    root = economy[way]["root"]
    return None if root is None else max(root / economy["optimum"] - 1, 0.0)


def _median_gap(found: dict[str, Found], way: str) -> float | None:
    gaps = [gap for economy in found.values() if (gap := _gap(economy, way)) is not None]
    return statistics.median(gaps) if gaps else None


def _row(found: dict[str, Found], way: str, parameters: Parameters) -> list[str]:
    cells = [economy[way] for economy in found.values()]
    gaps = [gap for economy in found.values() if (gap := _gap(economy, way)) is not None]
    loose = "" if all(cell["root_finished"] for cell in cells) else "≤ "
    proved = [cell["proved"] for cell in cells]
    seconds = statistics.median(cell["seconds"] if cell["proved"] else parameters.time_limit for cell in cells)
    limited = "> " if sum(proved) * 2 < len(proved) else ""
    return [
        WAYS[way],
        f"{loose}{_percent(statistics.median(gaps))}" if gaps else "–",
        f"{loose}{_percent(max(gaps))}" if gaps else "–",
        f"{sum(proved)} of {len(proved)}",
        f"{limited}{seconds:.2g}",
        f"{statistics.median(cell['nodes'] for cell in cells):,.0f}",
    ]


def _pair(economy: Found, way: str) -> str:
    cell, gap = economy[way], _gap(economy, way)
    root = "–" if gap is None else f"{'' if cell['root_finished'] else '≤ '}{_percent(gap)}"
    return f"{root}, {cell['seconds']:.2g} s" if cell["proved"] else f"{root}, –"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _scatter(found: dict[str, Found], parameters: Parameters) -> str:
    """Return root gaps (logarithmic, the smallest at 0.001 %) against seconds (logarithmic) as SVG."""
    from endonet.reports.chart import duration

    width, height, left, right, top, bottom = 600.0, 430.0, 70.0, 20.0, 64.0, 50.0
    low_x, high_x = -5.0, 1.0
    cells = [
        (way, name, economy) for name, economy in found.items() for way in WAYS if economy[way]["root"] is not None
    ]
    times = [max(economy[way]["seconds"], 1e-3) for way, _, economy in cells] + [parameters.time_limit]
    low_y = math.floor(math.log10(min(times)))
    high_y = max(math.ceil(math.log10(max(times))), low_y + 1)

    def x(gap: float) -> float:
        at = min(max(math.log10(max(gap, 1e-9)), low_x), high_x)
        return left + (at - low_x) / (high_x - low_x) * (width - left - right)

    def y(seconds: float) -> float:
        at = (math.log10(max(seconds, 1e-3)) - low_y) / (high_y - low_y)
        return height - bottom - at * (height - top - bottom)

    shapes = []
    for decade in range(low_y, high_y + 1):
        at = y(10.0**decade)
        shapes.append(f'<line class="grid" x1="{left:.0f}" x2="{width - right:.0f}" y1="{at:.1f}" y2="{at:.1f}"/>')
        shapes.append(_text(left - 8, at + 4, duration(10.0**decade), "end"))
    decades = [10.0**decade for decade in range(int(low_x), int(high_x) + 1)]
    shapes += [_text(x(share), height - bottom + 18, f"{100 * share:g} %", "middle") for share in decades]
    shapes.append(_text((left + width - right) / 2, height - 10, "root gap", "middle"))
    for number, way in enumerate(WAYS):
        across, down = left + number % 3 * 180, 16 + number // 3 * 20
        shapes.append(f'<circle class="dot s{number}" cx="{across:.0f}" cy="{down}" r="4.5"/>')
        shapes.append(_text(across + 10, down + 4, way, "start"))
    for way, name, economy in cells:
        cell, number = economy[way], list(WAYS).index(way)
        seconds = cell["seconds"] if cell["proved"] else parameters.time_limit
        kind = "dot" if cell["proved"] else "dot hollow"
        says = f"{way}, {name}: {_pair(economy, way)}"
        shapes.append(
            f'<circle class="{kind} s{number}" cx="{x(_gap(economy, way) or 0.0):.1f}" cy="{y(seconds):.1f}" r="4.5">'
            f"<title>{escape(says)}</title></circle>"
        )
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="Root gap against seconds" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(shapes)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="axis" x="{x:.1f}" y="{y:.1f}" style="text-anchor:{anchor}">{escape(text)}</text>'


def _write_csv(found: dict[str, Found], path: Path) -> None:
    from endonet.reports.beside import write_table

    kept = ["root", "root_finished", "proved", "bound", "seconds", "nodes"]
    rows: list[list[Any]] = [["economy", "n", "optimum", "way", *kept]]
    for name, economy in found.items():
        same = (name, economy["n"], economy["optimum"])
        rows += [[*same, way, *(economy[way][column] for column in kept)] for way in WAYS]
    write_table(path, rows)
