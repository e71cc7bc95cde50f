r"""A firm's interdependent choice of suppliers: inputs and demand of different elasticities (paper 002, section 3.1.1).

Where inputs substitute for each other as well as goods do for consumers, (12) is linear and every supplier is judged by
itself. Otherwise one supplier changes what another is worth. In the notation of Antràs, Fort and Tintelnot (2017):

    π_i(Z) = B φ_i^(σ−1) Θ_i(Z)^e − w Σ_{k∈Z} f_ik,      Θ_i(Z) = ξ_i0 + Σ_{k∈Z} ξ_ik,      e = (σ − 1)/θ

    σ       elasticity of demand, σ > 1
    θ       dispersion of input efficiencies; with CES inputs of elasticity ρ, as in footnote 26, it is ρ − 1
    φ_i     core productivity of firm i
    ξ_ik    sourcing potential of supplier (country) k; ξ_i0 is what the firm has without any choice
    f_ik    fixed cost of sourcing from k, in units of labour of wage w
    B       how large the market is

The data hold any number of firms, which do not interact: each solves its own problem, and the objective is the sum of
their profits. Two cases, and what orders the solvers:

e ≥ 1, complements (σ − 1 ≥ θ). Θ^e is convex, and **some optimal set is a prefix of the suppliers sorted by f/ξ**.
    Let Z be optimal with T = Θ(Z) and p = B φ^(σ−1) e T^(e−1), the slope there. By convexity π(Z′) − π(Z) ≥
    Σ_{Z′} (p ξ − w f) − Σ_Z (p ξ − w f) for every Z′, so that Z must maximise the right-hand side: it holds every k
    with w f_k < p ξ_k, and none with w f_k > p ξ_k. Those with equality enter together: along them π is a convex
    function of Θ, largest at one of the two ends. K + 1 sets decide it, whatever K; nothing has to be squeezed.
e < 1, substitutes. Θ^e is concave, and the problem is NP-hard: with equal ratios f/ξ it is a subset-sum problem. But
    the relaxation 0 ≤ z ≤ 1 depends on Θ alone: fill the suppliers in the order of f/ξ until B φ^(σ−1) e Θ^(e−1) falls
    to w f/ξ; at most one of them is taken in part. For any price p ≥ 0

        π(Z) ≤ max_T [B φ^(σ−1) T^e − p T] + p ξ_0 + Σ_k max(0, p ξ_k − w f_k)

    which is what the search bounds by, and anybody can check.

With equality, e = 1, both hold and each supplier is judged by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.contracts import Sense
from endonet.formulations.errors import InputError

Vector = NDArray[np.float64]
Sets = NDArray[np.int8]

BLOCK = 1 << 22  # entries of a firms × suppliers array that are summed at once


@dataclass(frozen=True, eq=False)
class SourcingChoice:
    """Data of the interdependent choice of suppliers of one firm or many, validated and immutable.

    Parameters
    ----------
    sigma : float
        σ > 1, elasticity of demand.
    theta : float
        θ > 0; with CES inputs of elasticity ρ, ρ − 1. Complements if σ − 1 > θ.
    phi : array_like, shape (firms,)
        φ > 0, core productivities.
    xi : array_like, shape (K,) or (firms, K)
        ξ ≥ 0, sourcing potentials, the same for every firm or each firm's own.
    f : array_like, shape (K,) or (firms, K)
        f ≥ 0, fixed costs in units of labour.
    B : float, default 1.0
        B > 0, market size.
    w : float, default 1.0
        w > 0, the wage at which fixed costs are paid.
    xi_0 : float or array_like of shape (firms,), default 0.0
        ξ_0 ≥ 0, what a firm has without any choice.
    suppliers : sequence of str, optional
        Names of the K suppliers, such as countries' codes.
    name, description, source, licence : str, optional
        Where the data come from; they do not enter the mathematics.

    Raises
    ------
    InputError
        For any datum outside its domain; the message names field, index and remedy.

    Examples
    --------
    Two suppliers that only pay together, since the exponent (σ − 1)/θ is 2:

    >>> choice = SourcingChoice(sigma=3, theta=1, phi=[1.0], xi=[1.0, 1.0], f=[1.5, 1.5])
    >>> choice.evaluate([[1, 0]]).value, choice.evaluate([[1, 1]]).value
    (-0.5, 1.0)
    """

    sigma: float
    theta: float
    phi: Vector
    xi: Vector
    f: Vector
    B: float = 1.0
    w: float = 1.0
    xi_0: Vector = 0.0  # type: ignore[assignment]
    suppliers: tuple[str, ...] = ()
    name: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    exponent: float = field(init=False)

    family = "sourcing"
    kind = "choice"
    sense = Sense.MAXIMISE

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name, above, what in (
            ("sigma", 1.0, "σ > 1"),
            ("theta", 0.0, "θ > 0"),
            ("B", 0.0, "B > 0"),
            ("w", 0.0, "w > 0"),
        ):
            put(name, _scalar(name, getattr(self, name), above, what))
        put("phi", _positive("phi", _numbers("phi", self.phi, (1,))))
        xi, f = _numbers("xi", self.xi, (1, 2)), _numbers("f", self.f, (1, 2))
        put("xi", _table("xi", xi, self.phi.size, xi.shape[-1]))
        put("f", _table("f", f, self.phi.size, self.xi.shape[-1]))
        base = np.asarray(self.xi_0)
        base = _numbers("xi_0", np.full(self.phi.size, base) if base.ndim == 0 else base, (1,))
        if base.size != self.phi.size:
            raise InputError(
                "xi_0", f"it has {base.size} entries for {self.phi.size} firms", "give one number or one for each firm"
            )
        put("xi_0", _table("xi_0", base, self.phi.size, base.size))
        put("suppliers", _labels(self.suppliers, self.xi.shape[-1]))
        put("exponent", (self.sigma - 1) / self.theta)
        with np.errstate(over="ignore"):
            largest = self.scale * (self.xi_0 + self.xi.sum(axis=-1)) ** self.exponent
        if not np.isfinite(largest).all():
            firm = int(np.flatnonzero(~np.isfinite(largest))[0])
            raise InputError(
                f"phi[{firm}]", "the profit of every supplier together is beyond doubles", "measure in other units"
            )
        for array in (self.phi, self.xi, self.f, self.xi_0):
            array.flags.writeable = False

    @property
    def firms(self) -> int:
        """Number of firms."""
        return int(self.phi.size)

    @property
    def K(self) -> int:
        """Number of suppliers."""
        return int(self.xi.shape[-1])

    @cached_property
    def scale(self) -> Vector:
        """B φ^(σ−1), shape (firms,): what a firm earns at Θ = 1."""
        return self.B * self.phi ** (self.sigma - 1)

    @property
    def complements(self) -> bool:
        """Whether suppliers are complements, e ≥ 1; with e = 1 they do not interact."""
        return self.exponent >= 1

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that define the problem, as hexadecimal digits."""
        digest = hashlib.sha256(b"endonet sourcing choice 1")
        for array in (np.array([self.sigma, self.theta, self.B, self.w]), self.phi, self.xi, self.f, self.xi_0):
            digest.update(np.array(array.shape, "<i8").tobytes() + np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()

    def evaluate(self, decision: Any) -> ChoiceOutcome:
        """Compute everything that follows from the firms' sets of suppliers; see `ChoiceOutcome`.

        Parameters
        ----------
        decision : array_like of 0 and 1, shape (firms, K); for one firm shape (K,) will do

        Raises
        ------
        InputError
            If it has another shape or holds anything but 0 and 1.
        """
        Z = self.sets(decision)
        Theta, fixed = np.empty(self.firms), np.empty(self.firms)
        for rows in self.blocks():
            chosen = Z[rows] != 0
            Theta[rows] = self.xi_0[rows] + np.where(chosen, self.xi_of(rows), 0.0).sum(axis=1)
            fixed[rows] = self.w * np.where(chosen, self.f_of(rows), 0.0).sum(axis=1)
        return ChoiceOutcome(self, Z, Theta, self.scale * Theta**self.exponent, fixed)

    def sets(self, decision: Any) -> Sets:
        """Return a decision as an int8 array of shape (firms, K) after checking that it is one."""
        try:
            array = np.asarray(decision)
        except ValueError:
            array = np.empty(0, dtype=object)
        if array.ndim == 1 and self.firms == 1:
            array = array[None, :]
        if array.shape != (self.firms, self.K):
            remedy = f"give 0 or 1 for each of {self.firms} firms and {self.K} suppliers"
            raise InputError("sets", f"its shape is {array.shape}", remedy)
        if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
            raise InputError("sets", "it holds something else than 0 and 1", "1 where the firm sources, else 0")
        return array.astype(np.int8)

    def encode_decision(self, decision: Any) -> dict[str, Any]:
        """Return ``{"sets": [[0, 2], []]}``, the suppliers of each firm by their 0-based indices."""
        return {"sets": [np.flatnonzero(row).tolist() for row in self.sets(decision)]}

    def decode_decision(self, encoded: Any) -> Sets:
        """Return the decision from ``{"sets": [[0, 2], []]}``."""
        if not isinstance(encoded, dict) or not isinstance(encoded.get("sets"), list):
            raise InputError("decision.sets", "it is missing or no list", f"give {self.firms} lists of suppliers")
        for key in encoded:
            if key != "sets":
                raise InputError(f"decision.{key}", "there is no such field", "known: sets")
        if len(encoded["sets"]) != self.firms:
            raise InputError(
                "decision.sets", f"it has {len(encoded['sets'])} lists for {self.firms} firms", "give one for each firm"
            )
        Z = np.zeros((self.firms, self.K), np.int8)
        for i, members in enumerate(encoded["sets"]):
            where = f"decision.sets[{i}]"
            if not isinstance(members, list):
                raise InputError(where, "it is no list", "give 0-based indices of suppliers")
            for k in members:
                if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < self.K:
                    raise InputError(where, f"{k!r:.40} is no supplier", f"indices are 0-based, 0 to {self.K - 1}")
                if Z[i, k]:
                    raise InputError(where, f"it holds {k} twice", "name each supplier once")
                Z[i, k] = 1
        return Z

    def blocks(self) -> list[slice]:
        """Return slices of firms, each small enough for work on a firms × suppliers array."""
        step = max(1, BLOCK // max(self.K, 1))
        return [slice(start, min(start + step, self.firms)) for start in range(0, self.firms, step)]

    def xi_of(self, rows: slice) -> Vector:
        """Return the potentials of some firms, shape (1 or rows, K)."""
        return self.xi[None, :] if self.xi.ndim == 1 else self.xi[rows]

    def f_of(self, rows: slice) -> Vector:
        """Return the fixed costs of some firms in units of labour, shape (1 or rows, K)."""
        return self.f[None, :] if self.f.ndim == 1 else self.f[rows]

    def __repr__(self) -> str:
        title = f" {self.name!r}" if self.name else ""
        firms = "1 firm" if self.firms == 1 else f"{self.firms} firms"
        kind = "complements" if self.exponent > 1 else "substitutes" if self.exponent < 1 else "independent"
        return f"<SourcingChoice{title}: {firms}, {self.K} suppliers, (σ−1)/θ={self.exponent:.6g}, {kind}>"


@dataclass(frozen=True, eq=False)
class ChoiceOutcome:
    """Everything that follows from the firms' sets of suppliers.

    Attributes
    ----------
    Z : int8 array, shape (firms, K)
        1 where a firm sources.
    Theta : array, shape (firms,)
        Θ, sourcing capabilities.
    earned, fixed, profit : arrays, shape (firms,)
        B φ^(σ−1) Θ^e, w Σ f, and their difference.
    """

    problem: SourcingChoice = field(repr=False)
    Z: Sets = field(repr=False)
    Theta: Vector
    earned: Vector
    fixed: Vector

    feasible = True
    violations: tuple[str, ...] = ()

    @cached_property
    def profit(self) -> Vector:
        """π, shape (firms,)."""
        return self.earned - self.fixed

    @property
    def value(self) -> float:
        """Σ π over all firms."""
        return float(self.profit.sum())

    @cached_property
    def regret(self) -> Vector:
        """What each firm would gain by adding or dropping its best single supplier, shape (firms,); 0 if nothing."""
        problem, found = self.problem, np.zeros(self.problem.firms)
        for rows in problem.blocks():
            sign = 1.0 - 2.0 * self.Z[rows]
            after = np.maximum(self.Theta[rows, None] + sign * problem.xi_of(rows), 0.0) ** problem.exponent
            gain = problem.scale[rows, None] * after - self.earned[rows, None] - sign * problem.w * problem.f_of(rows)
            found[rows] = gain.max(axis=1, initial=0.0)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what follows from the decision, numbers and arrays."""
        return {
            "Theta": self.Theta,
            "earned": self.earned,
            "fixed": self.fixed,
            "profit": self.profit,
            "suppliers": self.Z.sum(axis=1),
            "regret": self.regret,
        }


def _scalar(name: str, value: Any, above: float, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(name, f"{value!r:.60} is not a number", f"give one number, {what}") from None
    if not (number > above and np.isfinite(number)):
        raise InputError(name, f"{number:g} is outside its domain", f"give a finite number, {what}")
    return number


def _numbers(name: str, value: ArrayLike, dimensions: Sequence[int]) -> Vector:
    """Return finite numbers as a float64 array of its own that has one of the dimensions asked for."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(name, "it is no array of numbers", "give numbers, each row as long as the others") from None
    if array.ndim not in dimensions or array.size == 0:
        wanted = " or ".join("a list" if d == 1 else "a table" for d in dimensions)
        raise InputError(name, f"its shape is {array.shape}", f"give {wanted} of numbers, not empty")
    if not np.isfinite(array).all():
        place = _place(~np.isfinite(array))
        raise InputError(f"{name}{place}", "it is not finite", "give finite numbers")
    return array


def _table(name: str, array: Vector, firms: int, K: int) -> Vector:
    """Refuse an array of the wrong length, and negative numbers."""
    if array.shape[-1] != K or (array.ndim == 2 and array.shape[0] != firms):
        remedy = f"give one number for each of {K} suppliers, or a row of them for each of {firms} firms"
        raise InputError(name, f"its shape is {array.shape}", remedy)
    if (array < 0).any():
        place = _place(array < 0)
        raise InputError(f"{name}{place}", f"{array[array < 0][0]:g} is negative", "give numbers ≥ 0")
    return array


def _positive(name: str, array: Vector) -> Vector:
    if not (array > 0).all():
        raise InputError(f"{name}{_place(array <= 0)}", f"{array[array <= 0][0]:g} is not positive", "give numbers > 0")
    return array


def _place(wrong: NDArray[np.bool_]) -> str:
    return "[" + ", ".join(str(int(index[0])) for index in np.nonzero(wrong)) + "]"


def _labels(names: Any, K: int) -> tuple[str, ...]:
    labels = tuple(names) if not isinstance(names, str) else (names,)
    if labels and (len(labels) != K or not all(isinstance(label, str) for label in labels)):
        raise InputError(
            "suppliers", f"it has {len(labels)} entries for {K} suppliers", "give one name for each, or none"
        )
    return labels
