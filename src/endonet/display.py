"""How results look on a terminal: compact panels and tables that say what is known before anything else."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from endonet import promises
from endonet.formulations.structure import Structure
from endonet.solvers.solution import EQUILIBRIA, Solution, Status

MEANING = {
    Status.OPTIMAL: ("green", "proved: value and bound agree"),
    Status.FEASIBLE: ("yellow", "best decision so far, with a valid bound"),
    Status.LOCAL: ("cyan", "no neighbour is better; nothing is proved beyond that"),
    Status.STATIONARY: ("cyan", "the heuristic's conditions hold; no bound"),
    Status.NOT_CONVERGED: ("red", "the method did not settle; the best decision it saw"),
    Status.INFEASIBLE: ("green", "proved: no decision satisfies the constraints"),
    Status.UNBOUNDED: ("green", "proved: the objective has no limit"),
    Status.NO_SOLUTION: ("red", "nothing was found before a limit"),
}

# What a status says of a list of equilibria.
LISTED = {
    Status.OPTIMAL: ("green", "proved: these are all equilibria"),
    Status.FEASIBLE: ("yellow", "equilibria found so far; there may be others"),
    Status.STATIONARY: ("cyan", "an equilibrium; the notes say what is known of others"),
    Status.NO_SOLUTION: ("red", "no equilibrium was found where it looked"),
    Status.INFEASIBLE: ("green", "proved: there is no equilibrium"),
}

COUNTED = {"theta": "operating"}
ROUNDING = 1e-9
MANY = 25  # rows that a table may have before it is cut


class _Console(Console):
    """A console that leaves a broken pipe to the frame around the command."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return a console on standard output, wide enough for a table where there is no terminal."""
    return _Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 120)


def number(value: float | None, digits: int = 10) -> str:
    """Return a number with ``digits`` significant digits, and a dash for what is not known."""
    return "–" if value is None else f"{value:.{digits}g}"


def gap(value: float | None) -> str:
    """Return a relative gap in words a reader can compare."""
    if value is None:
        return "no bound"
    return "0" if value == 0 else f"{value:.2g}"


