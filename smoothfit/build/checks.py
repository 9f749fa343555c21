"""The checks of :mod:`smoothfit._checks`, under the name that the builders use."""

from __future__ import annotations

from .._checks import (
    as_floats,
    check_choice,
    check_finite,
    check_flag,
    check_name,
    check_names,
    check_text,
    describe,
    plural,
)

__all__ = [
    "as_floats",
    "check_choice",
    "check_finite",
    "check_flag",
    "check_name",
    "check_names",
    "check_text",
    "describe",
    "plural",
]
