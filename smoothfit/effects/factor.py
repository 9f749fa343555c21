"""Plain factors: parameters that scale rows or bins, univariate effects, results of user functions.

All candidates stand in one vector, ``sources = (1, parameters, univariate effects, results of the user
functions)``; a row, or a tile of bins, lists the positions of its factors, padded with that of the 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..prepared import AdditivePlan, FactorPlan, ProgramPlan
from ..programs import Program
from .terms import RowTerms

__all__ = ["Sources", "additions", "bin_factors", "call", "products_without", "row_factors", "sources"]


class Sources(NamedTuple):
    """The candidates for a factor, with the parameter that each is a function of."""

    value: Array
    param: Array | None
    """(source,): the parameter; their number for the 1 and for results of user functions."""
    slope: Array | None
    curvature: Array | None
    """(source,): derivatives by that parameter. All None where there are no univariate effects: sources
    are then parameters themselves, and nothing more is computed."""


def call(
    program: Program,
    captured: Sequence[Array | None],
    integers: Sequence[Array | None],
    arguments: Sequence[Array],
    scalars: Sequence[bool],
    p: Array,
) -> Array:
    """Evaluate a user function at parameters ``p``."""
    constants = [c if c is not None else i for c, i in zip(captured, integers, strict=True)]
    values = [p[a[0]] if s else p[a] for a, s in zip(arguments, scalars, strict=True)]
    return program(constants, *values)  # type: ignore[arg-type]


def sources(
    plan: ProgramPlan,
    captured: tuple[tuple[Array | None, ...], ...],
    univariate: RowTerms | None,
    p: Array,
) -> Sources:
    """(1, parameters, univariate effects, results of the user functions), flattened."""
    results = [
        call(program, held, integers, arguments, scalars, p).ravel()
        for program, held, integers, arguments, scalars in zip(
            plan.programs,
            captured,
            plan.captured_indices,
            plan.arguments,
            plan.scalar_arguments,
            strict=True,
        )
    ]
    if univariate is None:
        return Sources(jnp.concatenate([jnp.ones(1), p, *results]), None, None, None)
    n, n_results = p.shape[0], sum(result.shape[0] for result in results)
    zeros = jnp.zeros(n_results)
    return Sources(
        jnp.concatenate([jnp.ones(1), p, univariate.value, *results]),
        jnp.concatenate([jnp.full(1, n), jnp.arange(n), univariate.param, jnp.full(n_results, n)]),
        jnp.concatenate([jnp.zeros(1), jnp.ones(n), univariate.slope, zeros]),
        jnp.concatenate([jnp.zeros(1 + n), univariate.curvature, zeros]),
    )


def row_factors(plan: FactorPlan, source: Array) -> Array:
    """(row, slot): the factors of each row."""
    return source[plan.row]


def bin_factors(plan: FactorPlan, source: Array) -> Array | float:
    """(row tile, width): the product of the bin-wise factors; 1 if there are none."""
    if plan.row_tile.shape[1] == 0:
        return 1.0
    return jnp.prod(source[plan.tiles][plan.row_tile], axis=1)


def additions(plan: AdditivePlan, source: Array, n_row_tiles: int) -> Array:
    """(row tile, width): the sum of what the user's functions add to the yields."""
    return jax.ops.segment_sum(source[plan.source] * plan.present, plan.row_tile, n_row_tiles)


def products_without(factors: Array, left_out: tuple[int, ...]) -> Array:
    """(row,): the product of all slots but those left out; no division, so that 0 is fine."""
    kept = [factors[:, q] for q in range(factors.shape[1]) if q not in left_out]
    result = jnp.ones(factors.shape[0])
    for factor in kept:
        result = result * factor
    return result
