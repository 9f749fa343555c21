"""Scans of the likelihood: curves of one parameter, a map of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from ..render import asymmetric
from ..results import Scan
from ..results.levels import ONE_SIGMA, joint_level
from ._plane import NLL_TEXT, draw_map, hide, highest, standard_model
from ._style import (
    GREY,
    LINES,
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

__all__ = ["check_scans", "draw_curve", "kind", "level_lines", "scan"]

_DASHES = ("-", (0, (5, 1.5)), "-.", (0, (1, 1)), "-", "--")
_MARKED = 60
"""Up to so many points each is marked."""


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
    point = standard_model(record.names, sm, "plot.scan")
    if len(record.names) == 2:
        return draw_map(record, point)
    figure = new_figure(5.6, 4.4)
    _draw_curves([record, *others], labels, point, figure)
    return figure


def check_scans(
    what: str, records: Sequence[Scan], labels: Sequence[str] | None, of: str = "parameter"
) -> None:
    """Scans of the same parameter, or one of two, and a label each."""
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
    if len(first.names) > 2 or (len(records) > 1 and len(first.names) > 1):
        raise InvalidValueError(
            f"{what}: draws curves of one {of}, or one map of two; this is "
            f"{len(records)} of {len(first.names)}."
        )


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
