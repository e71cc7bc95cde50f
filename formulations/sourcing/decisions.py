"""What can be decided about an economy: one network, or the list of its equilibria.

As JSON a network is ``{"links": [[supplier, buyer], …], "imports": [firms], "exports": [firms]}``; one of a smoothed
economy lists what is chosen at all, and has ``"probabilities": {"links": […], "imports": […], "exports": […]}`` with a
number for each entry of these lists. A list of equilibria is ``{"equilibria": [{"A": …, "E": …, "P": …, "links": …},
…]}``; in an open economy each has ``w``, ``real_income``, ``imports`` and ``exports`` as well, and ``autarky`` may list
networks without trade that are equilibria at every wage from one to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing import links

if TYPE_CHECKING:
    from endonet.formulations.sourcing.problem import SourcingProblem

NUMBERS = ("A", "E", "P")
OPEN_NUMBERS = ("A", "E", "P", "w", "real_income")
PARTS = ("links", "imports", "exports")
ROUNDING = 1e-9  # of a ratio of numbers that are given


@dataclass(frozen=True, eq=False)
class Network:
    """Which links are formed and who trades; probabilities where the choice is smoothed.

    Attributes
    ----------
    links : bool or float array, shape (m,)
        In the order of the problem's links.
    imports, exports : bool or float arrays, shape (n,)
        Who trades; nobody in a closed economy.
    """

    links: NDArray[Any]
    imports: NDArray[Any]
    exports: NDArray[Any]

    @property
    def binary(self) -> bool:
        """Whether every link is either formed or not."""
        return all(part.dtype == np.bool_ for part in self.parts)

    @property
    def parts(self) -> tuple[NDArray[Any], ...]:
        """Links, imports and exports."""
        return self.links, self.imports, self.exports

    def tolist(self) -> list[Any]:
        """Return links, imports and exports as lists."""
        return [part.tolist() for part in self.parts]

    def key(self) -> bytes:
        """Return what two networks of the same problem share if and only if they are the same."""
        return b"|".join(part.tobytes() for part in self.parts)


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """One equilibrium: its network and what it comes to.

    Attributes
    ----------
    network : Network
    A, E, P : float
        Household demand A = E/P^(1−σ), aggregate expenditure, price index.
    w : float
        The wage; 1 in a closed economy.
    """

    network: Network
    A: float
    E: float
    P: float
    w: float = 1.0

    @property
    def real_income(self) -> float:
        """E/P."""
        return self.E / self.P


@dataclass(frozen=True, eq=False)
class Autarky:
    """A network without trade that is an equilibrium of an open economy at every wage of an interval.

    Without trade nothing determines the wage, which only has to leave nobody a reason to trade.

    Attributes
    ----------
    network : Network
        Its imports and exports are those that cost nothing and come to nothing (a tie is included).
    lowest, highest : float
        The interval of wages; it may reach 0 or infinity.
    real_income : float
        E/P, the same at every wage.
    """

    network: Network
    lowest: float
    highest: float
    real_income: float


@dataclass(frozen=True, eq=False)
class Equilibria:
    """Equilibria of one economy, by rising A.

    Attributes
    ----------
    found : tuple of Equilibrium
    autarky : tuple of Autarky
    note : str
        Why there is none, where there is none.
    """

    found: tuple[Equilibrium, ...]
    autarky: tuple[Autarky, ...] = ()
    note: str = ""

    def tolist(self) -> list[Any]:
        """Return each equilibrium's numbers and network as lists."""
        return [[e.A, e.E, e.P, e.w, e.network.tolist()] for e in self.found]

    def networks(self) -> list[Network]:
        """Return the networks, those without trade last."""
        return [e.network for e in self.found] + [e.network for e in self.autarky]

    def __iter__(self) -> Iterator[Equilibrium]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place: int) -> Equilibrium:
        return self.found[place]


Decision = Network | Equilibria


