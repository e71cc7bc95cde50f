r"""Certificates of set choices, and the check that trusts no solver.

    {"kind": "supplier trees", "formulation": "sets", "trees": [{"layers": 1, "nodes": [2, -1, -1]}, …]}

One tree for each set choice that `task.tasks` derives from the problem; the checker derives them anew. The nodes stand
in preorder: the supplier branched on, kept first, then left out (with all later ones of its class, which are
interchangeable with it), −1 for a leaf. The checker walks the tree, computes the bound of `bounds.node_bound` at every
leaf and the value of every set on the way. No set is better than the greatest of them, whatever search made the tree.
Sets within rounding of the value claimed are compared in exact arithmetic.

``{"kind": "supplier exhaustion"}`` is verified by trying every set again, ``{"kind": "supplier prefixes"}`` by the
theorem on sorted prefixes (`prefix`), anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit

from endonet.formulations.errors import InputError, VerificationError
from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet
from endonet.solvers import claims
from endonet.solvers.solution import Solution, Status
from endonet.solvers.suppliers import ties
from endonet.solvers.suppliers.bounds import behind, node_bound
from endonet.solvers.suppliers.task import SLACK, Task, tasks
from endonet.solvers.suppliers.tree import root_bound, safest

TREES = "supplier trees"
EXHAUSTION = "supplier exhaustion"
PREFIXES = "supplier prefixes"
ROUNDING = 1e-13
PADDING = SLACK / 10  # of the profit at stake: far more than rounding does to a bound, far less than a search keeps
CLOSE = 20_000  # sets within rounding of the claim that are compared exactly


def pack(formulation: str, trees: Sequence[tuple[int, list[int]]]) -> dict[str, Any]:
    """Return trees as a JSON-ready certificate."""
    listed = [{"layers": layers, "nodes": nodes} for layers, nodes in trees]
    return {"kind": TREES, "formulation": formulation, "trees": listed}


def rooted(problem: SupplierProblem, formulation: str) -> float:
    """Return the bound on W at the roots of all trees, padded."""
    return max(root_bound(task) + PADDING * task.pi for task in tasks(problem, formulation)) / problem.K


def check(problem: SupplierProblem, solution: Solution) -> dict[str, Any]:
    """Verify every claim of a solution: fingerprint, value, ties, bound and status.

    Raises
    ------
    VerificationError
        If any of them does not hold, or a bound comes without a certificate.
    """
    claims.belongs(problem, solution)
    formulation = (solution.formulation or "suppliers/sets").rpartition("/")[2]
    report: dict[str, Any] = {"value": solution.value, "bound": solution.bound}
    if solution.status in (Status.INFEASIBLE, Status.UNBOUNDED):
        raise VerificationError("the empty set is always possible and profits are bounded")
    decision = _check_decision(problem, solution, formulation)
    if solution.bound is None:
        if solution.status in (Status.OPTIMAL, Status.FEASIBLE):
            raise VerificationError(f"the status {solution.status.value} needs a bound")
        return report
    if decision is None:
        raise VerificationError("a bound comes without a decision")
    report |= _check_bound(problem, solution, decision, formulation)
    claims.gap_follows(solution, solution.value, solution.bound, 1e-9)
    return report


def _check_decision(problem: SupplierProblem, solution: Solution, formulation: str) -> SupplierSet | None:
    if solution.decision is None:
        if solution.value is not None or solution.status in (Status.OPTIMAL, Status.LOCAL, Status.STATIONARY):
            raise VerificationError("the solution has a value or an optimal status, but no decision")
        return None
    try:
        decision = problem.choice(solution.decision)
    except InputError as error:
        raise VerificationError(f"the decision is none: {error}") from None
    outcome = problem.evaluate(decision)
    if solution.value is None or not math.isclose(solution.value, outcome.value, rel_tol=ROUNDING, abs_tol=1e-300):
        raise VerificationError(f"the value is {solution.value}, the evaluator finds {outcome.value:.17g}")
    if decision.tied_sets:
        if decision.suppliers not in decision.tied_sets or len(set(decision.tied_sets)) < 2:
            raise VerificationError("decision.tied_sets does not list the set and another one")
        if len(set(decision.tied_sets)) != len(decision.tied_sets):
            raise VerificationError("decision.tied_sets lists a set twice")
        claimed = ties.worth(problem, decision.suppliers, formulation)
        for tie in dict.fromkeys(ties.first_of_orbit(problem, tie) for tie in decision.tied_sets):
            if ties.worth(problem, tie, formulation) != claimed:
                raise VerificationError(f"decision.tied_sets: {list(tie)} is not exactly as good as the set")
    if formulation == "equilibrium" and solution.status is Status.OPTIMAL:
        expected = ties.decision_of(problem, decision.suppliers, formulation).downstream
        if decision.downstream != expected:
            raise VerificationError(f"behind this set later layers choose {list(expected)}")
        _check_policy(problem, decision)
    return decision


def _check_policy(problem: SupplierProblem, decision: SupplierSet) -> None:
    """Verify that among the ties listed the set is the one that the policy picks."""
    tied = decision.tied_sets or (decision.suppliers,)
    if problem.ties == "randomise":
        return
    wanted = min(tied, key=ties.rank) if problem.ties == "lower" else max(tied, key=ties.rank)
    if decision.suppliers != wanted:
        raise VerificationError(f"the tie policy {problem.ties!r} asks for {list(wanted)}")


def _check_bound(
    problem: SupplierProblem, solution: Solution, decision: SupplierSet, formulation: str
) -> dict[str, Any]:
    certificate = solution.certificate
    if not isinstance(certificate, Mapping):
        raise VerificationError("the bound comes without a certificate, so that it cannot be verified")
    assert solution.bound is not None
    if formulation == "equilibrium" and solution.bound != solution.value:
        raise VerificationError("an equilibrium's bound is its own value")
    kind = certificate.get("kind")
    if kind == TREES:
        if certificate.get("formulation") != formulation:
            raise VerificationError("the certificate belongs to another formulation")
        return _check_trees(problem, solution, decision, formulation, certificate.get("trees"))
    if kind == EXHAUSTION:
        from endonet.solvers.suppliers.enumeration import exhaust

        near, tried = exhaust(problem, formulation)
        best, report = ties.best_exactly(problem, near, formulation)[0], {"sets": tried}
    elif kind == PREFIXES:
        from endonet.solvers.suppliers.prefix import best_prefixes

        best, report = best_prefixes(problem, formulation)[0], {"prefixes": problem.n + 1}
    else:
        raise VerificationError(f"the certificate is of no known kind, but {kind!r:.60}")
    if ties.worth(problem, best, formulation) > ties.worth(problem, decision.suppliers, formulation):
        raise VerificationError(f"the set {list(best)} is better")
    if formulation != "equilibrium" and solution.bound < problem.evaluate(decision).value:
        raise VerificationError("the bound is below the value")
    return report


def _check_trees(
    problem: SupplierProblem, solution: Solution, decision: SupplierSet, formulation: str, trees: Any
) -> dict[str, Any]:
    """Verify that no set exceeds the claim: the firm's own profit in the equilibrium, else the bound on welfare."""
    asked = list(tasks(problem, formulation))
    if not isinstance(trees, list) or len(trees) != len(asked):
        raise VerificationError(f"certificate.trees is no list of {len(asked)} trees")
    exact = ties.worth(problem, decision.suppliers, formulation)
    equal = solution.bound == solution.value
    assert solution.bound is not None
    claim = float(exact) if formulation == "equilibrium" else solution.bound * problem.K
    close: list[tuple[int, ...]] = []
    count = 0
    for place, (task, tree) in enumerate(zip(asked, trees, strict=True)):
        if not isinstance(tree, Mapping) or tree.get("layers") != task.layers:
            raise VerificationError(f"certificate.trees[{place}] is not the tree of {task.layers} layers")
        nodes = tree.get("nodes")
        if not isinstance(nodes, list) or not all(type(node) is int for node in nodes):
            raise VerificationError(f"certificate.trees[{place}].nodes is no list of integers")
        proved, found = _walked(task, nodes, claim - 2 * PADDING * task.pi, f"certificate.trees[{place}]")
        if proved + (0 if equal else PADDING * task.pi) > claim * (1 + (0 if equal else ROUNDING)):
            raise VerificationError(f"{place}: the tree proves {proved / problem.K:.17g}, not {claim / problem.K:.17g}")
        close += found
        count += len(nodes)
    if equal:
        for chosen in dict.fromkeys(ties.first_of_orbit(problem, one) for one in close):
            if ties.worth(problem, chosen, formulation) > exact:
                raise VerificationError(f"the set {list(chosen)} is better than the claim")
    return {"nodes": count, "compared_exactly": len(close)}


