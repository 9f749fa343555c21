"""Pulls of the nuisances, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..results import Pulls
from ._style import SMALL, TINY, check_record, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PULL_HEIGHT", "draw_pulls", "pulls"]

PULL_HEIGHT = 0.185
"""Height of a line, in inches: its name stays readable."""
_PER_COLUMN = 65
_COLOUR = "#1f4e79"


def _reach(record: Pulls) -> float:
    """Half the width of the axis, in pre-fit errors."""
    widest = [record.error, *(e for e in (record.error_up, record.error_down) if e is not None)]
    ends = np.abs(record.pull) + np.nan_to_num(widest).max(axis=0)
    return float(max(2.4, 1.05 * ends[np.isfinite(ends)].max(initial=0.0)))


def draw_pulls(record: Pulls, axes: Axes, *, reach: float | None = None, title: str = "") -> None:
    """Draw pulls into axes, the first on top; grey bands are one and two pre-fit errors."""
    at = np.arange(len(record))
    axes.axvspan(-2.0, 2.0, color="#f0f0f0", zorder=0)
    axes.axvspan(-1.0, 1.0, color="#dcdcdc", zorder=0)
    axes.axvline(0.0, color="#777777", linewidth=0.8, linestyle=":", zorder=1)
    errors = record.error
    if record.error_up is not None and record.error_down is not None:
        errors = np.stack([record.error_down, record.error_up])
    axes.errorbar(
        record.pull,
        at,
        xerr=np.nan_to_num(errors),
        fmt="o",
        color=_COLOUR,
        markersize=3.2,
        elinewidth=1.1,
        zorder=2,
    )
    half = _reach(record) if reach is None else reach
    axes.set_xlim(-half, half)
    axes.set_ylim(len(record) - 0.4, -0.6)
    # Members of a set share its label: their names tell them apart.
    own = [None if record.labels.count(label) > 1 else label for label in record.labels]
    names = [label_text(label, name) for label, name in zip(own, record.names, strict=True)]
    axes.set_yticks(at, names, fontsize=TINY)
    axes.tick_params(axis="y", length=2.0)
    axes.tick_params(axis="x", labelsize=TINY)
    axes.set_xlabel(r"pull  $(\hat\theta - \theta_0)\,/\,\Delta\theta$", fontsize=SMALL)
    if title:
        axes.set_title(title, fontsize=SMALL, loc="left", pad=3.0)


def pulls(record: Pulls, *, largest: int | None = None) -> Figure:
    r"""Pulls with their post-fit errors, in units of the pre-fit errors.

    Parameters
    ----------
    record
        What to draw, as from ``model.pulls``; its order is kept.
    largest
        Draw only so many, sorted by size.

    Raises
    ------
    InvalidTypeError
        For something that is no record of pulls.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> record = Pulls(("jes", "lumi"), (r"\mathrm{JES}", None), np.array([0.3, -1.2]), np.array([0.6, 1.0]))
    >>> [text.get_text() for text in pulls(record).axes[0].get_yticklabels()]
    ['$\\mathrm{JES}$', 'lumi']
    """
    check_record("plot.pulls", record, Pulls, "model.pulls(best_fit)")
    shown = record if largest is None else record.largest(largest)
    columns = max(1, -(-len(shown) // _PER_COLUMN))
    lines = max(1, -(-len(shown) // columns))
    figure = new_figure(5.0 * columns, PULL_HEIGHT * lines + 1.0)
    reach = _reach(shown)
    for i in range(columns):
        part = shown.take(range(i * lines, min((i + 1) * lines, len(shown))))
        draw_pulls(part, figure.add_subplot(1, columns, i + 1), reach=reach)
    return figure
