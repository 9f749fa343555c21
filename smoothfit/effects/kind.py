"""What a kind of row effect is: an elementwise function with numbers of its own, one set a row.

A kind is structure: its name is part of what is compiled, its numbers are arrays that can be varied and
differentiated. Several public effects may share one kind (``a + b theta`` serves four of them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import jax.numpy as jnp

from .._types import Array

__all__ = ["Derivatives", "Kind"]

Derivatives: TypeAlias = tuple[Array, Array, Array]
"""A value with its first and second derivative by theta."""


def _as_they_are(*numbers: Array) -> tuple[Array, ...]:
    return numbers


@dataclass(frozen=True)
class Kind:
    """A function of one parameter theta on a row, elementwise over (entry,).

    ``derivatives(theta, *derived)`` is its value, slope and curvature, ``derived = derive(*numbers)`` what
    follows from the numbers alone and is evaluated once, before a fit's loop. Where ``on_log``, the value
    adds to the logarithm of the row's factor, which stays positive; otherwise it multiplies, and may be 0.
    """

    name: str
    numbers: tuple[str, ...]
    on_log: bool
    derivatives: Callable[..., Derivatives]
    derive: Callable[..., tuple[Array, ...]] = _as_they_are

    def factor(self, theta: Array, *numbers: Array) -> Array:
        """The factor on the yields at ``theta``, elementwise.

        Examples
        --------
        >>> from smoothfit.effects import KINDS
        >>> float(KINDS["affine"].factor(jnp.array(2.0), 1.0, 0.1))
        1.2
        """
        value = self.derivatives(theta, *self.derive(*numbers))[0]
        return jnp.exp(value) if self.on_log else value
