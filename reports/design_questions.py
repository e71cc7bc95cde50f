"""Three questions of whoever designs a supply chain, answered with proofs (paper 003).

The cheapest path that meets a risk target; the subsidy on each link that makes firms choose the planner's path; what it
is worth to see the risk before choosing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

NAME = "design-questions"
TITLE = "Designing a chain: targets, subsidies, information"

LEAD = (
    "How many suppliers must each layer keep so that the last one is disrupted no more often than a target, and what "
    "does that cost? Which subsidy on each link makes firms choose what a planner would? What is it worth to see the "
    "common risk first? Every number is exact or proved; the lines that give it stand below."
)

K = 5
PLACES = (("1/2", "1/10"), ("1/2", "3/10"), ("4/5", "1/10"), ("19/20", "1/20"))
TARGETS = ("1/5", "1/10", "1/20", "1/50", "1/100")
COSTS = (("high", "1/25"), ("low", "1/250"))
CURVES = ("0", "1/20", "1/10", "1/5", "3/10")


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Answer the questions, draw, and write ``design-questions.html``.

    Parameters
    ----------
    out : folder that exists
    full : curves with four times as many points
    workers, dask : not needed
    """
    del workers, dask
    from endonet.reports import pictures
    from endonet.reports.beside import write_table
    from endonet.reports.page import Page, provenance

    pictures.require()
    started = time.perf_counter()
    page = Page(TITLE, LEAD)
    page.heading("The cheapest path that meets a risk target")
    rows = targets()
    page.table(
        ("μ0", "ρ0", "target", "S needed", "cheapest path", "its cost", "best under the target", "W", "W without"),
        [tuple(map(_shown, row)) for row in rows],
        f"K = {K}, high costs. The cheapest path minimises Σ (c/2) s² subject to E[p_K] ≤ target; the best one also "
        "counts deliveries on the way (certified). Targets are compared exactly.",
        numeric=(3, 5, 7, 8),
    )
    columns = ("mu0", "rho0", "target", "S needed", "cheapest path", "cost", "best path", "W", "W without target")
    write_table(out / "design-targets.csv", [columns, *rows])
    drawn = [
        (
            "design-targets",
            _target_curves("1/2", 120 if full else 30),
            f"Least cost Σ (c/2) s² of a path with E[p_K] ≤ target, μ0 = 1/2, K = {K}, c = 1/25: the more correlation, "
            "the dearer a strict target.",
        ),
        (
            "design-subsidies",
            _subsidies,
            "Subsidy per link, as a share of c, that makes each layer choose the planner's number; most where risk is "
            "high and many layers are behind, and none in the last layer. Negative: a charge.",
        ),
    ]
    page.figures([(pictures.picture(paint, says, out=out, name=name), says) for name, paint, says in drawn])
    page.heading("The subsidy that makes firms choose the planner's path")
    rows = subsidies()
    page.table(
        ("costs", "μ0", "ρ0", "firms", "planner", "subsidy per link, layer by layer", "paid in all", "W gained"),
        [tuple(map(_shown, row)) for row in rows],
        f"K = {K}. Layer k's firms face c − σ_k per link and then want the planner's number, at equality among others. "
        "Paid in all: (1/K) Σ σ_k s_k, the unit of W; it is a transfer and no loss of welfare.",
        numeric=(6, 7),
    )
    names = ("costs", "mu0", "rho0", "firms", "planner", "subsidies", "paid per firm", "W gained")
    write_table(out / "design-subsidies.csv", [names, *rows])
    page.heading("What it is worth to see the risk first")
    rows = information()
    page.table(
        ("costs", "μ0", "ρ0", "W planner", "informed", "gain", "W firms", "informed", "gain"),
        [tuple(map(_shown, row)) for row in rows],
        f"K = {K}. The informed planner's figures are proved to within 1e-9. The report “information” has the maps.",
        numeric=(3, 4, 5, 6, 7, 8),
    )
    columns = ("costs", "mu0", "rho0", "W planner", "informed planner", "gain", "W firms", "informed firms", "gain")
    write_table(out / "design-information.csv", [columns, *rows])
    page.heading("How to ask")
    page.code(
        'endonet solve chain.json            # with "risk_target": "1/20" in the file: the best path under the target\n'
        "from endonet.solvers.diversification.certificate import cheapest      # the cheapest path\n"
        "from endonet.formulations.diversification.firm import supplier_price  # the subsidy, an exact fraction\n"
        "from endonet.solvers.diversification.information import value_of_information"
    )
    page.heading("How this page was made")
    more = {"layers": str(K), "beside it": "three tables as .csv, two drawings as .svg and .png"}
    page.definitions(provenance(time.perf_counter() - started, 0, more))
    return page.write(out / "design-questions.html")


def chain(mu0: str, rho0: str, c: str = "1/25", **rows: Any) -> Any:
    """Return a chain of the report."""
    from endonet.formulations.diversification.problem import ChainProblem

    return ChainProblem(K, mu0, rho0, 1, c, **rows)  # type: ignore[arg-type]


