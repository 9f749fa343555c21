"""Predicted yields: of every bin, of every process, and their uncertainties."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass, resolve, static
from .._types import Array, IndexArray
from ..likelihood import expectation, objective
from ..likelihood.derived import Derived, auxiliary_counts, derive
from ..montecarlo.lite import NO_ERROR
from ..prepared import Data, Fixed, Plan, Prepared

__all__ = [
    "Band",
    "Groups",
    "band",
    "channel_sums",
    "expected",
    "prefit_band",
    "process_bins",
    "row_yields",
    "split_values",
]


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


@pytree_dataclass
class Groups:
    """What yields are summed over: the processes of rows, the channels of bins."""

    process: IndexArray
    """(row tile,)"""
    channel: IndexArray
    """(bin,)"""
    n_processes: int = static()
    n_channels: int = static()


class Band(NamedTuple):
    """Variances of expected events, by linear propagation; the last row is that of the total."""

    bins: Array
    """(process + 1, bin)"""
    channels: Array
    """(process + 1, channel): of sums over the bins of a channel, with the correlations between them."""


def process_bins(prepared: Prepared, groups: Groups, values: Array) -> Array:
    """(process + 1, bin): expected events of every process, and in total."""
    geometry = resolve(prepared.plan.geometry)
    rows, tile = row_yields(prepared, values), resolve(prepared.plan.rows.tile)
    target = groups.process * geometry.n_tiles + tile
    summed = jax.ops.segment_sum(rows, target, groups.n_processes * geometry.n_tiles)
    flat = summed.reshape(groups.n_processes, -1)[:, geometry.to_flat]
    return jnp.concatenate([flat, flat.sum(axis=0, keepdims=True)])


def channel_sums(groups: Groups, bins: Array) -> Array:
    """(..., channel) from (..., bin)."""
    summed = jax.ops.segment_sum(jnp.moveaxis(bins, -1, 0), groups.channel, groups.n_channels)
    return jnp.moveaxis(summed, 0, -1)


def _propagate(
    prepared: Prepared,
    groups: Groups,
    at: Array,
    direction: Callable[[Array], Array],
    n_directions: int,
    separate: list[Array],
    shared: Array | None,
) -> Band:
    """Variances from directions in which everything moves by one standard deviation.

    ``direction(k)`` moves what all bins have in common; each of ``separate`` moves parameters of single bins,
    one a bin, which are independent between bins; ``shared`` is what those of one bin have in common, and
    counts negative.
    """

    def push(moved: Array) -> Array:
        return jax.jvp(lambda v: process_bins(prepared, groups, v), (at,), (moved,))[1]

    def add(k: Array, band: Band) -> Band:
        shift = push(direction(k))
        return Band(band.bins + shift**2, band.channels + channel_sums(groups, shift) ** 2)

    nothing = Band(
        jnp.zeros((groups.n_processes + 1, groups.channel.shape[0])),
        jnp.zeros((groups.n_processes + 1, groups.n_channels)),
    )
    band = jax.lax.fori_loop(0, n_directions, add, nothing)
    of_bins = jnp.zeros_like(band.bins)
    if separate:
        of_bins = jnp.sum(jax.lax.map(lambda moved: push(moved) ** 2, jnp.stack(separate)), axis=0)
    if shared is not None:
        of_bins = of_bins - push(shared) ** 2
    return Band(band.bins + of_bins, band.channels + channel_sums(groups, of_bins))


def band(prepared: Prepared, groups: Groups, data: Data, fixed: Fixed, values: Array, root: Array) -> Band:
    """Post-fit variances of the expectation, from the covariance of all parameters.

    Parameters
    ----------
    values
        (param + bin param,): the fit.
    root
        (dense, dense): R with R R^T the covariance of the dense parameters.
    """
    n = prepared.plan.n_params
    problem = objective.pose(prepared, data, fixed, values[:n])
    plan = problem.derived.plan
    found = objective.evaluate(problem, objective.dense_start(problem))
    reaction = objective.eliminated(problem, found.y, found.reaction)
    number = None if plan.lite is None else plan.lite.number
    at_local = None if plan.local is None else plan.local.at

    def eliminated(of_lite: Array, of_local: Array) -> Array:
        moved = jnp.zeros_like(values)
        if number is not None:
            moved = moved.at[n + number].set(of_lite)
        return moved if at_local is None else moved.at[at_local].set(of_local)

    def of_dense(k: Array) -> Array:
        dz = root[:, k]
        return eliminated(reaction.lite_by_dense @ dz, reaction.local_by_dense @ dz).at[plan.dense].set(dz)

    no_local, no_lite = jnp.zeros_like(reaction.local), jnp.zeros_like(reaction.lite)
    separate, shared = [], None
    if plan.lite is not None:
        separate.append(eliminated(jnp.sqrt(reaction.lite_own), no_local))
    if plan.local is not None:
        slot = plan.local.to_flat // (plan.geometry.n_tiles * plan.geometry.width)
        for k in range(plan.local.n_slots):
            own = jnp.where(slot == k, jnp.sqrt(reaction.local_own), 0.0)
            separate.append(eliminated(no_lite, own))
        shared = eliminated(no_lite, reaction.local_spread)
    return _propagate(prepared, groups, values, of_dense, plan.n_dense, separate, shared)


def prefit_band(prepared: Prepared, groups: Groups, values: Array, root: Array) -> Band:
    """Pre-fit variances of the expectation, from the constraints, correlations included.

    ``root`` (param, param) is R with R R^T the covariance of the constraints, 0 for free and held parameters.
    """
    plan = prepared.plan
    p, x = split_values(plan, values)
    at = jnp.concatenate([p, x])

    def of_param(k: Array) -> Array:
        return jnp.concatenate([root[:, k], jnp.zeros_like(x)])

    separate = []
    if plan.bins is not None:
        tau = auxiliary_counts(prepared)
        counting = (plan.bins.counting > 0) & (tau > 0.0)
        own = jnp.where(counting, 1.0 / jnp.sqrt(jnp.where(counting, tau, 1.0)), 1.0)
        slot = resolve(plan.bins.slot)
        for k in range(plan.bins.n_slots):
            separate.append(jnp.concatenate([jnp.zeros_like(p), jnp.where(slot == k, own, 0.0)]))
    return _propagate(prepared, groups, at, of_param, plan.n_params, separate, None)
