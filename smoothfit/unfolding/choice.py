"""How strong the penalty is to be: criteria along a scan over tau, refined by further fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._types import FloatArray, IntArray
from ..errors import FitError
from .penalised import Point

__all__ = ["CRITERIA", "Choice", "best_tau", "merit"]

CRITERIA = ("lcurve", "min-global-correlation", "max-global-correlation", "coverage")
"""Names of the criteria."""

_GOLDEN = 0.5 * (5.0**0.5 - 1.0)
_RESOLUTION = 1e-3
"""Of log(tau), where the search for an extremum ends."""


class Choice(NamedTuple):
    """A tau, the fits that were made on the way, and what to tell of it."""

    tau: float
    points: list[Point]
    remark: str = ""


def merit(criterion: str, point: Point) -> float:
    """What is to be as large as possible; NaN where it is not known."""
    if not point.success:
        return float("nan")
    if criterion == "lcurve":
        return point.curvature
    known = point.correlations[np.isfinite(point.correlations)]
    if not len(known):
        return float("nan")
    return -float(np.mean(known) if criterion == "min-global-correlation" else np.max(known))


def best_tau(criterion: str, points: list[Point], fit: Callable[[float, FloatArray], Point]) -> Choice:
    """A maximum of the merit within the scan, the highest, searched by golden section between its neighbours.

    ``fit(tau, start)`` makes further points. The ends of the scan are taken only if there is no maximum
    between them, and either case is remarked upon.

    Raises
    ------
    FitError
        If the merit is known nowhere.
    """
    merits = np.array([merit(criterion, point) for point in points])
    known = np.flatnonzero(np.isfinite(merits))
    if not len(known):
        failed = sum(not point.success for point in points)
        raise FitError(
            f"unfold: the criterion '{criterion}' is known at none of the {len(points)} tau of the scan "
            f"({failed} fits failed); give other taus, or a tau."
        )
    heights = merits[known]
    inner = 1 + np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] >= heights[2:]))
    best = known[int(np.argmax(heights))]
    if not len(inner):
        remark = f"The criterion has no extremum within the scan, and is best at its {_end(best, known)} tau."
        return Choice(points[best].tau, [], f"{remark} Scan further, or choose otherwise.")
    place = inner[int(np.argmax(heights[inner]))]
    at = known[place]
    remark = ""
    if merits[best] > merits[at]:
        remark = (
            f"At the {_end(best, known)} tau of the scan the criterion is better still, but at no extremum."
        )
    return _refine(criterion, [points[known[place + i]] for i in (-1, 0, 1)], fit, remark)


def _end(best: int, known: IntArray) -> str:
    return "smallest" if best == known[0] else "largest"


def _refine(
    criterion: str, around: list[Point], fit: Callable[[float, FloatArray], Point], remark: str
) -> Choice:
    """Golden section between the outer two of three points, the middle one being the best."""
    low, high = np.log(around[0].tau), np.log(around[2].tau)
    made: list[Point] = []

    def value(log_tau: float) -> float:
        made.append(fit(float(np.exp(log_tau)), np.asarray(around[1].solution.values)))
        found = merit(criterion, made[-1])
        return found if np.isfinite(found) else -np.inf

    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = [value(inner[0]), value(inner[1])]
    while high - low > _RESOLUTION:
        if values[0] >= values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = high - _GOLDEN * (high - low)
            values[0] = value(inner[0])
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + _GOLDEN * (high - low)
            values[1] = value(inner[1])
    best = max([around[1], *made], key=lambda point: np.nan_to_num(merit(criterion, point), nan=-np.inf))
    return Choice(best.tau, made, remark)
