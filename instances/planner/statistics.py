"""What an economy is made of, in numbers: the columns by which one chooses instances.

Quantiles are least, lower quartile, median, upper quartile and largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import connected_components

from endonet.formulations.planner.problem import PlannerProblem

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
DIGITS = 6


def statistics(problem: PlannerProblem) -> dict[str, Any]:
    """Return the structure of an economy as JSON-ready numbers, to six significant digits.

    Returns
    -------
    dict
        ``n``, ``links``, ``self_links``, ``density`` (links / n²), ``in_degree`` and ``out_degree`` (quantiles),
        ``components`` (strongly connected), ``largest_component`` (firms), ``weights`` (least and largest Ω_ij),
        ``z`` (quantiles), ``sd_log_z``, ``f`` (quantiles of f_j n / L), ``fixed_cost`` (Σ f_j / L), ``alpha`` (least
        and largest), ``sigma``, ``epsilon``, ``alpha_kappa`` (least and largest α_j (σ−1)/(ε−1); above one, b_j is
        convex in the inputs), ``rows`` and ``row_nonzeros`` of the side constraints, by sense in ``senses``.
    """
    Omega = problem.Omega
    n = problem.n
    count, label = connected_components(Omega, connection="strong")
    own = int(np.count_nonzero(Omega.diagonal()))
    return {
        "n": n,
        "links": problem.links,
        "self_links": own,
        "density": _number(problem.links / n**2),
        "in_degree": _quantiles(np.diff(Omega.indptr)),
        "out_degree": _quantiles(np.bincount(Omega.indices, minlength=n)),
        "components": int(count),
        "largest_component": int(np.bincount(label).max()),
        "weights": _ends(Omega.data) if problem.links else [],
        "z": _quantiles(problem.z),
        "sd_log_z": _number(float(np.std(np.log(problem.z)))),
        "f": _quantiles(problem.f * (n / problem.L)),
        "fixed_cost": _number(problem.f.sum() / problem.L),
        "alpha": _ends(problem.alpha),
        "sigma": _number(problem.sigma),
        "epsilon": _number(problem.epsilon),
        "alpha_kappa": _ends(problem.alpha * problem.kappa),
        "rows": len(problem.constraints),
        "row_nonzeros": sum(row.firms.size for row in problem.constraints),
        "senses": _senses(problem),
    }


def convexity(found: dict[str, Any]) -> str:
    """Return where ακ stands against one: ``≤ 1``, ``> 1``, or ``both``."""
    least, largest = found["alpha_kappa"]
    return "≤ 1" if largest <= 1 else "> 1" if least > 1 else "both"


def _senses(problem: PlannerProblem) -> dict[str, int]:
    senses = [row.sense for row in problem.constraints]
    return {sense: senses.count(sense) for sense in sorted(set(senses))}


def _quantiles(values: ArrayLike) -> list[float]:
    return [_number(value) for value in np.quantile(np.asarray(values, dtype=np.float64), QUANTILES)]


def _ends(values: ArrayLike) -> list[float]:
    return [_number(np.min(values)), _number(np.max(values))]


def _number(value: float) -> float:
    return float(f"{float(value):.{DIGITS}g}")
