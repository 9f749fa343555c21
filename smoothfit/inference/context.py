"""A prepared model as the methods of this package see it: arrays, names, and what is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, IntArray
from ..errors import InvalidTypeError, InvalidValueError
from ..layout import Layout
from ..prepared import Prepared
from ..results import FitResult
from . import inputs

__all__ = ["Context", "blinded_at", "check_made_with"]


_WITHOUT_COVARIANCE = ("profile", "pulls", "hypotest", "upper_limit", "two_sided_limit", "significance")
"""What can be asked with a fit of many thousand parameters."""


@dataclass(frozen=True)
class Context:
    """Arrays and names of one prepared model."""

    prepared: Prepared
    layout: Layout
    blinded: frozenset[str] = frozenset()


def blinded_at(context: Context, fit: FitResult, positions: IntArray) -> BoolArray:
    """(position,): whether what stands there in ``fit.x`` is hidden, by the model or by the fit."""
    blinded = context.blinded | fit.blinded
    return np.array([context.layout.is_blinded(int(i), blinded) for i in positions], dtype=bool)


def check_made_with(context: Context, best_fit: Any, obs: Any, call: str) -> None:
    """Refuse a best fit of another model, or of other data.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Naming the call and what to do.
    """
    if not isinstance(best_fit, FitResult):
        raise InvalidTypeError(f"{call}: best_fit must be a FitResult, got {type(best_fit).__name__}.")
    if best_fit.chosen is not None and call not in _WITHOUT_COVARIANCE:
        raise InvalidValueError(
            f"{call}: it needs the covariance of all parameters, which a fit of so many does not have; "
            "fit(errors_of=[...]) gives the errors of some, profile() fits with some held."
        )
    if best_fit.origin is not None and not best_fit.origin.checked:
        raise InvalidValueError(
            f"{call}: best_fit was read from a file without its model; read it with load_result(path, "
            "model), which compares the two."
        )
    if best_fit.layout.names != context.layout.names:
        raise InvalidValueError(f"{call}: best_fit was made with another model; fit this one.")
    if obs is not None and not np.array_equal(inputs.counts(context.layout, obs), best_fit.obs):
        raise InvalidValueError(f"{call}: best_fit was made with other data than obs; fit these data first.")
