"""The wheel holds every room, the front door opens fast, and imports point one way."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("formulations", "solvers", "instances", "reports")
HEAVY = (
    "numpy",
    "scipy",
    "numba",
    "pyomo",
    "cvxpy",
    "matplotlib",
    "networkx",
    "highspy",
    "pyscipopt",
    "rich",
    "jinja2",
)
MAY_IMPORT = {
    "formulations": {"formulations"},
    "solvers": {"solvers", "formulations"},
    "instances": {"instances", "formulations"},
    "reports": {"reports", "solvers", "instances", "formulations"},
}
# Solution files are read and written beside the instance files.
EXCEPTIONS = {
    ("instances/files.py", "endonet.solvers.solution"),
    ("instances/solution_fields.py", "endonet.solvers.solution"),
}


LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from a copy of the tracked files, so that nothing is left behind in the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tree / name).write_bytes((ROOT / name).read_bytes())
    for folder in (*ROOMS, "src"):
        shutil.copytree(
            ROOT / folder, tree / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        ".",
    ]
    subprocess.run(command, check=True, cwd=tree)
    (built,) = out.glob("endonet-*.whl")
    return set(zipfile.ZipFile(built).namelist())


@pytest.mark.parametrize("room", ROOMS)
def test_the_wheel_holds_every_file_of_every_room(wheel: set[str], room: str) -> None:
    held = [p for p in (ROOT / room).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    wanted = {f"endonet/{path.relative_to(ROOT).as_posix()}" for path in held}
    assert wanted, f"{room} is empty"
    assert wanted <= wheel


def test_the_wheel_holds_the_front_door_and_the_licence(wheel: set[str]) -> None:
    assert {"endonet/__init__.py", "endonet/cli.py", "endonet/py.typed"} <= wheel
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


@pytest.mark.parametrize("statement", ["import endonet", "import endonet.cli as cli; cli.main(['--help'])"])
def test_the_front_door_loads_nothing_heavy(statement: str) -> None:
    ask = f"{statement}; import sys; print('LOADED', *sorted(set(sys.modules) & {set(HEAVY)!r}))"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1].strip() == "LOADED"


def imported(path: Path) -> set[str]:
    """The modules of endonet that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "endonet" else {module}
    return {name for name in found if name.split(".")[0] in ("endonet", *ROOMS)}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room: str) -> None:
    for path in sources(room):
        where = path.relative_to(ROOT).as_posix()
        for module in imported(path):
            if (where, module) in EXCEPTIONS or module == "endonet.__version__":
                continue
            parts = module.split(".")
            assert parts[0] == "endonet", f"{where} imports {module}; write endonet.{module}"
            assert len(parts) > 1, f"{where} imports endonet itself, the front door"
            allowed = parts[1] in MAY_IMPORT[room] or (room == "reports" and parts[1] not in ROOMS)
            assert allowed, f"{where} imports {module}, and {room} may import only {sorted(MAY_IMPORT[room])}"


def test_versions_agree() -> None:
    import endonet

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert project["version"] == endonet.__version__
    assert f"\nversion: {endonet.__version__}\n" in citation
    assert f"## [{endonet.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_no_public_name_is_missing() -> None:
    import endonet

    for name in endonet.__all__:
        assert getattr(endonet, name) is not None
    assert set(endonet.__all__) <= set(dir(endonet))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = endonet.nonsense


def test_citation_is_valid() -> None:
    yaml = pytest.importorskip("yaml")
    record = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(record)
    assert record["cff-version"] == "1.2.0"
    assert all({"name", "family-names"} & set(author) for author in record["authors"])
