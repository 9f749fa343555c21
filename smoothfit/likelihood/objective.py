"""The negative log-likelihood as a function to minimise: value, gradient and exact Hessian.

Bin parameters and local parameters are eliminated inside, so that a minimiser sees the *dense* parameters
only. Eliminating gives the same minimum, and the Hessian of the eliminated function is the Schur
complement of the full one: its inverse is the covariance of the dense parameters.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array
from ..montecarlo import lite
from ..prepared import Data, Fixed, Plan, Prepared, n_bin_params
from ..probability import poisson_constant
from . import constraint, expectation, local
from .derived import Derived, derive

__all__ = [
    "Evaluation",
    "Problem",
    "Sensitivity",
    "constants",
    "dense_start",
    "evaluate",
    "full_values",
    "pose",
    "to_tiles",
    "value",
]


@pytree_dataclass
class Problem:
    """A model with its data and what is held: everything a fit needs, laid out in tiles."""

    derived: Derived
    bins: lite.Bins
    locals_: local.Locals | None
    counts: Array
    globs: Array
    """(global observable,): the parameters', then the bins', for the users' terms."""
    param_globs: Array
    """(param,): the global observable of each parameter, 0 where there is none."""
    values: Array
    """(param,): start values; held parameters at the value they are held at."""
    free: Array
    """(dense,): 1 where a dense parameter is free."""
    lower: Array
    upper: Array
    """(dense,)"""


class Sensitivity(NamedTuple):
    """The eliminated parameters at a point, and how they follow the dense ones.

    To first order a local parameter is ``local + local_by_dense @ dz + e`` with e of variance
    ``local_own``, a bin parameter ``bin + bin_by_dense @ dz + bin_by_local e + f`` with e that of the
    local parameter of its bin and f of variance ``bin_own``.
    """

    local: Array
    local_by_dense: Array
    local_own: Array
    bin: Array
    bin_by_dense: Array
    bin_by_local: Array
    """(bin parameter,)"""
    bin_local_own: Array
    """(bin parameter,): ``local_own`` of the local parameter of its bin, 0 without one."""
    bin_own: Array
    smallest_nu: Array
    """The smallest expectation of any bin, in events."""


class Evaluation(NamedTuple):
    """The objective at a point."""

    value: Array
    gradient: Array
    hessian: Array
    y: Array
    """(tile, width): the local parameters."""
    eliminated: Sensitivity


def to_tiles(flat: Array, from_flat: Array) -> Array:
    """(tile, width) from a flat array and the map that says what stands where; 0 where nothing does."""
    # Gathers, not scatters, wherever the map can be inverted: they fuse, and compile faster.
    return jnp.append(flat, 0.0)[from_flat]


def _bins(derived: Derived, data: Data, fixed: Fixed) -> lite.Bins:
    plan = derived.plan
    counts = to_tiles(data.counts, plan.geometry.from_flat)
    zero = jnp.zeros_like(counts)
    if plan.lite is None:
        return lite.Bins(
            counts=counts,
            valid=plan.geometry.valid,
            globs=zero,
            has_parameter=zero,
            held=zero,
            held_at=zero,
            delta=zero,
            any_parameter=False,
        )
    at = plan.lite.from_flat
    return lite.Bins(
        counts=counts,
        valid=plan.geometry.valid,
        globs=to_tiles(data.bin_globs, at),
        has_parameter=plan.lite.has_parameter,
        held=to_tiles(fixed.bin_mask, at),
        held_at=to_tiles(fixed.bin_values, at),
        delta=derived.delta,
        any_parameter=True,
    )


def _locals(derived: Derived, param_globs: Array, mask: Array) -> local.Locals | None:
    plan = derived.plan
    if plan.local is None:
        return None
    present = plan.local.present

    def of_param(values: Array, absent: float) -> Array:
        return jnp.append(values, absent)[plan.local.param]  # type: ignore[union-attr]

    return local.Locals(
        present=present,
        free=present * (1.0 - of_param(mask, 1.0)),
        precision=of_param(derived.precision, 0.0),
        tau=of_param(derived.templates.tau * plan.constraint.poisson, 0.0),
        globs=of_param(param_globs, 0.0),
        lower=of_param(plan.lower, -jnp.inf),
        upper=of_param(plan.upper, jnp.inf),
    )


