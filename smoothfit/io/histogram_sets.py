"""Histograms of a ROOT file that are told apart by their names: :func:`read_histograms`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .._types import FloatArray
from ..build.histograms import HistogramData
from ..errors import FileFormatError, InvalidTypeError
from ..model import Model
from .naming import named
from .root_histograms import RootFile

__all__ = ["read_histograms"]


class _Contents:
    """A ROOT file as ``Model.from_histograms`` takes open ones."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = RootFile(Path(path))
        self.file_path = os.fspath(path)

    def classnames(self, recursive: bool = True, cycle: bool = False) -> dict[str, str]:
        return self._file.classnames(recursive, cycle)

    def __getitem__(self, name: str) -> HistogramData:
        found = self._file.contents(name)
        if found is None:
            raise FileFormatError(f"'{name}' is listed, but not there; is the file whole?")
        return found


def read_histograms(
    path: str | os.PathLike[str], naming: str, **options: Any
) -> tuple[Model, FloatArray | None]:
    """The model of the histograms of a ROOT file, prepared, and the data; nothing in the file is trusted.

    Parameters
    ----------
    path
        A ROOT file with TH1, TH2 or TH3 of any type, also in folders, which are part of names.
    naming, **options
        As :meth:`smoothfit.model.Model.from_histograms` takes them.

    Returns
    -------
    model, obs
        As of :meth:`smoothfit.model.Model.from_histograms`.

    Raises
    ------
    InputFileError, FileFormatError
        For files that cannot be read, and what is wrong with their histograms and names.
    UnknownNameError
        For processes and systematics that are not there.
    MissingPackageError
        Without uproot.

    Examples
    --------
    >>> read_histograms("shapes.root", "{process}_{systematic}{Up|Down}", signals=["sig"])
    Traceback (most recent call last):
    smoothfit.errors.InputFileError: shapes.root: there is no such file.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"read_histograms: a path is expected, got {type(path).__name__}.")
    contents = _Contents(path)
    with named(os.fspath(path)):
        return Model.from_histograms(contents, naming, **options)
