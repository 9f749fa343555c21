"""The table that text and HTML are made from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import ShapeMismatchError
from .numbers import number

__all__ = ["Cell", "Table", "cell_text", "is_number"]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*([eE][-+]?\d+)?|nan|inf)")

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class Table:
    """A title, names of columns, rows of cells, and a remark below.

    Columns and rows may be any sequences. A cell is a string, a number or None (empty).

    Examples
    --------
    >>> from smoothfit.render import text
    >>> print(text.table(Table("Fruit", ["kind", "count"], [["apple", 3], ["fig", 12]])))
    Fruit
    kind   count
    ------------
    apple      3
    fig       12
    """

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ShapeMismatchError(
                    f"Table '{self.title}' has {len(self.columns)} columns, a row has {len(row)}: {row}."
                )

    def to_dict(self) -> dict[str, object]:
        """{title, columns, rows, note}, in lists."""
        rows = [list(row) for row in self.rows]
        return {"title": self.title, "columns": list(self.columns), "rows": rows, "note": self.note}


def cell_text(cell: Cell) -> str:
    """What is shown for a cell, on one line and without control characters."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return number(cell)
    # Names come from files: a line break or an escape sequence in one must not reach the terminal.
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in str(cell))


def is_number(cell: Cell) -> bool:
    """Whether a cell belongs to the right of its column: a number, also one written as text."""
    if isinstance(cell, str):
        return _NUMBER.fullmatch(cell) is not None
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)
