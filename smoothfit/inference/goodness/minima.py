"""Which fits are minima: all that a test asks of them, errors or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._types import BoolArray, FloatArray
from ...errors import FitError
from ...results import FitResult
from ...results.tails import ToyFits
from ...status import Status
from ..batching import Members
from ..context import Context
from ..ensembles import Ensemble, FitCounts
from ..fitting import fit_prepared_data

__all__ = ["fit_data", "is_minimum", "toy_fits"]

_MINIMA = (Status.CONVERGED, Status.ON_KINK)
"""On a kink a parameter has no error, but the NLL is its smallest."""


def is_minimum(fits: Members) -> BoolArray:
    """(member,): which fits ended in a minimum."""
    return np.isin(fits.status, _MINIMA)


def fit_data(
    context: Context,
    counts: FloatArray,
    globs: FloatArray,
    fixed: Mapping[Any, Any] | None,
    start: FloatArray,
    *,
    look: bool = False,
) -> FitResult:
    """The fit to the data.

    Raises
    ------
    FitError
        If it did not end in a minimum.
    """
    found = fit_prepared_data(context, counts, globs, fixed, start, strict=False, look=look)
    if found.status not in _MINIMA:
        raise FitError(found.message, found)
    return found


def toy_fits(ensemble: Ensemble, made: int, counts: FitCounts) -> ToyFits:
    """The record of an ensemble that was fitted."""
    failed = dict(counts.failed)
    on_kink = failed.pop(Status.ON_KINK.name, 0)
    return ToyFits(ensemble.kind, ensemble.seed, made, counts.retried, failed, on_kink)
