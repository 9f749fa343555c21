"""Fields of the document that :mod:`..json_fields` does not have: texts, flags, positions, shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._types import FloatArray
from ...errors import FileFormatError
from ..json_fields import describe, read_list, read_object

__all__ = [
    "is_whole",
    "read_flag",
    "read_index",
    "read_labels",
    "read_rows",
    "read_shape",
    "read_text",
    "read_texts",
]

_MAX_AXES = 8
_MAX_SIZE = 1 << 27


def read_rows(what: str, rows: FloatArray, is_array: bool) -> FloatArray:
    """(bin,) of a plain process, (sub-process, bin) of an array process."""
    if is_array:
        return rows
    if rows.ndim != 2 or len(rows) != 1:
        raise FileFormatError(f"{what}: a plain process has one row of yields, got the shape {rows.shape}.")
    return rows[0]


def read_labels(what: str, given: Any, keys: Sequence[str]) -> dict[str, Any]:
    shown = read_object(what, given, required=keys)
    return {key: read_text(f"{what}: {key}", shown[key]) for key in keys}


def read_text(what: str, given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise FileFormatError(f"{what}: text or null is expected, got {describe(given)}.")
    return given


def read_texts(what: str, given: Any) -> list[str]:
    items = read_list(what, given, empty=True)
    if not all(isinstance(item, str) for item in items):
        raise FileFormatError(f"{what}: names are expected, got {describe(given)}.")
    return list(items)


def read_flag(what: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise FileFormatError(f"{what}: true or false is expected, got {describe(given)}.")
    return given


def is_whole(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def read_index(what: str, given: Any, size: int) -> int:
    if not is_whole(given) or not 0 <= given < size:
        raise FileFormatError(
            f"{what}: a whole number from 0, below {size}, is expected, got {describe(given)}."
        )
    return int(given)


def read_shape(what: str, given: Any) -> tuple[int, ...]:
    sizes = read_list(what, given, empty=True)
    shape = tuple(read_index(what, size, _MAX_SIZE) for size in sizes)
    elements = 1
    for size in shape:
        elements *= size
    if len(shape) > _MAX_AXES or elements > _MAX_SIZE:
        raise FileFormatError(f"{what}: the shape {describe(list(shape))} is more than is computed with.")
    return shape
