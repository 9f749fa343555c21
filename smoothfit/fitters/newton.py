"""Bounded trust-region Newton, all of it inside one compiled loop.

Each step minimises the quadratic model (exact Hessian, damped by mu times its diagonal) within the limits:
coordinates that the step would push over a limit are put on it and the rest is solved again. mu is
zero near the solution, grows when a step does not deliver what the model promised, or when the
Hessian is not positive definite, and shrinks when it does: a trust region in the metric of the
Hessian's diagonal, so that units do not matter.

The estimated distance to the minimum, EDM = g^T H^-1 g/2 over the free coordinates, decides: at 1e-9
the fit has converged; full Newton steps then go on to 1e-16, so that refits from anywhere agree to rounding.
Value, gradient and Hessian appear once in the loop, which keeps compilation short.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array, PyTree

__all__ = ["CONVERGED_EDM", "Distance", "Minimum", "Point", "distance", "minimize"]

CONVERGED_EDM = 1e-9
_FINAL_EDM = 1e-16
_MAX_POLISH = 6
_SUFFICIENT = 1e-4
_DAMPING_START = 1e-3
_DAMPING_END = 1e-7
_DAMPING_LIMIT = 1e14
_MAX_PUSHES = 2
_WRONG_SIDE = 1e-14
_DETERMINED = 1e-10
"""Smallest pivot of the scaled Hessian, 1 - rho^2, that a determined parameter has: what is left of
the gradient at a minimum lifts an exactly flat direction to about a hundredth of it."""


class Point(NamedTuple):
    """The function at a point; ``extra`` is whatever the caller wants to know at the end."""

    value: Array
    gradient: Array
    hessian: Array
    extra: PyTree


class Minimum(NamedTuple):
    """Where the iteration ended."""

    x: Array
    point: Point
    edm: Array
    steps: Array
    converged: Array
    at_limit: Array
    """1 where a free coordinate sits on a limit with the gradient pushing outwards."""


class _State(NamedTuple):
    x: Array
    point: Point
    trial: Array
    predicted: Array
    damping: Array
    edm: Array
    steps: Array
    polish: Array
    pushes: Array
    pushing: Array
    converged: Array
    done: Array


def _active(x: Array, gradient: Array, lower: Array, upper: Array, free: Array) -> Array:
    pushed = ((x <= lower) & (gradient > 0.0)) | ((x >= upper) & (gradient < 0.0))
    return (free > 0) & pushed


def _masked(hessian: Array, keep: Array, damping: Array) -> Array:
    """The Hessian of the kept coordinates, damped, and the identity on the others."""
    both = keep[:, None] & keep
    return jnp.where(both, hessian, 0.0) + jnp.diag(jnp.where(keep, damping * _scale(hessian), 1.0))


def _scale(hessian: Array) -> Array:
    """The metric of the trust region: the diagonal, or the largest of the row where that is tiny."""
    diagonal = jnp.abs(jnp.diagonal(hessian))
    largest = jnp.max(jnp.abs(hessian), axis=1, initial=1e-300)
    return jnp.where(diagonal > 1e-9 * largest, diagonal, largest)


def _factor(matrix: Array, smallest: float = 1e-13) -> tuple[Array, Array]:
    """The Cholesky factor and whether it exists.

    Pivots at the level of rounding count as zero: a flat direction must not become a huge step.
    """
    factor = jnp.linalg.cholesky(matrix, symmetrize_input=False)
    pivots = jnp.diagonal(factor) ** 2 / jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300)
    # A failed factorisation is NaN, and a minimum over NaN compares false.
    return factor, jnp.min(pivots, initial=jnp.inf) > smallest


class _Step(NamedTuple):
    step: Array
    damping: Array
    side: Array
    """-1 where the step ends on the lower limit, +1 on the upper one, 0 in between."""
    solved: Array
    tries: Array


def _solve_step(x: Array, point: Point, damping: Array, lower: Array, upper: Array, free: Array) -> _Step:
    """The step within the limits; raises the damping until the matrix is positive definite."""
    n = x.shape[0]
    held = (free == 0) | _active(x, point.gradient, lower, upper, free)

    scale = _scale(point.hessian)

    def attempt(state: _Step) -> _Step:
        clamped = state.side != 0
        keep = ~(held | clamped)
        fixed_part = jnp.where(clamped, state.step, 0.0)
        factor, fine = _factor(_masked(point.hessian, keep, state.damping))
        right = jnp.where(keep, -(point.gradient + point.hessian @ fixed_part), 0.0)
        solution = jax.scipy.linalg.cho_solve((jnp.where(fine, factor, jnp.eye(n)), True), right)
        step = jnp.where(keep, solution, fixed_part)
        below, above = keep & (x + step < lower), keep & (x + step > upper)
        violated = jnp.any(below | above)
        limited = jnp.where(below, lower - x, jnp.where(above, upper - x, step))
        # A coordinate put on a limit that the model would rather leave: let the worst one go.
        slope = point.gradient + point.hessian @ step + state.damping * scale * step
        wrong = jnp.where(clamped & (state.side * slope > 0.0), slope**2 / scale, 0.0)
        worst = jnp.argmax(wrong) if n else jnp.array(0)
        release = ~violated & (jnp.max(wrong, initial=0.0) > _WRONG_SIDE)
        side = state.side - jnp.where(below, 1.0, 0.0) + jnp.where(above, 1.0, 0.0)
        side = jnp.where(release & (jnp.arange(n) == worst), 0.0, side)
        raised = jnp.maximum(8.0 * state.damping, _DAMPING_START)
        return _Step(
            step=jnp.where(fine, limited, state.step),
            damping=jnp.where(fine, state.damping, raised),
            side=jnp.where(fine, side, state.side),
            solved=fine & ~violated & ~release,
            tries=state.tries + 1,
        )

    def unsolved(state: _Step) -> Array:
        return ~state.solved & (state.tries < 3 * n + 40) & (state.damping < _DAMPING_LIMIT)

    nothing = _Step(jnp.zeros_like(x), damping, jnp.zeros(n), jnp.array(False), jnp.array(0))
    return jax.lax.while_loop(unsolved, attempt, nothing)


def _downhill(point: Point, keep: Array) -> Array:
    """A step along the most negative curvature: the way from a stationary point that is no minimum.

    Zero where no curvature is negative (a flat direction).
    """
    eigenvalues, vectors = jnp.linalg.eigh(_masked(point.hessian, keep, jnp.zeros(())))
    if eigenvalues.shape[0] == 0:
        return jnp.zeros(0)
    negative = eigenvalues[0] < -1e-10 * jnp.max(jnp.abs(eigenvalues))
    length = 0.1 / jnp.sqrt(jnp.abs(jnp.where(negative, eigenvalues[0], 1.0)))
    return jnp.where(negative & keep, length * vectors[:, 0], 0.0)


def minimize(
    fun: Callable[[Array], Point],
    start: Array,
    *,
    lower: Array,
    upper: Array,
    free: Array,
    max_steps: int = 300,
) -> Minimum:
    """Minimise ``fun(x)`` within limits; traceable, to be called inside jit.

    Parameters
    ----------
    fun
        Gives a :class:`Point` at ``x`` (dense,).
    start, lower, upper
        (dense,); ``start`` lies within the limits.
    free
        (dense,): 1 where a coordinate may move.
    """
    # Traced here, for the shapes of the first state; the loop's body then only replays it.
    traced, shapes = jax.make_jaxpr(fun, return_shape=True)(start)
    structure = jax.tree.structure(shapes)
    unknown: Point = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    unknown = unknown._replace(value=jnp.array(jnp.inf))
    zero = jnp.zeros(())
    first = _State(
        x=start,
        point=unknown,
        trial=start,
        predicted=zero,
        damping=zero,
        edm=jnp.array(jnp.inf),
        steps=jnp.array(0),
        polish=jnp.array(0),
        pushes=jnp.array(0),
        pushing=jnp.array(False),
        converged=jnp.array(False),
        done=jnp.array(False),
    )

    def body(state: _State) -> _State:
        replayed = jax.core.eval_jaxpr(traced.jaxpr, traced.consts, state.trial)
        tried: Point = jax.tree.unflatten(structure, replayed)
        accepted, damping = _judge(state, tried)
        x = jnp.where(accepted, state.trial, state.x)
        point = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), tried, state.point)
        found = _solve_step(x, point, damping, lower, upper, free)
        predicted = -(point.gradient @ found.step + 0.5 * found.step @ point.hessian @ found.step)
        flat = found.damping > 0.0
        small = jnp.abs(predicted) <= CONVERGED_EDM * jnp.where(flat, 1e-3, 1.0)
        # Stationary, but the Hessian is not positive definite: a saddle, or a flat direction.
        away = jax.lax.cond(
            flat & small & found.solved & (state.pushes < _MAX_PUSHES),
            lambda: _downhill(point, (free > 0) & ~_active(x, point.gradient, lower, upper, free)),
            lambda: jnp.zeros_like(x),
        )
        pushing = jnp.any(away != 0.0)
        converged = small & found.solved & ~pushing & jnp.isfinite(point.value)
        polish = jnp.where(converged & accepted, state.polish + 1, state.polish)
        finished = converged & (
            (jnp.abs(predicted) <= _FINAL_EDM) | (polish > _MAX_POLISH) | (~accepted & state.converged)
        )
        step = jnp.where(pushing, jnp.where(state.pushing, -away, away), found.step)
        trial = x + step
        if_free = free > 0
        # Exactly on the limit, not beside it by a rounding error.
        trial = jnp.where(if_free & ~pushing & (found.side < 0), lower, trial)
        trial = jnp.where(if_free & ~pushing & (found.side > 0), upper, trial)
        trial = jnp.where(if_free, jnp.clip(trial, lower, upper), x)
        hopeless = (found.damping >= _DAMPING_LIMIT) | ~jnp.isfinite(point.value)
        return _State(
            x=x,
            point=point,
            trial=trial,
            predicted=jnp.where(pushing, 0.0, jnp.maximum(predicted, 0.0)),
            damping=jnp.where(pushing, 0.0, found.damping),
            edm=jnp.abs(predicted),
            steps=state.steps + 1,
            polish=polish,
            pushes=state.pushes + pushing,
            pushing=pushing,
            converged=converged | (state.converged & ~accepted),
            done=finished | hopeless,
        )

    end = jax.lax.while_loop(lambda s: ~s.done & (s.steps < max_steps), body, first)
    at_limit = _active(end.x, end.point.gradient, lower, upper, free)
    return Minimum(end.x, end.point, end.edm, end.steps, end.converged, at_limit)


def _judge(state: _State, tried: Point) -> tuple[Array, Array]:
    """Whether to take the trial point, and the next damping."""
    # A sum is finite only if all its terms are.
    finite = jnp.isfinite(tried.value + jnp.sum(tried.gradient) + jnp.sum(tried.hessian))
    fresh = ~jnp.isfinite(state.point.value)
    gain = state.point.value - tried.value
    # Differences below the rounding of the value say nothing: near the minimum trust the model.
    rounding = 1e-14 * (1.0 + jnp.abs(state.point.value))
    good = gain >= _SUFFICIENT * state.predicted - rounding
    accepted = finite & (fresh | good)
    ratio = (gain + rounding) / jnp.maximum(state.predicted + rounding, 1e-300)
    lowered = jnp.where(state.damping < _DAMPING_END, 0.0, 0.1 * state.damping)
    kept = jnp.where(ratio > 0.5, lowered, jnp.where(ratio > 0.2, state.damping, 2.0 * state.damping))
    kept = jnp.where((ratio > 0.9) & (state.damping <= _DAMPING_START), 0.0, kept)
    raised = jnp.maximum(8.0 * state.damping, _DAMPING_START)
    return accepted, jnp.where(accepted, jnp.where(fresh, state.damping, kept), raised)


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
    at_limit = _active(x, point.gradient, lower, upper, free)
    keep = (free > 0) & ~at_limit
    both, exist = jax.vmap(_inverse, in_axes=(None, 0))(point.hessian, jnp.stack([keep, free > 0]))
    inverse, fine = both[0], exist[0]
    gradient = jnp.where(keep, point.gradient, 0.0)
    edm = jnp.where(fine, 0.5 * gradient @ inverse @ gradient, jnp.inf)
    return Distance(edm, fine, at_limit, inverse, both[1], exist[1])


def _inverse(hessian: Array, keep: Array) -> tuple[Array, Array]:
    """The inverse over the kept coordinates (zero elsewhere), and whether it is positive definite."""
    matrix = _masked(hessian, keep, jnp.zeros(()))
    scale = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300))
    factor, fine = _factor(matrix * scale[:, None] * scale, _DETERMINED)
    eye = jnp.eye(matrix.shape[0])
    inverse = jax.scipy.linalg.cho_solve((jnp.where(fine, factor, eye), True), eye)
    inverse = 0.5 * (inverse + inverse.T) * scale[:, None] * scale
    return jnp.where(keep[:, None] & keep, inverse, 0.0), fine
