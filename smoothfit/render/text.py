"""Plain tables for a terminal."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence

from .cells import Cell, Measured, cell_text, is_number
from .table import Table

__all__ = ["aligned", "screen_width", "table", "tables"]

_GAP = "  "
_ERRORS = re.compile(r" (?=± |\+)")
_WIDE = 120
"""Signs a line where the output is no terminal."""
_NARROWEST = 30
"""Signs of a column in which words go on below."""


def screen_width() -> int:
    """Signs on a line: of the terminal (or COLUMNS), at least 60; 120 where there is none."""
    return max(60, shutil.get_terminal_size((_WIDE, 24)).columns)


def _halves(cell: Cell) -> list[str]:
    """A value and its errors, none of a number; one piece of words."""
    text = cell_text(cell)
    has_errors = isinstance(cell, Measured) or (isinstance(cell, str) and " ± " in text)
    if has_errors:
        return _ERRORS.split(text, maxsplit=1)
    return [text, ""] if is_number(cell) else [text]


def aligned(cells: Sequence[Cell]) -> list[str]:
    """Cells as text, those with errors with these below each other.

    Examples
    --------
    >>> aligned([Measured(1.0, 0.1), Measured(120.0, 12.0), 95, "fixed"])
    ['1.00 ± 0.10', ' 120 ± 12  ', '  95       ', 'fixed']
    """
    halves = [_halves(cell) for cell in cells]
    if not any(half[1:] and half[1] for half in halves):
        return [half[0] for half in halves]
    left = max((len(half[0]) for half in halves if len(half) > 1), default=0)
    right = max((len(half[1]) for half in halves if len(half) > 1), default=0)
    return [f"{half[0]:>{left}} {half[1]:<{right}}" if len(half) > 1 else half[0] for half in halves]


def numeric(cells: Sequence[Cell]) -> bool:
    """Whether a column stands to the right: all of it numbers, or empty."""
    return bool(cells) and all(is_number(cell) or cell in (None, "") for cell in cells)


def _column(name: Cell, cells: list[Cell]) -> list[str]:
    shown = aligned(cells)
    heading = cell_text(name)
    width = max(map(len, [heading, *shown]))
    side = ">" if numeric(cells) else "<"
    return [f"{entry:{side}{width}}" for entry in [heading, *shown]]


def _lines(columns: Sequence[Sequence[str]]) -> list[str]:
    lines = [_GAP.join(entries).rstrip() for entries in zip(*columns, strict=True)]
    lines.insert(1, "-" * max(map(len, lines), default=0))
    return lines


def _wrapped(
    columns: Sequence[Sequence[str]], rows: Sequence[Sequence[Cell]], width: int | None
) -> Sequence[Sequence[str]] | None:
    """The columns with the words of the last one on several lines, if that makes them narrow enough."""
    if width is None or not rows or _width(columns) <= width or numeric([row[-1] for row in rows]):
        return None
    room = width - _width(columns[:-1]) - len(_GAP)
    if room < max(_NARROWEST, len(columns[-1][0].strip())) or len(columns) < 2:
        return None
    lines: list[list[str]] = [[] for _ in columns]
    for entries in zip(*columns, strict=True):
        pieces = textwrap.wrap(entries[-1].strip(), room) or [""]
        for i, piece in enumerate(pieces):
            for column, entry in zip(lines[:-1], entries[:-1], strict=True):
                column.append(entry if i == 0 else " " * len(entry))
            lines[-1].append(piece)
    return lines


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(len(column[0]) + len(_GAP) for column in columns) - len(_GAP)


def _side_by_side(columns: Sequence[Sequence[str]], width: int | None) -> list[Sequence[Sequence[str]]]:
    """Groups of columns that fit on a line, the first column in each."""
    widths = [len(column[0]) + len(_GAP) for column in columns]
    if width is None or _width(columns) <= width or len(columns) < 3:
        return [columns]
    groups: list[list[int]] = [[]]
    for i in range(1, len(columns)):
        if groups[-1] and sum(widths[j] for j in (0, *groups[-1], i)) - len(_GAP) > width:
            groups.append([])
        groups[-1].append(i)
    return [[columns[0], *(columns[i] for i in group)] for group in groups]


def table(content: Table, width: int | None = None) -> str:
    """A table as text, without a line break at its end.

    Numbers stand to the right of their column, words to the left, errors below each other. Where it is wider
    than ``width``, words of the last column go on below, or columns do, with the first one again.

    Examples
    --------
    >>> print(table(Table("", ["name", "value"], [["mu", "1.02 ± 0.11"], ["norm", "11.0 ± 1.2"]])))
    name  value
    -----------------
    mu    1.02 ± 0.11
    norm  11.0 ± 1.2
    >>> print(table(Table("", ["name", "first", "second"], [["a", 1, 2]]), width=12))
    name  first
    -----------
    a         1
    <BLANKLINE>
    name  second
    ------------
    a          2
    """
    rows = list(content.rows)
    columns = [_column(name, [row[i] for row in rows]) for i, name in enumerate(content.columns)]
    wrapped = _wrapped(columns, rows, width)
    groups = _side_by_side(columns, width) if wrapped is None else [wrapped]
    blocks = ["\n".join(_lines(group)) for group in groups]
    title, note = cell_text(content.title), cell_text(content.note)
    return "\n".join([*([title] if title else []), "\n\n".join(blocks), *([note] if note else [])])


def tables(contents: Iterable[Table], width: int | None = None) -> str:
    """Tables below each other, an empty line between them."""
    return "\n\n".join(table(content, width) for content in contents)
