"""The planner's problem P_SP of paper 001: which firms operate?

    max over θ ∈ {0,1}^n   Y = Q (L − Σ_j f_j θ_j),      Q = (Σ_j q_j^(σ−1))^(1/(σ−1))                        (8)
    where q is the greatest solution of   q_j = z_j θ_j A (Σ_i Ω_ij q_i^(ε−1))^(α_j/(ε−1))                     (7)

Symbols
    Ω_ij ≥ 0   weight of the potential link from supplier i to buyer j (the paper: 0 or 1); self-links allowed
    z_j, A     productivity of firm j and of the economy
    L          labour;  f_j  labour that firm j needs to operate at all
    α_j        share of intermediate inputs in production
    σ, ε       elasticities of substitution in final demand and between inputs, both > 1
    θ_j        1 if firm j operates; q_j its labour productivity, 1/q_j its cost of production

A link weight is the Ω_ij of (7); in (2) and (6) it therefore enters as Ω_ij^(1/ε).
"""

from __future__ import annotations

import hashlib
import math
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.contracts import Sense
from endonet.formulations.errors import EconomyWarning, InputError
from endonet.formulations.planner import fixed_point
from endonet.formulations.planner.conflict import minimal_conflict
from endonet.formulations.planner.rows import LinearRow, RowSystem

if TYPE_CHECKING:
    from endonet.formulations.planner.evaluation import PlannerOutcome

Vector = NDArray[np.float64]

