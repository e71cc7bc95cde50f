"""The one tree of exceptions and warnings that endonet raises.

Every message names the field (and index) that is wrong and says how to mend it; the command line prints it as one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MANY = 30  # names that a message lists


class EndonetError(Exception):
    """Base of every error that endonet raises on purpose."""


class InputError(EndonetError, ValueError):
    """Bad data: a field of a problem, a decision, an option or a file.

    Attributes
    ----------
    field : str
        What is wrong, for example ``z[3]`` or ``links.weight``.
    """

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{field}: {problem}; {remedy}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        return type(self), (self.field, self.problem, self.remedy)


class UnknownNameError(InputError):
    """A solver, formulation, instance or report that does not exist; the message offers the nearest names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        near = difflib.get_close_matches(name, self.known, n=3, cutoff=0.4)
        some = ", ".join(self.known[:MANY]) or "none"
        more = f" and {len(self.known) - MANY} more" if len(self.known) > MANY else ""
        remedy = f"did you mean {' or '.join(near)}?" if near else f"known: {some}{more}"
        super().__init__(kind, f"there is no {kind} {name!r}", remedy)

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:  # type: ignore[override]
        return type(self), (self.kind, self.name, self.known)


class UnsettledError(EndonetError):
    """Numbers that follow from a decision leave the range of doubles, or do not settle in it."""


class NotApplicableError(EndonetError):
    """A solver does not accept this problem or formulation; the message says why and what does."""


class UnavailableError(EndonetError):
    """A solver or feature needs a package that is not installed; the message says how to install it."""


class VerificationError(EndonetError):
    """A claim (value, bound, certificate) that the independent check contradicts."""


class EconomyWarning(UserWarning):
    """An economy that is valid but probably not what was meant, such as a firm that can never produce."""
