"""A file of any kind, told apart by its content: :func:`read_model`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from .._types import FloatArray
from ..errors import FileFormatError, InvalidValueError
from ..model import Model
from .datacard import read_datacard
from .json_files import read_text
from .pyhf import read_pyhf
from .saved import is_saved, read_saved

__all__ = ["file_kind", "read_model"]

_CARD = re.compile(r"^\s*(imax|jmax|kmax|shapes|bin|process|rate|[Oo]bservation)\s", re.MULTILINE)


def file_kind(path: str | os.PathLike[str]) -> str:
    """ "pyhf", "datacard" or "saved".

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        For one that is none of them.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "card")
    ...     _ = path.write_text("imax 1\\nbin SR\\n")
    ...     file_kind(path)
    'datacard'
    """
    if is_saved(path):
        return "saved"
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return "pyhf"
    if _CARD.search(text):
        return "datacard"
    raise FileFormatError(
        f"{os.fspath(path)}: no pyhf workspace (JSON), no datacard (lines bin, process, rate), and no "
        "saved model (a zip file)."
    )


def read_model(path: str | os.PathLike[str], **options: Any) -> tuple[Model, FloatArray | None]:
    """The model of a file, prepared, and its data (None of a saved model without); options of its reader.

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
            takes = ", ".join(known) or "none"
            raise InvalidValueError(
                f"{os.fspath(path)}: '{name}' is no option of a {kind} file, which takes {takes}."
            )
    readers: dict[str, Callable[..., tuple[Model, FloatArray | None]]] = {
        "pyhf": read_pyhf,
        "datacard": read_datacard,
        "saved": read_saved,
    }
    return readers[kind](path, **given)


_OPTIONS: dict[str, tuple[str, ...]] = {
    "saved": ("allow_imports",),
    "pyhf": ("measurement", "patch"),
    "datacard": ("mass", "pois", "poi_bounds", "keywords", "files", "files_anywhere", "channel_masks"),
}
