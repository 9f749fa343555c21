"""The monomials of a quadratic in n coefficients, and their order: 1, linear, then the upper triangle."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._types import Array, FloatArray
from ..build.checks import as_floats, check_finite
from ..errors import ShapeMismatchError

__all__ = ["as_points", "monomial_names", "monomials", "monomials_of_points", "n_monomials"]


def n_monomials(n: int, *, linear_only: bool = False) -> int:
    """M, the number of basis templates of n operators.

    Examples
    --------
    >>> [n_monomials(n) for n in (1, 2, 10)], n_monomials(10, linear_only=True)
    ([3, 6, 66], 11)
    """
    return 1 + n if linear_only else 1 + n + n * (n + 1) // 2


def monomials(c: Array, *, linear_only: bool = False) -> Array:
    """w(c) along the last axis, (..., operator) to (..., M); traceable.

    Examples
    --------
    >>> monomials(jnp.array([2.0, 3.0])).tolist()
    [1.0, 2.0, 3.0, 4.0, 6.0, 9.0]
    """
    return _monomials(c, linear_only, jnp)


def monomials_of_points(points: FloatArray, *, linear_only: bool = False) -> FloatArray:
    """As :func:`monomials`, in numpy."""
    return np.asarray(_monomials(points, linear_only, np))


def _monomials(c: Any, linear_only: bool, xp: Any) -> Any:
    parts = [xp.ones((*c.shape[:-1], 1)), c]
    if not linear_only:
        first, second = np.triu_indices(c.shape[-1])
        parts.append(c[..., first] * c[..., second])
    return xp.concatenate(parts, axis=-1)


def monomial_names(operators: Sequence[str], *, linear_only: bool = False) -> tuple[str, ...]:
    """Names of the M monomials, in order.

    Examples
    --------
    >>> monomial_names(["ctG", "cHG"])
    ('1', 'ctG', 'cHG', 'ctG*ctG', 'ctG*cHG', 'cHG*cHG')
    """
    pairs = () if linear_only else combinations_with_replacement(operators, 2)
    return ("1", *operators, *(f"{first}*{second}" for first, second in pairs))


def as_points(what: str, points: Any) -> FloatArray:
    """Finite (point, operator) values; else an error that says what was given."""
    array = check_finite(what, as_floats(what, points))
    if array.ndim != 2 or 0 in array.shape:
        raise ShapeMismatchError(
            f"{what} has shape {array.shape}, expected (point, operator): one row a point, "
            "[[0.0], [1.0], [-1.0]] for one operator."
        )
    return array
