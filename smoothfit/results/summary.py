"""What is in a model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..render import Table
from .record import Columns, Record

__all__ = ["ModelSummary"]


@dataclass(frozen=True, eq=False, repr=False)
class ModelSummary(Record):
    """A title and tables: yields by channel and process, parameters, counts.

    Examples
    --------
    >>> ModelSummary("2 bins, 1 parameter", [Table("Parameters", ["name", "start"], [["mu", 1.0]])])
    2 bins, 1 parameter
    <BLANKLINE>
    Parameters
    name  start
    -----------
    mu        1
    """

    # Who asks for a summary wants it.
    most_rows = None

    title: str
    contents: Iterable[Table]

    def __post_init__(self) -> None:
        object.__setattr__(self, "contents", tuple(self.contents))

    def heading(self) -> str:
        return self.title

    def _tables(self) -> list[Table]:
        return list(self.contents)

    def to_dict(self) -> dict[str, Any]:
        """{title, tables: [{title, columns, rows, note}]}."""
        return {"title": self.title, "tables": [table.to_dict() for table in self.contents]}

    def _columns(self) -> Columns:
        # A frame is one table: cells of all, a row a cell.
        cells = [
            (table.title, number, column, cell)
            for table in self.contents
            for number, row in enumerate(table.rows)
            for column, cell in zip(table.columns, row, strict=True)
        ]
        names = ("table", "row", "column", "cell")
        return {name: [cell[i] for cell in cells] for i, name in enumerate(names)}
