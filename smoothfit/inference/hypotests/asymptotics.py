"""Asymptotic distributions of the test statistics, for large samples: tails, and bands of what to expect.

The estimate of the POI is then Gaussian around its true value, with an error sigma, and the statistics are
functions of it (A. Wald 1943; G. Cowan, K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727). What is needed
beside the observed statistic q is the *distance* a = (mu - mu')/sigma from the tested value mu to the true
value mu' of the other hypothesis: the signed root of the statistic of the Asimov data of mu'.

All tails are logarithms: of limits far from the data both tails of a ratio may be below 1e-308.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..._spaces import FARTHEST, log_below, root, significance_of, space_of

__all__ = ["RULES", "LogTails", "band_distance", "expected_tails", "tails"]

RULES = ("cls", "clsb")
"""What is compared with 1 - cl: the ratio of both tails, or that of the tested value alone."""


class LogTails(NamedTuple):
    """Logarithms of the probabilities of a statistic at least as large as the observed one."""

    clsb: Any
    """Under the tested value."""
    clb: Any
    """Under the other hypothesis."""

    @property
    def cls(self) -> Any:
        """Of their ratio."""
        return space_of(self.clsb).asarray(self.clsb - self.clb)

    def of(self, rule: str) -> Any:
        """What a rule compares."""
        return self.cls if rule == "cls" else self.clsb


def tails(statistic: str, q: Any, distance: Any) -> LogTails:
    """Tails of an observed statistic; arrays, of numpy or of JAX, broadcast.

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
    space = space_of(q, distance)
    value, a = space.asarray(q, dtype=float), space.asarray(distance, dtype=float)
    r = root(value)
    near, near_other = log_below(-r), log_below(a - r)
    if statistic in ("q", "q0"):
        return LogTails(near, near_other)
    if statistic == "t":
        return LogTails(near + np.log(2.0), space.logaddexp(near_other, log_below(-a - r)))
    # Beyond a the estimate is negative, and the statistic a line instead of a parabola.
    beyond = (r > a) & (a > 0.0)
    width = space.where(beyond, 2.0 * a, 1.0)
    far, far_other = log_below(-(value + a * a) / width), log_below(-(value - a * a) / width)
    lower, lower_other = space.where(beyond, far, near), space.where(beyond, far_other, near_other)
    if statistic == "qtilde":
        return LogTails(lower, lower_other)
    return LogTails(space.logaddexp(near, lower), space.logaddexp(lower_other, log_below(-a - r)))


def expected_tails(statistic: str, distance: Any, n_sigma: Any) -> LogTails:
    """Tails for data of the other hypothesis whose estimate of the POI is ``n_sigma`` errors too high.

    For one-sided statistics these are log Phi(-(a - N)) and log Phi(N), also where a < N and the statistic
    is 0, as pyhf and Combine have it.
    """
    space = space_of(distance, n_sigma)
    a, n = space.asarray(distance, dtype=float), space.asarray(n_sigma, dtype=float)
    if statistic in ("t", "ttilde"):
        q = (a - n) ** 2
        return tails(statistic, q if statistic == "t" else space.where(n < 0.0, a * a - 2.0 * a * n, q), a)
    a, n = space.broadcast_arrays(a, n)
    return LogTails(log_below(n - a), log_below(n))


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
    if not excess(lowest) < 0.0 < excess(FARTHEST):
        return float("nan")
    return float(brentq(excess, lowest, FARTHEST, xtol=1e-12))
