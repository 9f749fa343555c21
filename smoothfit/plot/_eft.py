"""Scans of a coefficient whose NLL may have several minima."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..render import number
from ..results import Scan
from ..results.levels import joint_level
from ._plane import NLL_TEXT, draw_map, hide, highest, standard_model
from ._scan import check_scans, draw_curve, kind, level_lines
from ._style import BLACK, FAINT, GREY, LINES, PALE, heading, new_figure, parameter_text, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["eft"]

_TOP = 12.0
"""Where the axis ends: quadratics rise steeply."""
_SHADED = ((0.95, PALE), (0.68, FAINT))


@picture
def eft(
    record: Scan, *others: Scan, labels: Sequence[str] | None = None, sm: Any = 0.0, cl: float = 0.95
) -> Figure:
    """The NLL along a coefficient, as with its square and without, or with nuisances held; or over two.

    Every minimum is marked. What the first record allows at 68% and 95% is shaded, be it in several pieces;
    the legend has the allowed values of each record. The line is the standard model.

    Parameters
    ----------
    record, *others
        What to draw, as from ``model.scan``; several of the same coefficient, or one of two coefficients.
    labels
        What to call the curves in the legend, one a record.
    sm
        Where the standard model is; of two coefficients a number each, or a dict by name.
    cl
        The confidence level of the values in the legend.

    Raises
    ------
    InvalidTypeError
        For something that is no record of a scan.
    InvalidValueError
        For scans of different coefficients, and for more than two.
    ShapeMismatchError
        For labels or ``sm`` that are not one each.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> c = Variable("c", 0.5)
    >>> tt = Process("tt", [100.0, 20.0]).scale_by_fn(lambda x: (1.0 + 0.2 * x + x**2)[None], c)
    >>> model = Model().add_proc(tt).prepare()
    >>> record = model.scan(c, np.linspace(-2.0, 2.0, 41), model.fit([150.0, 30.0]))
    >>> eft(record).axes[0].get_xlabel()
    'c'
    """
    records = [record, *others]
    check_scans("plot.eft", records, labels, of="coefficient")
    of_all = sm if not np.isscalar(sm) else [sm] * len(record.names)
    point = standard_model(record.names, of_all, "plot.eft")
    if len(record.names) == 2:
        return draw_map(record, point)
    figure = new_figure(6.4, 4.8)
    axes = figure.add_subplot()
    axes.set_xlabel(parameter_text(record.layout, record.names[0]))
    axes.set_ylabel(NLL_TEXT)
    if any(one.hidden for one in records):
        hide(axes)
        return figure
    names = [kind(one) for one in records] if labels is None else list(labels)
    _draw(records, names, point, cl, axes)
    heading(figure, "", *axes.get_legend_handles_labels(), columns=1 if max(map(len, names)) > 30 else 2)
    return figure


def _draw(records: list[Scan], names: list[str], point: FloatArray | None, cl: float, axes: Axes) -> None:
    top = min(_TOP, max(1.2, 1.05 * max(highest(one) for one in records)))
    for level, colour in _SHADED:
        for low, high in _allowed(records[0], level):
            axes.axvspan(low, high, color=colour, zorder=0)
    low, high = (float(end) for end in (records[0].points.min(), records[0].points.max()))
    for k, (one, name) in enumerate(zip(records, names, strict=True)):
        pieces = " or ".join(_piece(one, *ends) for ends in _allowed(one, cl))
        text = f"{name}: {pieces or 'nothing allowed'} ({100.0 * cl:.4g}%)"
        draw_curve(one, k, text, axes, interval=False)
        minima = _minima(one)
        axes.plot(
            *minima.T,
            linestyle="none",
            marker="v",
            markersize=6.0,
            markerfacecolor="white",
            markeredgecolor=LINES[k % len(LINES)],
            clip_on=False,
            zorder=5,
        )
        low, high = min(low, float(one.points.min())), max(high, float(one.points.max()))
    axes.plot(
        [], [], linestyle="none", marker="v", markerfacecolor="white", markeredgecolor=GREY, label="minima"
    )
    if point is not None:
        axes.axvline(point[0], color=BLACK, linestyle="-.", linewidth=1.0, zorder=1, label="SM")
        low, high = min(low, point[0]), max(high, point[0])
    axes.set_xlim(low, high)
    axes.set_ylim(
        0.0 if min(float(np.nanmin(r.delta_nll, initial=0.0)) for r in records) > -0.05 else None, top
    )
    level_lines(axes, top)


def _known(record: Scan) -> tuple[FloatArray, FloatArray]:
    """Points that converged, and the best fit among them, ascending: (value, 2 delta NLL)."""
    value = np.append(record.points[record.success], record.best[0])
    rise = np.append(2.0 * record.delta_nll[record.success], 0.0)
    value, at = np.unique(value, return_index=True)
    return value, rise[at]


def _allowed(record: Scan, cl: float) -> list[tuple[float, float]]:
    """Where the curve is below a level, piece by piece; cut at the ends of the scan."""
    value, rise = _known(record)
    if len(value) < 2:
        return []
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(value, rise)
    ends = np.unique(curve.solve(2.0 * joint_level(cl, 1, "plot.eft"), extrapolate=False))
    ends = np.concatenate([value[:1], ends[np.isfinite(ends)], value[-1:]])
    inside = curve(0.5 * (ends[1:] + ends[:-1])) < 2.0 * joint_level(cl, 1, "plot.eft")
    return [
        (float(low), float(high))
        for low, high, below in zip(ends[:-1], ends[1:], inside, strict=True)
        if below and high > low
    ]


def _piece(record: Scan, low: float, high: float) -> str:
    """An interval in words; the end of a scan is no end of it."""
    first, last = (float(end) for end in (_known(record)[0][0], _known(record)[0][-1]))
    if low <= first and high >= last:
        return "all"
    if low <= first:
        return f"below {number(high, digits=3)}"
    if high >= last:
        return f"above {number(low, digits=3)}"
    return f"{number(low, digits=3)} to {number(high, digits=3)}"


def _minima(record: Scan) -> FloatArray:
    """(minimum, 2): value and rise of the best fit and of every other one among the points."""
    value, rise = _known(record)
    lower = np.diff(rise)
    at = 1 + np.flatnonzero((lower[:-1] < 0.0) & (lower[1:] > 0.0))
    found = np.stack([value[at], rise[at]], axis=1)
    best = np.array([[record.best[0], 0.0]])
    return np.unique(np.concatenate([found, best]), axis=0)
