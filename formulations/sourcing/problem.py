"""Sourcing (paper 002): who buys from whom, where each link costs its initiator a fixed amount of labour.

    c_j = Θ_j^(1/(1−σ)) / φ_j,     Θ_j = Σ_{k∈Z_j} α_kj^(σ−1) p_kj^(1−σ) + α_Lj^(σ−1) w^(1−σ)  (+ imports)           (4)
    p_kj = μ_kj c_k,   p_jH = μ_jH c_j,   A = E/P^(1−σ),   P^(1−σ) = Σ_k β_kH^(σ−1) p_kH^(1−σ)                       (3)

    buyer     max over Z_j ⊆ 𝐙_j   variable profits − Σ_{k∈Z_j} f_kj w                                        (12), (13)
    supplier  max over B_j ⊆ 𝐁_j   variable profits − Σ_{k∈B_j} f_jk w                                        (14), (15)
    a small open economy adds to either the firm's imports and exports, at f_Fj w and f_jF w                  (A7), (A8)

A link whose net benefit is zero is included. In an open economy foreign demand is β_jF^(σ−1) (τ_jF p_jF)^(1−σ) D_F, as
in (A5); (A4) prints another exponent of τ.

Symbols
    φ_j              productivity of firm j
    α_kj, α_Lj       saliency of supplier k and of labour for firm j;  β_jH  household demand for its good
    f_kj ≥ 0         labour that the link from supplier k to buyer j costs whoever initiates it
    σ > 1            elasticity of substitution, in demand and between inputs
    L                labour;  w  wage, 1 in a closed economy
    μ_kj, μ_jH, μ_jF markups over marginal cost on sales to firms, to households, abroad
    p_Fj, α_Fj       price of the foreign input for firm j and its saliency;  β_jF, τ_jF, D_F  foreign demand and tariff
    λ                dispersion of the logit that smooths the choice of links (A.3)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.contracts import Sense
from endonet.formulations.errors import InputError
from endonet.formulations.sourcing import decisions, links
from endonet.formulations.sourcing.decisions import Network

if TYPE_CHECKING:
    from endonet.formulations.sourcing.evaluation import EquilibriaOutcome, SourcingOutcome

Vector = NDArray[np.float64]

INITIATORS = ("buyer", "supplier")
LARGEST_LOG = 600.0
PIECE = 1 << 22  # numbers converted at once where all of them would be too many
WRONG_LINKS = {
    links.OUTSIDE: ("supplier", "there is no firm {k}", "firms are 0-based, 0 to {last}"),
    links.ITSELF: ("supplier", "firm {j} buys from itself", "leave out links from a firm to itself"),
    links.TWICE: ("supplier", "the link from supplier {k} to buyer {j} stands twice", "keep one of them"),
    links.UNSORTED: (
        "supplier",
        "the suppliers of firm {j} do not ascend",
        "use SourcingProblem.from_links, which sorts",
    ),
    links.BAD_ALPHA: ("alpha", "{alpha:g} is no saliency", "saliencies are finite and ≥ 0"),
    links.BAD_F: ("f", "{f:g} is no fixed cost", "fixed costs are finite and ≥ 0, in units of labour"),
}


@dataclass(frozen=True, eq=False)
class OpenEconomy:
    """The foreign supplier and the foreign buyer of a small open economy (sections 2.6, 3.3, A.4).

    Parameters
    ----------
    p_F : float or array_like, shape (n,)
        Prices of the foreign input, positive.
    alpha_F : float or array_like, shape (n,)
        Its saliency, ≥ 0; 0 for a firm that has no use for it.
    beta_F : float or array_like, shape (n,)
        Foreign demand for each firm's good, ≥ 0; 0 for a good that nobody wants abroad.
    tau : float or array_like, shape (n,)
        Tariff factors, positive; demand falls with τ^(1−σ).
    D_F : float
        Foreign demand shifter, ≥ 0.
    f_import, f_export : float or array_like, shape (n,)
        Fixed costs f_Fj and f_jF in units of labour, ≥ 0.
    """

    p_F: Vector = 1.0  # type: ignore[assignment]
    alpha_F: Vector = 1.0  # type: ignore[assignment]
    beta_F: Vector = 1.0  # type: ignore[assignment]
    tau: Vector = 1.0  # type: ignore[assignment]
    D_F: float = 1.0
    f_import: Vector = 0.0  # type: ignore[assignment]
    f_export: Vector = 0.0  # type: ignore[assignment]

    def _checked(self, n: int) -> OpenEconomy:
        checked = {name: _vector(f"open.{name}", getattr(self, name), n) for name in _OPEN_VECTORS}
        for name, complaint, remedy in _OPEN_RULES:
            floor = checked[name] > 0 if complaint == "is not positive" else checked[name] >= 0
            _every(f"open.{name}", checked[name], floor, complaint, remedy)
        D_F = _number("open.D_F", self.D_F)
        if D_F < 0:
            raise InputError("open.D_F", f"{D_F:g} is negative", "foreign demand is ≥ 0")
        return OpenEconomy(D_F=D_F, **checked)


_OPEN_VECTORS = ("p_F", "alpha_F", "beta_F", "tau", "f_import", "f_export")
_OPEN_RULES = (
    ("p_F", "is not positive", "prices must be > 0; give alpha_F = 0 to a firm that cannot import"),
    ("alpha_F", "is negative", "saliencies are ≥ 0"),
    ("beta_F", "is negative", "demand shifters are ≥ 0"),
    ("tau", "is not positive", "tariff factors must be > 0; 1 means no tariff"),
    ("f_import", "is negative", "fixed costs must be ≥ 0"),
    ("f_export", "is negative", "fixed costs must be ≥ 0"),
)


@dataclass(frozen=True, eq=False)
class Markups:
    """Markups over marginal cost, positive; what is left out follows the initiator's regime of the paper.

    Parameters
    ----------
    home : float or array_like, shape (n,), optional
        μ_jH, on sales to households.
    links : float or array_like, shape (m,), optional
        μ_kj, on sales from firm to firm, in the order of the problem's links.
    foreign : float or array_like, shape (n,), optional
        μ_jF, on exports.
    """

    home: Vector | None = None
    links: Vector | None = None
    foreign: Vector | None = None


@dataclass(frozen=True)
class Smoothing:
    """Logit smoothing of the choice of links (A.3): give one of the two.

    Parameters
    ----------
    absolute : float
        λ, the same for every link, ≥ 0.
    relative : float
        λ_kj = relative · f_kj · w, which does not depend on the unit of account, ≥ 0.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            number = _number(f"smoothing.{name}", getattr(self, name))
            if number < 0:
                raise InputError(f"smoothing.{name}", f"{number:g} is negative", "λ is ≥ 0; 0 means no smoothing")
            object.__setattr__(self, name, number)
        if self.absolute and self.relative:
            raise InputError("smoothing", "it is both absolute and relative", "give one of them")

    def __bool__(self) -> bool:
        return self.absolute > 0 or self.relative > 0


