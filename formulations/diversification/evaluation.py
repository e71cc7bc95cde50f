"""What follows from a path in a chain (paper 003, sections 2 to 4): no solver, only M(n), (14) and (26).

Moments are evaluated to sixty digits before they are added up, so that welfare is rounded once, however much cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from endonet.formulations.diversification.betapower import BetaPower
from endonet.formulations.diversification.mixture import BASAL, MixedPower, Mixture

if TYPE_CHECKING:
    from endonet.formulations.diversification.problem import ChainProblem, SourcingPath


@dataclass(frozen=True, eq=False)
class ChainOutcome:
    """Everything that follows from the numbers of suppliers, in layers of infinitely many firms.

    Attributes
    ----------
    problem : ChainProblem
    decision : SourcingPath
    laws : tuple of Mixture
        The disrupted fraction of each layer as a polynomial of the basal risk: X^S_k, unless firms of a layer differ.
    """

    problem: ChainProblem
    decision: SourcingPath
    laws: tuple[Mixture, ...]

    @property
    def path(self) -> tuple[int, ...]:
        """The numbers of suppliers s_1 … s_K."""
        return self.decision.path

    @cached_property
    def S(self) -> tuple[int, ...]:
        """S_1 … S_K, upstream diversification; of the least diversified firms where they differ; 0 after a collapse."""
        return tuple(min(law.numerators) for law in self.laws)

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
        total = Fraction(0)
        for pi, c, square, M in zip(
            self.problem.pi, self.problem.c, self.decision.squares, self.exact_disruption, strict=True
        ):
            if M is None:
                return None
            total += pi * (1 - M) - c / 2 * square
        return total / self.problem.K

    @cached_property
    def mean_disruption(self) -> tuple[float, ...]:
        """E[p_k] = μ_k = M(S_k) in each layer k = 1 … K."""
        return tuple(float(law.mean(self.problem.moments)) for law in self.laws)

    @cached_property
    def exact_disruption(self) -> tuple[Fraction | None, ...]:
        """M(S_k) exactly, None where it has too many digits."""
        return tuple(law.exact_mean(self.problem.moments) for law in self.laws)

    @cached_property
    def disruption(self) -> tuple[BetaPower | MixedPower, ...]:
        """The whole distribution of the disrupted fraction R_k in each layer: density, quantiles, tail."""
        moments = self.problem.moments
        return tuple(MixedPower(moments, law) if law.S is None else BetaPower(moments, law.S) for law in self.laws)

    @cached_property
    def profits(self) -> tuple[float, ...]:
        """Π_k = π_k (1 − M(S_k)) − (c_k/2) s_k², equation (14); where firms of a layer differ, their average."""
        return tuple(float(profit) for profit in self._profits)

    @property
    def collapsed(self) -> bool:
        """Whether some layer buys nothing, so that nobody downstream can produce."""
        return 0 in self.decision.most

    @property
    def cost(self) -> Fraction:
        """Σ c_k s_k², what a budget limits."""
        return sum((c * square for c, square in zip(self.problem.c, self.decision.squares, strict=True)), Fraction(0))

    @property
    def feasible(self) -> bool:
        """Whether every row of the problem holds."""
        return not self.violations

    @cached_property
    def violations(self) -> tuple[str, ...]:
        """One sentence for each row that the path violates."""
        problem = self.problem
        found = own_rows(problem, self.decision, self.cost)
        if self.laws[-1].S is not None:
            least = problem.least_diversification
            if least is None or self.S[-1] < least:
                rows = [name for name in ("risk_target", "tail") if getattr(problem, name) is not None]
                need = "no diversification meets it" if least is None else f"S_K = {self.S[-1]} where {least} is needed"
                found.append(f"{' or '.join(rows)} is violated: {need}")
            return tuple(found)
        if problem.risk_target is not None and problem.moments.sign(self.laws[-1].terms, -problem.risk_target) > 0:
            found.append(f"risk_target is violated: the last layer's risk is {self.mean_disruption[-1]:.6g}")
        if problem.tail is not None:
            beyond = self.disruption[-1].tail(float(problem.tail[0]))
            if beyond > problem.tail[1]:
                found.append(f"tail is violated: it is exceeded with probability {beyond:.6g}")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return what follows for each layer, as ``endonet evaluate`` shows it."""
        return {
            "collapsed": self.collapsed,
            "cost": float(self.cost),
            "suppliers": list(self.path),
            "S": [float(min(S, 10**300)) for S in self.S],
            "disruption": list(self.mean_disruption),
            "profit": list(self.profits),
        }

    @cached_property
    def _profits(self) -> tuple[Decimal, ...]:
        """Π_k to sixty digits."""
        problem = self.problem
        with localcontext() as context:
            context.prec = 60
            return tuple(
                _decimal(pi) * (1 - law.mean(problem.moments)) - _decimal(c / 2 * square)
                for pi, c, square, law in zip(problem.pi, problem.c, self.decision.squares, self.laws, strict=True)
            )


def evaluate(problem: ChainProblem, decision: SourcingPath) -> ChainOutcome:
    """Return what follows from a checked path; see `ChainProblem.evaluate`."""
    laws = []
    R = BASAL
    for s, share in zip(decision.path, decision.shares, strict=True):
        R = R.after(s, share)
        laws.append(R)
    return ChainOutcome(problem, decision, tuple(laws))


def own_rows(problem: ChainProblem, decision: SourcingPath, cost: Fraction) -> list[str]:
    """Return one sentence for each violated row that concerns the numbers of suppliers alone: caps and budget."""
    found = []
    for k, (s, cap) in enumerate(zip(decision.most, problem.caps or (), strict=bool(problem.caps))):
        if s > cap:
            found.append(f"caps[{k}] is violated: {s} suppliers where {cap} are allowed")
    if problem.budget is not None and cost > problem.budget:
        found.append(f"budget is violated: Σ c s² = {float(cost):g} > {float(problem.budget):g}")
    return found


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)
