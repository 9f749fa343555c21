"""Fits of toys: histograms of values and of pulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError, UnknownNameError
from ..render import number
from ..results import ToyFits
from ._scan import hide
from ._style import SMALL, TINY, check_record, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["toys"]

_COLOUR, _TRUTH = "#3f90da", "#bd1f01"
_MOST = 8
"""Parameters of interest that are drawn if none is named."""
_BINS = 50
_REACH = 4.0
"""Of the axis of pulls."""


def toys(record: ToyFits, parameters: Sequence[str] | None = None) -> Figure:
    """What fits of toys found: a line a parameter, its values on the left and its pulls on the right.

    The red line is the value that toys were drawn at; the curve over the pulls is the unit Gaussian. Fits
    that did not converge are counted above, and in no histogram; a blinded parameter stays hidden.

    Parameters
    ----------
    record
        What to draw, as from ``Campaign.results``.
    parameters
        Names; the first 8 parameters of interest by default.

    Raises
    ------
    InvalidTypeError
        For anything else than such a record.
    InvalidValueError
        If there are no parameters of interest, and none is named.
    UnknownNameError
        For a name that is not stored.
    """
    check_record("plot.toys", record, ToyFits, "Campaign.results()")
    names = _names(record, parameters)
    figure = new_figure(7.2, 0.5 + 2.1 * len(names))
    grid = figure.subplots(len(names), 2, squeeze=False)
    figure.suptitle(record.message, fontsize=SMALL)
    for (left, right), name in zip(grid, names, strict=True):
        left.set_xlabel(label_text(None, name), fontsize=SMALL)
        right.set_xlabel(f"pull of {label_text(None, name)}", fontsize=SMALL)
        if name in record.hidden:
            hide(left)
            hide(right)
            continue
        truth = float(record.truth[record.parameters.index(name)])
        values, errors = record.column(name), _errors(record, name)
        _values(values, truth, left)
        _pulls(values, truth, errors, right)
        for axes in (left, right):
            axes.tick_params(labelsize=TINY)
    return figure


def _names(record: ToyFits, asked: Sequence[str] | None) -> list[str]:
    if asked is None:
        if not record.pois:
            raise InvalidValueError("plot.toys: no parameter of interest is stored; name what to draw.")
        return list(record.pois[:_MOST])
    unknown = [name for name in asked if name not in record.parameters]
    if unknown or not asked:
        named = f"'{unknown[0]}' is not stored" if unknown else "parameters is empty"
        raise UnknownNameError(f"plot.toys: {named}; there are: {', '.join(record.parameters[:12])}.")
    return list(asked)


def _errors(record: ToyFits, name: str) -> FloatArray | None:
    return record.column(f"{name} error") if np.any(record.errors.n) else None


def _values(values: FloatArray, truth: float, axes: Axes) -> None:
    shown = values[np.isfinite(values)]
    axes.hist(shown, bins=_BINS, color=_COLOUR, histtype="stepfilled", alpha=0.8)
    if np.isfinite(truth):
        axes.axvline(truth, color=_TRUTH, linewidth=1.2)
    axes.set_ylabel("toys", fontsize=SMALL)


def _pulls(values: FloatArray, truth: float, errors: FloatArray | None, axes: Axes) -> None:
    pulls = np.zeros(0)
    if errors is not None and np.isfinite(truth):
        with np.errstate(divide="ignore", invalid="ignore"):
            pulls = (values - truth) / errors
        pulls = pulls[np.isfinite(pulls)]
    if not len(pulls):
        axes.text(0.5, 0.5, "no pulls", transform=axes.transAxes, ha="center", fontsize=SMALL)
        return
    edges = np.linspace(-_REACH, _REACH, _BINS + 1)
    # What lies beyond is counted in the outermost bins.
    axes.hist(
        np.clip(pulls, -_REACH, _REACH), bins=edges.tolist(), color=_COLOUR, histtype="stepfilled", alpha=0.8
    )
    x = np.linspace(-_REACH, _REACH, 200)
    height = len(pulls) * (edges[1] - edges[0]) / np.sqrt(2.0 * np.pi)
    axes.plot(x, height * np.exp(-0.5 * x**2), color="#333333", linewidth=1.2)
    width = number(float(np.std(pulls)), digits=3)
    text = f"mean {number(float(np.mean(pulls)), digits=2)}\nwidth {width}"
    axes.text(0.97, 0.94, text, transform=axes.transAxes, ha="right", va="top", fontsize=TINY)
