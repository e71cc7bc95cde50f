"""A CVXPY model as one cone program in matrices, and that program as a file in the Conic Benchmark Format (.cbf).

    min or max  c'x + d    s.t.  A_k x + b_k ∈ K_k for every block k,   x_j integer for some j

CVXPY's own reductions do the rewriting; mixed-integer power cones, which no solver that CVXPY knows can take, are
written all the same. Blocks are

    zero, nonnegative           the linear rows
    second-order                u_0 ≥ ‖(u_1, …)‖
    exponential                 u_0 ≥ u_1 exp(u_2/u_1)
    power(α)                    u_0^α u_1^(1−α) ≥ |u_2|,   u_0, u_1 ≥ 0

Source: Friberg, *CBLIB 2014: a benchmark library for conic mixed-integer and continuous optimization* (2016); the
format's version 2 and later have the last two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations.errors import InputError

Vector = NDArray[np.float64]

ZERO, NONNEGATIVE, SECOND_ORDER, EXPONENTIAL, POWER = "zero", "nonnegative", "second-order", "exponential", "power"
CBF = {ZERO: "L=", NONNEGATIVE: "L+", SECOND_ORDER: "Q", EXPONENTIAL: "EXP"}


@dataclass(frozen=True)
class Cone:
    """One block of rows.

    Attributes
    ----------
    kind : {"zero", "nonnegative", "second-order", "exponential", "power"}
    size : int
        Its rows.
    alpha : float, optional
        The exponent of a power cone.
    """

    kind: str
    size: int
    alpha: float | None = None


@dataclass(frozen=True, eq=False)
class ConeProgram:
    """A cone program in matrices.

    Attributes
    ----------
    maximise : bool
    c : array, shape (n,)
    d : float
    A : csr_array, shape (m, n)
    b : array, shape (m,)
    cones : tuple of Cone
        In the order of the rows.
    integers, binaries : int arrays
        Columns; a binary one is in [0, 1] by rows of its own.
    columns : mapping of name to slice
        Where the variables stand, under their names in the model; matrices by columns.
    """

    maximise: bool
    c: Vector
    d: float
    A: sp.csr_array
    b: Vector
    cones: tuple[Cone, ...]
    integers: NDArray[np.int64]
    binaries: NDArray[np.int64]
    columns: dict[str, slice]


def cone_program(model: Any) -> ConeProgram:
    """Return a CVXPY problem as a cone program.

    Raises
    ------
    InputError
        If the model is no CVXPY problem, breaks CVXPY's rules of convexity, or needs semidefinite or other cones.
    """
    import cvxpy as cp
    from cvxpy.reductions.chain import Chain
    from cvxpy.reductions.cvx_attr2constr import CvxAttr2Constr
    from cvxpy.reductions.dcp2cone.cone_matrix_stuffing import ConeMatrixStuffing
    from cvxpy.reductions.dcp2cone.dcp2cone import Dcp2Cone
    from cvxpy.reductions.flip_objective import FlipObjective

    if not isinstance(model, cp.Problem):
        raise InputError("model", "it is no CVXPY problem", "build the formulation with modeller='cvxpy'")
    if not model.is_dcp():
        raise InputError("model", "it breaks CVXPY's rules of convexity (DCP)", "see model.is_dcp()")
    if any(parameter.value is None for parameter in model.parameters()):
        raise InputError("model", "a parameter of it has no value", "set it before the model is written")
    maximise = isinstance(model.objective, cp.Maximize)
    flip = [FlipObjective()] if maximise else []
    stuffed, _ = Chain(None, [*flip, Dcp2Cone(), CvxAttr2Constr(reduce_bounds=True), ConeMatrixStuffing()]).apply(model)
    c, d, A, b = stuffed.apply_parameters()
    order, cones = _blocks(stuffed.constraints)
    rows = sp.csr_array(A)[order]
    sign = -1.0 if maximise else 1.0
    starts = stuffed.var_id_to_col
    columns = {v.name(): slice(starts[v.id], starts[v.id] + v.size) for v in stuffed.variables if v.id in starts}
    binaries = _columns(stuffed.x.boolean_idx)
    rows, bounds, cones = _with_bounds(rows, np.asarray(b, dtype=np.float64)[order], cones, binaries)
    return ConeProgram(
        maximise,
        sign * np.asarray(c, dtype=np.float64),
        sign * float(d),
        rows,
        bounds,
        tuple(cones),
        np.union1d(binaries, _columns(stuffed.x.integer_idx)),
        binaries,
        columns,
    )


def to_cbf(program: ConeProgram, name: str = "") -> str:
    """Return a cone program as text in the Conic Benchmark Format, version 4 (version 1 where that suffices)."""
    return "\n".join(_sections(program, name)) + "\n"


def _columns(found: Any) -> NDArray[np.int64]:
    return np.array([int(index[0]) for index in found or ()], dtype=np.int64)


def _with_bounds(
    rows: sp.csr_array, b: Vector, cones: list[Cone], binaries: NDArray[np.int64]
) -> tuple[sp.csr_array, Vector, list[Cone]]:
    """Add 0 ≤ x_j ≤ 1 for the binary columns, which CVXPY leaves to the solver."""
    k = binaries.size
    if not k:
        return rows, b, cones
    pick = sp.csr_array((np.ones(k), (np.arange(k), binaries)), shape=(k, rows.shape[1]))
    stacked = sp.csr_array(sp.vstack([rows, pick, -pick]))
    return stacked, np.concatenate([b, np.zeros(k), np.ones(k)]), [*cones, Cone(NONNEGATIVE, 2 * k)]


def _blocks(constraints: Any) -> tuple[NDArray[np.int64], list[Cone]]:
    """Return the order in which CVXPY's rows make up whole cones, and the cones."""
    import cvxpy as cp

    order: list[NDArray[np.int64]] = []
    cones: list[Cone] = []
    start = 0
    for constraint in constraints:
        size = constraint.size
        rows = np.arange(start, start + size)
        if isinstance(constraint, (cp.Zero, cp.NonNeg)):
            order.append(rows)
            cones.append(Cone(ZERO if isinstance(constraint, cp.Zero) else NONNEGATIVE, size))
        elif isinstance(constraint, cp.SOC):
            tops = constraint.args[0].size  # the tops come first, then the columns of X one after the other
            sides = rows[tops:].reshape(tops, -1)
            order += [np.concatenate([rows[k : k + 1], sides[k]]) for k in range(tops)]
            cones += [Cone(SECOND_ORDER, 1 + sides.shape[1])] * tops
        elif isinstance(constraint, (cp.PowCone3D, cp.ExpCone)):
            parts = rows.reshape(3, -1)
            if isinstance(constraint, cp.ExpCone):
                parts = parts[::-1]  # CVXPY: y exp(x/y) ≤ z
                cones += [Cone(EXPONENTIAL, 3)] * parts.shape[1]
            else:
                powers = np.broadcast_to(constraint.alpha.value, parts.shape[1:]).ravel()
                cones += [Cone(POWER, 3, float(alpha)) for alpha in powers]
            order.append(parts.T.ravel())
        else:
            kind = type(constraint).__name__
            raise InputError(
                "model", f"it has a cone of the kind {kind}", "linear, SOC, exponential and power are known"
            )
        start += size
    return np.concatenate(order) if order else np.empty(0, np.int64), cones


