"""JSON files, read strictly: what is broken is said with its line, nothing is guessed or evaluated.

Stricter than the standard module where that would hide a mistake: a key given twice, ``NaN`` and
``Infinity``, an empty file, nesting without end are errors.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any, NoReturn

from .._checks import did_you_mean
from ..errors import FileFormatError, InputFileError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "check_depth", "load_json", "parse_json", "read_text"]

MAX_BYTES = 1 << 29
MAX_DEPTH = 64
# More digits than a float64 has: such an integer is read as a float (int() may refuse it, or take long).
_EXACT_DIGITS = 18
_STRING_OR_CONSTANT = re.compile(r'"(?:\\.|[^"\\])*"|(NaN|-?Infinity)')


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file.

    Raises
    ------
    InputFileError
        Where it cannot be opened, or is larger than ``MAX_BYTES``.
    FileFormatError
        Where it is not UTF-8.
    """
    try:
        # Devices and pipes say nothing of their size.
        size = os.stat(path).st_size
        content = b""
        if size <= MAX_BYTES:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        cure = _like_it(Path(path)) or "; check the path."
        raise InputFileError(f"{path}: cannot be read: {reason}{cure}") from error
    if max(size, len(content)) > MAX_BYTES:
        raise InputFileError(
            f"{path}: {max(size, len(content)) / 2**20:.0f} MiB is more than the {MAX_BYTES >> 20} MiB that "
            "are read; split the file, or load it yourself and give the dict."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{path}: not a text file: byte {error.start} is not UTF-8; give a text file, not compressed."
        ) from error


def _like_it(path: Path) -> str:
    """Files beside a missing one that are called almost the same."""
    with contextlib.suppress(OSError, ValueError):
        if path.name and not path.exists():
            beside = [one.name for one in path.parent.iterdir() if one.is_file()]
            return did_you_mean(path.name, beside, 0.85)
    return ""


def load_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file.

    Raises
    ------
    InputFileError, FileFormatError
        As :func:`read_text`; and for text that is not strict JSON, with line and column.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, path: str) -> Any:
    """The content of strict JSON; ``path`` names it in errors.

    Raises
    ------
    FileFormatError
        As :func:`load_json`.

    Examples
    --------
    >>> parse_json('{"a": [1, 2.5]}', "options.json")
    {'a': [1, 2.5]}
    """
    if not text.strip():
        raise FileFormatError(f"{path}: the file is empty; give a JSON file.")

    def refuse(constant: str) -> NoReturn:
        raise FileFormatError(f"{path}: {constant}{_place(text)} is not a number in JSON; give finite ones.")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise FileFormatError(f"{path}: {_repeated(pairs)}; keep one.")
        return result

    try:
        document = json.loads(text, parse_constant=refuse, parse_int=_integer, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}; "
            "correct the file there."
        ) from error
    except RecursionError as error:
        raise FileFormatError(f"{path}: nested too deeply; give at most {MAX_DEPTH} levels.") from error
    check_depth(path, document)
    return document


def check_depth(what: str, document: Any) -> None:
    """Refuse containers nested deeper than ``MAX_DEPTH``, self-containing ones included.

    Examples
    --------
    >>> check_depth("workspace", {"channels": [{"name": "SR"}]})
    """
    level = [document]
    for _ in range(MAX_DEPTH):
        # By identity, so that a dict which contains itself twice does not double with every level.
        inner = {
            id(child): child
            for item in level
            if isinstance(item, dict | list | tuple)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list | tuple)
        }
        level = list(inner.values())
        if not level:
            return
    raise FileFormatError(f"{what}: nested too deeply; give at most {MAX_DEPTH} levels.")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def _place(text: str) -> str:
    """Where the first NaN or Infinity outside a string is, in words."""
    for match in _STRING_OR_CONSTANT.finditer(text):
        if match.group(1):
            line = text.count("\n", 0, match.start()) + 1
            return f" at line {line}, column {match.start() - text.rfind(chr(10), 0, match.start())}"
    return ""


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    """Which key an object has twice, and the name of that object if it has one."""
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    names = [value for key, value in pairs if key == "name" and isinstance(value, str)]
    owner = f" named '{names[0]}'" if names and twice != "name" else ""
    return f"key '{twice}' is given twice in one object{owner}"
