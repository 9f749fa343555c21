"""Predicted yields: of every bin, of every process, and their uncertainties."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import resolve
from .._types import Array
from ..fitters.solution import Solution
from ..likelihood import expectation, objective
from ..likelihood.derived import Derived, derive
from ..montecarlo.lite import NO_ERROR
from ..prepared import Data, Fixed, Plan, Prepared, n_bin_params

__all__ = ["Band", "band", "expected", "row_yields"]


def split_values(plan: Plan, values: Array) -> tuple[Array, Array]:
    """(parameters, bin parameters) of a vector of values; bin parameters at 0 if not given."""
    n, n_bins = plan.n_params, n_bin_params(plan)
    if values.shape[-1] == n:
        return values, jnp.zeros((*values.shape[:-1], n_bins))
    return values[..., :n], values[..., n:]


def _pieces(derived: Derived, p: Array) -> tuple[Array, Array, Array]:
    """(row tile yields with local parameters applied, their squared errors, total squared errors)."""
    plan = derived.plan
    state = expectation.evaluate(derived, p)
    u = expectation.yields(derived, state)
    squares = jnp.zeros_like(u)
    if plan.lite is not None:
        squares = squares.at[plan.lite.source].set(expectation.errors(derived, state))
    if plan.local is not None:
        y = jnp.append(p, 1.0)[plan.local.param]
        factor = jnp.where(plan.local.present > 0, y, 1.0)[plan.rows.tile[plan.local.row_tile]]
        u = u.at[plan.local.row_tile].multiply(factor, unique_indices=True)
        squares = squares.at[plan.local.row_tile].multiply(factor**2, unique_indices=True)
    return u, squares, jax.ops.segment_sum(squares, plan.rows.tile, plan.geometry.n_tiles)


def row_yields(prepared: Prepared, values: Array) -> Array:
    """(row tile, width): the yields of every row, with its share of the bins' Monte Carlo shifts.

    With scaling "process" the shift x t of a bin is shared as (c_i e_i)^2/t, with "total" in proportion
    to the yields.
    """
    derived = derive(prepared)
    plan = derived.plan
    p, x_flat = split_values(plan, values)
    u, squares, variance = _pieces(derived, p)
    if plan.lite is None:
        return u
    x = objective.to_tiles(x_flat, plan.lite.from_flat)
    some = variance > NO_ERROR
    root = jnp.sqrt(jnp.where(some, variance, 1.0))
    follows = plan.lite.has_parameter * (1.0 - plan.lite.total)
    per_square = jnp.where(some, follows * x / root, 0.0)[plan.rows.tile]
    return u * (1.0 + (derived.delta * x)[plan.rows.tile]) + per_square * squares


def expected(prepared: Prepared, values: Array) -> Array:
    """(bin,): expected events at ``values`` (param,) or (param + bin parameter,)."""
    plan = resolve(prepared.plan)
    rows = row_yields(prepared, values)
    total = jax.ops.segment_sum(rows, plan.rows.tile, plan.geometry.n_tiles)
    return total.ravel()[plan.geometry.to_flat]


class Band(NamedTuple):
    """Expected events and their uncertainty, by linear propagation; arrays (bin,)."""

    value: Array
    error: Array


def band(prepared: Prepared, data: Data, fixed: Fixed, solution: Solution) -> Band:
    """Post-fit expectation with its uncertainty from the covariance of all parameters."""
    problem = objective.pose(prepared, data, fixed)
    plan = problem.derived.plan
    reaction = objective.evaluate(problem, solution.dense).eliminated
    covariance = solution.covariance[plan.dense[:, None], plan.dense]
    at = jnp.concatenate([solution.values, solution.bin_values])

    def push(direction: Array) -> Array:
        return jax.jvp(lambda v: expected(prepared, v), (at,), (direction,))[1]

    def of_dense(k: Array) -> Array:
        params = jnp.zeros(plan.n_params).at[plan.dense[k]].set(1.0)
        if plan.local is not None:
            params = params.at[plan.local.params].set(reaction.local_by_dense[:, k])
        return push(jnp.concatenate([params, reaction.bin_by_dense[:, k]]))

    shifts = jax.lax.map(of_dense, jnp.arange(plan.n_dense))
    variance = jnp.einsum("kb,kl,lb->b", shifts, covariance, shifts)
    # Eliminated parameters touch one bin each: one push moves them all without mixing bins.
    bins = jnp.sqrt(reaction.bin_own)
    variance += push(jnp.concatenate([jnp.zeros(plan.n_params), bins])) ** 2
    if plan.local is not None:
        own = jnp.zeros(plan.n_params).at[plan.local.params].set(jnp.sqrt(reaction.local_own))
        follow = reaction.bin_by_local * jnp.sqrt(reaction.bin_local_own)
        variance += push(jnp.concatenate([own, follow])) ** 2
    return Band(expected(prepared, at), jnp.sqrt(variance))


def prefit_band(prepared: Prepared, values: Array, widths: Array) -> Band:
    """Pre-fit expectation with the uncertainty from the constraints, correlations included.

    ``widths`` (param,) are pre-fit uncertainties, 0 for free and for held parameters.
    """
    plan = prepared.plan
    n_bins = n_bin_params(plan)
    p, x = split_values(plan, values)
    at = jnp.concatenate([p, x])

    def push(direction: Array) -> Array:
        return jax.jvp(lambda v: expected(prepared, v), (at,), (direction,))[1]

    def of_param(k: Array) -> Array:
        return push(jnp.zeros(at.shape[0]).at[k].set(widths[k]))

    shifts = jax.lax.map(of_param, jnp.arange(plan.n_params))
    variance = jnp.sum(shifts**2, axis=0)
    if prepared.templates.correlation is not None:
        members = resolve(plan.constraint.correlated)
        off_diagonal = prepared.templates.correlation - jnp.eye(members.shape[0])
        variance += jnp.einsum("kb,kl,lb->b", shifts[members], off_diagonal, shifts[members])
    variance += push(jnp.concatenate([jnp.zeros(plan.n_params), jnp.ones(n_bins)])) ** 2
    return Band(expected(prepared, at), jnp.sqrt(variance))
