"""Limits: p-values along a parameter, and limits side by side with what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from ..render import number
from ..results import Interval, Limit
from ._scan import hide
from ._style import (
    BLACK,
    SLIDE,
    SMALL,
    UP,
    check_record,
    heading,
    label_text,
    name_lines,
    new_figure,
    page_of,
    parameter_text,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["limit"]

# The colours of the CMS guidelines for figures, which the colour-blind can tell apart.
_BANDS = ("#f5bb54", "#607641", "#8fa870")
_LOWEST = 1e-3
"""Where the axis of p-values ends."""
_DENSE = 400
_LOG_FROM = 60.0
"""Ratio of the largest to the smallest limit from which their axis is logarithmic."""
_MARKED = 60
"""Up to so many limits each is marked."""
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
        return _side_by_side(list(record), at, label, theory, log, n, page)
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


def _pairs(n_sigma: FloatArray) -> Iterator[tuple[int, int, str]]:
    """(low, high, colour) of the bands, the outermost first."""
    order = np.argsort(n_sigma, kind="stable")
    for k in range(len(order) // 2):
        yield int(order[k]), int(order[-1 - k]), _BANDS[min(k, len(_BANDS) - 1)]


def _median(n_sigma: FloatArray) -> int | None:
    """Which band is the median."""
    found = np.flatnonzero(n_sigma == 0.0)
    return int(found[0]) if len(found) else None


def _band_text(n_sigma: FloatArray, low: int, high: int) -> str:
    if -n_sigma[low] == n_sigma[high]:
        return rf"expected $\pm{number(float(n_sigma[high]), digits=3)}\,\sigma$"
    from scipy.special import ndtr

    content = 100.0 * float(ndtr(n_sigma[high]) - ndtr(n_sigma[low]))
    return f"expected {number(content, digits=3)}%"


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
    for low, high, colour in _pairs(record.n_sigma):
        text = _band_text(record.n_sigma, low, high)
        axes.fill_between(x, bands[low], bands[high], color=colour, linewidth=0.0, label=text)
    middle = _median(record.n_sigma)
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


def _side_by_side(
    records: list[Limit],
    at: Sequence[Any] | None,
    label: str | None,
    theory: Sequence[float] | None,
    log: bool | None,
    n: int,
    page: int,
) -> Figure:
    for one in records:
        check_record("plot.limit", one, Limit, "model.upper_limit(...), or a list of them")
    if not records:
        raise InvalidValueError("plot.limit: the list of limits is empty.")
    first = records[0]
    same = all(r.cl == first.cl and np.array_equal(r.n_sigma, first.n_sigma) for r in records)
    if not same:
        raise InvalidValueError("plot.limit: limits side by side need one cl, and the same quantiles.")
    given = list(range(1, len(records) + 1)) if at is None else list(at)
    for what, entries in (("at", given), ("theory", theory)):
        if entries is not None and len(entries) != len(records):
            raise ShapeMismatchError(
                f"plot.limit: {len(records)} limits, {what} has {len(entries)} entries; one each."
            )
    lines = np.full(len(records), np.nan) if theory is None else np.asarray(theory, dtype=float)
    name = parameter_text(first.layout, first.poi)
    title = f"{100.0 * first.cl:.6g}% upper limit on {name}"
    if any(isinstance(entry, str) for entry in given):
        positions, which, pages = page_of("plot.limit", len(records), n, page)
        shown = [records[i] for i in positions]
        figure = new_figure(7.6, min(0.26 * len(shown) + 1.5, SLIDE[1]), pages=pages)
        axes = figure.add_subplot()
        axes.set_xlabel(title)
        if which:
            axes.set_title(which, fontsize=SMALL, loc="left")
        drawn, places, upright = _Drawn(shown, lines[list(positions)]), np.arange(float(len(shown))), False
    else:
        x = np.asarray(given, dtype=float)
        order = np.argsort(x, kind="stable")
        figure = new_figure(6.4, 4.6)
        axes = figure.add_subplot()
        axes.set_ylabel(title)
        axes.set_xlabel(label_text(label, label) if label else "")
        drawn, places, upright = _Drawn([records[i] for i in order], lines[order]), x[order], True
    if any(one.hidden for one in records):
        hide(axes)
        return figure
    if upright:
        _draw_along(drawn, places, axes)
        axes.set_xlim(places[0] - (len(places) == 1), places[-1] + (len(places) == 1))
    else:
        _draw_lines(drawn, axes)
        name_lines(axes, [label_text(None, str(given[i])) for i in positions])
        if label:
            axes.set_ylabel(label_text(label, label))
    _scale(drawn, log, axes, upright=upright)
    heading(figure, "", *axes.get_legend_handles_labels(), columns=3)
    return figure


class _Drawn:
    """Limits, as columns."""

    def __init__(self, records: list[Limit], theory: FloatArray) -> None:
        self.expected = np.array([one.expected for one in records])
        self.observed = np.array([one.observed for one in records])
        self.n_sigma = records[0].n_sigma
        self.middle = _median(self.n_sigma)
        self.theory = theory

    @property
    def lost(self) -> BoolArray:
        """(limit,): without an observed limit."""
        return np.asarray(~np.isfinite(self.observed))


def _lost_text(drawn: _Drawn) -> str:
    return f"{int(drawn.lost.sum())} without an observed limit"


def _draw_along(drawn: _Drawn, x: FloatArray, axes: Axes) -> None:
    """Upper limits at numbers: curves, or points if there is one."""
    alone = len(x) == 1
    for low, high, colour in _pairs(drawn.n_sigma):
        style: dict[str, Any] = {
            "color": colour,
            "label": _band_text(drawn.n_sigma, low, high),
            "linewidth": 0.0,
        }
        bottom, top = drawn.expected[:, low], drawn.expected[:, high]
        if alone:
            axes.bar(x, top - bottom, bottom=bottom, width=0.5, **style)
        else:
            axes.fill_between(x, bottom, top, **style)
    if drawn.middle is not None:
        style = {"marker": "_", "markersize": 24.0, "linestyle": ""} if alone else {"linestyle": "--"}
        axes.plot(x, drawn.expected[:, drawn.middle], color=BLACK, linewidth=1.2, label="expected", **style)
    few = len(x) <= _MARKED
    style = {"marker": "o" if few else None, "linestyle": "" if alone else "-", "markersize": 4.0}
    axes.plot(x, drawn.observed, color=BLACK, linewidth=1.4, label="observed", **style)
    if np.any(np.isfinite(drawn.theory)):
        axes.plot(x, drawn.theory, color=UP, linestyle="-.", linewidth=1.4, label="theory")
    if drawn.lost.any():
        foot = np.zeros(int(drawn.lost.sum()))
        across = axes.get_xaxis_transform()
        text = _lost_text(drawn)
        axes.plot(x[drawn.lost], foot, "x", color=UP, transform=across, clip_on=False, label=text)


def _draw_lines(drawn: _Drawn, axes: Axes) -> None:
    """Upper limits with names: a line each."""
    lines = np.arange(float(len(drawn.observed)))
    for low, high, colour in _pairs(drawn.n_sigma):
        left, right = drawn.expected[:, low], drawn.expected[:, high]
        text = _band_text(drawn.n_sigma, low, high)
        axes.barh(lines, right - left, 0.7, left=left, color=colour, linewidth=0.0, label=text)
    marks = [("observed", drawn.observed, "o", BLACK, 4.0), ("theory", drawn.theory, "D", UP, 3.5)]
    if drawn.middle is not None:
        marks.insert(0, ("expected", drawn.expected[:, drawn.middle], "|", BLACK, 10.0))
    for text, values, marker, colour, size in marks:
        if text != "theory" or np.any(np.isfinite(values)):
            axes.plot(values, lines, marker, color=colour, markersize=size, label=text)
    if drawn.lost.any():
        foot = np.zeros(int(drawn.lost.sum()))
        across, text = axes.get_yaxis_transform(), _lost_text(drawn)
        axes.plot(foot, lines[drawn.lost], "x", color=UP, transform=across, clip_on=False, label=text)


def _scale(drawn: _Drawn, log: bool | None, axes: Axes, *, upright: bool) -> None:
    shown = np.concatenate([drawn.expected.ravel(), drawn.observed, drawn.theory])
    shown = shown[np.isfinite(shown)]
    positive = bool(shown.size) and float(shown.min()) > 0.0
    wide = positive and float(shown.max()) > _LOG_FROM * float(shown.min())
    if wide if log is None else log and positive:
        (axes.set_yscale if upright else axes.set_xscale)("log")
    elif positive or not shown.size:
        (axes.set_ylim if upright else axes.set_xlim)(0.0)
