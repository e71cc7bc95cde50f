"""Every report, one after the other, and a page that links them all."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from endonet.formulations.errors import EndonetError, InputError, UnknownNameError

NAME = "all"
TITLE = "Every report, with an index"

LEAD = (
    "What the papers' tables and figures look like when every answer is held against a proof, and what it costs. Each "
    "page is one file that needs nothing else; its data and pictures lie beside it."
)


@dataclass(frozen=True)
class Options:
    """Which reports, and from which seed.

    Parameters
    ----------
    seed : int, optional
        For those reports that take one; their own default otherwise.
    only, skip : names of reports, optional
        Rebuild these alone, or all but these. Pages that are there already are linked in any case.
    """

    seed: int | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = _others()
        for name in (*self.only, *self.skip):
            if name not in known:
                raise UnknownNameError("report", name, known)
        if self.seed is not None and self.seed < 0:
            raise InputError("seed", f"{self.seed} is negative", "give an integer ≥ 0")


@dataclass
class Entry:
    """What came of one report."""

    module: ModuleType
    seconds: float | None = None
    failure: str = ""
    page: Path | None = None


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Rebuild every report and write ``index.html``; a report that fails does not keep the others from being rebuilt.

    Parameters
    ----------
    out : folder that exists
    full, workers, dask : passed to every report
    options : Options, optional

    Raises
    ------
    EndonetError
        After the index has been written, if a report failed.
    """
    from endonet import reports

    chosen = options or Options()
    started = time.perf_counter()
    entries = {name: Entry(module) for name, module in _others().items()}
    wanted = [name for name in entries if name not in chosen.skip and (not chosen.only or name in chosen.only)]
    try:
        for place, name in enumerate(wanted, start=1):
            print(f"{place} of {len(wanted)}: {name}", file=sys.stderr)
            entry = entries[name]
            given = {"seed": chosen.seed} if chosen.seed is not None and _takes_seed(entry.module) else {}
            begun = time.perf_counter()
            try:
                entry.page = reports.run(entry.module, out, full, workers, dask, given)
            except Exception as error:
                entry.failure = f"{type(error).__name__}: {error}"
                print(f"{name} failed: {error}", file=sys.stderr)
            entry.seconds = time.perf_counter() - begun
    finally:  # an interruption leaves an index of what there is
        index = _index(out, entries, time.perf_counter() - started)
    failed = [name for name in wanted if entries[name].failure]
    if failed:
        reasons = "; ".join(f"{name}: {entries[name].failure}" for name in failed)
        raise EndonetError(f"{len(failed)} of {len(wanted)} reports failed ({reasons}); the index is in {index}")
    return index


def _others() -> dict[str, ModuleType]:
    from endonet import reports

    return {name: module for name, module in reports.all_reports().items() if name != NAME}


def _takes_seed(module: ModuleType) -> bool:
    from endonet import reports

    kind = reports.options_of(module)
    return kind is not None and "seed" in {field.name for field in fields(kind)}


def _index(out: Path, entries: dict[str, Entry], seconds: float) -> Path:
    from endonet.reports.page import Page, provenance

    page = Page("Reports", LEAD)
    page.links(list(_links(out, entries)))
    page.heading("How this page was made")
    page.code("endonet report all --out out")
    page.definitions(provenance(seconds, None))
    return page.write(out / "index.html")


def _links(out: Path, entries: dict[str, Entry]) -> Iterator[tuple[str, str, list[Any]]]:
    for name, entry in entries.items():
        path = entry.page or out / f"{name}.html"
        remarks = [getattr(entry.module, "LEAD", "")]
        if entry.failure:
            remarks.append(f"not rebuilt: {entry.failure}")
        elif entry.page is None and path.is_file():
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
            remarks.append(f"from an earlier run, {written}")
        elif entry.page is None:
            remarks.append(f"not rebuilt: endonet report {name}")
        elif entry.seconds is not None:
            remarks.append(f"endonet report {name}, {entry.seconds:.1f} s")
        files = sorted(p.name for p in out.glob(f"{name}*") if p.suffix in (".csv", ".gz", ".png", ".svg", ".jsonl"))
        if files:
            remarks.append("with " + ", ".join(files))
        yield path.name if path.is_file() else "", entry.module.TITLE, remarks