def pose(prepared: Prepared, data: Data, fixed: Fixed, start: Array | None = None) -> Problem:
    """Lay out a problem. ``start`` (param,) replaces the model's start values."""
    derived = derive(prepared)
    plan = derived.plan
    param_globs = jnp.zeros(plan.n_params).at[plan.constraint.constrained].set(data.globs)
    values = jnp.where(fixed.mask > 0, fixed.values, plan.start if start is None else start)
    return Problem(
        derived=derived,
        bins=_bins(derived, data, fixed),
        locals_=_locals(derived, param_globs, fixed.mask),
        counts=data.counts,
        globs=jnp.concatenate([data.globs, data.bin_globs]),
        param_globs=param_globs,
        values=values,
        free=1.0 - fixed.mask[plan.dense],
        lower=plan.lower[plan.dense],
        upper=plan.upper[plan.dense],
    )


def dense_start(problem: Problem) -> Array:
    """(dense,): start values inside their limits."""
    plan = problem.derived.plan
    z = problem.values[plan.dense]
    inside = jnp.clip(z, problem.lower, problem.upper)
    return jnp.where(problem.free > 0, inside, z)


def _local_values(problem: Problem) -> Array:
    plan = problem.derived.plan
    if plan.local is None:
        return jnp.ones_like(problem.bins.counts)
    return jnp.append(problem.values, 1.0)[plan.local.param]


def _with_dense(problem: Problem, z: Array) -> Array:
    """(param,) with these dense values; local parameters as they were."""
    plan = problem.derived.plan
    if plan.local is None:
        return z
    return jnp.where(plan.column < plan.n_dense, jnp.append(z, 0.0)[plan.column], problem.values)


def _assemble(problem: Problem, z: Array, y: Array) -> Array:
    """(param,) from dense and local values."""
    plan = problem.derived.plan
    p = _with_dense(problem, z)
    if plan.local is None:
        return p
    own = jnp.append(y.ravel()[plan.local.to_flat], 0.0)[plan.local.number]
    return jnp.where(plan.column < plan.n_dense, p, own)


def _split(moments: expectation.Moments) -> tuple[Array, Array]:
    return moments.v - moments.v_in, moments.v_in


def _solve_local(problem: Problem, moments: expectation.Moments) -> Array:
    y = _local_values(problem)
    if problem.locals_ is None:
        return y
    v_out, v_in = _split(moments)
    return local.solve(y, v_out, v_in, problem.bins.counts, problem.locals_)


def value(problem: Problem, z: Array) -> Array:
    """The objective less its constants: plain code, differentiable by the problem's arrays too."""
    derived = problem.derived
    p = _with_dense(problem, z)
    moments = expectation.moments(derived, p)
    y = _solve_local(problem, moments)
    v_out, v_in = _split(moments)
    v = v_out + y * v_in
    p = _assemble(problem, z, y)
    return (
        lite.value(lite.solve(v, moments.variance, problem.bins), problem.bins)
        + constraint.value(derived, p, problem.param_globs)
        + constraint.user_terms(derived, p, problem.counts, problem.globs)
    )


def constants(problem: Problem) -> Array:
    """What :func:`value` leaves out: the constants of the data and of all constraints."""
    of_data = jnp.sum(poisson_constant(problem.counts))
    return of_data + lite.constant(problem.bins) + constraint.constant(problem.derived, problem.param_globs)


def evaluate(problem: Problem, z: Array) -> Evaluation:
    """Value, gradient and Hessian by the dense parameters, everything else eliminated.

    What the caller does not use of the result is not computed, once compiled.
    """
    derived = problem.derived
    plan = derived.plan
    state = expectation.evaluate(derived, _with_dense(problem, z))
    moments = expectation.sums(derived, state)
    y = _solve_local(problem, moments)
    v_out, v_in = _split(moments)
    v = v_out + y * v_in
    p = _assemble(problem, z, y)
    terms = lite.solve(v, moments.variance, problem.bins)
    by_bin = lite.derivatives(terms, problem.bins)
    by_v, by_variance = by_bin.by_v, by_bin.by_variance
    y_row = _on_row_tiles(plan, y)
    jac = expectation.jacobians(derived, state, p, y_row, problem.locals_ is not None)

    gradient, hessian = constraint.derivatives(derived, p, problem.param_globs)
    gradient += jnp.einsum("akw,aw->k", jac.v, by_v)
    hessian += expectation.curvature(derived, state, p, y_row, by_v, by_variance)
    weighted = jac.v * by_bin.vv[:, None]
    if jac.variance is not None:
        gradient += jnp.einsum("akw,aw->k", jac.variance, by_variance)
        weighted += jac.variance * by_bin.v_var[:, None]
        crossed = jac.v * by_bin.v_var[:, None] + jac.variance * by_bin.var_var[:, None]
        hessian += jnp.einsum("akw,alw->kl", jac.variance, crossed)
    hessian += jnp.einsum("akw,alw->kl", jac.v, weighted)
    follows = inverse = None
    if problem.locals_ is not None:
        mixed, inverse = _local_response(problem, jac, v_in, by_bin, y)
        follows = -mixed * inverse[:, None]
        hessian += jnp.einsum("akw,alw->kl", follows, mixed)
    total = (
        lite.value(terms, problem.bins)
        + constraint.value(derived, p, problem.param_globs)
        + constraint.user_terms(derived, p, problem.counts, problem.globs)
    )
    if plan.constraint.terms:
        extra = constraint.user_derivatives(derived, p, problem.counts, problem.globs)
        gradient, hessian = gradient + extra[0], hessian + extra[1]
    eliminated = _sensitivity(problem, terms, v_in, jac, y, follows, inverse)
    return Evaluation(total, gradient, 0.5 * (hessian + hessian.T), y, eliminated)


