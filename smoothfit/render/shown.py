"""What an object that is shown as lines and tables does: in a terminal, in a notebook, by rich."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from . import html, rich_console, text
from .table import Table

__all__ = ["Face", "Shown", "ShownInFull"]


class Face(NamedTuple):
    """Lines, and tables below them; ``badge`` is (a word, "good", "doubtful" or "bad")."""

    lines: tuple[str, ...]
    tables: tuple[Table, ...]
    badge: tuple[str, str] | None = None


class Shown(ABC):
    """Base of what is shown in all of these ways; a subclass says with what.

    What is shown is cut where it is long; lines and names have no control characters.
    """

    @abstractmethod
    def _face(self) -> Face:
        """What is shown."""

    def _as_text(self) -> str:
        face = self._face()
        lines = [text.cell_text(line) for line in face.lines]
        parts = ["\n".join(lines), text.tables(face.tables, text.screen_width())]
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        face = self._face()
        above = [] if face.badge is None else [html.badge(*face.badge)]
        return html.page([*above, *map(html.paragraph, face.lines)], face.tables)

    def __rich__(self) -> Any:
        face = self._face()
        return rich_console.page(map(text.cell_text, face.lines), face.tables)


class ShownInFull(Shown):
    """Base of what has a ``repr`` of one line; printed, or as the output of a cell, it is shown in full."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # IPython takes what it finds first, going from a class to its bases: this, or a __repr__.
        if "_repr_pretty_" not in vars(cls):
            setattr(cls, "_repr_pretty_", ShownInFull._repr_pretty_)  # noqa: B010

    def __str__(self) -> str:
        return self._as_text()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Within a list the line will do.
        nested = cycle or len(getattr(printer, "stack", ())) > 1
        printer.text(repr(self) if nested else self._as_text())
