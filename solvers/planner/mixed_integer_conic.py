"""Mixed-integer cone programming: the whole problem, not its relaxation, by solvers that branch over cones.

``planner/second-order`` is a mixed-integer second-order cone program. It goes to

    scip     SCIP, by polyhedral approximation of the cones (`endonet[scip]`); the default
    gurobi   Gurobi, within the limits of its trial licence, see `endonet.solvers.planner.gurobi`
    xpress   Xpress, within those of its community licence, see `endonet.solvers.planner.xpress`
    copt     COPT, within the size that it takes without a licence, see `endonet.solvers.planner.copt`

``planner/lifted`` has power cones with any exponents, which no solver here takes together with integers; each becomes
two exponential cones, as in `endonet.solvers.planner.conic`, for

    ecos     ECOS_BB, branch and bound on interior points (`endonet[outside]`); ``planner/second-order`` too

CVXPY tells ECOS_BB's best solution but not its bound. Only where it says that it has finished is there one, namely its
solution plus the gap asked for; otherwise the bound is the ceiling. ECOS_BB heeds no time limit; its process is ended.

Without the cut below a known decision Xpress and Gurobi make false claims (see the findings).

Firms with increasing returns, α_j κ > 1, are not given to SCIP and ECOS_BB. Their bundle amplifies tolerances near 0:
on six firms SCIP then claims 0.2 % more than its decision is worth, at a tolerance of 1e-9, and ECOS_BB 0.04 %.

Source: Ben-Tal and Nemirovski, *Lectures on modern convex optimization* (2001); Domahidi, Chu and Boyd, *ECOS* (2013);
Coey, Lubin and Vielma, *Outer approximation with conic certificates for mixed-integer convex problems* (2020), for what
such solvers do.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import ClassVar

from endonet.formulations.contracts import Modeller
from endonet.formulations.errors import InputError, NotApplicableError, UnavailableError
from endonet.formulations.planner.building import Shares
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.planner import conic, copt, gurobi, scip, xpress
from endonet.solvers.planner.outside import Answer, Outside, Task, least_share, slope
from endonet.solvers.solution import Finding, Proves, StoppedBy
from endonet.solvers.worker import WORKER

SECOND_ORDER, LIFTED = "second-order", "lifted"
ATTACKS = {"scip": scip.attack, "gurobi": gurobi.attack, "xpress": xpress.attack, "copt": copt.attack}
BACKENDS = {  # the package of each, and how to get it
    "scip": ("pyscipopt", "endonet[scip]"),
    "gurobi": ("gurobipy", "endonet[commercial]"),
    "xpress": ("xpress", "endonet[commercial]"),
    "copt": ("coptpy", "endonet[commercial]"),
    "ecos": ("ecos", "endonet[outside]"),
}
LABELS = {"scip": "SCIP", "gurobi": "Gurobi", "xpress": "Xpress", "copt": "COPT", "ecos": "ECOS_BB"}
EXACT = ("gurobi", "xpress", "copt")  # whose tolerances suffice for the bundle of firms with increasing returns
LARGEST_SEED = 2**31 - 1
MOST_NODES = 100_000  # ECOS_BB reserves memory for so many
NO_GAP = 1e-12  # ECOS_BB takes no 0


@dataclass(frozen=True, kw_only=True)
class MixedIntegerConic(Outside):
    """A mixed-integer cone program: ``second-order`` where exponents are simple fractions, else ``lifted``.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        The solver stops once its bound is this close to its best solution.
    feasibility : float, default 1e-9
        By how much the solver may miss a row of the model.
    cut : bool, default True
        Cut the model off below a known decision, see `outside`.
    backend : {"scip", "gurobi", "xpress", "copt", "ecos"}, optional
        See the module. Left out, it is scip on ``second-order`` and ecos on ``lifted``.
    """

    name: ClassVar[str] = "mixed-integer-conic"
    title: ClassVar[str] = "Mixed-integer cone programming by SCIP, Gurobi, Xpress, COPT or ECOS_BB"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    label: ClassVar[str] = "the solver"
    attack: ClassVar[str] = "endonet.solvers.planner.mixed_integer_conic:attack"
    formulations: ClassVar[tuple[str, ...]] = (SECOND_ORDER, LIFTED)
    packages: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    remedy: ClassVar[str] = "pip install 'endonet[scip]'"

    feasibility: float = 1e-9
    backend: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend is not None and self.backend not in BACKENDS:
            raise InputError("backend", f"{self.backend!r} is unknown", f"use one of {', '.join(BACKENDS)}")
        if self.backend is not None:
            object.__setattr__(self, "label", LABELS[self.backend])
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError("seed", f"{self.seed} is no seed for SCIP", f"give a number from 0 to {LARGEST_SEED}")

    def prepare(self) -> None:
        """Start the process, and import there what is needed."""
        super().prepare()
        if self.backend is not None:
            self._require(self.backend)

    def refuses(self, problem: PlannerProblem) -> str:
        """Return the reason if a firm has increasing returns in demand, α_j κ > 1, and the backend cannot take it."""
        steep = Shares.of(problem).convex
        if not steep.size or self.backend in EXACT:
            return ""
        return (
            f"firm {steep[0]} has α κ = {problem.alpha[steep[0]] * problem.kappa:.3g} > 1, whose bundle "
            f"{self.label if self.backend else 'SCIP and ECOS_BB'} cannot resolve; use certified, or a backend that "
            f"can: {', '.join(EXACT)}"
        )

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Let the backend loose on the formulation, and judge its answer."""
        form = formulation or self.formulations[0]
        backend = self.backend or ("ecos" if form == LIFTED else "scip")
        if form == LIFTED and backend != "ecos":
            raise NotApplicableError(
                f"backend {backend!r} does not take planner/lifted, whose power cones have any exponent; "
                "use planner/second-order, or backend=ecos"
            )
        self._require(backend)
        if self.backend is None:
            return replace(self, backend=backend).run(problem, form)
        return super().run(problem, form)

    @staticmethod
    def _require(backend: str) -> None:
        package, extra = BACKENDS[backend]
        if find_spec(package) is None:
            raise UnavailableError(f"backend {backend!r} is not installed: pip install '{extra}'")
        WORKER.ask("endonet.solvers.planner.outside:imported", MixedIntegerConic.attack, (package,))


