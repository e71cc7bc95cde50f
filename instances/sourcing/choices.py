"""Instance files of the interdependent choice of suppliers: the fields of one, and a `SourcingChoice` from them.

    {"family": "sourcing", "version": 1, "kind": "choice", "name": "…", "K": 67, "sigma": 3.85, "theta": 1.79, "B": 1,
     "w": 1, "phi": […], "xi": […], "xi_0": 0, "f": […], "suppliers": ["USA", …]}

``phi`` has one number for each firm. ``xi`` and ``f`` have one for each of the K suppliers, or K for each firm: a list
of lists, or firm after firm in one list, as .npz files hold it. ``B``, ``w`` (1), ``xi_0`` (0; a number or one for each
firm), ``suppliers`` and the texts may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.interdependent import SourcingChoice
from endonet.instances import heads
from endonet.instances.fields import Fields

KIND = "choice"
FIELDS = ("kind", "K", "sigma", "theta", "B", "w", "phi", "xi", "xi_0", "f", "suppliers")


def is_choice(values: Mapping[str, Any]) -> bool:
    """Return whether the fields of a sourcing file describe a choice and not an economy."""
    return "kind" in values


def from_fields(values: Mapping[str, Any]) -> SourcingChoice:
    """Return the choice that the fields of a file describe.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong; the message names field, index and remedy.
    """
    Fields(values).text("kind", choices=[KIND])
    fields = heads.opened(values, "sourcing", FIELDS)
    K = fields.integer("K", least=1)
    return SourcingChoice(
        sigma=fields.number("sigma"),
        theta=fields.number("theta"),
        phi=_list(fields, "phi"),
        xi=_table(fields, "xi", K),
        f=_table(fields, "f", K),
        B=fields.number("B", 1.0),
        w=fields.number("w", 1.0),
        xi_0=_list(fields, "xi_0") if "xi_0" in fields else 0.0,  # type: ignore[arg-type]
        suppliers=_names(fields),
        **heads.about(fields),
    )


def to_fields(problem: SourcingChoice) -> dict[str, Any]:
    """Return the fields of a choice, with numpy arrays; `from_fields` gives it back bit by bit."""
    fields = heads.head(problem) | {"kind": KIND}
    fields |= {"K": problem.K, "sigma": problem.sigma, "theta": problem.theta, "B": problem.B, "w": problem.w}
    fields |= {"phi": problem.phi, "xi": problem.xi.ravel(), "f": problem.f.ravel()}
    if problem.xi_0.any():
        fields["xi_0"] = problem.xi_0
    return fields | ({"suppliers": list(problem.suppliers)} if problem.suppliers else {})


def _list(fields: Fields, key: str) -> Any:
    """Return one number, or a list of them however long; the problem itself checks length and domain."""
    value = fields.raw(key)
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return fields.numbers(key, len(value), "firm")
    return fields.number(key)


def _table(fields: Fields, key: str, K: int) -> Any:
    """Return K numbers, or rows of K."""
    value = fields.raw(key)
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        return np.array(
            [Fields({f"{key}[{i}]": row}).numbers(f"{key}[{i}]", K, "supplier") for i, row in enumerate(value)]
        )
    found = _list(fields, key)
    count = np.size(found)
    if count == 0 or count % K:
        raise InputError(
            fields.name(key), f"it has {count} entries for {K} suppliers", f"give {K}, or {K} for each firm"
        )
    return np.reshape(found, K if count == K else (-1, K))


def _names(fields: Fields) -> tuple[str, ...]:
    value = fields.values.get("suppliers", [])
    if isinstance(value, np.ndarray):
        return tuple(map(str, value.tolist()))
    return fields.texts("suppliers")
