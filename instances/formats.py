"""How a file's bytes become fields and back: JSON, gzip JSON, and .npz with the same fields.

Files are untrusted. Nothing is unpickled; the contents decide the format, not the ending; decompressed sizes are capped
before anything is decompressed in full; NaN, Infinity and repeated keys are refused.

An .npz file holds each field as one array. A nested object is flattened with dots (``links.supplier``), text and single
numbers are 0-dimensional arrays, and a field that has no array form (``constraints``) stands as JSON text under its
name with ``.json`` behind it.
"""

from __future__ import annotations

import gzip
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.instances.fields import shown

JSON_LIMIT = 256 * 2**20
NPZ_LIMIT = 16 * 2**30
NPZ_MEMBERS = 1000
HEAD = 4096  # bytes that tell text from JSON

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"


class FileError(InputError):
    """An `InputError` inside a file; its message starts with the file's name.

    Attributes
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str, field: str, problem: str, remedy: str) -> None:
        super().__init__(field, problem, remedy)
        self.path = path
        where = path if field == "file" else f"{path}: {field}"
        self.args = (f"{where}: {problem}; {remedy}",)

    def __reduce__(self) -> tuple[type[FileError], tuple[str, str, str, str]]:  # type: ignore[override]
        return type(self), (self.path, self.field, self.problem, self.remedy)


def read(path: Path, exact: Callable[[Mapping[str, Any]], bool] = lambda fields: False) -> dict[str, Any]:
    """Return the fields of a file.

    Parameters
    ----------
    path : Path
    exact : callable
        Given the fields, says whether the numbers must be read again as exact decimals (`decimal.Decimal`).

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or is no JSON, gzip JSON or .npz.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.peek(4)[:4]  # a pipe cannot seek
            if magic == _ZIP_MAGIC:
                fields = _read_npz(stream)
                if exact(fields):
                    raise InputError("family", "its numbers are exact, which .npz cannot hold", "save it as JSON")
                return fields
            text = _text(stream, compressed=magic[:2] == _GZIP_MAGIC)
    except OSError as error:
        raise _unreadable(path, error) from None
    fields = parse(text)
    return parse(text, exact=True) if exact(fields) else fields


def is_plain(path: Path) -> bool:
    """Return whether a file holds text that is no JSON object; False for what is no ordinary file."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(HEAD)
            if start[:2] == _GZIP_MAGIC:
                start = zlib.decompressobj(wbits=31).decompress(start, HEAD)
    except (OSError, zlib.error):
        return False
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return bool(start) and not start.startswith((b"{", b"[", _ZIP_MAGIC)) and b"\0" not in start


def read_plain(path: Path) -> str:
    """Return the text of a file, gzip or not.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as stream:
            return _text(stream, compressed=stream.peek(2)[:2] == _GZIP_MAGIC)
    except OSError as error:
        raise _unreadable(path, error) from None


def parse(text: str, exact: bool = False) -> dict[str, Any]:
    """Return the one JSON object that a text holds, with decimal fractions as Decimals if ``exact``."""
    from decimal import Decimal

    if not text.strip():
        raise InputError("file", "it is empty", "give an instance or solution file")
    constants: list[_Constant] = []

    def constant(literal: str) -> _Constant:
        constants.append(_Constant(literal))
        return constants[-1]

    try:
        value = json.loads(
            text,
            parse_float=Decimal if exact else None,
            parse_constant=constant,
            object_pairs_hook=_object,
        )
        if constants:
            where, held = _place(value, constants[0]), constants[0].literal
            raise InputError(
                where.removeprefix(".") or "file", f"it holds {held}, which is no JSON number", "give finite numbers"
            )
    except InputError:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError("file", f"it is no JSON at {where} ({error.msg})", "mend it or save it again") from None
    except RecursionError:
        raise InputError("file", "its JSON is nested too deeply", "no valid file is; save it again") from None
    except (ValueError, ArithmeticError):
        raise InputError("file", "a number has too many digits", "write it in fewer digits") from None
    if not isinstance(value, dict):
        raise InputError("file", f"its top level is {shown(value)}", "it must be one JSON object {…}")
    return value


def write(fields: Mapping[str, Any], path: Path, stream: BinaryIO, limit: int | None = None) -> None:
    """Write fields in the format that the path's ending asks for: .npz, .json.gz, or else plain JSON.

    Raises
    ------
    InputError
        If a number is not finite, or the JSON is longer than ``limit`` bytes.
    """
    name = path.name.lower()
    if name.endswith(".npz"):
        np.savez(stream, **_flattened(fields))  # type: ignore[arg-type]
        return
    data = dump(fields).encode("utf-8")
    if limit is not None and len(data) > limit:
        raise FileError(
            str(path), "file", f"its JSON would be longer than {limit // 2**20} MiB", "end its name in .npz"
        )
    if name.endswith(".json.gz"):
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
            packed.write(data)
    else:
        stream.write(data)


def check_ending(path: Path, endings: tuple[str, ...]) -> None:
    """Reject an ending that names none of the formats."""
    if not path.name.lower().endswith(endings):
        raise FileError(str(path), "file", "its ending names no format", f"end its name in {' or '.join(endings)}")


