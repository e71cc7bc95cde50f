"""Digraphs in text files of numbers: tables of LOLIB, and edge lists.

    lolib   n² numbers row by row, perhaps after n, perhaps after a title line; the diagonal is left out
    edges   one link a line, ``from to`` or ``from to weight``, nodes numbered from 0; # and % start comments

The content decides which it is. A file of two or three numbers a line is a list of edges unless it is just as well a
table of two or three rows; which of the two must then be said (``--format``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances.fields import shown
from endonet.instances.ordering.graphs import few_gaps, links


@dataclass(frozen=True)
class Lolib:
    """The reader of LOLIB tables."""

    def recognises(self, text: str) -> bool:
        """Whether a text is a table; one that has been cut short counts, so that reading it can say so."""
        rows = _rows(text)
        return rows is not None and not _may_be_edges(rows)

    def read(self, text: str, name: str) -> OrderingProblem:
        """Return the digraph of a table."""
        rows = _rows(text)
        if rows is None:
            raise InputError("file", "it holds something besides numbers", "give a title line at most, then numbers")
        sizes = [len(row) for row in rows]
        numbers = [_number(token, f"entry {place}") for place, token in enumerate(t for row in rows for t in row)]
        n = _size(numbers, sizes)
        table = np.array(numbers[-n * n :]).reshape(n, n)
        np.fill_diagonal(table, 0.0)
        negative = np.argwhere(table < 0)
        if negative.size:
            i, j = negative[0]
            raise InputError(f"row {i}, column {j}", f"{table[i, j]:g} is negative", "weights are finite and ≥ 0")
        return OrderingProblem(W=sp.csr_array(table), name=name)


@dataclass(frozen=True)
class Edges:
    """The reader of edge lists."""

    def recognises(self, text: str) -> bool:
        """Whether a text is a list of edges, and no table of two or three rows."""
        rows = _rows(text)
        if rows is None or not _may_be_edges(rows):
            return False
        if len(rows) in (2, 3) and {len(row) for row in rows} == {len(rows)}:
            what = f"{len(rows)} lines of {len(rows)} numbers are a table or a list of edges"
            raise InputError("file", what, "say which: --format lolib or --format edges")
        return True

    def read(self, text: str, name: str) -> OrderingProblem:
        """Return the digraph of a list of edges."""
        lines = [(place, line) for place, line in enumerate(_uncommented(text), 1) if line]
        if not lines:
            raise InputError("file", "the list of edges is empty", "give a line for each link")
        for place, line in lines:
            if len(line) not in (2, 3):
                raise InputError(f"line {place}", f"it has {len(line)} entries", "write: from to, or: from to weight")
        tail, head = (_nodes([(place, line[end]) for place, line in lines]) for end in (0, 1))
        weight = np.array([_number(line[2], f"line {place}") if len(line) == 3 else 1.0 for place, line in lines])
        n = int(max(tail.max(), head.max())) + 1
        few_gaps(n, len(lines), "file", "number the nodes from 0 without gaps")
        W = links(n, tail, head, weight, lambda key, at: f"line {lines[min(at, len(lines) - 1)][0]}")
        return OrderingProblem(W=W, name=name)


LOLIB = Lolib()
EDGES = Edges()


def _uncommented(text: str) -> list[list[str]]:
    """Return the entries of each line, without comments."""
    return [line.split("#")[0].split("%")[0].replace(",", " ").split() for line in text.splitlines()]


def _rows(text: str) -> list[list[str]] | None:
    """Return the lines of a text that holds numbers only, after a title line if need be; None if it holds others."""
    lines = [line for line in _uncommented(text) if line]
    if lines and not all(map(_is_number, lines[0])):
        lines = lines[1:]
    return lines if lines and all(_is_number(token) for line in lines for token in line) else None


def _may_be_edges(rows: list[list[str]]) -> bool:
    return all(len(row) in (2, 3) for row in rows)


def _size(numbers: list[float], sizes: list[int]) -> int:
    """Return n of a table of n² numbers, or of n² numbers after n, wherever the lines break."""
    count, first = len(numbers), numbers[0]
    whole = first >= 1 and first == int(first)
    if whole and first * first + 1 == count:
        return int(first)
    column = len(set(sizes)) == 1 and sizes[0] == 1
    if whole and sizes[0] == 1 and count > 1 and (not column or first * first + 1 > count):
        what = f"n = {int(first)} and then {count - 1} numbers, not {int(first) ** 2}"
        raise InputError("file", what, "it is cut short: fetch it again")
    n = math.isqrt(count)
    if n * n != count or n < 2 or (sizes[0] == 1 and not column):
        what = f"{count} numbers are neither n² nor n and n² of them"
        raise InputError("file", what, "it is cut short or no table: fetch it again")
    width = sizes[0]
    if len(sizes) > 1 and len(set(sizes[:-1])) == 1 and width * width > count:
        # whole rows of a larger table happen to be a square
        what = f"it has {len(sizes)} rows of {width} numbers"
        raise InputError("file", what, "it is cut short or no square table: fetch it again")
    return n


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return "_" not in token


def _number(token: str, where: str) -> float:
    if not _is_number(token) or not math.isfinite(float(token)):
        raise InputError(where, f"{shown(token)} is no finite number", "weights are finite and ≥ 0")
    return float(token)


def _nodes(tokens: list[tuple[int, str]]) -> NDArray[np.int64]:
    for place, token in tokens:
        if not token.isdecimal() or len(token) > 15:
            raise InputError(f"line {place}", f"{shown(token)} is no node", "number the nodes from 0")
    return np.array([int(token) for _, token in tokens], dtype=np.int64)
