"""Sets that doubles cannot tell apart, told apart exactly, and the tie policy that picks one of the best."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from endonet.formulations.suppliers.equilibrium import best_downstream, followed
from endonet.formulations.suppliers.problem import SupplierProblem, SupplierSet

MOST = 1000  # so many tied sets are listed
Chosen = tuple[int, ...]


def decision_of(problem: SupplierProblem, chosen: Chosen, formulation: str) -> SupplierSet:
    """Return a set with what later layers do behind it: what is best for all, or in the equilibrium for themselves."""
    if formulation == "equilibrium":
        return followed(problem, chosen)
    return SupplierSet(chosen, best_downstream(problem, chosen))


def worth(problem: SupplierProblem, chosen: Chosen, formulation: str) -> Fraction:
    """Return exactly what a choice maximises: welfare, or in the equilibrium the first layer's profit."""
    outcome = problem.evaluate(decision_of(problem, chosen, formulation))
    return outcome.exact_profits[0] if formulation == "equilibrium" else outcome.welfare


def first_of_orbit(problem: SupplierProblem, chosen: Iterable[int]) -> Chosen:
    """Return the set that has as many suppliers of each class, but the first ones.

    >>> first_of_orbit(SupplierProblem(risk=["1/2", "1/3", "1/2"], c="1/25"), [2])
    (0,)
    """
    members = _members(problem)
    counts: dict[int, int] = {}
    for i in chosen:
        counts[problem.classes[i]] = counts.get(problem.classes[i], 0) + 1
    return tuple(sorted(i for group, count in counts.items() for i in members[group][:count]))


def best_exactly(problem: SupplierProblem, near: Iterable[Chosen], formulation: str) -> list[Chosen]:
    """Return the sets of greatest worth, compared exactly; one of each orbit, in the order of `rank`."""
    best: list[Chosen] = []
    value: Fraction | None = None
    for chosen in sorted({first_of_orbit(problem, one) for one in near}, key=rank):
        here = worth(problem, chosen, formulation)
        if value is None or here > value:
            best, value = [], here
        if here == value:
            best.append(chosen)
    return best


def decide(problem: SupplierProblem, best: Sequence[Chosen], formulation: str, seed: int) -> SupplierSet:
    """Return one of the best sets by the tie policy, with all of them, at most `MOST`, if there are several.

    ``lower`` takes the smallest and first in lexicographic order, ``higher`` the largest and last, ``randomise`` draws.
    """
    if problem.ties == "randomise":
        draw = random.Random(seed)
        chosen = draw.choices(best, weights=[orbit_size(problem, one) for one in best])[0]
        chosen = _drawn(problem, chosen, draw)
    elif problem.ties == "lower":
        chosen = min(best, key=rank)
    else:
        chosen = max((last_of_orbit(problem, one) for one in best), key=rank)
    decision = decision_of(problem, chosen, formulation)
    if sum(orbit_size(problem, one) for one in best) == 1:
        return decision
    tied = list(itertools.islice(itertools.chain.from_iterable(orbit(problem, one) for one in best), MOST))
    listed = sorted({*tied[: MOST - (chosen not in tied)], chosen}, key=rank)
    return SupplierSet(decision.suppliers, decision.downstream, tuple(listed))


def tied_count(problem: SupplierProblem, best: Sequence[Chosen]) -> int:
    """Return how many sets are exactly as good."""
    return sum(orbit_size(problem, one) for one in best)


def rank(chosen: Chosen) -> tuple[int, Chosen]:
    """Return what sets are ordered by: size, then lexicographically."""
    return len(chosen), chosen


def orbit(problem: SupplierProblem, chosen: Chosen) -> Iterator[Chosen]:
    """Return every set that interchangeable suppliers give, one after the other."""
    counts = _counts(problem, chosen)

    def extend(kept: Chosen, place: int) -> Iterator[Chosen]:
        if place == len(counts):
            yield tuple(sorted(kept))
            return
        members, count = counts[place]
        for part in itertools.combinations(members, count):
            yield from extend((*kept, *part), place + 1)

    return extend((), 0)


def orbit_size(problem: SupplierProblem, chosen: Chosen) -> int:
    """Return how many sets interchangeable suppliers give."""
    return math.prod(math.comb(len(members), count) for members, count in _counts(problem, chosen))


def last_of_orbit(problem: SupplierProblem, chosen: Chosen) -> Chosen:
    """Return the last set of an orbit in lexicographic order."""
    return tuple(sorted(i for members, count in _counts(problem, chosen) for i in members[len(members) - count :]))


def _drawn(problem: SupplierProblem, chosen: Chosen, draw: random.Random) -> Chosen:
    return tuple(sorted(i for members, count in _counts(problem, chosen) for i in draw.sample(members, count)))


def _counts(problem: SupplierProblem, chosen: Chosen) -> list[tuple[list[int], int]]:
    """Return, for each class of which the set has any, its members and how many of them the set has."""
    members = _members(problem)
    used: dict[int, int] = {}
    for i in chosen:
        used[problem.classes[i]] = used.get(problem.classes[i], 0) + 1
    return [(members[group], count) for group, count in used.items()]


def _members(problem: SupplierProblem) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for i, group in enumerate(problem.classes):
        members.setdefault(group, []).append(i)
    return members
