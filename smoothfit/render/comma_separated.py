"""Comma-separated values as RFC 4180 has them: all digits of every number, lines that end with CR LF.

Text that a spreadsheet would take for a formula gets an apostrophe before it, as spreadsheets mark text: what
begins with ``=`` or ``@``, and what begins with ``+`` or ``-`` unless letters, digits, points and spaces
follow, as in "-2 sigma", which can do nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .cells import Cell, Measured, Rounded, cell_text, one_line
from .table import Table

__all__ = ["frame", "safe", "table"]

_FORMULA = re.compile(r"\s*(?:[=@]|[-+](?![\w. ]*$))")
_Field = str | int | float | None


def safe(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula.

    Examples
    --------
    >>> safe("=1+1"), safe("-2+3|x"), safe("-2 sigma"), safe("mu")
    ("'=1+1", "'-2+3|x", '-2 sigma', 'mu')
    """
    shown = one_line(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _field(value: Any) -> _Field:
    """What stands in the file: numbers such that reading them gives the same."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float):
        # csv writes repr of a float; a subclass may print otherwise.
        return float(value) if isinstance(value, float) else value
    return safe(str(value))


def _lines(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_distinct([safe(name) for name in heading]))
    writer.writerows([_field(value) for value in row] for row in rows)
    return out.getvalue()


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of which a second one of a kind gets a number."""
    found: list[str] = []
    for name in names:
        number, shown = 1, name
        while shown in found:
            number += 1
            shown = f"{name} {number}"
        found.append(shown)
    return found


def _columns(name: str, cells: Sequence[Cell]) -> dict[str, list[Any]]:
    """A column as one or several: value, errors, remarks."""
    measured = [cell for cell in cells if isinstance(cell, Measured)]
    values = [
        cell.value if isinstance(cell, Measured | Rounded) else cell if _is_plain(cell) else cell_text(cell)
        for cell in cells
    ]
    found: dict[str, list[Any]] = {name: values}
    base = f"{name} " if name else ""
    if any(cell.down is not None for cell in measured):
        ups = [cell.error if isinstance(cell, Measured) else None for cell in cells]
        downs = [
            (cell.error if cell.down is None else cell.down) if isinstance(cell, Measured) else None
            for cell in cells
        ]
        found |= {f"{base}error up": ups, f"{base}error down": downs}
    elif measured:
        found[f"{base}error"] = [cell.error if isinstance(cell, Measured) else None for cell in cells]
    remarks = [cell.remark if isinstance(cell, Rounded) else "" for cell in cells]
    if any(remarks):
        found[f"{base}remark"] = remarks
    return found


def _is_plain(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int | float)


def table(content: Table) -> str:
    """A table; values with errors take two columns, or three where errors differ to both sides.

    Examples
    --------
    >>> table(Table("", ["name", "value"], [["mu", Measured(1.0, 0.25, 0.125)], ["=x", Measured(2.0, 0.5)]]))
    "name,value,value error up,value error down\\r\\nmu,1.0,0.25,0.125\\r\\n'=x,2.0,0.5,0.5\\r\\n"
    """
    rows = list(content.rows)
    heading: list[str] = []
    columns: list[list[Any]] = []
    for i, name in enumerate(content.columns):
        for key, values in _columns(cell_text(name), [row[i] for row in rows]).items():
            heading.append(key)
            columns.append(values)
    return _lines(heading, zip(*columns, strict=True))


def frame(columns: Mapping[str, Sequence[Any] | Any]) -> str:
    """Columns of one length by name.

    Examples
    --------
    >>> frame({"name": ["a"], "value": np.array([0.1])})
    'name,value\\r\\na,0.1\\r\\n'
    """
    return _lines(list(columns), zip(*columns.values(), strict=True))
