"""The expectation of every bin, and its derivatives by structure.

A row tile's yield is u = F G b: F the row's factor (log-normals, scale factors), G bin-wise factors, b the
nominal yields plus shape changes. The bins need three sums over the rows of a tile: v = sum u, the
part v_in that the bin's local parameter multiplies, and the Monte Carlo variance V = sum (F G e)^2.

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
from ..effects import RowTerms, concatenate, factor, row_effects, shape
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
    source: factor.Sources


class Moments(NamedTuple):
    """Sums over rows, (tile, width)."""

    v: Array
    """All yields with the local parameters at 1."""
    v_in: Array
    """The part that the bin's local parameter multiplies (0 without one)."""
    variance: Array
    """V, for bins whose Monte Carlo error follows the processes."""


class Jacobians(NamedTuple):
    """Derivatives by the dense parameters, (tile, dense, width); None where there is nothing."""

    v: Array
    v_in: Array | None
    variance: Array | None


def evaluate(derived: Derived, p: Array) -> State:
    """The factors and morphed templates at parameters ``p`` (param,)."""
    plan, templates = derived.plan, derived.templates
    found = row_effects.log_terms(plan.effects, derived.effects, p)
    base, is_open, shift = templates.nominal, jnp.ones_like(templates.nominal), None
    if plan.shape is not None and derived.shape is not None:
        found = found + shape.log_terms(plan.shape, derived.shape, p)
        shift = shape.shift(plan.shape, derived.shape, p, base.shape[0])
        base = shape.morphed(plan.shape, base, shift.change, plan.rows.row, plan.rows.n_rows)
        if plan.shape.any_floored:
            floored = (plan.shape.floored[:, None] > 0) & (base < shape.FLOOR)
            base = jnp.where(floored, shape.FLOOR, base)
            is_open = jnp.where(floored, 0.0, 1.0)
    univariate = concatenate(row_effects.plain_terms(plan.effects, derived.effects, p))
    source = factor.sources(plan.programs, templates.captured, univariate, p)
    if plan.additive is not None:
        base = base + factor.additions(plan.additive, source.value, base.shape[0])
    terms = concatenate(found)
    logs = jnp.zeros(plan.rows.n_rows)
    if terms is not None:
        logs = jax.ops.segment_sum(terms.value, terms.row, plan.rows.n_rows)
    factors = factor.row_factors(plan.factors, source.value)
    plain = factor.products_without(factors, ())
    exponential = jnp.exp(logs)
    bin_factor = jnp.broadcast_to(factor.bin_factors(plan.factors, source.value), base.shape)
    row_factor = exponential * plain
    return State(terms, exponential, factors, plain, row_factor, bin_factor, base, is_open, shift, source)


def _by_tile(plan: Plan, row_tile_values: Array, tile: Array) -> Array:
    return jax.ops.segment_sum(row_tile_values, tile, plan.geometry.n_tiles)


def yields(derived: Derived, state: State) -> Array:
    """(row tile, width): u = F G b, local parameters at 1."""
    return state.row_factor[derived.plan.rows.row][:, None] * state.bin_factor * state.base


def errors(derived: Derived, state: State) -> Array:
    """(sumw2 row tile, width): (F G e)^2."""
    plan = derived.plan
    assert plan.lite is not None
    assert derived.templates.sumw2 is not None
    source = plan.lite.source
    scale = state.row_factor[plan.rows.row[source]][:, None] * state.bin_factor[source]
    return scale**2 * derived.templates.sumw2


def sums(derived: Derived, state: State) -> Moments:
    """The sums over rows at a state."""
    plan = derived.plan
    u = yields(derived, state)
    v = _by_tile(plan, u, plan.rows.tile)
    v_in = variance = jnp.zeros_like(v)
    if plan.local is not None:
        rows = plan.local.row_tile
        v_in = _by_tile(plan, u[rows], plan.rows.tile[rows])
    if plan.lite is not None and plan.lite.any_process:
        variance = _by_tile(plan, errors(derived, state), plan.rows.tile[plan.lite.source])
        variance = variance * plan.lite.has_parameter * (1.0 - plan.lite.total)
    return Moments(v, v_in, variance)


def moments(derived: Derived, p: Array) -> Moments:
    """The sums over rows at parameters ``p``; differentiable by anything."""
    return sums(derived, evaluate(derived, p))


class _RowDerivatives(NamedTuple):
    """dF = E (P L + D), (row, dense): L of the terms of log F, D of the plain factors."""

    log: Array
    plain: Array
    full: Array


