"""What the adapters to outside solvers share: what a solver is told, what it answers, and what that is worth.

An adapter has two halves. Its ``attack`` builds the model, lets the solver loose on it and reads θ back, in a process
of its own (`endonet.solvers.worker`); what it returns is an `Answer`, which claims but proves nothing. The other half
is the same for all, here:

* the **decision** is θ rounded, and the problem's evaluator decides what it is worth;
* the **bound** is the solver's own, in units of Y, made a little wider. A solver may miss every row by its tolerance,
  in shares of the ceiling (the quantities with every allowed firm on), so that the share T of final demand's sum may
  be off by about tolerance/(1 − max α), by which it is raised; no bound exceeds the ceiling itself. Where the bound
  still lies below the decision's exact value, by no more than 1e-6 relatively, it is raised to that value; more is a
  contradiction and reported as such. Decisions worth a tiny share of the ceiling are therefore seldom proved optimal;
* **"infeasible"** is believed only if a second solver, HiGHS, finds no θ for the rows and the labour constraint alone:
  any such θ is feasible, with q = 0 if need be;
* a bound below what the reshaping heuristic's decision is worth is refuted by it, whatever the solver itself found.

Models are cut off below that known decision, worth Y̲: since Y ≤ Q L, every better one has Q ≥ Y̲/L, that is
T ≥ (Y̲/(L Q̄))^(σ−1) in shares. That row loses nothing and keeps solvers away from T = 0, where the slopes of concave
powers are infinite: without it SHOT returns θ = 0 as a global optimum.

The bounds remain claims of floating-point software, not certificates; ``certified`` gives those.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from endonet.formulations import registry
from endonet.formulations.errors import InputError
from endonet.formulations.planner import FORMULATIONS
from endonet.formulations.planner.building import PlannerFormulation, ceiling
from endonet.formulations.planner.lifted import Lifted
from endonet.formulations.planner.problem import PlannerProblem
from endonet.solvers.base import CONTRADICTION, Solver
from endonet.solvers.planner.deviation import improve
from endonet.solvers.planner.reshaping import iterate_conditions
from endonet.solvers.planner.start import feasible_start
from endonet.solvers.planner.tiny import tiny_economy
from endonet.solvers.solution import CLAIMS_INFEASIBLE, Finding, Solution, Status, StoppedBy
from endonet.solvers.worker import WORKER, WorkerError

Choice = NDArray[np.int8]

COARSE = 1e-3  # a share of the ceiling below which an absolute tolerance is no longer small
CUT = 1e-6  # how far below the known decision models are cut off, relatively
GRACE = 1.0  # seconds that a solver may take beyond its time limit before its process is ended
SHORTEST = 1e-2  # seconds; some solvers read 0 as "no limit"
USUAL = 1e3  # objectives between its inverse and itself are left in their units
START_SECONDS = 5.0  # for the first decision where rows have to be satisfied


@dataclass(frozen=True, eq=False)
class Task:
    """What an attack is told.

    Attributes
    ----------
    problem : PlannerProblem
    form : PlannerFormulation
    options : dict
        The solver's own options, by name.
    seconds : float or None
    start : array or None
        A feasible decision to start from, if the caller gave one.
    known : float
        What some feasible decision is worth, Y̲; 0 if none is known, or the model is not to be cut off.
    log : bool
    """

    problem: PlannerProblem
    form: PlannerFormulation
    options: dict[str, Any]
    seconds: float | None
    start: Choice | None
    known: float
    log: bool

    def model(self, relaxed: bool = False) -> pyo.ConcreteModel:
        """Return the Pyomo model, started at ``start`` if there is one, and cut off below what is known."""
        model = self.form.build(self.problem, relaxed=relaxed)
        if self.start is not None:
            self.form.assign(model, self.problem.evaluate(self.start))
        cut_off(model, self.problem, self.known)
        return model


@dataclass(frozen=True, eq=False)
class Answer:
    """What an attack claims.

    Attributes
    ----------
    raw : str
        The solver's own word.
    stopped_by : StoppedBy
        ``FINISHED`` claims an optimum, or that nothing is feasible.
    theta : array or None
        The best decision, rounded.
    objective, dual : float or None
        The model's objective at the solver's best point, and its bound on it.
    infeasible : bool
    """

    raw: str
    stopped_by: StoppedBy
    theta: Choice | None = None
    objective: float | None = None
    dual: float | None = None
    infeasible: bool = False
    notes: tuple[str, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> bool:
        """Whether it claims a decision or a bound."""
        return self.theta is not None or self.dual is not None


@dataclass(frozen=True, kw_only=True)
class Outside(Solver[PlannerProblem]):
    """An outside solver in a process of its own.

    Parameters
    ----------
    rel_gap : float, default 1e-6
        The solver stops once its bound is this close to its best solution. Tolerances do not carry much further.
    feasibility : float, default 1e-8
        By how much the solver may miss a row of the model.
    cut : bool, default True
        Cut the model off below a known decision; see the module.
    """

    attack: ClassVar[str]  # "module:function", from a Task to an Answer
    label: ClassVar[str]  # the solver's own name
    increasing: ClassVar[str] = "bundle"  # how ``planner/lifted`` writes firms with increasing returns

    rel_gap: float = 1e-6
    feasibility: float = 1e-8
    cut: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_feasibility(self.feasibility)

    def prepare(self) -> None:
        """Start the process, import there what the attack needs, and compile the kernels of the heuristic here."""
        compile_heuristic()
        WORKER.ask("endonet.solvers.planner.outside:imported", self.attack, self.packages)

    def told(self) -> dict[str, Any]:
        """Return the options that the attack reads."""
        return {name: getattr(self, name) for name in self._options() if name not in ("initial", "time_limit", "log")}

    def run(self, problem: PlannerProblem, formulation: str | None) -> Finding:
        """Let the solver loose on the formulation, and judge its answer."""
        begun = time.perf_counter()
        form = form_of(formulation or self.formulations[0], self.increasing)
        form.require(problem)
        start, notes = given_start(problem, self.initial)
        try:
            known = known_decision(problem, start, self.time_limit) if self.cut else None
        except KeyboardInterrupt:
            return interrupted(start, notes)
        worth = 0.0 if known is None else float(problem.evaluate(known).value)
        left = None if self.time_limit is None else max(self.time_limit - (time.perf_counter() - begun), SHORTEST)
        if ceiling(problem).Q > 0:
            answer = self.answer(Task(problem, form, self.told(), left, start, worth, self.log))
        else:
            theta = some_choice(problem)  # there is no program but the rows
            answer = Answer("nothing can be produced", StoppedBy.FINISHED, theta, infeasible=theta is None)
        if answer.theta is None and start is not None and not answer.infeasible:
            answer = replace(answer, theta=start, objective=None)
            notes.append(f"{self.label} found no decision; this is the one it was started from")
        return judge(self.label, problem, form, answer, self.feasibility, notes)

    def answer(self, task: Task) -> Answer:
        """Return the attack's answer, or why there is none, with the best of what it told on the way."""
        limit = None if task.seconds is None else task.seconds + GRACE
        news = [Answer("", StoppedBy.ERROR)]
        try:
            answer: Answer = WORKER.ask(
                self.attack, task, seconds=limit, log=task.log, heard=lambda more: news.append(better(news[-1], more))
            )
        except TimeoutError:
            note = f"{self.label} did not keep to the time limit, and its process was ended"
            return replace(news[-1], stopped_by=StoppedBy.TIME_LIMIT, notes=(note, remains(news[-1])))
        except KeyboardInterrupt:
            note = f"{self.label}'s process was ended"
            return replace(news[-1], stopped_by=StoppedBy.INTERRUPTED, notes=(note, remains(news[-1])))
        except WorkerError as error:
            last = str(error).strip().rpartition("\n")[2]
            notes = (f"{self.label} failed: {last}", *[remains(news[-1])] * news[-1].told)
            return replace(news[-1], raw=last, stopped_by=StoppedBy.ERROR, notes=notes)
        return answer

    def solve(self, problem: PlannerProblem, formulation: str | None = None) -> Solution:
        """Return what the solver found, as judged by the problem's own evaluator and a heuristic's decision."""
        return refuted(problem, super().solve(problem, formulation), self.time_limit)


