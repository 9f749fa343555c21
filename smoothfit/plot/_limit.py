"""Limits: p-values along a parameter, and limits side by side with what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError
from ..render import number
from ..results import Interval, Limit
from ._limits import band_text, median, pairs, side_by_side
from ._plane import hide
from ._style import (
    BLACK,
    UP,
    check_record,
    heading,
    new_figure,
    parameter_text,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["limit"]

_LOWEST = 1e-3
"""Where the axis of p-values ends."""
_DENSE = 400
_RULES = {"cls": r"CL$_s$", "clsb": r"CL$_{s+b}$"}


@picture
def limit(
    record: Limit | Interval | Sequence[Limit],
    *,
    at: Sequence[Any] | None = None,
    label: str | None = None,
    theory: Sequence[float] | None = None,
    log: bool | None = None,
    n: int = 28,
    page: int = 1,
) -> Figure:
    """CLs along the parameter, with the limits where it crosses the level; or upper limits side by side.

    Expected limits are a dashed line with bands from the outermost pair inwards. Between the points that were
    tested curves are interpolated; ``upper_limit(points=25)`` tests more. A limit that was not found is left
    out, and so said; a blinded parameter stays hidden.

    Parameters
    ----------
    record
        What to draw, as from ``model.upper_limit`` or ``model.two_sided_limit``; or a list of upper limits,
        as of several masses.
    at
        Of a list: masses, or names; 1, 2, 3 ... by default.
    label
        Of a list: what ``at`` is, for the axis.
    theory
        Of a list: what is expected of the signal, a number each, drawn as a line.
    log
        Of a list: whether the axis of limits is logarithmic; decided by their range if None.
    n, page
        Of a list with names: how many a page has, and which page, from 1.

    Raises
    ------
    InvalidTypeError
        For something that is no record of a limit.
    InvalidValueError, ShapeMismatchError
        For an empty list, limits at different levels, numbers of limits and ``at`` or ``theory`` that differ,
        and a page that is not there.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> found = model.upper_limit(mu, [51.0, 42.0], points=9)
    >>> limit(found).axes[0].get_xlabel(), limit([found, found], at=[125, 130]).axes[0].get_ylabel()
    ('mu', '95% upper limit on mu')
    """
    if isinstance(record, list | tuple):
        return side_by_side(list(record), at, label, theory, log, n, page)
    if not isinstance(record, Limit | Interval):
        check_record("plot.limit", record, Limit, "model.upper_limit(...)")
    if at is not None or label is not None or theory is not None:
        raise InvalidValueError("plot.limit: at, label and theory are for a list of limits.")
    assert isinstance(record, Limit | Interval)
    figure = new_figure(5.8, 4.4)
    axes = figure.add_subplot()
    axes.set_xlabel(parameter_text(record.layout, record.poi))
    axes.set_ylabel(_RULES[record.rule])
    if record.hidden:
        hide(axes)
        return figure
    _draw_curves(record, axes)
    axes.axhline(1.0 - record.cl, color=UP, linewidth=1.0, label=f"{number(100.0 * record.cl)}% limits")
    axes.set_yscale("log")
    axes.set_ylim(min(_LOWEST, 0.2 * (1.0 - record.cl)), 1.5)
    heading(figure, "", *axes.get_legend_handles_labels(), columns=3)
    return figure


def _smooth(points: FloatArray, p: FloatArray, x: FloatArray) -> FloatArray:
    """p-values between points: a monotonic cubic in standard deviations, NaN outside the points."""
    from scipy.interpolate import PchipInterpolator
    from scipy.special import ndtr, ndtri

    good = np.isfinite(p) & (p > 0.0)
    if good.sum() < 2:
        return np.full(len(x), np.nan)
    z = ndtri(0.5 * np.minimum(p[good], 1.0))
    return np.asarray(2.0 * ndtr(PchipInterpolator(points[good], z, extrapolate=False)(x)))


def _draw_curves(record: Limit | Interval, axes: Axes) -> None:
    if not len(record.points):
        return
    x = np.linspace(record.points.min(), record.points.max(), _DENSE)
    if isinstance(record, Limit):
        _draw_expected(record, x, axes)
        ends, text = [record.observed], _limit_text(record.observed, record.status)
    else:
        ends = [record.lower, record.upper]
        statuses = (record.status_lower, record.status_upper)
        text = " to ".join(_limit_text(*end) for end in zip(ends, statuses, strict=True))
    tested = np.isfinite(record.p_values)
    observed = _smooth(record.points, record.p_values, x)
    axes.plot(x, observed, color=BLACK, linewidth=1.5, label=f"observed: {text}")
    axes.plot(record.points[tested], record.p_values[tested], "o", color=BLACK, markersize=2.5)
    for end in ends:
        _mark(axes, end, record.cl, "-")
    axes.set_xlim(x[0], x[-1])


def _draw_expected(record: Limit, x: FloatArray, axes: Axes) -> None:
    bands = [_smooth(record.points, p, x) for p in record.expected_p_values.T]
    for low, high, colour in pairs(record.n_sigma):
        text = band_text(record.n_sigma, low, high)
        axes.fill_between(x, bands[low], bands[high], color=colour, linewidth=0.0, label=text)
    middle = median(record.n_sigma)
    if middle is not None:
        text = f"expected: {_limit_text(record.expected[middle], record.expected_status[middle])}"
        axes.plot(x, bands[middle], "--", color=BLACK, linewidth=1.2, label=text)
        _mark(axes, float(record.expected[middle]), record.cl, "--")


def _mark(axes: Axes, value: float, cl: float, style: str) -> None:
    """A line down from where a curve crosses the level."""
    if np.isfinite(value):
        axes.plot([value, value], [1e-12, 1.0 - cl], style, color=UP, linewidth=0.8)


def _limit_text(value: float, status: str) -> str:
    return number(float(value), digits=4) if np.isfinite(value) else status
