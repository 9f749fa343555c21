"""Upper limits by toys: tests at few values of the POI, near where CLs, observed or expected, is 1 - cl.

The values come from the asymptotic limits, then from where the curves through the tests so far cross. A limit
is the crossing of a curve fitted to log CLs near it; its Monte Carlo error is that of log CLs at the nearest
test, over the slope: no error is made smaller by tests that share their toys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..._types import FloatArray
from ...progress import track
from ...results import Limit
from ..ensembles import Counted
from .roots import Ending
from .toy_tests import ToyOptions, ToyPoint, ToyTests

__all__ = ["limit_by_toys"]

_MOST_POINTS = 24
_NEAR = 0.04
"""Relative distance of a crossing from the nearest tested value that needs no further test."""
_WINDOW = 6.0
"""Tests whose CLs is within this factor of the goal say where the curve crosses."""


class _Crossing(NamedTuple):
    """Where a curve reaches the goal."""

    value: float
    error: float
    ending: Ending


@dataclass(frozen=True)
class _Curve:
    """Log tails along the POI, observed or of a band."""

    goal: float
    """The tail's logarithm at the limit."""
    low: float
    high: float
    of: Callable[[ToyPoint], Counted]

    def _known(self, points: Sequence[ToyPoint]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(point,) values, logarithms of tails, and their errors."""
        tails = [self.of(point) for point in points]
        good = [i for i, tail in enumerate(tails) if np.isfinite(tail.value)]
        at = np.array([points[i].value for i in good])
        # No toy in the tail: half a toy, with an error of its own size.
        least = np.array([0.5 / max(len(points[i]), 1) for i in good])
        p = np.array([tails[i].value for i in good])
        error = np.array([tails[i].error for i in good])
        shown = np.maximum(p, least)
        return at, np.log(shown), np.where(p > 0.0, error / shown, 1.0)

    def crossing(self, points: Sequence[ToyPoint]) -> tuple[_Crossing | None, float | None]:
        """What is known of the crossing, and where to test next; None for nowhere."""
        at, height, error = self._known(points)
        if not len(at):
            return _Crossing(np.nan, np.nan, Ending.NOT_FOUND), None
        excluded = np.flatnonzero(height < self.goal)
        if not len(excluded):
            if at[-1] >= self.high:
                return _Crossing(np.nan, np.nan, Ending.BELOW), None
            return None, float(min(at[-1] + max(0.5 * abs(at[-1]), 1e-3), self.high))
        first = int(excluded[0])
        if first == 0:
            if at[0] <= self.low:
                return _Crossing(np.nan, np.nan, Ending.ABOVE), None
            nearer = 0.5 * (self.low + at[0]) if np.isfinite(self.low) else at[0] - max(abs(at[0]), 1e-3)
            return None, float(self.low if at[0] - self.low < 1e-3 * abs(at[0]) else nearer)
        found = self._between(at, height, error, first)
        nearest = float(np.min(np.abs(at - found.value)))
        settled = nearest <= max(_NEAR * abs(found.value), 0.5 * found.error)
        return found, None if settled else found.value

    def _between(self, at: FloatArray, height: FloatArray, error: FloatArray, first: int) -> _Crossing:
        left, right = at[first - 1], at[first]
        slope = (height[first] - height[first - 1]) / (right - left)
        value = left + (self.goal - height[first - 1]) / slope
        near = np.zeros(len(at), dtype=bool)
        near[max(first - 2, 0) : first + 2] = True
        near &= np.abs(height - self.goal) < np.log(_WINDOW)
        if near.sum() >= 3:
            # A line through the tests around: one that is off by chance does not say alone where it crosses.
            steep, offset = np.polyfit(at[near] - value, height[near] - self.goal, 1, w=1.0 / error[near])
            best = value - offset / steep
            if steep < 0.0 and at[near].min() < best < at[near].max():
                value, slope = best, steep
        nearest = int(np.argmin(np.abs(at - value)))
        return _Crossing(float(value), float(error[nearest] / abs(slope)), Ending.FOUND)


def limit_by_toys(
    tests: ToyTests, guess: Limit, *, ends: tuple[float, float], extra: Sequence[float] = ()
) -> Limit:
    """The limit by toys, observed and expected.

    Parameters
    ----------
    guess
        The asymptotic one: where to begin, and all that does not depend on toys.
    ends
        (low, high) between which to look.
    extra
        Further values to test.
    """
    goal = float(np.log(1.0 - guess.cl))
    curves = [_Curve(goal, *ends, lambda point: point.observed_tails().of(guess.rule))]
    for n in guess.n_sigma:
        curves.append(_Curve(goal, *ends, lambda point, n=float(n): point.band_tails(n).of(guess.rule)))  # type: ignore[misc]
    points = _Points(tests, guess.rule)
    with track(_MOST_POINTS, f"tested values of {tests.poi.name}") as advance:
        for value in _first_values(guess, ends, extra):
            points.test(value)
            advance(1, points.state(curves[0]))
        while len(points.tested) < _MOST_POINTS:
            wanted = points.wanted(curves)
            if wanted is None:
                break
            points.test(wanted)
            advance(1, points.state(curves[0]))
        _sharpen(points, curves[0], tests.options)
    return _limit(tests, guess, points, [curve.crossing(points.tested)[0] for curve in curves])


def _first_values(guess: Limit, ends: tuple[float, float], extra: Sequence[float]) -> list[float]:
    """Where to begin: at the asymptotic limits, one of those that are as good as equal."""
    found = [float(v) for v in (guess.observed, *guess.expected, *extra) if np.isfinite(v)]
    if not found:
        start = guess.best if np.isfinite(guess.best) else 0.0
        found = [start + max(abs(start), 1.0)]
    kept: list[float] = []
    for value in sorted(float(np.clip(v, *ends)) for v in found):
        if not kept or value - kept[-1] > _NEAR * abs(value):
            kept.append(value)
    return kept


class _Points:
    """The tested values of a limit."""

    def __init__(self, tests: ToyTests, rule: str) -> None:
        self._tests, self._rule = tests, rule
        self.tested: list[ToyPoint] = []
        """Ascending."""

    def test(self, value: float) -> ToyPoint:
        """Make the toys of a value."""
        precision = replace(self._tests.options.precision, error=None)
        point = self._tests.at(value)
        point.extend(precision, lambda p: p.observed_tails().of(self._rule), self._rule)
        self.tested = sorted({*self.tested, point}, key=lambda p: p.value)
        return point

    def wanted(self, curves: Sequence[_Curve]) -> float | None:
        """Where the next test is needed; None for nowhere."""
        known = [point.value for point in self.tested]
        for curve in curves:
            value = curve.crossing(self.tested)[1]
            if value is not None and value not in known:
                return value
        return None

    def state(self, curve: _Curve) -> str:
        """The observed limit so far, in words."""
        found = curve.crossing(self.tested)[0]
        if found is None or not np.isfinite(found.value) or self._tests.hidden:
            return ""
        return f"limit {found.value:.4g} +- {found.error:.2g}"


def _sharpen(points: _Points, observed: _Curve, options: ToyOptions) -> None:
    """More toys where they make the observed limit as precise as was asked for."""
    goal, most = options.precision.error, options.precision.limit
    if goal is None:
        return
    while True:
        found = observed.crossing(points.tested)[0]
        if found is None or not np.isfinite(found.value) or found.error <= goal:
            return
        nearest = min(points.tested, key=lambda p: abs(p.value - found.value))
        if nearest.value != found.value and abs(nearest.value - found.value) > found.error:
            nearest = points.test(found.value)
        if len(nearest) >= most:
            return
        growth = min(max((found.error / goal) ** 2, 1.25), 4.0)
        wanted = replace(options.precision, toys=min(int(growth * len(nearest)) + 1, most), error=None)
        nearest.extend(wanted, observed.of, "CLs")


def _limit(tests: ToyTests, guess: Limit, points: _Points, found: Sequence[_Crossing | None]) -> Limit:
    """The record; a curve without an answer after the most tests says so."""
    ends = [_Crossing(np.nan, np.nan, Ending.NOT_FOUND) if c is None else c for c in found]
    observed, *expected = ends
    tails = [(p.observed_tails(), [p.band_tails(float(n)) for n in guess.n_sigma]) for p in points.tested]
    said = [f"{tests.summary()}. Tails are k/N."]
    asked = tests.options.precision.error
    if asked is not None and not observed.error <= asked:
        said.append(f"The Monte Carlo error {observed.error:.2g} is above the {asked:g} that was asked for.")
    return replace(
        guess,
        observed=observed.value,
        status=observed.ending.value,
        expected=np.array([c.value for c in expected]),
        expected_status=tuple(c.ending.value for c in expected),
        statistic=tests.statistic.name,
        method="toys",
        best=tests.data.best,
        points=np.array([p.value for p in points.tested]),
        p_values=np.array([t.of(guess.rule).value for t, _ in tails]),
        expected_p_values=np.array([[band.of(guess.rule).value for band in bands] for _, bands in tails]),
        messages=tuple(said),
        observed_error=observed.error,
        expected_errors=np.array([c.error for c in expected]),
        toys=tests.summary(),
    )
