"""Jacobians of a large model: of a few tiles at a time, without their empty columns.

The same pieces as in :mod:`.expectation`, with the *members* of a tile's group, the parameters that act
there, in place of all dense parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array, PyTree
from ..effects import factor
from ..montecarlo import lite
from ..prepared import GroupPlan, Plan
from . import expectation, local, objective
from .derived import Derived
from .objective import Problem

__all__ = [
    "At",
    "Rows",
    "Slopes",
    "Weights",
    "everything_at",
    "groups_of",
    "jacobians",
    "over_tiles",
    "row_derivatives",
    "slopes",
    "take",
    "weights_of",
]

_BINS = 256
"""Bins that are worked on together, at least."""


class At(NamedTuple):
    """Everything at a point but what has parameters as an axis."""

    state: expectation.State
    p: Array
    y: Array | None
    moments: expectation.Moments
    terms: lite.BinTerms
    by_bin: lite.Derivatives
    moved: Array | None
    response: local.Response | None


def everything_at(problem: Problem, z: Array) -> At:
    """Evaluate everything that has no parameters as an axis."""
    derived = problem.derived
    state = expectation.evaluate(derived, objective._with_dense(problem, z))
    moments = expectation.sums(derived, state)
    y = objective._solve_local(problem, moments)
    v = objective._applied(problem, moments, y)
    terms = lite.solve(v, moments.variance, problem.bins)
    by_bin = lite.derivatives(terms, problem.bins)
    moved, response = None, None
    if problem.locals_ is not None and y is not None and moments.parts is not None:
        moved = y - problem.locals_.centre
        response = local.respond(y, moments.parts, by_bin.vv, problem.locals_)
    p = objective._assemble(problem, z, y)
    return At(state, p, y, moments, terms, by_bin, moved, response)


@pytree_dataclass
class Rows:
    """dF = E (P L + D) as in :mod:`.expectation`, (row, member)."""

    log: Array
    plain: Array
    full: Array
    position: Array
    """(group, dense + 1): the place among the members, their number for what is none."""


def groups_of(plan: Plan) -> GroupPlan:
    """The groups of a large model."""
    assert plan.groups is not None
    return plan.groups


def row_derivatives(plan: Plan, state: expectation.State) -> Rows:
    """The derivatives of the rows' factors by the members of their groups."""
    groups = groups_of(plan)
    n_groups, size = groups.members.shape
    structured = size - plan.by_autodiff.shape[0]
    place = jnp.full((n_groups, plan.n_dense + 1), size)
    every_group = jnp.arange(n_groups)[:, None]
    place = place.at[every_group, groups.members[:, :structured]].set(jnp.arange(structured))
    position = place.at[:, plan.n_dense].set(size)
    log, plain = jnp.zeros((plan.rows.n_rows, size)), jnp.zeros((plan.rows.n_rows, size))
    if state.terms is not None:
        at = position[groups.of_row[state.terms.row], plan.column[state.terms.param]]
        log = log.at[state.terms.row, at].add(state.terms.slope, mode="drop")
    every = jnp.arange(plan.rows.n_rows)
    for q in range(state.factors.shape[1]):
        others = factor.products_without(state.factors, (q,))
        if state.source.slope is not None:
            others = others * state.source.slope[plan.factors.row[:, q]]
        at = position[groups.of_row, expectation._factor_column(plan, state, q)]
        plain = plain.at[every, at].add(others, mode="drop")
    full = state.exponential[:, None] * (state.plain[:, None] * log + plain)
    return Rows(log=log, plain=plain, full=full, position=position)


class Weights(NamedTuple):
    """(row tile, width): what multiplies dF and db in each Jacobian."""

    shaped: Array
    by_row: Array
    variance: Array | None
    part: Array | None
    """(part, width)"""
    part_of: Array | None
    """(slot, row tile): the part there that is multiplied, the number of parts where none is."""
    tangents: expectation.Moments | None
    """(autodiff, ...) of the moments, by automatic differentiation."""


def weights_of(derived: Derived, at: At) -> Weights:
    """What the Jacobians of all tiles are made of."""
    plan, state = derived.plan, at.state
    by_row = expectation.scales(derived, state)
    shaped = state.bin_factor * state.base
    variance = None
    if plan.lite is not None and plan.lite.any_process:
        variance = expectation._variance_weights(derived, state)
    part = part_of = None
    if plan.local is not None:
        placed = plan.local
        part = shaped[placed.row_tile] * placed.covers
        multiplied = slice(placed.n_multiplied)
        if derived.part_error is not None:
            shifting = state.bin_factor[placed.row_tile[placed.n_multiplied :]] * derived.part_error
            part = jnp.concatenate([part[multiplied], shifting])
        # A row may be in different slots in different bins.
        n_parts = placed.row_tile.shape[0]
        at_part = placed.slot[multiplied], placed.row_tile[multiplied]
        part_of = jnp.full((placed.n_slots, by_row.shape[0]), n_parts)
        part_of = part_of.at[at_part].set(jnp.arange(placed.n_multiplied))
    tangents = None
    if plan.by_autodiff.shape[0]:
        directions = jax.nn.one_hot(plan.dense[plan.by_autodiff], plan.n_params, dtype=at.p.dtype)
        tangents = jax.lax.map(
            lambda e: jax.jvp(lambda p: expectation.moments(derived, p), (at.p,), (e,))[1], directions
        )
    return Weights(shaped, by_row, variance, part, part_of, tangents)


def take(values: Array, at: Array) -> Array:
    """Rows of an array, 0 beyond its end."""
    return values.at[at].get(mode="fill", fill_value=0.0)


