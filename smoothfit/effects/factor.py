"""Plain factors: parameters that scale rows or bins, and results of user functions.

All candidates stand in one vector, ``sources = (1, parameters, results of the user functions)``; a
row, or a tile of bins, lists the positions of its factors, padded with that of the 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from .._types import Array
from ..prepared import FactorPlan, ProgramPlan
from ..programs import Program

__all__ = ["bin_factors", "call", "products_without", "row_factors", "sources"]


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


def sources(plan: ProgramPlan, captured: tuple[tuple[Array | None, ...], ...], p: Array) -> Array:
    """(1, parameters, results of the user functions), flattened."""
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
    return jnp.concatenate([jnp.ones(1), p, *results])


def row_factors(plan: FactorPlan, source: Array) -> Array:
    """(row, slot): the factors of each row."""
    return source[plan.row]


def bin_factors(plan: FactorPlan, source: Array) -> Array | float:
    """(row tile, width): the product of the bin-wise factors; 1 if there are none."""
    if plan.row_tile.shape[1] == 0:
        return 1.0
    return jnp.prod(source[plan.tiles][plan.row_tile], axis=1)


def products_without(factors: Array, left_out: tuple[int, ...]) -> Array:
    """(row,): the product of all slots but those left out; no division, so that 0 is fine."""
    kept = [factors[:, q] for q in range(factors.shape[1]) if q not in left_out]
    result = jnp.ones(factors.shape[0])
    for factor in kept:
        result = result * factor
    return result
