"""The Neyman construction with likelihood-ratio ordering, exactly, where no toys are needed.

For one Poisson count with a known background, and for one Gaussian measurement of what cannot be negative:
G. Feldman and R. Cousins, Phys. Rev. D57 (1998) 3873, arXiv:physics/9711021. A value mu is accepted if its
p-value, the probability of what is ordered no higher than the observation, is above 1 - cl; the interval
goes from the first accepted value to the last.

* :func:`poisson_interval`, :func:`poisson_regions`, :func:`poisson_p_value`, :func:`poisson_belt`
* :func:`gaussian_interval`, :func:`gaussian_p_value`, :func:`gaussian_belt`

Intervals of other models are :meth:`smoothfit.Model.feldman_cousins`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..._checks import describe
from ..._types import ArrayLike, FloatArray
from ...errors import InvalidValueError
from ...results import ConfidenceBelt

__all__ = [
    "gaussian_belt",
    "gaussian_interval",
    "gaussian_p_value",
    "poisson_belt",
    "poisson_interval",
    "poisson_p_value",
    "poisson_regions",
]

_TIES = 1e-9
"""Of twice a log-likelihood ratio, where equal ones differ by rounding."""
_BEYOND = 1e-3
"""The part of 1 - cl that is left where the search for accepted values ends."""


def _number(given: Any, what: str, least: float = -np.inf) -> float:
    good = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if not good or not np.isfinite(given) or given < least:
        wanted = "a number" if least == -np.inf else f"a number >= {least:g}"
        raise InvalidValueError(f"{what} must be {wanted}, got {describe(given)}.")
    return float(given)


def _count(n: Any) -> int:
    number = _number(n, "n", 0.0)
    if number != int(number):
        raise InvalidValueError(f"n must be a whole number of events, got {describe(n)}.")
    return int(number)


def _level(cl: Any) -> float:
    number = _number(cl, "cl")
    if not 0.0 < number < 1.0:
        raise InvalidValueError(f"cl must be between 0 and 1, got {describe(cl)}.")
    return number


def _means(mu: ArrayLike) -> FloatArray:
    means = np.asarray(mu, dtype=float)
    if not np.all(np.isfinite(means) & (means >= 0.0)):
        raise InvalidValueError("mu must be finite and not negative: these are the physical values.")
    return means


# -- a Poisson count -----------------------------------------------------------------------------------


def _best(n: FloatArray, background: float) -> FloatArray:
    """log of the likelihood of n at its best mean within the bounds, without log n!."""
    from scipy.special import xlogy

    mean = np.maximum(n, background)
    return np.asarray(xlogy(n, mean) - mean)


def _twice_ratio(mu: ArrayLike, n: FloatArray, background: float) -> FloatArray:
    from scipy.special import xlogy

    mean = np.asarray(mu, dtype=float) + background
    return np.asarray(2.0 * (mean - xlogy(n, mean) + _best(n, background)))


def _counts_up_to(mean: float, probability: float) -> FloatArray:
    """(n,): all counts but the highest, which together are less probable than this."""
    from scipy.stats import poisson

    return np.arange(float(poisson.isf(1e-6 * probability, mean)) + 2.0)


def poisson_p_value(mu: ArrayLike, n: int, background: float) -> FloatArray:
    """The probability of counts whose likelihood ratio is not above that of n, at signal means mu.

    Parameters
    ----------
    mu
        Means of the signal, of any shape, in events.
    n
        The observed count.
    background
        The known mean of the background.

    Examples
    --------
    >>> poisson_p_value([0.0, 1.0, 2.0], 1, 3.0).round(4)
    array([1.    , 0.2023, 0.0723])
    """
    from scipy.stats import poisson

    means, seen, known = _means(mu), _count(n), _number(background, "background", 0.0)
    found = np.empty(means.shape)
    for at, mean in np.ndenumerate(means):
        counts = _counts_up_to(float(mean) + known, 1e-9)
        counts = np.union1d(counts, [float(seen)])
        ratio = _twice_ratio(float(mean), counts, known)
        observed = _twice_ratio(float(mean), np.array([float(seen)]), known)[0]
        kept = counts[ratio < observed - _TIES]
        found[at] = 1.0 - poisson.pmf(kept, float(mean) + known).sum()
    return found


def _segments(n: int, background: float, last: float, counts: FloatArray) -> FloatArray:
    """Where the order of the counts changes with respect to n: 0, ..., last.

    The ratio of two counts is a straight line in log(mu + background), so that each has one such place.
    """
    others = counts[counts != n]
    best = _best(others, background) - _best(np.array([float(n)]), background)
    means = np.exp(best / (others - n)) - background
    inside = means[(means > _TIES) & (means < last)]
    return np.unique(np.concatenate([[0.0], inside, [last]]))


def poisson_regions(n: int, background: float, cl: float) -> FloatArray:
    """(region, 2): all values of the signal mean that are accepted, where there may be gaps.

    Parameters
    ----------
    n
        The observed count.
    background
        The known mean of the background.
    cl
        The confidence level.

    Examples
    --------
    >>> poisson_regions(4, 3.0, 0.9).round(3)
    array([[0.   , 5.597]])
    """
    seen, known, alpha = _count(n), _number(background, "background", 0.0), 1.0 - _level(cl)
    last = _last_mean(seen, known, alpha)
    counts = _counts_up_to(last + known, alpha)
    edges = _segments(seen, known, last, counts)
    accepted: list[list[float]] = []
    for low, high in pairwise(edges.tolist()):
        for begin, end in _accepted_within(seen, known, alpha, counts, low, high):
            if accepted and begin <= accepted[-1][1] + _TIES:
                accepted[-1][1] = end
            else:
                accepted.append([begin, end])
    return np.array(accepted).reshape(-1, 2)


def _last_mean(n: int, background: float, alpha: float) -> float:
    """A mean of the signal at which n is much less probable than 1 - cl."""
    from scipy.special import gammaincinv

    return max(float(gammaincinv(n + 1.0, 1.0 - _BEYOND * alpha)) - background, 1.0)


def _accepted_within(
    n: int, background: float, alpha: float, counts: FloatArray, low: float, high: float
) -> list[tuple[float, float]]:
    """Accepted values between two changes of the order: there the same counts make the p-value."""
    from scipy.optimize import brentq
    from scipy.special import gammaln
    from scipy.stats import poisson

    middle = 0.5 * (low + high)
    ratio = _twice_ratio(middle, counts, background)
    kept = counts[ratio < ratio[n] - _TIES]
    if not len(kept):
        return [(low, high)]

    def excess(mu: float) -> float:
        return float(1.0 - alpha - poisson.pmf(kept, mu + background).sum())

    # What is kept are neighbours, a < k < c: their probability has one maximum, where those of the
    # first and of the one before the first agree.
    first, last = float(kept[0]), float(kept[-1])
    turn = np.exp((gammaln(last + 1.0) - gammaln(first)) / (last - first + 1.0)) if first > 0.0 else 0.0
    ends = sorted({low, high, *([turn - background] if low < turn - background < high else [])})
    found: list[tuple[float, float]] = []
    for begin, end in pairwise(ends):
        left, right = excess(begin), excess(end)
        if left > 0.0 and right > 0.0:
            found.append((begin, end))
        elif left > 0.0 or right > 0.0:
            root = float(brentq(excess, begin, end, xtol=1e-12))
            found.append((begin, root) if left > 0.0 else (root, end))
    return found


def poisson_interval(n: int, background: float, cl: float) -> tuple[float, float]:
    """(lower, upper): the first and the last accepted value of the signal mean.

    Parameters
    ----------
    n
        The observed count.
    background
        The known mean of the background.
    cl
        The confidence level.

    Notes
    -----
    This is the construction itself. The published tables make the upper ends fall with the background for
    few events (n = 0, b = 3 at 90%: 1.08 there, 0.95 here), which lengthens intervals.

    Raises
    ------
    InvalidValueError
        For a count that is none, a negative background, a level outside 0 to 1.

    Examples
    --------
    >>> [tuple(round(x, 2) for x in poisson_interval(n, 3.0, 0.9)) for n in (1, 6, 10)]
    [(0.0, 1.88), (0.15, 8.47), (2.63, 13.5)]
    """
    regions = poisson_regions(n, background, cl)
    return float(regions[0, 0]), float(regions[-1, 1])


def poisson_belt(mu: ArrayLike, background: float, cl: float) -> ConfidenceBelt:
    """The accepted counts of each signal mean.

    Examples
    --------
    >>> belt = poisson_belt([0.0, 0.5, 1.0], 3.0, 0.9)
    >>> belt.lower, belt.upper
    (array([0., 0., 1.]), array([5., 6., 7.]))
    """
    means, known, level = np.atleast_1d(_means(mu)), _number(background, "background", 0.0), _level(cl)
    ends = []
    for mean in means:
        counts = _counts_up_to(float(mean) + known, 1.0 - level)
        p = np.array([float(poisson_p_value(mean, int(n), known)) for n in counts])
        accepted = counts[p > 1.0 - level]
        ends.append((accepted[0], accepted[-1]))
    lower, upper = np.array(ends).T
    return ConfidenceBelt("mu", "n", level, means, lower, upper, discrete=True)


# -- a Gaussian measurement ----------------------------------------------------------------------------


def gaussian_p_value(mu: ArrayLike, x: float, sigma: float = 1.0) -> FloatArray:
    """The probability of measurements whose likelihood ratio is not above that of x, at true values mu >= 0.

    Examples
    --------
    >>> gaussian_p_value([0.5, 1.0, 2.0], 0.0).round(4)
    array([0.6171, 0.3173, 0.0455])
    """
    from scipy.special import ndtr

    width = _number(sigma, "sigma", np.finfo(float).tiny)
    mean, seen = _means(mu) / width, _number(x, "x") / width
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

    alpha, width = 1.0 - _level(cl), _number(sigma, "sigma", np.finfo(float).tiny)
    seen = _number(x, "x") / width

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

    means, level = np.atleast_1d(_means(mu)), _level(cl)
    width = _number(sigma, "sigma", np.finfo(float).tiny)
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
