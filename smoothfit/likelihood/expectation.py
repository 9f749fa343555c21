"""The expectation of every bin, and its derivatives by structure.

A row tile's yield is u = F G b: F the row's factor (log-normals, scale factors), G bin-wise factors, b the
nominal yields plus shape changes. The bins need three sums over the rows of a tile: v = sum u, the
parts that the bin's local parameters act on, and the Monte Carlo variance V = sum of F G e F G e over
rows and pairs of correlated rows.

Jacobians follow from structure: rows contribute (G b) dF, shape changes F G db, each touching only what
exists. The curvature of sum_b (w v + w_V V) contracts templates over bins first; what remains is
small (rows x parameters). Parameters of user functions, and of factors shared between bins, get
their rows and columns from automatic differentiation of the same expectation.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..effects import RowTerms, concatenate, density, factor, row_effects, shape
from ..prepared import Plan
from .derived import Derived

__all__ = ["Jacobians", "Moments", "State", "curvature", "evaluate", "jacobians", "moments"]


class State(NamedTuple):
    """Intermediate results at one point that derivatives need."""

    terms: RowTerms | None
    exponential: Array
    """(row,): product of the log-normal factors."""
    factors: Array
    """(row, slot): the plain factors."""
    plain: Array
    row_factor: Array
    """(row,): F."""
    bin_factor: Array
    """(row tile, width): G."""
    base: Array
    """(row tile, width): b, the nominal yields with shape changes and added terms."""
    open: Array
    """(row tile, width): 1 where b is not floored."""
    shift: shape.Shift | None
    rescaling: RowTerms | None
    """What normalises densities again, a part of ``terms``: see :func:`rescaling_slopes`."""
    source: factor.Sources


class Moments(NamedTuple):
    """Sums over rows, (tile, width)."""

    v: Array
    """All yields with the local parameters at their centres."""
    parts: Array | None
    """(slot, tile, width): what the yield gains when a local parameter grows by 1."""
    variance: Array
    """V, for bins whose Monte Carlo error follows the processes."""


class Jacobians(NamedTuple):
    """Derivatives by the dense parameters, (dense, tile, width); None where there is nothing.

    Parameters come first: products over bins are then of rows with rows, which takes half the time.
    """

    v: Array
    parts: Array | None
    """(dense, slot, tile, width)"""
    variance: Array | None


def evaluate(derived: Derived, p: Array) -> State:
    """The factors and morphed templates at parameters ``p`` (param,)."""
    plan, templates = derived.plan, derived.templates
    found = row_effects.log_terms(plan.effects, derived.effects, p)
    base, is_open, shift, rescaling = templates.nominal, jnp.ones_like(templates.nominal), None, None
    logs = jnp.zeros(plan.rows.n_rows)
    if plan.shape is not None and derived.shape is not None:
        found = found + shape.log_terms(plan.shape, derived.shape, p)
        shift = shape.shift(plan.shape, derived.shape, p, plan.rows)
        base = shape.morphed(plan.shape, base, shift.change, plan.rows.row, plan.rows.n_rows)
        if plan.shape.any_floored:
            smallest = density.floor(plan.shape, derived.shape, plan.rows)
            floored = (plan.shape.floored[:, None] > 0) & (base < smallest)
            base = jnp.where(floored, smallest, base)
            is_open = jnp.where(floored, 0.0, 1.0)
        if plan.shape.any_density:
            logs, rescaling = density.rescale(
                plan.shape,
                derived.shape,
                shift,
                base,
                is_open,
                valid=plan.geometry.valid[plan.rows.tile],
                rows=plan.rows,
            )
            found = [*found, rescaling]
    univariate = concatenate(row_effects.plain_terms(plan.effects, derived.effects, p))
    source = factor.sources(plan.programs, templates.captured, univariate, p)
    if plan.additive is not None:
        base = base + factor.additions(plan.additive, source.value, base.shape[0])
    terms = concatenate(found)
    if terms is not None:
        logs = logs + jax.ops.segment_sum(terms.value, terms.row, plan.rows.n_rows)
    factors = factor.row_factors(plan.factors, source.value)
    plain = factor.products_without(factors, ())
    exponential = jnp.exp(logs)
    bin_factor = jnp.broadcast_to(factor.bin_factors(plan.factors, source.value), base.shape)
    row_factor = exponential * plain
    return State(
        terms, exponential, factors, plain, row_factor, bin_factor, base, is_open, shift, rescaling, source
    )


def _by_slot(plan: Plan, row_tile_values: Array) -> Array:
    """(tile, row slot, ...): a gather, which is much faster here than a scatter of rows."""
    nothing = jnp.zeros((1, *row_tile_values.shape[1:]))
    return jnp.concatenate([row_tile_values, nothing])[plan.rows.slots]


def yields(derived: Derived, state: State) -> Array:
    """(row tile, width): u = F G b, local parameters at 1."""
    return state.row_factor[derived.plan.rows.row][:, None] * state.bin_factor * state.base


def scales(derived: Derived, state: State) -> Array:
    """(row tile, width): c = F G, what multiplies a row's Monte Carlo error."""
    return state.row_factor[derived.plan.rows.row][:, None] * state.bin_factor


