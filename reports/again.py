"""The command that makes a page again."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def command(name: str, options: Any, full: bool = False) -> str:
    """Return the command line of a report with these options; what stands at its default is left out.

    Parameters
    ----------
    name : str
        The report's.
    options : dataclass
        The report's ``Options``; a field ``seed`` is written as ``--seed``.
    """
    words = ["endonet", "report", name]
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name == "seed":
            words += ["--seed", str(value)]
        elif value != field.default and value is not None:
            words += ["-o", f"{field.name}={_text(value)}"]
    return " ".join([*words, *["--full"] * full, "--out", "out"])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
