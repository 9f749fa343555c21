"""Bounded trust-region Newton, all of it inside one compiled loop.

Each step minimises a quadratic model (:mod:`.newton_step`). Its damping is zero near the solution, grows when
a step does not deliver what the model promised, and shrinks when it does. Along a :class:`Ray` the point is
sought at which the function, minimised over everything else, has risen to a target: that takes as many
steps as a fit.

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

from .._types import Array
from .newton_step import (
    DAMPING_LIMIT,
    DAMPING_START,
    DETERMINED,
    Point,
    Ray,
    active,
    downhill,
    is_solid,
    solve_step,
    within,
)

__all__ = [
    "CONVERGED_EDM",
    "FINAL_EDM",
    "PATIENCE",
    "TRUSTED_EDM",
    "Minimum",
    "Point",
    "Ray",
    "minimize",
]

CONVERGED_EDM = 1e-9
FINAL_EDM = 1e-16
TRUSTED_EDM = 1e-10
"""Where the last step needs no look at its end, if nothing but the end itself is wanted."""
_MAX_POLISH = 6
_SUFFICIENT = 1e-4
_DAMPING_END = 1e-7
_MAX_PUSHES = 2
PATIENCE = 12
"""Steps after which the Hessian is damped instead of replaced."""
_ON_TARGET = 1e-6
_FALLEN = 1e-6
_MAX_ON_RAY = 40


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
    """What part ``trial`` is of the step that the model says."""


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
        found = solve_step(
            x, point, verdict.damping, lower, upper, free, patient=state.steps < patience, wanted=accepted
        )
        flat = found.convex | (found.damping > 0.0)
        small = jnp.abs(found.predicted) <= CONVERGED_EDM * jnp.where(flat, 1e-3, 1.0)
        # Stationary, but the Hessian is not positive definite: a saddle, or a flat direction.
        away = jnp.zeros_like(x)
        if saddles:
            away = jax.lax.cond(
                accepted & flat & small & found.solved & (state.pushes < _MAX_PUSHES),
                lambda: downhill(point, (free > 0) & ~active(x, point.gradient, lower, upper, free)),
                lambda: jnp.zeros_like(x),
            )
        pushing = jnp.any(away != 0.0)
        here = accepted & small & found.solved & ~pushing & jnp.isfinite(value)
        converged = here | state.converged & (~accepted | state.returning)
        polish = state.polish + (here & ~state.returning)
        trusted = here & ~flat & (found.predicted <= trusted_edm) & is_solid(found)
        # A step from a converged point that led nowhere: the point is as good as it gets.
        stalled = (polish > _MAX_POLISH) | (state.returning & state.converged)
        finished = trusted | (here & (stalled | (flat & (jnp.abs(found.predicted) <= FINAL_EDM))))
        hopeless = ~jnp.isfinite(value) | accepted & (found.damping >= DAMPING_LIMIT)
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
            trial=within(x, step, side, lower, upper, free),
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
            determined=jnp.where(accepted, found.pivot > DETERMINED, state.determined),
            done=finished | hopeless,
            whole=jnp.where(accepted, 1.0, verdict.part),
        )

    def body_of_ray(state: _State) -> _State:
        assert ray is not None
        point = at(state.trial)
        accepted, part = _judge_ray(state, point, ray)
        x, r = jnp.where(accepted, state.trial, state.x), jnp.where(accepted, state.trial_r, state.r)
        value = jnp.where(accepted, point.value, state.value)
        found = solve_step(x, point, jnp.zeros(()), lower, upper, free, ray, r, wanted=accepted)
        excess = value - ray.target
        arrived = (jnp.abs(excess) <= _ON_TARGET) | ((r >= ray.room) & (excess < 0.0))
        converged = accepted & arrived & found.solved & (found.predicted <= CONVERGED_EDM) & ~found.convex
        polish = state.polish + converged
        trusted = converged & (found.predicted <= TRUSTED_EDM) & is_solid(found)
        finished = trusted | (converged & (polish > _MAX_POLISH))
        fallen = (value < ray.lowest - _FALLEN) | ~jnp.isfinite(value)
        # Not accepted: a quarter of what was tried.
        along = jnp.where(accepted, part * found.along, 0.25 * (state.trial_r - r))
        step = jnp.where(accepted, part * found.step, 0.25 * (state.trial - x))
        trial_r = jnp.minimum(r + along, ray.room)
        trial = within(x, step, jnp.where(accepted & (part >= 1.0), found.side, 0.0), lower, upper, free)
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
            determined=jnp.where(accepted, found.pivot > DETERMINED, state.determined),
            done=finished | fallen | accepted & (found.damping >= DAMPING_LIMIT),
            r=r,
            trial_r=trial_r,
            whole=part,
        )

    run = body if ray is None else body_of_ray
    longest = max_steps if ray is None else _MAX_ON_RAY
    # Never left at a point that was not accepted.
    end = jax.lax.while_loop(lambda s: ~s.done & ((s.steps < longest) | s.rejected), run, first)
    at_limit = active(end.x, end.point.gradient, lower, upper, free)
    certain = end.trusted & end.determined
    x, r = jnp.where(end.trusted, end.trial, end.x), jnp.where(end.trusted, end.trial_r, end.r)
    return Minimum(x, end.point, end.edm, end.steps, end.converged, certain, at_limit, r, x - end.x)


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
    kept = jnp.where((ratio > 0.9) & (state.damping <= DAMPING_START), 0.0, kept)
    # A step that went too far is shortened once, to where a parabola through what is known has its
    # minimum; after that the matrix is damped.
    whole = state.whole >= 1.0
    part = state.predicted / jnp.maximum(2.0 * state.predicted - gain, 1e-300)
    part = jnp.where(jnp.isfinite(part), jnp.clip(part, 0.1, 0.5), 0.1)
    again = whole & (state.predicted > CONVERGED_EDM) & ~state.pushing
    raised = jnp.where(again, state.damping, jnp.maximum(8.0 * state.damping, DAMPING_START))
    kept = jnp.where(fresh | ~whole | state.returning, state.damping, kept)
    return _Verdict(accepted, jnp.where(accepted, kept, raised), jnp.where(again, part, 0.0))