def targets() -> list[tuple[Any, ...]]:
    """Return, for each place and target: S needed, the cheapest path and its cost, the best path and W, W without."""
    from endonet import api
    from endonet.solvers.diversification.certificate import cheapest

    rows: list[tuple[Any, ...]] = []
    for mu0, rho0 in PLACES:
        free = api.solve(chain(mu0, rho0)).value
        for target in TARGETS:
            problem = chain(mu0, rho0, risk_target=target)
            least = problem.least_diversification
            path = None if least is None else cheapest(problem, least)
            assert path is not None
            best = api.solve(problem)
            cost = sum((c / 2 * s * s for c, s in zip(problem.c, path, strict=True)), Fraction(0))
            rows.append((mu0, rho0, target, least, path, float(cost), best.decision.path, best.value, free))
    return rows


def subsidies() -> list[tuple[Any, ...]]:
    """Return, for each place and cost: firms' and planner's paths, subsidies, what is paid, and W gained."""
    from endonet import api

    rows: list[tuple[Any, ...]] = []
    for name, c in COSTS:
        for mu0, rho0 in PLACES:
            problem = chain(mu0, rho0, c)
            planner = api.solve(problem)
            firms = api.solve(problem, formulation="equilibrium")
            prices = link_prices(problem, planner.decision.path)
            paid = sum((price * s for price, s in zip(prices, planner.decision.path, strict=True)), Fraction(0)) / K
            assert planner.value is not None
            assert firms.value is not None
            gain = planner.value - firms.value
            shown = tuple(round(float(price), 6) for price in prices)
            rows.append((name, mu0, rho0, firms.decision.path, planner.decision.path, shown, float(paid), gain))
    return rows


def link_prices(problem: Any, path: Sequence[int]) -> list[Fraction]:
    """Return the subsidy per link of each layer that makes a path the firms' own, and verify that it does."""
    from endonet.formulations.diversification.firm import firm_choices, supplier_price
    from endonet.formulations.diversification.problem import upstream

    prices = [supplier_price(problem, k, S, s) for k, (s, S) in enumerate(zip(path, upstream(path), strict=False))]
    for k, (price, s, S) in enumerate(zip(prices, path, upstream(path), strict=False)):
        # The price makes firms indifferent, with sixty digits; a hair more of it and they want s.
        hair = Fraction(1, 10**30) * (1 if price > 0 else -1 if price < 0 else 0)
        cheaper = replace(problem, c=tuple(c - price - hair for c in problem.c))
        assert s in firm_choices(cheaper, k, S)
    return prices


def information() -> list[tuple[Any, ...]]:
    """Return, for each place and cost, welfare with and without sight of the draw."""
    from endonet.formulations.diversification.moments import law
    from endonet.solvers.diversification.grid import map_equilibrium, map_planner
    from endonet.solvers.diversification.information import informed_firms, informed_planner

    rows: list[tuple[Any, ...]] = []
    for name, c in COSTS:
        policies = informed_planner(chain("0", "0", c)), informed_firms(chain("0", "0", c))
        for mu0, rho0 in PLACES:
            here = law(Fraction(mu0), Fraction(rho0))
            places = [float(Fraction(mu0))], [float(Fraction(rho0))]
            opaque = [float(kind(*places, K, 1, c).W[0, 0]) for kind in (map_planner, map_equilibrium)]
            seen = [policy.value(here).value for policy in policies]
            pairs = [(before, after, after - before) for before, after in zip(opaque, seen, strict=True)]
            rows.append((name, mu0, rho0, *pairs[0], *pairs[1]))
    return rows


def _target_curves(mu0: str, points: int) -> Callable[[Any], None]:
    from endonet.solvers.diversification.certificate import cheapest

    def paint(axes: Any) -> None:
        levels = [Fraction(1, 2) * Fraction(9, 10) ** n for n in range(0, 2 * points, 2)]
        levels = [Fraction(round(level * 10**6), 10**6) for level in levels if level > Fraction(1, 500)]
        for rho0 in CURVES:
            costs = []
            for level in levels:
                problem = chain(mu0, rho0, risk_target=level)
                path = cheapest(problem, problem.least_diversification)
                assert path is not None
                costs.append(float(sum(c / 2 * s * s for c, s in zip(problem.c, path, strict=True))))
            axes.step([float(level) for level in levels], costs, where="pre", label=f"ρ0 = {rho0}")
        axes.set(xlabel="risk target", ylabel="least cost", xscale="log", yscale="log")
        axes.legend()

    return paint


def _subsidies(axes: Any) -> None:
    from endonet import api

    for colour, (mu0, rho0) in enumerate(PLACES):
        for (name, c), style in zip(COSTS, ("-", ":"), strict=True):
            problem = chain(mu0, rho0, c)
            prices = link_prices(problem, api.solve(problem).decision.path)
            shares = [float(price / cost) for price, cost in zip(prices, problem.c, strict=True)]
            label = f"μ0 = {mu0}, ρ0 = {rho0}" if name == "high" else None
            axes.plot(range(1, K + 1), shares, style, color=f"C{colour}", marker="o", markersize=3, label=label)
    axes.axhline(0, color="grey", linewidth=0.6)
    axes.set(xlabel="layer", ylabel="subsidy / c   (solid high, dotted low costs)", xticks=range(1, K + 1))
    axes.legend(fontsize=7)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{entry:.5g}" if isinstance(entry, float) else str(entry) for entry in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
