"""The command line. Each command reads its problem, calls one verb of the front door, and shows what came of it."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import endonet
from endonet import frame

if TYPE_CHECKING:
    from endonet.solvers.solution import Solution

LISTS = ("solvers", "formulations", "instances", "reports")

F = TypeVar("F", bound=Callable[..., Any])


class Commands(click.Group):
    """A group that offers the nearest command for one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command, or fail with the nearest names."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            near = difflib.get_close_matches(args[0], known, n=2, cutoff=0.4)
            remedy = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
            raise click.UsageError(f"no command {args[0]!r}; {remedy}", ctx)
        return super().resolve_command(ctx, args)


def solving_options(command: F) -> F:
    """Add the options that mean the same for every solver."""
    for option in reversed(
        [
            click.option("--time-limit", type=float, metavar="S", help="Return the best known after S seconds."),
            click.option(
                "--rel-gap",
                type=float,
                metavar="G",
                help="Gap that counts as optimal.  [default: 1e-9; outside solvers: 1e-6, highs: 1e-7]",
            ),
            click.option("--seed", type=int, metavar="N", help="The same seed gives the same numbers."),
            click.option("--threads", type=int, metavar="N", help="Threads to use; 0 means all cores."),
            click.option("--log/--quiet", default=None, help="Progress on standard error.  [default: on a terminal]"),
            click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else."),
        ]
    ):
        command = option(command)
    return command


format_option = click.option(
    "--format", "form", metavar="NAME", help="How to read PROBLEM where its content leaves it open: lolib, edges."
)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(endonet.__version__, message="endonet %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback if endonet itself fails.")
@click.pass_context
def commands(context: click.Context, debug: bool) -> None:
    """Production networks as mathematical programs, solved and proved.

    PROBLEM is a bundled name, as `endonet list instances` shows them, the path of an instance file, or a generator with
    its arguments, such as sourcing/calibrated:n=100000,K=1000,seed=7.

    Exit status: 0 an answer of the kind the solver promises, 2 bad input or usage, 3 a limit or a cycle before that,
    4 a claim that failed verification.
    """
    if debug:
        os.environ[frame.DEBUG] = "1"
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@commands.command()
@click.argument("problem")
@format_option
@click.option("--solver", "-s", metavar="NAME", help="How to solve it.  [default: certified]")
@click.option("--formulation", "-f", metavar="NAME", help="Which formulation, for solvers that take one.")
@click.option("--option", "-o", "pairs", multiple=True, metavar="KEY=VALUE", help="One of the solver's own options.")
@click.option("--initial", metavar="FILE", help="A solution file whose decision to start from.")
@click.option("--resume", metavar="FILE", help="A solution file of a search that a limit ended; the search goes on.")
@click.option("--out", metavar="FILE", help="Write the solution, certificate included, to a file.")
@solving_options
def solve(
    problem: str,
    form: str | None,
    solver: str | None,
    formulation: str | None,
    pairs: tuple[str, ...],
    initial: str | None,
    resume: str | None,
    out: str | None,
    as_json: bool,
    **common: Any,
) -> int:
    """Solve PROBLEM and say what has been proved."""
    from endonet import api, options, promises

    _check_out(out)
    instance = endonet.load(problem, form)
    kind = api.solver_class(instance.family, solver)
    given = _common(common) | options.parse(kind, pairs)
    if initial is not None:
        given["initial"] = endonet.load_solution(initial, instance).decision
    if resume is not None:
        given = options.resume(kind, endonet.load_solution(resume, instance)) | given
    with frame.stdout_kept_clean():
        solution = api.solve(instance, kind(**given), formulation)
    if out is not None:
        endonet.save_solution(solution, out)
    _show_solution(instance, solution, as_json)
    if solution.contradicted:
        return frame.REFUTED
    return frame.ANSWERED if promises.kept(kind.proves, solution) else frame.UNFINISHED


