"""Pyomo models handed to SCIP and HiGHS: what the adapters of every family do alike.

What comes back is a claim. It is the adapter's part to widen the bound by what tolerances can do, and the evaluator's
to say what a decision is worth.
"""

from __future__ import annotations

import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endonet.formulations.errors import EndonetError
from endonet.solvers.solution import StoppedBy

SHORTEST = 1e-3  # seconds; 0 would mean "no limit" to some
FIRST_POINT = "sollimit"
SCIP_STOPS = {
    "optimal": StoppedBy.FINISHED,
    "gaplimit": StoppedBy.FINISHED,
    "infeasible": StoppedBy.FINISHED,
    FIRST_POINT: StoppedBy.FINISHED,
    "timelimit": StoppedBy.TIME_LIMIT,
    "nodelimit": StoppedBy.NODE_LIMIT,
    "totalnodelimit": StoppedBy.NODE_LIMIT,
    "stallnodelimit": StoppedBy.NODE_LIMIT,
    "userinterrupt": StoppedBy.INTERRUPTED,
    "terminate": StoppedBy.INTERRUPTED,
}
OBJECTIVE = "nlobjvar"  # what SCIP's reader calls the variable that stands for a nonlinear objective
CONSTANT = "objconstant"  # and the one, fixed at 1, that carries the constant of a linear objective
FINER, COARSEST = 1e-3, 1e-9  # of SCIP's epsilon: over feastol, as SCIP has it; its default


@dataclass(frozen=True)
class Answer:
    """What a solver says of a model.

    Attributes
    ----------
    raw : str
        Its own word.
    stopped_by : StoppedBy
        ``FINISHED`` claims an optimum, or that no point is feasible.
    objective : float or None
        Of its best point, which the model's variables then hold; None if it found none.
    bound : float or None
        On the objective; None if it has none.
    """

    raw: str
    stopped_by: StoppedBy
    objective: float | None
    bound: float | None

    @property
    def found(self) -> bool:
        """Whether the model holds a point."""
        return self.objective is not None


def prepare_scip() -> None:
    """Import SCIP and Pyomo's writer."""
    import pyomo.repn.plugins.nl_writer  # noqa: F401
    import pyscipopt  # noqa: F401


class Scip:
    """SCIP holding a model, which it read as an .nl file.

    Parameters
    ----------
    model : Pyomo model
    feasibility : float
        By how much SCIP may miss a row.
    seed : int
    settings : dict, optional
        SCIP's parameters by name.

    Attributes
    ----------
    scip : pyscipopt.Model
    pairs : list
        (Pyomo variable, SCIP variable).
    """

    def __init__(self, model: Any, feasibility: float, seed: int, settings: dict[str, Any] | None = None) -> None:
        self.scip, self.pairs = read(model)
        self.scip.setParam("numerics/feastol", feasibility)
        # It must tell numbers apart more finely than it may miss a row, or its presolve loses feasible points.
        self.scip.setParam("numerics/epsilon", min(feasibility * FINER, COARSEST))
        self.scip.setParam("randomization/randomseedshift", seed % 2**31)
        for name, value in (settings or {}).items():
            self.scip.setParam(name, value)

    @property
    def nodes(self) -> int:
        """Nodes of the search."""
        return int(self.scip.getNTotalNodes())

    def solve(self, seconds: float | None) -> Answer:
        """Solve, and put the best point into the Pyomo model."""
        if seconds is not None:
            self.scip.setParam("limits/time", max(seconds, SHORTEST) if math.isfinite(seconds) else 1e20)
        self.scip.optimize()
        raw = str(self.scip.getStatus())
        stopped_by = SCIP_STOPS.get(raw, StoppedBy.ERROR)
        bound = float(self.scip.getDualbound())
        if self.scip.getNSols() == 0:
            return Answer(raw, stopped_by, None, bound)
        best = self.scip.getBestSol()
        for ours, theirs in self.pairs:
            ours.set_value(self.scip.getSolVal(best, theirs), skip_validation=True)
        return Answer(raw, stopped_by, float(self.scip.getSolObjVal(best)), bound)


def read(model: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return a silent SCIP that holds a Pyomo model, and the pairs (Pyomo variable, SCIP variable).

    Raises
    ------
    EndonetError
        If SCIP's reader gives variables names that do not lead back.
    """
    import pyscipopt
    from pyomo.repn.plugins.nl_writer import NLWriter

    scip = pyscipopt.Model()
    scip.hideOutput()
    with tempfile.TemporaryDirectory(prefix="endonet-scip-") as folder:
        file = Path(folder) / "model.nl"
        with file.open("w", encoding="utf-8") as stream:
            columns = NLWriter().write(model, stream, linear_presolve=False, scale_model=False).variables
        scip.readProblem(str(file))
    pairs = []
    for variable in scip.getVars():
        match = re.fullmatch(r"[a-z](\d+)", variable.name)
        if match:
            pairs.append((columns[int(match[1])], variable))
        elif variable.name not in (OBJECTIVE, CONSTANT):
            raise EndonetError(f"SCIP's .nl reader names a variable {variable.name!r}, which endonet cannot place")
    if len(pairs) != len(columns):
        raise EndonetError(f"SCIP read {len(pairs)} of {len(columns)} variables of the model")
    return scip, pairs


def prepare_highs() -> None:
    """Import Pyomo's interface to HiGHS."""
    from pyomo.contrib.appsi.solvers import Highs as Interface

    Interface().available()


class Highs:
    """HiGHS, by Pyomo's persistent interface, so that rows may be added to a model between solves.

    Parameters
    ----------
    seed, threads : int
    options : dict
        HiGHS's options by name.
    """

    def __init__(self, seed: int, threads: int, options: dict[str, Any]) -> None:
        from pyomo.contrib.appsi.solvers import Highs as Interface

        self.highs: Any = Interface()
        self.highs.config.load_solution = False
        self.highs.highs_options = {"random_seed": seed, "threads": threads} | options
        self.threads = threads

    def solve(self, model: Any, seconds: float | None) -> Answer:
        """Solve, and put the best point into the model."""
        from pyomo.contrib.appsi.base import TerminationCondition as Ended

        limited = seconds is not None and math.isfinite(seconds)
        self.highs.config.time_limit = max(seconds, SHORTEST) if limited and seconds is not None else None
        if self.threads:
            from endonet.solvers.highs import end_pool

            end_pool()
        answer = self.highs.solve(model)
        ended = answer.termination_condition
        stopped_by = StoppedBy.TIME_LIMIT if ended == Ended.maxTimeLimit else StoppedBy.ERROR
        if ended in (Ended.optimal, Ended.infeasible, Ended.infeasibleOrUnbounded):
            stopped_by = StoppedBy.FINISHED
        objective, bound = _finite(answer.best_feasible_objective), _finite(answer.best_objective_bound)
        if objective is not None:
            self.highs.load_vars()
        return Answer(str(ended), stopped_by, objective, bound)


def _finite(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else float(number)
