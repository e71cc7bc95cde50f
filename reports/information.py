"""What it is worth to see: the common draw before planning, and which supplier is which (paper 003, section 5).

The paper compares opaque chains with perfect information in words. Here the comparison is in numbers, with proofs: the
informed planner and informed firms of `endonet.solvers.diversification.information`, and layers of finitely many firms
behind known suppliers, from `endonet.formulations.suppliers.chain`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

NAME = "information"
TITLE = "What it is worth to see through a supply chain"

LEAD = (
    "In an opaque chain everybody chooses numbers of suppliers before the common risk is drawn. Here a planner, or all "
    "firms, see the draw first. A planner never loses by it. A chain of firms may: each of them does better given what "
    "is upstream, but upstream firms then save links in just the states where those behind need them."
)

K = 10
REGIMES = (("high", "1/25", 0.02), ("low", "1/250", 0.002))
POINTS, FULL = 25, 60
FIRMS = 6


@dataclass(frozen=True)
class Worth:
    """Maps over (μ0, ρ0) of one cost regime: welfare, and what seeing X adds.

    Attributes
    ----------
    planner, firms, informed_planner, informed_firms : arrays of shape (m, n)
    error : array of shape (m, n)
        By how much ``informed_planner`` may be too low.
    """

    planner: Any
    firms: Any
    informed_planner: Any
    informed_firms: Any
    error: Any


def worth(axis: Sequence[Fraction], c: str, layers: int = K) -> Worth:
    """Return the maps over the square of an axis."""
    from endonet.formulations.diversification.moments import law
    from endonet.formulations.diversification.problem import ChainProblem
    from endonet.solvers.diversification.grid import map_equilibrium, map_planner
    from endonet.solvers.diversification.information import informed_firms, informed_planner

    chain = ChainProblem(layers, 0, 0, 1, c)  # type: ignore[arg-type]
    policies = informed_planner(chain), informed_firms(chain)
    places = [float(x) for x in axis]
    opaque = map_planner(places, places, layers, 1, c).W, map_equilibrium(places, places, layers, 1, c).W
    found = np.empty((3, len(axis), len(axis)))
    for i, mu in enumerate(axis):
        for j, rho in enumerate(axis):
            here = law(mu, rho)
            seen = policies[0].value(here)
            found[:, i, j] = seen.value, policies[1].value(here).value, seen.error
    return Worth(*opaque, found[0], found[1], found[2])


def run(out: Path, full: bool = False, workers: int = 1, dask: str | None = None) -> Path:
    """Compute the maps and the layers, draw, and write ``information.html``.

    Parameters
    ----------
    out : folder that exists
    full : maps of 60 × 60 points instead of 25 × 25
    workers, dask : not needed
    """
    del workers, dask
    from endonet.reports import pictures
    from endonet.reports.beside import write_table
    from endonet.reports.page import Page, provenance

    pictures.require()
    started = time.perf_counter()
    points = FULL if full else POINTS
    axis = [Fraction(2 * n + 1, 2 * points) for n in range(points)]
    maps = {name: worth(axis, c) for name, c, _ in REGIMES}
    page = Page(TITLE, LEAD)
    high, low = maps["high"], maps["low"]
    page.cards(
        [
            (
                "a planner gains at most",
                _most(high.informed_planner - high.planner),
                "high costs, of W between 0 and 1",
            ),
            ("firms gain at most", _most(high.informed_firms - high.firms), "high costs"),
            ("firms lose at most", _most(high.firms - high.informed_firms), "high costs: information destroys welfare"),
            ("proved to within", f"{max(low.error.max(), high.error.max()):.1e}", "the informed planner's expectation"),
        ]
    )
    places = [float(x) for x in axis]
    rows = []
    for name, _, ratio in REGIMES:
        found = maps[name]
        gains = {
            "planner": ("the planner", found.informed_planner - found.planner),
            "firms": ("the chain of firms", found.informed_firms - found.firms),
        }
        page.heading(f"{name.capitalize()} costs, (c/2)/π = {ratio:g}")
        drawn = []
        for key, (who, gain) in gains.items():
            says = f"What {who} gains by seeing the draw, K = {K}: from {gain.min():.4f} to {gain.max():.4f}."
            name_of_file = f"information-{name}-{key}"
            drawn.append((pictures.picture(_map(places, gain), says, out=out, name=name_of_file), says))
        page.figures(drawn)
        for i, mu in enumerate(axis):
            for j, rho in enumerate(axis):
                parts = (found.planner, found.informed_planner, found.error, found.firms, found.informed_firms)
                rows.append((name, mu, rho, *(float(part[i, j]) for part in parts)))
        place = np.unravel_index(np.argmin(gains["firms"][1]), gains["firms"][1].shape)
        mu, rho = axis[int(place[0])], axis[int(place[1])]
        page.text(
            f"Firms lose most at μ0 = {float(mu):g}, ρ0 = {float(rho):g}: W falls from {found.firms[place]:.4f} to "
            f"{found.informed_firms[place]:.4f}, where a planner would bring it from {found.planner[place]:.4f} to "
            f"{found.informed_planner[place]:.4f}. Opaque firms insure against the average draw; firms that see a bad "
            "draw find a supplier more not worth its price, and everybody behind them pays for it."
        )
    columns = ("costs", "mu0", "rho0", "W planner", "W informed planner", "error", "W firms", "W informed firms")
    write_table(out / "information.csv", [columns, *rows])
    page.heading("Paths by the draw")
    page.table(
        ("draw x from", "to", "planner", "firms"),
        _pieces(),
        "K = 3, high costs: numbers of suppliers layer by layer for every draw x of the common risk, ends rounded. "
        "Firms give up multisourcing at 0.936 and buy nothing beyond x = 1 − κ = 0.98; a planner diversifies on.",
    )
    page.heading("Which supplier is which")
    page.text(
        "Perfect information about suppliers is another matter: firms choose a set. If all firms of a layer choose the "
        "same, they fail as one (Proposition 9), and behind them nobody can hedge. "
        f"Layers of {FIRMS} firms, in exact numbers:"
    )
    page.table(
        ("suppliers", "regime", "numbers", "risk by layer", "all of layer 1 fail", "W"),
        _regimes(),
        "“alike”: all keep the same best set; “mixed”: each firm draws one of its best sets (Assumption 2); “opaque”: "
        "firms cannot tell suppliers apart. Where suppliers are alike, mixed is opaque.",
        numeric=(4, 5),
    )
    page.heading("What is claimed")
    page.table(
        ("verdict", "statement", "evidence"), _verdicts(maps, axis), "Tested on the maps above and in exact numbers."
    )
    page.heading("How this page was made")
    more = {"points": f"{points}²", "layers": str(K), "beside it": "information.csv; each map as .svg and .png"}
    page.definitions(provenance(time.perf_counter() - started, 0, more))
    return page.write(out / "information.html")


def _most(gain: Any) -> str:
    return f"{float(gain.max()):.3f}"


def _map(places: Sequence[float], values: Any) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        limit = max(abs(values.min()), abs(values.max()))
        signed = values.min() < -1e-9
        scale = {"cmap": "RdBu", "vmin": -limit, "vmax": limit} if signed else {"cmap": "viridis"}
        mesh = axes.pcolormesh(places, places, values, rasterized=True, shading="nearest", **scale)
        axes.figure.colorbar(mesh, ax=axes)
        axes.set(xlabel="correlation ρ0", ylabel="risk μ0")

    return paint


def _pieces() -> list[tuple[str, ...]]:
    """Return what planner and firms do for every draw of a short chain."""
    from endonet.formulations.diversification.problem import ChainProblem
    from endonet.solvers.diversification.information import informed_firms, informed_planner

    chain = ChainProblem(3, 0, 0, 1, "1/25")  # type: ignore[arg-type]
    planned, firms = informed_planner(chain), informed_firms(chain)
    ends = sorted({piece.low for policy in (planned, firms) for piece in policy.pieces} | {1.0})
    rows: list[tuple[str, ...]] = []
    for low, high in itertools.pairwise(ends):
        middle = (low + high) / 2
        paths = (", ".join(map(str, policy.path_at(middle))) for policy in (planned, firms))
        rows.append((f"{low:.6f}", f"{high:.6f}", *paths))
    return rows


def _problems() -> list[tuple[str, Any]]:
    from endonet.formulations.suppliers.problem import SupplierProblem

    region = {"suppliers": list(range(6)), "mu0": "3/5", "rho0": "1/5"}
    return [
        ("a safe one (1/5) and a risky one (4/5), independent", SupplierProblem(["1/5", "4/5"], K=3)),  # type: ignore[arg-type]
        ("six behind one common draw, μ0 = 3/5, ρ0 = 1/5", SupplierProblem([0] * 6, regions=[region], K=3)),  # type: ignore[arg-type]
        ("six alike and independent, risk 2/5", SupplierProblem(["2/5"] * 6, K=3)),  # type: ignore[arg-type]
        ("risks 2/10 to 7/10, independent", SupplierProblem([f"{n}/10" for n in range(2, 8)], K=3)),  # type: ignore[arg-type]
    ]


@cache
def _laws() -> dict[str, dict[str, Any]]:
    """Return the exact laws of every chain of the table under the three regimes."""
    from endonet import api
    from endonet.formulations.suppliers.chain import REGIMES as KINDS
    from endonet.formulations.suppliers.chain import along_chain

    found = {}
    for title, problem in _problems():
        best = api.solve(problem, formulation="equilibrium").decision
        sets = best.tied_sets or (best.suppliers,)
        found[title] = {kind: along_chain(problem, kind, FIRMS, sets) for kind in KINDS}
    return found


def _regimes() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for title, laws in _laws().items():
        for kind, chain in laws.items():
            numbers = "; ".join(" or ".join(map(str, layer.numbers)) for layer in chain.layers)
            risks = ", ".join(f"{float(layer.risk):.4f}" for layer in chain.layers)
            together = f"{float(chain.layers[0].all_fail):.4f}"
            rows.append((title, kind, numbers, risks, together, f"{float(chain.welfare):.4f}"))
    return rows


def _verdicts(maps: dict[str, Worth], axis: Sequence[Fraction]) -> list[tuple[str, str, str]]:
    """Return statements about information, each with a verdict."""
    size = f"{len(axis)}² points, both cost regimes, K = {K}"
    never = all(float((found.informed_planner - found.planner).min()) > -1e-12 for found in maps.values())
    loses = min(float((found.informed_firms - found.firms).min()) for found in maps.values())
    above = all(float((found.informed_planner - found.informed_firms).min()) > -1e-12 for found in maps.values())
    return [
        (_verdict(never), "a planner never loses by seeing the draw", f"it could ignore it; {size}"),
        (_verdict(above), "informed firms reach no more welfare than an informed planner", size),
        (_verdict(loses >= 0), "firms never lose when all of them see the draw", f"least gain {loses:.4f}; {size}"),
        _single_firm(),
        *_opacity(),
    ]


def _opacity() -> list[tuple[str, str, str]]:
    """Test what section 5 says of opacity on the chains of the table: layer 1 under ``alike`` against ``opaque``."""
    together, single = [], []
    for title, laws in _laws().items():
        alike, opaque = laws["alike"].layers[0], laws["opaque"].layers[0]
        together.append((title, opaque.all_fail < alike.all_fail, float(alike.all_fail), float(opaque.all_fail)))
        single.append((title, alike.risk <= opaque.risk, float(alike.risk), float(opaque.risk)))
    return [
        (
            _verdict(all(holds for _, holds, _, _ in together)),
            "opacity makes it less likely that a whole layer fails (section 5), in these chains",
            "; ".join(f"{title}: {one:.4f} alike, {other:.4f} opaque" for title, _, one, other in together),
        ),
        (
            _verdict(all(holds for _, holds, _, _ in single)),
            "an informed firm is disrupted no more often than an opaque one (Proposition 8), in these chains",
            "; ".join(f"{title}: {one:.4f}, {other:.4f}" for title, _, one, other in single),
        ),
    ]


def _single_firm() -> tuple[str, str, str]:
    """Test that one firm that alone sees the draw does not lose."""
    from endonet.formulations.diversification.problem import ChainProblem
    from endonet.solvers.diversification.information import informed_firm
    from endonet.solvers.diversification.ties import decentralised_path

    shares = [Fraction(n, 10) for n in range(1, 10)]
    holds = True
    for mu in shares:
        for rho in shares:
            chain = ChainProblem(1, mu, rho, 1, "1/25")  # type: ignore[arg-type]
            opaque = chain.evaluate(decentralised_path(chain)).value
            holds &= informed_firm(chain, 0, 1) >= opaque - 1e-13
    says = "a firm that alone sees the draw does not lose (the sense in which Proposition 8 is true)"
    return _verdict(holds), says, f"first layer, {len(shares)}² points, high costs"


def _verdict(holds: bool) -> str:
    return "confirmed" if holds else "refuted"
