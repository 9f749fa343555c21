"""Solving an increasing function for 0, with derivatives that know nothing of the iteration."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from .._types import Array

__all__ = ["bisect", "solve"]

_HALVINGS = 64


def bisect(residual: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """x with ``residual(x) = 0``, elementwise; without derivatives.

    Examples
    --------
    >>> float(bisect(lambda x: x**3 - 8.0, jnp.array(0.0), jnp.array(3.0)))
    2.0
    """

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        below = residual(middle) < 0.0
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    start = (jnp.asarray(low, float), jnp.asarray(high, float))
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, start)
    return 0.5 * (low + high)


def solve(residual: Callable[..., Array], low: Array, high: Array, *arguments: Array) -> Array:
    """x with ``residual(x, *arguments) = 0``, elementwise, between ``low`` and ``high``.

    ``residual`` increases with x. Bisection finds x and is left out of all derivatives; two Newton steps
    from there change nothing, and make the first three derivatives by the arguments those of the
    implicit function: each step doubles the order to which it is exact.

    Examples
    --------
    >>> root = lambda a: solve(lambda x, a: x**2 - a, jnp.array(0.0), jnp.array(4.0), a)
    >>> [float(f(2.25)) for f in (root, jax.grad(root), jax.grad(jax.grad(root)))]
    [1.5, 0.333333333, -0.074074074]
    """
    held = jax.lax.stop_gradient(arguments)
    x = bisect(lambda x: residual(x, *held), *jax.lax.stop_gradient((low, high)))
    x = jax.lax.stop_gradient(x)
    for _ in range(2):
        value, slope = jax.jvp(lambda x: residual(x, *arguments), (x,), (jnp.ones_like(x),))
        usable = jnp.isfinite(value) & jnp.isfinite(slope) & (slope > 0.0)
        x = x - jnp.where(usable, value, 0.0) / jnp.where(usable, slope, 1.0)
    return x
