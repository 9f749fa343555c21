"""MINUIT's transformation of parameters with limits, for minimisers that know none.

With a, b the limits and t the internal coordinate (F. James, MINUIT, CERN D506, section 1.2.1):

    both    z = a + (b - a)/2 (sin t + 1)
    lower   z = a - 1 + sqrt(t^2 + 1)
    upper   z = b + 1 - sqrt(t^2 + 1)

and z = t without limits. A minimum on a limit is a stationary point in t, so it is reached as any other is;
but so is a limit that the function would rather leave: do not start on one. :func:`inside` moves a start off.
"""

from __future__ import annotations

import jax.numpy as jnp

from .._types import Array

__all__ = ["CLEARANCE", "from_internal", "inside", "to_internal"]

CLEARANCE = 1e-3


def _parts(lower: Array, upper: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Masks of the three cases, and limits that are finite everywhere."""
    has_lower, has_upper = jnp.isfinite(lower), jnp.isfinite(upper)
    both = has_lower & has_upper
    a, b = jnp.where(has_lower, lower, 0.0), jnp.where(has_upper, upper, 1.0)
    return both, has_lower & ~both, has_upper & ~both, a, b


def from_internal(t: Array, lower: Array, upper: Array) -> Array:
    """Coordinates within their limits, from internal ones; all of one shape.

    Examples
    --------
    >>> inf = jnp.inf
    >>> limits = jnp.array([0.0, 0.0, -inf, -inf]), jnp.array([2.0, inf, 0.0, inf])
    >>> from_internal(jnp.zeros(4), *limits).tolist()
    [1.0, 0.0, 0.0, 0.0]
    >>> t = jnp.array([0.3, -2.0, 5.0, 7.0])
    >>> from_internal(to_internal(from_internal(t, *limits), *limits), *limits) - from_internal(t, *limits)
    Array([0., 0., 0., 0.], dtype=float64)
    """
    both, only_lower, only_upper, a, b = _parts(lower, upper)
    root = jnp.sqrt(t**2 + 1.0)
    z = jnp.where(both, a + 0.5 * (b - a) * (jnp.sin(t) + 1.0), t)
    return jnp.where(only_lower, a - 1.0 + root, jnp.where(only_upper, b + 1.0 - root, z))


def to_internal(z: Array, lower: Array, upper: Array) -> Array:
    """Internal coordinates of a point within the limits; of two, the one with z growing in t if it can."""
    both, only_lower, only_upper, a, b = _parts(lower, upper)
    # Beyond a limit by rounding is on it.
    part = jnp.clip(2.0 * (z - a) / jnp.where(both & (b > a), b - a, 1.0) - 1.0, -1.0, 1.0)
    distance = jnp.maximum(jnp.where(only_lower, z - a, jnp.where(only_upper, b - z, 0.0)), 0.0)
    root = jnp.sqrt(distance * (distance + 2.0))
    one_sided = jnp.where(only_lower, root, -root)
    return jnp.where(both, jnp.arcsin(part), jnp.where(only_lower | only_upper, one_sided, z))


def inside(z: Array, lower: Array, upper: Array) -> Array:
    """A point strictly within the limits: by a thousandth of one, or of their distance."""
    room = CLEARANCE * jnp.minimum(jnp.where(jnp.isfinite(upper - lower), upper - lower, 1.0), 1.0)
    return jnp.clip(z, lower + room, upper - room)