def network(problem: SourcingProblem, given: Any) -> Network:
    """Return a network, however it is given.

    Parameters
    ----------
    given : Network, mapping, list of [supplier, buyer] pairs, or array of shape (m,)
        A boolean array says which potential links are formed; numbers in [0, 1] are probabilities if the economy is
        smoothed, and 0 or 1 otherwise. A mapping has ``links`` and, in an open economy, ``imports`` and ``exports``:
        lists of firms, or arrays of shape (n,) of booleans or numbers. If pairs and firms are given, ``probabilities``
        may hold three lists of numbers by the same names, one for each entry; what is not listed has none.

    Raises
    ------
    InputError
        If a pair is no potential link, a firm does not exist, or a shape or number is wrong.
    """
    if isinstance(given, Equilibrium):
        given = given.network
    if isinstance(given, Network):
        given = dict(zip(PARTS, given.parts, strict=True))
    if not isinstance(given, Mapping):
        given = {"links": given}
    given = dict(given)
    probabilities = given.pop("probabilities", None)
    for name in given:
        if name not in PARTS:
            raise InputError(f"decision.{name}", "there is no such part of a decision", f"known: {', '.join(PARTS)}")
    if "links" not in given:
        raise InputError("decision.links", "it is missing", "give the links that are formed")
    if probabilities is not None:
        formed, imports, exports = _weighted(problem, given, probabilities)
    else:
        formed = _formed(problem, given["links"])
        imports, exports = (_trading(problem, name, given.get(name, ())) for name in ("imports", "exports"))
    for name, chosen in (("imports", imports), ("exports", exports)):
        if problem.open is None and chosen.any():
            raise InputError(f"decision.{name}", "the economy is closed", "leave it out")
    if problem.smoothed:
        formed, imports, exports = (part.astype(np.float64) for part in (formed, imports, exports))
    return Network(formed, imports, exports)


def encode_network(problem: SourcingProblem, given: Network) -> dict[str, Any]:
    """Return a network as JSON-ready data; where it is smoothed, what is chosen at all and with which probability."""
    named = PARTS if problem.open is not None else PARTS[:1]
    chosen = {name: np.flatnonzero(getattr(given, name)) for name in named}
    formed = chosen["links"]
    buyer = np.searchsorted(problem.ptr, formed, side="right") - 1
    encoded: dict[str, Any] = {"links": np.column_stack([problem.supplier[formed], buyer]).tolist()}
    encoded |= {name: chosen[name].tolist() for name in named[1:]}
    if not given.binary:
        encoded["probabilities"] = {name: getattr(given, name)[chosen[name]].tolist() for name in named}
    return encoded


def encode(problem: SourcingProblem, decision: Any) -> dict[str, Any]:
    """Return a decision as JSON-ready data."""
    if not isinstance(decision, Equilibria):
        return encode_network(problem, network(problem, decision))
    encoded: dict[str, Any] = {"equilibria": [_encode_equilibrium(problem, found) for found in decision]}
    if decision.autarky:
        encoded["autarky"] = [
            {"w": [found.lowest, found.highest if np.isfinite(found.highest) else None]}
            | {"real_income": found.real_income}
            | {name: part for name, part in encode_network(problem, found.network).items() if part or name == "links"}
            for found in decision.autarky
        ]
    return encoded | ({"note": decision.note} if decision.note else {})


def decode(problem: SourcingProblem, encoded: Any) -> Decision:
    """Return the decision that JSON data hold."""
    if not isinstance(encoded, dict):
        raise InputError("decision", "it is no object", 'give {"links": [[supplier, buyer], …]} or {"equilibria": […]}')
    if "equilibria" not in encoded:
        return network(problem, encoded)
    for name in encoded:
        if name not in ("equilibria", "autarky", "note"):
            raise InputError(
                f"decision.{name}", "there is no such part of a decision", "known: equilibria, autarky, note"
            )
    note = encoded.get("note", "")
    if not isinstance(note, str):
        raise InputError("decision.note", "it is not text", "give a string")
    found = tuple(
        _decode_equilibrium(problem, entry, f"decision.equilibria[{place}]")
        for place, entry in enumerate(_list("decision.equilibria", encoded["equilibria"]))
    )
    autarky = tuple(
        _decode_autarky(problem, entry, f"decision.autarky[{place}]")
        for place, entry in enumerate(_list("decision.autarky", encoded.get("autarky", [])))
    )
    return Equilibria(found, autarky, note)


