"""Tables for a notebook. Everything that came from a user or a file is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .table import Cell, Table, cell_text, is_number

__all__ = ["paragraph", "table", "tables"]


def paragraph(text: str) -> str:
    """A paragraph of plain text.

    Examples
    --------
    >>> paragraph("a < b")
    '<p>a &lt; b</p>'
    """
    return f"<p>{escape(cell_text(text))}</p>"


def _entry(cell: Cell) -> str:
    side = "right" if is_number(cell) else "left"
    return f'<td style="text-align:{side}">{escape(cell_text(cell))}</td>'


def table(content: Table) -> str:
    """A table as an HTML fragment.

    Examples
    --------
    >>> print(table(Table("", ["name"], [["<b>"]])))
    <table>
    <thead><tr><th style="text-align:left">name</th></tr></thead>
    <tbody>
    <tr><td style="text-align:left">&lt;b&gt;</td></tr>
    </tbody>
    </table>
    """
    title, note = cell_text(content.title), cell_text(content.note)
    heading = "".join(
        f'<th style="text-align:left">{escape(cell_text(name))}</th>' for name in content.columns
    )
    lines = ["<table>"]
    if title:
        lines.append(f'<caption style="text-align:left"><b>{escape(title)}</b></caption>')
    lines += [f"<thead><tr>{heading}</tr></thead>", "<tbody>"]
    lines += [f"<tr>{''.join(map(_entry, row))}</tr>" for row in content.rows]
    lines += ["</tbody>", "</table>"]
    return "\n".join([*lines, *([paragraph(note)] if note else [])])


def tables(contents: Iterable[Table]) -> str:
    """Tables below each other."""
    return "\n".join(table(content) for content in contents)