def squared_errors(derived: Derived, state: State) -> Array:
    """(variance, width): c V c of each variance and covariance; these count twice."""
    variance, sumw2 = derived.plan.variance, derived.templates.sumw2
    assert variance is not None
    assert sumw2 is not None
    c = scales(derived, state)
    if not variance.covariances:
        return c[variance.first] ** 2 * sumw2
    return c[variance.first] * c[variance.second] * _counted_twice(derived)


def _counted_twice(derived: Derived) -> Array:
    """(variance, width): sumw2, covariances doubled."""
    variance, sumw2 = derived.plan.variance, derived.templates.sumw2
    assert variance is not None
    assert sumw2 is not None
    return sumw2 * jnp.where(variance.first == variance.second, 1.0, 2.0)[:, None]


def _parts(derived: Derived, state: State, u: Array) -> Array | None:
    """(slot, tile, width): the parts of each slot, summed."""
    plan = derived.plan
    local = plan.local
    if local is None:
        return None
    weights = u[local.row_tile] * local.covers
    if derived.part_error is not None:
        weights = weights[: local.n_multiplied]
        shifting = local.row_tile[local.n_multiplied :]
        weights = jnp.concatenate([weights, scales(derived, state)[shifting] * derived.part_error])
    padded = jnp.concatenate([weights, jnp.zeros((1, weights.shape[1]))])
    return padded[local.members].sum(1).reshape(local.present.shape)


def sums(derived: Derived, state: State) -> Moments:
    """The sums over rows at a state."""
    plan = derived.plan
    u = yields(derived, state)
    v = _by_slot(plan, u).sum(1)
    variance = jnp.zeros_like(v)
    if plan.lite is not None and plan.variance is not None and plan.lite.any_process:
        squared = squared_errors(derived, state)
        padded = jnp.concatenate([squared, jnp.zeros((1, squared.shape[1]))])
        variance = padded[plan.variance.members].sum(1)
        variance = variance * plan.lite.has_parameter * (1.0 - plan.lite.total)
    return Moments(v, _parts(derived, state, u), variance)


def moments(derived: Derived, p: Array) -> Moments:
    """The sums over rows at parameters ``p``; differentiable by anything."""
    return sums(derived, evaluate(derived, p))


class _RowDerivatives(NamedTuple):
    """dF = E (P L + D), (dense, row): L of the terms of log F, D of the plain factors."""

    log: Array
    plain: Array
    full: Array


def _row_derivatives(plan: Plan, state: State) -> _RowDerivatives:
    shape_ = (plan.n_dense, plan.rows.n_rows)
    log = jnp.zeros(shape_)
    if state.terms is not None:
        log = log.at[plan.column[state.terms.param], state.terms.row].add(state.terms.slope)
    plain = jnp.zeros(shape_)
    every = jnp.arange(plan.rows.n_rows)
    for q in range(state.factors.shape[1]):
        others = factor.products_without(state.factors, (q,))
        if state.source.slope is not None:
            others = others * state.source.slope[plan.factors.row[:, q]]
        plain = plain.at[_factor_column(plan, state, q), every].add(others, mode="drop")
    full = state.exponential * (state.plain * log + plain)
    return _RowDerivatives(log, plain, full)


