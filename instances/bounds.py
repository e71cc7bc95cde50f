"""Best-known bounds of the bundled instances, in the manner of MINLPLib: primal and dual apart, each with its author.

``instances/<family>/data/bounds.json``:

    {"us-15": {"fingerprint": "…",
               "primal": {"value": …, "method": "…", "tolerance": …, "version": "…", "date": "…", "decision": {…}},
               "dual":   {"value": …, "method": "…", "tolerance": …, "version": "…", "date": "…"}}, …
     "pigeonhole-20": {"fingerprint": "…", "infeasible": {"method": "…", "version": "…", "date": "…"}}, …}

Values are in the units of the objective. A primal bound is the evaluator's value of the decision recorded with it. A
dual bound is accepted only from a method that proves, and the true optimum lies within [primal − tolerance, dual +
tolerance] (for a maximum; the other way round for a minimum), both tolerances relative. An entry holds for the economy
with its fingerprint alone: where the instance has changed since, nothing is known of it.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from endonet.formulations.contracts import Sense
from endonet.formulations.errors import InputError, VerificationError
from endonet.instances import atomic, catalogue, files, formats

PROVING = ("global optimum", "bound")


@dataclass(frozen=True)
class Bound:
    """One side of what is known of an optimum.

    Attributes
    ----------
    value : float
        In the units of the objective.
    method : str
        What established it.
    tolerance : float
        Relative; how far rounding may have moved it.
    version, date : str
        Of endonet, and when it was established (ISO).
    decision : dict or None
        For a primal bound: the decision, as `problem.encode_decision` gives it.
    """

    value: float
    method: str
    tolerance: float
    version: str
    date: str
    decision: dict[str, Any] | None = None


@dataclass(frozen=True)
class Refutation:
    """That no decision satisfies the constraints.

    Attributes
    ----------
    method : str
        What proved it.
    version, date : str
        Of endonet, and when it was proved (ISO).
    """

    method: str
    version: str
    date: str


@dataclass(frozen=True)
class Bounds:
    """Best-known primal and dual bounds, or the proof that there is no decision; None where nothing is known.

    ``stale`` says that there is a record, but of another economy than the one that the library holds under that name
    today: its numbers are not given, and the next one that is recorded takes its place.
    """

    primal: Bound | None = None
    dual: Bound | None = None
    infeasible: Refutation | None = None
    stale: bool = False

    @property
    def gap(self) -> float | None:
        """|dual − primal| / |primal|; None where one of them is not known."""
        if self.primal is None or self.dual is None:
            return None
        difference = abs(self.dual.value - self.primal.value)
        return 0.0 if difference == 0 else difference / abs(self.primal.value) if self.primal.value else math.inf


def bounds(name: str) -> Bounds:
    """Return the best-known bounds of a bundled instance; none, and ``stale``, where they are another economy's.

    Raises
    ------
    UnknownNameError
        If there is no such instance.
    FileError
        If what is on record of it cannot be read.
    """
    family, short = _split(name)
    entry = catalogue.read_data(family, "bounds.json").get(short, {})
    try:
        primal, dual = (_side(entry[side]) if side in entry else None for side in ("primal", "dual"))
        found = Bounds(primal, dual, Refutation(**entry["infeasible"]) if "infeasible" in entry else None)
    except (TypeError, ValueError) as error:
        where = catalogue.folder(family) / "bounds.json"
        raise formats.FileError(str(where), short, f"it is no record ({error})", "install endonet again") from None
    return Bounds(stale=True) if entry and entry.get("fingerprint") != files.fingerprint(name) else found


def _side(fields: dict[str, Any]) -> Bound:
    side = Bound(**fields)
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in (side.value, side.tolerance)):
        raise ValueError("value and tolerance are finite numbers")
    return side


def record_bound(
    name: str,
    side: Literal["primal", "dual"],
    value: float,
    method: str,
    *,
    proves: str = "nothing",
    decision: Any = None,
    tolerance: float = 1e-9,
    date: str | None = None,
    file: Path | None = None,
) -> bool:
    """Write a bound of a bundled instance to its family's ``bounds.json``; return whether it improves on the old one.

    Parameters
    ----------
    name : str
        Such as ``planner/us-71``.
    side : {"primal", "dual"}
    value : float
        In the units of the objective.
    method : str
        What established it, such as ``certified (rel_gap 1e-9)``.
    proves : str or Proves
        What the method can prove; a dual bound needs ``global optimum`` or ``bound``.
    decision : decision
        Needed for a primal bound, and evaluated anew.
    tolerance : float, default 1e-9
        Relative; how far rounding may have moved the value.
    date : str, optional
        ISO; today if it is not given.
    file : Path, optional
        Another file than the family's own.

    Raises
    ------
    InputError
        If the bound is worse than the recorded one, or a dual bound comes from a method that does not prove.
    VerificationError
        If the evaluator contradicts a primal bound, or the new bound contradicts the other side.
    """
    family, short = _split(name)
    if side not in ("primal", "dual"):
        raise InputError("side", f"{side!r} is no side", "give 'primal' or 'dual'")
    if not math.isfinite(value):
        raise InputError("value", f"{value} is no bound", "give a finite number")
    problem = files.load(name)
    target, known, entry = _record(family, short, problem, file)
    if side == "dual" and str(proves) not in PROVING:
        raise InputError("proves", f"{method} proves {proves}, which is no bound", "record duals of proving methods")
    if "infeasible" in entry:
        raise VerificationError(f"{name}: a {side} bound, yet {entry['infeasible']['method']} proved that none exists")
    if side == "primal":
        _evaluated(problem, decision, value, tolerance)
    sign = 1.0 if problem.sense is Sense.MAXIMISE else -1.0
    _consistent(name, side, value, entry, sign, tolerance)
    if side in entry:
        gain = sign * (value - entry[side]["value"]) * (1 if side == "primal" else -1)
        if gain == 0:
            return False
        if gain < 0:
            raise InputError(
                "value", f"{value:.12g} is worse than the {side} bound {entry[side]['value']:.12g}", "keep the old one"
            )
    entry[side] = _entry(problem, value, method, tolerance, date, decision if side == "primal" else None)
    ordered = {key: entry[key] for key in ("fingerprint", "primal", "dual") if key in entry}
    _write(target, known | {short: ordered})
    return True


def record_infeasible(
    name: str, method: str, *, proves: str = "nothing", date: str | None = None, file: Path | None = None
) -> bool:
    """Write to its family's ``bounds.json`` that no decision satisfies an instance; return whether that was unknown.

    Parameters
    ----------
    name, method, proves, date, file
        As for `record_bound`; the method must prove a ``global optimum``.

    Raises
    ------
    InputError
        If the method does not prove.
    VerificationError
        If a decision is on record.
    """
    family, short = _split(name)
    problem = files.load(name)
    target, known, entry = _record(family, short, problem, file)
    if str(proves) != PROVING[0]:
        raise InputError("proves", f"{method} proves {proves}", "only what proves optima proves that there is none")
    if "primal" in entry:
        raise VerificationError(
            f"{name}: {method} finds no decision, yet one worth {entry['primal']['value']:.12g} is known"
        )
    if "infeasible" in entry:
        return False
    proof = {"method": method, **_origin(date)}
    _write(target, known | {short: {"fingerprint": problem.fingerprint, "infeasible": proof}})
    return True


def _record(family: str, short: str, problem: Any, file: Path | None) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Return the file, all its entries and that of one instance, which is empty where it is another economy's."""
    target = catalogue.folder(family) / "bounds.json" if file is None else file
    known = formats.read(target) if target.is_file() else {}
    entry = known.get(short, {})
    same = entry.get("fingerprint") == problem.fingerprint
    return target, known, dict(entry) if same else {"fingerprint": problem.fingerprint}


