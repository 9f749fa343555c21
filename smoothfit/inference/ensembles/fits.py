"""Fits of toys: those that fail are tried again one by one, and what still fails is counted by status."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ..._compilation import fetched
from ..._types import FloatArray
from ...fitters import Solution
from ...fitters.batch import single_solve
from ...prepared import Data, Fixed
from ...results import ToyCounts
from ...status import Status
from ..batching import Held, Members, data_of_member, fixed_of_member, refit
from ..context import Context
from ..retries import retry_failed
from .ensemble import Toys

__all__ = ["FitCounts", "fit_toys"]


@dataclass
class FitCounts:
    """How the fits of toys went, summed over all of them."""

    fits: int = 0
    retried: int = 0
    """Fits that did not converge at first."""
    on_kink: int = 0
    """Fits that ended where the likelihood has a kink: minima, be it without errors."""
    failed: Counter[str] = field(default_factory=Counter)
    """{name of a status: how many ended with it, all retries done}"""

    @property
    def n_failed(self) -> int:
        """Fits that did not converge in the end."""
        return sum(self.failed.values())

    def add(self, other: FitCounts) -> None:
        """Add those of other fits."""
        self.fits += other.fits
        self.retried += other.retried
        self.on_kink += other.on_kink
        self.failed.update(other.failed)

    def of_toys(self, kind: str, seed: int, toys: int, nuisances: str = "fitted") -> ToyCounts:
        """What a record says of them."""
        failed = dict(self.failed.most_common())
        return ToyCounts(kind, seed, toys, self.fits, self.retried, failed, self.on_kink, nuisances)


def fit_toys(
    context: Context,
    toys: Toys,
    *,
    fixed: Held,
    start: FloatArray,
    errors: bool = False,
    counts: FitCounts | None = None,
    what: str = "toys",
) -> Members:
    """Fit every toy of a block. What did not converge is retried as single fits are.

    Parameters
    ----------
    fixed
        What is held, (param + bin param,) or (toy, param + bin param).
    start
        (param,) or (toy, param).
    counts
        Where the numbers of fits, of retries and of failures are added to.

    Returns
    -------
    Members
        One row a toy. Of a failed one ``at_minimum`` is False; x and nll are where it stopped.
    """
    found = refit(
        context, counts=toys.counts, globs=toys.globs, fixed=fixed, start=start, errors=errors, what=what
    )
    failed = ~found.success
    if failed.any():

        def problem_of(i: int) -> tuple[Data, Fixed, FloatArray, Solution]:
            data = data_of_member(context, toys.counts[i], toys.globs[i])
            held = fixed_of_member(fixed, i, context.layout.n_params)
            begin = start if start.ndim == 1 else start[i]
            first = fetched(single_solve(context.prepared, data, held, begin, errors))
            return data, held, begin, first

        found, _ = retry_failed(context.prepared, context.layout, found, problem_of)
    if counts is not None:
        on_kink = int(np.sum(found.at_minimum & ~found.success))
        lost = Counter(Status(int(s)).name for s in found.status[~found.at_minimum])
        counts.add(FitCounts(len(toys), int(failed.sum()), on_kink, lost))
    return found
