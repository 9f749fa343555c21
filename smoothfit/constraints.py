"""Constraints: what is known about a variable besides the binned data.

Each object says which term ``-log C(B | alpha)`` a :class:`~smoothfit.Variable` adds to the
likelihood, B being its global observable (FORMULAS: likelihood, constraints).

* :class:`Gaussian`: N(B | alpha, width), B = mean by default. ``nuisance=True`` on a variable is
  ``Gaussian(mean=value, width=1)``.
* :class:`Poisson`: Pois(B | alpha * tau), B = tau by default: an auxiliary measurement of
  ``tau`` events, as in HistFactory's ``shapesys``.
* :class:`NoConstraint`: a free variable, the same as giving none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._types import ArrayLike, FloatArray
from .errors import InvalidValueError

__all__ = ["Constraint", "Gaussian", "NoConstraint", "Poisson"]


def _finite(what: str, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise InvalidValueError(f"{what} must be finite, got {array.tolist()}.")
    return array


def _positive(what: str, values: ArrayLike) -> FloatArray:
    array = _finite(what, values)
    if np.any(array <= 0.0):
        raise InvalidValueError(f"{what} must be positive, got {array.tolist()}.")
    return array


class Constraint:
    """Base class of the constraints."""


@dataclass(frozen=True, eq=False)
class Gaussian(Constraint):
    """Gaussian constraint N(B | alpha, width); B is ``mean`` unless other globs are given.

    ``mean`` and ``width`` are scalars or one number a component; ``mean=None`` is the variable's
    value.

    Examples
    --------
    >>> Gaussian(mean=1.0, width=0.017).width
    0.017
    """

    mean: ArrayLike | None = None
    width: ArrayLike = 1.0

    def __post_init__(self) -> None:
        if self.mean is not None:
            _finite("Gaussian constraint: mean", self.mean)
        _positive("Gaussian constraint: width", self.width)


@dataclass(frozen=True, eq=False)
class Poisson(Constraint):
    """Poisson constraint Pois(B | alpha * tau); B is ``tau`` unless other globs are given.

    ``tau``, in events, is a scalar or one number a component; the variable's relative
    uncertainty is 1/sqrt(tau).

    Examples
    --------
    >>> Poisson(tau=25.0).tau
    25.0
    """

    tau: ArrayLike

    def __post_init__(self) -> None:
        _positive("Poisson constraint: tau", self.tau)


@dataclass(frozen=True, eq=False)
class NoConstraint(Constraint):
    """No constraint: the variable is free."""