def dump(fields: Mapping[str, Any]) -> str:
    """Return compact JSON, one field a line; floats in the shortest form that reads back to the same bits."""
    lines = [f"{json.dumps(key)}: {_json(key, value)}" for key, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(key: str, value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        raise InputError(key, "it holds a number that is not finite", "JSON has finite numbers only") from None


def _plain(value: Any) -> Any:
    """Return numpy objects as the Python objects that JSON knows."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@dataclass(frozen=True, eq=False)
class _Constant:
    """NaN or an infinity, which JSON does not have; its place is known once the whole text is read."""

    literal: str


def _place(value: Any, sought: _Constant) -> str:
    """Return the path that leads to a constant, as in ``.links.f[0]``; empty if it is the value itself."""
    if isinstance(value, dict):
        inside = ((f".{shown(key)[1:-1]}", part) for key, part in value.items())
    elif isinstance(value, list):
        inside = ((f"[{place}]", part) for place, part in enumerate(value))
    else:
        return ""
    for step, part in inside:
        further = _place(part, sought)
        if part is sought or further:
            return step + further
    return ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InputError(shown(key)[1:-1], "the field stands twice in one object", "keep one of them")
            seen.add(key)
    return found


def _text(stream: BinaryIO, compressed: bool) -> str:
    """Return a JSON file's text; at most ``JSON_LIMIT`` bytes are ever decompressed."""
    try:
        if compressed:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                data = unpacked.read(JSON_LIMIT + 1)
        else:
            data = stream.read(JSON_LIMIT + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError("file", f"its gzip data are broken or cut off ({error})", "fetch or save it again") from None
    if len(data) > JSON_LIMIT:
        limit = f"{JSON_LIMIT // 2**20} MiB"
        raise InputError("file", f"its JSON is longer than {limit}", "save large instances as .npz")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "file", f"it is neither JSON in UTF-8 (byte {error.start}), nor gzip, nor .npz", "check that it is the file"
        ) from None


def _read_npz(stream: BinaryIO) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            if len(members) > NPZ_MEMBERS:
                raise InputError("file", f"it holds {len(members)} arrays", f"at most {NPZ_MEMBERS} are read")
            if sum(member.file_size for member in members) > NPZ_LIMIT:
                raise InputError("file", f"it unpacks to over {NPZ_LIMIT // 2**30} GiB", "use a smaller instance")
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise InputError(shown(name)[1:-1], "the field stands twice in the file", "keep one of them")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise InputError(shown(name)[1:-1], "its compression is unknown", "save it with numpy.savez")
                with archive.open(member) as packed:
                    arrays[name] = _read_npy(name, packed, member.file_size)
    except InputError:
        raise
    except Exception as error:  # damage surfaces as almost anything in zipfile, zlib, struct and numpy's header parser
        reason = shown(str(error)) if str(error) else type(error).__name__
        raise InputError("file", f"its .npz archive is broken ({reason})", "fetch or save it again") from None
    return _nested(arrays)


def _read_npy(name: str, packed: Any, size: int) -> NDArray[Any]:
    """Return one array; the header must promise exactly the bytes that the archive holds, and no objects.

    Reading on past the last byte makes zipfile compare the checksum; ``item`` fails on text that is no Unicode.
    """
    version = npy.read_magic(packed)
    if version not in ((1, 0), (2, 0)):
        raise InputError(shown(name)[1:-1], f"its .npy version {version} is unknown", "save it with numpy.savez")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = header(packed)
    if dtype.kind not in "biufU":
        raise InputError(shown(name)[1:-1], f"its type is {dtype}", "store numbers or text")
    count = math.prod(shape)
    if len(shape) > (0 if dtype.kind == "U" else 1):
        raise InputError(shown(name)[1:-1], f"its shape is {shape}", "store lists and single values")
    body = size - packed.tell()
    if count < 0 or count * dtype.itemsize != body:
        raise InputError(shown(name)[1:-1], f"{count} entries do not fit its {body} bytes", "save it again")
    array = np.empty(shape, dtype)
    _fill(array, packed)
    if packed.read(1):
        raise InputError(shown(name)[1:-1], "bytes follow its last entry", "save it again")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    if dtype.kind == "U":
        array.item()
    return array


def _fill(array: NDArray[Any], packed: Any) -> None:
    """Read an array's bytes in place, so that a large file is never held twice."""
    if array.nbytes == 0:
        return
    view = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    done = 0
    while done < len(view):
        got = packed.readinto(view[done : done + 2**24])
        if not got:
            raise EOFError("the data end early")
        done += got


def _flattened(fields: Mapping[str, Any], prefix: str = "") -> dict[str, NDArray[Any]]:
    flat: dict[str, NDArray[Any]] = {}
    for key, value in fields.items():
        name = prefix + key
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{name}.")
        elif isinstance(value, list):
            flat[f"{name}.json"] = np.array(_json(name, value))
        else:
            flat[name] = np.asarray(value)
    return flat


def _nested(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Undo `_flattened`."""
    fields: dict[str, Any] = {}
    for name, array in arrays.items():
        *groups, last = name.removesuffix(".json").split(".")
        inner = fields
        for group in groups:
            inner = inner.setdefault(group, {})
            if not isinstance(inner, dict):
                raise InputError(shown(name)[1:-1], f"{group!r} is an array and a group at once", "keep one of them")
        if last in inner:
            raise InputError(shown(name)[1:-1], "the field stands twice in the file", "keep one of them")
        inner[last] = _from_json(name, array) if name.endswith(".json") else array
    return fields


def _from_json(name: str, array: NDArray[Any]) -> Any:
    if array.ndim != 0 or array.dtype.kind != "U":
        raise InputError(shown(name)[1:-1], "it is no JSON text", "store one string")
    return parse('{"value": ' + str(array.item()) + "}")["value"]


def _unreadable(path: Path, error: OSError) -> InputError:
    if path.is_dir():
        return InputError("file", "it is a folder", "give a file")
    return InputError("file", f"it cannot be read ({error.strerror or error})", "check its name and permissions")