def _sections(program: ConeProgram, name: str) -> Iterator[str]:
    powers = sorted({cone.alpha for cone in program.cones if cone.alpha is not None})
    simple = not powers and all(cone.kind != EXPONENTIAL for cone in program.cones)
    yield f"# {' '.join(name.split())}" if name else "# written by endonet"
    yield f"VER\n{1 if simple else 4}\n"
    if powers:
        yield f"POWCONES\n{len(powers)} {2 * len(powers)}"
        for alpha in powers:
            yield f"2\n{alpha!r}\n{1 - alpha!r}"
        yield ""
    yield f"OBJSENSE\n{'MAX' if program.maximise else 'MIN'}\n"
    n = program.c.size
    yield f"VAR\n{n} 1\nF {n}\n"
    if program.integers.size:
        yield f"INT\n{program.integers.size}"
        yield from map(str, program.integers.tolist())
        yield ""
    merged = _merged(program.cones)
    yield f"CON\n{program.b.size} {len(merged)}"
    for cone in merged:
        yield f"{CBF[cone.kind] if cone.alpha is None else f'@{powers.index(cone.alpha)}:POW'} {cone.size}"
    yield ""
    yield from _entries("OBJACOORD", [(j, c) for j, c in enumerate(program.c.tolist()) if c])
    if program.d:
        yield f"OBJBCOORD\n{program.d!r}\n"
    A = program.A.tocoo()
    places = zip(A.row.tolist(), A.col.tolist(), A.data.tolist(), strict=True)
    yield from _entries("ACOORD", [(i, j, a) for i, j, a in places if a])
    yield from _entries("BCOORD", [(i, b) for i, b in enumerate(program.b.tolist()) if b])


def _merged(cones: tuple[Cone, ...]) -> list[Cone]:
    """Return the cones with neighbouring blocks of linear rows in one."""
    found: list[Cone] = []
    for cone in cones:
        if found and cone.kind == found[-1].kind and cone.kind in (ZERO, NONNEGATIVE):
            found[-1] = Cone(cone.kind, found[-1].size + cone.size)
        elif cone.size:
            found.append(cone)
    return found


def _entries(keyword: str, entries: list[tuple[Any, ...]]) -> Iterator[str]:
    if entries:
        yield f"{keyword}\n{len(entries)}"
        for entry in entries:
            yield " ".join(map(repr, entry))
        yield ""
