"""Figure A2 of paper 002 (appendix A.4): how many equilibria has the small open economy? Counted, not only drawn.

The paper draws the norm of the difference between a guess (w, A) and what it implies, and infers from one low point
that there is one equilibrium. A picture on a grid proves nothing; branch and prune over boxes of (w, A) does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.reports.again import command
from endonet.reports.beside import write_table
from endonet.reports.limits import at_least

NAME = "trade-uniqueness"
TITLE = "Figure A2: how many equilibria, counted beside the picture"

LEAD = (
    "The calibrated small open economy could have several pairs of wage and demand in equilibrium. The paper looks at "
    "a picture; here all pairs in a wide range are counted, with bounds on what every firm does in each box."
)

N, FULL_N = 10_000, 100_000
GRID = 20
AROUND_W, AROUND_A = (0.9, 1.1), (0.8, 1.2)


@dataclass(frozen=True)
class Options:
    """What is looked at.

    Parameters
    ----------
    n : int, optional
        Firms: 10 000, with ``--full`` the paper's 100 000.
    K : int, default 1000
        Potential suppliers at most.
    seeds : int, default 3
        Economies in which equilibria are counted; the first is drawn.
    seed : int, default 1
        The first seed; the others follow it.
    reach : float, default 3
        Equilibria are counted from 1/reach to reach times the wage and the demand of the one that is known.
    """

    n: int | None = None
    K: int = 1000
    seeds: int = 3
    seed: int = 1
    reach: float = 3.0

    def __post_init__(self) -> None:
        at_least(self, n=100, K=1, seeds=1, seed=0)
        if not 1 < self.reach < 100:
            raise InputError("reach", f"{self.reach} is no factor here", "give a number between 1 and 100")


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Count equilibria and draw the grid, and write ``trade-uniqueness.html``, a CSV file and the pictures.

    Parameters
    ----------
    out : folder that exists
    full : the paper's 100 000 firms
    workers, dask : where seeds are computed
    options : Options, optional
    """
    from endonet.reports import pictures, trade_cells
    from endonet.reports.ledger import Ledger
    from endonet.reports.page import Page, provenance
    from endonet.reports.sweep import sweep

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    n = chosen.n or (FULL_N if full else N)
    ledger = Ledger(out / "trade-uniqueness.jsonl")
    keys = [
        trade_cells.key("uniqueness", n, chosen.K, chosen.seed + s, reach=chosen.reach, grid=GRID if s == 0 else 0)
        for s in range(chosen.seeds)
    ]
    sweep(count, keys, ledger, workers, dask, label="uniqueness")
    found = [ledger.get(key) or {} for key in keys]
    page = Page(TITLE, LEAD)
    page.heading("Counted", anchor="counted")
    page.table(
        ["seed", "w", "A", "without smoothing", "with smoothing", "within", "sweeps"],
        [_row(key, one) for key, one in zip(keys, found, strict=True)],
        numeric=[0, 1, 2, 6],
        caption=(
            f"All equilibria from 1/{chosen.reach:g} to {chosen.reach:g} times the wage and demand shown. Without "
            "smoothing the list is complete. With smoothing every equilibrium lies in the boxes counted, and a box "
            "that is mapped into itself holds one; their size, in logarithms, is under within. Up to the rounding of "
            "doubles, for which all intervals are widened."
        ),
    )
    page.text(
        "Not proved: that there is none outside this range, and, with smoothing, that a box holds no two. The paper's "
        "range is w from 0.9 to 1.1 and A from 0.8 to 1.2."
    )
    first = found[0]
    w, A = np.array(first["w_grid"]), np.array(first["A_grid"])
    page.heading("Drawn", anchor="drawn")
    drawn, rows = [], [["map", "w", "A", "norm"]]
    for name, says in (
        ("implied", "the (w, A) of the network's own equilibrium"),
        ("printed", "w from labour demand and A from income and prices, at the guess"),
    ):
        norm = np.array(first[name], dtype=float)
        low = minima(norm)
        svg = pictures.picture(
            _map(w, A, norm, low, (first["w"], first["A"])),
            f"Norm of the difference to {says}",
            (5.4, 4.4),
            out,
            f"trade-uniqueness-{name}",
        )
        drawn.append(
            (svg, f"Guess against {says}: local minima on the grid (circles): {len(low)}; the cross is the root.")
        )
        rows += [[name, w[i], A[j], norm[i, j]] for i in range(w.size) for j in range(A.size)]
    page.figures(drawn)
    page.heading("How this page was made", anchor="how")
    page.code(command(NAME, chosen, full))
    more = {"firms": str(n), "files": "trade-uniqueness.csv, trade-uniqueness-*.png, .svg"}
    page.definitions(provenance(time.perf_counter() - started, chosen.seed, more))
    write_table(out / "trade-uniqueness.csv", rows)
    return page.write(out / "trade-uniqueness.html")


