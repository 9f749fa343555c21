"""A figure that keeps its style. Imports matplotlib: to be imported where a figure is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from ._style import styled

__all__ = ["Picture"]


class Picture(Figure):
    """A figure that is drawn in the style it was made in, whatever matplotlib's settings are by then.

    Ticks, for one, are made when a figure is drawn.
    """

    pages: int
    """How many pages its list has, of which this is one."""
    again: Callable[..., Figure] | None
    """Draws another page of it, ``page=2``; None of a figure of one page."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        with styled() as style:
            self._style, self.pages, self.again = style, 1, None
            super().__init__(*arguments, **options)

    def draw(self, renderer: Any) -> None:
        """Draw it; its own settings hold meanwhile."""
        for axes in self.axes:
            # A power of ten for all ticks would stand on the name of the axis, which is at its end.
            axes.xaxis.get_offset_text().set(x=0.0, horizontalalignment="left")
        with styled(self._style):
            super().draw(renderer)

    def reserve(self, inches: float) -> None:
        """Grow, and keep so much of the top free of panels and legends."""
        width, height = self.get_size_inches()
        self.set_size_inches(width, height + inches)
        if self.legends:
            # A legend outside the panels stands at the top whatever the layout is told: so it grows itself.
            for legend in self.legends:
                title = legend.get_title()
                lines = round(72.0 * inches / (1.2 * float(title.get_fontsize())))
                legend.set_title("\n" * lines + title.get_text())
                title.set_visible(True)
            return
        engine: Any = self.get_layout_engine()
        left, bottom, across, up = engine.get()["rect"]
        engine.set(rect=(left, bottom, across, up * height / (height + inches)))
