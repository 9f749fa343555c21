"""Log-normal normalisation uncertainties: one number kappa, or two, a row and nuisance.

The factor is exp(L(theta)), L being an interpolation of :mod:`smoothfit.interpolation`: L = theta
log(kappa) for a symmetric one. Each interpolation is a kind of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._checks import check_choice, check_finite
from .._types import Array, FloatArray
from ..constraints import Uniform
from ..errors import InvalidValueError, ShapeMismatchError
from ..interpolation import LOG_FACTORS, code4, code4_least, combine_derivatives
from .effect import Entries, RowEffect, VariableLike, given_as, on_rows, row_numbers
from .kind import Derivatives, Kind
from .terms import second_order

__all__ = ["KINDS", "SIGNED", "LnN", "LnU"]

CODE2 = (
    " 'code2' as published jumps at abs(theta) = 1 (its value outside lacks the change up to 1); "
    "'quadratic' of add_shape is its continuous version, 'code4' the smooth one for normalisations."
)


def _logarithms(*kappas: Array) -> tuple[Array, ...]:
    return tuple(jnp.log(kappa) for kappa in kappas)


def _interpolated(log_factor: Callable[..., Array], theta: Array, down: Array, up: Array) -> Derivatives:
    return second_order(lambda t: log_factor(t, down, up), theta)


def _kind(interpolation: str) -> Kind:
    # The usual one in closed form: shorter to trace and to compile.
    derivatives = (
        combine_derivatives
        if interpolation == "combine"
        else partial(_interpolated, LOG_FACTORS[interpolation])
    )
    return Kind(f"lnN_{interpolation}", ("down", "up"), True, derivatives, _logarithms)


KINDS = {interpolation: _kind(interpolation) for interpolation in LOG_FACTORS}
"""interpolation -> its kind; the numbers are yield ratios at theta = -1 and +1."""


def _signed(theta: Array, down: Array, up: Array) -> Derivatives:
    return second_order(lambda t: code4(t, down, up), theta)


SIGNED = Kind("lnN_code4_signed", ("down", "up"), False, _signed, _logarithms)
"""code4 of ratios whose polynomial is not positive everywhere: a plain factor, as it has no logarithm."""

_LEAST = 0.05
"""Where the polynomial stays above this, both kinds are the same function."""

_RATIO = "it is a ratio of yields, 1.05 is 5%"


def _inverse(what: str, kappa: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return check_finite(f"{what}: 1 / kappa", 1.0 / kappa)


class LnN(RowEffect):
    """Log-normal: the factor kappa^theta, or an interpolation between two kappas.

    Parameters
    ----------
    kappa
        One number: yields times kappa at theta = +1 and 1 / kappa at -1. Or a pair (down, up): the yield
        ratios at -1 and +1. Each is a number, or one a sub-process.
    interpolation
        "combine" (default), "talk", "code1" or "code4" (:mod:`smoothfit.interpolation`); they differ for
        asymmetric kappas.

    Raises
    ------
    InvalidValueError, ShapeMismatchError, InvalidTypeError
        For a kappa that is not positive or not finite, more than two, an unknown interpolation.

    Examples
    --------
    >>> float(LnN(1.1)(2.0))
    1.21
    >>> round(float(LnN((0.9, 1.3))(0.5)), 4)
    1.1402
    """

    label = "lnN"

    def __init__(self, kappa: Any, *, interpolation: str = "combine") -> None:
        self._read("LnN", kappa, interpolation)

    @classmethod
    def _given(cls, what: str, kappa: Any, interpolation: Any) -> LnN:
        """The same, with the caller's words in the errors."""
        made = cls.__new__(cls)
        made._read(what, kappa, interpolation)
        return made

    def _read(self, what: str, kappa: Any, interpolation: Any) -> None:
        note = CODE2 if interpolation == "code2" else ""
        check_choice(f"{what}: interpolation", interpolation, tuple(KINDS), note=note)
        if isinstance(kappa, tuple | list) or getattr(kappa, "ndim", 0) > 0:
            if len(kappa) != 2:
                raise ShapeMismatchError(
                    f"{what}: kappa has {len(kappa)} entries; give one number, or a pair (down, up), each "
                    "of which may be a list with one number a sub-process."
                )
            down = row_numbers(f"{what}: kappa down", kappa[0], positive=True, cure=_RATIO)
            up = row_numbers(f"{what}: kappa up", kappa[1], positive=True, cure=_RATIO)
        else:
            up = row_numbers(f"{what}: kappa", kappa, positive=True, cure=_RATIO)
            down = _inverse(what, up)
        if len(down) != len(up) and 1 not in (len(down), len(up)):
            raise ShapeMismatchError(
                f"{what}: kappa down has {len(down)} entries, up has {len(up)}; give both one a sub-process."
            )
        self.down, self.up = np.broadcast_arrays(down, up)
        self.interpolation: str = interpolation
        signed = interpolation == "code4" and code4_least(self.down, self.up) < _LEAST
        self._kind = SIGNED if signed else KINDS[interpolation]
        # A list of two numbers could be one a sub-process, too: see entries().
        self._listed = not isinstance(kappa, tuple) and np.shape(kappa) == (2,)

    def entries(self, what: str, rate: FloatArray) -> Entries:
        """See :class:`RowEffect`; of two sub-processes a list of two numbers is refused as ambiguous."""
        if self._listed and len(rate) == 2:
            down, up = (f"{float(side[0]):g}" for side in (self.down, self.up))
            raise InvalidValueError(
                f"{what}: a list of two kappas for two sub-processes can mean two things; write "
                f"({down}, {up}) for (down, up), or ([1/{down}, 1/{up}], [{down}, {up}]) for one each."
            )
        return Entries(self._kind, (on_rows(self.down, rate), on_rows(self.up, rate)))

    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        return self._kind, (self.down, self.up)

    def __repr__(self) -> str:
        symmetric = np.array_equal(self.down, 1.0 / self.up)
        kappa = given_as(self.up) if symmetric else (given_as(self.down), given_as(self.up))
        other = "" if self.interpolation == "combine" else f", interpolation={self.interpolation!r}"
        return f"LnN({kappa}{other})"