def rescaling_slopes(rescaling: RowTerms, column: Array, nothing: Array) -> Array:
    """s = d log(N / M), (dense, row): log(N / M) has the second derivatives s s^T beside its terms' own."""
    return nothing.at[column, rescaling.row].add(rescaling.slope)


def _factor_column(plan: Plan, state: State, slot: int) -> Array:
    """(row,): the dense column of a factor's parameter; out of range for constants and user functions."""
    source = plan.factors.row[:, slot]
    if state.source.param is not None:
        return jnp.append(plan.column, plan.n_dense)[state.source.param[source]]
    parameter = jnp.clip(source - 1, 0, plan.n_params - 1)
    is_parameter = (source > 0) & (source <= plan.n_params)
    return jnp.where(is_parameter, plan.column[parameter], plan.n_dense)


def _rows_by_slot(plan: Plan, of_rows: Array) -> Array:
    """(dense, tile, row slot) from (dense, row)."""
    row = jnp.append(plan.rows.row, plan.rows.n_rows)[plan.rows.slots]
    return jnp.concatenate([of_rows, jnp.zeros((of_rows.shape[0], 1))], axis=1)[:, row]


def _row_part(plan: Plan, weights: Array, full: Array) -> Array:
    """sum over the rows of each tile of weights (row tile, width) x dF: (dense, tile, width)."""
    if plan.few is not None:
        at = plan.few.row_tile
        row = jnp.append(plan.rows.row, plan.rows.n_rows)[at]
        slope = full.at[jnp.arange(plan.n_dense)[:, None, None], row].get(mode="fill", fill_value=0.0)
        found = weights.at[at].get(mode="fill", fill_value=0.0)
        return (slope[..., None] * found).sum(2)
    dF = jnp.swapaxes(_rows_by_slot(plan, full), 0, 1)
    return jnp.swapaxes(jnp.matmul(dF, _by_slot(plan, weights)), 0, 1)


def _slot_part(derived: Derived, weights: Array, full: Array) -> Array:
    """The same of the parts: weights (part, width) x dF, (dense, slot, tile, width)."""
    plan = derived.plan
    assert plan.local is not None
    local = plan.local
    padded = jnp.concatenate([weights, jnp.zeros((1, weights.shape[1]))])
    row = jnp.append(plan.rows.row[local.row_tile], 0)[local.members]
    found = jnp.matmul(jnp.swapaxes(full[:, row], 0, 1), padded[local.members])
    size = (plan.n_dense, local.n_slots, plan.geometry.n_tiles, plan.geometry.width)
    return jnp.swapaxes(found, 0, 1).reshape(size)


def _slopes(derived: Derived, state: State) -> Array:
    """(block, width): the derivative of each block's shape change by its nuisance."""
    assert derived.shape is not None
    assert derived.shape.odd is not None
    assert derived.shape.even is not None
    assert state.shift is not None
    return state.shift.odd[1][:, None] * derived.shape.odd + state.shift.even[1][:, None] * derived.shape.even


def _shape_part(derived: Derived, state: State, weights: Array) -> Array:
    """The shape changes' part of a Jacobian; weights multiply db: (dense, tile, width).

    ``weights`` are (row tile, width), or (row tile,) where all bins have the same.
    """
    plan = derived.plan
    assert plan.shape is not None
    assert derived.shape is not None
    assert state.shift is not None
    blocks = plan.shape
    if blocks.any_floored:
        weights = state.open * (weights[:, None] if weights.ndim == 1 else weights)
    if blocks.aligned is not None:
        slot = blocks.aligned.slot[:, plan.dense]
        return shape.aligned_slopes(blocks, derived.shape, state.shift, weights, plan.rows, slot)
    of_block = weights[blocks.row_tile]
    moved = (of_block[:, None] if weights.ndim == 1 else of_block) * _slopes(derived, state)
    column = plan.column[blocks.group_param[blocks.group]]
    target = column * plan.geometry.n_tiles + plan.rows.tile[blocks.row_tile]
    size = (plan.n_dense, plan.geometry.n_tiles, plan.geometry.width)
    return jax.ops.segment_sum(moved, target, size[0] * size[1]).reshape(size)


