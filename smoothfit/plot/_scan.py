"""Scans of the likelihood: curves of one parameter, a map of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..layout import Layout
from ..render import asymmetric
from ..results import BLINDED, Scan
from ..results.levels import ONE_SIGMA, joint_level
from ._style import (
    BLACK,
    FAINT,
    GREY,
    LINES,
    ORANGE,
    SMALL,
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

__all__ = [
    "NLL_TEXT",
    "check_scans",
    "draw_curve",
    "draw_map",
    "hide",
    "highest",
    "kind",
    "level_lines",
    "mark_point",
    "name_axes",
    "scan",
    "standard_model",
]

NLL_TEXT = r"$-2\,\Delta\ln L$"
_DASHES = ("-", (0, (5, 1.5)), "-.", (0, (1, 1)), "-", "--")
_MARKED = 60
"""Up to so many points each is marked."""
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


@picture
def scan(record: Scan, *others: Scan, labels: Sequence[str] | None = None, sm: Any = None) -> Figure:
    """Twice the rise of the NLL along one parameter, or over a plane of two.

    Curves of one parameter may be drawn together, as the profiled one and that with nuisances held, from
    which the systematic part of the error follows; the lines across are 68.27% and 95% for one parameter. A
    map of two has the curves of 68% and 95% for both jointly. Points that did not converge are marked, and
    never drawn as a number; a blinded parameter stays hidden.

    Parameters
    ----------
    record, *others
        What to draw, as from ``model.scan``; several of the same parameter.
    labels
        What to call the curves in the legend, one a record.
    sm
        Where the standard model is, to be marked: a number; of two parameters two, or a dict by name.

    Raises
    ------
    InvalidTypeError
        For something that is no record of a scan.
    InvalidValueError
        For curves of different parameters, and for more than two parameters.
    ShapeMismatchError
        For labels or ``sm`` that are not one each.
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
    check_scans("plot.scan", [record, *others], labels)
    if len(record.names) > 2 or (others and len(record.names) > 1):
        raise InvalidValueError(
            "plot.scan: draws curves of one parameter, or one map of two; this is "
            f"{1 + len(others)} of {len(record.names)}."
        )
    point = standard_model(record.names, sm, "plot.scan")
    if len(record.names) == 2:
        return draw_map(record, point)
    figure = new_figure(5.6, 4.4)
    _draw_curves([record, *others], labels, point, figure)
    return figure


def check_scans(what: str, records: Sequence[Scan], labels: Sequence[str] | None) -> None:
    """Scans of the same parameters, and a label each."""
    first = records[0]
    for one in records:
        check_record(what, one, Scan, "model.scan(...)")
        if one.names != first.names:
            raise InvalidValueError(
                f"{what}: curves of one parameter are drawn together, got {', '.join(first.names)} and "
                f"{', '.join(one.names)}."
            )
    if labels is not None and len(labels) != len(records):
        raise ShapeMismatchError(f"{what}: {len(records)} records, {len(labels)} labels; give one each.")


def _draw_curves(
    records: list[Scan], labels: Sequence[str] | None, point: FloatArray | None, figure: Figure
) -> None:
    first, axes = records[0], figure.add_subplot()
    axes.set_xlabel(parameter_text(first.layout, first.names[0]))
    axes.set_ylabel(NLL_TEXT)
    if any(one.hidden for one in records):
        hide(axes)
        return
    top = max(1.2, 1.05 * max(highest(one) for one in records))
    for k, one in enumerate(records):
        draw_curve(one, k, labels[k] if labels is not None else kind(one), axes)
    low, high = axes.get_xlim()
    level_lines(axes, top)
    if point is not None:
        axes.axvline(point[0], color=GREY, linestyle="-.", linewidth=1.0, zorder=1, label="SM")
        low, high = min(low, point[0]), max(high, point[0])
    axes.set_xlim(low, high)
    lowest = min(float(np.nanmin(2.0 * one.delta_nll, initial=0.0)) for one in records)
    axes.set_ylim(min(0.0, 1.1 * lowest), top)
    heading(figure, _split(records), *axes.get_legend_handles_labels(), columns=2 if len(records) > 2 else 1)


def level_lines(axes: Axes, top: float) -> None:
    """Lines across where one parameter's confidence levels are, as far as they are below the top."""
    for level, text in ((ONE_SIGMA, "68.27%"), (0.95, "95%")):
        rise = 2.0 * joint_level(level, 1, "plot.scan")
        if rise < top:
            axes.axhline(rise, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
            axes.annotate(
                text,
                (0.985, rise),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=TINY,
            )


def highest(record: Scan) -> float:
    """Of the known points."""
    return float(np.nanmax(2.0 * record.delta_nll, initial=0.0))


def kind(record: Scan) -> str:
    """What a curve is called without a label."""
    return "nuisances held" if record.stat_only else "profiled"


def _sides(record: Scan) -> tuple[float, float] | None:
    """Errors (up, down) that can be read off."""
    crossings = record.read_off()
    if len(crossings) != 2 or record.lower_minimum is not None:
        return None
    best = float(record.best[0])
    return float(crossings[1]) - best, best - float(crossings[0])


def _split(records: list[Scan]) -> str:
    """Of a profiled scan and one with nuisances held: the error in two parts."""
    full = [one for one in records if not one.stat_only]
    held = [one for one in records if one.stat_only]
    if len(full) != 1 or len(held) != 1 or not np.array_equal(full[0].best, held[0].best):
        return ""
    both, stat = _sides(full[0]), _sides(held[0])
    if both is None or stat is None:
        return ""
    rest = [float(np.sqrt(max(b * b - s * s, 0.0))) for b, s in zip(both, stat, strict=True)]
    best, digits = float(full[0].best[0]), decimals(min(*both))
    parts = [
        rf"$^{{+{up:.{digits}f}}}_{{-{down:.{digits}f}}}$ ({of})"
        for (up, down), of in ((stat, "stat"), (rest, "syst"))
    ]
    name = parameter_text(full[0].layout, full[0].names[0], with_unit=False)
    return f"{name} = {best:.{digits}f} {' '.join(parts)}"


def decimals(error: float) -> int:
    """Digits behind the point for two significant ones of an error.

    Examples
    --------
    >>> decimals(0.123), decimals(0.0456), decimals(30.0)
    (2, 3, 0)
    """
    return int(np.clip(1 - np.floor(np.log10(error)), 0, 8)) if error > 0.0 and np.isfinite(error) else 2


def draw_curve(record: Scan, k: int, label: str, axes: Axes, *, interval: bool = True) -> None:
    """The curve of a record, the k-th in its axes, with what did not converge."""
    order = np.argsort(record.points, kind="stable")
    value, rise = record.points[order], 2.0 * record.delta_nll[order]
    sides = _sides(record) if interval else None
    if sides is not None:
        label = f"{label}: {asymmetric(float(record.best[0]), *sides)}"
    axes.plot(
        value,
        rise,
        color=LINES[k % len(LINES)],
        linestyle="--" if record.stat_only else _DASHES[k % len(_DASHES)],
        marker="o" if len(value) <= _MARKED else None,
        markersize=2.5,
        label=label_text(None, label, longest=80),
    )
    failed = ~record.success
    if np.any(failed):
        axes.plot(
            record.points[failed],
            np.zeros(int(failed.sum())),
            "x",
            color=UP,
            clip_on=False,
            label=f"{int(failed.sum())} not converged",
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
