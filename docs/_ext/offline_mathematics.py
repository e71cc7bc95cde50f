"""MathJax from a package instead of from a server: one file, which sets mathematics as SVG and needs no fonts."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from sphinx.application import Sphinx

PACKAGE = "sphinx-mathjax-offline"
FILE = "tex-svg-full.js"


def copy(app: Sphinx, failed: Exception | None) -> None:
    """Copy MathJax beside the pages once they are written."""
    if failed is None and app.builder.format == "html":
        found = importlib.util.find_spec(PACKAGE)
        assert found is not None
        assert found.origin is not None
        target = Path(app.outdir) / "_static" / "mathjax"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(found.origin).parent / "static" / "mathjax" / FILE, target / FILE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx where MathJax will be."""
    app.config["mathjax_path"] = f"mathjax/{FILE}"
    app.config["mathjax3_config"] = {
        "svg": {"fontCache": "global"},
        "options": {"enableMenu": False, "ignoreHtmlClass": "tex2jax_ignore|document", "processHtmlClass": "math"},
    }
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