LABOUR_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class PlannerProblem:
    """Data of one economy, validated and immutable.

    Parameters
    ----------
    Omega : sparse or dense (n, n) array, or networkx.DiGraph
        ``Omega[i, j]`` is the weight of the link from supplier i to buyer j. Kept as a CSC array without zeros. A graph
        must have the nodes 0 … n−1; its edge attribute ``weight`` is optional (1.0).
    z : array_like, shape (n,)
        Productivities, positive.
    A, L : float
        Aggregate productivity and labour, positive.
    f : float or array_like, shape (n,)
        Fixed costs in units of labour, non-negative. Kept as an array.
    alpha : float or array_like, shape (n,)
        Input shares, strictly between 0 and 1. Kept as an array.
    sigma, epsilon : float
        Elasticities of substitution, both greater than 1.
    constraints : LinearRow or iterable of LinearRow, optional
        Linear rows on θ.
    name, description, source, licence : str, optional
        Where the economy comes from; they do not enter the mathematics.

    Raises
    ------
    InputError
        For any datum outside its domain; the message names field, index and remedy.

    Examples
    --------
    >>> import endonet as en
    >>> p = en.PlannerProblem(Omega=[[0, 1], [1, 0]], z=[1.0, 1.2], L=1.0, f=0.1, alpha=0.5, sigma=5, epsilon=5)
    >>> round(p.evaluate([1, 1]).value, 6)
    1.150021
    """

    Omega: sp.csc_array
    z: Vector
    A: float = 1.0
    L: float = 1.0
    f: Vector = 0.0  # type: ignore[assignment]
    alpha: Vector = 0.5  # type: ignore[assignment]
    sigma: float = 5.0
    epsilon: float = 5.0
    constraints: tuple[LinearRow, ...] = ()
    name: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    rows: RowSystem = field(init=False, repr=False)

    family = "planner"
    sense = Sense.MAXIMISE

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        Omega = _links(self.Omega)
        n = Omega.shape[0]
        put("Omega", Omega)
        put("z", _vector("z", self.z, n, broadcast=False))
        put("f", _vector("f", self.f, n))
        put("alpha", _vector("alpha", self.alpha, n))
        for name in ("A", "L", "sigma", "epsilon"):
            put(name, _number(name, getattr(self, name)))
        _every(
            "z",
            self.z,
            self.z > 0,
            "is not positive",
            "productivities must be > 0; leave out a firm that cannot produce",
        )
        _every("f", self.f, self.f >= 0, "is negative", "fixed costs must be ≥ 0")
        _every(
            "alpha",
            self.alpha,
            (self.alpha > 0) & (self.alpha < 1),
            "is outside (0, 1)",
            "input shares lie strictly between 0 and 1",
        )
        for name, floor in (("A", 0.0), ("L", 0.0), ("sigma", 1.0), ("epsilon", 1.0)):
            if not getattr(self, name) > floor:
                raise InputError(
                    name, f"{getattr(self, name):g} is not greater than {floor:g}", f"give a number > {floor:g}"
                )
        if self.f.min() >= self.L:
            raise InputError(
                "f",
                f"every fixed cost is at least L = {self.L:g}, which leaves no labour for any choice",
                "lower f or raise L",
            )
        self._check_range()
        put("constraints", tuple(self._row(r, row) for r, row in enumerate(_rows(self.constraints))))
        put("rows", RowSystem.from_rows(self.constraints, n))
        self._check_rows()
        lonely = np.flatnonzero(np.diff(self.Omega.indptr) == 0)
        if lonely.size:
            some = ", ".join(map(str, lonely[:5])) + (", …" if lonely.size > 5 else "")
            who = f"firm {some}" if lonely.size == 1 else f"{lonely.size} firms ({some})"
            warnings.warn(
                f"{who} without any potential supplier can never produce; leave them out",
                EconomyWarning,
                stacklevel=3,
            )

    @property
    def n(self) -> int:
        """Number of firms."""
        return int(self.z.size)

    @property
    def links(self) -> int:
        """Number of potential links."""
        return int(self.Omega.nnz)

    @cached_property
    def kappa(self) -> float:
        """κ = (σ−1)/(ε−1): b_j = q_j^(σ−1) = a_j^κ."""
        return (self.sigma - 1) / (self.epsilon - 1)

    @cached_property
    def Z(self) -> Vector:
        """Z_j = (A z_j)^(ε−1), shape (n,): a_j = θ_j Z_j y_j^α_j."""
        return _frozen((self.A * self.z) ** (self.epsilon - 1))

    @cached_property
    def Zb(self) -> Vector:
        """Z'_j = (A z_j)^(σ−1), shape (n,): b_j = θ_j Z'_j y_j^(α_j κ)."""
        return _frozen((self.A * self.z) ** (self.sigma - 1))

    @cached_property
    def buyers(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The pattern of Ω by supplier, as (pointer, buyer): the buyers of i are ``buyer[pointer[i]:pointer[i+1]]``."""
        return fixed_point.by_supplier(self.Omega.indptr, self.Omega.indices, self.n)  # type: ignore[no-any-return]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that define the problem, as hexadecimal digits."""
        digest = hashlib.sha256(b"endonet planner 1")
        Omega = self.Omega
        arrays: list[NDArray[Any]] = [Omega.indptr.astype(np.int64), Omega.indices.astype(np.int64), Omega.data]
        arrays += [self.z, self.f, self.alpha, np.array([self.A, self.L, self.sigma, self.epsilon])]
        G = self.rows.G
        arrays += [G.indptr.astype(np.int64), G.indices.astype(np.int64), G.data, self.rows.lower, self.rows.upper]
        for array in arrays:
            digest.update(f"{array.dtype.str}{array.size};".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def evaluate(self, theta: ArrayLike, start: Vector | None = None) -> PlannerOutcome:
        """Compute everything that follows from θ; see `PlannerOutcome`.

        Parameters
        ----------
        theta : array_like of 0 and 1, shape (n,)
        start : array of shape (n,), optional
            A positive vector near (q_j^(ε−1)); speeds the iteration up and does not change the answer.

        Raises
        ------
        InputError
            If θ is not n zeros and ones.
        """
        from endonet.formulations.planner.evaluation import evaluate

        return evaluate(self, theta, start)

    def labour_left(self, theta: NDArray[np.int8]) -> float:
        """Return L − Σ f_j θ_j, exactly 0 if it is within 1e-12 L of 0.

        The sum is correctly rounded, hence monotone: more fixed costs never leave more labour, in any order of firms.
        """
        left = self.L - math.fsum(self.f[theta == 1].tolist())
        return 0.0 if abs(left) <= LABOUR_TOLERANCE * self.L else left

    def operating(self, theta: ArrayLike) -> NDArray[np.int8]:
        """Return θ as an int8 array after checking that it is n zeros and ones."""
        try:
            raw = np.asarray(theta)
            if raw.dtype.kind not in "biuf":
                raise TypeError
            values = raw.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            raise InputError("theta", "it holds something that is not a number", "give n zeros and ones") from None
        if values.shape != (self.n,):
            raise InputError(
                "theta", f"its shape is {values.shape}", f"give {self.n} zeros and ones, one for each firm"
            )
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if wrong.size:
            raise InputError(f"theta[{wrong[0]}]", f"{values[wrong[0]]:g} is neither 0 nor 1", "round it or mend it")
        return values.astype(np.int8)

    def encode_decision(self, decision: ArrayLike) -> dict[str, Any]:
        """Return ``{"theta": [0, 1, …]}``."""
        return {"theta": self.operating(decision).tolist()}

    def decode_decision(self, encoded: Any) -> NDArray[np.int8]:
        """Return θ from ``{"theta": [0, 1, …]}``."""
        if not isinstance(encoded, dict) or not isinstance(encoded.get("theta"), list):
            raise InputError("decision.theta", "it is missing or no list", f"give {self.n} zeros and ones")
        unknown = [key for key in encoded if key != "theta"]
        if unknown:
            raise InputError(f"decision.{unknown[0]}", "there is no such part of a decision", "give theta alone")
        return self.operating(encoded["theta"])

    def __repr__(self) -> str:
        title = f" {self.name!r}" if self.name else ""
        rows = f", {_counted(self.rows.count, 'row')}" if self.rows.count else ""
        size = f"{_counted(self.n, 'firm')}, {_counted(self.links, 'link')}{rows}"
        return f"<PlannerProblem{title}: {size}, σ={self.sigma:g}, ε={self.epsilon:g}>"

    def _check_range(self) -> None:
        with np.errstate(over="ignore"):
            reach = np.abs(np.log(self.A) + np.log(self.z)).max() * max(self.epsilon - 1, self.sigma - 1)
        if reach > 600:
            raise InputError(
                "z",
                f"(A z)^(max(σ,ε)−1) reaches exp({reach:.0f}), beyond double precision",
                "use a narrower range of z or smaller σ, ε",
            )

    def _row(self, r: int, row: LinearRow) -> LinearRow:
        if not isinstance(row, LinearRow):
            raise InputError(
                f"constraints[{r}]", "it is no LinearRow", "use LinearRow(firms, coefficients, sense, rhs)"
            )
        wrong = np.flatnonzero((row.firms < 0) | (row.firms >= self.n))
        if wrong.size:
            raise InputError(
                f"constraints[{r}].firms[{wrong[0]}]",
                f"there is no firm {row.firms[wrong[0]]}",
                f"indices are 0-based, 0 to {self.n - 1}",
            )
        return row

    def _check_rows(self) -> None:
        """Reject rows that bound propagation proves contradictory; deeper conflicts are for the solvers to prove."""
        lower, upper = np.zeros(self.n, np.int8), np.ones(self.n, np.int8)
        if self.rows.propagate(lower, upper) >= 0:
            conflict = minimal_conflict(self)
            assert conflict is not None, "what propagation refutes, a search that propagates refutes"
            field = f"constraints[{conflict.rows[0]}]" if len(conflict.rows) == 1 else "constraints"
            remedy = "relax or drop one of these rows" if len(conflict.rows) > 1 else "relax or drop it"
            raise InputError(field, conflict.tell(self), remedy)
        if self.labour_left(lower) <= 0:
            conflict = minimal_conflict(self)
            forced = f"the firms that must operate need {float(self.f @ lower):g} of L = {self.L:g} as fixed cost"
            because = "" if conflict is None else f", and {conflict.tell(self)}"
            raise InputError("constraints", forced + because, "drop a row, lower f or raise L")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _rows(value: Any) -> tuple[Any, ...]:
    """Return the rows as a tuple; a single one may stand without brackets."""
    if isinstance(value, LinearRow):
        return (value,)
    try:
        return tuple(value)
    except TypeError:
        raise InputError("constraints", f"{value!r} is no list of rows", "give a list of LinearRow") from None


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, f"{value!r} is not a number", "give one finite number") from None
    if not math.isfinite(number):
        raise InputError(name, f"{number} is not finite", "give one finite number")
    return number


def _vector(name: str, value: Any, n: int, broadcast: bool = True) -> Vector:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, "it holds something that is not a number", f"give {n} finite numbers") from None
    if array.ndim == 0 and broadcast:
        array = np.full(n, float(array))
    if array.shape != (n,):
        shapes = f"one number or {n}" if broadcast else str(n)
        raise InputError(name, f"its shape is {array.shape}", f"give {shapes} numbers, one for each firm")
    _every(name, array, np.isfinite(array), "is not finite", "give finite numbers")
    return _frozen(array)