def attack(task: Task) -> Answer:
    """Let the chosen backend solve the model."""
    backend = str(task.options["backend"])
    answer = _ecos(task) if backend == "ecos" else ATTACKS[backend](task)
    return replace(answer, statistics={"backend": backend} | answer.statistics)


def _ecos(task: Task) -> Answer:
    """Let ECOS_BB solve the cone program; what it says of a search that it did not finish is no bound."""
    import cvxpy as cp

    program = task.form.build(task.problem, Modeller.CVXPY)
    rows = [part for row in program.constraints for part in conic.exponential(row)]
    share = least_share(task.problem, task.known)
    if share > 0:
        rows.append(program.var_dict["T"] >= share)
    program = cp.Problem(program.objective, rows)
    gap = task.options["rel_gap"] / 2 * slope(task.form, task.problem)
    feasibility = task.options["feasibility"]
    settings = {"abstol": feasibility, "reltol": feasibility, "feastol": feasibility}
    settings |= {"mi_abs_eps": NO_GAP, "mi_rel_eps": gap, "mi_max_iters": MOST_NODES}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.solve(solver="ECOS_BB", verbose=task.log, **settings)
    except cp.error.SolverError as error:
        return Answer(str(error).partition("\n")[0], StoppedBy.ERROR)
    raw, value = str(program.status), program.value
    if raw == "infeasible":
        return Answer(raw, StoppedBy.FINISHED, infeasible=True)
    finished = raw == "optimal"
    stopped = StoppedBy.FINISHED if finished else StoppedBy.NODE_LIMIT if "inaccurate" in raw else StoppedBy.ERROR
    if value is None or not math.isfinite(value):
        return Answer(raw, stopped)
    objective = float(value)
    dual = objective * (1 + gap) if finished else None
    return Answer(raw, stopped, task.form.extract(program), objective, dual)
