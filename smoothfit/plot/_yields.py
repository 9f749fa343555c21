"""Yields of channels as stacked histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..results import Yields
from ._channel import Panel, draw_channel
from ._style import SMALL, check_record, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["add_legend", "legend_rows", "yields"]

_WIDTH, _HEIGHT = 6.4, 4.6
_LEGEND_ROW = 0.24


def legend_rows(record: Yields, columns: int) -> int:
    """Rows of a legend of the processes, the data and the lines."""
    return -(-(len(record.processes) + 3) // columns)


def add_legend(figure: Figure | SubFigure, axes: Axes, columns: int) -> None:
    """A legend above the panels, in the order of the stack from its top, the data first."""
    handles, labels = axes.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    # Data and lines first; the rest was drawn from the bottom of the stack.
    first = [name for name in ("Data", "Uncertainty") if name in entries]
    lines = [name for name in entries if name.startswith("Total, ")]
    stack = [name for name in reversed(entries) if name not in first + lines]
    names = [*first, *lines, *stack]
    figure.legend(
        [entries[name] for name in names],
        names,
        loc="outside upper center",
        ncols=min(columns, len(names)),
        fontsize=SMALL,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.4,
    )


def yields(
    record: Yields,
    *,
    other: Yields | None = None,
    channels: Sequence[str] | None = None,
    log: bool | None = None,
) -> Figure:
    """Stacked processes with data, uncertainty and ratio, one panel a channel.

    Parameters
    ----------
    record
        What to draw, as from ``model.yields``.
    other
        Another record of the same model, drawn as a dashed line of its total.
    channels
        Names of channels to draw, in this order; all by default.
    log
        Whether the axis of events is logarithmic; decided by the range of the yields if None.

    Raises
    ------
    UnknownNameError
        If there is no such channel.
    InvalidTypeError
        For something that is no record of yields.
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
    record, other = record.shown(), None if other is None else other.shown()
    chosen = record.channels if channels is None else [record.channel(name) for name in channels]
    columns = min(2, max(1, len(chosen)))
    rows = -(-len(chosen) // columns)
    legend_columns = 3 if columns == 1 else 6
    legend = _LEGEND_ROW * legend_rows(record, legend_columns)
    figure = new_figure(_WIDTH * columns if columns > 1 else 7.0, _HEIGHT * rows + legend + 0.2)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[3.0, 1.0] * rows)
    above = None
    for i, channel in enumerate(chosen):
        row, column = divmod(i, columns)
        above = figure.add_subplot(grid[2 * row, column])
        below = figure.add_subplot(grid[2 * row + 1, column], sharex=above)
        draw_channel(Panel(record, channel, other, log), above, below)
    if above is not None:
        add_legend(figure, above, legend_columns)
    figure.suptitle(label_text(None, record.title), fontsize=SMALL + 2, x=0.01, ha="left")
    return figure
