"""Errors of a file's content name the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import FileFormatError, InputFileError, InvalidTypeError, InvalidValueError, UserFunctionError

__all__ = ["named"]


@contextlib.contextmanager
def named(source: str) -> Iterator[None]:
    """Errors of the content, also those the builders find, as FileFormatError that names the source.

    Examples
    --------
    >>> with named("card.txt"):
    ...     raise InvalidValueError("kappa is negative.")
    Traceback (most recent call last):
    smoothfit.errors.FileFormatError: card.txt: kappa is negative.
    """
    try:
        yield
    except InputFileError as error:
        raise InputFileError(f"{source}: {error}") from error
    except (FileFormatError, InvalidValueError, InvalidTypeError, UserFunctionError) as error:
        raise FileFormatError(f"{source}: {error}") from error