def _encode_equilibrium(problem: SourcingProblem, found: Equilibrium) -> dict[str, Any]:
    names = NUMBERS if problem.open is None else OPEN_NUMBERS
    return {name: float(getattr(found, name)) for name in names} | encode_network(problem, found.network)


def _decode_equilibrium(problem: SourcingProblem, entry: Any, where: str) -> Equilibrium:
    if not isinstance(entry, dict):
        raise InputError(where, "it is no object", "give A, E, P and links")
    entry = dict(entry)
    names = NUMBERS if problem.open is None else OPEN_NUMBERS
    numbers = {name: _positive(f"{where}.{name}", entry.pop(name, None)) for name in names}
    income = numbers.pop("real_income", None)
    found = Equilibrium(_named(where, lambda: network(problem, entry)), **numbers)
    if income is not None and not abs(income - found.real_income) <= ROUNDING * income:
        raise InputError(
            f"{where}.real_income",
            f"{income:.12g} is not E/P = {found.real_income:.12g}",
            "give the file as it was written",
        )
    return found


def _decode_autarky(problem: SourcingProblem, entry: Any, where: str) -> Autarky:
    needed = {"w", "real_income", "links"}
    if not isinstance(entry, dict) or not needed <= set(entry) <= needed | set(PARTS):
        raise InputError(where, "it is no object of w, real_income and links", "give these three")
    wages = _list(f"{where}.w", entry["w"])
    if problem.open is None or len(wages) != 2:
        raise InputError(
            f"{where}.w", "it is no interval of wages of an open economy", "give the lowest and the highest"
        )
    lowest = _number(f"{where}.w[0]", wages[0])
    highest = float("inf") if wages[1] is None else _number(f"{where}.w[1]", wages[1])
    formed = _named(where, lambda: network(problem, {name: entry[name] for name in PARTS if name in entry}))
    return Autarky(formed, lowest, highest, _positive(f"{where}.real_income", entry["real_income"]))


def _named(where: str, make: Any) -> Any:
    """Return what ``make`` returns; an error of its names the place in the list."""
    try:
        return make()
    except InputError as error:
        raise InputError(error.field.replace("decision", where, 1), error.problem, error.remedy) from None


def _list(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(where, "it is no list", "give a list")
    return value


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise InputError(where, "it is missing or no finite number", "give a number")
    return float(value)


def _positive(where: str, value: Any) -> float:
    number = _number(where, value)
    if not number > 0:
        raise InputError(where, f"{number:g} is not positive", "give a number > 0")
    return number


def _formed(problem: SourcingProblem, given: ArrayLike) -> NDArray[Any]:
    """Return an array over the potential links from such an array, or from [supplier, buyer] pairs."""
    array = _array("decision.links", given)
    if array.ndim == 2 or array.size == 0 != problem.m:
        return _from_pairs(problem, array)
    return _choice(problem, "decision.links", array, problem.m, "potential link")


def _from_pairs(problem: SourcingProblem, pairs: NDArray[Any]) -> NDArray[np.bool_]:
    formed = np.zeros(problem.m, dtype=np.bool_)
    formed[_places(problem, pairs)] = True
    return formed


def _places(problem: SourcingProblem, pairs: NDArray[Any]) -> NDArray[np.int64]:
    """Return the places of [supplier, buyer] pairs among the potential links."""
    if pairs.size == 0:
        return np.empty(0, dtype=np.int64)
    if pairs.shape[1:] != (2,) or pairs.dtype.kind not in "iu":
        raise InputError("decision.links", "it is no list of pairs of firms", "give [supplier, buyer] pairs, 0-based")
    outside = np.flatnonzero((pairs < 0).any(axis=1) | (pairs >= problem.n).any(axis=1))
    if outside.size:
        e = outside[0]
        firm = next(int(j) for j in pairs[e] if not 0 <= j < problem.n)
        raise InputError(f"decision.links[{e}]", f"there is no firm {firm}", f"firms are 0-based, 0 to {problem.n - 1}")
    found = links.places(problem.ptr, problem.supplier, pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64))
    unknown = np.flatnonzero(found < 0)
    if unknown.size:
        k, j = pairs[unknown[0]]
        raise InputError(
            f"decision.links[{unknown[0]}]", f"supplier {k} may not sell to buyer {j}", "use potential links only"
        )
    ordered = np.sort(found)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if twice.size:
        j = int(np.searchsorted(problem.ptr, twice[0], side="right")) - 1
        pair = f"[{problem.supplier[twice[0]]}, {j}]"
        raise InputError("decision.links", f"the pair {pair} stands twice", "give each link once")
    places: NDArray[np.int64] = found
    return places


