"""Pulls of the nuisances, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..results import Pulls
from ._style import (
    BLUE,
    FAINT,
    GREY,
    PALE,
    SLIDE,
    SMALL,
    TINIEST,
    TINY,
    check_record,
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

__all__ = ["PULL_HEIGHT", "draw_pulls", "pulls"]

PULL_HEIGHT = 0.185
"""Height of a line, in inches: its name stays readable."""
_PER_COLUMN = 34
"""Lines of that height that fit a slide."""
_DENSE = 60
"""Lines a column of many, in small text."""
_MOST = 300


def _reach(record: Pulls) -> float:
    """Half the width of the axis, in pre-fit errors."""
    widest = [record.error, *(e for e in (record.error_up, record.error_down) if e is not None)]
    ends = np.abs(record.pull) + np.nan_to_num(widest).max(axis=0)
    return float(max(2.4, 1.05 * ends[np.isfinite(ends)].max(initial=0.0)))


def draw_pulls(
    record: Pulls, axes: Axes, *, reach: float | None = None, title: str = "", size: float = TINY
) -> None:
    """Draw pulls into axes, the first on top; grey bands are one and two pre-fit errors."""
    at = np.arange(len(record))
    axes.axvspan(-2.0, 2.0, color=PALE, linewidth=0.0, zorder=0)
    axes.axvspan(-1.0, 1.0, color=FAINT, linewidth=0.0, zorder=0)
    axes.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
    errors = record.error
    if record.error_up is not None and record.error_down is not None:
        errors = np.stack([record.error_down, record.error_up])
    axes.errorbar(
        record.pull,
        at,
        xerr=np.nan_to_num(errors),
        fmt="o",
        color=BLUE,
        markersize=3.2 if size >= TINY else 2.2,
        elinewidth=1.1 if size >= TINY else 0.8,
        zorder=2,
    )
    half = _reach(record) if reach is None else reach
    axes.set_xlim(-half, half)
    # Members of a set share its label: their names tell them apart.
    own = [None if record.labels.count(label) > 1 else label for label in record.labels]
    longest = 34 if size >= TINY else 24
    names = [
        label_text(own_label, name, longest=longest)
        for own_label, name in zip(own, record.names, strict=True)
    ]
    name_lines(axes, names, size)
    axes.set_xlabel(
        r"pull  $(\hat\theta - \theta_0)\,/\,\Delta\theta$", fontsize=SMALL if size >= TINY else TINY
    )
    if title:
        axes.set_title(title, fontsize=SMALL, loc="left", pad=3.0)


@picture
def pulls(record: Pulls, *, largest: int | None = None, n: int = _MOST, page: int = 1) -> Figure:
    r"""Pulls with their post-fit errors, in units of the pre-fit errors.

    Parameters
    ----------
    record
        What to draw, as from ``model.pulls``; its order is kept.
    largest
        Draw only so many, sorted by size.
    n, page
        How many nuisances a page has, and which page, from 1; :func:`pages` draws all.

    Raises
    ------
    InvalidTypeError
        For something that is no record of pulls.
    InvalidValueError
        For a page that is not there.
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
    ranked = record if largest is None else record.largest(largest)
    at, which, pages = page_of("plot.pulls", len(ranked), n, page)
    shown = ranked.take(at)
    dense = len(shown) > 3 * _PER_COLUMN
    columns = max(1, -(-len(shown) // (_DENSE if dense else _PER_COLUMN)))
    lines = max(1, -(-len(shown) // columns))
    height = (SLIDE[1] - 1.0) / _DENSE if dense else PULL_HEIGHT
    width = min(5.0 * columns, SLIDE[0])
    figure = new_figure(width, min(height * lines + 1.0, SLIDE[1]), pages=pages)
    reach = _reach(shown)
    for i in range(columns):
        part = shown.take(range(i * lines, min((i + 1) * lines, len(shown))))
        axes = figure.add_subplot(1, columns, i + 1)
        draw_pulls(part, axes, reach=reach, size=TINIEST if dense else TINY)
    chosen = "" if len(ranked) == len(record) else f"the {len(ranked)} largest of {len(record)} pulls"
    heading(figure, ", ".join(text for text in (chosen, which) if text))
    return figure
