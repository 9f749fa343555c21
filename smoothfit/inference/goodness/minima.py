"""Which fits are minima: all that a test asks of them, errors or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._types import FloatArray
from ...errors import FitError
from ...results import FitResult
from ...status import Status
from ..context import Context
from ..fitting import fit_prepared_data

__all__ = ["fit_data"]

_MINIMA = (Status.CONVERGED, Status.ON_KINK)
"""On a kink a parameter has no error, but the NLL is its smallest."""


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
