"""Contours of two parameters: points on rays from the best fit, evenly spread in angle.

Directions are L (cos phi, sin phi) with L the Cholesky factor of the pair's covariance: were the NLL a
parabola, all points would be equally far out in units of r.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from .._checks import describe
from .._types import FloatArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..results import Contour, Contours, FitResult
from ..results.levels import joint_level
from .batching import cross
from .context import Context, check_made_with
from .scan_points import one_position
from .scans import check_converged

__all__ = ["contour", "contours"]

_ROUNDING = 1e-12
_TINY = 1e-30
"""In units of the error, instead of 0: a parameter with an entry of 0 would leave the ray and be profiled."""


def contour(
    context: Context,
    a: Any,
    b: Any,
    best_fit: FitResult,
    obs: Any = None,
    *,
    cl: float | Sequence[float] = 0.68,
    points: int = 64,
) -> Contour:
    """Closed curves of two parameters at joint confidence levels, all other parameters profiled.

    A point is searched for on each of so many rays from the best fit, where the NLL has risen by
    chi2_2(cl)/2: 1.1394 for 68%, 2.9957 for 95%. A region that a ray leaves and enters again is not
    seen; for such likelihoods draw a scan of both parameters.

    Parameters
    ----------
    a, b
        Two scalar Variables, or names of components or bin parameters.
    cl
        A joint confidence level of the two, or several.
    points
        How many rays, 4 or more.

    Returns
    -------
    Contour
        A bound of a parameter that is met first ends its ray, and its point says so; a point that was not
        found is NaN.

    Raises
    ------
    InvalidValueError
        For a parameter that was held in ``best_fit`` or given twice, a level that is none, and a
        ``best_fit`` that did not converge or was made with other data.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> found = model.contour(mu, norm, model.fit([150.0, 401.0]), points=8)
    >>> found.points.shape  # level, points and the first again, parameter
    (1, 9, 2)
    """
    return contours(context, [a, b], best_fit, obs, cl=cl, points=points)[0]


def contours(
    context: Context,
    variables: Sequence[Any],
    best_fit: FitResult,
    obs: Any = None,
    *,
    cl: float | Sequence[float] = 0.68,
    points: int = 64,
) -> Contours:
    """The contours of every pair of several parameters, as :meth:`contour` makes them.

    Parameters
    ----------
    variables
        Two or more scalar Variables, or names of components or bin parameters.
    cl, points
        As for one contour.

    Returns
    -------
    Contours
        ``[a, b]`` is the contour of a pair, by names in the order given.

    Raises
    ------
    InvalidValueError
        As for one contour.
    """
    check_made_with(context, best_fit, obs, "contour")
    check_converged(best_fit, "contour")
    layout = context.layout
    levels = tuple(cl) if isinstance(cl, Sequence | np.ndarray) else (cl,)
    if not levels:
        raise InvalidValueError("contour: cl is empty; give a confidence level.")
    rises = [joint_level(0.0 if one is None else one, 2, "contour") for one in levels]
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 4:
        raise InvalidValueError(f"contour: points must be a whole number, 4 or more, got {describe(points)}.")
    if isinstance(variables, str) or len(variables) < 2:
        raise InvalidValueError(f"contours: give two parameters or more, got {describe(variables)}.")
    at = [one_position(layout, v, best_fit, "contour") for v in variables]
    if len(set(at)) < len(at):
        raise InvalidValueError(
            f"contour: the parameters must differ, got {', '.join(layout.names[i] for i in at)}."
        )
    pairs = list(combinations(at, 2))
    directions = np.concatenate([_directions(layout, best_fit, pair, int(points)) for pair in pairs])
    found = [cross(context, best_fit, directions, rise, what="points of contours") for rise in rises]
    shape = (len(rises), len(pairs), points)
    x, status, good = (
        np.stack([getattr(one, name) for one in found]).reshape(*shape, *tail)
        for name, tail in (("x", (-1,)), ("status", ()), ("success", ()))
    )
    x = np.where(good[..., None], x, np.nan)
    made = []
    for k, pair in enumerate(pairs):
        closed, ended = (np.concatenate([part[:, k], part[:, k, :1]], axis=1) for part in (x, status))
        names = layout.names[pair[0]], layout.names[pair[1]]
        best, errors = best_fit.x[list(pair)], best_fit.errors[list(pair)]
        # What lies on a bound, or on the line along one, does so exactly.
        for place in (best, *(bound[list(pair)] for bound in layout.bounds)):
            curve = closed[..., list(pair)]
            closed[..., list(pair)] = np.where(np.abs(curve - place) <= _ROUNDING * errors, place, curve)
        made.append(
            Contour(
                names=names,
                levels=tuple(float(one) for one in levels),
                points=closed[..., list(pair)],
                status=ended.astype(int),
                x=closed,
                best=best,
                layout=layout,
                blinded=context.blinded,
            )
        )
    return Contours(tuple(made))


def _directions(layout: Layout, best_fit: FitResult, pair: tuple[int, int], points: int) -> FloatArray:
    """(point, param + bin param): rays of the pair, at even angles of the ellipse."""
    errors = best_fit.errors[list(pair)]
    if not np.all(np.isfinite(errors) & (errors > 0.0)):
        unknown = layout.names[pair[int(np.argmin(np.isfinite(errors) & (errors > 0.0)))]]
        raise InvalidValueError(f"contour: '{unknown}' has no error in best_fit to scale the rays by.")
    rho = 0.0
    if max(pair) < layout.n_params:
        rho = best_fit.hess_inv[pair] / errors[0] / errors[1]
        rho = float(np.clip(rho, -0.999, 0.999)) if np.isfinite(rho) else 0.0
    slope = float(np.sqrt(1.0 - rho**2))
    lower, upper = (bound[list(pair)] for bound in layout.bounds)
    best = best_fit.x[list(pair)]
    on_bound = (best == lower) | (best == upper)
    # With the best fit on a bound two rays run along it, so that the curve does.
    first = 0.5 * np.pi if on_bound[0] else float(np.arctan2(-rho, slope)) if on_bound[1] else 0.0
    angle = first + 2.0 * np.pi * np.arange(points) / points
    unit = np.stack([np.cos(angle), rho * np.cos(angle) + slope * np.sin(angle)], axis=1)
    unit = np.where(np.abs(unit) < _ROUNDING, np.where(best == upper, -_TINY, _TINY), unit)
    rays = np.zeros((points, len(best_fit.x)))
    rays[:, list(pair)] = errors * unit
    return rays
