"""The planner's instance files: the fields of one economy, and a `PlannerProblem` from them.

    {"family": "planner", "version": 1, "name": "…", "description": "…", "source": "…", "licence": "…",
     "n": 6, "links": {"supplier": [0, …], "buyer": [1, …], "weight": [1.0, …]},
     "z": […], "A": 1.0, "L": 1.0, "f": 0.01, "alpha": 0.5, "sigma": 5.0, "epsilon": 5.0,
     "constraints": [{"firms": [0, 3], "coefficients": [1, 1], "sense": "<=", "rhs": 1}]}

f and alpha are one number or n; indices are 0-based. What may be left out: ``weight``, the Ω of (7) (1.0), A and L
(1.0), constraints, name, description, source and licence. The other parameters are never assumed: they decide the
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import SENSES, LinearRow
from endonet.instances import heads
from endonet.instances.fields import Fields

FIELDS = ("n", "links", "z", "A", "L", "f", "alpha", "sigma", "epsilon", "constraints")
LINK_FIELDS = ("supplier", "buyer", "weight")
ROW_FIELDS = ("firms", "coefficients", "sense", "rhs")


def from_fields(values: Mapping[str, Any]) -> PlannerProblem:
    """Return the economy that the fields of a file describe.

    Parameters
    ----------
    values : mapping
        Lists or one-dimensional arrays, numbers and text, as in the module's docstring.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong; the message names field, index and remedy.
    """
    fields = heads.opened(values, "planner", FIELDS)
    n = fields.integer("n", least=1)
    z = fields.numbers("z", n)
    return PlannerProblem(
        Omega=_links(fields.section("links"), n),
        z=z,
        A=fields.number("A", 1.0),
        L=fields.number("L", 1.0),
        f=fields.number_or_numbers("f", n),  # type: ignore[arg-type]
        alpha=fields.number_or_numbers("alpha", n),  # type: ignore[arg-type]
        sigma=fields.number("sigma"),
        epsilon=fields.number("epsilon"),
        constraints=tuple(_row(row, n) for row in fields.sections("constraints")),
        **heads.about(fields),
    )


def to_fields(problem: PlannerProblem) -> dict[str, Any]:
    """Return the fields of an economy, with numpy arrays; `from_fields` gives it back bit by bit."""
    Omega = problem.Omega
    buyer = np.repeat(np.arange(problem.n, dtype=np.int32), np.diff(Omega.indptr))
    links: dict[str, Any] = {"supplier": Omega.indices, "buyer": buyer}
    if not np.all(Omega.data == 1.0):
        links["weight"] = Omega.data
    fields = heads.head(problem)
    fields |= {"n": problem.n, "links": links, "z": problem.z, "A": problem.A, "L": problem.L}
    fields |= {"f": _short(problem.f), "alpha": _short(problem.alpha)}
    fields |= {"sigma": problem.sigma, "epsilon": problem.epsilon}
    if problem.constraints:
        fields["constraints"] = [_row_fields(row) for row in problem.constraints]
    return fields


def _links(fields: Fields, n: int) -> sp.csc_array:
    """Return Ω by buyer; a link that stands twice is named by its places in the file."""
    fields.only(LINK_FIELDS)
    supplier = fields.indices("supplier", n)
    buyer = fields.indices("buyer", n, supplier.size)
    weight = fields.numbers("weight", supplier.size, "link") if "weight" in fields else np.ones(supplier.size)
    negative = np.flatnonzero(weight < 0)
    if negative.size:
        raise InputError(
            fields.name(f"weight[{negative[0]}]"), f"{weight[negative[0]]:g} is negative", "weights are finite and ≥ 0"
        )
    place = buyer * n + supplier
    if np.any(place[1:] <= place[:-1]):
        order = np.argsort(place, kind="stable")
        place = place[order]
        twice = np.flatnonzero(place[1:] == place[:-1])
        if twice.size:
            first, second = int(order[twice[0]]), int(order[twice[0] + 1])
            raise InputError(
                fields.name(f"buyer[{second}]"),
                f"the link from supplier {supplier[second]} to buyer {buyer[second]} already stands at {first}",
                "keep one of them, with the sum of the weights",
            )
        supplier, weight = supplier[order], weight[order]
    pointer = np.concatenate([[0], np.cumsum(np.bincount(buyer, minlength=n))])
    return sp.csc_array((weight, supplier, pointer.astype(np.int64)), shape=(n, n))


def _row(fields: Fields, n: int) -> LinearRow:
    fields.only(ROW_FIELDS)
    firms = fields.indices("firms", n, what="firm")
    coefficients = fields.numbers("coefficients", firms.size)
    if fields.raw("sense") == "=":
        raise InputError(fields.name("sense"), "'=' is unknown", "did you mean '=='?")
    sense, rhs = fields.text("sense", choices=SENSES), fields.number("rhs")
    try:
        return LinearRow(firms, coefficients, sense, rhs)
    except InputError as error:
        raise InputError(error.field.replace("constraints", fields.path, 1), error.problem, error.remedy) from None


def _row_fields(row: LinearRow) -> dict[str, Any]:
    return {
        "firms": row.firms.tolist(),
        "coefficients": row.coefficients.tolist(),
        "sense": row.sense,
        "rhs": row.rhs,
    }


def _short(values: NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Return one number if all are equal bit by bit (0.0 and −0.0 are not)."""
    bits = values.view(np.int64)
    return float(values[0]) if np.all(bits == bits[0]) else values