@dataclass(frozen=True, eq=False)
class SourcingProblem:
    """Data of one economy, validated and immutable.

    Parameters
    ----------
    phi, alpha_L, beta_H : array_like, shape (n,)
        Productivities, saliencies of labour (both positive) and household demand (≥ 0, not all 0).
    ptr : array_like of int, shape (n + 1,)
        The potential suppliers of firm j are ``supplier[ptr[j]:ptr[j + 1]]``. See `from_links` for links in any order.
    supplier : array_like of int, shape (m,)
        Ascending within a buyer, 0-based. Kept as int32.
    alpha, f : array_like, shape (m,)
        Saliency α_kj ≥ 0 and fixed cost f_kj ≥ 0 (in units of labour) of each potential link. Arrays of float32 are
        kept as they are, anything else becomes float64; read-only arrays are not copied.
    sigma : float
        Elasticity of substitution, greater than 1.
    L : float
        Labour, positive.
    initiator : {"buyer", "supplier"}
        Who pays for links and chooses them.
    open : OpenEconomy, optional
        None for a closed economy.
    markups : Markups, optional
        By default the initiator's regime: σ/(σ−1) to households and abroad; between firms 1 where buyers initiate and
        σ/(σ−1) where suppliers do.
    smoothing : Smoothing, optional
    name, description, source, licence : str, optional
        Where the economy comes from; they do not enter the mathematics.

    Raises
    ------
    InputError
        For any datum outside its domain; the message names field, index and remedy. Fixed costs that exceed L when all
        links are formed are no error: an equilibrium need not form them all.

    Examples
    --------
    >>> p = SourcingProblem.from_links([0, 0, 1], [1, 2, 2], alpha=[0.5, 0.4, 0.6], f=0.01, phi=1, alpha_L=1,
    ...                                beta_H=[1, 1, 1], sigma=4)
    >>> p
    <SourcingProblem: 3 firms, 3 potential links, buyers initiate, acyclic, closed, σ=4>
    """

    phi: Vector
    alpha_L: Vector
    beta_H: Vector
    ptr: NDArray[np.int64]
    supplier: NDArray[np.int32]
    alpha: NDArray[Any]
    f: NDArray[Any]
    sigma: float
    L: float = 1.0
    initiator: str = "buyer"
    open: OpenEconomy | None = None
    markups: Markups | None = None
    smoothing: Smoothing | None = None
    name: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    forward: bool = field(init=False, repr=False)  # whether every supplier precedes its buyer

    family = "sourcing"
    sense = Sense.MAXIMISE

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        n = _size(self.phi, self.alpha_L, self.beta_H)
        for name, complaint, remedy in _FIRM_RULES:
            vector = _vector(name, getattr(self, name), n)
            good = vector > 0 if complaint == "is not positive" else vector >= 0
            _every(name, vector, good, complaint, remedy)
            put(name, vector)
        if not self.beta_H.any():
            raise InputError("beta_H", "households want no good at all", "give some firm beta_H > 0")
        for name, least in (("sigma", 1.0), ("L", 0.0)):
            number = _number(name, getattr(self, name))
            if not number > least:
                raise InputError(name, f"{number:g} is not greater than {least:g}", f"give a number > {least:g}")
            put(name, number)
        if self.initiator not in INITIATORS:
            raise InputError("initiator", f"{self.initiator!r} initiates no links", "use buyer or supplier")
        put("ptr", _pointers(self.ptr, n))
        m = int(self.ptr[-1])
        put("supplier", _indices("supplier", self.supplier, m, np.int32))
        for name in ("alpha", "f"):
            put(name, _attributes(name, getattr(self, name), m))
        put("forward", self._check_links())
        if self.open is not None:
            if not isinstance(self.open, OpenEconomy):
                raise InputError("open", "it is no OpenEconomy", "use OpenEconomy(p_F, alpha_F, beta_F, tau, D_F, …)")
            put("open", self.open._checked(n))
        put("markups", self._markups(m))
        if self.smoothing is not None and not isinstance(self.smoothing, Smoothing):
            raise InputError("smoothing", "it is no Smoothing", "use Smoothing(absolute=λ) or Smoothing(relative=k)")
        self._check_range()

    @classmethod
    def from_links(
        cls,
        supplier: ArrayLike,
        buyer: ArrayLike,
        alpha: ArrayLike,
        f: ArrayLike,
        *,
        phi: ArrayLike,
        alpha_L: ArrayLike,
        beta_H: ArrayLike,
        markups: Markups | None = None,
        **more: Any,
    ) -> SourcingProblem:
        """Return the economy whose potential links are given in any order.

        Parameters
        ----------
        supplier, buyer : array_like of int, shape (m,)
            0-based firms; ``supplier[e]`` may sell to ``buyer[e]``.
        alpha, f : float or array_like, shape (m,)
        phi, alpha_L, beta_H : float or array_like, shape (n,)
            At least one of them has n entries.
        markups : Markups, optional
            Its ``links`` in the order of the links given.
        **more
            The other fields of the class: sigma, L, initiator, open, smoothing, name, …

        Raises
        ------
        InputError
            As the class does; a link is named by its place among those given.
        """
        n = _size(phi, alpha_L, beta_H)
        suppliers = _indices("supplier", supplier, None, np.int64)
        buyers = _indices("buyer", buyer, suppliers.size, np.int64)
        for name, firms in (("supplier", suppliers), ("buyer", buyers)):
            outside = np.flatnonzero((firms < 0) | (firms >= n))
            if outside.size:
                where = f"{name}[{outside[0]}]"
                raise InputError(where, f"there is no firm {firms[outside[0]]}", f"firms are 0-based, 0 to {n - 1}")
        itself = np.flatnonzero(suppliers == buyers)
        if itself.size:
            where = f"supplier[{itself[0]}]"
            raise InputError(where, f"firm {suppliers[itself[0]]} buys from itself", "leave out links to itself")
        saliency, fixed = _attributes("alpha", alpha, suppliers.size), _attributes("f", f, suppliers.size)
        for name, numbers, kind in (("alpha", saliency, links.BAD_ALPHA), ("f", fixed, links.BAD_F)):
            wrong = np.flatnonzero(~((numbers >= 0) & np.isfinite(numbers)))
            if wrong.size:
                _, problem, remedy = WRONG_LINKS[kind]
                raise InputError(f"{name}[{wrong[0]}]", problem.format(**{name: numbers[wrong[0]]}), remedy)
        order = np.lexsort((suppliers, buyers))
        twice = np.flatnonzero((np.diff(buyers[order]) == 0) & (np.diff(suppliers[order]) == 0))
        if twice.size:
            first, second = sorted(order[twice[0] : twice[0] + 2].tolist())
            link = f"the link from supplier {suppliers[first]} to buyer {buyers[first]}"
            raise InputError(f"supplier[{second}]", f"{link} already stands at {first}", "keep one of them")
        if markups is not None and markups.links is not None and np.ndim(markups.links) > 0:
            charged = _vector("markups.links", markups.links, suppliers.size, "link")
            markups = Markups(markups.home, charged[order], markups.foreign)
        return cls(
            phi=phi,  # type: ignore[arg-type]
            alpha_L=alpha_L,  # type: ignore[arg-type]
            beta_H=beta_H,  # type: ignore[arg-type]
            ptr=np.concatenate([[0], np.cumsum(np.bincount(buyers, minlength=n))]),
            supplier=suppliers[order].astype(np.int32),
            alpha=saliency[order],
            f=fixed[order],
            markups=markups,
            **more,
        )

    @property
    def n(self) -> int:
        """Number of firms."""
        return int(self.phi.size)

    @property
    def m(self) -> int:
        """Number of potential links."""
        return int(self.supplier.size)

    @property
    def smoothed(self) -> bool:
        """Whether links are chosen with probabilities."""
        return bool(self.smoothing)

    @property
    def mu(self) -> float:
        """σ/(σ−1), the markup of monopolistic competition."""
        return self.sigma / (self.sigma - 1)

    @property
    def mu_H(self) -> Vector | float:
        """Markups on sales to households, one number where all are alike."""
        given = None if self.markups is None else self.markups.home
        return self.mu if given is None else given

    @property
    def mu_F(self) -> Vector | float:
        """Markups on exports, one number where all are alike."""
        given = None if self.markups is None else self.markups.foreign
        return self.mu if given is None else given

    @property
    def mu_links(self) -> Vector | float:
        """Markups on sales between firms, by link, one number where all are alike."""
        given = None if self.markups is None else self.markups.links
        return (1.0 if self.initiator == "buyer" else self.mu) if given is None else given

    @property
    def regime(self) -> bool:
        """Whether all markups are those that the paper gives the initiator (Definitions 2, 3 and 5)."""
        return self.markups is None

    @cached_property
    def phi_power(self) -> Vector:
        """φ_j^(σ−1)."""
        return _frozen(self.phi ** (self.sigma - 1))

    @cached_property
    def labour_weight(self) -> Vector:
        """α_Lj^(σ−1)."""
        return _frozen(self.alpha_L ** (self.sigma - 1))

    @cached_property
    def home(self) -> Vector:
        """β_jH^(σ−1) μ_jH^(1−σ): sales to households are this times T_j A."""
        return _frozen((self.beta_H / self.mu_H) ** (self.sigma - 1))

    @property
    def home_costs(self) -> Vector:
        """β_jH^(σ−1) μ_jH^(−σ): the variable costs of these sales are this times T_j A."""
        return self.home / self.mu_H

    @cached_property
    def foreign(self) -> Vector:
        """β_jF^(σ−1) (τ_jF μ_jF)^(1−σ): exports are this times T_j D_F; zero in a closed economy."""
        if self.open is None:
            return _frozen(np.zeros(self.n))
        return _frozen((self.open.beta_F / (self.open.tau * self.mu_F)) ** (self.sigma - 1))

    @property
    def foreign_costs(self) -> Vector:
        """The variable costs of exports, over T_j D_F."""
        return self.foreign / self.mu_F

    @cached_property
    def foreign_input(self) -> Vector:
        """α_Fj^(σ−1) p_Fj^(1−σ), what imports add to Θ_j; zero in a closed economy."""
        if self.open is None:
            return _frozen(np.zeros(self.n))
        return _frozen((self.open.alpha_F / self.open.p_F) ** (self.sigma - 1))

    @cached_property
    def buyer(self) -> NDArray[np.int32]:
        """The buyer of each link, shape (m,)."""
        return _frozen(links.buyers(self.ptr))

    @cached_property
    def by_supplier(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """The links by supplier, as (pointer, link, buyer): those of k are ``link[pointer[k]:pointer[k + 1]]``."""
        return links.by_supplier(self.n, self.ptr, self.supplier)  # type: ignore[no-any-return]

    @cached_property
    def order(self) -> NDArray[np.int32] | None:
        """The firms in an order in which suppliers precede buyers, whatever links are formed; None if there is none."""
        if self.forward:
            return _frozen(np.arange(self.n, dtype=np.int32))
        order, filled, _ = self._sorted
        return _frozen(order) if filled == self.n else None

    @property
    def acyclic(self) -> bool:
        """Whether no set of potential links forms a cycle."""
        return self.order is not None

    @property
    def cycle(self) -> tuple[int, ...]:
        """Firms that may buy in a circle, each from the next and the last from the first; empty if acyclic."""
        if self.acyclic:
            return ()
        return tuple(links.cycle(self.n, self.ptr, self.supplier, self._sorted[2]).tolist())

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int32], int, NDArray[np.int64]]:
        pointer, _, buyer = self.by_supplier
        return links.sequence(self.n, self.ptr, self.supplier, pointer, buyer)  # type: ignore[no-any-return]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that define the problem, as hexadecimal digits; how they are stored does not enter."""
        digest = hashlib.sha256(f"endonet sourcing 1 {self.initiator};".encode())
        for array in self._numbers():
            digest.update(f"{array.size};".encode())
            kind = np.int64 if array.dtype.kind == "i" else np.float64
            for start in range(0, array.size, PIECE):
                digest.update(array[start : start + PIECE].astype(kind, copy=False).tobytes())
        return digest.hexdigest()

    def evaluate(self, decision: Any) -> SourcingOutcome | EquilibriaOutcome:
        """Compute everything that follows from a network, or from a list of equilibria.

        Parameters
        ----------
        decision : Network, list of [supplier, buyer] pairs, boolean array of shape (m,), mapping, or Equilibria
            See `endonet.formulations.sourcing.decisions.network`; a list of equilibria is verified entry by entry.

        Returns
        -------
        SourcingOutcome, or EquilibriaOutcome of a list

        Raises
        ------
        InputError
            If the decision does not fit the problem.
        """
        from endonet.formulations.sourcing.evaluation import evaluate

        return evaluate(self, decision)

    def network(self, decision: Any) -> Network:
        """Return a network, however it is given; see `endonet.formulations.sourcing.decisions.network`."""
        return decisions.network(self, decision)

    def encode_decision(self, decision: Any) -> dict[str, Any]:
        """Return a network or a list of equilibria as JSON-ready data; see `decisions`."""
        return decisions.encode(self, decision)

    def decode_decision(self, encoded: Any) -> decisions.Decision:
        """Return the network or the list of equilibria that JSON data hold."""
        return decisions.decode(self, encoded)

    def _numbers(self) -> Iterator[NDArray[Any]]:
        smoothing = self.smoothing or Smoothing()
        yield np.array([self.sigma, self.L, smoothing.absolute, smoothing.relative])
        yield from (self.phi, self.alpha_L, self.beta_H, self.ptr, self.supplier, self.alpha, self.f)
        markups = self.markups or Markups()
        yield from (np.empty(0) if part is None else part for part in (markups.home, markups.links, markups.foreign))
        if self.open is not None:
            yield np.array([self.open.D_F])
            yield from (getattr(self.open, name) for name in _OPEN_VECTORS)

    def __repr__(self) -> str:
        title = f" {self.name!r}" if self.name else ""
        firms, pairs = (
            f"{n} {what}{'' if n == 1 else 's'}" for n, what in ((self.n, "firm"), (self.m, "potential link"))
        )
        kind = f"{self.initiator}s initiate, {'acyclic' if self.acyclic else 'cyclic'}, "
        kind += "closed" if self.open is None else "open"
        return f"<SourcingProblem{title}: {firms}, {pairs}, {kind}, σ={self.sigma:g}>"

    def _check_links(self) -> bool:
        """Raise for the first link that is wrong; return whether every supplier precedes its buyer."""
        e, fault, forward = links.first_fault(self.n, self.ptr, self.supplier, self.alpha, self.f)
        if fault != links.FINE:
            j = int(np.searchsorted(self.ptr, e, side="right")) - 1
            where, problem, remedy = WRONG_LINKS[fault]
            known = {"k": self.supplier[e], "j": j, "alpha": self.alpha[e], "f": self.f[e], "last": self.n - 1}
            raise InputError(f"{where}[{e}]", problem.format(**known), remedy.format(**known))
        return bool(forward)

    def _markups(self, m: int) -> Markups | None:
        if self.markups is None:
            return None
        if not isinstance(self.markups, Markups):
            raise InputError("markups", "it is no Markups", "use Markups(home=…, links=…, foreign=…)")
        checked = {}
        for name, length, what in (("home", self.n, "firm"), ("links", m, "link"), ("foreign", self.n, "firm")):
            given = getattr(self.markups, name)
            if given is None:
                continue
            if name == "foreign" and self.open is None:
                raise InputError("markups.foreign", "a closed economy has no exports", "leave it out")
            checked[name] = _vector(f"markups.{name}", given, length, what)
            _every(f"markups.{name}", checked[name], checked[name] > 0, "is not positive", "a markup of 1 is none")
        return Markups(**checked) if checked else None

    def _check_range(self) -> None:
        """Reject numbers whose powers leave double precision."""
        power = self.sigma - 1
        checked: list[tuple[str, Any]] = [("phi", self.phi), ("alpha_L", self.alpha_L), ("beta_H", self.beta_H)]
        checked += [("alpha", self.alpha), ("markups", self.mu_H), ("markups", self.mu_links), ("markups", self.mu_F)]
        if self.open is not None:
            checked += [(f"open.{name}", getattr(self.open, name)) for name in ("p_F", "alpha_F", "beta_F", "tau")]
        for name, numbers in checked:
            least, most = _extremes(np.atleast_1d(numbers))
            reach = power * max(abs(math.log(least)), abs(math.log(most))) if most > 0 else 0.0
            if reach > LARGEST_LOG:
                raise InputError(
                    name,
                    f"its power σ−1 reaches exp({reach:.0f}), beyond double precision",
                    "use a smaller sigma or range",
                )


