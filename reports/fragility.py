"""The figures of *Endogenous Fragility in Opaque Supply Chains* (paper 003) from the corrected model.

The paper states the high ratio (c/2)/π = 0.02; it gives neither the low one nor the number of layers. Ours are
0.002 and K = 10. Each figure stands beside what the paper says of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

NAME = "fragility"
TITLE = "Fragile supply chains, drawn from the corrected model"

LEAD = (
    "Firms in a chain choose how many suppliers to keep without seeing whom their suppliers buy from. "
    "Figures 2 to 7, 9 and "
    "10 of the paper, recomputed: what firms choose, what a planner would choose, and what the difference costs."
)

K = 10
REGIMES = (("low", "1/250", 0.002), ("high", "1/25", 0.02))
POINTS, FULL = 60, 200
PAPER = "The paper: "
SIZE = (5.4, 3.8)


PANELS: tuple[tuple[str, str, Callable[[Any, Any], Any]], ...] = (
    (
        "Risk downstream in equilibrium (figure 7)",
        "a small rise in risk or correlation makes downstream risk jump.",
        lambda firms, planner: firms.risk,
    ),
    (
        "Firms' risk less the planner's (figure 9)",
        "a planner removes the jump, and in corners firms diversify more than a planner would.",
        lambda firms, planner: firms.risk - planner.risk,
    ),
    (
        "Welfare lost to decentralisation (figure 10)",
        "the loss W − W^p is largest at the critical risk.",
        lambda firms, planner: firms.W - planner.W,
    ),
)


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Compute the maps, draw, and write ``fragility.html``.

    Parameters
    ----------
    out : folder that exists
    full : maps of 200 × 200 points instead of 60 × 60
    workers, dask : not needed; the maps run on all cores
    """
    del workers, dask
    from endonet.reports import pictures as drawing
    from endonet.reports.page import Page, provenance
    from endonet.solvers.diversification.grid import map_equilibrium, map_planner

    drawing.require()
    started = time.perf_counter()
    page = Page(TITLE, LEAD)
    page.heading("What correlation does (figures 2 and 3)")
    page.figures(
        [
            _shown(
                _laws,
                "Figure 2. Density of the disruption probability downstream, μ = 1/2; solid one supplier, dotted two.",
            ),
            _shown(_reduction, "Figure 3. Risk reduction factor M(S s)/M(S) against ρ0, μ0 = 1/2."),
        ]
    )
    page.text(
        PAPER + "correlation makes tails fat and diversification weak, and upstream diversification helps downstream. "
        "All of it holds; (13) needs (1−ρ0)/ρ0 where it prints ρ0/(1−ρ0)."
    )
    page.heading("What firms choose (figures 4, 5 and 6)")
    page.figures(
        [
            _shown(_choices, "Figure 4. Suppliers chosen against risk, ρ0 = 0, three cost ratios."),
            _shown(_thresholds, "Figure 5. Collapse threshold μ⁰, critical risk μ^c and the lower end 1 − μ^c."),
            _shown(_incentives, "Figure 6. Incentive s̃ against correlation, (c/2)/π = 0.02, S = 1."),
        ]
    )
    page.text(
        PAPER
        + "the incentive is concave in correlation (Proposition 7). It is not: at μ = 4/5 it is convex. The report "
        "“claims” has the numbers. Figure 5's lower end is missing from the paper."
    )
    axis = np.linspace(0.005, 0.995, FULL if full else POINTS)
    maps = {name: (map_equilibrium(axis, axis, K, 1, c), map_planner(axis, axis, K, 1, c)) for name, c, _ in REGIMES}
    titles = {name: f"{name} costs, (c/2)/π = {ratio:g}" for name, _, ratio in REGIMES}
    for heading, said, part in PANELS:
        page.heading(heading)
        pictures = []
        for name, _, _ in REGIMES:
            values = part(*maps[name])
            span = f"from {values.min():.3f} to {values.max():.3f}"
            pictures.append(_shown(_map(axis, values), f"{heading}: K = {K}, {titles[name]}; {span}"))
        page.figures(pictures)
        page.text(PAPER + said)
    firms, planner = maps["high"]
    gap = float((planner.W - firms.W).min())
    page.cards(
        [
            ("least advantage of the planner", f"{gap:.1e}", "never negative beyond rounding"),
            ("largest loss, high costs", f"{float((planner.W - firms.W).max()):.3f}", "of a welfare between 0 and 1"),
        ]
    )
    page.heading("How this page was made")
    page.definitions(provenance(time.perf_counter() - started, 0, {"points": f"{axis.size}²", "layers": str(K)}))
    return page.write(out / "fragility.html")


