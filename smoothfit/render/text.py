"""Plain tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from .table import Cell, Table, cell_text, is_number

__all__ = ["table", "tables"]

_GAP = "  "
_ERROR = " ± "


def _aligned_errors(cells: list[str]) -> list[str]:
    """Cells "value ± error" with the ± below each other."""
    halves = [cell.partition(_ERROR) for cell in cells]
    left = max((len(value) for value, sign, _ in halves if sign), default=0)
    right = max((len(error) for _, sign, error in halves if sign), default=0)
    return [f"{a:>{left}}{sign}{b:<{right}}" if sign else a for a, sign, b in halves]


def _column(name: str, cells: list[Cell]) -> list[str]:
    shown = _aligned_errors([cell_text(cell) for cell in cells])
    heading = cell_text(name)
    width = max(map(len, [heading, *shown]))
    to_the_right = bool(cells) and all(is_number(cell) or cell in (None, "") for cell in cells)
    side = ">" if to_the_right else "<"
    return [f"{entry:{side}{width}}" for entry in [heading, *shown]]


def table(content: Table) -> str:
    """A table as text, without a line break at its end.

    Numbers stand to the right of their column, words to the left, errors below each other.

    Examples
    --------
    >>> print(table(Table("", ["name", "value"], [["mu", "1.02 ± 0.11"], ["norm", "11.0 ± 1.2"]])))
    name  value
    -----------------
    mu    1.02 ± 0.11
    norm  11.0 ± 1.2
    """
    rows = list(content.rows)
    columns = [_column(name, [row[i] for row in rows]) for i, name in enumerate(content.columns)]
    lines = [_GAP.join(entries).rstrip() for entries in zip(*columns, strict=True)]
    lines.insert(1, "-" * max(map(len, lines), default=0))
    title, note = cell_text(content.title), cell_text(content.note)
    return "\n".join([*([title] if title else []), *lines, *([note] if note else [])])


def tables(contents: Iterable[Table]) -> str:
    """Tables below each other, an empty line between them."""
    return "\n\n".join(table(content) for content in contents)
