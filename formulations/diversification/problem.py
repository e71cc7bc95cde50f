r"""The chain's data (paper 003): K layers above a risky basal one, whose firms keep integer numbers of suppliers.

    X ~ Beta(μ0, ρ0)                  one common draw of the basal layer's risk (Assumption 3; (35), not Definition 2)
    S_k = s_1 s_2 … s_k               upstream diversification of layer k (Definition 4)
    E[p_k] = M(S_k) = E[X^S_k]        expected disruption in layer k (Propositions 2, 12)
    Π_k = π_k (1 − M(S_k)) − (c_k/2) s_k²                                                                         (14)
    W = (1/K) Σ_{k=1..K} Π_k          average welfare (26); its sum begins at k = 1, for layer 0 buys nothing

s_k = 0 is a collapse: S_k = 0, everybody downstream is disrupted with certainty, and nobody there buys anything.

Rows that a user may add, and who still proves an optimum with them:

    layer caps        s_k ≤ cap_k        all methods; fewer arcs, and the bound on s_k holds
    risk target       M(S_K) ≤ τ         all methods; it says S_K ≥ n, and then s_k ≤ max(bound, ⌈n/S_{k−1}⌉)
    tail              P(R_K > t) ≤ p     the same: it too is S_K ≥ n
    budget            Σ c_k s_k² ≤ B     enumeration, branch-and-bound, highs and scip; a path's value no longer depends
                                         on (k, S) alone, so that certified and longest-path refuse it, and the linear
                                         program over paths loses its integral optimum
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.contracts import Sense
from endonet.formulations.diversification.betapower import BetaPower
from endonet.formulations.diversification.exact import Moments
from endonet.formulations.diversification.rationals import rational, written
from endonet.formulations.errors import InputError

if TYPE_CHECKING:
    from endonet.formulations.diversification.counts import FiniteOutcome
    from endonet.formulations.diversification.evaluation import ChainOutcome

TIES = ("lower", "higher", "randomise")
LARGEST_K = 1000
MOST_FIRMS = 10**12
FARTHEST = 2**200  # no target asks for more diversification than this


@dataclass(frozen=True)
class SourcingPath:
    """A decision: how many suppliers each layer keeps, and the paths that are exactly as good.

    Attributes
    ----------
    path : tuple of int
        s_1 … s_K; zeros from a collapse on.
    tied_paths : tuple of tuples of int
        All optimal (equilibrium) paths, ``path`` among them, where there is more than one; empty otherwise.
    mixed : tuple of Fraction
        The share of each layer's firms that keep one supplier more than ``path`` says, where firms that are indifferent
        between the two numbers break the tie at random; empty if there are none. ``tied_paths`` then holds every
        sequence of numbers that occurs along the chain.
    """

    path: tuple[int, ...]
    tied_paths: tuple[tuple[int, ...], ...] = ()
    mixed: tuple[Fraction, ...] = ()

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """``mixed``, written out for every layer."""
        return self.mixed or (Fraction(0),) * len(self.path)

    @property
    def most(self) -> tuple[int, ...]:
        """The most suppliers that any firm of each layer keeps."""
        return tuple(s + (share > 0) for s, share in zip(self.path, self.shares, strict=True))

    @property
    def squares(self) -> tuple[Fraction, ...]:
        """The average of s² in each layer, what suppliers' costs depend on."""
        return tuple(s * s + share * (2 * s + 1) for s, share in zip(self.path, self.shares, strict=True))

    def tolist(self) -> list[int]:
        """Return the path as a list."""
        return list(self.path)

    def __iter__(self) -> Iterator[int]:
        return iter(self.path)

    def __len__(self) -> int:
        return len(self.path)

    def __getitem__(self, k: int) -> int:
        return self.path[k]


