"""Typed reading of the fields of an instance or solution file, which are untrusted input.

A family reads its fields through `Fields`: every getter either returns a clean value or raises one `InputError` that
names the field, the index and the remedy. Values come from JSON (lists, ints, floats) or from .npz (numpy arrays).
Booleans are never numbers, 1.0 is no index, and no array is allocated that the file does not itself contain.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError

SHOWN = 60


def shown(value: Any) -> str:
    """Return a value as it may stand in a one-line message: its repr, shortened."""
    if isinstance(value, (list, dict, np.ndarray)):
        return _kind(value)
    if isinstance(value, (str, bytes)):
        value = value[: SHOWN + 1]
    elif isinstance(value, int) and abs(value) >= 10**SHOWN:
        return "an integer of more than sixty digits"
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def counted(number: int, what: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    if number != 1:
        what = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{shown(number)} {what}"


class Fields:
    """The fields of one JSON object (or of one group of .npz arrays), with the path that leads to it.

    Parameters
    ----------
    values : mapping of str to values
    path : str
        Prefix for messages, as in ``links`` or ``constraints[2]``; empty at the top.
    """

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.values = values
        self.path = path

    def name(self, key: str) -> str:
        """Return the full name of a field, as in ``links.weight``."""
        return f"{self.path}.{key}" if self.path else key

    def only(self, known: Sequence[str]) -> None:
        """Reject fields that are not in ``known`` and offer the nearest name."""
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
                raise InputError(self.name(shown(key)[1:-1]), "there is no such field", remedy)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def raw(self, key: str) -> Any:
        """Return a field that must be there, whatever it holds."""
        if key not in self.values:
            raise InputError(self.name(key), "it is missing", "add this field")
        return self.values[key]

    def text(self, key: str, default: str | None = None, choices: Iterable[str] | None = None) -> str:
        """Return a string; one of ``choices`` where they are given."""
        if default is not None and key not in self.values:
            return default
        value = _scalar(self.raw(key))
        if not isinstance(value, str):
            raise InputError(self.name(key), f"{shown(value)} is not text", "give a string")
        if not _encodable(value):
            raise InputError(self.name(key), "it holds half of a surrogate pair", "write the character in UTF-8")
        if choices is not None and value not in (known := list(map(str, choices))):
            near = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
            remedy = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
            raise InputError(self.name(key), f"{shown(value)} is unknown", remedy)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty if the field is missing."""
        values = self.values.get(key, [])
        if not isinstance(values, list):
            raise InputError(self.name(key), f"{shown(values)} is no list", "give a list of strings")
        for position, value in enumerate(values):
            if not isinstance(value, str):
                raise InputError(f"{self.name(key)}[{position}]", f"{shown(value)} is not text", "give a string")
        return tuple(values)

    def integer(self, key: str, least: int | None = None) -> int:
        """Return a whole number, at least ``least``."""
        value = _scalar(self.raw(key))
        if isinstance(value, (float, Decimal)) and value == value // 1:
            raise InputError(self.name(key), f"{shown(value)} has a decimal point", f"write {shown(int(value))}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(self.name(key), f"{shown(value)} is not a whole number", "give an integer such as 6")
        if least is not None and value < least:
            raise InputError(self.name(key), f"{shown(value)} is too small", f"give an integer ≥ {least}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Return one finite number as a float; ``default`` if the field is missing."""
        if default is not None and key not in self.values:
            return default
        return _float(self.name(key), _scalar(self.raw(key)))

    def number_or_null(self, key: str) -> float | None:
        """Return one finite number, or None for ``null`` or a missing field."""
        value = self.values.get(key)
        return None if value is None else _float(self.name(key), _scalar(value))

    def numbers(self, key: str, length: int, what: str = "firm") -> NDArray[np.float64]:
        """Return ``length`` finite numbers as a float64 array."""
        return _array(self.name(key), self.raw(key), length, what, _floats)

    def number_or_numbers(self, key: str, length: int, what: str = "firm") -> float | NDArray[np.float64]:
        """Return one number, or an array of ``length`` of them, one for each ``what``."""
        value = self.raw(key)
        if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0):
            return self.numbers(key, length, what)
        return _float(self.name(key), _scalar(value))

    def indices(self, key: str, below: int, length: int | None = None, what: str = "link") -> NDArray[np.int64]:
        """Return 0-based indices, each less than ``below``, as an int64 array.

        Parameters
        ----------
        below : int
            One more than the greatest valid index.
        length : int, optional
            How many there must be.
        what : str
            What each entry belongs to, for messages.
        """
        name = self.name(key)
        value = self.raw(key)
        array = _array(name, value, length, what, _integers)
        wrong = np.flatnonzero((array < 0) | (array >= below))
        if wrong.size:
            position = int(wrong[0])
            raise InputError(
                f"{name}[{position}]",
                f"there is no index {shown(_entry(value, position))}",
                f"indices are 0-based, 0 to {below - 1}",
            )
        return array

    def section(self, key: str) -> Fields:
        """Return the fields of a nested object."""
        value = self.raw(key)
        if not isinstance(value, Mapping):
            raise InputError(self.name(key), f"{shown(value)} is no object", "give an object {…}")
        return Fields(value, self.name(key))

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a free-form object; empty if the field is missing or null."""
        value = self.values.get(key)
        if value is None:
            return {}
        return dict(self.section(key).values)

    def sections(self, key: str) -> list[Fields]:
        """Return a list of nested objects; empty if the field is missing."""
        values = self.values.get(key, [])
        if not isinstance(values, list):
            raise InputError(self.name(key), f"{shown(values)} is no list", "give a list of objects")
        found = []
        for position, value in enumerate(values):
            where = f"{self.name(key)}[{position}]"
            if not isinstance(value, Mapping):
                raise InputError(where, f"{shown(value)} is no object", "give an object {…}")
            found.append(Fields(value, where))
        return found


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return "a list" if isinstance(value, list) else "an object"


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _scalar(value: Any) -> Any:
    """Return the Python object that a 0-dimensional array holds, and anything else as it is."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    return value


def _entry(value: Any, position: int) -> Any:
    entry = value[position]
    return entry.item() if isinstance(entry, np.generic) else entry


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _float(name: str, value: Any) -> float:
    if not _is_number(value):
        raise InputError(name, f"{shown(value)} is not a number", "give one finite number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(name, f"{shown(value)} is beyond the range of doubles", "give one finite number")
    return number


def _array(
    name: str, value: Any, length: int | None, what: str, convert: Callable[[str, Any], NDArray[Any]]
) -> NDArray[Any]:
    """Return a one-dimensional array of the right length; ``convert`` knows which entries are right."""
    if isinstance(value, np.ndarray):
        if value.ndim != 1:
            raise InputError(name, f"its shape is {value.shape}", f"give a list, one entry for each {what}")
    elif not isinstance(value, list):
        raise InputError(name, f"{shown(value)} is no list", f"give a list, one entry for each {what}")
    if length is not None and len(value) != length:
        raise InputError(
            name,
            f"it has {counted(len(value), 'entry')} for {counted(length, what)}",
            f"give one entry for each {what}",
        )
    return convert(name, value)


def _floats(name: str, value: Any) -> NDArray[np.float64]:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iuf":
            raise InputError(name, f"its type is {value.dtype}", "store integers or floats")
        array = value.astype(np.float64, copy=False)
    else:
        if not set(map(type, value)) <= {int, float, Decimal}:
            wrong = next(k for k, entry in enumerate(value) if not _is_number(entry))
            raise InputError(f"{name}[{wrong}]", f"{shown(value[wrong])} is not a number", "give finite numbers")
        try:
            array = np.array(value, dtype=np.float64)
        except OverflowError:
            array = np.array([_float(f"{name}[{k}]", entry) for k, entry in enumerate(value)])
    wrong_ones = np.flatnonzero(~np.isfinite(array))
    if wrong_ones.size:
        raise InputError(f"{name}[{wrong_ones[0]}]", "it is not finite", "give finite numbers")
    return array


def _integers(name: str, value: Any) -> NDArray[np.int64]:
    """Return int64 indices; those beyond int64 become −1, which no range admits."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iu":
            raise InputError(name, f"its type is {value.dtype}", "store integers")
        array: NDArray[np.int64] = value.astype(np.int64, copy=False)
        return np.where(value > np.uint64(2**63 - 1), np.int64(-1), array) if value.dtype == np.uint64 else array
    if not set(map(type, value)) <= {int}:
        wrong = next(k for k, entry in enumerate(value) if type(entry) is not int)
        raise InputError(f"{name}[{wrong}]", f"{shown(value[wrong])} is not a whole number", "give 0-based integers")
    try:
        return np.array(value, dtype=np.int64)
    except OverflowError:
        return np.array([entry if abs(entry) < 2**62 else -1 for entry in value], dtype=np.int64)
