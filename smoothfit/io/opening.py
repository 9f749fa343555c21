"""A file of any kind, told apart by its content: :func:`read_model`."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from .._types import FloatArray
from ..errors import FileFormatError, InvalidValueError
from ..model import Model
from .datacard import read_datacard
from .histfactory import read_histfactory
from .histogram_sets import read_histograms
from .hs3 import read_hs3
from .json_files import read_text
from .pyhf import read_pyhf
from .saved import is_saved, read_saved

__all__ = ["OPTIONS", "file_kind", "read_model"]

# Keys that every HS3 file has, and no pyhf workspace; a search takes less time than to read it twice.
_HS3 = re.compile(r'"(hs3_version|distributions)"\s*:')
_CARD = re.compile(r"^\s*(imax|jmax|kmax|shapes|bin|process|rate|[Oo]bservation)\s", re.MULTILINE)


def file_kind(path: str | os.PathLike[str]) -> str:
    """ "pyhf", "hs3", "histfactory", "datacard", "root" or "saved".

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        For one that is none of these.

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
    if _is_root(path):
        return "root"
    text = read_text(path)
    if not text.strip():
        raise FileFormatError(f"{os.fspath(path)}: the file is empty.")
    if text.lstrip()[:1] in ("{", "["):
        return "hs3" if _HS3.search(text) else "pyhf"
    if _is_histfactory(text):
        return "histfactory"
    if _CARD.search(text):
        return "datacard"
    raise FileFormatError(
        f"{os.fspath(path)}: no pyhf workspace, no HS3 file (JSON), no datacard (lines bin, process, rate), "
        "no XML of HistFactory (<Combination>), no ROOT file and no saved model (a zip file). Histograms of "
        "another kind become a model in Python: smoothfit.Model.from_histograms."
    )


def _is_root(path: str | os.PathLike[str]) -> bool:
    """By its first bytes; what cannot be opened is another's error."""
    with contextlib.suppress(OSError, ValueError), open(path, "rb") as stream:
        return stream.read(4) == b"root"
    return False


def _is_histfactory(text: str) -> bool:
    """XML, of which the reader says more if it is another one; comments come before its first element."""
    return text.lstrip().startswith("<")


def read_model(
    path: str | os.PathLike[str], *, spelled: Mapping[str, str] | None = None, **options: Any
) -> tuple[Model, FloatArray | None]:
    """The model of a file, prepared, and its data (None where it has none); options of its reader.

    Parameters
    ----------
    spelled
        What the user calls an option, if not by its name: {name: in errors}.

    Raises
    ------
    InvalidValueError
        For an option that is given, but belongs to another kind of file.
    """
    kind = file_kind(path)
    given = {name: value for name, value in options.items() if value not in (None, (), False)}
    known = OPTIONS[kind]
    for name in given:
        if name not in known:
            words = {one: one for one in known} if spelled is None else spelled
            takes = ", ".join(words[one] for one in known if one in words) or "none"
            raise InvalidValueError(
                f"{os.fspath(path)}: '{(spelled or {}).get(name, name)}' is no option of a {kind} file, "
                f"which takes {takes}."
            )
    model, obs = _READERS[kind](path, **given)
    return model, obs


def _read_root(path: str | os.PathLike[str], **options: Any) -> tuple[Model, FloatArray | None]:
    if "naming" not in options:
        raise InvalidValueError(
            f"{os.fspath(path)}: a ROOT file; smoothfit.read_histograms(path, naming, signals=...) and "
            "'smoothfit fit FILE --naming NAMING --signals NAME' read its histograms by their names; NAMING "
            "is, for instance, '{channel}/{process}_{systematic}{Up|Down}'."
        )
    return read_histograms(path, **options)


_READERS: Mapping[str, Callable[..., tuple[Model, FloatArray | None]]] = {
    "pyhf": read_pyhf,
    "hs3": read_hs3,
    "histfactory": read_histfactory,
    "datacard": read_datacard,
    "root": _read_root,
    "saved": read_saved,
}
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "saved": ("allow_imports",),
    "pyhf": ("measurement", "patch"),
    "hs3": ("analysis", "shapesys", "priors"),
    "histfactory": ("measurement", "folder", "files_anywhere", "normalize_by_theory"),
    "datacard": ("mass", "pois", "poi_bounds", "keywords", "files", "files_anywhere", "channel_masks"),
    "root": ("naming", "nominal", "data", "signals", "lnN", "symmetrise", "kind", "mc_stat", "ignore"),
}
"""Kind of file -> the options of its reader."""
