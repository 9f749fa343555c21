"""Fields of JSON objects, read with checks: objects, lists, names and finite numbers.

Each takes ``what``, the words that name the place in the file; a message says what was given, what
is expected and the cure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import FileFormatError

__all__ = [
    "count",
    "describe",
    "listed",
    "read_each",
    "read_list",
    "read_name",
    "read_number",
    "read_numbers",
    "read_object",
]


def read_each(
    given: Any,
    noun: str,
    read: Callable[[Any, str], Any],
    *,
    within: str | None = None,
    empty: bool = False,
) -> Sequence[Any]:
    """Read the objects of a list, which need different names: ``read(item, words that name it)``."""
    prefix = "" if within is None else f"{within}, "
    results: dict[str, Any] = {}
    for index, item in enumerate(read_list(f"{prefix}{noun}s", given, empty=empty)):
        if not isinstance(item, Mapping) or "name" not in item:
            read_object(f"{prefix}{noun} {index}", item, required=("name",), others=True)
        name = item["name"]
        if not isinstance(name, str):
            raise FileFormatError(f"{prefix}{noun} {index}: name must be a string, got {describe(name)}.")
        what = f"{prefix}{noun} '{name}'"
        if name in results:
            raise FileFormatError(f"{what} is given twice; names must differ.")
        results[name] = read(item, what)
    return list(results.values())


def read_object(
    what: str, given: Any, *, required: Sequence[str], optional: Sequence[str] = (), others: bool = False
) -> Mapping[str, Any]:
    """An object with the required keys, and no unknown ones."""
    if not isinstance(given, Mapping):
        raise FileFormatError(
            f"{what}: an object with {listed(required)} is expected, got {describe(given)}."
        )
    for key in required:
        if key not in given:
            raise FileFormatError(f"{what}: '{key}' is missing; it has {listed(given)}. Add it.")
    unknown = [key for key in given if key not in required and key not in optional]
    if unknown and not others:
        raise FileFormatError(
            f"{what}: '{unknown[0]}' is not a key that it may have; it may have "
            f"{listed((*required, *optional))}."
        )
    return given


def read_list(what: str, given: Any, *, empty: bool = False) -> Sequence[Any]:
    """A list, not empty unless that is allowed."""
    if not isinstance(given, list | tuple):
        raise FileFormatError(f"{what}: a list is expected, got {describe(given)}.")
    if not given and not empty:
        raise FileFormatError(f"{what}: the list is empty; give at least one entry.")
    return given


def read_name(what: str, given: Any) -> str:
    """A non-empty string."""
    if not isinstance(given, str) or not given.strip():
        raise FileFormatError(f"{what} must be a non-empty string, got {describe(given)}.")
    return given


def read_number(what: str, given: Any) -> float:
    """A finite real number; true and false are none."""
    if isinstance(given, bool) or not isinstance(given, Real):
        raise FileFormatError(f"{what} must be a number, got {describe(given)}.")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise FileFormatError(f"{what} is {number}, or too large for a float; give finite numbers.")
    return number


def read_numbers(what: str, given: Any, *, size: int | None = None) -> FloatArray:
    """A list of finite numbers, as many as ``size`` where that is given.

    Examples
    --------
    >>> read_numbers("data", [1, 2.5], size=2)
    array([1. , 2.5])
    """
    array = np.array([read_number(f"{what}[{i}]", value) for i, value in enumerate(read_list(what, given))])
    if size is not None and len(array) != size:
        raise FileFormatError(f"{what} has {count(len(array), 'number')}, expected {size}; give one each.")
    return array


def describe(given: Any) -> str:
    """What was given, shortened."""
    try:
        text = repr(given)
    except ValueError:
        # Python shows no integers of more than some thousand digits.
        return f"an {type(given).__name__} too long to be shown"
    return text if len(text) <= 40 else f"{text[:37]}..."


def listed(names: Any) -> str:
    """Names for a message, the first eight of many."""
    texts = [repr(name) for name in names]
    return (", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")) or "none"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 bin, 2 bins."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
