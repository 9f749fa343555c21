"""Contours of pairs of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidTypeError
from ..results import Contour, Contours
from ._plane import hide, mark_point, name_axes, standard_model
from ._style import BLUE, LEVELS, ORANGE, SLIDE, TINY, heading, new_figure, page_of, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["contour"]

_STYLES = ("-", "--", ":")
_PANEL = 4.4
_SMALL_PANEL = 2.4
_TRIANGLE = 6
"""Pairs of up to so many parameters are a triangle."""


@picture
def contour(record: Contour | Contours, *, sm: Any = None, n: int = 12, page: int = 1) -> Figure:
    """Regions of two parameters at joint confidence levels, with the best fit.

    Of several parameters there is one panel a pair: a triangle of up to six parameters, else pages. Points
    that sit on a bound are marked; where a point was not found the curve is open and its region is not
    filled. A blinded pair stays hidden.

    Parameters
    ----------
    record
        What to draw, as from ``model.contour`` or ``model.contours``.
    sm
        Where the standard model is, to be marked: two numbers, or a dict by name; of several pairs a dict.
    n, page
        Of the pairs of more than six parameters: how many a page has, and which page, from 1.

    Raises
    ------
    InvalidTypeError
        For something that is no record of contours.
    InvalidValueError, ShapeMismatchError
        For a page that is not there; for ``sm`` that is no point.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> record = model.contour(mu, norm, model.fit([150.0, 401.0]), cl=(0.68, 0.95), points=16)
    >>> [text.get_text() for text in contour(record).legends[0].get_texts()]
    ['68%', '95%', 'best fit']
    """
    if isinstance(record, Contour):
        point = standard_model(record.names, sm, "plot.contour")
        figure = new_figure(_PANEL * 1.2, _PANEL + 0.3)
        axes = figure.add_subplot()
        _draw(record, axes, point)
        heading(figure, "", *axes.get_legend_handles_labels(), columns=6)
        return figure
    if not isinstance(record, Contours):
        raise InvalidTypeError(
            f"plot.contour draws a Contour or Contours record, got {type(record).__name__}; give it "
            "model.contour(...) or model.contours(...)."
        )
    if sm is not None and not isinstance(sm, Mapping):
        raise InvalidTypeError(
            f"plot.contour: of several pairs sm is a dict by name, got {type(sm).__name__}; "
            f"give {{name: value}} for {', '.join(record.names)}."
        )
    names = record.names
    places, which, pages = _places(record, n, page)
    across = max((column for _, _, column in places), default=0) + 1
    down = max((row for _, row, _ in places), default=0) + 1
    figure = new_figure(
        min(max(_SMALL_PANEL * across + 0.6, 4.4), SLIDE[0]),
        min(_SMALL_PANEL * down + 0.5, SLIDE[1]),
        pages=pages,
    )
    grid = figure.add_gridspec(down, across)
    entries: dict[str, Any] = {}
    for one, row, column in places:
        axes = figure.add_subplot(grid[row, column])
        _draw(one, axes, standard_model(one.names, sm, "plot.contour"))
        name_axes(one.layout, one.names, axes, size=TINY, longest=22)
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.locator_params(nbins=4)
        if len(names) <= _TRIANGLE:
            if row < down - 1:
                axes.set_xlabel("")
            if column > 0:
                axes.set_ylabel("")
    heading(figure, which, list(entries.values()), list(entries), columns=6)
    return figure


def _places(record: Contours, n: int, page: int) -> tuple[list[tuple[Contour, int, int]], str, int]:
    """(contour, row, column) of each panel, which page it is in words, and how many pages there are."""
    names = record.names
    if len(names) <= _TRIANGLE:
        _, which, pages = page_of("plot.contour", 1, 1, page)
        return [(c, names.index(c.names[1]) - 1, names.index(c.names[0])) for c in record], which, pages
    at, which, pages = page_of("plot.contour", len(record), n, page)
    columns = min(4, len(at))
    return [(record[k], *divmod(i, columns)) for i, k in enumerate(at)], which, pages


def _draw(record: Contour, axes: Axes, point: FloatArray | None) -> None:
    name_axes(record.layout, record.names, axes)
    if record.hidden:
        hide(axes)
        return
    order = np.argsort(record.levels)
    for k in reversed(range(len(order))):
        curve = record.points[order[k]]
        if np.all(record.success[order[k]]):
            axes.fill(*curve.T, color=LEVELS[min(k, len(LEVELS) - 1)], linewidth=0.0, zorder=1)
    for k, i in enumerate(order):
        style = _STYLES[min(k, len(_STYLES) - 1)]
        axes.plot(
            *record.points[i].T, style, color=BLUE, linewidth=1.3, label=f"{100 * record.levels[i]:.4g}%"
        )
    on_bound = record.status[:, :-1] == 1
    if np.any(on_bound):
        at = record.points[:, :-1][on_bound]
        axes.plot(*at.T, ".", color=ORANGE, markersize=4.0, label="on a bound")
    lost = int(np.sum(record.status[:, :-1] > 1))
    mark_point(axes, record.best, "best")
    if point is not None:
        mark_point(axes, point, "sm")
    if lost:
        axes.plot([], [], " ", label=f"{lost} points not found")
