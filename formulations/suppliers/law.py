r"""How suppliers fail together: a joint distribution in a form whose probabilities are exact rationals.

    P(supplier i fails | ω, X) = 1 − (1 − r_ωi)(1 − X_g(i)),   independently of each other given ω and X

with scenarios ω of probability q_ω, own risks r_ωi, and one draw X_g ~ Beta(μ_g, ρ_g) for each region g, common to its
suppliers and independent of all else (a supplier outside of the regions has r_ωi alone). Special cases:

    independent risks       one scenario
    scenarios               r_ωi ∈ {0, 1}: the list of who fails; every joint distribution has this form
    common draw             one region and no own risk: Assumption 3 of paper 003, P(all of S fail) = M(|S|)

The probability that a whole set fails is Σ_ω q_ω ∏_{i∈S, no region} r_ωi ∏_g E[∏_{i∈S∩g} (r_ωi + (1 − r_ωi) X_g)], and
the expectation is one of a polynomial in X_g, so that it needs moments alone. For the same reason X_g may be replaced
by the nodes of Gauss's quadrature for its Beta law: ⌊n_g/2⌋ + 1 of them have the same moments up to n_g, so that
programs over finitely many scenarios lose nothing but rounding.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.diversification.exact import Moments
from endonet.formulations.errors import NotApplicableError

ENTRIES = 20_000_000  # scenarios × suppliers that a program holds at most
EVENTS = 1 << 16  # sets of failing suppliers that are listed at most

Polynomial = tuple[Fraction, ...]


@dataclass(frozen=True)
class Region:
    """Suppliers that one common draw X ~ Beta(mu0, rho0) can disrupt together.

    Parameters
    ----------
    suppliers : sequence of int
        0-based.
    mu0, rho0 : number
        Mean and overdispersion of X, in [0, 1].
    """

    suppliers: tuple[int, ...]
    mu0: Fraction
    rho0: Fraction

    @cached_property
    def moments(self) -> Moments:
        """The moments of X."""
        return Moments(self.mu0, self.rho0)

    def moment(self, n: int) -> Fraction:
        """Return E[X^n] exactly."""
        return Fraction(*self.moments.quotient(n))

    def nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return places and masses of a discrete law with the moments of X up to the number of suppliers."""
        mu = float(self.mu0)
        if self.mu0 in (0, 1) or self.rho0 == 0:
            return np.array([mu]), np.array([1.0])
        if self.rho0 == 1:
            return np.array([0.0, 1.0]), np.array([float(1 - self.mu0), mu])
        alpha, beta = self.moments.shape
        return gauss(float(alpha), float(beta), len(self.suppliers) // 2 + 1)


class JointLaw:
    """The joint distribution of disruptions.

    Parameters
    ----------
    probability : m Fractions that add up to 1
    risk : m rows of n Fractions in [0, 1]
    regions : sequence of Region

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> JointLaw([Fraction(1)], [[half, half]], []).all_fail([0, 1])
    Fraction(1, 4)
    >>> JointLaw([half, half], [[0, 1], [1, 0]], []).all_fail([0, 1])    # exactly one of them fails
    Fraction(0, 1)
    """

    def __init__(
        self, probability: Sequence[Fraction], risk: Sequence[Sequence[Fraction]], regions: Sequence[Region]
    ) -> None:
        self.probability, self.risk, self.regions = tuple(probability), tuple(map(tuple, risk)), tuple(regions)
        self.n = len(self.risk[0])
        self.region_of = {i: g for g, region in enumerate(self.regions) for i in region.suppliers}

    def all_fail(self, suppliers: Iterable[int]) -> Fraction:
        """Return P(S ⊆ D), the probability that every supplier of a set fails; 1 for the empty set."""
        chosen = tuple(suppliers)
        free = [i for i in chosen if i not in self.region_of]
        inside = [[i for i in chosen if self.region_of.get(i) == g] for g in range(len(self.regions))]
        total = Fraction(0)
        for q, r in zip(self.probability, self.risk, strict=True):
            part = q
            for i in free:
                part *= r[i]
                if not part:
                    break
            for region, members in zip(self.regions, inside, strict=True):
                if part and members:
                    part *= _expected(region, _product([(r[i], 1 - r[i]) for i in members]))
            total += part
        return total

    @cached_property
    def marginals(self) -> tuple[Fraction, ...]:
        """Each supplier's own probability of failing."""
        return tuple(self.all_fail([i]) for i in range(self.n))

    def together(self, i: int, j: int) -> Fraction:
        """Return the probability that two suppliers both fail."""
        return self.all_fail([i, j])

    @property
    def independent(self) -> bool:
        """Whether suppliers are seen to fail independently: one scenario, and no draw common to two suppliers."""
        certain = sum(q > 0 for q in self.probability) == 1
        return certain and all(len(g.suppliers) == 1 or g.rho0 == 0 or g.mu0 in (0, 1) for g in self.regions)

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The class of each supplier; suppliers of one class can be swapped without changing the law."""
        names: dict[object, int] = {}
        columns = list(zip(*self.risk, strict=True))
        kinds: list[object] = [(columns[i], self.region_of.get(i)) for i in range(self.n)]
        return tuple(names.setdefault(kind, len(names)) for kind in (self.marginals if self.independent else kinds))

    def mixture(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return masses (M,) and risks (M, n) of a finite mixture of independent disruptions with the same P(S ⊆ D).

        Raises
        ------
        NotApplicableError
            If it has too many scenarios to be listed.
        """
        nodes = [region.nodes() for region in self.regions]
        count = len(self.probability)
        for places, _ in nodes:
            count *= places.size
        if count * self.n > ENTRIES:
            raise NotApplicableError(
                f"{count} scenarios of {self.n} suppliers are more than a program holds; use fewer regions"
            )
        q = np.array([float(x) for x in self.probability])
        P = np.array([[float(x) for x in row] for row in self.risk])
        for region, (places, masses) in zip(self.regions, nodes, strict=True):
            columns = list(region.suppliers)
            q = np.repeat(q, places.size) * np.tile(masses, q.size)
            x = np.tile(places, P.shape[0])
            P = np.repeat(P, places.size, axis=0)
            P[:, columns] = 1 - (1 - P[:, columns]) * (1 - x[:, None])
        alive = q > 0
        return q[alive], P[alive]

    def events(self) -> dict[frozenset[int], Fraction]:
        """Return the probability of each set of suppliers to be exactly the one that fails.

        Raises
        ------
        NotApplicableError
            If there are more than 2^16 such sets.
        """
        found: dict[frozenset[int], Fraction] = {}
        for q, r in zip(self.probability, self.risk, strict=True):
            if not q:
                continue
            here: Mapping[frozenset[int], Fraction] = {frozenset(): q}
            for i in range(self.n):
                if i not in self.region_of:
                    here = _joined(here, {frozenset([i]): r[i], frozenset(): 1 - r[i]})
            for region in self.regions:
                here = _joined(here, _events_of(region, r))
            for event, mass in here.items():
                found[event] = found.get(event, Fraction(0)) + mass
        return found

    def restricted(self, suppliers: Sequence[int]) -> JointLaw:
        """Return the law of some of the suppliers, renumbered in the order given."""
        place = {i: j for j, i in enumerate(suppliers)}
        regions = [
            Region(tuple(place[i] for i in region.suppliers if i in place), region.mu0, region.rho0)
            for region in self.regions
        ]
        rows = [[row[i] for i in suppliers] for row in self.risk]
        return JointLaw(self.probability, rows, [region for region in regions if region.suppliers])

    def numbers(self) -> tuple[Fraction, ...]:
        """Return the distribution of the number of suppliers that fail, from 0 to n."""
        total = [Fraction(0)] * (self.n + 1)
        for q, r in zip(self.probability, self.risk, strict=True):
            here: tuple[Fraction, ...] = (q,)
            for i in range(self.n):
                if i not in self.region_of:
                    here = _convolved(here, (1 - r[i], r[i]))
            for region in self.regions:
                here = _convolved(here, _numbers_of(region, r))
            for d, mass in enumerate(here):
                total[d] += mass
        return tuple(total)


def gauss(alpha: float, beta: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and masses of Gauss's quadrature for Beta(α, β): exact for polynomials of degree 2·count − 1.

    By Golub and Welsch from the recurrence of Jacobi's polynomials, with coefficients that neither overflow nor cancel
    for large α + β.
    """
    total = alpha + beta
    k = np.arange(count, dtype=float)
    # Shifted Jacobi recurrence on [0, 1]; for k = 0 the general term is 0/0 where α + β = 2 or 1.
    even = 2 * k + total
    with np.errstate(divide="ignore", invalid="ignore"):
        diagonal = 0.5 + 0.5 * (alpha - beta) * (total - 2) / ((even - 2) * even)
    diagonal[0] = alpha / total
    j = k[1:]
    even = 2 * j + total
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = j * (j + alpha - 1) * (j + beta - 1) * (j + total - 2) / ((even - 2) ** 2 * (even - 3) * (even - 1))
    if count > 1:
        squared[0] = alpha * beta / (total**2 * (total + 1))
    from scipy.linalg import eigh_tridiagonal

    places, vectors = eigh_tridiagonal(diagonal, np.sqrt(squared))
    masses = vectors[0] ** 2
    return np.clip(places, 0.0, 1.0), masses / masses.sum()


def _product(lines: Iterable[Polynomial]) -> Polynomial:
    """Return the product of polynomials, coefficients from the constant on."""
    found: Polynomial = (Fraction(1),)
    for line in lines:
        found = _convolved(found, line)
    return found


def _convolved(one: Polynomial, other: Polynomial) -> Polynomial:
    found = [Fraction(0)] * (len(one) + len(other) - 1)
    for a, x in enumerate(one):
        if x:
            for b, y in enumerate(other):
                found[a + b] += x * y
    return tuple(found)


def _expected(region: Region, polynomial: Polynomial) -> Fraction:
    """Return E[polynomial(X)]."""
    return sum((a * region.moment(n) for n, a in enumerate(polynomial) if a), Fraction(0))


def _lines(r: Fraction) -> tuple[Polynomial, Polynomial]:
    """Return the chances of failing and of delivering as polynomials in X."""
    return (r, 1 - r), (1 - r, r - 1)


def _events_of(region: Region, r: Sequence[Fraction]) -> dict[frozenset[int], Fraction]:
    found: dict[frozenset[int], Polynomial] = {frozenset(): (Fraction(1),)}
    _few(1 << len(region.suppliers))
    for i in region.suppliers:
        fails, delivers = _lines(r[i])
        found = {
            event | extra: _convolved(line, factor)
            for event, line in found.items()
            for extra, factor in ((frozenset([i]), fails), (frozenset[int](), delivers))
        }
    return {event: _expected(region, line) for event, line in found.items()}


def _numbers_of(region: Region, r: Sequence[Fraction]) -> tuple[Fraction, ...]:
    counts: list[Polynomial] = [(Fraction(1),)]
    for i in region.suppliers:
        fails, delivers = _lines(r[i])
        stay = [_convolved(line, delivers) for line in counts]
        rise = [_convolved(line, fails) for line in counts]
        counts = [_sum(a, b) for a, b in itertools.zip_longest(stay, [(Fraction(0),), *rise], fillvalue=())]
    return tuple(_expected(region, line) for line in counts)


def _sum(one: Polynomial, other: Polynomial) -> Polynomial:
    return tuple(a + b for a, b in itertools.zip_longest(one, other, fillvalue=Fraction(0)))


def _joined(
    one: Mapping[frozenset[int], Fraction], other: Mapping[frozenset[int], Fraction]
) -> dict[frozenset[int], Fraction]:
    """Return the law of the union of two independent random sets."""
    found = {a | b: x * y for a, x in one.items() for b, y in other.items() if x * y}
    _few(len(found))
    return found


def _few(count: int) -> None:
    if count > EVENTS:
        raise NotApplicableError(f"over {EVENTS} sets of suppliers may fail, too many to be listed")
