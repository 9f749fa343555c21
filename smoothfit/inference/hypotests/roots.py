"""Where an increasing curve crosses 0, from few evaluations that many searches share.

A :class:`Search` has no function to call: it is shown all that is known of a curve, and says where to look
next. Curves here are measured in standard deviations, so that they are nearly straight: interpolation by
a parabola through three points settles in a few steps, and a bisection now and then keeps it from stalling.
Points that could not be evaluated are avoided; too many of them end the search.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np

from ..._types import FloatArray

__all__ = ["Ending", "Search"]

_PRECISION = 1e-8
"""Height, in standard deviations, that counts as 0."""
_MOST = 80
_MOST_FAILED = 8
_GROWTH = 4.0
"""How many times its distance from the nearest end of the search a step beyond all points may go."""


class Ending(enum.Enum):
    """How a search ended."""

    FOUND = "found"
    BELOW = "not reached"
    """Below 0 up to the end of the range."""
    ABOVE = "all excluded"
    """Above 0 from the beginning of the range."""
    NOT_FOUND = "not found"
    """Fits failed, or the curve has no crossing that can be closed in on."""


@dataclass
class Search:
    """One crossing, looked for between ``low`` and ``high``, which may be infinite.

    Examples
    --------
    >>> search, at = Search(0.0, 10.0, guess=1.0), [0.0]
    >>> while (new := search.next(np.array(at), np.square(at) - 2.0)) is not None:
    ...     at = sorted([*at, new])
    >>> search.ending, round(search.value, 6), len(at) < 12
    (<Ending.FOUND: 'found'>, 1.414214, True)
    """

    low: float
    high: float
    guess: float
    """Where to look first, beyond the first point."""
    ending: Ending | None = None
    """None while it goes on."""
    value: float = float("nan")
    looked: int = 0
    failed: list[float] = field(default_factory=list)
    """Points at which the curve is not known."""

    def next(self, at: FloatArray, height: FloatArray) -> float | None:
        """The next point to evaluate, or None when the search has ended.

        Parameters
        ----------
        at
            (point,) ascending: all points evaluated so far, one at least.
        height
            (point,): of the curve there; NaN where it is not known.
        """
        good = np.isfinite(height)
        self.failed = at[~good].tolist()
        self.looked += 1
        x, y = at[good], height[good]
        if self.looked > _MOST or len(self.failed) > _MOST_FAILED or not len(x):
            return self._end(Ending.NOT_FOUND)
        settled = np.flatnonzero(np.abs(y) <= _PRECISION)
        if len(settled):
            return self._end(Ending.FOUND, float(x[settled[0]]))
        above = np.flatnonzero(y > 0.0)
        if not len(above):
            return self._beyond(x, y, self.high, Ending.BELOW)
        if above[0] == 0:
            return self._beyond(-x[::-1], -y[::-1], -self.low, Ending.ABOVE, sign=-1.0)
        return self._between(x, y, int(above[0]))

    def _end(self, ending: Ending, value: float = float("nan")) -> float | None:
        self.ending, self.value = ending, value
        return None

    def _beyond(
        self, x: FloatArray, y: FloatArray, end: float, ending: Ending, sign: float = 1.0
    ) -> float | None:
        """A point beyond all others, where the curve rises towards 0; mirrored for the other direction."""
        last = float(x[-1])
        failed = [sign * at for at in self.failed if sign * at > last]
        if last >= end:
            return self._end(ending)
        if failed:
            # Half-way to where fits fail, and in turn beyond all of these.
            before, after = 0.5 * (last + min(failed)), 2.0 * max(failed) - last
            return sign * (before if len(failed) % 2 or after > end else after)
        guess = sign * self.guess
        step = guess - last if guess > last else max(abs(last), 1.0)
        if len(x) > 1:
            longest = _GROWTH * max(last - float(x[0]), 1e-3 * abs(last), 1e-12)
            slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
            step = min(-1.05 * float(y[-1] / slope), longest) if slope > 0.0 else longest
            step = max(step, 1e-3 * longest)
        return sign * min(last + step, end)

    def _between(self, x: FloatArray, y: FloatArray, up: int) -> float | None:
        left, right = float(x[up - 1]), float(x[up])
        width = right - left
        if width <= 8.0 * np.finfo(float).eps * max(abs(left), abs(right)):
            # Closer than numbers are: a jump, or as precise as fits can be.
            return self._end(Ending.FOUND, 0.5 * (left + right))
        fraction = 0.5
        if self.looked % 4 or self.looked < 8:
            fraction = (_interpolated(x, y, up) - left) / width
        if not 0.0 < fraction < 1.0:
            fraction = 0.5
        inside = [(at - left) / width for at in self.failed if left < at < right]
        for tried in (fraction, 0.5, 0.25, 0.75, 0.1, 0.9, 0.03, 0.97):
            if all(abs(tried - at) > 1e-3 for at in inside):
                return left + tried * width
        return self._end(Ending.NOT_FOUND)


def _interpolated(x: FloatArray, y: FloatArray, up: int) -> float:
    """Where the curve is 0 between the points ``up - 1`` and ``up``: of a parabola for x(y), or a line."""
    line = x[up - 1] - y[up - 1] * (x[up] - x[up - 1]) / (y[up] - y[up - 1])
    thirds = [i for i in (up - 2, up + 1) if 0 <= i < len(x)]
    if not thirds:
        return float(line)
    third = min(thirds, key=lambda i: abs(y[i]))
    (a, b, c), (fa, fb, fc) = ((v[up - 1], v[up], v[third]) for v in (x, y))
    ordered = (fc < fa) if third < up else (fc > fb)
    if not ordered:
        return float(line)
    found = a * fb * fc / ((fa - fb) * (fa - fc)) + b * fa * fc / ((fb - fa) * (fb - fc))
    found += c * fa * fb / ((fc - fa) * (fc - fb))
    return float(found if x[up - 1] < found < x[up] else line)
