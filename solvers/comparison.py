"""One problem solved in several ways, the answers side by side, and the proofs held against each other.

Every value is the evaluator's. A feasible decision that is worth more than a solver's bound allows (less, if the
objective is minimised) therefore refutes that bound, and a feasible decision refutes "infeasible"; the comparison says
so before it says anything else, and goes on crediting the proofs that nothing refutes. Only where claims contradict
each other without a decision to settle it, such as "infeasible" against "unbounded", nothing counts as proved.
"""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from endonet.formulations import registry
from endonet.formulations.contracts import Problem, Sense
from endonet.formulations.errors import EndonetError, NotApplicableError, UnavailableError
from endonet.solvers.base import Solver
from endonet.solvers.solution import EQUILIBRIA, OPTIMUM, Solution, Status, StoppedBy, relative_gap

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

# A bound with a certificate holds to rounding; outside solvers keep their constraints to about 1e-6 only.
ROUNDING = 1e-9
OUTSIDE = 1e-6
# Decisions whose values differ by less are equally good; the prover's own then stands for the optimum.
TIE = 1e-12


SETTLING = (Status.OPTIMAL, Status.INFEASIBLE, Status.UNBOUNDED)


@dataclass(frozen=True)
class Row:
    """One solver's answer, or why there is none.

    Attributes
    ----------
    status : str
        The status of the solution; ``unavailable``, ``refused``, ``failed`` or ``skipped`` where there is none.
    error : float or None
        How far ``value`` falls short of the proven optimum, relative to it; None if no optimum was proved.
    differs : int or None
        In how many entries the decision differs from that of the proven optimum.
    certified : bool
        Whether the claim comes with a certificate, which `endonet.check` verifies.
    equilibria : int or None
        How many equilibria the row lists; None where an optimum was asked for.
    refuted : str
        Empty, or which other decision shows the row's bound (or its claim of infeasibility) to be false.
    reason : str
        Why there is no answer.
    """

    solver: str
    formulation: str | None
    proves: str
    status: str
    stopped_by: str | None = None
    value: float | None = None
    bound: float | None = None
    rel_gap: float | None = None
    wall_time: float | None = None
    setup_time: float | None = None
    error: float | None = None
    differs: int | None = None
    contradicted: str = ""
    certified: bool = False
    equilibria: int | None = None
    refuted: str = ""
    reason: str = ""

    @property
    def false(self) -> bool:
        """Whether the evaluator refutes the row, by its own decision or by that of another."""
        return bool(self.contradicted or self.refuted)

    @property
    def proof(self) -> bool:
        """Whether the row settles the problem: optimal, infeasible or unbounded."""
        return self.status in SETTLING and not self.false


@dataclass(frozen=True)
class Disagreement:
    """Why one answer differs from the reference: the proven optimum or, without one, the best answer.

    Attributes
    ----------
    solver, reference : str
        As ``solver`` or ``solver:formulation``.
    entries : tuple of mapping
        One for each entry of the decision that differs, as the family tells them; empty if it tells nothing.
    sentences : tuple of str
        The same in words.
    """

    solver: str
    reference: str
    entries: tuple[Mapping[str, Any], ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Answers side by side.

    Attributes
    ----------
    rows : tuple of Row
        One for each solver, in the order asked for.
    optimum : float or None
        The value of the proven optimum, if any solver proved one and nothing refutes it.
    proved_by : str
        Who proved it, as ``solver`` or ``solver:formulation``: a solver with a certificate if there is one, and among
        equals the one with the tighter bound.
    certified : bool
        Whether that proof is a certificate; without one it is an outside solver's claim.
    best_value, best_bound, rel_gap : float or None
        What all solvers know together.
    equilibria : int or None
        How many equilibria there are, where they were asked for and a list was proved complete.
    contradictions : tuple of str
        One sentence for each claim that is false, or pair of claims that cannot both be true.
    notes : tuple of str
        Disagreements within an outside solver's tolerance.
    solutions : tuple of Solution or None
        The solution behind each row.
    disagreements : tuple of Disagreement
        One for each answer whose decision differs from the reference, if the family can explain such differences.
    """

    family: str
    instance: str
    sense: Sense
    rows: tuple[Row, ...]
    optimum: float | None
    proved_by: str
    certified: bool
    best_value: float | None
    best_bound: float | None
    rel_gap: float | None
    contradictions: tuple[str, ...]
    notes: tuple[str, ...]
    solutions: tuple[Solution | None, ...]
    question: str = OPTIMUM
    equilibria: int | None = None
    disagreements: tuple[Disagreement, ...] = ()

    def __getitem__(self, solver: str) -> Solution:
        """Return the solution of a solver by its name, or by ``name:formulation``."""
        for row, solution in zip(self.rows, self.solutions, strict=True):
            if solution is not None and solver in (row.solver, label(row)):
                return solution
        raise KeyError(solver)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as one JSON-ready object."""
        skipped = ("rows", "solutions", "sense", "disagreements")
        report = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skipped}
        report |= {"sense": self.sense.value, "contradictions": list(self.contradictions), "notes": list(self.notes)}
        report["disagreements"] = [asdict(one) for one in self.disagreements]
        rows = []
        for row, solution in zip(self.rows, self.solutions, strict=True):
            decision = None if solution is None or solution.encoded_decision is None else solution.encoded_decision
            rows.append(asdict(row) | {"decision": None if decision is None else dict(decision)})
        return report | {"rows": rows}

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        page = StringIO()
        Console(file=page, width=120, highlight=False, color_system=None).print(self)
        return page.getvalue().rstrip("\n")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _rich(self, roomy=options.max_width >= 96)

    def _repr_html_(self) -> str:
        return _html(self)


