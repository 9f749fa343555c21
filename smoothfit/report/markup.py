"""Small pieces of HTML. Whatever comes from a user or a file is escaped here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from ..render.table import cell_text

__all__ = ["buttons", "facts", "item_list", "paragraph", "section", "status", "table_place", "text"]


def text(content: str) -> str:
    """Text for an element or an attribute: one line, without control characters.

    Examples
    --------
    >>> text('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return escape(cell_text(content), quote=True)


def paragraph(content: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{text(kind)}">{text(content)}</p>' if kind else f"<p>{text(content)}</p>"


def item_list(items: Iterable[str]) -> str:
    """A list of plain texts."""
    return f'<ul class="list">{"".join(f"<li>{text(item)}</li>" for item in items)}</ul>'


def facts(entries: Mapping[str, str], kind: str = "facts") -> str:
    """Names with what there is to say."""
    found = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in entries.items())
    if kind == "facts":
        found = "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in entries.items())
    return f'<dl class="{text(kind)}">{found}</dl>'


def status(kind: str, words: str, *lines: str) -> str:
    """A coloured box whose first words say what its colour does."""
    shown = "".join(paragraph(line) for line in lines)
    return f'<div class="status {text(kind)}"><p><strong>{text(words)}</strong></p>{shown}</div>'


def table_place(name: str) -> str:
    """Where the script puts a table."""
    return f'<div data-table="{text(name)}"></div>'


def buttons(of: Mapping[str, str]) -> str:
    """Buttons that save a file: {what: words}."""
    made = (
        f'<button type="button" data-download="{text(what)}">{text(words)}</button>'
        for what, words in of.items()
    )
    return f'<div class="buttons">{"".join(made)}</div>'


def section(name: str, title: str, *content: str) -> str:
    """A section with a heading, which the navigation leads to."""
    body = "\n".join(part for part in content if part)
    heading = f'<h2 id="{text(name)}-title">{text(title)}</h2>'
    return f'<section id="{text(name)}" aria-labelledby="{text(name)}-title">\n{heading}\n{body}\n</section>'
