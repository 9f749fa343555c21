"""p-values: of chi2, and of toys with their Monte Carlo error and what is to be said of the toys' fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._types import FloatArray

__all__ = ["TIE", "ToyFits", "chi2_tail", "tail", "tail_error"]

TIE = 1e-6
"""A toy that is below the observed value by less than this counts as equal: fits end no closer, and models
of few events have exact ties."""


def tail(toys: FloatArray, observed: Any) -> FloatArray:
    """p = k/N, k of N toys being as far from the expectation as the data, or farther.

    Parameters
    ----------
    toys
        (toy,) or (toy, channel); NaN of a toy without an answer, which is not counted.
    observed
        One number, or (channel,).

    Examples
    --------
    >>> float(tail(np.array([1.0, 2.0, 3.0, np.nan, 4.0]), 3.0))
    0.5
    """
    known = np.isfinite(toys)
    beyond = known & (toys >= np.asarray(observed) - TIE)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = beyond.sum(axis=0) / count
    return np.where(np.isfinite(observed), p, np.nan)


def tail_error(p: Any, toys: FloatArray) -> FloatArray:
    """The Monte Carlo error of p = k/N: sqrt(q (1 - q)/N) at q = (k + 1)/(N + 2), never 0.

    Examples
    --------
    >>> float(tail_error(0.0, np.zeros(998)))
    0.001...
    """
    n = np.isfinite(toys).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        q = (np.asarray(p) * n + 1.0) / (n + 2.0)
        return np.asarray(np.sqrt(q * (1.0 - q) / n))


def chi2_tail(value: float, ndof: int) -> float:
    """The probability of a chi2 of so many degrees of freedom to be larger; NaN without any.

    Examples
    --------
    >>> round(chi2_tail(3.841459, 1), 6), chi2_tail(1.0, 0)
    (0.05, nan)
    """
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import chdtrc

    return float(chdtrc(ndof, value)) if ndof > 0 else float("nan")


@dataclass(frozen=True)
class ToyFits:
    """Which toys were made, and how their fits went.

    Examples
    --------
    >>> print(ToyFits("frequentist", 1, 1000, 3, {"NOT_CONVERGED": 1}))
    1000 frequentist toys, seed 1; 3 of their fits were retried, 1 failed for good (1 NOT_CONVERGED)
    """

    kind: str
    """What is random in them: see :class:`~smoothfit.inference.ensembles.Ensemble`."""
    seed: int
    toys: int
    retried: int = 0
    """Fits that did not converge at first."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """{status: fits that ended with it, all retries done}; their toys have no value."""
    on_kink: int = 0
    """Fits that ended where the likelihood has a kink: minima, be it without errors, that count."""

    @property
    def n_failed(self) -> int:
        """Fits that did not converge in the end."""
        return sum(self.failed.values())

    def __str__(self) -> str:
        made = f"{self.toys} {self.kind} toys, seed {self.seed}"
        if not self.retried:
            return f"{made}; all fits converged"
        kinks = f"{self.on_kink} ended on a kink, " if self.on_kink else ""
        left = "none failed for good"
        if self.n_failed:
            named = ", ".join(f"{count} {status}" for status, count in self.failed.items())
            left = f"{self.n_failed} failed for good ({named})"
        return f"{made}; {self.retried} of their fits were retried, {kinks}{left}"

    def to_dict(self) -> dict[str, Any]:
        """{kind, seed, number, retried, failed: {status: number}, on_kink}"""
        return {
            "kind": self.kind,
            "seed": self.seed,
            "number": self.toys,
            "retried": self.retried,
            "failed": dict(self.failed),
            "on_kink": self.on_kink,
        }
