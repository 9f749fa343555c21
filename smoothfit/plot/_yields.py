"""Yields of channels as stacked histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..results import Yields
from ._channel import Panel, draw_channel, merged
from ._style import SLIDE, check_record, heading, label_text, new_figure, page_of, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["add_legend", "legend_rows", "yields"]

_WIDTH, _HEIGHT = 6.2, 4.2
_LEGEND_ROW = 0.2
_COLUMNS = {1: 1, 2: 2, 3: 2, 4: 2}
"""Of panels; of more channels three, of more than nine four."""


def legend_rows(record: Yields, columns: int) -> int:
    """Rows of a legend of the processes, the data and the lines."""
    return -(-(len(record.processes) + 3) // columns)


def add_legend(figure: Figure | SubFigure, axes: Axes, columns: int, title: str = "") -> None:
    """A legend above the panels, in the order of the stack from its top, the data first."""
    handles, labels = axes.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    # Data and lines first; the rest was drawn from the bottom of the stack.
    first = [name for name in ("Data", "Uncertainty") if name in entries]
    lines = [name for name in entries if name.startswith(("Total, ", "Uncertainty, "))]
    stack = [name for name in reversed(entries) if name not in first + lines]
    names = [*first, *lines, *stack]
    heading(figure, title, [entries[name] for name in names], names, columns=columns)


@picture
def yields(
    record: Yields,
    *,
    other: Yields | None = None,
    channels: Sequence[str] | None = None,
    log: bool | None = None,
    n: int = 9,
    page: int = 1,
) -> Figure:
    """Stacked processes with data, uncertainty and ratio, one panel a channel.

    Of more than 16 processes the smallest ones are drawn as one.

    Parameters
    ----------
    record
        What to draw, as from ``model.yields``.
    other
        Another record of the same model, as before the fit: a dashed line of its total, and its band in the
        ratio.
    channels
        Names of channels to draw, in this order; all by default.
    log
        Whether the axis of events is logarithmic; decided by the range of the yields if None.
    n, page
        How many channels a page has, and which page, from 1; :func:`pages` draws all.

    Raises
    ------
    UnknownNameError
        If there is no such channel.
    InvalidTypeError
        For something that is no record of yields.
    InvalidValueError
        For a page that is not there.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothfit.layout import ChannelInfo, ProcessInfo
    >>> bkg = ProcessInfo("bkg", ("bkg",), False, False, "Background")
    >>> nu = np.array([5.0, 4.0])
    >>> record = Yields("pre-fit", (ChannelInfo("SR", 0, 2),), (bkg,), {"bkg": nu}, nu, 0.1 * nu, nu)
    >>> len(yields(record).axes)  # events and ratio
    2
    """
    check_record("plot.yields", record, Yields, "model.yields(...)")
    if other is not None:
        check_record("plot.yields: other", other, Yields, "model.yields(...)")
    record, other = record.shown(), None if other is None else other.shown()
    every = record.channels if channels is None else [record.channel(name) for name in channels]
    at, which, pages = page_of("plot.yields", len(every), n, page)
    chosen = [every[i] for i in at]
    shown = merged(record)
    columns = _COLUMNS.get(len(chosen), 3 if len(chosen) <= 9 else 4) if chosen else 1
    rows = max(1, -(-len(chosen) // columns))
    legend_columns = 4 if columns == 1 else 7
    legend = _LEGEND_ROW * (1 + legend_rows(shown, legend_columns))
    width = 6.8 if columns == 1 else min(_WIDTH * columns, SLIDE[0])
    figure = new_figure(width, min(_HEIGHT * rows + legend + 0.2, SLIDE[1]), pages=pages)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[2.6 if rows > 2 else 3.0, 1.0] * rows)
    above = None
    for i, channel in enumerate(chosen):
        row, column = divmod(i, columns)
        above = figure.add_subplot(grid[2 * row, column])
        below = figure.add_subplot(grid[2 * row + 1, column], sharex=above)
        draw_channel(Panel(shown, channel, other, log), above, below)
    title = label_text(None, record.title, longest=90) + (f"   ({which})" if which else "")
    if above is None:
        heading(figure, title)
    else:
        add_legend(figure, above, legend_columns, title)
    return figure
