"""Formulas that are written once, for numpy and for JAX: for data sets one by one, and inside ``jit``.

What differs between the two is here: which module's functions to call, a square root whose derivative at 0 is
0 and not infinite, and tails of the normal distribution, which scipy has to full precision and JAX in part.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._types import Array

__all__ = ["FARTHEST", "log_below", "root", "significance_of", "space_of"]

FARTHEST = 38.0
"""Standard deviations beyond which a tail is no number; there, a bound of what is returned."""
_STEPS = 8


def space_of(*values: Any) -> ModuleType:
    """jax.numpy if one of the values is JAX's, traced or not, else numpy.

    Examples
    --------
    >>> space_of(1.0, np.ones(2)).__name__, space_of(1.0, jnp.ones(2)).__name__
    ('numpy', 'jax.numpy')
    """
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def root(value: Any) -> Any:
    """The square root of what is not negative, else 0; NaN stays NaN.

    Examples
    --------
    >>> root(4.0), root(-1e-12), float(jax.grad(root)(0.0))
    (np.float64(2.0), np.float64(0.0), 0.0)
    """
    space = space_of(value)
    nothing = value <= 0.0
    return space.where(nothing, 0.0, space.sqrt(space.where(nothing, 1.0, value)))[()]


def log_below(z: Any) -> Any:
    """The logarithm of the normal distribution function.

    Examples
    --------
    >>> float(log_below(-10.0)).__round__(6), float(log_below(jnp.array(-10.0))).__round__(6)
    (-53.231285, -53.231285)
    """
    if isinstance(z, jax.Array):
        return jax.scipy.special.log_ndtr(z)
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(z))


def significance_of(log_p: Any) -> Any:
    """Z with p = Phi(-Z): of the logarithm of a p-value; within +-38.

    Examples
    --------
    >>> significance_of(np.log(0.05)).round(4)
    np.float64(1.6449)
    >>> float(significance_of(jnp.log(0.05)).round(4))
    1.6449
    """
    if isinstance(log_p, jax.Array):
        return jnp.clip(-_quantile(jnp.minimum(log_p, 0.0)), -FARTHEST, FARTHEST)
    from scipy.special import ndtri_exp

    return np.clip(-ndtri_exp(np.minimum(log_p, 0.0)), -FARTHEST, FARTHEST)


@jax.custom_jvp
def _quantile(log_p: Array) -> Array:
    """x with log Phi(x) = log_p, by Halley's method."""
    far = -jnp.sqrt(jnp.maximum(-2.0 * log_p, 1e-300))
    # Above 1/2 the logarithm is flat, and the other tail is solved for.
    upper = log_p > jnp.log(0.5)
    other = jnp.log(-jnp.expm1(jnp.where(upper, log_p, -1.0)))
    goal = jnp.where(upper, other, log_p)
    x = jnp.where(upper, -jnp.sqrt(jnp.maximum(-2.0 * other, 1e-300)), far)
    x = jnp.maximum(x, -1e3)
    for _ in range(_STEPS):
        value = jax.scipy.special.log_ndtr(x)
        slope = jnp.exp(-0.5 * x * x - 0.5 * jnp.log(2.0 * jnp.pi) - value)
        bend = -slope * (x + slope)
        miss = value - goal
        x = x - miss / (slope - 0.5 * miss * bend / slope)
    return jnp.where(upper, -x, x)


@_quantile.defjvp
def _quantile_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (log_p,), (change,) = primals, tangents
    x = _quantile(log_p)
    return x, change * jnp.exp(log_p + 0.5 * x * x + 0.5 * jnp.log(2.0 * jnp.pi))
