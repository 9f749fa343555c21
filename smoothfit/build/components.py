"""What a variable is given one a component of: bounds, flags, numbers of the constraint."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._checks import as_floats, describe, plural
from .._types import BoolArray, FloatArray
from ..constraints import Constraint, Gaussian, NoConstraint
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from .declarations import read_only

__all__ = ["inside_support", "read_bound", "read_constraint", "read_flags"]


def read_bound(what: str, bound: Any, size: int, absent: float) -> FloatArray:
    """Bounds of each component; None is no bound, for all or for one of a list."""
    if bound is None:
        return np.full(size, absent)
    if isinstance(bound, list | tuple):
        bound = [absent if item is None else item for item in bound]
    array = as_floats(what, bound)
    if np.any(np.isnan(array)):
        raise InvalidValueError(f"{what} is NaN; give a number, or None for no bound.")
    return _components(what, array, size)


def _components(what: str, array: FloatArray, size: int) -> FloatArray:
    """One number for all components, or one a component."""
    if array.ndim != 0 and array.shape != (size,):
        raise ShapeMismatchError(
            f"{what} has shape {array.shape}, the value has {plural(size, 'component')}; "
            "give one number, or one a component."
        )
    return np.broadcast_to(array, (size,))


def read_flags(what: str, flags: Any, size: int) -> BoolArray:
    """One flag for all components, or one a component."""
    array = np.asarray(flags)
    if array.dtype.kind != "b":
        raise InvalidTypeError(f"{what} must be True or False, or one a component, got {describe(flags)}.")
    if array.ndim != 0 and array.shape != (size,):
        raise ShapeMismatchError(
            f"{what} has shape {array.shape}, the value has {plural(size, 'component')}; "
            "give one bool, or one each."
        )
    result: BoolArray = np.array(np.broadcast_to(array, (size,)))
    result.setflags(write=False)
    return result


def read_constraint(what: str, constraint: Any, nuisance: bool, value: FloatArray) -> Constraint | None:
    """The constraint with one number a component; None if there is none."""
    if constraint is None:
        constraint = Gaussian(mean=value, width=1.0) if nuisance else NoConstraint()
    if not isinstance(constraint, Constraint):
        cure = (
            "call it"
            if isinstance(constraint, type) and issubclass(constraint, Constraint)
            else "see constraints"
        )
        raise InvalidTypeError(
            f"{what}: constraint must be an object such as Gaussian(width=1.0), "
            f"got {describe(constraint)}; {cure}."
        )
    if isinstance(constraint, NoConstraint):
        return None
    kind = type(constraint).__name__
    if not constraint.kind:
        raise InvalidTypeError(
            f"{what}: a constraint of kind {kind} cannot be used; a density of your own is a LogDensity."
        )
    if np.any(value < constraint.smallest_value):
        wrong, needed = (
            ("negative", "a rate")
            if constraint.smallest_value == 0.0
            else ("not positive", "a positive value")
        )
        raise InvalidValueError(
            f"{what}: value {value.min():g} is {wrong}; a {kind} constraint needs {needed}, start at 1."
        )
    filled = constraint.filled(value)
    return dataclasses.replace(  # type: ignore[type-var]
        filled,
        **{
            field.name: _spread(f"{what}: {field.name} of the constraint", getattr(filled, field.name), value)
            for field in dataclasses.fields(filled)  # type: ignore[arg-type]
        },
    )


def _spread(what: str, given: Any, value: FloatArray) -> Any:
    """Numbers, one a component; functions and what was not given stay."""
    if given is None or callable(given):
        return given
    return read_only(_components(what, as_floats(what, given), len(value)))


def inside_support(
    what: str, constraint: Constraint | None, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bounds that a constraint's range sets where none are given.

    Raises
    ------
    InvalidValueError
        If a bound that is given lies outside the range.
    """
    if constraint is None:
        return lower, upper
    lowest, highest = (np.broadcast_to(end, lower.shape) for end in constraint.support)
    for name, given, inside in (
        ("lower_bound", lower, (lower >= lowest) & (lower <= highest)),
        ("upper_bound", upper, (upper >= lowest) & (upper <= highest)),
    ):
        wrong = np.isfinite(given) & ~inside
        if np.any(wrong):
            i = int(np.argmax(wrong))
            raise InvalidValueError(
                f"{what}: {name} {given[i]:g} is outside the range [{lowest[i]:g}, {highest[i]:g}] of its "
                f"{type(constraint).__name__} constraint; leave it out, or give one inside."
            )
    return np.maximum(lower, lowest), np.minimum(upper, highest)
