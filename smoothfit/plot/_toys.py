"""Fits of toys: what they find of the parameters, and the pulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError, UnknownNameError
from ..render import number, with_error
from ..results import ToyFits
from ..results.toy_fits import Moments
from ._plane import hide
from ._style import (
    BLACK,
    FILL,
    ORANGE,
    SLIDE,
    SMALL,
    check_record,
    heading,
    label_text,
    new_figure,
    page_of,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["toys"]

_BEYOND = 5e-4
"""Share of the toys that may be beyond either end of a histogram."""
_BINS = 80


@picture
def toys(record: ToyFits, *, parameters: Sequence[str] | None = None, n: int = 3, page: int = 1) -> Figure:
    """Estimates of each parameter with the value that toys were drawn at, beside the pulls.

    Pulls are (estimate - truth) / error, with the standard normal distribution as a curve; there are none of
    a parameter without a truth, or of fits without errors. A blinded parameter stays hidden.

    Parameters
    ----------
    record
        What to draw, as from ``fit_toys`` or ``Campaign.results``.
    parameters
        Names, in this order; by default the parameters of interest.
    n, page
        How many parameters a page has, and which page, from 1.

    Raises
    ------
    InvalidTypeError
        For another record.
    UnknownNameError
        If there is no such parameter among the kept ones.
    InvalidValueError
        If there is no parameter of interest, no toy, or no such page.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> from smoothfit.campaign import fit_toys
    >>> model = Model().add_proc(Process("sig", [50.0, 20.0]).scale_by(Variable("mu", 1.0))).prepare()
    >>> figure = toys(fit_toys(model, values={"mu": 1.0}, toys=200, seed=1))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['mu', 'pull of mu']
    """
    check_record("plot.toys", record, ToyFits, "fit_toys(...) or Campaign.results()")
    every = _positions(record, parameters)
    on_page, which, pages = page_of("plot.toys", len(every), n, page)
    at = [every[i] for i in on_page]
    values, errors = _columns(record, at)
    if not len(values):
        raise InvalidValueError("plot.toys: there are no toys yet; run the campaign first.")
    figure = new_figure(10.0, min(0.7 + 2.8 * len(at), SLIDE[1]), pages=pages)
    heading(figure, which)
    panels = figure.subplots(len(at), 2, squeeze=False)
    for row, i in enumerate(at):
        name = label_text(None, record.parameters[i])
        left, right = panels[row]
        left.set_xlabel(name)
        right.set_xlabel(f"pull of {name}")
        if record.parameters[i] in record.hidden:
            hide(left)
            hide(right)
            continue
        _draw_estimates(left, values[:, row], record.truth[i])
        _draw_pulls(right, values[:, row], record.truth[i], None if errors is None else errors[:, row])
    return figure


def _positions(record: ToyFits, parameters: Sequence[str] | None) -> list[int]:
    names = record.pois if parameters is None else tuple(parameters)
    for name in names:
        if name not in record.parameters:
            known = ", ".join(record.parameters[:24])
            raise UnknownNameError(f"plot.toys: no parameter '{name}' was kept; there are: {known}.")
    if not names:
        raise InvalidValueError("plot.toys: there is no parameter of interest; name parameters=[...].")
    return [record.parameters.index(name) for name in names]


def _columns(record: ToyFits, at: list[int]) -> tuple[FloatArray, FloatArray | None]:
    """(toy, drawn): values and errors, in one pass over the blocks."""
    values, errors = [np.zeros((0, len(at)))], []
    for block in record.blocks():
        values.append(block.x[:, at])
        if block.errors is not None:
            errors.append(block.errors[:, at])
    return np.concatenate(values), np.concatenate(errors) if errors else None


def _draw_estimates(axes: Axes, values: FloatArray, truth: float) -> None:
    _, moments = _draw(axes, values)
    if moments is None:
        return
    if np.isfinite(truth):
        axes.axvline(truth, color=BLACK, linewidth=1.4, label=f"truth: {number(truth, digits=4)}")
    mean = with_error(moments.mean[0], moments.error[0])
    axes.axvline(moments.mean[0], color=ORANGE, linewidth=1.4, linestyle="--", label=f"mean: {mean}")
    _finish(axes)


def _draw_pulls(axes: Axes, values: FloatArray, truth: float, errors: FloatArray | None) -> None:
    if errors is None or not np.isfinite(truth):
        why = "no errors" if errors is None else "no one truth"
        axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = (values - truth) / errors
    edges, moments = _draw(axes, pulls)
    if moments is None:
        return
    x = np.linspace(edges[0], edges[-1], 300)
    height = moments.n[0] * (edges[1] - edges[0]) / np.sqrt(2.0 * np.pi)
    axes.plot(x, height * np.exp(-0.5 * x**2), color=ORANGE, linewidth=1.4, label="standard normal")
    mean = with_error(moments.mean[0], moments.error[0])
    axes.plot([], [], " ", label=f"mean: {mean}")
    axes.plot([], [], " ", label=f"width: {number(moments.deviation[0], digits=3)}")
    _finish(axes)


def _draw(axes: Axes, values: FloatArray) -> tuple[FloatArray, Moments | None]:
    """The histogram; what it leaves out is said."""
    known = values[np.isfinite(values)]
    if not len(known):
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", va="center", fontsize=SMALL)
        return np.zeros(0), None
    moments = Moments(1)
    moments.add(known[:, None])
    edges = _edges(known)
    beyond = int(np.sum((known < edges[0]) | (known > edges[-1])))
    label = f"{len(known)} toys"
    label += f", {beyond} beyond" if beyond else ""
    label += f" ({len(values) - len(known)} without a value)" if len(known) < len(values) else ""
    axes.hist(known, bins=edges.tolist(), color=FILL, label=label)
    return edges, moments


def _edges(known: FloatArray) -> FloatArray:
    low, high = (float(np.quantile(known, q)) for q in (_BEYOND, 1.0 - _BEYOND))
    margin = 0.04 * (high - low) or 0.5 * max(abs(low), 1.0)
    bins = int(np.clip(np.sqrt(len(known)), 10, _BINS))
    return np.linspace(low - margin, high + margin, bins + 1)


def _finish(axes: Axes) -> None:
    axes.set_ylim(0.0, 1.05 * axes.get_ylim()[1])
    axes.set_ylabel("toys")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False)
