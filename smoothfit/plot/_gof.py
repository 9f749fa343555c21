"""Goodness of fit: where the data stand among toys; and what each channel says of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from .._types import FloatArray
from ..errors import InvalidTypeError
from ..render import asymmetric, number, with_error
from ..results import ChannelCompatibility, GoodnessOfFit
from ..results.goodness import STATISTIC_NAMES
from ..results.tails import TIE, chi2_tail, tail, tail_error
from ._scan import hide
from ._style import SMALL, TINY, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["gof"]

_TOYS, _TAIL, _DATA, _CURVE = "#b9c9d9", "#3f90da", "#222222", "#e76300"
_SPLIT = r"$2\,(\mathrm{NLL}_\mathrm{joint} - \mathrm{NLL}_\mathrm{split})$"
_COLUMNS = 3
_BINS = 60


def gof(record: GoodnessOfFit | ChannelCompatibility, *, channels: Sequence[str] | None = None) -> Figure:
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

    Raises
    ------
    InvalidTypeError
        For another record.
    UnknownNameError
        If there is no such channel.
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
        return _compatibility(record)
    if not isinstance(record, GoodnessOfFit):
        raise InvalidTypeError(
            "plot.gof draws a GoodnessOfFit or a ChannelCompatibility record, got "
            f"{type(record).__name__}; give it model.goodness_of_fit(...)."
        )
    several = len(record.channels) > 1 and len(record.toys) > 0
    names = (record.channels if several else ()) if channels is None else tuple(channels)
    at = [record.index(name) for name in names]
    columns = min(_COLUMNS, max(1, len(at)))
    rows = -(-len(at) // columns)
    figure = new_figure(max(5.6, 3.2 * columns), 4.2 + 2.6 * rows)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[1.6, *[1.0] * rows])
    whole = figure.add_subplot(grid[0, :])
    _draw(whole, record.toys, record.observed, record.ndof, hidden=record.is_hidden())
    whole.set_xlabel(STATISTIC_NAMES[record.statistic], fontsize=SMALL)
    for i, k in enumerate(at):
        axes = figure.add_subplot(grid[1 + i // columns, i % columns])
        hidden = record.is_hidden(record.channels[k])
        _draw(axes, record.channel_toys[:, k], record.channel_observed[k], 0, hidden=hidden)
        axes.set_title(label_text(None, record.channels[k]), fontsize=SMALL)
    return figure


def _draw(axes: Axes, toys: FloatArray, observed: float, ndof: int, *, hidden: bool) -> None:
    """The distribution, its tail, and the data."""
    axes.tick_params(labelsize=TINY)
    if hidden:
        hide(axes)
        return
    known = toys[np.isfinite(toys)]
    edges = _edges(known, observed, ndof)
    if len(known):
        _draw_toys(axes, toys, known, observed, edges)
    if ndof > 0:
        _draw_curve(axes, len(known), observed, ndof, edges)
    axes.axvline(observed, color=_DATA, linewidth=1.4, label=f"data: {number(observed, digits=4)}")
    negative = bool(np.any(np.append(known, observed) < -TIE))
    axes.set_xlim(edges[0] if negative else max(edges[0], 0.0), edges[-1])
    axes.set_ylabel("toys" if len(known) else "density", fontsize=SMALL)
    axes.legend(fontsize=TINY, frameon=False)


def _edges(known: FloatArray, observed: float, ndof: int) -> FloatArray:
    """Bins that hold the data and all but the last toys; the tail begins with one of them."""
    low = float(np.append(known, observed).min())
    high = float(np.quantile(known, 0.999)) if len(known) else observed
    if ndof > 0:
        low, high = min(low, 0.0), max(high, ndof + 4.0 * np.sqrt(2.0 * ndof))
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
    heights, *_ = axes.hist(known, bins=edges.tolist(), color=_TOYS, label=label)
    axes.hist(known[beyond], bins=edges.tolist(), color=_TAIL, label=f"p = {with_error(p, error)}")
    axes.set_ylim(0.0, 1.1 * np.max(heights))


def _draw_curve(axes: Axes, toys: int, observed: float, ndof: int, edges: FloatArray) -> None:
    """The density of chi2; without toys, with its tail."""
    x = np.linspace(max(edges[0], 1e-3 * edges[-1]), edges[-1], 400)
    half = 0.5 * ndof
    density = np.exp((half - 1.0) * np.log(x) - 0.5 * x - half * np.log(2.0) - gammaln(half))
    height = density * (toys * (edges[1] - edges[0]) if toys else 1.0)
    label = rf"$\chi^2$, {ndof} degree{'' if ndof == 1 else 's'} of freedom"
    axes.plot(x, height, color=_CURVE, linewidth=1.4, label=label)
    if toys:
        # That of one degree of freedom has no upper end.
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.05 * float(height[x > edges[1]].max())))
    else:
        beyond = x >= observed
        p = number(chi2_tail(observed, ndof), digits=3)
        axes.fill_between(x[beyond], height[beyond], color=_TAIL, linewidth=0.0, label=f"p = {p}")
        axes.set_ylim(0.0, min(1.05 * float(height.max()), 1.0))


def _compatibility(record: ChannelCompatibility) -> Figure:
    lines = len(record.groups)
    figure = new_figure(9.0, max(3.4, 0.42 * lines + 1.6))
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1.0])
    _draw_groups(record, left)
    _draw(right, record.toys, record.observed, record.ndof, hidden=False)
    right.set_xlabel(_SPLIT, fontsize=SMALL)
    return figure


def _draw_groups(record: ChannelCompatibility, axes: Axes) -> None:
    """The parameter in each group, the first on top."""
    lines, poi = len(record.groups), label_text(record.label, record.poi)
    axes.set_xlabel(poi, fontsize=SMALL)
    axes.tick_params(labelsize=TINY)
    axes.set_yticks(np.arange(lines), [label_text(None, name) for name in record.groups], fontsize=SMALL)
    axes.set_ylim(lines - 0.5, -0.5)
    hidden = np.zeros(lines, dtype=bool) if record.hidden is None else record.hidden
    if hidden.all():
        hide(axes)
        return
    value = record.joint_value
    down, up = _sides(record, lines)
    axes.axvspan(value - down, value + up, color=_TOYS, zorder=0)
    shown = asymmetric(value, up, down) if up > 0.0 else f"{number(value)} (held)"
    axes.axvline(value, color=_CURVE, linewidth=1.2, zorder=1, label=f"all: {shown}")
    for i in np.flatnonzero(~hidden).tolist():
        errors = np.nan_to_num(np.array([_sides(record, i)]).T)
        axes.errorbar(record.values[i], i, xerr=errors, fmt="o", color=_DATA, markersize=4.0, capsize=2.5)
    for i in np.flatnonzero(hidden).tolist():
        axes.text(value, i, "blinded", ha="center", va="center", fontsize=TINY)
    axes.legend(fontsize=TINY, frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0))


def _sides(record: ChannelCompatibility, i: int) -> tuple[float, float]:
    """Errors (down, up) of a group, or of all."""
    if record.bounds is None:
        error = float((*record.errors, record.joint_error)[i])
        return error, error
    value = (*record.values, record.joint_value)[i]
    up, down = record.bounds[:, i]
    return float(value - down), float(up - value)
