"""What follows from a set of suppliers (paper 003, sections 1 and 5): exact sums of rationals, no solver."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet


@dataclass(frozen=True, eq=False)
class SupplierOutcome:
    """Everything that follows from a set of suppliers.

    Attributes
    ----------
    problem : SupplierProblem
    decision : SupplierSet
    """

    problem: SupplierProblem
    decision: SupplierSet

    @property
    def suppliers(self) -> tuple[int, ...]:
        """The set that every firm of the first layer keeps."""
        return self.decision.suppliers

    @property
    def path(self) -> tuple[int, ...]:
        """Numbers of suppliers s_1 … s_K."""
        return (len(self.decision.suppliers), *self.decision.downstream)

    @cached_property
    def exact_disruption(self) -> Fraction:
        """P(S ⊆ D), the probability that a firm of the first layer, and so all of them, are disrupted."""
        return self.problem.all_fail(self.suppliers)

    @property
    def mean_disruption(self) -> tuple[float, ...]:
        """The probability of disruption in each layer: that of the first, and 1 from a collapse on."""
        return tuple(float(self.exact_disruption) if s else 1.0 for s in self.path)

    @cached_property
    def exact_profits(self) -> tuple[Fraction, ...]:
        """Π_k in each layer, equation (2) with the cost of (14)."""
        problem, delivered = self.problem, 1 - self.exact_disruption
        fees = sum((problem.charges[i] for i in self.suppliers), Fraction(0))
        found = [
            (pi * delivered if s else Fraction(0)) - kappa * s * s
            for pi, kappa, s in zip(problem.pi, problem.kappa, self.path, strict=True)
        ]
        return (found[0] - fees, *found[1:])

    @property
    def profits(self) -> tuple[float, ...]:
        """Π_k in each layer."""
        return tuple(map(float, self.exact_profits))

    @cached_property
    def welfare(self) -> Fraction:
        """W = (1/K) Σ_k Π_k exactly; the firm's profit if there is one layer."""
        return sum(self.exact_profits, Fraction(0)) / self.problem.K

    @cached_property
    def value(self) -> float:
        """W, rounded once."""
        return float(self.welfare)

    @property
    def feasible(self) -> bool:
        """Every set is."""
        return True

    @property
    def violations(self) -> tuple[str, ...]:
        """None."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return what `endonet evaluate` shows beside the value."""
        problem = self.problem
        chosen = [int(i in self.suppliers) for i in range(problem.n)]
        return {
            "disruption": float(self.exact_disruption),
            "profits": ", ".join(f"{profit:.10g}" for profit in self.profits),
            "chosen": chosen,
            "marginal_risk": [float(p) for p in problem.law.marginals],
        }
