"""Numbers from counts of toys: critical values and binomial intervals."""

from __future__ import annotations

import numpy as np

from ..._types import FloatArray
from ..ensembles import Counted

__all__ = ["binomial_interval", "critical_value"]


def critical_value(statistics: FloatArray, cl: float) -> Counted:
    """The largest statistic that is accepted at a confidence level, and its error from the order of the toys.

    It is the smallest value that at least a part ``cl`` of the toys do not exceed; its error is half the
    distance of the toys one binomial standard deviation further up and down.

    Examples
    --------
    >>> critical_value(np.arange(1.0, 101.0), 0.9)
    Counted(value=90.0, error=3.0)
    """
    known = np.sort(statistics[np.isfinite(statistics)])
    n = len(known)
    if not n:
        return Counted(np.nan, np.nan)
    spread = np.sqrt(n * cl * (1.0 - cl))
    # 1e-9: the product of 0.9 and 10 must not count as a little more than 9.
    ranks = np.ceil(np.array([n * cl, n * cl - spread, n * cl + spread]) - 1e-9).astype(int) - 1
    middle, low, high = known[np.clip(ranks, 0, n - 1)]
    return Counted(float(middle), float(0.5 * (high - low)))


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
