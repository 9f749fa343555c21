"""Bounded trust-region Newton, all of it inside one compiled loop.

Each step minimises the quadratic model (exact Hessian, damped by mu times its diagonal) within the limits:
coordinates that the step would push over a limit are put on it and the rest is solved again. mu is
zero near the solution, grows when a step does not deliver what the model promised, or when the
Hessian is not positive definite, and shrinks when it does: a trust region in the metric of the
Hessian's diagonal, so that units do not matter.

Where the Hessian is not positive definite, far from the minimum, the caller's convex matrix (Gauss and
Newton's) takes its place, which takes far larger steps than damping the Hessian would.

Along a :class:`Ray` the point is sought at which the function, minimised over everything else, has risen to a
target: the quadratic model gives that point in closed form, so that the search takes as many steps as a fit.

The estimated distance to the minimum, EDM = g^T H^-1 g/2 over the free coordinates, decides: at 1e-9
the fit has converged; full Newton steps then go on to 1e-16, so that refits from anywhere agree to rounding.
The end of the last step is not looked at: what it leaves is of the order of its square. It is reported as
:attr:`Minimum.last`, for what was evaluated before it to be moved along. Where no covariance is wanted it
may be a step of 1e-10.
Value, gradient and Hessian appear once in the loop, which keeps compilation short.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array, PyTree

__all__ = [
    "CONVERGED_EDM",
    "FINAL_EDM",
    "PATIENCE",
    "TRUSTED_EDM",
    "Distance",
    "Minimum",
    "Point",
    "distance",
    "minimize",
]

CONVERGED_EDM = 1e-9
FINAL_EDM = 1e-16
TRUSTED_EDM = 1e-10
"""Where the last step needs no look at its end, if nothing but the end itself is wanted."""
_MAX_POLISH = 6
_SUFFICIENT = 1e-4
_DAMPING_START = 1e-3
_DAMPING_END = 1e-7
_DAMPING_LIMIT = 1e14
_MAX_PUSHES = 2
PATIENCE = 12
"""Steps after which the Hessian is damped instead of replaced."""
_WRONG_SIDE = 1e-14
_ON_TARGET = 1e-6
_FALLEN = 1e-6
_MAX_ON_RAY = 40
_DETERMINED = 1e-10
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


class Minimum(NamedTuple):
    """Where the iteration ended."""

    x: Array
    point: Point
    edm: Array
    steps: Array
    converged: Array
    certain: Array
    """Whether it converged where the Hessian itself is positive definite, and well so."""
    at_limit: Array
    """1 where a free coordinate sits on a limit with the gradient pushing outwards."""
    r: Array
    """Along a ray, how far; else 0."""
    last: Array
    """The last step, after which nothing was evaluated: ``point`` is that of ``x - last``."""


class _State(NamedTuple):
    x: Array
    """The last point that was accepted."""
    value: Array
    """The function there, infinite before the first."""
    point: Point
    """Where the function was evaluated last: at ``x``, unless that was not accepted."""
    trial: Array
    """Where to evaluate next; ``x`` again after a step that was given up."""
    returning: Array
    """Whether that is to know the point at ``x`` again: keeping it would cost more than the rare return."""
    rejected: Array
    """Whether the last point was not accepted."""
    predicted: Array
    damping: Array
    edm: Array
    steps: Array
    polish: Array
    pushes: Array
    pushing: Array
    converged: Array
    trusted: Array
    """Whether the next step needs no look at where it ends."""
    determined: Array
    """Whether no pivot is so small that its parameter counts as undetermined."""
    done: Array
    r: Array
    trial_r: Array
    whole: Array
    """Whether the step to ``trial`` is as long as the model says; along a ray, what part of it it is."""


def _active(x: Array, gradient: Array, lower: Array, upper: Array, free: Array) -> Array:
    pushed = ((x <= lower) & (gradient > 0.0)) | ((x >= upper) & (gradient < 0.0))
    return (free > 0) & pushed


def _masked(hessian: Array, keep: Array, damping: Array, scale: Array) -> Array:
    """The Hessian of the kept coordinates, damped, and the identity on the others."""
    both = keep[:, None] & keep
    return jnp.where(both, hessian, 0.0) + jnp.diag(jnp.where(keep, damping * scale, 1.0))


def _scale(point: Point) -> Array:
    """The metric of the trust region: the convex matrix' diagonal, the row's largest where that is tiny."""
    diagonal = jnp.abs(jnp.diagonal(point.convex))
    largest = jnp.max(jnp.abs(point.hessian), axis=1, initial=1e-300)
    return jnp.where(diagonal > 1e-9 * largest, diagonal, largest)


def _factor(matrix: Array, smallest: float = 1e-13) -> tuple[Array, Array, Array]:
    """The Cholesky factor, whether it exists, and the smallest pivot in units of the diagonal.

    Pivots at the level of rounding count as zero: a flat direction must not become a huge step.
    """
    # LAPACK takes columns first: of a symmetric matrix that is the transpose, which costs no copy.
    factor = jnp.linalg.cholesky(matrix.T, symmetrize_input=False)
    pivots = jnp.diagonal(factor) ** 2 / jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300)
    # A failed factorisation is NaN, and a minimum over NaN compares false.
    least = jnp.min(pivots, initial=jnp.inf)
    return factor, least > smallest, least


class _Step(NamedTuple):
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


def _solve_step(
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
) -> _Step:
    """The step within the limits; raises the damping until the matrix is positive definite.

    While it is ``patient``, the convex matrix is tried before. Where it is not ``wanted``, nothing is done.
    """
    n = x.shape[0]
    held = (free == 0) | _active(x, point.gradient, lower, upper, free)
    scale = _scale(point)

    def attempt(state: _Step) -> _Step:
        clamped = state.side != 0
        keep = ~(held | clamped)
        fixed_part = jnp.where(clamped, state.step, 0.0)
        matrix = jnp.where(state.convex, point.convex, point.hessian)
        factor, fine, pivot = _factor(_masked(matrix, keep, state.damping, scale))
        right = -(point.gradient + matrix @ fixed_part)
        if ray is not None:
            right = jnp.stack([right, -(matrix @ ray.direction)], axis=1)
        kept = keep if ray is None else keep[:, None]
        # Of a factor that does not exist all of this is NaN, and nothing of it is taken.
        solution = jax.scipy.linalg.cho_solve((factor, True), jnp.where(kept, right, 0.0))
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
        raised = jnp.where(instead, state.damping, jnp.maximum(8.0 * state.damping, _DAMPING_START))
        return _Step(
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

    def unsolved(state: _Step) -> Array:
        return wanted & ~state.solved & (state.tries < 3 * n + 40) & (state.damping < _DAMPING_LIMIT)

    nothing = _Step(
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


def _downhill(point: Point, keep: Array) -> Array:
    """A step along the most negative curvature: the way from a stationary point that is no minimum.

    Zero where no curvature is negative (a flat direction).
    """
    eigenvalues, vectors = jnp.linalg.eigh(_masked(point.hessian, keep, jnp.zeros(()), jnp.ones(())))
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
    ray: Ray | None = None,
    saddles: bool = True,
    trusted_edm: Array | float = FINAL_EDM,
    patience: int = PATIENCE,
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
    ray
        To go along to its target; coordinates with a direction must not be free.
    saddles
        Whether to look for a way down from stationary points that are no minima. In lockstep that is
        costly: there one path of a condition is never skipped.
    trusted_edm
        The predicted decrease below which the last step needs no look at its end.
    patience
        Steps in which the convex matrix may take the place of the Hessian.
    max_steps
        How often to evaluate the function, at most; one or two more after a trial that was given up.
    """
    # Traced here, for the shapes of the first state; the loop's body then only replays it.
    traced, shapes = jax.make_jaxpr(fun, return_shape=True)(start)
    structure = jax.tree.structure(shapes)
    unknown: Point = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    zero, no = jnp.zeros(()), jnp.array(False)
    r = zero if ray is None else ray.start
    first = _State(
        x=start,
        value=jnp.array(jnp.inf),
        point=unknown,
        trial=start,
        returning=no,
        rejected=no,
        predicted=zero,
        damping=zero,
        edm=jnp.array(jnp.inf),
        steps=jnp.array(0),
        polish=jnp.array(0),
        pushes=jnp.array(0),
        pushing=no,
        converged=no,
        trusted=no,
        determined=no,
        done=no,
        r=r,
        trial_r=r,
        whole=jnp.ones(()),
    )

    def at(trial: Array) -> Point:
        return jax.tree.unflatten(structure, jax.core.eval_jaxpr(traced.jaxpr, traced.consts, trial))

    def body(state: _State) -> _State:
        point = at(state.trial)
        verdict = _judge(state, point)
        accepted = verdict.accepted
        x, value = jnp.where(accepted, state.trial, state.x), jnp.where(accepted, point.value, state.value)
        found = _solve_step(
            x, point, verdict.damping, lower, upper, free, patient=state.steps < patience, wanted=accepted
        )
        flat = found.convex | (found.damping > 0.0)
        small = jnp.abs(found.predicted) <= CONVERGED_EDM * jnp.where(flat, 1e-3, 1.0)
        # Stationary, but the Hessian is not positive definite: a saddle, or a flat direction.
        away = jnp.zeros_like(x)
        if saddles:
            away = jax.lax.cond(
                accepted & flat & small & found.solved & (state.pushes < _MAX_PUSHES),
                lambda: _downhill(point, (free > 0) & ~_active(x, point.gradient, lower, upper, free)),
                lambda: jnp.zeros_like(x),
            )
        pushing = jnp.any(away != 0.0)
        here = accepted & small & found.solved & ~pushing & jnp.isfinite(value)
        converged = here | state.converged & (~accepted | state.returning)
        polish = state.polish + (here & ~state.returning)
        trusted = here & ~flat & (found.predicted <= trusted_edm) & _is_solid(found)
        # A step from a converged point that led nowhere: the point is as good as it gets.
        stalled = (polish > _MAX_POLISH) | (state.returning & state.converged)
        finished = trusted | (here & (stalled | (flat & (jnp.abs(found.predicted) <= FINAL_EDM))))
        hopeless = ~jnp.isfinite(value) | accepted & (found.damping >= _DAMPING_LIMIT)
        onwards = jnp.where(pushing, jnp.where(state.pushing, -away, away), found.step)
        # Not accepted: a part of the same step, or back.
        step = jnp.where(accepted, onwards, verdict.part * (state.trial - x))
        side = jnp.where(accepted & ~pushing, found.side, 0.0)
        falls = jnp.where(
            accepted, jnp.maximum(found.predicted, 0.0), state.predicted * verdict.part * (2.0 - verdict.part)
        )
        damping = jnp.where(accepted, found.damping, verdict.damping)
        return state._replace(
            x=x,
            value=value,
            point=point,
            trial=_within(x, step, side, lower, upper, free),
            returning=~accepted & (verdict.part == 0.0),
            rejected=~accepted,
            predicted=jnp.where(pushing, 0.0, falls),
            damping=jnp.where(pushing, 0.0, damping),
            edm=jnp.where(accepted, jnp.abs(found.predicted), state.edm),
            steps=state.steps + 1,
            polish=polish,
            pushes=state.pushes + pushing,
            pushing=jnp.where(accepted, pushing, state.pushing),
            converged=converged,
            trusted=trusted,
            determined=jnp.where(accepted, found.pivot > _DETERMINED, state.determined),
            done=finished | hopeless,
            whole=jnp.where(accepted, 1.0, verdict.part),
        )

    def body_of_ray(state: _State) -> _State:
        assert ray is not None
        point = at(state.trial)
        accepted, part = _judge_ray(state, point, ray)
        x, r = jnp.where(accepted, state.trial, state.x), jnp.where(accepted, state.trial_r, state.r)
        value = jnp.where(accepted, point.value, state.value)
        found = _solve_step(x, point, jnp.zeros(()), lower, upper, free, ray, r, wanted=accepted)
        excess = value - ray.target
        arrived = (jnp.abs(excess) <= _ON_TARGET) | ((r >= ray.room) & (excess < 0.0))
        converged = accepted & arrived & found.solved & (found.predicted <= CONVERGED_EDM) & ~found.convex
        polish = state.polish + converged
        trusted = converged & (found.predicted <= TRUSTED_EDM) & _is_solid(found)
        finished = trusted | (converged & (polish > _MAX_POLISH))
        fallen = (value < ray.lowest - _FALLEN) | ~jnp.isfinite(value)
        # Not accepted: a quarter of what was tried.
        along = jnp.where(accepted, part * found.along, 0.25 * (state.trial_r - r))
        step = jnp.where(accepted, part * found.step, 0.25 * (state.trial - x))
        trial_r = jnp.minimum(r + along, ray.room)
        trial = _within(x, step, jnp.where(accepted & (part >= 1.0), found.side, 0.0), lower, upper, free)
        return state._replace(
            x=x,
            value=value,
            point=point,
            trial=jnp.where(ray.direction != 0.0, ray.origin + trial_r * ray.direction, trial),
            rejected=~accepted,
            edm=jnp.where(accepted, jnp.abs(found.predicted), state.edm),
            steps=state.steps + 1,
            polish=polish,
            converged=converged,
            trusted=trusted,
            determined=jnp.where(accepted, found.pivot > _DETERMINED, state.determined),
            done=finished | fallen | accepted & (found.damping >= _DAMPING_LIMIT),
            r=r,
            trial_r=trial_r,
            whole=part,
        )

    run = body if ray is None else body_of_ray
    longest = max_steps if ray is None else _MAX_ON_RAY
    # Never left at a point that was not accepted.
    end = jax.lax.while_loop(lambda s: ~s.done & ((s.steps < longest) | s.rejected), run, first)
    at_limit = _active(end.x, end.point.gradient, lower, upper, free)
    certain = end.trusted & end.determined
    x, r = jnp.where(end.trusted, end.trial, end.x), jnp.where(end.trusted, end.trial_r, end.r)
    return Minimum(x, end.point, end.edm, end.steps, end.converged, certain, at_limit, r, x - end.x)


