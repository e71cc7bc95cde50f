"""Pages that follow from the package itself: formulations, solvers, instances, commands, and the reference.

They are written before the build into the folder ``generated`` beside this one, and only where they have changed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from sphinx.application import Sphinx

ROOMS = {
    "formulations": "What is optimised: problem data, evaluation, declarative models.",
    "solvers": "How: heuristics, enumeration, certified search, adapters to outside solvers.",
    "instances": "On what: bundled instances with best-known bounds, generators, readers.",
    "reports": "What comes out: experiments that rebuild the papers' tables and figures.",
}


def write_all(app: Sphinx) -> None:
    """Write every page."""
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    pages = dict(_pages())
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _pages() -> Iterator[tuple[str, str]]:
    from endonet import api

    for family in api.formulations_by_family():
        yield f"formulations-{family}.md", _formulations(family)
    yield "solvers.md", _solvers()
    yield "instances.md", _instances()
    yield "library.md", _library()
    yield "reports.md", _reports()
    yield "findings.md", _findings()
    yield "command-line.md", _commands()
    yield "reference-endonet.md", _front_door()
    for room, lead in ROOMS.items():
        for package in _packages(f"endonet.{room}"):
            yield f"reference-{package.replace('endonet.', '')}.md", _package(package, lead)


def _findings() -> str:
    from endonet.reports import findings

    return findings.markdown()


def _formulations(family: str) -> str:
    from endonet import api
    from endonet.formulations import registry, show

    package = registry.family_module("endonet.formulations", family)
    lead = (package.__doc__ or "").strip()
    forms = [api.formulation(f"{family}/{name}") for name in package.FORMULATIONS]
    return "\n".join([f"# Formulations: {family}", "", lead, "", *map(show.markdown, forms)])


def _solvers() -> str:
    from endonet import catalogue

    lines = ["# Solvers", "", "As `endonet list solvers --options` shows them, whatever is installed.", ""]
    family = ""
    for entry in catalogue.solvers():
        if entry["family"] != family:
            family = entry["family"]
            lines += ["", f"## {family.capitalize()}", "", "| name | how | proves | options |", "|---|---|---|---|"]
        options = ", ".join(f"`{option}`" for option in entry["options"])
        lines.append(f"| `{entry['name']}` | {_cell(entry['title'])} | {entry['proves']} | {_cell(options)} |")
    return "\n".join([*lines, ""])


def _instances() -> str:
    from endonet import catalogue

    lines = ["# Bundled instances", "", "`endonet.load` takes these names; `endonet list instances` prints them.", ""]
    family = ""
    for entry in catalogue.instances():
        group = entry["name"].partition("/")[0]
        if group != family:
            family = group
            lines += ["", f"## {family.capitalize()}", "", "| name | size | description |", "|---|---|---|"]
        size = ", ".join(f"{entry[key]} {key}" for key in entry if key not in ("name", "description") and entry[key])
        lines.append(f"| `{entry['name']}` | {_cell(size)} | {_cell(entry['description'])} |")
    return "\n".join([*lines, ""])


def _library() -> str:
    """The planner's instances with structure and bounds: what a solver's author chooses by."""
    from endonet import rerun
    from endonet.instances.planner.statistics import convexity

    lines = [
        "# The library in numbers",
        "",
        "Degrees are median and largest; `rows` counts side constraints; `ακ` says whether α(σ−1)/(ε−1) exceeds one;",
        "`sd z` is the standard deviation of log z, `cost` the fixed costs of all firms as a share of labour, `on` the",
        "share of firms that operate at the best known decision. Bounds are of output Y; see",
        "[the benchmark library](../library.md) for what `opt`, `best` and `inf` mean, and `endonet baseline NAME` for",
        "everything that is known of one instance, its generator and checksum included.",
        "",
        "| name | n | links | density | in | out | rows | ακ | sd z | cost | on | | primal | dual | gap | proof |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in rerun.matching(["planner"]):
        said = rerun.describe(entry)
        made = said["statistics"]
        degrees = [f"{made[side][2]:g}, {made[side][4]:g}" for side in ("in_degree", "out_degree")]
        share = "–" if said["operating"] is None else f"{said['operating']:.2f}"
        sides = ["–" if said[side] is None else f"{said[side]['value']:.9g}" for side in ("primal", "dual")]
        gap = "–" if said["gap"] is None else f"{said['gap']:.0e}" if said["gap"] else "0"
        shape = [f"{made['density']:.2g}", *degrees, made["rows"], convexity(made), f"{made['sd_log_z']:.2f}"]
        ends = [f"{made['fixed_cost']:.2g}", share, said["status"], *sides, gap, "kept" if said["certificate"] else ""]
        cells = [f"`{entry.name.removeprefix('planner/')}`", entry.n, entry.links, *shape, *ends]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, ""])


def _reports() -> str:
    from endonet import reports

    lines = ["# Reports", "", "`endonet report NAME --out DIR` writes one self-contained page each.", ""]
    for name, module in reports.all_reports().items():
        lead = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        lines += [f"## {name}", "", f"{_cell(module.TITLE)}.", "", _cell(lead), ""]
    return "\n".join(lines)


def _commands() -> str:
    from endonet.cli import commands

    context = click.Context(commands, info_name="endonet", terminal_width=100, max_content_width=100)
    lines = ["# Command line", "", "```text", commands.get_help(context), "```", ""]
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name, terminal_width=100, max_content_width=100)
        lines += [f"## endonet {name}", "", "```text", command.get_help(inner), "```", ""]
    return "\n".join(lines)


def _front_door() -> str:
    import endonet

    lines = ["# endonet", "", "The front door: what `import endonet as en` offers.", "", "```{eval-rst}"]
    for name in endonet.__all__:
        found: Any = getattr(endonet, name)
        kind = "autofunction" if not isinstance(found, type) else "autoclass"
        if isinstance(found, type) and issubclass(found, (Exception, Warning)):
            kind = "autoexception"
        lines += [f".. {kind}:: endonet.{name}", "   :no-index:", ""]
    return "\n".join([*lines, "```", ""])


def _packages(room: str) -> Iterator[str]:
    package = importlib.import_module(room)
    yield room
    for entry in pkgutil.iter_modules(package.__path__):
        if entry.ispkg:
            yield f"{room}.{entry.name}"


def _package(name: str, lead: str) -> str:
    package = importlib.import_module(name)
    doc = (package.__doc__ or lead).strip().replace("\n", " ")
    modules = [entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg]
    lines = [f"# {name}", "", doc, ""]
    for module in modules:
        lines += [f"## {name}.{module}", "", "```{eval-rst}", f".. automodule:: {name}.{module}", "```", ""]
    return "\n".join(lines)


def _cell(content: str) -> str:
    return str(content).replace("|", r"\|").replace("*", r"\*").replace("\n", " ")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources."""
    app.connect("builder-inited", write_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
