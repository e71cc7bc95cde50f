"""What outside solvers reach on the bundled instances: claims, kept apart from the bounds, which are proved.

``instances/<family>/data/others.json``:

    {"us-71": [{"solver": "scip", "formulation": "planner/lifted", "fingerprint": "…", "status": "optimal",
                "stopped_by": "finished", "value": …, "bound": …, "seconds": …, "time_limit": 10.0, "rel_gap": 1e-06,
                "versions": {"pyscipopt": "6.3.0"}, "version": "0.1.0", "date": "2026-11-22"}], …}

There is one entry for each solver, formulation and time limit; a later run takes its place. ``endonet baseline --rerun
--solver scip --time-limit 10 --record`` writes them.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from endonet.instances import atomic, catalogue, files, formats

FILE = "others.json"


@dataclass(frozen=True)
class Attempt:
    """One run of an outside solver.

    Attributes
    ----------
    solver : str
    formulation : str or None
    fingerprint : str
        Of the economy that it was given.
    status, stopped_by : str
        As the judged solution has them; ``status`` is the solver's claim.
    value : float or None
        What the evaluator finds its decision worth.
    bound : float or None
        Its claim, within its tolerances.
    seconds : float
        Of one thread of the machine that recorded it.
    time_limit, rel_gap : float or None
    versions : dict
        Of the solver's packages.
    version, date : str
        Of endonet, and when it ran (ISO).
    contradicted : str
        Why its claim is false, if it is.
    """

    solver: str
    formulation: str | None
    fingerprint: str
    status: str
    stopped_by: str
    value: float | None
    bound: float | None
    seconds: float
    time_limit: float | None
    rel_gap: float | None
    version: str
    date: str
    versions: dict[str, str] = field(default_factory=dict)
    contradicted: str = ""

    @property
    def key(self) -> tuple[str, str, float]:
        """What a later run replaces."""
        return self.solver, self.formulation or "", math.inf if self.time_limit is None else self.time_limit

    @property
    def gap(self) -> float | None:
        """|bound − value| / |value|; None where one of them is not known or the value is 0."""
        if self.value is None or self.bound is None or self.value == 0:
            return None
        return abs(self.bound - self.value) / abs(self.value)

    @property
    def settled(self) -> bool:
        """Whether the solver claims to have settled the instance, and nothing contradicts it."""
        return self.status in ("optimal", "infeasible") and not self.contradicted


def attempts(name: str) -> list[Attempt]:
    """Return what outside solvers reached on a bundled instance, by solver, formulation and time limit.

    Those on an economy that has changed since are left out.

    Raises
    ------
    FileError
        If what is on record cannot be read.
    """
    family, _, short = name.partition("/")
    try:
        found = [Attempt(**entry) for entry in catalogue.read_data(family, FILE).get(short, [])]
    except TypeError as error:
        where = catalogue.folder(family) / FILE
        raise formats.FileError(str(where), short, f"it is no record ({error})", "install endonet again") from None
    today = files.fingerprint(name) if found else ""
    return sorted((one for one in found if one.fingerprint == today), key=lambda one: one.key)


def record_attempt(name: str, solution: Any) -> Attempt:
    """Write what a solution of an outside solver says to its family's ``others.json``."""
    from endonet import __version__

    family, _, short = name.partition("/")
    options = solution.options
    attempt = Attempt(
        solution.solver,
        solution.formulation,
        solution.fingerprint,
        solution.status.value,
        solution.stopped_by.value,
        solution.value,
        solution.bound,
        float(f"{solution.wall_time:.3g}"),
        options.get("time_limit"),
        options.get("rel_gap"),
        __version__,
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        {package: text for package, text in solution.versions.items() if package not in OURS},
        solution.contradicted,
    )
    target = catalogue.folder(family) / FILE
    known = formats.read(target) if target.is_file() else {}
    kept = [entry for entry in known.get(short, []) if Attempt(**entry).key != attempt.key]
    updated = dict(sorted((known | {short: [*kept, asdict(attempt)]}).items()))
    atomic.write(target, lambda stream: formats.write(updated, target, stream))
    return attempt


OURS = ("endonet", "numpy", "scipy", "numba")
