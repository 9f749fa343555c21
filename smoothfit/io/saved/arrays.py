"""Arrays of a saved model: one numpy file a dtype, and in the JSON where each array stands in it.

A reference is ``[dtype, offset, shape]``; arrays of equal content are stored once.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np

from ...errors import FileFormatError
from ..json_fields import describe

__all__ = ["DTYPES", "ArrayReader", "ArrayWriter", "array_member"]

DTYPES = {"float64": np.dtype("<f8"), "int64": np.dtype("<i8"), "bool": np.dtype("?")}

_MAX_AXES = 8
_LONGEST_EMPTY = 1 << 16
_HEADER = 128
"""Bytes of the header of a flat array."""


def _header(size: int, dtype: np.dtype) -> bytes:
    stream = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (size,)}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.getvalue()


def array_member(dtype: str) -> str:
    """The member that holds arrays of a dtype."""
    return f"arrays/{dtype}.npy"


class ArrayWriter:
    """Collects arrays."""

    def __init__(self) -> None:
        self._parts: dict[str, list[np.ndarray]] = {}
        self._sizes: dict[str, int] = {}
        self._known: dict[tuple[str, bytes], int] = {}

    def add(self, array: Any) -> list[Any]:
        """The reference of an array of floats, integers or flags."""
        values = np.asarray(array)
        dtype = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}[values.dtype.kind]
        flat = np.ascontiguousarray(values, DTYPES[dtype]).ravel()
        key = dtype, hashlib.sha256(flat.tobytes()).digest() + str(flat.size).encode()
        if key not in self._known:
            self._known[key] = self._sizes.get(dtype, 0)
            self._parts.setdefault(dtype, []).append(flat)
            self._sizes[dtype] = self._known[key] + flat.size
        return [dtype, self._known[key], list(values.shape)]

    def members(self) -> dict[str, bytes]:
        """The files, by name."""
        found = {}
        for dtype in sorted(self._parts):
            stream = io.BytesIO()
            np.lib.format.write_array(
                stream, np.concatenate(self._parts[dtype]), version=(1, 0), allow_pickle=False
            )
            found[array_member(dtype)] = stream.getvalue()
        return found


class ArrayReader:
    """Gives arrays back, read-only.

    Raises
    ------
    FileFormatError
        For a file that holds anything but a flat array of its dtype.
    """

    def __init__(self, members: dict[str, bytes]) -> None:
        self._flat = {
            dtype: self._load(array_member(dtype), members[array_member(dtype)])
            for dtype in DTYPES
            if array_member(dtype) in members
        }

    def _load(self, name: str, content: bytes) -> np.ndarray:
        dtype = DTYPES[name.removeprefix("arrays/").removesuffix(".npy")]
        size, rest = divmod(len(content) - _HEADER, dtype.itemsize)
        # Nothing is parsed: there is one header that a flat array of that length can have.
        if rest or size < 0 or content[:_HEADER] != _header(size, dtype):
            raise FileFormatError(
                f"{name}: not a numpy file of a flat array of {dtype}; save the model again."
            )
        data = content[_HEADER:]
        if dtype.kind == "b" and np.any(np.frombuffer(data, np.uint8) > 1):
            raise FileFormatError(f"{name}: flags must be 0 or 1.")
        return np.frombuffer(data, dtype)

    def get(
        self, what: str, reference: Any, *, dtype: str = "float64", axes: int | None = None
    ) -> np.ndarray:
        """The array that is referred to.

        Raises
        ------
        FileFormatError
            If the reference is none, leads outside, or is of another dtype or number of axes.
        """
        fits = (
            isinstance(reference, list)
            and len(reference) == 3
            and reference[0] == dtype
            and _is_size(reference[1])
            and isinstance(reference[2], list)
            and len(reference[2]) <= _MAX_AXES
            and all(_is_size(size) for size in reference[2])
        )
        if not fits:
            raise FileFormatError(
                f"{what}: a reference ['{dtype}', offset, shape] is expected, got {describe(reference)}."
            )
        _, start, shape = reference
        if axes is not None and len(shape) != axes:
            raise FileFormatError(f"{what}: {axes} axes are expected, got the shape {shape}.")
        size = 1
        for length in shape:
            size *= length
        flat = self._flat.get(dtype, np.zeros(0))
        # Nothing along one axis does not make the others any shorter.
        if start + size > len(flat) or max(shape, default=0) > max(len(flat), _LONGEST_EMPTY):
            raise FileFormatError(f"{what}: {describe(reference)} leads outside of the arrays of the file.")
        return flat[start : start + size].reshape(shape)


def _is_size(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 1 << 48
