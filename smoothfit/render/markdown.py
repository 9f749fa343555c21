r"""Tables for Markdown, with pipes as GitHub has them. The signs of Markdown and HTML are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .cells import Cell, cell_text, one_line
from .table import Table
from .text import numeric

__all__ = ["escaped", "table", "tables"]

_SPECIAL = re.compile(r"[\\`*|\[\]~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    r"""Text as Markdown, on one line. Underscores within words mean nothing there and stay.

    Examples
    --------
    >>> print(escaped("a|b *c* <i> m_t _u_"))
    a\|b \*c\* &lt;i&gt; m_t \_u\_
    """
    return _SPECIAL.sub(r"\\\g<0>", one_line(text)).translate(_ENTITIES)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _entry(cell: Cell) -> str:
    return escaped(cell_text(cell))


def table(content: Table) -> str:
    """A table with its title before and its note after it.

    Examples
    --------
    >>> print(table(Table("", ["name", "bins"], [["a|b", 3]])))
    | name | bins |
    | :--- | ---: |
    | a\\|b | 3 |
    """
    rows = list(content.rows)
    sides = ["---:" if numeric([row[i] for row in rows]) else ":---" for i in range(len(content.columns))]
    title, note = escaped(content.title), escaped(content.note)
    lines = [_row(map(_entry, content.columns)), _row(sides), *(_row(map(_entry, row)) for row in rows)]
    return "\n\n".join([*([f"**{title}**"] if title else []), "\n".join(lines), *([note] if note else [])])


def tables(contents: Iterable[Table]) -> str:
    """Tables one after the other, an empty line between them."""
    return "\n\n".join(table(content) for content in contents)
