"""Columns as a Parquet file, and back: the same columns make the same bytes, and damage is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._optional import require
from ..errors import FileFormatError, InputFileError

__all__ = ["encode", "opened", "read"]

_KEY = b"smoothfit"


def _pyarrow(module: str) -> Any:
    return require(module, feature="a campaign", extra="campaign")


def _digest(about: Mapping[str, Any], columns: Mapping[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, values in columns.items():
        found.update(name.encode() + b"\0" + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def encode(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """The bytes of a file with columns (row,) and what is said of them, with a SHA-256 of both."""
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    said = {**about, "sha256": _digest(about, columns)}
    table = arrow.table({name: arrow.array(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({_KEY: json.dumps(said, sort_keys=True).encode()})
    sink = arrow.BufferOutputStream()
    # Fitted numbers do not repeat: neither dictionaries nor compression make them shorter.
    parquet.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    return bytes(sink.getvalue().to_pybytes())


def opened(content: str | bytes, source: str) -> tuple[Any, dict[str, Any]]:
    """A path or bytes, open, and what is said of the rows; these are not looked at.

    Raises
    ------
    InputFileError, FileFormatError
        If it is not there, or damaged.
    """
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(arrow.BufferReader(content) if isinstance(content, bytes) else content)
        said = json.loads((file.schema_arrow.metadata or {})[_KEY])
        return file, dict(said)
    except FileNotFoundError as error:
        raise InputFileError(f"{source}: cannot be read: {error.strerror}.") from error
    except (arrow.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise FileFormatError(
            f"{source}: no whole block of a campaign ({type(error).__name__}); running the campaign makes it "
            "anew."
        ) from error


def read(file: Any, said: Mapping[str, Any], rows: int, source: str) -> dict[str, Any]:
    """The columns of an open file, every number checked.

    Raises
    ------
    FileFormatError
        If there are not so many rows, or not those that were written.
    """
    arrow = _pyarrow("pyarrow")
    try:
        with file:
            if file.metadata.num_rows != rows:
                raise FileFormatError(f"{source}: has {file.metadata.num_rows} rows, not {rows}.")
            table = file.read()
        columns = {name: table[name].to_numpy() for name in table.column_names}
    except (arrow.ArrowException, OSError, KeyError) as error:
        raise FileFormatError(
            f"{source}: damaged ({type(error).__name__}); running the campaign makes it anew."
        ) from error
    about = {name: entry for name, entry in said.items() if name != "sha256"}
    if _digest(about, columns) != said.get("sha256"):
        raise FileFormatError(
            f"{source}: its numbers are not those that were written; running the campaign makes it anew."
        )
    return columns
