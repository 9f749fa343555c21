"""Where limits are looked for, which bands are expected, and which values are tested beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..._types import FloatArray
from ...errors import InvalidTypeError, InvalidValueError
from .. import inputs
from ..context import Context
from .asymptotics import RULES
from .poi import Poi, check_fraction
from .statistics import Statistic

__all__ = ["SIGMAS", "check_bands", "check_points", "check_rule", "more_points", "search_range", "widened"]

SIGMAS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""The usual bands of what to expect."""


def check_rule(call: str, rule: Any) -> str:
    """A rule of that name.

    Raises
    ------
    InvalidValueError
        If there is none.
    """
    if not isinstance(rule, str) or rule not in RULES:
        raise InvalidValueError(f"{call}: rule must be one of {', '.join(RULES)}, got {rule!r}.")
    return rule


def check_bands(call: str, quantiles: Sequence[float] | None) -> FloatArray:
    """(band,): quantiles in standard deviations; the usual bands for None.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If they are no list of numbers between 0 and 1.
    """
    if quantiles is None:
        return SIGMAS.copy()
    if not isinstance(quantiles, list | tuple | np.ndarray) or not len(quantiles):
        raise InvalidTypeError(f"{call}: quantiles must be a list of numbers, got {quantiles!r}.")
    from scipy.special import ndtri

    every = [check_fraction(f"{call}: quantiles", quantile) for quantile in quantiles]
    # The median exactly: it has a name of its own.
    return np.array([0.0 if quantile == 0.5 else float(ndtri(quantile)) for quantile in every])


def search_range(call: str, poi: Poi, given: Any, statistic: Statistic) -> tuple[float, float]:
    """(low, high): the bounds of the POI, or what is given, as far as the statistic goes.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If it is no interval, or begins where the statistic is not meant for.
    """
    lowest = max(poi.lower, 0.0) if statistic.not_negative else poi.lower
    if given is None:
        return lowest, poi.upper
    if not isinstance(given, list | tuple | np.ndarray) or len(given) != 2:
        raise InvalidTypeError(f"{call}: range must be (low, high), got {given!r}.")
    low, high = inputs.numbers(given, f"{call}: range").tolist()
    if not low < high:
        raise InvalidValueError(f"{call}: range must be an interval (low, high), got ({low:g}, {high:g}).")
    if low < 0.0 and statistic.not_negative:
        raise InvalidValueError(
            f"{call}: {statistic.name} is for values from 0, the range begins at {low:g}; give "
            "statistic='q' or 't'."
        )
    if low < poi.lower:
        raise InvalidValueError(
            f"{call}: the range begins at {low:g}, outside the bounds of '{poi.name}', [{poi.lower:g}, "
            f"{poi.upper:g}]; begin inside, or give the Variable others."
        )
    return low, high


def widened(context: Context, poi: Poi, ends: tuple[float, float]) -> Context:
    """The model with bounds of the POI that reach as far as a range does.

    The POI can then be fitted wherever it is tested. Bounds are arrays of the prepared model: nothing is
    compiled again.
    """
    low, high = min(poi.lower, ends[0]), max(poi.upper, ends[1])
    if (low, high) == (poi.lower, poi.upper):
        return context
    layout, plan = context.layout, context.prepared.plan
    lower, upper = np.array(layout.lower), np.array(layout.upper)
    lower[poi.position], upper[poi.position] = low, high
    reaching = replace(plan, lower=jnp.asarray(lower), upper=jnp.asarray(upper))
    prepared = replace(context.prepared, plan=reaching)
    return replace(context, prepared=prepared, layout=replace(layout, lower=lower, upper=upper))


def check_points(call: str, points: Any, ends: tuple[float, float]) -> FloatArray | int:
    """(point,) values within the range, or how many.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For anything else.
    """
    if isinstance(points, int | np.integer) and not isinstance(points, bool):
        if points < 0:
            raise InvalidValueError(f"{call}: points must be 0 or more, got {points}.")
        return int(points)
    if not isinstance(points, list | tuple | np.ndarray):
        raise InvalidTypeError(f"{call}: points must be values, or how many, got {points!r}.")
    values = inputs.numbers(points, f"{call}: points") if len(points) else np.zeros(0)
    if values.ndim != 1:
        raise InvalidValueError(f"{call}: points must be a list of values, got shape {values.shape}.")
    outside = values[(values < ends[0]) | (values > ends[1])]
    if len(outside):
        raise InvalidValueError(
            f"{call}: the point {outside[0]:g} is outside the range [{ends[0]:g}, {ends[1]:g}]."
        )
    return values


def more_points(points: FloatArray | int, ends: tuple[float, float], found: FloatArray) -> list[float]:
    """The values to test beside: those given, or so many up to a quarter beyond the highest limit."""
    if not isinstance(points, int):
        return [float(value) for value in points]
    usable = found[np.isfinite(found)]
    if not points or not len(usable):
        return []
    low = ends[0] if np.isfinite(ends[0]) else min(0.0, float(usable.min()))
    high = min(low + 1.25 * (float(usable.max()) - low), ends[1])
    return np.linspace(low, high, points).tolist()  # type: ignore[no-any-return]
