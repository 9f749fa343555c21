"""An unfolded spectrum, its bias and its correlations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_choice
from .._optional import require
from .._types import ArrayLike, FloatArray
from ..errors import ShapeMismatchError
from ..results import UnfoldingResult
from ..results.record import BLINDED
from ._correlation import mark_negative, write_cells
from ._lcurve import draw_criteria, draw_lcurve
from ._plane import hide
from ._style import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    PURPLE,
    SLIDE,
    TINY,
    check_record,
    heading,
    label_text,
    new_figure,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["unfolding"]

_FREE = "#8a8a8a"
_TRUTH: dict[str, Any] = {"color": PURPLE, "linestyle": (0, (4, 1.5)), "linewidth": 1.3}
_LOG_FROM = 30.0
_MOST_TICKS = 12
_DENSE = 60
"""From so many truth bins on points have no bars across."""
_MATRICES = ("correlation", "covariance")


class _Frame:
    """Where the truth bins stand on the horizontal axis, and what they are divided by."""

    def __init__(self, record: UnfoldingResult) -> None:
        count = len(record.names)
        flow = record.is_flow is not None and bool(np.any(record.is_flow))
        self.has_edges = len(record.edges) == 1 and len(record.edges[0]) == count + 1 and not flow
        self.edges: FloatArray = record.edges[0] if self.has_edges else np.arange(count + 1.0) - 0.5
        widths = np.diff(self.edges)
        self.uniform = bool(np.allclose(widths, widths[0], rtol=1e-9))
        self.divides = self.has_edges and not self.uniform and record.of == "yield"
        self.unit: FloatArray = widths if self.divides else np.ones(count)
        self.centres = 0.5 * (self.edges[1:] + self.edges[:-1])
        self.half = 0.5 * widths


def _stairs(axes: Axes, frame: _Frame, heights: FloatArray, **style: Any) -> None:
    axes.stairs(heights, frame.edges, baseline=None, **style)


def _points(
    axes: Axes, frame: _Frame, heights: FloatArray, errors: FloatArray, *, free: bool, label: str = ""
) -> None:
    """The result in the middle of its bins, the one without penalty beside it."""
    dense = len(frame.centres) > _DENSE
    at = frame.centres - (0.4 * frame.half if free else 0.0)
    axes.errorbar(
        at,
        heights,
        yerr=errors,
        xerr=None if free or dense else frame.half,
        fmt="s" if free else "o",
        markersize=(1.5 if free else 1.8) if dense else 3.2 if free else 4.0,
        color=_FREE if free else BLUE,
        markerfacecolor="white" if free else BLUE,
        elinewidth=0.5 if dense else 1.0 if free else 1.4,
        zorder=2 if free else 3,
        label=label,
    )


def _draw_spectrum(record: UnfoldingResult, frame: _Frame, truth: FloatArray | None, axes: Axes) -> None:
    nominal = record.nominal / frame.unit
    _stairs(axes, frame, nominal, color=ORANGE, linewidth=1.5, label="nominal truth")
    if truth is not None:
        _stairs(
            axes,
            frame,
            truth / frame.unit,
            color=PURPLE,
            linestyle=(0, (4, 1.5)),
            linewidth=1.3,
            label="truth",
        )
    if record.hidden:
        axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", color=BLUE)
    else:
        if record.unregularised_fit.success:
            free = record.unregularised / frame.unit
            errors = record.unregularised_errors / frame.unit
            _points(axes, frame, free, errors, free=True, label="no regularisation")
        x = record.x / frame.unit
        _points(axes, frame, x, record.errors / frame.unit, free=False, label="unfolded")
        if record.of == "yield" and np.all(x > 0.0) and np.max(x) > _LOG_FROM * np.min(x):
            axes.set_yscale("log")
    what = r"$\mu$" if record.of == "mu" else "events"
    axes.set_ylabel(f"{what} / {label_text(record.unit, 'width')}" if frame.divides else what)


def _draw_ratio(record: UnfoldingResult, frame: _Frame, truth: FloatArray | None, axes: Axes) -> None:
    axes.axhline(1.0, color=ORANGE, linewidth=1.2)
    if record.hidden:
        axes.set_ylim(0.5, 1.5)
    else:
        scale = np.where(record.nominal != 0.0, record.nominal, np.nan)
        if record.unregularised_fit.success:
            free, errors = record.unregularised / scale, record.unregularised_errors / scale
            _points(axes, frame, free, errors, free=True)
        if truth is not None:
            _stairs(axes, frame, truth / scale, **_TRUTH)
        _points(axes, frame, record.x / scale, record.errors / scale, free=False)
    axes.set_ylabel("/ nominal")


def _draw_bias(record: UnfoldingResult, frame: _Frame, axes: Axes) -> None:
    axes.axhspan(-1.0, 1.0, color=FAINT, zorder=0)
    axes.axhline(0.0, color=GREY, linewidth=0.8, linestyle=":")
    if not record.hidden:
        errors = np.where(record.errors > 0.0, record.errors, np.nan)
        _stairs(axes, frame, record.bias / errors, color=BLUE, linewidth=1.5)
    axes.set_ylabel("bias / error")
    if frame.has_edges:
        name = label_text(record.label, "truth")
        axes.set_xlabel(f"{name} [{label_text(record.unit, record.unit)}]" if record.unit else name)
    else:
        step = -(-len(record.names) // _MOST_TICKS)
        names = [label_text(None, name) for name in record.names[::step]]
        axes.set_xticks(frame.centres[::step], names, fontsize=TINY, rotation=30, ha="right")
    axes.set_xlim(frame.edges[0], frame.edges[-1])


def _draw_matrix(record: UnfoldingResult, what: str, figure: SubFigure, axes: Axes) -> None:
    count = len(record.names)
    matrix: FloatArray = record.correlation
    reach = 1.0
    if what == "covariance":
        matrix = record.covariance
        finite = np.abs(matrix[np.isfinite(matrix)])
        reach = float(finite.max(initial=0.0)) or 1.0
    style: dict[str, Any] = {"cmap": "RdBu_r", "origin": "lower", "interpolation": "none"}
    if what == "covariance":
        # Spectra fall: what is small must be seen, too.
        colours = require("matplotlib.colors", feature="smoothfit.plot", extra="plot")
        style["norm"] = colours.SymLogNorm(1e-3 * reach, vmin=-reach, vmax=reach)
    else:
        style |= {"vmin": -1.0, "vmax": 1.0}
    image = axes.imshow(matrix, **style)
    step = -(-count // _MOST_TICKS)
    axes.set_xticks(np.arange(0, count, step))
    axes.set_yticks(np.arange(0, count, step))
    axes.tick_params(which="both", length=0.0)
    axes.set_xlabel("truth bin")
    axes.set_ylabel("truth bin")
    if count <= _MOST_TICKS and what == "correlation":
        write_cells(axes, matrix)
    elif what == "correlation":
        mark_negative(axes, matrix)
    axes.set_title(f"{what} (sandwich)", loc="left")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    if what == "covariance":
        decade = 10.0 ** np.floor(np.log10(reach))
        bar.set_ticks([-decade, -0.1 * decade, 0.0, 0.1 * decade, decade])
        bar.ax.minorticks_off()


@picture
def unfolding(
    record: UnfoldingResult, *, matrix: str = "correlation", truth: ArrayLike | None = None
) -> Figure:
    """An unfolded spectrum beside the nominal truth and the result without penalty.

    Below it their ratio to the nominal truth, and the bias in units of the error; to the right the
    correlations of the truth bins, and, if there is a scan over tau, the L-curve and the criteria along it.
    Bins of different widths are drawn as densities; a truth of several axes, or with underflow or
    overflow, by number. A blinded spectrum stays hidden.

    Parameters
    ----------
    record
        What to draw, as from :func:`smoothfit.unfolding.unfold`.
    matrix
        "correlation", or "covariance" with a scale that is logarithmic but around 0.
    truth
        (truth bin,): what the data were made of, if that is known, or another prediction.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For something that is no result of an unfolding, and for another matrix.
    ShapeMismatchError
        If ``truth`` has another number of bins.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit import Model, Variable
    >>> from smoothfit.unfolding import Regularisation, response_process, unfold
    >>> mu = Variable("mu", np.ones(3))
    >>> response, truth = np.eye(3) * 0.6 + 0.1, [90.0, 80.0, 60.0]
    >>> sig = response_process("sig", response, truth, probabilities=True).scale_by(mu)
    >>> model = Model().add_proc(sig).prepare()
    >>> result = unfold(model, mu, [70.0, 65.0, 60.0], Regularisation("curvature", truth), tau=0.1)
    >>> len(unfolding(result).axes)  # spectrum, ratio, bias, correlation and its scale
    5
    """
    check_record("plot.unfolding", record, UnfoldingResult, "unfolding.unfold(...)")
    check_choice("plot.unfolding: matrix", matrix, _MATRICES)
    known = None if truth is None else np.asarray(truth, dtype=np.float64)
    if known is not None and known.shape != (len(record.names),):
        raise ShapeMismatchError(
            f"plot.unfolding: truth has shape {known.shape}, there are {len(record.names)} truth bins; "
            f"expected ({len(record.names)},)."
        )
    frame, scan = _Frame(record), record.scan
    figure = new_figure(SLIDE[0] if scan is not None else 9.8, 6.2)
    # Of their own each, so that the columns do not push each other's panels apart.
    widths = [1.35, 1.05, 1.1] if scan is not None else [1.3, 1.0]
    columns: Any = figure.subfigures(1, len(widths), width_ratios=widths)
    above, middle, below = columns[0].subplots(3, 1, sharex=True, height_ratios=[3.0, 1.6, 0.9])
    _draw_spectrum(record, frame, known, above)
    _draw_ratio(record, frame, known, middle)
    _draw_bias(record, frame, below)
    title = f"{record.operator}, {record.criterion}: " + rf"$\tau$ = {record.tau:.3g}"
    heading(columns[0], title, *above.get_legend_handles_labels(), columns=4)
    if record.hidden and matrix == "covariance":
        hide(columns[1].subplots())
    else:
        _draw_matrix(record, matrix, columns[1], columns[1].subplots())
    if scan is not None:
        upper, lower = columns[2].subplots(2, 1)
        draw_lcurve(record.tau, scan, upper)
        draw_criteria(record.tau, scan, lower)
        heading(columns[2], "", *lower.get_legend_handles_labels(), columns=2)
    return figure
