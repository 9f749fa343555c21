"""One Poisson count with a known background: every change of the order of counts has a closed form."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ...._types import ArrayLike, FloatArray
from ....results import ConfidenceBelt
from . import arguments

__all__ = ["poisson_belt", "poisson_interval", "poisson_p_value", "poisson_regions"]

_TIES = 1e-9
"""Of twice a log-likelihood ratio, where equal ones differ by rounding."""
_BEYOND = 1e-3
"""The part of 1 - cl that is left where the search for accepted values ends."""


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

    means, seen, known = (
        arguments.means(mu),
        arguments.count(n),
        arguments.number(background, "background", 0.0),
    )
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
    seen, known, alpha = (
        arguments.count(n),
        arguments.number(background, "background", 0.0),
        1.0 - arguments.level(cl),
    )
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
    means, known, level = (
        np.atleast_1d(arguments.means(mu)),
        arguments.number(background, "background", 0.0),
        arguments.level(cl),
    )
    ends = []
    for mean in means:
        counts = _counts_up_to(float(mean) + known, 1.0 - level)
        p = np.array([float(poisson_p_value(mean, int(n), known)) for n in counts])
        accepted = counts[p > 1.0 - level]
        ends.append((accepted[0], accepted[-1]))
    lower, upper = np.array(ends).T
    return ConfidenceBelt("mu", "n", level, means, lower, upper, discrete=True)
