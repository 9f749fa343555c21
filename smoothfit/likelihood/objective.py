"""The negative log-likelihood as a function to minimise: value, gradient and exact Hessian.

Bin parameters and local parameters are eliminated inside, so that a minimiser sees the *dense* parameters
only. Eliminating gives the same minimum, and the Hessian of the eliminated function is the Schur
complement of the full one: its inverse is the covariance of the dense parameters.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._compilation import once
from .._pytree import pytree_dataclass
from .._types import Array, floats
from ..montecarlo import lite
from ..prepared import Data, Fixed, Plan, Prepared, n_bin_params
from ..probability import data_constant
from . import constraint, expectation, local
from .derived import Derived
from .derived import derived as derived_

__all__ = [
    "Evaluation",
    "Problem",
    "Reaction",
    "Sensitivity",
    "best_bins",
    "bin_values",
    "constants",
    "dense_start",
    "eliminated",
    "evaluate",
    "full_values",
    "moved",
    "nothing_fixed",
    "of_bin_params",
    "picked",
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
    bin_values: Array
    """(bin parameter,): the same."""
    free: Array
    """(dense,): 1 where a dense parameter is free."""
    lower: Array
    upper: Array
    """(dense,)"""


class Sensitivity(NamedTuple):
    """The eliminated parameters at a point, and how they follow the dense ones.

    To first order a parameter of closed-form bins is ``lite + lite_by_dense @ dz + e``, e of variance
    ``lite_own``; a local one ``local + local_by_dense @ dz + e``, where the e of one bin have the covariance
    diag(local_own) - local_spread local_spread^T.
    """

    lite: Array
    lite_by_dense: Array
    lite_own: Array
    """(lite parameter,)"""
    local: Array
    local_by_dense: Array
    local_own: Array
    local_spread: Array
    """(local parameter,)"""
    smallest_nu: Array
    """The smallest expectation of any bin, in events."""
    lite_by_place: Array
    local_by_place: Array
    """(dense, place): the same at all places of their arrays, for sums over the dense ones: from those, which
    are small, the parameters are then picked (:func:`picked`)."""


class Reaction(NamedTuple):
    """What an evaluation leaves, for :func:`eliminated` to describe the eliminated parameters."""

    terms: lite.BinTerms
    slope: Array
    variance: Array | None
    parts: Array | None
    """Jacobians of the variance and, where there are local parameters, of the parts."""
    by_v: Array
    response: local.Response | None


class Evaluation(NamedTuple):
    """The objective at a point."""

    value: Array
    gradient: Array
    hessian: Array
    convex: Array
    """The Hessian without the curvature of the yields (Gauss and Newton's): far from the minimum, where
    the Hessian is not positive definite, a better guide."""
    y: Array | None
    """(slot, tile, width): the local parameters; None without them."""
    reaction: Reaction


def to_tiles(flat: Array, from_flat: Array) -> Array:
    """(tile, width) from a flat array and the map that says what stands where; 0 where nothing does."""
    # Gathers, not scatters, wherever the map can be inverted: they fuse, and compile faster.
    return jnp.append(flat, 0.0)[from_flat]


def _bins(derived: Derived, data: Data, fixed: Fixed) -> lite.Bins:
    plan = derived.plan
    counts = to_tiles(data.counts, plan.geometry.from_flat)
    zero = jnp.zeros_like(counts)
    variance = None
    if plan.gaussian_data:
        given = derived.templates.data_variance
        # Without variances the observed counts are, and an empty bin has that of one event.
        flat = jnp.maximum(data.counts, 1.0) if given is None else given
        variance = jnp.append(flat, 1.0)[plan.geometry.from_flat]
    has = None if plan.lite is None else plan.lite

    def of_bins(values: Array) -> Array:
        return zero if has is None else to_tiles(values, has.from_flat)

    return lite.Bins(
        counts=counts,
        valid=plan.geometry.counted,
        globs=of_bins(data.bin_globs),
        has_parameter=zero if has is None else has.has_parameter,
        held=of_bins(fixed.bin_mask),
        held_at=of_bins(fixed.bin_values),
        delta=derived.delta,
        data_variance=variance,
        any_parameter=has is not None,
    )


def _locals(derived: Derived, param_globs: Array, data: Data, fixed: Fixed) -> local.Locals | None:
    plan = derived.plan
    if plan.local is None:
        return None
    place = plan.local.position
    n_bins = n_bin_params(plan)
    counting = jnp.zeros(0) if plan.bins is None else plan.bins.counting

    def gathered(of_params: Array, of_bins: Array, absent: float) -> Array:
        return jnp.concatenate([of_params, of_bins, jnp.full(1, absent)])[place]

    tau = gathered(derived.templates.tau * plan.constraint.poisson, jnp.zeros(n_bins), 0.0)
    return local.Locals(
        present=plan.local.present,
        free=plan.local.present * (1.0 - gathered(fixed.mask, fixed.bin_mask, 1.0)),
        centre=plan.local.centre,
        precision=gathered(derived.precision, 1.0 - counting, 0.0),
        tau=tau if derived.slot_tau is None else tau + derived.slot_tau,
        globs=gathered(param_globs, data.bin_globs, 0.0),
        lower=gathered(plan.lower, jnp.where(counting > 0, 0.0, -jnp.inf), -jnp.inf),
        upper=gathered(plan.upper, jnp.full(n_bins, jnp.inf), jnp.inf),
        of_bins=gathered(jnp.zeros(plan.n_params), jnp.ones(n_bins), 0.0),
        closed=plan.local.n_slots == 1 and not plan.gaussian_data,
    )


def pose(prepared: Prepared | Derived, data: Data, fixed: Fixed, start: Array | None = None) -> Problem:
    """Lay out a problem. ``start`` (param,) replaces the model's start values."""
    derived = derived_(prepared)
    plan = derived.plan
    param_globs = jnp.zeros(plan.n_params).at[plan.constraint.constrained].set(data.globs)
    values = jnp.where(fixed.mask > 0, fixed.values, plan.start if start is None else start)
    return Problem(
        derived=derived,
        bins=_bins(derived, data, fixed),
        locals_=_locals(derived, param_globs, data, fixed),
        counts=data.counts,
        globs=jnp.concatenate([data.globs, data.bin_globs]),
        param_globs=param_globs,
        values=values,
        bin_values=fixed.bin_values,
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


def _with_dense(problem: Problem, z: Array) -> Array:
    """(param,): dense values, local parameters at their start or held values."""
    plan = problem.derived.plan
    if plan.local is None:
        return z
    return jnp.where(plan.column < plan.n_dense, jnp.append(z, 0.0)[plan.column], problem.values)


def _assemble(problem: Problem, z: Array, y: Array | None) -> Array:
    """(param,) from dense and local values."""
    plan = problem.derived.plan
    p = _with_dense(problem, z)
    if plan.local is None or y is None:
        return p
    own = jnp.append(y.ravel()[plan.local.to_flat], 0.0)[plan.local.number[: plan.n_params]]
    return jnp.where(plan.column < plan.n_dense, p, own)


def _given_local(problem: Problem) -> Array | None:
    """(slot, tile, width): the local parameters at their start or held values."""
    plan = problem.derived.plan
    if plan.local is None:
        return None
    return jnp.concatenate([problem.values, problem.bin_values, jnp.ones(1)])[plan.local.position]


def _solve_local(problem: Problem, moments: expectation.Moments) -> Array | None:
    start = _given_local(problem)
    if start is None or problem.locals_ is None or moments.parts is None:
        return None
    return local.solve(start, moments.v, moments.parts, problem.bins, problem.locals_)


def _applied(problem: Problem, moments: expectation.Moments, y: Array | None) -> Array:
    """(tile, width): the bins' yields at the local parameters' values."""
    if y is None or problem.locals_ is None or moments.parts is None:
        return moments.v
    return moments.v + ((y - problem.locals_.centre) * moments.parts).sum(0)


def _of_constraints(problem: Problem, p: Array, y: Array | None) -> Array:
    derived = problem.derived
    total = constraint.value(derived, p, problem.param_globs)
    if derived.plan.bins is not None and problem.locals_ is not None and y is not None:
        total += local.of_bins(y, problem.locals_)[0]
    return total + constraint.user_terms(derived, p, problem.counts, problem.globs)


def value(problem: Problem, z: Array, *, held: bool = False) -> Array:
    """The objective less its constants: plain code, differentiable by the problem's arrays too.

    ``held`` says that nothing is minimised over, so that there is nothing to solve.
    """
    moments = expectation.moments(problem.derived, _with_dense(problem, z))
    y = _given_local(problem) if held else _solve_local(problem, moments)
    v = _applied(problem, moments, y)
    terms = lite.solve(v, moments.variance, problem.bins)
    return lite.value(terms, problem.bins) + _of_constraints(problem, _assemble(problem, z, y), y)


def best_bins(problem: Problem, z: Array) -> Array:
    """(bin parameter,): where :func:`value` has its minimum by them."""
    plan = problem.derived.plan
    moments = expectation.moments(problem.derived, _with_dense(problem, z))
    y = _solve_local(problem, moments)
    terms = lite.solve(_applied(problem, moments, y), moments.variance, problem.bins)
    of_local = jnp.zeros(0) if y is None or plan.local is None else y.ravel()[plan.local.to_flat]
    of_lite = jnp.zeros(0) if plan.lite is None else terms.x.ravel()[plan.lite.to_flat]
    return of_bin_params(plan, of_lite, of_local)


def constants(problem: Problem) -> Array:
    """What :func:`value` leaves out: the constants of the data and of all constraints."""
    bins = problem.bins
    total = jnp.sum(bins.valid * data_constant(bins.counts, bins.data_variance)) + lite.constant(bins)
    if problem.derived.plan.bins is not None and problem.locals_ is not None:
        total += local.of_bins(problem.locals_.globs, problem.locals_)[1]
    return total + constraint.constant(problem.derived, problem.param_globs)


def evaluate(problem: Problem, z: Array) -> Evaluation:
    """Value, gradient and Hessian by the dense parameters, everything else eliminated.

    What the caller does not use of the result is not computed, once compiled.
    """
    derived = problem.derived
    plan = derived.plan
    state = expectation.evaluate(derived, _with_dense(problem, z))
    moments = expectation.sums(derived, state)
    y = _solve_local(problem, moments)
    v = _applied(problem, moments, y)
    p = _assemble(problem, z, y)
    terms = lite.solve(v, moments.variance, problem.bins)
    by_bin = lite.derivatives(terms, problem.bins)
    by_bin = by_bin._replace(by_v=once(by_bin.by_v), vv=once(by_bin.vv))
    by_v, by_variance = by_bin.by_v, by_bin.by_variance
    jac = expectation.jacobians(derived, state, p)
    moved = None if y is None or problem.locals_ is None else y - problem.locals_.centre

    gradient, stiffness = constraint.derivatives(derived, p, problem.param_globs)
    weight_parts = None if moved is None else moved * by_v
    curved = expectation.curvature(derived, state, p, by_v, weight_parts, by_variance)
    slope = jac.v if moved is None else jac.v + jnp.einsum("saw,ksaw->kaw", moved, jac.parts)
    gradient += _over_bins(slope, by_v)
    response, curve = None, by_bin.vv
    if problem.locals_ is not None and y is not None:
        assert moments.parts is not None
        assert jac.parts is not None
        response = local.respond(y, moments.parts, by_bin.vv, problem.locals_)
        curve = response.reduced
        pulled = by_v * jnp.einsum("saw,ksaw->kaw", response.pull, jac.parts)
        # Of squares alone: without what comes of bins that are off their data.
        convex = _squares(slope, jnp.maximum(curve, 0.0))
        slope = slope - pulled
        squares = _squares(slope, curve)
        squares -= _squares(jac.parts, response.inverse * by_v**2)
    else:
        convex = squares = _squares(slope, curve)
    if jac.variance is not None:
        gradient += _over_bins(jac.variance, by_variance)
        mixed = _flat(jac.variance) @ _flat(slope * by_bin.v_var + 0.5 * jac.variance * by_bin.var_var).T
        squares += mixed + mixed.T
        # As much more of the squares of the variance as makes each bin's term convex.
        positive = by_bin.vv > 0.0
        needed = jnp.where(positive, by_bin.v_var**2 / jnp.where(positive, by_bin.vv, 1.0), 0.0)
        convex = squares + _squares(jac.variance, jnp.maximum(needed - by_bin.var_var, 0.0))
    squares, convex = (constraint.with_correlations(derived, x) for x in (squares, convex))
    hessian = squares + curved.half + curved.half.T + jnp.diag(curved.diagonal + stiffness)
    convex = convex + jnp.diag(stiffness)
    if plan.constraint.terms:
        extra = constraint.user_derivatives(derived, p, problem.counts, problem.globs)
        gradient, hessian = gradient + extra[0], hessian + extra[1]
        convex = convex + extra[1]
    return Evaluation(
        value=lite.value(terms, problem.bins) + _of_constraints(problem, p, y),
        gradient=gradient,
        hessian=hessian,
        convex=convex,
        y=y,
        reaction=Reaction(terms, slope, jac.variance, jac.parts, by_v, response),
    )


def _flat(of_bins: Array) -> Array:
    """(dense, bin), bins of whatever slot one after the other."""
    return of_bins.reshape(of_bins.shape[0], math.prod(of_bins.shape[1:]))


def _over_bins(slope: Array, weight: Array) -> Array:
    """(dense,): sum over bins of weight times slope."""
    return _flat(slope) @ weight.ravel()


def _squares(slope: Array, weight: Array) -> Array:
    """(dense, dense): sum over bins of weight times slope slope^T."""
    return _flat(slope) @ _flat(weight * slope).T


def eliminated(problem: Problem, y: Array | None, reaction: Reaction) -> Sensitivity:
    """The eliminated parameters at a point, from what its evaluation left."""
    plan, bins = problem.derived.plan, problem.bins
    terms, slope, variance, parts, by_v, response = reaction
    empty, no_rows = jnp.zeros(0), jnp.zeros((0, plan.n_dense))
    found = dict.fromkeys(("lite", "lite_own", "local", "local_own", "local_spread"), empty)
    found.update(lite_by_dense=no_rows, local_by_dense=no_rows)
    found.update(lite_by_place=no_rows.T, local_by_place=no_rows.T)
    if plan.local is not None and y is not None and response is not None and parts is not None:
        at = plan.local.to_flat
        follows = -(response.inverse * by_v) * parts - response.gain * slope[:, None]
        found["local"], found["local_own"] = y.ravel()[at], response.inverse.ravel()[at]
        found["local_spread"] = response.spread.ravel()[at]
        found["local_by_place"] = _flat(follows)
        found["local_by_dense"] = found["local_by_place"][:, at].T
    if plan.lite is not None:
        at = plan.lite.to_flat
        of_lite = lite.response(terms, bins)
        by_dense = once(of_lite.by_v) * slope
        if variance is not None:
            by_dense += once(of_lite.by_variance) * variance
        found["lite_by_place"] = _flat(by_dense)
        found["lite_by_dense"] = found["lite_by_place"][:, at].T
        found["lite"], found["lite_own"] = terms.x.ravel()[at], of_lite.own_variance.ravel()[at]
    smallest = jnp.min(jnp.where(bins.valid > 0, terms.nu, jnp.inf))
    return Sensitivity(smallest_nu=smallest, **found)


def picked(plan: Plan, of_lite: Array, of_local: Array) -> tuple[Array, Array]:
    """(lite parameter,) and (local parameter,) from (place,) each."""
    lite_ = of_lite if plan.lite is None else of_lite[plan.lite.to_flat]
    return lite_, of_local if plan.local is None else of_local[plan.local.to_flat]


def moved(plan: Plan, eliminated: Sensitivity, dz: Array) -> Sensitivity:
    """The eliminated parameters after a small step of the dense ones, to first order."""
    by_lite, by_local = picked(plan, dz @ eliminated.lite_by_place, dz @ eliminated.local_by_place)
    return eliminated._replace(lite=eliminated.lite + by_lite, local=eliminated.local + by_local)


def full_values(problem: Problem, z: Array, of_local: Array) -> Array:
    """(param,) from dense and local ones, (local parameter,)."""
    plan = problem.derived.plan
    if plan.local is None:
        return z
    own = jnp.append(of_local, 0.0)[plan.local.number[: plan.n_params]]
    return jnp.where(plan.column < plan.n_dense, _with_dense(problem, z), own)


def bin_values(problem: Problem, eliminated: Sensitivity) -> Array:
    """(bin parameter,): from those of closed-form bins and the local ones."""
    return of_bin_params(problem.derived.plan, eliminated.lite, eliminated.local)


def of_bin_params(plan: Plan, of_lite: Array, of_local: Array) -> Array:
    """(bin parameter, ...) from (lite parameter, ...) and (local parameter, ...)."""
    n = n_bin_params(plan)
    result = jnp.zeros((n, *of_lite.shape[1:]))
    if plan.local is not None and plan.bins is not None:
        padded = jnp.concatenate([of_local, jnp.zeros((1, *of_local.shape[1:]))])
        result = padded[plan.local.number[plan.n_params :]]
    if plan.lite is not None:
        result = result.at[plan.lite.number].set(of_lite)
    return result


def nothing_fixed(prepared: Prepared) -> Fixed:
    """Only the parameters that are constant by default are held."""
    plan = prepared.plan
    n_bins = n_bin_params(plan)
    return Fixed(
        mask=floats(plan.constant),
        values=floats(plan.start),
        bin_mask=floats(np.zeros(n_bins)),
        bin_values=floats(np.zeros(n_bins) if plan.bins is None else plan.bins.centre),
    )
