"""A fit from several starts: where to start, and which of the end points are different minima."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import jax
import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..results import Minima
from ..status import Status
from .toys import generator

__all__ = ["EndPoint", "check_starts", "draw_starts", "end_point", "sort_minima"]

_STREAM = 5
_FAR = 3.0
"""Drawn starts are up to 10^this errors away: minima of a quadratic may lie that far apart."""
_SAME_NLL = 1e-3
_SAME_PLACE = 1e-2
"""In units of the errors; two fits of one minimum agree to 1e-7 of them."""
_TIE = 1e-9


def check_starts(starts: Any) -> int:
    """A whole number of at least 1, else InvalidValueError."""
    if isinstance(starts, bool) or not isinstance(starts, int | np.integer) or starts < 1:
        raise InvalidValueError(f"fit: starts must be a whole number, 1 or more, got {starts!r}.")
    return int(starts)


def draw_starts(
    layout: Layout,
    given: FloatArray,
    found: FloatArray,
    errors: FloatArray,
    held: BoolArray,
    n: int,
    seed: int | None,
) -> tuple[FloatArray, int]:
    """(n, param) starts around a fit from ``given`` that ended at ``found``, and the seed.

    Free parameters are drawn; nuisances, and what is held, start as found. A parameter is drawn inside its
    bounds if it has both, or at a distance between 1 and 1000 errors on either side, or close to minus
    what was found, for minima that differ by a sign.
    """
    rng, entropy = generator(seed, _STREAM)
    constrained = np.zeros(layout.n_params, dtype=bool)
    constrained[layout.constrained] = True
    drawn = ~(held | constrained)
    usable = np.isfinite(errors) & (errors > 0.0)
    width = np.where(usable, errors, np.maximum(np.abs(given), 1.0))
    shape = (n, layout.n_params)
    sign = rng.choice([-1.0, 1.0], shape)
    away = found + sign * width * 10.0 ** rng.uniform(0.0, _FAR, shape)
    mirrored = -found + width * rng.standard_normal(shape)
    starts = np.where(rng.random(shape) < 0.25, mirrored, away)
    lower, upper = layout.lower, layout.upper
    boxed = np.isfinite(lower) & np.isfinite(upper)
    box = np.where(boxed, lower, 0.0), np.where(boxed, upper, 0.0)
    anywhere = rng.uniform(box[0], box[1], shape)
    starts = np.where(boxed & (rng.random(shape) < 0.5), anywhere, starts)
    # What fell over a bound is put as far inside, if there is room.
    starts = np.where(starts < lower, 2.0 * lower - starts, starts)
    starts = np.where(starts > upper, 2.0 * upper - starts, starts)
    return np.where(drawn, np.clip(starts, lower, upper), found), entropy


class EndPoint(NamedTuple):
    """What is kept of one fit."""

    values: FloatArray
    errors: FloatArray
    nll: float
    status: int


def end_point(solution: Any) -> EndPoint:
    """From a fitter's solution, or a solution on the device."""
    solution = jax.device_get(solution)
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diagonal(np.asarray(solution.covariance)))
    return EndPoint(np.asarray(solution.values), errors, float(solution.nll), int(solution.status))


def _same(a: EndPoint, b: EndPoint) -> bool:
    """Whether ``b`` is the minimum ``a``, by NLL and by distance in units of the errors there."""
    if abs(a.nll - b.nll) > _SAME_NLL:
        return False
    moving = np.isfinite(a.errors) & (a.errors > 0.0)
    distance = np.abs(a.values - b.values)[moving] / a.errors[moving]
    return bool(np.max(distance, initial=0.0) < _SAME_PLACE)


def sort_minima(
    points: list[EndPoint], names: tuple[str, ...], hidden: BoolArray, seed: int | None
) -> tuple[Minima, int]:
    """The different minima among converged end points, and which end point is the lowest.

    Of minima equally low, which a sign makes, the first start's counts as the lowest.
    """
    valid = [i for i, point in enumerate(points) if point.status == Status.CONVERGED]
    failed = Counter(Status(p.status).name for p in points if p.status != Status.CONVERGED)
    groups: list[list[int]] = []
    for i in valid:
        group = next((g for g in groups if _same(points[g[0]], points[i])), None)
        if group is None:
            groups.append([i])
        else:
            group.append(i)
    lowest = min((points[i].nll for i in valid), default=np.nan)
    tie = _TIE * (1.0 + abs(lowest))
    # The sort is stable: groups stand in the order of their first starts.
    groups.sort(key=lambda g: max(points[g[0]].nll - lowest, tie))
    at = [g[0] for g in groups]
    minima = Minima(
        names=names,
        values=np.array([points[i].values for i in at]).reshape(len(at), len(names)),
        errors=np.array([points[i].errors for i in at]).reshape(len(at), len(names)),
        delta_nll=np.array([points[i].nll - lowest if points[i].nll - lowest > tie else 0.0 for i in at]),
        starts=np.array([len(g) for g in groups], dtype=int),
        n_starts=len(points),
        hidden=hidden,
        failed=dict(failed),
        seed=seed,
    )
    return minima, (at[0] if at else 0)
