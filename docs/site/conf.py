"""Sphinx: the notebooks, the guides and the reference as pages that ask no other host for anything."""

import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import facts  # noqa: E402

import cltutor  # noqa: E402

project, author, version = "cltutor", "The cltutor authors", cltutor.__version__
copyright = "The cltutor authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "mathml"]
exclude_patterns = ["_vendor", "jupyter_execute"]
templates_path: list[str] = []

html_theme = "sphinx_book_theme"
html_title = "cltutor"
html_static_path = ["_static", "_vendor"]
html_css_files = ["cltutor.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "use_download_button": False, "use_fullscreen_button": True, "secondary_sidebar_items": [],
    "navbar_persistent": [],  # a second search field, in a bar of its own
}  # fmt: skip
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_last_updated_fmt = None

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "html_image"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

nb_execution_mode = os.environ.get("CLTUTOR_SITE_EXECUTION", "cache")
nb_execution_cache_path = os.environ.get("CLTUTOR_SITE_CACHE", "")
nb_execution_timeout = 1800  # of a cell, also on a machine that does something else
nb_execution_raise_on_error = True
nb_merge_streams = True
suppress_warnings = ["myst-nb.lexer"]  # where the notebooks are not executed
nb_render_markdown_format = "gfm"
# Widgets: the files that build.py brings into _vendor, or nothing.
WIDGETS = ("require.js", "widgets-local.js", "embed-amd.js")
nb_ipywidgets_js = {name: {} for name in WIDGETS} if (HERE / "_vendor" / "embed-amd.js").exists() else {}

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_custom_sections = [("Adds", "returns_style")]

CODE = re.compile(r"(``.*?``|`[^`]*`)")


def plain(line: str) -> str:
    """What docutils would take for markup, |g| or x_, as it is written; code between backquotes is left alone."""
    return "".join(part if CODE.fullmatch(part) else re.sub(r"(?<!\\)([*|]|_(?!\w))", r"\\\1", part)
                   for part in CODE.split(line))  # fmt: skip


def docstrings(app, what, name, obj, options, lines):
    """A docstring's markup, and what is declared; columns of text, such as a method's sources, stay columns."""
    found = []
    if what in ("class", "function", "method"):
        lines += ["", *facts.declared(obj).split("\n")]
    for block in "\n".join(lines).split("\n\n"):
        own = block.split("\n")
        if any(re.search(r"\S {3,}\S", line) for line in own):
            found += ["::", "", *(f"   {line}" for line in own), ""]
        else:
            found += [*map(plain, own), ""]
    lines[:] = found


def setup(app):
    app.connect("autodoc-process-docstring", docstrings, priority=1)  # before napoleon reads it
