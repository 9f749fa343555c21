"""Scans of the likelihood: curves of one parameter, a map of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidValueError, ShapeMismatchError
from ..layout import Layout
from ..render import asymmetric
from ..results import BLINDED, Scan
from ..results.levels import ONE_SIGMA, joint_level
from ._style import SMALL, TINY, check_record, label_text, new_figure, parameter_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["hide", "name_axes", "scan"]

_NLL_TEXT = r"$-2\,\Delta\ln L$"
_COLOURS = ("#1f4e79", "#e76300", "#832db6", "#717581")
_MARKED = 60
"""Up to so many points each is marked."""
_FAILED = "#bd1f01"
_JOINT = ((0.68, "-"), (0.95, "--"))
_HIGHEST = 20.0
"""Where the colours of a map end."""


def name_axes(layout: Layout, names: Sequence[str], axes: Axes) -> None:
    """Write the names of two parameters at the axes."""
    axes.set_xlabel(parameter_text(layout, names[0]), fontsize=SMALL)
    axes.set_ylabel(parameter_text(layout, names[1]), fontsize=SMALL)


def hide(axes: Axes) -> None:
    """Say that there is nothing to see, and show no numbers."""
    axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL)
    axes.set_xticks([])
    axes.set_yticks([])


def scan(record: Scan, *others: Scan, labels: Sequence[str] | None = None) -> Figure:
    """Twice the rise of the NLL along one parameter, or over a plane of two.

    Curves of one parameter may be drawn together, as the profiled one and that with nuisances held; the lines
    across are 68.27% and 95% for one parameter. A map of two has the curves of 68% and 95% for both jointly.
    Points that did not converge are marked, and never drawn as a number; a blinded parameter stays hidden.

    Parameters
    ----------
    record, *others
        What to draw, as from ``model.scan``; several of the same parameter.
    labels
        What to call the curves in the legend, one a record.

    Raises
    ------
    InvalidTypeError
        For something that is no record of a scan.
    InvalidValueError
        For curves of different parameters, and for more than two parameters.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [100.0, 300.0]).scale_by(mu)).prepare()
    >>> record = model.scan(mu, 11, model.fit([110.0, 290.0]))
    >>> scan(record).axes[0].get_xlabel()
    'mu'
    """
    for one in (record, *others):
        check_record("plot.scan", one, Scan, "model.scan(...)")
        if one.names != record.names:
            raise InvalidValueError(
                f"plot.scan: curves of one parameter are drawn together, got {', '.join(record.names)} and "
                f"{', '.join(one.names)}."
            )
    if len(record.names) > 2 or (others and len(record.names) > 1):
        raise InvalidValueError(
            "plot.scan: draws curves of one parameter, or one map of two; this is "
            f"{1 + len(others)} of {len(record.names)}."
        )
    if labels is not None and len(labels) != 1 + len(others):
        raise ShapeMismatchError(
            f"plot.scan: {1 + len(others)} records, {len(labels)} labels; give one each."
        )
    if len(record.names) == 2:
        return _map(record)
    figure = new_figure(5.6, 4.2)
    _draw_curves([record, *others], labels, figure.add_subplot())
    return figure


def _draw_curves(records: list[Scan], labels: Sequence[str] | None, axes: Axes) -> None:
    first = records[0]
    axes.set_xlabel(parameter_text(first.layout, first.names[0]), fontsize=SMALL)
    axes.set_ylabel(_NLL_TEXT, fontsize=SMALL)
    if any(one.hidden for one in records):
        hide(axes)
        return
    top = max(1.2, 1.05 * max(_highest(one) for one in records))
    for k, one in enumerate(records):
        _draw_curve(one, k, labels[k] if labels is not None else _kind(one), axes)
    low, high = axes.get_xlim()
    for level, text in ((ONE_SIGMA, "68.27%"), (0.95, "95%")):
        rise = 2.0 * joint_level(level, 1, "plot.scan")
        if rise < top:
            axes.axhline(rise, color="#999999", linewidth=0.8, linestyle=":", zorder=0)
            axes.annotate(
                text, (0.99, rise), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=TINY
            )
    axes.set_xlim(low, high)
    lowest = min(float(np.nanmin(2.0 * one.delta_nll, initial=0.0)) for one in records)
    axes.set_ylim(min(0.0, 1.1 * lowest), top)
    axes.tick_params(labelsize=TINY)
    axes.legend(fontsize=TINY, frameon=False, loc="upper center")


def _highest(record: Scan) -> float:
    return float(np.nanmax(2.0 * record.delta_nll, initial=0.0))


def _kind(record: Scan) -> str:
    return "nuisances held" if record.stat_only else "profiled"


def _draw_curve(record: Scan, k: int, label: str, axes: Axes) -> None:
    order = np.argsort(record.points, kind="stable")
    value, rise = record.points[order], 2.0 * record.delta_nll[order]
    crossings = record.read_off()
    if len(crossings) == 2 and record.lower_minimum is None:
        low, high = crossings
        best = float(record.best[0])
        label = f"{label}: {asymmetric(best, high - best, best - low)}"
    colour = _COLOURS[k % len(_COLOURS)]
    axes.plot(
        value,
        rise,
        color=colour,
        linestyle="--" if record.stat_only else "-",
        marker="o" if len(value) <= _MARKED else None,
        markersize=2.5,
        linewidth=1.4,
        label=label_text(None, label),
    )
    failed = ~record.success
    if np.any(failed):
        axes.plot(
            record.points[failed],
            np.zeros(int(failed.sum())),
            "x",
            color=_FAILED,
            clip_on=False,
            label=f"{int(failed.sum())} not converged",
        )


def _map(record: Scan) -> Figure:
    figure = new_figure(5.8, 4.6)
    axes = figure.add_subplot()
    name_axes(record.layout, record.names, axes)
    if record.hidden:
        hide(axes)
        return figure
    rise = 2.0 * record.delta_nll
    limits: dict[str, Any] = {
        "vmin": min(0.0, float(np.nanmin(rise, initial=0.0))),
        "vmax": min(_HIGHEST, _highest(record)),
    }
    x, y = record.coordinates.T
    axes.set_facecolor("#d9d9d9")
    image: Any
    if record.axes is not None and min(record.shape) > 1:
        # Contours want ascending axes.
        across, up = (np.argsort(axis, kind="stable") for axis in record.axes)
        a, b = record.axes[0][across], record.axes[1][up]
        values = rise.reshape(record.shape)[np.ix_(across, up)].T
        image = axes.pcolormesh(a, b, values, shading="nearest", cmap="viridis_r", rasterized=True, **limits)
        for level, style in _JOINT:
            height = 2.0 * joint_level(level, 2, "plot.scan")
            if np.nanmin(values) < height < np.nanmax(values):
                axes.contour(a, b, values, levels=[height], colors="white", linestyles=style, linewidths=1.4)
                axes.plot([], [], color="white", linestyle=style, linewidth=1.4, label=f"{level:.0%}")
    else:
        image = axes.scatter(x, y, c=rise, cmap="viridis_r", s=18.0, **limits)
    if np.any(~record.success):
        lost = int(np.sum(~record.success))
        axes.plot(x[~record.success], y[~record.success], "x", color=_FAILED, label=f"{lost} not converged")
    axes.plot(*record.best, "+", color="black", markersize=9.0, label="best fit")
    bar = figure.colorbar(image, ax=axes, extend="max" if _highest(record) > limits["vmax"] else "neither")
    bar.set_label(_NLL_TEXT, fontsize=SMALL)
    bar.ax.tick_params(labelsize=TINY)
    axes.tick_params(labelsize=TINY)
    axes.legend(fontsize=TINY, framealpha=0.85, facecolor="#999999")
    return figure
