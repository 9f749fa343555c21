"""Limits side by side: along masses, or by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from ..render import number
from ..results import Limit
from ._plane import hide
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
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BANDS", "band_text", "median", "pairs", "side_by_side"]

# The colours of the CMS guidelines for figures, which the colour-blind can tell apart.
BANDS = ("#f5bb54", "#607641", "#8fa870")
_LOG_FROM = 60.0
"""Ratio of the largest to the smallest limit from which their axis is logarithmic."""
_MARKED = 60
"""Up to so many limits each is marked."""


def pairs(n_sigma: FloatArray) -> Iterator[tuple[int, int, str]]:
    """(low, high, colour) of the bands, the outermost first."""
    order = np.argsort(n_sigma, kind="stable")
    for k in range(len(order) // 2):
        yield int(order[k]), int(order[-1 - k]), BANDS[min(k, len(BANDS) - 1)]


def median(n_sigma: FloatArray) -> int | None:
    """Which band is the median."""
    found = np.flatnonzero(n_sigma == 0.0)
    return int(found[0]) if len(found) else None


def band_text(n_sigma: FloatArray, low: int, high: int) -> str:
    if -n_sigma[low] == n_sigma[high]:
        return rf"expected $\pm{number(float(n_sigma[high]), digits=3)}\,\sigma$"
    from scipy.special import ndtr

    content = 100.0 * float(ndtr(n_sigma[high]) - ndtr(n_sigma[low]))
    return f"expected {number(content, digits=3)}%"


def side_by_side(
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
        self.middle = median(self.n_sigma)
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
    for low, high, colour in pairs(drawn.n_sigma):
        style: dict[str, Any] = {
            "color": colour,
            "label": band_text(drawn.n_sigma, low, high),
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
    for low, high, colour in pairs(drawn.n_sigma):
        left, right = drawn.expected[:, low], drawn.expected[:, high]
        text = band_text(drawn.n_sigma, low, high)
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
