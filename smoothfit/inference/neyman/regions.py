"""Where p-values along one parameter are above 1 - cl: regions with their ends and errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._types import FloatArray
from ...results.feldman_cousins import BOUND, CROSSING, EDGE

__all__ = ["End", "Region", "regions_of"]

_APART = 2.0
"""Errors that a p-value is away from 1 - cl where it is surely on one side."""


@dataclass(frozen=True)
class End:
    """Where a region begins or ends."""

    value: float
    kind: str
    """A crossing, a bound of the parameter, or where the points end."""
    error: float = 0.0
    """Monte Carlo error."""
    between: tuple[float, float] = (np.nan, np.nan)
    """The points between which it was interpolated; NaN where it was not."""
    around: tuple[float, ...] = ()
    """Points from the nearest that is surely on one side to the nearest that is surely on the other."""

    @property
    def resolution(self) -> float:
        """How far apart those are."""
        return abs(self.between[1] - self.between[0]) if np.isfinite(self.between[0]) else 0.0


@dataclass(frozen=True)
class Region:
    """Accepted values from one end to another."""

    lower: End
    upper: End


@dataclass(frozen=True, eq=False)
class _Curve:
    """p-values minus (1 - cl) along ascending values."""

    x: FloatArray
    excess: FloatArray
    error: FloatArray

    def crossing(self, k: int) -> End:
        """Between knots k and k + 1, one of which is accepted."""
        a, b = self.excess[k], self.excess[k + 1]
        value = self.x[k] + (self.x[k + 1] - self.x[k]) * a / (a - b)
        low, high = self._sure(k)
        # A p-value may run along 1 - cl: how far an end can move is where it is two errors away, not a slope.
        reach = max(abs(self._sure_from(low, low + 1) - value), abs(self._sure_from(high, high - 1) - value))
        around = tuple(self.x[low : high + 1].tolist())
        between = float(self.x[k]), float(self.x[k + 1])
        return End(float(value), CROSSING, float(reach / _APART), between, around)

    def _sure_from(self, sure: int, unsure: int) -> float:
        """Where, between two knots, the p-value is far enough from 1 - cl to be surely on one side."""
        far, near = self.excess[sure], self.excess[unsure]
        level = np.copysign(_APART * self.error[sure], far)
        part = np.clip((level - near) / (far - near), 0.0, 1.0) if far != near else 1.0
        return float(self.x[unsure] + part * (self.x[sure] - self.x[unsure]))

    def _sure(self, k: int) -> tuple[int, int]:
        """The nearest knots below and above a crossing that are surely on their side of 1 - cl.

        If there is none, the last knot takes its place.
        """
        side = np.where(self.excess[k] < self.excess[k + 1], 1.0, -1.0) * self.excess
        sure = np.abs(self.excess) > _APART * self.error
        below, above = np.flatnonzero(sure & (side < 0.0)), np.flatnonzero(sure & (side > 0.0))
        low = int(below[below <= k].max(initial=-1))
        high = int(above[above > k].min(initial=len(self.x)))
        low, high = max(low, 0), min(high, len(self.x) - 1)
        return (low, high) if side[low] < side[high] else (k, k + 1)


def regions_of(
    points: FloatArray,
    p_values: FloatArray,
    p_errors: FloatArray,
    cl: float,
    *,
    best: float,
    bounds: tuple[float, float],
) -> list[Region]:
    """Regions of accepted values, ascending; ends are interpolated linearly in the p-value.

    Parameters
    ----------
    points
        (point,), ascending.
    p_values, p_errors
        (point,); points with NaN are left out.
    best
        The best fit, where the p-value is 1; it counts as a point if it is between points.
    bounds
        Of the parameter.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> p, error = np.array([0.5, 0.9, 0.2, 0.0]), np.full(4, 0.01)
    >>> (region,) = regions_of(x, p, error, 0.9, best=1.0, bounds=(0.0, 10.0))
    >>> region.lower.kind, region.upper.value, round(region.upper.error, 3)
    ('bound', 2.5, 0.05)
    """
    known = np.isfinite(p_values)
    x, p, error = points[known], p_values[known], p_errors[known]
    if len(x) and x[0] < best < x[-1] and not np.any(x == best):
        at = int(np.searchsorted(x, best))
        x, p, error = (np.insert(array, at, new) for array, new in ((x, best), (p, 1.0), (error, 0.0)))
    curve = _Curve(x, p - (1.0 - cl), error)
    accepted = curve.excess > 0.0
    found = []
    k = 0
    while k < len(x):
        if not accepted[k]:
            k += 1
            continue
        last = k
        while last + 1 < len(x) and accepted[last + 1]:
            last += 1
        lower = _outermost(float(x[0]), bounds[0]) if k == 0 else curve.crossing(k - 1)
        upper = _outermost(float(x[-1]), bounds[1]) if last == len(x) - 1 else curve.crossing(last)
        found.append(Region(lower, upper))
        k = last + 1
    return found


def _outermost(value: float, bound: float) -> End:
    return End(value, BOUND if value == bound else EDGE)
