"""An unfolded spectrum, its correlations, and how the strength of the penalty was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import require
from .._types import FloatArray
from ..results import UnfoldingResult, UnfoldingScan
from ..results.record import BLINDED
from ._style import SMALL, TINY, label_text, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["unfolding"]

_COLOUR, _FREE, _NOMINAL, _SECOND = "#1f4e79", "#94a4a2", "#e76300", "#832db6"
_LOG_FROM = 30.0
_MOST_TICKS = 12


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
    at = frame.centres - (0.4 * frame.half if free else 0.0)
    axes.errorbar(
        at,
        heights,
        yerr=errors,
        xerr=None if free else frame.half,
        fmt="s" if free else "o",
        markersize=3.2 if free else 4.0,
        color=_FREE if free else _COLOUR,
        markerfacecolor="white" if free else _COLOUR,
        elinewidth=1.0 if free else 1.4,
        zorder=2 if free else 3,
        label=label,
    )


def _draw_spectrum(record: UnfoldingResult, frame: _Frame, axes: Axes) -> None:
    nominal = record.nominal / frame.unit
    _stairs(axes, frame, nominal, color=_NOMINAL, linewidth=1.5, label="nominal truth")
    if record.hidden:
        axes.text(0.5, 0.5, BLINDED, transform=axes.transAxes, ha="center", color=_COLOUR)
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
    axes.set_ylabel(f"{what} / {record.unit or 'width'}" if frame.divides else what, fontsize=SMALL)
    axes.legend(fontsize=TINY, frameon=False)
    axes.set_title(
        f"{record.operator}, {record.criterion}: " + rf"$\tau$ = {record.tau:.3g}", fontsize=SMALL, loc="left"
    )


def _draw_ratio(record: UnfoldingResult, frame: _Frame, axes: Axes) -> None:
    axes.axhline(1.0, color=_NOMINAL, linewidth=1.2)
    if record.hidden:
        axes.set_ylim(0.5, 1.5)
    else:
        scale = np.where(record.nominal != 0.0, record.nominal, np.nan)
        if record.unregularised_fit.success:
            free, errors = record.unregularised / scale, record.unregularised_errors / scale
            _points(axes, frame, free, errors, free=True)
        _points(axes, frame, record.x / scale, record.errors / scale, free=False)
    axes.set_ylabel("/ nominal", fontsize=SMALL)


def _draw_bias(record: UnfoldingResult, frame: _Frame, axes: Axes) -> None:
    axes.axhspan(-1.0, 1.0, color="#eeeeee", zorder=0)
    axes.axhline(0.0, color="#777777", linewidth=0.8, linestyle=":")
    if not record.hidden:
        errors = np.where(record.errors > 0.0, record.errors, np.nan)
        _stairs(axes, frame, record.bias / errors, color=_COLOUR, linewidth=1.5)
    axes.set_ylabel("bias / error", fontsize=SMALL)
    if frame.has_edges:
        name = label_text(record.label, "truth")
        axes.set_xlabel(f"{name} [{record.unit}]" if record.unit else name, fontsize=SMALL)
    else:
        step = -(-len(record.names) // _MOST_TICKS)
        names = [label_text(None, name) for name in record.names[::step]]
        axes.set_xticks(frame.centres[::step], names, fontsize=TINY, rotation=30, ha="right")
    axes.set_xlim(frame.edges[0], frame.edges[-1])


def _draw_correlation(record: UnfoldingResult, figure: SubFigure, axes: Axes) -> None:
    count = len(record.names)
    image = axes.imshow(record.correlation, vmin=-1.0, vmax=1.0, cmap="RdBu_r", origin="lower")
    step = -(-count // _MOST_TICKS)
    axes.set_xticks(np.arange(0, count, step))
    axes.set_yticks(np.arange(0, count, step))
    axes.set_xlabel("truth bin", fontsize=SMALL)
    axes.set_ylabel("truth bin", fontsize=SMALL)
    if count <= _MOST_TICKS:
        for (i, j), value in np.ndenumerate(record.correlation):
            colour = "white" if abs(value) > 0.6 else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=5.5, color=colour)
    axes.set_title("correlation (sandwich)", fontsize=SMALL, loc="left")
    figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03).ax.tick_params(labelsize=TINY)


def _draw_lcurve(record: UnfoldingResult, scan: UnfoldingScan, axes: Axes) -> None:
    good = scan.success & (scan.chi2 > 0.0) & (scan.norm > 0.0)
    axes.loglog(
        scan.chi2[good], scan.norm[good], "-o", color=_COLOUR, markersize=2.5, linewidth=1.0, label="scan"
    )
    at = np.flatnonzero(good & (scan.tau == record.tau))
    if len(at):
        axes.loglog(
            scan.chi2[at],
            scan.norm[at],
            "*",
            color=_NOMINAL,
            markersize=12.0,
            label=rf"$\tau$ = {record.tau:.3g}",
        )
    axes.set_xlabel(r"$\chi^2$ (data and constraints)", fontsize=SMALL)
    axes.set_ylabel(r"$|L\,(x - f x_0)|^2$", fontsize=SMALL)
    low, high = axes.get_xlim()
    if high < 10.0 * low:
        # Within a decade powers of ten say little.
        ticker = require("matplotlib.ticker", feature="smoothfit.plot", extra="plot")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(5))
        axes.xaxis.set_major_formatter(ticker.ScalarFormatter())
        axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.legend(fontsize=TINY, frameon=False)
    axes.set_title("L-curve", fontsize=SMALL, loc="left")


def _draw_criteria(record: UnfoldingResult, scan: UnfoldingScan, axes: Axes) -> None:
    axes.semilogx(scan.tau, scan.mean_global_correlation, color=_COLOUR, label="mean global correlation")
    axes.semilogx(scan.tau, scan.max_global_correlation, color=_COLOUR, linestyle="--", label="maximum")
    if np.any(np.isfinite(scan.coverage)):
        axes.errorbar(
            scan.tau, scan.coverage, yerr=scan.coverage_error, fmt=".", color=_NOMINAL, label="coverage"
        )
    highest = np.nanmax(scan.curvature) if np.any(np.isfinite(scan.curvature)) else 0.0
    if highest > 0.0:
        relative = scan.curvature / highest
        axes.semilogx(scan.tau, relative, color=_SECOND, label="curvature / its maximum")
    axes.axvline(record.tau, color="#777777", linestyle=":", linewidth=1.0)
    axes.set_ylim(-1.15, 1.15)
    axes.set_xlabel(r"$\tau$", fontsize=SMALL)
    axes.legend(fontsize=TINY, framealpha=0.8, loc="lower left")
    axes.set_title("criteria", fontsize=SMALL, loc="left")


def unfolding(record: UnfoldingResult) -> Figure:
    """An unfolded spectrum beside the nominal truth and the result without penalty.

    Below it their ratio to the nominal truth, and the bias in units of the error; to the right the
    correlations of the truth bins, and, if there is a scan over tau, the L-curve and the criteria along it.
    Bins of different widths are drawn as densities; a truth of several axes, or with underflow or
    overflow, by number. A blinded spectrum stays hidden.

    Parameters
    ----------
    record
        What to draw, as from :func:`smoothfit.unfolding.unfold`.

    Raises
    ------
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
    frame, scan = _Frame(record), record.scan
    figure = new_figure(14.0 if scan is not None else 9.5, 6.0)
    # Of their own each, so that the columns do not push each other's panels apart.
    widths = [1.35, 1.05, 1.1] if scan is not None else [1.3, 1.0]
    columns: Any = figure.subfigures(1, len(widths), width_ratios=widths)
    above, middle, below = columns[0].subplots(3, 1, sharex=True, height_ratios=[3.0, 1.6, 0.9])
    _draw_spectrum(record, frame, above)
    _draw_ratio(record, frame, middle)
    _draw_bias(record, frame, below)
    _draw_correlation(record, columns[1], columns[1].subplots())
    if scan is not None:
        upper, lower = columns[2].subplots(2, 1)
        _draw_lcurve(record, scan, upper)
        _draw_criteria(record, scan, lower)
    for axes in figure.axes:
        axes.tick_params(which="both", labelsize=TINY)
    return figure