_FIRM_RULES = (
    ("phi", "is not positive", "productivities must be > 0"),
    ("alpha_L", "is not positive", "every firm needs labour, alpha_L > 0"),
    ("beta_H", "is negative", "demand shifters are ≥ 0"),
)


def _extremes(numbers: NDArray[Any]) -> tuple[float, float]:
    """Return the least positive and the greatest number; (1, 0) if none is positive."""
    least, most = 1.0, 0.0
    for start in range(0, numbers.size, PIECE):
        piece = numbers[start : start + PIECE]
        positive = piece[piece > 0]
        if positive.size:
            low, high = float(positive.min()), float(positive.max())
            least, most = (low, high) if most == 0 else (min(least, low), max(most, high))
    return least, most


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _size(*vectors: Any) -> int:
    """Return the number of firms: the length of the first vector that is none of a single number."""
    for vector in vectors:
        try:
            shape = np.shape(vector)
        except ValueError:
            raise InputError(
                "phi", "it holds something that is not a number", "give numbers, one for each firm"
            ) from None
        if len(shape) == 1:
            if shape[0] == 0:
                raise InputError("phi", "the economy has no firm", "give at least one firm")
            return int(shape[0])
    return 1


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, f"{value!r} is not a number", "give one finite number") from None
    if not math.isfinite(number):
        raise InputError(name, f"{number} is not finite", "give one finite number")
    return number