def _walked(task: Task, nodes: list[int], claim: float, name: str) -> tuple[float, list[tuple[int, ...]]]:
    """Return the greatest bound of a leaf, and the sets on the way that are worth at least the claim."""
    if not nodes or not all(-1 <= node < task.n for node in nodes):
        raise VerificationError(f"{name}.nodes is empty or names a supplier that does not exist")
    sets = np.zeros((CLOSE, task.n), np.int8)
    given = (task.q, task.P, safest(task), task.worst, task.fees, task.pi, task.kappa, task.less, task.classes)
    used, bound, filled = _replay(*given, np.array(nodes, np.int64), claim, sets)
    if used != len(nodes):
        raise VerificationError(f"{name}.nodes is no tree in preorder")
    if filled > CLOSE:
        raise VerificationError(f"{name}: over {CLOSE} sets lie within rounding of the claim")
    return float(bound), [tuple(map(int, np.flatnonzero(row))) for row in sets[:filled]]


@njit(cache=True, error_model="numpy")
def _replay(  # type: ignore[no-untyped-def]
    q, P, order, worst, fees, pi, kappa, less, classes, nodes, claim, sets
):  # fmt: skip
    """Walk a tree; return (nodes used or −1 if it is malformed, greatest bound of a leaf, sets worth the claim)."""
    n = fees.size
    status, out_at = np.zeros(n, np.int64), np.zeros(n, np.int64)
    branch, side = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    W, paid, gains = np.empty((n + 1, q.size)), np.full(n + 1, less), np.empty(n)
    W[0] = q
    depth, count, place, filled, greatest = 0, 0, 0, 0, -np.inf
    entered = False
    while True:
        if place >= nodes.size:
            return -1, greatest, filled
        value = pi * (1.0 - W[count].sum()) - kappa * count * count - paid[count] if count else 0.0
        if (not entered or side[depth - 1] == 1) and value >= claim:
            if filled < sets.shape[0]:
                for i in range(n):
                    sets[filled, i] = 1 if status[i] == 1 else 0
            filled += 1
        entered = True
        chosen = nodes[place]
        place += 1
        if chosen >= 0:
            if status[chosen] != 0:
                return -1, greatest, filled
            for i in range(chosen):
                if classes[i] == classes[chosen] and status[i] == 0:
                    return -1, greatest, filled
            branch[depth], side[depth] = chosen, 1
            status[chosen] = 1
            behind(W[count], P, worst, chosen, W[count + 1])
            paid[count + 1] = paid[count] + fees[chosen]
            count += 1
            depth += 1
            continue
        bound = node_bound(W[count], P, order, worst, fees, pi, kappa, paid[count], count, status, gains)
        greatest = max(greatest, bound)
        while True:
            if depth == 0:
                return place, greatest, filled
            depth -= 1
            chosen = branch[depth]
            if side[depth] == 1:
                side[depth] = 0
                count -= 1
                for i in range(chosen, n):
                    if i == chosen or (status[i] == 0 and classes[i] == classes[chosen]):
                        status[i], out_at[i] = 2, depth
                depth += 1
                break
            for i in range(n):
                if status[i] == 2 and out_at[i] == depth:
                    status[i] = 0
