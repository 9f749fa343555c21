"""Predicted yields: of every bin, of every process, and their uncertainties."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import resolve
from .._types import Array
from ..fitters.solution import Solution
from ..likelihood import expectation, objective
from ..likelihood.derived import Derived, auxiliary_counts, derive
from ..montecarlo.lite import NO_ERROR
from ..prepared import Data, Fixed, Plan, Prepared

__all__ = ["Band", "band", "expected", "row_yields"]


def split_values(plan: Plan, values: Array) -> tuple[Array, Array]:
    """(parameters, bin parameters) of a vector of values; bin parameters at their centres if not given."""
    n = plan.n_params
    if values.shape[-1] == n:
        centre = jnp.zeros(0) if plan.bins is None else plan.bins.centre
        return values, jnp.broadcast_to(centre, (*values.shape[:-1], *centre.shape))
    return values[..., :n], values[..., n:]


def row_yields(prepared: Prepared, values: Array) -> Array:
    """(row tile, width): the yields of every row, with its share of the bins' Monte Carlo shifts.

    With scaling "process" the shift x t of a bin is shared as c_i (V c)_i/t, which is (c_i e_i)^2/t without
    covariances; with "total" in proportion to the yields.
    """
    derived = derive(prepared)
    plan = derived.plan
    p, x_flat = split_values(plan, values)
    state = expectation.evaluate(derived, p)
    u = expectation.yields(derived, state)
    if plan.local is not None:
        u = _with_locals(derived, state, u, jnp.concatenate([p, x_flat, jnp.ones(1)]))
    if plan.lite is None:
        return u
    x = objective.to_tiles(x_flat, plan.lite.from_flat)
    shares, variance = _shares(derived, state)
    some = variance > NO_ERROR
    root = jnp.sqrt(jnp.where(some, variance, 1.0))
    follows = plan.lite.has_parameter * (1.0 - plan.lite.total)
    per_square = jnp.where(some, follows * x / root, 0.0)[plan.rows.tile]
    return u * (1.0 + (derived.delta * x)[plan.rows.tile]) + per_square * shares


def _with_locals(derived: Derived, state: expectation.State, u: Array, values: Array) -> Array:
    """Row tile yields with the local parameters applied."""
    plan = derived.plan
    assert plan.local is not None
    local = plan.local
    y = values[local.position][local.slot, plan.rows.tile[local.row_tile]]
    multiplied = slice(local.n_multiplied)
    factor = 1.0 + local.covers[multiplied] * (y[multiplied] - 1.0)
    u = u.at[local.row_tile[multiplied]].multiply(factor, unique_indices=True)
    if derived.part_error is None:
        return u
    rows = local.row_tile[local.n_multiplied :]
    shift = y[local.n_multiplied :] * expectation.scales(derived, state)[rows] * derived.part_error
    return u.at[rows].add(shift)


def _shares(derived: Derived, state: expectation.State) -> tuple[Array, Array]:
    """c_i (V c)_i of every row tile, and their sum over each tile."""
    plan = derived.plan
    n = plan.rows.row.shape[0]
    if plan.variance is None:
        return jnp.zeros((n, plan.geometry.width)), jnp.zeros((plan.geometry.n_tiles, plan.geometry.width))
    squares = 0.5 * expectation.squared_errors(derived, state)
    shares = jax.ops.segment_sum(squares, plan.variance.first, n)
    shares += jax.ops.segment_sum(squares, plan.variance.second, n)
    return shares, jax.ops.segment_sum(shares, plan.rows.tile, plan.geometry.n_tiles)


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
    found = objective.evaluate(problem, solution.dense)
    reaction = objective.eliminated(problem, found.y, found.reaction)
    covariance = solution.covariance[plan.dense[:, None], plan.dense]
    at = jnp.concatenate([solution.values, solution.bin_values])

    def push(direction: Array) -> Array:
        return jax.jvp(lambda v: expected(prepared, v), (at,), (direction,))[1]

    n = plan.n_params
    number = None if plan.lite is None else plan.lite.number
    at_local = None if plan.local is None else plan.local.at

    def direction(of_lite: Array, of_local: Array) -> Array:
        moved = jnp.zeros_like(at)
        if number is not None:
            moved = moved.at[n + number].set(of_lite)
        return moved if at_local is None else moved.at[at_local].set(of_local)

    def of_dense(k: Array) -> Array:
        follows = direction(reaction.lite_by_dense[:, k], reaction.local_by_dense[:, k])
        return push(follows.at[plan.dense[k]].set(1.0))

    shifts = jax.lax.map(of_dense, jnp.arange(plan.n_dense))
    variance = jnp.einsum("kb,kl,lb->b", shifts, covariance, shifts)
    # Eliminated parameters touch one bin each: one push moves those of all bins without mixing them.
    none = jnp.zeros_like(reaction.local)
    variance += push(direction(jnp.sqrt(reaction.lite_own), none)) ** 2
    if plan.local is not None:
        n_places = plan.geometry.n_tiles * plan.geometry.width
        slot = plan.local.to_flat // n_places
        nothing = jnp.zeros_like(reaction.lite)
        for k in range(plan.local.n_slots):
            own = jnp.where(slot == k, jnp.sqrt(reaction.local_own), 0.0)
            variance += push(direction(nothing, own)) ** 2
        variance -= push(direction(nothing, reaction.local_spread)) ** 2
    return Band(expected(prepared, at), jnp.sqrt(jnp.maximum(variance, 0.0)))


def prefit_band(prepared: Prepared, values: Array, widths: Array) -> Band:
    """Pre-fit expectation with the uncertainty from the constraints, correlations included.

    ``widths`` (param,) are pre-fit uncertainties, 0 for free and for held parameters.
    """
    plan = prepared.plan
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
    if plan.bins is not None:
        tau = auxiliary_counts(prepared)
        counting = (plan.bins.counting > 0) & (tau > 0.0)
        own = jnp.where(counting, 1.0 / jnp.sqrt(jnp.where(counting, tau, 1.0)), 1.0)
        slot = resolve(plan.bins.slot)
        for k in range(plan.bins.n_slots):
            moved = jnp.concatenate([jnp.zeros(plan.n_params), jnp.where(slot == k, own, 0.0)])
            variance += push(moved) ** 2
    return Band(expected(prepared, at), jnp.sqrt(variance))