class LnU(RowEffect):
    """Log-uniform: the factor kappa^theta of a variable that is uniform on [-1, 1] (Combine's lnU).

    The yield is anything from rate / kappa to rate * kappa, with a flat density of its logarithm.

    Parameters
    ----------
    kappa
        The yield ratio at theta = +1: one number, or one a sub-process.

    Raises
    ------
    InvalidValueError
        For a kappa that is not positive; where it is added, for a variable that may leave [-1, 1].

    Examples
    --------
    >>> float(LnU(2.0)(-1.0))
    0.5
    """

    label = "lnU"

    def __init__(self, kappa: Any) -> None:
        self.kappa = row_numbers("LnU: kappa", kappa, positive=True, cure=_RATIO)
        self._down = _inverse("LnU", self.kappa)

    def check_variable(self, what: str, variable: VariableLike) -> None:
        """The variable must have a Uniform constraint, or bounds, on [-1, 1]."""
        constraint = variable.constraint
        if constraint is None:
            ends = variable.lower, variable.upper
        elif isinstance(constraint, Uniform):
            ends = np.asarray(constraint.lower), np.asarray(constraint.upper)
        else:
            ends = np.array(-np.inf), np.array(np.inf)
        if np.any(ends[0] != -1.0) or np.any(ends[1] != 1.0):
            have = "none" if constraint is None else type(constraint).__name__
            raise InvalidValueError(
                f"{what}: variable '{variable.name}' (constraint {have}) is not uniform on [-1, 1]; "
                "give it constraint=Uniform(-1, 1), or these bounds and no constraint."
            )

    def entries(self, what: str, rate: FloatArray) -> Entries:
        """See :class:`RowEffect`."""
        return Entries(KINDS["combine"], (on_rows(self._down, rate), on_rows(self.kappa, rate)))

    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        return KINDS["combine"], (self._down, self.kappa)

    def __repr__(self) -> str:
        return f"LnU({given_as(self.kappa)})"
