"""The docstrings of endonet, made for reading in an editor, as reStructuredText.

Equations and tables stand there as indented blocks, which keep their lines; bars are absolute values, no substitutions.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx import addnodes
from sphinx.application import Sphinx

import endonet

SECTION = re.compile(r"-{3,}$")
ITEM = re.compile(r"\s*([*+-]|\d+\.|[a-z]\))\s")
LAST = re.compile(r"(?<=\w)_(?=\W|$)")
LITERAL = re.compile(r"(``.+?``|`[^`]+`)")


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn indented blocks into literal ones, outside the sections of numpydoc, where indentation is description."""
    del app, what, name, obj, options
    lines[:] = escape(literal_blocks(lines))


def literal_blocks(lines: list[str]) -> list[str]:
    """Mark each block that is indented against the text before it as literal."""
    found: list[str] = []
    inside = 0  # the depth from which lines belong to a literal block; 0 outside
    section = False
    for k, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if SECTION.match(line) and k and lines[k - 1].strip() and depth == 0:
            section = lines[k - 1].strip() not in ("Examples", "Symbols", "Notes")
        if not line.strip():
            found.append(line)
            continue
        if inside and depth >= inside:
            found.append(line)
            continue
        inside = 0
        text = next((above for above in reversed(found) if above.strip()), "")
        if depth and not section and is_text(text) and (not found[-1].strip() or is_table(text, line)):
            while not found[-1].strip():
                found.pop()
            found += ["", "::", ""]
            inside = depth
        found.append(line)
    return found


def is_text(line: str) -> bool:
    """Whether a line starts at the margin and is no item of a list, so that indentation after it sets a block apart."""
    return bool(line) and not line.startswith(" ") and not ITEM.match(line) and not line.startswith(">>>")


def is_table(above: str, line: str) -> bool:
    """Whether a block that follows without a blank line has columns; otherwise it describes the term above it."""
    return above == "Symbols" or "  " in line.strip()


def escape(lines: list[str]) -> list[str]:
    """Escape what reStructuredText takes for markup, outside literals: bars, last underscores, a star by itself."""
    found: list[str] = []
    literal = False
    for k, line in enumerate(lines):
        if line == "::":
            literal = True
        elif literal and line.strip() and not line.startswith(" "):
            literal = False
        if literal or line.startswith((">>>", "...")):
            found.append(line)
            continue
        parts = LITERAL.split(line)
        lone = stars(paragraph(lines, k)) % 2 == 1
        for part in range(0, len(parts), 2):
            parts[part] = LAST.sub(r"\\_", parts[part].replace("|", r"\|"))
            if lone and not ITEM.match(line):
                parts[part] = parts[part].replace("*", r"\*")
        found.append("".join(parts))
    return found


def paragraph(lines: list[str], k: int) -> list[str]:
    """Return the lines around line k that no blank line parts from it."""
    first = next((above + 1 for above in range(k, -1, -1) if not lines[above].strip()), 0)
    last = next((below for below in range(k, len(lines)) if not lines[below].strip()), len(lines))
    return lines[first:last]


def stars(lines: list[str]) -> int:
    """Return how many stars stand in lines outside literals; an even number makes pairs of emphasis."""
    return sum(part.count("*") for line in lines for part in LITERAL.split(line)[::2])


def plain_words(app: Sphinx, doctree: Any) -> None:
    """Let words of a type such as ``array, shape (n,)`` be words; Sphinx would look for something called n."""
    del app
    for node in list(doctree.findall(addnodes.pending_xref)):
        target = str(node.get("reftarget", ""))
        if node.get("refdomain") == "py" and "." not in target and target not in endonet.__all__:
            node.replace_self(node.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Go before napoleon, which reads what this leaves."""
    app.connect("autodoc-process-docstring", rewrite, priority=100)
    app.connect("doctree-read", plain_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
