"""What commands print and write: all of it or nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._files import check_writable, write_files
from ..errors import OutputFileError
from .arguments import STDOUT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..render import Table
    from ..results import Record

__all__ = ["check_outputs", "complain", "print_text", "table_form", "write_outputs"]


def print_text(text: str, stream: Any = None) -> None:
    """Print, also where the encoding of the stream lacks a sign."""
    stream = stream or sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace("±", "+-").encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=stream)


def complain(message: str, status: int) -> int:
    """One line on stderr; returns the exit status."""
    line = " ".join(message.split())
    print_text(f"smoothfit: {line}", sys.stderr)
    return status


def check_outputs(arguments: argparse.Namespace, *, picture: str = "--plot") -> None:
    """Before anything that takes time: every output can be written, and none is an input.

    The path of the picture is ``arguments.plot``, if there is one; ``picture`` is what the user calls it.

    Raises
    ------
    OutputFileError
        Naming the path.
    """
    given = (arguments.file, getattr(arguments, "other", None), arguments.patch)
    inputs = [path for path in given if path and os.path.exists(path)]
    plot = getattr(arguments, "plot", None)
    combine = getattr(arguments, "combine_json", None)
    page = getattr(arguments, "output", None)
    outputs = [path for path in (arguments.json, plot, combine, page) if path is not None and path != STDOUT]
    tables = getattr(arguments, "table", [])
    outputs += tables
    for path in tables:
        table_form(path)
    for path in outputs:
        target = check_writable(path)
        if any(os.path.realpath(given) == str(target) for given in inputs):
            raise OutputFileError(f"'{path}' is an input and would be overwritten: name another output.")
    if len({os.path.realpath(path) for path in outputs}) < len(outputs):
        twice = next(path for path in outputs if sum(_same(path, other) for other in outputs) > 1)
        named = "--json, --combine-json" if combine is not None else "--json"
        named = f"{named}, --table" if tables else named
        picture = picture if page is None else "-o"
        raise OutputFileError(f"{named} and {picture} are one file, '{twice}': give them different names.")
    if plot is not None:
        from .._optional import require
        from ..plot import check_figure_path

        check_figure_path(plot)
        require("matplotlib", feature=picture, extra="plot")


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def write_outputs(
    arguments: argparse.Namespace,
    content: str,
    figure: Figure | None = None,
    more: Mapping[str, bytes] | None = None,
    *,
    record: Record | None = None,
    tables: Sequence[Table] | None = None,
) -> None:
    """Write the JSON, the picture, the tables and what more was asked for, all or none.

    Tables are those of ``record``, unless other ones are printed; a CSV file has the record's frame.

    Raises
    ------
    OutputFileError
        If one cannot be written.
    """
    outputs: dict[str | os.PathLike[str], bytes] = {}
    outputs.update(more or {})
    if arguments.json is not None and arguments.json != STDOUT:
        outputs[arguments.json] = f"{content}\n".encode()
    if figure is not None:
        from ..plot import all_pages, figure_bytes

        # Other formats hold the first page of a long list, which says that there are more.
        pages = all_pages(figure) if str(arguments.plot).lower().endswith(".pdf") else [figure]
        outputs[arguments.plot] = figure_bytes(pages if len(pages) > 1 else figure, arguments.plot)
    for path in getattr(arguments, "table", []):
        if record is not None:
            outputs[path] = _table_bytes(path, record, tables)
    write_files(outputs)


_FORMS = {".tex": "to_latex", ".md": "to_markdown", ".csv": "to_csv"}
"""Ending of a file -> the method that makes its content."""


def table_form(path: str) -> str:
    """The name of the method that makes such a file.

    Raises
    ------
    OutputFileError
        For another ending.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in _FORMS:
        raise OutputFileError(f"--table: '{path}' must end with one of {', '.join(_FORMS)}.")
    return _FORMS[ending]


def _table_bytes(path: str, record: Record, tables: Sequence[Table] | None) -> bytes:
    form = table_form(path)
    if form == "to_csv" or tables is None:
        content: str = getattr(record, form)()
    else:
        content = "\n\n".join(getattr(table, form)() for table in tables)
    return (content if form == "to_csv" else f"{content}\n").encode()