def compare(problem: Problem, solvers: Iterable[Solver[Any] | tuple[Solver[Any], str | None]]) -> Comparison:
    """Solve one problem with each solver in turn.

    Parameters
    ----------
    problem : Problem
    solvers : iterable of Solver, or of (Solver, formulation)

    Returns
    -------
    Comparison
        A solver that cannot run, refuses the problem or fails is a row that says why. After an interruption the
        solvers that are left are skipped.
    """
    entries = [entry if isinstance(entry, tuple) else (entry, None) for entry in solvers]
    answers: list[Solution | Row] = []
    interrupted = False
    for place, (solver, formulation) in enumerate(entries, start=1):
        if solver.log:
            print(f"{place} of {len(entries)}: {solver.name}", file=sys.stderr)
        if interrupted:
            answers.append(_without(solver, formulation, "skipped", "the comparison was interrupted before it"))
            continue
        answer = _attempt(problem, solver, formulation)
        interrupted = isinstance(answer, Solution) and answer.stopped_by is StoppedBy.INTERRUPTED
        answers.append(answer)
    return _lay_out(problem, [solver for solver, _ in entries], answers)


def label(answer: Row | Solution) -> str:
    """Return ``solver`` or ``solver:formulation``."""
    return answer.solver + (f":{answer.formulation.rpartition('/')[2]}" if answer.formulation else "")


def _attempt(problem: Problem, solver: Solver[Any], formulation: str | None) -> Solution | Row:
    try:
        return solver.solve(problem, formulation)
    except UnavailableError as error:
        return _without(solver, formulation, "unavailable", str(error))
    except NotApplicableError as error:
        return _without(solver, formulation, "refused", str(error))
    except EndonetError as error:
        return _without(solver, formulation, "failed", str(error))
    except Exception as error:
        # One outside solver that breaks must not cost the answers of the others; the row names the fault.
        return _without(solver, formulation, "failed", f"{type(error).__name__}: {error}")


def _without(solver: Solver[Any], formulation: str | None, status: str, reason: str) -> Row:
    return Row(solver.name, formulation, solver.proves.value, status, reason=reason)