@dataclass(frozen=True, eq=False)
class ChainProblem:
    """Data of one chain, validated and immutable; every number is kept as an exact fraction.

    Parameters
    ----------
    K : int
        Number of layers that choose, from 1 to 1000.
    mu0, rho0 : number
        Mean and overdispersion of the basal risk, in [0, 1]; ρ0 = 0 means independent, ρ0 = 1 common disruptions.
        Numbers are int, Fraction, Decimal, float (read as the decimal it prints as) or a string such as ``"2/5"``.
    pi, c : number or K numbers
        Profit of a firm that is not disrupted (≥ 0), and marginal cost of a supplier (> 0).
    ties : {"lower", "higher", "randomise"}
        Which of several equally good numbers of suppliers is chosen. With ``randomise`` half of a layer's firms choose
        each (see `mixture`); a planner draws one of several equally good paths, with the solver's seed.
    m : int, optional
        Firms in each layer; infinitely many, the paper's limit, without it. See `counts`.
    caps : sequence of int, optional
        Most suppliers in each layer.
    budget : number, optional
        Upper limit of Σ c_k s_k².
    risk_target : number, optional
        Upper limit of the expected disruption in the last layer, M(S_K).
    tail : (number, number), optional
        (t, p): the last layer's disrupted fraction exceeds t with probability at most p.
    name, description, source, licence : str, optional
        Where the chain comes from; they do not enter the mathematics.

    Raises
    ------
    InputError
        For any datum outside its domain; the message names field, index and remedy.

    Examples
    --------
    >>> chain = ChainProblem(K=2, mu0="1/2", rho0="1/5", pi=1, c="1/25")
    >>> chain.evaluate([2, 1]).welfare
    Fraction(13, 20)
    """

    K: int
    mu0: Fraction
    rho0: Fraction
    pi: tuple[Fraction, ...] = 1  # type: ignore[assignment]
    c: tuple[Fraction, ...] = Fraction(1, 25)  # type: ignore[assignment]
    ties: str = "lower"
    m: int | None = None
    caps: tuple[int, ...] | None = None
    budget: Fraction | None = None
    risk_target: Fraction | None = None
    tail: tuple[Fraction, Fraction] | None = None
    name: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    moments: Moments = field(init=False, repr=False)

    family = "diversification"
    sense = Sense.MAXIMISE

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("K", _whole("K", self.K, 1))
        if self.K > LARGEST_K:
            raise InputError("K", f"{self.K} layers are more than {LARGEST_K}", "give a shorter chain")
        for name in ("mu0", "rho0"):
            put(name, _share(name, getattr(self, name)))
        put("pi", _layers("pi", self.pi, self.K))
        put("c", _layers("c", self.c, self.K))
        for k, (profit, cost) in enumerate(zip(self.pi, self.c, strict=True)):
            if profit < 0:
                raise InputError(f"pi[{k}]", f"{float(profit):g} is negative", "profits must be ≥ 0")
            if cost <= 0:
                raise InputError(f"c[{k}]", f"{float(cost):g} is not positive", "suppliers must cost something, c > 0")
        if self.ties not in TIES:
            raise InputError("ties", f"{self.ties!r} is no tie policy", f"use one of {', '.join(TIES)}")
        if self.m is not None:
            put("m", _whole("m", self.m, 1))
            if self.m > MOST_FIRMS:
                raise InputError("m", f"{self.m} firms are more than {MOST_FIRMS}", "leave m out, for the limit m → ∞")
        put("caps", None if self.caps is None else _caps(self.caps, self.K))
        if self.budget is not None:
            put("budget", rational("budget", self.budget))
            if self.budget < 0:
                raise InputError("budget", f"{float(self.budget):g} is negative", "give a number ≥ 0")
        if self.risk_target is not None:
            put("risk_target", _share("risk_target", self.risk_target))
        if self.tail is not None:
            put("tail", _tail(self.tail))
        put("moments", Moments(self.mu0, self.rho0))

    @property
    def kappa(self) -> tuple[Fraction, ...]:
        """κ_k = c_k/2, the cost of the first supplier in each layer."""
        return tuple(cost / 2 for cost in self.c)

    @cached_property
    def least_diversification(self) -> int | None:
        """The least S_K that satisfies risk target and tail constraint; 0 without either, None if none does.

        Both are conditions on S_K alone, since M(S) and P(X^S > t) fall in S. M is compared exactly, the tail in
        doubles.
        """
        least = 0
        if self.risk_target is not None and self.risk_target < 1:
            target = self.risk_target
            found = _first(lambda n: self.moments.sign([(Fraction(1), n)], -target) <= 0)
            if found is None:
                return None
            least = found
        if self.tail is not None:
            t, p = map(float, self.tail)
            found = _first(lambda n: BetaPower(self.moments, n).tail(t) <= p)
            if found is None:
                return None
            least = max(least, found)
        return least

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that define the problem, as hexadecimal digits."""
        rows = (self.caps, self.budget, self.risk_target, self.tail)
        numbers = [self.K, self.mu0, self.rho0, *self.pi, *self.c, self.ties, *rows]
        if self.m is not None:
            numbers.append(self.m)
        text = json.dumps(["endonet diversification 1", *map(_plain, numbers)], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def disruption(self, S: int) -> BetaPower:
        """Return the distribution of the disrupted fraction in a layer with upstream diversification ``S``."""
        return BetaPower(self.moments, _whole("S", S, 0))

    def evaluate(self, decision: Any) -> ChainOutcome | FiniteOutcome:
        """Compute everything that follows from a path; see `ChainOutcome`, and with ``m`` `FiniteOutcome`.

        Parameters
        ----------
        decision : SourcingPath, or a sequence of K integers ≥ 0

        Raises
        ------
        InputError
            If it is not K whole numbers, or a layer buys after a collapse.
        """
        if self.m is not None:
            from endonet.formulations.diversification.counts import evaluate_finite

            return evaluate_finite(self, self.path(decision))
        from endonet.formulations.diversification.evaluation import evaluate

        return evaluate(self, self.path(decision))

    def path(self, decision: Any) -> SourcingPath:
        """Return a decision as a `SourcingPath` after checking that it is K numbers, zero from a collapse on."""
        given = decision if isinstance(decision, SourcingPath) else SourcingPath(decision)
        mixed = tuple(_mixed(given.mixed, self.K)) if given.mixed else ()
        path = _path("path", given.path, self.K, mixed)
        tied = tuple(_path(f"tied_paths[{i}]", tie, self.K) for i, tie in enumerate(given.tied_paths))
        found = SourcingPath(path, tied, mixed)
        for k, s in enumerate(found.most):
            if self.m is not None and s > self.m:
                raise InputError(
                    f"path[{k}]", f"{s} suppliers where a layer has {self.m} firms", f"give at most {self.m}"
                )
        return found

    def encode_decision(self, decision: Any) -> dict[str, Any]:
        """Return ``{"path": [2, 1, 1]}``, with ``tied_paths`` where several paths are exactly as good.

        Where firms of a layer differ there is ``mixed`` too, such as ``["1/2", 0, 0]``.
        """
        found = self.path(decision)
        encoded: dict[str, Any] = {"path": list(found.path)}
        if found.mixed:
            encoded["mixed"] = [written(share) for share in found.mixed]
        if found.tied_paths:
            encoded["tied_paths"] = [list(tie) for tie in found.tied_paths]
        return encoded

    def decode_decision(self, encoded: Any) -> SourcingPath:
        """Return the decision from ``{"path": [2, 1, 1]}``."""
        if not isinstance(encoded, dict) or not isinstance(encoded.get("path"), list):
            raise InputError("decision.path", "it is missing or no list", f"give {self.K} numbers of suppliers")
        for key in encoded:
            if key not in ("path", "tied_paths", "mixed"):
                raise InputError(f"decision.{key}", "there is no such field", "known: path, tied_paths, mixed")
        tied, mixed = encoded.get("tied_paths", []), encoded.get("mixed", [])
        if not isinstance(mixed, list):
            raise InputError("decision.mixed", "it is no list", f"give {self.K} shares")
        if not isinstance(tied, list) or not all(isinstance(tie, list) for tie in tied):
            raise InputError("decision.tied_paths", "it is no list of lists", "give paths like decision.path")
        return self.path(SourcingPath(encoded["path"], tuple(tied), tuple(mixed)))

    def __repr__(self) -> str:
        title = f" {self.name!r}" if self.name else ""
        pi, c = (_range(values) for values in (self.pi, self.c))
        layers = f"{self.K} layers" + (f" of {self.m} firms" if self.m is not None else "")
        return f"<ChainProblem{title}: {layers}, μ0={_show(self.mu0)}, ρ0={_show(self.rho0)}, π={pi}, c={c}>"


def upstream(path: Iterable[int]) -> list[int]:
    """Return S_0 … S_K, with S_0 = 1.

    >>> upstream([3, 2, 1])
    [1, 3, 6, 6]
    """
    found = [1]
    for s in path:
        found.append(found[-1] * s)
    return found


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(name, f"{value!r:.60} is not a whole number", f"give an integer ≥ {least}")
    if value < least:
        raise InputError(name, f"{value} is too small", f"give an integer ≥ {least}")
    return value


def _share(name: str, value: Any) -> Fraction:
    number = rational(name, value)
    if not 0 <= number <= 1:
        raise InputError(name, f"{float(number):g} is outside [0, 1]", "give a number from 0 to 1")
    return number


def _layers(name: str, value: Any, K: int) -> tuple[Fraction, ...]:
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != K:
            raise InputError(name, f"it has {len(value)} entries for {K} layers", f"give one number or {K}")
        return tuple(rational(f"{name}[{k}]", entry) for k, entry in enumerate(value))
    return (rational(name, value),) * K


def _caps(value: Any, K: int) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != K:
        raise InputError("caps", "it is no list of one cap for each layer", f"give {K} integers ≥ 0")
    return tuple(_whole(f"caps[{k}]", entry, 0) for k, entry in enumerate(value))


def _tail(value: Any) -> tuple[Fraction, Fraction]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise InputError("tail", "it is no pair", "give (t, p) for P(R_K > t) ≤ p")
    return _share("tail[0]", value[0]), _share("tail[1]", value[1])


def _mixed(value: Sequence[Any], K: int) -> tuple[Fraction, ...]:
    """Return shares in [0, 1), one for each layer; none if all are zero."""
    shares = _layers("mixed", list(value), K)
    for k, share in enumerate(shares):
        if not 0 <= share < 1:
            raise InputError(f"mixed[{k}]", f"{float(share):g} is no share of firms", "give a number from 0 to below 1")
    return shares if any(shares) else ()


def _path(name: str, value: Sequence[Any], K: int, mixed: Sequence[Fraction] = ()) -> tuple[int, ...]:
    try:
        entries = list(value)
    except TypeError:
        raise InputError(name, f"a {type(value).__name__} is no path", f"give {K} integers ≥ 0") from None
    if len(entries) != K:
        raise InputError(name, f"it has {len(entries)} entries for {K} layers", "give one number for each layer")
    path = []
    for k, entry in enumerate(entries):
        if isinstance(entry, (float, np.floating)) and float(entry).is_integer():
            entry = int(entry)
        path.append(_whole(f"{name}[{k}]", entry, 0))
        if path[-1] > 10**18:
            raise InputError(f"{name}[{k}]", "it is more than 10^18 suppliers", "give a smaller number")
        nobody = k and not path[k - 1] and not (mixed and mixed[k - 1])
        if nobody and (path[k] or (mixed and mixed[k])):
            raise InputError(f"{name}[{k}]", "it buys from a layer that has collapsed", "give zeros after a zero")
    return tuple(path)


def _first(holds: Any) -> int | None:
    """Return the least n ≥ 1 for which a condition holds that stays true once it is, or None."""
    if not holds(FARTHEST):
        return None
    high = 1
    while not holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(written(value))
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _show(number: Fraction) -> str:
    short = str(written(number))
    return short if len(short) <= 12 else f"{float(number):.6g}"


def _range(values: Sequence[Fraction]) -> str:
    low, high = min(values), max(values)
    return _show(low) if low == high else f"{_show(low)}…{_show(high)}"
