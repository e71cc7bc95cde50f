"""The sourcing family's instance files: the fields of one economy, and a `SourcingProblem` from them.

    {"family": "sourcing", "version": 1, "name": "…", "description": "…", "source": "…", "licence": "…",
     "n": 3, "sigma": 4, "L": 1, "initiator": "buyer", "phi": […], "alpha_L": […], "beta_H": […],
     "links": {"supplier": […], "buyer": […], "alpha": […], "f": […]},
     "open": {"p_F": […], "alpha_F": […], "beta_F": […], "tau": […], "D_F": 1, "f_import": […], "f_export": […]},
     "markups": {"home": […], "links": […], "foreign": […]}, "smoothing": {"absolute": 0.0}}

What is per firm may be one number. Indices are 0-based, links in any order; ``supplier`` may sell to ``buyer``. What
may be left out: L (1), initiator (buyer), open (a closed economy), in it p_F, tau and D_F (1), markups and any part
of them (the initiator's regime), smoothing, and ``smoothing`` is {"absolute": λ} or {"relative": k}. The other
parameters are never assumed: they decide the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.problem import INITIATORS, Markups, OpenEconomy, Smoothing, SourcingProblem
from endonet.instances import heads
from endonet.instances.fields import Fields

FIRMS = ("phi", "alpha_L", "beta_H")
OPEN = ("p_F", "alpha_F", "beta_F", "tau", "D_F", "f_import", "f_export")
UNITS = ("p_F", "tau")
LINKS = ("supplier", "buyer", "alpha", "f")
MARKUPS = ("home", "links", "foreign")
SMOOTHING = ("absolute", "relative")
FIELDS = ("n", "sigma", "L", "initiator", *FIRMS, "links", "open", "markups", "smoothing")


def from_fields(values: Mapping[str, Any]) -> SourcingProblem:
    """Return the economy that the fields of a file describe.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong; the message names field, index and remedy.
    """
    fields = heads.opened(values, "sourcing", FIELDS)
    n = fields.integer("n", least=1)
    given = heads.about(fields)
    given |= {name: _per_firm(fields, name, n) for name in FIRMS}
    given |= {"sigma": fields.number("sigma"), "L": fields.number("L", 1.0)}
    given["initiator"] = fields.text("initiator", "buyer", choices=INITIATORS)
    given["open"] = _open(fields.section("open"), n) if values.get("open") is not None else None
    given["smoothing"] = _smoothing(fields.section("smoothing")) if values.get("smoothing") is not None else None
    links = fields.section("links")
    links.only(LINKS)
    supplier = _firms(links, "supplier", n)
    buyer = _firms(links, "buyer", n, supplier.size)
    markups = _markups(fields.section("markups"), n, supplier.size) if values.get("markups") is not None else None
    given |= {"alpha": _attributes(links, "alpha", supplier.size), "f": _attributes(links, "f", supplier.size)}
    if supplier.size == 0 or (np.diff(buyer) >= 0).all():
        ptr = np.searchsorted(buyer, np.arange(n + 1)).astype(np.int64)
        within = np.diff(buyer) == 0
        if (np.diff(supplier)[within] > 0).all():
            return _built(SourcingProblem, ptr=ptr, supplier=supplier, markups=markups, **given)
    return _built(SourcingProblem.from_links, supplier, buyer, markups=markups, **given)


def to_fields(problem: SourcingProblem) -> dict[str, Any]:
    """Return the fields of an economy, with numpy arrays; `from_fields` gives the same economy back."""
    fields = heads.head(problem)
    fields |= {"n": problem.n, "sigma": problem.sigma, "L": problem.L, "initiator": problem.initiator}
    fields |= {name: getattr(problem, name) for name in FIRMS}
    fields["links"] = {"supplier": problem.supplier, "buyer": problem.buyer, "alpha": problem.alpha, "f": problem.f}
    if problem.open is not None:
        fields["open"] = {name: getattr(problem.open, name) for name in OPEN}
    if problem.markups is not None:
        parts = {name: getattr(problem.markups, name) for name in MARKUPS}
        fields["markups"] = {name: part for name, part in parts.items() if part is not None}
    if problem.smoothing:
        fields["smoothing"] = {name: number for name in SMOOTHING if (number := getattr(problem.smoothing, name))}
    return fields


def _built(make: Any, *positional: Any, **given: Any) -> SourcingProblem:
    """Return the economy; an error in what stands under ``links`` in a file says so."""
    try:
        problem: SourcingProblem = make(*positional, **given)
    except InputError as error:
        under = error.field.split("[")[0] in LINKS
        raise InputError(f"links.{error.field}" if under else error.field, error.problem, error.remedy) from None
    return problem


def _per_firm(fields: Fields, name: str, n: int) -> NDArray[np.float64]:
    value = fields.number_or_numbers(name, n)
    return np.full(n, value) if isinstance(value, float) else value


def _open(fields: Fields, n: int) -> OpenEconomy:
    fields.only(OPEN)
    given: dict[str, Any] = {name: _per_firm(fields, name, n) for name in OPEN if name in fields and name != "D_F"}
    for name in OPEN:
        if name not in given and name not in UNITS and name != "D_F":
            fields.raw(name)
    return OpenEconomy(D_F=fields.number("D_F", 1.0), **given)


def _markups(fields: Fields, n: int, m: int) -> Markups:
    fields.only(MARKUPS)
    given: dict[str, Any] = {name: _per_firm(fields, name, n) for name in ("home", "foreign") if name in fields}
    if "links" in fields:
        value = fields.number_or_numbers("links", m, "link") if m else np.empty(0)
        given["links"] = np.full(m, value) if isinstance(value, float) else value
    return Markups(**given)


def _smoothing(fields: Fields) -> Smoothing:
    fields.only(SMOOTHING)
    return Smoothing(**{name: fields.number(name) for name in SMOOTHING if name in fields})


def _firms(fields: Fields, name: str, n: int, length: int | None = None) -> NDArray[Any]:
    """Return firms; an int32 array of the right length stays as it is, for files of 10^8 links."""
    value = fields.raw(name)
    plain = isinstance(value, np.ndarray) and value.dtype == np.int32 and value.ndim == 1 and value.size > 0
    if plain and length in (None, value.size) and value.min() >= 0 and value.max() < n:
        return np.asarray(value)
    return fields.indices(name, n, length)


def _attributes(fields: Fields, name: str, m: int) -> NDArray[Any]:
    """Return a number for each link; float32 stays float32, and a single number stands for all links."""
    value = fields.raw(name)
    if isinstance(value, np.ndarray) and value.dtype == np.float32 and value.shape == (m,):
        return value
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return fields.numbers(name, m, "link")
    return np.full(m, fields.number(name))
