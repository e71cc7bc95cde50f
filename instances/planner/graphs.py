"""Economies from networks made elsewhere: edge lists, networkx graphs, scipy sparse matrices.

A network gives Ω only. Productivities are given as ``z`` or drawn, log z ~ N(0, sigma_z²), from ``seed``; the other
parameters (``f``, ``alpha``, ``sigma``, ``epsilon``, ``constraints``, ``name`` …) go to `PlannerProblem` as they are.
Firms without any supplier can never produce; they are kept, and `PlannerProblem` warns of them.
"""

from __future__ import annotations

import csv
import math
import os
import re
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.instances.fields import counted, shown
from endonet.instances.formats import FileError
from endonet.instances.planner import draws
from endonet.instances.planner.draws import Seed

COMMENTS = ("#", "%", "//")
DELIMITERS = (",", ";", "\t", "|")


def from_matrix(
    Omega: Any, z: ArrayLike | None = None, seed: Seed = 0, sigma_z: float = 0.39, **parameters: Any
) -> PlannerProblem:
    """Return an economy on a matrix, sparse or dense, with ``Omega[i, j]`` the weight of the link from i to j.

    Parameters
    ----------
    Omega : sparse or dense (n, n) array
    z : array_like, shape (n,), optional
        Productivities; drawn if they are not given.
    seed, sigma_z
        Of the draw.
    **parameters
        For `PlannerProblem`.

    Raises
    ------
    InputError
        If the matrix or a parameter is not what `PlannerProblem` takes.
    """
    shape = np.shape(Omega)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InputError("Omega", f"its shape is {shape}", "give a square matrix, suppliers × buyers")
    if z is None:
        z = draws.lognormal(draws.generator(seed), sigma_z, shape[0])
    return PlannerProblem(Omega=Omega, z=z, **parameters)  # type: ignore[arg-type]


def from_networkx(
    graph: nx.DiGraph, z: ArrayLike | str | None = None, seed: Seed = 0, sigma_z: float = 0.39, **parameters: Any
) -> tuple[PlannerProblem, list[Any]]:
    """Return an economy on a directed graph, with edges from supplier to buyer, and the nodes in the order of firms.

    Firms are numbered in the graph's own order of nodes. The edge attribute ``weight`` is optional (1.0).

    Parameters
    ----------
    graph : networkx.DiGraph
    z : array_like of shape (n,), or the name of a node attribute, optional
        Productivities, in the order of nodes; drawn if they are not given.

    Raises
    ------
    InputError
        If the graph is undirected, a multigraph or empty, or a node lacks the attribute.
    """
    if not graph.is_directed():
        raise InputError("graph", "it is not directed", "give a networkx.DiGraph with edges from supplier to buyer")
    if graph.is_multigraph():
        raise InputError("graph", "it is a multigraph", "merge parallel edges, as networkx.DiGraph(graph) does")
    nodes = list(graph.nodes)
    if not nodes:
        raise InputError("graph", "it has no node", "give at least one firm")
    if isinstance(z, str):
        values = [graph.nodes[node].get(z) for node in nodes]
        if None in values:
            raise InputError("z", f"node {shown(nodes[values.index(None)])} has no attribute {z!r}", "add it")
        z = values
    number = {node: j for j, node in enumerate(nodes)}
    plain = nx.DiGraph()
    plain.add_nodes_from(range(len(nodes)))
    plain.add_weighted_edges_from((number[i], number[j], w) for i, j, w in graph.edges(data="weight", default=1.0))
    if z is None:
        z = draws.lognormal(draws.generator(seed), sigma_z, len(nodes))
    return PlannerProblem(Omega=plain, z=z, **parameters), nodes  # type: ignore[arg-type]


