"""Goodness of fit: where the data stand among toys; and what each channel says of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln

from .._types import FloatArray
from ..errors import InvalidTypeError
from ..render import asymmetric, number, with_error
from ..results import BLINDED, ChannelCompatibility, GoodnessOfFit
from ..results.goodness import STATISTIC_NAMES
from ..results.tails import TIE, chi2_tail, tail, tail_error
from ._plane import hide
from ._style import (
    BLACK,
    DOWN_LINE,
    FILL,
    ORANGE,
    SLIDE,
    SMALL,
    TINY,
    heading,
    label_text,
    name_lines,
    new_figure,
    page_of,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["gof"]

_SPLIT = r"$2\,(\mathrm{NLL}_\mathrm{joint} - \mathrm{NLL}_\mathrm{split})$"
_COLUMNS = 3
_BINS = 60
_MOST_GROUPS = 26


@picture
def gof(
    record: GoodnessOfFit | ChannelCompatibility,
    *,
    channels: Sequence[str] | None = None,
    n: int = 12,
    page: int = 1,
) -> Figure:
    """Toys of a test, the data among them, and the p-value as the shaded tail.

    The curve is chi2, for statistics that are distributed like it where events are many. Of a goodness of fit
    there is a panel a channel below that of all; of a compatibility of channels, the fitted parameter in each
    group beside the toys, with that of all as a band.

    Parameters
    ----------
    record
        What to draw, as from ``model.goodness_of_fit`` or ``model.channel_compatibility``.
    channels
        Names of channels to draw, in this order; by default all of several. Only of a goodness of fit.
    n, page
        How many channels a page has, and which page, from 1; of a compatibility as many groups as fit.

    Raises
    ------
    InvalidTypeError
        For another record.
    UnknownNameError
        If there is no such channel.
    InvalidValueError
        For a page that is not there.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.results import ToyCounts
    >>> toys = np.random.default_rng(1).chisquare(3, (500, 1))
    >>> record = GoodnessOfFit("saturated", 4.5, toys[:, 0], ("SR",), np.array([4.5]), toys, 0.0, 3,
    ...                        ToyCounts("frequentist", 1, 500, 500))
    >>> gof(record).axes[0].get_xlabel()
    'saturated likelihood'
    """
    if isinstance(record, ChannelCompatibility):
        if channels is not None:
            raise InvalidTypeError("plot.gof: channels are those of a goodness of fit; leave them out.")
        return _compatibility(record, page)
    if not isinstance(record, GoodnessOfFit):
        raise InvalidTypeError(
            "plot.gof draws a GoodnessOfFit or a ChannelCompatibility record, got "
            f"{type(record).__name__}; give it model.goodness_of_fit(...)."
        )
    several = len(record.channels) > 1 and len(record.toys) > 0
    names = (record.channels if several else ()) if channels is None else tuple(channels)
    positions = [record.index(name) for name in names]
    on_page, which, pages = page_of("plot.gof", len(positions), n, page)
    at = [positions[i] for i in on_page]
    columns = max(1, min(len(at), 3 if len(at) <= 6 else 4))
    rows = -(-len(at) // columns)
    figure = new_figure(min(max(6.0, 3.3 * columns), SLIDE[0]), min(4.4 + 2.4 * rows, SLIDE[1]), pages=pages)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[1.5 if rows > 1 else 1.6, *[1.0] * rows])
    whole = figure.add_subplot(grid[0, :])
    _draw(whole, record.toys, record.observed, record.ndof, hidden=record.is_hidden())
    whole.set_xlabel(STATISTIC_NAMES[record.statistic])
    _legend_beside(whole)
    if which:
        whole.set_title(which, fontsize=SMALL, loc="left")
    for i, k in enumerate(at):
        axes = figure.add_subplot(grid[1 + i // columns, i % columns])
        hidden = record.is_hidden(record.channels[k])
        _draw(axes, record.channel_toys[:, k], record.channel_observed[k], 0, hidden=hidden)
        axes.set_title(label_text(None, record.channels[k]), loc="left")
        axes.set_ylabel("")
        _value_above(axes)
    return figure


def _legend_beside(axes: Axes) -> None:
    """To the right of the panel: nothing is covered."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _value_above(axes: Axes) -> None:
    """The p-value, in the place of a legend."""
    found = [text for text in axes.get_legend_handles_labels()[1] if text.startswith("p = ")]
    if found:
        axes.set_title(found[0], fontsize=TINY, loc="right")


def _draw(axes: Axes, toys: FloatArray, observed: float, ndof: int, *, hidden: bool) -> None:
    """The distribution, its tail, and the data."""
    if hidden:
        hide(axes)
        return
    known = toys[np.isfinite(toys)]
    edges = _edges(known, observed, ndof)
    if len(known):
        _draw_toys(axes, toys, known, observed, edges)
    if ndof > 0:
        _draw_curve(axes, len(known), observed, ndof, edges)
    axes.axvline(observed, color=BLACK, linewidth=1.4, label=f"data: {number(observed, digits=4)}")
    negative = bool(np.any(np.append(known, observed) < -TIE))
    axes.set_xlim(edges[0] if negative else max(edges[0], 0.0), edges[-1])
    axes.set_ylabel("toys" if len(known) else "density")


