"""Fits in which parameters without any effect are held.

With the POI at 0 a free parameter of the signal alone has none: the Hessian is singular, and yet the NLL has
a lowest value, which is all that a test needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..._types import FloatArray
from ...results import FitResult
from ...status import Status
from ..context import Context
from ..fitting import fit_prepared_data

__all__ = ["determined_fit"]

_RISE = 1e-6
"""NLL by which the fit with such parameters held may be higher: as much as fits are imprecise."""


def determined_fit(
    context: Context,
    counts: FloatArray,
    globs: FloatArray,
    held: Mapping[str, float],
    start: FloatArray,
    look: bool = True,
) -> FitResult:
    """A fit, converged or not, in which what has no effect is held where it started.

    Parameters
    ----------
    held
        {name: value} of what is held.
    look
        Whether to look for other minima where there is reason.
    """
    found = fit_prepared_data(context, counts, globs, held, start, strict=False, look=look)
    if found.status != Status.NOT_POSITIVE_DEFINITE or found.curvature is None:
        return found
    diagonal = np.diagonal(found.curvature.matrix)
    idle = [found.curvature.names[i] for i in np.flatnonzero(diagonal == 0.0)]
    if not idle:
        return found
    more = {**held, **{name: float(found.x[found.names.index(name)]) for name in idle}}
    again = fit_prepared_data(
        context, counts, globs, more, found.x[: context.layout.n_params], strict=False, look=look
    )
    return again if again.success and again.fun <= found.fun + _RISE else found