def _row_derivatives(plan: Plan, state: State) -> _RowDerivatives:
    shape_ = (plan.rows.n_rows, plan.n_dense)
    log = jnp.zeros(shape_)
    if state.terms is not None:
        log = log.at[state.terms.row, plan.column[state.terms.param]].add(state.terms.slope)
    plain = jnp.zeros(shape_)
    every = jnp.arange(plan.rows.n_rows)
    for q in range(state.factors.shape[1]):
        others = factor.products_without(state.factors, (q,))
        if state.source.slope is not None:
            others = others * state.source.slope[plan.factors.row[:, q]]
        plain = plain.at[every, _factor_column(plan, state, q)].add(others, mode="drop")
    full = state.exponential[:, None] * (state.plain[:, None] * log + plain)
    return _RowDerivatives(log, plain, full)


def _factor_column(plan: Plan, state: State, slot: int) -> Array:
    """(row,): the dense column of a factor's parameter; out of range for constants and user functions."""
    param = state.source.param[plan.factors.row[:, slot]]
    return jnp.append(plan.column, plan.n_dense)[param]


def _row_part(plan: Plan, weights: Array, row_tiles: Array | None, full: Array) -> Array:
    """sum over the rows of each tile of weights x dF: (tile, dense, width)."""
    if row_tiles is not None:
        everywhere = jnp.zeros((plan.rows.row.shape[0], plan.geometry.width))
        weights = everywhere.at[row_tiles].set(weights)
    padded = jnp.concatenate([weights, jnp.zeros((1, weights.shape[1]))])
    rows = jnp.concatenate([plan.rows.row, jnp.zeros(1, plan.rows.row.dtype)])
    slots = plan.rows.slots
    return jnp.einsum("asw,ask->akw", padded[slots], full[rows[slots]])


def _shape_part(derived: Derived, state: State, weights: Array) -> Array:
    """The shape changes' part of a Jacobian; weights (row tile, width) multiply db."""
    plan = derived.plan
    assert plan.shape is not None
    assert derived.shape is not None
    assert state.shift is not None
    blocks = plan.shape
    slope = (
        state.shift.odd[1][:, None] * derived.shape.odd + state.shift.even[1][:, None] * derived.shape.even
    )
    moved = (weights * state.open)[blocks.row_tile] * slope
    column = plan.column[blocks.group_param[blocks.group]]
    target = plan.rows.tile[blocks.row_tile] * plan.n_dense + column
    size = (plan.geometry.n_tiles, plan.n_dense, plan.geometry.width)
    return jax.ops.segment_sum(moved, target, size[0] * size[1]).reshape(size)


def jacobians(derived: Derived, state: State, p: Array, y_row: Array, wants_in: bool) -> Jacobians:
    """Derivatives of (v with local parameters applied, v_in, V) by the dense parameters.

    ``y_row`` (row tile, width) is the local parameter's value on each row tile, 1 without one.
    """
    plan = derived.plan
    dF = _row_derivatives(plan, state).full
    shaped = state.bin_factor * state.base
    by_row = state.row_factor[plan.rows.row][:, None] * state.bin_factor
    v = _row_part(plan, shaped * y_row, None, dF)
    if plan.shape is not None:
        v = v + _shape_part(derived, state, by_row * y_row)
    v_in = variance = None
    if wants_in and plan.local is not None:
        inside = jnp.zeros_like(shaped).at[plan.local.row_tile].set(1.0)
        v_in = _row_part(plan, shaped * inside, None, dF)
        if plan.shape is not None:
            v_in = v_in + _shape_part(derived, state, by_row * inside)
    if plan.lite is not None and plan.lite.any_process:
        assert derived.templates.sumw2 is not None
        source = plan.lite.source
        weights = 2.0 * state.row_factor[plan.rows.row[source]][:, None]
        weights = weights * state.bin_factor[source] ** 2 * derived.templates.sumw2
        variance = _row_part(plan, weights, source, dF)
        variance = variance * (plan.lite.has_parameter * (1.0 - plan.lite.total))[:, None]
    return _with_autodiff(derived, p, y_row, Jacobians(v, v_in, variance))


def _with_autodiff(derived: Derived, p: Array, y_row: Array, found: Jacobians) -> Jacobians:
    """Replace the columns of parameters that structure does not cover."""
    plan = derived.plan
    columns = plan.by_autodiff
    if columns.shape[0] == 0:
        return found
    directions = jax.nn.one_hot(plan.dense[columns], plan.n_params, dtype=p.dtype)

    def forward(p: Array) -> tuple[Array, Array, Array]:
        state = evaluate(derived, p)
        total = _by_tile(plan, yields(derived, state) * y_row, plan.rows.tile)
        at_one = sums(derived, state)
        return total, at_one.v_in, at_one.variance

    tangents = jax.vmap(lambda e: jax.jvp(forward, (p,), (e,))[1])(directions)
    replaced = [
        None if jac is None else jac.at[:, columns].set(jnp.swapaxes(new, 0, 1))
        for jac, new in zip(found, tangents, strict=True)
    ]
    return Jacobians(*replaced)  # type: ignore[arg-type]


