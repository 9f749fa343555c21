"""Where toys are drawn after a fit to data: a point at which every expectation can be drawn from."""

from __future__ import annotations

import numpy as np

from ..._types import FloatArray
from .. import compiled
from ..context import Context

__all__ = ["drawable"]

_ROUNDING = 1e-9
"""Events by which an expectation of nothing may be less than nothing, and steps of bin parameters."""


def drawable(context: Context, values: FloatArray) -> FloatArray:
    """(point, param + bin param): the same points, but for rounding.

    The parameter of a bin without data takes its expectation down to 0, which rounding may make negative;
    such a point has its bin parameters raised by 1e-9. What is negative by more stays so, and is refused
    where it is drawn from.
    """
    n = context.layout.n_params
    smallest = np.min(np.asarray(compiled.batch_expected(context.prepared, values)), axis=1)
    rounded = (smallest < 0.0) & (smallest > -_ROUNDING)
    found = values.copy()
    found[rounded, n:] += _ROUNDING * np.maximum(1.0, np.abs(found[rounded, n:]))
    return found
