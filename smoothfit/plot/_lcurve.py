"""The choice of tau: the L-curve, and the criteria along tau."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._optional import require
from ..errors import InvalidTypeError
from ..results import UnfoldingResult, UnfoldingScan
from ._style import BLUE, GREY, ORANGE, PURPLE, check_record, heading, new_figure, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_criteria", "draw_lcurve", "lcurve"]


def draw_lcurve(tau: float | None, scan: UnfoldingScan, axes: Axes) -> None:
    good = scan.success & (scan.chi2 > 0.0) & (scan.norm > 0.0)
    axes.loglog(
        scan.chi2[good], scan.norm[good], "-o", color=BLUE, markersize=2.5, linewidth=1.0, label="scan"
    )
    at = np.flatnonzero(good & (scan.tau == tau))
    if len(at):
        axes.loglog(
            scan.chi2[at],
            scan.norm[at],
            "*",
            color=ORANGE,
            markersize=12.0,
            label=rf"$\tau$ = {tau:.3g}",
        )
    axes.set_xlabel(r"$\chi^2$ (data and constraints)")
    axes.set_ylabel(r"$|L\,(x - f x_0)|^2$")
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if high < 10.0 * low:
            # Within a decade powers of ten say little.
            ticker = require("matplotlib.ticker", feature="smoothfit.plot", extra="plot")
            axis.set_major_locator(ticker.MaxNLocator(5))
            axis.set_major_formatter(ticker.ScalarFormatter())
            axis.set_minor_locator(ticker.NullLocator())
    axes.legend(frameon=False)
    axes.set_title("L-curve", loc="left")


def draw_criteria(tau: float | None, scan: UnfoldingScan, axes: Axes) -> None:
    axes.semilogx(scan.tau, scan.mean_global_correlation, color=BLUE, label="mean global correlation")
    axes.semilogx(
        scan.tau, scan.max_global_correlation, color=BLUE, linestyle="--", label="largest global correlation"
    )
    if np.any(np.isfinite(scan.coverage)):
        axes.errorbar(
            scan.tau, scan.coverage, yerr=scan.coverage_error, fmt=".", color=ORANGE, label="coverage"
        )
    highest = np.nanmax(scan.curvature) if np.any(np.isfinite(scan.curvature)) else 0.0
    if highest > 0.0:
        relative = scan.curvature / highest
        axes.semilogx(scan.tau, relative, color=PURPLE, label="curvature / its maximum")
    if tau is not None:
        axes.axvline(tau, color=GREY, linestyle=":", linewidth=1.0)
    shown = [scan.mean_global_correlation, scan.max_global_correlation, scan.coverage]
    if highest > 0.0:
        shown.append(scan.curvature / highest)
    lowest = min(float(np.nanmin(column, initial=0.0)) for column in shown)
    axes.set_ylim(max(1.15 * lowest, -1.15), 1.15)
    axes.set_xlabel(r"$\tau$")
    axes.set_title("criteria", loc="left")


@picture
def lcurve(record: UnfoldingResult | UnfoldingScan, *, tau: float | None = None) -> Figure:
    """The L-curve of a scan over tau, and beside it the criteria along tau.

    Parameters
    ----------
    record
        What to draw: a result with a scan, or the scan.
    tau
        The strength to mark; by default that of the result.

    Raises
    ------
    InvalidTypeError
        For something else, and for a result that has no scan.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit import Model, Variable
    >>> from smoothfit.unfolding import Regularisation, response_process, unfold
    >>> mu, truth = Variable("mu", np.ones(3)), [90.0, 80.0, 60.0]
    >>> sig = response_process("sig", np.eye(3) * 0.6 + 0.1, truth, probabilities=True).scale_by(mu)
    >>> penalty, taus = Regularisation("curvature", truth), [0.01, 0.1, 1.0]
    >>> result = unfold(Model().add_proc(sig).prepare(), mu, [70.0, 65.0, 60.0], penalty, tau=0.1, taus=taus)
    >>> [axes.get_title(loc="left") for axes in lcurve(result).axes]
    ['L-curve', 'criteria']
    """
    scan = record
    if isinstance(record, UnfoldingResult):
        tau = record.tau if tau is None else tau
        if record.scan is None:
            raise InvalidTypeError(
                "plot.lcurve: this result has no scan over tau; unfold(...) makes one unless tau is a "
                "number, or with taus=[...]."
            )
        scan = record.scan
    check_record("plot.lcurve", scan, UnfoldingScan, "unfolding.unfold(...)")
    assert isinstance(scan, UnfoldingScan)
    figure = new_figure(10.0, 4.8)
    left, right = figure.subplots(1, 2)
    draw_lcurve(tau, scan, left)
    draw_criteria(tau, scan, right)
    heading(figure, "", *right.get_legend_handles_labels(), columns=4)
    return figure
