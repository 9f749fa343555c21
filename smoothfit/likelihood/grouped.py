"""The objective of a large model: Jacobians of one tile at a time, without their empty columns.

The same pieces as in :mod:`.expectation` and :mod:`.objective`, with the *members* of a tile's group, the
parameters that act there, in place of all dense parameters. A Jacobian is made tile by tile and used at
once: what it adds to the gradient and to the Hessian stays, a block a group. Nothing is of the size
bins x parameters, and only :meth:`.BlockMatrix.dense` of the size parameters x parameters.
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
from . import constraint, expectation, local, objective
from .block_matrix import BlockMatrix
from .derived import Derived
from .objective import Problem

__all__ = [
    "GroupedEvaluation",
    "curvature_probes",
    "eliminated_variances",
    "evaluate",
    "local_by_dense",
    "own",
]

_BINS = 256
"""Bins that are worked on together, at least."""


class GroupedEvaluation(NamedTuple):
    """The objective at a point."""

    value: Array
    gradient: Array
    """(dense,)"""
    hessian: BlockMatrix
    convex: BlockMatrix
    """Without the curvature of the yields and what local parameters take up (Gauss and Newton's)."""
    y: Array | None
    """(slot, tile, width): the local parameters; None without them."""
    eliminated: objective.Sensitivity
    """Without the derivatives by the dense parameters."""


class _At(NamedTuple):
    """Everything at a point but what has parameters as an axis."""

    state: expectation.State
    p: Array
    y: Array | None
    moments: expectation.Moments
    terms: lite.BinTerms
    by_bin: lite.Derivatives
    moved: Array | None
    response: local.Response | None


def _at(problem: Problem, z: Array) -> _At:
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
    return _At(state, p, y, moments, terms, by_bin, moved, response)


@pytree_dataclass
class _Rows:
    """dF = E (P L + D) as in :mod:`.expectation`, (row, member)."""

    log: Array
    plain: Array
    full: Array
    position: Array
    """(group, dense + 1): the place among the members, their number for what is none."""


def _groups(plan: Plan) -> GroupPlan:
    assert plan.groups is not None
    return plan.groups


def _row_derivatives(plan: Plan, state: expectation.State) -> _Rows:
    groups = _groups(plan)
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
    return _Rows(log=log, plain=plain, full=full, position=position)


class _Weights(NamedTuple):
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


def _weights(derived: Derived, at: _At) -> _Weights:
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
    return _Weights(shaped, by_row, variance, part, part_of, tangents)


def _take(values: Array, at: Array) -> Array:
    """Rows of an array, 0 beyond its end."""
    return values.at[at].get(mode="fill", fill_value=0.0)


def _jacobians(
    derived: Derived, state: expectation.State, rows: _Rows, weights: _Weights, tiles: Array
) -> expectation.Jacobians:
    """The Jacobians of some tiles, (tile, member, width); of tiles beyond the last zero."""
    plan = derived.plan
    groups = _groups(plan)
    n_rows = plan.rows.n_rows
    slots = plan.rows.slots.at[tiles].get(mode="fill", fill_value=plan.rows.row.shape[0])
    dF = _take(rows.full, plan.rows.row.at[slots].get(mode="fill", fill_value=n_rows))
    v = jnp.einsum("asw,ask->akw", _take(weights.shaped, slots), dF)
    parts = variance = None
    if weights.variance is not None and plan.lite is not None:
        follows = _take(plan.lite.has_parameter * (1.0 - plan.lite.total), tiles)
        variance = jnp.einsum("asw,ask->akw", _take(weights.variance, slots), dF) * follows[:, None]
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
        odd, even = (_take(c[1], blocks)[..., None] for c in (state.shift.odd, state.shift.even))
        slopes = odd * _take(derived.shape.odd, blocks) + even * _take(derived.shape.even, blocks)
        moved = (weights.by_row * state.open)[row_tile] * slopes
        column = plan.column[plan.shape.group_param[_take(plan.shape.group, blocks)]]
        place = rows.position[_take(groups.of_tile, tiles)[:, None], column]
        every = jnp.arange(tiles.shape[0])[:, None]
        v = v.at[every, place].add(moved, mode="drop")
        if parts is not None and plan.local is not None and weights.part_of is not None:
            of_slots = moved * _take(plan.local.covers, weights.part_of[:, row_tile])
            parts = parts.at[:, every, place].add(of_slots, mode="drop")
    return _with_tangents(plan, weights.tangents, tiles, expectation.Jacobians(v, parts, variance))


def _part_jacobians(plan: Plan, rows: _Rows, weights: _Weights, tiles: Array) -> Array:
    """(slot, tile, member, width)"""
    assert plan.local is not None
    assert weights.part is not None
    placed = plan.local
    n_parts = placed.row_tile.shape[0]
    by_slot = placed.members.reshape(placed.n_slots, plan.geometry.n_tiles, -1)
    parts = by_slot.at[:, tiles].get(mode="fill", fill_value=n_parts)
    row_tile = placed.row_tile.at[parts].get(mode="fill", fill_value=plan.rows.row.shape[0])
    row = plan.rows.row.at[row_tile].get(mode="fill", fill_value=plan.rows.n_rows)
    return jnp.einsum("satw,satk->sakw", _take(weights.part, parts), _take(rows.full, row))


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


class _Slopes(NamedTuple):
    """Of some tiles, (tile, member, width)."""

    constant: Array
    """Of the yield with the local parameters where they are."""
    following: Array
    """Less what the local parameters take up: J - alpha q."""
    parts: Array | None
    variance: Array | None


def _slopes(jac: expectation.Jacobians, at: _At, tiles: Array) -> _Slopes:
    if at.moved is None or at.response is None or jac.parts is None:
        return _Slopes(jac.v, jac.v, None, jac.variance)
    moved, pull = (
        jnp.take(x, tiles, axis=1, mode="fill", fill_value=0.0) for x in (at.moved, at.response.pull)
    )
    constant = jac.v + jnp.einsum("saw,sakw->akw", moved, jac.parts)
    by_v = _take(at.by_bin.by_v, tiles)
    following = constant - by_v[:, None] * jnp.einsum("saw,sakw->akw", pull, jac.parts)
    return _Slopes(constant, following, jac.parts, jac.variance)


def _over_tiles(plan: Plan, fn: Callable[[PyTree, Array], PyTree], start: PyTree) -> PyTree:
    """``fn(carried, tiles)`` over all tiles, some at a time."""
    together = max(1, _BINS // plan.geometry.width)
    n_chunks = -(-plan.geometry.n_tiles // together)
    tiles = jnp.arange(n_chunks * together).reshape(n_chunks, together)
    return jax.lax.scan(lambda carried, at: (fn(carried, at), None), start, tiles)[0]


def evaluate(problem: Problem, z: Array) -> GroupedEvaluation:
    """Value, gradient and Hessian by the dense parameters, everything else eliminated."""
    derived = problem.derived
    plan = derived.plan
    groups = _groups(plan)
    at = _at(problem, z)
    rows, weights = _row_derivatives(plan, at.state), _weights(derived, at)
    n_groups, size = groups.members.shape

    def add(carried: tuple[Array, ...], tiles: Array) -> tuple[Array, ...]:
        jac = _slopes(_jacobians(derived, at.state, rows, weights, tiles), at, tiles)
        by_v, curve = (_take(x, tiles) for x in (at.by_bin.by_v, at.by_bin.vv))
        if at.response is not None:
            curve = _take(at.response.reduced, tiles)
        slope = jnp.einsum("akw,aw->ak", jac.constant, by_v)
        squares = jnp.einsum("akw,alw->akl", jac.following, jac.following * curve[:, None])
        curved = jnp.zeros_like(squares)
        if jac.variance is not None:
            by_variance, v_var, var_var = (
                _take(x, tiles) for x in (at.by_bin.by_variance, at.by_bin.v_var, at.by_bin.var_var)
            )
            slope += jnp.einsum("akw,aw->ak", jac.variance, by_variance)
            crossed = jac.following * v_var[:, None] + 0.5 * jac.variance * var_var[:, None]
            half = jnp.einsum("akw,alw->akl", jac.variance, crossed)
            curved += half + jnp.swapaxes(half, 1, 2)
        if jac.parts is not None and at.response is not None:
            inverse = jnp.take(at.response.inverse, tiles, axis=1, mode="fill", fill_value=0.0)
            stiff = (inverse * by_v**2)[:, :, None] * jac.parts
            curved -= jnp.einsum("sakw,salw->akl", jac.parts, stiff)
        group = groups.of_tile.at[tiles].get(mode="fill", fill_value=n_groups)
        found = slope, squares, curved
        return tuple(
            total.at[group].add(part, mode="drop") for total, part in zip(carried, found, strict=True)
        )

    empty = jnp.zeros((n_groups, size, size))
    nothing = jnp.zeros((n_groups, size)), empty, _row_blocks(derived, at, rows)
    slope, squares, curved = _over_tiles(plan, add, nothing)
    gradient = jax.ops.segment_sum(slope.ravel(), groups.members.ravel(), plan.n_dense)
    of_constraints, diagonal = constraint.separate_derivatives(derived, at.p, problem.param_globs)
    gradient += of_constraints[plan.dense]
    more = []
    if derived.correlated_precision is not None:
        more.append((plan.column[plan.constraint.correlated], derived.correlated_precision))
    if plan.constraint.terms:
        extra, member, of_terms = constraint.user_block(derived, at.p, problem.counts, problem.globs)
        gradient += extra
        more.append((jnp.append(plan.column, plan.n_dense)[member], of_terms))

    def matrix(blocks: Array, rows: Array) -> BlockMatrix:
        return BlockMatrix(
            members=groups.members,
            blocks=0.5 * (blocks + jnp.swapaxes(blocks, 1, 2)),
            diagonal=diagonal[plan.dense],
            more=tuple(more),
            row_of=plan.by_autodiff,
            rows=rows,
        )

    of_autodiff = _autodiff_rows(derived, at)
    return GroupedEvaluation(
        value=lite.value(at.terms, problem.bins) + objective._of_constraints(problem, at.p, at.y),
        gradient=gradient,
        hessian=matrix(squares + curved, of_autodiff),
        convex=matrix(squares, jnp.zeros_like(of_autodiff)),
        y=at.y,
        eliminated=_own(problem, at),
    )


def _own(problem: Problem, at: _At) -> objective.Sensitivity:
    plan = problem.derived.plan
    empty, no_rows = jnp.zeros(0), jnp.zeros((0, plan.n_dense))
    found = dict.fromkeys(("lite", "lite_own", "local", "local_own", "local_spread"), empty)
    if plan.local is not None and at.y is not None and at.response is not None:
        where = plan.local.to_flat
        found["local"], found["local_own"] = at.y.ravel()[where], at.response.inverse.ravel()[where]
        found["local_spread"] = at.response.spread.ravel()[where]
    if plan.lite is not None:
        where = plan.lite.to_flat
        own = lite.response(at.terms, problem.bins).own_variance
        found["lite"], found["lite_own"] = at.terms.x.ravel()[where], own.ravel()[where]
    smallest = jnp.min(jnp.where(problem.bins.valid > 0, at.terms.nu, jnp.inf))
    return objective.Sensitivity(smallest_nu=smallest, lite_by_dense=no_rows, local_by_dense=no_rows, **found)


def _row_blocks(derived: Derived, at: _At, rows: _Rows) -> Array:
    """(group, member, member): the curvature of the moments by structure, each times its weight."""
    plan, state = derived.plan, at.state
    groups = _groups(plan)
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
    of_group = lambda x: _take(x, members)  # noqa: E731
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
    return blocks


def _factor_blocks(plan: Plan, state: expectation.State, rows: _Rows, weight: Array) -> Array:
    """sum_r weight_r d2F_r of each group."""
    groups = _groups(plan)
    exponential = weight * state.exponential
    log, plain = _take(rows.log, groups.rows), _take(rows.plain, groups.rows)
    cross = jnp.einsum("gra,gr,grb->gab", log, _take(exponential, groups.rows), plain)
    on_log = _take(exponential * state.plain, groups.rows)
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


def _with_shapes(derived: Derived, state: expectation.State, rows: _Rows, w: Array, blocks: Array) -> Array:
    """Terms with a derivative of the morphed templates, contracted over bins first."""
    plan = derived.plan
    groups = _groups(plan)
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
    cross = jnp.einsum("gra,grb->gab", _take(rows.full, groups.rows), _take(dY, groups.rows))
    blocks += cross + jnp.swapaxes(cross, 1, 2)
    return blocks.at[groups.of_row[row], place, place].add(state.row_factor[row] * second, mode="drop")


def _autodiff_rows(derived: Derived, at: _At) -> Array:
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


def eliminated_variances(problem: Problem, z: Array, covariance: Array) -> tuple[Array, Array]:
    """(lite parameter,), (local parameter,): variances from the covariance (dense, dense) of the others."""
    plan = problem.derived.plan
    groups = _groups(plan)
    padded = groups.members.at[groups.of_tile].get(mode="fill")

    def variances(following: Array, tiles: Array) -> Array:
        at = _take(padded, tiles)
        inside = (at < plan.n_dense)[:, :, None] & (at < plan.n_dense)[:, None]
        of_tile = jnp.where(inside, covariance[at[:, :, None], at[:, None]], 0.0)
        return jnp.einsum("...akw,akl,...alw->...aw", following, of_tile, following)

    def add(found: tuple[Array, Array], by_dense: _Following, tiles: Array) -> tuple[Array, Array]:
        of_lite, of_local = found
        if by_dense.lite is not None:
            of_lite = of_lite.at[tiles].set(variances(by_dense.lite, tiles), mode="drop")
        if by_dense.local is not None:
            of_local = of_local.at[:, tiles].set(variances(by_dense.local, tiles), mode="drop")
        return of_lite, of_local

    shape = (plan.geometry.n_tiles, plan.geometry.width)
    n_slots = 0 if plan.local is None else plan.local.n_slots
    of_lite, of_local = _followed(problem, z, add, (jnp.zeros(shape), jnp.zeros((n_slots, *shape))))
    lite_at = jnp.zeros(0, int) if plan.lite is None else plan.lite.to_flat
    local_at = jnp.zeros(0, int) if plan.local is None else plan.local.to_flat
    return of_lite.ravel()[lite_at], of_local.ravel()[local_at]


def local_by_dense(problem: Problem, z: Array) -> Array:
    """(param, dense): how local parameters follow the dense ones; 0 for all others."""
    plan = problem.derived.plan
    groups = _groups(plan)
    assert plan.local is not None
    position = plan.local.position

    def add(found: Array, by_dense: _Following, tiles: Array) -> Array:
        param = jnp.take(position, tiles, axis=1, mode="fill", fill_value=plan.n_params)
        member = groups.members.at[_take(groups.of_tile, tiles)].get()
        at = param[:, :, None, :], member[None, :, :, None]
        return found if by_dense.local is None else found.at[at].add(by_dense.local, mode="drop")

    return _followed(problem, z, add, jnp.zeros((plan.n_params, plan.n_dense)))


def own(problem: Problem, z: Array) -> tuple[Array | None, objective.Sensitivity]:
    """The local parameters at a point, and what is known of the eliminated ones without the others."""
    at = _at(problem, z)
    return at.y, _own(problem, at)


def curvature_probes(problem: Problem, z: Array, probes: Array) -> Array:
    """(dense,): the diagonal of J^T w J, w the bins' second derivatives, by random signs.

    ``probes`` are the signs, (probe, tile, width).
    Its expectation is exact, and no estimate of it is negative (Hutchinson).
    """
    derived = problem.derived
    at = _at(problem, z)
    curve = at.by_bin.vv if at.response is None else at.response.reduced
    root = jnp.sqrt(jnp.maximum(curve, 0.0))

    def yields(z: Array) -> Array:
        return expectation.moments(derived, objective._with_dense(problem, z)).v

    _, pull = jax.vjp(yields, z)
    return jnp.mean(jax.lax.map(lambda signs: pull(root * signs)[0] ** 2, probes), axis=0)


class _Following(NamedTuple):
    """How eliminated parameters of some tiles follow the members of their group."""

    lite: Array | None
    """(tile, member, width)"""
    local: Array | None
    """(slot, tile, member, width)"""


def _followed(
    problem: Problem, z: Array, add: Callable[[PyTree, _Following, Array], PyTree], start: PyTree
) -> PyTree:
    """``add(carried, following, tiles)`` over all tiles."""
    derived = problem.derived
    plan = derived.plan
    at = _at(problem, z)
    rows, weights = _row_derivatives(plan, at.state), _weights(derived, at)
    reaction = None if plan.lite is None else lite.response(at.terms, problem.bins)

    def of_tiles(carried: PyTree, tiles: Array) -> PyTree:
        jac = _slopes(_jacobians(derived, at.state, rows, weights, tiles), at, tiles)
        of_lite = of_local = None
        if reaction is not None:
            of_lite = _take(reaction.by_v, tiles)[:, None] * jac.following
            if jac.variance is not None:
                of_lite += _take(reaction.by_variance, tiles)[:, None] * jac.variance
        if at.response is not None and jac.parts is not None:
            by_v = _take(at.by_bin.by_v, tiles)
            inverse, gain = (
                jnp.take(x, tiles, axis=1, mode="fill", fill_value=0.0)
                for x in (at.response.inverse, at.response.gain)
            )
            of_local = -(inverse * by_v)[:, :, None] * jac.parts - gain[:, :, None] * jac.following
        return add(carried, _Following(of_lite, of_local), tiles)

    return _over_tiles(plan, of_tiles, start)
