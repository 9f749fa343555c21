"""HEPData submissions: :func:`to_hepdata`.

A folder with ``submission.yaml`` and a data file a table, as https://hepdata-submission.readthedocs.io
describes them. :mod:`.tables` makes tables of records, :mod:`.yaml_text` their text.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._files import write_files
from ...errors import InvalidTypeError, InvalidValueError, OutputFileError
from .tables import DataTable, tables_of
from .yaml_text import documents, yaml_text

__all__ = ["to_hepdata"]

_KEYWORDS = ("cmenergies", "observables", "reactions", "phrases")
_LONGEST_NAME = 64


def to_hepdata(
    records: Mapping[str, Any],
    folder: str | os.PathLike[str],
    *,
    comment: str = "",
    keywords: Mapping[str, Sequence[Any]] | None = None,
    descriptions: Mapping[str, str] | None = None,
    locations: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write a HEPData submission: ``submission.yaml`` and a file a table, all or none.

    Parameters
    ----------
    records
        {name of the table: record}: fits (values and correlations), yields (a table a channel, by bin
        edges), impacts, breakdowns, scans, derived quantities, unfolded spectra. A record of several
        tables adds to the name.
    folder
        Made if it does not exist; files in it of other names stay.
    comment
        What is said of the submission.
    keywords
        {"reactions", "observables", "cmenergies" or "phrases": values}, for all tables.
    descriptions, locations
        {name: text} for records whose own description is to be replaced, or that stand somewhere in a
        publication ("Figure 3").

    Returns
    -------
    tuple of str
        Names of the tables.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For other records, blinded values, names that are too long or not unique, unknown keywords.
    OutputFileError
        If a file cannot be written; none is then new.

    Examples
    --------
    >>> import tempfile
    >>> from smoothfit import Model, Process, Variable
    >>> model = Model().add_proc(Process("sig", [50.0, 1.0]).scale_by(Variable("mu", 1.0)))
    >>> model = model.describe_channel("main", edges=[0.0, 10.0, 20.0], label="m", unit="GeV").prepare()
    >>> fit = model.fit([60.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_hepdata({"Fit": fit, "Post-fit": model.yields(fit)}, folder, keywords={"phrases": ["mu"]})
    ('Fit', 'Fit: correlation', 'Post-fit')
    """
    if not isinstance(records, Mapping) or not records:
        raise InvalidTypeError("to_hepdata: a dict {name: record} is expected, with at least one.")
    found: dict[str, tuple[DataTable, dict[str, Any]]] = {}
    said = {"description": descriptions or {}, "location": locations or {}}
    for key, texts in said.items():
        unknown = [name for name in texts if name not in records]
        if unknown:
            raise InvalidValueError(f"to_hepdata: {key}s: there is no record '{unknown[0]}'.")
    for name, record in records.items():
        for table in tables_of(_checked_name(name), record):
            if table.name in found:
                raise InvalidValueError(f"to_hepdata: there are two tables '{table.name}'; name them apart.")
            _checked_name(table.name)
            more = {key: str(texts[name]) for key, texts in said.items() if name in texts}
            found[table.name] = table, {"description": table.description, **more}
    _write(Path(folder), _contents(found, comment, _read_keywords(keywords)))
    return tuple(found)


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        raise InvalidValueError(
            f"to_hepdata: the table {name!r:.80} needs a name of 1 to {_LONGEST_NAME} characters; shorten it."
        )
    return name


def _read_keywords(keywords: Mapping[str, Sequence[Any]] | None) -> list[dict[str, Any]]:
    found = []
    for name, values in (keywords or {}).items():
        if name not in _KEYWORDS:
            raise InvalidValueError(
                f"to_hepdata: keyword {name!r} is not known; HEPData has {', '.join(_KEYWORDS)}."
            )
        if isinstance(values, str) or not all(isinstance(v, str | int | float) for v in values):
            raise InvalidTypeError(f"to_hepdata: keyword '{name}' needs a list of texts or numbers.")
        found.append({"name": name, "values": list(values)})
    return found


def _contents(
    tables: Mapping[str, tuple[DataTable, dict[str, Any]]], comment: str, keywords: list[dict[str, Any]]
) -> dict[str, str]:
    """Name of the file -> text."""
    entries: list[dict[str, Any]] = [{"comment": comment}] if comment else []
    files = {}
    for number, (name, (table, said)) in enumerate(tables.items(), start=1):
        file = f"table_{number}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}.yaml"
        files[file] = f"{yaml_text(table.content())}\n"
        entries.append({"name": name, **said, "keywords": keywords, "data_file": file})
    return {"submission.yaml": documents(entries), **files}


def _write(folder: Path, contents: Mapping[str, str]) -> None:
    is_new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputFileError(f"'{folder}' cannot be made: {error.strerror or error}.") from error
    try:
        write_files({folder / name: text.encode() for name, text in contents.items()})
    except OutputFileError:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
