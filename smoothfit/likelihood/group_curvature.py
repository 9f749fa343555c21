"""The curvature of a large model's expectation, a block a group: as in :mod:`.expectation`, over members."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._types import Array
from ..effects import factor
from ..prepared import Plan
from . import expectation
from .derived import Derived
from .group_jacobians import At, Rows, groups_of, take

__all__ = ["autodiff_rows", "row_blocks"]


def row_blocks(derived: Derived, at: At, rows: Rows) -> Array:
    """(group, member, member): the curvature of the moments by structure, each times its weight."""
    plan, state = derived.plan, at.state
    groups = groups_of(plan)
    row, n_rows = plan.rows.row, plan.rows.n_rows
    by_v, by_variance = at.by_bin.by_v, at.by_bin.by_variance
    weight = by_v[plan.rows.tile]
    on_second = jnp.zeros(n_rows)
    if plan.local is not None and at.moved is not None:
        placed, multiplied = plan.local, slice(plan.local.n_multiplied)
        of_part = (at.moved * by_v)[placed.slot, plan.rows.tile[placed.row_tile]] * placed.covers
        weight = weight.at[placed.row_tile[multiplied]].add(of_part[multiplied])
        if derived.part_error is not None:
            shifting = placed.row_tile[placed.n_multiplied :]
            shifted = of_part[placed.n_multiplied :] * derived.part_error * state.bin_factor[shifting]
            on_second = jax.ops.segment_sum(shifted.sum(-1), row[shifting], n_rows)
    w = weight * state.bin_factor
    on_second += jax.ops.segment_sum((w * state.base).sum(-1), row, n_rows)
    members = groups.rows
    of_group = lambda x: take(x, members)  # noqa: E731
    blocks = jnp.zeros((members.shape[0], *2 * (rows.full.shape[1],)))
    full = of_group(rows.full)
    if plan.lite is not None and plan.variance is not None and plan.lite.any_process:
        first, second = plan.variance.first, plan.variance.second
        shared = by_variance[plan.rows.tile[first]] * state.bin_factor[first] * state.bin_factor[second]
        z = (shared * expectation._counted_twice(derived)).sum(-1)
        if plan.variance.covariances:
            # Rows of one group only share events: their places in the group are enough.
            place = jnp.zeros(n_rows, int).at[members].set(jnp.arange(members.shape[1]), mode="drop")
            at_group = groups.of_row[row[first]], place[row[first]], place[row[second]]
            of_rows = jnp.zeros((*members.shape, members.shape[1])).at[at_group].add(z)
            of_rows = of_rows + jnp.swapaxes(of_rows, 1, 2)
            pulled = jnp.einsum("grs,gs->gr", of_rows, of_group(state.row_factor))
            on_second = on_second.at[members].add(pulled, mode="drop")
            blocks += jnp.einsum("gra,grs,gsb->gab", full, of_rows, full)
        else:
            of_row = 2.0 * jax.ops.segment_sum(z, row[first], n_rows)
            on_second += of_row * state.row_factor
            blocks += jnp.einsum("gra,gr,grb->gab", full, of_group(of_row), full)
    blocks += _factor_blocks(plan, state, rows, on_second)
    if plan.shape is not None:
        blocks = _with_shapes(derived, state, rows, w, blocks)
    if state.rescaling is not None:
        row_of = state.rescaling.row
        place = rows.position[groups.of_row[row_of], plan.column[state.rescaling.param]]
        slopes = jnp.zeros_like(rows.full).at[row_of, place].add(state.rescaling.slope, mode="drop")
        weighted = take(on_second * state.row_factor, members)
        blocks += jnp.einsum("gra,gr,grb->gab", take(slopes, members), weighted, take(slopes, members))
    return blocks


def _factor_blocks(plan: Plan, state: expectation.State, rows: Rows, weight: Array) -> Array:
    """sum_r weight_r d2F_r of each group."""
    groups = groups_of(plan)
    exponential = weight * state.exponential
    log, plain = take(rows.log, groups.rows), take(rows.plain, groups.rows)
    cross = jnp.einsum("gra,gr,grb->gab", log, take(exponential, groups.rows), plain)
    on_log = take(exponential * state.plain, groups.rows)
    blocks = jnp.einsum("gra,gr,grb->gab", log, on_log, log) + cross + jnp.swapaxes(cross, 1, 2)
    if state.terms is not None:
        of = groups.of_row[state.terms.row]
        place = rows.position[of, plan.column[state.terms.param]]
        own = (weight * state.row_factor)[state.terms.row] * state.terms.curvature
        blocks = blocks.at[of, place, place].add(own, mode="drop")
    n_slots = state.factors.shape[1]
    slope, curvature = state.source.slope, state.source.curvature
    places = [
        rows.position[groups.of_row, expectation._factor_column(plan, state, q)] for q in range(n_slots)
    ]
    for q in range(n_slots):
        if curvature is not None:
            own = exponential * factor.products_without(state.factors, (q,))
            own = own * curvature[plan.factors.row[:, q]]
            blocks = blocks.at[groups.of_row, places[q], places[q]].add(own, mode="drop")
        for other in range(n_slots):
            if q == other:
                continue
            pair = exponential * factor.products_without(state.factors, (q, other))
            if slope is not None:
                pair = pair * slope[plan.factors.row[:, q]] * slope[plan.factors.row[:, other]]
            blocks = blocks.at[groups.of_row, places[q], places[other]].add(pair, mode="drop")
    return blocks


def _with_shapes(derived: Derived, state: expectation.State, rows: Rows, w: Array, blocks: Array) -> Array:
    """Terms with a derivative of the morphed templates, contracted over bins first."""
    plan = derived.plan
    groups = groups_of(plan)
    assert plan.shape is not None
    assert derived.shape is not None
    assert derived.shape.odd is not None
    assert derived.shape.even is not None
    assert state.shift is not None
    changes = plan.shape
    weights = (w * state.open)[changes.row_tile]
    odd, even = ((weights * x).sum(-1) for x in (derived.shape.odd, derived.shape.even))
    row = plan.rows.row[changes.row_tile]
    place = rows.position[groups.of_row[row], plan.column[changes.group_param[changes.group]]]
    slope, second = (state.shift.odd[k] * odd + state.shift.even[k] * even for k in (1, 2))
    dY = jnp.zeros_like(rows.full).at[row, place].add(slope, mode="drop")
    cross = jnp.einsum("gra,grb->gab", take(rows.full, groups.rows), take(dY, groups.rows))
    blocks += cross + jnp.swapaxes(cross, 1, 2)
    return blocks.at[groups.of_row[row], place, place].add(state.row_factor[row] * second, mode="drop")


def autodiff_rows(derived: Derived, at: At) -> Array:
    """(autodiff, dense): rows of the moments' curvature that structure does not cover."""
    plan = derived.plan
    if plan.by_autodiff.shape[0] == 0:
        return jnp.zeros((0, plan.n_dense))
    parts = None if at.moved is None else at.moved * at.by_bin.by_v
    weights = expectation.Moments(at.by_bin.by_v, parts, at.by_bin.by_variance)

    def contracted(p: Array) -> Array:
        found = expectation.moments(derived, p)
        total = jnp.sum(weights.v * found.v) + jnp.sum(weights.variance * found.variance)
        if found.parts is None or weights.parts is None:
            return total
        return total + jnp.sum(weights.parts * found.parts)

    directions = jax.nn.one_hot(plan.dense[plan.by_autodiff], plan.n_params, dtype=at.p.dtype)
    gradient = jax.grad(contracted)
    return jax.lax.map(lambda e: jax.jvp(gradient, (at.p,), (e,))[1], directions)[:, plan.dense]
