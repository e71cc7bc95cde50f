"""A function for the worker's process that tells news on its way."""

from __future__ import annotations

import time

from endonet.formulations.errors import NotApplicableError
from endonet.solvers.worker import tell


def telling(seconds: float) -> str:
    """Tell 1 and 2, then take so many seconds."""
    tell(1)
    tell(2)
    time.sleep(seconds)
    return "done"


def refusing(what: str) -> None:
    """Refuse, as an adapter does whose licence does not allow a model of that size."""
    raise NotApplicableError(f"{what} is too large")
