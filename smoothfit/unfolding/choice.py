"""How strong the penalty is to be: criteria along a scan over tau, refined by further fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._types import FloatArray
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


def best_tau(criterion: str, points: list[Point], fit: Callable[[float, FloatArray], Point]) -> Choice | None:
    """The maximum of the merit: the best point of the scan, then a golden section between its neighbours.

    ``fit(tau, start)`` makes further points. None if the merit is known nowhere.
    """
    merits = np.array([merit(criterion, point) for point in points])
    if not np.any(np.isfinite(merits)):
        return None
    at = int(np.nanargmax(merits))
    known = np.flatnonzero(np.isfinite(merits))
    if at in (known[0], known[-1]):
        side = "smallest" if at == known[0] else "largest"
        return Choice(
            points[at].tau,
            [],
            f"The criterion is best at the {side} tau of the scan where it is known: scan further.",
        )
    low, high = np.log(points[at - 1].tau), np.log(points[at + 1].tau)
    made: list[Point] = []

    def value(log_tau: float) -> float:
        made.append(fit(float(np.exp(log_tau)), np.asarray(points[at].solution.values)))
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
    candidates = [points[at], *made]
    best = max(candidates, key=lambda point: np.nan_to_num(merit(criterion, point), nan=-np.inf))
    return Choice(best.tau, made)
