"""Running the library again: solve bundled instances, check the answers, and hold them against the record.

What is finished stands in a ledger, so that a run that was interrupted goes on where it stopped; answers stand beside
it as solution files. A bound counts only after `endonet.check` verified its certificate.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from endonet import api
from endonet.formulations.contracts import Sense
from endonet.formulations.errors import EndonetError, InputError, VerificationError
from endonet.instances import baseline, bounds, catalogue, files, others
from endonet.instances.baseline import Judgement, Verdict
from endonet.reports import ledger
from endonet.solvers.solution import EQUILIBRIA, Proves, Solution, Status, StoppedBy, relative_gap

LEDGER = "baseline.jsonl"
ANSWERS = "baseline"
PROOF_LIMIT = 2**18  # bytes of a solution file that the library keeps, if it settles its instance
OPEN_LIMIT = 2**16  # bytes of one that does not
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Rerun:
    """One instance solved again.

    Attributes
    ----------
    name : str
    verdict : str
        A `Verdict`, or why there is none.
    why : str
        For a conflict, what contradicts what.
    value, bound, rel_gap : float or None
    status, stopped_by : str
        Of the run's solution; empty where there is none.
    seconds : float
    kept : bool
        Whether the answer is from an earlier run.
    recorded : bool
        Whether the record was improved.
    """

    name: str
    verdict: str
    why: str = ""
    value: float | None = None
    bound: float | None = None
    rel_gap: float | None = None
    status: str = ""
    stopped_by: str = ""
    seconds: float = 0.0
    kept: bool = False
    recorded: bool = False

    def told(self) -> str:
        """Return the run in one line."""
        numbers = [] if self.value is None else [f"value {self.value:.12g}"]
        numbers += [] if self.bound is None else [f"bound {self.bound:.12g}"]
        numbers += [] if self.rel_gap is None else [f"gap {self.rel_gap:.1e}"]
        notes = [f"{self.seconds:.3g} s", *["from an earlier run"] * self.kept, *["recorded"] * self.recorded]
        return f"{self.name}: {self.verdict}; {', '.join([*numbers, *notes])}" + (f" ({self.why})" if self.why else "")

    @property
    def interrupted(self) -> bool:
        """Whether the run ended here by Ctrl-C."""
        return self.stopped_by == StoppedBy.INTERRUPTED

    @property
    def conflict(self) -> bool:
        """Whether the run contradicts the record, or its own certificate."""
        return self.verdict == Verdict.CONFLICT


def rerun(
    names: Sequence[str],
    out: Path,
    solver: str | None = None,
    time_limit: float = 60.0,
    rel_gap: float | None = None,
    again: bool = False,
    record: bool = False,
) -> Iterator[Rerun]:
    """Solve instances one after the other and yield what each run says beside the record.

    Parameters
    ----------
    names : sequence of str
        Full names, such as ``planner/us-71``.
    out : Path
        The folder of the ledger and of the answers.
    solver : str, optional
        By default each family's own.
    time_limit : float
        Seconds for each instance.
    rel_gap : float, optional
    again : bool
        Solve also what an earlier run with the same settings and the same code finished.
    record : bool
        Write what is better to the library: to ``bounds.json``, and the answer with its certificate if it is small.
        What outside solvers claim goes to ``others.json``, better or not.
    """
    options: dict[str, Any] = {"time_limit": time_limit} | ({} if rel_gap is None else {"rel_gap": rel_gap})
    _check_options({name.partition("/")[0] for name in names}, solver, options)
    (out / ANSWERS).mkdir(parents=True, exist_ok=True)
    finished = ledger.Ledger(out / LEDGER)
    for name in names:
        problem = files.load(name)
        key = {"instance": name, "fingerprint": problem.fingerprint, "solver": solver, **options, "code": ledger.code()}
        cell = None if again else finished.get(key)
        answer = out / ANSWERS / f"{name.replace('/', '.')}.{solver or 'default'}.json.gz"
        found = _of_cell(name, cell, answer, problem) if cell is not None else None
        if found is None:
            found = _solve(name, problem, solver, options, answer)
            if not found.interrupted:
                finished.add(key, {"verdict": found.verdict, "why": found.why, "seconds": found.seconds})
        if record and answer.is_file() and not found.interrupted:
            _record_attempt(name, problem, answer)
        if record and found.verdict in _RECORDED:
            found = _record(found, problem, answer)
        elif record and found.verdict == Verdict.UNCHANGED and found.status in _PROVED and not proof(name).is_file():
            keep(name, answer)
        yield found
        if found.interrupted:
            return


_RECORDED = (Verdict.BETTER_PRIMAL, Verdict.BETTER_DUAL, Verdict.BETTER_BOTH, Verdict.PROVED_INFEASIBLE)
_PROVED = (Status.OPTIMAL, Status.INFEASIBLE)


def _taken(family: str, solver: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return those of the options that a family's solver has."""
    takes = {field.name for field in fields(api.solver_class(family, solver))}
    return {option: value for option, value in options.items() if option in takes}


