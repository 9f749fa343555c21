"""YAML text of plain Python: the part of YAML that is JSON, with numbers that YAML 1.1 takes as such.

``1e-05`` is a string to a YAML 1.1 parser, which wants a point: ``1.0e-05``.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ...errors import InvalidValueError

__all__ = ["documents", "yaml_text"]


def yaml_text(value: Any, indent: int = 0) -> str:
    """A value as YAML.

    Raises
    ------
    InvalidValueError
        For a number that is not finite.

    Examples
    --------
    >>> print(yaml_text({"a": [{"value": 1e-5}], "b": "yes"}))
    {
     "a": [
      {"value": 1.0e-05}
     ],
     "b": "yes"
    }
    """
    pad, inner = " " * indent, " " * (indent + 1)
    if isinstance(value, dict):
        if not any(isinstance(entry, dict | list) for entry in value.values()):
            return (
                "{" + ", ".join(f"{_string(key)}: {yaml_text(entry)}" for key, entry in value.items()) + "}"
            )
        lines = [f"{inner}{_string(key)}: {yaml_text(entry, indent + 1)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{pad}}}"
    if isinstance(value, list):
        lines = [f"{inner}{yaml_text(entry, indent + 1)}" for entry in value]
        return "[\n" + ",\n".join(lines) + f"\n{pad}]" if lines else "[]"
    return _number(value) if isinstance(value, int | float) else _string(value)


def documents(values: list[Any]) -> str:
    """Several documents of one file."""
    return "".join(f"---\n{yaml_text(value)}\n" for value in values)


def _string(value: Any) -> str:
    # Signs beyond ASCII as they are; what YAML does not print is escaped as in JSON.
    text = json.dumps(str(value), ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise InvalidValueError(f"to_hepdata: {value} is no number that YAML tables have.")
    mantissa, sign, exponent = repr(value).partition("e")
    return mantissa if not sign else f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
