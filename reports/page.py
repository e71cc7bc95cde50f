"""A report as one self-contained page: no script, no outside resource, light and dark, readable on a telephone.

A page is a list of blocks (text, cards, tables, figures, code) under headings; the template decides how they look.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from endonet.instances import atomic

PACKAGES = ("endonet", "numpy", "scipy", "numba", "highspy", "networkx")


@dataclass
class Page:
    """One page, filled block by block in reading order.

    Parameters
    ----------
    title : str
    lead : str
        What the page shows, in two or three sentences.
    """

    title: str
    lead: str
    blocks: list[dict[str, Any]] = field(default_factory=list)

    def heading(self, text: str, anchor: str = "") -> None:
        """Start a section."""
        self._add("heading", text=text, anchor=anchor)

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._add("text", text=text)

    def alert(self, text: str) -> None:
        """Add a sentence that nobody may overlook."""
        self._add("alert", text=text)

    def cards(self, cards: Sequence[tuple[str, str, str]]) -> None:
        """Add key figures: (label, figure, remark) each."""
        self._add("cards", cards=cards)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        caption: str = "",
        numeric: Sequence[int] = (),
        strong: Sequence[int] = (),
    ) -> None:
        """Add a table of text.

        Parameters
        ----------
        numeric : indices of the columns that hold numbers, set to the right
        strong : indices of the rows to stress
        """
        self._add("table", columns=columns, rows=rows, caption=caption, numeric=set(numeric), strong=set(strong))

    def figures(self, figures: Sequence[tuple[str, str]], legend: Sequence[tuple[str, str]] = ()) -> None:
        """Add figures side by side: (SVG, caption) each, and a legend of (class, meaning)."""
        self._add("figures", figures=figures, legend=legend)

    def definitions(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Add a list of terms and what they mean."""
        self._add("definitions", pairs=pairs)

    def links(self, links: Sequence[tuple[str, str, Sequence[str]]]) -> None:
        """Add a list of pages in the same folder: (file, title, remarks) each; without a file it is no link."""
        self._add("links", links=links)

    def code(self, text: str) -> None:
        """Add lines to type."""
        self._add("code", text=text)

    def html(self) -> str:
        """Return the page."""
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("endonet.reports"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("page.html").render(title=self.title, lead=self.lead, blocks=self.blocks)

    def write(self, path: Path) -> Path:
        """Write the page, all at once or not at all, and return its path."""
        content = self.html().encode("utf-8")
        atomic.write(path, lambda stream: _write_all(stream, content))
        return path

    def _add(self, kind: str, **values: Any) -> None:
        self.blocks.append({"kind": kind, **values})


def provenance(wall_time: float, seed: int | None, more: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return what a reader needs to repeat a page: date, machine, versions, seed and seconds."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return [
        *(more or {}).items(),
        *(() if seed is None else (("seed", str(seed)),)),
        ("wall time", f"{wall_time:.1f} s in all"),
        ("versions", f"Python {platform.python_version()}, {versions}"),
        ("machine", f"{platform.system()} {platform.machine()}, {sys.implementation.name}"),
        ("written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]


def _write_all(stream: Any, content: bytes) -> None:
    stream.write(content)
