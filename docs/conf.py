"""Sphinx's configuration: the guide is built from Markdown, offline, with pictures and tables made anew by the code beside the pages."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):      # threads only slow small products down
    os.environ.setdefault(name, "1")
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "backprop-compare"
html_title = "backprop-compare"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_generated"]
default_role = "literal"      # docstrings write `code` as Markdown does
autodoc_typehints = "none"
autodoc_preserve_defaults = True
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
myst_links_external_new_tab = False
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pictures.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False


def draw(app: Sphinx) -> None:
    """Write the pages' pictures and tables into docs/_generated/, by `write()` of each `*_pictures.py` and `*_page.py`."""
    for module in sorted([*HERE.glob("*_pictures.py"), *HERE.glob("*_page.py")]):
        import_module(module.stem).write()


def without_links_to_folders(app: Sphinx, name: str, text: list[str]) -> None:
    """Remove links to folders and READMEs, which only work in a checkout, from the built page."""
    text[0] = re.sub(r"\[([^]]+)\]\((?:\.\./)+(?:[\w-]+/)*(?:README\.md)?\)", r"\1", text[0])


def setup(app: Sphinx) -> None:
    """Connect the functions above; Sphinx calls this."""
    formulas = import_module("mathml")
    app.add_html_math_renderer("mathml", (formulas.visit_math, None), (formulas.visit_displayed, None))
    app.connect("builder-inited", draw)
    app.connect("source-read", without_links_to_folders)
    app.connect("autodoc-process-docstring", import_module("docstrings").as_restructured_text)