def curvature(
    derived: Derived, state: State, p: Array, y_row: Array, weight_v: Array, weight_variance: Array
) -> Array:
    """Hessian by the dense parameters of sum over bins (weight_v v + weight_variance V).

    Weights (tile, width) are constants; v has the local parameters applied. (dense, dense).
    """
    plan = derived.plan
    row = plan.rows.row
    d = _row_derivatives(plan, state)
    w = weight_v[plan.rows.tile] * y_row * state.bin_factor
    y = jax.ops.segment_sum((w * state.base).sum(-1), row, plan.rows.n_rows)
    on_second = y
    outer = jnp.zeros_like(y)
    if plan.lite is not None and plan.lite.any_process:
        assert derived.templates.sumw2 is not None
        source = plan.lite.source
        z = (weight_variance[plan.rows.tile[source]] * state.bin_factor[source] ** 2) * (
            derived.templates.sumw2
        )
        outer = jax.ops.segment_sum(z.sum(-1), row[source], plan.rows.n_rows)
        on_second = y + 2.0 * state.row_factor * outer
    result = _row_curvature(plan, state, d, on_second)
    result = result + jnp.einsum("rk,r,rl->kl", d.full, 2.0 * outer, d.full)
    if plan.shape is not None:
        result = result + _shape_curvature(derived, state, d.full, w)
    return _autodiff_curvature(derived, p, y_row, weight_v, weight_variance, result)


def _row_curvature(plan: Plan, state: State, d: _RowDerivatives, weight: Array) -> Array:
    """sum_r weight_r d2F_r."""
    exponential = weight * state.exponential
    cross = jnp.einsum("rk,r,rl->kl", d.log, exponential, d.plain)
    result = jnp.einsum("rk,r,rl->kl", d.log, exponential * state.plain, d.log) + cross + cross.T
    if state.terms is not None:
        own = (weight * state.row_factor)[state.terms.row] * state.terms.curvature
        diagonal = jax.ops.segment_sum(own, plan.column[state.terms.param], plan.n_dense)
        result = result + jnp.diag(diagonal)
    n_slots = state.factors.shape[1]
    columns = [_factor_column(plan, state, q) for q in range(n_slots)]
    slope, curvature = state.source.slope, state.source.curvature
    for q in range(n_slots):
        if curvature is not None:
            own = exponential * factor.products_without(state.factors, (q,))
            own = own * curvature[plan.factors.row[:, q]]
            result = result.at[columns[q], columns[q]].add(own, mode="drop")
        for other in range(n_slots):
            if q == other:
                continue
            pair = exponential * factor.products_without(state.factors, (q, other))
            if slope is not None:
                pair = pair * slope[plan.factors.row[:, q]] * slope[plan.factors.row[:, other]]
            result = result.at[columns[q], columns[other]].add(pair, mode="drop")
    return result


def _shape_curvature(derived: Derived, state: State, dF: Array, w: Array) -> Array:
    """Terms with a derivative of the morphed templates, contracted over bins first."""
    plan = derived.plan
    assert plan.shape is not None
    assert derived.shape is not None
    assert state.shift is not None
    blocks = plan.shape
    weights = (w * state.open)[blocks.row_tile]
    odd = (weights * derived.shape.odd).sum(-1)
    even = (weights * derived.shape.even).sum(-1)
    column = plan.column[blocks.group_param[blocks.group]]
    row = plan.rows.row[blocks.row_tile]
    slope = state.shift.odd[1] * odd + state.shift.even[1] * even
    second = state.shift.odd[2] * odd + state.shift.even[2] * even
    dY = jnp.zeros_like(dF).at[row, column].add(slope)
    cross = dF.T @ dY
    diagonal = jnp.zeros(plan.n_dense).at[column].add(state.row_factor[row] * second)
    return cross + cross.T + jnp.diag(diagonal)


def _autodiff_curvature(
    derived: Derived, p: Array, y_row: Array, weight_v: Array, weight_variance: Array, found: Array
) -> Array:
    plan = derived.plan
    columns = plan.by_autodiff
    if columns.shape[0] == 0:
        return found

    def contracted(p: Array) -> Array:
        state = evaluate(derived, p)
        total = _by_tile(plan, yields(derived, state) * y_row, plan.rows.tile)
        return jnp.sum(weight_v * total) + jnp.sum(weight_variance * sums(derived, state).variance)

    directions = jax.nn.one_hot(plan.dense[columns], plan.n_params, dtype=p.dtype)
    gradient = jax.grad(contracted)
    rows = jax.vmap(lambda e: jax.jvp(gradient, (p,), (e,))[1])(directions)[:, plan.dense]
    return found.at[columns, :].set(rows).at[:, columns].set(rows.T)
