"""Array types, named once.

Shapes are written with the same words everywhere: ``param``, ``bin``, ``row`` (a sub-process in
a channel), ``channel``, ``toy``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "ArrayLike", "BoolArray", "FloatArray", "IntArray", "PyTree"]

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = jax.Array
PyTree: TypeAlias = Any
