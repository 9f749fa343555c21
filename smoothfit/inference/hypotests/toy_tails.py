"""Counted probabilities counted with toys, their Monte Carlo errors, and bands of what to expect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..._types import FloatArray
from ..ensembles import Counted, counted_tail
from .asymptotics import RULES

__all__ = ["Tails", "band_tails", "observed_tails"]


class Tails(NamedTuple):
    """Tails under the tested value and under the other hypothesis."""

    clsb: Counted
    clb: Counted

    @property
    def cls(self) -> Counted:
        """Their ratio; NaN if no toy of the other hypothesis was in the tail."""
        (sb, sb_error), (b, b_error) = self.clsb, self.clb
        if not b > 0.0:
            return Counted(np.nan, np.nan)
        return Counted(sb / b, float(np.hypot(sb_error / b, sb * b_error / b**2)))

    def of(self, rule: str) -> Counted:
        """What a rule compares."""
        assert rule in RULES
        return self.cls if rule == "cls" else self.clsb


def observed_tails(tested: FloatArray, other: FloatArray, q: float) -> Tails:
    """Tails of an observed statistic in toys (toy,) of both hypotheses."""
    return Tails(counted_tail(tested, q), counted_tail(other, q))


def band_tails(tested: FloatArray, other: FloatArray, n_sigma: float) -> Tails:
    """Tails of data of the other hypothesis that are ``n_sigma`` errors too high in the POI.

    The statistic is then the one that a part Phi(n_sigma) of these toys reaches or exceeds.
    """
    from scipy.special import ndtr

    valid = np.sort(other[np.isfinite(other)])
    if not len(valid):
        return Tails(Counted(np.nan, np.nan), Counted(np.nan, np.nan))
    content = float(ndtr(n_sigma))

    def at(part: float) -> float:
        # Counted from above: the k-th largest is reached by k toys.
        k = int(np.clip(np.ceil(part * len(valid)), 1, len(valid)))
        return float(valid[-k])

    found = observed_tails(tested, other, at(content))
    # The quantile is known as well as its order is: by the binomial error of the part above it.
    spread = float(np.sqrt(content * (1.0 - content) / len(valid)))
    ends = [counted_tail(tested, at(part)).value for part in (content - spread, content + spread)]
    error = float(np.hypot(found.clsb.error, 0.5 * abs(ends[1] - ends[0])))
    # The tail of the other hypothesis is what was asked for: no error of its own.
    return Tails(Counted(found.clsb.value, error), Counted(found.clb.value, 0.0))
