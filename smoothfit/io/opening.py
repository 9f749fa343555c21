"""A file of any kind, told apart by its content: :func:`read_model`."""

from __future__ import annotations

import os
import re
from typing import Any

from .._types import FloatArray
from ..errors import FileFormatError, InvalidValueError
from ..model import Model
from .datacard import read_datacard
from .json_files import read_text
from .pyhf import read_pyhf

__all__ = ["file_kind", "options_of", "read_model"]

_CARD = re.compile(r"^\s*(imax|jmax|kmax|shapes|bin|process|rate|[Oo]bservation)\s", re.MULTILINE)


def file_kind(path: str | os.PathLike[str]) -> str:
    """ "pyhf" or "datacard".

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        For one that is neither.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "card")
    ...     _ = path.write_text("imax 1\\nbin SR\\n")
    ...     file_kind(path)
    'datacard'
    """
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return "pyhf"
    if _CARD.search(text):
        return "datacard"
    raise FileFormatError(
        f"{os.fspath(path)}: neither a pyhf workspace (JSON) nor a datacard (lines bin, process, rate)."
    )


def options_of(kind: str) -> tuple[str, ...]:
    """The options of the reader of a kind of file."""
    return _OPTIONS[kind]


def read_model(path: str | os.PathLike[str], **options: Any) -> tuple[Model, FloatArray]:
    """The model of a file, prepared, and its data; ``options`` are those of its reader.

    Raises
    ------
    InvalidValueError
        For an option that is given, but belongs to another kind of file.
    """
    kind = file_kind(path)
    given = {name: value for name, value in options.items() if value not in (None, (), False)}
    known = _OPTIONS[kind]
    for name in given:
        if name not in known:
            takes = ", ".join(known)
            raise InvalidValueError(
                f"{os.fspath(path)}: '{name}' is no option of a {kind} file, which takes {takes}."
            )
    return read_pyhf(path, **given) if kind == "pyhf" else read_datacard(path, **given)


_OPTIONS = {
    "pyhf": ("measurement", "patch"),
    "datacard": ("mass", "pois", "poi_bounds", "keywords", "files", "files_anywhere", "channel_masks"),
}
