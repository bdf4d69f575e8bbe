"""Sphinx configuration."""

import sys
from pathlib import Path

from circuitnn import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "circuitnn"
author = "the circuitnn developers"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "device_pages",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_ext"]
html_theme = "furo"
autosummary_generate = True
numpydoc_show_class_members = False
autodoc_typehints = "none"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
