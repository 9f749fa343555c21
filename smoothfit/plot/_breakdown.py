"""The breakdown of an uncertainty, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError
from ..render import number, with_error
from ..results import Breakdown
from ..results.record import BLINDED
from ._style import (
    DARK,
    GREY,
    LIGHT,
    PALETTE,
    SLIDE,
    SMALL,
    TINY,
    UP,
    check_record,
    label_text,
    name_lines,
    new_figure,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["breakdown"]

_HEIGHT = 0.26
_NAMES, _BARS = 2.4, 4.4
"""Widths, in inches."""


@picture
def breakdown(record: Breakdown, *, poi: str | Sequence[str] | None = None, n: int = 20) -> Figure:
    """The shares of the sources in the variance of one quantity, the largest on top, with their errors.

    Parameters
    ----------
    record
        What to draw, as from ``model.breakdown``.
    poi
        The quantity's name; the first by default. Of several names, a panel each, in the order of the first.
    n
        How many sources to draw; the rest is drawn as one. More than 23 are larger than a slide.

    Raises
    ------
    InvalidTypeError
        For something that is no breakdown.
    InvalidValueError
        If ``n`` is not a whole number from 1 on.
    UnknownNameError
        If the record has no such quantity.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> record = Breakdown("hessian", ("mu",), (None,), np.array([1.0]), np.array([0.25]),
    ...                    ("data", "lumi"), np.array([[0.16], [0.09]]), np.array([False]))
    >>> [text.get_text() for text in breakdown(record).axes[0].get_yticklabels()]
    ['data', 'lumi', 'sum']
    """
    check_record("plot.breakdown", record, Breakdown, "model.breakdown(pois, best_fit)")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InvalidValueError(f"plot.breakdown: n must be a whole number from 1 on, got {n!r}.")
    names = [record.pois[0]] if poi is None else [poi] if isinstance(poi, str) else list(poi)
    ranked = record.ranking(names[0])
    at = [_column(record, name) for name in names]
    entries = _entries(record, ranked, n)
    width = _NAMES + min(_BARS * len(names), SLIDE[0] - _NAMES)
    figure = new_figure(width, _HEIGHT * len(entries) + 1.0)
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, at, strict=True):
        total = record.variance[column]
        shares = [(name, share[column]) for name, share in entries]
        _draw(axes, shares, total, hidden=bool(record.hidden[column]))
        label = label_text(record.labels[column], record.pois[column])
        value = BLINDED if record.hidden[column] else with_error(record.values[column], float(np.sqrt(total)))
        axes.set_title(f"{label} = {value}", fontsize=SMALL, loc="left")
        axes.tick_params(axis="y", which="both", length=0.0)
    name_lines(panels[0], [label_text(None, name) for name, _ in entries])
    panels[-1].set_xlabel("share of the variance [%]; beside the bars: errors")
    return figure


def _column(record: Breakdown, name: str) -> int:
    record.ranking(name)
    return record.pois.index(name)


def _entries(record: Breakdown, ranked: list[str], n: int) -> list[tuple[str, FloatArray]]:
    """(name, shares (poi,)) of what is drawn, the largest first, the rest as one, and the sum."""
    shares = {name: record.shares[record.sources.index(name)] for name in ranked}
    entries = [(name, shares[name]) for name in ranked[:n]]
    rest = ranked[n:]
    if rest:
        entries.append((f"{len(rest)} others", np.sum([shares[name] for name in rest], axis=0)))
    return [*entries, ("sum", record.shares.sum(axis=0))]


def _draw(axes: Axes, entries: list[tuple[str, float]], total: float, *, hidden: bool) -> None:
    lines = np.arange(len(entries))
    if hidden:
        axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", va="center", color=GREY)
        axes.set_xticks([])
        return
    share = 100.0 * np.array([entry for _, entry in entries]) / total
    colours = [UP if entry < 0.0 else PALETTE[0] for entry in share]
    colours[-1] = LIGHT
    axes.barh(lines, share, 0.66, color=colours, edgecolor=DARK, linewidth=0.4)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    low, high = min(0.0, np.nanmin(share, initial=0.0)), max(np.nanmax(share, initial=0.0), 1.0)
    span = high - low
    # Room for the numbers, to the right of all bars.
    axes.set_xlim(low - 0.03 * span, high + 0.3 * span)
    for line, (_, variance) in enumerate(entries):
        error = np.sign(variance) * np.sqrt(abs(variance))
        at = max(share[line], 0.0) if np.isfinite(share[line]) else 0.0
        axes.text(at + 0.015 * span, line, number(float(error), digits=3), va="center", fontsize=TINY)
