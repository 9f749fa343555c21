"""What a variable is given one a component of: bounds, flags, numbers of the constraint."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..constraints import Constraint, Gaussian, NoConstraint, Poisson
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from .checks import as_floats, describe, plural
from .declarations import read_only

__all__ = ["read_bound", "read_constraint", "read_flags"]


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

    def spread(field: str, numbers: Any) -> FloatArray:
        where = f"{what}: {field} of the constraint"
        return read_only(_components(where, as_floats(where, numbers), len(value)))

    if isinstance(constraint, Gaussian):
        mean = value if constraint.mean is None else constraint.mean
        return dataclasses.replace(
            constraint, mean=spread("mean", mean), width=spread("width", constraint.width)
        )
    if isinstance(constraint, Poisson):
        if np.any(value < 0.0):
            raise InvalidValueError(
                f"{what}: value {value.min():g} is negative; a Poisson constraint needs a rate, start at 1."
            )
        return dataclasses.replace(constraint, tau=spread("tau", constraint.tau))
    return constraint
