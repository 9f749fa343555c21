"""Numbers in the page: columns of tables as JSON, large arrays as base64 of float64."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from .._types import FloatArray
from ..results.record import plain

__all__ = ["embedded", "packed", "unpacked"]


def packed(values: FloatArray) -> dict[str, str]:
    """A flat array, exactly, in 11 characters a number.

    Examples
    --------
    >>> packed(np.array([1.0]))
    {'f8': 'AAAAAAAA8D8='}
    """
    flat = np.ascontiguousarray(values, dtype="<f8").ravel()
    return {"f8": base64.b64encode(flat.tobytes()).decode("ascii")}


def unpacked(column: dict[str, str]) -> FloatArray:
    """The array of :func:`packed`.

    Examples
    --------
    >>> unpacked(packed(np.array([1.0, np.nan])))
    array([ 1., nan])
    """
    return np.frombuffer(base64.b64decode(column["f8"]), dtype="<f8").astype(np.float64)


def embedded(content: Any) -> str:
    """JSON that may stand in a script element: nothing in it ends the element or begins another.

    What is not finite becomes null.

    Examples
    --------
    >>> embedded({"</script>": float("nan")})
    '{"\\\\u003c/script\\\\u003e":null}'
    """
    text = json.dumps(_finite(plain(content)), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Line separators of Unicode, too, end a line of a script.
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
