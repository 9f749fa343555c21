"""Vertical shape changes, bin by bin, from templates at +-1 (or at +-1/scale).

With x = scale * theta, U = up - nominal, V = down - nominal the yield is
``nominal + sum_k x_k/2 [(U_k - V_k) + S(x_k) (U_k + V_k)]``, S a smooth sign function with its joints
at +-q, q the smallest scale of the row (at most 1).

* kind "shape" (Combine's hist-mode 1): templates are first normalised to the nominal integral, the
  sum is floored at 1e-9 events, and the integral ratios act as an asymmetric log-normal with the same
  theta; that is dropped when both ratios are within 1e-3 of 1.
* kind "raw" (pyhf's code4p): the same polynomial on the templates as they are.
* kind "floored" (Combine's hist-mode 2): the same, floored as kind "shape" is.
* kind "density" (Combine without autoMCStats): as "shape", floored at 1e-9 of the nominal integral and
  normalised again: :mod:`.density`.
* kind "shapeN": the sum of kind "shape" on logarithms, U = log(up/nominal), then rescaled to the
  nominal integral. Where a template or the nominal yield is not positive, that template changes nothing.
* kind "linear" (pyhf's code0): S = sign, on the templates as they are; the slope jumps at 0.
* kind "quadratic": ``x/2 (U - V) + e(x) (U + V)`` with e = x^2/2 inside +-1 and abs(x) - 1/2 outside: the
  parabola through the templates, going on straight with its slope there. (HistFactory's code2 means this, but
  as published lacks the value at +-1 outside.)

Morphing logarithms is not a sum: derivatives by such parameters come from automatic differentiation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._compilation import once
from .._pytree import pytree_dataclass
from .._types import Array
from ..interpolation import combine_derivatives, smooth_sign_derivatives
from ..prepared import RowPlan, ShapePlan
from .terms import RowTerms

__all__ = [
    "FLOOR",
    "FORMS",
    "NORMALISED",
    "NO_NORMALISATION",
    "Aligned",
    "Derived",
    "Shift",
    "aligned_slopes",
    "contracted",
    "derive",
    "log_terms",
    "morphed",
    "shift",
]

FLOOR = 1e-9
"""Smallest morphed yield of a bin, in events (kinds "shape" and "floored")."""

FORMS = ("smooth", "linear", "quadratic")
"""How the even part of a change depends on theta."""

NORMALISED = ("shape", "shapeN", "density")
"""Kinds whose integral ratios act as a log-normal."""

NO_NORMALISATION = 1e-3
"""Integral ratios nearer to 1 than this, both of them, have no effect in these kinds."""


@pytree_dataclass
class Aligned:
    """The blocks side by side, odd parts then even ones, in the two orders that sums go along."""

    by_row: Array
    """(tile, row slot, 2 * place, width)"""
    by_nuisance: Array | None
    """(tile, nuisance slot, 2 * place, width); None where the first order serves for all sums."""


@pytree_dataclass
class Derived:
    """What follows from the templates."""

    odd: Array | None
    even: Array | None
    """(block, width): U - V and U + V, of logarithms for kind "shapeN"; None where they are aligned."""
    log_down: Array
    log_up: Array
    """(group,): logarithms of the integral ratios, times the scale; 0 where there is none."""
    aligned: Aligned | None
    integral: Array | None = None
    """(row,): the nominal integrals, where there are densities."""


class Shift(NamedTuple):
    """The additive change at given parameters; coefficients with their derivatives are (block,)."""

    change: Array
    odd: tuple[Array, Array, Array]
    even: tuple[Array, Array, Array]


def _log_change(template: Array, nominal: Array) -> Array:
    """log(template/nominal); 0 where that does not exist."""
    usable = (template > 0.0) & (nominal > 0.0)
    return jnp.log(jnp.where(usable, template, 1.0) / jnp.where(usable, nominal, 1.0))


def derive(plan: ShapePlan, up: Array, down: Array, nominal: Array, row: Array, n_rows: int) -> Derived:
    """Normalise and difference the templates (traceable; the plan is resolved)."""
    found = _differences(plan, up, down, nominal, row, n_rows)
    if not plan.any_density:
        return found
    return replace(found, integral=jax.ops.segment_sum(nominal.sum(-1), row, n_rows))


def _differences(plan: ShapePlan, up: Array, down: Array, nominal: Array, row: Array, n_rows: int) -> Derived:
    base = nominal[plan.row_tile]
    if not plan.any_normalised:
        none = jnp.zeros(plan.group_row.shape)
        return _arranged(plan, up - down, up + down - 2.0 * base, none, none)
    n_groups = plan.group_row.shape[0]
    of_group = lambda x: jax.ops.segment_sum(x.sum(-1), plan.group, n_groups)  # noqa: E731
    integral = jax.ops.segment_sum(nominal.sum(-1), row, n_rows)[plan.group_row]
    normalised = plan.normalised > 0
    raw_up, raw_down = (_log_change(of_group(x), integral) for x in (up, down))
    log_up, log_down = (jnp.where(normalised, x, 0.0) for x in (raw_up, raw_down))
    up, down = (x * jnp.exp(-log)[plan.group][:, None] for x, log in ((up, log_up), (down, log_down)))
    u, v = up - base, down - base
    if plan.any_logarithmic:
        of_block = plan.logarithmic[plan.row_tile][:, None] > 0
        u, v = (jnp.where(of_block, _log_change(x, base), y) for x, y in ((up, u), (down, v)))
    small = (jnp.abs(jnp.expm1(log_up)) < NO_NORMALISATION) & (
        jnp.abs(jnp.expm1(log_down)) < NO_NORMALISATION
    )
    weight = jnp.where(small, 0.0, plan.scale)
    return _arranged(plan, u - v, u + v, weight * log_down, weight * log_up)


def _both(at: Array, odd: Array, even: Array) -> Array:
    """(tile, slot, 2 * place, ...) from (block, ...), odd parts then even ones; 0 where no block is."""
    nothing = jnp.zeros((1, *odd.shape[1:]))
    return jnp.concatenate([jnp.concatenate([x, nothing])[at] for x in (odd, even)], axis=2)


def _arranged(plan: ShapePlan, odd: Array, even: Array, log_down: Array, log_up: Array) -> Derived:
    """The blocks as they are, or side by side."""
    if plan.aligned is None:
        return Derived(odd=odd, even=even, log_down=log_down, log_up=log_up, aligned=None)
    at = plan.aligned.by_nuisance
    aligned = Aligned(
        by_row=_both(plan.aligned.by_row, odd, even), by_nuisance=None if at is None else _both(at, odd, even)
    )
    return Derived(odd=None, even=None, log_down=log_down, log_up=log_up, aligned=aligned)


def log_terms(plan: ShapePlan, derived: Derived, p: Array) -> list[RowTerms]:
    """The normalisation part of the shape changes."""
    if not plan.any_normalised:
        return []
    theta = p[plan.group_param]
    derivatives = combine_derivatives(theta, derived.log_down, derived.log_up)
    return [RowTerms(plan.group_row, plan.group_param, *derivatives)]


def shift(plan: ShapePlan, derived: Derived, p: Array, rows: RowPlan) -> Shift:
    """The sum of the shape changes of each row tile, and the coefficients it is made of."""
    scaled = plan.scale * p[plan.group_param]
    odd = (0.5 * scaled, 0.5 * plan.scale, jnp.zeros_like(scaled))
    u = scaled / plan.joint
    sign, first, second = smooth_sign_derivatives(u)
    slope = 0.5 * plan.scale * (sign + u * first)
    even = (0.5 * scaled * sign, slope, 0.5 * plan.scale**2 / plan.joint * (2.0 * first + u * second))
    if not plan.all_smooth:
        even = _of_form(plan, scaled, even)
    odd_block = (odd[0][plan.group], odd[1][plan.group], odd[2][plan.group])
    even_block = (even[0][plan.group], even[1][plan.group], even[2][plan.group])
    return Shift(_change(plan, derived, odd_block[0], even_block[0], rows), odd_block, even_block)


def _change(plan: ShapePlan, derived: Derived, odd: Array, even: Array, rows: RowPlan) -> Array:
    """(row tile, width): the sum of the blocks times their coefficients."""
    if plan.aligned is not None and derived.aligned is not None:
        coefficient = _both(plan.aligned.by_row, odd, even)
        change = jnp.einsum("tqk,tqkw->tqw", coefficient, derived.aligned.by_row)
        return change.reshape(-1, change.shape[-1])[rows.place]
    assert derived.odd is not None
    assert derived.even is not None
    moved = odd[:, None] * derived.odd + even[:, None] * derived.even
    return jax.ops.segment_sum(moved, plan.row_tile, rows.row.shape[0], indices_are_sorted=True)


def _by_slot(of_row_tile: Array, rows: RowPlan) -> Array:
    """(tile, row slot, ...) from (row tile, ...); 0 where no row is."""
    return jnp.concatenate([of_row_tile, jnp.zeros((1, *of_row_tile.shape[1:]))])[rows.slots]


def _by_column(of_nuisance: Array, slot: Array) -> Array:
    """(column, tile, ...) from (tile, nuisance slot, ...); ``slot`` (tile, column) is where each stands."""
    nothing = jnp.zeros_like(of_nuisance[:, :1])
    every_tile = jnp.arange(of_nuisance.shape[0])
    return once(jnp.concatenate([of_nuisance, nothing], axis=1))[every_tile, slot.T]


def aligned_slopes(
    plan: ShapePlan, derived: Derived, shift: Shift, weights: Array, rows: RowPlan, slot: Array
) -> Array:
    """(column, tile, width): derivatives of the changes, summed over rows; of aligned blocks only.

    ``weights`` of the rows are (row tile, width), or (row tile,) where all bins have the same;
    ``slot`` (tile, column) is the nuisance slot of each column.
    """
    assert plan.aligned is not None
    assert derived.aligned is not None
    templates, at = derived.aligned.by_nuisance, plan.aligned.by_nuisance
    if templates is None or at is None:
        both, by_slot = derived.aligned.by_row, _by_slot(weights, rows)
        if weights.ndim == 1:
            summed = jnp.einsum("tq,tqx->tx", by_slot, both.reshape(*both.shape[:2], -1))
            summed = summed.reshape(both.shape[0], *both.shape[2:])
        else:
            summed = (by_slot[:, :, None] * both).sum(1)
        odd, even = jnp.split(summed, 2, axis=1)
        of_odd, of_even = (jnp.append(x[1], 0.0)[plan.aligned.first] for x in (shift.odd, shift.even))
        return _by_column(of_odd[..., None] * odd + of_even[..., None] * even, slot)
    odd, even, of_block = shift.odd[1], shift.even[1], weights[plan.row_tile]
    if weights.ndim == 1:
        odd, even = odd * of_block, even * of_block
    else:
        templates = templates * _both(at, of_block, of_block)
    coefficient = _both(at, odd, even)
    return _by_column(jnp.einsum("tkq,tkqw->tkw", coefficient, templates), slot)


def contracted(plan: ShapePlan, derived: Derived, weights: Array, rows: RowPlan) -> tuple[Array, Array]:
    """(block,): odd and even parts, summed over bins with weights (row tile, width)."""
    if plan.aligned is not None and derived.aligned is not None:
        both = jnp.einsum("tqw,tqkw->tqk", _by_slot(weights, rows), derived.aligned.by_row)
        odd, even = jnp.split(both, 2, axis=2)
        return odd.ravel()[plan.aligned.place], even.ravel()[plan.aligned.place]
    assert derived.odd is not None
    assert derived.even is not None
    of_block = weights[plan.row_tile]
    return (of_block * derived.odd).sum(-1), (of_block * derived.even).sum(-1)


def _of_form(plan: ShapePlan, x: Array, smooth: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """The coefficient of the even part and two derivatives, (group,), each by its form."""
    inside, sign, s = jnp.abs(x) < 1.0, jnp.sign(x), plan.scale
    linear = (0.5 * jnp.abs(x), 0.5 * s * sign, jnp.zeros_like(x))
    quadratic = (
        jnp.where(inside, 0.5 * x * x, jnp.abs(x) - 0.5),
        s * jnp.where(inside, x, sign),
        s * s * jnp.where(inside, 1.0, 0.0),
    )
    form = plan.form
    value, slope, curvature = (
        jnp.where(form == 1, a, jnp.where(form == 2, b, c))
        for a, b, c in zip(linear, quadratic, smooth, strict=True)
    )
    return value, slope, curvature


def morphed(plan: ShapePlan, nominal: Array, change: Array, row: Array, n_rows: int) -> Array:
    """(row tile, width): the nominal yields with their changes; ``row`` is each row tile's row."""
    if not plan.any_logarithmic:
        return nominal + change
    of_tile = plan.logarithmic[:, None] > 0
    raised = nominal * jnp.exp(jnp.where(of_tile, change, 0.0))
    before, after = (jax.ops.segment_sum(x.sum(-1), row, n_rows) for x in (nominal, raised))
    usable = after > 0.0
    rescaled = jnp.where(usable, before, 1.0) / jnp.where(usable, after, 1.0)
    return jnp.where(of_tile, raised * rescaled[row][:, None], nominal + change)
