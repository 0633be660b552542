"""Settings of the documentation site, which `make docs` builds without a network."""

import re
from pathlib import Path
from typing import Any

from telltrace import __version__

project = "telltrace"
author = copyright = "The telltrace contributors"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"telltrace {release}"
html_show_sourcelink = False
exclude_patterns = ["figures.py"]
default_role = "code"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_rtype = False
suppress_warnings = ["myst.strikethrough", "misc.highlighting_failure"]

LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")
"""A link of Markdown: text, target, and the place in the target."""


def leave_site(app: Any, docname: str, source: list[str]) -> None:
    """Turn links to files of the repository that are no pages into their plain text."""
    folder = Path(app.srcdir, docname).parent

    def inside(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        page = target.is_relative_to(app.srcdir) and target.is_file()
        return link[0] if "://" in link[2] or page else link[1]

    source[0] = LINK.sub(inside, source[0])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", leave_site)
