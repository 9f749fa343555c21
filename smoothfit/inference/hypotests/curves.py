"""Curves of tests along the POI, and the search for where they exclude.

Curves are measured in standard deviations: of a p-value that is Z(p/2) - Z(alpha/2), nearly straight, 0 where
the best fit is tested but for a constant, and finite for p = 1. What to expect needs no p-values at all: the
distance of Asimov data is compared with the one at which they exclude (:func:`.asymptotics.band_distance`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..._spaces import significance_of
from .asymptotic_tests import AsymptoticTest
from .roots import Ending, Search

__all__ = ["Curves", "Root"]

_HALF = float(np.log(0.5))
_FAR = 1e8
"""How many times the first step a search goes where the POI has no bound."""
_SETTLED = 1e-6
"""Change of height by which a fit that looked for other minima says something new."""


class Root(NamedTuple):
    """How a search ended."""

    value: float
    """NaN if it found nothing."""
    status: str


class Curves:
    """A test at values of the POI; what was tested is kept.

    Parameters
    ----------
    alpha
        What the p-value of a rule is at a limit.
    """

    def __init__(self, test: AsymptoticTest, rule: str, alpha: float) -> None:
        self.test, self.rule = test, rule
        self.goal = float(significance_of(np.log(alpha) + _HALF))
        self.observed: set[float] = set()
        self.expected: set[float] = set()

    def observed_height(self, value: float, look: bool = False) -> float:
        """Of the observed p-value above alpha."""
        self.observed.add(value)
        return float(significance_of(self.log_p(value, look) + _HALF)) - self.goal

    def log_p(self, value: float, look: bool = False) -> float:
        """The logarithm of the observed p-value of the rule."""
        return float(self.test.tails_at(value, look=look).of(self.rule))

    def distance(self, value: float, look: bool = False) -> float:
        """That of the Asimov data."""
        self.expected.add(value)
        return self.test.distance_at(value, look=look)

    def find(
        self,
        height: Callable[[float, bool], float],
        first: float,
        guess: float,
        end: float,
        known: set[float],
    ) -> Root:
        """Where a curve that rises from ``first`` to ``end`` crosses 0; downwards if ``end`` is below.

        Parameters
        ----------
        guess
            Where to look after the first point.
        known
            Values whose height is known, or quickly computed.
        """
        sign = 1.0 if end > first else -1.0
        scale = max(abs(guess - first), 1e-12)
        high = sign * (end if np.isfinite(end) else first + sign * _FAR * scale)
        search = Search(sign * first, high, max(sign * guess, sign * first))
        inside = {sign * value for value in known if sign * first < sign * value <= high}
        points = sorted({sign * first, *inside})
        while search.ending is None:
            heights = np.array([height(sign * at, False) for at in points])
            new = search.next(np.array(points), heights)
            if new is not None:
                points = sorted({*points, new})
            elif search.ending is Ending.FOUND:
                points = self._confirm(height, search, sign, points)
        value = sign * search.value if search.ending is Ending.FOUND else np.nan
        return Root(float(value), search.ending.value)

    def _confirm(
        self, height: Callable[[float, bool], float], search: Search, sign: float, points: list[float]
    ) -> list[float]:
        """Look for other minima where a curve crosses 0; the search goes on if there are some."""
        at = sign * search.value
        before, after = height(at, False), height(at, True)
        if abs(after - before) > _SETTLED:
            search.ending = None
        return sorted({*points, search.value})
