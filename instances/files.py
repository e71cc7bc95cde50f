"""Loading and saving problems and solutions: bundled names, JSON, gzip JSON, .npz.

The ``family`` field of a file selects the package ``endonet.instances.<family>``; its READ and WRITE name the functions
that turn fields into a problem and back. A package with ``EXACT = True`` gets decimal fractions as `decimal.Decimal`.

Files are untrusted input: they are never unpickled, decompressed sizes are capped (JSON 256 MiB, .npz 16 GiB), and
whatever is wrong with one is a single `InputError` that names the file, the field, the index and the remedy.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endonet.formulations import registry
from endonet.formulations.contracts import Problem
from endonet.formulations.errors import EconomyWarning, InputError, UnknownNameError
from endonet.instances import atomic, catalogue, formats, recipes
from endonet.instances.catalogue import names as names
from endonet.instances.fields import Fields, shown
from endonet.instances.formats import FileError

if TYPE_CHECKING:
    from endonet.solvers.solution import Solution

INSTANCE_ENDINGS = (".json", ".json.gz", ".npz")
SOLUTION_ENDINGS = (".json", ".json.gz")


def load(name_or_path: str | os.PathLike[str], format: str | None = None) -> Any:
    """Return the problem of a bundled name or of a file.

    Parameters
    ----------
    name_or_path : str or path
        A bundled name such as ``planner/us-71`` (see `names`), or the path of an instance file: JSON, gzip JSON or
        .npz, recognised by its contents, or a text that a family reads. A bundled name wins over a file; write
        ``./planner/us-71`` for the file. Or a generator with its arguments, such as
        ``sourcing/calibrated:n=100000,K=1000,seed=7``; see `endonet.instances.recipes`.
    format : str, optional
        The name of a family's text format (see `text_formats`), for files whose contents do not settle it.

    Raises
    ------
    UnknownNameError
        If there is neither such a name nor such a file; the message offers the nearest names.
    InputError
        If the file or any field in it is wrong.

    Examples
    --------
    >>> import endonet as en
    >>> en.load("planner/us-15").n
    15
    """
    if format is not None and format not in text_formats():
        raise UnknownNameError("format", format, text_formats())
    if isinstance(name_or_path, str) and catalogue.is_bundled(name_or_path):
        bundled = catalogue.path_of(name_or_path)
        return catalogue.generate(name_or_path) if bundled is None else _load(bundled, name_or_path)
    path = _path(name_or_path)
    if not os.path.lexists(path):
        if isinstance(name_or_path, str) and recipes.is_recipe(name_or_path):
            return recipes.make(name_or_path)
        if isinstance(name_or_path, str) and not path.name.lower().endswith(INSTANCE_ENDINGS):
            raise catalogue.unknown(name_or_path)
        raise FileError(str(path), "file", "there is no such file", "check the path, or give a bundled name")
    return _load(path, str(path), format)


def fingerprint(name: str) -> str:
    """Return the fingerprint of a bundled instance as it stands in the library today.

    A generated one has that of its recipe, which `load` compares with what the generator gives; a file is read once for
    each time it was written.
    """
    path = catalogue.path_of(name)
    if path is None:
        family, _, short = name.partition("/")
        return Fields(catalogue.read_data(family, "generated.json").get(short, {})).text("fingerprint")
    stamp = path.stat()
    return _fingerprint(path, name, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=1024)
def _fingerprint(path: Path, name: str, changed: int, size: int) -> str:
    del changed, size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EconomyWarning)
        return str(_load(path, name).fingerprint)


def text_formats() -> dict[str, str]:
    """Return the text formats that families read, as ``{"name": "module:reader"}``.

    A package ``endonet.instances.<family>`` lists them in TEXTS. A reader has ``recognises(text)``, which raises an
    `InputError` where the content leaves it open, and ``read(text, name)``, which returns a problem.
    """
    packages = (registry.family_module(catalogue.ROOM, family) for family in registry.family_names(catalogue.ROOM))
    return {name: reader for package in packages for name, reader in getattr(package, "TEXTS", {}).items()}


def save(problem: Problem, path: str | os.PathLike[str]) -> None:
    """Write a problem to a file, all at once or not at all.

    Parameters
    ----------
    problem : Problem
    path : str or path
        Its ending chooses the format: ``.json``, ``.json.gz``, or ``.npz`` for large instances.

    Raises
    ------
    InputError
        If the ending is another one, the JSON would be too long to be read back, or the file cannot be written.
    """
    target = _path(path)
    formats.check_ending(target, INSTANCE_ENDINGS)
    fields = registry.load(registry.family_module(catalogue.ROOM, problem.family).WRITE)(problem)
    atomic.write(target, lambda stream: formats.write(fields, target, stream, limit=formats.JSON_LIMIT))


def load_solution(path_or_dict: str | os.PathLike[str] | Mapping[str, Any], problem: Problem | None = None) -> Solution:
    """Return the solution that a file, or the object that `Solution.to_dict` gives, describes.

    Nothing in it is verified but its form; `endonet.check` verifies the claims.

    Parameters
    ----------
    path_or_dict : str, path or mapping
    problem : Problem, optional
        The problem that was solved. With it the decision comes in the problem's own form; without it ``decision`` is
        None and ``encoded_decision`` holds what the file does.

    Raises
    ------
    InputError
        If a field is unknown, missing or of the wrong kind, or the solution belongs to another problem.
    """
    from endonet.instances import solution_fields

    if isinstance(path_or_dict, Mapping):
        return solution_fields.from_fields(path_or_dict, problem)
    path = _path(path_or_dict)
    try:
        return solution_fields.from_fields(formats.read(path), problem)
    except InputError as error:
        raise _in_file(error, str(path)) from None


def save_solution(solution: Solution, path: str | os.PathLike[str]) -> None:
    """Write a solution with its certificate to a ``.json`` or ``.json.gz`` file, all at once or not at all.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    from endonet.instances import solution_fields

    target = _path(path)
    if not target.exists() or target.is_file():
        formats.check_ending(target, SOLUTION_ENDINGS)
    fields = solution_fields.to_fields(solution)
    atomic.write(target, lambda stream: formats.write(fields, target, stream))


