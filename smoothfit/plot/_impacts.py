"""Impacts of the nuisances on a quantity, beside their pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..render import with_error
from ..results import Impacts
from ..results.record import BLINDED
from ._style import SMALL, TINY, check_record, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["impacts"]

_HEIGHT = 0.26
"""Height of a line, in inches."""
_UP, _DOWN, _POINT = "#bd1f01", "#3f90da", "#222222"
_MOVED = {
    "minos": "post-fit (Minos) bound",
    "hesse": "post-fit (Hesse) bound",
    "prefit": "pre-fit bound",
    "glob": "global observable",
}


def impacts(record: Impacts, *, poi: str | None = None, n: int = 20, page: int = 1) -> Figure:
    """Impacts on one quantity, the largest on top, and beside them the pulls with their post-fit errors.

    The bars are the shifts of the quantity with the nuisance moved up (red) and down (blue). Empty bars are
    those of a side that ended at a limit of the nuisance; a side that failed has none, and a cross.

    Parameters
    ----------
    record
        What to draw, as from ``model.impacts``.
    poi
        The quantity's name; the first by default.
    n, page
        How many nuisances a page has, and which page, from 1.

    Raises
    ------
    InvalidTypeError
        For something that is no record of impacts.
    UnknownNameError
        If the record has no such quantity.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([0.5])
    >>> record = Impacts("traditional", "minos", ("mu",), (None,), np.array([1.0]), np.array([0.3]),
    ...                  ("lumi",), (None,), one, -one, np.array([[0.1]]), np.array([[-0.12]]),
    ...                  ("converged",), ("converged",), 0.2 * one, one, one, np.array([False]))
    >>> len(impacts(record).axes)  # pulls and impacts
    2
    """
    check_record("plot.impacts", record, Impacts, "model.impacts(pois, best_fit)")
    name = record.pois[0] if poi is None else poi
    order = record.order(name)
    at = record.pois.index(name)
    shown = order[n * (page - 1) : n * page]
    lines = max(1, len(shown))
    figure = new_figure(8.2, _HEIGHT * lines + 1.35)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.0, 1.1])
    _draw_pulls(record, shown, left)
    _draw_impacts(record, shown, at, right, n * (page - 1))
    left.set_ylim(lines - 0.4, -0.6)
    _add_heading(figure, right, record, at, len(order), n, page)
    return figure


def _names(record: Impacts, shown: list[int]) -> list[str]:
    return [label_text(record.nuisance_labels[i], record.names[i]) for i in shown]


def _stripes(axes: Axes, lines: int) -> None:
    for line in range(0, lines, 2):
        axes.axhspan(line - 0.5, line + 0.5, color="#f4f4f4", zorder=0)


def _draw_pulls(record: Impacts, shown: list[int], axes: Axes) -> None:
    at = np.arange(len(shown))
    pull, up, down = (column[shown] for column in (record.pull, record.error_up, record.error_down))
    _stripes(axes, len(shown))
    axes.axvline(0.0, color="#777777", linewidth=0.8, linestyle=":", zorder=1)
    for edge in (-1.0, 1.0):
        axes.axvline(edge, color="#bbbbbb", linewidth=0.8, linestyle="--", zorder=1)
    errors = np.nan_to_num(np.stack([down, up]))
    axes.errorbar(
        pull, at, xerr=errors, fmt="o", color=_POINT, markersize=3.6, elinewidth=1.2, capsize=2.0, zorder=3
    )
    ends = np.concatenate([pull - errors[0], pull + errors[1]])
    half = max(2.2, 1.1 * float(np.abs(ends[np.isfinite(ends)]).max(initial=0.0)))
    axes.set_xlim(-half, half)
    for line in np.flatnonzero(np.isnan(pull)).tolist():
        axes.text(0.0, line, "free", ha="center", va="center", fontsize=TINY, color="#777777")
    axes.set_yticks(at, _names(record, shown), fontsize=TINY)
    axes.tick_params(axis="y", length=0.0)
    axes.tick_params(axis="x", labelsize=TINY)
    axes.set_xlabel(r"pull  $(\hat\theta - \theta_0)\,/\,\Delta\theta$", fontsize=SMALL)


def _draw_impacts(record: Impacts, shown: list[int], at: int, axes: Axes, first: int) -> None:
    _stripes(axes, len(shown))
    axes.axvline(0.0, color="#777777", linewidth=0.8, zorder=1)
    axes.tick_params(axis="y", length=0.0)
    axes.tick_params(axis="x", labelsize=TINY)
    poi = label_text(record.labels[at], record.pois[at])
    axes.set_xlabel(rf"impact on {poi}", fontsize=SMALL)
    if record.hidden[at]:
        axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", va="center", color="#777777")
        axes.set_xticks([])
        return
    lines = np.arange(len(shown))
    # Bars to the same side: the one for down is thinner, so that both are seen.
    same = record.up[shown, at] * record.down[shown, at] > 0.0
    for shift, status, colour, side in (
        (record.up, record.status_up, _UP, "up"),
        (record.down, record.status_down, _DOWN, "down"),
    ):
        values = shift[shown, at]
        limited = np.array([status[i] == "at limit" for i in shown], dtype=bool)
        usual = ~limited & np.isfinite(values)
        height = np.where(same & (side == "down"), 0.3, 0.62)
        axes.barh(
            lines[usual], values[usual], height[usual], color=colour, zorder=2, label=f"nuisance {side}"
        )
        axes.barh(
            lines[limited],
            values[limited],
            height[limited],
            facecolor="none",
            edgecolor=colour,
            linewidth=1.2,
            zorder=2,
        )
        failed = ~np.isfinite(values)
        axes.plot(np.zeros(failed.sum()), lines[failed], "x", color=colour, markersize=5.0, zorder=3)
    reach = record.size(record.pois[at])[shown]
    half = 1.15 * float(reach[np.isfinite(reach)].max(initial=0.0)) or 1.0
    axes.set_xlim(-half, half)
    for line in range(len(shown)):
        axes.text(
            0.985 * half, line, f"{first + line + 1}", ha="right", va="center", fontsize=5.5, color="#999999"
        )


def _add_heading(figure: Figure, axes: Axes, record: Impacts, at: int, count: int, n: int, page: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        moved = _MOVED.get(record.bounds, record.bounds)
        names = [f"{moved}, {label.removeprefix('nuisance ')}" for label in labels]
        figure.legend(handles, names, loc="outside upper right", ncols=2, fontsize=TINY, frameon=False)
    poi = label_text(record.labels[at], record.pois[at])
    value = BLINDED if record.hidden[at] else with_error(record.values[at], record.errors[at])
    pages = -(-count // n)
    title = f"{poi} = {value}" + (f"   (page {page} of {pages})" if pages > 1 else "")
    figure.suptitle(title, fontsize=SMALL, x=0.02, ha="left")
