"""Instance files of set choices: a `SupplierProblem` and back, every number exact.

    {"family": "suppliers", "version": 1, "name": "…", "description": "…", "source": "…", "licence": "…",
     "risk": ["1/5", "1/2", "4/5"], "pi": 1, "c": "1/25"}                                       independent suppliers

    … "n": 3, "scenarios": {"probability": ["1/2", "1/4", "1/4"], "disrupted": [[], [0, 1], [1, 2]]}     who fails when
    … "scenarios": {"probability": ["1/2", "1/2"], "risk": [[0, "1/2", 0], [1, "1/2", "1/5"]]}   or how likely
    … "n": 3, "regions": [{"suppliers": [0, 1], "mu0": "2/5", "rho0": "3/4"}]         a Beta draw common to some of them

``risk`` or ``scenarios`` may be combined with ``regions``: a supplier fails by itself or by its region's draw. Left
out, ``K`` is 1, ``pi`` 1, ``fees`` none, ``known`` "law" and ``ties`` "lower"; ``pi`` and ``c`` are one or K numbers.
Numbers are JSON numbers, read as the decimals they are, or strings "a/b".
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from endonet.formulations.diversification.rationals import written
from endonet.formulations.errors import InputError
from endonet.formulations.suppliers.problem import KNOWN, TIES, SupplierProblem
from endonet.instances import heads
from endonet.instances.fields import Fields, shown

FIELDS = ("n", "risk", "scenarios", "regions", "K", "pi", "c", "fees", "known", "ties")


def from_fields(values: Mapping[str, Any]) -> SupplierProblem:
    """Return the problem that the fields of a file describe.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong; the message names field, index and remedy.
    """
    fields = heads.opened(values, "suppliers", FIELDS)
    probability, risk = _law(fields)
    return SupplierProblem(
        risk=risk,
        probability=probability,
        regions=values.get("regions", ()),
        pi=values.get("pi", 1),
        c=fields.raw("c"),
        fees=values.get("fees"),
        K=fields.integer("K", least=1) if "K" in fields else 1,
        known=fields.text("known", "law", choices=KNOWN),
        ties=fields.text("ties", "lower", choices=TIES),
        **heads.about(fields),
    )


def to_fields(problem: SupplierProblem) -> dict[str, Any]:
    """Return the fields of a problem; `from_fields` gives it back exactly."""
    fields = heads.head(problem)
    fields["n"] = problem.n
    rows = [[written(p) for p in row] for row in problem.risk]
    if len(rows) == 1:
        if any(problem.risk[0]) or not problem.regions:
            fields["risk"] = rows[0]
    elif all(p in (0, 1) for row in problem.risk for p in row):
        disrupted = [[i for i, p in enumerate(row) if p] for row in problem.risk]
        fields["scenarios"] = {"probability": [written(q) for q in problem.probability], "disrupted": disrupted}
    else:
        fields["scenarios"] = {"probability": [written(q) for q in problem.probability], "risk": rows}
    if problem.regions:
        fields["regions"] = [
            {"suppliers": list(region.suppliers), "mu0": written(region.mu0), "rho0": written(region.rho0)}
            for region in problem.regions
        ]
    if problem.K > 1:
        fields["K"] = problem.K
    for name in ("pi", "c"):
        numbers = getattr(problem, name)
        fields[name] = written(numbers[0]) if len(set(numbers)) == 1 else [written(number) for number in numbers]
    if problem.fees is not None:
        fields["fees"] = [written(fee) for fee in problem.fees]
    return fields | {"known": problem.known, "ties": problem.ties}


def _law(fields: Fields) -> tuple[Any, Any]:
    """Return probabilities and risks of the scenarios, from any of the forms."""
    n = fields.integer("n", least=1) if "n" in fields else None
    if "risk" in fields and "scenarios" in fields:
        raise InputError("scenarios", "there is a risk already", "put the risks of each scenario into scenarios.risk")
    if "scenarios" not in fields:
        if "risk" not in fields:
            if "regions" not in fields:
                raise InputError("risk", "it is missing", "give risk, scenarios or regions")
            if n is None:
                raise InputError("n", "it is missing", "give the number of suppliers")
            return (1,), [0] * n
        return (1,), _sized(fields.raw("risk"), n, fields.name("risk"))
    scenarios = fields.section("scenarios")
    scenarios.only(("probability", "disrupted", "risk"))
    if ("disrupted" in scenarios) == ("risk" in scenarios):
        raise InputError("scenarios", "it needs either disrupted or risk", "give one of them")
    probability = _listed(scenarios, "probability")
    if "risk" in scenarios:
        rows = _listed(scenarios, "risk")
        return probability, [_sized(row, n, f"scenarios.risk[{w}]") for w, row in enumerate(rows)]
    if n is None:
        raise InputError("n", "it is missing", "give the number of suppliers")
    rows = []
    for w, failing in enumerate(_listed(scenarios, "disrupted")):
        where = f"scenarios.disrupted[{w}]"
        if not isinstance(failing, list):
            raise InputError(where, f"{shown(failing)} is no list", "list the suppliers that fail")
        rows.append(_row(where, failing, n))
    if len(rows) != len(probability):
        raise InputError("scenarios.disrupted", f"it has {len(rows)} entries for {len(probability)} scenarios",
                         "give one list for each")  # fmt: skip
    return probability, rows


def _row(where: str, failing: list[Any], n: int) -> list[Fraction]:
    row = [Fraction(0)] * n
    for j, i in enumerate(failing):
        if type(i) is not int or not 0 <= i < n:
            raise InputError(f"{where}[{j}]", f"there is no supplier {shown(i)}", f"give 0-based suppliers below {n}")
        if row[i]:
            raise InputError(f"{where}[{j}]", f"supplier {i} stands twice", "name it once")
        row[i] = Fraction(1)
    return row


def _listed(fields: Fields, key: str) -> list[Any]:
    value = fields.raw(key)
    if not isinstance(value, list) or not value:
        raise InputError(fields.name(key), f"{shown(value)} is no list of entries", "give one entry for each scenario")
    return value


def _sized(row: Any, n: int | None, where: str) -> Any:
    if isinstance(row, list) and any(isinstance(entry, list) for entry in row):
        raise InputError(where, "it is a list of lists", "put the risks of each scenario into scenarios.risk")
    if n is not None and isinstance(row, list) and len(row) != n:
        raise InputError(where, f"it has {len(row)} entries for {n} suppliers", "give one for each supplier")
    return row
