"""Tables for a notebook, in the colours of the page. All that came from a user or a file is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .cells import Cell, Measured, cell_text, is_number
from .table import Table
from .text import numeric

__all__ = ["STYLE", "badge", "page", "paragraph", "table", "tables"]

STYLE = """<style>
div.smoothfit {overflow-x: auto}
div.smoothfit table {border-collapse: collapse; margin: 0.4em 0 0.8em 0; font-variant-numeric: tabular-nums}
div.smoothfit caption {caption-side: top; text-align: left; font-weight: bold; white-space: nowrap}
div.smoothfit th, div.smoothfit td {padding: 0.15em 1.2em 0.15em 0.2em; border: 0; white-space: pre}
div.smoothfit.shown th, div.smoothfit.shown td {text-align: left}
div.smoothfit.shown th.n, div.smoothfit.shown td.n {text-align: right}
div.smoothfit thead th {border-bottom: 1px solid currentColor}
div.smoothfit .badge {border-radius: 0.3em; padding: 0.1em 0.5em; font-weight: bold}
div.smoothfit .good {background: rgba(40, 160, 80, 0.25)}
div.smoothfit .doubtful {background: rgba(230, 160, 0, 0.3)}
div.smoothfit .bad {background: rgba(220, 50, 47, 0.3)}
</style>"""
"""Of a page, in a notebook. Backgrounds are transparent: the text keeps the colour that the page gives it.
Two classes outdo Jupyter's own rule, by which all cells stand to the right."""

# Spaces as wide as a digit, and as a point.
_DIGIT, _POINT = "\u2007", "\u2008"


def paragraph(text: str) -> str:
    """A paragraph of plain text.

    Examples
    --------
    >>> paragraph("a < b")
    '<p>a &lt; b</p>'
    """
    return f"<p>{escape(cell_text(text))}</p>"


def badge(text: str, kind: str) -> str:
    """A word that stands out: "good", "doubtful" or "bad".

    Examples
    --------
    >>> badge("valid", "good")
    '<p><span class="badge good">valid</span></p>'
    """
    return f'<p><span class="badge {kind}">{escape(cell_text(text))}</span></p>'


def _padded(cells: Sequence[Cell]) -> list[str]:
    """Cells as text; those of values end with spaces, so that right-aligned ± are below each other."""
    texts = [cell_text(cell) for cell in cells]
    errors = [
        t.partition(" ")[2] if isinstance(c, Measured) else "" for c, t in zip(cells, texts, strict=True)
    ]
    if not any(errors):
        return texts
    points = max(error.count(".") for error in errors)
    others = max(len(error) - error.count(".") for error in errors)

    def room(error: str) -> str:
        wide, narrow = others - len(error) + error.count("."), points - error.count(".")
        return _DIGIT * wide + _POINT * narrow

    return [
        text + room(error) if error else f"{text} {room('')}" if is_number(cell) else text
        for cell, text, error in zip(cells, texts, errors, strict=True)
    ]


def table(content: Table) -> str:
    """A table as an HTML fragment; numbers have the class "n".

    Examples
    --------
    >>> print(table(Table("", ["name", "bins"], [["<b>", 3]])))
    <table>
    <thead><tr><th>name</th><th class="n">bins</th></tr></thead>
    <tbody>
    <tr><td>&lt;b&gt;</td><td class="n">3</td></tr>
    </tbody>
    </table>
    """
    title, note = cell_text(content.title), cell_text(content.note)
    rows = list(content.rows)
    columns = [[row[i] for row in rows] for i in range(len(content.columns))]
    marks = [' class="n"' if _to_the_right(column) else "" for column in columns]
    heading = "".join(
        f"<th{mark}>{escape(cell_text(name))}</th>" for name, mark in zip(content.columns, marks, strict=True)
    )
    body = zip(*map(_padded, columns), strict=True)
    lines = ["<table>", *([f"<caption>{escape(title)}</caption>"] if title else [])]
    lines += [f"<thead><tr>{heading}</tr></thead>", "<tbody>"]
    lines += [
        f"<tr>{''.join(f'<td{m}>{escape(t)}</td>' for t, m in zip(row, marks, strict=True))}</tr>"
        for row in body
    ]
    lines += ["</tbody>", "</table>"]
    return "\n".join([*lines, *([paragraph(note)] if note else [])])


def _to_the_right(cells: Sequence[Cell]) -> bool:
    return numeric(cells) or any(isinstance(cell, Measured) for cell in cells)


def tables(contents: Iterable[Table]) -> str:
    """Tables below each other."""
    return "\n".join(table(content) for content in contents)


def page(paragraphs: Sequence[str], contents: Iterable[Table]) -> str:
    """All of a notebook's output: paragraphs, which are HTML, then tables.

    What is in names is not to be taken for LaTeX: ``$`` of two names would make a formula of all between.
    """
    inside = "\n".join([STYLE, *paragraphs, *map(table, contents)])
    return f'<div class="smoothfit shown tex2jax_ignore mathjax_ignore">\n{inside}\n</div>'
