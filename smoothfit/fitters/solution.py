"""What a fitter returns: numbers and a status, no names.

:func:`finish` turns the end point of any minimiser into a :class:`Solution`: the covariance from
the exact Hessian, our own estimate of the distance to the minimum, and what is wrong if anything
is. A fitter's word that it has converged is never taken for it.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array
from ..likelihood import objective
from ..likelihood.objective import Problem
from ..status import Status
from . import newton

__all__ = ["Solution", "Status", "finish", "point"]


@pytree_dataclass
class Solution:
    """The end point of a fit."""

    values: Array
    """(param,)"""
    bin_values: Array
    """(bin parameter,)"""
    nll: Array
    """The NLL with all its constants."""
    covariance: Array
    """(param, param): inverse Hessian; zero rows for held parameters, NaN if there is none."""
    bin_errors: Array
    """(bin parameter,)"""
    gradient: Array
    """(param,): the derivative of the NLL; 0 for eliminated and held parameters."""
    at_limit: Array
    """(param,): 1 where a free parameter sits on a limit."""
    edm: Array
    positive_definite: Array
    smallest_nu: Array
    steps: Array
    status: Array
    """A :class:`Status`."""
    dense: Array
    """(dense,): what the minimiser saw."""
    local: Array
    """(tile, width): the local parameters."""


def point(problem: Problem, z: Array, y: Array) -> newton.Point:
    """The objective at a point, as the native minimiser wants it."""
    found = objective.evaluate(problem, z, y)
    return newton.Point(found.value, found.gradient, found.hessian, found.y)


def _inverse(hessian: Array, keep: Array) -> tuple[Array, Array]:
    """The inverse over the kept coordinates (zero elsewhere), and whether it exists."""
    both = keep[:, None] & keep
    matrix = jnp.where(both, hessian, 0.0) + jnp.diag(jnp.where(keep, 0.0, 1.0))
    scale = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(jnp.diagonal(matrix)), 1e-300))
    scaled = matrix * scale[:, None] * scale
    factor = jnp.linalg.cholesky(scaled)
    pivots = jnp.diagonal(factor) ** 2
    fine = jnp.all(jnp.isfinite(factor)) & (jnp.min(pivots, initial=jnp.inf) > 1e-13)
    eye = jnp.eye(matrix.shape[0])
    inverse = jax.scipy.linalg.cho_solve((jnp.where(fine, factor, eye), True), eye)
    inverse = 0.5 * (inverse + inverse.T) * scale[:, None] * scale
    return jnp.where(both, inverse, 0.0), fine


def _dense_covariance(at: newton.Point, free: Array, at_limit: Array) -> tuple[Array, Array]:
    """From the full Hessian of the free coordinates; those on a limit count too, if they can."""
    keep = free > 0
    everything, fine = _inverse(at.hessian, keep)
    inside, inside_fine = _inverse(at.hessian, keep & ~at_limit)
    unknown = (at_limit[:, None] | at_limit) | ~inside_fine
    partial = jnp.where(unknown & (keep[:, None] & keep), jnp.nan, inside)
    return jnp.where(fine, everything, partial), inside_fine


def finish(
    problem: Problem, z: Array, y: Array, at: newton.Point, steps: Array, allowed_edm: float
) -> Solution:
    """Describe an end point: covariance, errors of eliminated parameters, status."""
    plan = problem.derived.plan
    distance, fine, at_limit = newton.edm(at, z, problem.lower, problem.upper, problem.free)
    covariance, _ = _dense_covariance(at, problem.free, at_limit)
    reaction = objective.sensitivity(problem, z, y)
    spread = jnp.zeros((plan.n_params, plan.n_dense)).at[plan.dense, jnp.arange(plan.n_dense)].set(1.0)
    own = jnp.zeros(plan.n_params)
    limits = jnp.zeros(plan.n_params).at[plan.dense].set(at_limit.astype(float))
    if plan.local is not None and problem.locals_ is not None:
        locals_ = problem.locals_
        spread = spread.at[plan.local.params].set(reaction.local_by_dense)
        own = own.at[plan.local.params].set(reaction.local_own)
        stuck = (locals_.free > 0) & ((y <= locals_.lower) | (y >= locals_.upper))
        limits = limits.at[plan.local.params].set(stuck.ravel()[plan.local.to_flat].astype(float))
    full = spread @ covariance @ spread.T + jnp.diag(own)
    bins = reaction.bin_own + reaction.bin_by_local**2 * reaction.bin_local_own
    bins += jnp.einsum("bk,kl,bl->b", reaction.bin_by_dense, covariance, reaction.bin_by_dense)
    nll = at.value + objective.constants(problem)
    status = _status(nll, distance, fine, reaction.smallest_nu, problem, allowed_edm)
    return Solution(
        values=objective.full_values(problem, z, y),
        bin_values=reaction.bin,
        nll=nll,
        covariance=full,
        bin_errors=jnp.sqrt(bins),
        gradient=jnp.zeros(plan.n_params).at[plan.dense].set(jnp.where(problem.free > 0, at.gradient, 0.0)),
        at_limit=limits,
        edm=distance,
        positive_definite=fine,
        smallest_nu=reaction.smallest_nu,
        steps=steps,
        status=status,
        dense=z,
        local=y,
    )


def _status(
    nll: Array, distance: Array, fine: Array, smallest: Array, problem: Problem, allowed_edm: float
) -> Array:
    illegal = smallest < 0.0
    status = jnp.where(distance <= allowed_edm, Status.CONVERGED, Status.NOT_CONVERGED)
    status = jnp.where(fine, status, Status.NOT_POSITIVE_DEFINITE)
    status = jnp.where(illegal, Status.ILLEGAL_EXPECTATION, status)
    return jnp.where(jnp.isfinite(nll), status, Status.NOT_FINITE)
