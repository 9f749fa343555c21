"""p-values: of chi2, and of toys, with their Monte Carlo error."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import FloatArray

__all__ = ["TIE", "chi2_tail", "tail", "tail_error"]

TIE = 1e-6
"""A toy that is below the observed value by less than this counts as equal: fits end no closer, and models
of few events have exact ties."""


def tail(toys: FloatArray, observed: Any) -> FloatArray:
    """p = k/N, k of N toys being as far from the expectation as the data, or farther.

    Parameters
    ----------
    toys
        (toy,) or (toy, channel); NaN of a toy without an answer, which is not counted.
    observed
        One number, or (channel,).

    Examples
    --------
    >>> float(tail(np.array([1.0, 2.0, 3.0, np.nan, 4.0]), 3.0))
    0.5
    """
    known = np.isfinite(toys)
    beyond = known & (toys >= np.asarray(observed) - TIE)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = beyond.sum(axis=0) / count
    return np.where(np.isfinite(observed), p, np.nan)


def tail_error(p: Any, toys: FloatArray) -> FloatArray:
    """The Monte Carlo error of p = k/N: sqrt(q (1 - q)/N) at q = (k + 1)/(N + 2), never 0.

    Examples
    --------
    >>> float(tail_error(0.0, np.zeros(998)))
    0.001...
    """
    n = np.isfinite(toys).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        q = (np.asarray(p) * n + 1.0) / (n + 2.0)
        return np.asarray(np.sqrt(q * (1.0 - q) / n))


def chi2_tail(value: float, ndof: int) -> float:
    """The probability of a chi2 of so many degrees of freedom to be larger; NaN without any.

    Examples
    --------
    >>> round(chi2_tail(3.841459, 1), 6), chi2_tail(1.0, 0)
    (0.05, nan)
    """
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import chdtrc

    return float(chdtrc(ndof, value)) if ndof > 0 else float("nan")
