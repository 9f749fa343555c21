"""Impacts of the nuisances on a quantity, beside their pulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidValueError
from ..render import with_error
from ..results import Impacts
from ..results.record import BLINDED
from ._breakdown import breakdown
from ._style import (
    DARK,
    DOWN,
    DOWN_LINE,
    GREY,
    LIGHT,
    PALE,
    SLIDE,
    TINIEST,
    TINY,
    UP,
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

__all__ = ["impacts"]

_HEIGHT = 0.26
"""Height of a line, in inches."""
_MOVED = {
    "minos": "post-fit (Minos) bound",
    "hesse": "post-fit (Hesse) bound",
    "prefit": "pre-fit bound",
    "glob": "global observable",
}


@picture
def impacts(
    record: Impacts,
    *,
    poi: str | Sequence[str] | None = None,
    n: int = 20,
    page: int = 1,
    groups: bool = False,
) -> Figure:
    """Impacts on one quantity, the largest on top, and beside them the pulls with their post-fit errors.

    The bars are the shifts of the quantity with the nuisance moved up (dark) and down (light). Empty bars are
    those of a side that ended at a limit of the nuisance; a side that failed has none, and a cross.

    Parameters
    ----------
    record
        What to draw, as from ``model.impacts``.
    poi
        The quantity's name; the first by default. Of several names, a column each beside the pulls: the
        largest impact on any of them, in units of its error, is on top.
    n, page
        How many nuisances a page has (more than 23 are larger than a slide), and which page, from 1;
        :func:`pages` draws all.
    groups
        Whether to draw what groups of nuisances contribute instead, if ``model.impacts(groups=...)`` was
        asked for them.

    Raises
    ------
    InvalidTypeError
        For something that is no record of impacts.
    InvalidValueError
        For a page that is not there, and groups that were not asked for.
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
    if groups:
        if record.groups is None:
            raise InvalidValueError(
                "plot.impacts: this record has no groups; ask for them: model.impacts(..., groups={...})."
            )
        return breakdown(record.groups, poi=poi)
    names = [record.pois[0]] if poi is None else [poi] if isinstance(poi, str) else list(poi)
    order = record.order(names[0]) if len(names) == 1 else _joint_order(record, names)
    on_page, which, pages = page_of("plot.impacts", len(order), n, page)
    shown = [order[i] for i in on_page]
    widths = [1.0] + [1.1 if len(names) == 1 else 0.8] * len(names)
    width = 8.2 if len(names) == 1 else min(2.2 + 2.5 * len(widths), SLIDE[0])
    figure = new_figure(width, _HEIGHT * max(1, len(shown)) + 1.35, pages=pages)
    left, *rest = figure.subplots(1, len(widths), sharey=True, width_ratios=widths)
    _draw_pulls(record, shown, left)
    handles: dict[str, Any] = {}
    for axes, name in zip(rest, names, strict=True):
        at = record.pois.index(name)
        _draw_impacts(record, shown, at, axes)
        found, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, found, strict=True))
        if len(names) > 1:
            axes.set_title(_value(record, at), fontsize=TINY, loc="left")
        axes.tick_params(axis="y", which="both", length=0.0)
        axes.locator_params(axis="x", nbins=6 if len(names) == 1 else 4)
    _number_lines(rest[-1], on_page)
    name_lines(left, [label_text(record.nuisance_labels[i], record.names[i]) for i in shown])
    title = _value(record, record.pois.index(names[0])) if len(names) == 1 else ""
    page_text = f"   ({which})" if which and title else which
    heading(figure, title + page_text, list(handles.values()), list(handles), columns=2)
    return figure


def _joint_order(record: Impacts, names: list[str]) -> list[int]:
    """Positions of the nuisances, that of the largest impact in units of the quantity's error first."""
    columns = []
    for name in names:
        size = record.size(name)
        error = record.errors[record.pois.index(name)]
        columns.append(size / error if error > 0.0 else size)
    largest = np.full(len(record), np.nan)
    for column in columns:
        largest = np.fmax(largest, column)
    return [int(i) for i in np.argsort(-largest, kind="stable")]


