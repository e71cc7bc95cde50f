"""What follows from a path in a chain (paper 003, sections 2 to 4): no solver, only M(n), (14) and (26).

Moments are evaluated to sixty digits before they are added up, so that welfare is rounded once, however much cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from endonet.formulations.diversification.betapower import BetaPower

if TYPE_CHECKING:
    from endonet.formulations.diversification.problem import ChainProblem, SourcingPath


@dataclass(frozen=True, eq=False)
class ChainOutcome:
    """Everything that follows from the numbers of suppliers.

    Attributes
    ----------
    problem : ChainProblem
    decision : SourcingPath
    S : tuple of int
        S_1 … S_K, the upstream diversification of each layer's risk; 0 from a collapse on.
    """

    problem: ChainProblem
    decision: SourcingPath
    S: tuple[int, ...]

    @property
    def path(self) -> tuple[int, ...]:
        """The numbers of suppliers s_1 … s_K."""
        return self.decision.path

    @cached_property
    def value(self) -> float:
        """Average welfare W, equation (26), rounded once."""
        return float(sum(self._profits, Decimal(0)) / self.problem.K)

    @property
    def W(self) -> float:
        """Average welfare, the same as ``value``."""
        return self.value

    @cached_property
    def welfare(self) -> Fraction | None:
        """W exactly; None where the exact moments have too many digits to be of use."""
        moments = [self.problem.moments.fraction(S) for S in self.S]
        total = Fraction(0)
        for pi, c, s, M in zip(self.problem.pi, self.problem.c, self.path, moments, strict=True):
            if M is None:
                return None
            total += pi * (1 - M) - c / 2 * s * s
        return total / self.problem.K

    @cached_property
    def mean_disruption(self) -> tuple[float, ...]:
        """E[p_k] = μ_k = M(S_k) in each layer k = 1 … K."""
        return tuple(float(self.problem.moments.decimal(S)) for S in self.S)

    @cached_property
    def exact_disruption(self) -> tuple[Fraction | None, ...]:
        """M(S_k) exactly, None where it has too many digits."""
        return tuple(self.problem.moments.fraction(S) for S in self.S)

    @cached_property
    def disruption(self) -> tuple[BetaPower, ...]:
        """The whole distribution of the disrupted fraction R_k in each layer: density, quantiles, tail."""
        return tuple(BetaPower(self.problem.moments, S) for S in self.S)

    @cached_property
    def profits(self) -> tuple[float, ...]:
        """Π_k = π_k (1 − M(S_k)) − (c_k/2) s_k², equation (14)."""
        return tuple(float(profit) for profit in self._profits)

    @property
    def collapsed(self) -> bool:
        """Whether some layer buys nothing, so that nobody downstream can produce."""
        return 0 in self.path

    @property
    def cost(self) -> Fraction:
        """Σ c_k s_k², what a budget limits."""
        return sum((c * s * s for c, s in zip(self.problem.c, self.path, strict=True)), Fraction(0))

    @property
    def feasible(self) -> bool:
        """Whether every row of the problem holds."""
        return not self.violations

    @cached_property
    def violations(self) -> tuple[str, ...]:
        """One sentence for each row that the path violates."""
        problem = self.problem
        found = []
        for k, (s, cap) in enumerate(zip(self.path, problem.caps or (), strict=bool(problem.caps))):
            if s > cap:
                found.append(f"caps[{k}] is violated: {s} suppliers where {cap} are allowed")
        if problem.budget is not None and self.cost > problem.budget:
            found.append(f"budget is violated: Σ c s² = {float(self.cost):g} > {float(problem.budget):g}")
        least = problem.least_diversification
        if least is None or self.S[-1] < least:
            rows = [name for name in ("risk_target", "tail") if getattr(problem, name) is not None]
            need = "no diversification meets it" if least is None else f"S_K = {self.S[-1]} where {least} is needed"
            found.append(f"{' or '.join(rows)} is violated: {need}")
        return tuple(found)

    @cached_property
    def _profits(self) -> tuple[Decimal, ...]:
        """Π_k to sixty digits."""
        problem = self.problem
        with localcontext() as context:
            context.prec = 60
            return tuple(
                _decimal(pi) * (1 - problem.moments.decimal(S)) - _decimal(c) / 2 * s * s
                for pi, c, s, S in zip(problem.pi, problem.c, self.path, self.S, strict=True)
            )


def evaluate(problem: ChainProblem, decision: SourcingPath) -> ChainOutcome:
    """Return what follows from a checked path; see `ChainProblem.evaluate`."""
    from endonet.formulations.diversification.problem import upstream

    return ChainOutcome(problem, decision, tuple(upstream(decision.path)[1:]))


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)
