"""Array types, named once.

Shapes are written with the same words everywhere: ``param``, ``bin``, ``row`` (a sub-process in
a channel), ``channel``, ``toy``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Array",
    "ArrayLike",
    "BoolArray",
    "FloatArray",
    "IndexArray",
    "IntArray",
    "Leaf",
    "PyTree",
    "floats",
]

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = jax.Array
PyTree: TypeAlias = Any
Leaf: TypeAlias = Any
"""An array in a pytree: numpy while it is put together, on the device once prepared."""
IndexArray: TypeAlias = Any
"""Integers of a plan: an ``Index`` as prepared, an int32 array once resolved."""


def floats(values: ArrayLike) -> Any:
    """An array of floats: of JAX if it is one or is being traced, else of numpy.

    Compiled functions take numpy's to the device themselves, faster than one by one.
    """
    if isinstance(values, jax.Array):
        return values if values.dtype == np.float64 else jnp.asarray(values, float)
    try:
        return np.asarray(values, float)
    except jax.errors.TracerArrayConversionError:
        return jnp.asarray(values, float)
