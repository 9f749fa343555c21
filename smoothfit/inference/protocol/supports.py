"""Where a likelihood is a density of its parameters, and by which measure."""

from __future__ import annotations

import numpy as np

from ..._pytree import resolve
from ..._types import BoolArray, FloatArray
from ...layout import Layout
from ...prepared import Prepared

__all__ = ["flat_in_logarithm", "supports"]


def _of_kind(prepared: Prepared, kind: str) -> BoolArray:
    """(param,): which parameters have a constraint of this kind."""
    found = np.zeros(prepared.plan.n_params, dtype=bool)
    if kind in prepared.plan.constraint.kinds:
        found[np.asarray(resolve(prepared.plan.constraint.kinds[kind]))] = True
    return found


def supports(prepared: Prepared, layout: Layout) -> tuple[FloatArray, FloatArray]:
    """(param + bin param,) each: the limits, and 0 where a constraint knows nothing below.

    What the likelihood is there is for minimisers to pass through only.
    """
    lower, upper = layout.bounds
    rates = np.asarray(prepared.plan.constraint.poisson) > 0
    for kind in ("gamma", "lognormal"):
        rates = rates | _of_kind(prepared, kind)
    at = np.flatnonzero(rates)
    lower[at] = np.maximum(lower[at], 0.0)
    return lower, upper


def flat_in_logarithm(prepared: Prepared, layout: Layout) -> BoolArray:
    """(param + bin param,): whose constraint is a density with log(alpha) flat, as in ``sample_prior``."""
    return np.append(_of_kind(prepared, "lognormal"), np.zeros(layout.n_bin_params, dtype=bool))