def _load(path: Path, title: str, format: str | None = None) -> Any:
    try:
        reader = None if format is None else registry.load(text_formats()[format])
        plain = not path.name.lower().endswith(INSTANCE_ENDINGS) and formats.is_plain(path)
        text = formats.read_plain(path) if reader or plain else None
        if text is not None and (reader := reader or _recognised(text)) is not None:
            return reader.read(text, path.name.partition(".")[0])
        fields = formats.read(path, exact=lambda fields: getattr(_package(fields), "EXACT", False))
        return registry.load(_package(fields).READ)(fields)
    except InputError as error:
        raise _in_file(error, title) from None


def _recognised(text: str) -> Any:
    """Return the reader that recognises a text, or None."""
    readers = (registry.load(reference) for reference in text_formats().values())
    return next((reader for reader in readers if reader.recognises(text)), None)


def _package(fields: Mapping[str, Any]) -> Any:
    """Return the instances package of the family that the fields name."""
    family = Fields(fields).text("family", choices=registry.family_names(catalogue.ROOM))
    return registry.family_module(catalogue.ROOM, family)


def _in_file(error: InputError, title: str) -> FileError:
    return FileError(title, error.field, error.problem, error.remedy)


def _path(value: str | os.PathLike[str]) -> Path:
    try:
        path = Path(value)
    except TypeError:
        raise InputError("path", f"{shown(value)} is no path", "give a bundled name or a path") from None
    if not str(value) or "\0" in str(path):
        raise InputError("path", "it is empty or holds a null character", "give a bundled name or a path")
    return path