def better(one: Answer, other: Answer) -> Answer:
    """Return the better decision and the lower bound of two answers of one attack."""
    duals = [answer.dual for answer in (one, other) if answer.dual is not None]
    worth = [-math.inf if answer.objective is None else answer.objective for answer in (one, other)]
    return replace(other if worth[1] >= worth[0] else one, dual=min(duals, default=None))


def remains(news: Answer) -> str:
    """Return what is left of a process that was ended."""
    parts = ["decision"] * (news.theta is not None) + ["bound"] * (news.dual is not None)
    return f"what it had told of before is kept: its best {' and '.join(parts)}" if parts else "it had told of nothing"


def interrupted(start: Choice | None, notes: list[str]) -> Finding:
    """Return what is known if Ctrl-C comes before the solver has begun: the start, if one was given."""
    notes = [*notes, "interrupted before the solver had begun"]
    claim = Status.NO_SOLUTION if start is None else Status.FEASIBLE
    return Finding(start, claim, StoppedBy.INTERRUPTED, notes=tuple(notes))


def compile_heuristic() -> None:
    """Compile the kernels behind `known_decision`, whichever way it goes."""
    tiny = tiny_economy()
    improve(tiny, iterate_conditions(tiny).theta, neighbourhood="two")


def imported(attack: str, packages: tuple[str, ...]) -> None:
    """Import what an attack needs."""
    import importlib

    registry.load(attack)
    for package in packages:
        importlib.import_module(package)


