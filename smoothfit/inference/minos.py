"""Minos bounds: where the profiled NLL has risen by a level.

The bound maximises +-theta subject to NLL <= NLL(best) + level. With everything else profiled that is one
equation in one unknown, r(v) = sqrt(2 (NLL(v) - NLL_best)) = sqrt(2 level), nearly linear in v: a bracketed
secant finds it in a few profile fits, each started from the line through the previous ones.
A limit of the parameter that is met first ends the interval there, and is said.
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
    """One bound."""

    value: Array
    start: Array
    """(param,): where the profile fit at the bound starts from."""
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


def crossing(
    prepared: Prepared,
    data: Data,
    fixed: Fixed,
    best: Solution,
    position: Array,
    side: Array,
    level: Array,
) -> Crossing:
    """The bound of the parameter at ``position`` in (parameters, bin parameters), on one side.

    Parameters
    ----------
    side
        +1 for the upper bound, -1 for the lower one.
    level
        Rise of the NLL: 0.5 for 68.27% of one parameter.
    """
    plan = prepared.plan
    n = plan.n_params
    n_bins = fixed.bin_mask.shape[0]
    errors = jnp.concatenate([jnp.sqrt(jnp.diagonal(best.covariance)), best.bin_errors])
    values = jnp.concatenate([best.values, best.bin_values])
    limits = jnp.where(
        side > 0,
        jnp.concatenate([plan.upper, jnp.full(n_bins, jnp.inf)])[position],
        jnp.concatenate([plan.lower, jnp.full(n_bins, -jnp.inf)])[position],
    )
    centre, error = values[position], errors[position]
    error = jnp.where(jnp.isfinite(error) & (error > 0.0), error, 1.0)
    goal = jnp.sqrt(2.0 * level)
    base = objective.pose(prepared, data, fixed)
    nll_best = best.nll - objective.constants(base)
    dense = base.derived.plan.dense
    z_best = best.dense

    def within(v: Array) -> Array:
        return jnp.where(side > 0, jnp.minimum(v, limits), jnp.maximum(v, limits))

    def profile(v: Array, z: Array) -> newton.Minimum:
        problem = objective.pose(prepared, data, hold(fixed, n, position, v), best.values)
        start = jnp.where(problem.free > 0, jnp.clip(z, problem.lower, problem.upper), problem.values[dense])
        return newton.minimize(
            lambda z: _without_sensitivity(point(problem, z)),
            start,
            lower=problem.lower,
            upper=problem.upper,
            free=problem.free,
        )

    def body(state: _State) -> _State:
        v = state.tried
        found = profile(v, state.z)
        rise = found.point.value - nll_best
        r = jnp.sqrt(2.0 * jnp.maximum(rise, 0.0)) - goal
        failed = ~found.converged
        below = r < 0.0
        inner, inner_r = jnp.where(below, v, state.inner), jnp.where(below, r, state.inner_r)
        outer, outer_r = jnp.where(below, state.outer, v), jnp.where(below, state.outer_r, r)
        at_limit = below & (v == limits)
        done = (jnp.abs(rise - level) <= _PRECISION) | at_limit | failed
        done |= jnp.abs(outer - inner) <= 4e-16 * jnp.abs(v)
        closed = jnp.isfinite(outer)
        slope = (outer_r - inner_r) / jnp.where(closed & (outer != inner), outer - inner, 1.0)
        secant = inner - inner_r / jnp.where(slope != 0.0, slope, 1.0)
        # Every third point bisects, so that a bad secant cannot stall; the first few rarely need it.
        halve = ((state.points % 3) == 2) & (state.points > 6)
        between = jnp.where(halve, 0.5 * (inner + outer), secant)
        # Still open: extrapolate from the centre, where r = -goal, at most to three times the distance.
        reach = v - centre
        growth = goal / jnp.maximum(r + goal, goal / 3.0)
        further = centre + reach * jnp.clip(growth, 1.02, 3.0)
        new = within(jnp.where(closed, between, further))
        ratio = (new - centre) / jnp.where(reach != 0.0, reach, 1.0)
        z_next = z_best + (found.x - z_best) * jnp.where(reach != 0.0, ratio, 0.0)
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

    first = within(centre + side * error * goal)
    column = best.covariance[:, jnp.minimum(position, n - 1)]
    variance = column[jnp.minimum(position, n - 1)]
    line = jnp.where(
        (position < n) & (variance > 0.0), column / jnp.where(variance > 0.0, variance, 1.0), 0.0
    )
    line = jnp.where(jnp.isfinite(line), line, 0.0)
    state = _State(
        inner=centre,
        inner_r=-goal,
        outer=jnp.where(side > 0, jnp.inf, -jnp.inf),
        outer_r=jnp.array(jnp.inf),
        tried=first,
        value=first,
        rise=jnp.zeros(()),
        z=z_best + (first - centre) * line[dense],
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
    start = best.values.at[dense].set(end.z)
    return Crossing(jnp.where(usable, end.value, jnp.nan), start, status)


def _without_sensitivity(at: newton.Point) -> newton.Point:
    return at._replace(extra=None)
