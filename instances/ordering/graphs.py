"""Digraphs to order from what is at hand: lists of links, networkx graphs, sparse matrices, input–output tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances.planner.iotables import Table

Ints = NDArray[np.int64]

GAPS = 1_000_000  # so many nodes may have no link, and a hundred more for each link


def from_links(n: int, tail: ArrayLike, head: ArrayLike, weight: ArrayLike = 1.0, **about: str) -> OrderingProblem:
    """Return the digraph of a list of links between the nodes 0 … n−1.

    Parameters
    ----------
    n : int
    tail, head : array_like of int, shape (links,)
        From where to where.
    weight : float or array_like, shape (links,)
    **about
        ``name``, ``description``, ``source``, ``licence``.

    Raises
    ------
    InputError
        If a link stands twice, leads from a node to itself, or has a negative weight.
    """
    tail, head = np.asarray(tail, dtype=np.int64), np.asarray(head, dtype=np.int64)
    weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), tail.shape)
    return OrderingProblem(W=links(n, tail, head, weights, lambda key, place: f"{key}[{place}]"), **about)


def from_networkx(graph: nx.DiGraph, weight: str = "weight", **about: str) -> OrderingProblem:
    """Return the digraph of a networkx graph with nodes of any kind; node i is ``list(graph)[i]``.

    Parameters
    ----------
    graph : networkx.DiGraph
    weight : str
        The edge attribute that holds weights; 1.0 where it is missing.
    """
    if not graph.is_directed() or graph.is_multigraph():
        raise InputError("graph", "it is no networkx.DiGraph", "give one, with edges from supplier to buyer")
    number = {node: i for i, node in enumerate(graph)}
    edges = [(number[u], number[v], float(w)) for u, v, w in graph.edges(data=weight, default=1.0)]
    tail, head, weights = zip(*edges, strict=True) if edges else ((), (), ())
    return from_links(len(number), tail, head, weights, **about)


def from_sparse(matrix: Any, **about: str) -> OrderingProblem:
    """Return the digraph of a square matrix, sparse or dense; the diagonal is left out."""
    return OrderingProblem(W=matrix, **about)


def from_table(table: Table, **about: str) -> OrderingProblem:
    """Return the triangulation problem of an input–output table: ``W[i, j]`` is what sector i sells to sector j.

    Own use is left out; `endonet.instances.planner.iotables` reads tables.

    Raises
    ------
    InputError
        If a flow is negative.
    """
    given = {"name": "", "description": table.title, "source": table.source, "licence": table.licence} | about
    return OrderingProblem(W=sp.csr_array(table.flows), **given)


def few_gaps(n: int, count: int, field: str, remedy: str) -> None:
    """Refuse a digraph of which almost all nodes have no link: it is a slip, and its order would fill the memory.

    Raises
    ------
    InputError
        Naming the field.
    """
    if n > GAPS + 100 * count:
        raise InputError(field, f"there are {n} nodes, but {count} links", remedy)


def links(n: int, tail: Ints, head: Ints, weight: NDArray[np.float64], name: Callable[[str, int], str]) -> sp.csr_array:
    """Return W of a list of links; what is wrong is named by its place in the list.

    Parameters
    ----------
    name : callable
        Given ``"to"`` or ``"weight"`` and a place, how a message calls that entry.
    """
    if tail.size == 0:
        raise InputError(name("to", 0), "there is no link, so that every order is as good", "give at least one link")
    wrong = np.flatnonzero(~(weight >= 0))
    if wrong.size:
        raise InputError(name("weight", wrong[0]), f"{weight[wrong[0]]:g} is negative", "weights are finite and ≥ 0")
    loops = np.flatnonzero(tail == head)
    if loops.size:
        at = int(loops[0])
        raise InputError(
            name("to", at),
            f"a self-loop: node {tail[at]} is linked with itself",
            "leave it out: no order can violate it",
        )
    place = tail * n + head
    order = np.argsort(place, kind="stable")
    twice = np.flatnonzero(np.diff(place[order]) == 0)
    if twice.size:
        first, second = int(order[twice[0]]), int(order[twice[0] + 1])
        raise InputError(
            name("to", second),
            f"the link from {tail[second]} to {head[second]} already stands at {first}",
            "keep one of them, with the sum of the weights",
        )
    pointer = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=n))])
    return sp.csr_array((weight[order], head[order], pointer), shape=(n, n))
