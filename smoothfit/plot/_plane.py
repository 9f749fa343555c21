"""Axes of parameters, points in them, and maps of the NLL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidTypeError, ShapeMismatchError
from ..layout import Layout
from ..results import BLINDED, Scan
from ..results.levels import joint_level
from ._style import BLACK, FAINT, ORANGE, SMALL, TINY, UP, heading, new_figure, parameter_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["NLL_TEXT", "draw_map", "hide", "highest", "mark_point", "name_axes", "standard_model"]

NLL_TEXT = r"$-2\,\Delta\ln L$"
_JOINT = ((0.68, "-"), (0.95, "--"))
_HIGHEST = 20.0
"""Where the colours of a map end."""


def name_axes(
    layout: Layout, names: Sequence[str], axes: Axes, *, size: float = SMALL, longest: int = 34
) -> None:
    """Write the names of two parameters at the axes."""
    axes.set_xlabel(parameter_text(layout, names[0], longest=longest), fontsize=size)
    axes.set_ylabel(parameter_text(layout, names[1], longest=longest), fontsize=size)


def hide(axes: Axes) -> None:
    """Say that there is nothing to see, and show no numbers."""
    axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL)
    axes.set_xticks([])
    axes.set_yticks([])


def standard_model(names: Sequence[str], sm: Any, what: str) -> FloatArray | None:
    """(parameter,): the point of the standard model, from a number, numbers in order, or a dict by name.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError
        For something else.
    """
    if sm is None:
        return None
    if isinstance(sm, Mapping):
        keys = {getattr(key, "name", key): value for key, value in sm.items()}
        missing = [name for name in names if name not in keys]
        if missing:
            raise InvalidTypeError(
                f"{what}: sm has no '{missing[0]}'; give a value for each of {', '.join(names)}."
            )
        sm = [keys[name] for name in names]
    try:
        point = np.atleast_1d(np.asarray(sm, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{what}: sm must be numbers, got {sm!r}.") from error
    if point.shape != (len(names),):
        raise ShapeMismatchError(
            f"{what}: sm has {point.size} values, there are {len(names)} parameters: {', '.join(names)}."
        )
    return point


def highest(record: Scan) -> float:
    """Of the known points."""
    return float(np.nanmax(2.0 * record.delta_nll, initial=0.0))


def mark_point(axes: Axes, point: FloatArray, what: str) -> None:
    """The best fit, or the standard model: seen on dark and on light."""
    marker, size, label = ("P", 7.0, "best fit") if what == "best" else ("*", 10.0, "SM")
    face = BLACK if what == "best" else "white"
    axes.plot(
        *point,
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=face,
        markeredgecolor="white" if what == "best" else BLACK,
        markeredgewidth=0.8,
        zorder=6,
        label=label,
    )


def draw_map(record: Scan, point: FloatArray | None) -> Figure:
    """Colours over a plane, with the joint levels, the best fit and the standard model."""
    figure = new_figure(5.8, 4.8)
    axes = figure.add_subplot()
    name_axes(record.layout, record.names, axes)
    if record.hidden:
        hide(axes)
        return figure
    rise = 2.0 * record.delta_nll
    limits: dict[str, Any] = {
        "vmin": min(0.0, float(np.nanmin(rise, initial=0.0))),
        "vmax": min(_HIGHEST, highest(record)),
    }
    x, y = record.coordinates.T
    axes.set_facecolor(FAINT)
    image: Any
    if record.axes is not None and min(record.shape) > 1:
        # Contours want ascending axes.
        across, up = (np.argsort(axis, kind="stable") for axis in record.axes)
        a, b = record.axes[0][across], record.axes[1][up]
        values = rise.reshape(record.shape)[np.ix_(across, up)].T
        image = axes.pcolormesh(a, b, values, shading="nearest", cmap="Blues_r", rasterized=True, **limits)
        for level, style in _JOINT:
            height = 2.0 * joint_level(level, 2, "plot.scan")
            if np.nanmin(values) < height < np.nanmax(values):
                axes.contour(a, b, values, levels=[height], colors=ORANGE, linestyles=style, linewidths=1.6)
                axes.plot([], [], color=ORANGE, linestyle=style, linewidth=1.6, label=f"{level:.0%}")
    else:
        image = axes.scatter(x, y, c=rise, cmap="Blues_r", s=18.0, **limits)
    if np.any(~record.success):
        lost = int(np.sum(~record.success))
        axes.plot(x[~record.success], y[~record.success], "x", color=UP, label=f"{lost} not converged")
    mark_point(axes, record.best, "best")
    if point is not None:
        mark_point(axes, point, "sm")
    bar = figure.colorbar(image, ax=axes, extend="max" if highest(record) > limits["vmax"] else "neither")
    bar.set_label(NLL_TEXT)
    bar.ax.tick_params(labelsize=TINY)
    heading(figure, "", *axes.get_legend_handles_labels(), columns=5)
    return figure
