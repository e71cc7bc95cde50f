"""The chain's instance files: the fields of one chain, and a `ChainProblem` from them, every number exact.

    {"family": "diversification", "version": 1, "name": "…", "description": "…", "source": "…", "licence": "…",
     "K": 10, "mu0": "1/2", "rho0": "3/10", "pi": 1, "c": "1/25", "ties": "lower", "m": 50,
     "caps": [3, 3, …], "budget": "1/2", "risk_target": 0.05, "tail": [0.5, 0.01]}

Numbers are JSON numbers, read as the decimals they are, or strings "a/b"; pi and c are one or K of them. ``ties`` may
be left out (lower), so may ``m`` (infinitely many firms a layer) and the rows of the last line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from endonet.formulations.diversification.problem import TIES, ChainProblem
from endonet.formulations.diversification.rationals import written
from endonet.instances import heads

FIELDS = ("K", "mu0", "rho0", "pi", "c", "ties", "m", "caps", "budget", "risk_target", "tail")


def from_fields(values: Mapping[str, Any]) -> ChainProblem:
    """Return the chain that the fields of a file describe.

    Raises
    ------
    InputError
        For the first field that is unknown, missing or wrong; the message names field, index and remedy.
    """
    fields = heads.opened(values, "diversification", FIELDS)
    return ChainProblem(
        K=fields.integer("K", least=1),
        mu0=fields.raw("mu0"),
        rho0=fields.raw("rho0"),
        pi=values.get("pi", 1),
        c=fields.raw("c"),
        ties=fields.text("ties", "lower", choices=TIES),
        m=fields.integer("m", least=1) if values.get("m") is not None else None,
        caps=values.get("caps"),
        budget=values.get("budget"),
        risk_target=values.get("risk_target"),
        tail=values.get("tail"),
        **heads.about(fields),
    )


def to_fields(problem: ChainProblem) -> dict[str, Any]:
    """Return the fields of a chain; `from_fields` gives it back exactly."""
    fields = heads.head(problem)
    fields |= {"K": problem.K, "mu0": written(problem.mu0), "rho0": written(problem.rho0)}
    for name in ("pi", "c"):
        values = getattr(problem, name)
        fields[name] = written(values[0]) if len(set(values)) == 1 else [written(value) for value in values]
    fields["ties"] = problem.ties
    if problem.m is not None:
        fields["m"] = problem.m
    if problem.caps is not None:
        fields["caps"] = list(problem.caps)
    for name in ("budget", "risk_target"):
        if getattr(problem, name) is not None:
            fields[name] = written(getattr(problem, name))
    if problem.tail is not None:
        fields["tail"] = [written(value) for value in problem.tail]
    return fields
