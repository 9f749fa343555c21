"""Links out of ``docs/`` to files of the repository, which become pages of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

__all__ = ["PAGES", "ROOT", "to_site"]

ROOT = Path(__file__).resolve().parent.parent.parent

PAGES = {"CHANGELOG.md": "changelog.md", "benchmarks/RESULTS.md": "measurements.md"}
"""Files of the repository that are pages, by where they are."""

_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_NOTEBOOK = re.compile(r"^notebooks/(\w+)\.ipynb$")
_OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def to_site(markdown: str, src_uri: str, *, origin: str | None = None) -> str:
    """The text of a page with links for the site.

    ``src_uri`` is where the page is in the site; ``origin`` the file in the repository that it was made
    from, ``docs/`` and `src_uri` if not given.
    """
    folder = posixpath.dirname(origin or f"docs/{src_uri}")

    def mended(found: re.Match[str]) -> str:
        target = found[2]
        if _OUTSIDE.match(target):
            return found[0]
        file = posixpath.normpath(posixpath.join(folder, target))
        page = _page_of(file)
        if page is None:
            return found[0]
        return found[1] + posixpath.relpath(page, posixpath.dirname(src_uri) or ".") + found[3]

    return _LINK.sub(mended, markdown)


def _page_of(file: str) -> str | None:
    """Where a file of the repository is in the site; None of what is not there."""
    notebook = _NOTEBOOK.match(file)
    if notebook:
        return f"tutorials/{notebook[1]}.md"
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    if file.startswith(("benchmarks/plots/", "benchmarks/figures/")) and file.endswith(".png"):
        return file
    return PAGES.get(file)
