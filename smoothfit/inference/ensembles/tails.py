"""Tail probabilities counted with toys, and their Monte Carlo errors."""

from __future__ import annotations

from typing import NamedTuple

from ..._types import FloatArray
from ...results.tails import TIE, tail, tail_error

__all__ = ["TIE", "Counted", "counted_tail"]


class Counted(NamedTuple):
    """A value with its Monte Carlo error."""

    value: float
    error: float


def counted_tail(toys: FloatArray, observed: float) -> Counted:
    """The part of toys (toy,) that are not below an observed value; failed ones (NaN) do not count.

    Examples
    --------
    >>> import numpy as np
    >>> counted_tail(np.array([0.0, 1.0, 2.0, np.nan]), 1.0 + 1e-9).value.__round__(4)
    0.6667
    """
    p = tail(toys, observed)
    return Counted(float(p), float(tail_error(p, toys)))
