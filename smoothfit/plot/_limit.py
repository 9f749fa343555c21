"""Limits: p-values along a parameter, and limits side by side with what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from ..render import number
from ..results import Interval, Limit
from ._scan import hide
from ._style import SMALL, TINY, check_record, label_text, new_figure, parameter_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["limit"]

# The colours of the CMS guidelines for figures, which the colour-blind can tell apart.
_BANDS = ("#f5bb54", "#607641", "#8fa870")
_OBSERVED = "#000000"
_LEVEL = "#bd1f01"
_LOWEST = 1e-3
"""Where the axis of p-values ends."""
_DENSE = 400
_RULES = {"cls": r"CL$_s$", "clsb": r"CL$_{s+b}$"}


def limit(
    record: Limit | Interval | Sequence[Limit],
    *,
    at: Sequence[Any] | None = None,
    label: str | None = None,
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

    Raises
    ------
    InvalidTypeError
        For something that is no record of a limit.
    InvalidValueError, ShapeMismatchError
        For an empty list, limits at different levels, and numbers of limits and ``at`` that differ.
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
        return _side_by_side(list(record), at, label)
    if not isinstance(record, Limit | Interval):
        check_record("plot.limit", record, Limit, "model.upper_limit(...)")
    if at is not None or label is not None:
        raise InvalidValueError("plot.limit: at and label are for a list of limits.")
    assert isinstance(record, Limit | Interval)
    figure = new_figure(5.8, 4.4)
    axes = figure.add_subplot()
    axes.set_xlabel(parameter_text(record.layout, record.poi), fontsize=SMALL)
    axes.set_ylabel(_RULES[record.rule], fontsize=SMALL)
    if record.hidden:
        hide(axes)
        return figure
    _draw_curves(record, axes)
    axes.axhline(1.0 - record.cl, color=_LEVEL, linewidth=1.0, label=f"{number(100.0 * record.cl)}% limits")
    axes.set_yscale("log")
    axes.set_ylim(min(_LOWEST, 0.2 * (1.0 - record.cl)), 1.5)
    axes.tick_params(labelsize=TINY)
    axes.legend(fontsize=TINY, frameon=False, loc="lower left")
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
    axes.plot(x, observed, color=_OBSERVED, linewidth=1.5, label=f"observed: {text}")
    axes.plot(record.points[tested], record.p_values[tested], "o", color=_OBSERVED, markersize=2.5)
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
        axes.plot(x, bands[middle], "--", color=_OBSERVED, linewidth=1.2, label=text)
        _mark(axes, float(record.expected[middle]), record.cl, "--")


def _mark(axes: Axes, value: float, cl: float, style: str) -> None:
    """A line down from where a curve crosses the level."""
    if np.isfinite(value):
        axes.plot([value, value], [1e-12, 1.0 - cl], style, color=_LEVEL, linewidth=0.8)


def _limit_text(value: float, status: str) -> str:
    return number(float(value), digits=4) if np.isfinite(value) else status


def _side_by_side(records: list[Limit], at: Sequence[Any] | None, label: str | None) -> Figure:
    for one in records:
        check_record("plot.limit", one, Limit, "model.upper_limit(...), or a list of them")
    if not records:
        raise InvalidValueError("plot.limit: the list of limits is empty.")
    first = records[0]
    same = all(r.cl == first.cl and np.array_equal(r.n_sigma, first.n_sigma) for r in records)
    if not same:
        raise InvalidValueError("plot.limit: limits side by side need one cl, and the same quantiles.")
    given = list(range(1, len(records) + 1)) if at is None else list(at)
    if len(given) != len(records):
        raise ShapeMismatchError(f"plot.limit: {len(records)} limits, at has {len(given)} entries; one each.")
    named = any(isinstance(entry, str) for entry in given)
    x = np.arange(float(len(given))) if named else np.asarray(given, dtype=float)
    figure = new_figure(6.0, 4.4)
    axes = figure.add_subplot()
    axes.set_xlabel(label_text(label, label) if label else "", fontsize=SMALL)
    name = parameter_text(first.layout, first.poi)
    axes.set_ylabel(f"{100.0 * first.cl:.6g}% upper limit on {name}", fontsize=SMALL)
    if any(one.hidden for one in records):
        hide(axes)
        return figure
    order = np.argsort(x, kind="stable")
    _draw_limits([records[i] for i in order], x[order], named, axes)
    if named:
        axes.set_xticks(x, [label_text(None, str(entry)) for entry in given])
    axes.tick_params(labelsize=TINY)
    axes.legend(fontsize=TINY, frameon=False)
    return figure


def _draw_limits(records: list[Limit], x: FloatArray, named: bool, axes: Axes) -> None:
    expected = np.array([one.expected for one in records])
    observed = np.array([one.observed for one in records])
    n_sigma, middle = records[0].n_sigma, _median(records[0].n_sigma)
    for low, high, colour in _pairs(n_sigma):
        style: dict[str, Any] = {"color": colour, "label": _band_text(n_sigma, low, high), "linewidth": 0.0}
        if named or len(x) == 1:
            # No line leads from one name to another.
            height = expected[:, high] - expected[:, low]
            axes.bar(x, height, bottom=expected[:, low], width=0.5, **style)
        else:
            axes.fill_between(x, expected[:, low], expected[:, high], **style)
    line = "" if named or len(x) == 1 else "-"
    if middle is not None:
        mark = "_" if not line else None
        style = {"color": _OBSERVED, "label": "expected", "marker": mark, "markersize": 24.0}
        axes.plot(x, expected[:, middle], linestyle="--" if line else "", linewidth=1.2, **style)
    axes.plot(x, observed, marker="o", linestyle=line, color=_OBSERVED, markersize=4.0, label="observed")
    missing = ~np.isfinite(observed)
    if missing.any():
        across = axes.get_xaxis_transform()
        text = f"{int(missing.sum())} without an observed limit"
        axes.plot(
            x[missing],
            np.zeros(int(missing.sum())),
            "x",
            color=_LEVEL,
            transform=across,
            clip_on=False,
            label=text,
        )
    if not named:
        axes.set_xlim(x.min() - (len(x) == 1), x.max() + (len(x) == 1))
    axes.set_ylim(bottom=0.0 if np.nanmin(expected, initial=0.0) >= 0.0 else None)
