"""Net weights: of two opposite links, the lighter one violates every order, so only the difference is at stake.

    Σ_ij W_ij 1{ν(i) > ν(j)} = Σ_{i<j} min(W_ij, W_ji) + Σ_ij (D_ij)⁺ 1{ν(i) > ν(j)},    D = W − Wᵀ

Only cycles of net links, those with D_ij > 0, have to be broken, and every such cycle lies within one strongly
connected component of the net links. An order of each component, with the components in topological order, orders the
whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from endonet.formulations.ordering.problem import Order, OrderingProblem, Vector


@dataclass(frozen=True, eq=False)
class NetLinks:
    """The net weights D of a digraph by rows, both signs, and the strong components of its net links.

    Attributes
    ----------
    pointer, node, weight : arrays
        D in CSR form without zeros.
    component : int array, shape (n,)
        The number of the component of each node; numbers rise along the net links.
    """

    pointer: NDArray[np.int64]
    node: NDArray[np.int32]
    weight: Vector
    component: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self.pointer.size - 1

    def members(self) -> list[Order]:
        """Return the nodes of each component, in topological order of the components."""
        by_component = np.argsort(self.component, kind="stable")
        sizes = np.bincount(self.component)
        return np.split(by_component, np.cumsum(sizes)[:-1])


def net_links(problem: OrderingProblem) -> NetLinks:
    """Return the net links of a digraph, their components numbered in topological order."""
    D = sp.csr_array(problem.W - problem.W.T)
    D.eliminate_zeros()
    D.sort_indices()
    positive = sp.csr_array((D.data > 0, D.indices, D.indptr), shape=D.shape, dtype=np.int8, copy=True)
    positive.eliminate_zeros()
    count, label = connected_components(positive, connection="strong")
    return NetLinks(
        D.indptr.astype(np.int64), D.indices.astype(np.int32), D.data, _topological(positive, label, int(count))
    )


def _topological(positive: sp.csr_array, label: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return the labels renumbered so that every link between components rises."""
    tails = label[np.repeat(np.arange(label.size), np.diff(positive.indptr))].astype(np.int64)
    heads = label[positive.indices].astype(np.int64)
    between = tails != heads
    pairs = np.unique(tails[between] * count + heads[between])
    tails, heads = pairs // count, pairs % count
    pointer = np.searchsorted(tails, np.arange(count + 1))
    waiting = np.bincount(heads, minlength=count)
    smallest = np.full(count, label.size, np.int64)
    np.minimum.at(smallest, label, np.arange(label.size))
    ready = sorted(np.flatnonzero(waiting == 0).tolist(), key=lambda c: smallest[c])
    rank = np.empty(count, np.int64)
    for place, c in enumerate(_kahn(ready, pointer, heads, waiting)):
        rank[c] = place
    return rank[label]


def _kahn(
    ready: list[int], pointer: NDArray[np.int64], heads: NDArray[np.int64], waiting: NDArray[np.int64]
) -> list[int]:
    order = list(ready)
    for c in order:  # grows as components become free
        for d in heads[pointer[c] : pointer[c + 1]].tolist():
            waiting[d] -= 1
            if waiting[d] == 0:
                order.append(d)
    return order
