"""The documentation: its code runs as printed, its toy examples work, and the site builds without warnings."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import endonet as en
from endonet import api

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ROOMS = ("formulations", "solvers", "instances", "reports")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+?)(?:, under (\w+))?\n")
WITH_CODE = (page for page in DOCS.glob("**/*.md") if "```python" in page.read_text(encoding="utf-8"))
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in WITH_CODE if "generated" not in page.parts)


def run(command: list[str] | str, folder: Path, tree: Path = ROOT) -> str:
    """Run a command with the package of a tree, and return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(tree / "src"), "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def blocks(page: str) -> list[tuple[str, str]]:
    return FENCE.findall((DOCS / page).read_text(encoding="utf-8"))


def run_page(page: str, folder: Path, tree: Path = ROOT) -> None:
    """Run a page's Python and then its commands in one interpreter; ``# →`` says how a line ends that is printed."""
    script = "\n".join(code for language, code in blocks(page) if language == "python" and not FILE.match(code))
    consoles = (code for language, code in blocks(page) if language == "console")
    commands = [line[2:] for code in consoles for line in code.splitlines() if line.startswith("$ ")]
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "endonet", command
        script += f"\nassert __import__('endonet.cli').cli.main({arguments!r}) == 0, {command!r}"
    printed = run([sys.executable, "-c", script], folder, tree).splitlines()
    place = 0
    for said in re.findall(r"# → (.*)$", script, re.MULTILINE):
        place = next((k for k in range(place, len(printed)) if printed[k].endswith(said)), len(printed)) + 1
        assert place <= len(printed), f"{said!r} is not (or not there) in\n{printed}"


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the files and lines that ``extending.md`` tells a reader to write."""
    tree = tmp_path_factory.mktemp("extended")
    for folder in (*ROOMS, "src", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, symlinks=True)  # with what numba has compiled
    shutil.copy(ROOT / "pyproject.toml", tree)
    written = 0
    for language, code in blocks("extending.md"):
        told = FILE.match(code)
        if language != "python" or not told:
            continue
        file, members, body = tree / told[1], told[2], code[told.end() :]
        if members is None:
            assert not file.exists(), f"{told[1]} is not new"
            file.write_text(body, encoding="utf-8")
        else:
            text = file.read_text(encoding="utf-8")
            assert text.count(f"{members} = {{\n") == 1
            file.write_text(text.replace(f"{members} = {{\n", f"{members} = {{\n{body}"), encoding="utf-8")
        written += 1
    assert written == 4
    return tree


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, from a copy of the pages, since the build writes some of them; a warning is an error."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("generated", "__pycache__"))
    run([sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "docs", "site"], folder)
    return folder / "site"


def pages_of(site: Path) -> dict[str, str]:
    """Every page by its name, as HTML."""
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_the_site_builds_without_warnings_and_needs_no_network(site: Path) -> None:
    found = pages_of(site)
    assert {"index.html", "start.html", "theory/hull.html", "search.html", "equations/planner.html"} <= set(found)
    assert (site / "searchindex.js").stat().st_size > 10_000
    for name, html in found.items():
        for address in re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"', html):
            assert not re.match(r"(https?:)?//", address), f"{name} loads {address}"
            if not address.startswith(("data:", "#")):
                target = (site / name).parent / address.partition("?")[0].partition("#")[0]
                assert target.exists(), f"{name} needs {address}"


def test_links_between_pages_lead_somewhere(site: Path) -> None:
    found = pages_of(site)
    for name, html in found.items():
        for address in re.findall(r'<a\b[^>]*?href="([^"]+)"', html):
            if re.match(r"[a-z]+:|#", address):
                continue
            target = ((site / name).parent / address.partition("#")[0]).resolve()
            assert target.exists(), f"{name} links to {address}"


def test_the_reference_has_every_public_name(site: Path) -> None:
    """Everything that ``endonet`` offers, every module of every room, every member that a family lists."""
    html = "".join(text for name, text in pages_of(site).items() if "reference-" in name)
    for name in en.__all__:
        assert f">{name}<" in html or f"endonet.{name}" in html, name
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            module = "endonet." + file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            if not module.endswith("__init__") and "lessons" not in module:
                assert module in html, module
    families = [*api.solvers_by_family().values(), *api.formulations_by_family().values()]
    for reference in (reference for members in families for reference in members.values()):
        module, _, name = reference.partition(":")
        kind = getattr(importlib.import_module(module), name)
        title = kind.__name__ if isinstance(kind, type) else type(kind).__name__
        assert f'id="{module}.{title}"' in html, title


def test_every_formulation_and_solver_has_its_place(site: Path) -> None:
    found = pages_of(site)
    for family, members in api.formulations_by_family().items():
        html = found[f"generated/formulations-{family}.html"]
        for short in members:
            form = api.formulation(f"{family}/{short}")
            assert f"{form.name}<a" in html
            assert html.count("math notranslate nohighlight") >= len(form.equations)
    listed = found["generated/solvers.html"]
    assert all(f">{name}<" in listed for members in api.solvers_by_family().values() for name in members)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "extending.md"])
def test_the_code_of_a_page_runs(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path)


def test_the_toy_formulation_and_solver_run(extended: Path, tmp_path: Path) -> None:
    run_page("extending.md", tmp_path, extended)


def test_the_toy_files_are_in_style(extended: Path) -> None:
    files = [str(extended / name) for name in ("formulations/planner/plain.py", "solvers/planner/pruning.py")]
    run([sys.executable, "-m", "ruff", "check", *files], extended)
    run([sys.executable, "-m", "ruff", "format", "--check", *files], extended)


@pytest.mark.slow
def test_the_toy_formulation_and_solver_keep_the_contracts(extended: Path) -> None:
    chosen = ["-k", "plain or pruning", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"]
    assert "passed" in run([sys.executable, "-m", "pytest", "tests/test_contracts.py", *chosen], extended, extended)
