"""Checks that builders and effects share: names, numbers, shapes, options.

Each takes ``what``, the words that name the object (and the argument) in the message. A message
says which object, what was given, what was expected and what cures it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jax.errors import TracerArrayConversionError

from ._types import FloatArray
from .errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
)

__all__ = [
    "OUTSIDE",
    "as_floats",
    "check_choice",
    "check_finite",
    "check_flag",
    "check_name",
    "check_names",
    "check_text",
    "describe",
    "did_you_mean",
    "plural",
]

OUTSIDE = (
    "make and prepare the model outside of jit, grad and vmap, and change its numbers inside with "
    "model.replaced(...)"
)
"""What one does with numbers that JAX traces."""


def describe(obj: Any) -> str:
    """An object in a few words, for "got ..." in a message.

    Examples
    --------
    >>> describe("mu"), describe([1.0, 2.0]), describe(float)
    ("'mu'", 'list [1.0, 2.0]', 'the class float')
    """
    if isinstance(obj, type):
        return f"the class {obj.__name__}"
    text = repr(obj)
    if len(text) > 60 or "\n" in text or " object at 0x" in text or text.startswith("<"):
        return f"an object of type {type(obj).__name__}"
    return text if isinstance(obj, str | int | float | bool | None) else f"{type(obj).__name__} {text}"


def did_you_mean(given: str, known: Iterable[str], cutoff: float = 0.65) -> str:
    """The end of a message about a name that there is not: the closest ones; empty if none is close.

    Parameters
    ----------
    cutoff
        How close, from 0 to 1: twice the letters that match, of all letters of both.

    Examples
    --------
    >>> did_you_mean("jse", ["mu", "jes"])
    "; did you mean 'jes'?"
    >>> did_you_mean("Mu", ["mu"]), did_you_mean("something", ["mu"])
    ("; did you mean 'mu'?", '')
    """
    names = list(dict.fromkeys(known))
    same = [name for name in names if name.casefold() == given.casefold()]
    close = same or difflib.get_close_matches(given, names, n=3, cutoff=cutoff)
    return f"; did you mean {' or '.join(repr(name) for name in close)}?" if close else ""


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> plural(1, "bin"), plural(3, "sub-process")
    ('1 bin', '3 sub-processes')
    """
    ending = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"


def check_name(what: str, name: Any) -> str:
    """A non-empty string, else InvalidTypeError or InvalidValueError."""
    if not isinstance(name, str):
        raise InvalidTypeError(f"{what}: the name must be a string, got {describe(name)}.")
    if not name.strip():
        raise InvalidValueError(f"{what}: the name is empty; give one.")
    return name


def check_names(what: str, names: Any, expected: int | None, noun: str) -> tuple[str, ...]:
    """Different, non-empty strings; as many as expected, if that is known."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InvalidTypeError(f"{what} must be a list of strings, got {describe(names)}.")
    result = tuple(check_name(what, name) for name in names)
    repeated = sorted({name for name in result if result.count(name) > 1})
    if repeated:
        raise DuplicateNameError(f"{what}: '{repeated[0]}' is given twice; names must differ.")
    if not result:
        raise ShapeMismatchError(f"{what} is empty; give one name a {noun}.")
    if expected is not None and len(result) != expected:
        raise ShapeMismatchError(
            f"{what} has {plural(len(result), 'name')} for {plural(expected, noun)}; give one name a {noun}."
        )
    return result


def check_text(what: str, text: Any) -> str | None:
    """A string or None."""
    if text is not None and not isinstance(text, str):
        raise InvalidTypeError(f"{what} must be a string or None, got {describe(text)}.")
    return text


def check_flag(what: str, flag: Any) -> bool:
    """True or False, not merely something truthy."""
    if not isinstance(flag, bool | np.bool_):
        raise InvalidTypeError(f"{what} must be True or False, got {describe(flag)}.")
    return bool(flag)


def check_choice(what: str, choice: Any, choices: Sequence[str | None], *, note: str = "") -> Any:
    """One of the choices; the error lists them, and adds a note."""
    if not any(choice is option or (isinstance(choice, str) and choice == option) for option in choices):
        listed = ", ".join(repr(option) for option in choices)
        raise InvalidValueError(f"{what} must be one of {listed}, got {describe(choice)}.{note}")
    return choice


def as_floats(what: str, values: Any) -> FloatArray:
    """Numbers as a float64 copy; bools, complex numbers, text, masked and ragged arrays are refused.

    Raises
    ------
    InvalidTypeError
        Where the input is not made of real numbers.
    ShapeMismatchError
        Where its rows are of different lengths.

    Examples
    --------
    >>> as_floats("yields", [1, 2])
    array([1., 2.])
    """
    if np.ma.is_masked(values):
        raise InvalidTypeError(f"{what} is a masked array; fill the masked entries first.")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeMismatchError(
            f"{what} has rows of different lengths; give a rectangular array."
        ) from error
    except TracerArrayConversionError as error:
        raise InvalidTypeError(f"{what} cannot be traced by JAX: {OUTSIDE}.") from error
    except TypeError as error:
        raise InvalidTypeError(f"{what} cannot be read as numbers, got {describe(values)}.") from error
    if array.dtype.kind not in "iuf":
        raise InvalidTypeError(f"{what} must be real numbers, got {describe(values)}.")
    return np.array(array, dtype=np.float64)


def check_finite(what: str, array: FloatArray) -> FloatArray:
    """No NaN and no infinity, else InvalidValueError with the first offending entry."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        where = "" if not place else f" at index {place[0] if len(place) == 1 else place}"
        raise InvalidValueError(f"{what} must be finite, got {float(array[place])}{where}.")
    return array