def counts(encoded: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return how many entries of each binary part of a decision are 1."""
    found = []
    for key, part in (encoded or {}).items():
        if isinstance(part, list) and part and all(entry in (0, 1) for entry in part):
            found.append((COUNTED.get(key, f"{key} = 1"), f"{sum(part)} of {len(part)}"))
    return found


def equilibria(encoded: Mapping[str, Any] | None) -> list[tuple[str, RenderableType]]:
    """Return the numbers of each equilibrium that a decision lists, and how much there is of each of its parts."""
    rows: list[tuple[str, RenderableType]] = []
    for key in ("equilibria", "autarky"):
        for place, entry in enumerate((encoded or {}).get(key, ())):
            if place == MANY:
                rows.append(("", Text(f"… and {len((encoded or {})[key]) - MANY} more")))
                break
            parts = [f"{name} = {number(part)}" for name, part in entry.items() if isinstance(part, (int, float))]
            parts += [f"{name}: {len(part)}" for name, part in entry.items() if isinstance(part, list) and name != "w"]
            rows.append(("equilibrium" if key == "equilibria" else key, Text(", ".join(parts))))
    return rows


def _meaning(found: Solution) -> tuple[str, str]:
    """Return colour and words for a status; a proof that nobody can check is called a claim."""
    colour, meaning = MEANING[found.status]
    if found.question == EQUILIBRIA:
        colour, meaning = LISTED.get(found.status, (colour, meaning))
    if meaning.startswith("proved: ") and found.certificate is None:
        return "yellow", f"claimed by {found.solver}: {meaning.removeprefix('proved: ')}, not certified"
    return colour, meaning


def solution(problem: Any, found: Solution) -> RenderableType:
    """Return a panel: what is known first, then the numbers, then the notes."""
    colour, meaning = _meaning(found)
    if found.contradicted:
        colour, meaning = "bold red", "THE CLAIM IS REFUTED"
    status = Text.assemble((found.status.value, f"bold {colour}"), f"  {meaning}")
    rows: list[tuple[str, RenderableType]] = [("status", status)]
    if found.stopped_by.value != "finished":
        rows.append(("stopped by", Text(found.stopped_by.value.replace("_", " "), "yellow")))
    if found.value is not None:
        rows.append(("value", Text(number(found.value, 12), "bold")))
        rows.append(("bound", Text(number(found.bound, 12))))
        rows.append(("gap", Text(gap(found.rel_gap))))
    elif found.bound is not None:
        rows.append(("bound", Text(number(found.bound, 12))))
    if found.question == EQUILIBRIA:
        rows += equilibria(found.encoded_decision)
    else:
        rows += [(label, Text(count)) for label, count in counts(found.encoded_decision)]
    rows.append(("time", Text(f"{found.wall_time:.3g} s, after {found.setup_time:.2g} s of setting up")))
    rows += [("note", Text(note)) for note in found.notes]
    if found.contradicted:
        rows.append(("refuted", Text(found.contradicted, "bold red")))
    how = found.solver + (f" on {found.formulation}" if found.formulation else "")
    return _panel(f"{found.instance or 'unnamed problem'} by {how}", rows, colour, subtitle=_about(problem))


def structure(problem: Any, found: Sequence[Structure]) -> RenderableType:
    """Return a table of what each formulation of a problem is made of."""
    whole = any(entry.integers for entry in found)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("formulation", "in", "class", "relaxed"):
        table.add_column(heading, no_wrap=True)
    for heading in ("binary", *(("integer",) if whole else ()), "real", "rows", "nonzeros"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("nonlinear", overflow="fold")
    for entry in found:
        variables = (entry.binaries, *((entry.integers,) if whole else ()), entry.continuous)
        table.add_row(
            *(entry.formulation, entry.language, entry.math_class, entry.relaxation),
            *(f"{count:,}" for count in (*variables, entry.rows, entry.nonzeros)),
            _nonlinear(entry),
        )
    title = Text.assemble((problem.name or "unnamed problem", "bold"), f"  {_about(problem)}")
    return Group(title, table)


def _nonlinear(entry: Structure) -> str:
    parts = [f"{count:,} {kind} cones" for kind, count in entry.cones.items()]
    parts += [f"{entry.nonlinear_rows:,} rows"] * bool(entry.nonlinear_rows)
    return ", ".join([*parts, *["objective"] * entry.nonlinear_objective]) or "–"


def verified(problem: Any, claimed: Solution, report: Any) -> RenderableType:
    """Return a panel that says what has been verified."""
    claims = promises.verified(claimed)
    trust = promises.taken_on_trust(claimed)
    rows: list[tuple[str, RenderableType]] = [
        ("verified", Text(_and(claims) or "nothing: there is neither a decision nor a bound", "bold green")),
        ("status", Text(claimed.status.value)),
    ]
    if claimed.question == EQUILIBRIA:
        rows += equilibria(claimed.encoded_decision)
    else:
        rows += [("value", Text(number(claimed.value, 12))), ("bound", Text(number(claimed.bound, 12)))]
    if trust:
        rows.insert(1, ("not verified", Text(f"the status {trust!r} is the solver's word", "yellow")))
    for key, value in fields_of(report).items():
        # The counts of a certificate mean nothing where there is none, and little where all that counts is its kind.
        if key not in ("value", "bound") and value is not None and not (isinstance(value, (int, str)) and not value):
            rows.append((key.replace("_", " "), Text(_short(value))))
    proved = claimed.bound is not None or claimed.status in (Status.INFEASIBLE, Status.OPTIMAL)
    colour = "green" if proved else "cyan"
    return _panel(f"{claimed.instance or 'unnamed problem'} by {claimed.solver}", rows, colour, _about(problem))


def outcome(problem: Any, found: Any) -> RenderableType:
    """Return a panel of what follows from a decision."""
    rows: list[tuple[str, RenderableType]] = [
        ("value", Text(number(found.value, 12), "bold")),
        ("feasible", Text("yes", "green") if found.feasible else Text("no", "bold red")),
    ]
    rows += [("violated", Text(sentence, "red")) for sentence in found.violations]
    follows_ = follows(found)
    columns = {key: part for key, part in follows_.items() if _is_column(part)}
    rows += [(key.replace("_", " "), Text(_short(part))) for key, part in follows_.items() if key not in columns]
    panel = _panel(problem.name or "unnamed problem", rows, "green" if found.feasible else "red", _about(problem))
    return Group(panel, _columns(columns)) if columns else panel


def follows(found: Any) -> dict[str, Any]:
    """Return what an outcome tells of itself by ``to_dict``, in the order it tells it; nothing if it has none."""
    return dict(found.to_dict()) if hasattr(found, "to_dict") else {}


def _is_column(part: Any) -> bool:
    return isinstance(part, (list, tuple)) or getattr(part, "ndim", 0) == 1


def _columns(columns: Mapping[str, Any]) -> RenderableType:
    """Return arrays side by side, one row for each firm (link, …), the first of them only where they are many."""
    length = max(len(part) for part in columns.values())
    shown = length if length <= MANY else MANY - 1
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", justify="right", style="dim")
    for key in columns:
        table.add_column(key, justify="right", no_wrap=True)
    for k in range(shown):
        table.add_row(str(k), *(_cell(part[k]) if k < len(part) else "" for part in columns.values()))
    if shown < length:
        table.add_row("", f"… {length - shown} more")
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "∞" if value == float("inf") else f"{value:.5g}"
    return str(value)


def own_options(entries: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return the options of those catalogue entries that have any, one to a line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    leading = [key for key in ("family", "name") if any(key in entry for entry in entries)]
    for key in leading:
        table.add_column(key, no_wrap=True)
    table.add_column("options", overflow="fold")
    for entry in entries:
        for k, option in enumerate(entry.get("options", ())):
            table.add_row(*("" if k else str(entry[key]) for key in leading), option)
    return table


def catalogue(what: str, entries: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return a table of catalogue entries without their options, one column for each field that any entry fills."""
    if not entries:
        return Text(f"there are no {what}")
    known = dict.fromkeys(key for entry in entries for key in entry if key != "options")
    filled = [key for key in known if any(entry.get(key) not in ("", [], None) for entry in entries)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for key in filled:
        table.add_column(key, no_wrap=key == "name", overflow="fold")
    for entry in entries:
        dim = "dim" if entry.get("unavailable") else ""
        table.add_row(*(_short(entry.get(key, "")) for key in filled), style=dim)
    return table


def baseline(entries: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return what is known of bundled instances: a panel for one, a table for several."""
    if len(entries) == 1:
        return _known(entries[0])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("instance", "size", "", "primal", "dual", "gap"):
        table.add_column(title, no_wrap=title == "instance", overflow="fold")
    for entry in entries:
        size = ", ".join(f"{key} {value}" for key, value in entry["size"].items())
        sides = [number(entry[side]["value"] if entry[side] else None, 12) for side in ("primal", "dual")]
        table.add_row(entry["name"], size, entry["status"], *sides, "–" if entry["gap"] is None else gap(entry["gap"]))
    return table


def _known(entry: Mapping[str, Any]) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = [("description", escape(entry["description"]))]
    for side in ("primal", "dual"):
        if entry[side]:
            said = entry[side]
            by = f"{said['method']}, ±{said['tolerance']:.0e}, endonet {said['version']}, {said['date']}"
            rows.append((side, f"{number(said['value'], 15)}  [dim]{escape(by)}[/]"))
    if entry["infeasible"]:
        said = entry["infeasible"]
        rows.append(("infeasible", escape(f"{said['method']}, endonet {said['version']}, {said['date']}")))
    if entry["stale"]:
        rows.append(("record", "of another economy than this instance holds today; --rerun --record makes a new one"))
    if entry["gap"] is not None:
        rows.append(("gap", gap(entry["gap"])))
    rows += [(one["solver"], escape(_attempt(one))) for one in entry["others"]]
    if entry["operating"] is not None:
        rows.append(("operating", f"{100 * entry['operating']:.3g} % of the firms"))
    if entry["certificate"]:
        rows.append(("certificate", "kept in the library: --points DIR writes it"))
    if entry["recipe"]:
        recipe = entry["recipe"]
        rows.append(("generator", escape(f"{recipe['generator']} {recipe['arguments']}")))
        rows.append(("checksum", recipe["fingerprint"]))
    for key, value in (entry["statistics"] or {}).items():
        rows.append((key.replace("_", " "), escape(_spread(value))))
    colour = {"opt": "green", "inf": "green", "best": "yellow"}.get(entry["status"], "red")
    return _panel(entry["name"], rows, colour, entry["status"])


def _attempt(one: Mapping[str, Any]) -> str:
    """Return what an outside solver reached, in one line."""
    sides = [f"{side} {number(one[side], 9)}" for side in ("value", "bound") if one[side] is not None]
    sides += [] if one["gap"] is None else [f"gap {gap(one['gap'])}"]
    limit = "" if one["time_limit"] is None else f" of {one['time_limit']:g}"
    by = ", ".join(f"{package} {version}" for package, version in one["versions"].items())
    ended = str(one["stopped_by"]).replace("_", " ")
    said = [
        f"claims {one['status']}, {ended}",
        *sides,
        f"{one['seconds']:g}{limit} s",
        str(one["formulation"]),
        by,
        one["date"],
    ]
    return "; ".join(said) + (f"; FALSE: {one['contradicted']}" if one["contradicted"] else "")


def _spread(value: Any) -> str:
    """Return a statistic: a number, least and largest, or least, quartiles and largest."""
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {key}" for key, count in value.items()) or "–"
    if not _is_list(value):
        return _short(value)
    parts = [*map(_short, value)]
    if len(set(parts)) == 1:
        return f"{parts[0]} everywhere"
    return f"{parts[0]} to {parts[-1]}" + (f" (quartiles {', '.join(parts[1:-1])})" if len(parts) > 2 else "")


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def reruns(results: Sequence[Any]) -> RenderableType:
    """Return what a run of the library says beside the record, what changed first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("instance", "verdict", "value", "bound", "gap", "s", "recorded"):
        table.add_column(title, no_wrap=title == "instance", overflow="fold")
    colours = {"CONFLICT": "bold red", "weaker": "dim", "unchanged": "dim"}
    for found in sorted(results, key=lambda found: not found.conflict):
        numbers = [number(found.value, 12), number(found.bound, 12), gap(found.rel_gap), f"{found.seconds:.3g}"]
        style = colours.get(found.verdict, "green")
        table.add_row(found.name, found.verdict, *numbers, "yes" if found.recorded else "", style=style)
    verdicts = [str(found.verdict) for found in results]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    return Group(table, Text(", ".join(counts)))


def fields_of(report: Any) -> dict[str, Any]:
    """Return a report of any form (mapping, dataclass, object with ``to_dict``) as a dictionary."""
    if report is None:
        return {}
    if hasattr(report, "to_dict"):
        return dict(report.to_dict())
    if isinstance(report, Mapping):
        return dict(report)
    if dataclasses.is_dataclass(report) and not isinstance(report, type):
        return {f.name: getattr(report, f.name) for f in dataclasses.fields(report)}
    return {"report": str(report)}


def _panel(title: str, rows: Sequence[tuple[str, RenderableType]], colour: str, subtitle: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, value)
    return Panel(
        grid,
        title=f"[bold]{escape(title)}[/]",
        subtitle=f"[dim]{escape(subtitle)}[/]",
        border_style=colour,
        expand=False,
        padding=(0, 2),
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1))


def _about(problem: Any) -> str:
    return repr(problem).strip("<>").partition(": ")[2]


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, 2 if abs(value) < ROUNDING else 10)  # nobody reads the digits of a rounding error
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
