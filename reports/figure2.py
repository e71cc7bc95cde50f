"""Figure 2 of paper 001: what reshaping does to the objective of two firms, as contours over θ in [0, 1]².

    V(θ) = Q (L − Σ_j f θ_j),    q_j = z_j θ_j^a A (Σ_i θ_i^b Ω_ij q_i^(ε−1))^(α/(ε−1))          (10), (22), (23)

V_R has a = 1, b = 0; V_RR the parameters (★). They agree at the four corners, which are all that the planner may
choose. In p_i = θ_i^b q_i^(ε−1) the fixed point reads p_j = θ_j^(b + a(ε−1)) Z_j y_j^α, and Q^(σ−1) = Σ_j θ_j^(a(σ−1))
Z'_j y_j^(ακ).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import EndonetError, InputError

if TYPE_CHECKING:
    from endonet.formulations.planner.problem import PlannerProblem

NAME = "figure-2"
TITLE = "Figure 2: reshaping the objective of two firms"

LEAD = (
    "Two firms, each of which may operate or not. Relax the choice to any θ between 0 and 1 and climb: without "
    "reshaping the objective is a saddle, and where a climb ends depends on where it starts. Reshaping moves nothing "
    "at the four corners and stretches what lies between."
)

Grid = NDArray[np.float64]
SETTLED = 1e-13
ROUNDS = 20_000
STARTS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
NEAR = 0.02
STEP = 1e-7


@dataclass(frozen=True)
class Options:
    """The economy, and the parameters of reshaping.

    Parameters
    ----------
    z : two productivities, default 1.05, 1
    f : float, default 0.39
    alpha : float, default 0.5
    sigma, epsilon : float, default 4
    self_links : bool, default True
        Whether each firm can buy from itself, as in the paper's complete set of connections.
    a, b : float, optional
        Exponents of the second picture; by default the paper's (★).
    points : int, default 121
        Grid points a side.
    """

    z: tuple[float, ...] = (1.05, 1.0)
    f: float = 0.39
    alpha: float = 0.5
    sigma: float = 4.0
    epsilon: float = 4.0
    self_links: bool = True
    a: float | None = None
    b: float | None = None
    points: int = 121

    def __post_init__(self) -> None:
        if len(self.z) != 2:
            raise InputError("z", f"{len(self.z)} numbers for two firms", "give two, such as z=1.05,1")
        if not 11 <= self.points <= 2001:
            raise InputError("points", f"{self.points} is out of range", "give a number from 11 to 2001")
        for name, floor in (("a", 0.0), ("b", -np.inf)):
            given = getattr(self, name)
            if given is not None and not given > floor:
                raise InputError(name, f"{given} is not positive", "the exponent a must be > 0")
        problem = economy(self)  # names what is wrong with the rest
        a, b = reshaped(self)
        if b + a * (problem.epsilon - 1) <= 0:
            raise InputError("b", f"with a = {a:g} and b = {b:g} an idle firm still supplies", "take b > −a(ε−1)")


def economy(options: Options) -> PlannerProblem:
    """Return the two firms."""
    from endonet.formulations.planner.problem import PlannerProblem

    own = float(options.self_links)
    return PlannerProblem(
        Omega=[[own, 1.0], [1.0, own]],  # type: ignore[arg-type]
        z=options.z,  # type: ignore[arg-type]
        f=options.f,  # type: ignore[arg-type]
        alpha=options.alpha,  # type: ignore[arg-type]
        sigma=options.sigma,
        epsilon=options.epsilon,
        name="figure2",
    )


def reshaped(options: Options) -> tuple[float, float]:
    """Return the exponents (a, b) of the second picture, by default (★)."""
    a = 1 / (options.sigma - 1) if options.a is None else options.a
    b = 1 - (options.epsilon - 1) / (options.sigma - 1) if options.b is None else options.b
    return a, b


def objective(problem: PlannerProblem, a: float, b: float, theta: Grid) -> Grid:
    """Return V at many θ at once.

    Parameters
    ----------
    theta : array, shape (points, n), in [0, 1]

    Returns
    -------
    array, shape (points,)
        Not positive where the fixed costs leave no labour.
    """
    supplies = theta ** (b + a * (problem.epsilon - 1)) * problem.Z
    p = np.broadcast_to(problem.Z, supplies.shape)
    for _ in range(ROUNDS):
        y = p @ problem.Omega
        new = supplies * y**problem.alpha
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.nanmax(np.where(new > 0, np.abs(new - p) / new, 0.0), initial=0.0)
        p = new
        if change <= SETTLED:
            break
    else:
        raise EndonetError("the fixed point (10) did not settle; alpha is too close to 1")
    y = p @ problem.Omega
    T = (theta ** (a * (problem.sigma - 1)) * problem.Zb * y ** (problem.alpha * problem.kappa)).sum(axis=1)
    value: Grid = T ** (1 / (problem.sigma - 1)) * (problem.L - theta @ problem.f)
    return value


def climb(value: Callable[[Grid], Grid], start: Grid) -> Grid:
    """Return where a bounded quasi-Newton ascent ends."""
    from scipy.optimize import Bounds, minimize

    def loss(theta: Any) -> Any:
        step = np.where(theta > 0.5, -STEP, STEP)  # towards the inside
        at = value(np.vstack([theta, theta + np.diag(step)]))
        return -at[0], -(at[1:] - at[0]) / step

    box: Any = Bounds(np.zeros(start.size), np.ones(start.size))
    ascend: Any = minimize
    end: Grid = ascend(loss, start, jac=True, method="L-BFGS-B", bounds=box).x
    return end


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Draw both pictures and write ``figure-2.html``.

    Parameters
    ----------
    out : folder that exists
    full, workers, dask : not needed, it takes seconds
    options : Options, optional
    """
    del full, workers, dask
    from endonet import api
    from endonet.reports import pictures
    from endonet.reports.beside import show, write_table
    from endonet.reports.page import Page, provenance

    pictures.require()
    started = time.perf_counter()
    chosen = options or Options()
    problem = economy(chosen)
    proof = api.solve(problem, "certified")
    api.check(problem, proof)
    best = np.asarray(proof.decision, dtype=np.float64)
    page = Page(TITLE, LEAD)
    axis = np.linspace(0, 1, chosen.points)
    theta = np.column_stack([side.ravel() for side in np.meshgrid(axis, axis, indexing="ij")])
    drawn, rows, columns = [], [], [theta[:, 0], theta[:, 1]]
    starts = np.column_stack([side.ravel() for side in np.meshgrid(STARTS, STARTS, indexing="ij")])
    a, b = reshaped(chosen)
    for name, symbol, says, exponents in (
        ("figure-2a", "V_R", "Without reshaping: a = 1, b = 0", (1.0, 0.0)),
        ("figure-2b", "V_RR", f"Reshaped: a = {a:.4g}, b = {b:.4g}", (a, b)),
    ):

        def value(points: Grid, exponents: tuple[float, float] = exponents) -> Grid:
            return objective(problem, *exponents, points)

        surface = value(theta).reshape(axis.size, axis.size)
        columns.append(surface.ravel())
        ends = np.array([climb(value, start) for start in starts])
        right = int((np.abs(ends - best).max(axis=1) < NEAR).sum())
        contours = _contours(axis, surface, best, starts, ends)
        drawn.append((pictures.picture(contours, f"Contours of {symbol}", (5.4, 4.6), out, name), f"{says}."))
        corners = value(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        rows.append((symbol, *(f"{v:.6f}" for v in corners), f"{right} of {len(starts)}"))
    page.cards(
        [
            ("proven optimum", f"θ = ({best[0]:.0f}, {best[1]:.0f})", f"Y = {proof.value:.6g}, certificate verified"),
            ("climbs that find it, V_R", rows[0][-1], "starting points on a grid"),
            ("climbs that find it, V_RR", rows[1][-1], "the same starting points"),
        ]
    )
    page.figures(drawn)
    page.text(
        "Warmer is better. A line leads from each starting point to where a quasi-Newton climb from it ends; the star "
        "is the proven optimum. Both objectives are the same at the corners, where θ_j^a = θ_j."
    )
    titles = ("", "V at (0, 0)", "(1, 0)", "(0, 1)", "(1, 1)", "climbs that end at the optimum")
    page.table(titles, rows, numeric=range(1, len(titles)))
    show(TITLE, titles, rows)
    page.text(_moral(ends, best))
    page.heading("How this page was made")
    page.text(
        "The paper prints no parameters for this figure. The defaults are ours; they give the properties it names: the "
        "global maximum at (1, 0), another local one at (0, 1), local minima at (0, 0) and (1, 1), and one hill only "
        "after reshaping. With a little more fixed cost and higher elasticities, the top of the reshaped hill leaves "
        "the corner:"
    )
    page.code("endonet report figure-2 -o z=1.05,1 -o f=0.4 -o sigma=5 -o epsilon=5 --out out")
    table: list[list[Any]] = [["theta_1", "theta_2", "V_R", "V_RR"], *np.column_stack(columns).tolist()]
    write_table(out / "figure-2.csv", table)
    more = {
        "economy": f"z = {chosen.z}, f = {chosen.f:g}, α = {chosen.alpha:g}, σ = {chosen.sigma:g}, "
        f"ε = {chosen.epsilon:g}, {'all four links' if chosen.self_links else 'no links to oneself'}",
        "exponents": f"a = {a:.6g}, b = {b:.6g}",
        "grid": f"{chosen.points} × {chosen.points}",
        "files": "figure-2.csv, figure-2a and figure-2b (.png, .svg)",
    }
    page.definitions(provenance(time.perf_counter() - started, None, more))
    return page.write(out / "figure-2.html")


def _moral(ends: Grid, best: Grid) -> str:
    """Say what the climbs on the reshaped objective show."""
    top = ends[0]
    if np.abs(ends - top).max() >= NEAR:
        return "Here even the reshaped objective has several local maxima: a climb may end at the wrong one."
    if np.abs(top - best).max() < NEAR:
        return "Every climb on the reshaped objective ends at the optimum."
    if np.abs(top - np.round(top)).max() >= NEAR:
        return (
            f"The reshaped objective has one maximum, at θ = ({top[0]:.3f}, {top[1]:.3f}). It is no corner, so that "
            "Proposition 4 says nothing about it, and rounding it is a guess."
        )
    return f"All climbs on the reshaped objective end at ({top[0]:.0f}, {top[1]:.0f}), which is not the optimum."


def _contours(axis: Grid, surface: Grid, best: Grid, starts: Grid, ends: Grid) -> Callable[[Any], None]:
    from endonet.reports.pictures import INK

    def paint(axes: Any) -> None:
        filled = axes.contourf(axis, axis, surface.T, levels=24, cmap="RdYlBu_r")
        axes.contour(axis, axis, surface.T, levels=24, colors="k", linewidths=0.3, alpha=0.5)
        axes.figure.colorbar(filled, ax=axes, shrink=0.9, format="%.2f")
        for start, end in zip(starts, ends, strict=True):
            axes.plot(*zip(start, end, strict=True), color="k", linewidth=0.7, alpha=0.6)
            axes.plot(*start, ".", color="k", markersize=3)
        axes.plot(*best, "*", color="k", markersize=20, markeredgecolor="w", clip_on=False, zorder=5)
        axes.set(xlabel="θ₁", ylabel="θ₂", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.tick_params(colors=INK)

    return paint