def _is_solid(found: _Step) -> Array:
    """Whether no pivot owes its size to what is left of the gradient.

    That lends curvature to directions that are flat.
    """
    return found.pivot > 10.0 * jnp.sqrt(2.0 * jnp.maximum(found.predicted, 0.0))


def _within(x: Array, step: Array, side: Array, lower: Array, upper: Array, free: Array) -> Array:
    """Where a step ends: exactly on a limit, not beside it by a rounding error."""
    trial = jnp.where(side < 0, lower, jnp.where(side > 0, upper, x + step))
    return jnp.where(free > 0, jnp.clip(trial, lower, upper), x)


def _judge_ray(state: _State, tried: Point, ray: Ray) -> tuple[Array, Array]:
    """Whether to take the trial point along a ray, and what part of the next step to take."""
    finite = jnp.isfinite(tried.value + jnp.sum(tried.gradient) + jnp.sum(tried.hessian))
    fresh = ~jnp.isfinite(state.value)
    level = ray.target - ray.lowest
    before = jnp.abs(state.value - ray.target)
    accepted = finite & (fresh | (tried.value - ray.target <= jnp.maximum(level, 2.0 * before)))
    part = jnp.where(accepted, jnp.minimum(4.0 * state.whole, 1.0), 0.25 * state.whole)
    return accepted, part


