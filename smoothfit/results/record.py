"""What every record can do: print as tables, and leave as a dict, JSON or a pandas frame."""

from __future__ import annotations

import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .._files import write_files
from .._optional import require
from .._types import FloatArray
from ..render import Table, html, text
from .origin import Origin

__all__ = ["BLINDED", "Columns", "Record", "plain", "strict_json"]

Columns: TypeAlias = dict[str, Sequence[Any] | FloatArray]
"""Columns of a frame, by name."""

BLINDED = "blinded"
"""Stands where a hidden number would be."""


def plain(value: Any) -> Any:
    """Arrays as lists, numpy scalars as Python's, keys as strings; numbers unchanged.

    Examples
    --------
    >>> plain({"a": np.array([1.0, np.nan]), "b": (np.int64(2),)})
    {'a': [1.0, nan], 'b': [2]}
    """
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def _finite_or_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite_or_null(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite_or_null(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def strict_json(value: Any) -> str:
    """JSON as its standard has it: what is not finite becomes null.

    Examples
    --------
    >>> strict_json([1.0, float("nan")])
    '[\\n  1.0,\\n  null\\n]'
    """
    return json.dumps(_finite_or_null(plain(value)), indent=2, allow_nan=False, ensure_ascii=False)


class Record(ABC):
    """Base of the records; a subclass says which tables and columns it consists of."""

    origin: ClassVar[Origin | None] = None
    """Of a record that was read from a file: which model it belongs to. None if it was made here."""

    @abstractmethod
    def _tables(self) -> list[Table]:
        """What is printed."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The record in plain Python: dicts, lists, numbers and strings."""

    @abstractmethod
    def _columns(self) -> Columns:
        """Columns of the pandas frame."""

    def heading(self) -> str:
        """A line above the tables, if any."""
        return ""

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The record as strict JSON (NaN becomes null), also written to a file if a path is given.

        Raises
        ------
        OutputFileError
            If the file cannot be written; an existing one is then unchanged.
        """
        content = strict_json(self.to_dict())
        if path is not None:
            write_files({path: f"{content}\n".encode()})
        return content

    def to_pandas(self) -> Any:
        """The record as a ``pandas.DataFrame``.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        pandas = require("pandas", feature=f"{type(self).__name__}.to_pandas", extra="io")
        return pandas.DataFrame(self._columns())

    def __repr__(self) -> str:
        heading = self.heading()
        return "\n\n".join([*([heading] if heading else []), text.tables(self._tables())])

    def _repr_html_(self) -> str:
        lines = [html.paragraph(line) for line in self.heading().splitlines()]
        return "\n".join([*lines, html.tables(self._tables())])