def _edges(known: FloatArray, observed: float, ndof: int) -> FloatArray:
    """Bins that hold the data and all but the last toys; the tail begins with one of them."""
    low = float(np.append(known, observed).min())
    high = float(np.quantile(known, 0.999)) if len(known) else observed
    if ndof > 0:
        low, high = (
            min(low, max(0.0, ndof - 6.0 * np.sqrt(2.0 * ndof))),
            max(high, ndof + 4.0 * np.sqrt(2.0 * ndof)),
        )
    low, high = low - TIE, 1.04 * max(high, observed) + TIE
    width = (high - low) / _bins(len(known))
    begin = observed - TIE
    below, above = np.ceil((begin - low) / width), np.ceil((high - begin) / width)
    return np.asarray(begin + width * np.arange(-below, above + 1.0))


def _bins(toys: int) -> int:
    return int(np.clip(np.sqrt(toys), 12, _BINS)) if toys else 4 * _BINS


def _draw_toys(axes: Axes, toys: FloatArray, known: FloatArray, observed: float, edges: FloatArray) -> None:
    beyond = known >= observed - TIE
    p = float(tail(known, observed))
    error = float(tail_error(p, known))
    label = f"{len(known)} toys"
    if len(known) < len(toys):
        label += f" ({len(toys) - len(known)} without a value)"
    heights, *_ = axes.hist(known, bins=edges.tolist(), color=FILL, label=label)
    axes.hist(known[beyond], bins=edges.tolist(), color=DOWN_LINE, label=f"p = {with_error(p, error)}")
    axes.set_ylim(0.0, 1.1 * np.max(heights))


def _draw_curve(axes: Axes, toys: int, observed: float, ndof: int, edges: FloatArray) -> None:
    """The density of chi2; without toys, with its tail."""
    x = np.linspace(max(edges[0], 1e-3 * edges[-1]), edges[-1], 400)
    half = 0.5 * ndof
    density = np.exp((half - 1.0) * np.log(x) - 0.5 * x - half * np.log(2.0) - gammaln(half))
    height = density * (toys * (edges[1] - edges[0]) if toys else 1.0)
    label = rf"$\chi^2$, {ndof} degree{'' if ndof == 1 else 's'} of freedom"
    axes.plot(x, height, color=ORANGE, linewidth=1.4, label=label)
    if toys:
        # That of one degree of freedom has no upper end.
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.05 * float(height[x > edges[1]].max())))
    else:
        beyond = x >= observed
        p = number(chi2_tail(observed, ndof), digits=3)
        axes.fill_between(x[beyond], height[beyond], color=DOWN_LINE, linewidth=0.0, label=f"p = {p}")
        axes.set_ylim(0.0, min(1.05 * float(height.max()), 1.0))


def _compatibility(record: ChannelCompatibility, page: int) -> Figure:
    on_page, which, pages = page_of("plot.gof", len(record.groups), _MOST_GROUPS, page)
    figure = new_figure(11.0, max(3.4, min(0.3 * len(on_page) + 1.6, SLIDE[1])), pages=pages)
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1.0])
    _draw_groups(record, left, on_page)
    _draw(right, record.toys, record.observed, record.ndof, hidden=False)
    right.set_xlabel(_SPLIT)
    handles: dict[str, Any] = {}
    for axes in (left, right):
        found, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, found, strict=True))
    heading(figure, which, list(handles.values()), list(handles), columns=3)
    return figure


def _draw_groups(record: ChannelCompatibility, axes: Axes, on_page: range) -> None:
    """The parameter in each group, the first on top."""
    axes.set_xlabel(label_text(record.label, record.poi))
    name_lines(axes, [label_text(None, record.groups[i]) for i in on_page])
    hidden = np.zeros(len(record.groups), dtype=bool) if record.hidden is None else record.hidden
    if hidden.all():
        hide(axes)
        return
    value = record.joint_value
    down, up = _sides(record, len(record.groups))
    axes.axvspan(value - down, value + up, color=FILL, zorder=0)
    shown = asymmetric(value, up, down) if up > 0.0 else f"{number(value)} (held)"
    axes.axvline(value, color=ORANGE, linewidth=1.2, zorder=1, label=f"all: {shown}")
    for line, i in enumerate(on_page):
        if hidden[i]:
            axes.text(value, line, BLINDED, ha="center", va="center", fontsize=TINY)
            continue
        errors = np.nan_to_num(np.array([_sides(record, i)]).T)
        axes.errorbar(record.values[i], line, xerr=errors, fmt="o", color=BLACK, markersize=4.0, capsize=2.5)


def _sides(record: ChannelCompatibility, i: int) -> tuple[float, float]:
    """Errors (down, up) of a group, or of all."""
    if record.bounds is None:
        error = float((*record.errors, record.joint_error)[i])
        return error, error
    value = (*record.values, record.joint_value)[i]
    up, down = record.bounds[:, i]
    return float(value - down), float(up - value)
