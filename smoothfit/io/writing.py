"""Writing a model as a file of any kind: :func:`write_model`, the counterpart of :mod:`.opening`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._checks import check_choice
from ..errors import InvalidValueError
from ..model import Model
from .hs3 import write_hs3
from .pyhf import write_pyhf
from .saved import save

__all__ = ["WRITERS", "Writer", "kind_of_output", "write_model"]


@dataclass(frozen=True)
class Writer:
    """How a kind of file is written, and which names say that it is meant."""

    about: str
    write: Callable[[Model, Any, str | os.PathLike[str]], Any]
    suffixes: tuple[str, ...]
    """Of file names, the longest that fits decides."""


def _save(model: Model, obs: Any, path: str | os.PathLike[str]) -> None:
    save(model, path, obs=obs)


WRITERS: dict[str, Writer] = {
    "pyhf": Writer("a pyhf workspace", write_pyhf, (".json",)),
    "hs3": Writer("an HS3 file", write_hs3, (".hs3", ".hs3.json")),
    "saved": Writer("a saved model", _save, (".smoothfit", ".zip")),
}
"""Kind of file -> its writer."""


def kind_of_output(path: str | os.PathLike[str], kind: str | None = None) -> str:
    """The kind asked for, or that which the name of the file means.

    Raises
    ------
    InvalidValueError
        For a name that says nothing, and a kind that is none.
    """
    if kind is None:
        return _meant(path)
    chosen: str = check_choice("The kind of the output", kind, tuple(WRITERS))
    return chosen


def _meant(path: str | os.PathLike[str]) -> str:
    name = Path(path).name.lower()
    fitting = [
        (len(s), kind) for kind, writer in WRITERS.items() for s in writer.suffixes if name.endswith(s)
    ]
    if not fitting:
        listed = "; ".join(f"{w.about}: {', '.join(w.suffixes)}" for w in WRITERS.values())
        raise InvalidValueError(
            f"'{os.fspath(path)}': the name does not say what to write ({listed}); end it so, or give the "
            "kind."
        )
    return max(fitting)[1]


def write_model(model: Model, obs: Any, path: str | os.PathLike[str], *, kind: str | None = None) -> None:
    """Write a model and its data, as the kind asked for or as the name of the file says.

    Raises
    ------
    InvalidValueError, OutputFileError
        As :func:`kind_of_output`, and what the writer raises: for what its kind of file cannot say, and for a
        file that cannot be written.
    """
    WRITERS[kind_of_output(path, kind)].write(model, obs, path)