def _every(name: str, array: Vector, good: NDArray[np.bool_], complaint: str, remedy: str) -> None:
    wrong = np.flatnonzero(~good)
    if wrong.size:
        where = f"{name}[{wrong[0]}]"
        raise InputError(where, f"{array[wrong[0]]:g} {complaint}", remedy)


def _links(value: Any) -> sp.csc_array:
    """Return Ω as a canonical, read-only CSC array with int32 indices and positive weights."""
    if isinstance(value, nx.Graph):
        value = _from_graph(value)
    try:
        Omega = sp.csc_array(value, dtype=np.float64, copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            "Omega", f"it is no matrix of numbers ({error})", "give an n × n array, sparse or dense"
        ) from None
    if Omega.ndim != 2 or Omega.shape[0] != Omega.shape[1]:
        raise InputError("Omega", f"its shape is {Omega.shape}", "give a square matrix, suppliers × buyers")
    if Omega.shape[0] == 0:
        raise InputError("Omega", "the economy has no firm", "give at least one firm")
    if isinstance(value, (sp.coo_array, sp.coo_matrix)) and value.nnz != Omega.nnz:
        raise InputError("Omega", "a link stands twice", "add the weights of repeated links up")
    if not Omega.has_canonical_format:
        before = Omega.nnz
        Omega.sum_duplicates()
        if Omega.nnz != before:
            raise InputError("Omega", "a link stands twice", "add the weights of repeated links up")
    wrong = np.flatnonzero(~((Omega.data >= 0) & np.isfinite(Omega.data)))
    if wrong.size:
        p = int(wrong[0])
        j = int(np.searchsorted(Omega.indptr, p, side="right")) - 1
        raise InputError(
            f"Omega[{Omega.indices[p]}, {j}]", f"{Omega.data[p]:g} is no weight", "weights are finite and ≥ 0"
        )
    Omega.eliminate_zeros()
    Omega.indices = Omega.indices.astype(np.int32, copy=False)
    Omega.indptr = Omega.indptr.astype(np.int64 if Omega.nnz > 2**31 - 2 else np.int32, copy=False)
    for array in (Omega.data, Omega.indices, Omega.indptr):
        array.setflags(write=False)
    return Omega


def _weight(supplier: int, buyer: int, weight: Any) -> float:
    try:
        return float(weight)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"Omega[{supplier}, {buyer}]", f"the edge's weight {weight!r} is not a number", "weights are finite and ≥ 0"
        ) from None


def _from_graph(graph: nx.Graph) -> sp.coo_array:
    if not graph.is_directed():
        raise InputError(
            "Omega", "the graph is not directed", "give a networkx.DiGraph with edges from supplier to buyer"
        )
    n = graph.number_of_nodes()
    if set(graph.nodes) != set(range(n)):
        raise InputError(
            "Omega",
            "the graph's nodes are not 0 … n−1",
            "relabel them, as networkx.convert_node_labels_to_integers does",
        )
    edges = list(graph.edges(data="weight", default=1.0))
    ends = np.array([edge[:2] for edge in edges], dtype=np.int64).reshape(-1, 2)
    weights = np.array([_weight(*edge) for edge in edges], dtype=np.float64)
    return sp.coo_array((weights, (ends[:, 0], ends[:, 1])), shape=(n, n))
