"""Smoothers of sequences: 353QH twice, and lowess."""

from __future__ import annotations

import numpy as np

from .._checks import as_floats, check_finite
from .._types import FloatArray
from ..errors import InvalidValueError, ShapeMismatchError

__all__ = ["FEWEST", "lowess", "smooth_353qh"]

FEWEST = 3
"""Bins that a smoother needs."""


def _read(what: str, y: object) -> FloatArray:
    values = check_finite(what, as_floats(what, y))
    if values.ndim != 1 or len(values) < FEWEST:
        raise ShapeMismatchError(
            f"{what}: a sequence of {FEWEST} numbers or more is needed, got shape {values.shape}."
        )
    return values


# -- 353QH ---------------------------------------------------------------------------------------


def smooth_353qh(y: object, times: int = 1) -> FloatArray:
    """Smooth by 353QH, twice: the algorithm of ROOT's ``TH1::Smooth``.

    Running medians of 3, 5 and 3, a quadratic interpolation where three are equal between two that are both
    above or both below, running means with the weights 1/4, 1/2, 1/4; then the same of what that left over,
    added. Where nothing is negative, nothing becomes so (J. Friedman, CERN School of Computing 1974).

    Parameters
    ----------
    y
        (bin,), three or more.
    times
        How often.

    Raises
    ------
    ShapeMismatchError, InvalidValueError
        For fewer numbers, such as are not finite, and ``times`` below 1.

    Examples
    --------
    >>> smooth_353qh([1.0, 1.0, 4.0, 1.0, 1.0])
    array([1., 1., 1., 1., 1.])
    """
    values = _read("smooth_353qh", y)
    if times < 1:
        raise InvalidValueError(f"smooth_353qh: times must be 1 or more, got {times}.")
    for _ in range(times):
        smoothed = _once(values)
        smoothed = smoothed + _once(values - smoothed)
        values = smoothed if values.min() < 0.0 else np.maximum(smoothed, 0.0)
    return values


def _once(y: FloatArray) -> FloatArray:
    return _means(_without_plateaus(_medians(y)))


def _running_median(y: FloatArray, width: int) -> FloatArray:
    """Medians of a window; the ends, where it does not fit, stay."""
    result = y.copy()
    if len(y) >= width:
        windows = np.lib.stride_tricks.sliding_window_view(y, width)
        result[width // 2 : len(y) - width // 2] = np.median(windows, axis=1)
    return result


def _medians(y: FloatArray) -> FloatArray:
    first = _running_median(y, 3)
    # Ends: the median with what a straight line through the next two would give two steps on (Tukey).
    first[0] = np.median([first[1], first[0], 3.0 * first[1] - 2.0 * first[2]])
    first[-1] = np.median([first[-2], first[-1], 3.0 * first[-2] - 2.0 * first[-3]])
    second = _running_median(first, 5)
    second[1] = np.median(first[:3])
    second[-2] = np.median(first[-3:])
    return _running_median(second, 3)


def _without_plateaus(y: FloatArray) -> FloatArray:
    """Peaks and valleys that medians made flat, as parabolas through what is two bins away."""
    result = y.copy()
    for i in range(2, len(y) - 2):
        before, after = y[i - 2] - y[i], y[i + 2] - y[i]
        if y[i - 1] != y[i] or y[i] != y[i + 1] or before * after <= 0.0:
            continue
        side = -1 if abs(after) > abs(before) else 1
        behind, ahead = y[i - 2 * side], y[i + 2 * side]
        result[i] = -0.5 * behind + y[i] / 0.75 + ahead / 6.0
        result[i + side] = 0.5 * (ahead - behind) + y[i]
    return result


def _means(y: FloatArray) -> FloatArray:
    result = y.copy()
    result[1:-1] = 0.25 * y[:-2] + 0.5 * y[1:-1] + 0.25 * y[2:]
    return result


# -- lowess --------------------------------------------------------------------------------------


def lowess(x: object, y: object, *, span: float = 2.0 / 3.0, iterations: int = 3) -> FloatArray:
    """Smooth by straight lines, fitted around each point to the points near it, outliers counting less.

    At each point the ``span`` of all points that is nearest has the weights (1 - (d/h)^3)^3, h the
    distance to the farthest of them; then, repeatedly, weights (1 - (r/6m)^2)^2 by the residuals r, m the
    median of their sizes, are multiplied to them (W. S. Cleveland, J. Am. Stat. Assoc. 74 (1979) 829).

    Parameters
    ----------
    x, y
        (bin,): increasing positions, and values.
    span
        Share of the points that are near, in (0, 1]; at least three.
    iterations
        How often outliers are looked for; 0 for plain local lines.

    Raises
    ------
    ShapeMismatchError, InvalidValueError
        For fewer than three points, other lengths, positions that do not increase, another span.

    Examples
    --------
    >>> lowess([0.0, 1.0, 2.0, 4.0], [1.0, 3.0, 5.0, 9.0])
    array([1., 3., 5., 9.])
    """
    positions, values = _read("lowess: x", x), _read("lowess: y", y)
    if len(positions) != len(values):
        raise ShapeMismatchError(f"lowess: {len(positions)} positions for {len(values)} values.")
    if np.any(np.diff(positions) <= 0.0):
        raise InvalidValueError("lowess: x must increase.")
    if not 0.0 < span <= 1.0:
        raise InvalidValueError(f"lowess: span must be in (0, 1], got {span}.")
    if iterations < 0:
        raise InvalidValueError(f"lowess: iterations must be 0 or more, got {iterations}.")
    near = _near(positions, max(FEWEST, int(span * len(positions) + 1e-9)))
    result = _lines(positions, values, near)
    for _ in range(iterations):
        residuals = np.abs(values - result)
        middle = 6.0 * float(np.median(residuals))
        # Where half the points lie on their lines there are no outliers to speak of.
        if middle <= 1e-9 * float(np.abs(values).max()):
            break
        bisquare = np.clip(1.0 - (residuals / middle) ** 2, 0.0, None) ** 2
        result = _lines(positions, values, near * bisquare)
    return result


def _near(x: FloatArray, count: int) -> FloatArray:
    """(point, point): tricube weights of the points that are nearest to each."""
    distance = np.abs(x[:, None] - x[None, :])
    farthest = np.sort(distance, axis=1)[:, count - 1 : count]
    weights: FloatArray = np.clip(1.0 - (distance / farthest) ** 3, 0.0, None) ** 3
    return weights


def _lines(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """The weighted straight line at each point; a mean where the weights leave one point only."""
    total = weights.sum(axis=1)
    # All weights 0, every neighbour an outlier: the point itself is what is left.
    weights = np.where(total[:, None] > 0.0, weights, np.eye(len(x)))
    total = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    from_mean = x[None, :] - mean_x[:, None]
    spread = np.sum(weights * from_mean**2, axis=1) / total
    slope = np.sum(weights * from_mean * (y[None, :] - mean_y[:, None]), axis=1) / total
    usable = spread > 1e-12 * (x[-1] - x[0]) ** 2
    result: FloatArray = mean_y + np.where(usable, slope / np.where(usable, spread, 1.0), 0.0) * (x - mean_x)
    return result