def _lay_out(problem: Problem, solvers: list[Solver[Any]], answers: list[Solution | Row]) -> Comparison:
    better = 1.0 if problem.sense is Sense.MAXIMISE else -1.0
    solutions = [answer if isinstance(answer, Solution) else None for answer in answers]
    found = [(solver, s) for solver, s in zip(solvers, solutions, strict=True) if s is not None]
    worth = [s for _, s in found if s.decision is not None and problem.evaluate(s.decision).feasible]
    judged = [_judge(solver, s, worth, better) for solver, s in found]
    undecided = _irreconcilable([verdict for verdict in judged if not verdict.false])
    standing = [] if undecided else [verdict for verdict in judged if not verdict.false]

    asked = _asked(found)
    answering = [verdict for verdict in standing if verdict.claim.question == asked]
    valued = [s for s in worth if s.value is not None]
    best_value = max(valued, key=lambda s: better * (s.value or 0.0)).value if valued else None
    bounds = [v.claim.bound for v in answering if v.claim.bound is not None and not v.missed]
    best_bound = better * min(better * bound for bound in bounds) if bounds else None
    proved = [v.claim for v in answering if v.claim.status is Status.OPTIMAL and _answers(v.claim)]
    proof = min(proved, key=lambda s: _credit(s, better)) if proved else None
    best = None if proof is None else _best(proof, valued, better)
    refuted = {id(verdict.claim): verdict.refuted for verdict in judged}
    rows = [
        replace(_row(solver, answer, best, better), refuted=refuted[id(answer)])
        if isinstance(answer, Solution)
        else answer
        for solver, answer in zip(solvers, answers, strict=True)
    ]
    return Comparison(
        family=problem.family,
        instance=problem.name,
        sense=problem.sense,
        rows=tuple(rows),
        optimum=None if best is None else best.value,
        proved_by="" if proof is None else label(proof),
        certified=proof is not None and proof.certificate is not None,
        best_value=best_value,
        best_bound=best_bound,
        rel_gap=_finite(relative_gap(best_value, best_bound)),
        contradictions=tuple(sentence for verdict in judged for sentence in verdict.sentences) + undecided,
        notes=tuple(note for verdict in judged for note in verdict.missed),
        solutions=tuple(solutions),
        question=asked,
        equilibria=None if proof is None else proof.equilibria,
        disagreements=_disagreements(problem, best or _first(worth, best_value), [s for _, s in found], asked),
    )


def _first(worth: list[Solution], value: float | None) -> Solution | None:
    return next((s for s in worth if s.value == value and value is not None), None)


def _disagreements(
    problem: Problem, reference: Solution | None, answers: list[Solution], asked: str
) -> tuple[Disagreement, ...]:
    """Let the family explain every answer to the question asked whose decision differs from the reference."""
    room = "endonet.solvers"
    if reference is None or problem.family not in registry.family_names(room):
        return ()
    name = getattr(registry.family_module(room, problem.family), "DISAGREEMENT", None)
    if name is None:
        return ()
    explain, found = registry.load(name), []
    for answer in answers:
        if answer is reference or answer.decision is None or answer.question != asked:
            continue
        entries, sentences = explain(problem, reference, answer)
        if sentences:
            found.append(Disagreement(label(answer), label(reference), entries, sentences))
    return tuple(found)


def _answers(claim: Solution) -> bool:
    """Return whether a proof comes with what it is a proof of: a value, or a list of equilibria."""
    return claim.value is not None or claim.equilibria is not None


def _credit(proof: Solution, better: float) -> tuple[bool, float]:
    """Order proofs: a certificate before a claim, then the tighter bound, then the order asked for."""
    return proof.certificate is None, better * (proof.bound if proof.bound is not None else better * float("inf"))


def _best(proof: Solution, worth: list[Solution], better: float) -> Solution:
    """Return the solution that stands for the optimum: the prover's own, unless one within its bound is better."""
    if proof.value is None:
        return proof
    top = max(worth, key=lambda s: better * (s.value or 0.0), default=proof)
    ahead = better * ((top.value or 0.0) - proof.value)
    return top if ahead > TIE * abs(proof.value) else proof


def _row(solver: Solver[Any], solution: Solution, best: Solution | None, better: float) -> Row:
    error = differs = None
    if best is not None and best.value is not None and solution.value is not None:
        shortfall = better * (best.value - solution.value)
        error = _finite(0.0 if shortfall == 0 else shortfall / abs(best.value) if best.value else None)
        differs = differences(best.encoded_decision or {}, solution.encoded_decision or {})
    elif best is not None and best.equilibria is not None and solution.equilibria is not None:
        differs = len(set(_entries(best)) ^ set(_entries(solution)))
    return Row(
        solver=solution.solver,
        formulation=solution.formulation,
        proves=solver.proves.value,
        status=solution.status.value,
        stopped_by=solution.stopped_by.value,
        value=solution.value,
        bound=solution.bound,
        rel_gap=_finite(solution.rel_gap),
        wall_time=solution.wall_time,
        setup_time=solution.setup_time,
        error=error,
        differs=differs,
        contradicted=solution.contradicted,
        certified=solution.certificate is not None,
        equilibria=solution.equilibria,
    )


