r"""The data of a firm that sees how its suppliers fail together (paper 003, section 5), alone or heading a chain.

    Π(S) = π (1 − P(S ⊆ D)) − (c/2) |S|² − Σ_{i∈S} fee_i      S a set of suppliers, D the set of those that fail    (2)

Under perfect information (Assumption 6) the firm chooses *which* suppliers it keeps, not only how many. All firms of a
layer are alike, so they choose alike and fail together (Proposition 9): behind layer 1 every layer has the risk of
layer 1, and nobody there gains by a second supplier.

    Π_k = π_k (1 − P(S ⊆ D)) − (c_k/2) s_k²,   s_1 = |S|, and W = (1/K) Σ_k Π_k       (14), (26); K = 1 is one firm

If only the marginals are known (``known="marginals"``), P(S ⊆ D) counts as the worst that a joint distribution with
these marginals allows, min_{i∈S} P(i ∈ D), which common causes attain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.contracts import Sense
from endonet.formulations.diversification.rationals import rational, written
from endonet.formulations.errors import InputError
from endonet.formulations.suppliers.law import JointLaw, Region

if TYPE_CHECKING:
    from endonet.formulations.suppliers.evaluation import SupplierOutcome

TIES = ("lower", "higher", "randomise")
KNOWN = ("law", "marginals")
LARGEST_N = 1000
LARGEST_K = 1000
NONE = "the empty list chooses nobody"


@dataclass(frozen=True)
class SupplierSet:
    """A decision: the suppliers that every firm of the first layer keeps, and how many each later layer keeps.

    Attributes
    ----------
    suppliers : tuple of int
        0-based, in rising order.
    downstream : tuple of int
        s_2 … s_K; empty for a single firm. Firms of a layer below are alike, so that which of them does not matter.
    tied_sets : tuple of tuples of int
        All sets that are exactly as good (with their best ``downstream``), ``suppliers`` among them, where there is
        more than one.
    """

    suppliers: tuple[int, ...]
    downstream: tuple[int, ...] = ()
    tied_sets: tuple[tuple[int, ...], ...] = ()

    def tolist(self) -> list[int]:
        """Return the set as a list."""
        return list(self.suppliers)

    def __iter__(self) -> Iterator[int]:
        return iter(self.suppliers)

    def __len__(self) -> int:
        return len(self.suppliers)


@dataclass(frozen=True, eq=False)
class SupplierProblem:
    """Data of one firm and its potential suppliers, validated and immutable; every number is kept as an exact fraction.

    Parameters
    ----------
    risk : n numbers, or m rows of n numbers
        Probability that each supplier fails by itself, in every scenario; 0 and 1 say who fails in a scenario.
        Numbers are int, Fraction, Decimal, float (read as the decimal it prints as) or a string such as ``"2/5"``.
    probability : m numbers, optional
        Of the scenarios; they add up to 1. Left out: one scenario.
    regions : sequence of Region, or of mappings with ``suppliers``, ``mu0`` and ``rho0``, optional
        Suppliers that a common Beta draw can disrupt on top of their own risk; no supplier is in two.
    pi, c : number or K numbers
        Profit of a firm that is not disrupted (≥ 0), and marginal cost of a supplier (> 0).
    fees : n numbers, optional
        What each supplier of the first layer costs besides, ≥ 0.
    K : int
        Number of layers, from 1 to 1000.
    known : {"law", "marginals"}
        Whether the joint distribution is known, or only each supplier's own risk.
    ties : {"lower", "higher", "randomise"}
        Which of several equally good sets is chosen: the smallest and first in lexicographic order, the largest and
        last, or one drawn with the solver's seed.
    name, description, source, licence : str, optional
        Where the problem comes from; they do not enter the mathematics.

    Raises
    ------
    InputError
        For any datum outside its domain; the message names field, index and remedy.

    Examples
    --------
    >>> firm = SupplierProblem(risk=["1/5", "1/2", "4/5"], c="1/25")
    >>> firm.evaluate([0, 1]).welfare
    Fraction(41, 50)
    """

    risk: tuple[tuple[Fraction, ...], ...]
    probability: tuple[Fraction, ...] = (Fraction(1),)
    regions: tuple[Region, ...] = ()
    pi: tuple[Fraction, ...] = 1  # type: ignore[assignment]
    c: tuple[Fraction, ...] = Fraction(1, 25)  # type: ignore[assignment]
    fees: tuple[Fraction, ...] | None = None
    K: int = 1
    known: str = "law"
    ties: str = "lower"
    name: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    law: JointLaw = field(init=False, repr=False)

    family = "suppliers"
    sense = Sense.MAXIMISE

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("K", _whole("K", self.K, 1, LARGEST_K))
        put("risk", _risk(self.risk))
        put("probability", _probability(self.probability, len(self.risk)))
        put("regions", _regions(self.regions, self.n))
        put("pi", _layers("pi", self.pi, self.K))
        put("c", _layers("c", self.c, self.K))
        for k, (profit, cost) in enumerate(zip(self.pi, self.c, strict=True)):
            if profit < 0:
                raise InputError(f"pi[{k}]", f"{float(profit):g} is negative", "profits must be ≥ 0")
            if cost <= 0:
                raise InputError(f"c[{k}]", f"{float(cost):g} is not positive", "suppliers must cost something, c > 0")
        put("fees", _fees(self.fees, self.n))
        for name, choices in (("known", KNOWN), ("ties", TIES)):
            if getattr(self, name) not in choices:
                raise InputError(name, f"{getattr(self, name)!r:.60} is unknown", f"use one of {', '.join(choices)}")
        put("law", JointLaw(self.probability, self.risk, self.regions))

    @property
    def n(self) -> int:
        """Number of potential suppliers."""
        return len(self.risk[0])

    @property
    def kappa(self) -> tuple[Fraction, ...]:
        """κ_k = c_k/2, the cost of the first supplier in each layer."""
        return tuple(cost / 2 for cost in self.c)

    @property
    def charges(self) -> tuple[Fraction, ...]:
        """The fee of each supplier, 0 where there are none."""
        return self.fees if self.fees is not None else (Fraction(0),) * self.n

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The class of each supplier; suppliers of one class can be swapped without changing anything."""
        law = self.law.marginals if self.known == "marginals" else self.law.classes
        names: dict[object, int] = {}
        return tuple(names.setdefault(both, len(names)) for both in zip(law, self.charges, strict=True))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that define the problem, as hexadecimal digits."""
        regions = [(region.suppliers, region.mu0, region.rho0) for region in self.regions]
        numbers = [self.risk, self.probability, tuple(regions), self.pi, self.c, self.charges]
        parts = ["endonet suppliers 1", self.K, self.known, self.ties, *map(_plain, numbers)]
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()

    def all_fail(self, suppliers: Sequence[int]) -> Fraction:
        """Return the probability that all of a set fail, as the firm reckons: the worst if it knows marginals only."""
        if self.known == "law":
            return self.law.all_fail(suppliers)
        return min((self.law.marginals[i] for i in suppliers), default=Fraction(1))

    def evaluate(self, decision: Any) -> SupplierOutcome:
        """Compute everything that follows from a set of suppliers; see `SupplierOutcome`.

        Parameters
        ----------
        decision : SupplierSet, or a sequence of 0-based suppliers
            From a sequence, later layers keep one supplier each, or none behind the empty set.

        Raises
        ------
        InputError
            If it names a supplier twice or one that does not exist, or a layer buys after a collapse.
        """
        from endonet.formulations.suppliers.evaluation import SupplierOutcome

        return SupplierOutcome(self, self.choice(decision))

    def choice(self, decision: Any) -> SupplierSet:
        """Return a decision as a `SupplierSet` after checking it."""
        given = decision if isinstance(decision, SupplierSet) else SupplierSet(decision)
        chosen = self._set("set", given.suppliers)
        tied = tuple(self._set(f"tied_sets[{t}]", tie) for t, tie in enumerate(given.tied_sets))
        if isinstance(decision, SupplierSet) and (given.downstream or self.K == 1):
            downstream = self._downstream(given.downstream, bool(chosen))
        else:
            downstream = (1 if chosen else 0,) * (self.K - 1)
        return SupplierSet(chosen, downstream, tied)

    def encode_decision(self, decision: Any) -> dict[str, Any]:
        """Return ``{"set": [0, 2]}``, with ``downstream`` in a chain and ``tied_sets`` where sets are as good."""
        found = self.choice(decision)
        encoded: dict[str, Any] = {"set": list(found.suppliers)}
        if self.K > 1:
            encoded["downstream"] = list(found.downstream)
        return encoded | {"tied_sets": [list(tie) for tie in found.tied_sets]} if found.tied_sets else encoded

    def decode_decision(self, encoded: Any) -> SupplierSet:
        """Return the decision from ``{"set": [0, 2]}``."""
        if not isinstance(encoded, dict) or not isinstance(encoded.get("set"), list):
            raise InputError("decision.set", "it is missing or no list", "give 0-based suppliers; " + NONE)
        for key in encoded:
            if key not in ("set", "downstream", "tied_sets"):
                raise InputError(f"decision.{key}", "there is no such field", "known: set, downstream, tied_sets")
        for key in ("downstream", "tied_sets"):
            if not isinstance(encoded.get(key, []), list):
                raise InputError(f"decision.{key}", "it is no list", "leave it out, or give a list")
        if not all(isinstance(tie, list) for tie in encoded.get("tied_sets", [])):
            raise InputError("decision.tied_sets", "it is no list of lists", "give sets like decision.set")
        if self.K > 1 and "downstream" not in encoded:
            return self.choice(encoded["set"])
        tied = tuple(tuple(tie) for tie in encoded.get("tied_sets", []))
        return self.choice(SupplierSet(tuple(encoded["set"]), tuple(encoded.get("downstream", [])), tied))

    def _set(self, name: str, value: Any) -> tuple[int, ...]:
        remedy = f"give 0-based suppliers, 0 to {self.n - 1}; " + NONE
        if isinstance(value, (str, bytes, Mapping)):
            raise InputError(name, f"a {type(value).__name__} is no set of suppliers", remedy)
        try:
            entries = list(value)
        except TypeError:
            raise InputError(name, f"a {type(value).__name__} is no set of suppliers", remedy) from None
        found = []
        for place, entry in enumerate(entries):
            if isinstance(entry, np.integer):
                entry = int(entry)
            if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry < self.n:
                raise InputError(f"{name}[{place}]", f"there is no supplier {entry!r:.60}", remedy)
            if entry in found:
                raise InputError(f"{name}[{place}]", f"supplier {entry} stands twice", "name it once")
            found.append(entry)
        return tuple(sorted(found))

    def _downstream(self, value: Any, open_: bool) -> tuple[int, ...]:
        entries = tuple(value)
        if len(entries) != self.K - 1:
            raise InputError(
                "downstream", f"it has {len(entries)} entries for {self.K - 1} later layers", "give one for each"
            )
        for k, entry in enumerate(entries):
            number = _whole(f"downstream[{k}]", entry, 0, 10**18)
            if number and not open_:
                raise InputError(f"downstream[{k}]", "it buys from a layer that has collapsed", "give zeros after a 0")
            open_ = number > 0
        return tuple(map(int, entries))

    def __repr__(self) -> str:
        title = f" {self.name!r}" if self.name else ""
        scenarios = f", {len(self.probability)} scenarios" if len(self.probability) > 1 else ""
        regions = f", {len(self.regions)} region{'s' * (len(self.regions) > 1)}" if self.regions else ""
        layers = f", {self.K} layers" if self.K > 1 else ""
        known = ", marginals known" if self.known == "marginals" else ""
        return f"<SupplierProblem{title}: {self.n} suppliers{scenarios}{regions}{layers}{known}>"


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(name, f"{value!r:.60} is no whole number from {least} to {most}", "give one such")
    return value


def _share(name: str, value: Any) -> Fraction:
    number = rational(name, value)
    if not 0 <= number <= 1:
        raise InputError(name, f"{float(number):g} is outside [0, 1]", "give a probability")
    return number


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _risk(value: Any) -> tuple[tuple[Fraction, ...], ...]:
    if not _is_list(value) or len(value) == 0:
        raise InputError("risk", "it is no list of probabilities", "give one number for each supplier")
    rows = value if _is_list(value[0]) else [value]
    n = len(rows[0])
    if not 1 <= n <= LARGEST_N:
        raise InputError("risk", f"it has {n} suppliers", f"give 1 to {LARGEST_N}")
    found = []
    for w, row in enumerate(rows):
        where = f"risk[{w}]" if rows is value else "risk"
        if not _is_list(row) or len(row) != n:
            raise InputError(where, f"it is no list of {n} probabilities", "give one number for each supplier")
        found.append(tuple(_share(f"{where}[{i}]", entry) for i, entry in enumerate(row)))
    return tuple(found)


def _probability(value: Any, m: int) -> tuple[Fraction, ...]:
    if not _is_list(value) or len(value) != m:
        raise InputError("probability", f"it is no list of {m} numbers", "give one for each scenario")
    found = tuple(_share(f"probability[{w}]", entry) for w, entry in enumerate(value))
    if sum(found) != 1:
        total = sum(found)
        raise InputError(
            "probability",
            f"it adds up to {total if total.denominator < 10**6 else f'{float(total):.15g}'}",
            'scenarios must add up to exactly 1; write thirds as "1/3"',
        )
    return found


def _regions(value: Any, n: int) -> tuple[Region, ...]:
    if not isinstance(value, (list, tuple)):
        raise InputError("regions", "it is no list", "give objects with suppliers, mu0 and rho0")
    found: list[Region] = []
    taken: dict[int, str] = {}
    for g, given in enumerate(value):
        where = f"regions[{g}]"
        if isinstance(given, Mapping):
            for key in given:
                if key not in ("suppliers", "mu0", "rho0"):
                    raise InputError(f"{where}.{key}", "there is no such field", "known: suppliers, mu0, rho0")
            for key in ("suppliers", "mu0", "rho0"):
                if key not in given:
                    raise InputError(f"{where}.{key}", "it is missing", "add this field")
            given = Region(given["suppliers"], given["mu0"], given["rho0"])
        if not isinstance(given, Region):
            raise InputError(where, f"a {type(given).__name__} is no region", "give suppliers, mu0 and rho0")
        if not _is_list(given.suppliers) or len(given.suppliers) == 0:
            raise InputError(f"{where}.suppliers", "it is no list of suppliers", "give 0-based suppliers")
        members = tuple(_whole(f"{where}.suppliers[{j}]", i, 0, n - 1) for j, i in enumerate(given.suppliers))
        for j, i in enumerate(members):
            if i in taken:
                raise InputError(f"{where}.suppliers[{j}]", f"supplier {i} is in {taken[i]} already", "name it once")
            taken[i] = where
        found.append(Region(members, _share(f"{where}.mu0", given.mu0), _share(f"{where}.rho0", given.rho0)))
    return tuple(found)


def _layers(name: str, value: Any, K: int) -> tuple[Fraction, ...]:
    if _is_list(value):
        if len(value) != K:
            raise InputError(name, f"it has {len(value)} entries for {K} layers", f"give one number or {K}")
        return tuple(rational(f"{name}[{k}]", entry) for k, entry in enumerate(value))
    return (rational(name, value),) * K


def _fees(value: Any, n: int) -> tuple[Fraction, ...] | None:
    if value is None:
        return None
    if not _is_list(value) or len(value) != n:
        raise InputError("fees", f"it is no list of {n} numbers", "give one for each supplier")
    found = tuple(rational(f"fees[{i}]", entry) for i, entry in enumerate(value))
    for i, fee in enumerate(found):
        if fee < 0:
            raise InputError(f"fees[{i}]", f"{float(fee):g} is negative", "fees must be ≥ 0")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(written(value))
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
