"""Neyman constructions: p-values along one parameter or over a plane, belts, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..render import number
from ..results import ConfidenceBelt, Coverage, FeldmanCousins
from ._plane import hide, name_axes
from ._style import (
    BLUE,
    FILL,
    GREY,
    LINES,
    ORANGE,
    TINY,
    UP,
    check_record,
    heading,
    label_text,
    new_figure,
    parameter_text,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["belt", "coverage", "feldman_cousins"]

_CROSSES = 900
"""Up to so many points of a plane each is marked."""


@picture
def feldman_cousins(record: FeldmanCousins) -> Figure:
    """The p-value along one parameter with what is accepted, or the accepted region of two.

    Points have their Monte Carlo errors, the line across is 1 - cl, and accepted regions are filled. Of two
    parameters the border is drawn where the p-value of a grid crosses 1 - cl; points within two errors of it
    are hollow. A blinded parameter stays hidden.

    Parameters
    ----------
    record
        What to draw, as from ``model.feldman_cousins``.

    Raises
    ------
    InvalidTypeError
        For something else.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()
    >>> record = model.feldman_cousins(mu, [0.0, 3.0, 8.0, 12.0], [6.0], toys=100, seed=1)
    >>> feldman_cousins(record).axes[0].get_ylabel()
    'p-value'
    """
    check_record("plot.feldman_cousins", record, FeldmanCousins, "model.feldman_cousins(...)")
    figure = new_figure(5.6, 4.2)
    axes = figure.add_subplot()
    if len(record.names) == 2:
        name_axes(record.layout, record.names, axes)
    else:
        axes.set_xlabel(parameter_text(record.layout, record.names[0]))
        axes.set_ylabel("p-value")
    if record.hidden:
        hide(axes)
    elif len(record.names) == 2:
        _draw_region(record, figure, axes)
    else:
        _draw_p_values(record, figure, axes)
    return figure


def _draw_p_values(record: FeldmanCousins, figure: Figure, axes: Axes) -> None:
    for k, (low, high) in enumerate(record.regions):
        axes.axvspan(low, high, color=FILL, zorder=0, label="accepted" if k == 0 else None)
    level = 1.0 - record.cl
    axes.axhline(level, color=GREY, linewidth=0.9, linestyle="--", zorder=1)
    axes.annotate(
        f"{100.0 * record.cl:.4g}%",
        (0.99, level),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=TINY,
    )
    known = np.isfinite(record.p_values)
    # The best fit has p = 1 by definition: the curve goes through it.
    x = np.append(record.points[known], record.best[0])
    order = np.argsort(x, kind="stable")
    inside = record.points[known].size and record.points[0] <= record.best[0] <= record.points[-1]
    if inside:
        curve = np.append(record.p_values[known], 1.0)
        axes.plot(x[order], curve[order], color=BLUE, linewidth=0.9)
        axes.plot(record.best[0], 1.0, "+", color=ORANGE, markersize=9.0, label="best fit")
    axes.errorbar(
        record.points[known],
        record.p_values[known],
        record.p_errors[known],
        fmt="o",
        markersize=2.5,
        linewidth=0.9,
        color=BLUE,
        label="toys",
    )
    _mark_failed(axes, record.points[~known], np.zeros(int((~known).sum())))
    axes.set_ylim(-0.03, 1.08)
    heading(figure, "", *axes.get_legend_handles_labels(), columns=4)


def _mark_failed(axes: Axes, x: Any, y: Any) -> None:
    if len(x):
        axes.plot(x, y, "x", color=UP, clip_on=False, label=f"{len(x)} not converged")


def _draw_region(record: FeldmanCousins, figure: Figure, axes: Axes) -> None:
    x, y = record.coordinates.T
    level, known = 1.0 - record.cl, np.isfinite(record.p_values)
    if record.axes is not None and min(record.shape) > 1:
        across, up = (np.argsort(axis, kind="stable") for axis in record.axes)
        a, b = record.axes[0][across], record.axes[1][up]
        p = record.p_values.reshape(record.shape)[np.ix_(across, up)].T
        image: Any = axes.pcolormesh(
            a, b, p, shading="nearest", cmap="Blues", vmin=0.0, vmax=1.0, rasterized=True
        )
        if np.nanmin(p) < level < np.nanmax(p):
            axes.contour(a, b, p, levels=[level], colors=BLUE, linewidths=1.4)
            axes.plot([], [], color=BLUE, linewidth=1.4, label=f"{100.0 * record.cl:.4g}%")
    else:
        image = axes.scatter(x, y, c=record.p_values, cmap="Blues", s=24.0, vmin=0.0, vmax=1.0)
    if len(record) <= _CROSSES:
        near = known & record.uncertain
        sure = known & record.accepted & ~near
        axes.plot(x[sure], y[sure], ".", color=BLUE, markersize=2.5, label="accepted")
        axes.plot(
            x[near], y[near], "o", color=BLUE, markersize=3.5, fillstyle="none", label="within two errors"
        )
    _mark_failed(axes, x[~known], y[~known])
    axes.plot(*record.best, "+", color=ORANGE, markersize=9.0, label="best fit")
    bar = figure.colorbar(image, ax=axes)
    bar.set_label("p-value")
    heading(figure, "", *axes.get_legend_handles_labels(), columns=3)


@picture
def belt(record: ConfidenceBelt, *, observed: float | None = None) -> Figure:
    """A confidence belt: accepted observations across, true values upwards.

    Parameters
    ----------
    record
        What to draw, as from ``smoothfit.inference.neyman.exact.poisson_belt``.
    observed
        An observation: the true values that accept it are marked.

    Raises
    ------
    InvalidTypeError
        For something else.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.inference.neyman import exact
    >>> record = exact.poisson_belt(np.linspace(0.0, 10.0, 51), background=3.0, cl=0.9)
    >>> belt(record, observed=6).axes[0].get_xlabel()
    'n'
    """
    check_record("plot.belt", record, ConfidenceBelt, "neyman.exact.poisson_belt(...)")
    figure = new_figure(4.6, 4.6)
    axes = figure.add_subplot()
    order = np.argsort(record.values, kind="stable")
    values, lower, upper = record.values[order], record.lower[order], record.upper[order]
    finite = lower[np.isfinite(lower)]
    right = float(upper.max())
    # Near a boundary a belt of a Gaussian has no end: half of the picture is enough for it.
    left = max(
        float(finite.min(initial=right)) - 1.0, float(upper.min()) - 0.5 * (right - float(upper.min()))
    )
    step: Any = "post" if record.discrete else None
    closed = np.where(np.isfinite(lower), lower, left)
    axes.fill_betweenx(values, closed, upper, color=FILL, linewidth=0.0, step=step, label="accepted")
    style = {"color": BLUE, "linewidth": 1.2, "drawstyle": "steps-pre" if record.discrete else "default"}
    for ends in (lower, upper):
        axes.plot(np.where(np.isfinite(ends), ends, np.nan), values, **style)  # type: ignore[arg-type]
    if observed is not None:
        low, high = record.at(observed)
        axes.axvline(observed, color=GREY, linewidth=0.9, linestyle="--")
        text = f"observed {number(observed)}: {number(low, digits=3)} to {number(high, digits=3)}"
        axes.plot(
            [observed, observed], [low, high], color=ORANGE, linewidth=2.4, solid_capstyle="butt", label=text
        )
    axes.set_xlim(left, right + 1.0)
    axes.set_ylim(float(values[0]), float(values[-1]))
    axes.set_xlabel(label_text(None, record.observable))
    axes.set_ylabel(f"{label_text(None, record.parameter)} ({100.0 * record.cl:.4g}%)")
    heading(figure, "", *axes.get_legend_handles_labels(), columns=2)
    return figure


@picture
def coverage(record: Coverage, *others: Coverage) -> Figure:
    """Coverage at each true value with its errors, and the level that was meant.

    Parameters
    ----------
    record, *others
        What to draw, as from ``model.coverage``: methods side by side.

    Raises
    ------
    InvalidTypeError
        For something else.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [400.0]).scale_by(mu)).prepare()
    >>> record = model.coverage(mu, [0.9, 1.0], toys=100, seed=1)
    >>> coverage(record).axes[0].get_ylabel()
    'coverage'
    """
    for one in (record, *others):
        check_record("plot.coverage", one, Coverage, "model.coverage(...)")
    span = float(np.ptp(np.concatenate([one.truth for one in (record, *others)]))) or 1.0
    figure = new_figure(5.6, 4.2)
    axes = figure.add_subplot()
    for k, one in enumerate((record, *others)):
        below, above = one.coverage - one.low, one.high - one.coverage
        errors = np.hypot([below, above], one.reference_errors)
        # Side by side: two methods at one true value would hide each other.
        aside = 0.012 * span * (k - 0.5 * len(others))
        axes.errorbar(
            one.truth + aside,
            one.coverage,
            errors,
            color=LINES[k % len(LINES)],
            marker="os^D"[k % 4],
            linestyle="none",
            markersize=4.0 if len(one) <= 60 else 2.0,
            elinewidth=1.0,
            label=label_text(None, f"{one.method}, {100.0 * one.cl:.4g}%"),
        )
        axes.axhline(one.cl, color=GREY, linewidth=0.9, linestyle="--", zorder=0)
    axes.set_xlabel(f"true {parameter_text(record.layout, record.name)}")
    axes.set_ylabel("coverage")
    heading(figure, "", *axes.get_legend_handles_labels(), columns=2)
    return figure
