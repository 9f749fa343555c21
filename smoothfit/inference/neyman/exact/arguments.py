"""What the exact constructions are asked with, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...._checks import describe
from ...._types import ArrayLike, FloatArray
from ....errors import InvalidValueError

__all__ = ["count", "level", "means", "number"]


def number(given: Any, what: str, least: float = -np.inf) -> float:
    """A finite number, not below ``least``, else InvalidValueError."""
    good = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if not good or not np.isfinite(given) or given < least:
        wanted = "a number" if least == -np.inf else f"a number >= {least:g}"
        raise InvalidValueError(f"{what} must be {wanted}, got {describe(given)}.")
    return float(given)


def count(n: Any) -> int:
    """A whole number of events."""
    found = number(n, "n", 0.0)
    if found != int(found):
        raise InvalidValueError(f"n must be a whole number of events, got {describe(n)}.")
    return int(found)


def level(cl: Any) -> float:
    """A confidence level."""
    found = number(cl, "cl")
    if not 0.0 < found < 1.0:
        raise InvalidValueError(f"cl must be between 0 and 1, got {describe(cl)}.")
    return found


def means(mu: ArrayLike) -> FloatArray:
    """Physical values: finite, not negative."""
    found = np.asarray(mu, dtype=float)
    if not np.all(np.isfinite(found) & (found >= 0.0)):
        raise InvalidValueError("mu must be finite and not negative: these are the physical values.")
    return found
