"""Histograms of ROOT files, through uproot: found by path, checked before they are read.

Templates of datacards are TH1 of any type (:meth:`RootFile.histogram`); where several axes are welcome,
TH2 and TH3 are, too (:meth:`RootFile.contents`).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._optional import require
from .._types import FloatArray
from ..build.histograms import HistogramData, as_histogram
from ..errors import FileFormatError, InputFileError

__all__ = ["Histogram", "RootFile", "inside"]

_MAX_BYTES = 1 << 26
"""Of one histogram, unpacked: a small file may say that it holds much more."""

_BROKEN = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What reading a broken file may raise somewhere inside."""


class Histogram(NamedTuple):
    """A one-dimensional histogram without its under- and overflow."""

    values: FloatArray
    variances: FloatArray
    """Sums of squared weights; the contents, where the file has none."""
    edges: FloatArray
    outside: float
    """What under- and overflow hold."""


def inside(folder: Path, name: str, *, anywhere: bool) -> Path:
    """The path of a file that another file names, beside or below it.

    Raises
    ------
    InputFileError
        For a path that leads out of the folder, links followed, unless ``anywhere``.

    Examples
    --------
    >>> inside(Path("/data"), "a/b.root", anywhere=False).name
    'b.root'
    """
    if "\0" in name or len(name) > 4096:
        raise InputFileError("a file name that is no path; check it.")
    path = Path(os.path.realpath(folder / name))
    if not anywhere and not path.is_relative_to(os.path.realpath(folder)):
        raise InputFileError(
            f"'{name}' is not beside or below the file that names it; files_anywhere=True "
            "(--files-anywhere) reads it nevertheless."
        )
    return path


class RootFile:
    """A ROOT file, open; what it holds is read when asked for, and once.

    Raises
    ------
    InputFileError
        For a file that cannot be opened.
    FileFormatError
        For one that is no ROOT file.
    """

    def __init__(self, path: Path) -> None:
        uproot = require("uproot", feature="reading ROOT files", extra="io")
        self.path = path
        self._broken = (*_BROKEN, uproot.DeserializationError)
        if not path.is_file():
            raise InputFileError(f"{path}: there is no such file.")
        try:
            self._file = uproot.open(path)
        except self._broken as error:
            raise FileFormatError(f"{path}: no ROOT file that can be read: {_first_line(error)}") from error
        self._folders: dict[str, Any] = {}
        self._known: dict[str, Histogram | None] = {}

    def histogram(self, name: str) -> Histogram | None:
        """The histogram of that path, None if there is nothing.

        Raises
        ------
        FileFormatError
            For what is no one-dimensional histogram, or cannot be read.
        """
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def contents(self, name: str) -> HistogramData | None:
        """As :meth:`histogram`, of one to three axes, with their labels."""
        return self._found(name, (1, 2, 3), lambda found: _contents(name, found))

    def classnames(self, recursive: bool = True, cycle: bool = False) -> dict[str, str]:
        """Everything in the file, {path: class}."""
        try:
            found: dict[str, str] = self._file.classnames(recursive=recursive, cycle=cycle)
        except self._broken as error:
            raise FileFormatError(f"{self.path}: its list of contents cannot be read.") from error
        return found

    def _folder(self, path: str) -> Any:
        if path not in self._folders:
            found = self._file if not path else self._file.get(path)
            self._folders[path] = found if found is not None and hasattr(found, "classname_of") else None
        return self._folders[path]

    def _read(self, name: str) -> Histogram | None:
        found: Histogram | None = self._found(name, (1,), _histogram)
        return found

    def _found(self, name: str, axes: tuple[int, ...], read: Callable[[Any], Any]) -> Any:
        path, _, last = name.rpartition("/")
        try:
            folder = self._folder(path)
            if folder is None or last not in folder:
                return None
            kind = folder.classname_of(last)
            self._check_kind(name, kind, axes)
            key = folder.key(last)
            if key.data_uncompressed_bytes > _MAX_BYTES:
                raise FileFormatError(
                    f"{self.path}: '{name}' unpacks to more than {_MAX_BYTES >> 20} MiB; it is no template."
                )
            return read(folder[last])
        except FileFormatError:
            raise
        except self._broken as error:
            raise FileFormatError(f"{self.path}: '{name}' cannot be read: {_first_line(error)}") from error

    def _check_kind(self, name: str, kind: str, axes: tuple[int, ...]) -> None:
        known = [f"TH{number}" for number in axes]
        if kind.startswith("Roo"):
            raise FileFormatError(
                f"unsupported: '{name}' in {self.path} is a RooFit object ({kind}); templates are TH1."
            )
        if kind[:3] not in known or len(kind) != 4:
            raise FileFormatError(
                f"unsupported: '{name}' in {self.path} is a {kind}; templates are {', '.join(known)}."
            )


def _histogram(found: Any) -> Histogram:
    content = np.asarray(found.values(flow=True), dtype=float)
    variances = np.asarray(found.variances(flow=True), dtype=float)
    edges = np.asarray(found.axis().edges(), dtype=float)
    if len(content) != len(edges) + 1 or variances.shape != content.shape:
        raise ValueError("its bins and edges do not fit together")
    return Histogram(content[1:-1], variances[1:-1], edges, float(content[0] + content[-1]))


def _contents(name: str, found: Any) -> HistogramData:
    contents = as_histogram(found, f"'{name}'")
    if contents is None:
        raise ValueError("it is no histogram")
    for axis, size in zip(contents.axes, contents.values.shape, strict=True):
        if axis.edges is None or len(axis.edges) != size + 1:
            raise ValueError("its bins and edges do not fit together")
    if contents.variances is not None and contents.variances.shape != contents.values.shape:
        raise ValueError("its contents and their variances do not fit together")
    return contents


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
