"""What every constraint says of itself, in numpy; how it acts is in the likelihood."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from .._types import ArrayLike, FloatArray
from ..errors import InvalidTypeError, InvalidValueError

__all__ = ["Constraint", "Prefit", "is_local", "numbers_of", "positive"]

Self = TypeVar("Self", bound="Constraint")


class Prefit(NamedTuple):
    """What a constraint alone says of a parameter; numbers, or arrays (component,)."""

    centre: Any
    """The most likely value: where a fit that learns nothing else ends."""
    below: Any
    above: Any
    """The uncertainties to either side of it."""


class Constraint:
    """Base class of the constraints.

    A variable keeps its constraint with all defaults filled in and one number a component; only
    of such a one are ``glob``, ``numbers`` and ``prefit`` meaningful.
    """

    kind: ClassVar[str] = ""
    """Its name among the kinds that the likelihood knows."""
    closed_form: ClassVar[bool] = False
    """Whether a parameter of one bin with this constraint can be eliminated in closed form."""
    smallest_glob: ClassVar[float] = -np.inf
    """Global observables are at least this."""
    smallest_value: ClassVar[float] = -np.inf
    """Parameters are at least this; below, the likelihood is a mere continuation for minimisers."""

    def filled(self: Self, value: FloatArray) -> Self:
        """The same constraint with what follows from the variable's value filled in."""
        return self

    @property
    def glob(self) -> Any:
        """The default global observable; None if there is none to vary."""
        return None

    @property
    def numbers(self) -> tuple[Any, ...]:
        """The numbers that the term of the likelihood depends on."""
        return ()

    @property
    def support(self) -> tuple[Any, Any]:
        """The range outside which the density vanishes: the variable's bounds must be inside."""
        return -np.inf, np.inf

    def prefit(self) -> Prefit:
        """Centre and uncertainties, NaN if only the prepared model knows them."""
        return Prefit(np.nan, np.nan, np.nan)


def is_local(constraint: Constraint | None) -> bool:
    """Whether a bin's own parameter with this constraint can be eliminated in closed form.

    Examples
    --------
    >>> from smoothfit.constraints import Gaussian, LogNormal
    >>> is_local(None), is_local(Gaussian(width=0.1)), is_local(LogNormal(kappa=1.1))
    (True, True, False)
    """
    return constraint is None or constraint.closed_form


def numbers_of(what: str, values: ArrayLike) -> FloatArray:
    """Finite real numbers, else InvalidTypeError or InvalidValueError.

    Examples
    --------
    >>> numbers_of("Gaussian constraint: mean", [1, 2])
    array([1., 2.])
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{what} must be real numbers, got {values!r}.") from error
    if array.dtype.kind not in "iuf":
        raise InvalidTypeError(f"{what} must be real numbers, got {values!r}.")
    if not np.all(np.isfinite(array)):
        raise InvalidValueError(f"{what} must be finite, got {array.tolist()}.")
    return array.astype(np.float64)


def positive(what: str, values: ArrayLike, *, above: float = 0.0, hint: str = "") -> FloatArray:
    """Numbers above 0 (or another limit), else InvalidValueError."""
    array = numbers_of(what, values)
    if np.any(array <= above):
        condition = "positive" if above == 0.0 else f"above {above:g}"
        raise InvalidValueError(f"{what} must be {condition}, got {array.tolist()}{hint}.")
    return array
