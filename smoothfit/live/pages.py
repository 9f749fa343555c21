"""Lists of parameters, a page at a time: what is not looked at is not made."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from .parameters import Group, Parameter
from .rows import Row, Rows

__all__ = ["Page", "Section"]

_LENGTH = 8
"""Rows of a page."""


class Page:
    """A list of parameters, some of it shown, with buttons to go on and back."""

    def __init__(self, rows: Rows, members: Sequence[Parameter] = ()) -> None:
        self._rows = rows
        self._members: Sequence[Parameter] = members
        self._first = 0
        small = widgets.Layout(width="34px")
        self.before = widgets.Button(description="<", tooltip="previous parameters", layout=small)
        self.after = widgets.Button(description=">", tooltip="next parameters", layout=small)
        self.where = widgets.Label()
        self._turning = widgets.HBox((self.before, self.where, self.after))
        self._page = widgets.VBox(layout=widgets.Layout(width="100%"))
        self.box = widgets.VBox((self._page, self._turning), layout=widgets.Layout(width="100%"))
        self.before.on_click(lambda _: self._turn(-_LENGTH))
        self.after.on_click(lambda _: self._turn(_LENGTH))

    def _turn(self, by: int) -> None:
        self._first = min(max(self._first + by, 0), max(len(self._members) - 1, 0) // _LENGTH * _LENGTH)
        self.fill()

    def look_at(self, members: Sequence[Parameter]) -> None:
        """Show these, from the first page."""
        self._members, self._first = members, 0
        self.fill()

    @property
    def shown(self) -> list[Row]:
        """The rows on the page."""
        return [self._rows.row(p) for p in self._members[self._first : self._first + _LENGTH]]

    def fill(self) -> None:
        """Put the rows of the page in place."""
        shown, number = self.shown, len(self._members)
        for row in shown:
            row.refresh()
        self._page.children = tuple(row.box for row in shown)
        self._turning.layout.display = "flex" if number > _LENGTH else "none"
        self.where.value = f"{self._first + 1} to {self._first + len(shown)} of {number}"
        self.before.disabled = self._first == 0
        self.after.disabled = self._first + _LENGTH >= number


class Section:
    """A group under its heading, which folds it away; its page is made when it is first unfolded."""

    def __init__(self, rows: Rows, group: Group) -> None:
        self._rows, self._group = rows, group
        self.heading = widgets.Button(layout=widgets.Layout(width="auto"))
        self.heading.add_class("sf-heading")
        self.page: Page | None = None
        self.unfolded = False
        self.box = widgets.VBox((self.heading,), layout=widgets.Layout(width="100%"))
        self.heading.on_click(lambda _: self.fold(not self.unfolded))
        self.fold(group.unfolded)

    def fold(self, unfolded: bool) -> None:
        """Show what is in it, or do not."""
        self.unfolded = unfolded
        if unfolded:
            if self.page is None:
                self.page = Page(self._rows, self._group.members)
                self.box.children = (self.heading, self.page.box)
            self.page.fill()
        if self.page is not None:
            self.page.box.layout.display = "flex" if unfolded else "none"
        mark = "▾" if unfolded else "▸"
        self.heading.description = f"{mark} {self._group.title} ({len(self._group.members)})"

    @property
    def shown(self) -> list[Row]:
        """The rows that are seen."""
        return self.page.shown if self.unfolded and self.page is not None else []
