"""Versions that files name: of their format, and of what wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import jax
import numpy as np

from ...errors import FileFormatError
from ..json_fields import describe

__all__ = ["check_format", "written_by"]


def written_by() -> dict[str, str]:
    """Versions of the packages that matter to a file."""
    try:
        own = metadata.version("smoothfit")
    except metadata.PackageNotFoundError:
        own = "not installed"
    return {"smoothfit": own, "jax": jax.__version__, "numpy": np.__version__}


def check_format(document: Any, name: str, version: int) -> Mapping[str, Any]:
    """The document, if it is of this format and of a version that is known.

    Raises
    ------
    FileFormatError
        Naming what wrote it, if it is newer.
    """
    if not isinstance(document, Mapping) or document.get("format") != name:
        given = document.get("format") if isinstance(document, Mapping) else document
        raise FileFormatError(f"format: '{name}' is expected, got {describe(given)}.")
    found = document.get("version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise FileFormatError(f"version: a whole number from 1 on is expected, got {describe(found)}.")
    if found > version:
        raise FileFormatError(
            f"version {found} of the format is newer than this smoothfit, which reads up to {version}; it "
            f"was written by {describe(document.get('written_by'))}: install that version."
        )
    return document
