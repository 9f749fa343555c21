"""Base classes of the public effects, and the numbers they are given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import as_floats, check_finite
from .._types import Array, FloatArray
from ..constraints import Constraint
from ..errors import InvalidValueError, ShapeMismatchError
from .kind import Kind

__all__ = ["Effect", "Entries", "RowEffect", "VariableLike", "given_as", "require_constraint", "row_numbers"]


C = TypeVar("C", bound=Constraint)


class VariableLike(Protocol):
    """What an effect asks a variable for."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def lower(self) -> FloatArray:
        """Lower bounds, -inf where there is none."""
        ...

    @property
    def upper(self) -> FloatArray:
        """Upper bounds, +inf where there is none."""
        ...

    @property
    def constraint(self) -> Constraint | None:
        """The constraint, None for a free variable."""
        ...


class Entries(NamedTuple):
    """What an effect is on the rows it acts on."""

    kind: Kind
    numbers: tuple[FloatArray, ...]
    """(row,) each, in the order of ``kind.numbers``."""


class Effect(ABC):
    """A univariate factor on yields; a callable of theta, so that modifiers can be made of it."""

    label: ClassVar[str]
    """Its name in tables and messages."""

    @abstractmethod
    def __call__(self, theta: Any) -> Array:
        """The factor at theta, in its shape; (sub-process, 1) if it has one number a sub-process."""

    def check_variable(self, what: str, variable: VariableLike) -> None:  # noqa: B027 (most accept any)
        """Raise an InvalidValueError where the effect cannot act through this variable."""

    @property
    def n_rows(self) -> int | None:
        """The number of rows that it has numbers for; None where one serves all."""
        return None


# One program: operation by operation the first value of an lnN takes a second.
_compiled_factor = jax.jit(lambda kind, theta, *numbers: kind.factor(theta, *numbers), static_argnums=0)


def _factor(kind: Kind, theta: Array, *numbers: Array) -> Array:
    if isinstance(theta, jax.core.Tracer):
        return kind.factor(theta, *numbers)
    return jnp.asarray(_compiled_factor(kind, theta, *numbers))


class RowEffect(Effect):
    """An effect that is a kind of the registry, with a few numbers a row."""

    @abstractmethod
    def entries(self, what: str, rate: FloatArray) -> Entries:
        """Kind and numbers on rows of these expected events, shape (row,).

        Raises
        ------
        InvalidValueError
            Where the numbers contradict the rate.
        """

    @abstractmethod
    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        """Kind and numbers without reference to a rate, (1,) or (row,) each."""

    def __call__(self, theta: Any) -> Array:
        kind, numbers = self._bare()
        at, rows = jnp.asarray(theta, float), self.n_rows
        if rows is None:
            return _factor(kind, at, *(jnp.asarray(n[0]) for n in numbers))
        if at.size != 1:
            raise ShapeMismatchError(
                f"{type(self).__name__}: theta has shape {at.shape}, the effect has {rows} sub-processes; "
                "give one theta at a time."
            )
        return _factor(kind, at.reshape(1), *(jnp.asarray(n) for n in numbers))[:, None]

    @property
    def n_rows(self) -> int | None:
        longest = max(len(n) for n in self._bare()[1])
        return None if longest == 1 else longest


def row_numbers(what: str, values: Any, *, positive: bool = False, cure: str = "") -> FloatArray:
    """One finite number, or one a row, as a read-only array (1,) or (row,).

    Examples
    --------
    >>> row_numbers("width", 0.1)
    array([0.1])
    """
    array = check_finite(what, as_floats(what, values))
    if array.ndim > 1 or array.size == 0:
        raise ShapeMismatchError(f"{what} has shape {array.shape}; give one number, or one a sub-process.")
    if positive and np.any(array <= 0.0):
        raise InvalidValueError(f"{what} must be positive, got {array.min():g}; {cure}.")
    array = np.atleast_1d(array)
    array.setflags(write=False)
    return array


def given_as(numbers: FloatArray) -> float | list[float]:
    """One number for one, else a list: for what is shown as it was typed."""
    return float(numbers[0]) if len(numbers) == 1 else [float(number) for number in numbers]


def on_rows(numbers: FloatArray, rate: FloatArray) -> FloatArray:
    """One number a row."""
    return np.array(np.broadcast_to(numbers, rate.shape))


def require_constraint(what: str, variable: VariableLike, kind: type[C], cure: str) -> C:
    """The variable's constraint, which must be of this kind.

    Raises
    ------
    InvalidValueError
        Naming the kind there is, and the cure.
    """
    constraint = variable.constraint
    if not isinstance(constraint, kind):
        have = "none" if constraint is None else type(constraint).__name__
        raise InvalidValueError(
            f"{what}: variable '{variable.name}' has the constraint {have}, expected {kind.__name__}; {cure}."
        )
    return constraint
