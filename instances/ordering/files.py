"""The ordering family's instance files: the fields of one digraph, and an `OrderingProblem` from them.

    {"family": "ordering", "version": 1, "name": "…", "n": 4, "arcs": {"from": […], "to": […], "weight": […]}}

``weight`` may be left out (1.0); ``description``, ``source`` and ``licence`` are optional; indices are 0-based. A link
that stands twice, a link from a node to itself and a negative weight are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances import heads
from endonet.instances.fields import Fields
from endonet.instances.ordering.graphs import few_gaps, links

FIELDS = ("n", "arcs")
ARC_FIELDS = ("from", "to", "weight")


def from_fields(values: Mapping[str, Any]) -> OrderingProblem:
    """Return the digraph that the fields of an instance file describe.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong; the message names field, index and remedy.
    """
    fields = heads.opened(values, "ordering", FIELDS)
    n = fields.integer("n", least=1)
    return OrderingProblem(W=_arcs(fields.section("arcs"), n), **heads.about(fields))


def to_fields(problem: OrderingProblem) -> dict[str, Any]:
    """Return the fields of a digraph, with numpy arrays; `from_fields` gives it back bit by bit."""
    arcs: dict[str, Any] = {"from": problem.tails, "to": problem.W.indices}
    if not np.all(problem.W.data == 1.0):
        arcs["weight"] = problem.W.data
    return heads.head(problem) | {"n": problem.n, "arcs": arcs}


def _arcs(fields: Fields, n: int) -> sp.csr_array:
    fields.only(ARC_FIELDS)
    tail = fields.indices("from", n)
    few_gaps(n, tail.size, "n", "leave out the nodes without links, whose place is no matter")
    head = fields.indices("to", n, tail.size)
    weight = fields.numbers("weight", tail.size, "link") if "weight" in fields else np.ones(tail.size)
    return links(n, tail, head, weight, lambda key, place: fields.name(f"{key}[{place}]"))
