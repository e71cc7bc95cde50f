r"""A set choice as the compiled searches take it: max over S of π (1 − P(S ⊆ D)) − κ |S|² − Σ_{i∈S} fee_i, in doubles.

The equilibrium asks it once, with the profit of the first layer. The best set for a whole chain of K layers is the best
of K such choices: if the first L layers buy, the others have collapsed, then Σ_{k≤L} Π_k is the profit of one firm with
π = π_1 + … + π_L, less κ_2 + … + κ_L.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.suppliers.problem import SupplierProblem

SLACK = 1e-11  # sets this close to the best, relative to the profit at stake, are compared exactly


@dataclass(frozen=True, eq=False)
class Task:
    """One set choice.

    Attributes
    ----------
    layers : int
        How many layers buy if anything is bought.
    q, P : arrays of shape (M,) and (M, n)
        Mixture of independent disruptions; with known marginals only, ``worst`` is set and P is their one row.
    worst : bool
        P(S ⊆ D) is the least entry of P over S, not a product.
    fees : array of shape (n,)
    pi, kappa, less : float
        Profit at stake, κ_1, and what is subtracted whenever S is not empty.
    exact_pi, exact_less : Fraction
    classes : int array of shape (n,)
        Interchangeable suppliers have the same number.
    """

    layers: int
    q: NDArray[np.float64]
    P: NDArray[np.float64]
    worst: bool
    fees: NDArray[np.float64]
    pi: float
    kappa: float
    less: float
    exact_pi: Fraction
    exact_less: Fraction
    classes: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of potential suppliers."""
        return int(self.P.shape[1])

    @property
    def slack(self) -> float:
        """δ: sets that are worse by more than this are surely worse."""
        return SLACK * max(self.pi, float(self.exact_less), 1e-300)


def tasks(problem: SupplierProblem, formulation: str) -> Iterator[Task]:
    """Yield the set choices whose best answer is the problem's; one for the equilibrium, up to K for a chain's optimum.

    Numbers of layers that others beat or equal whatever the set are left out.
    """
    worst = problem.known == "marginals"
    if worst:
        q, P = np.ones(1), np.array([[float(p) for p in problem.law.marginals]])
    else:
        q, P = problem.law.mixture()
    fees = np.array([float(fee) for fee in problem.charges])
    classes = np.array(problem.classes, np.int64)
    kappa = float(problem.kappa[0])
    for layers in (1,) if formulation == "equilibrium" else stops(problem):
        pi = sum(problem.pi[:layers], Fraction(0))
        less = sum(problem.kappa[1:layers], Fraction(0))
        yield Task(layers, q, P, worst, fees, float(pi), kappa, float(less), pi, less, classes)


def stops(problem: SupplierProblem) -> list[int]:
    """Return the numbers of layers L that can be the best to stop after, for some probability of delivery d in [0, 1].

    They earn T_L d − A_L with T_L = Σ_{k≤L} π_k and A_L = Σ_{1<k≤L} κ_k: only corners of the upper envelope matter.
    """
    lines: list[tuple[Fraction, Fraction, int]] = []
    T = A = Fraction(0)
    for k in range(problem.K):
        T += problem.pi[k]
        A += problem.kappa[k] if k else 0
        while len(lines) > 1 and _below(lines[-2], lines[-1], (T, A, k + 1)):
            lines.pop()
        lines.append((T, A, k + 1))
    while len(lines) > 1 and lines[-1][0] - lines[-1][1] <= lines[-2][0] - lines[-2][1]:
        lines.pop()  # not even sure deliveries pay for the layers added last
    return [layers for _, _, layers in lines]


def _below(one: tuple[Fraction, Fraction, int], two: tuple[Fraction, Fraction, int], three: tuple[Any, ...]) -> bool:
    """Whether the line two lies nowhere above both one and three; slopes do not fall, intercepts fall."""
    return bool((two[1] - one[1]) * (three[0] - one[0]) >= (three[1] - one[1]) * (two[0] - one[0]))


def exact_value(problem: SupplierProblem, task: Task, chosen: tuple[int, ...]) -> Fraction:
    """Return what a task maximises, exactly."""
    if not chosen:
        return Fraction(0)
    fees = sum((problem.charges[i] for i in chosen), Fraction(0))
    delivered = 1 - problem.all_fail(chosen)
    return task.exact_pi * delivered - problem.kappa[0] * len(chosen) ** 2 - fees - task.exact_less
