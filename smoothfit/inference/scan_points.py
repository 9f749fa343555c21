"""Where a scan goes: points of one parameter, a grid, or points as listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._checks import describe
from .._types import FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from ..layout import Layout
from ..results import FitResult
from . import inputs

__all__ = ["Points", "one_position", "scan_points"]

_REACH = 3.0
"""Errors to either side, if nothing else is said."""


class Points(NamedTuple):
    """What is scanned, where."""

    positions: list[int]
    """(variable,): in (parameters, bin parameters)."""
    values: FloatArray
    """(point, variable)"""
    axes: tuple[FloatArray, ...] | None


def one_position(layout: Layout, variable: Any, best_fit: FitResult, call: str) -> int:
    """The position of a parameter of one component that was free in the best fit.

    Raises
    ------
    InvalidValueError
        If it has several components, or was held.
    """
    at = layout.positions(variable)
    if len(at) != 1:
        raise InvalidValueError(
            f"{call}: '{layout._name_of(variable)}' has {len(at)} components; name one of: "
            f"{', '.join(layout.names[i] for i in at[:6])}."
        )
    if best_fit.fixed[at[0]]:
        raise InvalidValueError(
            f"{call}: '{layout.names[at[0]]}' was held constant in best_fit; fit with it free."
        )
    return at[0]


def scan_points(
    layout: Layout, variable: Any, points: Any, range_: Any, best_fit: FitResult, *, call: str = "scan"
) -> Points:
    """Checked points of a scan, from every form that ``scan`` takes; ``call`` is what messages name.

    Raises
    ------
    InvalidValueError, ShapeMismatchError
        Naming the parameter and what to give.
    """
    several = isinstance(variable, Sequence) and not isinstance(variable, str)
    variables = list(variable) if several else [variable]
    positions = [one_position(layout, v, best_fit, call) for v in variables]
    names = [layout.names[i] for i in positions]
    if not names or len(set(positions)) < len(positions):
        raise InvalidValueError(f"{call}: give one parameter or several different ones, got {names}.")
    ranges = [range_] * len(names) if range_ is None or not several else range_
    if several and (not isinstance(ranges, Sequence) or len(ranges) != len(names)):
        raise ShapeMismatchError(
            f"{call}: range must be one (low, high) a parameter, got {describe(range_)}."
        )
    listed = several and _is_list_of_points(points, len(names))
    if listed:
        if range_ is not None:
            raise InvalidValueError(f"{call}: range is for a number of points; these are given already.")
        values, axes = inputs.numbers(points, f"{call}: points"), None
    else:
        given = points if several and not _is_number(points) else [points] * len(names)
        if not isinstance(given, Sequence) or len(given) != len(names):
            raise ShapeMismatchError(
                f"{call}: points for {', '.join(names)}: give a number, one axis a parameter, or an array "
                f"(point, {len(names)}); got {describe(points)}."
            )
        lines = zip(positions, given, ranges, strict=True)
        axes = tuple(_axis(layout, at, one, ends, best_fit, call) for at, one, ends in lines)
        mesh = np.meshgrid(*axes, indexing="ij")
        values = np.stack([part.ravel() for part in mesh], axis=1)
    if not len(values):
        raise InvalidValueError(f"{call}: there are no points; give at least one.")
    _check_bounds(layout, positions, values, call)
    return Points(positions, values, axes)


def _is_number(given: Any) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def _is_list_of_points(points: Any, variables: int) -> bool:
    """An array (point, variable), or a list of so many that it cannot be a list of axes."""
    if isinstance(points, np.ndarray):
        return points.ndim == 2 and points.shape[1] == variables
    if not isinstance(points, list) or len(points) == variables:
        return False
    return all(isinstance(p, Sequence | np.ndarray) and len(p) == variables for p in points)


def _axis(layout: Layout, at: int, given: Any, ends: Any, best_fit: FitResult, call: str) -> FloatArray:
    """(point,): values of one parameter, from values or a number of points."""
    name = layout.names[at]
    if not _is_number(given):
        if ends is not None:
            raise InvalidValueError(f"{call}: range is for a number of points; these are given already.")
        axis = inputs.numbers(given, f"{call}: points of '{name}'")
        if axis.ndim != 1:
            raise ShapeMismatchError(
                f"{call}: points of '{name}' have shape {axis.shape}; give (point,) values, or how many."
            )
        return axis
    if given < 2:
        raise InvalidValueError(f"{call}: a number of points must be 2 or more, got {given}.")
    low, high = _default_range(layout, at, best_fit, call) if ends is None else _given_range(ends, name, call)
    return np.linspace(low, high, int(given))


def _default_range(layout: Layout, at: int, best_fit: FitResult, call: str) -> tuple[float, float]:
    value, error = best_fit.x[at], best_fit.errors[at]
    if not (np.isfinite(error) and error > 0.0):
        raise InvalidValueError(
            f"{call}: '{layout.names[at]}' has no error in best_fit to choose a range by; give range=...."
        )
    lower, upper = layout.bounds
    return max(value - _REACH * error, lower[at]), min(value + _REACH * error, upper[at])


def _given_range(ends: Any, name: str, call: str) -> tuple[float, float]:
    pair = inputs.numbers(ends, f"{call}: the range of '{name}'")
    if pair.shape != (2,) or not pair[0] < pair[1]:
        raise InvalidValueError(f"{call}: the range of '{name}' must be (low, high), got {describe(ends)}.")
    return float(pair[0]), float(pair[1])


def _check_bounds(layout: Layout, positions: list[int], values: FloatArray, call: str) -> None:
    lower, upper = (bound[positions] for bound in layout.bounds)
    outside = np.argwhere((values < lower) | (values > upper))
    if len(outside):
        point, k = outside[0].tolist()
        raise InvalidValueError(
            f"{call}: '{layout.names[positions[k]]}' = {values[point, k]:g} is outside its bounds "
            f"[{lower[k]:g}, {upper[k]:g}]."
        )