def _check_options(families: Iterable[str], solver: str | None, options: dict[str, Any]) -> None:
    """Raise what is wrong with the options if no family can make use of them."""
    errors = []
    for family in sorted(families):
        try:
            api.solver(family, solver, **_taken(family, solver, options))
        except EndonetError as error:
            errors.append(error)
        else:
            return
    if errors:
        raise errors[0]


def _solve(name: str, problem: Any, solver: str | None, options: dict[str, Any], answer: Path) -> Rerun:
    try:
        solution = api.solve(problem, solver, **_taken(problem.family, solver, options))
    except VerificationError as error:
        return Rerun(name, Verdict.CONFLICT, str(error))
    except EndonetError as error:
        return Rerun(name, "not run", str(error))
    if solution.question == EQUILIBRIA:
        return Rerun(name, "not judged", "it asks for equilibria, not for an optimum", seconds=solution.wall_time)
    files.save_solution(solution, answer)
    return _judged(name, problem, solution)


def _of_cell(name: str, cell: dict[str, Any], answer: Path, problem: Any) -> Rerun | None:
    """Return what an earlier run found, held against the record of today; None if its answer is gone."""
    if cell["verdict"] in ("not run", "not judged"):
        return Rerun(name, cell["verdict"], cell["why"], seconds=cell["seconds"], kept=True)
    try:
        return replace(_judged(name, problem, files.load_solution(answer, problem)), kept=True)
    except (EndonetError, OSError):
        return None


def _judged(name: str, problem: Any, solution: Solution) -> Rerun:
    """Check a solution, then hold it against the record."""
    try:
        if solution.contradicted:
            raise VerificationError(solution.contradicted)
        proved = solution.certificate is not None or (solution.bound is None and solution.status not in _PROVED)
        if proved:
            api.check(problem, solution)
        known = bounds.bounds(name)
        _reproduced(known, problem)
        judgement = _beside(known, problem, solution, proved)
    except VerificationError as error:
        judgement = Judgement(Verdict.CONFLICT, str(error))
    return Rerun(
        name,
        judgement.verdict,
        judgement.why,
        solution.value,
        solution.bound,
        solution.rel_gap,
        solution.status.value,
        solution.stopped_by.value,
        solution.wall_time,
    )


def _reproduced(known: bounds.Bounds, problem: Any) -> None:
    """Raise unless the evaluator finds the value that is on record of the decision that is."""
    if known.primal is None or known.primal.decision is None:
        return
    claimed, tolerance = known.primal.value, known.primal.tolerance
    try:
        outcome = problem.evaluate(problem.decode_decision(known.primal.decision))
    except EndonetError as error:
        raise VerificationError(f"the decision on record cannot be read: {error}") from None
    if not outcome.feasible:
        raise VerificationError("the decision on record violates the constraints")
    if abs(outcome.value - claimed) > tolerance * max(abs(outcome.value), abs(claimed)):
        raise VerificationError(f"{claimed:.15g} is on record, of a decision worth {outcome.value:.15g}")


def _beside(known: bounds.Bounds, problem: Any, solution: Solution, proved: bool) -> Judgement:
    """Hold a solution against the record; a bound without a certificate can contradict it, but not improve it."""
    infeasible = solution.status is Status.INFEASIBLE
    asked = solution.options.get("rel_gap")
    tolerance = TOLERANCE if proved or not isinstance(asked, float) else max(TOLERANCE, asked)
    judgement = baseline.judge(known, Sense(problem.sense), solution.value, solution.bound, infeasible, tolerance)
    if proved or judgement.verdict not in _CLAIMED:
        return judgement
    return Judgement(_CLAIMED[judgement.verdict], "its bound comes without a certificate")


_CLAIMED = {
    Verdict.BETTER_DUAL: Verdict.WEAKER,
    Verdict.BETTER_BOTH: Verdict.BETTER_PRIMAL,
    Verdict.PROVED_INFEASIBLE: Verdict.WEAKER,
}


