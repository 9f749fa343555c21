"""Morphed densities: what is floored is normalised again, as Combine does without autoMCStats.

A row of kind "density" has N events in the shape of a density: the morphed templates of unit integral,
nowhere below 1e-9, divided by their sum. With m the morphed yields, floored at 1e-9 N, and M their sum,
the yields are m N / M: a factor of the whole row, which the other factors multiply. It is 1 where
nothing is floored, as the changes of a shape then sum to 0.

That factor depends on all nuisances of a row at once. With g = dM/dtheta, which are sums over bins that
are not floored, its logarithm -log(M / N) has slopes -g / M and second derivatives g g^T / M^2 - d2M / M,
where d2M is diagonal: only the first term is not a sum of functions of one parameter each.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..prepared import RowPlan, ShapePlan
from . import shape
from .terms import RowTerms

__all__ = ["Rescaling", "floor", "rescale"]


class Rescaling(NamedTuple):
    """What normalises the rows again."""

    log: Array
    """(row,): log of N / M, 0 for rows of other kinds."""
    terms: RowTerms
    """Slopes by the nuisances of densities, and the sum's own second derivatives; their values are 0."""


def floor(plan: ShapePlan, derived: shape.Derived, rows: RowPlan) -> Array | float:
    """The smallest morphed yield of a bin: (row tile, 1), or one for all."""
    if derived.integral is None:
        return shape.FLOOR
    of_density = shape.FLOOR * derived.integral[rows.row]
    return jnp.where(plan.density > 0, of_density, shape.FLOOR)[:, None]


def rescale(
    plan: ShapePlan,
    derived: shape.Derived,
    shift: shape.Shift,
    base: Array,
    is_open: Array,
    *,
    valid: Array,
    rows: RowPlan,
) -> Rescaling:
    """Normalise again what was floored.

    ``base`` are the morphed and floored yields, ``is_open`` is 1 where nothing was floored, ``valid`` 0 for
    padding: (row tile, width).
    """
    assert derived.integral is not None
    of_density = plan.density > 0
    n_rows, n_groups = rows.n_rows, plan.group_row.shape[0]
    sums = jnp.where(of_density, (base * valid).sum(-1), 0.0)
    total = jax.ops.segment_sum(sums, rows.row, n_rows)
    usable = (total > 0.0) & (derived.integral > 0.0)
    log = jnp.where(
        usable, jnp.log(jnp.where(usable, derived.integral, 1.0) / jnp.where(usable, total, 1.0)), 0.0
    )
    odd, even = shape.contracted(plan, derived, is_open * of_density[:, None], rows)
    along, bent = (
        jax.ops.segment_sum(shift.odd[k] * odd + shift.even[k] * even, plan.group, n_groups) for k in (1, 2)
    )
    inverse = jnp.where(usable, 1.0 / jnp.where(usable, total, 1.0), 0.0)[plan.group_row]
    nothing = jnp.zeros(n_groups)
    terms = RowTerms(plan.group_row, plan.group_param, nothing, -along * inverse, -bent * inverse)
    return Rescaling(log, terms)
