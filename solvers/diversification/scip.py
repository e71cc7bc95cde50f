"""SCIP on the nonconvex program in s (`endonet.formulations.diversification.minlp`), by spatial branch and bound.

The model goes to SCIP as an .nl file. Its decision is rounded and judged by the evaluator; its bound is SCIP's own
claim, made wider by what its feasibility tolerance can do to the risks: |ΔM| ≤ tolerance in each layer.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.minlp import MINLP
from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import EndonetError, NotApplicableError
from endonet.solvers.base import Solver
from endonet.solvers.diversification import certificate
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

OUTSIDE = "the bound is SCIP's own claim, valid within its tolerances, and not certified"
TOLERANCE = 1e-8
STOPS = {
    "optimal": StoppedBy.FINISHED,
    "gaplimit": StoppedBy.FINISHED,
    "timelimit": StoppedBy.TIME_LIMIT,
    "nodelimit": StoppedBy.NODE_LIMIT,
    "userinterrupt": StoppedBy.INTERRUPTED,
}


@dataclass(frozen=True, kw_only=True)
class Scip(Solver[ChainProblem]):
    """SCIP on ``diversification/minlp``; for a few layers.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        SCIP stops once its bound is this close to its best solution.
    """

    name: ClassVar[str] = "scip"
    title: ClassVar[str] = "SCIP: spatial branch and bound on the program in s"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    formulations: ClassVar[tuple[str, ...]] = ("minlp",)
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install endonet[scip]"

    rel_gap: float = 1e-6

    def refuses(self, problem: ChainProblem) -> str:
        """Return a complaint if the numbers are beyond a nonlinear solver."""
        try:
            MINLP.build(problem)
        except NotApplicableError as error:
            return str(error)
        return ""

    def prepare(self) -> None:
        """Import SCIP and Pyomo's writer."""
        import pyomo.repn.plugins.nl_writer  # noqa: F401
        import pyscipopt  # noqa: F401

    def run(self, problem: ChainProblem, formulation: str | None) -> Finding:
        """Let SCIP solve the program."""
        del formulation
        if certificate.cannot_meet(problem):
            return Finding(None, Status.INFEASIBLE, notes=("no path meets the rows",), certificate={"kind": "target"})
        model = MINLP.build(problem)
        scip, pairs = read_model(model)
        scip.setParam("numerics/feastol", TOLERANCE)
        scip.setParam("limits/gap", self.rel_gap / 10)
        scip.setParam("randomization/randomseedshift", self.seed % 2**31)
        if self.time_limit is not None:
            scip.setParam("limits/time", max(self.time_limit, 1e-3))
        scip.optimize()
        raw = str(scip.getStatus())
        stopped = STOPS.get(raw, StoppedBy.ERROR)
        top = float(Limits(problem).top[0]) / problem.K
        bound = min(float(scip.getDualbound()), top) + TOLERANCE * float(sum(problem.pi)) / problem.K
        statistics = {"nodes": int(scip.getNTotalNodes())}
        if scip.getNSols() == 0:
            return Finding(None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, statistics=statistics)
        best = scip.getBestSol()
        for ours, theirs in pairs:
            ours.set_value(scip.getSolVal(best, theirs), skip_validation=True)
        return Finding(
            MINLP.extract(model),
            Status.OPTIMAL if stopped is StoppedBy.FINISHED else Status.FEASIBLE,
            stopped,
            bound=bound,
            raw_status=raw,
            notes=(OUTSIDE,),
            statistics=statistics,
        )


def read_model(model: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return SCIP holding the model, and the pairs (Pyomo variable, SCIP variable)."""
    import pyscipopt
    from pyomo.repn.plugins.nl_writer import NLWriter

    scip = pyscipopt.Model()
    scip.hideOutput()
    with tempfile.TemporaryDirectory(prefix="endonet-scip-") as folder:
        file = Path(folder) / "model.nl"
        with file.open("w") as stream:
            columns = NLWriter().write(model, stream, linear_presolve=False, scale_model=False).variables
        scip.readProblem(str(file))
    pairs = []
    for variable in scip.getVars():
        match = re.fullmatch(r"[a-z](\d+)", variable.name)
        if match:
            pairs.append((columns[int(match[1])], variable))
    if len(pairs) != len(columns):
        raise EndonetError(f"SCIP read {len(pairs)} of {len(columns)} variables of the model")
    return scip, pairs
