"""Saved results: :func:`save_result` and :func:`load_result`, JSON with the hash of the model."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import numpy as np

from .._files import write_files
from ..errors import FileFormatError, InputFileError, InvalidTypeError, InvalidValueError, SmoothfitError
from ..layout import Layout
from ..model import Model
from ..results import (
    BatchFitResult,
    BottomLine,
    Breakdown,
    ChannelCompatibility,
    Chi2Test,
    Contour,
    Contours,
    Coverage,
    Estimates,
    FeldmanCousins,
    FitResult,
    GlobalSignificance,
    GoodnessOfFit,
    HypotestResult,
    Impacts,
    Interval,
    Limit,
    Minima,
    MinosBounds,
    Origin,
    Pulls,
    Record,
    Scan,
    Significance,
    UnfoldingResult,
    UnfoldingScan,
    Yields,
)
from .json_fields import describe, listed, read_name, read_object
from .json_files import load_json
from .record_json import decode, encode, layouts_of
from .saved import model_hash
from .saved.versions import check_format, written_by

__all__ = ["RECORDS", "load_result", "save_result"]

FORMAT, VERSION = "smoothfit result", 1

RECORDS: dict[str, type[Record]] = {
    cls.__name__: cls
    for cls in (
        *(BatchFitResult, BottomLine, Breakdown, ChannelCompatibility, Chi2Test, Contour, Contours, Coverage),
        *(Estimates, FeldmanCousins, FitResult, GlobalSignificance, GoodnessOfFit, HypotestResult, Impacts),
        *(Interval, Limit, Minima, MinosBounds, Pulls, Scan, Significance, UnfoldingResult, UnfoldingScan),
        Yields,
    )
}
"""What can be saved, by name in the file."""


def save_result(
    result: Record, path: str | os.PathLike[str], model: Model, *, with_hidden: bool = False
) -> None:
    """Write a result to a JSON file, with the hash of the model that it belongs to.

    Parameters
    ----------
    result
        A record: of a fit, a scan, impacts ...
    path
        ``.json`` is usual.
    model
        The model it was made with, prepared and not changed since.
    with_hidden
        Whether a result with blinded parameters is written all the same; the file has their values.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For what is no such record, one of another model, one with blinded values.
    OutputFileError
        If the file cannot be written; an existing one is then unchanged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smoothfit import Process, Variable
    >>> model = Model().add_proc(Process("sig", [50.0, 1.0]).scale_by(Variable("mu", 1.0))).prepare()
    >>> best_fit = model.fit([60.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "fit.json")
    ...     save_result(best_fit, path, model)
    ...     again = load_result(path, model)
    >>> again["mu"] == best_fit["mu"], repr(again) == repr(best_fit)
    (True, True)
    """
    name = type(result).__name__
    if RECORDS.get(name) is not type(result):
        raise InvalidTypeError(f"save_result: {name} is none of {listed(RECORDS)}.")
    if not isinstance(model, Model):
        raise InvalidTypeError(f"save_result: a Model is expected, got {type(model).__name__}.")
    if _hides(result) and not with_hidden:
        raise InvalidValueError(
            "save_result: the result has blinded values, which the file would show; unblind() and ask again, "
            "or give with_hidden=True."
        )
    for layout in layouts_of(result):
        if not _agree(layout, model.layout) and not isinstance(result, UnfoldingResult):
            raise InvalidValueError(
                "save_result: the result was made with another model, or before this one was changed; give "
                "the model that it was made with."
            )
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": written_by(),
        "model_hash": model_hash(model),
        "record": name,
        "fields": encode(type(result), result),
    }
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    write_files({path: f"{text}\n".encode()})


def load_result(path: str | os.PathLike[str], model: Model | None = None) -> Any:
    """The record of a file that :func:`save_result` wrote.

    Parameters
    ----------
    path
        The file.
    model
        The model it belongs to, which is compared by its hash: a fit can then be the ``best_fit`` of that
        model's calls, and Variables are keys. Without it, the result can be looked at and drawn.

    Returns
    -------
    Record
        Of the kind that was saved; ``.origin`` has the model's hash, and the versions that wrote it.

    Raises
    ------
    InputFileError
        If the file cannot be read.
    FileFormatError
        If it is no saved result, damaged, or of a newer format.
    InvalidValueError
        If it was made with another model.
    """
    source = os.fspath(path)
    document = load_json(path)
    try:
        check_format(document, FORMAT, VERSION)
        keys = ("format", "version", "written_by", "model_hash", "record", "fields")
        read_object("result", document, required=keys)
        versions = _versions(document["written_by"])
        made_with = read_name("model_hash", document["model_hash"])
        cls = RECORDS.get(read_name("record", document["record"]))
        if cls is None:
            raise FileFormatError(f"record {describe(document['record'])} is none of {listed(RECORDS)}.")
        layout = None
        if model is not None:
            layout = _layout_of(model, made_with, source)
        record = decode(cls.__name__, cls, document["fields"], layout)
        _try_out(record)
    except (InputFileError, InvalidTypeError):
        raise
    except SmoothfitError as error:
        if isinstance(error, InvalidValueError) and str(error).startswith(source):
            raise
        raise FileFormatError(f"{source}: {error}") from error
    object.__setattr__(record, "origin", Origin(made_with, versions, checked=model is not None))
    return record.of_model(model) if isinstance(record, FitResult) else record


def _versions(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(version, str) for version in given.values()):
        raise FileFormatError(f"written_by: versions by name are expected, got {describe(given)}.")
    return dict(given)


def _layout_of(model: Model, made_with: str, source: str) -> Layout:
    if not isinstance(model, Model):
        raise InvalidTypeError(f"load_result: a Model is expected, got {type(model).__name__}.")
    own = model_hash(model)
    if own != made_with:
        raise InvalidValueError(
            f"{source}: made with another model (hash {made_with[:12]}), this one has hash {own[:12]}; give "
            "the model as it was, or none to look at the result only."
        )
    return model.layout


def _agree(one: Layout, other: Layout) -> bool:
    """Whether two layouts are of one model, as far as they know."""
    return one is other or (
        one.names == other.names
        and all(
            np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
            for name in ("start", "lower", "upper", "globs", "bin_widths")
        )
        and [channel.stop for channel in one.channels] == [channel.stop for channel in other.channels]
    )


def _hides(value: Any) -> bool:
    if dataclasses.is_dataclass(value):
        names = {field.name for field in dataclasses.fields(value)}
        marks = [getattr(value, name) for name in ("blinded", "hidden") if name in names]
        if any(bool(np.any(m)) if not isinstance(m, frozenset) else bool(m) for m in marks):
            return True
        return any(_hides(getattr(value, name)) for name in names)
    return isinstance(value, tuple) and any(_hides(entry) for entry in value)


def _try_out(record: Record) -> None:
    """Fields of lengths that do not fit each other show where the record is shown."""
    try:
        repr(record)
        record.to_dict()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"the fields do not fit each other ({type(error).__name__}: {error}); save the result again."
        ) from error
