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
    """The table between its title and its note; nothing in it is taken for rich's markup."""
    text = importlib.import_module("rich.text").Text
    box = importlib.import_module("rich.box").SIMPLE_HEAD
    made = importlib.import_module("rich.table").Table(box=box, pad_edge=False, show_edge=False)
    rows = list(content.rows)
    columns = [[row[i] for row in rows] for i in range(len(content.columns))]
    for name, cells in zip(content.columns, columns, strict=True):
        side = "right" if numeric(cells) else "left"
        whole = numeric(cells) or any(isinstance(cell, Measured) for cell in cells)
        made.add_column(text(cell_text(name)), justify=side, no_wrap=whole, overflow="fold")
    for entries in zip(*map(aligned, columns), strict=True):
        made.add_row(*map(text, entries))
    above = [text(cell_text(content.title), style="bold")] if content.title else []
    below = [text(cell_text(content.note))] if content.note else []
    return importlib.import_module("rich.console").Group(*above, made, *below)


def page(lines: Iterable[str], contents: Iterable[Table]) -> Any:
    """Lines, then tables with an empty line before each."""
    group = importlib.import_module("rich.console").Group
    text = importlib.import_module("rich.text").Text
    parts = [part for content in contents for part in (text(), table(content))]
    above = [text(line) for line in lines]
    return group(*above, *(parts if above else parts[1:]))
