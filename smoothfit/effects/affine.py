"""The kind ``offset + slope theta``: a plain factor, which may reach 0."""

from __future__ import annotations

import jax.numpy as jnp

from .._types import Array
from .kind import Derivatives, Kind

__all__ = ["AFFINE"]


def _affine(theta: Array, offset: Array, slope: Array) -> Derivatives:
    value = offset + slope * theta
    return value, jnp.broadcast_to(slope, value.shape), jnp.zeros_like(value)


AFFINE = Kind("affine", ("offset", "slope"), False, _affine)
