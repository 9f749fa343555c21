"""The table that text, HTML, LaTeX, Markdown and CSV are made from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._files import write_files
from ..errors import ShapeMismatchError
from .cells import Cell, cell_text, is_number, plain_cell

__all__ = ["Cell", "Table", "cell_text", "is_number", "written"]


@dataclass(frozen=True, repr=False)
class Table:
    """A title, names of columns, rows of cells, and a remark below.

    Columns and rows may be any sequences; for cells see :mod:`smoothfit.render.cells`.

    Examples
    --------
    >>> fruit = Table("Fruit", ["kind", "count"], [["apple", 3], ["fig", 12]])
    >>> fruit
    Fruit
    kind   count
    ------------
    apple      3
    fig       12
    >>> print(fruit.to_markdown())
    **Fruit**
    <BLANKLINE>
    | kind | count |
    | :--- | ---: |
    | apple | 3 |
    | fig | 12 |
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

    def __len__(self) -> int:
        return len(tuple(self.rows))

    def first(self, count: int | None, where: str = "") -> Table:
        """The first so many rows, all of them if None; the note says how many there are more, and where."""
        rows = tuple(self.rows)
        if count is None or len(rows) <= count:
            return self
        more = f"... and {len(rows) - count} more{f': {where}' if where else ''}"
        return replace(self, rows=rows[:count], note="; ".join([more, *([self.note] if self.note else [])]))

    def without_empty(self) -> Table:
        """Without columns that have nothing in any row; the first one stays."""
        rows = tuple(self.rows)
        used = [
            j for j in range(len(self.columns)) if j == 0 or any(row[j] not in (None, "") for row in rows)
        ]
        shown = [[row[j] for j in used] for row in rows]
        return replace(self, columns=[self.columns[j] for j in used], rows=shown)

    def to_dict(self) -> dict[str, object]:
        """{title, columns, rows, note}, in lists; of what is measured the text."""
        rows = [[plain_cell(cell) for cell in row] for row in self.rows]
        names = [plain_cell(column) for column in self.columns]
        return {"title": self.title, "columns": names, "rows": rows, "note": self.note}

    def to_latex(self, path: str | os.PathLike[str] | None = None) -> str:
        """A tabular environment, which needs the packages booktabs and, for some labels, amsmath.

        Title and note stand before it as comments. Labels take the place of names where they are sound LaTeX;
        everything else is escaped.

        Raises
        ------
        OutputFileError
            If a path is given and cannot be written.
        """
        from . import latex

        return written(latex.table(self), path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """A table with pipes, as GitHub's Markdown has them; written to a file, too, if a path is given.

        Raises
        ------
        OutputFileError
            If the file cannot be written.
        """
        from . import markdown

        return written(markdown.table(self), path)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """Comma-separated values (RFC 4180) with all digits; errors have columns of their own.

        What a spreadsheet would take for a formula gets an apostrophe before it; title and note are left out.

        Raises
        ------
        OutputFileError
            If a path is given and cannot be written.
        """
        from . import comma_separated

        return written(comma_separated.table(self), path, end="")

    def __repr__(self) -> str:
        from . import text

        return text.table(self, text.screen_width())

    def _repr_html_(self) -> str:
        from . import html

        return html.page([], [self])

    def __rich__(self) -> Any:
        from . import rich_console

        return rich_console.table(self)


def written(content: str, path: str | os.PathLike[str] | None, *, end: str = "\n") -> str:
    """The content, also as a file if a path is given."""
    if path is not None:
        write_files({path: f"{content}{end}".encode()})
    return content
