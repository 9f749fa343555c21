"""Numbers from counts of toys: p-values, critical values, and their Monte Carlo errors.

A p-value is k/N, the part of the toys whose statistic is at least the observed one: exact ties, which
counting models have, are told from rounding by :data:`TOLERANCE`. Its error is that of a binomial at
(k + 1)/(N + 2), so that 0 and N of N have an error, too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..._types import FloatArray

__all__ = ["TOLERANCE", "Number", "binomial_error", "binomial_interval", "critical_value", "tail"]

TOLERANCE = 1e-6
"""Statistics that differ by less are equal: fits are not more precise."""


class Number(NamedTuple):
    """A value with its Monte Carlo error."""

    value: float
    error: float


def binomial_error(k: int, n: int) -> float:
    """The error of k/n.

    Examples
    --------
    >>> round(binomial_error(0, 98), 4), round(binomial_error(50, 100), 3)
    (0.0101, 0.05)
    """
    expected = (k + 1.0) / (n + 2.0)
    return float(np.sqrt(expected * (1.0 - expected) / max(n, 1)))


def tail(statistics: FloatArray, observed: float) -> Number:
    """The p-value of what was observed, among toys; NaN (of failed fits) are left out.

    Examples
    --------
    >>> tail(np.array([0.0, 1.0, 2.0, np.nan]), 1.0 + 1e-9).value.__round__(4)
    0.6667
    """
    known = statistics[np.isfinite(statistics)]
    if not len(known) or not np.isfinite(observed):
        return Number(np.nan, np.nan)
    k = int(np.sum(known >= observed - TOLERANCE))
    return Number(k / len(known), binomial_error(k, len(known)))


def critical_value(statistics: FloatArray, cl: float) -> Number:
    """The largest statistic that is accepted at a confidence level, and its error from the order of the toys.

    It is the smallest value that at least a part ``cl`` of the toys do not exceed; its error is half the
    distance of the toys one binomial standard deviation further up and down.

    Examples
    --------
    >>> critical_value(np.arange(1.0, 101.0), 0.9)
    Number(value=90.0, error=3.0)
    """
    known = np.sort(statistics[np.isfinite(statistics)])
    n = len(known)
    if not n:
        return Number(np.nan, np.nan)
    spread = np.sqrt(n * cl * (1.0 - cl))
    # 1e-9: the product of 0.9 and 10 must not count as a little more than 9.
    ranks = np.ceil(np.array([n * cl, n * cl - spread, n * cl + spread]) - 1e-9).astype(int) - 1
    middle, low, high = known[np.clip(ranks, 0, n - 1)]
    return Number(float(middle), float(0.5 * (high - low)))


def binomial_interval(k: int, n: int, cl: float) -> tuple[float, float]:
    """The central interval of a binomial probability by Clopper and Pearson (Biometrika 26 (1934) 404).

    Examples
    --------
    >>> low, high = binomial_interval(9, 10, 0.95)
    >>> round(low, 4), round(high, 4)
    (0.555, 0.9975)
    """
    from scipy.special import betaincinv

    side = 0.5 * (1.0 - cl)
    low = float(betaincinv(k, n - k + 1, side)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1.0 - side)) if k < n else 1.0
    return low, high