def _value(record: Impacts, at: int) -> str:
    poi = label_text(record.labels[at], record.pois[at])
    value = BLINDED if record.hidden[at] else with_error(record.values[at], record.errors[at])
    return f"{poi} = {value}"


def _stripes(axes: Axes, lines: int) -> None:
    for line in range(0, lines, 2):
        axes.axhspan(line - 0.5, line + 0.5, color=PALE, linewidth=0.0, zorder=0)


def _draw_pulls(record: Impacts, shown: list[int], axes: Axes) -> None:
    at = np.arange(len(shown))
    pull, up, down = (column[shown] for column in (record.pull, record.error_up, record.error_down))
    _stripes(axes, len(shown))
    axes.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
    for edge in (-1.0, 1.0):
        axes.axvline(edge, color=LIGHT, linewidth=0.8, linestyle="--", zorder=1)
    errors = np.nan_to_num(np.stack([down, up]))
    axes.errorbar(
        pull, at, xerr=errors, fmt="o", color=DARK, markersize=3.6, elinewidth=1.2, capsize=2.0, zorder=3
    )
    ends = np.concatenate([pull - errors[0], pull + errors[1]])
    half = max(2.2, 1.1 * float(np.abs(ends[np.isfinite(ends)]).max(initial=0.0)))
    axes.set_xlim(-half, half)
    for line in np.flatnonzero(np.isnan(pull)).tolist():
        axes.text(0.0, line, "free", ha="center", va="center", fontsize=TINY, color=GREY)
    axes.set_xlabel(r"pull  $(\hat\theta - \theta_0)\,/\,\Delta\theta$")


def _draw_impacts(record: Impacts, shown: list[int], at: int, axes: Axes) -> None:
    _stripes(axes, len(shown))
    axes.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
    axes.set_xlabel(f"impact on {label_text(record.labels[at], record.pois[at])}")
    if record.hidden[at]:
        axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", va="center", color=GREY)
        axes.set_xticks([])
        return
    moved = _MOVED.get(record.bounds, record.bounds)
    lines = np.arange(len(shown))
    # Bars to the same side: the one for down is thinner, so that both are seen.
    same = record.up[shown, at] * record.down[shown, at] > 0.0
    for shift, status, colour, side in (
        (record.up, record.status_up, UP, "up"),
        (record.down, record.status_down, DOWN, "down"),
    ):
        values = shift[shown, at]
        limited = np.array([status[i] == "at limit" for i in shown], dtype=bool)
        usual = ~limited & np.isfinite(values)
        height = np.where(same & (side == "down"), 0.3, 0.62)
        axes.barh(
            lines[usual],
            values[usual],
            height[usual],
            color=colour,
            edgecolor=DARK,
            linewidth=0.4,
            zorder=2,
            label=f"{moved}, {side}",
        )
        axes.barh(
            lines[limited],
            values[limited],
            height[limited],
            facecolor="none",
            edgecolor=colour if side == "up" else DOWN_LINE,
            linewidth=1.2,
            zorder=2,
        )
        failed = ~np.isfinite(values)
        axes.plot(np.zeros(failed.sum()), lines[failed], "x", color=colour, markersize=5.0, zorder=3)
    reach = record.size(record.pois[at])[shown]
    half = 1.15 * float(reach[np.isfinite(reach)].max(initial=0.0)) or 1.0
    axes.set_xlim(-half, half)


def _number_lines(axes: Axes, positions: range) -> None:
    """Which of all a nuisance is, beside its line."""
    for line, position in enumerate(positions):
        axes.annotate(
            f"{position + 1}",
            (1.0, line),
            xycoords=("axes fraction", "data"),
            xytext=(3.0, 0.0),
            textcoords="offset points",
            va="center",
            fontsize=TINIEST,
            color=GREY,
        )
