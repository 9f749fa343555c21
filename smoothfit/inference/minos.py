"""Where the profiled NLL has risen by a level, by a bracketed search.

The bound maximises +-theta subject to NLL <= NLL(best) + level. With everything else profiled that is one
equation in one unknown, s(r) = sqrt(2 (NLL(r) - NLL_best)) = sqrt(2 level), nearly linear in r: a bracketed
secant finds it in a few profile fits, each started from the line through the previous ones. It needs three
times the steps of :func:`~smoothfit.fitters.native.follow`, but goes along any parameters, those of single
bins too, and bisects where that does not arrive.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..fitters import newton
from ..fitters.solution import Solution, point
from ..likelihood import objective
from ..likelihood.derived import Derived
from ..likelihood.derived import derived as derived_
from ..prepared import Data, Fixed, Prepared

__all__ = ["Crossing", "CrossingStatus", "crossing", "hold"]

_PRECISION = 1e-10
_MAX_POINTS = 60


class CrossingStatus(enum.IntEnum):
    """What came of one side."""

    CONVERGED = 0
    AT_LIMIT = 1
    NOT_FOUND = 2
    LOWER_MINIMUM = 3


class Crossing(NamedTuple):
    """Where a ray reaches the level."""

    r: Array
    """NaN where it was not found."""
    start: Array
    """(param,): where the profile fit there starts from."""
    status: Array


class _State(NamedTuple):
    inner: Array
    inner_r: Array
    outer: Array
    outer_r: Array
    tried: Array
    value: Array
    rise: Array
    z: Array
    last: Array
    points: Array
    lower_minimum: Array
    failed: Array
    done: Array


def hold(fixed: Fixed, n_params: int, position: Array, value: Array) -> Fixed:
    """Hold one parameter or bin parameter more."""
    at = jnp.arange(n_params) == position
    at_bin = jnp.arange(fixed.bin_mask.shape[0]) == position - n_params
    return Fixed(
        mask=jnp.where(at, 1.0, fixed.mask),
        values=jnp.where(at, value, fixed.values),
        bin_mask=jnp.where(at_bin, 1.0, fixed.bin_mask),
        bin_values=jnp.where(at_bin, value, fixed.bin_values),
    )


def _hold_along(fixed: Fixed, best: Solution, direction: Array, r: Array) -> Fixed:
    """Hold everything that moves along a ray where it is at r."""
    n = best.values.shape[0]
    moving, of_bins = direction[:n], direction[n:]
    return Fixed(
        mask=jnp.where(moving != 0.0, 1.0, fixed.mask),
        values=jnp.where(moving != 0.0, best.values + r * moving, fixed.values),
        bin_mask=jnp.where(of_bins != 0.0, 1.0, fixed.bin_mask),
        bin_values=jnp.where(of_bins != 0.0, best.bin_values + r * of_bins, fixed.bin_values),
    )


def crossing(
    model: Prepared | Derived,
    data: Data,
    fixed: Fixed,
    best: Solution,
    direction: Array,
    room: Array,
    level: Array,
    first: Array,
) -> Crossing:
    """Where, along a ray from the best fit, the profiled NLL has risen by a level.

    Parameters
    ----------
    direction
        (param + bin param,): what moves together, 0 for what is profiled.
    room
        The largest r that limits allow.
    level
        Rise of the NLL: 0.5 for 68.27% of one parameter.
    first
        A first guess of r.
    """
    goal = jnp.sqrt(2.0 * level)
    derived = derived_(model)
    dense = derived.plan.dense
    z_best = best.dense

    def profile(r: Array, z: Array) -> newton.Minimum:
        problem = objective.pose(derived, data, _hold_along(fixed, best, direction, r), best.values)
        start = jnp.where(problem.free > 0, jnp.clip(z, problem.lower, problem.upper), problem.values[dense])
        return newton.minimize(
            lambda z: _without_extra(point(problem, z)),
            start,
            lower=problem.lower,
            upper=problem.upper,
            free=problem.free,
        )

    def body(state: _State) -> _State:
        v = state.tried
        found = profile(v, state.z)
        rise = found.point.value - found.edm - best.value
        r = jnp.sqrt(2.0 * jnp.maximum(rise, 0.0)) - goal
        failed = ~found.converged
        below = r < 0.0
        inner, inner_r = jnp.where(below, v, state.inner), jnp.where(below, r, state.inner_r)
        outer, outer_r = jnp.where(below, state.outer, v), jnp.where(below, state.outer_r, r)
        at_limit = below & (v == room)
        done = (jnp.abs(rise - level) <= _PRECISION) | at_limit | failed
        done |= jnp.abs(outer - inner) <= 4e-16 * jnp.abs(v)
        closed = jnp.isfinite(outer)
        slope = (outer_r - inner_r) / jnp.where(closed & (outer != inner), outer - inner, 1.0)
        secant = inner - inner_r / jnp.where(slope != 0.0, slope, 1.0)
        # Every third point bisects, so that a bad secant cannot stall; the first few rarely need it.
        halve = ((state.points % 3) == 2) & (state.points > 6)
        between = jnp.where(halve, 0.5 * (inner + outer), secant)
        # Still open: extrapolate from the centre, where r = -goal, at most to three times the distance.
        growth = goal / jnp.maximum(r + goal, goal / 3.0)
        further = v * jnp.clip(growth, 1.02, 3.0)
        new = jnp.minimum(jnp.where(closed, between, further), room)
        ratio = new / jnp.where(v != 0.0, v, 1.0)
        z_next = z_best + (found.x - z_best) * ratio
        return _State(
            inner=inner,
            inner_r=inner_r,
            outer=outer,
            outer_r=outer_r,
            tried=jnp.where(done, v, new),
            value=v,
            rise=rise,
            z=jnp.where(done, found.x, z_next),
            last=at_limit,
            points=state.points + 1,
            lower_minimum=state.lower_minimum | (rise < -1e-6),
            failed=failed,
            done=done,
        )

    r_first = jnp.minimum(first, room)
    state = _State(
        inner=jnp.zeros(()),
        inner_r=-goal,
        outer=jnp.array(jnp.inf),
        outer_r=jnp.array(jnp.inf),
        tried=r_first,
        value=r_first,
        rise=jnp.zeros(()),
        z=z_best,
        last=jnp.array(False),
        points=jnp.array(0),
        lower_minimum=jnp.array(False),
        failed=jnp.array(False),
        done=jnp.array(False),
    )
    end = jax.lax.while_loop(lambda s: ~s.done & (s.points < _MAX_POINTS), body, state)
    found = end.done & ~end.failed
    status = jnp.where(end.last, CrossingStatus.AT_LIMIT, CrossingStatus.CONVERGED)
    status = jnp.where(end.lower_minimum, CrossingStatus.LOWER_MINIMUM, status)
    status = jnp.where(found, status, CrossingStatus.NOT_FOUND)
    usable = (status == CrossingStatus.CONVERGED) | (status == CrossingStatus.AT_LIMIT)
    return Crossing(jnp.where(usable, end.value, jnp.nan), best.values.at[dense].set(end.z), status)


def _without_extra(at: newton.Point) -> newton.Point:
    return at._replace(extra=None)
