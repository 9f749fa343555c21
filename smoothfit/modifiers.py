"""An algebra of factors: functions and built-in effects combined into new functions.

What comes out is a callable for ``scale_by_fn``, and may be combined again. Parts are functions of a
variable's value each, or effects such as ``smoothfit.effects.LnN(1.1)``; their results broadcast against each
other as (sub-process, bin) do, a 1-D one running over bins.

A combination called with as many arguments as all its parts take together gives each its own, in order;
called with as many as each takes, they share them.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._types import Array, ArrayLike, BoolArray
from .errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

__all__ = ["Modifier", "clip", "compose", "mask", "transform", "where"]


class Modifier:
    """A combination of functions: callable, and a part of further combinations."""

    def __init__(self, name: str, parts: Sequence[Callable[..., Any]], combine: Callable[..., Array]) -> None:
        self.__qualname__ = name
        self._parts = tuple(parts)
        self._combine = combine
        self._counts = [_counts(name, part) for part in parts]

    @property
    def argument_counts(self) -> frozenset[int]:
        """The numbers of arguments that it can be called with."""
        apart = {sum(split) for split in itertools.product(*self._counts)}
        return frozenset.intersection(*self._counts) | apart

    def __call__(self, *arguments: Any) -> Array:
        """The combined factor.

        Raises
        ------
        InvalidTypeError
            For a number of arguments that cannot be dealt out to the parts.
        """
        n = len(arguments)
        if all(n in counts for counts in self._counts):
            return self._combine(*(jnp.asarray(part(*arguments)) for part in self._parts))
        splits = [split for split in itertools.product(*map(sorted, self._counts)) if sum(split) == n]
        if len(splits) != 1:
            takes = " or ".join(str(count) for count in sorted(self.argument_counts))
            raise InvalidTypeError(
                f"{self.__qualname__}: called with {n} arguments, it takes {takes}; give each part its "
                "own, in order, or those that all of them share."
            )
        ends = np.cumsum(splits[0])
        dealt = [arguments[end - count : end] for count, end in zip(splits[0], ends, strict=True)]
        results = [jnp.asarray(part(*own)) for part, own in zip(self._parts, dealt, strict=True)]
        return self._combine(*results)

    def __repr__(self) -> str:
        return f"{self.__qualname__}({', '.join(_label(part) for part in self._parts)})"


def _label(part: Any) -> str:
    name = getattr(part, "__qualname__", None)
    return name if isinstance(name, str) and not isinstance(part, Modifier) else repr(part)


def _counts(name: str, part: Any) -> frozenset[int]:
    if not callable(part) or isinstance(part, type):
        raise InvalidTypeError(
            f"{name} needs functions of variables or effects, got {part!r}; give such as LnN(1.1)."
        )
    if isinstance(part, Modifier):
        return part.argument_counts
    try:
        parameters = inspect.signature(part).parameters.values()
    except (TypeError, ValueError):
        # Some compiled functions do not tell; they are elementwise ones.
        return frozenset({1})
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise InvalidTypeError(
            f"{name}: {_label(part)} takes any number of arguments; wrap it in a lambda that names them."
        )
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return frozenset({sum(p.default is p.empty for p in positional)})


def _condition(name: str, condition: ArrayLike) -> BoolArray:
    array = np.array(condition)
    if array.dtype.kind != "b":
        raise InvalidTypeError(
            f"{name}: the condition must be booleans, got {array.dtype}; write such as yields > 10."
        )
    if array.ndim not in (1, 2) or array.size == 0:
        raise ShapeMismatchError(
            f"{name}: the condition has shape {array.shape}; give one flag a bin, or (sub-process, bin)."
        )
    return array


def compose(*fns: Callable[..., Any]) -> Modifier:
    """The product of factors.

    Examples
    --------
    >>> from smoothfit.effects import LnN
    >>> both = compose(LnN(1.1), lambda mu: mu)
    >>> round(float(both(2.0, 3.0)), 9), round(float(both(2.0)), 9)
    (3.63, 2.42)
    """
    if not fns:
        raise InvalidValueError("compose: it needs at least one function or effect.")

    def product(*factors: Array) -> Array:
        result = factors[0]
        for factor in factors[1:]:
            result = result * factor
        return result

    return Modifier("compose", fns, product)


def where(condition: ArrayLike, first: Callable[..., Any], second: Callable[..., Any]) -> Modifier:
    """The first factor where the condition holds, the second elsewhere.

    Parameters
    ----------
    condition
        Booleans of shape (bin,), (sub-process, bin) or (sub-process, 1). Both factors are evaluated
        everywhere and must be finite, with finite derivatives.

    Examples
    --------
    >>> from smoothfit.effects import LnN
    >>> where(np.array([3.0, 12.0]) > 10.0, LnN(1.1), LnN(1.3))(1.0).tolist()
    [1.3, 1.1]
    """
    holds = _condition("where", condition)
    return Modifier("where", (first, second), lambda a, b: jnp.where(holds, a, b))


def mask(condition: ArrayLike, fn: Callable[..., Any]) -> Modifier:
    """The factor where the condition holds, 1 elsewhere.

    Examples
    --------
    >>> from smoothfit.effects import LnN
    >>> mask([True, False], LnN(1.1))(1.0).tolist()
    [1.1, 1.0]
    """
    holds = _condition("mask", condition)
    return Modifier("mask", (fn,), lambda factor: jnp.where(holds, factor, 1.0))


def transform(of_factor: Callable[[Array], Any], fn: Callable[..., Any]) -> Modifier:
    """A function of a factor.

    Examples
    --------
    >>> from smoothfit.effects import LnN
    >>> round(float(transform(jnp.sqrt, LnN(1.21))(1.0)), 9)
    1.1
    """
    _counts("transform", of_factor)
    return Modifier("transform", (fn,), lambda factor: jnp.asarray(of_factor(factor)))


def _limit(name: str, given: Any, missing: float) -> float:
    if given is None:
        return missing
    try:
        return float(given)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            f"clip: {name} must be a number, got {given!r}; write clip(fn, lower, upper), the function first."
        ) from error


def clip(fn: Callable[..., Any], lower: float | None = None, upper: float | None = None) -> Modifier:
    """A factor kept within limits; beyond them its derivative is 0.

    A limit is a kink: a fit whose minimum falls on it does not converge.

    Examples
    --------
    >>> from smoothfit.effects import LnN
    >>> float(clip(LnN(1.1), 0.8, 1.2)(5.0))
    1.2
    """
    limits = [_limit("lower", lower, -np.inf), _limit("upper", upper, np.inf)]
    if not limits[0] <= limits[1]:
        raise InvalidValueError(f"clip: lower {limits[0]:g} is not below upper {limits[1]:g}; swap them.")
    return Modifier("clip", (fn,), lambda factor: jnp.clip(factor, *limits))
