"""Checks of what losses are given: a parameter's position, its value, and those of all."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import describe
from .._pytree import resolve
from .._types import Array
from ..errors import InvalidTypeError, InvalidValueError
from ..inference.asimov import check_densities
from ..prepared import Prepared
from .inputs import positive, vector

__all__ = ["nominal_values", "parameter_position", "parameter_value"]


def parameter_position(call: str, prepared: Prepared, position: Any) -> Array:
    """Of a parameter that is not constant."""
    if isinstance(position, bool) or not isinstance(position, int | np.integer):
        raise InvalidTypeError(
            f"{call}: the position of a parameter must be a whole number, got {describe(position)}; "
            "model.index(variable) gives it."
        )
    n_params = prepared.plan.n_params
    if not 0 <= position < n_params:
        raise InvalidValueError(
            f"{call}: there is no parameter at {position}, their positions are 0 to {n_params - 1}; "
            "model.index(variable) gives them."
        )
    constant = prepared.plan.constant
    if not isinstance(constant, jax.core.Tracer) and np.asarray(resolve(constant))[position]:
        raise InvalidValueError(
            f"{call}: the parameter at {position} is constant; the parameter of interest must be free."
        )
    check_densities(prepared, call)
    return jnp.asarray(position)


def parameter_value(what: str, prepared: Prepared, at: Array, value: Any) -> Array:
    """A strength of a signal, inside its bounds if all are known."""
    number = positive(what, value, "give the strength of a signal")
    bounds = prepared.plan.lower, prepared.plan.upper
    if not any(isinstance(one, jax.core.Tracer) for one in (number, *bounds)):
        lower, upper = (float(np.asarray(resolve(bound))[int(at)]) for bound in bounds)
        if not lower <= float(number) <= upper:
            raise InvalidValueError(
                f"{what} = {float(number):g} is outside the parameter's bounds [{lower:g}, {upper:g}]; give "
                "one inside, or the Variable other bounds."
            )
    return number


def nominal_values(call: str, prepared: Prepared, nominal: Any) -> Array:
    """(param,)"""
    if nominal is None:
        return jnp.asarray(resolve(prepared.plan.start), float)
    return vector(f"{call}: nominal", nominal, "parameter", prepared.plan.n_params)[0]