@commands.command()
@click.argument("problem")
@format_option
@click.option("--solvers", "-s", required=True, metavar="A,B,C", help="Solver names; solver:formulation picks one.")
@solving_options
def compare(problem: str, form: str | None, solvers: str, as_json: bool, **common: Any) -> int:
    """Solve PROBLEM in several ways and lay the answers side by side.

    Solvers that prove are held against each other: a value beyond another's bound is reported as a contradiction.
    """
    from endonet import api

    names = [name.strip() for name in solvers.split(",") if name.strip()]
    if not names:
        raise click.UsageError("--solvers names no solver", click.get_current_context())
    instance = endonet.load(problem, form)
    with frame.stdout_kept_clean():
        comparison = api.compare(instance, names, **_common(common))
    if as_json:
        _print_json(comparison.to_dict())
    else:
        _console().print(comparison)
    if comparison.contradictions:
        for sentence in comparison.contradictions:
            click.echo(f"endonet: CONTRADICTION: {sentence}", err=True)
        return frame.REFUTED
    interrupted = any(row.stopped_by == "interrupted" for row in comparison.rows)
    answered = any(row.value is not None or row.equilibria or row.proof for row in comparison.rows)
    return frame.ANSWERED if answered and not interrupted else frame.UNFINISHED


@commands.command()
@click.argument("problem")
@format_option
@click.argument("solution", metavar="SOLUTION.json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def check(problem: str, form: str | None, solution: str, as_json: bool) -> int:
    """Verify the claims of a solution file without any solver.

    Value and feasibility are always verified; a bound is only by its certificate. A status such as local or stationary
    says more than that and stays the solver's word.
    """
    from endonet import api, display, promises

    instance = endonet.load(problem, form)
    claimed = endonet.load_solution(solution, instance)
    with frame.stdout_kept_clean():
        report = api.check(instance, claimed)
    if as_json:
        said = {"verified": True, "verified_claims": promises.verified(claimed)}
        said |= {"not_verified": ["status"] if promises.taken_on_trust(claimed) else []}
        said |= {"instance": instance.name, "status": claimed.status.value}
        _print_json(said | display.fields_of(report))
    else:
        _console().print(display.verified(instance, claimed, report))
    return frame.ANSWERED


@commands.command()
@click.argument("problem")
@format_option
@click.option("--decision", metavar="JSON", help='The decision as JSON, such as {"theta": [1, 0, 1]}.')
@click.option("--solution", metavar="FILE", help="A solution file whose decision to evaluate.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def evaluate(problem: str, form: str | None, decision: str | None, solution: str | None, as_json: bool) -> int:
    """Compute what follows from a decision, without any solver.

    The whole outcome is in --json, with null for an infinite price; the table shows the first rows.
    """
    from endonet import display

    if (decision is None) == (solution is None):
        raise click.UsageError("give either --decision or --solution", click.get_current_context())
    instance = endonet.load(problem, form)
    if decision is not None:
        chosen = instance.decode_decision(_read_json("--decision", decision))
    else:
        chosen = endonet.load_solution(str(solution), instance).decision
    outcome = instance.evaluate(chosen)
    if as_json:
        _print_json(
            {
                "family": instance.family,
                "instance": instance.name,
                "value": outcome.value,
                "feasible": outcome.feasible,
                "violations": outcome.violations,
                "decision": instance.encode_decision(chosen),
                **display.follows(outcome),
            }
        )
    else:
        _console().print(display.outcome(instance, outcome))
    return frame.ANSWERED


@commands.command()
@click.argument("what", metavar="FORMULATION|PROBLEM")
@click.option("--problem", metavar="FILE", help="What FORMULATION is made of for this problem: its structure.")
@click.option("--formulation", "-f", metavar="NAME", help="With PROBLEM: one formulation instead of all.")
@format_option
@click.option("--latex", is_flag=True, help="A whole LaTeX document that compiles as it stands.")
@click.option("--body", is_flag=True, help="With --latex: only what stands between begin and end, ready to paste.")
@click.option("--markdown", is_flag=True, help="Markdown, with mathematics between dollar signs.")
@click.option("--json", "as_json", is_flag=True, help="With a problem: one JSON object, nothing else.")
def show(
    what: str,
    problem: str | None,
    formulation: str | None,
    form: str | None,
    latex: bool,
    body: bool,
    markdown: bool,
    as_json: bool,
) -> int:
    """Show the mathematics of FORMULATION, such as planner/lifted, or the structure of a PROBLEM.

    The structure says how many variables of which type, rows, nonzeros and cones each formulation of the problem has.
    """
    import endonet.formulations.show as writer
    from endonet import api

    context = click.get_current_context()
    if body and not latex:
        raise click.UsageError("--body is a part of what --latex prints; give both", context)
    if latex and markdown:
        raise click.UsageError("--latex and --markdown exclude each other", context)
    named = api.full_name(what) in api.formulation_names()
    if named and problem is None:
        if formulation is not None or as_json:
            raise click.UsageError("--formulation and --json need a problem", context)
        found = api.formulation(what)
        written = writer.latex(found, document=not body) if latex else writer.markdown(found) if markdown else ""
        click.echo(written or writer.text(found))
        return frame.ANSWERED
    if latex or markdown:
        raise click.UsageError("--latex and --markdown need a formulation alone", context)
    if problem is not None and not named:
        api.formulation(what)  # which says that there is no such formulation
    if problem is not None and formulation is not None:
        raise click.UsageError("the formulation stands twice", context)
    instance = endonet.load(problem, form) if problem is not None else _load_or_formulation(what, form)
    _show_structure(instance, what if named else formulation, as_json)
    return frame.ANSWERED


@commands.command()
@click.argument("problem")
@format_option
@click.option("--formulation", "-f", required=True, metavar="NAME", help="Which formulation to write.")
@click.option("--names", is_flag=True, help="With .nl: the names of variables and rows, in files beside it.")
@click.argument("file")
def export(problem: str, form: str | None, formulation: str, names: bool, file: str) -> int:
    """Write PROBLEM as a model FILE for other software.

    The ending of FILE names the format: .nl (AMPL) and .gms (GAMS) for any formulation, .lp and .mps for linear ones,
    .cbf (Conic Benchmark Format) for those that can be written in CVXPY.
    """
    from endonet import api
    from endonet.formulations.errors import InputError
    from endonet.formulations.export import CONIC, language
    from endonet.formulations.export import export as write

    _check_writable("FILE", file)
    modeller = language(file)
    instance = endonet.load(problem, form)
    found = api.formulation_of(instance.family, formulation)
    if modeller not in found.modellers:
        raise InputError("FILE", f"{found.name} is not conic, as {CONIC} must be", "write it as .nl or .gms")
    with frame.stdout_kept_clean():
        write(found.build(instance, modeller), file, names)
    click.echo(f"{found.name} of {instance.name or problem} is in {file}")
    return frame.ANSWERED


@commands.command(name="list")
@click.argument("what", metavar="|".join(LISTS))
@click.option("--options", "with_options", is_flag=True, help="With solvers, reports: options, types and defaults.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def list_(what: str, with_options: bool, as_json: bool) -> int:
    """List solvers, formulations, instances or reports."""
    from endonet import catalogue, display
    from endonet.formulations.errors import InputError

    if what not in LISTS:
        near = difflib.get_close_matches(what, LISTS, n=1, cutoff=0.4)
        remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(LISTS)}"
        raise InputError("list", f"there is nothing called {what!r} to list", remedy)

    entries = getattr(catalogue, what)()
    if as_json:
        _print_json({what: entries})
    else:
        have_options = any(entry.get("options") for entry in entries)
        shown = display.own_options(entries) if with_options and have_options else display.catalogue(what, entries)
        _console().print(shown)
    return frame.ANSWERED


@commands.command()
@click.argument("name")
@click.option("--out", default="out", show_default=True, metavar="DIR", help="Where the page and its data go.")
@click.option("--full", is_flag=True, help="At the paper's full scale, which takes longer.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Local processes.")
@click.option("--dask", metavar="ADDRESS", help="A Dask scheduler to run on instead.")
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same numbers.")
@click.option("--option", "-o", "pairs", multiple=True, metavar="KEY=VALUE", help="One of the report's own options.")
def report(
    name: str, out: str, full: bool, workers: int, dask: str | None, seed: int | None, pairs: tuple[str, ...]
) -> int:
    """Rebuild the report NAME as one self-contained page; `all` rebuilds every report, with an index.

    What takes long goes on where it was interrupted. `endonet list reports --options` shows each report's options.
    """
    from endonet import reports

    module = reports.find(name)
    chosen = reports.parse(module, [*(() if seed is None else (f"seed={seed}",)), *pairs])
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    page = reports.run(module, folder, full, workers, dask, chosen)
    click.echo(f"the page is in {page}")
    return frame.ANSWERED


@commands.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--known",
    "kinds",
    multiple=True,
    type=click.Choice(["opt", "best", "inf", "unkn"]),
    help="Only those of which so much is known; best: the open ones. May be repeated.",
)
@click.option("--rerun", "again_solve", is_flag=True, help="Solve them again and say what changed.")
@click.option("--solver", "-s", metavar="NAME", help="With --rerun: how.  [default: each family's own]")
@click.option("--time-limit", type=float, default=60.0, show_default=True, metavar="S", help="For each instance.")
@click.option("--rel-gap", type=float, metavar="G", help="Gap that counts as optimal.  [default: the solver's]")
@click.option("--out", default="out", show_default=True, metavar="DIR", help="Where the ledger and answers go.")
@click.option("--again", is_flag=True, help="Solve also what an earlier run finished.")
@click.option("--record", is_flag=True, help="Write what is better, and outside solvers' claims, to the library.")
@click.option("--solu", metavar="FILE", help="Write what is known in MINLPLib's .solu format.")
@click.option("--formulation", "-f", metavar="NAME", help="With --solu: in the units of that model's objective.")
@click.option("--points", metavar="DIR", help="Write the best-known answers as solution files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def baseline(
    names: tuple[str, ...],
    kinds: tuple[str, ...],
    again_solve: bool,
    solver: str | None,
    time_limit: float,
    rel_gap: float | None,
    out: str,
    again: bool,
    record: bool,
    solu: str | None,
    formulation: str | None,
    points: str | None,
    as_json: bool,
) -> int:
    """Show what is known of the bundled instances: NAME, or a pattern such as 'planner/*', or all.

    With --rerun each is solved again and held against the record: unchanged, weaker, better primal, better dual, or
    CONFLICT, which is an error. What an earlier run finished is not solved again; an interrupted run goes on.

    Exit status of --rerun: 0 no conflict, 3 interrupted, 4 a conflict.
    """
    from endonet import display, rerun
    from endonet.instances import baseline as known

    context = click.get_current_context()
    if formulation is not None and solu is None:
        raise click.UsageError("--formulation needs --solu", context)
    for option in ("solver", "time_limit", "rel_gap", "out", "again", "record"):
        if not again_solve and context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{option.replace('_', '-')} needs --rerun", context)
    entries = rerun.of_status(rerun.matching(names), kinds)
    if solu is not None:
        _check_writable("--solu", solu)
        units = None if formulation is None else rerun.in_units_of(formulation, entries)
        known.write_text(Path(solu), known.solu(entries, units))
        click.echo(f"{len(entries)} instances are in {solu}", err=as_json)
    if points is not None:
        written, proved = rerun.points(entries, Path(points))
        click.echo(f"{written} answers, {proved} with a certificate, are in {points}", err=as_json)
    if not again_solve:
        if as_json:
            _print_json({"instances": [rerun.describe(entry) for entry in entries]})
        elif solu is None and points is None:
            _console().print(display.baseline([rerun.describe(entry) for entry in entries]))
        return frame.ANSWERED
    results = []
    with frame.stdout_kept_clean():
        chosen = [entry.name for entry in entries]
        for found in rerun.rerun(chosen, Path(out), solver, time_limit, rel_gap, again, record):
            results.append(found)
            click.echo(f"{len(results)}/{len(chosen)} {found.told()}", err=True)
    if as_json:
        _print_json(rerun.summary(results))
    else:
        _console().print(display.reruns(results))
    for found in results:
        if found.conflict:
            click.echo(f"endonet: CONFLICT: {found.name}: {found.why}", err=True)
    if any(found.conflict for found in results):
        return frame.REFUTED
    return frame.UNFINISHED if any(found.interrupted for found in results) else frame.ANSWERED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    status = frame.run(commands, arguments)
    if arguments is None:  # this is the whole of the process: what it had to say is said
        frame.end_quietly()
    return status


def _common(given: dict[str, Any]) -> dict[str, Any]:
    """Return the common options that were given; progress shows on a terminal unless told otherwise."""
    chosen = {key: value for key, value in given.items() if value is not None}
    chosen.setdefault("log", sys.stderr.isatty())
    return chosen


def _check_writable(field: str, path: str | None) -> None:
    """Refuse a file that cannot be written before hours of work, not after."""
    from endonet.formulations.errors import InputError

    if path is None:
        return
    folder = Path(path).resolve().parent
    if Path(path).is_dir():
        raise InputError(field, f"{path} is a folder", "name a file")
    if not folder.is_dir():
        raise InputError(field, f"there is no folder {folder}", "create it first")
    if not os.access(folder, os.W_OK):
        raise InputError(field, f"the folder {folder} cannot be written to", "name another")


def _check_out(path: str | None) -> None:
    from endonet.instances import files, formats

    _check_writable("--out", path)
    if path is not None and not Path(path).exists():
        formats.check_ending(Path(path), files.SOLUTION_ENDINGS)


def _show_solution(problem: Any, solution: Solution, as_json: bool) -> None:
    from endonet import display

    if as_json:
        _print_json(solution.to_dict(certificate=False))
    else:
        _console().print(display.solution(problem, solution))
    if solution.contradicted:
        click.echo(f"endonet: CLAIM REFUTED: {solution.contradicted}", err=True)


def _load_or_formulation(name: str, form: str | None) -> Any:
    """Load a problem; if there is none of that name, offer formulations as well as instances."""
    from endonet import api
    from endonet.formulations.errors import UnknownNameError
    from endonet.instances import files

    try:
        return endonet.load(name, form)
    except UnknownNameError:
        known = [*api.formulation_names(), *(entry.name for entry in files.names())]
        raise UnknownNameError("formulation or problem", name, known) from None


def _show_structure(problem: Any, formulation: str | None, as_json: bool) -> None:
    from endonet import api, display

    with frame.stdout_kept_clean():
        found = api.structure(problem, formulation)
    if as_json:
        said = {"family": problem.family, "instance": problem.name}
        _print_json(said | {"formulations": [entry.to_dict() for entry in found]})
    else:
        _console().print(display.structure(problem, found))


def _print_json(value: Any) -> None:
    from endonet.plain import to_json

    click.echo(to_json(value))


def _read_json(field: str, text: str) -> Any:
    import json

    from endonet.formulations.errors import InputError

    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(field, f"it is not JSON ({error})", 'write it like {"theta": [1, 0, 1]}') from None


def _console() -> Any:
    from endonet.display import console

    return console()
