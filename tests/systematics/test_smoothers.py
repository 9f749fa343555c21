"""The smoothers against slow transcriptions of their definitions, numbers by hand, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from smoothfit.systematics import lowess, smooth_353qh
from smoothfit.systematics.smoothers import _means, _medians, _without_plateaus


def median(*numbers):
    return sorted(numbers)[len(numbers) // 2]


def one_pass(given):
    """353QH of a list, step by step as ROOT's TH1::SmoothArray defines it."""
    z, n = list(given), len(given)
    y = list(z)
    for i in range(1, n - 1):
        z[i] = median(y[i - 1], y[i], y[i + 1])
    z[0] = median(z[1], z[0], 3 * z[1] - 2 * z[2])
    z[n - 1] = median(z[n - 2], z[n - 1], 3 * z[n - 2] - 2 * z[n - 3])
    y = list(z)
    for i in range(2, n - 2):
        z[i] = median(*y[i - 2 : i + 3])
    z[1] = median(*y[:3])
    z[n - 2] = median(*y[n - 3 :])
    y = list(z)
    for i in range(1, n - 1):
        z[i] = median(y[i - 1], y[i], y[i + 1])
    y = list(z)
    for i in range(2, n - 2):
        if z[i - 1] == z[i] == z[i + 1] and (z[i - 2] - z[i]) * (z[i + 2] - z[i]) > 0:
            k = -1 if abs(z[i + 2] - z[i]) > abs(z[i - 2] - z[i]) else 1
            y[i] = -0.5 * z[i - 2 * k] + z[i] / 0.75 + z[i + 2 * k] / 6
            y[i + k] = 0.5 * (z[i + 2 * k] - z[i - 2 * k]) + z[i]
    z = list(y)
    for i in range(1, n - 1):
        z[i] = 0.25 * y[i - 1] + 0.5 * y[i] + 0.25 * y[i + 1]
    return z


def twice(given):
    smooth = one_pass(given)
    rest = one_pass([a - b for a, b in zip(given, smooth, strict=True)])
    sums = [a + b for a, b in zip(smooth, rest, strict=True)]
    return sums if min(given) < 0 else [max(value, 0.0) for value in sums]


@pytest.mark.parametrize("size", [3, 4, 5, 6, 7, 12, 40])
def test_353qh_against_its_definition(size):
    random = np.random.default_rng(size)
    for trial in range(100):
        # Whole numbers, so that there are plateaus; some negative.
        y = random.integers(0, 6, size).astype(float) - (trial % 3 == 0)
        assert smooth_353qh(y) == pytest.approx(twice(y.tolist()), abs=1e-13)
    y = random.normal(1.0, 0.2, size)
    assert smooth_353qh(y, times=3) == pytest.approx(twice(twice(twice(y.tolist()))), abs=1e-12)


def test_its_steps_by_hand():
    # 3-medians 0 2 2 3 3 3 3, first end: median(2, 0, 3 * 2 - 2 * 2) = 2; medians of 5 and 3 change nothing.
    assert _medians(np.array([0.0, 2.0, 9.0, 2.0, 3.0, 3.0, 3.0])).tolist() == [2, 2, 2, 3, 3, 3, 3]
    # Around bin 3: before -3, after -2, so towards larger bins; -1 + 20/3 + 1/2 and (3 - 2)/2 + 5.
    flat = _without_plateaus(np.array([0.0, 2.0, 5.0, 5.0, 5.0, 3.0, 0.0]))
    assert flat == pytest.approx([0.0, 2.0, 5.0, 37.0 / 6.0, 5.5, 3.0, 0.0], abs=1e-14)
    assert _means(np.array([1.0, 2.0, 4.0, 0.0])).tolist() == [1.0, 2.25, 2.5, 0.0]


def test_what_353qh_keeps():
    line = np.arange(10.0)
    assert smooth_353qh(line) == pytest.approx(line, abs=1e-14)
    assert smooth_353qh(5.0 - line) == pytest.approx(5.0 - line, abs=1e-14)
    peak = np.ones(11)
    peak[5] = 7.0
    assert smooth_353qh(peak).tolist() == [1.0] * 11
    assert smooth_353qh(np.array([0.0, 0.0, 3.0, 0.0, 0.0, 1.0])).min() >= 0.0


def by_polyfit(x, y, count, iterations):
    """Each point's line by numpy's weighted least squares."""
    extra = np.ones(len(x))
    for step in range(iterations + 1):
        fitted = np.empty(len(x))
        for i, at in enumerate(x):
            distance = np.abs(x - at)
            h = np.sort(distance)[count - 1]
            weight = extra * np.where(distance < h, (1.0 - (distance / h) ** 3) ** 3, 0.0)
            slope, constant = np.polyfit(x, y, 1, w=np.sqrt(weight))
            fitted[i] = slope * at + constant
        size = np.abs(y - fitted)
        scaled = size / (6.0 * np.median(size))
        if step < iterations:
            extra = np.where(scaled < 1.0, (1.0 - scaled**2) ** 2, 0.0)
    return fitted


@pytest.mark.parametrize("iterations", [0, 1, 3])
@pytest.mark.parametrize(("size", "span"), [(12, 2.0 / 3.0), (30, 0.4), (9, 1.0)])
def test_lowess_against_local_fits(size, span, iterations):
    random = np.random.default_rng(size)
    x = np.sort(random.uniform(0.0, 10.0, size))
    y = np.sin(x) + random.normal(0.0, 0.1, size)
    y[size // 2] += 3.0
    expected = by_polyfit(x, y, int(span * size + 1e-9), iterations)
    assert lowess(x, y, span=span, iterations=iterations) == pytest.approx(expected, abs=1e-9)


def test_what_lowess_keeps():
    x = np.array([0.0, 1.0, 3.0, 4.0, 8.0, 9.0])
    assert lowess(x, 2.0 - 3.0 * x) == pytest.approx(2.0 - 3.0 * x, abs=1e-12)
    y = np.array([1.0, 1.2, 0.8, 1.1, 9.0, 1.0, 0.9, 1.1, 1.0, 0.9])
    # One outlier is worth nothing once it is found.
    assert np.all(np.abs(lowess(np.arange(10.0), y) - 1.0) < 0.3)
    assert np.any(np.abs(lowess(np.arange(10.0), y, iterations=0) - 1.0) > 0.5)
    # The points at the ends of a window of three weigh nothing: what is left is the point itself.
    assert lowess(np.arange(5.0), y[:5], span=0.6, iterations=0)[1:4] == pytest.approx(y[1:4], abs=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: smooth_353qh([1.0, 2.0]), ShapeMismatchError, "3 numbers or more"),
        (lambda: smooth_353qh([[1.0, 2.0, 3.0]]), ShapeMismatchError, r"shape \(1, 3\)"),
        (lambda: smooth_353qh([1.0, np.nan, 2.0]), InvalidValueError, "finite"),
        (lambda: smooth_353qh("abc"), InvalidTypeError, "numbers"),
        (lambda: smooth_353qh([1.0, 2.0, 3.0], times=0), InvalidValueError, "times"),
        (lambda: lowess([1.0, 2.0, 3.0], [1.0] * 4), ShapeMismatchError, "3 positions for 4"),
        (lambda: lowess([1.0, 1.0, 3.0], [1.0] * 3), InvalidValueError, "increase"),
        (lambda: lowess([1.0, 2.0, 3.0], [1.0] * 3, span=0.0), InvalidValueError, "span"),
        (lambda: lowess([1.0, 2.0, 3.0], [1.0] * 3, iterations=-1), InvalidValueError, "iterations"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
