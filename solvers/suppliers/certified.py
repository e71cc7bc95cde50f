"""The default: branch and bound over sets, with submodular bounds and a certificate that a short checker walks.

Sets within rounding of the best are compared in exact arithmetic (`ties`), so that ties are found. Interchangeable
suppliers are searched once. In a chain the optimum is the best of a few set choices (`task`).

Source: the bounds are Nemhauser, Wolsey and Fisher's (1978) for submodular functions, and the scenario-wise relaxation.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from endonet.formulations.errors import NotApplicableError
from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.solvers.base import Solver
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy
from endonet.solvers.suppliers import certificate, ties
from endonet.solvers.suppliers.greedy import greedy_set
from endonet.solvers.suppliers.task import Task, exact_value, tasks
from endonet.solvers.suppliers.tree import LARGEST, NEAR, Searched, search

TINY = SupplierProblem(risk=(Fraction(1, 5), Fraction(1, 2)), c=Fraction(1, 25))  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Certified(Solver[SupplierProblem]):
    """Branch and bound over sets of suppliers, exact ties included.

    Parameters
    ----------
    node_limit : int, default 20000000
        Nodes after which the best set and bound so far are returned.
    """

    name: ClassVar[str] = "certified"
    title: ClassVar[str] = "branch and bound over sets, with a certificate"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("sets", "equilibrium", "robust")

    node_limit: int = LARGEST

    def refuses(self, problem: SupplierProblem) -> str:
        """Return a complaint if the scenarios are too many to be listed."""
        return too_large(problem)

    def prepare(self) -> None:
        """Compile the kernels."""
        with Interrupt() as interrupt:
            solve(TINY, "sets", 0, math.inf, LARGEST, None, interrupt)

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Search the tree of every set choice that matters."""
        must_fit(problem, formulation)
        deadline = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        with Interrupt() as interrupt:
            return solve(problem, formulation or "sets", self.seed, deadline, self.node_limit, self.initial, interrupt)


def too_large(problem: SupplierProblem) -> str:
    """Return a complaint if the scenarios are too many to be listed; empty if they are not."""
    try:
        if problem.known == "law":
            problem.law.mixture()
    except NotApplicableError as error:
        return str(error)
    return ""


def must_fit(problem: SupplierProblem, formulation: str | None) -> None:
    """Refuse ``robust`` where the law is known, and ``sets`` is silent about it where it is not."""
    if formulation == "robust" and problem.known != "marginals":
        raise NotApplicableError(
            'robust is the worst case over laws, but this problem\'s law is known; give it known="marginals"'
        )


def solve(
    problem: SupplierProblem,
    formulation: str,
    seed: int,
    deadline: float,
    node_limit: int,
    initial: object,
    interrupt: Interrupt,
) -> Finding:
    """Return the best set with its certificate, or the best so far with a bound."""
    asked = list(tasks(problem, formulation))
    candidates = [()] if initial is None else [(), problem.choice(initial).suppliers]
    candidates += [greedy_set([task]) for task in asked]
    trees: list[tuple[Task, Searched]] = []
    for task in asked:
        start = max(float(exact_value(problem, task, chosen)) for chosen in candidates)
        trees.append((task, search(task, start, deadline, node_limit, interrupt)))
        candidates += trees[-1][1].near
    best = ties.best_exactly(problem, candidates, formulation)
    decision = ties.decide(problem, best, formulation, seed)
    value = problem.evaluate(decision).value
    stopped = next((tree.stopped_by for _, tree in trees if tree.stopped_by is not StoppedBy.FINISHED), None)
    statistics = {
        "nodes": sum(tree.nodes.size for _, tree in trees),
        "trees": len(trees),
        "scenarios": int(asked[0].q.size),
        "compared_exactly": sum(len(tree.near) for _, tree in trees),
    }
    count = ties.tied_count(problem, best)
    crowded = any(len(tree.near) >= NEAR for _, tree in trees)
    notes: tuple[str, ...] = (f"{count} sets are exactly as good; the policy is {problem.ties}",) if count > 1 else ()
    if crowded:
        notes += (f"over {NEAR} sets lie within rounding of the best; not all were compared exactly",)
    if formulation == "equilibrium":
        notes += ("the bound is that of the firms' own choice, not of welfare",)
    if stopped is None:
        return Finding(
            decision,
            Status.OPTIMAL,
            bound=value,
            certificate=certificate.pack(formulation, [(task.layers, tree.nodes.tolist()) for task, tree in trees]),
            notes=notes,
            statistics=statistics,
        )
    if formulation == "equilibrium":
        return Finding(
            decision, Status.NOT_CONVERGED, stopped, notes=(*notes, "the best set seen"), statistics=statistics
        )
    bound = max(certificate.rooted(problem, formulation), value)
    return Finding(
        decision,
        Status.FEASIBLE,
        stopped,
        bound=bound,
        certificate=certificate.pack(formulation, [(task.layers, [-1]) for task in asked]),
        notes=notes,
        statistics=statistics,
    )
