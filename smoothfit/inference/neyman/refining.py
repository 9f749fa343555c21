"""Where to throw more toys, and where to add points, until the ends of an interval are known well enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..._types import FloatArray, IntArray
from ...results.feldman_cousins import CROSSING
from .regions import End, Region

__all__ = ["Curve", "Work", "next_work", "toys_for"]

_NEAR = 2.0
"""Errors of 1 - cl within which a p-value may be on either side."""
_MARGIN = 0.1
"""A new point is not nearer than this part of the distance to those on its sides."""
_GAPS = 4.0
"""Times the error wanted: the distance of points around an end."""
_GROWTH = 4
"""Toys are multiplied by at most this before the answer is looked at again."""


class Curve(NamedTuple):
    """What is known at points along one parameter, ascending."""

    points: FloatArray
    excess: FloatArray
    """(point,): p-value minus (1 - cl)."""
    errors: FloatArray
    toys: IntArray


class Work(NamedTuple):
    """What is to be done next."""

    toys: dict[int, int]
    """{point: how many toys it should have}"""
    points: list[tuple[float, int]]
    """New points, with how many toys each should have."""

    def __bool__(self) -> bool:
        return bool(self.toys or self.points)


def next_work(curve: Curve, regions: list[Region], error: float, most: int) -> Work:
    """What brings the errors of all ends below ``error``; nothing if they are, or ``most`` toys are reached.

    First points are added around an end, from the nearest that is surely rejected to the nearest that is
    surely accepted, until they are dense: the p-value may jump, or run along 1 - cl. Then there are more toys
    at the two next to the end. Points elsewhere that may be on either side of 1 - cl get as many as the end
    next to them.
    """
    work = Work({}, [])
    ends = [end for r in regions for end in (r.lower, r.upper) if end.kind == CROSSING]
    for end in ends:
        around = [int(k) for x in end.between for k in np.flatnonzero(curve.points == x)]
        new = _gap(end, error)
        if new is not None:
            work.points.append((new, max((int(curve.toys[k]) for k in around), default=0)))
        elif end.error > error:
            for k in around:
                _want(work, curve, k, toys_for(int(curve.toys[k]), end.error, error, most))
    for k in np.flatnonzero(np.abs(curve.excess) <= _NEAR * curve.errors).tolist():
        if ends:
            nearest = min(ends, key=lambda end: min(abs(x - curve.points[k]) for x in end.between))
            beside = [int(curve.toys[j]) for x in nearest.between for j in np.flatnonzero(curve.points == x)]
            _want(work, curve, k, min(max(beside, default=0), most))
    return work


def toys_for(toys: int, error: float, wanted: float, most: int) -> int:
    """How many toys would have the error wanted, in steps of a factor."""
    needed = _GROWTH * toys if not np.isfinite(error) else int(np.ceil(1.1 * toys * (error / wanted) ** 2))
    return min(max(needed, toys), _GROWTH * toys, most)


def _want(work: Work, curve: Curve, k: int, toys: int) -> None:
    if toys > max(int(curve.toys[k]), work.toys.get(k, 0)):
        work.toys[k] = toys


def _gap(end: End, error: float) -> float | None:
    """Where to add a point: in the widest gap around an end, if that is too wide."""
    around = np.array(end.around)
    widths = np.diff(around)
    # Across a jump an end is no better known than the distance of the points.
    allowed = 2.0 * error if len(widths) == 1 else _GAPS * error
    k = int(np.argmax(widths))
    if widths[k] <= allowed:
        return None
    low, high = around[k], around[k + 1]
    if (low, high) != end.between:
        return float(0.5 * (low + high))
    margin = _MARGIN * (high - low)
    return float(np.clip(end.value, low + margin, high - margin))
