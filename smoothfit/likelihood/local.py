"""Parameters of a single bin: eliminated bin by bin, in closed form.

A local parameter y multiplies part of one bin, nu = b + y a, and has its own constraint. Its bin's term

    nu - d log(nu) + (y - g)^2/(2 width^2)        or        nu - d log(nu) + tau y - m log(y)

is convex in y, and stationary where a quadratic vanishes:

    Gaussian, p = 1/width^2    p a y^2 + (a^2 + p b - p g a) y + a (b - d) - p g b = 0
    Poisson                    (a + tau) a y^2 + ((a + tau) b - d a - m a) y - m b = 0

The root with nu > 0 is the one wanted, computed without cancellation; a limit that it passes is the
solution instead. What remains is a function of the other parameters, whose Hessian is the Schur complement.
"""

from __future__ import annotations

import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array

__all__ = ["Locals", "interior", "own_terms", "solve"]


@pytree_dataclass
class Locals:
    """The local parameters' constraints and limits; arrays (tile, width)."""

    present: Array
    free: Array
    """1 where y is minimised over, 0 where it is held (or absent)."""
    precision: Array
    tau: Array
    globs: Array
    lower: Array
    upper: Array


def own_terms(y: Array, locals_: Locals) -> tuple[Array, Array]:
    """First and second derivative of the local parameters' constraints."""
    poisson = locals_.tau > 0.0
    safe = jnp.where(poisson & (y > 0.0), y, 1.0)
    counts = jnp.where(poisson, locals_.globs, 0.0)
    slope = locals_.precision * (y - locals_.globs * (locals_.precision > 0.0))
    return slope + locals_.tau - counts / safe, locals_.precision + counts / safe**2


def solve(y: Array, v_out: Array, v_in: Array, d: Array, locals_: Locals) -> Array:
    """The local parameters that minimise their bins' terms; held ones stay at ``y``.

    Differentiable by everything. Where nothing depends on y it stays, too.
    """
    a, b = v_in, v_out
    poisson = locals_.tau > 0.0
    p, g = locals_.precision, jnp.where(locals_.precision > 0.0, locals_.globs, 0.0)
    m = jnp.where(poisson, locals_.globs, 0.0)
    slope = a + locals_.tau
    second = jnp.where(poisson, slope * a, p * a)
    first = jnp.where(poisson, slope * b - (d + m) * a, a * a + p * b - p * g * a)
    constant = jnp.where(poisson, -m * b, a * (b - d) - p * g * b)
    # b = 0 leaves the Poisson quadratic without a constant; its root is then -first/second.
    square = first * first - 4.0 * second * constant
    root = jnp.sqrt(jnp.where(square > 0.0, square, 1.0)) * jnp.where(square > 0.0, 1.0, 0.0)
    upward = first >= 0.0
    sum_ = first + root
    by_sum = -2.0 * constant / jnp.where(upward & (sum_ > 0.0), sum_, 1.0)
    by_difference = 0.5 * (root - first) / jnp.where(upward | (second == 0.0), 1.0, second)
    solvable = jnp.where(upward, sum_ > 0.0, second != 0.0)
    # Without data and yield the constraint alone decides.
    alone = jnp.where(poisson, m / jnp.where(poisson, locals_.tau, 1.0), jnp.where(p > 0.0, g, y))
    found = jnp.where(solvable, jnp.where(upward, by_sum, by_difference), alone)
    found = jnp.clip(found, locals_.lower, locals_.upper)
    return jnp.where(locals_.free > 0, found, y)


def interior(y: Array, locals_: Locals) -> Array:
    """1 where y is minimised over and not at a limit."""
    return (locals_.free > 0) & (y > locals_.lower) & (y < locals_.upper)
