"""One step of Newton's method: the minimum of the quadratic model within limits.

The matrix is the exact Hessian, damped by mu times the diagonal of the convex matrix: a trust region in a
metric in which units do not matter. Coordinates that the step would push over a limit are put on it, and the
rest is solved again; one that the model would rather leave is let go, the worst first.

Where the Hessian is not positive definite, far from the minimum, the caller's convex matrix (Gauss and
Newton's) takes its place, which takes far larger steps than damping the Hessian would; later mu is raised.

Along a :class:`Ray` the step goes to where the model, minimised over everything else, meets a target: that is
known in closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._linalg import cholesky_solve
from .._types import Array, PyTree

__all__ = [
    "DAMPING_LIMIT",
    "DAMPING_START",
    "DETERMINED",
    "Point",
    "Ray",
    "Step",
    "active",
    "downhill",
    "is_solid",
    "masked",
    "smallest_pivot",
    "solve_step",
    "within",
]

DAMPING_START = 1e-3
DAMPING_LIMIT = 1e14
_WRONG_SIDE = 1e-14
_SOLVABLE = 1e-13
DETERMINED = 1e-10
"""Smallest pivot of the scaled Hessian, 1 - rho^2, that a determined parameter has: what is left of
the gradient at a minimum lifts an exactly flat direction to about a hundredth of it."""


class Point(NamedTuple):
    """The function at a point; ``extra`` is whatever the caller wants to know at the end."""

    value: Array
    gradient: Array
    hessian: Array
    convex: Array
    """A positive semidefinite stand-in for the Hessian; the Hessian itself if there is none."""
    extra: PyTree


class Ray(NamedTuple):
    """x = origin + r * direction for the coordinates that have a direction; the others are free."""

    origin: Array
    direction: Array
    """(dense,): 0 for coordinates that the function is minimised over."""
    start: Array
    """The first r."""
    room: Array
    """The largest r that limits allow."""
    target: Array
    """The value of the function to reach."""
    lowest: Array
    """Its value at r = 0; it is not expected to fall below."""


def active(x: Array, gradient: Array, lower: Array, upper: Array, free: Array) -> Array:
    pushed = ((x <= lower) & (gradient > 0.0)) | ((x >= upper) & (gradient < 0.0))
    return (free > 0) & pushed


def masked(hessian: Array, keep: Array, damping: Array, scale: Array) -> Array:
    """The Hessian of the kept coordinates, damped, and the identity on the others."""
    both = keep[:, None] & keep
    return jnp.where(both, hessian, 0.0) + jnp.diag(jnp.where(keep, damping * scale, 1.0))


def _scale(point: Point) -> Array:
    """The metric of the trust region: the convex matrix' diagonal, the row's largest where that is tiny."""
    diagonal = jnp.abs(jnp.diagonal(point.convex))
    largest = jnp.max(jnp.abs(point.hessian), axis=1, initial=1e-300)
    return jnp.where(diagonal > 1e-9 * largest, diagonal, largest)


def smallest_pivot(root: Array, matrix: Array) -> Array:
    """Of a Cholesky factor, in units of the matrix' diagonal; NaN where there is no factor.

    Pivots at the level of rounding count as zero: a flat direction must not become a huge step.
    """
    pivots = jnp.diagonal(root) ** 2 / jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300)
    return jnp.min(pivots, initial=jnp.inf)


class Step(NamedTuple):
    step: Array
    damping: Array
    convex: Array
    """Whether the convex matrix took the place of the Hessian."""
    side: Array
    """-1 where the step ends on the lower limit, +1 on the upper one, 0 in between."""
    solved: Array
    tries: Array
    along: Array
    """Of a ray: the change of r."""
    predicted: Array
    """How far the model falls; of a ray, at constant r."""
    pivot: Array
    """The smallest of the matrix, in units of its diagonal."""


def solve_step(
    x: Array,
    point: Point,
    damping: Array,
    lower: Array,
    upper: Array,
    free: Array,
    ray: Ray | None = None,
    r: Array | None = None,
    patient: Array | bool = True,
    wanted: Array | bool = True,
) -> Step:
    """The step within the limits; raises the damping until the matrix is positive definite.

    While it is ``patient``, the convex matrix is tried before. Where it is not ``wanted``, nothing is done.
    """
    n = x.shape[0]
    held = (free == 0) | active(x, point.gradient, lower, upper, free)
    scale = _scale(point)

    def attempt(state: Step) -> Step:
        clamped = state.side != 0
        keep = ~(held | clamped)
        fixed_part = jnp.where(clamped, state.step, 0.0)
        matrix = jnp.where(state.convex, point.convex, point.hessian)
        right = -(point.gradient + matrix @ fixed_part)
        if ray is not None:
            right = jnp.stack([right, -(matrix @ ray.direction)], axis=1)
        kept = keep if ray is None else keep[:, None]
        # Of a factor that does not exist all of this is NaN, and nothing of it is taken.
        inside = masked(matrix, keep, state.damping, scale)
        root, solution = cholesky_solve(inside, jnp.where(kept, right, 0.0))
        pivot = smallest_pivot(root, inside)
        # A minimum over NaN compares false.
        fine = pivot > _SOLVABLE
        normal = jnp.where(keep, solution if ray is None else solution[:, 0], fixed_part)
        predicted = -(point.gradient @ normal + 0.5 * normal @ matrix @ normal)
        step, along = normal, state.along
        if ray is not None and r is not None:
            tangent = solution[:, 1] + ray.direction
            along = _along(point, matrix, normal, tangent, ray, r)
            step = normal + along * tangent
        below, above = keep & (x + step < lower), keep & (x + step > upper)
        violated = jnp.any(below | above)
        limited = jnp.where(below, lower - x, jnp.where(above, upper - x, step))
        # A coordinate put on a limit that the model would rather leave: let the worst one go.
        slope = point.gradient + matrix @ step + state.damping * scale * step
        wrong = jnp.where(clamped & (state.side * slope > 0.0), slope**2 / scale, 0.0)
        worst = jnp.argmax(wrong) if n else jnp.array(0)
        release = ~violated & (jnp.max(wrong, initial=0.0) > _WRONG_SIDE)
        side = state.side - jnp.where(below, 1.0, 0.0) + jnp.where(above, 1.0, 0.0)
        side = jnp.where(release & (jnp.arange(n) == worst), 0.0, side)
        # First the convex matrix in place of the Hessian, then more damping.
        instead = ~state.convex & patient
        raised = jnp.where(instead, state.damping, jnp.maximum(8.0 * state.damping, DAMPING_START))
        return Step(
            step=jnp.where(fine, limited, state.step),
            damping=jnp.where(fine, state.damping, raised),
            convex=state.convex | (~fine & patient),
            side=jnp.where(fine, side, state.side),
            solved=fine & ~violated & ~release,
            tries=state.tries + 1,
            along=jnp.where(fine, along, state.along),
            predicted=jnp.where(fine, predicted, jnp.inf),
            pivot=pivot,
        )

    def unsolved(state: Step) -> Array:
        return wanted & ~state.solved & (state.tries < 3 * n + 40) & (state.damping < DAMPING_LIMIT)

    nothing = Step(
        jnp.zeros_like(x),
        damping,
        jnp.array(False),
        jnp.zeros(n),
        jnp.array(False),
        jnp.array(0),
        jnp.zeros(()),
        jnp.zeros(()),
        jnp.zeros(()),
    )
    return jax.lax.while_loop(unsolved, attempt, nothing)


def _along(point: Point, matrix: Array, normal: Array, tangent: Array, ray: Ray, r: Array) -> Array:
    """The change of r that takes the model, minimised over everything else, to the target."""
    excess = point.value + point.gradient @ normal + 0.5 * normal @ matrix @ normal - ray.target
    slope = tangent @ (point.gradient + matrix @ normal)
    curvature = tangent @ matrix @ tangent
    root = slope**2 - 2.0 * curvature * excess
    some = jnp.sqrt(jnp.maximum(root, 0.0))
    # The outer root, without cancellation; towards the lowest point if the model stays above the target.
    safe = jnp.where(slope + some > 0.0, slope + some, 1.0)
    curved = jnp.where(curvature > 0.0, curvature, 1.0)
    outer = jnp.where(slope >= 0.0, -2.0 * excess / safe, (some - slope) / curved)
    inwards = -slope / curved
    change = jnp.where(root >= 0.0, outer, inwards)
    # A model without curvature says nothing about how far.
    change = jnp.where(
        (curvature > 0.0) | ((slope > 0.0) & (root >= 0.0)), change, jnp.maximum(r, 0.1 * ray.start)
    )
    largest = jnp.maximum(2.0 * r, ray.start)
    return jnp.clip(change, jnp.maximum(-0.8 * r, -largest), jnp.minimum(largest, ray.room - r))


def downhill(point: Point, keep: Array) -> Array:
    """A step along the most negative curvature: the way from a stationary point that is no minimum.

    Zero where no curvature is negative (a flat direction).
    """
    eigenvalues, vectors = jnp.linalg.eigh(masked(point.hessian, keep, jnp.zeros(()), jnp.ones(())))
    if eigenvalues.shape[0] == 0:
        return jnp.zeros(0)
    negative = eigenvalues[0] < -1e-10 * jnp.max(jnp.abs(eigenvalues))
    length = 0.1 / jnp.sqrt(jnp.abs(jnp.where(negative, eigenvalues[0], 1.0)))
    return jnp.where(negative & keep, length * vectors[:, 0], 0.0)


def is_solid(found: Step) -> Array:
    """Whether no pivot owes its size to what is left of the gradient.

    That lends curvature to directions that are flat.
    """
    return found.pivot > 10.0 * jnp.sqrt(2.0 * jnp.maximum(found.predicted, 0.0))


def within(x: Array, step: Array, side: Array, lower: Array, upper: Array, free: Array) -> Array:
    """Where a step ends: exactly on a limit, not beside it by a rounding error."""
    trial = jnp.where(side < 0, lower, jnp.where(side > 0, upper, x + step))
    return jnp.where(free > 0, jnp.clip(trial, lower, upper), x)
