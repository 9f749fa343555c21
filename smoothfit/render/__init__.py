"""Tables of results: for the terminal (:mod:`.text`), notebooks (:mod:`.html`), LaTeX, Markdown and CSV."""

from __future__ import annotations

from . import comma_separated, html, latex, latex_text, markdown, text
from .cells import Cell, Measured, Named, Rounded, one_line
from .numbers import asymmetric, number, with_error
from .shown import Face, Shown, ShownInFull
from .table import Table, written

__all__ = [
    "Cell",
    "Face",
    "Measured",
    "Named",
    "Rounded",
    "Shown",
    "ShownInFull",
    "Table",
    "asymmetric",
    "comma_separated",
    "html",
    "latex",
    "latex_text",
    "markdown",
    "number",
    "one_line",
    "text",
    "with_error",
    "written",
]
