"""Declarations: what a builder was asked to do to the yields, one frozen record a call.

Arrays in them are copies, float64 and read-only, so that a caller who changes an array in place
afterwards changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .._types import ArrayLike, FloatArray
from ..effects import Effect
from .selection import EVERYWHERE, Region

if TYPE_CHECKING:
    from .variable import Variable

__all__ = [
    "AddFn",
    "Declaration",
    "Scale",
    "ScaleFn",
    "Shape",
    "Systematic",
    "effect_label",
    "function_label",
    "read_only",
    "variables_of",
]


def read_only(array: ArrayLike) -> FloatArray:
    """A read-only float64 copy.

    Examples
    --------
    >>> read_only([1, 2]).flags.writeable
    False
    """
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def function_label(fn: Any) -> str:
    """A readable name of a callable, for error messages.

    Examples
    --------
    >>> function_label(print), function_label(partial(print, 1))
    ('print', 'partial(print)')
    """
    if isinstance(fn, partial):
        return f"partial({function_label(fn.func)})"
    name = getattr(fn, "__qualname__", None)
    return name if isinstance(name, str) else type(fn).__name__


@dataclass(frozen=True, eq=False)
class Scale:
    """Yields are multiplied by a variable.

    ``axis`` is "all" (a variable of one component), "process" (one component a sub-process) or
    "bin" (one a bin); None only on a process, until the contribution that it applies to is known.
    """

    variable: Variable
    axis: str | None
    region: Region = EVERYWHERE


@dataclass(frozen=True, eq=False)
class ScaleFn:
    """Yields are multiplied by a function of variables.

    ``axis`` says what a 1-D result runs over: "process", "bin", or None for the rule of
    ``scale_by``. ``label`` names the function in error messages.
    """

    fn: Callable[..., Any]
    variables: tuple[Variable, ...]
    axis: str | None
    label: str
    region: Region = EVERYWHERE


@dataclass(frozen=True, eq=False)
class AddFn(ScaleFn):
    """A function of variables is added to the nominal yields, before all factors multiply."""


@dataclass(frozen=True, eq=False)
class Systematic:
    """An effect of :mod:`smoothfit.effects`, a function of one variable, on some or all of the yields."""

    variable: Variable
    effect: Effect
    region: Region = EVERYWHERE


@dataclass(frozen=True, eq=False)
class Shape:
    """Vertical morphing between templates.

    ``up`` and ``down``, shape (sub-process, bin), are the yields at theta * scale = +1 and -1.
    """

    variable: Variable
    up: FloatArray
    down: FloatArray
    kind: str
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "up", read_only(self.up))
        object.__setattr__(self, "down", read_only(self.down))


Declaration: TypeAlias = Scale | ScaleFn | Systematic | Shape


def variables_of(effect: Declaration) -> tuple[Variable, ...]:
    """The variables that a declaration makes yields depend on."""
    return effect.variables if isinstance(effect, ScaleFn) else (effect.variable,)


def effect_label(effect: Declaration) -> str:
    """A declaration in two words.

    Examples
    --------
    >>> from smoothfit.build import ChannelContrib, Variable
    >>> effect_label(ChannelContrib("SR", 1.0).scale_by(Variable("mu", 1.0)).effects[0])
    'scale_by mu'
    """
    if isinstance(effect, Scale):
        return f"scale_by {effect.variable.name}"
    if isinstance(effect, Systematic):
        return f"{effect.effect.label} {effect.variable.name}"
    if isinstance(effect, Shape):
        return f"{effect.kind} {effect.variable.name}"
    call = "add_by_fn" if isinstance(effect, AddFn) else "scale_by_fn"
    return f"{call} {' '.join(variable.name for variable in effect.variables)}"
