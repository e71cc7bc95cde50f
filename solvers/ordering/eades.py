"""The paper's heuristic: the greedy ordering of Eades, Lin and Smyth (paper 002, appendix B).

Three versions differ in what δ(u) is, by which the next firm is taken; sinks and sources go first in all of them.

    links     δ(u) = d⁻(u) − d⁺(u)       numbers of links; the unweighted ordering of B.3
    floor     δ(u) = ⌊w⁻(u) − w⁺(u)⌋     weights divided by the largest, then rounded down; the weighted ordering of B.5
    weights   δ(u) = w⁻(u) − w⁺(u)       exact weights, which need no buckets

(The paper prints the floor of B.5 as what looks like an absolute value.) The heuristic has no bound: `certified` says
how far it is off.

Source: paper 002, appendix B, after Eades, Lin and Smyth (1993) and Simpson, Srinivasan and Thomo (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import Order, OrderingProblem
from endonet.solvers.base import Solver
from endonet.solvers.ordering.greedy import by_buckets, by_heap
from endonet.solvers.ordering.tiny import tiny_digraph
from endonet.solvers.solution import Finding, Proves, Status

DELTAS = ("weights", "floor", "links")
TIES = ("oldest", "newest")


@dataclass(frozen=True, kw_only=True)
class Eades(Solver[OrderingProblem]):
    """The greedy ordering of Eades, Lin and Smyth; fast, and without a bound.

    Parameters
    ----------
    delta : {"weights", "floor", "links"}, default "weights"
        What the next firm is chosen by: exact net weight, net weight rounded down (appendix B.5), or the net number of
        links (B.3). Whichever it is, ``value`` is the weight that violates the order.
    ties : {"oldest", "newest"}, default "oldest"
        For "floor" and "links": which firm of a bucket goes first, the one that came into it first, as in the paper's
        worked example, or last. With "weights" the lower number goes first.
    """

    name: ClassVar[str] = "eades"
    title: ClassVar[str] = "The paper's greedy ordering (Eades, Lin and Smyth)"
    proves: ClassVar[Proves] = Proves.NOTHING

    delta: Literal["weights", "floor", "links"] = "weights"
    ties: Literal["oldest", "newest"] = "oldest"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delta not in DELTAS:
            raise InputError("delta", f"{self.delta!r} is no version", f"use one of {', '.join(DELTAS)}")
        if self.ties not in TIES:
            raise InputError("ties", f"{self.ties!r} is no rule", f"use one of {', '.join(TIES)}")

    def prepare(self) -> None:
        """Compile the kernels."""
        greedy_order(tiny_digraph(), self.delta, self.ties)

    def run(self, problem: OrderingProblem, formulation: str | None) -> Finding:
        """Take firms off one by one."""
        del formulation
        return Finding(greedy_order(problem, self.delta, self.ties), Status.STATIONARY)


def greedy_order(problem: OrderingProblem, delta: str = "weights", ties: str = "oldest") -> Order:
    """Return the greedy order of one version; see `Eades`.

    Examples
    --------
    The worked example of appendix B.4, firms A to E as 0 to 4, ends with the order A, C, B, D, E.

    >>> from endonet.formulations.ordering.problem import OrderingProblem
    >>> W = [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0]]
    >>> greedy_order(OrderingProblem(W), "links").tolist()
    [0, 2, 1, 3, 4]
    """
    W = problem.W
    in_ptr, in_node, in_w = problem.incoming
    if delta == "weights":
        order: Order = by_heap(W.indptr, W.indices, W.data, in_ptr, in_node, in_w)
        return order
    if delta == "links":
        out_w, in_w = np.ones(problem.links), np.ones(problem.links)
    else:
        largest = W.data.max()
        out_w, in_w = W.data / largest, in_w / largest
    order = by_buckets(W.indptr, W.indices, out_w, in_ptr, in_node, in_w, ties == "newest")
    return order
