"""Vertical shape changes, bin by bin, from templates at +-1 (or at +-1/scale).

With x = scale * theta, U = up - nominal, V = down - nominal the yield is
``nominal + sum_k x_k/2 [(U_k - V_k) + S(x_k) (U_k + V_k)]``, S a smooth sign function with its joints
at +-q, q the smallest scale of the row (at most 1).

* kind "shape" (Combine's hist-mode 1): templates are first normalised to the nominal integral, the
  sum is floored at 1e-9 events, and the integral ratios act as an asymmetric log-normal with the same
  theta; that is dropped when both ratios are within 1e-3 of 1.
* kind "raw" (hist-mode 2, pyhf's code4p): the same polynomial on the templates as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array
from ..interpolation import combine_derivatives, smooth_sign_derivatives
from ..prepared import ShapePlan
from .terms import RowTerms

__all__ = ["FLOOR", "Derived", "Shift", "derive", "log_terms", "shift"]

FLOOR = 1e-9
"""Smallest morphed yield of a bin, in events (kind "shape" only)."""

_NO_NORMALISATION = 1e-3


@pytree_dataclass
class Derived:
    """What follows from the templates."""

    odd: Array
    even: Array
    """(block, width): U - V and U + V."""
    log_down: Array
    log_up: Array
    """(group,): logarithms of the integral ratios, times the scale; 0 where there is none."""


class Shift(NamedTuple):
    """The additive change at given parameters; coefficients with their derivatives are (block,)."""

    change: Array
    odd: tuple[Array, Array, Array]
    even: tuple[Array, Array, Array]


def _log_ratio(integral: Array, nominal: Array) -> Array:
    usable = (integral > 0.0) & (nominal > 0.0)
    return jnp.log(jnp.where(usable, integral, 1.0) / jnp.where(usable, nominal, 1.0))


def derive(plan: ShapePlan, up: Array, down: Array, nominal: Array, row: Array, n_rows: int) -> Derived:
    """Normalise and difference the templates (traceable; the plan is resolved)."""
    base = nominal[plan.row_tile]
    if not plan.any_normalised:
        none = jnp.zeros(plan.group_row.shape)
        return Derived(odd=up - down, even=up + down - 2.0 * base, log_down=none, log_up=none)
    n_groups = plan.group_row.shape[0]
    of_group = lambda x: jax.ops.segment_sum(x.sum(-1), plan.group, n_groups)  # noqa: E731
    integral = jax.ops.segment_sum(nominal.sum(-1), row, n_rows)[plan.group_row]
    normalised = plan.normalised > 0
    raw_up, raw_down = (_log_ratio(of_group(x), integral) for x in (up, down))
    log_up, log_down = (jnp.where(normalised, x, 0.0) for x in (raw_up, raw_down))
    u = up * jnp.exp(-log_up)[plan.group][:, None] - base
    v = down * jnp.exp(-log_down)[plan.group][:, None] - base
    small = (jnp.abs(jnp.expm1(log_up)) < _NO_NORMALISATION) & (
        jnp.abs(jnp.expm1(log_down)) < _NO_NORMALISATION
    )
    weight = jnp.where(small, 0.0, plan.scale)
    return Derived(odd=u - v, even=u + v, log_down=weight * log_down, log_up=weight * log_up)


def log_terms(plan: ShapePlan, derived: Derived, p: Array) -> list[RowTerms]:
    """The normalisation part of the shape changes."""
    if not plan.any_normalised:
        return []
    theta = p[plan.group_param]
    derivatives = combine_derivatives(theta, derived.log_down, derived.log_up)
    return [RowTerms(plan.group_row, plan.group_param, *derivatives)]


def shift(plan: ShapePlan, derived: Derived, p: Array, n_row_tiles: int) -> Shift:
    """The sum of the shape changes of each row tile, and the coefficients it is made of."""
    scaled = plan.scale * p[plan.group_param]
    odd = (0.5 * scaled, 0.5 * plan.scale, jnp.zeros_like(scaled))
    u = scaled / plan.joint
    sign, first, second = smooth_sign_derivatives(u)
    slope = 0.5 * plan.scale * (sign + u * first)
    even = (0.5 * scaled * sign, slope, 0.5 * plan.scale**2 / plan.joint * (2.0 * first + u * second))
    odd_block = (odd[0][plan.group], odd[1][plan.group], odd[2][plan.group])
    even_block = (even[0][plan.group], even[1][plan.group], even[2][plan.group])
    moved = odd_block[0][:, None] * derived.odd + even_block[0][:, None] * derived.even
    change = jax.ops.segment_sum(moved, plan.row_tile, n_row_tiles, indices_are_sorted=True)
    return Shift(change, odd_block, even_block)