def _vector(name: str, value: Any, n: int, what: str = "firm") -> Vector:
    """Return n finite numbers; a single one stands for all."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, "it holds something that is not a number", f"give {n} finite numbers") from None
    if array.ndim == 0:
        array = np.full(n, float(array))
    if array.shape != (n,):
        raise InputError(name, f"its shape is {array.shape}", f"give one number or {n}, one for each {what}")
    _every(name, array, np.isfinite(array), "is not finite", "give finite numbers")
    return _frozen(array)


def _every(name: str, array: Vector, good: NDArray[np.bool_], complaint: str, remedy: str) -> None:
    wrong = np.flatnonzero(~good)
    if wrong.size:
        raise InputError(f"{name}[{wrong[0]}]", f"{array[wrong[0]]:g} {complaint}", remedy)


def _indices(name: str, value: Any, length: int | None, kind: type[Any]) -> NDArray[Any]:
    array = np.asarray(value)
    if array.size == 0:
        array = array.astype(kind).reshape(-1)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise InputError(name, "it is no list of whole numbers", "give 0-based firms")
    if length is not None and array.size != length:
        raise InputError(name, f"it has {array.size} entries for {length} links", "give one for each link")
    info = np.iinfo(kind)
    if array.size and array.dtype != kind and (array.min() < info.min or array.max() > info.max):
        raise InputError(name, "it holds a number that no firm has", "give 0-based firms")
    return _frozen(array.astype(kind, copy=array.flags.writeable or array.dtype != kind))


def _pointers(value: Any, n: int) -> NDArray[np.int64]:
    ptr = np.asarray(value)
    if ptr.dtype.kind not in "iu" or ptr.shape != (n + 1,):
        raise InputError("ptr", "it is no list of n + 1 whole numbers", f"give {n + 1} of them, or use from_links")
    ptr = ptr.astype(np.int64)
    if ptr[0] != 0 or np.any(np.diff(ptr) < 0):
        raise InputError("ptr", "it does not start at 0 or descends", "use SourcingProblem.from_links")
    return _frozen(ptr)


def _attributes(name: str, value: Any, m: int) -> NDArray[Any]:
    """Return a number for each link, of float32 or float64 as given; their values are checked with the links."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError
        kind = np.float32 if array.dtype == np.float32 else np.float64
        array = np.full(m, array, dtype=kind) if array.ndim == 0 else array.astype(kind, copy=array.flags.writeable)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            name, "it holds something that is not a number", f"give {m} numbers, one for each link"
        ) from None
    if array.shape != (m,):
        raise InputError(name, f"its shape is {array.shape}", f"give one number or {m}, one for each link")
    return _frozen(array)
