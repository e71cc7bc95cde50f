"""Configuration of the documentation: Sphinx with the theme furo, pages in Markdown (MyST), notebooks as they stand.

`make docs` builds it into build/docs. Nothing is fetched when the site is read: MathJax comes along, and the search
works from a file as well as from a server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["NUMBA_DISABLE_JIT"] = "1"  # the reference shows compiled functions as the Python they are written in
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import endonet

project = "endonet"
author = copyright = "The endonet developers"
version = release = endonet.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "generated_pages",
    "docstrings",
    "offline_mathematics",
]
exclude_patterns = ["_build", "_ext", "README.md"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
toc_object_entries = False  # a thousand entries in the navigation help nobody
default_role = "py:obj"
suppress_warnings = ["mystnb.unknown_mime_type"]

highlight_language = "none"  # blocks in docstrings are equations

html_theme = "furo"
html_title = f"endonet {release}"
html_static_path = ["_static"]
html_css_files = ["endonet.css"]
html_show_search_summary = False  # summaries are fetched one by one, which a browser refuses for files
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5f8b", "color-brand-content": "#1f5f8b"},
    "dark_css_variables": {"color-brand-primary": "#7db8e0", "color-brand-content": "#7db8e0"},
}

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_update_mathjax = False
nb_execution_mode = "off"  # the notebooks of the lessons are kept executed; `make lessons` runs them again
nb_merge_streams = True

autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "none"  # the docstrings say types and shapes
autodoc_class_signature = "separated"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
