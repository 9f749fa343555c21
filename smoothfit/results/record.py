"""What every record can do: print as tables, and leave as these, as a dict, JSON or a pandas frame."""

from __future__ import annotations

import json
import math
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .._files import write_files
from .._optional import require
from .._types import FloatArray
from ..errors import UnknownNameError
from ..render import Face, Shown, Table, comma_separated, latex, markdown, written
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


class Record(Shown):
    """Base of the records; a subclass says which tables and columns it consists of."""

    most_rows: ClassVar[int | None] = 40
    """Rows of a table that are printed, None for all; :attr:`tables` have all."""

    origin: ClassVar[Origin | None] = None
    """Of a record that was read from a file: which model it belongs to. None if it was made here."""

    @abstractmethod
    def _tables(self) -> list[Table]:
        """What there is to print, all of it."""

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

    # -- tables ----------------------------------------------------------------------------------

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables of it, with all rows."""
        return tuple(self._tables())

    def table(self, which: Any = None) -> Table:
        """One of :attr:`tables`: the first, or that of a number or a title.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        found = self.tables
        titles = [table.title for table in found]
        at = titles.index(which) if which in titles else which
        at = 0 if at is None else at
        if not isinstance(at, int) or not -len(found) <= at < len(found):
            known = ", ".join(f"{i} {title}".strip() for i, title in enumerate(titles)) or "none"
            raise UnknownNameError(f"{type(self).__name__}.table: there is no {which!r}; there are: {known}.")
        return found[at]

    def to_latex(self, path: str | os.PathLike[str] | None = None) -> str:
        """:attr:`tables` as tabular environments, see :meth:`Table.to_latex`; also as a file at ``path``.

        Raises
        ------
        OutputFileError
            If the file cannot be written; an existing one is then unchanged.
        """
        return written(latex.tables(self._tables()), path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """:attr:`tables` as Markdown, with what stands above them; also as a file at ``path``.

        Raises
        ------
        OutputFileError
            If the file cannot be written; an existing one is then unchanged.
        """
        lines = [f"{markdown.escaped(line)}\n\n" for line in self.heading().splitlines()]
        return written("".join(lines) + markdown.tables(self._tables()), path)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """The columns of :meth:`to_pandas` as comma-separated values, with all digits; also as a file.

        Raises
        ------
        OutputFileError
            If the file cannot be written; an existing one is then unchanged.
        """
        return written(comma_separated.frame(self._columns()), path, end="")

    def _printed(self) -> list[Table]:
        """The tables, cut where they are long."""
        return [
            table.first(self.most_rows, ".tables has all, and --table of a command")
            for table in self._tables()
        ]

    def _badge(self) -> tuple[str, str] | None:
        """A word on how good it is, if there is one to say."""
        return None

    def _face(self) -> Face:
        return Face(tuple(self.heading().splitlines()), tuple(self._printed()), self._badge())

    def __repr__(self) -> str:
        return self._as_text()
