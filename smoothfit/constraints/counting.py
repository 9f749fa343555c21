"""Constraints by counting: an auxiliary number of events, and the gamma density that it leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .._types import ArrayLike, FloatArray
from ..errors import InvalidValueError
from .base import Constraint, Prefit, numbers_of, positive

__all__ = ["Gamma", "Poisson"]


@dataclass(frozen=True, eq=False)
class Poisson(Constraint):
    """Poisson constraint Pois(B | alpha tau); B is ``count`` unless other globs are given.

    HistFactory's ``shapesys`` is ``Poisson(tau)``, with alpha around 1; Combine's ``gmN`` with N events
    is ``Poisson(tau=1, count=N)``, with alpha the expected number of events.

    Parameters
    ----------
    tau
        Expected events of the auxiliary measurement at alpha = 1; positive.
    count
        What it counted: 0 or more, ``tau`` if None. It need not be a whole number.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If tau is not positive, or the count negative.

    Notes
    -----
    Before a fit alpha is count/tau with the uncertainty sqrt(count)/tau, and 1/tau for a count of 0:
    the standard deviation of the exponential that the likelihood then is.

    Examples
    --------
    >>> before = Poisson(tau=25.0, count=16.0).prefit()
    >>> float(before.centre), float(before.above)
    (0.64, 0.16)
    """

    kind: ClassVar[str] = "poisson"
    closed_form: ClassVar[bool] = True
    smallest_glob: ClassVar[float] = 0.0
    smallest_value: ClassVar[float] = 0.0

    tau: ArrayLike
    count: ArrayLike | None = None

    def __post_init__(self) -> None:
        positive("Poisson constraint: tau", self.tau)
        if self.count is not None:
            count = numbers_of("Poisson constraint: count", self.count)
            if np.any(count < 0.0):
                raise InvalidValueError(
                    f"Poisson constraint: count must not be negative, got {count.tolist()}; give the events "
                    "that were counted."
                )

    def filled(self, value: FloatArray) -> Poisson:
        return self if self.count is not None else replace(self, count=self.tau)

    @property
    def glob(self) -> Any:
        return self.count

    @property
    def numbers(self) -> tuple[Any, ...]:
        return (self.tau,)

    def prefit(self) -> Prefit:
        tau = np.asarray(self.tau, dtype=np.float64)
        count = tau if self.count is None else np.asarray(self.count, dtype=np.float64)
        width = np.sqrt(np.where(count > 0.0, count, 1.0)) / tau
        return Prefit(count / tau, width, width)


@dataclass(frozen=True, eq=False)
class Gamma(Constraint):
    """Gamma density of alpha > 0, with mean 1 and standard deviation ``width``: Combine's ``gmM``.

    The density is x^(k-1) exp(-x/width^2) / (Gamma(k) width^(2k)), and the global observable is k,
    1/width^2 unless others are given. Its mode is 1 - width^2, so that a fit without other information
    ends there, not at 1.

    As a function of k the same expression is Pois(k - 1 | alpha/width^2) / width^2. A toy experiment
    that counts k - 1 events is the frequentist reading: toys of k are 1 + Pois(alpha/width^2), and
    k = 1 + alpha/width^2 for Asimov data at alpha.

    Parameters
    ----------
    width
        Above 0 and below 1; from 1 on the density has no maximum inside its range.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If the width is outside ]0, 1[.

    Examples
    --------
    >>> float(Gamma(width=0.5).glob), float(Gamma(width=0.5).prefit().centre)
    (4.0, 0.75)
    """

    kind: ClassVar[str] = "gamma"
    smallest_glob: ClassVar[float] = 1.0
    smallest_value: ClassVar[float] = float(np.finfo(float).tiny)

    width: ArrayLike

    def __post_init__(self) -> None:
        width = positive("Gamma constraint: width", self.width)
        if np.any(width >= 1.0):
            raise InvalidValueError(
                f"Gamma constraint: width must be below 1, got {width.tolist()}: from 1 on the density is "
                "largest at 0; use LogNormal for such an uncertainty."
            )

    @property
    def glob(self) -> Any:
        return 1.0 / np.asarray(self.width, dtype=np.float64) ** 2

    @property
    def numbers(self) -> tuple[Any, ...]:
        return (self.width,)

    def prefit(self) -> Prefit:
        width = np.asarray(self.width, dtype=np.float64)
        return Prefit(1.0 - width**2, width, width)
