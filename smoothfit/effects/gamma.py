"""Effects of a parameter that is itself a rate: Combine's gmN and gmM."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import as_floats
from .._types import Array, FloatArray
from ..constraints import Gamma, Poisson
from ..errors import InvalidValueError, ShapeMismatchError
from .affine import AFFINE
from .effect import Entries, RowEffect, VariableLike, given_as, on_rows, require_constraint, row_numbers
from .kind import Kind

__all__ = ["EMPTY_RATE", "GmM", "GmN"]

EMPTY_RATE = 1e-6
"""What the expected events of an empty row become where gmN acts on it."""


class GmN(RowEffect):
    """A yield alpha * nu from ``count`` events in a control sample, Pois(count | nu) (Combine's gmN).

    The factor on the expected events is alpha nu / rate, so that the yield is alpha nu whatever the
    rate. A row without events gets 1e-6 of them (in its only bin).

    Parameters
    ----------
    count
        Events in the control sample, a whole number from 0 on.
    alpha
        Yield an event of the control sample: one number, or one a sub-process.

    Raises
    ------
    InvalidValueError
        For a negative count or alpha. Where it is added: if abs(alpha count - rate) is above
        max(0.05 max(rate, 1), alpha), or the variable has not the constraint Pois(count | nu).

    Examples
    --------
    >>> float(GmN(10, 0.5)(12.0))
    1.2
    """

    label = "gmN"

    def __init__(self, count: Any, alpha: Any) -> None:
        number = as_floats("GmN: count", count)
        if number.ndim != 0:
            raise ShapeMismatchError(f"GmN: count has shape {number.shape}; give one number of events.")
        if not np.isfinite(number) or number < 0.0 or number != np.round(number):
            raise InvalidValueError(
                f"GmN: count must be a whole number from 0 on, got {float(number):g}; it counts events."
            )
        self.count = float(number)
        self.alpha = row_numbers("GmN: alpha", alpha)
        if np.any(self.alpha < 0.0):
            raise InvalidValueError(
                f"GmN: alpha must not be negative, got {self.alpha.min():g}; it is a yield an event."
            )

    def check_variable(self, what: str, variable: VariableLike) -> None:
        """The variable is the rate nu, constrained by Pois(count | nu)."""
        cure = f"give it constraint=Poisson(tau=1, count={self.count:g}) and a lower bound of 0"
        constraint = require_constraint(what, variable, Poisson, cure)
        tau = np.asarray(constraint.tau)
        count = tau if constraint.count is None else np.asarray(constraint.count)
        if np.any(tau != 1.0) or np.any(count != self.count):
            raise InvalidValueError(
                f"{what}: the constraint of variable '{variable.name}' has tau {tau.max():g} and count "
                f"{count.max():g}, the effect tau 1 and count {self.count:g}; {cure}."
            )

    def entries(self, what: str, rate: FloatArray) -> Entries:
        """See :class:`RowEffect`."""
        alpha = on_rows(self.alpha, rate)
        allowed = np.maximum(0.05 * np.maximum(rate, 1.0), alpha)
        acts = alpha > 0.0
        # A rate of 0 stands for "not known" (and becomes 1e-6): there is nothing to compare with.
        off = acts & (rate > EMPTY_RATE) & (np.abs(alpha * self.count - rate) > allowed)
        for index in np.flatnonzero(off | (acts & (rate < 0.0))):
            raise InvalidValueError(
                f"{what}: count * alpha = {alpha[index] * self.count:g} is off the {rate[index]:g} expected "
                f"events by more than {allowed[index]:g}; "
                "alpha is the number of expected events divided by the count."
            )
        filled = np.where(rate > EMPTY_RATE, rate, EMPTY_RATE)
        return Entries(AFFINE, (np.where(acts, 0.0, 1.0), alpha / filled))

    def __call__(self, theta: Any) -> Array:
        """nu / count, the factor on a yield of alpha count."""
        if self.count == 0.0:
            raise InvalidValueError(
                "GmN: with no event in the control sample there is no yield that it could be a factor on; "
                "give it to add_effect, which knows the yield."
            )
        return super().__call__(theta)

    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        acts = self.alpha > 0.0
        return AFFINE, (np.where(acts, 0.0, 1.0), np.where(acts, 1.0 / max(self.count, 1.0), 0.0))

    def __repr__(self) -> str:
        return f"GmN({self.count:g}, {given_as(self.alpha)})"


class GmM(RowEffect):
    """The factor x of a variable with a gamma density of mean 1 and width sigma (Combine's gmM).

    The density is x^(k-1) exp(-x/sigma^2), k = 1/sigma^2; its mode is 1 - sigma^2. It belongs to the
    variable: ``constraint=Gamma(sigma)``. Combine keeps x within [max(0.01, 1 - 5 sigma), 1 + 5 sigma],
    which is ``bounds``.

    Parameters
    ----------
    sigma
        The relative width, one positive number.

    Raises
    ------
    InvalidValueError
        For a sigma that is not positive. Where it is added: for a variable whose constraint is not a Gamma of
        this width.

    Examples
    --------
    >>> float(GmM(0.3)(1.2)), GmM(0.3).bounds
    (1.2, (0.01, 2.5))
    """

    label = "gmM"

    def __init__(self, sigma: Any) -> None:
        number = row_numbers("GmM: sigma", sigma, positive=True, cure="it is a relative width, 0.3 is 30%")
        if len(number) != 1:
            raise ShapeMismatchError(
                f"GmM: sigma has {len(number)} entries; give one number, it is the width of one variable."
            )
        self.sigma = float(number[0])

    @property
    def bounds(self) -> tuple[float, float]:
        """(lower, upper) of Combine's range."""
        return max(0.01, 1.0 - 5.0 * self.sigma), 1.0 + 5.0 * self.sigma

    def check_variable(self, what: str, variable: VariableLike) -> None:
        """The variable is the factor, with a Gamma constraint of the same width."""
        cure = f"give it constraint=Gamma({self.sigma:g})"
        constraint = require_constraint(what, variable, Gamma, cure)
        if np.any(np.asarray(constraint.width) != self.sigma):
            raise InvalidValueError(
                f"{what}: the Gamma constraint of variable '{variable.name}' has width "
                f"{float(np.max(constraint.width)):g}, the effect {self.sigma:g}; {cure}."
            )

    def entries(self, what: str, rate: FloatArray) -> Entries:
        """See :class:`RowEffect`."""
        return Entries(AFFINE, (np.zeros_like(rate), np.ones_like(rate)))

    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        return AFFINE, (np.zeros(1), np.ones(1))

    def __repr__(self) -> str:
        return f"GmM({self.sigma:g})"