def _write(target: Path, entries: dict[str, Any]) -> None:
    updated = dict(sorted(entries.items()))
    atomic.write(target, lambda stream: formats.write(updated, target, stream))


def _split(name: str) -> tuple[str, str]:
    if not catalogue.is_bundled(name):
        raise catalogue.unknown(name)
    family, _, short = name.partition("/")
    return family, short


def _evaluated(problem: Any, decision: Any, value: float, tolerance: float) -> None:
    if decision is None:
        raise InputError("decision", "a primal bound needs one", "give the decision that attains it")
    outcome = problem.evaluate(decision)
    if not outcome.feasible:
        raise VerificationError("the decision is not feasible: " + "; ".join(outcome.violations))
    if abs(outcome.value - value) > tolerance * max(abs(value), abs(outcome.value)):
        raise VerificationError(f"the decision is worth {outcome.value:.12g}, not {value:.12g}")


def _consistent(name: str, side: str, value: float, entry: dict[str, Any], sign: float, tolerance: float) -> None:
    other = entry.get("dual" if side == "primal" else "primal")
    if other is None:
        return
    primal, dual = (value, other["value"]) if side == "primal" else (other["value"], value)
    slack = (tolerance + other["tolerance"]) * max(abs(primal), abs(dual))
    if sign * (primal - dual) > slack:
        raise VerificationError(f"{name}: the primal bound {primal:.12g} and the dual bound {dual:.12g} contradict")


def _entry(
    problem: Any, value: float, method: str, tolerance: float, date: str | None, decision: Any
) -> dict[str, Any]:
    entry = {"value": float(value), "method": method, "tolerance": tolerance, **_origin(date)}
    return entry if decision is None else entry | {"decision": problem.encode_decision(decision)}


def _origin(date: str | None) -> dict[str, str]:
    from endonet import __version__

    return {"version": __version__, "date": date or datetime.datetime.now(datetime.UTC).date().isoformat()}
