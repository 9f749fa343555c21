"""Asymptotic distributions of the test statistics, for large samples: tails, and bands of what to expect.

The estimate of the POI is then Gaussian around its true value, with an error sigma, and the statistics are
functions of it (A. Wald 1943; G. Cowan, K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727). What is needed
beside the observed statistic q is the *distance* a = (mu - mu')/sigma from the tested value mu to the true
value mu' of the other hypothesis: the signed root of the statistic of the Asimov data of mu'.

All tails are logarithms: of limits far from the data both tails of a ratio may be below 1e-308.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..._types import ArrayLike, FloatArray

__all__ = ["RULES", "LogTails", "band_distance", "expected_tails", "log_below", "significance_of", "tails"]

RULES = ("cls", "clsb")
"""What is compared with 1 - cl: the ratio of both tails, or that of the tested value alone."""
_FARTHEST = 38.0
"""Standard deviations beyond which a tail is no number; there, a bound of what is returned."""


class LogTails(NamedTuple):
    """Logarithms of the probabilities of a statistic at least as large as the observed one."""

    clsb: FloatArray
    """Under the tested value."""
    clb: FloatArray
    """Under the other hypothesis."""

    @property
    def cls(self) -> FloatArray:
        """Of their ratio."""
        return np.asarray(self.clsb - self.clb)

    def of(self, rule: str) -> FloatArray:
        """What a rule compares."""
        return self.cls if rule == "cls" else self.clsb


def log_below(z: ArrayLike) -> FloatArray:
    """The logarithm of the normal distribution function."""
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(z))


def tails(statistic: str, q: ArrayLike, distance: ArrayLike) -> LogTails:
    """Tails of an observed statistic; arrays broadcast.

    Parameters
    ----------
    statistic
        Its name.
    q
        Its value.
    distance
        From the tested value to the other hypothesis, in errors.

    Notes
    -----
    arXiv:1007.1727, section 3: the distributions of each statistic for mu true, and for another value.

    Examples
    --------
    >>> found = tails("qtilde", 1.44, 2.0)
    >>> np.exp(found.clsb).round(4), np.exp(found.clb).round(4), np.exp(found.cls).round(4)
    (np.float64(0.1151), np.float64(0.7881), np.float64(0.146))
    """
    value, a = np.asarray(q, dtype=float), np.asarray(distance, dtype=float)
    root = np.sqrt(np.maximum(value, 0.0))
    near, near_other = log_below(-root), log_below(a - root)
    if statistic in ("q", "q0"):
        return LogTails(near, near_other)
    if statistic == "t":
        return LogTails(near + np.log(2.0), np.logaddexp(near_other, log_below(-a - root)))
    # Beyond a the estimate is negative, and the statistic a line instead of a parabola.
    beyond = (root > a) & (a > 0.0)
    width = np.where(beyond, 2.0 * a, 1.0)
    far, far_other = log_below(-(value + a * a) / width), log_below(-(value - a * a) / width)
    lower, lower_other = np.where(beyond, far, near), np.where(beyond, far_other, near_other)
    if statistic == "qtilde":
        return LogTails(lower, lower_other)
    return LogTails(np.logaddexp(near, lower), np.logaddexp(lower_other, log_below(-a - root)))


def expected_tails(statistic: str, distance: ArrayLike, n_sigma: ArrayLike) -> LogTails:
    """Tails for data of the other hypothesis whose estimate of the POI is ``n_sigma`` errors too high.

    For one-sided statistics these are log Phi(-(a - N)) and log Phi(N), also where a < N and the statistic
    is 0, as pyhf and Combine have it.
    """
    a, n = np.asarray(distance, dtype=float), np.asarray(n_sigma, dtype=float)
    if statistic in ("t", "ttilde"):
        q = (a - n) ** 2
        return tails(statistic, q if statistic == "t" else np.where(n < 0.0, a * a - 2.0 * a * n, q), a)
    a, n = np.broadcast_arrays(a, n)
    return LogTails(log_below(n - a), log_below(n))


def significance_of(log_p: ArrayLike) -> FloatArray:
    """Z with p = Phi(-Z): of the logarithm of a p-value; within +-38.

    Examples
    --------
    >>> significance_of(np.log(0.05)).round(4)
    np.float64(1.6449)
    """
    from scipy.special import ndtri_exp

    return np.clip(-ndtri_exp(np.minimum(log_p, 0.0)), -_FARTHEST, _FARTHEST)


def band_distance(statistic: str, rule: str, alpha: float, n_sigma: float) -> float:
    """The distance of the value that data of the other hypothesis just exclude, ``n_sigma`` errors high.

    The expected limit is where the Asimov data have this distance. NaN if there is none above 0 for a
    two-sided statistic.
    """
    from scipy.special import ndtr

    if statistic in ("q", "qtilde"):
        content = alpha * (float(ndtr(n_sigma)) if rule == "cls" else 1.0)
        return float(n_sigma + significance_of(np.log(content)))
    from scipy.optimize import brentq

    goal = float(significance_of(np.log(alpha)))

    def excess(a: float) -> float:
        return float(significance_of(expected_tails(statistic, a, n_sigma).of(rule))) - goal

    lowest = max(n_sigma, 0.0)
    if not excess(lowest) < 0.0 < excess(_FARTHEST):
        return float("nan")
    return float(brentq(excess, lowest, _FARTHEST, xtol=1e-12))
