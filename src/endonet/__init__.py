"""endonet: mathematical-programming formulations of endogenous production networks, solved and proved.

    import endonet as en
    problem  = en.load("planner/us-71")
    solution = en.solve(problem, "certified", rel_gap=1e-9, time_limit=60)
    table    = en.compare(problem, ["reshaping", "certified"])
    en.check(problem, solution)

A *problem* is data and an independent evaluator; a *formulation* is one way of writing it down; a *solver* is one way
of attacking it. Any two of the three can be swapped without touching the other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from endonet.api import check as check
    from endonet.api import compare as compare
    from endonet.api import formulation as formulation
    from endonet.api import solve as solve
    from endonet.api import solver as solver
    from endonet.api import structure as structure
    from endonet.formulations.diversification.problem import ChainProblem as ChainProblem
    from endonet.formulations.errors import EconomyWarning as EconomyWarning
    from endonet.formulations.errors import EndonetError as EndonetError
    from endonet.formulations.errors import InputError as InputError
    from endonet.formulations.errors import NotApplicableError as NotApplicableError
    from endonet.formulations.errors import UnavailableError as UnavailableError
    from endonet.formulations.errors import VerificationError as VerificationError
    from endonet.formulations.export import export as export
    from endonet.formulations.ordering.problem import OrderingProblem as OrderingProblem
    from endonet.formulations.planner.problem import PlannerProblem as PlannerProblem
    from endonet.formulations.planner.rows import LinearRow as LinearRow
    from endonet.formulations.sourcing.problem import Markups as Markups
    from endonet.formulations.sourcing.problem import OpenEconomy as OpenEconomy
    from endonet.formulations.sourcing.problem import Smoothing as Smoothing
    from endonet.formulations.sourcing.problem import SourcingProblem as SourcingProblem
    from endonet.formulations.suppliers.problem import SupplierProblem as SupplierProblem
    from endonet.instances.files import load as load
    from endonet.instances.files import load_solution as load_solution
    from endonet.instances.files import save as save
    from endonet.instances.files import save_solution as save_solution
    from endonet.solvers.comparison import Comparison as Comparison
    from endonet.solvers.solution import Solution as Solution
    from endonet.solvers.solution import Status as Status

__version__ = "0.1.0"

_PUBLIC = {
    "check": "endonet.api",
    "compare": "endonet.api",
    "formulation": "endonet.api",
    "solve": "endonet.api",
    "solver": "endonet.api",
    "structure": "endonet.api",
    "EconomyWarning": "endonet.formulations.errors",
    "EndonetError": "endonet.formulations.errors",
    "InputError": "endonet.formulations.errors",
    "NotApplicableError": "endonet.formulations.errors",
    "UnavailableError": "endonet.formulations.errors",
    "VerificationError": "endonet.formulations.errors",
    "export": "endonet.formulations.export",
    "ChainProblem": "endonet.formulations.diversification.problem",
    "OrderingProblem": "endonet.formulations.ordering.problem",
    "PlannerProblem": "endonet.formulations.planner.problem",
    "LinearRow": "endonet.formulations.planner.rows",
    "SupplierProblem": "endonet.formulations.suppliers.problem",
    "Markups": "endonet.formulations.sourcing.problem",
    "OpenEconomy": "endonet.formulations.sourcing.problem",
    "Smoothing": "endonet.formulations.sourcing.problem",
    "SourcingProblem": "endonet.formulations.sourcing.problem",
    "load": "endonet.instances.files",
    "load_solution": "endonet.instances.files",
    "save": "endonet.instances.files",
    "save_solution": "endonet.instances.files",
    "Comparison": "endonet.solvers.comparison",
    "Solution": "endonet.solvers.solution",
    "Status": "endonet.solvers.solution",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'endonet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
