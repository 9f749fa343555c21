"""Confidence levels and how far the NLL rises to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidValueError

__all__ = ["ONE_SIGMA", "joint_level"]

ONE_SIGMA = 0.6826894921370859
"""The content of one standard deviation of a Gaussian."""


def joint_level(cl: Any, parameters: int, call: str) -> float:
    """The rise of the NLL at a confidence level of so many parameters jointly; None is 68.27%.

    That is half the quantile of a chi2 distribution (S. S. Wilks, 1938).

    Raises
    ------
    InvalidValueError
        If ``cl`` is no number between 0 and 1.

    Examples
    --------
    >>> round(joint_level(None, 1, "scan"), 4), round(joint_level(0.68, 2, "contour"), 4)
    (0.5, 1.1394)
    """
    if cl is None and parameters == 1:
        return 0.5
    cl = ONE_SIGMA if cl is None else cl
    if isinstance(cl, bool) or not isinstance(cl, int | float | np.number) or not 0.0 < cl < 1.0:
        raise InvalidValueError(f"{call}: cl must be between 0 and 1, got {cl!r}.")
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import gammaincinv

    return float(gammaincinv(0.5 * parameters, cl))
