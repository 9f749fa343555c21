"""Bounded trust-region Newton without the Hessian: products with vectors are all that is asked of it.

For models of many thousand parameters. Each step minimises the quadratic model within the limits and a
trust region, both boxes, by projected conjugate gradients in the metric of the Hessian's diagonal; where
the curvature is negative they go as far as the box. Full steps end the fit as in :mod:`.newton`: on an EDM,
g^T H^-1 g/2 over the free coordinates, by conjugate gradients, with what they left unsolved added to it.
Whether the Hessian is positive definite is what Lanczos' method says: a small eigenvalue that it finds is
there, one that it does not find in its iterations is not excluded.
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
_RADIUS = 1e4
"""First size of the trust region, in units of the Hessian's diagonal: about as many sigma."""
_SMALLEST_RADIUS = 1e-12
_ITERATIONS = 5000
"""Of conjugate gradients, at most."""
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


class _Quadratic(NamedTuple):
    """A point of the search for the minimum of u^T A u/2 - b^T u within limits."""

    u: Array
    gradient: Array
    direction: Array
    bent: Array
    """Whether the curvature was negative on the way."""
    rest: Array
    """The square of the projected gradient."""
    steps: Array


def _split(u: Array, gradient: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """The gradient of coordinates between their limits, and of those on a limit that want to leave it."""
    at_low, at_high = u <= low, u >= high
    leaving = jnp.where(
        at_low, jnp.minimum(gradient, 0.0), jnp.where(at_high, jnp.maximum(gradient, 0.0), 0.0)
    )
    fixed = at_low & at_high
    return jnp.where(at_low | at_high, 0.0, gradient), jnp.where(fixed, 0.0, leaving)


def _bounded_quadratic(
    times: Times, b: Array, low: Array, high: Array, largest: Array, tolerance: Array
) -> _Quadratic:
    """Minimise u^T A u/2 - b^T u within limits, low <= 0 <= high, from u = 0.

    Conjugate gradients among the coordinates between their limits; a step that meets a limit goes on along
    the projected gradient, with 1/``largest`` as its length (``largest`` bounds the eigenvalues of A); when
    the gradient of coordinates on a limit outweighs the others', they are let go. (Modified proportioning
    with reduced gradient projections: Dostal, Schoberl, Comput. Optim. Appl. 30 (2005) 23.)
    """
    length = 1.0 / largest
    start = jnp.zeros_like(b)
    inner, leaving = _split(start, -b, low, high)
    rest = inner @ inner + leaving @ leaving
    enough = tolerance**2 * rest

    def step(state: _Quadratic) -> _Quadratic:
        u = state.u
        inner, leaving = _split(u, state.gradient, low, high)
        # How much of the gradient a projected step can use.
        reduced = jnp.where(
            inner > 0.0, jnp.minimum((u - low) * largest, inner), jnp.maximum((u - high) * largest, inner)
        )
        proportional = leaving @ leaving <= reduced @ inner
        d = jnp.where(proportional, state.direction, leaving)
        pushed = times(d)
        curvature, slope = d @ pushed, d @ state.gradient
        negative = curvature <= 0.0
        wanted = jnp.where(negative, jnp.inf, slope / jnp.where(negative, 1.0, curvature))
        room = jnp.where(d > 0.0, u - low, jnp.where(d < 0.0, u - high, jnp.inf))
        feasible = jnp.min(room / jnp.where(d == 0.0, 1.0, d), initial=jnp.inf)
        meets = wanted >= feasible
        taken = jnp.where(meets, feasible, wanted)
        u = jnp.clip(u - taken * d, low, high)
        gradient = state.gradient - taken * pushed

        def onward(u: Array, gradient: Array) -> tuple[Array, Array]:
            further = jnp.clip(u - length * _split(u, gradient, low, high)[0], low, high)
            return further, gradient + times(further - u)

        u, gradient = jax.lax.cond(meets, onward, lambda u, gradient: (u, gradient), u, gradient)
        inner, leaving = _split(u, gradient, low, high)
        conjugate = proportional & ~meets
        mixed = jnp.where(conjugate, (inner @ pushed) / jnp.where(negative, 1.0, curvature), 0.0)
        return _Quadratic(
            u=u,
            gradient=gradient,
            direction=inner - mixed * d,
            bent=state.bent | negative,
            rest=inner @ inner + leaving @ leaving,
            steps=state.steps + 1,
        )

    first = _Quadratic(start, -b, inner, jnp.array(False), rest, jnp.array(0))
    return jax.lax.while_loop(lambda s: (s.rest > enough) & (s.steps < _ITERATIONS), step, first)


def _largest_eigenvalue(times: Times, n: int) -> Array:
    """A bound, in all but name, of the largest eigenvalue of a matrix: 20 iterations of the power method."""
    begin = jax.random.normal(jax.random.key(2), (n,))

    def step(_: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        vector, _ = state
        pushed = times(vector / jnp.maximum(jnp.linalg.norm(vector), 1e-300))
        return pushed, jnp.linalg.norm(pushed)

    return 1.5 * jax.lax.fori_loop(0, 20, step, (begin, jnp.ones(())))[1] + 1e-300


def solve(times: Times, right: Array, metric: Array, keep: Array, tolerance: float = 1e-10) -> Array:
    """H^-1 right over the kept coordinates, 0 elsewhere; NaN where the curvature is not positive."""
    scale = jnp.where(keep, 1.0 / jnp.sqrt(metric), 0.0)
    free = jnp.where(keep, jnp.inf, 0.0)
    found = _bounded_quadratic(
        lambda v: scale * times(scale * v), scale * right, -free, free, jnp.ones(()), jnp.array(tolerance)
    )
    return jnp.where(found.bent | (found.steps >= _ITERATIONS), jnp.nan, scale * found.u)


def _active(x: Array, gradient: Array, lower: Array, upper: Array, free: Array) -> Array:
    pushed = ((x <= lower) & (gradient > 0.0)) | ((x >= upper) & (gradient < 0.0))
    return (free > 0) & pushed


class _Step(NamedTuple):
    trial: Array
    gain: Array
    """What the model says the step gains."""
    length: Array
    """The largest component, in units of the metric."""
    full: Array
    """Whether the trust region did not cut it off."""


def _solve_step(
    times: Times, x: Array, point: Point, radius: Array, lower: Array, upper: Array, free: Array
) -> _Step:
    """The step within the limits and the trust region, a box in the metric's units."""
    moves = free > 0
    scale = jnp.where(moves, 1.0 / jnp.sqrt(point.metric), 0.0)
    root = jnp.sqrt(point.metric)
    to_lower, to_upper = (jnp.where(moves, (limit - x) * root, 0.0) for limit in (lower, upper))
    low, high = jnp.maximum(to_lower, -radius), jnp.minimum(to_upper, radius)
    low, high = jnp.where(moves, low, 0.0), jnp.where(moves, high, 0.0)
    inner, leaving = _split(jnp.zeros_like(x), scale * point.gradient, low, high)
    tolerance = jnp.clip(1e-2 * jnp.sqrt(inner @ inner + leaving @ leaving), 1e-9, 0.1)

    def scaled(v: Array) -> Array:
        return scale * times(scale * v)

    largest = _largest_eigenvalue(scaled, x.shape[0])
    found = _bounded_quadratic(scaled, -scale * point.gradient, low, high, largest, tolerance)
    # The model's gradient at its end, b + A u, spares a product.
    gain = -0.5 * found.u @ (found.gradient + scale * point.gradient)
    trial = jnp.where(moves, x + scale * found.u, x)
    # Exactly on the limit, not beside it by a rounding error.
    trial = jnp.where(
        moves & (found.u <= to_lower), lower, jnp.where(moves & (found.u >= to_upper), upper, trial)
    )
    length = jnp.max(jnp.abs(found.u), initial=0.0)
    full = ~found.bent & (length < radius) & (found.steps < _ITERATIONS)
    return _Step(jnp.clip(trial, lower, upper), gain, length, full)


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
        found = _solve_step(lambda v: times(point.operator, v), x, point, radius, lower, upper, free)
        edm = jnp.abs(found.gain)
        converged = (edm <= CONVERGED_EDM) & found.full & jnp.isfinite(point.value)
        polish = jnp.where(converged & accepted, state.polish + 1, state.polish)
        finished = converged & ((edm <= _FINAL_EDM) | (polish > _MAX_POLISH) | (~accepted & state.converged))
        trial = jnp.where(free > 0, found.trial, x)
        hopeless = (radius < _SMALLEST_RADIUS) | ~jnp.isfinite(point.value)
        return _State(
            x=x,
            point=point,
            trial=trial,
            predicted=jnp.maximum(found.gain, 0.0),
            length=found.length,
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
        smallest, vector = smallest_eigenvalue(lambda v: times(end.point.operator, v), end.point.metric, keep)
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
    return Minimum(end.x, end.point, jnp.where(fine, edm, jnp.inf), end.steps, smallest, fine, at_limit)


def _distance(times: Times, point: Point, keep: Array, smallest: Array) -> Array:
    """The EDM, with the most that what was not solved may add to it."""
    scale = jnp.where(keep, 1.0 / jnp.sqrt(point.metric), 0.0)
    free, right = jnp.where(keep, jnp.inf, 0.0), -scale * point.gradient
    found = _bounded_quadratic(
        lambda v: scale * times(scale * v), right, -free, free, jnp.ones(()), jnp.array(1e-6)
    )
    missing = found.rest / jnp.maximum(smallest, 1e-300)
    return jnp.where(found.bent, jnp.inf, 0.5 * (right @ found.u + missing))


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
        alpha, size_before = vector @ pushed, jnp.linalg.norm(pushed)
        # Twice is enough to be orthogonal to rounding.
        for _ in range(2):
            pushed = pushed - basis.T @ (basis @ pushed)
        beta = jnp.linalg.norm(pushed)
        # The end of the space: what follows is decoupled, and counts for nothing.
        within = vector @ vector > 0.5
        more = within & (beta > 1e-12 * size_before)
        diagonal = diagonal.at[k].set(jnp.where(within, alpha, jnp.inf))
        beside = beside.at[k].set(jnp.where(more, beta, 0.0))
        return basis, diagonal, beside, jnp.where(more, pushed / jnp.where(more, beta, 1.0), 0.0)

    nothing = jnp.zeros((size, n)), jnp.zeros(size), jnp.zeros(size), begin
    basis, diagonal, beside, _ = jax.lax.fori_loop(0, size, step, nothing)
    there = jnp.isfinite(diagonal)
    largest = jnp.max(jnp.where(there, jnp.abs(diagonal), 0.0)) + 2.0 * jnp.max(jnp.abs(beside))
    tridiagonal = jnp.diag(jnp.where(there, diagonal, 10.0 * largest + 1.0))
    tridiagonal += jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    return jnp.where(there[0], values[0], jnp.inf), scale * (basis.T @ vectors[:, 0])