def jacobians(derived: Derived, state: State, p: Array) -> Jacobians:
    """Derivatives of the :class:`Moments` by the dense parameters."""
    plan = derived.plan
    dF = _row_derivatives(plan, state).full
    shaped = state.bin_factor * state.base
    v = _row_part(plan, shaped, dF)
    if plan.shape is not None:
        same = plan.factors.row_tile.shape[1] == 0
        by_row = state.row_factor[plan.rows.row] if same else scales(derived, state)
        v = v + _shape_part(derived, state, by_row)
    parts = None if plan.local is None else _part_jacobians(derived, state, dF, shaped)
    variance = None
    if plan.lite is not None and plan.lite.any_process:
        variance = _row_part(plan, _variance_weights(derived, state), dF)
        variance = variance * (plan.lite.has_parameter * (1.0 - plan.lite.total))
    return _with_autodiff(derived, p, Jacobians(v, parts, variance))


def _part_jacobians(derived: Derived, state: State, dF: Array, shaped: Array) -> Array:
    plan = derived.plan
    assert plan.local is not None
    local = plan.local
    multiplied = slice(local.n_multiplied)
    weights = shaped[local.row_tile] * local.covers
    if derived.part_error is not None:
        shifting = state.bin_factor[local.row_tile[local.n_multiplied :]] * derived.part_error
        weights = jnp.concatenate([weights[multiplied], shifting])
    found = _slot_part(derived, weights, dF)
    if plan.shape is None:
        return found
    rows, by_row = local.row_tile[multiplied], scales(derived, state)

    def of_slot(slot: Array) -> Array:
        # A row may be in different slots in different bins.
        covers = jnp.where(local.slot[multiplied] == slot, 1.0, 0.0)[:, None] * local.covers[multiplied]
        return _shape_part(derived, state, by_row * jnp.zeros_like(by_row).at[rows].add(covers))

    return found + jnp.stack([of_slot(jnp.array(slot)) for slot in range(local.n_slots)], axis=1)


def _variance_weights(derived: Derived, state: State) -> Array:
    """(row tile, width): the derivative of the sum of c V c by each row's F."""
    plan = derived.plan
    variance, sumw2 = plan.variance, derived.templates.sumw2
    assert variance is not None
    assert sumw2 is not None
    row, n = plan.rows.row, state.bin_factor.shape[0]
    if not variance.covariances:
        of_variance = 2.0 * state.row_factor[row[variance.first]][:, None]
        of_variance = of_variance * state.bin_factor[variance.first] ** 2 * sumw2
        return jnp.concatenate([of_variance, jnp.zeros((1, plan.geometry.width))])[variance.own]
    shared = state.bin_factor[variance.first] * state.bin_factor[variance.second] * _counted_twice(derived)
    by_first = shared * state.row_factor[row[variance.second]][:, None]
    by_second = shared * state.row_factor[row[variance.first]][:, None]
    return jax.ops.segment_sum(by_first, variance.first, n) + jax.ops.segment_sum(
        by_second, variance.second, n
    )


def _with_autodiff(derived: Derived, p: Array, found: Jacobians) -> Jacobians:
    """Replace the columns of parameters that structure does not cover."""
    plan = derived.plan
    columns = plan.by_autodiff
    if columns.shape[0] == 0:
        return found
    directions = jax.nn.one_hot(plan.dense[columns], plan.n_params, dtype=p.dtype)
    tangents = jax.vmap(lambda e: jax.jvp(lambda p: moments(derived, p), (p,), (e,))[1])(directions)
    v = found.v.at[columns].set(tangents.v)
    parts, variance = found.parts, found.variance
    if parts is not None:
        parts = parts.at[columns].set(tangents.parts)
    if variance is not None:
        variance = variance.at[columns].set(tangents.variance)
    return Jacobians(v, parts, variance)


