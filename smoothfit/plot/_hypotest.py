"""A test: the observed statistic, and how it is distributed under both hypotheses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..inference.hypotests.asymptotics import tails
from ..render import number
from ..results import HypotestResult
from ._plane import hide
from ._style import (
    BLACK,
    DOWN_LINE,
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

__all__ = ["hypotest"]

_TESTED, _OTHER = UP, DOWN_LINE
_BINS = 60
_LEAST = 1e-5
"""Where the axis of probabilities ends."""


@picture
def hypotest(record: HypotestResult) -> Figure:
    """The observed test statistic in its distributions under the tested value and the other hypothesis.

    Lines are the asymptotic formulae, as probabilities a bin, so that the half of all data with a statistic
    of 0 can be seen; toys, where the record has them, are histograms with their errors.

    Parameters
    ----------
    record
        What to draw, as from ``model.hypotest``.

    Raises
    ------
    InvalidTypeError
        For something that is no record of a test.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> hypotest(model.hypotest(mu, 1.0, [51.0, 42.0])).axes[0].get_xlabel()
    'qtilde of mu = 1'
    """
    check_record("plot.hypotest", record, HypotestResult, "model.hypotest(...)")
    figure = new_figure(5.8, 4.4)
    axes = figure.add_subplot()
    name = parameter_text(record.layout, record.poi, with_unit=False)
    axes.set_xlabel(f"{record.statistic} of {name} = {number(record.value)}")
    axes.set_ylabel("probability a bin")
    if record.hidden:
        hide(axes)
        return figure
    edges = _edges(record)
    _draw_toys(record, edges, axes)
    _draw_formulae(record, edges, axes)
    if np.isfinite(record.q):
        text = f"observed: {number(record.q, digits=4)}"
        axes.axvline(record.q, color=BLACK, linewidth=1.5, label=text)
    axes.set_yscale("log")
    axes.set_ylim(_lowest(record), 2.0)
    axes.set_xlim(edges[0], edges[-1])
    heading(figure, _p_values(record), *axes.get_legend_handles_labels(), columns=2)
    return figure


def _p_values(record: HypotestResult) -> str:
    if record.is_discovery:
        return f"p = {number(record.p_value, digits=3)}"
    shown = [("CLs+b", record.clsb), ("CLb", record.clb), ("CLs", record.cls)]
    return ", ".join(f"{what} = {number(value, digits=3)}" for what, value in shown)


def _toys(record: HypotestResult) -> list[tuple[FloatArray, str, str]]:
    """(toys that are numbers, colour, in words) of both hypotheses."""
    every = [
        (record.toys_null, _TESTED, f"{label_text(None, record.poi)} = {number(record.value)}"),
        (record.toys_alt, _OTHER, f"{label_text(None, record.poi)} = {number(record.alternative)}"),
    ]
    return [(toys[np.isfinite(toys)], colour, text) for toys, colour, text in every if toys is not None]


def _lowest(record: HypotestResult) -> float:
    """Where the axis of probabilities ends: below one toy, where there are only toys."""
    toys = max((len(found) for found, _, _ in _toys(record)), default=0)
    return 0.3 / toys if toys and not np.isfinite(record.q_asimov) else _LEAST


def _edges(record: HypotestResult) -> FloatArray:
    """Bins with all that is to be seen; from 0 unless the statistic may be negative."""
    ends = [1.2 * record.q, 1.5 * record.q_asimov]
    starts = [0.0]
    if not _toys(record) or np.isfinite(record.q_asimov):
        ends.append(9.0)
    for toys, _, _ in _toys(record):
        ends += [float(toys.max(initial=0.0))]
        starts += [float(toys.min(initial=0.0))]
    top = max((end for end in ends if np.isfinite(end)), default=0.0) or 1.0
    return np.linspace(min(starts), top, _BINS + 1)


def _draw_toys(record: HypotestResult, edges: FloatArray, axes: Axes) -> None:
    for toys, colour, text in _toys(record):
        if not len(toys):
            continue
        counts = np.histogram(toys, edges)[0]
        share, error = counts / len(toys), np.sqrt(counts) / len(toys)
        style: dict[str, Any] = {"label": f"{text}, {len(toys)} toys"}
        if colour == _TESTED:
            axes.stairs(share, edges, fill=True, color=colour, alpha=0.3, **style)
        else:
            axes.stairs(share, edges, color=colour, linewidth=1.0, **style)
        middle = 0.5 * (edges[1:] + edges[:-1])
        some = counts > 0
        axes.errorbar(middle[some], share[some], error[some], fmt="none", ecolor=colour, linewidth=0.8)


def _draw_formulae(record: HypotestResult, edges: FloatArray, axes: Axes) -> None:
    if not np.isfinite(record.q_asimov):
        return
    # All data are at 0 or above.
    distance = np.sqrt(record.q_asimov)
    found = tails(record.statistic, np.maximum(edges, 0.0), distance)
    for log_tail, colour, value in (
        (found.clsb, _TESTED, record.value),
        (found.clb, _OTHER, record.alternative),
    ):
        tail = np.where(edges <= 0.0, 1.0, np.exp(log_tail))
        text = f"{label_text(None, record.poi)} = {number(value)}, asymptotic"
        dashes: Any = "-" if colour == _TESTED else (0, (4, 1.5))
        axes.stairs(tail[:-1] - tail[1:], edges, color=colour, linewidth=1.3, linestyle=dashes, label=text)
