"""From a fitter's Solution, which has no names, to the records that users see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..fitters.solution import Solution
from ..layout import Layout
from ..results import (
    Attempt,
    ChosenCovariance,
    Conditioning,
    FitResult,
    Followers,
    Pulls,
    Yields,
    fit_message,
)
from ..status import Status
from .compiled import Curvature

__all__ = ["Errors", "fit_result", "process_yields", "pull_columns", "pulls", "yields"]


def _named(found: Curvature, layout: Layout) -> Conditioning:
    def names(positions: IntArray) -> tuple[str, ...]:
        return tuple(layout.parameters[i] for i in positions)

    followers = Followers(names(found.followers), found.by_dense, np.sqrt(found.own))
    return Conditioning.of_hessian(names(found.positions), found.hessian, followers)


def _on_kinks(covariance: FloatArray, layout: Layout) -> tuple[str, ...]:
    return tuple(layout.parameters[i] for i in np.flatnonzero(np.isnan(np.diagonal(covariance))))


def fit_result(
    solution: Solution,
    layout: Layout,
    *,
    fitter: str,
    obs: FloatArray,
    globs: FloatArray,
    fixed: BoolArray,
    dense: IntArray,
    curvature_of: Callable[[], Curvature],
    attempts: tuple[Attempt, ...] = (),
    blinded: frozenset[str] = frozenset(),
    chosen: ChosenCovariance | None = None,
) -> FitResult:
    """Label a solution.

    ``dense`` are positions of the parameters that the minimiser saw; ``curvature_of()`` gives the Hessian,
    and is called where it has no inverse; ``attempts`` say what was tried before. A solution without a
    covariance has the errors that ``chosen`` knows.
    """
    status = int(solution.status)
    at_limit = np.asarray(solution.at_limit) > 0
    covariance, errors = _errors(solution, fixed, chosen)
    wanting = status == Status.NOT_POSITIVE_DEFINITE and chosen is None
    curvature = _named(curvature_of(), layout) if wanting else None
    names: list[str] = []
    if at_limit.any():
        hidden = {sub for v in layout.variables if v.name in blinded for sub in v.sub_names} | blinded
        names = [layout.parameters[i] for i in np.flatnonzero(at_limit) if layout.parameters[i] not in hidden]
    edm, smallest_nu, steps = float(solution.edm), float(solution.smallest_nu), int(solution.steps)
    positive_definite = bool(solution.positive_definite)
    message = fit_message(
        status,
        edm=edm,
        smallest_nu=smallest_nu,
        positive_definite=positive_definite,
        at_limit_names=names,
        flat_directions=() if curvature is None else curvature.directions(),
        attempts=attempts,
        kinks=_on_kinks(covariance, layout) if status == Status.ON_KINK else (),
        steps=steps,
    )
    return FitResult(
        x=np.concatenate([np.asarray(solution.values), np.asarray(solution.bin_values)]),
        errors=errors,
        fun=float(solution.nll),
        hess_inv=covariance,
        gradient=np.asarray(solution.gradient),
        status=status,
        message=message,
        success=status == Status.CONVERGED,
        at_limit=at_limit,
        fitter=fitter,
        obs=obs,
        globs=globs,
        fixed=fixed,
        layout=layout,
        blinded=blinded,
        edm=edm,
        smallest_nu=smallest_nu,
        positive_definite=positive_definite,
        steps=steps,
        dense=dense,
        attempts=attempts,
        curvature=curvature,
        chosen=chosen,
    )


def _errors(
    solution: Solution, fixed: BoolArray, chosen: ChosenCovariance | None
) -> tuple[FloatArray, FloatArray]:
    """The covariance, and the errors (param + bin param,)."""
    with np.errstate(invalid="ignore"):
        if chosen is None:
            covariance = np.asarray(solution.covariance)
            errors = np.concatenate([np.sqrt(np.diagonal(covariance)), np.asarray(solution.bin_errors)])
            return covariance, errors
        n = len(np.asarray(solution.values))
        errors = np.where(fixed, 0.0, np.nan)
        errors[chosen.positions] = np.sqrt(np.diagonal(chosen.covariance))
    return np.broadcast_to(np.nan, (n, n)), errors


def process_yields(layout: Layout, row_tiles: FloatArray, process: str) -> FloatArray:
    """(sub-process, bin) yields of a process over all bins of the model, from (row tile, width)."""
    info = next(p for p in layout.processes if p.name == process)
    result = np.zeros((len(info.sub_procs), layout.n_bins))
    channels = {channel.name: channel for channel in layout.channels}
    for row in layout.rows:
        if row.process == process:
            bins = channels[row.channel].bins
            flat = row_tiles[list(row.row_tiles)].ravel()
            result[row.sub_proc, bins] = flat[: bins.stop - bins.start]
    return result


class Errors(NamedTuple):
    """Errors of yields; the last row of each array is that of the total."""

    bins: FloatArray
    """(process + 1, bin)"""
    channels: FloatArray
    """(process + 1, channel)"""
    intervals: FloatArray | None = None
    """(2, process + 1, bin), of samples."""
    seed: int | None = None


def yields(
    layout: Layout,
    expected: FloatArray,
    errors: Errors,
    *,
    title: str,
    obs: FloatArray | None,
    blinded: frozenset[str],
    hidden: BoolArray | None = None,
) -> Yields:
    """A record of the yields of all processes; ``expected`` (process + 1, bin), the last row the total."""
    names = [p.name for p in layout.processes]
    intervals = errors.intervals
    by_name = None if intervals is None else {name: intervals[:, i] for i, name in enumerate(names)}
    return Yields(
        title=title,
        channels=layout.channels,
        processes=layout.processes,
        per_process=dict(zip(names, expected[:-1], strict=True)),
        total=expected[-1],
        total_error=errors.bins[-1],
        obs=obs,
        channel_error=errors.channels[-1],
        process_error=dict(zip(names, errors.bins[:-1], strict=True)),
        process_channel_error=dict(zip(names, errors.channels[:-1], strict=True)),
        total_interval=None if intervals is None else intervals[:, -1],
        process_interval=by_name,
        seed=errors.seed,
        blinded=blinded,
        hidden=hidden,
    )


def pull_columns(
    best_fit: FitResult, positions: IntArray, bounds: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(pull, error up, error down) of parameters, in units of their pre-fit uncertainties; (parameter,) each.

    A pull is (fitted - pre-fit)/(pre-fit uncertainty), of a constraint with two widths that of the side on
    which the fit ended; NaN without a constraint. ``bounds`` (2, parameter) are post-fit bounds, upper
    ones first; best fit +- error if None.
    """
    layout = best_fit.layout
    centre, below, above = (
        np.concatenate([column, of_bins])[positions]
        for column, of_bins in zip(
            layout.prefit, (layout.bin_centre, layout.bin_widths, layout.bin_widths), strict=True
        )
    )
    value, error = best_fit.x[positions], best_fit.errors[positions]
    with np.errstate(invalid="ignore"):
        width = np.where(value < centre, below, above)
        up = error if bounds is None else bounds[0] - value
        down = error if bounds is None else value - bounds[1]
        return (value - centre) / width, up / width, down / width


def pulls(
    best_fit: FitResult,
    positions: IntArray,
    bounds: FloatArray | None = None,
    status: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Pulls:
    """Pulls of parameters; with asymmetric errors and statuses if there are bounds."""
    layout = best_fit.layout
    pull, error, _ = pull_columns(best_fit, positions)
    _, up, down = pull_columns(best_fit, positions, bounds)
    names = layout.parameters
    # A label names the variable: of an array it would name all components alike.
    labels = {i: v.label for v in layout.variables if v.is_scalar for i in v.indices}
    groups = {i: v.group for v in layout.variables for i in v.indices}
    return Pulls(
        names=tuple(names[i] for i in positions),
        labels=tuple(labels.get(int(i)) for i in positions),
        pull=pull,
        error=error,
        groups=tuple(groups[int(i)] for i in positions),
        error_up=None if bounds is None else up,
        error_down=None if bounds is None else down,
        status_up=None if status is None else tuple(status[0]),
        status_down=None if status is None else tuple(status[1]),
    )