class Curvature(NamedTuple):
    """A Hessian as half + half^T + diag(diagonal): (dense, dense) arrays are then transposed once."""

    half: Array
    diagonal: Array


def curvature(
    derived: Derived,
    state: State,
    p: Array,
    weight_v: Array,
    weight_parts: Array | None,
    weight_variance: Array,
) -> Curvature:
    """Hessian by the dense parameters of the sum of the moments, each times its weight.

    Weights (tile, width), those of the parts (slot, tile, width), are constants.
    """
    plan = derived.plan
    row, n_rows = plan.rows.row, plan.rows.n_rows
    d = _row_derivatives(plan, state)
    weight = weight_v[plan.rows.tile]
    on_second = jnp.zeros(n_rows)
    if plan.local is not None and weight_parts is not None:
        local, multiplied = plan.local, slice(plan.local.n_multiplied)
        of_part = weight_parts[local.slot, plan.rows.tile[local.row_tile]] * local.covers
        weight = weight.at[local.row_tile[multiplied]].add(of_part[multiplied])
        if derived.part_error is not None:
            shifting = local.row_tile[local.n_multiplied :]
            shifted = of_part[local.n_multiplied :] * derived.part_error * state.bin_factor[shifting]
            on_second = jax.ops.segment_sum(shifted.sum(-1), row[shifting], n_rows)
    w = weight * state.bin_factor
    on_second = on_second + jax.ops.segment_sum((w * state.base).sum(-1), row, n_rows)
    outer = None
    if plan.lite is not None and plan.variance is not None and plan.lite.any_process:
        first, second = plan.variance.first, plan.variance.second
        shared = weight_variance[plan.rows.tile[first]] * state.bin_factor[first] * state.bin_factor[second]
        z = (shared * _counted_twice(derived)).sum(-1)
        if plan.variance.covariances:
            of_rows = jnp.zeros((n_rows, n_rows)).at[row[first], row[second]].add(z)
            of_rows = of_rows + of_rows.T
            on_second = on_second + of_rows @ state.row_factor
            outer = d.full @ of_rows @ d.full.T
        else:
            of_row = 2.0 * jax.ops.segment_sum(z, row[first], n_rows)
            on_second = on_second + of_row * state.row_factor
            outer = _over_rows(plan, of_row * d.full, d.full)
    left, right, diagonal = _row_curvature(plan, state, d, on_second)
    if plan.shape is not None:
        of_rows, slopes, of_shapes = _shape_curvature(derived, state, d.full, w)
        left, right = jnp.concatenate([left, of_rows], axis=1), jnp.concatenate([right, slopes], axis=1)
        diagonal = diagonal + of_shapes
    if state.rescaling is not None:
        together = rescaling_slopes(
            state.rescaling, plan.column[state.rescaling.param], jnp.zeros_like(d.log)
        )
        left = jnp.concatenate([left, together], axis=1)
        right = jnp.concatenate([right, 0.5 * on_second * state.row_factor * together], axis=1)
    # One product of matrices, and nothing added to it: what uses its transpose reads it, not its parts.
    half = _over_rows(plan, left, right)
    if outer is not None:
        half = half + 0.5 * outer
    half = half + _pairs(plan, state, on_second) if state.factors.shape[1] > 1 else half
    weights = Moments(weight_v, weight_parts, weight_variance)
    return _autodiff_curvature(derived, p, weights, Curvature(half, diagonal))


