"""Checks that the option objects of the fitters share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidValueError

__all__ = ["check_steps", "check_tolerance"]


def check_steps(of: str, max_steps: Any) -> None:
    """Raise unless it is a number of steps.

    Examples
    --------
    >>> check_steps("Jaxopt", 0)
    Traceback (most recent call last):
    ...
    smoothfit.errors.InvalidValueError: Jaxopt: max_steps must be a whole number from 1 on, got 0.
    """
    if isinstance(max_steps, bool) or not isinstance(max_steps, int | np.integer) or max_steps < 1:
        raise InvalidValueError(f"{of}: max_steps must be a whole number from 1 on, got {max_steps!r}.")


def check_tolerance(of: str, tolerance: Any) -> None:
    """Raise unless it is a positive number."""
    if not isinstance(tolerance, int | float | np.number) or not 0.0 < tolerance < np.inf:
        raise InvalidValueError(f"{of}: tolerance must be positive, got {tolerance!r}.")