class _Verdict(NamedTuple):
    """What to make of a trial point."""

    accepted: Array
    damping: Array
    part: Array
    """If it is not accepted, what part of the same step to try next; 0 to go back."""


def _judge(state: _State, tried: Point) -> _Verdict:
    # A sum is finite only if all its terms are.
    finite = jnp.isfinite(tried.value + jnp.sum(tried.gradient) + jnp.sum(tried.hessian))
    fresh = ~jnp.isfinite(state.value)
    gain = state.value - tried.value
    # Differences below the rounding of the value say nothing: near the minimum trust the model.
    rounding = 1e-14 * (1.0 + jnp.abs(state.value))
    good = gain >= _SUFFICIENT * state.predicted - rounding
    accepted = finite & (fresh | good | state.returning)
    ratio = (gain + rounding) / jnp.maximum(state.predicted + rounding, 1e-300)
    lowered = jnp.where(state.damping < _DAMPING_END, 0.0, 0.1 * state.damping)
    kept = jnp.where(ratio > 0.5, lowered, jnp.where(ratio > 0.2, state.damping, 2.0 * state.damping))
    kept = jnp.where((ratio > 0.9) & (state.damping <= _DAMPING_START), 0.0, kept)
    # A step that went too far is shortened once, to where a parabola through what is known has its
    # minimum; after that the matrix is damped.
    whole = state.whole >= 1.0
    part = state.predicted / jnp.maximum(2.0 * state.predicted - gain, 1e-300)
    part = jnp.where(jnp.isfinite(part), jnp.clip(part, 0.1, 0.5), 0.1)
    again = whole & (state.predicted > CONVERGED_EDM) & ~state.pushing
    raised = jnp.where(again, state.damping, jnp.maximum(8.0 * state.damping, _DAMPING_START))
    kept = jnp.where(fresh | ~whole | state.returning, state.damping, kept)
    return _Verdict(accepted, jnp.where(accepted, kept, raised), jnp.where(again, part, 0.0))


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
    matrix = _masked(hessian, keep, jnp.zeros(()), jnp.ones(()))
    scale = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300))
    factor, fine, _ = _factor(matrix * scale[:, None] * scale, _DETERMINED)
    eye = jnp.eye(matrix.shape[0])
    # Of the transpose, for a product of rows with rows.
    half = jax.scipy.linalg.solve_triangular(jnp.where(fine, factor, eye), eye, trans=1, lower=True)
    inverse = (half @ half.T) * scale[:, None] * scale
    return jnp.where(keep[:, None] & keep, inverse, 0.0), fine