def _on_row_tiles(plan: Plan, y: Array) -> Array:
    """(row tile, width): local values where they multiply, 1 elsewhere."""
    ones = jnp.ones((plan.rows.row.shape[0], plan.geometry.width))
    if plan.local is None:
        return ones
    rows = plan.local.row_tile
    return ones.at[rows].set(jnp.where(plan.local.present > 0, y, 1.0)[plan.rows.tile[rows]])


def _local_response(
    problem: Problem, jac: expectation.Jacobians, v_in: Array, by_bin: lite.Derivatives, y: Array
) -> tuple[Array, Array]:
    """d2NLL/dy dz (tile, dense, width) and 1/(d2NLL/dy2), 0 where y is held or at a limit."""
    assert problem.locals_ is not None
    assert jac.v_in is not None
    stiffness = by_bin.vv * v_in**2 + local.own_terms(y, problem.locals_)[1]
    mixed = (by_bin.vv * v_in)[:, None] * jac.v + by_bin.by_v[:, None] * jac.v_in
    usable = local.interior(y, problem.locals_) & (stiffness > 0.0)
    return mixed, jnp.where(usable, 1.0 / jnp.where(usable, stiffness, 1.0), 0.0)


def _sensitivity(
    problem: Problem,
    terms: lite.BinTerms,
    v_in: Array,
    jac: expectation.Jacobians,
    y: Array,
    follows: Array | None,
    inverse: Array | None,
) -> Sensitivity:
    """The eliminated parameters, from the pieces of an evaluation."""
    plan, bins = problem.derived.plan, problem.bins
    empty, no_rows = jnp.zeros(0), jnp.zeros((0, plan.n_dense))
    found = dict.fromkeys(("local", "local_own", "bin", "bin_by_local", "bin_local_own", "bin_own"), empty)
    local_by_dense = bin_by_dense = no_rows
    slope = jac.v
    if plan.local is not None and follows is not None and inverse is not None:
        at = plan.local.to_flat
        found["local"], found["local_own"] = y.ravel()[at], inverse.ravel()[at]
        local_by_dense = _flat_rows(follows, at)
        slope = slope + v_in[:, None] * follows
    if plan.lite is not None:
        at = plan.lite.to_flat
        reaction = lite.response(terms, bins)
        by_dense = reaction.by_v[:, None] * slope
        if jac.variance is not None:
            by_dense += reaction.by_variance[:, None] * jac.variance
        bin_by_dense = _flat_rows(by_dense, at)
        found["bin"], found["bin_own"] = terms.x.ravel()[at], reaction.own_variance.ravel()[at]
        found["bin_by_local"] = (reaction.by_v * v_in).ravel()[at]
        own = jnp.zeros_like(v_in) if inverse is None else inverse
        found["bin_local_own"] = own.ravel()[at]
    smallest = jnp.min(jnp.where(bins.valid > 0, terms.nu, jnp.inf))
    return Sensitivity(
        local_by_dense=local_by_dense, bin_by_dense=bin_by_dense, smallest_nu=smallest, **found
    )


def _flat_rows(tiles: Array, at: Array) -> Array:
    """(tile, dense, width) -> (place, dense)."""
    return jnp.moveaxis(tiles, 1, -1).reshape(-1, tiles.shape[1])[at]


def full_values(problem: Problem, z: Array, y: Array) -> Array:
    """(param,) from dense and local values."""
    return _assemble(problem, z, y)


def nothing_fixed(prepared: Prepared) -> Fixed:
    """Only the parameters that are constant by default are held."""
    plan = prepared.plan
    n_bins = n_bin_params(plan)
    return Fixed(
        mask=jnp.asarray(plan.constant),
        values=jnp.asarray(plan.start),
        bin_mask=jnp.zeros(n_bins),
        bin_values=jnp.zeros(n_bins),
    )