def _over_rows(plan: Plan, left: Array, right: Array) -> Array:
    """left @ right.T, (dense, dense); both (dense, row), or with what comes of shapes behind."""
    if plan.few is None:
        return left @ right.T
    column, every = plan.few.column, jnp.arange(plan.rows.n_rows)[:, None]
    of_left, of_right = (x.at[column, every].get(mode="fill", fill_value=0.0) for x in (left, right))
    pairs = of_left[:, :, None] * of_right[:, None, :]
    return (
        jnp.zeros((plan.n_dense, plan.n_dense))
        .at[column[:, :, None], column[:, None, :]]
        .add(pairs, mode="drop")
    )


def _row_curvature(plan: Plan, state: State, d: _RowDerivatives, weight: Array) -> tuple[Array, Array, Array]:
    """sum_r weight_r d2F_r as left right^T + right left^T and a diagonal; less the :func:`_pairs`."""
    exponential = weight * state.exponential
    # E (P L L^T + L D^T + D L^T) is half L E (P L + 2 D)^T, and its transpose.
    right = exponential * (0.5 * state.plain * d.log + d.plain)
    diagonal = jnp.zeros(plan.n_dense)
    if state.terms is not None:
        own = (weight * state.row_factor)[state.terms.row] * state.terms.curvature
        diagonal = diagonal.at[plan.column[state.terms.param]].add(own, mode="drop")
    if state.source.curvature is not None:
        for q in range(state.factors.shape[1]):
            own = exponential * factor.products_without(state.factors, (q,))
            own = own * state.source.curvature[plan.factors.row[:, q]]
            diagonal = diagonal.at[_factor_column(plan, state, q)].add(own, mode="drop")
    return d.log, right, diagonal


def _pairs(plan: Plan, state: State, weight: Array) -> Array:
    """Half of what two plain factors of one row have together."""
    exponential, slope, n_slots = weight * state.exponential, state.source.slope, state.factors.shape[1]
    columns = [_factor_column(plan, state, q) for q in range(n_slots)]
    result = jnp.zeros((plan.n_dense, plan.n_dense))
    for q in range(n_slots):
        for other in range(q):
            pair = exponential * factor.products_without(state.factors, (q, other))
            if slope is not None:
                pair = pair * slope[plan.factors.row[:, q]] * slope[plan.factors.row[:, other]]
            result = result.at[columns[q], columns[other]].add(pair, mode="drop")
    return result


def _shape_curvature(derived: Derived, state: State, dF: Array, w: Array) -> tuple[Array, Array, Array]:
    """Terms with a derivative of the morphed templates, contracted over bins first: left, right, diagonal."""
    plan = derived.plan
    assert plan.shape is not None
    assert derived.shape is not None
    assert state.shift is not None
    blocks = plan.shape
    weights = w * state.open if blocks.any_floored else w
    odd, even = shape.contracted(blocks, derived.shape, weights, plan.rows)
    column = plan.column[blocks.group_param[blocks.group]]
    row = plan.rows.row[blocks.row_tile]
    slope = state.shift.odd[1] * odd + state.shift.even[1] * even
    second = state.shift.odd[2] * odd + state.shift.even[2] * even
    dY = jnp.zeros_like(dF).at[column, row].add(slope)
    return dF, dY, jnp.zeros(plan.n_dense).at[column].add(state.row_factor[row] * second)


def _autodiff_curvature(derived: Derived, p: Array, weights: Moments, found: Curvature) -> Curvature:
    plan = derived.plan
    columns = plan.by_autodiff
    if columns.shape[0] == 0:
        return found

    def contracted(p: Array) -> Array:
        at = moments(derived, p)
        total = jnp.sum(weights.v * at.v) + jnp.sum(weights.variance * at.variance)
        if at.parts is None or weights.parts is None:
            return total
        return total + jnp.sum(weights.parts * at.parts)

    directions = jax.nn.one_hot(plan.dense[columns], plan.n_params, dtype=p.dtype)
    gradient = jax.grad(contracted)
    rows = jax.vmap(lambda e: jax.jvp(gradient, (p,), (e,))[1])(directions)[:, plan.dense]
    half = found.half.at[:, columns].set(0.0).at[columns, :].set(rows)
    half = half.at[columns[:, None], columns].multiply(0.5)
    return Curvature(half, found.diagonal.at[columns].set(0.0))