def _entries(solution: Solution) -> dict[str, Mapping[str, Any]]:
    """Return the equilibria that a solution lists by what tells them apart: their networks, not their numbers."""
    encoded = solution.encoded_decision or {}
    listed = [entry for key in ("equilibria", "autarky") for entry in encoded.get(key, ())]
    return {
        json.dumps({key: part for key, part in entry.items() if key != "w" and isinstance(part, (list, dict))}): entry
        for entry in listed
    }


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Return in how many entries two encoded decisions differ: list by list, a plain field as one entry."""
    count = 0
    for key in one.keys() | other.keys():
        left, right = one.get(key), other.get(key)
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            count += sum(a != b for a, b in zip(left, right, strict=True))
        else:
            count += left != right
    return count


@dataclass(frozen=True)
class _Verdict:
    """A claim held against every feasible decision: why it is false, and by whom it is missed within tolerance."""

    claim: Solution
    refuted: str
    missed: tuple[str, ...]

    @property
    def false(self) -> bool:
        return bool(self.claim.contradicted or self.refuted)

    @property
    def sentences(self) -> tuple[str, ...]:
        own = f"{label(self.claim)}: {self.claim.contradicted}" if self.claim.contradicted else ""
        return tuple(sentence for sentence in (own, self.refuted) if sentence)


def _judge(solver: Solver[Any], claim: Solution, worth: list[Solution], better: float) -> _Verdict:
    """Hold one claim against the feasible decisions of the others; the best of them is the witness."""
    if claim.question == EQUILIBRIA:
        return _Verdict(claim, _incomplete(claim, worth), ())
    others = [s for s in worth if s is not claim and s.value is not None and s.question == claim.question]
    witness = max(others, key=lambda s: better * (s.value or 0.0), default=None)
    if witness is None or witness.value is None:
        return _Verdict(claim, "", ())
    worth_it = f"{label(witness)}'s decision is worth {witness.value:.12g}"
    if claim.status is Status.INFEASIBLE:
        false = f"{label(claim)}'s claim that the problem is infeasible is false: {worth_it}, and it is feasible"
        return _Verdict(claim, false, ())
    if claim.bound is None or claim.contradicted:
        return _Verdict(claim, "", ())
    scale = max(abs(witness.value), abs(claim.bound))
    excess = better * (witness.value - claim.bound)
    if excess <= ROUNDING * scale:
        return _Verdict(claim, "", ())
    bound = f"the bound {claim.bound:.12g} of {label(claim)}"
    trusted = not solver.packages or claim.certificate is not None
    if excess > (ROUNDING if trusted else OUTSIDE) * scale:
        return _Verdict(claim, f"{bound} is false: {worth_it}", ())
    note = f"{bound} is missed: {worth_it}; the difference is within the tolerance of {claim.solver}"
    return _Verdict(claim, "", (note,))


def _incomplete(claim: Solution, worth: list[Solution]) -> str:
    """Return which equilibrium of another list shows that a list is not complete; empty if none does."""
    if claim.status not in (Status.OPTIMAL, Status.INFEASIBLE) or claim.contradicted:
        return ""
    known = _entries(claim)
    for other in worth:
        if other is claim or other.question != EQUILIBRIA:
            continue
        for key, entry in _entries(other).items():
            if key not in known:
                where = f"A = {entry['A']:.12g}" if "A" in entry else f"E/P = {entry['real_income']:.12g}"
                return f"{label(claim)}'s list is not complete: {label(other)} has an equilibrium with {where}"
    return ""


def _irreconcilable(standing: list[_Verdict]) -> tuple[str, ...]:
    """Return the pairs of claims that exclude each other although no decision refutes either."""
    claims = [verdict.claim for verdict in standing]
    unbounded = [claim for claim in claims if claim.status is Status.UNBOUNDED]
    against = [(claim, "infeasible") for claim in claims if claim.status is Status.INFEASIBLE]
    against += [(claim, f"bounded by {claim.bound:.12g}") for claim in claims if claim.bound is not None]
    return tuple(
        f"{label(one)} calls the problem unbounded, {label(other)} calls it {says}"
        for one in unbounded
        for other, says in against
    )


def _asked(found: list[tuple[Solver[Any], Solution]]) -> str:
    """Return the question that a comparison is about: the optimum, if any solver was asked for it."""
    questions = [solution.question for _, solution in found]
    return OPTIMUM if OPTIMUM in questions or not questions else questions[0]


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


COLUMNS = ("solver", "status", "value", "bound", "gap", "error", "differs", "seconds")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text under `COLUMNS`."""
    status = row.status.replace("_", " ")
    if row.stopped_by not in (None, StoppedBy.FINISHED.value):
        status += f" ({str(row.stopped_by).replace('_', ' ')})"
    return (
        label(row),
        "REFUTED" if row.false else status,
        _text(row.value, ".8g") if row.equilibria is None else counted(row.equilibria),
        _text(row.bound, ".8g"),
        _text(row.rel_gap, ".2g"),
        _text(row.error, ".2g"),
        "–" if row.differs is None else str(row.differs),
        _seconds(row.wall_time),
    )


