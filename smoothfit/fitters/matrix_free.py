"""Bounded trust-region Newton without the Hessian: products with vectors are all that is asked of it.

For models of many thousand parameters. Each step minimises the quadratic model by conjugate gradients,
stopped at the border of the trust region or where the curvature is negative (Steihaug, SIAM J. Numer. Anal. 20
(1983) 626), in the metric of the Hessian's diagonal. Coordinates that the step would push over a limit are
put on it, and the rest is solved again. The end is judged as in :mod:`.newton`, by the EDM, g^T H^-1 g/2 over
the free coordinates, of a last solution by conjugate gradients whose own error is added to it. Whether the Hessian is
positive definite is what Lanczos' method says: a smallest eigenvalue that it finds is there, one that it
does not find within its iterations is not excluded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array, PyTree

__all__ = ["Minimum", "Point", "minimize", "smallest_eigenvalue", "solve"]

CONVERGED_EDM = 1e-9
_FINAL_EDM = 1e-16
_MAX_POLISH = 3
_SUFFICIENT = 1e-4
_RADIUS = 100.0
"""First radius of the trust region, in units of the Hessian's diagonal: about as many sigma."""
_SMALLEST_RADIUS = 1e-12
_PASSES = 12
_SOLUTIONS = 4000
"""Iterations of conjugate gradients, at most."""
_LANCZOS = 300
_DETERMINED = 1e-10
"""Smallest eigenvalue of the scaled Hessian that a determined set of parameters has."""
_ROUNDS = 3


class Point(NamedTuple):
    """The function at a point; ``operator`` is what products with the Hessian need."""

    value: Array
    gradient: Array
    metric: Array
    """(n,): positive, about the Hessian's diagonal."""
    operator: PyTree
    extra: PyTree


class Minimum(NamedTuple):
    """Where the iteration ended."""

    x: Array
    point: Point
    edm: Array
    steps: Array
    smallest: Array
    """Estimate (from above) of the smallest eigenvalue of the scaled Hessian of what is free."""
    positive_definite: Array
    at_limit: Array


Times = Callable[[Array], Array]


class _Solved(NamedTuple):
    x: Array
    residual: Array
    direction: Array
    rest: Array
    """r^T M^-1 r"""
    inside: Array
    """Whether the trust region and the curvature allowed all of it."""
    done: Array
    steps: Array


def _steihaug(times: Times, right: Array, metric: Array, radius: Array, tolerance: Array) -> _Solved:
    """Minimise x^T H x/2 - right^T x within sqrt(x^T M x) <= radius, by preconditioned conjugate gradients."""
    first = right / metric
    begin = _Solved(
        x=jnp.zeros_like(right),
        residual=right,
        direction=first,
        rest=right @ first,
        inside=jnp.array(True),
        done=right @ first == 0.0,
        steps=jnp.array(0),
    )
    enough = tolerance**2 * begin.rest

    def step(state: _Solved) -> _Solved:
        d = state.direction
        pushed = times(d)
        curvature = d @ pushed
        negative = curvature <= 0.0
        length = state.rest / jnp.where(negative, 1.0, curvature)
        along, square, now = d @ (metric * state.x), d @ (metric * d), state.x @ (metric * state.x)
        beyond = negative | (now + length * (2.0 * along + length * square) >= radius**2)
        # The positive root of |x + t d| = radius, without cancellation.
        room = jnp.maximum(radius**2 - now, 0.0)
        root = jnp.sqrt(along**2 + square * room)
        to_border = jnp.where(along > 0.0, room / jnp.maximum(along + root, 1e-300), (root - along) / square)
        length = jnp.where(beyond, to_border, length)
        residual = state.residual - length * pushed
        scaled = residual / metric
        rest = residual @ scaled
        return _Solved(
            x=state.x + length * d,
            residual=residual,
            direction=scaled + rest / state.rest * d,
            rest=rest,
            inside=~beyond,
            done=beyond | (rest <= enough),
            steps=state.steps + 1,
        )

    return jax.lax.while_loop(lambda s: ~s.done & (s.steps < _SOLUTIONS), step, begin)


