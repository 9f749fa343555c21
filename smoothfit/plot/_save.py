"""Figures to files."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import check_writable, write_files
from .._optional import require
from ..errors import OutputFileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_figure_path", "figure_bytes", "save_figure"]

_FORMATS = ("jpg", "pdf", "png", "svg", "webp")
_DPI = 140


def _format(path: str | os.PathLike[str]) -> str:
    ending = Path(path).suffix.lower().lstrip(".")
    if ending not in _FORMATS:
        known = ", ".join(f".{name}" for name in _FORMATS)
        raise OutputFileError(f"'{path}' names no picture format: end it in one of {known}.")
    return ending


def check_figure_path(path: str | os.PathLike[str]) -> None:
    """Check that a picture can be written there, without drawing one.

    Raises
    ------
    OutputFileError
        If its ending is no format, or the file cannot be written.
    """
    _format(path)
    check_writable(path)


def figure_bytes(figure: Figure | Sequence[Figure], path: str | os.PathLike[str]) -> bytes:
    """What the file of that name is to hold; its ending says which format.

    Several figures are pages of a PDF.

    Raises
    ------
    OutputFileError
        For several figures in another format.
    """
    stream = io.BytesIO()
    if isinstance(figure, list | tuple):
        if _format(path) != "pdf":
            raise OutputFileError(
                f"'{path}': {len(figure)} figures are pages of a .pdf; in another format save one by one."
            )
        backend = require("matplotlib.backends.backend_pdf", feature="smoothfit.plot", extra="plot")
        with backend.PdfPages(stream, metadata={"CreationDate": None}) as book:
            for one in figure:
                book.savefig(one)
        return stream.getvalue()
    assert not isinstance(figure, Sequence)
    # A picture of the same numbers is the same file: no dates.
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(_format(path))
    figure.savefig(stream, format=_format(path), dpi=_DPI, metadata=metadata)
    return stream.getvalue()


def save_figure(figure: Figure | Sequence[Figure], path: str | os.PathLike[str]) -> None:
    """Write a figure to a file; the ending says which format (png, pdf, svg, jpg, webp).

    Several figures, as from :func:`pages`, are the pages of one PDF.

    Raises
    ------
    OutputFileError
        If it cannot be written; an existing file is then unchanged.

    Examples
    --------
    >>> save_figure(None, "picture.txt")
    Traceback (most recent call last):
    ...
    smoothfit.errors.OutputFileError: 'picture.txt' names no picture format: end it in one of .jpg, ...
    """
    check_figure_path(path)
    write_files({path: figure_bytes(figure, path)})
