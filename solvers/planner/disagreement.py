"""Why two answers to a planner's problem differ: which firms, and what each of them contributes.

For every firm that one answer operates and the other does not, three numbers, each as a share of output:

* ``alone``: what switching this firm alone, in the answer explained, to the reference's choice does to output. Where
  neighbours must enter or leave together this is small or negative, although all changes together gain.
* ``undone``: what switching it alone does to the reference; never a gain if the reference is optimal.
* ``shadow``: the shadow profit d_j of the bound (`endonet.solvers.planner.dual_bound`), at the first prices of the
  reference's certificate or, without one, at those read off the reference itself. It is what relaxing the choice of
  this firm is worth: positive, the firm operates; negative, it does not; 0, the prices leave it indifferent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import VerificationError
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers.planner import certificate
from endonet.solvers.planner.dual_bound import bound
from endonet.solvers.planner.market import market_prices
from endonet.solvers.solution import Solution

MOST = 50  # firms whose switching is evaluated
NOUGHT = 1e-8  # shares of output below this are told as 0
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
        firms = firms[np.argsort(-np.abs(profit[firms]), kind="stable")]
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
    """Return d_j of every firm at the root, in log output, or None where the reference produces nothing."""
    outcome = problem.evaluate(problem.operating(reference.decision))
    priced = _certified_prices(problem, reference.certificate)
    bounded = problem if priced is None else priced[0]
    box = certificate.Replay(bounded).root()
    if outcome.value <= 0 or outcome.labour_left <= 0:
        return None
    if not certificate.Replay(bounded).tighten(box) or box.envelope is None:
        return None
    prices = market_prices(bounded, box, outcome) if priced is None else priced[1]
    lower, upper = np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)
    return bound(bounded, lower, upper, box.envelope, prices)[1]


def _certified_prices(problem: PlannerProblem, proof: Mapping[str, Any] | None) -> Any:
    """Return the problem with its order among firms, and the first prices used at the root of a certificate, if any.

    Later ones belong to a box that has been shrunk since, and are loose on all choices.
    """
    if proof is None or proof.get("kind") != certificate.KIND:
        return None
    try:
        tree = certificate.read(problem, proof)
    except VerificationError:
        return None
    used = [entry for entry in tree.nodes[0]["rounds"] if isinstance(entry, int)]
    return (tree.problem, tree.prices[used[0]]) if used and 0 <= used[0] < len(tree.prices) else None


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
        f"changes output by {_percent(e['alone'])}, in the reference by {_percent(e['undone'])}; "
        f"shadow profit {'unknown' if e['shadow'] is None else _percent(e['shadow'])}"
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
