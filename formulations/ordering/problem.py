"""Ordering firms: which order leaves the least value of links running backward? (paper 002, section 4.2, appendix B)

    min over orders ν   Σ_ij W_ij 1{ν(i) > ν(j)}                                                    (section 4.2.1)

Symbols
    W_ij ≥ 0   weight of the link from supplier i to buyer j; 1 for the paper's unweighted case
    ν(i)       place of firm i in the order; a link i → j *violates* acyclicity where ν(i) > ν(j)

The links that violate an optimal order are a *minimum feedback arc set*: without them the network is acyclic, and no
lighter set of links does that. With ν read along rows and columns of an input–output table the same problem is the
table's *triangulation*, the linear ordering problem: the greatest sum above the diagonal is Σ W_ij less the optimum.

A firm's link to itself is neither before nor behind anything. It is the own use of an input–output table, so that the
diagonal of a matrix is left out; among links listed one by one it is an error.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.contracts import Sense
from endonet.formulations.errors import InputError

if TYPE_CHECKING:
    from endonet.formulations.ordering.evaluation import OrderingOutcome

Vector = NDArray[np.float64]
Order = NDArray[np.int64]

WHOLE = 2.0**53  # sums of whole numbers are exact in doubles up to here


@dataclass(frozen=True, eq=False)
class OrderingProblem:
    """A weighted digraph, validated and immutable.

    Parameters
    ----------
    W : sparse or dense (n, n) array, or networkx.DiGraph
        ``W[i, j]`` is the weight of the link from i to j. Kept as a CSR array without zeros and without diagonal. A
        graph must have the nodes 0 … n−1 and no self-loop; its edge attribute ``weight`` is optional (1.0).
    name, description, source, licence : str, optional
        Where the digraph comes from; they do not enter the mathematics.

    Raises
    ------
    InputError
        If a weight is negative or not finite, the matrix is not square, or there is nothing to order; the message names
        field, index and remedy.

    Examples
    --------
    >>> from endonet.formulations.ordering.problem import OrderingProblem
    >>> problem = OrderingProblem([[0, 3, 0], [0, 0, 2], [1, 0, 0]])
    >>> problem.evaluate([0, 1, 2]).value, problem.evaluate([2, 1, 0]).value
    (1.0, 5.0)
    """

    W: sp.csr_array
    name: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""

    family = "ordering"
    sense = Sense.MINIMISE

    def __post_init__(self) -> None:
        W = _weights(self.W)
        object.__setattr__(self, "W", W)
        if W.nnz == 0:
            raise InputError("W", "the digraph has no link, so that every order is as good", "give at least one link")
        with np.errstate(over="ignore"):
            total = float(W.data.sum())
        if not math.isfinite(total):
            raise InputError("W", "the weights add up beyond the range of doubles", "state them in a larger unit")

    @property
    def n(self) -> int:
        """Number of nodes (firms, sectors)."""
        return int(self.W.shape[0])

    @property
    def links(self) -> int:
        """Number of links with positive weight, self-loops left out."""
        return int(self.W.nnz)

    @cached_property
    def tails(self) -> NDArray[np.int32]:
        """The node at which each link starts, in the order of ``W.indices``, which holds where it ends."""
        return _frozen(np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.W.indptr)))

    @cached_property
    def incoming(self) -> tuple[NDArray[Any], NDArray[np.int32], Vector]:
        """The links by buyer, as (pointer, supplier, weight)."""
        by_buyer = sp.csc_array(self.W)
        return by_buyer.indptr, by_buyer.indices, by_buyer.data

    @cached_property
    def total(self) -> float:
        """Σ W_ij, correctly rounded."""
        return self.sum(self.W.data)

    @cached_property
    def integral(self) -> bool:
        """Whether every weight is whole and their sums are exact, so that values of orders are whole numbers."""
        data = self.W.data
        return bool(np.all(data == np.floor(data)) and float(data.sum()) < WHOLE)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that define the problem, as hexadecimal digits."""
        digest = hashlib.sha256(b"endonet ordering 1")
        arrays: list[NDArray[Any]] = [self.W.indptr.astype(np.int64), self.W.indices.astype(np.int64), self.W.data]
        for array in arrays:
            digest.update(f"{array.dtype.str}{array.size};".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def sum(self, weights: Vector) -> float:
        """Return a sum of weights of links, correctly rounded whatever their order."""
        return float(weights.sum()) if self.integral else math.fsum(weights)

    def evaluate(self, order: ArrayLike) -> OrderingOutcome:
        """Compute what violates an order, and how much of it; see `OrderingOutcome`.

        Parameters
        ----------
        order : array_like of int, shape (n,)
            The nodes from first to last, each once.

        Raises
        ------
        InputError
            If it is no permutation of 0 … n−1.
        """
        from endonet.formulations.ordering.evaluation import OrderingOutcome

        return OrderingOutcome(self, self.order(order))

    def order(self, order: ArrayLike) -> Order:
        """Return an order as an int64 array after checking that it holds every node once."""
        remedy = f"list each of the nodes 0 to {self.n - 1} once, from first to last"
        try:
            raw = np.asarray(order)
            if raw.dtype.kind not in "iuf":
                raise TypeError
            values = raw.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            raise InputError("order", "it holds something that is not a number", remedy) from None
        if values.shape != (self.n,):
            raise InputError("order", f"its shape is {values.shape}", remedy)
        wrong = np.flatnonzero(~((values >= 0) & (values < self.n) & (values == np.floor(values))))
        if wrong.size:
            raise InputError(f"order[{wrong[0]}]", f"there is no node {values[wrong[0]]:g}", remedy)
        nodes = values.astype(np.int64)
        again = np.flatnonzero(np.bincount(nodes, minlength=self.n) > 1)
        if again.size:
            place = int(np.flatnonzero(nodes == again[0])[1])
            raise InputError(f"order[{place}]", f"node {again[0]} stands twice", remedy)
        return nodes

    def encode_decision(self, decision: ArrayLike) -> dict[str, Any]:
        """Return ``{"order": [3, 0, …], "forward_weight": 12.0}``."""
        outcome = self.evaluate(decision)
        return {"order": outcome.order.tolist(), "forward_weight": outcome.forward_weight}

    def decode_decision(self, encoded: Any) -> Order:
        """Return the order from ``{"order": [3, 0, …]}``; the check holds ``forward_weight`` against it."""
        if not isinstance(encoded, dict) or not isinstance(encoded.get("order"), list):
            raise InputError("decision.order", "it is missing or no list", f"give the {self.n} nodes in turn")
        return self.order(encoded["order"])

    def __repr__(self) -> str:
        title = f" {self.name!r}" if self.name else ""
        return f"<OrderingProblem{title}: {self.n} nodes, {self.links} links, weight {self.total:.9g}>"


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _weights(value: Any) -> sp.csr_array:
    """Return W as a canonical, read-only CSR array with int32 indices and positive weights off the diagonal."""
    if isinstance(value, nx.Graph):
        value = _from_graph(value)
    try:
        W = sp.csr_array(value, dtype=np.float64, copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("W", f"it is no matrix of numbers ({error})", "give an n × n array, sparse or dense") from None
    if W.ndim != 2 or W.shape[0] != W.shape[1]:
        raise InputError("W", f"its shape is {W.shape}", "give a square matrix, suppliers × buyers")
    if W.shape[0] == 0:
        raise InputError("W", "the digraph has no node", "give at least two nodes and a link")
    before = value.nnz if isinstance(value, (sp.coo_array, sp.coo_matrix)) else W.nnz
    W.sum_duplicates()
    if W.nnz != before:
        raise InputError("W", "a link stands twice", "add the weights of repeated links up")
    wrong = np.flatnonzero(~((W.data >= 0) & np.isfinite(W.data)))
    if wrong.size:
        p = int(wrong[0])
        i = int(np.searchsorted(W.indptr, p, side="right")) - 1
        raise InputError(f"W[{i}, {W.indices[p]}]", f"{W.data[p]:g} is no weight", "weights are finite and ≥ 0")
    tails = np.repeat(np.arange(W.shape[0]), np.diff(W.indptr))
    W.data[tails == W.indices] = 0.0
    W.eliminate_zeros()
    W.indices = W.indices.astype(np.int32, copy=False)
    W.indptr = W.indptr.astype(np.int64 if W.nnz > 2**31 - 2 else np.int32, copy=False)
    for array in (W.data, W.indices, W.indptr):
        array.setflags(write=False)
    return W


def _from_graph(graph: nx.Graph) -> sp.coo_array:
    if not graph.is_directed():
        raise InputError("W", "the graph is not directed", "give a networkx.DiGraph with edges from supplier to buyer")
    n = graph.number_of_nodes()
    if set(graph.nodes) != set(range(n)):
        raise InputError(
            "W",
            "the graph's nodes are not 0 … n−1",
            "relabel them, as networkx.convert_node_labels_to_integers does",
        )
    loop = next(iter(nx.selfloop_edges(graph)), None)
    if loop is not None:
        raise InputError("W", f"the graph has a self-loop at node {loop[0]}", "leave it out: no order can violate it")
    edges = list(graph.edges(data="weight", default=1.0))
    ends = np.array([edge[:2] for edge in edges], dtype=np.int64).reshape(-1, 2)
    weights = np.array([edge[2] for edge in edges], dtype=np.float64)
    return sp.coo_array((weights, (ends[:, 0], ends[:, 1])), shape=(n, n))
