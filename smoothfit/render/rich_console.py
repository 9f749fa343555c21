"""Tables for consoles of the package rich, which asks for them; it is imported only then."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from .cells import Measured, cell_text
from .table import Table
from .text import aligned, numeric

__all__ = ["page", "table"]


def table(content: Table) -> Any:
    """A ``rich.table.Table``; nothing in it is taken for rich's markup."""
    rich_table, rich_text = (importlib.import_module(f"rich.{name}") for name in ("table", "text"))
    rows = list(content.rows)
    title, note = (
        rich_text.Text(cell_text(text)) if text else None for text in (content.title, content.note)
    )
    made = rich_table.Table(
        title=title,
        caption=note,
        box=importlib.import_module("rich.box").SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    columns = [[row[i] for row in rows] for i in range(len(content.columns))]
    for name, cells in zip(content.columns, columns, strict=True):
        plain = numeric(cells) or any(isinstance(cell, Measured) for cell in cells)
        made.add_column(
            rich_text.Text(cell_text(name)),
            justify="right" if numeric(cells) else "left",
            no_wrap=plain,
            overflow="fold",
        )
    for entries in zip(*map(aligned, columns), strict=True):
        made.add_row(*map(rich_text.Text, entries))
    return made


def page(lines: Iterable[str], contents: Iterable[Table]) -> Any:
    """Lines, then tables."""
    group = importlib.import_module("rich.console").Group
    text = importlib.import_module("rich.text").Text
    return group(*(text(line) for line in lines), *map(table, contents))
