"""Tail probabilities counted with toys, their Monte Carlo errors, and bands of what to expect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..._types import FloatArray
from ...results.tails import tail, tail_error
from .asymptotics import RULES

__all__ = ["Tail", "Tails", "band_tails", "count", "observed_tails"]


class Tail(NamedTuple):
    """The part of toys with a statistic at least as large: k of n."""

    value: float
    error: float
    """Binomial, of (k + 1)/(n + 2): not 0 where no toy, or every one, was in the tail."""


class Tails(NamedTuple):
    """Tails under the tested value and under the other hypothesis."""

    clsb: Tail
    clb: Tail

    @property
    def cls(self) -> Tail:
        """Their ratio; NaN if no toy of the other hypothesis was in the tail."""
        (sb, sb_error), (b, b_error) = self.clsb, self.clb
        if not b > 0.0:
            return Tail(np.nan, np.nan)
        return Tail(sb / b, float(np.hypot(sb_error / b, sb * b_error / b**2)))

    def of(self, rule: str) -> Tail:
        """What a rule compares."""
        assert rule in RULES
        return self.cls if rule == "cls" else self.clsb


def count(toys: FloatArray, q: float) -> Tail:
    """The tail of toys (toy,) from ``q`` on; failed toys (NaN) do not count.

    Examples
    --------
    >>> value, error = count(np.array([0.0, 1.0, 1.0, 3.0, np.nan]), 1.0 + 1e-9)
    >>> value, round(error, 3)
    (0.75, 0.236)
    """
    p = tail(toys, q)
    return Tail(float(p), float(tail_error(p, toys)))


def observed_tails(tested: FloatArray, other: FloatArray, q: float) -> Tails:
    """Tails of an observed statistic in toys (toy,) of both hypotheses."""
    return Tails(count(tested, q), count(other, q))


def band_tails(tested: FloatArray, other: FloatArray, n_sigma: float) -> Tails:
    """Tails of data of the other hypothesis that are ``n_sigma`` errors too high in the POI.

    The statistic is then the one that a part Phi(n_sigma) of these toys reaches or exceeds.
    """
    from scipy.special import ndtr

    valid = np.sort(other[np.isfinite(other)])
    if not len(valid):
        return Tails(Tail(np.nan, np.nan), Tail(np.nan, np.nan))
    content = float(ndtr(n_sigma))

    def at(part: float) -> float:
        # Counted from above: the k-th largest is reached by k toys.
        k = int(np.clip(np.ceil(part * len(valid)), 1, len(valid)))
        return float(valid[-k])

    found = observed_tails(tested, other, at(content))
    # The quantile is known as well as its order is: by the binomial error of the part above it.
    spread = float(np.sqrt(content * (1.0 - content) / len(valid)))
    ends = [count(tested, at(part)).value for part in (content - spread, content + spread)]
    error = float(np.hypot(found.clsb.error, 0.5 * abs(ends[1] - ends[0])))
    # The tail of the other hypothesis is what was asked for: no error of its own.
    return Tails(Tail(found.clsb.value, error), Tail(found.clb.value, 0.0))
