"""What effects hand to the likelihood: elementwise terms with their first two derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array

__all__ = ["RowTerms", "concatenate", "second_order"]


class RowTerms(NamedTuple):
    """Functions of one parameter each that act on rows; arrays (entry,).

    They add to the logarithm of the row's factor, or multiply it: whoever hands them out says which.
    """

    row: Array
    param: Array
    value: Array
    slope: Array
    curvature: Array


def concatenate(found: Sequence[RowTerms]) -> RowTerms | None:
    """All terms as one list, None if there are none."""
    if len(found) < 2:
        return found[0] if found else None
    return RowTerms(*(jnp.concatenate(column) for column in zip(*found, strict=True)))


def second_order(fn: Callable[[Array], Array], theta: Array) -> tuple[Array, Array, Array]:
    """The value and the first two derivatives of an elementwise function.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> [float(x) for x in second_order(lambda t: t**3, jnp.asarray(2.0))]
    [8.0, 12.0, 12.0]
    """
    one = jnp.ones_like(theta)

    def first(t: Array) -> tuple[Array, Array]:
        return jax.jvp(fn, (t,), (one,))

    (value, slope), (_, curvature) = jax.jvp(first, (theta,), (one,))
    return value, slope, curvature