def jacobians(
    derived: Derived, state: expectation.State, rows: Rows, weights: Weights, tiles: Array
) -> expectation.Jacobians:
    """The Jacobians of some tiles, (tile, member, width); of tiles beyond the last zero."""
    plan = derived.plan
    groups = groups_of(plan)
    n_rows = plan.rows.n_rows
    slots = plan.rows.slots.at[tiles].get(mode="fill", fill_value=plan.rows.row.shape[0])
    dF = take(rows.full, plan.rows.row.at[slots].get(mode="fill", fill_value=n_rows))
    v = jnp.einsum("asw,ask->akw", take(weights.shaped, slots), dF)
    parts = variance = None
    if weights.variance is not None and plan.lite is not None:
        follows = take(plan.lite.has_parameter * (1.0 - plan.lite.total), tiles)
        variance = jnp.einsum("asw,ask->akw", take(weights.variance, slots), dF) * follows[:, None]
    if plan.local is not None:
        parts = _part_jacobians(plan, rows, weights, tiles)
    if plan.shape is not None and groups.shape_blocks.shape[1]:
        assert derived.shape is not None
        assert derived.shape.odd is not None
        assert derived.shape.even is not None
        assert state.shift is not None
        n_blocks = plan.shape.row_tile.shape[0]
        blocks = groups.shape_blocks.at[tiles].get(mode="fill", fill_value=n_blocks)
        row_tile = plan.shape.row_tile.at[blocks].get(mode="fill", fill_value=0)
        odd, even = (take(c[1], blocks)[..., None] for c in (state.shift.odd, state.shift.even))
        slopes = odd * take(derived.shape.odd, blocks) + even * take(derived.shape.even, blocks)
        moved = (weights.by_row * state.open)[row_tile] * slopes
        column = plan.column[plan.shape.group_param[take(plan.shape.group, blocks)]]
        place = rows.position[take(groups.of_tile, tiles)[:, None], column]
        every = jnp.arange(tiles.shape[0])[:, None]
        v = v.at[every, place].add(moved, mode="drop")
        if parts is not None and plan.local is not None and weights.part_of is not None:
            of_slots = moved * take(plan.local.covers, weights.part_of[:, row_tile])
            parts = parts.at[:, every, place].add(of_slots, mode="drop")
    return _with_tangents(plan, weights.tangents, tiles, expectation.Jacobians(v, parts, variance))


def _part_jacobians(plan: Plan, rows: Rows, weights: Weights, tiles: Array) -> Array:
    """(slot, tile, member, width)"""
    assert plan.local is not None
    assert weights.part is not None
    placed = plan.local
    n_parts = placed.row_tile.shape[0]
    by_slot = placed.members.reshape(placed.n_slots, plan.geometry.n_tiles, -1)
    parts = by_slot.at[:, tiles].get(mode="fill", fill_value=n_parts)
    row_tile = placed.row_tile.at[parts].get(mode="fill", fill_value=plan.rows.row.shape[0])
    row = plan.rows.row.at[row_tile].get(mode="fill", fill_value=plan.rows.n_rows)
    return jnp.einsum("satw,satk->sakw", take(weights.part, parts), take(rows.full, row))


def _with_tangents(
    plan: Plan, tangents: expectation.Moments | None, tiles: Array, found: expectation.Jacobians
) -> expectation.Jacobians:
    """The last members, those with automatic derivatives."""
    if tangents is None:
        return found
    columns = found.v.shape[1] - plan.by_autodiff.shape[0] + jnp.arange(plan.by_autodiff.shape[0])

    def of_tiles(values: Array, axis: int) -> Array:
        return jnp.moveaxis(jnp.take(values, tiles, axis=axis, mode="fill", fill_value=0.0), 0, axis)

    v = found.v.at[:, columns].set(of_tiles(tangents.v, 1))
    parts, variance = found.parts, found.variance
    if parts is not None and tangents.parts is not None:
        parts = parts.at[:, :, columns].set(of_tiles(tangents.parts, 2))
    if variance is not None:
        variance = variance.at[:, columns].set(of_tiles(tangents.variance, 1))
    return expectation.Jacobians(v, parts, variance)


class Slopes(NamedTuple):
    """Of some tiles, (tile, member, width)."""

    constant: Array
    """Of the yield with the local parameters where they are."""
    following: Array
    """Less what the local parameters take up: J - alpha q."""
    parts: Array | None
    variance: Array | None


def slopes(jac: expectation.Jacobians, at: At, tiles: Array) -> Slopes:
    """The Jacobians of some tiles, with the local parameters following."""
    if at.moved is None or at.response is None or jac.parts is None:
        return Slopes(jac.v, jac.v, None, jac.variance)
    moved, pull = (
        jnp.take(x, tiles, axis=1, mode="fill", fill_value=0.0) for x in (at.moved, at.response.pull)
    )
    constant = jac.v + jnp.einsum("saw,sakw->akw", moved, jac.parts)
    by_v = take(at.by_bin.by_v, tiles)
    following = constant - by_v[:, None] * jnp.einsum("saw,sakw->akw", pull, jac.parts)
    return Slopes(constant, following, jac.parts, jac.variance)


def over_tiles(plan: Plan, fn: Callable[[PyTree, Array], PyTree], start: PyTree) -> PyTree:
    """``fn(carried, tiles)`` over all tiles, some at a time."""
    together = max(1, _BINS // plan.geometry.width)
    n_chunks = -(-plan.geometry.n_tiles // together)
    tiles = jnp.arange(n_chunks * together).reshape(n_chunks, together)
    return jax.lax.scan(lambda carried, at: (fn(carried, at), None), start, tiles)[0]