def _record_attempt(name: str, problem: Any, answer: Path) -> None:
    """Write to the library what an outside solver that proves claims without a certificate."""
    solution = files.load_solution(answer, problem)
    kind = api.solver_class(problem.family, solution.solver)
    if kind.packages and kind.proves is Proves.GLOBAL_OPTIMUM and solution.certificate is None:
        others.record_attempt(name, solution)


def _record(found: Rerun, problem: Any, answer: Path) -> Rerun:
    """Write what is better to the library."""
    solution = files.load_solution(answer, problem)
    proves = api.solver_class(problem.family, solution.solver).proves
    method = _method(solution)
    if found.verdict == Verdict.PROVED_INFEASIBLE:
        bounds.record_infeasible(found.name, method, proves=proves)
    if found.verdict in (Verdict.BETTER_PRIMAL, Verdict.BETTER_BOTH):
        value, theta = solution.value, solution.decision
        assert value is not None
        bounds.record_bound(found.name, "primal", value, method, decision=theta, tolerance=TOLERANCE)
    if found.verdict in (Verdict.BETTER_DUAL, Verdict.BETTER_BOTH):
        assert solution.bound is not None
        bounds.record_bound(found.name, "dual", solution.bound, method, proves=proves, tolerance=TOLERANCE)
    keep(found.name, answer)
    baseline.write()
    return replace(found, recorded=True)


def _method(solution: Solution) -> str:
    """Return the solver, with the gap that it proved or the seconds after which it was stopped."""
    gap, seconds = solution.options.get("rel_gap"), solution.options.get("time_limit")
    if solution.status is Status.OPTIMAL and gap is not None:
        return f"{solution.solver} (rel_gap {gap:g})".replace("e-0", "e-")
    if solution.stopped_by is StoppedBy.TIME_LIMIT and seconds is not None:
        return f"{solution.solver} ({seconds:g} s)"
    return solution.solver


def keep(name: str, answer: Path) -> bool:
    """Keep a small answer in the library if it has a certificate; return whether it is kept."""
    found = files.load_solution(answer)
    settled = found.status in _PROVED
    if found.certificate is None or answer.stat().st_size > (PROOF_LIMIT if settled else OPEN_LIMIT):
        return False
    target = proof(name)
    problem = files.load(name)
    if target.is_file() and _worse(problem, found, files.load_solution(target)):
        return False
    target.parent.mkdir(exist_ok=True)
    files.save_solution(_with_best_decision(files.load_solution(answer, problem), bounds.bounds(name), problem), target)
    return True


def _worse(problem: Any, new: Solution, kept: Solution) -> bool:
    """Return whether an answer that is kept, if it is to the same economy, proves more than a new one."""
    if kept.fingerprint != problem.fingerprint or kept.bound is None or new.bound is None or kept.certificate is None:
        return False
    sign = 1.0 if Sense(problem.sense) is Sense.MAXIMISE else -1.0
    return sign * (new.bound - kept.bound) > 0


def _with_best_decision(solution: Solution, known: bounds.Bounds, problem: Any) -> Solution:
    """Return a proof with the decision on record, where that is better than the proof's own; it holds for any."""
    primal = known.primal
    if primal is None or solution.value is None or solution.bound is None or primal.decision is None:
        return solution
    sign = 1.0 if Sense(problem.sense) is Sense.MAXIMISE else -1.0
    if sign * (primal.value - solution.value) <= TOLERANCE * abs(primal.value):
        return solution
    other = replace(
        solution,
        value=primal.value,
        rel_gap=relative_gap(primal.value, solution.bound),
        decision=problem.decode_decision(primal.decision),
        encoded_decision=primal.decision,
        notes=(*solution.notes, f"the decision is that on record, by {primal.method}"),
    )
    try:
        api.check(problem, other)
    except VerificationError:
        return solution
    return other


def proof(name: str) -> Path:
    """Return where the library keeps the answer to an instance, if it keeps one."""
    family, _, short = name.partition("/")
    return catalogue.folder(family).with_name("proofs") / f"{short}.json.gz"


def matching(patterns: Sequence[str]) -> list[catalogue.Bundled]:
    """Return the bundled instances whose full or short names match a pattern; all if none is given.

    Raises
    ------
    UnknownNameError
        If a pattern matches no instance.
    """
    entries = catalogue.names()
    chosen: dict[str, catalogue.Bundled] = {}
    for pattern in patterns:
        found = [entry for entry in entries if _fits(entry, pattern)]
        if not found:
            raise catalogue.unknown(pattern)
        chosen |= {entry.name: entry for entry in found}
    return list(chosen.values()) if patterns else entries


