"""What the adapters to commercial solvers say of their licences: trials that come with the package, limited in size.

Nothing here knows how large a model may be: the solver is asked to take it, and its refusal is put into words. A full
licence, found by the solver in its own way, therefore lifts the limit without a change.
"""

from __future__ import annotations

from endonet.formulations.errors import NotApplicableError, UnavailableError
from endonet.solvers.planner.outside import Task


def too_large(name: str, task: Task, limits: str, columns: int, rows: int, remedy: str) -> NotApplicableError:
    """Return the error that says what a licence allows, how large the model is, and what to do."""
    return NotApplicableError(
        f"solver {name!r} does not accept this problem: its licence allows {limits}; {task.form.name} has {columns} "
        f"variables and {rows} rows for these {task.problem.n} firms; {remedy}"
    )


def missing(name: str, said: str, remedy: str) -> UnavailableError:
    """Return the error that says that a solver found no licence that is valid."""
    first = said.strip().partition("\n")[0].rstrip(".")
    return UnavailableError(f"solver {name!r} cannot run here: it found no valid licence ({first}); {remedy}")