def read_edge_list(
    path: str | os.PathLike[str],
    z: ArrayLike | None = None,
    seed: Seed = 0,
    sigma_z: float = 0.39,
    labels: bool = False,
    delimiter: str | None = None,
    header: bool = False,
    n: int | None = None,
    **parameters: Any,
) -> tuple[PlannerProblem, list[str]]:
    """Return an economy on an edge list and the labels of its firms.

    One link a line: ``supplier buyer [weight]``. Empty lines and lines that start with #, % or // are skipped. Fields
    are separated by the first of comma, semicolon, tab and | that the first link contains, else by blanks.

    Parameters
    ----------
    path : str or path
        A text file in UTF-8.
    labels : bool, default False
        If False, firms are 0-based whole numbers. If True, any names; firms are numbered in the order in which the
        names first appear.
    delimiter : str, optional
        Overrides the detection.
    header : bool, default False
        Whether the first line that is no comment holds column names.
    n : int, optional
        Number of firms, if there are more than the links name; without labels only.

    Raises
    ------
    InputError
        For a file that cannot be read, and for the first line that is wrong, by its number.
    """
    title = os.fspath(path)
    rows = _rows(Path(path), delimiter, header)
    if not rows:
        raise FileError(str(title), "file", "it holds no link", "give lines 'supplier buyer [weight]'")
    names: dict[str, int] = {}
    ends = np.empty((len(rows), 2), dtype=np.int64)
    weights = np.ones(len(rows))
    seen: dict[tuple[int, int], int] = {}
    for k, (line, parts) in enumerate(rows):
        where = f"line {line}"
        if len(parts) not in (2, 3):
            raise FileError(
                str(title), where, f"it has {counted(len(parts), 'field')}", "give 'supplier buyer [weight]'"
            )
        for side in (0, 1):
            if labels:
                ends[k, side] = names.setdefault(parts[side], len(names))
            else:
                ends[k, side] = _index(str(title), where, parts[side])
        pair = (int(ends[k, 0]), int(ends[k, 1]))
        if pair in seen:
            raise FileError(str(title), where, f"the link already stands in line {seen[pair]}", "add the weights up")
        seen[pair] = line
        if len(parts) == 3:
            weights[k] = _weight(str(title), where, parts[2])
    firms = len(names) if labels else int(ends.max()) + 1
    # Indices come from untrusted text: a single large one must not make an economy of mostly nothing.
    if not labels and firms > max(1000, 100 * len(rows)) and n is None:
        raise FileError(str(title), "file", f"index {firms - 1} is far beyond its {len(rows)} links", "set labels=True")
    if n is not None:
        if labels or n < firms:
            raise InputError("n", f"{n} does not fit the {firms} firms of the list", "leave it out")
        firms = n
    Omega = sp.coo_array((weights, (ends[:, 0], ends[:, 1])), shape=(firms, firms))
    problem = from_matrix(Omega, z, seed, sigma_z, **parameters)
    return problem, list(names) if labels else [str(j) for j in range(firms)]


def _rows(path: Path, delimiter: str | None, header: bool) -> list[tuple[int, list[str]]]:
    """Return (line number, fields) of every line that is no comment."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(str(path), "file", f"it cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError as error:
        raise FileError(str(path), "file", f"it is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    lines = [(k, line.strip()) for k, line in enumerate(text.splitlines(), start=1)]
    lines = [(k, line) for k, line in lines if line and not line.startswith(COMMENTS)][1 if header else 0 :]
    if lines and delimiter is None:
        delimiter = next((mark for mark in DELIMITERS if mark in lines[0][1]), None)
    if delimiter is None or delimiter == " ":
        return [(k, line.split()) for k, line in lines]
    split = (next(csv.reader([line], delimiter=delimiter, skipinitialspace=True)) for _, line in lines)
    return [(k, [part.strip() for part in parts]) for (k, _), parts in zip(lines, split, strict=True)]


def _index(title: str, where: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, flags=re.ASCII):
        raise FileError(title, where, f"{shown(text)} is no 0-based index", "set labels=True for names")
    return int(text)


def _weight(title: str, where: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        raise FileError(title, where, f"{shown(text)} is no weight", "weights are finite numbers ≥ 0")
    return weight
