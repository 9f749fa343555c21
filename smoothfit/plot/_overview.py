"""A fit on one page: yields before and after it, and the pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..results import Pulls, Yields
from ._channel import Panel, draw_channel
from ._pulls import PULL_HEIGHT, draw_pulls
from ._style import new_figure, picture
from ._yields import add_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

__all__ = ["overview"]

_ROW_HEIGHT, _SHORT_ROW = 3.1, 1.9
_COLUMN_WIDTH, _PULLS_WIDTH = 5.6, 4.6
_ROWS_WITH_RATIO = 12
_MOST_PULLS = 80


@picture
def overview(prefit: Yields, postfit: Yields | None = None, pulls: Pulls | None = None) -> Figure:
    """Yields of all channels before and after a fit, side by side, with the pulls beside them.

    What is not given is left out. The dashed line in the post-fit panels is the pre-fit total.
    With more than 12 channels the ratios are left out, with more than 80 nuisances the smaller
    pulls.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothfit.layout import ChannelInfo, ProcessInfo
    >>> bkg = ProcessInfo("bkg", ("bkg",), False, False)
    >>> nu = np.array([5.0, 4.0])
    >>> before = Yields("pre-fit", (ChannelInfo("SR", 0, 2),), (bkg,), {"bkg": nu}, nu, 0.1 * nu, nu)
    >>> pulls = Pulls(("lumi",), (None,), np.array([0.1]), np.array([0.9]))
    >>> len(overview(before, before.with_title("post-fit"), pulls).axes)
    5
    """
    records = [record.shown() for record in (prefit, postfit) if record is not None]
    has_pulls = pulls is not None and len(pulls) > 0
    count = len(prefit.channels)
    row_height = _ROW_HEIGHT if count <= _ROWS_WITH_RATIO else _SHORT_ROW
    lines = min(len(pulls), _MOST_PULLS) if pulls is not None else 0
    height = max(row_height * count + 1.0, PULL_HEIGHT * lines + 0.9, 4.0)
    widths = [_COLUMN_WIDTH * len(records)] + ([_PULLS_WIDTH] if has_pulls else [])
    figure = new_figure(sum(widths), height)
    parts = figure.subfigures(1, len(widths), width_ratios=widths, squeeze=False)[0]
    _draw_yields(parts[0], records)
    if pulls is not None and has_pulls:
        shown = pulls if len(pulls) <= _MOST_PULLS else pulls.largest(_MOST_PULLS)
        title = "Pulls" if len(shown) == len(pulls) else f"The {len(shown)} largest of {len(pulls)} pulls"
        draw_pulls(shown, parts[1].add_subplot(), title=title)
    return figure


def _draw_yields(figure: SubFigure, records: list[Yields]) -> None:
    prefit = records[0]
    count = len(prefit.channels)
    with_ratio = count <= _ROWS_WITH_RATIO
    parts = 2 if with_ratio else 1
    ratios = [2.6, 1.0] * count if with_ratio else [1.0] * count
    grid = figure.add_gridspec(parts * count, len(records), height_ratios=ratios)
    above = None
    for row, channel in enumerate(prefit.channels):
        pair = []
        for column, record in enumerate(records):
            other = None if column == 0 else prefit
            above = figure.add_subplot(grid[parts * row, column])
            pair.append(above)
            below = figure.add_subplot(grid[parts * row + 1, column], sharex=above) if with_ratio else None
            log = Panel(prefit, channel).is_log
            draw_channel(Panel(record, channel, other, log, record.title), above, below)
        # One scale for both.
        limits = [axes.get_ylim() for axes in pair]
        for axes in pair:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    if above is not None:
        add_legend(figure, above, 4 * len(records))
