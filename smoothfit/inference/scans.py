"""Scans: the NLL along points of one parameter or more, minimised over everything else."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..errors import InvalidValueError, LowerMinimumWarning
from ..layout import Layout
from ..results import FitResult, Scan
from ..results.scan import lower_minimum_message
from .batching import Held, Members, held_of, hold, refit
from .context import Context, check_made_with
from .scan_points import Points, scan_points

__all__ = ["check_converged", "constrained", "linear_response", "scan", "scan_at"]

_RETRIES = 3
"""Rounds in which points that failed start again from their nearest neighbour that did not."""


def check_converged(best_fit: FitResult, call: str) -> None:
    """Refuse a best fit that is none.

    Raises
    ------
    InvalidValueError
        With the fit's message.
    """
    if not best_fit.success:
        raise InvalidValueError(f"{call}: best_fit did not converge ({best_fit.message}).")


def scan(
    context: Context,
    variable: Any,
    points: Any,
    best_fit: FitResult,
    obs: Any = None,
    *,
    stat_only: bool = False,
    range: tuple[Any, ...] | None = None,
) -> Scan:
    """The rise of the NLL along points of one parameter, or on a grid of several.

    Parameters
    ----------
    variable
        A scalar Variable, the name of a component or of a bin parameter; or a tuple or list of them.
    points
        For one parameter: (point,) values, or how many. For several: how many along each axis; a tuple or
        list with one axis (values, or how many) a parameter, for a grid; or an array (point, parameter).
    stat_only
        Whether to hold all constrained nuisances, and the bin parameters, at the best fit.
    range
        (low, high) of a number of points, one a parameter if there are several; by default three errors to
        both sides of the best fit, within the bounds.

    Returns
    -------
    Scan
        Points that did not converge are NaN there, with their status.

    Raises
    ------
    InvalidValueError, ShapeMismatchError
        For points outside the bounds or of a wrong shape, parameters that were held in ``best_fit``, and a
        ``best_fit`` that did not converge or was made with other data.

    Warns
    -----
    LowerMinimumWarning
        If the NLL at a point is below that of ``best_fit``, which then is no minimum.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> best_fit = model.fit([150.0, 401.0])
    >>> model.scan(mu, [0.5, 1.0, 1.5], best_fit).delta_nll.round(3)
    array([1.913, 0.   , 1.638])
    >>> model.scan((mu, norm), 11, best_fit).shape
    (11, 11)
    """
    check_made_with(context, best_fit, obs, "scan")
    check_converged(best_fit, "scan")
    where = scan_points(context.layout, variable, points, range, best_fit)
    result = scan_at(context, where, best_fit, stat_only=stat_only)
    if result.lower_minimum is not None:
        warnings.warn(lower_minimum_message(result), LowerMinimumWarning, stacklevel=3)
    return result


def scan_at(context: Context, where: Points, best_fit: FitResult, *, stat_only: bool = False) -> Scan:
    """:func:`scan` at points that are checked already; a lower minimum is not warned of."""
    layout = context.layout
    held = held_of(context, best_fit)
    if stat_only:
        frozen = np.flatnonzero(constrained(layout))
        held = hold(held, frozen, best_fit.x[frozen])
    held = hold(held, where.positions, where.values)
    start = np.tile(best_fit.x[: layout.n_params], (len(where.values), 1))
    if not stat_only:
        start = linear_response(layout, best_fit, where.positions, where.values)
    found, failed = _refitted(context, best_fit, held, start, where.positions, where.values)
    names = tuple(layout.names[i] for i in where.positions)
    return Scan(
        names=names,
        points=where.values[:, 0] if len(names) == 1 else where.values,
        delta_nll=np.where(failed, np.nan, found.nll - best_fit.fun),
        status=found.status.astype(int),
        edm=found.edm,
        x=np.where(failed[:, None], np.nan, found.x),
        best=best_fit.x[where.positions],
        errors=best_fit.errors[where.positions],
        layout=layout,
        axes=where.axes,
        stat_only=stat_only,
        blinded=context.blinded,
    )


def constrained(layout: Layout) -> BoolArray:
    """(param + bin param,): what is known from elsewhere: constrained parameters, and those of bins."""
    mask = np.zeros(layout.n_params + layout.n_bin_params, dtype=bool)
    mask[layout.n_params :] = True
    for variable in layout.variables:
        mask[list(variable.indices)] = variable.constraint is not None
    return mask


def linear_response(
    layout: Layout, best_fit: FitResult, positions: list[int], values: FloatArray
) -> FloatArray:
    """(point, param): where the others are when some are moved, were the NLL a parabola.

    With C the covariance and s the moved ones, x = best + C[:, s] C[s, s]^-1 (values - best[s]).
    """
    n = layout.n_params
    moved = [k for k, i in enumerate(positions) if i < n]
    at = [positions[k] for k in moved]
    best = best_fit.x[:n]
    covariance = best_fit.hess_inv
    shift = values[:, moved] - best[at]
    block = covariance[np.ix_(at, at)]
    usable = bool(at) and np.all(np.isfinite(covariance[:, at])) and np.all(np.diagonal(block) > 0.0)
    if not usable:
        return np.tile(best, (len(values), 1))
    # Least squares: the block is singular if two of them move as one.
    response = covariance[:, at] @ np.linalg.pinv(block, hermitian=True)
    return np.clip(best + shift @ response.T, layout.lower, layout.upper)


def _refitted(
    context: Context,
    best_fit: FitResult,
    held: Held,
    start: FloatArray,
    positions: list[int],
    values: FloatArray,
) -> tuple[Members, BoolArray]:
    """Fits at all points; those that fail start again from where their neighbours ended."""
    n = context.layout.n_params

    def fits(which: Any, start: FloatArray) -> Members:
        some = Held(held.mask[which], held.values[which])
        obs, globs = best_fit.obs, best_fit.globs
        return refit(context, counts=obs, globs=globs, fixed=some, start=start, what="points of the scan")

    found = fits(slice(None), start)
    scale = np.where(best_fit.errors[positions] > 0.0, best_fit.errors[positions], 1.0)
    for _ in range(_RETRIES):
        failed = np.flatnonzero(~found.success)
        good = np.flatnonzero(found.success)
        if not len(failed) or not len(good):
            break
        apart = np.linalg.norm((values[failed, None] - values[good]) / scale, axis=-1)
        nearest = good[np.argmin(apart, axis=1)]
        again = fits(failed, found.x[nearest, :n])
        if not np.any(again.success):
            break
        found = _with_rows(found, failed, again)
    return found, ~found.success


def _with_rows(found: Members, rows: IntArray, again: Members) -> Members:
    """``found`` with other fits in these rows."""
    columns = {}
    for field in fields(Members):
        before, after = getattr(found, field.name), getattr(again, field.name)
        if before is not None:
            before = np.array(before)
            before[rows] = after
        columns[field.name] = before
    return Members(**columns)
