"""Constraints that prefer no value: a flat density on a range, and none at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._types import ArrayLike
from ..errors import InvalidValueError
from .base import Constraint, Prefit, numbers_of

__all__ = ["NoConstraint", "Uniform"]


@dataclass(frozen=True, eq=False)
class Uniform(Constraint):
    """Flat density 1/(upper - lower) on a range, which becomes the variable's bounds.

    Bounds given to the variable must be inside the range; the density stays what it is. There is no
    global observable.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If the limits are not finite, or lower is not below upper.

    Examples
    --------
    >>> from smoothfit import Variable
    >>> Variable("theta", 0.0, constraint=Uniform(-1.0, 1.0))
    Variable('theta', 0.0, lower_bound=-1.0, upper_bound=1.0, constraint=Uniform(lower=-1.0, upper=1.0))
    """

    kind: ClassVar[str] = "uniform"

    lower: ArrayLike
    upper: ArrayLike

    def __post_init__(self) -> None:
        lower = numbers_of("Uniform constraint: lower", self.lower)
        upper = numbers_of("Uniform constraint: upper", self.upper)
        if lower.ndim and upper.ndim and lower.shape != upper.shape:
            # Each is compared with the variable, which says what is wrong.
            return
        if np.any(lower >= upper):
            raise InvalidValueError(
                f"Uniform constraint: lower must be below upper, got {lower.tolist()} and {upper.tolist()}."
            )

    @property
    def numbers(self) -> tuple[Any, ...]:
        return self.lower, self.upper

    @property
    def support(self) -> tuple[Any, Any]:
        return self.lower, self.upper

    def prefit(self) -> Prefit:
        lower, upper = np.asarray(self.lower), np.asarray(self.upper)
        width = (upper - lower) / np.sqrt(12.0)
        return Prefit(0.5 * (lower + upper), width, width)


@dataclass(frozen=True, eq=False)
class NoConstraint(Constraint):
    """No constraint: the variable is free."""
