"""The files of a HistFactory configuration: XML and ROOT, found, and kept open."""

from __future__ import annotations

import os
from pathlib import Path

from ..._types import FloatArray
from ...build.histograms import HistogramData
from ...errors import FileFormatError, InputFileError
from ..root_histograms import RootFile, inside

__all__ = ["Sources", "Template"]

Template = tuple[FloatArray, FloatArray]
"""Contents and variances (bin,); the bins of several axes one after the other."""

_MOST_NUMBERS = 1 << 24


class Sources:
    """Where the paths in the files lead.

    Parameters
    ----------
    top
        The top-level file.
    folder
        Where paths begin; None for where that file is.
    anywhere
        Whether they may lead out of it.
    """

    def __init__(self, top: Path, folder: str | os.PathLike[str] | None, *, anywhere: bool) -> None:
        self._top, self._is_given = top, folder is not None
        self._folder = top.parent if folder is None else Path(folder)
        self._anywhere = anywhere
        self._open: dict[Path, RootFile] = {}
        self._known: dict[tuple[Path, str], Template] = {}
        self._handed_out = 0
        self.read: dict[Path, int] = {}
        """ROOT files: how many templates of each."""

    def path(self, name: str, what: str) -> Path:
        """The path of a file that is there.

        Raises
        ------
        InputFileError
            If it is not, or may not be read.
        """
        try:
            found = inside(self._folder, name, anywhere=self._anywhere)
        except InputFileError as error:
            raise InputFileError(f"{what}: {error}") from error
        if not found.is_file():
            raise InputFileError(f"{what}: there is no file '{name}' in '{self._folder}'{self._cure(name)}.")
        return found

    def _cure(self, name: str) -> str:
        """Paths of HistFactory begin where it ran, often a folder or two above the top-level file."""
        if self._is_given:
            return "; check folder=..., where the paths begin"
        above = [parent for parent in self._top.absolute().parents[1:4] if (parent / name).is_file()]
        guess = f"'{above[0]}'" if above else "..."
        return f"; paths begin where HistFactory ran: give folder={guess} (--folder)"

    def template(self, file: str, path: str, name: str, what: str) -> Template:
        """A histogram: ``name`` in the folder ``path`` of a ROOT file, or, where it is not there, at its top.

        Raises
        ------
        InputFileError, FileFormatError
            For files and histograms that are not there, or are none.
        """
        if not file:
            raise FileFormatError(f"{what}: no InputFile says where '{name}' is; add it.")
        where = self.path(file, what)
        if where not in self._open:
            self._open[where] = RootFile(where)
        inner = path.strip("/")
        names = list(dict.fromkeys([f"{inner}/{name}" if inner else name, name]))
        for candidate in names:
            found = self._template(where, candidate)
            if found is not None:
                return self._counted(found, what)
        listed = " and no ".join(f"'{candidate}'" for candidate in names)
        raise FileFormatError(f"{what}: there is no {listed} in '{file}'.")

    def _template(self, where: Path, name: str) -> Template | None:
        if (where, name) not in self._known:
            found = self._open[where].contents(name)
            if found is None:
                return None
            self._known[where, name] = _flat(found)
            self.read[where] = self.read.get(where, 0) + 1
        return self._known[where, name]

    def _counted(self, template: Template, what: str) -> Template:
        """A small file may name a large histogram again and again."""
        self._handed_out += template[0].size
        if self._handed_out > _MOST_NUMBERS:
            raise FileFormatError(
                f"{what}: the templates have more than {_MOST_NUMBERS} bins in all; split them."
            )
        return template


def _flat(found: HistogramData) -> Template:
    # A ROOT histogram without sums of squared weights has its contents as variances.
    variances = found.values if found.variances is None else found.variances
    return found.values.ravel(), variances.ravel()
