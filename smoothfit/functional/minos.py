"""Minos' bounds as functions of pytrees."""

from __future__ import annotations

import jax.numpy as jnp

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, ArrayLike
from ..fitters import Solution
from ..fitters.lowest import ended, lowest
from ..inference.evaluation import data_of
from ..inference.minos import Crossing, CrossingStatus, crossing
from ..inference.minos import hold as hold_one
from ..likelihood.derived import Derived, derived, derived_of
from ..likelihood.objective import nothing_fixed
from ..prepared import Data, Fixed, Prepared
from .roots import constant, implicit

__all__ = ["minos"]


def minos(
    prepared: Prepared,
    position: ArrayLike,
    side: ArrayLike,
    best: Solution,
    obs: ArrayLike,
    *,
    level: ArrayLike = 0.5,
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
) -> Crossing:
    """Where the profiled NLL has risen by ``level`` above that of ``best``, on one side (+1 or -1).

    The parameter is then ``best`` plus ``side`` times ``.r``, which is differentiable by everything that the
    NLL and ``best`` depend on: the bound solves NLL(bound) = NLL(best) + level.

    Examples
    --------
    The upper bound of a count of 25 without background, by the count:

    >>> import jax
    >>> from smoothfit import Model, Process, Variable, functional
    >>> model = Model().add_proc(Process("sig", [1.0]).scale_by(Variable("mu", 20.0))).prepare()
    >>> def bound(count):
    ...     best = functional.fit(model.prepared, count[None])
    ...     return best.values[0] + functional.minos(model.prepared, 0, 1.0, best, count[None]).r
    >>> count = jax.numpy.array(25.0)
    >>> round(float(bound(count)), 4), round(float(jax.grad(bound)(count)), 4)
    (30.3387, 1.0999)
    """
    held = nothing_fixed(prepared) if fixed is None else fixed
    at, towards = jnp.asarray(position), jnp.asarray(side, float)
    data = data_of(prepared, obs, globs)
    return _bound(derived_of(prepared), data, held, best, at, towards, jnp.asarray(level, float))


@compiled
def _bound(
    model: Prepared | Derived, data: Data, fixed: Fixed, best: Solution, at: Array, side: Array, level: Array
) -> Crossing:
    known = derived(model if isinstance(model, Derived) else resolve(model))
    n = known.plan.n_params
    found = _found(*constant((known, data, fixed, best)), at, side, constant(level))

    usable = jnp.isfinite(found.r)

    def held(r: Array) -> Fixed:
        values = jnp.concatenate([best.values, best.bin_values])
        return hold_one(fixed, n, at, values[at] + side * r)

    there = lowest(*constant((known, data, held(jnp.where(usable, found.r, 0.0)), found.start))).solution

    def rise(r: Array) -> Array:
        return ended(known, data, held(r), there).nll - best.nll - level

    r = implicit(rise, jnp.where(usable, found.r, 0.0)) * jnp.where(usable, 1.0, jnp.nan)
    # At a limit it is that, however high the NLL is.
    at_limit = found.status == CrossingStatus.AT_LIMIT
    return found._replace(r=jnp.where(at_limit, _room(known, best, at, side), r))


def _room(known: Derived, best: Solution, at: Array, side: Array) -> Array:
    """How far the parameter can go."""
    n_bins = best.bin_values.shape[0]
    values = jnp.concatenate([best.values, best.bin_values])
    upper = jnp.concatenate([known.plan.upper, jnp.full(n_bins, jnp.inf)])
    lower = jnp.concatenate([known.plan.lower, jnp.full(n_bins, -jnp.inf)])
    return jnp.where(side > 0, upper - values, values - lower)[at]


def _found(
    known: Derived, data: Data, fixed: Fixed, best: Solution, at: Array, side: Array, level: Array
) -> Crossing:
    errors = jnp.concatenate([jnp.sqrt(jnp.diagonal(best.covariance)), best.bin_errors])
    error = jnp.where(jnp.isfinite(errors[at]) & (errors[at] > 0.0), errors[at], 1.0)
    direction = jnp.where(jnp.arange(len(errors)) == at, side, 0.0)
    first = jnp.sqrt(2.0 * level) * error
    return crossing(known, data, fixed, best, direction, _room(known, best, at, side), level, first)