def _shown(paint: Callable[[Any], None], caption: str) -> tuple[str, str]:
    """Return a picture for a page, and its caption."""
    from endonet.reports.pictures import picture

    return picture(paint, caption, SIZE), caption


def _map(axis: Any, values: Any) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        mesh = axes.pcolormesh(axis, axis, values, cmap="viridis", rasterized=True, shading="nearest")
        axes.figure.colorbar(mesh, ax=axes)
        axes.set(xlabel="correlation ρ0", ylabel="risk μ0")

    return paint


def _moments(mu: object, rho: object) -> Any:
    from endonet.formulations.diversification.exact import Moments
    from endonet.formulations.diversification.rationals import rational

    return Moments(rational("mu0", mu), rational("rho0", rho))


def _laws(axes: Any) -> None:
    from endonet.formulations.diversification.betapower import BetaPower

    r = np.linspace(0.005, 0.995, 199)
    for rho, colour in (("1/100", "C0"), ("1/10", "C1"), ("1/2", "C3")):
        for S, style in ((1, "-"), (2, ":")):
            law = BetaPower(_moments("1/2", rho), S)
            axes.plot(
                r, [law.density(float(x)) for x in r], style, color=colour, label=f"ρ = {rho}" if S == 1 else None
            )
    axes.set(xlabel="disruption probability", ylabel="density", ylim=(0, 9))
    axes.legend()


def _reduction(axes: Any) -> None:
    rhos = np.linspace(0.005, 0.995, 100)
    for S, style in ((1, "-"), (5, "--")):
        for s, colour in ((2, "C0"), (4, "C1"), (8, "C3")):
            laws = [_moments("1/2", float(rho)) for rho in rhos]
            factor = [M.value(S * s) / M.value(S) for M in laws]
            axes.plot(rhos, factor, style, color=colour, label=f"s = {s}, S = {S}")
    axes.set(xlabel="correlation ρ0", ylabel="μ_(k+1) / μ_k")
    axes.legend(fontsize=9, ncols=2)


def _choices(axes: Any) -> None:
    from endonet.solvers.diversification.grid import map_equilibrium

    mus = np.linspace(0.002, 0.998, 400)
    for c, ratio in (("1/250", 0.002), ("1/50", 0.01), ("1/25", 0.02)):
        found = map_equilibrium(mus, [0.0], 1, 1, c).path[:, 0, 0]
        axes.step(mus, found, where="mid", label=f"(c/2)/π = {ratio:g}")
    axes.set(xlabel="risk μ", ylabel="suppliers s")
    axes.legend()


def _thresholds(axes: Any) -> None:
    kappa = np.linspace(0, 1 / 12, 200)
    root = np.sqrt(np.maximum(0.25 - 3 * kappa, 0))
    axes.plot(kappa, 1 - kappa, label="μ⁰: beyond it, collapse")
    axes.plot(kappa, 0.5 + root, label="μ^c: beyond it, single sourcing")
    axes.plot(kappa, 0.5 - root, label="1 − μ^c: below it, single sourcing")
    axes.set(xlabel="cost ratio (c/2)/π", ylabel="risk μ", ylim=(0, 1))
    axes.legend()


def _incentives(axes: Any) -> None:
    from endonet.reports.claims import incentive

    rhos = [Fraction(n, 100) for n in range(1, 100, 2)]
    for mu in ("1/5", "1/2", "4/5"):
        axes.plot([float(rho) for rho in rhos], [incentive(Fraction(mu), rho) for rho in rhos], label=f"μ = {mu}")
    axes.set(xlabel="correlation ρ", ylabel="incentive s̃")
    axes.legend()
