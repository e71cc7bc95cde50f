"""What the reports of figures 1, 3 and 4 share: economies solved with a proof, drawn, told in a table and a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import EndonetError

LEGEND = (
    ("on", "operates; area follows sales"),
    ("off", "shut down"),
    ("active", "active link"),
    ("link", "link not used"),
)
BESIDE = "Beside each firm stands its productivity z."


@dataclass(frozen=True)
class Solved:
    """One economy with its proven optimum and everything that follows from it."""

    title: str
    problem: Any
    outcome: Any
    bound: float

    @property
    def theta(self) -> NDArray[np.int8]:
        """Who operates."""
        theta: NDArray[np.int8] = self.outcome.theta
        return theta


def solved(title: str, problem: Any) -> Solved:
    """Return an economy with its optimum, whose certificate has been verified.

    Raises
    ------
    EndonetError
        If the optimum was not proved.
    """
    from endonet import api

    solution = api.solve(problem, "certified", threads=1)
    if solution.status.value != "optimal" or solution.bound is None:
        raise EndonetError(f"the optimum of {problem.name} was not proved: {solution.status.value}")
    api.check(problem, solution)
    return Solved(title, problem, problem.evaluate(solution.decision), solution.bound)


def drawn(
    one: Solved,
    places: NDArray[np.float64],
    out: Path,
    name: str,
    decided: bool = True,
    sides: Mapping[int, tuple[float, float]] | None = None,
) -> tuple[str, str]:
    """Draw an economy as ``name.png`` and ``name.svg``; return the element for a page and its caption.

    Parameters
    ----------
    decided : bool
        False draws what is possible, before anybody has decided.
    sides : mapping, optional
        For some firms, the direction in which their productivity is written.
    """
    from endonet.reports import circles
    from endonet.reports.pictures import picture

    drawing = circles.Drawing(
        places,
        circles.links_of(one.problem),
        one.theta == 1 if decided else None,
        one.outcome.sales if decided else np.zeros(one.problem.n),
        [f"{z:.4g}" for z in one.problem.z],
        sides or {},
    )
    element = picture(lambda axes: circles.paint(axes, drawing), f"Network: {one.title}", (5.4, 4.8), out, name)
    operating = f"{int(one.theta.sum())} of {one.problem.n} firms operate, Y = {one.outcome.value:.6f}"
    return element, f"{one.title}: {operating}." if decided else f"{one.title}."


def table(found: Sequence[Solved]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return columns and rows that say what was proved of each economy."""
    rows: list[tuple[str, ...]] = []
    for one in found:
        on = ", ".join(str(j) for j in np.flatnonzero(one.theta))
        gap = one.bound / one.outcome.value - 1
        everyone = one.problem.evaluate(np.ones(one.problem.n)).value
        rows.append((one.title, on, f"{one.outcome.value:.9f}", f"{gap:.1e}", f"{everyone:.6f}"))
    return ("", "firms that operate", "output Y", "proven gap", "Y if all did"), rows


def write_csv(found: Sequence[Solved], path: Path) -> None:
    """Write one row for each firm of each economy."""
    from endonet.reports.beside import write_table

    rows: list[list[Any]] = [["economy", "firm", "z", "theta", "q", "labour", "output", "consumption", "sales"]]
    for one in found:
        outcome = one.outcome
        columns = (one.problem.z, one.theta, outcome.q, outcome.l, outcome.y, outcome.c)
        rows += [[one.problem.name, j, *(c[j] for c in columns), outcome.sales[j]] for j in range(one.problem.n)]
    write_table(path, rows)


def parameters(problem: Any) -> str:
    """Return the parameters of an economy as one line."""

    def span(values: Any) -> str:
        low, high = float(values.min()), float(values.max())
        return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"

    return (
        f"n = {problem.n}, {problem.links} links, σ = {problem.sigma:g}, ε = {problem.epsilon:g}, "
        f"α = {span(problem.alpha)}, f = {span(problem.f)}, L = {problem.L:g}"
    )
