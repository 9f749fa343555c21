"""Parameters with limits as numbers without any, for samplers, and the Jacobian of that.

With a and b the limits and u the unconstrained number (as in the Stan Reference Manual, "Constraint
Transforms"):

    both    z = a + (b - a)/(1 + exp(-u))    log |dz/du| = log(b - a) - log(1 + exp(-u)) - log(1 + exp(u))
    lower   z = a + exp(u)                   log |dz/du| = u
    upper   z = b - exp(u)                   log |dz/du| = u

and z = u without limits. The limits themselves are at infinity. (:mod:`smoothfit.fitters.unlimited` has
MINUIT's transformation, which reaches them, but more than once: right for minima, wrong for densities.)
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ..._types import Array

__all__ = ["from_unconstrained", "inside", "log_jacobian", "to_unconstrained"]


def _cases(lower: Array, upper: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Masks of the three cases, and limits that are finite everywhere."""
    has_lower, has_upper = jnp.isfinite(lower), jnp.isfinite(upper)
    both = has_lower & has_upper
    a, b = jnp.where(has_lower, lower, 0.0), jnp.where(has_upper, upper, 1.0)
    return both, has_lower & ~both, has_upper & ~both, a, b


def to_unconstrained(z: Array, lower: Array, upper: Array) -> Array:
    """(..., n): unconstrained numbers of parameters; infinite on a limit, NaN outside.

    Examples
    --------
    >>> limits = jnp.array([0.0, 0.0]), jnp.array([2.0, jnp.inf])
    >>> to_unconstrained(jnp.array([1.0, 1.0]), *limits).tolist()
    [0.0, 0.0]
    """
    both, only_lower, only_upper, a, b = _cases(lower, upper)
    above = jnp.log(jnp.where(both | only_lower, z - a, 1.0))
    below = jnp.log(jnp.where(both | only_upper, b - z, 1.0))
    u = jnp.where(both, above - below, jnp.where(only_lower, above, below))
    return jnp.where(both | only_lower | only_upper, u, z)


def from_unconstrained(u: Array, lower: Array, upper: Array) -> Array:
    """(..., n): the parameters again.

    Examples
    --------
    >>> limits = jnp.array([0.0, 0.0, -jnp.inf]), jnp.array([2.0, jnp.inf, jnp.inf])
    >>> from_unconstrained(jnp.zeros(3), *limits).tolist()
    [1.0, 1.0, 0.0]
    """
    both, only_lower, only_upper, a, b = _cases(lower, upper)
    size = jnp.exp(jnp.where(only_lower | only_upper, u, 0.0))
    share = jax.nn.sigmoid(jnp.where(both, u, 0.0))
    z = jnp.where(only_lower, a + size, jnp.where(only_upper, b - size, u))
    return jnp.where(both, a + (b - a) * share, z)


def log_jacobian(u: Array, lower: Array, upper: Array) -> Array:
    """(...): log |dz/du|, summed over the parameters."""
    both, only_lower, only_upper, a, b = _cases(lower, upper)
    t = jnp.where(both, u, 0.0)
    of_both = jnp.log(b - a) + jax.nn.log_sigmoid(t) + jax.nn.log_sigmoid(-t)
    return jnp.where(both, of_both, jnp.where(only_lower | only_upper, u, 0.0)).sum(-1)


def inside(z: Array, lower: Array, upper: Array, margin: Array | float) -> Array:
    """(..., n): parameters at least ``margin`` from their limits, or in the middle of close ones.

    Examples
    --------
    >>> inside(jnp.array([0.0, 0.0]), jnp.zeros(2), jnp.array([1.0, 0.02]), 0.1).tolist()
    [0.1, 0.01]
    """
    room = jnp.minimum(margin, 0.5 * (upper - lower))
    return jnp.clip(z, lower + room, upper - room)