def check_feasibility(feasibility: float) -> None:
    """Raise InputError unless the tolerance is one that solvers can be given."""
    if not 1e-9 <= feasibility <= 1e-3:
        raise InputError("feasibility", f"{feasibility:g} is outside [1e-9, 1e-3]", "give a number in between")


def form_of(name: str, increasing: str) -> PlannerFormulation:
    """Return a formulation by its short name; ``planner/lifted`` with increasing returns written as asked for."""
    found: PlannerFormulation = registry.lookup("formulation", name, FORMULATIONS)
    return replace(found, increasing=increasing) if isinstance(found, Lifted) else found


def given_start(problem: PlannerProblem, initial: Any) -> tuple[Choice | None, list[str]]:
    """Return the decision that the caller gave, if it is feasible, and a note if it is of no use."""
    if initial is None:
        return None, []
    outcome = problem.evaluate(initial)
    if not outcome.feasible:
        return None, ["initial was not used: " + "; ".join(outcome.violations)]
    return outcome.theta, []


def known_decision(
    problem: PlannerProblem, start: Choice | None = None, time_limit: float | None = None
) -> Choice | None:
    """Return the better of a start and the reshaping heuristic's decision, made feasible; None if there is neither.

    Where that makes nothing, as many firms as labour allows are tried instead; there, and where there are rows, changes
    of one or two firms improve it. Each of these steps takes at most half of ``time_limit``.
    """
    seconds = START_SECONDS if time_limit is None else min(START_SECONDS, time_limit / 2)
    deadline = time.perf_counter() + seconds
    found = feasible_start(problem, iterate_conditions(problem, deadline=deadline).theta, seconds).theta
    poor = found is not None and not problem.evaluate(found).value > 0
    if poor:
        found = feasible_start(problem, np.ones(problem.n, np.int8), seconds).theta
    if found is not None and (poor or problem.rows.count) and problem.labour_left(found) > 0:
        found = improve(problem, found, neighbourhood="two", deadline=deadline)
    choices = [theta for theta in (found, start) if theta is not None and problem.evaluate(theta).feasible]
    return max(choices, key=lambda theta: problem.evaluate(theta).value, default=None)


def cut_off(model: pyo.ConcreteModel, problem: PlannerProblem, known: float) -> None:
    """Restrict a model, where it has T or Q, to decisions worth at least ``known``."""
    share = least_share(problem, known)
    if share > 0 and model.component("T") is not None:
        model.T.setlb(share)
    elif share > 0 and model.component("Q") is not None:
        model.Q.setlb(share ** (1 / (problem.sigma - 1)))


def least_share(problem: PlannerProblem, known: float) -> float:
    """Return the share T of final demand's sum that no decision worth ``known`` falls below; 0 if nothing is known."""
    share = known * (1 - CUT) / (ceiling(problem).Q * problem.L) if known > 0 else 0.0
    return float(share ** (problem.sigma - 1))


def in_shares(model: pyo.ConcreteModel, form: PlannerFormulation, problem: PlannerProblem) -> float:
    """Divide the model's objective by what it is at the ceiling if that is no usual number, and return the divisor.

    Solvers' tolerances are absolute, and beyond 1e20 SCIP takes a number for infinite.
    """
    whole = ceiling(problem).Q * problem.L
    unit = (whole / form.output(problem, 1.0)) ** slope(form, problem) if whole > 0 else 1.0
    if not math.isfinite(unit) or 1 / USUAL <= unit <= USUAL:
        return 1.0
    model.objective.set_value(model.objective.expr / unit)
    return unit


def in_units(answer: Answer, unit: float) -> Answer:
    """Return the answer to a model whose objective was divided by a unit in the model's own terms."""
    claims = {name: getattr(answer, name) for name in ("objective", "dual")}
    return replace(answer, **{name: claim * unit for name, claim in claims.items() if claim is not None})


def slope(form: PlannerFormulation, problem: PlannerProblem) -> float:
    """Return the relative change of the model's objective per relative change of Y, the same everywhere."""
    whole, half = form.output(problem, 1.0), form.output(problem, 0.5)
    return math.log(2) / math.log(whole / half) if half > 0 else 1.0


