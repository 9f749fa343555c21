"""The folders of a ROOT file, walked through before uproot reads them.

A broken or malicious file can say that a folder has two thousand million entries, that it is where the
file does not reach, or that it is inside itself; and a name of negative length leads backwards. Reading by
such numbers takes hours or all memory, so that they are looked at first: what is checked here is what
uproot goes by (TFile, TDirectory and TKey of ROOT's file format).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import FileFormatError, InputFileError

__all__ = ["check_folders"]

_FILE_SMALL, _FILE_BIG = struct.Struct(">4siiiiiiiBiii"), struct.Struct(">4siiqqiiiBiqi")
_FOLDER_SMALL, _FOLDER_BIG = struct.Struct(">hIIiiiii"), struct.Struct(">hIIiiqqq")
_KEY_SMALL, _KEY_BIG = struct.Struct(">ihiIhhii"), struct.Struct(">ihiIhhqq")
_COUNT = struct.Struct(">i")
_BIG_FILE, _BIG = 1_000_000, 1000
"""Versions from which, and beyond which, positions have 64 bits."""

_FOLDERS = (b"TDirectory", b"TDirectoryFile")
_MOST_FOLDERS, _MOST_ENTRIES = 10_000, 1_000_000
_LONGEST_NAME = 1 << 16


class _Key(NamedTuple):
    """An entry of a folder: where its content begins."""

    kind: bytes
    content: int


class _Broken(Exception):
    """What is wrong, in words."""


def check_folders(path: Path, *, most_bytes: int) -> None:
    """Walk through all folders of a ROOT file.

    Parameters
    ----------
    most_bytes
        Of what describes the file's classes, unpacked.

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        For one that is no ROOT file, or whose folders are not what they may be.
    """
    try:
        with open(path, "rb") as stream:
            _Walk(stream, os.fstat(stream.fileno()).st_size, most_bytes).run()
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except _Broken as error:
        raise FileFormatError(f"{path}: no ROOT file that can be read: {error}.") from error


class _Walk:
    def __init__(self, stream: BinaryIO, size: int, most_bytes: int) -> None:
        self._stream, self._size, self._most_bytes = stream, size, most_bytes
        self._entries = 0

    def run(self) -> None:
        waiting, seen = [self._first()], set[int]()
        while waiting:
            position = waiting.pop()
            if position in seen or len(seen) >= _MOST_FOLDERS:
                raise _Broken("a folder is inside itself, or there are too many")
            seen.add(position)
            waiting += [key.content for key in self._folder(position) if key.kind in _FOLDERS]

    def _read(self, position: int, length: int) -> bytes:
        if not (0 <= position <= self._size and 0 <= length <= self._size):
            raise _Broken(f"position {position} is beyond its {self._size} bytes")
        self._stream.seek(position)
        return self._stream.read(length)

    def _fields(self, form: struct.Struct, content: bytes, at: int = 0) -> tuple[int, ...]:
        if not 0 <= at <= len(content) - form.size:
            raise _Broken("it ends too early")
        return form.unpack_from(content, at)

    def _first(self) -> int:
        """Where the outermost folder is."""
        content = self._read(0, min(_FILE_BIG.size, self._size))
        if content[:4] != b"root":
            raise _Broken("it does not begin as one")
        fields = self._fields(_FILE_SMALL, content)
        if fields[1] >= _BIG_FILE:
            fields = self._fields(_FILE_BIG, content)
        begin, name, classes = fields[2], fields[7], fields[10]
        if begin <= 0 or name <= 0:
            raise _Broken("it does not say where its contents begin")
        if classes:
            head = self._read(classes, min(_KEY_BIG.size, self._size))
            if self._fields(_KEY_SMALL, head)[2] > self._most_bytes:
                raise _Broken(f"its classes unpack to more than {self._most_bytes >> 20} MiB")
        return begin + name

    def _folder(self, position: int) -> Iterator[_Key]:
        content = self._read(position, min(_FOLDER_BIG.size, self._size))
        fields = self._fields(_FOLDER_SMALL, content)
        if fields[0] > _BIG:
            fields = self._fields(_FOLDER_BIG, content)
        length, start = fields[3], fields[7]
        if start == 0:
            return
        keys = self._read(start, min(length + 8, self._size))
        _, at = self._key(keys, 0)
        (count,) = self._fields(_COUNT, keys, at)
        at += _COUNT.size
        self._entries += max(count, 0)
        if count < 0 or self._entries > _MOST_ENTRIES:
            raise _Broken(f"a folder has {count} entries")
        for _ in range(count):
            key, at = self._key(keys, at)
            yield key

    def _key(self, content: bytes, at: int) -> tuple[_Key, int]:
        """An entry, and where the next one begins."""
        fields = self._fields(_KEY_SMALL, content, at)
        form = _KEY_BIG if fields[1] > _BIG else _KEY_SMALL
        fields = self._fields(form, content, at)
        at += form.size
        texts = []
        for _ in range(3):  # class, name, title
            text, at = self._text(content, at)
            texts.append(text)
        return _Key(texts[0], fields[6] + fields[4]), at

    def _text(self, content: bytes, at: int) -> tuple[bytes, int]:
        if not 0 <= at < len(content):
            raise _Broken("it ends in a name")
        length, at = content[at], at + 1
        if length == 255:
            (length,) = self._fields(_COUNT, content, at)
            at += _COUNT.size
        if not 0 <= length <= min(_LONGEST_NAME, len(content) - at):
            raise _Broken(f"a name has {length} characters")
        return content[at : at + length], at + length
