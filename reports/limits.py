"""The least that numbers among a report's options may be."""

from __future__ import annotations

from endonet.formulations.errors import InputError


def at_least(options: object, **least: int) -> None:
    """Refuse an option below its least value; one that was left out, None, is as it may be.

    Raises
    ------
    InputError
        Naming the option.
    """
    for name, smallest in least.items():
        given = getattr(options, name)
        if given is not None and given < smallest:
            raise InputError(name, f"{given} is too small", f"give a whole number ≥ {smallest}")
