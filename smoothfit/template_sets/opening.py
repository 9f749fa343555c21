"""A set of histograms: a dict of them, nested or not, or an open folder of a ROOT file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .._checks import describe
from ..errors import InvalidTypeError, InvalidValueError
from ..results import Note

__all__ = ["OpenSet", "open_set"]

_DEEPEST = 16


class OpenSet(NamedTuple):
    """Names of histograms, and how to get them; they are read when asked for."""

    source: str
    names: tuple[str, ...]
    get: Callable[[str], Any]
    notes: list[Note]


def open_set(given: Any) -> OpenSet:
    """The histograms of a dict (of dicts: with slashes in their names), or of an open ROOT file.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For something else, names that are not text, and two histograms of one name.

    Examples
    --------
    >>> open_set({"SR": {"sig": [1.0], "bkg": [5.0]}}).names
    ('SR/sig', 'SR/bkg')
    """
    if callable(getattr(given, "classnames", None)):
        return _of_folder(given)
    if isinstance(given, str | os.PathLike):
        raise InvalidTypeError(
            "from_histograms: a path is given; smoothfit.read_histograms reads the histograms of a ROOT file."
        )
    if not isinstance(given, Mapping):
        raise InvalidTypeError(
            "from_histograms: a dict {name: histogram} or an open ROOT file is expected, got "
            f"{describe(given)}."
        )
    found: dict[str, Any] = {}
    for name, histogram in _flat(given, "", 0):
        if name in found:
            raise InvalidValueError(f"from_histograms: there are two histograms '{name}'; rename one.")
        found[name] = histogram
    return OpenSet("histograms", tuple(found), found.__getitem__, [])


def _flat(given: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        raise InvalidValueError(f"from_histograms: dicts are nested deeper than {_DEEPEST}; flatten them.")
    for name, item in given.items():
        if not isinstance(name, str) or not name:
            raise InvalidTypeError(f"from_histograms: names must be text, got {describe(name)}.")
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{name}/", depth + 1)
        else:
            yield prefix + name, item


def _of_folder(folder: Any) -> OpenSet:
    """What is below a folder of a ROOT file, as uproot has it: {path: class}."""
    names, notes = [], []
    for name, kind in folder.classnames(recursive=True, cycle=False).items():
        if kind[:3] in ("TH1", "TH2", "TH3") and len(kind) == 4:
            names.append(name)
        elif not kind.startswith("TDirectory"):
            notes.append(Note("file", f"'{name}'", f"a {kind}, no histogram of events"))
    source = getattr(folder, "file_path", None)
    return OpenSet(
        source if isinstance(source, str) else "ROOT file", tuple(names), folder.__getitem__, notes
    )
