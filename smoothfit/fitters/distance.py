"""How far from a minimum a point is, by its gradient and Hessian, and the covariance there."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._linalg import cholesky, solve_lower
from .._types import Array
from .newton_step import DETERMINED, Point, active, masked, smallest_pivot

__all__ = ["Distance", "distance"]


class Distance(NamedTuple):
    """How far from a minimum a point is."""

    edm: Array
    """Infinite where the Hessian is not positive definite."""
    positive_definite: Array
    at_limit: Array
    inverse: Array
    """Of the Hessian of the free coordinates that are not on a limit; zero elsewhere."""
    full_inverse: Array
    """Of the Hessian of all free coordinates."""
    full_positive_definite: Array


def distance(point: Point, x: Array, lower: Array, upper: Array, free: Array) -> Distance:
    """The estimated distance to the minimum at any point."""
    at_limit = active(x, point.gradient, lower, upper, free)
    keep = (free > 0) & ~at_limit
    inverse, fine = _inverse(point.hessian, keep)
    # The same again where nothing is at a limit, which is the rule.
    full, full_fine = jax.lax.cond(
        jnp.any(at_limit), lambda: _inverse(point.hessian, free > 0), lambda: (inverse, fine)
    )
    gradient = jnp.where(keep, point.gradient, 0.0)
    edm = jnp.where(fine, 0.5 * gradient @ inverse @ gradient, jnp.inf)
    return Distance(edm, fine, at_limit, inverse, full, full_fine)


def _inverse(hessian: Array, keep: Array) -> tuple[Array, Array]:
    """The inverse over the kept coordinates (zero elsewhere), and whether it is positive definite."""
    matrix = masked(hessian, keep, jnp.zeros(()), jnp.ones(()))
    scale = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300))
    scaled = matrix * scale[:, None] * scale
    root = cholesky(scaled)
    fine = smallest_pivot(root, scaled) > DETERMINED
    eye = jnp.eye(matrix.shape[0])
    # Of the transpose, for a product of rows with rows.
    half = solve_lower(jnp.where(fine, root, eye), eye, transposed=True)
    inverse = (half @ half.T) * scale[:, None] * scale
    return jnp.where(keep[:, None] & keep, inverse, 0.0), fine