def _weighted(problem: SourcingProblem, given: Mapping[str, Any], probabilities: Any) -> tuple[NDArray[Any], ...]:
    """Return probabilities of all links, imports and exports from those of what is chosen at all."""
    remedy = "give links, imports and exports, each with a number for every entry of the list of that name"
    if not isinstance(probabilities, Mapping) or not set(probabilities) <= set(PARTS):
        raise InputError("decision.probabilities", "it is no object of such lists", remedy)
    if not problem.smoothed:
        raise InputError("decision.probabilities", "the economy is not smoothed", "leave it out")
    weighted = []
    for name, length in zip(PARTS, (problem.m, problem.n, problem.n), strict=True):
        chosen, where = _array(f"decision.{name}", given.get(name, ())), f"decision.probabilities.{name}"
        numbers = _array(where, probabilities.get(name, ()))
        if len(chosen) != numbers.size or chosen.ndim != (2 if name == "links" and chosen.size else 1):
            raise InputError(where, f"it has {numbers.size} numbers for {len(chosen)} entries of {name}", remedy)
        if name == "links":
            place = _places(problem, chosen)
        elif chosen.size and chosen.dtype.kind not in "iu":
            raise InputError(f"decision.{name}", "it is no list of firms", "give 0-based firms")
        else:
            _trading(problem, name, chosen.tolist())
            place = chosen.astype(np.int64)
        part = np.zeros(length)
        part[place] = _choice(problem, where, numbers.astype(np.float64), numbers.size, "entry")
        weighted.append(part)
    return tuple(weighted)


def _trading(problem: SourcingProblem, name: str, given: Any) -> NDArray[Any]:
    """Return an array over the firms from such an array, or from a list of firms."""
    where = f"decision.{name}"
    array = _array(where, () if given is None else given)
    firms = array.ndim == 1 and (array.size == 0 or array.dtype.kind in "iu") and not isinstance(given, np.ndarray)
    if not firms:
        return _choice(problem, where, array, problem.n, "firm")
    chosen = np.zeros(problem.n, dtype=np.bool_)
    for place, j in enumerate(array.tolist()):
        if not 0 <= j < problem.n:
            raise InputError(f"{where}[{place}]", f"there is no firm {j}", f"firms are 0-based, 0 to {problem.n - 1}")
        if chosen[int(j)]:
            raise InputError(f"{where}[{place}]", f"firm {j} stands twice", "give each firm once")
        chosen[int(j)] = True
    return chosen


def _choice(problem: SourcingProblem, where: str, array: NDArray[Any], length: int, what: str) -> NDArray[Any]:
    if array.shape != (length,):
        raise InputError(where, f"its shape is {array.shape}", f"give {length} entries, one for each {what}")
    if array.dtype == np.bool_:
        return array
    inside = (array >= 0) & (array <= 1) if problem.smoothed else (array == 0) | (array == 1)
    wrong = np.flatnonzero(~inside)
    if wrong.size:
        domain = "is no probability" if problem.smoothed else "is neither 0 nor 1, and the economy is not smoothed"
        raise InputError(f"{where}[{wrong[0]}]", f"{array[wrong[0]]:g} {domain}", "mend it")
    return array if problem.smoothed else array.astype(np.bool_)


def _array(where: str, given: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise InputError(where, "it holds something that is not a number", "give pairs of firms, or an array")
    return array


def sequence_key(found: Equilibrium) -> tuple[float, float, bytes]:
    """Order equilibria by A, then w, then network."""
    return found.A, found.w, found.network.key()


def listed(found: Sequence[Equilibrium], autarky: Sequence[Autarky] = ()) -> Equilibria:
    """Return a list of equilibria in the order in which they are always given."""
    return Equilibria(tuple(sorted(found, key=sequence_key)), tuple(sorted(autarky, key=lambda a: a.network.key())))
