"""Would a firm deviate? Every firm's best choice while all others keep to the network (Definitions 2, 3 and 5).

A firm that initiates links takes as given its partners' costs and demand, A, D_F and w, and chooses links, imports and
exports at once. Decisions that doubles cannot tell from a tie are settled with 50 digits (`precise`), where the economy
is small enough for that; `Choice.undecided` says where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.sourcing import response
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.formed import sums
from endonet.formulations.sourcing.parallel import in_parts

if TYPE_CHECKING:
    from endonet.formulations.sourcing.evaluation import SourcingOutcome
    from endonet.formulations.sourcing.problem import SourcingProblem, Vector

CLOSE = 1e-9  # decisions nearer than this to a tie are not left to doubles
SMOOTH = 1e-6  # probabilities that agree this far are equal
PRECISE_LINKS, PRECISE_FIRMS = 4000, 80


@dataclass(frozen=True, eq=False)
class Choice:
    """What every firm would choose.

    Attributes
    ----------
    deviates : bool array, shape (n,)
        Whether a firm would choose otherwise than the network has it; a tie counts as a reason to include.
    gain : array, shape (n,)
        What it would gain, in units of account; at most rounding where it merely includes a tie.
    excess : array, shape (n, 2)
        Beyond their fixed costs: what the decision made first (buyers: exports, suppliers: imports) would earn, and
        what the other one would without it.
    close : array, shape (n,)
        How near a firm's closest decision is to a change, relative to what is compared.
    undecided : bool array, shape (n,)
        Whether that is too near for the arithmetic used.
    """

    present: Network
    problem: SourcingProblem
    best: Callable[[], Network]
    deviates: NDArray[np.bool_]
    gain: Vector
    excess: Vector
    close: Vector
    undecided: NDArray[np.bool_]

    @cached_property
    def network(self) -> Network:
        """The best choices together, which need not be consistent with one another."""
        return self.best()

    @property
    def reason(self) -> str:
        """One clause that names a firm that would deviate, and how; empty if none would."""
        if not self.deviates.any():
            return ""
        j = int(np.argmax(np.where(self.deviates, self.gain, -1.0)))
        return f"firm {j} would {self._change(j)} and gain {self.gain[j]:.3g}"

    def _change(self, j: int) -> str:
        if not self.present.binary:
            return "choose other probabilities"
        problem, words = self.problem, []
        if problem.initiator == "buyer":
            mine = np.arange(problem.ptr[j], problem.ptr[j + 1])
            partner, what = problem.supplier, "supplier"
        else:
            pointer, link, _ = problem.by_supplier
            mine = link[pointer[j] : pointer[j + 1]]
            partner, what = problem.buyer, "buyer"
        for e in mine[self.present.links[mine] != self.network.links[mine]]:
            words.append(f"{'add' if self.network.links[e] else 'drop'} {what} {partner[e]}")  # noqa: PERF401
        for name, now, best in (
            ("importing", self.present.imports, self.network.imports),
            ("exporting", self.present.exports, self.network.exports),
        ):
            if now[j] != best[j]:
                words.append(f"{'start' if best[j] else 'stop'} {name}")
        return ", ".join(words[:4]) + (", …" if len(words) > 4 else "")


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of every owner's problem, in the letters of `response`; arrays of shape (n,)."""

    problem: SourcingProblem

    @cached_property
    def buyer_owns(self) -> bool:
        """Whether buyers own links."""
        return self.problem.initiator == "buyer"

    @cached_property
    def by_owner(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """(ptr, link, other)."""
        problem = self.problem
        return (problem.ptr, np.empty(0, np.int64), problem.supplier) if self.buyer_owns else problem.by_supplier

    @cached_property
    def markup(self) -> Vector:
        """Markups of links, one entry if all are alike."""
        return np.atleast_1d(np.asarray(self.problem.mu_links, dtype=np.float64))

    @cached_property
    def home(self) -> Vector:
        """What a unit of T_j earns from households at A = 1."""
        return (1 - 1 / self.problem.mu_H) * self.problem.home

    @cached_property
    def foreign(self) -> Vector:
        """What a unit of T_j earns from exports."""
        if self.problem.open is None:
            return np.zeros(self.problem.n)
        return (1 - 1 / self.problem.mu_F) * self.problem.foreign * self.problem.open.D_F

    @cached_property
    def foreign_input(self) -> Vector:
        """What imports add to Θ_j."""
        return np.zeros(self.problem.n) if self.problem.open is None else self.problem.foreign_input

    @cached_property
    def f_import(self) -> Vector:
        """Fixed costs of importing."""
        return np.zeros(self.problem.n) if self.problem.open is None else self.problem.open.f_import

    @cached_property
    def f_export(self) -> Vector:
        """Fixed costs of exporting."""
        return np.zeros(self.problem.n) if self.problem.open is None else self.problem.open.f_export

    def owners(
        self, A: float, w: float, T: Vector, D: Vector, from_links: Vector, imports: Any
    ) -> tuple[Vector, Vector, Vector, Vector, Vector]:
        """Return (Y, R_0, ΔR, const, b_o) for given A, w, T, D.

        Parameters
        ----------
        from_links : array
            Σ over a firm's buyers of what a unit of its T earns there; used where buyers own links.
        imports : array
            Who imports, so that T includes it; used where suppliers own links.
        """
        phi = self.problem.phi_power
        if self.buyer_owns:
            R0 = phi * (self.home * A + from_links)
            const = self.problem.labour_weight * w ** (1 - self.problem.sigma)
            return T, R0, phi * self.foreign, const, self.foreign_input
        dR = phi * self.foreign_input
        return D, np.maximum(T - imports * dR, 0.0), dR, self.home * A, self.foreign

    def traded(self, imports: Any, exports: Any) -> tuple[Any, Any]:
        """Return (o, P) from (imports, exports), and the reverse."""
        return (imports, exports) if self.buyer_owns else (exports, imports)

    def chosen(self, links: NDArray[Any], o: NDArray[Any], p: NDArray[Any]) -> Network:
        """Return a network from the owners' choices; nobody trades in a closed economy."""
        if self.problem.open is None:
            o = p = np.zeros_like(o)
        return Network(links, *self.traded(o, p))


def respond(outcome: SourcingOutcome) -> Choice:
    """Return what every firm would choose against the network of an outcome."""
    problem, network = outcome.problem, outcome.network
    if problem.smoothed:
        return _respond_smoothly(outcome)
    found = respond_at(outcome, outcome.A, outcome.w, outcome.T, outcome.D)
    if not found.undecided.any() or problem.m > PRECISE_LINKS or problem.n > PRECISE_FIRMS:
        return found
    from endonet.formulations.sourcing import precise

    chosen = precise.respond(outcome)
    differ = _differing(problem, network, chosen)
    return replace(found, best=lambda: chosen, deviates=differ, undecided=np.zeros(problem.n, dtype=np.bool_))


def respond_at(outcome: SourcingOutcome, A: float, w: float, T: Vector, D: Vector) -> Choice:
    """Return every firm's best choice in doubles, at numbers that need not be those of the outcome."""
    problem, network = outcome.problem, outcome.network
    terms = Terms(problem)
    Y, R0, dR, const, b_o = terms.owners(A, w, T, D, earned_from_firms(outcome, D), network.imports)
    links = network.links.copy()
    o, p = (part.copy() for part in terms.traded(network.imports, network.exports))
    f_o, f_p = terms.traded(terms.f_import, terms.f_export)
    gain, excess, close = np.empty(problem.n), np.empty((problem.n, 2)), np.empty(problem.n)
    given = (
        *terms.by_owner, problem.alpha, terms.markup, not terms.buyer_owns, problem.sigma - 1, problem.f,
        Y, R0, dR, const, b_o, f_o, f_p, w, links, o, p, gain, excess, close,
    )  # fmt: skip
    in_parts(problem.n, problem.m, lambda first, last: response.best_responses(first, last, *given))
    chosen = terms.chosen(links, o, p)
    differ = _differing(problem, network, chosen)
    return Choice(network, problem, lambda: chosen, differ, gain, excess, close, close < CLOSE)


def autarky_wages(outcome: SourcingOutcome) -> tuple[float, float] | None:
    """Return the wages between which a network without trade is an equilibrium of its open economy, or None.

    At a given wage everything domestic scales with it, so that domestic choices do not depend on it. What trade would
    earn beyond its fixed costs, over w, is a sum of exponentials of ln w and of their positive parts, hence convex: it
    is negative for every firm on one interval of wages.
    """
    problem = outcome.problem
    sigma, terms = problem.sigma, Terms(problem)
    assert problem.open is not None

    def at(t: float) -> SourcingOutcome:
        w = math.exp(t)
        return replace(outcome, w=w, A=outcome.A * w**sigma, T=outcome.T * w ** (1 - sigma), D=outcome.D * w**sigma)

    def excess(t: float) -> float:
        """Return the most that trade earns any firm at the wage exp t beyond its fixed costs, in units of labour."""
        here = at(t)
        return float((respond_at(here, here.A, here.w, here.T, here.D).excess[useful] / here.w).max())

    pivot, other = terms.traded(terms.foreign_input > 0, terms.foreign > 0)[::-1]
    useful = np.column_stack([pivot, other])
    can_export, can_import = bool((terms.foreign > 0).any()), bool((terms.foreign_input > 0).any())
    limit = 600.0 / sigma
    low, high = -limit, limit
    if can_export and can_import:
        middle = _lowest(excess, low, high)
    elif can_export:
        middle = high
    elif can_import:
        middle = low
    else:
        middle = 0.0
    if useful.any() and not excess(middle) < 0:
        return None
    start = _crossing(excess, middle, low) if can_export else low
    end = _crossing(excess, middle, high) if can_import else high
    if respond(at((start + end) / 2)).deviates.any():
        return None
    return math.exp(start) if can_export else 0.0, math.exp(end) if can_import else math.inf


def _lowest(f: Callable[[float], float], low: float, high: float) -> float:
    """Return where a convex function is lowest, to about eight digits."""
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(120):
        one, other = high - ratio * (high - low), low + ratio * (high - low)
        if f(one) < f(other):
            high = other
        else:
            low = one
    return (low + high) / 2


def _crossing(f: Callable[[float], float], inside: float, outside: float) -> float:
    """Return where f stops to be negative between a point where it is and one where it may not be."""
    if f(outside) < 0:
        return outside
    for _ in range(200):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if f(middle) < 0 else (inside, middle)
    return inside


def _respond_smoothly(outcome: SourcingOutcome) -> Choice:
    problem, network = outcome.problem, outcome.network
    terms, smoothing = Terms(problem), problem.smoothing
    assert smoothing is not None
    Y, R0, dR, const, b_o = terms.owners(
        outcome.A, outcome.w, outcome.T, outcome.D, earned_from_firms(outcome, outcome.D), network.imports
    )
    f_o, f_p = terms.traded(terms.f_import, terms.f_export)
    gain, far = np.empty(problem.n), np.empty(problem.n)

    def compare(links: Any, o: Any, p: Any, write: bool) -> None:
        given = (
            *terms.by_owner, problem.alpha, terms.markup, not terms.buyer_owns, problem.sigma - 1, problem.f,
            Y, R0, dR, const, b_o, f_o, f_p, outcome.w, smoothing.absolute, smoothing.relative,
            links, o, p, write, gain, far,
        )  # fmt: skip
        in_parts(problem.n, problem.m, lambda first, last: response.smooth_responses(first, last, *given))

    def best() -> Network:
        links, o, p = network.links.copy(), *(part.copy() for part in terms.traded(network.imports, network.exports))
        compare(links, o, p, True)
        return terms.chosen(links, o, p)

    compare(network.links, *terms.traded(network.imports, network.exports), False)
    never = np.zeros(problem.n, dtype=np.bool_)
    return Choice(network, problem, best, far > SMOOTH, gain, np.zeros((problem.n, 2)), np.abs(far - SMOOTH), never)


def earned_from_firms(outcome: SourcingOutcome, D: Vector) -> Vector:
    """Return, by firm, what a unit of its T earns from the firms that it sells to."""
    formed = outcome.formed
    if outcome.problem.initiator == "supplier" or np.all(formed.mu == 1):
        return np.zeros(outcome.problem.n)
    return sums(formed.supplier, (1 - 1 / formed.mu) * formed.weight * D[formed.buyer], outcome.problem.n)


def _differing(problem: SourcingProblem, one: Network, other: Network) -> NDArray[np.bool_]:
    """Return which firms choose otherwise in one network than in another."""
    changed = np.flatnonzero(one.links != other.links)
    owner = problem.supplier[changed] if problem.initiator == "supplier" else _buyers(problem, changed)
    differ = np.zeros(problem.n, dtype=np.bool_)
    differ[owner] = True
    for mine, best in ((one.imports, other.imports), (one.exports, other.exports)):
        differ |= mine != best
    return differ


def _buyers(problem: SourcingProblem, link: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(problem.ptr, link, side="right") - 1
