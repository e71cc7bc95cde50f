r"""Independent suppliers, sorted by risk: the best set is a prefix, so that n + 1 sets need be compared.

If suppliers fail independently, P(S ⊆ D) = ∏_{i∈S} p_i. Of all sets of s suppliers the s safest have the least product,
and every set of s costs the same. So the best set of each size is a prefix of the order by risk, and the best of all is
the best prefix. With fees the same holds if some order sorts risks and fees alike. With marginals known only, the
least risk in the set counts, and a prefix has it too. All in exact rationals; no search.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar

from endonet.formulations.suppliers.problem import SupplierProblem
from endonet.solvers.base import Solver
from endonet.solvers.solution import Finding, Proves, Status
from endonet.solvers.suppliers import certificate, ties
from endonet.solvers.suppliers.certified import must_fit


@dataclass(frozen=True, kw_only=True)
class SortedPrefix(Solver[SupplierProblem]):
    """Independent risks only: the safest suppliers, as many as pay; exact, ties included."""

    name: ClassVar[str] = "sorted-prefix"
    title: ClassVar[str] = "independent risks: the best prefix of the safest suppliers"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("sets", "equilibrium", "robust")

    def refuses(self, problem: SupplierProblem) -> str:
        """Return why the theorem does not apply; empty if it does."""
        if problem.known == "law" and not problem.law.independent:
            return "its suppliers fail together, so that the safest need not be the best; use certified"
        order = _order(problem)
        if any(problem.charges[j] < problem.charges[i] for i, j in pairwise(order)):
            return "a riskier supplier asks for a lower fee, so that no order sorts both; use certified"
        return ""

    def run(self, problem: SupplierProblem, formulation: str | None) -> Finding:
        """Compare the prefixes exactly."""
        must_fit(problem, formulation)
        formulation = formulation or "sets"
        decision = ties.decide(problem, best_prefixes(problem, formulation), formulation, self.seed)
        value = problem.evaluate(decision).value
        return Finding(decision, Status.OPTIMAL, bound=value, certificate={"kind": certificate.PREFIXES})


def best_prefixes(problem: SupplierProblem, formulation: str) -> list[tuple[int, ...]]:
    """Return the best prefixes, more than one only where sizes tie exactly."""
    from endonet.formulations.errors import VerificationError

    if reason := SortedPrefix().refuses(problem):
        raise VerificationError(f"the theorem on prefixes does not apply: {reason}")
    order = _order(problem)
    at_stake = sum(problem.pi, Fraction(0))
    paying = [s for s in range(problem.n + 1) if problem.kappa[0] * s * s <= at_stake]
    return ties.best_exactly(problem, [tuple(order[:s]) for s in paying], formulation)


def _order(problem: SupplierProblem) -> list[int]:
    p = problem.law.marginals
    return sorted(range(problem.n), key=lambda i: (p[i], problem.charges[i], i))
