"""Records as JSON and back, exactly: every field by its declared type.

Numbers are written with all their digits; what is not finite as "nan", "inf" or "-inf". An array is
{"shape", "values"}, a record an object with its fields. Reading checks each field against its type, so
that a file cannot put anything else in its place.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Union

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..errors import FileFormatError, InvalidTypeError
from ..layout import Layout
from .json_fields import describe, read_list, read_object

__all__ = ["decode", "encode", "layouts_of"]

_ARRAYS = {str(FloatArray): np.float64, str(IntArray): np.int64, str(BoolArray): np.bool_}
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_LEFT_OUT: dict[type, tuple[str, ...]] = {Layout: ("locators", "owners")}
"""What belongs to the prepared model, and is found there."""
_MAX_AXES = 8


def _fields(cls: type) -> dict[str, Any]:
    """Name -> type of the fields of a dataclass or a named tuple."""
    hints = typing.get_type_hints(cls)
    names = cls._fields if hasattr(cls, "_fields") else [field.name for field in dataclasses.fields(cls)]
    return {name: hints[name] for name in names if name not in _LEFT_OUT.get(cls, ())}


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"))


def encode(hint: Any, value: Any) -> Any:
    """A value of a declared type, in what JSON has.

    Examples
    --------
    >>> encode(FloatArray, np.array([1.0, np.nan]))
    {'shape': [2], 'values': [1.0, 'nan']}
    """
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": [_number(entry) for entry in value.ravel().tolist()]}
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if _is_record(type(value)):
        return {name: encode(of, getattr(value, name)) for name, of in _fields(type(value)).items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return [[encode(Any, key), encode(Any, entry)] for key, entry in value.items()]
    if isinstance(value, tuple | list):
        return [encode(Any, entry) for entry in value]
    raise InvalidTypeError(f"save_result: an object of type {type(value).__name__} is no part of a record.")


def _number(value: float) -> Any:
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def layouts_of(value: Any) -> list[Layout]:
    """The layouts in a record."""
    if isinstance(value, Layout):
        return [value]
    if _is_record(type(value)):
        value = [getattr(value, name) for name in _fields(type(value))]
    return (
        [found for entry in value for found in layouts_of(entry)] if isinstance(value, tuple | list) else []
    )


def decode(what: str, hint: Any, given: Any, layout: Layout | None = None) -> Any:
    """The value of a declared type that JSON holds; ``layout`` takes the place of those in it.

    Raises
    ------
    FileFormatError
        If it is of another type.

    Examples
    --------
    >>> decode("x", tuple[float, ...], [1, "inf"])
    (1.0, inf)
    """
    if str(hint) in _ARRAYS:
        return _array(what, given, _ARRAYS[str(hint)])
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if given is None and type(None) in inner:
            return None
        (one,) = [option for option in inner if option is not type(None)]
        return decode(what, one, given, layout)
    if origin in (tuple, Sequence):
        return _tuple(what, inner, given, layout)
    if origin is frozenset:
        return frozenset(_tuple(what, (inner[0], ...), given, layout))
    if origin is Mapping:
        pairs = [
            _tuple(what, (inner[0], inner[1]), pair, layout) for pair in read_list(what, given, empty=True)
        ]
        return dict(pairs)
    if _is_record(hint):
        return _record(what, hint, given, layout)
    return _plain(what, hint, given)


def _tuple(what: str, inner: tuple[Any, ...], given: Any, layout: Layout | None) -> tuple[Any, ...]:
    items = read_list(what, given, empty=True)
    kinds = [inner[0]] * len(items) if len(inner) == 1 or inner[1] is ... else list(inner)
    if len(kinds) != len(items):
        raise FileFormatError(f"{what}: {len(kinds)} entries are expected, got {len(items)}.")
    return tuple(
        decode(f"{what}[{i}]", kind, item, layout)
        for i, (kind, item) in enumerate(zip(kinds, items, strict=True))
    )


def _record(what: str, cls: type, given: Any, layout: Layout | None) -> Any:
    hints = _fields(cls)
    item = read_object(what, given, required=tuple(hints))
    found = {name: decode(f"{what}.{name}", of, item[name], layout) for name, of in hints.items()}
    if cls is Layout and layout is not None:
        return layout
    return cls(**found)


def _plain(what: str, hint: Any, given: Any) -> Any:
    if hint is Any and isinstance(given, Mapping):
        return _array(what, given, np.float64)
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if hint in (float, Any) and isinstance(given, str) and given in _NOT_FINITE:
        return _NOT_FINITE[given]
    fits = {
        float: number,
        int: isinstance(given, int) and not isinstance(given, bool),
        bool: isinstance(given, bool),
        str: isinstance(given, str),
        Any: given is None or number or isinstance(given, str | bool),
    }
    if not fits.get(hint, False):
        noun = getattr(hint, "__name__", str(hint))
        raise FileFormatError(f"{what}: {noun} is expected, got {describe(given)}.")
    return float(given) if hint is float else given


def _array(what: str, given: Any, dtype: Any) -> np.ndarray:
    item = read_object(what, given, required=("shape", "values"))
    shape, values = item["shape"], read_list(f"{what}: values", item["values"], empty=True)
    sizes = read_list(f"{what}: shape", shape, empty=True)
    if len(sizes) > _MAX_AXES or not all(type(size) is int and 0 <= size < 1 << 32 for size in sizes):
        raise FileFormatError(f"{what}: shape: sizes are expected, got {describe(shape)}.")
    if math.prod(sizes) != len(values):
        raise FileFormatError(f"{what}: the shape {describe(shape)} has not {len(values)} values.")
    kind = {np.float64: float, np.int64: int, np.bool_: bool}[dtype]
    found = [_plain(what, kind, value) for value in values]
    try:
        return np.array(found, dtype=dtype).reshape(sizes)
    except OverflowError as error:
        raise FileFormatError(f"{what}: an integer is too large.") from error
