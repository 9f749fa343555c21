"""Checks of arrays that may be traced: shapes and types always, numbers where they are known.

What can only be seen in the numbers is an error where they are known, and NaN where they are not
(:func:`or_nan`).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import as_floats, check_finite, describe
from .._types import Array, FloatArray
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

__all__ = ["check_chunk", "numbers", "or_nan", "positive", "rising", "scalar", "vector"]


def numbers(what: str, values: Any) -> tuple[Array, FloatArray | None]:
    """Finite numbers for JAX, and for numpy if they are known: None while one of them is traced."""
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))
    if not traced and not isinstance(values, jax.Array):
        given = check_finite(what, as_floats(what, values))
        return jnp.asarray(given), given
    try:
        array = jnp.asarray(values)
    except (TypeError, ValueError) as error:
        raise ShapeMismatchError(f"{what} cannot be read as an array of numbers: {error}") from error
    if not jnp.issubdtype(array.dtype, jnp.floating) and not jnp.issubdtype(array.dtype, jnp.integer):
        raise InvalidTypeError(f"{what} must be real numbers, got {array.dtype}.")
    # Of the values, not of the array: while something else is traced, converting it is part of the trace.
    known = None if traced else check_finite(what, np.asarray(values).astype(float))
    return array.astype(float), known


def vector(what: str, values: Any, noun: str, length: int | None = None) -> tuple[Array, FloatArray | None]:
    """One number for each of something: of any length, or of that of something else."""
    array, known = numbers(what, values)
    if array.ndim != 1 or (length is not None and len(array) != length):
        expected = f"({noun if length is None else length},)"
        raise ShapeMismatchError(
            f"{what}: shape {array.shape}, expected {expected}, one number for each {noun}; for more use "
            "jax.vmap."
        )
    return array, known


def scalar(what: str, value: Any) -> tuple[Array, FloatArray | None]:
    """One number."""
    array, known = numbers(what, value)
    if array.ndim:
        raise ShapeMismatchError(f"{what}: shape {array.shape}, expected one number; for more use jax.vmap.")
    return array, known


def positive(what: str, value: Any, cure: str) -> Array:
    """One number, positive if it is known."""
    array, known = scalar(what, value)
    if known is not None and not known > 0.0:
        raise InvalidValueError(f"{what} must be positive, got {float(known):g}; {cure}.")
    return array


def rising(what: str, values: Any) -> tuple[Array, FloatArray | None]:
    """Edges of at least one bin, strictly increasing if they are known."""
    array, known = vector(what, values, "edge")
    if len(array) < 2:
        raise ShapeMismatchError(
            f"{what}: shape {array.shape}, expected at least two edges: those of one bin."
        )
    if known is not None and np.any(np.diff(known) <= 0.0):
        at = int(np.argmax(np.diff(known) <= 0.0))
        raise InvalidValueError(
            f"{what} must increase strictly, got {known[at]:g} before {known[at + 1]:g} at index {at}; sort "
            "them, or make them by ordered_edges."
        )
    return array, known


def or_nan(holds: Array, values: Array) -> Array:
    """The values if the condition holds, else NaN: what numbers that are traced get instead of an error."""
    return jnp.where(holds, values, jnp.nan)


def check_chunk(what: str, chunk: Any) -> int | None:
    """A positive whole number, or None."""
    if chunk is None:
        return None
    if isinstance(chunk, bool) or not isinstance(chunk, int | np.integer):
        raise InvalidTypeError(f"{what} must be a whole number of events, or None, got {describe(chunk)}.")
    if chunk < 1:
        raise InvalidValueError(f"{what} must be at least 1, got {chunk}; None chooses.")
    return int(chunk)
