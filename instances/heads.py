"""How every instance file begins: the family, the version of its format, and four texts about the instance.

{"family": "planner", "version": 1, "name": "…", "description": "…", "source": "…", "licence": "…", …}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from endonet.formulations.errors import InputError
from endonet.instances.fields import Fields, shown

VERSION = 1
ABOUT = ("name", "description", "source", "licence")


def opened(values: Mapping[str, Any], family: str, own: Sequence[str]) -> Fields:
    """Return the fields of a file, once its head is right and each field is known.

    Parameters
    ----------
    values : mapping
        Lists or one-dimensional arrays, numbers and text.
    family : str
    own : sequence of str
        The fields that the family adds to those of the head.

    Raises
    ------
    InputError
        If a field is unknown, or the family or the version is another.
    """
    fields = Fields(values)
    fields.only(("family", "version", *ABOUT, *own))
    fields.text("family", choices=[family])
    version = fields.integer("version")
    if version != VERSION:
        raise InputError("version", f"{shown(version)} is unknown", f"this endonet reads version {VERSION}")
    return fields


def about(fields: Fields) -> dict[str, Any]:
    """Return the texts about the instance; those left out are empty."""
    return {key: fields.text(key, "") for key in ABOUT}


def head(problem: Any) -> dict[str, Any]:
    """Return the head of a problem's file; empty texts are left out."""
    texts = {key: text for key in ABOUT if (text := getattr(problem, key))}
    return {"family": problem.family, "version": VERSION, **texts}
