"""The breakdown of an uncertainty, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..render import with_error
from ..results import Breakdown
from ..results.record import BLINDED
from ._style import SMALL, TINY, check_record, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["breakdown"]

_HEIGHT = 0.28
_BAR, _NEGATIVE, _TOTAL = "#3f90da", "#bd1f01", "#717581"


def breakdown(record: Breakdown, *, poi: str | None = None, n: int = 20) -> Figure:
    """The shares of the sources in the variance of one quantity, the largest on top, with their errors.

    Parameters
    ----------
    record
        What to draw, as from ``model.breakdown``.
    poi
        The quantity's name; the first by default.
    n
        How many sources to draw; the rest is drawn as one.

    Raises
    ------
    InvalidTypeError
        For something that is no breakdown.
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
    name = record.pois[0] if poi is None else poi
    ranked = record.ranking(name)
    at = record.pois.index(name)
    total = record.variance[at]
    shown = ranked[:n]
    entries = [(source, record.shares[record.sources.index(source), at]) for source in shown]
    rest = ranked[len(shown) :]
    if rest:
        share = sum(record.shares[record.sources.index(source), at] for source in rest)
        entries.append((f"{len(rest)} others", share))
    entries.append(("sum", record.shares[:, at].sum()))
    figure = new_figure(6.4, _HEIGHT * len(entries) + 1.1)
    axes = figure.add_subplot()
    _draw(axes, entries, total, hidden=bool(record.hidden[at]))
    label = label_text(record.labels[at], name)
    value = BLINDED if record.hidden[at] else with_error(record.values[at], float(np.sqrt(total)))
    axes.set_title(f"{label} = {value}", fontsize=SMALL, loc="left")
    axes.set_xlabel("share of the variance [%]; beside the bars: errors", fontsize=SMALL)
    return figure


def _draw(axes: Axes, entries: list[tuple[str, float]], total: float, *, hidden: bool) -> None:
    lines = np.arange(len(entries))
    axes.set_yticks(lines, [label_text(None, name) for name, _ in entries], fontsize=TINY)
    axes.tick_params(axis="y", length=0.0)
    axes.tick_params(axis="x", labelsize=TINY)
    axes.set_ylim(len(entries) - 0.4, -0.6)
    if hidden:
        axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", va="center", color="#777777")
        axes.set_xticks([])
        return
    share = 100.0 * np.array([entry for _, entry in entries]) / total
    colours = [_NEGATIVE if entry < 0.0 else _BAR for entry in share]
    colours[-1] = _TOTAL
    axes.barh(lines, share, 0.66, color=colours, zorder=2)
    axes.axvline(0.0, color="#777777", linewidth=0.8, zorder=1)
    axes.axvline(100.0, color="#bbbbbb", linewidth=0.8, linestyle="--", zorder=1)
    finite = share[np.isfinite(share)]
    right = max(100.0, float(finite.max(initial=0.0)))
    axes.set_xlim(min(0.0, 1.3 * float(finite.min(initial=0.0))), 1.22 * right)
    for line, (_, variance) in enumerate(entries):
        error = np.sign(variance) * np.sqrt(abs(variance))
        text = f"{error:.3g}"
        axes.text(max(share[line], 0.0) + 0.01 * right, line, text, va="center", fontsize=TINY)
