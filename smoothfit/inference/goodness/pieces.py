"""Compiled functions of many toys, called for as many at a time as they were compiled for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._pytree import resolve
from ..._types import FloatArray
from ...prepared import Prepared

__all__ = ["PIECE", "in_pieces"]

PIECE = 64
"""Toys that are evaluated together: one compilation for however many there are."""


def in_pieces(call: Callable[..., Any], prepared: Prepared, *arrays: FloatArray) -> tuple[FloatArray, ...]:
    """What ``call(prepared, *arrays)`` gives, a tuple of arrays with a row a toy each."""
    number, model = len(arrays[0]), resolve(prepared)
    pieces = []
    for first in range(0, number, PIECE):
        rows = np.arange(first, first + PIECE) % number
        pieces.append([np.asarray(found) for found in call(model, *(array[rows] for array in arrays))])
    return tuple(np.concatenate(parts)[:number] for parts in zip(*pieces, strict=True))
