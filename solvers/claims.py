"""What every family's check begins and ends with: whose the solution is, and whether status and gap follow from it.

What lies between, the decision and the proof of the bound, is the family's own, in its ``certificate`` module.
"""

from __future__ import annotations

from endonet.formulations.contracts import Problem
from endonet.formulations.errors import VerificationError
from endonet.solvers.solution import Solution, Status, relative_gap

STATED = 1e-11  # how far the gap that a file states may be from the one that value and bound give


def belongs(problem: Problem, solution: Solution) -> None:
    """Verify that a solution is one of this problem and was not refuted before.

    Raises
    ------
    VerificationError
    """
    if solution.fingerprint != problem.fingerprint:
        raise VerificationError("the solution belongs to another problem: their fingerprints differ")
    if solution.contradicted:
        raise VerificationError(f"the solution is marked as contradicted: {solution.contradicted}")


def gap_follows(solution: Solution, value: float | None, bound: float | None, least: float = 0.0) -> None:
    """Verify that the gap is what value and bound give, and that ``optimal`` keeps to the gap that was asked for.

    Parameters
    ----------
    least : float, default 0
        A gap this small counts as closed whatever was asked for.

    Raises
    ------
    VerificationError
    """
    gap, stated = relative_gap(value, bound), solution.rel_gap
    if gap is not None and stated is not None and gap != stated and not abs(gap - stated) <= STATED:
        raise VerificationError(f"the claimed rel_gap is {stated:g}, value and bound give {gap:g}")
    if solution.status is not Status.OPTIMAL:
        return
    wanted = solution.options.get("rel_gap")
    if isinstance(wanted, bool) or not isinstance(wanted, float | int) or not 0 <= wanted < 1:
        raise VerificationError(f"the status is optimal, yet options.rel_gap is {wanted!r} and no share")
    if gap is None or not gap <= max(wanted, least):
        raise VerificationError(f"the status is optimal at rel_gap {wanted:g}, yet the gap is {gap}")
