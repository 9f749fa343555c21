"""One Gaussian measurement of what cannot be negative."""

from __future__ import annotations

import numpy as np

from ...._types import ArrayLike, FloatArray
from ....results import ConfidenceBelt
from . import arguments

__all__ = ["gaussian_belt", "gaussian_interval", "gaussian_p_value"]


def gaussian_p_value(mu: ArrayLike, x: float, sigma: float = 1.0) -> FloatArray:
    """The probability of measurements whose likelihood ratio is not above that of x, at true values mu >= 0.

    Examples
    --------
    >>> gaussian_p_value([0.5, 1.0, 2.0], 0.0).round(4)
    array([0.6171, 0.3173, 0.0455])
    """
    from scipy.special import ndtr

    width = arguments.number(sigma, "sigma", np.finfo(float).tiny)
    mean, seen = arguments.means(mu) / width, arguments.number(x, "x") / width
    q = np.where(seen >= 0.0, (seen - mean) ** 2, mean**2 - 2.0 * seen * mean)
    root = np.sqrt(q)
    safe = np.where(mean > 0.0, mean, 1.0)
    # Below 0 the best value is 0, and the ratio falls more slowly than the density.
    below = np.where(root <= mean, -root, (mean**2 - q) / (2.0 * safe) - mean)
    below = np.where((mean == 0.0) & (root > 0.0), -np.inf, below)
    return np.asarray(ndtr(-root) + ndtr(below))


def gaussian_interval(x: float, cl: float, sigma: float = 1.0) -> tuple[float, float]:
    """(lower, upper): the accepted true values, which are not negative, of a measurement x.

    Parameters
    ----------
    x
        The measurement, which may be negative.
    cl
        The confidence level.
    sigma
        The known standard deviation.

    Raises
    ------
    InvalidValueError
        For a width that is not positive, a level outside 0 to 1.

    Examples
    --------
    >>> [tuple(round(end, 2) for end in gaussian_interval(x, 0.9)) for x in (-1.0, 0.0, 3.0)]
    [(0.0, 0.81), (0.0, 1.64), (1.37, 4.64)]
    """
    from scipy.optimize import brentq

    alpha, width = 1.0 - arguments.level(cl), arguments.number(sigma, "sigma", np.finfo(float).tiny)
    seen = arguments.number(x, "x") / width

    def excess(mu: float) -> float:
        return float(gaussian_p_value(mu, seen)) - alpha

    best = max(seen, 0.0)
    last = best + 1.0
    while excess(last) > 0.0:
        last += 1.0
    upper = float(brentq(excess, best, last, xtol=1e-12))
    lower = 0.0 if excess(0.0) >= 0.0 else float(brentq(excess, 0.0, best, xtol=1e-12))
    return width * lower, width * upper


def gaussian_belt(mu: ArrayLike, cl: float, sigma: float = 1.0) -> ConfidenceBelt:
    """The accepted measurements of each true value; from minus infinity at 0.

    Examples
    --------
    >>> belt = gaussian_belt([0.0, 1.0, 4.0], 0.9)
    >>> belt.lower.round(2), belt.upper.round(2)
    (array([ -inf, -0.73,  2.36]), array([1.28, 2.57, 5.64]))
    """
    from scipy.optimize import brentq

    means, level = np.atleast_1d(arguments.means(mu)), arguments.level(cl)
    width = arguments.number(sigma, "sigma", np.finfo(float).tiny)
    lower, upper = [], []
    for mean in means / width:

        def excess(x: float, mean: float = float(mean)) -> float:
            return float(gaussian_p_value(mean, x)) - (1.0 - level)

        first = mean - 1.0
        while mean > 0.0 and excess(first) > 0.0:
            first -= 1.0 + abs(first)
        lower.append(float(brentq(excess, first, mean, xtol=1e-12)) if mean > 0.0 else -np.inf)
        upper.append(float(brentq(excess, max(mean, 1e-12), mean + 40.0, xtol=1e-12)))
    ends = width * np.array(lower), width * np.array(upper)
    return ConfidenceBelt("mu", "x", level, means, *ends)
