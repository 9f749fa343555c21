"""Names of free parameters: dicts to vectors and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._types import Array, BoolArray, FloatArray
from ...errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ...layout import Layout

__all__ = ["Labels"]


@dataclass(frozen=True, eq=False)
class Labels:
    """Which parameters of a model are free, by name. Equal where all names are."""

    layout: Layout
    is_free: BoolArray
    """(param + bin param,)"""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the free parameters, in the order of the vector."""
        return tuple(self.layout.names[i] for i in np.flatnonzero(self.is_free))

    @cached_property
    def _place(self) -> dict[int, int]:
        """Position among all -> position among the free ones."""
        return {int(i): k for k, i in enumerate(np.flatnonzero(self.is_free))}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels):
            return False
        if not np.array_equal(self.is_free, other.is_free):
            return False
        mine, others = self.layout, other.layout
        return mine is others or (mine.names == others.names and mine.variables == others.variables)

    def __hash__(self) -> int:
        return hash(self.names)

    def assigned(self, start: Array, given: Any) -> Array | FloatArray:
        """(free,): ``start`` with the values of a dict; of numpy unless something is of JAX.

        Raises
        ------
        InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        """
        if not isinstance(given, Mapping):
            raise InvalidTypeError(
                f"values_from_dict: expected a dict {{variable: value}}, got {type(given).__name__}."
            )
        places, values = [], []
        for key, value in given.items():
            positions = self.layout.positions(key)
            name = key if isinstance(key, str) else key.name
            places.append(np.array([self._of(i) for i in positions], dtype=int))
            values.append(_components(value, name, len(positions)))
        if any(isinstance(value, jax.core.Tracer) for value in (start, *values)):
            vector = jnp.asarray(start)
            for at, value in zip(places, values, strict=True):
                vector = vector.at[at].set(value)
            return vector
        found = np.array(start)
        for at, value in zip(places, values, strict=True):
            found[at] = value
        return found

    def _of(self, position: int) -> int:
        if position not in self._place:
            raise InvalidValueError(
                f"values_from_dict: '{self.layout.names[position]}' is not free in this likelihood: it is "
                "held or minimised over. The free parameters are in .names."
            )
        return self._place[position]


def _components(value: Any, name: str, size: int) -> Any:
    """A number a component, or one for all."""
    if not isinstance(value, jax.core.Tracer):
        try:
            value = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(
                f"values_from_dict: the value of '{name}' is not a number: {value!r}."
            ) from error
    if value.ndim > 1 or value.size not in (1, size):
        raise ShapeMismatchError(
            f"values_from_dict: '{name}' has {size} components, got {value.size} values; give one a "
            "component, or one for all."
        )
    return value
