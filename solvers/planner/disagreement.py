"""Why two answers to a planner's problem differ: which firms, and what each of them contributes.

For every firm that one answer operates and the other does not, three numbers, each as a share of output:

* ``alone``: what switching this firm alone, in the answer explained, to the reference's choice does to output. Where
  neighbours must enter or leave together this is small or negative, although all changes together gain.
* ``undone``: what switching it alone does to the reference; never a gain if the reference is optimal.
* ``shadow``: the shadow profit d_j of the bound (`endonet.solvers.planner.dual_bound`), from its certificate
  (`endonet.solvers.planner.duals`) or, without one, at the prices read off the reference itself. Positive, the bound
  wants the firm to operate; negative, it does not; 0, its prices leave the firm indifferent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import VerificationError
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner import certificate, duals
from endonet.solvers.planner.dual_bound import bound
from endonet.solvers.planner.market import market_prices
from endonet.solvers.solution import Solution

MOST = 50  # firms whose switching is evaluated
NOUGHT = 1e-8  # shares of output below this are told as 0
TELLING = 1e-6  # a shadow profit below this only says that the bound's prices leave the firm indifferent
SHOWN = 6  # firms that stand in a sentence of their own


def explain(
    problem: PlannerProblem, reference: Solution, answer: Solution
) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """Return one entry for each firm in which the answer differs from the reference, and sentences that tell them.

    Entries hold ``firm``, ``here`` and ``reference`` (its θ in either), ``alone``, ``undone`` and ``shadow``; the firms
    of largest shadow profit come first. A switch that violates a row or leaves no labour has no number.
    """
    here, there = problem.operating(answer.decision), problem.operating(reference.decision)
    firms = np.flatnonzero(here != there)
    if firms.size == 0:
        return (), ()
    profit = shadow_profits(problem, reference)
    if profit is not None:
        worth = np.abs(profit[firms])
        firms = firms[np.argsort(-np.where(worth > NOUGHT, worth, 0.0), kind="stable")]
    entries = [
        {
            "firm": int(j),
            "here": int(here[j]),
            "reference": int(there[j]),
            "alone": _switched(problem, here, int(j)),
            "undone": _switched(problem, there, int(j)),
            "shadow": None if profit is None or not np.isfinite(profit[j]) else float(profit[j]),
        }
        for j in firms[:MOST]
    ]
    together = _change(problem.evaluate(here).value, problem.evaluate(there).value)
    return tuple(entries), tuple(_sentences(entries, firms.size, together))


def shadow_profits(problem: PlannerProblem, reference: Solution) -> Vector | None:
    """Return d_j of every firm, in log output, or None where the reference produces nothing."""
    try:
        return duals.shadow_profits(problem, reference).D
    except VerificationError:  # there is no certificate of prices
        pass
    outcome = problem.evaluate(problem.operating(reference.decision))
    rules = certificate.Replay(problem)
    box = rules.root()
    if outcome.value <= 0 or not rules.tighten(box) or box.envelope is None:
        return None
    return bound(problem, box.lower, box.upper, box.envelope, market_prices(problem, box, outcome))[1]


def _switched(problem: PlannerProblem, theta: NDArray[np.int8], firm: int) -> float | None:
    """Return the share of output that switching one firm gains, or None if that is not feasible."""
    other = theta.copy()
    other[firm] = 1 - other[firm]
    outcome = problem.evaluate(other)
    return _change(problem.evaluate(theta).value, outcome.value) if outcome.feasible else None


def _change(before: float, after: float) -> float | None:
    return after / before - 1 if before > 0 else None


def _sentences(entries: list[dict[str, Any]], count: int, together: float | None) -> list[str]:
    said = [
        f"firm {e['firm']} is {_on(e['here'])} here and {_on(e['reference'])} in the reference: switching it alone "
        f"changes output by {_percent(e['alone'])}, in the reference by {_percent(e['undone'])}"
        + (f"; shadow profit {_percent(e['shadow'])}" if abs(e["shadow"] or 0.0) > TELLING else "")
        for e in entries[:SHOWN]
    ]
    if count > SHOWN:
        rest = [e["alone"] for e in entries[SHOWN:] if e["alone"] is not None]
        span = f", each alone between {_percent(min(rest))} and {_percent(max(rest))}" if rest else ""
        more = f" (of which {count - len(entries)} were not evaluated)" if count > len(entries) else ""
        said.append(f"{count - SHOWN} more firms differ{span}{more}")
    if count > 1:
        said.append(f"all {count} together change output by {_percent(together)}")
    return said


def _on(theta: int) -> str:
    return "on" if theta else "off"


def _percent(share: float | None) -> str:
    if share is None:
        return "(not feasible)"
    return f"{100 * share:+.3g} %" if abs(share) > NOUGHT else "0 %"