def solve(times: Times, right: Array, metric: Array, keep: Array, tolerance: float = 1e-10) -> Array:
    """H^-1 right over the kept coordinates, 0 elsewhere; NaN where the curvature is not positive."""
    right = jnp.where(keep, right, 0.0)
    found = _steihaug(
        lambda v: jnp.where(keep, times(v), 0.0), right, metric, jnp.array(jnp.inf), jnp.array(tolerance)
    )
    return jnp.where(found.inside & found.done, found.x, jnp.nan)


def _active(x: Array, gradient: Array, lower: Array, upper: Array, free: Array) -> Array:
    pushed = ((x <= lower) & (gradient > 0.0)) | ((x >= upper) & (gradient < 0.0))
    return (free > 0) & pushed


class _Step(NamedTuple):
    step: Array
    side: Array
    """-1 where the step ends on the lower limit, +1 on the upper one, 0 in between."""
    full: Array
    """Whether it is a full Newton step."""
    rest: Array
    """r^T M^-1 r of what was not solved."""
    again: Array
    passes: Array


def _solve_step(
    times: Times, x: Array, point: Point, radius: Array, lower: Array, upper: Array, free: Array
) -> tuple[_Step, Array]:
    """The step within the limits, and what the model says it gains."""
    held = (free == 0) | _active(x, point.gradient, lower, upper, free)
    size = jnp.sqrt(jnp.sum(jnp.where(held, 0.0, point.gradient**2 / point.metric)))
    tolerance = jnp.clip(1e-2 * size, 1e-9, 0.1)

    def attempt(state: _Step) -> _Step:
        clamped = state.side != 0
        keep = ~(held | clamped)
        fixed_part = jnp.where(clamped, state.step, 0.0)
        right = jnp.where(keep, -(point.gradient + times(fixed_part)), 0.0)
        found = _steihaug(
            lambda v: jnp.where(keep, times(v), 0.0), right, point.metric, radius, tolerance
        )
        step = jnp.where(keep, found.x, fixed_part)
        below, above = keep & (x + step < lower), keep & (x + step > upper)
        step = jnp.where(below, lower - x, jnp.where(above, upper - x, step))
        return _Step(
            step=step,
            side=state.side - jnp.where(below, 1.0, 0.0) + jnp.where(above, 1.0, 0.0),
            full=found.inside,
            rest=found.rest,
            again=jnp.any(below | above),
            passes=state.passes + 1,
        )

    zero = jnp.zeros_like(x)
    nothing = _Step(zero, zero, jnp.array(False), jnp.array(jnp.inf), jnp.array(True), jnp.array(0))
    found = jax.lax.while_loop(lambda s: s.again & (s.passes < _PASSES), attempt, nothing)
    gain = -(point.gradient + 0.5 * times(found.step)) @ found.step

    # Steps cut off at limits may lead uphill: then along the projected gradient, as far as it is downhill.
    def shorter(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        length, _, _ = state
        step = jnp.where(held, 0.0, -length * point.gradient / point.metric)
        step = jnp.clip(x + step, lower, upper) - x
        step = jnp.where(held, 0.0, step)
        return 0.25 * length, step, -(point.gradient + 0.5 * times(step)) @ step

    length = jnp.minimum(1.0, radius / jnp.maximum(size, 1e-300))
    usable = (gain > 0.0) | (size == 0.0)
    _, step, gain = jax.lax.while_loop(
        lambda s: ~((s[2] > 0.0) | (s[0] < 1e-12)),
        shorter,
        (jnp.where(usable, 0.0, length), found.step, jnp.where(usable, jnp.maximum(gain, 1e-300), gain)),
    )
    side = jnp.where(usable, found.side, 0.0)
    return found._replace(step=step, side=side, full=found.full & usable & ~found.again), gain


class _State(NamedTuple):
    x: Array
    point: Point
    trial: Array
    predicted: Array
    length: Array
    radius: Array
    edm: Array
    steps: Array
    polish: Array
    converged: Array
    done: Array


def _judge(state: _State, tried: Point) -> tuple[Array, Array]:
    """Whether to take the trial point, and the next radius."""
    finite = jnp.isfinite(tried.value + jnp.sum(tried.gradient))
    fresh = ~jnp.isfinite(state.point.value)
    gain = state.point.value - tried.value
    # Differences below the rounding of the value say nothing: near the minimum trust the model.
    rounding = 1e-14 * (1.0 + jnp.abs(state.point.value))
    accepted = finite & (fresh | (gain >= _SUFFICIENT * state.predicted - rounding))
    ratio = (gain + rounding) / jnp.maximum(state.predicted + rounding, 1e-300)
    grown = jnp.where(ratio > 0.75, jnp.maximum(state.radius, 3.0 * state.length), state.radius)
    kept = jnp.where(ratio > 0.25, grown, 0.5 * state.length)
    return accepted, jnp.where(fresh, state.radius, jnp.where(accepted, kept, 0.25 * state.length))


def minimize(
    fun: Callable[[Array], Point],
    times: Callable[[PyTree, Array], Array],
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
        Gives a :class:`Point` at ``x`` (n,).
    times
        (operator, v) -> Hessian times v.
    start, lower, upper
        (n,); ``start`` lies within the limits.
    free
        (n,): 1 where a coordinate may move.
    """
    traced, shapes = jax.make_jaxpr(fun, return_shape=True)(start)
    structure = jax.tree.structure(shapes)
    unknown: Point = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    unknown = unknown._replace(value=jnp.array(jnp.inf))

    def body(state: _State) -> _State:
        replayed = jax.core.eval_jaxpr(traced.jaxpr, traced.consts, state.trial)
        tried: Point = jax.tree.unflatten(structure, replayed)
        accepted, radius = _judge(state, tried)
        x = jnp.where(accepted, state.trial, state.x)
        point = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), tried, state.point)
        found, gain = _solve_step(
            lambda v: times(point.operator, v), x, point, radius, lower, upper, free
        )
        edm = jnp.abs(gain)
        converged = (edm <= CONVERGED_EDM) & found.full & jnp.isfinite(point.value)
        polish = jnp.where(converged & accepted, state.polish + 1, state.polish)
        finished = converged & (
            (edm <= _FINAL_EDM) | (polish > _MAX_POLISH) | (~accepted & state.converged)
        )
        trial = x + found.step
        # Exactly on the limit, not beside it by a rounding error.
        trial = jnp.where(found.side < 0, lower, jnp.where(found.side > 0, upper, trial))
        trial = jnp.where(free > 0, jnp.clip(trial, lower, upper), x)
        hopeless = (radius < _SMALLEST_RADIUS) | ~jnp.isfinite(point.value)
        return _State(
            x=x,
            point=point,
            trial=trial,
            predicted=jnp.maximum(gain, 0.0),
            length=jnp.sqrt(jnp.sum(point.metric * found.step**2)),
            radius=radius,
            edm=edm,
            steps=state.steps + 1,
            polish=polish,
            converged=converged | (state.converged & ~accepted),
            done=finished | hopeless,
        )

    def begin(x: Array, steps: Array) -> _State:
        zero, no = jnp.zeros(()), jnp.array(False)
        radius, far = jnp.array(_RADIUS), jnp.array(jnp.inf)
        return _State(x, unknown, x, zero, zero, radius, far, steps, jnp.array(0), no, no)

    def round_(state: tuple[Array, _State, Array, Array]) -> tuple[Array, _State, Array, Array]:
        count, last, _, _ = state
        end = jax.lax.while_loop(
            lambda s: ~s.done & (s.steps < max_steps), body, begin(last.trial, last.steps)
        )
        keep = (free > 0) & ~_active(end.x, end.point.gradient, lower, upper, free)
        smallest, vector = smallest_eigenvalue(
            lambda v: times(end.point.operator, v), end.point.metric, keep
        )
        # A saddle is left along its most negative curvature.
        saddle = smallest < -_DETERMINED
        away = 0.1 / jnp.sqrt(jnp.abs(jnp.where(saddle, smallest, 1.0))) * vector
        trial = jnp.where(saddle, jnp.clip(end.x + away, lower, upper), end.x)
        return count + 1, end._replace(trial=trial), smallest, saddle

    _, end, smallest, _ = jax.lax.while_loop(
        lambda s: s[3] & (s[0] < _ROUNDS) & (s[1].steps < max_steps),
        round_,
        (jnp.array(0), begin(start, jnp.array(0)), jnp.array(-jnp.inf), jnp.array(True)),
    )
    at_limit = _active(end.x, end.point.gradient, lower, upper, free)
    keep = (free > 0) & ~at_limit
    edm = _distance(lambda v: times(end.point.operator, v), end.point, keep, smallest)
    fine = smallest > _DETERMINED
    return Minimum(
        end.x, end.point, jnp.where(fine, edm, jnp.inf), end.steps, smallest, fine, at_limit
    )


def _distance(times: Times, point: Point, keep: Array, smallest: Array) -> Array:
    """The EDM, with the most that what was not solved may add to it."""
    right = jnp.where(keep, -point.gradient, 0.0)
    found = _steihaug(
        lambda v: jnp.where(keep, times(v), 0.0), right, point.metric, jnp.array(jnp.inf), jnp.array(1e-6)
    )
    missing = found.rest / jnp.maximum(smallest, 1e-300)
    return jnp.where(found.inside | (found.rest == 0.0), 0.5 * (right @ found.x + missing), jnp.inf)


def smallest_eigenvalue(times: Times, metric: Array, keep: Array) -> tuple[Array, Array]:
    """The smallest eigenvalue of D^-1/2 H D^-1/2 over the kept coordinates that Lanczos' method finds.

    From above, by at most 300 iterations with full reorthogonalisation: exact for as many coordinates.
    With its vector (n,) in the coordinates of H, of length 1 in the metric D. Infinite if nothing is kept.
    """
    n = metric.shape[0]
    size = min(n, _LANCZOS)
    if n == 0:
        return jnp.array(jnp.inf), jnp.zeros(0)
    scale = jnp.where(keep, 1.0 / jnp.sqrt(metric), 0.0)
    begin = jnp.where(keep, jax.random.normal(jax.random.key(0), (n,)), 0.0)
    begin = begin / jnp.maximum(jnp.linalg.norm(begin), 1e-300)

    def step(k: Array, state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        basis, diagonal, beside, vector = state
        basis = basis.at[k].set(vector)
        pushed = scale * times(scale * vector)
        alpha = vector @ pushed
        # Twice is enough to be orthogonal to rounding.
        for _ in range(2):
            pushed = pushed - basis.T @ (basis @ pushed)
        beta = jnp.linalg.norm(pushed)
        # The end of the space: what follows is decoupled, and counts for nothing.
        more = (beta > 1e-12 * jnp.max(jnp.abs(diagonal), initial=1e-300)) & (vector @ vector > 0.5)
        diagonal = diagonal.at[k].set(jnp.where(vector @ vector > 0.5, alpha, jnp.inf))
        beside = beside.at[k].set(jnp.where(more, beta, 0.0))
        return basis, diagonal, beside, jnp.where(more, pushed / jnp.where(more, beta, 1.0), 0.0)

    nothing = jnp.zeros((size, n)), jnp.zeros(size), jnp.zeros(size), begin
    basis, diagonal, beside, _ = jax.lax.fori_loop(0, size, step, nothing)
    there = jnp.isfinite(diagonal)
    largest = jnp.max(jnp.where(there, jnp.abs(diagonal), 0.0)) + 2.0 * jnp.max(jnp.abs(beside))
    tridiagonal = jnp.diag(jnp.where(there, diagonal, 10.0 * largest + 1.0))
    tridiagonal += jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    # Relative to the largest, as pivots of a factorisation would be.
    return jnp.where(there[0], values[0], jnp.inf), scale * (basis.T @ vectors[:, 0])