def count(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return all equilibria of a seed in a wide box, with and without smoothing, and norms on a grid if asked to."""
    from endonet.reports import trade_cells
    from endonet.solvers.sourcing import enclosure, kernels

    economy, found, _ = trade_cells.baseline(cell["n"], cell["K"], cell["seed"])
    reach = cell["reach"]
    wide = enclosure.box(found.w / reach, found.w * reach, found.A / reach, found.A * reach)
    exact = replace(economy, rule=kernels.rule(economy.rule.sigma))
    sharp, smooth = enclosure.locate(exact, wide), enclosure.locate(economy, wide)
    told: dict[str, Any] = {
        "w": found.w,
        "A": found.A,
        "exact": [[w, A] for w, A, _ in sharp.found],
        "exact_complete": sharp.complete,
        "boxes": [list(part) for part in smooth.boxes],
        "exists": smooth.exists,
        "complete": smooth.complete,
        "sweeps": sharp.sweeps + smooth.sweeps,
    }
    if cell["grid"]:
        told |= grid(economy, found.w, found.A, cell["grid"])
    return told


def grid(economy: Any, w: float, A: float, points: int) -> dict[str, Any]:
    """Return norms of the difference between guess and implied (w, A) on a grid around a point, relative to it."""
    from endonet.solvers.sourcing import kernels, market

    wages, demands = w * np.linspace(*AROUND_W, points), A * np.linspace(*AROUND_A, points)
    pairs = market.prune(economy, wages[0], demands[-1])
    chosen = market.choices(economy.n)
    own, printed = np.full((points, points), np.nan), np.full((points, points), np.nan)
    mu, sigma = economy.mu, economy.rule.sigma
    for i, wage in enumerate(wages):
        for j, demand in enumerate(demands):
            kernels.sweep(economy.firms, pairs, economy.rule, wage, demand, chosen)
            totals = market.sums(economy, chosen)
            point = market.implied(economy, totals)
            if point is not None:
                own[i, j] = np.hypot(point[0] / w - wage / w, point[1] / A - demand / A)
            if totals.F < economy.L:
                u = wage ** (1 - sigma)
                price = mu ** (1 - sigma) * (totals.Ha * u + totals.Hb)
                sold = mu ** (1 - sigma) * (totals.Ga * u + totals.Gb)
                left = economy.L - totals.F
                implied_w = mu**-sigma * u * (demand * totals.Ha + totals.Ga) / left
                implied_A = (wage * left + (demand * price + sold) / sigma) / price
                printed[i, j] = np.hypot(implied_w / w - wage / w, implied_A / A - demand / A)
    return {"w_grid": wages.tolist(), "A_grid": demands.tolist(), "implied": own.tolist(), "printed": printed.tolist()}


def minima(norm: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the points of a grid that lie below all of their neighbours."""
    padded = np.pad(np.where(np.isnan(norm), np.inf, norm), 1, constant_values=np.inf)
    found = []
    for i in range(norm.shape[0]):
        for j in range(norm.shape[1]):
            around = padded[i : i + 3, j : j + 3].copy()
            around[1, 1] = np.inf
            if norm[i, j] < around.min():
                found.append((i, j))
    return found


def _row(key: dict[str, Any], one: dict[str, Any]) -> list[str]:
    exact = f"{len(one['exact'])}{'' if one['exact_complete'] else ', not settled'}"
    certain = sum(one["exists"])
    smooth = f"{len(one['boxes'])} box{'es' if len(one['boxes']) != 1 else ''}, {certain} proved to hold one"
    widths = [max(w2 - w1, A2 - A1) for w1, w2, A1, A2 in one["boxes"]]
    within = f"{max(widths):.0e}" if widths else "–"
    return [str(key["seed"]), f"{one['w']:.6f}", f"{one['A']:.6f}", exact, smooth, within, str(one["sweeps"])]


def _map(w: Any, A: Any, norm: Any, low: list[tuple[int, int]], root: tuple[float, float]) -> Any:
    from endonet.reports.pictures import GROUND, OFF

    def paint(axes: Any) -> None:
        mesh = axes.pcolormesh(A, w, norm, cmap="viridis", shading="nearest", rasterized=True)
        axes.figure.colorbar(mesh, ax=axes, label="norm of the difference, relative")
        for i, j in low:
            axes.plot(A[j], w[i], "o", mfc="none", mec=GROUND, mew=2, ms=11)
        axes.plot(root[1], root[0], "x", color=OFF, mew=2.5, ms=9)
        axes.set(xlabel="household demand A", ylabel="wage w")

    return paint