def summary(comparison: Comparison) -> str:
    """Return in one sentence what all solvers know together."""
    if len(comparison.contradictions) > sum(row.false for row in comparison.rows):
        return "Nothing is proved: the claims contradict each other, and no decision settles it."
    if comparison.equilibria is not None:
        how = "proved by" if comparison.certified else "claimed, without a certificate, by"
        there = f"There {'is' if comparison.equilibria == 1 else 'are'} {counted(comparison.equilibria)}"
        return f"{there}, {how} {comparison.proved_by}; differs counts the equilibria that only one of two lists has."
    if comparison.optimum is not None:
        how = "proved by" if comparison.certified else "claimed, without a certificate, by"
        return (
            f"The optimum is {comparison.optimum:.12g}, {how} {comparison.proved_by}; error and differs "
            "(entries of the decision) are against it."
        )
    proofs = sorted((row for row in comparison.rows if row.proof), key=lambda row: not row.certified)
    if proofs:
        how = "proved by" if proofs[0].certified else "claimed, without a certificate, by"
        return f"The problem is {proofs[0].status}, {how} {label(proofs[0])}."
    if comparison.question == EQUILIBRIA:
        most = max((row.equilibria or 0 for row in comparison.rows), default=0)
        return f"A solver found {counted(most)}; no list was proved complete."
    if comparison.best_value is None:
        return "No solver found a decision."
    if comparison.best_bound is None:
        return f"The best value is {comparison.best_value:.12g}; no solver proved a bound."
    return (
        f"The best value is {comparison.best_value:.12g}, the best bound {comparison.best_bound:.12g}: "
        f"a gap of {_text(comparison.rel_gap, '.2g')}."
    )


def counted(equilibria: int) -> str:
    """Return a number of equilibria in words."""
    return "1 equilibrium" if equilibria == 1 else f"{equilibria} equilibria"


def _text(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _rich(comparison: Comparison, roomy: bool) -> list[RenderableType]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    padding = (0, 1) if roomy else (0, 0)
    table = Table(box=box.SIMPLE_HEAD, padding=padding, pad_edge=False, show_edge=False, title_justify="left")
    table.title = comparison.instance or None
    for column in COLUMNS:
        wraps = column == "status"
        justify: Literal["left", "right"] = "left" if column in ("solver", "status") else "right"
        table.add_column(column, justify=justify, no_wrap=not wraps, overflow="fold" if wraps else "ellipsis")
    for row in comparison.rows:
        style = "bold red" if row.false else "green" if row.proof else "dim" if row.reason else ""
        table.add_row(*map(Text, cells(row)), style=style)
    lines: list[RenderableType] = [Text(f"CONTRADICTION: {s}", "bold red") for s in comparison.contradictions]
    lines += [table, Text()]
    lines += [Text(f"{label(row)}: {row.reason}", "yellow") for row in comparison.rows if row.reason]
    lines += [Text(f"note: {note}", "yellow") for note in comparison.notes]
    lines.append(Text(summary(comparison)))
    for one in comparison.disagreements:
        lines += [Text(), Text(f"Why {one.solver} differs from {one.reference}:", "bold")]
        lines += [Text(f"  {sentence}") for sentence in one.sentences]
    return lines


def _html(comparison: Comparison) -> str:
    head = "".join(f"<th>{column}</th>" for column in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells(row)) + "</tr>" for row in comparison.rows
    )
    said = [f"<p><strong>CONTRADICTION: {html.escape(s)}</strong></p>" for s in comparison.contradictions]
    after = [f"<p>{html.escape(f'{label(row)}: {row.reason}')}</p>" for row in comparison.rows if row.reason]
    after += [f"<p>{html.escape(note)}</p>" for note in comparison.notes]
    after.append(f"<p>{html.escape(summary(comparison))}</p>")
    for one in comparison.disagreements:
        told = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in one.sentences)
        after.append(f"<p>{html.escape(f'Why {one.solver} differs from {one.reference}:')}</p><ul>{told}</ul>")
    caption = f"<caption>{html.escape(comparison.instance)}</caption>" if comparison.instance else ""
    table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return "".join(said) + table + "".join(after)