def judge(
    label: str,
    problem: PlannerProblem,
    form: PlannerFormulation,
    answer: Answer,
    feasibility: float,
    notes: list[str],
) -> Finding:
    """Return what an answer is worth; see the module."""
    raw, stopped, statistics = answer.raw, answer.stopped_by, dict(answer.statistics)
    notes = [f"the bound is {label}'s own claim, valid within its tolerances, and not certified", *notes]
    notes += answer.notes
    if answer.infeasible:
        possible = some_choice(problem)
        if possible is None:
            return Finding(None, Status.INFEASIBLE, stopped, raw_status=raw, notes=tuple(notes), statistics=statistics)
        notes.append(f"{label} claims that no decision is feasible, which HiGHS refutes on the rows alone")
        statistics[CLAIMS_INFEASIBLE] = True
        return Finding(
            possible, Status.NO_SOLUTION, StoppedBy.ERROR, raw_status=raw, notes=tuple(notes), statistics=statistics
        )
    top = math.inf if answer.dual is None else answer.dual
    if answer.dual is not None:
        statistics["dual_bound"] = answer.dual  # of the model's own objective
    bound = wider(problem, form.output(problem, top) if math.isfinite(top) else math.inf, feasibility)
    if answer.theta is None:
        return Finding(
            None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, notes=tuple(notes), statistics=statistics
        )
    claimed = None if answer.objective is None else form.output(problem, answer.objective)
    outcome = problem.evaluate(answer.theta)
    value = outcome.value
    if stopped is not StoppedBy.FINISHED and not outcome.feasible:
        notes.append(f"where {label} stopped, its point is not feasible, nor said to be, and was left out")
        return Finding(
            None, Status.NO_SOLUTION, stopped, bound=bound, raw_status=raw, notes=tuple(notes), statistics=statistics
        )
    if stopped is not StoppedBy.FINISHED and claimed is not None and claimed < value:
        claimed = None  # quantities of a search that was stopped need not be the best for its θ
    if claimed is not None and CONTRADICTION * value < claimed - value <= wider(problem, value, feasibility) - value:
        notes.append(f"{label} claims {claimed:.9g}, more than the decision is worth, as its tolerance allows")
        claimed = None
    if 0 < value - bound <= CONTRADICTION * value:
        notes.append(f"{label}'s dual bound {bound:.17g} lies below the decision's exact value, to which it was raised")
        bound = value
    if claimed is not None and is_coarse(problem, value) and abs(claimed - value) > CONTRADICTION * value:
        notes.append(
            f"{label} claims {claimed:.9g}; the decision is so far below what all firms together make that an absolute "
            "tolerance does not resolve it, and the claim was not compared"
        )
        claimed = None
    return Finding(
        answer.theta,
        Status.OPTIMAL if stopped is StoppedBy.FINISHED else Status.FEASIBLE,
        stopped,
        claimed_value=claimed,
        bound=bound,
        raw_status=raw,
        notes=tuple(notes),
        statistics=statistics,
    )


def wider(problem: PlannerProblem, bound: float, feasibility: float) -> float:
    """Return the bound with room for a solver's tolerance, and never above the ceiling."""
    most = ceiling(problem).Q * problem.L
    if not 0 <= bound < most:
        return most
    power = problem.sigma - 1
    slack = feasibility / (1 - float(problem.alpha.max()))
    return float(min(most * ((bound / most) ** power + slack) ** (1 / power), most))


def is_coarse(problem: PlannerProblem, value: float) -> bool:
    """Whether a decision's share of final demand, T of ``planner/lifted``, is small against solvers' tolerances."""
    most = ceiling(problem).Q * problem.L
    return value == 0 or bool((value / most) ** (problem.sigma - 1) < COARSE)


def some_choice(problem: PlannerProblem) -> Choice | None:
    """Return a θ that the rows and the labour constraint allow, or None if HiGHS finds that there is none."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = [LinearConstraint(problem.f.reshape(1, -1), -np.inf, problem.L)]
    if problem.rows.count:
        rows.append(LinearConstraint(problem.rows.G, problem.rows.lower, problem.rows.upper))
    answer = milp(problem.f, integrality=np.ones(problem.n, np.int8), bounds=Bounds(0, 1), constraints=rows)
    return None if answer.x is None else problem.operating(np.round(answer.x))


def refuted(problem: PlannerProblem, solution: Solution, time_limit: float | None = None) -> Solution:
    """Return the solution, marked as contradicted if the heuristic's decision is worth more than its bound."""
    if solution.bound is None or solution.contradicted or solution.stopped_by is StoppedBy.INTERRUPTED:
        return solution
    try:
        known = known_decision(problem, time_limit=time_limit)
    except KeyboardInterrupt:
        return solution
    value = 0.0 if known is None else float(problem.evaluate(known).value)
    if value - solution.bound <= CONTRADICTION * value:
        return solution
    why = f"the solver claims the bound {solution.bound:.12g}, a decision of the heuristic is worth {value:.12g}"
    status = Status.FEASIBLE if solution.status is Status.OPTIMAL else solution.status
    return replace(solution, status=status, contradicted=why)
