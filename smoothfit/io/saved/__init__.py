"""Saved models: :func:`save` and :func:`load`, one self-contained file a model.

The file is a zip of ``model.json`` (names and structure), ``arrays/*.npy`` and ``functions/*.mlir``
(programs of users' functions); docs/saving.md has it field by field. What a model was *told* is kept, and
told again to the builders when it is read.

* :mod:`.container`, :mod:`.arrays`, :mod:`.stablehlo`: the three kinds of members, read with suspicion
  (:mod:`.inspection`).
* :mod:`.functions`, :mod:`.derivatives`: a user's function as programs, and programs as a function.
* :mod:`.kinds`, :mod:`.told`: what can be saved, and the walk through a model.
* :mod:`.writing`, :mod:`.reading`: to a file, and back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ..._files import write_files
from ..._types import FloatArray
from ...errors import FileFormatError, InputFileError, SmoothfitError
from ...inference import inputs
from ...model import Model
from ...results import Note, Receipt
from ..json_fields import describe, read_list, read_object
from ..json_files import parse_json
from .container import DOCUMENT, digest, unpack
from .imports import allowed
from .reading import ModelReader
from .versions import check_format
from .writing import FORMAT, SAVED_KIND, VERSION, contents, model_hash

__all__ = ["is_saved", "load", "model_hash", "read_saved", "save"]


def save(model: Model, path: str | os.PathLike[str], obs: Any = None, *, functions: str = "trace") -> None:
    """Write a prepared model, and its data, to one file.

    Parameters
    ----------
    model
        Prepared.
    path
        ``.smoothfit`` is usual. The same model makes the same bytes.
    obs
        (bin,) observed counts, or a dict by channel: what the commands fit.
    functions
        "trace": users' functions as programs, which run without their source. "import": as
        ``module:name``, for functions of installed modules; :func:`load` then needs ``allow_imports``.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For what is no model, data that do not fit it, effects of a class that is not the library's.
    StaleModelError
        If the model is not prepared.
    UserFunctionError
        For a function that calls back into Python, or cannot be imported.
    OutputFileError
        If the file cannot be written; an existing one is then unchanged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smoothfit import Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [50.0, 1.0]).scale_by_fn(lambda mu: mu**2, mu)).prepare()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.smoothfit")
    ...     save(model, path, obs=[200.0, 4.0])
    ...     again, obs = read_saved(path)
    >>> round(again.fit(obs)["mu"].value, 6)
    2.0
    """
    write_files({path: contents(model, obs, functions)})


def load(path: str | os.PathLike[str], *, allow_imports: Any = ()) -> Model:
    """The model of a saved file, prepared; no code of the file is run as Python.

    Parameters
    ----------
    path
        What :func:`save` wrote.
    allow_imports
        Modules that functions saved with ``functions="import"`` may come from.

    Raises
    ------
    InputFileError
        If the file cannot be read.
    FileFormatError
        If it is no saved model, damaged, of a newer format, or needs imports that were not allowed.
    """
    return read_saved(path, allow_imports=allow_imports)[0]


def read_saved(path: str | os.PathLike[str], *, allow_imports: Any = ()) -> tuple[Model, FloatArray | None]:
    """As :func:`load`, with the (bin,) data that were saved; None if there were none."""
    modules = allowed(allow_imports)
    with _named(os.fspath(path)):
        members = unpack(path)
        document = _document(members)
        reader = ModelReader(document, members, modules)
        model = reader.model(document["model"]).prepare()
        obs = (
            None if document["obs"] is None else inputs.counts(model.layout, reader.observed(document["obs"]))
        )
        _restore_blinded(model, document["blinded"])
        model.receipt = _receipt(os.fspath(path), document["receipt"], model)
    return model, obs


def is_saved(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a zip file does."""
    try:
        with open(path, "rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except (OSError, ValueError):
        # Whoever reads it says what is wrong.
        return False


@contextlib.contextmanager
def _named(source: str) -> Iterator[None]:
    """Errors, also those the builders find, as FileFormatError that names the file."""
    try:
        yield
    except InputFileError as error:
        raise InputFileError(f"{source}: {error}") from error
    except SmoothfitError as error:
        raise FileFormatError(f"{source}: {error}") from error


def _document(members: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The JSON, once it is of this format and every other member is as it says."""
    try:
        text = members[DOCUMENT].decode()
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{DOCUMENT}: byte {error.start} is not UTF-8.") from error
    document = check_format(parse_json(text, DOCUMENT), FORMAT, VERSION)
    keys = ("written_by", "hash", "model", "programs", "obs", "blinded", "receipt", "members")
    read_object(DOCUMENT, document, required=("format", "version", *keys))
    listed = document["members"]
    others = {name: content for name, content in members.items() if name != DOCUMENT}
    if not isinstance(listed, Mapping) or listed.keys() != others.keys():
        raise FileFormatError(f"{DOCUMENT}: members: other names than the file has; save the model again.")
    for name, content in others.items():
        entry = read_object(f"members: '{name}'", listed[name], required=("size", "sha256"))
        if entry["size"] != len(content) or entry["sha256"] != digest(content):
            raise FileFormatError(f"'{name}' is not what was written: its hash differs; the file is damaged.")
    return document


def _restore_blinded(model: Model, given: Any) -> None:
    names = read_list("blinded", given, empty=True)
    if not all(isinstance(name, str) for name in names):
        raise FileFormatError(f"blinded: names are expected, got {describe(given)}.")
    channels = [name for name in names if name in model.channels]
    model.blind(pois=[name for name in names if name not in channels], channels=channels)


def _receipt(path: str, given: Any, model: Model) -> Receipt:
    if given is None:
        read = {"channels": len(model.channels), "processes": len(model.processes), "bins": model.n_bins}
        return Receipt(path, SAVED_KIND, read)
    keys = ("source", "kind", "read", "ignored", "files", "groups")
    item = read_object("receipt", given, required=keys)
    source, kind = item["source"], item["kind"]
    counts = {key: item[key] for key in ("read", "files")}
    for key, found in counts.items():
        if not isinstance(found, Mapping) or not all(type(count) is int for count in found.values()):
            raise FileFormatError(f"receipt: {key}: names with numbers are expected, got {describe(found)}.")
    groups = item["groups"]
    if (
        not isinstance(source, str)
        or not isinstance(kind, str)
        or not isinstance(groups, Mapping)
        or not all(isinstance(m, list) and all(isinstance(n, str) for n in m) for m in groups.values())
    ):
        raise FileFormatError(
            "receipt: text for source and kind, and lists of names for groups, are expected."
        )
    notes = []
    for entry in read_list("receipt: ignored", item["ignored"], empty=True):
        note = read_object("receipt: ignored", entry, required=("where", "what", "why"))
        if not all(isinstance(text, str) for text in note.values()):
            raise FileFormatError(f"receipt: ignored: texts are expected, got {describe(entry)}.")
        notes.append(Note(**note))
    return Receipt(source, kind, dict(counts["read"]), tuple(notes), dict(counts["files"]), dict(groups))
