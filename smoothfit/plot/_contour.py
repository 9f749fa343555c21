"""Contours of pairs of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidTypeError
from ..results import Contour, Contours
from ._scan import hide, name_axes
from ._style import TINY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["contour"]

_COLOUR = "#1f4e79"
_LIGHT = ("#7fa7d1", "#bcd2e8", "#dfeaf4")
"""Fill of the smallest region first."""
_STYLES = ("-", "--", ":")
_BOUND = "#e76300"
_PANEL = 4.4
_SMALL_PANEL = 2.7


def contour(record: Contour | Contours) -> Figure:
    """Regions of two parameters at joint confidence levels, with the best fit.

    Of several parameters there is one panel a pair. Points that sit on a bound are marked; where a point was
    not found the curve is open and its region is not filled. A blinded pair stays hidden.

    Parameters
    ----------
    record
        What to draw, as from ``model.contour`` or ``model.contours``.

    Raises
    ------
    InvalidTypeError
        For something that is no record of contours.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> record = model.contour(mu, norm, model.fit([150.0, 401.0]), cl=(0.68, 0.95), points=16)
    >>> [text.get_text() for text in contour(record).axes[0].get_legend().get_texts()]
    ['68%', '95%', 'best fit']
    """
    if isinstance(record, Contour):
        figure = new_figure(_PANEL * 1.2, _PANEL)
        axes = figure.add_subplot()
        _draw(record, axes)
        if not record.hidden:
            axes.legend(fontsize=TINY, frameon=False)
        return figure
    if not isinstance(record, Contours):
        raise InvalidTypeError(
            f"plot.contour draws a Contour or Contours record, got {type(record).__name__}; give it "
            "model.contour(...) or model.contours(...)."
        )
    names = record.names
    panels = len(names) - 1
    figure = new_figure(_SMALL_PANEL * panels + 0.6, _SMALL_PANEL * panels + 0.4)
    grid = figure.add_gridspec(panels, panels)
    entries: dict[str, Any] = {}
    for one in record:
        column, row = names.index(one.names[0]), names.index(one.names[1]) - 1
        axes = figure.add_subplot(grid[row, column])
        _draw(one, axes)
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        if row < panels - 1:
            axes.set_xlabel("")
        if column > 0:
            axes.set_ylabel("")
    if entries:
        figure.legend(
            list(entries.values()),
            list(entries),
            loc="outside upper right",
            fontsize=TINY,
            frameon=False,
            ncols=len(entries),
        )
    return figure


def _draw(record: Contour, axes: Axes) -> None:
    name_axes(record.layout, record.names, axes)
    axes.tick_params(labelsize=TINY)
    if record.hidden:
        hide(axes)
        return
    order = np.argsort(record.levels)
    for k in reversed(range(len(order))):
        curve = record.points[order[k]]
        if np.all(record.success[order[k]]):
            axes.fill(*curve.T, color=_LIGHT[min(k, len(_LIGHT) - 1)], linewidth=0.0, zorder=1)
    for k, i in enumerate(order):
        style = _STYLES[min(k, len(_STYLES) - 1)]
        axes.plot(
            *record.points[i].T, style, color=_COLOUR, linewidth=1.3, label=f"{100 * record.levels[i]:.4g}%"
        )
    on_bound = record.status[:, :-1] == 1
    if np.any(on_bound):
        at = record.points[:, :-1][on_bound]
        axes.plot(*at.T, ".", color=_BOUND, markersize=4.0, label="on a bound")
    lost = int(np.sum(record.status[:, :-1] > 1))
    axes.plot(*record.best, "+", color="black", markersize=9.0, label="best fit")
    if lost:
        axes.plot([], [], " ", label=f"{lost} points not found")