def of_status(entries: Sequence[catalogue.Bundled], known: Sequence[str]) -> list[catalogue.Bundled]:
    """Return the instances of which so much is known: ``opt``, ``best``, ``inf`` or ``unkn``; all if none is given."""
    return [entry for entry in entries if not known or baseline.status(bounds.bounds(entry.name)) in known]


def _fits(entry: catalogue.Bundled, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in (entry.name, entry.name.partition("/")[2], entry.family))


def points(entries: Sequence[catalogue.Bundled], folder: Path) -> tuple[int, int]:
    """Write the best-known answer to each instance as a solution file; return how many, and how many with a proof.

    Where the library keeps no certificate, the file claims the decision alone: value and feasibility can be checked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = proved = 0
    for entry in entries:
        known = bounds.bounds(entry.name)
        target = folder / f"{entry.name.replace('/', '.')}.json.gz"
        if _settles(entry.name, known):
            shutil.copyfile(proof(entry.name), target)
            proved += 1
        elif known.primal is not None:
            files.save_solution(_claim(entry.name, known.primal), target)
        else:
            continue
        written += 1
    return written, proved


def _settles(name: str, known: bounds.Bounds) -> bool:
    """Return whether the answer that the library keeps is as good as the record."""
    if not proof(name).is_file():
        return False
    kept = files.load_solution(proof(name))
    if kept.fingerprint != files.fingerprint(name):
        return False
    if known.primal is None or kept.value is None:
        return kept.status is Status.INFEASIBLE and known.primal is None
    return abs(kept.value - known.primal.value) <= TOLERANCE * abs(known.primal.value)


def _claim(name: str, primal: bounds.Bound) -> Solution:
    problem = files.load(name)
    return Solution(
        family=problem.family,
        instance=name,
        fingerprint=problem.fingerprint,
        solver=primal.method,
        formulation=None,
        status=Status.NOT_CONVERGED,
        stopped_by=StoppedBy.FINISHED,
        value=primal.value,
        bound=None,
        rel_gap=None,
        decision=None,
        encoded_decision=primal.decision,
        notes=("the best-known decision, without a proof that no other is better",),
        versions={"endonet": primal.version},
    )


def describe(entry: catalogue.Bundled) -> dict[str, Any]:
    """Return all that the library says of an instance, without loading it."""
    known = bounds.bounds(entry.name)
    line = catalogue.read_data(entry.family, "index.json")[entry.name.partition("/")[2]]
    recipe = catalogue.read_data(entry.family, "generated.json").get(entry.name.partition("/")[2])
    operating = known.primal.decision.get("theta") if known.primal is not None and known.primal.decision else None
    return {
        "name": entry.name,
        "description": entry.description,
        "size": dict(entry.size),
        "statistics": line.get("statistics"),
        "status": baseline.status(known).value,
        "stale": known.stale,
        "primal": _side(known.primal),
        "dual": _side(known.dual),
        "infeasible": None if known.infeasible is None else asdict(known.infeasible),
        "gap": known.gap,
        "others": [asdict(one) | {"gap": one.gap} for one in others.attempts(entry.name)],
        "operating": None if operating is None else sum(operating) / len(operating),
        "recipe": recipe,
        "certificate": proof(entry.name).is_file() and not known.stale,
    }


def _side(side: bounds.Bound | None) -> dict[str, Any] | None:
    return None if side is None else {key: part for key, part in asdict(side).items() if key != "decision"}


def summary(results: Sequence[Rerun]) -> dict[str, Any]:
    """Return the runs and how many there are of each verdict."""
    verdicts = [found.verdict for found in results]
    counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    return {"counts": counts, "runs": [asdict(found) for found in results]}


def in_units_of(formulation: str, entries: Sequence[catalogue.Bundled]) -> Callable[[str, float], float]:
    """Return a function that turns a value of an instance into the objective of a formulation's model of it.

    Raises
    ------
    InputError
        If the formulation belongs to another family than an instance, or its objective is the value itself.
    """
    form: Any = api.formulation(formulation)
    family = form.name.partition("/")[0]
    if any(entry.family != family for entry in entries):
        raise InputError("--formulation", f"{form.name} takes {family} instances alone", f"name '{family}/*'")
    if not hasattr(form, "output"):
        raise InputError("--formulation", f"the objective of {form.name} is the value itself", "leave it out")

    def turned(name: str, value: float) -> float:
        problem = files.load(name)
        high = 1.0
        while form.output(problem, high) < value:
            high *= 2
        low, high = 0.0, high
        while low < (middle := (low + high) / 2) < high:
            low, high = (middle, high) if form.output(problem, middle) < value else (low, middle)
        return high

    return turned
